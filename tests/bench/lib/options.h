// The command line of tests/bench/load.c. Any thread.
#pragma once

#include "tests/bench/lib/request.h"

#include "proxy/base/error.h"
#include "proxy/base/slice.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum load_mode {
    LOAD_QUERY,   // each client runs statements, one after the other
    LOAD_CONNECT, // each client logs in, runs one statement, says goodbye, and again
    LOAD_STALL,   // each client asks for its statement's result and reads nothing of it
    LOAD_IDLE,    // each client logs in and does nothing
    LOAD_MODE_COUNT,
};

enum {
    OPTIONS_PORTS_MAX = 8,
    OPTIONS_STATEMENTS_MAX = 128,
    OPTIONS_PROCESSES_MAX = 8,
    OPTIONS_SETUPS_MAX = 8
};

struct options_process {
    struct slice name;
    pid_t pid;
};

// Slices are borrowed from the command line.
struct options {
    enum load_mode mode;
    uint16_t ports[OPTIONS_PORTS_MAX]; // of 127.0.0.1; clients are shared out among them
    size_t port_count;
    struct slice user;
    struct slice password;
    struct slice schema;
    unsigned clients;
    double seconds; // how long is measured
    double warmup;  // and how long the load runs before
    uint64_t count; // statements to measure in all; 0: `seconds` counts
    uint64_t numbers;
    bool is_prepared;
    bool is_tls;
    struct request statements[OPTIONS_STATEMENTS_MAX];
    size_t statement_count;
    struct request setups[OPTIONS_SETUPS_MAX]; // run once behind the login
    size_t setup_count;
    struct options_process processes[OPTIONS_PROCESSES_MAX];
    size_t process_count;
};

// False with a sentence in `error` where the command line cannot be understood.
__attribute__((warn_unused_result)) bool options_parse(struct options *options, int argc,
                                                       char *argv[], struct error *error);
// What may be said, for people.
extern const char options_help[];
