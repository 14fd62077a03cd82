#include "protocol/packet/stmt_prepare.h"

#include "protocol/packet/command.h"
#include "protocol/wire/reader.h"

bool stmt_prepare_decode(struct stmt_prepare *stmt_prepare, struct slice payload)
{
    struct reader reader = reader_make(payload);

    command_read(&reader, COMMAND_STMT_PREPARE);
    stmt_prepare->text = reader_rest(&reader);
    return !reader_is_failed(&reader);
}

void stmt_prepare_encode(const struct stmt_prepare *stmt_prepare, struct writer *writer)
{
    writer_u8(writer, COMMAND_STMT_PREPARE);
    writer_slice(writer, stmt_prepare->text);
}
