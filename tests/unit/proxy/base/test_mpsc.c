#include "proxy/base/mpsc.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { PUTTERS = 4, EACH = 20000 };

struct message {
    struct mpsc_node node;
    int putter;
    int number;
};

static void oldest_comes_first_and_the_first_put_asks_for_waking(void **state)
{
    (void)state;
    struct mpsc queue;
    struct message messages[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
    mpsc_init(&queue);
    assert_null(mpsc_take_all(&queue));
    assert_true(mpsc_put(&queue, &messages[0].node));
    assert_false(mpsc_put(&queue, &messages[1].node));
    assert_false(mpsc_put(&queue, &messages[2].node));
    const struct mpsc_node *node = mpsc_take_all(&queue);
    for (int i = 0; i < 3; i++) {
        assert_ptr_equal(node, &messages[i].node);
        node = node->next;
    }
    assert_null(node);
    assert_null(mpsc_take_all(&queue));
    assert_true(mpsc_put(&queue, &messages[1].node)); // a taken node may be put again
    assert_ptr_equal(mpsc_take_all(&queue), &messages[1].node);
}

struct putter {
    struct mpsc *queue;
    struct message *messages;
    int index;
    int wakings;
};

static void *put_all(void *arg)
{
    struct putter *putter = arg;
    for (int i = 0; i < EACH; i++) {
        struct message *message = &putter->messages[i];
        message->putter = putter->index; // plain writes, made visible by the put
        message->number = i;
        putter->wakings += mpsc_put(putter->queue, &message->node);
    }
    return NULL;
}

// Each putter's messages arrive complete, once, and in its order, while the taker takes; and as
// often as the taker found something, somebody was told to wake it.
static void threads_put_while_one_takes(void **state)
{
    (void)state;
    static struct message messages[PUTTERS][EACH];
    struct mpsc queue;
    struct putter putters[PUTTERS];
    pthread_t threads[PUTTERS];
    int next[PUTTERS] = {0};
    int left = PUTTERS * EACH;
    int batches = 0;
    mpsc_init(&queue);
    for (int i = 0; i < PUTTERS; i++) {
        putters[i] = (struct putter){&queue, messages[i], i, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, put_all, &putters[i]), 0);
    }
    while (left > 0) {
        struct mpsc_node *node = mpsc_take_all(&queue);
        batches += node != NULL;
        if (node == NULL) {
            sched_yield();
        }
        for (; node != NULL; node = node->next, left--) {
            const struct message *message = (const struct message *)node;
            assert_int_equal(message->number, next[message->putter]);
            next[message->putter]++;
        }
    }
    int wakings = 0;
    for (int i = 0; i < PUTTERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(next[i], EACH);
        wakings += putters[i].wakings;
    }
    assert_int_equal(wakings, batches);
    assert_null(mpsc_take_all(&queue));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(oldest_comes_first_and_the_first_put_asks_for_waking),
        cmocka_unit_test(threads_put_while_one_takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
