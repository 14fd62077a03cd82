// What a session has written, as ids of transactions, and how far each server is known to be: so
// that a read goes where the session's own writes are.
//
// Ids are numbered in lines: one for each uuid (and tag) of MySQL, one for each domain and server
// id of MariaDB. A thread numbers the lines that it has heard of (struct positions), a session
// keeps the last number of its own in each (struct position), and a server is known to have
// everything of a line up to a number. "Has it" is a comparison of two numbers.
//
//     line 3e11...:      1 ........................ reached ....... number
//                        everything that the primary       the session's
//                        has of it is there                last write
//
// How far a server is, is learnt from the monitor's probes (positions_follow()) and from waits that
// ended well (positions_reached()); it only grows, until a probe shows that the server's history is
// another one, or a number turns up in a gap that was taken for never given out: MySQL fills them
// from the bottom, when somebody has committed with a GTID_NEXT far ahead.
//
// A number that the primary itself lacks, by a probe that began after the write, is lost (a
// failover, a restore): nobody waits for it, the session sees what the primary has.
//
// Where no id is known of a write (GTIDs are off, the answer was lost, it ended in an error), the
// session keeps the time instead: a replica may answer once it has all that the primary had at a
// later time.
//
// One thread; pure but for what it is given.
#pragma once

#include "proxy/base/buffer.h"
#include "router/topology/gtid.h"
#include "router/topology/topology.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    POSITION_LINES_MAX = 32, // that a thread tells apart
    POSITION_MARKS_MAX = 4,  // lines that one session has written in
};

// What a session must see. All zero: nothing.
struct position {
    uint8_t count;
    uint8_t lines[POSITION_MARKS_MAX];
    uint64_t numbers[POSITION_MARKS_MAX];
    int64_t since_us;   // the last of them is not younger; monotonic, exact
    int64_t unknown_us; // something without an id may have been written up to then; 0: nothing
};

static inline bool position_is_empty(const struct position *position)
{
    return position->count == 0 && position->unknown_us == 0;
}

struct position_line {
    enum server_family family;
    struct gtid_source source;
    uint32_t server_id; // MariaDB
    uint64_t told;      // MySQL: a number that a session was told of while the primary's set had a
                        // gap there; 0: none
};

// What a thread knows. Starts as all zero.
struct positions {
    const struct topology *topology; // borrowed; NULL until the first
    int line_count;
    struct position_line lines[POSITION_LINES_MAX];
    uint64_t last[POSITION_LINES_MAX]; // that the primary has
    uint64_t reached[TOPOLOGY_SERVERS_MAX][POSITION_LINES_MAX];
    int64_t synced_us[TOPOLOGY_SERVERS_MAX]; // it has all that the primary had then; 0: not known
    int64_t rest_us[TOPOLOGY_SERVERS_MAX];   // until when nobody waits for it
    uint8_t misses[TOPOLOGY_SERVERS_MAX];    // waits in a row that ended without success
    struct gtid_set scratch;
};

void positions_release(struct positions *positions);

// The servers as they stand now; `topology` is borrowed until the next call, and so must be the one
// of before until this one returns.
void positions_follow(struct positions *positions, const struct topology *topology);

// --- what a session has written ------------------------------------------------------------------

// The server said that this was committed (a GTID, or several); `now_us` is exact. False where no
// more can be kept or the text is none: it is written, and not known where.
__attribute__((warn_unused_result)) bool positions_note(struct positions *positions,
                                                        struct position *position,
                                                        enum server_family family,
                                                        struct slice text, int64_t now_us);
// Something may have been written that has no known id, or will be until `until_us` at the latest.
void position_note_unknown(struct position *position, int64_t until_us);

// --- choosing ------------------------------------------------------------------------------------

// Those of the set that are known to have it.
uint64_t positions_having(const struct positions *positions, const struct position *position,
                          uint64_t set, int64_t now_us);
// Those of the set that can be expected to have it within `wait_us`.
uint64_t positions_hopeful(const struct positions *positions, const struct position *position,
                           uint64_t set, int64_t wait_us, int64_t now_us);
// Whether it is the time that keeps replicas from answering, not an id.
bool positions_is_held(const struct position *position, int64_t now_us);

// --- waiting -------------------------------------------------------------------------------------

// Appends the statement that waits on that server until it has it, `wait_us` at most; it answers
// with one row: 0, or something else where it was in vain. `waited` is filled with what it waits
// for. False, and nothing, where the server is known to have it.
bool positions_wait_write(const struct positions *positions, const struct position *position,
                          int server, int64_t wait_us, struct position *waited, struct buffer *sql);
// The wait ended well: the server has what was waited for.
void positions_reached(struct positions *positions, const struct position *waited, int server);
// It did not: for a while, longer with each time in a row, nobody waits for that server.
void positions_missed(struct positions *positions, int server, int64_t now_us);
