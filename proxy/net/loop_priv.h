// The inside of a loop, for the other files of the room.
#pragma once

#include "proxy/net/loop.h"
#include "proxy/net/outbox.h"
#include "proxy/net/wheel.h"

#include <event2/event_struct.h>
#include <stdatomic.h>

struct tls_engine;

// What one receive call takes. In front of it there is room for bytes that a stream has kept,
// behind it for what a TLS record that came in two parts adds. TLS streams take less at a time:
// what is decrypted cannot be left to the kernel where the other side does not read.
enum {
    LOOP_READ_SIZE = 64 * 1024,
    LOOP_READ_FRONT = 16 * 1024,
    LOOP_READ_BACK = 17 * 1024,
    LOOP_RECORD_SIZE = 32 * 1024,
};

enum { LOOP_NAME_SIZE = 16 }; // the system's limit for a thread's name

struct loop {
    struct event_base *base;
    int64_t now_us; // of this turn; 0: nobody has asked yet
    bool is_turning;
    struct metrics *metrics;
    struct list tasks;

    struct wheel wheel;
    struct event tick; // libevent's timer, armed for
    uint64_t armed;    // this tick of the wheel; WHEEL_NEVER: not armed

    struct mpsc mailbox;     // any thread puts
    int wake_fd;             // any thread writes
    atomic_bool is_stopping; // any thread sets
    struct event wake;
    struct helpers *helpers;
    unsigned works_out;        // given to the helpers and not back
    atomic_uint works_posting; // helpers that are about to leave loop_post()

    uint8_t *read_area;     // FRONT + READ + BACK bytes: what streams show to on_data()
    uint8_t *record_area;   // RECORD bytes: what TLS streams receive; NULL until the first one
    uint8_t *packing_area;  // READ + BACK bytes: what compressed streams receive; NULL as above
    struct tls_engine *tls; // NULL until the first TLS stream
    char name[LOOP_NAME_SIZE];
    struct outbox outbox;
};

// Adds or removes an event on a descriptor, and counts it.
void loop_watch(struct loop *loop, struct event *event);
void loop_unwatch(struct loop *loop, struct event *event);

// In timer.c.
void loop_timers_init(struct loop *loop);
void loop_timers_release(struct loop *loop);
