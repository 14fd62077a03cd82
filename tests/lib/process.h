// Programs that a test runs: the proxy, scripts, clients. A child dies with the test program,
// however that ends. One thread: the kernel ends a child with the thread that started it.
#pragma once

#include "proxy/base/buffer.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process {
    pid_t pid; // 0: none, or ended and its status taken
    int code;  // once ended: exit code, or 128 + the signal that ended it
};

#define PROCESS_NONE ((struct process){0, 0})

// Starts argv[0] (found along PATH) with the test's environment and the NAME=VALUE pairs of
// `environment` (NULL: none). Its output of both kinds goes to the file, to the end of what is
// there; NULL: to the test's own. Fails the test where the program cannot be run.
struct process process_start(const char *const argv[], const char *const environment[],
                             const char *output_path);

// Whether it still runs; takes its status where not.
bool process_is_running(struct process *process);
// Waits until it has ended; false after `ms` milliseconds.
bool process_wait(struct process *process, int64_t ms);
void process_signal(const struct process *process, int signal);
// SIGKILL, and waits for its end. Nothing where it does not run.
void process_kill(struct process *process);

// Runs to its end and returns the exit code, killed after `ms` milliseconds; what it printed is
// appended to `output` (NULL: to the test's own output).
int process_run(const char *const argv[], const char *const environment[], struct buffer *output,
                int64_t ms);

// What the kernel says of a running process.
uint64_t process_resident_bytes(pid_t pid);

// What a sanitizer's build may take beyond the bounds of a plain one: AddressSanitizer keeps freed
// memory, so that it sees who still uses it; ThreadSanitizer's shadow is five times what is
// touched.
#if defined(__SANITIZE_ADDRESS__)
enum { PROCESS_SANITIZER_BYTES = 256 * 1024 * 1024 };
#elif defined(__SANITIZE_THREAD__)
enum { PROCESS_SANITIZER_BYTES = 64 * 1024 * 1024 };
#else
enum { PROCESS_SANITIZER_BYTES = 0 };
#endif
unsigned process_descriptor_count(pid_t pid);
unsigned process_thread_count(pid_t pid);
