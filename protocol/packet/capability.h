// The capability flags of the protocol, one 64-bit set for MySQL's and MariaDB's: see
// capability.def. Any thread.
#pragma once

#include "protocol/wire/compression.h"

#include "proxy/base/slice.h"

#include <stdbool.h>
#include <stdint.h>

// Wider than int: a GNU extension that both compilers have.
enum capability {
#define ROW(name, bit, offered, asked, sentence) CAPABILITY_##name = UINT64_C(1) << (bit),
#include "protocol/packet/capability.def"
#undef ROW
};

enum capability_use {
    CAPABILITY_USE_NEVER,
    CAPABILITY_USE_ALWAYS,
    CAPABILITY_USE_WHERE_SET, // the configuration or the client's own choice decides
};

#define CAPABILITY_IF(use, wanted, name)                                                           \
    | (CAPABILITY_USE_##use == CAPABILITY_USE_##wanted ? CAPABILITY_##name : UINT64_C(0))

enum {
    // What sluice announces to every client, and what may join it.
    CAPABILITIES_OFFERED = UINT64_C(0)
#define ROW(name, bit, offered, asked, sentence) CAPABILITY_IF(offered, ALWAYS, name)
#include "protocol/packet/capability.def"
#undef ROW
        ,
    CAPABILITIES_OFFERED_WHERE_SET = UINT64_C(0)
#define ROW(name, bit, offered, asked, sentence) CAPABILITY_IF(offered, WHERE_SET, name)
#include "protocol/packet/capability.def"
#undef ROW
        ,
    // What sluice announces to every server that has it, and what may join it.
    CAPABILITIES_ASKED = UINT64_C(0)
#define ROW(name, bit, offered, asked, sentence) CAPABILITY_IF(asked, ALWAYS, name)
#include "protocol/packet/capability.def"
#undef ROW
        ,
    CAPABILITIES_ASKED_WHERE_SET = UINT64_C(0)
#define ROW(name, bit, offered, asked, sentence) CAPABILITY_IF(asked, WHERE_SET, name)
#include "protocol/packet/capability.def"
#undef ROW
        ,
    // The bits that MySQL's packets carry, and those that travel in MariaDB's extra field.
    CAPABILITIES_MYSQL = UINT64_C(0xFFFFFFFF),
    CAPABILITIES_EXTENDED = UINT64_C(0xFFFFFFFF) << 32,
};

// What travels compressed once the login is done, and how: zlib where both were agreed on.
enum compression_kind compression_of(uint64_t capabilities);

static inline bool capability_has(uint64_t capabilities, uint64_t flag)
{
    return (capabilities & flag) != 0;
}

struct capability_row {
    struct slice name;
    uint64_t flag;
    enum capability_use offered;
    enum capability_use asked;
    struct slice sentence;
};

// The table in the order of bits; `*count` rows.
const struct capability_row *capability_rows(size_t *count);
