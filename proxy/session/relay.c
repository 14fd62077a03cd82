// The answer on its way to the client: bytes go on as they come, and only packets that end
// something are looked at.
#include "proxy/session/session_priv.h"

#include "protocol/packet/eof.h"
#include "proxy/base/clock.h"

// What is ready to be sent of one batch of bytes: everything up to a packet that the client must
// see otherwise goes out in one piece.
struct batch {
    struct stream *to;
    const uint8_t *bytes; // not sent yet
    size_t len;
};

static void batch_flush(struct batch *batch)
{
    if (batch->len > 0) {
        stream_send(batch->to, batch->bytes, batch->len);
        batch->bytes += batch->len;
        batch->len = 0;
    }
}

// Leaves out the next `len` bytes, which stand behind those of the batch.
static void batch_skip(struct batch *batch, size_t len)
{
    batch_flush(batch);
    batch->bytes += len;
}

void relay_expect(const struct run *run, const struct conn *conn, struct reply *reply)
{
    reply_begin(reply, command_find((uint8_t)run->command)->reply, conn_peer(conn)->capabilities,
                run->frames);
}

void relay_begin(struct session *session)
{
    relay_expect(session->run, pooled_conn(session->pooled), &session->run->reply);
    last_begin(session->run);
}

// --- packets that are looked at ------------------------------------------------------------------

static bool keeps_change(const struct session_change *change, void *arg)
{
    return tracking_is_heard(arg, change);
}

// Whether the client must see the OK otherwise than the server sent it.
static bool needs_rewrite(const struct session *session, const struct ok *ok)
{
    return ok->session.len > 0 ||
           (ok->message.len > 0 && (session->capabilities & CAPABILITY_SESSION_TRACK) == 0);
}

enum { SCRATCH_KEPT = 16 * 1024 };

static void scratch_clear(struct buffer *scratch)
{
    buffer_clear(scratch);
    if (scratch->cap > SCRATCH_KEPT) {
        buffer_release(scratch);
    }
}

// Sends the OK as the client's capabilities want it, with those changes that the client would see
// on a direct connection.
static void ok_rewrite(struct session *session, struct batch *batch, const struct ok *ok,
                       size_t held)
{
    uint8_t sequence = batch->bytes[batch->len + 3];
    struct buffer *changes = &session->worker->ok_changes;
    struct buffer *packet = &session->worker->ok_packet;
    struct writer change_writer = writer_make(changes, 0);
    struct writer writer = writer_make(packet, sequence);
    struct ok changed = *ok;

    batch_skip(batch, held);
    bool is_list = session_change_filter(ok->session, keeps_change, session, &change_writer);
    changed.session = is_list ? buffer_slice(changes) : SLICE_NONE;
    writer_packet_begin(&writer);
    ok_encode(&changed, &writer, session->capabilities);
    if (writer_packet_end(&writer)) {
        stream_send(batch->to, buffer_ptr(packet), buffer_len(packet));
    }
    scratch_clear(changes);
    scratch_clear(packet);
}

bool relay_timeout_write(struct session *session, struct writer *writer, uint16_t code)
{
    unsigned limit_ms = (unsigned)(session->run->route.timeout_us / CLOCK_MS);
    struct slice name = conn_target(pooled_conn(session->pooled))->name;
    if (session->run->order != ORDER_TIME_LIMIT || code != ER_QUERY_INTERRUPTED) {
        return false;
    }
    writer_packet_begin(writer);
    error_write(writer, session_is_mariadb(session), QUERY_TIMEOUT, limit_ms, SLICE_ARG(name));
    metric_add(session->worker->metrics, METRIC_CLIENT_ERRORS, 1, ERROR_ROW_QUERY_TIMEOUT);
    return writer_packet_end(writer);
}

// The server says that it was told to end the statement; the client is told why.
static bool timeout_tell(struct session *session, struct batch *batch,
                         const struct reply_step *step)
{
    struct buffer packet = BUFFER_INIT;
    struct writer writer = writer_make(&packet, batch->bytes[batch->len + 3]);
    bool is_written = relay_timeout_write(session, &writer, step->err.code);
    if (is_written) {
        batch_skip(batch, step->held);
        stream_send(batch->to, buffer_ptr(&packet), buffer_len(&packet));
    }
    buffer_release(&packet);
    return is_written;
}

enum { ER_OPTION_PREVENTS = 1290, ER_READ_ONLY_MODE = 1836 };

// A primary that says it is read only was one until a moment ago: the monitor looks at once.
static void demotion_report(struct session *session, uint16_t code)
{
    struct worker *worker = session->worker;
    struct error error = ERROR_NONE;
    if (code != ER_OPTION_PREVENTS && code != ER_READ_ONLY_MODE) {
        return;
    }
    error_set(&error, code, NULL, "the server says that it is read only");
    struct conn_loss loss = {.end = CONN_END_NONE, .code = code, .error = &error};
    worker->shared->report(worker->shared->context, pooled_server(session->pooled), &loss);
}

// Something changed that the client did not ask to hear of, or the packet could say what.
static void change_flag_clear(struct batch *batch, const struct reply_step *step)
{
    uint8_t *payload = (uint8_t *)batch->bytes + batch->len + FRAME_HEADER_SIZE; // writable
    uint16_t status = step->ok.status & (uint16_t)~STATUS_SESSION_CHANGED;
    bool is_set = status == step->ok.status ||
                  eof_status_set(payload, step->held - FRAME_HEADER_SIZE, status);
    (void)is_set; // it was one when it came
}

static void packet_held(struct session *session, struct batch *batch, const struct reply_step *step)
{
    if (step->packet == REPLY_PACKET_OK) {
        last_ok(session->run, &step->ok, step->ok.is_end_of_result);
        session->run->has_ok = true;
        session->run->changed_rows += step->ok.is_end_of_result ? 0 : step->ok.affected_rows;
        preparation_note_definitions(session);
        effects_ok(session, &step->ok);
        if (needs_rewrite(session, &step->ok)) {
            ok_rewrite(session, batch, &step->ok, step->held);
            return;
        }
    } else if (step->packet == REPLY_PACKET_EOF) {
        last_ok(session->run, &step->ok, true);
        change_flag_clear(batch, step);
    } else if (step->packet == REPLY_PACKET_ERR) {
        last_err(session->run, &step->err);
        if (timeout_tell(session, batch, step)) {
            return;
        }
        demotion_report(session, step->err.code);
    } else if (step->packet == REPLY_PACKET_PREPARED) {
        preparation_answered(session, &step->prepared,
                             slice_make(batch->bytes + batch->len + FRAME_HEADER_SIZE,
                                        step->held - FRAME_HEADER_SIZE));
    }
    batch->len += step->held;
}

// A server may ask for a file only where the client's statement did, and the client can.
static bool may_upload(const struct session *session)
{
    return (session->capabilities & CAPABILITY_LOCAL_FILES) != 0 &&
           statement_has(&session->run->statement, EFFECT_LOCAL_FILE);
}

static void upload_refuse(struct session *session)
{
    struct conn *conn = pooled_conn(session->pooled);
    struct error error = ERROR_NONE;
    error_set(&error, CONN_END_PROTOCOL, NULL, "it asked for a file that nobody offered");
    struct conn_loss loss = {.end = CONN_END_PROTOCOL, .error = &error};
    conn_close(conn);
    query_lost(session, &loss);
}

static void answer_fault(struct session *session)
{
    struct conn *conn = pooled_conn(session->pooled);
    struct slice text = reply_fault_text(session->run->reply.fault);
    struct error error = ERROR_NONE;
    error_set(&error, CONN_END_PROTOCOL, NULL, "%.*s", SLICE_ARG(text));
    struct conn_loss loss = {.end = CONN_END_PROTOCOL, .error = &error};
    conn_close(conn);
    query_lost(session, &loss);
}

// --- the answer ----------------------------------------------------------------------------------

static void answer_ended(struct session *session, const struct reply_step *step, bool has_leftover)
{
    if (session->state == SESSION_UPLOADING) {
        session_close(
            session); // an answer before the file's end: what the client still sends has no meaning
        return;
    }
    const struct reply *reply = &session->run->reply;
    switch (session->run->answer) {
    case ANSWER_RELAYED:
        break;
    case ANSWER_MISSING:
        missing_go_on(session, has_leftover);
        return;
    case ANSWER_REPEATED:
    case ANSWER_DISCARDED:
        execution_go_on(session);
        return;
    }
    bool is_error = reply->error != 0;
    bool has_status = step->packet == REPLY_PACKET_OK || step->packet == REPLY_PACKET_EOF;
    outcome_end(session, &(struct outcome){.is_error = is_error,
                                           .has_status = has_status,
                                           .has_leftover = has_leftover,
                                           .status = reply->status});
}

size_t relay_answer(struct session *session, const uint8_t *bytes, size_t len)
{
    struct run *run = session->run;
    struct batch batch = {.to = &session->stream, .bytes = bytes};
    struct reply_step step;
    size_t used = 0;

    if (run->answered_us == 0) {
        run->answered_us = loop_now_us(session->worker->loop);
    }
    do {
        // The bytes stand in the loop's own buffer or the stream's: writable, though shown as
        // const.
        reply_feed(&run->reply, (uint8_t *)bytes + used, len - used, &step);
        if (run->answer == ANSWER_DISCARDED) {
            batch.bytes += step.forward + step.held;
            used += step.forward + step.held;
            continue;
        }
        run->is_forwarded |= step.forward > 0;
        batch.len += step.forward;
        if (step.event == REPLY_UPLOAD && !may_upload(session)) {
            batch_flush(&batch);
            upload_refuse(session);
            return len;
        }
        if (step.packet == REPLY_PACKET_ERR && (execution_takes_error(session, &step.err) ||
                                                missing_takes_error(session, &step.err))) {
            batch_skip(&batch, step.held);
        } else if (step.held > 0) {
            run->is_forwarded = true;
            packet_held(session, &batch, &step);
        }
        if (run->is_capturing && run->answer == ANSWER_RELAYED) {
            preparation_capture(session, bytes + used, step.forward + step.held);
        }
        used += step.forward + step.held;
    } while (step.event == REPLY_HELD);
    batch_flush(&batch);

    switch (step.event) {
    case REPLY_END:
        answer_ended(session, &step, used < len);
        break;
    case REPLY_UPLOAD:
        session_enter(session, SESSION_UPLOADING);
        timer_clear(&session->timer);
        break;
    case REPLY_FAULT:
        answer_fault(session);
        return len;
    default:
        break;
    }
    if (session->state == SESSION_RUNNING && stream_is_congested(&session->stream)) {
        stream_pause(conn_stream(pooled_conn(session->pooled)));
        phases_clogged(session);
    }
    return used;
}

void relay_client_writable(struct session *session)
{
    if (session->pooled != NULL) {
        phases_flowing(session);
        stream_resume(conn_stream(pooled_conn(session->pooled)));
    }
}

// --- a file from the client ----------------------------------------------------------------------

// Clients that compress number what is inside as they number what is outside, from time to time;
// servers that do not compress want to see them in order.
static void frame_renumber(struct session *session, const uint8_t *bytes, struct frame frame)
{
    struct reply *reply = &session->run->reply;
    if (!stream_is_compressed(&session->stream)) {
        reply->sequence = frame.sequence;
    } else if (frame.sequence != reply->sequence) {
        frame.sequence = reply->sequence;
        frame_write((uint8_t *)bytes, frame); // writable, though shown as const
    }
    reply->sequence++;
}

size_t relay_upload(struct session *session, const uint8_t *bytes, size_t len)
{
    struct stream *to = conn_stream(pooled_conn(session->pooled));
    struct run *run = session->run;
    size_t used = 0;
    while (len - used >= FRAME_HEADER_SIZE) {
        struct frame frame = frame_read(bytes + used);
        if (len - used - FRAME_HEADER_SIZE < frame.len) {
            break;
        }
        frame_renumber(session, bytes + used, frame);
        used += FRAME_HEADER_SIZE + frame.len;
        bool is_end = frame.len == 0 && !run->is_upload_continued;
        run->is_upload_continued = frame_is_continued(frame);
        if (is_end) {
            reply_resume(&run->reply, run->reply.sequence);
            session_enter(session, SESSION_RUNNING);
            if (run->route.timeout_us > 0) { // anew: the client was what took its time
                timer_set(&session->timer, session->worker->loop, run->route.timeout_us);
            }
            break;
        }
    }
    if (used > 0) {
        stream_send(to, bytes, used);
    }
    if (session->state == SESSION_UPLOADING && stream_is_congested(to)) {
        stream_pause(&session->stream);
    }
    return used;
}

void relay_server_writable(struct session *session)
{
    if (session->state == SESSION_UPLOADING || session->state == SESSION_IDLE) {
        stream_resume(&session->stream);
    }
}
