// sysbench's own loads through the proxy, with prepared statements and without: no error, and reads
// where they belong.
#include "tests/lib/http.h"
#include "tests/lib/site.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROGRAM_MS = 120000 };

static int setup(void **state)
{
    *state = site_create(NULL, NULL, NULL);
    return 0;
}

// Runs `sysbench LOAD ... ACTION` and appends what it prints.
static void sysbench(const struct site *site, const char *load, const char *options,
                     const char *action, struct buffer *output)
{
    char command[1024];
    snprintf(command, sizeof(command),
             "sysbench %s --db-driver=mysql --mysql-host=127.0.0.1 --mysql-port=%u "
             "--mysql-user=app --mysql-password=app-secret --mysql-db=app --tables=2 "
             "--table-size=10000 --threads=8 --events=0 --time=2 %s %s",
             load, site->instance->port, options, action);
    int code =
        process_run((const char *const[]){"sh", "-c", command, NULL}, NULL, output, PROGRAM_MS);
    if (code != 0) {
        fail_msg("%s: exit %d\n%.*s", command, code, SLICE_ARG(buffer_slice(output)));
    }
}

// The number behind a label of sysbench's report.
static double reported(const struct buffer *output, const char *label)
{
    struct slice text = buffer_slice(output);
    size_t at = slice_find_slice(text, slice_text(label));
    if (at == text.len) {
        fail_msg("sysbench says nothing of %s:\n%.*s", label, SLICE_ARG(text));
    }
    char number[64];
    slice_to_text(slice_trim(slice_first(slice_from(text, at + strlen(label)), 63)), number,
                  sizeof(number));
    return strtod(number, NULL);
}

static double statements_on(const struct site *site, const char *target)
{
    return http_metric_sum(site->instance->http_port, "sluice_queries_total", target);
}

struct load {
    const char *name;
    const char *ps_mode;
    double replica_share; // of all statements, at least
    bool may_deadlock;    // the only error that sysbench passes over
};

static void load_runs(const struct site *site, const struct load *load)
{
    char options[64];
    struct buffer output = BUFFER_INIT;
    double replica = statements_on(site, "target=\"replica\"");
    double all = statements_on(site, "");
    snprintf(options, sizeof(options), "--db-ps-mode=%s", load->ps_mode);
    sysbench(site, load->name, options, "run", &output);
    assert_true(reported(&output, "transactions:") > 50);
    assert_true(load->may_deadlock || reported(&output, "ignored errors:") == 0);
    assert_true(reported(&output, "reconnects:") == 0);
    double done = statements_on(site, "") - all;
    assert_true(statements_on(site, "target=\"replica\"") - replica >= done * load->replica_share);
    buffer_release(&output);
}

static void tables_are_prepared(void **state)
{
    const struct site *site = *state;
    struct buffer output = BUFFER_INIT;
    sysbench(site, "oltp_read_write", "", "prepare", &output);
    buffer_release(&output);
    stack_sync(site->stack);
}

static void point_select_runs_on_replicas(void **state)
{
    load_runs(*state, &(struct load){"oltp_point_select", "disable", 0.99, false});
}

static void point_select_runs_prepared(void **state)
{
    load_runs(*state, &(struct load){"oltp_point_select", "auto", 0, false});
}

static void read_only_runs(void **state)
{
    load_runs(*state, &(struct load){"oltp_read_only --skip-trx=on", "disable", 0.99, false});
    load_runs(*state, &(struct load){"oltp_read_only", "disable", 0, false});
}

static void read_only_runs_prepared(void **state)
{
    load_runs(*state, &(struct load){"oltp_read_only", "auto", 0, false});
}

static void read_write_runs(void **state)
{
    load_runs(*state, &(struct load){"oltp_read_write --skip-trx=on --delete_inserts=0", "disable",
                                     0.3, true});
    load_runs(*state, &(struct load){"oltp_read_write", "disable", 0, true});
}

static void read_write_runs_prepared(void **state)
{
    load_runs(*state, &(struct load){"oltp_read_write", "auto", 0, true});
}

static void tables_are_the_same_everywhere_afterwards(void **state)
{
    const struct site *site = *state;
    stack_sync(site->stack);
    long long sum = stack_number(site->stack, "db1",
                                 "SELECT SUM(CRC32(CONCAT_WS('|', id, k, c, "
                                 "pad))) FROM sbtest1");
    for (size_t i = 1; i < site->stack->count; i++) {
        assert_int_equal(stack_number(site->stack, site->stack->servers[i].name,
                                      "SELECT SUM(CRC32(CONCAT_WS('|', id, k, c, pad))) FROM "
                                      "sbtest1"),
                         sum);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_prepared),
        cmocka_unit_test(point_select_runs_on_replicas),
        cmocka_unit_test(point_select_runs_prepared),
        cmocka_unit_test(read_only_runs),
        cmocka_unit_test(read_only_runs_prepared),
        cmocka_unit_test(read_write_runs),
        cmocka_unit_test(read_write_runs_prepared),
        cmocka_unit_test(tables_are_the_same_everywhere_afterwards),
        cmocka_unit_test(the_proxy_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, site_teardown);
}
