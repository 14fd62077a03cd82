#include "proxy/backend/statements.h"

#include "protocol/packet/stmt_close.h"
#include "protocol/wire/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { TEXTS = 300 };

struct bench {
    struct image_table images;
    struct prepared_table table;
    struct image *image;
    struct statement_budget budget;
    struct statements statements;
    struct prepared_text *texts[TEXTS]; // each open in some session
};

static int setup(void **state)
{
    static struct bench bench;
    image_table_init(&bench.images);
    prepared_table_init(&bench.table, NULL);
    bench.image = image_make(&bench.images, S("utf8mb4"), S("utf8mb4_general_ci"), S("app"), false);
    statement_budget_init(&bench.budget, 1000);
    statements_init(&bench.statements, &bench.budget);
    for (int i = 0; i < TEXTS; i++) {
        char sql[32];
        snprintf(sql, sizeof(sql), "SELECT %d", i);
        bench.texts[i] = prepared_text_take(&bench.table, 1, bench.image, slice_text(sql));
        bench.texts[i]->open = 1;
    }
    *state = &bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    statements_release(&bench->statements);
    assert_int_equal(bench->budget.open, 0);
    for (int i = 0; i < TEXTS; i++) {
        bench->texts[i]->open = 0;
        prepared_text_unref(&bench->texts[i]);
    }
    prepared_table_release(&bench->table);
    image_unref(&bench->image);
    image_table_release(&bench->images);
    return 0;
}

static struct server_statement *find(struct bench *bench, int i)
{
    return statements_find(&bench->statements, bench->texts[i]);
}

// Text i gets the id 1000 + i.
static void add(struct bench *bench, int i)
{
    statements_add(&bench->statements, bench->texts[i], 1000 + (uint32_t)i);
}

// How many statements the server is told to close; `*last`: which one last.
static size_t closing(struct bench *bench, uint32_t *last)
{
    struct buffer *bytes = &bench->statements.closing;
    size_t count = 0;
    while (!buffer_is_empty(bytes)) {
        struct stmt_close packet;
        struct frame frame = frame_read(buffer_ptr(bytes));
        struct slice payload = slice_make(buffer_ptr(bytes) + FRAME_HEADER_SIZE, frame.len);
        assert_int_equal(frame.sequence, 0);
        assert_true(stmt_close_decode(&packet, payload));
        *last = packet.statement_id;
        buffer_consume(bytes, FRAME_HEADER_SIZE + frame.len);
        count++;
    }
    return count;
}

static void statements_are_found_by_their_texts(void **state)
{
    struct bench *bench = *state;
    assert_null(find(bench, 0));
    for (int i = 0; i < TEXTS; i++) {
        add(bench, i);
    }
    assert_int_equal(bench->budget.open, TEXTS);
    for (int i = 0; i < TEXTS; i += 3) {
        statements_forget(&bench->statements, bench->texts[i]);
        statements_forget(&bench->statements, bench->texts[i]); // is no more
    }
    for (int i = 0; i < TEXTS; i++) {
        if (i % 3 == 0) {
            assert_null(find(bench, i));
        } else {
            assert_int_equal(find(bench, i)->id, 1000 + i);
        }
    }
    assert_int_equal(bench->statements.count, TEXTS - TEXTS / 3);
    assert_int_equal(closing(bench, &(uint32_t){0}), 0); // forgotten, not closed
    statements_forget_all(&bench->statements);
    assert_null(find(bench, 1));
    assert_int_equal(bench->budget.open, 0);
}

static void closed_ones_are_told_to_the_server(void **state)
{
    struct bench *bench = *state;
    uint32_t last = 0;
    add(bench, 1);
    add(bench, 2);
    statements_close(&bench->statements, bench->texts[1]);
    statements_close(&bench->statements, bench->texts[1]);
    assert_null(find(bench, 1));
    assert_int_equal(closing(bench, &last), 1);
    assert_int_equal(last, 1001);
    statements_close_id(&bench->statements, 77);
    assert_int_equal(closing(bench, &last), 1);
    assert_int_equal(last, 77);
}

static void what_was_used_longest_ago_makes_room(void **state)
{
    struct bench *bench = *state;
    struct statements other; // of the same server
    uint32_t last = 0;
    bench->budget.most = bench->budget.limit = 10;
    statements_init(&other, &bench->budget);
    statements_add(&other, bench->texts[299], 1);
    for (int i = 0; i < 9; i++) {
        add(bench, i);
    }
    assert_int_equal(closing(bench, &last), 0);
    assert_non_null(find(bench, 0)); // used last
    add(bench, 9);
    assert_int_equal(closing(bench, &last), 1);
    assert_int_equal(last, 1001);
    assert_int_equal(bench->budget.open, 10);
    for (int i = 10; i < TEXTS - 1; i++) {
        add(bench, i);
        assert_true(bench->budget.open <= 10);
    }
    assert_non_null(statements_find(&other, bench->texts[299])); // others keep theirs
    statements_release(&other);
}

static void every_connection_may_have_one(void **state)
{
    struct bench *bench = *state;
    struct statements others[4];
    bench->budget.most = bench->budget.limit = 2;
    for (int i = 0; i < 4; i++) {
        statements_init(&others[i], &bench->budget);
        statements_add(&others[i], bench->texts[i], 1);
        assert_non_null(statements_find(&others[i], bench->texts[i]));
    }
    for (int i = 0; i < 4; i++) {
        statements_release(&others[i]);
    }
}

static unsigned told;

static void tell(struct statements *statements)
{
    assert_false(buffer_is_empty(&statements->closing));
    told++;
}

static void a_server_without_room_shrinks_the_budget_for_a_while(void **state)
{
    struct bench *bench = *state;
    struct statements other, empty; // of the same server
    uint32_t last = 0;
    told = 0;
    assert_false(statements_shrink(&bench->statements, tell)); // nothing is there to give
    bench->budget.most = bench->budget.limit;
    statements_init(&other, &bench->budget);
    statements_init(&empty, &bench->budget);
    statements_add(&other, bench->texts[299], 1);
    for (int i = 0; i < 99; i++) {
        add(bench, i);
    }
    assert_true(statements_shrink(&bench->statements, tell));
    assert_int_equal(told, 1);
    assert_int_equal(bench->statements.count, 49);
    assert_int_equal(other.count, 1); // which may be running
    assert_int_equal(bench->budget.most, 50);
    assert_int_equal(closing(bench, &last), 50);
    assert_null(find(bench, 0));
    assert_non_null(find(bench, 98));
    for (int i = 99; i < TEXTS; i++) {
        add(bench, i);
    }
    assert_in_range(bench->budget.most, 51, 100); // it is tried again, slowly
    statements_release(&other);
    statements_release(&empty);
}

static void few_are_kept_that_nobody_has_open(void **state)
{
    struct bench *bench = *state;
    uint32_t last = 0;
    for (int i = 0; i < TEXTS; i++) {
        bench->texts[i]->open = i < 100; // the first hundred are in use
    }
    for (int i = 0; i < TEXTS; i++) {
        add(bench, i);
    }
    assert_int_equal(bench->statements.count, 100 + STATEMENTS_UNUSED_MOST);
    assert_int_equal(closing(bench, &last), TEXTS - 100 - STATEMENTS_UNUSED_MOST);
    assert_non_null(find(bench, 0));
    assert_null(find(bench, 100));
    assert_non_null(find(bench, TEXTS - 1));
}

static void the_last_one_is_harmless_where_its_text_is(void **state)
{
    struct bench *bench = *state;
    assert_true(bench->statements.is_last_harmless); // there is none
    add(bench, 0);
    assert_false(bench->statements.is_last_harmless);
    bench->texts[1]->is_harmless = true;
    add(bench, 1);
    assert_true(bench->statements.is_last_harmless);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(statements_are_found_by_their_texts),
        TEST(closed_ones_are_told_to_the_server),
        TEST(what_was_used_longest_ago_makes_room),
        TEST(every_connection_may_have_one),
        TEST(a_server_without_room_shrinks_the_budget_for_a_while),
        TEST(few_are_kept_that_nobody_has_open),
        TEST(the_last_one_is_harmless_where_its_text_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
