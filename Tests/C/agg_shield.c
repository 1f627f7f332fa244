/*
 * agg_shield.c: waits that leave their target alone, who reads failures, what is let go of, waits
 * that could never end (chapter AGG, rows 23 to 29, and what the section "Several at once" says of
 * reports, references and deadlocks).
 *
 * Invariants: on the virtual clock. Threads: one.
 */
#include "agg_check.h"

/* One who observes a future until it is cancelled. */
typedef struct watcher {
    eddy_future_t future;
    eddy_status_t status;
    int64_t ended_ms;
} watcher_t;

static eddy_status_t watch(void *context) {
    watcher_t *watcher = context;
    watcher->status = eddy_future_wait(watcher->future, NULL);
    watcher->ended_ms = now_ms();
    return watcher->status;
}

/* Observes, and is cancelled after a millisecond. */
static watcher_t watch_and_cancel(eddy_future_t future) {
    watcher_t watcher = { future, 1, 0 };
    const eddy_task_t task = spawn(watch, &watcher);
    CHECK_STATUS(eddy_sleep(MS(1)), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_ETARGETCANCELED);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    return watcher;
}

IN_TASK(done_is_itself) {
    (void)context;
    static int value;
    eddy_future_t future, shield;
    void *got = NULL;
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(future, &value, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_wait(future, &got), EDDY_OK);
    CHECK(got == &value);
    CHECK_STATUS(eddy_wait_start(&future, 1, EDDY_UNTIL_ALL, EDDY_FOREVER, &shield), EDDY_OK);
    CHECK_INT(future_info(shield).state, EDDY_FUTURE_DONE);
    CHECK_STATUS(eddy_future_release(shield), EDDY_OK);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    return EDDY_OK;
}

IN_TASK(inner_goes_on) {
    (void)context;
    member_t members[] = { MEMBER("a", 9, 0) };
    eddy_future_t future;
    members_spawn(members, 1, &future);
    const watcher_t watcher = watch_and_cancel(future);
    CHECK_STATUS(watcher.status, EDDY_ECANCELED);
    CHECK_INT(watcher.ended_ms, 1);
    for (int round = 0; round < 50; round++) {
        eddy_future_t shield;
        CHECK_STATUS(eddy_wait_start(&future, 1, EDDY_UNTIL_ALL, EDDY_FOREVER, &shield), EDDY_OK);
        CHECK_STATUS(eddy_future_cancel(shield, NULL), EDDY_OK);
        CHECK_INT(left_behind(&future, 1), 0);
        CHECK_STATUS(eddy_future_release(shield), EDDY_OK);
    }
    CHECK_STATUS(eddy_task_join(members[0].task, NULL), EDDY_OK);
    CHECK_TRACE("a");
    CHECK_INT(now_ms(), 9);
    members_release(members, 1);
    return EDDY_OK;
}

IN_TASK(inner_cancelled) {
    (void)context;
    member_t members[] = { MEMBER("a", 9, 0) };
    eddy_future_t future;
    members_spawn(members, 1, &future);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(members[0].task, "inner"), EDDY_OK);
    CHECK_STATUS(eddy_future_wait(future, NULL), EDDY_ETARGETCANCELED);
    CHECK_TEXT(current_message(), "inner");
    CHECK_INT(cancel_requests(), 0);
    members_release(members, 1);
    return EDDY_OK;
}

IN_TASK(same_object) {
    (void)context;
    member_t members[] = { MEMBER("a", 1, 0), MEMBER("b", 1, EDDY_EPERM) };
    eddy_future_t futures[2];
    eddy_error_t first, second;
    void *value = NULL;
    members_spawn(members, 2, futures);
    CHECK_STATUS(eddy_future_wait(futures[0], &value), EDDY_OK);
    CHECK(value == &members[0]);
    CHECK_STATUS(eddy_future_wait(futures[1], NULL), EDDY_EPERM);
    CHECK_STATUS(eddy_error_current(&first), EDDY_OK);
    CHECK_STATUS(eddy_gather(futures, 2, NULL), EDDY_EPERM);
    CHECK_STATUS(eddy_error_current(&second), EDDY_OK);
    CHECK(first.id == second.id);
    CHECK_STATUS(eddy_error_release(first), EDDY_OK);
    CHECK_STATUS(eddy_error_release(second), EDDY_OK);
    members_release(members, 2);
    return EDDY_OK;
}

static eddy_status_t fails_later_body(void *context) {
    const int reads = *(int *)context;
    member_t members[] = { MEMBER("a", 9, EDDY_EPERM) };
    eddy_future_t future;
    members_spawn(members, 1, &future);
    CHECK_STATUS(watch_and_cancel(future).status, EDDY_ECANCELED);
    CHECK_STATUS(eddy_sleep(MS(20)), EDDY_OK);
    CHECK_INT(reports.count, 0);
    if (reads) CHECK_STATUS(eddy_future_result(future, NULL), EDDY_EPERM);
    members_release(members, 1);
    CHECK_INT(reports.count, reads ? 0 : 1);
    return EDDY_OK;
}

static void fails_later(void) {
    for (int reads = 0; reads < 2; reads++) {
        CHECK_STATUS(run_virtual(fails_later_body, &reads), EDDY_OK);
        CHECK_INT(reports.count, reads ? 0 : 1);
        CHECK_INT(reports_with(EDDY_EPERM), reads ? 0 : 1);
    }
}

IN_TASK(shield_of_gather) {
    (void)context;
    member_t members[] = { MEMBER("a", 9, 0), MEMBER("b", 9, 0) };
    eddy_future_t futures[2], gather, shields[2];
    members_spawn(members, 2, futures);
    CHECK_STATUS(eddy_gather_start(futures, 2, 0, &gather), EDDY_OK);
    CHECK_STATUS(watch_and_cancel(gather).status, EDDY_ECANCELED);
    CHECK_INT(future_info(gather).state, EDDY_FUTURE_PENDING);
    CHECK_STATUS(eddy_future_wait(gather, NULL), EDDY_OK);
    CHECK_TRACE("a b");
    CHECK_STATUS(eddy_future_release(gather), EDDY_OK);
    members_release(members, 2);
    /* gather(shield(a), shield(b)), cancelled: the shields are, a and b are not. */
    trace_clear();
    members_spawn(members, 2, futures);
    for (int at = 0; at < 2; at++)
        CHECK_STATUS(eddy_wait_start(&futures[at], 1, EDDY_UNTIL_ALL, EDDY_FOREVER, &shields[at]),
            EDDY_OK);
    CHECK_STATUS(eddy_gather_start(shields, 2, 0, &gather), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(1)), EDDY_OK);
    CHECK_STATUS(eddy_future_cancel(gather, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_wait(gather, NULL), EDDY_ETARGETCANCELED);
    CHECK_STATUS(eddy_future_release(gather), EDDY_OK);
    for (int at = 0; at < 2; at++) {
        CHECK_INT(future_info(shields[at]).state, EDDY_FUTURE_CANCELED);
        CHECK_STATUS(eddy_future_release(shields[at]), EDDY_OK);
        CHECK_INT(left_behind(&futures[at], 1), 0);
    }
    CHECK_TRACE("");
    CHECK_STATUS(eddy_gather(futures, 2, NULL), EDDY_OK);
    CHECK_TRACE("a b");
    members_release(members, 2);
    return EDDY_OK;
}

IN_TASK(abandoned) {
    (void)context;
    member_t members[] = { MEMBER("a", 9, 0), MEMBER("b", 9, 0) };
    eddy_future_t futures[3], gather, outer;
    members[1].cleanup_ms = 5;
    members_spawn(members, 2, futures);
    CHECK_STATUS(eddy_future_create(&futures[2]), EDDY_OK);
    CHECK_STATUS(eddy_gather_start(futures, 3, 0, &gather), EDDY_OK);
    CHECK_STATUS(eddy_gather_start(&gather, 1, EDDY_GATHER_ALL, &outer), EDDY_OK);
    CHECK_STATUS(eddy_future_release(gather), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(1)), EDDY_OK);
    CHECK_INT(members[0].was_cancelled, 0);
    CHECK_STATUS(eddy_future_release(outer), EDDY_OK);
    CHECK_INT(future_info(futures[2]).state, EDDY_FUTURE_PENDING);
    CHECK_STATUS(eddy_sleep(MS(1)), EDDY_OK);
    CHECK_TRACE("a!");
    CHECK_INT(future_info(futures[2]).state, EDDY_FUTURE_CANCELED);
    CHECK_INT(left_behind(futures, 3), 1);
    CHECK_STATUS(eddy_sleep(MS(9)), EDDY_OK);
    CHECK_TRACE("a! b!");
    CHECK_INT(left_behind(futures, 3), 0);
    CHECK_STATUS(eddy_future_release(futures[2]), EDDY_OK);
    members_release(members, 2);
    return EDDY_OK;
}

static eddy_status_t reports_body(void *context) {
    (void)context;
    member_t members[] = { MEMBER("a", 1, EDDY_EPERM), MEMBER("b", 9, 0) };
    eddy_future_t futures[2], gather;
    members[1].after = EDDY_EINVAL;
    members_spawn(members, 2, futures);
    CHECK_STATUS(eddy_gather_start(futures, 2, 0, &gather), EDDY_OK);
    members_release(members, 2);
    CHECK_STATUS(eddy_sleep(MS(5)), EDDY_OK);
    CHECK_INT(reports.count, 0);
    /* Nobody has read the gather: its failure is reported, once, and no member's. */
    CHECK_STATUS(eddy_future_release(gather), EDDY_OK);
    CHECK_INT(reports.count, 1);
    CHECK_STATUS(reports.status, EDDY_EPERM);
    CHECK_CONTAINS(reports.text, "a");
    /* Waits that only observe read nothing. */
    members[0].status = EDDY_EINVAL;
    members_spawn(members, 1, futures);
    CHECK_STATUS(eddy_wait_all(futures, 1, EDDY_FOREVER, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_select(futures, 1, EDDY_SELECT_CANCEL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_gather_all(futures, 1, NULL, NULL), EDDY_OK);
    CHECK_INT(reports.count, 1);
    members_release(members, 1);
    CHECK_INT(reports.count, 2);
    return EDDY_OK;
}

static void reported_once(void) {
    CHECK_STATUS(run_virtual(reports_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 2);
}

static eddy_status_t joins_parent(void *context) {
    const eddy_future_t *futures = context;
    eddy_future_t nested;
    CHECK_STATUS(eddy_gather(futures, 2, NULL), EDDY_EDEADLK);
    CHECK_STATUS(eddy_gather_all(futures, 2, NULL, NULL), EDDY_EDEADLK);
    CHECK_STATUS(eddy_wait_all(futures, 2, EDDY_FOREVER, NULL, NULL), EDDY_EDEADLK);
    CHECK_STATUS(eddy_wait_all(futures, 2, 0, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_select(futures, 2, EDDY_SELECT_CANCEL, NULL), EDDY_EDEADLK);
    CHECK_STATUS(eddy_wait_for(futures[0], MS(1), NULL), EDDY_EDEADLK);
    CHECK_STATUS(eddy_gather_start(futures, 2, 0, &nested), EDDY_OK);
    CHECK_STATUS(eddy_future_wait(nested, NULL), EDDY_EDEADLK);
    CHECK_STATUS(eddy_gather(&nested, 1, NULL), EDDY_EDEADLK);
    CHECK_STATUS(eddy_wait_for(nested, MS(1), NULL), EDDY_EDEADLK);
    CHECK_INT(eddy_cancelled(), 0);
    CHECK_STATUS(eddy_future_complete(futures[1], NULL, NULL), EDDY_OK);
    /* It is left to the close of the loop: to let go of it now would cancel this task. */
    return EDDY_OK;
}

static eddy_status_t never_ends_body(void *context) {
    (void)context;
    eddy_future_t futures[2] = { eddy_task_future(self()), { 0 } };
    eddy_scope_t group;
    eddy_task_t child;
    CHECK_STATUS(eddy_future_create(&futures[1]), EDDY_OK);
    CHECK_STATUS(eddy_gather(futures, 1, NULL), EDDY_EDEADLK);
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(group, joins_parent, futures, NULL, &child), EDDY_OK);
    CHECK_STATUS(eddy_wait_any(futures, 2, EDDY_FOREVER, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(group, EDDY_OK), EDDY_OK);
    CHECK_STATUS(eddy_task_join(child, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_release(child), EDDY_OK);
    CHECK_STATUS(eddy_future_release(futures[1]), EDDY_OK);
    return EDDY_OK;
}

static void never_ends(void) {
    CHECK_STATUS(run_virtual(never_ends_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 1);
    CHECK_STATUS(reports.status, EDDY_EBUSY);
    CHECK_CONTAINS(reports.text, "references were left");
}

/* Combined futures in a row, each the only member of the next one. */
#define DEEP 20000
static eddy_future_t chain[DEEP];

IN_TASK(deep_chain) {
    (void)context;
    for (int round = 0; round < 3; round++) {
        CHECK_STATUS(eddy_future_create(&chain[0]), EDDY_OK);
        for (int at = 1; at < DEEP; at++)
            CHECK_STATUS(eddy_gather_start(&chain[at - 1], 1, 0, &chain[at]), EDDY_OK);
        if (round == 0) CHECK_STATUS(eddy_future_complete(chain[0], NULL, NULL), EDDY_OK);
        if (round == 1) CHECK_STATUS(eddy_future_cancel(chain[DEEP - 1], NULL), EDDY_OK);
        if (round < 2)
            CHECK_STATUS(eddy_future_wait(chain[DEEP - 1], NULL),
                round == 0 ? EDDY_OK : EDDY_ETARGETCANCELED);
        for (int at = 0; at < DEEP; at++)
            CHECK_STATUS(eddy_future_release(chain[at]), EDDY_OK);
    }
    return EDDY_OK;
}

static const check_test_t tests[] = {
    { "AGG-23: what is done is given at once", done_is_itself },
    { "AGG-24, AGG-27: a cancelled waiter leaves it running and unlinked", inner_goes_on },
    { "AGG-25: what is cancelled itself is ETARGETCANCELED with the reason", inner_cancelled },
    { "AGG-26: the same value and the same error", same_object },
    { "AGG-28: a failure after the waiter left is reported once, unless it is read", fails_later },
    { "AGG-29: a gather and its members go on; shields in a gather do not", shield_of_gather },
    { "M12: an abandoned gather asks its members to end and waits", abandoned },
    { "M12: who reads failures of members", reported_once },
    { "EDEADLK: oneself or an ancestor, nested too", never_ends },
    { "a chain of 20,000 combined futures needs no stack", deep_chain },
};

CHECK_MAIN(tests)
