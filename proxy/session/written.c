// What the session wrote, so that its reads can be sent where that is: the ids that servers say
// with their OKs, and, where a write has none that is known, the time.
//
// A server says what was committed in the OK that tells of it. What it did not say counts as not
// written where it could have said so; else replicas answer only once they have all that the
// primary had then (its GTIDs are on), or after write_hold (they are off).
#include "proxy/session/session_priv.h"

void written_note(struct session *session, enum server_family family, struct slice gtids)
{
    struct worker *worker = session->worker;
    int64_t now_us = loop_now_exact_us(worker->loop);
    session->run->has_gtid = gtids.len > 0;
    if (!positions_note(&worker->positions, &session->position, family, gtids, now_us)) {
        position_note_unknown(&session->position, now_us);
    }
}

// --- without a word ------------------------------------------------------------------------------

// Errors of statements of which nothing ran.
static bool is_nothing_done(uint16_t code)
{
    static const uint16_t codes[] = {
        1044, 1045, 1142, 1143, 1227, 1370, // may not
        1046, 1049, 1054, 1064, 1146, 1305, // not understood
        1290, 1792, 1836,                   // read only
    };
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (codes[i] == code) {
            return true;
        }
    }
    return false;
}

// Whether the command can have committed something. `EXECUTE` runs whatever was prepared; other
// commands of prepared statements run nothing.
static bool may_commit(const struct run *run, bool was_in_transaction)
{
    const struct statement *statement = &run->statement;
    bool may_write =
        statement->class == STATEMENT_CLASS_WRITE || statement->kind == STATEMENT_EXECUTE;
    if (run->command != COMMAND_QUERY && !execution_is_meant(run)) {
        return false;
    }
    return may_write || (was_in_transaction && statement->kind != STATEMENT_ROLLBACK);
}

// A transaction is open behind it, and it may not be the one from before.
static bool begins_another(const struct run *run)
{
    const uint64_t ends = EFFECT_BIT(EFFECT_BEGIN) | EFFECT_BIT(EFFECT_END) |
                          EFFECT_BIT(EFFECT_IMPLICIT_COMMIT) | EFFECT_BIT(EFFECT_UNKNOWN) |
                          EFFECT_BIT(EFFECT_FUNCTION);
    return (run->statement.effects & ends) != 0 || run->statement.kind == STATEMENT_CALL;
}

// A server that has just been set up may have none yet, though they are on.
static bool has_gtids(const struct session *session, int server)
{
    return session->run->has_gtid ||
           !gtid_set_is_empty(&session->worker->topology->servers[server].gtid);
}

void written_end(struct session *session, bool is_error, bool was_in_transaction)
{
    const struct worker *worker = session->worker;
    const struct run *run = session->run;
    bool is_over = (session->status & STATUS_IN_TRANSACTION) == 0 || begins_another(run);
    bool is_committed = is_over && may_commit(run, was_in_transaction);
    bool has_committed = was_in_transaction && // before it failed
                         statement_has(&run->statement, EFFECT_IMPLICIT_COMMIT);
    bool is_nothing = is_error && run->statement.count <= 1 && is_nothing_done(run->reply.error) &&
                      !has_committed && !effects_may_have_run(session);
    if (!is_committed || is_nothing || conn_is_replica(pooled_conn(session->pooled))) {
        return;
    }
    int64_t hold_us = worker->config->routing.write_hold_us;
    bool is_deaf = !run->has_gtid && held_count(session->held, HELD_TRACKING) > 0;
    bool has_ids = has_gtids(session, pooled_server(session->pooled));
    if (!has_ids && hold_us > 0) {
        position_note_unknown(&session->position, loop_now_exact_us(worker->loop) + hold_us);
    } else if (has_ids && (is_error || is_deaf || !run->has_ok)) {
        position_note_unknown(&session->position, loop_now_exact_us(worker->loop));
    }
}

void written_lost(struct session *session)
{
    const struct worker *worker = session->worker;
    const struct statement *statement = &session->run->statement;
    bool is_read =
        statement->class == STATEMENT_CLASS_READ || statement->class == STATEMENT_CLASS_SERVER_READ;
    if (session->run->is_sent && !is_read && !conn_is_replica(pooled_conn(session->pooled))) {
        position_note_unknown(&session->position,
                              loop_now_us(worker->loop) + worker->config->routing.write_hold_us);
    }
}
