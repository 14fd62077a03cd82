// What a right file becomes, and how it is shown, compared and changed.
#include "conf/config.h"

#include "proxy/base/memory.h"

#include <setjmp.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#define SERVER "[backend:db1]\naddress = db1:3306\n"

// Parses, and fails the test with all that is said where it is wrong.
static const struct config *parse(const char *text)
{
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    const struct config *config =
        config_parse(slice_text(text), "proxy.ini", CONFIG_OPEN, &diagnostics);
    if (config == NULL) {
        diagnostics_print(&diagnostics, stderr);
        fail();
    }
    diagnostics_release(&diagnostics);
    return config;
}

static void assert_slice(struct slice s, const char *text)
{
    assert_string_equal(s.len > 0 ? s.ptr : "", text); // also that a NUL stands behind it
    assert_int_equal(s.len, strlen(text));
}

static char *print(const struct config *config)
{
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    config_print(config, out);
    fclose(out);
    return text;
}

// --- defaults

// The contract with the operator, in the order of the file.
static const char *const defaults[][3] = {
    {"proxy", "listen", "127.0.0.1:6033, /run/sluice/sluice.sock"},
    {"proxy", "workers", "auto"},
    {"proxy", "max_clients", "10000"},
    {"proxy", "connect_timeout", "3s"},
    {"proxy", "queue_timeout", "10s"},
    {"proxy", "query_timeout", "0"},
    {"proxy", "idle_timeout", "8h"},
    {"proxy", "max_transaction_time", "0"},
    {"proxy", "max_packet", "64M"},
    {"proxy", "drain_timeout", "30s"},
    {"proxy", "server_version", "auto"},
    {"proxy", "tls", "preferred"},
    {"proxy", "tls_cert", ""},
    {"proxy", "tls_key", ""},
    {"proxy", "tls_ca", ""},
    {"proxy", "proxy_protocol", ""},
    {"proxy", "compression", "yes"},
    {"backend:db1", "address", ""},
    {"backend:db1", "role", "auto"},
    {"backend:db1", "weight", "100"},
    {"backend:db1", "max_connections", "100"},
    {"backend:db1", "tls", "preferred"},
    {"backend:db1", "tls_ca", ""},
    {"backend:db1", "tls_cert", ""},
    {"backend:db1", "tls_key", ""},
    {"backend:db1", "discover", "no"},
    {"backend:db1", "zone", ""},
    {"backend:db1", "send_proxy", "no"},
    {"backend:db1", "compression", "no"},
    {"backend:db1", "replication_address", ""},
    {"auth", "mode", "passthrough"},
    {"auth", "recheck", "60s"},
    {"user:app", "password", ""},
    {"user:app", "password_file", ""},
    {"user:app", "password_hash", ""},
    {"user:app", "password2", ""},
    {"user:app", "password2_file", ""},
    {"user:app", "max_connections", "0"},
    {"user:app", "queries_per_second", "0"},
    {"user:app", "consistency", ""},
    {"user:app", "readonly", "no"},
    {"monitor", "user", "monitor"},
    {"monitor", "password", ""},
    {"monitor", "password_file", ""},
    {"monitor", "interval", "500ms"},
    {"monitor", "timeout", "1s"},
    {"monitor", "failures", "3"},
    {"monitor", "max_lag", "10s"},
    {"monitor", "failover", "follow"},
    {"monitor", "failover_quorum", "majority"},
    {"monitor", "replication_user", ""},
    {"monitor", "replication_password", ""},
    {"monitor", "replication_password_file", ""},
    {"monitor", "outlier_limit", "50%"},
    {"monitor", "slow_start", "10s"},
    {"routing", "consistency", "session"},
    {"routing", "consistency_wait", "50ms"},
    {"routing", "write_hold", "2s"},
    {"routing", "retry_budget", "10%"},
    {"routing", "balance", "p2c"},
    {"routing", "multiplexing", "yes"},
    {"routing", "transaction_replay", "yes"},
    {"routing", "replay_size", "1M"},
    {"routing", "default_target", "split"},
    {"routing", "pure_functions", ""},
    {"rule:catalogue", "match", ""},
    {"rule:catalogue", "match_digest", ""},
    {"rule:catalogue", "tables", ""},
    {"rule:catalogue", "user", ""},
    {"rule:catalogue", "schema", ""},
    {"rule:catalogue", "client", ""},
    {"rule:catalogue", "listen", ""},
    {"rule:catalogue", "route", ""},
    {"rule:catalogue", "cache", ""},
    {"rule:catalogue", "max_lag", ""},
    {"rule:catalogue", "timeout", ""},
    {"rule:catalogue", "queries_per_second", "0"},
    {"rule:catalogue", "message", ""},
    {"rule:catalogue", "log", "no"},
    {"rule:catalogue", "consistency", ""},
    {"rule:catalogue", "shared", "no"},
    {"rule:catalogue", "stale_ttl", ""},
    {"rule:catalogue", "dry_run", "no"},
    {"limits", "logins_per_second", "0"},
    {"limits", "clients_per_network", "0"},
    {"limits", "queue_target", "5ms"},
    {"limits", "queue_interval", "100ms"},
    {"cache", "enabled", "no"},
    {"cache", "memory", "64M"},
    {"cache", "max_result", "1M"},
    {"cache", "default_ttl", "0"},
    {"cache", "stale_ttl", "0"},
    {"cache", "binlog", "yes"},
    {"redis", "address", ""},
    {"redis", "user", ""},
    {"redis", "password", ""},
    {"redis", "password_file", ""},
    {"redis", "tls", "disabled"},
    {"redis", "database", "0"},
    {"redis", "prefix", "sluice"},
    {"redis", "timeout", "100ms"},
    {"admin", "listen", "127.0.0.1:6032"},
    {"admin", "http_listen", "127.0.0.1:6070"},
    {"admin", "user", "admin"},
    {"admin", "password", ""},
    {"admin", "password_file", ""},
    {"admin", "stats_user", ""},
    {"admin", "stats_password", ""},
    {"admin", "stats_password_file", ""},
    {"admin", "watch", "no"},
    {"log", "level", "info"},
    {"log", "format", "text"},
    {"log", "file", "stderr"},
    {"log", "slow_query", "1s"},
    {"trace", "endpoint", ""},
    {"trace", "sample", "0.01"},
};
enum { DEFAULTS = sizeof(defaults) / sizeof(defaults[0]) };

// One of each named section, with no more than it must have.
#define LEAST                                                                                      \
    SERVER "[user:app]\npassword =\n"                                                              \
           "[rule:catalogue]\nlog = no\n"

static void test_the_defaults_are_the_contract(void **state)
{
    const struct config *config = parse(LEAST);
    struct arena arena = ARENA_INIT;
    size_t count;
    const struct config_row *rows = config_rows(config, &arena, &count);
    (void)state;
    assert_int_equal(count, DEFAULTS);
    for (size_t i = 0; i < count; i++) {
        assert_slice(rows[i].section, defaults[i][0]);
        assert_slice(rows[i].key, defaults[i][1]);
        assert_slice(rows[i].default_value, defaults[i][2]);
        bool is_address = slice_equal(rows[i].key, S("address")) && i < 20;
        assert_slice(rows[i].value, is_address ? "db1:3306" : defaults[i][2]);
        assert_true(rows[i].description.len > 10);
        assert_int_equal(rows[i].description.ptr[rows[i].description.len - 1], '.');
    }
    arena_release(&arena);
    config_unref(config);
}

static void test_default_fields_are_what_the_defaults_say(void **state)
{
    const struct config *config = parse(LEAST);
    const struct conf_rule *rule = &config->rules[0];
    (void)state;
    assert_int_equal(config->proxy.listen_count, 2);
    assert_int_equal(config->proxy.listen[0].kind, CONF_ADDRESS_TCP);
    assert_slice(config->proxy.listen[0].host, "127.0.0.1");
    assert_int_equal(config->proxy.listen[0].port, 6033);
    assert_int_equal(config->proxy.listen[1].kind, CONF_ADDRESS_UNIX);
    assert_slice(config->proxy.listen[1].path, "/run/sluice/sluice.sock");
    assert_int_equal(config->proxy.workers, 0);
    assert_int_equal(config->proxy.connect_timeout_us, 3000000);
    assert_int_equal(config->proxy.idle_timeout_us, INT64_C(8) * 3600 * 1000000);
    assert_int_equal(config->proxy.max_packet_bytes, 64 << 20);
    assert_int_equal(config->proxy.server_version.len, 0);
    assert_int_equal(config->proxy.tls, CONF_TLS_PREFERRED);
    assert_true(config->proxy.compression);
    assert_int_equal(config->monitor.outlier_limit_percent, 50);
    assert_false(config->monitor.has_password);
    assert_int_equal(config->routing.consistency, CONF_CONSISTENCY_SESSION);
    assert_int_equal(config->users[0].consistency, CONF_CONSISTENCY_INHERIT);
    assert_int_equal(rule->route.target, CONF_TARGET_INHERIT);
    assert_int_equal(rule->route.backend, -1);
    assert_int_equal(rule->cache_us, CONF_LEFT_OUT);
    assert_int_equal(rule->timeout_us, CONF_LEFT_OUT);
    assert_int_equal(rule->match_line, 0);
    assert_int_equal(config->redis.address.kind, CONF_ADDRESS_NONE);
    assert_int_equal(config->trace.sample_ppm, 10000);
    assert_int_equal(config->log.level, CONF_LOG_INFO);
    config_unref(config);
}

// --- reading

// The example of the design, one key a line, with a value wherever it leaves one open.
static const char example[] =
    "[proxy]\n"
    "listen = 127.0.0.1:6033, /run/sluice/sluice.sock  ; host:port, [v6]:port or a socket path, "
    "any "
    "number\n"
    "workers = auto              ; or a number\n"
    "max_clients = 10000\n"
    "connect_timeout = 3s        ; to a backend\n"
    "queue_timeout = 10s         ; longest wait for a backend connection or for a primary\n"
    "query_timeout = 0           ; 0 = none; kills the statement on the server\n"
    "idle_timeout = 8h           ; idle clients\n"
    "max_transaction_time = 0\n"
    "max_packet = 64M\n"
    "drain_timeout = 30s\n"
    "server_version = auto       ; what clients are told\n"
    "tls = preferred             ; disabled, preferred, required; without tls_cert a self-signed "
    "P-256 "
    "one is made (tried with Debian 13's mariadb client, which verifies by default: where it would "
    "be "
    "refused, the certificate proof of MariaDB is sent, else the default is disabled)\n"
    "tls_cert = /etc/sluice/cert.pem\n"
    "tls_key = /etc/sluice/key.pem\n"
    "tls_ca = /etc/sluice/ca.pem\n"
    "proxy_protocol =            ; networks (10.0.0.0/8, ...) whose connections start with PROXY "
    "v1 or "
    "v2\n"
    "compression = yes\n"
    "\n"
    "[backend:db1]               ; one section a server; the name is used everywhere\n"
    "address = 127.0.0.1:3306    ; host:port or a socket path\n"
    "role = auto                 ; auto (read_only and replication state decide), primary, "
    "replica\n"
    "weight = 100\n"
    "max_connections = 100\n"
    "tls = preferred             ; disabled, preferred, required, verify_ca, verify_identity\n"
    "zone =\n"
    "send_proxy = no             ; v2: tell the server the client's address (MariaDB understands "
    "it)\n"
    "replication_address =       ; what other servers re-point to\n"
    "\n"
    "[auth]\n"
    "mode = passthrough          ; passthrough or file\n"
    "recheck = 60s               ; a login verified longer ago is verified by the server again\n"
    "[user:app]\n"
    "password = secret\n"
    "password2 = secret2\n"
    "max_connections = 0         ; 0 = no limit of its own\n"
    "queries_per_second = 0\n"
    "consistency =               ; empty: the one of [routing]\n"
    "readonly = no               ; yes: a write gets 1290\n"
    "\n"
    "[monitor]\n"
    "user = monitor\n"
    "password = watching\n"
    "interval = 500ms\n"
    "timeout = 1s\n"
    "failures = 3                ; probes in a row before a server is down\n"
    "max_lag = 10s               ; a replica further behind takes no reads\n"
    "failover = follow           ; follow: obey read_only and the replication state\n"
    "failover_quorum = majority  ; of the configured servers must be reachable to promote\n"
    "replication_user = repl\n"
    "replication_password = copying\n"
    "outlier_limit = 50%         ; how many replicas may be out for slowness at once\n"
    "slow_start = 10s\n"
    "\n"
    "[routing]\n"
    "consistency = session       ; eventual, session (own writes and monotonic reads), global\n"
    "consistency_wait = 50ms     ; longest wait for a replica to catch up\n"
    "write_hold = 2s             ; where GTIDs are off\n"
    "retry_budget = 10%          ; retried reads, at most this share of all\n"
    "balance = p2c               ; p2c (least loaded of two), round_robin, least_connections\n"
    "multiplexing = yes\n"
    "transaction_replay = yes\n"
    "replay_size = 1M\n"
    "default_target = split      ; split, primary, replica\n"
    "pure_functions =            ; shop.price, shop.tax, ...\n"
    "\n"
    "[rule:catalogue]            ; an example, not defaults\n"
    "match = ^SELECT .* FROM products\n"
    "route = replica             ; primary, replica, backend=NAME, block\n"
    "cache = 30s\n"
    "max_lag = 2s\n"
    "timeout = 1s\n"
    "queries_per_second = 100\n"
    "message = text a blocked client gets\n"
    "log = yes\n"
    "consistency = eventual\n"
    "shared = no                 ; cached results may be served to other users\n"
    "stale_ttl = 0\n"
    "dry_run = no                ; count what the rule would have changed, change nothing\n"
    "\n"
    "[limits]\n"
    "logins_per_second = 0       ; per client address, failed ones\n"
    "clients_per_network = 0     ; per /24 or /64\n"
    "queue_target = 5ms          ; queue delay that may stand\n"
    "queue_interval = 100ms\n"
    "\n"
    "[cache]\n"
    "enabled = no                ; results are cached only where a rule, a hint or default_ttl "
    "says "
    "so\n"
    "memory = 64M\n"
    "max_result = 1M\n"
    "default_ttl = 0\n"
    "stale_ttl = 0               ; how long past its life an entry may be served\n"
    "binlog = yes                ; follow the primary's binary log\n"
    "[redis]\n"
    "address =                   ; 127.0.0.1:6379, say; empty: memory only\n"
    "user =\n"
    "password =\n"
    "tls = disabled\n"
    "database = 0\n"
    "prefix = sluice\n"
    "timeout = 100ms\n"
    "\n"
    "[admin]\n"
    "listen = 127.0.0.1:6032\n"
    "http_listen = 127.0.0.1:6070\n"
    "user = admin\n"
    "password = ruling\n"
    "stats_user = stats\n"
    "stats_password = looking\n"
    "watch = no                  ; reload when proxy.ini changes\n"
    "[log]\n"
    "level = info\n"
    "format = json\n"
    "file = /var/log/sluice.log\n"
    "slow_query = 1s\n"
    "[trace]\n"
    "endpoint =                  ; http://127.0.0.1:4318/v1/traces, say\n"
    "sample = 0.01\n";

static void test_the_example_of_the_design_is_right(void **state)
{
    const struct config *config = parse(example);
    const struct conf_rule *rule = &config->rules[0];
    (void)state;
    assert_int_equal(config->backend_count, 1);
    assert_slice(config->backends[0].name, "db1");
    assert_int_equal(config->backends[0].line, 20);
    assert_slice(config->backends[0].address.text, "127.0.0.1:3306");
    assert_true(config->backends[0].address.is_numeric);
    assert_slice(config->users[0].name, "app");
    assert_true(config->users[0].has_password);
    assert_slice(config->users[0].password2, "secret2");
    assert_slice(rule->match, "^SELECT .* FROM products");
    assert_int_equal(rule->match_line, 68);
    assert_int_equal(rule->route.target, CONF_TARGET_REPLICA);
    assert_int_equal(rule->cache_us, 30000000);
    assert_int_equal(rule->max_lag_us, 2000000);
    assert_int_equal(rule->timeout_us, 1000000);
    assert_int_equal(rule->queries_per_second, 100);
    assert_slice(rule->message, "text a blocked client gets");
    assert_true(rule->log);
    assert_int_equal(rule->consistency, CONF_CONSISTENCY_EVENTUAL);
    assert_int_equal(rule->stale_ttl_us, 0);
    assert_int_equal(config->log.format, CONF_LOG_JSON);
    config_unref(config);
}

static void test_values_of_each_type_are_read(void **state)
{
    const struct config *config = parse(
        "[proxy]\nworkers = 4\nquery_timeout = 1500us\nmax_packet = 12345\nserver_version = "
        "8.0.36-x\n"
        "proxy_protocol = 10.0.0.0/8, fd00::/8, 192.168.1.7\n"
        "listen = [::1]:6033\n"
        "[backend:db1]\naddress = /run/mysqld/mysqld.sock\nrole = PRIMARY\ntls = verify_identity\n"
        "send_proxy = v2\ndiscover = ON\n"
        "[backend:db2.eu-1]\naddress = db2.example.com:3307\n"
        "[user:x]\npassword_hash = *0123456789abcdefABCDEF0123456789abcdef01\nconsistency = "
        "global\n"
        "[routing]\npure_functions = shop.price,tax ,  shop.vat\nbalance = Least_Connections\n"
        "[rule:r]\nroute = backend=db2.eu-1\nclient = 10.1.0.0/16\nuser = a, b\ntimeout = 0\n"
        "[trace]\nsample = 1\n");
    const struct conf_proxy *proxy = &config->proxy;
    (void)state;
    assert_int_equal(proxy->workers, 4);
    assert_int_equal(proxy->query_timeout_us, 1500);
    assert_int_equal(proxy->max_packet_bytes, 12345);
    assert_slice(proxy->server_version, "8.0.36-x");
    assert_int_equal(proxy->proxy_protocol_count, 3);
    assert_true(proxy->proxy_protocol[1].is_v6);
    assert_int_equal(proxy->proxy_protocol[2].prefix_len, 32);
    assert_slice(proxy->listen[0].host, "::1");
    assert_slice(proxy->listen[0].text, "[::1]:6033");
    assert_slice(config->backends[0].address.path, "/run/mysqld/mysqld.sock");
    assert_int_equal(config->backends[0].role, CONF_ROLE_PRIMARY);
    assert_int_equal(config->backends[0].tls, CONF_TLS_VERIFY_IDENTITY);
    assert_int_equal(config->backends[0].send_proxy, CONF_SEND_PROXY_V2);
    assert_true(config->backends[0].discover);
    assert_slice(config->backends[1].name, "db2.eu-1");
    assert_false(config->backends[1].address.is_numeric);
    assert_true(config->users[0].has_password_hash);
    assert_int_equal(config->users[0].password_hash[0], 0x01);
    assert_int_equal(config->users[0].password_hash[8], 0xab);
    assert_int_equal(config->users[0].password_hash[19], 0x01);
    assert_int_equal(config->routing.pure_functions_count, 3);
    assert_slice(config->routing.pure_functions[1], "tax");
    assert_int_equal(config->routing.balance, CONF_BALANCE_LEAST_CONNECTIONS);
    assert_int_equal(config->rules[0].route.target, CONF_TARGET_BACKEND);
    assert_int_equal(config->rules[0].route.backend, 1);
    assert_int_equal(config->rules[0].timeout_us, 0);
    assert_int_equal(config->rules[0].user_count, 2);
    assert_int_equal(config->trace.sample_ppm, 1000000);
    config_unref(config);
}

static void test_a_list_goes_on_in_numbered_lines(void **state)
{
    const struct config *config = parse(SERVER "[rule:r]\ntables = a, b\nlog = yes\ntables.1 = c\n"
                                               "tables.2 = d, e\n");
    (void)state;
    assert_int_equal(config->rules[0].tables_count, 5);
    assert_slice(config->rules[0].tables[0], "a");
    assert_slice(config->rules[0].tables[2], "c");
    assert_slice(config->rules[0].tables[4], "e");
    config_unref(config);
}

static void test_a_list_in_the_file_replaces_the_default(void **state)
{
    const struct config *config =
        parse(SERVER "[proxy]\nlisten = 0.0.0.0:1\nlisten.1 = 0.0.0.0:2\n");
    (void)state;
    assert_int_equal(config->proxy.listen_count, 2);
    assert_int_equal(config->proxy.listen[1].port, 2);
    assert_true(config_is_set(config, "proxy", "listen"));
    assert_false(config_is_set(config, "admin", "listen"));
    assert_false(config_is_set(config, "nowhere", "listen"));
    assert_true(config_is_set(config, "backend:db1", "address"));
    config_unref(config);
}

static void test_environment_variables_are_taken(void **state)
{
    (void)state;
    setenv("SLUICE_TEST_HOST", "db9", 1);
    setenv("SLUICE_TEST_PORT", "3310", 1);
    setenv("SLUICE_TEST_SECRET", "with ; and ${x}", 1);
    const struct config *config =
        parse("[backend:db1]\naddress = ${SLUICE_TEST_HOST}:${SLUICE_TEST_PORT}\n"
              "[user:a]\npassword = ${SLUICE_TEST_SECRET}\n");
    assert_slice(config->backends[0].address.text, "db9:3310");
    assert_slice(config->users[0].password, "with ; and ${x}");
    config_unref(config);
}

// A file with `content` in the folder for such things; the caller frees and unlinks the path.
static char *file_make(const char *content)
{
    char path[] = "/tmp/sluice-test-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, content, strlen(content)), strlen(content));
    close(file);
    return mem_text(path, strlen(path));
}

static void secret_file_try(const char *content, const char *secret)
{
    char *path = file_make(content);
    struct arena arena = ARENA_INIT;
    struct slice text = arena_print(&arena, SERVER "[user:a]\npassword_file = %s\n", path);
    const struct config *config = parse(text.ptr);
    assert_true(config->users[0].has_password);
    assert_slice(config->users[0].password, secret);
    assert_slice(config->users[0].password_file, path);
    config_unref(config);
    arena_release(&arena);
    unlink(path);
    mem_free(path);
}

static void test_a_secret_comes_from_its_file(void **state)
{
    (void)state;
    secret_file_try("plain", "plain");
    secret_file_try("line\n", "line");
    secret_file_try("line\r\n", "line");
    secret_file_try("two\n\n", "two\n");
    secret_file_try(" any ; thing ${X} ", " any ; thing ${X} ");
    secret_file_try("cr\r", "cr\r");
}

static void test_a_file_is_loaded_by_its_path(void **state)
{
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    char *path = file_make(SERVER);
    const struct config *config = config_load(path, &diagnostics);
    (void)state;
    assert_non_null(config);
    assert_string_equal(config->file, path);
    assert_int_equal(diagnostics.count, 0);
    unlink(path);
    assert_null(config_load(path, &diagnostics));
    assert_int_equal(diagnostics.errors, 1);
    assert_string_equal(diagnostics.items[0].text, "No such file or directory");
    assert_string_equal(diagnostics.items[0].file, path);
    diagnostics_release(&diagnostics);
    assert_null(config_load("/", &diagnostics));
    assert_int_equal(diagnostics.errors, 1);
    diagnostics_release(&diagnostics);
    config_unref(config);
    mem_free(path);
}

static void test_names_are_found(void **state)
{
    const struct config *config = parse(
        SERVER "[backend:db2]\naddress = x:1\n[user:a]\npassword = x\n[user:b]\npassword = y\n");
    (void)state;
    assert_ptr_equal(config_user(config, S("b")), &config->users[1]);
    assert_null(config_user(config, S("B")));
    assert_int_equal(config_backend(config, S("db2")), 1);
    assert_int_equal(config_backend(config, S("db3")), -1);
    assert_ptr_equal(config_ref(config), config);
    config_unref(config);
    assert_non_null(config_user(config, S("a")));
    config_unref(config);
    config_unref(NULL);
}

// --- printing

static void assert_print_is_fixed(const struct config *config)
{
    char *once = print(config);
    const struct config *again = parse(once);
    char *twice = print(again);
    assert_string_equal(once, twice);
    config_unref(again);
    free(once);
    free(twice);
}

static void test_what_is_printed_reads_and_prints_the_same(void **state)
{
    static const char *const texts[] = {
        LEAST,
        example,
        "[backend:db1]\naddress = [::0001]:3306\nweight = 0\n[user:a]\n"
        "password_hash = *0123456789abcdefABCDEF0123456789abcdef01\npassword2 = x\n"
        "[proxy]\nidle_timeout = 90000ms\nmax_packet = 1048577\nproxy_protocol = fd00:0::/16\n"
        "[rule:a]\nroute = Backend=db1\ncache = 0\nlog = 1\n[rule:b]\nmatch = a;b\nmax_lag = 61s\n"
        "[trace]\nsample = 0.5\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const struct config *config = parse(texts[i]);
        assert_print_is_fixed(config);
        config_unref(config);
    }
}

// A list of `count` names of `len` letters, written with as many lines as it takes.
static void long_list_try(unsigned count, int len)
{
    struct arena arena = ARENA_INIT;
    struct slice text = S(SERVER "[rule:r]\n");
    for (unsigned i = 0; i < count; i++) {
        struct slice part = i > 0 ? arena_print(&arena, ".%u", i) : S("");
        text =
            arena_print(&arena, "%.*stables%.*s=%0*u\n", SLICE_ARG(text), SLICE_ARG(part), len, i);
    }
    const struct config *config = parse(text.ptr);
    assert_int_equal(config->rules[0].tables_count, count);
    char *once = print(config);
    const struct config *again = parse(once);
    assert_int_equal(again->rules[0].tables_count, count);
    for (unsigned i = 0; i < count; i++) {
        assert_true(slice_equal(config->rules[0].tables[i], again->rules[0].tables[i]));
    }
    assert_print_is_fixed(again);
    free(once);
    config_unref(again);
    config_unref(config);
    arena_release(&arena);
}

static void test_long_lists_are_printed_in_lines_that_can_be_read(void **state)
{
    (void)state;
    for (int len = 1; len <= 150; len += 7) {
        long_list_try(1, len);
        long_list_try(2, len);
        long_list_try(40, len);
    }
    long_list_try(40, 150);
}

static void test_a_value_of_the_whole_line_is_printed_so_that_it_fits(void **state)
{
    char text[300];
    (void)state;
    for (int len = 180; len <= 194; len++) {
        snprintf(text, sizeof(text), SERVER "[log]\nfile=%0*d\n", len, 7);
        const struct config *config = parse(text);
        assert_print_is_fixed(config);
        config_unref(config);
    }
}

static void test_secrets_are_masked(void **state)
{
    static const char text[] =
        SERVER "[user:topsecret-user]\npassword = topsecret\npassword2 = topsecret\n"
               "[user:h]\npassword_hash = *0123456789abcdefABCDEF0123456789abcdef01\n"
               "[user:e]\npassword =\n"
               "[monitor]\npassword = topsecret\n[redis]\npassword = topsecret\n"
               "[admin]\npassword = topsecret\nstats_user = s\nstats_password = topsecret\n";
    const struct config *config = parse(text);
    struct arena arena = ARENA_INIT;
    size_t count;
    const struct config_row *rows = config_rows(config, &arena, &count);
    char *printed = print(config);
    (void)state;
    assert_non_null(
        strstr(printed, "[user:topsecret-user]\npassword = ********\npassword2 = ********\n"));
    assert_non_null(strstr(printed, "password_hash = *0000000000000000000000000000000000000000\n"));
    assert_non_null(strstr(printed, "[user:e]\npassword =\n"));
    assert_null(strstr(printed, "= topsecret"));
    assert_null(strstr(printed, "abcdef"));
    for (size_t i = 0; i < count; i++) {
        assert_false(slice_equal(rows[i].value, S("topsecret")));
    }
    free(printed);
    arena_release(&arena);
    config_unref(config);
}

static void test_the_reference_has_every_option_once(void **state)
{
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    (void)state;
    config_print_options(out);
    fclose(out);
    size_t rows = 0;
    for (const char *at = text; (at = strstr(at, "\n| `")) != NULL; at++) {
        rows++;
    }
    assert_int_equal(rows, DEFAULTS);
    assert_non_null(strstr(text, "### `[proxy]`\n\nWhat clients connect to"));
    assert_non_null(strstr(text, "### `[backend:NAME]`\n"));
    assert_non_null(
        strstr(text, "\n| `max_clients` | `10000` | 1 to 1000000 | at once | Most clients"));
    assert_non_null(strstr(text, "\n| `workers` | `auto` | auto, or 1 to 64 | restart |"));
    assert_non_null(
        strstr(text, "\n| `discover` | `no` | yes or no (on, off, true, false, 1, 0) | at once | "
                     "Whether each address that the host name stands for is a server of its "
                     "own. Not yet active. |\n"));
    free(text);
}

// --- differences

static void diff_try(const char *before_text, const char *after_text, const char *expected)
{
    static const char *const kinds[] = {"changed", "added", "removed", "moved"};
    const struct config *before = parse(before_text);
    const struct config *after = parse(after_text);
    struct arena arena = ARENA_INIT;
    struct slice told = S("");
    size_t count;
    const struct config_change *changes = config_diff(before, after, &arena, &count);
    for (size_t i = 0; i < count; i++) {
        const struct config_change *change = &changes[i];
        told = arena_print(&arena, "%.*s%s %.*s %.*s '%.*s' '%.*s' %s\n", SLICE_ARG(told),
                           kinds[change->kind], SLICE_ARG(change->section), SLICE_ARG(change->key),
                           SLICE_ARG(change->before), SLICE_ARG(change->after),
                           change->is_live ? "now" : "restart");
    }
    assert_string_equal(told.ptr, expected);
    arena_release(&arena);
    config_unref(before);
    config_unref(after);
}

static void test_differences_are_told(void **state)
{
    (void)state;
    diff_try(LEAST, LEAST, "");
    diff_try(LEAST, LEAST "[log]\nlevel = info\n", "");
    diff_try(LEAST, LEAST "[log]\nlevel = debug\n[auth]\nmode = file\n",
             "changed auth mode 'passthrough' 'file' now\n"
             "changed log level 'info' 'debug' now\n");
    diff_try(SERVER, SERVER "weight = 5\n[proxy]\nlisten = a:1\n",
             "changed proxy listen '127.0.0.1:6033, /run/sluice/sluice.sock' 'a:1' restart\n"
             "changed backend:db1 weight '100' '5' now\n");
    diff_try(SERVER, SERVER "[backend:db2]\naddress = x:1\n", "added backend:db2  '' '' now\n");
    diff_try(SERVER "[user:a]\npassword = x\n", SERVER, "removed user:a  '' '' now\n");
    diff_try(SERVER "[user:a]\npassword = x\n", SERVER "[user:a]\npassword = y\n",
             "changed user:a password '********' '********' now\n");
    diff_try(SERVER "[user:a]\npassword = x\n", SERVER "[user:a]\npassword =\n",
             "changed user:a password '********' '' now\n");
    diff_try(SERVER "[rule:a]\nuser = x\n[rule:b]\nuser = y\n",
             SERVER "[rule:b]\nuser = y\n[rule:a]\nuser = x\n", "moved rule  '' '' now\n");
    diff_try(SERVER "[rule:a]\nuser = x\n[rule:b]\nuser = y\n[rule:c]\nuser = z\n",
             SERVER "[rule:a]\nuser = x\n[rule:d]\nuser = z\n[rule:c]\nuser = z\n",
             "added rule:d  '' '' now\nremoved rule:b  '' '' now\n");
    diff_try("[backend:a]\naddress = a:1\n[backend:b]\naddress = b:1\n",
             "[backend:b]\naddress = b:1\n[backend:a]\naddress = a:1\n",
             "moved backend  '' '' now\n");
}

// --- changing one option

static void test_one_option_is_changed(void **state)
{
    const struct config *config = parse(LEAST "[proxy]\nlisten = a:1\nlisten.1 = b:1\n");
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    (void)state;
    const struct config *changed =
        config_set(config, S("backend:db1.weight"), S(" 7 "), &diagnostics);
    assert_non_null(changed);
    assert_int_equal(changed->backends[0].weight, 7);
    assert_int_equal(config->backends[0].weight, 100);
    assert_int_equal(changed->proxy.listen_count, 2);
    assert_string_equal(changed->file, "proxy.ini");

    // Once more on top: both stand. A section that the file does not have may be set too.
    const struct config *twice = config_set(changed, S("log.level"), S("debug"), &diagnostics);
    assert_non_null(twice);
    assert_int_equal(twice->log.level, CONF_LOG_DEBUG);
    assert_int_equal(twice->backends[0].weight, 7);
    const struct config *again = config_set(twice, S("log.level"), S("warn"), &diagnostics);
    assert_int_equal(again->log.level, CONF_LOG_WARN);
    assert_int_equal(diagnostics.count, 0);
    config_unref(again);
    config_unref(twice);
    config_unref(changed);
    config_unref(config);
    diagnostics_release(&diagnostics);
}

static void test_a_list_is_set_as_a_whole(void **state)
{
    const struct config *config = parse(SERVER "[rule:r]\ntables = a\ntables.1 = b\n");
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    (void)state;
    const struct config *changed = config_set(config, S("rule:r.tables"), S("x, y"), &diagnostics);
    assert_int_equal(changed->rules[0].tables_count, 2);
    assert_slice(changed->rules[0].tables[0], "x");
    config_unref(changed);
    config_unref(config);
    diagnostics_release(&diagnostics);
}

static void test_a_set_password_takes_the_place_of_its_file(void **state)
{
    char *path = file_make("from file\n");
    struct arena arena = ARENA_INIT;
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    struct slice text = arena_print(
        &arena, SERVER "[user:a]\npassword_file = %s\n[user:b]\npassword_file = %s\n", path, path);
    const struct config *config = parse(text.ptr);
    (void)state;
    unlink(path); // a secret that was read once is not read again
    const struct config *changed =
        config_set(config, S("user:a.password"), S("with ; and ${PATH}"), &diagnostics);
    assert_non_null(changed);
    assert_slice(changed->users[0].password, "with ; and ${PATH}");
    assert_int_equal(changed->users[0].password_file.len, 0);
    assert_slice(changed->users[1].password, "from file");
    config_unref(changed);
    config_unref(config);
    diagnostics_release(&diagnostics);
    arena_release(&arena);
    mem_free(path);
}

// --- what needs a restart stays

static const struct config *follow(const struct config *running, const char *text, size_t errors)
{
    const struct config *wanted = parse(text);
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    const struct config *config = config_follow(running, wanted, CONFIG_SEALED, &diagnostics);
    assert_int_equal(diagnostics.errors, errors);
    assert_true((config == NULL) == (errors > 0));
    diagnostics_release(&diagnostics);
    config_unref(wanted);
    return config;
}

static void test_what_needs_a_restart_stays_as_it_runs(void **state)
{
    const struct config *running =
        parse(LEAST "[proxy]\nlisten = a:1\nlisten.1 = b:1\nworkers = 3\nmax_clients = 5\n");
    (void)state;
    const struct config *config =
        follow(running,
               LEAST "[proxy]\nlisten = c:1\nmax_clients = 7\n[admin]\nlisten = 127.0.0.1:9\n", 0);
    assert_int_equal(config->proxy.listen_count, 2);
    assert_slice(config->proxy.listen[0].host, "a");
    assert_slice(config->proxy.listen[1].host, "b");
    assert_int_equal(config->proxy.workers, 3);
    assert_int_equal(config->proxy.max_clients, 7);
    assert_int_equal(config->admin.listen[0].port, 6032); // which the running one does not set

    // The next one follows that in turn; a section may be gone.
    const struct config *next = follow(config, LEAST, 0);
    assert_int_equal(next->proxy.listen_count, 2);
    assert_int_equal(next->proxy.workers, 3);
    assert_int_equal(next->proxy.max_clients, 10000);
    config_unref(next);
    config_unref(config);
    config_unref(running);
}

static void test_what_needs_no_restart_is_followed_as_it_is(void **state)
{
    const struct config *running = parse(LEAST "[proxy]\nworkers = 3\n");
    const struct config *wanted = parse(LEAST "[proxy]\nworkers = 3\nmax_clients = 7\n");
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    (void)state;
    const struct config *config = config_follow(running, wanted, CONFIG_SEALED, &diagnostics);
    assert_ptr_equal(config, wanted);
    config_unref(config);
    config_unref(wanted);
    config_unref(running);
}

// Far from home without a password: each file is right by itself.
static void test_what_does_not_go_with_what_runs_is_told(void **state)
{
    const struct config *running = parse(LEAST "[admin]\nlisten = 0.0.0.0:1\npassword = x\n");
    (void)state;
    follow(running, LEAST, 1);
    config_unref(running);
}

static void set_fails(const char *path, const char *value, const char *said)
{
    const struct config *config = parse(LEAST "[admin]\npassword = x\nlisten = 0.0.0.0:1\n");
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    assert_null(config_set(config, slice_text(path), slice_text(value), &diagnostics));
    assert_string_equal(diagnostics_text(&diagnostics, &diagnostics.items[0]), said);
    assert_int_equal(diagnostics.count, 1);
    diagnostics_release(&diagnostics);
    config_unref(config);
}

static void test_what_cannot_be_set_is_told(void **state)
{
    (void)state;
    set_fails("level", "debug", "proxy.ini: error: \"level\" is no section.key; as log.level");
    set_fails(
        "log.levl", "debug",
        "proxy.ini: error: unknown key \"levl\" in [log]; did you mean \"level\"? allowed: level, "
        "format, file, slow_query");
    set_fails("log.level", "loud",
              "proxy.ini: error: level = loud: unknown word; allowed: debug, info, warn, error");
    set_fails("logs.level", "info",
              "proxy.ini: error: no section [logs]; SHOW CONFIG lists what there is");
    set_fails("backend:db9.weight", "1",
              "proxy.ini: error: no section [backend:db9]; SHOW CONFIG lists what there is");
    set_fails(
        "proxy.workers", "2",
        "proxy.ini: error: workers of [proxy] cannot change while sluice runs; change it in the "
        "file and restart");
    set_fails("admin.password", "",
              "proxy.ini:9: error: the admin port would be open to everybody: 0.0.0.0:1 without a "
              "password; set password of [admin], or listen on loopback or a socket");
    set_fails("rule:catalogue.message", "a ; b",
              "proxy.ini: error: message = a ; b: a ; that would start a comment; allowed: a text");
    set_fails(
        "rule:catalogue.message", "${PATH}",
        "proxy.ini: error: message = ${PATH}: a ${ that would be taken for a variable; allowed: a "
        "text");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_defaults_are_the_contract),
        cmocka_unit_test(test_default_fields_are_what_the_defaults_say),
        cmocka_unit_test(test_the_example_of_the_design_is_right),
        cmocka_unit_test(test_values_of_each_type_are_read),
        cmocka_unit_test(test_a_list_goes_on_in_numbered_lines),
        cmocka_unit_test(test_a_list_in_the_file_replaces_the_default),
        cmocka_unit_test(test_environment_variables_are_taken),
        cmocka_unit_test(test_a_secret_comes_from_its_file),
        cmocka_unit_test(test_a_file_is_loaded_by_its_path),
        cmocka_unit_test(test_names_are_found),
        cmocka_unit_test(test_what_is_printed_reads_and_prints_the_same),
        cmocka_unit_test(test_long_lists_are_printed_in_lines_that_can_be_read),
        cmocka_unit_test(test_a_value_of_the_whole_line_is_printed_so_that_it_fits),
        cmocka_unit_test(test_secrets_are_masked),
        cmocka_unit_test(test_the_reference_has_every_option_once),
        cmocka_unit_test(test_differences_are_told),
        cmocka_unit_test(test_one_option_is_changed),
        cmocka_unit_test(test_a_list_is_set_as_a_whole),
        cmocka_unit_test(test_a_set_password_takes_the_place_of_its_file),
        cmocka_unit_test(test_what_needs_a_restart_stays_as_it_runs),
        cmocka_unit_test(test_what_needs_no_restart_is_followed_as_it_is),
        cmocka_unit_test(test_what_does_not_go_with_what_runs_is_told),
        cmocka_unit_test(test_what_cannot_be_set_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
