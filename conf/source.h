// The text of a configuration as sections and entries, before anybody asks what they mean: lines,
// comments, names, duplicates. The room's own. Owns its texts, secrets among them. One thread.
#pragma once

#include "conf/diagnostic.h"
#include "proxy/base/arena.h"
#include "proxy/base/slice.h"

// inih keeps no more of a line and of a name.
enum { SOURCE_LINE_MAX = 199, SOURCE_NAME_MAX = 49 };

struct source_section {
    struct slice text; // "proxy", "backend:db1"
    unsigned line;
};

struct source_entry {
    size_t section; // index
    struct slice key;
    struct slice value; // without white space around it
    unsigned line;      // 0: it came by config_set()
    bool has_comment;   // " ;" followed on its line
    bool has_content;   // the value names a file of which `content` was read
    struct slice content;
};

struct source {
    struct arena arena;
    struct source_section *sections;
    size_t section_count;
    size_t section_cap;
    struct source_entry *entries;
    size_t entry_count;
    size_t entry_cap;
    bool is_partial; // the header of a section could not be understood
};

// Reads the whole text. Every mistake goes to `diagnostics` with its line; what is right is kept.
void source_read(struct source *source, struct slice text, const char *file,
                 struct diagnostics *diagnostics);
// Wipes everything.
void source_release(struct source *source);

// Index of the section, or section_count.
size_t source_find(const struct source *source, struct slice section);
// Texts are copied. Return the index, or the new entry.
size_t source_add_section(struct source *source, struct slice text, unsigned line);
struct source_entry *source_add_entry(struct source *source, size_t section, struct slice key,
                                      struct slice value, unsigned line);
