// The judgements of the soak: a sluice that leaks must not pass, and one that only breathes must.
#include "tests/lib/cmocka.h"
#include "tests/soak/checker.h"

#include <string.h>

enum { LOOKS = 16, CLIENTS_A_LOOK = 1000, KIB = 1024, MIB = 1024 * 1024 };

static const struct slack slack = {.resident = MIB, .blocks = 100};

// Up and down by the same in turns, as a heap does that is used and left.
static double breath(size_t look, double by)
{
    static const double turns[] = {0, 1, -1, 0.5};
    return turns[look % 4] * by;
}

// Looks at a sluice that starts with a jump, as caches fill, and keeps so much of each client.
static void looks_make(struct look looks[LOOKS], double bytes_each, double blocks_each)
{
    for (size_t i = 0; i < LOOKS; i++) {
        double clients = (double)i * CLIENTS_A_LOOK;
        double jump = i == 0 ? 0 : 8 * MIB;
        looks[i] = (struct look){
            .clients = clients,
            .resident = 20 * MIB + jump + breath(i, 200 * KIB) + bytes_each * clients,
            .blocks = 5000 + jump / KIB + breath(i, 20) + blocks_each * clients,
            .descriptors = 40,
        };
    }
}

static void what_breathes_is_flat(void **state)
{
    struct look looks[LOOKS];
    looks_make(looks, 0, 0);
    (void)state;
    assert_true(looks_judge_resident(looks, LOOKS, slack).is_good);
    assert_true(looks_judge_blocks(looks, LOOKS, slack).is_good);
    assert_true(looks_judge_descriptors(looks, LOOKS).is_good);
}

static void a_few_bytes_of_each_client_are_found(void **state)
{
    struct look looks[LOOKS];
    (void)state;
    looks_make(looks, 128, 0);
    struct verdict verdict = looks_judge_resident(looks, LOOKS, slack);
    assert_false(verdict.is_good);
    assert_non_null(strstr(verdict.text, "for each of 11000 clients"));
    assert_true(looks_judge_blocks(looks, LOOKS, slack).is_good);
}

static void a_block_of_each_hundredth_client_is_found(void **state)
{
    struct look looks[LOOKS];
    (void)state;
    looks_make(looks, 0, 0.02);
    assert_false(looks_judge_blocks(looks, LOOKS, slack).is_good);
    assert_true(looks_judge_resident(looks, LOOKS, slack).is_good);
}

static void what_shrinks_is_no_leak(void **state)
{
    struct look looks[LOOKS];
    looks_make(looks, -200, -0.2);
    (void)state;
    assert_true(looks_judge_resident(looks, LOOKS, slack).is_good);
    assert_true(looks_judge_blocks(looks, LOOKS, slack).is_good);
}

static void too_few_looks_prove_nothing(void **state)
{
    struct look looks[LOOKS];
    looks_make(looks, 0, 0);
    (void)state;
    assert_false(looks_judge_resident(looks, 5, slack).is_good);
    assert_true(looks_judge_resident(looks, 6, slack).is_good);
    assert_false(looks_judge_blocks(looks, 0, slack).is_good);
    assert_false(looks_judge_descriptors(looks, 1).is_good);
}

// Figures without a client between them tell nothing of clients.
static void looks_without_clients_prove_nothing(void **state)
{
    struct look looks[LOOKS];
    looks_make(looks, 0, 0);
    (void)state;
    for (size_t i = 0; i < LOOKS; i++) {
        looks[i].clients = 7;
    }
    assert_false(looks_judge_resident(looks, LOOKS, slack).is_good);
}

static void one_open_file_too_many_is_found(void **state)
{
    struct look looks[LOOKS];
    (void)state;
    for (size_t i = 0; i < LOOKS; i++) {
        looks_make(looks, 0, 0);
        looks[i].descriptors++;
        assert_false(looks_judge_descriptors(looks, LOOKS).is_good);
    }
}

static void counts_hold_within_what_is_known(void **state)
{
    (void)state;
    assert_true(count_judge("x", 5, (struct range){5, 5}).is_good);
    assert_false(count_judge("x", 4, (struct range){5, 5}).is_good);
    assert_false(count_judge("x", 6, (struct range){5, 5}).is_good);
    assert_true(count_judge("x", 5, (struct range){5, 9}).is_good);
    assert_true(count_judge("x", 9, (struct range){5, 9}).is_good);
    assert_false(count_judge("x", 4, (struct range){5, 9}).is_good);
    struct verdict verdict = count_judge("statements", 10, (struct range){5, 9});
    assert_false(verdict.is_good);
    assert_string_equal(verdict.text, "statements: 10 counted, 5 surely made and at most 9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_breathes_is_flat),
        cmocka_unit_test(a_few_bytes_of_each_client_are_found),
        cmocka_unit_test(a_block_of_each_hundredth_client_is_found),
        cmocka_unit_test(what_shrinks_is_no_leak),
        cmocka_unit_test(too_few_looks_prove_nothing),
        cmocka_unit_test(looks_without_clients_prove_nothing),
        cmocka_unit_test(one_open_file_too_many_is_found),
        cmocka_unit_test(counts_hold_within_what_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
