#include "proxy/session/session_priv.h"

#include "proxy/base/clock.h"
#include "proxy/base/memory.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>

struct worker_thread {
    struct worker worker;
    pthread_t thread;
    bool is_started;
};

// --- setups --------------------------------------------------------------------------------------

struct worker_setup *worker_setup_ref(struct worker_setup *setup)
{
    refcount_ref(&setup->refs);
    return setup;
}

void worker_setup_unref(struct worker_setup *setup)
{
    if (setup == NULL || !refcount_unref(&setup->refs)) {
        return;
    }
    for (int i = 0; i < TOPOLOGY_SERVERS_MAX; i++) {
        tls_context_unref(setup->backend_tls[i]);
    }
    tls_context_unref(setup->client_tls);
    pool_tokens_unref(setup->tokens);
    limit_tokens_unref(setup->clients);
    limit_tokens_unref(setup->users);
    for (int i = 0; i < METRIC_GIVEN_COUNT; i++) {
        mem_free((void *)setup->labels.names[i]);
    }
    rules_unref(setup->rules);
    config_unref(setup->config);
    mem_free(setup->are_targets_kept);
    mem_free(setup);
}

// A target lives as long as connections to it may: it is kept to the worker's end once it was used.
struct old_target {
    struct list link;
    struct conn_target target;
    struct worker_setup *setup; // what its texts point into
};

static struct conn_target *target_make(struct worker *worker, struct worker_setup *setup, int index)
{
    const struct conf_backend *backend = &setup->config->backends[index];
    struct old_target *kept = mem_zero(1, sizeof(*kept));
    kept->setup = worker_setup_ref(setup);
    kept->target = (struct conn_target){
        .name = backend->name,
        .index = index,
        .address = backend->address,
        .tls = backend->tls,
        .tls_context = setup->backend_tls[index],
        .resolver = worker->resolver,
        .statements = &worker->budgets[index],
        .connect_timeout_us = setup->config->proxy.connect_timeout_us,
        .compression = backend->compression,
        .sends_proxy = backend->send_proxy == CONF_SEND_PROXY_V2,
    };
    list_push_back(&worker->old_targets, &kept->link);
    return &kept->target;
}

static void targets_make(struct worker *worker, struct worker_setup *setup)
{
    int count = (int)setup->config->backend_count;
    for (int i = 0; i < count; i++) {
        bool is_kept = setup->are_targets_kept != NULL && setup->are_targets_kept[i] &&
                       worker->target_list[i] != NULL;
        if (!is_kept) {
            worker->target_list[i] = target_make(worker, setup, i);
        }
        worker->target_list[i]->connect_timeout_us = setup->config->proxy.connect_timeout_us;
    }
    pools_set_targets(worker->pools, worker->target_list, count, setup->tokens);
}

static void setup_install(struct worker *worker, struct worker_setup *setup)
{
    struct worker_setup *before = worker->setup;
    worker->setup = setup;
    worker->config = setup->config;
    statement_cache_clear(worker->statements);
    metrics_resize(worker->metrics, &setup->labels);
    mem_free(worker->rule_hits);
    worker->rule_hits = mem_zero(rules_count(setup->rules), sizeof(*worker->rule_hits));
    targets_make(worker, setup);
    list_each (link, &worker->sessions) {
        struct session *session = container_of(link, struct session, link);
        session->conf_user = config_user(worker->config, session->user);
        session_limits_changed(session);
    }
    worker_setup_unref(before);
}

int worker_server_for_logins(const struct worker *worker, int except)
{
    const struct topology *topology = worker->topology;
    if (topology == NULL) {
        return -1;
    }
    if (topology->primary >= 0 && topology->primary != except) {
        return topology->primary;
    }
    for (int i = 0; i < topology->count; i++) {
        if (i != except && server_state_takes_reads(topology->servers[i].state)) {
            return i;
        }
    }
    return -1;
}

struct slice worker_sql_mode(const struct worker *worker)
{
    return worker->topology != NULL ? worker->topology->sql_mode : SLICE_NONE;
}

uint16_t worker_first_status(const struct worker *worker)
{
    struct sql_syntax syntax = SQL_SYNTAX_DEFAULT;
    bool is_off = worker->topology != NULL && worker->topology->is_autocommit_off;
    sql_syntax_set_mode(&syntax, worker_sql_mode(worker));
    return (uint16_t)((is_off ? 0 : STATUS_AUTOCOMMIT) |
                      (syntax.no_backslash_escapes ? STATUS_NO_BACKSLASH_ESCAPES : 0));
}

// --- news ----------------------------------------------------------------------------------------

// A message that carries one value.
struct news {
    struct worker_question question;
    void *value;
};

static void news_send(struct worker *worker, void *value, void (*ask)(struct worker_question *))
{
    struct news *news = mem_zero(1, sizeof(*news));
    news->value = value;
    news->question.ask = ask;
    worker_ask(worker, &news->question);
}

static void *news_take(struct worker_question *question)
{
    struct news *news = container_of(question, struct news, question);
    void *value = news->value;
    mem_free(news);
    return value;
}

static void setup_arrived(struct worker_question *question)
{
    struct worker *worker = question->worker;
    setup_install(worker, news_take(question));
}

void worker_set_setup(struct worker *worker, struct worker_setup *setup)
{
    news_send(worker, worker_setup_ref(setup), setup_arrived);
}

// Statements that waited for a server are decided anew. Each may wait again, behind the others.
static void holding_wake(struct worker *worker)
{
    struct list woken;
    list_init(&woken);
    list_splice_back(&woken, &worker->holding);
    while (!list_is_empty(&woken)) {
        struct session *session = container_of(woken.next, struct session, holding);
        query_route(session);
    }
}

// Versions differ in what collation a charset has by default.
static bool has_one_default(const struct topology *topology)
{
    uint32_t first = 0;
    for (int i = 0; i < topology->count; i++) {
        uint32_t version = topology->servers[i].version_number / 100; // without the patch's number
        if (version != 0 && first != 0 && version != first) {
            return false;
        }
        first = version != 0 ? version : first;
    }
    return true;
}

// Whether new sessions have other defaults now.
static bool begins_otherwise(const struct topology *before, const struct topology *now)
{
    return !slice_equal(before->sql_mode, now->sql_mode) ||
           before->is_autocommit_off != now->is_autocommit_off;
}

// Sessions that logged in before that was known and have done nothing yet.
static void sessions_begin_anew(struct worker *worker)
{
    list_each (link, &worker->sessions) {
        struct session *session = container_of(link, struct session, link);
        if (session->state == SESSION_IDLE && session->queries == 0) {
            session->status = worker_first_status(worker);
            effects_image_changed(session);
        }
    }
}

static void topology_arrived(struct worker_question *question)
{
    struct worker *worker = question->worker;
    struct topology *before = worker->topology;
    worker->topology = news_take(question);
    worker->images.has_one_default = has_one_default(worker->topology);
    pools_set_topology(worker->pools, worker->topology);
    if (before != NULL && begins_otherwise(before, worker->topology)) {
        pools_renew(worker->pools);
        sessions_begin_anew(worker);
    }
    positions_follow(&worker->positions, worker->topology);
    topology_unref(before);
    holding_wake(worker);
}

void worker_set_topology(struct worker *worker, struct topology *topology)
{
    news_send(worker, topology_ref(topology), topology_arrived);
}

static void catalogue_arrived(struct worker_question *question)
{
    struct worker *worker = question->worker;
    const struct catalogue *before = worker->catalogue;
    worker->catalogue = news_take(question);
    statement_cache_clear(worker->statements);
    learn_wake(worker);
    catalogue_unref(before);
}

void worker_set_catalogue(struct worker *worker, const struct catalogue *catalogue)
{
    news_send(worker, (void *)catalogue_ref(catalogue), catalogue_arrived);
}

struct pause_news {
    struct worker_question question;
    bool is_paused;
};

static void pause_arrived(struct worker_question *question)
{
    struct pause_news *news = container_of(question, struct pause_news, question);
    struct worker *worker = question->worker;
    worker->is_paused = news->is_paused;
    mem_free(news);
    if (!worker->is_paused) {
        holding_wake(worker);
    }
}

void worker_pause(struct worker *worker, bool is_paused)
{
    struct pause_news *news = mem_zero(1, sizeof(*news));
    news->is_paused = is_paused;
    news->question.ask = pause_arrived;
    worker_ask(worker, &news->question);
}

static void listeners_close(struct worker *worker)
{
    while (worker->listener_count > 0) {
        listener_close(worker->listeners[--worker->listener_count]);
    }
}

static void drain_arrived(struct worker_question *question)
{
    struct worker *worker = question->worker;
    news_take(question);
    worker->is_draining = true;
    list_each_safe (link, &worker->sessions) {
        session_drain(container_of(link, struct session, link));
    }
}

void worker_drain(struct worker *worker)
{
    news_send(worker, NULL, drain_arrived);
}

// --- questions -----------------------------------------------------------------------------------

static void question_run(struct loop_message *message, struct loop *loop)
{
    struct worker_question *question = container_of(message, struct worker_question, message);
    (void)loop;
    question->ask(question);
}

void worker_ask(struct worker *worker, struct worker_question *question)
{
    question->worker = worker;
    question->message.run = question_run;
    loop_post(worker->loop, &question->message);
}

struct metrics *worker_metrics(struct worker *worker)
{
    return worker->metrics;
}

struct pools *worker_pools(struct worker *worker)
{
    return worker->pools;
}

size_t worker_session_count(const struct worker *worker)
{
    return worker->session_count;
}

struct session *worker_session(const struct worker *worker, uint32_t id)
{
    list_each (link, &worker->sessions) {
        struct session *session = container_of(link, struct session, link);
        if (session->id == id) {
            return session;
        }
    }
    return NULL;
}

struct session *session_of_command(const struct worker *worker, uint32_t id, uint64_t serial)
{
    struct session *session = worker_session(worker, id);
    bool waits = session != NULL && session->state == SESSION_HOLDING && session->run != NULL &&
                 session->queries == serial;
    return waits ? session : NULL;
}

uint64_t worker_route_count(const struct worker *worker, enum route_reason reason,
                            enum route_target target)
{
    return worker->routes[reason][target];
}

struct rule_hits worker_rule_hits(const struct worker *worker, size_t rule)
{
    return rule < rules_count(worker->setup->rules) ? worker->rule_hits[rule]
                                                    : (struct rule_hits){0};
}

const struct digest_table *worker_digests(const struct worker *worker)
{
    return worker->digests;
}

static void facts_read(const struct session *session, int64_t now_us, struct session_facts *facts)
{
    enum pin_reason pin = effects_keeping(session);
    *facts = (struct session_facts){
        .id = session->id,
        .user = session->user,
        .schema = session->image != NULL ? session->image->schema : SLICE_NONE,
        .query = slice_make(session->last_query, session->last_query_len),
        .is_running = session->run != NULL,
        .state = session_state_word(session->state),
        .since_ms = (now_us - session->since_us) / CLOCK_MS,
        .backend = session->pooled != NULL ? pooled_server(session->pooled) : -1,
        .connection_id =
            session->pooled != NULL ? conn_peer(pooled_conn(session->pooled))->connection_id : 0,
        .in_transaction = (session->status & STATUS_IN_TRANSACTION) != 0,
        .pin_reason = pin != PIN_NONE ? pin_reason_name(pin) : SLICE_NONE,
        .queries = session->queries,
    };
    if (session->run != NULL) {
        facts->query = shown_text(session, SHOWN_LONGEST, facts->shown);
    }
    address_print(&session->peer, facts->client);
}

void worker_each_session(struct worker *worker,
                         void (*show)(const struct session_facts *facts, void *context),
                         void *context)
{
    int64_t now_us = loop_now_us(worker->loop);
    list_each (link, &worker->sessions) {
        struct session_facts facts;
        facts_read(container_of(link, struct session, link), now_us, &facts);
        show(&facts, context);
    }
}

// --- between workers: tokens ---------------------------------------------------------------------

struct token_news {
    struct worker_question question;
    int server;
};

// The other one may be gone already, where all of them end.
static void token_send(struct worker *to, int server, void (*ask)(struct worker_question *))
{
    if (to == NULL) {
        return;
    }
    struct token_news *news = mem_zero(1, sizeof(*news));
    news->server = server;
    news->question.ask = ask;
    worker_ask(to, &news->question);
}

static int token_news_take(struct worker_question *question)
{
    struct token_news *news = container_of(question, struct token_news, question);
    int server = news->server;
    mem_free(news);
    return server;
}

static void yield_asked(struct worker_question *question)
{
    struct worker *worker = question->worker;
    pools_yield(worker->pools, token_news_take(question));
}

static void token_came(struct worker_question *question)
{
    struct worker *worker = question->worker;
    pools_retry(worker->pools, token_news_take(question));
}

static void ask_others(void *context, int server)
{
    struct worker *worker = context;
    for (unsigned i = 0; i < worker->shared->count; i++) {
        if (i != worker->index) {
            token_send(worker->shared->workers[i], server, yield_asked);
        }
    }
}

static void token_free(void *context, int server, unsigned index)
{
    struct worker *worker = context;
    token_send(worker->shared->workers[index], server, token_came);
}

static void report(void *context, int server, const struct conn_loss *loss)
{
    struct worker *worker = context;
    worker->shared->report(worker->shared->context, server, loss);
}

// --- life ----------------------------------------------------------------------------------------

void worker_add_listener(struct worker *worker, struct listener *listener)
{
    assert(worker->listener_count < CONF_LISTEN_MAX);
    worker->listeners[worker->listener_count++] = listener;
}

struct worker *worker_create(struct worker_shared *shared, unsigned index,
                             struct worker_setup *setup)
{
    struct worker_thread *thread = mem_zero(1, sizeof(*thread));
    struct worker *worker = &thread->worker;
    char name[32];
    struct error error;

    snprintf(name, sizeof(name), "worker-%u", index);
    worker->shared = shared;
    worker->index = index;
    worker->source.log = shared->log;
    worker->metrics = metrics_create(&setup->labels);
    worker->loop = loop_create(&(struct loop_settings){
        .name = name, .metrics = worker->metrics, .helpers = shared->helpers});
    worker->resolver = resolver_create(worker->loop, &(struct resolver_settings){0}, &error);
    list_init(&worker->sessions);
    list_init(&worker->holding);
    list_init(&worker->learning);
    list_init(&worker->old_targets);
    list_init(&worker->killers);
    list_init(&worker->rechecks);
    list_init(&worker->askers);
    list_init(&worker->drains);
    waits_init(&worker->waits);
    asking_init(&worker->asking);
    image_table_init(&worker->images);
    prepared_table_init(&worker->texts, preparation_reading_free);
    for (int i = 0; i < TOPOLOGY_SERVERS_MAX; i++) {
        statement_budget_init(&worker->budgets[i], STATEMENTS_OF_SERVER_MOST / shared->count);
    }
    worker->scratch = rules_scratch_create();
    worker->statements = statement_cache_create();
    worker->digests = digest_table_create(DIGEST_TABLE_BYTES);
    worker->pools = pools_create(&(struct pools_settings){
        .loop = worker->loop,
        .metrics = worker->metrics,
        .images = &worker->images,
        .worker = index,
        .ask_others = ask_others,
        .token_free = token_free,
        .report = report,
        .context = worker,
    });
    worker->targets = worker->target_list;
    worker->first_setup = worker_setup_ref(setup);
    setup_install(worker, worker_setup_ref(setup));
    return worker;
}

// sched(7): on a busy machine the thread then waits for its turn where it would push another off
// the processor, and finds more to do when that comes, for one waiting. Where a processor is free,
// nothing changes. Where it is not allowed, all stays as it is.
static void thread_take_turns(void)
{
    (void)sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){0});
}

static void *thread_run(void *argument)
{
    struct worker *worker = argument;
    thread_take_turns();
    loop_run(worker->loop);
    return NULL;
}

void worker_start(struct worker *worker)
{
    struct worker_thread *thread = container_of(worker, struct worker_thread, worker);
    int failed = pthread_create(&thread->thread, NULL, thread_run, worker);
    assert(failed == 0);
    (void)failed;
    thread->is_started = true;
}

static void stop_arrived(struct worker_question *question)
{
    struct worker *worker = question->worker;
    news_take(question);
    worker->is_draining = true;
    listeners_close(worker);
    list_each_safe (link, &worker->sessions) {
        session_close(container_of(link, struct session, link));
    }
    loop_stop(worker->loop);
}

void worker_stop(struct worker *worker)
{
    news_send(worker, NULL, stop_arrived);
}

static void targets_release(struct worker *worker)
{
    list_each_safe (link, &worker->old_targets) {
        struct old_target *kept = container_of(link, struct old_target, link);
        list_remove(&kept->link);
        worker_setup_unref(kept->setup);
        mem_free(kept);
    }
}

void worker_join(struct worker *worker)
{
    struct worker_thread *thread = container_of(worker, struct worker_thread, worker);
    if (thread->is_started) {
        pthread_join(thread->thread, NULL);
        thread->is_started = false;
    }
}

// What the workers still have to say to each other is about sessions, pools and accounts, and
// answered: a question goes round and then home, so that the second pass sees its end.
static void workers_settle(struct worker_shared *shared)
{
    enum { PASSES = 2 };
    for (unsigned i = 0; i < PASSES * shared->count; i++) {
        struct worker *worker = shared->workers[i % shared->count];
        if (worker != NULL) {
            loop_settle(worker->loop);
        }
    }
}

void worker_destroy(struct worker *worker)
{
    struct worker_thread *thread = container_of(worker, struct worker_thread, worker);
    workers_settle(worker->shared);
    worker->shared->workers[worker->index] = NULL;
    list_each_safe (link, &worker->sessions) {
        session_close(container_of(link, struct session, link));
    }
    kills_release(worker);
    rights_release(worker);
    waits_release(worker);
    listeners_close(worker);
    pools_destroy(worker->pools);
    accounts_release(worker);
    resolver_destroy(worker->resolver);
    loop_destroy(worker->loop);
    prepared_table_release(&worker->texts);
    image_table_release(&worker->images);
    while (worker->spare_runs != NULL) {
        struct run *run = worker->spare_runs;
        worker->spare_runs = run->next_spare;
        buffer_release(&run->packet);
        buffer_release(&run->sent);
        arena_release(&run->arena);
        mem_free(run);
    }
    positions_release(&worker->positions);
    buffer_release(&worker->ok_changes);
    buffer_release(&worker->ok_packet);
    rules_scratch_destroy(worker->scratch);
    statement_cache_destroy(worker->statements);
    targets_release(worker);
    worker_setup_unref(worker->setup);
    worker_setup_unref(worker->first_setup);
    topology_unref(worker->topology);
    catalogue_unref(worker->catalogue);
    metrics_destroy(worker->metrics);
    digest_table_destroy(worker->digests);
    mem_free(worker->rule_hits);
    mem_free(thread);
}

struct loop *worker_loop(const struct worker *worker)
{
    return worker->loop;
}
