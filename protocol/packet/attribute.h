// Connection attributes: names and values by which a client program tells of itself, in the login
// and in COM_CHANGE_USER. They stay bytes until somebody asks. Any thread.
#pragma once

#include "protocol/wire/reader.h"
#include "protocol/wire/writer.h"

#include "proxy/base/slice.h"

enum { ATTRIBUTES_MAX = 64 * 1024 }; // bytes that one login may hold, as the servers have it

struct attribute {
    struct slice name;
    struct slice value;
};

// Reads the block of attributes (its length and its bytes) from a packet. Fails the reader where it
// is larger than ATTRIBUTES_MAX or does not end with its last pair. Returns the pairs.
struct slice attributes_read(struct reader *reader);

// The next pair; false at the end. `pairs` comes from reader_make() of what attributes_read() gave.
bool attribute_next(struct reader *pairs, struct attribute *attribute);

// Appends a pair to `pairs`, from which a packet's `attributes` is then taken as a slice.
void attribute_encode(const struct attribute *attribute, struct writer *pairs);
