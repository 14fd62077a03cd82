// What the sessions of all workers are doing, as SHOW PROCESSLIST and
// information_schema.PROCESSLIST tell it: gathered for one statement of one session.
#pragma once

#include "proxy/base/arena.h"
#include "proxy/session/worker.h"

// In the order of SHOW PROCESSLIST.
enum process_column {
    PROCESS_ID,
    PROCESS_USER,
    PROCESS_HOST,
    PROCESS_DB,
    PROCESS_COMMAND,
    PROCESS_TIME,
    PROCESS_STATE,
    PROCESS_INFO,
    PROCESS_COLUMNS_MYSQL,
    PROCESS_PROGRESS = PROCESS_COLUMNS_MYSQL,
    PROCESS_COLUMNS_MARIADB,
    PROCESS_COLUMNS_MOST = PROCESS_COLUMNS_MARIADB,
};

struct process {
    uint32_t id;
    int server;         // that it has a connection to; -1: it has none
    uint32_t server_id; // the connection's, as that server knows it
    struct slice values[PROCESS_COLUMNS_MOST];
};

// What for: SHOW PROCESSLIST, a table of information_schema, the plan of what one of them runs.
enum process_list_use { PROCESSES_SHOWN, PROCESSES_TABLE, PROCESSES_PLAN };

// The question visits every worker in turn, collecting, and comes back to the one that asked. The
// session may be gone by then: it is found again by its id.
struct process_list {
    struct worker_question question;
    struct worker_shared *shared;
    unsigned at;       // worker being asked
    unsigned home;     // worker that asked
    uint32_t id;       // session that asked
    uint64_t serial;   // and with which of its commands
    struct slice user; // owned; whose sessions are shown
    bool is_all;       // everybody's
    bool is_full;
    enum process_list_use use;
    struct arena arena;
    struct process *processes;
    size_t count, room;
    struct slice sql; // PROCESSES_TABLE: the text that the server would get
};
