#include "proxy/backend/prepared_text.h"

#include "proxy/base/memory.h"

#include <assert.h>

// --- identity ------------------------------------------------------------------------------------

// Variables that mean nothing to a server before a statement runs, beside those that end in
// _timeout.
static const struct slice of_running[] = {
    SLICE_INIT("autocommit"),
    SLICE_INIT("transaction_isolation"),
    SLICE_INIT("transaction_read_only"),
    SLICE_INIT("time_zone"),
    SLICE_INIT("timestamp"),
    SLICE_INIT("max_execution_time"),
    SLICE_INIT("max_statement_time"),
    SLICE_INIT("foreign_key_checks"),
    SLICE_INIT("unique_checks"),
    SLICE_INIT("sql_safe_updates"),
    SLICE_INIT("sql_select_limit"),
    SLICE_INIT("sql_big_selects"),
    SLICE_INIT("max_join_size"),
    SLICE_INIT("sql_notes"),
    SLICE_INIT("sql_warnings"),
    SLICE_INIT("wait_timeout"),
};

static bool is_of_running(struct slice name)
{
    static const struct slice ending = SLICE_INIT("_timeout");
    if (name.len > ending.len && slice_equal(slice_from(name, name.len - ending.len), ending)) {
        return true;
    }
    for (size_t i = 0; i < sizeof(of_running) / sizeof(of_running[0]); i++) {
        if (slice_equal(name, of_running[i])) {
            return true;
        }
    }
    return name.len > 0 && name.ptr[0] == '@'; // a user variable
}

static void part_add(struct buffer *out, struct slice part)
{
    uint32_t len = (uint32_t)part.len;
    buffer_append(out, &len, sizeof(len));
    buffer_append_slice(out, part);
}

static void identity_write(struct buffer *out, uint64_t scope, const struct image *image)
{
    buffer_clear(out);
    buffer_append(out, &scope, sizeof(scope));
    part_add(out, image->schema);
    for (size_t i = 0; i < image->count; i++) {
        const struct image_variable *variable = &image->variables[i];
        if (!is_of_running(variable->name)) {
            uint8_t null = variable->is_null;
            part_add(out, variable->name);
            buffer_append(out, &null, 1);
            part_add(out, variable->value);
        }
    }
}

bool prepared_text_fits(const struct prepared_text *text, const struct image *image)
{
    uint64_t scope;
    if (image == text->image) {
        return true;
    }
    if (image == NULL) {
        return false;
    }
    memcpy(&scope, text->identity.ptr, sizeof(scope));
    identity_write(&text->table->identity, scope, image);
    return slice_equal(buffer_slice(&text->table->identity), text->identity);
}

struct image *prepared_text_meant(const struct prepared_text *text, const struct image *image)
{
    struct image *meant = image_ref(text->image);
    for (size_t i = 0; i < text->image->count; i++) {
        const struct image_variable *variable = &text->image->variables[i];
        if (is_of_running(variable->name) && image_variable(image, variable->name) == NULL) {
            image_unset_variable(&meant, variable->name);
        }
    }
    for (size_t i = 0; i < image->count; i++) {
        const struct image_variable *variable = &image->variables[i];
        if (is_of_running(variable->name)) {
            image_set_variable(&meant, variable->name, variable->value, variable->is_null);
        }
    }
    if (meant->schema.len == 0) { // any will do: the text names them all
        image_set_schema(&meant, image->schema);
    }
    return meant;
}

// --- the table -----------------------------------------------------------------------------------

void prepared_table_init(struct prepared_table *table, void (*reading_free)(void *reading))
{
    *table = (struct prepared_table){MAP_INIT, BUFFER_INIT, reading_free};
}

void prepared_table_release(struct prepared_table *table)
{
    assert(table->texts.count == 0);
    map_release(&table->texts);
    buffer_release(&table->identity);
}

static struct slice hash_key(const uint64_t *hash)
{
    return slice_make(hash, sizeof(*hash));
}

// One block: the struct, its identity, the text.
static struct prepared_text *text_create(struct prepared_table *table, struct image *image,
                                         struct slice identity, struct slice bytes)
{
    struct prepared_text *text = mem_alloc(sizeof(*text) + identity.len + bytes.len);
    char *at = (char *)(text + 1);
    *text = (struct prepared_text){.table = table, .image = image_ref(image)};
    text->identity = slice_keep(&at, identity);
    text->text = slice_keep(&at, bytes);
    return text;
}

struct prepared_text *prepared_text_take(struct prepared_table *table, uint64_t scope,
                                         struct image *image, struct slice bytes)
{
    identity_write(&table->identity, scope, image);
    struct slice identity = buffer_slice(&table->identity);
    uint64_t hash = slice_hash(identity) * 31 + slice_hash(bytes);
    struct prepared_text *first = map_get(&table->texts, hash_key(&hash));
    for (struct prepared_text *text = first; text != NULL; text = text->next) {
        if (slice_equal(text->text, bytes) && slice_equal(text->identity, identity)) {
            return prepared_text_ref(text);
        }
    }
    struct prepared_text *text = text_create(table, image, identity, bytes);
    text->hash = hash;
    text->next = first;
    map_put(&table->texts, hash_key(&hash), text);
    return prepared_text_ref(text);
}

struct prepared_text *prepared_text_ref(struct prepared_text *text)
{
    text->refs++;
    return text;
}

static void text_take_out(struct prepared_text *gone)
{
    struct prepared_table *table = gone->table;
    struct prepared_text *first = map_remove(&table->texts, hash_key(&gone->hash));
    struct prepared_text **place = &first;
    while (*place != gone) {
        place = &(*place)->next;
    }
    *place = gone->next;
    if (first != NULL) {
        map_put(&table->texts, hash_key(&gone->hash), first);
    }
}

void prepared_text_unref(struct prepared_text **text)
{
    struct prepared_text *gone = *text;
    *text = NULL;
    if (gone == NULL || --gone->refs > 0) {
        return;
    }
    assert(gone->types == NULL && gone->open == 0);
    text_take_out(gone);
    if (gone->reading != NULL && gone->table->reading_free != NULL) {
        gone->table->reading_free(gone->reading);
    }
    image_unref(&gone->image);
    buffer_release(&gone->answer.bytes);
    mem_free(gone);
}

// --- types of parameters -------------------------------------------------------------------------

struct prepared_types *prepared_types_take(struct prepared_text *text, struct slice bytes)
{
    for (struct prepared_types *types = text->types; types != NULL; types = types->next) {
        if (slice_equal(slice_make(types->bytes, types->len), bytes)) {
            types->refs++;
            return types;
        }
    }
    struct prepared_types *types = mem_alloc(sizeof(*types) + bytes.len);
    *types = (struct prepared_types){.next = text->types, .refs = 1, .len = bytes.len};
    memcpy(types->bytes, bytes.ptr, bytes.len);
    text->types = types;
    return types;
}

static void types_unref(struct prepared_text *text, struct prepared_types *gone)
{
    if (gone == NULL || --gone->refs > 0) {
        return;
    }
    struct prepared_types **place = &text->types;
    while (*place != gone) {
        place = &(*place)->next;
    }
    *place = gone->next;
    mem_free(gone);
}

void prepared_types_set(struct prepared_text *text, struct prepared_types **place,
                        struct prepared_types *types)
{
    struct prepared_types *before = *place;
    if (types == before) {
        return;
    }
    if (types != NULL) {
        types->refs++;
    }
    *place = types;
    types_unref(text, before);
}
