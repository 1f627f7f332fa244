/*
 * Null, stale, wrong-kind and made-up handles, for every function of the header that takes one.
 *
 * Proves: EDDY_EBADHANDLE each time, nothing handed in is lost, releasing null is harmless, one
 * release too many is found, and the loop works afterwards.
 * Threads: one.
 */
#include "abi_calls.h"

static eddy_status_t quick(void *context) {
    (void)context;
    return EDDY_OK;
}

/* A task that has ended, with one reference; the null handle if that failed. */
static eddy_task_t ended_task(void) {
    eddy_task_t task = { 0 };
    CHECK_STATUS(eddy_task_spawn(quick, NULL, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_OK);
    return task;
}

/* An error with one reference that is nobody's current one. */
static eddy_error_t kept_error(void) {
    eddy_error_t error = { 0 };
    CHECK_STATUS(eddy_fail(EDDY_EINVAL, "first"), EDDY_EINVAL);
    CHECK_STATUS(eddy_error_current(&error), EDDY_OK);
    CHECK_STATUS(eddy_fail(EDDY_EINVAL, "second"), EDDY_EINVAL);
    return error;
}

/* One live handle of each kind; a task that has ended is still a live handle. */
static abi_handles_t open_handles(void) {
    abi_handles_t live = { { 0 } };
    eddy_loop_t loop = { 0 };
    eddy_future_t future = { 0 };
    eddy_scope_t scope = { 0 };
    CHECK_STATUS(eddy_loop_current(&loop), EDDY_OK);
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_group_open(&scope, NULL), EDDY_OK);
    live.ids[0] = loop.id;
    live.ids[1] = ended_task().id;
    live.ids[2] = future.id;
    live.ids[3] = scope.id;
    live.ids[4] = kept_error().id;
    abi_open_contexts(&live);
    return live;
}

static void close_handles(const abi_handles_t *live) {
    abi_close_contexts(live);
    CHECK_STATUS(eddy_scope_close((eddy_scope_t){ live->ids[3] }, EDDY_OK), EDDY_OK);
    CHECK_STATUS(eddy_task_release((eddy_task_t){ live->ids[1] }), EDDY_OK);
    CHECK_STATUS(eddy_future_release((eddy_future_t){ live->ids[2] }), EDDY_OK);
    CHECK_STATUS(eddy_error_release((eddy_error_t){ live->ids[4] }), EDDY_OK);
}

/* Tries one id with every call that takes a handle of a kind in `kinds`. */
static void try_id(unsigned kinds, uint64_t id, const char *what) {
    for (int index = 0; index < ABI_HANDLE_CALLS; index++)
        if (abi_handle_calls[index].kinds & kinds)
            abi_refuses(&abi_handle_calls[index], id, EDDY_EBADHANDLE, what);
}

static eddy_status_t null_body(void *context) {
    (void)context;
    for (int index = 0; index < ABI_HANDLE_CALLS; index++) {
        const abi_call_t *row = &abi_handle_calls[index];
        if (!(row->flags & ABI_NULL_OK)) abi_refuses(row, 0, EDDY_EBADHANDLE, "null");
    }
    CHECK_STATUS(eddy_task_release((eddy_task_t){ 0 }), EDDY_OK);
    CHECK_STATUS(eddy_future_release((eddy_future_t){ 0 }), EDDY_OK);
    CHECK_STATUS(eddy_error_release((eddy_error_t){ 0 }), EDDY_OK);
    CHECK_STATUS(eddy_context_release((eddy_context_t){ 0 }), EDDY_OK);
    CHECK_STATUS(eddy_token_release((eddy_token_t){ 0 }), EDDY_OK);
    CHECK_STATUS(eddy_callback_release((eddy_callback_t){ 0 }), EDDY_OK);
    CHECK_INT(eddy_task_future((eddy_task_t){ 0 }).id, 0);
    CHECK_INT(eddy_task_scope((eddy_task_t){ 0 }).id, 0);
    return eddy_task_release(ended_task());
}

static void null_handles(void) {
    CHECK_STATUS(run_virtual(null_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* The ids of handles whose last reference is gone. */
static abi_handles_t stale_handles(void) {
    abi_handles_t stale = open_handles();
    close_handles(&stale);
    stale.ids[0] = 0;
    return stale;
}

static eddy_status_t stale_body(void *context) {
    (void)context;
    const abi_handles_t stale = stale_handles();
    for (int kind = 1; kind < KIND_COUNT; kind++)
        try_id(1u << kind, stale.ids[kind], "stale");
    /* Their slots in use again: the old ids must not reach the new owners. */
    const abi_handles_t live = open_handles();
    for (int kind = 1; kind < KIND_COUNT; kind++)
        try_id(1u << kind, stale.ids[kind], "stale, its slot in use");
    close_handles(&live);
    const eddy_scope_t of_stale = eddy_task_scope((eddy_task_t){ stale.ids[1] });
    try_id(KIND_SCOPE, of_stale.id, "the root scope of a stale task");
    return eddy_task_release(ended_task());
}

static void stale_ids(void) {
    CHECK_STATUS(run_virtual(stale_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

static eddy_status_t wrong_kind_body(void *context) {
    (void)context;
    static const char *const kinds[] = { "a loop's", "a task's", "a future's", "a scope's",
        "an error's", "a context's", "a token's", "a callback's", "completions'" };
    const abi_handles_t live = open_handles();
    for (int index = 0; index < ABI_HANDLE_CALLS; index++)
        for (int kind = 0; kind < KIND_COUNT; kind++)
            if (!(abi_handle_calls[index].kinds & (1u << kind)))
                abi_refuses(&abi_handle_calls[index], live.ids[kind], EDDY_EBADHANDLE, kinds[kind]);
    CHECK_INT(eddy_task_future((eddy_task_t){ live.ids[2] }).id, 0);
    CHECK_INT(eddy_task_scope((eddy_task_t){ live.ids[3] }).id, 0);
    close_handles(&live);
    return eddy_task_release(ended_task());
}

static void wrong_kinds(void) {
    CHECK_STATUS(run_virtual(wrong_kind_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

static eddy_status_t made_up_body(void *context) {
    (void)context;
    static const uint64_t ids[] = { 1, UINT64_MAX, (uint64_t)1 << 63, 0x0123456789abcdefu,
        0xffffffff00000000u };
    for (size_t index = 0; index < sizeof ids / sizeof ids[0]; index++)
        try_id(~0u, ids[index], "made up");
    return eddy_task_release(ended_task());
}

static void made_up_ids(void) {
    CHECK_STATUS(run_virtual(made_up_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* Any single bit of a live id changed: no object, unless it happens to be the running task's id. */
static eddy_status_t flipped_body(void *context) {
    (void)context;
    eddy_future_t future = { 0 };
    eddy_task_t self = { 0 };
    CHECK_STATUS(eddy_task_current(&self), EDDY_OK);
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    for (int bit = 0; bit < 64; bit++) {
        const eddy_future_t other = { future.id ^ ((uint64_t)1 << bit) };
        if (other.id == self.id) continue;
        const eddy_status_t status = eddy_future_result(other, NULL);
        CHECK(status == EDDY_EBADHANDLE || status == EDDY_EWRONGTHREAD);
    }
    CHECK_STATUS(eddy_future_result(future, NULL), EDDY_EPENDING);
    return eddy_future_release(future);
}

static void flipped_bits(void) {
    CHECK_STATUS(run_virtual(flipped_body, NULL), EDDY_OK);
}

static eddy_status_t too_many_body(void *context) {
    (void)context;
    const eddy_task_t task = ended_task();
    CHECK_STATUS(eddy_task_retain(task), EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_EBADHANDLE);
    eddy_future_t future = { 0 };
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    CHECK_STATUS(eddy_future_release(future), EDDY_EBADHANDLE);
    const eddy_error_t error = kept_error();
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    CHECK_STATUS(eddy_error_release(error), EDDY_EBADHANDLE);
    eddy_context_t copy = { 0 };
    CHECK_STATUS(eddy_context_copy(copy, &copy), EDDY_OK);
    CHECK_STATUS(eddy_context_retain(copy), EDDY_OK);
    CHECK_STATUS(eddy_context_release(copy), EDDY_OK);
    CHECK_STATUS(eddy_context_release(copy), EDDY_OK);
    CHECK_STATUS(eddy_context_release(copy), EDDY_EBADHANDLE);
    return EDDY_OK;
}

static void one_release_too_many(void) {
    CHECK_STATUS(run_virtual(too_many_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* The loop holds a live task, so the handle's last reference may go before it ends; one release too
 * many is found on the live task too, and it runs to its end. */
static eddy_status_t slow(void *context) {
    EDDY_TRY(eddy_sleep(EDDY_SECONDS(1)));
    ++*(int *)context;
    return EDDY_OK;
}

static eddy_status_t live_release_body(void *context) {
    eddy_task_t task = { 0 };
    CHECK_STATUS(eddy_task_spawn(slow, context, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_EBADHANDLE);
    return eddy_sleep(EDDY_SECONDS(2));
}

static void release_of_a_live_task(void) {
    int ended = 0;
    CHECK_STATUS(run_virtual(live_release_body, &ended), EDDY_OK);
    CHECK_INT(ended, 1);
}

static const check_test_t tests[] = {
    { "Must show: null handles; releasing null is harmless", null_handles },
    { "Must show: stale handles", stale_ids },
    { "Must show: wrong-kind handles", wrong_kinds },
    { "handles: made-up ids", made_up_ids },
    { "handles: no neighbour of a live id is accepted", flipped_bits },
    { "handles: one release too many", one_release_too_many },
    { "TSK-36: releasing a handle never stops a task", release_of_a_live_task },
};
CHECK_MAIN(tests)
