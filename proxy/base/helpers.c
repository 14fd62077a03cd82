#include "proxy/base/helpers.h"

#include "proxy/base/memory.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

struct helpers {
    pthread_mutex_t lock; // holds for what follows
    pthread_cond_t asked;
    struct list jobs;
    bool is_ending;
    unsigned thread_count; // from here on constant
    pthread_t threads[];
};

// The oldest job, or NULL once there is none and none will come.
static struct helper_job *job_wait(struct helpers *helpers)
{
    pthread_mutex_lock(&helpers->lock);
    while (list_is_empty(&helpers->jobs) && !helpers->is_ending) {
        pthread_cond_wait(&helpers->asked, &helpers->lock);
    }
    struct list *link = list_pop_front(&helpers->jobs);
    pthread_mutex_unlock(&helpers->lock);
    return link != NULL ? list_entry(link, struct helper_job, link) : NULL;
}

static void *helper_run(void *arg)
{
    struct helpers *helpers = arg;
    struct helper_job *job;

    pthread_setname_np(pthread_self(), "helper");
    while ((job = job_wait(helpers)) != NULL) {
        job->run(job);
    }
    return NULL;
}

// Signals are for the threads that wait for them.
static void threads_start(struct helpers *helpers)
{
    sigset_t all;
    sigset_t before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (unsigned i = 0; i < helpers->thread_count; i++) {
        if (pthread_create(&helpers->threads[i], NULL, helper_run, helpers) != 0) {
            fprintf(stderr, "sluice: no helper thread to be had\n");
            abort();
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct helpers *helpers_create(unsigned threads)
{
    assert(threads > 0);
    struct helpers *helpers = mem_zero(1, sizeof(*helpers) + threads * sizeof(pthread_t));
    pthread_mutex_init(&helpers->lock, NULL);
    pthread_cond_init(&helpers->asked, NULL);
    list_init(&helpers->jobs);
    helpers->thread_count = threads;
    threads_start(helpers);
    return helpers;
}

void helpers_destroy(struct helpers *helpers)
{
    pthread_mutex_lock(&helpers->lock);
    helpers->is_ending = true;
    pthread_cond_broadcast(&helpers->asked);
    pthread_mutex_unlock(&helpers->lock);
    for (unsigned i = 0; i < helpers->thread_count; i++) {
        pthread_join(helpers->threads[i], NULL);
    }
    pthread_cond_destroy(&helpers->asked);
    pthread_mutex_destroy(&helpers->lock);
    mem_free(helpers);
}

void helpers_run(struct helpers *helpers, struct helper_job *job)
{
    pthread_mutex_lock(&helpers->lock);
    assert(!helpers->is_ending);
    list_push_back(&helpers->jobs, &job->link);
    pthread_cond_signal(&helpers->asked);
    pthread_mutex_unlock(&helpers->lock);
}
