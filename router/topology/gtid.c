#include "router/topology/gtid.h"

#include "proxy/base/memory.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

enum { UUID_TEXT_LEN = 36 };

// The highest number that MySQL gives out.
#define MYSQL_NUMBER_MAX ((uint64_t)INT64_MAX - 1)

// --- rows of ranges

void gtid_set_release(struct gtid_set *set)
{
    mem_free(set->ranges);
    *set = GTID_SET_INIT;
}

static void ranges_reserve(struct gtid_set *set, size_t more)
{
    size_t wanted = set->count + more;
    if (wanted > set->cap) {
        set->cap = wanted > set->cap * 2 ? wanted : set->cap * 2;
        set->ranges = mem_grow(set->ranges, set->cap * sizeof(*set->ranges));
    }
}

static void ranges_push(struct gtid_set *set, const struct gtid_range *range)
{
    ranges_reserve(set, 1);
    set->ranges[set->count++] = *range;
}

void gtid_set_copy(struct gtid_set *out, const struct gtid_set *set)
{
    struct gtid_set copy = {.family = set->family};
    ranges_reserve(&copy, set->count);
    for (size_t i = 0; i < set->count; i++) {
        copy.ranges[copy.count++] = set->ranges[i];
    }
    gtid_set_release(out);
    *out = copy;
}

static int source_compare(const struct gtid_source *a, const struct gtid_source *b)
{
    int order = memcmp(a->uuid, b->uuid, sizeof(a->uuid));
    if (order == 0) {
        order = memcmp(a->tag, b->tag, sizeof(a->tag));
    }
    return order != 0 ? order : (a->domain > b->domain) - (a->domain < b->domain);
}

static int range_compare(const void *left, const void *right)
{
    const struct gtid_range *a = left;
    const struct gtid_range *b = right;
    int order = source_compare(&a->source, &b->source);
    return order != 0 ? order : (a->first > b->first) - (a->first < b->first);
}

// Whether the later of two neighbours in a sorted row overlaps or touches the earlier.
static bool ranges_touch(const struct gtid_range *earlier, const struct gtid_range *later)
{
    return source_compare(&earlier->source, &later->source) == 0 &&
           later->first - 1 <= earlier->last;
}

// Puts a row in any order and with overlaps into the form that gtid.h promises.
static void ranges_settle(struct gtid_set *set)
{
    if (set->count == 0) {
        set->family = FAMILY_UNKNOWN;
        return;
    }
    qsort(set->ranges, set->count, sizeof(*set->ranges), range_compare);
    size_t kept = 0;
    for (size_t i = 1; i < set->count; i++) {
        struct gtid_range *last = &set->ranges[kept];
        const struct gtid_range *next = &set->ranges[i];
        if (!ranges_touch(last, next)) {
            set->ranges[++kept] = *next;
        } else if (next->last > last->last) {
            last->last = next->last;
            last->server_id = next->server_id;
        }
    }
    set->count = kept + 1;
}

// --- reading

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// The next byte, or 0 at the end. Text that holds a zero byte is no GTID set anyway.
static char peek(const struct slice *rest)
{
    return rest->len > 0 ? rest->ptr[0] : '\0';
}

static void space_skip(struct slice *rest)
{
    while (is_space(peek(rest))) {
        *rest = slice_from(*rest, 1);
    }
}

// Cuts off `c` with the white space around it.
static bool char_cut(struct slice *rest, char c)
{
    space_skip(rest);
    if (peek(rest) != c) {
        return false;
    }
    *rest = slice_from(*rest, 1);
    space_skip(rest);
    return true;
}

static bool number_cut(struct slice *rest, uint64_t limit, uint64_t *number)
{
    size_t len = 0;
    while (len < rest->len && is_digit(rest->ptr[len])) {
        len++;
    }
    bool is_right = slice_to_u64(slice_first(*rest, len), number) && *number <= limit;
    *rest = slice_from(*rest, len);
    return is_right;
}

static int hex_value(char c)
{
    if (is_digit(c)) {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// 8-4-4-4-12 hexadecimal digits.
static bool uuid_cut(struct slice *rest, uint8_t uuid[GTID_UUID_SIZE])
{
    if (rest->len < UUID_TEXT_LEN) {
        return false;
    }
    size_t byte = 0;
    for (size_t i = 0; i < UUID_TEXT_LEN;) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (rest->ptr[i++] != '-') {
                return false;
            }
            continue;
        }
        int high = hex_value(rest->ptr[i]);
        int low = hex_value(rest->ptr[i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        uuid[byte++] = (uint8_t)(high << 4 | low);
        i += 2;
    }
    *rest = slice_from(*rest, UUID_TEXT_LEN);
    return true;
}

static bool is_tag_start(char c)
{
    char lower = c | 0x20;
    return c == '_' || (lower >= 'a' && lower <= 'z');
}

// Letters, digits and underscores, at most 32; stored in lower case.
static bool tag_cut(struct slice *rest, char tag[GTID_TAG_SIZE])
{
    size_t len = 0;
    memset(tag, 0, GTID_TAG_SIZE);
    while (is_tag_start(peek(rest)) || (len > 0 && is_digit(peek(rest)))) {
        char c = peek(rest);
        if (len == GTID_TAG_SIZE) {
            return false;
        }
        tag[len++] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
        *rest = slice_from(*rest, 1);
    }
    return len > 0;
}

// 7 or 1-5. One that ends before it starts is empty, and let pass.
static bool interval_cut(struct slice *rest, struct gtid_set *out, struct gtid_range *range)
{
    if (!number_cut(rest, MYSQL_NUMBER_MAX, &range->first) || range->first == 0) {
        return false;
    }
    range->last = range->first;
    if (char_cut(rest, '-') && (!number_cut(rest, MYSQL_NUMBER_MAX, &range->last))) {
        return false;
    }
    if (range->last >= range->first) {
        ranges_push(out, range);
    }
    return true;
}

// uuid:1-5:7:tag:1-3. A uuid or tag without an interval says nothing, and is a mistake.
static bool mysql_entry_cut(struct slice *rest, struct gtid_set *out)
{
    struct gtid_range range = {.server_id = 0};
    bool wants_interval = true;

    if (!uuid_cut(rest, range.source.uuid)) {
        return false;
    }
    while (char_cut(rest, ':')) {
        bool is_tag = is_tag_start(peek(rest));
        if (is_tag ? !tag_cut(rest, range.source.tag) : !interval_cut(rest, out, &range)) {
            return false;
        }
        wants_interval = is_tag;
    }
    return !wants_interval;
}

// domain-server-number.
static bool mariadb_entry_cut(struct slice *rest, struct gtid_set *out)
{
    uint64_t domain;
    uint64_t server_id;
    uint64_t number;

    if (!number_cut(rest, UINT32_MAX, &domain) || !char_cut(rest, '-') ||
        !number_cut(rest, UINT32_MAX, &server_id) || !char_cut(rest, '-') ||
        !number_cut(rest, UINT64_MAX, &number)) {
        return false;
    }
    if (number > 0) {
        ranges_push(out, &(struct gtid_range){.source.domain = (uint32_t)domain,
                                              .first = 1,
                                              .last = number,
                                              .server_id = (uint32_t)server_id});
    }
    return true;
}

static bool entries_cut(struct slice rest, struct gtid_set *out)
{
    for (;;) {
        while (char_cut(&rest, ',')) {
        }
        if (rest.len == 0) {
            return true;
        }
        if (out->family == FAMILY_MYSQL ? !mysql_entry_cut(&rest, out)
                                        : !mariadb_entry_cut(&rest, out)) {
            return false;
        }
        space_skip(&rest);
        if (rest.len > 0 && peek(&rest) != ',') {
            return false;
        }
    }
}

bool gtid_set_parse(struct gtid_set *out, enum server_family family, struct slice text)
{
    out->count = 0;
    out->family = family;
    if (!entries_cut(text, out)) {
        gtid_set_release(out);
        return false;
    }
    ranges_settle(out);
    return true;
}

// --- printing

static void uuid_print(const uint8_t uuid[GTID_UUID_SIZE], struct buffer *out)
{
    for (size_t i = 0; i < GTID_UUID_SIZE; i++) {
        bool is_cut = i == 4 || i == 6 || i == 8 || i == 10;
        buffer_print(out, "%s%02x", is_cut ? "-" : "", uuid[i]);
    }
}

// `before` is the range in front, or NULL: what they share is not said again.
static void mysql_range_print(const struct gtid_range *range, const struct gtid_range *before,
                              struct buffer *out)
{
    const struct gtid_source *source = &range->source;
    bool same_uuid =
        before != NULL && memcmp(source->uuid, before->source.uuid, GTID_UUID_SIZE) == 0;
    bool same_tag = same_uuid ? memcmp(source->tag, before->source.tag, GTID_TAG_SIZE) == 0
                              : source->tag[0] == '\0';
    if (!same_uuid) {
        buffer_print(out, "%s", before != NULL ? "," : "");
        uuid_print(source->uuid, out);
    }
    if (!same_tag) {
        buffer_print(out, ":%.*s", GTID_TAG_SIZE, source->tag);
    }
    buffer_print(out, ":%" PRIu64, range->first);
    if (range->last > range->first) {
        buffer_print(out, "-%" PRIu64, range->last);
    }
}

void gtid_set_print(const struct gtid_set *set, struct buffer *out)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct gtid_range *range = &set->ranges[i];
        if (set->family == FAMILY_MYSQL) {
            mysql_range_print(range, i > 0 ? range - 1 : NULL, out);
        } else {
            buffer_print(out, "%s%" PRIu32 "-%" PRIu32 "-%" PRIu64, i > 0 ? "," : "",
                         range->source.domain, range->server_id, range->last);
        }
    }
}

// --- algebra

// How far `other`, of the same source, reaches into `range`. A MariaDB position that ends in the
// same number by another server is another transaction: it reaches up to the one before.
static uint64_t reach(const struct gtid_range *other, const struct gtid_range *range)
{
    bool is_other_history = other->last == range->last && other->server_id != range->server_id;
    return is_other_history ? other->last - 1 : other->last;
}

bool gtid_set_contains(const struct gtid_set *whole, const struct gtid_set *part)
{
    if (part->count > 0 && whole->family != part->family) {
        return false;
    }
    size_t w = 0;
    for (size_t p = 0; p < part->count; p++) {
        const struct gtid_range *range = &part->ranges[p];
        // The only range of a settled row that can hold it: the last that does not start behind it.
        while (w + 1 < whole->count && range_compare(&whole->ranges[w + 1], range) <= 0) {
            w++;
        }
        const struct gtid_range *holder = &whole->ranges[w];
        if (source_compare(&holder->source, &range->source) != 0 || holder->first > range->first ||
            reach(holder, range) < range->last) {
            return false;
        }
    }
    return true;
}

bool gtid_set_equal(const struct gtid_set *a, const struct gtid_set *b)
{
    return gtid_set_contains(a, b) && gtid_set_contains(b, a);
}

bool gtid_set_add(struct gtid_set *set, const struct gtid_set *other)
{
    if (other->count == 0) {
        return true;
    }
    if (set->count > 0 && set->family != other->family) {
        return false;
    }
    ranges_reserve(set, other->count);
    for (size_t i = 0; i < other->count; i++) {
        set->ranges[set->count++] = other->ranges[i];
    }
    set->family = other->family;
    ranges_settle(set);
    return true;
}

// Appends to `out` what of `range` no range of `other` holds; `*at` is the first of `other` that
// can reach into it, and moves on with the ranges.
static void range_subtract(struct gtid_set *out, struct gtid_range range,
                           const struct gtid_set *other, size_t *at)
{
    for (size_t i = *at; i < other->count; i++) {
        const struct gtid_range *hole = &other->ranges[i];
        int order = source_compare(&hole->source, &range.source);
        uint64_t hole_last = order == 0 ? reach(hole, &range) : 0;
        if (order < 0 || (order == 0 && hole_last < range.first)) {
            *at = i + 1;
            continue;
        }
        if (order > 0 || hole->first > range.last) {
            break;
        }
        if (hole->first > range.first) {
            struct gtid_range front = range;
            front.last = hole->first - 1;
            ranges_push(out, &front);
        }
        if (hole_last >= range.last) {
            return;
        }
        range.first = hole_last + 1;
    }
    ranges_push(out, &range);
}

void gtid_set_subtract(struct gtid_set *set, const struct gtid_set *other)
{
    struct gtid_set rest = {.family = set->family};
    size_t at = 0;

    if (set->family != other->family) {
        return;
    }
    for (size_t i = 0; i < set->count; i++) {
        range_subtract(&rest, set->ranges[i], other, &at);
    }
    gtid_set_release(set);
    *set = rest;
    ranges_settle(set);
}

uint64_t gtid_set_size(const struct gtid_set *set)
{
    uint64_t size = 0;
    for (size_t i = 0; i < set->count; i++) {
        uint64_t more = set->ranges[i].last - set->ranges[i].first + 1;
        size = more > UINT64_MAX - size ? UINT64_MAX : size + more;
    }
    return size;
}

uint64_t gtid_set_missing(const struct gtid_set *whole, const struct gtid_set *part)
{
    struct gtid_set rest = GTID_SET_INIT;
    gtid_set_copy(&rest, whole);
    gtid_set_subtract(&rest, part);
    uint64_t missing = gtid_set_size(&rest);
    gtid_set_release(&rest);
    return missing;
}

// --- one source of a set

bool gtid_source_equal(const struct gtid_source *a, const struct gtid_source *b)
{
    return source_compare(a, b) == 0;
}

// Where the ranges of the source begin, and behind them.
static size_t source_begin(const struct gtid_set *set, const struct gtid_source *source)
{
    size_t at = 0;
    while (at < set->count && source_compare(&set->ranges[at].source, source) < 0) {
        at++;
    }
    return at;
}

static bool is_of(const struct gtid_set *set, size_t at, const struct gtid_source *source)
{
    return at < set->count && source_compare(&set->ranges[at].source, source) == 0;
}

// How far the range reaches in the history that this server wrote in.
static uint64_t last_of(const struct gtid_set *set, size_t at, uint32_t server_id)
{
    const struct gtid_range *range = &set->ranges[at];
    bool is_other_history = set->family == FAMILY_MARIADB && range->server_id != server_id;
    return is_other_history ? range->last - 1 : range->last;
}

uint64_t gtid_set_last(const struct gtid_set *set, const struct gtid_source *source,
                       uint32_t server_id)
{
    uint64_t last = 0;
    for (size_t at = source_begin(set, source); is_of(set, at, source); at++) {
        last = last_of(set, at, server_id);
    }
    return last;
}

uint64_t gtid_set_reach(const struct gtid_set *set, const struct gtid_set *whole,
                        const struct gtid_source *source, uint32_t server_id)
{
    uint64_t next = 1; // everything below it is there
    size_t at = source_begin(set, source);
    size_t wanted = source_begin(whole, source);
    for (;;) {
        while (is_of(set, at, source) && set->ranges[at].last < next) {
            at++;
        }
        while (is_of(whole, wanted, source) && whole->ranges[wanted].last < next) {
            wanted++;
        }
        if (is_of(set, at, source) && set->ranges[at].first <= next) {
            next = last_of(set, at, server_id) + 1;
            at++;
        } else if (is_of(whole, wanted, source) && whole->ranges[wanted].first > next) {
            next = whole->ranges[wanted].first;
        } else {
            return next - 1;
        }
    }
}

bool gtid_set_gap(const struct gtid_set *set, const struct gtid_source *source, uint64_t number,
                  struct gtid_range *gap)
{
    *gap = (struct gtid_range){.source = *source, .first = 1};
    for (size_t at = source_begin(set, source); is_of(set, at, source); at++) {
        const struct gtid_range *range = &set->ranges[at];
        if (range->last >= number) {
            gap->last = range->first - 1;
            return range->first > number;
        }
        gap->first = range->last + 1;
    }
    return false;
}
