// Inside the room: one packet of a login, from its header to its end.
//
//     struct writer writer = packet_open(&login->out, login->sequence);
//     auth_switch_encode(&request, &writer);
//     ok = packet_close(&writer, &login->sequence);
#pragma once

#include "protocol/wire/writer.h"

#include "proxy/base/buffer.h"
#include "proxy/base/memory.h"
#include "proxy/base/slice.h"

#include <stdbool.h>
#include <stdint.h>

static inline struct writer packet_open(struct buffer *out, uint8_t sequence)
{
    struct writer writer = writer_make(out, sequence);
    writer_packet_begin(&writer);
    return writer;
}

// False where a field did not fit: nothing was written.
__attribute__((warn_unused_result)) static inline bool packet_close(struct writer *writer,
                                                                    uint8_t *sequence)
{
    if (!writer_packet_end(writer)) {
        return false;
    }
    *sequence = writer->sequence;
    return true;
}

// A packet that is bare data: what a client says in a plugin's own conversation.
static inline void packet_bare(struct buffer *out, uint8_t *sequence, struct slice payload)
{
    struct writer writer = writer_make(out, *sequence);
    writer_packet(&writer, payload);
    *sequence = writer.sequence;
}

// Empties a buffer that held a secret and keeps the memory.
static inline void buffer_clean(struct buffer *buf)
{
    if (buf->data != NULL) {
        mem_wipe(buf->data, buf->end);
    }
    buffer_clear(buf);
}
