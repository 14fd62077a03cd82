// The proxy.ini that everybody starts from, held against what the program says of itself. Run from
// the top of the tree.
#include "conf/config.h"

#include "proxy/base/buffer.h"

#include <setjmp.h>
#include <cmocka.h>

static void file_read(struct buffer *out)
{
    FILE *file = fopen("proxy.ini", "re");
    size_t n;
    assert_non_null(file);
    do {
        n = fread(buffer_reserve(out, 4096), 1, 4096, file);
        buffer_added(out, n);
    } while (n > 0);
    fclose(file);
}

// With every ; at a line's start taken away, and nothing else.
static void text_open(struct slice text, struct buffer *out)
{
    struct slice line;
    while (slice_cut(&text, '\n', &line)) {
        bool is_option = line.len > 0 && line.ptr[0] == ';';
        buffer_append_slice(out, is_option ? slice_from(line, 1) : line);
        buffer_append(out, "\n", 1);
    }
}

static void test_it_sets_nothing_as_it_is(void **state)
{
    struct buffer text = BUFFER_INIT;
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    (void)state;
    file_read(&text);
    assert_null(config_parse(buffer_slice(&text), "proxy.ini", CONFIG_SEALED, &diagnostics));
    assert_int_equal(diagnostics.count, 1);
    assert_string_equal(diagnostics.items[0].text, "no server: there is no section [backend:NAME]");
    // A server's section behind it is all that it wants.
    diagnostics_release(&diagnostics);
    buffer_append_slice(&text, S("[backend:db1]\naddress = db1:3306\n"));
    const struct config *config =
        config_parse(buffer_slice(&text), "proxy.ini", CONFIG_SEALED, &diagnostics);
    assert_non_null(config);
    assert_int_equal(diagnostics.count, 0);
    config_unref(config);
    diagnostics_release(&diagnostics);
    buffer_release(&text);
}

static bool is_example(const struct config_row *row)
{
    return slice_starts_nocase(row->section, S("backend:")) && slice_equal(row->key, S("address"));
}

// Of a kind of section that may be there several times, the first shows all options.
static bool is_shown(const struct config_row *row)
{
    return !slice_equal(row->section, S("backend:db2"));
}

static void test_it_shows_every_option_at_its_default(void **state)
{
    struct buffer text = BUFFER_INIT, opened = BUFFER_INIT;
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    struct arena arena = ARENA_INIT;
    size_t count, kinds = 0;
    (void)state;
    file_read(&text);
    text_open(buffer_slice(&text), &opened);
    const struct config *config =
        config_parse(buffer_slice(&opened), "proxy.ini", CONFIG_SEALED, &diagnostics);
    diagnostics_print(&diagnostics, stderr);
    assert_non_null(config);
    assert_int_equal(diagnostics.count, 0);
    const struct config_row *rows = config_rows(config, &arena, &count);
    for (size_t i = 0; i < count; i++) {
        if (!is_shown(&rows[i])) {
            continue;
        }
        if (!config_is_set(config, rows[i].section.ptr, rows[i].key.ptr)) {
            fail_msg("%s of [%s] is not shown", rows[i].key.ptr, rows[i].section.ptr);
        }
        if (!is_example(&rows[i])) {
            assert_true(slice_equal(rows[i].value, rows[i].default_value));
        }
        kinds++;
    }
    assert_true(kinds > 110);
    assert_int_equal(config->user_count, 1);
    assert_int_equal(config->rule_count, 1);
    config_unref(config);
    arena_release(&arena);
    diagnostics_release(&diagnostics);
    buffer_release(&text);
    buffer_release(&opened);
}

// The values stand as the program writes them, not only as it understands them.
static void test_the_defaults_are_written_as_the_program_writes_them(void **state)
{
    struct buffer text = BUFFER_INIT;
    char *reference;
    size_t len;
    FILE *out = open_memstream(&reference, &len);
    (void)state;
    config_print_options(out);
    fclose(out);
    file_read(&text);
    struct slice rest = buffer_slice(&text), line;
    size_t checked = 0;
    while (slice_cut(&rest, '\n', &line)) {
        size_t equals = slice_find_slice(line, S(" ="));
        if (line.len == 0 || line.ptr[0] != ';' || equals == line.len ||
            slice_starts_nocase(line, S(";address = 127"))) {
            continue;
        }
        struct slice key = slice_from(slice_first(line, equals), 1);
        struct slice value = slice_from(line, equals + 2);
        value = slice_trim(slice_first(value, slice_find_slice(value, S(" ;"))));
        char row[300];
        snprintf(row, sizeof(row), "\n| `%.*s` | %s%.*s%s | ", SLICE_ARG(key),
                 value.len > 0 ? "`" : "", SLICE_ARG(value), value.len > 0 ? "`" : "");
        if (strstr(reference, row) == NULL) {
            fail_msg("the program does not print%s", row);
        }
        checked++;
    }
    assert_true(checked > 110);
    free(reference);
    buffer_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_sets_nothing_as_it_is),
        cmocka_unit_test(test_it_shows_every_option_at_its_default),
        cmocka_unit_test(test_the_defaults_are_written_as_the_program_writes_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
