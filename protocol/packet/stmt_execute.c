#include "protocol/packet/stmt_execute.h"

#include "protocol/packet/command.h"
#include "protocol/wire/reader.h"

bool stmt_execute_decode(struct stmt_execute *execute, struct slice payload)
{
    struct reader reader = reader_make(payload);

    command_read(&reader, COMMAND_STMT_EXECUTE);
    execute->statement_id = reader_u32(&reader);
    execute->flags = reader_u8(&reader);
    execute->iterations = reader_u32(&reader);
    execute->block = reader_rest(&reader);
    return !reader_is_failed(&reader);
}

bool stmt_execute_parameters(const struct stmt_execute *execute, size_t count,
                             uint64_t capabilities, struct parameters *parameters)
{
    struct reader reader = reader_make(execute->block);
    bool has_names = capability_has(capabilities, CAPABILITY_QUERY_ATTRIBUTES);
    bool has_count = has_names && (count > 0 || (execute->flags & STMT_EXECUTE_HAS_COUNT) != 0);

    uint64_t sent = has_count ? reader_lenenc(&reader) : count;
    parameters_read(parameters, &reader, sent, has_names);
    return !reader_is_failed(&reader) && parameters->count >= count;
}

void stmt_execute_encode(const struct stmt_execute *execute, const struct parameters *parameters,
                         size_t count, struct writer *writer, uint64_t capabilities)
{
    bool has_names = capability_has(capabilities, CAPABILITY_QUERY_ATTRIBUTES);
    size_t sent = has_names ? parameters->count : count;
    uint8_t flags = has_names && sent > 0 ? execute->flags | STMT_EXECUTE_HAS_COUNT
                                          : execute->flags & (uint8_t)~STMT_EXECUTE_HAS_COUNT;

    writer_u8(writer, COMMAND_STMT_EXECUTE);
    writer_u32(writer, execute->statement_id);
    writer_u8(writer, flags);
    writer_u32(writer, execute->iterations);
    if (has_names && sent > 0) {
        writer_lenenc(writer, sent);
    }
    parameters_write(parameters, sent, has_names, writer);
}
