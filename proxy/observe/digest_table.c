#include "proxy/observe/digest_table.h"

#include "proxy/base/list.h"
#include "proxy/base/memory.h"
#include "proxy/observe/sparse_histogram.h"

#include <assert.h>

// --- texts ---------------------------------------------------------------------------------------

struct digest_text *digest_text_create(uint64_t digest, struct slice bytes)
{
    struct slice kept = slice_first(bytes, DIGEST_TEXT_MAX);
    struct digest_text *text = mem_alloc(sizeof(*text) + kept.len);
    text->digest = digest;
    text->refs = 1;
    text->len = (uint32_t)kept.len;
    if (kept.len > 0) {
        memcpy(text->bytes, kept.ptr, kept.len);
    }
    return text;
}

struct digest_text *digest_text_ref(struct digest_text *text)
{
    text->refs++;
    return text;
}

void digest_text_unref(struct digest_text **text)
{
    if (*text != NULL && --(*text)->refs == 0) {
        mem_free(*text);
    }
    *text = NULL;
}

// --- entries -------------------------------------------------------------------------------------

enum {
    SHAPES_MOST = 3, // of an entry: with more, the one that was met first gives its place
    HEADS_LEAST = 64,
};

// What an entry is found by: each stands in the chain that its key says.
struct node {
    struct node *next;
    struct digest_entry *entry;
    uint64_t key;
};

struct digest_entry {
    struct node by_digest;
    struct node by_shape[SHAPES_MOST];
    uint8_t shape_count; // of by_shape[] in use
    uint8_t shape_next;  // the one to use next
    uint8_t target;
    uint32_t schema_len;
    uint32_t user_len;
    struct list link; // in table->entries
    struct digest_text *text;
    uint64_t errors;
    uint64_t rows;
    int64_t first_us;
    int64_t last_us;
    struct sparse_histogram times;
    char names[]; // schema, user
};

struct digest_table {
    struct list entries; // used last first
    size_t count;
    size_t bytes;
    size_t bytes_most;
    struct node **heads; // chains; a power of two of them
    size_t head_count;
    size_t node_count;
};

static struct digest_scope scope_of(const struct digest_entry *entry)
{
    return (struct digest_scope){
        .schema = slice_make(entry->names, entry->schema_len),
        .user = slice_make(entry->names + entry->schema_len, entry->user_len),
        .target = (enum metric_target)entry->target,
    };
}

static bool is_of(const struct digest_entry *entry, const struct digest_scope *scope)
{
    struct digest_scope own = scope_of(entry);
    return own.target == scope->target && slice_equal(own.schema, scope->schema) &&
           slice_equal(own.user, scope->user);
}

static size_t entry_bytes(const struct digest_entry *entry)
{
    return sizeof(*entry) + entry->schema_len + entry->user_len + sizeof(*entry->text) +
           entry->text->len + sparse_histogram_bytes(&entry->times);
}

// --- chains --------------------------------------------------------------------------------------

static uint64_t key_make(uint64_t what, const struct digest_scope *scope)
{
    const uint64_t odd = 0x9e3779b97f4a7c15u;
    uint64_t key = (what ^ slice_hash(scope->schema)) * odd;
    key = (key << 32 | key >> 32) ^ slice_hash(scope->user) ^ (uint64_t)scope->target;
    return key * odd;
}

static struct node **head_of(const struct digest_table *table, uint64_t key)
{
    return &table->heads[(key >> 32) & (table->head_count - 1)];
}

static struct digest_entry *entry_find(const struct digest_table *table, uint64_t key,
                                       const struct digest_scope *scope)
{
    for (struct node *node = *head_of(table, key); node != NULL; node = node->next) {
        if (node->key == key && is_of(node->entry, scope)) {
            return node->entry;
        }
    }
    return NULL;
}

static void node_link(struct digest_table *table, struct node *node)
{
    struct node **head = head_of(table, node->key);
    node->next = *head;
    *head = node;
}

static void heads_grow(struct digest_table *table)
{
    struct node **before = table->heads;
    size_t count = table->head_count;
    table->head_count = count > 0 ? count * 2 : HEADS_LEAST;
    table->heads = mem_zero(table->head_count, sizeof(*table->heads));
    for (size_t i = 0; i < count; i++) {
        for (struct node *node = before[i], *next; node != NULL; node = next) {
            next = node->next;
            node_link(table, node);
        }
    }
    mem_free(before);
}

static void node_add(struct digest_table *table, struct node *node, struct digest_entry *entry,
                     uint64_t key)
{
    if (table->node_count == table->head_count) {
        heads_grow(table);
    }
    node->entry = entry;
    node->key = key;
    node_link(table, node);
    table->node_count++;
}

static void node_remove(struct digest_table *table, struct node *node)
{
    struct node **at = head_of(table, node->key);
    while (*at != node) {
        at = &(*at)->next;
    }
    *at = node->next;
    table->node_count--;
}

// --- life ----------------------------------------------------------------------------------------

struct digest_table *digest_table_create(size_t bytes_most)
{
    struct digest_table *table = mem_zero(1, sizeof(*table));
    table->bytes_most = bytes_most;
    list_init(&table->entries);
    heads_grow(table);
    return table;
}

static struct digest_entry *entry_create(struct digest_table *table, uint64_t key,
                                         const struct digest_scope *scope, struct digest_text *text)
{
    struct slice schema = scope->schema, user = scope->user;
    struct digest_entry *entry = mem_zero(1, sizeof(*entry) + schema.len + user.len);
    entry->text = digest_text_ref(text);
    entry->target = (uint8_t)scope->target;
    entry->schema_len = (uint32_t)schema.len;
    entry->user_len = (uint32_t)user.len;
    memcpy(entry->names, schema.ptr != NULL ? schema.ptr : "", schema.len);
    memcpy(entry->names + schema.len, user.ptr != NULL ? user.ptr : "", user.len);
    list_push_front(&table->entries, &entry->link);
    node_add(table, &entry->by_digest, entry, key);
    table->count++;
    table->bytes += entry_bytes(entry);
    return entry;
}

static void entry_destroy(struct digest_table *table, struct digest_entry *entry)
{
    table->bytes -= entry_bytes(entry);
    table->count--;
    node_remove(table, &entry->by_digest);
    for (unsigned i = 0; i < entry->shape_count; i++) {
        node_remove(table, &entry->by_shape[i]);
    }
    list_remove(&entry->link);
    sparse_histogram_release(&entry->times);
    digest_text_unref(&entry->text);
    mem_free(entry);
}

static struct digest_entry *entry_oldest(const struct digest_table *table)
{
    return container_of(table->entries.prev, struct digest_entry, link);
}

// Forgets what was not used for longest; the newest entry stays whatever it takes.
static void table_shrink(struct digest_table *table)
{
    while (table->bytes > table->bytes_most && table->count > 1) {
        entry_destroy(table, entry_oldest(table));
    }
}

void digest_table_destroy(struct digest_table *table)
{
    if (table == NULL) {
        return;
    }
    while (table->count > 0) {
        entry_destroy(table, entry_oldest(table));
    }
    mem_free(table->heads);
    mem_free(table);
}

// --- finding -------------------------------------------------------------------------------------

struct digest_entry *digest_table_find(struct digest_table *table, uint64_t shape,
                                       const struct digest_scope *scope)
{
    return entry_find(table, key_make(shape, scope), scope);
}

static void shape_note(struct digest_table *table, struct digest_entry *entry, uint64_t key)
{
    struct node *node = &entry->by_shape[entry->shape_next];
    if (entry->shape_count == SHAPES_MOST) {
        node_remove(table, node);
    } else {
        entry->shape_count++;
    }
    node_add(table, node, entry, key);
    entry->shape_next = (uint8_t)((entry->shape_next + 1) % SHAPES_MOST);
}

struct digest_entry *digest_table_add(struct digest_table *table, uint64_t shape,
                                      const struct digest_scope *scope, struct digest_text *text)
{
    uint64_t key = key_make(text->digest, scope);
    struct digest_entry *entry = entry_find(table, key, scope);
    if (entry == NULL) {
        entry = entry_create(table, key, scope, text);
        table_shrink(table);
    }
    if (shape != 0) {
        shape_note(table, entry, key_make(shape, scope));
    }
    return entry;
}

// --- counting ------------------------------------------------------------------------------------

static void entry_use(struct digest_table *table, struct digest_entry *entry)
{
    if (table->entries.next != &entry->link) {
        list_remove(&entry->link);
        list_push_front(&table->entries, &entry->link);
    }
}

void digest_table_record(struct digest_table *table, struct digest_entry *entry,
                         const struct digest_sample *sample)
{
    uint8_t octaves = entry->times.octave_count;
    entry_use(table, entry);
    if (entry->times.count == 0) {
        entry->first_us = sample->at_us;
    }
    entry->last_us = sample->at_us;
    entry->rows += sample->rows;
    entry->errors += sample->is_error;
    sparse_histogram_record(&entry->times, sample->took_us);
    if (entry->times.octave_count != octaves) {
        table->bytes += sizeof(*entry->times.octaves);
        table_shrink(table);
    }
}

void digest_entry_add_rows(struct digest_entry *entry, uint64_t rows)
{
    entry->rows += rows;
}

struct digest_text *digest_entry_text(const struct digest_entry *entry)
{
    return entry->text;
}

// --- reading -------------------------------------------------------------------------------------

// Texts are not shared between tables: each may belong to another thread.
static struct digest_entry *entry_of(struct digest_table *table, const struct digest_entry *like)
{
    struct digest_scope scope = scope_of(like);
    uint64_t key = key_make(like->text->digest, &scope);
    struct digest_entry *entry = entry_find(table, key, &scope);
    if (entry == NULL) {
        struct digest_text *text =
            digest_text_create(like->text->digest, slice_make(like->text->bytes, like->text->len));
        entry = entry_create(table, key, &scope, text);
        entry->first_us = like->first_us;
        entry->last_us = like->last_us;
        digest_text_unref(&text);
    }
    return entry;
}

static void entry_merge(struct digest_table *table, const struct digest_entry *from)
{
    struct digest_entry *into = entry_of(table, from);
    entry_use(table, into);
    table->bytes -= sparse_histogram_bytes(&into->times);
    sparse_histogram_merge(&into->times, &from->times);
    table->bytes += sparse_histogram_bytes(&into->times);
    into->errors += from->errors;
    into->rows += from->rows;
    into->first_us = from->first_us < into->first_us ? from->first_us : into->first_us;
    into->last_us = from->last_us > into->last_us ? from->last_us : into->last_us;
}

void digest_table_merge(struct digest_table *into, const struct digest_table *from)
{
    for (struct list *link = from->entries.prev; link != &from->entries; link = link->prev) {
        entry_merge(into, container_of(link, struct digest_entry, link));
    }
    table_shrink(into);
}

static struct digest_facts facts_of(const struct digest_entry *entry)
{
    struct histogram times = {0};
    sparse_histogram_add_to(&times, &entry->times);
    return (struct digest_facts){
        .digest = entry->text->digest,
        .text = slice_make(entry->text->bytes, entry->text->len),
        .scope = scope_of(entry),
        .count = times.count,
        .errors = entry->errors,
        .rows = entry->rows,
        .total_us = times.sum,
        .p50_us = histogram_quantile(&times, 0.5),
        .p95_us = histogram_quantile(&times, 0.95),
        .p99_us = histogram_quantile(&times, 0.99),
        .first_us = entry->first_us,
        .last_us = entry->last_us,
    };
}

void digest_table_each(const struct digest_table *table,
                       void (*show)(const struct digest_facts *facts, void *context), void *context)
{
    list_each (link, &table->entries) {
        struct digest_facts facts = facts_of(container_of(link, struct digest_entry, link));
        show(&facts, context);
    }
}

size_t digest_table_count(const struct digest_table *table)
{
    return table->count;
}

size_t digest_table_bytes(const struct digest_table *table)
{
    return table->bytes;
}
