#include "conf/value.h"

#include "conf/config.h"
#include "conf/number.h"

#include <inttypes.h>

// --- numbers

static bool count_parse(struct slice text, int64_t *value)
{
    uint64_t number;
    bool is_number = slice_to_u64(text, &number) && number <= INT64_MAX;
    *value = is_number ? (int64_t)number : 0;
    return is_number;
}

static char *count_text(int64_t value, char *out)
{
    snprintf(out, NUMBER_TEXT_SIZE, "%" PRId64, value);
    return out;
}

static char *percent_text(int64_t value, char *out)
{
    snprintf(out, NUMBER_TEXT_SIZE, "%" PRId64 "%%", value);
    return out;
}

static void number_store(const struct value_number *number, void *field, int64_t value)
{
    uint32_t narrow = (uint32_t)value;
    memcpy(field, number->width == sizeof(narrow) ? (void *)&narrow : (void *)&value,
           number->width);
}

static int64_t number_load(const struct value_number *number, const void *field)
{
    uint32_t narrow;
    int64_t wide;
    if (number->width == sizeof(narrow)) {
        memcpy(&narrow, field, sizeof(narrow));
        return narrow;
    }
    memcpy(&wide, field, sizeof(wide));
    return wide;
}

static bool number_is_special(const struct value_number *number, struct slice text)
{
    return number->special != NULL && slice_equal_nocase(text, slice_text(number->special));
}

static const char *number_parse(const struct value_type *type, const struct value_range *range,
                                struct value_field field, struct slice text, struct arena *arena)
{
    const struct value_number *number = type->number;
    int64_t value;
    (void)arena;
    if (number_is_special(number, text)) {
        number_store(number, field.first, number->special_value);
        return NULL;
    }
    if (!number->parse(text, &value)) {
        return number->complaint;
    }
    if (value < range->lowest || value > range->highest) {
        return "out of range";
    }
    number_store(number, field.first, value);
    return NULL;
}

static void number_print(const struct value_type *type, struct value_field field,
                         struct buffer *out)
{
    char text[NUMBER_TEXT_SIZE];
    int64_t value = number_load(type->number, field.first);
    if (type->number->special != NULL && value == type->number->special_value) {
        buffer_append_slice(out, slice_text(type->number->special));
    } else {
        buffer_append_slice(out, slice_text(type->number->text(value, text)));
    }
}

#define NUMBER_TYPE(name, ...)                                                                     \
    static const struct value_number number_##name = {__VA_ARGS__};                                \
    const struct value_type value_type_##name = {                                                  \
        .parse = number_parse, .print = number_print, .number = &number_##name};

NUMBER_TYPE(COUNT, count_parse, count_text, sizeof(uint32_t), NULL, 0, "not a whole number")
NUMBER_TYPE(WORKERS, count_parse, count_text, sizeof(uint32_t), "auto", 0, "not a whole number")
NUMBER_TYPE(PERCENT, number_parse_percent, percent_text, sizeof(uint32_t), NULL, 0,
            "not a whole number with %")
NUMBER_TYPE(RATIO, number_parse_ratio, number_ratio_text, sizeof(uint32_t), NULL, 0,
            "not a number with at most six digits behind the point")
NUMBER_TYPE(DURATION, number_parse_duration, number_duration_text, sizeof(int64_t), NULL, 0,
            "not a whole number with one of the units us, ms, s, m, h")
NUMBER_TYPE(LEFT_DURATION, number_parse_duration, number_duration_text, sizeof(int64_t), "",
            CONF_LEFT_OUT, "not a whole number with one of the units us, ms, s, m, h")
NUMBER_TYPE(SIZE, number_parse_size, number_size_text, sizeof(uint64_t), NULL, 0,
            "not a whole number of bytes or with one of the units K, M, G")

// --- words

static const char *word_parse(const struct value_type *type, const struct value_range *range,
                              struct value_field field, struct slice text, struct arena *arena)
{
    (void)range;
    (void)arena;
    for (const struct value_word *word = type->words; word->word != NULL; word++) {
        if (slice_equal_nocase(text, slice_text(word->word))) {
            memcpy(field.first, &word->value, sizeof(word->value));
            return NULL;
        }
    }
    return "unknown word";
}

static void word_print(const struct value_type *type, struct value_field field, struct buffer *out)
{
    unsigned value;
    memcpy(&value, field.first, sizeof(value));
    for (const struct value_word *word = type->words; word->word != NULL; word++) {
        if (word->value == value) {
            buffer_append_slice(out, slice_text(word->word));
        }
    }
}

// Enumerations are written as the unsigned that each of them is.
_Static_assert(sizeof(enum conf_tls_mode) == sizeof(unsigned), "enumerations are unsigned");

#define WORDS_END                                                                                  \
    {                                                                                              \
        NULL, 0                                                                                    \
    }
#define WORD_TYPE(name, ...)                                                                       \
    static const struct value_word words_##name[] = {__VA_ARGS__, WORDS_END};                      \
    const struct value_type value_type_##name = {                                                  \
        .parse = word_parse, .print = word_print, .words = words_##name};

WORD_TYPE(CLIENT_TLS, {"disabled", CONF_TLS_DISABLED}, {"preferred", CONF_TLS_PREFERRED},
          {"required", CONF_TLS_REQUIRED})
WORD_TYPE(BACKEND_TLS, {"disabled", CONF_TLS_DISABLED}, {"preferred", CONF_TLS_PREFERRED},
          {"required", CONF_TLS_REQUIRED}, {"verify_ca", CONF_TLS_VERIFY_CA},
          {"verify_identity", CONF_TLS_VERIFY_IDENTITY})
WORD_TYPE(ROLE, {"auto", CONF_ROLE_AUTO}, {"primary", CONF_ROLE_PRIMARY},
          {"replica", CONF_ROLE_REPLICA})
WORD_TYPE(SEND_PROXY, {"no", CONF_SEND_PROXY_NO}, {"v2", CONF_SEND_PROXY_V2})
WORD_TYPE(COMPRESSION, {"no", CONF_COMPRESSION_NO}, {"zlib", CONF_COMPRESSION_ZLIB},
          {"zstd", CONF_COMPRESSION_ZSTD})
WORD_TYPE(AUTH_MODE, {"passthrough", CONF_AUTH_PASSTHROUGH}, {"file", CONF_AUTH_FILE})
WORD_TYPE(FAILOVER, {"follow", CONF_FAILOVER_FOLLOW}, {"auto", CONF_FAILOVER_AUTO},
          {"manual", CONF_FAILOVER_MANUAL})
WORD_TYPE(QUORUM, {"majority", CONF_QUORUM_MAJORITY}, {"running", CONF_QUORUM_RUNNING})
WORD_TYPE(CONSISTENCY, {"", CONF_CONSISTENCY_INHERIT}, {"eventual", CONF_CONSISTENCY_EVENTUAL},
          {"session", CONF_CONSISTENCY_SESSION}, {"global", CONF_CONSISTENCY_GLOBAL})
WORD_TYPE(CONSISTENCY_LEVEL, {"eventual", CONF_CONSISTENCY_EVENTUAL},
          {"session", CONF_CONSISTENCY_SESSION}, {"global", CONF_CONSISTENCY_GLOBAL})
WORD_TYPE(BALANCE, {"p2c", CONF_BALANCE_P2C}, {"round_robin", CONF_BALANCE_ROUND_ROBIN},
          {"least_connections", CONF_BALANCE_LEAST_CONNECTIONS})
WORD_TYPE(DEFAULT_TARGET, {"split", CONF_TARGET_SPLIT}, {"primary", CONF_TARGET_PRIMARY},
          {"replica", CONF_TARGET_REPLICA})
WORD_TYPE(LOG_LEVEL, {"debug", CONF_LOG_DEBUG}, {"info", CONF_LOG_INFO}, {"warn", CONF_LOG_WARN},
          {"error", CONF_LOG_ERROR})
WORD_TYPE(LOG_FORMAT, {"text", CONF_LOG_TEXT}, {"json", CONF_LOG_JSON})

static const char *bool_parse(const struct value_type *type, const struct value_range *range,
                              struct value_field field, struct slice text, struct arena *arena)
{
    (void)type;
    (void)range;
    (void)arena;
    return number_parse_bool(text, field.first) ? NULL : "neither yes nor no";
}

static void bool_print(const struct value_type *type, struct value_field field, struct buffer *out)
{
    (void)type;
    buffer_append_slice(out, *(const bool *)field.first ? S("yes") : S("no"));
}

const struct value_type value_type_BOOL = {
    .parse = bool_parse, .print = bool_print, .allowed = "yes or no (on, off, true, false, 1, 0)"};

// A server's name stands behind it.
#define ROUTE_BACKEND_PREFIX S("backend=")

static const struct value_word route_words[] = {
    {"", CONF_TARGET_INHERIT},        {"primary", CONF_TARGET_PRIMARY},
    {"replica", CONF_TARGET_REPLICA}, {"backend=NAME", CONF_TARGET_BACKEND},
    {"block", CONF_TARGET_BLOCK},     WORDS_END};

static const char *route_parse(const struct value_type *type, const struct value_range *range,
                               struct value_field field, struct slice text, struct arena *arena)
{
    struct conf_route *route = field.first;
    *route = (struct conf_route){.backend = -1};
    if (!slice_starts_nocase(text, ROUTE_BACKEND_PREFIX)) {
        struct value_field target = {&route->target, NULL};
        return word_parse(type, range, target, text, arena);
    }
    struct slice name = slice_trim(slice_from(text, ROUTE_BACKEND_PREFIX.len));
    route->target = CONF_TARGET_BACKEND;
    route->backend_name = arena_copy(arena, name);
    return name.len > 0 ? NULL : "no name behind backend=";
}

static void route_print(const struct value_type *type, struct value_field field, struct buffer *out)
{
    struct conf_route *route = field.first;
    if (route->target == CONF_TARGET_BACKEND) {
        buffer_append_slice(out, ROUTE_BACKEND_PREFIX);
        buffer_append_slice(out, route->backend_name);
    } else {
        word_print(type, (struct value_field){&route->target, NULL}, out);
    }
}

const struct value_type value_type_ROUTE = {
    .parse = route_parse, .print = route_print, .words = route_words};

// --- texts

static const char *text_parse(const struct value_type *type, const struct value_range *range,
                              struct value_field field, struct slice text, struct arena *arena)
{
    (void)type;
    (void)range;
    *(struct slice *)field.first = arena_copy(arena, text);
    return NULL;
}

static void text_print(const struct value_type *type, struct value_field field, struct buffer *out)
{
    (void)type;
    buffer_append_slice(out, *(const struct slice *)field.first);
}

const struct value_type value_type_TEXT = {
    .parse = text_parse, .print = text_print, .allowed = "a text"};
const struct value_type value_type_PATH = {
    .parse = text_parse, .print = text_print, .allowed = "the path of a file"};
const struct value_type value_type_PATTERN = {.trait = VALUE_PATTERN,
                                              .parse = text_parse,
                                              .print = text_print,
                                              .allowed = "a regular expression (PCRE2)"};
const struct value_type value_type_SECRET_FILE = {.trait = VALUE_SECRET_FILE,
                                                  .parse = text_parse,
                                                  .print = text_print,
                                                  .allowed = "the path of a file"};

static const char *auto_text_parse(const struct value_type *type, const struct value_range *range,
                                   struct value_field field, struct slice text, struct arena *arena)
{
    bool is_auto = slice_equal_nocase(text, S("auto"));
    if (text.len == 0) {
        return "empty";
    }
    return text_parse(type, range, field, is_auto ? SLICE_NONE : text, arena);
}

static void auto_text_print(const struct value_type *type, struct value_field field,
                            struct buffer *out)
{
    const struct slice *text = field.first;
    (void)type;
    buffer_append_slice(out, text->len > 0 ? *text : S("auto"));
}

const struct value_type value_type_AUTO_TEXT = {
    .parse = auto_text_parse, .print = auto_text_print, .allowed = "auto, or a text"};

// --- secrets

static const char *secret_parse(const struct value_type *type, const struct value_range *range,
                                struct value_field field, struct slice text, struct arena *arena)
{
    *(bool *)field.second = true;
    return text_parse(type, range, field, text, arena);
}

static void secret_print(const struct value_type *type, struct value_field field,
                         struct buffer *out)
{
    (void)type;
    if (((const struct slice *)field.first)->len > 0) {
        buffer_append_slice(out, S(VALUE_MASK));
    }
}

static bool secret_equal(struct value_field a, struct value_field b)
{
    return *(const bool *)a.second == *(const bool *)b.second &&
           slice_equal(*(const struct slice *)a.first, *(const struct slice *)b.first);
}

const struct value_type value_type_SECRET = {.trait = VALUE_SECRET,
                                             .parse = secret_parse,
                                             .print = secret_print,
                                             .equal = secret_equal,
                                             .allowed = "a text"};

enum { HASH_SIZE = 20 };

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static const char *hash_parse(const struct value_type *type, const struct value_range *range,
                              struct value_field field, struct slice text, struct arena *arena)
{
    static const char complaint[] = "not * and 40 hexadecimal digits";
    uint8_t *bytes = field.first;
    bool *has = field.second;
    (void)type;
    (void)range;
    (void)arena;
    *has = text.len > 0;
    if (!*has) {
        return NULL;
    }
    if (text.len != 1 + 2 * HASH_SIZE || text.ptr[0] != '*') {
        return complaint;
    }
    for (size_t i = 0; i < HASH_SIZE; i++) {
        int high = hex_digit(text.ptr[1 + 2 * i]), low = hex_digit(text.ptr[2 + 2 * i]);
        if (high < 0 || low < 0) {
            return complaint;
        }
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return NULL;
}

// A mask that is a hash again, though of no password that anybody has.
static void hash_print(const struct value_type *type, struct value_field field, struct buffer *out)
{
    (void)type;
    if (*(const bool *)field.second) {
        buffer_append_slice(out, S("*0000000000000000000000000000000000000000"));
    }
}

static bool hash_equal(struct value_field a, struct value_field b)
{
    return *(const bool *)a.second == *(const bool *)b.second &&
           memcmp(a.first, b.first, HASH_SIZE) == 0;
}

const struct value_type value_type_HASH = {.trait = VALUE_SECRET,
                                           .parse = hash_parse,
                                           .print = hash_print,
                                           .equal = hash_equal,
                                           .allowed = "* and 40 hexadecimal digits"};

// --- addresses

static const char *address_parse(const struct value_type *type, const struct value_range *range,
                                 struct value_field field, struct slice text, struct arena *arena)
{
    struct conf_address *address = field.first;
    (void)type;
    (void)range;
    const char *complaint = text.len > 0 ? conf_address_parse(address, text, arena) : NULL;
    if (complaint != NULL || text.len == 0) {
        *address = (struct conf_address){.kind = CONF_ADDRESS_NONE};
    }
    return complaint;
}

static void address_print(const struct value_type *type, struct value_field field,
                          struct buffer *out)
{
    (void)type;
    buffer_append_slice(out, ((const struct conf_address *)field.first)->text);
}

#define ADDRESS_ALLOWED "host:port, [v6]:port or the path of a socket"

const struct value_type value_type_ADDRESS = {
    .parse = address_parse, .print = address_print, .allowed = ADDRESS_ALLOWED};

// --- lists

// Any entry fits into a line of its own, whatever the name.N before it.
enum { ENTRY_MAX = 150 };

static size_t entries_count(struct slice text)
{
    struct slice rest = text.len > 0 ? text : SLICE_NONE, entry;
    size_t count = 0;
    while (slice_cut(&rest, ',', &entry)) {
        count++;
    }
    return count;
}

static const char *list_parse(const struct value_type *type, const struct value_range *range,
                              struct value_field field, struct slice text, struct arena *arena)
{
    size_t count = entries_count(text);
    char *entries = count > 0 ? arena_zero(arena, count * type->entry->size) : NULL;
    struct slice rest = text, part;
    (void)range;
    for (size_t i = 0; i < count && slice_cut(&rest, ',', &part); i++) {
        part = slice_trim(part);
        if (part.len == 0) {
            return "an empty entry";
        }
        if (part.len > ENTRY_MAX) {
            return "an entry of more than 150 bytes";
        }
        const char *complaint = type->entry->parse(entries + i * type->entry->size, part, arena);
        if (complaint != NULL) {
            return complaint;
        }
    }
    memcpy(field.first, &entries, sizeof(entries));
    memcpy(field.second, &count, sizeof(count));
    return NULL;
}

static void list_print(const struct value_type *type, struct value_field field, struct buffer *out)
{
    const char *entries;
    size_t count;
    memcpy(&entries, field.first, sizeof(entries));
    memcpy(&count, field.second, sizeof(count));
    for (size_t i = 0; i < count; i++) {
        buffer_append_slice(out, i > 0 ? S(", ") : SLICE_NONE);
        type->entry->print(entries + i * type->entry->size, out);
    }
}

#define LIST_TYPE(name, what, ...)                                                                 \
    static const struct value_entry entry_##name = {__VA_ARGS__};                                  \
    const struct value_type value_type_##name = {.trait = VALUE_LIST,                              \
                                                 .parse = list_parse,                              \
                                                 .print = list_print,                              \
                                                 .entry = &entry_##name,                           \
                                                 .allowed = what};

static const char *entry_parse_address(void *entry, struct slice text, struct arena *arena)
{
    return conf_address_parse(entry, text, arena);
}

static void entry_print_address(const void *entry, struct buffer *out)
{
    buffer_append_slice(out, ((const struct conf_address *)entry)->text);
}

LIST_TYPE(ADDRESSES, ADDRESS_ALLOWED ", with commas", sizeof(struct conf_address),
          entry_parse_address, entry_print_address)

static const char *entry_parse_network(void *entry, struct slice text, struct arena *arena)
{
    (void)arena;
    return conf_network_parse(entry, text);
}

static void entry_print_network(const void *entry, struct buffer *out)
{
    char text[CONF_NETWORK_TEXT_SIZE];
    buffer_append_slice(out, slice_text(conf_network_text(entry, text)));
}

LIST_TYPE(NETWORKS, "networks (10.0.0.0/8, fd00::/8) or addresses, with commas",
          sizeof(struct conf_network), entry_parse_network, entry_print_network)

static const char *entry_parse_name(void *entry, struct slice text, struct arena *arena)
{
    *(struct slice *)entry = arena_copy(arena, text);
    return NULL;
}

static void entry_print_name(const void *entry, struct buffer *out)
{
    buffer_append_slice(out, *(const struct slice *)entry);
}

LIST_TYPE(NAMES, "names, with commas", sizeof(struct slice), entry_parse_name, entry_print_name)
