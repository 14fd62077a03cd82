#include "proxy/monitor/loader.h"

#include "protocol/login/secret.h"
#include "proxy/base/clock.h"
#include "proxy/base/memory.h"
#include "router/catalogue/builder.h"
#include "router/statement/statement.h"

enum { COLLATION = 45, VALUES_MAX = 16 };
static const int64_t limit_us = 60 * CLOCK_SECOND; // for all of it

struct loader {
    struct loader_settings settings;
    struct conn *conn; // NULL once it is lost
    struct catalogue_builder *builder;
    enum catalogue_query_id query; // that is out
    struct timer timer;
    struct error refusal;  // the first
    struct loop_task task; // frees
};

// --- the end

static void loader_free(struct loop_task *task)
{
    struct loader *loader = container_of(task, struct loader, task);
    config_unref(loader->settings.config);
    mem_free(loader);
}

void loader_cancel(struct loader *loader)
{
    if (loader->conn != NULL) {
        conn_close(loader->conn);
        loader->conn = NULL;
    }
    catalogue_builder_destroy(loader->builder);
    loader->builder = NULL;
    timer_release(&loader->timer);
    loop_defer(loader->settings.loop, &loader->task);
}

static void loader_end(struct loader *loader, const struct catalogue *catalogue)
{
    struct error refusal = loader->refusal;
    loader_cancel(loader);
    loader->settings.on_done(loader->settings.context, catalogue, &refusal);
}

// --- rows

static void rows_take(struct loader *loader, const struct conn_result *result)
{
    struct slice values[VALUES_MAX];
    size_t count = result->column_count < VALUES_MAX ? result->column_count : VALUES_MAX;
    for (size_t row = 0; row < result->row_count; row++) {
        for (size_t i = 0; i < count; i++) {
            values[i] = result->rows[row].cells[i];
        }
        catalogue_builder_row(loader->builder, loader->query, values, count);
    }
    catalogue_builder_done(loader->builder, loader->query);
}

static void query_send(struct loader *loader);

static void answered(struct conn *conn, const struct conn_result *result, void *context)
{
    struct loader *loader = context;
    (void)conn;
    if (result->code == 0) {
        rows_take(loader, result);
    } else if (loader->refusal.code == 0) {
        error_set(&loader->refusal, result->code, "", "%.*s", SLICE_ARG(result->error));
    }
    loader->query++;
    if (loader->query < CATALOGUE_QUERY_COUNT) {
        query_send(loader);
        return;
    }
    loader_end(loader, catalogue_builder_finish(&loader->builder, statement_inspect));
}

static void query_send(struct loader *loader)
{
    conn_query_ahead(loader->conn, catalogue_queries[loader->query].sql, SLICE_NONE, answered,
                     loader); // no limit of its own: the loader's is for all of them
}

// --- the connection

static void conn_ready(struct conn *conn)
{
    query_send(conn_holder(conn));
}

static void conn_closed(struct conn *conn, const struct conn_loss *loss)
{
    struct loader *loader = conn_holder(conn);
    loader->conn = NULL;
    loader->refusal = *loss->error;
    loader_end(loader, NULL);
}

static const struct conn_handler handler = {.on_ready = conn_ready, .on_closed = conn_closed};

static void out_of_time(struct timer *timer)
{
    struct loader *loader = container_of(timer, struct loader, timer);
    error_set(&loader->refusal, 1, loader->settings.target->name.ptr,
              "the catalogue did not come within %lld s", (long long)(limit_us / CLOCK_SECOND));
    loader_end(loader, NULL);
}

struct loader *loader_begin(const struct loader_settings *settings)
{
    const struct conf_monitor *options = &settings->config->monitor;
    struct loader *loader = mem_zero(1, sizeof(*loader));
    struct secret *secret = secret_from_password(options->password);

    loader->settings = *settings;
    config_ref(settings->config);
    loader->builder = catalogue_builder_create();
    catalogue_builder_set_changes(loader->builder, settings->changes);
    loop_task_init(&loader->task, loader_free);
    timer_init(&loader->timer, out_of_time);
    timer_set(&loader->timer, settings->loop, limit_us);
    const struct conn_settings conn = {
        .loop = settings->loop,
        .target = settings->target,
        .user = options->user,
        .secret = secret,
        .collation = COLLATION,
    };
    loader->conn = conn_open(&conn, &handler, loader);
    secret_unref(&secret);
    return loader;
}
