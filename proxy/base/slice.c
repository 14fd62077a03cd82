#include "proxy/base/slice.h"

#include "proxy/base/memory.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <assert.h>

static inline unsigned char lower(char c)
{
    unsigned char u = (unsigned char)c;
    return (unsigned)u - 'A' < 26 ? (unsigned char)(u | 0x20) : u;
}

bool slice_equal_nocase(struct slice a, struct slice b)
{
    return a.len == b.len && slice_starts_nocase(a, b);
}

bool slice_starts_nocase(struct slice text, struct slice prefix)
{
    if (text.len < prefix.len) {
        return false;
    }
    for (size_t i = 0; i < prefix.len; i++) {
        if (lower(text.ptr[i]) != lower(prefix.ptr[i])) {
            return false;
        }
    }
    return true;
}

int slice_compare(struct slice a, struct slice b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter > 0 ? memcmp(a.ptr, b.ptr, shorter) : 0;
    if (order != 0) {
        return order;
    }
    return (a.len > b.len) - (a.len < b.len);
}

struct slice slice_first(struct slice s, size_t n)
{
    return slice_make(s.ptr, n < s.len ? n : s.len);
}

struct slice slice_from(struct slice s, size_t offset)
{
    if (offset >= s.len) {
        return SLICE_NONE;
    }
    return slice_make(s.ptr + offset, s.len - offset);
}

static bool is_space(char c)
{
    return c == ' ' || (unsigned char)(c - '\t') < 5;
}

struct slice slice_trim(struct slice s)
{
    while (s.len > 0 && is_space(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && is_space(s.ptr[s.len - 1])) {
        s.len--;
    }
    return s;
}

bool slice_is_ascii(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] > 0x7f) {
            return false;
        }
    }
    return true;
}

// Length of the well-formed character there, of at most `most` bytes; 0: there is none.
static size_t utf8_char(struct slice s, size_t at, size_t most)
{
    unsigned char first = (unsigned char)s.ptr[at];
    size_t len = first < 0x80                    ? 1
                 : first >= 0xc2 && first < 0xe0 ? 2
                 : first >= 0xe0 && first < 0xf0 ? 3
                 : first >= 0xf0 && first < 0xf5 ? 4
                                                 : 0;
    if (len == 0 || len > most || len > s.len - at) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if (((unsigned char)s.ptr[at + i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    unsigned char second = len > 1 ? (unsigned char)s.ptr[at + 1] : 0;
    bool is_overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
    bool is_beyond = (first == 0xed && second >= 0xa0) || (first == 0xf4 && second >= 0x90);
    return is_overlong || is_beyond ? 0 : len;
}

bool slice_is_utf8(struct slice s, size_t most)
{
    size_t len = 1;
    for (size_t at = 0; at < s.len && len > 0; at += len) {
        len = utf8_char(s, at, most);
    }
    return len > 0;
}

bool slice_is_printable(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < ' ' || s.ptr[i] > '~') {
            return false;
        }
    }
    return true;
}

size_t slice_find(struct slice s, char c)
{
    const char *found = s.len > 0 ? memchr(s.ptr, c, s.len) : NULL;
    return found != NULL ? (size_t)(found - s.ptr) : s.len;
}

size_t slice_find_slice(struct slice s, struct slice needle)
{
    if (s.len == 0 || needle.len == 0) {
        return 0;
    }
    const char *found = memmem(s.ptr, s.len, needle.ptr, needle.len);
    return found != NULL ? (size_t)(found - s.ptr) : s.len;
}

bool slice_cut(struct slice *rest, char separator, struct slice *part)
{
    if (rest->ptr == NULL) {
        return false;
    }
    size_t at = slice_find(*rest, separator);
    *part = slice_make(rest->ptr, at);
    if (at == rest->len) {
        *rest = SLICE_NONE;
    } else {
        *rest = slice_make(rest->ptr + at + 1, rest->len - at - 1);
    }
    return true;
}

bool slice_to_u64(struct slice s, uint64_t *value)
{
    uint64_t result = 0;
    if (s.len == 0) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        unsigned digit = (unsigned char)s.ptr[i] - (unsigned)'0';
        if (digit > 9 || result > (UINT64_MAX - digit) / 10) {
            return false;
        }
        result = result * 10 + digit;
    }
    *value = result;
    return true;
}

bool slice_to_i64(struct slice s, int64_t *value)
{
    bool negative = s.len > 0 && s.ptr[0] == '-';
    uint64_t magnitude = 0;
    if (s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+')) {
        s = slice_from(s, 1);
    }
    uint64_t most = (uint64_t)INT64_MAX + (negative ? 1 : 0);
    if (!slice_to_u64(s, &magnitude) || magnitude > most) {
        return false;
    }
    *value = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

char *slice_copy_text(struct slice s)
{
    return mem_text(s.ptr, s.len);
}

bool slice_to_text(struct slice s, char *out, size_t size)
{
    assert(size > 0);
    size_t len = s.len < size ? s.len : size - 1;
    if (len > 0) {
        memcpy(out, s.ptr, len);
    }
    out[len] = '\0';
    return len == s.len;
}

struct slice slice_keep(char **at, struct slice s)
{
    struct slice kept = slice_make(*at, s.len);
    if (s.ptr != NULL) {
        memcpy(*at, s.ptr, s.len);
    }
    *at += s.len;
    return kept;
}

uint64_t slice_hash(struct slice s)
{
    return XXH3_64bits(s.ptr, s.len);
}

uint64_t slice_hash_nocase(struct slice s)
{
    XXH3_state_t state;
    char block[64];

    XXH3_64bits_reset(&state);
    while (s.len > 0) {
        size_t n = s.len < sizeof(block) ? s.len : sizeof(block);
        for (size_t i = 0; i < n; i++) {
            block[i] = (char)lower(s.ptr[i]);
        }
        XXH3_64bits_update(&state, block, n);
        s = slice_make(s.ptr + n, s.len - n);
    }
    return XXH3_64bits_digest(&state);
}
