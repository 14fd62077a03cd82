// Inside the room only: a login on its way, for greet.c and asking.c.
#pragma once

#include "proxy/session/session_priv.h"

// Who a session is.
struct identity {
    struct slice user; // owned
    struct pool_account *account;
    struct limit_token user_token;
    struct image *image;
    uint16_t collation;
};

struct greeting {
    struct login_server login;
    struct tls_context *tls; // offered, whatever was reloaded since; a reference; NULL: none
    struct conn *asked;      // the connection that tries the client's password
    int asked_server;
    int asked_first;       // the server that could not say; -1: none was asked before
    struct loop_work work; // decrypting on a helper thread
    struct decryption *decryption;
    struct session *session; // NULL: it went away while the helper worked
    char peer[ADDRESS_TEXT_SIZE];
    bool is_change;         // COM_CHANGE_USER
    bool has_changed;       // the session is the new user's, up to the last question
    struct identity before; // and was this one's
    bool is_working;
};

// --- greet.c -------------------------------------------------------------------------------------

// Sends what the conversation has to say and does what it says.
void greet_act(struct session *session, enum login_verb verb);
// The client has proved who it is.
void greet_admit(struct session *session);
// The collation that servers are told, for the one that the client named.
uint16_t greet_collation(const struct session *session, uint16_t number);

// --- asking.c ------------------------------------------------------------------------------------

// Tries the client's password on a server: at once, or when it is its turn.
void asking_begin(struct session *session);
// The client's proof is right. Where somebody tried another password before, a server is shown the
// right one, then greet_admit() follows. False: there is no need to, or no room for it now.
bool asking_confirm(struct session *session);
// Time is up. Whether the login was in the queue still: then the client was told so.
bool asking_give_up(struct session *session);
// The login ends: nothing of it is asked any more.
void asking_release(struct session *session, struct greeting *greeting);
