#include "proxy/net/resolver.h"

#include "proxy/base/clock.h"
#include "proxy/base/map.h"
#include "proxy/base/memory.h"
#include "proxy/net/loop_priv.h"
#include "proxy/net/socket.h"
#include "proxy/net/timer.h"

#include <ares.h>
#include <assert.h>
#include <event2/event.h>

#define DEFAULT_TIMEOUT_US  (2 * CLOCK_SECOND)
#define DEFAULT_LONGEST_US  (60 * CLOCK_SECOND)
#define DEFAULT_SHORTEST_US (5 * CLOCK_SECOND)
#define DEFAULT_FAILED_US   (1 * CLOCK_SECOND)
#define DEFAULT_LATE_US     (500 * CLOCK_MS)
enum { DEFAULT_TRIES = 3 };

// One name asked for, and what is known of it.
struct resolver_name {
    struct resolver *resolver;
    struct list waiting; // queries
    bool is_asked;       // c-ares is at it
    bool is_late;        // for so long that those who ask get the old answer
    struct timer late;
    int64_t expires_us; // the answer is good until then
    size_t count;
    struct address addresses[RESOLVER_ADDRESSES_MAX];
    struct error error; // of the last asking, where count is 0
    char host[];
};

// A socket of c-ares.
struct resolver_socket {
    struct list link;
    struct resolver *resolver;
    int fd;
    struct event event;
};

struct resolver {
    struct loop *loop;
    struct resolver_settings settings;
    ares_channel channel;
    struct map names;
    struct list answered; // queries whose done() comes at the end of the turn
    struct list sockets;
    struct timer timer; // c-ares' next time limit
    bool is_ending;
};

// --- answers to queries -------------------------------------------------------------------------

static void query_tell(struct loop_task *task)
{
    struct resolver_query *query = container_of(task, struct resolver_query, task);
    const struct resolver_name *name = query->name;
    struct address addresses[RESOLVER_ADDRESSES_MAX];
    list_remove(&query->link);
    for (size_t i = 0; i < name->count; i++) {
        addresses[i] = name->addresses[i];
        addresses[i].port = query->port;
    }
    query->done(query, addresses, name->count, &name->error);
}

static void query_answer(struct resolver_query *query)
{
    list_remove(&query->link);
    list_push_back(&query->resolver->answered, &query->link);
    loop_defer(query->resolver->loop, &query->task);
}

static void name_answer(struct resolver_name *name)
{
    list_each_safe (link, &name->waiting) {
        query_answer(list_entry(link, struct resolver_query, link));
    }
}

// --- what c-ares says ---------------------------------------------------------------------------

static int64_t clamped(int64_t value, int64_t least, int64_t most)
{
    return value < least ? least : value > most ? most : value;
}

static void addresses_take(struct resolver_name *name, const struct ares_addrinfo *info, int family)
{
    for (const struct ares_addrinfo_node *node = info->nodes; node != NULL; node = node->ai_next) {
        if (node->ai_family == family && name->count < RESOLVER_ADDRESSES_MAX) {
            name->addresses[name->count++] =
                address_from_sockaddr(node->ai_addr, (socklen_t)node->ai_addrlen);
        }
    }
}

// The shortest time that one of the addresses may be kept.
static int64_t keep_us(const struct ares_addrinfo *info)
{
    int64_t ttl = INT32_MAX;
    for (const struct ares_addrinfo_node *node = info->nodes; node != NULL; node = node->ai_next) {
        ttl = node->ai_ttl < ttl ? node->ai_ttl : ttl;
    }
    return ttl * CLOCK_SECOND;
}

static void answer_keep(struct resolver_name *name, const struct ares_addrinfo *info)
{
    const struct resolver_settings *settings = &name->resolver->settings;
    name->count = 0;
    addresses_take(name, info, AF_INET);
    addresses_take(name, info, AF_INET6);
    name->expires_us = loop_now_us(name->resolver->loop) +
                       clamped(keep_us(info), settings->shortest_us, settings->longest_us);
}

static bool is_denial(int status)
{
    return status == ARES_ENOTFOUND || status == ARES_ENODATA || status == ARES_ENONAME ||
           status == ARES_EBADNAME;
}

// That a name server is away does not make a known address wrong.
static void failure_keep(struct resolver_name *name, int status)
{
    if (is_denial(status)) {
        name->count = 0;
    }
    error_set(&name->error, status, name->host, "%s", ares_strerror(status));
    name->expires_us = loop_now_us(name->resolver->loop) + name->resolver->settings.failed_us;
}

static void resolved(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
    struct resolver_name *name = arg;
    (void)timeouts;
    name->is_asked = false;
    if (name->resolver->is_ending) {
        ares_freeaddrinfo(info);
        return;
    }
    name->is_late = false;
    timer_clear(&name->late);
    if (status == ARES_SUCCESS && info->nodes != NULL) {
        answer_keep(name, info);
    } else {
        failure_keep(name, status == ARES_SUCCESS ? ARES_ENODATA : status);
    }
    ares_freeaddrinfo(info);
    name_answer(name);
}

// --- c-ares on the loop -------------------------------------------------------------------------

static void timer_renew(struct resolver *resolver)
{
    struct timeval left;
    if (ares_timeout(resolver->channel, NULL, &left) != NULL) {
        timer_set(&resolver->timer, resolver->loop, left.tv_sec * CLOCK_SECOND + left.tv_usec);
    } else {
        timer_clear(&resolver->timer);
    }
}

static void timed_out(struct timer *timer)
{
    struct resolver *resolver = container_of(timer, struct resolver, timer);
    ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    timer_renew(resolver);
}

static void socket_ready(evutil_socket_t fd, short what, void *arg)
{
    struct resolver *resolver = arg;
    ares_process_fd(resolver->channel, (what & EV_READ) != 0 ? fd : ARES_SOCKET_BAD,
                    (what & EV_WRITE) != 0 ? fd : ARES_SOCKET_BAD);
    timer_renew(resolver);
}

static struct resolver_socket *socket_find(struct resolver *resolver, int fd)
{
    list_each (link, &resolver->sockets) {
        struct resolver_socket *found = list_entry(link, struct resolver_socket, link);
        if (found->fd == fd) {
            return found;
        }
    }
    return NULL;
}

static struct resolver_socket *socket_add(struct resolver *resolver, int fd)
{
    struct resolver_socket *added = mem_zero(1, sizeof(*added));
    added->resolver = resolver;
    added->fd = fd;
    list_push_back(&resolver->sockets, &added->link);
    return added;
}

// c-ares says what it wants to hear of a socket; nothing at all before it closes it.
static void socket_wanted(void *arg, ares_socket_t fd, int is_read, int is_written)
{
    struct resolver *resolver = arg;
    struct resolver_socket *known = socket_find(resolver, fd);
    if (known != NULL) {
        loop_unwatch(resolver->loop, &known->event);
    }
    if (!is_read && !is_written) {
        if (known != NULL) {
            list_remove(&known->link);
            mem_free(known);
        }
        return;
    }
    if (known == NULL) {
        known = socket_add(resolver, fd);
    }
    short what = (short)((is_read ? EV_READ : 0) | (is_written ? EV_WRITE : 0) | EV_PERSIST);
    event_assign(&known->event, resolver->loop->base, fd, what, socket_ready, resolver);
    loop_watch(resolver->loop, &known->event);
}

// --- life ---------------------------------------------------------------------------------------

static int64_t either(int64_t value, int64_t otherwise)
{
    return value != 0 ? value : otherwise;
}

static struct resolver_settings completed(const struct resolver_settings *settings)
{
    return (struct resolver_settings){
        .servers = settings->servers,
        .timeout_us = either(settings->timeout_us, DEFAULT_TIMEOUT_US),
        .tries = (unsigned)either(settings->tries, DEFAULT_TRIES),
        .longest_us = either(settings->longest_us, DEFAULT_LONGEST_US),
        .shortest_us = either(settings->shortest_us, DEFAULT_SHORTEST_US),
        .failed_us = either(settings->failed_us, DEFAULT_FAILED_US),
        .late_us = either(settings->late_us, DEFAULT_LATE_US),
    };
}

static bool channel_open(struct resolver *resolver, struct error *error)
{
    struct ares_options options = {
        .timeout = (int)(resolver->settings.timeout_us / CLOCK_MS),
        .tries = (int)resolver->settings.tries,
        .sock_state_cb = socket_wanted,
        .sock_state_cb_data = resolver,
    };
    int status = ares_init_options(&resolver->channel, &options,
                                   ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
    if (status != ARES_SUCCESS) {
        return error_set(error, status, "resolver", "%s", ares_strerror(status));
    }
    ares_set_socket_functions(resolver->channel, &socket_ares_functions, NULL);
    if (resolver->settings.servers != NULL) {
        status = ares_set_servers_ports_csv(resolver->channel, resolver->settings.servers);
    }
    if (status != ARES_SUCCESS) {
        ares_destroy(resolver->channel);
        return error_set(error, status, resolver->settings.servers, "%s", ares_strerror(status));
    }
    return true;
}

struct resolver *resolver_create(struct loop *loop, const struct resolver_settings *settings,
                                 struct error *error)
{
    struct resolver *resolver = mem_zero(1, sizeof(*resolver));
    resolver->loop = loop;
    resolver->settings = completed(settings);
    list_init(&resolver->answered);
    list_init(&resolver->sockets);
    timer_init(&resolver->timer, timed_out);
    if (!channel_open(resolver, error)) {
        mem_free(resolver);
        return NULL;
    }
    resolver->settings.servers = NULL; // was borrowed
    return resolver;
}

static void queries_drop(struct list *queries)
{
    list_each_safe (link, queries) {
        resolver_cancel(list_entry(link, struct resolver_query, link));
    }
}

void resolver_destroy(struct resolver *resolver)
{
    if (resolver == NULL) {
        return;
    }
    resolver->is_ending = true;
    ares_destroy(resolver->channel);
    assert(list_is_empty(&resolver->sockets));
    queries_drop(&resolver->answered);
    map_each (slot, &resolver->names) {
        struct resolver_name *name = slot->value;
        queries_drop(&name->waiting);
        timer_release(&name->late);
        mem_free(name);
    }
    map_release(&resolver->names);
    timer_release(&resolver->timer);
    mem_free(resolver);
}

// --- asking -------------------------------------------------------------------------------------

// c-ares may take longer over name servers that are silent than an opening has time.
static void name_late(struct timer *timer)
{
    struct resolver_name *name = container_of(timer, struct resolver_name, late);
    name->is_late = true;
    name_answer(name);
}

// A literal is known from the start and for ever; so is that a name can be none.
static struct resolver_name *name_add(struct resolver *resolver, struct slice host)
{
    struct resolver_name *name = mem_zero(1, sizeof(*name) + host.len + 1);
    name->resolver = resolver;
    list_init(&name->waiting);
    timer_init(&name->late, name_late);
    slice_to_text(host, name->host, host.len + 1);
    if (address_from_ip(&name->addresses[0], host, 0)) {
        name->count = 1;
        name->expires_us = INT64_MAX;
    }
    map_put(&resolver->names, host, name);
    return name;
}

static bool is_host(struct slice host)
{
    return host.len > 0 && host.len < RESOLVER_HOST_SIZE &&
           memchr(host.ptr, '\0', host.len) == NULL;
}

// The name's entry; one for all hosts that can be none, so that nothing grows by them.
static struct resolver_name *name_find(struct resolver *resolver, struct slice host)
{
    struct slice key = is_host(host) ? host : S("");
    struct resolver_name *name = map_get(&resolver->names, key);
    return name != NULL ? name : name_add(resolver, key);
}

static void name_ask(struct resolver_name *name)
{
    static const struct ares_addrinfo_hints hints = {
        .ai_flags = ARES_AI_NOSORT | ARES_AI_ENVHOSTS,
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
    };
    name->is_asked = true;
    if (name->count > 0) {
        timer_set(&name->late, name->resolver->loop, name->resolver->settings.late_us);
    }
    ares_getaddrinfo(name->resolver->channel, name->host, NULL, &hints, resolved, name);
    timer_renew(name->resolver);
}

void resolver_query_init(struct resolver_query *query, resolver_fn *done)
{
    memset(query, 0, sizeof(*query));
    list_init(&query->link);
    query->done = done;
    loop_task_init(&query->task, query_tell);
}

void resolver_ask(struct resolver *resolver, struct resolver_query *query, struct slice host,
                  uint16_t port)
{
    assert(!list_is_linked(&query->link));
    struct resolver_name *name = name_find(resolver, host);
    query->resolver = resolver;
    query->name = name;
    query->port = port;
    list_push_back(&name->waiting, &query->link);
    if (name->host[0] == '\0') {
        error_set(&name->error, ARES_EBADNAME, NULL, "this is no host's name");
        query_answer(query);
    } else if (name->expires_us > loop_now_us(resolver->loop) || name->is_late) {
        query_answer(query);
    } else if (!name->is_asked) {
        name_ask(name);
    }
}

void resolver_cancel(struct resolver_query *query)
{
    list_remove(&query->link);
    loop_task_cancel(&query->task);
}
