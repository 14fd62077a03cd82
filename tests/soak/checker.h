// What must hold of a sluice after hours of clients that come and go, judged by figures alone: what
// it held each time when nobody used it, and whether counts on both sides agree. Pure; the soak
// brings the figures.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// One look at a sluice without clients and without pooled connections.
struct look {
    double clients;     // accepted until then
    double resident;    // bytes
    double blocks;      // of the heap, held
    double descriptors; // open files
};

// How much of a kind may be had more at the end than after the warm-up.
struct slack {
    double resident;
    double blocks;
};

enum { VERDICT_SIZE = 256 };

struct verdict {
    bool is_good;
    char text[VERDICT_SIZE]; // for people, whether good or not
};

// How many of the first looks are warm-up: caches fill, pools and arenas reach their size.
size_t looks_warm_up(size_t count);

// Growth by the straight line that fits the looks behind the warm-up best: one look that happens to
// be high or low does not count for much. Fewer than four such looks are no ground for a judgement,
// and not good.
struct verdict looks_judge_resident(const struct look *looks, size_t count, struct slack slack);
struct verdict looks_judge_blocks(const struct look *looks, size_t count, struct slack slack);
// Open files are the same in every look, the warm-up's too.
struct verdict looks_judge_descriptors(const struct look *looks, size_t count);

// A count that is known within bounds: what surely happened, and what may have besides.
struct range {
    double least;
    double most;
};

struct verdict count_judge(const char *what, double counted, struct range known);
