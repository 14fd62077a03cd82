#include "proxy/backend/statements.h"

#include "protocol/packet/stmt_close.h"
#include "proxy/base/memory.h"

#include <assert.h>

enum {
    CAP_LEAST = 8,
    BUDGET_MENDS = 16, // so many statements closed raise a budget that once shrank by one
};

// --- life ----------------------------------------------------------------------------------------

void statement_budget_init(struct statement_budget *budget, uint32_t most)
{
    *budget = (struct statement_budget){.most = most, .limit = most};
    list_init(&budget->tables);
}

void statements_init(struct statements *statements, struct statement_budget *budget)
{
    *statements = (struct statements){.budget = budget, .is_last_harmless = true};
    list_init(&statements->by_use);
    list_init(&statements->in_budget);
    if (budget != NULL) {
        list_push_back(&budget->tables, &statements->in_budget);
    }
}

static void statement_free(struct statements *statements, struct server_statement *statement)
{
    list_remove(&statement->link);
    prepared_types_set(statement->text, &statement->types, NULL);
    prepared_text_unref(&statement->text);
    mem_free(statement->kinds);
    mem_free(statement);
    if (statements->budget != NULL) {
        statements->budget->open--;
    }
}

void statements_forget_all(struct statements *statements)
{
    list_each_safe (link, &statements->by_use) {
        statement_free(statements, list_entry(link, struct server_statement, link));
    }
    mem_free(statements->slots);
    buffer_release(&statements->closing);
    statements->slots = NULL;
    statements->cap = 0;
    statements->count = 0;
    statements->is_last_harmless = true;
}

void statements_release(struct statements *statements)
{
    statements_forget_all(statements);
    list_remove(&statements->in_budget);
}

// --- slots: linear probing; a text's hash says where to begin ------------------------------------

static size_t slot_of(const struct statements *statements, const struct prepared_text *text)
{
    size_t mask = statements->cap - 1;
    size_t at = (size_t)text->hash & mask;
    while (statements->slots[at] != NULL && statements->slots[at]->text != text) {
        at = (at + 1) & mask;
    }
    return at;
}

static void slots_grow(struct statements *statements)
{
    mem_free(statements->slots);
    statements->cap = statements->cap > 0 ? statements->cap * 2 : CAP_LEAST;
    statements->slots = mem_zero(statements->cap, sizeof(struct server_statement *));
    list_each (link, &statements->by_use) {
        struct server_statement *statement = list_entry(link, struct server_statement, link);
        statements->slots[slot_of(statements, statement->text)] = statement;
    }
}

// Those behind the empty slot that would be looked for in front of it move up.
static void slot_clear(struct statements *statements, size_t at)
{
    size_t mask = statements->cap - 1;
    statements->slots[at] = NULL;
    for (size_t next = (at + 1) & mask; statements->slots[next] != NULL; next = (next + 1) & mask) {
        struct server_statement *moved = statements->slots[next];
        statements->slots[next] = NULL;
        statements->slots[slot_of(statements, moved->text)] = moved;
    }
}

// --- reading -------------------------------------------------------------------------------------

struct server_statement *statements_find(struct statements *statements,
                                         const struct prepared_text *text)
{
    if (statements->count == 0) {
        return NULL;
    }
    struct server_statement *found = statements->slots[slot_of(statements, text)];
    if (found != NULL && statements->by_use.next != &found->link) {
        list_remove(&found->link);
        list_push_front(&statements->by_use, &found->link);
    }
    return found;
}

// --- changing ------------------------------------------------------------------------------------

void statements_close_id(struct statements *statements, uint32_t id)
{
    struct writer writer = writer_make(&statements->closing, 0);
    struct stmt_close packet = {.statement_id = id};
    writer_packet_begin(&writer);
    stmt_close_encode(&packet, &writer);
    bool is_whole = writer_packet_end(&writer);
    assert(is_whole);
    (void)is_whole;
}

void statements_forget(struct statements *statements, const struct prepared_text *text)
{
    if (statements->count == 0) {
        return;
    }
    size_t at = slot_of(statements, text);
    struct server_statement *gone = statements->slots[at];
    if (gone != NULL) {
        slot_clear(statements, at);
        statements->count--;
        statement_free(statements, gone);
    }
}

void statements_close(struct statements *statements, const struct prepared_text *text)
{
    struct server_statement *gone = statements_find(statements, text);
    if (gone != NULL) {
        statements_close_id(statements, gone->id);
        statements_forget(statements, text);
    }
}

static void oldest_close(struct statements *statements)
{
    statements_close(statements,
                     list_entry(statements->by_use.prev, struct server_statement, link)->text);
}

static void unused_close(struct statements *statements)
{
    size_t unused = 0;
    list_each_safe (link, &statements->by_use) {
        struct server_statement *statement = list_entry(link, struct server_statement, link);
        if (statement->text->open == 0 && ++unused > STATEMENTS_UNUSED_MOST) {
            statements_close_id(statements, statement->id);
            statements_forget(statements, statement->text);
        }
    }
}

static void budget_mend(struct statement_budget *budget)
{
    if (++budget->closed % BUDGET_MENDS == 0 && budget->most < budget->limit) {
        budget->most++;
    }
}

static bool is_over_budget(const struct statements *statements)
{
    return statements->budget != NULL && statements->budget->open > statements->budget->most;
}

struct server_statement *statements_add(struct statements *statements, struct prepared_text *text,
                                        uint32_t id)
{
    struct server_statement *statement = mem_zero(1, sizeof(*statement));
    statement->text = prepared_text_ref(text);
    statement->id = id;
    list_init(&statement->link);
    if ((statements->count + 1) * 2 > statements->cap) {
        slots_grow(statements);
    }
    size_t at = slot_of(statements, text);
    assert(statements->slots[at] == NULL);
    statements->slots[at] = statement;
    statements->count++;
    list_push_front(&statements->by_use, &statement->link);
    statements->is_last_harmless = text->is_harmless;
    if (statements->budget != NULL) {
        statements->budget->open++;
    }
    while (is_over_budget(statements) && statements->count > 1) {
        oldest_close(statements);
        budget_mend(statements->budget);
    }
    unused_close(statements);
    return statement;
}

// What was used last may be running, but for the asker's own. False where there was nothing.
static bool half_close(struct statements *statements, bool is_asker)
{
    size_t half = statements->count / 2, least = is_asker ? 0 : 1;
    size_t left = half > least ? half : least;
    if (statements->count <= left) {
        return false;
    }
    while (statements->count > left) {
        oldest_close(statements);
    }
    return true;
}

bool statements_shrink(struct statements *asker, void (*tell)(struct statements *statements))
{
    struct statement_budget *budget = asker->budget;
    bool has_closed = false;
    if (budget->open / 2 < budget->most) {
        budget->most = budget->open / 2;
    }
    list_each (link, &budget->tables) {
        struct statements *statements = list_entry(link, struct statements, in_budget);
        if (half_close(statements, statements == asker)) {
            has_closed = true;
            tell(statements);
        }
    }
    return has_closed;
}
