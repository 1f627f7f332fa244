/*
 * Running until a future is done, for ever, and stopping: eddy_loop_run_until,
 * eddy_loop_run_forever and eddy_loop_stop.
 *
 * Threads: one, and a second one where a test says so.
 */
#include "check_tasks.h"

#include <pthread.h>

static eddy_loop_t create(void) {
    const eddy_loop_options_t options = virtual_options();
    eddy_loop_t loop = { 0 };
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    return loop;
}

static void end(eddy_loop_t loop) {
    CHECK_STATUS(eddy_loop_shutdown(loop), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

static eddy_loop_t here(void) {
    eddy_loop_t loop = { 0 };
    CHECK_STATUS(eddy_loop_current(&loop), EDDY_OK);
    return loop;
}

static eddy_status_t says(void *context) {
    trace("%s", (const char *)context);
    return EDDY_OK;
}

static eddy_status_t stops(void *context) {
    trace("%s", (const char *)context);
    return eddy_loop_stop(here());
}

static eddy_status_t waits(void *context) {
    EDDY_TRY(eddy_sleep(MS(10)));
    return eddy_return(context, NULL);
}

static eddy_status_t fails(void *context) {
    (void)context;
    return eddy_fail(EDDY_EPERM, "no");
}

static eddy_status_t spins(void *context) {
    for (;;) {
        ++*(int *)context;
        EDDY_TRY(eddy_yield());
    }
}

/* ---- LOOP-12, LOOP-13: stop ---- */

static eddy_status_t stops_and_posts(void *context) {
    CHECK_STATUS(eddy_post(says, "queued-before", NULL), EDDY_OK);
    stops(context);
    return eddy_post(says, "queued-after", NULL);
}

/* The round that runs ends, callbacks and tasks alike; what it queued waits for the next run. */
static void stop_in_a_callback(void) {
    const eddy_loop_t loop = create();
    CHECK_STATUS(eddy_post(says, "first", NULL), EDDY_OK);
    CHECK_STATUS(eddy_post(stops_and_posts, "stop", NULL), EDDY_OK);
    CHECK_STATUS(eddy_post(says, "last", NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(says, "task", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_loop_run_forever(loop), EDDY_OK);
    CHECK_TRACE("first stop last task");
    CHECK_STATUS(eddy_post(stops, "again", NULL), EDDY_OK);
    CHECK_STATUS(eddy_loop_run_forever(loop), EDDY_OK);
    CHECK_TRACE("first stop last task queued-before queued-after again");
    end(loop);
}

/* The same from a task, which is resumed by its neighbour and not by the loop. */
static eddy_status_t step_and_stop(void *context) {
    trace("%s1", (const char *)context);
    EDDY_TRY(eddy_yield());
    stops(context);
    EDDY_TRY(eddy_yield());
    trace("%s2", (const char *)context);
    return EDDY_OK;
}

static eddy_status_t two_steps(void *context) {
    trace("%s1", (const char *)context);
    EDDY_TRY(eddy_yield());
    trace("%s2", (const char *)context);
    EDDY_TRY(eddy_yield());
    trace("%s3", (const char *)context);
    return EDDY_OK;
}

static void stop_in_a_task(void) {
    const eddy_loop_t loop = create();
    CHECK_STATUS(eddy_task_spawn(two_steps, "a", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(step_and_stop, "s", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(two_steps, "b", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_loop_run_forever(loop), EDDY_OK);
    CHECK_TRACE("a1 s1 b1 a2 s b2");
    CHECK_STATUS(eddy_loop_stop(loop), EDDY_OK);
    CHECK_STATUS(eddy_loop_run_forever(loop), EDDY_OK);
    CHECK_TRACE("a1 s1 b1 a2 s b2 a3 s2 b3");
    end(loop);
}

/* One round, and a poll that does not wait: what it finds runs in that round. */
static eddy_status_t waits_for_fd(void *context) {
    EDDY_TRY(eddy_fd_wait(*(int *)context, EDDY_READABLE, NULL));
    trace("readable");
    return EDDY_OK;
}

static void stop_before_a_run(void) {
    eddy_loop_options_t options = virtual_options();
    eddy_loop_t loop = { 0 };
    int pipes[2], spun = 0;
    CHECK_INT(pipe(pipes), 0);
    options.flags = 0;                  /* a real clock: no poll must wait for the hour */
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(waits_for_fd, &pipes[0], NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(spins, &spun, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_loop_stop(loop), EDDY_OK);
    CHECK_STATUS(eddy_loop_stop(loop), EDDY_OK);
    CHECK_STATUS(eddy_loop_run_forever(loop), EDDY_OK);
    CHECK_INT(spun, 1);
    CHECK_TRACE("");
    CHECK_INT(write(pipes[1], "x", 1), 1);
    CHECK_STATUS(eddy_loop_stop(loop), EDDY_OK);
    CHECK_STATUS(eddy_loop_run_forever(loop), EDDY_OK);
    CHECK_INT(spun, 2);
    CHECK_TRACE("readable");
    end(loop);
    CHECK_INT(close(pipes[0]) + close(pipes[1]), 0);
}

/* With nothing but a far deadline: the poll takes no time, and the virtual clock stands. */
static eddy_status_t sleeps_long(void *context) {
    trace("sleeps");
    const eddy_status_t status = eddy_sleep(LONG);
    trace("%s", eddy_status_name(status));
    return context ? EDDY_OK : status;
}

static void stop_before_a_wait(void) {
    const eddy_loop_t loop = create();
    int64_t now = -1;
    CHECK_STATUS(eddy_task_spawn(sleeps_long, NULL, NULL, NULL), EDDY_OK);
    for (int count = 0; count < 3; count++) {
        CHECK_STATUS(eddy_loop_stop(loop), EDDY_OK);
        CHECK_STATUS(eddy_loop_run_forever(loop), EDDY_OK);
    }
    CHECK_STATUS(eddy_now(&now), EDDY_OK);
    CHECK_INT(now, 0);
    CHECK_TRACE("sleeps");
    end(loop);
}

/* A run of a root is stopped too; the root is then a task like any other. */
static eddy_status_t root_that_stops(void *context) {
    stops(context);
    CHECK_STATUS(eddy_sleep(MS(5)), EDDY_OK);
    trace("root");
    return EDDY_EINVAL;
}

static void stopped_root(void) {
    const eddy_loop_t loop = create();
    void *value = &value;
    eddy_task_t task = { 0 };
    CHECK_STATUS(eddy_loop_run(loop, root_that_stops, "stop", &value), EDDY_ESTOPPED);
    CHECK(value == &value);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_EBUSY);
    CHECK_STATUS(eddy_task_spawn(waits, &value, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_loop_run_until(loop, eddy_task_future(task), NULL), EDDY_OK);
    CHECK_TRACE("stop root");
    CHECK_INT(reports.count, 1);
    CHECK_STATUS(reports.status, EDDY_EINVAL);
    CHECK_CONTAINS(reports.text, "never looked at");
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    reports_clear();
    end(loop);
}

/* A stop before a run: the root takes its first step, and if that ends it, it has ended. */
static void stop_before_a_root(void) {
    const eddy_loop_t loop = create();
    CHECK_STATUS(eddy_loop_stop(loop), EDDY_OK);
    CHECK_STATUS(eddy_loop_run(loop, says, "ended", NULL), EDDY_OK);
    CHECK_STATUS(eddy_loop_stop(loop), EDDY_OK);
    CHECK_STATUS(eddy_loop_run(loop, sleeps_long, "", NULL), EDDY_ESTOPPED);
    CHECK_TRACE("ended sleeps");
    CHECK_STATUS(eddy_loop_run(loop, says, "next", NULL), EDDY_OK);
    CHECK_TRACE("ended sleeps next");
    end(loop);
    CHECK_TRACE("ended sleeps next EDDY_ECANCELED");
}

static eddy_status_t main_that_stops(void *context) {
    stops(context);
    const eddy_status_t status = eddy_sleep(LONG);
    trace("%s", eddy_status_name(status));
    return status;
}

static void stopped_program(void) {
    CHECK_STATUS(run_virtual(main_that_stops, "stop"), EDDY_ESTOPPED);
    CHECK_TRACE("stop EDDY_ECANCELED");
    CHECK_INT(reports.count, 0);
}

/* ---- LOOP-17 to LOOP-19: until a future is done ---- */

static void until_done(void) {
    const eddy_loop_t loop = create();
    eddy_task_t task = { 0 };
    void *value = NULL;
    int mine = 0;
    CHECK_STATUS(eddy_task_spawn(waits, &mine, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_loop_run_until(loop, eddy_task_future(task), &value), EDDY_OK);
    CHECK(value == &mine);
    CHECK_STATUS(eddy_loop_run_until(loop, eddy_task_future(task), NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(fails, NULL, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_loop_run_until(loop, eddy_task_future(task), &value), EDDY_EPERM);
    CHECK_TEXT(current_error(), "EDDY_EPERM");
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(waits, NULL, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(task, "no more"), EDDY_OK);
    CHECK_STATUS(eddy_loop_run_until(loop, eddy_task_future(task), NULL), EDDY_ETARGETCANCELED);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK(value == &mine);
    end(loop);
}

static eddy_status_t completes(void *context) {
    return eddy_future_complete(*(eddy_future_t *)context, context, NULL);
}

static void until_stopped(void) {
    const eddy_loop_t loop = create();
    eddy_future_t future = { 0 };
    void *value = NULL;
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_post(stops, "stop", NULL), EDDY_OK);
    CHECK_STATUS(eddy_loop_run_until(loop, future, &value), EDDY_ESTOPPED);
    CHECK_STATUS(eddy_future_result(future, NULL), EDDY_EPENDING);
    CHECK_STATUS(eddy_post(completes, &future, NULL), EDDY_OK);
    CHECK_STATUS(eddy_loop_run_until(loop, future, &value), EDDY_OK);
    CHECK(value == &future);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    end(loop);
}

/* Done in the round of the stop: that counts. */
static eddy_status_t stops_and_completes(void *context) {
    CHECK_STATUS(eddy_loop_stop(here()), EDDY_OK);
    return completes(context);
}

static void done_while_stopping(void) {
    const eddy_loop_t loop = create();
    eddy_future_t future = { 0 };
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_post(stops_and_completes, &future, NULL), EDDY_OK);
    CHECK_STATUS(eddy_loop_run_until(loop, future, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    end(loop);
}

/* What an earlier run waited for ends a later one neither when it is done nor when it is gone. */
static void later_runs_are_their_own(void) {
    const eddy_loop_t loop = create();
    eddy_future_t old = { 0 };
    eddy_task_t task = { 0 };
    CHECK_STATUS(eddy_future_create(&old), EDDY_OK);
    CHECK_STATUS(eddy_loop_stop(loop), EDDY_OK);
    CHECK_STATUS(eddy_loop_run_until(loop, old, NULL), EDDY_ESTOPPED);
    CHECK_STATUS(eddy_post(completes, &old, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(waits, NULL, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_loop_run_until(loop, eddy_task_future(task), NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_result(old, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_STATUS(eddy_future_release(old), EDDY_OK);
    CHECK_STATUS(eddy_loop_run_until(loop, old, NULL), EDDY_EBADHANDLE);
    end(loop);
}

/* Nothing can complete it: that is said, and nothing is cancelled. */
static eddy_status_t waits_for(void *context) {
    return eddy_future_wait(*(eddy_future_t *)context, NULL);
}

static void until_nothing_can_run(void) {
    if (check_tool_is("tsan")) return;      /* it has a thread of its own */
    const eddy_loop_t loop = create();
    eddy_future_t future = { 0 };
    eddy_task_t task = { 0 };
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(waits_for, &future, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_loop_run_until(loop, eddy_task_future(task), NULL), EDDY_EDEADLK);
    CHECK_STATUS(eddy_loop_run_until(loop, future, NULL), EDDY_EDEADLK);
    CHECK_STATUS(eddy_loop_run_forever(loop), EDDY_EDEADLK);
    CHECK_STATUS(eddy_future_complete(future, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_loop_run_until(loop, eddy_task_future(task), NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    end(loop);
}

/* Another loop's future, and no future at all. */
static void *makes_a_loop(void *context) {
    const eddy_loop_options_t options = virtual_options();
    eddy_loop_t own = { 0 };
    CHECK_STATUS(eddy_loop_create(&options, &own), EDDY_OK);
    CHECK_STATUS(eddy_loop_run_until(own, *(eddy_future_t *)context, NULL), EDDY_EWRONGTHREAD);
    CHECK_STATUS(eddy_loop_run_until(own, (eddy_future_t){ own.id }, NULL), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_loop_run_until(own, (eddy_future_t){ 0 }, NULL), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_loop_close(own), EDDY_OK);
    return NULL;
}

static void futures_of_others(void) {
    const eddy_loop_t loop = create();
    eddy_future_t future = { 0 };
    pthread_t thread;
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_INT(pthread_create(&thread, NULL, makes_a_loop, &future), 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    end(loop);
}

static const check_test_t tests[] = {
    { "LOOP-17: until nothing can run: EDEADLK, and it can be run again", until_nothing_can_run },
    { "LOOP-12: stop in a callback: the round ends, what it queued waits", stop_in_a_callback },
    { "LOOP-12: stop in a task", stop_in_a_task },
    { "LOOP-12: a root that is stopped goes on as a task", stopped_root },
    { "LOOP-12: eddy_run that is stopped cancels what is left", stopped_program },
    { "LOOP-13: stop before a run: one round, with a poll", stop_before_a_run },
    { "LOOP-10, LOOP-13: stop before a run: the poll does not wait", stop_before_a_wait },
    { "LOOP-13: stop before the run of a root", stop_before_a_root },
    { "LOOP-17: until a task is done: its value, its failure, its cancellation", until_done },
    { "LOOP-17: stopped early: ESTOPPED, the future can be run for again", until_stopped },
    { "LOOP-17: done in the round of the stop", done_while_stopping },
    { "LOOP-18: a later run is not ended by an earlier one's future", later_runs_are_their_own },
    { "LOOP-19: another loop's future, and none", futures_of_others },
};
CHECK_MAIN(tests)
