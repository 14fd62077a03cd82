#include "proxy/observe/histogram.h"

#include <assert.h>

uint64_t histogram_bucket_start(unsigned bucket)
{
    assert(bucket <= HISTOGRAM_BUCKETS);
    if (bucket < 2 * HISTOGRAM_SUB) {
        return bucket;
    }
    unsigned octave = bucket / HISTOGRAM_SUB - 1;
    return (uint64_t)(HISTOGRAM_SUB + bucket % HISTOGRAM_SUB) << octave;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    if (from->count == 0) {
        return;
    }
    into->count += from->count;
    into->sum += from->sum;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        into->buckets[i] += from->buckets[i];
    }
}

static uint64_t bucket_middle(unsigned bucket)
{
    uint64_t start = histogram_bucket_start(bucket);
    return start + (histogram_bucket_start(bucket + 1) - start) / 2;
}

uint64_t histogram_quantile(const struct histogram *histogram, double q)
{
    if (histogram->count == 0) {
        return 0;
    }
    // The rank of the value looked for, 1 for the smallest.
    double share = q * (double)histogram->count;
    uint64_t rank = (uint64_t)share;
    rank += (double)rank < share || rank == 0;

    uint64_t seen = 0;
    unsigned bucket = 0;
    while (bucket < HISTOGRAM_BUCKETS - 1 && (seen += histogram->buckets[bucket]) < rank) {
        bucket++;
    }
    return bucket_middle(bucket);
}

uint64_t histogram_below(const struct histogram *histogram, uint64_t limit)
{
    unsigned end = histogram_bucket(limit);
    assert(histogram_bucket_start(end) == limit);
    uint64_t count = 0;
    for (unsigned i = 0; i < end; i++) {
        count += histogram->buckets[i];
    }
    return count;
}
