#include "proxy/admin/admin_command.h"

#include "proxy/admin/fault.h"
#include "proxy/admin/view.h"

static const struct admin_command_info commands[] = {
#define COMMAND(id, form, need, progress, answer, text)                                            \
    [ADMIN_COMMAND_##id] = {                                                                       \
        .name = SLICE_INIT(#id),                                                                   \
        .grammar = form,                                                                           \
        .right = ADMIN_##need,                                                                     \
        .state = ADMIN_##progress,                                                                 \
        .columns = SLICE_INIT(answer),                                                             \
        .sentence = SLICE_INIT(text),                                                              \
    },
#include "proxy/admin/commands.def"
#undef COMMAND
};

const struct admin_command_info *admin_command_info(enum admin_command id)
{
    return &commands[id];
}

static bool usage_set(struct error *error, const char *grammar)
{
    struct buffer usage = BUFFER_INIT;
    buffer_append_slice(&usage, S("it reads "));
    grammar_print(grammar, &usage);
    fault_set(error, ADMIN_SYNTAX, SLICE_ARG(buffer_slice(&usage)));
    buffer_release(&usage);
    return false;
}

static bool is_allowed(enum admin_command id, const struct asker *asker, struct error *error)
{
    const struct admin_command_info *command = &commands[id];
    if (asker->right < command->right) {
        return fault_set(error, ADMIN_DENIED, SLICE_ARG(slice_first(asker->user, 64)));
    }
    if (command->state == ADMIN_LATER) {
        struct buffer form = BUFFER_INIT;
        grammar_print(command->grammar, &form);
        error_set(error, error_row_code(ERROR_ROW_ADMIN_FAILED, false)->number, "",
                  "sluice: %.*s is not yet active", SLICE_ARG(buffer_slice(&form)));
        buffer_release(&form);
        return false;
    }
    return true;
}

bool admin_command_match(struct slice text, const struct asker *asker, char *room,
                         enum admin_command *id, struct grammar_match *match, struct error *error)
{
    for (*id = 0; *id < ADMIN_COMMAND_COUNT; ++*id) {
        switch (grammar_match(match, commands[*id].grammar, text, room)) {
        case GRAMMAR_YES:
            return is_allowed(*id, asker, error);
        case GRAMMAR_MISTAKE:
            return usage_set(error, commands[*id].grammar);
        case GRAMMAR_NO:
            break;
        }
    }
    return true;
}

// --- help ---------------------------------------------------------------------------------------

static bool has_topic(struct slice what, struct slice topic)
{
    for (size_t i = 0; i + topic.len <= what.len; i++) {
        if (slice_starts_nocase(slice_from(what, i), topic)) {
            return true;
        }
    }
    return topic.len == 0;
}

static void help_add(struct table *table, struct slice topic, struct slice what,
                     struct slice sentence)
{
    if (has_topic(what, topic)) {
        table_add(table, (struct cell[]){cell_text(what), cell_text(sentence)});
    }
}

static void views_help(struct table *table, struct slice topic)
{
    struct buffer form = BUFFER_INIT;
    for (enum view view = 0; view < VIEW_COUNT; view++) {
        const struct view_info *info = view_info(view);
        if (info->schema == VIEW_SCHEMA_SLUICE) {
            buffer_clear(&form);
            buffer_print(&form, "SHOW %.*s%s", SLICE_ARG(info->name),
                         info->source == VIEW_LATER ? " (not yet active)" : "");
            help_add(table, topic, buffer_slice(&form), info->sentence);
        }
    }
    buffer_release(&form);
}

void admin_command_help(struct slice topic, struct table *table)
{
    struct buffer form = BUFFER_INIT;
    table_columns_list(table, commands[ADMIN_COMMAND_HELP].columns);
    help_add(table, topic, S("SELECT <columns> FROM <view> [WHERE ...] [ORDER BY ...] [LIMIT ...]"),
             S("SQL over the views."));
    help_add(table, topic, S("SHOW <view> [LIKE <pattern>] [WHERE ...] [ORDER BY ...] [LIMIT ...]"),
             S("All columns of a view."));
    for (enum admin_command id = 0; id < ADMIN_COMMAND_COUNT; id++) {
        buffer_clear(&form);
        grammar_print(commands[id].grammar, &form);
        help_add(table, topic, buffer_slice(&form), commands[id].sentence);
    }
    buffer_release(&form);
    views_help(table, topic);
}
