// Connections from the networks of proxy_protocol: a PROXY header tells who the client is before
// anything is said to it.
#include "proxy/session/session_priv.h"

#include "proxy/base/clock.h"
#include "proxy/net/proxy_header.h"

enum { HEADER_SECONDS = 5 };

bool header_is_due(const struct session *session)
{
    const struct conf_proxy *proxy = &session->worker->config->proxy;
    struct sockaddr_storage storage;
    const struct sockaddr *peer =
        proxy->proxy_protocol_count > 0 ? session_sockaddr(session, &storage) : NULL;
    for (size_t i = 0; peer != NULL && i < proxy->proxy_protocol_count; i++) {
        if (conf_network_has(&proxy->proxy_protocol[i], peer)) {
            return true;
        }
    }
    return false;
}

void header_start(struct session *session)
{
    timer_set(&session->timer, session->worker->loop, HEADER_SECONDS * CLOCK_SECOND);
}

static void header_refuse(struct session *session, struct slice fault)
{
    char peer[ADDRESS_TEXT_SIZE];
    struct slice host = slice_text(address_print_host(&session->peer, peer));
    metric_add(session->worker->metrics, METRIC_LOGIN_FAILURES, 1);
    log_info(&session->source, "proxy_header.bad", kv_slice("fault", fault));
    answer_error(session, PROXY_HEADER_BAD, SLICE_ARG(host), SLICE_ARG(fault));
    session_finish(session);
}

void header_timed_out(struct session *session)
{
    header_refuse(session, S("none came in time"));
}

size_t header_data(struct session *session, const uint8_t *bytes, size_t len)
{
    struct proxy_header header;
    switch (proxy_header_decode(&header, slice_make(bytes, len))) {
    case PROXY_HEADER_MORE:
        return 0;
    case PROXY_HEADER_BAD:
        header_refuse(session, slice_text(header.fault));
        return len;
    case PROXY_HEADER_READ:
        break;
    }
    if (header.has_client) {
        session->peer = header.client;
    }
    session_enter(session, SESSION_LOGIN);
    greet_start(session);
    return header.len;
}
