#include "protocol/packet/set_option.h"

#include "protocol/packet/command.h"
#include "protocol/wire/reader.h"

bool set_option_decode(struct set_option *set_option, struct slice payload)
{
    struct reader reader = reader_make(payload);

    command_read(&reader, COMMAND_SET_OPTION);
    set_option->option = reader_u16(&reader);
    return !reader_is_failed(&reader);
}

void set_option_encode(const struct set_option *set_option, struct writer *writer)
{
    writer_u8(writer, COMMAND_SET_OPTION);
    writer_u16(writer, set_option->option);
}
