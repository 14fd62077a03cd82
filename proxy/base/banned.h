// Calls that this tree does not make: each has a bounded or thread-safe sibling. Included by the
// compiler's command line, so that no file can forget it.
#pragma once

#include <stdlib.h> // before the poison: the system's own headers name them
#include <stdio.h>
#include <string.h>
#include <time.h>

#undef sprintf // clang with fortified headers has them as macros, and would not poison those
#undef vsprintf
#pragma GCC poison strcpy strcat sprintf vsprintf strtok atoi atol gmtime localtime ctime
