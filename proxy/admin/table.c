#include "proxy/admin/table.h"

#include "protocol/packet/column.h"
#include "protocol/packet/eof.h"
#include "protocol/packet/ok.h"
#include "protocol/packet/result_writer.h"
#include "proxy/base/memory.h"

#include <assert.h>
#include <jansson.h>
#include <math.h>

// --- putting together ---

void table_release(struct table *table)
{
    arena_release(&table->arena);
    buffer_release(&table->bytes);
    *table = TABLE_INIT;
}

void table_columns(struct table *table, const struct slice *names, size_t width)
{
    assert(table->width == 0 && width > 0 && width <= TABLE_WIDTH_MAX);
    table->columns = arena_zero(&table->arena, width * sizeof(*table->columns));
    table->width = width;
    for (size_t i = 0; i < width; i++) {
        table->columns[i].name = arena_copy(&table->arena, names[i]);
    }
}

void table_columns_list(struct table *table, struct slice names)
{
    struct slice list[VIEW_WIDTH_MAX];
    size_t width = 0;
    while (width < VIEW_WIDTH_MAX && slice_cut(&names, ',', &list[width])) {
        width++;
    }
    table_columns(table, list, width);
}

bool table_add(struct table *table, const struct cell *cells)
{
    size_t before = buffer_len(&table->bytes);
    if (table->is_full) {
        return false;
    }
    cells_append(&table->bytes, cells, table->width);
    if (buffer_len(&table->bytes) > TABLE_MAX) {
        buffer_truncate(&table->bytes, before);
        table->is_full = true;
        return false;
    }
    table->count++;
    for (size_t i = 0; i < table->width; i++) {
        table->columns[i].has_numbers |= cells[i].kind == CELL_INT;
        table->columns[i].has_reals |= cells[i].kind == CELL_REAL;
        table->columns[i].has_texts |= cells[i].kind == CELL_TEXT;
    }
    return true;
}

enum view_type table_type(const struct table *table, size_t column)
{
    const struct table_column *kinds = &table->columns[column];
    if (kinds->has_texts || (!kinds->has_reals && !kinds->has_numbers)) {
        return VIEW_TEXT;
    }
    return kinds->has_reals ? VIEW_REAL : VIEW_INT;
}

// --- as packets ---

static struct column column_make(struct slice table, struct slice name, enum view_type type)
{
    struct column column = {
        .schema = S("sluice"),
        .table = table,
        .org_table = table,
        .name = name,
        .org_name = name,
        .collation = COLUMN_UTF8MB4,
        .length = CELL_TEXT_MAX,
        .type = TYPE_VAR_STRING,
    };
    if (type != VIEW_TEXT) {
        column.type = type == VIEW_INT ? TYPE_LONGLONG : TYPE_DOUBLE;
        column.length = type == VIEW_INT ? 20 : 22;
        column.collation = COLUMN_BYTES;
        column.flags = COLUMN_BINARY;
        column.decimals = type == VIEW_INT ? 0 : 31;
    }
    return column;
}

static struct slice cell_slice(const struct cell *cell, char out[CELL_PRINT_SIZE])
{
    if (cell->kind == CELL_NULL) {
        return SLICE_NONE;
    }
    struct slice text = cell_print(cell, out);
    return text.ptr != NULL ? text : S(""); // a NULL pointer stands for NULL
}

static void rows_write(const struct table *table, struct result_writer *result)
{
    struct cell *cells = mem_alloc(table->width * sizeof(*cells));
    struct slice *values = mem_alloc(table->width * sizeof(*values));
    char(*prints)[CELL_PRINT_SIZE] = mem_alloc(table->width * sizeof(*prints));
    const uint8_t *at = buffer_ptr(&table->bytes);
    for (size_t row = 0; row < table->count; row++) {
        at += cells_read(at, cells, table->width);
        for (size_t i = 0; i < table->width; i++) {
            values[i] = cell_slice(&cells[i], prints[i]);
        }
        result_writer_row(result, values);
    }
    mem_free(cells);
    mem_free(values);
    mem_free(prints);
}

bool table_write(const struct table *table, struct writer *writer, uint64_t capabilities,
                 bool is_binary, uint16_t status)
{
    struct result_writer result = result_writer_make(writer, capabilities);
    struct column *columns = mem_zero(table->width, sizeof(*columns));
    for (size_t i = 0; i < table->width; i++) {
        columns[i] = column_make(table->name, table->columns[i].name,
                                 is_binary ? VIEW_TEXT : table_type(table, i));
    }
    result.is_binary = is_binary;
    result_writer_begin(&result, columns, table->width, status);
    rows_write(table, &result);
    bool is_whole = result_writer_end(&result, status, 0);
    mem_free(columns);
    return is_whole;
}

static bool column_write(const struct column *column, struct writer *writer, uint64_t capabilities)
{
    writer_packet_begin(writer);
    column_encode(column, writer, capabilities);
    return writer_packet_end(writer);
}

static bool eof_write(struct writer *writer, uint16_t status)
{
    writer_packet_begin(writer);
    eof_encode(&(struct eof){.status = status}, writer);
    return writer_packet_end(writer);
}

bool table_definitions_write(const struct slice *names, size_t width, struct writer *writer,
                             uint64_t capabilities, uint16_t status)
{
    bool is_whole = true;
    for (size_t i = 0; i < width; i++) {
        struct slice name = names != NULL ? names[i] : S("?");
        struct column column = column_make(SLICE_NONE, name, VIEW_TEXT);
        is_whole &= column_write(&column, writer, capabilities);
    }
    if (width > 0 && !capability_has(capabilities, CAPABILITY_DEPRECATE_EOF)) {
        is_whole &= eof_write(writer, status);
    }
    return is_whole;
}

bool table_end_write(struct writer *writer, uint64_t capabilities, uint16_t status)
{
    if (!capability_has(capabilities, CAPABILITY_DEPRECATE_EOF)) {
        return eof_write(writer, status);
    }
    writer_packet_begin(writer);
    ok_encode(&(struct ok){.is_end_of_result = true, .status = status}, writer, capabilities);
    return writer_packet_end(writer);
}

bool table_fields_write(const struct view_info *info, struct writer *writer, uint64_t capabilities,
                        uint16_t status)
{
    bool is_whole = true;
    for (size_t i = 0; i < info->width; i++) {
        struct column column =
            column_make(info->name, info->columns[i].name, info->columns[i].type);
        column.has_default = true;
        is_whole &= column_write(&column, writer, capabilities);
    }
    return table_end_write(writer, capabilities, status) && is_whole;
}

// --- as JSON ---

static json_t *cell_json(const struct cell *cell)
{
    switch (cell->kind) {
    case CELL_INT:
        return json_integer(cell->number);
    case CELL_REAL:
        return isfinite(cell->real) ? json_real(cell->real) : json_null();
    case CELL_TEXT:
        return json_stringn(cell->text.ptr != NULL ? cell->text.ptr : "", cell->text.len);
    case CELL_NULL:
    default:
        return json_null();
    }
}

static int json_append(const char *text, size_t len, void *out)
{
    buffer_append(out, text, len);
    return 0;
}

static json_t *row_json(const struct table *table, const struct cell *cells)
{
    json_t *object = json_object();
    for (size_t i = 0; i < table->width; i++) {
        json_object_set_new(object, table->columns[i].name.ptr, cell_json(&cells[i]));
    }
    return object;
}

void table_json(const struct table *table, struct buffer *out)
{
    struct cell *cells = mem_alloc((table->width + 1) * sizeof(*cells));
    const uint8_t *at = buffer_ptr(&table->bytes);
    buffer_append_slice(out, S("{\"rows\":["));
    for (size_t row = 0; row < table->count; row++) {
        at += cells_read(at, cells, table->width);
        json_t *object = row_json(table, cells);
        buffer_append_slice(out, row > 0 ? S(",\n") : S("\n"));
        json_dump_callback(object, json_append, out, JSON_COMPACT);
        json_decref(object);
    }
    buffer_append_slice(out, S("\n]}\n"));
    mem_free(cells);
}
