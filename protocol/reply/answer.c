#include "protocol/reply/answer.h"

#include "protocol/packet/eof.h"
#include "protocol/packet/result_header.h"
#include "protocol/packet/text_row.h"
#include "protocol/wire/frame.h"

static bool answer_fail(struct answer *answer)
{
    answer->failed = true;
    reader_fail(&answer->frames);
    return false;
}

// The payload of the next frame, which is all of its packet. False at the end, too.
static bool packet_read(struct reader *frames, struct slice *payload)
{
    const uint8_t *header = reader_take(frames, FRAME_HEADER_SIZE);
    if (header == NULL) {
        return false;
    }
    struct frame frame = frame_read(header);
    *payload = reader_slice(frames, frame.len);
    return !reader_is_failed(frames) && frame.len > 0 && !frame_is_continued(frame);
}

static uint8_t first_byte(struct slice payload)
{
    return (uint8_t)payload.ptr[0];
}

// OK and EOF packets alike. Always false: no row follows.
static bool end_read(struct answer *answer, struct slice payload)
{
    struct eof eof;

    if (first_byte(payload) == EOF_HEADER &&
        !capability_has(answer->capabilities, CAPABILITY_DEPRECATE_EOF)) {
        if (!eof_decode(&eof, payload)) {
            return answer_fail(answer);
        }
        answer->ok =
            (struct ok){.is_end_of_result = true, .status = eof.status, .warnings = eof.warnings};
    } else if (!ok_decode(&answer->ok, payload, answer->capabilities)) {
        return answer_fail(answer);
    }
    return false;
}

static bool err_read(struct answer *answer, struct slice payload)
{
    return err_decode(&answer->err, payload) ? false : answer_fail(answer);
}

static bool definitions_read(struct answer *answer, struct slice payload)
{
    struct result_header header;
    struct eof eof;

    if (!result_header_decode(&header, payload, answer->capabilities) || !header.has_definitions ||
        header.columns > UINT16_MAX) {
        return answer_fail(answer);
    }
    answer->columns = (uint16_t)header.columns;
    const uint8_t *start = answer->frames.ptr;
    for (size_t i = 0; i < answer->columns; i++) {
        if (!packet_read(&answer->frames, &payload)) {
            return answer_fail(answer);
        }
        if (first_byte(payload) == ERR_HEADER) {
            return err_read(answer, payload);
        }
    }
    answer->definitions = slice_make(start, (size_t)(answer->frames.ptr - start));
    if (capability_has(answer->capabilities, CAPABILITY_DEPRECATE_EOF)) {
        return true;
    }
    bool has_eof = packet_read(&answer->frames, &payload) && eof_decode(&eof, payload);
    return has_eof || answer_fail(answer);
}

bool answer_open(struct answer *answer, struct slice bytes, uint64_t capabilities)
{
    struct slice payload;

    *answer = (struct answer){.capabilities = capabilities, .frames = reader_make(bytes)};
    if (!packet_read(&answer->frames, &payload)) {
        return answer_fail(answer);
    }
    switch (first_byte(payload)) {
    case OK_HEADER:
        (void)end_read(answer, payload);
        return !answer->failed;
    case ERR_HEADER:
        return err_read(answer, payload);
    default:
        return definitions_read(answer, payload);
    }
}

bool answer_definition(const struct answer *answer, size_t index, struct column *column)
{
    struct reader frames = reader_make(answer->definitions);
    struct slice payload;

    for (size_t i = 0; packet_read(&frames, &payload); i++) {
        if (i == index) {
            return column_decode(column, payload, answer->capabilities);
        }
    }
    return false;
}

size_t answer_column(const struct answer *answer, struct slice name)
{
    struct reader frames = reader_make(answer->definitions);
    struct slice payload;
    struct column column;

    for (size_t i = 0; packet_read(&frames, &payload); i++) {
        if (column_decode(&column, payload, answer->capabilities) &&
            slice_equal_nocase(column.name, name)) {
            return i;
        }
    }
    return answer->columns;
}

bool answer_row(struct answer *answer, struct slice *values)
{
    struct slice payload;

    if (answer->columns == 0 || answer->failed || answer->err.code != 0 ||
        answer->ok.is_end_of_result) {
        return false;
    }
    if (!packet_read(&answer->frames, &payload)) {
        return answer_fail(answer);
    }
    if (first_byte(payload) == ERR_HEADER) {
        return err_read(answer, payload);
    }
    if (first_byte(payload) == EOF_HEADER) { // no row: it would be longer than one frame
        return end_read(answer, payload);
    }
    return text_row_decode(values, answer->columns, payload) || answer_fail(answer);
}
