// SHOW PROCESSLIST: a row for each session of sluice that the account may see.
#include "proxy/session/process_list.h"
#include "proxy/session/session_priv.h"

#include "proxy/base/memory.h"

#include <stdlib.h>

enum {
    INFO_MOST = 100, // characters of a statement without FULL
    NOT_NULL = 1,    // column flag
};

static const struct column columns[PROCESS_COLUMNS_MOST] = {
#define PROCESS_COLUMN(title, kind, size, flag)                                                    \
    {                                                                                              \
        .name = SLICE_INIT(title), .collation = COLUMN_UTF8MB4, .length = (size), .type = (kind),  \
        .flags = (flag)                                                                            \
    }
    PROCESS_COLUMN("Id", TYPE_LONGLONG, 21, NOT_NULL),
    PROCESS_COLUMN("User", TYPE_VAR_STRING, 512, NOT_NULL),
    PROCESS_COLUMN("Host", TYPE_VAR_STRING, 256, NOT_NULL),
    PROCESS_COLUMN("db", TYPE_VAR_STRING, 256, 0),
    PROCESS_COLUMN("Command", TYPE_VAR_STRING, 64, NOT_NULL),
    PROCESS_COLUMN("Time", TYPE_LONG, 7, NOT_NULL),
    PROCESS_COLUMN("State", TYPE_VAR_STRING, 120, 0),
    PROCESS_COLUMN("Info", TYPE_VAR_STRING, 64 << 20, 0),
    PROCESS_COLUMN("Progress", TYPE_VAR_STRING, 7, NOT_NULL),
#undef PROCESS_COLUMN
};

// Not in the middle of a character.
static struct slice text_cut(struct slice text, size_t most)
{
    size_t len = text.len < most ? text.len : most;
    while (len > 0 && len < text.len && ((uint8_t)text.ptr[len] & 0xC0) == 0x80) {
        len--;
    }
    return slice_first(text, len);
}

static struct slice info_of(struct process_list *list, const struct session_facts *facts)
{
    if (!facts->is_running || facts->query.len == 0) {
        return SLICE_NONE;
    }
    return arena_copy(&list->arena,
                      list->is_full ? facts->query : text_cut(facts->query, INFO_MOST));
}

static void process_add(const struct session_facts *facts, void *context)
{
    struct process_list *list = context;
    bool is_known = facts->user.len > 0; // else it has not logged in yet
    struct slice client = slice_text(facts->client);
    if (!list->is_all && !slice_equal(facts->user, list->user)) {
        return;
    }
    if (list->count == list->room) {
        list->room = list->room > 0 ? list->room * 2 : 16;
        list->processes = mem_grow(list->processes, list->room * sizeof(*list->processes));
    }
    struct process *process = &list->processes[list->count++];
    struct slice *values = process->values;
    process->id = facts->id;
    process->server = facts->backend;
    process->server_id = facts->connection_id;
    values[PROCESS_ID] = arena_print(&list->arena, "%u", facts->id);
    values[PROCESS_USER] =
        is_known ? arena_copy(&list->arena, facts->user) : S("unauthenticated user");
    values[PROCESS_HOST] = slice_equal(client, S("local"))
                               ? S("localhost") // a Unix socket: the servers' word
                               : arena_copy(&list->arena, client);
    values[PROCESS_DB] =
        facts->schema.len > 0 ? arena_copy(&list->arena, facts->schema) : SLICE_NONE;
    values[PROCESS_COMMAND] = !is_known           ? S("Connect")
                              : facts->is_running ? S("Query")
                                                  : S("Sleep");
    values[PROCESS_TIME] = arena_print(&list->arena, "%lld", (long long)(facts->since_ms / 1000));
    values[PROCESS_STATE] = is_known && !facts->is_running ? S("") : slice_text(facts->state);
    values[PROCESS_INFO] = info_of(list, facts);
    values[PROCESS_PROGRESS] = S("0.000");
}

void process_list_destroy(struct process_list *list)
{
    arena_release(&list->arena);
    mem_free(list->processes);
    mem_free((char *)list->user.ptr);
    mem_free(list);
}

static int process_compare(const void *a, const void *b)
{
    const struct process *one = a, *other = b;
    return one->id < other->id ? -1 : one->id > other->id;
}

static void process_list_show(struct process_list *list, struct session *session)
{
    size_t count = session_is_mariadb(session) ? PROCESS_COLUMNS_MARIADB : PROCESS_COLUMNS_MYSQL;
    struct slice *values = mem_zero(list->count * count + 1, sizeof(*values));
    if (list->count > 0) {
        qsort(list->processes, list->count, sizeof(*list->processes), process_compare);
    }
    for (size_t i = 0; i < list->count; i++) {
        memcpy(values + i * count, list->processes[i].values, count * sizeof(*values));
    }
    answer_rows(session, columns, count, values, list->count);
    mem_free(values);
}

static void process_list_ask(struct worker_question *question)
{
    struct process_list *list = container_of(question, struct process_list, question);
    if (list->at < list->shared->count) {
        worker_each_session(question->worker, process_add, list);
        list->at++;
        unsigned next = list->at < list->shared->count ? list->at : list->home;
        worker_ask(list->shared->workers[next], question);
        return;
    }
    struct session *session = session_of_command(question->worker, list->id, list->serial);
    if (session != NULL && list->use == PROCESSES_TABLE) {
        session->run->processes = list;
        query_go(session);
        return;
    }
    if (session != NULL && list->use == PROCESSES_SHOWN) {
        process_list_show(list, session);
    } else if (session != NULL) {
        other_plan_go(session, list);
    }
    process_list_destroy(list);
}

static struct process_list *process_list_create(const struct session *session, unsigned rights)
{
    struct process_list *list = mem_zero(1, sizeof(*list));
    list->shared = session->worker->shared;
    list->home = session->worker->index;
    list->id = session->id;
    list->serial = session->queries;
    list->user = slice_make(slice_copy_text(session->user), session->user.len);
    list->is_all = (rights & RIGHT_SEE) != 0;
    list->question.ask = process_list_ask;
    return list;
}

static void process_list_go(struct session *session, struct process_list *list)
{
    session_enter(session, SESSION_HOLDING);
    worker_ask(list->shared->workers[0], &list->question);
}

static void rights_came(struct session *session, unsigned rights, void *context)
{
    (void)context;
    if (session != NULL) {
        struct process_list *list = process_list_create(session, rights);
        list->is_full = statement_asks(&session->run->statement, ASK_FULL_PROCESSLIST);
        process_list_go(session, list);
    }
}

static void rights_came_for_table(struct session *session, unsigned rights, void *context)
{
    (void)context;
    if (session != NULL) {
        const struct run *run = session->run;
        struct process_list *list = process_list_create(session, rights);
        list->is_full = true;
        list->use = PROCESSES_TABLE;
        list->sql = arena_copy(&list->arena, run_text(run));
        process_list_go(session, list);
    }
}

// Whether the asker may see it is the server's to say.
void process_list_for_plan(struct session *session)
{
    struct process_list *list = process_list_create(session, RIGHT_SEE);
    list->use = PROCESSES_PLAN;
    process_list_go(session, list);
}

void process_list_begin(struct session *session)
{
    rights_ask(session, rights_came, NULL);
}

void process_list_gather(struct session *session)
{
    rights_ask(session, rights_came_for_table, NULL);
}
