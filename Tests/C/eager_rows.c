/*
 * eager_rows.c: proves the rows of eager starts (EAG): the first step runs inside the spawn, up to
 * the first wait or the end; who is current meanwhile; what cancels and groups see of it.
 *
 * Invariants: every test runs on a virtual clock and expects no report.
 * Threads: one.
 */
#include "check.h"

static const eddy_spawn_options_t eager = {
    (uint32_t)sizeof(eddy_spawn_options_t), EDDY_SPAWN_EAGER, NULL, 0, NULL, { 0 }
};

#define IN_TASK(name)                                                                             \
    static eddy_status_t name##_body(void *context);                                              \
    static void name(void) {                                                                      \
        CHECK_STATUS(run_virtual(name##_body, NULL), EDDY_OK);                                    \
        CHECK_INT(reports.count, 0);                                                              \
    }                                                                                             \
    static eddy_status_t name##_body(void *context)

static eddy_task_t self(void) {
    eddy_task_t task = { 0 };
    CHECK_STATUS(eddy_task_current(&task), EDDY_OK);
    return task;
}

static int32_t state_of(eddy_task_t task) {
    eddy_task_info_t info = { .size = sizeof info };
    CHECK_STATUS(eddy_task_info(task, &info), EDDY_OK);
    return info.state;
}

static int listed(eddy_task_t task) {
    eddy_task_t tasks[16];
    size_t count = 0;
    CHECK_STATUS(eddy_task_list(tasks, 16, &count), EDDY_OK);
    for (size_t index = 0; index < count && index < 16; index++)
        if (tasks[index].id == task.id) return 1;
    return 0;
}

static eddy_status_t traces(void *context) {
    trace("%s", (const char *)context);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * EAG-01, EAG-02: how far the first step goes, and who is current
 */
static int released;

static eddy_status_t gives_value(void *context) {
    trace("child");
    CHECK_INT(listed(self()), 1);
    return eddy_return(context, count_release);
}

IN_TASK(completes) {
    const eddy_task_t me = self();
    eddy_task_t first, child;
    void *value = NULL;
    (void)context;
    released = 0;
    CHECK_STATUS(eddy_task_spawn(traces, "queued", NULL, &first), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(gives_value, &released, &eager, &child), EDDY_OK);
    trace("spawned");
    CHECK_INT(self().id == me.id, 1);
    CHECK_INT(state_of(child), EDDY_TASK_DONE);
    CHECK_INT(listed(child), 0);
    CHECK_STATUS(eddy_future_result(eddy_task_future(child), &value), EDDY_OK);
    CHECK(value == &released);
    CHECK_TRACE("child spawned");
    CHECK_STATUS(eddy_task_join(first, NULL), EDDY_OK);
    CHECK_TRACE("child spawned queued");
    CHECK_STATUS(eddy_task_release(first), EDDY_OK);
    CHECK_INT(released, 0);
    CHECK_STATUS(eddy_task_release(child), EDDY_OK);
    CHECK_INT(released, 1);
    CHECK_STATUS(eddy_task_spawn(gives_value, &released, &eager, NULL), EDDY_OK);
    CHECK_INT(released, 2);
    return EDDY_OK;
}

static eddy_status_t blocks_twice(void *context) {
    const eddy_task_t me = self();
    CHECK_INT(((eddy_task_t *)context)->id == me.id, 0);
    trace("one");
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_INT(self().id == me.id, 1);
    trace("two");
    CHECK_STATUS(eddy_sleep(EDDY_MILLISECONDS(1)), EDDY_OK);
    CHECK_INT(self().id == me.id, 1);
    trace("three");
    return EDDY_OK;
}

IN_TASK(blocks) {
    eddy_task_t me = self(), child, second;
    (void)context;
    CHECK_STATUS(eddy_task_spawn(blocks_twice, &me, &eager, &child), EDDY_OK);
    trace("spawned");
    CHECK_INT(self().id == me.id, 1);
    CHECK_INT(state_of(child), EDDY_TASK_READY);
    CHECK_INT(listed(child), 1);
    CHECK_STATUS(eddy_task_spawn(blocks_twice, &me, &eager, &second), EDDY_OK);
    CHECK_TRACE("one spawned one");
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_TRACE("one spawned one two two");
    CHECK_INT(state_of(child), EDDY_TASK_WAITING);
    CHECK_STATUS(eddy_task_join(second, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(child, NULL), EDDY_OK);
    CHECK_TRACE("one spawned one two two three three");
    CHECK_STATUS(eddy_task_release(child), EDDY_OK);
    CHECK_STATUS(eddy_task_release(second), EDDY_OK);
    return EDDY_OK;
}

static eddy_status_t from_callback(void *context) {
    eddy_task_t none;
    CHECK_STATUS(eddy_task_spawn(gives_value, &released, &eager, NULL), EDDY_OK);
    trace("callback");
    CHECK_STATUS(eddy_task_current(&none), EDDY_ENOTTASK);
    CHECK_STATUS(eddy_task_spawn(blocks_twice, context, &eager, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_current(&none), EDDY_ENOTTASK);
    trace("end");
    return EDDY_OK;
}

IN_TASK(in_a_callback) {
    eddy_task_t me = self();
    (void)context;
    released = 0;
    CHECK_STATUS(eddy_post(from_callback, &me, NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(EDDY_MILLISECONDS(2)), EDDY_OK);
    CHECK_TRACE("child callback one end two three");
    CHECK_INT(released, 1);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * EAG-03: cancels
 */
static eddy_status_t sleeps(void *context) {
    const eddy_status_t status = eddy_sleep(EDDY_SECONDS(9));
    trace("%s", eddy_status_name(status));
    (void)context;
    return status;
}

IN_TASK(cancelled_after) {
    eddy_task_info_t info = { .size = sizeof info };
    eddy_task_t ended, blocked;
    (void)context;
    CHECK_STATUS(eddy_task_spawn(traces, "ended", &eager, &ended), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(ended, "late"), EDDY_EALREADY);
    CHECK_STATUS(eddy_task_info(ended, &info), EDDY_OK);
    CHECK_INT(info.cancel_requests, 0);
    CHECK_INT(info.state, EDDY_TASK_DONE);
    CHECK_STATUS(eddy_task_spawn(sleeps, NULL, &eager, &blocked), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(blocked, "enough"), EDDY_OK);
    CHECK_TRACE("ended");
    CHECK_STATUS(eddy_task_join(blocked, NULL), EDDY_ETARGETCANCELED);
    CHECK_TRACE("ended EDDY_ECANCELED");
    CHECK_STATUS(eddy_task_info(blocked, &info), EDDY_OK);
    CHECK_INT(info.cancel_requests, 1);
    CHECK_INT(info.state, EDDY_TASK_CANCELED);
    CHECK_TEXT(info.reason.message, "enough");
    CHECK_STATUS(eddy_task_release(ended), EDDY_OK);
    CHECK_STATUS(eddy_task_release(blocked), EDDY_OK);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * EAG-04, EAG-05: the local pointer, and a loop that does not run
 */
static eddy_status_t sets_local(void *context) {
    static int own;
    CHECK(eddy_task_local() == context);
    CHECK_STATUS(eddy_task_set_local(&own), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK(eddy_task_local() == &own);
    return EDDY_OK;
}

IN_TASK(copied_context) {
    int mine;
    eddy_task_t child;
    (void)context;
    CHECK_STATUS(eddy_task_set_local(&mine), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(sets_local, &mine, &eager, &child), EDDY_OK);
    CHECK(eddy_task_local() == &mine);
    CHECK_STATUS(eddy_task_join(child, NULL), EDDY_OK);
    CHECK(eddy_task_local() == &mine);
    CHECK_STATUS(eddy_task_release(child), EDDY_OK);
    return EDDY_OK;
}

static void loop_not_running(void) {
    const eddy_loop_options_t options = virtual_options();
    eddy_loop_t loop;
    eddy_task_t child;
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(traces, "first", &eager, &child), EDDY_OK);
    trace("spawned");
    CHECK_INT(state_of(child), EDDY_TASK_READY);
    CHECK_STATUS(eddy_loop_run(loop, traces, "root", NULL), EDDY_OK);
    CHECK_INT(state_of(child), EDDY_TASK_DONE);
    CHECK_TRACE("spawned first root");
    CHECK_STATUS(eddy_task_release(child), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* ------------------------------------------------------------------------------------------------
 * EAG-06, EAG-07: in a group
 */
static eddy_status_t fails(void *context) {
    (void)context;
    return eddy_fail(-5, "child");
}

static void check_group_of_one(eddy_status_t status) {
    eddy_error_t error, child;
    CHECK_STATUS(status, EDDY_EGROUP);
    CHECK_STATUS(eddy_error_current(&error), EDDY_OK);
    CHECK_INT(eddy_error_child_count(error), 1);
    CHECK_STATUS(eddy_error_child(error, 0, &child), EDDY_OK);
    CHECK_STATUS(eddy_error_status(child), -5);
    CHECK_TEXT(eddy_error_message(child), "child");
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
}

IN_TASK(fails_in_a_group) {
    eddy_scope_t group;
    eddy_task_t child;
    (void)context;
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(group, fails, NULL, &eager, &child), EDDY_OK);
    CHECK_INT(state_of(child), EDDY_TASK_FAILED);
    CHECK_INT(listed(child), 0);
    CHECK_INT(eddy_cancelled(), 0);
    CHECK_STATUS(eddy_checkpoint(), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(group, traces, "sibling", &eager, NULL), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_ECANCELED);
    CHECK_INT(eddy_cancelled(), 1);
    CHECK_STATUS(eddy_group_spawn(group, traces, "late", &eager, NULL), EDDY_ECANCELED);
    check_group_of_one(eddy_scope_close(group, EDDY_ECANCELED));
    CHECK_TRACE("sibling");
    CHECK_STATUS(eddy_task_release(child), EDDY_OK);
    /* Closed at once: the close waits for what the group has still to hear. */
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(group, fails, NULL, &eager, NULL), EDDY_OK);
    check_group_of_one(eddy_scope_close(group, EDDY_OK));
    CHECK_STATUS(eddy_checkpoint(), EDDY_OK);
    return EDDY_OK;
}

static eddy_status_t cancels_group(void *context) {
    CHECK_INT(eddy_cancelled(), 0);
    CHECK_STATUS(eddy_scope_cancel(*(eddy_scope_t *)context, "by the child"), EDDY_OK);
    CHECK_INT(eddy_cancelled(), 1);
    const eddy_status_t status = eddy_sleep(EDDY_SECONDS(9));
    trace("%s", eddy_status_name(status));
    return status;
}

IN_TASK(cancels_its_group) {
    eddy_scope_t group;
    eddy_task_t child;
    int64_t now = -1;
    (void)context;
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(group, cancels_group, &group, &eager, &child), EDDY_OK);
    CHECK_TRACE("");
    CHECK_INT(eddy_cancelled(), 1);
    CHECK_STATUS(eddy_scope_close(group, EDDY_OK), EDDY_OK);
    CHECK_TRACE("EDDY_ECANCELED");
    CHECK_INT(state_of(child), EDDY_TASK_CANCELED);
    CHECK_STATUS(eddy_now(&now), EDDY_OK);
    CHECK_INT(now, 0);
    CHECK_STATUS(eddy_task_release(child), EDDY_OK);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Steps inside steps, the error slot, a stack allocator
 */
static eddy_status_t nests(void *context) {
    int *left = context;
    const eddy_task_t me = self();
    const int depth = *left;
    if (--*left > 0) CHECK_STATUS(eddy_task_spawn(nests, left, &eager, NULL), EDDY_OK);
    CHECK_INT(self().id == me.id, 1);
    if (depth == 1) trace("deepest");
    if (depth == 20) CHECK_STATUS(eddy_yield(), EDDY_OK);
    return EDDY_OK;
}

IN_TASK(nested) {
    int left = 60;
    eddy_task_t child;
    (void)context;
    CHECK_STATUS(eddy_task_spawn(nests, &left, &eager, &child), EDDY_OK);
    CHECK_INT(left, 0);
    CHECK_INT(state_of(child), EDDY_TASK_DONE);
    CHECK_TRACE("deepest");
    CHECK_STATUS(eddy_task_release(child), EDDY_OK);
    left = 65;
    CHECK_STATUS(eddy_task_spawn(nests, &left, &eager, NULL), EDDY_OK);
    CHECK_INT(left, 1);
    CHECK_TRACE("deepest");
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_INT(left, 0);
    CHECK_TRACE("deepest deepest");
    return EDDY_OK;
}

IN_TASK(error_slot) {
    eddy_error_t error;
    eddy_task_t child;
    (void)context;
    CHECK_STATUS(eddy_fail(-7, "mine"), -7);
    CHECK_STATUS(eddy_task_spawn(fails, NULL, &eager, &child), EDDY_OK);
    CHECK_STATUS(eddy_error_current(&error), EDDY_OK);
    CHECK_TEXT(eddy_error_message(error), "mine");
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    CHECK_STATUS(eddy_task_join(child, NULL), -5);
    CHECK_STATUS(eddy_task_release(child), EDDY_OK);
    return EDDY_OK;
}

static int stacks_held;

static void *give_stack(void *context, size_t bytes) {
    void *low = NULL;
    (void)context;
    if (posix_memalign(&low, 4096, bytes)) return NULL;
    stacks_held++;
    return low;
}

static void take_stack(void *context, void *low, size_t bytes) {
    (void)context;
    (void)bytes;
    stacks_held--;
    free(low);
}

static eddy_status_t spawns_on_user_stacks(void *context) {
    (void)context;
    for (int count = 0; count < 10; count++) {
        CHECK_STATUS(eddy_task_spawn(traces, "x", &eager, NULL), EDDY_OK);
        CHECK_INT(stacks_held, 1);
    }
    return EDDY_OK;
}

static void user_stacks(void) {
    const eddy_stack_allocator_t stacks = {
        (uint32_t)sizeof stacks, 0, give_stack, take_stack, NULL
    };
    eddy_loop_options_t options = virtual_options();
    options.stacks = &stacks;
    stacks_held = 0;
    CHECK_STATUS(eddy_run(&options, spawns_on_user_stacks, NULL), EDDY_OK);
    CHECK_INT(stacks_held, 0);
    CHECK_TRACE("x x x x x x x x x x");
}

static const check_test_t tests[] = {
    { "EAG-01: a child that never waits has ended when the spawn returns", completes },
    { "EAG-02: a child that waits runs to there, then is an ordinary task", blocks },
    { "EAG-02: the same from a callback, with no task current", in_a_callback },
    { "EAG-03: a cancel after the end, and after the first wait", cancelled_after },
    { "EAG-04: the child has a copy of what the caller carries", copied_context },
    { "EAG-05: a loop that does not run falls back", loop_not_running },
    { "EAG-06: a group hears of a failure after the spawn", fails_in_a_group },
    { "EAG-07: a child that cancels its group is cancelled too", cancels_its_group },
    { "eager: steps inside steps, 64 at most", nested },
    { "eager: the caller's error is its own", error_slot },
    { "eager: a user's stacks are given back one by one", user_stacks },
};
CHECK_MAIN(tests)
