/*
 * group_spawn.c: proves who may spawn into a group, when, and what a refusal does; and that a
 * group waits for all that was spawned (TG-01 to TG-05, TG-11).
 *
 * Invariants: every test runs on a virtual clock and expects no report. A refused spawn releases
 * its context once and writes no handle.
 * Threads: one.
 */
#include "check.h"

#include <errno.h>

#define MS(x) EDDY_MILLISECONDS(x)

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

static eddy_scope_t shared;
static int runs, releases;

static void count_context(void *context) {
    (void)context;
    releases++;
}

static eddy_status_t count_run(void *context) {
    (void)context;
    runs++;
    return EDDY_OK;
}

/* Spawns count_run and checks what a refusal must leave. */
static eddy_status_t spawn_counting(eddy_scope_t group) {
    eddy_spawn_options_t options = EDDY_SPAWN_OPTIONS_INIT;
    eddy_task_t task = { 7 };
    options.release_context = count_context;
    runs = releases = 0;
    const eddy_status_t status = eddy_group_spawn(group, count_run, &runs, &options, &task);
    if (status == EDDY_OK) return eddy_task_release(task);
    CHECK_INT(task.id, 7);
    CHECK_INT(releases, 1);
    CHECK_INT(runs, 0);
    return status;
}

/* ------------------------------------------------------------------------------------------------
 * A group waits
 */
static eddy_status_t value_after(void *context) {
    EDDY_TRY(eddy_sleep(MS(*(int *)context)));
    return eddy_return(context, NULL);
}

IN_TASK(waits_for_all) {
    static int delays[3] = { 30, 10, 20 };
    eddy_scope_t group;
    eddy_task_t tasks[3];
    (void)context;
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    for (int index = 0; index < 3; index++)
        CHECK_STATUS(eddy_group_spawn(group, value_after, &delays[index], NULL, &tasks[index]),
            EDDY_OK);
    CHECK_STATUS(eddy_scope_close(group, EDDY_OK), EDDY_OK);
    CHECK_INT(now_ms(), 30);
    for (int index = 0; index < 3; index++) {
        void *value = NULL;
        CHECK_STATUS(eddy_future_result(eddy_task_future(tasks[index]), &value), EDDY_OK);
        CHECK(value == &delays[index]);
        CHECK_STATUS(eddy_task_release(tasks[index]), EDDY_OK);
    }
    return EDDY_OK;
}

/* Each spawns the next one while the group closes. */
static eddy_status_t spawn_next(void *context) {
    int *left = context;
    EDDY_TRY(eddy_sleep(MS(10)));
    runs++;
    if (--*left == 0) return EDDY_OK;
    return eddy_group_spawn(shared, spawn_next, left, NULL, NULL);
}

IN_TASK(spawned_while_closing) {
    int left = 5;
    (void)context;
    runs = 0;
    CHECK_STATUS(eddy_group_open(&shared, NULL), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(shared, spawn_next, &left, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(shared, EDDY_OK), EDDY_OK);
    CHECK_INT(runs, 5);
    CHECK_INT(now_ms(), 50);
    return EDDY_OK;
}

static eddy_status_t return_early(int *left) {
    eddy_scope_t group;
    EDDY_TRY(eddy_group_open(&group, NULL));
    shared = group;
    EDDY_TRY_IN(group, eddy_group_spawn(group, spawn_next, left, NULL, NULL));
    return eddy_scope_close(group, EDDY_OK);
}

IN_TASK(early_return_waits) {
    int left = 1;
    (void)context;
    runs = 0;
    CHECK_STATUS(return_early(&left), EDDY_OK);
    CHECK_INT(runs, 1);
    CHECK_INT(now_ms(), 10);
    return EDDY_OK;
}

static eddy_status_t spawn_from_elsewhere(void *context) {
    *(eddy_status_t *)context = spawn_counting(shared);
    return EDDY_OK;
}

static eddy_status_t spawn_from_callback(void *context, eddy_future_t future) {
    (void)future;
    *(eddy_status_t *)context = spawn_counting(shared);
    return EDDY_OK;
}

IN_TASK(from_other_tasks) {
    eddy_status_t status = -1;
    eddy_future_t future;
    eddy_task_t task;
    (void)context;
    CHECK_STATUS(eddy_group_open(&shared, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(spawn_from_elsewhere, &status, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_OK);
    CHECK_STATUS(status, EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_INT(runs, 1);
    CHECK_INT(releases, 1);
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_future_on_done(future, spawn_from_callback, &status, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(future, NULL, NULL), EDDY_OK);
    status = -1;
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(status, EDDY_OK);
    CHECK_STATUS(eddy_scope_close(shared, EDDY_OK), EDDY_OK);
    CHECK_INT(runs, 1);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Never started
 */
IN_TASK(body_fails_first) {
    eddy_scope_t group;
    (void)context;
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    CHECK_STATUS(spawn_counting(group), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(group, -EIO), EDDY_EGROUP);
    CHECK_INT(runs, 0);
    CHECK_INT(releases, 1);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Refusals
 */
static eddy_status_t elsewhere_status;

static eddy_status_t spawn_elsewhere(void) {
    eddy_task_t task;
    elsewhere_status = -1;
    CHECK_STATUS(eddy_task_spawn(spawn_from_elsewhere, &elsewhere_status, NULL, &task), EDDY_OK);
    /* A join from a cancelled scope passes the cancel on, so observe from inside a shield. */
    eddy_scope_t shield;
    CHECK_STATUS(eddy_shield_open(&shield, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(shield, EDDY_OK), EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    return elsewhere_status;
}

static eddy_status_t spawn_when_cancelled(void *context) {
    const eddy_status_t status = eddy_sleep(MS(100));
    *(eddy_status_t *)context = spawn_counting(shared);
    return status;
}

IN_TASK(group_cancelled) {
    eddy_status_t child = -1;
    (void)context;
    CHECK_STATUS(eddy_group_open(&shared, NULL), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(shared, spawn_when_cancelled, &child, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(shared, NULL), EDDY_OK);
    CHECK_STATUS(spawn_counting(shared), EDDY_ECANCELED);
    CHECK_STATUS(spawn_elsewhere(), EDDY_ECLOSED);
    CHECK_STATUS(eddy_scope_close(shared, EDDY_ECANCELED), EDDY_OK);
    CHECK_STATUS(child, EDDY_ECANCELED);
    CHECK_INT(now_ms(), 0);
    return EDDY_OK;
}

/* A scope visible from the group is cancelled. */
IN_TASK(around_it_cancelled) {
    eddy_scope_t outer, shield;
    (void)context;
    CHECK_STATUS(eddy_scope_open(&outer, NULL), EDDY_OK);
    CHECK_STATUS(eddy_group_open(&shared, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(outer, NULL), EDDY_OK);
    CHECK_STATUS(spawn_counting(shared), EDDY_ECANCELED);
    CHECK_STATUS(spawn_elsewhere(), EDDY_ECLOSED);
    CHECK_STATUS(eddy_scope_close(shared, EDDY_ECANCELED), EDDY_ECANCELED);
    /* With a shield between, nothing is visible. */
    CHECK_STATUS(eddy_shield_open(&shield, NULL), EDDY_OK);
    CHECK_STATUS(eddy_group_open(&shared, NULL), EDDY_OK);
    CHECK_STATUS(spawn_counting(shared), EDDY_OK);
    CHECK_STATUS(spawn_elsewhere(), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(shared, EDDY_OK), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(shield, EDDY_OK), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(outer, EDDY_OK), EDDY_OK);
    return EDDY_OK;
}

IN_TASK(no_such_group) {
    const eddy_scope_t null = { 0 };
    eddy_scope_t plain;
    eddy_task_t self;
    (void)context;
    CHECK_STATUS(eddy_task_current(&self), EDDY_OK);
    CHECK_STATUS(spawn_counting(null), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_group_open(&shared, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(shared, EDDY_OK), EDDY_OK);
    CHECK_STATUS(spawn_counting(shared), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_scope_close(shared, EDDY_OK), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_scope_open(&plain, NULL), EDDY_OK);
    CHECK_STATUS(spawn_counting(plain), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_scope_close(plain, EDDY_OK), EDDY_OK);
    CHECK_STATUS(spawn_counting(eddy_task_scope(self)), EDDY_EBADHANDLE);
    return EDDY_OK;
}

/* Outside a task there is nothing to open a group in. */
static void without_task(void) {
    const eddy_loop_options_t options = virtual_options();
    eddy_scope_t group = { 7 };
    eddy_loop_t loop;
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_ENOTTASK);
    CHECK_INT(group.id, 7);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
}

static const check_test_t tests[] = {
    { "TG-01: a group waits for all children, their results stay readable", waits_for_all },
    { "TG-01, TG-05: children spawned while the group closes", spawned_while_closing },
    { "TG-02: an early return still waits", early_return_waits },
    { "TG-05: spawning from other tasks and from callbacks", from_other_tasks },
    { "TG-11: the body fails before the children have started", body_fails_first },
    { "TG-04: a cancelled group refuses: ECANCELED inside, ECLOSED outside", group_cancelled },
    { "TG-04: so does one inside a cancelled scope, unless shielded", around_it_cancelled },
    { "TG-03, TG-04: null, closed, plain and root scopes are no groups", no_such_group },
    { "TG-03: opening a group outside a task", without_task },
};
CHECK_MAIN(tests)
