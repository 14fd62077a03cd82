#include "proxy/net/resolver.h"

#include "proxy/base/clock.h"
#include "proxy/base/memory.h"
#include "tests/unit/proxy/net/fixture.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static struct fixture f;
static struct resolver *resolver;

// --- a name server of our own, on the same loop -------------------------------------------------

static struct {
    int fd;
    struct event *event;
    bool is_silent;
    uint32_t ttl;
    int asked; // questions that came
} names;

enum { TYPE_A = 1, TYPE_AAAA = 28, RCODE_NXDOMAIN = 3 };

// Bytes of the question behind the 12 of the header, and the type asked for.
static size_t question_read(const uint8_t *packet, size_t len, char *name, int *type)
{
    size_t at = 12;
    name[0] = '\0';
    while (at < len && packet[at] != 0) {
        strncat(name, (const char *)packet + at + 1, packet[at]);
        strncat(name, ".", 2);
        at += packet[at] + 1u;
    }
    assert_true(at + 5 <= len);
    *type = packet[at + 1] << 8 | packet[at + 2];
    return at + 5 - 12;
}

static size_t record_add(uint8_t *out, int type, const void *data, uint8_t len)
{
    const uint8_t head[12] = {0xc0,
                              12,
                              0,
                              (uint8_t)type,
                              0,
                              1,
                              (uint8_t)(names.ttl >> 24),
                              (uint8_t)(names.ttl >> 16),
                              (uint8_t)(names.ttl >> 8),
                              (uint8_t)names.ttl,
                              0,
                              len};
    memcpy(out, head, sizeof(head));
    memcpy(out + sizeof(head), data, len);
    return sizeof(head) + len;
}

// db.example has two addresses of the first and one of the second family; nothing else exists.
static size_t answers_add(uint8_t *out, const char *name, int type, uint8_t *count)
{
    static const uint8_t v4[2][4] = {{10, 0, 0, 1}, {10, 0, 0, 2}};
    static const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 9};
    if (strcmp(name, "db.example.") != 0) {
        return 0;
    }
    if (type == TYPE_AAAA) {
        *count = 1;
        return record_add(out, type, v6, sizeof(v6));
    }
    *count = 2;
    size_t len = record_add(out, type, v4[0], 4);
    return len + record_add(out + len, type, v4[1], 4);
}

static void question_answer(evutil_socket_t fd, short what, void *arg)
{
    uint8_t packet[512];
    char name[256];
    int type;
    struct sockaddr_storage from;
    socklen_t from_len = sizeof(from);
    (void)what;
    (void)arg;
    ssize_t n = recvfrom(fd, packet, sizeof(packet), 0, (struct sockaddr *)&from, &from_len);
    assert_true(n > 12);
    names.asked++;
    if (names.is_silent) {
        return;
    }
    size_t len = 12 + question_read(packet, (size_t)n, name, &type);
    uint8_t count = 0;
    len += answers_add(packet + len, name, type, &count);
    packet[2] = 0x81; // an answer; recursion desired
    packet[3] = (uint8_t)(0x80 | (count == 0 ? RCODE_NXDOMAIN : 0));
    memset(packet + 4, 0, 8);
    packet[5] = 1; // one question
    packet[7] = count;
    assert_int_equal(sendto(fd, packet, len, 0, (struct sockaddr *)&from, from_len), len);
}

static uint16_t names_open(void)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(in);
    memset(&names, 0, sizeof(names));
    names.ttl = 30;
    names.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(names.fd, (struct sockaddr *)&in, len), 0);
    assert_int_equal(getsockname(names.fd, (struct sockaddr *)&in, &len), 0);
    names.event =
        event_new(loop_base(f.loop), names.fd, EV_READ | EV_PERSIST, question_answer, NULL);
    event_add(names.event, NULL);
    return ntohs(in.sin_port);
}

// --- a clock that can be moved ------------------------------------------------------------------

static int64_t moved_us;

static int64_t moved_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return moved_us + now.tv_sec * CLOCK_SECOND + now.tv_nsec / 1000;
}

static const struct clock_source moved_clock = {moved_now, moved_now};

// --- around each test ---------------------------------------------------------------------------

static char hosts_path[64];

static void hosts_write(void)
{
    snprintf(hosts_path, sizeof(hosts_path), "/tmp/test_resolver.XXXXXX");
    int fd = mkstemp(hosts_path);
    assert_true(fd >= 0);
    static const char hosts[] = "10.1.1.1 primary.local primary\nfd00::5 both.local\n"
                                "10.1.1.5 both.local\n";
    assert_int_equal(write(fd, hosts, sizeof(hosts) - 1), sizeof(hosts) - 1);
    close(fd);
    setenv("CARES_HOSTS", hosts_path, 1);
}

static char servers[32]; // ours

static int setup(void **state)
{
    (void)state;
    struct error error = ERROR_NONE;
    moved_us = 0;
    clock_replace(&moved_clock);
    fixture_open(&f);
    hosts_write();
    snprintf(servers, sizeof(servers), "127.0.0.1:%u", names_open());
    struct resolver_settings settings = {
        .servers = servers, .timeout_us = 100 * CLOCK_MS, .tries = 2};
    resolver = resolver_create(f.loop, &settings, &error);
    assert_non_null(resolver);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    resolver_destroy(resolver);
    event_free(names.event);
    close(names.fd);
    unlink(hosts_path);
    unsetenv("CARES_HOSTS");
    fixture_close(&f);
    clock_replace(NULL);
    return 0;
}

struct asker {
    struct resolver_query query;
    int answers;
    bool inside;
    size_t count;
    char texts[4][ADDRESS_TEXT_SIZE];
    struct error error;
};

static void take(struct resolver_query *query, const struct address *addresses, size_t count,
                 const struct error *error)
{
    struct asker *asker = container_of(query, struct asker, query);
    assert_false(asker->inside);
    asker->answers++;
    asker->count = count;
    for (size_t i = 0; i < count && i < 4; i++) {
        address_print(&addresses[i], asker->texts[i]);
    }
    if (count == 0) {
        asker->error = *error;
    }
}

static void asker_init(struct asker *asker)
{
    memset(asker, 0, sizeof(*asker));
    resolver_query_init(&asker->query, take);
}

static void ask(struct asker *asker, const char *host, uint16_t port)
{
    asker->inside = true;
    resolver_ask(resolver, &asker->query, slice_text(host), port);
    asker->inside = false;
}

static struct asker answer_of(const char *host, uint16_t port)
{
    struct asker asker;
    asker_init(&asker);
    ask(&asker, host, port);
    turn_until(f.loop, asker.answers == 1);
    return asker;
}

// --- without name servers -----------------------------------------------------------------------

static void literals_need_nobodys_answer(void **state)
{
    (void)state;
    struct asker v4 = answer_of("192.168.1.2", 3306);
    assert_int_equal(v4.count, 1);
    assert_string_equal(v4.texts[0], "192.168.1.2:3306");
    assert_string_equal(answer_of("::1", 1).texts[0], "[::1]:1");
    assert_string_equal(answer_of("192.168.1.2", 3307).texts[0], "192.168.1.2:3307");
    assert_int_equal(names.asked, 0);
}

static void the_hosts_file_is_honoured(void **state)
{
    (void)state;
    assert_string_equal(answer_of("primary.local", 3306).texts[0], "10.1.1.1:3306");
    assert_string_equal(answer_of("primary", 3306).texts[0], "10.1.1.1:3306");
    struct asker both = answer_of("both.local", 3306);
    assert_int_equal(both.count, 2);
    assert_string_equal(both.texts[0], "10.1.1.5:3306");
    assert_string_equal(both.texts[1], "[fd00::5]:3306");
    assert_int_equal(names.asked, 0);
}

static void what_is_no_name_is_an_error(void **state)
{
    (void)state;
    char longest[RESOLVER_HOST_SIZE + 1];
    memset(longest, 'x', sizeof(longest));
    longest[RESOLVER_HOST_SIZE] = '\0';
    assert_int_equal(answer_of("", 1).count, 0);
    struct asker asker = answer_of(longest, 1);
    assert_int_equal(asker.count, 0);
    assert_non_null(strstr(asker.error.text, "no host's name"));
    asker_init(&asker);
    resolver_ask(resolver, &asker.query, S("db\0.example"), 1);
    turn_until(f.loop, asker.answers == 1);
    assert_int_equal(asker.count, 0);
    assert_int_equal(names.asked, 0);
}

// --- with a name server -------------------------------------------------------------------------

static void a_name_server_is_asked_once_while_its_answer_lives(void **state)
{
    (void)state;
    struct asker first = answer_of("db.example", 3306);
    assert_int_equal(first.count, 3);
    assert_string_equal(first.texts[0], "10.0.0.1:3306");
    assert_string_equal(first.texts[1], "10.0.0.2:3306");
    assert_string_equal(first.texts[2], "[2001:db8::9]:3306");
    int asked = names.asked;
    moved_us += 20 * CLOCK_SECOND;
    assert_int_equal(answer_of("db.example", 3306).count, 3);
    assert_int_equal(names.asked, asked);
    moved_us += 11 * CLOCK_SECOND;
    assert_int_equal(answer_of("db.example", 3306).count, 3);
    assert_true(names.asked > asked); // by how many packets, the library's patience says
}

static void an_answer_is_kept_neither_too_long_nor_too_short(void **state)
{
    (void)state;
    names.ttl = 86400;
    answer_of("db.example", 1);
    int asked = names.asked;
    moved_us += 59 * CLOCK_SECOND;
    answer_of("db.example", 1);
    assert_int_equal(names.asked, asked);
    moved_us += 2 * CLOCK_SECOND;
    names.ttl = 0;
    answer_of("db.example", 1);
    assert_int_equal(names.asked, 2 * asked);
    moved_us += 4 * CLOCK_SECOND;
    answer_of("db.example", 1);
    assert_int_equal(names.asked, 2 * asked);
    moved_us += 2 * CLOCK_SECOND;
    answer_of("db.example", 1);
    assert_int_equal(names.asked, 3 * asked);
}

static void a_name_that_does_not_exist_is_an_error_and_soon_asked_again(void **state)
{
    (void)state;
    struct asker asker = answer_of("nosuch.example.", 1);
    assert_int_equal(asker.count, 0);
    assert_int_not_equal(asker.error.code, 0);
    assert_string_equal(asker.error.where, "nosuch.example.");
    int asked = names.asked;
    answer_of("nosuch.example.", 1);
    assert_int_equal(names.asked, asked);
    moved_us += 2 * CLOCK_SECOND;
    answer_of("nosuch.example.", 1);
    assert_true(names.asked > asked);
}

static void several_askers_share_one_question(void **state)
{
    (void)state;
    struct asker askers[5];
    for (int i = 0; i < 5; i++) {
        asker_init(&askers[i]);
        ask(&askers[i], "db.example", (uint16_t)(100 + i));
    }
    for (int i = 0; i < 5; i++) {
        turn_until(f.loop, askers[i].answers == 1);
        assert_int_equal(askers[i].count, 3);
    }
    assert_string_equal(askers[4].texts[0], "10.0.0.1:104");
    assert_int_equal(names.asked, 2); // A and AAAA
}

static void a_silent_name_server_is_an_error_in_time(void **state)
{
    (void)state;
    names.is_silent = true;
    struct asker asker = answer_of("db.example", 1);
    assert_int_equal(asker.count, 0);
    assert_non_null(strstr(asker.error.text, "imeout"));
    assert_true(names.asked >= 4); // two tries, two families
}

static void an_old_answer_stays_good_while_name_servers_are_away(void **state)
{
    (void)state;
    assert_int_equal(answer_of("db.example", 1).count, 3);
    names.is_silent = true;
    moved_us += 31 * CLOCK_SECOND;
    assert_int_equal(answer_of("db.example", 1).count, 3);
    assert_true(names.asked > 2);
}

// As long as an opening has time, c-ares would be asking.
static void an_old_answer_is_given_before_the_name_servers_are_given_up(void **state)
{
    (void)state;
    struct resolver *shared = resolver;
    struct resolver_settings settings = {
        .servers = servers, .timeout_us = 300 * CLOCK_MS, .tries = 5, .late_us = 20 * CLOCK_MS};
    resolver = resolver_create(f.loop, &settings, NULL);
    assert_int_equal(answer_of("db.example", 1).count, 3);
    names.is_silent = true;
    moved_us += 61 * CLOCK_SECOND;
    int64_t from_us = clock_now_us();
    assert_int_equal(answer_of("db.example", 1).count, 3);
    assert_int_equal(answer_of("db.example", 1).count, 3);    // at once
    assert_true(clock_now_us() - from_us < 3 * CLOCK_SECOND); // of more than nine
    resolver_destroy(resolver);
    resolver = shared;
}

// --- giving up ----------------------------------------------------------------------------------

static void a_cancelled_query_is_not_answered(void **state)
{
    (void)state;
    struct asker cancelled, other, literal;
    asker_init(&cancelled);
    asker_init(&other);
    asker_init(&literal);
    ask(&cancelled, "db.example", 1);
    ask(&other, "db.example", 1);
    ask(&literal, "10.0.0.1", 1);
    resolver_cancel(&cancelled.query);
    resolver_cancel(&literal.query); // its answer is already on its way
    turn_until(f.loop, other.answers == 1);
    assert_int_equal(cancelled.answers, 0);
    assert_int_equal(literal.answers, 0);
    resolver_cancel(&other.query);
    ask(&cancelled, "db.example", 1);
    turn_until(f.loop, cancelled.answers == 1);
}

static void destroying_drops_open_queries(void **state)
{
    (void)state;
    struct asker open, answered;
    struct resolver_settings settings = {.servers = "127.0.0.1:1"};
    struct resolver *shared = resolver;
    resolver = resolver_create(f.loop, &settings, NULL);
    names.is_silent = true;
    asker_init(&open);
    asker_init(&answered);
    ask(&open, "db.example", 1);
    ask(&answered, "10.0.0.1", 1);
    resolver_destroy(resolver);
    resolver = shared;
    resolver_cancel(&open.query);
    answer_of("10.0.0.2", 1);
    assert_int_equal(open.answers, 0);
    assert_int_equal(answered.answers, 0);
}

struct freed_asker {
    struct resolver_query query;
    int *answers;
};

static void take_and_free(struct resolver_query *query, const struct address *addresses,
                          size_t count, const struct error *error)
{
    struct freed_asker *asker = container_of(query, struct freed_asker, query);
    (void)addresses;
    (void)count;
    (void)error;
    ++*asker->answers;
    mem_free(asker);
}

static void an_asker_may_go_when_it_is_answered(void **state)
{
    (void)state;
    int answers = 0;
    for (int i = 0; i < 2; i++) {
        struct freed_asker *asker = mem_alloc(sizeof(*asker));
        asker->answers = &answers;
        resolver_query_init(&asker->query, take_and_free);
        resolver_ask(resolver, &asker->query, S("db.example"), 1);
    }
    turn_until(f.loop, answers == 2);
}

static void servers_that_are_none_are_refused(void **state)
{
    (void)state;
    struct error error = ERROR_NONE;
    struct resolver_settings settings = {.servers = "not an address"};
    assert_null(resolver_create(f.loop, &settings, &error));
    assert_int_not_equal(error.code, 0);
}

int main(void)
{
#define IN_LOOP(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        IN_LOOP(literals_need_nobodys_answer),
        IN_LOOP(the_hosts_file_is_honoured),
        IN_LOOP(what_is_no_name_is_an_error),
        IN_LOOP(a_name_server_is_asked_once_while_its_answer_lives),
        IN_LOOP(an_answer_is_kept_neither_too_long_nor_too_short),
        IN_LOOP(a_name_that_does_not_exist_is_an_error_and_soon_asked_again),
        IN_LOOP(several_askers_share_one_question),
        IN_LOOP(a_silent_name_server_is_an_error_in_time),
        IN_LOOP(an_old_answer_stays_good_while_name_servers_are_away),
        IN_LOOP(an_old_answer_is_given_before_the_name_servers_are_given_up),
        IN_LOOP(a_cancelled_query_is_not_answered),
        IN_LOOP(destroying_drops_open_queries),
        IN_LOOP(an_asker_may_go_when_it_is_answered),
        IN_LOOP(servers_that_are_none_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
