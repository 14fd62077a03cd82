// The statements that a session has open on its connection, by the server's ids, with what they are
// counted under. Embedded in the session; holds no memory while there are none. One thread: the
// worker's.
#pragma once

#include "proxy/observe/digest_table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct prepared {
    uint32_t id;
    uint64_t shape;           // of the text that was prepared, see router/sql/shape.h
    struct digest_text *text; // its digest; owned
};

// By id: servers count upwards, so a new one mostly stands last.
struct prepared_list {
    struct prepared *items;
    size_t count;
    size_t cap;
};

#define PREPARED_LIST_INIT ((struct prepared_list){0})

void prepared_release(struct prepared_list *list);

static inline bool prepared_is_empty(const struct prepared_list *list)
{
    return list->count == 0;
}

// Takes over `text`.
void prepared_add(struct prepared_list *list, uint32_t id, uint64_t shape,
                  struct digest_text *text);
// An id that is not there was closed before, or never was.
void prepared_remove(struct prepared_list *list, uint32_t id);
// The statement of that id, or NULL; of PREPARED_LAST: the one prepared last. Borrowed.
const struct prepared *prepared_find(const struct prepared_list *list, uint32_t id);

// MariaDB's clients may run what they have just prepared without having heard of its id.
#define PREPARED_LAST UINT32_MAX
