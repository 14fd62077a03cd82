// Who is the primary: the rules that facts.h tells, one function each.
#include "router/topology/judge_priv.h"

#include <assert.h>

static bool is_only_one(uint64_t set)
{
    return set != 0 && (set & (set - 1)) == 0;
}

static int only_one(uint64_t set)
{
    assert(is_only_one(set));
    return __builtin_ctzll(set);
}

#define set_each(i, judge, set)                                                                    \
    for (int i = 0; i < (judge)->next->count; i++)                                                 \
        if (!server_set_has(set, i)) {                                                             \
            continue;                                                                              \
        } else

// --- who may

// By its own account: writable, and a replica of none of ours. In a ring everybody is somebody's
// replica; read_only tells the active ones.
static bool is_writer_by_facts(const struct judge *judge, int i)
{
    return judge_is_writable(judge, i) &&
           (judge->next->servers[i].source < 0 || relation_is_ring(judge, i));
}

// Where an operator has named a primary, nobody else may.
static void writers_find(struct judge *judge)
{
    uint64_t by_facts = 0;
    for (int i = 0; i < judge->next->count; i++) {
        enum conf_role role = judge_configured_role(judge, i);
        if (role == CONF_ROLE_PRIMARY && judge->facts[i].admin != ADMIN_OFFLINE) {
            judge->named |= UINT64_C(1) << i;
        } else if (role == CONF_ROLE_AUTO && judge_is_alive(judge, i) &&
                   is_writer_by_facts(judge, i)) {
            by_facts |= UINT64_C(1) << i;
        }
    }
    judge->writers = judge->named != 0 ? judge->named : by_facts;
}

static uint64_t alive_of(const struct judge *judge, uint64_t set)
{
    uint64_t alive = 0;
    set_each(i, judge, set)
    {
        alive |= (uint64_t)judge_is_alive(judge, i) << i;
    }
    return alive;
}

// --- which of them

static bool is_strictly_newer(const struct gtid_set *a, const struct gtid_set *b)
{
    return !gtid_set_is_empty(b) && gtid_set_contains(a, b) && !gtid_set_contains(b, a);
}

static bool is_newer_than_all(const struct judge *judge, int candidate, uint64_t set)
{
    const struct gtid_set *mine = &judge->next->servers[candidate].gtid;
    set_each(i, judge, set)
    {
        if (i != candidate && !is_strictly_newer(mine, &judge->next->servers[i].gtid)) {
            return false;
        }
    }
    return true;
}

// Those that replicate from nobody. One with a source that is none of ours may in truth be the
// replica of one of ours, by an address that we do not know it by.
static uint64_t roots_of(const struct judge *judge, uint64_t set)
{
    uint64_t roots = 0;
    set_each(i, judge, set)
    {
        roots |= (uint64_t)(judge->facts[i].channel_count == 0) << i;
    }
    return roots;
}

// The root that has all that the others have, and more: whoever was primary before, writes have
// gone on there. (A replica has more, too, where it was asked later.) -1: none, or nobody to
// compare with.
static int newest_of(const struct judge *judge, uint64_t set)
{
    if (is_only_one(set)) {
        return -1;
    }
    set_each(i, judge, roots_of(judge, set))
    {
        if (is_newer_than_all(judge, i, set)) {
            return i;
        }
    }
    return -1;
}

// The only one of them that others replicate from, or -1.
static int followed_of(const struct judge *judge, uint64_t set)
{
    uint64_t followed = 0;
    set_each(i, judge, set)
    {
        followed |= (uint64_t)(judge->followers[i] > 0) << i;
    }
    return is_only_one(followed) ? only_one(followed) : -1;
}

static int choose_of(const struct judge *judge, uint64_t set)
{
    int last = judge->next->last_primary;
    int newest = newest_of(judge, set);
    if (newest >= 0) {
        return newest;
    }
    if (server_set_has(set, last)) {
        return last;
    }
    if (roots_of(judge, set) != 0) {
        set = roots_of(judge, set);
    }
    return is_only_one(set) ? only_one(set) : followed_of(judge, set);
}

// --- whether it may follow the last one

// A writable server that has never had to do with the last primary has other data, not newer data.
static bool is_heir(const struct judge *judge, int i)
{
    int last = judge->next->last_primary;
    const struct server *servers = judge->next->servers;
    if (last < 0 || last == i || judge_configured_role(judge, i) == CONF_ROLE_PRIMARY) {
        return true;
    }
    bool has_all = !gtid_set_is_empty(&servers[last].gtid) &&
                   gtid_set_contains(&servers[i].gtid, &servers[last].gtid);
    return servers[i].may_succeed || judge->followers[i] > 0 || has_all;
}

// Since when the server takes writes though it is not the primary of before; 0: it does not.
static int64_t beside_since(const struct judge *judge, int i)
{
    const struct server *before = judge->before[i];
    if (i == judge->next->last_primary || !server_set_has(judge->writers, i)) {
        return 0;
    }
    return before != NULL && before->beside_us != 0 ? before->beside_us : judge->now_us;
}

// Whether the primary has been seen alive and writable after the server was. (Seen before only, it
// may have stepped down meanwhile: that is how a switchover looks.)
static bool is_beside_primary(const struct judge *judge, int i)
{
    int last = judge->next->last_primary;
    int64_t since_us = judge->next->servers[i].beside_us;
    return since_us != 0 && last >= 0 && judge_is_alive(judge, last) &&
           judge->facts[last].failures == 0 && judge_is_writable(judge, last) &&
           judge->facts[last].answered_us > since_us;
}

// Who replicates from the primary may succeed it, until it is seen writable on its own beside a
// primary that is alive.
static bool may_succeed(const struct judge *judge, int i)
{
    const struct server *before = judge->before[i];
    if (judge->next->servers[i].source >= 0) {
        return true;
    }
    return before != NULL && before->may_succeed && !is_beside_primary(judge, i);
}

// --- who would be it

// Read only, and nobody's replica: a primary that takes no writes just now, or an orphan.
static bool is_quiet(const struct judge *judge, int i)
{
    return judge_is_alive(judge, i) && judge_configured_role(judge, i) == CONF_ROLE_AUTO &&
           judge->facts[i].channel_count == 0 && !judge_is_writable(judge, i);
}

static int quiet_head_find(const struct judge *judge)
{
    uint64_t quiet = 0;
    for (int i = 0; i < judge->next->count; i++) {
        quiet |= (uint64_t)is_quiet(judge, i) << i;
    }
    return quiet == 1 && judge->next->count == 1 ? 0 : followed_of(judge, quiet);
}

// Whether the last primary keeps the role while nobody takes it over.
static bool is_last_head(const struct judge *judge)
{
    int last = judge->next->last_primary;
    return last >= 0 && judge->facts[last].admin != ADMIN_OFFLINE &&
           judge->next->servers[last].source < 0 &&
           judge_configured_role(judge, last) != CONF_ROLE_REPLICA;
}

// Where nobody is elected: the server that has the role all the same, or -1.
static int head_find(const struct judge *judge)
{
    if (judge->named != 0) {
        return is_only_one(judge->named) ? only_one(judge->named) : -1;
    }
    return is_last_head(judge) ? judge->next->last_primary : quiet_head_find(judge);
}

// --- telling

static struct slice names_print(const struct judge *judge, uint64_t set)
{
    struct arena *arena = &judge->next->arena;
    struct slice text = SLICE_NONE;
    set_each(i, judge, set)
    {
        text = arena_print(arena, "%.*s%s%.*s", SLICE_ARG(text), text.len > 0 ? " and " : "",
                           SLICE_ARG(judge_name(judge, i)));
    }
    return text;
}

static uint64_t unsettled_of(const struct judge *judge)
{
    uint64_t set = 0;
    for (int i = 0; i < judge->next->count; i++) {
        set |= (uint64_t)!judge_is_settled(judge, i) << i;
    }
    return set;
}

static struct slice waiting_print(const struct judge *judge, uint64_t unsettled)
{
    return arena_print(&judge->next->arena, "waiting for the first answer of %.*s",
                       SLICE_ARG(names_print(judge, unsettled)));
}

static struct slice ambiguity_print(const struct judge *judge, uint64_t set)
{
    return arena_print(&judge->next->arena,
                       "%.*s take writes, and none is known to have all transactions of the "
                       "others: make all but one read only, or set role = primary for it",
                       SLICE_ARG(names_print(judge, set)));
}

static struct slice stranger_print(const struct judge *judge, int stranger)
{
    return arena_print(&judge->next->arena,
                       "%.*s takes writes, but is not known to have the transactions of %.*s, the "
                       "last primary: set role = primary for it if it is to take over",
                       SLICE_ARG(judge_name(judge, stranger)),
                       SLICE_ARG(judge_name(judge, judge->next->last_primary)));
}

static uint64_t down_of(const struct judge *judge)
{
    uint64_t set = 0;
    for (int i = 0; i < judge->next->count; i++) {
        bool is_out = judge->facts[i].admin == ADMIN_OFFLINE;
        set |= (uint64_t)(!is_out && judge_is_down(judge, i)) << i;
    }
    return set;
}

static struct slice absence_print(const struct judge *judge)
{
    struct arena *arena = &judge->next->arena;
    int last = judge->next->last_primary;
    uint64_t down = down_of(judge);
    if (last >= 0 && judge->facts[last].admin == ADMIN_OFFLINE) {
        return arena_print(arena, "%.*s, the last primary, was set OFFLINE",
                           SLICE_ARG(judge_name(judge, last)));
    }
    if (down != 0) {
        return arena_print(arena, "%.*s %s down, and every other server is read only or a replica",
                           SLICE_ARG(names_print(judge, down)), is_only_one(down) ? "is" : "are");
    }
    return S("every server is read only or a replica");
}

// --- public

// The server that is to get writes, or -1; no_primary says why not, where there is more to say than
// how the server stands that has the role.
static int elect(struct judge *judge)
{
    struct topology *next = judge->next;
    uint64_t alive = alive_of(judge, judge->writers);
    uint64_t unsettled = unsettled_of(judge);
    int chosen = alive != 0 ? choose_of(judge, alive) : -1;
    bool is_sure = chosen >= 0 && (chosen == next->last_primary || judge->named != 0);

    judge->is_waiting = unsettled != 0 && !is_sure;
    if (judge->is_waiting) {
        next->absence = ABSENCE_WAITING;
        next->no_primary = waiting_print(judge, unsettled);
        return -1;
    }
    if (chosen < 0 && alive != 0) {
        next->absence = ABSENCE_SEVERAL;
        next->no_primary = ambiguity_print(judge, alive);
        return -1;
    }
    if (chosen >= 0 && !is_heir(judge, chosen)) {
        next->absence = ABSENCE_STRANGER;
        next->no_primary = stranger_print(judge, chosen);
        return -1;
    }
    return chosen;
}

static enum server_role role_of(const struct judge *judge, int i, int head)
{
    if (i == head) {
        return ROLE_PRIMARY;
    }
    if (judge_configured_role(judge, i) == CONF_ROLE_REPLICA ||
        judge->next->servers[i].source >= 0) {
        return ROLE_REPLICA;
    }
    if (server_set_has(judge->writers, i)) {
        return ROLE_UNKNOWN;
    }
    return judge->facts[i].channel_count > 0 ? ROLE_REPLICA : ROLE_UNKNOWN;
}

static int last_primary_find(const struct judge *judge)
{
    const struct topology *previous = judge->previous;
    for (int i = 0; i < judge->next->count; i++) {
        if (judge->before[i] != NULL && judge->before[i]->index == previous->last_primary) {
            return i;
        }
    }
    return -1;
}

void primary_judge(struct judge *judge)
{
    struct topology *next = judge->next;
    next->last_primary = last_primary_find(judge);
    writers_find(judge);
    for (int i = 0; i < next->count; i++) {
        next->servers[i].beside_us = beside_since(judge, i);
        next->servers[i].may_succeed = may_succeed(judge, i);
    }
    int elected = elect(judge);
    int head = elected >= 0 ? elected : head_find(judge);
    judge->is_elected = elected >= 0;
    if (head < 0 && next->absence == ABSENCE_NONE) {
        next->absence = ABSENCE_NOBODY;
        next->no_primary = absence_print(judge);
    }
    for (int i = 0; i < next->count; i++) {
        next->servers[i].role = role_of(judge, i, head);
    }
    if (judge->is_elected) {
        next->last_primary = elected;
    }
}
