// A client that comes: the worker with the fewest sessions gets it, or it is told why it gets none.
#include "proxy/session/session_priv.h"

#include "proxy/base/memory.h"

// How many more sessions than another a worker may have before it gives clients away.
enum { LEAN = 2 };

// --- to the worker that gets it ------------------------------------------------------------------

struct newcomer {
    struct worker_question question;
    int fd;
    struct address peer;
    struct slice listen;
    struct limit_token token;
};

static void client_begin(struct worker *worker, int fd, const struct address *peer,
                         struct slice listen, struct limit_token token)
{
    struct session *session = session_create(worker, fd, peer, listen);
    session->client_token = token;
}

static void newcomer_arrived(struct worker_question *question)
{
    struct newcomer *newcomer = container_of(question, struct newcomer, question);
    client_begin(question->worker, newcomer->fd, &newcomer->peer, newcomer->listen,
                 newcomer->token);
    mem_free(newcomer);
}

// The worker with the fewest sessions; this one where it has hardly more.
static unsigned worker_choose(const struct worker *worker)
{
    struct worker_shared *shared = worker->shared;
    unsigned own = atomic_load(&shared->sessions[worker->index]);
    unsigned best = worker->index;
    unsigned fewest = own;
    for (unsigned i = 0; i < shared->count; i++) {
        unsigned sessions = atomic_load(&shared->sessions[i]);
        if (sessions < fewest) {
            fewest = sessions;
            best = i;
        }
    }
    return own > fewest + LEAN + fewest / 16 ? best : worker->index;
}

// --- turned away ---------------------------------------------------------------------------------

// A client that gets no session: told why, and closed. Nothing came from it yet, so what is sent
// arrives.
struct turned_away {
    struct stream stream;
    struct loop_task task;
};

static size_t turned_away_data(struct stream *stream, const uint8_t *bytes, size_t len)
{
    (void)stream;
    (void)bytes;
    return len;
}

static void turned_away_closed(struct stream *stream, enum stream_end end,
                               const struct error *error)
{
    (void)stream;
    (void)end;
    (void)error;
}

static const struct stream_handler turned_away_handler = {
    .on_data = turned_away_data,
    .on_closed = turned_away_closed,
    .high_water = 4096,
};

static void turned_away_free(struct loop_task *task)
{
    mem_free(container_of(task, struct turned_away, task));
}

static void turn_away(struct worker *worker, int fd, struct slice packet)
{
    struct turned_away *client = mem_zero(1, sizeof(*client));
    stream_init(&client->stream, worker->loop, &turned_away_handler, METRIC_SIDE_CLIENT);
    stream_adopt(&client->stream, fd);
    stream_send(&client->stream, packet.ptr, packet.len);
    stream_close(&client->stream);
    loop_task_init(&client->task, turned_away_free);
    loop_defer(worker->loop, &client->task);
}

static void client_refuse(struct worker *worker, int fd, const char *text, enum error_row row)
{
    struct buffer packet = BUFFER_INIT;
    struct writer writer = writer_make(&packet, 0);
    writer_packet_begin(&writer);
    error_row_write_text(&writer, true, row, slice_text(text));
    if (writer_packet_end(&writer)) {
        turn_away(worker, fd, buffer_slice(&packet));
    }
    buffer_release(&packet);
    metric_add(worker->metrics, METRIC_CLIENTS_REFUSED, 1);
}

// --- coming --------------------------------------------------------------------------------------

void worker_accept(struct worker *worker, int fd, const struct address *peer, struct slice listen)
{
    struct worker_shared *shared = worker->shared;
    struct limit_token token = LIMIT_TOKEN_NONE;
    char text[ERROR_ROW_TEXT_SIZE];
    if (worker->is_draining) {
        client_refuse(worker, fd, ERROR_FORMAT_SHUTDOWN, ERROR_ROW_SHUTDOWN);
        return;
    }
    if (!limit_take(worker->setup->clients, 0, &token)) {
        snprintf(text, sizeof(text), ERROR_FORMAT_TOO_MANY_CLIENTS,
                 worker->config->proxy.max_clients);
        client_refuse(worker, fd, text, ERROR_ROW_TOO_MANY_CLIENTS);
        return;
    }
    unsigned chosen = worker_choose(worker);
    atomic_fetch_add(&shared->sessions[chosen], 1);
    if (chosen == worker->index) {
        client_begin(worker, fd, peer, listen, token);
        return;
    }
    struct newcomer *newcomer = mem_zero(1, sizeof(*newcomer));
    newcomer->fd = fd;
    newcomer->peer = *peer;
    newcomer->listen = listen;
    newcomer->token = token;
    newcomer->question.ask = newcomer_arrived;
    worker_ask(shared->workers[chosen], &newcomer->question);
}

void worker_on_accept(struct listener *listener, int fd, const struct address *peer)
{
    struct worker *worker = listener_owner(listener);
    const struct conf_address *listens = worker->first_setup->config->proxy.listen;
    worker_accept(worker, fd, peer, listens[listener_index(listener)].text);
}
