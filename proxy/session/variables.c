// What a SET, or whatever else assigns variables, did to the session: values that the text tells go
// into the image; those that only the server knows are asked for before the connection serves
// another session (settle.c); what no other connection can be given keeps the connection.
#include "proxy/session/session_priv.h"

#include "proxy/base/memory.h"
#include "router/statement/assignment.h"
#include "router/statement/variable.h"

// --- which are unlike the others -----------------------------------------------------------------

// A text sets some of their flags and leaves the others: the value is what the server made of it.
static bool is_of_flags(struct slice name)
{
    return slice_equal(name, S("optimizer_switch")) ||
           slice_equal(name, S("optimizer_trace_features"));
}

static bool is_insert_id(struct slice name)
{
    return slice_equal(name, S("last_insert_id")) || slice_equal(name, S("identity"));
}

// --- what only the server knows ------------------------------------------------------------------

enum { NAME_SIZE = 1 + IMAGE_USER_NAME_MOST };

// The name of a user variable with its mark, in lower case; cut where it is too long.
static struct slice marked_name(struct slice name, char out[NAME_SIZE])
{
    size_t len = name.len < IMAGE_USER_NAME_MOST ? name.len : IMAGE_USER_NAME_MOST;
    out[0] = '@';
    for (size_t i = 0; i < len; i++) {
        char c = name.ptr[i];
        out[1 + i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    return slice_make(out, 1 + len);
}

static void unsure(struct session *session, struct slice name)
{
    held_add(&session->held, HELD_UNSURE, name);
}

static void user_unsure(struct session *session, struct slice name)
{
    char marked[NAME_SIZE];
    unsure(session, marked_name(name, marked));
}

// Those that SET NAMES sets.
static const struct slice charsets[] = {
    SLICE_INIT("character_set_client"),
    SLICE_INIT("character_set_results"),
    SLICE_INIT("collation_connection"),
};
enum { CHARSETS = sizeof(charsets) / sizeof(charsets[0]) };

static void charsets_unsure(struct session *session)
{
    for (size_t i = 0; i < CHARSETS; i++) {
        unsure(session, charsets[i]);
    }
}

static void charsets_sure(struct session *session)
{
    for (size_t i = 0; i < CHARSETS; i++) {
        held_remove(&session->held, HELD_UNSURE, charsets[i]);
    }
}

// --- user variables ------------------------------------------------------------------------------

void variables_user_set(struct session *session, struct slice name, struct slice sql)
{
    char marked[NAME_SIZE];
    struct slice key = marked_name(name, marked);
    held_remove(&session->held, HELD_UNSURE, key);
    held_remove(&session->held, HELD_USER_VARIABLE, key);
    // A replica's connection cannot be kept for it: no write could follow.
    bool is_replica = session->pooled != NULL && conn_is_replica(pooled_conn(session->pooled));
    size_t most = is_replica ? IMAGE_USER_SQL_LONGEST : IMAGE_USER_SQL_MOST;
    if (!image_set_user_variable(&session->image, name, sql, most)) {
        held_add(&session->held, HELD_USER_VARIABLE, key);
    }
}

void variables_user_keep(struct session *session, struct slice name)
{
    char marked[NAME_SIZE];
    held_add(&session->held, HELD_USER_VARIABLE, marked_name(name, marked));
}

static struct slice image_text(const struct session *session, struct slice name)
{
    const struct image_variable *variable = image_variable(session->image, name);
    return variable != NULL ? variable->value : SLICE_NONE;
}

bool variables_can_write(struct slice bytes, struct slice charset)
{
    static const struct slice of_one_byte[] = {
        SLICE_INIT("binary"),   SLICE_INIT("latin"),  SLICE_INIT("cp12"),   SLICE_INIT("cp85"),
        SLICE_INIT("cp866"),    SLICE_INIT("koi8"),   SLICE_INIT("hebrew"), SLICE_INIT("greek"),
        SLICE_INIT("armscii8"), SLICE_INIT("tis620"), SLICE_INIT("mac"),    SLICE_INIT("keybcs2"),
        SLICE_INIT("hp8"),      SLICE_INIT("dec8"),   SLICE_INIT("swe7"),   SLICE_INIT("geostd8"),
    };
    for (size_t i = 0; i < sizeof(of_one_byte) / sizeof(of_one_byte[0]); i++) {
        if (slice_starts_nocase(charset, of_one_byte[i])) {
            return true;
        }
    }
    if (slice_starts_nocase(charset, S("utf8"))) {
        return slice_is_utf8(bytes, slice_equal_nocase(charset, S("utf8mb4")) ? 4 : 3);
    }
    return !image_is_wide_charset(charset) && slice_is_ascii(bytes);
}

void variables_string_write(struct slice bytes, struct slice charset, struct slice collation,
                            struct buffer *sql)
{
    if (!slice_equal_nocase(charset, S("binary"))) {
        buffer_print(sql, "_%.*s ", SLICE_ARG(charset));
    }
    image_hex_write(bytes, sql);
    if (collation.len > 0 && !slice_equal_nocase(collation, charset)) {
        buffer_print(sql, " COLLATE %.*s", SLICE_ARG(collation));
    }
}

struct slice variables_collation_charset(struct slice collation)
{
    return slice_first(collation, slice_find(collation, '_'));
}

// A string as it stands in the text means its bytes in the connection's charset, unless they are
// converted to it first.
static bool string_write(const struct session *session, struct slice bytes, struct buffer *sql)
{
    struct slice client = image_text(session, S("character_set_client"));
    struct slice collation = image_text(session, S("collation_connection"));
    struct slice charset = collation.len > 0 ? variables_collation_charset(collation)
                                             : image_text(session, S("character_set_connection"));
    bool is_converted = !slice_equal_nocase(client, charset);
    if (charset.len == 0 || !variables_can_write(bytes, charset) ||
        (is_converted && !slice_is_ascii(bytes))) {
        return false;
    }
    variables_string_write(bytes, charset, collation, sql);
    return true;
}

// The assigned value as SQL that means the same on every connection. False where only the server
// knows.
static bool assigned_write(const struct session *session, const struct assignment *assignment,
                           struct buffer *sql)
{
    switch (assignment->kind) {
    case ASSIGNMENT_NUMBER:
        buffer_append_slice(sql, assignment->text);
        return true;
    case ASSIGNMENT_STRING:
        return string_write(session, assignment->value, sql);
    case ASSIGNMENT_WORD:
        buffer_append_slice(sql, assignment->text);
        return slice_equal_nocase(assignment->value, S("true")) ||
               slice_equal_nocase(assignment->value, S("false"));
    default:
        return false;
    }
}

// A variable that is set to NULL keeps the type that it had.
static void user_null_note(struct session *session, struct slice name)
{
    char marked[NAME_SIZE];
    struct slice key = marked_name(name, marked);
    const struct image_variable *before = image_variable(session->image, key);
    if (before == NULL && !held_has(session->held, HELD_USER_VARIABLE, key)) {
        variables_user_set(session, name, SLICE_NONE);
    } else {
        user_unsure(session, name);
        held_remove(&session->held, HELD_USER_VARIABLE, key);
    }
}

static void user_note(struct session *session, const struct assignment *assignment)
{
    struct buffer sql = BUFFER_INIT;
    if (assignment->kind == ASSIGNMENT_NULL) {
        user_null_note(session, assignment->name);
    } else if (assigned_write(session, assignment, &sql)) {
        variables_user_set(session, assignment->name, buffer_slice(&sql));
    } else {
        user_unsure(session, assignment->name);
    }
    buffer_release(&sql);
}

// --- system variables ----------------------------------------------------------------------------

// MariaDB: the collation of that name of the charset in use.
static bool is_short_collation(struct slice name)
{
    return slice_starts_nocase(name, S("uca1400_"));
}

static void names_note(struct session *session, const struct statement *statement, size_t at)
{
    const struct assignment *names = &statement->assignments[at];
    struct slice collation = SLICE_NONE;
    bool has_collation =
        at + 1 < statement->assignments_count &&
        slice_equal(statement->assignments[at + 1].name, ASSIGNMENT_NAMES_COLLATION);
    if (has_collation) {
        collation = statement->assignments[at + 1].value;
    }
    bool is_named = names->kind == ASSIGNMENT_STRING || names->kind == ASSIGNMENT_WORD;
    if (is_named && !is_short_collation(collation)) {
        image_set_names(&session->image, names->value, collation);
        charsets_sure(session);
    } else {
        charsets_unsure(session);
    }
}

static bool is_charset(struct slice name)
{
    return slice_starts_nocase(name, S("character_set_")) ||
           slice_starts_nocase(name, S("collation_"));
}

// Charsets and collations have names: what a number, or a part of the name, stands for is the
// server's to say.
static bool is_other_name(const struct assignment *assignment)
{
    return is_charset(assignment->name) &&
           (assignment->kind == ASSIGNMENT_NUMBER || is_short_collation(assignment->value));
}

// Whether the text says what the variable's value is. A number that is written as no plain decimal
// would be taken for a text when it is set again.
static bool is_plain_value(const struct assignment *assignment)
{
    int64_t number;
    return assignment_is_literal(assignment) && !is_other_name(assignment) &&
           (assignment->kind != ASSIGNMENT_NUMBER || slice_to_i64(assignment->value, &number)) &&
           (assignment->kind == ASSIGNMENT_NUMBER || !is_of_flags(assignment->name));
}

// A value that only the server knows is in its report, where it is one of those reported.
static bool is_reported(const struct session *session, const struct assignment *assignment)
{
    return !assignment_is_literal(assignment) && !assignment->is_bare &&
           conn_tracks(assignment->name) && !session->run->statement.runs_program &&
           session->pooled != NULL && held_count(session->held, HELD_TRACKING) == 0;
}

// What a new session has, as it may be written.
static const struct {
    struct slice name;
    struct slice values[2];
} usual_values[] = {
    {SLICE_INIT("gtid_next"), {SLICE_INIT("automatic"), SLICE_INIT("automatic")}},
    {SLICE_INIT("profiling"), {SLICE_INIT("0"), SLICE_INIT("off")}},
    {SLICE_INIT("sql_log_bin"), {SLICE_INIT("1"), SLICE_INIT("on")}},
};

static bool is_usual(const struct assignment *assignment)
{
    bool is_usual = assignment->kind == ASSIGNMENT_DEFAULT;
    for (size_t i = 0; i < sizeof(usual_values) / sizeof(usual_values[0]); i++) {
        is_usual |= assignment_is_literal(assignment) &&
                    slice_equal(assignment->name, usual_values[i].name) &&
                    (slice_equal_nocase(assignment->value, usual_values[i].values[0]) ||
                     slice_equal_nocase(assignment->value, usual_values[i].values[1]));
    }
    return is_usual;
}

static void held_note(struct session *session, const struct assignment *assignment)
{
    if (is_usual(assignment)) {
        held_remove(&session->held, HELD_VARIABLE, assignment->name);
        if (slice_equal(assignment->name, S("optimizer_trace"))) { // the traces are still there
            held_add(&session->held, HELD_TRACES, assignment->name);
        }
    } else {
        held_add(&session->held, HELD_VARIABLE, assignment->name);
    }
}

// Whether DEFAULT stands for what a connection cannot be given by that word again: charsets are set
// in groups.
static bool has_odd_default(const struct session *session, const struct assignment *assignment)
{
    return is_charset(assignment->name) ||
           (image_default_is_odd(assignment->name) && !session_is_mariadb(session));
}

static void system_note(struct session *session, const struct assignment *assignment)
{
    if (is_insert_id(assignment->name)) {
        slice_to_u64(assignment->value, &session->insert_id);
        pool_tie_bind(&session->ties, POOL_TIE_INSERT_ID, session->pooled, true);
        attach_forget_told_ids(session);
    } else if (assignment->component.len > 0 || variable_is_of_connection(assignment->name)) {
        held_note(session, assignment);
    } else if (assignment->kind == ASSIGNMENT_DEFAULT && has_odd_default(session, assignment)) {
        unsure(session, assignment->name);
    } else if (assignment->kind == ASSIGNMENT_DEFAULT) {
        held_remove(&session->held, HELD_UNSURE, assignment->name);
        image_unset_variable(&session->image, assignment->name);
    } else if (session->run->reply.warnings > 0) { // the value may have been cut to what is allowed
        unsure(session, assignment->name);
    } else if (is_plain_value(assignment)) {
        held_remove(&session->held, HELD_UNSURE, assignment->name);
        image_set_variable(&session->image, assignment->name, assignment->value,
                           assignment->kind == ASSIGNMENT_NULL);
    } else if (!is_reported(session, assignment)) {
        unsure(session, assignment->name);
    }
}

static void assignment_note(struct session *session, const struct statement *statement, size_t at)
{
    const struct assignment *assignment = &statement->assignments[at];
    if (assignment->scope == ASSIGNMENT_USER) {
        user_note(session, assignment);
    } else if (assignment->scope != ASSIGNMENT_SESSION) {
        return;
    } else if (slice_starts_nocase(assignment->name, S("session_track_"))) {
        tracking_note(session, assignment);
    } else if (slice_equal(assignment->name, S("names"))) {
        names_note(session, statement, at);
    } else if (slice_equal(assignment->name, ASSIGNMENT_NAMES_COLLATION)) {
        return; // names_note() has read it
    } else if (slice_equal(assignment->name, S("character_set"))) {
        charsets_unsure(session); // the connection's charset becomes the schema's
    } else {
        system_note(session, assignment);
    }
}

// --- a statement ---------------------------------------------------------------------------------

// One of several failed: nobody knows how far it came.
static void assignment_doubt(struct session *session, const struct assignment *assignment)
{
    if (assignment->scope == ASSIGNMENT_USER) {
        user_unsure(session, assignment->name);
    } else if (assignment->scope != ASSIGNMENT_SESSION || is_insert_id(assignment->name)) {
        return;
    } else if (slice_starts_nocase(assignment->name, S("session_track_"))) {
        tracking_doubt(session, assignment->name);
    } else if (slice_equal(assignment->name, S("names")) ||
               slice_equal(assignment->name, ASSIGNMENT_NAMES_COLLATION) ||
               slice_equal(assignment->name, S("character_set"))) {
        charsets_unsure(session);
    } else if (assignment->component.len > 0 || variable_is_of_connection(assignment->name)) {
        held_add(&session->held, HELD_VARIABLE, assignment->name);
    } else {
        unsure(session, assignment->name);
    }
}

// Whether all of it happens or nothing.
static bool is_whole(const struct statement *statement)
{
    bool is_names = statement->assignments_count == 2 &&
                    slice_equal(statement->assignments[1].name, ASSIGNMENT_NAMES_COLLATION);
    return statement->count == 1 && !statement->runs_program && statement->subjects_count == 0 &&
           (statement->assignments_count == 1 || is_names);
}

void variables_note_assigned(struct session *session, const struct statement *statement)
{
    for (uint32_t i = 0; i < statement->subjects_count; i++) {
        if (statement->subjects[i].kind == SUBJECT_USER_VARIABLE) {
            user_unsure(session, statement->subjects[i].name);
        }
    }
}

void variables_note(struct session *session, const struct statement *statement, bool is_error)
{
    if (is_error && is_whole(statement)) {
        return;
    }
    for (size_t i = 0; i < statement->assignments_count; i++) {
        if (is_error) {
            assignment_doubt(session, &statement->assignments[i]);
        } else {
            assignment_note(session, statement, i);
        }
    }
    variables_note_assigned(session, statement);
    if (statement->assignments_count > 0) {
        effects_image_changed(session);
    }
}
