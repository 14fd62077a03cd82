#include "router/sql/function.h"

#include "router/sql/word_priv.h"

enum { FORM_NATIVE = false, FORM_TOKEN = true };
enum { WHERE_SOME = false, WHERE_ALL = true };

static const uint64_t keys[] = {
#define LETTER(letter)
#define FUNCTION(name, kind, form, where) WORD_KEY(#name),
#include "router/sql/functions.def"
#undef FUNCTION
#undef LETTER
};

static const struct slice names[] = {
#define LETTER(letter)
#define FUNCTION(name, kind, form, where) SLICE_INIT(#name),
#include "router/sql/functions.def"
#undef FUNCTION
#undef LETTER
};

static const struct sql_function functions[] = {
#define LETTER(letter)
#define FUNCTION(name, kind, form, where) {FUNCTION_##kind, FORM_##form, WHERE_##where},
#include "router/sql/functions.def"
#undef FUNCTION
#undef LETTER
};

// The row behind a LETTER has the number that the LETTER got.
enum row {
#define LETTER(letter)                    ROW_FIRST_##letter, ROW_BEFORE_##letter = ROW_FIRST_##letter - 1,
#define FUNCTION(name, kind, form, where) ROW_##name,
#include "router/sql/functions.def"
#undef FUNCTION
#undef LETTER
    ROW_COUNT_OF,
};

static const uint16_t letters[] = {
#define LETTER(letter) ROW_FIRST_##letter,
#define FUNCTION(name, kind, form, where)
#include "router/sql/functions.def"
#undef FUNCTION
#undef LETTER
    ROW_COUNT_OF,
};

_Static_assert(sizeof(letters) / sizeof(letters[0]) == 27, "one LETTER for each letter, in order");

static const struct word_table table = {keys, names, letters};

const struct sql_function *sql_function_find(struct slice name)
{
    int index = word_find(&table, name);
    return index >= 0 ? &functions[index] : NULL;
}

struct slice sql_function_name(const struct sql_function *function)
{
    return names[function - functions];
}
