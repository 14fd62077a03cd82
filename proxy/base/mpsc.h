// A queue into which any thread puts and from which one thread takes: an intrusive stack of links
// that the taker turns round, so that putting is one compare-and-swap and taking everything is one
// exchange.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct mpsc_node {
    struct mpsc_node *next;
};

struct mpsc {
    _Atomic(struct mpsc_node *) newest;
};

static inline void mpsc_init(struct mpsc *queue)
{
    atomic_init(&queue->newest, NULL);
}

// Any thread. The node is the queue's until taken. Returns true where the queue was empty: the
// taker wants waking.
static inline bool mpsc_put(struct mpsc *queue, struct mpsc_node *node)
{
    struct mpsc_node *newest = atomic_load_explicit(&queue->newest, memory_order_relaxed);
    do {
        node->next = newest;
    } while (!atomic_compare_exchange_weak_explicit(&queue->newest, &newest, node,
                                                    memory_order_release, memory_order_relaxed));
    return newest == NULL;
}

// The taking thread only. All nodes, oldest first, linked by next; NULL where there is none.
static inline struct mpsc_node *mpsc_take_all(struct mpsc *queue)
{
    struct mpsc_node *node = atomic_exchange_explicit(&queue->newest, NULL, memory_order_acquire);
    struct mpsc_node *oldest_first = NULL;
    while (node != NULL) {
        struct mpsc_node *older = node->next;
        node->next = oldest_first;
        oldest_first = node;
        node = older;
    }
    return oldest_first;
}
