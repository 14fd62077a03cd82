#include "proxy/monitor/keeper.h"

#include "proxy/base/clock.h"

#include <stdio.h>

static const int64_t refresh_us = 30 * CLOCK_SECOND;
static const int64_t retry_first_us = 2 * CLOCK_SECOND; // twice as long after each that fails
static const int64_t retry_longest_us = 300 * CLOCK_SECOND;

static void load(struct keeper *keeper);

// --- how a loading ends

static void refusal_tell(struct keeper *keeper, int server, const struct error *refusal)
{
    if (refusal->code != 0 && strcmp(refusal->text, keeper->refusal.text) != 0) {
        keeper->settings.on_refusal(keeper->settings.context, server, refusal);
    }
    keeper->refusal = *refusal;
}

// The server may be at the one before still: the pauses grow.
static int64_t retry_pause(int64_t before_us)
{
    if (before_us == 0) {
        return retry_first_us;
    }
    return before_us < retry_longest_us / 2 ? before_us * 2 : retry_longest_us;
}

static void loaded(void *context, const struct catalogue *catalogue, const struct error *refusal)
{
    struct keeper *keeper = context;
    keeper->loader = NULL;
    keeper->retry_us = catalogue != NULL ? 0 : retry_pause(keeper->retry_us);
    timer_set(&keeper->timer, keeper->settings.loop,
              catalogue != NULL ? refresh_us : keeper->retry_us);
    refusal_tell(keeper, keeper->source, refusal);
    if (catalogue == NULL) {
        keeper->loaded_name[0] = '\0';
        return;
    }
    keeper->settings.on_catalogue(keeper->settings.context, catalogue);
    catalogue_unref(catalogue);
    if (keeper->wants_another) {
        load(keeper);
    }
}

// --- beginning one

static void load(struct keeper *keeper)
{
    keeper->wants_another = keeper->loader != NULL || keeper->source < 0;
    if (keeper->wants_another) {
        return;
    }
    const atomic_uint_fast64_t *changes = keeper->settings.changes;
    const struct loader_settings settings = {
        .loop = keeper->settings.loop,
        .config = keeper->config,
        .target = keeper->settings.target(keeper->settings.context, keeper->source),
        .changes = changes != NULL ? atomic_load(changes) : 0,
        .on_done = loaded,
        .context = keeper,
    };
    timer_clear(&keeper->timer);
    keeper->asked = keeper->source;
    keeper->loader = loader_begin(&settings);
}

static void timer_ran(struct timer *timer)
{
    load(container_of(timer, struct keeper, timer));
}

// --- following the servers

// The primary; where there is none from the start, a replica.
static int source_find(const struct keeper *keeper, const struct topology *topology)
{
    uint64_t replicas = topology_replicas(topology, 0);
    if (topology->primary >= 0 || keeper->loaded_name[0] != '\0') {
        return topology->primary;
    }
    return topology->is_settled && replicas != 0 ? __builtin_ctzll(replicas) : -1;
}

static bool is_loaded_from(const struct keeper *keeper, const struct server *server)
{
    return slice_equal(slice_text(keeper->loaded_name), server->name) &&
           keeper->loaded_version == server->version_number;
}

void keeper_follow(struct keeper *keeper, const struct topology *topology)
{
    keeper->source = source_find(keeper, topology);
    if (keeper->source < 0) {
        return;
    }
    const struct server *server = &topology->servers[keeper->source];
    bool is_waiting = keeper->loaded_name[0] == '\0' && timer_is_set(&keeper->timer) &&
                      keeper->asked == keeper->source; // to retry
    bool is_missed = keeper->wants_another && keeper->loader == NULL;
    if ((!is_loaded_from(keeper, server) || is_missed) && !is_waiting) {
        slice_to_text(server->name, keeper->loaded_name, sizeof(keeper->loaded_name));
        keeper->loaded_version = server->version_number;
        load(keeper);
    }
}

void keeper_refresh(struct keeper *keeper)
{
    load(keeper);
}

// --- life

void keeper_init(struct keeper *keeper, const struct keeper_settings *settings,
                 const struct config *config)
{
    *keeper = (struct keeper){.settings = *settings, .config = config, .source = -1};
    timer_init(&keeper->timer, timer_ran);
}

void keeper_pause(struct keeper *keeper, const struct config *config)
{
    if (keeper->loader != NULL) {
        loader_cancel(keeper->loader);
        keeper->loader = NULL;
    }
    timer_clear(&keeper->timer);
    keeper->loaded_name[0] = '\0';
    keeper->retry_us = 0;
    keeper->source = -1;
    keeper->config = config;
}

void keeper_release(struct keeper *keeper)
{
    keeper_pause(keeper, NULL);
    timer_release(&keeper->timer);
}
