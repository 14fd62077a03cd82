#include "protocol/packet/init_db.h"

#include "protocol/packet/command.h"
#include "protocol/wire/reader.h"

bool init_db_decode(struct init_db *init_db, struct slice payload)
{
    struct reader reader = reader_make(payload);

    command_read(&reader, COMMAND_INIT_DB);
    init_db->schema = reader_rest(&reader);
    return !reader_is_failed(&reader);
}

void init_db_encode(const struct init_db *init_db, struct writer *writer)
{
    writer_u8(writer, COMMAND_INIT_DB);
    writer_slice(writer, init_db->schema);
}
