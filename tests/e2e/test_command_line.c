// What the program says on its command line, and that a wrong proxy.ini starts nothing.
#include "tests/lib/cmocka.h"
#include "tests/lib/file.h"
#include "tests/lib/peer.h"
#include "tests/lib/process.h"
#include "tests/lib/wait.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct run {
    char folder[FILE_PATH_SIZE];
    char ini[FILE_PATH_SIZE + 16];
    struct buffer output;
};

static int setup(void **state)
{
    static struct run run;
    folder_create(run.folder);
    snprintf(run.ini, sizeof(run.ini), "%s/proxy.ini", run.folder);
    run.output = BUFFER_INIT;
    *state = &run;
    return 0;
}

static int teardown(void **state)
{
    struct run *run = *state;
    buffer_release(&run->output);
    folder_remove(run->folder);
    return 0;
}

static const char *program(void)
{
    const char *path = getenv("SLUICE");
    return path != NULL ? path : "build/sluice";
}

static int sluice(struct run *run, const char *ini, const char *option)
{
    file_write(run->ini, slice_text(ini));
    buffer_clear(&run->output);
    const char *argv[] = {program(), "-c", run->ini, option, NULL};
    return process_run(argv, NULL, &run->output, WAIT_MS);
}

static void assert_says(const struct run *run, const char *text)
{
    struct slice output = buffer_slice(&run->output);
    if (slice_find_slice(output, slice_text(text)) == output.len) {
        fail_msg("\"%s\" does not stand in:\n%.*s", text, SLICE_ARG(output));
    }
}

static void assert_does_not_say(const struct run *run, const char *text)
{
    struct slice output = buffer_slice(&run->output);
    assert_int_equal(slice_find_slice(output, slice_text(text)), output.len);
}

static const char good[] = "[proxy]\nlisten = 127.0.0.1:0\n"
                           "[backend:db1]\naddress = 127.0.0.1:1\n"
                           "[user:app]\npassword = very-secret\n"
                           "[monitor]\npassword = also-secret\n"
                           "[admin]\nlisten = 127.0.0.1:0\nhttp_listen = 127.0.0.1:0\n";

static void a_good_file_passes_the_check(void **state)
{
    assert_int_equal(sluice(*state, good, "--check"), 0);
}

static const char wrong[] = "[proxy]\n"
                            "lisen = 127.0.0.1:0\n"
                            "workers = many\n"
                            "[backend:db1]\n"
                            "address = 127.0.0.1:3306\n"
                            "address = 127.0.0.1:3307\n"
                            "[rooting]\n"
                            "balance = p2c\n"
                            "[routing]\n"
                            "balance = p3c\n";

static void every_mistake_is_named_with_its_line_and_the_right_name(void **state)
{
    struct run *run = *state;
    assert_int_equal(sluice(run, wrong, "--check"), 1);
    assert_says(run, "proxy.ini:2: ");
    assert_says(run, "listen");
    assert_says(run, "proxy.ini:3: ");
    assert_says(run, "proxy.ini:6: ");
    assert_says(run, "proxy.ini:7: ");
    assert_says(run, "routing");
    assert_says(run, "proxy.ini:10: ");
    assert_says(run, "round_robin");
}

static void a_wrong_file_starts_nothing(void **state)
{
    struct run *run = *state;
    assert_int_equal(sluice(run, wrong, NULL), 1);
    assert_says(run, "proxy.ini:2: ");
    assert_says(run, "proxy.ini:10: ");
}

static void a_missing_file_is_said(void **state)
{
    struct run *run = *state;
    buffer_clear(&run->output);
    const char *argv[] = {program(), "-c", "/nowhere/proxy.ini", NULL};
    assert_int_equal(process_run(argv, NULL, &run->output, WAIT_MS), 1);
    assert_says(run, "/nowhere/proxy.ini");
}

static void a_port_in_use_is_said(void **state)
{
    struct run *run = *state;
    char ini[1024];
    uint16_t port;
    int fd = peer_listen(&port);
    snprintf(ini, sizeof(ini),
             "[proxy]\nlisten = 127.0.0.1:%u\n[backend:db1]\naddress = 127.0.0.1:1\n"
             "[admin]\nlisten =\nhttp_listen =\n",
             port);
    assert_int_equal(sluice(run, ini, NULL), 1);
    snprintf(ini, sizeof(ini), "127.0.0.1:%u", port);
    assert_says(run, ini);
    close(fd);
}

static void the_effective_configuration_is_printed_without_secrets(void **state)
{
    struct run *run = *state;
    assert_int_equal(sluice(run, good, "--print-config"), 0);
    assert_says(run, "[backend:db1]");
    assert_says(run, "queue_timeout = 10s");
    assert_does_not_say(run, "secret");
    // What it prints is a file that it takes.
    struct buffer printed = BUFFER_INIT;
    buffer_append_slice(&printed, buffer_slice(&run->output));
    buffer_append(&printed, "", 1);
    assert_int_equal(sluice(run, (const char *)buffer_ptr(&printed), "--check"), 0);
    buffer_release(&printed);
}

static void references_and_version_are_printed(void **state)
{
    struct run *run = *state;
    assert_int_equal(sluice(run, good, "--options"), 0);
    assert_says(run, "queue_timeout");
    assert_int_equal(sluice(run, good, "--metrics"), 0);
    assert_says(run, "sluice_queries_total");
    assert_int_equal(sluice(run, good, "--version"), 0);
    assert_says(run, "sluice ");
}

static void an_unknown_option_is_refused(void **state)
{
    struct run *run = *state;
    assert_int_not_equal(sluice(run, good, "--frobnicate"), 0);
    assert_says(run, "--frobnicate");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_file_passes_the_check),
        cmocka_unit_test(every_mistake_is_named_with_its_line_and_the_right_name),
        cmocka_unit_test(a_wrong_file_starts_nothing),
        cmocka_unit_test(a_missing_file_is_said),
        cmocka_unit_test(a_port_in_use_is_said),
        cmocka_unit_test(the_effective_configuration_is_printed_without_secrets),
        cmocka_unit_test(references_and_version_are_printed),
        cmocka_unit_test(an_unknown_option_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
