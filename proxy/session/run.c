// What a statement needs while it runs: taken from the worker's spare ones when it begins, and
// given back empty.
#include "proxy/session/session_priv.h"

#include "proxy/base/memory.h"

enum { RUN_PACKET_KEPT = 16 * 1024 };

struct run *run_take(struct worker *worker)
{
    struct run *run = worker->spare_runs;
    if (run == NULL) {
        return mem_zero(1, sizeof(*run));
    }
    worker->spare_runs = run->next_spare;
    return run;
}

// What only the commands of prepared statements leave.
static void run_clear_prepared(struct run *run)
{
    prepared_text_unref(&run->text);
    buffer_release(&run->capture);
    run->refusal = SLICE_NONE;
    run->repeats = 0;
    run->parameters = 0;
    run->are_types_sent = false;
    run->is_capturing = false;
}

void run_give(struct worker *worker, struct run *run)
{
    struct buffer packet = run->packet;
    struct arena arena = run->arena;
    buffer_clear(&packet);
    if (packet.cap > RUN_PACKET_KEPT) {
        buffer_release(&packet);
    }
    arena_reset(&arena);
    statement_entry_unref(&run->entry);
    preparation_reading_unref(&run->reading);
    run->packet = packet;
    if (run->sent.cap > 0) {
        buffer_release(&run->sent);
    }
    if (run->processes != NULL) {
        process_list_destroy(run->processes);
        run->processes = NULL;
    }
    run->arena = arena;
    run->command = 0;
    run->sent_us = 0;
    run->answered_us = 0;
    run->connect_us = 0;
    run->clogged_us = 0;
    run->client_us = 0;
    run->wait_us = 0;
    run->attempts = 0;
    run->is_forwarded = false;
    run->is_upload_continued = false;
    run->has_learnt = false;
    run->has_waited = false;
    run->has_left_schema = false;
    run->is_status_unknown = false;
    run->wants_primary = false;
    run->is_ahead = false;
    run->has_ok = false;
    run->has_gtid = false;
    run->answer = ANSWER_RELAYED;
    run->applied = NULL;
    run->order = ORDER_NONE;
    run->is_order_out = false;
    run->is_order_done = false;
    run->kill = RUN_KILL_NONE;
    run->trouble[0] = '\0';
    run->route.target = ROUTE_PROXY;
    run->changed_rows = 0;
    run->reply.rows = 0;
    run->reply.warnings = 0;
    run->reply.error = 0;
    run->attributes = SLICE_NONE;
    run->sql = SLICE_NONE;
    run->prepared = NULL;
    run->is_sent = false;
    if (run->text != NULL) {
        run_clear_prepared(run);
    }
    run->next_spare = worker->spare_runs;
    worker->spare_runs = run;
}
