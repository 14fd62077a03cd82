#include "tests/lib/fake.h"

#include "protocol/packet/capability.h"
#include "protocol/packet/column.h"
#include "protocol/packet/command.h"
#include "protocol/packet/eof.h"
#include "protocol/packet/err.h"
#include "protocol/packet/handshake.h"
#include "protocol/packet/infile_request.h"
#include "protocol/packet/ok.h"
#include "protocol/packet/prepare_ok.h"
#include "protocol/packet/result_writer.h"
#include "protocol/packet/status.h"
#include "protocol/wire/frame.h"
#include "protocol/wire/writer.h"

#include "proxy/base/list.h"
#include "proxy/base/memory.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/peer.h"
#include "tests/lib/usual.h"

#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// No session tracking, no OK in place of EOF: what a test writes by hand stays short.
static const uint64_t capabilities =
    CAPABILITY_LONG_PASSWORD | CAPABILITY_FOUND_ROWS | CAPABILITY_LONG_FLAG |
    CAPABILITY_CONNECT_WITH_DB | CAPABILITY_LOCAL_FILES | CAPABILITY_IGNORE_SPACE |
    CAPABILITY_PROTOCOL_41 | CAPABILITY_INTERACTIVE | CAPABILITY_TRANSACTIONS |
    CAPABILITY_SECURE_CONNECTION | CAPABILITY_MULTI_STATEMENTS | CAPABILITY_MULTI_RESULTS |
    CAPABILITY_PS_MULTI_RESULTS | CAPABILITY_PLUGIN_AUTH | CAPABILITY_CONNECT_ATTRS |
    CAPABILITY_PLUGIN_AUTH_LENENC_DATA;

struct answer {
    struct list link; // on fake->answers
    char *statement;  // owned
    struct buffer bytes;
    struct fake_manner manner;
    size_t asked;
};

struct fake {
    int fd;
    uint16_t port;
    pthread_t thread;
    pthread_mutex_t lock; // everything below
    pthread_cond_t resumed;
    unsigned resumes; // grows with each fake_resume()
    bool is_stopping;
    struct list answers;
    struct buffer greeting; // empty: the usual one
    struct fake_manner greeting_manner;
    struct fake_manner login_manner;
    struct list conns; // open and ended ones; threads are joined by fake_stop()
    size_t accepted;
    size_t open;
};

struct fake_conn {
    struct list link;
    struct fake *fake;
    pthread_t thread;
    int fd;           // -1 once closed; under the lock
    uint8_t sequence; // of the frame received last
};

// --- answers ------------------------------------------------------------------------------------

static void packet_end(struct writer *writer)
{
    bool is_whole = writer_packet_end(writer);
    assert_true(is_whole);
}

void fake_write_ok(struct buffer *out)
{
    struct writer writer = writer_make(out, 1);
    struct ok ok = {.status = STATUS_AUTOCOMMIT};
    writer_packet_begin(&writer);
    ok_encode(&ok, &writer, capabilities);
    packet_end(&writer);
}

void fake_write_err(struct buffer *out, unsigned number, const char *text)
{
    struct writer writer = writer_make(out, 1);
    struct err err = {
        .code = (uint16_t)number, .sqlstate = S("HY000"), .message = slice_text(text)};
    writer_packet_begin(&writer);
    err_encode(&err, &writer);
    packet_end(&writer);
}

struct rows {
    const struct column *columns;
    size_t width;
    const struct slice *values; // of each row
    size_t count;
};

static void result_write(struct writer *writer, const struct rows *rows, bool is_binary,
                         uint16_t status)
{
    struct result_writer result = result_writer_make(writer, capabilities);
    result.is_binary = is_binary;
    result_writer_begin(&result, rows->columns, rows->width, status);
    for (size_t i = 0; i < rows->count; i++) {
        result_writer_row(&result, rows->values);
    }
    bool is_whole = result_writer_end(&result, status, 0);
    assert_true(is_whole);
}

// Rows of one column `a`, as often as `status` says: STATUS_MORE_RESULTS stands before the last
// one.
static void same_rows_write(struct buffer *out, size_t count, size_t len, bool is_binary,
                            size_t results)
{
    struct column column = usual_column(S("a"));
    char *text = mem_alloc(len + 1);
    memset(text, 'x', len);
    struct slice value = slice_make(text, len);
    struct rows rows = {&column, 1, &value, count};
    struct writer writer = writer_make(out, 1);
    for (size_t left = results; left > 0; left--) {
        result_write(&writer, &rows, is_binary,
                     left > 1 ? STATUS_AUTOCOMMIT | STATUS_MORE_RESULTS : STATUS_AUTOCOMMIT);
    }
    mem_free(text);
}

void fake_write_rows(struct buffer *out, size_t rows, size_t len)
{
    same_rows_write(out, rows, len, false, 1);
}

void fake_write_two_results(struct buffer *out, size_t rows, size_t len)
{
    same_rows_write(out, rows, len, false, 2);
}

void fake_write_binary_rows(struct buffer *out, size_t rows, size_t len)
{
    same_rows_write(out, rows, len, true, 1);
}

static void definition_write(struct writer *writer, struct slice name)
{
    struct column column = usual_column(name);
    struct eof eof = {.status = STATUS_AUTOCOMMIT};
    writer_packet_begin(writer);
    column_encode(&column, writer, capabilities);
    packet_end(writer);
    writer_packet_begin(writer);
    eof_encode(&eof, writer);
    packet_end(writer);
}

void fake_write_prepared(struct buffer *out, uint32_t statement_id)
{
    struct writer writer = writer_make(out, 1);
    struct prepare_ok ok = {
        .statement_id = statement_id, .columns = 1, .parameters = 1, .has_definitions = true};
    writer_packet_begin(&writer);
    prepare_ok_encode(&ok, &writer, capabilities);
    packet_end(&writer);
    definition_write(&writer, S("?"));
    definition_write(&writer, S("a"));
}

void fake_write_cursor(struct buffer *out, uint16_t status)
{
    struct writer writer = writer_make(out, 1);
    struct column column = usual_column(S("a"));
    struct result_writer result = result_writer_make(&writer, capabilities);
    result_writer_begin(&result, &column, 1, status);
}

void fake_write_eof(struct buffer *out, uint16_t status)
{
    struct writer writer = writer_make(out, 1);
    struct eof eof = {.status = status};
    writer_packet_begin(&writer);
    eof_encode(&eof, &writer);
    packet_end(&writer);
}

void fake_write_file_request(struct buffer *out, const char *name)
{
    struct writer writer = writer_make(out, 1);
    struct infile_request request = {.filename = slice_text(name)};
    writer_packet_begin(&writer);
    infile_request_encode(&request, &writer);
    packet_end(&writer);
}

// --- one connection -----------------------------------------------------------------------------

static bool send_all(int fd, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n <= 0) {
            return false;
        }
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

static void stall(struct fake *fake)
{
    pthread_mutex_lock(&fake->lock);
    unsigned before = fake->resumes;
    while (fake->resumes == before && !fake->is_stopping) {
        pthread_cond_wait(&fake->resumed, &fake->lock);
    }
    pthread_mutex_unlock(&fake->lock);
}

// Sends in that manner; false where the connection is to end.
static bool say(struct fake_conn *conn, const struct buffer *bytes, struct fake_manner manner)
{
    const uint8_t *ptr = buffer_ptr(bytes);
    size_t len = manner.sent < buffer_len(bytes) ? manner.sent : buffer_len(bytes);
    size_t step = manner.is_slow ? 1 : len;
    for (size_t at = 0; at < len; at += step) {
        if (!send_all(conn->fd, ptr + at, step)) {
            return false;
        }
    }
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    switch (manner.ending) {
    case FAKE_GO_ON:
        return true;
    case FAKE_CLOSE:
        return false;
    case FAKE_RESET:
        setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
        return false;
    case FAKE_STALL:
        stall(conn->fake);
        return true;
    }
    return false;
}

static bool receive_all(int fd, uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = recv(fd, bytes, len, 0);
        if (n <= 0) {
            return false;
        }
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

static bool packet_receive(struct fake_conn *conn, struct buffer *payload)
{
    struct frame frame;
    buffer_clear(payload);
    do {
        uint8_t header[FRAME_HEADER_SIZE];
        if (!receive_all(conn->fd, header, sizeof(header))) {
            return false;
        }
        frame = frame_read(header);
        if (!receive_all(conn->fd, buffer_reserve(payload, frame.len + 1), frame.len)) {
            return false;
        }
        buffer_added(payload, frame.len);
        conn->sequence = frame.sequence;
    } while (frame_is_continued(frame));
    return true;
}

static void greeting_write(struct fake *fake, struct buffer *out)
{
    if (!buffer_is_empty(&fake->greeting)) {
        buffer_append_slice(out, buffer_slice(&fake->greeting));
        return;
    }
    struct handshake handshake = {
        .server_version = S(USUAL_VERSION),
        .has_prefix = true,
        .connection_id = (uint32_t)fake->accepted,
        .capabilities = capabilities,
        .collation = 45,
        .status = STATUS_AUTOCOMMIT,
        .plugin = S("mysql_native_password"),
        .nonce_len = HANDSHAKE_NONCE_SIZE,
    };
    memset(handshake.nonce, 'n', HANDSHAKE_NONCE_SIZE);
    struct writer writer = writer_make(out, 0);
    writer_packet_begin(&writer);
    handshake_encode(&handshake, &writer);
    if (!writer_packet_end(&writer)) {
        buffer_clear(out);
    }
}

static bool conn_login(struct fake_conn *conn, struct buffer *payload)
{
    struct fake *fake = conn->fake;
    struct buffer bytes = BUFFER_INIT;
    pthread_mutex_lock(&fake->lock);
    greeting_write(fake, &bytes);
    struct fake_manner greeting = fake->greeting_manner, login = fake->login_manner;
    pthread_mutex_unlock(&fake->lock);
    bool is_in = say(conn, &bytes, greeting) && packet_receive(conn, payload);
    if (is_in) {
        buffer_clear(&bytes);
        fake_write_ok(&bytes);
        buffer_ptr(&bytes)[3] = 2; // the third packet of the login
        is_in = say(conn, &bytes, login);
    }
    buffer_release(&bytes);
    return is_in;
}

static struct answer *answer_find(struct fake *fake, struct slice statement)
{
    struct answer *best = NULL;
    list_each (link, &fake->answers) {
        struct answer *answer = list_entry(link, struct answer, link);
        if (slice_starts_nocase(statement, slice_text(answer->statement)) &&
            (best == NULL || strlen(answer->statement) > strlen(best->statement))) {
            best = answer;
        }
    }
    return best;
}

// `key` is the statement of a COM_QUERY, else the whole payload.
static bool command_answer(struct fake_conn *conn, struct slice key, bool is_query)
{
    struct fake *fake = conn->fake;
    struct buffer bytes = BUFFER_INIT;
    struct fake_manner manner = FAKE_USUALLY;
    pthread_mutex_lock(&fake->lock);
    struct answer *answer = answer_find(fake, key);
    if (answer != NULL) {
        answer->asked++;
        buffer_append_slice(&bytes, buffer_slice(&answer->bytes));
        manner = answer->manner;
    } else {
        usual_answer(is_query ? key : SLICE_NONE, capabilities, &bytes);
    }
    pthread_mutex_unlock(&fake->lock);
    bool goes_on = say(conn, &bytes, manner);
    buffer_release(&bytes);
    return goes_on;
}

// What comes behind our wish for a file: packets up to an empty one, then OK.
static bool file_receive(struct fake_conn *conn, struct buffer *payload)
{
    do {
        if (!packet_receive(conn, payload)) {
            return false;
        }
    } while (!buffer_is_empty(payload));
    struct buffer bytes = BUFFER_INIT;
    fake_write_ok(&bytes);
    buffer_ptr(&bytes)[3] = (uint8_t)(conn->sequence + 1);
    bool goes_on = say(conn, &bytes, FAKE_USUALLY);
    buffer_release(&bytes);
    return goes_on;
}

static bool command_serve(struct fake_conn *conn, struct buffer *payload)
{
    struct slice bytes = buffer_slice(payload);
    if (bytes.len == 0 || bytes.ptr[0] == COMMAND_QUIT) {
        return false;
    }
    if (bytes.ptr[0] == COMMAND_STMT_CLOSE || bytes.ptr[0] == COMMAND_STMT_SEND_LONG_DATA) {
        return true; // they have no answer
    }
    bool is_query = bytes.ptr[0] == COMMAND_QUERY;
    struct slice key = slice_from(bytes, is_query);
    bool wants_file = is_query && slice_starts_nocase(key, S("LOAD DATA LOCAL"));
    return command_answer(conn, key, is_query) && (!wants_file || file_receive(conn, payload));
}

static void conn_close(struct fake_conn *conn)
{
    pthread_mutex_lock(&conn->fake->lock);
    close(conn->fd);
    conn->fd = -1;
    conn->fake->open--;
    pthread_mutex_unlock(&conn->fake->lock);
}

static void *conn_run(void *argument)
{
    struct fake_conn *conn = argument;
    struct buffer payload = BUFFER_INIT;
    int yes = 1;
    setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    bool goes_on = conn_login(conn, &payload);
    while (goes_on && packet_receive(conn, &payload)) {
        goes_on = command_serve(conn, &payload);
    }
    conn_close(conn);
    buffer_release(&payload);
    return NULL;
}

// --- the listening thread -----------------------------------------------------------------------

static void conn_add(struct fake *fake, int fd)
{
    struct fake_conn *conn = mem_zero(1, sizeof(*conn));
    conn->fake = fake;
    conn->fd = fd;
    pthread_mutex_lock(&fake->lock);
    fake->accepted++;
    fake->open++;
    list_push_back(&fake->conns, &conn->link);
    int failed = pthread_create(&conn->thread, NULL, conn_run, conn);
    pthread_mutex_unlock(&fake->lock);
    assert_int_equal(failed, 0);
}

static void *fake_run(void *argument)
{
    struct fake *fake = argument;
    int fd;
    while ((fd = accept4(fake->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        conn_add(fake, fd);
    }
    return NULL;
}

struct fake *fake_start(void)
{
    struct fake *fake = mem_zero(1, sizeof(*fake));
    fake->fd = peer_listen(&fake->port);
    fake->greeting = BUFFER_INIT;
    fake->greeting_manner = fake->login_manner = FAKE_USUALLY;
    list_init(&fake->answers);
    list_init(&fake->conns);
    pthread_mutex_init(&fake->lock, NULL);
    pthread_cond_init(&fake->resumed, NULL);
    assert_int_equal(pthread_create(&fake->thread, NULL, fake_run, fake), 0);
    return fake;
}

void fake_disconnect(struct fake *fake)
{
    pthread_mutex_lock(&fake->lock);
    list_each (link, &fake->conns) {
        struct fake_conn *conn = list_entry(link, struct fake_conn, link);
        if (conn->fd >= 0) {
            shutdown(conn->fd, SHUT_RDWR);
        }
    }
    pthread_mutex_unlock(&fake->lock);
}

// The kernel loses what comes for the socket before TCP sees it: socket(7), SO_ATTACH_FILTER.
static void socket_deafen(int fd)
{
    struct sock_filter lose = BPF_STMT(BPF_RET | BPF_K, 0);
    struct sock_fprog program = {.len = 1, .filter = &lose};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)), 0);
}

void fake_vanish(struct fake *fake)
{
    pthread_mutex_lock(&fake->lock);
    socket_deafen(fake->fd);
    list_each (link, &fake->conns) {
        struct fake_conn *conn = list_entry(link, struct fake_conn, link);
        if (conn->fd >= 0) {
            socket_deafen(conn->fd);
        }
    }
    pthread_mutex_unlock(&fake->lock);
}

static void threads_end(struct fake *fake)
{
    pthread_mutex_lock(&fake->lock);
    fake->is_stopping = true;
    pthread_cond_broadcast(&fake->resumed);
    pthread_mutex_unlock(&fake->lock);
    shutdown(fake->fd, SHUT_RDWR);
    pthread_join(fake->thread, NULL); // no more connections come
    fake_disconnect(fake);
    for (struct list *link; (link = list_pop_front(&fake->conns)) != NULL;) {
        struct fake_conn *conn = list_entry(link, struct fake_conn, link);
        pthread_join(conn->thread, NULL);
        mem_free(conn);
    }
}

void fake_stop(struct fake *fake)
{
    threads_end(fake);
    for (struct list *link; (link = list_pop_front(&fake->answers)) != NULL;) {
        struct answer *answer = list_entry(link, struct answer, link);
        buffer_release(&answer->bytes);
        mem_free(answer->statement);
        mem_free(answer);
    }
    close(fake->fd);
    buffer_release(&fake->greeting);
    pthread_mutex_destroy(&fake->lock);
    pthread_cond_destroy(&fake->resumed);
    mem_free(fake);
}

uint16_t fake_port(const struct fake *fake)
{
    return fake->port;
}

// --- the test's side ----------------------------------------------------------------------------

static struct answer *answer_of(struct fake *fake, const char *statement)
{
    list_each (link, &fake->answers) {
        struct answer *answer = list_entry(link, struct answer, link);
        if (strcmp(answer->statement, statement) == 0) {
            return answer;
        }
    }
    return NULL;
}

static struct answer *answer_take(struct fake *fake, const char *statement)
{
    struct answer *answer = answer_of(fake, statement);
    if (answer == NULL) {
        answer = mem_zero(1, sizeof(*answer));
        answer->statement = mem_text(statement, strlen(statement));
        answer->bytes = BUFFER_INIT;
        list_push_back(&fake->answers, &answer->link);
    }
    return answer;
}

void fake_answer(struct fake *fake, const char *statement, struct slice bytes,
                 struct fake_manner manner)
{
    pthread_mutex_lock(&fake->lock);
    struct answer *answer = answer_take(fake, statement);
    buffer_clear(&answer->bytes);
    buffer_append_slice(&answer->bytes, bytes);
    answer->manner = manner;
    pthread_mutex_unlock(&fake->lock);
}

void fake_greet(struct fake *fake, struct fake_manner manner)
{
    pthread_mutex_lock(&fake->lock);
    fake->greeting_manner = manner;
    pthread_mutex_unlock(&fake->lock);
}

void fake_greet_with(struct fake *fake, struct slice bytes)
{
    pthread_mutex_lock(&fake->lock);
    buffer_clear(&fake->greeting);
    buffer_append_slice(&fake->greeting, bytes);
    pthread_mutex_unlock(&fake->lock);
}

void fake_accept(struct fake *fake, struct fake_manner manner)
{
    pthread_mutex_lock(&fake->lock);
    fake->login_manner = manner;
    pthread_mutex_unlock(&fake->lock);
}

void fake_resume(struct fake *fake)
{
    pthread_mutex_lock(&fake->lock);
    fake->resumes++;
    pthread_cond_broadcast(&fake->resumed);
    pthread_mutex_unlock(&fake->lock);
}

size_t fake_statement_count(struct fake *fake, const char *statement)
{
    pthread_mutex_lock(&fake->lock);
    struct answer *answer = answer_of(fake, statement);
    size_t count = answer != NULL ? answer->asked : 0;
    pthread_mutex_unlock(&fake->lock);
    return count;
}

size_t fake_accepted(struct fake *fake)
{
    pthread_mutex_lock(&fake->lock);
    size_t count = fake->accepted;
    pthread_mutex_unlock(&fake->lock);
    return count;
}

size_t fake_open(struct fake *fake)
{
    pthread_mutex_lock(&fake->lock);
    size_t count = fake->open;
    pthread_mutex_unlock(&fake->lock);
    return count;
}
