// A configuration as rows, as a file, as differences; and the reference of options.

#include "conf/config.h"
#include "conf/origin.h"

// --- rows

static struct slice value_text(const struct option *option, const void *section,
                               struct arena *arena)
{
    struct buffer text = BUFFER_INIT;
    option_print(option, section, &text);
    struct slice copy = arena_copy(arena, buffer_slice(&text));
    buffer_release(&text);
    return copy;
}

static struct config_row row_make(const struct origin_section *section, const struct option *option,
                                  struct arena *arena)
{
    return (struct config_row){
        .section = arena_copy(arena, section->text),
        .key = option->key,
        .value = value_text(option, section->data, arena),
        .default_value = option->fallback,
        .is_changeable = option->is_live,
        .is_active = option->is_active,
        .description = slice_text(option->sentence),
    };
}

const struct config_row *config_rows(const struct config *config, struct arena *arena,
                                     size_t *count)
{
    const struct conf_origin *origin = config->origin;
    size_t total = 0;
    for (size_t i = 0; i < origin->section_count; i++) {
        total += origin->sections[i].kind->option_count;
    }
    struct config_row *rows = arena_alloc(arena, total * sizeof(*rows));
    *count = 0;
    for (size_t i = 0; i < origin->section_count; i++) {
        const struct origin_section *section = &origin->sections[i];
        for (size_t k = 0; k < section->kind->option_count; k++) {
            rows[(*count)++] = row_make(section, &section->kind->options[k], arena);
        }
    }
    return rows;
}

// --- as a file

static void line_print(FILE *out, struct slice key, unsigned part, struct slice value)
{
    char name[SOURCE_NAME_MAX + 16];
    snprintf(name, sizeof(name), part > 0 ? "%.*s.%u" : "%.*s", SLICE_ARG(key), part);
    size_t len = strlen(name) + strlen(" = ") + value.len;
    const char *equals = len > SOURCE_LINE_MAX ? "=" : value.len > 0 ? " = " : " =";
    fprintf(out, "%s%s%.*s\n", name, equals, SLICE_ARG(value));
}

// As many entries to a line as fit.
static void list_print(FILE *out, struct slice key, struct slice entries)
{
    enum { ROOM = SOURCE_LINE_MAX - 16 }; // for ".N = "
    unsigned part = 0;
    while (entries.len + key.len > ROOM) {
        size_t end = 0, next;
        while ((next = end + slice_find_slice(slice_from(entries, end), S(", "))) < entries.len &&
               (next + key.len <= ROOM || end == 0)) {
            end = next + strlen(", ");
        }
        if (end == 0) {
            break; // one entry
        }
        line_print(out, key, part++, slice_first(entries, end - strlen(", ")));
        entries = slice_from(entries, end);
    }
    line_print(out, key, part, entries);
}

// Secrets that are not there, or come from a file, have no line.
static bool option_has_line(const struct origin_section *section, const struct option *option)
{
    if (option->type->trait == VALUE_SECRET_FILE) {
        return ((const struct slice *)option_field(option, section->data).first)->len > 0;
    }
    if (option->type->trait == VALUE_SECRET) {
        return section->options[option - section->kind->options].is_set &&
               *(const bool *)option_field(option, section->data).second;
    }
    return true;
}

static void section_print(FILE *out, const struct origin_section *section, struct buffer *text)
{
    fprintf(out, "[%.*s]\n", SLICE_ARG(section->text));
    for (size_t i = 0; i < section->kind->option_count; i++) {
        const struct option *option = &section->kind->options[i];
        if (!option_has_line(section, option)) {
            continue;
        }
        buffer_clear(text);
        option_print(option, section->data, text);
        if (option->type->trait == VALUE_LIST) {
            list_print(out, option->key, buffer_slice(text));
        } else {
            line_print(out, option->key, 0, buffer_slice(text));
        }
    }
}

void config_print(const struct config *config, FILE *out)
{
    const struct conf_origin *origin = config->origin;
    struct buffer text = BUFFER_INIT;
    for (size_t i = 0; i < origin->section_count; i++) {
        fputs(i > 0 ? "\n" : "", out);
        section_print(out, &origin->sections[i], &text);
    }
    buffer_release(&text);
}

// --- the reference

static void option_print_row(FILE *out, const struct option *option, struct buffer *text)
{
    const char *tick = option->fallback.len > 0 ? "`" : "";
    buffer_clear(text);
    option_print_allowed(option, text);
    fprintf(out, "| `%.*s` | %s%.*s%s | %.*s | %s | %s%s |\n", SLICE_ARG(option->key), tick,
            SLICE_ARG(option->fallback), tick, SLICE_ARG(buffer_slice(text)),
            option->is_live ? "at once" : "restart", option->sentence,
            option->is_active ? "" : " Not yet active.");
}

void config_print_options(FILE *out)
{
    struct buffer text = BUFFER_INIT;
    for (size_t i = 0; i < OPTION_SECTION_COUNT; i++) {
        const struct option_section *section = &option_sections[i];
        fprintf(out, "%s### `[%.*s%s]`\n\n%s\n\n", i > 0 ? "\n" : "", SLICE_ARG(section->name),
                section->is_named ? ":NAME" : "", section->sentence);
        fputs("| option | default | allowed | a change takes effect | what it does |\n"
              "|---|---|---|---|---|\n",
              out);
        for (size_t k = 0; k < section->option_count; k++) {
            option_print_row(out, &section->options[k], &text);
        }
    }
    buffer_release(&text);
}

// --- differences

struct differ {
    const struct conf_origin *before;
    const struct conf_origin *after;
    struct arena *arena;
    struct config_change *changes; // room for all that there can be
    size_t count;
};

static struct config_change *change_add(struct differ *differ, enum config_change_kind kind,
                                        struct slice section)
{
    struct config_change *change = &differ->changes[differ->count++];
    *change = (struct config_change){
        .kind = kind, .section = arena_copy(differ->arena, section), .is_live = true};
    return change;
}

static void options_diff(struct differ *differ, const struct origin_section *before,
                         const struct origin_section *after)
{
    for (size_t i = 0; i < after->kind->option_count; i++) {
        const struct option *option = &after->kind->options[i];
        if (option_equal(option, before->data, after->data)) {
            continue;
        }
        struct config_change *change = change_add(differ, CONFIG_CHANGED, after->text);
        change->key = option->key;
        change->before = value_text(option, before->data, differ->arena);
        change->after = value_text(option, after->data, differ->arena);
        change->is_live = option->is_live;
    }
}

// The next section of `kind` at or behind `*at` of `these` that is also in `those`; NULL at the
// end.
static const struct origin_section *common_next(const struct conf_origin *these,
                                                const struct conf_origin *those,
                                                const struct option_section *kind, size_t *at)
{
    for (; *at < these->section_count; (*at)++) {
        const struct origin_section *section = &these->sections[*at];
        if (section->kind == kind && origin_find(those, section->text) != NULL) {
            (*at)++;
            return section;
        }
    }
    return NULL;
}

static bool is_order_same(const struct differ *differ, const struct option_section *kind)
{
    size_t before_at = 0, after_at = 0;
    const struct origin_section *before, *after;
    do {
        before = common_next(differ->before, differ->after, kind, &before_at);
        after = common_next(differ->after, differ->before, kind, &after_at);
    } while (before != NULL && after != NULL && slice_equal(before->text, after->text));
    return before == NULL && after == NULL;
}

static size_t options_count(const struct conf_origin *origin)
{
    size_t count = 0;
    for (size_t i = 0; i < origin->section_count; i++) {
        count += origin->sections[i].kind->option_count;
    }
    return count;
}

const struct config_change *config_diff(const struct config *before, const struct config *after,
                                        struct arena *arena, size_t *count)
{
    struct differ differ = {.before = before->origin, .after = after->origin, .arena = arena};
    size_t most = options_count(before->origin) + options_count(after->origin);
    differ.changes = arena_alloc(arena, most * sizeof(*differ.changes));

    for (size_t i = 0; i < after->origin->section_count; i++) {
        const struct origin_section *section = &after->origin->sections[i];
        const struct origin_section *old = origin_find(before->origin, section->text);
        if (old != NULL) {
            options_diff(&differ, old, section);
        } else {
            change_add(&differ, CONFIG_ADDED, section->text);
        }
    }
    for (size_t i = 0; i < before->origin->section_count; i++) {
        const struct origin_section *section = &before->origin->sections[i];
        if (origin_find(after->origin, section->text) == NULL) {
            change_add(&differ, CONFIG_REMOVED, section->text);
        }
    }
    for (size_t i = 0; i < OPTION_SECTION_COUNT; i++) {
        const struct option_section *kind = &option_sections[i];
        if (kind->is_named && !is_order_same(&differ, kind)) {
            change_add(&differ, CONFIG_MOVED, kind->name);
        }
    }
    *count = differ.count;
    return differ.changes;
}
