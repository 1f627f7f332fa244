/*
 * Signals that end the process, and the exit status of eddy_main.
 *
 * Each happens in a child of fork, which makes its own loop; the parent reads how it ended.
 * Threads: one.
 */
#include "check_tasks.h"

#include <sys/wait.h>

#define EIO_STATUS ((eddy_status_t)-5)

/* Whoever runs the tests may ignore them, which a program inherits. */
__attribute__((constructor)) static void begin_with_defaults(void) {
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
}

static int is_default(int number) {
    struct sigaction now;
    CHECK_INT(sigaction(number, NULL, &now), 0);
    return now.sa_handler == SIG_DFL;
}

static eddy_status_t sends(void *context) {
    CHECK_INT(raise(*(int *)context), 0);
    return EDDY_OK;
}

/* The child's wait status; Valgrind and the sanitizers leave it alone. */
static int ended(void (*fn)(void)) {
    int status = 0;
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        alarm(60);
        fn();
        fflush(stdout);
        _exit(99);
    }
    CHECK_INT(waitpid(child, &status, 0), child);
    return status;
}

static void check_killed(int status, int number) {
    CHECK(WIFSIGNALED(status));
    CHECK_INT(WIFSIGNALED(status) ? WTERMSIG(status) : 1000 + WEXITSTATUS(status), number);
}

static eddy_status_t ignores_one(void *context) {
    const int *numbers = context;
    CHECK_INT(raise(numbers[0]), 0);
    CHECK_STATUS(eddy_sleep(LONG), EDDY_ECANCELED);
    for (;;) CHECK_INT(raise(numbers[1]), 0);       /* it blocks the thread */
    return EDDY_OK;
}

static int second[2];
static void second_one(void) { (void)run_virtual(ignores_one, second); }

static void second_is_immediate(void) {
    for (int turn = 0; turn < 4; turn++) {
        second[0] = turn & 1 ? SIGTERM : SIGINT;
        second[1] = turn & 2 ? SIGTERM : SIGINT;
        check_killed(ended(second_one), second[1]);
    }
}

/* The first one, when no root is there to be cancelled any more. */
static eddy_status_t sends_late(void *context) {
    (void)context;
    (void)eddy_sleep(LONG);
    CHECK_INT(raise(SIGINT), 0);
    return EDDY_OK;
}

static eddy_status_t leaves_a_sender(void *context) {
    EDDY_TRY(eddy_task_spawn(sends_late, context, NULL, NULL));
    return eddy_yield();
}

static void during_shutdown(void) { (void)run_virtual(leaves_a_sender, NULL); }

static eddy_status_t posts_a_sender(void *context) { return eddy_post(sends, context, NULL); }

static void in_the_roots_last_turn(void) {
    int number = SIGTERM;
    (void)run_virtual(posts_a_sender, &number);
}

static void root_is_done(void) {
    check_killed(ended(during_shutdown), SIGINT);
    check_killed(ended(in_the_roots_last_turn), SIGTERM);
}

/* A child of fork has the default back, and its own loop its own watch. */
static eddy_status_t raises_in_a_child(void *context) {
    int status = 0;
    const pid_t child = fork();
    (void)context;
    if (child == 0) {
        CHECK(is_default(SIGINT) && is_default(SIGTERM));
        raise(SIGINT);
        _exit(98);
    }
    CHECK_INT(waitpid(child, &status, 0), child);
    check_killed(status, SIGINT);
    CHECK(!is_default(SIGINT));
    return eddy_sleep(MS(1));
}

static void forked(void) {
    CHECK_STATUS(run_virtual(raises_in_a_child, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

static int main_number;
static eddy_status_t main_body(void *context) {
    int *number = context;
    if (*number == 0) return EDDY_OK;
    if (*number < 0) return eddy_fail(EIO_STATUS, "a failure of main");
    CHECK_INT(raise(*number), 0);
    return eddy_sleep(EDDY_SECONDS(3600));
}

static void main_program(void) {
    const int quiet = freopen("/dev/null", "w", stderr) == NULL;
    _exit(quiet ? 97 : eddy_main(main_body, &main_number));
}

static void exit_codes(void) {
    static const int numbers[] = { 0, -1, SIGINT, SIGTERM };
    static const int codes[] = { 0, 1, 130, 143 };
    for (int index = 0; index < 4; index++) {
        main_number = numbers[index];
        const int status = ended(main_program);
        CHECK(WIFEXITED(status));
        CHECK_INT(WIFEXITED(status) ? WEXITSTATUS(status) : -1, codes[index]);
    }
}

static const check_test_t tests[] = {
    { "RUN-13: the second one is immediate", second_is_immediate },
    { "RUN-13: the first one is, when the root has ended", root_is_done },
    { "RUN-11: the exit codes of eddy_main", exit_codes },
    { "RUN-16, LOOP-30: the default in the child of a fork", forked },
};
CHECK_MAIN(tests)
