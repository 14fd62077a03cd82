// What probes ask, and how servers' answers are read. The answers are captured ones: from MariaDB
// 10.11, or as the manuals of MySQL print them.
#include "proxy/monitor/question.h"

#include "proxy/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

enum { COLUMNS = 64, ROWS = 4 };

// A result as `mariadb -E` prints it: "column: value" lines, rows divided by "*" lines.
struct answer {
    struct conn_result result;
    struct slice columns[COLUMNS];
    struct slice cells[ROWS][COLUMNS];
    struct conn_row rows[ROWS];
};

// The column of that name; in the first row each line makes one.
static size_t answer_column(struct answer *answer, struct slice name)
{
    size_t column = 0;
    while (column < answer->result.column_count && !slice_equal(answer->columns[column], name)) {
        column++;
    }
    if (column == answer->result.column_count) {
        assert_true(column < COLUMNS && answer->result.row_count == 1);
        answer->columns[answer->result.column_count++] = name;
    }
    return column;
}

static void answer_line(struct answer *answer, struct slice line)
{
    size_t colon = slice_find(line, ':');
    struct slice value = slice_trim(slice_from(line, colon + 1));
    size_t column = answer_column(answer, slice_trim(slice_first(line, colon)));
    answer->cells[answer->result.row_count - 1][column] =
        slice_equal(value, S("NULL")) ? SLICE_NONE : value;
}

static void answer_make(struct answer *answer, const char *text)
{
    struct slice rest = slice_text(text);
    struct slice line;
    memset(answer, 0, sizeof(*answer));
    answer->result.columns = answer->columns;
    answer->result.rows = answer->rows;
    while (slice_cut(&rest, '\n', &line)) {
        if (line.len > 0 && line.ptr[0] == '*') {
            assert_true(answer->result.row_count < ROWS);
            answer->rows[answer->result.row_count].cells = answer->cells[answer->result.row_count];
            answer->result.row_count++;
        } else if (line.len > 0) {
            answer_line(answer, line);
        }
    }
}

// --- the answers

static const char mariadb_variables[] = "*** 1. row ***\n"
                                        "       @@global.read_only: 1\n"
                                        "@@global.innodb_read_only: 0\n"
                                        "       @@global.server_id: 2\n"
                                        "        @@global.hostname: vm\n"
                                        "            @@global.port: 21230\n"
                                        "     @@global.report_host: NULL\n"
                                        "     @@global.report_port: 21230\n"
                                        "        @@global.sql_mode: ANSI_QUOTES\n"
                                        "      @@global.autocommit: 0\n"
                                        "@@global.gtid_current_pos: 0-2-5\n"
                                        "  @@global.gtid_slave_pos: 0-1-2\n";

static const char mysql_variables[] =
    "*** 1. row ***\n"
    "@@global.read_only: 0\n"
    "@@global.innodb_read_only: 0\n"
    "@@global.server_id: 7\n"
    "@@global.hostname: node7\n"
    "@@global.port: 3306\n"
    "@@global.report_host: mysql7.example\n"
    "@@global.report_port: 0\n"
    "@@global.sql_mode: \n"
    "@@global.autocommit: 1\n"
    "IF(...): 3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5\n"
    "@@global.super_read_only: 0\n"
    "@@global.server_uuid: 3e11fa47-71ca-11e1-9e33-c80aa9429562\n";

static const char mariadb_replica[] =
    "*** 1. row ***\n"
    "               Connection_name: \n"
    "               Slave_SQL_State: Slave has read all relay log; waiting for more updates\n"
    "                Slave_IO_State: Waiting for master to send event\n"
    "                   Master_Host: 127.0.0.1\n"
    "                   Master_User: replication\n"
    "                   Master_Port: 24324\n"
    "              Slave_IO_Running: Yes\n"
    "             Slave_SQL_Running: Yes\n"
    "                    Last_Error: \n"
    "         Seconds_Behind_Master: 3\n"
    "                 Last_IO_Error: \n"
    "                Last_SQL_Error: \n"
    "              Master_Server_Id: 1\n"
    "                    Using_Gtid: Slave_Pos\n"
    "       Slave_SQL_Running_State: Slave has read all relay log; waiting for more updates\n"
    "                Gtid_Slave_Pos: 0-1-2\n";

static const char mariadb_two_channels[] =
    "*** 1. row ***\n"
    "               Connection_name: \n"
    "                   Master_Host: 127.0.0.1\n"
    "                   Master_Port: 24324\n"
    "              Slave_IO_Running: Connecting\n"
    "             Slave_SQL_Running: Yes\n"
    "         Seconds_Behind_Master: NULL\n"
    "                 Last_IO_Error: error reconnecting to master 'replication@127.0.0.1:24324'\n"
    "                Last_SQL_Error: \n"
    "              Master_Server_Id: 1\n"
    "*** 2. row ***\n"
    "               Connection_name: east\n"
    "                   Master_Host: nowhere\n"
    "                   Master_Port: 1\n"
    "              Slave_IO_Running: No\n"
    "             Slave_SQL_Running: No\n"
    "         Seconds_Behind_Master: NULL\n"
    "                 Last_IO_Error: \n"
    "                Last_SQL_Error: Error 'Duplicate entry'\n"
    "              Master_Server_Id: 0\n";

static const char mysql_replica[] =
    "*** 1. row ***\n"
    "             Replica_IO_State: Waiting for source to send event\n"
    "                  Source_Host: 10.0.0.1\n"
    "                  Source_User: repl\n"
    "                  Source_Port: 3306\n"
    "           Replica_IO_Running: Yes\n"
    "          Replica_SQL_Running: Yes\n"
    "        Seconds_Behind_Source: 0\n"
    "                Last_IO_Error: \n"
    "               Last_SQL_Error: \n"
    "             Source_Server_Id: 1\n"
    "                  Source_UUID: 3e11fa47-71ca-11e1-9e33-c80aa9429562\n"
    "                 Channel_Name: \n";

static const char mysql_old_replica[] = "*** 1. row ***\n"
                                        "               Slave_IO_State: \n"
                                        "                  Master_Host: 10.0.0.1\n"
                                        "                  Master_Port: 3306\n"
                                        "             Slave_IO_Running: No\n"
                                        "            Slave_SQL_Running: Yes\n"
                                        "        Seconds_Behind_Master: NULL\n"
                                        "                Last_IO_Error: Got fatal error 1236\n"
                                        "               Last_SQL_Error: \n"
                                        "             Master_Server_Id: 1\n"
                                        "                  Master_UUID: 3e11\n"
                                        "                 Channel_Name: \n";

static const char mysql_group[] = "*** 1. row ***\n"
                                  "Source_Host: <NULL>\n"
                                  "Source_Port: 0\n"
                                  "Replica_IO_Running: Yes\n"
                                  "Replica_SQL_Running: Yes\n"
                                  "Seconds_Behind_Source: 0\n"
                                  "Channel_Name: group_replication_applier\n"
                                  "*** 2. row ***\n"
                                  "Source_Host: <NULL>\n"
                                  "Source_Port: 0\n"
                                  "Replica_IO_Running: No\n"
                                  "Replica_SQL_Running: No\n"
                                  "Seconds_Behind_Source: NULL\n"
                                  "Channel_Name: group_replication_recovery\n";

// --- reading

struct reading {
    struct answer answer;
    struct server_facts facts;
    struct arena arena;
    struct error error;
};

static bool read_answer(struct reading *reading, enum question question, const char *text)
{
    memset(reading, 0, sizeof(*reading));
    answer_make(&reading->answer, text);
    return question_read(question, &reading->answer.result, &reading->facts, &reading->arena,
                         &reading->error);
}

static void variables_of_mariadb_are_read(void **state)
{
    (void)state;
    struct reading reading;
    assert_true(read_answer(&reading, QUESTION_VARIABLES, mariadb_variables));
    assert_true(reading.facts.is_read_only);
    assert_false(reading.facts.is_super_read_only);
    assert_int_equal(reading.facts.server_id, 2);
    assert_int_equal(reading.facts.uuid.len, 0);
    assert_true(slice_equal(reading.facts.report_host, S("vm")));
    assert_int_equal(reading.facts.report_port, 21230);
    assert_true(slice_equal(reading.facts.sql_mode, S("ANSI_QUOTES")));
    assert_true(reading.facts.is_autocommit_off);
    assert_true(slice_equal(reading.facts.gtid, S("0-2-5")));
    assert_true(slice_equal(reading.facts.replicated_gtid, S("0-1-2")));
    arena_release(&reading.arena);
}

static void variables_of_mysql_are_read(void **state)
{
    (void)state;
    struct reading reading;
    assert_true(read_answer(&reading, QUESTION_VARIABLES, mysql_variables));
    assert_false(reading.facts.is_read_only);
    assert_false(reading.facts.is_super_read_only);
    assert_true(slice_equal(reading.facts.uuid, S("3e11fa47-71ca-11e1-9e33-c80aa9429562")));
    assert_true(slice_equal(reading.facts.report_host, S("mysql7.example")));
    assert_int_equal(reading.facts.report_port, 3306);
    assert_int_equal(reading.facts.sql_mode.len, 0);
    assert_false(reading.facts.is_autocommit_off);
    assert_true(slice_equal(reading.facts.gtid, S("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5")));
    assert_true(slice_equal(reading.facts.replicated_gtid, reading.facts.gtid));
    arena_release(&reading.arena);
}

static void read_only_has_more_than_two_words(void **state)
{
    static const struct {
        const char *word;
        bool is_on;
    } words[] = {{"0", false},
                 {"OFF", false},
                 {"off", false},
                 {"1", true},
                 {"ON", true},
                 {"NO_LOCK", true},
                 {"NO_LOCK_NO_ADMIN", true}};
    (void)state;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        char text[128];
        struct reading reading;
        snprintf(text, sizeof(text),
                 "***\na: %s\nb: 0\nc: 1\nd: x\ne: 1\nf: x\ng: 1\nh: \ni: 1\nj: \nk: \n",
                 words[i].word);
        assert_true(read_answer(&reading, QUESTION_VARIABLES, text));
        assert_int_equal(reading.facts.is_read_only, words[i].is_on);
        arena_release(&reading.arena);
    }
}

static void shared_storage_and_super_count_as_read_only(void **state)
{
    (void)state;
    struct reading reading;
    assert_true(read_answer(
        &reading, QUESTION_VARIABLES,
        "***\na: 0\nb: 1\nc: 1\nd: x\ne: 1\nf: x\ng: 1\nh: \ni: 1\nj: \nk: ON\nl: u\n"));
    assert_true(reading.facts.is_read_only);
    assert_true(reading.facts.is_super_read_only);
    arena_release(&reading.arena);
}

static void a_replica_of_mariadb_is_read(void **state)
{
    (void)state;
    struct reading reading;
    assert_true(read_answer(&reading, QUESTION_REPLICATION, mariadb_replica));
    assert_int_equal(reading.facts.channel_count, 1);
    const struct channel_facts *channel = &reading.facts.channels[0];
    assert_int_equal(channel->name.len, 0);
    assert_true(slice_equal(channel->source_host, S("127.0.0.1")));
    assert_int_equal(channel->source_port, 24324);
    assert_int_equal(channel->source_server_id, 1);
    assert_int_equal(channel->source_uuid.len, 0);
    assert_int_equal(channel->receiver, THREAD_RUNNING);
    assert_true(channel->applier_runs);
    assert_int_equal(channel->behind_us, 3 * CLOCK_SECOND);
    assert_int_equal(channel->error.len, 0);
    arena_release(&reading.arena);
}

static void channels_that_do_not_run_are_told_apart(void **state)
{
    (void)state;
    struct reading reading;
    assert_true(read_answer(&reading, QUESTION_REPLICATION, mariadb_two_channels));
    assert_int_equal(reading.facts.channel_count, 2);
    const struct channel_facts *channels = reading.facts.channels;
    assert_int_equal(channels[0].receiver, THREAD_CONNECTING);
    assert_true(channels[0].applier_runs);
    assert_int_equal(channels[0].behind_us, -1);
    assert_true(slice_starts_nocase(channels[0].error, S("error reconnecting to master")));
    assert_true(slice_equal(channels[1].name, S("east")));
    assert_int_equal(channels[1].receiver, THREAD_STOPPED);
    assert_false(channels[1].applier_runs);
    assert_true(slice_equal(channels[1].error, S("Error 'Duplicate entry'")));
    arena_release(&reading.arena);
}

static void replicas_of_mysql_are_read_by_old_and_new_words(void **state)
{
    (void)state;
    struct reading reading;
    assert_true(read_answer(&reading, QUESTION_REPLICATION, mysql_replica));
    const struct channel_facts *channel = &reading.facts.channels[0];
    assert_true(slice_equal(channel->source_uuid, S("3e11fa47-71ca-11e1-9e33-c80aa9429562")));
    assert_int_equal(channel->receiver, THREAD_RUNNING);
    assert_int_equal(channel->behind_us, 0);
    arena_release(&reading.arena);

    assert_true(read_answer(&reading, QUESTION_REPLICATION, mysql_old_replica));
    channel = &reading.facts.channels[0];
    assert_true(slice_equal(channel->source_host, S("10.0.0.1")));
    assert_true(slice_equal(channel->source_uuid, S("3e11")));
    assert_int_equal(channel->receiver, THREAD_STOPPED);
    assert_true(channel->applier_runs);
    assert_true(slice_equal(channel->error, S("Got fatal error 1236")));
    arena_release(&reading.arena);
}

static void the_recovery_channel_of_a_group_is_no_source(void **state)
{
    (void)state;
    struct reading reading;
    assert_true(read_answer(&reading, QUESTION_REPLICATION, mysql_group));
    assert_int_equal(reading.facts.channel_count, 1);
    assert_true(slice_equal(reading.facts.channels[0].name, S("group_replication_applier")));
    arena_release(&reading.arena);
}

static void nobodys_replica_has_no_channels(void **state)
{
    (void)state;
    struct reading reading;
    read_answer(&reading, QUESTION_REPLICATION, mysql_replica);
    reading.answer.result.row_count = 0;
    assert_true(question_read(QUESTION_REPLICATION, &reading.answer.result, &reading.facts,
                              &reading.arena, &reading.error));
    assert_int_equal(reading.facts.channel_count, 0);
    arena_release(&reading.arena);
}

static void a_refusal_fails_the_probe_with_the_servers_words(void **state)
{
    (void)state;
    struct reading reading = {.arena = ARENA_INIT};
    struct conn_result refusal = {
        .code = 1227,
        .error = S("Access denied; you need (at least one of) the SUPER, SLAVE MONITOR privilege")};
    assert_false(question_read(QUESTION_REPLICATION, &refusal, &reading.facts, &reading.arena,
                               &reading.error));
    assert_int_equal(reading.error.code, 1227);
    assert_string_equal(reading.error.text,
                        "it refused to show the state of replication: Access denied; you need (at "
                        "least one of) the SUPER, SLAVE MONITOR privilege");
    arena_release(&reading.arena);
}

static void nonsense_fails_the_probe(void **state)
{
    (void)state;
    struct reading reading;
    static const char *const answers[] = {
        "", "***\nx: 1\n", "***\na: NULL\nb: 0\nc: 1\nd: x\ne: 1\nf: x\ng: 1\nh: \ni: \n",
        "***\na: 1\nb: 0\nc: 1\nd: x\ne: 1\nf: x\ng: 1\nh: \ni: \n***\na: 1\n",
        "***\na: 1\nb: 0\nc: 1\nd: x\ne: 1\nf: x\ng: 1\nh: \n"};
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        assert_false(read_answer(&reading, QUESTION_VARIABLES, answers[i]));
        assert_true(strlen(reading.error.text) > 0);
        arena_release(&reading.arena);
        assert_false(read_answer(&reading, QUESTION_REPLICATION, answers[i]));
        arena_release(&reading.arena);
    }
}

static void numbers_out_of_range_are_unknown(void **state)
{
    (void)state;
    struct reading reading;
    assert_true(read_answer(&reading, QUESTION_REPLICATION,
                            "***\nMaster_Port: 65536\nMaster_Server_Id: 4294967296\n"
                            "Slave_IO_Running: Yes\nSlave_SQL_Running: Yes\n"
                            "Seconds_Behind_Master: 99999999999999999999\n"));
    assert_int_equal(reading.facts.channels[0].source_port, 0);
    assert_int_equal(reading.facts.channels[0].source_server_id, 0);
    assert_int_equal(reading.facts.channels[0].behind_us, -1);
    arena_release(&reading.arena);
}

static void each_version_is_asked_in_its_own_words(void **state)
{
    static const struct {
        const char *version;
        const char *replication;
        bool has_uuid;
    } rows[] = {
        {"10.6.12-MariaDB", "SHOW ALL SLAVES STATUS", false},
        {"11.8.3-MariaDB", "SHOW ALL SLAVES STATUS", false},
        {"5.7.44-log", "SHOW SLAVE STATUS", true},
        {"8.0.21", "SHOW SLAVE STATUS", true},
        {"8.0.22", "SHOW REPLICA STATUS", true},
        {"9.7.0", "SHOW REPLICA STATUS", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct version version;
        assert_true(version_parse(slice_text(rows[i].version), &version));
        assert_true(slice_equal(question_sql(QUESTION_REPLICATION, version),
                                slice_text(rows[i].replication)));
        struct slice variables = question_sql(QUESTION_VARIABLES, version);
        assert_int_equal(slice_find_slice(variables, S("server_uuid")) < variables.len,
                         rows[i].has_uuid);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variables_of_mariadb_are_read),
        cmocka_unit_test(variables_of_mysql_are_read),
        cmocka_unit_test(read_only_has_more_than_two_words),
        cmocka_unit_test(shared_storage_and_super_count_as_read_only),
        cmocka_unit_test(a_replica_of_mariadb_is_read),
        cmocka_unit_test(channels_that_do_not_run_are_told_apart),
        cmocka_unit_test(replicas_of_mysql_are_read_by_old_and_new_words),
        cmocka_unit_test(the_recovery_channel_of_a_group_is_no_source),
        cmocka_unit_test(nobodys_replica_has_no_channels),
        cmocka_unit_test(a_refusal_fails_the_probe_with_the_servers_words),
        cmocka_unit_test(nonsense_fails_the_probe),
        cmocka_unit_test(numbers_out_of_range_are_unknown),
        cmocka_unit_test(each_version_is_asked_in_its_own_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
