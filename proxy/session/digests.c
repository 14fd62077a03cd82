// Which entry of the worker's digest table a command counts under, and what it adds there.
#include "proxy/session/session_priv.h"

#include "router/sql/digest.h"

static struct digest_scope scope_of(const struct session *session, enum metric_target target)
{
    return (struct digest_scope){session->image->schema, session->user, target};
}

static struct digest_text *text_of(const struct session *session)
{
    char bytes[DIGEST_TEXT_MAX];
    size_t len = 0;
    uint64_t digest =
        sql_digest_text(session->run->sql, &session->syntax, bytes, sizeof(bytes), &len);
    return digest_text_create(digest, slice_make(bytes, len));
}

// The entry of the text that the command came with. A text without a shape is rare enough to be
// read again each time.
static struct digest_entry *entry_of_text(const struct session *session,
                                          const struct digest_scope *scope)
{
    struct digest_table *table = session->worker->digests;
    uint64_t shape = session->run->statement.shape;
    struct digest_entry *entry = shape != 0 ? digest_table_find(table, shape, scope) : NULL;
    if (entry == NULL) {
        struct digest_text *text = text_of(session);
        entry = digest_table_add(table, shape, scope, text);
        digest_text_unref(&text);
    }
    return entry;
}

// NULL: the command is none that counts. To prepare a statement is not to run it, unless that is as
// far as it came.
static struct digest_entry *entry_of(const struct session *session, enum metric_target target,
                                     bool is_error)
{
    enum command command = session->run->command;
    bool has_run = command == COMMAND_QUERY || execution_is_meant(session->run) ||
                   command == COMMAND_STMT_FETCH || (command == COMMAND_STMT_PREPARE && is_error);
    if (!has_run || session->run->sql.len == 0) {
        return NULL;
    }
    struct digest_scope scope = scope_of(session, target);
    return entry_of_text(session, &scope);
}

void digests_count(struct session *session, enum metric_target target, bool is_error,
                   int64_t now_us)
{
    const struct run *run = session->run;
    struct digest_entry *entry = entry_of(session, target, is_error);
    if (entry == NULL) {
        return;
    }
    if (run->command == COMMAND_STMT_FETCH) {
        digest_entry_add_rows(entry, run->reply.rows);
        return;
    }
    struct digest_sample sample = {
        .at_us = now_us,
        .took_us = now_us - run->started_us,
        .rows = run->reply.rows + run->changed_rows,
        .is_error = is_error,
    };
    digest_table_record(session->worker->digests, entry, &sample);
}
