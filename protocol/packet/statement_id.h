// The id of a prepared statement, which stands behind the first byte of every packet that has one:
// STMT_EXECUTE, STMT_SEND_LONG_DATA, STMT_CLOSE, STMT_RESET, STMT_FETCH, and the OK of a
// STMT_PREPARE. Clients hold ids of sluice's, servers ids of their own. Any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// MariaDB: the statement that was prepared last, whose id the client does not know yet.
#define STATEMENT_ID_LAST UINT32_MAX

// Reads the id of a payload. False where it is too short.
__attribute__((warn_unused_result)) bool statement_id_get(const uint8_t *payload, size_t len,
                                                          uint32_t *id);
// Puts another id into a payload, in place. False where it is too short.
__attribute__((warn_unused_result)) bool statement_id_set(uint8_t *payload, size_t len,
                                                          uint32_t id);
