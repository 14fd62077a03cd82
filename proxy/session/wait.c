// A read must see what its session wrote, and the replica that is to answer it may not have that
// yet: the replica is asked to say when it has, consistency_wait at most.
//
//     sluice                    replica
//       |-- wait, statement --->|            in one piece, where the statement may run in vain
//       |<-- 0 -----------------|            it has it: the next answer is the client's
//       |<-- answer ------------|
//
// Where it says that it has not, the primary is asked. A statement that went out behind the wait
// runs all the same: its answer is read to its end and thrown away, by a drain, so that the
// connection can be used again.
#include "proxy/session/session_priv.h"

#include "proxy/base/clock.h"
#include "proxy/base/memory.h"

// A server that has not answered by so much later than it was told to is not waited for; looked at
// so often.
static const int64_t grace_us = 100 * CLOCK_MS;
static const int64_t look_us = 50 * CLOCK_MS;

// --- an answer that nobody wants -----------------------------------------------------------------

enum { DRAIN_BYTES_MOST = 1024 * 1024 };
static const int64_t drain_most_us = CLOCK_SECOND;

struct drain {
    struct list link; // in worker->drains
    struct worker *worker;
    struct pooled *pooled;
    struct reply reply;
    struct timer timer;
};

static void drain_free(struct drain *drain)
{
    list_remove(&drain->link);
    timer_release(&drain->timer);
    mem_free(drain);
}

static void drain_end(struct drain *drain, enum pool_fate fate)
{
    struct pooled *pooled = drain->pooled;
    if (fate == POOL_KEEP) {
        conn_settle(pooled_conn(pooled));
    }
    drain_free(drain);
    pool_give(pooled, fate);
}

// More than is worth reading: the statement is ended, and the connection.
static void drain_cut(struct drain *drain)
{
    kill_pooled(drain->worker, drain->pooled);
    drain_end(drain, POOL_CLOSE);
}

static void drain_timed_out(struct timer *timer)
{
    drain_cut(container_of(timer, struct drain, timer));
}

static size_t drain_answer(struct conn *conn, const uint8_t *bytes, size_t len)
{
    struct drain *drain = conn_holder(conn);
    struct reply_step step;
    size_t used = 0;
    do {
        reply_feed(&drain->reply, (uint8_t *)bytes + used, len - used, &step);
        used += step.forward + step.held;
    } while (step.event == REPLY_HELD);
    if (step.event == REPLY_END) {
        drain_end(drain, used == len ? POOL_KEEP : POOL_CLOSE);
    } else if (step.event != REPLY_MORE) {
        drain_end(drain, POOL_CLOSE);
    } else if (drain->reply.bytes > DRAIN_BYTES_MOST) {
        drain_cut(drain);
    }
    return used;
}

static void drain_closed(struct conn *conn, const struct conn_loss *loss)
{
    struct drain *drain = conn_holder(conn);
    struct worker *worker = drain->worker;
    worker->shared->report(worker->shared->context, pooled_server(drain->pooled), loss);
    pool_lost(drain->pooled, loss->end);
    drain_free(drain);
}

static const struct conn_handler drain_handler = {
    .on_answer = drain_answer,
    .on_closed = drain_closed,
};

// Takes the connection over, on which the answer to the session's command is next.
static void drain_begin(struct session *session)
{
    struct worker *worker = session->worker;
    struct conn *conn = pooled_conn(session->pooled);
    struct drain *drain = mem_zero(1, sizeof(*drain));
    drain->worker = worker;
    drain->pooled = session->pooled;
    last_cover(session, false);
    if (session->ties.of[POOL_TIE_CONDITIONS].pooled == session->pooled) {
        pool_tie_cut(&session->ties.of[POOL_TIE_CONDITIONS]); // the statement clears them
    }
    session->pooled = NULL;
    relay_expect(session->run, conn, &drain->reply);
    list_push_back(&worker->drains, &drain->link);
    timer_init(&drain->timer, drain_timed_out);
    timer_set(&drain->timer, worker->loop, drain_most_us);
    conn_hold(conn, &drain_handler, drain);
    conn_relay(conn);
}

// --- waiting -------------------------------------------------------------------------------------

// Whether it costs nothing to run it in vain.
static bool may_go_ahead(const struct session *session)
{
    return session->run->command == COMMAND_QUERY &&
           session->run->statement.class == STATEMENT_CLASS_READ &&
           !session_autocommit_is_off(session) && // it would begin a transaction
           !attach_wants_insert_id(session);
}

static void wait_note(struct session *session)
{
    session->run->wait_us += loop_now_us(session->worker->loop) - session->since_us;
    session->run->route.wait_us = 0;
    list_remove(&session->holding);
}

static void waited_well(struct session *session)
{
    positions_reached(&session->worker->positions, &session->run->waited,
                      pooled_server(session->pooled));
    session->run->is_ahead ? attach_sent(session) : attach_go(session);
}

// The primary takes it.
static void waited_in_vain(struct session *session)
{
    struct worker *worker = session->worker;
    int server = pooled_server(session->pooled);
    positions_missed(&worker->positions, server, loop_now_us(worker->loop));
    metric_add(worker->metrics, METRIC_CONSISTENCY_TIMEOUTS, 1, metric_backend(server));
    session->run->has_waited = true;
    if (conn_state(pooled_conn(session->pooled)) == CONN_READY && session->run->is_ahead) {
        drain_begin(session);
    } else {
        query_let_go(session);
    }
    session->run->is_ahead = false;
    query_route(session);
}

static void waited(struct conn *conn, const struct conn_result *result, void *context)
{
    struct session *session = context;
    bool has_cell = result->code == 0 && result->row_count == 1 && result->column_count == 1;
    (void)conn;
    wait_note(session);
    if (has_cell && slice_equal(result->rows[0].cells[0], S("0"))) {
        waited_well(session);
    } else {
        waited_in_vain(session);
    }
}

void wait_begin(struct session *session)
{
    struct worker *worker = session->worker;
    struct waits *waits = &worker->waits;
    struct run *run = session->run;
    struct buffer sql = BUFFER_INIT;
    int server = pooled_server(session->pooled);

    if (!positions_wait_write(&worker->positions, &session->position, server, run->route.wait_us,
                              &run->waited, &sql)) {
        run->route.wait_us = 0; // it was seen to have it while a connection was got
        attach_go(session);
        return;
    }
    run->is_ahead = may_go_ahead(session);
    last_cover(session, false);
    metric_add(worker->metrics, METRIC_CONSISTENCY_WAITS, 1, metric_backend(server));
    session_enter(session, SESSION_CATCHING);
    if (list_is_empty(&waits->sessions)) {
        timer_set(&waits->timer, worker->loop, look_us);
    }
    list_push_back(&waits->sessions, &session->holding);
    conn_query_ahead(pooled_conn(session->pooled), buffer_slice(&sql),
                     run->is_ahead ? run_packet(run) : SLICE_NONE, waited, session);
    buffer_release(&sql);
}

// --- servers that do not answer ------------------------------------------------------------------

static bool is_overdue(const struct session *session)
{
    int64_t waited_us = loop_now_us(session->worker->loop) - session->since_us;
    return waited_us >= session->run->route.wait_us + grace_us;
}

// All wait for the same time, but for those that waited when it was changed.
static void waits_look(struct timer *timer)
{
    struct waits *waits = container_of(timer, struct waits, timer);
    struct worker *worker = container_of(waits, struct worker, waits);
    while (!list_is_empty(&waits->sessions)) {
        struct session *session = container_of(waits->sessions.next, struct session, holding);
        if (!is_overdue(session)) {
            timer_set(&waits->timer, worker->loop, look_us);
            return;
        }
        wait_note(session);
        waited_in_vain(session);
    }
}

void waits_init(struct waits *waits)
{
    list_init(&waits->sessions);
    timer_init(&waits->timer, waits_look);
}

void waits_release(struct worker *worker)
{
    list_each_safe (link, &worker->drains) {
        drain_end(container_of(link, struct drain, link), POOL_CLOSE);
    }
    timer_release(&worker->waits.timer);
}
