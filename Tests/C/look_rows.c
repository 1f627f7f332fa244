/*
 * look_rows.c: proves the rows of futures, tasks and groups (FUT, TSK, TG) about what is looked at
 * from outside: names, sites, the current task, all tasks, who waits, and what is dropped.
 *
 * Invariants: every test runs on a virtual clock; reports are counted where they are expected.
 * Threads: one.
 */
#include "check.h"

#define MS(x) EDDY_MILLISECONDS(x)

#define IN_TASK(name)                                                                             \
    static eddy_status_t name##_body(void *context);                                              \
    static void name(void) { CHECK_STATUS(run_virtual(name##_body, NULL), EDDY_OK); }             \
    static eddy_status_t name##_body(void *context)

static eddy_task_t spawn(eddy_task_fn fn, void *context) {
    eddy_task_t task = { 0 };
    CHECK_STATUS(eddy_task_spawn(fn, context, NULL, &task), EDDY_OK);
    return task;
}

static void join_and_release(eddy_task_t task) {
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
}

static eddy_future_info_t look(eddy_future_t future) {
    eddy_future_info_t info = { .size = sizeof info };
    CHECK_STATUS(eddy_future_info(future, &info), EDDY_OK);
    return info;
}

static eddy_status_t nothing(void *context) {
    (void)context;
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Futures
 */
IN_TASK(timer_on_cancelled) {
    eddy_future_t sleep;
    void *value = &sleep;
    (void)context;
    CHECK_STATUS(eddy_sleep_start(MS(5), &sleep), EDDY_OK);
    CHECK_STATUS(eddy_future_cancel(sleep, "no"), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(10)), EDDY_OK);
    CHECK_STATUS(eddy_future_result(sleep, &value), EDDY_ETARGETCANCELED);
    CHECK_INT(look(sleep).state, EDDY_FUTURE_CANCELED);
    CHECK_STATUS(eddy_future_release(sleep), EDDY_OK);
    /* Both in one turn: the timer is due before the canceller runs, and completion wins. */
    CHECK_STATUS(eddy_sleep_start(MS(5), &sleep), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(5)), EDDY_OK);
    CHECK_STATUS(eddy_future_cancel(sleep, "late"), EDDY_EALREADY);
    CHECK_STATUS(eddy_future_result(sleep, &value), EDDY_OK);
    CHECK(value == NULL);
    CHECK_STATUS(eddy_future_release(sleep), EDDY_OK);
    CHECK_INT(reports.count, 0);
    return EDDY_OK;
}

static eddy_status_t other(void *context) {
    (void)context;
    trace("other");
    return EDDY_OK;
}

IN_TASK(done_future) {
    int number = 1;
    void *value = NULL;
    eddy_future_t future;
    (void)context;
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(future, &number, NULL), EDDY_OK);
    const eddy_task_t task = spawn(other, NULL);
    for (int count = 0; count < 3; count++) {
        value = NULL;
        CHECK_STATUS(eddy_future_wait(future, &value), EDDY_OK);
        CHECK(value == &number);
    }
    /* The hostile build's budget is spent by three waits, and lets others run. */
    if (!eddy_has_feature("hostile")) CHECK_TRACE("");
    join_and_release(task);
    CHECK_TRACE("other");
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    return EDDY_OK;
}

static eddy_status_t waits(void *context) {
    return eddy_future_wait(*(eddy_future_t *)context, NULL);
}

static eddy_status_t called(void *context, eddy_future_t future) {
    (void)context;
    (void)future;
    trace("called");
    return EDDY_OK;
}

IN_TASK(info_of_a_future) {
    eddy_future_t future;
    eddy_future_info_t info;
    (void)context;
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    info = look(future);
    CHECK_INT(info.state, EDDY_FUTURE_PENDING);
    CHECK_INT(info.is_task + info.observed + info.waiters + info.callbacks, 0);
    CHECK_CONTAINS(info.site, "look_rows.c:");
    const eddy_task_t one = spawn(waits, &future), two = spawn(waits, &future);
    CHECK_STATUS(eddy_future_on_done(future, called, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    info = look(future);
    CHECK_INT(info.waiters, 2);
    CHECK_INT(info.callbacks, 1);
    CHECK_INT(info.observed, 1);
    CHECK_STATUS(eddy_future_complete(future, NULL, NULL), EDDY_OK);
    info = look(future);
    CHECK_INT(info.state, EDDY_FUTURE_DONE);
    CHECK_INT(info.waiters + info.callbacks, 0);
    join_and_release(one);
    CHECK_INT(look(eddy_task_future(two)).is_task, 1);
    join_and_release(two);
    CHECK_TRACE("called");
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    return EDDY_OK;
}

IN_TASK(observed) {
    eddy_future_t future;
    (void)context;
    for (int observe = 0; observe < 2; observe++) {
        CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
        if (observe) CHECK_STATUS(eddy_future_observe(future), EDDY_OK);
        CHECK_STATUS(eddy_future_fail(future, -5, "lost"), EDDY_OK);
        CHECK_INT(look(future).observed, observe);
        CHECK_STATUS(eddy_future_release(future), EDDY_OK);
        CHECK_INT(reports.count, 1);
    }
    CHECK_STATUS(reports.status, -5);
    CHECK_CONTAINS(reports.text, "lost");
    CHECK_CONTAINS(reports.site, "look_rows.c:");
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Tasks
 */
static const char *name_of(eddy_task_t task) {
    static eddy_task_info_t info;
    info.size = sizeof info;
    CHECK_STATUS(eddy_task_info(task, &info), EDDY_OK);
    return info.name;
}

IN_TASK(names) {
    eddy_spawn_options_t options = EDDY_SPAWN_OPTIONS_INIT;
    eddy_task_t me, first, second, named;
    (void)context;
    options.name = "named";
    CHECK_STATUS(eddy_task_current(&me), EDDY_OK);
    CHECK_TEXT(name_of(me), "task-1");
    first = spawn(nothing, NULL);
    CHECK_STATUS(eddy_task_spawn(nothing, NULL, &options, &named), EDDY_OK);
    second = spawn(nothing, NULL);
    CHECK_TEXT(name_of(first), "task-2");
    CHECK_TEXT(name_of(named), "named");
    CHECK_TEXT(name_of(second), "task-4");
    char text[] = "other";
    CHECK_STATUS(eddy_task_set_name(named, text), EDDY_OK);
    text[0] = 'X';
    CHECK_TEXT(name_of(named), "other");
    CHECK_STATUS(eddy_task_set_name(named, NULL), EDDY_OK);
    CHECK_TEXT(name_of(named), "task-3");
    CHECK_STATUS(eddy_task_set_name(first, ""), EDDY_OK);
    CHECK_TEXT(name_of(first), "");
    join_and_release(first);
    join_and_release(named);
    CHECK_STATUS(eddy_task_set_name(second, "ended"), EDDY_OK);
    join_and_release(second);
    CHECK_STATUS(eddy_task_set_name(second, "gone"), EDDY_EBADHANDLE);
    return EDDY_OK;
}

static eddy_status_t stays_itself(void *context) {
    eddy_task_t before, after;
    CHECK_STATUS(eddy_task_current(&before), EDDY_OK);
    *(eddy_task_t *)context = before;
    for (int count = 0; count < 3; count++) {
        CHECK_STATUS(eddy_yield(), EDDY_OK);
        CHECK_STATUS(eddy_task_current(&after), EDDY_OK);
        CHECK_INT(after.id == before.id, 1);
    }
    return EDDY_OK;
}

static eddy_status_t has_no_task(void *context) {
    eddy_task_t none;
    (void)context;
    CHECK_STATUS(eddy_task_current(&none), EDDY_ENOTTASK);
    trace("callback");
    return EDDY_OK;
}

IN_TASK(current) {
    eddy_task_t seen[2], tasks[2], me;
    (void)context;
    tasks[0] = spawn(stays_itself, &seen[0]);
    tasks[1] = spawn(stays_itself, &seen[1]);
    CHECK_STATUS(eddy_post(has_no_task, NULL, NULL), EDDY_OK);
    join_and_release(tasks[0]);
    join_and_release(tasks[1]);
    CHECK_INT(seen[0].id == tasks[0].id && seen[1].id == tasks[1].id, 1);
    CHECK_STATUS(eddy_task_current(&me), EDDY_OK);
    CHECK_INT(me.id == seen[0].id || me.id == seen[1].id, 0);
    CHECK_TRACE("callback");
    return EDDY_OK;
}

static void current_without_a_loop(void) {
    eddy_task_t none;
    current();
    CHECK_STATUS(eddy_task_current(&none), EDDY_ENOTTASK);
}

static eddy_status_t lists_itself(void *context) {
    eddy_task_t tasks[8], me;
    size_t count = 0;
    (void)context;
    CHECK_STATUS(eddy_task_current(&me), EDDY_OK);
    CHECK_STATUS(eddy_task_list(tasks, 8, &count), EDDY_OK);
    CHECK_INT(count, 5);
    CHECK_INT(tasks[4].id == me.id, 1);
    return EDDY_OK;
}

IN_TASK(all_tasks) {
    eddy_spawn_options_t eager = EDDY_SPAWN_OPTIONS_INIT;
    eddy_task_t me, ended, tasks[3], list[8];
    size_t count = 0;
    (void)context;
    eager.flags = EDDY_SPAWN_EAGER;
    CHECK_STATUS(eddy_task_current(&me), EDDY_OK);
    ended = spawn(nothing, NULL);
    CHECK_STATUS(eddy_task_join(ended, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_release(spawn(nothing, NULL)), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    for (int index = 0; index < 3; index++) tasks[index] = spawn(nothing, NULL);
    memset(list, 0, sizeof list);
    CHECK_STATUS(eddy_task_list(list, 8, &count), EDDY_OK);
    CHECK_INT(count, 4);
    CHECK_INT(list[0].id == me.id && list[4].id == 0, 1);
    for (int index = 0; index < 3; index++) CHECK_INT(list[index + 1].id == tasks[index].id, 1);
    CHECK_STATUS(eddy_task_spawn(lists_itself, NULL, &eager, NULL), EDDY_OK);
    memset(list, 0, sizeof list);
    CHECK_STATUS(eddy_task_list(list, 2, &count), EDDY_OK);
    CHECK_INT(count, 4);
    CHECK_INT(list[0].id == me.id && list[1].id == tasks[0].id && list[2].id == 0, 1);
    CHECK_STATUS(eddy_task_list(NULL, 0, &count), EDDY_OK);
    CHECK_INT(count, 4);
    CHECK_STATUS(eddy_task_list(NULL, 1, &count), EDDY_EINVAL);
    CHECK_STATUS(eddy_task_list(list, 1, NULL), EDDY_EINVAL);
    for (int index = 0; index < 3; index++) join_and_release(tasks[index]);
    CHECK_STATUS(eddy_task_list(list, 8, &count), EDDY_OK);
    CHECK_INT(count, 1);
    CHECK_STATUS(eddy_task_release(ended), EDDY_OK);
    return EDDY_OK;
}

static eddy_status_t cancels_scope(void *context) {
    return eddy_scope_cancel(*(eddy_scope_t *)context, "own");
}

/* A block with a deadline, ended by `by`: what leaves it. */
IN_TASK(own_block) {
    eddy_scope_t scope;
    eddy_task_info_t info = { .size = sizeof info };
    eddy_task_t me;
    (void)context;
    CHECK_STATUS(eddy_task_current(&me), EDDY_OK);
    CHECK_STATUS(eddy_timeout_open(&scope, MS(1), NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(9)), EDDY_ECANCELED);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_ECANCELED), EDDY_ETIMEDOUT);
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    const eddy_task_t helper = spawn(cancels_scope, &scope);
    CHECK_STATUS(eddy_sleep(MS(9)), EDDY_ECANCELED);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_ECANCELED), EDDY_OK);
    join_and_release(helper);
    /* Own, but another status is on its way: unchanged. */
    CHECK_STATUS(eddy_timeout_open(&scope, MS(1), NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(9)), EDDY_ECANCELED);
    CHECK_STATUS(eddy_scope_close(scope, -7), -7);
    /* The deadline is disarmed before the close waits: the group's child sees no expiry. */
    eddy_scope_options_t options = EDDY_SCOPE_OPTIONS_INIT;
    options.flags = EDDY_SCOPE_GROUP;
    options.timeout_ns = MS(1);
    CHECK_STATUS(eddy_scope_open(&scope, &options), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_OK), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(9)), EDDY_OK);
    CHECK_STATUS(eddy_task_info(me, &info), EDDY_OK);
    CHECK_INT(info.cancel_requests, 0);
    /* Own and outer: it is the outer one's to absorb. */
    CHECK_STATUS(eddy_timeout_open(&scope, MS(1), NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(9)), EDDY_ECANCELED);
    CHECK_STATUS(eddy_task_cancel(me, "outer"), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_ECANCELED), EDDY_ECANCELED);
    return EDDY_OK;
}

static eddy_status_t fails(void *context) {
    (void)context;
    return eddy_fail(-5, "broken");
}

IN_TASK(site_in_reports) {
    eddy_task_info_t info = { .size = sizeof info };
    char site[256], line[32];
    (void)context;
    snprintf(line, sizeof line, "look_rows.c:%d", __LINE__ + 1);
    const eddy_status_t status = eddy_task_spawn(fails, NULL, NULL, NULL);
    CHECK_STATUS(status, EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_INT(reports.count, 1);
    CHECK_STATUS(reports.status, -5);
    CHECK_CONTAINS(reports.site, line);
    CHECK_CONTAINS(reports.text, "broken");
    const eddy_task_t task = spawn(nothing, NULL);
    CHECK_STATUS(eddy_task_info(task, &info), EDDY_OK);
    snprintf(site, sizeof site, "%s", info.site);
    CHECK_CONTAINS(site, "look_rows.c:");
    join_and_release(task);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Groups
 */
static int64_t children_of(eddy_scope_t group) {
    eddy_scope_info_t info = { .size = sizeof info };
    CHECK_STATUS(eddy_scope_info(group, &info), EDDY_OK);
    return info.children;
}

IN_TASK(finished_children) {
    eddy_scope_t group;
    size_t count = 0;
    (void)context;
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    for (int round = 0; round < 100; round++) {
        CHECK_STATUS(eddy_group_spawn(group, nothing, NULL, NULL, NULL), EDDY_OK);
        CHECK_STATUS(eddy_group_spawn(group, nothing, NULL, NULL, NULL), EDDY_OK);
        CHECK_INT(children_of(group), 2);
        CHECK_STATUS(eddy_yield(), EDDY_OK);
        CHECK_INT(children_of(group), 0);
    }
    CHECK_STATUS(eddy_task_list(NULL, 0, &count), EDDY_OK);
    CHECK_INT(count, 1);
    return eddy_scope_close(group, EDDY_OK);
}

static const check_test_t tests[] = {
    { "FUT-06: a timer leaves a cancelled future alone", timer_on_cancelled },
    { "FUT-14: waiting for a done future does not suspend, again and again", done_future },
    { "FUT: what a future tells of itself", info_of_a_future },
    { "FUT-18, FUT-19: an observed future is never reported", observed },
    { "TSK-04: names are task-N, unique and increasing; a name is replaced", names },
    { "TSK-05: the current task, interleaved, in callbacks and without a loop",
        current_without_a_loop },
    { "TSK-06: all unfinished tasks, in the order of spawning", all_tasks },
    { "TSK-32: own and not outer converts; any other status is unchanged", own_block },
    { "TSK-41: reports name the creation site", site_in_reports },
    { "TG-06: a finished child leaves its group at once", finished_children },
};
CHECK_MAIN(tests)
