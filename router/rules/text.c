#include "router/rules/text.h"

static bool is_space(char c)
{
    return c == ' ' || (unsigned char)(c - '\t') < 5;
}

static bool starts(struct slice text, struct slice prefix)
{
    return text.len >= prefix.len && memcmp(text.ptr, prefix.ptr, prefix.len) == 0;
}

static struct slice line_skip(struct slice text)
{
    return slice_from(text, slice_find(text, '\n') + 1);
}

static struct slice block_skip(struct slice text)
{
    struct slice inside = slice_from(text, strlen("/*"));
    return slice_from(inside, slice_find_slice(inside, S("*/")) + strlen("*/"));
}

// Two hyphens begin a comment only with white space, a control character or the end behind them.
static bool is_line_comment(struct slice text)
{
    return text.ptr[0] == '#' ||
           (starts(text, S("--")) && (text.len == 2 || (unsigned char)text.ptr[2] <= ' '));
}

static bool is_block_comment(struct slice text)
{
    return starts(text, S("/*")) && !starts(text, S("/*!")) && !starts(text, S("/*M!"));
}

struct slice text_first_word(struct slice text)
{
    while (text.len > 0) {
        if (is_space(text.ptr[0])) {
            text = slice_from(text, 1);
        } else if (is_block_comment(text)) {
            text = block_skip(text);
        } else if (is_line_comment(text)) {
            text = line_skip(text);
        } else {
            break;
        }
    }
    return text;
}
