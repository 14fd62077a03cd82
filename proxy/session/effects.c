// What a statement did to the session: to its image, by what the server reported and by what the
// text says; and to what keeps it on its connection.
#include "proxy/session/session_priv.h"

#include "proxy/base/memory.h"

// --- pins ----------------------------------------------------------------------------------------

void effects_pin(struct session *session, enum pin_reason pin)
{
    if ((session->pins & PIN_BIT(pin)) == 0) {
        session->pins |= PIN_BIT(pin);
        metric_add(session->worker->metrics, METRIC_PINS, 1, pin);
        log_debug(&session->source, "session.pinned", kv_slice("reason", pin_reason_name(pin)));
    }
}

void effects_unpin(struct session *session, enum pin_reason pin)
{
    session->pins &= ~PIN_BIT(pin);
}

enum pin_reason effects_shown_pin(const struct session *session)
{
    return session->pins != 0 ? (enum pin_reason)__builtin_ctz(session->pins) : PIN_NONE;
}

enum pin_reason effects_keeping(const struct session *session)
{
    if (session->pins != 0 || session->pooled == NULL) {
        return effects_shown_pin(session);
    }
    if ((session->status & STATUS_IN_TRANSACTION) != 0) {
        return PIN_TRANSACTION;
    }
    if (session_autocommit_is_off(session)) {
        return PIN_AUTOCOMMIT_OFF;
    }
    return session->worker->config->routing.multiplexing ? PIN_NONE : PIN_MULTIPLEXING_OFF;
}

// What a statement's effects come to. A row with PIN_NONE in a column does nothing there. Some
// effects a statement of its own has not where it failed.
static const struct {
    enum statement_effect effect;
    enum pin_reason pins;
    enum pin_reason unpins;
    bool pins_on_error;
} effect_pins[] = {
    {EFFECT_NEXT_TRANSACTION, PIN_NEXT_TRANSACTION, PIN_NONE, false},
    {EFFECT_GLOBAL_LOCK, PIN_GLOBAL_LOCK, PIN_NONE, true},
    {EFFECT_GLOBAL_UNLOCK, PIN_NONE, PIN_GLOBAL_LOCK, false},
    {EFFECT_SEQUENCE, PIN_SEQUENCE, PIN_NONE, true},
    {EFFECT_ROLE, PIN_ROLE, PIN_NONE, false},
    {EFFECT_PROFILING, PIN_PROFILING, PIN_NONE, true},
    {EFFECT_STATUS, PIN_STATUS, PIN_NONE, false},
    {EFFECT_FUNCTION, PIN_PROCEDURE, PIN_NONE, true},
    {EFFECT_UNKNOWN, PIN_UNKNOWN_STATE, PIN_NONE, true},
};

// What a text releases counts only where it surely happened, and nothing behind it in the same text
// took it again. A stored program may have done something or not.
static bool may_unpin(const struct session *session, const struct statement *statement,
                      bool is_error)
{
    const struct run *run = session->run;
    return !is_error && statement->count == 1 && !statement->runs_program &&
           (run->command == COMMAND_QUERY || execution_is_meant(run));
}

// A statement of its own that failed did nothing of what it says; others came nobody knows how far.
static bool may_have_run(const struct statement *statement, bool is_error)
{
    return !is_error || statement->count > 1 || statement->runs_program;
}

static void pin_set(struct session *session, enum pin_reason pin, bool is_held)
{
    if (is_held) {
        effects_pin(session, pin);
    } else {
        effects_unpin(session, pin);
    }
}

// Of user variables, or of the others.
static bool is_unsure(const struct session *session, bool of_users)
{
    for (size_t i = 0; i < held_count(session->held, HELD_UNSURE); i++) {
        struct slice name = held_name(session->held, HELD_UNSURE, i);
        if ((name.len > 0 && name.ptr[0] == '@') == of_users) {
            return true;
        }
    }
    return false;
}

void effects_pins_update(struct session *session)
{
    const struct held *held = session->held;
    pin_set(session, PIN_TEMPORARY_TABLE, held_count(held, HELD_TEMPORARY_TABLE) > 0);
    pin_set(session, PIN_USER_LOCK, held_count(held, HELD_USER_LOCK) > 0);
    pin_set(session, PIN_LOCK_TABLES, held_count(held, HELD_TABLE_LOCK) > 0);
    pin_set(session, PIN_HANDLER, held_count(held, HELD_HANDLER) > 0);
    pin_set(session, PIN_SESSION_VARIABLE,
            held_count(held, HELD_VARIABLE) > 0 || is_unsure(session, false));
    pin_set(session, PIN_USER_VARIABLE,
            held_count(held, HELD_USER_VARIABLE) > 0 || is_unsure(session, true));
}

// --- what it holds by name -----------------------------------------------------------------------

// A statement, and the schema that it means where it names none.
struct meant {
    const struct statement *statement;
    struct slice schema;
};

enum { TABLE_NAME_MOST = 600 };

// Empty where the name is too long to be told from others, or the schema is not known.
static struct slice table_key(const struct meant *meant, const struct statement_table *table,
                              char out[TABLE_NAME_MOST])
{
    const struct statement *statement = meant->statement;
    struct slice schema = table->schema.len > 0 ? table->schema : meant->schema;
    bool is_known = table->schema.len > 0 || !statement_has(statement, EFFECT_SCHEMA);
    if (!is_known || schema.len + 1 + table->name.len > TABLE_NAME_MOST) {
        return SLICE_NONE;
    }
    int len =
        snprintf(out, TABLE_NAME_MOST, "%.*s.%.*s", SLICE_ARG(schema), SLICE_ARG(table->name));
    return len < TABLE_NAME_MOST ? slice_make(out, (size_t)len) : SLICE_NONE;
}

// Of these tables, the temporary ones, which were made or may have been; returns how many.
static size_t temporary_tables_add(struct session *session, const struct meant *meant,
                                   const struct statement_table *tables, uint32_t count)
{
    size_t added = 0;
    for (uint32_t i = 0; i < count; i++) {
        char name[TABLE_NAME_MOST];
        if (tables[i].is_written && tables[i].is_temporary) {
            held_add(&session->held, HELD_TEMPORARY_TABLE, table_key(meant, &tables[i], name));
            added++;
        }
    }
    return added;
}

static void temporary_tables_create(struct session *session, const struct meant *meant)
{
    const struct statement *statement = meant->statement;
    size_t added =
        temporary_tables_add(session, meant, statement->tables, statement->tables_count) +
        temporary_tables_add(session, meant, statement->program_tables,
                             statement->program_tables_count);
    if (added == 0) { // as one reading of the text says, and another does not
        held_add(&session->held, HELD_TEMPORARY_TABLE, SLICE_NONE);
    }
}

// Whether one of the tables that the statement writes is a temporary one of the session's.
static bool writes_temporary_table(const struct session *session, const struct meant *meant)
{
    const struct statement *statement = meant->statement;
    for (uint32_t i = 0; i < statement->tables_count; i++) {
        char name[TABLE_NAME_MOST];
        const struct statement_table *table = &statement->tables[i];
        if (table->is_written &&
            held_has(session->held, HELD_TEMPORARY_TABLE, table_key(meant, table, name))) {
            return true;
        }
    }
    return false;
}

static void temporary_table_add(struct session *session, const struct meant *meant,
                                const struct statement_table *table)
{
    char name[TABLE_NAME_MOST];
    held_add(&session->held, HELD_TEMPORARY_TABLE, table_key(meant, table, name));
}

// It is there under one of these names now, and the server is asked under which. A new name without
// a schema behind an old one with a schema may mean either's.
static void temporary_tables_rename(struct session *session, const struct meant *meant)
{
    const struct statement *statement = meant->statement;
    struct slice schema = SLICE_NONE;
    for (uint32_t i = 0; i < statement->tables_count; i++) {
        struct statement_table table = statement->tables[i];
        if (!table.is_written) {
            continue;
        }
        temporary_table_add(session, meant, &table);
        if (table.schema.len == 0 && schema.len > 0) {
            table.schema = schema;
            temporary_table_add(session, meant, &table);
        }
        schema = table.schema;
    }
    held_doubt(session->held, HELD_TEMPORARY_TABLE, true);
}

static bool may_rename(const struct statement *statement, bool is_error)
{
    uint32_t written = 0;
    for (uint32_t i = 0; i < statement->tables_count; i++) {
        written += statement->tables[i].is_written;
    }
    return (statement->kind == STATEMENT_ALTER || statement->kind == STATEMENT_RENAME) &&
           written > 1 && may_have_run(statement, is_error);
}

static void temporary_tables_note(struct session *session, const struct meant *meant, bool is_error)
{
    const struct statement *statement = meant->statement;
    bool has_created =
        statement_has(statement, EFFECT_TEMPORARY_CREATE) && may_have_run(statement, is_error);
    bool drops = statement_has(statement, EFFECT_TEMPORARY_DROP);
    bool is_sure = may_unpin(session, statement, is_error);
    if (has_created) {
        temporary_tables_create(session, meant);
    }
    if ((has_created || drops) && !is_sure) { // the server is asked what came of it
        held_doubt(session->held, HELD_TEMPORARY_TABLE, true);
    }
    if (may_rename(statement, is_error) && writes_temporary_table(session, meant)) {
        temporary_tables_rename(session, meant);
    }
    size_t before = held_count(session->held, HELD_TEMPORARY_TABLE);
    for (uint32_t i = 0; drops && is_sure && i < statement->tables_count; i++) {
        char name[TABLE_NAME_MOST];
        const struct statement_table *table = &statement->tables[i];
        if (table->is_written && !(has_created && table->is_temporary)) {
            held_remove(&session->held, HELD_TEMPORARY_TABLE, table_key(meant, table, name));
        }
    }
    if (drops && is_sure && held_count(session->held, HELD_TEMPORARY_TABLE) == before) {
        held_doubt(session->held, HELD_TEMPORARY_TABLE, true); // some servers fold names' case
    }
}

// Names that can be asked for as they are written, whatever the session's charset and mode.
static bool is_plain_name(struct slice name)
{
    return name.len <= 64 && slice_is_printable(name) && slice_find(name, '\'') == name.len &&
           slice_find(name, '\\') == name.len;
}

static void locks_note(struct session *session, const struct statement *statement, bool is_error)
{
    for (uint32_t i = 0; i < statement->subjects_count; i++) {
        const struct statement_subject *subject = &statement->subjects[i];
        if (subject->kind == SUBJECT_USER_LOCK) {
            held_add(&session->held, HELD_USER_LOCK,
                     is_plain_name(subject->name) ? subject->name : SLICE_NONE);
        }
    }
    bool releases = statement_has(statement, EFFECT_LOCK_RELEASE_ALL);
    if (releases && statement->subjects_count == 0 && may_unpin(session, statement, is_error)) {
        held_clear(&session->held, HELD_USER_LOCK);
    }
    held_doubt(session->held, HELD_USER_LOCK, true);
}

static void handlers_note(struct session *session, const struct statement *statement, bool is_error)
{
    if (statement_has(statement, EFFECT_HANDLER_OPEN) && (!is_error || statement->count > 1)) {
        held_add(&session->held, HELD_HANDLER,
                 statement->count == 1 ? statement->name : SLICE_NONE);
    } else if (may_unpin(session, statement, is_error)) {
        held_remove(&session->held, HELD_HANDLER, statement->name);
    }
}

static void table_locks_note(struct session *session, const struct statement *statement,
                             bool is_error)
{
    bool is_flush = statement->kind != STATEMENT_LOCK_TABLES || statement->count > 1;
    // FLUSH TABLES may fail with its locks taken.
    bool may_lock = is_flush || may_have_run(statement, is_error);
    if (statement_has(statement, EFFECT_LOCK_TABLES) && may_lock) {
        held_add(&session->held, HELD_TABLE_LOCK, is_flush ? S("flush") : S("lock"));
    } else if (statement_has(statement, EFFECT_UNLOCK_TABLES) &&
               may_unpin(session, statement, is_error)) {
        held_clear(&session->held, HELD_TABLE_LOCK);
    } else if (statement_has(statement, EFFECT_BEGIN) && may_unpin(session, statement, is_error)) {
        held_remove(&session->held, HELD_TABLE_LOCK, S("lock"));
    }
}

static bool touches_locks(const struct statement *statement)
{
    const uint64_t locks = EFFECT_BIT(EFFECT_LOCK_TAKE) | EFFECT_BIT(EFFECT_LOCK_RELEASE) |
                           EFFECT_BIT(EFFECT_LOCK_RELEASE_ALL);
    return (statement->effects & locks) != 0;
}

static void held_note(struct session *session, const struct meant *meant, bool is_error)
{
    const struct statement *statement = meant->statement;
    const uint64_t handlers = EFFECT_BIT(EFFECT_HANDLER_OPEN) | EFFECT_BIT(EFFECT_HANDLER_CLOSE);
    variables_note(session, statement, is_error);
    temporary_tables_note(session, meant, is_error);
    table_locks_note(session, statement, is_error);
    if (touches_locks(statement)) {
        locks_note(session, statement, is_error);
    }
    if ((statement->effects & handlers) != 0) {
        handlers_note(session, statement, is_error);
    }
    effects_pins_update(session);
}

// --- what it holds otherwise ---------------------------------------------------------------------

// A text of several: no flag told of it. What SET TRANSACTION said was for that one.
static bool has_whole_transaction(const struct session *session, const struct statement *statement)
{
    return statement_has(statement, EFFECT_BEGIN) && statement_has(statement, EFFECT_END) &&
           !statement_has(statement, EFFECT_NEXT_TRANSACTION) && !statement->runs_program &&
           (session->status & STATUS_IN_TRANSACTION) == 0;
}

static void pins_apply(struct session *session, const struct statement *statement, bool is_error)
{
    bool unpins = may_unpin(session, statement, is_error);
    bool did_nothing = !may_have_run(statement, is_error);
    for (size_t i = 0; i < sizeof(effect_pins) / sizeof(effect_pins[0]); i++) {
        if (!statement_has(statement, effect_pins[i].effect)) {
            continue;
        }
        if (effect_pins[i].pins != PIN_NONE && (effect_pins[i].pins_on_error || !did_nothing)) {
            effects_pin(session, effect_pins[i].pins);
        }
        if (unpins && effect_pins[i].unpins != PIN_NONE) {
            effects_unpin(session, effect_pins[i].unpins);
        }
    }
    if (statement_has(statement, EFFECT_XA) && !did_nothing) {
        unpins &&statement_has(statement, EFFECT_END) ? effects_unpin(session, PIN_XA)
                                                      : effects_pin(session, PIN_XA);
    }
    if (statement->kind == STATEMENT_COMPOUND) {
        effects_pin(session, PIN_PROCEDURE);
    }
    if (!is_error && has_whole_transaction(session, statement)) {
        effects_unpin(session, PIN_NEXT_TRANSACTION);
    }
}

// --- the image -----------------------------------------------------------------------------------

void effects_image_changed(struct session *session)
{
    const struct image_variable *mode = image_variable(session->image, S("sql_mode"));
    const struct image_variable *charset =
        image_variable(session->image, S("character_set_client"));
    session->syntax = SQL_SYNTAX_DEFAULT;
    sql_syntax_set_mode(&session->syntax,
                        mode != NULL ? mode->value : worker_sql_mode(session->worker));
    if (charset != NULL) {
        session->syntax.charset = sql_charset_find(charset->value);
    }
    session->syntax.ignore_space |= (session->capabilities & CAPABILITY_IGNORE_SPACE) != 0;
}

static bool sets_names(const struct statement *statement)
{
    return statement_has(statement, EFFECT_CHARSET);
}

bool effects_is_for_statement(const struct statement *statement, struct slice name)
{
    for (uint32_t i = 0; i < statement->assignments_count; i++) {
        if (statement->assignments[i].scope == ASSIGNMENT_STATEMENT &&
            slice_equal_nocase(statement->assignments[i].name, name)) {
            return true;
        }
    }
    return false;
}

static bool is_access_mode(struct slice name)
{
    return slice_equal_nocase(name, S("transaction_read_only")) ||
           slice_equal_nocase(name, S("tx_read_only"));
}

// Reported changes that are not the session's: what holds for the statement alone, what the
// connection keeps to itself, and the collation that follows from a SET NAMES, whose text says
// more.
static bool is_own_change(const struct session *session, struct slice name)
{
    if (slice_starts_nocase(name, S("session_track_")) ||
        (session->run != NULL && effects_is_for_statement(&session->run->statement, name))) {
        return true;
    }
    if (slice_equal_nocase(name, S("character_set_connection")) && session->run != NULL) {
        return sets_names(&session->run->statement);
    }
    return is_access_mode(name) && conn_is_replica(pooled_conn(session->pooled));
}

// Returns whether it changed the image.
static bool change_note(struct session *session, const struct session_change *change)
{
    if (change->type == SESSION_CHANGE_GTIDS) {
        written_note(session, FAMILY_MYSQL, change->value);
        return false;
    }
    if (change->type == SESSION_CHANGE_VARIABLE && slice_equal(change->name, CONN_LAST_GTID)) {
        written_note(session, FAMILY_MARIADB, change->value);
        tracking_note_gtid(session, change->value);
        return false;
    }
    if (change->type == SESSION_CHANGE_SCHEMA) {
        session->run->has_left_schema |= !slice_equal(change->value, session->image->schema);
        image_set_schema(&session->image, change->value);
        return true;
    }
    if (change->type == SESSION_CHANGE_VARIABLE && is_access_mode(change->name)) {
        conn_note_access_mode(pooled_conn(session->pooled), change->value);
    }
    if (change->type == SESSION_CHANGE_VARIABLE && !is_own_change(session, change->name)) {
        bool is_null =
            change->value.len == 0 && slice_equal_nocase(change->name, S("character_set_results"));
        image_set_variable(&session->image, change->name, change->value, is_null);
        return true;
    }
    return false;
}

void effects_ok(struct session *session, const struct ok *ok)
{
    if (ok->session.len > 0) {
        struct reader changes = reader_make(ok->session);
        struct session_change change;
        bool is_changed = false;
        while (session_change_next(&changes, &change)) {
            is_changed = change_note(session, &change) || is_changed;
        }
        if (is_changed) {
            effects_image_changed(session);
        }
    }
    if (ok->insert_id != 0) {
        attach_note_insert_id(session, ok->insert_id);
    }
}

// --- the end of a statement ----------------------------------------------------------------------

static bool changes_session(const struct statement *statement)
{
    const uint64_t changes = EFFECT_BIT(EFFECT_SCHEMA) | EFFECT_BIT(EFFECT_CHARSET);
    return (statement->effects & changes) != 0;
}

// Logins that were verified before are not known to be right any more.
static void accounts_note(struct session *session, const struct statement *statement)
{
    for (uint32_t i = 0; i < statement->accounts_count && !statement->accounts_are_all; i++) {
        struct slice user = statement->accounts[i].user;
        account_forget(session->worker, user.len > 0 ? user : session->user);
    }
    if (statement->accounts_are_all) {
        account_forget(session->worker, SLICE_NONE);
    }
}

static bool sets_global(const struct statement *statement)
{
    if (statement_has(statement, EFFECT_GLOBAL_VARIABLE)) {
        return true;
    }
    for (uint32_t i = 0; i < statement->assignments_count; i++) {
        enum assignment_scope scope = statement->assignments[i].scope;
        if (scope == ASSIGNMENT_GLOBAL || scope == ASSIGNMENT_PERSIST) {
            return true;
        }
    }
    return false;
}

static void insert_id_is_here(struct session *session)
{
    pool_tie_bind(&session->ties, POOL_TIE_INSERT_ID, session->pooled, true);
    attach_forget_told_ids(session);
}

static void succeeded(struct session *session, const struct statement *statement)
{
    if (sets_global(statement)) {
        account_renew_connections(session->worker);
    }
    bool is_use = statement_has(statement, EFFECT_SCHEMA) && statement->kind == STATEMENT_USE;
    if (is_use && slice_is_ascii(statement->schema)) { // others the server tells, in UTF-8
        image_set_schema(&session->image, statement->schema);
    }
    if (statement->kind == STATEMENT_DROP && statement->schema.len > 0) {
        account_forget_schemas(
            session->worker); // whoever logs in to it next must hear that it is gone
    }
    if (statement_has(statement, EFFECT_ACCOUNT)) {
        accounts_note(session, statement);
    }
    if (statement_has(statement, EFFECT_INSERT_ID)) {
        insert_id_is_here(session);
    }
}

// Whether accounts may have changed before the error came: MariaDB changes of several those that it
// can. Not for who may not: nobody is to trouble others' logins.
static bool may_have_changed_accounts(const struct session *session,
                                      const struct statement *statement)
{
    enum { DENIED = 1227, DENIED_SCHEMA = 1044, DENIED_COMMAND = 1142 };
    bool has_several = statement->count > 1 || statement->accounts_count > 1 ||
                       statement->accounts_are_all || statement->runs_program;
    switch (session->run->reply.error) {
    case DENIED:
    case DENIED_SCHEMA:
    case DENIED_COMMAND:
        return statement->count > 1 || statement->runs_program;
    default:
        return has_several;
    }
}

// Of several statements, how far they came is not known.
static void failed(struct session *session, const struct statement *statement)
{
    const uint64_t shapes = EFFECT_BIT(EFFECT_BEGIN) | EFFECT_BIT(EFFECT_END) |
                            EFFECT_BIT(EFFECT_XA) | EFFECT_BIT(EFFECT_IMPLICIT_COMMIT);
    if (statement->count > 1 &&
        (changes_session(statement) || (statement->effects & shapes) != 0)) {
        effects_pin(session, PIN_UNKNOWN_STATE);
    }
    if (statement_has(statement, EFFECT_ACCOUNT) && may_have_changed_accounts(session, statement)) {
        accounts_note(session, statement);
    }
}

// --- statements prepared by name -----------------------------------------------------------------

enum { ER_PARSE_ERROR = 1064, ER_UNKNOWN_NAME = 1243 };

static void statement_note(struct session *session, const struct meant *meant, bool is_error)
{
    const struct statement *statement = meant->statement;
    pins_apply(session, statement, is_error);
    held_note(session, meant, is_error);
    is_error ? failed(session, statement) : succeeded(session, statement);
    if (statement_has(statement, EFFECT_CATALOGUE) && may_have_run(statement, is_error)) {
        learn_note_change(session);
    }
    if (statement_has(statement, EFFECT_EXECUTE)) { // among others: which text, nobody knows
        effects_pin(session, PIN_UNKNOWN_STATE);
        insert_id_is_here(session);
    }
    if (statement_has(statement, EFFECT_PREPARE)) {
        session->named.is_unsure = true;
        effects_pin(session, PIN_PREPARED_TEXT);
    }
}

const struct statement *effects_inner(struct session *session, const struct statement *statement)
{
    struct run *run = session->run;
    bool is_named = statement->inner == STATEMENT_EXECUTE;
    const struct named *named = is_named ? named_find(&session->named, statement->name) : NULL;
    struct slice text = named != NULL ? named->text : statement->prepared;
    if (text.len == 0) {
        return NULL;
    }
    struct statement_context context = {
        .syntax = named != NULL ? named->syntax : session->syntax,
        .schema = named != NULL ? named->schema : session->image->schema,
        .catalogue = session->worker->catalogue,
        .is_catalogue_old = learn_is_due(session->worker),
        .pure_functions = session->worker->config->routing.pure_functions,
        .pure_functions_count = session->worker->config->routing.pure_functions_count,
    };
    struct statement *inner = arena_alloc(&run->arena, sizeof(*inner));
    statement_parse(inner, &run->arena, arena_copy(&run->arena, text), &context);
    return inner;
}

// EXECUTE does what the text does that it runs, where that is known.
static void named_execute_note(struct session *session, const struct statement *statement,
                               bool is_error)
{
    const struct statement *inner = effects_inner(session, statement);
    if (inner != NULL) {
        const struct named *named = named_find(&session->named, statement->name);
        struct slice schema = named != NULL ? named->schema : session->image->schema;
        struct meant meant = {inner, arena_copy(&session->run->arena, schema)};
        statement_note(session, &meant, is_error);
        if (inner->kind == STATEMENT_CALL) { // USING names what it may assign
            variables_note_assigned(session, statement);
        }
    } else if (session->run->reply.error != ER_UNKNOWN_NAME) {
        effects_pin(session, PIN_UNKNOWN_STATE);
        insert_id_is_here(session);
    }
}

// MariaDB: what the expressions do that PREPARE takes its text from, and those behind USING.
static void expressions_note(struct session *session, const struct statement *statement,
                             bool is_error)
{
    if (statement_has(statement, EFFECT_USER_VARIABLE)) {
        variables_note_assigned(session, statement);
    }
    if (touches_locks(statement)) {
        locks_note(session, statement, is_error);
    }
}

static void named_note(struct session *session, const struct statement *statement, bool is_error)
{
    struct named_list *list = &session->named;
    expressions_note(session, statement, is_error);
    if (statement->inner == STATEMENT_PREPARE && !is_error) {
        // Read in a mode of its own: what it does is not known.
        bool has_mode = effects_is_for_statement(statement, S("sql_mode"));
        named_add(list, statement->name, has_mode ? SLICE_NONE : statement->prepared,
                  session->image->schema, session->syntax);
    } else if (statement->kind == STATEMENT_PREPARE) {     // SET STATEMENT may not have come so far
        if (session->run->reply.error != ER_PARSE_ERROR) { // which may be that of PREPARE itself
            named_remove(list, statement->name);           // it went before the new one failed
        }
    } else if (statement->inner == STATEMENT_DEALLOCATE) {
        if (!is_error || session->run->reply.error == ER_UNKNOWN_NAME) {
            named_remove(list, statement->name);
        }
    } else if (statement->inner == STATEMENT_EXECUTE) {
        named_execute_note(session, statement, is_error);
    }
    effects_pins_update(session);
    if (named_is_empty(list)) {
        effects_unpin(session, PIN_PREPARED_TEXT);
    } else {
        effects_pin(session, PIN_PREPARED_TEXT);
    }
}

static void command_note(struct session *session, bool is_error)
{
    struct run *run = session->run;
    if (run->command == COMMAND_SET_OPTION && !is_error) {
        bool is_on = run->payload.len > 1 && run->payload.ptr[1] == 0;
        image_set_multi_statements(&session->image, is_on);
        last_counted(session, -1);
    }
}

// What the command ran: of EXECUTE, that which was prepared. NULL: it is not known.
static const struct statement *ran(struct session *session)
{
    const struct statement *statement = &session->run->statement;
    bool is_named = statement->inner == STATEMENT_EXECUTE && statement->count == 1;
    bool is_hidden = statement->count > 1 && statement_has(statement, EFFECT_EXECUTE);
    if (is_named) {
        return effects_inner(session, statement);
    }
    return is_hidden ? NULL : statement;
}

bool effects_may_have_run(struct session *session)
{
    const struct statement *statement = ran(session);
    return statement == NULL || statement->runs_program || statement->inner == STATEMENT_CALL ||
           statement->inner == STATEMENT_COMPOUND;
}

bool effects_may_have_turned(struct session *session)
{
    const struct statement *statement = ran(session);
    return statement == NULL || statement->may_turn || statement->inner == STATEMENT_COMPOUND;
}

static bool was_not_understood(struct session *session)
{
    const struct run *run = session->run;
    return run->reply.error == ER_PARSE_ERROR && run->reply.status == 0 &&
           run->statement.count <= 1 && !effects_may_have_run(session);
}

void effects_end(struct session *session, bool is_error)
{
    const uint64_t by_name =
        EFFECT_BIT(EFFECT_PREPARE) | EFFECT_BIT(EFFECT_EXECUTE) | EFFECT_BIT(EFFECT_DEALLOCATE);
    const struct statement *statement = &session->run->statement;
    const struct run *run = session->run;
    last_note(session, is_error);
    if (run->command == COMMAND_STMT_PREPARE && !is_error && run->reply.warnings == 0) {
        return; // it ran nothing
    }
    if (was_not_understood(session)) {
        // Nothing of it ran. The mysql tool greets so ("select $$"), to see what the server makes
        // of it.
    } else if ((statement->effects & by_name) != 0 && statement->count == 1) {
        named_note(session, statement, is_error);
    } else if (statement->effects != 0 || statement->kind == STATEMENT_COMPOUND) {
        const struct image *image = run->text != NULL ? run->text->image : session->image;
        struct meant meant = {statement, arena_copy(&session->run->arena, image->schema)};
        statement_note(session, &meant, is_error); // in which the image may go
    }
    command_note(session, is_error);
}

// MariaDB gives a session that is reset the charset of its login again; MySQL gives it the server's
// own.
static const struct collation *reset_collation(const struct session *session)
{
    uint8_t own = session->worker->server_collation;
    bool is_own = !session_is_mariadb(session) && own != 0;
    return collation_by_number(is_own ? own : session->collation);
}

void effects_reset(struct session *session)
{
    const struct collation *collation = reset_collation(session);
    struct slice schema = session->image->schema;
    struct slice name = session_login_collation(session, collation);
    struct image *image = image_make(&session->worker->images, collation->charset, name, schema,
                                     session->image->multi_statements);
    image_unref(&session->image);
    session->image = image;
    session->pins = 0;
    held_release(&session->held);
    tracking_release(session);
    session->lost_on = -1;
    mem_free(session->hint_warning);
    session->hint_warning = NULL;
    prepared_release(&session->prepared);
    named_release(&session->named);
    session->status = worker_first_status(session->worker);
    session->insert_id = 0;
    attach_forget_told_ids(session);
    last_release(&session->last);
    pool_ties_cut(&session->ties);
    effects_image_changed(session);
}
