// The known word that is nearest to a mistyped one, for "did you mean".
#pragma once

#include "proxy/base/slice.h"

// Offer candidates one after the other, then ask.
struct nearest {
    struct slice word;
    struct slice best; // borrowed from a candidate; empty: none is near
    size_t distance;   // of best
};

struct nearest nearest_start(struct slice word);
void nearest_offer(struct nearest *nearest, struct slice candidate);

// Letters to insert, drop, replace or swap with their neighbour, without case; words of more than
// 63 letters are as far as can be.
size_t nearest_distance(struct slice a, struct slice b);
