#include "proxy/admin/rows.h"

#include "proxy/base/arena.h"
#include "proxy/base/map.h"

#include <assert.h>

// --- writing ---

void view_rows_init(struct view_rows *rows, enum view view)
{
    *rows = (struct view_rows){.view = view, .bytes = BUFFER_INIT};
}

void view_rows_release(struct view_rows *rows)
{
    buffer_release(&rows->bytes);
    view_rows_init(rows, rows->view);
}

void view_rows_add(struct view_rows *rows, const struct cell *cells)
{
    size_t before = buffer_len(&rows->bytes);
    if (!rows->is_cut) {
        cells_append(&rows->bytes, cells, view_info(rows->view)->width);
        rows->count++;
    }
    if (buffer_len(&rows->bytes) > VIEW_ROWS_MAX) {
        buffer_truncate(&rows->bytes, before);
        rows->count--;
        rows->is_cut = true;
    }
}

void view_rows_take(struct view_rows *into, struct view_rows *from)
{
    assert(into->view == from->view);
    into->is_cut |= from->is_cut;
    if (buffer_len(&into->bytes) + buffer_len(&from->bytes) > VIEW_ROWS_MAX) {
        into->is_cut = true;
    } else if (into->count == 0) {
        buffer_release(&into->bytes);
        into->bytes = from->bytes;
        into->count = from->count;
        from->bytes = BUFFER_INIT;
    } else {
        buffer_append_slice(&into->bytes, buffer_slice(&from->bytes));
        into->count += from->count;
    }
    view_rows_release(from);
}

// --- reading ---

struct view_walk view_walk(const struct view_rows *rows)
{
    return (struct view_walk){.rows = rows};
}

bool view_walk_next(struct view_walk *walk, struct cell *cells)
{
    if (walk->index == walk->rows->count) {
        return false;
    }
    walk->at += cells_read(buffer_ptr(&walk->rows->bytes) + walk->at, cells,
                           view_info(walk->rows->view)->width);
    walk->index++;
    return true;
}

// --- merging ---

static struct slice key_make(const struct view_info *info, const struct cell *cells,
                             struct buffer *key)
{
    buffer_clear(key);
    for (size_t i = 0; i < info->width; i++) {
        if (info->columns[i].merge == VIEW_KEY) {
            cells_append(key, &cells[i], 1);
        }
    }
    return buffer_slice(key);
}

static bool is_larger(const struct cell *a, const struct cell *b)
{
    if (a->kind == CELL_TEXT && b->kind == CELL_TEXT) {
        return slice_compare(a->text, b->text) > 0;
    }
    return a->kind == CELL_INT && b->kind == CELL_INT && a->number > b->number;
}

static void cell_merge(enum view_merge merge, struct cell *into, const struct cell *part)
{
    if (part->kind == CELL_NULL) {
        return;
    }
    if (into->kind == CELL_NULL) {
        *into = *part;
    } else if (merge == VIEW_SUM && into->kind == CELL_INT && part->kind == CELL_INT) {
        into->number = (int64_t)((uint64_t)into->number + (uint64_t)part->number);
    } else if (merge == VIEW_SUM && into->kind == CELL_REAL && part->kind == CELL_REAL) {
        into->real += part->real;
    } else if (merge == VIEW_MAX && is_larger(part, into)) {
        *into = *part;
    }
}

// Puts together what belongs together; cells of `whole` rows are kept in `arena`, their texts
// still in the rows. Returns how many rows are left.
static size_t parts_join(const struct view_rows *rows, struct cell **whole, struct arena *arena)
{
    const struct view_info *info = view_info(rows->view);
    struct view_walk walk = view_walk(rows);
    struct cell cells[VIEW_WIDTH_MAX];
    struct map by_key = MAP_INIT;
    struct buffer key = BUFFER_INIT;
    size_t count = 0;
    while (view_walk_next(&walk, cells)) {
        struct slice name = key_make(info, cells, &key);
        struct cell *first = map_get(&by_key, name);
        if (first == NULL) {
            first = arena_alloc(arena, info->width * sizeof(*first));
            memcpy(first, cells, info->width * sizeof(*first));
            map_put(&by_key, name, first);
            whole[count++] = first;
        } else {
            for (size_t i = 0; i < info->width; i++) {
                cell_merge(info->columns[i].merge, &first[i], &cells[i]);
            }
        }
    }
    buffer_release(&key);
    map_release(&by_key);
    return count;
}

static bool has_keys(const struct view_info *info)
{
    for (size_t i = 0; i < info->width; i++) {
        if (info->columns[i].merge == VIEW_KEY) {
            return true;
        }
    }
    return false;
}

void view_rows_merge(struct view_rows *rows)
{
    if (rows->count < 2 || !has_keys(view_info(rows->view))) {
        return;
    }
    struct arena arena = ARENA_INIT;
    struct view_rows merged;
    view_rows_init(&merged, rows->view);
    struct cell **whole = arena_alloc(&arena, rows->count * sizeof(struct cell *));
    size_t count = parts_join(rows, whole, &arena);
    for (size_t i = 0; i < count; i++) {
        view_rows_add(&merged, whole[i]);
    }
    arena_release(&arena);
    merged.is_cut |= rows->is_cut;
    view_rows_release(rows);
    *rows = merged;
}
