#include "proxy/admin/show.h"

#include "proxy/admin/dialect.h"
#include "proxy/admin/fault.h"
#include "proxy/admin/grammar.h"
#include "proxy/admin/view.h"
#include "proxy/base/memory.h"

#define TAIL " [LIKE <pattern>|WHERE <condition...>]"

static const struct {
    const char *grammar;
    struct slice select;
    struct slice like; // the column that LIKE means
} shows[] = {
#define SHOW(grammar, select, like) {grammar TAIL, SLICE_INIT(select), SLICE_INIT(like)},
#include "proxy/admin/shows.def"
#undef SHOW
};

// <table> may have its schema before it, and backticks anywhere: `sluice`.`backends`.
struct named {
    char schema[128];
    char table[128];
};

static void part_copy(struct slice part, char out[128])
{
    size_t len = 0;
    for (size_t i = 0; i < part.len && len < 127; i++) {
        if (part.ptr[i] != '`') {
            out[len++] = part.ptr[i];
        }
    }
    out[len] = '\0';
}

static void names_read(struct named *named, const struct grammar_match *match, struct slice current)
{
    struct slice table = grammar_value(match, "table");
    struct slice schema = grammar_value(match, "schema");
    size_t dot = slice_find(table, '.');
    if (dot < table.len) {
        schema = slice_first(table, dot);
        table = slice_from(table, dot + 1);
    }
    if (schema.len == 0) {
        schema = current.len > 0 ? current : view_schema_name(VIEW_SCHEMA_SLUICE);
    }
    part_copy(schema, named->schema);
    part_copy(table, named->table);
}

static void template_fill(struct slice select, const struct named *named, struct buffer *out)
{
    while (select.len > 0) {
        size_t brace = slice_find(select, '{');
        buffer_append_slice(out, slice_first(select, brace));
        select = slice_from(select, brace);
        if (select.len > 0) {
            size_t end = slice_find(select, '}') + 1;
            bool is_table = slice_equal(slice_first(select, end), S("{table}"));
            dialect_string(slice_text(is_table ? named->table : named->schema), out);
            select = slice_from(select, end);
        }
    }
}

static void select_write(size_t show, const struct grammar_match *match, struct slice schema,
                         struct buffer *out)
{
    struct slice pattern = grammar_value(match, "pattern");
    struct slice condition = grammar_value(match, "condition");
    struct named named;
    names_read(&named, match, schema);
    if (pattern.ptr == NULL && condition.ptr == NULL) {
        template_fill(shows[show].select, &named, out);
        return;
    }
    buffer_append_slice(out, S("SELECT * FROM ("));
    template_fill(shows[show].select, &named, out);
    if (condition.ptr != NULL) {
        buffer_print(out, ") AS shown WHERE %.*s", SLICE_ARG(condition));
    } else {
        buffer_print(out, ") AS shown WHERE `%.*s` LIKE ", SLICE_ARG(shows[show].like));
        dialect_string(pattern, out);
    }
}

// SHOW backends WHERE state = 'up' ORDER BY lag_ms. LIKE means the first column.
static enum show_verdict view_show(struct slice text, char *room, struct buffer *out,
                                   struct error *error)
{
    struct grammar_match match;
    if (grammar_match(&match, "SHOW ! <view> [LIKE <pattern>] [<rest...>]", text, room) ==
        GRAMMAR_NO) {
        return SHOW_NONE;
    }
    struct slice name = grammar_value(&match, "view");
    enum view view = view_find(name);
    if (view == VIEW_COUNT) {
        fault_set(error, ADMIN_UNKNOWN_VIEW, SLICE_ARG(slice_first(name, 100)));
        return SHOW_ERROR;
    }
    const struct view_info *info = view_info(view);
    struct slice pattern = grammar_value(&match, "pattern");
    buffer_print(out, "SELECT * FROM sluice.`%.*s` ", SLICE_ARG(info->name));
    if (pattern.ptr != NULL && info->width > 0) {
        buffer_print(out, "WHERE `%.*s` LIKE ", SLICE_ARG(info->columns[0].name));
        dialect_string(pattern, out);
    }
    buffer_print(out, " %.*s", SLICE_ARG(grammar_value(&match, "rest")));
    return SHOW_SELECT;
}

enum show_verdict show_translate(struct slice text, struct slice schema, struct buffer *select,
                                 struct error *error)
{
    char *room = mem_alloc(text.len);
    enum show_verdict verdict = SHOW_NONE;
    for (size_t i = 0; i < sizeof(shows) / sizeof(shows[0]) && verdict == SHOW_NONE; i++) {
        struct grammar_match match;
        if (grammar_match(&match, shows[i].grammar, text, room) == GRAMMAR_YES) {
            select_write(i, &match, schema, select);
            verdict = SHOW_SELECT;
        }
    }
    if (verdict == SHOW_NONE) {
        verdict = view_show(text, room, select, error);
    }
    mem_free(room);
    return verdict;
}
