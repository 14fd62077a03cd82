// Any text is an address, a network, or neither with a sentence; what is read prints so that it
// reads the same.
#include "proxy/net/address.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void address_check(struct slice text)
{
    struct address address, again;
    struct error error = ERROR_NONE;
    char printed[ADDRESS_TEXT_SIZE];
    if (!address_parse(&address, text, 3306, &error)) {
        assert(error.text[0] != '\0');
        return;
    }
    bool is_read = address_parse(&again, slice_text(address_print(&address, printed)), 1, NULL);
    assert(is_read && address_is_equal(&address, &again));
}

static void network_check(struct slice text)
{
    struct address_network network;
    struct error error = ERROR_NONE;
    if (!address_network_parse(&network, text, &error)) {
        assert(error.text[0] != '\0');
        return;
    }
    struct address inside = {.kind = network.kind};
    memcpy(inside.ip6, network.ip, network.kind == ADDRESS_IP4 ? 4 : 16);
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    // Addresses mapped into v6 are looked up as v4, so such a network is empty.
    bool is_mapped = network.kind == ADDRESS_IP6 && memcmp(network.ip, mapped, 12) == 0;
    assert(is_mapped || address_network_contains(&network, &inside));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_make(data, size);
    address_check(text);
    network_check(text);
    return 0;
}
