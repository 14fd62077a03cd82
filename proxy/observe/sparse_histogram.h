// The distribution of struct histogram, bucket by bucket, in a fraction of its memory: an octave
// takes its 256 bytes when the first value falls into it, and what takes about as long each time
// falls into a few. For those that are many: one for each statement. Embedded. One thread.
#pragma once

#include "proxy/observe/histogram.h"

#include <stddef.h>
#include <stdint.h>

struct sparse_histogram {
    uint64_t count;
    uint64_t sum;
    uint64_t (*octaves)[HISTOGRAM_SUB]; // in the order in which they were needed
    uint8_t places[HISTOGRAM_OCTAVES];  // by octave: place in `octaves`, from 1; 0: no value yet
    uint8_t octave_count;
};

#define SPARSE_HISTOGRAM_INIT ((struct sparse_histogram){0})

void sparse_histogram_release(struct sparse_histogram *histogram);

// Takes the octave's memory; returns its place.
uint8_t sparse_histogram_grow(struct sparse_histogram *histogram, unsigned octave);

// Negative values count as 0.
static inline void sparse_histogram_record(struct sparse_histogram *histogram, int64_t value)
{
    uint64_t known = value > 0 ? (uint64_t)value : 0;
    unsigned bucket = histogram_bucket(known);
    uint8_t place = histogram->places[bucket / HISTOGRAM_SUB];
    if (place == 0) {
        place = sparse_histogram_grow(histogram, bucket / HISTOGRAM_SUB);
    }
    histogram->count++;
    histogram->sum += known;
    histogram->octaves[place - 1][bucket % HISTOGRAM_SUB]++;
}

void sparse_histogram_merge(struct sparse_histogram *into, const struct sparse_histogram *from);
// Adds it to one that can be read.
void sparse_histogram_add_to(struct histogram *into, const struct sparse_histogram *from);

// Heap that it holds.
static inline size_t sparse_histogram_bytes(const struct sparse_histogram *histogram)
{
    return histogram->octave_count * sizeof(*histogram->octaves);
}
