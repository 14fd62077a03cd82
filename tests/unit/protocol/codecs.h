// Every packet that has a decoder and an encoder, as one function each that does both: for tests
// that hold of all packets, and for the fuzz target.
#pragma once

#include "protocol/packet/auth_more.h"
#include "protocol/packet/auth_switch.h"
#include "protocol/packet/binary_row.h"
#include "protocol/packet/change_user.h"
#include "protocol/packet/column.h"
#include "protocol/packet/eof.h"
#include "protocol/packet/err.h"
#include "protocol/packet/field_list.h"
#include "protocol/packet/handshake.h"
#include "protocol/packet/handshake_response.h"
#include "protocol/packet/infile_request.h"
#include "protocol/packet/init_db.h"
#include "protocol/packet/ok.h"
#include "protocol/packet/prepare_ok.h"
#include "protocol/packet/process_kill.h"
#include "protocol/packet/query.h"
#include "protocol/packet/result_header.h"
#include "protocol/packet/session_change.h"
#include "protocol/packet/set_option.h"
#include "protocol/packet/stmt_bulk_execute.h"
#include "protocol/packet/stmt_close.h"
#include "protocol/packet/stmt_execute.h"
#include "protocol/packet/stmt_fetch.h"
#include "protocol/packet/stmt_long_data.h"
#include "protocol/packet/stmt_prepare.h"
#include "protocol/packet/stmt_reset.h"
#include "protocol/packet/text_row.h"

#define ALL_CAPABILITIES (~UINT64_C(0))

// Reads a payload and writes what was read. False where it is no such packet.
typedef bool recode_fn(struct slice payload, struct writer *writer, uint64_t capabilities);

#define RECODE(name)                                                                               \
    static inline bool recode_##name(struct slice payload, struct writer *writer,                  \
                                     uint64_t capabilities)                                        \
    {                                                                                              \
        struct name packet;                                                                        \
        (void)capabilities;                                                                        \
        if (!name##_decode(&packet, payload)) {                                                    \
            return false;                                                                          \
        }                                                                                          \
        name##_encode(&packet, writer);                                                            \
        return true;                                                                               \
    }

#define RECODE_WITH_CAPABILITIES(name)                                                             \
    static inline bool recode_##name(struct slice payload, struct writer *writer,                  \
                                     uint64_t capabilities)                                        \
    {                                                                                              \
        struct name packet;                                                                        \
        if (!name##_decode(&packet, payload, capabilities)) {                                      \
            return false;                                                                          \
        }                                                                                          \
        name##_encode(&packet, writer, capabilities);                                              \
        return true;                                                                               \
    }

RECODE(auth_more)
RECODE(auth_switch)
RECODE(eof)
RECODE(err)
RECODE(field_list)
RECODE(handshake)
RECODE(infile_request)
RECODE(init_db)
RECODE(process_kill)
RECODE(set_option)
RECODE(stmt_close)
RECODE(stmt_fetch)
RECODE(stmt_long_data)
RECODE(stmt_prepare)
RECODE(stmt_reset)
RECODE_WITH_CAPABILITIES(change_user)
RECODE_WITH_CAPABILITIES(column)
RECODE_WITH_CAPABILITIES(ok)
RECODE_WITH_CAPABILITIES(prepare_ok)
RECODE_WITH_CAPABILITIES(query)
RECODE_WITH_CAPABILITIES(result_header)

static inline bool recode_handshake_response(struct slice payload, struct writer *writer,
                                             uint64_t capabilities)
{
    struct handshake_response packet;
    if (!handshake_response_decode(&packet, payload, capabilities)) {
        return false;
    }
    handshake_response_encode(&packet, writer);
    return true;
}

// An execution of a statement with two parameters.
enum { RECODE_PARAMETERS = 2 };

static inline bool recode_stmt_bulk_execute(struct slice payload, struct writer *writer,
                                            uint64_t capabilities)
{
    struct stmt_bulk_execute packet;
    (void)capabilities;
    if (!stmt_bulk_execute_decode(&packet, payload, RECODE_PARAMETERS)) {
        return false;
    }
    stmt_bulk_execute_encode(&packet, writer);
    return true;
}

static inline bool recode_stmt_execute(struct slice payload, struct writer *writer,
                                       uint64_t capabilities)
{
    struct stmt_execute packet;
    struct parameters parameters;
    if (!stmt_execute_decode(&packet, payload) ||
        !stmt_execute_parameters(&packet, RECODE_PARAMETERS, capabilities, &parameters)) {
        return false;
    }
    stmt_execute_encode(&packet, &parameters, RECODE_PARAMETERS, writer, capabilities);
    return true;
}

static inline bool recode_session_changes(struct slice payload, struct writer *writer,
                                          uint64_t capabilities)
{
    (void)capabilities;
    struct reader changes = reader_make(payload);
    struct session_change change;
    while (session_change_next(&changes, &change)) {
        session_change_encode(&change, writer);
    }
    return !reader_is_failed(&changes);
}

// Rows of three values: a number, a time and a text in binary.
enum { RECODE_VALUES = 3 };

static inline bool recode_text_row(struct slice payload, struct writer *writer,
                                   uint64_t capabilities)
{
    (void)capabilities;
    struct slice values[RECODE_VALUES];
    if (!text_row_decode(values, RECODE_VALUES, payload)) {
        return false;
    }
    text_row_encode(values, RECODE_VALUES, writer);
    return true;
}

static inline bool recode_binary_row(struct slice payload, struct writer *writer,
                                     uint64_t capabilities)
{
    (void)capabilities;
    static const struct column columns[RECODE_VALUES] = {
        {.type = TYPE_LONG}, {.type = TYPE_DATETIME}, {.type = TYPE_VAR_STRING}};
    struct slice values[RECODE_VALUES];
    if (!binary_row_decode(values, columns, RECODE_VALUES, payload)) {
        return false;
    }
    binary_row_encode(values, columns, RECODE_VALUES, writer);
    return true;
}

struct codec {
    const char *name;
    recode_fn *recode;
};

#define CODEC(name)                                                                                \
    {                                                                                              \
#name, recode_##name                                                                       \
    }

static const struct codec CODECS[] = {
    CODEC(auth_more),
    CODEC(auth_switch),
    CODEC(binary_row),
    CODEC(change_user),
    CODEC(column),
    CODEC(eof),
    CODEC(err),
    CODEC(field_list),
    CODEC(handshake),
    CODEC(infile_request),
    CODEC(handshake_response),
    CODEC(init_db),
    CODEC(ok),
    CODEC(prepare_ok),
    CODEC(process_kill),
    CODEC(query),
    CODEC(result_header),
    CODEC(session_changes),
    CODEC(set_option),
    CODEC(stmt_bulk_execute),
    CODEC(stmt_close),
    CODEC(stmt_execute),
    CODEC(stmt_fetch),
    CODEC(stmt_long_data),
    CODEC(stmt_prepare),
    CODEC(stmt_reset),
    CODEC(text_row),
};

enum { CODEC_COUNT = sizeof(CODECS) / sizeof(CODECS[0]) };
