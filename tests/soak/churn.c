#include "tests/soak/churn_priv.h"

#include "proxy/base/memory.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/wait.h"

#include <mariadb/errmsg.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

// Enough for both workers to have many at a time; the pauses keep them from eating the machine.
enum { ACTORS = 24, PAUSE_MS = 250, FAULTS_SHOWN = 20, FAULT_SIZE = 512, PARK_MS = 90000 };

struct churn {
    pthread_mutex_t lock; // over all but the actors
    pthread_cond_t changed;
    enum churn_phase phase;
    unsigned parked;
    size_t fault_count;
    char faults[FAULTS_SHOWN][FAULT_SIZE];

    pthread_t threads[ACTORS];
    struct actor actors[ACTORS];
    unsigned long done[ACTORS][32]; // by act
};

// --- for the acts --------------------------------------------------------------------------------

unsigned actor_roll(struct actor *actor, unsigned limit)
{
    actor->dice = actor->dice * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(actor->dice >> 33) % limit;
}

static enum churn_phase phase_now(struct churn *churn)
{
    pthread_mutex_lock(&churn->lock);
    enum churn_phase phase = churn->phase;
    pthread_mutex_unlock(&churn->lock);
    return phase;
}

static bool is_running(enum churn_phase phase)
{
    return phase == CHURN_CALM || phase == CHURN_STORM;
}

void actor_pause(struct actor *actor, unsigned ms)
{
    struct churn *churn = actor->churn;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)actor_roll(actor, ms + 1) * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&churn->lock);
    while (is_running(churn->phase) &&
           pthread_cond_timedwait(&churn->changed, &churn->lock, &until) == 0) {
    }
    pthread_mutex_unlock(&churn->lock);
}

void actor_fault(struct actor *actor, const char *format, ...)
{
    struct churn *churn = actor->churn;
    va_list arguments;
    va_start(arguments, format);
    pthread_mutex_lock(&churn->lock);
    if (churn->fault_count < FAULTS_SHOWN) {
        char *fault = churn->faults[churn->fault_count];
        int len = snprintf(fault, FAULT_SIZE, "%s: ", actor->mark);
        vsnprintf(fault + len, FAULT_SIZE - (size_t)len, format, arguments);
    }
    churn->fault_count++;
    pthread_mutex_unlock(&churn->lock);
    va_end(arguments);
}

// What a client may get when its server goes, or does not come.
static const unsigned troubles[] = {
    1053,                 // the server shuts down
    1094,                 // whom KILL names is gone already
    1158,                 // lost in a statement
    1205,                 // no connection within queue_timeout
    1213,                 // lost in a transaction
    1290,                 // no primary, no server
    1317,                 // the server ends its statements when it stops
    1927,                 // and connections
    CR_SERVER_GONE_ERROR, // told between two statements, or inside of a packet
    CR_SERVER_LOST,
    CR_SSL_CONNECTION_ERROR, // the same, as the library says it over TLS
};

// What one gets whose session or statement is ended by KILL, or who ended it while the library
// still works on it.
static const unsigned ends[] = {1317, 1927, CR_SERVER_GONE_ERROR, CR_SERVER_LOST,
                                CR_SSL_CONNECTION_ERROR};

static bool is_among(unsigned number, const unsigned *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (numbers[i] == number) {
            return true;
        }
    }
    return false;
}

void actor_error(struct actor *actor, const char *doing, unsigned number, const char *text)
{
    enum churn_phase phase = phase_now(actor->churn);
    bool is_calm = phase == CHURN_CALM || phase == CHURN_OVER;
    actor->tally.errors++;
    if ((actor->is_doomed && is_among(number, ends, sizeof(ends) / sizeof(ends[0]))) ||
        (!is_calm && is_among(number, troubles, sizeof(troubles) / sizeof(troubles[0])))) {
        return;
    }
    actor_fault(actor, "%s%s: %u %s", is_calm ? "" : "in a storm, ", doing, number, text);
}

// --- the clients ---------------------------------------------------------------------------------

static size_t act_choose(struct actor *actor)
{
    unsigned all = 0;
    for (size_t i = 0; i < acts_count; i++) {
        all += acts[i].share;
    }
    unsigned left = actor_roll(actor, all);
    size_t at = 0;
    for (; left >= acts[at].share; at++) {
        left -= acts[at].share;
    }
    return at;
}

static void act_run(struct actor *actor)
{
    size_t at = act_choose(actor);
    snprintf(actor->mark, sizeof(actor->mark), "%s-%u-%.0f", acts[at].name, actor->number,
             actor->tally.acts);
    actor->client = NULL;
    actor->is_doomed = false;
    acts[at].run(actor);
    mysql_close(actor->client);
    actor->tally.acts++;
    actor->churn->done[actor->number][at]++;
}

// Waits while parked; false when it is over.
static bool may_go_on(struct churn *churn)
{
    pthread_mutex_lock(&churn->lock);
    while (churn->phase == CHURN_PARKED) {
        churn->parked++;
        pthread_cond_broadcast(&churn->changed);
        while (churn->phase == CHURN_PARKED) {
            pthread_cond_wait(&churn->changed, &churn->lock);
        }
        churn->parked--;
    }
    bool goes_on = churn->phase != CHURN_OVER;
    pthread_mutex_unlock(&churn->lock);
    return goes_on;
}

static void *actor_run(void *argument)
{
    struct actor *actor = argument;
    mysql_thread_init();
    while (may_go_on(actor->churn)) {
        act_run(actor);
        actor_pause(actor, PAUSE_MS);
    }
    mysql_thread_end();
    return NULL;
}

// --- life ----------------------------------------------------------------------------------------

static void changed_init(pthread_cond_t *changed)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

struct churn *churn_start(const struct instance *instance)
{
    struct churn *churn = mem_zero(1, sizeof(*churn));
    assert_true(acts_count <= sizeof(churn->done[0]) / sizeof(churn->done[0][0]));
    mysql_library_init(0, NULL, NULL);
    pthread_mutex_init(&churn->lock, NULL);
    changed_init(&churn->changed);
    for (unsigned i = 0; i < ACTORS; i++) {
        churn->actors[i] =
            (struct actor){.churn = churn, .instance = instance, .number = i, .dice = i};
        assert_int_equal(pthread_create(&churn->threads[i], NULL, actor_run, &churn->actors[i]), 0);
    }
    churn_enter(churn, CHURN_PARKED);
    return churn;
}

static bool are_parked(struct churn *churn)
{
    pthread_mutex_lock(&churn->lock);
    bool are = churn->parked == ACTORS;
    pthread_mutex_unlock(&churn->lock);
    return are;
}

void churn_enter(struct churn *churn, enum churn_phase phase)
{
    pthread_mutex_lock(&churn->lock);
    churn->phase = phase;
    pthread_cond_broadcast(&churn->changed);
    pthread_mutex_unlock(&churn->lock);
    if (phase == CHURN_PARKED) {
        assert_within(PARK_MS, are_parked(churn));
    }
}

void churn_stop(struct churn *churn)
{
    churn_enter(churn, CHURN_OVER);
    for (unsigned i = 0; i < ACTORS; i++) {
        pthread_join(churn->threads[i], NULL);
    }
    pthread_cond_destroy(&churn->changed);
    pthread_mutex_destroy(&churn->lock);
    mem_free(churn);
}

// --- reading -------------------------------------------------------------------------------------

static void range_sum(struct range *sum, struct range range)
{
    sum->least += range.least;
    sum->most += range.most;
}

struct tally churn_tally(const struct churn *churn)
{
    struct tally sum = {0};
    for (unsigned i = 0; i < ACTORS; i++) {
        const struct tally *one = &churn->actors[i].tally;
        sum.connections += one->connections;
        sum.acts += one->acts;
        sum.errors += one->errors;
        range_sum(&sum.logins, one->logins);
        range_sum(&sum.commands, one->commands);
        range_sum(&sum.rows, one->rows);
    }
    return sum;
}

void churn_acts_print(const struct churn *churn, char *out, size_t size)
{
    size_t len = 0;
    for (size_t act = 0; act < acts_count && len < size; act++) {
        unsigned long count = 0;
        for (unsigned i = 0; i < ACTORS; i++) {
            count += churn->done[i][act];
        }
        len += (size_t)snprintf(out + len, size - len, "%s%s %lu", act > 0 ? ", " : "",
                                acts[act].name, count);
    }
}

size_t churn_faults_show(struct churn *churn)
{
    pthread_mutex_lock(&churn->lock);
    size_t count = churn->fault_count;
    for (size_t i = 0; i < count && i < FAULTS_SHOWN; i++) {
        fprintf(stderr, "fault: %s\n", churn->faults[i]);
    }
    pthread_mutex_unlock(&churn->lock);
    return count;
}
