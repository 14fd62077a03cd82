#include "proxy/observe/sparse_histogram.h"

#include "proxy/base/memory.h"

#include <string.h>

void sparse_histogram_release(struct sparse_histogram *histogram)
{
    mem_free(histogram->octaves);
    *histogram = SPARSE_HISTOGRAM_INIT;
}

uint8_t sparse_histogram_grow(struct sparse_histogram *histogram, unsigned octave)
{
    unsigned count = histogram->octave_count;
    histogram->octaves = mem_grow(histogram->octaves, (count + 1) * sizeof(*histogram->octaves));
    memset(histogram->octaves[count], 0, sizeof(*histogram->octaves));
    histogram->octave_count++;
    histogram->places[octave] = histogram->octave_count;
    return histogram->octave_count;
}

static void copy(struct sparse_histogram *into, const struct sparse_histogram *from)
{
    size_t bytes = sparse_histogram_bytes(from);
    *into = *from;
    into->octaves = mem_alloc(bytes);
    memcpy(into->octaves, from->octaves, bytes);
}

void sparse_histogram_merge(struct sparse_histogram *into, const struct sparse_histogram *from)
{
    if (into->octave_count == 0 && from->octave_count > 0) {
        copy(into, from);
        return;
    }
    into->count += from->count;
    into->sum += from->sum;
    for (unsigned octave = 0; octave < HISTOGRAM_OCTAVES; octave++) {
        if (from->places[octave] == 0) {
            continue;
        }
        uint8_t place = into->places[octave];
        if (place == 0) {
            place = sparse_histogram_grow(into, octave);
        }
        for (unsigned i = 0; i < HISTOGRAM_SUB; i++) {
            into->octaves[place - 1][i] += from->octaves[from->places[octave] - 1][i];
        }
    }
}

void sparse_histogram_add_to(struct histogram *into, const struct sparse_histogram *from)
{
    into->count += from->count;
    into->sum += from->sum;
    for (unsigned octave = 0; octave < HISTOGRAM_OCTAVES; octave++) {
        for (unsigned i = 0; i < HISTOGRAM_SUB && from->places[octave] != 0; i++) {
            into->buckets[octave * HISTOGRAM_SUB + i] += from->octaves[from->places[octave] - 1][i];
        }
    }
}
