#include "conf/config.h"

#include "conf/build.h"
#include "conf/origin.h"
#include "proxy/base/memory.h"

#include <errno.h>

enum { FILE_SIZE_MAX = 1 << 20 };

// --- life

const struct config *config_parse(struct slice text, const char *name, enum config_access access,
                                  struct diagnostics *diagnostics)
{
    struct source source = {.arena = ARENA_INIT};
    source_read(&source, text, name, diagnostics);
    return config_build(&source, name, access, diagnostics);
}

// The whole file; false where it cannot be read.
static bool file_read(const char *path, struct buffer *out, struct diagnostics *diagnostics)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, path, 0, NULL, "%s", strerrordesc_np(errno));
        return false;
    }
    size_t n;
    do {
        n = fread(buffer_reserve(out, BUFSIZ), 1, BUFSIZ, file);
        buffer_added(out, n);
    } while (n > 0 && buffer_len(out) <= FILE_SIZE_MAX);
    const char *complaint = ferror(file) ? strerrordesc_np(errno) : NULL;
    if (buffer_len(out) > FILE_SIZE_MAX) {
        complaint = "more than 1 MiB";
    }
    fclose(file);
    if (complaint != NULL) {
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, path, 0, NULL, "%s", complaint);
    }
    return complaint == NULL;
}

const struct config *config_load(const char *path, struct diagnostics *diagnostics)
{
    struct buffer text = BUFFER_INIT;
    const struct config *config = NULL;
    if (file_read(path, &text, diagnostics)) {
        config = config_parse(buffer_slice(&text), path, CONFIG_OPEN, diagnostics);
    }
    buffer_wipe(&text);
    return config;
}

const struct config *config_ref(const struct config *config)
{
    refcount_ref((struct refcount *)&config->refs); // the one thing of it that changes
    return config;
}

void config_unref(const struct config *config)
{
    struct config *last = (struct config *)config;
    if (config == NULL || !refcount_unref(&last->refs)) {
        return;
    }
    map_release(&last->user_map);
    source_release(&last->origin->source);
    arena_wipe(&last->arena);
    mem_wipe(last, sizeof(*last));
    mem_free(last);
}

// --- one option changed

static bool is_same_secret(struct slice a, struct slice b)
{
    struct slice shorter = a.len < b.len ? a : b, longer = a.len < b.len ? b : a;
    return slice_equal(slice_first(longer, shorter.len), shorter) &&
           slice_equal(slice_from(longer, shorter.len), S("_file"));
}

// Whether an entry says what `key` will say instead: the key itself, its name.1, or the file of the
// same secret.
static bool entry_is_replaced(struct slice entry_key, struct slice key)
{
    struct slice base = slice_first(entry_key, slice_find(entry_key, '.'));
    return slice_equal(base, key) || is_same_secret(base, key);
}

static void entry_copy(struct source *copy, size_t section, const struct source_entry *entry)
{
    struct source_entry *added =
        source_add_entry(copy, section, entry->key, entry->value, entry->line);
    added->has_content = entry->has_content;
    added->content = arena_copy(&copy->arena, entry->content);
}

static void sections_copy(struct source *copy, const struct source *source)
{
    for (size_t i = 0; i < source->section_count; i++) {
        source_add_section(copy, source->sections[i].text, source->sections[i].line);
    }
}

static size_t section_take(struct source *source, struct slice section)
{
    size_t at = source_find(source, section);
    return at < source->section_count ? at : source_add_section(source, section, 0);
}

// A copy of the text with one entry changed.
static void source_change(struct source *copy, const struct source *source, struct slice section,
                          struct slice key, struct slice value)
{
    sections_copy(copy, source);
    size_t at = section_take(copy, section);
    for (size_t i = 0; i < source->entry_count; i++) {
        const struct source_entry *entry = &source->entries[i];
        if (entry->section != at || !entry_is_replaced(entry->key, key)) {
            entry_copy(copy, entry->section, entry);
        }
    }
    source_add_entry(copy, at, key, value, 0);
}

static bool option_may_change(const struct config *config, struct slice section_text,
                              struct slice key, struct diagnostics *diagnostics)
{
    const struct origin_section *section = origin_find(config->origin, section_text);
    const struct option *option = section != NULL ? option_find(section->kind, key) : NULL;
    if (section == NULL) {
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, config->file, 0,
                        "SHOW CONFIG lists what there is", "no section [%.*s]",
                        SLICE_ARG(section_text));
        return false;
    }
    if (option != NULL && !option->is_live) {
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, config->file, 0,
                        "change it in the file and restart",
                        "%.*s of [%.*s] cannot change while sluice runs", SLICE_ARG(key),
                        SLICE_ARG(section_text));
        return false;
    }
    return true; // an unknown key is told by the build, with the nearest
}

const struct config *config_set(const struct config *config, struct slice path, struct slice value,
                                struct diagnostics *diagnostics)
{
    size_t dot = path.len;
    while (dot > 0 && path.ptr[dot - 1] != '.') {
        dot--;
    }
    struct slice section = slice_first(path, dot > 0 ? dot - 1 : 0);
    struct slice key = slice_from(path, dot);
    if (dot == 0) {
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, config->file, 0, "as log.level",
                        "\"%.*s\" is no section.key", SLICE_ARG(path));
        return NULL;
    }
    if (!option_may_change(config, section, key, diagnostics)) {
        return NULL;
    }
    struct source source = {.arena = ARENA_INIT};
    source_change(&source, &config->origin->source, section, key, value);
    return config_build(&source, config->file, CONFIG_OPEN, diagnostics);
}

// --- what needs a restart stays

// Whether the entry is of an option that needs a restart. Such options have sections without names,
// which every configuration has.
static bool entry_waits(const struct source *source, const struct source_entry *entry)
{
    const struct option_section *section =
        option_section_find(source->sections[entry->section].text);
    struct slice key = slice_first(entry->key, slice_find(entry->key, '.'));
    const struct option *option = section != NULL ? option_find(section, key) : NULL;
    return option != NULL && !option->is_live;
}

static bool has_waiting(const struct config *running, const struct config *wanted)
{
    for (size_t i = 0; i < running->origin->section_count; i++) {
        const struct origin_section *before = &running->origin->sections[i];
        for (size_t k = 0; !before->kind->is_named && k < before->kind->option_count; k++) {
            const struct option *option = &before->kind->options[k];
            const void *after = origin_find(wanted->origin, before->text)->data;
            if (!option->is_live && !option_equal(option, before->data, after)) {
                return true;
            }
        }
    }
    return false;
}

const struct config *config_follow(const struct config *running, const struct config *wanted,
                                   enum config_access access, struct diagnostics *diagnostics)
{
    const struct source *old = &running->origin->source, *new = &wanted->origin->source;
    struct source source = {.arena = ARENA_INIT};
    if (!has_waiting(running, wanted)) {
        return config_ref(wanted);
    }
    sections_copy(&source, new);
    for (size_t i = 0; i < new->entry_count; i++) {
        if (!entry_waits(new, &new->entries[i])) {
            entry_copy(&source, new->entries[i].section, &new->entries[i]);
        }
    }
    for (size_t i = 0; i < old->entry_count; i++) {
        if (entry_waits(old, &old->entries[i])) {
            size_t at = section_take(&source, old->sections[old->entries[i].section].text);
            entry_copy(&source, at, &old->entries[i]);
        }
    }
    return config_build(&source, wanted->file, access, diagnostics);
}

// --- reading

const struct conf_user *config_user(const struct config *config, struct slice name)
{
    return map_get(&config->user_map, name);
}

int config_backend(const struct config *config, struct slice name)
{
    for (size_t i = 0; i < config->backend_count; i++) {
        if (slice_equal(config->backends[i].name, name)) {
            return (int)i;
        }
    }
    return -1;
}

bool config_is_set(const struct config *config, const char *section, const char *key)
{
    const struct origin_section *found = origin_find(config->origin, slice_text(section));
    return found != NULL && origin_is_set(found, key);
}
