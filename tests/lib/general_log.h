// A server's general log, read on from where it was read before: which statements came from clients
// of one account over TCP, which is how a proxy's connections come.
#pragma once

#include "proxy/base/buffer.h"
#include "proxy/base/slice.h"

#include <stddef.h>
#include <stdint.h>

enum { GENERAL_LOG_IDS = 1 << 16 };

struct general_log {
    const char *path;    // borrowed
    const char *account; // "root@127.0.0.1"; borrowed
    size_t at;           // bytes read before
    struct buffer text;  // what is new
    uint8_t is_ours[GENERAL_LOG_IDS / 8];
};

struct general_log *general_log_open(const char *path, const char *account);
void general_log_close(struct general_log *log);

// Reads what is new and returns how many statements in it begin with this text. Servers take white
// space and semicolons off both ends before they write a statement down.
size_t general_log_count(struct general_log *log, struct slice statement);
// Reads what is new and returns how many lines of statements in it hold this text.
size_t general_log_count_lines(struct general_log *log, const char *mark);
