/*
 * Values out of range, NULL functions and NULL out-parameters, and the sized structs that the
 * library fills in.
 *
 * Proves: the named status, nothing written through a ret_ parameter on failure, what was handed in
 * released exactly once in every refusal.
 * Threads: one.
 */
#include "abi_calls.h"

static eddy_status_t body(void *context) {
    (void)context;
    return EDDY_OK;
}

/* ---- stack sizes ---- */

static eddy_status_t spawn_with_stack(int64_t bytes) {
    eddy_spawn_options_t options = abi_spawn_options();
    eddy_task_t task = { 77 };
    options.stack_bytes = bytes;
    abi_released = 0;
    const eddy_status_t status = eddy_task_spawn(body, &abi_released, &options, &task);
    if (status != EDDY_OK) CHECK_INT(task.id, 77);
    else {
        CHECK_STATUS(eddy_task_join(task, NULL), EDDY_OK);
        CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    }
    CHECK_INT(abi_released, 1);
    return status;
}

static eddy_status_t stack_sizes_body(void *context) {
    static const int64_t refused[] = { 1, 4096, 65535, -1, -65536, INT64_MIN, INT64_MAX,
        ((int64_t)1 << 30) + 1, (int64_t)1 << 40 };
    (void)context;
    for (size_t index = 0; index < sizeof refused / sizeof refused[0]; index++)
        CHECK_STATUS(spawn_with_stack(refused[index]), EDDY_EINVAL);
    CHECK_STATUS(spawn_with_stack(0), EDDY_OK);
    CHECK_STATUS(spawn_with_stack(65536), EDDY_OK);
    CHECK_STATUS(spawn_with_stack(65537), EDDY_OK);
    CHECK_STATUS(spawn_with_stack(1 << 20), EDDY_OK);
    return EDDY_OK;
}

static void stack_sizes_of_tasks(void) {
    CHECK_STATUS(run_virtual(stack_sizes_body, NULL), EDDY_OK);
}

static void stack_sizes_of_loops(void) {
    static const int64_t refused[] = { 1, 4096, 65535, -1, INT64_MIN };
    eddy_loop_options_t options = virtual_options();
    for (size_t index = 0; index < sizeof refused / sizeof refused[0]; index++) {
        eddy_loop_t loop = { 77 };
        options.stack_bytes = refused[index];
        CHECK_STATUS(eddy_run(&options, body, NULL), EDDY_EINVAL);
        CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_EINVAL);
        CHECK_INT(loop.id, 77);
    }
    options.stack_bytes = 65536;
    CHECK_STATUS(eddy_run(&options, body, NULL), EDDY_OK);
}

/* ---- NULL functions ---- */

static eddy_status_t null_functions_body(void *context) {
    const eddy_spawn_options_t options = abi_spawn_options();
    eddy_scope_t group = { 0 };
    eddy_future_t future = { 0 };
    (void)context;
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    abi_released = 0;
    CHECK_STATUS(eddy_task_spawn(NULL, &abi_released, &options, NULL), EDDY_EINVAL);
    CHECK_INT(abi_released, 1);
    CHECK_STATUS(eddy_group_spawn(group, NULL, &abi_released, &options, NULL), EDDY_EINVAL);
    CHECK_INT(abi_released, 2);
    CHECK_STATUS(eddy_future_on_done(future, NULL, &abi_released, count_release), EDDY_EINVAL);
    CHECK_INT(abi_released, 3);
    CHECK_STATUS(eddy_defer(NULL, NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_call(NULL, NULL, NULL, NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_with_timeout(1, NULL, NULL, NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_foreign_register(NULL), EDDY_EINVAL);
    eddy_foreign_ops_t ops = EDDY_FOREIGN_OPS_INIT;
    ops.release = count_release;
    CHECK_STATUS(eddy_foreign_register(&ops), EDDY_EINVAL);
    CHECK_STATUS(eddy_foreign_spawn(NULL, NULL, NULL, NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_foreign_spawn(&ops, &abi_released, NULL, NULL), EDDY_EINVAL);
    CHECK_INT(abi_released, 4);
    CHECK_STATUS(eddy_scope_close(group, EDDY_OK), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(future, NULL, NULL), EDDY_OK);
    return eddy_future_release(future);
}

static void null_functions(void) {
    eddy_loop_t loop = { 0 };
    CHECK_STATUS(eddy_run(NULL, NULL, NULL), EDDY_EINVAL);
    CHECK_STATUS(run_virtual(null_functions_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
    CHECK_STATUS(eddy_loop_create(NULL, &loop), EDDY_OK);
    CHECK_STATUS(eddy_loop_run(loop, NULL, NULL, NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_loop_run(loop, body, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
}

/* ---- NULL out-parameters ---- */

static eddy_status_t null_outs_of_errors(void) {
    eddy_error_t error = { 0 };
    CHECK_STATUS(eddy_error_current(NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_fail(EDDY_EPERM, "kept"), EDDY_EPERM);
    CHECK_STATUS(eddy_error_current(&error), EDDY_OK);
    CHECK_STATUS(eddy_error_child(error, 0, NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_error_cause(error, 0, NULL), EDDY_EINVAL);
    CHECK_INT(eddy_error_format(error, NULL, 0) > 0, 1);
    return eddy_error_release(error);
}

static eddy_status_t null_outs_body(void *context) {
    eddy_future_t future = { 0 };
    eddy_task_t self = { 0 };
    eddy_release_fn release = NULL;
    void *value = NULL;
    int released = 0;
    (void)context;
    CHECK_STATUS(eddy_task_current(NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_loop_current(NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_now(NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_future_create(NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_scope_open(NULL, NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_group_open(NULL, NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_timeout_open(NULL, 1, NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_shield_open(NULL, NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_task_current(&self), EDDY_OK);
    CHECK_STATUS(eddy_task_info(self, NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(future, &released, count_release), EDDY_OK);
    CHECK_STATUS(eddy_future_take(future, NULL, &release), EDDY_EINVAL);
    CHECK_STATUS(eddy_future_take(future, &value, NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_future_error(future, NULL), EDDY_EINVAL);
    CHECK(value == NULL && release == NULL);
    CHECK_STATUS(eddy_future_result(future, &value), EDDY_OK);
    CHECK(value == &released);
    CHECK_INT(released, 0);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    CHECK_INT(released, 1);
    return null_outs_of_errors();
}

static void null_outs(void) {
    CHECK_STATUS(eddy_loop_create(NULL, NULL), EDDY_EINVAL);
    CHECK_STATUS(run_virtual(null_outs_body, NULL), EDDY_OK);
}

/* A refused close leaves the scope open. */
static eddy_status_t close_info_body(void *context) {
    struct { eddy_close_info_t info; unsigned char tail[16]; } out;
    eddy_scope_t scope = { 0 };
    (void)context;
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close_info(scope, EDDY_OK, NULL), EDDY_EINVAL);
    memset(&out, 0, sizeof out);
    for (uint32_t size = 0; size < 4; size++) {
        out.info.size = size;
        CHECK_STATUS(eddy_scope_close_info(scope, EDDY_OK, &out.info), EDDY_EINVAL);
    }
    out.info.size = (uint32_t)sizeof out;
    out.tail[3] = 1;
    CHECK_STATUS(eddy_scope_close_info(scope, EDDY_OK, &out.info), EDDY_E2BIG);
    out.tail[3] = 0;
    CHECK_STATUS(eddy_scope_cancel(scope, "why"), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_ECANCELED);
    CHECK_STATUS(eddy_scope_close_info(scope, EDDY_ECANCELED, &out.info), EDDY_OK);
    CHECK_INT(out.info.cancelled, 1);
    CHECK_INT(out.info.expired, 0);
    CHECK_INT(out.info.absorbed, 1);
    CHECK_INT(out.info.reason.code, EDDY_REASON_REQUEST);
    CHECK_TEXT(out.info.reason.message, "why");
    CHECK_STATUS(eddy_scope_close_info(scope, EDDY_OK, &out.info), EDDY_EBADHANDLE);
    return EDDY_OK;
}

static void close_info(void) {
    CHECK_STATUS(run_virtual(close_info_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* Only as many bytes as the caller's struct has are written. */
static eddy_status_t short_outs_body(void *context) {
    union { eddy_task_info_t info; unsigned char bytes[sizeof(eddy_task_info_t) + 16]; } out;
    eddy_task_t self = { 0 };
    (void)context;
    CHECK_STATUS(eddy_task_current(&self), EDDY_OK);
    for (uint32_t size = 0; size < 4; size++) {
        memset(&out, 0, sizeof out);
        out.info.size = size;
        CHECK_STATUS(eddy_task_info(self, &out.info), EDDY_EINVAL);
    }
    memset(&out, 0xee, sizeof out);
    out.info.size = 8;
    CHECK_STATUS(eddy_task_info(self, &out.info), EDDY_OK);
    CHECK_INT(out.info.state, EDDY_TASK_RUNNING);
    for (size_t place = 8; place < sizeof out.bytes; place++) CHECK(out.bytes[place] == 0xee);
    memset(&out, 0, sizeof out);
    out.info.size = (uint32_t)sizeof out.bytes;
    CHECK_STATUS(eddy_task_info(self, &out.info), EDDY_OK);
    CHECK_INT(out.info.serial, 1);
    out.info.size = (uint32_t)sizeof out.bytes;
    out.bytes[sizeof(eddy_task_info_t) + 5] = 1;
    CHECK_STATUS(eddy_task_info(self, &out.info), EDDY_E2BIG);
    eddy_scope_t scope = { 0 };
    union { eddy_close_info_t info; unsigned char bytes[sizeof(eddy_close_info_t)]; } closed;
    memset(&closed, 0xee, sizeof closed);
    closed.info.size = 8;
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close_info(scope, EDDY_OK, &closed.info), EDDY_OK);
    CHECK_INT(closed.info.cancelled, 0);
    for (size_t place = 8; place < sizeof closed.bytes; place++) CHECK(closed.bytes[place] == 0xee);
    return EDDY_OK;
}

static void short_outs(void) {
    CHECK_STATUS(run_virtual(short_outs_body, NULL), EDDY_OK);
}

/* ---- other ranges ---- */

static eddy_status_t ranges_body(void *context) {
    eddy_future_t future = { 0 };
    (void)context;
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_future_fail(future, EDDY_OK, NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_future_fail(future, 5, NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_future_fail(future, EDDY_ECANCELED, NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_future_result(future, NULL), EDDY_EPENDING);
    CHECK_STATUS(eddy_future_cancel(future, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    CHECK_STATUS(eddy_fail(EDDY_OK, "no failure"), EDDY_EINVAL);
    CHECK_STATUS(eddy_fail(7, "no failure"), EDDY_EINVAL);
    CHECK_STATUS(eddy_fail_text(EDDY_OK, "no failure"), EDDY_EINVAL);
    CHECK_STATUS(eddy_fail(EDDY_EPERM, NULL), EDDY_EPERM);
    CHECK_STATUS(eddy_fail_text(EDDY_EPERM, NULL), EDDY_EPERM);
    CHECK_STATUS(eddy_fd_wait(-1, EDDY_READABLE, NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_fd_wait(0, 0, NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_fd_wait(0, 8, NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_fd_wait(0, EDDY_READABLE | 0x100, NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_fd_wait(1 << 20, EDDY_READABLE, NULL), -9);
    return EDDY_OK;
}

static void ranges(void) {
    CHECK_STATUS(run_virtual(ranges_body, NULL), EDDY_OK);
}

static const check_test_t tests[] = {
    { "options: stack sizes of tasks", stack_sizes_of_tasks },
    { "options: stack sizes of loops", stack_sizes_of_loops },
    { "TSK-03: NULL functions", null_functions },
    { "out-parameters: NULL", null_outs },
    { "out-structs: a refused close leaves the scope open", close_info },
    { "out-structs: shorter and longer", short_outs },
    { "parameters out of range", ranges },
};
CHECK_MAIN(tests)
