#include "protocol/packet/status.h"

static const struct status_row ROWS[] = {
#define ROW(name, bit, sentence) {SLICE_INIT(#name), STATUS_##name, SLICE_INIT(sentence)},
#include "protocol/packet/status.def"
#undef ROW
};

const struct status_row *status_rows(size_t *count)
{
    *count = sizeof(ROWS) / sizeof(ROWS[0]);
    return ROWS;
}
