#include "router/sql/keyword.h"

#include "router/sql/word_priv.h"

enum keyword_kind { KIND_RESERVED, KIND_GRAMMAR, KIND_PLAIN };

static const uint64_t keys[] = {
#define LETTER(letter)
#define KEYWORD(name, kind) WORD_KEY(#name),
#include "router/sql/keywords.def"
#undef KEYWORD
#undef LETTER
};

static const struct slice names[] = {
#define LETTER(letter)
#define KEYWORD(name, kind) SLICE_INIT(#name),
#include "router/sql/keywords.def"
#undef KEYWORD
#undef LETTER
};

static const unsigned char kinds[] = {
#define LETTER(letter)
#define KEYWORD(name, kind) KIND_##kind,
#include "router/sql/keywords.def"
#undef KEYWORD
#undef LETTER
};

// The row behind a LETTER has the number that the LETTER got.
enum row {
#define LETTER(letter)      ROW_FIRST_##letter, ROW_BEFORE_##letter = ROW_FIRST_##letter - 1,
#define KEYWORD(name, kind) ROW_##name,
#include "router/sql/keywords.def"
#undef KEYWORD
#undef LETTER
    ROW_COUNT_OF,
};

static const uint16_t letters[] = {
#define LETTER(letter) ROW_FIRST_##letter,
#define KEYWORD(name, kind)
#include "router/sql/keywords.def"
#undef KEYWORD
#undef LETTER
    ROW_COUNT_OF,
};

_Static_assert(sizeof(letters) / sizeof(letters[0]) == 27, "one LETTER for each letter, in order");

static const struct word_table table = {keys, names, letters};

enum keyword keyword_find(struct slice word)
{
    return (enum keyword)(word_find(&table, word) + 1);
}

struct slice keyword_name(enum keyword keyword)
{
    return keyword == KEYWORD_NONE ? SLICE_NONE : names[keyword - 1];
}

bool keyword_is_reserved(enum keyword keyword)
{
    return keyword != KEYWORD_NONE && kinds[keyword - 1] == KIND_RESERVED;
}

bool keyword_is_grammar(enum keyword keyword)
{
    return keyword != KEYWORD_NONE && kinds[keyword - 1] != KIND_PLAIN;
}
