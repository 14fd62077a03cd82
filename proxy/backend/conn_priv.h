// Inside the room only: the connection's struct, and what its three files owe each other.
//
//     conn.c        life, state, the stream's callbacks, passing through
//     conn_open.c   from the name to a finished login
//     conn_work.c   commands of our own and their answers
#pragma once

#include "proxy/backend/conn.h"

#include "protocol/wire/frame.h"
#include "protocol/wire/writer.h"

struct conn_opening;
struct conn_work;

struct conn {
    struct stream stream;
    enum conn_state state;
    bool is_replica;
    bool has_lost_guard;
    const struct conn_handler *handler;
    void *holder;
    const struct conn_target *target;
    struct image_table *images;
    struct image *image;          // what the session on the server is; NULL: unknown
    struct statements statements; // that the server has prepared
    struct conn_opening *opening; // CONNECTING, LOGIN
    struct conn_work *work;       // PREPARING
    struct login_peer peer;
    struct image_dialect dialect; // of that peer
    struct loop_task task;        // frees a closed connection, tells of a broken one
    struct conn_break *broken;
};

// --- conn.c --------------------------------------------------------------------------------------

// The one function that writes the state; checks where it comes from.
void conn_enter(struct conn *conn, enum conn_state state);
// Ends the connection and tells the holder. From the loop only. `refusal` may be empty.
void conn_end(struct conn *conn, enum conn_end end, struct slice refusal, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void conn_tell_ready(struct conn *conn);

// --- conn_open.c ---------------------------------------------------------------------------------

void opening_start(struct conn *conn, const struct conn_settings *settings);
void opening_connected(struct conn *conn);
void opening_secured(struct conn *conn);
size_t opening_data(struct conn *conn, const uint8_t *bytes, size_t len);
// An address did not answer. True: another one is being tried.
bool opening_retry(struct conn *conn);
// Releases what only a login needs. NULL is nothing.
void opening_release(struct conn *conn);

// --- conn_work.c ---------------------------------------------------------------------------------

// After the login: sets what every connection of ours has, and tells on_ready().
void work_set_up(struct conn *conn);
size_t work_data(struct conn *conn, const uint8_t *bytes, size_t len);
void work_release(struct conn *conn);
