#include "protocol/packet/stmt_close.h"

#include "protocol/packet/command.h"
#include "protocol/wire/reader.h"

bool stmt_close_decode(struct stmt_close *stmt_close, struct slice payload)
{
    struct reader reader = reader_make(payload);

    command_read(&reader, COMMAND_STMT_CLOSE);
    stmt_close->statement_id = reader_u32(&reader);
    return !reader_is_failed(&reader);
}

void stmt_close_encode(const struct stmt_close *stmt_close, struct writer *writer)
{
    writer_u8(writer, COMMAND_STMT_CLOSE);
    writer_u32(writer, stmt_close->statement_id);
}
