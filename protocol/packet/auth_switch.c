#include "protocol/packet/auth_switch.h"

#include "protocol/wire/reader.h"

bool auth_switch_decode(struct auth_switch *request, struct slice payload)
{
    struct reader reader = reader_make(payload);
    *request = (struct auth_switch){.plugin = S("mysql_old_password")};

    if (reader_u8(&reader) != AUTH_SWITCH_HEADER) {
        return false;
    }
    if (reader_left(&reader) == 0) {
        return true;
    }
    request->plugin = reader_nul_slice(&reader);
    request->data = reader_rest(&reader);
    return !reader_is_failed(&reader);
}

void auth_switch_encode(const struct auth_switch *request, struct writer *writer)
{
    writer_u8(writer, AUTH_SWITCH_HEADER);
    writer_nul_slice(writer, request->plugin);
    writer_slice(writer, request->data);
}
