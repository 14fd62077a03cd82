// What SHOW GRANTS says of an account's rights over others' sessions.
#include "proxy/session/rights.h"

#include "proxy/base/memory.h"
#include "tests/lib/cmocka.h"

#include <string.h>

static void grants_on_everything_count(void **state)
{
    static const struct {
        const char *line;
        unsigned rights;
    } cases[] = {
        {"GRANT USAGE ON *.* TO `app`@`%`", 0},
        {"GRANT PROCESS ON *.* TO `app`@`%`", RIGHT_SEE},
        {"GRANT SELECT, PROCESS, SUPER ON *.* TO `app`@`%`", RIGHT_SEE | RIGHT_KILL},
        {"GRANT ALL PRIVILEGES ON *.* TO `root`@`%` WITH GRANT OPTION", RIGHT_SEE | RIGHT_KILL},
        {"GRANT CONNECTION ADMIN, BINLOG ADMIN ON *.* TO `app`@`%`", RIGHT_KILL},
        {"GRANT BACKUP_ADMIN,CONNECTION_ADMIN ON *.* TO `app`@`%`", RIGHT_KILL},
        {"GRANT PROCESS ON *.* TO `watcher`", RIGHT_SEE}, // MariaDB: of an enabled role
        {"GRANT SERVICE_CONNECTION_ADMIN ON *.* TO `app`@`%`", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned rights = rights_of_grant(slice_text(cases[i].line));
        if (rights != cases[i].rights) {
            fail_msg("%s: %u", cases[i].line, rights);
        }
    }
}

static void nothing_else_does(void **state)
{
    static const char *const lines[] = {
        "",
        "GRANT",
        "GRANT ",
        "GRANT PROCESS",
        "GRANT PROCESS ON *.*",
        "GRANT PROCESS ON app.* TO `app`@`%`",
        "GRANT ALL PRIVILEGES ON `app`.* TO `app`@`%`",
        "GRANT ALL PRIVILEGES ON `x ON *.* TO `.* TO `app`@`%`",
        "GRANT `PROCESS ON *.* TO `@`%` TO `app`@`%`",
        "GRANT `a`, PROCESS ON *.* TO `b`",
        "REVOKE PROCESS ON *.* FROM `app`@`%`",
        "SET DEFAULT ROLE `PROCESS ON *.* TO ` FOR `app`@`%`",
        "GRANT PROXY ON ''@'' TO 'root'@'localhost' WITH GRANT OPTION",
        "*.* TO ",
        "GRANT *.* TO ",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        if (rights_of_grant(slice_text(lines[i])) != 0) {
            fail_msg("%s", lines[i]);
        }
    }
}

// The sanitizer looks whether anything behind the end is read.
static void a_line_cut_short_gives_nothing_that_it_does_not_say(void **state)
{
    static const char line[] = "GRANT PROCESS, SUPER ON *.* TO `app`@`%`";
    static const char needed[] = "GRANT PROCESS, SUPER ON *.* TO ";
    (void)state;
    for (size_t len = 0; len <= strlen(line); len++) {
        char *copy = mem_alloc(len + (len == 0));
        memcpy(copy, line, len);
        unsigned expected = len >= strlen(needed) ? RIGHT_SEE | RIGHT_KILL : 0;
        assert_int_equal(rights_of_grant(slice_make(copy, len)), expected);
        mem_free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grants_on_everything_count),
        cmocka_unit_test(nothing_else_does),
        cmocka_unit_test(a_line_cut_short_gives_nothing_that_it_does_not_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
