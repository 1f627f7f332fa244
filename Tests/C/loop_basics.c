/*
 * Loops: create, run more than once, shut down, close; leftovers; deadlock; tasks that cannot end.
 *
 * Threads: one.
 */
#include "abi_calls.h"

#include <sys/wait.h>

static eddy_status_t worker(void *context) {
    ++*(int *)context;
    return EDDY_OK;
}

static eddy_loop_t create(void) {
    const eddy_loop_options_t options = virtual_options();
    eddy_loop_t loop = { 0 };
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    return loop;
}

/* ---- runs ---- */

static eddy_status_t value_of(void *context) { return eddy_return(context, count_release); }
static eddy_status_t fails(void *context) {
    (void)context;
    return eddy_fail(EDDY_EPERM, "no %d", 7);
}

static void run_and_run_again(void) {
    const eddy_loop_t loop = create();
    eddy_error_t error = { 0 };
    void *value = NULL;
    int released = 0;
    CHECK_STATUS(eddy_loop_run(loop, value_of, &released, &value), EDDY_OK);
    CHECK(value == &released);
    CHECK_INT(released, 0);
    CHECK_STATUS(eddy_loop_run(loop, value_of, &released, NULL), EDDY_OK);
    CHECK_INT(released, 1);
    CHECK_STATUS(eddy_loop_run(loop, fails, NULL, &value), EDDY_EPERM);
    CHECK_INT(released, 2);
    CHECK_STATUS(eddy_error_current(&error), EDDY_OK);
    CHECK_TEXT(eddy_error_message(error), "no 7");
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    CHECK_STATUS(eddy_loop_run(loop, value_of, &released, &value), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_INT(released, 3);
    CHECK_INT(reports.count, 0);
}

/* Other tasks keep their state between two runs. */
static eddy_status_t counts(void *context) {
    for (;;) {
        EDDY_TRY(eddy_sleep(EDDY_SECONDS(1)));
        ++*(int *)context;
    }
}

static eddy_status_t sleep_three(void *context) {
    (void)context;
    return eddy_sleep(EDDY_MILLISECONDS(3400));
}

static void state_between_runs(void) {
    const eddy_loop_t loop = create();
    int count = 0;
    CHECK_STATUS(eddy_task_spawn(counts, &count, NULL, NULL), EDDY_OK);
    CHECK_INT(count, 0);
    CHECK_STATUS(eddy_loop_run(loop, sleep_three, NULL, NULL), EDDY_OK);
    CHECK_INT(count, 3);
    CHECK_STATUS(eddy_loop_run(loop, sleep_three, NULL, NULL), EDDY_OK);
    CHECK_INT(count, 6);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_EBUSY);
    CHECK_STATUS(eddy_loop_shutdown(loop), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_INT(count, 6);
    CHECK_INT(reports.count, 0);
}

/* A run ends with its root task, on the system's clock too: what others wait for is not awaited. */
static eddy_status_t sleeps_an_hour(void *context) {
    (void)context;
    return eddy_sleep(EDDY_SECONDS(3600));
}

static void run_ends_with_its_root(void) {
    eddy_loop_options_t options = virtual_options();
    eddy_loop_t loop = { 0 };
    eddy_task_t task = { 0 };
    int ran = 0;
    options.flags = 0;
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(sleeps_an_hour, NULL, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_loop_run(loop, worker, &ran, NULL), EDDY_OK);
    CHECK_STATUS(eddy_loop_run(loop, worker, &ran, NULL), EDDY_OK);
    CHECK_INT(ran, 2);
    CHECK_STATUS(eddy_future_result(eddy_task_future(task), NULL), EDDY_EPENDING);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_STATUS(eddy_loop_shutdown(loop), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

static eddy_status_t run_inside(void *context) {
    const eddy_loop_t loop = *(eddy_loop_t *)context;
    eddy_loop_t current = { 0 };
    int ran = 0;
    CHECK_STATUS(eddy_loop_current(&current), EDDY_OK);
    CHECK_INT(current.id, loop.id);
    CHECK_STATUS(eddy_loop_run(loop, worker, &ran, NULL), EDDY_EBUSY);
    CHECK_STATUS(eddy_loop_shutdown(loop), EDDY_EBUSY);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_EBUSY);
    CHECK_INT(ran, 0);
    return EDDY_OK;
}

static void inside_itself(void) {
    eddy_loop_t loop = create(), current = { 0 };
    CHECK_STATUS(eddy_loop_current(&current), EDDY_OK);
    CHECK_INT(current.id, loop.id);
    CHECK_STATUS(eddy_loop_run(loop, run_inside, &loop, NULL), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_EBADHANDLE);
}

static void after_shutdown(void) {
    const eddy_loop_t loop = create();
    const eddy_spawn_options_t options = abi_spawn_options();
    int ran = 0;
    CHECK_STATUS(eddy_loop_shutdown(loop), EDDY_OK);
    CHECK_STATUS(eddy_loop_run(loop, worker, &ran, NULL), EDDY_ECLOSED);
    abi_released = 0;
    CHECK_STATUS(eddy_task_spawn(worker, &abi_released, &options, NULL), EDDY_ECLOSED);
    CHECK_INT(abi_released, 1);
    CHECK_STATUS(eddy_loop_shutdown(loop), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_INT(ran, 0);
}

static void close_with_live_tasks(void) {
    const eddy_loop_t loop = create();
    eddy_task_t task = { 0 };
    int ran = 0;
    CHECK_STATUS(eddy_task_spawn(worker, &ran, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_EBUSY);
    CHECK_STATUS(eddy_loop_run(loop, worker, &ran, NULL), EDDY_OK);
    CHECK_INT(ran, 2);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* ---- leftovers ---- */

static eddy_status_t cleans_up(void *context) {
    EDDY_TRY(eddy_sleep(EDDY_SECONDS(1)));
    trace("cleaned");
    return worker(context);
}

static eddy_status_t spawn_late(void *context) {
    const eddy_spawn_options_t options = abi_spawn_options();
    (void)context;
    abi_released = 0;
    CHECK_STATUS(eddy_task_spawn(worker, &abi_released, &options, NULL), EDDY_ECANCELED);
    CHECK_INT(abi_released, 1);
    return EDDY_OK;
}

static eddy_status_t leftover(void *context) {
    EDDY_TRY(eddy_defer(cleans_up, context));
    EDDY_TRY(eddy_defer(spawn_late, context));
    const eddy_status_t status = eddy_sleep(EDDY_FOREVER);
    trace("%s", eddy_status_name(status));
    return status;
}

static eddy_status_t leftover_fails(void *context) {
    (void)context;
    CHECK_STATUS(eddy_sleep(EDDY_FOREVER), EDDY_ECANCELED);
    return eddy_fail(EDDY_EINVAL, "while it was being stopped");
}

static eddy_status_t leave_two(void *context) {
    CHECK_STATUS(eddy_task_spawn(leftover, context, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(leftover_fails, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    trace("root");
    return eddy_fail(EDDY_EPERM, "the root's own");
}

static void leftovers(void) {
    int cleaned = 0;
    CHECK_STATUS(run_virtual(leave_two, &cleaned), EDDY_EPERM);
    CHECK_TRACE("root EDDY_ECANCELED cleaned");
    CHECK_INT(cleaned, 1);
    CHECK_INT(reports.count, 1);
    CHECK_STATUS(reports.status, EDDY_EINVAL);
    CHECK_CONTAINS(reports.text, "while it was being stopped");
}

/* ---- deadlock ---- */

static eddy_status_t waits_for_nothing(void *context) {
    eddy_future_t future = { 0 };
    EDDY_TRY(eddy_future_create(&future));
    const eddy_status_t status = eddy_future_wait(future, NULL);
    CHECK_STATUS(status, EDDY_ECANCELED);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    worker(context);
    return status;
}

static void deadlock(void) {
    int ended = 0;
    CHECK_STATUS(run_virtual(waits_for_nothing, &ended), EDDY_EDEADLK);
    CHECK_INT(ended, 1);
    CHECK_INT(reports.count, 1);
    CHECK_STATUS(reports.status, EDDY_EDEADLK);
    CHECK_STATUS(run_virtual(worker, &ended), EDDY_OK);
    CHECK_INT(ended, 2);
}

/* It is judged for all tasks together: one that can run keeps the loop alive. */
static eddy_status_t completes_late(void *context) {
    EDDY_TRY(eddy_sleep(EDDY_SECONDS(60)));
    return eddy_future_complete(*(eddy_future_t *)context, NULL, NULL);
}

static eddy_status_t waits_long(void *context) {
    eddy_future_t future = { 0 };
    (void)context;
    EDDY_TRY(eddy_future_create(&future));
    EDDY_TRY(eddy_task_spawn(completes_late, &future, NULL, NULL));
    EDDY_TRY(eddy_future_wait(future, NULL));
    return eddy_future_release(future);
}

static void no_deadlock(void) {
    CHECK_STATUS(run_virtual(waits_long, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

static eddy_status_t sleeps_forever(void *context) {
    (void)context;
    return eddy_sleep(EDDY_FOREVER);
}

static void forever_is_a_deadlock(void) {
    eddy_loop_options_t options = virtual_options();
    CHECK_STATUS(run_virtual(sleeps_forever, NULL), EDDY_EDEADLK);
    CHECK_INT(reports_with(EDDY_EDEADLK), 1);
    options.flags = EDDY_LOOP_NO_SIGNALS;
    CHECK_STATUS(eddy_run(&options, sleeps_forever, NULL), EDDY_EDEADLK);
    CHECK_INT(reports_with(EDDY_EDEADLK), 2);
}

/* Waiting for oneself is found before it is waited for. */
static eddy_status_t joins_itself(void *context) {
    eddy_task_t self = { 0 };
    (void)context;
    CHECK_STATUS(eddy_task_current(&self), EDDY_OK);
    CHECK_STATUS(eddy_task_join(self, NULL), EDDY_EDEADLK);
    CHECK_STATUS(eddy_future_wait(eddy_task_future(self), NULL), EDDY_EDEADLK);
    return EDDY_OK;
}

static void joining_oneself(void) {
    CHECK_STATUS(run_virtual(joins_itself, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* ---- tasks that cannot end ---- */

static int stuck_released;
static void stuck_release(void *instance) {
    (void)instance;
    stuck_released++;
}
static const eddy_foreign_ops_t stuck_ops = { (uint32_t)sizeof stuck_ops, 0, abi_start, NULL,
    stuck_release, NULL, NULL };

static eddy_status_t spawn_stuck(void *context) {
    eddy_foreign_options_t options = EDDY_FOREIGN_OPTIONS_INIT;
    options.name = "the-stuck-one";
    EDDY_TRY(eddy_foreign_spawn(&stuck_ops, NULL, &options, context));
    return eddy_yield();
}

static void shutdown_that_cannot_end(void) {
    const eddy_loop_t loop = create();
    eddy_task_t task = { 0 };
    stuck_released = 0;
    CHECK_STATUS(eddy_loop_run(loop, spawn_stuck, &task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_loop_shutdown(loop), EDDY_EGRACE);
    CHECK_INT(reports_with(EDDY_EGRACE), 1);
    CHECK_CONTAINS(reports.text, "the-stuck-one");
    CHECK_STATUS(eddy_loop_close(loop), EDDY_EBUSY);
    CHECK_INT(stuck_released, 0);
    CHECK_STATUS(eddy_foreign_complete(task, EDDY_ECANCELED, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_loop_shutdown(loop), EDDY_OK);
    CHECK_INT(stuck_released, 1);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
}

/* eddy_run abandons the memory, so this happens in a child process. */
static void run_that_cannot_end(void) {
    /* TSan starts a thread of its own in the child of a fork: a loop that is not alone in its
     * process waits, as it should, and cannot say that nothing will come. */
    if (strcmp(check_tool(), "tsan") == 0) {
        printf("  left out under tsan: it adds a thread to the child\n");
        return;
    }
    int status = 0;
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        check_failures = 0;
        CHECK_STATUS(run_virtual(spawn_stuck, NULL), EDDY_EGRACE);
        CHECK_INT(reports_with(EDDY_EGRACE), 1);
        CHECK_CONTAINS(reports.text, "the-stuck-one");
        check_end_child();
    }
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static const check_test_t tests[] = {
    { "RUN-17: run twice", run_and_run_again },
    { "RUN-17: tasks keep their state between runs", state_between_runs },
    { "RUN-17: a run ends with its root task", run_ends_with_its_root },
    { "RUN-18: a loop inside itself, closed twice", inside_itself },
    { "TSK-02: run and spawn after shutdown", after_shutdown },
    { "loop: closing with live tasks is refused", close_with_live_tasks },
    { "RUN-03, RUN-04, RUN-06: leftovers are cancelled and awaited", leftovers },
    { "loop: deadlock", deadlock },
    { "loop: no deadlock while a timer is armed", no_deadlock },
    { "EDDY_FOREVER never comes", forever_is_a_deadlock },
    { "TSK-07: joining oneself", joining_oneself },
    { "RUN-07: shutdown with a task that cannot end", shutdown_that_cannot_end },
    { "RUN-07: eddy_run with a task that cannot end", run_that_cannot_end },
};
CHECK_MAIN(tests)
