// COM_PROCESS_KILL: ends a session. Any thread.
// Manual: page_protocol_com_process_kill
#pragma once

#include "protocol/wire/writer.h"

#include "proxy/base/slice.h"

struct process_kill {
    uint32_t connection_id; // as the handshake gave it
};

// Reads a payload. False where it is no such packet.
__attribute__((warn_unused_result)) bool process_kill_decode(struct process_kill *process_kill,
                                                             struct slice payload);
// Writes a payload.
void process_kill_encode(const struct process_kill *process_kill, struct writer *writer);
