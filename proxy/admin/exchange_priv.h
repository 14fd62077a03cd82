// An exchange's inside, for the files that make it up:
//
//     exchange.c           its life, SELECT and SHOW
//     exchange_command.c   the commands
#pragma once

#include "proxy/admin/admin_command.h"
#include "proxy/admin/exchange.h"
#include "proxy/admin/request.h"

struct exchange {
    const struct desk *desk;
    struct arena arena; // text, parameters, values of the command
    struct asker asker;
    exchange_fn *done;
    void *owner;
    struct loop_task task; // tells the answer

    // A command, else a select.
    enum admin_command command;
    struct grammar_match match;
    struct engine_statement *statement;
    const struct cell *parameters;

    // At most one of these is out.
    struct gathering *gathering;
    struct order *order;

    struct exchange_answer answer;
};

// --- exchange.c ---------------------------------------------------------------------------------

// The answer stands; it is told at the end of the turn.
void exchange_end(struct exchange *exchange);
// The same with an error of these words.
void exchange_fail(struct exchange *exchange, struct slice text);

// --- exchange_command.c -------------------------------------------------------------------------

// Starts exchange->command, which is one that is active.
void exchange_command_run(struct exchange *exchange);
