// What statements can't show: views with their tables, stored functions and what they do, triggers,
// foreign keys. An immutable snapshot, refcounted, shared by threads; the monitor builds it from a
// server's information_schema (builder.h) and publishes it. Finding something takes no lock and no
// heap.
//
// Names compare without case, as Windows and macOS servers do and Linux ones may: where two views
// differ in case only, both are taken for the less safe one.
#pragma once

#include "proxy/base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct catalogue;

// What a stored program does to the session that runs it, in the words of whoever reads SQL:
// router/statement/program.h.
struct program;

struct catalogue_name {
    struct slice schema;
    struct slice name;
};

// What a view or a function does when it is read or called, from the worst on, which is what is
// assumed.
enum catalogue_safety {
    CATALOGUE_UNSAFE,          // something, or nobody knows
    CATALOGUE_SERVER_SPECIFIC, // nothing, but each server has an answer of its own
    CATALOGUE_SAFE,            // nothing: a replica may answer
};

struct catalogue_view {
    struct catalogue_name name;
    enum catalogue_safety safety;        // of all that is in it, at any depth
    bool is_deterministic;               // its result depends on its tables alone: it may be cached
    bool is_complete;                    // `tables` are all there are
    const struct catalogue_name *tables; // base tables, views in it resolved
    size_t tables_count;
};

enum catalogue_routine_kind { CATALOGUE_FUNCTION, CATALOGUE_PROCEDURE };

struct catalogue_routine {
    struct catalogue_name name;
    enum catalogue_routine_kind kind;
    // A function whose body provably reads and nothing else. What a routine declares of itself
    // (READS SQL DATA, DETERMINISTIC) proves nothing: servers don't enforce it.
    bool is_pure;
    bool is_deterministic;         // pure, and depends on its parameters and `tables` alone
    const struct program *program; // NULL: not known
    const struct catalogue_name *tables;
    size_t tables_count;
};

struct catalogue_trigger {
    struct catalogue_name table;
    struct catalogue_name name;
    const struct program *program; // NULL: not known
};

enum catalogue_rule {
    CATALOGUE_RESTRICT, // NO ACTION too
    CATALOGUE_CASCADE,
    CATALOGUE_SET_NULL, // SET DEFAULT too
};

struct catalogue_foreign_key {
    struct catalogue_name parent;
    struct catalogue_name child;
    enum catalogue_rule on_update;
    enum catalogue_rule on_delete;
};

// --- life

const struct catalogue *catalogue_ref(const struct catalogue *catalogue);
// NULL is nothing.
void catalogue_unref(const struct catalogue *catalogue);

// How many changes of what it holds were made, at the least, before it was read.
uint64_t catalogue_changes(const struct catalogue *catalogue);

// --- reading. What is returned lives as long as the catalogue.

// The view, or NULL: a table, or nothing of that name. With an empty schema, where nobody knows the
// current one: the least safe view of that name in any schema.
const struct catalogue_view *catalogue_view_find(const struct catalogue *catalogue,
                                                 struct slice schema, struct slice name);
// The stored function, or NULL.
const struct catalogue_routine *catalogue_function_find(const struct catalogue *catalogue,
                                                        struct slice schema, struct slice name);
// The stored procedure, or NULL.
const struct catalogue_routine *catalogue_procedure_find(const struct catalogue *catalogue,
                                                         struct slice schema, struct slice name);
// Whether any stored or loadable function has this name, in whichever schema; true too where the
// server did not let us look. Asked for built-in functions that only some servers have.
bool catalogue_has_function_named(const struct catalogue *catalogue, struct slice name);

// The table's triggers, or the keys that refer to it as their parent: `*count` of them, NULL where
// there are none.
const struct catalogue_trigger *catalogue_triggers(const struct catalogue *catalogue,
                                                   struct slice schema, struct slice table,
                                                   size_t *count);
const struct catalogue_foreign_key *catalogue_children(const struct catalogue *catalogue,
                                                       struct slice schema, struct slice table,
                                                       size_t *count);

// The servers' tables that name connections by their ids.
enum catalogue_id_table {
    CATALOGUE_PROCESSLIST, // of information_schema
    CATALOGUE_PROCESSLIST_OF_PERFORMANCE,
    CATALOGUE_INNODB_TRX,
    CATALOGUE_ID_TABLE_COUNT
};
// Which one it is, or CATALOGUE_ID_TABLE_COUNT: none.
enum catalogue_id_table catalogue_id_table(struct slice schema, struct slice name);
struct catalogue_name catalogue_id_table_name(enum catalogue_id_table table);
// Its columns in the server's order: every version has more of them. `*count` 0: they are not
// known.
const struct slice *catalogue_id_columns(const struct catalogue *catalogue,
                                         enum catalogue_id_table table, size_t *count);

struct catalogue_counts {
    size_t views;
    size_t unsafe_views;
    size_t routines;
    size_t pure_functions;
    size_t loadable_functions;
    size_t triggers;
    size_t known_programs; // routines and triggers
    size_t foreign_keys;
};
struct catalogue_counts catalogue_counts(const struct catalogue *catalogue);
