// Query attributes, which MySQL's clients send in front of a statement or behind its parameters:
// the server gets those of the session that sent them and no other's, whatever sluice makes of the
// statement on the way. Clients are told of them where every server takes them.
// Wants the servers of `make mysql-server`; without them it says so.
#include "tests/lib/peer.h"
#include "tests/lib/site.h"

#include "protocol/packet/capability.h"
#include "protocol/packet/command.h"
#include "protocol/packet/prepare_ok.h"
#include "protocol/packet/query.h"
#include "protocol/packet/stmt_execute.h"
#include "protocol/packet/value.h"
#include "protocol/wire/reader.h"

#include <stdio.h>
#include <string.h>

static const char schema[] = "CREATE TABLE app.t (id INT PRIMARY KEY AUTO_INCREMENT, a INT);"
                             "INSERT INTO app.t (a) VALUES (1), (2), (3)";

// Fewer connections than sessions, which take turns on them. Each server has the function.
static const char *const changes[] = {
    "proxy.workers = 1",
    "routing.pure_functions = mysql_query_attribute_string",
    "backend:db1.max_connections = 2",
    "backend:db2.max_connections = 2",
    "backend:db3.max_connections = 2",
    NULL,
};

static int setup(void **state)
{
    if (!servers_are_there(SERVERS_MYSQL)) {
        return 0;
    }
    struct site *site = site_create_of(SERVERS_MYSQL, site_logging, schema, changes);
    for (size_t i = 0; i < site->stack->count; i++) {
        stack_run_alone(site->stack, site->stack->servers[i].name,
                        "INSTALL COMPONENT 'file://component_query_attributes'");
    }
    mysql_close(site_client(site)); // servers know the password of app from now on
    *state = site;
    return 0;
}

static struct peer *peer_open(const struct site *site, uint64_t capabilities)
{
    struct peer *peer = peer_connect(site->instance->port);
    peer_login_with(peer, "app", "app-secret", "app", capabilities);
    return peer;
}

// --- packets -------------------------------------------------------------------------------------

enum { ATTRIBUTES_MOST = 3 };

struct attribute {
    const char *name;
    const char *value; // NULL: NULL
};

struct block {
    struct buffer types, values;
    uint8_t nulls[1];
    struct parameters parameters;
};

// Of a parameter, which has no name, where there is one, and of attributes.
static void block_make(struct block *block, const char *parameter,
                       const struct attribute *attributes, size_t count)
{
    *block = (struct block){0};
    struct writer types = writer_make(&block->types, 0);
    struct writer values = writer_make(&block->values, 0);
    size_t parameters = parameter != NULL ? 1 : 0;
    for (size_t i = 0; i < parameters + count; i++) {
        const struct attribute *attribute = i < parameters ? NULL : &attributes[i - parameters];
        const char *value = attribute != NULL ? attribute->value : parameter;
        writer_u8(&types, TYPE_VAR_STRING);
        writer_u8(&types, 0);
        writer_lenenc_slice(&types, slice_text(attribute != NULL ? attribute->name : ""));
        if (value != NULL) {
            writer_lenenc_slice(&values, slice_text(value));
        } else {
            block->nulls[0] |= (uint8_t)(1 << i);
        }
    }
    block->parameters = (struct parameters){
        .count = parameters + count,
        .has_names = true,
        .are_types_sent = true,
        .nulls = slice_make(block->nulls, sizeof(block->nulls)),
        .types = buffer_slice(&block->types),
        .values = buffer_slice(&block->values),
    };
}

static void block_release(struct block *block)
{
    buffer_release(&block->types);
    buffer_release(&block->values);
}

static void packet_send(struct peer *peer, const struct buffer *payload)
{
    struct slice bytes = buffer_slice(payload);
    peer_send_command(peer, (uint8_t)bytes.ptr[0], slice_from(bytes, 1));
}

static void query_send(struct peer *peer, const struct attribute *attributes, size_t count,
                       const char *sql)
{
    struct block block;
    struct buffer payload = BUFFER_INIT;
    struct writer writer = writer_make(&payload, 0);
    block_make(&block, NULL, attributes, count);
    struct query query = {.attributes = block.parameters, .text = slice_text(sql)};
    query_encode(&query, &writer, peer->capabilities);
    packet_send(peer, &payload);
    buffer_release(&payload);
    block_release(&block);
}

// "NULL" for NULL, as no attribute here is called.
static void assert_value_is(struct peer *peer, const char *sql, const char *expected)
{
    struct slice value = peer_read_value(peer, sql);
    struct slice wanted = slice_text(expected);
    if (!slice_equal(value, wanted)) {
        fail_msg("%s: \"%.*s\", not \"%s\"", sql, SLICE_ARG(value), expected);
    }
}

// The first value, of this attribute alone or, where it is NULL, of none.
static void assert_query_value(struct peer *peer, const char *attribute, const char *sql,
                               const char *expected)
{
    struct attribute attributes[] = {{"n", attribute}};
    query_send(peer, attributes, attribute != NULL ? 1 : 0, sql);
    assert_value_is(peer, sql, expected);
}

static uint32_t statement_prepare(struct peer *peer, const char *sql)
{
    struct prepare_ok ok;
    peer_send_command(peer, COMMAND_STMT_PREPARE, slice_text(sql));
    assert_true(prepare_ok_decode(&ok, peer_read(peer), peer->capabilities));
    for (int i = 0; i < ok.parameters + (ok.parameters > 0); i++) {
        peer_read(peer);
    }
    for (int i = 0; i < ok.columns + (ok.columns > 0); i++) {
        peer_read(peer);
    }
    return ok.statement_id;
}

// Its one row has one text.
static void assert_execution(struct peer *peer, uint32_t id, const char *parameter,
                             const struct attribute *attributes, size_t count, bool with_types,
                             const char *expected)
{
    struct block block;
    struct buffer payload = BUFFER_INIT;
    struct writer writer = writer_make(&payload, 0);
    struct stmt_execute execute = {
        .statement_id = id, .flags = STMT_EXECUTE_HAS_COUNT, .iterations = 1};
    block_make(&block, parameter, attributes, count);
    block.parameters.are_types_sent = with_types;
    stmt_execute_encode(&execute, &block.parameters, parameter != NULL, &writer,
                        peer->capabilities);
    packet_send(peer, &payload);
    buffer_release(&payload);
    block_release(&block);

    enum { ROW_HEAD = 2 }; // 0, and which columns are NULL
    struct slice first = peer_read(peer);
    if (first.len != 1) {
        fail_msg("an execution: %.*s", SLICE_ARG(first));
    }
    peer_read(peer); // the column
    peer_read(peer); // EOF
    struct reader row = reader_make(slice_from(peer_read(peer), ROW_HEAD));
    struct slice value = reader_lenenc_slice(&row);
    if (!slice_equal(value, slice_text(expected))) {
        fail_msg("an execution: \"%.*s\", not \"%s\"", SLICE_ARG(value), expected);
    }
    peer_read(peer); // EOF
}

// --- tests ---------------------------------------------------------------------------------------

static void clients_of_mysql_are_told_of_attributes(void **state)
{
    const struct site *site = site_or_skip(state);
    struct peer *peer = peer_open(site, CAPABILITY_QUERY_ATTRIBUTES);
    assert_true(capability_has(peer->capabilities, CAPABILITY_QUERY_ATTRIBUTES));
    peer_close(peer);
}

#define ASK "COALESCE(mysql_query_attribute_string('n'), 'none')"

static void attributes_of_a_text_reach_the_server(void **state)
{
    static const char *const texts[] = {
        "SELECT " ASK,
        "SELECT " ASK ", CONNECTION_ID()", // sluice puts its own number there
        "SELECT " ASK ", LAST_INSERT_ID(), FOUND_ROWS()",
        "SELECT " ASK ", COUNT(*) FROM t",
        "SELECT " ASK ", COUNT(*) FROM information_schema.processlist",
        "SELECT " ASK " FROM t WHERE id = 1 FOR UPDATE",
    };
    const struct site *site = site_or_skip(state);
    struct peer *peer = peer_open(site, CAPABILITY_QUERY_ATTRIBUTES);
    struct peer *plain = peer_open(site, 0);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_query_value(peer, "value", texts[i], "value");
        assert_true(slice_equal(peer_query_value(plain, texts[i]), S("none")));
        assert_query_value(peer, NULL, texts[i], "none");
        assert_query_value(peer, "", texts[i], "");
    }
    peer_close(plain);
    peer_close(peer);
}

// A session's state is set in front of its statements, and those have no attributes.
static void attributes_and_the_state_of_a_session_do_not_mix(void **state)
{
    const struct site *site = site_or_skip(state);
    struct peer *sessions[3];
    for (int i = 0; i < 3; i++) {
        char sql[64];
        sessions[i] = peer_open(site, CAPABILITY_QUERY_ATTRIBUTES);
        snprintf(sql, sizeof(sql), "SET @v = 'of %d', time_zone = '+0%d:00'", i, i);
        query_send(sessions[i], (struct attribute[]){{"n", "of a SET"}}, 1, sql);
        assert_peer_ok(sessions[i]);
    }
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 3; i++) {
            char value[32];
            char expected[64];
            snprintf(value, sizeof(value), "%d", round * 3 + i);
            snprintf(expected, sizeof(expected), "%s of %d +0%d:00", value, i, i);
            assert_query_value(sessions[i], value,
                               "SELECT CONCAT_WS(' ', " ASK ", @v, @@time_zone)", expected);
            assert_query_value(sessions[i], value, "SELECT @v FROM t LIMIT 1",
                               (const char *[]){"of 0", "of 1", "of 2"}[i]);
        }
    }
    for (int i = 0; i < 3; i++) {
        peer_close(sessions[i]);
    }
}

static void attributes_of_a_transaction_on_a_replica_reach_it(void **state)
{
    const struct site *site = site_or_skip(state);
    struct peer *peer = peer_open(site, CAPABILITY_QUERY_ATTRIBUTES);
    query_send(peer, NULL, 0, "START TRANSACTION READ ONLY");
    assert_peer_ok(peer);
    query_send(peer, (struct attribute[]){{"n", "x"}}, 1, "SELECT name FROM whoami");
    assert_false(slice_equal(peer_read_value(peer, "whoami"), S("db1")));
    assert_query_value(peer, "on a replica", "SELECT " ASK, "on a replica");
    query_send(peer, NULL, 0, "COMMIT");
    assert_peer_ok(peer);
    peer_close(peer);
}

// A server remembers the types of the last execution, whoever's that was.
static void attributes_of_an_execution_reach_the_server(void **state)
{
    static const char text[] = "SELECT CONCAT_WS(' ', ?, " ASK ")";
    static const struct attribute n[] = {{"n", "first"}};
    static const struct attribute others[] = {{"x", "before"}, {"n", "second"}, {"y", NULL}};
    const struct site *site = site_or_skip(state);
    struct peer *one = peer_open(site, CAPABILITY_QUERY_ATTRIBUTES);
    struct peer *other = peer_open(site, CAPABILITY_QUERY_ATTRIBUTES);
    uint32_t id = statement_prepare(one, text);
    uint32_t other_id = statement_prepare(other, text);
    for (int i = 0; i < 3; i++) {
        assert_execution(one, id, "p", n, 1, true, "p first");
        assert_execution(other, other_id, "q", others, 3, true, "q second");
        assert_execution(one, id, "p", n, 1, false, "p first");
        assert_execution(other, other_id, "q", others, 3, false, "q second");
        assert_execution(one, id, "p", NULL, 0, false, "p none");
        assert_execution(one, id, "p", NULL, 0, false, "p none");
        assert_execution(other, other_id, "q", NULL, 0, true, "q none");
        assert_execution(one, id, "r", NULL, 0, true, "r none");
    }
    peer_close(other);
    peer_close(one);
}

static void a_statement_without_parameters_may_have_attributes(void **state)
{
    static const struct attribute n[] = {{"n", "value"}};
    const struct site *site = site_or_skip(state);
    struct peer *one = peer_open(site, CAPABILITY_QUERY_ATTRIBUTES);
    struct peer *plain = peer_open(site, 0);
    uint32_t id = statement_prepare(one, "SELECT " ASK);
    uint32_t plain_id = statement_prepare(plain, "SELECT " ASK);
    for (int i = 0; i < 3; i++) {
        assert_execution(one, id, NULL, n, 1, true, "value");
        assert_execution(plain, plain_id, NULL, NULL, 0, true, "none");
        assert_execution(one, id, NULL, n, 1, false, "value");
        assert_execution(one, id, NULL, NULL, 0, false, "none");
    }
    peer_close(plain);
    peer_close(one);
}

static void malformed_attributes_are_refused_and_the_session_goes_on(void **state)
{
    const struct site *site = site_or_skip(state);
    struct peer *peer = peer_open(site, CAPABILITY_QUERY_ATTRIBUTES);
    peer_send_command(peer, COMMAND_QUERY, S("\1\1\0\0SELECT 1")); // one, without a type
    assert_peer_err(peer, 1835, "");
    peer_send_command(peer, COMMAND_QUERY, S("SELECT 1")); // so many, and no end of them
    assert_peer_err(peer, 1835, "");
    assert_query_value(peer, "value", "SELECT " ASK, "value");
    uint32_t id = statement_prepare(peer, "SELECT " ASK);
    peer_send_command(
        peer, COMMAND_STMT_EXECUTE,
        slice_make((uint8_t[]){(uint8_t)id, (uint8_t)(id >> 8), (uint8_t)(id >> 16),
                               (uint8_t)(id >> 24), STMT_EXECUTE_HAS_COUNT, 1, 0, 0, 0, 9},
                   10));
    assert_peer_err(peer, 1835, "");
    assert_execution(peer, id, NULL, (struct attribute[]){{"n", "v"}}, 1, true, "v");
    peer_close(peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clients_of_mysql_are_told_of_attributes),
        cmocka_unit_test(attributes_of_a_text_reach_the_server),
        cmocka_unit_test(attributes_and_the_state_of_a_session_do_not_mix),
        cmocka_unit_test(attributes_of_a_transaction_on_a_replica_reach_it),
        cmocka_unit_test(attributes_of_an_execution_reach_the_server),
        cmocka_unit_test(a_statement_without_parameters_may_have_attributes),
        cmocka_unit_test(malformed_attributes_are_refused_and_the_session_goes_on),
        cmocka_unit_test(the_proxy_leaves_nothing_behind_where_there_is_one),
    };
    return cmocka_run_group_tests(tests, setup, site_teardown);
}
