// What live traffic tells of a server, against what its probes say: a server that answers probes
// and fails those who come with work is left alone for a while (shunned). Pure. One thread: the
// monitor's.
#pragma once

#include "proxy/backend/conn.h"

#include <stdbool.h>
#include <stdint.h>

// So many good probes in a row, each with new trouble beside it, over at least that time.
enum { TROUBLE_PROBES = 5 };
#define TROUBLE_TIME_US (2 * CLOCK_SECOND)
#define TROUBLE_SHUN_US (10 * CLOCK_SECOND)

// Embedded; starts as all zero.
struct trouble {
    bool is_new;       // something came since the last probe ended
    uint32_t probes;   // good ones in a row with trouble beside them
    int64_t since_us;  // the first of them
    enum conn_end end; // the latest
};

// Whether the loss says that something may be wrong with the server: it is worth a probe. What we
// closed ourselves and refused accounts say nothing.
bool trouble_is_news(const struct conn_loss *loss);
// Keeps what speaks against a server that answers probes: it could not be reached, or spoke
// nonsense. (Connections lost in the middle may have been killed by an operator.)
void trouble_note(struct trouble *trouble, const struct conn_loss *loss);
// A probe has ended. True where the server is to be shunned now.
bool trouble_weigh(struct trouble *trouble, bool is_probe_good, int64_t now_us);
