// A session of the leak test: a client of the proxy and its twin, a client of the primary, which
// run the same statements one after the other. Each has tables, locks and sequences of its own,
// whose names differ in one letter, so that what they get must be equal but for that letter.
#pragma once

#include "proxy/base/buffer.h"
#include "tests/leak/outcome.h"

#include <mariadb/mysql.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TWINS_STATEMENTS_MOST = 3, TWINS_HISTORY_MOST = 40 };

struct twin {
    MYSQL *client;
    char letter;                                   // in its names
    MYSQL_STMT *statements[TWINS_STATEMENTS_MOST]; // NULL: none; of both twins or of none
    struct buffer got;                             // by the last statement
};

struct twins {
    int id;
    bool is_guest; // logged in as guest, not as app
    bool has_role; // may have one
    struct twin proxied, direct;
    unsigned long long moment; // of its last statement
    // What is still to be run of an act of several statements, others' coming in between.
    const char *pending;
    bool ends_on_error;                // what is pending does not go on behind an error
    char *history[TWINS_HISTORY_MOST]; // a ring
    size_t run;                        // statements in all
};

// A template is expanded once for each twin, with the same choices:
//   {a|b|c}  one of these; may hold what stands below
//   $t       the session's own table; $q its sequence; $l a lock's name
//   $n       a number from 0 to 20; $v a user variable's name; $x a literal of any type
// Returns the expansion with ~ for the letter of the twin.
char *twins_draw(const struct twins *twins, const char *text);

// Each runs one command on both and returns whether they got the same. `text` is what
// twins_draw() made.
bool twins_query(struct twins *twins, const char *text);
bool twins_prepare(struct twins *twins, size_t slot, const char *text);
bool twins_execute(struct twins *twins, size_t slot, const struct outcome_parameter *parameters,
                   bool with_cursor);
bool twins_close_statement(struct twins *twins, size_t slot);
bool twins_reset(struct twins *twins);
bool twins_change_user(struct twins *twins, const char *schema);
bool twins_select_schema(struct twins *twins, const char *schema);
bool twins_set_multi_statements(struct twins *twins, bool is_on);
bool twins_ping(struct twins *twins);

// What both of the last statements were answered, and those before it.
// What ran last; borrowed.
const char *twins_last(const struct twins *twins);
void twins_show(const struct twins *twins);
// Ends both connections.
void twins_close(struct twins *twins);
