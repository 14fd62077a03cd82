#include "protocol/packet/command.h"

#define SERVED_YES true
#define SERVED_NO  false

static const struct command_row ROWS[] = {
#define ROW(name, code, reply, served, sentence)                                                   \
    {SLICE_INIT(#name), COMMAND_##name, COMMAND_REPLY_##reply, SERVED_##served,                    \
     SLICE_INIT(sentence)},
#include "protocol/packet/command.def"
#undef ROW
};

// Where a command stands in ROWS, plus one: 0 is left for codes that stand nowhere.
enum place {
    PLACE_NONE,
#define ROW(name, code, reply, served, sentence) PLACE_##name,
#include "protocol/packet/command.def"
#undef ROW
};

static const uint8_t PLACES[UINT8_MAX + 1] = {
#define ROW(name, code, reply, served, sentence) [code] = PLACE_##name,
#include "protocol/packet/command.def"
#undef ROW
};

const struct command_row *command_find(uint8_t code)
{
    return PLACES[code] != PLACE_NONE ? &ROWS[PLACES[code] - 1] : NULL;
}

const struct command_row *command_rows(size_t *count)
{
    *count = sizeof(ROWS) / sizeof(ROWS[0]);
    return ROWS;
}
