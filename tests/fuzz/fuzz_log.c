// Whatever a value holds, a line of the log is one line, and one of JSON is JSON that holds the
// values behind it.
#include "proxy/observe/log_line.h"

#include <assert.h>
#include <jansson.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct slice line_of(struct log_line *line, enum log_format format, struct slice value)
{
    log_line_begin(line, format, 0, LOG_INFO, "a.b");
    log_line_add(line, kv_slice("first", value));
    log_line_add(line, kv_slice("second", value));
    log_line_add(line, kv_int("last", -7));
    return log_line_end(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct log_line line;
    struct slice value = slice_make(data, size);
    struct slice text = line_of(&line, LOG_TEXT, value);
    assert(slice_find(text, '\n') == text.len - 1);
    for (size_t i = 0; i + 1 < text.len; i++) {
        assert((uint8_t)text.ptr[i] >= 0x20 && text.ptr[i] != 0x7f);
    }

    text = line_of(&line, LOG_JSON, value);
    assert(slice_find(text, '\n') == text.len - 1);
    json_t *json = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    assert(json != NULL);
    bool is_cut = json_is_true(json_object_get(json, "cut"));
    assert(is_cut || json_integer_value(json_object_get(json, "last")) == -7);
    assert(is_cut || json_is_string(json_object_get(json, "second")));
    json_decref(json);
    return 0;
}
