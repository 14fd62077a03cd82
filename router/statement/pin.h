// Why a session keeps its backend connection to itself. The rows stand in pins.def. Any thread.
#pragma once

#include "proxy/base/slice.h"

enum pin_reason {
#define PIN(name, text, sentence) PIN_##name,
#include "router/statement/pins.def"
#undef PIN
    PIN_COUNT,
};

_Static_assert(PIN_COUNT <= 32, "sets of pins are kept in a uint32_t");

// For sets of pins: 0 is no pin.
#define PIN_BIT(pin) ((uint32_t)1 << (pin))

// The stable name ("user_lock"), and the sentence for the operator.
struct slice pin_reason_name(enum pin_reason pin);
struct slice pin_reason_sentence(enum pin_reason pin);
