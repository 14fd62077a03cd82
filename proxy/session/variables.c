// What a SET, or whatever else assigns variables, did to the session: values that the text tells go
// into the image; those that only the server knows are asked for before the connection serves
// another session (settle.c); what no other connection can be given keeps the connection.
#include "proxy/session/session_priv.h"

#include "router/statement/assignment.h"

// --- what no other connection can be given -------------------------------------------------------

// Variables that act once, have no default, or belong to one server.
static const struct slice not_replayable[] = {
    SLICE_INIT("insert_id"),
    SLICE_INIT("rand_seed1"),
    SLICE_INIT("rand_seed2"),
    SLICE_INIT("sql_log_bin"),
    SLICE_INIT("gtid_next"),
    SLICE_INIT("gtid_domain_id"),
    SLICE_INIT("gtid_seq_no"),
    SLICE_INIT("server_id"),
    SLICE_INIT("pseudo_thread_id"),
    SLICE_INIT("profiling"),
    SLICE_INIT("debug"),
    SLICE_INIT("pseudo_replica_mode"),
    SLICE_INIT("pseudo_slave_mode"),
    SLICE_INIT("skip_replication"),
};

static bool is_replayable(struct slice name)
{
    for (size_t i = 0; i < sizeof(not_replayable) / sizeof(not_replayable[0]); i++) {
        if (slice_equal(name, not_replayable[i])) {
            return false;
        }
    }
    return true;
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

static void charsets_unsure(struct session *session)
{
    unsure(session, S("character_set_client"));
    unsure(session, S("character_set_results"));
    unsure(session, S("collation_connection"));
}

// --- user variables ------------------------------------------------------------------------------

void variables_user_set(struct session *session, struct slice name, struct slice sql)
{
    char marked[NAME_SIZE];
    struct slice key = marked_name(name, marked);
    held_remove(&session->held, HELD_UNSURE, key);
    held_remove(&session->held, HELD_USER_VARIABLE, key);
    if (!image_set_user_variable(&session->image, name, sql)) {
        held_add(&session->held, HELD_USER_VARIABLE, key);
    }
}

static struct slice image_text(const struct session *session, struct slice name)
{
    const struct image_variable *variable = image_variable(session->image, name);
    return variable != NULL ? variable->value : SLICE_NONE;
}

static bool is_ascii(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] > 0x7e) {
            return false;
        }
    }
    return true;
}

// Charsets in which no byte of ASCII stands for itself.
static bool is_wide(struct slice charset)
{
    return slice_starts_nocase(charset, S("ucs2")) || slice_starts_nocase(charset, S("utf16")) ||
           slice_starts_nocase(charset, S("utf32"));
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
    if (charset.len == 0 || (is_converted && (!is_ascii(bytes) || is_wide(charset)))) {
        return false;
    }
    variables_string_write(bytes, charset, collation, sql);
    return true;
}

// The assigned value as SQL that means the same on every connection; empty: NULL. False where only
// the server knows.
static bool assigned_write(const struct session *session, const struct assignment *assignment,
                           struct buffer *sql)
{
    switch (assignment->kind) {
    case ASSIGNMENT_NULL:
        return true;
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

static void user_note(struct session *session, const struct assignment *assignment)
{
    struct buffer sql = BUFFER_INIT;
    if (assigned_write(session, assignment, &sql)) {
        variables_user_set(session, assignment->name, buffer_slice(&sql));
    } else {
        user_unsure(session, assignment->name);
    }
    buffer_release(&sql);
}

// --- system variables ----------------------------------------------------------------------------

static void names_note(struct session *session, const struct statement *statement, size_t at)
{
    const struct assignment *names = &statement->assignments[at];
    struct slice collation = SLICE_NONE;
    bool has_collation =
        at + 1 < statement->assignments_count &&
        slice_equal(statement->assignments[at + 1].name, S("collation_connection"));
    if (has_collation) {
        collation = statement->assignments[at + 1].value;
    }
    if (names->kind == ASSIGNMENT_STRING || names->kind == ASSIGNMENT_WORD) {
        image_set_names(&session->image, names->value, collation);
    } else {
        charsets_unsure(session);
    }
}

// A number that is written as no plain decimal would be taken for a text when it is set again.
static bool is_plain_value(const struct assignment *assignment)
{
    int64_t number;
    return assignment->kind != ASSIGNMENT_NUMBER || slice_to_i64(assignment->value, &number);
}

// A value that only the server knows is in its report, where it is one of those reported.
static bool is_reported(const struct session *session, const struct assignment *assignment)
{
    return !assignment_is_literal(assignment) && conn_tracks(assignment->name) &&
           session->pooled != NULL;
}

static void held_note(struct session *session, const struct assignment *assignment)
{
    if (assignment->kind == ASSIGNMENT_DEFAULT) {
        held_remove(&session->held, HELD_VARIABLE, assignment->name);
    } else {
        held_add(&session->held, HELD_VARIABLE, assignment->name);
    }
}

static void system_note(struct session *session, const struct assignment *assignment)
{
    if (is_insert_id(assignment->name)) {
        slice_to_u64(assignment->value, &session->insert_id);
        pool_tie_bind(&session->ties, POOL_TIE_INSERT_ID, session->pooled);
    } else if (assignment->component.len > 0 || !is_replayable(assignment->name)) {
        held_note(session, assignment);
    } else if (assignment->kind == ASSIGNMENT_DEFAULT) {
        held_remove(&session->held, HELD_UNSURE, assignment->name);
        image_unset_variable(&session->image, assignment->name);
    } else if (assignment_is_literal(assignment) && is_plain_value(assignment)) {
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
    } else if (assignment->scope != ASSIGNMENT_SESSION ||
               slice_starts_nocase(assignment->name, S("session_track_"))) {
        return;
    } else if (slice_equal(assignment->name, S("names"))) {
        names_note(session, statement, at);
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
    } else if (assignment->scope != ASSIGNMENT_SESSION ||
               slice_starts_nocase(assignment->name, S("session_track_")) ||
               is_insert_id(assignment->name)) {
        return;
    } else if (slice_equal(assignment->name, S("names")) ||
               slice_equal(assignment->name, S("character_set"))) {
        charsets_unsure(session);
    } else if (assignment->component.len > 0 || !is_replayable(assignment->name)) {
        held_add(&session->held, HELD_VARIABLE, assignment->name);
    } else {
        unsure(session, assignment->name);
    }
}

void variables_note(struct session *session, const struct statement *statement, bool is_error)
{
    bool did_nothing = is_error && statement->count == 1 && statement->assignments_count == 1;
    if (did_nothing) {
        return;
    }
    for (size_t i = 0; i < statement->assignments_count; i++) {
        if (is_error) {
            assignment_doubt(session, &statement->assignments[i]);
        } else {
            assignment_note(session, statement, i);
        }
    }
    for (uint32_t i = 0; i < statement->subjects_count; i++) {
        if (statement->subjects[i].kind == SUBJECT_USER_VARIABLE) {
            user_unsure(session, statement->subjects[i].name);
        }
    }
    if (statement->assignments_count > 0) {
        effects_image_changed(session);
    }
}
