// What an operator can say: proxy.ini as one immutable, refcounted value. A reload builds a whole
// new one, checks all of it and swaps, or changes nothing. Any thread may read; nobody writes.
//
// The fields are named as the keys, by type: a duration is int64_t KEY_us, a size uint64_t
// KEY_bytes, a percentage uint32_t KEY_percent, a list an array KEY with KEY_count, a text a struct
// slice (NUL- terminated behind its length), a secret a struct slice with bool has_KEY. options.def
// has every key:
//
//     config->proxy.max_clients          config->backends[i].address.host
//     config->proxy.query_timeout_us     config->users[i].has_password
//     config->routing.pure_functions[i]  config->rules[i].route
//
// A server's index is its place in config->backends; from one configuration to the next the name
// identifies it, the index may change.
#pragma once

#include "conf/address.h"
#include "conf/diagnostic.h"
#include "proxy/base/arena.h"
#include "proxy/base/map.h"
#include "proxy/base/refcount.h"
#include "proxy/base/slice.h"

enum { CONF_BACKENDS_MAX = 64, CONF_LISTEN_MAX = 64 };

// A duration of a rule that was left out.
#define CONF_LEFT_OUT ((int64_t)-1)

// --- what words stand for; the words themselves are in value.c

enum conf_tls_mode {
    CONF_TLS_DISABLED,
    CONF_TLS_PREFERRED,
    CONF_TLS_REQUIRED,
    CONF_TLS_VERIFY_CA,
    CONF_TLS_VERIFY_IDENTITY,
};

enum conf_role { CONF_ROLE_AUTO, CONF_ROLE_PRIMARY, CONF_ROLE_REPLICA };

enum conf_send_proxy { CONF_SEND_PROXY_NO, CONF_SEND_PROXY_V2 };

enum conf_compression { CONF_COMPRESSION_NO, CONF_COMPRESSION_ZLIB, CONF_COMPRESSION_ZSTD };

enum conf_auth_mode { CONF_AUTH_PASSTHROUGH, CONF_AUTH_FILE };

enum conf_failover { CONF_FAILOVER_FOLLOW, CONF_FAILOVER_AUTO, CONF_FAILOVER_MANUAL };

enum conf_quorum { CONF_QUORUM_MAJORITY, CONF_QUORUM_RUNNING };

enum conf_consistency {
    CONF_CONSISTENCY_INHERIT, // users and rules only: empty
    CONF_CONSISTENCY_EVENTUAL,
    CONF_CONSISTENCY_SESSION,
    CONF_CONSISTENCY_GLOBAL,
};

enum conf_balance { CONF_BALANCE_P2C, CONF_BALANCE_ROUND_ROBIN, CONF_BALANCE_LEAST_CONNECTIONS };

enum conf_target {
    CONF_TARGET_INHERIT, // rules only: empty, what follows decides
    CONF_TARGET_SPLIT,   // routing.default_target only
    CONF_TARGET_PRIMARY,
    CONF_TARGET_REPLICA,
    CONF_TARGET_BACKEND, // rules only: struct conf_route says which
    CONF_TARGET_BLOCK,   // rules only
};

enum conf_log_level { CONF_LOG_DEBUG, CONF_LOG_INFO, CONF_LOG_WARN, CONF_LOG_ERROR };

enum conf_log_format { CONF_LOG_TEXT, CONF_LOG_JSON };

struct conf_route {
    enum conf_target target;
    struct slice backend_name; // target BACKEND
    int backend;               // target BACKEND: index into config->backends; else -1
};

// --- the sections

#define CONF_FIELD_ADDRESS(key) struct conf_address key; // kind NONE where it is empty
#define CONF_FIELD_ADDRESSES(key)                                                                  \
    const struct conf_address *key;                                                                \
    size_t key##_count;
#define CONF_FIELD_NETWORKS(key)                                                                   \
    const struct conf_network *key;                                                                \
    size_t key##_count;
#define CONF_FIELD_NAMES(key)                                                                      \
    const struct slice *key;                                                                       \
    size_t key##_count;
#define CONF_FIELD_COUNT(key)         uint32_t key;
#define CONF_FIELD_WORKERS(key)       uint32_t key; // 0: auto
#define CONF_FIELD_PERCENT(key)       uint32_t key##_percent;
#define CONF_FIELD_RATIO(key)         uint32_t key##_ppm; // parts in a million
#define CONF_FIELD_DURATION(key)      int64_t key##_us;
#define CONF_FIELD_LEFT_DURATION(key) int64_t key##_us; // CONF_LEFT_OUT where it is empty
#define CONF_FIELD_SIZE(key)          uint64_t key##_bytes;
#define CONF_FIELD_BOOL(key)          bool key;
#define CONF_FIELD_TEXT(key)          struct slice key;
#define CONF_FIELD_AUTO_TEXT(key)     struct slice key; // empty: auto
#define CONF_FIELD_PATH(key)          struct slice key;
// A regular expression, and the line it stands in (0: left out) for what its compiler has to say.
#define CONF_FIELD_PATTERN(key)                                                                    \
    struct slice key;                                                                              \
    unsigned key##_line;
// Whether the secret was given, be it empty, itself or by its file.
#define CONF_FIELD_SECRET(key)                                                                     \
    struct slice key;                                                                              \
    bool has_##key;
#define CONF_FIELD_SECRET_FILE(key) struct slice key;
// SHA1(SHA1(password)), from *HEX.
#define CONF_FIELD_HASH(key)                                                                       \
    uint8_t key[20];                                                                               \
    bool has_##key;
#define CONF_FIELD_CLIENT_TLS(key)        enum conf_tls_mode key;
#define CONF_FIELD_BACKEND_TLS(key)       enum conf_tls_mode key;
#define CONF_FIELD_ROLE(key)              enum conf_role key;
#define CONF_FIELD_SEND_PROXY(key)        enum conf_send_proxy key;
#define CONF_FIELD_COMPRESSION(key)       enum conf_compression key;
#define CONF_FIELD_AUTH_MODE(key)         enum conf_auth_mode key;
#define CONF_FIELD_FAILOVER(key)          enum conf_failover key;
#define CONF_FIELD_QUORUM(key)            enum conf_quorum key;
#define CONF_FIELD_CONSISTENCY(key)       enum conf_consistency key;
#define CONF_FIELD_CONSISTENCY_LEVEL(key) enum conf_consistency key;
#define CONF_FIELD_BALANCE(key)           enum conf_balance key;
#define CONF_FIELD_DEFAULT_TARGET(key)    enum conf_target key;
#define CONF_FIELD_ROUTE(key)             struct conf_route key;
#define CONF_FIELD_LOG_LEVEL(key)         enum conf_log_level key;
#define CONF_FIELD_LOG_FORMAT(key)        enum conf_log_format key;

// struct conf_proxy, conf_backend, conf_auth, conf_user, conf_monitor, conf_routing, conf_rule,
// conf_limits, conf_cache, conf_redis, conf_admin, conf_log, conf_trace. Each starts with its name
// ("" for a section without) and the line of its header (0: not in the file).
#define SECTION(section, kind, sentence)                                                           \
    struct conf_##section {                                                                        \
        struct slice name;                                                                         \
        unsigned line;
#define OPTION(section, key, type, fallback, allowed, change, state, sentence)                     \
    CONF_FIELD_##type(key)
#define END(section)                                                                               \
    }                                                                                              \
    ;
#include "conf/options.def"

struct conf_origin;

struct config {
    struct conf_proxy proxy;
    struct conf_auth auth;
    struct conf_monitor monitor;
    struct conf_routing routing;
    struct conf_limits limits;
    struct conf_cache cache;
    struct conf_redis redis;
    struct conf_admin admin;
    struct conf_log log;
    struct conf_trace trace;

    // In the order of the file.
    struct conf_backend *backends;
    size_t backend_count; // at least 1
    struct conf_user *users;
    size_t user_count;
    struct conf_rule *rules;
    size_t rule_count;

    const char *file; // as the operator named it

    // The room's own.
    struct refcount refs;
    struct arena arena;         // every text and array above
    struct map user_map;        // name to struct conf_user
    struct conf_origin *origin; // what stood in the file, and where
};

// --- life

// Reads and checks a file. Returns NULL where there was an error; each is in `diagnostics` (which
// the caller gives without errors), as are warnings of a good one, sorted by line. The caller owns
// one reference.
const struct config *config_load(const char *path, struct diagnostics *diagnostics);

// Where text comes from somebody else (a test, a fuzzer): environment variables and files are not
// read, and a line that asks for one is an error.
enum config_access { CONFIG_OPEN, CONFIG_SEALED };

// The same from text; `name` stands for the file in what is said of it.
const struct config *config_parse(struct slice text, const char *name, enum config_access access,
                                  struct diagnostics *diagnostics);

// A whole new configuration with one option changed, for `SET section.key = value`. `path` is
// "log.level" or "backend:db1.weight". NULL where the option is unknown, cannot change while sluice
// runs, or the result is not right; `diagnostics` says why. The
// value is taken as it is: no comment, no variable.
const struct config *config_set(const struct config *config, struct slice path, struct slice value,
                                struct diagnostics *diagnostics);

// What takes effect of `wanted` while sluice runs: a configuration with its options, but those that
// need a restart as `running` has them. NULL where the two do not go together; `diagnostics` says
// why. The caller owns one reference.
const struct config *config_follow(const struct config *running, const struct config *wanted,
                                   enum config_access access, struct diagnostics *diagnostics);

const struct config *config_ref(const struct config *config);
// The last one wipes the secrets and frees it. NULL is nothing.
void config_unref(const struct config *config);

// --- reading

// The user's section, or NULL. O(1).
const struct conf_user *config_user(const struct config *config, struct slice name);
// Index of the server of that name, or -1.
int config_backend(const struct config *config, struct slice name);
// Whether the file sets the option ("proxy", "listen"; "backend:db1", "weight") or the default
// stands.
bool config_is_set(const struct config *config, const char *section, const char *key);

// --- showing

// One option as it stands. Secrets are masked: "" where none is set or it is empty, else
// "********".
struct config_row {
    struct slice section; // "proxy", "backend:db1"
    struct slice key;
    struct slice value;
    struct slice default_value;
    bool is_changeable; // while sluice runs
    bool is_active;     // the feature is built
    struct slice description;
};

// Every option of every section that there is, in the order of options.def, named sections in the
// order of the file. The array and its texts live in `arena`, descriptions for ever.
const struct config_row *config_rows(const struct config *config, struct arena *arena,
                                     size_t *count);

// The effective configuration as a file that means the same, secrets masked. What is read from it
// prints the same again.
void config_print(const struct config *config, FILE *out);

// The reference of options, as Markdown: a heading and a table for each section.
void config_print_options(FILE *out);

enum config_change_kind {
    CONFIG_CHANGED, // an option has another value
    CONFIG_ADDED,   // a named section is new; key is empty
    CONFIG_REMOVED, // a named section is gone; key is empty
    CONFIG_MOVED,   // the named sections of a kind stand in another order; key is empty
};

struct config_change {
    enum config_change_kind kind;
    struct slice section; // "proxy", "backend:db1"; MOVED: "rule"
    struct slice key;
    struct slice before; // CHANGED; masked where secret
    struct slice after;
    bool is_live; // takes effect now; else it needs a restart
};

// What differs from `before` to `after`, for RELOAD and RELOAD DRY RUN. The array and its texts
// live in `arena`.
const struct config_change *config_diff(const struct config *before, const struct config *after,
                                        struct arena *arena, size_t *count);
