// How many connections a pool is to have while sessions wait for one. More connections help where a
// server can do more side by side (it waits for disks, or has cores to spare), and only move the
// queue from here to there where it cannot. Which of the two it is, nobody tells: it is tried. Now
// and then a quarter more are opened, or closed, and it stays so if the statements that came back
// in a while after it say that this was right. A single one would be lost in the unevenness of any
// load.
//
//     STEADY --hold over--> UP: some more   --as many more statements?--> stay, and on / back
//            --hold over--> DOWN: some less --as many statements?-------> stay / back
//
// No clock, no loop, no connection: the pool tells what happens. Embedded in the pool.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// So many are opened without a trial.
enum { GROWTH_FREE = 5 };

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
    double before;     // statements a microsecond, before the trial
};

void growth_init(struct growth *growth);
// A connection came back.
void growth_came(struct growth *growth);
// Sessions wait, and there are that many connections (without those that somebody keeps): whether
// one more is to be opened. To be asked again and again while they wait.
bool growth_allows(struct growth *growth, uint32_t there, int64_t now_us);
// One more is opened whatever it brings: nothing comes back at all.
void growth_insist(struct growth *growth, uint32_t there);
// Whether one that comes back while sessions wait is to be closed.
bool growth_is_surplus(const struct growth *growth, uint32_t there);
