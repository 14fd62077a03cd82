#include "protocol/packet/statement_id.h"

#include "protocol/wire/reader.h"

enum { ID_AT = 1 };

bool statement_id_get(const uint8_t *payload, size_t len, uint32_t *id)
{
    struct reader reader = reader_make(slice_make(payload, len));

    reader_skip(&reader, ID_AT);
    *id = reader_u32(&reader);
    return !reader_is_failed(&reader);
}

bool statement_id_set(uint8_t *payload, size_t len, uint32_t id)
{
    if (len < ID_AT + sizeof(id)) {
        return false;
    }
    id = htole32(id);
    memcpy(payload + ID_AT, &id, sizeof(id));
    return true;
}
