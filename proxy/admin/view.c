#include "proxy/admin/view.h"

#define VIEW(id, schema, name, source, sentence) static const struct view_column columns_##id[] = {
#define COLUMN(id, column, name, type, merge, sentence)                                            \
    {SLICE_INIT(name), VIEW_##type, VIEW_##merge, SLICE_INIT(sentence)},
#define END(id)                                                                                    \
    }                                                                                              \
    ;                                                                                              \
    _Static_assert((int)VIEW_##id##_WIDTH <= (int)VIEW_WIDTH_MAX, "VIEW_WIDTH_MAX is too small");
#include "proxy/admin/views.def"
#undef VIEW
#undef COLUMN
#undef END

static const struct view_info views[] = {
#define VIEW(id, in_schema, in_name, in_source, in_sentence)                                       \
    [VIEW_##id] = {                                                                                \
        .name = SLICE_INIT(in_name),                                                               \
        .schema = VIEW_SCHEMA_##in_schema,                                                         \
        .source = VIEW_##in_source,                                                                \
        .sentence = SLICE_INIT(in_sentence),                                                       \
        .columns = columns_##id,                                                                   \
        .width = VIEW_##id##_WIDTH,                                                                \
    },
#define COLUMN(id, column, name, type, merge, sentence)
#define END(id)
#include "proxy/admin/views.def"
#undef VIEW
#undef COLUMN
#undef END
};

const struct view_info *view_info(enum view view)
{
    return &views[view];
}

struct slice view_schema_name(enum view_schema schema)
{
    return schema == VIEW_SCHEMA_SLUICE ? S("sluice") : S("information_schema");
}

enum view view_find(struct slice name)
{
    for (enum view view = 0; view < VIEW_COUNT; view++) {
        if (views[view].schema == VIEW_SCHEMA_SLUICE &&
            slice_equal_nocase(views[view].name, name)) {
            return view;
        }
    }
    return VIEW_COUNT;
}

uint64_t views_gathered(void)
{
    uint64_t set = 0;
    for (enum view view = 0; view < VIEW_COUNT; view++) {
        if (views[view].source == VIEW_GATHERED || views[view].source == VIEW_BOTH) {
            set |= VIEW_BIT(view);
        }
    }
    return set;
}
