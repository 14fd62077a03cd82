#include "proxy/net/loop.h"

#include "proxy/base/clock.h"
#include "proxy/base/memory.h"
#include "proxy/net/timer.h"
#include "tests/unit/proxy/net/fixture.h"

#include <pthread.h>
#include <string.h>

static struct fixture f;

static int setup(void **state)
{
    (void)state;
    fixture_open(&f);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_close(&f);
    return 0;
}

// --- end of the turn ----------------------------------------------------------------------------

struct noted_task {
    struct loop_task task;
    struct noted_task *next; // put off by this one
    int order;
};

static int tasks_run_count;

static void note(struct loop_task *task)
{
    struct noted_task *noted = container_of(task, struct noted_task, task);
    noted->order = ++tasks_run_count;
    if (noted->next != NULL) {
        loop_defer(f.loop, &noted->next->task);
    }
}

static struct noted_task noted_task(void)
{
    struct noted_task task = {.next = NULL, .order = 0};
    tasks_run_count = 0;
    return task;
}

static void deferred_tasks_run_in_order_and_once(void **state)
{
    (void)state;
    struct noted_task a = noted_task();
    struct noted_task b = noted_task();
    loop_task_init(&a.task, note);
    loop_task_init(&b.task, note);
    loop_defer(f.loop, &a.task);
    loop_defer(f.loop, &b.task);
    loop_defer(f.loop, &a.task);
    assert_int_equal(a.order, 0);
    loop_turn(f.loop); // does not wait: there is something to do
    assert_int_equal(a.order, 1);
    assert_int_equal(b.order, 2);
    assert_int_equal(tasks_run_count, 2);
}

static void a_cancelled_task_does_not_run(void **state)
{
    (void)state;
    struct noted_task a = noted_task();
    struct noted_task b = noted_task();
    loop_task_init(&a.task, note);
    loop_task_init(&b.task, note);
    loop_defer(f.loop, &a.task);
    loop_defer(f.loop, &b.task);
    loop_task_cancel(&a.task);
    loop_turn(f.loop);
    assert_int_equal(a.order, 0);
    assert_int_equal(b.order, 1);
}

static void a_task_put_off_by_a_task_runs_in_the_next_turn(void **state)
{
    (void)state;
    struct noted_task a = noted_task();
    struct noted_task b = noted_task();
    loop_task_init(&a.task, note);
    loop_task_init(&b.task, note);
    a.next = &b;
    loop_defer(f.loop, &a.task);
    loop_turn(f.loop);
    assert_int_equal(a.order, 1);
    assert_int_equal(b.order, 0);
    loop_turn(f.loop);
    assert_int_equal(b.order, 2);
}

// --- messages -----------------------------------------------------------------------------------

enum { SENDERS = 4, MESSAGES = 5000 };

struct numbered_message {
    struct loop_message message;
    int sender;
    int number;
};

static int received[SENDERS];
static int received_total;

static void receive(struct loop_message *message, struct loop *loop)
{
    struct numbered_message *numbered = container_of(message, struct numbered_message, message);
    assert_ptr_equal(loop, f.loop);
    assert_int_equal(numbered->number, received[numbered->sender]++);
    received_total++;
    mem_free(numbered);
}

static void post(int sender, int number)
{
    struct numbered_message *numbered = mem_alloc(sizeof(*numbered));
    *numbered =
        (struct numbered_message){.message.run = receive, .sender = sender, .number = number};
    loop_post(f.loop, &numbered->message);
}

static void *send_all(void *arg)
{
    int sender = *(int *)arg;
    for (int i = 0; i < MESSAGES; i++) {
        post(sender, i);
    }
    return NULL;
}

static void messages_of_four_threads_all_come_each_ones_in_order(void **state)
{
    (void)state;
    pthread_t threads[SENDERS];
    int senders[SENDERS];
    memset(received, 0, sizeof(received));
    received_total = 0;
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, send_all, &senders[i]), 0);
    }
    turn_until(f.loop, received_total == SENDERS * MESSAGES);
    for (int i = 0; i < SENDERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(received[i], MESSAGES);
    }
    assert_int_equal(metric_get(f.metrics, METRIC_LOOP_MESSAGES), SENDERS * MESSAGES);
}

static void several_messages_wake_the_loop_once(void **state)
{
    (void)state;
    memset(received, 0, sizeof(received));
    received_total = 0;
    for (int i = 0; i < 10; i++) {
        post(0, i);
    }
    loop_turn(f.loop);
    assert_int_equal(received_total, 10);
    assert_int_equal(metric_get(f.metrics, METRIC_LOOP_TURNS), 1);
}

static void messages_nobody_took_reach_their_receiver_when_the_loop_ends(void **state)
{
    (void)state;
    struct fixture other;
    struct fixture before = f;
    memset(received, 0, sizeof(received));
    received_total = 0;
    fixture_open(&other);
    f = other;
    post(1, 0);
    post(1, 1);
    fixture_close(&f);
    f = before;
    assert_int_equal(received_total, 2);
}

// --- running and stopping -----------------------------------------------------------------------

static char thread_name[16];

static void note_name(struct loop_message *message, struct loop *loop)
{
    (void)message;
    pthread_getname_np(pthread_self(), thread_name, sizeof(thread_name));
    loop_stop(loop);
}

static void *run(void *arg)
{
    loop_run(arg);
    return NULL;
}

static void a_loop_runs_on_a_thread_of_its_name_until_it_is_stopped(void **state)
{
    (void)state;
    pthread_t thread;
    struct loop_message message = {.run = note_name};
    assert_int_equal(pthread_create(&thread, NULL, run, f.loop), 0);
    loop_post(f.loop, &message);
    pthread_join(thread, NULL);
    assert_string_equal(thread_name, "test");
    // Stopped from outside, before or after it begins to run.
    assert_int_equal(pthread_create(&thread, NULL, run, f.loop), 0);
    loop_stop(f.loop);
    pthread_join(thread, NULL);
}

// --- time ---------------------------------------------------------------------------------------

static int64_t fake_now;
static int fake_reads;

static int64_t fake_clock(void)
{
    fake_reads++;
    return fake_now += 1000;
}

static int64_t seen_now[3];

static void look_at_clock(struct loop_task *task)
{
    (void)task;
    seen_now[0] = loop_now_us(f.loop);
    seen_now[1] = loop_now_us(f.loop);
    seen_now[2] = loop_now_exact_us(f.loop);
}

static void the_clock_is_read_once_a_turn_and_only_if_asked(void **state)
{
    (void)state;
    static const struct clock_source source = {fake_clock, fake_clock};
    struct noted_task idle = noted_task();
    struct loop_task look;
    loop_task_init(&idle.task, note);
    loop_task_init(&look, look_at_clock);
    clock_replace(&source);
    fake_reads = 0;
    loop_defer(f.loop, &idle.task);
    loop_turn(f.loop);
    assert_int_equal(fake_reads, 0);
    loop_defer(f.loop, &look);
    loop_turn(f.loop);
    assert_int_equal(fake_reads, 2);
    assert_int_equal(seen_now[0], seen_now[1]);
    assert_int_equal(seen_now[2], seen_now[1] + 1000);
    int64_t first = seen_now[0];
    loop_defer(f.loop, &look);
    loop_turn(f.loop);
    assert_true(seen_now[0] > first);
    // Outside a turn there is nothing to keep it for.
    assert_true(loop_now_us(f.loop) < loop_now_us(f.loop));
    clock_replace(NULL);
}

// --- helpers ------------------------------------------------------------------------------------

struct sum_work {
    struct loop_work work;
    pthread_t loop_thread;
    bool was_elsewhere;
    int sum;
};

static int works_done;

static void add_up(struct loop_work *work)
{
    struct sum_work *sum = container_of(work, struct sum_work, work);
    sum->was_elsewhere = !pthread_equal(pthread_self(), sum->loop_thread);
    for (int i = 1; i <= 100; i++) {
        sum->sum += i;
    }
}

static void take_sum(struct loop_work *work)
{
    struct sum_work *sum = container_of(work, struct sum_work, work);
    assert_true(pthread_equal(pthread_self(), sum->loop_thread));
    assert_true(sum->was_elsewhere);
    assert_int_equal(sum->sum, 5050);
    mem_free(sum);
    works_done++;
}

static void work_give(void)
{
    struct sum_work *sum = mem_zero(1, sizeof(*sum));
    sum->work.work = add_up;
    sum->work.done = take_sum;
    sum->loop_thread = pthread_self();
    loop_work(f.loop, &sum->work);
}

static void work_is_done_elsewhere_and_comes_back(void **state)
{
    (void)state;
    works_done = 0;
    for (int i = 0; i < 50; i++) {
        work_give();
    }
    turn_until(f.loop, works_done == 50);
}

static void a_loop_that_ends_waits_for_its_work(void **state)
{
    (void)state;
    struct fixture before = f;
    works_done = 0;
    for (int round = 0; round < 100; round++) {
        fixture_open(&f);
        work_give();
        work_give();
        fixture_close(&f);
    }
    f = before;
    assert_int_equal(works_done, 200);
}

int main(void)
{
#define IN_LOOP(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        IN_LOOP(deferred_tasks_run_in_order_and_once),
        IN_LOOP(a_cancelled_task_does_not_run),
        IN_LOOP(a_task_put_off_by_a_task_runs_in_the_next_turn),
        IN_LOOP(messages_of_four_threads_all_come_each_ones_in_order),
        IN_LOOP(several_messages_wake_the_loop_once),
        IN_LOOP(messages_nobody_took_reach_their_receiver_when_the_loop_ends),
        IN_LOOP(a_loop_runs_on_a_thread_of_its_name_until_it_is_stopped),
        IN_LOOP(the_clock_is_read_once_a_turn_and_only_if_asked),
        IN_LOOP(work_is_done_elsewhere_and_comes_back),
        IN_LOOP(a_loop_that_ends_waits_for_its_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
