// The statements that a session has open, by the ids that sluice gave them. What they are is
// shared (proxy/backend/prepared_text.h); a session has for each of them what is its own: which
// types its parameters have, data that was sent ahead, an open cursor. Embedded in the session;
// holds no memory while there are none. One thread: the worker's.
#pragma once

#include "proxy/backend/prepared_text.h"
#include "proxy/base/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PREPARED_MOST = 16382,         // of a session; as many as a server allows all of its clients
    PREPARED_TEXT_MOST = 64 << 20, // bytes of their texts
};

// Values that came by COM_STMT_SEND_LONG_DATA and go out in front of the execution.
struct long_data {
    struct buffer packets; // as the client sent them
    bool is_too_long;      // there was more than may be kept
};

struct prepared {
    uint32_t id;
    uint32_t cursor_id;           // with a cursor: the server's, on the session's connection
    uint8_t *cursor_kinds;        // owned: what that takes parameters for, see statements.h
    bool is_cursor_of_other;      // the statement's text there is not `text`, but took its place
    struct prepared_text *text;   // a reference, counted in text->open
    struct prepared_types *types; // a reference; NULL: the client has sent none
    struct long_data *long_data;  // owned; NULL: none
};

// By id, which count upwards.
struct prepared_list {
    struct prepared *items;
    size_t count;
    size_t cap;
    size_t text_bytes;
    uint32_t last_id; // of what was prepared last; 0: that failed, or was closed
    uint32_t given;   // ids so far
    uint32_t cursors; // open ones
};

#define PREPARED_LIST_INIT ((struct prepared_list){0})

// MariaDB's clients may run what they have just prepared without having heard of its id.
#define PREPARED_LAST      UINT32_MAX

void prepared_release(struct prepared_list *list);

// Whether there is room for a statement of that text.
bool prepared_has_room(const struct prepared_list *list, const struct prepared_text *text);
// The id that the next statement gets.
uint32_t prepared_next_id(const struct prepared_list *list);
// Takes a reference to the text. Borrowed until the next one is added or removed.
struct prepared *prepared_add(struct prepared_list *list, struct prepared_text *text);
// Preparing has failed: what PREPARED_LAST means is gone.
void prepared_add_failed(struct prepared_list *list);
// One of the list's.
void prepared_remove(struct prepared_list *list, struct prepared *prepared);
// The statement of that id, or NULL; of PREPARED_LAST: the one prepared last.
struct prepared *prepared_find(const struct prepared_list *list, uint32_t id);

// Keeps a packet for the execution, unless that makes more than `most` bytes.
void prepared_add_long_data(struct prepared *prepared, struct slice packet, size_t most);
void prepared_drop_long_data(struct prepared *prepared);

static inline bool prepared_has_cursor(const struct prepared *prepared)
{
    return prepared->cursor_id != 0;
}
