/*
 * scope_level.c: proves M2: cancellation is a level of a scope. Every cancel point inside fails,
 * failing still yields, and ignoring it neither freezes the loop nor spins.
 *
 * Invariants: every test runs on a virtual clock; a test that expects no report checks that.
 * Threads: one.
 */
#include "check.h"

#include <errno.h>
#include <fcntl.h>

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

static eddy_status_t note(void *name) {
    trace("%s", (const char *)name);
    return EDDY_OK;
}

static char word_other[] = "other";

/* ------------------------------------------------------------------------------------------------
 * Every cancel point fails, and lets others run
 */
enum { YIELD, CHECKPOINT, SLEEP, SLEEP_ZERO, SLEEP_NEGATIVE, WAIT, FD, CANCEL_POINTS };

static eddy_status_t reach(int which, eddy_future_t pending, int fd) {
    switch (which) {
    case YIELD: return eddy_yield();
    case CHECKPOINT: return eddy_checkpoint();
    case SLEEP: return eddy_sleep(EDDY_SECONDS(1));
    case SLEEP_ZERO: return eddy_sleep(0);
    case SLEEP_NEGATIVE: return eddy_sleep(-5);
    case WAIT: return eddy_future_wait(pending, NULL);
    default: return eddy_fd_wait(fd, EDDY_READABLE, NULL);
    }
}

IN_TASK(every_cancel_point_fails) {
    eddy_future_t pending;
    eddy_scope_t scope;
    int fds[2];
    (void)context;
    CHECK(pipe(fds) == 0);
    CHECK(write(fds[1], "x", 1) == 1);
    CHECK_STATUS(eddy_future_create(&pending), EDDY_OK);
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_INT(eddy_cancelled(), 0);
    CHECK_STATUS(eddy_scope_cancel(scope, NULL), EDDY_OK);
    CHECK_INT(eddy_cancelled(), 1);
    for (int which = 0; which < CANCEL_POINTS; which++) {
        trace_clear();
        CHECK_STATUS(eddy_task_spawn(note, word_other, NULL, NULL), EDDY_OK);
        int fits = CHECK_STATUS(reach(which, pending, fds[0]), EDDY_ECANCELED);
        fits &= CHECK_TRACE("other");
        if (!fits) printf("  cancel point %d\n", which);
        CHECK_INT(eddy_cancelled(), 1);
    }
    CHECK_STATUS(eddy_scope_close(scope, EDDY_ECANCELED), EDDY_OK);
    CHECK_INT(eddy_cancelled(), 0);
    CHECK_INT(now_ms(), 0);
    for (int which = 0; which < CANCEL_POINTS; which++)
        if (which != WAIT) CHECK_STATUS(reach(which, pending, fds[0]), EDDY_OK);
    CHECK_STATUS(eddy_future_release(pending), EDDY_OK);
    close(fds[0]);
    close(fds[1]);
    return EDDY_OK;
}

/* TSK-15: cancelled on entry, before any effect: the descriptor is not made non-blocking. */
IN_TASK(no_side_effect) {
    eddy_scope_t scope;
    int fds[2];
    (void)context;
    CHECK(pipe(fds) == 0);
    CHECK(write(fds[1], "x", 1) == 1);
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_fd_wait(fds[0], EDDY_READABLE, NULL), EDDY_ECANCELED);
    CHECK((fcntl(fds[0], F_GETFL) & O_NONBLOCK) == 0);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_ECANCELED), EDDY_OK);
    close(fds[0]);
    close(fds[1]);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * 1000 failures, one report, then 1 ms each
 */
static eddy_task_t ignorer;

static eddy_status_t ignore_cancellation(void *context) {
    eddy_scope_t scope;
    (void)context;
    CHECK_STATUS(eddy_task_current(&ignorer), EDDY_OK);
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(scope, NULL), EDDY_OK);
    for (int count = 0; count < 999; count++) CHECK_STATUS(eddy_checkpoint(), EDDY_ECANCELED);
    CHECK_INT(reports.count, 0);
    CHECK_STATUS(eddy_checkpoint(), EDDY_ECANCELED);
    CHECK_INT(now_ms(), 0);
    for (int count = 1; count <= 50; count++) {
        CHECK_STATUS(eddy_checkpoint(), EDDY_ECANCELED);
        CHECK_INT(now_ms(), count);
    }
    CHECK_INT(reports.count, 1);
    CHECK_INT(reports.all[0].task.id, ignorer.id);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_ECANCELED), EDDY_OK);
    return EDDY_OK;
}

static void thousand_failures(void) {
    CHECK_STATUS(run_virtual(ignore_cancellation, NULL), EDDY_OK);
    CHECK_INT(reports.count, 1);
}

static int woken;

static eddy_status_t wake_after_5(void *context) {
    EDDY_TRY(eddy_sleep(EDDY_MILLISECONDS(5)));
    woken = 1;
    (void)context;
    return EDDY_OK;
}

static eddy_status_t loop_is_not_frozen_body(void *context) {
    eddy_scope_t scope;
    int turns = 0;
    (void)context;
    woken = 0;
    CHECK_STATUS(eddy_task_spawn(wake_after_5, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(scope, NULL), EDDY_OK);
    while (!woken && turns < 20000) {
        turns++;
        (void)eddy_yield();
    }
    CHECK(woken);
    CHECK(turns >= 1000 && turns <= 1010);
    CHECK_INT(now_ms(), 5);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_OK), EDDY_OK);
    return EDDY_OK;
}

static void loop_is_not_frozen(void) {
    CHECK_STATUS(run_virtual(loop_is_not_frozen_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 1);
}

/* The count is the scope's: 600 failures in each of two scopes are not 1000 in one. */
IN_TASK(counted_per_scope) {
    (void)context;
    for (int round = 0; round < 3; round++) {
        eddy_scope_t scope;
        CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
        CHECK_STATUS(eddy_scope_cancel(scope, NULL), EDDY_OK);
        for (int count = 0; count < 600; count++)
            CHECK_STATUS(eddy_checkpoint(), EDDY_ECANCELED);
        CHECK_STATUS(eddy_scope_close(scope, EDDY_ECANCELED), EDDY_OK);
    }
    CHECK_INT(now_ms(), 0);
    return EDDY_OK;
}

/* A scope opened anew for each cancel point does not help: it is the cancelled one that counts. */
static eddy_status_t fail_in_fresh_scopes(void *context) {
    eddy_scope_t outer;
    (void)context;
    CHECK_STATUS(eddy_scope_open(&outer, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(outer, NULL), EDDY_OK);
    for (int count = 0; count < 1010; count++) {
        eddy_scope_t inner;
        CHECK_STATUS(eddy_scope_open(&inner, NULL), EDDY_OK);
        CHECK_STATUS(eddy_scope_close(inner, eddy_yield()), EDDY_ECANCELED);
    }
    CHECK_INT(now_ms(), 10);
    CHECK_STATUS(eddy_scope_close(outer, EDDY_OK), EDDY_OK);
    return EDDY_OK;
}

static void counted_in_fresh_scopes(void) {
    CHECK_STATUS(run_virtual(fail_in_fresh_scopes, NULL), EDDY_OK);
    CHECK_INT(reports.count, 1);
}

/* ------------------------------------------------------------------------------------------------
 * What is no cancel point
 */
static eddy_status_t give_seven(void *context) {
    static int seven = 7;
    (void)context;
    return eddy_return(&seven, NULL);
}

IN_TASK(no_cancel_points) {
    eddy_scope_t scope, inner;
    eddy_future_t future;
    eddy_task_t task;
    int64_t now;
    (void)context;
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(give_seven, NULL, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(note, word_other, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_open(&inner, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(inner, EDDY_OK), EDDY_OK);
    CHECK_STATUS(eddy_timeout_open(&inner, 0, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(inner, EDDY_OK), EDDY_OK);
    CHECK_STATUS(eddy_shield_open(&inner, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(inner, EDDY_OK), EDDY_OK);
    CHECK_STATUS(eddy_group_open(&inner, NULL), EDDY_OK);
    /* A group tells that the outer scope is cancelled (TG-18), without a switch. */
    CHECK_STATUS(eddy_scope_close(inner, EDDY_OK), EDDY_ECANCELED);
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(future, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_result(future, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    CHECK_STATUS(eddy_now(&now), EDDY_OK);
    CHECK_TRACE("");
    CHECK_STATUS(eddy_scope_close(scope, EDDY_OK), EDDY_OK);
    CHECK_TRACE("");
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    return EDDY_OK;
}

IN_TASK(left_before_any_checkpoint) {
    eddy_scope_t scope, inner;
    (void)context;
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_OK), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_sleep(EDDY_MILLISECONDS(1)), EDDY_OK);
    /* The same around a scope that is not cancelled itself. */
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_open(&inner, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(scope, NULL), EDDY_OK);
    CHECK_INT(eddy_cancelled(), 1);
    CHECK_STATUS(eddy_scope_close(inner, EDDY_OK), EDDY_OK);
    CHECK_INT(eddy_cancelled(), 1);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_OK), EDDY_OK);
    CHECK_INT(eddy_cancelled(), 0);
    return EDDY_OK;
}

/* Cancelling an inner scope leaves what is around it alone. */
IN_TASK(inner_cancel_stays_inside) {
    eddy_scope_t outer, inner;
    (void)context;
    CHECK_STATUS(eddy_scope_open(&outer, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_open(&inner, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(inner, NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(1), EDDY_ECANCELED);
    CHECK_STATUS(eddy_sleep(1), EDDY_ECANCELED);
    CHECK_STATUS(eddy_scope_close(inner, EDDY_ECANCELED), EDDY_OK);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(outer, EDDY_OK), EDDY_OK);
    return EDDY_OK;
}

static eddy_status_t cancel_self_then_wait(void *context) {
    const eddy_future_t *done = context;
    eddy_task_t self;
    void *value = NULL;
    CHECK_STATUS(eddy_task_current(&self), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(self, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_wait(*done, &value), EDDY_OK);
    CHECK(value == (void *)&woken);
    CHECK_STATUS(eddy_future_wait(*done, &value), EDDY_OK);
    CHECK_STATUS(eddy_task_join((eddy_task_t){ done->id }, NULL), EDDY_EBADHANDLE);
    return eddy_sleep(1);
}

IN_TASK(done_future_in_cancelled_task) {
    eddy_future_t done;
    eddy_task_t task;
    (void)context;
    CHECK_STATUS(eddy_future_create(&done), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(done, &woken, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(cancel_self_then_wait, &done, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_ETARGETCANCELED);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_STATUS(eddy_future_release(done), EDDY_OK);
    return EDDY_OK;
}

static const check_test_t tests[] = {
    { "M2, M10: every cancel point in a cancelled scope fails and still yields",
        every_cancel_point_fails },
    { "M2, TSK-15: a failing cancel point has no side effect", no_side_effect },
    { "M2: after 1000 failures one report, then 1 ms each", thousand_failures },
    { "M2: a task that ignores cancellation does not freeze the loop", loop_is_not_frozen },
    { "M2: the 1000 are counted in one scope", counted_per_scope },
    { "M2: the 1000 are those of the cancelled scope, in fresh ones inside it too",
        counted_in_fresh_scopes },
    { "M2: opening, closing and reading are no cancel points", no_cancel_points },
    { "M2, TSK-31: leaving a scope before any checkpoint withdraws its cancel",
        left_before_any_checkpoint },
    { "M2: an inner scope's cancel stays inside it", inner_cancel_stays_inside },
    { "M2, TSK-14: a cancelled task reads a done future, then ECANCELED",
        done_future_in_cancelled_task },
};
CHECK_MAIN(tests)
