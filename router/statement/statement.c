#include "router/statement/statement.h"

#include "router/statement/scan_priv.h"
#include "router/statement/verb_priv.h"

// --- one statement

static void read_unknown(struct parser *parser)
{
    parser_classify(parser, STATEMENT_UNKNOWN, STATEMENT_CLASS_WRITE,
                    ROUTE_REASON_UNKNOWN_STATEMENT);
    parser_unknown(parser);
}

// Queries whose first token belongs to what they read: WITH, a parenthesis.
static bool read_open_query(struct parser *parser)
{
    if (parser_at(parser, KEYWORD_WITH)) {
        read_with(parser);
        return true;
    }
    if (parser_at_symbol(parser, '(')) {
        read_parenthesis(parser);
        return true;
    }
    return false;
}

typedef void verb_fn(struct parser *parser);

static verb_fn *verb_find(enum keyword keyword)
{
    switch (keyword) {
    case KEYWORD_SELECT:
        return read_select;
    case KEYWORD_INSERT:
        return read_insert;
    case KEYWORD_UPDATE:
        return read_update;
    case KEYWORD_DELETE:
        return read_delete;
    case KEYWORD_REPLACE:
        return read_replace;
    case KEYWORD_SET:
        return read_set;
    case KEYWORD_BEGIN:
        return read_begin;
    case KEYWORD_START:
        return read_start;
    case KEYWORD_COMMIT:
        return read_commit;
    case KEYWORD_ROLLBACK:
        return read_rollback;
    case KEYWORD_SAVEPOINT:
        return read_savepoint;
    case KEYWORD_RELEASE:
        return read_release;
    case KEYWORD_XA:
        return read_xa;
    case KEYWORD_VALUES:
        return read_values;
    case KEYWORD_TABLE:
        return read_table;
    case KEYWORD_SHOW:
        return read_show;
    case KEYWORD_EXPLAIN:
    case KEYWORD_DESCRIBE:
    case KEYWORD_DESC:
        return read_explain;
    case KEYWORD_ANALYZE:
        return read_analyze;
    case KEYWORD_HELP:
        return read_help;
    case KEYWORD_DO:
        return read_do;
    case KEYWORD_CALL:
        return read_call;
    case KEYWORD_HANDLER:
        return read_handler;
    case KEYWORD_LOAD:
        return read_load;
    case KEYWORD_IMPORT:
        return read_import;
    case KEYWORD_TRUNCATE:
        return read_truncate;
    case KEYWORD_CREATE:
        return read_create;
    case KEYWORD_ALTER:
        return read_alter;
    case KEYWORD_DROP:
        return read_drop;
    case KEYWORD_RENAME:
        return read_rename;
    case KEYWORD_OPTIMIZE:
    case KEYWORD_REPAIR:
    case KEYWORD_CHECK:
        return read_optimize;
    case KEYWORD_CHECKSUM:
        return read_checksum;
    case KEYWORD_CACHE:
        return read_cache;
    case KEYWORD_GRANT:
        return read_grant;
    case KEYWORD_REVOKE:
        return read_revoke;
    case KEYWORD_USE:
        return read_use;
    case KEYWORD_PREPARE:
        return read_prepare;
    case KEYWORD_EXECUTE:
        return read_execute;
    case KEYWORD_DEALLOCATE:
        return read_deallocate;
    case KEYWORD_GET:
        return read_get;
    case KEYWORD_LOCK:
        return read_lock;
    case KEYWORD_UNLOCK:
        return read_unlock;
    case KEYWORD_KILL:
        return read_kill;
    case KEYWORD_FLUSH:
        return read_flush;
    case KEYWORD_BACKUP:
        return read_backup;
    case KEYWORD_RESET:
    case KEYWORD_PURGE:
    case KEYWORD_CHANGE:
    case KEYWORD_STOP:
    case KEYWORD_INSTALL:
    case KEYWORD_UNINSTALL:
    case KEYWORD_SHUTDOWN:
    case KEYWORD_RESTART:
    case KEYWORD_CLONE:
    case KEYWORD_BINLOG:
        return read_administration;
    case KEYWORD_IF:
    case KEYWORD_CASE:
    case KEYWORD_LOOP:
    case KEYWORD_WHILE:
    case KEYWORD_REPEAT:
    case KEYWORD_FOR:
        return read_compound;
    case KEYWORD_SIGNAL:
    case KEYWORD_RESIGNAL:
    case KEYWORD_RETURN:
        return read_signal;
    default:
        return read_unknown;
    }
}

enum { NESTING_MAX = 8 };

void parser_read_statement(struct parser *parser)
{
    if (read_open_query(parser)) {
        return;
    }
    verb_fn *read = verb_find((enum keyword)parser->token.keyword);
    if (parser->nesting == NESTING_MAX) {
        read = read_unknown;
    }
    parser->nesting++;
    parser_advance(parser);
    read(parser);
    parser->nesting--;
}

// --- one reading of the text

void parser_init(struct parser *parser, struct statement *out, struct arena *arena,
                 const struct statement_context *context)
{
    parser->out = out;
    parser->arena = arena;
    parser->context = context;
    parser->syntax_change = SYNTAX_SAME;
    parser->schema = context->schema;
    parser->is_schema_chosen = false;
    parser->schema_is_system = is_system_schema(context->schema);
    parser->is_catalogue_old = context->is_catalogue_old;
    parser->nesting = 0;
    parser->tables_cap = parser->program_tables_cap = parser->assignments_cap = 0;
    parser->accounts_cap = parser->subjects_cap = 0;
    parser->locals_cap = parser->locals_count = 0;
    parser->is_program = false;
    parser->locals = NULL;
    parser->tables = NULL;
    parser->program_tables = NULL;
    parser->assignments = NULL;
    parser->accounts = NULL;
    parser->subjects = NULL;
    memset(out, 0, sizeof(*out));
    out->are_tables_complete = true;
}

void parser_choose_schema(struct parser *parser, struct slice schema)
{
    parser->schema = schema;
    parser->is_schema_chosen = true;
    parser->schema_is_system = is_system_schema(schema);
}

void parser_begin_part(struct parser *parser)
{
    parser->is_catalogue_old |= (parser->out->effects & EFFECT_BIT(EFFECT_CATALOGUE)) != 0;
    parser->part = (struct part){
        .kind = STATEMENT_UNKNOWN,
        .inner = STATEMENT_UNKNOWN,
        .class = STATEMENT_CLASS_READ,
        .reason = ROUTE_REASON_READ,
    };
    parser->last.kind = parser->before_last.kind = TOKEN_END;
    parser->last.keyword = parser->before_last.keyword = KEYWORD_NONE;
}

// Only a query's result is worth keeping.
static bool is_query(enum statement_kind kind)
{
    return kind == STATEMENT_SELECT || kind == STATEMENT_VALUES || kind == STATEMENT_TABLE;
}

// Adds the statement that was read to what the text says so far.
static void part_add(struct parser *parser)
{
    struct statement *out = parser->out;
    const struct part *part = &parser->part;
    if (!is_query(part->kind) || part->class != STATEMENT_CLASS_READ) {
        parser_uncacheable(parser, UNCACHEABLE_NO_READ);
    }
    if (out->count++ > 0) {
        parser_uncacheable(parser, UNCACHEABLE_SEVERAL);
        if (part->class <= out->class) {
            return;
        }
    }
    out->kind = part->kind;
    out->inner = part->inner;
    out->class = part->class;
    out->reason = part->reason;
    out->detail = part->detail;
    out->is_explained = part->is_explained;
}

static bool is_plain(struct slice token)
{
    size_t at = 0;
    while (at < token.len && (unsigned char)token.ptr[at] < 0x80 && token.ptr[at] != '"' &&
           token.ptr[at] != '\\') {
        at++;
    }
    return at == token.len;
}

// Whether what is left of the text reads the same whatever quotes, backslashes and charsets are.
static enum syntax_change change_of_rest(const struct parser *parser)
{
    struct lexer lexer = parser->lexer;
    struct token token = parser->token;
    while (token.kind > TOKEN_BROKEN && is_plain(token_text(&token))) {
        lexer_next(&lexer, &token);
    }
    return token.kind == TOKEN_END ? SYNTAX_PLAIN : SYNTAX_UNKNOWN;
}

static void read_part(struct parser *parser)
{
    if (parser->syntax_change == SYNTAX_OF_QUOTES) {
        parser->syntax_change = change_of_rest(parser);
    }
    bool is_unsure = parser->syntax_change == SYNTAX_UNKNOWN;
    parser_begin_part(parser);
    parser_read_statement(parser);
    if (!parser_at_end(parser)) {
        scan(parser, SCAN_EXPRESSION, SCAN_TO_END);
    }
    if (parser->token.kind == TOKEN_BROKEN) {
        parser_raise(parser, STATEMENT_CLASS_WRITE, ROUTE_REASON_UNCLEAR_SYNTAX, SLICE_NONE);
    }
    if (parser->token.kind == TOKEN_BROKEN || is_unsure) {
        parser_unknown(parser);
    }
    part_add(parser);
}

static void read_empty(struct statement *out)
{
    out->kind = out->inner = STATEMENT_EMPTY;
    out->class = STATEMENT_CLASS_WRITE;
    out->may_write = true;
    out->reason = ROUTE_REASON_UNKNOWN_STATEMENT;
    out->uncacheable = UNCACHEABLE_NO_READ;
}

// Reads the text once: with these switches, and with these executable comments left out. Returns
// how many executable comments there are that some servers leave out.
static uint32_t read_text(struct parser *parser, struct slice sql, const struct sql_syntax *syntax,
                          uint32_t skipped)
{
    struct statement *out = parser->out;
    parser_begin(parser, sql, syntax, skipped);
    while (parser->token.kind != TOKEN_END) {
        if (parser_take_symbol(parser, ';')) {
            continue;
        }
        read_part(parser);
        if (parser->token.kind == TOKEN_BROKEN) {
            break;
        }
    }
    if (out->count == 0) {
        read_empty(out);
    }
    if (out->tables_count == 0) {
        parser_uncacheable(parser, UNCACHEABLE_NO_TABLES);
    }
    if (parser->token.kind == TOKEN_END) {
        out->shape = shape_end(&parser->shape, &parser->last);
    }
    out->has_optimizer_hints = parser->lexer.has_optimizer_hints;
    for (size_t i = 0; i < parser->lexer.hints_count; i++) {
        hints_read(&out->hints, parser->lexer.hints[i]);
    }
    return parser->lexer.executables;
}

static uint32_t read_once(struct statement *out, struct arena *arena, struct slice sql,
                          const struct statement_context *context, const struct sql_syntax *syntax,
                          uint32_t skipped)
{
    struct parser parser;
    parser_init(&parser, out, arena, context);
    return read_text(&parser, sql, syntax, skipped);
}

// --- several readings

static bool tables_are_equal(const struct statement *a, const struct statement *b)
{
    bool are_equal = a->tables_count == b->tables_count;
    for (uint32_t i = 0; i < a->tables_count && are_equal; i++) {
        are_equal = slice_equal(a->tables[i].schema, b->tables[i].schema) &&
                    slice_equal(a->tables[i].name, b->tables[i].name) &&
                    a->tables[i].is_written == b->tables[i].is_written;
    }
    return are_equal;
}

static bool assignments_are_equal(const struct statement *a, const struct statement *b)
{
    bool are_equal = a->assignments_count == b->assignments_count;
    for (uint32_t i = 0; i < a->assignments_count && are_equal; i++) {
        are_equal = a->assignments[i].scope == b->assignments[i].scope &&
                    slice_equal(a->assignments[i].name, b->assignments[i].name) &&
                    slice_equal(a->assignments[i].value, b->assignments[i].value);
    }
    return are_equal;
}

static bool kills_are_equal(const struct statement_kill *a, const struct statement_kill *b)
{
    return a->form == b->form && a->is_query == b->is_query && a->id == b->id &&
           slice_equal(a->user, b->user) && slice_equal(a->expression, b->expression);
}

static bool accounts_are_equal(const struct statement *a, const struct statement *b)
{
    bool are_equal =
        a->accounts_count == b->accounts_count && a->accounts_are_all == b->accounts_are_all;
    for (uint32_t i = 0; i < a->accounts_count && are_equal; i++) {
        are_equal = slice_equal(a->accounts[i].user, b->accounts[i].user) &&
                    slice_equal(a->accounts[i].host, b->accounts[i].host) &&
                    a->accounts[i].is_current == b->accounts[i].is_current;
    }
    return are_equal;
}

static bool subjects_are_equal(const struct statement *a, const struct statement *b)
{
    bool are_equal = a->subjects_count == b->subjects_count;
    for (uint32_t i = 0; i < a->subjects_count && are_equal; i++) {
        are_equal = a->subjects[i].kind == b->subjects[i].kind &&
                    slice_equal(a->subjects[i].name, b->subjects[i].name) &&
                    a->subjects[i].parameter == b->subjects[i].parameter;
    }
    return are_equal;
}

// Whether it makes no difference for anybody which of the two is right.
static bool readings_agree(const struct statement *a, const struct statement *b)
{
    return a->kind == b->kind && a->class == b->class && a->reason == b->reason &&
           a->count == b->count && a->effects == b->effects && a->asks == b->asks &&
           a->runs_program == b->runs_program && a->may_turn == b->may_turn &&
           a->uncacheable == b->uncacheable && slice_equal(a->schema, b->schema) &&
           slice_equal(a->name, b->name) && slice_equal(a->prepared, b->prepared) &&
           a->access == b->access && kills_are_equal(&a->kill, &b->kill) &&
           tables_are_equal(a, b) && assignments_are_equal(a, b) && accounts_are_equal(a, b) &&
           subjects_are_equal(a, b);
}

// Those of a SET STATEMENT are all undone when it ends. Not told from what a program sets.
static bool is_undone(const struct statement *statement)
{
    bool is_undone = statement->class == STATEMENT_CLASS_READ && !statement->runs_program;
    for (uint32_t i = 0; i < statement->assignments_count && is_undone; i++) {
        is_undone = statement->assignments[i].scope == ASSIGNMENT_STATEMENT;
    }
    return is_undone;
}

static bool leave_the_same(const struct statement *a, const struct statement *b)
{
    return (assignments_are_equal(a, b) || (is_undone(a) && is_undone(b))) &&
           subjects_are_equal(a, b) && slice_equal(a->schema, b->schema);
}

// What the two say differently is taken for not known.
static void details_merge(struct statement *out, const struct statement *other)
{
    out->are_tables_complete &= other->are_tables_complete && tables_are_equal(out, other);
    out->runs_program |= other->runs_program;
    out->may_turn |= other->may_turn;
    out->accounts_are_all |= !accounts_are_equal(out, other);
    if (!leave_the_same(out, other)) {
        out->effects |= EFFECT_BIT(EFFECT_UNKNOWN);
    }
    if (out->access != other->access) {
        out->access = STATEMENT_ACCESS_DEFAULT;
    }
    if (!kills_are_equal(&out->kill, &other->kill)) {
        out->kill = (struct statement_kill){.form = KILL_OTHER};
    }
    if (!slice_equal(out->prepared, other->prepared)) {
        out->prepared = SLICE_NONE;
    }
}

// `out` becomes the more demanding of the two, with the effects of both.
static void readings_merge(struct statement *out, const struct statement *other)
{
    struct statement less = *other;
    // A reading without a statement does nothing.
    if (other->count > 0 && (other->class > out->class || out->count == 0)) {
        less = *out;
        *out = *other;
    }
    out->effects |= less.effects;
    out->asks |= less.asks;
    out->may_write |= less.may_write;
    out->count = less.count > out->count ? less.count : out->count;
    if (out->uncacheable == UNCACHEABLE_NONE) {
        out->uncacheable = less.uncacheable;
    }
    details_merge(out, &less);
}

// A long text is not read many times over: the worst is assumed.
enum { READINGS_BYTES_MAX = 1 << 20 };

static void assume_worst(struct statement *out)
{
    out->class = STATEMENT_CLASS_WRITE;
    out->may_write = true;
    out->reason = ROUTE_REASON_UNCLEAR_SYNTAX;
    out->uncacheable = UNCACHEABLE_NO_READ;
    out->effects |= EFFECT_BIT(EFFECT_UNKNOWN);
    out->are_tables_complete = false;
}

// Reads the text for every set of executable comments that a server may leave out.
static void read_comments(struct statement *out, struct arena *arena, struct slice sql,
                          const struct statement_context *context, const struct sql_syntax *syntax)
{
    uint32_t executables = read_once(out, arena, sql, context, syntax, 0);
    uint64_t shape = out->shape;
    if (executables > 0 && sql.len > (size_t)READINGS_BYTES_MAX >> executables) {
        assume_worst(out);
        return;
    }
    for (uint32_t skipped = 1; skipped < 1u << executables; skipped++) {
        struct statement other;
        read_once(&other, arena, sql, context, syntax, skipped);
        if (!readings_agree(out, &other)) {
            readings_merge(out, &other);
        }
    }
    out->shape = shape;
}

static bool contains(struct slice sql, char c)
{
    return slice_find(sql, c) < sql.len;
}

// The sql_mode is not known: where quotes or backslashes make a difference, nobody vouches for it.
static void read_modes(struct statement *out, struct arena *arena, struct slice sql,
                       const struct statement_context *context)
{
    bool quotes_differ = contains(sql, '"');
    bool escapes_differ = contains(sql, '\\');
    struct sql_syntax syntax = context->syntax;
    syntax.ignore_space = false;
    if ((quotes_differ || escapes_differ) && sql.len > READINGS_BYTES_MAX) {
        read_once(out, arena, sql, context, &syntax, 0);
        assume_worst(out);
        return;
    }
    for (unsigned mode = 0; mode < 4; mode++) {
        syntax.ansi_quotes = (mode & 1) != 0;
        syntax.no_backslash_escapes = (mode & 2) != 0;
        if ((syntax.ansi_quotes && !quotes_differ) ||
            (syntax.no_backslash_escapes && !escapes_differ)) {
            continue;
        }
        struct statement other;
        read_comments(mode == 0 ? out : &other, arena, sql, context, &syntax);
        if (mode > 0 && !readings_agree(out, &other)) {
            readings_merge(out, &other);
            out->class = STATEMENT_CLASS_WRITE;
            out->may_write = true;
            out->reason = ROUTE_REASON_UNCLEAR_SYNTAX;
            out->uncacheable = UNCACHEABLE_NO_READ;
        }
    }
}

void statement_parse(struct statement *out, struct arena *arena, struct slice sql,
                     const struct statement_context *context)
{
    if (context->syntax.is_mode_unknown) {
        read_modes(out, arena, sql, context);
        out->shape = 0;
    } else {
        read_comments(out, arena, sql, context, &context->syntax);
    }
}
