// The session image: what a session has set and a connection must have before that session's
// statement runs on it. The schema, whether several statements may come in one text, and session
// variables, charset and collation among them.
//
// An image is immutable and interned: within one table, equal images are the same pointer, so that
// "is this connection as the session wants it?" is one comparison, and ten thousand sessions of one
// application share one image. Changing a session's state means taking another image.
//
// A server keeps a collation with character_set_results too, which only SET NAMES and the login
// set: it shows in what it says of columns. It stands among the variables under a name of its own,
// IMAGE_RESULTS_COLLATION; empty: what SET NAMES gives that charset.
//
// User variables stand among them, under their names with an @ before; what stands for the value is
// SQL that makes it, type, charset and collation included, whatever the connection's own are.
//
// A variable that an image does not name has the server's default (its global value when the
// connection logged in). The three of SET NAMES are always named. One table and its images belong
// to one thread.
#pragma once

#include "proxy/base/buffer.h"
#include "proxy/base/map.h"
#include "proxy/base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct image_table {
    struct map images; // by key
    // Whether all servers have the same collation for a charset's default: else a session that
    // named none would have another one on each.
    bool has_one_default;
};

#define IMAGE_RESULTS_COLLATION S("collation_results")

struct image_variable {
    struct slice name;  // lower case
    struct slice value; // its text, not quoted; image_value_write() makes SQL of it. Of a user
                        // variable: SQL
    bool is_null;       // SQL NULL, as character_set_results may be
    struct slice sql;   // that value as SQL, where the variable stands in an image
};

struct image {
    struct image_table *table;
    unsigned refs;
    struct slice key;    // all of the image as bytes; its identity in the table
    struct slice schema; // empty: none selected
    bool multi_statements;
    bool is_serializable; // transaction_isolation
    bool is_read_only;    // transaction_read_only: of the transactions to come
    bool is_null_last_id; // sql_auto_is_null: WHERE id IS NULL finds the row inserted last
    bool is_wide;         // quoted text is of a charset in which no byte of ASCII stands for itself
    // Of the variables below; NULL: not among them.
    const struct image_variable *results_charset;   // character_set_results
    const struct image_variable *results_collation; // IMAGE_RESULTS_COLLATION
    // Servers that would not have it, and when they last said so: not part of what it is.
    uint64_t refused_by;
    int64_t refused_us;
    size_t count;
    struct image_variable variables[]; // sorted by name
};

// --- life ----------------------------------------------------------------------------------------

void image_table_init(struct image_table *table);
// Every image must have been unref'd.
void image_table_release(struct image_table *table);

// What a connection is that logged in with this charset, collation (empty: the charset's default)
// and schema. The caller owns one reference.
struct image *image_make(struct image_table *table, struct slice charset, struct slice collation,
                         struct slice schema, bool multi_statements);

struct image *image_ref(struct image *image);
// Lets go of `*image` and nulls it; NULL is allowed.
void image_unref(struct image **image);

// --- changing: each replaces the reference in `*image` by one to the changed image; texts given --
// may be those of the image that changes ---

void image_set_schema(struct image **image, struct slice schema);
void image_set_multi_statements(struct image **image, bool allowed);
// As SET NAMES does; an empty collation means the charset's default.
void image_set_names(struct image **image, struct slice charset, struct slice collation);
// `name` in any case, without @@ and scope.
void image_set_variable(struct image **image, struct slice name, struct slice value, bool is_null);
// Back to the server's default; the charset variables of SET NAMES can't be set back so.
void image_unset_variable(struct image **image, struct slice name);

// The longest name and SQL of a user variable (and the longest SQL where there is no other way than
// to carry it along), and how many: what is beyond that is refused, and the image stays as it is.
// So are names beyond ASCII, which mean something else in each charset.
enum {
    IMAGE_USER_NAME_MOST = 63,
    IMAGE_USER_SQL_MOST = 1200,
    IMAGE_USER_SQL_LONGEST = 1 << 20,
    IMAGE_USER_COUNT_MOST = 64
};
// `name` in any case, without the @; `sql` of at most so many bytes; an empty one: the variable is
// NULL, as if never set.
__attribute__((warn_unused_result)) bool
image_set_user_variable(struct image **image, struct slice name, struct slice sql, size_t most);

// --- reading -------------------------------------------------------------------------------------

// Whether that name among the variables is a user variable's.
static inline bool image_names_user_variable(struct slice name)
{
    return name.len > 0 && name.ptr[0] == '@';
}

// The variable's value, or NULL where the image does not name it.
const struct image_variable *image_variable(const struct image *image, struct slice name);

// That server, one of the first 64, has refused to take the image; it is believed for a while.
void image_note_refusal(struct image *image, int server, int64_t now_us);
bool image_is_refused(const struct image *image, int server, int64_t now_us);

// What must be done to a connection that is as `from`, so that it is as `to`, beside the SET of
// image_difference_write(). NULL `from`: nothing is known of it.
struct image_difference {
    bool schema;           // COM_INIT_DB to to->schema
    bool multi_statements; // COM_SET_OPTION
    bool change_user;      // a schema must be left: only COM_CHANGE_USER does that
};

// What is particular about the connection that an image is applied to.
struct image_dialect {
    bool has_tx_names;      // the server knows tx_isolation, not transaction_isolation
    bool keeps_access_mode; // transaction_read_only is the connection's own: a replica's guard
                            // against writes
};

struct image_difference image_compare(const struct image *from, const struct image *to);
// Appends "SET a=1,b=DEFAULT" that turns `from`'s variables into `to`'s; nothing where they are
// equal.
void image_difference_write(const struct image *from, const struct image *to,
                            struct image_dialect dialect, struct buffer *sql);

// Whether no byte of ASCII stands for itself in that charset, or that of that collation.
bool image_is_wide_charset(struct slice name);
// Whether MySQL takes DEFAULT for something else than its global value: it turns these off (9.7).
bool image_default_is_odd(struct slice name);
// Appends a value as SQL that every server reads alike under every sql_mode and charset: numbers
// bare, other text quoted, in hexadecimal where it holds a quote, a backslash or a byte above 0x7e.
void image_value_write(const struct image_variable *variable, struct buffer *sql);
// Appends the bytes as x'...', and the name of a user variable as @`name`.
void image_hex_write(struct slice text, struct buffer *sql);
void image_user_name_write(struct slice name, struct buffer *sql);
