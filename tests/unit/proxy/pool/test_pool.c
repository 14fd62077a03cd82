#include "proxy/pool/growth.h"
#include "proxy/pool/pool.h"

#include "tests/lib/cmocka.h"
#include "tests/unit/proxy/net/fixture.h"
#include "tests/unit/proxy/backend/scripted_server.h"

#include "proxy/base/clock.h"

enum { TAKERS = 16, FREE_CONNECTIONS = GROWTH_FREE };

// A session as far as the pool is concerned.
struct taker {
    struct pool_waiter waiter;
    struct pool_ties ties;
    struct pooled *pooled;
    int refusals;
    enum pool_refusal refusal;
    uint16_t code; // of the server's refusal
    uint64_t saved_id;
    uint64_t saved_found_rows;
    size_t saved_rows; // of SHOW WARNINGS
    unsigned losses;   // told that what was to be saved is gone
    bool is_lost;
    unsigned turn; // when it was served, counted over all takers
};

struct bench {
    struct fixture fixture;
    struct scripted_server server;
    struct conn_target target;
    struct conn_target *targets[1];
    struct pool_tokens *tokens;
    struct image_table images;
    struct image *image;
    struct pools *pools;
    struct pool_account *account;
    struct topology *topology;
    struct taker takers[TAKERS];
    unsigned turns;
    int asked_others;
    int reports;
};

static struct bench *the_bench; // callbacks of takers count their turns here

static void granted(struct pool_waiter *waiter, struct pooled *pooled)
{
    struct taker *taker = container_of(waiter, struct taker, waiter);
    taker->pooled = pooled;
    taker->turn = ++the_bench->turns;
}

static void refused(struct pool_waiter *waiter, enum pool_refusal refusal,
                    const struct conn_loss *loss)
{
    struct taker *taker = container_of(waiter, struct taker, waiter);
    taker->refusals++;
    taker->refusal = refusal;
    taker->code = loss != NULL ? loss->code : 0;
}

static void saved(struct pool_ties *ties, const struct pool_saved *saved)
{
    struct taker *taker = container_of(ties, struct taker, ties);
    if (saved == NULL) {
        taker->losses++;
    } else if (saved->kind == POOL_TIE_INSERT_ID) {
        taker->saved_id = saved->value;
    } else if (saved->kind == POOL_TIE_FOUND_ROWS) {
        taker->saved_found_rows = saved->value;
    } else {
        taker->saved_rows = saved->rows->row_count;
    }
}

static void ask_others(void *context, int server)
{
    struct bench *bench = context;
    assert_int_equal(server, 0);
    bench->asked_others++;
}

static void token_free(void *context, int server, unsigned worker)
{
    (void)context;
    (void)server;
    (void)worker;
}

static void report(void *context, int server, const struct conn_loss *loss)
{
    struct bench *bench = context;
    (void)server;
    (void)loss;
    bench->reports++;
}

static struct topology *topology_of_role(enum server_role role, enum server_state state)
{
    struct topology *topology = topology_create(1);
    topology->servers[0].role = role;
    topology->servers[0].state = state;
    topology->primary = role == ROLE_PRIMARY && state == SERVER_UP ? 0 : -1;
    return topology;
}

static void topology_set(struct bench *bench, enum server_role role, enum server_state state)
{
    struct topology *topology = topology_of_role(role, state);
    pools_set_topology(bench->pools, topology);
    topology_unref(bench->topology);
    bench->topology = topology;
}

static const struct metric_labels labels = {
    .size = {[METRIC_GIVEN(METRIC_DIMENSION_BACKEND)] = 2,
             [METRIC_GIVEN(METRIC_DIMENSION_REASON)] = 1,
             [METRIC_GIVEN(METRIC_DIMENSION_PIN)] = 1,
             [METRIC_GIVEN(METRIC_DIMENSION_CLOSE)] = CONN_END_COUNT,
             [METRIC_GIVEN(METRIC_DIMENSION_ERROR)] = 1},
};

static void bench_open(struct bench *bench, uint32_t max_connections)
{
    memset(bench, 0, sizeof(*bench));
    the_bench = bench;
    fixture_open(&bench->fixture);
    metrics_resize(bench->fixture.metrics, &labels);
    server_open(&bench->server, bench->fixture.loop);
    bench->target = (struct conn_target){
        .name = S("db1"),
        .address = {.kind = CONF_ADDRESS_TCP,
                    .host = S("127.0.0.1"),
                    .port = listener_address(bench->server.listener)->port},
        .tls = CONF_TLS_DISABLED,
        .connect_timeout_us = 10 * CLOCK_SECOND,
    };
    bench->targets[0] = &bench->target;
    struct limit_row row = {S("db1"), max_connections};
    bench->tokens = pool_tokens_create(&row, 1, NULL);
    image_table_init(&bench->images);
    bench->image =
        image_make(&bench->images, S("utf8mb4"), S("utf8mb4_general_ci"), S("app"), false);
    bench->pools = pools_create(&(struct pools_settings){
        .loop = bench->fixture.loop,
        .metrics = bench->fixture.metrics,
        .images = &bench->images,
        .ask_others = ask_others,
        .token_free = token_free,
        .report = report,
        .context = bench,
    });
    pools_set_targets(bench->pools, bench->targets, 1, bench->tokens);
    topology_set(bench, ROLE_PRIMARY, SERVER_UP);
    struct secret *secret = secret_from_password(S("secret"));
    bench->account = pools_account(bench->pools, S("app"), (struct conn_traits){0}, secret, NULL);
    secret_unref(&secret);
    for (int i = 0; i < TAKERS; i++) {
        pool_waiter_init(&bench->takers[i].waiter);
        pool_ties_init(&bench->takers[i].ties, saved);
        bench->takers[i].waiter.granted = granted;
        bench->takers[i].waiter.refused = refused;
    }
}

static void bench_close(struct bench *bench)
{
    for (int i = 0; i < TAKERS; i++) {
        pool_cancel(&bench->takers[i].waiter);
        if (bench->takers[i].pooled != NULL) {
            pool_give(bench->takers[i].pooled, POOL_CLOSE);
        }
        pool_ties_cut(&bench->takers[i].ties);
    }
    pools_destroy(bench->pools);
    pool_tokens_unref(bench->tokens);
    topology_unref(bench->topology);
    server_close(&bench->server);
    struct fixture fixture = bench->fixture;
    image_unref(&bench->image);
    fixture_close(&fixture);
    image_table_release(&bench->images);
}

// Takes as `taker`, as the image wants it; at once or later.
static void take_as(struct bench *bench, int taker, struct image *image, int64_t timeout_us)
{
    struct taker *one = &bench->takers[taker];
    struct pool_request request = {
        .account = bench->account,
        .collation = 45,
        .image = image,
        .timeout_us = timeout_us,
    };
    one->pooled = pool_take(bench->pools, &request, &one->waiter, &one->ties);
    if (one->pooled != NULL) {
        one->turn = ++bench->turns;
    }
}

static void take(struct bench *bench, int taker)
{
    take_as(bench, taker, bench->image, 10 * CLOCK_SECOND);
}

static void take_wait(struct bench *bench, int taker)
{
    take(bench, taker);
    turn_until(bench->fixture.loop, bench->takers[taker].pooled != NULL);
}

static void give(struct bench *bench, int taker, enum pool_fate fate)
{
    struct pooled *pooled = bench->takers[taker].pooled;
    bench->takers[taker].pooled = NULL;
    pool_give(pooled, fate);
}

// A result of so many columns and rows of sevens.
static void result_write(struct buffer *out, size_t columns, size_t rows)
{
    struct column column[3];
    struct slice cells[3] = {S("7"), S("7"), S("7")};
    for (size_t i = 0; i < columns; i++) {
        column[i] = (struct column){
            .name = S("c"), .collation = COLUMN_UTF8MB4, .length = 10, .type = TYPE_VAR_STRING};
    }
    struct writer writer = writer_make(out, 1);
    struct result_writer result = result_writer_make(&writer, CAPABILITY_PROTOCOL_41);
    result_writer_begin(&result, column, columns, STATUS_AUTOCOMMIT);
    for (size_t i = 0; i < rows; i++) {
        result_writer_row(&result, cells);
    }
    assert_true(result_writer_end(&result, STATUS_AUTOCOMMIT, 0));
}

// --- tests ---------------------------------------------------------------------------------------

static void a_connection_given_back_is_taken_again_without_a_word_to_the_server(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 10);
    take_wait(&bench, 0);
    give(&bench, 0, POOL_KEEP);
    size_t asked = strlen(bench.server.asked);
    for (int i = 0; i < 5; i++) {
        take(&bench, i % TAKERS);
        assert_non_null(bench.takers[i % TAKERS].pooled);
        give(&bench, i % TAKERS, POOL_KEEP);
    }
    assert_int_equal(strlen(bench.server.asked), asked);
    assert_int_equal(bench.server.link_count, 1);
    bench_close(&bench);
}

static void those_who_wait_are_served_in_the_order_of_their_coming(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 1);
    take_wait(&bench, 0);
    for (int i = 1; i < 5; i++) {
        take(&bench, i);
        assert_null(bench.takers[i].pooled);
    }
    give(&bench, 0, POOL_KEEP);
    for (int i = 1; i < 5; i++) {
        turn_until(bench.fixture.loop, bench.takers[i].pooled != NULL);
        assert_int_equal(bench.takers[i].turn, i + 1);
        give(&bench, i, POOL_KEEP);
    }
    assert_int_equal(bench.server.link_count, 1);
    bench_close(&bench);
}

static void connections_taken(struct bench *bench, int count)
{
    for (int i = 0; i < count; i++) {
        take_wait(bench, i);
    }
    assert_int_equal(bench->server.link_count, count);
}

static void beyond_the_first_few_one_that_comes_back_serves_before_another_is_opened(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 100);
    connections_taken(&bench, FREE_CONNECTIONS);
    take(&bench, FREE_CONNECTIONS);
    give(&bench, 0, POOL_KEEP);
    turn_until(bench.fixture.loop, bench.takers[FREE_CONNECTIONS].pooled != NULL);
    assert_int_equal(bench.server.link_count, FREE_CONNECTIONS);
    bench_close(&bench);
}

static void where_none_comes_back_another_is_opened(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 100);
    connections_taken(&bench, FREE_CONNECTIONS);
    int64_t began_us = loop_now_us(bench.fixture.loop);
    take(&bench, FREE_CONNECTIONS);
    turn_until(bench.fixture.loop, bench.takers[FREE_CONNECTIONS].pooled != NULL);
    assert_true(loop_now_us(bench.fixture.loop) - began_us >= 5 * CLOCK_MS); // it has waited
    assert_int_equal(bench.server.link_count, FREE_CONNECTIONS + 1);
    bench_close(&bench);
}

static void connections_that_are_kept_stand_in_nobodys_way(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 100);
    connections_taken(&bench, FREE_CONNECTIONS + 3);
    int64_t until_us = loop_now_us(bench.fixture.loop) + 101 * CLOCK_MS;
    turn_until(bench.fixture.loop, loop_now_us(bench.fixture.loop) >= until_us);
    take(&bench, FREE_CONNECTIONS + 3);
    for (int i = 0; i < 3; i++) { // not a timer's time later
        loop_turn(bench.fixture.loop);
    }
    assert_int_equal(bench.server.link_count, FREE_CONNECTIONS + 4);
    turn_until(bench.fixture.loop, bench.takers[FREE_CONNECTIONS + 3].pooled != NULL);
    bench_close(&bench);
}

// A schema that was chosen cannot be left again.
static void one_that_none_can_serve_waits_for_no_trial(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 100);
    connections_taken(&bench, FREE_CONNECTIONS + 1);
    for (int i = 0; i <= FREE_CONNECTIONS; i++) {
        give(&bench, i, POOL_KEEP);
    }
    struct image *none =
        image_make(&bench.images, S("utf8mb4"), S("utf8mb4_general_ci"), SLICE_NONE, false);
    take_as(&bench, 0, none, 10 * CLOCK_SECOND);
    for (int i = 0; i < 3; i++) {
        loop_turn(bench.fixture.loop);
    }
    assert_int_equal(bench.server.link_count, FREE_CONNECTIONS + 2); // not a timer's time later
    turn_until(bench.fixture.loop, bench.takers[0].pooled != NULL);
    give(&bench, 0, POOL_KEEP);
    image_unref(&none);
    bench_close(&bench);
}

static void nobody_overtakes_those_who_wait(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 1);
    take_wait(&bench, 0);
    take(&bench, 1);
    give(&bench, 0, POOL_KEEP);
    take(&bench, 2); // the connection is idle, but it is not this one's turn
    assert_null(bench.takers[2].pooled);
    turn_until(bench.fixture.loop, bench.takers[1].pooled != NULL);
    assert_null(bench.takers[2].pooled);
    bench_close(&bench);
}

static void a_full_server_asks_the_other_workers_and_then_times_out(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 1);
    take_wait(&bench, 0);
    take_as(&bench, 1, bench.image, 20 * CLOCK_MS);
    turn_until(bench.fixture.loop, bench.takers[1].refusals > 0);
    assert_int_equal(bench.takers[1].refusal, POOL_TIMED_OUT);
    assert_true(bench.asked_others > 0);
    assert_int_equal(bench.server.link_count, 1);
    bench_close(&bench);
}

// For the balancer: neither one that was given up nor a new one is progress.
static void a_queue_says_how_long_nothing_has_come_back(void **state)
{
    struct bench bench;
    struct secret *secret = secret_from_password(S("secret"));
    (void)state;
    bench_open(&bench, 2);
    struct pool_account *other =
        pools_account(bench.pools, S("other"), (struct conn_traits){0}, secret, NULL);
    secret_unref(&secret);
    take_wait(&bench, 0);
    take_wait(&bench, 1);
    assert_int_equal(pool_account_queue(bench.account, 0).stalled_us, 0);
    take(&bench, 2);
    turn_until(bench.fixture.loop,
               pool_account_queue(bench.account, 0).stalled_us >= 20 * CLOCK_MS);
    assert_int_equal(pool_account_queue(bench.account, 0).waiting, 1);
    give(&bench, 0, POOL_CLOSE);
    assert_true(pool_account_queue(bench.account, 0).stalled_us >= 20 * CLOCK_MS);
    turn_until(bench.fixture.loop, bench.takers[2].pooled != NULL);
    assert_int_equal(pool_account_queue(bench.account, 0).waiting, 0);
    take(&bench, 3);
    assert_true(pool_account_queue(bench.account, 0).stalled_us >= 20 * CLOCK_MS);
    assert_int_equal(pool_account_queue(other, 0).waiting, 0);
    assert_int_equal(pool_account_queue(other, 0).stalled_us, 0);
    give(&bench, 1, POOL_KEEP);
    assert_int_equal(pool_account_queue(bench.account, 0).waiting, 1);
    assert_true(pool_account_queue(bench.account, 0).stalled_us < 20 * CLOCK_MS);
    bench_close(&bench);
}

static void a_burst_opens_a_few_connections_at_a_time(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 100);
    for (int i = 0; i < TAKERS; i++) {
        take(&bench, i);
    }
    loop_turn(bench.fixture.loop);
    assert_in_range(pools_used(bench.pools, 0), 1, 4);
    unsigned served = 0;
    while (served < TAKERS) {
        loop_turn(bench.fixture.loop);
        for (int i = 0; i < TAKERS; i++) {
            if (bench.takers[i].pooled != NULL) {
                give(&bench, i, POOL_KEEP);
                served++;
            }
        }
    }
    bench_close(&bench);
}

static void a_connection_is_brought_to_the_image_in_one_round_trip(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 1);
    take_wait(&bench, 0);
    give(&bench, 0, POOL_KEEP);
    bench.server.asked[0] = '\0';

    struct image *other = image_ref(bench.image);
    image_set_schema(&other, S("shop"));
    image_set_variable(&other, S("time_zone"), S("+02:00"), false);
    image_set_variable(&other, S("SQL_SELECT_LIMIT"), S("7"), false);
    take_as(&bench, 1, other, CLOCK_SECOND);
    turn_until(bench.fixture.loop, bench.takers[1].pooled != NULL);
    assert_string_equal(bench.server.asked,
                        "C:2 shop\nQ:SET sql_select_limit=7,time_zone='+02:00'\n");
    give(&bench, 1, POOL_KEEP);

    bench.server.asked[0] = '\0';
    take_wait(&bench, 0);
    assert_string_equal(bench.server.asked,
                        "C:2 app\nQ:SET sql_select_limit=DEFAULT,time_zone=DEFAULT\n");
    give(&bench, 0, POOL_KEEP);
    image_unref(&other);
    bench_close(&bench);
}

static void what_one_session_wants_and_the_server_refuses_is_that_session_s_alone(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 1);
    take_wait(&bench, 0);
    give(&bench, 0, POOL_KEEP);
    struct image *bad = image_ref(bench.image);
    image_set_variable(&bad, S("time_zone"), S("Nowhere"), false);
    bench.server.refuse_text = "Nowhere";
    take_as(&bench, 1, bad, CLOCK_SECOND);
    turn_until(bench.fixture.loop, bench.takers[1].refusals > 0);
    assert_int_equal(bench.takers[1].refusal, POOL_FAILED);
    assert_int_equal(bench.takers[1].code, 1231);
    assert_int_equal(bench.reports, 0);
    take_wait(&bench, 2);
    give(&bench, 2, POOL_KEEP);
    image_unref(&bad);
    bench_close(&bench);
}

static void a_refused_login_is_told_to_one_waiter_with_the_server_s_number(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 10);
    bench.server.refuse_login = 1045;
    take(&bench, 0);
    turn_until(bench.fixture.loop, bench.takers[0].refusals > 0);
    assert_int_equal(bench.takers[0].code, 1045);
    bench.server.refuse_login = 0;
    take_wait(&bench, 1);
    give(&bench, 1, POOL_KEEP);
    bench_close(&bench);
}

static void a_server_that_is_full_keeps_its_waiters_while_connections_are_out(void **state)
{
    static const uint16_t codes[] = {1040, 1203, 1226}; // at all, and of one account
    (void)state;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        struct bench bench;
        bench_open(&bench, 10);
        take_wait(&bench, 0);
        bench.server.refuse_login = codes[i];
        take(&bench, 1);
        turn_until(bench.fixture.loop, bench.reports > 0);
        assert_int_equal(bench.takers[1].refusals, 0);
        give(&bench, 0, POOL_KEEP);
        turn_until(bench.fixture.loop, bench.takers[1].pooled != NULL);
        bench_close(&bench);
    }
}

static void clients_of_other_traits_do_not_share_connections(void **state)
{
    static const struct conn_traits traits[] = {
        {.found_rows = true},    {.ignore_space = true},   {.interactive = true},
        {.deprecate_eof = true}, {.extended_types = true}, {.query_attributes = true},
    };
    (void)state;
    struct bench bench;
    bench_open(&bench, 10);
    struct secret *secret = secret_from_password(S("secret"));
    struct pool_account *plain =
        pools_account(bench.pools, S("same"), (struct conn_traits){0}, secret, NULL);
    for (size_t i = 0; i < sizeof(traits) / sizeof(traits[0]); i++) {
        struct pool_account *other = pools_account(bench.pools, S("same"), traits[i], secret, NULL);
        assert_ptr_not_equal(other, plain);
        pools_account_leave(&other);
    }
    pools_account_leave(&plain);
    secret_unref(&secret);
    bench_close(&bench);
}

// Trap: the server's max_connections is less than the pools may have, and what is idle belongs to
// somebody else: without this its users would wait in vain.
static void a_server_that_is_full_gets_room_from_an_idle_connection_of_another_account(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 10);
    bench.server.links_most = 1;
    take_wait(&bench, 0);
    give(&bench, 0, POOL_KEEP);
    struct secret *secret = secret_from_password(S("secret"));
    bench.account = pools_account(bench.pools, S("other"), (struct conn_traits){0}, secret, NULL);
    secret_unref(&secret);
    take(&bench, 1);
    turn_until(bench.fixture.loop, bench.takers[1].pooled != NULL || bench.takers[1].refusals > 0);
    assert_int_equal(bench.takers[1].refusals, 0);
    bench_close(&bench);
}

static void a_server_that_is_full_gets_room_from_the_other_workers(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 10);
    take_wait(&bench, 0);
    bench.server.refuse_login = 1040;
    take(&bench, 1);
    turn_until(bench.fixture.loop, bench.asked_others > 0);
    assert_true(pool_tokens_is_hungry(bench.tokens, 0, 0));
    bench.server.refuse_login = 0;
    pools_retry(bench.pools, 0); // another one has closed a connection
    turn_until(bench.fixture.loop, bench.takers[1].pooled != NULL);
    assert_false(pool_tokens_is_hungry(bench.tokens, 0, 0));
    bench_close(&bench);
}

static void a_server_that_was_full_is_asked_again_though_nobody_tells(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 10);
    take_wait(&bench, 0);
    bench.server.refuse_login = 1040;
    take_as(&bench, 1, bench.image, 10 * CLOCK_SECOND);
    turn_until(bench.fixture.loop, bench.asked_others > 0);
    bench.server.refuse_login = 0;
    turn_until(bench.fixture.loop, bench.takers[1].pooled != NULL);
    bench_close(&bench);
}

static void a_connection_that_the_server_closed_while_idle_is_never_handed_out(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 10);
    take_wait(&bench, 0);
    give(&bench, 0, POOL_KEEP);
    link_err(bench.server.links[0], 4031, "idle for too long");
    stream_finish(&bench.server.links[0]->stream);
    turn_until(bench.fixture.loop, bench.server.links[0]->is_closed);
    take(&bench, 1);
    assert_null(bench.takers[1].pooled);
    turn_until(bench.fixture.loop, bench.takers[1].pooled != NULL);
    assert_int_equal(bench.server.link_count, 2);
    bench_close(&bench);
}

static void state_that_cannot_be_named_is_reset_before_the_next_session(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 1);
    take_wait(&bench, 0);
    bench.server.asked[0] = '\0';
    give(&bench, 0, POOL_RESET);
    take_wait(&bench, 1);
    assert_non_null(strstr(bench.server.asked, "C:31 \nQ:SET session_track_schema=1"));
    give(&bench, 1, POOL_KEEP);
    bench_close(&bench);
}

static void an_insert_id_is_saved_before_somebody_else_gets_the_connection(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 1);
    take_wait(&bench, 0);
    pool_tie_bind(&bench.takers[0].ties, POOL_TIE_INSERT_ID, bench.takers[0].pooled, true);
    give(&bench, 0, POOL_KEEP);
    bench.server.insert_id = 77;
    take_wait(&bench, 1);
    assert_int_equal(bench.takers[0].saved_id, 77);
    assert_null(bench.takers[0].ties.of[POOL_TIE_INSERT_ID].pooled);
    give(&bench, 1, POOL_KEEP);
    bench_close(&bench);
}

// Everything is asked for at once, and warnings first: a SELECT would clear them.
static void warnings_and_counts_are_saved_in_one_go(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 1);
    take_wait(&bench, 0);
    struct pool_ties *ties = &bench.takers[0].ties;
    pool_tie_bind(ties, POOL_TIE_CONDITIONS, bench.takers[0].pooled, true);
    pool_tie_bind(ties, POOL_TIE_FOUND_ROWS, bench.takers[0].pooled, true);
    give(&bench, 0, POOL_KEEP);
    struct buffer rows = BUFFER_INIT, count = BUFFER_INIT;
    result_write(&rows, 3, 2);
    result_write(&count, 1, 1);
    server_answer(&bench.server, "SHOW WARNINGS", buffer_slice(&rows));
    server_answer(&bench.server, "SELECT FOUND_ROWS()", buffer_slice(&count));
    bench.server.asked[0] = '\0';
    take_wait(&bench, 1);
    assert_non_null(strstr(bench.server.asked, "Q:SHOW WARNINGS\nQ:SELECT FOUND_ROWS()\n"));
    assert_int_equal(bench.takers[0].saved_rows, 2);
    assert_int_equal(bench.takers[0].saved_found_rows, 7);
    assert_null(ties->of[POOL_TIE_CONDITIONS].pooled);
    assert_null(ties->of[POOL_TIE_FOUND_ROWS].pooled);
    assert_int_equal(bench.takers[0].losses, 0);
    give(&bench, 1, POOL_KEEP);
    buffer_release(&rows);
    buffer_release(&count);
    bench_close(&bench);
}

// ROW_COUNT() there is that of the questions from then on, whoever gets the connection next.
static void a_connection_that_was_asked_is_not_the_last_one_s_any_more(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 1);
    take_wait(&bench, 0);
    struct pool_ties *ties = &bench.takers[0].ties;
    pool_tie_bind(ties, POOL_TIE_LAST, bench.takers[0].pooled, false);
    pool_tie_bind(ties, POOL_TIE_INSERT_ID, bench.takers[0].pooled, true);
    give(&bench, 0, POOL_KEEP);
    bench.server.insert_id = 77;
    assert_true(pool_save_tied(ties, POOL_TIE_INSERT_ID));
    turn_until(bench.fixture.loop, bench.takers[0].saved_id == 77);
    assert_null(ties->of[POOL_TIE_LAST].pooled);
    bench_close(&bench);
}

static void a_connection_that_holds_nothing_for_anybody_is_preferred(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 10);
    take_wait(&bench, 0);
    take_wait(&bench, 1);
    struct pooled *free = bench.takers[1].pooled;
    pool_tie_bind(&bench.takers[0].ties, POOL_TIE_CONDITIONS, bench.takers[0].pooled, true);
    give(&bench, 1, POOL_KEEP);
    give(&bench, 0, POOL_KEEP); // used later: the first that others would get
    bench.server.asked[0] = '\0';
    take(&bench, 2);
    assert_ptr_equal(bench.takers[2].pooled, free);
    give(&bench, 2, POOL_KEEP);
    // To change one, too, one is taken that holds nothing.
    struct image *other =
        image_make(&bench.images, S("latin1"), S("latin1_swedish_ci"), S("app"), false);
    take_as(&bench, 3, other, 10 * CLOCK_SECOND);
    turn_until(bench.fixture.loop, bench.takers[3].pooled != NULL);
    assert_ptr_equal(bench.takers[3].pooled, free);
    assert_null(strstr(bench.server.asked, "WARNINGS"));
    assert_non_null(bench.takers[0].ties.of[POOL_TIE_CONDITIONS].pooled);
    give(&bench, 3, POOL_KEEP);
    image_unref(&other);
    bench_close(&bench);
}

static void a_session_hears_that_what_was_to_be_saved_is_gone(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 1);
    take_wait(&bench, 0);
    pool_tie_bind(&bench.takers[0].ties, POOL_TIE_CONDITIONS, bench.takers[0].pooled, true);
    give(&bench, 0, POOL_KEEP);
    topology_set(&bench, ROLE_PRIMARY, SERVER_DOWN); // idle ones close
    assert_int_equal(bench.takers[0].losses, 1);
    assert_null(bench.takers[0].ties.of[POOL_TIE_CONDITIONS].pooled);
    bench_close(&bench);
}

static void facts_copy(const struct pool_facts *facts, void *context)
{
    *(struct pool_facts *)context = *facts;
}

static struct pool_facts facts_of(const struct bench *bench)
{
    struct pool_facts facts = {0};
    pools_each(bench->pools, facts_copy, &facts);
    return facts;
}

// As those do to an address that a reload has changed.
static void outdate_while(bool is_idle)
{
    struct bench bench;
    struct buffer rows = BUFFER_INIT;
    bench_open(&bench, 1);
    take_wait(&bench, 0);
    pool_tie_bind(&bench.takers[0].ties, POOL_TIE_CONDITIONS, bench.takers[0].pooled, true);
    result_write(&rows, 3, 2);
    server_answer(&bench.server, "SHOW WARNINGS", buffer_slice(&rows));
    if (is_idle) {
        give(&bench, 0, POOL_KEEP);
    }
    struct conn_target moved = bench.target;
    bench.targets[0] = &moved;
    pools_set_targets(bench.pools, bench.targets, 1, bench.tokens);
    if (!is_idle) {
        give(&bench, 0, POOL_KEEP);
    }
    turn_until(bench.fixture.loop, facts_of(&bench).closed == 1);
    assert_int_equal(bench.takers[0].saved_rows, 2);
    assert_int_equal(bench.takers[0].losses, 0);
    assert_null(bench.takers[0].ties.of[POOL_TIE_CONDITIONS].pooled);
    buffer_release(&rows);
    bench_close(&bench);
}

static void a_connection_that_is_outdated_tells_what_it_holds_before_it_closes(void **state)
{
    (void)state;
    outdate_while(true);
    outdate_while(false);
}

static void a_session_gets_its_own_connection_back_where_nobody_needed_it(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 10);
    take_wait(&bench, 0);
    take_wait(&bench, 1);
    struct pooled *own = bench.takers[0].pooled;
    give(&bench, 0, POOL_KEEP);
    give(&bench, 1, POOL_KEEP); // used later: the first that others would get
    take(&bench, 0);
    assert_ptr_equal(bench.takers[0].pooled, own);
    bench_close(&bench);
}

static void connections_to_a_primary_that_is_none_any_more_are_not_used_again(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 10);
    take_wait(&bench, 0);
    give(&bench, 0, POOL_KEEP);
    topology_set(&bench, ROLE_REPLICA, SERVER_UP);
    take(&bench, 1);
    assert_null(bench.takers[1].pooled);
    turn_until(bench.fixture.loop, bench.takers[1].pooled != NULL);
    assert_int_equal(bench.server.link_count, 2);
    assert_true(conn_is_replica(pooled_conn(bench.takers[1].pooled)));
    assert_non_null(strstr(bench.server.asked, "tx_read_only=1"));
    bench_close(&bench);
}

// Nobody gets it, but it was opened, and is closed.
static void a_connection_that_is_outdated_before_it_is_open_counts_as_closed(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 10);
    take(&bench, 0);
    turn_until(bench.fixture.loop, facts_of(&bench).used == 1);
    topology_set(&bench, ROLE_REPLICA, SERVER_UP);
    turn_until(bench.fixture.loop, bench.takers[0].pooled != NULL && facts_of(&bench).opened == 2);
    assert_int_equal(facts_of(&bench).used, 1);
    assert_int_equal(facts_of(&bench).closed, 1);
    bench_close(&bench);
}

static void connections_to_an_address_that_a_reload_changed_are_not_used_again(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 10);
    take_wait(&bench, 0);
    give(&bench, 0, POOL_KEEP);
    struct conn_target moved = bench.target;
    bench.targets[0] = &moved; // in place, as a worker does it
    pools_set_targets(bench.pools, bench.targets, 1, bench.tokens);
    take(&bench, 1);
    assert_null(bench.takers[1].pooled);
    turn_until(bench.fixture.loop, bench.takers[1].pooled != NULL);
    assert_int_equal(bench.server.link_count, 2);
    bench_close(&bench);
}

static void waiters_for_a_server_that_went_down_are_told_at_once(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 1);
    take_wait(&bench, 0);
    take(&bench, 1);
    topology_set(&bench, ROLE_PRIMARY, SERVER_DOWN);
    assert_int_equal(bench.takers[1].refusals, 1);
    assert_int_equal(bench.takers[1].refusal, POOL_GONE);
    bench_close(&bench);
}

// From here on takers are of another account.
static struct pool_account *account_change(struct bench *bench)
{
    struct pool_account *before = bench->account;
    struct secret *secret = secret_from_password(S("secret"));
    bench->account = pools_account(bench->pools, S("other"), (struct conn_traits){0}, secret, NULL);
    secret_unref(&secret);
    return before;
}

// One worker, and nobody else who could tell of the token that came back.
static void a_connection_that_goes_makes_room_for_another_account_of_the_worker(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 1);
    take_wait(&bench, 0);
    account_change(&bench);
    take(&bench, 1);
    turn_until(bench.fixture.loop, bench.asked_others > 0);
    give(&bench, 0, POOL_CLOSE);
    turn_until(bench.fixture.loop, bench.takers[1].pooled != NULL);
    bench_close(&bench);
}

// The first of the takers `turns` has a connection and gives it back, and the others wait for it in
// turn, until `starving` has one.
static void others_work(struct bench *bench, int turns[2], int starving, enum pool_fate fate,
                        bool holds)
{
    while (bench->takers[starving].pooled == NULL) {
        struct taker *has = &bench->takers[turns[0]];
        assert_int_equal(bench->takers[starving].refusals, 0);
        if (has->pooled != NULL) {
            if (holds) {
                pool_tie_bind(&has->ties, POOL_TIE_INSERT_ID, has->pooled, true);
            }
            give(bench, turns[0], fate);
            take(bench, turns[0]);
            int other = turns[0];
            turns[0] = turns[1];
            turns[1] = other;
        }
        loop_turn(bench->fixture.loop);
    }
}

// Sessions of the one account wait all the time, and the other one has nothing.
static void an_account_that_always_waits_leaves_something_for_another(void **state)
{
    static const struct {
        enum pool_fate fate;
        bool holds; // something of the session's, which is asked for first
    } ways[] = {{POOL_KEEP, false}, {POOL_RESET, false}, {POOL_KEEP, true}};
    (void)state;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct bench bench;
        bench_open(&bench, 1);
        take_wait(&bench, 0);
        struct pool_account *busy = account_change(&bench);
        take(&bench, 1);
        bench.account = busy;
        take(&bench, 2);
        others_work(&bench, (int[]){0, 2}, 1, ways[i].fate, ways[i].holds);
        give(&bench, 1, POOL_KEEP);
        turn_until(bench.fixture.loop,
                   bench.takers[0].pooled != NULL || bench.takers[2].pooled != NULL);
        bench_close(&bench);
    }
}

// What it has is in a long transaction: that comes back too late for those who wait.
static void an_account_whose_connections_are_kept_gets_another(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 2);
    take_wait(&bench, 0);
    struct pool_account *busy = account_change(&bench);
    take_wait(&bench, 1);
    take_as(&bench, 4, bench.image, 150 * CLOCK_MS);
    turn_until(bench.fixture.loop, bench.takers[4].refusals > 0);
    take(&bench, 3);
    bench.account = busy;
    take(&bench, 2);
    others_work(&bench, (int[]){0, 2}, 3, POOL_KEEP, false);
    bench_close(&bench);
}

// What came back late came back all the same: those who waited for it get it, not another one.
static void a_connection_that_was_kept_is_not_given_up_for_those_who_wait_for_it(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 1);
    take_wait(&bench, 0);
    take_as(&bench, 1, bench.image, 150 * CLOCK_MS);
    turn_until(bench.fixture.loop, bench.takers[1].refusals > 0);
    take(&bench, 2);
    turn_until(bench.fixture.loop, pool_tokens_has_starving(bench.tokens, 0));
    give(&bench, 0, POOL_KEEP);
    turn_until(bench.fixture.loop, bench.takers[2].pooled != NULL);
    assert_int_equal(bench.server.link_count, 1);
    bench_close(&bench);
}

// While a password changes: the servers have the other one of the two, and then the first.
static void the_other_password_is_tried_where_a_server_refuses_the_first(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 10);
    struct secret *wrong = secret_from_password(S("not yet"));
    struct secret *secret = secret_from_password(S("secret"));
    bench.account = pools_account(bench.pools, S("other"), (struct conn_traits){0}, wrong, secret);
    take_wait(&bench, 0);
    assert_int_equal(bench.takers[0].refusals, 0);
    assert_int_equal(bench.server.link_count, 2);
    take_wait(&bench, 1);
    assert_int_equal(bench.server.link_count, 3); // it is known now
    struct pool_account *same =
        pools_account(bench.pools, S("other"), (struct conn_traits){0}, secret, wrong);
    assert_ptr_equal(same, bench.account);
    take_wait(&bench, 2);
    assert_int_equal(bench.takers[2].refusals, 0);
    secret_unref(&wrong);
    secret_unref(&secret);
    bench_close(&bench);
}

static void where_no_password_is_taken_the_session_hears_of_it(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 10);
    struct secret *wrong = secret_from_password(S("wrong"));
    bench.account = pools_account(bench.pools, S("other"), (struct conn_traits){0}, wrong, wrong);
    secret_unref(&wrong);
    for (int i = 0; i < 3; i++) {
        take(&bench, i);
        turn_until(bench.fixture.loop, bench.takers[i].refusals > 0);
        assert_int_equal(bench.server.link_count, 2 * (i + 1));
    }
    bench_close(&bench);
}

static void an_account_takes_an_idle_connection_of_another_where_the_server_is_full(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 1);
    take_wait(&bench, 0);
    give(&bench, 0, POOL_KEEP);
    struct secret *secret = secret_from_password(S("secret"));
    bench.account = pools_account(bench.pools, S("other"), (struct conn_traits){0}, secret, NULL);
    secret_unref(&secret);
    take_wait(&bench, 1);
    assert_int_equal(bench.server.link_count, 2);
    turn_until(bench.fixture.loop, server_links_open(&bench.server) == 1);
    bench_close(&bench);
}

// Trap: SET GLOBAL, and whoever logs in behind it must begin with the new value, while those who
// are there keep the old one.
static void sessions_behind_a_renewal_get_connections_of_their_own_time(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 10);
    struct pool_account *old = bench.account;
    take_wait(&bench, 0);
    give(&bench, 0, POOL_KEEP);
    pools_renew(bench.pools);
    struct secret *secret = secret_from_password(S("secret"));
    bench.account =
        pools_account(bench.pools, pool_account_user(old), (struct conn_traits){0}, secret, NULL);
    secret_unref(&secret);
    assert_ptr_not_equal(bench.account, old);
    take_wait(&bench, 1);
    assert_int_equal(bench.server.link_count, 2);
    give(&bench, 1, POOL_KEEP);
    bench.account = old;
    take(&bench, 2);
    assert_non_null(bench.takers[2].pooled); // the first one, at once
    give(&bench, 2, POOL_KEEP);
    assert_int_equal(bench.server.link_count, 2);
    bench_close(&bench);
}

static void a_hanging_server_costs_the_connect_timeout_and_no_more(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 10);
    bench.server.is_silent = true; // the login passes, the set-up gets no answer
    bench.target.connect_timeout_us = 20 * CLOCK_MS;
    take(&bench, 0);
    turn_until(bench.fixture.loop, bench.takers[0].refusals > 0);
    assert_int_equal(bench.takers[0].refusal, POOL_FAILED);
    assert_true(bench.takers[0].waiter.connect_us >= 20 * CLOCK_MS);
    bench_close(&bench);
}

static void only_the_wait_for_a_new_connection_is_told_as_such(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 1);
    take_wait(&bench, 0); // it was opened for this one
    assert_true(bench.takers[0].waiter.connect_us > 0);
    take(&bench, 1);
    give(&bench, 0, POOL_KEEP);
    turn_until(bench.fixture.loop, bench.takers[1].pooled != NULL);
    assert_int_equal(bench.takers[1].waiter.connect_us, 0);
    give(&bench, 1, POOL_KEEP);
    struct image *other = image_ref(bench.image);
    image_set_schema(&other, S("shop"));
    take_as(&bench, 2, other, CLOCK_SECOND); // changed, not opened
    turn_until(bench.fixture.loop, bench.takers[2].pooled != NULL);
    assert_int_equal(bench.takers[2].waiter.connect_us, 0);
    image_unref(&other);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_given_back_is_taken_again_without_a_word_to_the_server),
        cmocka_unit_test(those_who_wait_are_served_in_the_order_of_their_coming),
        cmocka_unit_test(beyond_the_first_few_one_that_comes_back_serves_before_another_is_opened),
        cmocka_unit_test(where_none_comes_back_another_is_opened),
        cmocka_unit_test(connections_that_are_kept_stand_in_nobodys_way),
        cmocka_unit_test(one_that_none_can_serve_waits_for_no_trial),
        cmocka_unit_test(nobody_overtakes_those_who_wait),
        cmocka_unit_test(a_full_server_asks_the_other_workers_and_then_times_out),
        cmocka_unit_test(a_queue_says_how_long_nothing_has_come_back),
        cmocka_unit_test(a_burst_opens_a_few_connections_at_a_time),
        cmocka_unit_test(a_connection_is_brought_to_the_image_in_one_round_trip),
        cmocka_unit_test(what_one_session_wants_and_the_server_refuses_is_that_session_s_alone),
        cmocka_unit_test(a_refused_login_is_told_to_one_waiter_with_the_server_s_number),
        cmocka_unit_test(a_server_that_is_full_keeps_its_waiters_while_connections_are_out),
        cmocka_unit_test(clients_of_other_traits_do_not_share_connections),
        cmocka_unit_test(
            a_server_that_is_full_gets_room_from_an_idle_connection_of_another_account),
        cmocka_unit_test(a_server_that_is_full_gets_room_from_the_other_workers),
        cmocka_unit_test(a_server_that_was_full_is_asked_again_though_nobody_tells),
        cmocka_unit_test(a_connection_that_the_server_closed_while_idle_is_never_handed_out),
        cmocka_unit_test(state_that_cannot_be_named_is_reset_before_the_next_session),
        cmocka_unit_test(an_insert_id_is_saved_before_somebody_else_gets_the_connection),
        cmocka_unit_test(warnings_and_counts_are_saved_in_one_go),
        cmocka_unit_test(a_connection_that_was_asked_is_not_the_last_one_s_any_more),
        cmocka_unit_test(a_connection_that_holds_nothing_for_anybody_is_preferred),
        cmocka_unit_test(a_session_hears_that_what_was_to_be_saved_is_gone),
        cmocka_unit_test(a_connection_that_is_outdated_tells_what_it_holds_before_it_closes),
        cmocka_unit_test(a_session_gets_its_own_connection_back_where_nobody_needed_it),
        cmocka_unit_test(connections_to_a_primary_that_is_none_any_more_are_not_used_again),
        cmocka_unit_test(a_connection_that_is_outdated_before_it_is_open_counts_as_closed),
        cmocka_unit_test(connections_to_an_address_that_a_reload_changed_are_not_used_again),
        cmocka_unit_test(waiters_for_a_server_that_went_down_are_told_at_once),
        cmocka_unit_test(a_connection_that_goes_makes_room_for_another_account_of_the_worker),
        cmocka_unit_test(an_account_that_always_waits_leaves_something_for_another),
        cmocka_unit_test(an_account_whose_connections_are_kept_gets_another),
        cmocka_unit_test(a_connection_that_was_kept_is_not_given_up_for_those_who_wait_for_it),
        cmocka_unit_test(the_other_password_is_tried_where_a_server_refuses_the_first),
        cmocka_unit_test(where_no_password_is_taken_the_session_hears_of_it),
        cmocka_unit_test(an_account_takes_an_idle_connection_of_another_where_the_server_is_full),
        cmocka_unit_test(sessions_behind_a_renewal_get_connections_of_their_own_time),
        cmocka_unit_test(a_hanging_server_costs_the_connect_timeout_and_no_more),
        cmocka_unit_test(only_the_wait_for_a_new_connection_is_told_as_such),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
