/*
 * Calls that need a task, made outside one: after eddy_loop_create, in a done callback, in the
 * start of a foreign task.
 *
 * Proves: EDDY_ENOTTASK at once, nothing handed in is lost, the calls of "Thread: loop" work there,
 * and the loop goes on.
 * Threads: one.
 */
#include "abi_calls.h"

static eddy_status_t worker(void *context) {
    ++*(int *)context;
    return EDDY_OK;
}

/* Handles that a call would have to wait for. */
typedef struct targets {
    abi_handles_t handles;
    int visits;                        /* how often the place under test was reached */
} targets_t;

static void refuse_task_calls(const abi_handles_t *handles, const char *where) {
    for (int index = 0; index < ABI_FREE_CALLS; index++)
        if (abi_free_calls[index].flags & ABI_TASK)
            abi_refuses(&abi_free_calls[index], 0, EDDY_ENOTTASK, where);
    for (int index = 0; index < ABI_HANDLE_CALLS; index++) {
        const abi_call_t *row = &abi_handle_calls[index];
        const uint64_t id = abi_fitting(handles, row->kinds);
        if (row->flags & ABI_TASK && id) abi_refuses(row, id, EDDY_ENOTTASK, where);
    }
}

/* What is free of tasks works at the same place. */
static void use_loop_calls(void) {
    eddy_loop_t loop = { 0 };
    eddy_future_t future = { 0 };
    eddy_task_t task = { 0 };
    eddy_error_t error = { 0 };
    int64_t now = -1;
    int value = 0;
    CHECK_STATUS(eddy_loop_current(&loop), EDDY_OK);
    CHECK_STATUS(eddy_now(&now), EDDY_OK);
    CHECK(now >= 0);
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(future, &value, count_release), EDDY_OK);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    CHECK_INT(value, 1);
    CHECK_STATUS(eddy_fail(EDDY_EPERM, "outside"), EDDY_EPERM);
    CHECK_STATUS(eddy_error_current(&error), EDDY_OK);
    CHECK_TEXT(eddy_error_message(error), "outside");
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(worker, &value, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK(eddy_task_local() == NULL);
}

static eddy_status_t check_ran(void *context) {
    CHECK_INT(*(int *)context, 0);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_INT(*(int *)context, 1);
    return EDDY_OK;
}

static void after_loop_create(void) {
    const eddy_loop_options_t options = virtual_options();
    eddy_loop_t loop = { 0 };
    eddy_task_t task = { 0 };
    eddy_future_t future = { 0 };
    int ran = 0;
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    refuse_task_calls(&(abi_handles_t){ { 0, 0, future.id, 0, 0 } }, "after loop_create");
    use_loop_calls();
    CHECK_STATUS(eddy_task_spawn(worker, &ran, NULL, &task), EDDY_OK);
    refuse_task_calls(&(abi_handles_t){ { 0, task.id, 0, 0, 0 } }, "after a spawn");
    CHECK_STATUS(eddy_loop_shutdown(loop), EDDY_OK);
    CHECK_INT(ran, 0);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* Between two runs, with tasks that wait. */
static eddy_status_t wait_for_it(void *context) {
    return eddy_future_wait(*(eddy_future_t *)context, NULL);
}

static eddy_status_t yield_once(void *context) {
    (void)context;
    return eddy_yield();
}

static void between_two_runs(void) {
    const eddy_loop_options_t options = virtual_options();
    eddy_loop_t loop = { 0 };
    eddy_task_t task = { 0 };
    eddy_future_t future = { 0 };
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(wait_for_it, &future, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_loop_run(loop, yield_once, NULL, NULL), EDDY_OK);
    refuse_task_calls(&(abi_handles_t){ { 0, task.id, future.id, eddy_task_scope(task).id, 0 } },
        "between two runs");
    CHECK_STATUS(eddy_future_complete(future, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_loop_run(loop, yield_once, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_result(eddy_task_future(task), NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

static eddy_status_t in_callback(void *context, eddy_future_t future) {
    targets_t *targets = context;
    CHECK_STATUS(eddy_future_result(future, NULL), EDDY_OK);
    refuse_task_calls(&targets->handles, "in a done callback");
    use_loop_calls();
    targets->visits++;
    return EDDY_OK;
}

static eddy_status_t callback_body(void *context) {
    targets_t *targets = context;
    eddy_future_t done = { 0 }, pending = { 0 };
    eddy_scope_t group = { 0 };
    eddy_task_t self = { 0 };
    CHECK_STATUS(eddy_task_current(&self), EDDY_OK);
    CHECK_STATUS(eddy_future_create(&done), EDDY_OK);
    CHECK_STATUS(eddy_future_create(&pending), EDDY_OK);
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    targets->handles.ids[1] = self.id;
    targets->handles.ids[2] = pending.id;
    targets->handles.ids[3] = group.id;
    CHECK_STATUS(eddy_future_on_done(done, in_callback, targets, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(done, NULL, NULL), EDDY_OK);
    CHECK_INT(targets->visits, 0);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_INT(targets->visits, 1);
    CHECK_STATUS(eddy_scope_close(group, EDDY_OK), EDDY_OK);
    CHECK_STATUS(eddy_future_release(done), EDDY_OK);
    return eddy_future_release(pending);
}

static void in_a_done_callback(void) {
    targets_t targets = { { { 0 } }, 0 };
    CHECK_STATUS(run_virtual(callback_body, &targets), EDDY_OK);
    CHECK_INT(targets.visits, 1);
    CHECK_INT(reports.count, 0);
}

/* ---- in the start of a foreign task, with no task current ---- */

static void foreign_start(void *instance, eddy_task_t self) {
    targets_t *targets = instance;
    refuse_task_calls(&targets->handles, "in the start of a foreign task");
    use_loop_calls();
    targets->visits++;
    CHECK_STATUS(eddy_foreign_complete(self, EDDY_OK, NULL, NULL), EDDY_OK);
}

static eddy_status_t foreign_body(void *context) {
    static eddy_foreign_ops_t ops = EDDY_FOREIGN_OPS_INIT;
    targets_t *targets = context;
    eddy_future_t pending = { 0 };
    eddy_task_t self = { 0 }, task = { 0 };
    ops.start = foreign_start;
    CHECK_STATUS(eddy_task_current(&self), EDDY_OK);
    CHECK_STATUS(eddy_future_create(&pending), EDDY_OK);
    targets->handles.ids[1] = self.id;
    targets->handles.ids[2] = pending.id;
    CHECK_STATUS(eddy_foreign_spawn(&ops, targets, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    return eddy_future_release(pending);
}

static void in_a_foreign_start(void) {
    targets_t targets = { { { 0 } }, 0 };
    CHECK_STATUS(run_virtual(foreign_body, &targets), EDDY_OK);
    CHECK_INT(targets.visits, 1);
    CHECK_INT(reports.count, 0);
}

/* A spawn from a callback runs in a later round. */
static eddy_status_t spawn_in_callback(void *context, eddy_future_t future) {
    (void)future;
    CHECK_STATUS(eddy_task_spawn(worker, context, NULL, NULL), EDDY_OK);
    CHECK_INT(*(int *)context, 0);
    return EDDY_OK;
}

static eddy_status_t spawn_body(void *context) {
    eddy_future_t done = { 0 };
    CHECK_STATUS(eddy_future_create(&done), EDDY_OK);
    CHECK_STATUS(eddy_future_on_done(done, spawn_in_callback, context, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(done, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_release(done), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    return check_ran(context);
}

static void spawn_from_a_callback(void) {
    int ran = 0;
    CHECK_STATUS(run_virtual(spawn_body, &ran), EDDY_OK);
    CHECK_INT(ran, 1);
}

static const check_test_t tests[] = {
    { "Must show: suspending calls outside a task, after loop_create", after_loop_create },
    { "Must show: suspending calls outside a task, between two runs", between_two_runs },
    { "Must show: suspending calls outside a task, in a callback", in_a_done_callback },
    { "Must show: suspending calls outside a task, in a foreign start", in_a_foreign_start },
    { "LOOP-02: a spawn in a callback runs in the next round", spawn_from_a_callback },
};
CHECK_MAIN(tests)
