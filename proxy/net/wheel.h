// The places that timers wait in: six rings of 64 slots, each ring 64 times as coarse as the one
// before, so that a timer is placed and found without search however many there are.
//
//     ring 0   ticks that differ from `now` in their last 6 bits only: one slot a tick
//     ring 1   those that differ in the next 6 bits: one slot for 64 ticks
//     ...      until ring 5: one slot for 2^30 ticks
//
// When `now` comes to a slot of ring n, its timers move to finer rings. Pure: knows ticks, no
// clock. Inside the room only; one thread.
#pragma once

#include "proxy/net/timer.h"

#include <stdint.h>

enum { WHEEL_BITS = 6, WHEEL_SLOTS = 1 << WHEEL_BITS, WHEEL_RINGS = 6 };

#define WHEEL_NEVER UINT64_MAX

struct wheel {
    uint64_t now;                   // tick; every slot up to it is empty
    uint64_t occupied[WHEEL_RINGS]; // a bit for each slot that may hold timers
    struct list slots[WHEEL_RINGS][WHEEL_SLOTS];
};

void wheel_init(struct wheel *wheel);
// Puts in a timer that is on no list, for `tick` or, where that has passed, the next one.
void wheel_put(struct wheel *wheel, struct timer *timer, uint64_t tick);
// The next tick at which there is something to do: a timer that is due, or a slot to share out.
// WHEEL_NEVER: no timer at all.
uint64_t wheel_next(struct wheel *wheel);
// Moves on to `tick`; timers whose tick has come stand in `due` afterwards, earliest first.
void wheel_advance(struct wheel *wheel, uint64_t tick, struct list *due);
