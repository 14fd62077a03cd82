#include "protocol/packet/auth_more.h"

#include "protocol/wire/reader.h"

bool auth_more_decode(struct auth_more *more, struct slice payload)
{
    struct reader reader = reader_make(payload);

    if (reader_u8(&reader) != AUTH_MORE_HEADER) {
        return false;
    }
    more->data = reader_rest(&reader);
    return !reader_is_failed(&reader);
}

void auth_more_encode(const struct auth_more *more, struct writer *writer)
{
    writer_u8(writer, AUTH_MORE_HEADER);
    writer_slice(writer, more->data);
}
