// What a statement left in doubt is asked for behind its answer, on its connection, before anybody
// else may have that: the values of variables that only the server knows, whether user-level locks
// are held, whether temporary tables are there, and whether a procedure that failed left a
// transaction open. The client has its answer already; its next
// command waits for this one.
#include "proxy/session/session_priv.h"

// --- whether -------------------------------------------------------------------------------------

// The pins that an answer can end.
static const uint32_t settled_pins = PIN_BIT(PIN_SESSION_VARIABLE) | PIN_BIT(PIN_USER_VARIABLE) |
                                     PIN_BIT(PIN_USER_LOCK) | PIN_BIT(PIN_TEMPORARY_TABLE);

// Whether the server's answers come as ASCII.
static bool is_readable(const struct session *session)
{
    const struct image_variable *charset =
        image_variable(session->image, S("character_set_results"));
    return charset == NULL || charset->is_null || !image_is_wide_charset(charset->value);
}

static bool are_locks_askable(const struct held *held)
{
    return held_is_in_doubt(held, HELD_USER_LOCK) && !held_has(held, HELD_USER_LOCK, SLICE_NONE);
}

enum { TABLES_ASKED_MOST = 4 };

// "schema.name" of which it is sure where the one ends.
static bool is_table_askable(struct slice key)
{
    size_t dot = slice_find(key, '.');
    return dot > 0 && dot < key.len &&
           slice_find(slice_from(key, dot + 1), '.') + dot + 1 == key.len &&
           slice_is_printable(key) && slice_find(key, '`') == key.len;
}

static bool are_tables_askable(const struct held *held)
{
    size_t count = held_count(held, HELD_TEMPORARY_TABLE);
    bool are_askable = held_is_in_doubt(held, HELD_TEMPORARY_TABLE) && count <= TABLES_ASKED_MOST;
    for (size_t i = 0; are_askable && i < count; i++) {
        are_askable = is_table_askable(held_name(held, HELD_TEMPORARY_TABLE, i));
    }
    return are_askable;
}

static bool is_wanted(const struct session *session)
{
    const struct held *held = session->held;
    bool is_status_unknown = session->run->is_status_unknown;
    bool are_tables = held_count(held, HELD_TEMPORARY_TABLE) > 0;
    bool are_tables_asked = are_tables_askable(held);
    bool is_in_doubt =
        held_count(held, HELD_UNSURE) > 0 || are_locks_askable(held) || are_tables_asked;
    bool is_held_anyway =
        (session->pins & ~settled_pins) != 0 || (are_tables && !are_tables_asked) ||
        held_count(held, HELD_VARIABLE) > 0 || held_count(held, HELD_USER_VARIABLE) > 0 ||
        held_has(held, HELD_UNSURE, SLICE_NONE); // too many to name
    return !is_held_anyway && (is_in_doubt ? is_readable(session) : is_status_unknown);
}

// --- asking --------------------------------------------------------------------------------------

// How many columns each takes.
enum { LOCK_COLUMNS = 1, SYSTEM_COLUMNS = 1, USER_COLUMNS = 3 };

static void variable_ask(struct slice name, struct buffer *sql)
{
    struct buffer user = BUFFER_INIT;
    if (!image_names_user_variable(name)) {
        buffer_print(sql, ",@@session.`%.*s`", SLICE_ARG(name));
        return;
    }
    image_user_name_write(slice_from(name, 1), &user);
    struct slice quoted = buffer_slice(&user);
    buffer_print(sql, ",%.*s,HEX(%.*s),COLLATION(%.*s)", SLICE_ARG(quoted), SLICE_ARG(quoted),
                 SLICE_ARG(quoted));
    buffer_release(&user);
}

static void question_write(const struct session *session, struct buffer *sql)
{
    const struct held *held = session->held;
    buffer_append_slice(sql, S("SELECT 1"));
    for (size_t i = 0; i < held_count(held, HELD_UNSURE); i++) {
        variable_ask(held_name(held, HELD_UNSURE, i), sql);
    }
    for (size_t i = 0; are_locks_askable(held) && i < held_count(held, HELD_USER_LOCK); i++) {
        struct slice name = held_name(held, HELD_USER_LOCK, i);
        buffer_print(sql, ",IS_USED_LOCK('%.*s')<=>CONNECTION_ID()", SLICE_ARG(name));
    }
}

// How many values the question asks for.
static size_t columns_of(const struct held *held)
{
    size_t count = 1 + (are_locks_askable(held) ? held_count(held, HELD_USER_LOCK) : 0);
    for (size_t i = 0; i < held_count(held, HELD_UNSURE); i++) {
        count += image_names_user_variable(held_name(held, HELD_UNSURE, i)) ? USER_COLUMNS
                                                                            : SYSTEM_COLUMNS;
    }
    return count;
}

// --- the answer ----------------------------------------------------------------------------------

// A number as it is to be written so that it keeps its type.
static void number_write(const struct column *column, struct slice text, struct buffer *sql)
{
    bool has_point = slice_find(text, '.') < text.len;
    bool has_exponent = slice_find(text, 'e') < text.len;
    bool is_unsigned = (column->flags & COLUMN_UNSIGNED) != 0;
    switch (column->type) {
    case TYPE_DOUBLE:
    case TYPE_FLOAT:
        buffer_print(sql, "%.*s%s", SLICE_ARG(text), has_exponent ? "" : "e0");
        break;
    case TYPE_NEWDECIMAL:
        buffer_print(sql, "%.*s%s", SLICE_ARG(text), has_point ? "" : ".");
        break;
    default:
        buffer_print(sql, is_unsigned ? "CAST(%.*s AS UNSIGNED)" : "%.*s", SLICE_ARG(text));
        break;
    }
}

static bool is_number_type(uint8_t type)
{
    return type == TYPE_LONGLONG || type == TYPE_LONG || type == TYPE_DOUBLE ||
           type == TYPE_FLOAT || type == TYPE_NEWDECIMAL;
}

static uint8_t hex_digit(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

static void hex_read(struct slice hex, struct buffer *out)
{
    for (size_t i = 0; i + 1 < hex.len; i += 2) {
        uint8_t byte = (uint8_t)(hex_digit(hex.ptr[i]) << 4 | hex_digit(hex.ptr[i + 1]));
        buffer_append(out, &byte, 1);
    }
}

// The SQL of a value whose type and collation are those of the columns; of NULL, that of some value
// of its type. False where that cannot be said with certainty. Cells: the value, its bytes in
// hexadecimal, its collation.
static bool typed_value_write(const struct column *column, const struct slice *cells,
                              struct buffer *sql)
{
    bool is_null = cells[0].ptr == NULL;
    struct slice charset = variables_collation_charset(cells[2]);
    struct buffer bytes = BUFFER_INIT;
    if (is_number_type(column->type)) {
        number_write(column, is_null ? S("0") : cells[0], sql);
        return true;
    }
    if (is_null && slice_equal_nocase(charset, S("binary"))) {
        return true; // as one that was never set
    }
    if (!is_null) {
        hex_read(cells[1], &bytes);
    }
    bool is_written = variables_can_write(buffer_slice(&bytes), charset);
    if (is_written) {
        variables_string_write(buffer_slice(&bytes), charset, cells[2], sql);
    }
    buffer_release(&bytes);
    return is_written;
}

static void user_variable_read(struct session *session, struct slice marked,
                               const struct column *column, const struct slice *cells)
{
    struct slice name = slice_from(marked, 1);
    struct buffer sql = BUFFER_INIT;
    if (!typed_value_write(column, cells, &sql)) {
        variables_user_keep(session, name);
    } else {
        if (cells[0].ptr == NULL && !buffer_is_empty(&sql)) { // NULL of that type
            buffer_append(&sql, ",", 1);
            image_user_name_write(name, &sql);
            buffer_append_slice(&sql, S("=NULL"));
        }
        variables_user_set(session, name, buffer_slice(&sql));
    }
    buffer_release(&sql);
}

static size_t variable_read(struct session *session, struct slice name,
                            const struct conn_result *result, size_t at)
{
    const struct slice *cells = result->rows[0].cells + at;
    if (image_names_user_variable(name)) {
        user_variable_read(session, name, &result->definitions[at], cells);
        return USER_COLUMNS;
    }
    image_set_variable(&session->image, name, cells[0], cells[0].ptr == NULL);
    return SYSTEM_COLUMNS;
}

// Whether the server says that no temporary table of the name is there: none at all, or another
// one.
static bool is_gone(const struct conn_result *result)
{
    enum { UNKNOWN_SCHEMA = 1049, DENIED = 1142, UNKNOWN_TABLE = 1146 };
    if (result->code != 0) {
        return result->code == UNKNOWN_TABLE || result->code == UNKNOWN_SCHEMA ||
               result->code == DENIED; // not to who made a temporary one
    }
    return result->row_count == 1 && result->column_count >= 2 &&
           !slice_starts_nocase(result->rows[0].cells[1], S("CREATE TEMPORARY TABLE"));
}

static void table_answered(struct session *session, size_t at, const struct conn_result *result)
{
    session->run->settle_gone |= (uint8_t)(is_gone(result) << at);
}

// From the last one on: each that goes leaves its place to the last.
static void tables_read(struct session *session)
{
    const struct run *run = session->run;
    if (run->settle_tables > 0) {
        held_doubt(session->held, HELD_TEMPORARY_TABLE, false);
    }
    for (size_t i = run->settle_tables; i-- > 0;) {
        if ((run->settle_gone & 1U << i) != 0) {
            held_remove(&session->held, HELD_TEMPORARY_TABLE,
                        held_name(session->held, HELD_TEMPORARY_TABLE, i));
        }
    }
}

static void names_copy(const struct held *held, enum held_kind kind, struct arena *arena,
                       struct slice *out)
{
    for (size_t i = 0; i < held_count(held, kind); i++) {
        out[i] = arena_copy(arena, held_name(held, kind, i));
    }
}

// The names of a kind are taken off its list one by one, in the order in which they were asked.
static void answer_read(struct session *session, const struct conn_result *result)
{
    struct held *held = session->held;
    size_t at = 1;
    bool were_locks_asked = are_locks_askable(held);
    size_t unsure = held_count(held, HELD_UNSURE);
    size_t locks = were_locks_asked ? held_count(held, HELD_USER_LOCK) : 0;
    struct arena *arena = &session->run->arena;
    struct slice *names = arena_alloc(arena, (unsure + locks + 1) * sizeof(*names));
    names_copy(held, HELD_UNSURE, arena, names);
    if (were_locks_asked) {
        names_copy(held, HELD_USER_LOCK, arena, names + unsure);
        held_doubt(held, HELD_USER_LOCK, false);
    }
    held_clear(&session->held, HELD_UNSURE);
    for (size_t i = 0; i < unsure; i++) {
        at += variable_read(session, names[i], result, at);
    }
    for (size_t i = unsure; i < unsure + locks; i++, at += LOCK_COLUMNS) {
        if (!slice_equal(result->rows[0].cells[at], S("1"))) {
            held_remove(&session->held, HELD_USER_LOCK, names[i]);
        }
    }
    effects_image_changed(session);
}

// A server that would not say: what is in doubt keeps the connection.
static void answer_missing(struct session *session)
{
    struct arena *arena = &session->run->arena;
    size_t count = held_count(session->held, HELD_UNSURE);
    struct slice *names = arena_alloc(arena, (count + 1) * sizeof(*names));
    names_copy(session->held, HELD_UNSURE, arena, names);
    held_doubt(session->held, HELD_USER_LOCK, false);
    held_clear(&session->held, HELD_UNSURE);
    for (size_t i = 0; i < count; i++) {
        bool is_user = image_names_user_variable(names[i]);
        held_add(&session->held, is_user ? HELD_USER_VARIABLE : HELD_VARIABLE, names[i]);
    }
}

static void state_answered(struct session *session, const struct conn_result *result)
{
    struct conn *conn = pooled_conn(session->pooled);
    bool is_whole = result->row_count == 1 && result->column_count == columns_of(session->held);
    // Not where a statement could not be prepared, in the state that it was to be prepared in.
    bool was_as_wanted = conn_image(conn) == session->image;
    tables_read(session);
    if (result->code == 0 && session->run->is_status_unknown) {
        outcome_status_note(session, result->status);
    }
    if (result->code == 0 && is_whole) {
        answer_read(session, result);
    } else {
        answer_missing(session);
    }
    effects_pins_update(session);
    if (was_as_wanted && conn_image(conn) != session->image) {
        conn_became(conn, image_ref(session->image));
    }
    outcome_settled(session);
}

// The last answer is that about the state; before it come those about the last statement, then
// those about temporary tables.
static void answered(struct conn *conn, const struct conn_result *result, void *context)
{
    struct session *session = context;
    struct run *run = session->run;
    (void)conn;
    size_t at = (size_t)(run->settles_count + run->settle_tables) - result->left;
    if (result->left == 0) {
        state_answered(session, result);
    } else if (at < run->settles_count) {
        last_answered(session, run->settles[at], result);
    } else {
        table_answered(session, at - run->settles_count, result);
    }
}

// Of a temporary table that is there the server says so, though another of its name is not
// temporary. Returns how many questions.
static size_t tables_ask(struct session *session, struct slice *texts)
{
    struct run *run = session->run;
    for (size_t i = 0; i < run->settle_tables; i++) {
        struct slice key = held_name(session->held, HELD_TEMPORARY_TABLE, i);
        size_t dot = slice_find(key, '.');
        struct slice schema = slice_first(key, dot), name = slice_from(key, dot + 1);
        texts[i] = arena_print(&run->arena, "SHOW CREATE TABLE `%.*s`.`%.*s`", SLICE_ARG(schema),
                               SLICE_ARG(name));
    }
    return run->settle_tables;
}

bool settle_begin(struct session *session)
{
    struct run *run = session->run;
    struct last_question questions[LAST_QUESTIONS];
    struct slice texts[LAST_QUESTIONS + TABLES_ASKED_MOST + 1];
    struct buffer sql = BUFFER_INIT;
    bool may_ask = session->held != NULL || run->is_status_unknown;
    if (!may_ask || session->pooled == NULL || !is_wanted(session)) {
        return false;
    }
    bool asks_tables = are_tables_askable(session->held);
    run->settle_gone = 0;
    run->settle_tables =
        (uint8_t)(asks_tables ? held_count(session->held, HELD_TEMPORARY_TABLE) : 0);
    run->settles_count = (uint8_t)last_questions(session, asks_tables, questions);
    for (size_t i = 0; i < run->settles_count; i++) {
        run->settles[i] = questions[i].kind;
        texts[i] = questions[i].text;
    }
    size_t count = run->settles_count + tables_ask(session, texts + run->settles_count);
    question_write(session, &sql);
    texts[count++] = buffer_slice(&sql);
    session_enter(session, SESSION_SETTLING);
    last_cover(session, asks_tables); // the question is the connection's last one now
    conn_query_all(pooled_conn(session->pooled), texts, count, answered, session);
    buffer_release(&sql);
    return true;
}
