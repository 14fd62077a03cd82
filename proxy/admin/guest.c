#include "proxy/admin/guest_priv.h"

#include "protocol/packet/ok.h"
#include "protocol/packet/status.h"
#include "protocol/wire/frame.h"
#include "protocol/wire/writer.h"
#include "proxy/admin/fault.h"
#include "proxy/base/clock.h"
#include "proxy/base/memory.h"

#include <assert.h>

#define LOGIN_US   (10 * CLOCK_SECOND)
#define IDLE_US    (8 * 3600 * CLOCK_SECOND)
#define SENDING_US (60 * CLOCK_SECOND)
#define CLOSING_US (2 * CLOCK_SECOND)

// --- states -------------------------------------------------------------------------------------

static const struct {
    unsigned from; // bits of the states that it is entered from
    const char *sentence;
} states[] = {
#define FROM(state)                       (1u << GUEST_##state)
#define GUEST_STATE(name, from, sentence) [GUEST_##name] = {from, sentence},
#include "proxy/admin/guest_states.def"
#undef GUEST_STATE
#undef FROM
};

// Its time limit; an exchange has one of its own.
static int64_t limit_of(enum guest_state state)
{
    switch (state) {
    case GUEST_LOGIN:
    case GUEST_SECURING:
        return LOGIN_US;
    case GUEST_READY:
        return IDLE_US;
    case GUEST_SENDING:
        return SENDING_US;
    case GUEST_CLOSING:
        return CLOSING_US;
    case GUEST_BUSY:
    case GUEST_GONE:
    default:
        return TIMER_NEVER;
    }
}

static bool is_login(enum guest_state state)
{
    return state == GUEST_LOGIN || state == GUEST_SECURING;
}

void guest_enter(struct guest *guest, enum guest_state state)
{
    assert(states[state].from & (1u << guest->state));
    bool is_same_limit = is_login(guest->state) && is_login(state) && guest->login != NULL;
    guest->state = state;
    if (is_same_limit) {
        return; // one limit for all of a login
    }
    if (limit_of(state) == TIMER_NEVER) {
        timer_clear(&guest->timer);
    } else {
        timer_set(&guest->timer, guest->front->desk.loop, limit_of(state));
    }
}

// --- life ---------------------------------------------------------------------------------------

static void guest_describe(const struct log_source *source, struct log_line *line)
{
    const struct guest *guest = container_of(source, struct guest, source);
    log_line_add(line, kv_uint("admin_client", guest->id));
    log_line_add(line, kv_str("peer", guest->host));
    if (guest->user[0] != '\0') {
        log_line_add(line, kv_str("user", guest->user));
    }
}

static void guest_free(struct loop_task *task)
{
    mem_free(container_of(task, struct guest, task));
}

void guest_close(struct guest *guest)
{
    if (guest->state == GUEST_GONE) {
        return;
    }
    exchange_abandon(&guest->exchange);
    guest_login_release(guest);
    guest_statements_release(guest);
    guest_enter(guest, GUEST_GONE);
    timer_release(&guest->timer);
    stream_close(&guest->stream);
    list_remove(&guest->link);
    guest->front->guest_count--;
    loop_defer(guest->front->desk.loop, &guest->task);
}

void guest_finish(struct guest *guest)
{
    if (guest->state == GUEST_CLOSING || guest->state == GUEST_GONE) {
        return;
    }
    exchange_abandon(&guest->exchange);
    guest_login_release(guest);
    guest_enter(guest, GUEST_CLOSING);
    stream_finish(&guest->stream);
}

static void guest_timed_out(struct timer *timer)
{
    struct guest *guest = container_of(timer, struct guest, timer);
    if (guest->state != GUEST_CLOSING) {
        log_info(&guest->source, "admin.client_timeout",
                 kv_str("state", states[guest->state].sentence));
    }
    guest_close(guest);
}

// --- packets out --------------------------------------------------------------------------------

void guest_send(struct guest *guest, struct buffer *packets)
{
    stream_send(&guest->stream, buffer_ptr(packets), buffer_len(packets));
    buffer_release(packets);
}

void guest_answer_ok(struct guest *guest, struct slice info)
{
    struct buffer packets = BUFFER_INIT;
    struct writer writer = writer_make(&packets, 1);
    struct ok ok = {.status = STATUS_AUTOCOMMIT, .message = info};
    writer_packet_begin(&writer);
    ok_encode(&ok, &writer, guest->capabilities);
    if (!writer_packet_end(&writer)) {
        guest_close(guest);
    }
    guest_send(guest, &packets);
}

void guest_answer_error(struct guest *guest, const struct error *error)
{
    struct buffer packets = BUFFER_INIT;
    struct writer writer = writer_make(&packets, 1);
    writer_packet_begin(&writer);
    fault_write(error, &writer);
    if (!writer_packet_end(&writer)) {
        guest_close(guest);
    }
    guest_send(guest, &packets);
}

void guest_malformed(struct guest *guest, const char *what)
{
    guest_answer_fault(guest, PACKET_MALFORMED, SLICE_ARG(slice_text(what)));
    guest_finish(guest);
}

struct asker guest_asker(const struct guest *guest)
{
    return (struct asker){
        .id = guest->id,
        .user = slice_text(guest->user),
        .host = slice_text(guest->host),
        .schema = slice_text(guest->schema),
        .tls_version = slice_text(stream_tls_version(&guest->stream)),
        .tls_cipher = slice_text(stream_tls_cipher(&guest->stream)),
        .right = guest->right,
    };
}

// --- frames in ----------------------------------------------------------------------------------

static void command_frame(struct guest *guest, struct slice payload, uint8_t sequence)
{
    if (sequence != 0) {
        guest_answer_fault(guest, PACKET_OUT_OF_ORDER, (unsigned)sequence, 0u);
        guest_finish(guest);
        return;
    }
    guest_command(guest, payload);
}

static void frame_too_long(struct guest *guest, uint8_t sequence)
{
    if (guest->state == GUEST_LOGIN) {
        guest_login_too_long(guest, sequence);
        return;
    }
    struct error error;
    error_set(&error, error_row_code(ERROR_ROW_PACKET_TOO_LARGE, false)->number, "",
              "sluice: the packet is larger than %d bytes, which is the most that the admin port "
              "takes",
              GUEST_PACKET_MAX);
    guest_answer_error(guest, &error);
    guest_finish(guest);
}

static uint32_t frame_limit(const struct guest *guest)
{
    return guest->state == GUEST_LOGIN ? (uint32_t)LOGIN_PACKET_MAX : (uint32_t)GUEST_PACKET_MAX;
}

// Whether the guest has the word: one frame is taken after the other while it has.
static bool is_listening(const struct guest *guest)
{
    return guest->state == GUEST_LOGIN || guest->state == GUEST_READY;
}

// While an answer is being made, what comes is left, and not even looked for once it is much.
static void left_unread(struct guest *guest, size_t len)
{
    if (guest->state == GUEST_BUSY && len > GUEST_PACKET_MAX) {
        stream_pause(&guest->stream);
    }
}

static size_t on_data(struct stream *stream, const uint8_t *bytes, size_t len)
{
    struct guest *guest = container_of(stream, struct guest, stream);
    size_t used = 0;
    while (is_listening(guest) && len - used >= FRAME_HEADER_SIZE) {
        struct frame frame = frame_read(bytes + used);
        if (frame.len > frame_limit(guest)) {
            frame_too_long(guest, frame.sequence);
            return len;
        }
        if (len - used - FRAME_HEADER_SIZE < frame.len) {
            break;
        }
        struct slice payload = slice_make(bytes + used + FRAME_HEADER_SIZE, frame.len);
        used += FRAME_HEADER_SIZE + frame.len;
        if (guest->state == GUEST_LOGIN) {
            guest_login_frame(guest, payload, frame.sequence);
        } else {
            command_frame(guest, payload, frame.sequence);
        }
    }
    if (guest->state == GUEST_CLOSING || guest->state == GUEST_GONE) {
        return len;
    }
    left_unread(guest, len - used);
    return used;
}

static void on_secured(struct stream *stream)
{
    guest_login_secured(container_of(stream, struct guest, stream));
}

static void on_writable(struct stream *stream)
{
    struct guest *guest = container_of(stream, struct guest, stream);
    if (guest->state == GUEST_SENDING) {
        guest_enter(guest, GUEST_READY);
        stream_resume(stream);
    }
}

static void on_closed(struct stream *stream, enum stream_end end, const struct error *error)
{
    struct guest *guest = container_of(stream, struct guest, stream);
    if (is_login(guest->state)) {
        log_info(&guest->source, "admin.login_broken_off", kv_str("end", stream_end_word(end)),
                 kv_error("error", error));
    }
    guest_close(guest);
}

static const struct stream_handler handler = {
    .on_secured = on_secured,
    .on_data = on_data,
    .on_writable = on_writable,
    .on_closed = on_closed,
    .high_water = 256 << 10,
    .low_water = 64 << 10,
};

// --- coming -------------------------------------------------------------------------------------

static void refuse_too_many(struct guest *guest)
{
    struct error error;
    error_set(&error, error_row_code(ERROR_ROW_TOO_MANY_CLIENTS, false)->number, "",
              "sluice: the admin port has %d clients, which is the most that it takes; close some",
              GUESTS_MAX);
    guest_login_refuse(guest, &error);
}

void guest_open(struct front *front, int fd, const struct address *peer)
{
    struct guest *guest = mem_zero(1, sizeof(*guest));
    guest->front = front;
    guest->peer = *peer;
    guest->id = ++front->last_id;
    guest->state = GUEST_LOGIN;
    guest->source = (struct log_source){
        .log = front->desk.log->log,
        .describe = guest_describe,
    };
    address_print_host(peer, guest->host);
    list_init(&guest->statements);
    list_push_back(&front->guests, &guest->link);
    front->guest_count++;
    timer_init(&guest->timer, guest_timed_out);
    timer_set(&guest->timer, front->desk.loop, LOGIN_US);
    loop_task_init(&guest->task, guest_free);
    stream_init(&guest->stream, front->desk.loop, &handler, METRIC_SIDE_ADMIN);
    stream_adopt(&guest->stream, fd);
    if (front->guest_count > 2 * GUESTS_MAX) {
        guest_close(guest);
    } else if (front->guest_count > GUESTS_MAX) {
        refuse_too_many(guest);
    } else {
        guest_login_start(guest);
    }
}

void guests_close(struct front *front)
{
    list_each_safe (link, &front->guests) {
        guest_close(list_entry(link, struct guest, link));
    }
}
