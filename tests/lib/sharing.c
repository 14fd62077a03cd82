#include "tests/lib/sharing.h"

const char *const sharing_changes[] = {
    "proxy.workers = 1",
    "backend:db1.max_connections = 1",
    "backend:db2.max_connections = 1",
    "backend:db3.max_connections = 1",
    NULL,
};
static const char *const expected[] = {"backend.*", "monitor.*", "pool.*", "topology.*", NULL};

struct site *sharing_create(const char *statements)
{
    struct site *site = site_create(site_logging, statements, sharing_changes);
    site->expected = expected;
    return site;
}

MYSQL *sharing_client(const struct site *site)
{
    struct client_options options = instance_options(site->instance, "app", "app-secret");
    options.flags = CLIENT_MULTI_STATEMENTS;
    return client_connect(&options);
}

void sharing_others_come(MYSQL *other)
{
    client_run(other, "SET NAMES latin1");
    client_run(other, "SET @v = 'another', @w = 1.25, @sum = 99, @seen = 98, @who = 'another',"
                      " time_zone = '-03:00', sql_mode = '', div_precision_increment = 1");
    client_run(other, "UPDATE t SET a = a WHERE id = 1");
    for (int i = 0; i < 8; i++) {
        assert_client_text(other, "SELECT @v FROM whoami LIMIT 1", "another");
    }
}

unsigned sharing_run_each(MYSQL *client, const char *statements)
{
    static const struct slice between = SLICE_INIT("; ");
    unsigned error = 0;
    for (struct slice rest = slice_text(statements); rest.len > 0;) {
        size_t len = 0;
        while (len < rest.len && !slice_starts_nocase(slice_from(rest, len), between)) {
            len++;
        }
        unsigned got = client_outcome(client, slice_first(rest, len));
        error = got != 0 ? got : error;
        rest = slice_from(rest, len + between.len < rest.len ? len + between.len : rest.len);
    }
    return error;
}
