#include "tests/lib/http.h"

#include "tests/lib/cmocka.h"
#include "tests/lib/wait.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static int loopback_connect(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval limit = {.tv_sec = WAIT_MS / 1000};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

// The server closes behind its answer, as asked.
static bool exchange(int fd, const char *path, struct buffer *answer)
{
    enum { PIECE = 16384 };
    char request[512];
    int len = snprintf(request, sizeof(request),
                       "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", path);
    assert_true(len < (int)sizeof(request));
    ssize_t n = send(fd, request, (size_t)len, MSG_NOSIGNAL);
    while (n > 0 && (n = recv(fd, buffer_reserve(answer, PIECE), PIECE, 0)) > 0) {
        buffer_added(answer, (size_t)n);
    }
    return n == 0;
}

int http_get(uint16_t port, const char *path, struct buffer *body)
{
    int fd = loopback_connect(port);
    if (fd < 0) {
        return 0;
    }
    struct buffer answer = BUFFER_INIT;
    int status = 0;
    if (exchange(fd, path, &answer)) {
        struct slice text = buffer_slice(&answer);
        size_t head = slice_find_slice(text, S("\r\n\r\n"));
        char line[32];
        slice_to_text(slice_first(text, sizeof(line) - 1), line, sizeof(line));
        if (head < text.len && sscanf(line, "HTTP/1.%*d %d", &status) == 1 && body != NULL) {
            buffer_append_slice(body, slice_from(text, head + 4));
        }
    }
    buffer_release(&answer);
    close(fd);
    return status;
}

// A sample is "NAME VALUE" or "NAME{LABELS} VALUE".
struct sample {
    struct slice name;
    struct slice labels; // with braces; empty where there are none
    double value;
};

static bool sample_read(struct slice line, struct sample *sample)
{
    size_t space = line.len;
    while (space > 0 && line.ptr[space - 1] != ' ') {
        space--;
    }
    char value[64];
    if (space == 0 || line.ptr[0] == '#' ||
        !slice_to_text(slice_from(line, space), value, sizeof(value))) {
        return false;
    }
    struct slice series = slice_first(line, space - 1);
    size_t brace = slice_find(series, '{');
    *sample = (struct sample){.name = slice_first(series, brace),
                              .labels = slice_from(series, brace),
                              .value = strtod(value, NULL)};
    return true;
}

double http_metric_sum(uint16_t port, const char *name, const char *label)
{
    struct buffer body = BUFFER_INIT;
    assert_int_equal(http_get(port, "/metrics", &body), 200);
    struct slice rest = buffer_slice(&body), line, part = slice_text(label);
    struct sample sample;
    double sum = 0;
    while (slice_cut(&rest, '\n', &line)) {
        if (sample_read(line, &sample) && slice_equal(sample.name, slice_text(name)) &&
            (part.len == 0 || slice_find_slice(sample.labels, part) < sample.labels.len)) {
            sum += sample.value;
        }
    }
    buffer_release(&body);
    return sum;
}
