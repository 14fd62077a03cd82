#include "tests/lib/process.h"

#include "tests/lib/cmocka.h"
#include "tests/lib/file.h"
#include "tests/lib/wait.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

// In the child, between fork and exec: nothing but what may be called there, and the exit on any
// failure. The parent may have died before the kernel was asked to tell.
static void child_become(pid_t parent, const char *const argv[], const char *const environment[],
                         int output_fd)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || (output_fd >= 0 && (dup2(output_fd, 1) < 0 || dup2(1, 2) < 0))) {
        _exit(126);
    }
    for (size_t i = 0; environment != NULL && environment[i] != NULL; i++) {
        putenv((char *)environment[i]);
    }
    // Sockets of clients, which the library leaves open for it: a server would keep them.
    close_range(STDERR_FILENO + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC);
    execvp(argv[0], (char *const *)argv);
    _exit(127);
}

static struct process spawn(const char *const argv[], const char *const environment[],
                            int output_fd)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        child_become(parent, argv, environment, output_fd);
    }
    return (struct process){.pid = pid};
}

struct process process_start(const char *const argv[], const char *const environment[],
                             const char *output_path)
{
    int fd = -1;
    if (output_path != NULL) {
        fd = open(output_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
    }
    struct process process = spawn(argv, environment, fd);
    if (fd >= 0) {
        close(fd);
    }
    return process;
}

bool process_is_running(struct process *process)
{
    int status;
    if (process->pid == 0) {
        return false;
    }
    pid_t pid = waitpid(process->pid, &status, WNOHANG);
    if (pid == 0) {
        return true;
    }
    process->pid = 0;
    process->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return false;
}

bool process_wait(struct process *process, int64_t ms)
{
    struct deadline deadline = deadline_in(ms);
    while (process_is_running(process)) {
        if (!deadline_pause(deadline)) {
            return false;
        }
    }
    return true;
}

void process_signal(const struct process *process, int signal)
{
    assert_true(process->pid > 0);
    assert_int_equal(kill(process->pid, signal), 0);
}

void process_kill(struct process *process)
{
    if (process->pid != 0) {
        kill(process->pid, SIGKILL);
        kill(process->pid, SIGCONT);
        process_wait(process, WAIT_MS);
    }
}

// Reads until the child has closed its output, or the deadline.
static void output_collect(int fd, struct buffer *output, struct deadline deadline)
{
    enum { PIECE = 16384 };
    for (;;) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        int ready = poll(&wait, 1, deadline_left_ms(deadline));
        if (ready < 0 && errno == EINTR) {
            continue;
        }
        ssize_t n = ready > 0 ? read(fd, buffer_reserve(output, PIECE), PIECE) : 0;
        if (n <= 0) {
            return;
        }
        buffer_added(output, (size_t)n);
    }
}

int process_run(const char *const argv[], const char *const environment[], struct buffer *output,
                int64_t ms)
{
    struct deadline deadline = deadline_in(ms);
    int ends[2] = {-1, -1};
    if (output != NULL) {
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    }
    struct process process = spawn(argv, environment, ends[1]);
    if (output != NULL) {
        close(ends[1]);
        output_collect(ends[0], output, deadline);
        close(ends[0]);
    }
    if (!process_wait(&process, deadline_left_ms(deadline))) {
        process_kill(&process);
    }
    return process.code;
}

// The number behind `name` in /proc/PID/status.
static uint64_t status_number(pid_t pid, const char *name)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    struct buffer text = BUFFER_INIT;
    assert_true(file_read(path, &text));
    buffer_append(&text, "", 1);
    const char *line = strstr((const char *)buffer_ptr(&text), name);
    assert_non_null(line);
    uint64_t number = strtoull(line + strlen(name), NULL, 10);
    buffer_release(&text);
    return number;
}

uint64_t process_resident_bytes(pid_t pid)
{
    return status_number(pid, "\nVmRSS:") * 1024;
}

unsigned process_thread_count(pid_t pid)
{
    return (unsigned)status_number(pid, "\nThreads:");
}

unsigned process_descriptor_count(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    DIR *folder = opendir(path);
    assert_non_null(folder);
    unsigned count = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        count += entry->d_name[0] != '.';
    }
    closedir(folder);
    return count;
}
