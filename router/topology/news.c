// What is new in a snapshot against the one before it.
#include "router/topology/facts.h"

#include <stdarg.h>
#include <stdio.h>

struct teller {
    const struct topology *previous; // or NULL
    const struct topology *next;
    topology_event_fn *tell;
    void *context;
};

__attribute__((format(printf, 4, 5))) static void
news_tell(const struct teller *teller, const char *kind, int server, const char *format, ...)
{
    struct topology_event event = {.kind = kind, .server = server};
    va_list args;
    va_start(args, format);
    vsnprintf(event.text, sizeof(event.text), format, args);
    va_end(args);
    teller->tell(teller->context, &event);
}

static const struct server *server_before(const struct teller *teller, const struct server *server)
{
    return teller->previous != NULL ? topology_find(teller->previous, server->name) : NULL;
}

// A server of the first snapshot that has not answered yet is no news.
static void state_compare(const struct teller *teller, const struct server *server)
{
    const struct server *before = server_before(teller, server);
    enum server_state was = before != NULL ? before->state : SERVER_STARTING;
    if (was != server->state) {
        news_tell(teller, "backend.state", server->index, "%.*s: %s -> %s: %.*s",
                  SLICE_ARG(server->name), server_state_name(was), server_state_name(server->state),
                  SLICE_ARG(server->reason));
    }
}

static void role_compare(const struct teller *teller, const struct server *server)
{
    const struct server *before = server_before(teller, server);
    enum server_role was = before != NULL ? before->role : ROLE_UNKNOWN;
    if (was != server->role) {
        news_tell(teller, "backend.role", server->index, "%.*s: %s -> %s", SLICE_ARG(server->name),
                  server_role_name(was), server_role_name(server->role));
    }
}

static void warnings_compare(const struct teller *teller, const struct server *server)
{
    const struct server *before = server_before(teller, server);
    uint32_t risen = server->warnings & ~(before != NULL ? before->warnings : 0);
    for (int warning = 0; warning < SERVER_WARNING_COUNT; warning++) {
        if ((risen >> warning & 1) != 0) {
            news_tell(teller, server_warning_kind((enum server_warning)warning), server->index,
                      "%.*s: %s", SLICE_ARG(server->name),
                      server_warning_text((enum server_warning)warning));
        }
    }
}

static struct slice primary_name(const struct topology *topology)
{
    const struct server *primary = topology != NULL ? topology_primary(topology) : NULL;
    return primary != NULL ? primary->name : SLICE_NONE;
}

// Why nobody gets writes, without what changes from probe to probe.
struct absence {
    enum primary_absence kind;
    int last_primary;
    enum server_state state; // of the server with the role
};

// Nothing is told while servers are still waited for.
static struct absence absence_of(const struct topology *topology)
{
    if (topology == NULL || !topology->is_settled) {
        return (struct absence){.kind = ABSENCE_WAITING, .last_primary = -1};
    }
    const struct server *head = topology_head(topology);
    return (struct absence){.kind = topology->absence,
                            .last_primary = topology->last_primary,
                            .state = head != NULL ? head->state : SERVER_STARTING};
}

static bool absence_equal(struct absence a, struct absence b)
{
    return a.kind == b.kind && a.last_primary == b.last_primary && a.state == b.state;
}

static void primary_compare(const struct teller *teller)
{
    struct slice before = primary_name(teller->previous);
    struct slice now = primary_name(teller->next);
    if (now.len > 0 && !slice_equal(before, now)) {
        news_tell(teller, "topology.primary", teller->next->primary, "writes go to %.*s%s%.*s",
                  SLICE_ARG(now), before.len > 0 ? ", before to " : "", SLICE_ARG(before));
    }
    struct absence absence = absence_of(teller->next);
    bool is_absent = absence.kind != ABSENCE_NONE && absence.kind != ABSENCE_WAITING;
    if (is_absent && !absence_equal(absence_of(teller->previous), absence)) {
        news_tell(teller, "topology.no_primary", -1, "no server gets writes: %.*s",
                  SLICE_ARG(teller->next->no_primary));
    }
}

void topology_compare(const struct topology *previous, const struct topology *next,
                      topology_event_fn *tell, void *context)
{
    const struct teller teller = {previous, next, tell, context};
    for (int i = 0; i < next->count; i++) {
        state_compare(&teller, &next->servers[i]);
        role_compare(&teller, &next->servers[i]);
        warnings_compare(&teller, &next->servers[i]);
    }
    primary_compare(&teller);
}

static bool server_is_urgent(const struct server *before, const struct server *server)
{
    return !slice_equal(before->name, server->name) || before->role != server->role ||
           before->state != server->state || before->weight != server->weight ||
           before->is_read_only != server->is_read_only ||
           before->capabilities != server->capabilities;
}

bool topology_is_urgent(const struct topology *previous, const struct topology *next)
{
    if (previous == NULL || previous->count != next->count || previous->primary != next->primary ||
        previous->is_settled != next->is_settled ||
        !absence_equal(absence_of(previous), absence_of(next)) ||
        !slice_equal(previous->server_version, next->server_version)) {
        return true;
    }
    for (int i = 0; i < next->count; i++) {
        if (server_is_urgent(&previous->servers[i], &next->servers[i])) {
            return true;
        }
    }
    return false;
}
