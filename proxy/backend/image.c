#include "proxy/backend/image.h"

#include "proxy/base/clock.h"
#include "proxy/base/memory.h"

#include <assert.h>

enum { NAME_MOST = 64 };

// One of the two goes when the other comes.
static const struct slice collation_connection = SLICE_INIT("collation_connection");
static const struct slice charset_connection = SLICE_INIT("character_set_connection");

static const struct slice charset_client = SLICE_INIT("character_set_client");
static const struct slice charset_results = SLICE_INIT("character_set_results");

// --- values as SQL -------------------------------------------------------------------------------

enum value_form { VALUE_NULL, VALUE_NUMBER, VALUE_TEXT, VALUE_HEX, VALUE_SQL };

static bool is_number(struct slice text)
{
    size_t digits = 0;
    size_t points = 0;
    size_t start = text.len > 1 && text.ptr[0] == '-' ? 1 : 0;
    for (size_t i = start; i < text.len; i++) {
        digits += text.ptr[i] >= '0' && text.ptr[i] <= '9';
        points += text.ptr[i] == '.';
    }
    return digits > 0 && points <= 1 && digits + points + start == text.len;
}

static bool is_plain(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x20 || c > 0x7e || c == '\'' || c == '\\' || c == '"') {
            return false;
        }
    }
    return true;
}

static enum value_form form_of(const struct image_variable *variable)
{
    if (image_names_user_variable(variable->name)) {
        return VALUE_SQL;
    }
    if (variable->is_null) {
        return VALUE_NULL;
    }
    return is_number(variable->value)  ? VALUE_NUMBER
           : is_plain(variable->value) ? VALUE_TEXT
                                       : VALUE_HEX;
}

void image_hex_write(struct slice text, struct buffer *sql)
{
    buffer_append(sql, "x'", 2);
    for (size_t i = 0; i < text.len; i++) {
        buffer_print(sql, "%02x", (unsigned char)text.ptr[i]);
    }
    buffer_append(sql, "'", 1);
}

void image_value_write(const struct image_variable *variable, struct buffer *sql)
{
    switch (form_of(variable)) {
    case VALUE_NULL:
        buffer_append_slice(sql, S("NULL"));
        break;
    case VALUE_NUMBER:
    case VALUE_SQL:
        buffer_append_slice(sql, variable->value);
        break;
    case VALUE_TEXT:
        buffer_append(sql, "'", 1);
        buffer_append_slice(sql, variable->value);
        buffer_append(sql, "'", 1);
        break;
    case VALUE_HEX:
        image_hex_write(variable->value, sql);
        break;
    }
}

// --- making: a draft is put together on the heap, then found in the table or put there -----------

struct draft {
    struct slice schema;
    bool multi_statements;
    size_t count;
    struct image_variable *variables; // sorted; texts borrowed
};

static void key_add(struct buffer *key, struct slice text)
{
    uint32_t len = (uint32_t)text.len;
    buffer_append(key, &len, sizeof(len));
    buffer_append_slice(key, text);
}

static void key_write(struct buffer *key, const struct draft *draft)
{
    uint8_t multi = draft->multi_statements;
    buffer_append(key, &multi, 1);
    key_add(key, draft->schema);
    for (size_t i = 0; i < draft->count; i++) {
        uint8_t null = draft->variables[i].is_null;
        key_add(key, draft->variables[i].name);
        buffer_append(key, &null, 1);
        key_add(key, draft->variables[i].value);
    }
}

static bool draft_has(const struct draft *draft, struct slice name, struct slice a, struct slice b)
{
    for (size_t i = 0; i < draft->count; i++) {
        if (slice_equal(draft->variables[i].name, name)) {
            struct slice value = draft->variables[i].value;
            return slice_equal_nocase(value, a) || slice_equal_nocase(value, b);
        }
    }
    return false;
}

bool image_is_wide_charset(struct slice name)
{
    return slice_starts_nocase(name, S("ucs2")) || slice_starts_nocase(name, S("utf16")) ||
           slice_starts_nocase(name, S("utf32"));
}

// By the variable that is there of the pair.
static bool draft_is_wide(const struct draft *draft)
{
    bool is_wide = false;
    for (size_t i = 0; i < draft->count; i++) {
        struct slice name = draft->variables[i].name, value = draft->variables[i].value;
        if (slice_equal(name, charset_connection) || slice_equal(name, collation_connection)) {
            is_wide |= image_is_wide_charset(value);
        }
    }
    return is_wide;
}

// All values as SQL, one behind the other; how long each is in `lengths`.
static void values_write(const struct draft *draft, size_t *lengths, struct buffer *sql)
{
    for (size_t i = 0; i < draft->count; i++) {
        size_t before = buffer_len(sql);
        image_value_write(&draft->variables[i], sql);
        lengths[i] = buffer_len(sql) - before;
    }
}

// Index of `name`, or of where it would stand.
static size_t place_of(const struct image *image, struct slice name)
{
    size_t low = 0;
    size_t high = image->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (slice_compare(image->variables[middle].name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool stands_at(const struct image *image, size_t place, struct slice name)
{
    return place < image->count && slice_equal(image->variables[place].name, name);
}

// `name` as it stands there.
static const struct image_variable *variable_of(const struct image *image, struct slice name)
{
    size_t place = place_of(image, name);
    return stands_at(image, place, name) ? &image->variables[place] : NULL;
}

static struct image *image_create(struct image_table *table, const struct draft *draft,
                                  struct slice key)
{
    struct buffer values = BUFFER_INIT;
    size_t *lengths = mem_alloc((draft->count + 1) * sizeof(*lengths));
    values_write(draft, lengths, &values);
    size_t texts = draft->schema.len + key.len + buffer_len(&values);
    for (size_t i = 0; i < draft->count; i++) {
        texts += draft->variables[i].name.len + draft->variables[i].value.len;
    }
    size_t fixed = sizeof(struct image) + draft->count * sizeof(struct image_variable);
    struct image *image = mem_alloc(fixed + texts);
    char *at = (char *)image + fixed;

    image->table = table;
    image->refs = 0;
    image->refused_by = 0;
    image->refused_us = 0;
    image->multi_statements = draft->multi_statements;
    image->is_serializable =
        draft_has(draft, S("transaction_isolation"), S("SERIALIZABLE"), S("3"));
    image->is_read_only = draft_has(draft, S("transaction_read_only"), S("1"), S("ON"));
    image->is_null_last_id = draft_has(draft, S("sql_auto_is_null"), S("1"), S("ON"));
    image->is_wide = draft_is_wide(draft);
    image->count = draft->count;
    image->key = slice_keep(&at, key);
    image->schema = slice_keep(&at, draft->schema);
    for (size_t i = 0; i < draft->count; i++) {
        image->variables[i].name = slice_keep(&at, draft->variables[i].name);
        image->variables[i].value = slice_keep(&at, draft->variables[i].value);
        image->variables[i].is_null = draft->variables[i].is_null;
        image->variables[i].sql = slice_keep(&at, slice_first(buffer_slice(&values), lengths[i]));
        buffer_consume(&values, lengths[i]);
    }
    image->results_charset = variable_of(image, charset_results);
    image->results_collation = variable_of(image, IMAGE_RESULTS_COLLATION);
    buffer_release(&values);
    mem_free(lengths);
    return image;
}

static struct image *image_intern(struct image_table *table, const struct draft *draft)
{
    struct buffer key = BUFFER_INIT;
    key_write(&key, draft);
    struct image *image = map_get(&table->images, buffer_slice(&key));
    if (image == NULL) {
        image = image_create(table, draft, buffer_slice(&key));
        map_put(&table->images, image->key, image);
    }
    buffer_release(&key);
    image->refs++;
    return image;
}

// --- life ----------------------------------------------------------------------------------------

void image_table_init(struct image_table *table)
{
    table->images = MAP_INIT;
    table->has_one_default = true;
}

void image_table_release(struct image_table *table)
{
    assert(table->images.count == 0);
    map_release(&table->images);
}

struct image *image_make(struct image_table *table, struct slice charset, struct slice collation,
                         struct slice schema, bool multi_statements)
{
    struct image_variable names[] = {
        {.name = S("character_set_client"), .value = charset},
        {.name = S("character_set_results"), .value = charset},
        {.name = S("collation_connection"), .value = collation},
        {.name = IMAGE_RESULTS_COLLATION, .value = collation},
    };
    struct image_variable of_default[] = {
        {.name = S("character_set_client"), .value = charset},
        {.name = S("character_set_connection"), .value = charset},
        {.name = S("character_set_results"), .value = charset},
        {.name = IMAGE_RESULTS_COLLATION, .value = SLICE_NONE},
    };
    struct draft draft = {schema, multi_statements, sizeof(names) / sizeof(names[0]), names};
    if (collation.len == 0) {
        draft.count = sizeof(of_default) / sizeof(of_default[0]);
        draft.variables = of_default;
    }
    return image_intern(table, &draft);
}

struct image *image_ref(struct image *image)
{
    image->refs++;
    return image;
}

void image_unref(struct image **image)
{
    struct image *gone = *image;
    *image = NULL;
    if (gone != NULL && --gone->refs == 0) {
        map_remove(&gone->table->images, gone->key);
        mem_free(gone);
    }
}

// --- changing ------------------------------------------------------------------------------------

static void image_replace(struct image **image, const struct draft *draft)
{
    struct image *changed = image_intern((*image)->table, draft);
    image_unref(image);
    *image = changed;
}

static struct draft draft_of(struct image *image)
{
    return (struct draft){image->schema, image->multi_statements, image->count, image->variables};
}

void image_set_schema(struct image **image, struct slice schema)
{
    if (!slice_equal((*image)->schema, schema)) {
        struct draft draft = draft_of(*image);
        draft.schema = schema;
        image_replace(image, &draft);
    }
}

void image_set_multi_statements(struct image **image, bool allowed)
{
    if ((*image)->multi_statements != allowed) {
        struct draft draft = draft_of(*image);
        draft.multi_statements = allowed;
        image_replace(image, &draft);
    }
}

// Newer spelling first. Both families' servers know one or both.
static const struct {
    struct slice name;
    struct slice older;
} renamed[] = {
    {SLICE_INIT("transaction_isolation"), SLICE_INIT("tx_isolation")},
    {SLICE_INIT("transaction_read_only"), SLICE_INIT("tx_read_only")},
};
enum { RENAMED_COUNT = sizeof(renamed) / sizeof(renamed[0]) };

static struct slice lower_case(struct slice name, char out[NAME_MOST])
{
    size_t len = name.len < NAME_MOST ? name.len : NAME_MOST;
    for (size_t i = 0; i < len; i++) {
        char c = name.ptr[i];
        out[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    struct slice lower = slice_make(out, len);
    for (size_t i = 0; i < RENAMED_COUNT; i++) {
        if (slice_equal(lower, renamed[i].older)) {
            return renamed[i].name;
        }
    }
    return lower;
}

static struct slice dialect_name(struct slice name, struct image_dialect dialect)
{
    for (size_t i = 0; i < RENAMED_COUNT && dialect.has_tx_names; i++) {
        if (slice_equal(name, renamed[i].name)) {
            return renamed[i].older;
        }
    }
    return name;
}

static bool is_connection_charset(struct slice name)
{
    return slice_equal(name, collation_connection) || slice_equal(name, charset_connection);
}

static void variable_remove(struct image **image, struct slice name)
{
    size_t place = place_of(*image, name);
    if (!stands_at(*image, place, name)) {
        return;
    }
    struct draft draft = draft_of(*image);
    draft.count = (*image)->count - 1;
    draft.variables = mem_alloc((draft.count + 1) * sizeof(*draft.variables));
    memcpy(draft.variables, (*image)->variables, place * sizeof(*draft.variables));
    memcpy(draft.variables + place, (*image)->variables + place + 1,
           (draft.count - place) * sizeof(*draft.variables));
    image_replace(image, &draft);
    mem_free(draft.variables);
}

static void variable_put(struct image **image, struct image_variable changed)
{
    size_t place = place_of(*image, changed.name);
    bool is_there = stands_at(*image, place, changed.name);
    const struct image_variable *before = &(*image)->variables[place];
    if (is_there && before->is_null == changed.is_null &&
        slice_equal(before->value, changed.value)) {
        return;
    }
    struct draft draft = draft_of(*image);
    draft.count = (*image)->count + (is_there ? 0 : 1);
    draft.variables = mem_alloc(draft.count * sizeof(*draft.variables));
    memcpy(draft.variables, (*image)->variables, place * sizeof(*draft.variables));
    draft.variables[place] = changed;
    size_t behind = place + (is_there ? 1 : 0);
    memcpy(draft.variables + place + 1, (*image)->variables + behind,
           ((*image)->count - behind) * sizeof(*draft.variables));
    image_replace(image, &draft);
    mem_free(draft.variables);
}

void image_set_variable(struct image **image, struct slice name, struct slice value, bool is_null)
{
    char lower[NAME_MOST];
    struct image_variable changed = {
        .name = lower_case(name, lower), .value = value, .is_null = is_null};
    struct image *before = image_ref(*image); // `value` may be one of its texts
    if (is_connection_charset(changed.name)) {
        bool is_collation = slice_equal(changed.name, collation_connection);
        variable_remove(image, is_collation ? charset_connection : collation_connection);
    } else if (slice_equal(changed.name, charset_results)) {
        variable_remove(image, IMAGE_RESULTS_COLLATION);
    }
    variable_put(image, changed);
    image_unref(&before);
}

void image_set_names(struct image **image, struct slice charset, struct slice collation)
{
    bool has_collation = collation.len > 0;
    struct image *before = image_ref(*image); // the names may be texts of it
    image_set_variable(image, charset_client, charset, false);
    image_set_variable(image, charset_results, charset, false);
    image_set_variable(image, has_collation ? collation_connection : charset_connection,
                       has_collation ? collation : charset, false);
    if (has_collation || (*image)->table->has_one_default) {
        image_set_variable(image, IMAGE_RESULTS_COLLATION, collation, false);
    }
    image_unref(&before);
}

void image_unset_variable(struct image **image, struct slice name)
{
    char lower[NAME_MOST];
    variable_remove(image, lower_case(name, lower));
}

// --- user variables ------------------------------------------------------------------------------

static size_t user_count(const struct image *image)
{
    size_t count = 0;
    while (count < image->count && image_names_user_variable(image->variables[count].name)) {
        count++; // an @ stands before every letter
    }
    return count;
}

bool image_set_user_variable(struct image **image, struct slice name, struct slice sql, size_t most)
{
    char marked[1 + IMAGE_USER_NAME_MOST];
    bool is_name = name.len > 0 && name.len <= IMAGE_USER_NAME_MOST && slice_is_printable(name);
    if (!is_name || sql.len > most) {
        return sql.len == 0; // no image has it
    }
    marked[0] = '@';
    memcpy(marked + 1, name.ptr, name.len);
    struct slice key = slice_make(marked, 1 + name.len);
    if (sql.len == 0) {
        image_unset_variable(image, key);
        return true;
    }
    if (image_variable(*image, key) == NULL && user_count(*image) == IMAGE_USER_COUNT_MOST) {
        return false;
    }
    image_set_variable(image, key, sql, false);
    return true;
}

// --- reading -------------------------------------------------------------------------------------

const struct image_variable *image_variable(const struct image *image, struct slice name)
{
    char lower[NAME_MOST];
    return variable_of(image, lower_case(name, lower));
}

enum { REFUSAL_SECONDS = 10 };

void image_note_refusal(struct image *image, int server, int64_t now_us)
{
    bool is_over = now_us - image->refused_us > REFUSAL_SECONDS * CLOCK_SECOND;
    image->refused_by = (is_over ? 0 : image->refused_by) | (uint64_t)1 << server;
    image->refused_us = now_us;
}

bool image_is_refused(const struct image *image, int server, int64_t now_us)
{
    return (image->refused_by >> server & 1) != 0 &&
           now_us - image->refused_us <= REFUSAL_SECONDS * CLOCK_SECOND;
}

// Walks both sorted lists at once: -1 the variable stands in `from` alone, 1 in `to` alone, 0 in
// both.
static int side_of(const struct image *from, size_t i, const struct image *to, size_t k)
{
    if (from == NULL || i == from->count) {
        return 1;
    }
    if (k == to->count) {
        return -1;
    }
    return slice_compare(from->variables[i].name, to->variables[k].name);
}

static bool same_value(const struct image_variable *a, const struct image_variable *b)
{
    return a->is_null == b->is_null && slice_equal(a->value, b->value);
}

void image_user_name_write(struct slice name, struct buffer *sql)
{
    buffer_append(sql, "@`", 2);
    for (size_t i = 0; i < name.len; i++) {
        buffer_append(sql, name.ptr + i, 1);
        if (name.ptr[i] == '`') {
            buffer_append(sql, "`", 1);
        }
    }
    buffer_append(sql, "`", 1);
}

bool image_default_is_odd(struct slice name)
{
    return slice_equal(name, S("foreign_key_checks")) || slice_equal(name, S("unique_checks"));
}

// MariaDB takes '+01:00' of another charset for no time zone.
static void value_put(const struct image_variable *wanted, bool is_wide, struct buffer *sql)
{
    if (is_wide && slice_starts_nocase(wanted->sql, S("'"))) {
        buffer_append_slice(sql, S("_latin1"));
    }
    buffer_append_slice(sql, wanted->sql);
}

// `wanted` NULL: what the variable is where nobody has set it. `is_wide`: the connection so far.
static void assignment_write(struct slice name, const struct image_variable *wanted, bool is_wide,
                             struct image_dialect dialect, struct buffer *sql)
{
    if (image_names_user_variable(name)) {
        image_user_name_write(slice_from(name, 1), sql);
        buffer_append(sql, "=", 1);
        buffer_append_slice(sql, wanted != NULL ? wanted->sql : S("x'',"));
        if (wanted == NULL) { // NULL keeps the type that was there before
            image_user_name_write(slice_from(name, 1), sql);
            buffer_append_slice(sql, S("=NULL"));
        }
        return;
    }
    buffer_append_slice(sql, dialect_name(name, dialect));
    buffer_append(sql, "=", 1);
    if (wanted != NULL) {
        value_put(wanted, is_wide, sql);
    } else if (image_default_is_odd(name)) {
        buffer_print(sql, "@@global.%.*s", SLICE_ARG(name));
    } else {
        buffer_append_slice(sql, S("DEFAULT"));
    }
}

// Where the collation of the results is to be another one, SET NAMES comes first and says what
// these variables are; else nothing does.
struct names {
    struct slice charset;   // empty: no SET NAMES
    struct slice collation; // empty: the charset's default, whatever that is
};

static bool is_other(const struct image_variable *a, const struct image_variable *b)
{
    return (a == NULL) != (b == NULL) || (a != NULL && !same_value(a, b));
}

static struct names names_wanted(const struct image *from, const struct image *to)
{
    const struct image_variable *collation = to->results_collation;
    const struct image_variable *charset = to->results_charset;
    bool is_wanted = collation != NULL && charset != NULL && !charset->is_null &&
                     (from == NULL || is_other(from->results_collation, collation) ||
                      is_other(from->results_charset, charset));
    return is_wanted ? (struct names){charset->value, collation->value} : (struct names){0};
}

// Whether the variable is as it is wanted, once SET NAMES has come first.
static bool is_set_by_names(const struct names *names, const struct image_variable *wanted)
{
    return (slice_equal(wanted->name, charset_client) &&
            slice_equal(wanted->value, names->charset)) ||
           slice_equal(wanted->name, charset_results) ||
           (slice_equal(wanted->name, collation_connection) && names->collation.len > 0 &&
            slice_equal(wanted->value, names->collation)) ||
           (slice_equal(wanted->name, charset_connection) && names->collation.len == 0 &&
            slice_equal(wanted->value, names->charset));
}

static bool is_of_names(struct slice name)
{
    return slice_equal(name, charset_client) || slice_equal(name, charset_results) ||
           is_connection_charset(name);
}

// Whether the results' charset must be said again so that it loses its collation.
static bool loses_collation(const struct image *from, const struct image *to)
{
    return from != NULL && from->results_collation != NULL && to->results_collation == NULL;
}

static void names_write(const struct names *names, struct buffer *sql)
{
    buffer_append_slice(sql, S("SET NAMES '"));
    buffer_append_slice(sql, names->charset);
    if (names->collation.len > 0) {
        buffer_append_slice(sql, S("' COLLATE '"));
        buffer_append_slice(sql, names->collation);
    }
    buffer_append_slice(sql, S("'"));
}

void image_difference_write(const struct image *from, const struct image *to,
                            struct image_dialect dialect, struct buffer *sql)
{
    struct names names = names_wanted(from, to);
    const struct image_variable *said_again =
        loses_collation(from, to) ? to->results_charset : NULL;
    bool has_names = names.charset.len > 0;
    size_t found = has_names;
    size_t i = 0;
    size_t k = 0;
    if (has_names) {
        names_write(&names, sql);
    }
    while ((from != NULL && i < from->count) || k < to->count) {
        int side = side_of(from, i, to, k);
        const struct image_variable *was = side <= 0 ? &from->variables[i++] : NULL;
        const struct image_variable *wanted = side >= 0 ? &to->variables[k++] : NULL;
        struct slice name = side >= 0 ? wanted->name : was->name;
        if (side >= 0 ? wanted == to->results_collation : was == from->results_collation) {
            continue;
        }
        if (has_names && is_of_names(name)) {
            if (wanted == NULL || is_set_by_names(&names, wanted)) {
                continue;
            }
        } else if (side == 0 && same_value(was, wanted) && wanted != said_again) {
            continue;
        }
        if (side < 0 && is_connection_charset(name)) {
            continue; // of the pair, the one that goes when the other comes
        }
        if (dialect.keeps_access_mode && slice_equal(name, S("transaction_read_only"))) {
            continue;
        }
        buffer_append_slice(sql, found++ == 0 ? S("SET ") : S(","));
        assignment_write(name, wanted, from != NULL && from->is_wide, dialect, sql);
    }
}

struct image_difference image_compare(const struct image *from, const struct image *to)
{
    struct image_difference difference = {0};
    if (from == to) {
        return difference;
    }
    bool has_other_schema = from == NULL || !slice_equal(from->schema, to->schema);
    difference.change_user = has_other_schema && to->schema.len == 0;
    difference.schema = has_other_schema && to->schema.len > 0;
    difference.multi_statements = from == NULL || from->multi_statements != to->multi_statements;
    return difference;
}
