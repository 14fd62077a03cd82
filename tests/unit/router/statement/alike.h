// Another text that is equal once masked, and whether two statements say the same.
#pragma once

#include "router/sql/mask.h"
#include "router/statement/statement.h"

#include <stdlib.h>
#include <string.h>

// `sql` with other literals, on the heap; ptr NULL where it cannot be masked.
static inline struct slice alike_text(struct slice sql, const struct sql_syntax *syntax)
{
    static const char number[] = "90817.25";
    static const char string[] = "'it is -- another one /* ! */ (`;'";
    char *marks = malloc(sql.len > 0 ? sql.len : 1);
    struct sql_mask masked = sql_mask_write(sql, syntax, marks);
    if (masked.len == 0) {
        free(marks);
        return SLICE_NONE;
    }
    char *text = malloc(masked.len * sizeof(string));
    size_t len = 0;
    bool is_name = false;
    for (size_t i = 0; i < masked.len; i++) {
        is_name ^= marks[i] == '`';
        bool is_number = marks[i] == 1 && !is_name;
        bool is_string = marks[i] == 2 && !is_name;
        const char *part = is_number ? number : is_string ? string : &marks[i];
        size_t part_len = is_number ? sizeof(number) - 1 : is_string ? sizeof(string) - 1 : 1;
        memcpy(text + len, part, part_len);
        len += part_len;
    }
    free(marks);
    return slice_make(text, len);
}

static inline bool alike_tables(const struct statement *a, const struct statement *b)
{
    bool are_same =
        a->tables_count == b->tables_count && a->are_tables_complete == b->are_tables_complete;
    for (uint32_t i = 0; i < a->tables_count && are_same; i++) {
        are_same = slice_equal(a->tables[i].schema, b->tables[i].schema) &&
                   slice_equal(a->tables[i].name, b->tables[i].name) &&
                   a->tables[i].is_written == b->tables[i].is_written &&
                   a->tables[i].is_temporary == b->tables[i].is_temporary;
    }
    return are_same;
}

static inline bool alike_session(const struct statement *a, const struct statement *b)
{
    return a->assignments_count == b->assignments_count && a->accounts_count == b->accounts_count &&
           a->access == b->access && a->with_snapshot == b->with_snapshot &&
           a->kill.form == b->kill.form && a->kill.id == b->kill.id &&
           a->kill.is_query == b->kill.is_query && slice_equal(a->schema, b->schema) &&
           slice_equal(a->name, b->name) && slice_equal(a->prepared, b->prepared);
}

static inline bool alike_statements(const struct statement *a, const struct statement *b)
{
    return a->kind == b->kind && a->class == b->class && a->reason == b->reason &&
           slice_equal(a->detail, b->detail) && a->count == b->count && a->effects == b->effects &&
           a->asks == b->asks && a->uncacheable == b->uncacheable && a->shape == b->shape &&
           a->is_explained == b->is_explained && a->inner == b->inner &&
           a->has_returning == b->has_returning &&
           a->has_optimizer_hints == b->has_optimizer_hints &&
           a->has_parameters == b->has_parameters &&
           a->has_limit_or_order == b->has_limit_or_order && alike_tables(a, b) &&
           alike_session(a, b);
}
