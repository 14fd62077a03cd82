#include "tests/bench/lib/line.h"

#include "tests/bench/lib/die.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// --- making it

struct line line_connect(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int yes = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        die("127.0.0.1:%u: %s", port, strerror(errno));
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return (struct line){.fd = fd};
}

void line_close(struct line *line)
{
    SSL_free(line->ssl);
    close(line->fd);
    *line = LINE_CLOSED;
}

// --- TLS

static SSL_CTX *context_take(void)
{
    static SSL_CTX *context; // for the life of the program
    if (context == NULL) {
        context = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    }
    return context;
}

void line_start_tls(struct line *line)
{
    line->ssl = SSL_new(context_take());
    SSL_set_fd(line->ssl, line->fd);
}

// Whether TLS only wants more bytes from the other side; anything else is the end.
static bool wants_bytes(const struct line *line, int result)
{
    int error = SSL_get_error(line->ssl, result);
    if (error != SSL_ERROR_WANT_READ) {
        die("TLS: error %d, %s", error, ERR_error_string(ERR_peek_error(), NULL));
    }
    return true;
}

bool line_shake(struct line *line)
{
    int result = SSL_connect(line->ssl);
    return result == 1 || !wants_bytes(line, result);
}

// --- bytes

void line_send(struct line *line, struct slice bytes)
{
    if (bytes.len == 0) {
        return;
    }
    ssize_t sent = line->ssl != NULL ? SSL_write(line->ssl, bytes.ptr, (int)bytes.len)
                                     : send(line->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
    if (sent != (ssize_t)bytes.len) {
        die("could not send %zu bytes at once: %s", bytes.len, strerror(errno));
    }
}

static size_t tls_receive(struct line *line, uint8_t *bytes, size_t size)
{
    int got = SSL_read(line->ssl, bytes, (int)size);
    return got > 0 || !wants_bytes(line, got) ? (size_t)got : 0;
}

size_t line_receive(struct line *line, uint8_t *bytes, size_t size)
{
    if (line->ssl != NULL) {
        return tls_receive(line, bytes, size);
    }
    ssize_t got = recv(line->fd, bytes, size, 0);
    if (got > 0) {
        return (size_t)got;
    }
    if (got == 0 || errno != EAGAIN) {
        die("a connection ended: %s", got == 0 ? "by the other side" : strerror(errno));
    }
    return 0;
}
