// What an account may do to other accounts' sessions. A server is asked when that counts for the
// first time, by a connection of its own, and what it says is kept as long as a login is: forgotten
// with it, and asked again behind `recheck`. It says what the account's grants and its default
// roles give; a role that a session takes later gives nothing more here.
#include "proxy/session/rights.h"

#include "proxy/base/memory.h"
#include "proxy/session/session_priv.h"

enum { RIGHTS_MOST = 10000 };

// --- reading -------------------------------------------------------------------------------------

// MariaDB writes the names with spaces, MySQL some with underscores.
static const struct {
    struct slice privilege;
    unsigned rights;
} privileges[] = {
    {SLICE_INIT("ALL PRIVILEGES"), RIGHT_SEE | RIGHT_KILL},
    {SLICE_INIT("PROCESS"), RIGHT_SEE},
    {SLICE_INIT("SUPER"), RIGHT_KILL},
    {SLICE_INIT("CONNECTION ADMIN"), RIGHT_KILL},
    {SLICE_INIT("CONNECTION_ADMIN"), RIGHT_KILL},
};

static unsigned rights_of_privilege(struct slice privilege)
{
    for (size_t i = 0; i < sizeof(privileges) / sizeof(privileges[0]); i++) {
        if (slice_equal(privilege, privileges[i].privilege)) {
            return privileges[i].rights;
        }
    }
    return 0;
}

// Privileges are plain words: a line that has a quote before its ON is about a role, whatever that
// one's name looks like.
static bool is_plain(char c)
{
    return (c >= 'A' && c <= 'Z') || c == '_' || c == ' ' || c == ',';
}

unsigned rights_of_grant(struct slice line)
{
    const struct slice begin = S("GRANT "), on = S(" ON "), everything = S("*.* TO ");
    unsigned rights = 0;
    size_t len = 0;
    if (!slice_equal(slice_first(line, begin.len), begin)) {
        return 0;
    }
    struct slice rest = slice_from(line, begin.len), privilege;
    while (len < rest.len && is_plain(rest.ptr[len])) {
        len++;
    }
    bool is_global = slice_equal(slice_first(slice_from(rest, len), everything.len), everything);
    if (!is_global || len < on.len ||
        !slice_equal(slice_first(slice_from(rest, len - on.len), on.len), on)) {
        return 0;
    }
    rest = slice_first(rest, len - on.len);
    while (slice_cut(&rest, ',', &privilege)) {
        rights |= rights_of_privilege(slice_trim(privilege));
    }
    return rights;
}

// --- what is known -------------------------------------------------------------------------------

struct rights_entry {
    unsigned rights;
    int64_t asked_us;
};

static const struct rights_entry *entry_find(const struct worker *worker, struct slice account)
{
    const struct rights_entry *entry = map_get(&worker->rights, account);
    bool is_fresh = entry != NULL &&
                    loop_now_us(worker->loop) - entry->asked_us < worker->config->auth.recheck_us;
    return is_fresh ? entry : NULL;
}

static void entries_forget(struct worker *worker)
{
    map_each (slot, &worker->rights) {
        mem_free(slot->value);
    }
    map_release(&worker->rights);
}

static void entry_put(struct worker *worker, struct slice account, unsigned rights)
{
    struct rights_entry *entry = mem_zero(1, sizeof(*entry));
    entry->rights = rights;
    entry->asked_us = loop_now_us(worker->loop);
    if (worker->rights.count >= RIGHTS_MOST) {
        entries_forget(worker);
    }
    mem_free(map_put(&worker->rights, account, entry));
}

// --- asking --------------------------------------------------------------------------------------

// Lives until the server's answer, whatever becomes of the session.
struct asker {
    struct list link; // in worker->askers
    struct worker *worker;
    struct conn *conn;
    struct timer timer;
    struct slice account; // owned
    uint32_t from;        // the session that asks
    uint64_t serial;      // and with which of its commands
    rights_fn *then;
    void *context;
    bool is_outdated; // grants may have changed since it asked
};

static void asker_free(struct asker *asker)
{
    list_remove(&asker->link);
    timer_release(&asker->timer);
    mem_free((char *)asker->account.ptr);
    mem_free(asker);
}

// Nothing is known where no server said anything: then the account has no rights, this time.
static void asker_end(struct asker *asker, unsigned rights)
{
    struct session *session = session_of_command(asker->worker, asker->from, asker->serial);
    rights_fn *then = asker->then;
    void *context = asker->context;
    asker_free(asker);
    then(session, rights, context);
}

static void asker_answered(struct conn *conn, const struct conn_result *result, void *context)
{
    struct asker *asker = context;
    unsigned rights = 0;
    for (size_t i = 0; i < result->row_count && result->column_count > 0; i++) {
        rights |= rights_of_grant(result->rows[i].cells[0]);
    }
    if (result->code == 0 && !asker->is_outdated) {
        entry_put(asker->worker, asker->account, rights);
    }
    conn_close(conn);
    asker_end(asker, rights);
}

static void asker_ready(struct conn *conn)
{
    conn_query(conn, S("SHOW GRANTS"), asker_answered, conn_holder(conn));
}

static size_t asker_answer(struct conn *conn, const uint8_t *bytes, size_t len)
{
    (void)conn;
    (void)bytes;
    return len;
}

static void asker_closed(struct conn *conn, const struct conn_loss *loss)
{
    (void)loss;
    asker_end(conn_holder(conn), 0);
}

static void asker_timed_out(struct timer *timer)
{
    struct asker *asker = container_of(timer, struct asker, timer);
    conn_close(asker->conn);
    asker_end(asker, 0);
}

static const struct conn_handler asker_handler = {
    .on_ready = asker_ready,
    .on_answer = asker_answer,
    .on_closed = asker_closed,
};

static void asker_start(struct session *session, struct slice account, int server, rights_fn *then,
                        void *context)
{
    struct worker *worker = session->worker;
    struct asker *asker = mem_zero(1, sizeof(*asker));
    const struct conn_settings settings = {
        .loop = worker->loop,
        .target = worker->targets[server],
        .user = session->user,
        .secret = pool_account_secret(session->account, server),
        .traits = {.client = session_announced(session)},
        .collation = COLLATION_UTF8MB4_GENERAL_CI,
    };
    asker->worker = worker;
    asker->account = slice_make(slice_copy_text(account), account.len);
    asker->from = session->id;
    asker->serial = session->queries;
    asker->then = then;
    asker->context = context;
    asker->conn = conn_open(&settings, &asker_handler, asker);
    timer_init(&asker->timer, asker_timed_out);
    timer_set(&asker->timer, worker->loop, worker->config->proxy.connect_timeout_us);
    list_push_back(&worker->askers, &asker->link);
    session_enter(session, SESSION_HOLDING);
}

void rights_ask(struct session *session, rights_fn *then, void *context)
{
    struct worker *worker = session->worker;
    struct buffer name = BUFFER_INIT;
    struct slice account = account_name(session, session->user, &name);
    const struct rights_entry *entry = entry_find(worker, account);
    int server = worker_server_for_logins(worker, -1);
    if (entry == NULL && server >= 0) {
        asker_start(session, account, server, then, context);
    } else {
        then(session, entry != NULL ? entry->rights : 0, context);
    }
    buffer_release(&name);
}

void rights_forget(struct worker *worker)
{
    entries_forget(worker);
    list_each (link, &worker->askers) {
        container_of(link, struct asker, link)->is_outdated = true;
    }
}

void rights_release(struct worker *worker)
{
    list_each_safe (link, &worker->askers) {
        struct asker *asker = container_of(link, struct asker, link);
        conn_close(asker->conn);
        asker_end(asker, 0);
    }
    entries_forget(worker);
}
