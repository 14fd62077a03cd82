// GTID sets: reading, printing, algebra.
#include "router/topology/gtid.h"

#include "proxy/base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define A "3e11fa47-71ca-11e1-9e33-c80aa9429562"
#define B "4f11fa47-71ca-11e1-9e33-c80aa9429562"

static struct gtid_set set_of(enum server_family family, const char *text)
{
    struct gtid_set set = GTID_SET_INIT;
    if (!gtid_set_parse(&set, family, slice_text(text))) {
        fail_msg("not read: %s", text);
    }
    return set;
}

static void assert_prints(const struct gtid_set *set, const char *expected)
{
    struct buffer out = BUFFER_INIT;
    gtid_set_print(set, &out);
    buffer_append(&out, "", 1);
    assert_string_equal((const char *)buffer_ptr(&out), expected);
    buffer_release(&out);
}

struct reading {
    enum server_family family;
    const char *text;
    const char *printed; // NULL: a mistake
};

static const struct reading readings[] = {
    {FAMILY_MYSQL, "", ""},
    {FAMILY_MYSQL, A ":1", A ":1"},
    {FAMILY_MYSQL, A ":1-5", A ":1-5"},
    {FAMILY_MYSQL, A ":1-5:7", A ":1-5:7"},
    // intervals in any order, overlapping, touching
    {FAMILY_MYSQL, A ":7:1-3:4-5", A ":1-5:7"},
    {FAMILY_MYSQL, A ":1-5:3-9", A ":1-9"},
    {FAMILY_MYSQL, A ":1-9:3-5", A ":1-9"},
    {FAMILY_MYSQL, A ":1-3:5", A ":1-3:5"},
    // as MySQL prints several uuids: with a line break; in any order
    {FAMILY_MYSQL, B ":1,\n" A ":2", A ":2," B ":1"},
    {FAMILY_MYSQL, A ":1," A ":2", A ":1-2"},
    {FAMILY_MYSQL, "3E11FA47-71CA-11E1-9E33-C80AA9429562:1", A ":1"},
    {FAMILY_MYSQL, " " A " : 1 - 5 : 7 , ", A ":1-5:7"},
    {FAMILY_MYSQL, ",," A ":1,,", A ":1"},
    // an interval that ends before it starts is empty
    {FAMILY_MYSQL, A ":5-3", ""},
    {FAMILY_MYSQL, A ":5-3:9", A ":9"},
    // tags of 8.3 and later, untagged first
    {FAMILY_MYSQL, A ":1-5:blue:1-3", A ":1-5:blue:1-3"},
    {FAMILY_MYSQL, A ":Blue:1:2:green:7", A ":blue:1-2:green:7"},
    {FAMILY_MYSQL, A ":green:7," A ":1-2:blue:1", A ":1-2:blue:1:green:7"},
    {FAMILY_MYSQL, A ":_t1:1", A ":_t1:1"},
    {FAMILY_MYSQL, A ":abcdefghijklmnopqrstuvwxyz012345:1",
     A ":abcdefghijklmnopqrstuvwxyz012345:1"},
    {FAMILY_MYSQL, A ":abcdefghijklmnopqrstuvwxyz0123456:1", NULL},
    {FAMILY_MYSQL, A ":1:blue", NULL},
    {FAMILY_MYSQL, A ":9223372036854775806", A ":9223372036854775806"},
    {FAMILY_MYSQL, A ":9223372036854775807", NULL},
    {FAMILY_MYSQL, A ":99999999999999999999", NULL},
    {FAMILY_MYSQL, A, NULL},
    {FAMILY_MYSQL, A ":", NULL},
    {FAMILY_MYSQL, A ":0", NULL},
    {FAMILY_MYSQL, A ":1-", NULL},
    {FAMILY_MYSQL, A ":-5", NULL},
    {FAMILY_MYSQL, A ":1 2", NULL},
    {FAMILY_MYSQL, A ":1," B, NULL},
    {FAMILY_MYSQL, "3e11fa4771ca-11e1-9e33-c80aa9429562aa:1", NULL},
    {FAMILY_MYSQL, "3e11fa47-71ca-11e1-9e33-c80aa942956:1", NULL},
    {FAMILY_MYSQL, "3e11fa47-71ca-11e1-9e33-c80aa942956g:1", NULL},
    {FAMILY_MYSQL, "0-1-5", NULL},
    {FAMILY_MARIADB, "", ""},
    {FAMILY_MARIADB, "0-1-5", "0-1-5"},
    {FAMILY_MARIADB, "1-2-7,0-1-100", "0-1-100,1-2-7"},
    {FAMILY_MARIADB, " 0-1-5 , 1-1-1 ", "0-1-5,1-1-1"},
    {FAMILY_MARIADB, "0-1-0", ""},
    // a binlog state lists every server of a domain: the position is the highest
    {FAMILY_MARIADB, "0-1-5,0-2-9,0-3-7", "0-2-9"},
    {FAMILY_MARIADB, "4294967295-4294967295-18446744073709551615",
     "4294967295-4294967295-18446744073709551615"},
    {FAMILY_MARIADB, "4294967296-1-1", NULL},
    {FAMILY_MARIADB, "0-4294967296-1", NULL},
    {FAMILY_MARIADB, "0-1-18446744073709551616", NULL},
    {FAMILY_MARIADB, "0-1", NULL},
    {FAMILY_MARIADB, "0-1-", NULL},
    {FAMILY_MARIADB, "0--1", NULL},
    {FAMILY_MARIADB, "0-1-5-7", NULL},
    {FAMILY_MARIADB, "0-1-5 0-1-6", NULL},
    {FAMILY_MARIADB, A ":1", NULL},
};

static void sets_are_read_and_printed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(readings) / sizeof(readings[0]); i++) {
        const struct reading *row = &readings[i];
        struct gtid_set set = set_of(FAMILY_MARIADB, "7-7-7"); // replaced, whatever comes of it
        bool is_read = gtid_set_parse(&set, row->family, slice_text(row->text));
        if (is_read != (row->printed != NULL)) {
            fail_msg("%s: %s", row->text, is_read ? "read" : "not read");
        }
        assert_prints(&set, row->printed != NULL ? row->printed : "");
        gtid_set_release(&set);
    }
}

static void every_truncation_is_read_or_refused(void **state)
{
    (void)state;
    const char *text = A ":1-5:blue:7," B ":1";
    for (size_t len = 0; len <= strlen(text); len++) {
        struct gtid_set set = GTID_SET_INIT;
        char *copy = slice_copy_text(slice_make(text, len)); // its end is the heap's end
        bool is_read = gtid_set_parse(&set, FAMILY_MYSQL, slice_make(copy, len));
        assert_true(is_read || set.count == 0);
        gtid_set_release(&set);
        free(copy);
    }
}

struct algebra {
    enum server_family family;
    const char *a;
    const char *b;
    bool a_contains_b;
    bool b_contains_a;
    const char *sum;
    const char *a_without_b;
    uint64_t missing; // of a in b
};

static const struct algebra algebras[] = {
    {FAMILY_MYSQL, "", "", true, true, "", "", 0},
    {FAMILY_MYSQL, A ":1", "", true, false, A ":1", A ":1", 1},
    {FAMILY_MYSQL, A ":1-5", A ":1-5", true, true, A ":1-5", "", 0},
    {FAMILY_MYSQL, A ":1-5", A ":2-4", true, false, A ":1-5", A ":1:5", 2},
    {FAMILY_MYSQL, A ":1-5", A ":5", true, false, A ":1-5", A ":1-4", 4},
    {FAMILY_MYSQL, A ":1-5", A ":1", true, false, A ":1-5", A ":2-5", 4},
    {FAMILY_MYSQL, A ":1-5", A ":6", false, false, A ":1-6", A ":1-5", 5},
    {FAMILY_MYSQL, A ":1-5", A ":5-6", false, false, A ":1-6", A ":1-4", 4},
    {FAMILY_MYSQL, A ":1-3:7-9", A ":2-8", false, false, A ":1-9", A ":1:9", 2},
    {FAMILY_MYSQL, A ":1-3:7-9", A ":3:7", true, false, A ":1-3:7-9", A ":1-2:8-9", 4},
    {FAMILY_MYSQL, A ":1-9", A ":2:4:6", true, false, A ":1-9", A ":1:3:5:7-9", 6},
    {FAMILY_MYSQL, A ":1," B ":1", B ":1", true, false, A ":1," B ":1", A ":1", 1},
    {FAMILY_MYSQL, A ":1", B ":1", false, false, A ":1," B ":1", A ":1", 1},
    {FAMILY_MYSQL, B ":1-2", A ":1-2", false, false, A ":1-2," B ":1-2", B ":1-2", 2},
    {FAMILY_MYSQL, A ":1:t:1", A ":1", true, false, A ":1:t:1", A ":t:1", 1},
    {FAMILY_MYSQL, A ":t:1", A ":1", false, false, A ":1:t:1", A ":t:1", 1},
    {FAMILY_MARIADB, "0-1-100", "0-1-40", true, false, "0-1-100", "0-1-100", 60},
    {FAMILY_MARIADB, "0-1-100", "0-2-40", true, false, "0-1-100", "0-1-100", 60},
    {FAMILY_MARIADB, "0-1-100", "0-1-100", true, true, "0-1-100", "", 0},
    {FAMILY_MARIADB, "0-1-100,1-1-5", "1-1-5", true, false, "0-1-100,1-1-5", "0-1-100", 100},
    {FAMILY_MARIADB, "0-1-100", "1-1-5", false, false, "0-1-100,1-1-5", "0-1-100", 100},
    {FAMILY_MARIADB, "0-1-40", "0-1-100", false, true, "0-1-100", "", 0},
};

static void algebra_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(algebras) / sizeof(algebras[0]); i++) {
        const struct algebra *row = &algebras[i];
        struct gtid_set a = set_of(row->family, row->a);
        struct gtid_set b = set_of(row->family, row->b);
        struct gtid_set work = GTID_SET_INIT;

        if (gtid_set_contains(&a, &b) != row->a_contains_b ||
            gtid_set_contains(&b, &a) != row->b_contains_a) {
            fail_msg("row %zu: contains", i);
        }
        assert_int_equal(gtid_set_equal(&a, &b), row->a_contains_b && row->b_contains_a);
        assert_int_equal(gtid_set_missing(&a, &b), row->missing);
        gtid_set_copy(&work, &a);
        assert_true(gtid_set_add(&work, &b));
        assert_prints(&work, row->sum);
        gtid_set_copy(&work, &a);
        gtid_set_subtract(&work, &b);
        assert_prints(&work, row->a_without_b);
        gtid_set_release(&work);
        gtid_set_release(&a);
        gtid_set_release(&b);
    }
}

static void the_same_number_by_two_servers_is_two_histories(void **state)
{
    (void)state;
    struct gtid_set a = set_of(FAMILY_MARIADB, "0-1-100");
    struct gtid_set b = set_of(FAMILY_MARIADB, "0-2-100");
    assert_false(gtid_set_contains(&a, &b));
    assert_false(gtid_set_contains(&b, &a));
    assert_int_equal(gtid_set_missing(&a, &b), 1);
    gtid_set_release(&a);
    gtid_set_release(&b);
}

static void families_do_not_mix(void **state)
{
    (void)state;
    struct gtid_set maria = set_of(FAMILY_MARIADB, "0-1-100");
    struct gtid_set my = set_of(FAMILY_MYSQL, A ":1-100");
    struct gtid_set none = GTID_SET_INIT;

    assert_false(gtid_set_contains(&maria, &my));
    assert_false(gtid_set_contains(&my, &maria));
    assert_false(gtid_set_add(&maria, &my));
    gtid_set_subtract(&maria, &my);
    assert_prints(&maria, "0-1-100");
    assert_true(gtid_set_contains(&maria, &none));
    assert_false(gtid_set_contains(&none, &maria));
    assert_true(gtid_set_add(&none, &my)); // an empty set takes any family
    assert_prints(&none, A ":1-100");
    gtid_set_release(&none);
    gtid_set_release(&maria);
    gtid_set_release(&my);
}

static void sizes_do_not_overflow(void **state)
{
    (void)state;
    struct gtid_set set = set_of(FAMILY_MARIADB, "0-1-18446744073709551615,1-1-5");
    assert_true(gtid_set_size(&set) == UINT64_MAX);
    gtid_set_release(&set);
}

// --- one source

static void a_gap_is_what_is_missing_around_a_number(void **state)
{
    (void)state;
    static const struct {
        enum server_family family;
        const char *set, *of;
        uint64_t number, first, last; // 0: no gap
    } rows[] = {
        {FAMILY_MYSQL, A ":1-5:9-10", A ":1", 6, 6, 8},
        {FAMILY_MYSQL, A ":1-5:9-10", A ":1", 8, 6, 8},
        {FAMILY_MYSQL, A ":1-5:9-10", A ":1", 5, 0, 0},
        {FAMILY_MYSQL, A ":1-5:9-10", A ":1", 9, 0, 0},
        {FAMILY_MYSQL, A ":1-5:9-10", A ":1", 11, 0, 0}, // behind the last
        {FAMILY_MYSQL, A ":3-5," B ":7", A ":1", 1, 1, 2},
        {FAMILY_MYSQL, A ":3-5," B ":7", B ":1", 6, 1, 6},
        {FAMILY_MYSQL, A ":3-5", B ":1", 6, 0, 0},
        {FAMILY_MYSQL, "", B ":1", 6, 0, 0},
        {FAMILY_MARIADB, "0-1-5,7-1-9", "0-2-1", 3, 0, 0},
        {FAMILY_MARIADB, "0-1-5,7-1-9", "0-2-1", 6, 0, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gtid_set set = set_of(rows[i].family, rows[i].set);
        struct gtid_set of = set_of(rows[i].family, rows[i].of);
        struct gtid_range gap;
        bool has_gap = gtid_set_gap(&set, &of.ranges->source, rows[i].number, &gap);
        if (has_gap != (rows[i].first != 0) ||
            (has_gap && (gap.first != rows[i].first || gap.last != rows[i].last))) {
            fail_msg("row %zu", i);
        }
        gtid_set_release(&set);
        gtid_set_release(&of);
    }
}

static uint64_t reach(enum server_family family, const char *set, const char *whole,
                      const char *one)
{
    struct gtid_set a = set_of(family, set);
    struct gtid_set b = set_of(family, whole);
    struct gtid_set of = set_of(family, one);
    uint64_t reached = gtid_set_reach(&a, &b, &of.ranges->source, of.ranges->server_id);
    gtid_set_release(&a);
    gtid_set_release(&b);
    gtid_set_release(&of);
    return reached;
}

static void a_set_reaches_as_far_as_nothing_of_the_whole_is_missing(void **state)
{
    (void)state;
    static const struct {
        enum server_family family;
        const char *set, *whole, *of;
        uint64_t reached;
    } rows[] = {
        {FAMILY_MYSQL, A ":1-5", A ":1-9", A ":1", 5},
        {FAMILY_MYSQL, A ":1-5:7", A ":1-9", A ":1", 5},
        {FAMILY_MYSQL, A ":1-5:7", A ":1-5:7-9", A ":1", 7},     // 6 was never given out
        {FAMILY_MYSQL, A ":1-5:7-12", A ":1-5:7-9", A ":1", 12}, // further than the whole
        {FAMILY_MYSQL, A ":1-5:7-9:11", A ":1-5:7-9", A ":1", 9},
        {FAMILY_MYSQL, A ":3-5", A ":3-5", A ":1", 5},
        {FAMILY_MYSQL, A ":4-5", A ":3-5", A ":1", 2},
        {FAMILY_MYSQL, A ":3-5", "", A ":1", 0},
        {FAMILY_MYSQL, "", A ":1-5", A ":1", 0},
        {FAMILY_MYSQL, B ":1-7", A ":1-5", B ":1", 7},
        {FAMILY_MYSQL, A ":1-5," A ":t:1-3," B ":1-7", A ":1-5," A ":t:1-4," B ":1-9", A ":t:1", 3},
        {FAMILY_MARIADB, "0-1-5,7-1-9", "0-1-8,7-1-9", "7-1-1", 9},
        {FAMILY_MARIADB, "0-1-5", "0-1-8", "0-1-1", 5},
        {FAMILY_MARIADB, "0-2-5", "0-2-8", "0-1-1", 4}, // 0-1-5 is another than 0-2-5
        {FAMILY_MARIADB, "", "0-1-8", "0-1-1", 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t reached = reach(rows[i].family, rows[i].set, rows[i].whole, rows[i].of);
        if (reached != rows[i].reached) {
            fail_msg("row %zu: %llu", i, (unsigned long long)reached);
        }
    }
}

static void the_last_of_a_source_is_found(void **state)
{
    (void)state;
    struct gtid_set set = set_of(FAMILY_MYSQL, A ":1-5:9," B ":2-3");
    struct gtid_set b = set_of(FAMILY_MYSQL, B ":1");
    struct gtid_set tagged = set_of(FAMILY_MYSQL, B ":x:1");
    assert_int_equal(gtid_set_last(&set, &set.ranges->source, 0), 9);
    assert_int_equal(gtid_set_last(&set, &b.ranges->source, 0), 3);
    assert_int_equal(gtid_set_last(&set, &tagged.ranges->source, 0), 0);
    gtid_set_release(&set);
    gtid_set_release(&b);
    gtid_set_release(&tagged);
}

// --- against a model: bits of a small universe

enum { SOURCES = 2, NUMBERS = 12, UNIVERSE = SOURCES * NUMBERS };

static struct gtid_set set_of_bits(uint32_t bits)
{
    struct buffer text = BUFFER_INIT;
    for (int bit = 0; bit < UNIVERSE; bit++) {
        if ((bits >> bit & 1) != 0) {
            buffer_print(&text, "%s:%d,", bit < NUMBERS ? A : B, bit % NUMBERS + 1);
        }
    }
    struct gtid_set set = GTID_SET_INIT;
    assert_true(gtid_set_parse(&set, FAMILY_MYSQL, buffer_slice(&text)));
    buffer_release(&text);
    return set;
}

static void algebra_agrees_with_sets_of_bits(void **state)
{
    (void)state;
    random_seed(1);
    for (int round = 0; round < 3000; round++) {
        uint32_t x = (uint32_t)random_below(1 << UNIVERSE);
        uint32_t y = round % 3 == 0 ? x & random_below(1 << UNIVERSE)
                                    : (uint32_t)random_below(1 << UNIVERSE);
        struct gtid_set a = set_of_bits(x);
        struct gtid_set b = set_of_bits(y);
        struct gtid_set sum = set_of_bits(x | y);
        struct gtid_set rest = set_of_bits(x & ~y);

        assert_int_equal(gtid_set_contains(&a, &b), (x & y) == y);
        assert_int_equal(gtid_set_size(&a), __builtin_popcount(x));
        assert_int_equal(gtid_set_missing(&a, &b), __builtin_popcount(x & ~y));
        struct gtid_set work = GTID_SET_INIT;
        gtid_set_copy(&work, &a);
        assert_true(gtid_set_add(&work, &b));
        assert_true(gtid_set_equal(&work, &sum));
        gtid_set_copy(&work, &a);
        gtid_set_subtract(&work, &b);
        assert_true(gtid_set_equal(&work, &rest));
        gtid_set_release(&work);
        gtid_set_release(&a);
        gtid_set_release(&b);
        gtid_set_release(&sum);
        gtid_set_release(&rest);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_are_read_and_printed),
        cmocka_unit_test(every_truncation_is_read_or_refused),
        cmocka_unit_test(algebra_holds),
        cmocka_unit_test(the_same_number_by_two_servers_is_two_histories),
        cmocka_unit_test(families_do_not_mix),
        cmocka_unit_test(sizes_do_not_overflow),
        cmocka_unit_test(a_gap_is_what_is_missing_around_a_number),
        cmocka_unit_test(a_set_reaches_as_far_as_nothing_of_the_whole_is_missing),
        cmocka_unit_test(the_last_of_a_source_is_found),
        cmocka_unit_test(algebra_agrees_with_sets_of_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
