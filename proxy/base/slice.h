// A view of bytes that somebody else owns: pointer and length, not NUL-terminated. Small enough to
// pass by value. Any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *ptr; // may be NULL where len is 0
    size_t len;
};

#define SLICE_NONE ((struct slice){NULL, 0})
// A string literal as a slice; S for function bodies, SLICE_INIT for static tables.
#define S(literal) ((struct slice){"" literal, sizeof(literal) - 1})
#define SLICE_INIT(literal)                                                                        \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }
// For printf("%.*s", SLICE_ARG(s)).
#define SLICE_ARG(s) (int)(s).len, (s).ptr != NULL ? (s).ptr : ""

static inline struct slice slice_make(const void *ptr, size_t len)
{
    return (struct slice){ptr, len};
}

static inline struct slice slice_text(const char *text)
{
    return (struct slice){text, text != NULL ? strlen(text) : 0};
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

// ASCII letters compare without case, as the servers compare keywords and variable names.
bool slice_equal_nocase(struct slice a, struct slice b);
bool slice_starts_nocase(struct slice text, struct slice prefix);
// As memcmp, the shorter of two equal beginnings first.
int slice_compare(struct slice a, struct slice b);

// The first `n` bytes (all of them where there are fewer), and what is left behind them.
struct slice slice_first(struct slice s, size_t n);
struct slice slice_from(struct slice s, size_t offset);
// Without ASCII white space at both ends.
struct slice slice_trim(struct slice s);
bool slice_is_ascii(struct slice s); // no byte above 0x7f
// Well-formed UTF-8, of characters of at most `most` bytes: 4, or 3 as in utf8mb3.
bool slice_is_utf8(struct slice s, size_t most);
bool slice_is_printable(struct slice s); // nothing but ASCII from space to tilde
// Of all of them together.
static inline size_t slices_len(const struct slice *slices, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        len += slices[i].len;
    }
    return len;
}
// Offset of the first `c`, or s.len.
size_t slice_find(struct slice s, char c);
// Offset of the first `needle`, or s.len; an empty one stands at 0.
size_t slice_find_slice(struct slice s, struct slice needle);
// Cuts off and returns what stands before the first `separator`; `*rest` moves behind it. Returns
// false once `*rest` is used up, which a NULL pointer says: "" has one part, an empty one; "a," has
// two, the last one empty.
bool slice_cut(struct slice *rest, char separator, struct slice *part);

// Whole of `s` as a decimal number without sign; false where it is none or does not fit.
bool slice_to_u64(struct slice s, uint64_t *value);
// As slice_to_u64 with an optional leading minus or plus.
bool slice_to_i64(struct slice s, int64_t *value);

// A NUL-terminated copy on the heap, for mem_free().
char *slice_copy_text(struct slice s);
// A NUL-terminated copy in `out`, cut at `size` - 1 bytes. Returns false where it was cut.
bool slice_to_text(struct slice s, char *out, size_t size);

// Copies the bytes to `*at`, moves it behind them and returns the copy: for texts that live in one
// block with the struct they belong to.
struct slice slice_keep(char **at, struct slice s);

// 64-bit hash (XXH3), for tables in this process; not stable across versions.
uint64_t slice_hash(struct slice s);
uint64_t slice_hash_nocase(struct slice s);
