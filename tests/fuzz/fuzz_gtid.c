// GTID sets from anywhere: what is read prints and reads the same again, and the algebra holds.
// Input: one byte for the family, then two sets with '|' between them.
#include "router/topology/gtid.h"

#include <stdlib.h>

#define require(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void prints_what_it_read(const struct gtid_set *set)
{
    struct buffer text = BUFFER_INIT;
    struct gtid_set again = GTID_SET_INIT;
    enum server_family family = set->family != FAMILY_UNKNOWN ? set->family : FAMILY_MYSQL;

    gtid_set_print(set, &text);
    require(gtid_set_parse(&again, family, buffer_slice(&text)));
    require(gtid_set_equal(set, &again));
    require(again.count == set->count);
    gtid_set_release(&again);
    buffer_release(&text);
}

static void is_settled(const struct gtid_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        require(set->ranges[i].first >= 1 && set->ranges[i].first <= set->ranges[i].last);
    }
    require((set->count == 0) == (set->family == FAMILY_UNKNOWN));
}

static void algebra_holds(const struct gtid_set *a, const struct gtid_set *b)
{
    struct gtid_set work = GTID_SET_INIT;

    require(gtid_set_contains(a, a));
    require(gtid_set_contains(a, b) == (gtid_set_missing(b, a) == 0));
    gtid_set_copy(&work, a);
    gtid_set_subtract(&work, b);
    is_settled(&work);
    require(gtid_set_contains(a, &work));
    gtid_set_subtract(&work, a);
    require(gtid_set_is_empty(&work));

    gtid_set_copy(&work, a);
    require(gtid_set_add(&work, b));
    is_settled(&work);
    // two MariaDB servers may have given out the same number: the sum has one of them
    if (work.family == FAMILY_MYSQL) {
        require(gtid_set_contains(&work, a) && gtid_set_contains(&work, b));
        gtid_set_subtract(&work, b);
        require(gtid_set_size(&work) == gtid_set_missing(a, b));
    }
    gtid_set_release(&work);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gtid_set a = GTID_SET_INIT;
    struct gtid_set b = GTID_SET_INIT;
    if (size == 0) {
        return 0;
    }
    enum server_family family = data[0] % 2 == 0 ? FAMILY_MYSQL : FAMILY_MARIADB;
    struct slice text = slice_make(data + 1, size - 1);
    size_t bar = slice_find(text, '|');
    if (gtid_set_parse(&a, family, slice_first(text, bar))) {
        is_settled(&a);
        prints_what_it_read(&a);
        if (gtid_set_parse(&b, family, bar < text.len ? slice_from(text, bar + 1) : SLICE_NONE)) {
            algebra_holds(&a, &b);
            algebra_holds(&b, &a);
        }
    }
    gtid_set_release(&a);
    gtid_set_release(&b);
    return 0;
}
