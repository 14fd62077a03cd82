#include "protocol/packet/stmt_long_data.h"

#include "protocol/packet/command.h"
#include "protocol/wire/reader.h"

bool stmt_long_data_decode(struct stmt_long_data *stmt_long_data, struct slice payload)
{
    struct reader reader = reader_make(payload);

    command_read(&reader, COMMAND_STMT_SEND_LONG_DATA);
    stmt_long_data->statement_id = reader_u32(&reader);
    stmt_long_data->parameter = reader_u16(&reader);
    stmt_long_data->data = reader_rest(&reader);
    return !reader_is_failed(&reader);
}

void stmt_long_data_encode(const struct stmt_long_data *stmt_long_data, struct writer *writer)
{
    writer_u8(writer, COMMAND_STMT_SEND_LONG_DATA);
    writer_u32(writer, stmt_long_data->statement_id);
    writer_u16(writer, stmt_long_data->parameter);
    writer_slice(writer, stmt_long_data->data);
}
