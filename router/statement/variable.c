#include "router/statement/variable.h"

static const struct {
    struct slice name;
    enum variable_kind kind;
} variables[] = {
#define VARIABLE(name, kind) {SLICE_INIT(#name), VARIABLE_##kind},
#include "router/statement/variables.def"
#undef VARIABLE
};

enum variable_kind variable_find(struct slice name)
{
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
        if (slice_equal_nocase(variables[i].name, name)) {
            return variables[i].kind;
        }
    }
    return VARIABLE_SERVER;
}

// They act once, have no default, or belong to one server.
static const struct slice of_connection[] = {
    SLICE_INIT("insert_id"),
    SLICE_INIT("rand_seed1"),
    SLICE_INIT("rand_seed2"),
    SLICE_INIT("sql_log_bin"),
    SLICE_INIT("gtid_next"),
    SLICE_INIT("gtid_domain_id"),
    SLICE_INIT("gtid_seq_no"),
    SLICE_INIT("server_id"),
    SLICE_INIT("pseudo_thread_id"),
    SLICE_INIT("profiling"),
    SLICE_INIT("optimizer_trace"), // which its connection alone shows
    SLICE_INIT("debug"),
    SLICE_INIT("pseudo_replica_mode"),
    SLICE_INIT("pseudo_slave_mode"),
    SLICE_INIT("skip_replication"),
};

bool variable_is_of_connection(struct slice name)
{
    for (size_t i = 0; i < sizeof(of_connection) / sizeof(of_connection[0]); i++) {
        if (slice_equal_nocase(name, of_connection[i])) {
            return true;
        }
    }
    return false;
}
