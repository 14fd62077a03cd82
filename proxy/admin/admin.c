#include "proxy/admin/admin.h"

#include "proxy/admin/address_list.h"
#include "proxy/admin/guest.h"
#include "proxy/admin/http.h"
#include "proxy/base/clock.h"
#include "proxy/base/memory.h"
#include "proxy/base/random.h"
#include "proxy/net/listener.h"

struct admin {
    struct front front;
    struct http *http;
    size_t listener_count;
    struct listener *listeners[ADDRESS_LIST_MAX];
};

// --- listening ----------------------------------------------------------------------------------

static void on_accept(struct listener *listener, int fd, const struct address *peer)
{
    struct admin *admin = listener_owner(listener);
    guest_open(&admin->front, fd, peer);
}

static bool addresses_read(const struct conf_address *conf, size_t count, struct address_list *list,
                           struct error *error)
{
    list->count = 0;
    for (size_t i = 0; i < count; i++) {
        if (!address_list_add(list, &conf[i], error)) {
            return false;
        }
    }
    return true;
}

static bool sql_listen(struct admin *admin, const struct conf_admin *conf, struct error *error)
{
    const struct listener_settings settings = {.on_accept = on_accept, .owner = admin};
    struct address_list list;
    if (!addresses_read(conf->listen, conf->listen_count, &list, error)) {
        return false;
    }
    for (size_t i = 0; i < list.count; i++) {
        struct listener *listener =
            listener_create(admin->front.desk.loop, &list.addresses[i], &settings, error);
        if (listener == NULL) {
            return false;
        }
        admin->listeners[admin->listener_count++] = listener;
    }
    return true;
}

static bool web_listen(struct admin *admin, const struct conf_admin *conf, struct error *error)
{
    struct address_list list;
    if (!addresses_read(conf->http_listen, conf->http_listen_count, &list, error)) {
        return false;
    }
    for (size_t i = 0; i < list.count; i++) {
        if (!http_listen(admin->http, &list.addresses[i], error)) {
            return false;
        }
    }
    return true;
}

void admin_stop_listening(struct admin *admin)
{
    while (admin->listener_count > 0) {
        listener_close(admin->listeners[--admin->listener_count]);
    }
    http_stop_listening(admin->http);
}

// --- life ---------------------------------------------------------------------------------------

static void front_set_tls(struct front *front, struct tls_context *tls)
{
    struct tls_context *before = front->tls;
    front->tls = tls != NULL ? tls_context_ref(tls) : NULL;
    if (before != NULL) {
        tls_context_unref(before);
    }
}

static void front_init(struct front *front, const struct admin_settings *settings)
{
    front->desk = (struct desk){
        .loop = settings->loop,
        .control = settings->control,
        .log = settings->log,
        .engine = engine_create(),
        .patience_us = settings->patience_us > 0 ? settings->patience_us : 5 * CLOCK_SECOND,
    };
    front_set_tls(front, settings->tls);
    front->fakes.accounts = 2;
    random_bytes(front->fakes.key, sizeof(front->fakes.key));
    front->started_us = loop_now_us(settings->loop);
    list_init(&front->guests);
}

struct admin *admin_create(const struct admin_settings *settings, struct error *error)
{
    struct admin *admin = mem_zero(1, sizeof(*admin));
    struct control_state state;
    front_init(&admin->front, settings);
    admin->http = http_create(&admin->front.desk);
    settings->control->state(settings->control->context, &state);
    if (!sql_listen(admin, &state.config->admin, error) ||
        !web_listen(admin, &state.config->admin, error)) {
        admin_destroy(admin);
        return NULL;
    }
    return admin;
}

void admin_destroy(struct admin *admin)
{
    admin_stop_listening(admin);
    guests_close(&admin->front);
    http_destroy(admin->http);
    engine_destroy(admin->front.desk.engine);
    front_set_tls(&admin->front, NULL);
    mem_free(admin);
}

void admin_set_tls(struct admin *admin, struct tls_context *tls)
{
    front_set_tls(&admin->front, tls);
}

// --- asking -------------------------------------------------------------------------------------

size_t admin_address_count(const struct admin *admin)
{
    return admin->listener_count;
}

const struct address *admin_address(const struct admin *admin, size_t index)
{
    return listener_address(admin->listeners[index]);
}

size_t admin_http_address_count(const struct admin *admin)
{
    return http_address_count(admin->http);
}

const struct address *admin_http_address(const struct admin *admin, size_t index)
{
    return http_address(admin->http, index);
}
