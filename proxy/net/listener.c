#include "proxy/net/listener.h"

#include "proxy/base/clock.h"
#include "proxy/base/memory.h"
#include "proxy/net/loop_priv.h"
#include "proxy/net/socket.h"
#include "proxy/net/timer.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

// Connections taken for each time the socket is ready: others on the loop want their turn too.
enum { ACCEPTS_A_TURN = 16 };
// Rest after descriptors or memory were used up: the socket stays ready, and asking on would spin.
#define REST_US (50 * CLOCK_MS)

struct listener {
    struct loop *loop;
    struct listener_settings settings;
    struct address address;
    int fd; // -1: closed, the rest goes at the end of the turn
    struct event ready;
    struct timer rest; // set while not accepting
    int reserve;       // a descriptor kept for refusing when there are no others; -1: lost for now
    bool owns_file;
    struct socket_file file; // of a Unix socket made here
    struct loop_task task;
};

// --- refusing -----------------------------------------------------------------------------------

static int reserve_open(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

// With the reserve given up for a moment there is one descriptor: for the client that waits
// longest, so that it hears why and does not hang. False where nobody waits or there is no reserve.
static bool refuse_one(struct listener *listener)
{
    struct address peer;
    struct slice words = listener->settings.refusal;
    if (listener->reserve < 0) {
        return false;
    }
    close(listener->reserve);
    int fd = socket_accept(listener->fd, &peer);
    if (fd >= 0) {
        metric_add(listener->loop->metrics, METRIC_CLIENTS_REFUSED, 1);
        (void)socket_send(fd, words.ptr, words.len);
        socket_end_sending(fd);
        socket_close(fd);
    }
    listener->reserve = reserve_open();
    return fd >= 0;
}

static void refuse_and_rest(struct listener *listener)
{
    for (int i = 0; i < ACCEPTS_A_TURN && refuse_one(listener); i++) {
    }
    loop_unwatch(listener->loop, &listener->ready);
    timer_set(&listener->rest, listener->loop, REST_US);
}

static void rested(struct timer *timer)
{
    struct listener *listener = container_of(timer, struct listener, rest);
    if (listener->reserve < 0) {
        listener->reserve = reserve_open();
    }
    loop_watch(listener->loop, &listener->ready);
}

// --- accepting ----------------------------------------------------------------------------------

static bool is_shortage(int code)
{
    return code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM;
}

// Other errors are those of a connection that broke while it waited (accept(2)).
static void ready(evutil_socket_t fd, short what, void *arg)
{
    struct listener *listener = arg;
    struct address peer;
    (void)fd;
    (void)what;
    for (int i = 0; i < ACCEPTS_A_TURN && listener->fd >= 0; i++) {
        int accepted = socket_accept(listener->fd, &peer);
        if (accepted >= 0) {
            listener->settings.on_accept(listener, accepted, &peer);
        } else if (is_shortage(-accepted)) {
            refuse_and_rest(listener);
            return;
        } else if (accepted == -EAGAIN) {
            return;
        }
    }
}

// --- life ---------------------------------------------------------------------------------------

static void listener_free(struct loop_task *task)
{
    mem_free(container_of(task, struct listener, task));
}

static struct listener *listener_start(struct loop *loop, int fd,
                                       const struct listener_settings *settings)
{
    struct listener *listener = mem_zero(1, sizeof(*listener));
    assert(settings->on_accept != NULL);
    listener->loop = loop;
    listener->settings = *settings;
    listener->fd = fd;
    listener->address = socket_local(fd);
    listener->reserve = reserve_open();
    timer_init(&listener->rest, rested);
    loop_task_init(&listener->task, listener_free);
    event_assign(&listener->ready, loop->base, fd, EV_READ | EV_PERSIST, ready, listener);
    loop_watch(loop, &listener->ready);
    return listener;
}

static bool listen_failed(const struct address *address, int code, struct error *error)
{
    char text[ADDRESS_TEXT_SIZE];
    char reason[128];
    return error_set(error, code, address_print(address, text), "cannot listen: %s",
                     strerror_r(code, reason, sizeof(reason)));
}

struct listener *listener_create(struct loop *loop, const struct address *address,
                                 const struct listener_settings *settings, struct error *error)
{
    struct socket_listen_options options = {settings->is_shared, settings->backlog};
    if (address->kind == ADDRESS_PATH) {
        socket_file_clear(address->path);
    }
    int fd = socket_listen(address, &options);
    if (fd < 0) {
        listen_failed(address, -fd, error);
        return NULL;
    }
    struct listener *listener = listener_start(loop, fd, settings);
    if (address->kind == ADDRESS_PATH) {
        listener->owns_file = socket_file_identify(address->path, &listener->file);
    }
    return listener;
}

struct listener *listener_adopt(struct loop *loop, int fd, const struct listener_settings *settings,
                                struct error *error)
{
    if (!socket_is_listening(fd)) {
        error_set(error, EINVAL, NULL, "descriptor %d is no listening socket", fd);
        return NULL;
    }
    return listener_start(loop, fd, settings);
}

void listener_close(struct listener *listener)
{
    if (listener == NULL || listener->fd < 0) {
        return;
    }
    if (!timer_is_set(&listener->rest)) {
        loop_unwatch(listener->loop, &listener->ready);
    }
    timer_release(&listener->rest);
    if (listener->owns_file) {
        socket_file_remove(listener->address.path, &listener->file);
    }
    socket_close(listener->fd);
    listener->fd = -1;
    if (listener->reserve >= 0) {
        close(listener->reserve);
    }
    loop_defer(listener->loop, &listener->task);
}

// --- asking -------------------------------------------------------------------------------------

void *listener_owner(const struct listener *listener)
{
    return listener->settings.owner;
}

unsigned listener_index(const struct listener *listener)
{
    return listener->settings.index;
}

const struct address *listener_address(const struct listener *listener)
{
    return &listener->address;
}

int listener_fd(const struct listener *listener)
{
    return listener->fd;
}
