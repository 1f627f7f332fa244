/*
 * Fork: the child gets EDDY_EFORKED from every call until it has made a loop of its own, and the
 * parent goes on untouched.
 *
 * A child writes its failed checks to the same output and ends without cleaning up.
 * Threads: one in each process.
 */
#include "abi_calls.h"

#include <sys/wait.h>

static eddy_status_t worker(void *context) {
    ++*(int *)context;
    return EDDY_OK;
}

/* Runs fn in a child and sees that none of its checks failed. */
static void in_a_child(void (*fn)(const abi_handles_t *), const abi_handles_t *handles) {
    int status = 0;
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        check_failures = 0;
        fn(handles);
        check_end_child();
    }
    if (!CHECK(child > 0)) return;
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    CHECK_INT(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0);
}

/* All that asks for the loop of this thread, or names one of its handles. */
static void refuse_in_child(const abi_handles_t *handles) {
    for (int index = 0; index < ABI_FREE_CALLS; index++)
        if (!(abi_free_calls[index].flags & ABI_STARTS))
            abi_refuses(&abi_free_calls[index], 0, EDDY_EFORKED, "in the child");
    for (int index = 0; index < ABI_HANDLE_CALLS; index++) {
        const abi_call_t *row = &abi_handle_calls[index];
        const uint64_t id = abi_fitting(handles, row->kinds);
        if (id) abi_refuses(row, id, EDDY_EFORKED, "in the child");
    }
    CHECK_TEXT(eddy_status_name(EDDY_EFORKED), "EDDY_EFORKED");
    CHECK_INT(eddy_has_feature("virtual-clock"), 1);
}

static eddy_status_t child_body(void *context) {
    eddy_future_t future = { 0 };
    int released = 0;
    CHECK_STATUS(eddy_sleep(EDDY_SECONDS(1)), EDDY_OK);
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(future, &released, count_release), EDDY_OK);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    CHECK_INT(released, 1);
    return worker(context);
}

/* With a loop of its own, the parent's handles are of a loop that is no more. */
static void own_loop_in_child(const abi_handles_t *handles) {
    const eddy_loop_options_t options = virtual_options();
    eddy_loop_t loop = { 0 };
    int ran = 0;
    refuse_in_child(handles);
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    CHECK(loop.id != handles->ids[0]);
    for (int index = 0; index < ABI_HANDLE_CALLS; index++) {
        const abi_call_t *row = &abi_handle_calls[index];
        const uint64_t id = abi_fitting(handles, row->kinds);
        if (id && !(row->flags & ABI_TASK))
            abi_refuses(row, id, EDDY_EBADHANDLE, "in the child with a loop of its own");
    }
    CHECK_STATUS(eddy_loop_run(loop, child_body, &ran, NULL), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_INT(ran, 1);
}

static void run_in_child(const abi_handles_t *handles) {
    int ran = 0;
    (void)handles;
    CHECK_STATUS(run_virtual(child_body, &ran), EDDY_OK);
    CHECK_STATUS(run_virtual(child_body, &ran), EDDY_OK);
    CHECK_INT(ran, 2);
    CHECK_INT(reports.count, 0);
}

static void leave_at_once(const abi_handles_t *handles) { (void)handles; }

static void in_every_kind_of_child(const abi_handles_t *handles) {
    in_a_child(leave_at_once, handles);
    in_a_child(refuse_in_child, handles);
    in_a_child(own_loop_in_child, handles);
    in_a_child(run_in_child, handles);
}

/* ---- outside tasks ---- */

static void outside_tasks(void) {
    const eddy_loop_options_t options = virtual_options();
    eddy_loop_t loop = { 0 };
    eddy_task_t task = { 0 };
    eddy_future_t future = { 0 };
    eddy_error_t error = { 0 };
    int ran = 0;
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(worker, &ran, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_fail(EDDY_EPERM, "kept"), EDDY_EPERM);
    CHECK_STATUS(eddy_error_current(&error), EDDY_OK);
    abi_handles_t handles = { { loop.id, task.id, future.id, eddy_task_scope(task).id,
        error.id, 0, 0 } };
    abi_open_contexts(&handles);
    in_every_kind_of_child(&handles);
    abi_close_contexts(&handles);
    CHECK_STATUS(eddy_loop_run(loop, worker, &ran, NULL), EDDY_OK);
    CHECK_INT(ran, 2);
    CHECK_TEXT(eddy_error_message(error), "kept");
    CHECK_STATUS(eddy_future_result(future, NULL), EDDY_EPENDING);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* ---- inside a task ---- */

static eddy_status_t sleeper(void *context) {
    EDDY_TRY(eddy_sleep(EDDY_SECONDS(10)));
    return worker(context);
}

static eddy_status_t inside_body(void *context) {
    eddy_loop_t loop = { 0 };
    eddy_task_t task = { 0 };
    eddy_future_t future = { 0 };
    eddy_scope_t group = { 0 };
    eddy_error_t error = { 0 };
    CHECK_STATUS(eddy_loop_current(&loop), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(sleeper, context, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    CHECK_STATUS(eddy_fail(EDDY_EPERM, "kept"), EDDY_EPERM);
    CHECK_STATUS(eddy_error_current(&error), EDDY_OK);
    CHECK_STATUS(eddy_sleep(EDDY_SECONDS(1)), EDDY_OK);
    abi_handles_t handles = { { loop.id, task.id, future.id, group.id, error.id, 0, 0 } };
    abi_open_contexts(&handles);
    in_every_kind_of_child(&handles);
    abi_close_contexts(&handles);
    CHECK_STATUS(eddy_scope_close(group, EDDY_OK), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    return eddy_error_release(error);
}

static void inside_a_task(void) {
    int ran = 0;
    CHECK_STATUS(run_virtual(inside_body, &ran), EDDY_OK);
    CHECK_INT(ran, 1);
    CHECK_INT(reports.count, 0);
}

/* ---- a loop on the real clock: the child's polling must not disturb the parent's ---- */

static eddy_status_t wait_for_byte(void *context) {
    const int *ends = context;
    int32_t events = 0;
    char byte = 0;
    CHECK_STATUS(eddy_fd_wait(ends[0], EDDY_READABLE, &events), EDDY_OK);
    CHECK(events & EDDY_READABLE);
    CHECK_INT(read(ends[0], &byte, 1), 1);
    CHECK_INT(byte, 'x');
    return EDDY_OK;
}

static void poll_in_child(const abi_handles_t *handles) {
    eddy_loop_options_t options = virtual_options();
    int ends[2];
    (void)handles;
    options.flags = 0;
    CHECK_INT(pipe(ends), 0);
    CHECK_INT(write(ends[1], "x", 1), 1);
    CHECK_STATUS(eddy_run(&options, wait_for_byte, ends), EDDY_OK);
}

static eddy_status_t polling_body(void *context) {
    int *ends = context;
    eddy_task_t task = { 0 };
    CHECK_STATUS(eddy_task_spawn(wait_for_byte, ends, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    in_a_child(poll_in_child, NULL);
    CHECK_INT(write(ends[1], "x", 1), 1);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_OK);
    return eddy_task_release(task);
}

static void polling_goes_on(void) {
    eddy_loop_options_t options = virtual_options();
    int ends[2];
    options.flags = 0;
    CHECK_INT(pipe(ends), 0);
    CHECK_STATUS(eddy_run(&options, polling_body, ends), EDDY_OK);
    close(ends[0]);
    close(ends[1]);
}

/* Without a loop there is nothing to be dead: the child is as any process. */
static void no_loop_before(const abi_handles_t *handles) {
    eddy_loop_t loop = { 0 };
    const eddy_status_t status = eddy_loop_current(&loop);
    CHECK(status == EDDY_EWRONGTHREAD || status == EDDY_EFORKED);
    run_in_child(handles);
}

/* In the middle of eddy_context_run, which has the context's last hold: the child goes back through
 * it, releases nothing that is the parent's, and is as any child. */
static eddy_context_t forked_in;
static eddy_status_t forks(void *context) {
    pid_t *child = context;
    CHECK_STATUS(eddy_context_release(forked_in), EDDY_OK);
    fflush(stdout);
    *child = fork();
    return *child == 0 ? EDDY_EFORKED : EDDY_OK;
}

static void fork_inside_a_context(void) {
    const eddy_loop_options_t options = virtual_options();
    eddy_loop_t loop = { 0 };
    const eddy_context_t null = { 0 };
    pid_t child = -1;
    int status = 0, released = 0;
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    CHECK_STATUS(eddy_context_with(null, &abi_variable, &released, &forked_in), EDDY_OK);
    const eddy_status_t ran = eddy_context_run(forked_in, forks, &child);
    if (child == 0) {
        CHECK_STATUS(ran, EDDY_EFORKED);
        CHECK_INT(released, 0);
        CHECK_STATUS(eddy_context_retain(forked_in), EDDY_EFORKED);
        run_in_child(NULL);
        check_end_child();
    }
    CHECK_STATUS(ran, EDDY_OK);
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_INT(released, 1);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

static void fork_without_a_loop(void) { in_a_child(no_loop_before, NULL); }

static const check_test_t tests[] = {
    { "Must show: fork with a loop, outside tasks", outside_tasks },
    { "Must show: fork inside a task, LOOP-30", inside_a_task },
    { "fork: descriptors are polled in both", polling_goes_on },
    { "fork: without a loop", fork_without_a_loop },
    { "fork: inside eddy_context_run", fork_inside_a_context },
};
CHECK_MAIN(tests)
