// Any bytes are the body of a stored program: it is read within its bounds, twice with the same
// outcome, and what is known of it contradicts nothing: what only reads does nothing else.
#include "router/statement/program.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct slice mode_of(uint8_t flags)
{
    static const struct slice modes[] = {
        SLICE_INIT(""),
        SLICE_INIT("ANSI_QUOTES"),
        SLICE_INIT("NO_BACKSLASH_ESCAPES,IGNORE_SPACE"),
        SLICE_INIT("ORACLE"),
    };
    return modes[flags & 3];
}

static enum catalogue_definition_kind kind_of(uint8_t flags)
{
    static const enum catalogue_definition_kind kinds[] = {
        CATALOGUE_FUNCTION_BODY, CATALOGUE_PROCEDURE_BODY, CATALOGUE_TRIGGER_BODY};
    return kinds[(flags >> 2) % 3];
}

static void program_check(const struct program *program)
{
    const uint64_t hidden = EFFECT_BIT(EFFECT_UNKNOWN) | EFFECT_BIT(EFFECT_FUNCTION);
    assert((program->effects & hidden) == 0);
    bool does_something = program->effects != 0 || program->assignments_count > 0 ||
                          program->subjects_count > 0 || !program->are_tables_complete;
    for (uint32_t i = 0; i < program->tables_count; i++) {
        assert(program->tables[i].schema.len > 0);
        does_something |= program->tables[i].is_written;
    }
    assert(!program->is_read || !does_something);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct slice parameters[] = {SLICE_INIT("p")};
    if (size < 1) {
        return 0;
    }
    char *exact = malloc(size > 1 ? size - 1 : 1);
    memcpy(exact, data + 1, size - 1);
    struct catalogue_source source = {
        .kind = kind_of(data[0]),
        .schema = S("app"),
        .sql_mode = mode_of(data[0]),
        .text = slice_make(exact, size - 1),
        .parameters = parameters,
        .parameters_count = 1,
    };
    struct arena arena = ARENA_INIT;
    struct program program, again;
    enum program_reading reading = program_read(&program, &arena, &source, NULL);
    assert(program_read(&again, &arena, &source, NULL) == reading);
    free(exact); // nothing of it is needed any more
    if (reading == PROGRAM_KNOWN) {
        program_check(&program);
        assert(again.effects == program.effects && again.tables_count == program.tables_count);
    }
    arena_release(&arena);
    return 0;
}
