// The types of options: how the text of each becomes a field of a section's struct, and back. The
// room's own; pure.
#pragma once

#include "proxy/base/arena.h"
#include "proxy/base/buffer.h"
#include "proxy/base/slice.h"

// A field, and the second one that some types have: a list its count, a secret whether it was
// given, a pattern its line.
struct value_field {
    void *first;
    void *second;
};

// Both 0: none.
struct value_range {
    int64_t lowest;
    int64_t highest;
};

// What others have to know of a type.
enum value_trait {
    VALUE_PLAIN,
    VALUE_LIST,        // entries with commas; may go on in name.1
    VALUE_PATTERN,     // a regular expression: may not hold " ;"
    VALUE_SECRET,      // the same, and it is never shown
    VALUE_SECRET_FILE, // names the file that holds a secret
};

struct value_word {
    const char *word; // "" stands for an empty value
    unsigned value;
};

// Numbers: how they are written.
struct value_number {
    bool (*parse)(struct slice text, int64_t *value);
    char *(*text)(int64_t value, char *out);
    size_t width;        // bytes of the field
    const char *special; // a word that stands for a number of its own, or NULL
    int64_t special_value;
    const char *complaint;
};

// Lists: their entries.
struct value_entry {
    size_t size;
    const char *(*parse)(void *entry, struct slice text, struct arena *arena);
    void (*print)(const void *entry, struct buffer *out);
};

struct value_type {
    enum value_trait trait;
    // Reads `text`, which has no white space around it, into the field; memory comes from `arena`.
    // Returns NULL, or the complaint, which repeats nothing of the text.
    const char *(*parse)(const struct value_type *type, const struct value_range *range,
                         struct value_field field, struct slice text, struct arena *arena);
    // Appends what parse() reads as the same.
    void (*print)(const struct value_type *type, struct value_field field, struct buffer *out);
    // Secrets, whose print() hides what they are; else NULL.
    bool (*equal)(struct value_field a, struct value_field b);
    const struct value_word *words;    // of an enumeration; the last has a NULL word
    const struct value_number *number; // of a number
    const struct value_entry *entry;   // of a list
    const char *allowed;               // what may be written, beside words and range
};

// What takes the place of a secret.
#define VALUE_MASK       "********"

#define VALUE_TYPE(name) extern const struct value_type value_type_##name;
#include "conf/types.def"
