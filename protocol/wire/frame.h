// The frame around every payload of the protocol: three bytes of length, one of sequence id. A
// payload of FRAME_PAYLOAD_MAX bytes or more is cut into frames; a frame of exactly that length is
// continued by the next one, so a payload whose length is a multiple of it ends in an empty frame.
// Any thread.
// Manual: page_protocol_basic_packets
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FRAME_HEADER_SIZE = 4, FRAME_PAYLOAD_MAX = 0xFFFFFF };

struct frame {
    uint32_t len;     // of the payload in this frame, at most FRAME_PAYLOAD_MAX
    uint8_t sequence; // restarts at 0 with each command, wraps at 256
};

// `bytes`: FRAME_HEADER_SIZE of them.
static inline struct frame frame_read(const uint8_t *bytes)
{
    return (struct frame){
        .len = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16,
        .sequence = bytes[3],
    };
}

static inline void frame_write(uint8_t *bytes, struct frame frame)
{
    bytes[0] = (uint8_t)frame.len;
    bytes[1] = (uint8_t)(frame.len >> 8);
    bytes[2] = (uint8_t)(frame.len >> 16);
    bytes[3] = frame.sequence;
}

// Whether the payload goes on in the next frame.
static inline bool frame_is_continued(struct frame frame)
{
    return frame.len == FRAME_PAYLOAD_MAX;
}

// How many frames a payload of `len` bytes takes.
static inline size_t frame_count(size_t len)
{
    return len / FRAME_PAYLOAD_MAX + 1;
}

// The same of a whole packet, headers included.
static inline size_t frame_count_in(size_t size)
{
    return 1 + (size - FRAME_HEADER_SIZE) / (FRAME_PAYLOAD_MAX + FRAME_HEADER_SIZE);
}
