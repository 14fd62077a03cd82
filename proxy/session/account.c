// Passwords that servers have taken, each worker with a table of its own: what one learns or
// forgets is told to all.
#include "proxy/session/session_priv.h"

#include "proxy/base/memory.h"

struct slice account_name(const struct session *session, struct slice user, struct buffer *out)
{
    struct address client = session_announced(session);
    char text[ADDRESS_TEXT_SIZE];
    if (client.kind == ADDRESS_NONE) {
        return user;
    }
    buffer_append_slice(out, user);
    buffer_append(out, "", 1);
    buffer_append_slice(out, slice_text(address_print_host(&client, text)));
    return buffer_slice(out);
}

static struct slice name_user(struct slice name)
{
    return slice_first(name, slice_find(name, '\0'));
}

static struct address name_client(struct slice name)
{
    struct address client;
    address_from_ip(&client, slice_from(name, name_user(name).len + 1), ADDRESS_PORT_NONE);
    return client;
}

const struct account_entry *account_find(struct worker *worker, struct slice user)
{
    return map_get(&worker->accounts, user);
}

static void entry_free(struct account_entry *entry)
{
    if (entry != NULL) {
        secret_unref(&entry->secret);
        mem_wipe(entry, sizeof(*entry));
        mem_free(entry);
    }
}

static void entries_release(struct worker *worker)
{
    map_each (slot, &worker->accounts) {
        entry_free(slot->value);
    }
    map_release(&worker->accounts);
}

enum { ACCOUNTS_MOST = 10000 };

static void entry_put(struct worker *worker, struct slice user, struct secret *secret)
{
    if (worker->accounts.count >= ACCOUNTS_MOST && account_find(worker, user) == NULL) {
        entries_release(worker); // who comes again is verified by a server again
    }
    struct account_entry *entry = mem_zero(1, sizeof(*entry));
    entry->secret = secret_ref(secret);
    entry->has_native_hash = secret_native_hash(secret, entry->native_hash);
    entry->verified_us = loop_now_us(worker->loop);
    secret_sha2_hash(secret, entry->sha2_hash);
    entry_free(map_put(&worker->accounts, user, entry));
}

// A user at all its addresses, or at the one that is named.
static bool is_meant(struct slice key, struct slice name)
{
    return slice_equal(key, name) || slice_equal(name_user(key), name);
}

static void forget_one(struct worker *worker, struct slice name)
{
    struct buffer names = BUFFER_INIT; // each key, and its length in front
    map_each (slot, &worker->accounts) {
        if (is_meant(slot->key, name)) {
            buffer_append(&names, &slot->key.len, sizeof(slot->key.len));
            buffer_append_slice(&names, slot->key);
        }
    }
    for (struct slice rest = buffer_slice(&names); rest.len > 0;) {
        size_t len;
        memcpy(&len, rest.ptr, sizeof(len));
        entry_free(map_remove(&worker->accounts, slice_make(rest.ptr + sizeof(len), len)));
        rest = slice_from(rest, sizeof(len) + len);
    }
    buffer_release(&names);
    pools_forget_user(worker->pools, name_user(name));
}

static void forget(struct worker *worker, struct slice name)
{
    map_release(&worker->schemas); // privileges may have gone, or schemas
    rights_forget(worker);
    if (name.len > 0) {
        forget_one(worker, name);
        return;
    }
    map_each (slot, &worker->accounts) {
        pools_forget_user(worker->pools, name_user(slot->key));
    }
    entries_release(worker);
}

static void doubt(struct worker *worker, struct slice name)
{
    struct account_entry *entry = map_get(&worker->accounts, name);
    if (entry != NULL) {
        entry->is_doubted = true;
    }
}

// --- schemas -------------------------------------------------------------------------------------

enum { SCHEMAS_MOST = 10000 };

static void schema_key_write(struct buffer *key, struct slice user, struct slice schema)
{
    buffer_append_slice(key, user);
    buffer_append(key, "", 1);
    buffer_append_slice(key, schema);
}

bool account_has_schema(const struct worker *worker, struct slice user, struct slice schema)
{
    struct buffer key = BUFFER_INIT;
    schema_key_write(&key, user, schema);
    bool has = map_get(&worker->schemas, buffer_slice(&key)) != NULL;
    buffer_release(&key);
    return has;
}

void account_add_schema(struct worker *worker, struct slice user, struct slice schema)
{
    struct buffer key = BUFFER_INIT;
    if (worker->schemas.count >= SCHEMAS_MOST) {
        map_release(&worker->schemas);
    }
    schema_key_write(&key, user, schema);
    map_put(&worker->schemas, buffer_slice(&key), worker);
    buffer_release(&key);
}

// --- to the others -------------------------------------------------------------------------------

enum account_news_kind {
    ACCOUNT_LEARNT,
    ACCOUNT_DOUBTED,
    ACCOUNT_FORGOTTEN,
    SCHEMAS_FORGOTTEN,
    CONNECTIONS_RENEWED
};

struct account_news {
    struct worker_question question;
    struct slice user;     // owned
    struct secret *secret; // ACCOUNT_LEARNT
    enum account_news_kind kind;
};

static void news_arrived(struct worker_question *question)
{
    struct account_news *news = container_of(question, struct account_news, question);
    switch (news->kind) {
    case ACCOUNT_LEARNT:
        entry_put(question->worker, news->user, news->secret);
        break;
    case ACCOUNT_DOUBTED:
        doubt(question->worker, news->user);
        break;
    case ACCOUNT_FORGOTTEN:
        forget(question->worker, news->user);
        break;
    case SCHEMAS_FORGOTTEN:
        map_release(&question->worker->schemas);
        break;
    case CONNECTIONS_RENEWED:
        pools_renew(question->worker->pools);
        break;
    }
    secret_unref(&news->secret);
    mem_free((char *)news->user.ptr);
    mem_free(news);
}

static void news_tell(struct worker *from, struct slice user, struct secret *secret,
                      enum account_news_kind kind)
{
    struct worker_shared *shared = from->shared;
    for (unsigned i = 0; i < shared->count; i++) {
        if (i == from->index) {
            continue;
        }
        struct account_news *news = mem_zero(1, sizeof(*news));
        news->user = slice_make(slice_copy_text(user), user.len);
        news->secret = secret_ref(secret);
        news->kind = kind;
        news->question.ask = news_arrived;
        worker_ask(shared->workers[i], &news->question);
    }
}

void account_learn(struct worker *worker, struct slice user, struct secret *secret)
{
    entry_put(worker, user, secret);
    news_tell(worker, user, secret, ACCOUNT_LEARNT);
}

void account_doubt(struct worker *worker, struct slice user)
{
    doubt(worker, user);
    news_tell(worker, user, NULL, ACCOUNT_DOUBTED);
}

void account_forget(struct worker *worker, struct slice user)
{
    forget(worker, user);
    news_tell(worker, user, NULL, ACCOUNT_FORGOTTEN);
}

void account_renew_connections(struct worker *worker)
{
    pools_renew(worker->pools);
    news_tell(worker, SLICE_NONE, NULL, CONNECTIONS_RENEWED);
}

void account_forget_schemas(struct worker *worker)
{
    map_release(&worker->schemas);
    news_tell(worker, SLICE_NONE, NULL, SCHEMAS_FORGOTTEN);
}

// --- verifying again -----------------------------------------------------------------------------

// A login on a server with what is known, while sessions go on.
struct recheck {
    struct list link; // in worker->rechecks
    struct conn *conn;
    struct worker *worker;
    struct slice user; // owned; the account's name
    struct secret *secret;
};

static void recheck_free(struct recheck *recheck)
{
    list_remove(&recheck->link);
    secret_unref(&recheck->secret);
    mem_free((char *)recheck->user.ptr);
    mem_free(recheck);
}

static void recheck_ready(struct conn *conn)
{
    struct recheck *recheck = conn_holder(conn);
    conn_close(conn);
    account_learn(recheck->worker, recheck->user, recheck->secret);
    recheck_free(recheck);
}

static size_t recheck_answer(struct conn *conn, const uint8_t *bytes, size_t len)
{
    (void)conn;
    (void)bytes;
    return len;
}

static void recheck_closed(struct conn *conn, const struct conn_loss *loss)
{
    struct recheck *recheck = conn_holder(conn);
    struct account_entry *entry = map_get(&recheck->worker->accounts, recheck->user);
    if (conn_loss_is_of_account(loss)) {
        account_forget(recheck->worker, recheck->user);
    } else if (entry != NULL) {
        entry->is_rechecked = false; // nothing was said of the password: the next login asks again
    }
    recheck_free(recheck);
}

static const struct conn_handler recheck_handler = {
    .on_ready = recheck_ready,
    .on_answer = recheck_answer,
    .on_closed = recheck_closed,
};

void account_recheck(struct worker *worker, struct slice user)
{
    struct account_entry *entry = map_get(&worker->accounts, user);
    int64_t now_us = loop_now_us(worker->loop);
    int server = worker_server_for_logins(worker, -1);
    if (entry == NULL || server < 0 || entry->is_rechecked ||
        now_us - entry->verified_us < worker->config->auth.recheck_us) {
        return;
    }
    struct recheck *recheck = mem_zero(1, sizeof(*recheck));
    recheck->worker = worker;
    recheck->user = slice_make(slice_copy_text(user), user.len);
    recheck->secret = secret_ref(entry->secret);
    entry->is_rechecked = true;
    struct conn_settings settings = {
        .loop = worker->loop,
        .target = worker->targets[server],
        .user = name_user(recheck->user),
        .secret = recheck->secret,
        .traits = {.client = name_client(recheck->user)},
        .collation = COLLATION_UTF8MB4_GENERAL_CI,
    };
    recheck->conn = conn_open(&settings, &recheck_handler, recheck);
    list_push_back(&worker->rechecks, &recheck->link);
}

bool account_is_trusted(const struct worker *worker, const struct account_entry *entry)
{
    return loop_now_us(worker->loop) - entry->verified_us < 2 * worker->config->auth.recheck_us;
}

void accounts_release(struct worker *worker)
{
    list_each_safe (link, &worker->rechecks) {
        struct recheck *recheck = container_of(link, struct recheck, link);
        conn_close(recheck->conn);
        recheck_free(recheck);
    }
    map_release(&worker->schemas);
    map_each (slot, &worker->accounts) {
        entry_free(slot->value);
    }
    map_release(&worker->accounts);
}
