#include "proxy/admin/http.h"

#include "protocol/login/digest.h"
#include "protocol/login/scramble.h"
#include "proxy/admin/exchange.h"
#include "proxy/admin/http_request.h"
#include "proxy/admin/request.h"
#include "proxy/base/memory.h"
#include "proxy/net/listener.h"
#include "proxy/net/stream.h"
#include "proxy/net/timer.h"

#include <assert.h>

enum { LISTENERS_MAX = 64 };

#define REQUEST_US (10 * CLOCK_SECOND) // for a request to come and its answer to go

struct http {
    const struct desk *desk;
    size_t listener_count;
    struct listener *listeners[LISTENERS_MAX];
    struct list clients;
    unsigned client_count;
    unsigned view_count; // exchanges that are out
};

enum http_state {
    HTTP_READING, // its request comes in
    HTTP_WORKING, // the answer is being made: a gathering or an exchange is out
    HTTP_SENDING, // the kernel has not taken all of the answer yet
    HTTP_CLOSING, // the answer is on its way
    HTTP_GONE,    // the socket is closed, the memory goes at the end of the turn
};

struct http_client {
    struct stream stream;
    struct http *http;
    struct list link;
    enum http_state state;
    struct timer timer;
    struct loop_task task; // frees it
    struct address peer;
    bool is_head; // no body is wanted
    struct gathering *gathering;
    struct exchange *exchange;
};

// --- states and life ----------------------------------------------------------------------------

static void http_enter(struct http_client *client, enum http_state state)
{
    assert(client->state < state); // always on, never back
    client->state = state;
}

static void client_free(struct loop_task *task)
{
    mem_free(container_of(task, struct http_client, task));
}

static void client_close(struct http_client *client)
{
    if (client->state == HTTP_GONE) {
        return;
    }
    http_enter(client, HTTP_GONE);
    gathering_abandon(&client->gathering);
    client->http->view_count -= client->exchange != NULL;
    exchange_abandon(&client->exchange);
    timer_release(&client->timer);
    stream_close(&client->stream);
    list_remove(&client->link);
    client->http->client_count--;
    loop_defer(client->http->desk->loop, &client->task);
}

static void client_timed_out(struct timer *timer)
{
    client_close(container_of(timer, struct http_client, timer));
}

// --- answers ------------------------------------------------------------------------------------

enum http_status {
    HTTP_OK = 200,
    HTTP_MALFORMED = 400,
    HTTP_UNAUTHORIZED = 401,
    HTTP_FORBIDDEN = 403,
    HTTP_NOT_FOUND = 404,
    HTTP_METHOD = 405,
    HTTP_FAILED = 500,
    HTTP_UNAVAILABLE = 503,
};

static const char *status_text(enum http_status status)
{
    switch (status) {
    case HTTP_OK:
        return "OK";
    case HTTP_MALFORMED:
        return "Bad Request";
    case HTTP_UNAUTHORIZED:
        return "Unauthorized\r\nWWW-Authenticate: Basic realm=\"sluice\", charset=\"UTF-8\"";
    case HTTP_FORBIDDEN:
        return "Forbidden";
    case HTTP_NOT_FOUND:
        return "Not Found";
    case HTTP_METHOD:
        return "Method Not Allowed\r\nAllow: GET, HEAD";
    case HTTP_FAILED:
        return "Internal Server Error";
    case HTTP_UNAVAILABLE:
    default:
        return "Service Unavailable";
    }
}

static void answer_end(struct http_client *client)
{
    http_enter(client, HTTP_CLOSING);
    stream_finish(&client->stream);
}

static void answer(struct http_client *client, enum http_status status, const char *type,
                   struct slice body)
{
    struct buffer head = BUFFER_INIT;
    buffer_print(&head,
                 "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                 "Connection: close\r\nCache-Control: no-store\r\n"
                 "X-Content-Type-Options: nosniff\r\n\r\n",
                 (int)status, status_text(status), type, body.len);
    stream_send2(&client->stream, buffer_slice(&head), client->is_head ? SLICE_NONE : body);
    buffer_release(&head);
    http_enter(client, HTTP_SENDING);
    if (!stream_is_congested(&client->stream)) {
        answer_end(client);
    }
}

static void answer_text(struct http_client *client, enum http_status status, struct slice body)
{
    answer(client, status, "text/plain; charset=utf-8", body);
}

// --- /metrics -----------------------------------------------------------------------------------

static void metrics_came(void *owner, struct control_gather *gather)
{
    struct http_client *client = owner;
    struct buffer text = BUFFER_INIT;
    client->gathering = NULL;
    if (gather == NULL) {
        answer_text(client, HTTP_UNAVAILABLE, S("a thread of sluice did not answer in time\n"));
        return;
    }
    metrics_print(gather->metrics, gather->labels, &text);
    answer(client, HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", buffer_slice(&text));
    buffer_release(&text);
}

static void page_METRICS(struct http_client *client, struct slice path)
{
    (void)path;
    http_enter(client, HTTP_WORKING);
    client->gathering = gathering_start(client->http->desk, 0, true, metrics_came, client);
}

// --- /healthz -----------------------------------------------------------------------------------

static void health_came(void *owner, struct control_gather *gather)
{
    struct http_client *client = owner;
    client->gathering = NULL;
    if (gather != NULL) {
        answer_text(client, HTTP_OK, S("ok\n"));
    } else {
        answer_text(client, HTTP_UNAVAILABLE, S("a thread of sluice did not answer in time\n"));
    }
}

static void page_HEALTH(struct http_client *client, struct slice path)
{
    (void)path;
    http_enter(client, HTTP_WORKING);
    client->gathering = gathering_start(client->http->desk, 0, false, health_came, client);
}

// --- /readyz ------------------------------------------------------------------------------------

static bool has_server(const struct topology *topology)
{
    for (int i = 0; topology != NULL && i < topology->count; i++) {
        if (server_state_takes_reads(topology->servers[i].state)) {
            return true;
        }
    }
    return topology != NULL && topology->primary >= 0;
}

// What stands in the way of clients, a line each.
static void missing_print(const struct control_state *state, struct buffer *out)
{
    const struct {
        bool is_missing;
        const char *line;
    } checks[] = {
        {!state->is_listening && !state->is_draining, "not listening for clients yet"},
        {state->is_draining, "shutting down"},
        {state->is_paused, "statements are held by PAUSE"},
        {state->topology == NULL || !state->topology->is_settled,
         "not every server was looked at yet"},
        {!has_server(state->topology), "no server can take a statement"},
    };
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        if (checks[i].is_missing) {
            buffer_print(out, "%s\n", checks[i].line);
        }
    }
}

static void page_READY(struct http_client *client, struct slice path)
{
    const struct control *control = client->http->desk->control;
    struct control_state state;
    struct buffer text = BUFFER_INIT;
    (void)path;
    control->state(control->context, &state);
    missing_print(&state, &text);
    enum http_status status = buffer_is_empty(&text) ? HTTP_OK : HTTP_UNAVAILABLE;
    if (status == HTTP_OK) {
        buffer_append_slice(&text, S("ready\n"));
    }
    if (state.topology != NULL && state.topology->primary < 0) {
        buffer_print(&text, "writes wait: no primary (%.*s)\n",
                     SLICE_ARG(state.topology->no_primary));
    }
    answer_text(client, status, buffer_slice(&text));
    buffer_release(&text);
}

// --- /api/ --------------------------------------------------------------------------------------

static void view_came(void *owner, const struct exchange_answer *got)
{
    struct http_client *client = owner;
    struct buffer text = BUFFER_INIT;
    client->exchange = NULL;
    client->http->view_count--;
    if (got->error.code != 0) {
        buffer_print(&text, "%s\n", got->error.text);
        answer_text(client, HTTP_FAILED, buffer_slice(&text));
    } else {
        table_json(&got->table, &text);
        answer(client, HTTP_OK, "application/json", buffer_slice(&text));
    }
    buffer_release(&text);
}

static void views_list(struct http_client *client)
{
    struct buffer text = BUFFER_INIT;
    buffer_append_slice(&text, S("there is no such view; there are\n"));
    for (enum view view = 0; view < VIEW_COUNT; view++) {
        const struct view_info *info = view_info(view);
        if (info->schema == VIEW_SCHEMA_SLUICE && info->source != VIEW_LATER) {
            buffer_print(&text, "/api/%-16.*s %.*s\n", SLICE_ARG(info->name),
                         SLICE_ARG(info->sentence));
        }
    }
    answer_text(client, HTTP_NOT_FOUND, buffer_slice(&text));
    buffer_release(&text);
}

static void page_API(struct http_client *client, struct slice path)
{
    const struct asker asker = {.user = S("http"), .right = ADMIN_LOOK};
    enum view view = view_find(path);
    if (view == VIEW_COUNT || view_info(view)->source == VIEW_LATER) {
        views_list(client);
        return;
    }
    if (client->http->view_count == HTTP_VIEWS_MAX) {
        answer_text(client, HTTP_UNAVAILABLE, S("several views are being made; try again\n"));
        return;
    }
    struct arena arena = ARENA_INIT;
    client->http->view_count++;
    http_enter(client, HTTP_WORKING);
    client->exchange = exchange_start(
        client->http->desk,
        arena_print(&arena, "SELECT * FROM sluice.`%.*s`", SLICE_ARG(view_info(view)->name)), NULL,
        &asker, view_came, client);
    arena_release(&arena);
}

// --- who may see it -----------------------------------------------------------------------------

// Names in the Host header other than this machine's own could be a web page's, whose name server
// has sent the browser of somebody on this machine here.
static bool is_own_name(struct slice host)
{
    struct address address;
    return host.len == 0 || slice_equal_nocase(host, S("localhost")) ||
           address_from_ip(&address, host, 0);
}

static bool is_at_home(const struct http_client *client, const struct http_request *request)
{
    return (address_is_local(&client->peer) || client->peer.kind == ADDRESS_NONE) &&
           is_own_name(request->host);
}

// In a time that does not tell where they differ.
static bool is_same(struct slice a, struct slice b)
{
    uint8_t of_a[SHA256_SIZE], of_b[SHA256_SIZE];
    digest_sha256(a, of_a);
    digest_sha256(b, of_b);
    return scramble_equal(of_a, of_b, SHA256_SIZE);
}

static bool has_account(const struct http_client *client, const struct http_request *request)
{
    const struct control *control = client->http->desk->control;
    struct control_state state;
    char room[HTTP_HEAD_MAX];
    struct slice user, password;
    if (!http_request_account(request, room, &user, &password)) {
        return false;
    }
    control->state(control->context, &state);
    const struct conf_admin *conf = &state.config->admin;
    bool is_admin =
        conf->password.len > 0 && is_same(user, conf->user) && is_same(password, conf->password);
    bool is_stats = conf->stats_user.len > 0 && conf->stats_password.len > 0 &&
                    is_same(user, conf->stats_user) && is_same(password, conf->stats_password);
    mem_wipe(room, sizeof(room));
    return is_admin || is_stats;
}

// --- serving ------------------------------------------------------------------------------------

enum page_reach { PAGE_FREE, PAGE_GUARDED };

static const struct page {
    struct slice path;
    enum page_reach reach;
    struct slice sentence;
    void (*serve)(struct http_client *client, struct slice below);
} pages[] = {
#define PAGE(id, path, reach, sentence)                                                            \
    {SLICE_INIT(path), PAGE_##reach, SLICE_INIT(sentence), page_##id},
#include "proxy/admin/pages.def"
#undef PAGE
};
enum { PAGE_COUNT = sizeof(pages) / sizeof(pages[0]) };

static const struct page *page_find(struct slice path)
{
    for (size_t i = 0; i < PAGE_COUNT; i++) {
        struct slice at = pages[i].path;
        bool has_below = at.ptr[at.len - 1] == '/';
        if (slice_equal(slice_first(path, at.len), at) && (has_below || path.len == at.len)) {
            return &pages[i];
        }
    }
    return NULL;
}

static void pages_list(struct http_client *client)
{
    struct buffer text = BUFFER_INIT;
    buffer_append_slice(&text, S("there is nothing here; there are\n"));
    for (size_t i = 0; i < PAGE_COUNT; i++) {
        buffer_print(&text, "%-10.*s %.*s\n", SLICE_ARG(pages[i].path),
                     SLICE_ARG(pages[i].sentence));
    }
    answer_text(client, HTTP_NOT_FOUND, buffer_slice(&text));
    buffer_release(&text);
}

static void serve(struct http_client *client, const struct http_request *request)
{
    const struct page *page = page_find(request->path);
    client->is_head = slice_equal(request->method, S("HEAD"));
    if (!client->is_head && !slice_equal(request->method, S("GET"))) {
        answer_text(client, HTTP_METHOD, S("only GET and HEAD are answered here\n"));
    } else if (request->has_body) {
        answer_text(client, HTTP_MALFORMED, S("a request has no body here\n"));
    } else if (page == NULL) {
        pages_list(client);
    } else if (page->reach == PAGE_GUARDED && !is_at_home(client, request) &&
               !has_account(client, request)) {
        answer_text(client, HTTP_UNAUTHORIZED,
                    S("from elsewhere than this machine, with an account of [admin] only\n"));
    } else {
        page->serve(client, slice_from(request->path, page->path.len));
    }
}

// One request to a connection. It is kept until the answer has gone out, since a stream that is
// paused looks for the peer's end behind what was kept: a client that has shut its own sending side
// (nc -N) waits for the answer all the same.
static size_t on_data(struct stream *stream, const uint8_t *bytes, size_t len)
{
    struct http_client *client = container_of(stream, struct http_client, stream);
    struct http_request request;
    switch (http_request_read(&request, slice_make(bytes, len))) {
    case HTTP_MORE:
        return 0;
    case HTTP_WHOLE:
        serve(client, &request);
        break;
    case HTTP_BAD:
    default:
        answer_text(client, HTTP_MALFORMED, S("this is no request of HTTP/1.1\n"));
        break;
    }
    stream_pause(stream);
    return 0;
}

// All of the answer is out.
static void on_writable(struct stream *stream)
{
    answer_end(container_of(stream, struct http_client, stream));
}

static void on_closed(struct stream *stream, enum stream_end end, const struct error *error)
{
    (void)end;
    (void)error;
    client_close(container_of(stream, struct http_client, stream));
}

static const struct stream_handler handler = {
    .on_data = on_data,
    .on_writable = on_writable,
    .on_closed = on_closed,
    .high_water = 0, // both 0: an answer is waited for to its last byte
    .low_water = 0,
};

static void on_accept(struct listener *listener, int fd, const struct address *peer)
{
    struct http *http = listener_owner(listener);
    struct http_client *client = mem_zero(1, sizeof(*client));
    client->http = http;
    client->peer = *peer;
    list_push_back(&http->clients, &client->link);
    http->client_count++;
    loop_task_init(&client->task, client_free);
    timer_init(&client->timer, client_timed_out);
    timer_set(&client->timer, http->desk->loop, REQUEST_US);
    stream_init(&client->stream, http->desk->loop, &handler, METRIC_SIDE_ADMIN);
    stream_adopt(&client->stream, fd);
    if (http->client_count > HTTP_CLIENTS_MAX) {
        client_close(client);
    }
}

// --- the port -----------------------------------------------------------------------------------

struct http *http_create(const struct desk *desk)
{
    struct http *http = mem_zero(1, sizeof(*http));
    http->desk = desk;
    list_init(&http->clients);
    return http;
}

bool http_listen(struct http *http, const struct address *address, struct error *error)
{
    const struct listener_settings settings = {.on_accept = on_accept, .owner = http};
    if (http->listener_count == LISTENERS_MAX) {
        return error_set(error, 1, NULL, "more than %d addresses to listen on", LISTENERS_MAX);
    }
    struct listener *listener = listener_create(http->desk->loop, address, &settings, error);
    if (listener == NULL) {
        return false;
    }
    http->listeners[http->listener_count++] = listener;
    return true;
}

void http_stop_listening(struct http *http)
{
    while (http->listener_count > 0) {
        listener_close(http->listeners[--http->listener_count]);
    }
}

void http_destroy(struct http *http)
{
    http_stop_listening(http);
    list_each_safe (link, &http->clients) {
        client_close(list_entry(link, struct http_client, link));
    }
    mem_free(http);
}

size_t http_address_count(const struct http *http)
{
    return http->listener_count;
}

const struct address *http_address(const struct http *http, size_t index)
{
    return listener_address(http->listeners[index]);
}
