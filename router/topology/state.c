// In what state a server is, and the sentence that says why. The first that holds, in the order of
// the table at the bottom.
#include "router/topology/judge_priv.h"

#include "proxy/base/clock.h"

#include <inttypes.h>

// What has been found out of one server.
struct verdict {
    struct slice reason;
    int64_t lag_us;
};

#define say(judge, ...) arena_print(&(judge)->next->arena, __VA_ARGS__)

static struct slice seconds_print(const struct judge *judge, int64_t us)
{
    return say(judge, "%" PRId64 ".%d s", us / CLOCK_SECOND,
               (int)(us % CLOCK_SECOND / (CLOCK_SECOND / 10)));
}

// --- how far behind

// Who a channel comes from, in words.
static struct slice source_print(const struct judge *judge, const struct channel_facts *channel,
                                 int source)
{
    if (source >= 0) {
        return judge_name(judge, source);
    }
    return say(judge, "%.*s:%u", SLICE_ARG(channel->source_host), channel->source_port);
}

// The last lag known, and the time since: while the receiver is away it cannot be more.
static int64_t lag_bound(const struct judge *judge, int i)
{
    const struct server *before = judge->before[i];
    if (before == NULL || before->lag_us < 0) {
        return -1;
    }
    return before->lag_us + (judge->now_us - before->lag_at_us);
}

// Whether nothing is written that a replica of a dead server could miss: the server is the primary,
// or nobody is.
static bool is_nothing_written(const struct judge *judge, int source)
{
    return !judge->is_elected || judge->next->servers[source].role == ROLE_PRIMARY;
}

// The last lag known, where its source is away and nothing is written.
static int64_t lag_frozen(const struct judge *judge, int i)
{
    return judge->before[i] != NULL ? judge->before[i]->lag_us : -1;
}

// Lag by one channel. Seconds_Behind_Source is believed only while the receiver is connected, and
// where nothing says that it is more; and over a measure that may have missed what was written
// since.
static int64_t channel_lag(const struct judge *judge, int i, const struct channel_facts *channel)
{
    const struct server_facts *facts = &judge->facts[i];
    bool is_told = channel->receiver == THREAD_RUNNING && channel->behind_us >= 0;
    if (facts->measured_lag_us >= 0) {
        bool is_more =
            is_told && facts->is_measure_old && channel->behind_us > facts->measured_lag_us;
        return is_more ? channel->behind_us : facts->measured_lag_us;
    }
    int64_t lag_us = is_told ? channel->behind_us : lag_bound(judge, i);
    return lag_us >= 0 && lag_us < facts->least_lag_us ? facts->least_lag_us : lag_us;
}

// Whether a channel lets the server take reads; adds to `out` what is known of it.
static bool channel_is_fresh(const struct judge *judge, int i, const struct channel_facts *channel,
                             struct verdict *out)
{
    int source = channel_source_find(judge, i, channel);
    struct slice from = source_print(judge, channel, source);

    if (!channel->applier_runs || channel->receiver == THREAD_STOPPED) {
        out->lag_us = -1;
        out->reason = say(judge, "replication stopped (from %.*s)%s%.*s", SLICE_ARG(from),
                          channel->error.len > 0 ? ": " : "", SLICE_ARG(channel->error));
        return false;
    }
    if (channel->receiver != THREAD_RUNNING && source >= 0 && judge->facts[source].failures > 0 &&
        is_nothing_written(judge, source)) {
        out->lag_us = lag_frozen(judge, i);
        out->reason =
            say(judge, "its source %.*s does not answer: serves what it has", SLICE_ARG(from));
        return out->lag_us <= judge->config->monitor.max_lag_us;
    }
    int64_t lag_us = channel_lag(judge, i, channel);
    if (lag_us < 0) {
        out->lag_us = -1;
        out->reason = say(judge, "not connected to its source %.*s%s%.*s", SLICE_ARG(from),
                          channel->error.len > 0 ? ": " : "", SLICE_ARG(channel->error));
        return false;
    }
    out->lag_us = lag_us > out->lag_us ? lag_us : out->lag_us;
    if (lag_us > judge->config->monitor.max_lag_us) {
        out->reason = say(judge, "%.*s behind %.*s, max_lag is %.*s",
                          SLICE_ARG(seconds_print(judge, lag_us)), SLICE_ARG(from),
                          SLICE_ARG(seconds_print(judge, judge->config->monitor.max_lag_us)));
        return false;
    }
    out->reason = say(judge, "replicates from %.*s%s", SLICE_ARG(from),
                      judge_is_writable(judge, i) ? ", though it is writable" : "");
    return true;
}

static bool replica_is_fresh(const struct judge *judge, int i, struct verdict *out)
{
    const struct server_facts *facts = &judge->facts[i];
    if (facts->channel_count == 0) {
        out->reason = S("role = replica; it shows no replication of its own");
        return true;
    }
    for (size_t c = 0; c < facts->channel_count; c++) {
        if (!channel_is_fresh(judge, i, &facts->channels[c], out)) {
            return false;
        }
    }
    return true;
}

// --- what an operator wants to know

static bool is_other_family(const struct judge *judge, int i)
{
    int last = judge->next->last_primary;
    const struct server *servers = judge->next->servers;
    return last >= 0 && servers[i].family != FAMILY_UNKNOWN &&
           servers[last].family != FAMILY_UNKNOWN && servers[i].family != servers[last].family;
}

// A configured primary that does not write or replicates; a configured replica that does neither.
static bool is_contradicting(const struct judge *judge, int i)
{
    bool has_source = judge->facts[i].channel_count > 0;
    switch (judge_configured_role(judge, i)) {
    case CONF_ROLE_PRIMARY:
        return !judge_is_writable(judge, i) ||
               (judge->next->servers[i].source >= 0 && !relation_is_ring(judge, i));
    case CONF_ROLE_REPLICA:
        return !has_source && judge_is_writable(judge, i);
    case CONF_ROLE_AUTO:
        break;
    }
    return false;
}

static uint32_t warnings_find(const struct judge *judge, int i)
{
    const struct server *server = &judge->next->servers[i];
    uint32_t found = 0;
    if (!judge_is_alive(judge, i)) {
        return 0;
    }
    bool is_lone = server->role == ROLE_UNKNOWN && server->state != SERVER_STARTING;
    bool is_writable = judge_is_writable(judge, i);
    bool is_replica = server->role == ROLE_REPLICA && judge->facts[i].channel_count > 0;

    found |= (uint32_t)(is_replica && is_writable) << WARNING_WRITABLE_REPLICA;
    found |= (uint32_t)(is_lone && is_writable) << WARNING_SECOND_WRITER;
    found |= (uint32_t)(is_lone && !is_writable) << WARNING_ORPHAN;
    found |= (uint32_t)is_contradicting(judge, i) << WARNING_ROLE_CONTRADICTED;
    found |= (uint32_t)is_other_family(judge, i) << WARNING_FAMILY;
    return found;
}

// --- the states, one function each

static bool is_offline(const struct judge *judge, int i, struct verdict *out)
{
    out->reason = S("set OFFLINE by an operator");
    return judge->facts[i].admin == ADMIN_OFFLINE;
}

static bool is_down(const struct judge *judge, int i, struct verdict *out)
{
    const struct server_facts *facts = &judge->facts[i];
    if (!judge_is_down(judge, i)) {
        return false;
    }
    out->reason =
        say(judge, "%u probes in a row failed: %.*s", facts->failures, SLICE_ARG(facts->error));
    return true;
}

// Also one that has answered, while nobody knows what it is before others have.
static bool is_starting(const struct judge *judge, int i, struct verdict *out)
{
    const struct server_facts *facts = &judge->facts[i];
    if (facts->has_answered) {
        out->reason = judge->next->no_primary;
        return judge->is_waiting && judge->next->servers[i].role == ROLE_UNKNOWN;
    }
    out->reason = S("waiting for its first answer");
    if (facts->failures > 0) {
        out->reason =
            say(judge, "%.*s; last: %.*s", SLICE_ARG(out->reason), SLICE_ARG(facts->error));
    }
    return true;
}

static bool is_draining(const struct judge *judge, int i, struct verdict *out)
{
    out->reason = S("set to DRAIN by an operator");
    return judge->facts[i].admin == ADMIN_DRAIN;
}

// The primary has no stand-in, so it is not left alone.
static bool is_shunned(const struct judge *judge, int i, struct verdict *out)
{
    const struct server_facts *facts = &judge->facts[i];
    if (judge->next->servers[i].role == ROLE_PRIMARY || judge->now_us >= facts->shunned_until_us) {
        return false;
    }
    out->reason = say(judge, "left alone for a while: %.*s", SLICE_ARG(facts->shunned_for));
    return true;
}

static bool is_lagging(const struct judge *judge, int i, struct verdict *out)
{
    switch (judge->next->servers[i].role) {
    case ROLE_PRIMARY:
        return false;
    case ROLE_REPLICA:
        return !replica_is_fresh(judge, i, out);
    case ROLE_UNKNOWN:
        break;
    }
    out->reason = judge_is_writable(judge, i)
                      ? S("takes writes, but is not the primary: its data may be other data")
                      : S("read only and replicates from nobody: its data may be old");
    return true;
}

static bool is_up(const struct judge *judge, int i, struct verdict *out)
{
    if (judge->next->servers[i].role != ROLE_PRIMARY) {
        return true; // is_lagging() has said why not
    }
    if (judge_configured_role(judge, i) == CONF_ROLE_PRIMARY) {
        out->reason = judge_is_writable(judge, i) ? S("role = primary")
                                                  : S("role = primary, though it is read only");
    } else {
        out->reason = judge_is_writable(judge, i) ? S("takes writes and replicates from nobody")
                                                  : S("read only, and replicates from nobody");
    }
    return true;
}

typedef bool state_fn(const struct judge *judge, int i, struct verdict *out);

struct state_test {
    enum server_state state;
    state_fn *holds;
};

static const struct state_test state_tests[] = {
    {SERVER_OFFLINE, is_offline},
    {SERVER_DOWN, is_down},
    {SERVER_STARTING, is_starting},
    {SERVER_DRAINING, is_draining},
    {SERVER_SHUNNED, is_shunned},
    {SERVER_LAGGING, is_lagging},
    {SERVER_UP, is_up},
};

void state_judge(struct judge *judge, int i)
{
    struct server *server = &judge->next->servers[i];
    const struct server *before = judge->before[i];
    const struct state_test *test = state_tests;
    struct verdict verdict = {.lag_us = -1};

    while (!test->holds(judge, i, &verdict)) {
        test++;
    }
    server->state = test->state;
    server->reason = verdict.reason;
    server->lag_us = verdict.lag_us;
    server->lag_at_us = judge->now_us;
    server->since_us =
        before != NULL && before->state == server->state ? before->since_us : judge->wall_us;
    server->warnings = warnings_find(judge, i);
}
