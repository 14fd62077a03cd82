#include "protocol/packet/process_kill.h"

#include "protocol/packet/command.h"
#include "protocol/wire/reader.h"

bool process_kill_decode(struct process_kill *process_kill, struct slice payload)
{
    struct reader reader = reader_make(payload);

    command_read(&reader, COMMAND_PROCESS_KILL);
    process_kill->connection_id = reader_u32(&reader);
    return !reader_is_failed(&reader);
}

void process_kill_encode(const struct process_kill *process_kill, struct writer *writer)
{
    writer_u8(writer, COMMAND_PROCESS_KILL);
    writer_u32(writer, process_kill->connection_id);
}
