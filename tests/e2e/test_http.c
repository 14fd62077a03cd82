// The HTTP port: health, readiness, metrics that Prometheus takes, the views as JSON.
#include "tests/lib/http.h"
#include "tests/lib/site.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(health_and_readiness_answer),
        cmocka_unit_test(metrics_are_what_prometheus_reads),
        cmocka_unit_test(metrics_count_what_was_done),
        cmocka_unit_test(views_are_json),
        cmocka_unit_test(not_ready_says_what_is_missing),
        cmocka_unit_test(the_proxy_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, site_teardown);
}
