#include "protocol/packet/stmt_reset.h"

#include "protocol/packet/command.h"
#include "protocol/wire/reader.h"

bool stmt_reset_decode(struct stmt_reset *stmt_reset, struct slice payload)
{
    struct reader reader = reader_make(payload);

    command_read(&reader, COMMAND_STMT_RESET);
    stmt_reset->statement_id = reader_u32(&reader);
    return !reader_is_failed(&reader);
}

void stmt_reset_encode(const struct stmt_reset *stmt_reset, struct writer *writer)
{
    writer_u8(writer, COMMAND_STMT_RESET);
    writer_u32(writer, stmt_reset->statement_id);
}
