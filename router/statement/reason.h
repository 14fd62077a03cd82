// Why a statement went where it went. The rows stand in reasons.def. Any thread.
#pragma once

#include "proxy/base/slice.h"

enum route_reason {
#define REASON(name, text, sentence) ROUTE_REASON_##name,
#include "router/statement/reasons.def"
#undef REASON
    ROUTE_REASON_COUNT,
};

// The stable name ("locking_read"), and the sentence for the operator.
struct slice route_reason_name(enum route_reason reason);
struct slice route_reason_sentence(enum route_reason reason);
