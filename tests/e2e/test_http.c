// The HTTP port: health, readiness, metrics that Prometheus takes, the views as JSON.
#include "tests/lib/http.h"
#include "tests/lib/peer.h"
#include "tests/lib/site.h"

#include <jansson.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static int setup(void **state)
{
    static const char *const expected[] = {"backend.*", "monitor.*", "topology.*", NULL};
    struct site *site =
        site_create(NULL, NULL, (const char *const[]){"monitor.failures = 1", NULL});
    site->expected = expected;
    *state = site;
    return 0;
}

static void health_and_readiness_answer(void **state)
{
    const struct site *site = *state;
    uint16_t port = site->instance->http_port;
    assert_int_equal(http_get(port, "/healthz", NULL), 200);
    assert_int_equal(http_get(port, "/readyz", NULL), 200);
    assert_int_equal(http_get(port, "/nothing", NULL), 404);
}

static void not_ready_says_what_is_missing(void **state)
{
    const struct site *site = *state;
    uint16_t port = site->instance->http_port;
    for (size_t i = 0; i < site->stack->count; i++) {
        stack_server_do(site->stack, site->stack->servers[i].name, "kill");
    }
    assert_soon(http_get(port, "/readyz", NULL) == 503);
    struct buffer body = BUFFER_INIT;
    assert_int_equal(http_get(port, "/readyz", &body), 503);
    assert_true(buffer_len(&body) > 10);
    buffer_release(&body);
    assert_int_equal(http_get(port, "/healthz", NULL), 200);
    for (size_t i = 0; i < site->stack->count; i++) {
        stack_server_do(site->stack, site->stack->servers[i].name, "start");
    }
    instance_wait_ready(site->instance);
}

static void metrics_are_what_prometheus_reads(void **state)
{
    const struct site *site = *state;
    MYSQL *client = site_client(site);
    for (int i = 0; i < 10; i++) {
        assert_on_replica(client);
    }
    struct buffer body = BUFFER_INIT, output = BUFFER_INIT;
    assert_int_equal(http_get(site->instance->http_port, "/metrics", &body), 200);
    char path[FILE_PATH_SIZE + 16], command[FILE_PATH_SIZE + 128];
    snprintf(path, sizeof(path), "%s/metrics", site->instance->folder);
    file_write(path, buffer_slice(&body));
    const char *build = getenv("BUILD");
    snprintf(command, sizeof(command), "PATH=$PATH:%s/tools promtool check metrics < %s",
             build != NULL ? build : "build", path);
    int code =
        process_run((const char *const[]){"sh", "-c", command, NULL}, NULL, &output, WAIT_MS);
    if (code != 0) {
        fail_msg("promtool: %.*s", SLICE_ARG(buffer_slice(&output)));
    }
    buffer_release(&body);
    buffer_release(&output);
    mysql_close(client);
}

static void metrics_count_what_was_done(void **state)
{
    const struct site *site = *state;
    uint16_t port = site->instance->http_port;
    double before = http_metric_sum(port, "sluice_queries_total", "target=\"replica\"");
    double took = http_metric_sum(port, "sluice_query_duration_seconds_count", "phase=\"total\"");
    MYSQL *client = site_client(site);
    assert_true(http_metric_sum(port, "sluice_clients", "") == 1);
    for (int i = 0; i < 25; i++) {
        assert_on_replica(client);
    }
    assert_soon(http_metric_sum(port, "sluice_queries_total", "target=\"replica\"") - before == 25);
    assert_soon(http_metric_sum(port, "sluice_query_duration_seconds_count", "phase=\"total\"") -
                    took >=
                25);
    assert_true(http_metric_sum(port, "sluice_backend_up", "") == 3);
    assert_true(http_metric_sum(port, "sluice_route_reasons_total", "reason=\"read\"") >= 25);
    mysql_close(client);
    assert_soon(http_metric_sum(port, "sluice_clients", "") == 0);
}

static void views_are_json(void **state)
{
    static const char *const views[] = {"backends", "pools",  "sessions", "routes",
                                        "rules",    "config", "status",   "events"};
    const struct site *site = *state;
    for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
        char path[64];
        snprintf(path, sizeof(path), "/api/%s", views[i]);
        struct buffer body = BUFFER_INIT;
        assert_int_equal(http_get(site->instance->http_port, path, &body), 200);
        json_t *json = json_loadb((const char *)buffer_ptr(&body), buffer_len(&body), 0, NULL);
        json_t *rows = json_object_get(json, "rows");
        assert_true(json_is_array(rows));
        if (strcmp(views[i], "backends") == 0) {
            assert_int_equal(json_array_size(rows), 3);
            assert_non_null(json_object_get(json_array_get(rows, 0), "name"));
        }
        json_decref(json);
        buffer_release(&body);
    }
    assert_int_equal(http_get(site->instance->http_port, "/api/nothing", NULL), 404);
}

// --- clients that only shut their sending side --------------------------------------------------

// Small segments and a small window: what sluice sends does not fit the kernel at once.
static struct peer *narrow_peer(uint16_t port)
{
    const int size = 1, segment = 88; // the least that there is, in truth
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof(segment)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return peer_adopt(fd);
}

static void ask_and_shut(struct peer *peer, const char *request)
{
    peer_send(peer, slice_text(request));
    assert_int_equal(shutdown(peer->fd, SHUT_WR), 0);
}

// Reads to the end; what came is a whole answer.
static void assert_answered(struct peer *peer)
{
    static const char length[] = "Content-Length: ";
    struct buffer answer = BUFFER_INIT;
    uint8_t piece[16384];
    for (size_t n; (n = peer_read_bytes(peer, piece, sizeof(piece))) > 0;) {
        buffer_append(&answer, piece, n);
    }
    struct slice text = buffer_slice(&answer);
    assert_true(slice_equal(slice_first(text, 12), S("HTTP/1.1 200")));
    struct slice body = slice_from(text, slice_find_slice(text, S("\r\n\r\n")) + 4);
    struct slice told = slice_from(text, slice_find_slice(text, slice_text(length)));
    char digits[16];
    slice_to_text(slice_first(slice_from(told, sizeof(length) - 1), sizeof(digits) - 1), digits,
                  sizeof(digits));
    assert_int_equal(strtoul(digits, NULL, 10), body.len);
    buffer_release(&answer);
    peer_close(peer);
}

// printf 'GET /metrics HTTP/1.0\r\n\r\n' | nc -N
static void a_client_that_shuts_its_sending_side_is_answered(void **state)
{
    const struct site *site = *state;
    for (int i = 0; i < 20; i++) {
        struct peer *peer = peer_connect(site->instance->http_port);
        ask_and_shut(peer, "GET /metrics HTTP/1.0\r\n\r\n");
        assert_answered(peer);
    }
}

static void a_client_that_shuts_its_sending_side_and_reads_late_gets_all(void **state)
{
    const struct site *site = *state;
    uint16_t port = site->instance->http_port;
    struct peer *peer = narrow_peer(port);
    ask_and_shut(peer, "GET /api/config HTTP/1.0\r\n\r\n"); // the longest
    for (int i = 0; i < 5; i++) { // sluice has met the end of what is sent
        assert_int_equal(http_get(port, "/metrics", NULL), 200);
    }
    assert_answered(peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(health_and_readiness_answer),
        cmocka_unit_test(metrics_are_what_prometheus_reads),
        cmocka_unit_test(metrics_count_what_was_done),
        cmocka_unit_test(views_are_json),
        cmocka_unit_test(a_client_that_shuts_its_sending_side_is_answered),
        cmocka_unit_test(a_client_that_shuts_its_sending_side_and_reads_late_gets_all),
        cmocka_unit_test(not_ready_says_what_is_missing),
        cmocka_unit_test(the_proxy_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, site_teardown);
}
