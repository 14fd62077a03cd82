#include "conf/option.h"

#include "conf/config.h"
#include "conf/number.h"

#include <assert.h>
#include <stdalign.h>

// --- the table

enum { NAMED = true, SINGLE = false, LIVE = true, RESTART = false, ACTIVE = true, LATER = false };

#define MILLISECOND INT64_C(1000)
#define MINUTE      (60000 * MILLISECOND)
#define HOUR        (60 * MINUTE)
#define DAY         (24 * HOUR)
#define YEAR        (365 * DAY)
#define KIBIBYTE    INT64_C(1024)
#define GIBIBYTE    (KIBIBYTE * 1024 * 1024)
#define RANGE(lowest, highest)                                                                     \
    {                                                                                              \
        lowest, highest                                                                            \
    }
#define ANY                RANGE(0, 0)

// The two offsets of a field, as CONF_FIELD_<type> names it.
#define AT(section, field) offsetof(struct conf_##section, field), 0
#define AT_TWO(section, field, other)                                                              \
    offsetof(struct conf_##section, field), offsetof(struct conf_##section, other)

#define AT_ADDRESS(s, key)               AT(s, key)
#define AT_ADDRESSES(s, key)             AT_TWO(s, key, key##_count)
#define AT_NETWORKS(s, key)              AT_TWO(s, key, key##_count)
#define AT_NAMES(s, key)                 AT_TWO(s, key, key##_count)
#define AT_COUNT(s, key)                 AT(s, key)
#define AT_WORKERS(s, key)               AT(s, key)
#define AT_PERCENT(s, key)               AT(s, key##_percent)
#define AT_RATIO(s, key)                 AT(s, key##_ppm)
#define AT_DURATION(s, key)              AT(s, key##_us)
#define AT_LEFT_DURATION(s, key)         AT(s, key##_us)
#define AT_SIZE(s, key)                  AT(s, key##_bytes)
#define AT_BOOL(s, key)                  AT(s, key)
#define AT_TEXT(s, key)                  AT(s, key)
#define AT_AUTO_TEXT(s, key)             AT(s, key)
#define AT_PATH(s, key)                  AT(s, key)
#define AT_PATTERN(s, key)               AT_TWO(s, key, key##_line)
#define AT_SECRET(s, key)                AT_TWO(s, key, has_##key)
#define AT_SECRET_FILE(s, key)           AT(s, key)
#define AT_HASH(s, key)                  AT_TWO(s, key, has_##key)
#define AT_CLIENT_TLS(s, key)            AT(s, key)
#define AT_BACKEND_TLS(s, key)           AT(s, key)
#define AT_ROLE(s, key)                  AT(s, key)
#define AT_SEND_PROXY(s, key)            AT(s, key)
#define AT_COMPRESSION(s, key)           AT(s, key)
#define AT_AUTH_MODE(s, key)             AT(s, key)
#define AT_FAILOVER(s, key)              AT(s, key)
#define AT_QUORUM(s, key)                AT(s, key)
#define AT_CONSISTENCY(s, key)           AT(s, key)
#define AT_CONSISTENCY_LEVEL(s, key)     AT(s, key)
#define AT_BALANCE(s, key)               AT(s, key)
#define AT_DEFAULT_TARGET(s, key)        AT(s, key)
#define AT_ROUTE(s, key)                 AT(s, key)
#define AT_LOG_LEVEL(s, key)             AT(s, key)
#define AT_LOG_FORMAT(s, key)            AT(s, key)

#define SECTION(section, kind, sentence) static const struct option options_##section[] = {
#define OPTION(section, key, type, fallback, allowed, change, state, sentence)                     \
    {SLICE_INIT(#key),                                                                             \
     &value_type_##type,                                                                           \
     AT_##type(section, key),                                                                      \
     allowed,                                                                                      \
     SLICE_INIT(fallback),                                                                         \
     change,                                                                                       \
     state,                                                                                        \
     sentence},
#define END(section)                                                                               \
    }                                                                                              \
    ;
#include "conf/options.def"

// Where sections stand in struct config.
#define IN_CONFIG_SINGLE(section) offsetof(struct config, section), 0
#define IN_CONFIG_NAMED(section)                                                                   \
    offsetof(struct config, section##s), offsetof(struct config, section##_count)

#define SECTION(section, kind, sentence)                                                           \
    [OPTION_SECTION_##section] = {SLICE_INIT(#section),                                            \
                                  kind,                                                            \
                                  options_##section,                                               \
                                  sizeof(options_##section) / sizeof(options_##section[0]),        \
                                  sizeof(struct conf_##section),                                   \
                                  IN_CONFIG_##kind(section),                                       \
                                  sentence},
#define OPTION(section, key, type, fallback, allowed, change, state, sentence)
#define END(section)
const struct option_section option_sections[OPTION_SECTION_COUNT] = {
#include "conf/options.def"
};

#define SECTION(section, kind, sentence)                                                           \
    _Static_assert(offsetof(struct conf_##section, name) == offsetof(struct option_head, name) &&  \
                       offsetof(struct conf_##section, line) ==                                    \
                           offsetof(struct option_head, line),                                     \
                   "sections start alike");
#define OPTION(section, key, type, fallback, allowed, change, state, sentence)
#define END(section)
#include "conf/options.def"

// --- finding

const struct option_section *option_section_find(struct slice name)
{
    for (size_t i = 0; i < OPTION_SECTION_COUNT; i++) {
        if (slice_equal(option_sections[i].name, name)) {
            return &option_sections[i];
        }
    }
    return NULL;
}

const struct option *option_find(const struct option_section *section, struct slice key)
{
    for (size_t i = 0; i < section->option_count; i++) {
        if (slice_equal(section->options[i].key, key)) {
            return &section->options[i];
        }
    }
    return NULL;
}

// --- one option's field

struct value_field option_field(const struct option *option, const void *section)
{
    char *base = (char *)section; // who may only read gets no writer from this room
    return (struct value_field){base + option->first, base + option->second};
}

static void fallback_read(const struct option *option, struct value_field field,
                          struct arena *arena)
{
    if (option->type->trait != VALUE_SECRET) {
        const char *complaint =
            option->type->parse(option->type, &option->range, field, option->fallback, arena);
        assert(complaint == NULL); // options.def is right
        (void)complaint;
    }
}

void option_set_default(const struct option *option, void *section, struct arena *arena)
{
    fallback_read(option, option_field(option, section), arena);
}

static bool print_equal(const struct value_type *type, struct value_field a, struct value_field b)
{
    struct buffer a_text = BUFFER_INIT, b_text = BUFFER_INIT;
    type->print(type, a, &a_text);
    type->print(type, b, &b_text);
    bool is_equal = slice_equal(buffer_slice(&a_text), buffer_slice(&b_text));
    buffer_release(&a_text);
    buffer_release(&b_text);
    return is_equal;
}

bool option_is_default(const struct option *option, const void *section)
{
    alignas(max_align_t) char first[128] = {0}; // a field of any type
    alignas(max_align_t) char second[16] = {0};
    struct value_field fallback = {first, second};
    struct arena arena = ARENA_INIT;

    fallback_read(option, fallback, &arena);
    bool is_default = print_equal(option->type, option_field(option, section), fallback);
    arena_release(&arena);
    return is_default;
}

bool option_equal(const struct option *option, const void *a, const void *b)
{
    struct value_field x = option_field(option, a), y = option_field(option, b);
    return option->type->equal != NULL ? option->type->equal(x, y)
                                       : print_equal(option->type, x, y);
}

void option_print(const struct option *option, const void *section, struct buffer *out)
{
    if (option_is_default(option, section)) {
        buffer_append_slice(out, option->fallback);
    } else {
        option->type->print(option->type, option_field(option, section), out);
    }
}

// --- what may be written

static void words_print(const struct value_word *words, struct buffer *out)
{
    const char *separator = "";
    bool may_be_empty = false;
    for (const struct value_word *word = words; word->word != NULL; word++) {
        if (word->word[0] == '\0') {
            may_be_empty = true;
            continue;
        }
        buffer_print(out, "%s%s", separator, word->word);
        separator = ", ";
    }
    buffer_append_slice(out, may_be_empty ? S(", or nothing") : SLICE_NONE);
}

static void range_print(const struct value_number *number, const struct value_range *range,
                        struct buffer *out)
{
    char lowest[NUMBER_TEXT_SIZE], highest[NUMBER_TEXT_SIZE];
    bool has_word = number->special != NULL && number->special[0] != '\0';
    if (has_word) {
        buffer_print(out, "%s, or ", number->special);
    }
    buffer_print(out, "%s to %s", number->text(range->lowest, lowest),
                 number->text(range->highest, highest));
    if (number->special != NULL && !has_word) {
        buffer_append_slice(out, S(", or nothing"));
    }
}

void option_print_allowed(const struct option *option, struct buffer *out)
{
    const struct value_type *type = option->type;
    if (type->words != NULL) {
        words_print(type->words, out);
    } else if (type->number != NULL) {
        range_print(type->number, &option->range, out);
    } else {
        buffer_append_slice(out, slice_text(type->allowed));
    }
}
