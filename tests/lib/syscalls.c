#include "tests/lib/syscalls.h"

#include "tests/lib/cmocka.h"
#include "tests/lib/wait.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char report_name[] = "report", output_name[] = "output";

static void file_path(const struct syscalls *syscalls, const char *name, char *out, size_t size)
{
    snprintf(out, size, "%s/%s", syscalls->folder, name);
}

// Whether a process holds the thread for tracing.
static bool thread_is_traced(pid_t pid, const char *thread)
{
    char path[320];
    snprintf(path, sizeof(path), "/proc/%d/task/%s/status", (int)pid, thread);
    struct buffer status = BUFFER_INIT;
    bool is_traced = true; // one that is gone needs no more
    if (file_read(path, &status)) {
        buffer_append(&status, "", 1);
        is_traced = strstr((const char *)buffer_ptr(&status), "\nTracerPid:\t0\n") == NULL;
    }
    buffer_release(&status);
    return is_traced;
}

static bool all_threads_are_traced(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *folder = opendir(path);
    assert_non_null(folder);
    bool are_traced = true;
    for (struct dirent *entry; are_traced && (entry = readdir(folder)) != NULL;) {
        are_traced = entry->d_name[0] == '.' || thread_is_traced(pid, entry->d_name);
    }
    closedir(folder);
    return are_traced;
}

void syscalls_begin(struct syscalls *syscalls, pid_t pid)
{
    syscalls->report = BUFFER_INIT;
    folder_create(syscalls->folder);
    char report[FILE_PATH_SIZE + 16], output[FILE_PATH_SIZE + 16], target[16];
    file_path(syscalls, report_name, report, sizeof(report));
    file_path(syscalls, output_name, output, sizeof(output));
    snprintf(target, sizeof(target), "%d", (int)pid);
    const char *argv[] = {"strace", "-f",   "-c", "-U",   "calls,name",
                          "-o",     report, "-p", target, NULL};
    syscalls->strace = process_start(argv, NULL, output);
    struct deadline deadline = deadline_in(WAIT_MS);
    while (!all_threads_are_traced(pid)) {
        assert_true(process_is_running(&syscalls->strace));
        assert_true(deadline_pause(deadline));
    }
}

void syscalls_end(struct syscalls *syscalls)
{
    char report[FILE_PATH_SIZE + 16];
    file_path(syscalls, report_name, report, sizeof(report));
    process_signal(&syscalls->strace, SIGINT);
    assert_true(process_wait(&syscalls->strace, WAIT_MS));
    assert_true(file_read(report, &syscalls->report));
}

// Lines are "CALLS NAME", the last one counts "total".
unsigned long syscalls_count(const struct syscalls *syscalls, const char *name)
{
    struct slice rest = buffer_slice(&syscalls->report), line;
    while (slice_cut(&rest, '\n', &line)) {
        char text[128], found[64];
        unsigned long count;
        slice_to_text(line, text, sizeof(text));
        if (sscanf(text, "%lu %63s", &count, found) == 2 && strcmp(found, name) == 0) {
            return count;
        }
    }
    return 0;
}

unsigned long syscalls_total(const struct syscalls *syscalls)
{
    return syscalls_count(syscalls, "total");
}

void syscalls_release(struct syscalls *syscalls)
{
    process_kill(&syscalls->strace);
    folder_remove(syscalls->folder);
    buffer_release(&syscalls->report);
}
