/*
 * Slots and generations: retired slots, handles of a closed loop, a loop slot in use again.
 *
 * A generation has 28 bits; `first_generation` near the end lets each slot serve one to a few
 * owners before it is retired.
 * Threads: one.
 */
#include "abi_calls.h"

#define LAST_GENERATION 0x0fffffffu
#define ROUNDS 200

static uint64_t seen[8 * ROUNDS];
static int seen_count;

/* Remembers an id and sees that none came twice. */
static void remember(uint64_t id) {
    CHECK(id != 0);
    for (int index = 0; index < seen_count; index++) CHECK(seen[index] != id);
    if (CHECK(seen_count < 8 * ROUNDS)) seen[seen_count++] = id;
}

static eddy_status_t worker(void *context) {
    ++*(int *)context;
    return EDDY_OK;
}

/* Makes, uses and ends one of each kind. */
static void use_slots_once(int *ran) {
    eddy_task_t task = { 0 };
    eddy_future_t future = { 0 };
    eddy_scope_t scope = { 0 };
    eddy_error_t error = { 0 };
    void *value = NULL;
    CHECK_STATUS(eddy_group_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(scope, worker, ran, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(future, ran, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_wait(future, &value), EDDY_OK);
    CHECK(value == ran);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_OK), EDDY_OK);
    CHECK_STATUS(eddy_fail(EDDY_EINVAL, "round"), EDDY_EINVAL);
    CHECK_STATUS(eddy_error_current(&error), EDDY_OK);
    CHECK_STATUS(eddy_error_status(error), EDDY_EINVAL);
    remember(task.id);
    remember(future.id);
    remember(scope.id);
    remember(error.id);
    abi_handles_t contexts = { { 0 } };
    abi_open_contexts(&contexts);
    remember(contexts.ids[5]);
    remember(contexts.ids[6]);
    remember(contexts.ids[7]);
    remember(contexts.ids[8]);
    abi_close_contexts(&contexts);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
}

/* Every id that was seen is refused by everything. */
static void refuse_seen(void) {
    for (int index = 0; index < seen_count; index++) {
        CHECK_STATUS(eddy_task_retain((eddy_task_t){ seen[index] }), EDDY_EBADHANDLE);
        CHECK_STATUS(eddy_future_retain((eddy_future_t){ seen[index] }), EDDY_EBADHANDLE);
        CHECK_STATUS(eddy_scope_cancel((eddy_scope_t){ seen[index] }, NULL), EDDY_EBADHANDLE);
        CHECK_STATUS(eddy_context_retain((eddy_context_t){ seen[index] }), EDDY_EBADHANDLE);
        CHECK_STATUS(eddy_var_reset((eddy_token_t){ seen[index] }), EDDY_EBADHANDLE);
        CHECK_STATUS(eddy_callback_retain((eddy_callback_t){ seen[index] }), EDDY_EBADHANDLE);
    }
}

static eddy_status_t retired_body(void *context) {
    int *ran = context;
    for (int round = 0; round < ROUNDS; round++) use_slots_once(ran);
    refuse_seen();
    return EDDY_OK;
}

static void run_from_generation(uint32_t first) {
    eddy_loop_options_t options = virtual_options();
    int ran = 0;
    seen_count = 0;
    options.first_generation = first;
    CHECK_STATUS(eddy_run(&options, retired_body, &ran), EDDY_OK);
    CHECK_INT(ran, ROUNDS);
    CHECK_INT(reports.count, 0);
}

static void retired_slots(void) {
    run_from_generation(LAST_GENERATION);
    run_from_generation(LAST_GENERATION - 1);
    run_from_generation(LAST_GENERATION - 3);
}

/* The end of the generations in one loop is not the end of loops in this process. */
static void loops_after_retired_slots(void) {
    for (int round = 0; round < 3; round++) {
        run_from_generation(LAST_GENERATION);
        CHECK_STATUS(run_virtual(worker, &(int){ 0 }), EDDY_OK);
    }
}

/* One live handle of each kind but the loop's, made where no task has to run. */
static abi_handles_t handles_without_tasks(eddy_loop_t loop) {
    abi_handles_t handles = { { 0 } };
    eddy_task_t task = { 0 };
    eddy_future_t future = { 0 };
    eddy_error_t error = { 0 };
    const eddy_spawn_options_t options = abi_spawn_options();
    CHECK_STATUS(eddy_task_spawn(worker, &abi_released, &options, &task), EDDY_OK);
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_fail(EDDY_EINVAL, "kept"), EDDY_EINVAL);
    CHECK_STATUS(eddy_error_current(&error), EDDY_OK);
    handles.ids[0] = loop.id;
    handles.ids[1] = task.id;
    handles.ids[2] = future.id;
    handles.ids[3] = eddy_task_scope(task).id;
    handles.ids[4] = error.id;
    abi_open_contexts(&handles);
    return handles;
}

static abi_handles_t closed_loop_handles(void) {
    const eddy_loop_options_t options = virtual_options();
    eddy_loop_t loop = { 0 };
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    abi_released = 0;
    const abi_handles_t handles = handles_without_tasks(loop);
    CHECK_STATUS(eddy_loop_shutdown(loop), EDDY_OK);
    CHECK_INT(abi_released, 1);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    return handles;
}

static void refuse_all(const abi_handles_t *handles, const char *what) {
    for (int index = 0; index < ABI_HANDLE_CALLS; index++) {
        const abi_call_t *row = &abi_handle_calls[index];
        for (int kind = 0; kind < KIND_COUNT; kind++)
            if (row->kinds & (1u << kind) && !(row->flags & ABI_TASK))
                abi_refuses(row, handles->ids[kind], EDDY_EBADHANDLE, what);
    }
}

static void handles_of_a_closed_loop(void) {
    const abi_handles_t old = closed_loop_handles();
    CHECK(reports.count > 0);   /* the references that were left */
    refuse_all(&old, "of a closed loop, none here");
}

static eddy_status_t reuse_body(void *context) {
    const abi_handles_t *old = context;
    refuse_all(old, "of a closed loop, in a task of the next");
    CHECK_STATUS(eddy_task_join((eddy_task_t){ old->ids[1] }, NULL), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_future_wait((eddy_future_t){ old->ids[2] }, NULL), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_scope_close((eddy_scope_t){ old->ids[3] }, EDDY_OK), EDDY_EBADHANDLE);
    return EDDY_OK;
}

/* The next loop takes the same place; the objects it makes have the same indexes. */
static void reused_loop_slot(void) {
    for (int round = 0; round < 20; round++) {
        const abi_handles_t old = closed_loop_handles();
        const eddy_loop_options_t options = virtual_options();
        eddy_loop_t loop = { 0 };
        CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
        CHECK(loop.id != old.ids[0]);
        const abi_handles_t live = handles_without_tasks(loop);
        refuse_all(&old, "of a closed loop, its slot in use");
        CHECK_STATUS(eddy_loop_run(loop, reuse_body, (void *)&old, NULL), EDDY_OK);
        CHECK_STATUS(eddy_task_release((eddy_task_t){ live.ids[1] }), EDDY_OK);
        CHECK_STATUS(eddy_future_release((eddy_future_t){ live.ids[2] }), EDDY_OK);
        CHECK_STATUS(eddy_error_release((eddy_error_t){ live.ids[4] }), EDDY_OK);
        abi_close_contexts(&live);
        CHECK_STATUS(eddy_loop_shutdown(loop), EDDY_OK);
        CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    }
}

/* Far more loops one after another than can live at once. */
static void many_loops_in_turn(void) {
    for (int round = 0; round < 600; round++) {
        int ran = 0;
        if (!CHECK_STATUS(run_virtual(worker, &ran), EDDY_OK)) return;
        CHECK_INT(ran, 1);
    }
}

/* What is left at the close is reported, then freed with its value. */
static void references_left_at_close(void) {
    const eddy_loop_options_t options = virtual_options();
    eddy_loop_t loop = { 0 };
    eddy_future_t future = { 0 };
    int released = 0;
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    CHECK_STATUS(eddy_future_create_at("left.c:1", &future), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(future, &released, count_release), EDDY_OK);
    CHECK_INT(released, 0);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_INT(released, 1);
    CHECK(reports.count >= 1);
    CHECK_STATUS(eddy_future_release(future), EDDY_EBADHANDLE);
}

/* Callbacks that never came to run: their contexts are released all the same, once. */
static eddy_status_t never_called(void *context, eddy_future_t future) {
    (void)context;
    (void)future;
    CHECK(0);
    return EDDY_OK;
}

static void callbacks_left_at_close(void) {
    const eddy_loop_options_t options = virtual_options();
    eddy_loop_t loop = { 0 };
    eddy_future_t pending = { 0 }, done = { 0 }, released = { 0 };
    int contexts[3] = { 0, 0, 0 };
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    CHECK_STATUS(eddy_future_create(&pending), EDDY_OK);
    CHECK_STATUS(eddy_future_create(&done), EDDY_OK);
    CHECK_STATUS(eddy_future_create(&released), EDDY_OK);
    CHECK_STATUS(eddy_future_on_done(pending, never_called, &contexts[0], count_release), EDDY_OK);
    CHECK_STATUS(eddy_future_on_done(done, never_called, &contexts[1], count_release), EDDY_OK);
    CHECK_STATUS(eddy_future_on_done(released, never_called, &contexts[2], count_release),
        EDDY_OK);
    CHECK_STATUS(eddy_future_complete(done, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_release(done), EDDY_OK);
    CHECK_STATUS(eddy_future_release(released), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    for (int index = 0; index < 3; index++) CHECK_INT(contexts[index], 1);
}

static const check_test_t tests[] = {
    { "Must show: retired slots", retired_slots },
    { "slots: new loops come after retired slots", loops_after_retired_slots },
    { "handles of a closed loop", handles_of_a_closed_loop },
    { "slots: a reused loop slot refuses the old loop's handles", reused_loop_slot },
    { "slots: 600 loops in turn", many_loops_in_turn },
    { "references left at close are reported, then freed", references_left_at_close },
    { "callbacks left at close release their contexts", callbacks_left_at_close },
};
CHECK_MAIN(tests)
