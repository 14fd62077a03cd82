// Why a login failed, ready to be sent to a client: see refusals.def. Embedded; holds no memory and
// no secret. Any thread.
#pragma once

#include "protocol/packet/err.h"
#include "protocol/packet/error_row.h"

#include "proxy/base/slice.h"

#include <stdint.h>

enum refusal_cause {
    REFUSAL_NONE,
#define ROW(cause, error, sentence) REFUSAL_##cause,
#include "protocol/login/refusals.def"
#undef ROW
    REFUSAL_BY_SERVER, // client role: the server's own error, number and text
    REFUSAL_BY_CALLER, // server role: by login_server_refuse()
};

struct refusal {
    enum refusal_cause cause;
    uint16_t code;                        // 0 without cause
    char sqlstate[ERR_SQLSTATE_SIZE + 1]; // empty where a server gave none
    char text[ERROR_ROW_TEXT_SIZE];
};

// Fills in the cause's number and SQLSTATE, and the text. `format` is the cause's row of errors.def
// (ERROR_FORMAT_...) where its text says it, else starts with "sluice: " too. Not for
// REFUSAL_BY_SERVER and REFUSAL_BY_CALLER.
__attribute__((format(printf, 3, 4))) void
refusal_set(struct refusal *refusal, enum refusal_cause cause, const char *format, ...);
// An error as it is: REFUSAL_BY_SERVER or REFUSAL_BY_CALLER.
void refusal_set_err(struct refusal *refusal, enum refusal_cause cause, const struct err *err);

// The packet's fields. Borrowed from the refusal, as is the next.
struct err refusal_err(const struct refusal *refusal);
// The text without "sluice: ", to stand in another sentence.
struct slice refusal_phrase(const struct refusal *refusal);
// Its cause for the operator; empty for REFUSAL_BY_SERVER and REFUSAL_BY_CALLER.
struct slice refusal_sentence(const struct refusal *refusal);
