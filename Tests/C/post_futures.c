/*
 * Futures and tasks ended through the door, in each state in which the outcome may find them.
 *
 * Proves: FUT-25 and the rules of eddy_future_{complete,fail,cancel}_threadsafe.
 * Invariants: the calls are made on the loop's own thread, which is one of "any", so that every
 * step is in its place; post_race.c makes them from others.
 * Threads: one.
 */
#include "check.h"

#include <errno.h>

static eddy_future_t new_future(void) {
    eddy_future_t future = { 0 };
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    return future;
}

/* Lets everything that is in the door arrive: two turns of a virtual clock. */
static void arrive(void) {
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
}

#define IN_TASK(name, expected_reports)                                                           \
    static eddy_status_t name##_body(void *context);                                              \
    static void name(void) {                                                                      \
        CHECK_STATUS(run_virtual(name##_body, NULL), EDDY_OK);                                    \
        CHECK_INT(reports.count, (expected_reports));                                             \
    }                                                                                             \
    static eddy_status_t name##_body(void *context)

/* ---- pending futures ---- */

IN_TASK(outcomes, 0) {
    const eddy_future_t first = new_future(), second = new_future(), third = new_future();
    int released = 0;
    void *value = NULL;
    eddy_error_t error = { 0 };
    char message[] = "no route";
    (void)context;
    CHECK_STATUS(eddy_future_complete_threadsafe(first, &released, count_release), EDDY_OK);
    CHECK_STATUS(eddy_future_fail_threadsafe(second, -EIO, message), EDDY_OK);
    message[0] = 'X';
    CHECK_STATUS(eddy_future_cancel_threadsafe(third, "enough"), EDDY_OK);
    CHECK_STATUS(eddy_future_result(first, NULL), EDDY_EPENDING);
    CHECK_STATUS(eddy_future_wait(first, &value), EDDY_OK);
    CHECK(value == &released);
    CHECK_STATUS(eddy_future_wait(second, NULL), -EIO);
    CHECK_STATUS(eddy_error_current(&error), EDDY_OK);
    CHECK_TEXT(eddy_error_message(error), "no route");
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    CHECK_STATUS(eddy_future_wait(third, NULL), EDDY_ETARGETCANCELED);
    CHECK_INT(released, 0);
    CHECK_STATUS(eddy_future_release(first), EDDY_OK);
    CHECK_INT(released, 1);
    CHECK_STATUS(eddy_future_release(second), EDDY_OK);
    CHECK_STATUS(eddy_future_release(third), EDDY_OK);
    return EDDY_OK;
}

/* ---- done, or gone ---- */

IN_TASK(done_before, 0) {
    const eddy_future_t future = new_future(), gone = new_future();
    int mine = 0, late = 0;
    void *value = NULL;
    (void)context;
    CHECK_STATUS(eddy_future_complete_threadsafe(future, &late, count_release), EDDY_OK);
    CHECK_STATUS(eddy_future_complete_threadsafe(gone, &late, count_release), EDDY_OK);
    CHECK_STATUS(eddy_future_fail_threadsafe(gone, -EIO, "late"), EDDY_OK);
    CHECK_STATUS(eddy_future_fail_threadsafe(future, -EIO, "late"), EDDY_OK);
    CHECK_STATUS(eddy_future_cancel_threadsafe(future, "late"), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(future, &mine, count_release), EDDY_OK);
    CHECK_STATUS(eddy_future_release(gone), EDDY_OK);
    CHECK_INT(late, 0);
    arrive();
    CHECK_INT(late, 2);
    CHECK_STATUS(eddy_future_result(future, &value), EDDY_OK);
    CHECK(value == &mine);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    CHECK_INT(mine, 1);
    return EDDY_OK;
}

/* The first of two that race is the outcome. */
IN_TASK(first_wins, 0) {
    const eddy_future_t future = new_future();
    int first = 0, second = 0;
    void *value = NULL;
    (void)context;
    CHECK_STATUS(eddy_future_complete_threadsafe(future, &first, count_release), EDDY_OK);
    CHECK_STATUS(eddy_future_complete_threadsafe(future, &second, count_release), EDDY_OK);
    CHECK_STATUS(eddy_future_wait(future, &value), EDDY_OK);
    CHECK(value == &first);
    arrive();
    CHECK_INT(second, 1);
    CHECK_INT(first, 0);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    CHECK_INT(first, 1);
    return EDDY_OK;
}

/* A failure that came through the door and that nobody reads is reported, as any other. */
IN_TASK(unread_failure, 1) {
    const eddy_future_t future = new_future();
    (void)context;
    CHECK_STATUS(eddy_future_fail_threadsafe(future, -EIO, "unread"), EDDY_OK);
    arrive();
    CHECK_INT(reports.count, 0);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    CHECK_STATUS(reports.status, -EIO);
    CHECK_CONTAINS(reports.text, "unread");
    return EDDY_OK;
}

/* ---- tasks ---- */

static eddy_status_t long_sleep(void *context) {
    trace("%s", (const char *)context);
    return eddy_sleep(EDDY_SECONDS(3600));
}

IN_TASK(task_is_cancelled, 0) {
    eddy_task_t task = { 0 };
    eddy_task_info_t info;
    int64_t before = 0, after = 0;
    (void)context;
    CHECK_STATUS(eddy_now(&before), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(long_sleep, "ran", NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_future_cancel_threadsafe(eddy_task_future(task), "enough"), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_ETARGETCANCELED);
    CHECK_STATUS(eddy_now(&after), EDDY_OK);
    memset(&info, 0, sizeof info);
    info.size = (uint32_t)sizeof info;
    CHECK_STATUS(eddy_task_info(task, &info), EDDY_OK);
    CHECK_INT(info.state, EDDY_TASK_CANCELED);
    CHECK_STATUS(eddy_future_cancel_threadsafe(eddy_task_future(task), "again"), EDDY_OK);
    CHECK_TRACE("ran");
    CHECK(after - before < EDDY_SECONDS(3600) + 1);
    arrive();
    return eddy_task_release(task);
}

/* Only its function ends a task: a value sent to its future is released. */
IN_TASK(task_is_not_completed, 0) {
    eddy_task_t task = { 0 };
    int late = 0;
    (void)context;
    CHECK_STATUS(eddy_task_spawn(long_sleep, "ran", NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_future_complete_threadsafe(eddy_task_future(task), &late, count_release),
        EDDY_OK);
    CHECK_STATUS(eddy_future_fail_threadsafe(eddy_task_future(task), -EIO, "no"), EDDY_OK);
    arrive();
    CHECK_INT(late, 1);
    CHECK_STATUS(eddy_future_result(eddy_task_future(task), NULL), EDDY_EPENDING);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_OK);
    return eddy_task_release(task);
}

/* ---- refusals ---- */

static void refuse_all(uint64_t id, const char *what) {
    const eddy_future_t future = { id };
    int released = 0;
    trace("%s", what);
    CHECK_STATUS(eddy_future_complete_threadsafe(future, &released, count_release),
        EDDY_EBADHANDLE);
    CHECK_INT(released, 1);
    CHECK_STATUS(eddy_future_fail_threadsafe(future, -EIO, "no"), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_future_cancel_threadsafe(future, "no"), EDDY_EBADHANDLE);
}

IN_TASK(refusals, 0) {
    const eddy_future_t future = new_future();
    eddy_loop_t loop = { 0 };
    eddy_scope_t scope = { 0 };
    (void)context;
    CHECK_STATUS(eddy_loop_current(&loop), EDDY_OK);
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    refuse_all(0, "null");
    refuse_all(loop.id, "loop");
    refuse_all(scope.id, "scope");
    CHECK_STATUS(eddy_future_fail_threadsafe(future, EDDY_OK, "no"), EDDY_EINVAL);
    CHECK_STATUS(eddy_future_fail_threadsafe(future, 5, "no"), EDDY_EINVAL);
    CHECK_STATUS(eddy_future_fail_threadsafe(future, EDDY_ECANCELED, "no"), EDDY_EINVAL);
    arrive();
    CHECK_STATUS(eddy_future_result(future, NULL), EDDY_EPENDING);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_OK), EDDY_OK);
    return eddy_future_release(future);
}

static void closed_loop(void) {
    const eddy_loop_options_t options = virtual_options();
    eddy_loop_t loop = { 0 };
    eddy_future_t future = { 0 };
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    future = new_future();
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    refuse_all(future.id, "closed");
}

/* What the close finds in the door is released, and its future too. */
static void pending_at_close(void) {
    const eddy_loop_options_t options = virtual_options();
    eddy_loop_t loop = { 0 };
    eddy_future_t kept = { 0 }, gone = { 0 };
    int released = 0;
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    kept = new_future();
    gone = new_future();
    CHECK_STATUS(eddy_future_complete_threadsafe(kept, &released, count_release), EDDY_OK);
    CHECK_STATUS(eddy_future_complete_threadsafe(gone, &released, count_release), EDDY_OK);
    CHECK_STATUS(eddy_future_release(gone), EDDY_OK);
    CHECK_INT(released, 0);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_INT(released, 2);
    CHECK_INT(reports.count, 1);
    CHECK_CONTAINS(reports.text, "references were left");
}

static const check_test_t tests[] = {
    { "FUT-25: completed, failed and cancelled through the door", outcomes },
    { "FUT-25: the future is done or gone when the outcome arrives", done_before },
    { "FUT-25: the first outcome counts", first_wins },
    { "FUT-25: an unread failure is reported", unread_failure },
    { "threads' door: a task is asked to end", task_is_cancelled },
    { "threads' door: a task's future takes no value", task_is_not_completed },
    { "threads' door: refusals", refusals },
    { "threads' door: the loop is closed", closed_loop },
    { "threads' door: outcomes pending at the close", pending_at_close },
};
CHECK_MAIN(tests)
