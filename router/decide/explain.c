// Why each server was or was not chosen.
#include "router/decide/choose_priv.h"

static enum route_verdict primary_verdict(const struct server *server)
{
    return server->role == ROLE_PRIMARY ? VERDICT_STATE : VERDICT_NOT_PRIMARY;
}

static bool has_weighed_replica(const struct decide_input *in, int64_t max_lag_us)
{
    uint64_t set = topology_replicas(in->topology, max_lag_us);
    for (int i = 0; i < in->topology->count; i++) {
        if (server_set_has(set, i) && in->topology->servers[i].weight > 0) {
            return true;
        }
    }
    return false;
}

static enum route_verdict replica_verdict(const struct decide_input *in,
                                          const struct server *server, int64_t max_lag_us)
{
    if (!server_state_takes_reads(server->state)) {
        return VERDICT_STATE;
    }
    if (server->role == ROLE_PRIMARY) {
        return VERDICT_IS_PRIMARY;
    }
    if (!server_can_read(in->topology, server->index, max_lag_us)) {
        return VERDICT_LAG;
    }
    return server->weight == 0 && has_weighed_replica(in, max_lag_us) ? VERDICT_NO_WEIGHT
                                                                      : VERDICT_NOT_DRAWN;
}

static enum route_verdict server_verdict(const struct route *out, const struct decide_input *in,
                                         const struct want *want, const struct server *server)
{
    if (server->index == out->server) {
        return VERDICT_CHOSEN;
    }
    switch (want->kind) {
    case WANT_NONE:
        break;
    case WANT_BOUND:
        return VERDICT_ELSEWHERE;
    case WANT_PRIMARY:
    case WANT_NEWEST:
        return primary_verdict(server);
    case WANT_ANSWER:
        return out->reason == ROUTE_REASON_NO_PRIMARY || out->must_wait
                   ? replica_verdict(in, server, 0)
                   : primary_verdict(server);
    case WANT_REPLICA:
        return replica_verdict(in, server, out->max_lag_us);
    case WANT_BACKEND:
        return VERDICT_NOT_NAMED;
    }
    return VERDICT_NOT_ASKED;
}

void want_explain(const struct route *out, const struct decide_input *in, const struct want *want)
{
    if (in->explanation == NULL) {
        return;
    }
    for (int i = 0; i < in->topology->count; i++) {
        in->explanation->verdicts[i] = server_verdict(out, in, want, &in->topology->servers[i]);
    }
}

void route_explain_print(const struct route_explanation *explanation,
                         const struct topology *topology, struct buffer *out)
{
    static const char *const texts[] = {
        [VERDICT_NOT_ASKED] = "not asked",
        [VERDICT_CHOSEN] = "chosen",
        [VERDICT_STATE] = "", // the server's own words
        [VERDICT_IS_PRIMARY] = "the primary, kept for writes",
        [VERDICT_NOT_PRIMARY] = "not the primary",
        [VERDICT_LAG] = "further behind than this statement allows",
        [VERDICT_NO_WEIGHT] = "weight = 0",
        [VERDICT_NOT_DRAWN] = "could take it as well",
        [VERDICT_NOT_NAMED] = "another is named",
        [VERDICT_ELSEWHERE] = "the session is bound to another",
    };
    _Static_assert(sizeof(texts) / sizeof(texts[0]) == VERDICT_COUNT, "a text for each verdict");

    for (int i = 0; i < topology->count; i++) {
        const struct server *server = &topology->servers[i];
        enum route_verdict verdict = explanation->verdicts[i];
        buffer_print(out, "%s%.*s: ", i > 0 ? "; " : "", SLICE_ARG(server->name));
        if (verdict == VERDICT_STATE) {
            buffer_print(out, "%s: %.*s", server_state_name(server->state),
                         SLICE_ARG(server->reason));
        } else {
            buffer_print(out, "%s", texts[verdict]);
        }
    }
}
