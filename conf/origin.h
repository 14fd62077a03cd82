// Where the values of a configuration came from: its text, and for each section its struct with the
// place of each option. The room's own; immutable once the configuration is built.
#pragma once

#include "conf/config.h"
#include "conf/option.h"
#include "conf/source.h"

struct origin_option {
    bool is_wrong;  // told already; the default stands
    bool is_set;    // by the text; else the default stands
    unsigned line;  // 0: by config_set(), or not set
    unsigned parts; // lists: how many lines, name.1 and so on counted
};

// One section of the configuration.
struct origin_section {
    const struct option_section *kind;
    void *data;                    // its struct
    struct slice text;             // "proxy", "backend:db1"
    struct origin_option *options; // as kind->options
};

struct conf_origin {
    struct source source;
    bool is_partial; // a section's header was wrong: what it holds is missing
    // As in options.def; named ones in the order of the text.
    struct origin_section *sections;
    size_t section_count;
};

// The section of that text, or NULL.
struct origin_section *origin_find(const struct conf_origin *origin, struct slice text);
// Line of the header; 0: not in the text.
unsigned origin_section_line(const struct origin_section *section);
// Where an option of a section's struct was set; the section's own line where it was not.
unsigned origin_line(const struct origin_section *section, const char *key);
bool origin_is_set(const struct origin_section *section, const char *key);
// Whether the option was set to what cannot be: nobody should conclude anything from it.
bool origin_is_wrong(const struct origin_section *section, const char *key);
