/*
 * agg_wait.c: waiting for all, for any, until an error, and selecting one (chapter AGG, rows 15 to
 * 20, and select).
 *
 * Invariants: on the virtual clock; nothing stays registered. Threads: one.
 */
#include "agg_check.h"

typedef eddy_status_t (*wait_fn)(const eddy_future_t *, size_t, int64_t, uint8_t *, size_t *);
static const wait_fn waits[] = { eddy_wait_all, eddy_wait_any, eddy_wait_first_error };
static const int32_t untils[] = { EDDY_UNTIL_ALL, EDDY_UNTIL_ANY, EDDY_UNTIL_ERROR };

IN_TASK(refuses_nothing) {
    (void)context;
    eddy_future_t future, made = { 7 };
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    for (int kind = 0; kind < 3; kind++) {
        CHECK_STATUS(waits[kind](&future, 0, EDDY_FOREVER, NULL, NULL), EDDY_EINVAL);
        CHECK_STATUS(waits[kind](NULL, 1, EDDY_FOREVER, NULL, NULL), EDDY_EINVAL);
        CHECK_STATUS(eddy_wait_start(&future, 0, untils[kind], 1, &made), EDDY_EINVAL);
        CHECK_STATUS(eddy_wait_start(&future, 1, untils[kind], 1, NULL), EDDY_EINVAL);
    }
    CHECK_STATUS(eddy_wait_start(&future, 1, 0, 1, &made), EDDY_EINVAL);
    CHECK_STATUS(eddy_wait_start(&future, 1, 4, 1, &made), EDDY_EINVAL);
    CHECK_STATUS(eddy_gather_start(&future, 1, 2, &made), EDDY_EINVAL);
    CHECK_STATUS(eddy_select(&future, 0, 0, NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_select(&future, 1, 2, NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_wait_finish(future, NULL, NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_gather_finish(future, NULL, NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_select_finish(future, NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_completions_next_finish(future, NULL), EDDY_EINVAL);
    CHECK(made.id == 7);
    CHECK_INT(left_behind(&future, 1), 0);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    return EDDY_OK;
}

IN_TASK(duplicates_collapse) {
    (void)context;
    member_t members[] = { MEMBER("a", 1, 0), MEMBER("b", 2, 0) };
    eddy_future_t futures[4];
    uint8_t done[4] = { 9, 9, 9, 9 };
    size_t count = 9;
    members_spawn(members, 2, futures);
    futures[2] = futures[0];
    futures[3] = futures[0];
    CHECK_STATUS(eddy_wait_any(futures, 4, EDDY_FOREVER, done, &count), EDDY_OK);
    CHECK_INT(count, 3);
    CHECK(done[0] == 1 && done[1] == 0 && done[2] == 1 && done[3] == 1);
    CHECK_STATUS(eddy_wait_all(futures, 4, EDDY_FOREVER, done, &count), EDDY_OK);
    CHECK_INT(count, 4);
    CHECK_TRACE("a b");
    members_release(members, 2);
    return EDDY_OK;
}

IN_TASK(timeout_is_no_failure) {
    (void)context;
    member_t members[] = { MEMBER("a", 1, 0), MEMBER("b", 9, 0) };
    eddy_future_t futures[2], wait;
    uint8_t done[2];
    size_t count;
    members_spawn(members, 2, futures);
    CHECK_STATUS(eddy_wait_all(futures, 2, 0, done, &count), EDDY_OK);
    CHECK_INT(count, 0);
    CHECK_STATUS(eddy_wait_all(futures, 2, -5, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_wait_all(futures, 2, MS(3), done, &count), EDDY_OK);
    CHECK_INT(now_ms(), 3);
    CHECK(count == 1 && done[0] == 1 && done[1] == 0);
    CHECK_STATUS(eddy_wait_start(futures, 2, EDDY_UNTIL_ALL, MS(2), &wait), EDDY_OK);
    CHECK_STATUS(eddy_wait_finish(wait, done, &count), EDDY_EPENDING);
    CHECK_STATUS(eddy_future_wait(wait, NULL), EDDY_OK);
    CHECK_INT(now_ms(), 5);
    CHECK_STATUS(eddy_wait_finish(wait, done, &count), EDDY_OK);
    CHECK(count == 1 && done[0] == 1 && done[1] == 0);
    CHECK_INT(left_behind(futures, 2), 0);
    CHECK_STATUS(eddy_future_release(wait), EDDY_OK);
    CHECK_STATUS(eddy_task_join(members[1].task, NULL), EDDY_OK);
    CHECK_INT(members[1].was_cancelled, 0);
    members_release(members, 2);
    return EDDY_OK;
}

static eddy_status_t complete_later(void *context) {
    eddy_future_t *futures = context;
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(futures[1], NULL, NULL), EDDY_OK);
    trace("first");
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(futures[0], NULL, NULL), EDDY_OK);
    trace("second");
    return EDDY_OK;
}

IN_TASK(same_tick_counts) {
    (void)context;
    eddy_future_t futures[3];
    uint8_t done[3];
    size_t count, index;
    for (int at = 0; at < 3; at++) CHECK_STATUS(eddy_future_create(&futures[at]), EDDY_OK);
    const eddy_task_t task = spawn(complete_later, futures);
    CHECK_STATUS(eddy_wait_any(futures, 3, EDDY_FOREVER, done, &count), EDDY_OK);
    trace("woken");
    /* Two rounds after the first one, by when the second was done too. */
    CHECK_TRACE("first second woken");
    CHECK(count == 2 && done[0] == 1 && done[1] == 1 && done[2] == 0);
    CHECK_STATUS(eddy_select(futures, 3, 0, &index), EDDY_OK);
    CHECK_INT(index, 0);
    CHECK_STATUS(eddy_wait_any(futures, 3, 0, done, &count), EDDY_OK);
    CHECK_INT(count, 2);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    for (int at = 0; at < 3; at++) CHECK_STATUS(eddy_future_release(futures[at]), EDDY_OK);
    return EDDY_OK;
}

IN_TASK(first_error) {
    (void)context;
    member_t members[] = { MEMBER("a", 9, 0), MEMBER("b", 3, EDDY_EPERM), MEMBER("c", 5, 0) };
    eddy_future_t futures[3];
    uint8_t done[3];
    size_t count;
    members_spawn(members, 3, futures);
    CHECK_STATUS(eddy_sleep(MS(1)), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(members[0].task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_wait_first_error(futures, 3, EDDY_FOREVER, done, &count), EDDY_OK);
    CHECK_INT(now_ms(), 3);
    CHECK(count == 2 && done[0] == 1 && done[1] == 1 && done[2] == 0);
    CHECK_INT(future_info(futures[1]).observed, 0);
    CHECK_STATUS(eddy_wait_first_error(futures, 3, EDDY_FOREVER, NULL, &count), EDDY_OK);
    CHECK_INT(now_ms(), 3);
    CHECK_INT(count, 2);
    CHECK_STATUS(eddy_task_join(members[2].task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_result(futures[1], NULL), EDDY_EPERM);
    futures[1] = futures[2];
    CHECK_STATUS(eddy_wait_first_error(futures, 3, EDDY_FOREVER, NULL, &count), EDDY_OK);
    CHECK_INT(count, 3);
    members_release(members, 3);
    return EDDY_OK;
}

typedef struct waiter {
    eddy_future_t *futures;
    int kind;
    eddy_status_t status;
} waiter_t;

static eddy_status_t waiter_main(void *context) {
    waiter_t *waiter = context;
    size_t index = 77;
    waiter->status = waiter->kind < 3
        ? waits[waiter->kind](waiter->futures, 2, EDDY_FOREVER, NULL, NULL)
        : eddy_select(waiter->futures, 2, 0, &index);
    CHECK_INT(index, 77);
    return waiter->status;
}

IN_TASK(cancelled_wait) {
    (void)context;
    member_t members[] = { MEMBER("a", 9, 0), MEMBER("b", 9, 0) };
    eddy_future_t futures[2];
    members_spawn(members, 2, futures);
    for (int kind = 0; kind < 4; kind++) {
        waiter_t waiter = { futures, kind, 1 };
        const eddy_task_t task = spawn(waiter_main, &waiter);
        CHECK_STATUS(eddy_yield(), EDDY_OK);
        CHECK_INT(left_behind(futures, 2), 2);
        CHECK_INT(info_of(task).wait_kind, EDDY_WAIT_SEVERAL);
        CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_OK);
        CHECK_STATUS(eddy_task_join(task, NULL), EDDY_ETARGETCANCELED);
        CHECK_STATUS(waiter.status, EDDY_ECANCELED);
        CHECK_INT(left_behind(futures, 2), 0);
        CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    }
    CHECK_STATUS(eddy_gather(futures, 2, NULL), EDDY_OK);
    CHECK_TRACE("a b");
    members_release(members, 2);
    return EDDY_OK;
}

static eddy_status_t tied_main(void *context) {
    waiter_t *waiter = context;
    size_t index = 77;
    waiter->status = waiter->kind < 3
        ? waits[waiter->kind](waiter->futures, 2, EDDY_FOREVER, NULL, NULL)
        : eddy_select(waiter->futures, 2, 0, &index);
    if (waiter->kind == 3) CHECK_INT(index, 1);
    CHECK_STATUS(eddy_checkpoint(), EDDY_ECANCELED);
    return waiter->status;
}

IN_TASK(done_and_cancelled) {
    (void)context;
    for (int round = 0; round < 8; round++) {
        const int kind = round % 4, cancels_first = round / 4;
        eddy_future_t futures[2];
        waiter_t waiter = { futures, kind, 1 };
        for (int at = 0; at < 2; at++) CHECK_STATUS(eddy_future_create(&futures[at]), EDDY_OK);
        const eddy_task_t task = spawn(tied_main, &waiter);
        CHECK_STATUS(eddy_yield(), EDDY_OK);
        if (cancels_first) CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_OK);
        CHECK_STATUS(eddy_future_fail(futures[1], EDDY_EPERM, NULL), EDDY_OK);
        if (kind != 3) CHECK_STATUS(eddy_future_complete(futures[0], NULL, NULL), EDDY_OK);
        CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_OK);
        CHECK_STATUS(eddy_task_join(task, NULL), EDDY_OK);
        CHECK_STATUS(waiter.status, EDDY_OK);
        CHECK_STATUS(eddy_future_result(futures[1], NULL), EDDY_EPERM);
        CHECK_STATUS(eddy_task_release(task), EDDY_OK);
        for (int at = 0; at < 2; at++) CHECK_STATUS(eddy_future_release(futures[at]), EDDY_OK);
    }
    return EDDY_OK;
}

IN_TASK(leaves_nothing) {
    (void)context;
    eddy_future_t futures[3], wait;
    for (int at = 0; at < 3; at++) CHECK_STATUS(eddy_future_create(&futures[at]), EDDY_OK);
    for (int kind = 0; kind < 3; kind++) {
        CHECK_STATUS(waits[kind](futures, 3, MS(1), NULL, NULL), EDDY_OK);
        CHECK_INT(left_behind(futures, 3), 0);
        CHECK_STATUS(eddy_wait_start(futures, 3, untils[kind], MS(1), &wait), EDDY_OK);
        CHECK_INT(left_behind(futures, 3), 3);
        CHECK_STATUS(eddy_future_cancel(wait, NULL), EDDY_OK);
        CHECK_INT(left_behind(futures, 3), 0);
        CHECK_STATUS(eddy_future_release(wait), EDDY_OK);
        CHECK_STATUS(eddy_wait_start(futures, 3, untils[kind], MS(1), &wait), EDDY_OK);
        CHECK_STATUS(eddy_future_release(wait), EDDY_OK);
        CHECK_INT(left_behind(futures, 3), 0);
    }
    CHECK_STATUS(eddy_wait_start(futures, 3, EDDY_UNTIL_ANY, EDDY_FOREVER, &wait), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(futures[2], NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_wait(wait, NULL), EDDY_OK);
    CHECK_INT(left_behind(futures, 3), 0);
    CHECK_STATUS(eddy_future_complete(wait, NULL, NULL), EDDY_EPERM);
    CHECK_STATUS(eddy_future_fail(wait, EDDY_EINVAL, NULL), EDDY_EPERM);
    CHECK_STATUS(eddy_future_release(wait), EDDY_OK);
    for (int at = 0; at < 3; at++) CHECK_STATUS(eddy_future_release(futures[at]), EDDY_OK);
    return EDDY_OK;
}

IN_TASK(select_others_left) {
    (void)context;
    member_t members[] = { MEMBER("a", 9, 0), MEMBER("b", 2, EDDY_EPERM), MEMBER("c", 2, 0) };
    eddy_future_t futures[3], select;
    size_t index = 77;
    members_spawn(members, 3, futures);
    CHECK_STATUS(eddy_select_start(futures, 3, 0, &select), EDDY_OK);
    CHECK_STATUS(eddy_select_finish(select, &index), EDDY_EPENDING);
    CHECK_STATUS(eddy_select(futures, 3, 0, &index), EDDY_OK);
    CHECK_INT(index, 1);
    CHECK_STATUS(eddy_future_wait(select, NULL), EDDY_OK);
    index = 77;
    CHECK_STATUS(eddy_select_finish(select, &index), EDDY_OK);
    CHECK_INT(index, 1);
    CHECK_STATUS(eddy_future_release(select), EDDY_OK);
    CHECK_STATUS(eddy_select(futures, 3, 0, NULL), EDDY_OK);
    CHECK_INT(left_behind(futures, 3), 0);
    CHECK_STATUS(eddy_gather_all(futures, 3, (eddy_status_t[3]){ 0 }, NULL), EDDY_OK);
    CHECK_TRACE("b c a");
    members_release(members, 3);
    return EDDY_OK;
}

IN_TASK(select_others_cancelled) {
    (void)context;
    member_t members[] = { MEMBER("a", 9, 0), MEMBER("b", 2, 0), MEMBER("c", 9, 0) };
    eddy_future_t futures[3];
    size_t index = 77;
    members[0].cleanup_ms = 5;
    members_spawn(members, 3, futures);
    CHECK_STATUS(eddy_select(futures, 3, EDDY_SELECT_CANCEL, &index), EDDY_OK);
    CHECK_INT(index, 1);
    CHECK_TRACE("b c! a!");
    CHECK_INT(now_ms(), 7);
    CHECK_TEXT(info_of(members[0].task).reason.message, "another was first");
    CHECK_STATUS(eddy_select(futures + 1, 2, EDDY_SELECT_CANCEL, &index), EDDY_OK);
    CHECK_INT(index, 0);
    members_release(members, 3);
    return EDDY_OK;
}

static eddy_status_t race_main(void *context) {
    size_t index = 77;
    const eddy_status_t status = eddy_select(context, 2, EDDY_SELECT_CANCEL, &index);
    if (status == EDDY_OK) trace("%d", (int)index);
    return status;
}

IN_TASK(select_cancelled) {
    (void)context;
    for (int round = 0; round < 2; round++) {
        member_t members[] = { MEMBER("a", 9, 0), MEMBER("b", 9, 0) };
        eddy_future_t futures[2];
        members[0].cleanup_ms = 3;
        if (round == 1) members[0].after = EDDY_OK;
        trace_clear();
        members_spawn(members, 2, futures);
        const eddy_task_t task = spawn(race_main, futures);
        CHECK_STATUS(eddy_sleep(MS(1)), EDDY_OK);
        CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_OK);
        const eddy_status_t status = eddy_task_join(task, NULL);
        CHECK_STATUS(status, round == 1 ? EDDY_OK : EDDY_ETARGETCANCELED);
        CHECK_TRACE(round == 1 ? "b! a! 0" : "b! a!");
        CHECK_STATUS(eddy_task_release(task), EDDY_OK);
        members_release(members, 2);
    }
    return EDDY_OK;
}

static const check_test_t tests[] = {
    { "AGG-15: no members, a bad mode or another future are refused", refuses_nothing },
    { "AGG-15: duplicates collapse", duplicates_collapse },
    { "AGG-16: the end of the time is no failure and cancels nothing", timeout_is_no_failure },
    { "AGG-17: what is done before the waiter runs counts as done", same_tick_counts },
    { "AGG-18: a cancelled member is no error, a failed one ends the wait at once", first_error },
    { "AGG-19: a cancelled wait leaves its members running", cancelled_wait },
    { "AGG-19: what came in the tick of the cancel is given (M3)", done_and_cancelled },
    { "AGG-20: nothing stays registered with the members", leaves_nothing },
    { "select: the first that is done, the others left", select_others_left },
    { "select: the others are cancelled and waited for", select_others_cancelled },
    { "select: a cancelled caller passes it on", select_cancelled },
};

CHECK_MAIN(tests)
