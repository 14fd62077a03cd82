// What a session's last statement left: its counts, and warnings or an error. Counts are known here
// as far as the answers told them. Warnings and errors are with the connection that ran the
// statement (POOL_TIE_CONDITIONS), up to the moment that another session needs it: then the server
// tells of them, and they are kept here. Embedded in the session; memory is held only while they
// are kept. One thread: the worker's.
#pragma once

#include "proxy/pool/pool.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    CONDITIONS_ROWS_MOST = 1024, // that are kept: as many as MySQL keeps unless told otherwise
    CONDITIONS_BYTES_MOST = 256 * 1024,
    LAST_SQLSTATE_SIZE = 5,
};

enum last_conditions {
    LAST_NONE,  // there are none
    LAST_HELD,  // a connection has them; without the tie they went with it
    LAST_SAVED, // they are here
};

enum condition_cell { CONDITION_LEVEL, CONDITION_CODE, CONDITION_MESSAGE, CONDITION_CELLS };

// What SHOW WARNINGS answers, in one piece of memory.
struct conditions {
    struct column columns[CONDITION_CELLS]; // in the charset of the session's results
    size_t count;
    struct slice cells[][CONDITION_CELLS];
};

struct last {
    int64_t row_count;   // ROW_COUNT()
    uint64_t found_rows; // FOUND_ROWS(), where it is known
    struct conditions *saved;
    enum last_conditions conditions;
    uint32_t condition_count; // @@warning_count, where the answer told it
    bool is_count_known;
    bool is_found_known;
    bool is_here;   // the connection that the session had last ran the last statement
    uint16_t error; // that the last statement ended with; 0: none
    char sqlstate[LAST_SQLSTATE_SIZE];
};

// As after a login.
void last_release(struct last *last);
// The connection told what it had. False: that is more than is kept, or nothing of use.
bool last_save(struct last *last, const struct conn_result *result);
// sluice itself has something to say: behind those that are kept, under these columns.
void last_add_error(struct last *last, const struct column *columns, uint16_t code,
                    struct slice message);

// @@warning_count and @@error_count, of those that are known. False: nobody knows any more.
bool last_warning_count(const struct last *last, uint64_t *count);
bool last_error_count(const struct last *last, uint64_t *count);
