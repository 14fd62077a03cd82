#include "protocol/packet/session_change.h"

enum { GTIDS_AS_TEXT = 0 }; // the one encoding of GTIDs that there is

// Fields of a change of a known type; what a later version puts behind them is not read.
static bool data_read(struct session_change *change, struct slice data)
{
    struct reader reader = reader_make(data);

    switch (change->type) {
    case SESSION_CHANGE_VARIABLE:
        change->name = reader_lenenc_slice(&reader);
        change->value = reader_lenenc_slice(&reader);
        break;
    case SESSION_CHANGE_GTIDS:
        reader_skip(&reader, 1);
        change->value = reader_lenenc_slice(&reader);
        break;
    case SESSION_CHANGE_STATE: // no length of its own, whatever the manual says
        change->value = reader_rest(&reader);
        break;
    case SESSION_CHANGE_SCHEMA:
    case SESSION_CHANGE_CHARACTERISTICS:
    case SESSION_CHANGE_TRANSACTION_STATE:
        change->value = reader_lenenc_slice(&reader);
        break;
    default:
        break;
    }
    return !reader_is_failed(&reader);
}

bool session_change_next(struct reader *changes, struct session_change *change)
{
    if (reader_left(changes) == 0) {
        return false;
    }
    const uint8_t *start = changes->ptr;
    *change = (struct session_change){.type = reader_u8(changes)};
    struct slice data = reader_lenenc_slice(changes);
    if (reader_is_failed(changes) || !data_read(change, data)) {
        reader_fail(changes);
        return false;
    }
    change->bytes = slice_make(start, (size_t)(changes->ptr - start));
    return true;
}

static size_t lenenc_slice_size(struct slice bytes)
{
    return writer_lenenc_size(bytes.len) + bytes.len;
}

void session_change_encode(const struct session_change *change, struct writer *changes)
{
    switch (change->type) {
    case SESSION_CHANGE_VARIABLE:
        writer_u8(changes, change->type);
        writer_lenenc(changes, lenenc_slice_size(change->name) + lenenc_slice_size(change->value));
        writer_lenenc_slice(changes, change->name);
        writer_lenenc_slice(changes, change->value);
        break;
    case SESSION_CHANGE_GTIDS:
        writer_u8(changes, change->type);
        writer_lenenc(changes, 1 + lenenc_slice_size(change->value));
        writer_u8(changes, GTIDS_AS_TEXT);
        writer_lenenc_slice(changes, change->value);
        break;
    case SESSION_CHANGE_STATE:
        writer_u8(changes, change->type);
        writer_lenenc_slice(changes, change->value);
        break;
    case SESSION_CHANGE_SCHEMA:
    case SESSION_CHANGE_CHARACTERISTICS:
    case SESSION_CHANGE_TRANSACTION_STATE:
        writer_u8(changes, change->type);
        writer_lenenc(changes, lenenc_slice_size(change->value));
        writer_lenenc_slice(changes, change->value);
        break;
    default:
        writer_slice(changes, change->bytes);
        break;
    }
}

bool session_change_filter(struct slice list, session_change_keep_fn *keep, void *arg,
                           struct writer *changes)
{
    struct reader reader = reader_make(list);
    struct session_change change;

    while (session_change_next(&reader, &change)) {
        if (keep(&change, arg)) {
            writer_slice(changes, change.bytes);
        }
    }
    return !reader_is_failed(&reader);
}
