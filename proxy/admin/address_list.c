#include "proxy/admin/address_list.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

static bool add(struct address_list *list, const struct address *address, struct error *error)
{
    if (list->count == ADDRESS_LIST_MAX) {
        return error_set(error, 1, NULL, "more than %d addresses to listen on", ADDRESS_LIST_MAX);
    }
    list->addresses[list->count++] = *address;
    return true;
}

static bool is_new(const struct address_list *list, size_t from, const struct address *address)
{
    for (size_t i = from; i < list->count; i++) {
        if (address_is_equal(&list->addresses[i], address)) {
            return false;
        }
    }
    return true;
}

static bool name_add(struct address_list *list, const struct conf_address *conf,
                     struct error *error)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    size_t first = list->count;
    int result = getaddrinfo(conf->host.ptr, NULL, &hints, &found);
    if (result != 0) {
        return error_set(error, 1, conf->text.ptr, "the name can't be looked up: %s",
                         gai_strerror(result));
    }
    bool is_good = true;
    for (const struct addrinfo *at = found; at != NULL && is_good; at = at->ai_next) {
        char text[NI_MAXHOST];
        struct address address;
        if (getnameinfo(at->ai_addr, at->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST) ==
                0 &&
            address_from_ip(&address, slice_text(text), conf->port) &&
            is_new(list, first, &address)) {
            is_good = add(list, &address, error);
        }
    }
    freeaddrinfo(found);
    return is_good &&
           (list->count > first || error_set(error, 1, conf->text.ptr, "the name has no address"));
}

bool address_list_add(struct address_list *list, const struct conf_address *conf,
                      struct error *error)
{
    struct address address;
    if (conf->kind == CONF_ADDRESS_UNIX) {
        return (address_from_path(&address, conf->path) ||
                error_set(error, 1, conf->text.ptr, "the path is too long for a socket")) &&
               add(list, &address, error);
    }
    if (address_parse(&address, conf->text, conf->port, NULL)) {
        return add(list, &address, error);
    }
    return name_add(list, conf, error);
}
