/*
 * SIGINT and SIGTERM while a loop runs a root task.
 *
 * Signals are raised at a known point: by a task or callback of the loop, or by another thread
 * that the loop waits for. What ends the process is in run_signals_end.c.
 * Threads: one, and one more where a test says so.
 */
#include "check_tasks.h"

#include <pthread.h>

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

static void say_reason(const char *who) {
    const eddy_reason_t reason = info_of(self()).reason;
    trace("%s:%d:%s", who, (int)reason.code, reason.message);
}

static eddy_status_t sends(void *context) {
    CHECK_INT(raise(*(int *)context), 0);
    return EDDY_OK;
}

/* ---- RUN-10, RUN-11: the first one cancels the root, and wakes the loop ---- */

static eddy_status_t waits_for_signal(void *context) {
    EDDY_TRY(eddy_post(sends, context, NULL));
    const eddy_status_t status = eddy_sleep(LONG);
    trace("%s", eddy_status_name(status));
    say_reason("root");
    CHECK_INT(cancel_requests(), 1);
    return status;
}

static void first_cancels(int number, const char *expected) {
    CHECK(is_default(number));
    CHECK_STATUS(run_virtual(waits_for_signal, &number), EDDY_EINTERRUPT);
    CHECK_TRACE(expected);
    CHECK(is_default(SIGINT) && is_default(SIGTERM));
    CHECK_INT(reports.count, 0);
}

static void interrupted(void) {
    first_cancels(SIGINT, "EDDY_ECANCELED root:7:SIGINT asked the program to end");
    first_cancels(SIGTERM, "EDDY_ECANCELED root:8:SIGTERM asked the program to end");
}

/* Blocked in its poll, on the real clock: with a deadline, with a descriptor, with the door. */
typedef struct blocked {
    int kind;
    int pipes[2];
    pthread_t thread;
    pthread_t target;
    int ready;                   /* atomic */
} blocked_t;

static void *sends_when_ready(void *context) {
    blocked_t *blocked = context;
    while (!__atomic_load_n(&blocked->ready, __ATOMIC_ACQUIRE)) usleep(100);
    CHECK_INT(kill(getpid(), SIGINT), 0);
    return NULL;
}

static eddy_status_t blocks(void *context) {
    blocked_t *blocked = context;
    eddy_future_t future = { 0 };
    eddy_status_t status = EDDY_OK;
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_INT(pthread_create(&blocked->thread, NULL, sends_when_ready, blocked), 0);
    __atomic_store_n(&blocked->ready, 1, __ATOMIC_RELEASE);
    if (blocked->kind == 0) status = eddy_sleep(LONG);
    if (blocked->kind == 1) status = eddy_fd_wait(blocked->pipes[0], EDDY_READABLE, NULL);
    if (blocked->kind == 2) status = eddy_future_wait(future, NULL);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    CHECK_INT(pthread_join(blocked->thread, NULL), 0);
    return status;
}

static void woken_from_poll(void) {
    eddy_loop_options_t options = virtual_options();
    options.flags = 0;
    for (int kind = 0; kind < 3; kind++) {
        blocked_t blocked = { kind, { 0, 0 }, 0, pthread_self(), 0 };
        CHECK_INT(pipe(blocked.pipes), 0);
        CHECK_STATUS(eddy_run(&options, blocks, &blocked), EDDY_EINTERRUPT);
        CHECK_INT(close(blocked.pipes[0]) + close(blocked.pipes[1]), 0);
    }
    CHECK_INT(reports.count, 0);
}

/* The handler may run on any thread: here on one that is not the loop's. */
static void *sends_to_itself(void *context) {
    blocked_t *blocked = context;
    while (!__atomic_load_n(&blocked->ready, __ATOMIC_ACQUIRE)) usleep(100);
    CHECK_INT(pthread_kill(pthread_self(), SIGINT), 0);
    return NULL;
}

static eddy_status_t blocks_far(void *context) {
    blocked_t *blocked = context;
    CHECK_INT(pthread_create(&blocked->thread, NULL, sends_to_itself, blocked), 0);
    __atomic_store_n(&blocked->ready, 1, __ATOMIC_RELEASE);
    const eddy_status_t status = eddy_sleep(LONG);
    CHECK_INT(pthread_join(blocked->thread, NULL), 0);
    return status;
}

static void handled_on_another_thread(void) {
    eddy_loop_options_t options = virtual_options();
    blocked_t blocked = { 0 };
    options.flags = 0;
    CHECK_STATUS(eddy_run(&options, blocks_far, &blocked), EDDY_EINTERRUPT);
    CHECK_INT(reports.count, 0);
}

/* The tree below the root is cleaned first; what is below the loop's scope is not cancelled by the
 * signal, but by the end of the root. */
static eddy_status_t child(void *context) {
    const eddy_status_t status = eddy_sleep(LONG);
    say_reason(context);
    return status;
}

static eddy_status_t has_a_tree(void *context) {
    eddy_scope_t group = { 0 };
    EDDY_TRY(eddy_task_spawn(child, "beside", NULL, NULL));
    EDDY_TRY(eddy_group_open(&group, NULL));
    EDDY_TRY_IN(group, eddy_group_spawn(group, child, "inside", NULL, NULL));
    EDDY_TRY_IN(group, eddy_yield());
    EDDY_TRY_IN(group, eddy_post(sends, context, NULL));
    const eddy_status_t status = eddy_scope_close(group, EDDY_OK);
    trace("%s", eddy_status_name(status));
    return status;
}

static void tree_first(void) {
    int number = SIGINT;
    CHECK_STATUS(run_virtual(has_a_tree, &number), EDDY_EINTERRUPT);
    CHECK_TRACE("inside:7:SIGINT asked the program to end EDDY_ECANCELED "
                "beside:5:the loop is shutting down");
    CHECK_INT(reports.count, 0);
}

/* What a run says of it. */
static void error_of_an_interrupt(void) {
    const eddy_loop_options_t options = virtual_options();
    eddy_loop_t loop = { 0 };
    eddy_error_t error = { 0 };
    int number = SIGTERM;
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    CHECK_STATUS(eddy_loop_run(loop, waits_for_signal, &number, NULL), EDDY_EINTERRUPT);
    CHECK_TEXT(current_error(), "EDDY_EINTERRUPT");
    CHECK_STATUS(eddy_error_current(&error), EDDY_OK);
    CHECK_TEXT(eddy_error_message(error), "SIGTERM asked the program to end");
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    /* The next run is a new one, and so are its signals. */
    CHECK_STATUS(eddy_loop_run(loop, waits_for_signal, &number, NULL), EDDY_EINTERRUPT);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* ---- RUN-12, RUN-14, RUN-15: how the root takes it ---- */

static eddy_status_t swallows(void *context) {
    CHECK_STATUS(waits_for_signal(context), EDDY_ECANCELED);
    return eddy_return(context, NULL);
}

static eddy_status_t fails_then(void *context) {
    CHECK_STATUS(waits_for_signal(context), EDDY_ECANCELED);
    return eddy_fail(EIO_STATUS, "something else");
}

static void swallowed(void) {
    const eddy_loop_options_t options = virtual_options();
    eddy_loop_t loop = { 0 };
    int number = SIGINT;
    void *value = NULL;
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    CHECK_STATUS(eddy_loop_run(loop, swallows, &number, &value), EDDY_OK);
    CHECK(value == &number);
    CHECK_STATUS(eddy_loop_run(loop, fails_then, &number, NULL), EIO_STATUS);
    CHECK_TEXT(current_error(), "EIO");
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
}

static eddy_status_t cancels_itself_first(void *context) {
    CHECK_STATUS(eddy_task_cancel(self(), "enough"), EDDY_OK);
    sends(context);
    CHECK_STATUS(eddy_sleep(LONG), EDDY_ECANCELED);
    return eddy_sleep(LONG);
}

static eddy_status_t cancelled_then_itself(void *context) {
    const eddy_status_t status = waits_for_signal(context);
    CHECK_STATUS(eddy_task_cancel(self(), "enough"), EDDY_OK);
    CHECK_INT(cancel_requests(), 2);
    return status;
}

static void first_reason_counts(void) {
    int number = SIGINT;
    CHECK_STATUS(run_virtual(cancels_itself_first, &number), EDDY_ECANCELED);
    CHECK_STATUS(run_virtual(cancelled_then_itself, &number), EDDY_EINTERRUPT);
}

/* A root that only yields is never polled for longer than a turn. */
static eddy_status_t never_blocks(void *context) {
    eddy_status_t status = EDDY_OK;
    sends(context);
    for (int count = 0; count < 100000 && status == EDDY_OK; count++) status = eddy_yield();
    return status;
}

static void never_blocking(void) {
    int number = SIGINT;
    CHECK_STATUS(run_virtual(never_blocks, &number), EDDY_EINTERRUPT);
    CHECK_INT(reports.count, 0);
}

/* A root that waits for nothing else: no deadlock is said of it, if the signal came before. */
static eddy_status_t waits_for_nothing_else(void *context) {
    sends(context);
    return eddy_sleep(EDDY_FOREVER);
}

static void no_deadlock(void) {
    int number = SIGINT;
    CHECK_STATUS(run_virtual(waits_for_nothing_else, &number), EDDY_EINTERRUPT);
    CHECK_INT(reports.count, 0);
}

/* ---- RUN-16: where nothing is installed, and what is put back ---- */

static void user_handler(int number) { trace("user:%d", number); }

static eddy_status_t sends_and_waits(void *context) {
    sends(context);
    return eddy_sleep(MS(1));
}

static void user_handlers_stay(void) {
    struct sigaction now;
    int number = SIGINT;
    char expected[16];
    signal(SIGINT, user_handler);
    CHECK_STATUS(run_virtual(sends_and_waits, &number), EDDY_OK);
    snprintf(expected, sizeof expected, "user:%d", SIGINT);
    CHECK_TRACE(expected);
    CHECK_INT(sigaction(SIGINT, NULL, &now), 0);
    CHECK(now.sa_handler == user_handler);
    signal(SIGINT, SIG_IGN);
    CHECK_STATUS(run_virtual(sends_and_waits, &number), EDDY_OK);
    CHECK_INT(sigaction(SIGINT, NULL, &now), 0);
    CHECK(now.sa_handler == SIG_IGN);
    /* The other one is Eddy's all the same. */
    number = SIGTERM;
    CHECK_STATUS(run_virtual(waits_for_signal, &number), EDDY_EINTERRUPT);
    signal(SIGINT, SIG_DFL);
}

/* One that the root installs is not put away at the end. */
static eddy_status_t installs(void *context) {
    (void)context;
    signal(SIGINT, user_handler);
    return EDDY_OK;
}

static void installed_meanwhile(void) {
    struct sigaction now;
    CHECK_STATUS(run_virtual(installs, NULL), EDDY_OK);
    CHECK_INT(sigaction(SIGINT, NULL, &now), 0);
    CHECK(now.sa_handler == user_handler);
    signal(SIGINT, SIG_DFL);
}

static eddy_status_t sees(void *context) {
    trace("%d%d", is_default(SIGINT), is_default(SIGTERM));
    (void)context;
    return EDDY_OK;
}

static void *runs_there(void *context) {
    CHECK_STATUS(run_virtual(sees, context), EDDY_OK);
    return NULL;
}

static eddy_status_t stops(void *context) {
    sees(context);
    return eddy_loop_stop(*(eddy_loop_t *)context);
}

static void not_installed(void) {
    eddy_loop_options_t options = virtual_options();
    eddy_loop_t loop = { 0 };
    pthread_t thread;
    CHECK_STATUS(run_virtual(sees, NULL), EDDY_OK);
    CHECK_TRACE("00");
    CHECK_INT(pthread_create(&thread, NULL, runs_there, NULL), 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK_TRACE("11");
    trace_clear();
    options.flags |= EDDY_LOOP_NO_SIGNALS;
    CHECK_STATUS(eddy_run(&options, sees, NULL), EDDY_OK);
    options.flags &= ~EDDY_LOOP_NO_SIGNALS;
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    CHECK_STATUS(eddy_post(stops, &loop, NULL), EDDY_OK);
    CHECK_STATUS(eddy_loop_run_forever(loop), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_TRACE("11 11");
    eddy_test_finding_t finding = EDDY_TEST_FINDING_INIT;
    eddy_test_options_t test = EDDY_TEST_OPTIONS_INIT;
    test.max_runs = 1;
    CHECK_STATUS(eddy_test_cancel_everywhere(sees, NULL, &test, &finding), EDDY_OK);
    CHECK_TRACE("11 11 11");
}

static const check_test_t tests[] = {
    { "RUN-10, RUN-11: the first one cancels the root with a reason", interrupted },
    { "RUN-11: the root's tree is cleaned first", tree_first },
    { "RUN-11: the error of an interrupt; the next run", error_of_an_interrupt },
    { "RUN-12: swallowed: the value, or the other error", swallowed },
    { "RUN-14: the first reason counts", first_reason_counts },
    { "RUN-15: a root that never blocks", never_blocking },
    { "RUN-10: no deadlock when the signal has come", no_deadlock },
    { "RUN-16: a user's handler stays", user_handlers_stay },
    { "RUN-16: one that the root installs stays", installed_meanwhile },
    { "RUN-16: neither off the main thread, nor with NO_SIGNALS", not_installed },
    { "RUN-10: woken from its poll", woken_from_poll },
    { "RUN-10: the handler on another thread", handled_on_another_thread },
};
CHECK_MAIN(tests)
