#include "proxy/admin/explain.h"

#include "proxy/admin/fault.h"
#include "proxy/base/clock.h"
#include "router/decide/decide.h"
#include "router/sql/digest.h"

enum { DIGEST_SIZE = 8192 };

static struct statement parse(const struct explain_question *question, struct arena *arena)
{
    const struct config *config = question->state->config;
    const struct statement_context context = {
        .syntax = SQL_SYNTAX_DEFAULT,
        .schema = question->schema,
        .catalogue = question->state->catalogue,
        .pure_functions = config->routing.pure_functions,
        .pure_functions_count = config->routing.pure_functions_count,
    };
    struct statement statement;
    statement_parse(&statement, arena, question->text, &context);
    return statement;
}

static struct slice digest_of(const struct explain_question *question, struct arena *arena)
{
    const struct rules *rules = question->state->rules;
    if (rules == NULL || !rules_want_digest(rules)) {
        return SLICE_NONE;
    }
    struct sql_syntax syntax = SQL_SYNTAX_DEFAULT;
    char *text = arena_alloc(arena, DIGEST_SIZE);
    size_t len;
    sql_digest_text(question->text, &syntax, text, DIGEST_SIZE, &len);
    return slice_make(text, len);
}

// What the workers' balancers see, summed up; of latencies, what probes saw.
static void loads_read(const struct explain_question *question, struct server_load *loads)
{
    const struct topology *topology = question->state->topology;
    struct metrics *metrics = (struct metrics *)question->metrics; // metric_get() only reads
    for (int i = 0; i < topology->count; i++) {
        unsigned backend = metric_backend(i);
        loads[i] = (struct server_load){.latency_us = topology->servers[i].latency_us};
        if (backend < metrics->given[METRIC_GIVEN(METRIC_DIMENSION_BACKEND)]) {
            loads[i].used = (uint32_t)metric_get(metrics, METRIC_BACKEND_CONNECTIONS, backend,
                                                 METRIC_STATE_USED);
            loads[i].waiting = (uint32_t)metric_get(metrics, METRIC_POOL_WAITING, backend);
        }
    }
}

static void decide(const struct explain_question *question, const struct statement *statement,
                   struct route *route, struct route_explanation *explanation, struct arena *arena)
{
    const struct control_state *state = question->state;
    struct server_load loads[TOPOLOGY_SERVERS_MAX];
    struct balancer balancer = {0};
    struct rules_scratch *scratch = rules_scratch_create();
    const struct route_session session = {
        .user = question->user,
        .conf_user = config_user(state->config, question->user),
        .schema = question->schema,
        .transaction_server = -1,
        .pin = PIN_NONE,
        .pin_server = -1,
    };
    loads_read(question, loads);
    decide_route(route, &(struct decide_input){
                            .config = state->config,
                            .statement = statement,
                            .text = question->text,
                            .digest = digest_of(question, arena),
                            .session = &session,
                            .rules = state->rules,
                            .scratch = scratch,
                            .topology = state->topology,
                            .loads = loads,
                            .balancer = &balancer,
                            .explanation = explanation,
                        });
    rules_scratch_destroy(scratch);
}

// --- in words -----------------------------------------------------------------------------------

static struct slice effects_text(const struct statement *statement, struct arena *arena)
{
    struct slice text = SLICE_NONE;
    for (enum statement_effect effect = 0; effect < EFFECT_COUNT; effect++) {
        if (statement_has(statement, effect)) {
            text = arena_print(arena, "%.*s%s%.*s", SLICE_ARG(text), text.len > 0 ? ", " : "",
                               SLICE_ARG(statement_effect_name(effect)));
        }
    }
    return text;
}

static struct slice wait_text(const struct route *route, const struct config *config,
                              const struct topology *topology, struct arena *arena)
{
    bool is_own_writes = route->server >= 0 &&
                         topology->servers[route->server].role != ROLE_PRIMARY &&
                         route->consistency != CONF_CONSISTENCY_EVENTUAL;
    if (route->must_wait) {
        return arena_print(arena, "until a server can take it, at most %lld ms",
                           (long long)(config->proxy.queue_timeout_us / CLOCK_MS));
    }
    if (is_own_writes) {
        return arena_print(arena, "for what its session wrote, at most %lld ms",
                           (long long)(config->routing.consistency_wait_us / CLOCK_MS));
    }
    return S("no");
}

static struct slice cache_text(const struct statement *statement, struct arena *arena)
{
    if (statement->uncacheable == UNCACHEABLE_NONE) {
        return S("no: the result cache is not yet active");
    }
    return arena_print(arena, "no: %.*s",
                       SLICE_ARG(uncacheable_reason_sentence(statement->uncacheable)));
}

bool explain_route(const struct explain_question *question, struct table *table,
                   struct error *error)
{
    const struct topology *topology = question->state->topology;
    if (topology == NULL) {
        return fault_set(error, ADMIN_FAILED,
                         SLICE_ARG(S("no server was looked at yet; try again")));
    }
    struct arena arena = ARENA_INIT;
    struct buffer servers = BUFFER_INIT;
    struct route_explanation explanation = {{0}};
    struct route route;
    struct statement statement = parse(question, &arena);
    decide(question, &statement, &route, &explanation, &arena);
    route_explain_print(&explanation, topology, &servers);
    struct slice backend = route.server >= 0 ? topology->servers[route.server].name : SLICE_NONE;
    table_add(table, (struct cell[]){
                         cell_text(statement_kind_name(statement.kind)),
                         cell_text(slice_text(route_target_name(route.target))),
                         cell_text_or_null(backend),
                         cell_text(route_reason_name(route.reason)),
                         cell_text(wait_text(&route, question->state->config, topology, &arena)),
                         cell_text(cache_text(&statement, &arena)),
                         cell_text(effects_text(&statement, &arena)),
                         cell_text(buffer_slice(&servers)),
                     });
    buffer_release(&servers);
    arena_release(&arena);
    return true;
}
