// The whole process: log, workers, monitor, admin port, signals, reload, drain. Runs on the main
// thread, which becomes the control thread.
#pragma once

#include "conf/config.h"

struct process;

// Starts everything and runs until SIGTERM, SIGINT or SHUTDOWN have been carried out. Returns the
// process's exit status. `path` is the configuration's file, for reloads.
int process_run(const struct config *config, const char *path);
