// The table of the states: which may follow which.
#include "proxy/session/session_priv.h"

#include "tests/unit/proxy/session/bench.h"

#include <fcntl.h>
#include <sys/wait.h>

#define BIT(state) (1U << SESSION_##state)

// What a session's life may be, told from each state's side.
static const unsigned may_follow[SESSION_STATE_COUNT] = {
    [SESSION_CLOSED] = BIT(HEADER) | BIT(LOGIN),
    [SESSION_HEADER] = BIT(LOGIN),
    [SESSION_LOGIN] = BIT(ASKING) | BIT(IDLE),
    [SESSION_ASKING] = BIT(ASKING) | BIT(LOGIN),
    [SESSION_IDLE] = BIT(IDLE) | BIT(LOGIN) | BIT(LEARNING) | BIT(HOLDING) | BIT(WAITING) |
                     BIT(PREPARING) | BIT(CATCHING) | BIT(RUNNING),
    [SESSION_LEARNING] =
        BIT(IDLE) | BIT(HOLDING) | BIT(WAITING) | BIT(PREPARING) | BIT(CATCHING) | BIT(RUNNING),
    [SESSION_HOLDING] = BIT(HOLDING) | BIT(LEARNING) | BIT(IDLE) | BIT(WAITING) | BIT(PREPARING) |
                        BIT(CATCHING) | BIT(RUNNING),
    [SESSION_WAITING] =
        BIT(WAITING) | BIT(IDLE) | BIT(HOLDING) | BIT(PREPARING) | BIT(CATCHING) | BIT(RUNNING),
    [SESSION_PREPARING] = BIT(IDLE) | BIT(PREPARING) | BIT(CATCHING) | BIT(RUNNING),
    // The replica has it, or is given up for the primary.
    [SESSION_CATCHING] = BIT(IDLE) | BIT(HOLDING) | BIT(WAITING) | BIT(PREPARING) | BIT(RUNNING),
    [SESSION_RUNNING] = BIT(IDLE) | BIT(PREPARING) | BIT(RUNNING) | BIT(SETTLING) | BIT(UPLOADING),
    [SESSION_SETTLING] = BIT(IDLE) | BIT(SETTLING),
    [SESSION_UPLOADING] = BIT(RUNNING),
    [SESSION_FINISHING] = 0,
};

// Tries it in a process of its own, which a refusal ends.
static bool is_refused(struct bench *bench, enum session_state from, enum session_state to)
{
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        signal(SIGABRT, SIG_DFL); // cmocka's handler would go on
        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        struct session session = {.worker = bench->workers[0], .state = from};
        list_init(&session.holding);
        session_enter(&session, to);
        _exit(session.state == to ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!WIFSIGNALED(status)) {
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    return WIFSIGNALED(status);
}

static void every_transition_is_allowed_or_refused_as_the_story_says(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, NULL);
    for (int from = 0; from < SESSION_STATE_COUNT; from++) {
        for (int to = 0; to < SESSION_STATE_COUNT; to++) {
            bool ends = to == SESSION_CLOSED || to == SESSION_FINISHING; // from anywhere
            bool is_allowed = ends || (may_follow[from] >> to & 1) != 0;
            if (is_refused(&bench, (enum session_state)from, (enum session_state)to) ==
                is_allowed) {
                fail_msg("from %s to %s is %s", session_state_word((enum session_state)from),
                         session_state_word((enum session_state)to),
                         is_allowed ? "refused" : "allowed");
            }
        }
    }
    bench_close(&bench);
}

static void whoever_stops_holding_leaves_the_list_of_those_who_wait(void **state)
{
    struct bench bench;
    struct list holding;
    (void)state;
    bench_open(&bench, NULL);
    struct session session = {.worker = bench.workers[0], .state = SESSION_IDLE};
    list_init(&holding);
    list_init(&session.holding);
    list_push_back(&holding, &session.holding);
    session_enter(&session, SESSION_HOLDING);
    assert_false(list_is_empty(&holding));
    session_enter(&session, SESSION_WAITING);
    assert_true(list_is_empty(&holding));
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_transition_is_allowed_or_refused_as_the_story_says),
        cmocka_unit_test(whoever_stops_holding_leaves_the_list_of_those_who_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
