#include "proxy/admin/rows.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void route_add(struct view_rows *rows, const char *reason, const char *target, int64_t count)
{
    view_rows_add(rows, (struct cell[VIEW_ROUTES_WIDTH]){
                            [VIEW_ROUTES_REASON] = cell_text(slice_text(reason)),
                            [VIEW_ROUTES_TARGET] = cell_text(slice_text(target)),
                            [VIEW_ROUTES_COUNT] = cell_int(count),
                        });
}

static void assert_text(const struct cell *cell, const char *text)
{
    assert_int_equal(cell->kind, CELL_TEXT);
    assert_int_equal(cell->text.len, strlen(text));
    assert_memory_equal(cell->text.ptr, text, cell->text.len);
}

static void assert_route(struct view_walk *walk, const char *reason, const char *target,
                         int64_t count)
{
    struct cell cells[VIEW_WIDTH_MAX];
    assert_true(view_walk_next(walk, cells));
    assert_text(&cells[VIEW_ROUTES_REASON], reason);
    assert_text(&cells[VIEW_ROUTES_TARGET], target);
    assert_int_equal(cells[VIEW_ROUTES_COUNT].kind, CELL_INT);
    assert_int_equal(cells[VIEW_ROUTES_COUNT].number, count);
}

static void assert_end(struct view_walk *walk)
{
    struct cell cells[VIEW_WIDTH_MAX];
    assert_false(view_walk_next(walk, cells));
    assert_false(view_walk_next(walk, cells));
}

static void what_is_left_out_is_null(void **state)
{
    (void)state;
    struct view_rows rows;
    struct cell cells[VIEW_WIDTH_MAX];
    char at[CELL_TIME_SIZE];
    view_rows_init(&rows, VIEW_SESSIONS);
    struct view_walk walk = view_walk(&rows);
    assert_end(&walk);
    view_rows_add(&rows, (struct cell[VIEW_SESSIONS_WIDTH]){
                             [VIEW_SESSIONS_ID] = cell_int(-7),
                             [VIEW_SESSIONS_SCHEMA] = cell_text_or_null(S("")),
                             [VIEW_SESSIONS_STATE] = cell_text(S("")),
                             [VIEW_SESSIONS_SINCE_MS] = cell_real(1.5),
                             [VIEW_SESSIONS_QUERY] = cell_time(1000, at),
                             [VIEW_SESSIONS_CLIENT] = cell_time(0, at),
                         });
    walk = view_walk(&rows);
    assert_true(view_walk_next(&walk, cells));
    assert_int_equal(cells[VIEW_SESSIONS_ID].number, -7);
    assert_int_equal(cells[VIEW_SESSIONS_USER].kind, CELL_NULL);
    assert_int_equal(cells[VIEW_SESSIONS_SCHEMA].kind, CELL_NULL);
    assert_int_equal(cells[VIEW_SESSIONS_CLIENT].kind, CELL_NULL);
    assert_text(&cells[VIEW_SESSIONS_STATE], "");
    assert_true(cells[VIEW_SESSIONS_SINCE_MS].kind == CELL_REAL);
    assert_true(cells[VIEW_SESSIONS_SINCE_MS].real == 1.5);
    assert_text(&cells[VIEW_SESSIONS_QUERY], "1970-01-01T00:00:00.001Z");
    assert_end(&walk);
    view_rows_release(&rows);
}

static void parts_of_a_row_become_one_where_the_first_stood(void **state)
{
    (void)state;
    struct view_rows rows;
    view_rows_init(&rows, VIEW_ROUTES);
    route_add(&rows, "read", "replica", 3);
    route_add(&rows, "write", "primary", 1);
    route_add(&rows, "read", "primary", 10);
    route_add(&rows, "read", "replica", 4);
    route_add(&rows, "readr", "eplica", 5); // keys are told apart by their lengths
    view_rows_merge(&rows);
    assert_int_equal(rows.count, 4);
    struct view_walk walk = view_walk(&rows);
    assert_route(&walk, "read", "replica", 7);
    assert_route(&walk, "write", "primary", 1);
    assert_route(&walk, "read", "primary", 10);
    assert_route(&walk, "readr", "eplica", 5);
    assert_end(&walk);
    view_rows_release(&rows);
}

static void rule_add(struct view_rows *rows, struct cell hits, struct cell last,
                     struct cell definition)
{
    view_rows_add(rows, (struct cell[VIEW_RULES_WIDTH]){
                            [VIEW_RULES_NAME] = cell_text(S("r")),
                            [VIEW_RULES_HITS] = hits,
                            [VIEW_RULES_LAST_HIT] = last,
                            [VIEW_RULES_DEFINITION] = definition,
                        });
}

static void merging_adds_takes_the_largest_or_the_first_that_is_known(void **state)
{
    (void)state;
    const struct cell null = {.kind = CELL_NULL};
    struct view_rows rows;
    struct cell cells[VIEW_WIDTH_MAX];
    view_rows_init(&rows, VIEW_RULES);
    rule_add(&rows, null, null, null);
    rule_add(&rows, cell_int(2), cell_text(S("2026-01-02")), null);
    rule_add(&rows, null, null, cell_text(S("first")));
    rule_add(&rows, cell_int(INT64_MAX), cell_text(S("2026-01-03")), cell_text(S("second")));
    rule_add(&rows, cell_int(-INT64_MAX), cell_text(S("2026-01-01")), null);
    view_rows_merge(&rows);
    struct view_walk walk = view_walk(&rows);
    assert_true(view_walk_next(&walk, cells));
    assert_int_equal(cells[VIEW_RULES_HITS].number, 2);
    assert_text(&cells[VIEW_RULES_LAST_HIT], "2026-01-03");
    assert_text(&cells[VIEW_RULES_DEFINITION], "first");
    assert_end(&walk);
    view_rows_release(&rows);
}

static void a_view_without_keys_is_left_alone(void **state)
{
    (void)state;
    struct view_rows rows;
    view_rows_init(&rows, VIEW_EVENTS);
    for (int i = 0; i < 3; i++) {
        view_rows_add(&rows, (struct cell[VIEW_EVENTS_WIDTH]){0});
    }
    view_rows_merge(&rows);
    assert_int_equal(rows.count, 3);
    view_rows_release(&rows);
}

// Statements of clients go into the views as they came; a client that reads the view as UTF-8, and
// JSON, must not stumble over another client's bytes.
static void text_is_made_valid_utf8(void **state)
{
    (void)state;
    static const struct {
        struct slice text;
        const char *expected;
    } rows[] = {
        {SLICE_INIT("plain"), "plain"},
        {SLICE_INIT("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"),
         "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
        {SLICE_INIT("a\0b"), "a?b"},
        {SLICE_INIT("\x80x"), "?x"},
        {SLICE_INIT("\xc3"), "?"},
        {SLICE_INIT("\xe2\x82"), "??"},
        {SLICE_INIT("\xe2\x28\xa1"), "?(?"},
        {SLICE_INIT("\xc0\xaf"), "??"},           // longer than needed
        {SLICE_INIT("\xe0\x80\xaf"), "???"},      // longer than needed
        {SLICE_INIT("\xed\xa0\x80"), "???"},      // a surrogate
        {SLICE_INIT("\xf4\x90\x80\x80"), "????"}, // above U+10FFFF
        {SLICE_INIT("\xf4\x8f\xbf\xbf"), "\xf4\x8f\xbf\xbf"},
        {SLICE_INIT("\xff\xfe"), "??"},
        {SLICE_INIT("\xf0\x9f\x98"), "???"},
        {SLICE_INIT("\xf0\x9f\x98\x41"), "???A"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct view_rows made;
        struct cell cells[VIEW_WIDTH_MAX];
        view_rows_init(&made, VIEW_EVENTS);
        view_rows_add(
            &made, (struct cell[VIEW_EVENTS_WIDTH]){[VIEW_EVENTS_TEXT] = cell_text(rows[i].text)});
        struct view_walk walk = view_walk(&made);
        assert_true(view_walk_next(&walk, cells));
        assert_text(&cells[VIEW_EVENTS_TEXT], rows[i].expected);
        view_rows_release(&made);
    }
}

static size_t kept_len(size_t len, const char *filling)
{
    struct view_rows rows;
    struct cell cells[VIEW_WIDTH_MAX];
    char *text = malloc(len);
    for (size_t i = 0; i < len; i++) {
        text[i] = filling[i % strlen(filling)];
    }
    view_rows_init(&rows, VIEW_EVENTS);
    view_rows_add(&rows, (struct cell[VIEW_EVENTS_WIDTH]){[VIEW_EVENTS_TEXT] =
                                                              cell_text(slice_make(text, len))});
    struct view_walk walk = view_walk(&rows);
    assert_true(view_walk_next(&walk, cells));
    struct slice kept = cells[VIEW_EVENTS_TEXT].text;
    if (len > CELL_TEXT_MAX) {
        assert_memory_equal(kept.ptr + kept.len - 3, "...", 3);
    } else {
        assert_memory_equal(kept.ptr, text, len);
    }
    size_t kept_bytes = kept.len;
    view_rows_release(&rows);
    free(text);
    return kept_bytes;
}

static void long_text_is_cut_between_characters(void **state)
{
    (void)state;
    assert_int_equal(kept_len(CELL_TEXT_MAX, "x"), CELL_TEXT_MAX);
    assert_int_equal(kept_len(CELL_TEXT_MAX + 1, "x"), CELL_TEXT_MAX);
    assert_int_equal(kept_len(CELL_TEXT_MAX - 1, "x"), CELL_TEXT_MAX - 1);
    assert_int_equal(kept_len(CELL_TEXT_MAX + 1, "\xe2\x82\xac"), (CELL_TEXT_MAX - 3) / 3 * 3 + 3);
    assert_int_equal(kept_len(10 * CELL_TEXT_MAX, "\xc3\xa9"), (CELL_TEXT_MAX - 3) / 2 * 2 + 3);
}

static void rows_beyond_the_room_are_left_out_and_it_shows(void **state)
{
    (void)state;
    static char text[CELL_TEXT_MAX];
    struct view_rows rows, more;
    memset(text, 'x', sizeof(text));
    const struct cell cells[VIEW_EVENTS_WIDTH] = {[VIEW_EVENTS_TEXT] =
                                                      cell_text(slice_make(text, sizeof(text)))};
    view_rows_init(&rows, VIEW_EVENTS);
    for (int i = 0; i < VIEW_ROWS_MAX / CELL_TEXT_MAX - 1; i++) {
        view_rows_add(&rows, cells);
        assert_false(rows.is_cut);
    }
    size_t count = rows.count;
    view_rows_add(&rows, cells);
    view_rows_add(&rows, (struct cell[VIEW_EVENTS_WIDTH]){0});
    assert_true(rows.is_cut);
    assert_int_equal(rows.count, count);
    assert_true(buffer_len(&rows.bytes) <= VIEW_ROWS_MAX);

    view_rows_init(&more, VIEW_EVENTS);
    view_rows_take(&more, &rows);
    assert_true(more.is_cut);
    assert_int_equal(more.count, count);
    assert_false(rows.is_cut);
    view_rows_add(&rows, cells);
    more.is_cut = false;
    view_rows_take(&more, &rows); // there is no room for it
    assert_true(more.is_cut);
    assert_int_equal(more.count, count);
    view_rows_release(&more);
    view_rows_release(&rows);
}

static void *routes_fill(void *arg)
{
    struct view_rows *rows = arg;
    for (int64_t i = 0; i < 1000; i++) {
        route_add(rows, i % 2 == 0 ? "read" : "write", "primary", i);
    }
    return NULL;
}

static void rows_of_several_threads_are_put_together(void **state)
{
    (void)state;
    enum { THREADS = 3 };
    struct view_rows parts[THREADS], all;
    pthread_t threads[THREADS];
    view_rows_init(&all, VIEW_ROUTES);
    for (int i = 0; i < THREADS; i++) {
        view_rows_init(&parts[i], VIEW_ROUTES);
        assert_int_equal(pthread_create(&threads[i], NULL, routes_fill, &parts[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        view_rows_take(&all, &parts[i]);
        assert_int_equal(parts[i].count, 0);
        assert_null(parts[i].bytes.data);
    }
    assert_int_equal(all.count, THREADS * 1000);
    view_rows_merge(&all);
    struct view_walk walk = view_walk(&all);
    assert_route(&walk, "read", "primary", (int64_t)THREADS * 249500);
    assert_route(&walk, "write", "primary", (int64_t)THREADS * 250000);
    assert_end(&walk);
    view_rows_release(&all);
}

static void views_are_found_by_their_name(void **state)
{
    (void)state;
    assert_int_equal(view_find(S("backends")), VIEW_BACKENDS);
    assert_int_equal(view_find(S("Cache_Advice")), VIEW_CACHE_ADVICE);
    assert_int_equal(view_find(S("events")), VIEW_EVENTS);
    assert_int_equal(view_find(S("schemata")), VIEW_COUNT);
    assert_int_equal(view_find(S("")), VIEW_COUNT);
    assert_int_equal(view_info(VIEW_SESSIONS)->width, VIEW_SESSIONS_WIDTH);
    assert_true(slice_equal(view_info(VIEW_SESSIONS)->columns[VIEW_SESSIONS_PIN_REASON].name,
                            S("pin_reason")));
    assert_true(views_gathered() & VIEW_BIT(VIEW_SESSIONS));
    assert_true(views_gathered() & VIEW_BIT(VIEW_RULES));
    assert_false(views_gathered() & VIEW_BIT(VIEW_CONFIG));
    assert_false(views_gathered() & VIEW_BIT(VIEW_CACHE));
}

// DESIGN's promise to those who select by name.
static void views_have_the_promised_columns(void **state)
{
    (void)state;
    static const struct {
        enum view view;
        const char *columns;
    } promised[] = {
        {VIEW_BACKENDS, "name address role state reason lag_ms gtid weight used idle max queries "
                        "errors latency_us since "},
        {VIEW_POOLS, "backend user used idle waiting opened reused closed "},
        {VIEW_SESSIONS, "id user client schema state since_ms backend in_transaction pin_reason "
                        "queries query "},
        {VIEW_ROUTES, "reason target count "},
        {VIEW_RULES, "name hits last_hit definition "},
        {VIEW_CONFIG, "section key value default_value changeable description "},
        {VIEW_STATUS, "name value "},
        {VIEW_EVENTS, "at kind backend text "},
    };
    for (size_t i = 0; i < sizeof(promised) / sizeof(promised[0]); i++) {
        const struct view_info *info = view_info(promised[i].view);
        struct buffer names = BUFFER_INIT;
        for (size_t k = 0; k < info->width; k++) {
            buffer_print(&names, "%.*s ", SLICE_ARG(info->columns[k].name));
            assert_true(info->columns[k].sentence.len > 0);
        }
        buffer_append(&names, "", 1);
        assert_string_equal((const char *)buffer_ptr(&names), promised[i].columns);
        buffer_release(&names);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_out_is_null),
        cmocka_unit_test(parts_of_a_row_become_one_where_the_first_stood),
        cmocka_unit_test(merging_adds_takes_the_largest_or_the_first_that_is_known),
        cmocka_unit_test(a_view_without_keys_is_left_alone),
        cmocka_unit_test(text_is_made_valid_utf8),
        cmocka_unit_test(long_text_is_cut_between_characters),
        cmocka_unit_test(rows_beyond_the_room_are_left_out_and_it_shows),
        cmocka_unit_test(rows_of_several_threads_are_put_together),
        cmocka_unit_test(views_are_found_by_their_name),
        cmocka_unit_test(views_have_the_promised_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
