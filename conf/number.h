// Durations, sizes, shares and truth values as an operator writes them. Pure.
#pragma once

#include "proxy/base/slice.h"

// "250us", "5ms", "3s", "2m", "8h"; 0 alone needs no unit. Microseconds.
bool number_parse_duration(struct slice text, int64_t *us);
// "512", "16K", "64M", "1G", of 1024. Bytes; false also where they do not fit into 63 bits.
bool number_parse_size(struct slice text, int64_t *bytes);
// "10%".
bool number_parse_percent(struct slice text, int64_t *percent);
// "1", "0.01": at most six digits behind the point. Parts in a million.
bool number_parse_ratio(struct slice text, int64_t *ppm);
// yes no on off true false 1 0, in any case.
bool number_parse_bool(struct slice text, bool *value);

enum { NUMBER_TEXT_SIZE = 32 };
// In the largest unit that leaves no fraction, as the functions above read it. Return `out`.
char *number_duration_text(int64_t us, char out[NUMBER_TEXT_SIZE]);
char *number_size_text(int64_t bytes, char out[NUMBER_TEXT_SIZE]);
char *number_ratio_text(int64_t ppm, char out[NUMBER_TEXT_SIZE]);
