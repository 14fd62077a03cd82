#include "tests/leak/twins.h"

#include "proxy/base/memory.h"
#include "proxy/base/random.h"
#include "tests/lib/cmocka.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// --- templates ----------------------------------------------------------------------------------

static const char *const literals[] = {
    "0",
    "1",
    "-7",
    "42",
    "9223372036854775807",
    "18446744073709551615",
    "0.5",
    "-12.340",
    "123456789012345678901234567890.12",
    "1e0",
    "2.5e-7",
    "-1.7e30",
    "0.1e0",
    "''",
    "'abc'",
    "'ABC '",
    "'12'",
    "'it''s'",
    "'a\\\\b'",
    "_latin1'caf'",
    "_utf8mb4'x' COLLATE utf8mb4_bin",
    "_binary'raw'",
    "x'00ff41'",
    "_latin1 x'e9'",
    "'\xC3\xBC\xE2\x82\xAC'",
    "NULL",
    "TRUE",
    "b'1010'",
    "DATE'2020-02-29'",
    "TIMESTAMP'2020-02-29 12:13:14.5'",
    "CAST(5 AS UNSIGNED)",
    "CAST('7.25' AS DECIMAL(10,4))",
};

static void name_put(const struct twins *twins, char kind, struct buffer *out)
{
    // The tilde stands for the letter of the twin.
    buffer_print(out, "%c_x~%02d", kind, kind == 'l' ? (int)random_below(3) : twins->id);
}

static void dollar_put(const struct twins *twins, char what, struct buffer *out)
{
    switch (what) {
    case 't':
    case 'g':
    case 'q':
    case 'l':
        name_put(twins, what, out);
        break;
    case 'n':
        buffer_print(out, "%u", random_below(21));
        break;
    case 'v':
        buffer_print(out, "@%c", 'a' + (int)random_below(5));
        break;
    case 'x':
        buffer_print(out, "%s", literals[random_below(sizeof(literals) / sizeof(literals[0]))]);
        break;
    default:
        fail_msg("no such placeholder: $%c", what);
    }
}

static void template_put(const struct twins *twins, const char *text, const char *end,
                         struct buffer *out);

// One of the alternatives up to the closing brace; returns behind that.
static const char *choice_put(const struct twins *twins, const char *text, struct buffer *out)
{
    const char *close = strchr(text, '}');
    unsigned count = 1;
    assert_non_null(close);
    for (const char *c = text; c < close; c++) {
        count += *c == '|';
    }
    for (unsigned skip = random_below(count); skip > 0; skip--) {
        text = strchr(text, '|') + 1;
    }
    const char *end = memchr(text, '|', (size_t)(close - text));
    template_put(twins, text, end != NULL ? end : close, out);
    return close + 1;
}

static void template_put(const struct twins *twins, const char *text, const char *end,
                         struct buffer *out)
{
    while (text < end) {
        if (*text == '{') {
            text = choice_put(twins, text + 1, out);
        } else if (*text == '$') {
            dollar_put(twins, text[1], out);
            text += 2;
        } else {
            buffer_append(out, text++, 1);
        }
    }
}

char *twins_draw(const struct twins *twins, const char *text)
{
    struct buffer out = BUFFER_INIT;
    template_put(twins, text, text + strlen(text), &out);
    char *drawn = strndup((const char *)buffer_ptr(&out), buffer_len(&out));
    buffer_release(&out);
    return drawn;
}

// --- names --------------------------------------------------------------------------------------

static struct slice text_of_twin(const struct twin *twin, const char *text, struct buffer *out)
{
    buffer_clear(out);
    for (; *text != '\0'; text++) {
        buffer_append(out, *text == '~' ? &twin->letter : text, 1);
    }
    return buffer_slice(out);
}

// Takes the twin's letter out of what it got, wherever one of its names stands.
static void letters_blank(struct twin *twin)
{
    char *bytes = (char *)buffer_ptr(&twin->got);
    size_t len = buffer_len(&twin->got);
    for (size_t i = 0; i + 4 < len; i++) {
        bool is_name = bytes[i] == '_' && (bytes[i + 1] | 0x20) == 'x' &&
                       (bytes[i + 2] | 0x20) == twin->letter &&
                       isdigit((unsigned char)bytes[i + 3]) && isdigit((unsigned char)bytes[i + 4]);
        if (is_name) {
            bytes[i + 2] = '~';
        }
    }
}

// --- history ------------------------------------------------------------------------------------

__attribute__((format(printf, 2, 3))) static void note(struct twins *twins, const char *format, ...)
{
    char **place = &twins->history[twins->run++ % TWINS_HISTORY_MOST];
    va_list arguments;
    free(*place);
    va_start(arguments, format);
    assert_true(vasprintf(place, format, arguments) >= 0);
    va_end(arguments);
}

const char *twins_last(const struct twins *twins)
{
    return twins->run > 0 ? twins->history[(twins->run - 1) % TWINS_HISTORY_MOST] : "nothing";
}

void twins_show(const struct twins *twins)
{
    size_t from = twins->run > TWINS_HISTORY_MOST ? twins->run - TWINS_HISTORY_MOST : 0;
    for (size_t i = from; i < twins->run; i++) {
        fprintf(stderr, "  %zu: %s\n", i, twins->history[i % TWINS_HISTORY_MOST]);
    }
    fprintf(stderr, "through sluice:\n%.*s", SLICE_ARG(buffer_slice(&twins->proxied.got)));
    fprintf(stderr, "directly:\n%.*s", SLICE_ARG(buffer_slice(&twins->direct.got)));
}

// --- commands -----------------------------------------------------------------------------------

static bool are_alike(struct twins *twins)
{
    letters_blank(&twins->proxied);
    letters_blank(&twins->direct);
    return slice_equal(buffer_slice(&twins->proxied.got), buffer_slice(&twins->direct.got));
}

static struct twin *begin(struct twins *twins, int which)
{
    struct twin *twin = which == 0 ? &twins->proxied : &twins->direct;
    buffer_clear(&twin->got);
    return twin;
}

bool twins_query(struct twins *twins, const char *text)
{
    struct buffer sql = BUFFER_INIT;
    bool sets_role = strncmp(text, "SET ROLE ", strlen("SET ROLE ")) == 0;
    note(twins, "%s", text);
    for (int i = 0; i < 2; i++) {
        struct twin *twin = begin(twins, i);
        outcome_of_text(twin->client, text_of_twin(twin, text, &sql), &twin->got);
    }
    buffer_release(&sql);
    twins->has_role |= sets_role && mysql_errno(twins->direct.client) == 0;
    return are_alike(twins);
}

static void statement_drop(struct twins *twins, size_t slot)
{
    for (int i = 0; i < 2; i++) {
        struct twin *twin = i == 0 ? &twins->proxied : &twins->direct;
        if (twin->statements[slot] != NULL) {
            mysql_stmt_close(twin->statements[slot]);
            twin->statements[slot] = NULL;
        }
    }
}

bool twins_close_statement(struct twins *twins, size_t slot)
{
    note(twins, "close statement %zu", slot);
    statement_drop(twins, slot);
    return true;
}

bool twins_prepare(struct twins *twins, size_t slot, const char *text)
{
    struct buffer sql = BUFFER_INIT;
    note(twins, "prepare statement %zu: %s", slot, text);
    statement_drop(twins, slot);
    for (int i = 0; i < 2; i++) {
        struct twin *twin = begin(twins, i);
        MYSQL_STMT *stmt = mysql_stmt_init(twin->client);
        outcome_of_prepare(stmt, text_of_twin(twin, text, &sql), &twin->got);
        twin->statements[slot] = stmt;
    }
    buffer_release(&sql);
    bool alike = are_alike(twins);
    if (mysql_stmt_errno(twins->direct.statements[slot]) != 0) {
        statement_drop(twins, slot);
    }
    return alike;
}

static void parameter_show(const struct outcome_parameter *parameter, char *out, size_t size)
{
    switch (parameter->type) {
    case MYSQL_TYPE_LONGLONG:
        snprintf(out, size, "%lld", parameter->number);
        break;
    case MYSQL_TYPE_DOUBLE:
        snprintf(out, size, "%ge0", parameter->real);
        break;
    case MYSQL_TYPE_STRING:
        snprintf(out, size, "'%.*s'", SLICE_ARG(parameter->text));
        break;
    default:
        snprintf(out, size, "NULL");
    }
}

bool twins_execute(struct twins *twins, size_t slot, const struct outcome_parameter *parameters,
                   bool with_cursor)
{
    char shown[OUTCOME_PARAMETERS_MOST][64];
    for (size_t i = 0; i < OUTCOME_PARAMETERS_MOST; i++) {
        parameter_show(&parameters[i], shown[i], sizeof(shown[i]));
    }
    note(twins, "execute statement %zu with %s, %s%s", slot, shown[0], shown[1],
         with_cursor ? ", by a cursor" : "");
    for (int i = 0; i < 2; i++) {
        struct twin *twin = begin(twins, i);
        outcome_of_execute(twin->statements[slot], parameters, with_cursor, &twin->got);
    }
    return are_alike(twins);
}

static void statements_drop(struct twins *twins)
{
    for (size_t slot = 0; slot < TWINS_STATEMENTS_MOST; slot++) {
        statement_drop(twins, slot);
    }
}

// A session without state has nothing that is begun.
static void forget(struct twins *twins)
{
    statements_drop(twins);
    twins->pending = NULL;
}

// A role outlives a reset on a server, and does not through sluice: it is set back first; not in a
// READ ONLY transaction, which sluice has on a replica.
static bool role_set_back(struct twins *twins)
{
    bool alike =
        !twins->has_role || (twins_query(twins, "ROLLBACK") && twins_query(twins, "SET ROLE NONE"));
    twins->has_role = false;
    return alike;
}

// A server keeps the warnings of the statement before a reset, and sluice does not: another
// statement ends them on both.
bool twins_reset(struct twins *twins)
{
    if (!role_set_back(twins)) {
        return false;
    }
    note(twins, "COM_RESET_CONNECTION");
    forget(twins);
    for (int i = 0; i < 2; i++) {
        struct twin *twin = begin(twins, i);
        outcome_of_command(twin->client, mysql_reset_connection(twin->client), &twin->got);
    }
    return are_alike(twins) && twins_query(twins, "SELECT i FROM app.fixed LIMIT 1");
}

bool twins_change_user(struct twins *twins, const char *schema)
{
    const char *user = twins->is_guest ? "app" : "guest";
    const char *password = twins->is_guest ? "app-secret" : "guest-secret";
    note(twins, "COM_CHANGE_USER to %s, schema %s", user, schema != NULL ? schema : "none");
    forget(twins);
    for (int i = 0; i < 2; i++) {
        struct twin *twin = begin(twins, i);
        outcome_of_command(twin->client, mysql_change_user(twin->client, user, password, schema),
                           &twin->got);
    }
    twins->is_guest = !twins->is_guest;
    return are_alike(twins);
}

bool twins_select_schema(struct twins *twins, const char *schema)
{
    note(twins, "COM_INIT_DB %s", schema);
    for (int i = 0; i < 2; i++) {
        struct twin *twin = begin(twins, i);
        outcome_of_command(twin->client, mysql_select_db(twin->client, schema), &twin->got);
    }
    return are_alike(twins);
}

bool twins_set_multi_statements(struct twins *twins, bool is_on)
{
    note(twins, "COM_SET_OPTION: several statements %s", is_on ? "on" : "off");
    for (int i = 0; i < 2; i++) {
        struct twin *twin = begin(twins, i);
        enum enum_mysql_set_option option =
            is_on ? MYSQL_OPTION_MULTI_STATEMENTS_ON : MYSQL_OPTION_MULTI_STATEMENTS_OFF;
        outcome_of_command(twin->client, mysql_set_server_option(twin->client, option), &twin->got);
    }
    return are_alike(twins);
}

bool twins_ping(struct twins *twins)
{
    note(twins, "COM_PING");
    for (int i = 0; i < 2; i++) {
        struct twin *twin = begin(twins, i);
        outcome_of_command(twin->client, mysql_ping(twin->client), &twin->got);
    }
    return are_alike(twins);
}

void twins_close(struct twins *twins)
{
    statements_drop(twins);
    for (int i = 0; i < 2; i++) {
        struct twin *twin = i == 0 ? &twins->proxied : &twins->direct;
        mysql_close(twin->client);
        twin->client = NULL;
        buffer_release(&twin->got);
    }
    for (size_t i = 0; i < TWINS_HISTORY_MOST; i++) {
        free(twins->history[i]);
        twins->history[i] = NULL;
    }
}
