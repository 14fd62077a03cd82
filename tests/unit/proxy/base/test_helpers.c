#include "proxy/base/helpers.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

enum { JOBS = 1000 };

struct counted_job {
    struct helper_job job;
    atomic_int *runs;
    int order; // which run it was
};

static void count_run(struct helper_job *job)
{
    struct counted_job *counted = container_of(job, struct counted_job, job);
    counted->order = atomic_fetch_add(counted->runs, 1);
}

static void every_job_asked_for_has_run_when_destroy_returns(void **state)
{
    (void)state;
    static struct counted_job jobs[JOBS];
    atomic_int runs = 0;
    struct helpers *helpers = helpers_create(3);

    for (int i = 0; i < JOBS; i++) {
        jobs[i] = (struct counted_job){.job.run = count_run, .runs = &runs};
        helpers_run(helpers, &jobs[i].job);
    }
    helpers_destroy(helpers);
    assert_int_equal(atomic_load(&runs), JOBS);
}

static void one_thread_keeps_the_order_of_asking(void **state)
{
    (void)state;
    static struct counted_job jobs[JOBS];
    atomic_int runs = 0;
    struct helpers *helpers = helpers_create(1);

    for (int i = 0; i < JOBS; i++) {
        jobs[i] = (struct counted_job){.job.run = count_run, .runs = &runs};
        helpers_run(helpers, &jobs[i].job);
    }
    helpers_destroy(helpers);
    for (int i = 0; i < JOBS; i++) {
        assert_int_equal(jobs[i].order, i);
    }
}

struct meeting_job {
    struct helper_job job;
    pthread_barrier_t *barrier;
    bool is_mine;
    pthread_t asker;
    bool takes_signals;
};

static void meet(struct helper_job *job)
{
    struct meeting_job *meeting = container_of(job, struct meeting_job, job);
    sigset_t blocked;

    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    meeting->takes_signals = !sigismember(&blocked, SIGTERM);
    meeting->is_mine = pthread_equal(pthread_self(), meeting->asker) != 0;
    pthread_barrier_wait(meeting->barrier);
}

// Ends only if both jobs run at the same time.
static void jobs_run_side_by_side_on_threads_without_signals(void **state)
{
    (void)state;
    pthread_barrier_t barrier;
    struct meeting_job jobs[2];
    struct helpers *helpers = helpers_create(2);

    pthread_barrier_init(&barrier, NULL, 2);
    for (int i = 0; i < 2; i++) {
        jobs[i] =
            (struct meeting_job){.job.run = meet, .barrier = &barrier, .asker = pthread_self()};
        helpers_run(helpers, &jobs[i].job);
    }
    helpers_destroy(helpers);
    for (int i = 0; i < 2; i++) {
        assert_false(jobs[i].is_mine);
        assert_false(jobs[i].takes_signals);
    }
    pthread_barrier_destroy(&barrier);
}

static void threads_without_work_end_too(void **state)
{
    (void)state;
    helpers_destroy(helpers_create(4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_job_asked_for_has_run_when_destroy_returns),
        cmocka_unit_test(one_thread_keeps_the_order_of_asking),
        cmocka_unit_test(jobs_run_side_by_side_on_threads_without_signals),
        cmocka_unit_test(threads_without_work_end_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
