// The commands of the admin port: see commands.def. Recognizing them; carrying them out is
// exchange_command.c's. Any thread.
#pragma once

#include "proxy/admin/asker.h"
#include "proxy/admin/grammar.h"
#include "proxy/admin/table.h"
#include "proxy/base/error.h"
#include "proxy/base/slice.h"

#include <stdbool.h>

enum admin_command {
#define COMMAND(id, grammar, right, state, columns, sentence) ADMIN_COMMAND_##id,
#include "proxy/admin/commands.def"
#undef COMMAND
    ADMIN_COMMAND_COUNT, // it is no command
};

enum admin_progress { ADMIN_ACTIVE, ADMIN_LATER };

struct admin_command_info {
    struct slice name;
    const char *grammar;
    enum admin_right right;
    enum admin_progress state;
    struct slice columns; // empty: answers OK
    struct slice sentence;
};

const struct admin_command_info *admin_command_info(enum admin_command id);

// Which command `text` is: true with the id (ADMIN_COMMAND_COUNT: none of them) and what it says,
// or false with a mistake in it, a lack of right or a feature to come in `error`. `room`: as many
// bytes as the text has, for values; outlives `match`.
bool admin_command_match(struct slice text, const struct asker *asker, char *room,
                         enum admin_command *id, struct grammar_match *match, struct error *error);

// What HELP answers: every command and every view, or those that have `topic` in their form.
void admin_command_help(struct slice topic, struct table *table);
