#include "protocol/packet/result_writer.h"

#include "protocol/packet/binary_row.h"
#include "protocol/packet/eof.h"
#include "protocol/packet/ok.h"
#include "protocol/packet/result_header.h"
#include "protocol/packet/text_row.h"

struct result_writer result_writer_make(struct writer *writer, uint64_t capabilities)
{
    return (struct result_writer){.writer = writer, .capabilities = capabilities};
}

static void packet_end(struct result_writer *result)
{
    if (!writer_packet_end(result->writer)) {
        result->failed = true;
    }
}

static void eof_write(struct result_writer *result, uint16_t status, uint16_t warnings)
{
    struct eof eof = {.status = status, .warnings = warnings};

    writer_packet_begin(result->writer);
    eof_encode(&eof, result->writer);
    packet_end(result);
}

static void ok_write(struct result_writer *result, uint16_t status, uint16_t warnings)
{
    struct ok ok = {.is_end_of_result = true, .status = status, .warnings = warnings};

    writer_packet_begin(result->writer);
    ok_encode(&ok, result->writer, result->capabilities);
    packet_end(result);
}

void result_writer_begin(struct result_writer *result, const struct column *columns, size_t count,
                         uint16_t status)
{
    struct result_header header = {.columns = (uint32_t)count, .has_definitions = true};

    result->columns = columns;
    result->count = count;
    result->failed |= count == 0 || count > RESULT_COLUMNS_MAX;
    writer_packet_begin(result->writer);
    result_header_encode(&header, result->writer, result->capabilities);
    packet_end(result);
    for (size_t i = 0; i < count; i++) {
        writer_packet_begin(result->writer);
        column_encode(&columns[i], result->writer, result->capabilities);
        packet_end(result);
    }
    if (!capability_has(result->capabilities, CAPABILITY_DEPRECATE_EOF)) {
        eof_write(result, status, 0);
    }
}

void result_writer_row(struct result_writer *result, const struct slice *values)
{
    writer_packet_begin(result->writer);
    if (result->is_binary) {
        binary_row_encode(values, result->columns, result->count, result->writer);
    } else {
        text_row_encode(values, result->count, result->writer);
    }
    packet_end(result);
}

bool result_writer_end(struct result_writer *result, uint16_t status, uint16_t warnings)
{
    if (capability_has(result->capabilities, CAPABILITY_DEPRECATE_EOF)) {
        ok_write(result, status, warnings);
    } else {
        eof_write(result, status, warnings);
    }
    return !result->failed;
}
