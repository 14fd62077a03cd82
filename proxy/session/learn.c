// Waiting for the catalogue. Stored programs that have just changed may do something else than what
// is known of them: whoever runs one waits until they were read again, and so does whoever changed
// them, or a view, with the next statement on tables: it may set off a trigger that nobody knows
// yet. Where that takes too long, what the statement does counts as not known.
#include "proxy/session/session_priv.h"

#include "proxy/base/clock.h"

static const int64_t wait_most_us = 2 * CLOCK_SECOND;

static uint64_t changes_known(const struct worker *worker)
{
    return worker->catalogue != NULL ? catalogue_changes(worker->catalogue) : 0;
}

bool learn_is_due(const struct worker *worker)
{
    return changes_known(worker) < atomic_load(&worker->shared->catalogue_changes);
}

// After one wait in vain nobody waits for the same.
static bool is_hopeless(const struct worker *worker)
{
    return atomic_load(&worker->shared->catalogue_changes) <= worker->changes_given_up;
}

void learn_note_change(struct session *session)
{
    struct worker_shared *shared = session->worker->shared;
    session->catalogue_change = atomic_fetch_add(&shared->catalogue_changes, 1) + 1;
    shared->catalogue_changed(shared->context);
}

// What it does depends on what the catalogue says of the tables that it names.
static bool looks_into_catalogue(const struct statement *statement)
{
    switch (statement->kind) {
    case STATEMENT_SELECT:
    case STATEMENT_INSERT:
    case STATEMENT_REPLACE:
    case STATEMENT_UPDATE:
    case STATEMENT_DELETE:
    case STATEMENT_LOAD:
    case STATEMENT_DO:
    case STATEMENT_SET:
        return statement->tables_count > 0;
    case STATEMENT_EXECUTE:
        return true;
    default:
        return false;
    }
}

static bool is_wanted(const struct session *session)
{
    const struct run *run = session->run;
    bool is_own = session->catalogue_change > changes_known(session->worker) &&
                  looks_into_catalogue(&run->statement);
    bool is_kept_anyway = (session->pins & PIN_BIT(PIN_PROCEDURE)) != 0;
    return learn_is_due(session->worker) && !is_hopeless(session->worker) && !is_kept_anyway &&
           !run->has_learnt && run->command != COMMAND_STMT_PREPARE &&
           (is_own || statement_has(&run->statement, EFFECT_FUNCTION));
}

bool learn_begin(struct session *session)
{
    if (!is_wanted(session)) {
        return false;
    }
    session_enter(session, SESSION_LEARNING);
    list_push_back(&session->worker->learning, &session->holding);
    timer_set(&session->timer, session->worker->loop, wait_most_us);
    return true;
}

// By the catalogue of now, which may be an older one than it needs.
static void read_again(struct session *session)
{
    struct run *run = session->run;
    if (run->text != NULL) {
        execution_read(session);
    } else {
        query_read_text(session, run->sql);
    }
}

static void go_on(struct session *session)
{
    session->run->has_learnt = true;
    query_route(session);
}

void learn_wake(struct worker *worker)
{
    struct list woken;
    list_init(&woken);
    list_splice_back(&woken, &worker->learning);
    while (!list_is_empty(&woken)) {
        struct session *session = container_of(woken.next, struct session, holding);
        read_again(session);
        if (is_wanted(session)) { // there were more changes meanwhile
            list_remove(&session->holding);
            list_push_back(&worker->learning, &session->holding);
        } else {
            go_on(session);
        }
    }
}

void learn_timed_out(struct session *session)
{
    struct worker *worker = session->worker;
    worker->changes_given_up = atomic_load(&worker->shared->catalogue_changes);
    session->run->statement.effects |= EFFECT_BIT(EFFECT_FUNCTION);
    session->run->statement.runs_program = true;
    session->run->statement.may_turn = true;
    go_on(session);
}
