#include "protocol/packet/field_list.h"

#include "protocol/packet/command.h"
#include "protocol/wire/reader.h"

bool field_list_decode(struct field_list *field_list, struct slice payload)
{
    struct reader reader = reader_make(payload);

    command_read(&reader, COMMAND_FIELD_LIST);
    field_list->table = reader_nul_slice(&reader);
    field_list->wildcard = reader_rest(&reader);
    return !reader_is_failed(&reader);
}

void field_list_encode(const struct field_list *field_list, struct writer *writer)
{
    writer_u8(writer, COMMAND_FIELD_LIST);
    writer_nul_slice(writer, field_list->table);
    writer_slice(writer, field_list->wildcard);
}
