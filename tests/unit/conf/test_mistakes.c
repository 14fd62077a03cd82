// Each kind of mistake in a file, and exactly what is said of it.
#include "conf/config.h"

#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

#define NINETY                                                                                     \
    "123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"
#define KEYS_AUTH "allowed: mode, recheck"
#define KEYS_LOG  "allowed: level, format, file, slow_query"
#define SECTIONS                                                                                   \
    "allowed: [proxy], [backend:NAME], [auth], [user:NAME], [monitor], [routing], [rule:NAME], "   \
    "[limits], [cache], [redis], [admin], [log], [trace]"
#define ADDRESSES "allowed: host:port, [v6]:port or the path of a socket"
#define DURATION  "not a whole number with one of the units us, ms, s, m, h"
#define LATER     "it is accepted and checked, and changes nothing in this version"

// What stands before `text` in every case: lines 1 and 2.
#define SERVER    "[backend:db1]\naddress = db1:3306\n"

struct mistake {
    const char *text; // from line 3 on
    const char *said; // all that is said, one line each
};

static const struct mistake lines[] = {
    {"[log]\nlevel\n", "t:4: error: a key without \"=\"; a line is key = value, or [section]"},
    {"[log]\nlevel: info\n",
     "t:4: error: a key without \"=\"; a line is key = value, or [section]"},
    {"[log]\nlevel: a = b\n",
     "t:4: error: a key without \"=\"; a line is key = value, or [section]"},
    {"[log]\n= info\n", "t:4: error: no key before \"=\"; a line is key = value, or [section]"},
    {"[log]\nlevel = info\n format = text\n",
     "t:5: error: an indented line; begin it at the start of the line; a list goes on in name.1 ="},
    {"[log]\nlevel = info\n\tformat = text\n",
     "t:5: error: an indented line; begin it at the start of the line; a list goes on in name.1 ="},
    {" [log]\nlevel = info\n",
     "t:3: error: an indented line; begin it at the start of the line; a list goes on in name.1 ="},
    {"[log]\nfile = " NINETY NINETY "123456789012\n" /* 199 */, ""},
    {"[log]\nfile = " NINETY NINETY "1234567890123\n",
     "t:4: error: a line of 200 bytes without its comment; at most 199; a list goes on in name.1 "
     "=, "
     "name.2 ="},
    {"[log]\nlevel = info ; " NINETY NINETY NINETY "\n", ""},
    {"; " NINETY NINETY NINETY "\n# " NINETY NINETY NINETY "\n", ""},
    {"[log]\nk2345678901234567890123456789012345678901234567890 = x\n",
     "t:4: error: a key of 50 bytes; at most 49"},
    {"[log]\nk234567890123456789012345678901234567890123456789 = x\n",
     "t:4: error: unknown key \"k234567890123456789012345678901234567890123456789\" in "
     "[log]; " KEYS_LOG},
    {"[user:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx]\npassword = x\n",
     "t:3: error: the name of a section of 50 bytes; at most 49"},
    {"[user:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx]\npassword = x\n", ""},
    {"[log\nlevel = nonsense\n",
     "t:3: error: the header of a section does not end in ]; a section is [name] or [kind:NAME]"},
    {"[log] level = info\n",
     "t:3: error: the header of a section does not end in ]; a section is [name] or [kind:NAME]"},
    {"[log]\nlevel = in\x01"
     "fo\n",
     "t:4: error: a control character"},
    {"[log]\nlevel = info\x7f\n", "t:4: error: a control character"},
    {"[log]\n", "t:3: error: section [log] is empty; write a key below, or take it out"},
    {"[log]\n;level = info\n",
     "t:3: error: section [log] is empty; write a key below, or take it out"},
    {"[log]\r\nlevel = info\r\n", ""},
    {"[log]\nlevel=info;not a comment\n",
     "t:4: error: level = info;not a comment: unknown word; allowed: debug, info, warn, error"},
    {"[log]\nlevel =;info\n",
     "t:4: error: level = ;info: a ; that would start a comment; did you mean \"info\"? allowed: "
     "debug, info, warn, error"},
    {"[log]\nlevel = info\t; a comment\n", ""},
};

static const struct mistake names[] = {
    {"[logs]\nlevel = nonsense\n",
     "t:3: error: unknown section [logs]; did you mean [log]? " SECTIONS},
    {"[bakend:db2]\naddress = x\n",
     "t:3: error: unknown section [bakend:db2]; did you mean [backend:db2]? " SECTIONS},
    {"[nothing like it]\na = b\n", "t:3: error: unknown section [nothing like it]; " SECTIONS},
    {"[]\na = b\n", "t:3: error: unknown section []; " SECTIONS},
    {"[log:x]\nlevel = info\n", "t:3: error: section [log] has no names; write [log]"},
    {"[backend]\naddress = x:1\n",
     "t:3: error: section [backend] without a name; write [backend:NAME]"},
    {"[user:]\npassword = x\n", "t:3: error: section [user:] without a name; write [user:NAME]"},
    {"[backend:db 2]\naddress = x:1\n", "t:3: error: section [backend:db 2] has no plain name; a "
                                        "name has letters, digits, _, - and ."},
    {"[rule:a/b]\nlog = yes\n",
     "t:3: error: section [rule:a/b] has no plain name; a name has letters, digits, _, - and ."},
    {"[user:any thing @ all]\npassword = x\n", ""},
    {"[log]\nlevel = info\n[auth]\nmode = passthrough\n[log]\nformat = text\n",
     "t:7: error: section [log] stands a second time; the first is in line 3; put its keys "
     "together"},
    {"[log]\nlevel = info\nlevel = warn\n",
     "t:5: error: key \"level\" stands a second time in [log]; the first is in line 4; keep one of "
     "them"},
    {"[log]\nlevl = info\n",
     "t:4: error: unknown key \"levl\" in [log]; did you mean \"level\"? " KEYS_LOG},
    {"[auth]\nmax_clients = 1\n",
     "t:4: error: unknown key \"max_clients\" in [auth]; it belongs to [proxy]; " KEYS_AUTH},
    {"[auth]\nzzzzzz = 1\n", "t:4: error: unknown key \"zzzzzz\" in [auth]; " KEYS_AUTH},
    {"[auth]\nmode.1 = file\n", "t:4: error: \"mode.1\": mode is no list and cannot go on"},
    {"[routing]\npure_functions.1 = a\n", "t:4: error: \"pure_functions.1\" goes on with nothing: "
                                          "no \"pure_functions\" stands above it"},
    {"[routing]\npure_functions = a\npure_functions.2 = b\n",
     "t:5: error: \"pure_functions.2\" out of turn; the next is \"pure_functions.1\""},
    {"[routing]\npure_functions = a\npure_functions.1 = b\npure_functions.1 = c\n",
     "t:6: error: key \"pure_functions.1\" stands a second time in [routing]; the first is in line "
     "5; keep one of them"},
};

static const struct mistake values[] = {
    {"[proxy]\nmax_clients = many\n",
     "t:4: error: max_clients = many: not a whole number; allowed: 1 to 1000000"},
    {"[proxy]\nmax_clients = -1\n",
     "t:4: error: max_clients = -1: not a whole number; allowed: 1 to 1000000"},
    {"[proxy]\nmax_clients =\n", "t:4: error: max_clients is empty; allowed: 1 to 1000000"},
    {"[proxy]\nmax_clients = 0\n",
     "t:4: error: max_clients = 0: out of range; allowed: 1 to 1000000"},
    {"[proxy]\nmax_clients = 1\n", ""},
    {"[proxy]\nmax_clients = 1000000\n", ""},
    {"[proxy]\nmax_clients = 1000001\n",
     "t:4: error: max_clients = 1000001: out of range; allowed: 1 to 1000000"},
    {"[proxy]\nmax_clients = 99999999999999999999\n",
     "t:4: error: max_clients = 99999999999999999999: not a whole number; allowed: 1 to 1000000"},
    {"[proxy]\nworkers = 1025\n",
     "t:4: error: workers = 1025: out of range; allowed: auto, or 1 to 64"},
    {"[proxy]\nquery_timeout = 30\n",
     "t:4: error: query_timeout = 30: " DURATION "; allowed: 0 to 8760h"},
    {"[proxy]\nquery_timeout = 3 s\n",
     "t:4: error: query_timeout = 3 s: " DURATION "; allowed: 0 to 8760h"},
    {"[proxy]\nquery_timeout = 3S\n",
     "t:4: error: query_timeout = 3S: " DURATION "; allowed: 0 to 8760h"},
    {"[proxy]\nconnect_timeout = 0\n",
     "t:4: error: connect_timeout = 0: out of range; allowed: 1ms to 1h"},
    {"[proxy]\nconnect_timeout = 999us\n",
     "t:4: error: connect_timeout = 999us: out of range; allowed: 1ms to 1h"},
    {"[proxy]\nconnect_timeout = 61m\n",
     "t:4: error: connect_timeout = 61m: out of range; allowed: 1ms to 1h"},
    {"[proxy]\nmax_packet = 16X\n",
     "t:4: error: max_packet = 16X: not a whole number of bytes or with one of the units K, M, G; "
     "allowed: 1K to 1G"},
    {"[proxy]\nmax_packet = 2G\n", "t:4: error: max_packet = 2G: out of range; allowed: 1K to 1G"},
    {"[routing]\nretry_budget = 10\n",
     "t:4: error: retry_budget = 10: not a whole number with %; allowed: 0% to 100%"},
    {"[routing]\nretry_budget = 101%\n",
     "t:4: error: retry_budget = 101%: out of range; allowed: 0% to 100%"},
    {"[trace]\nsample = 2\n", "t:4: error: sample = 2: out of range; allowed: 0 to 1"},
    {"[trace]\nsample = a bit\n", "t:4: error: sample = a bit: not a number with at most six "
                                  "digits behind the point; allowed: 0 "
                                  "to 1"},
    {"[routing]\nmultiplexing = maybe\n", "t:4: error: multiplexing = maybe: neither yes nor no; "
                                          "allowed: yes or no (on, off, true, false, "
                                          "1, 0)"},
    {"[routing]\nbalance = p2\n",
     "t:4: error: balance = p2: unknown word; did you mean \"p2c\"? allowed: p2c, round_robin, "
     "least_connections"},
    {"[proxy]\ntls = verify_ca\n",
     "t:4: error: tls = verify_ca: unknown word; allowed: disabled, preferred, required"},
    {"[proxy]\nserver_version =\n",
     "t:4: error: server_version is empty; allowed: auto, or a text"},
    {"[proxy]\nlisten = 127.0.0.1\n",
     "t:4: error: listen = 127.0.0.1: no port; " ADDRESSES ", with commas"},
    {"[proxy]\nlisten = a:1, , b:1\n",
     "t:4: error: listen = a:1, , b:1: an empty entry; " ADDRESSES ", with commas"},
    {"[proxy]\nlisten = a:1,\n",
     "t:4: error: listen = a:1,: an empty entry; " ADDRESSES ", with commas"},
    {"[proxy]\nlisten = a:1\nlisten.1 = b\n",
     "t:5: error: listen.1 = b: no port; " ADDRESSES ", with commas"},
    {"[proxy]\nlisten =\n",
     "t:4: error: listen is empty: no client could connect; host:port, [v6]:port or the path of a "
     "socket"},
    {"[backend:db2]\naddress = ::1:3306\n",
     "t:4: error: address = ::1:3306: an IPv6 address stands in brackets, [::1]:3306; " ADDRESSES},
    {"[backend:db2]\naddress = 10.0.0.256:3306\n",
     "t:4: error: address = 10.0.0.256:3306: no IPv4 address; " ADDRESSES},
    {"[proxy]\nproxy_protocol = 10.0.0.1/8\n",
     "t:4: error: proxy_protocol = 10.0.0.1/8: bits are set behind the prefix; allowed: networks "
     "(10.0.0.0/8, fd00::/8) or addresses, with commas"},
    {"[user:a]\npassword_hash = *12\n",
     "t:4: error: password_hash: not * and 40 hexadecimal digits; allowed: * and 40 hexadecimal "
     "digits"},
    {"[rule:r]\nroute = primry\n", "t:4: error: route = primry: unknown word; did you mean "
                                   "\"primary\"? allowed: primary, replica, "
                                   "backend=NAME, block, or nothing"},
    {"[rule:r]\nroute = backend=\n", "t:4: error: route = backend=: no name behind backend=; "
                                     "allowed: primary, replica, backend=NAME, "
                                     "block, or nothing"},
    {"[user:a]\npassword = some ; thing\n",
     "t:4: error: password holds \" ;\", which starts a comment; a comment stands on a line of its "
     "own; a secret with \" ;\" goes into a file, see password_file"},
    {"[rule:r]\nmatch = a ;b\n",
     "t:4: error: match holds \" ;\", which starts a comment; a comment stands on a line of its "
     "own; "
     "in a pattern write the space as \\s (a secret would go into a password_file)"},
    {"[user:a]\npassword = some;thing\n", ""},
    {"[user:a]\npassword = ${SLUICE_TEST_NOT_SET}\n",
     "t:4: error: password: environment variable SLUICE_TEST_NOT_SET is not set"},
    {"[log]\nfile = /tmp/${}/x\n",
     "t:4: error: file: a ${ without a name and }; ${NAME} takes an environment variable"},
    {"[log]\nfile = /tmp/${x\n",
     "t:4: error: file: a ${ without a name and }; ${NAME} takes an environment variable"},
    {"[log]\nfile = /tmp/${SLUICE_TEST_COMMENT}\n",
     "t:4: error: file = /tmp/a ; b: a ; that would start a comment; allowed: the path of a file"},
    {"[log]\nfile = /tmp/${SLUICE_TEST_LINES}\n",
     "t:4: error: file = /tmp/a\nb: a control character; allowed: the path of a file"},
    {"[log]\nfile = ${SLUICE_TEST_LONG}\n", "t:4: error: file = " NINETY NINETY NINETY
                                            ": too long for a line; allowed: the path of a file"},
    {"[user:a]\npassword_file = /nonexistent/file\n",
     "t:4: error: password_file: /nonexistent/file: No such file or directory"},
    {"[user:a]\npassword_file = /dev/null\n",
     "t:4: error: password_file: /dev/null: empty\n"
     "t:4: warning: password_file: everybody may read /dev/null; chmod o-r"},
};

static const struct mistake checks[] = {
    {"[backend:db2]\nweight = 1\n",
     "t:3: error: [backend:db2] has no address; address = host:port"},
    {"[backend:db2]\naddress =\n", "t:4: error: [backend:db2] has no address; address = host:port"},
    {"[backend:db2]\naddress = db2:0\n",
     "t:4: error: address = db2:0: no server listens on port 0; a port of 1 to 65535"},
    {"[backend:db2]\naddress = DB1:3306\n",
     "t:4: error: [backend:db2] has the address of [backend:db1], DB1:3306; one section a server"},
    {"role = primary\n[backend:db2]\naddress = b:1\nrole = primary\n",
     "t:6: error: [backend:db2] is a primary, and [backend:db1] is one already; writes go to one "
     "server; role = auto goes by what the servers say"},
    {"role = replica\n",
     "t:3: warning: every server is a replica: writes have nowhere to go; role = auto goes by what "
     "the servers say"},
    {"tls_ca = /ca\n", "t:3: warning: tls_ca of [backend:db1] is not used; tls = verify_ca or "
                       "verify_identity uses it"},
    {"tls_ca = /ca\ntls = verify_ca\n", ""},
    {"tls_cert = /cert\n",
     "t:3: error: tls_cert without tls_key in [backend:db1]; tls_key names the file of its private "
     "key"},
    {"[proxy]\ntls_key = /key\n",
     "t:4: error: tls_key without tls_cert in [proxy]; tls_cert names the file of its certificate"},
    {"[proxy]\ntls_cert = /cert\ntls_key = /key\n", ""},
    {"[proxy]\ntls_cert = /cert\ntls_key = /key\ntls = disabled\n",
     "t:4: warning: tls_cert is not used with tls = disabled"},
    {"[auth]\nmode = file\n",
     "t:4: error: mode = file, and there is no section [user:NAME]: nobody could log in; add "
     "[user:NAME] with a password"},
    {"[user:a]\nreadonly = yes\n", "t:3: error: [user:a] has no password; set password, "
                                   "password_file or password_hash; password = "
                                   "with nothing behind it is an empty one"},
    {"[user:a]\npassword =\n", ""},
    {"[user:a]\npassword = x\npassword_hash = *0123456789012345678901234567890123456789\n",
     "t:5: error: both a password and password_hash in [user:a]; keep one of them"},
    {"[user:a]\npassword = x\npassword_file = /nonexistent/file\n",
     "t:5: error: password_file: /nonexistent/file: No such file or directory\n"
     "t:5: error: both password and password_file in [user:a]; keep one of them"},
    {"[monitor]\nuser =\n",
     "t:4: error: user of [monitor] is empty; the account that watches the servers"},
    {"[monitor]\nfailover = auto\n",
     "t:4: warning: failover = auto is not yet active; until then it is as failover = follow\n"
     "t:4: error: failover = auto without replication_user; replication_user is who replicas log "
     "in "
     "as on a new primary"},
    {"[monitor]\nreplication_password = x\n",
     "t:3: error: replication_password without replication_user; name the account it belongs to\n"
     "t:4: warning: replication_password is not yet active; " LATER},
    {"[admin]\nlisten = 0.0.0.0:6032\n",
     "t:4: error: the admin port would be open to everybody: 0.0.0.0:6032 without a password; set "
     "password of [admin], or listen on loopback or a socket"},
    {"[admin]\nlisten = [::]:6032\npassword =\n",
     "t:4: error: the admin port would be open to everybody: [::]:6032 without a password; set "
     "password of [admin], or listen on loopback or a socket"},
    {"[admin]\nlisten = 0.0.0.0:6032\npassword = x\n", ""},
    {"[admin]\nlisten = 127.9.9.9:6032, [::1]:6032, localhost:6040, /tmp/admin.sock\n", ""},
    {"[admin]\nhttp_listen = 10.0.0.1:6070\n",
     "t:4: warning: everybody who reaches 10.0.0.1:6070 may look at metrics; set "
     "password of [admin], or listen on loopback or a socket"},
    {"[admin]\nuser =\n", "t:4: error: user of [admin] is empty"},
    {"[admin]\nstats_user = stats\n",
     "t:4: error: stats_user without stats_password; set stats_password"},
    {"[admin]\nstats_password = x\n",
     "t:3: error: stats_password without stats_user; name the account it belongs to"},
    {"[admin]\nstats_user = admin\nstats_password = x\n",
     "t:4: error: stats_user and user of [admin] are the same; give them names of their own"},
    {"[proxy]\nlisten = 127.0.0.1:6032\n",
     "t:4: error: 127.0.0.1:6032 of admin.listen is in the way of 127.0.0.1:6032 of proxy.listen; "
     "each needs an address of its own"},
    {"[admin]\nlisten = /run/sluice/sluice.sock\n",
     "t:4: error: /run/sluice/sluice.sock of admin.listen is in the way of /run/sluice/sluice.sock "
     "of proxy.listen; each needs an address of its own"},
    {"[proxy]\nlisten = 0.0.0.0:3306, 127.0.0.1:3306\n",
     "t:4: error: 127.0.0.1:3306 of proxy.listen is in the way of 0.0.0.0:3306 of proxy.listen; "
     "each "
     "needs an address of its own"},
    {"[proxy]\nlisten = 127.0.0.1:0, 127.0.0.1:0, [::]:7000, 0.0.0.0:7000\n", ""},
    {"[rule:r]\nroute = backend=db2\n", "t:4: error: route = backend=db2: no section "
                                        "[backend:db2]; did you mean \"db1\"? allowed: db1"},
    {"[rule:r]\nroute = backend=elsewhere\n",
     "t:4: error: route = backend=elsewhere: no section [backend:elsewhere]; allowed: db1"},
    {"[rule:r]\nlisten = 127.0.0.1:6034\n",
     "t:4: error: listen = 127.0.0.1:6034 of [rule:r] is no address of proxy.listen; name it as "
     "proxy.listen does"},
    {"[rule:r]\nlisten = 127.0.0.1:6033\n", ""},
    {"[rule:r]\nuser = a\nmessage = no\n",
     "t:5: warning: message of [rule:r] without route = block; only a blocked client reads it"},
    {"[rule:a]\nlog = yes\n[rule:b]\nlog = yes\n",
     "t:5: warning: [rule:b] and what follows are never reached: [rule:a] above matches "
     "everything; "
     "the first rule that matches wins"},
    {"[routing]\npure_functions = price()\n",
     "t:4: error: pure_functions: \"price()\" is no name of a function; names without parentheses: "
     "shop.price, shop.tax"},
    {"[routing]\npure_functions = a.b.c\n",
     "t:4: error: pure_functions: \"a.b.c\" is no name of a function; names without parentheses: "
     "shop.price, shop.tax"},
    // Nobody concludes anything from what was wrong already.
    {"[rule:r]\nlisten = 127.0.0.1:6034\n[proxy]\nlisten = x\n",
     "t:6: error: listen = x: no port; " ADDRESSES ", with commas"},
    {"[admin]\nlisten = 0.0.0.0:6032\npassword = ${SLUICE_TEST_NOT_SET}\n",
     "t:5: error: password: environment variable SLUICE_TEST_NOT_SET is not set"},
    {"[user:a]\npassword = a ; b\n",
     "t:4: error: password holds \" ;\", which starts a comment; a comment stands on a line of its "
     "own; a secret with \" ;\" goes into a file, see password_file"},
    {"[rule:r]\nroute = backend=db2\n[backend:db2\naddress = x:1\n",
     "t:5: error: the header of a section does not end in ]; a section is [name] or [kind:NAME]"},
};

// Keys whose feature is not built: nothing is said at the default, a warning where it is changed.
static const struct mistake later[] = {
    {"[proxy]\ncompression = yes\n", ""},
    {"[proxy]\ncompression = true\n", ""},
    {"[proxy]\ncompression = no\n", ""},
    {"[routing]\nwrite_hold = 2000ms\n", ""},
    {"[routing]\nretry_budget = 3%\n", "t:4: warning: retry_budget is not yet active; " LATER},
    {"[routing]\nconsistency = global\n",
     "t:4: warning: consistency = global is not yet active; until then it is as consistency = "
     "session"},
    {"[redis]\naddress = r:6379\npassword = x\n",
     "t:4: warning: address is not yet active; " LATER
     "\nt:5: warning: password is not yet active; " LATER},
    {"[redis]\naddress = nonsense\n", "t:4: error: address = nonsense: no port; " ADDRESSES},
    {"[monitor]\nfailover = manual\n", ""},
    {"[rule:r]\ncache = 30s\nstale_ttl = 1s\nshared = yes\ndry_run = yes\n",
     "t:4: warning: cache is not yet active; " LATER
     "\nt:5: warning: stale_ttl is not yet active; " LATER
     "\nt:6: warning: shared is not yet active; " LATER},
};

// Parses SERVER and `text` and returns all that is said. The caller frees nothing: it lives in
// `diagnostics`.
static const char *said_of(const char *before, const char *text, struct diagnostics *diagnostics)
{
    struct arena *arena = &diagnostics->arena;
    struct slice whole = arena_print(arena, "%s%s", before, text);
    const struct config *config = config_parse(whole, "t", CONFIG_OPEN, diagnostics);
    struct slice said = arena_print(arena, "%s", "");
    for (size_t i = 0; i < diagnostics->count; i++) {
        said = arena_print(arena, "%.*s%s%s", SLICE_ARG(said), i > 0 ? "\n" : "",
                           diagnostics_text(diagnostics, &diagnostics->items[i]));
    }
    assert_true((config == NULL) == (diagnostics->errors > 0));
    config_unref(config);
    return said.ptr;
}

static void mistakes_run(const struct mistake *mistakes, size_t count)
{
    setenv("SLUICE_TEST_COMMENT", "a ; b", 1);
    setenv("SLUICE_TEST_LINES", "a\nb", 1);
    setenv("SLUICE_TEST_LONG", NINETY NINETY NINETY, 1);
    unsetenv("SLUICE_TEST_NOT_SET");
    for (size_t i = 0; i < count; i++) {
        struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        assert_string_equal(said_of(SERVER, mistakes[i].text, &diagnostics), mistakes[i].said);
        diagnostics_release(&diagnostics);
    }
}

#define RUN(table) mistakes_run(table, sizeof(table) / sizeof((table)[0]))

static void test_lines_that_inih_would_misread_are_told(void **state)
{
    (void)state;
    RUN(lines);
}

static void test_unknown_and_double_names_are_told_with_the_nearest(void **state)
{
    (void)state;
    RUN(names);
}

static void test_bad_values_are_told_with_what_is_allowed(void **state)
{
    (void)state;
    RUN(values);
}

static void test_contradictions_are_told(void **state)
{
    (void)state;
    RUN(checks);
}

static void test_what_is_not_yet_active_is_told_where_it_is_set(void **state)
{
    (void)state;
    RUN(later);
}

static void test_key_before_any_section(void **state)
{
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    (void)state;
    assert_string_equal(
        said_of("\nlevel = info\n" SERVER, "", &diagnostics),
        "t:2: error: key \"level\" stands before any section; begin with a section, "
        "as [proxy]");
    diagnostics_release(&diagnostics);
}

static void test_no_server_at_all(void **state)
{
    static const char said[] = "t: error: no server: there is no section [backend:NAME]; add "
                               "[backend:db1] with address = host:port";
    static const char *const texts[] = {"", "\n", "; nothing\n", "[log]\nlevel = info"};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        assert_string_equal(said_of("", texts[i], &diagnostics), said);
        diagnostics_release(&diagnostics);
    }
}

static void test_a_byte_order_mark_is_no_mistake(void **state)
{
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    (void)state;
    assert_string_equal(said_of("\xef\xbb\xbf" SERVER, "", &diagnostics), "");
    diagnostics_release(&diagnostics);
}

static void test_a_nul_byte_is_told(void **state)
{
    static const char text[] = SERVER "[log]\nlevel = in\0fo\n";
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    (void)state;
    assert_null(config_parse(slice_make(text, sizeof(text) - 1), "t", CONFIG_OPEN, &diagnostics));
    assert_int_equal(diagnostics.count, 1);
    assert_string_equal(diagnostics_text(&diagnostics, &diagnostics.items[0]),
                        "t:4: error: a control character");
    diagnostics_release(&diagnostics);
}

static void test_every_mistake_is_told_at_once_in_the_order_of_lines(void **state)
{
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    const char *said = said_of(
        "[proxy]\ntls = no\nworkers 3\ntls_key = k\n[backend:a]\nweight = x\n", "", &diagnostics);
    (void)state;
    assert_string_equal(
        said, "t:2: error: tls = no: unknown word; allowed: disabled, preferred, required\n"
              "t:3: error: a key without \"=\"; a line is key = value, or [section]\n"
              "t:4: error: tls_key without tls_cert in [proxy]; tls_cert names the file of its "
              "certificate\n"
              "t:5: error: [backend:a] has no address; address = host:port\n"
              "t:6: error: weight = x: not a whole number; allowed: 0 to 1000000");
    diagnostics_release(&diagnostics);
}

static void test_secrets_are_never_repeated(void **state)
{
    static const char *const texts[] = {
        "[user:a]\npassword = topsecret ; x\n",
        "[user:a]\npassword_hash = topsecret\n",
        "[user:a]\npassword = topsecret\npassword = topsecret\n",
        "[user:a]\npassword = topsecret${NOT SET}\n",
        "[user:a]\npassword.1 = topsecret\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        const char *said = said_of(SERVER, texts[i], &diagnostics);
        assert_true(diagnostics.errors > 0);
        assert_null(strstr(said, "topsecret"));
        diagnostics_release(&diagnostics);
    }
}

static void test_sealed_text_reads_no_environment_and_no_file(void **state)
{
    static const char text[] =
        SERVER "[user:a]\npassword = ${PATH}\npassword2_file = /etc/hostname\n";
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    (void)state;
    assert_null(config_parse(slice_text(text), "t", CONFIG_SEALED, &diagnostics));
    assert_int_equal(diagnostics.count, 2);
    assert_string_equal(diagnostics.items[0].text,
                        "password: environment variable PATH is not set");
    assert_string_equal(diagnostics.items[1].text,
                        "password2_file: /etc/hostname: files are not read here");
    diagnostics_release(&diagnostics);
}

static void test_too_many_servers_and_listeners(void **state)
{
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    struct slice text = S("[proxy]\nlisten = h:1\n");
    (void)state;
    for (int i = 1; i <= CONF_LISTEN_MAX; i++) {
        text = arena_print(&diagnostics.arena, "%.*slisten.%d = h%d:1\n", SLICE_ARG(text), i, i);
    }
    for (int i = 0; i <= CONF_BACKENDS_MAX; i++) {
        text = arena_print(&diagnostics.arena, "%.*s[backend:b%d]\naddress = h%d:3306\n",
                           SLICE_ARG(text), i, i);
    }
    assert_null(config_parse(text, "t", CONFIG_OPEN, &diagnostics));
    assert_int_equal(diagnostics.count, 2);
    assert_string_equal(diagnostics.items[0].text, "listen has 65 addresses; at most 64");
    assert_string_equal(diagnostics.items[1].text, "65 servers; at most 64");
    assert_int_equal(diagnostics.items[1].line, 2 + 64 + 2 * 64 + 1);
    diagnostics_release(&diagnostics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_that_inih_would_misread_are_told),
        cmocka_unit_test(test_unknown_and_double_names_are_told_with_the_nearest),
        cmocka_unit_test(test_bad_values_are_told_with_what_is_allowed),
        cmocka_unit_test(test_contradictions_are_told),
        cmocka_unit_test(test_what_is_not_yet_active_is_told_where_it_is_set),
        cmocka_unit_test(test_key_before_any_section),
        cmocka_unit_test(test_no_server_at_all),
        cmocka_unit_test(test_a_byte_order_mark_is_no_mistake),
        cmocka_unit_test(test_a_nul_byte_is_told),
        cmocka_unit_test(test_every_mistake_is_told_at_once_in_the_order_of_lines),
        cmocka_unit_test(test_secrets_are_never_repeated),
        cmocka_unit_test(test_sealed_text_reads_no_environment_and_no_file),
        cmocka_unit_test(test_too_many_servers_and_listeners),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
