// Collations by number: what the one byte in a handshake stands for. Any thread; constant tables.
#pragma once

#include "proxy/base/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct collation {
    struct slice charset; // ptr NULL: no collation has this number
    struct slice name;
};

enum {
    COLLATION_UTF8MB4_GENERAL_CI = 45,
    COLLATION_BINARY = 63,
    COLLATION_UTF8MB4_0900_AI_CI = 255
};

// The collation of that number; where there is none, utf8mb4_general_ci's, which every server
// knows.
const struct collation *collation_by_number(uint16_t number);

// What a login with that collation leaves: its name, or empty where MariaDB takes it for "the
// default of the charset", which is another one on newer servers (character_set_collations).
struct slice collation_of_login(const struct collation *collation, bool is_mariadb);

// The number of a collation by name (any case), 0 where it has none below 256.
uint16_t collation_number(struct slice name);
