#include "tests/lib/usual.h"

#include "protocol/packet/ok.h"
#include "protocol/packet/result_writer.h"
#include "protocol/packet/status.h"
#include "protocol/wire/writer.h"

#include "tests/lib/cmocka.h"

#include <string.h>

enum { COLUMNS_MAX = 64 };

struct column usual_column(struct slice name)
{
    return (struct column){
        .name = name, .type = TYPE_VAR_STRING, .collation = COLUMN_UTF8MB4, .length = 1024};
}

// `values`: of the only row; NULL: no row.
static void result_write(const struct column *columns, size_t count, const struct slice *values,
                         uint64_t capabilities, struct buffer *out)
{
    struct writer writer = writer_make(out, 1);
    struct result_writer result = result_writer_make(&writer, capabilities);
    result_writer_begin(&result, columns, count, STATUS_AUTOCOMMIT);
    if (values != NULL) {
        result_writer_row(&result, values);
    }
    bool is_whole = result_writer_end(&result, STATUS_AUTOCOMMIT, 0);
    assert_true(is_whole);
}

static void ok_write(uint64_t capabilities, struct buffer *out)
{
    struct writer writer = writer_make(out, 1);
    struct ok ok = {.status = STATUS_AUTOCOMMIT};
    writer_packet_begin(&writer);
    ok_encode(&ok, &writer, capabilities);
    bool is_whole = writer_packet_end(&writer);
    assert_true(is_whole);
}

static struct slice variable_value(struct slice expression)
{
    static const struct {
        struct slice part, value;
    } values[] = {
        {SLICE_INIT("read_only"), SLICE_INIT("0")},
        {SLICE_INIT("server_id"), SLICE_INIT("1")},
        {SLICE_INIT("gtid"), SLICE_INIT("0-1-1")},
        {SLICE_INIT("report_host"), SLICE_INIT("")},
        {SLICE_INIT("port"), SLICE_INIT("3306")},
        {SLICE_INIT("lower_case"), SLICE_INIT("0")},
        {SLICE_INIT("sql_mode"), SLICE_INIT("")},
        {SLICE_INIT("autocommit"), SLICE_INIT("1")},
        {SLICE_INIT("version"), SLICE_INIT(USUAL_VERSION)},
    };
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        if (slice_find_slice(expression, values[i].part) < expression.len) {
            return values[i].value;
        }
    }
    uint64_t number;
    return slice_to_u64(expression, &number) ? expression : SLICE_NONE;
}

// Cuts the next expression off a select list: up to a comma outside of parentheses and quotes, or
// FROM.
static bool expression_cut(struct slice *rest, struct slice *expression)
{
    int depth = 0;
    char quote = '\0';
    size_t at = 0;
    for (; at < rest->len; at++) {
        char c = rest->ptr[at];
        if (quote != '\0') {
            quote = c == quote ? '\0' : quote;
        } else if (c == '\'' || c == '"' || c == '`') {
            quote = c;
        } else if (depth == 0 &&
                   (c == ',' || slice_starts_nocase(slice_from(*rest, at), S(" FROM ")))) {
            break;
        }
        depth += (c == '(') - (c == ')');
    }
    *expression = slice_trim(slice_first(*rest, at));
    bool was_last = at == rest->len || rest->ptr[at] != ',';
    *rest = was_last ? SLICE_NONE : slice_from(*rest, at + 1);
    return !was_last;
}

// One row of what the expressions mean, none where the statement reads a table.
static void select_answer(struct slice statement, uint64_t capabilities, struct buffer *out)
{
    struct column columns[COLUMNS_MAX];
    struct slice values[COLUMNS_MAX], rest = slice_from(statement, strlen("SELECT "));
    size_t count = 0;
    bool has_more = true;
    while (has_more && count < COLUMNS_MAX) {
        struct slice expression;
        has_more = expression_cut(&rest, &expression);
        columns[count] = usual_column(expression);
        values[count++] = variable_value(expression);
    }
    bool has_table = slice_find_slice(statement, S(" FROM ")) < statement.len;
    result_write(columns, count, has_table ? NULL : values, capabilities, out);
}

void usual_answer(struct slice statement, uint64_t capabilities, struct buffer *out)
{
    if (slice_starts_nocase(statement, S("SELECT "))) {
        select_answer(statement, capabilities, out);
    } else if (slice_starts_nocase(statement, S("SHOW "))) {
        struct column column = usual_column(S("Nothing"));
        result_write(&column, 1, NULL, capabilities, out);
    } else {
        ok_write(capabilities, out);
    }
}
