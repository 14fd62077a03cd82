#include "router/statement/program.h"

#include "router/statement/scan_priv.h"
#include "router/statement/verb_priv.h"

// A walk over a body: BEGIN, IF, LOOP and their like are open so many times.
struct walk {
    struct parser *parser;
    size_t depth;
    bool is_lost; // what stands there belongs to no program
};

// The next token begins a statement.
static void statement_begin(struct parser *parser)
{
    parser->part.kind = parser->part.inner = STATEMENT_UNKNOWN;
    parser->last.kind = parser->before_last.kind = TOKEN_END;
    parser->last.keyword = parser->before_last.keyword = KEYWORD_NONE;
}

// --- declarations --------------------------------------------------------------------------------

// SQLSTATE 'x', NOT FOUND, 1062, a condition's name, with commas.
static void skip_conditions(struct parser *parser)
{
    do {
        if (parser_take_word(parser, S("sqlstate"))) {
            parser_take(parser, KEYWORD_VALUE);
        } else {
            parser_take(parser, KEYWORD_NOT);
        }
        parser_advance(parser);
    } while (parser_take_symbol(parser, ',') && !parser_at_end(parser));
}

// {EXIT|CONTINUE|UNDO} HANDLER FOR conditions: the statement that handles them is the next one.
static bool take_handler(struct parser *parser)
{
    bool is_handler = parser_at(parser, KEYWORD_EXIT) || parser_at(parser, KEYWORD_CONTINUE) ||
                      parser_at(parser, KEYWORD_UNDO);
    if (!is_handler) {
        return false;
    }
    parser_advance(parser);
    parser_take(parser, KEYWORD_HANDLER);
    parser_take(parser, KEYWORD_FOR);
    skip_conditions(parser);
    return true;
}

// The type, and the value that the variables begin with.
static void read_type(struct parser *parser)
{
    while (!parser_at_end(parser) && !parser_at(parser, KEYWORD_DEFAULT)) {
        parser_advance(parser);
    }
    parser_take(parser, KEYWORD_DEFAULT);
    scan(parser, SCAN_EXPRESSION, SCAN_TO_END);
}

static void take_local(struct parser *parser)
{
    if (parser_at_name(parser)) {
        parser_add_local(parser, parser_value(parser, &parser->token));
        parser_advance(parser);
    }
}

// DECLARE a, b type [DEFAULT x]; c CURSOR FOR query; x CONDITION FOR y; ... HANDLER FOR ...
static void read_declare(struct walk *walk)
{
    struct parser *parser = walk->parser;
    if (take_handler(parser)) {
        return;
    }
    take_local(parser);
    if (parser_take(parser, KEYWORD_CURSOR)) {
        while (!parser_at_end(parser) && !parser_take(parser, KEYWORD_FOR)) {
            parser_advance(parser);
        }
        statement_begin(parser);
        scan(parser, SCAN_QUERY, SCAN_TO_END);
        return;
    }
    while (parser_take_symbol(parser, ',')) {
        take_local(parser);
    }
    if (parser_at(parser, KEYWORD_CONDITION)) {
        while (!parser_at_end(parser)) {
            parser_advance(parser);
        }
        return;
    }
    read_type(parser);
}

// --- blocks --------------------------------------------------------------------------------------

static void read_expression_to(struct walk *walk, unsigned stop, enum keyword keyword)
{
    scan(walk->parser, SCAN_EXPRESSION, stop);
    if (!parser_take(walk->parser, keyword)) {
        walk->is_lost = true;
    }
}

static void read_block(struct walk *walk)
{
    walk->depth++;
    if (parser_take(walk->parser, KEYWORD_NOT)) {
        parser_take(walk->parser, KEYWORD_ATOMIC);
    }
}

static void read_loop(struct walk *walk)
{
    walk->depth++;
}

static void read_if(struct walk *walk)
{
    walk->depth++;
    read_expression_to(walk, SCAN_TO_THEN, KEYWORD_THEN);
}

static void read_branch(struct walk *walk)
{
    read_expression_to(walk, SCAN_TO_THEN, KEYWORD_THEN);
}

static void read_else(struct walk *walk)
{
    (void)walk;
}

static void read_case(struct walk *walk)
{
    walk->depth++;
    read_expression_to(walk, SCAN_TO_WHEN, KEYWORD_WHEN);
    read_branch(walk);
}

static void read_while(struct walk *walk)
{
    walk->depth++;
    read_expression_to(walk, SCAN_TO_DO, KEYWORD_DO);
}

// FOR i IN 1 .. 10 DO, FOR r IN (query) DO, FOR r IN c DO
static void read_for(struct walk *walk)
{
    take_local(walk->parser);
    read_while(walk);
}

// END [IF|CASE|LOOP|REPEAT|WHILE|FOR] [label]; of REPEAT, UNTIL x stands before it.
static void read_end(struct walk *walk)
{
    struct parser *parser = walk->parser;
    walk->is_lost |= walk->depth == 0;
    walk->depth -= walk->depth > 0;
    while (parser_at_name(parser)) {
        parser_advance(parser);
    }
    walk->is_lost |= !parser_at_end(parser);
}

// --- statements of programs alone ----------------------------------------------------------------

// RETURN x, SIGNAL x SET a = y, FETCH c INTO x, LEAVE l: names and expressions.
static void read_plain(struct walk *walk)
{
    scan(walk->parser, SCAN_EXPRESSION, SCAN_TO_END);
}

// OPEN c [(x)]: no call of a function.
static void read_open(struct walk *walk)
{
    parser_advance(walk->parser);
    read_plain(walk);
}

typedef void step_fn(struct walk *walk);

static step_fn *step_find(enum keyword keyword)
{
    switch (keyword) {
    case KEYWORD_BEGIN:
        return read_block;
    case KEYWORD_DECLARE:
        return read_declare;
    case KEYWORD_IF:
        return read_if;
    case KEYWORD_ELSEIF:
    case KEYWORD_WHEN:
        return read_branch;
    case KEYWORD_ELSE:
        return read_else;
    case KEYWORD_CASE:
        return read_case;
    case KEYWORD_LOOP:
    case KEYWORD_REPEAT:
        return read_loop;
    case KEYWORD_WHILE:
        return read_while;
    case KEYWORD_FOR:
        return read_for;
    case KEYWORD_END:
        return read_end;
    case KEYWORD_OPEN:
        return read_open;
    case KEYWORD_RETURN:
    case KEYWORD_SIGNAL:
    case KEYWORD_RESIGNAL:
    case KEYWORD_LEAVE:
    case KEYWORD_ITERATE:
    case KEYWORD_CLOSE:
    case KEYWORD_FETCH:
        return read_plain;
    default:
        return NULL;
    }
}

static bool take_label(struct parser *parser)
{
    struct parser_place place = parser_place(parser);
    if (parser_at_name(parser)) {
        parser_advance(parser);
        if (parser_take_symbol(parser, ':')) {
            return true;
        }
        parser_return(parser, &place);
    }
    return false;
}

// UNTIL x END REPEAT
static bool take_until(struct walk *walk)
{
    if (!parser_take_word(walk->parser, S("until"))) {
        return false;
    }
    scan(walk->parser, SCAN_EXPRESSION, SCAN_TO_BLOCK_END);
    return true;
}

static void read_step(struct walk *walk)
{
    struct parser *parser = walk->parser;
    statement_begin(parser);
    if (parser_take_symbol(parser, ';') || take_label(parser) || take_until(walk)) {
        return;
    }
    step_fn *step = step_find((enum keyword)parser->token.keyword);
    if (step != NULL) {
        parser_advance(parser);
        step(walk);
        return;
    }
    parser_read_statement(parser);
    if (!parser_at_end(parser)) {
        scan(parser, SCAN_EXPRESSION, SCAN_TO_END);
    }
}

static void read_body(struct parser *parser)
{
    struct walk walk = {.parser = parser, .is_lost = parser->token.kind == TOKEN_END};
    while (parser->token.kind != TOKEN_END && parser->token.kind != TOKEN_BROKEN && !walk.is_lost) {
        read_step(&walk);
    }
    if (walk.is_lost || walk.depth > 0 || parser->token.kind == TOKEN_BROKEN) {
        parser_unknown(parser);
    }
}

// --- what comes of it ----------------------------------------------------------------------------

// What a statement of a program may leave behind it, for a session that can follow.
static const uint64_t followed_effects =
    EFFECT_BIT(EFFECT_CHARSET) | EFFECT_BIT(EFFECT_VARIABLE) | EFFECT_BIT(EFFECT_GLOBAL_VARIABLE) |
    EFFECT_BIT(EFFECT_NEXT_TRANSACTION) | EFFECT_BIT(EFFECT_USER_VARIABLE) |
    EFFECT_BIT(EFFECT_TEMPORARY_CREATE) | EFFECT_BIT(EFFECT_TEMPORARY_DROP) |
    EFFECT_BIT(EFFECT_LOCK_TAKE) | EFFECT_BIT(EFFECT_LOCK_RELEASE) |
    EFFECT_BIT(EFFECT_LOCK_RELEASE_ALL) | EFFECT_BIT(EFFECT_SEQUENCE) |
    EFFECT_BIT(EFFECT_INSERT_ID) | EFFECT_BIT(EFFECT_ACCOUNT) | EFFECT_BIT(EFFECT_CATALOGUE);

// What the server tells of itself, and what the program alone sees.
static const uint64_t passing_effects =
    EFFECT_BIT(EFFECT_BEGIN) | EFFECT_BIT(EFFECT_END) | EFFECT_BIT(EFFECT_CHAIN) |
    EFFECT_BIT(EFFECT_NO_RELEASE) | EFFECT_BIT(EFFECT_SAVEPOINT) |
    EFFECT_BIT(EFFECT_IMPLICIT_COMMIT) | EFFECT_BIT(EFFECT_FOUND_ROWS);

static enum program_reading judge(const struct statement *statement)
{
    uint64_t hidden = statement->effects & ~(followed_effects | passing_effects);
    if (hidden == 0) {
        return PROGRAM_KNOWN;
    }
    return hidden == EFFECT_BIT(EFFECT_FUNCTION) ? PROGRAM_WAITING : PROGRAM_UNKNOWN;
}

static bool writes(const struct statement *statement)
{
    bool is_written = false;
    for (uint32_t i = 0; i < statement->tables_count; i++) {
        is_written |= statement->tables[i].is_written;
    }
    for (uint32_t i = 0; i < statement->program_tables_count; i++) {
        is_written |= statement->program_tables[i].is_written;
    }
    return is_written;
}

static void table_take(struct statement_table *out, struct arena *arena, struct slice schema,
                       const struct statement_table *table)
{
    *out = *table;
    out->schema = arena_copy(arena, table->schema.len > 0 ? table->schema : schema);
    out->name = arena_copy(arena, table->name);
}

// Its own, and those of the programs that it runs.
static void tables_take(struct program *out, struct arena *arena, struct slice schema,
                        const struct statement *statement)
{
    uint32_t own = statement->tables_count;
    uint32_t count = own + statement->program_tables_count;
    struct statement_table *tables = arena_alloc(arena, (count + 1) * sizeof(*tables));
    for (uint32_t i = 0; i < count; i++) {
        table_take(&tables[i], arena, schema,
                   i < own ? &statement->tables[i] : &statement->program_tables[i - own]);
    }
    out->tables = tables;
    out->tables_count = count;
}

static void names_take(struct program *out, struct arena *arena, const struct statement *statement)
{
    uint32_t assigned = statement->assignments_count;
    uint32_t subjects = statement->subjects_count;
    struct assignment *assignments = arena_alloc(arena, (assigned + 1) * sizeof(*assignments));
    struct statement_subject *named = arena_alloc(arena, (subjects + 1) * sizeof(*named));
    for (uint32_t i = 0; i < assigned; i++) {
        const struct assignment *assignment = &statement->assignments[i];
        assignments[i] = (struct assignment){
            .scope = assignment->scope,
            .name = arena_copy(arena, assignment->name),
            .component = arena_copy(arena, assignment->component),
            .kind = ASSIGNMENT_EXPRESSION,
        };
    }
    for (uint32_t i = 0; i < subjects; i++) {
        named[i].kind = statement->subjects[i].kind;
        named[i].name = arena_copy(arena, statement->subjects[i].name);
    }
    out->assignments = assignments;
    out->assignments_count = assigned;
    out->subjects = named;
    out->subjects_count = subjects;
}

static void take(struct program *out, struct arena *arena, const struct catalogue_source *source,
                 const struct statement *statement, enum statement_class class)
{
    const uint32_t lasting_asks = ASK_BIT(ASK_INSERT_ID) | ASK_BIT(ASK_SEQUENCE);
    const uint64_t turns = EFFECT_BIT(EFFECT_BEGIN) | EFFECT_BIT(EFFECT_END) |
                           EFFECT_BIT(EFFECT_CHAIN) | EFFECT_BIT(EFFECT_IMPLICIT_COMMIT);
    const uint32_t harmless_asks = ASK_BIT(ASK_SESSION_VARIABLE);
    *out = (struct program){
        .effects = statement->effects & followed_effects,
        .asks = statement->asks & lasting_asks,
        .is_read = class == STATEMENT_CLASS_READ && statement->effects == 0 &&
                   (statement->asks & ~harmless_asks) == 0 && statement->are_tables_complete,
        .may_turn = (statement->effects & turns) != 0 || statement->may_turn,
        .are_tables_complete = statement->are_tables_complete,
    };
    // What a procedure makes an id for is the session's own last one; a function and a trigger
    // leave that as it was.
    if (source->kind == CATALOGUE_PROCEDURE_BODY && writes(statement)) {
        out->effects |= EFFECT_BIT(EFFECT_INSERT_ID);
        out->asks |= ASK_BIT(ASK_INSERT_ID);
    }
    tables_take(out, arena, source->schema, statement);
    names_take(out, arena, statement);
}

enum program_reading program_read(struct program *out, struct arena *arena,
                                  const struct catalogue_source *source,
                                  const struct catalogue *known)
{
    struct statement_context context = {
        .syntax = SQL_SYNTAX_DEFAULT,
        .schema = source->schema,
        .catalogue = known,
    };
    struct arena scratch = ARENA_INIT;
    struct statement statement;
    struct parser parser;
    sql_syntax_set_mode(&context.syntax, source->sql_mode);
    parser_init(&parser, &statement, &scratch, &context);
    parser.is_program = true;
    for (size_t i = 0; i < source->parameters_count; i++) {
        parser_add_local(&parser, source->parameters[i]);
    }
    parser_begin(&parser, source->text, &context.syntax, 0);
    parser_begin_part(&parser);
    read_body(&parser);
    bool has_readings = parser.lexer.executables > 0 || context.syntax.is_mode_unknown;
    enum program_reading reading = has_readings ? PROGRAM_UNKNOWN : judge(&statement);
    if (reading == PROGRAM_KNOWN) {
        take(out, arena, source, &statement, parser.part.class);
    }
    arena_release(&scratch);
    return reading;
}
