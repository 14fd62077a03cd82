// How many connections a pool is to have while sessions wait for one. More connections help where a
// server can do more side by side (it waits for disks, or has cores to spare), and only move the
// queue from here to there where it cannot. Which of the two it is, nobody tells: it is tried. Now
// and then a quarter more are opened, or closed, and it stays so if the statements that came back
// in a while after it say that this was right. A single one would be lost in the unevenness of any
// load; and more must beat the best that was there without them, else one bad moment, behind which
// everything looks better, would open some. What other workers got less of from the same server
// meanwhile was not won, but taken from them: else each would take from the others in turn, and
// none would ever stop.
//
//     STEADY --hold over--> UP: some more   --as many more statements?--> stay, and on / back
//            --hold over--> DOWN: some less --as many statements?-------> stay / back
//
// No clock, no loop, no connection: the pool tells what happens. Embedded in the pool.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// So many are opened without a trial.
enum { GROWTH_FREE = 4 };

enum growth_state { GROWTH_STEADY, GROWTH_UP, GROWTH_DOWN };

struct growth {
    enum growth_state state;
    uint32_t most;     // connections, for now
    uint32_t tried;    // how many more or less than before
    bool is_down_next; // what is tried next
    int64_t next_us;   // not before
    int64_t hold_us;   // how long that is from a trial that failed
    int64_t began_us;  // what has come back since then
    uint64_t came;     // is so many
    uint64_t others;   // what had come back to others until then
    // Statements a microsecond: the best since the last trial, and before the trial.
    double best;
    double before;
    double others_before;
};

void growth_init(struct growth *growth);
// A connection came back.
void growth_came(struct growth *growth);
// Sessions wait, and there are that many connections (without those that somebody keeps): whether
// it is time for growth_judge(). To be asked again and again while they wait.
bool growth_is_due(const struct growth *growth, uint32_t there, int64_t now_us);
// `others`: how many statements have ever come back from that server to others.
void growth_judge(struct growth *growth, uint64_t others, int64_t now_us);
// Whether one more is to be opened.
bool growth_allows(const struct growth *growth, uint32_t there);
// One more is opened whatever it brings: nothing comes back at all.
void growth_insist(struct growth *growth, uint32_t there);
// Whether one that comes back while sessions wait is to be closed.
bool growth_is_surplus(const struct growth *growth, uint32_t there);
