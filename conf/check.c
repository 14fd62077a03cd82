#include "conf/check.h"

#include "conf/nearest.h"
#include "conf/origin.h"

struct checker {
    struct config *config;
    struct diagnostics *diagnostics;
};

__attribute__((format(printf, 4, 5))) static void fault(struct checker *checker, unsigned line,
                                                        const char *hint, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    diagnostics_add_list(checker->diagnostics, DIAGNOSTIC_ERROR, checker->config->file, line, hint,
                         format, args);
    va_end(args);
}

__attribute__((format(printf, 4, 5))) static void warn(struct checker *checker, unsigned line,
                                                       const char *hint, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    diagnostics_add_list(checker->diagnostics, DIAGNOSTIC_WARNING, checker->config->file, line,
                         hint, format, args);
    va_end(args);
}

// Certificate and key are worth nothing without each other.
static void certificate_check(struct checker *checker, const struct origin_section *section,
                              struct slice cert, struct slice key)
{
    if (origin_is_wrong(section, "tls_cert") || origin_is_wrong(section, "tls_key")) {
        return;
    }
    if (cert.len > 0 && key.len == 0) {
        fault(checker, origin_line(section, "tls_cert"),
              "tls_key names the file of its private key", "tls_cert without tls_key in [%.*s]",
              SLICE_ARG(section->text));
    } else if (key.len > 0 && cert.len == 0) {
        fault(checker, origin_line(section, "tls_key"),
              "tls_cert names the file of its certificate", "tls_key without tls_cert in [%.*s]",
              SLICE_ARG(section->text));
    }
}

// --- listeners

static void listen_count_check(struct checker *checker, const struct origin_section *section,
                               const char *key, size_t count)
{
    if (count > CONF_LISTEN_MAX) {
        fault(checker, origin_line(section, key), NULL, "%s has %zu addresses; at most %d", key,
              count, CONF_LISTEN_MAX);
    }
}

struct listener {
    const struct conf_address *address;
    const char *place; // for the sentence
    unsigned line;
};

static size_t listeners_add(struct listener *listeners, size_t count, const char *place,
                            unsigned line, const struct conf_address *addresses,
                            size_t address_count)
{
    for (size_t i = 0; i < address_count && i < CONF_LISTEN_MAX; i++) {
        listeners[count++] = (struct listener){&addresses[i], place, line};
    }
    return count;
}

// No two listeners may want the same address.
static void listeners_check(struct checker *checker)
{
    const struct config *config = checker->config;
    const struct conf_origin *origin = config->origin;
    unsigned proxy_line = origin_line(origin_find(origin, S("proxy")), "listen");
    const struct origin_section *admin = origin_find(origin, S("admin"));
    struct listener listeners[3 * CONF_LISTEN_MAX];
    size_t count = 0;

    count = listeners_add(listeners, count, "proxy.listen", proxy_line, config->proxy.listen,
                          config->proxy.listen_count);
    count = listeners_add(listeners, count, "admin.listen", origin_line(admin, "listen"),
                          config->admin.listen, config->admin.listen_count);
    count = listeners_add(listeners, count, "admin.http_listen", origin_line(admin, "http_listen"),
                          config->admin.http_listen, config->admin.http_listen_count);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (conf_address_collides(listeners[i].address, listeners[j].address)) {
                unsigned line = listeners[i].line > 0 ? listeners[i].line : listeners[j].line;
                fault(checker, line, "each needs an address of its own",
                      "%.*s of %s is in the way of %.*s of %s",
                      SLICE_ARG(listeners[i].address->text), listeners[i].place,
                      SLICE_ARG(listeners[j].address->text), listeners[j].place);
            }
        }
    }
}

static void proxy_check(struct checker *checker, const struct origin_section *section)
{
    const struct conf_proxy *proxy = section->data;
    if (proxy->listen_count == 0) {
        fault(checker, origin_line(section, "listen"),
              "host:port, [v6]:port or the path of a socket",
              "listen is empty: no client could connect");
    }
    listen_count_check(checker, section, "listen", proxy->listen_count);
    certificate_check(checker, section, proxy->tls_cert, proxy->tls_key);
    if (proxy->tls == CONF_TLS_DISABLED && proxy->tls_cert.len > 0) {
        warn(checker, origin_line(section, "tls_cert"), NULL,
             "tls_cert is not used with tls = disabled");
    }
}

// --- servers

static void backend_check(struct checker *checker, const struct origin_section *section)
{
    const struct conf_backend *backend = section->data;
    bool verifies = backend->tls == CONF_TLS_VERIFY_CA || backend->tls == CONF_TLS_VERIFY_IDENTITY;

    if (origin_is_wrong(section, "address")) {
        return;
    }
    if (backend->address.kind == CONF_ADDRESS_NONE) {
        fault(checker, origin_line(section, "address"), "address = host:port",
              "[%.*s] has no address", SLICE_ARG(section->text));
    } else if (backend->address.kind == CONF_ADDRESS_TCP && backend->address.port == 0) {
        fault(checker, origin_line(section, "address"), "a port of 1 to 65535",
              "address = %.*s: no server listens on port 0", SLICE_ARG(backend->address.text));
    }
    certificate_check(checker, section, backend->tls_cert, backend->tls_key);
    if (backend->tls_ca.len > 0 && !verifies) {
        warn(checker, origin_line(section, "tls_ca"), "tls = verify_ca or verify_identity uses it",
             "tls_ca of [%.*s] is not used", SLICE_ARG(section->text));
    }
}

static const struct origin_section *origin_of_backend(const struct checker *checker, size_t index)
{
    const struct conf_origin *origin = checker->config->origin;
    size_t i = 0;
    while (origin->sections[i].data != &checker->config->backends[index]) {
        i++;
    }
    return &origin->sections[i];
}

static void backend_pair_check(struct checker *checker, size_t first, size_t second)
{
    const struct conf_backend *a = &checker->config->backends[first];
    const struct conf_backend *b = &checker->config->backends[second];
    const struct origin_section *section = origin_of_backend(checker, second);

    if (a->address.kind != CONF_ADDRESS_NONE && conf_address_equal(&a->address, &b->address)) {
        fault(checker, origin_line(section, "address"), "one section a server",
              "[backend:%.*s] has the address of [backend:%.*s], %.*s", SLICE_ARG(b->name),
              SLICE_ARG(a->name), SLICE_ARG(b->address.text));
    }
    if (a->role == CONF_ROLE_PRIMARY && b->role == CONF_ROLE_PRIMARY) {
        fault(checker, origin_line(section, "role"),
              "writes go to one server; role = auto goes by what the servers say",
              "[backend:%.*s] is a primary, and [backend:%.*s] is one already", SLICE_ARG(b->name),
              SLICE_ARG(a->name));
    }
}

static void backends_check(struct checker *checker)
{
    const struct config *config = checker->config;
    size_t replicas = 0;
    if (config->backend_count == 0 && config->origin->is_partial) {
        return; // it may be the one that was wrong
    }
    if (config->backend_count == 0) {
        fault(checker, 0, "add [backend:db1] with address = host:port",
              "no server: there is no section [backend:NAME]");
        return;
    }
    if (config->backend_count > CONF_BACKENDS_MAX) {
        fault(checker, config->backends[CONF_BACKENDS_MAX].line, NULL, "%zu servers; at most %d",
              config->backend_count, CONF_BACKENDS_MAX);
        return;
    }
    for (size_t i = 0; i < config->backend_count; i++) {
        replicas += config->backends[i].role == CONF_ROLE_REPLICA ? 1 : 0;
        for (size_t j = 0; j < i; j++) {
            backend_pair_check(checker, j, i);
        }
    }
    if (replicas == config->backend_count) {
        warn(checker, origin_line(origin_of_backend(checker, 0), "role"),
             "role = auto goes by what the servers say",
             "every server is a replica: writes have nowhere to go");
    }
}

// --- accounts

static void auth_check(struct checker *checker, const struct origin_section *section)
{
    const struct conf_auth *auth = section->data;
    if (auth->mode == CONF_AUTH_FILE && checker->config->user_count == 0 &&
        !checker->config->origin->is_partial) {
        fault(checker, origin_line(section, "mode"), "add [user:NAME] with a password",
              "mode = file, and there is no section [user:NAME]: nobody could log in");
    }
}

// A word of consistency that is understood and not built.
static void consistency_check(struct checker *checker, const struct origin_section *section,
                              enum conf_consistency consistency)
{
    if (consistency == CONF_CONSISTENCY_GLOBAL) {
        warn(checker, origin_line(section, "consistency"),
             "until then it is as consistency = session", "consistency = global is not yet active");
    }
}

static void user_check(struct checker *checker, const struct origin_section *section)
{
    const struct conf_user *user = section->data;
    consistency_check(checker, section, user->consistency);
    bool is_given = user->has_password || origin_is_wrong(section, "password") ||
                    origin_is_wrong(section, "password_file");
    bool has_hash = user->has_password_hash || origin_is_wrong(section, "password_hash");
    if (!is_given && !has_hash) {
        fault(checker, origin_section_line(section),
              "set password, password_file or password_hash; password = with nothing behind it is "
              "an empty one",
              "[%.*s] has no password", SLICE_ARG(section->text));
    } else if (is_given && has_hash) {
        fault(checker, origin_line(section, "password_hash"), "keep one of them",
              "both a password and password_hash in [%.*s]", SLICE_ARG(section->text));
    }
}

static void monitor_check(struct checker *checker, const struct origin_section *section)
{
    const struct conf_monitor *monitor = section->data;
    bool is_unsure = origin_is_wrong(section, "replication_user");
    if (monitor->user.len == 0) {
        fault(checker, origin_line(section, "user"), "the account that watches the servers",
              "user of [monitor] is empty");
    }
    if (monitor->failover == CONF_FAILOVER_AUTO) {
        warn(checker, origin_line(section, "failover"), "until then it is as failover = follow",
             "failover = auto is not yet active");
        if (monitor->replication_user.len == 0 && !is_unsure) {
            fault(checker, origin_line(section, "failover"),
                  "replication_user is who replicas log in as on a new primary",
                  "failover = auto without replication_user");
        }
    }
    if (monitor->replication_password.len > 0 && monitor->replication_user.len == 0 && !is_unsure) {
        fault(checker, origin_section_line(section), "name the account it belongs to",
              "replication_password without replication_user");
    }
}

// --- the operator's ports

static void admin_exposure_check(struct checker *checker, const struct origin_section *section)
{
    const struct conf_admin *admin = section->data;
    for (size_t i = 0; i < admin->listen_count; i++) {
        if (!conf_address_is_local(&admin->listen[i])) {
            fault(checker, origin_line(section, "listen"),
                  "set password of [admin], or listen on loopback or a socket",
                  "the admin port would be open to everybody: %.*s without a password",
                  SLICE_ARG(admin->listen[i].text));
        }
    }
    for (size_t i = 0; i < admin->http_listen_count; i++) {
        if (!conf_address_is_local(&admin->http_listen[i])) {
            warn(checker, origin_line(section, "http_listen"),
                 "set password of [admin], or listen on loopback or a socket",
                 "everybody who reaches %.*s may look at metrics",
                 SLICE_ARG(admin->http_listen[i].text));
        }
    }
}

static void stats_user_check(struct checker *checker, const struct origin_section *section)
{
    const struct conf_admin *admin = section->data;
    bool is_unsure = origin_is_wrong(section, "stats_user") ||
                     origin_is_wrong(section, "stats_password") ||
                     origin_is_wrong(section, "stats_password_file");
    if (is_unsure) {
        return;
    }
    if (admin->stats_user.len > 0 && admin->stats_password.len == 0) {
        fault(checker, origin_line(section, "stats_user"), "set stats_password",
              "stats_user without stats_password");
    }
    if (admin->stats_user.len == 0 && admin->stats_password.len > 0) {
        fault(checker, origin_section_line(section), "name the account it belongs to",
              "stats_password without stats_user");
    }
    if (admin->stats_user.len > 0 && slice_equal(admin->stats_user, admin->user)) {
        fault(checker, origin_line(section, "stats_user"), "give them names of their own",
              "stats_user and user of [admin] are the same");
    }
}

static void admin_check(struct checker *checker, const struct origin_section *section)
{
    const struct conf_admin *admin = section->data;
    bool is_unsure =
        origin_is_wrong(section, "password") || origin_is_wrong(section, "password_file");
    if (admin->password.len == 0 && !is_unsure) {
        admin_exposure_check(checker, section);
    }
    if (admin->user.len == 0) {
        fault(checker, origin_line(section, "user"), NULL, "user of [admin] is empty");
    }
    stats_user_check(checker, section);
    listen_count_check(checker, section, "listen", admin->listen_count);
    listen_count_check(checker, section, "http_listen", admin->http_listen_count);
}

// --- rules

static void rule_route_check(struct checker *checker, const struct origin_section *section)
{
    struct conf_rule *rule = section->data;
    struct config *config = checker->config;
    bool is_wrong = origin_is_wrong(section, "route");
    if (rule->route.target != CONF_TARGET_BACKEND || is_wrong ||
        config->backend_count > CONF_BACKENDS_MAX) {
        return;
    }
    rule->route.backend = config_backend(config, rule->route.backend_name);
    if (rule->route.backend >= 0 || config->origin->is_partial) {
        return;
    }
    struct nearest nearest = nearest_start(rule->route.backend_name);
    struct buffer hint = BUFFER_INIT;
    for (size_t i = 0; i < config->backend_count; i++) {
        nearest_offer(&nearest, config->backends[i].name);
    }
    if (nearest.best.len > 0) {
        buffer_print(&hint, "did you mean \"%.*s\"? ", SLICE_ARG(nearest.best));
    }
    buffer_print(&hint, "allowed:");
    for (size_t i = 0; i < config->backend_count; i++) {
        buffer_print(&hint, "%s %.*s", i > 0 ? "," : "", SLICE_ARG(config->backends[i].name));
    }
    buffer_append(&hint, "", 1);
    fault(checker, origin_line(section, "route"), (const char *)buffer_ptr(&hint),
          "route = backend=%.*s: no section [backend:%.*s]", SLICE_ARG(rule->route.backend_name),
          SLICE_ARG(rule->route.backend_name));
    buffer_release(&hint);
}

static bool is_listen_wrong(const struct config *config)
{
    return origin_is_wrong(origin_find(config->origin, S("proxy")), "listen");
}

static bool is_proxy_listen(const struct config *config, const struct conf_address *address)
{
    for (size_t i = 0; i < config->proxy.listen_count && i < CONF_LISTEN_MAX; i++) {
        if (conf_address_equal(&config->proxy.listen[i], address)) {
            return true;
        }
    }
    return false;
}

// Whether any statement at all matches.
static bool rule_has_condition(const struct conf_rule *rule)
{
    return rule->match.len > 0 || rule->match_digest.len > 0 || rule->tables_count > 0 ||
           rule->user_count > 0 || rule->schema_count > 0 || rule->client_count > 0 ||
           rule->listen_count > 0;
}

static void rule_check(struct checker *checker, const struct origin_section *section)
{
    const struct conf_rule *rule = section->data;
    const struct config *config = checker->config;

    rule_route_check(checker, section);
    consistency_check(checker, section, rule->consistency);
    for (size_t i = 0; i < rule->listen_count && !is_listen_wrong(config); i++) {
        if (!is_proxy_listen(config, &rule->listen[i])) {
            fault(checker, origin_line(section, "listen"), "name it as proxy.listen does",
                  "listen = %.*s of [%.*s] is no address of proxy.listen",
                  SLICE_ARG(rule->listen[i].text), SLICE_ARG(section->text));
        }
    }
    if (rule->message.len > 0 && rule->route.target != CONF_TARGET_BLOCK) {
        warn(checker, origin_line(section, "message"), "only a blocked client reads it",
             "message of [%.*s] without route = block", SLICE_ARG(section->text));
    }
    if (!rule_has_condition(rule) && rule != &config->rules[config->rule_count - 1]) {
        warn(checker, rule[1].line, "the first rule that matches wins",
             "[rule:%.*s] and what follows are never reached: [%.*s] above matches everything",
             SLICE_ARG(rule[1].name), SLICE_ARG(section->text));
    }
}

// --- names in lists

// "function" or "schema.function".
static bool is_function_name(struct slice name)
{
    size_t dot = slice_find(name, '.');
    struct slice function = slice_from(name, dot + 1);
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == ' ' || name.ptr[i] == '(' || name.ptr[i] == ')') {
            return false;
        }
    }
    return dot == name.len ||
           (dot > 0 && function.len > 0 && slice_find(function, '.') == function.len);
}

static void routing_check(struct checker *checker, const struct origin_section *section)
{
    const struct conf_routing *routing = section->data;
    consistency_check(checker, section, routing->consistency);
    for (size_t i = 0; i < routing->pure_functions_count; i++) {
        if (!is_function_name(routing->pure_functions[i])) {
            fault(checker, origin_line(section, "pure_functions"),
                  "names without parentheses: shop.price, shop.tax",
                  "pure_functions: \"%.*s\" is no name of a function",
                  SLICE_ARG(routing->pure_functions[i]));
        }
    }
}

// --- the whole

typedef void(section_check_fn)(struct checker *checker, const struct origin_section *section);

static section_check_fn *const section_checks[OPTION_SECTION_COUNT] = {
    [OPTION_SECTION_proxy] = proxy_check,     [OPTION_SECTION_backend] = backend_check,
    [OPTION_SECTION_auth] = auth_check,       [OPTION_SECTION_user] = user_check,
    [OPTION_SECTION_monitor] = monitor_check, [OPTION_SECTION_routing] = routing_check,
    [OPTION_SECTION_rule] = rule_check,       [OPTION_SECTION_admin] = admin_check,
};

void config_check(struct config *config, struct diagnostics *diagnostics)
{
    struct checker checker = {config, diagnostics};
    const struct conf_origin *origin = config->origin;
    for (size_t i = 0; i < origin->section_count; i++) {
        section_check_fn *check = section_checks[origin->sections[i].kind - option_sections];
        if (check != NULL) {
            check(&checker, &origin->sections[i]);
        }
    }
    backends_check(&checker);
    listeners_check(&checker);
}
