// The status flags that servers put into OK and EOF packets: see status.def. Any thread.
#pragma once

#include "proxy/base/slice.h"

#include <stdint.h>

enum status {
#define ROW(name, bit, sentence) STATUS_##name = 1 << (bit),
#include "protocol/packet/status.def"
#undef ROW
};

struct status_row {
    struct slice name;
    uint16_t flag;
    struct slice sentence;
};

// The table in the order of bits; `*count` rows.
const struct status_row *status_rows(size_t *count);
