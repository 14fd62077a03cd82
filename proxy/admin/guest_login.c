#include "proxy/admin/guest_priv.h"

#include "protocol/packet/capability.h"
#include "protocol/packet/collation.h"
#include "protocol/packet/status.h"
#include "proxy/admin/fault.h"
#include "proxy/admin/variable.h"
#include "proxy/admin/view.h"
#include "proxy/base/memory.h"

#include <stdio.h>

struct guest_login {
    struct login_server server;
    struct tls_context *tls; // offered, whatever was reloaded since; a reference; NULL: none
    enum admin_right right;
    bool is_stranger; // right but for where it comes from
};

// What would have to be done for nothing here: sessions that are tracked.
#define NOT_OFFERED                                                                                \
    (CAPABILITY_SESSION_TRACK | CAPABILITY_OPTIONAL_METADATA | CAPABILITY_LOCAL_FILES |            \
     CAPABILITIES_EXTENDED)

static bool is_private(const struct guest *guest)
{
    return guest->peer.kind == ADDRESS_PATH || guest->peer.kind == ADDRESS_NONE ||
           stream_is_secure(&guest->stream);
}

static struct guest_login *login_make(struct guest *guest)
{
    const struct front *front = guest->front;
    struct guest_login *login = mem_zero(1, sizeof(*login));
    login->tls = front->tls != NULL ? tls_context_ref(front->tls) : NULL;
    struct login_server_options options = {
        .server_version = S(VARIABLE_SERVER_VERSION),
        .connection_id = guest->id,
        .capabilities = (uint64_t)CAPABILITIES_OFFERED & ~(uint64_t)NOT_OFFERED,
        .collation = COLLATION_UTF8MB4_GENERAL_CI,
        .status = STATUS_AUTOCOMMIT,
        .offers_tls = login->tls != NULL,
        .is_secure = is_private(guest),
        .fakes = &front->fakes,
        .peer = slice_text(guest->host),
    };
    login_server_init(&login->server, &options);
    guest->login = login;
    return login;
}

void guest_login_release(struct guest *guest)
{
    struct guest_login *login = guest->login;
    guest->login = NULL;
    if (login == NULL) {
        return;
    }
    login_server_release(&login->server);
    if (login->tls != NULL) {
        tls_context_unref(login->tls);
    }
    mem_free(login);
}

// --- accounts -----------------------------------------------------------------------------------

struct admin_account {
    struct slice user;
    struct slice password;
    enum admin_right right;
};

static bool account_find(const struct guest *guest, struct slice user, struct admin_account *found)
{
    const struct control *control = guest->front->desk.control;
    struct control_state state;
    control->state(control->context, &state);
    const struct conf_admin *conf = &state.config->admin;
    const struct admin_account accounts[] = {
        {conf->user, conf->password, ADMIN_COMMAND},
        {conf->stats_user, conf->stats_password, ADMIN_LOOK},
    };
    for (size_t i = 0; i < sizeof(accounts) / sizeof(accounts[0]); i++) {
        if (accounts[i].user.len > 0 && slice_equal(accounts[i].user, user)) {
            *found = accounts[i];
            return true;
        }
    }
    return false;
}

static enum login_verb account_look_up(struct guest *guest)
{
    struct guest_login *login = guest->login;
    struct admin_account account;
    if (!account_find(guest, login_server_request(&login->server)->user, &account)) {
        return login_server_account(&login->server, NULL);
    }
    login->right = account.right;
    login->is_stranger = account.password.len == 0 && !address_is_local(&guest->peer) &&
                         guest->peer.kind != ADDRESS_NONE;
    return login_server_account(&login->server, &(struct login_account){
                                                    .password = account.password,
                                                    .has_password = true,
                                                });
}

// --- the end ------------------------------------------------------------------------------------

static bool is_schema(struct slice name)
{
    return name.len == 0 || slice_equal_nocase(name, view_schema_name(VIEW_SCHEMA_SLUICE)) ||
           slice_equal_nocase(name, view_schema_name(VIEW_SCHEMA_INFORMATION_SCHEMA));
}

static enum login_verb login_refuse(struct guest_login *login, const struct error *error)
{
    struct err err = {
        .code = (uint16_t)error->code,
        .sqlstate = S("HY000"),
        .message = slice_text(error->text),
    };
    return login_server_refuse(&login->server, &err);
}

static enum login_verb login_judge(struct guest_login *login)
{
    struct slice schema = login_server_request(&login->server)->schema;
    struct error error;
    if (login->is_stranger) {
        fault_set(&error, ADMIN_FAILED,
                  SLICE_ARG(S("an account without password is let in from this machine only; give "
                              "it one in [admin]")));
        return login_refuse(login, &error);
    }
    if (!is_schema(schema)) {
        fault_set(&error, ADMIN_FAILED,
                  SLICE_ARG(S("there are two schemas here: sluice and information_schema")));
        return login_refuse(login, &error);
    }
    return login_server_accept(&login->server, &(struct ok){.status = STATUS_AUTOCOMMIT});
}

static void login_succeed(struct guest *guest)
{
    const struct login_request *request = login_server_request(&guest->login->server);
    slice_to_text(request->user, guest->user, sizeof(guest->user));
    slice_to_text(request->schema, guest->schema, sizeof(guest->schema));
    guest->capabilities = request->capabilities;
    memcpy(guest->nonce, login_server_nonce(&guest->login->server), NONCE_SIZE);
    guest->right = guest->login->right;
    log_info(&guest->source, "admin.login", kv_bool("may_command", guest->right == ADMIN_COMMAND),
             kv_str("tls", stream_tls_version(&guest->stream)));
    guest_login_release(guest);
    guest_enter(guest, GUEST_READY);
}

static void out_send(struct guest *guest)
{
    struct buffer *out = &guest->login->server.out;
    stream_send(&guest->stream, buffer_ptr(out), buffer_len(out));
    buffer_clear(out);
}

// What the login says is sent; then what it wants is done.
static void login_act(struct guest *guest, enum login_verb verb)
{
    struct guest_login *login = guest->login;
    while (verb == LOGIN_LOOK_UP) {
        verb = account_look_up(guest);
    }
    bool is_proved = verb == LOGIN_ACCEPTED;
    if (is_proved) {
        verb = login_judge(login);
    }
    out_send(guest);
    switch (verb) {
    case LOGIN_READ:
        if (is_proved) {
            login_succeed(guest);
        }
        break;
    case LOGIN_START_TLS:
        guest_enter(guest, GUEST_SECURING);
        stream_start_tls(&guest->stream, login->tls);
        break;
    case LOGIN_REFUSED:
        log_info(&guest->source, "admin.login_refused",
                 kv_str("why", login_server_refusal(&login->server)->text));
        guest_finish(guest);
        break;
    case LOGIN_LOOK_UP:
    case LOGIN_DECRYPT:
    case LOGIN_ASK_SERVER:
    case LOGIN_ACCEPTED:
    default: // not where every account's password is known; whatever it is, it ends here
        guest_close(guest);
    }
}

// --- the conversation ---------------------------------------------------------------------------

void guest_login_start(struct guest *guest)
{
    struct guest_login *login = login_make(guest);
    login_act(guest, login_server_greet(&login->server));
}

void guest_login_change(struct guest *guest, struct slice payload)
{
    struct guest_login *login = login_make(guest);
    guest_statements_release(guest);
    guest->user[0] = guest->schema[0] = '\0';
    guest_enter(guest, GUEST_LOGIN);
    enum login_verb verb =
        login_server_change_user(&login->server, guest->capabilities, guest->nonce);
    if (verb == LOGIN_READ) {
        verb = login_server_feed(&login->server, payload, 0);
    }
    mem_wipe((char *)payload.ptr, payload.len);
    login_act(guest, verb);
}

void guest_login_frame(struct guest *guest, struct slice payload, uint8_t sequence)
{
    enum login_verb verb = login_server_feed(&guest->login->server, payload, sequence);
    mem_wipe((char *)payload.ptr, payload.len); // it may have held a password
    login_act(guest, verb);
}

void guest_login_too_long(struct guest *guest, uint8_t sequence)
{
    login_act(guest, login_server_too_long(&guest->login->server, sequence));
}

void guest_login_secured(struct guest *guest)
{
    guest_enter(guest, GUEST_LOGIN);
    login_act(guest, login_server_tls_started(&guest->login->server));
}

void guest_login_refuse(struct guest *guest, const struct error *error)
{
    struct guest_login *login = login_make(guest);
    login_act(guest, login_refuse(login, error));
}
