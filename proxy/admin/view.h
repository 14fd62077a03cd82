// The views: their names, columns and meanings, from views.def. Constant tables; any thread.
#pragma once

#include "proxy/base/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum view {
#define VIEW(id, schema, name, source, sentence) VIEW_##id,
#define COLUMN(id, column, name, type, merge, sentence)
#define END(id)
#include "proxy/admin/views.def"
#undef VIEW
#undef COLUMN
#undef END
    VIEW_COUNT,
};

// Sets of views.
#define VIEW_BIT(view) ((uint64_t)1 << (view))
_Static_assert(VIEW_COUNT <= 64, "sets of views are kept in a uint64_t");

// The columns of each view by name: VIEW_SESSIONS_ID, VIEW_SESSIONS_USER, ...
#define VIEW(id, schema, name, source, sentence)        enum {
#define COLUMN(id, column, name, type, merge, sentence) VIEW_##id##_##column,
#define END(id)                                                                                    \
    VIEW_##id##_WIDTH                                                                              \
    }                                                                                              \
    ;
#include "proxy/admin/views.def"
#undef VIEW
#undef COLUMN
#undef END

enum { VIEW_WIDTH_MAX = 24 }; // columns of the widest view

enum view_schema { VIEW_SCHEMA_SLUICE, VIEW_SCHEMA_INFORMATION_SCHEMA };
enum view_source { VIEW_GATHERED, VIEW_MADE, VIEW_BOTH, VIEW_LATER };
enum view_type { VIEW_TEXT, VIEW_INT, VIEW_REAL };
enum view_merge { VIEW_KEY, VIEW_SUM, VIEW_MAX, VIEW_FIRST };

struct view_column {
    struct slice name;
    enum view_type type;
    enum view_merge merge;
    struct slice sentence;
};

struct view_info {
    struct slice name;
    enum view_schema schema;
    enum view_source source;
    struct slice sentence;
    const struct view_column *columns;
    size_t width; // how many columns
};

const struct view_info *view_info(enum view view);
struct slice view_schema_name(enum view_schema schema);

// The view of sluice's own schema with that name in any case (built or not), or VIEW_COUNT.
enum view view_find(struct slice name);

// The views that struct control fills, wholly or in part.
uint64_t views_gathered(void);
