// A constant table of upper-case words in the order of ASCII, searched without case. Each word is
// kept as a number made of its first eight letters, so that a step of the search is one comparison;
// the tables are the compiler's work alone.
#pragma once

#include "proxy/base/slice.h"

#include <stdint.h>

#define WORD_LETTER(text, i)                                                                       \
    ((uint64_t)(unsigned char)((i) < sizeof(text) ? (text)[(i) < sizeof(text) ? (i) : 0] : 0)      \
     << (56 - 8 * (i)))
#define WORD_KEY(text)                                                                             \
    (WORD_LETTER(text, 0) | WORD_LETTER(text, 1) | WORD_LETTER(text, 2) | WORD_LETTER(text, 3) |   \
     WORD_LETTER(text, 4) | WORD_LETTER(text, 5) | WORD_LETTER(text, 6) | WORD_LETTER(text, 7))

struct word_table {
    const uint64_t *keys;
    const struct slice *names;
    // Index of the first word of each letter; the last entry is the number of words.
    const uint16_t *letters;
};

// The index of `word`, or -1.
static inline int word_find(const struct word_table *table, struct slice word);

// The eight bytes with ASCII letters in upper case.
static inline uint64_t word_upper(uint64_t bytes)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t low = bytes & (0x7f * ones);
    uint64_t from_a = low + (0x80 - 'a') * ones;
    uint64_t past_z = low + (0x80 - 'z' - 1) * ones;
    uint64_t is_lower = (from_a & ~past_z) & ~bytes & (0x80 * ones);
    return bytes ^ (is_lower >> 2);
}

static inline uint64_t word_key(struct slice word)
{
    uint64_t bytes = 0;
    if (word.len >= sizeof(bytes)) {
        memcpy(&bytes, word.ptr, sizeof(bytes));
    } else if (word.len >= 4) {
        // Two overlapping halves: cheaper than a copy of a length that varies.
        uint32_t head;
        uint32_t tail;
        memcpy(&head, word.ptr, sizeof(head));
        memcpy(&tail, word.ptr + word.len - sizeof(tail), sizeof(tail));
        bytes = head | (uint64_t)tail << (8 * (word.len - sizeof(tail)));
    } else {
        for (size_t i = 0; i < word.len; i++) {
            bytes |= (uint64_t)(unsigned char)word.ptr[i] << (8 * i);
        }
    }
    return __builtin_bswap64(word_upper(bytes));
}

static inline int word_find(const struct word_table *table, struct slice word)
{
    if (word.len == 0) {
        return -1;
    }
    uint64_t key = word_key(word);
    unsigned letter = (unsigned)(key >> 56) - 'A';
    if (letter > 'Z' - 'A') {
        return -1;
    }
    const uint64_t *base = table->keys + table->letters[letter];
    size_t count = (size_t)(table->letters[letter + 1] - table->letters[letter]);
    while (count > 1) { // the last word that is not behind the key
        size_t half = count / 2;
        base = base[half - 1] < key ? base + half : base;
        count -= half;
    }
    if (count == 0) {
        return -1;
    }
    int index = (int)(base - table->keys);
    int end = table->letters[letter + 1];
    for (; index < end && table->keys[index] <= key; index++) {
        if (table->keys[index] == key &&
            (word.len < 8 || slice_equal_nocase(table->names[index], word))) {
            return index;
        }
    }
    return -1;
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "word_key() reads words as little endian");
