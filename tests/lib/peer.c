#include "tests/lib/peer.h"

#include "protocol/login/digest.h"
#include "protocol/login/scramble.h"
#include "protocol/packet/auth_more.h"
#include "protocol/packet/auth_switch.h"
#include "protocol/packet/command.h"
#include "protocol/packet/eof.h"
#include "protocol/packet/err.h"
#include "protocol/packet/handshake_response.h"
#include "protocol/packet/ok.h"
#include "protocol/wire/frame.h"
#include "protocol/wire/reader.h"
#include "protocol/wire/writer.h"

#include "proxy/base/memory.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/wait.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char native_password[] = "mysql_native_password";

// --- life ---------------------------------------------------------------------------------------

struct peer *peer_adopt(int fd)
{
    struct peer *peer = mem_zero(1, sizeof(*peer));
    peer->fd = fd;
    peer->in = BUFFER_INIT;
    peer->payload = BUFFER_INIT;
    int yes = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)); // each send is a segment
    return peer;
}

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

struct peer *peer_connect(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return peer_adopt(fd);
}

struct peer *peer_connect_between(const char *from, const char *to, uint16_t port)
{
    struct sockaddr_in local = {.sin_family = AF_INET}, remote = loopback(port);
    assert_int_equal(inet_pton(AF_INET, from, &local.sin_addr), 1);
    assert_int_equal(inet_pton(AF_INET, to, &remote.sin_addr), 1);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&local, sizeof(local)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&remote, sizeof(remote)), 0);
    return peer_adopt(fd);
}

struct peer *peer_connect_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert_true(strlen(path) < sizeof(address.sun_path));
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return peer_adopt(fd);
}

int peer_listen(uint16_t *port)
{
    struct sockaddr_in address = loopback(0);
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 128), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

void peer_close(struct peer *peer)
{
    close(peer->fd);
    buffer_release(&peer->in);
    buffer_release(&peer->payload);
    mem_free(peer);
}

void peer_reset(struct peer *peer)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    peer_close(peer);
}

// --- sending ------------------------------------------------------------------------------------

static bool fd_wait(int fd, short events, struct deadline deadline)
{
    struct pollfd wait = {.fd = fd, .events = events};
    int ready;
    do {
        ready = poll(&wait, 1, deadline_left_ms(deadline));
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
}

bool peer_try_send(struct peer *peer, struct slice bytes)
{
    struct deadline deadline = deadline_in(WAIT_MS);
    while (bytes.len > 0) {
        if (!fd_wait(peer->fd, POLLOUT, deadline)) {
            fail_msg("the other side takes no bytes");
        }
        ssize_t n = send(peer->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            return false;
        }
        bytes = slice_from(bytes, n > 0 ? (size_t)n : 0);
    }
    return true;
}

void peer_send(struct peer *peer, struct slice bytes)
{
    assert_true(peer_try_send(peer, bytes));
}

static void packet_write(struct peer *peer, struct slice payload, struct buffer *out)
{
    struct writer writer = writer_make(out, peer->sequence);
    writer_packet(&writer, payload);
    peer->sequence = writer.sequence;
}

void peer_send_packet(struct peer *peer, struct slice payload)
{
    struct buffer out = BUFFER_INIT;
    packet_write(peer, payload, &out);
    peer_send(peer, buffer_slice(&out));
    buffer_release(&out);
}

void peer_send_part(struct peer *peer, struct slice payload, size_t len)
{
    struct buffer out = BUFFER_INIT;
    packet_write(peer, payload, &out);
    peer_send(peer, slice_first(buffer_slice(&out), len));
    buffer_release(&out);
}

void peer_send_command(struct peer *peer, uint8_t command, struct slice argument)
{
    struct buffer payload = BUFFER_INIT;
    buffer_append(&payload, &command, 1);
    buffer_append_slice(&payload, argument);
    peer->sequence = 0;
    peer_send_packet(peer, buffer_slice(&payload));
    buffer_release(&payload);
}

void peer_send_query(struct peer *peer, const char *statement)
{
    peer_send_command(peer, COMMAND_QUERY, slice_text(statement));
}

// --- reading ------------------------------------------------------------------------------------

// One more piece from the other side; false at the end of the connection, however it ended.
static bool in_fill(struct peer *peer, struct deadline deadline)
{
    enum { PIECE = 65536 };
    if (!fd_wait(peer->fd, POLLIN, deadline)) {
        fail_msg("the other side is silent");
    }
    ssize_t n = recv(peer->fd, buffer_reserve(&peer->in, PIECE), PIECE, MSG_DONTWAIT);
    if (n > 0) {
        buffer_added(&peer->in, (size_t)n);
    }
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static bool in_has(struct peer *peer, size_t len, struct deadline deadline)
{
    while (buffer_len(&peer->in) < len) {
        if (!in_fill(peer, deadline)) {
            return false;
        }
    }
    return true;
}

bool peer_try_read(struct peer *peer, struct slice *payload)
{
    struct deadline deadline = deadline_in(WAIT_MS);
    struct frame frame;
    buffer_clear(&peer->payload);
    do {
        if (!in_has(peer, FRAME_HEADER_SIZE, deadline)) {
            return false;
        }
        frame = frame_read(buffer_ptr(&peer->in));
        if (!in_has(peer, FRAME_HEADER_SIZE + frame.len, deadline)) {
            return false;
        }
        assert_int_equal(frame.sequence, peer->sequence);
        peer->sequence++;
        buffer_append(&peer->payload, buffer_ptr(&peer->in) + FRAME_HEADER_SIZE, frame.len);
        buffer_consume(&peer->in, FRAME_HEADER_SIZE + frame.len);
    } while (frame_is_continued(frame));
    *payload = buffer_slice(&peer->payload);
    return true;
}

struct slice peer_read(struct peer *peer)
{
    struct slice payload;
    if (!peer_try_read(peer, &payload)) {
        fail_msg("the connection ended where a packet was expected");
    }
    return payload;
}

size_t peer_read_bytes(struct peer *peer, uint8_t *bytes, size_t max)
{
    struct deadline deadline = deadline_in(WAIT_MS);
    while (buffer_is_empty(&peer->in)) {
        if (!in_fill(peer, deadline)) {
            return 0;
        }
    }
    size_t n = buffer_len(&peer->in) < max ? buffer_len(&peer->in) : max;
    memcpy(bytes, buffer_ptr(&peer->in), n);
    buffer_consume(&peer->in, n);
    return n;
}

void assert_peer_closed(struct peer *peer)
{
    struct deadline deadline = deadline_in(WAIT_MS);
    while (in_fill(peer, deadline)) {
        buffer_clear(&peer->in);
    }
}

static struct err err_of(struct slice payload)
{
    struct err err;
    if (!err_decode(&err, payload)) {
        fail_msg("expected an error, got a packet of %zu bytes with %#x", payload.len,
                 payload.len > 0 ? (uint8_t)payload.ptr[0] : 0);
    }
    return err;
}

void assert_peer_err(struct peer *peer, unsigned number, const char *text)
{
    struct err err = err_of(peer_read(peer));
    if (err.code != number ||
        (text[0] != '\0' && slice_find_slice(err.message, slice_text(text)) == err.message.len)) {
        fail_msg("expected %u with \"%s\", got %u %.*s", number, text, err.code,
                 SLICE_ARG(err.message));
    }
}

void assert_peer_refused(struct peer *peer, unsigned number, const char *text)
{
    assert_peer_err(peer, number, text);
    assert_peer_closed(peer);
}

static void fail_with_err(const char *what, struct slice payload)
{
    struct err err = err_of(payload);
    fail_msg("%s: %u %.*s", what, err.code, SLICE_ARG(err.message));
}

void assert_peer_ok(struct peer *peer)
{
    struct ok ok;
    struct slice payload = peer_read(peer);
    if (!ok_decode(&ok, payload, peer->capabilities)) {
        fail_with_err("expected OK", payload);
    }
}

// --- a client's side ----------------------------------------------------------------------------

void peer_read_greeting(struct peer *peer)
{
    struct handshake handshake;
    struct slice payload = peer_read(peer);
    if (!handshake_decode(&handshake, payload)) {
        fail_with_err("expected a greeting", payload);
    }
    assert_int_equal(handshake.nonce_len, HANDSHAKE_NONCE_SIZE);
    memcpy(peer->nonce, handshake.nonce, HANDSHAKE_NONCE_SIZE);
    peer->offered = handshake.capabilities;
    peer->connection_id = handshake.connection_id;
}

static size_t native_proof(const struct peer *peer, const char *password, uint8_t proof[SHA1_SIZE])
{
    if (password[0] == '\0') {
        return 0;
    }
    uint8_t key[SHA1_SIZE];
    digest_sha1(slice_text(password), key);
    scramble_native(key, peer->nonce, proof);
    return SHA1_SIZE;
}

void peer_login_payload(struct peer *peer, const char *user, const char *password,
                        const char *schema, uint64_t capabilities, struct buffer *out)
{
    uint8_t proof[SHA1_SIZE];
    size_t proof_len = native_proof(peer, password, proof);
    uint64_t wanted = CAPABILITY_PROTOCOL_41 | CAPABILITY_SECURE_CONNECTION |
                      CAPABILITY_PLUGIN_AUTH | CAPABILITY_TRANSACTIONS | CAPABILITY_MULTI_RESULTS |
                      CAPABILITY_LONG_PASSWORD | capabilities;
    peer->capabilities = (wanted | (schema != NULL ? CAPABILITY_CONNECT_WITH_DB : 0)) &
                         (peer->offered | CAPABILITY_LONG_PASSWORD);
    struct handshake_response response = {
        .capabilities = peer->capabilities,
        .max_packet = 1 << 30,
        .collation = 45, // utf8mb4_general_ci
        .user = slice_text(user),
        .auth_data = slice_make(proof, proof_len),
        .schema = slice_text(schema),
        .plugin = slice_text(native_password),
    };
    struct buffer framed = BUFFER_INIT;
    struct writer writer = writer_make(&framed, 0);
    writer_packet_begin(&writer);
    handshake_response_encode(&response, &writer);
    assert_true(writer_packet_end(&writer));
    buffer_append_slice(out, slice_from(buffer_slice(&framed), FRAME_HEADER_SIZE));
    buffer_release(&framed);
}

// The short way of caching_sha2_password, which a server goes with those who have been there.
static void sha2_login(struct peer *peer, const char *password)
{
    static const uint8_t fast_ok[] = {AUTH_MORE_HEADER, 3};
    uint8_t key[SHA256_SIZE], proof[SHA256_SIZE];
    digest_sha256(slice_text(password), key);
    scramble_sha2(key, peer->nonce, proof);
    peer_send_packet(peer, slice_make(proof, sizeof(proof)));
    assert_true(slice_equal(peer_read(peer), slice_make(fast_ok, sizeof(fast_ok))));
}

static void auth_switch_answer(struct peer *peer, struct slice payload, const char *password)
{
    struct auth_switch request;
    uint8_t proof[SHA1_SIZE];
    assert_true(auth_switch_decode(&request, payload));
    assert_true(request.data.len >= HANDSHAKE_NONCE_SIZE);
    memcpy(peer->nonce, request.data.ptr, HANDSHAKE_NONCE_SIZE);
    if (slice_equal(request.plugin, S("caching_sha2_password"))) {
        sha2_login(peer, password);
        return;
    }
    assert_true(slice_equal(request.plugin, slice_text(native_password)));
    peer_send_packet(peer, slice_make(proof, native_proof(peer, password, proof)));
}

void peer_read_login(struct peer *peer, const char *password)
{
    struct slice answer = peer_read(peer);
    if (answer.len > 0 && (uint8_t)answer.ptr[0] == AUTH_SWITCH_HEADER) {
        auth_switch_answer(peer, answer, password);
        answer = peer_read(peer);
    }
    struct ok ok;
    if (!ok_decode(&ok, answer, peer->capabilities)) {
        fail_with_err("login", answer);
    }
}

void peer_login(struct peer *peer, const char *user, const char *password, const char *schema)
{
    peer_login_with(peer, user, password, schema, 0);
}

void peer_login_with(struct peer *peer, const char *user, const char *password, const char *schema,
                     uint64_t capabilities)
{
    struct buffer payload = BUFFER_INIT;
    peer_read_greeting(peer);
    peer_login_payload(peer, user, password, schema, capabilities, &payload);
    peer_send_packet(peer, buffer_slice(&payload));
    buffer_release(&payload);
    peer_read_login(peer, password);
}

// Reads packets up to the EOF that ends columns or rows; returns how many, that one included.
static size_t until_eof(struct peer *peer)
{
    struct eof eof;
    size_t count = 1;
    while (!eof_decode(&eof, peer_read(peer))) {
        count++;
    }
    return count;
}

size_t peer_query(struct peer *peer, const char *statement)
{
    peer_send_query(peer, statement);
    struct ok ok;
    struct slice first = peer_read(peer);
    if (ok_decode(&ok, first, peer->capabilities)) {
        return 1;
    }
    if (first.len > 0 && (uint8_t)first.ptr[0] == ERR_HEADER) {
        fail_with_err(statement, first);
    }
    size_t columns = until_eof(peer);
    return 1 + columns + until_eof(peer);
}

struct slice peer_query_value(struct peer *peer, const char *statement)
{
    peer_send_query(peer, statement);
    return peer_read_value(peer, statement);
}

struct slice peer_read_value(struct peer *peer, const char *statement)
{
    struct slice first = peer_read(peer);
    if (first.len != 1) {
        fail_with_err(statement, first);
    }
    until_eof(peer);
    struct reader reader = reader_make(peer_read(peer));
    struct slice value = reader_lenenc_slice(&reader);
    assert_false(reader_is_failed(&reader));
    // The value must outlive the packets behind it: it is copied to their end.
    struct buffer kept = BUFFER_INIT;
    buffer_append_slice(&kept, value);
    until_eof(peer);
    buffer_clear(&peer->payload);
    buffer_append_slice(&peer->payload, buffer_slice(&kept));
    buffer_release(&kept);
    return buffer_slice(&peer->payload);
}
