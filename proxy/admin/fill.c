#include "proxy/admin/fill.h"

#include "protocol/packet/collation.h"
#include "proxy/admin/variable.h"
#include "proxy/base/clock.h"

#include <stdio.h>

// --- servers ------------------------------------------------------------------------------------

// Cells of one label over all values of the others.
static int64_t queries_of(const struct metrics *metrics, unsigned backend)
{
    uint64_t sum = 0;
    for (unsigned target = 0; target < METRIC_TARGET_COUNT; target++) {
        for (unsigned result = 0; result < METRIC_RESULT_COUNT; result++) {
            sum += metric_get((struct metrics *)metrics, METRIC_QUERIES, target, backend, result);
        }
    }
    return (int64_t)sum;
}

static void counts_tell(const struct metrics *metrics, unsigned backend, struct cell *cells)
{
    struct metrics *from = (struct metrics *)metrics; // metric_get() only reads
    if (backend >= metrics->given[METRIC_GIVEN(METRIC_DIMENSION_BACKEND)]) {
        return; // a server that came a moment ago
    }
    cells[VIEW_BACKENDS_USED] =
        cell_int((int64_t)metric_get(from, METRIC_BACKEND_CONNECTIONS, backend, METRIC_STATE_USED));
    cells[VIEW_BACKENDS_IDLE] =
        cell_int((int64_t)metric_get(from, METRIC_BACKEND_CONNECTIONS, backend, METRIC_STATE_IDLE));
    cells[VIEW_BACKENDS_QUERIES] = cell_int(queries_of(metrics, backend));
    cells[VIEW_BACKENDS_ERRORS] =
        cell_int((int64_t)metric_get(from, METRIC_BACKEND_ERRORS, backend));
}

// `since` is the text's room.
static void server_tell(const struct server *server, struct cell *cells, char *since)
{
    cells[VIEW_BACKENDS_ROLE] = cell_text(slice_text(server_role_name(server->role)));
    cells[VIEW_BACKENDS_STATE] = cell_text(slice_text(server_state_name(server->state)));
    cells[VIEW_BACKENDS_REASON] = cell_text_or_null(server->reason);
    cells[VIEW_BACKENDS_GTID] = cell_text_or_null(server->gtid_text);
    cells[VIEW_BACKENDS_WEIGHT] = cell_int(server->weight);
    cells[VIEW_BACKENDS_SINCE] = cell_time(server->since_us, since);
    if (server->lag_us >= 0 && server->role == ROLE_REPLICA) {
        cells[VIEW_BACKENDS_LAG_MS] = cell_int(server->lag_us / CLOCK_MS);
    }
    if (server->latency_us > 0) {
        cells[VIEW_BACKENDS_LATENCY_US] = cell_int(server->latency_us);
    }
}

static void backends_fill(const struct filling *filling, struct view_rows *rows)
{
    const struct config *config = filling->state->config;
    const struct topology *topology = filling->state->topology;
    for (size_t i = 0; i < config->backend_count; i++) {
        const struct conf_backend *backend = &config->backends[i];
        const struct server *server =
            topology != NULL ? topology_find(topology, backend->name) : NULL;
        char since[CELL_TIME_SIZE];
        struct cell cells[VIEW_BACKENDS_WIDTH] = {
            [VIEW_BACKENDS_NAME] = cell_text(backend->name),
            [VIEW_BACKENDS_ADDRESS] = cell_text(backend->address.text),
            [VIEW_BACKENDS_ROLE] = cell_text(slice_text(server_role_name(ROLE_UNKNOWN))),
            [VIEW_BACKENDS_STATE] = cell_text(slice_text(server_state_name(SERVER_STARTING))),
            [VIEW_BACKENDS_WEIGHT] = cell_int(backend->weight),
            [VIEW_BACKENDS_MAX] = cell_int(backend->max_connections),
        };
        if (server != NULL) {
            server_tell(server, cells, since);
        }
        counts_tell(filling->metrics, metric_backend((int)i), cells);
        view_rows_add(rows, cells);
    }
}

// --- configuration ------------------------------------------------------------------------------

static void config_fill(const struct filling *filling, struct view_rows *rows)
{
    struct arena arena = ARENA_INIT;
    size_t count;
    const struct config_row *options = config_rows(filling->state->config, &arena, &count);
    for (size_t i = 0; i < count; i++) {
        const struct config_row *option = &options[i];
        struct slice changeable = !option->is_active      ? S("later")
                                  : option->is_changeable ? S("live")
                                                          : S("restart");
        view_rows_add(rows, (struct cell[VIEW_CONFIG_WIDTH]){
                                [VIEW_CONFIG_SECTION] = cell_text(option->section),
                                [VIEW_CONFIG_KEY] = cell_text(option->key),
                                [VIEW_CONFIG_VALUE] = cell_text(option->value),
                                [VIEW_CONFIG_DEFAULT_VALUE] = cell_text(option->default_value),
                                [VIEW_CONFIG_CHANGEABLE] = cell_text(changeable),
                                [VIEW_CONFIG_DESCRIPTION] = cell_text(option->description),
                            });
    }
    arena_release(&arena);
}

// The keys of a rule that say something, as they would stand in a line: "match = ^SELECT; cache =
// 30s".
static void definition_write(const struct config_row *options, size_t count, struct slice rule,
                             struct buffer *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct config_row *option = &options[i];
        const struct slice prefix = S("rule:");
        if (slice_starts_nocase(option->section, prefix) &&
            slice_equal(slice_from(option->section, prefix.len), rule) &&
            !slice_equal(option->value, option->default_value)) {
            buffer_print(out, "%s%.*s = %.*s", buffer_is_empty(out) ? "" : "; ",
                         SLICE_ARG(option->key), SLICE_ARG(option->value));
        }
    }
}

// Rules that never matched are rows too, and all stand in the order in which they are tried; what
// the threads counted joins them when the view is merged.
static void rules_fill(const struct filling *filling, struct view_rows *rows)
{
    const struct config *config = filling->state->config;
    struct view_rows counted = *rows;
    struct arena arena = ARENA_INIT;
    size_t count;
    const struct config_row *options = config_rows(config, &arena, &count);
    view_rows_init(rows, VIEW_RULES);
    for (size_t i = 0; i < config->rule_count; i++) {
        struct buffer definition = BUFFER_INIT;
        definition_write(options, count, config->rules[i].name, &definition);
        view_rows_add(rows, (struct cell[VIEW_RULES_WIDTH]){
                                [VIEW_RULES_NAME] = cell_text(config->rules[i].name),
                                [VIEW_RULES_HITS] = cell_int(0),
                                [VIEW_RULES_DEFINITION] = cell_text(buffer_slice(&definition)),
                            });
        buffer_release(&definition);
    }
    arena_release(&arena);
    view_rows_take(rows, &counted);
}

// --- metrics ------------------------------------------------------------------------------------

static void sample_add(void *user, struct slice name, struct slice labels, double value)
{
    struct buffer text = BUFFER_INIT;
    buffer_append_slice(&text, name);
    if (labels.len > 0) {
        buffer_print(&text, "{%.*s}", SLICE_ARG(labels));
    }
    view_rows_add(user, (struct cell[VIEW_STATUS_WIDTH]){
                            [VIEW_STATUS_NAME] = cell_text(buffer_slice(&text)),
                            [VIEW_STATUS_VALUE] = cell_real(value),
                        });
    buffer_release(&text);
}

static void status_fill(const struct filling *filling, struct view_rows *rows)
{
    metrics_each(filling->metrics, filling->labels, sample_add, rows);
}

// --- information_schema -------------------------------------------------------------------------

static const struct slice charset = SLICE_INIT("utf8mb4");
static const struct slice collation = SLICE_INIT("utf8mb4_general_ci");

static void schemata_fill(const struct filling *filling, struct view_rows *rows)
{
    static const enum view_schema schemas[] = {VIEW_SCHEMA_INFORMATION_SCHEMA, VIEW_SCHEMA_SLUICE};
    (void)filling;
    for (size_t i = 0; i < sizeof(schemas) / sizeof(schemas[0]); i++) {
        view_rows_add(rows,
                      (struct cell[VIEW_SCHEMATA_WIDTH]){
                          [VIEW_SCHEMATA_CATALOG_NAME] = cell_text(S("def")),
                          [VIEW_SCHEMATA_SCHEMA_NAME] = cell_text(view_schema_name(schemas[i])),
                          [VIEW_SCHEMATA_CHARSET] = cell_text(charset),
                          [VIEW_SCHEMATA_COLLATION] = cell_text(collation),
                      });
    }
}

static void tables_fill(const struct filling *filling, struct view_rows *rows)
{
    (void)filling;
    for (enum view view = 0; view < VIEW_COUNT; view++) {
        const struct view_info *info = view_info(view);
        if (info->width == 0) {
            continue;
        }
        bool is_own = info->schema == VIEW_SCHEMA_SLUICE;
        view_rows_add(
            rows,
            (struct cell[VIEW_TABLES_WIDTH]){
                [VIEW_TABLES_TABLE_CATALOG] = cell_text(S("def")),
                [VIEW_TABLES_TABLE_SCHEMA] = cell_text(view_schema_name(info->schema)),
                [VIEW_TABLES_TABLE_NAME] = cell_text(info->name),
                [VIEW_TABLES_TABLE_TYPE] = cell_text(is_own ? S("BASE TABLE") : S("SYSTEM VIEW")),
                [VIEW_TABLES_ENGINE] = cell_text(S("sluice")),
                [VIEW_TABLES_TABLE_COLLATION] = cell_text(collation),
                [VIEW_TABLES_CREATE_OPTIONS] = cell_text(S("")),
                [VIEW_TABLES_TABLE_COMMENT] = cell_text(info->sentence),
            });
    }
}

static void column_add(struct view_rows *rows, const struct view_info *info, size_t index)
{
    static const struct slice types[] = {
        [VIEW_TEXT] = SLICE_INIT("text"),
        [VIEW_INT] = SLICE_INIT("bigint"),
        [VIEW_REAL] = SLICE_INIT("double"),
    };
    const struct view_column *column = &info->columns[index];
    struct cell cells[VIEW_COLUMNS_WIDTH] = {
        [VIEW_COLUMNS_TABLE_CATALOG] = cell_text(S("def")),
        [VIEW_COLUMNS_TABLE_SCHEMA] = cell_text(view_schema_name(info->schema)),
        [VIEW_COLUMNS_TABLE_NAME] = cell_text(info->name),
        [VIEW_COLUMNS_COLUMN_NAME] = cell_text(column->name),
        [VIEW_COLUMNS_ORDINAL_POSITION] = cell_int((int64_t)index + 1),
        [VIEW_COLUMNS_IS_NULLABLE] = cell_text(S("YES")),
        [VIEW_COLUMNS_DATA_TYPE] = cell_text(types[column->type]),
        [VIEW_COLUMNS_COLUMN_TYPE] = cell_text(types[column->type]),
        [VIEW_COLUMNS_COLUMN_KEY] = cell_text(S("")),
        [VIEW_COLUMNS_EXTRA] = cell_text(S("")),
        [VIEW_COLUMNS_PRIVILEGES] = cell_text(S("select")),
        [VIEW_COLUMNS_COLUMN_COMMENT] = cell_text(column->sentence),
        [VIEW_COLUMNS_GENERATION_EXPRESSION] = cell_text(S("")),
    };
    if (column->type == VIEW_TEXT) {
        cells[VIEW_COLUMNS_CHARACTER_MAXIMUM_LENGTH] = cell_int(CELL_TEXT_MAX);
        cells[VIEW_COLUMNS_CHARACTER_OCTET_LENGTH] = cell_int(CELL_TEXT_MAX);
        cells[VIEW_COLUMNS_CHARACTER_SET_NAME] = cell_text(charset);
        cells[VIEW_COLUMNS_COLLATION_NAME] = cell_text(collation);
    } else {
        cells[VIEW_COLUMNS_NUMERIC_PRECISION] = cell_int(column->type == VIEW_INT ? 19 : 22);
    }
    if (column->type == VIEW_INT) {
        cells[VIEW_COLUMNS_NUMERIC_SCALE] = cell_int(0);
    }
    view_rows_add(rows, cells);
}

static void columns_fill(const struct filling *filling, struct view_rows *rows)
{
    (void)filling;
    for (enum view view = 0; view < VIEW_COUNT; view++) {
        const struct view_info *info = view_info(view);
        for (size_t i = 0; i < info->width; i++) {
            column_add(rows, info, i);
        }
    }
}

static void engines_fill(const struct filling *filling, struct view_rows *rows)
{
    (void)filling;
    view_rows_add(rows, (struct cell[VIEW_ENGINES_WIDTH]){
                            [VIEW_ENGINES_ENGINE] = cell_text(S("sluice")),
                            [VIEW_ENGINES_SUPPORT] = cell_text(S("DEFAULT")),
                            [VIEW_ENGINES_COMMENT] = cell_text(S("Views of a running sluice")),
                            [VIEW_ENGINES_TRANSACTIONS] = cell_text(S("NO")),
                            [VIEW_ENGINES_XA] = cell_text(S("NO")),
                            [VIEW_ENGINES_SAVEPOINTS] = cell_text(S("NO")),
                        });
}

static void charsets_fill(const struct filling *filling, struct view_rows *rows)
{
    (void)filling;
    view_rows_add(rows, (struct cell[VIEW_CHARACTER_SETS_WIDTH]){
                            [VIEW_CHARACTER_SETS_NAME] = cell_text(charset),
                            [VIEW_CHARACTER_SETS_COLLATION] = cell_text(collation),
                            [VIEW_CHARACTER_SETS_DESCRIPTION] = cell_text(S("UTF-8 Unicode")),
                            [VIEW_CHARACTER_SETS_MAXLEN] = cell_int(4),
                        });
}

static void collations_fill(const struct filling *filling, struct view_rows *rows)
{
    static const uint16_t numbers[] = {COLLATION_UTF8MB4_GENERAL_CI, COLLATION_BINARY};
    (void)filling;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        const struct collation *row = collation_by_number(numbers[i]);
        view_rows_add(rows, (struct cell[VIEW_COLLATIONS_WIDTH]){
                                [VIEW_COLLATIONS_NAME] = cell_text(row->name),
                                [VIEW_COLLATIONS_CHARSET] = cell_text(row->charset),
                                [VIEW_COLLATIONS_ID] = cell_int(numbers[i]),
                                [VIEW_COLLATIONS_IS_DEFAULT] = cell_text(S("Yes")),
                                [VIEW_COLLATIONS_IS_COMPILED] = cell_text(S("Yes")),
                                [VIEW_COLLATIONS_SORTLEN] = cell_int(1),
                            });
    }
}

static void session_variables_fill(const struct filling *filling, struct view_rows *rows)
{
    variables_fill(rows, filling->asker);
}

// --- all of them --------------------------------------------------------------------------------

// Views that are not here are empty, or all gathered.
static const struct {
    void (*fill)(const struct filling *filling, struct view_rows *rows);
    bool wants_metrics;
} fillers[VIEW_COUNT] = {
    [VIEW_BACKENDS] = {backends_fill, true},
    [VIEW_RULES] = {rules_fill, false},
    [VIEW_CONFIG] = {config_fill, false},
    [VIEW_STATUS] = {status_fill, true},
    [VIEW_SCHEMATA] = {schemata_fill, false},
    [VIEW_TABLES] = {tables_fill, false},
    [VIEW_COLUMNS] = {columns_fill, false},
    [VIEW_ENGINES] = {engines_fill, false},
    [VIEW_CHARACTER_SETS] = {charsets_fill, false},
    [VIEW_COLLATIONS] = {collations_fill, false},
    [VIEW_VARIABLES] = {session_variables_fill, false},
};

bool fill_wants_metrics(uint64_t views)
{
    for (enum view view = 0; view < VIEW_COUNT; view++) {
        if ((views & VIEW_BIT(view)) != 0 && fillers[view].wants_metrics) {
            return true;
        }
    }
    return false;
}

void fill_views(uint64_t views, const struct filling *filling, struct view_rows *rows)
{
    for (enum view view = 0; view < VIEW_COUNT; view++) {
        if ((views & VIEW_BIT(view)) == 0) {
            continue;
        }
        if (fillers[view].fill != NULL) {
            fillers[view].fill(filling, &rows[view]);
        }
        view_rows_merge(&rows[view]);
    }
}
