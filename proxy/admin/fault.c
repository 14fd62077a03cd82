#include "proxy/admin/fault.h"

static struct slice sqlstate_find(int number)
{
    size_t count;
    const struct error_row_info *rows = error_rows(&count);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].mysql.number == number) {
            return slice_text(rows[i].mysql.sqlstate);
        }
    }
    return S("HY000");
}

void fault_write(const struct error *error, struct writer *writer)
{
    struct err err = {
        .code = (uint16_t)error->code,
        .sqlstate = sqlstate_find(error->code),
        .message = slice_text(error->text),
    };
    err_encode(&err, writer);
}
