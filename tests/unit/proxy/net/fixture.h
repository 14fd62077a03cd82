// What the tests of this room share: a loop with its metrics, and turns until something is true. A
// condition that never comes true ends the program by alarm.
#pragma once

#include "proxy/net/loop.h"
#include "proxy/observe/metric.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

enum { FIXTURE_PATIENCE_S = 60 };

static const struct metric_labels fixture_labels = {.size = {2, 1, 1, 1, 1}};

struct fixture {
    struct metrics *metrics;
    struct helpers *helpers;
    struct loop *loop;
};

static inline void fixture_open(struct fixture *fixture)
{
    alarm(FIXTURE_PATIENCE_S);
    fixture->metrics = metrics_create(&fixture_labels);
    fixture->helpers = helpers_create(2);
    struct loop_settings settings = {"test", fixture->metrics, fixture->helpers};
    fixture->loop = loop_create(&settings);
}

static inline void fixture_close(struct fixture *fixture)
{
    loop_destroy(fixture->loop);
    helpers_destroy(fixture->helpers);
    metrics_destroy(fixture->metrics);
    alarm(0);
}

#define turn_until(loop, condition)                                                                \
    do {                                                                                           \
        while (!(condition)) {                                                                     \
            loop_turn(loop);                                                                       \
        }                                                                                          \
    } while (0)
