#include "proxy/net/wheel.h"

#include <assert.h>

// Further away than the coarsest ring reaches, a timer waits at its end, and is placed anew there.
#define REACH (((uint64_t)1 << WHEEL_BITS * WHEEL_RINGS) - 1)

static uint64_t slot_width(unsigned ring)
{
    return (uint64_t)1 << ring * WHEEL_BITS;
}

static unsigned slot_of(uint64_t tick, unsigned ring)
{
    return (unsigned)(tick >> ring * WHEEL_BITS) & (WHEEL_SLOTS - 1);
}

// The ring of the highest bits in which the tick differs from now.
static unsigned ring_of(const struct wheel *wheel, uint64_t tick)
{
    uint64_t differs = (tick ^ wheel->now) | 1;
    unsigned ring = (63u - (unsigned)__builtin_clzll(differs)) / WHEEL_BITS;
    return ring < WHEEL_RINGS ? ring : WHEEL_RINGS - 1;
}

void wheel_init(struct wheel *wheel)
{
    wheel->now = 0;
    for (unsigned ring = 0; ring < WHEEL_RINGS; ring++) {
        wheel->occupied[ring] = 0;
        for (unsigned slot = 0; slot < WHEEL_SLOTS; slot++) {
            list_init(&wheel->slots[ring][slot]);
        }
    }
}

static uint64_t clamped(const struct wheel *wheel, uint64_t tick)
{
    if (tick <= wheel->now) {
        return wheel->now + 1;
    }
    return tick - wheel->now < REACH ? tick : wheel->now + REACH;
}

void wheel_put(struct wheel *wheel, struct timer *timer, uint64_t tick)
{
    assert(!list_is_linked(&timer->link));
    timer->queued = clamped(wheel, tick);
    unsigned ring = ring_of(wheel, timer->queued);
    unsigned slot = slot_of(timer->queued, ring);
    list_push_back(&wheel->slots[ring][slot], &timer->link);
    wheel->occupied[ring] |= (uint64_t)1 << slot;
}

// --- what comes next ----------------------------------------------------------------------------

static uint64_t rotated_right(uint64_t bits, unsigned n)
{
    return bits >> n | bits << (-n & 63);
}

struct place {
    unsigned ring;
    unsigned slot;
    uint64_t tick; // at which the slot begins
};

// The first slot of the ring that holds timers, seen from now. Slots whose timers were taken off
// behind the wheel's back are found empty here and forgotten. False: no timers in the ring.
static bool ring_next(struct wheel *wheel, unsigned ring, struct place *place)
{
    unsigned now_slot = slot_of(wheel->now, ring);
    while (wheel->occupied[ring] != 0) {
        unsigned ahead = (unsigned)__builtin_ctzll(rotated_right(wheel->occupied[ring], now_slot));
        unsigned slot = (now_slot + ahead) % WHEEL_SLOTS;
        if (list_is_empty(&wheel->slots[ring][slot])) {
            wheel->occupied[ring] &= ~((uint64_t)1 << slot);
            continue;
        }
        uint64_t width = slot_width(ring);
        uint64_t tick = (wheel->now & ~(width - 1)) + ahead * width;
        // Only the coarsest ring wraps onto the slot of now itself.
        *place = (struct place){ring, slot, ahead == 0 ? tick + WHEEL_SLOTS * width : tick};
        return true;
    }
    return false;
}

// Slots of a finer ring all begin before the next slot of a coarser one.
static bool place_next(struct wheel *wheel, struct place *place)
{
    for (unsigned ring = 0; ring < WHEEL_RINGS; ring++) {
        if (ring_next(wheel, ring, place)) {
            return true;
        }
    }
    return false;
}

uint64_t wheel_next(struct wheel *wheel)
{
    struct place place;
    return place_next(wheel, &place) ? place.tick : WHEEL_NEVER;
}

// --- moving on ----------------------------------------------------------------------------------

// Shares out a slot that `now` has come to.
static void slot_empty(struct wheel *wheel, const struct place *place, struct list *due)
{
    struct list waiting;
    struct list *link;
    list_init(&waiting);
    list_splice_back(&waiting, &wheel->slots[place->ring][place->slot]);
    wheel->occupied[place->ring] &= ~((uint64_t)1 << place->slot);
    while ((link = list_pop_front(&waiting)) != NULL) {
        struct timer *timer = list_entry(link, struct timer, link);
        if (timer->queued <= wheel->now) {
            list_push_back(due, &timer->link);
        } else {
            wheel_put(wheel, timer, timer->queued);
        }
    }
}

void wheel_advance(struct wheel *wheel, uint64_t tick, struct list *due)
{
    struct place place;
    while (place_next(wheel, &place) && place.tick <= tick) {
        wheel->now = place.tick;
        slot_empty(wheel, &place, due);
    }
    if (tick > wheel->now) {
        wheel->now = tick;
    }
}
