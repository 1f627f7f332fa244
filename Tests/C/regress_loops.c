/*
 * Loops: callbacks at shutdown, and loops that go on after a deadlock.
 *
 * Each test is a bug that a review found; the row or rule it broke is in the test's name.
 * Threads: one.
 */
#include "check.h"

static eddy_status_t nop(void *context) {
    (void)context;
    return EDDY_OK;
}

static eddy_loop_t virtual_loop(void) {
    const eddy_loop_options_t options = virtual_options();
    eddy_loop_t loop = { 0 };
    reports_clear();
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    return loop;
}

/* ---- Callbacks of tasks that end at shutdown ---- */

/* More than a turn takes steps, so that the callbacks are left when the last task has ended. */
enum { MANY = 1500 };
static int ended, called, released;

static eddy_status_t sleeps_long(void *context) {
    (void)context;
    const eddy_status_t status = eddy_sleep(EDDY_SECONDS(100));
    ended++;
    return status;
}

static eddy_status_t when_done(void *context, eddy_future_t future) {
    CHECK(context == &released);
    CHECK_STATUS(eddy_future_result(future, NULL), EDDY_ETARGETCANCELED);
    called++;
    return EDDY_OK;
}

static eddy_status_t spawn_observed(void *context) {
    (void)context;
    for (int index = 0; index < MANY; index++) {
        eddy_task_t task = { 0 };
        CHECK_STATUS(eddy_task_spawn(sleeps_long, NULL, NULL, &task), EDDY_OK);
        CHECK_STATUS(eddy_future_on_done(eddy_task_future(task), when_done, &released,
            count_release), EDDY_OK);
        CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    }
    for (int index = 0; index < 9; index++) CHECK_STATUS(eddy_yield(), EDDY_OK);
    return EDDY_OK;
}

static void callbacks_at_shutdown(void) {
    ended = called = released = 0;
    CHECK_STATUS(run_virtual(spawn_observed, NULL), EDDY_OK);
    CHECK_INT(ended, MANY);
    CHECK_INT(called, MANY);
    CHECK_INT(released, MANY);
    CHECK_INT(reports.count, 0);
}

/* A callback that spawns nothing but registers the next one: each is a round of its own. */
static int links_left;
static eddy_status_t next_link(void *context, eddy_future_t future) {
    (void)context;
    called++;
    if (--links_left > 0)
        CHECK_STATUS(eddy_future_on_done(future, next_link, NULL, NULL), EDDY_OK);
    return EDDY_OK;
}

static eddy_status_t spawn_linked(void *context) {
    eddy_task_t task = { 0 };
    (void)context;
    CHECK_STATUS(eddy_task_spawn(sleeps_long, NULL, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_future_on_done(eddy_task_future(task), next_link, NULL, NULL), EDDY_OK);
    return eddy_task_release(task);
}

static void chained_callbacks_at_shutdown(void) {
    called = 0;
    links_left = 5;
    CHECK_STATUS(run_virtual(spawn_linked, NULL), EDDY_OK);
    CHECK_INT(called, 5);
    CHECK_INT(reports.count, 0);
}

/* ---- After a deadlock ---- */

static eddy_future_t gate;

/* Waits for what cannot come; when it is cancelled for that, it lets the root go. */
static eddy_status_t opens_gate(void *context) {
    eddy_future_t never = { 0 };
    (void)context;
    CHECK_STATUS(eddy_future_create(&never), EDDY_OK);
    CHECK_STATUS(eddy_future_wait(never, NULL), EDDY_ECANCELED);
    CHECK_STATUS(eddy_future_release(never), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(gate, NULL, NULL), EDDY_OK);
    return EDDY_OK;
}

/* The root itself cannot be cancelled. With a context, nobody else completes the future. */
static eddy_status_t stuck(void *context) {
    eddy_scope_options_t options = EDDY_SCOPE_OPTIONS_INIT;
    eddy_scope_t shield = { 0 };
    options.grace_ns = EDDY_NONE;
    CHECK_STATUS(eddy_future_create(&gate), EDDY_OK);
    if (!context) CHECK_STATUS(eddy_task_spawn(opens_gate, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_shield_open(&shield, &options), EDDY_OK);
    CHECK_STATUS(eddy_future_wait(gate, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(shield, EDDY_OK), EDDY_OK);
    return eddy_future_release(gate);
}

static eddy_status_t spawns_and_joins(void *context) {
    eddy_task_t task = { 0 };
    (void)context;
    CHECK_INT(eddy_cancelled(), 0);
    CHECK_STATUS(eddy_task_spawn(nop, NULL, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_OK);
    return eddy_task_release(task);
}

static void usable_after_deadlock(void) {
    const eddy_loop_t loop = virtual_loop();
    CHECK_STATUS(eddy_loop_run(loop, stuck, NULL, NULL), EDDY_OK);
    CHECK_INT(reports_with(EDDY_EDEADLK), 1);
    CHECK_STATUS(eddy_loop_run(loop, spawns_and_joins, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(nop, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_loop_shutdown(loop), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(nop, NULL, NULL, NULL), EDDY_ECLOSED);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_INT(reports.count, 1);
}

static void usable_after_grace(void) {
    int alone = 1;
    const eddy_loop_t loop = virtual_loop();
    CHECK_STATUS(eddy_loop_run(loop, stuck, &alone, NULL), EDDY_EGRACE);
    CHECK_INT(reports_with(EDDY_EDEADLK), 1);
    CHECK_STATUS(eddy_loop_run(loop, spawns_and_joins, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_EBUSY);
    CHECK_STATUS(eddy_loop_shutdown(loop), EDDY_EGRACE);
    CHECK_INT(reports_with(EDDY_EGRACE), 1);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_EBUSY);
    /* Once it can end, all is well. */
    CHECK_STATUS(eddy_future_complete(gate, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_loop_shutdown(loop), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_INT(reports.count, 2);
}

/* The old root ends while the next one runs. */
static eddy_status_t opens_for_old_root(void *context) {
    (void)context;
    CHECK_STATUS(eddy_future_complete(gate, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    return eddy_yield();
}

static void old_root_ends_in_next_run(void) {
    int alone = 1;
    const eddy_loop_t loop = virtual_loop();
    CHECK_STATUS(eddy_loop_run(loop, stuck, &alone, NULL), EDDY_EGRACE);
    CHECK_STATUS(eddy_loop_run(loop, opens_for_old_root, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_INT(reports.count, 1);
}

static const check_test_t tests[] = {
    { "FUT-07: callbacks of tasks that end at shutdown run", callbacks_at_shutdown },
    { "FUT-07: so do those that such a callback registers", chained_callbacks_at_shutdown },
    { "EDDY_EDEADLK: the loop is usable after a deadlock that others ended",
        usable_after_deadlock },
    { "EDDY_EGRACE: the loop is usable after a run that did not end", usable_after_grace },
    { "EDDY_EGRACE: the root of such a run may end in the next one",
        old_root_ends_in_next_run },
};
CHECK_MAIN(tests)
