#include "proxy/monitor/trouble.h"

#include "proxy/base/clock.h"

enum { ACCESS_DENIED = 1045, DATABASE_DENIED = 1044, DATABASE_UNKNOWN = 1049 };

bool trouble_is_news(const struct conn_loss *loss)
{
    switch (loss->end) {
    case CONN_END_CLOSED:
    case CONN_END_DEMOTED:
    case CONN_END_OFFLINE:
    case CONN_END_EXPIRED:
    case CONN_END_OUTDATED:
    case CONN_END_YIELDED:
    case CONN_END_ABORTED:
        return false;
    case CONN_END_REFUSED:
        return loss->code != ACCESS_DENIED && loss->code != DATABASE_DENIED &&
               loss->code != DATABASE_UNKNOWN;
    default:
        return true;
    }
}

void trouble_note(struct trouble *trouble, const struct conn_loss *loss)
{
    switch (loss->end) {
    case CONN_END_RESOLVE:
    case CONN_END_CONNECT:
    case CONN_END_TIMEOUT:
    case CONN_END_TLS:
    case CONN_END_PROTOCOL:
        trouble->is_new = true;
        trouble->end = loss->end;
        break;
    default:
        break;
    }
}

bool trouble_weigh(struct trouble *trouble, bool is_probe_good, int64_t now_us)
{
    if (!is_probe_good || !trouble->is_new) {
        *trouble = (struct trouble){.end = trouble->end};
        return false;
    }
    trouble->is_new = false;
    if (trouble->probes++ == 0) {
        trouble->since_us = now_us;
    }
    if (trouble->probes < TROUBLE_PROBES || now_us - trouble->since_us < TROUBLE_TIME_US) {
        return false;
    }
    *trouble = (struct trouble){.end = trouble->end};
    return true;
}
