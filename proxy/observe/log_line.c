#include "proxy/observe/log_line.h"

#include "proxy/base/clock.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

// Kept free for what closes a line: the dots and quote of a value that is cut, the word that says
// so, a brace, a newline.
enum { RESERVE = 24 };

static const char *const level_names[LOG_LEVEL_COUNT] = {"debug", "info", "warn", "error"};

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

// --- characters ---------------------------------------------------------------------------------

enum { NO_CHARACTER = -1 };

struct utf8_form {
    uint8_t mask; // of the first byte
    uint8_t lead; // what is under it
    uint8_t len;
    int32_t least; // smallest character that needs the form
};

static const struct utf8_form forms[] = {
    {0x80, 0x00, 1, 0},
    {0xe0, 0xc0, 2, 0x80},
    {0xf0, 0xe0, 3, 0x800},
    {0xf8, 0xf0, 4, 0x10000},
};

// The character at the start of `text` (not empty) and its length in bytes; NO_CHARACTER of one
// byte where the bytes are no UTF-8 (RFC 3629).
static int32_t character_read(struct slice text, size_t *len)
{
    const uint8_t *bytes = (const uint8_t *)text.ptr;
    *len = 1;
    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
        const struct utf8_form *form = &forms[i];
        if ((bytes[0] & form->mask) != form->lead || form->len > text.len) {
            continue;
        }
        int32_t character = bytes[0] & (uint8_t)~form->mask;
        for (size_t k = 1; k < form->len; k++) {
            if ((bytes[k] & 0xc0) != 0x80) {
                return NO_CHARACTER;
            }
            character = character << 6 | (bytes[k] & 0x3f);
        }
        if (character < form->least || character > 0x10ffff ||
            (character >= 0xd800 && character <= 0xdfff)) {
            return NO_CHARACTER;
        }
        *len = form->len;
        return character;
    }
    return NO_CHARACTER;
}

// Characters that a terminal obeys instead of showing them.
static bool is_control(int32_t character)
{
    return character < 0x20 || (character >= 0x7f && character <= 0x9f);
}

// --- writing ------------------------------------------------------------------------------------

static size_t line_left(const struct log_line *line)
{
    return line->len < LOG_LINE_SIZE - RESERVE ? LOG_LINE_SIZE - RESERVE - line->len : 0;
}

static bool line_put(struct log_line *line, const char *text, size_t len)
{
    if (len > line_left(line)) {
        line->is_full = true;
        return false;
    }
    memcpy(line->text + line->len, text, len);
    line->len += len;
    return true;
}

// Into the reserve.
static void line_close(struct log_line *line, const char *text)
{
    size_t len = strlen(text);
    assert(len <= LOG_LINE_SIZE - line->len);
    memcpy(line->text + line->len, text, len);
    line->len += len;
}

// How a character that may not stand as it is, is written. Empty: it may.
static int character_escape(enum log_format format, int32_t character, uint8_t byte, char out[8])
{
    switch (character) {
    case '"':
        return snprintf(out, 8, "\\\"");
    case '\\':
        return snprintf(out, 8, "\\\\");
    case '\n':
        return snprintf(out, 8, "\\n");
    case '\r':
        return snprintf(out, 8, "\\r");
    case '\t':
        return snprintf(out, 8, "\\t");
    case NO_CHARACTER:
        return format == LOG_JSON ? snprintf(out, 8, "\\ufffd") : snprintf(out, 8, "\\x%02x", byte);
    default:
        break;
    }
    if (!is_control(character)) {
        return 0;
    }
    return snprintf(out, 8, format == LOG_JSON ? "\\u%04x" : "\\x%02x", (unsigned)character);
}

static bool character_put(struct log_line *line, struct slice text, size_t *len)
{
    char escape[8];
    int32_t character = character_read(text, len);
    int escaped = character_escape(line->format, character, (uint8_t)text.ptr[0], escape);
    return escaped > 0 ? line_put(line, escape, (size_t)escaped) : line_put(line, text.ptr, *len);
}

// The beginning that is shown of a value, ending between two characters.
static struct slice value_first(struct slice text)
{
    struct slice first = slice_first(text, LOG_VALUE_SIZE);
    while (first.len < text.len && first.len > 0 && (text.ptr[first.len] & 0xc0) == 0x80) {
        first.len--;
    }
    return first;
}

static void quoted_put(struct log_line *line, struct slice text)
{
    struct slice rest = value_first(text);
    bool is_cut = rest.len < text.len;
    if (!line_put(line, "\"", 1)) {
        return;
    }
    while (rest.len > 0) {
        size_t len;
        if (!character_put(line, rest, &len)) {
            is_cut = true;
            break;
        }
        rest = slice_from(rest, len);
    }
    line_close(line, is_cut ? "...\"" : "\"");
}

// Whether a text can stand in a line of words as it is.
static bool is_plain(struct slice text)
{
    for (struct slice rest = text; rest.len > 0;) {
        size_t len;
        int32_t character = character_read(rest, &len);
        if (is_control(character) || character == ' ' || character == '"' || character == '=' ||
            character == '\\') {
            return false;
        }
        rest = slice_from(rest, len);
    }
    return text.len > 0 && text.len <= LOG_VALUE_SIZE;
}

static void text_put(struct log_line *line, struct slice text)
{
    if (line->format == LOG_TEXT && text.len <= line_left(line) && is_plain(text)) {
        line_put(line, text.ptr, text.len);
    } else {
        quoted_put(line, text);
    }
}

static void error_put(struct log_line *line, const struct error *error)
{
    char text[ERROR_WHERE_SIZE + ERROR_TEXT_SIZE + 2];
    snprintf(text, sizeof(text), "%s%s%s", error->where, error->where[0] != '\0' ? ": " : "",
             error->text);
    text_put(line, slice_text(text));
}

static void number_put(struct log_line *line, const struct kv *value)
{
    char text[32];
    int len = value->type == KV_UINT ? snprintf(text, sizeof(text), "%" PRIu64, value->count)
                                     : snprintf(text, sizeof(text), "%" PRId64, value->number);
    line_put(line, text, (size_t)len);
}

static void value_put(struct log_line *line, const struct kv *value)
{
    switch (value->type) {
    case KV_TEXT:
        text_put(line, value->text);
        break;
    case KV_ERROR:
        error_put(line, value->error);
        break;
    case KV_BOOL:
        line_put(line, value->fact ? "true" : "false", value->fact ? 4 : 5);
        break;
    case KV_INT:
    case KV_UINT:
    case KV_MS:
    case KV_US:
        number_put(line, value);
        break;
    case KV_END:
        break;
    }
}

// The longest value but a text, so that a name never stands alone.
enum { NUMBER_SIZE = 24 };

void log_line_add(struct log_line *line, struct kv value)
{
    const char *unit = value.type == KV_MS ? "_ms" : value.type == KV_US ? "_us" : "";
    char name[96];
    int len = snprintf(name, sizeof(name),
                       line->format == LOG_JSON ? ",\"%s%s\":" : " %s%s=", value.name, unit);
    assert(len > 0 && (size_t)len < sizeof(name));
    if (line->is_full || (size_t)len + NUMBER_SIZE > line_left(line)) {
        line->is_full = true;
        return;
    }
    line_put(line, name, (size_t)len);
    value_put(line, &value);
}

void log_line_begin(struct log_line *line, enum log_format format, int64_t wall_us,
                    enum log_level level, const char *event)
{
    char time[CLOCK_TEXT_SIZE];
    line->format = format;
    line->is_full = false;
    int len = snprintf(line->text, LOG_LINE_SIZE - RESERVE,
                       format == LOG_JSON ? "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"%s\""
                                          : "%s %-5s %s",
                       clock_text(wall_us, time), level_names[level], event);
    assert(len > 0 && len < LOG_LINE_SIZE - RESERVE);
    line->len = (size_t)len;
}

struct slice log_line_end(struct log_line *line)
{
    if (line->is_full) {
        line_close(line, line->format == LOG_JSON ? ",\"cut\":true" : " cut=true");
    }
    line_close(line, line->format == LOG_JSON ? "}\n" : "\n");
    return slice_make(line->text, line->len);
}
