// What everything in this room works with. One for each admin; the control thread's.
#pragma once

#include "proxy/admin/control.h"
#include "proxy/admin/engine.h"
#include "proxy/net/loop.h"
#include "proxy/observe/log.h"

struct desk {
    struct loop *loop;
    const struct control *control;
    const struct log_source *log;
    struct engine *engine;
    int64_t patience_us; // longest wait for every thread's answer
};
