// A measurement that cannot be trusted ends with a sentence and exit code 1. Any thread.
#pragma once

__attribute__((noreturn, format(printf, 1, 2))) void die(const char *format, ...);
