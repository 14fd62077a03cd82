// Distribution of durations: log-linear buckets, fixed memory, a few nanoseconds a record. A value
// up to 2^36 us (19 hours) is known to 1/32 of itself; below 64 us exactly. Embedded or on the
// heap. One thread.
#pragma once

#include <stdint.h>

enum {
    HISTOGRAM_SUB_BITS = 5, // 32 buckets an octave
    HISTOGRAM_SUB = 1 << HISTOGRAM_SUB_BITS,
    HISTOGRAM_TOP_BITS = 36, // larger values are counted in the last bucket
    HISTOGRAM_OCTAVES = HISTOGRAM_TOP_BITS - HISTOGRAM_SUB_BITS + 1,
    HISTOGRAM_BUCKETS = HISTOGRAM_OCTAVES * HISTOGRAM_SUB,
};

struct histogram {
    uint64_t count;
    uint64_t sum;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

// Bucket of a value: the leading bit says the octave, the five bits below it the place therein.
static inline unsigned histogram_bucket(uint64_t value)
{
    if (value < HISTOGRAM_SUB) {
        return (unsigned)value;
    }
    unsigned octave = 63u - (unsigned)__builtin_clzll(value) - HISTOGRAM_SUB_BITS;
    unsigned bucket = octave * HISTOGRAM_SUB + (unsigned)(value >> octave);
    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

// Smallest value of a bucket; of HISTOGRAM_BUCKETS: the end of the last one.
uint64_t histogram_bucket_start(unsigned bucket);

// Negative values (a clock that a test turned back) count as 0.
static inline void histogram_record(struct histogram *histogram, int64_t value)
{
    uint64_t known = value > 0 ? (uint64_t)value : 0;
    histogram->count++;
    histogram->sum += known;
    histogram->buckets[histogram_bucket(known)]++;
}

void histogram_merge(struct histogram *into, const struct histogram *from);
// The value that a share `q` (0 to 1) of all values does not exceed, as the middle of its bucket; 0
// where nothing was recorded.
uint64_t histogram_quantile(const struct histogram *histogram, double q);
// How many values were below `limit`, which must begin a bucket (any power of two does).
uint64_t histogram_below(const struct histogram *histogram, uint64_t limit);
