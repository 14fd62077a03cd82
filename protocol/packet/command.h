// The commands of the protocol: see command.def. Any thread.
#pragma once

#include "protocol/wire/reader.h"

#include "proxy/base/slice.h"

#include <stdint.h>

enum command {
#define ROW(name, code, reply, served, sentence) COMMAND_##name = (code),
#include "protocol/packet/command.def"
#undef ROW
};

// The shapes of an answer. Any of them but NONE may be an ERR packet instead, or end in one.
enum command_reply {
    COMMAND_REPLY_NONE,          // nothing at all
    COMMAND_REPLY_OK,            // one OK or EOF packet
    COMMAND_REPLY_TEXT,          // one packet of text
    COMMAND_REPLY_RESULT,        // OK, a result set or the wish for a file; as often as status says
    COMMAND_REPLY_CURSOR_RESULT, // as RESULT; a cursor's result set ends behind its columns
    COMMAND_REPLY_PREPARED,      // what was prepared, its parameters and its columns
    COMMAND_REPLY_ROWS,          // packets until an OK or EOF packet
    COMMAND_REPLY_LOGIN,         // a conversation: see protocol/login
};

struct command_row {
    struct slice name;
    enum command command;
    enum command_reply reply;
    bool is_served;
    struct slice sentence;
};

// The row of a packet's first byte, or NULL where no server knows the command.
const struct command_row *command_find(uint8_t code);

// The table in the order of codes; `*count` rows.
const struct command_row *command_rows(size_t *count);

// Reads the first byte of a command's payload; fails the reader where it is another command.
static inline void command_read(struct reader *reader, enum command command)
{
    if (reader_u8(reader) != command) {
        reader_fail(reader);
    }
}
