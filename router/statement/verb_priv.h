// One function for each statement's first word. Each is called with the cursor behind that word and
// may stop anywhere before the statement's end: what is left is scanned.
#pragma once

#include "router/statement/parser_priv.h"

// --- dml.c
void read_select(struct parser *parser);
void read_values(struct parser *parser);
void read_table(struct parser *parser);
void read_with(struct parser *parser);
void read_parenthesis(struct parser *parser);
void read_insert(struct parser *parser);
void read_replace(struct parser *parser);
void read_update(struct parser *parser);
void read_delete(struct parser *parser);
void read_load(struct parser *parser);
void read_import(struct parser *parser);
void read_truncate(struct parser *parser);
void read_call(struct parser *parser);
void read_do(struct parser *parser);
void read_handler(struct parser *parser);

// --- ddl.c
void read_create(struct parser *parser);
void read_alter(struct parser *parser);
void read_drop(struct parser *parser);
void read_rename(struct parser *parser);
void read_analyze(struct parser *parser);
void read_optimize(struct parser *parser);
void read_checksum(struct parser *parser);
void read_cache(struct parser *parser);

// --- account.c
void read_grant(struct parser *parser);
void read_revoke(struct parser *parser);
// CREATE, ALTER, DROP and RENAME USER or ROLE, behind that word.
void read_user(struct parser *parser);
void read_role(struct parser *parser);
// SET PASSWORD, SET DEFAULT ROLE, behind those words.
void read_password(struct parser *parser);
void read_default_role(struct parser *parser);

// --- set.c
void read_set(struct parser *parser);

// --- session.c
void read_use(struct parser *parser);
void read_prepare(struct parser *parser);
void read_execute(struct parser *parser);
void read_deallocate(struct parser *parser);
void read_get(struct parser *parser);
void read_lock(struct parser *parser);
void read_unlock(struct parser *parser);
void read_kill(struct parser *parser);

// --- transaction.c
void read_begin(struct parser *parser);
void read_start(struct parser *parser);
void read_commit(struct parser *parser);
void read_rollback(struct parser *parser);
void read_savepoint(struct parser *parser);
void read_release(struct parser *parser);
void read_xa(struct parser *parser);
// ISOLATION LEVEL ..., READ ONLY, READ WRITE with commas, behind SET [scope] TRANSACTION.
void read_set_transaction(struct parser *parser, enum assignment_scope scope);

// --- show.c
void read_show(struct parser *parser);
void read_explain(struct parser *parser);
void read_help(struct parser *parser);

// --- administration.c
void read_administration(struct parser *parser);
void read_flush(struct parser *parser);
void read_backup(struct parser *parser);

// --- compound.c
void read_compound(struct parser *parser);
void read_signal(struct parser *parser);
// Behind CREATE PROCEDURE, FUNCTION, TRIGGER, EVENT and their like (`what`): goes past the program
// that is stored, blocks with their semicolons included.
void skip_program(struct parser *parser, enum keyword what);
