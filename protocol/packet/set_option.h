// COM_SET_OPTION: turns several statements in one query on or off. Any thread.
// Manual: page_protocol_com_set_option
#pragma once

#include "protocol/wire/writer.h"

#include "proxy/base/slice.h"

enum set_option_value {
    SET_OPTION_MULTI_STATEMENTS_ON = 0,
    SET_OPTION_MULTI_STATEMENTS_OFF = 1,
};

struct set_option {
    uint16_t option; // see enum set_option_value
};

// Reads a payload. False where it is no such packet.
__attribute__((warn_unused_result)) bool set_option_decode(struct set_option *set_option,
                                                           struct slice payload);
// Writes a payload.
void set_option_encode(const struct set_option *set_option, struct writer *writer);
