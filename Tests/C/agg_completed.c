/*
 * agg_completed.c: several futures one by one, in the order in which they are done (chapter AGG,
 * rows 21 and 22).
 *
 * Invariants: on the virtual clock; nothing stays registered. Threads: one.
 */
#include "agg_check.h"

static int next_index(eddy_completions_t completions) {
    size_t index = 77;
    const eddy_status_t status = eddy_completions_next(completions, &index);
    return status == EDDY_OK ? (int)index : (int)status;
}

IN_TASK(completion_order) {
    (void)context;
    member_t members[] = { MEMBER("a", 3, 0), MEMBER("b", 1, EDDY_EPERM), MEMBER("c", 2, 0) };
    eddy_future_t futures[5];
    eddy_completions_t completions;
    members_spawn(members, 3, futures);
    CHECK_STATUS(eddy_future_create(&futures[4]), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(futures[4], NULL, NULL), EDDY_OK);
    futures[3] = futures[1];
    CHECK_STATUS(eddy_as_completed(futures, 5, EDDY_FOREVER, &completions), EDDY_OK);
    CHECK_INT(next_index(completions), 4);
    CHECK_INT(next_index(completions), 1);
    CHECK_INT(now_ms(), 1);
    CHECK_STATUS(eddy_future_result(futures[1], NULL), EDDY_EPERM);
    CHECK_STATUS(eddy_sleep(MS(9)), EDDY_OK);
    CHECK_INT(next_index(completions), 2);
    CHECK_INT(next_index(completions), 0);
    CHECK_INT(next_index(completions), EDDY_EEND);
    CHECK_INT(next_index(completions), EDDY_EEND);
    CHECK_INT(left_behind(futures, 5), 0);
    CHECK_STATUS(eddy_completions_release(completions), EDDY_OK);
    CHECK_STATUS(eddy_completions_release(completions), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_future_retain((eddy_future_t){ completions.id }), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_as_completed(NULL, 0, EDDY_FOREVER, &completions), EDDY_OK);
    CHECK_STATUS(eddy_future_retain((eddy_future_t){ completions.id }), EDDY_EBADHANDLE);
    CHECK_INT(next_index(completions), EDDY_EEND);
    CHECK_STATUS(eddy_completions_release(completions), EDDY_OK);
    CHECK_STATUS(eddy_future_release(futures[4]), EDDY_OK);
    members_release(members, 3);
    return EDDY_OK;
}

/* One who asks until there is no more. */
typedef struct consumer {
    const char *name;
    eddy_completions_t completions;
    int given;
    eddy_status_t status;
} consumer_t;

static eddy_status_t consume(void *context) {
    consumer_t *consumer = context;
    size_t index;
    for (;;) {
        consumer->status = eddy_completions_next(consumer->completions, &index);
        if (consumer->status != EDDY_OK) return EDDY_OK;
        consumer->given++;
        trace("%s%d", consumer->name, (int)index);
    }
}

IN_TASK(resumable_and_shared) {
    (void)context;
    eddy_future_t futures[4];
    eddy_completions_t completions;
    for (int at = 0; at < 4; at++) CHECK_STATUS(eddy_future_create(&futures[at]), EDDY_OK);
    CHECK_STATUS(eddy_as_completed(futures, 4, EDDY_FOREVER, &completions), EDDY_OK);
    consumer_t first = { "x", completions, 0, 0 }, second = { "y", completions, 0, 0 };
    eddy_task_t tasks[2] = { spawn(consume, &first), spawn(consume, &second) };
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    /* Two at once: each one who waits gets one. */
    CHECK_STATUS(eddy_future_complete(futures[2], NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(futures[0], NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(1)), EDDY_OK);
    CHECK_TRACE("x2 y0");
    /* One is woken and cancelled before it runs: what came is still given, and only once. */
    CHECK_STATUS(eddy_task_cancel(tasks[0], NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_fail(futures[3], EDDY_EPERM, NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(1)), EDDY_OK);
    CHECK_TRACE("x2 y0 x3");
    CHECK_STATUS(first.status, EDDY_ECANCELED);
    CHECK_STATUS(eddy_future_cancel(futures[1], NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(1)), EDDY_OK);
    CHECK_TRACE("x2 y0 x3 y1");
    CHECK_STATUS(second.status, EDDY_EEND);
    CHECK_INT(future_info(futures[3]).observed, 0);
    CHECK_STATUS(eddy_future_observe(futures[3]), EDDY_OK);
    for (int at = 0; at < 2; at++) CHECK_STATUS(eddy_task_release(tasks[at]), EDDY_OK);
    CHECK_STATUS(eddy_completions_release(completions), EDDY_OK);
    for (int at = 0; at < 4; at++) CHECK_STATUS(eddy_future_release(futures[at]), EDDY_OK);
    return EDDY_OK;
}

IN_TASK(timeout_gives_the_rest) {
    (void)context;
    member_t members[] = { MEMBER("a", 2, 0), MEMBER("b", 9, 0), MEMBER("c", 1, 0) };
    eddy_future_t futures[3];
    eddy_completions_t completions;
    members_spawn(members, 3, futures);
    CHECK_STATUS(eddy_as_completed(futures, 3, MS(5), &completions), EDDY_OK);
    CHECK_INT(next_index(completions), 2);
    CHECK_STATUS(eddy_sleep(MS(6)), EDDY_OK);
    CHECK_INT(left_behind(futures, 3), 0);
    CHECK_INT(next_index(completions), 0);
    CHECK_INT(next_index(completions), EDDY_ETIMEDOUT);
    CHECK_INT(next_index(completions), EDDY_ETIMEDOUT);
    CHECK_STATUS(eddy_task_join(members[1].task, NULL), EDDY_OK);
    CHECK_INT(members[1].was_cancelled, 0);
    CHECK_INT(next_index(completions), EDDY_ETIMEDOUT);
    CHECK_STATUS(eddy_completions_release(completions), EDDY_OK);
    /* The time ends while one waits. */
    eddy_future_t never;
    CHECK_STATUS(eddy_future_create(&never), EDDY_OK);
    const int64_t begin = now_ms();
    CHECK_STATUS(eddy_as_completed(&never, 1, MS(4), &completions), EDDY_OK);
    CHECK_INT(next_index(completions), EDDY_ETIMEDOUT);
    CHECK_INT(now_ms() - begin, 4);
    CHECK_STATUS(eddy_completions_release(completions), EDDY_OK);
    CHECK_STATUS(eddy_future_release(never), EDDY_OK);
    members_release(members, 3);
    return EDDY_OK;
}

IN_TASK(cancelled_consumer) {
    (void)context;
    member_t members[] = { MEMBER("a", 4, 0), MEMBER("b", 9, 0) };
    eddy_future_t futures[2];
    eddy_completions_t completions;
    members_spawn(members, 2, futures);
    CHECK_STATUS(eddy_as_completed(futures, 2, EDDY_FOREVER, &completions), EDDY_OK);
    consumer_t consumer = { "x", completions, 0, 0 };
    const eddy_task_t task = spawn(consume, &consumer);
    CHECK_STATUS(eddy_sleep(MS(1)), EDDY_OK);
    const eddy_task_info_t info = info_of(task);
    CHECK_INT(info.wait_kind, EDDY_WAIT_SEVERAL);
    CHECK_INT(info.wait_target, completions.id);
    CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_OK);
    CHECK_STATUS(consumer.status, EDDY_ECANCELED);
    CHECK_INT(next_index(completions), 0);
    CHECK_INT(next_index(completions), 1);
    CHECK_TRACE("a b");
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_STATUS(eddy_completions_release(completions), EDDY_OK);
    members_release(members, 2);
    return EDDY_OK;
}

static size_t finished(eddy_future_t next, eddy_status_t expected) {
    size_t index = 77;
    const eddy_status_t waited = eddy_future_wait(next, NULL);
    CHECK_STATUS(waited, expected);
    CHECK_STATUS(eddy_completions_next_finish(next, &index), expected);
    CHECK_STATUS(eddy_future_release(next), EDDY_OK);
    return index;
}

IN_TASK(twins) {
    (void)context;
    eddy_future_t futures[3], next[4];
    eddy_completions_t completions;
    size_t index;
    for (int at = 0; at < 3; at++) CHECK_STATUS(eddy_future_create(&futures[at]), EDDY_OK);
    CHECK_STATUS(eddy_as_completed(futures, 3, EDDY_FOREVER, &completions), EDDY_OK);
    for (int at = 0; at < 3; at++)
        CHECK_STATUS(eddy_completions_next_start(completions, &next[at]), EDDY_OK);
    CHECK_STATUS(eddy_completions_next_finish(next[0], &index), EDDY_EPENDING);
    CHECK_STATUS(eddy_future_complete(futures[1], NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(1)), EDDY_OK);
    CHECK_INT(future_info(next[0]).state, EDDY_FUTURE_DONE);
    CHECK_INT(future_info(next[1]).state, EDDY_FUTURE_PENDING);
    /* Let go of before it was finished: the next one who asks gets it. */
    CHECK_STATUS(eddy_future_release(next[0]), EDDY_OK);
    CHECK_INT(finished(next[1], EDDY_OK), 1);
    CHECK_STATUS(eddy_completions_next_start(completions, &next[0]), EDDY_OK);
    /* Woken and cancelled before its step: the next in line is woken for it. */
    CHECK_STATUS(eddy_future_complete(futures[0], NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_future_cancel(next[2], NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_wait(next[2], NULL), EDDY_ETARGETCANCELED);
    CHECK_STATUS(eddy_future_release(next[2]), EDDY_OK);
    CHECK_STATUS(eddy_future_wait(next[0], NULL), EDDY_OK);
    CHECK_STATUS(eddy_completions_next_finish(next[0], &index), EDDY_OK);
    CHECK_INT(index, 0);
    CHECK_STATUS(eddy_completions_next_finish(next[0], &index), EDDY_ETAKEN);
    CHECK_STATUS(eddy_future_release(next[0]), EDDY_OK);
    /* One that is done before it is asked for; then the end, which nobody has to look at. */
    CHECK_STATUS(eddy_future_complete(futures[2], NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_completions_next_start(completions, &next[0]), EDDY_OK);
    CHECK_INT(future_info(next[0]).state, EDDY_FUTURE_DONE);
    CHECK_STATUS(eddy_completions_next_start(completions, &next[1]), EDDY_OK);
    CHECK_STATUS(eddy_completions_next_start(completions, &next[2]), EDDY_OK);
    CHECK_STATUS(eddy_completions_release(completions), EDDY_OK);
    CHECK_INT(finished(next[0], EDDY_OK), 2);
    finished(next[1], EDDY_EEND);
    CHECK_STATUS(eddy_future_release(next[2]), EDDY_OK);
    for (int at = 0; at < 3; at++) CHECK_STATUS(eddy_future_release(futures[at]), EDDY_OK);
    return EDDY_OK;
}

IN_TASK(members_are_held) {
    (void)context;
    static int released;
    eddy_future_t future;
    eddy_completions_t completions;
    released = 0;
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_as_completed(&future, 1, EDDY_FOREVER, &completions), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(future, &released, count_release), EDDY_OK);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    CHECK_INT(released, 0);
    CHECK_INT(next_index(completions), 0);
    CHECK_STATUS(eddy_completions_release(completions), EDDY_OK);
    CHECK_INT(released, 1);
    return EDDY_OK;
}

static const check_test_t tests[] = {
    { "AGG-21: each is given once, in the order of the ends", completion_order },
    { "AGG-21: several ask, and a cancelled one loses nothing", resumable_and_shared },
    { "AGG-21: the twins give, hand on and end", twins },
    { "AGG-21: what is to be given is held", members_are_held },
    { "AGG-22: the time ends for those that are not done, and cancels nothing",
        timeout_gives_the_rest },
    { "AGG-22: a cancelled consumer leaves the members running", cancelled_consumer },
};

CHECK_MAIN(tests)
