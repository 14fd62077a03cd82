// From a server's name to a finished login: the name is looked up, its addresses are tried in turn,
// TLS and the password's proof are left to protocol/login.
#include "proxy/backend/conn_priv.h"

#include "proxy/base/memory.h"
#include "proxy/net/proxy_header.h"
#include "router/topology/version.h"

enum { MAX_PACKET = 1 << 30 }; // the most that servers take

struct conn_opening {
    struct conn *conn;
    struct login_client login;
    bool has_login;
    struct resolver_query query;
    struct timer timer;
    struct address addresses[RESOLVER_ADDRESSES_MAX];
    size_t address_count;
    size_t address_at; // the one being tried
    int64_t deadline_us;
    struct slice user;       // owned
    struct slice schema;     // owned
    struct slice attributes; // owned
    struct secret *secret;
    struct conn_traits traits;
    uint16_t collation;
    bool multi_statements;
};

// --- addresses -----------------------------------------------------------------------------------

static void opening_timed_out(struct timer *timer)
{
    struct conn *conn = container_of(timer, struct conn_opening, timer)->conn;
    conn_end(conn, CONN_END_TIMEOUT, SLICE_NONE, "no login within connect_timeout");
}

static void address_try(struct conn *conn)
{
    struct conn_opening *opening = conn->opening;
    int64_t left_us = opening->deadline_us - loop_now_us(conn->stream.loop);
    size_t others = opening->address_count - opening->address_at;
    stream_connect(&conn->stream, &opening->addresses[opening->address_at],
                   left_us / (int64_t)others);
}

static void resolved(struct resolver_query *query, const struct address *addresses, size_t count,
                     const struct error *error)
{
    struct conn_opening *opening = container_of(query, struct conn_opening, query);
    struct conn *conn = opening->conn;
    if (count == 0) {
        conn_end(conn, CONN_END_RESOLVE, SLICE_NONE, "%s", error->text);
        return;
    }
    memcpy(opening->addresses, addresses, count * sizeof(*addresses));
    opening->address_count = count;
    address_try(conn);
}

// What the login names: servers read it in the login's charset. Another name is chosen afterwards.
static struct slice schema_of_login(const struct conn_settings *settings)
{
    struct slice schema = settings->schema;
    struct slice charset = collation_by_number(settings->collation)->charset;
    bool is_other = !slice_is_ascii(schema) && slice_is_utf8(schema, 4) &&
                    !slice_starts_nocase(charset, S("utf8"));
    return is_other ? SLICE_NONE : schema;
}

void opening_start(struct conn *conn, const struct conn_settings *settings)
{
    struct conn_opening *opening = mem_zero(1, sizeof(*opening));
    const struct conf_address *address = &settings->target->address;
    int64_t timeout_us = settings->target->connect_timeout_us;

    conn->opening = opening;
    opening->conn = conn;
    opening->user = slice_make(slice_copy_text(settings->user), settings->user.len);
    struct slice schema = schema_of_login(settings);
    opening->schema = slice_make(slice_copy_text(schema), schema.len);
    opening->attributes =
        slice_make(slice_copy_text(settings->attributes), settings->attributes.len);
    opening->secret = secret_ref(settings->secret);
    opening->traits = settings->traits;
    opening->collation = settings->collation;
    opening->multi_statements = settings->multi_statements;
    opening->deadline_us = loop_now_us(settings->loop) + timeout_us;
    timer_init(&opening->timer, opening_timed_out);
    timer_set(&opening->timer, settings->loop, timeout_us);
    resolver_query_init(&opening->query, resolved);
    if (address->kind == CONF_ADDRESS_UNIX) {
        opening->address_count = 1;
        address_from_path(&opening->addresses[0], address->path);
        address_try(conn);
    } else if (address_from_ip(&opening->addresses[0], address->host, address->port)) {
        opening->address_count = 1;
        address_try(conn);
    } else {
        resolver_ask(settings->target->resolver, &opening->query, address->host, address->port);
    }
}

bool opening_retry(struct conn *conn)
{
    struct conn_opening *opening = conn->opening;
    if (opening->address_at + 1 >= opening->address_count) {
        return false;
    }
    opening->address_at++;
    address_try(conn);
    return true;
}

void opening_release(struct conn *conn)
{
    struct conn_opening *opening = conn->opening;
    conn->opening = NULL;
    if (opening == NULL) {
        return;
    }
    resolver_cancel(&opening->query);
    timer_release(&opening->timer);
    if (opening->has_login) {
        login_client_release(&opening->login);
    }
    secret_unref(&opening->secret);
    mem_free((char *)opening->user.ptr);
    mem_free((char *)opening->schema.ptr);
    mem_free((char *)opening->attributes.ptr);
    mem_free(opening);
}

// Whoever the connection is for, before all else. MariaDB greets without waiting for it.
static void header_send(struct conn *conn)
{
    const struct conn_opening *opening = conn->opening;
    uint8_t header[PROXY_HEADER_OUT_SIZE];
    size_t len = proxy_header_encode(&opening->traits.client,
                                     &opening->addresses[opening->address_at], header);
    stream_send(&conn->stream, header, len);
}

// --- login ---------------------------------------------------------------------------------------

static uint64_t wanted_compression(const struct conn_target *target)
{
    switch (target->compression) {
    case CONF_COMPRESSION_ZLIB:
        return CAPABILITY_COMPRESS;
    case CONF_COMPRESSION_ZSTD:
        return CAPABILITY_ZSTD_COMPRESS;
    default:
        return 0;
    }
}

static uint64_t wanted_capabilities(const struct conn_opening *opening)
{
    const struct conn_traits *traits = &opening->traits;
    return (opening->multi_statements ? CAPABILITY_MULTI_STATEMENTS : 0) |
           (traits->found_rows ? CAPABILITY_FOUND_ROWS : 0) |
           (traits->ignore_space ? CAPABILITY_IGNORE_SPACE : 0) |
           (traits->interactive ? CAPABILITY_INTERACTIVE : 0) |
           (traits->deprecate_eof ? CAPABILITY_DEPRECATE_EOF : 0) |
           (traits->extended_types ? CAPABILITY_MARIADB_EXTENDED_TYPES : 0) |
           (traits->query_attributes ? CAPABILITY_QUERY_ATTRIBUTES : 0);
}

// What the client was promised and this server does not do; NULL: nothing.
static const char *broken_promise(const struct conn *conn)
{
    uint64_t agreed = conn->peer.capabilities;
    const struct conn_traits *traits = &conn->opening->traits;
    if (traits->deprecate_eof && !capability_has(agreed, CAPABILITY_DEPRECATE_EOF)) {
        return "it ends results in an older way";
    }
    if (traits->extended_types && !capability_has(agreed, CAPABILITY_MARIADB_EXTENDED_TYPES)) {
        return "it does not name extended types";
    }
    if (traits->query_attributes && !capability_has(agreed, CAPABILITY_QUERY_ATTRIBUTES)) {
        return "it takes no query attributes";
    }
    return NULL;
}

static enum login_client_tls login_tls(enum conf_tls_mode mode)
{
    switch (mode) {
    case CONF_TLS_DISABLED:
        return LOGIN_CLIENT_TLS_DISABLED;
    case CONF_TLS_PREFERRED:
        return LOGIN_CLIENT_TLS_PREFERRED;
    default:
        return LOGIN_CLIENT_TLS_REQUIRED;
    }
}

static void login_init(struct conn_opening *opening, const struct conn_target *target)
{
    struct login_client_options options = {
        .server = target->name,
        .user = opening->user,
        .schema = opening->schema,
        .attributes = opening->attributes,
        .secret = opening->secret,
        .capabilities = wanted_capabilities(opening) | wanted_compression(target),
        .collation = (uint8_t)opening->collation,
        .max_packet = MAX_PACKET,
        .tls = login_tls(target->tls),
        .is_secure = target->address.kind == CONF_ADDRESS_UNIX,
    };
    login_client_init(&opening->login, &options);
    opening->has_login = true;
}

static void compression_begin(struct conn *conn)
{
    enum compression_kind kind = compression_of(conn->peer.capabilities);
    if (kind != COMPRESSION_NONE) {
        stream_start_compression(&conn->stream,
                                 compression_create(kind, COMPRESSION_LEVEL_ZSTD, true));
    }
}

static struct image_dialect dialect_of(const struct conn *conn)
{
    struct version version;
    version_parse(slice_text(conn->peer.version), &version);
    uint32_t renamed = conn->peer.is_mariadb ? 110101 : 50720;
    return (struct image_dialect){
        .has_tx_names = version.number < renamed,
        .keeps_access_mode = conn->is_replica,
    };
}

static void login_succeeded(struct conn *conn)
{
    struct conn_opening *opening = conn->opening;
    const struct collation *collation = collation_by_number(opening->collation);

    conn->peer = *login_client_peer(&opening->login);
    conn->dialect = dialect_of(conn);
    const char *lack = broken_promise(conn);
    if (lack != NULL) {
        conn_end(conn, CONN_END_LOGIN, SLICE_NONE,
                 "%s, which the client was promised; a new connection to sluice does without",
                 lack);
        return;
    }
    if (conn->images != NULL) {
        conn->image = image_make(
            conn->images, collation->charset,
            collation_of_login(collation, conn->peer.is_mariadb && conn->images->has_one_default),
            opening->schema, (conn->peer.capabilities & CAPABILITY_MULTI_STATEMENTS) != 0);
    }
    opening_release(conn);
    compression_begin(conn);
    work_set_up(conn);
}

static void login_refused(struct conn *conn)
{
    const struct refusal *refusal = login_client_refusal(&conn->opening->login);
    struct buffer packet = BUFFER_INIT;
    struct writer writer = writer_make(&packet, 0);
    struct err err = refusal_err(refusal);

    err_encode(&err, &writer);
    bool is_servers = refusal->cause == REFUSAL_BY_SERVER;
    conn_end(conn, is_servers ? CONN_END_REFUSED : CONN_END_LOGIN, buffer_slice(&packet), "%s",
             refusal->text);
    buffer_release(&packet);
}

// Does what the login says. False where the connection is over, or the login is.
static bool login_act(struct conn *conn, enum login_verb verb)
{
    struct conn_opening *opening = conn->opening;
    if (!buffer_is_empty(&opening->login.out)) {
        stream_send(&conn->stream, buffer_ptr(&opening->login.out),
                    buffer_len(&opening->login.out));
        login_client_sent(&opening->login);
    }
    switch (verb) {
    case LOGIN_READ:
        return true;
    case LOGIN_START_TLS:
        stream_start_tls(&conn->stream, conn->target->tls_context);
        return false;
    case LOGIN_ACCEPTED:
        login_succeeded(conn);
        return false;
    default:
        login_refused(conn);
        return false;
    }
}

void opening_connected(struct conn *conn)
{
    conn_enter(conn, CONN_LOGIN);
    if (conn->target->sends_proxy) {
        header_send(conn);
    }
    login_init(conn->opening, conn->target);
    login_act(conn, login_client_connect(&conn->opening->login));
}

void opening_secured(struct conn *conn)
{
    login_act(conn, login_client_tls_started(&conn->opening->login));
}

size_t opening_data(struct conn *conn, const uint8_t *bytes, size_t len)
{
    size_t used = 0;
    while (len - used >= FRAME_HEADER_SIZE) {
        struct frame frame = frame_read(bytes + used);
        if (frame.len > LOGIN_PACKET_MAX) {
            login_act(conn, login_client_too_long(&conn->opening->login));
            return len;
        }
        if (len - used - FRAME_HEADER_SIZE < frame.len) {
            break;
        }
        struct slice payload = slice_make(bytes + used + FRAME_HEADER_SIZE, frame.len);
        used += FRAME_HEADER_SIZE + frame.len;
        if (!login_act(conn, login_client_feed(&conn->opening->login, payload, frame.sequence))) {
            break;
        }
    }
    return used;
}
