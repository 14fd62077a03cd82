// What a real server said: the rows of captured.def.
#pragma once

#include "protocol/packet/capability.h"
#include "protocol/packet/command.h"

#include "proxy/base/slice.h"

#include "tests/unit/protocol/bytes.h"

#include <assert.h>

// What the connections of the capture had, with and without CAPABILITY_DEPRECATE_EOF.
#define CAPTURED_EOF                                                                               \
    (CAPABILITY_LONG_FLAG | CAPABILITY_LOCAL_FILES | CAPABILITY_PROTOCOL_41 |                      \
     CAPABILITY_TRANSACTIONS | CAPABILITY_SECURE_CONNECTION | CAPABILITY_MULTI_STATEMENTS |        \
     CAPABILITY_MULTI_RESULTS | CAPABILITY_PS_MULTI_RESULTS | CAPABILITY_PLUGIN_AUTH |             \
     CAPABILITY_CONNECT_ATTRS | CAPABILITY_PLUGIN_AUTH_LENENC_DATA | CAPABILITY_SESSION_TRACK)
#define CAPTURED (CAPTURED_EOF | CAPABILITY_DEPRECATE_EOF)

struct captured {
    const char *name;
    enum command_reply reply;
    uint64_t capabilities;
    const char *command;
    const char *answer;
};

static const struct captured CAPTURED_ROWS[] = {
#define ROW(name, reply, capabilities, command, answer)                                            \
    {#name, COMMAND_REPLY_##reply, capabilities, command, answer},
#include "tests/unit/protocol/captured.def"
#undef ROW
};

enum { CAPTURED_COUNT = sizeof(CAPTURED_ROWS) / sizeof(CAPTURED_ROWS[0]) };

static inline const struct captured *captured_find(const char *name)
{
    for (size_t i = 0; i < CAPTURED_COUNT; i++) {
        if (strcmp(CAPTURED_ROWS[i].name, name) == 0) {
            return &CAPTURED_ROWS[i];
        }
    }
    assert(!"no such row");
    return NULL;
}

// For bytes_free().
static inline struct slice captured_answer(const char *name)
{
    return bytes_from_hex(captured_find(name)->answer);
}

static inline struct slice captured_command(const char *name)
{
    return bytes_from_hex(captured_find(name)->command);
}
