#include "proxy/net/outbox.h"

#include "proxy/net/stream_priv.h"

#include <string.h>

static void entry_send(struct outbox *outbox, struct outbox_entry *entry)
{
    struct stream *stream = entry->stream;
    struct slice bytes = slice_make(outbox->bytes + entry->begin, entry->len);
    entry->stream = NULL;
    stream->outbox_place = 0;
    if (stream->failed == STREAM_END_NONE) {
        stream_wire_send(stream, &bytes, 1);
    }
}

void outbox_send(struct outbox *outbox, struct stream *stream)
{
    if (stream->outbox_place != 0) {
        entry_send(outbox, &outbox->entries[stream->outbox_place - 1]);
    }
}

void outbox_flush(struct outbox *outbox)
{
    for (size_t i = 0; i < outbox->count; i++) {
        if (outbox->entries[i].stream != NULL) {
            entry_send(outbox, &outbox->entries[i]);
        }
    }
    outbox->count = 0;
    outbox->len = 0;
}

static void bytes_append(struct outbox *outbox, const struct slice *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > 0) {
            memcpy(outbox->bytes + outbox->len, parts[i].ptr, parts[i].len);
            outbox->len += parts[i].len;
        }
    }
}

// The stream's entry, where more can be put behind its bytes; NULL: it needs a new one.
static struct outbox_entry *entry_extensible(struct outbox *outbox, const struct stream *stream)
{
    bool is_last = stream->outbox_place != 0 && stream->outbox_place == outbox->count;
    return is_last ? &outbox->entries[outbox->count - 1] : NULL;
}

static struct outbox_entry *entry_add(struct outbox *outbox, struct stream *stream)
{
    struct outbox_entry *entry = &outbox->entries[outbox->count++];
    *entry = (struct outbox_entry){stream, (uint32_t)outbox->len, 0};
    stream->outbox_place = (uint8_t)outbox->count;
    return entry;
}

bool outbox_put(struct outbox *outbox, struct stream *stream, const struct slice *parts,
                size_t count)
{
    size_t len = slices_len(parts, count);
    if (len > OUTBOX_PIECE_MOST) {
        outbox_send(outbox, stream);
        return false;
    }
    if (outbox->len + len > OUTBOX_SIZE) {
        outbox_flush(outbox);
    }
    struct outbox_entry *entry = entry_extensible(outbox, stream);
    if (entry == NULL) {
        outbox_send(outbox, stream);
        if (outbox->count == OUTBOX_STREAMS) {
            outbox_flush(outbox);
        }
        entry = entry_add(outbox, stream);
    }
    bytes_append(outbox, parts, count);
    entry->len += (uint32_t)len;
    return true;
}
