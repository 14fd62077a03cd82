// A few threads for what takes too long on an event loop: RSA, key generation, password hashing,
// reading files. Jobs run in the order of asking. Any thread may ask.
#pragma once

#include "proxy/base/list.h"

struct helpers;

// Embedded in what is to be worked on. Between helpers_run() and the start of run() it is the
// helpers'; run() is called on a helper thread and takes it over.
struct helper_job {
    struct list link;
    void (*run)(struct helper_job *job);
};

// Starts the threads; aborts where the system gives none.
struct helpers *helpers_create(unsigned threads);
// Waits until every job asked for has run, ends the threads.
void helpers_destroy(struct helpers *helpers);
void helpers_run(struct helpers *helpers, struct helper_job *job);
