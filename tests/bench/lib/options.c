#include "tests/bench/lib/options.h"

#include <math.h>
#include <stdlib.h>

const char options_help[] =
    "usage: load MODE [--NAME VALUE]...\n"
    "  query              clients run statements, one after the other\n"
    "  connect            clients log in, run one statement, say goodbye, and again\n"
    "  stall              clients ask for a result and read nothing of it\n"
    "  idle               clients log in and do nothing\n"
    "  --port N           of 127.0.0.1 (3306); several: clients are shared out among them\n"
    "  --user NAME        (app)\n"
    "  --password TEXT    (none)\n"
    "  --schema NAME      (none)\n"
    "  --clients N        (1)\n"
    "  --seconds S        how long is measured (5)\n"
    "  --warmup S         how long the load runs before that (0)\n"
    "  --count N          so many statements are measured, however long it takes\n"
    "  --statement SQL    with {id} where a number goes (SELECT 1); several: chosen at random\n"
    "  --setup SQL        each client runs it behind its login, with its own number for {id}; "
    "several\n"
    "  --numbers N        the numbers are 1 to N (10000)\n"
    "  --prepared yes     statements are prepared, the number is their parameter\n"
    "  --tls yes          clients speak TLS; any certificate will do\n"
    "  --process NAME=PID what this process uses is measured; several\n";

// --- values

static bool number_read(struct slice text, uint64_t least, uint64_t most, uint64_t *value)
{
    return slice_to_u64(text, value) && *value >= least && *value <= most;
}

static bool seconds_read(const char *text, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(*value) && *value >= 0 && *value <= 3600;
}

static bool yes_read(struct slice text, bool *value)
{
    *value = slice_equal(text, S("yes"));
    return *value || slice_equal(text, S("no"));
}

static bool process_read(struct options *options, struct slice text)
{
    struct slice rest = text, name;
    uint64_t pid;
    if (options->process_count == OPTIONS_PROCESSES_MAX || !slice_cut(&rest, '=', &name) ||
        name.len == 0 || rest.ptr == NULL || !number_read(rest, 1, INT32_MAX, &pid)) {
        return false;
    }
    options->processes[options->process_count++] = (struct options_process){name, (pid_t)pid};
    return true;
}

static bool statement_read(struct options *options, struct slice text)
{
    return options->statement_count < OPTIONS_STATEMENTS_MAX && text.len > 0 &&
           request_init(&options->statements[options->statement_count++], text);
}

static bool setup_read(struct options *options, struct slice text)
{
    return options->setup_count < OPTIONS_SETUPS_MAX && text.len > 0 &&
           request_init(&options->setups[options->setup_count++], text);
}

// --- names

static bool port_read(struct options *options, struct slice text)
{
    uint64_t port;
    if (options->port_count == OPTIONS_PORTS_MAX || !number_read(text, 1, UINT16_MAX, &port)) {
        return false;
    }
    options->ports[options->port_count++] = (uint16_t)port;
    return true;
}

static bool clients_read(struct options *options, struct slice text)
{
    uint64_t clients = 0;
    bool is_read = number_read(text, 1, 100000, &clients);
    options->clients = (unsigned)clients;
    return is_read;
}

static bool option_read(struct options *options, struct slice name, const char *value)
{
    struct slice text = slice_text(value);
    if (slice_equal(name, S("--port"))) {
        return port_read(options, text);
    } else if (slice_equal(name, S("--user"))) {
        options->user = text;
    } else if (slice_equal(name, S("--password"))) {
        options->password = text;
    } else if (slice_equal(name, S("--schema"))) {
        options->schema = text;
    } else if (slice_equal(name, S("--clients"))) {
        return clients_read(options, text);
    } else if (slice_equal(name, S("--seconds"))) {
        return seconds_read(value, &options->seconds);
    } else if (slice_equal(name, S("--warmup"))) {
        return seconds_read(value, &options->warmup);
    } else if (slice_equal(name, S("--count"))) {
        return number_read(text, 1, UINT64_MAX, &options->count);
    } else if (slice_equal(name, S("--numbers"))) {
        return number_read(text, 1, INT64_MAX, &options->numbers);
    } else if (slice_equal(name, S("--statement"))) {
        return statement_read(options, text);
    } else if (slice_equal(name, S("--setup"))) {
        return setup_read(options, text);
    } else if (slice_equal(name, S("--prepared"))) {
        return yes_read(text, &options->is_prepared);
    } else if (slice_equal(name, S("--tls"))) {
        return yes_read(text, &options->is_tls);
    } else if (slice_equal(name, S("--process"))) {
        return process_read(options, text);
    } else {
        return false;
    }
    return true;
}

static bool mode_read(struct options *options, struct slice text)
{
    static const struct slice names[LOAD_MODE_COUNT] = {
        [LOAD_QUERY] = SLICE_INIT("query"),
        [LOAD_CONNECT] = SLICE_INIT("connect"),
        [LOAD_STALL] = SLICE_INIT("stall"),
        [LOAD_IDLE] = SLICE_INIT("idle"),
    };
    options->mode = LOAD_QUERY;
    while (options->mode < LOAD_MODE_COUNT && !slice_equal(text, names[options->mode])) {
        options->mode++;
    }
    return options->mode < LOAD_MODE_COUNT;
}

bool options_parse(struct options *options, int argc, char *argv[], struct error *error)
{
    *options = (struct options){.user = S("app"), .clients = 1, .seconds = 5, .numbers = 10000};
    if (argc < 2 || !mode_read(options, slice_text(argv[1]))) {
        return error_set(error, 1, "", "the first word is query, connect, stall or idle");
    }
    for (int i = 2; i < argc; i += 2) {
        if (i + 1 == argc || !option_read(options, slice_text(argv[i]), argv[i + 1])) {
            return error_set(error, 1, "", "not understood: %s %s", argv[i],
                             i + 1 < argc ? argv[i + 1] : "(no value)");
        }
    }
    return (options->port_count > 0 || port_read(options, S("3306"))) &&
           (options->statement_count > 0 || statement_read(options, S("SELECT 1")));
}
