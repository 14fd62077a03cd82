#include "router/topology/position.h"

#include "proxy/base/clock.h"

#include <inttypes.h>

enum {
    MYSQL_FRACTIONS_FROM = 80000, // the first that surely waits for parts of a second
    REST_DOUBLINGS_MOST = 8,
};
static const int64_t rest_least_us = 200 * CLOCK_MS;

void positions_release(struct positions *positions)
{
    gtid_set_release(&positions->scratch);
}

// --- how far the servers are

static const struct gtid_set nothing = {.family = FAMILY_UNKNOWN};

static const struct gtid_set *primary_set(const struct topology *topology)
{
    const struct server *head = topology != NULL ? topology_head(topology) : NULL;
    return head != NULL ? &head->gtid : &nothing;
}

static uint64_t line_reach(const struct server *server, const struct gtid_set *whole,
                           const struct position_line *line)
{
    return gtid_set_reach(&server->gtid, whole, &line->source, line->server_id);
}

// The same where a session was told of a number in a gap of `whole`: all of the gap may have been
// given out by now.
static uint64_t filled_reach(const struct server *server, const struct gtid_set *whole,
                             const struct position_line *line)
{
    struct gtid_range gap;
    if (line->told == 0 || !gtid_set_gap(whole, &line->source, line->told, &gap)) {
        return line_reach(server, whole, line);
    }
    const struct gtid_set filling = {.family = line->family, .ranges = &gap, .count = 1};
    struct gtid_set filled = GTID_SET_INIT;
    gtid_set_copy(&filled, whole);
    gtid_set_add(&filled, &filling);
    uint64_t reached = line_reach(server, &filled, line);
    gtid_set_release(&filled);
    return reached;
}

// Up to which number of the line the server has everything that the primary has. A number that the
// primary lacks may be of a transaction that is just being committed: it was never given out only
// where the primary lacks it twice.
static uint64_t reach_of(const struct topology *before, const struct topology *now, int server,
                         const struct position_line *line)
{
    uint64_t reached = line_reach(&now->servers[server], primary_set(before), line);
    uint64_t by_now = filled_reach(&now->servers[server], primary_set(now), line);
    return reached < by_now ? reached : by_now;
}

// Whether what was known of the server is still true: the same one, with the same history.
static bool is_continued(const struct topology *before, const struct topology *now, int server)
{
    return before != NULL && server < before->count &&
           slice_equal(before->servers[server].name, now->servers[server].name) &&
           gtid_set_contains(&now->servers[server].gtid, &before->servers[server].gtid);
}

// The lines in which the primary's set has gained numbers below its last, or might have while there
// was no primary: what was taken for never given out is there now.
static uint32_t filled_find(const struct positions *positions, const struct topology *before,
                            const struct topology *now)
{
    const struct gtid_set *was = primary_set(before);
    uint32_t filled = 0;
    for (int i = 0; i < positions->line_count; i++) {
        const struct position_line *line = &positions->lines[i];
        bool is_filled = gtid_set_reach(was, primary_set(now), &line->source, line->server_id) <
                         gtid_set_last(was, &line->source, line->server_id);
        filled |= (uint32_t)is_filled << i;
    }
    return filled;
}

static bool has_all_of(const struct server *server, const struct server *primary)
{
    return primary != NULL && !gtid_set_is_empty(&primary->gtid) &&
           gtid_set_contains(&server->gtid, &primary->gtid);
}

// When the primary's position was asked for that the server has by now: the latest, or the one
// before, which it has had time to reach.
static int64_t synced_at(const struct topology *before, const struct topology *now, int server)
{
    const struct server *primary = topology_primary(now);
    const struct server *was = before != NULL ? topology_primary(before) : NULL;
    if (primary == NULL) {
        return 0;
    }
    if (has_all_of(&now->servers[server], primary)) {
        return primary->gtid_us;
    }
    bool is_same = was != NULL && slice_equal(was->name, primary->name);
    return is_same && has_all_of(&now->servers[server], was) ? was->gtid_us : 0;
}

static void server_follow(struct positions *positions, const struct topology *before,
                          const struct topology *now, int server, uint32_t filled)
{
    bool continues = is_continued(before, now, server);
    int64_t synced_us = synced_at(before, now, server);
    for (int line = 0; line < positions->line_count; line++) {
        uint64_t reached = reach_of(before, now, server, &positions->lines[line]);
        bool is_anew = !continues || (filled >> line & 1) != 0;
        if (is_anew || reached > positions->reached[server][line]) {
            positions->reached[server][line] = reached;
        }
    }
    if (!continues || synced_us > positions->synced_us[server]) {
        positions->synced_us[server] = synced_us;
    }
    if (!continues || synced_us > 0) {
        positions->misses[server] = 0;
        positions->rest_us[server] = 0;
    }
}

static void last_find(struct positions *positions, int line)
{
    const struct position_line *of = &positions->lines[line];
    positions->last[line] =
        gtid_set_last(primary_set(positions->topology), &of->source, of->server_id);
}

void positions_follow(struct positions *positions, const struct topology *topology)
{
    const struct topology *before = positions->topology;
    uint32_t filled = filled_find(positions, before, topology);
    for (int i = 0; i < topology->count; i++) {
        server_follow(positions, before, topology, i, filled);
    }
    positions->topology = topology;
    for (int line = 0; line < positions->line_count; line++) {
        last_find(positions, line);
    }
}

// --- what a session has written

static bool line_is(const struct position_line *line, enum server_family family,
                    const struct gtid_range *range)
{
    return line->family == family && line->server_id == range->server_id &&
           gtid_source_equal(&line->source, &range->source);
}

// The line's index, or -1: there is no room for another.
static int line_find(struct positions *positions, enum server_family family,
                     const struct gtid_range *range)
{
    for (int i = 0; i < positions->line_count; i++) {
        if (line_is(&positions->lines[i], family, range)) {
            return i;
        }
    }
    if (positions->line_count == POSITION_LINES_MAX) {
        return -1;
    }
    int added = positions->line_count++;
    positions->lines[added] = (struct position_line){
        .family = family, .source = range->source, .server_id = range->server_id};
    int servers = positions->topology != NULL ? positions->topology->count : 0;
    for (int i = 0; i < servers; i++) {
        positions->reached[i][added] =
            reach_of(NULL, positions->topology, i, &positions->lines[added]);
    }
    last_find(positions, added);
    return added;
}

// Whether a number of the one line makes one of the other superfluous: MariaDB's domains are one
// history, whoever writes in them.
static bool lines_are_one(const struct positions *positions, int a, int b)
{
    const struct position_line *left = &positions->lines[a];
    const struct position_line *right = &positions->lines[b];
    return a == b || (left->family == FAMILY_MARIADB && right->family == FAMILY_MARIADB &&
                      left->source.domain == right->source.domain);
}

static bool mark_put(const struct positions *positions, struct position *position, int line,
                     uint64_t number)
{
    int place = 0;
    while (place < position->count && !lines_are_one(positions, position->lines[place], line)) {
        place++;
    }
    if (place == POSITION_MARKS_MAX) {
        return false;
    }
    bool is_older = place < position->count && position->lines[place] == line &&
                    position->numbers[place] > number;
    if (place == position->count) {
        position->count++;
    }
    if (!is_older) {
        position->lines[place] = (uint8_t)line;
        position->numbers[place] = number;
    }
    return true;
}

// A number in a gap of the primary's set was given out after all, and those around it may be: who
// was taken to have them is looked at again. The lowest such number is kept for the next probes,
// which may have begun before the write.
static void gap_note(struct positions *positions, int index, uint64_t number)
{
    const struct topology *topology = positions->topology;
    const struct gtid_set *whole = primary_set(topology);
    struct position_line *line = &positions->lines[index];
    struct gtid_range gap;
    if (!gtid_set_gap(whole, &line->source, number, &gap)) {
        return;
    }
    bool is_lowest = line->told == 0 || number < line->told ||
                     !gtid_set_gap(whole, &line->source, line->told, &gap);
    line->told = is_lowest ? number : line->told;
    for (int i = 0; i < topology->count; i++) {
        uint64_t *reached = &positions->reached[i][index];
        uint64_t filled = filled_reach(&topology->servers[i], whole, line);
        *reached = *reached >= number && filled < *reached ? filled : *reached;
    }
}

bool positions_note(struct positions *positions, struct position *position,
                    enum server_family family, struct slice text, int64_t now_us)
{
    struct gtid_set *set = &positions->scratch;
    if (!gtid_set_parse(set, family, text)) {
        return false;
    }
    bool is_kept = true;
    for (size_t i = 0; i < set->count; i++) {
        uint64_t number = set->ranges[i].last;
        int line = line_find(positions, family, &set->ranges[i]);
        if (line >= 0) {
            gap_note(positions, line, number);
        }
        is_kept = line >= 0 && mark_put(positions, position, line, number) && is_kept;
    }
    if (set->count > 0) {
        position->since_us = now_us;
    }
    return is_kept;
}

void position_note_unknown(struct position *position, int64_t until_us)
{
    if (until_us > position->unknown_us) {
        position->unknown_us = until_us;
    }
}

// --- choosing

// The number of the mark's line that is to be seen: not more than the primary has, where it was
// asked after the write.
static uint64_t needed(const struct positions *positions, const struct position *position,
                       int place)
{
    const struct server *primary = topology_primary(positions->topology);
    uint64_t number = position->numbers[place];
    if (primary != NULL && primary->gtid_us > position->since_us) {
        uint64_t there = positions->last[position->lines[place]];
        return there < number ? there : number;
    }
    return number;
}

bool positions_is_held(const struct position *position, int64_t now_us)
{
    return now_us < position->unknown_us;
}

static bool has_the_unknown(const struct positions *positions, const struct position *position,
                            int server, int64_t now_us)
{
    const struct server *primary = topology_head(positions->topology);
    bool has_gtids = primary != NULL && !gtid_set_is_empty(&primary->gtid);
    return position->unknown_us == 0 ||
           (now_us >= position->unknown_us &&
            (!has_gtids || positions->synced_us[server] > position->unknown_us));
}

static bool has_it(const struct positions *positions, const struct position *position, int server,
                   int64_t now_us)
{
    for (int i = 0; i < position->count; i++) {
        if (positions->reached[server][position->lines[i]] < needed(positions, position, i)) {
            return false;
        }
    }
    return has_the_unknown(positions, position, server, now_us);
}

uint64_t positions_having(const struct positions *positions, const struct position *position,
                          uint64_t set, int64_t now_us)
{
    uint64_t having = 0;
    for (uint64_t left = set; left != 0; left &= left - 1) {
        int server = __builtin_ctzll(left);
        having |= (uint64_t)has_it(positions, position, server, now_us) << server;
    }
    return having;
}

// Waiting asks for ids: where time is what is missing, it helps nothing.
static bool is_hopeful(const struct positions *positions, const struct position *position,
                       int index, int64_t wait_us, int64_t now_us)
{
    const struct server *server = &positions->topology->servers[index];
    return server->lag_us >= 0 && server->lag_us <= wait_us &&
           now_us >= positions->rest_us[index] &&
           has_the_unknown(positions, position, index, now_us);
}

uint64_t positions_hopeful(const struct positions *positions, const struct position *position,
                           uint64_t set, int64_t wait_us, int64_t now_us)
{
    uint64_t hopeful = 0;
    for (uint64_t left = wait_us > 0 ? set : 0; left != 0; left &= left - 1) {
        int server = __builtin_ctzll(left);
        hopeful |= (uint64_t)is_hopeful(positions, position, server, wait_us, now_us) << server;
    }
    return hopeful;
}

// --- waiting

// What is not known to be there.
static void waited_fill(const struct positions *positions, const struct position *position,
                        int server, struct position *waited)
{
    *waited = (struct position){.count = 0};
    for (int i = 0; i < position->count; i++) {
        uint8_t line = position->lines[i];
        uint64_t number = needed(positions, position, i);
        if (number > positions->reached[server][line]) {
            waited->lines[waited->count] = line;
            waited->numbers[waited->count++] = number;
        }
    }
}

// From behind what is known to be there: a number that was never given out, or that the server got
// without its transaction, is not waited for.
static void ids_write(const struct positions *positions, const struct position *waited, int server,
                      struct buffer *sql)
{
    for (int i = 0; i < waited->count; i++) {
        const struct position_line *line = &positions->lines[waited->lines[i]];
        struct gtid_range range = {
            .source = line->source,
            .first = positions->reached[server][waited->lines[i]] + 1,
            .last = waited->numbers[i],
            .server_id = line->server_id,
        };
        struct gtid_set set = {.family = line->family, .ranges = &range, .count = 1};
        if (i > 0) {
            buffer_append(sql, ",", 1);
        }
        gtid_set_print(&set, sql);
    }
}

// MySQL 5.7 may know whole seconds only, and 0 is without end; sluice does not wait for them.
static void limit_write(const struct server *server, int64_t wait_us, struct buffer *sql)
{
    bool has_fractions =
        server->family == FAMILY_MARIADB || server->version_number >= MYSQL_FRACTIONS_FROM;
    if (has_fractions) {
        buffer_print(sql, "%" PRId64 ".%06d", wait_us / CLOCK_SECOND,
                     (int)(wait_us % CLOCK_SECOND));
    } else {
        buffer_print(sql, "%" PRId64, (wait_us + CLOCK_SECOND - 1) / CLOCK_SECOND);
    }
}

bool positions_wait_write(const struct positions *positions, const struct position *position,
                          int server, int64_t wait_us, struct position *waited, struct buffer *sql)
{
    const struct server *of = &positions->topology->servers[server];
    waited_fill(positions, position, server, waited);
    if (waited->count == 0) {
        return false;
    }
    // With its charset: in the session's own, UTF-16 say, it may begin with a zero byte, and MySQL
    // has an empty set at once.
    buffer_append_slice(sql, of->family == FAMILY_MARIADB
                                 ? S("SELECT MASTER_GTID_WAIT(_latin1'")
                                 : S("SELECT WAIT_FOR_EXECUTED_GTID_SET(_latin1'"));
    ids_write(positions, waited, server, sql);
    buffer_append_slice(sql, S("',"));
    limit_write(of, wait_us, sql);
    buffer_append_slice(sql, S(") LIMIT 1")); // whatever sql_select_limit says
    return true;
}

void positions_reached(struct positions *positions, const struct position *waited, int server)
{
    for (int i = 0; i < waited->count; i++) {
        uint64_t *reached = &positions->reached[server][waited->lines[i]];
        *reached = waited->numbers[i] > *reached ? waited->numbers[i] : *reached;
    }
    positions->misses[server] = 0;
    positions->rest_us[server] = 0;
}

void positions_missed(struct positions *positions, int server, int64_t now_us)
{
    uint8_t *misses = &positions->misses[server];
    positions->rest_us[server] = now_us + (rest_least_us << *misses);
    *misses += *misses < REST_DOUBLINGS_MOST;
}
