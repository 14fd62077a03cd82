// One regular expression of a rule, compiled by PCRE2 with its just-in-time compiler: caseless, dot
// matches newline. The room's own. A pattern is immutable and shared by threads; each matches with
// a scratch of its own.
//
// No text can keep a thread busy for long: patterns see the first PATTERN_TEXT_MAX bytes, and each
// try has a limit of steps and of stack.
#pragma once

#include "proxy/base/slice.h"
#include "router/rules/rules.h"

enum { PATTERN_TEXT_MAX = 16384 };

struct pattern;

enum { PATTERN_ERROR_SIZE = 256 };
// NULL where it is wrong; then `error` says why and at which byte.
struct pattern *pattern_create(struct slice text, char error[PATTERN_ERROR_SIZE]);
// NULL is nothing.
void pattern_destroy(struct pattern *pattern);

enum pattern_result { PATTERN_NO, PATTERN_YES, PATTERN_EXHAUSTED };
enum pattern_result pattern_match(const struct pattern *pattern, struct rules_scratch *scratch,
                                  struct slice text);
