// Asking a server whether a client's password is right: the first time that somebody logs in, and
// where what is known does not fit. A connection that says so is made for that alone.
//
// When sluice starts, all clients come at once and none of their accounts is known: a worker asks
// for a few at a time, and whose account was learnt meanwhile need not be asked for any more.
#include "proxy/session/greeting.h"

enum {
    ASKED_MOST = 16,       // at a time, by one worker
    ASKED_OF_ONE_MOST = 2, // of them for one user: others need not wait for whoever tries passwords
    TOO_MANY_CONNECTIONS = 1040,
};

// --- what they say -------------------------------------------------------------------------------

// The connection that was asked is gone, or has said what it was to say.
static void asked_forget(struct session *session, struct greeting *greeting)
{
    struct asking *asking = &session->worker->asking;
    greeting->asked = NULL;
    list_remove(&session->holding);
    loop_defer(session->worker->loop, &asking->task);
}

void asking_release(struct session *session, struct greeting *greeting)
{
    if (greeting->asked != NULL) {
        conn_close(greeting->asked);
        asked_forget(session, greeting);
    } else if (session->state == SESSION_ASKING) {
        list_remove(&session->holding);
    }
}

static void refuse_no_server(struct session *session, struct slice why)
{
    struct login_server *login = &session->greeting->login;
    struct slice user = login_server_request(login)->user;
    const struct error_code *code =
        error_row_code(ERROR_ROW_NO_LOGIN_SERVER, session_is_mariadb(session));
    char text[ERROR_ROW_TEXT_SIZE];
    snprintf(text, sizeof(text), ERROR_FORMAT_NO_LOGIN_SERVER, SLICE_ARG(user), SLICE_ARG(why));
    struct err err = {code->number, slice_text(code->sqlstate), slice_text(text)};
    greet_act(session, login_server_refuse(login, &err));
}

static void verified(struct session *session)
{
    session_enter(session, SESSION_LOGIN);
    greet_act(session, login_server_verified(&session->greeting->login));
}

// The password is right: the connection that proved it ends, the pools make their own.
static void asked_ready(struct conn *conn)
{
    struct session *session = conn_holder(conn);
    struct login_server *login = &session->greeting->login;
    struct buffer name = BUFFER_INIT;
    asked_forget(session, session->greeting);
    conn_close(conn);
    account_learn(session->worker, account_name(session, login_server_request(login)->user, &name),
                  (struct secret *)login_server_secret(login));
    buffer_release(&name);
    verified(session);
}

static size_t asked_answer(struct conn *conn, const uint8_t *bytes, size_t len)
{
    (void)conn;
    (void)bytes;
    return len;
}

static bool is_of_password(const struct conn_loss *loss)
{
    enum { ACCESS_DENIED = 1045, ACCESS_DENIED_WITHOUT_PASSWORD = 1698 };
    return loss->code == ACCESS_DENIED || loss->code == ACCESS_DENIED_WITHOUT_PASSWORD;
}

// What a refusal says of what is known: a wrong password says that this is not right any more only
// where it is the one that is known. Anybody may send another.
static void refusal_note(struct session *session, const struct conn_loss *loss, struct slice name)
{
    struct worker *worker = session->worker;
    const struct account_entry *entry = account_find(worker, name);
    const struct secret *tried = login_server_secret(&session->greeting->login);
    bool is_other = is_of_password(loss) && entry != NULL && !secret_is_same(entry->secret, tried);
    if (is_other) {
        account_doubt(worker, name);
    } else if (conn_loss_is_of_account(loss) && entry != NULL) {
        account_forget(worker, name);
    } else {
        account_recheck(worker, name);
    }
}

// The server has answered, and lets the client not in.
static void asked_refused(struct session *session, const struct conn_loss *loss,
                          const struct err *err)
{
    struct slice user = login_server_request(&session->greeting->login)->user;
    struct buffer name = BUFFER_INIT;
    refusal_note(session, loss, account_name(session, user, &name));
    buffer_release(&name);
    greet_act(session, login_server_refuse(&session->greeting->login, err));
}

// The server could not say: one other is tried.
static bool is_tried_again(struct session *session)
{
    struct greeting *greeting = session->greeting;
    if (greeting->asked_first >= 0 ||
        worker_server_for_logins(session->worker, greeting->asked_server) < 0) {
        return false;
    }
    greeting->asked_first = greeting->asked_server;
    asking_begin(session);
    return true;
}

static void asked_closed(struct conn *conn, const struct conn_loss *loss)
{
    struct session *session = conn_holder(conn);
    struct worker *worker = session->worker;
    struct err err;
    bool has_answer = loss->end == CONN_END_REFUSED && err_decode(&err, loss->refusal);
    bool has_said = has_answer && loss->code != TOO_MANY_CONNECTIONS;
    asked_forget(session, session->greeting);
    if (conn_loss_tells_of_server(loss)) {
        worker->shared->report(worker->shared->context, session->greeting->asked_server, loss);
    }
    if (!has_said && is_tried_again(session)) {
        return;
    }
    session_enter(session, SESSION_LOGIN);
    if (has_answer) {
        asked_refused(session, loss, &err);
    } else {
        refuse_no_server(session, slice_text(loss->error->text));
    }
}

static const struct conn_handler asked_handler = {
    .on_ready = asked_ready,
    .on_answer = asked_answer,
    .on_closed = asked_closed,
};

// --- asking --------------------------------------------------------------------------------------

static struct slice user_of(const struct session *session)
{
    return login_server_request(&session->greeting->login)->user;
}

static const struct account_entry *entry_of(const struct session *session)
{
    struct buffer name = BUFFER_INIT;
    const struct account_entry *entry =
        account_find(session->worker, account_name(session, user_of(session), &name));
    buffer_release(&name);
    return entry;
}

// Whether the same password was taken lately: while this login waited, say.
static bool is_known(const struct session *session)
{
    const struct account_entry *entry = entry_of(session);
    return entry != NULL && account_is_trusted(session->worker, entry) &&
           secret_is_same(entry->secret, login_server_secret(&session->greeting->login));
}

// Asks the server that was chosen.
static void conn_begin(struct session *session, struct secret *secret,
                       const struct conn_handler *handler)
{
    struct worker *worker = session->worker;
    struct greeting *greeting = session->greeting;
    const struct login_request *request = login_server_request(&greeting->login);
    struct conn_settings settings = {
        .loop = worker->loop,
        .target = worker->targets[greeting->asked_server],
        .user = request->user,
        .secret = secret,
        .traits = {.client = session_announced(session)},
        .collation = greet_collation(session, request->collation), // of both names
        .schema = request->schema,
    };
    list_push_back(&worker->asking.asked, &session->holding);
    greeting->asked = conn_open(&settings, handler, session);
}

static void asking_go(struct session *session)
{
    struct worker *worker = session->worker;
    struct greeting *greeting = session->greeting;
    greeting->asked_server = worker_server_for_logins(worker, greeting->asked_first);
    if (greeting->asked_server < 0) {
        session_enter(session, SESSION_LOGIN);
        refuse_no_server(session, S("no server is up"));
        return;
    }
    conn_begin(session, (struct secret *)login_server_secret(&greeting->login), &asked_handler);
}

// --- the queue -----------------------------------------------------------------------------------

static bool may_ask(const struct session *session)
{
    unsigned all = 0, of_user = 0;
    list_each (link, &session->worker->asking.asked) {
        const struct session *other = container_of(link, struct session, holding);
        of_user += slice_equal(user_of(other), user_of(session)) ? 1 : 0;
        all++;
    }
    return all < ASKED_MOST && of_user < ASKED_OF_ONE_MOST;
}

// The first whose turn it is; NULL: none.
static struct session *next_find(const struct worker *worker)
{
    list_each (link, (struct list *)&worker->asking.waiting) {
        struct session *session = container_of(link, struct session, holding);
        if (may_ask(session)) {
            return session;
        }
    }
    return NULL;
}

static void asking_run(struct loop_task *task)
{
    struct worker *worker = container_of(task, struct worker, asking.task);
    struct session *session;
    while ((session = next_find(worker)) != NULL) {
        list_remove(&session->holding);
        if (is_known(session)) { // by now
            verified(session);
        } else {
            asking_go(session);
        }
    }
}

void asking_init(struct asking *asking)
{
    list_init(&asking->waiting);
    list_init(&asking->asked);
    loop_task_init(&asking->task, asking_run);
}

void asking_begin(struct session *session)
{
    struct worker *worker = session->worker;
    session_enter(session, SESSION_ASKING);
    if (may_ask(session)) { // whatever is known: the server counts who tries
        asking_go(session);
    } else {
        list_push_back(&worker->asking.waiting, &session->holding);
    }
}

bool asking_give_up(struct session *session)
{
    if (!list_is_linked(&session->holding) || session->greeting->asked != NULL) {
        return false;
    }
    list_remove(&session->holding);
    session_enter(session, SESSION_LOGIN);
    refuse_no_server(session, S("too many logins wait for their servers"));
    return true;
}

// --- showing a right one -------------------------------------------------------------------------

static void confirm_ready(struct conn *conn)
{
    struct session *session = conn_holder(conn);
    const struct account_entry *entry = entry_of(session);
    struct buffer name = BUFFER_INIT;
    asked_forget(session, session->greeting);
    conn_close(conn);
    if (entry != NULL) {
        struct secret *secret = secret_ref(entry->secret);
        account_learn(session->worker, account_name(session, user_of(session), &name), secret);
        secret_unref(&secret);
    }
    buffer_release(&name);
    session_enter(session, SESSION_LOGIN);
    greet_admit(session);
}

// A server that says nothing of the account leaves things as they were.
static void confirm_closed(struct conn *conn, const struct conn_loss *loss)
{
    struct session *session = conn_holder(conn);
    struct buffer name = BUFFER_INIT;
    struct err err;
    asked_forget(session, session->greeting);
    session_enter(session, SESSION_LOGIN);
    if (conn_loss_is_of_account(loss) && err_decode(&err, loss->refusal)) {
        account_forget(session->worker, account_name(session, user_of(session), &name));
        greet_act(session, login_server_refuse(&session->greeting->login, &err));
    } else {
        greet_admit(session);
    }
    buffer_release(&name);
}

static const struct conn_handler confirm_handler = {
    .on_ready = confirm_ready,
    .on_answer = asked_answer,
    .on_closed = confirm_closed,
};

bool asking_confirm(struct session *session)
{
    const struct account_entry *entry = entry_of(session);
    int server = worker_server_for_logins(session->worker, -1);
    if (entry == NULL || !entry->is_doubted || server < 0 || !may_ask(session)) {
        return false;
    }
    session_enter(session, SESSION_ASKING);
    session->greeting->asked_server = server;
    conn_begin(session, entry->secret, &confirm_handler);
    return true;
}
