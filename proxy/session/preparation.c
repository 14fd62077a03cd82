// COM_STMT_PREPARE: a statement is prepared on a server that could run it, so that the client hears
// what that server says of parameters and columns; or its answer is known from a while ago. The
// client gets an id of sluice's, and the session keeps no connection for it.
#include "proxy/session/session_priv.h"

#include "protocol/packet/statement_id.h"
#include "proxy/base/clock.h"
#include "proxy/base/memory.h"

enum {
    ANSWER_MOST = 64 * 1024,   // bytes of an answer that is kept
    ANSWER_FRESH_SECONDS = 10, // how long it is given again
    VERSION_NONE = UINT64_MAX,
};

// What a text is: read once, and anew where what it is read against has changed. The text has the
// latest, each run that goes by it a reference to its own.
struct reading {
    unsigned refs;
    struct statement statement;
    struct statement_entry *entry; // what the statement points into; NULL: the arena
    struct arena arena;
    struct sql_syntax syntax;
    uint64_t version; // of statement_cache_version()
    bool is_lasting;  // the answer to its preparation does not change with the tables
};

// --- what the text is ----------------------------------------------------------------------------

void preparation_reading_unref(struct reading **reading)
{
    struct reading *gone = *reading;
    *reading = NULL;
    if (gone != NULL && --gone->refs == 0) {
        statement_entry_unref(&gone->entry);
        arena_release(&gone->arena);
        mem_free(gone);
    }
}

void preparation_reading_free(void *reading)
{
    struct reading *gone = reading;
    preparation_reading_unref(&gone);
}

static struct reading *reading_create(const struct sql_syntax *syntax, bool is_lasting)
{
    struct reading *reading = mem_zero(1, sizeof(*reading));
    reading->refs = 1;
    reading->syntax = *syntax;
    reading->version = VERSION_NONE;
    reading->is_lasting = is_lasting;
    return reading;
}

static void reading_renew(struct session *session, struct prepared_text *text)
{
    struct worker *worker = session->worker;
    struct reading *before = text->reading;
    struct reading *reading = reading_create(&before->syntax, before->is_lasting);
    text->reading = reading;
    preparation_reading_unref(&before);
    struct statement_context context = {
        .syntax = reading->syntax,
        .schema = text->image->schema,
        .catalogue = worker->catalogue,
        .is_catalogue_old = learn_is_due(worker),
        .pure_functions = worker->config->routing.pure_functions,
        .pure_functions_count = worker->config->routing.pure_functions_count,
    };
    for (int i = 0; i < 2 && reading->entry == NULL && !context.is_catalogue_old; i++) {
        arena_reset(&reading->arena); // the first time may put it there
        reading->entry = statement_cache_read(worker->statements, &reading->statement,
                                              &reading->arena, text->text, &context);
    }
    if (reading->entry != NULL) {
        arena_release(&reading->arena);
        reading->arena = ARENA_INIT;
    }
    if (context.is_catalogue_old) { // for this time
        statement_parse(&reading->statement, &reading->arena, text->text, &context);
    } else {
        reading->version = statement_cache_version(worker->statements);
    }
    text->is_harmless = reading->statement.class == STATEMENT_CLASS_READ;
}

const struct statement *preparation_statement(struct session *session, struct prepared_text *text)
{
    struct run *run = session->run;
    struct reading *reading = text->reading;
    if (learn_is_due(session->worker) ||
        reading->version != statement_cache_version(session->worker->statements)) {
        reading_renew(session, text);
        reading = text->reading;
    }
    if (run->reading != reading) {
        preparation_reading_unref(&run->reading);
        run->reading = reading;
        reading->refs++;
    }
    return &reading->statement;
}

// Whether a * stands in it that may be all columns of a table: not that of COUNT(*).
static bool names_all_columns(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        bool is_counted =
            i > 0 && text.ptr[i - 1] == '(' && i + 1 < text.len && text.ptr[i + 1] == ')';
        if (text.ptr[i] == '*' && !is_counted) {
            return true;
        }
    }
    return false;
}

// How many columns and parameters it has stands in the text. What they are comes with each
// execution.
static bool is_lasting(const struct statement *statement, struct slice text)
{
    switch (statement->kind) {
    case STATEMENT_SELECT:
    case STATEMENT_INSERT:
    case STATEMENT_REPLACE:
    case STATEMENT_UPDATE:
    case STATEMENT_DELETE:
        return statement->count == 1 && !statement->is_explained && statement->effects == 0 &&
               statement->asks == 0 && !names_all_columns(text);
    default:
        return false;
    }
}

// User variables have types that differ from session to session, and a text is prepared for them;
// the session's id stands in the text.
static bool is_shared(const struct statement *statement)
{
    return statement->reason != ROUTE_REASON_USER_VARIABLE &&
           statement->reason != ROUTE_REASON_INTO_VARIABLE &&
           !statement_has(statement, EFFECT_USER_VARIABLE) &&
           !statement_asks(statement, ASK_USER_VARIABLE) &&
           !statement_asks(statement, ASK_CONNECTION_ID);
}

// Who may share it: whoever logs in as that account, else the session alone, by a number that is no
// address.
static uint64_t scope_of(const struct session *session, const struct statement *statement)
{
    return is_shared(statement) ? (uint64_t)(uintptr_t)session->account
                                : (uint64_t)session->id << 1 | 1;
}

static struct prepared_text *text_take(struct session *session, struct slice sql)
{
    const struct statement *statement = &session->run->statement;
    struct prepared_text *text = prepared_text_take(
        &session->worker->texts, scope_of(session, statement), session->image, sql);
    if (text->reading == NULL) {
        text->reading = reading_create(&session->syntax, is_lasting(statement, sql));
        text->is_harmless = statement->class == STATEMENT_CLASS_READ;
    }
    return text;
}

void preparation_swap(struct session *session, struct slice sql)
{
    struct prepared_text *text = text_take(session, sql);
    text->parameters = session->run->text->parameters; // none stands in what was replaced
    prepared_text_unref(&session->run->text);
    session->run->text = text;
}

// --- an answer that is known ---------------------------------------------------------------------

static uint64_t definitions_version(const struct session *session)
{
    return atomic_load(&session->worker->shared->definitions);
}

void preparation_note_definitions(struct session *session)
{
    switch (session->run->statement.kind) {
    case STATEMENT_CREATE:
    case STATEMENT_ALTER:
    case STATEMENT_DROP:
    case STATEMENT_RENAME:
    case STATEMENT_IMPORT:
    case STATEMENT_ACCOUNT:
    case STATEMENT_ADMINISTRATION:
    case STATEMENT_CALL:
    case STATEMENT_COMPOUND:
    case STATEMENT_EXECUTE:
    case STATEMENT_UNKNOWN:
        atomic_fetch_add(&session->worker->shared->definitions, 1);
        break;
    default:
        break;
    }
}

// A session that keeps a connection may have what others have not, such as a temporary table.
static bool is_known(const struct session *session, const struct prepared_text *text)
{
    const struct prepared_answer *answer = &text->answer;
    int64_t now_us = loop_now_us(session->worker->loop);
    return !buffer_is_empty(&answer->bytes) && session->pooled == NULL && session->lost_on < 0 &&
           answer->status == session->status && answer->version == definitions_version(session) &&
           now_us - answer->at_us < ANSWER_FRESH_SECONDS * CLOCK_SECOND;
}

static void known_answer(struct session *session)
{
    struct run *run = session->run;
    struct prepared_text *text = run->text;
    struct slice packets = arena_copy(&run->arena, buffer_slice(&text->answer.bytes));
    uint8_t *first = (uint8_t *)packets.ptr;
    struct prepared *prepared = prepared_add(&session->prepared, text);
    bool is_set =
        statement_id_set(first + FRAME_HEADER_SIZE, packets.len - FRAME_HEADER_SIZE, prepared->id);
    (void)is_set; // it was when the answer came
    last_prepared(session);
    answer_packets(session, packets);
}

// --- asking a server -----------------------------------------------------------------------------

// To prepare is to run nothing: it goes where the statement would run, and that is all of it.
static void statement_adjust(struct session *session)
{
    struct statement *statement = &session->run->statement;
    statement->kind = STATEMENT_PREPARE;
    statement->effects = 0;
    if (session->pooled != NULL) {
        statement->class = STATEMENT_CLASS_READ;
    } else if (statement->class != STATEMENT_CLASS_READ &&
               statement->class != STATEMENT_CLASS_WRITE) {
        statement->class = STATEMENT_CLASS_SERVER_READ;
    }
}

void preparation_begin(struct session *session, struct slice sql)
{
    struct run *run = session->run;
    prepared_add_failed(&session->prepared); // until it has not
    query_read(session, sql);
    run->text = text_take(session, run_text(run));
    if (!prepared_has_room(&session->prepared, run->text)) {
        answer_error(session, TOO_MANY_STATEMENTS, (unsigned)session->prepared.count);
        return;
    }
    if (is_known(session, run->text)) {
        known_answer(session);
        return;
    }
    struct reading *reading = run->text->reading;
    // What a temporary table or a role makes of it is for nobody else.
    run->is_capturing = reading->is_lasting && session->pooled == NULL;
    run->definitions = definitions_version(session);
    statement_adjust(session);
    query_go(session);
}

void preparation_answered(struct session *session, const struct prepare_ok *prepared,
                          struct slice payload)
{
    struct run *run = session->run;
    run->text->parameters = prepared->parameters;
    run->is_capturing &= prepared->warnings == 0;
    statements_add(conn_statements(pooled_conn(session->pooled)), run->text,
                   prepared->statement_id);
    bool is_set =
        statement_id_set((uint8_t *)payload.ptr, payload.len, prepared_next_id(&session->prepared));
    (void)is_set; // the packet was checked when it was held
}

void preparation_capture(struct session *session, const uint8_t *bytes, size_t len)
{
    struct run *run = session->run;
    if (len > ANSWER_MOST - buffer_len(&run->capture)) {
        run->is_capturing = false;
        return;
    }
    buffer_append(&run->capture, bytes, len);
}

void preparation_end(struct session *session, bool is_error)
{
    struct run *run = session->run;
    struct prepared_answer *answer = &run->text->answer;
    buffer_release(&answer->bytes);
    if (is_error) {
        prepared_add_failed(&session->prepared);
        statements_close(conn_statements(pooled_conn(session->pooled)), run->text);
        return;
    }
    prepared_add(&session->prepared, run->text);
    if (run->is_capturing) {
        *answer = (struct prepared_answer){
            .bytes = run->capture,
            .at_us = loop_now_us(session->worker->loop),
            .version = run->definitions,
            .status = session->status,
        };
        run->capture = BUFFER_INIT;
    }
}
