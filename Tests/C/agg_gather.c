/*
 * agg_gather.c: gather: fail-fast and collect-all, their order, ownership and cancellation
 * (chapter AGG, rows 01 to 14).
 *
 * Invariants: on the virtual clock; every test ends with nothing registered and nothing reported,
 * unless it says so. Threads: one, but for AGG-04.
 */
#include "agg_check.h"

#include <pthread.h>

IN_TASK(keeps_order) {
    (void)context;
    member_t members[] = { MEMBER("a", 3, 0), MEMBER("b", 1, 0), MEMBER("c", 2, 0) };
    eddy_future_t futures[3];
    void *values[3] = { NULL };
    members_spawn(members, 3, futures);
    CHECK_STATUS(eddy_gather(futures, 3, values), EDDY_OK);
    CHECK_TRACE("b c a");
    for (int index = 0; index < 3; index++) CHECK(values[index] == &members[index]);
    CHECK_INT(now_ms(), 3);
    CHECK_STATUS(eddy_gather(futures, 3, NULL), EDDY_OK);
    CHECK_INT(left_behind(futures, 3), 0);
    members_release(members, 3);
    return EDDY_OK;
}

IN_TASK(empty_is_done) {
    (void)context;
    eddy_future_t future;
    CHECK_STATUS(eddy_gather(NULL, 0, NULL), EDDY_OK);
    CHECK_STATUS(eddy_gather_all(NULL, 0, NULL, NULL), EDDY_OK);
    for (uint32_t flags = 0; flags <= EDDY_GATHER_ALL; flags++) {
        CHECK_STATUS(eddy_gather_start(NULL, 0, flags, &future), EDDY_OK);
        CHECK_INT(future_info(future).state, EDDY_FUTURE_DONE);
        CHECK_STATUS(eddy_future_wait(future, NULL), EDDY_OK);
        CHECK_STATUS(eddy_gather_finish(future, NULL, NULL), EDDY_OK);
        CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    }
    return EDDY_OK;
}

IN_TASK(duplicates_run_once) {
    (void)context;
    member_t members[] = { MEMBER("a", 2, 0), MEMBER("b", 1, 0) };
    eddy_future_t futures[5];
    void *values[5] = { NULL };
    members_spawn(members, 2, futures);
    futures[2] = futures[4] = futures[0];
    futures[3] = futures[1];
    eddy_future_t gather;
    CHECK_STATUS(eddy_gather_start(futures, 5, 0, &gather), EDDY_OK);
    CHECK_INT(future_info(futures[0]).callbacks, 1);
    CHECK_STATUS(eddy_gather(futures, 5, values), EDDY_OK);
    CHECK_TRACE("b a");
    for (int index = 0; index < 5; index++) CHECK(values[index] == &members[index & 1]);
    CHECK(values[3] == &members[1] && values[4] == &members[0]);
    CHECK_STATUS(eddy_future_wait(gather, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_release(gather), EDDY_OK);
    members_release(members, 2);
    return EDDY_OK;
}

/* What a thread with a loop of its own leaves for the test, and waits for. */
static eddy_future_t elsewhere;
static pthread_barrier_t barrier;

static void *other_loop(void *context) {
    eddy_loop_t loop;
    (void)context;
    CHECK_STATUS(eddy_loop_create(NULL, &loop), EDDY_OK);
    CHECK_STATUS(eddy_future_create(&elsewhere), EDDY_OK);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    CHECK_STATUS(eddy_future_release(elsewhere), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    return NULL;
}

static eddy_status_t refuses_others(void *context) {
    (void)context;
    member_t members[] = { MEMBER("a", 5, 0) };
    eddy_future_t futures[3], made = { 7 }, stale;
    eddy_completions_t completions = { 7 };
    members_spawn(members, 1, futures);
    CHECK_STATUS(eddy_future_create(&stale), EDDY_OK);
    CHECK_STATUS(eddy_future_release(stale), EDDY_OK);
    futures[1] = futures[0];
    for (int round = 0; round < 2; round++) {
        const eddy_status_t expected = round ? EDDY_EBADHANDLE : EDDY_EWRONGTHREAD;
        futures[2] = round ? stale : elsewhere;
        CHECK_STATUS(eddy_gather(futures, 3, NULL), expected);
        CHECK_STATUS(eddy_gather_all(futures, 3, NULL, NULL), expected);
        CHECK_STATUS(eddy_gather_start(futures, 3, 0, &made), expected);
        CHECK_STATUS(eddy_wait_any(futures, 3, EDDY_FOREVER, NULL, NULL), expected);
        CHECK_STATUS(eddy_select(futures, 3, EDDY_SELECT_CANCEL, NULL), expected);
        CHECK_STATUS(eddy_as_completed(futures, 3, EDDY_FOREVER, &completions), expected);
        CHECK_STATUS(eddy_wait_for(futures[2], 0, NULL), expected);
    }
    CHECK(made.id == 7 && completions.id == 7);
    CHECK_INT(left_behind(futures, 1), 0);
    CHECK_STATUS(eddy_task_join(members[0].task, NULL), EDDY_OK);
    CHECK_INT(members[0].was_cancelled, 0);
    members_release(members, 1);
    return EDDY_OK;
}

static void other_loops(void) {
    pthread_t thread;
    pthread_barrier_init(&barrier, NULL, 2);
    if (!CHECK_INT(pthread_create(&thread, NULL, other_loop, NULL), 0)) return;
    pthread_barrier_wait(&barrier);
    CHECK_STATUS(run_virtual(refuses_others, NULL), EDDY_OK);
    pthread_barrier_wait(&barrier);
    pthread_join(thread, NULL);
    pthread_barrier_destroy(&barrier);
}

IN_TASK(first_failure_wins) {
    (void)context;
    member_t members[] = { MEMBER("a", 5, 0), MEMBER("b", 1, EDDY_EINVAL), MEMBER("c", 9, 0),
        MEMBER("d", 9, 0) };
    eddy_future_t futures[4];
    void *values[4] = { &values, NULL, NULL, NULL };
    members[0].cleanup_ms = 20;
    members[2].after = EDDY_EPERM;          /* fails too, later: counts as read */
    members_spawn(members, 4, futures);
    CHECK_STATUS(eddy_gather(futures, 4, values), EDDY_EINVAL);
    CHECK_TEXT(current_message(), "b");
    CHECK_TRACE("b c! d! a!");
    CHECK_INT(now_ms(), 21);
    CHECK(values[0] == &values);
    CHECK_TEXT(info_of(members[3].task).reason.message, "another one failed");
    eddy_error_t own, seen;
    CHECK_STATUS(eddy_gather(futures, 4, NULL), EDDY_ETARGETCANCELED);
    CHECK_STATUS(eddy_gather(futures + 1, 3, NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_error_current(&seen), EDDY_OK);
    CHECK_STATUS(eddy_future_error(futures[1], &own), EDDY_OK);
    CHECK(own.id == seen.id);
    eddy_error_release(own);
    eddy_error_release(seen);
    members_release(members, 4);
    return EDDY_OK;
}

IN_TASK(member_cancelled_alone) {
    (void)context;
    member_t members[] = { MEMBER("a", 5, 0), MEMBER("b", 9, 0) };
    eddy_future_t futures[2], gather;
    members_spawn(members, 2, futures);
    CHECK_STATUS(eddy_gather_start(futures, 2, 0, &gather), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(1)), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(members[0].task, "alone"), EDDY_OK);
    CHECK_STATUS(eddy_future_wait(gather, NULL), EDDY_ETARGETCANCELED);
    CHECK_TEXT(current_message(), "alone");
    CHECK_INT(future_info(gather).state, EDDY_FUTURE_FAILED);
    CHECK_INT(cancel_requests(), 0);
    CHECK_INT(eddy_cancelled(), 0);
    CHECK_INT(members[1].was_cancelled, 1);
    CHECK_STATUS(eddy_gather(futures, 2, NULL), EDDY_ETARGETCANCELED);
    CHECK_STATUS(eddy_future_release(gather), EDDY_OK);
    members_release(members, 2);
    return EDDY_OK;
}

IN_TASK(collects_all) {
    (void)context;
    member_t members[] = { MEMBER("a", 3, 0), MEMBER("b", 1, EDDY_EINVAL), MEMBER("c", 9, 0),
        MEMBER("d", 4, 0) };
    eddy_future_t futures[4], gather;
    void *values[4] = { NULL, &values, &values, NULL };
    eddy_status_t statuses[4] = { 1, 1, 1, 1 };
    members_spawn(members, 4, futures);
    CHECK_STATUS(eddy_gather_start(futures, 4, EDDY_GATHER_ALL, &gather), EDDY_OK);
    CHECK_STATUS(eddy_gather_finish(gather, statuses, values), EDDY_EPENDING);
    CHECK_STATUS(eddy_sleep(MS(2)), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(members[2].task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_gather_all(futures, 4, statuses, values), EDDY_OK);
    CHECK_TRACE("b c! a d");
    for (int round = 0; round < 2; round++) {
        CHECK_STATUS(statuses[0], EDDY_OK);
        CHECK_STATUS(statuses[1], EDDY_EINVAL);
        CHECK_STATUS(statuses[2], EDDY_ETARGETCANCELED);
        CHECK_STATUS(statuses[3], EDDY_OK);
        CHECK(values[0] == &members[0] && values[3] == &members[3]);
        CHECK(values[1] == NULL && values[2] == NULL);
        memset(statuses, 0, sizeof statuses);
        memset(values, 0, sizeof values);
        CHECK_STATUS(eddy_future_wait(gather, NULL), EDDY_OK);
        CHECK_STATUS(eddy_gather_finish(gather, statuses, values), EDDY_OK);
    }
    CHECK_STATUS(eddy_gather_all(futures, 4, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_release(gather), EDDY_OK);
    members_release(members, 4);
    return EDDY_OK;
}

/* A caller that is cancelled: it gathers its members in a task of its own. */
typedef struct caller {
    member_t members[3];
    eddy_future_t futures[3];
    uint32_t flags;
    eddy_status_t status, next;
    int64_t ended_ms;
} caller_t;

static eddy_status_t caller_main(void *context) {
    caller_t *caller = context;
    void *values[3] = { NULL };
    members_spawn(caller->members, 3, caller->futures);
    caller->status = caller->flags ? eddy_gather_all(caller->futures, 3, NULL, values)
                                   : eddy_gather(caller->futures, 3, values);
    caller->ended_ms = now_ms();
    if (caller->status == EDDY_OK)
        for (int index = 0; index < 3; index++) CHECK(values[index] == &caller->members[index]);
    if (caller->status == EDDY_ECANCELED) CHECK_TEXT(current_message(), "why not");
    caller->next = eddy_checkpoint();
    members_release(caller->members, 3);
    return caller->status;
}

static void cancel_caller(caller_t *caller) {
    const eddy_task_t task = spawn(caller_main, caller);
    CHECK_STATUS(eddy_sleep(MS(2)), EDDY_OK);
    const eddy_task_info_t info = info_of(task);
    CHECK_INT(info.wait_kind, EDDY_WAIT_SEVERAL);
    CHECK(info.wait_target != 0);
    CHECK_STATUS(eddy_task_cancel(task, "why not"), EDDY_OK);
    const eddy_status_t joined = eddy_task_join(task, NULL);
    CHECK_STATUS(joined, caller->status == EDDY_OK ? EDDY_OK : EDDY_ETARGETCANCELED);
    CHECK_STATUS(caller->next, EDDY_ECANCELED);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
}

IN_TASK(outer_cancel_waits) {
    (void)context;
    for (uint32_t flags = 0; flags <= 1; flags++) {
        caller_t caller = { .flags = flags, .members = { MEMBER("a", 9, 0), MEMBER("b", 9, 0),
            MEMBER("c", 9, 0) } };
        trace_clear();
        const int64_t begin = now_ms();
        caller.members[1].cleanup_ms = 30;
        cancel_caller(&caller);
        CHECK_STATUS(caller.status, EDDY_ECANCELED);
        CHECK_TRACE("a! c! b!");
        CHECK_INT(caller.ended_ms - begin, 32);
    }
    return EDDY_OK;
}

IN_TASK(outer_cancel_swallowed) {
    (void)context;
    for (uint32_t flags = 0; flags <= 1; flags++) {
        caller_t caller = { .flags = flags, .members = { MEMBER("a", 9, 0), MEMBER("b", 9, 0),
            MEMBER("c", 9, 0) } };
        for (int index = 0; index < 3; index++) caller.members[index].after = EDDY_OK;
        cancel_caller(&caller);
        CHECK_STATUS(caller.status, EDDY_OK);
    }
    return EDDY_OK;
}

IN_TASK(cancel_when_all_ended) {
    (void)context;
    member_t members[] = { MEMBER("a", 0, 0), MEMBER("b", 0, 0) };
    eddy_future_t futures[2], gather;
    members_spawn(members, 2, futures);
    CHECK_STATUS(eddy_gather_start(futures, 2, 0, &gather), EDDY_OK);
    CHECK_STATUS(eddy_task_join(members[1].task, NULL), EDDY_OK);
    /* All have ended, and the gather's own step is still to come. */
    CHECK_STATUS(eddy_future_cancel(gather, "late"), EDDY_EALREADY);
    CHECK_STATUS(eddy_future_wait(gather, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_cancel(gather, "late"), EDDY_EALREADY);
    CHECK_STATUS(eddy_future_result(gather, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_release(gather), EDDY_OK);
    members_release(members, 2);
    return EDDY_OK;
}

IN_TASK(message_goes_through) {
    (void)context;
    member_t members[] = { MEMBER("a", 9, 0), MEMBER("b", 9, 0) };
    eddy_future_t futures[3], gather;
    members_spawn(members, 2, futures);
    CHECK_STATUS(eddy_future_create(&futures[2]), EDDY_OK);
    CHECK_STATUS(eddy_gather_start(futures, 3, 0, &gather), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(1)), EDDY_OK);
    CHECK_STATUS(eddy_future_cancel(gather, "hello"), EDDY_OK);
    CHECK_STATUS(eddy_future_cancel(gather, "again"), EDDY_OK);
    CHECK_INT(future_info(gather).state, EDDY_FUTURE_PENDING);
    CHECK_STATUS(eddy_future_wait(gather, NULL), EDDY_ETARGETCANCELED);
    CHECK_TEXT(current_message(), "hello");
    CHECK_INT(future_info(gather).state, EDDY_FUTURE_CANCELED);
    for (int index = 0; index < 2; index++) {
        CHECK_TEXT(info_of(members[index].task).reason.message, "hello");
        CHECK_INT(info_of(members[index].task).cancel_requests, 1);
    }
    CHECK_STATUS(eddy_future_wait(futures[2], NULL), EDDY_ETARGETCANCELED);
    CHECK_TEXT(current_message(), "hello");
    CHECK_STATUS(eddy_future_release(gather), EDDY_OK);
    CHECK_STATUS(eddy_future_release(futures[2]), EDDY_OK);
    members_release(members, 2);
    return EDDY_OK;
}

static const check_test_t tests[] = {
    { "AGG-01: values stand in the order of the arguments", keeps_order },
    { "AGG-02: none at all is done at once", empty_is_done },
    { "AGG-03: one that is there twice runs once and fills each place", duplicates_run_once },
    { "AGG-04: another loop's or a stale handle is refused before anything begins", other_loops },
    { "AGG-05: the first failure cancels the others, waits for them and is given",
        first_failure_wins },
    { "AGG-06: a member cancelled on its own is ETARGETCANCELED", member_cancelled_alone },
    { "AGG-07: collect-all gives values, failures and cancellations", collects_all },
    { "AGG-08, AGG-09: a cancelled caller waits for all of them", outer_cancel_waits },
    { "AGG-10: values that all gave all the same are delivered", outer_cancel_swallowed },
    { "AGG-11: cancelling when all have ended keeps the result", cancel_when_all_ended },
    { "AGG-14: the message goes to the members and out again", message_goes_through },
};

CHECK_MAIN(tests)
