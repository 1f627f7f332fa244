/*
 * task_join.c: proves M6, the two verbs: join owns its target, wait only observes it; and waits
 * that could never end.
 *
 * Invariants: every test runs on a virtual clock and expects no report. Joiners are subjects of a
 * test's root task, which is never cancelled.
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

static int the_value;
static eddy_future_t shared_future;

/* ------------------------------------------------------------------------------------------------
 * Targets and joiners
 */
static eddy_status_t clean_up_for_20(void *context) {
    (void)context;
    CHECK_STATUS(eddy_sleep(MS(20)), EDDY_OK);
    trace("cleaned");
    return EDDY_OK;
}

static eddy_status_t target_with_cleanup(void *context) {
    (void)context;
    CHECK_STATUS(eddy_defer(clean_up_for_20, NULL), EDDY_OK);
    return eddy_sleep(LONG);
}

static eddy_status_t target_with_value(void *context) {
    (void)context;
    (void)eddy_sleep(LONG);
    return eddy_return(&the_value, NULL);
}

static eddy_status_t target_that_fails(void *context) {
    (void)context;
    (void)eddy_sleep(LONG);
    return eddy_fail(-EIO, "target");
}

typedef struct joiner {
    const char *name;
    eddy_task_t target;
    int observes;
    eddy_status_t expected;
    int64_t until_ms;
    void *value;
} joiner_t;

static eddy_status_t join_target(void *context) {
    joiner_t *joiner = context;
    const eddy_status_t status =
        joiner->observes ? eddy_future_wait(eddy_task_future(joiner->target), &joiner->value)
                         : eddy_task_join(joiner->target, &joiner->value);
    int fits = CHECK_STATUS(status, joiner->expected);
    fits &= CHECK_INT(now_ms(), joiner->until_ms);
    if (!fits) printf("  joiner %s\n", joiner->name);
    trace("%s", joiner->name);
    return status;
}

/* Spawns target and joiner, and cancels the joiner at 10. Returns the joiner's end. */
static eddy_status_t cancel_joiner(eddy_task_fn target, joiner_t *joiner) {
    eddy_task_t task;
    CHECK_STATUS(eddy_task_spawn(target, NULL, NULL, &joiner->target), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(join_target, joiner, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(10)), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(task, "joiner"), EDDY_OK);
    const eddy_status_t status = eddy_task_join(task, NULL);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    return status;
}

/* ------------------------------------------------------------------------------------------------
 * A cancelled joiner
 */
IN_TASK(join_waits_for_cleanup) {
    static joiner_t joiner = { "joiner", { 0 }, 0, EDDY_ECANCELED, 30, NULL };
    (void)context;
    CHECK_STATUS(cancel_joiner(target_with_cleanup, &joiner), EDDY_ETARGETCANCELED);
    CHECK_TRACE("cleaned joiner");
    CHECK_STATUS(eddy_future_result(eddy_task_future(joiner.target), NULL), EDDY_ETARGETCANCELED);
    CHECK_STATUS(eddy_task_release(joiner.target), EDDY_OK);
    return EDDY_OK;
}

static eddy_status_t join_then_checkpoint(void *context) {
    CHECK_STATUS(join_target(context), EDDY_OK);
    return eddy_checkpoint();
}

IN_TASK(join_delivers_the_value) {
    static joiner_t joiner = { "joiner", { 0 }, 0, EDDY_OK, 10, NULL };
    eddy_task_t task;
    (void)context;
    CHECK_STATUS(eddy_task_spawn(target_with_value, NULL, NULL, &joiner.target), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(join_then_checkpoint, &joiner, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(10)), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_ETARGETCANCELED);
    CHECK(joiner.value == &the_value);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_STATUS(eddy_task_release(joiner.target), EDDY_OK);
    return EDDY_OK;
}

IN_TASK(join_delivers_the_failure) {
    static joiner_t joiner = { "joiner", { 0 }, 0, -EIO, 10, NULL };
    (void)context;
    CHECK_STATUS(cancel_joiner(target_that_fails, &joiner), -EIO);
    CHECK_STATUS(eddy_task_release(joiner.target), EDDY_OK);
    return EDDY_OK;
}

IN_TASK(wait_leaves_the_target_alone) {
    static joiner_t joiner = { "observer", { 0 }, 1, EDDY_ECANCELED, 10, NULL };
    eddy_task_info_t info = { .size = sizeof info };
    (void)context;
    CHECK_STATUS(cancel_joiner(target_with_value, &joiner), EDDY_ETARGETCANCELED);
    CHECK_STATUS(eddy_task_info(joiner.target, &info), EDDY_OK);
    CHECK_INT(info.state, EDDY_TASK_WAITING);
    CHECK_INT(info.cancel_requests, 0);
    CHECK_STATUS(eddy_future_wait(eddy_task_future(joiner.target), NULL), EDDY_OK);
    CHECK_INT(now_ms(), 3600000);
    CHECK_STATUS(eddy_task_release(joiner.target), EDDY_OK);
    return EDDY_OK;
}

/* Joining from an already cancelled scope passes the cancel on at once, and still waits. */
IN_TASK(join_inside_a_cancelled_scope) {
    eddy_scope_t scope;
    eddy_task_t task;
    (void)context;
    CHECK_STATUS(eddy_task_spawn(target_with_cleanup, NULL, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_ECANCELED);
    CHECK_INT(now_ms(), 20);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_ECANCELED), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_ETARGETCANCELED);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    return EDDY_OK;
}

/* TSK-16: the inner task is cancelled and awaited, the future that it waits for is not. */
static eddy_status_t wait_shared(void *context) {
    (void)context;
    return eddy_future_wait(shared_future, NULL);
}

static eddy_status_t cancel_self_and_join(void *context) {
    eddy_task_t self, inner;
    (void)context;
    CHECK_STATUS(eddy_task_spawn(wait_shared, NULL, NULL, &inner), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_task_current(&self), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(self, NULL), EDDY_OK);
    const eddy_status_t status = eddy_task_join(inner, NULL);
    CHECK_STATUS(eddy_task_release(inner), EDDY_OK);
    return status;
}

IN_TASK(cancelled_then_joins) {
    eddy_task_t task;
    (void)context;
    CHECK_STATUS(eddy_future_create(&shared_future), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(cancel_self_and_join, NULL, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_ETARGETCANCELED);
    CHECK_STATUS(eddy_future_result(shared_future, NULL), EDDY_EPENDING);
    CHECK_STATUS(eddy_future_release(shared_future), EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Several joiners, and cancels from elsewhere
 */
IN_TASK(two_joiners) {
    static joiner_t joiners[] = {
        { "cancelled", { 0 }, 0, EDDY_ECANCELED, 30, NULL },
        { "other", { 0 }, 0, EDDY_ETARGETCANCELED, 30, NULL },
        { "observer", { 0 }, 1, EDDY_ETARGETCANCELED, 30, NULL },
    };
    eddy_task_t tasks[3], target;
    (void)context;
    CHECK_STATUS(eddy_task_spawn(target_with_cleanup, NULL, NULL, &target), EDDY_OK);
    for (int index = 0; index < 3; index++) {
        joiners[index].target = target;
        CHECK_STATUS(eddy_task_spawn(join_target, &joiners[index], NULL, &tasks[index]), EDDY_OK);
    }
    CHECK_STATUS(eddy_sleep(MS(10)), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(tasks[0], NULL), EDDY_OK);
    for (int index = 0; index < 3; index++) {
        CHECK_STATUS(eddy_task_join(tasks[index], NULL), EDDY_ETARGETCANCELED);
        CHECK_STATUS(eddy_task_release(tasks[index]), EDDY_OK);
    }
    CHECK_TRACE("cleaned cancelled other observer");
    CHECK_STATUS(eddy_task_release(target), EDDY_OK);
    return EDDY_OK;
}

IN_TASK(target_cancelled_by_others) {
    eddy_scope_t scope;
    eddy_task_t task;
    (void)context;
    CHECK_STATUS(eddy_task_spawn(target_with_cleanup, NULL, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_ETARGETCANCELED);
    /* It is an ordinary failure, which no close takes for a cancel. */
    CHECK_STATUS(eddy_scope_close(scope, EDDY_ETARGETCANCELED), EDDY_ETARGETCANCELED);
    CHECK_STATUS(eddy_checkpoint(), EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Waits that could never end
 */
static eddy_task_t root_task;

static eddy_status_t join_ancestor(void *context) {
    (void)context;
    CHECK_STATUS(eddy_task_join(root_task, NULL), EDDY_EDEADLK);
    trace("refused");
    return EDDY_OK;
}

static eddy_status_t nest_and_join_ancestor(void *context) {
    eddy_scope_t group;
    (void)context;
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(group, join_ancestor, NULL, NULL, NULL), EDDY_OK);
    return eddy_scope_close(group, join_ancestor(NULL));
}

IN_TASK(deadlocks) {
    eddy_scope_t group;
    (void)context;
    CHECK_STATUS(eddy_task_current(&root_task), EDDY_OK);
    CHECK_STATUS(eddy_task_join(root_task, NULL), EDDY_EDEADLK);
    CHECK_STATUS(eddy_future_wait(eddy_task_future(root_task), NULL), EDDY_EDEADLK);
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(group, nest_and_join_ancestor, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(group, EDDY_OK), EDDY_OK);
    CHECK_TRACE("refused refused");
    return EDDY_OK;
}

/* A spawner is no ancestor: the task below the loop may wait for it and for its value. */
static eddy_status_t join_spawner(void *context) {
    void *value = NULL;
    CHECK_STATUS(eddy_task_join(*(eddy_task_t *)context, &value), EDDY_OK);
    CHECK(value == &the_value);
    trace("joined");
    return EDDY_OK;
}

static eddy_status_t spawn_and_end(void *context) {
    CHECK_STATUS(eddy_task_spawn(join_spawner, context, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    return eddy_return(&the_value, NULL);
}

IN_TASK(spawner_is_no_ancestor) {
    static eddy_task_t task;
    (void)context;
    CHECK_STATUS(eddy_task_spawn(spawn_and_end, &task, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(1)), EDDY_OK);
    CHECK_TRACE("joined");
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    return EDDY_OK;
}

static const check_test_t tests[] = {
    { "TSK-25, M6: a cancelled joiner resumes when the target has cleaned up",
        join_waits_for_cleanup },
    { "TSK-26, M6: the target's value is delivered, then ECANCELED", join_delivers_the_value },
    { "M6: the target's failure is delivered as it is", join_delivers_the_failure },
    { "TSK-25, M6: wait returns at once and leaves the target alone",
        wait_leaves_the_target_alone },
    { "M6, M10: joining inside a cancelled scope passes the cancel on",
        join_inside_a_cancelled_scope },
    { "TSK-16: a cancelled task joins an inner one", cancelled_then_joins },
    { "TSK-29, M9: two joiners, one is cancelled", two_joiners },
    { "M9: a target that someone else cancelled is an ordinary failure",
        target_cancelled_by_others },
    { "TSK-07: joining or waiting for oneself, joining an ancestor: EDEADLK", deadlocks },
    { "M1: a spawner is no ancestor", spawner_is_no_ancestor },
};
CHECK_MAIN(tests)
