// What a statement costs the proxy: system calls, heap calls, memory of an idle client.
#include "tests/lib/allocations.h"
#include "tests/lib/site.h"
#include "tests/lib/statement.h"
#include "tests/lib/syscalls.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char schema[] = "CREATE TABLE app.t (id INT PRIMARY KEY, a INT);"
                             "INSERT INTO app.t VALUES (1, 10), (2, 20), (3, 30)";

static int setup(void **state)
{
    *state = site_create(NULL, schema, NULL);
    return 0;
}

// Four socket calls a statement are the floor of a plain connection, so that is what is counted.
static const char *const plain[] = {"proxy.workers = 1",
                                    "proxy.tls = disabled",
                                    "backend:db1.tls = disabled",
                                    "backend:db2.tls = disabled",
                                    "backend:db3.tls = disabled",
                                    "monitor.interval = 1h", // its calls are not to be counted
                                    NULL};

struct load {
    MYSQL *client;
    MYSQL_STMT *prepared; // run in place of the text; NULL: the text
    size_t statements;
    unsigned failed; // error number
};

// Runs on a thread of its own, where cmocka may not fail a test.
static unsigned prepared_run(MYSQL_STMT *statement)
{
    if (mysql_stmt_execute(statement) != 0 || mysql_stmt_store_result(statement) != 0) {
        return mysql_stmt_errno(statement);
    }
    mysql_stmt_free_result(statement);
    return 0;
}

static void *load_run(void *argument)
{
    struct load *load = argument;
    for (size_t i = 0; load->prepared != NULL && i < load->statements && load->failed == 0; i++) {
        load->failed = prepared_run(load->prepared);
    }
    if (load->prepared != NULL) {
        return NULL;
    }
    static const char statement[] = "SELECT a FROM t WHERE id = 2";
    for (size_t i = 0; i < load->statements && load->failed == 0; i++) {
        if (mysql_real_query(load->client, statement, sizeof(statement) - 1) != 0) {
            load->failed = mysql_errno(load->client);
            return NULL;
        }
        mysql_free_result(mysql_store_result(load->client));
    }
    return NULL;
}

enum { CLIENTS = 16, WARM_UP = 200, STATEMENTS = 1000, ROUNDS = 12 };

static void loads_run(struct load loads[CLIENTS], size_t statements)
{
    pthread_t threads[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        loads[i].statements = statements;
        assert_int_equal(pthread_create(&threads[i], NULL, load_run, &loads[i]), 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(loads[i].failed, 0);
    }
}

// System calls of the proxy for each statement.
struct cost {
    double sockets; // receives and sends
    double waits;   // epoll
    double all;
};

static double sum_of(const struct syscalls *calls, const char *const names[])
{
    double sum = 0;
    for (size_t i = 0; names[i] != NULL; i++) {
        sum += (double)syscalls_count(calls, names[i]);
    }
    return sum;
}

static struct cost cost_measure(const struct site *site, struct load loads[CLIENTS])
{
    static const char *const sockets[] = {"recvfrom", "recvmsg", "read",   "readv", "sendto",
                                          "sendmsg",  "write",   "writev", NULL};
    static const char *const waits[] = {"epoll_wait", "epoll_pwait", "epoll_pwait2", "epoll_ctl",
                                        NULL};
    static const double statements = (double)CLIENTS * STATEMENTS;
    struct syscalls calls;
    syscalls_begin(&calls, site->instance->process.pid);
    loads_run(loads, STATEMENTS);
    syscalls_end(&calls);
    struct cost cost = {.sockets = sum_of(&calls, sockets) / statements,
                        .waits = sum_of(&calls, waits) / statements,
                        .all = (double)syscalls_total(&calls) / statements};
    syscalls_release(&calls);
    print_message("socket calls per statement: %.3f, epoll calls: %.3f, all calls: %.3f\n",
                  cost.sockets, cost.waits, cost.all);
    return cost;
}

static bool is_cheap(struct cost cost)
{
    return cost.sockets <= 4.05 && cost.waits < 0.5 && cost.all < 4.6;
}

static void loads_open(const struct site *site, struct load loads[CLIENTS], bool are_prepared)
{
    static int id = 2;
    for (int i = 0; i < CLIENTS; i++) {
        loads[i].client = site_client(site);
        if (are_prepared) {
            loads[i].prepared = statement_prepare(loads[i].client, "SELECT a FROM t WHERE id = ?");
            statement_bind_number(loads[i].prepared, &id);
        }
    }
}

static void loads_close(struct load loads[CLIENTS])
{
    for (int i = 0; i < CLIENTS; i++) {
        if (loads[i].prepared != NULL) {
            mysql_stmt_close(loads[i].prepared);
        }
        mysql_close(loads[i].client);
    }
}

// At 16 clients. Where other programs keep the clients from running, fewer of them are ready at a
// time, and a wait serves fewer statements: one round of a few must be undisturbed.
static void four_socket_calls_expect(struct site *site, bool are_prepared)
{
    struct load loads[CLIENTS] = {{0}};
    site_restart(site, plain);
    loads_open(site, loads, are_prepared);
    loads_run(loads, WARM_UP);
    bool was_cheap = false;
    for (int round = 0; round < ROUNDS && !was_cheap; round++) {
        was_cheap = is_cheap(cost_measure(site, loads));
    }
    assert_true(was_cheap);
    loads_close(loads);
}

static void a_statement_takes_four_socket_calls_and_a_share_of_a_wait(void **state)
{
    four_socket_calls_expect(*state, false);
}

static void a_prepared_statement_takes_no_more(void **state)
{
    four_socket_calls_expect(*state, true);
}

// Each replica's pool gets a connection for each client, which is as far as it ever grows: opening
// one costs some fifty heap calls, and which statement finds all others busy is chance.
static void pools_fill(const struct site *site, struct load loads[CLIENTS])
{
    static const char *const replicas[] = {"db2", "db3"};
    for (size_t i = 0; i < sizeof(replicas) / sizeof(replicas[0]); i++) {
        char read[96], question[128];
        snprintf(read, sizeof(read), "/* sluice: backend=%s */ SELECT SLEEP(0.5) FROM t LIMIT 1",
                 replicas[i]);
        snprintf(question, sizeof(question),
                 "SELECT COALESCE(SUM(used + idle), 0) FROM pools WHERE backend = '%s'",
                 replicas[i]);
        for (struct deadline deadline = deadline_in(WAIT_MS);
             instance_admin_number(site->instance, question) < CLIENTS;) {
            assert_true(deadline_pause(deadline));
            for (int client = 0; client < CLIENTS; client++) {
                client_send(loads[client].client, read);
            }
            for (int client = 0; client < CLIENTS; client++) {
                assert_int_equal(client_finish(loads[client].client), 0);
            }
        }
    }
}

static void no_heap_call_expect(struct site *site, bool are_prepared)
{
    enum { EXACT_ROUNDS = 3, ROUNDS_MOST = 15 };
    struct allocations allocations;
    allocations_init(&allocations);
    struct instance *old = site->instance;
    site->instance = NULL;
    instance_stop(old, site->expected);
    site->instance = instance_start_under(site->stack, plain, NULL, allocations.environment);
    struct load loads[CLIENTS] = {{0}};
    loads_open(site, loads, are_prepared);
    assert_true(allocations_count(&allocations) > 100); // the library counts
    pools_fill(site, loads);
    loads_run(loads, WARM_UP); // the operator's connection is gone by its end
    allocations_trace(&allocations, true);
    // The histogram of the statement's digest grows when one takes longer or shorter than any
    // before, a few times at most: the rounds must come to an end of that.
    int exact = 0;
    for (int round = 0; round < ROUNDS_MOST && exact < EXACT_ROUNDS; round++) {
        unsigned long long before = allocations_count(&allocations);
        loads_run(loads, STATEMENTS);
        unsigned long long calls = allocations_count(&allocations) - before;
        print_message("heap calls in %d statements: %llu\n", CLIENTS * STATEMENTS, calls);
        exact = calls == 0 ? exact + 1 : 0;
    }
    allocations_trace(&allocations, false);
    if (exact < EXACT_ROUNDS) {
        allocations_print_callers(&allocations);
    }
    assert_int_equal(exact, EXACT_ROUNDS);
    loads_close(loads);
    allocations_release(&allocations);
}

static void a_plain_statement_allocates_nothing(void **state)
{
    no_heap_call_expect(*state, false);
}

static void a_prepared_statement_allocates_nothing(void **state)
{
    no_heap_call_expect(*state, true);
}

static void an_idle_client_holds_no_buffer(void **state)
{
    enum { IDLE = 400, MOST_BYTES_EACH = 8 * 1024 };
    struct site *site = *state;
    site_restart(site, plain);
    static MYSQL *clients[IDLE];
    for (int i = 0; i < IDLE; i++) { // so that memory once taken is there to be used again
        clients[i] = site_client(site);
        client_run(clients[i], "SELECT REPEAT('x', 60000) FROM t");
    }
    for (int i = 0; i < IDLE; i++) {
        mysql_close(clients[i]);
    }
    assert_site_idle(site);
    pid_t pid = site->instance->process.pid;
    uint64_t before = process_resident_bytes(pid);
    for (int i = 0; i < IDLE; i++) {
        clients[i] = site_client(site);
        client_run(clients[i], "SELECT REPEAT('x', 60000) FROM t");
    }
    uint64_t after = process_resident_bytes(pid);
    print_message("resident bytes per idle client: %lld\n",
                  ((long long)after - (long long)before) / IDLE);
    assert_true(after <= before || (after - before) / IDLE <= MOST_BYTES_EACH);
    for (int i = 0; i < IDLE; i++) {
        mysql_close(clients[i]);
    }
}

static void descriptors_are_given_back(void **state)
{
    enum { CLIENTS_IN_TURN = 300 };
    struct site *site = *state;
    pid_t pid = site->instance->process.pid;
    assert_site_idle(site);
    unsigned before = process_descriptor_count(pid);
    for (int i = 0; i < CLIENTS_IN_TURN; i++) {
        MYSQL *client = site_client(site);
        client_run(client, "SELECT a FROM t");
        if (i % 3 == 0) {
            client_run(client, "SET @pinned = 1");
        }
        mysql_close(client);
    }
    assert_site_idle(site);
    // The pools may have grown by a few connections, not by one for each client.
    assert_soon(process_descriptor_count(pid) <= before + 20);
}

// The policy of a thread of that name; -1: there is none.
static int policy_of(pid_t pid, const char *name)
{
    char path[300], text[32] = "";
    int policy = -1;
    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *folder = opendir(path);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        snprintf(path, sizeof(path), "/proc/%d/task/%s/comm", (int)pid, entry->d_name);
        FILE *file = fopen(path, "r");
        bool is_it = file != NULL && fgets(text, sizeof(text), file) != NULL &&
                     strncmp(text, name, strlen(name)) == 0;
        if (is_it) {
            policy = sched_getscheduler((pid_t)strtol(entry->d_name, NULL, 10));
        }
        if (file != NULL) {
            fclose(file);
        }
    }
    closedir(folder);
    return policy;
}

// Probes may not wait for a busy machine.
static void workers_take_turns_and_the_monitor_does_not(void **state)
{
    struct site *site = *state;
    pid_t pid = site->instance->process.pid;
    assert_int_equal(policy_of(pid, "worker-0"), SCHED_BATCH);
    assert_int_equal(policy_of(pid, "monitor"), SCHED_OTHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_statement_takes_four_socket_calls_and_a_share_of_a_wait),
        cmocka_unit_test(a_prepared_statement_takes_no_more),
        cmocka_unit_test(a_plain_statement_allocates_nothing),
        cmocka_unit_test(a_prepared_statement_allocates_nothing),
        cmocka_unit_test(an_idle_client_holds_no_buffer),
        cmocka_unit_test(descriptors_are_given_back),
        cmocka_unit_test(workers_take_turns_and_the_monitor_does_not),
        cmocka_unit_test(the_proxy_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, site_teardown);
}
