#include "router/statement/statement_cache.h"

#include "router/sql/mask.h"

#include "proxy/base/list.h"
#include "proxy/base/map.h"
#include "proxy/base/memory.h"

#include <assert.h>
#include <string.h>

enum { SCHEMA_MAX = 256, KEY_MAX = 1 + SCHEMA_MAX + 1 + STATEMENT_CACHE_TEXT_MAX };

struct statement_cache {
    struct map entries; // by key
    struct list by_use; // used last first
    uint64_t version;   // times that it was cleared
};

struct statement_entry {
    struct statement_cache *cache; // NULL: out of the table
    struct list link;              // in cache->by_use
    unsigned refs;                 // the table's is one
    struct slice key;
    struct slice text; // what was read; slices of the statement point into it
    struct statement statement;
    struct statement_table tables[];
};

// --- keys ----------------------------------------------------------------------------------------

struct key {
    size_t len; // 0: the text has none
    bool has_literals;
    char bytes[KEY_MAX];
};

static char syntax_byte(const struct sql_syntax *syntax)
{
    return (char)(syntax->ansi_quotes | syntax->no_backslash_escapes << 1 |
                  syntax->ignore_space << 2 | (int)syntax->charset << 3);
}

// How it is read, the schema, and the masked text. No schema's name has a NUL byte.
static void key_write(struct key *key, struct slice sql, const struct statement_context *context)
{
    struct slice schema = context->schema;
    key->len = 0;
    if (sql.len == 0 || sql.len > STATEMENT_CACHE_TEXT_MAX || schema.len > SCHEMA_MAX) {
        return;
    }
    char *out = key->bytes;
    *out++ = syntax_byte(&context->syntax);
    if (schema.len > 0) {
        memcpy(out, schema.ptr, schema.len);
        out += schema.len;
    }
    *out++ = '\0';
    struct sql_mask masked = sql_mask_write(sql, &context->syntax, out);
    key->len = masked.len > 0 ? (size_t)(out - key->bytes) + masked.len : 0;
    key->has_literals = masked.has_literals;
}

static struct slice key_slice(const struct key *key)
{
    return slice_make(key->bytes, key->len);
}

// --- entries -------------------------------------------------------------------------------------

void statement_entry_unref(struct statement_entry **entry)
{
    struct statement_entry *gone = *entry;
    *entry = NULL;
    if (gone != NULL && --gone->refs == 0) {
        mem_free(gone);
    }
}

static void entry_drop(struct statement_entry *entry)
{
    map_remove(&entry->cache->entries, entry->key);
    list_remove(&entry->link);
    entry->cache = NULL;
    statement_entry_unref(&entry);
}

static bool is_data_statement(enum statement_kind kind)
{
    return kind == STATEMENT_SELECT || kind == STATEMENT_INSERT || kind == STATEMENT_REPLACE ||
           kind == STATEMENT_UPDATE || kind == STATEMENT_DELETE;
}

// Whether other literals would make no other statement of it.
static bool is_same_for_all(const struct statement *statement)
{
    return statement->count == 1 && is_data_statement(statement->kind) && statement->effects == 0 &&
           statement->asks == 0;
}

static bool stands_in(struct slice text, struct slice part)
{
    return part.len == 0 || (part.ptr >= text.ptr && part.ptr + part.len <= text.ptr + text.len);
}

// Whether all that it points to is its text, its tables, and those of the programs that it runs. (A
// text with hints cannot be masked.)
static bool is_self_contained(const struct statement *statement, struct slice text)
{
    bool is_contained =
        statement->assignments_count == 0 && statement->accounts_count == 0 &&
        statement->subjects_count == 0 && stands_in(text, statement->detail) &&
        stands_in(text, statement->schema) && stands_in(text, statement->name) &&
        stands_in(text, statement->prepared) && stands_in(text, statement->kill.user) &&
        stands_in(text, statement->kill.host) && stands_in(text, statement->kill.expression);
    for (uint32_t i = 0; i < statement->tables_count && is_contained; i++) {
        is_contained = stands_in(text, statement->tables[i].schema) &&
                       stands_in(text, statement->tables[i].name);
    }
    return is_contained;
}

static struct slice part_moved(struct slice part, struct slice from, struct slice to)
{
    return part.len == 0 ? SLICE_NONE : slice_make(to.ptr + (part.ptr - from.ptr), part.len);
}

// Bytes of the names that stand in no text.
static size_t program_names_size(const struct statement *statement)
{
    size_t size = 0;
    for (uint32_t i = 0; i < statement->program_tables_count; i++) {
        size += statement->program_tables[i].schema.len + statement->program_tables[i].name.len;
    }
    return size;
}

static struct slice bytes_put(char **to, struct slice bytes)
{
    struct slice put = slice_make(*to, bytes.len);
    if (bytes.len > 0) {
        memcpy(*to, bytes.ptr, bytes.len);
    }
    *to += bytes.len;
    return put;
}

// Behind the statement's own.
static void program_tables_put(struct statement_entry *entry, const struct statement *statement,
                               char **to)
{
    struct statement_table *tables = entry->tables + statement->tables_count;
    for (uint32_t i = 0; i < statement->program_tables_count; i++) {
        tables[i] = statement->program_tables[i];
        tables[i].schema = bytes_put(to, tables[i].schema);
        tables[i].name = bytes_put(to, tables[i].name);
    }
    entry->statement.program_tables = tables;
}

// One block: the struct, the tables, the key, the text, the names of the programs' tables.
static struct statement_entry *entry_create(const struct statement *statement, struct slice sql,
                                            struct slice key)
{
    size_t count = statement->tables_count + statement->program_tables_count;
    size_t tables = count * sizeof(struct statement_table);
    struct statement_entry *entry =
        mem_alloc(sizeof(*entry) + tables + key.len + sql.len + program_names_size(statement));
    char *bytes = (char *)entry->tables + tables;
    entry->key = bytes_put(&bytes, key);
    entry->text = bytes_put(&bytes, sql);
    entry->refs = 1;

    struct statement *kept = &entry->statement;
    *kept = *statement;
    kept->detail = part_moved(statement->detail, sql, entry->text);
    kept->schema = part_moved(statement->schema, sql, entry->text);
    kept->name = part_moved(statement->name, sql, entry->text);
    kept->prepared = part_moved(statement->prepared, sql, entry->text);
    kept->kill.user = part_moved(statement->kill.user, sql, entry->text);
    kept->kill.host = part_moved(statement->kill.host, sql, entry->text);
    kept->kill.expression = part_moved(statement->kill.expression, sql, entry->text);
    kept->tables = entry->tables;
    for (uint32_t i = 0; i < statement->tables_count; i++) {
        entry->tables[i] = statement->tables[i];
        entry->tables[i].schema = part_moved(statement->tables[i].schema, sql, entry->text);
        entry->tables[i].name = part_moved(statement->tables[i].name, sql, entry->text);
    }
    program_tables_put(entry, statement, &bytes);
    return entry;
}

static void entry_add(struct statement_cache *cache, struct statement_entry *entry)
{
    if (cache->entries.count == STATEMENT_CACHE_MAX) {
        entry_drop(container_of(cache->by_use.prev, struct statement_entry, link));
    }
    entry->cache = cache;
    list_init(&entry->link);
    list_push_front(&cache->by_use, &entry->link);
    map_put(&cache->entries, entry->key, entry);
}

// --- public --------------------------------------------------------------------------------------

struct statement_cache *statement_cache_create(void)
{
    struct statement_cache *cache = mem_zero(1, sizeof(*cache));
    cache->entries = MAP_INIT;
    list_init(&cache->by_use);
    return cache;
}

void statement_cache_destroy(struct statement_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    statement_cache_clear(cache);
    map_release(&cache->entries);
    mem_free(cache);
}

uint64_t statement_cache_version(const struct statement_cache *cache)
{
    return cache->version;
}

void statement_cache_clear(struct statement_cache *cache)
{
    cache->version++;
    while (!list_is_empty(&cache->by_use)) {
        entry_drop(container_of(cache->by_use.next, struct statement_entry, link));
    }
}

static struct statement_entry *entry_find(struct statement_cache *cache, const struct key *key)
{
    struct statement_entry *entry = map_get(&cache->entries, key_slice(key));
    if (entry != NULL && cache->by_use.next != &entry->link) {
        list_remove(&entry->link);
        list_push_front(&cache->by_use, &entry->link);
    }
    return entry;
}

struct statement_entry *statement_cache_read(struct statement_cache *cache, struct statement *out,
                                             struct arena *arena, struct slice sql,
                                             const struct statement_context *context)
{
    struct key key;
    key_write(&key, sql, context);
    if (key.len == 0) {
        statement_parse(out, arena, sql, context);
        return NULL;
    }
    struct statement_entry *entry = entry_find(cache, &key);
    if (entry == NULL) {
        statement_parse(out, arena, sql, context);
        if ((!key.has_literals || is_same_for_all(out)) && is_self_contained(out, sql)) {
            entry_add(cache, entry_create(out, sql, key_slice(&key)));
        }
        return NULL;
    }
    *out = entry->statement;
    entry->refs++;
    return entry;
}
