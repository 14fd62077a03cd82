// A server whose machine has vanished (unplugged, fenced, behind a network that lets nothing
// through) ends no connection: who waits there for an answer would wait until TCP gives up, a
// quarter of an hour where something had been sent. Once the monitor has found it down, sluice
// looks after each connection that is in use: those of which nothing is heard end, and what they
// ran is run again elsewhere where it may be. Those to a server that only hangs, or that is down
// for the monitor alone, go on: their machine answers.
#include "proxy/base/clock.h"
#include "proxy/pool/pool_priv.h"

static const int64_t look_us = 500 * CLOCK_MS;
static const enum place used_places[] = {LENT, CHANGING};
enum { USED_PLACES = sizeof(used_places) / sizeof(used_places[0]) };

static bool is_down(const struct topology *topology, int server)
{
    return topology != NULL && server < topology->count &&
           topology->servers[server].state == SERVER_DOWN;
}

// Returns how many are still in use.
static uint32_t pool_look(struct pool *pool)
{
    uint32_t left = 0;
    for (int i = 0; i < USED_PLACES; i++) {
        list_each_safe (link, &pool->places[used_places[i]]) {
            struct conn *conn = container_of(link, struct pooled, link)->conn;
            left++;
            if (conn_is_unheard(conn)) {
                conn_break(conn, CONN_END_LOST, "the server's machine does not answer any more");
            }
        }
    }
    return left;
}

static void silence_run(struct timer *timer)
{
    struct pools *pools = container_of(timer, struct pools, silence);
    uint32_t left = 0;
    for (int server = 0; server < TOPOLOGY_SERVERS_MAX; server++) {
        if (is_down(pools->topology, server)) {
            list_each (link, &pools->servers[server]) {
                left += pool_look(container_of(link, struct pool, link));
            }
        }
    }
    if (left > 0) {
        timer_set(timer, pools->settings.loop, look_us);
    }
}

void silence_follow(struct pools *pools, int server, bool is_down)
{
    list_each (link, &pools->servers[server]) {
        struct pool *pool = container_of(link, struct pool, link);
        for (int place = 0; place < PLACE_COUNT; place++) { // what is idle may have been in use
            list_each (at, &pool->places[place]) {
                conn_watch(container_of(at, struct pooled, link)->conn, is_down);
            }
        }
    }
    if (is_down && !timer_is_set(&pools->silence)) {
        timer_set(&pools->silence, pools->settings.loop, look_us);
    }
}

void silence_init(struct pools *pools)
{
    timer_init(&pools->silence, silence_run);
}
