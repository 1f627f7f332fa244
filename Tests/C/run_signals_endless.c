/*
 * A program that has nothing to do until SIGINT or SIGTERM: it sleeps without end.
 *
 * On the real clock, and with nobody there to send the signal but the system's own timer. When that
 * comes, before the sleep or in it, decides nothing.
 * Threads: one.
 */
#include "check_tasks.h"

#include <time.h>

/* Whoever runs the tests may ignore them, which a program inherits. */
__attribute__((constructor)) static void begin_with_defaults(void) {
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
}

static eddy_loop_options_t real_clock(void) {
    eddy_loop_options_t options = virtual_options();
    options.flags = 0;
    return options;
}

static void say_reason(void) {
    const eddy_reason_t reason = info_of(self()).reason;
    trace("%d:%s", (int)reason.code, reason.message);
}

static timer_t start_timer(int number) {
    const struct itimerspec soon = { .it_value = { .tv_nsec = MS(1) } };
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = number };
    timer_t timer = NULL;
    CHECK_INT(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    CHECK_INT(timer_settime(timer, 0, &soon, NULL), 0);
    return timer;
}

static eddy_status_t sleeps_without_end(void *context) {
    const timer_t timer = start_timer(*(int *)context);
    const eddy_status_t status = eddy_sleep(EDDY_FOREVER);
    CHECK_INT(timer_delete(timer), 0);
    say_reason();
    return status;
}

static eddy_status_t waits_for_endless_sleep(void *context) {
    const timer_t timer = start_timer(*(int *)context);
    eddy_future_t future;
    EDDY_TRY(eddy_sleep_start(EDDY_FOREVER, &future));
    const eddy_status_t status = eddy_future_wait(future, NULL);
    CHECK_INT(timer_delete(timer), 0);
    say_reason();
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    return status;
}

static void waited_for(void) {
    const eddy_loop_options_t options = real_clock();
    int number = SIGINT;
    CHECK_STATUS(eddy_run(&options, sleeps_without_end, &number), EDDY_EINTERRUPT);
    number = SIGTERM;
    CHECK_STATUS(eddy_run(&options, waits_for_endless_sleep, &number), EDDY_EINTERRUPT);
    CHECK_TRACE("7:SIGINT asked the program to end 8:SIGTERM asked the program to end");
    CHECK_INT(reports.count, 0);
}

/* Nor where the program has put handlers of its own in the place of both. */
static void program_handler(int number) { (void)number; }

static eddy_status_t replaces(void *context) {
    (void)context;
    signal(SIGTERM, program_handler);
    signal(SIGINT, program_handler);
    return eddy_sleep(EDDY_FOREVER);
}

static void replaced(void) {
    const eddy_loop_options_t options = real_clock();
    if (check_tool_is("tsan")) return;     /* it has a thread of its own, which might help */
    CHECK_STATUS(eddy_run(&options, replaces, NULL), EDDY_EDEADLK);
    CHECK_INT(reports_with(EDDY_EDEADLK), 1);
    begin_with_defaults();
}

/* Once no sleep without end is left, there is nothing to wait for. */
static eddy_status_t sleeps_forever(void *context) {
    (void)context;
    return eddy_sleep(EDDY_FOREVER);
}

static eddy_status_t ends_its_sleeps(void *context) {
    eddy_task_t task;
    eddy_future_t future;
    (void)context;
    EDDY_TRY(eddy_task_spawn(sleeps_forever, NULL, NULL, &task));
    EDDY_TRY(eddy_yield());
    EDDY_TRY(eddy_task_cancel(task, NULL));
    CHECK_STATUS(eddy_future_wait(eddy_task_future(task), NULL), EDDY_ETARGETCANCELED);
    EDDY_TRY(eddy_task_release(task));
    EDDY_TRY(eddy_sleep_start(EDDY_FOREVER, &future));
    EDDY_TRY(eddy_future_release(future));
    EDDY_TRY(eddy_sleep_start(EDDY_FOREVER, &future));
    EDDY_TRY(eddy_future_cancel(future, NULL));
    EDDY_TRY(eddy_future_release(future));
    EDDY_TRY(eddy_future_create(&future));
    const eddy_status_t status = eddy_future_wait(future, NULL);
    EDDY_TRY(eddy_future_release(future));
    return status;
}

static void no_longer_waited_for(void) {
    const eddy_loop_options_t options = real_clock();
    if (check_tool_is("tsan")) return;     /* it has a thread of its own, which might help */
    CHECK_STATUS(eddy_run(&options, ends_its_sleeps, NULL), EDDY_EDEADLK);
    CHECK_INT(reports_with(EDDY_EDEADLK), 1);
}

static const check_test_t tests[] = {
    { "RUN-10: a sleep without end waits for the signal", waited_for },
    { "RUN-16: handlers of the program's in both places: a deadlock", replaced },
    { "RUN-10: no sleep without end is left: a deadlock", no_longer_waited_for },
};
CHECK_MAIN(tests)
