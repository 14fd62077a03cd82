#include "conf/build.h"

#include "conf/check.h"
#include "conf/nearest.h"
#include "conf/origin.h"
#include "conf/secret.h"
#include "proxy/base/memory.h"

#include <assert.h>

struct builder {
    struct config *config;
    struct conf_origin *origin;
    struct diagnostics *diagnostics;
    enum config_access access;
    struct origin_section **by_source; // as source.sections; NULL: nobody knows the section
    struct buffer hint;                // of the fault being told
};

// --- telling

__attribute__((format(printf, 3, 4))) static void fault(struct builder *builder, unsigned line,
                                                        const char *format, ...)
{
    va_list args;
    buffer_append(&builder->hint, "", 1);
    va_start(args, format);
    diagnostics_add_list(builder->diagnostics, DIAGNOSTIC_ERROR, builder->config->file, line,
                         (const char *)buffer_ptr(&builder->hint), format, args);
    va_end(args);
    buffer_clear(&builder->hint);
}

static void hint_nearest(struct builder *builder, const struct nearest *nearest)
{
    if (nearest->best.len > 0) {
        buffer_print(&builder->hint, "did you mean \"%.*s\"? ", SLICE_ARG(nearest->best));
    }
}

// --- sections

static const struct option_section *kind_of(struct slice text, struct slice *name)
{
    size_t colon = slice_find(text, ':');
    *name = colon < text.len ? slice_from(text, colon + 1) : SLICE_NONE;
    return option_section_find(slice_first(text, colon));
}

// `text` is a section's header whose kind nobody knows.
static void hint_sections(struct builder *builder, struct slice text)
{
    size_t colon = slice_find(text, ':');
    struct nearest nearest = nearest_start(slice_first(text, colon));
    const char *separator = "allowed: ";
    for (size_t i = 0; i < OPTION_SECTION_COUNT; i++) {
        nearest_offer(&nearest, option_sections[i].name);
    }
    if (nearest.best.len > 0) {
        buffer_print(&builder->hint, "did you mean [%.*s%.*s]? ", SLICE_ARG(nearest.best),
                     SLICE_ARG(slice_from(text, colon)));
    }
    for (size_t i = 0; i < OPTION_SECTION_COUNT; i++) {
        buffer_print(&builder->hint, "%s[%.*s%s]", separator, SLICE_ARG(option_sections[i].name),
                     option_sections[i].is_named ? ":NAME" : "");
        separator = ", ";
    }
}

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

static bool is_plain_name(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!is_name_byte(name.ptr[i])) {
            return false;
        }
    }
    return true;
}

// Whether the section's header is right; tells where not.
static bool section_check(struct builder *builder, const struct source_section *section)
{
    struct slice name;
    const struct option_section *kind = kind_of(section->text, &name);
    bool has_colon = slice_find(section->text, ':') < section->text.len;

    if (kind == NULL) {
        hint_sections(builder, section->text);
        fault(builder, section->line, "unknown section [%.*s]", SLICE_ARG(section->text));
        return false;
    }
    if (!kind->is_named && has_colon) {
        buffer_print(&builder->hint, "write [%.*s]", SLICE_ARG(kind->name));
        fault(builder, section->line, "section [%.*s] has no names", SLICE_ARG(kind->name));
        return false;
    }
    if (kind->is_named && name.len == 0) {
        buffer_print(&builder->hint, "write [%.*s:NAME]", SLICE_ARG(kind->name));
        fault(builder, section->line, "section [%.*s] without a name", SLICE_ARG(section->text));
        return false;
    }
    // Accounts are named by the servers; what an operator names here is written in commands and
    // hints.
    if (kind->is_named && !slice_equal(kind->name, S("user")) && !is_plain_name(name)) {
        buffer_print(&builder->hint, "a name has letters, digits, _, - and .");
        fault(builder, section->line, "section [%.*s] has no plain name", SLICE_ARG(section->text));
        return false;
    }
    return true;
}

static void section_init(struct builder *builder, const struct option_section *kind, void *data,
                         const struct source_section *from)
{
    struct arena *arena = &builder->config->arena;
    struct origin_section *section = &builder->origin->sections[builder->origin->section_count++];
    struct option_head *head = data;

    section->kind = kind;
    section->data = data;
    section->text = from != NULL ? from->text : kind->name;
    section->options = arena_zero(arena, kind->option_count * sizeof(*section->options));
    memset(data, 0, kind->size);
    if (kind->is_named) {
        struct slice name;
        kind_of(section->text, &name);
        head->name = arena_copy(arena, name);
    }
    head->line = from != NULL ? from->line : 0;
    for (size_t i = 0; i < kind->option_count; i++) {
        option_set_default(&kind->options[i], data, arena);
    }
}

static bool section_is_of(const struct source_section *section, const struct option_section *kind)
{
    struct slice name;
    return kind_of(section->text, &name) == kind;
}

static void section_single_init(struct builder *builder, const struct option_section *kind,
                                const bool *is_right)
{
    const struct source *source = &builder->origin->source;
    size_t at = source_find(source, kind->name);
    bool is_there = at < source->section_count && is_right[at];
    struct origin_section *section = &builder->origin->sections[builder->origin->section_count];
    section_init(builder, kind, (char *)builder->config + kind->first,
                 is_there ? &source->sections[at] : NULL);
    if (is_there) {
        builder->by_source[at] = section;
    }
}

static void section_named_init(struct builder *builder, const struct option_section *kind,
                               const bool *is_right)
{
    const struct source *source = &builder->origin->source;
    size_t count = 0;
    for (size_t i = 0; i < source->section_count; i++) {
        count += is_right[i] && section_is_of(&source->sections[i], kind) ? 1 : 0;
    }
    char *array = arena_zero(&builder->config->arena, count * kind->size);
    memcpy((char *)builder->config + kind->first, &array, sizeof(array));
    memcpy((char *)builder->config + kind->second, &count, sizeof(count));
    for (size_t i = 0; i < source->section_count; i++) {
        if (is_right[i] && section_is_of(&source->sections[i], kind)) {
            builder->by_source[i] = &builder->origin->sections[builder->origin->section_count];
            section_init(builder, kind, array, &source->sections[i]);
            array += kind->size;
        }
    }
}

// Makes every section's struct with its defaults.
static void sections_build(struct builder *builder)
{
    const struct source *source = &builder->origin->source;
    struct arena *arena = &builder->config->arena;
    bool *is_right = arena_zero(arena, source->section_count * sizeof(*is_right));

    for (size_t i = 0; i < source->section_count; i++) {
        is_right[i] = section_check(builder, &source->sections[i]);
        builder->origin->is_partial |= !is_right[i];
    }
    builder->origin->is_partial |= source->is_partial;
    builder->by_source = arena_zero(arena, source->section_count * sizeof(*builder->by_source));
    builder->origin->sections = arena_zero(arena, (OPTION_SECTION_COUNT + source->section_count) *
                                                      sizeof(*builder->origin->sections));
    for (size_t i = 0; i < OPTION_SECTION_COUNT; i++) {
        const struct option_section *kind = &option_sections[i];
        if (kind->is_named) {
            section_named_init(builder, kind, is_right);
        } else {
            section_single_init(builder, kind, is_right);
        }
    }
}

// --- keys

// "tables.2" is part 2 of "tables"; any other key is its own part 0.
static struct slice key_split(struct slice key, uint64_t *part)
{
    size_t dot = key.len;
    while (dot > 0 && key.ptr[dot - 1] != '.') {
        dot--;
    }
    if (dot == 0 || !slice_to_u64(slice_from(key, dot), part)) {
        *part = 0;
        return key;
    }
    return slice_first(key, dot - 1);
}

static void hint_keys(struct builder *builder, const struct option_section *kind, struct slice key)
{
    struct nearest nearest = nearest_start(key);
    for (size_t i = 0; i < kind->option_count; i++) {
        nearest_offer(&nearest, kind->options[i].key);
    }
    for (size_t i = 0; i < OPTION_SECTION_COUNT && nearest.distance > 0; i++) {
        if (option_find(&option_sections[i], key) != NULL) {
            buffer_print(&builder->hint, "it belongs to [%.*s]; ",
                         SLICE_ARG(option_sections[i].name));
        }
    }
    hint_nearest(builder, &nearest);
    buffer_append_slice(&builder->hint, S("allowed: "));
    for (size_t i = 0; i < kind->option_count; i++) {
        buffer_print(&builder->hint, "%s%.*s", i > 0 ? ", " : "", SLICE_ARG(kind->options[i].key));
    }
}

static const struct option *key_resolve(struct builder *builder,
                                        const struct origin_section *section,
                                        const struct source_entry *entry, uint64_t *part)
{
    struct slice key = key_split(entry->key, part);
    const struct option *option = option_find(section->kind, key);
    if (option == NULL) {
        hint_keys(builder, section->kind, key);
        fault(builder, entry->line, "unknown key \"%.*s\" in [%.*s]", SLICE_ARG(entry->key),
              SLICE_ARG(section->text));
        return NULL;
    }
    if (key.len == entry->key.len) {
        return option;
    }
    unsigned parts = section->options[option - section->kind->options].parts;
    if (option->type->trait != VALUE_LIST) {
        fault(builder, entry->line, "\"%.*s\": %.*s is no list and cannot go on",
              SLICE_ARG(entry->key), SLICE_ARG(key));
    } else if (parts == 0) {
        fault(builder, entry->line, "\"%.*s\" goes on with nothing: no \"%.*s\" stands above it",
              SLICE_ARG(entry->key), SLICE_ARG(key));
    } else if (*part != parts) {
        fault(builder, entry->line, "\"%.*s\" out of turn; the next is \"%.*s.%u\"",
              SLICE_ARG(entry->key), SLICE_ARG(key), parts);
    } else {
        return option;
    }
    return NULL;
}

// --- values

static bool is_variable_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool is_variable_name(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!is_variable_byte(name.ptr[i])) {
            return false;
        }
    }
    return name.len > 0 && (name.ptr[0] < '0' || name.ptr[0] > '9');
}

// Appends what stands for ${name}.
static bool variable_append(struct builder *builder, const struct source_entry *entry,
                            struct slice name, struct buffer *out)
{
    char text[SOURCE_LINE_MAX + 1];
    if (!is_variable_name(name)) {
        buffer_print(&builder->hint, "${NAME} takes an environment variable");
        fault(builder, entry->line, "%.*s: a ${ without a name and }", SLICE_ARG(entry->key));
        return false;
    }
    slice_to_text(name, text, sizeof(text));
    const char *value = builder->access == CONFIG_OPEN ? getenv(text) : NULL;
    if (value == NULL) {
        fault(builder, entry->line, "%.*s: environment variable %s is not set",
              SLICE_ARG(entry->key), text);
        return false;
    }
    buffer_append_slice(out, slice_text(value));
    return true;
}

static bool value_expand(struct builder *builder, const struct source_entry *entry,
                         struct buffer *out)
{
    struct slice rest = entry->value;
    if (entry->line == 0) { // who may set an option may not read the environment by it
        buffer_append_slice(out, rest);
        return true;
    }
    for (;;) {
        size_t start = slice_find_slice(rest, S("${"));
        buffer_append_slice(out, slice_first(rest, start));
        if (start == rest.len) {
            return true;
        }
        rest = slice_from(rest, start + 2);
        size_t end = slice_find(rest, '}');
        struct slice name = end < rest.len ? slice_first(rest, end) : SLICE_NONE;
        if (!variable_append(builder, entry, name, out)) {
            return false;
        }
        rest = slice_from(rest, end + 1);
    }
}

// A value that did not come through a line of the file could not be written in one: by an
// environment variable or config_set(). Returns the complaint.
static const char *value_check(const struct option *option, struct slice value)
{
    if (option->type->trait == VALUE_SECRET) {
        return slice_find(value, '\0') < value.len ? "a NUL byte" : NULL;
    }
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if ((c < ' ' && c != '\t') || c == 0x7f) {
            return "a control character";
        }
        if (c == ';' && (i == 0 || value.ptr[i - 1] == ' ' || value.ptr[i - 1] == '\t')) {
            return "a ; that would start a comment";
        }
    }
    if (slice_find_slice(value, S("${")) < value.len) {
        return "a ${ that would be taken for a variable";
    }
    if (option->type->trait != VALUE_LIST &&
        option->key.len + strlen("=") + value.len > SOURCE_LINE_MAX) {
        return "too long for a line";
    }
    return NULL;
}

static void fault_value(struct builder *builder, const struct option *option,
                        const struct source_entry *entry, struct slice value, const char *complaint)
{
    if (option->type->words != NULL) {
        struct nearest nearest = nearest_start(value);
        for (const struct value_word *word = option->type->words; word->word != NULL; word++) {
            nearest_offer(&nearest, slice_text(word->word));
        }
        hint_nearest(builder, &nearest);
    }
    buffer_append_slice(&builder->hint, S("allowed: "));
    option_print_allowed(option, &builder->hint);
    if (option->type->trait == VALUE_SECRET) {
        fault(builder, entry->line, "%.*s: %s", SLICE_ARG(entry->key), complaint);
    } else if (value.len == 0) {
        fault(builder, entry->line, "%.*s is empty", SLICE_ARG(entry->key));
    } else {
        fault(builder, entry->line, "%.*s = %.*s: %s", SLICE_ARG(entry->key), SLICE_ARG(value),
              complaint);
    }
}

// A list that goes on: the entries of before and those just read.
static void list_join(const struct option *option, struct value_field field, const void *before,
                      size_t before_count, struct arena *arena)
{
    size_t size = option->type->entry->size, count;
    const void *added;
    memcpy(&added, field.first, sizeof(added));
    memcpy(&count, field.second, sizeof(count));
    char *joined = arena_alloc(arena, (before_count + count) * size);
    if (before_count > 0) {
        memcpy(joined, before, before_count * size);
    }
    if (count > 0) {
        memcpy(joined + before_count * size, added, count * size);
    }
    count += before_count;
    memcpy(field.first, &joined, sizeof(joined));
    memcpy(field.second, &count, sizeof(count));
}

static const char *value_parse(struct builder *builder, const struct option *option,
                               struct value_field field, struct slice value, bool goes_on)
{
    struct arena *arena = &builder->config->arena;
    const char *complaint = value_check(option, value);
    const void *before = NULL;
    size_t before_count = 0;

    if (complaint != NULL) {
        return complaint;
    }
    if (goes_on) {
        memcpy(&before, field.first, sizeof(before));
        memcpy(&before_count, field.second, sizeof(before_count));
    }
    complaint = option->type->parse(option->type, &option->range, field, value, arena);
    if (complaint == NULL && goes_on) {
        list_join(option, field, before, before_count, arena);
    }
    return complaint;
}

// A comment behind a secret or a pattern may have been meant as part of it.
static void fault_comment(struct builder *builder, const struct option *option, unsigned line)
{
    bool is_secret = option->type->trait == VALUE_SECRET;
    buffer_append_slice(&builder->hint,
                        is_secret ? S("a comment stands on a line of its own; a secret with \" ;\" "
                                      "goes into a file, see password_file")
                                  : S("a comment stands on a line of its own; in a pattern write "
                                      "the space as \\s (a secret would go into a password_file)"));
    fault(builder, line, "%.*s holds \" ;\", which starts a comment", SLICE_ARG(option->key));
}

// --- secrets in files

// Reads the file that the entry names, once.
static bool secret_load(struct builder *builder, const struct option *option,
                        struct source_entry *entry, const char *path)
{
    struct buffer content = BUFFER_INIT;
    bool is_exposed = false;
    const char *complaint = builder->access == CONFIG_OPEN
                                ? secret_read(path, &content, &is_exposed)
                                : "files are not read here";
    if (complaint == NULL) {
        entry->content = arena_copy(&builder->origin->source.arena, buffer_slice(&content));
        entry->has_content = true;
    } else {
        fault(builder, entry->line, "%.*s: %s: %s", SLICE_ARG(option->key), path, complaint);
    }
    if (is_exposed) {
        diagnostics_add(builder->diagnostics, DIAGNOSTIC_WARNING, builder->config->file,
                        entry->line, "chmod o-r", "%.*s: everybody may read %s",
                        SLICE_ARG(option->key), path);
    }
    buffer_wipe(&content);
    return complaint == NULL;
}

// password_file = PATH sets password.
static bool secret_take(struct builder *builder, struct origin_section *section,
                        const struct option *option, struct source_entry *entry)
{
    const struct slice *path = option_field(option, section->data).first;
    struct slice key = slice_first(option->key, option->key.len - strlen("_file"));
    const struct option *secret = option_find(section->kind, key);
    if (path->len == 0) {
        return true;
    }
    if (!entry->has_content && !secret_load(builder, option, entry, path->ptr)) {
        return false;
    }
    const char *complaint =
        secret->type->parse(secret->type, &secret->range, option_field(secret, section->data),
                            entry->content, &builder->config->arena);
    assert(complaint == NULL); // any text is a secret
    (void)complaint;
    return true;
}

// --- entries

// Puts the value into the section's struct; tells where it is wrong.
static bool option_apply(struct builder *builder, struct origin_section *section,
                         const struct option *option, struct source_entry *entry,
                         struct slice value, bool goes_on)
{
    struct value_field field = option_field(option, section->data);
    const char *complaint = value_parse(builder, option, field, value, goes_on);
    if (complaint != NULL) {
        fault_value(builder, option, entry, value, complaint);
        return false;
    }
    if (option->type->trait == VALUE_PATTERN) {
        *(unsigned *)field.second = value.len > 0 ? entry->line : 0;
    }
    return option->type->trait != VALUE_SECRET_FILE || secret_take(builder, section, option, entry);
}

static bool option_read(struct builder *builder, struct origin_section *section,
                        const struct option *option, struct source_entry *entry, bool goes_on)
{
    enum value_trait trait = option->type->trait;
    if (entry->has_comment && (trait == VALUE_SECRET || trait == VALUE_PATTERN)) {
        fault_comment(builder, option, entry->line);
        return false;
    }
    struct buffer value = BUFFER_INIT;
    bool is_right =
        value_expand(builder, entry, &value) &&
        option_apply(builder, section, option, entry, slice_trim(buffer_slice(&value)), goes_on);
    buffer_wipe(&value);
    return is_right;
}

static void entry_apply(struct builder *builder, struct source_entry *entry)
{
    struct origin_section *section = builder->by_source[entry->section];
    uint64_t part;
    if (section == NULL) {
        return; // told already
    }
    const struct option *option = key_resolve(builder, section, entry, &part);
    if (option == NULL) {
        return;
    }
    struct origin_option *origin = &section->options[option - section->kind->options];
    origin->line = origin->parts == 0 ? entry->line : origin->line;
    origin->is_set = true;
    origin->parts++;
    if (!option_read(builder, section, option, entry, origin->parts > 1)) {
        origin->is_wrong = true;
    }
}

// --- the whole

// A key and its _file say the same thing twice.
static void files_check(struct builder *builder, const struct origin_section *section)
{
    for (size_t i = 0; i < section->kind->option_count; i++) {
        const struct option *option = &section->kind->options[i];
        if (option->type->trait != VALUE_SECRET_FILE || !section->options[i].is_set) {
            continue;
        }
        const struct slice *path = option_field(option, section->data).first;
        struct slice key = slice_first(option->key, option->key.len - strlen("_file"));
        const struct option *secret = option_find(section->kind, key);
        if (path->len > 0 && section->options[secret - section->kind->options].is_set) {
            buffer_print(&builder->hint, "keep one of them");
            fault(builder, section->options[i].line, "both %.*s and %.*s in [%.*s]", SLICE_ARG(key),
                  SLICE_ARG(option->key), SLICE_ARG(section->text));
        }
    }
}

static void later_warn(struct builder *builder, const struct origin_section *section)
{
    for (size_t i = 0; i < section->kind->option_count; i++) {
        const struct option *option = &section->kind->options[i];
        if (!option->is_active && section->options[i].is_set && !section->options[i].is_wrong &&
            !option_is_default(option, section->data)) {
            diagnostics_add(builder->diagnostics, DIAGNOSTIC_WARNING, builder->config->file,
                            section->options[i].line,
                            "it is accepted and checked, and changes nothing in this version",
                            "%.*s is not yet active", SLICE_ARG(option->key));
        }
    }
}

static void users_index(struct config *config)
{
    for (size_t i = 0; i < config->user_count; i++) {
        map_put(&config->user_map, config->users[i].name, &config->users[i]);
    }
}

static struct config *config_create(struct source *source, const char *file)
{
    struct config *config = mem_zero(1, sizeof(*config));
    refcount_init(&config->refs);
    config->arena = ARENA_INIT;
    config->user_map = MAP_INIT;
    config->file = arena_copy(&config->arena, slice_text(file)).ptr;
    config->origin = arena_zero(&config->arena, sizeof(*config->origin));
    config->origin->source = *source;
    *source = (struct source){.arena = ARENA_INIT};
    return config;
}

const struct config *config_build(struct source *source, const char *file,
                                  enum config_access access, struct diagnostics *diagnostics)
{
    struct config *config = config_create(source, file);
    struct builder builder = {.config = config,
                              .origin = config->origin,
                              .diagnostics = diagnostics,
                              .access = access,
                              .hint = BUFFER_INIT};

    sections_build(&builder);
    for (size_t i = 0; i < config->origin->source.entry_count; i++) {
        entry_apply(&builder, &config->origin->source.entries[i]);
    }
    for (size_t i = 0; i < config->origin->section_count; i++) {
        files_check(&builder, &config->origin->sections[i]);
        later_warn(&builder, &config->origin->sections[i]);
    }
    users_index(config);
    config_check(config, diagnostics);
    buffer_release(&builder.hint);
    diagnostics_sort(diagnostics);
    if (diagnostics->errors > 0) {
        config_unref(config);
        return NULL;
    }
    return config;
}
