// Lines of SHOW GRANTS from anywhere: rights come of a grant on everything alone, and what stands
// behind it changes nothing.
#include "proxy/session/rights.h"

#include <stdint.h>
#include <stdlib.h>

#define require(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice line = slice_make(data, size);
    struct slice everything = S(" ON *.* TO ");
    unsigned rights = rights_of_grant(line);
    size_t at = slice_find_slice(line, everything);

    require((rights & ~(unsigned)(RIGHT_SEE | RIGHT_KILL)) == 0);
    if (rights != 0) {
        require(slice_starts_nocase(line, S("GRANT ")) && at < line.len);
        require(slice_find(slice_first(line, at), '`') == at);
        require(rights_of_grant(slice_first(line, at + everything.len)) == rights);
    }
    return 0;
}
