/*
 * The end of a program's tasks: eddy_run and eddy_loop_shutdown cancel and wait until nothing is
 * left. What they do about those that do not end is in run_grace.c.
 *
 * Threads: one, and one more where a test says so.
 */
#include "check_tasks.h"

#include <pthread.h>

#define EIO_STATUS ((eddy_status_t)-5)

static eddy_loop_t create(int64_t grace_ns) {
    eddy_loop_options_t options = virtual_options();
    eddy_loop_t loop = { 0 };
    options.grace_ns = grace_ns;
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    return loop;
}

static eddy_status_t ok(void *context) {
    (void)context;
    return EDDY_OK;
}

static eddy_status_t tick(void *context) {
    (void)context;
    return eddy_sleep(1);
}

/* ---- RUN-01 ---- */

static eddy_status_t runs_inside(void *context) {
    int ran = 0;
    (void)context;
    CHECK_STATUS(eddy_run(NULL, ok, &ran), EDDY_EBUSY);
    trace("refused");
    return eddy_fail(EDDY_EPERM, "the root's own");
}

static void fresh_loop(void) {
    eddy_loop_t loop = { 0 };
    CHECK_STATUS(run_virtual(runs_inside, NULL), EDDY_EPERM);
    CHECK_TRACE("refused");
    CHECK_STATUS(eddy_loop_current(&loop), EDDY_EWRONGTHREAD);
    CHECK_STATUS(run_virtual(ok, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* ---- RUN-02, RUN-03, RUN-05, RUN-06 ---- */

static eddy_status_t cleans_up(void *context) {
    EDDY_TRY(eddy_sleep(MS(20)));
    trace("%s-clean", (const char *)context);
    return EDDY_OK;
}

static eddy_status_t leftover(void *context) {
    EDDY_TRY(eddy_defer(cleans_up, context));
    const eddy_status_t status = eddy_sleep(LONG);
    trace("%s:%s", (const char *)context, eddy_status_name(status));
    return status;
}

static eddy_status_t swallows(void *context) {
    const eddy_status_t status = eddy_sleep(LONG);
    trace("%s:%s", (const char *)context, eddy_status_name(status));
    return EDDY_OK;
}

static eddy_status_t leaves_some(void *context) {
    EDDY_TRY(eddy_task_spawn(leftover, "a", NULL, NULL));
    EDDY_TRY(eddy_task_spawn(swallows, "b", NULL, NULL));
    EDDY_TRY(tick(NULL));
    trace("root");
    return context ? eddy_fail(EIO_STATUS, "the root's own") : EDDY_OK;
}

static void cancelled_and_awaited(void) {
    CHECK_STATUS(run_virtual(leaves_some, NULL), EDDY_OK);
    CHECK_TRACE("root a:EDDY_ECANCELED b:EDDY_ECANCELED a-clean");
    CHECK_INT(reports.count, 0);
    CHECK_STATUS(run_virtual(leaves_some, "fails"), EIO_STATUS);
    CHECK_TRACE("root a:EDDY_ECANCELED b:EDDY_ECANCELED a-clean");
    CHECK_INT(reports.count, 0);
}

/* Cleanup spawns more, into a group of its own, posts, and is refused the dying loop's scope: all
 * that began is awaited. */
static eddy_status_t posted(void *context) {
    trace("posted");
    (void)context;
    CHECK_STATUS(eddy_task_spawn(ok, NULL, NULL, NULL), EDDY_ECLOSED);
    return EDDY_OK;
}

static eddy_status_t grandchild(void *context) {
    (void)context;
    EDDY_TRY(eddy_sleep(MS(30)));
    CHECK_STATUS(eddy_post(posted, NULL, NULL), EDDY_OK);
    trace("grandchild");
    return EDDY_OK;
}

static eddy_status_t spawns_late(void *context) {
    eddy_scope_t group = { 0 };
    (void)context;
    CHECK_STATUS(eddy_task_spawn(ok, NULL, NULL, NULL), EDDY_ECANCELED);
    EDDY_TRY(eddy_group_open(&group, NULL));
    EDDY_TRY_IN(group, eddy_group_spawn(group, grandchild, NULL, NULL, NULL));
    return eddy_scope_close(group, EDDY_OK);
}

static eddy_status_t spawns_at_its_end(void *context) {
    EDDY_TRY(eddy_defer(spawns_late, context));
    return eddy_sleep(LONG);
}

static eddy_status_t leaves_a_spawner(void *context) {
    EDDY_TRY(eddy_task_spawn(spawns_at_its_end, context, NULL, NULL));
    return tick(NULL);
}

static void until_nothing_is_left(void) {
    CHECK_STATUS(run_virtual(leaves_a_spawner, NULL), EDDY_OK);
    CHECK_TRACE("grandchild posted");
    CHECK_INT(reports.count, 0);
}

/* What other threads post meanwhile runs; the shutdown waits for them if a task does. */
static eddy_status_t completes_far(void *context) {
    trace("far");
    return eddy_future_complete(*(eddy_future_t *)context, NULL, NULL);
}

typedef struct far {
    eddy_loop_t loop;
    eddy_future_t future;
    pthread_t thread;
} far_t;

static void *posts_far(void *context) {
    far_t *far = context;
    CHECK_STATUS(eddy_post_threadsafe(far->loop, completes_far, &far->future, NULL), EDDY_OK);
    return NULL;
}

static eddy_status_t waits_for_far(void *context) {
    far_t *far = context;
    CHECK_INT(pthread_create(&far->thread, NULL, posts_far, far), 0);
    const eddy_status_t status = eddy_future_wait(far->future, NULL);
    trace("near");
    return status;
}

/* A shield without a limit, since its timer would be all that the virtual clock waits for. */
static eddy_status_t needs_far(void *context) {
    eddy_scope_options_t options = EDDY_SCOPE_OPTIONS_INIT;
    eddy_scope_t shield = { 0 };
    options.grace_ns = EDDY_NONE;
    EDDY_TRY(eddy_shield_open(&shield, &options));
    EDDY_TRY_IN(shield, eddy_sleep(MS(1)));
    return eddy_scope_close(shield, waits_for_far(context));
}

static eddy_status_t leaves_far(void *context) {
    EDDY_TRY(eddy_task_spawn(needs_far, context, NULL, NULL));
    return tick(NULL);
}

/* The loop's grace is no such timer: it has a minute of real time here. */
static void posts_during_shutdown(void) {
    far_t far = { create(EDDY_SECONDS(60)), { 0 }, 0 };
    CHECK_STATUS(eddy_future_create(&far.future), EDDY_OK);
    CHECK_STATUS(eddy_loop_run(far.loop, leaves_far, &far, NULL), EDDY_OK);
    CHECK_STATUS(eddy_loop_shutdown(far.loop), EDDY_OK);
    CHECK_TRACE("far near");
    CHECK_INT(pthread_join(far.thread, NULL), 0);
    CHECK_STATUS(eddy_future_release(far.future), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(far.loop), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* ---- RUN-04 ---- */

static eddy_status_t fails_when_cancelled(void *context) {
    (void)context;
    CHECK_STATUS(eddy_sleep(LONG), EDDY_ECANCELED);
    return eddy_fail(EIO_STATUS, "while it was being stopped");
}

static eddy_status_t leaves_a_failing_one(void *context) {
    eddy_spawn_options_t options = EDDY_SPAWN_OPTIONS_INIT;
    options.name = "leftover-1";
    EDDY_TRY(eddy_task_spawn(fails_when_cancelled, NULL, &options, context));
    return tick(NULL);
}

static void failures_of_a_shutdown(void) {
    eddy_task_t task = { 0 };
    CHECK_STATUS(run_virtual(leaves_a_failing_one, NULL), EDDY_OK);
    CHECK_INT(reports.count, 1);
    CHECK_STATUS(reports.status, EIO_STATUS);
    CHECK_CONTAINS(reports.text, "loop's shutdown");
    CHECK_CONTAINS(reports.text, "leftover-1");
    CHECK_CONTAINS(reports.text, "while it was being stopped");
    reports_clear();
    const eddy_loop_t loop = create(0);
    CHECK_STATUS(eddy_loop_run(loop, leaves_a_failing_one, &task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_loop_shutdown(loop), EDDY_OK);
    CHECK_INT(reports.count, 0);
    CHECK_STATUS(eddy_future_result(eddy_task_future(task), NULL), EIO_STATUS);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* One that failed before is not the shutdown's, whenever its last reference goes. */
static eddy_status_t fails_at_once(void *context) {
    (void)context;
    return eddy_fail(EIO_STATUS, "long before");
}

static eddy_status_t leaves_a_failed_one(void *context) {
    EDDY_TRY(eddy_task_spawn(fails_at_once, NULL, NULL, context));
    return tick(NULL);
}

static void failures_before_a_shutdown(void) {
    const eddy_loop_t loop = create(0);
    eddy_task_t task = { 0 };
    CHECK_STATUS(eddy_loop_run(loop, leaves_a_failed_one, &task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_loop_shutdown(loop), EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_INT(reports.count, 1);
    CHECK_CONTAINS(reports.text, "never looked at");
    CHECK(strstr(reports.text, "loop's shutdown") == NULL);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
}

static const check_test_t tests[] = {
    { "RUN-01: a fresh loop, refused inside another", fresh_loop },
    { "RUN-02, RUN-03, RUN-05: leftovers are cancelled and awaited", cancelled_and_awaited },
    { "RUN-06: what is spawned and posted in the end is awaited too", until_nothing_is_left },
    { "RUN-04: a leftover's failure is one of the shutdown", failures_of_a_shutdown },
    { "RUN-04: a failure from before is not", failures_before_a_shutdown },
    { "RUN-06: posts from another thread during the end", posts_during_shutdown },
};
CHECK_MAIN(tests)
