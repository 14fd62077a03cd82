// Any bytes are the beginning of a PROXY header, one, or none; a whole one says the same however
// much follows it, and never asks for more than its bound.
#include "proxy/net/proxy_header.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct proxy_header header, again;
    struct slice bytes = slice_make(data, size);
    uint8_t out[PROXY_HEADER_OUT_SIZE];
    switch (proxy_header_decode(&header, bytes)) {
    case PROXY_HEADER_MORE:
        assert(size < PROXY_HEADER_MOST);
        break;
    case PROXY_HEADER_BAD:
        assert(header.fault != NULL);
        break;
    case PROXY_HEADER_READ:
        assert(header.len <= size && header.len <= PROXY_HEADER_MOST);
        enum proxy_header_result result =
            proxy_header_decode(&again, slice_first(bytes, header.len));
        assert(result == PROXY_HEADER_READ && again.has_client == header.has_client);
        size_t len = proxy_header_encode(&header.client, &header.client, out);
        result = proxy_header_decode(&again, slice_make(out, len));
        assert(result == PROXY_HEADER_READ && again.len == len);
        bool is_ip = header.client.kind == ADDRESS_IP4 || header.client.kind == ADDRESS_IP6;
        assert(!is_ip || address_is_equal(&header.client, &again.client));
        break;
    }
    return 0;
}
