#include "tests/lib/ini.h"

#include "proxy/base/memory.h"
#include "tests/lib/cmocka.h"

#include <stdio.h>
#include <string.h>

struct ini *ini_create(void)
{
    return mem_zero(1, sizeof(struct ini));
}

void ini_destroy(struct ini *ini)
{
    mem_free(ini);
}

static struct ini_row *row_find(struct ini *ini, const char *section, const char *key)
{
    for (size_t i = 0; i < ini->count; i++) {
        if (strcmp(ini->rows[i].section, section) == 0 && strcmp(ini->rows[i].key, key) == 0) {
            return &ini->rows[i];
        }
    }
    return NULL;
}

static struct ini_row *row_add(struct ini *ini, const char *section, const char *key)
{
    assert_true(ini->count < INI_ROWS_MAX);
    struct ini_row *row = &ini->rows[ini->count++];
    snprintf(row->section, sizeof(row->section), "%s", section);
    snprintf(row->key, sizeof(row->key), "%s", key);
    return row;
}

void ini_set(struct ini *ini, const char *section, const char *key, const char *format, ...)
{
    struct ini_row *row = row_find(ini, section, key);
    if (row == NULL) {
        row = row_add(ini, section, key);
    }
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(row->value, sizeof(row->value), format, arguments);
    va_end(arguments);
    assert_true(len >= 0 && len < INI_VALUE_SIZE);
}

static void rows_remove(struct ini *ini, const char *section, const char *key)
{
    for (size_t i = 0; i < ini->count; i++) {
        struct ini_row *row = &ini->rows[i];
        if (strcmp(row->section, section) == 0 &&
            (strcmp(key, "*") == 0 || strcmp(row->key, key) == 0)) {
            row->section[0] = '\0';
        }
    }
}

void ini_change(struct ini *ini, const char *change)
{
    struct slice text = slice_text(change);
    size_t equals = slice_find(text, '=');
    struct slice path = slice_trim(slice_first(text, equals));
    size_t dot = path.len;
    while (dot > 0 && path.ptr[dot - 1] != '.') {
        dot--;
    }
    assert_true(dot > 0);
    char section[INI_NAME_SIZE], key[INI_NAME_SIZE];
    assert_true(slice_to_text(slice_first(path, dot - 1), section, sizeof(section)));
    assert_true(slice_to_text(slice_from(path, dot), key, sizeof(key)));
    if (equals == text.len) {
        rows_remove(ini, section, key);
    } else {
        struct slice value = slice_trim(slice_from(text, equals + 1));
        ini_set(ini, section, key, "%.*s", SLICE_ARG(value));
    }
}

void ini_print(const struct ini *ini, struct buffer *out)
{
    for (size_t first = 0; first < ini->count; first++) {
        const char *section = ini->rows[first].section;
        bool is_shown = section[0] == '\0';
        for (size_t i = 0; i < first && !is_shown; i++) {
            is_shown = strcmp(ini->rows[i].section, section) == 0;
        }
        if (is_shown) {
            continue;
        }
        buffer_print(out, "[%s]\n", section);
        for (size_t i = first; i < ini->count; i++) {
            if (strcmp(ini->rows[i].section, section) == 0) {
                buffer_print(out, "%s = %s\n", ini->rows[i].key, ini->rows[i].value);
            }
        }
    }
}
