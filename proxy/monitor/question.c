#include "proxy/monitor/question.h"

#include "proxy/base/clock.h"

enum { VERSION_SHOW_REPLICA = 80022 }; // MySQL's first with SHOW REPLICA STATUS

// --- asking

// The variables, in the order of asking. Those behind GTID are of one family each.
enum variable {
    VARIABLE_READ_ONLY,
    VARIABLE_INNODB_READ_ONLY, // a cloud's replica that shares its storage with the primary
    VARIABLE_SERVER_ID,
    VARIABLE_HOSTNAME,
    VARIABLE_PORT,
    VARIABLE_REPORT_HOST,
    VARIABLE_REPORT_PORT,
    VARIABLE_SQL_MODE,
    VARIABLE_AUTOCOMMIT,
    VARIABLE_GTID,
    VARIABLE_COUNT_BOTH,

    VARIABLE_REPLICATED_GTID = VARIABLE_COUNT_BOTH,
    VARIABLE_COUNT_MARIADB,

    VARIABLE_SUPER_READ_ONLY = VARIABLE_COUNT_BOTH,
    VARIABLE_SERVER_UUID,
    VARIABLE_COUNT_MYSQL,
};

#define VARIABLES_OF_BOTH                                                                          \
    "SELECT @@global.read_only, @@global.innodb_read_only, @@global.server_id, "                   \
    "@@global.hostname, @@global.port, @@global.report_host, @@global.report_port, "               \
    "@@global.sql_mode, @@global.autocommit, "

static const struct slice variables_of_mariadb =
    SLICE_INIT(VARIABLES_OF_BOTH "@@global.gtid_current_pos, @@global.gtid_slave_pos");

// With gtid_mode off, gtid_executed stays what it was when it was on.
static const struct slice variables_of_mysql = SLICE_INIT(
    VARIABLES_OF_BOTH "IF(@@global.gtid_mode IN ('ON', 'ON_PERMISSIVE'), @@global.gtid_executed, "
                      "''), @@global.super_read_only, @@global.server_uuid");

static struct slice replication_sql(struct version version)
{
    if (version.family == FAMILY_MARIADB) {
        return S("SHOW ALL SLAVES STATUS");
    }
    return version.number >= VERSION_SHOW_REPLICA ? S("SHOW REPLICA STATUS")
                                                  : S("SHOW SLAVE STATUS");
}

struct slice question_sql(enum question question, struct version version)
{
    if (question == QUESTION_REPLICATION) {
        return replication_sql(version);
    }
    return version.family == FAMILY_MARIADB ? variables_of_mariadb : variables_of_mysql;
}

// --- finding cells

// A column, by the names that versions have given it.
struct wanted_column {
    const char *names[3];
};

static const struct wanted_column channel_name = {{"Channel_Name", "Connection_name"}};
static const struct wanted_column source_host = {{"Source_Host", "Master_Host"}};
static const struct wanted_column source_port = {{"Source_Port", "Master_Port"}};
static const struct wanted_column source_id = {{"Source_Server_Id", "Master_Server_Id"}};
static const struct wanted_column source_uuid = {{"Source_UUID", "Master_UUID"}};
static const struct wanted_column receiver_runs = {{"Replica_IO_Running", "Slave_IO_Running"}};
static const struct wanted_column applier_runs = {{"Replica_SQL_Running", "Slave_SQL_Running"}};
static const struct wanted_column seconds_behind = {
    {"Seconds_Behind_Source", "Seconds_Behind_Master"}};
static const struct wanted_column receiver_error = {{"Last_IO_Error"}};
static const struct wanted_column applier_error = {{"Last_SQL_Error"}};

// The column's place, or column_count.
static size_t column_find(const struct conn_result *result, const struct wanted_column *column)
{
    size_t place = 0;
    while (place < result->column_count) {
        for (size_t n = 0; n < 3 && column->names[n] != NULL; n++) {
            if (slice_equal_nocase(result->columns[place], slice_text(column->names[n]))) {
                return place;
            }
        }
        place++;
    }
    return place;
}

static bool has_column(const struct conn_result *result, const struct wanted_column *column)
{
    return column_find(result, column) < result->column_count;
}

// The cell's text; SLICE_NONE where it is NULL or there is no such column.
static struct slice cell_find(const struct conn_result *result, size_t row,
                              const struct wanted_column *column)
{
    size_t place = column_find(result, column);
    return place < result->column_count ? result->rows[row].cells[place] : SLICE_NONE;
}

// At most `limit`; 0 where it is none.
static uint64_t number_read(struct slice cell, uint64_t limit)
{
    uint64_t number;
    return slice_to_u64(cell, &number) && number <= limit ? number : 0;
}

// Anything but off: MariaDB 12 has more than two words for read_only.
static bool is_on(struct slice cell)
{
    return cell.len > 0 && !slice_equal(cell, S("0")) && !slice_equal_nocase(cell, S("OFF"));
}

// --- the variables

static bool variables_read(const struct conn_result *result, struct server_facts *facts,
                           struct arena *arena)
{
    bool is_mysql = result->column_count == VARIABLE_COUNT_MYSQL;
    if (result->row_count != 1 || (!is_mysql && result->column_count != VARIABLE_COUNT_MARIADB)) {
        return false;
    }
    const struct slice *cells = result->rows[0].cells;
    bool has_name = cells[VARIABLE_REPORT_HOST].len > 0;
    enum variable host = has_name ? VARIABLE_REPORT_HOST : VARIABLE_HOSTNAME;
    uint64_t report_port = number_read(cells[VARIABLE_REPORT_PORT], UINT16_MAX);
    uint64_t port = number_read(cells[VARIABLE_PORT], UINT16_MAX);

    facts->is_read_only =
        is_on(cells[VARIABLE_READ_ONLY]) || is_on(cells[VARIABLE_INNODB_READ_ONLY]);
    facts->is_super_read_only = is_mysql && is_on(cells[VARIABLE_SUPER_READ_ONLY]);
    facts->server_id = (uint32_t)number_read(cells[VARIABLE_SERVER_ID], UINT32_MAX);
    facts->uuid = is_mysql ? arena_copy(arena, cells[VARIABLE_SERVER_UUID]) : SLICE_NONE;
    facts->sql_mode = arena_copy(arena, cells[VARIABLE_SQL_MODE]);
    facts->is_autocommit_off = !is_on(cells[VARIABLE_AUTOCOMMIT]);
    facts->gtid = arena_copy(arena, cells[VARIABLE_GTID]);
    facts->replicated_gtid =
        is_mysql ? facts->gtid : arena_copy(arena, cells[VARIABLE_REPLICATED_GTID]);
    facts->report_host = arena_copy(arena, cells[host]);
    facts->report_port = (uint16_t)(report_port != 0 ? report_port : port);
    return cells[VARIABLE_READ_ONLY].len > 0;
}

// --- the state of replication

static enum replication_thread thread_read(struct slice word)
{
    if (slice_equal_nocase(word, S("Yes"))) {
        return THREAD_RUNNING;
    }
    // MariaDB's "Preparing" is on its way as well
    return slice_equal_nocase(word, S("No")) || word.len == 0 ? THREAD_STOPPED : THREAD_CONNECTING;
}

static int64_t behind_read(struct slice cell)
{
    uint64_t seconds;
    return slice_to_u64(cell, &seconds) && seconds <= INT64_MAX / CLOCK_SECOND
               ? (int64_t)seconds * CLOCK_SECOND
               : -1;
}

// Group replication's own channel for joining members: at rest all the time, and no source.
static bool is_recovery_channel(const struct conn_result *result, size_t row)
{
    return slice_equal(cell_find(result, row, &channel_name), S("group_replication_recovery"));
}

static void channel_read(const struct conn_result *result, size_t row,
                         struct channel_facts *channel, struct arena *arena)
{
    struct slice port = cell_find(result, row, &source_port);
    struct slice id = cell_find(result, row, &source_id);
    struct slice error = cell_find(result, row, &applier_error);

    channel->name = arena_copy(arena, cell_find(result, row, &channel_name));
    channel->source_host = arena_copy(arena, cell_find(result, row, &source_host));
    channel->source_port = (uint16_t)number_read(port, UINT16_MAX);
    channel->source_server_id = (uint32_t)number_read(id, UINT32_MAX);
    channel->source_uuid = arena_copy(arena, cell_find(result, row, &source_uuid));
    channel->receiver = thread_read(cell_find(result, row, &receiver_runs));
    channel->applier_runs = thread_read(cell_find(result, row, &applier_runs)) == THREAD_RUNNING;
    channel->behind_us = behind_read(cell_find(result, row, &seconds_behind));
    channel->error =
        arena_copy(arena, error.len > 0 ? error : cell_find(result, row, &receiver_error));
}

// No rows, no channels: it is nobody's replica. An OK in place of a result is no answer.
static bool replication_read(const struct conn_result *result, struct server_facts *facts,
                             struct arena *arena)
{
    bool is_known = has_column(result, &receiver_runs) && has_column(result, &applier_runs);
    if (result->column_count == 0 || (result->row_count > 0 && !is_known)) {
        return false;
    }
    struct channel_facts *channels = arena_zero(arena, (result->row_count + 1) * sizeof(*channels));
    facts->channels = channels;
    facts->channel_count = 0;
    for (size_t row = 0; row < result->row_count; row++) {
        if (!is_recovery_channel(result, row)) {
            channel_read(result, row, &channels[facts->channel_count++], arena);
        }
    }
    return true;
}

// --- public

bool question_read(enum question question, const struct conn_result *result,
                   struct server_facts *facts, struct arena *arena, struct error *error)
{
    static const char *const subjects[] = {
        [QUESTION_VARIABLES] = "variables",
        [QUESTION_REPLICATION] = "the state of replication",
    };
    if (result->code != 0) {
        return error_set(error, result->code, "", "it refused to show %s: %.*s", subjects[question],
                         SLICE_ARG(result->error));
    }
    bool is_read = question == QUESTION_VARIABLES ? variables_read(result, facts, arena)
                                                  : replication_read(result, facts, arena);
    return is_read || error_set(error, 1, "", "it shows %s in a way that sluice does not know",
                                subjects[question]);
}
