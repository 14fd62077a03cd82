#include "protocol/reply/reply.h"

#include "protocol/packet/eof.h"
#include "protocol/packet/status.h"
#include "protocol/wire/writer.h"

#include "tests/lib/cmocka.h"
#include "tests/unit/protocol/captured.h"
#include "tests/unit/protocol/replay.h"

// --- telling of an answer ----------------------------------------------------------------------

struct told {
    const char *trace;
    uint64_t rows;
    uint32_t result_sets;
    uint16_t status;
    uint16_t error;
};

static void assert_trace(const struct replay *replay, const char *name, const char *trace)
{
    if (!slice_equal(buffer_slice(&replay->trace), slice_text(trace))) {
        fail_msg("%s: \"%.*s\", not \"%s\"", name, SLICE_ARG(buffer_slice(&replay->trace)), trace);
    }
}

static void assert_told(const struct replay *replay, const char *name, const struct told *told)
{
    assert_trace(replay, name, told->trace);
    assert_int_equal(replay->reply.rows, told->rows);
    assert_int_equal(replay->reply.result_sets, told->result_sets);
    assert_int_equal(replay->reply.status, told->status);
    assert_int_equal(replay->reply.error, told->error);
}

// Whole, byte by byte, and cut in two at every place: always the same.
static void assert_same_in_any_pieces(const char *name, enum command_reply kind,
                                      uint64_t capabilities, struct slice bytes)
{
    struct replay whole = replay_make(kind, capabilities, 1);
    replay_run(&whole, bytes, SIZE_MAX);
    for (size_t piece = 1; piece < 8; piece++) {
        struct replay pieces = replay_make(kind, capabilities, 1);
        replay_run(&pieces, bytes, piece);
        if (!replay_is_same(&whole, &pieces)) {
            fail_msg("%s: in pieces of %zu: \"%.*s\"", name, piece,
                     SLICE_ARG(buffer_slice(&pieces.trace)));
        }
        replay_release(&pieces);
    }
    for (size_t cut = 0; cut <= bytes.len; cut++) {
        struct replay pieces = replay_make(kind, capabilities, 1);
        replay_run(&pieces, slice_first(bytes, cut), SIZE_MAX);
        if (cut < bytes.len && whole.reply.fault == REPLY_FAULT_NONE && pieces.is_over) {
            fail_msg("%s: over after %zu of %zu bytes", name, cut, bytes.len);
        }
        replay_run(&pieces, slice_from(bytes, cut), SIZE_MAX);
        if (!replay_is_same(&whole, &pieces)) {
            fail_msg("%s: cut at %zu: \"%.*s\"", name, cut, SLICE_ARG(buffer_slice(&pieces.trace)));
        }
        replay_release(&pieces);
    }
    replay_release(&whole);
}

// --- real answers ------------------------------------------------------------------------------

static void every_real_answer_ends_with_its_last_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < CAPTURED_COUNT; i++) {
        const struct captured *row = &CAPTURED_ROWS[i];
        struct slice bytes = bytes_from_hex(row->answer);
        struct replay replay = replay_make(row->reply, row->capabilities, 1);
        replay_run(&replay, bytes, SIZE_MAX);
        if (!replay.is_over || replay.reply.fault != REPLY_FAULT_NONE) {
            fail_msg("%s: did not end: \"%.*s\"", row->name,
                     SLICE_ARG(buffer_slice(&replay.trace)));
        }
        assert_true(slice_equal(buffer_slice(&replay.out), bytes));
        assert_int_equal(replay.reply.bytes, bytes.len);
        replay_release(&replay);
        assert_same_in_any_pieces(row->name, row->reply, row->capabilities, bytes);
        bytes_free(bytes);
    }
}

static void real_answers_are_told_rightly(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct told told;
    } CASES[] = {
        {"E_SELECT1", {"held columns-end 0002; end eof 0002; ", 1, 1, 0x0002, 0}},
        {"D_SELECT1", {"end ok 0002; ", 1, 1, 0x0002, 0}},
        {"D_EMPTY", {"end ok 0002; ", 0, 1, 0x0002, 0}},
        {"E_NULLS", {"held columns-end 0002; end eof 0002; ", 2, 1, 0x0002, 0}},
        {"D_ERR", {"end err 1054; ", 0, 0, 0, 1054}},
        {"D_DO", {"end ok 0002; ", 0, 0, 0x0002, 0}},
        {"D_SETVAR", {"end ok 4000; ", 0, 0, 0x4000, 0}},
        {"D_BEGIN", {"end ok 6003; ", 0, 0, 0x6003, 0}},
        {"E_INTX", {"held columns-end 6003; end eof 6003; ", 1, 1, 0x6003, 0}},
        {"E_MULTI",
         {"held columns-end 000a; held eof 000a; held ok 000a; held columns-end 002a; held eof "
          "002a; end err 1054; ",
          3, 2, 0x002a, 1054}},
        {"D_MULTI",
         {"held ok 000a; held ok 000a; held ok 002a; end err 1054; ", 3, 2, 0x002a, 1054}},
        {"E_CALL",
         {"held columns-end 400a; held eof 400a; held columns-end 400a; held eof 400a; end ok "
          "4002; ",
          2, 2, 0x4002, 0}},
        {"D_CALL", {"held ok 400a; held ok 000a; end ok 4002; ", 2, 2, 0x4002, 0}},
        {"E_MIDERR", {"held columns-end 0022; end err 1242; ", 2, 1, 0x0022, 1242}},
        {"D_MIDERR", {"end err 1242; ", 2, 1, 0, 1242}},
        {"D_FIELDLIST2", {"end ok 0002; ", 7, 0, 0x0002, 0}},
        {"E_FIELDLIST2", {"end eof 0002; ", 7, 0, 0x0002, 0}},
        {"D_STAT", {"end; ", 0, 0, 0, 0}},
        {"D_PING", {"end ok 0002; ", 0, 0, 0x0002, 0}},
        {"E_SETOPT", {"end eof 0002; ", 0, 0, 0x0002, 0}},
        {"D_SETOPT", {"end ok 0002; ", 0, 0, 0x0002, 0}},
        {"D_UNKNOWN", {"end err 1047; ", 0, 0, 0, 1047}},
        {"D_PREP0", {"end prepared 0/0; ", 0, 0, 0, 0}},
        {"E_PREP",
         {"held prepared 2/7; held columns-end 0002; end columns-end 0002; ", 0, 0, 0x0002, 0}},
        {"D_PREP", {"held prepared 2/7; end; ", 0, 0, 0, 0}},
        {"E_PREPP", {"held prepared 1/0; end columns-end 0002; ", 0, 0, 0x0002, 0}},
        {"D_PREPP", {"held prepared 1/0; end; ", 0, 0, 0, 0}},
        {"E_PREPC", {"held prepared 0/1; end columns-end 0002; ", 0, 0, 0x0002, 0}},
        {"D_PREPC", {"held prepared 0/1; end; ", 0, 0, 0, 0}},
        {"D_PREPERR", {"end err 1054; ", 0, 0, 0, 1054}},
        {"E_EXEC", {"held columns-end 0022; end eof 0022; ", 2, 1, 0x0022, 0}},
        {"D_EXEC", {"end ok 0022; ", 2, 1, 0x0022, 0}},
        {"E_CURSOR", {"end eof 0062; ", 0, 1, 0x0062, 0}},
        {"D_CURSOR", {"end ok 0062; ", 0, 1, 0x0062, 0}},
        {"E_FETCH1", {"end eof 0042; ", 1, 0, 0x0042, 0}},
        {"D_FETCH9", {"end ok 0082; ", 1, 0, 0x0082, 0}},
        {"D_FETCHERR", {"end err 1421; ", 0, 0, 0, 1421}},
        {"E_EXECCALL",
         {"held columns-end 000a; held eof 000a; held columns-end 000a; held eof 000a; held "
          "columns-end 100a; held eof 100a; end ok 0002; ",
          3, 3, 0x0002, 0}},
        {"D_CLOSE", {"", 0, 0, 0, 0}},
        {"M_SELECT1", {"end ok 0002; ", 1, 1, 0x0002, 0}},
        {"M_EXEC2", {"end ok 0022; ", 5, 1, 0x0022, 0}},
        {"ME_EXEC2", {"held columns-end 0022; end eof 0022; ", 5, 1, 0x0022, 0}},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        const struct captured *row = captured_find(CASES[i].name);
        struct slice bytes = bytes_from_hex(row->answer);
        struct replay replay = replay_make(row->reply, row->capabilities, 1);
        replay_run(&replay, bytes, SIZE_MAX);
        assert_told(&replay, row->name, &CASES[i].told);
        replay_release(&replay);
        bytes_free(bytes);
    }
}

static void warnings_are_those_of_the_last_packet(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"E_WARN", "D_WARN"};
    for (size_t i = 0; i < 2; i++) {
        const struct captured *row = captured_find(NAMES[i]);
        struct slice bytes = bytes_from_hex(row->answer);
        struct replay replay = replay_make(row->reply, row->capabilities, 1);
        replay_run(&replay, bytes, SIZE_MAX);
        assert_int_equal(replay.reply.warnings, 1);
        replay_release(&replay);
        bytes_free(bytes);
    }
    struct slice bytes = bytes_from_hex("0c000001 00 01000000 0000 0000 00 0300");
    struct replay replay = replay_make(COMMAND_REPLY_PREPARED, CAPTURED, 1);
    replay_run(&replay, bytes, SIZE_MAX);
    assert_int_equal(replay.reply.warnings, 3);
    replay_release(&replay);
    bytes_free(bytes);
}

static void a_point_select_takes_one_call(void **state)
{
    (void)state;
    const struct captured *row = captured_find("D_SELECT1");
    struct slice bytes = bytes_from_hex(row->answer);
    struct replay replay = replay_make(row->reply, row->capabilities, 1);
    replay_run(&replay, bytes, SIZE_MAX);
    assert_int_equal(replay.calls, 1);
    replay_release(&replay);
    bytes_free(bytes);
}

static void bytes_behind_the_end_are_a_fault(void **state)
{
    (void)state;
    struct slice bytes = captured_answer("D_PING");
    struct replay replay = replay_make(COMMAND_REPLY_OK, CAPTURED, 1);
    struct reply_step step;
    replay_run(&replay, bytes, SIZE_MAX);
    assert_true(replay.is_over);
    reply_feed(&replay.reply, (uint8_t *)bytes.ptr, 0, &step);
    assert_int_equal(step.event, REPLY_END);
    reply_feed(&replay.reply, (uint8_t *)bytes.ptr, 1, &step);
    assert_int_equal(step.event, REPLY_FAULT);
    assert_int_equal(step.forward, 0);
    assert_int_equal(replay.reply.fault, REPLY_FAULT_AFTER_END);
    replay_release(&replay);
    bytes_free(bytes);
}

// --- scripts -----------------------------------------------------------------------------------

// Frames with these payloads, each in hexadecimal, with sequence ids from 1 on.
static struct slice script(const char *const *payloads)
{
    struct buffer buf = BUFFER_INIT;
    struct writer writer = writer_make(&buf, 1);
    for (size_t i = 0; payloads[i] != NULL; i++) {
        struct slice payload = bytes_from_hex(payloads[i]);
        writer_packet(&writer, payload);
        bytes_free(payload);
    }
    struct slice bytes = bytes_copy(buffer_slice(&buf));
    buffer_release(&buf);
    return bytes;
}

#define SCRIPT(...) script((const char *const[]){__VA_ARGS__, NULL})

// Runs a script and checks what it tells, in any pieces.
static void assert_script(enum command_reply kind, uint64_t capabilities, struct slice bytes,
                          const char *trace, uint64_t rows)
{
    struct replay replay = replay_make(kind, capabilities, 1);
    replay_run(&replay, bytes, SIZE_MAX);
    assert_trace(&replay, "script", trace);
    assert_int_equal(replay.reply.rows, rows);
    replay_release(&replay);
    assert_same_in_any_pieces("script", kind, capabilities, bytes);
    bytes_free(bytes);
}

#define COLUMN  "03646566 00 00 00 0178 00 0c 2d00 04000000 fd 0000 00 0000"
#define OK_END  "fe 00 00 0200 0000"
#define EOF_END "fe 0000 0200"
#define ERR_END "ff 2804 23 3432303030 6e6f"

static void rows_that_begin_like_other_packets_are_rows(void **state)
{
    (void)state;
    // A NULL, an empty text, and in binary zero: the first bytes of INFILE and OK.
    assert_script(COMMAND_REPLY_RESULT, CAPTURED,
                  SCRIPT("01", COLUMN, "fb", "00", "00 00 0000 0000", OK_END), "end ok 0002; ", 3);
    assert_script(COMMAND_REPLY_RESULT, CAPTURED_EOF,
                  SCRIPT("01", COLUMN, EOF_END, "fb", "00", EOF_END),
                  "held columns-end 0002; end eof 0002; ", 2);
}

static void eof_is_told_from_a_row_by_its_length(void **state)
{
    (void)state;
    // Nine bytes or more under EOF's first byte are a row where EOF packets are in use.
    assert_script(COMMAND_REPLY_RESULT, CAPTURED_EOF,
                  SCRIPT("01", COLUMN, EOF_END, "fe 0000000000000000", EOF_END),
                  "held columns-end 0002; end eof 0002; ", 1);
    assert_script(COMMAND_REPLY_RESULT, CAPTURED_EOF,
                  SCRIPT("01", COLUMN, EOF_END, "fe 0000 0200 000000"),
                  "held columns-end 0002; end eof 0002; ", 0);
    // With DEPRECATE_EOF it is an OK packet of any length but the longest.
    assert_script(COMMAND_REPLY_RESULT, CAPTURED,
                  SCRIPT("01", COLUMN, "fe 00 00 0240 0000 00 08 0106056d7973716c"),
                  "end ok 4002; ", 0);
}

// Trap: a handler of a procedure has taken an error in the middle of a result.
static void a_result_that_was_cut_short_ends_by_an_eof_in_any_case(void **state)
{
    (void)state;
    assert_script(COMMAND_REPLY_RESULT, CAPTURED,
                  SCRIPT("01", COLUMN, "0131", "fe 0000 0a00", "01", COLUMN, "0131", OK_END),
                  "held eof 000a; end ok 0002; ", 2);
}

static void an_error_may_stand_anywhere(void **state)
{
    (void)state;
    assert_script(COMMAND_REPLY_RESULT, CAPTURED, SCRIPT("02", ERR_END), "end err 1064; ", 0);
    assert_script(COMMAND_REPLY_RESULT, CAPTURED, SCRIPT("02", COLUMN, ERR_END), "end err 1064; ",
                  0);
    assert_script(COMMAND_REPLY_RESULT, CAPTURED_EOF, SCRIPT("01", COLUMN, ERR_END),
                  "end err 1064; ", 0);
    assert_script(COMMAND_REPLY_RESULT, CAPTURED, SCRIPT("01", COLUMN, "0131", ERR_END),
                  "end err 1064; ", 1);
    assert_script(COMMAND_REPLY_CURSOR_RESULT, CAPTURED_EOF,
                  SCRIPT("01", COLUMN, EOF_END, "00 00 01000000", ERR_END),
                  "held columns-end 0002; end err 1064; ", 1);
    assert_script(COMMAND_REPLY_PREPARED, CAPTURED_EOF,
                  SCRIPT("00 01000000 0100 0100 00 0000", COLUMN, ERR_END),
                  "held prepared 1/1; end err 1064; ", 0);
    assert_script(COMMAND_REPLY_PREPARED, CAPTURED,
                  SCRIPT("00 01000000 0100 0100 00 0000", COLUMN, ERR_END),
                  "held prepared 1/1; end err 1064; ", 0);
    assert_script(COMMAND_REPLY_TEXT, CAPTURED, SCRIPT(ERR_END), "end err 1064; ", 0);
    assert_script(COMMAND_REPLY_ROWS, CAPTURED, SCRIPT(ERR_END), "end err 1064; ", 0);
    assert_script(COMMAND_REPLY_OK, CAPTURED, SCRIPT(ERR_END), "end err 1064; ", 0);
    assert_script(COMMAND_REPLY_RESULT, CAPTURED, SCRIPT("00 00 00 0a00 0000", ERR_END),
                  "held ok 000a; end err 1064; ", 0);
}

static void more_results_in_the_eof_behind_columns_mean_nothing(void **state)
{
    (void)state;
    assert_script(COMMAND_REPLY_RESULT, CAPTURED_EOF, SCRIPT("01", COLUMN, "fe 0000 0a00", EOF_END),
                  "held columns-end 000a; end eof 0002; ", 0);
}

static void single_answers_end_whatever_their_flags_say(void **state)
{
    (void)state;
    assert_script(COMMAND_REPLY_OK, CAPTURED, SCRIPT("00 00 00 0a00 0000"), "end ok 000a; ", 0);
    assert_script(COMMAND_REPLY_ROWS, CAPTURED_EOF, SCRIPT("0131", "fe 0000 0a00"),
                  "end eof 000a; ", 1);
}

static void a_cursor_ends_the_answer_of_an_execution_only(void **state)
{
    (void)state;
    assert_script(COMMAND_REPLY_CURSOR_RESULT, CAPTURED_EOF, SCRIPT("01", COLUMN, "fe 0000 4200"),
                  "end eof 0042; ", 0);
    assert_script(COMMAND_REPLY_RESULT, CAPTURED_EOF,
                  SCRIPT("01", COLUMN, "fe 0000 4200", "0131", EOF_END),
                  "held columns-end 0042; end eof 0002; ", 1);
}

static void definitions_may_be_left_out(void **state)
{
    (void)state;
    uint64_t optional = CAPTURED | CAPABILITY_OPTIONAL_METADATA;
    assert_script(COMMAND_REPLY_RESULT, optional, SCRIPT("01 00", "0131", OK_END), "end ok 0002; ",
                  1);
    assert_script(COMMAND_REPLY_RESULT, optional, SCRIPT("01 01", COLUMN, "0131", OK_END),
                  "end ok 0002; ", 1);
    assert_script(COMMAND_REPLY_RESULT, CAPTURED_EOF | CAPABILITY_OPTIONAL_METADATA,
                  SCRIPT("01 00", EOF_END, "0131", EOF_END),
                  "held columns-end 0002; end eof 0002; ", 1);
    assert_script(COMMAND_REPLY_PREPARED, optional, SCRIPT("00 01000000 0100 0100 00 0000 00"),
                  "end prepared 1/1; ", 0);
    assert_script(COMMAND_REPLY_PREPARED, optional,
                  SCRIPT("00 01000000 0100 0100 00 0000 01", COLUMN, COLUMN),
                  "held prepared 1/1; end; ", 0);
}

static void a_file_is_sent_in_the_middle(void **state)
{
    (void)state;
    struct slice bytes = SCRIPT("fb 2f78", "00 00 00 0200 0000");
    struct replay replay = replay_make(COMMAND_REPLY_RESULT, CAPTURED, 1);
    replay_feed(&replay, slice_first(bytes, 7));
    assert_trace(&replay, "upload", "upload infile /x; ");
    assert_true(replay.is_paused);
    assert_false(reply_is_ended(&replay.reply));
    // The client's packets were 2, 3 and, empty, 4.
    struct slice answer = bytes_copy(slice_from(bytes, 7));
    ((uint8_t *)answer.ptr)[3] = 5;
    replay_resume(&replay, 5);
    replay_feed(&replay, answer);
    assert_trace(&replay, "upload", "upload infile /x; end ok 0002; ");
    replay_release(&replay);
    bytes_free(answer);
    bytes_free(bytes);
}

static void a_server_may_answer_before_the_file_is_sent(void **state)
{
    (void)state;
    struct slice bytes = SCRIPT("fb 2f78", ERR_END);
    struct replay replay = replay_make(COMMAND_REPLY_RESULT, CAPTURED, 1);
    ((uint8_t *)bytes.ptr)[7 + 3] = 77;
    replay_feed(&replay, bytes);
    assert_true(replay.is_paused);
    replay.is_paused = false; // no reply_resume()
    replay_feed(&replay, SLICE_NONE);
    assert_trace(&replay, "early", "upload infile /x; end err 1064; ");
    replay_release(&replay);
    bytes_free(bytes);
}

static void several_files_may_be_wanted(void **state)
{
    (void)state;
    struct slice bytes = SCRIPT("fb 61", "00 00 00 0a00 0000", "fb 62", "00 00 00 0200 0000");
    // As replay_run() has it, each file takes two sequence ids.
    struct slice shifted = bytes_copy(bytes);
    ((uint8_t *)shifted.ptr)[6 + 3] += 2;
    ((uint8_t *)shifted.ptr)[6 + 11 + 3] += 2;
    ((uint8_t *)shifted.ptr)[6 + 11 + 6 + 3] += 4;
    struct replay replay = replay_make(COMMAND_REPLY_RESULT, CAPTURED, 1);
    replay_run(&replay, shifted, 1);
    assert_trace(&replay, "files", "upload infile a; held ok 000a; upload infile b; end ok 0002; ");
    replay_release(&replay);
    bytes_free(bytes);
    bytes_free(shifted);
}

// --- large packets -----------------------------------------------------------------------------

// A result of one row, whose payload begins with `first` and has `len` bytes.
static struct buffer large_row(uint64_t capabilities, uint8_t first, size_t len)
{
    struct buffer buf = BUFFER_INIT;
    struct writer writer = writer_make(&buf, 1);
    struct slice column = bytes_from_hex(COLUMN);
    struct eof eof = {.status = STATUS_AUTOCOMMIT};
    struct ok ok = {.is_end_of_result = true, .status = STATUS_AUTOCOMMIT};
    bool has_eof = !capability_has(capabilities, CAPABILITY_DEPRECATE_EOF);

    writer_packet(&writer, S("\1"));
    writer_packet(&writer, column);
    if (has_eof) {
        writer_packet_begin(&writer);
        eof_encode(&eof, &writer);
        assert_true(writer_packet_end(&writer));
    }
    writer_packet_begin(&writer);
    writer_u8(&writer, first);
    writer_fill(&writer, 0xff, len - 1); // whatever stands at a frame's start, it is a row
    assert_true(writer_packet_end(&writer));
    writer_packet_begin(&writer);
    if (has_eof) {
        eof_encode(&eof, &writer);
    } else {
        ok_encode(&ok, &writer, capabilities);
    }
    assert_true(writer_packet_end(&writer));
    bytes_free(column);
    return buf;
}

// As a relay sees it: a buffer of `size` bytes at a time, nothing kept but what is asked for.
static void stream(struct replay *replay, struct slice bytes, size_t size)
{
    uint8_t *window = mem_alloc(size);
    size_t unread = 0;
    while (bytes.len > 0 && !replay->is_over) {
        struct slice part = slice_first(bytes, size - unread);
        memcpy(window + unread, part.ptr, part.len);
        bytes = slice_from(bytes, part.len);
        size_t len = unread + part.len;
        size_t at = 0;
        for (;;) {
            struct reply_step step;
            reply_feed(&replay->reply, window + at, len - at, &step);
            at += step.forward + step.held;
            if (step.event == REPLY_MORE) {
                break;
            }
            replay_note(replay, &step);
            replay->is_over = step.event == REPLY_END || step.event == REPLY_FAULT;
            if (replay->is_over) {
                break;
            }
        }
        unread = len - at;
        memmove(window, window + at, unread);
    }
    mem_free(window);
}

static void rows_over_16_mib_stream_through_a_small_buffer(void **state)
{
    (void)state;
    static const struct {
        uint64_t capabilities;
        uint8_t first;
        size_t len;
        const char *trace;
    } CASES[] = {
        {CAPTURED, 0x31, FRAME_PAYLOAD_MAX - 1, "end ok 0002; "},
        {CAPTURED, 0x31, FRAME_PAYLOAD_MAX, "end ok 0002; "},
        {CAPTURED, 0xfe, FRAME_PAYLOAD_MAX, "end ok 0002; "},
        {CAPTURED, 0xfe, FRAME_PAYLOAD_MAX + 7, "end ok 0002; "},
        {CAPTURED, 0xfb, 2 * (size_t)FRAME_PAYLOAD_MAX, "end ok 0002; "},
        {CAPTURED_EOF, 0xfe, FRAME_PAYLOAD_MAX, "held columns-end 0002; end eof 0002; "},
        {CAPTURED_EOF, 0xfe, FRAME_PAYLOAD_MAX - 1, "held columns-end 0002; end eof 0002; "},
        {CAPTURED_EOF, 0x00, FRAME_PAYLOAD_MAX + 1, "held columns-end 0002; end eof 0002; "},
    };
    static const size_t SIZES[] = {16384, 65536, 100003, 64 << 20};
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct buffer buf = large_row(CASES[i].capabilities, CASES[i].first, CASES[i].len);
        for (size_t k = 0; k < sizeof(SIZES) / sizeof(SIZES[0]); k++) {
            struct replay replay = replay_make(COMMAND_REPLY_RESULT, CASES[i].capabilities, 1);
            stream(&replay, buffer_slice(&buf), SIZES[k]);
            assert_trace(&replay, "large row", CASES[i].trace);
            assert_int_equal(replay.reply.rows, 1);
            assert_int_equal(replay.reply.bytes, buffer_len(&buf));
            replay_release(&replay);
        }
        buffer_release(&buf);
    }
}

static void an_end_of_rows_larger_than_what_is_held_is_a_fault(void **state)
{
    (void)state;
    struct buffer buf = large_row(CAPTURED, 0xfe, FRAME_PAYLOAD_MAX - 1);
    struct replay replay = replay_make(COMMAND_REPLY_RESULT, CAPTURED, 1);
    stream(&replay, buffer_slice(&buf), 65536);
    assert_trace(&replay, "large end", "fault 5; ");
    assert_int_equal(replay.reply.fault, REPLY_FAULT_TOO_LARGE);
    replay_release(&replay);
    buffer_release(&buf);
}

// An OK packet with a payload of `len` bytes.
static struct slice large_ok(size_t len)
{
    struct buffer buf = BUFFER_INIT;
    struct writer writer = writer_make(&buf, 1);
    struct ok ok = {.status = STATUS_AUTOCOMMIT};
    uint64_t capabilities = CAPABILITY_PROTOCOL_41;
    writer_packet_begin(&writer);
    ok_encode(&ok, &writer, capabilities);
    writer_fill(&writer, 'm', len - writer_packet_len(&writer));
    assert_true(writer_packet_end(&writer));
    struct slice bytes = bytes_copy(buffer_slice(&buf));
    buffer_release(&buf);
    return bytes;
}

static void an_ok_packet_is_held_up_to_1_mib(void **state)
{
    (void)state;
    struct slice bytes = large_ok(REPLY_HELD_MAX);
    struct reply_step step;
    struct reply reply;
    reply_begin(&reply, COMMAND_REPLY_OK, CAPABILITY_PROTOCOL_41, 1);
    reply_feed(&reply, (uint8_t *)bytes.ptr, bytes.len - 1, &step);
    assert_int_equal(step.event, REPLY_MORE);
    assert_int_equal(step.forward, 0);
    assert_int_equal(step.need, bytes.len);
    reply_feed(&reply, (uint8_t *)bytes.ptr, bytes.len, &step);
    assert_int_equal(step.event, REPLY_END);
    assert_int_equal(step.held, bytes.len);
    assert_int_equal(reply_held_payload(&step, (uint8_t *)bytes.ptr).len, REPLY_HELD_MAX);
    bytes_free(bytes);

    bytes = large_ok(REPLY_HELD_MAX + 1);
    reply_begin(&reply, COMMAND_REPLY_OK, CAPABILITY_PROTOCOL_41, 1);
    reply_feed(&reply, (uint8_t *)bytes.ptr, 5, &step); // known from the header
    assert_int_equal(step.event, REPLY_FAULT);
    assert_int_equal(reply.fault, REPLY_FAULT_TOO_LARGE);
    bytes_free(bytes);
}

// --- sequence ids ------------------------------------------------------------------------------

static void sequence_ids_wrap_at_256(void **state)
{
    (void)state;
    struct buffer buf = BUFFER_INIT;
    struct writer writer = writer_make(&buf, 1);
    struct slice column = bytes_from_hex(COLUMN);
    struct slice end = bytes_from_hex(OK_END);
    writer_packet(&writer, S("\1"));
    writer_packet(&writer, column);
    for (int i = 0; i < 1000; i++) {
        writer_packet(&writer, S("\1x"));
    }
    writer_packet(&writer, end);
    for (size_t piece = 1; piece < 20; piece += 6) {
        struct replay replay = replay_make(COMMAND_REPLY_RESULT, CAPTURED, 1);
        replay_run(&replay, buffer_slice(&buf), piece);
        assert_trace(&replay, "many rows", "end ok 0002; ");
        assert_int_equal(replay.reply.rows, 1000);
        replay_release(&replay);
    }
    bytes_free(column);
    bytes_free(end);
    buffer_release(&buf);
}

// Each frame's sequence id in turn is made wrong: the fault is seen there, and nothing of that
// frame is passed.
static void a_wrong_sequence_id_is_a_fault_wherever_it_stands(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"D_NULLS", "E_NULLS", "E_PREP", "D_PREP",
                                        "D_MULTI", "D_STAT",  "E_CALL", "E_FETCH9"};
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        const struct captured *row = captured_find(NAMES[i]);
        struct slice bytes = bytes_from_hex(row->answer);
        size_t at = 0;
        while (at < bytes.len) {
            struct frame frame = frame_read((const uint8_t *)bytes.ptr + at);
            struct slice wrong = bytes_copy(bytes);
            ((uint8_t *)wrong.ptr)[at + 3]++;
            struct replay replay = replay_make(row->reply, row->capabilities, 1);
            replay_run(&replay, wrong, SIZE_MAX);
            assert_int_equal(replay.reply.fault, REPLY_FAULT_SEQUENCE);
            assert_int_equal(buffer_len(&replay.out), at);
            assert_true(reply_is_at_boundary(&replay.reply));
            replay_release(&replay);
            bytes_free(wrong);
            at += FRAME_HEADER_SIZE + frame.len;
        }
        bytes_free(bytes);
    }
}

static void a_wrong_sequence_id_inside_a_large_row_is_a_fault(void **state)
{
    (void)state;
    struct buffer buf = large_row(CAPTURED, 0x31, FRAME_PAYLOAD_MAX + 10);
    struct replay replay = replay_make(COMMAND_REPLY_RESULT, CAPTURED, 1);
    // The second frame of the row stands so far from the end: itself, and the OK packet.
    uint8_t *header = buffer_ptr(&buf) + buffer_len(&buf) - (4 + 10) - (4 + 7);
    assert_int_equal(header[0], 10);
    header[3]++;
    stream(&replay, buffer_slice(&buf), 65536);
    assert_int_equal(replay.reply.fault, REPLY_FAULT_SEQUENCE);
    assert_false(reply_is_at_boundary(&replay.reply));
    replay_release(&replay);
    buffer_release(&buf);
}

static void frames_are_renumbered_where_the_client_counts_otherwise(void **state)
{
    (void)state;
    for (size_t i = 0; i < CAPTURED_COUNT; i++) {
        const struct captured *row = &CAPTURED_ROWS[i];
        struct slice bytes = bytes_from_hex(row->answer);
        for (size_t piece = 1; piece < 12; piece += 5) {
            struct replay replay = replay_make(row->reply, row->capabilities, 1);
            replay.reply.shift = 254;
            replay_run(&replay, bytes, piece);
            assert_int_equal(buffer_len(&replay.out), bytes.len);
            uint8_t sequence = (uint8_t)(1 + 254);
            for (size_t at = 0; at < bytes.len; sequence++) {
                uint8_t *out = buffer_ptr(&replay.out) + at;
                struct frame frame = frame_read(out);
                assert_int_equal(frame.sequence, sequence);
                assert_memory_equal(out, bytes.ptr + at, 3);
                assert_memory_equal(out + 4, bytes.ptr + at + 4, frame.len);
                at += FRAME_HEADER_SIZE + frame.len;
            }
            replay_release(&replay);
        }
        bytes_free(bytes);
    }
}

static void a_result_may_have_many_columns(void **state)
{
    (void)state;
    struct buffer buf = BUFFER_INIT;
    struct writer writer = writer_make(&buf, 1);
    struct slice column = bytes_from_hex(COLUMN);
    struct slice end = bytes_from_hex(OK_END);
    writer_packet(&writer, S("\xfc\x2c\x01"));
    for (int i = 0; i < 300; i++) {
        writer_packet(&writer, column);
    }
    writer_packet(&writer, end);
    for (size_t piece = 7; piece < 3000; piece += 1000) {
        struct replay replay = replay_make(COMMAND_REPLY_RESULT, CAPTURED, 1);
        replay_run(&replay, buffer_slice(&buf), piece);
        assert_trace(&replay, "many columns", "end ok 0002; ");
        assert_int_equal(replay.reply.rows, 0);
        replay_release(&replay);
    }
    bytes_free(column);
    bytes_free(end);
    buffer_release(&buf);
}

// Nothing is waited for that cannot be: the header tells.
static void a_first_packet_too_long_for_a_count_is_a_fault_at_once(void **state)
{
    (void)state;
    struct slice bytes = bytes_from_hex("0b000001 01");
    struct replay replay = replay_make(COMMAND_REPLY_RESULT, CAPTURED, 1);
    replay_run(&replay, bytes, SIZE_MAX);
    assert_int_equal(replay.reply.fault, REPLY_FAULT_MALFORMED);
    replay_release(&replay);
    bytes_free(bytes);
}

static void an_answer_begins_where_the_command_ended(void **state)
{
    (void)state;
    struct slice bytes = captured_answer("D_SELECT1");
    struct replay replay = replay_make(COMMAND_REPLY_RESULT, CAPTURED, 3);
    replay_run(&replay, bytes, SIZE_MAX);
    assert_int_equal(replay.reply.fault, REPLY_FAULT_SEQUENCE);
    replay_release(&replay);
    bytes_free(bytes);
}

// --- what is no answer -------------------------------------------------------------------------

static void nonsense_is_a_fault(void **state)
{
    (void)state;
    static const struct {
        enum command_reply kind;
        uint64_t capabilities;
        const char *payloads[5];
        enum reply_fault fault;
    } CASES[] = {
        {COMMAND_REPLY_RESULT, CAPTURED, {""}, REPLY_FAULT_EMPTY},
        {COMMAND_REPLY_RESULT, CAPTURED, {"01", COLUMN, ""}, REPLY_FAULT_EMPTY},
        {COMMAND_REPLY_RESULT, CAPTURED, {"01", "", "01", "02"}, REPLY_FAULT_EMPTY},
        {COMMAND_REPLY_RESULT, CAPTURED, {"00"}, REPLY_FAULT_MALFORMED},
        {COMMAND_REPLY_RESULT, CAPTURED, {"ff 00"}, REPLY_FAULT_MALFORMED},
        {COMMAND_REPLY_RESULT, CAPTURED, {"ff 0000"}, REPLY_FAULT_MALFORMED},
        {COMMAND_REPLY_RESULT, CAPTURED, {"fe"}, REPLY_FAULT_MALFORMED},
        {COMMAND_REPLY_RESULT, CAPTURED, {"01 02"}, REPLY_FAULT_MALFORMED},
        {COMMAND_REPLY_RESULT, CAPTURED, {"fd ffffff"}, REPLY_FAULT_MALFORMED},
        {COMMAND_REPLY_RESULT,
         CAPTURED,
         {"0a 31 32 33 34 35 36 37 38 39 40"}, //
         REPLY_FAULT_MALFORMED},
        {COMMAND_REPLY_RESULT, CAPTURED, {"02", COLUMN, EOF_END}, REPLY_FAULT_UNEXPECTED},
        {COMMAND_REPLY_RESULT, CAPTURED_EOF, {"01", COLUMN, COLUMN}, REPLY_FAULT_UNEXPECTED},
        {COMMAND_REPLY_RESULT,
         CAPTURED_EOF,
         {"01", COLUMN, "fe 000000000000000000"}, //
         REPLY_FAULT_UNEXPECTED},
        {COMMAND_REPLY_RESULT, CAPTURED_EOF, {"01", COLUMN, "fe 0000"}, REPLY_FAULT_MALFORMED},
        {COMMAND_REPLY_RESULT, CAPTURED, {"01", COLUMN, "fe 00"}, REPLY_FAULT_MALFORMED},
        {COMMAND_REPLY_PREPARED, CAPTURED, {"01"}, REPLY_FAULT_UNEXPECTED},
        {COMMAND_REPLY_PREPARED, CAPTURED, {"00 010000"}, REPLY_FAULT_MALFORMED},
        {COMMAND_REPLY_OK, CAPTURED, {"01"}, REPLY_FAULT_UNEXPECTED},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct slice bytes = script(CASES[i].payloads);
        struct replay replay = replay_make(CASES[i].kind, CASES[i].capabilities, 1);
        replay_run(&replay, bytes, SIZE_MAX);
        if (replay.reply.fault != CASES[i].fault) {
            fail_msg("case %zu: fault %d", i, (int)replay.reply.fault);
        }
        // It is final, and says what it is.
        struct reply_step step;
        reply_feed(&replay.reply, (uint8_t *)bytes.ptr, bytes.len, &step);
        assert_int_equal(step.event, REPLY_FAULT);
        assert_int_equal(step.forward + step.held, 0);
        assert_true(reply_fault_text(replay.reply.fault).len > 10);
        replay_release(&replay);
        assert_same_in_any_pieces("nonsense", CASES[i].kind, CASES[i].capabilities, bytes);
        bytes_free(bytes);
    }
}

// --- what a caller does with it ----------------------------------------------------------------

static void status_flags_are_rewritten_in_place(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *frame; // the held packet with its new flags
    } CASES[] = {
        {"D_SELECT1", "07000004 fe 00 00 2301 0000"}, {"E_PING", "07000001 00 00 00 2301 0000"},
        {"E_SETOPT", "05000001 fe 0000 2301"},        {"D_SETOPT", "07000001 fe 00 00 2301 0000"},
        {"E_CURSOR", "05000009 fe 0000 2301"},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        const struct captured *row = captured_find(CASES[i].name);
        struct slice bytes = bytes_from_hex(row->answer);
        struct slice frame = bytes_from_hex(CASES[i].frame);
        struct reply reply;
        struct reply_step step;
        reply_begin(&reply, row->reply, row->capabilities, 1);
        reply_feed(&reply, (uint8_t *)bytes.ptr, bytes.len, &step);
        assert_int_equal(step.event, REPLY_END);
        reply_status_set(&step, (uint8_t *)bytes.ptr, 0x0123);
        assert_int_equal(step.held, frame.len);
        assert_memory_equal(bytes.ptr + step.forward, frame.ptr, frame.len);
        bytes_free(frame);
        bytes_free(bytes);
    }
}

static void a_caller_knows_whether_an_error_fits_in(void **state)
{
    (void)state;
    struct slice bytes = captured_answer("D_SELECT1");
    struct reply reply;
    struct reply_step step;
    reply_begin(&reply, COMMAND_REPLY_RESULT, CAPTURED, 1);
    reply_feed(&reply, (uint8_t *)bytes.ptr, 5, &step);
    assert_true(reply_is_at_boundary(&reply));
    assert_int_equal(reply.sequence, 2);
    reply_feed(&reply, (uint8_t *)bytes.ptr + 5, 12, &step);
    assert_int_equal(step.forward, 12);
    assert_false(reply_is_at_boundary(&reply));
    bytes_free(bytes);
}

static void a_command_without_an_answer_has_ended(void **state)
{
    (void)state;
    struct reply reply;
    reply_begin(&reply, COMMAND_REPLY_NONE, CAPTURED, 1);
    assert_true(reply_is_ended(&reply));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_real_answer_ends_with_its_last_byte),
        cmocka_unit_test(real_answers_are_told_rightly),
        cmocka_unit_test(warnings_are_those_of_the_last_packet),
        cmocka_unit_test(a_point_select_takes_one_call),
        cmocka_unit_test(a_result_may_have_many_columns),
        cmocka_unit_test(bytes_behind_the_end_are_a_fault),
        cmocka_unit_test(rows_that_begin_like_other_packets_are_rows),
        cmocka_unit_test(eof_is_told_from_a_row_by_its_length),
        cmocka_unit_test(a_result_that_was_cut_short_ends_by_an_eof_in_any_case),
        cmocka_unit_test(an_error_may_stand_anywhere),
        cmocka_unit_test(more_results_in_the_eof_behind_columns_mean_nothing),
        cmocka_unit_test(single_answers_end_whatever_their_flags_say),
        cmocka_unit_test(a_cursor_ends_the_answer_of_an_execution_only),
        cmocka_unit_test(definitions_may_be_left_out),
        cmocka_unit_test(a_file_is_sent_in_the_middle),
        cmocka_unit_test(a_server_may_answer_before_the_file_is_sent),
        cmocka_unit_test(several_files_may_be_wanted),
        cmocka_unit_test(rows_over_16_mib_stream_through_a_small_buffer),
        cmocka_unit_test(an_end_of_rows_larger_than_what_is_held_is_a_fault),
        cmocka_unit_test(an_ok_packet_is_held_up_to_1_mib),
        cmocka_unit_test(sequence_ids_wrap_at_256),
        cmocka_unit_test(a_wrong_sequence_id_is_a_fault_wherever_it_stands),
        cmocka_unit_test(a_wrong_sequence_id_inside_a_large_row_is_a_fault),
        cmocka_unit_test(frames_are_renumbered_where_the_client_counts_otherwise),
        cmocka_unit_test(an_answer_begins_where_the_command_ended),
        cmocka_unit_test(a_first_packet_too_long_for_a_count_is_a_fault_at_once),
        cmocka_unit_test(nonsense_is_a_fault),
        cmocka_unit_test(status_flags_are_rewritten_in_place),
        cmocka_unit_test(a_caller_knows_whether_an_error_fits_in),
        cmocka_unit_test(a_command_without_an_answer_has_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
