// The functions that servers have built in: functions.def. Constant tables. Any thread.
#pragma once

#include "proxy/base/slice.h"

#include <stdbool.h>

// What a call means; the words are explained in functions.def.
enum function_kind {
    FUNCTION_PURE,
    FUNCTION_CLAUSE,
    FUNCTION_CHANGES,
    FUNCTION_SESSION,
    FUNCTION_SERVER,
    FUNCTION_FOUND_ROWS,
    FUNCTION_ROW_COUNT,
    FUNCTION_INSERT_ID,
    FUNCTION_CONNECTION_ID,
    FUNCTION_LOCK_TAKE,
    FUNCTION_LOCK_RELEASE,
    FUNCTION_LOCK_RELEASE_ALL,
    FUNCTION_LOCK_ASK,
    FUNCTION_LOCK_OWNER,
    FUNCTION_SEQUENCE_NEXT,
    FUNCTION_SEQUENCE_LAST,
    FUNCTION_WRITES,
};

struct sql_function {
    enum function_kind kind;
    bool is_token;      // its parenthesis follows at once, but for IGNORE_SPACE
    bool is_everywhere; // every server has it
};

// The built-in function of that name, in whatever case, or NULL.
const struct sql_function *sql_function_find(struct slice name);
// In upper case. `function` is one that sql_function_find() returned.
struct slice sql_function_name(const struct sql_function *function);
