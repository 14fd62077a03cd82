// README.md says what the program says of itself: its references, and the grants that the tests'
// own servers give. `test_documents write` puts them there (make readme).
#include "tests/lib/cmocka.h"
#include "tests/lib/file.h"
#include "tests/lib/process.h"
#include "tests/lib/wait.h"

#include "protocol/packet/error_row.h"
#include "proxy/admin/admin_command.h"
#include "proxy/admin/view.h"
#include "router/statement/pin.h"
#include "router/statement/reason.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// --- what is to stand there ---------------------------------------------------------------------

static void program_print(const char *option, struct buffer *out)
{
    const char *program = getenv("SLUICE");
    const char *argv[] = {program != NULL ? program : "build/sluice", option, NULL};
    assert_int_equal(process_run(argv, NULL, out, WAIT_MS), 0);
}

static void options_print(struct buffer *out)
{
    program_print("--options", out);
}

static void metrics_print_all(struct buffer *out)
{
    program_print("--metrics", out);
}

static void commands_print(struct buffer *out)
{
    buffer_print(out, "| command | what it does |\n|---|---|\n");
    for (int id = 0; id < ADMIN_COMMAND_COUNT; id++) {
        const struct admin_command_info *info = admin_command_info((enum admin_command)id);
        struct buffer form = BUFFER_INIT;
        grammar_print(info->grammar, &form);
        buffer_append(out, "| `", 3);
        for (size_t i = 0; i < buffer_len(&form); i++) { // a bar would end the cell
            char c = (char)buffer_ptr(&form)[i];
            buffer_append(out, c == '|' ? "\\|" : &c, c == '|' ? 2 : 1);
        }
        buffer_print(out, "` | %.*s%s |\n", SLICE_ARG(info->sentence),
                     info->state == ADMIN_LATER ? " Not built yet." : "");
        buffer_release(&form);
    }
}

static void view_print(const struct view_info *info, struct buffer *out)
{
    buffer_print(out, "\n`%.*s`: %.*s%s\n", SLICE_ARG(info->name), SLICE_ARG(info->sentence),
                 info->source == VIEW_LATER ? " Not built yet." : "");
    if (info->width > 0) {
        buffer_print(out, "\n| column | meaning |\n|---|---|\n");
    }
    for (size_t i = 0; i < info->width; i++) {
        buffer_print(out, "| `%.*s` | %.*s |\n", SLICE_ARG(info->columns[i].name),
                     SLICE_ARG(info->columns[i].sentence));
    }
}

static void admin_print(struct buffer *out)
{
    buffer_print(out,
                 "`SHOW X` lists the view X; `SELECT ... FROM x WHERE ... ORDER BY ...` works on "
                 "each of them.\n\n");
    commands_print(out);
    for (int view = 0; view < VIEW_COUNT; view++) {
        const struct view_info *info = view_info((enum view)view);
        if (info->schema == VIEW_SCHEMA_SLUICE) {
            view_print(info, out);
        }
    }
}

static void reasons_print(struct buffer *out)
{
    buffer_print(out, "| reason | meaning |\n|---|---|\n");
    for (int reason = 0; reason < ROUTE_REASON_COUNT; reason++) {
        buffer_print(out, "| `%.*s` | %.*s |\n",
                     SLICE_ARG(route_reason_name((enum route_reason)reason)),
                     SLICE_ARG(route_reason_sentence((enum route_reason)reason)));
    }
}

static void pins_print(struct buffer *out)
{
    buffer_print(out, "| pin_reason | meaning |\n|---|---|\n");
    for (int pin = PIN_NONE + 1; pin < PIN_COUNT; pin++) {
        buffer_print(out, "| `%.*s` | %.*s |\n", SLICE_ARG(pin_reason_name((enum pin_reason)pin)),
                     SLICE_ARG(pin_reason_sentence((enum pin_reason)pin)));
    }
}

static void errors_print(struct buffer *out)
{
    size_t count = 0;
    const struct error_row_info *rows = error_rows(&count);
    buffer_print(out, "| error | number | SQLSTATE | meaning |\n|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++) {
        const struct error_row_info *row = &rows[i];
        buffer_print(out, "| %.*s | %u", SLICE_ARG(row->name), row->mysql.number);
        if (row->mariadb.number != row->mysql.number) {
            buffer_print(out, ", %u", row->mariadb.number);
        }
        buffer_print(out, " | %s | %.*s |\n", row->mysql.sqlstate, SLICE_ARG(row->sentence));
    }
}

// The statements about an account, of those that make the tests' servers; passwords are the
// reader's own.
static void grants_print(const char *path, const char *account, struct buffer *out)
{
    struct buffer sql = BUFFER_INIT;
    assert_true(file_read(path, &sql));
    char name[64], password[64];
    snprintf(name, sizeof(name), "'%s'@", account);
    snprintf(password, sizeof(password), "'%s-secret'", account);
    buffer_print(out, "```sql\n");
    struct slice rest = buffer_slice(&sql), line;
    while (slice_cut(&rest, '\n', &line)) {
        if (slice_find_slice(line, slice_text(name)) < line.len) {
            size_t at = slice_find_slice(line, slice_text(password));
            struct slice tail = slice_from(line, at + strlen(password));
            buffer_print(out, "%.*s%s%.*s\n", SLICE_ARG(slice_first(line, at)),
                         at < line.len ? "'...'" : "", SLICE_ARG(tail));
        }
    }
    buffer_print(out, "```\n");
    buffer_release(&sql);
}

static void mariadb_grants_print(struct buffer *out)
{
    grants_print("tests/servers/mariadb.sql", "monitor", out);
}

static void mysql_grants_print(struct buffer *out)
{
    grants_print("tests/servers/mysql.sql", "monitor", out);
}

static const struct part {
    const char *name; // stands between "<!-- name -->" and "<!-- end -->"
    void (*print)(struct buffer *out);
} parts[] = {
    {"grants: monitor of MariaDB", mariadb_grants_print},
    {"grants: monitor of MySQL", mysql_grants_print},
    {"pins", pins_print},
    {"options", options_print},
    {"reasons", reasons_print},
    {"errors", errors_print},
    {"admin", admin_print},
    {"metrics", metrics_print_all},
};

enum { PART_COUNT = sizeof(parts) / sizeof(parts[0]) };

// --- what stands there --------------------------------------------------------------------------

// Cuts README into what stands before a part, in it, and behind it.
static bool part_find(struct slice readme, const struct part *part, struct slice *before,
                      struct slice *inside, struct slice *behind)
{
    char mark[64];
    snprintf(mark, sizeof(mark), "<!-- %s -->\n", part->name);
    size_t at = slice_find_slice(readme, slice_text(mark));
    if (at == readme.len) {
        return false;
    }
    *before = slice_first(readme, at + strlen(mark));
    struct slice rest = slice_from(readme, at + strlen(mark));
    size_t end = slice_find_slice(rest, S("<!-- end -->\n"));
    *inside = slice_first(rest, end);
    *behind = slice_from(rest, end);
    return end < rest.len;
}

static const struct part *part_named(const char *name)
{
    size_t i = 0;
    while (strcmp(parts[i].name, name) != 0) {
        i++;
        assert_true(i < PART_COUNT);
    }
    return &parts[i];
}

static void part_check(const char *name)
{
    const struct part *part = part_named(name);
    struct buffer readme = BUFFER_INIT, expected = BUFFER_INIT;
    struct slice before, inside, behind;
    assert_true(file_read("README.md", &readme));
    assert_true(part_find(buffer_slice(&readme), part, &before, &inside, &behind));
    part->print(&expected);
    if (!slice_equal(slice_trim(inside), slice_trim(buffer_slice(&expected)))) {
        fail_msg("README.md and the program differ in \"%s\"; see make readme", part->name);
    }
    buffer_release(&readme);
    buffer_release(&expected);
}

static void the_readme_has_the_grants(void **state)
{
    (void)state;
    part_check("grants: monitor of MariaDB");
    part_check("grants: monitor of MySQL");
}

static void the_readme_has_the_options(void **state)
{
    (void)state;
    part_check("options");
}

static void the_readme_has_the_admin_port(void **state)
{
    (void)state;
    part_check("admin");
}

static void the_readme_has_reasons_pins_and_errors(void **state)
{
    (void)state;
    part_check("reasons");
    part_check("pins");
    part_check("errors");
}

static void the_readme_has_the_metrics(void **state)
{
    (void)state;
    part_check("metrics");
}

static void the_tour_names_every_room(void **state)
{
    (void)state;
    struct buffer readme = BUFFER_INIT, table = BUFFER_INIT;
    assert_true(file_read("README.md", &readme));
    assert_true(file_read("tests/layers.table", &table));
    struct slice rest = buffer_slice(&table), line;
    while (slice_cut(&rest, '\n', &line)) {
        struct slice room = slice_first(line, slice_find(line, ':'));
        if (room.len == 0 || room.len == line.len || room.ptr[0] == '#') {
            continue;
        }
        char row[64];
        snprintf(row, sizeof(row), "\n| `%.*s` |", SLICE_ARG(room));
        struct slice text = buffer_slice(&readme);
        if (slice_find_slice(text, slice_text(row)) == text.len) {
            fail_msg("README.md says nothing of %.*s", SLICE_ARG(room));
        }
    }
    buffer_release(&readme);
    buffer_release(&table);
}

static int readme_write(void)
{
    for (size_t i = 0; i < PART_COUNT; i++) {
        struct buffer readme = BUFFER_INIT, text = BUFFER_INIT, printed = BUFFER_INIT;
        struct slice before, inside, behind;
        if (!file_read("README.md", &readme) ||
            !part_find(buffer_slice(&readme), &parts[i], &before, &inside, &behind)) {
            fprintf(stderr, "README.md has no place for \"%s\"\n", parts[i].name);
            return 1;
        }
        parts[i].print(&printed);
        buffer_append_slice(&text, before);
        buffer_append_slice(&text, slice_trim(buffer_slice(&printed)));
        buffer_append(&text, "\n", 1);
        buffer_append_slice(&text, behind);
        file_write("README.md", buffer_slice(&text));
        buffer_release(&readme);
        buffer_release(&text);
        buffer_release(&printed);
    }
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_readme_has_the_grants),
        cmocka_unit_test(the_readme_has_the_options),
        cmocka_unit_test(the_readme_has_the_admin_port),
        cmocka_unit_test(the_readme_has_reasons_pins_and_errors),
        cmocka_unit_test(the_readme_has_the_metrics),
        cmocka_unit_test(the_tour_names_every_room),
    };
    if (argc > 1 && strcmp(argv[1], "write") == 0) {
        return readme_write();
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
