// What MySQL takes parameters for, and which others it would make something else of.
#include "proxy/backend/parameter_kinds.h"

#include "tests/lib/cmocka.h"
#include "tests/unit/protocol/bytes.h"

#include <string.h>

enum { PARAMETERS = 2 };

struct kinds {
    uint8_t bytes[PARAMETERS];
};

static void note(struct kinds *kinds, const char *hex, bool has_names)
{
    struct slice types = bytes_from_hex(hex);
    assert_true(parameter_kinds_fit(kinds->bytes, PARAMETERS, types, has_names));
    parameter_kinds_note(kinds->bytes, PARAMETERS, types, has_names);
    bytes_free(types);
}

static bool fit(const struct kinds *kinds, const char *hex, bool has_names)
{
    struct slice types = bytes_from_hex(hex);
    bool do_fit = parameter_kinds_fit(kinds->bytes, PARAMETERS, types, has_names);
    bytes_free(types);
    return do_fit;
}

static void values_of_the_kind_of_the_first_ones_fit(void **state)
{
    static const struct {
        const char *first, *next;
        bool do_fit;
    } cases[] = {
        {"0800 fd00", "0800 fd00", true},  // the same
        {"0800 fd00", "0300 fe00", true},  // integers and texts of other widths
        {"0800 fd00", "fd00 fd00", false}, // a text where a number was
        {"fd00 fd00", "0800 fd00", false}, // and the other way round
        {"0800 fd00", "0880 fd00", false}, // above what a signed one holds
        {"0800 fd00", "0500 fd00", false}, // halves
        {"0500 fd00", "0400 fd00", true},  {"0500 fd00", "f600 fd00", false},
        {"fd00 fd00", "fc00 fd00", false},                                   // bytes are no text
        {"0a00 fd00", "0c00 fd00", false},                                   // a day is no moment
        {"0700 fd00", "0c00 fd00", true},  {"0800 fd00", "0600 fd00", true}, // NULL
        {"0600 fd00", "0800 fd00", true},                                    // behind NULL
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kinds kinds = {{0}};
        note(&kinds, cases[i].first, false);
        if (fit(&kinds, cases[i].next, false) != cases[i].do_fit) {
            fail_msg("%s behind %s", cases[i].next, cases[i].first);
        }
    }
}

static void null_takes_nothing_back(void **state)
{
    (void)state;
    struct kinds kinds = {{0}};
    note(&kinds, "0800 0600", false);
    note(&kinds, "0600 fd00", false);
    assert_true(fit(&kinds, "0800 fd00", false));
    assert_false(fit(&kinds, "fd00 fd00", false));
    assert_false(fit(&kinds, "0800 0800", false));
}

static void names_and_attributes_are_passed_over(void **state)
{
    (void)state;
    struct kinds kinds = {{0}};
    note(&kinds, "080000 fd000161 050003626364", true);
    assert_true(fit(&kinds, "080000 fd000162", true));
    assert_true(fit(&kinds, "080000 fd000161 fd00036e6e6e", true));
    assert_false(fit(&kinds, "fd0000 fd000161", true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_the_kind_of_the_first_ones_fit),
        cmocka_unit_test(null_takes_nothing_back),
        cmocka_unit_test(names_and_attributes_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
