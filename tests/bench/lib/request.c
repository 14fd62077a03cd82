#include "tests/bench/lib/request.h"

#include "protocol/packet/column.h"
#include "protocol/packet/command.h"
#include "protocol/wire/writer.h"

#include <assert.h>

static const struct slice place = SLICE_INIT("{id}");

bool request_init(struct request *request, struct slice text)
{
    size_t at = slice_find_slice(text, place);
    *request = (struct request){
        .text = text,
        .before = slice_first(text, at),
        .after = slice_from(text, at + place.len),
        .has_number = at < text.len,
    };
    return text.len <= REQUEST_TEXT_MAX;
}

// --- packets

static struct writer packet_begin(enum command command, struct buffer *out)
{
    struct writer writer = writer_make(out, 0);
    writer_packet_begin(&writer);
    writer_u8(&writer, command);
    return writer;
}

static void packet_end(struct writer *writer)
{
    bool is_whole = writer_packet_end(writer);
    assert(is_whole); // texts are short
    (void)is_whole;
}

static void number_write(struct writer *writer, uint64_t number)
{
    char digits[20];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    writer_slice(writer, slice_make(digits + at, sizeof(digits) - at));
}

void request_write_prepare(const struct request *request, struct buffer *out)
{
    struct writer writer = packet_begin(COMMAND_STMT_PREPARE, out);
    writer_slice(&writer, request->before);
    writer_slice(&writer, request->has_number ? S("?") : SLICE_NONE);
    writer_slice(&writer, request->after);
    packet_end(&writer);
}

void request_write_query(const struct request *request, uint64_t number, struct buffer *out)
{
    buffer_clear(out);
    struct writer writer = packet_begin(COMMAND_QUERY, out);
    writer_slice(&writer, request->before);
    if (request->has_number) {
        number_write(&writer, number);
    }
    writer_slice(&writer, request->after);
    packet_end(&writer);
}

void request_write_execute(const struct request *request, uint32_t statement_id, uint64_t number,
                           struct buffer *out)
{
    buffer_clear(out);
    struct writer writer = packet_begin(COMMAND_STMT_EXECUTE, out);
    writer_u32(&writer, statement_id);
    writer_u8(&writer, 0);  // no cursor
    writer_u32(&writer, 1); // always
    if (request->has_number) {
        writer_u8(&writer, 0); // no NULL
        writer_u8(&writer, 1); // the type comes with it
        writer_u16(&writer, TYPE_LONGLONG);
        writer_u64(&writer, number);
    }
    packet_end(&writer);
}
