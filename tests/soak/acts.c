// What a client of the churn does between coming and going, an act each. All that it sends and
// reads carries the act's own mark.
#include "tests/soak/churn_priv.h"

#include "protocol/packet/capability.h"
#include "proxy/base/clock.h"

#include <mariadb/errmsg.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

const char churn_schema[] =
    "CREATE TABLE app.ledger (mark VARCHAR(64) PRIMARY KEY);"
    "CREATE TABLE app.loaded (mark VARCHAR(64), n INT, KEY (mark));"
    "CREATE TABLE app.digits (n INT); INSERT INTO app.digits VALUES (0),(1),(2),(3),(4),(5),(6),"
    "(7),(8),(9)";

enum { STATEMENT_SIZE = 512, LOADED_ROWS = 500 };

// --- coming and going ----------------------------------------------------------------------------

enum account { ACCOUNT_APP, ACCOUNT_GUEST };

static struct client_options options_of(struct actor *actor, enum account account)
{
    bool is_app = account == ACCOUNT_APP;
    struct client_options options = instance_options(actor->instance, is_app ? "app" : "guest",
                                                     is_app ? "app-secret" : "guest-secret");
    options.with_tls = actor_roll(actor, 3) == 0;
    if (actor_roll(actor, 4) == 0) {
        options.port = 0;
        options.socket = actor->instance->socket;
        options.with_tls = false;
    } else if (!is_app) {
        options.with_tls = true; // its password is needed once, which wants TLS or the socket
    }
    return options;
}

static bool login_as(struct actor *actor, const struct client_options *options)
{
    char doing[64];
    int64_t began_us = clock_now_us();
    actor->tally.connections++;
    if (client_try(options, &actor->client)) {
        range_add(&actor->tally.logins, 1, 1);
        return true;
    }
    range_add(&actor->tally.logins, 0, 1);
    snprintf(doing, sizeof(doing), "login as %s, %lld ms", options->user,
             (long long)((clock_now_us() - began_us) / CLOCK_MS));
    actor_error(actor, doing, mysql_errno(actor->client), mysql_error(actor->client));
    return false;
}

static bool login(struct actor *actor)
{
    struct client_options options =
        options_of(actor, actor_roll(actor, 4) == 0 ? ACCOUNT_GUEST : ACCOUNT_APP);
    return login_as(actor, &options);
}

// Without a word: by FIN, or by RST as soon as the handle is closed.
static void leave_rudely(struct actor *actor)
{
    int fd = (int)mysql_get_socket(actor->client);
    if (actor_roll(actor, 2) == 0) {
        struct linger linger = {.l_onoff = 1};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    }
    shutdown(fd, SHUT_RDWR);
}

static void leave(struct actor *actor)
{
    if (actor_roll(actor, 2) == 0) {
        leave_rudely(actor);
    }
}

// --- statements ----------------------------------------------------------------------------------

static bool failed(struct actor *actor, const char *statement)
{
    // An error of the server or of sluice is an answer; a lost connection may have cost it.
    unsigned number = mysql_errno(actor->client);
    bool is_lost = number == CR_SERVER_GONE_ERROR || number == CR_SERVER_LOST;
    range_add(&actor->tally.commands, is_lost ? 0 : 1, 1);
    actor_error(actor, statement, number, mysql_error(actor->client));
    return false;
}

static bool answered(struct actor *actor)
{
    range_add(&actor->tally.commands, 1, 1);
    return true;
}

// The one value that comes must be the expected one.
static bool value_check(struct actor *actor, const char *statement, const char *expected)
{
    MYSQL_RES *result = mysql_store_result(actor->client);
    if (result == NULL) {
        return failed(actor, statement);
    }
    MYSQL_ROW row = mysql_fetch_row(result);
    if (row == NULL || row[0] == NULL || strcmp(row[0], expected) != 0) {
        actor_fault(actor, "%s: got %s", statement,
                    row == NULL      ? "no row"
                    : row[0] == NULL ? "NULL"
                                     : row[0]);
    }
    mysql_free_result(result);
    return true;
}

// False where the act cannot go on.
static bool ask(struct actor *actor, const char *statement, const char *expected)
{
    if (mysql_query(actor->client, statement) != 0) {
        return failed(actor, statement);
    }
    return value_check(actor, statement, expected) && answered(actor);
}

static bool run(struct actor *actor, const char *statement)
{
    return mysql_query(actor->client, statement) != 0 ? failed(actor, statement) : answered(actor);
}

__attribute__((format(printf, 2, 3))) static bool runf(struct actor *actor, const char *format, ...)
{
    char statement[STATEMENT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(statement, sizeof(statement), format, arguments);
    va_end(arguments);
    return run(actor, statement);
}

static bool ask_mark(struct actor *actor)
{
    char statement[STATEMENT_SIZE];
    snprintf(statement, sizeof(statement), "SELECT '%s' FROM whoami", actor->mark);
    return ask(actor, statement, actor->mark);
}

// --- the acts ------------------------------------------------------------------------------------

static int connect_raw(struct actor *actor)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(actor->instance->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        close(fd);
        fd = -1;
    }
    if (fd < 0) {
        actor_fault(actor, "no connection");
    } else {
        actor->tally.connections++;
    }
    return fd;
}

// As far as the client gets: nothing, a part of the packet that asks for TLS and of what follows,
// or a part of a login.
static size_t login_write(struct actor *actor, uint8_t *out, size_t size)
{
    enum { TLS_REQUEST = 32, HEADER = 4 };
    uint64_t capabilities = CAPABILITY_PROTOCOL_41 | CAPABILITY_SECURE_CONNECTION;
    bool is_tls = actor_roll(actor, 2) == 0;
    size_t len = is_tls ? TLS_REQUEST : 60;
    capabilities |= is_tls ? CAPABILITY_SSL : 0;
    memset(out, 0, size);
    out[0] = (uint8_t)len;
    out[3] = 1;
    for (size_t i = 0; i < 4; i++) {
        out[HEADER + i] = (uint8_t)(capabilities >> (8 * i));
    }
    memcpy(out + HEADER + TLS_REQUEST, "app", 4); // where it is no TLS record either
    return actor_roll(actor, (unsigned)(HEADER + len + (is_tls ? 20 : 0)));
}

static void leave_in_login(struct actor *actor)
{
    uint8_t bytes[128];
    size_t len = login_write(actor, bytes, sizeof(bytes));
    int fd = connect_raw(actor);
    if (fd < 0) {
        return;
    }
    if (actor_roll(actor, 2) == 0) {
        uint8_t greeting[256];
        (void)!recv(fd, greeting, sizeof(greeting), 0);
    }
    if (send(fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len) {
        actor_pause(actor, 50);
    }
    if (actor_roll(actor, 2) == 0) {
        struct linger linger = {.l_onoff = 1};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    }
    close(fd);
}

static void be_refused(struct actor *actor)
{
    enum { ER_ACCESS_DENIED = 1045 };
    struct client_options options = options_of(actor, actor_roll(actor, 2));
    options.password = "wrong";
    actor->tally.connections++;
    if (client_try(&options, &actor->client)) {
        actor_fault(actor, "logged in with a wrong password");
    } else if (mysql_errno(actor->client) != ER_ACCESS_DENIED) {
        actor_error(actor, "wrong password", mysql_errno(actor->client),
                    mysql_error(actor->client));
    }
}

static void be_idle(struct actor *actor)
{
    if (login(actor)) {
        actor_pause(actor, 1000);
        leave(actor);
    }
}

static void read_some(struct actor *actor)
{
    unsigned statements = 1 + actor_roll(actor, 20);
    bool goes_on = login(actor);
    for (unsigned i = 0; goes_on && i < statements; i++) {
        goes_on = ask_mark(actor);
    }
    if (goes_on) {
        leave(actor);
    }
}

static void write_some(struct actor *actor)
{
    unsigned statements = 1 + actor_roll(actor, 5);
    bool goes_on = login(actor);
    for (unsigned i = 0; goes_on && i < statements; i++) {
        goes_on = runf(actor, "INSERT INTO ledger VALUES ('%s/%u')", actor->mark, i);
        range_add(&actor->tally.rows, goes_on, 1);
    }
    if (goes_on) {
        leave(actor);
    }
}

// Commits, rolls back, or goes away in the middle.
static void transact(struct actor *actor)
{
    char statement[STATEMENT_SIZE], mark[MARK_SIZE + 16];
    bool is_kept = actor_roll(actor, 2) == 0;
    snprintf(mark, sizeof(mark), "%s/%s", actor->mark, is_kept ? "kept" : "undone");
    snprintf(statement, sizeof(statement), "SELECT mark FROM ledger WHERE mark = '%s'", mark);
    if (!login(actor) || !run(actor, "START TRANSACTION") || !ask_mark(actor) ||
        !runf(actor, "INSERT INTO ledger VALUES ('%s')", mark) || !ask(actor, statement, mark)) {
        return;
    }
    actor_pause(actor, 100);
    if (is_kept) {
        bool is_done = run(actor, "COMMIT");
        range_add(&actor->tally.rows, is_done, 1);
    } else if (actor_roll(actor, 2) == 0) {
        run(actor, "ROLLBACK");
    } else {
        leave_rudely(actor);
    }
}

// What a session sets is its own and stays.
static void keep_state(struct actor *actor)
{
    char statement[STATEMENT_SIZE];
    snprintf(statement, sizeof(statement), "SELECT mark FROM mine");
    if (!login(actor) || !runf(actor, "SET @mark = '%s'", actor->mark) ||
        !run(actor, "CREATE TEMPORARY TABLE mine (mark VARCHAR(64))") ||
        !runf(actor, "INSERT INTO mine VALUES ('%s')", actor->mark) || !ask_mark(actor) ||
        !ask(actor, statement, actor->mark) || !ask(actor, "SELECT @mark", actor->mark) ||
        !ask(actor, "SELECT GET_LOCK(CONCAT('lock of ', @mark), 1)", "1")) {
        return;
    }
    actor_pause(actor, 100);
    if (actor_roll(actor, 2) == 0 && mysql_reset_connection(actor->client) == 0) {
        range_add(&actor->tally.commands, 0, 1);
        ask(actor, "SELECT COALESCE(@mark, 'none')", "none");
    }
    leave(actor);
}

// The other account's session has nothing of the first one's.
static void change_user(struct actor *actor)
{
    struct client_options options = options_of(actor, ACCOUNT_GUEST); // whose way suits both
    if (!login_as(actor, &options) || !runf(actor, "SET @mark = '%s'", actor->mark)) {
        return;
    }
    range_add(&actor->tally.commands, 0, 1);
    range_add(&actor->tally.logins, 0, 1);
    if (mysql_change_user(actor->client, "app", "app-secret", "app") != 0) {
        actor_error(actor, "change of user", mysql_errno(actor->client),
                    mysql_error(actor->client));
        return;
    }
    if (ask(actor, "SELECT SUBSTRING_INDEX(CURRENT_USER(), '@', 1)", "app") &&
        ask(actor, "SELECT COALESCE(@mark, 'none')", "none")) {
        leave(actor);
    }
}

static bool statement_failed(struct actor *actor, MYSQL_STMT *statement, const char *doing)
{
    actor_error(actor, doing, mysql_stmt_errno(statement), mysql_stmt_error(statement));
    return false;
}

static bool statement_run(struct actor *actor, MYSQL_STMT *statement, char value[MARK_SIZE])
{
    unsigned long len = strlen(actor->mark), got = 0;
    char is_null = 0;
    MYSQL_BIND in = {.buffer_type = MYSQL_TYPE_STRING,
                     .buffer = actor->mark,
                     .buffer_length = len,
                     .length = &len};
    MYSQL_BIND out = {.buffer_type = MYSQL_TYPE_STRING,
                      .buffer = value,
                      .buffer_length = MARK_SIZE,
                      .length = &got,
                      .is_null = &is_null};
    range_add(&actor->tally.commands, 0, 1);
    if (mysql_stmt_bind_param(statement, &in) != 0 || mysql_stmt_execute(statement) != 0 ||
        mysql_stmt_bind_result(statement, &out) != 0 || mysql_stmt_store_result(statement) != 0) {
        return statement_failed(actor, statement, "execute");
    }
    if (mysql_stmt_fetch(statement) != 0 || strcmp(value, actor->mark) != 0) {
        actor_fault(actor, "a prepared statement answered %s", value);
    }
    mysql_stmt_free_result(statement);
    return true;
}

static void prepare_some(struct actor *actor)
{
    static const char text[] = "SELECT CONCAT(?) FROM digits WHERE n = 7";
    if (!login(actor)) {
        return;
    }
    MYSQL_STMT *statement = mysql_stmt_init(actor->client);
    range_add(&actor->tally.commands, 0, 2); // and its end
    unsigned times = 1 + actor_roll(actor, 5);
    bool goes_on = mysql_stmt_prepare(statement, text, sizeof(text) - 1) == 0 ||
                   statement_failed(actor, statement, text);
    for (unsigned i = 0; goes_on && i < times; i++) {
        char value[MARK_SIZE] = "";
        goes_on = statement_run(actor, statement, value);
    }
    if (actor_roll(actor, 2) == 0) {
        leave_rudely(actor);
    }
    mysql_stmt_close(statement);
}

// Reads some rows of many, or all.
static void leave_in_result(struct actor *actor)
{
    char statement[STATEMENT_SIZE], expected[MARK_SIZE + 16];
    unsigned rows = actor_roll(actor, 2) == 0 ? UINT32_MAX : actor_roll(actor, 10000), row = 0;
    snprintf(statement, sizeof(statement),
             "SELECT CONCAT('%s/', a.n, b.n, c.n, d.n), REPEAT('x', 100) FROM digits AS a, digits "
             "AS b, digits AS c, digits AS d ORDER BY a.n, b.n, c.n, d.n",
             actor->mark);
    if (!login(actor)) {
        return;
    }
    MYSQL_RES *result = NULL;
    if (mysql_query(actor->client, statement) != 0 ||
        (result = mysql_use_result(actor->client)) == NULL) {
        failed(actor, "rows");
        return;
    }
    for (MYSQL_ROW got; row < rows && (got = mysql_fetch_row(result)) != NULL; row++) {
        snprintf(expected, sizeof(expected), "%s/%04u", actor->mark, row);
        if (strcmp(got[0], expected) != 0) {
            actor_fault(actor, "row %u is %s", row, got[0]);
        }
    }
    if (row == rows) {
        leave_rudely(actor);
        range_add(&actor->tally.commands, 0, 1);
    } else if (mysql_errno(actor->client) != 0) {
        failed(actor, "rows");
    } else if (row != 10000) {
        actor_fault(actor, "%u rows", row);
    } else {
        answered(actor);
    }
    mysql_free_result(result);
}

// The statement would take longer than a soak: sluice ends it.
static bool begin_long(struct actor *actor)
{
    char statement[STATEMENT_SIZE];
    snprintf(statement, sizeof(statement), "SELECT '%s', SLEEP(100) FROM whoami", actor->mark);
    return mysql_send_query(actor->client, statement, strlen(statement)) == 0 ||
           failed(actor, statement);
}

static void leave_in_query(struct actor *actor)
{
    if (login(actor) && begin_long(actor)) {
        actor_pause(actor, 100);
        leave_rudely(actor);
        range_add(&actor->tally.commands, 0, 1);
    }
}

// The order to end `victim`, by another session of the same account or by the operator.
static bool order_kill(struct actor *actor, bool is_query, unsigned long victim)
{
    bool by_operator = actor_roll(actor, 2) == 0;
    struct client_options options = instance_options(actor->instance, "app", "app-secret");
    if (by_operator) {
        options = (struct client_options){
            .port = actor->instance->admin_port, .user = "admin", .password = ""};
    }
    actor->tally.connections += !by_operator;
    range_add(&actor->tally.logins, !by_operator, !by_operator);
    range_add(&actor->tally.commands, 0, !by_operator);
    char statement[64];
    snprintf(statement, sizeof(statement), "KILL %s %lu", is_query ? "QUERY" : "CONNECTION",
             victim);
    MYSQL *killer;
    bool is_done = client_try(&options, &killer) && mysql_query(killer, statement) == 0;
    if (!is_done) {
        actor_error(actor, statement, mysql_errno(killer), mysql_error(killer));
    }
    mysql_close(killer);
    return is_done;
}

static void be_killed(struct actor *actor)
{
    enum { ER_QUERY_INTERRUPTED = 1317 };
    struct client_options options = options_of(actor, ACCOUNT_APP);
    bool is_query = actor_roll(actor, 2) == 0;
    if (!login_as(actor, &options) || !ask_mark(actor) || !begin_long(actor)) {
        return;
    }
    actor_pause(actor, 100);
    range_add(&actor->tally.commands, 0, 1);
    if (!order_kill(actor, is_query, mysql_thread_id(actor->client))) {
        leave_rudely(actor);
        return;
    }
    if (mysql_read_query_result(actor->client) == 0) {
        mysql_free_result(mysql_store_result(actor->client));
    }
    unsigned number = mysql_errno(actor->client);
    if (number == 0) {
        actor_fault(actor, "KILL ended nothing");
        return;
    }
    bool is_ended = number == ER_QUERY_INTERRUPTED;
    actor->is_doomed = !is_query || is_ended;
    actor_error(actor, "killed", number, mysql_error(actor->client));
    if (is_query && is_ended) {
        actor->is_doomed = false;
        ask_mark(actor); // the kill does not reach into what comes after
    }
}

// --- uploads -------------------------------------------------------------------------------------

struct upload {
    struct actor *actor;
    unsigned row;
    unsigned rows; // UINT32_MAX: all, else the client goes away behind so many
};

static int upload_begin(void **handle, const char *name, void *context)
{
    (void)name;
    *handle = context;
    return 0;
}

static int upload_read(void *handle, char *out, unsigned size)
{
    struct upload *upload = handle;
    unsigned len = 0;
    while (upload->row < LOADED_ROWS && len + MARK_SIZE + 16 < size) {
        if (upload->row == upload->rows) {
            leave_rudely(upload->actor);
        }
        len += (unsigned)snprintf(out + len, size - len, "%s\t%u\n", upload->actor->mark,
                                  upload->row++);
        if (actor_roll(upload->actor, 50) == 0) {
            break; // several packets
        }
    }
    return (int)len;
}

static void upload_end(void *handle)
{
    (void)handle;
}

static int upload_error(void *handle, char *text, unsigned size)
{
    (void)handle;
    snprintf(text, size, "no error");
    return 0;
}

static void load_some(struct actor *actor)
{
    struct client_options options = options_of(actor, ACCOUNT_APP);
    options.with_local_files = true;
    struct upload upload = {.actor = actor, .rows = UINT32_MAX};
    if (actor_roll(actor, 2) == 0) {
        upload.rows = actor_roll(actor, LOADED_ROWS);
        actor->is_doomed = true; // by its own hand
    }
    if (!login_as(actor, &options)) {
        return;
    }
    mysql_set_local_infile_handler(actor->client, upload_begin, upload_read, upload_end,
                                   upload_error, &upload);
    if (!run(actor, "LOAD DATA LOCAL INFILE 'rows' INTO TABLE loaded (mark, n)")) {
        return;
    }
    char statement[STATEMENT_SIZE];
    snprintf(statement, sizeof(statement),
             "/* sluice: primary */ SELECT CONCAT(COUNT(*), ' ', SUM(n)) FROM loaded WHERE mark = "
             "'%s'",
             actor->mark);
    if (ask(actor, statement, "500 124750")) {
        leave(actor);
    }
}

// --- the table -----------------------------------------------------------------------------------

const struct act acts[] = {
    {"login-part", 3, leave_in_login},
    {"refused", 1, be_refused},
    {"idle", 2, be_idle},
    {"read", 5, read_some},
    {"write", 3, write_some},
    {"transaction", 3, transact},
    {"state", 3, keep_state},
    {"change-user", 1, change_user},
    {"prepared", 3, prepare_some},
    {"result", 2, leave_in_result},
    {"query", 2, leave_in_query},
    {"killed", 2, be_killed},
    {"upload", 2, load_some},
};
const size_t acts_count = sizeof(acts) / sizeof(acts[0]);
