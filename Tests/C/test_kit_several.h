/*
 * test_kit_several.h: scenarios of the test kit for several futures at once.
 *
 * As in test_kit_waits.h. Each has a task that naps, one that gives a value, one that may fail, and
 * a future that another task completes. Threads: one.
 */
#ifndef TEST_KIT_SEVERAL_H
#define TEST_KIT_SEVERAL_H

#include "test_kit_scopes.h"

typedef eddy_status_t (*several_fn)(const eddy_future_t *futures, size_t count);

/* Runs use over three tasks and a future, and lets go of them; whoever still runs is joined. */
static eddy_status_t several(several_fn use, eddy_task_fn third) {
    const eddy_task_fn bodies[] = { naps, gives, third };
    eddy_task_t tasks[4] = { { 0 }, { 0 }, { 0 }, { 0 } };
    eddy_future_t futures[4] = { { 0 }, { 0 }, { 0 }, { 0 } };
    eddy_status_t status = eddy_future_create(&futures[3]);
    for (int index = 0; index < 3 && status == EDDY_OK; index++) {
        status = eddy_task_spawn(bodies[index], NULL, NULL, &tasks[index]);
        futures[index] = eddy_task_future(tasks[index]);
    }
    if (status == EDDY_OK) status = eddy_task_spawn(completes, &futures[3], NULL, &tasks[3]);
    if (status == EDDY_OK) status = use(futures, 4);
    for (int index = 0; index < 4; index++) {
        if (tasks[index].id == 0) continue;
        (void)eddy_task_cancel(tasks[index], NULL);
        (void)joined(tasks[index]);
    }
    (void)eddy_future_release(futures[3]);
    return status;
}

static eddy_status_t use_gather(const eddy_future_t *futures, size_t count) {
    void *values[4];
    return eddy_gather(futures, count, values);
}

static eddy_status_t gathers(void *context) {
    (void)context;
    return several(use_gather, yields);
}

static eddy_status_t gather_fails(void *context) {
    (void)context;
    const eddy_status_t status = several(use_gather, fails);
    return status == EDDY_EPERM ? EDDY_OK : status;
}

static eddy_status_t use_gather_all(const eddy_future_t *futures, size_t count) {
    eddy_status_t statuses[4];
    void *values[4];
    return eddy_gather_all(futures, count, statuses, values);
}

static eddy_status_t gathers_all(void *context) {
    (void)context;
    return several(use_gather_all, fails);
}

/* A gather inside a gather, the inner one let go of at once. */
static eddy_status_t use_twins(const eddy_future_t *futures, size_t count) {
    eddy_future_t inner, outer;
    eddy_status_t statuses[4];
    void *values[4];
    EDDY_TRY(eddy_gather_start(futures, count, EDDY_GATHER_ALL, &inner));
    const eddy_status_t started = eddy_gather_start(&inner, 1, 0, &outer);
    (void)eddy_future_release(inner);
    EDDY_TRY(started);
    eddy_status_t status = eddy_future_wait(outer, NULL);
    if (status == EDDY_OK) status = eddy_gather_finish(outer, statuses, values);
    (void)eddy_future_release(outer);
    return status;
}

static eddy_status_t gather_twins(void *context) {
    (void)context;
    return several(use_twins, yields);
}

static eddy_status_t use_waits(const eddy_future_t *futures, size_t count) {
    uint8_t done[4];
    size_t number;
    eddy_future_t wait;
    EDDY_TRY(eddy_wait_any(futures, count, EDDY_FOREVER, done, &number));
    EDDY_TRY(eddy_wait_start(futures, count, EDDY_UNTIL_ERROR, EDDY_MILLISECONDS(1), &wait));
    eddy_status_t status = eddy_future_wait(wait, NULL);
    if (status == EDDY_OK) status = eddy_wait_finish(wait, done, NULL);
    (void)eddy_future_release(wait);
    EDDY_TRY(status);
    return eddy_wait_all(futures, count, EDDY_SECONDS(9), done, &number);
}

static eddy_status_t waits_for_several(void *context) {
    (void)context;
    return several(use_waits, yields);
}

static eddy_status_t use_selects(const eddy_future_t *futures, size_t count) {
    size_t index;
    EDDY_TRY(eddy_select(futures, count, 0, &index));
    return eddy_select(futures, 1, EDDY_SELECT_CANCEL, &index);
}

static eddy_status_t selects(void *context) {
    (void)context;
    return several(use_selects, yields);
}

static eddy_status_t use_race(const eddy_future_t *futures, size_t count) {
    size_t index;
    eddy_future_t select;
    EDDY_TRY(eddy_select_start(futures, count, EDDY_SELECT_CANCEL, &select));
    eddy_status_t status = eddy_future_wait(select, NULL);
    if (status == EDDY_OK) status = eddy_select_finish(select, &index);
    (void)eddy_future_release(select);
    return status;
}

static eddy_status_t race(void *context) {
    (void)context;
    return several(use_race, yields);
}

static eddy_status_t use_completions(const eddy_future_t *futures, size_t count) {
    eddy_completions_t completions;
    eddy_status_t status;
    size_t index;
    EDDY_TRY(eddy_as_completed(futures, count, EDDY_SECONDS(9), &completions));
    for (;;) {
        eddy_future_t next;
        status = eddy_completions_next(completions, &index);
        if (status != EDDY_OK) break;
        status = eddy_completions_next_start(completions, &next);
        if (status != EDDY_OK) break;
        status = eddy_future_wait(next, NULL);
        /* Every second one is given back. */
        if (status == EDDY_OK && index % 2) status = eddy_completions_next_finish(next, &index);
        (void)eddy_future_release(next);
        if (status != EDDY_OK) break;
    }
    (void)eddy_completions_release(completions);
    return status == EDDY_EEND ? EDDY_OK : status;
}

static eddy_status_t as_completed(void *context) {
    (void)context;
    return several(use_completions, yields);
}

static eddy_status_t use_limits(const eddy_future_t *futures, size_t count) {
    eddy_future_t limit;
    (void)count;
    eddy_status_t status = eddy_wait_for(futures[1], EDDY_SECONDS(9), NULL);
    if (status == EDDY_OK) status = eddy_wait_for(futures[0], EDDY_MILLISECONDS(1), NULL);
    if (status != EDDY_ETIMEDOUT) return status;
    EDDY_TRY(eddy_wait_for_start(futures[3], EDDY_MILLISECONDS(1), &limit));
    status = eddy_gather(&limit, 1, NULL);
    (void)eddy_future_release(limit);
    return status;
}

static eddy_status_t waits_with_limits(void *context) {
    (void)context;
    return several(use_limits, yields);
}

#endif /* TEST_KIT_SEVERAL_H */
