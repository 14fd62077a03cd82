// Rows of one view on their way from the threads that know them to the control thread: a flat run
// of bytes, filled in one thread, moved to another as a plain struct, then read or merged there.
// One thread at a time.
//
//     view_rows_init(&rows, VIEW_SESSIONS);
//     view_rows_add(&rows, (struct cell[VIEW_SESSIONS_WIDTH]){
//                              [VIEW_SESSIONS_ID] = cell_int(session->id),
//                              [VIEW_SESSIONS_USER] = cell_text(session->user),
//                          });                      // what is left out is NULL
//
// Memory is bounded: rows beyond VIEW_ROWS_MAX bytes are left out, and `is_cut` says so.
#pragma once

#include "proxy/admin/cell.h"
#include "proxy/admin/view.h"
#include "proxy/base/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VIEW_ROWS_MAX = 32 << 20 }; // bytes of one view's rows

struct view_rows {
    enum view view;
    struct buffer bytes;
    size_t count;
    bool is_cut; // rows were left out for want of room
};

// No rows, no memory.
void view_rows_init(struct view_rows *rows, enum view view);
void view_rows_release(struct view_rows *rows);

// One row: as many cells as the view has columns, copied.
void view_rows_add(struct view_rows *rows, const struct cell *cells);
// Moves all rows of `from`, which are of the same view, behind those of `into`; `from` is empty
// and holds no memory afterwards.
void view_rows_take(struct view_rows *into, struct view_rows *from);
// Makes one row of those with the same keys, as views.def says; each stands where its first part
// stood. A view without keys is left alone.
void view_rows_merge(struct view_rows *rows);

// --- reading ---

struct view_walk {
    const struct view_rows *rows;
    size_t at;    // offset of the next row
    size_t index; // its number
};

struct view_walk view_walk(const struct view_rows *rows);
// The next row's cells; texts are borrowed from the rows. False at the end.
bool view_walk_next(struct view_walk *walk, struct cell *cells);
