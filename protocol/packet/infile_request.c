#include "protocol/packet/infile_request.h"

#include "protocol/wire/reader.h"

bool infile_request_decode(struct infile_request *request, struct slice payload)
{
    struct reader reader = reader_make(payload);

    if (reader_u8(&reader) != INFILE_REQUEST_HEADER) {
        return false;
    }
    request->filename = reader_rest(&reader);
    return !reader_is_failed(&reader);
}

void infile_request_encode(const struct infile_request *request, struct writer *writer)
{
    writer_u8(writer, INFILE_REQUEST_HEADER);
    writer_slice(writer, request->filename);
}
