#include "protocol/packet/change_user.h"

#include "protocol/packet/command.h"
#include "protocol/wire/reader.h"

// Old clients end after any of these fields.
static void tail_read(struct change_user *change, struct reader *reader, uint64_t capabilities)
{
    change->has_collation = reader_left(reader) > 0;
    if (!change->has_collation) {
        return;
    }
    change->collation = reader_u16(reader);
    if (capability_has(capabilities, CAPABILITY_PLUGIN_AUTH) && reader_left(reader) > 0) {
        change->plugin = reader_nul_slice(reader);
    }
    if (capability_has(capabilities, CAPABILITY_CONNECT_ATTRS) && reader_left(reader) > 0) {
        change->attributes = attributes_read(reader);
    }
}

bool change_user_decode(struct change_user *change, struct slice payload, uint64_t capabilities)
{
    struct reader reader = reader_make(payload);
    *change = (struct change_user){0};

    command_read(&reader, COMMAND_CHANGE_USER);
    change->user = reader_nul_slice(&reader);
    change->auth_data = capability_has(capabilities, CAPABILITY_SECURE_CONNECTION)
                            ? reader_u8_slice(&reader)
                            : reader_nul_slice(&reader);
    change->schema = reader_nul_slice(&reader);
    tail_read(change, &reader, capabilities);
    return !reader_is_failed(&reader);
}

void change_user_encode(const struct change_user *change, struct writer *writer,
                        uint64_t capabilities)
{
    writer_u8(writer, COMMAND_CHANGE_USER);
    writer_nul_slice(writer, change->user);
    if (capability_has(capabilities, CAPABILITY_SECURE_CONNECTION)) {
        writer_u8_slice(writer, change->auth_data);
    } else {
        writer_nul_slice(writer, change->auth_data);
    }
    writer_nul_slice(writer, change->schema);
    if (!change->has_collation) {
        return;
    }
    writer_u16(writer, change->collation);
    if (capability_has(capabilities, CAPABILITY_PLUGIN_AUTH)) {
        writer_nul_slice(writer, change->plugin);
    }
    if (capability_has(capabilities, CAPABILITY_CONNECT_ATTRS)) {
        writer_lenenc_slice(writer, change->attributes);
    }
}
