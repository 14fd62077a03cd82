#include "protocol/packet/err.h"

#include "protocol/wire/reader.h"

enum { SQLSTATE_MARK = '#' };

bool err_decode(struct err *err, struct slice payload)
{
    struct reader reader = reader_make(payload);
    *err = (struct err){0};

    if (reader_u8(&reader) != ERR_HEADER) {
        return false;
    }
    err->code = reader_u16(&reader);
    if (reader_peek(&reader) == SQLSTATE_MARK && reader_left(&reader) > ERR_SQLSTATE_SIZE) {
        reader_skip(&reader, 1);
        err->sqlstate = reader_slice(&reader, ERR_SQLSTATE_SIZE);
    }
    err->message = reader_rest(&reader);
    return !reader_is_failed(&reader) && err->code != 0;
}

void err_encode(const struct err *err, struct writer *writer)
{
    writer_u8(writer, ERR_HEADER);
    writer_u16(writer, err->code);
    if (err->sqlstate.len == ERR_SQLSTATE_SIZE) {
        writer_u8(writer, SQLSTATE_MARK);
        writer_slice(writer, err->sqlstate);
    } else if (err->sqlstate.len != 0) {
        writer_fail(writer);
    }
    writer_slice(writer, err->message);
}
