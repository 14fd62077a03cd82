#include "proxy/server/process_priv.h"

#include "proxy/base/clock.h"

#include <stdio.h>

void events_add(struct process *process, const char *kind, struct slice backend, const char *text)
{
    struct process_event *event = &process->events[process->event_count++ % EVENTS_MAX];
    event->at_us = clock_wall_us();
    snprintf(event->kind, sizeof(event->kind), "%s", kind);
    slice_to_text(backend, event->backend, sizeof(event->backend));
    snprintf(event->text, sizeof(event->text), "%s", text);
}

void events_show(const struct process *process, struct view_rows *rows)
{
    uint64_t first = process->event_count > EVENTS_MAX ? process->event_count - EVENTS_MAX : 0;
    for (uint64_t i = first; i < process->event_count; i++) {
        const struct process_event *event = &process->events[i % EVENTS_MAX];
        char at[CELL_TIME_SIZE];
        view_rows_add(rows,
                      (struct cell[VIEW_EVENTS_WIDTH]){
                          [VIEW_EVENTS_AT] = cell_time(event->at_us, at),
                          [VIEW_EVENTS_KIND] = cell_text(slice_text(event->kind)),
                          [VIEW_EVENTS_BACKEND] = cell_text_or_null(slice_text(event->backend)),
                          [VIEW_EVENTS_TEXT] = cell_text(slice_text(event->text)),
                      });
    }
}
