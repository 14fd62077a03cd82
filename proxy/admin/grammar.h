// The form of a command, as HELP prints it, held against what an operator wrote:
//
//     SET BACKEND ! <backend> {ONLINE|DRAIN|OFFLINE}
//
//     WORD        itself, in any case          <name>      one word, number or quoted text
//     {A|B}       one of them                  <name...>   all that is left, comments included
//     [A|B]       one of them or nothing       <a.b>       as <name>, with a dot in it
//     !           from here on it is this command and no other: a mismatch is a mistake in it
//
// Words are cut as MySQL's are; comments before and between them don't count, a semicolon may stand
// at the end. Alternatives are tried in their order and not come back to. Pure; any thread.
#pragma once

#include "proxy/base/buffer.h"
#include "proxy/base/slice.h"

#include <stdbool.h>
#include <stddef.h>

enum { GRAMMAR_CAPTURES_MAX = 8 };

enum grammar_verdict {
    GRAMMAR_NO,      // it is something else
    GRAMMAR_MISTAKE, // it begins so, up to the `!`, and goes on wrongly
    GRAMMAR_YES,
};

// Slices point into the grammar (names, words) and into the text or `room` (values).
struct grammar_match {
    size_t captures_count;
    struct {
        struct slice name;
        struct slice value; // without its quotes
    } captures[GRAMMAR_CAPTURES_MAX];
    size_t words_count;
    struct slice words[GRAMMAR_CAPTURES_MAX]; // those of {} and [] that were written
};

// `room`: as many bytes as the text has, for quoted values; outlives `match`.
enum grammar_verdict grammar_match(struct grammar_match *match, const char *grammar,
                                   struct slice text, char *room);

// The value of <name>; a NULL pointer where it was not written.
struct slice grammar_value(const struct grammar_match *match, const char *name);
// Whether that word of a {} or [] was written.
bool grammar_has(const struct grammar_match *match, const char *word);
// Appends the grammar as people read it: without the `!`.
void grammar_print(const char *grammar, struct buffer *out);
