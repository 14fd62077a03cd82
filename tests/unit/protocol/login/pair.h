// Both roles of a login in one process: what one says is fed to the other, and what either asks of
// its caller is answered from the fields below, until the login is over.
#pragma once

#include "protocol/login/login_client.h"
#include "protocol/login/login_server.h"
#include "protocol/packet/status.h"
#include "protocol/wire/frame.h"

#include "proxy/base/buffer.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum line { LINE_PLAIN, LINE_SOCKET, LINE_TLS, LINES };

struct pair {
    // --- set before it starts ---
    struct login_client_options client_options;
    struct login_server_options server_options;
    const struct login_account *found; // what the look-up finds
    struct slice truth;                // the password on the server that is asked
    // Changes a packet on its way; NULL: none is changed.
    void (*tamper)(struct pair *pair, bool from_client, struct slice *payload, uint8_t *sequence);
    int stop_after; // so many packets; 0: it runs to its end
    // --- what happened ---
    struct login_client client;
    struct login_server server;
    enum login_verb client_verb;
    enum login_verb server_verb;
    bool is_over; // the server gave its OK
    int packets;  // seen so far
    int decryptions;
    int questions; // to the server behind
    struct secret *shown;
};

static const struct account_fakes pair_fakes = {.key = "a key of thirty-two bytes in all"};

// One key for all tests of a program.
static inline struct login_key *pair_key(void)
{
    static struct login_key *key;
    if (key == NULL) {
        key = login_key_create();
    }
    return key;
}

static inline void pair_line(struct pair *pair, enum line line)
{
    pair->client_options.is_secure = pair->server_options.is_secure = line == LINE_SOCKET;
    pair->server_options.offers_tls = line == LINE_TLS;
    pair->client_options.tls =
        line == LINE_TLS ? LOGIN_CLIENT_TLS_REQUIRED : LOGIN_CLIENT_TLS_DISABLED;
}

static inline void pair_init(struct pair *pair, enum line line)
{
    *pair = (struct pair){
        .client_options = {.server = S("db1"),
                           .user = S("app"),
                           .schema = S("shop"),
                           .capabilities = CAPABILITIES_ASKED_WHERE_SET,
                           .collation = 45,
                           .max_packet = 1 << 24},
        .server_options = {.server_version = S("8.0.36-sluice"),
                           .connection_id = 7,
                           .capabilities = CAPABILITIES_OFFERED,
                           .collation = 45,
                           .status = STATUS_AUTOCOMMIT,
                           .key = pair_key(),
                           .fakes = &pair_fakes,
                           .peer = S("10.0.0.1")},
    };
    pair_line(pair, line);
}

static inline void pair_release(struct pair *pair)
{
    login_client_release(&pair->client);
    login_server_release(&pair->server);
    secret_unref(&pair->shown);
}

static inline void pair_serve_decryption(struct pair *pair)
{
    struct decryption *job = login_server_take_decryption(&pair->server);
    decryption_run(job);
    pair->decryptions++;
    pair->server_verb = login_server_decrypted(&pair->server, &job);
    assert(job == NULL);
}

static inline void pair_serve_question(struct pair *pair)
{
    struct err err = {.code = 1045,
                      .sqlstate = S("28000"),
                      .message = S("Access denied for user 'app'@'sluice' (using password: YES)")};
    struct slice password = secret_password(login_server_secret(&pair->server));

    assert(secret_has_password(login_server_secret(&pair->server)));
    pair->questions++;
    pair->server_verb = slice_equal(password, pair->truth)
                            ? login_server_verified(&pair->server)
                            : login_server_refuse(&pair->server, &err);
}

// Answers the server role until it wants to read or is done with.
static inline void pair_serve(struct pair *pair)
{
    struct ok ok = {.status = STATUS_AUTOCOMMIT};

    for (;;) {
        switch (pair->server_verb) {
        case LOGIN_LOOK_UP:
            pair->server_verb = login_server_account(&pair->server, pair->found);
            break;
        case LOGIN_DECRYPT:
            pair_serve_decryption(pair);
            break;
        case LOGIN_ASK_SERVER:
            pair_serve_question(pair);
            break;
        case LOGIN_ACCEPTED:
            pair->shown = login_server_take_secret(&pair->server);
            pair->server_verb = login_server_accept(&pair->server, &ok);
            pair->is_over = true;
            return;
        case LOGIN_READ:
        case LOGIN_START_TLS:
        case LOGIN_REFUSED:
            return;
        }
    }
}

// Takes one frame off the buffer into `payload`, which is the test's own copy.
static inline bool pair_frame_take(struct buffer *out, struct buffer *payload, uint8_t *sequence)
{
    if (buffer_len(out) == 0) {
        return false;
    }
    assert(buffer_len(out) >= FRAME_HEADER_SIZE);
    struct frame frame = frame_read(buffer_ptr(out));
    assert(buffer_len(out) >= FRAME_HEADER_SIZE + frame.len);
    buffer_append(payload, buffer_ptr(out) + FRAME_HEADER_SIZE, frame.len);
    buffer_consume(out, FRAME_HEADER_SIZE + frame.len);
    *sequence = frame.sequence;
    return true;
}

static inline bool pair_deliver(struct pair *pair, bool from_client)
{
    struct buffer *out = from_client ? &pair->client.out : &pair->server.out;
    struct buffer bytes = BUFFER_INIT;
    uint8_t sequence;

    if (!pair_frame_take(out, &bytes, &sequence)) {
        return false;
    }
    // An exact copy, so that a read past the end is found.
    char *exact = malloc(buffer_len(&bytes) > 0 ? buffer_len(&bytes) : 1);
    if (buffer_len(&bytes) > 0) {
        memcpy(exact, buffer_ptr(&bytes), buffer_len(&bytes));
    }
    struct slice payload = slice_make(exact, buffer_len(&bytes));
    buffer_release(&bytes);
    if (pair->tamper != NULL) {
        pair->tamper(pair, from_client, &payload, &sequence);
    }
    pair->packets++;
    if (from_client) {
        pair->server_verb = login_server_feed(&pair->server, payload, sequence);
        pair_serve(pair);
    } else {
        pair->client_verb = login_client_feed(&pair->client, payload, sequence);
    }
    free(exact);
    return true;
}

static inline bool pair_tls(struct pair *pair)
{
    if (pair->client_verb != LOGIN_START_TLS || pair->server_verb != LOGIN_START_TLS) {
        return false;
    }
    assert(buffer_is_empty(&pair->client.out) && buffer_is_empty(&pair->server.out));
    pair->client_verb = login_client_tls_started(&pair->client);
    pair->server_verb = login_server_tls_started(&pair->server);
    return true;
}

static inline void pair_run(struct pair *pair)
{
    for (bool moved = true; moved;) {
        moved = false;
        if (pair->stop_after > 0 && pair->packets == pair->stop_after) {
            return;
        }
        if (pair->client_verb == LOGIN_READ && pair_deliver(pair, false)) {
            moved = true;
        } else if (pair->server_verb == LOGIN_READ && !pair->is_over && pair_deliver(pair, true)) {
            moved = true;
        } else {
            moved = pair_tls(pair);
        }
    }
}

static inline void pair_login(struct pair *pair)
{
    login_server_init(&pair->server, &pair->server_options);
    login_client_init(&pair->client, &pair->client_options);
    pair->server_verb = login_server_greet(&pair->server);
    pair->client_verb = login_client_connect(&pair->client);
    pair_run(pair);
}

// As after an earlier login over the same line.
static inline void pair_change_user(struct pair *pair, const struct login_peer *peer)
{
    struct login_server_options options = pair->server_options;

    options.is_secure |= options.offers_tls;
    login_server_init(&pair->server, &options);
    login_client_init(&pair->client, &pair->client_options);
    pair->server_verb = login_server_change_user(&pair->server, peer->capabilities, peer->nonce);
    pair->client_verb = login_client_change_user(&pair->client, peer);
    pair_run(pair);
}

static inline bool pair_is_accepted(const struct pair *pair)
{
    return pair->client_verb == LOGIN_ACCEPTED && pair->is_over;
}
