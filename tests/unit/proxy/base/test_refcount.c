#include "proxy/base/refcount.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void only_the_last_reference_destroys(void **state)
{
    (void)state;
    struct refcount ref;
    refcount_init(&ref);
    refcount_ref(&ref);
    refcount_ref(&ref);
    assert_false(refcount_unref(&ref));
    assert_false(refcount_unref(&ref));
    assert_true(refcount_unref(&ref));
}

enum { THREADS = 4, TURNS = 20000 };

struct shared {
    struct refcount ref;
    int plain; // written by whoever destroys: a race here is a missing order in refcount_unref()
};

struct holder {
    struct shared *shared;
    int destroyed;
};

static void *hold(void *arg)
{
    struct holder *holder = arg;
    int seen = 0;
    for (int i = 0; i < TURNS; i++) {
        refcount_ref(&holder->shared->ref);
        seen += holder->shared->plain;
        holder->destroyed += refcount_unref(&holder->shared->ref);
    }
    if (refcount_unref(&holder->shared->ref)) {
        holder->shared->plain = seen + 1;
        holder->destroyed++;
    }
    return NULL;
}

static void threads_agree_on_one_destroyer(void **state)
{
    (void)state;
    struct shared shared = {.plain = 0};
    struct holder holders[THREADS];
    pthread_t threads[THREADS];
    refcount_init(&shared.ref);
    for (int i = 1; i < THREADS; i++) {
        refcount_ref(&shared.ref);
    }
    for (int i = 0; i < THREADS; i++) {
        holders[i] = (struct holder){&shared, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, hold, &holders[i]), 0);
    }
    int destroyed = 0;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        destroyed += holders[i].destroyed;
    }
    assert_int_equal(destroyed, 1);
    assert_int_equal(shared.plain, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_last_reference_destroys),
        cmocka_unit_test(threads_agree_on_one_destroyer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
