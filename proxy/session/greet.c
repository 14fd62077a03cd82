// Logging in: the conversation is protocol/login's; this file feeds it, finds accounts, and makes a
// session of a client who proved who it is.
#include "proxy/session/greeting.h"

#include "proxy/base/clock.h"
#include "proxy/base/memory.h"

enum { LOGIN_SECONDS = 10 };

// --- beginning -----------------------------------------------------------------------------------

static struct slice server_version(const struct session *session)
{
    const struct worker *worker = session->worker;
    if (worker->config->proxy.server_version.len > 0) {
        return worker->config->proxy.server_version;
    }
    if (worker->topology != NULL && worker->topology->server_version.len > 0) {
        return worker->topology->server_version;
    }
    return S("5.5.5-10.6.0-MariaDB-sluice");
}

static bool is_secure(const struct session *session)
{
    if (stream_is_secure(&session->stream)) {
        return true;
    }
    if (session->peer.kind == ADDRESS_IP4 || session->peer.kind == ADDRESS_IP6) {
        return false;
    }
    // A PROXY header may speak of a socket that is another machine's.
    enum address_kind kind = stream_peer(&session->stream).kind;
    return kind != ADDRESS_IP4 && kind != ADDRESS_IP6;
}

// What clients may be offered beside the usual. Column definitions with extended types and
// statements with attributes are passed on as they come: every server has to know them.
static uint64_t shared_capabilities(const struct session *session)
{
    const struct topology *topology = session->worker->topology;
    uint64_t common = topology != NULL ? topology->common_capabilities : 0;
    return (session_is_mariadb(session) ? CAPABILITY_MARIADB_BULK : 0) |
           (common & (CAPABILITY_MARIADB_EXTENDED_TYPES | CAPABILITY_QUERY_ATTRIBUTES));
}

static struct greeting *greeting_make(struct session *session)
{
    const struct worker *worker = session->worker;
    struct greeting *greeting = mem_zero(1, sizeof(*greeting));
    address_print_host(&session->peer, greeting->peer);
    if (worker->setup->client_tls != NULL) {
        greeting->tls = tls_context_ref(worker->setup->client_tls);
    }
    uint64_t compression =
        worker->config->proxy.compression ? CAPABILITY_COMPRESS | CAPABILITY_ZSTD_COMPRESS : 0;
    struct login_server_options options = {
        .server_version = server_version(session),
        .connection_id = session->id,
        .capabilities = CAPABILITIES_OFFERED | compression | shared_capabilities(session),
        .collation = COLLATION_UTF8MB4_GENERAL_CI,
        .status = worker_first_status(worker),
        .offers_tls = greeting->tls != NULL,
        .requires_tls = worker->config->proxy.tls == CONF_TLS_REQUIRED,
        .is_secure = is_secure(session),
        .key = worker->shared->key,
        .fakes = &worker->shared->fakes,
        .peer = slice_text(greeting->peer),
    };
    greeting->session = session;
    greeting->asked_first = -1;
    login_server_init(&greeting->login, &options);
    session->greeting = greeting;
    timer_set(&session->timer, worker->loop, LOGIN_SECONDS * CLOCK_SECOND);
    return greeting;
}

void greet_start(struct session *session)
{
    struct greeting *greeting = greeting_make(session);
    greet_act(session, login_server_greet(&greeting->login));
}

// --- who it was ----------------------------------------------------------------------------------

static struct identity identity_take(struct session *session)
{
    struct identity taken = {
        .user = session->user,
        .account = session->account,
        .user_token = session->user_token,
        .image = session->image,
        .collation = session->collation,
    };
    session->user = SLICE_NONE;
    session->account = NULL;
    session->user_token = LIMIT_TOKEN_NONE;
    session->image = NULL;
    return taken;
}

static void identity_release(struct identity *identity)
{
    mem_free((char *)identity->user.ptr);
    pools_account_leave(&identity->account);
    limit_give(&identity->user_token);
    image_unref(&identity->image);
    *identity = (struct identity){0};
}

static void identity_put(struct session *session, struct identity *identity)
{
    struct identity other = identity_take(session);
    session->user = identity->user;
    session->account = identity->account;
    session->user_token = identity->user_token;
    session->image = identity->image;
    session->collation = identity->collation;
    session->conf_user = config_user(session->worker->config, session->user);
    *identity = other;
    identity_release(identity);
}

// --- COM_CHANGE_USER -----------------------------------------------------------------------------

// MariaDB lets a session try that often whose passwords were wrong.
enum { CHANGES_REFUSED_MOST = 3 };

// Nothing of the session's state outlives the attempt: MySQL then ends it, with MariaDB it goes on
// as who it was.
static void change_refused(struct session *session)
{
    struct greeting *greeting = session->greeting;
    if (greeting->has_changed) {
        identity_put(session, &greeting->before);
    }
    query_abandon(session);
    effects_reset(session);
    session->changes_refused++;
    greet_release(session);
    session_idle(session);
}

// Whether it is still known where the next command begins, and the session's own user may go on.
static bool may_go_on(const struct session *session)
{
    switch (login_server_refusal(&session->greeting->login)->cause) {
    case REFUSAL_CLIENT_OLD:
    case REFUSAL_CLIENT_MALFORMED:
    case REFUSAL_CLIENT_ORDER:
    case REFUSAL_CLIENT_TOO_LONG:
        return false;
    default:
        return session->greeting->is_change && session_is_mariadb(session);
    }
}

void greet_change_user(struct session *session)
{
    struct run *run = session->run;
    if (session->changes_refused >= CHANGES_REFUSED_MOST) {
        query_let_go(session);
        effects_reset(session);
        answer_error(session, CHANGES_REFUSED);
        return;
    }
    struct greeting *greeting = greeting_make(session);
    greeting->is_change = true;
    session_enter(session, SESSION_LOGIN);
    enum login_verb verb =
        login_server_change_user(&greeting->login, session->capabilities, session->nonce);
    if (verb == LOGIN_READ) {
        verb = login_server_feed(&greeting->login, run->payload, 0);
    }
    command_end(session);
    greet_act(session, verb);
}

void greet_release(struct session *session)
{
    struct greeting *greeting = session->greeting;
    session->greeting = NULL;
    if (greeting == NULL) {
        return;
    }
    asking_release(session, greeting);
    login_server_release(&greeting->login);
    if (greeting->tls != NULL) {
        tls_context_unref(greeting->tls);
    }
    identity_release(&greeting->before);
    greeting->session = NULL;
    if (!greeting->is_working) {
        mem_free(greeting); // else the helper's answer frees it
    }
}

void greet_timed_out(struct session *session)
{
    if (asking_give_up(session)) {
        return;
    }
    log_info(&session->source, "login.timeout",
             kv_slice("state", login_server_state_text(&session->greeting->login)));
    metric_add(session->worker->metrics, METRIC_LOGIN_FAILURES, 1);
    session_close(session);
}

// --- reading -------------------------------------------------------------------------------------

size_t greet_data(struct session *session, const uint8_t *bytes, size_t len)
{
    size_t used = 0;
    while (session->state == SESSION_LOGIN && len - used >= FRAME_HEADER_SIZE) {
        struct frame frame = frame_read(bytes + used);
        struct login_server *login = &session->greeting->login;
        if (frame.len > LOGIN_PACKET_MAX) {
            greet_act(session, login_server_too_long(login, frame.sequence));
            return len;
        }
        if (len - used - FRAME_HEADER_SIZE < frame.len) {
            break;
        }
        struct slice payload = slice_make(bytes + used + FRAME_HEADER_SIZE, frame.len);
        used += FRAME_HEADER_SIZE + frame.len;
        enum login_verb verb = login_server_feed(login, payload, frame.sequence);
        mem_wipe((char *)payload.ptr, payload.len); // it may have held a password
        greet_act(session, verb);
        if (verb == LOGIN_START_TLS) {
            break; // what follows is TLS
        }
    }
    return used;
}

void greet_secured(struct session *session)
{
    if (session->greeting != NULL) {
        greet_act(session, login_server_tls_started(&session->greeting->login));
    }
}

// --- accounts ------------------------------------------------------------------------------------

static enum login_verb account_look_up(struct session *session)
{
    struct worker *worker = session->worker;
    struct login_server *login = &session->greeting->login;
    struct slice user = login_server_request(login)->user;
    const struct conf_user *section = config_user(worker->config, user);
    struct buffer name = BUFFER_INIT;
    const struct account_entry *entry = account_find(worker, account_name(session, user, &name));
    bool is_passthrough = worker->config->auth.mode == CONF_AUTH_PASSTHROUGH;
    struct login_account account = {0};

    buffer_release(&name);
    if (section != NULL) {
        account.password = section->password;
        account.has_password = section->has_password;
        account.password2 = section->password2;
        account.has_password2 = section->has_password2;
        account.native_hash = section->has_password_hash ? section->password_hash : NULL;
    }
    bool has_section = account.has_password || account.native_hash != NULL;
    if (!has_section && !is_passthrough) {
        return login_server_account(login, NULL);
    }
    if (!has_section && entry != NULL && account_is_trusted(worker, entry)) {
        account.sha2_hash = entry->sha2_hash;
    }
    account.server_decides = !has_section;
    return login_server_account(login, &account);
}

// MariaDB does not know MySQL's newest collation by number and would take its own default.
uint16_t greet_collation(const struct session *session, uint16_t number)
{
    if (number == COLLATION_UTF8MB4_0900_AI_CI && session_is_mariadb(session)) {
        return COLLATION_UTF8MB4_GENERAL_CI;
    }
    return collation_by_number(number) == collation_by_number(0) &&
                   number != COLLATION_UTF8MB4_GENERAL_CI
               ? COLLATION_UTF8MB4_GENERAL_CI
               : number;
}

// --- decrypting ----------------------------------------------------------------------------------

static void decrypt_work(struct loop_work *work)
{
    decryption_run(container_of(work, struct greeting, work)->decryption);
}

static void decrypt_done(struct loop_work *work)
{
    struct greeting *greeting = container_of(work, struct greeting, work);
    struct session *session = greeting->session;
    greeting->is_working = false;
    if (session == NULL) {
        decryption_destroy(&greeting->decryption);
        mem_free(greeting);
        return;
    }
    session_enter(session, SESSION_LOGIN);
    greet_act(session, login_server_decrypted(&greeting->login, &greeting->decryption));
}

static void decrypt(struct session *session)
{
    struct greeting *greeting = session->greeting;
    session_enter(session, SESSION_ASKING);
    greeting->decryption = login_server_take_decryption(&greeting->login);
    greeting->work.work = decrypt_work;
    greeting->work.done = decrypt_done;
    greeting->is_working = true;
    loop_work(session->worker->loop, &greeting->work);
}

// --- the end -------------------------------------------------------------------------------------

static void refuse_own(struct session *session, enum error_row row, struct slice text)
{
    const struct error_code *code = error_row_code(row, session_is_mariadb(session));
    struct err err = {code->number, slice_text(code->sqlstate), text};
    metric_add(session->worker->metrics, METRIC_CLIENT_ERRORS, 1, row);
    greet_act(session, login_server_refuse(&session->greeting->login, &err));
}

// Limits of the account. False: the client was refused.
static bool limits_take(struct session *session, const struct conf_user *section,
                        struct limit_token *token)
{
    struct worker *worker = session->worker;
    *token = LIMIT_TOKEN_NONE;
    if (section == NULL || worker->setup->users == NULL) {
        return true;
    }
    unsigned index = (unsigned)(section - worker->config->users);
    if (limit_take(worker->setup->users, index, token)) {
        return true;
    }
    char text[ERROR_ROW_TEXT_SIZE];
    snprintf(text, sizeof(text), ERROR_FORMAT_TOO_MANY_OF_USER, SLICE_ARG(section->name),
             section->max_connections);
    refuse_own(session, ERROR_ROW_TOO_MANY_OF_USER, slice_text(text));
    return false;
}

// While a password changes, servers may take the one that the client did not prove.
static bool has_two_passwords(const struct conf_user *section)
{
    return section != NULL && section->has_password && section->has_password2;
}

static struct secret *other_secret(const struct conf_user *section)
{
    return has_two_passwords(section) ? secret_from_password(section->password2) : NULL;
}

// The secret that the pools log in with: the password that the client proved, or the first one of
// two, else what else is known of it.
static struct secret *pool_secret(const struct session *session, const struct conf_user *section,
                                  struct secret *proved)
{
    struct buffer name = BUFFER_INIT;
    const struct account_entry *entry =
        account_find(session->worker, account_name(session, session->user, &name));
    buffer_release(&name);
    if (secret_has_password(proved) && !has_two_passwords(section)) {
        return secret_ref(proved);
    }
    if (section != NULL && section->has_password) {
        return secret_from_password(section->password);
    }
    return secret_ref(entry != NULL ? entry->secret : proved);
}

enum { ATTRIBUTES_KEPT = 4096 };

// What the client tells of itself, for servers to see; not of which of its processes it is: the
// connection will serve others of the kind.
static void attributes_pass(struct session *session, const struct login_request *request)
{
    struct buffer kept = BUFFER_INIT;
    struct writer writer = writer_make(&kept, 0);
    struct reader pairs = reader_make(request->attributes);
    struct attribute attribute;
    while (attribute_next(&pairs, &attribute)) {
        bool is_own =
            slice_equal(attribute.name, S("_pid")) || slice_equal(attribute.name, S("_thread"));
        size_t size = buffer_len(&kept) + attribute.name.len + attribute.value.len;
        if (!is_own && size < ATTRIBUTES_KEPT) {
            attribute_encode(&attribute, &writer);
        }
    }
    pool_account_tell(session->account, buffer_slice(&kept));
    buffer_release(&kept);
}

static void session_equip(struct session *session, const struct login_request *request,
                          struct secret *proved)
{
    struct worker *worker = session->worker;
    const struct conf_user *section = config_user(worker->config, request->user);

    mem_free((char *)session->user.ptr);
    session->user = slice_make(slice_copy_text(request->user), request->user.len);
    session->conf_user = section;
    session->status = worker_first_status(worker);
    session->capabilities = request->capabilities;
    session->collation = greet_collation(session, request->collation);
    struct conn_traits traits = {
        .found_rows = (request->capabilities & CAPABILITY_FOUND_ROWS) != 0,
        .ignore_space = (request->capabilities & CAPABILITY_IGNORE_SPACE) != 0,
        .interactive = (request->capabilities & CAPABILITY_INTERACTIVE) != 0,
        .deprecate_eof = (request->capabilities & CAPABILITY_DEPRECATE_EOF) != 0,
        .extended_types = (request->capabilities & CAPABILITY_MARIADB_EXTENDED_TYPES) != 0,
        .query_attributes = (request->capabilities & CAPABILITY_QUERY_ATTRIBUTES) != 0,
        .client = session_announced(session),
    };
    struct secret *secret = pool_secret(session, section, proved);
    struct secret *other = other_secret(section);
    pools_account_leave(&session->account);
    session->account = pools_account(worker->pools, session->user, traits, secret, other);
    secret_unref(&secret);
    secret_unref(&other);
    attributes_pass(session, request);

    // Another user leaves the option of the connection as it is.
    bool allows_several = session->greeting->is_change
                              ? session->greeting->before.image->multi_statements
                              : (request->capabilities & CAPABILITY_MULTI_STATEMENTS) != 0;
    const struct collation *collation = collation_by_number(session->collation);
    image_unref(&session->image);
    session->image =
        image_make(&worker->images, collation->charset, session_login_collation(session, collation),
                   request->schema, allows_several);
    effects_image_changed(session);
}

// What follows the OK is compressed, where both sides can. It stays so when the user changes.
static void compression_begin(struct session *session)
{
    enum compression_kind kind = compression_of(session->capabilities);
    if (kind != COMPRESSION_NONE && !session->greeting->is_change) {
        unsigned level = login_server_request(&session->greeting->login)->zstd_level;
        stream_start_compression(&session->stream, compression_create(kind, level, false));
    }
}

// Servers say which schema a login is in. Written to `out`.
static struct slice schema_change(const struct session *session, struct buffer *out)
{
    struct slice schema = session->image->schema;
    struct writer writer = writer_make(out, 0);
    if (schema.len > 0) {
        session_change_encode(
            &(struct session_change){.type = SESSION_CHANGE_SCHEMA, .value = schema}, &writer);
    }
    return buffer_slice(out);
}

// The client is in.
static void welcome(struct session *session)
{
    struct worker *worker = session->worker;
    struct greeting *greeting = session->greeting;
    struct buffer changes = BUFFER_INIT;
    struct ok ok = {.status = session->status, .session = schema_change(session, &changes)};
    login_server_accept(&greeting->login, &ok);
    buffer_release(&changes);
    stream_send(&session->stream, buffer_ptr(&greeting->login.out),
                buffer_len(&greeting->login.out));
    buffer_clear(&greeting->login.out);
    compression_begin(session);
    metric_add(worker->metrics, METRIC_LOGINS, 1);
    log_debug(&session->source, "client.login");
    greet_release(session);
    session_idle(session);
}

// --- the schema ----------------------------------------------------------------------------------

// A connection to the schema could be had: it stays in the pool for the first statement.
static void schema_granted(struct pool_waiter *waiter, struct pooled *pooled)
{
    struct session *session = container_of(waiter, struct session, waiter);
    pool_give(pooled, POOL_KEEP);
    struct buffer name = BUFFER_INIT;
    account_add_schema(session->worker, account_name(session, session->user, &name),
                       session->image->schema);
    buffer_release(&name);
    session_enter(session, SESSION_LOGIN);
    welcome(session);
}

// What the server says of the schema is what the client hears; that no connection was to be had is
// told when it is used.
static void schema_refused(struct pool_waiter *waiter, enum pool_refusal refusal,
                           const struct conn_loss *loss)
{
    struct session *session = container_of(waiter, struct session, waiter);
    struct err err;
    session_enter(session, SESSION_LOGIN);
    bool is_servers = refusal == POOL_FAILED && loss->end == CONN_END_REFUSED;
    if (is_servers && err_decode(&err, loss->refusal)) {
        greet_act(session, login_server_refuse(&session->greeting->login, &err));
    } else if (refusal == POOL_FAILED && loss->end == CONN_END_PREPARE &&
               err_decode(&err, loss->refusal)) {
        greet_act(session, login_server_refuse(&session->greeting->login, &err));
    } else {
        welcome(session);
    }
}

// A login to a schema is refused where a server would refuse it: asked once for each user and
// schema.
static void schema_check(struct session *session)
{
    struct worker *worker = session->worker;
    int server = worker_server_for_logins(worker, -1);
    struct buffer name = BUFFER_INIT;
    bool is_known = account_has_schema(worker, account_name(session, session->user, &name),
                                       session->image->schema);
    buffer_release(&name);
    if (session->image->schema.len == 0 || server < 0 || is_known) {
        welcome(session);
        return;
    }
    struct pool_request request = {
        .account = session->account,
        .server = server,
        .collation = session->collation,
        .image = session->image,
        .timeout_us = worker->config->proxy.connect_timeout_us,
    };
    session->waiter.granted = schema_granted;
    session->waiter.refused = schema_refused;
    session_enter(session, SESSION_ASKING);
    struct pooled *pooled = pool_take(worker->pools, &request, &session->waiter, &session->ties);
    if (pooled != NULL) {
        schema_granted(&session->waiter, pooled);
    }
}

static void accepted(struct session *session)
{
    if (!asking_confirm(session)) {
        greet_admit(session);
    }
}

void greet_admit(struct session *session)
{
    struct worker *worker = session->worker;
    struct greeting *greeting = session->greeting;
    const struct login_request *request = login_server_request(&greeting->login);

    struct limit_token token;
    if (!limits_take(session, config_user(worker->config, request->user), &token)) {
        return;
    }
    if (greeting->is_change) {
        query_abandon(session);
        effects_reset(session);
        greeting->before = identity_take(session);
        greeting->has_changed = true;
    }
    session->user_token = token;
    memcpy(session->nonce, login_server_nonce(&greeting->login), sizeof(session->nonce));
    struct secret *proved = login_server_take_secret(&greeting->login);
    session_equip(session, request, proved);
    secret_unref(&proved);
    struct buffer name = BUFFER_INIT;
    account_recheck(worker, account_name(session, session->user, &name));
    buffer_release(&name);
    schema_check(session);
}

static void refused(struct session *session)
{
    const struct refusal *refusal = login_server_refusal(&session->greeting->login);
    metric_add(session->worker->metrics, METRIC_LOGIN_FAILURES, 1);
    log_info(&session->source, "login.refused", kv_uint("code", refusal->code),
             kv_str("text", refusal->text));
    if (may_go_on(session)) {
        change_refused(session);
    } else {
        session_finish(session);
    }
}

void greet_act(struct session *session, enum login_verb verb)
{
    struct login_server *login = &session->greeting->login;
    if (!buffer_is_empty(&login->out)) {
        stream_send(&session->stream, buffer_ptr(&login->out), buffer_len(&login->out));
        buffer_clear(&login->out);
    }
    switch (verb) {
    case LOGIN_READ:
        if (stream_has_unread(&session->stream)) {
            stream_resume(&session->stream);
        }
        break;
    case LOGIN_START_TLS:
        stream_start_tls(&session->stream, session->greeting->tls);
        break;
    case LOGIN_LOOK_UP:
        greet_act(session, account_look_up(session));
        break;
    case LOGIN_DECRYPT:
        decrypt(session);
        break;
    case LOGIN_ASK_SERVER:
        asking_begin(session);
        break;
    case LOGIN_ACCEPTED:
        accepted(session);
        break;
    case LOGIN_REFUSED:
        refused(session);
        break;
    }
}
