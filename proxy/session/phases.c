// Where a statement's time went: into the histograms of sluice_query_duration_seconds.
//
//     came                                    sent                                        ended
//      |- queue -|- connect -|- queue -|- wait -|-- server --|-- client --|---- server ------|
//      |-------------------------------- total -------------------------------------------|
//
// What is neither connect nor client is queue in front of the sending and server behind it, so that
// the phases add up. Connect is the part of the wait for a connection in which the one that was got
// (or could not be got) was being opened; wait that for a replica to have what the session wrote,
// in vain or not; client the time in which the server's answer stood still since the client did not
// read it.
#include "proxy/session/session_priv.h"

static void record(const struct session *session, enum metric_target target,
                   enum metric_phase phase, int64_t us)
{
    metric_record(session->worker->metrics, METRIC_QUERY_DURATION, us, target, phase);
}

static void connect_record(const struct session *session, enum metric_target target)
{
    if (session->run->connect_us > 0) {
        record(session, target, METRIC_PHASE_CONNECT, session->run->connect_us);
    }
}

void phases_clogged(struct session *session)
{
    if (session->run->clogged_us == 0) {
        session->run->clogged_us = loop_now_us(session->worker->loop);
    }
}

void phases_flowing(struct session *session)
{
    struct run *run = session->run;
    if (run->clogged_us != 0) {
        run->client_us += loop_now_us(session->worker->loop) - run->clogged_us;
        run->clogged_us = 0;
    }
}

void phases_count(struct session *session, enum metric_target target, int64_t now_us)
{
    const struct run *run = session->run;
    phases_flowing(session);
    record(session, target, METRIC_PHASE_TOTAL, now_us - run->started_us);
    record(session, target, METRIC_PHASE_QUEUE,
           run->sent_us - run->started_us - run->connect_us - run->wait_us);
    connect_record(session, target);
    if (run->wait_us > 0) {
        record(session, target, METRIC_PHASE_WAIT, run->wait_us);
    }
    if (run->answered_us != 0) {
        record(session, target, METRIC_PHASE_SERVER, now_us - run->sent_us - run->client_us);
    }
    if (run->client_us > 0) {
        record(session, target, METRIC_PHASE_CLIENT, run->client_us);
    }
}

void phases_count_own(const struct session *session, enum metric_target target, int64_t now_us)
{
    const struct run *run = session->run;
    int64_t total_us = now_us - run->started_us;
    record(session, target, METRIC_PHASE_TOTAL, total_us);
    if (session->state == SESSION_HOLDING || session->state == SESSION_WAITING ||
        session->state == SESSION_LEARNING) {
        record(session, target, METRIC_PHASE_QUEUE, total_us - run->connect_us);
        connect_record(session, target);
    }
}
