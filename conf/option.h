// The rows of options.def as a table of sections and options. The room's own; constant.
#pragma once

#include "conf/value.h"

enum option_section_id {
#define SECTION(section, kind, sentence) OPTION_SECTION_##section,
#define OPTION(section, key, type, fallback, allowed, change, state, sentence)
#define END(section)
#include "conf/options.def"
    OPTION_SECTION_COUNT
};

struct option {
    struct slice key;
    const struct value_type *type;
    size_t first;  // offset of the field in the section's struct
    size_t second; // of its second field, or 0
    struct value_range range;
    struct slice fallback; // the default, as an operator would write it
    bool is_live;
    bool is_active;
    const char *sentence;
};

struct option_section {
    struct slice name;
    bool is_named;
    const struct option *options;
    size_t option_count;
    size_t size;   // of its struct
    size_t first;  // offset in struct config of its struct; NAMED: of the array
    size_t second; // NAMED: offset of the array's count
    const char *sentence;
};

// By enum option_section_id.
extern const struct option_section option_sections[OPTION_SECTION_COUNT];

// What the struct of every section starts with.
struct option_head {
    struct slice name;
    unsigned line;
};

const struct option_section *option_section_find(struct slice name);
const struct option *option_find(const struct option_section *section, struct slice key);

// The field in one section's struct.
struct value_field option_field(const struct option *option, const void *section);
// Gives the field its default; a secret has none. Memory comes from `arena`.
void option_set_default(const struct option *option, void *section, struct arena *arena);
// Whether the field holds what the default says; of a secret, whether it is empty.
bool option_is_default(const struct option *option, const void *section);
// Whether two structs of this section agree in it; secrets by what they are.
bool option_equal(const struct option *option, const void *a, const void *b);
// Appends the value as an operator would write it: the default in the words of options.def, a
// secret as its mask.
void option_print(const struct option *option, const void *section, struct buffer *out);
// Appends what may be written: "1ms to 1h", "p2c, round_robin, least_connections".
void option_print_allowed(const struct option *option, struct buffer *out);
