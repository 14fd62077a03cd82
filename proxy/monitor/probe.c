#include "proxy/monitor/probe.h"

#include "protocol/login/secret.h"
#include "proxy/base/clock.h"
#include "proxy/base/memory.h"

#include <assert.h>
#include <stdio.h>

enum {
    COLLATION = 45,          // utf8mb4_general_ci: every server knows it
    NO_PREFIX_FROM = 110000, // MariaDB: the first that greets without "5.5.5-"
    HURRY_SHARE = 10,
};
static const int64_t hurry_least_us = 10 * CLOCK_MS;
static const int64_t hurry_most_us = 100 * CLOCK_MS;

struct probe {
    struct probe_settings settings;
    struct conn_target target;
    struct secret *secret;

    enum probe_state state;
    struct timer timer;
    struct conn *conn;      // NULL: none
    bool is_conn_reused;    // it was there when the probe began
    bool wants_another;     // trouble was told while this one was on its way
    enum question question; // ASKING: which
    int64_t started_us;
    int64_t asked_us; // ASKING: when, exactly

    struct server_facts facts; // as they stand
    struct arena arena;        // their texts
    struct server_facts found; // ASKING: what this probe has found so far
    struct arena found_arena;
    char error[ERROR_TEXT_SIZE]; // facts.error

    struct loop_task task; // frees
};

static const struct conf_monitor *options_of(const struct probe *probe)
{
    return &probe->settings.config->monitor;
}

// --- states

static void probe_enter(struct probe *probe, enum probe_state state)
{
    static const uint8_t from[PROBE_STATE_COUNT] = {
        [PROBE_OFF] =
            1 << PROBE_OFF | 1 << PROBE_RESTING | 1 << PROBE_CONNECTING | 1 << PROBE_ASKING,
        [PROBE_RESTING] = 1 << PROBE_OFF | 1 << PROBE_CONNECTING | 1 << PROBE_ASKING,
        [PROBE_CONNECTING] = 1 << PROBE_RESTING | 1 << PROBE_ASKING,
        [PROBE_ASKING] = 1 << PROBE_RESTING | 1 << PROBE_CONNECTING,
    };
    assert((from[state] >> probe->state & 1) != 0);
    probe->state = state;
}

// How long it is from the beginning of a probe to the next.
static int64_t pause_of(const struct probe *probe, bool is_hurried)
{
    int64_t interval_us = options_of(probe)->interval_us;
    int64_t hurried_us = interval_us / HURRY_SHARE;
    if (!is_hurried) {
        return interval_us;
    }
    return hurried_us < hurry_least_us  ? hurry_least_us
           : hurried_us > hurry_most_us ? hurry_most_us
                                        : hurried_us;
}

static void rest(struct probe *probe, bool is_hurried)
{
    int64_t since_us = loop_now_us(probe->settings.loop) - probe->started_us;
    timer_set(&probe->timer, probe->settings.loop, pause_of(probe, is_hurried) - since_us);
}

static void conn_drop(struct probe *probe)
{
    if (probe->conn != NULL) {
        conn_close(probe->conn);
        probe->conn = NULL;
    }
}

// --- how a probe ends

static void probe_end(struct probe *probe)
{
    bool is_hurried = probe->wants_another;
    probe->wants_another = false;
    probe_enter(probe, PROBE_RESTING);
    rest(probe, is_hurried);
    probe->settings.on_done(probe, probe->settings.context);
}

static void probe_fail(struct probe *probe, const char *text)
{
    if (probe->facts.failures < UINT32_MAX) {
        probe->facts.failures++;
    }
    snprintf(probe->error, sizeof(probe->error), "%s", text);
    probe->facts.error = slice_text(probe->error);
    probe_end(probe);
}

// Three quarters of what it was, a quarter of what it is.
static uint32_t latency_smooth(uint32_t before_us, int64_t took_us)
{
    uint32_t now_us = took_us < 1                ? 1
                      : took_us > UINT32_MAX / 4 ? UINT32_MAX / 4
                                                 : (uint32_t)took_us;
    return before_us == 0 ? now_us : before_us - before_us / 4 + now_us / 4;
}

// What was found becomes what is known; what the caller set stays.
static void probe_succeed(struct probe *probe)
{
    struct server_facts before = probe->facts;
    struct arena spare = probe->arena;

    probe->facts = probe->found;
    probe->arena = probe->found_arena;
    probe->found_arena = spare;
    probe->facts.has_answered = true;
    probe->facts.answered_us = loop_now_us(probe->settings.loop);
    probe->facts.failures = 0;
    probe->facts.admin = before.admin;
    probe->facts.shunned_until_us = before.shunned_until_us;
    probe->facts.shunned_for = before.shunned_for;
    probe->facts.measured_lag_us = before.measured_lag_us;
    probe->facts.least_lag_us = before.least_lag_us;
    probe_end(probe);
}

// --- asking

// As the server greets those who come: MariaDB 10 puts "5.5.5-" in front.
static struct slice greeting_copy(const struct login_peer *peer, struct arena *arena)
{
    struct version version;
    struct slice text = slice_text(peer->version);
    version_parse(text, &version);
    bool has_prefix = version.family == FAMILY_MARIADB && version.number < NO_PREFIX_FROM;
    return arena_print(arena, "%s%.*s", has_prefix ? "5.5.5-" : "", SLICE_ARG(text));
}

static struct version version_of(const struct probe *probe)
{
    struct version version;
    version_parse(probe->found.version, &version);
    return version;
}

static void answered(struct conn *conn, const struct conn_result *result, void *context);

static void ask(struct probe *probe, enum question question)
{
    probe->question = question;
    probe->asked_us = loop_now_exact_us(probe->settings.loop);
    conn_query(probe->conn, question_sql(question, version_of(probe)), answered, probe);
}

static void ask_first(struct probe *probe)
{
    const struct login_peer *peer = conn_peer(probe->conn);
    arena_reset(&probe->found_arena);
    probe->found = (struct server_facts){
        .version = greeting_copy(peer, &probe->found_arena),
        .capabilities = peer->offered,
        .latency_us = probe->facts.latency_us,
    };
    probe_enter(probe, PROBE_ASKING);
    ask(probe, QUESTION_VARIABLES);
}

static void answered(struct conn *conn, const struct conn_result *result, void *context)
{
    struct probe *probe = context;
    struct error error = ERROR_NONE;
    (void)conn;

    if (!question_read(probe->question, result, &probe->found, &probe->found_arena, &error)) {
        probe_fail(probe, error.text);
        return;
    }
    if (probe->question == QUESTION_VARIABLES) {
        probe->found.gtid_us = probe->asked_us;
        int64_t took_us = loop_now_exact_us(probe->settings.loop) - probe->asked_us;
        probe->found.latency_us = latency_smooth(probe->found.latency_us, took_us);
    }
    if (probe->question + 1 < QUESTION_COUNT) {
        ask(probe, probe->question + 1);
    } else {
        probe_succeed(probe);
    }
}

// --- connecting

static void conn_ready(struct conn *conn)
{
    ask_first(conn_holder(conn));
}

static void conn_closed(struct conn *conn, const struct conn_loss *loss);

static const struct conn_handler handler = {.on_ready = conn_ready, .on_closed = conn_closed};

static void conn_start(struct probe *probe)
{
    const struct conn_settings settings = {
        .loop = probe->settings.loop,
        .target = &probe->target,
        .user = options_of(probe)->user,
        .secret = probe->secret,
        .collation = COLLATION,
    };
    probe->is_conn_reused = false;
    probe_enter(probe, PROBE_CONNECTING);
    probe->conn = conn_open(&settings, &handler, probe);
}

// A connection that goes while it rests is a hint, no failure: the server is asked at once.
static void conn_closed(struct conn *conn, const struct conn_loss *loss)
{
    struct probe *probe = conn_holder(conn);
    probe->conn = NULL;
    if (probe->state == PROBE_RESTING) {
        probe_hurry(probe);
    } else if (probe->state == PROBE_ASKING && probe->is_conn_reused) {
        conn_start(probe);
    } else if (loss->end == CONN_END_EXHAUSTED) { // which says nothing of the server
        probe_end(probe);
    } else {
        probe_fail(probe, loss->error->text);
    }
}

// --- time

static void probe_begin(struct probe *probe)
{
    probe->started_us = loop_now_us(probe->settings.loop);
    timer_set(&probe->timer, probe->settings.loop, options_of(probe)->timeout_us);
    if (probe->conn == NULL) {
        conn_start(probe);
    } else {
        probe->is_conn_reused = true;
        ask_first(probe);
    }
}

static void out_of_time(struct probe *probe)
{
    char text[128];
    snprintf(text, sizeof(text), "no %s within %lld ms",
             probe->state == PROBE_CONNECTING ? "login" : "answer",
             (long long)(options_of(probe)->timeout_us / CLOCK_MS));
    conn_drop(probe);
    probe_fail(probe, text);
}

static void timer_ran(struct timer *timer)
{
    struct probe *probe = container_of(timer, struct probe, timer);
    if (probe->state == PROBE_RESTING) {
        probe_begin(probe);
    } else {
        out_of_time(probe);
    }
}

// --- life

static void probe_free(struct loop_task *task)
{
    struct probe *probe = container_of(task, struct probe, task);
    arena_release(&probe->arena);
    arena_release(&probe->found_arena);
    secret_unref(&probe->secret);
    tls_context_unref(probe->settings.tls_context);
    config_unref(probe->settings.config);
    mem_free(probe);
}

struct probe *probe_create(const struct probe_settings *settings)
{
    const struct config *config = settings->config;
    const struct conf_backend *backend = &config->backends[settings->server];
    struct probe *probe = mem_zero(1, sizeof(*probe));

    probe->settings = *settings;
    config_ref(config);
    if (settings->tls_context != NULL) {
        tls_context_ref(settings->tls_context);
    }
    probe->secret = secret_from_password(config->monitor.password);
    probe->target = (struct conn_target){
        .name = backend->name,
        .index = settings->server,
        .address = backend->address,
        .tls = backend->tls,
        .sends_proxy = backend->send_proxy == CONF_SEND_PROXY_V2,
        .tls_context = settings->tls_context,
        .resolver = settings->resolver,
        .connect_timeout_us = config->monitor.timeout_us + CLOCK_SECOND, // ours comes first
    };
    probe->facts.measured_lag_us = -1;
    timer_init(&probe->timer, timer_ran);
    loop_task_init(&probe->task, probe_free);
    return probe;
}

void probe_destroy(struct probe *probe)
{
    probe_stop(probe);
    timer_release(&probe->timer);
    loop_defer(probe->settings.loop, &probe->task);
}

void probe_start(struct probe *probe)
{
    probe_enter(probe, PROBE_RESTING);
    timer_set(&probe->timer, probe->settings.loop, 0);
}

void probe_stop(struct probe *probe)
{
    conn_drop(probe);
    timer_clear(&probe->timer);
    probe->wants_another = false;
    probe_enter(probe, PROBE_OFF);
}

void probe_hurry(struct probe *probe)
{
    if (probe->state == PROBE_RESTING) {
        rest(probe, true);
    } else {
        probe->wants_another = probe->state != PROBE_OFF;
    }
}

// --- asking it

struct server_facts *probe_facts(struct probe *probe)
{
    return &probe->facts;
}

static void text_inherit(struct probe *probe, struct slice *text)
{
    *text = arena_copy(&probe->arena, *text);
}

static void channels_inherit(struct probe *probe)
{
    struct server_facts *facts = &probe->facts;
    struct channel_facts *channels =
        arena_zero(&probe->arena, (facts->channel_count + 1) * sizeof(*channels));
    for (size_t i = 0; i < facts->channel_count; i++) {
        channels[i] = facts->channels[i];
        text_inherit(probe, &channels[i].name);
        text_inherit(probe, &channels[i].source_host);
        text_inherit(probe, &channels[i].source_uuid);
        text_inherit(probe, &channels[i].error);
    }
    facts->channels = channels;
}

void probe_inherit(struct probe *probe, const struct probe *from)
{
    assert(probe->state == PROBE_OFF);
    probe->facts = from->facts;
    text_inherit(probe, &probe->facts.error);
    text_inherit(probe, &probe->facts.version);
    text_inherit(probe, &probe->facts.uuid);
    text_inherit(probe, &probe->facts.report_host);
    text_inherit(probe, &probe->facts.sql_mode);
    text_inherit(probe, &probe->facts.gtid);
    text_inherit(probe, &probe->facts.replicated_gtid);
    channels_inherit(probe);
}

enum probe_state probe_state(const struct probe *probe)
{
    return probe->state;
}

const struct conn_target *probe_target(const struct probe *probe)
{
    return &probe->target;
}
