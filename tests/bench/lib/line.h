// One end of a connection to a server on this machine, plain or TLS, that never waits once it is
// made. Embedded in its owner. Trouble ends the program (die()). One thread.
#pragma once

#include "proxy/base/slice.h"

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct line {
    int fd;   // -1: closed
    SSL *ssl; // NULL: plain
};

#define LINE_CLOSED ((struct line){-1, NULL})

// Connects to the port of 127.0.0.1. The connection is made when this returns.
struct line line_connect(uint16_t port);
void line_close(struct line *line);

// TLS from here on: first line_shake() until it is true, each time bytes have come. No certificate
// is verified, no session resumed.
void line_start_tls(struct line *line);
bool line_shake(struct line *line);

// Sends all of it. What is sent here is small and waited for, so that it always fits.
void line_send(struct line *line, struct slice bytes);
// What has come, at most `size` bytes: 0 where there is nothing yet. The other side's end is an
// error.
size_t line_receive(struct line *line, uint8_t *bytes, size_t size);
