// Versions as servers say them.
#include "router/topology/version.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct row {
    const char *text;
    enum server_family family;
    uint32_t number;
};

static const struct row rows[] = {
    {"10.11.14-MariaDB-0+deb12u2", FAMILY_MARIADB, 101114},
    {"5.5.5-10.6.12-MariaDB-log", FAMILY_MARIADB, 100612},
    {"11.8.3-MariaDB-ubu2404", FAMILY_MARIADB, 110803},
    {"5.5.5-10.4.0-mariadb", FAMILY_MARIADB, 100400},
    {"8.0.36", FAMILY_MYSQL, 80036},
    {"8.4.3-0ubuntu1", FAMILY_MYSQL, 80403},
    {"9.1.0-commercial", FAMILY_MYSQL, 90100},
    {"5.7.44-log", FAMILY_MYSQL, 50744},
    // without MariaDB's name it is what it says
    {"5.5.5-10.6.12", FAMILY_MYSQL, 50505},
    {"", FAMILY_UNKNOWN, 0},
    {"8", FAMILY_UNKNOWN, 0},
    {"8.0", FAMILY_UNKNOWN, 0},
    {"8.0.", FAMILY_UNKNOWN, 0},
    {"8..1", FAMILY_UNKNOWN, 0},
    {"MariaDB", FAMILY_UNKNOWN, 0},
    {"5.5.5-MariaDB", FAMILY_UNKNOWN, 0},
    {"99999999999.1.1", FAMILY_UNKNOWN, 0},
};

static void versions_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct version version;
        bool is_read = version_parse(slice_text(rows[i].text), &version);
        if (version.family != rows[i].family || version.number != rows[i].number ||
            is_read != (rows[i].family != FAMILY_UNKNOWN)) {
            fail_msg("%s: read as %s %u", rows[i].text, server_family_name(version.family),
                     version.number);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
