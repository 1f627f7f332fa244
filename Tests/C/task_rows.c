/*
 * task_rows.c: proves the rows of tasks (TSK) about starting, ending, sleeping, yielding, and
 * what never yields.
 *
 * Invariants: every test runs on a virtual clock and expects no report.
 * Threads: one.
 */
#include "check.h"

#include <errno.h>

#define MS(x) EDDY_MILLISECONDS(x)
#define LONG EDDY_SECONDS(3600)

#define IN_TASK(name)                                                                             \
    static eddy_status_t name##_body(void *context);                                              \
    static void name(void) {                                                                      \
        CHECK_STATUS(run_virtual(name##_body, NULL), EDDY_OK);                                    \
        CHECK_INT(reports.count, 0);                                                              \
    }                                                                                             \
    static eddy_status_t name##_body(void *context)

static int64_t now_ms(void) {
    int64_t now = -1;
    CHECK_STATUS(eddy_now(&now), EDDY_OK);
    return now / 1000000;
}

static char words[4][2] = { "a", "b", "c", "d" };

static eddy_status_t note(void *word) {
    trace("%s", (const char *)word);
    return EDDY_OK;
}

static eddy_status_t note_twice(void *word) {
    trace("%s1", (const char *)word);
    EDDY_TRY(eddy_yield());
    trace("%s2", (const char *)word);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Starting and yielding
 */
IN_TASK(start_in_creation_order) {
    (void)context;
    for (int index = 0; index < 4; index++)
        CHECK_STATUS(eddy_task_spawn(note, words[index], NULL, NULL), EDDY_OK);
    trace("creator");
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_TRACE("creator a b c d");
    return EDDY_OK;
}

/* A task spawned during a round takes its first step after those that are ready. */
static eddy_status_t spawn_d(void *context) {
    (void)context;
    trace("a");
    return eddy_task_spawn(note, words[3], NULL, NULL);
}

IN_TASK(first_step_behind_the_ready) {
    (void)context;
    CHECK_STATUS(eddy_task_spawn(spawn_d, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(note_twice, words[1], NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(note, words[2], NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_TRACE("a b1 c d b2");
    return EDDY_OK;
}

IN_TASK(yield_lets_the_ready_run) {
    static const int64_t durations[] = { 0, -1, INT64_MIN };
    (void)context;
    CHECK_STATUS(eddy_task_spawn(note_twice, words[0], NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(note_twice, words[1], NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    trace("x");
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_TRACE("a1 b1 x a2 b2");
    for (int index = 0; index < 3; index++) {
        trace_clear();
        CHECK_STATUS(eddy_task_spawn(note_twice, words[0], NULL, NULL), EDDY_OK);
        CHECK_STATUS(eddy_sleep(durations[index]), EDDY_OK);
        CHECK_TRACE("a1");
        CHECK_STATUS(eddy_sleep(durations[index]), EDDY_OK);
        CHECK_TRACE("a1 a2");
    }
    CHECK_INT(now_ms(), 0);
    return EDDY_OK;
}

typedef struct sleeper {
    int64_t ns;
    const char *name;
} sleeper_t;

static eddy_status_t sleep_and_note(void *context) {
    const sleeper_t *sleeper = context;
    EDDY_TRY(eddy_sleep(sleeper->ns));
    trace("%s", sleeper->name);
    return EDDY_OK;
}

IN_TASK(sleepers_wake_in_order) {
    static sleeper_t sleepers[] = {
        { 30, "30" }, { 10, "10a" }, { 20, "20" }, { 10, "10b" }, { 9, "9" }, { 10, "10c" },
    };
    int64_t now;
    (void)context;
    for (size_t index = 0; index < sizeof sleepers / sizeof sleepers[0]; index++)
        CHECK_STATUS(eddy_task_spawn(sleep_and_note, &sleepers[index], NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(40), EDDY_OK);
    CHECK_STATUS(eddy_now(&now), EDDY_OK);
    CHECK(now >= 40);
    CHECK_TRACE("9 10a 10b 10c 20 30");
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Cancelled before the first step
 */
static int ran, released;

static eddy_status_t never_run(void *context) {
    (void)context;
    ran++;
    return EDDY_OK;
}

static void count_context(void *context) { ++*(int *)context; }

IN_TASK(cancelled_before_the_first_step) {
    eddy_spawn_options_t options = EDDY_SPAWN_OPTIONS_INIT;
    eddy_task_info_t info = { .size = sizeof info };
    eddy_task_t task;
    (void)context;
    ran = released = 0;
    options.release_context = count_context;
    CHECK_STATUS(eddy_task_spawn(never_run, &released, &options, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(task, "early"), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_ETARGETCANCELED);
    CHECK_INT(ran, 0);
    CHECK_INT(released, 1);
    CHECK_STATUS(eddy_task_info(task, &info), EDDY_OK);
    CHECK_INT(info.state, EDDY_TASK_CANCELED);
    CHECK_INT(info.cancel_requests, 1);
    /* TSK-12: cancelled after it has ended. */
    CHECK_STATUS(eddy_task_cancel(task, "late"), EDDY_EALREADY);
    CHECK_STATUS(eddy_task_info(task, &info), EDDY_OK);
    CHECK_INT(info.cancel_requests, 1);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_INT(released, 1);
    return EDDY_OK;
}

IN_TASK(context_is_released_once) {
    eddy_spawn_options_t options = EDDY_SPAWN_OPTIONS_INIT;
    eddy_task_t task;
    (void)context;
    ran = released = 0;
    options.release_context = count_context;
    CHECK_STATUS(eddy_task_spawn(never_run, &released, &options, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_OK);
    CHECK_INT(released, 1);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_INT(released, 1);
    CHECK_STATUS(eddy_task_spawn(NULL, &released, &options, &task), EDDY_EINVAL);
    CHECK_INT(released, 2);
    options.stack_bytes = 1;
    CHECK_STATUS(eddy_task_spawn(never_run, &released, &options, &task), EDDY_EINVAL);
    CHECK_INT(released, 3);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Values
 */
static eddy_status_t give_twice(void *context) {
    int *counters = context;
    CHECK_STATUS(eddy_return(&counters[0], count_release), EDDY_OK);
    CHECK_STATUS(eddy_return(&counters[1], count_release), EDDY_OK);
    CHECK_INT(counters[0], 1);
    return EDDY_OK;
}

static eddy_status_t give_and_fail(void *context) {
    CHECK_STATUS(eddy_return(context, count_release), EDDY_OK);
    return -EIO;
}

IN_TASK(values) {
    static int counters[2];
    eddy_task_t task;
    void *value = NULL;
    (void)context;
    counters[0] = counters[1] = 0;
    CHECK_STATUS(eddy_task_spawn(give_twice, counters, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, &value), EDDY_OK);
    CHECK(value == &counters[1]);
    CHECK_STATUS(eddy_task_join(task, &value), EDDY_OK);
    CHECK_INT(counters[1], 0);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_INT(counters[0], 1);
    CHECK_INT(counters[1], 1);
    CHECK_STATUS(eddy_task_spawn(give_and_fail, counters, NULL, &task), EDDY_OK);
    value = words;
    CHECK_STATUS(eddy_task_join(task, &value), -EIO);
    CHECK(value == (void *)words);
    CHECK_INT(counters[0], 2);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_INT(counters[0], 2);
    /* Nobody keeps the task: its value is released when it has ended. */
    CHECK_STATUS(eddy_task_spawn(give_twice, counters, NULL, NULL), EDDY_OK);
    counters[0] = counters[1] = 0;
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_INT(counters[1], 1);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Handles do not hold tasks
 */
IN_TASK(dropped_handle_goes_on) {
    static sleeper_t sleeper = { MS(10), "slept" };
    eddy_task_t task;
    (void)context;
    CHECK_STATUS(eddy_task_spawn(sleep_and_note, &sleeper, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(sleep_and_note, &sleeper, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(20)), EDDY_OK);
    CHECK_TRACE("slept slept");
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_task_release(task), EDDY_EBADHANDLE);
    return EDDY_OK;
}

/* A cancelled sleep leaves no timer: with nothing else to do, the clock does not go there. */
static eddy_status_t deadlocked(void *context) {
    static sleeper_t sleeper = { LONG, "slept" };
    eddy_future_t never;
    eddy_task_t task;
    (void)context;
    CHECK_STATUS(eddy_task_spawn(sleep_and_note, &sleeper, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(5)), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_ETARGETCANCELED);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_STATUS(eddy_future_create(&never), EDDY_OK);
    const eddy_status_t status = eddy_future_wait(never, NULL);
    CHECK_STATUS(status, EDDY_ECANCELED);
    CHECK_INT(now_ms(), 5);
    CHECK_STATUS(eddy_future_release(never), EDDY_OK);
    return status;
}

static void cancelled_sleep_leaves_no_timer(void) {
    CHECK_STATUS(run_virtual(deadlocked, NULL), EDDY_EDEADLK);
    CHECK_TRACE("");
}

/* ------------------------------------------------------------------------------------------------
 * What does not yield
 */
typedef struct finished {
    eddy_task_t task;
    eddy_future_t future;
} finished_t;

static eddy_status_t operate(const finished_t *finished, int which) {
    switch (which) {
    case 0: return eddy_future_wait(finished->future, NULL);
    case 1: return eddy_task_join(finished->task, NULL);
    case 2: return eddy_checkpoint();
    default: return eddy_future_wait(eddy_task_future(finished->task), NULL);
    }
}

IN_TASK(fast_paths) {
    const int within = eddy_has_feature("hostile") ? 2 : 120;   /* its budget is 3 */
    finished_t finished;
    (void)context;
    CHECK_STATUS(eddy_task_spawn(never_run, NULL, NULL, &finished.task), EDDY_OK);
    CHECK_STATUS(eddy_task_join(finished.task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_create(&finished.future), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(finished.future, NULL, NULL), EDDY_OK);
    for (int which = 0; which < 4; which++) {
        CHECK_STATUS(eddy_sleep(1), EDDY_OK);
        trace_clear();
        CHECK_STATUS(eddy_task_spawn(note, words[0], NULL, NULL), EDDY_OK);
        for (int count = 0; count < within; count++)
            CHECK_STATUS(operate(&finished, which), EDDY_OK);
        CHECK_TRACE("");
        for (int count = 0; count < 20; count++) CHECK_STATUS(operate(&finished, which), EDDY_OK);
        CHECK_TRACE("a");
    }
    CHECK_STATUS(eddy_task_release(finished.task), EDDY_OK);
    CHECK_STATUS(eddy_future_release(finished.future), EDDY_OK);
    return EDDY_OK;
}

static const check_test_t tests[] = {
    { "TSK-01: tasks start in creation order, the creator goes on", start_in_creation_order },
    { "TSK-01, rounds: a first step comes behind what is ready", first_step_behind_the_ready },
    { "TSK-34: yield and sleep of 0 or less let the ready run once", yield_lets_the_ready_run },
    { "LOOP-06: equal deadlines wake in registration order", sleepers_wake_in_order },
    { "TSK-10, TSK-12: cancelled before the first step, the body never runs",
        cancelled_before_the_first_step },
    { "abi: a context is released once in every outcome", context_is_released_once },
    { "abi: a task's value is kept, replaced or dropped, and released once", values },
    { "TSK-36, M12: a task whose handle is dropped goes on", dropped_handle_goes_on },
    { "TSK-35: a cancelled sleep leaves no timer", cancelled_sleep_leaves_no_timer },
    { "TSK-42, M10: what is complete is returned without a yield, within the budget of 128",
        fast_paths },
};
CHECK_MAIN(tests)
