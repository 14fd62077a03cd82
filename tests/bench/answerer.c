// A server that costs next to nothing, to see a proxy alone: it lets everybody in, answers every
// SELECT from a table with the same row, and says to all else what a writable MariaDB would, as far
// as a proxy asks. One thread; ends with a signal.
//
//   answerer PORT          listens on that port of 127.0.0.1
#include "tests/bench/lib/descriptors.h"
#include "tests/bench/lib/die.h"
#include "tests/lib/usual.h"

#include "protocol/packet/capability.h"
#include "protocol/packet/command.h"
#include "protocol/packet/handshake.h"
#include "protocol/packet/handshake_response.h"
#include "protocol/packet/ok.h"
#include "protocol/packet/prepare_ok.h"
#include "protocol/packet/result_writer.h"
#include "protocol/packet/status.h"
#include "protocol/wire/frame.h"

#include "proxy/base/memory.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS_AT_ONCE = 256, RECEIVE_SIZE = 64 * 1024 };

// What a MariaDB of today has, but for TLS, compression and its extended capabilities.
static const uint64_t offered =
    CAPABILITY_LONG_PASSWORD | CAPABILITY_FOUND_ROWS | CAPABILITY_LONG_FLAG |
    CAPABILITY_CONNECT_WITH_DB | CAPABILITY_LOCAL_FILES | CAPABILITY_IGNORE_SPACE |
    CAPABILITY_PROTOCOL_41 | CAPABILITY_INTERACTIVE | CAPABILITY_TRANSACTIONS |
    CAPABILITY_SECURE_CONNECTION | CAPABILITY_MULTI_STATEMENTS | CAPABILITY_MULTI_RESULTS |
    CAPABILITY_PS_MULTI_RESULTS | CAPABILITY_PLUGIN_AUTH | CAPABILITY_CONNECT_ATTRS |
    CAPABILITY_PLUGIN_AUTH_LENENC_DATA | CAPABILITY_SESSION_TRACK | CAPABILITY_DEPRECATE_EOF;

struct conn {
    int fd;
    bool is_in; // logged in
    uint64_t capabilities;
    struct buffer unread;
};

// --- the row ------------------------------------------------------------------------------------

// Answers to a SELECT from a table: as text and binary, with EOF packets and without.
static struct buffer rows[2][2];

static struct column row_column(void)
{
    struct column column = usual_column(S("c"));
    column.schema = S("app");
    column.table = column.org_table = S("sbtest1");
    column.org_name = S("c");
    return column;
}

static void row_make(bool is_binary, uint64_t capabilities, struct buffer *out)
{
    struct slice value = S("68487932199-96439406143-93774651418-41631865787-96406072701-"
                           "20604855487-25459966574-28203206787-41238978918-19503783441");
    struct column column = row_column();
    struct writer writer = writer_make(out, 1);
    struct result_writer result = result_writer_make(&writer, capabilities);
    result.is_binary = is_binary;
    result_writer_begin(&result, &column, 1, STATUS_AUTOCOMMIT);
    result_writer_row(&result, &value);
    if (!result_writer_end(&result, STATUS_AUTOCOMMIT, 0)) {
        die("the row cannot be written");
    }
}

static void rows_make(void)
{
    for (int is_binary = 0; is_binary < 2; is_binary++) {
        row_make(is_binary, offered & ~CAPABILITY_DEPRECATE_EOF, &rows[is_binary][0]);
        row_make(is_binary, offered, &rows[is_binary][1]);
    }
}

static const struct buffer *row_of(const struct conn *conn, bool is_binary)
{
    return &rows[is_binary][capability_has(conn->capabilities, CAPABILITY_DEPRECATE_EOF)];
}

// --- sending ------------------------------------------------------------------------------------

static void conn_send(const struct conn *conn, const struct buffer *bytes)
{
    // Answers are small and waited for: they fit, or the other side is gone.
    (void)!send(conn->fd, buffer_ptr(bytes), buffer_len(bytes), MSG_NOSIGNAL);
}

static void packet_end(struct writer *writer)
{
    if (!writer_packet_end(writer)) {
        die("a packet cannot be written");
    }
}

static void greeting_send(const struct conn *conn)
{
    static uint32_t connections;
    struct handshake handshake = {
        .server_version = S(USUAL_VERSION),
        .has_prefix = true,
        .connection_id = ++connections,
        .capabilities = offered,
        .collation = COLUMN_UTF8MB4,
        .status = STATUS_AUTOCOMMIT,
        .plugin = S("mysql_native_password"),
        .nonce_len = HANDSHAKE_NONCE_SIZE,
    };
    memset(handshake.nonce, 'n', HANDSHAKE_NONCE_SIZE);
    struct buffer out = BUFFER_INIT;
    struct writer writer = writer_make(&out, 0);
    writer_packet_begin(&writer);
    handshake_encode(&handshake, &writer);
    packet_end(&writer);
    conn_send(conn, &out);
    buffer_release(&out);
}

static void ok_send(const struct conn *conn, uint8_t sequence)
{
    struct buffer out = BUFFER_INIT;
    struct writer writer = writer_make(&out, sequence);
    struct ok ok = {.status = STATUS_AUTOCOMMIT};
    writer_packet_begin(&writer);
    ok_encode(&ok, &writer, conn->capabilities);
    packet_end(&writer);
    conn_send(conn, &out);
    buffer_release(&out);
}

static void usual_send(const struct conn *conn, struct slice statement)
{
    struct buffer out = BUFFER_INIT;
    usual_answer(statement, conn->capabilities, &out);
    conn_send(conn, &out);
    buffer_release(&out);
}

// --- commands -----------------------------------------------------------------------------------

static bool has(struct slice statement, struct slice part)
{
    return slice_find_slice(statement, part) < statement.len;
}

// Whether it is what clients ask, and not a proxy for itself.
static bool is_from_table(struct slice statement)
{
    return slice_starts_nocase(statement, S("SELECT ")) && has(statement, S(" FROM ")) &&
           !has(statement, S("_schema.")) && !has(statement, S("mysql."));
}

static void query_answer(const struct conn *conn, struct slice statement)
{
    if (is_from_table(statement)) {
        conn_send(conn, row_of(conn, false));
    } else {
        usual_send(conn, statement);
    }
}

static void definition_write(struct writer *writer, uint64_t capabilities)
{
    struct column column = row_column();
    writer_packet_begin(writer);
    column_encode(&column, writer, capabilities);
    packet_end(writer);
}

static void definitions_end(struct writer *writer, uint64_t capabilities)
{
    if (!capability_has(capabilities, CAPABILITY_DEPRECATE_EOF)) {
        static const char eof[] = {'\xFE', 0, 0, STATUS_AUTOCOMMIT, 0};
        writer_packet(writer, slice_make(eof, sizeof(eof)));
    }
}

// As many parameters as there are question marks, and the column of the row.
static void prepare_answer(const struct conn *conn, struct slice statement)
{
    struct buffer out = BUFFER_INIT;
    struct writer writer = writer_make(&out, 1);
    struct prepare_ok ok = {.statement_id = 1, .columns = 1, .has_definitions = true};
    struct slice rest = statement, part;
    while (slice_cut(&rest, '?', &part) && rest.ptr != NULL) {
        ok.parameters++;
    }
    writer_packet_begin(&writer);
    prepare_ok_encode(&ok, &writer, conn->capabilities);
    packet_end(&writer);
    for (unsigned i = 0; i < ok.parameters; i++) {
        definition_write(&writer, conn->capabilities);
    }
    if (ok.parameters > 0) {
        definitions_end(&writer, conn->capabilities);
    }
    definition_write(&writer, conn->capabilities);
    definitions_end(&writer, conn->capabilities);
    conn_send(conn, &out);
    buffer_release(&out);
}

static bool login_read(struct conn *conn, struct slice payload, uint8_t sequence)
{
    struct handshake_response response;
    if (!handshake_response_decode(&response, payload, offered)) {
        return false;
    }
    conn->capabilities = response.capabilities;
    conn->is_in = true;
    ok_send(conn, sequence + 1);
    return true;
}

// False where the connection is to end.
static bool command_serve(struct conn *conn, struct slice payload)
{
    if (payload.len == 0) {
        return false;
    }
    struct slice argument = slice_from(payload, 1);
    switch ((uint8_t)payload.ptr[0]) {
    case COMMAND_QUIT:
        return false;
    case COMMAND_QUERY:
        query_answer(conn, argument);
        return true;
    case COMMAND_STMT_PREPARE:
        prepare_answer(conn, argument);
        return true;
    case COMMAND_STMT_EXECUTE:
        conn_send(conn, row_of(conn, true));
        return true;
    case COMMAND_STMT_CLOSE:
        return true; // has no answer
    default:
        ok_send(conn, 1);
        return true;
    }
}

// --- connections --------------------------------------------------------------------------------

static bool frames_serve(struct conn *conn, struct slice *bytes)
{
    while (bytes->len >= FRAME_HEADER_SIZE) {
        struct frame frame = frame_read((const uint8_t *)bytes->ptr);
        struct slice payload = slice_first(slice_from(*bytes, FRAME_HEADER_SIZE), frame.len);
        if (payload.len < frame.len) {
            return true;
        }
        if (conn->is_in ? !command_serve(conn, payload)
                        : !login_read(conn, payload, frame.sequence)) {
            return false;
        }
        *bytes = slice_from(*bytes, FRAME_HEADER_SIZE + frame.len);
    }
    return true;
}

// The usual command comes whole and is never copied.
static bool conn_read(struct conn *conn)
{
    static uint8_t received[RECEIVE_SIZE];
    ssize_t got = recv(conn->fd, received, sizeof(received), 0);
    if (got <= 0) {
        return got < 0 && errno == EAGAIN;
    }
    struct slice bytes = slice_make(received, (size_t)got);
    if (!buffer_is_empty(&conn->unread)) {
        buffer_append_slice(&conn->unread, bytes);
        bytes = buffer_slice(&conn->unread);
    }
    bool goes_on = frames_serve(conn, &bytes);
    if (!buffer_is_empty(&conn->unread)) {
        buffer_consume(&conn->unread, buffer_len(&conn->unread) - bytes.len);
    } else if (bytes.len > 0) {
        buffer_append_slice(&conn->unread, bytes);
    }
    return goes_on;
}

static void conn_close(struct conn *conn)
{
    close(conn->fd);
    buffer_release(&conn->unread);
    mem_free(conn);
}

static void conn_accept(int epoll, int listener)
{
    int yes = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    struct conn *conn = mem_zero(1, sizeof(*conn));
    conn->fd = fd;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        die("epoll: %s", strerror(errno));
    }
    greeting_send(conn);
}

// --- main ---------------------------------------------------------------------------------------

static int port_listen(const char *text)
{
    uint64_t port;
    int yes = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (!slice_to_u64(slice_text(text), &port) || port > UINT16_MAX) {
        die("%s is no port", text);
    }
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 4096) != 0) {
        die("port %s: %s", text, strerror(errno));
    }
    return fd;
}

int main(int argc, char *argv[])
{
    if (argc != 2) {
        die("usage: answerer PORT");
    }
    descriptors_raise();
    rows_make();
    int listener = port_listen(argv[1]), epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}; // the listener
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        struct epoll_event events[EVENTS_AT_ONCE];
        int count = epoll_wait(epoll, events, EVENTS_AT_ONCE, -1);
        for (int i = 0; i < count; i++) {
            struct conn *conn = events[i].data.ptr;
            if (conn == NULL) {
                conn_accept(epoll, listener);
            } else if (!conn_read(conn)) {
                conn_close(conn);
            }
        }
    }
}
