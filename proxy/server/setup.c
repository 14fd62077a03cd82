#include "proxy/server/setup.h"

#include "proxy/base/memory.h"
#include "proxy/server/labels.h"

static const char *text_or_null(struct slice text)
{
    return text.len > 0 ? text.ptr : NULL;
}

// --- TLS -----------------------------------------------------------------------------------------

static bool client_tls_is_kept(const struct conf_proxy *a, const struct conf_proxy *b)
{
    return a->tls == b->tls && slice_equal(a->tls_cert, b->tls_cert) &&
           slice_equal(a->tls_key, b->tls_key) && slice_equal(a->tls_ca, b->tls_ca);
}

static bool client_tls_make(struct worker_setup *setup, struct worker_setup *before,
                            struct diagnostics *diagnostics)
{
    const struct conf_proxy *proxy = &setup->config->proxy;
    struct error error = ERROR_NONE;
    if (proxy->tls == CONF_TLS_DISABLED) {
        return true;
    }
    bool is_self_signed = proxy->tls_cert.len == 0;
    if (before != NULL && before->client_tls != NULL && is_self_signed &&
        client_tls_is_kept(proxy, &before->config->proxy)) {
        setup->client_tls = tls_context_ref(before->client_tls);
        return true;
    }
    struct tls_server_settings settings = {
        .cert = text_or_null(proxy->tls_cert),
        .key = text_or_null(proxy->tls_key),
        .ca = text_or_null(proxy->tls_ca),
    };
    setup->client_tls = tls_context_create_server(&settings, &error);
    if (setup->client_tls == NULL) {
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, setup->config->file, proxy->line,
                        "tls_cert and tls_key name PEM files", "%s", error.text);
    }
    return setup->client_tls != NULL;
}

static enum tls_verify verify_of(enum conf_tls_mode mode)
{
    switch (mode) {
    case CONF_TLS_VERIFY_CA:
        return TLS_VERIFY_CA;
    case CONF_TLS_VERIFY_IDENTITY:
        return TLS_VERIFY_IDENTITY;
    default:
        return TLS_VERIFY_NONE;
    }
}

static struct backend_files files_look(const struct conf_backend *backend)
{
    if (backend->tls == CONF_TLS_DISABLED) {
        return (struct backend_files){.ca = {.inode = 0}};
    }
    return (struct backend_files){
        .ca = file_stamp_read(backend->tls_ca),
        .cert = file_stamp_read(backend->tls_cert),
        .key = file_stamp_read(backend->tls_key),
    };
}

static bool backend_is_kept(const struct conf_backend *a, const struct conf_backend *b)
{
    return slice_equal(a->name, b->name) && conf_address_equal(&a->address, &b->address) &&
           a->tls == b->tls && a->send_proxy == b->send_proxy && a->compression == b->compression &&
           slice_equal(a->tls_ca, b->tls_ca) && slice_equal(a->tls_cert, b->tls_cert) &&
           slice_equal(a->tls_key, b->tls_key);
}

static bool target_is_kept(const struct worker_setup *setup, const struct worker_setup *before,
                           size_t index)
{
    if (before == NULL || index >= before->config->backend_count ||
        !backend_is_kept(&setup->config->backends[index], &before->config->backends[index])) {
        return false;
    }
    const struct backend_files *files = &setup->backend_files[index];
    const struct backend_files *old = &before->backend_files[index];
    return file_stamp_equal(&files->ca, &old->ca) && file_stamp_equal(&files->cert, &old->cert) &&
           file_stamp_equal(&files->key, &old->key);
}

static bool backend_tls_make(struct worker_setup *setup, size_t index,
                             struct diagnostics *diagnostics)
{
    const struct conf_backend *backend = &setup->config->backends[index];
    struct error error = ERROR_NONE;
    if (backend->tls == CONF_TLS_DISABLED) {
        return true;
    }
    struct tls_client_settings settings = {
        .verify = verify_of(backend->tls),
        .ca = text_or_null(backend->tls_ca),
        .cert = text_or_null(backend->tls_cert),
        .key = text_or_null(backend->tls_key),
        .host = text_or_null(backend->address.host),
    };
    setup->backend_tls[index] = tls_context_create_client(&settings, &error);
    if (setup->backend_tls[index] == NULL) {
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, setup->config->file, backend->line,
                        "tls_ca, tls_cert and tls_key name PEM files", "%s", error.text);
    }
    return setup->backend_tls[index] != NULL;
}

static bool backends_make(struct worker_setup *setup, struct worker_setup *before,
                          struct diagnostics *diagnostics)
{
    const struct config *config = setup->config;
    bool is_good = true;
    setup->are_targets_kept = mem_zero(config->backend_count, sizeof(bool));
    for (size_t i = 0; i < config->backend_count; i++) {
        // Before they are read: a file that changes in between is another one to the next setup.
        setup->backend_files[i] = files_look(&config->backends[i]);
        if (target_is_kept(setup, before, i)) {
            setup->are_targets_kept[i] = true;
            setup->backend_tls[i] =
                before->backend_tls[i] != NULL ? tls_context_ref(before->backend_tls[i]) : NULL;
        } else {
            is_good &= backend_tls_make(setup, i, diagnostics);
        }
    }
    return is_good;
}

// --- limits --------------------------------------------------------------------------------------

static void limits_make(struct worker_setup *setup, const struct worker_setup *before)
{
    const struct config *config = setup->config;
    size_t most =
        config->backend_count > config->user_count ? config->backend_count : config->user_count;
    struct limit_row *rows = mem_zero(most + 1, sizeof(*rows));

    rows[0] = (struct limit_row){S("clients"), config->proxy.max_clients};
    setup->clients = limit_tokens_create(rows, 1, before != NULL ? before->clients : NULL);
    for (size_t i = 0; i < config->user_count; i++) {
        rows[i] = (struct limit_row){config->users[i].name, config->users[i].max_connections};
    }
    setup->users = limit_tokens_create(rows, (unsigned)config->user_count,
                                       before != NULL ? before->users : NULL);
    for (size_t i = 0; i < config->backend_count; i++) {
        rows[i] = (struct limit_row){config->backends[i].name, config->backends[i].max_connections};
    }
    setup->tokens = pool_tokens_create(rows, (unsigned)config->backend_count,
                                       before != NULL ? before->tokens : NULL);
    mem_free(rows);
}

// --- the whole -----------------------------------------------------------------------------------

struct worker_setup *setup_make(const struct config *config, struct worker_setup *before,
                                struct diagnostics *diagnostics)
{
    struct worker_setup *setup = mem_zero(1, sizeof(*setup));
    refcount_init(&setup->refs);
    setup->config = config_ref(config);
    labels_init(&setup->labels, config);
    setup->rules = rules_compile(config, diagnostics);
    bool is_good = setup->rules != NULL;
    is_good &= client_tls_make(setup, before, diagnostics);
    is_good &= backends_make(setup, before, diagnostics);
    limits_make(setup, before);
    if (!is_good) {
        worker_setup_unref(setup);
        return NULL;
    }
    return setup;
}

// What runs by a server's index finds it under the same index: servers may be added behind the
// others, and changed, but not taken out.
static bool backends_can_follow(const struct config *before, const struct config *after,
                                struct diagnostics *diagnostics)
{
    for (size_t i = 0; i < before->backend_count; i++) {
        if (i >= after->backend_count ||
            !slice_equal(before->backends[i].name, after->backends[i].name)) {
            diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, after->file, 0,
                            "leave its section where it is and take it out of use with SET BACKEND "
                            "... OFFLINE, or restart",
                            "backend %.*s was taken out or moved, which needs a restart",
                            SLICE_ARG(before->backends[i].name));
            return false;
        }
    }
    return true;
}

bool setup_can_follow(const struct config *before, const struct config *after,
                      struct diagnostics *diagnostics)
{
    return backends_can_follow(before, after, diagnostics);
}
