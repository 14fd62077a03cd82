#include "protocol/packet/stmt_bulk_execute.h"

#include "protocol/packet/command.h"
#include "protocol/wire/reader.h"

enum { TYPE_SIZE = 2 };

bool stmt_bulk_execute_decode(struct stmt_bulk_execute *execute, struct slice payload, size_t count)
{
    struct reader reader = reader_make(payload);

    command_read(&reader, COMMAND_STMT_BULK_EXECUTE);
    execute->statement_id = reader_u32(&reader);
    execute->flags = reader_u16(&reader);
    execute->types = (execute->flags & STMT_BULK_SEND_TYPES) != 0
                         ? reader_slice(&reader, count * TYPE_SIZE)
                         : SLICE_NONE;
    execute->rows = reader_rest(&reader);
    return !reader_is_failed(&reader);
}

void stmt_bulk_execute_encode(const struct stmt_bulk_execute *execute, struct writer *writer)
{
    bool has_types = execute->types.len > 0 || (execute->flags & STMT_BULK_SEND_TYPES) != 0;

    writer_u8(writer, COMMAND_STMT_BULK_EXECUTE);
    writer_u32(writer, execute->statement_id);
    writer_u16(writer, has_types ? execute->flags | STMT_BULK_SEND_TYPES : execute->flags);
    writer_slice(writer, execute->types);
    writer_slice(writer, execute->rows);
}
