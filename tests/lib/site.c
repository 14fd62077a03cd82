#include "tests/lib/site.h"

#include "proxy/base/memory.h"
#include "tests/lib/http.h"

#include <stdio.h>
#include <string.h>

// Not replicated: each server has its own.
static void whoami_create(const struct stack *stack, const char *name)
{
    char statements[512];
    snprintf(statements, sizeof(statements),
             "CREATE TABLE app.whoami (name VARCHAR(16)); INSERT INTO app.whoami VALUES ('%s')",
             name);
    stack_run_alone(stack, name, statements);
}

const char *const site_logging[] = {"--general-log", NULL};

struct site *site_create_of(enum servers kind, const char *const stack_options[],
                            const char *statements, const char *const changes[])
{
    struct site *site = mem_zero(1, sizeof(*site));
    site->stack = stack_start_of(kind, stack_options);
    for (size_t i = 0; i < site->stack->count; i++) {
        whoami_create(site->stack, site->stack->servers[i].name);
    }
    if (statements != NULL) {
        stack_run(site->stack, "db1", statements);
        stack_sync(site->stack);
    }
    site->instance = instance_start(site->stack, changes);
    return site;
}

struct site *site_create(const char *const stack_options[], const char *statements,
                         const char *const changes[])
{
    return site_create_of(servers_of_run(), stack_options, statements, changes);
}

int site_setup(void **state)
{
    *state = site_create(site_logging, NULL, NULL);
    return 0;
}

int site_teardown(void **state)
{
    struct site *site = *state;
    if (site == NULL) { // the setup failed
        return 0;
    }
    instance_kill(site->instance);
    for (size_t i = 0; i < site->stack->count; i++) {
        if (site->logs[i] != NULL) {
            general_log_close(site->logs[i]);
        }
    }
    stack_remove(site->stack);
    mem_free(site);
    return 0;
}

void the_proxy_leaves_nothing_behind(void **state)
{
    struct site *site = *state;
    assert_site_idle(site);
    struct instance *instance = site->instance;
    site->instance = NULL;
    instance_stop(instance, site->expected);
}

void site_restart(struct site *site, const char *const changes[])
{
    struct instance *old = site->instance;
    site->instance = instance_start(site->stack, changes);
    instance_stop(old, site->expected);
}

void site_replace(struct site *site, const char *const changes[])
{
    struct instance *old = site->instance;
    site->instance = NULL;
    instance_kill(old);
    site->instance = instance_start(site->stack, changes);
}

MYSQL *site_direct_client(const struct site *site)
{
    return client_connect(&(struct client_options){.port = stack_server(site->stack, "db1")->port,
                                                   .user = "app",
                                                   .password = "app-secret",
                                                   .schema = "app",
                                                   .flags = CLIENT_MULTI_STATEMENTS});
}

static struct client_text pin_of(const struct site *site)
{
    MYSQL *admin = instance_admin(site->instance);
    struct client_text pins =
        client_text(admin, "SELECT COALESCE(GROUP_CONCAT(pin_reason), '') FROM sessions "
                           "WHERE pin_reason NOT IN ('', 'none')");
    mysql_close(admin);
    return pins;
}

// A pin may end a moment behind the answer.
void assert_site_pin(const struct site *site, const char *what, const char *pin)
{
    struct client_text found = pin_of(site);
    struct deadline deadline = deadline_in(2000);
    while (strcmp(found.text, pin) != 0 && deadline_pause(deadline)) {
        found = pin_of(site);
    }
    if (strcmp(found.text, pin) != 0) {
        fail_msg("%s: pin \"%s\", not \"%s\"", what, found.text, pin);
    }
}

MYSQL *site_client(const struct site *site)
{
    return instance_client(site->instance);
}

struct client_text site_where(MYSQL *client)
{
    return client_text(client, "SELECT name FROM app.whoami");
}

static bool is_replica(struct client_text where)
{
    return strcmp(where.text, "db2") == 0 || strcmp(where.text, "db3") == 0;
}

void assert_on_replica(MYSQL *client)
{
    struct client_text where = site_where(client);
    if (!is_replica(where)) {
        fail_msg("answered by %s, not by a replica", where.text);
    }
}

void assert_soon_on_replica(MYSQL *client)
{
    assert_soon(is_replica(site_where(client)));
}

void assert_on_primary(MYSQL *client)
{
    assert_string_equal(site_where(client).text, "db1");
}

static struct general_log *log_of(struct site *site, size_t server)
{
    if (site->logs[server] == NULL) {
        stack_general_log(site->stack, site->stack->servers[server].name, site->log_paths[server]);
        site->logs[server] = general_log_open(site->log_paths[server], "app@127.0.0.1");
    }
    return site->logs[server];
}

const char *site_server_of(struct site *site, const char *mark)
{
    const char *found = NULL;
    size_t count = 0;
    for (size_t i = 0; i < site->stack->count; i++) {
        size_t here = general_log_count_lines(log_of(site, i), mark);
        found = here > 0 ? site->stack->servers[i].name : found;
        count += here;
    }
    if (count != 1) {
        fail_msg("%s was run %zu times", mark, count);
    }
    return found;
}

long long site_statements_on(const struct site *site, const char *name)
{
    return stack_number(site->stack, name,
                        dialect("SELECT VARIABLE_VALUE FROM information_schema.global_status "
                                "WHERE VARIABLE_NAME = 'Prepared_stmt_count'",
                                "SELECT VARIABLE_VALUE FROM performance_schema.global_status "
                                "WHERE VARIABLE_NAME = 'Prepared_stmt_count'"));
}

long long site_connections_to(const struct site *site, const char *name)
{
    char query[128];
    snprintf(query, sizeof(query),
             "SELECT COALESCE(SUM(used + idle), 0) FROM pools WHERE backend = '%s'", name);
    return instance_admin_number(site->instance, query);
}

void assert_site_idle(const struct site *site)
{
    uint16_t port = site->instance->http_port;
    assert_soon(http_metric_sum(port, "sluice_clients", "") == 0);
    assert_soon(http_metric_sum(port, "sluice_backend_connections", "state=\"used\"") == 0);
}

struct site *site_or_skip(void **state)
{
    if (*state == NULL) {
        print_message("no servers of that kind: make mysql-server\n");
        skip();
    }
    return *state;
}

void the_proxy_leaves_nothing_behind_where_there_is_one(void **state)
{
    site_or_skip(state);
    the_proxy_leaves_nothing_behind(state);
}
