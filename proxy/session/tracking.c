// What a client sets, hears and sees of session_track_...: every connection reports what sluice has
// to know of it, and of that each session hears what it asked for. What sluice does not hear of
// itself (ALL_GTIDS, session_track_state_change, session_track_transaction_info) is left to the
// server, and keeps the connection.
#include "proxy/session/rewriting.h"
#include "proxy/session/session_priv.h"

#include "proxy/base/memory.h"

static const struct slice names[TRACKED_COUNT] = {
    [TRACKED_GTIDS] = SLICE_INIT("session_track_gtids"),
    [TRACKED_SCHEMA] = SLICE_INIT("session_track_schema"),
    [TRACKED_VARIABLES] = SLICE_INIT("session_track_system_variables"),
    [TRACKED_LAST_GTID] = SLICE_INIT("last_gtid"),
};

static enum tracked tracked_find(struct slice name)
{
    unsigned at = 0;
    while (at < TRACKED_COUNT && !slice_equal_nocase(names[at], name)) {
        at++;
    }
    return (enum tracked)at;
}

static bool has_value(const struct session *session, enum tracked which, const char *value)
{
    const char *own = session->tracking[which];
    return own != NULL && strcmp(own, value) == 0;
}

// --- what is set ---------------------------------------------------------------------------------

// The words and numbers that sluice can act on, and what a server shows of each.
static const struct {
    enum tracked which;
    struct slice written;
    const char *shown;
} switches[] = {
    {TRACKED_GTIDS, SLICE_INIT("OFF"), "OFF"},
    {TRACKED_GTIDS, SLICE_INIT("0"), "OFF"},
    {TRACKED_GTIDS, SLICE_INIT("FALSE"), "OFF"},
    {TRACKED_GTIDS, SLICE_INIT("OWN_GTID"), "OWN_GTID"},
    {TRACKED_GTIDS, SLICE_INIT("1"), "OWN_GTID"},
    {TRACKED_GTIDS, SLICE_INIT("TRUE"), "OWN_GTID"},
    {TRACKED_SCHEMA, SLICE_INIT("OFF"), "0"},
    {TRACKED_SCHEMA, SLICE_INIT("0"), "0"},
    {TRACKED_SCHEMA, SLICE_INIT("FALSE"), "0"},
    {TRACKED_SCHEMA, SLICE_INIT("ON"), "1"},
    {TRACKED_SCHEMA, SLICE_INIT("1"), "1"},
    {TRACKED_SCHEMA, SLICE_INIT("TRUE"), "1"},
};

// NULL where sluice cannot act as it says.
static const char *switch_shown(enum tracked which, struct slice written)
{
    for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
        if (switches[i].which == which && slice_equal_nocase(switches[i].written, written)) {
            return switches[i].shown;
        }
    }
    return NULL;
}

// On the heap; NULL where sluice cannot act as it says.
static char *value_of(enum tracked which, const struct assignment *assignment)
{
    struct slice value = assignment->value;
    if (!assignment_is_literal(assignment) || assignment->kind == ASSIGNMENT_NULL) {
        return NULL;
    }
    if (which == TRACKED_VARIABLES) {
        return assignment->kind == ASSIGNMENT_STRING ? mem_text(value.ptr, value.len) : NULL;
    }
    const char *shown = switch_shown(which, value);
    return shown != NULL ? mem_text(shown, strlen(shown)) : NULL;
}

void tracking_note(struct session *session, const struct assignment *assignment)
{
    struct slice name = assignment->name;
    enum tracked which = tracked_find(name);
    bool is_usual = assignment->kind == ASSIGNMENT_DEFAULT;
    held_add(&session->held, HELD_TRACKING, name);
    if (which < TRACKED_COUNT) {
        mem_free(session->tracking[which]);
        session->tracking[which] = is_usual ? NULL : value_of(which, assignment);
        is_usual |= session->tracking[which] != NULL;
    } else {
        const char *shown = switch_shown(TRACKED_SCHEMA, assignment->value); // or of its kind
        is_usual |= assignment_is_literal(assignment) && shown != NULL && *shown == '0';
    }
    if (is_usual) {
        held_remove(&session->held, HELD_VARIABLE, name);
    } else {
        held_add(&session->held, HELD_VARIABLE, name);
    }
}

void tracking_doubt(struct session *session, struct slice name)
{
    held_add(&session->held, HELD_TRACKING, name);
    held_add(&session->held, HELD_VARIABLE, name);
}

void tracking_note_gtid(struct session *session, struct slice gtid)
{
    char **kept = &session->tracking[TRACKED_LAST_GTID];
    if (*kept != NULL && strlen(*kept) == gtid.len) { // as nearly always
        memcpy(*kept, gtid.ptr, gtid.len);
        return;
    }
    mem_free(*kept);
    *kept = mem_text(gtid.ptr, gtid.len);
}

void tracking_release(struct session *session)
{
    for (int i = 0; i < TRACKED_COUNT; i++) {
        mem_free(session->tracking[i]);
        session->tracking[i] = NULL;
    }
}

// --- what is heard -------------------------------------------------------------------------------

// Those that every server tells its clients about unless they ask otherwise.
static const char usual_variables[] =
    "autocommit,character_set_client,character_set_connection,character_set_results,time_zone";

static bool is_in_list(struct slice list, struct slice name)
{
    struct slice one = SLICE_NONE;
    while (slice_cut(&list, ',', &one)) {
        one = slice_trim(one);
        if (slice_equal_nocase(one, name) || slice_equal(one, S("*"))) {
            return true;
        }
    }
    return false;
}

// A server that has run a statement of another schema's tells of the schema with its next OK,
// whoever's that is.
static bool may_change_schema(const struct run *run)
{
    switch (run->statement.kind) {
    case STATEMENT_CALL:
    case STATEMENT_COMPOUND:
    case STATEMENT_EXECUTE:
    case STATEMENT_DROP:
    case STATEMENT_UNKNOWN:
        return true;
    default:
        return run->statement.count > 1 || statement_has(&run->statement, EFFECT_SCHEMA);
    }
}

// MySQL tells of the state of a transaction unasked; of what sluice does not want to hear, only
// where the session has set it so.
bool tracking_is_heard(const struct session *session, const struct session_change *change)
{
    const char *variables = session->tracking[TRACKED_VARIABLES];
    switch (change->type) {
    case SESSION_CHANGE_SCHEMA:
        return !has_value(session, TRACKED_SCHEMA, "0") &&
               (session->run->has_left_schema || may_change_schema(session->run));
    case SESSION_CHANGE_VARIABLE:
        return is_in_list(slice_text(variables != NULL ? variables : usual_variables),
                          change->name) ||
               (held_has(session->held, HELD_VARIABLE, names[TRACKED_VARIABLES]) &&
                !slice_equal(change->name, CONN_LAST_GTID));
    case SESSION_CHANGE_GTIDS:
        return has_value(session, TRACKED_GTIDS, "OWN_GTID") ||
               held_has(session->held, HELD_VARIABLE, names[TRACKED_GTIDS]);
    case SESSION_CHANGE_TRANSACTION_STATE:
    case SESSION_CHANGE_STATE:
    case SESSION_CHANGE_CHARACTERISTICS:
        return true;
    default:
        return false;
    }
}

// --- what is seen --------------------------------------------------------------------------------

// In `SET @@session_track_schema = 1` it is what is set.
static bool is_target(const struct session *session, const struct rewriting *at)
{
    bool is_first = at->last.kind == TOKEN_WORD && at->last.keyword == KEYWORD_SET;
    return session->run->statement.kind == STATEMENT_SET && at->depth == 0 &&
           (is_first || token_is_symbol(&at->last, ','));
}

// The expression has the type that the servers give the variable.
static void shown_write(const struct session *session, enum tracked which, struct buffer *out)
{
    const char *value = session->tracking[which];
    if (value == NULL && which == TRACKED_LAST_GTID) {
        value = "";
    }
    if (value == NULL) { // what a new session has
        buffer_print(out, "@@global.%.*s", SLICE_ARG(names[which]));
    } else if (which == TRACKED_SCHEMA) {
        buffer_print(out, "IF(TRUE,%s,NULL)", *value == '0' ? "FALSE" : "TRUE");
    } else {
        buffer_append_slice(out, S("_utf8mb4 x'"));
        for (const char *at = value; *at != '\0'; at++) {
            buffer_print(out, "%02x", (unsigned char)*at);
        }
        buffer_append_slice(out, S("'"));
    }
}

static bool take_tracked(struct rewriting *at, void *context)
{
    const struct session *session = context;
    const char *start = at->token.ptr;
    bool is_set = is_target(session, at);
    struct slice name;
    enum tracked which = rewriting_take_variable(at, &name) ? tracked_find(name) : TRACKED_COUNT;
    bool is_others = which == TRACKED_LAST_GTID && !session_is_mariadb(session);
    if (which == TRACKED_COUNT || is_set || is_others ||
        held_has(session->held, HELD_VARIABLE, names[which])) { // the server's own is the session's
        return false;
    }
    rewriting_replace(at, start);
    shown_write(session, which, at->out);
    return true;
}

void tracking_put(struct session *session)
{
    const struct run *run = session->run;
    bool is_alone = run->statement.count == 1 && run_is_momentary(run);
    if (run->command == COMMAND_QUERY && is_alone && !session->syntax.is_mode_unknown) {
        run_rewrite(session, take_tracked);
    }
}
