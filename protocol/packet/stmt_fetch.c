#include "protocol/packet/stmt_fetch.h"

#include "protocol/packet/command.h"
#include "protocol/wire/reader.h"

bool stmt_fetch_decode(struct stmt_fetch *stmt_fetch, struct slice payload)
{
    struct reader reader = reader_make(payload);

    command_read(&reader, COMMAND_STMT_FETCH);
    stmt_fetch->statement_id = reader_u32(&reader);
    stmt_fetch->rows = reader_u32(&reader);
    return !reader_is_failed(&reader);
}

void stmt_fetch_encode(const struct stmt_fetch *stmt_fetch, struct writer *writer)
{
    writer_u8(writer, COMMAND_STMT_FETCH);
    writer_u32(writer, stmt_fetch->statement_id);
    writer_u32(writer, stmt_fetch->rows);
}
