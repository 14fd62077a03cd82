// What the reply tracker costs: a point select's answer in one buffer, and rows in bulk.
#include "protocol/reply/reply.h"

#include "protocol/wire/writer.h"

#include "proxy/base/clock.h"

#include "tests/unit/protocol/captured.h"

#include <stdio.h>

enum { POINT_ROUNDS = 2000000, BULK_ROUNDS = 2000, BULK_ROWS = 1000 };

static void feed(struct slice bytes, struct reply *reply)
{
    struct reply_step step;

    reply_begin(reply, COMMAND_REPLY_RESULT, CAPTURED, 1);
    reply_feed(reply, (uint8_t *)bytes.ptr, bytes.len, &step);
    if (step.event != REPLY_END) {
        fprintf(stderr, "the answer did not end\n");
        abort();
    }
}

static int64_t run_ns(struct slice bytes, int rounds)
{
    struct reply reply;
    int64_t start = clock_now_us();

    for (int i = 0; i < rounds; i++) {
        __asm__ volatile("" : : "r"(bytes.ptr) : "memory");
        feed(bytes, &reply);
    }
    return (clock_now_us() - start) * 1000;
}

// The point select's answer, with its row many times.
static struct buffer bulk_make(struct slice point)
{
    struct buffer buf = BUFFER_INIT;
    struct writer writer = writer_make(&buf, 1);

    for (size_t i = 0; i < 4; i++) {
        for (size_t k = 0; k < (i == 2 ? BULK_ROWS : 1); k++) {
            writer_packet(&writer, bytes_payload(point, i));
        }
    }
    return buf;
}

int main(void)
{
    struct slice point = captured_answer("D_SELECT1");
    struct buffer bulk = bulk_make(point);

    (void)run_ns(point, POINT_ROUNDS / 10);
    printf("point select, 4 frames in one call: %.1f ns\n",
           (double)run_ns(point, POINT_ROUNDS) / POINT_ROUNDS);
    printf("bulk: %.2f ns a row\n",
           (double)run_ns(buffer_slice(&bulk), BULK_ROUNDS) / BULK_ROUNDS / BULK_ROWS);
    buffer_release(&bulk);
    bytes_free(point);
    return 0;
}
