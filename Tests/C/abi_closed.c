/*
 * Release functions and the report hook: the library is closed while they run.
 *
 * Proves: each call of the header gives EDDY_EBUSY there, what it was given is released all the
 * same, _release functions and those of "Thread: any" work, and the loop goes on.
 * Threads: one.
 */
#include "abi_calls.h"

/* Live handles that the refused calls are tried with, and how often a place was reached. */
static abi_handles_t handles;
static int visits;
/* Which calls work in this place, and what the hook releases. */
static unsigned allowed;
static eddy_future_t in_hook;

static eddy_status_t worker(void *context) {
    ++*(int *)context;
    return EDDY_OK;
}

/* Everything but the _release functions and what is `allowed` is refused. */
static void refuse_everything(const char *where) {
    for (int index = 0; index < ABI_FREE_CALLS; index++)
        if (!(abi_free_calls[index].flags & allowed))
            abi_refuses(&abi_free_calls[index], 0, EDDY_EBUSY, where);
    for (int index = 0; index < ABI_HANDLE_CALLS; index++) {
        const abi_call_t *row = &abi_handle_calls[index];
        const uint64_t id = abi_fitting(&handles, row->kinds);
        if (!(row->flags & ABI_ENDS) && id) abi_refuses(row, id, EDDY_EBUSY, where);
    }
    CHECK_TEXT(eddy_status_name(EDDY_EBUSY), "EDDY_EBUSY");
    CHECK_INT(eddy_has_feature("foreign-tasks"), 1);
    CHECK(eddy_version_number() >= EDDY_VERSION_NUMBER);
    if (handles.ids[1]) {
        CHECK_INT(eddy_task_future((eddy_task_t){ handles.ids[1] }).id, handles.ids[1]);
        CHECK(eddy_task_scope((eddy_task_t){ handles.ids[1] }).id != 0);
    }
    visits++;
}

static void closed_release(void *value) { refuse_everything(value); }

static eddy_status_t wait_long(void *context) {
    (void)context;
    return eddy_sleep(EDDY_SECONDS(1000));
}

static void open_handles(eddy_loop_t loop) {
    eddy_task_t task = { 0 };
    eddy_future_t future = { 0 };
    eddy_error_t error = { 0 };
    visits = 0;
    memset(&handles, 0, sizeof handles);
    CHECK_STATUS(eddy_task_spawn(wait_long, NULL, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_fail(EDDY_EPERM, "kept"), EDDY_EPERM);
    CHECK_STATUS(eddy_error_current(&error), EDDY_OK);
    handles.ids[0] = loop.id;
    handles.ids[1] = task.id;
    handles.ids[2] = future.id;
    handles.ids[3] = eddy_task_scope(task).id;
    handles.ids[4] = error.id;
    abi_open_contexts(&handles);
}

/* They are as they were; each has its one reference left. */
static void close_handles(void) {
    abi_close_contexts(&handles);
    CHECK_STATUS(eddy_future_result((eddy_future_t){ handles.ids[2] }, NULL), EDDY_EPENDING);
    CHECK_STATUS(eddy_task_cancel((eddy_task_t){ handles.ids[1] }, NULL), EDDY_OK);
    CHECK_TEXT(eddy_error_message((eddy_error_t){ handles.ids[4] }), "kept");
    CHECK_STATUS(eddy_task_release((eddy_task_t){ handles.ids[1] }), EDDY_OK);
    CHECK_STATUS(eddy_future_release((eddy_future_t){ handles.ids[2] }), EDDY_OK);
    CHECK_STATUS(eddy_error_release((eddy_error_t){ handles.ids[4] }), EDDY_OK);
    CHECK_STATUS(eddy_future_release((eddy_future_t){ handles.ids[2] }), EDDY_EBADHANDLE);
    memset(&handles, 0, sizeof handles);
}

/* ---- every place in which the library calls a release function, inside a task ---- */

static void release_of_a_future(void) {
    eddy_future_t future = { 0 };
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(future, "a future's value", closed_release), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(future, "a refused value", closed_release), EDDY_EALREADY);
    CHECK_INT(visits, 1);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    CHECK_INT(visits, 2);
}

static void release_of_a_context(void) {
    eddy_spawn_options_t options = EDDY_SPAWN_OPTIONS_INIT;
    eddy_task_t task = { 0 };
    options.release_context = closed_release;
    CHECK_STATUS(eddy_task_spawn(NULL, "a refused context", &options, NULL), EDDY_EINVAL);
    CHECK_INT(visits, 3);
    CHECK_STATUS(eddy_task_spawn(wait_long, "a context", &options, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_ETARGETCANCELED);
    CHECK_INT(visits, 4);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
}

static eddy_status_t return_twice(void *context) {
    (void)context;
    EDDY_TRY(eddy_return("a replaced value", closed_release));
    return eddy_return("a task's value", closed_release);
}

static void release_of_a_task_value(void) {
    eddy_task_t task = { 0 };
    CHECK_STATUS(eddy_task_spawn(return_twice, NULL, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_OK);
    CHECK_INT(visits, 5);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_INT(visits, 6);
}

static eddy_status_t done(void *context, eddy_future_t future) {
    (void)context;
    (void)future;
    return EDDY_OK;
}

static void release_of_a_callback(void) {
    eddy_future_t future = { 0 };
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_future_on_done(future, done, "a callback's context", closed_release),
        EDDY_OK);
    CHECK_STATUS(eddy_future_complete(future, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_INT(visits, 7);
}

static void foreign_start(void *instance, eddy_task_t self) {
    (void)instance;
    CHECK_STATUS(eddy_foreign_complete(self, EDDY_EPERM, "a payload", closed_release), EDDY_OK);
}

static void release_of_an_instance(void) {
    static eddy_foreign_ops_t ops = EDDY_FOREIGN_OPS_INIT;
    eddy_task_t task = { 0 };
    ops.start = foreign_start;
    ops.release = closed_release;
    CHECK_STATUS(eddy_foreign_spawn(&ops, "an instance", NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_EPERM);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_STATUS(eddy_fail(EDDY_EINVAL, "replaces it"), EDDY_EINVAL);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_INT(visits, 9);
}

/* Set again, put back, and dropped with a context; then refused. */
static void release_of_a_variable(void) {
    static const eddy_var_t variable = EDDY_VAR_INIT("closed", NULL, closed_release);
    eddy_context_t context = { 0 };
    eddy_token_t token = { 0 };
    CHECK_STATUS(eddy_var_set(&variable, "a variable's value", NULL), EDDY_OK);
    CHECK_STATUS(eddy_var_set(&variable, "another", NULL), EDDY_OK);
    CHECK_INT(visits, 10);
    CHECK_STATUS(eddy_var_set(&variable, "a third", &token), EDDY_OK);
    CHECK_STATUS(eddy_var_reset(token), EDDY_OK);
    CHECK_INT(visits, 11);
    CHECK_STATUS(eddy_context_with(context, &variable, "in a context", &context), EDDY_OK);
    CHECK_STATUS(eddy_context_release(context), EDDY_OK);
    CHECK_INT(visits, 12);
    CHECK_STATUS(eddy_context_with(context, &variable, "refused", NULL), EDDY_EBADHANDLE);
    CHECK_INT(visits, 13);
}

static eddy_status_t release_body(void *context) {
    eddy_loop_t loop = { 0 };
    CHECK_STATUS(eddy_loop_current(&loop), EDDY_OK);
    open_handles(loop);
    release_of_a_future();
    release_of_a_context();
    release_of_a_task_value();
    release_of_a_callback();
    release_of_an_instance();
    release_of_a_variable();
    close_handles();
    return worker(context);
}

static void in_release_functions(void) {
    int ran = 0;
    CHECK_STATUS(run_virtual(release_body, &ran), EDDY_OK);
    CHECK_INT(ran, 1);
    CHECK_INT(reports.count, 0);
}

/* ---- at loop close ---- */

static void at_loop_close(void) {
    const eddy_loop_options_t options = virtual_options();
    eddy_loop_t loop = { 0 };
    eddy_future_t future = { 0 };
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(future, "left at close", closed_release), EDDY_OK);
    memset(&handles, 0, sizeof handles);
    handles.ids[0] = loop.id;
    visits = 0;
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_INT(visits, 1);
    CHECK_STATUS(run_virtual(worker, &visits), EDDY_OK);
}

/* ---- in the report hook ---- */

/* Here variables can be read; in a release function inside the hook not even they. */
static eddy_status_t closed_hook(void *context, const eddy_report_t *report) {
    ++*(int *)context;
    CHECK_STATUS(report->status, EDDY_EPERM);
    allowed = ABI_HOOK;
    refuse_everything("the report hook");
    CHECK_STATUS(call_var_get(0), EDDY_OK);
    allowed = 0;
    CHECK_STATUS(eddy_future_release(in_hook), EDDY_OK);
    CHECK_INT(visits, 2);
    return EDDY_OK;
}

static eddy_status_t fails(void *context) {
    (void)context;
    return eddy_fail(EDDY_EPERM, "nobody reads this");
}

static eddy_status_t hook_body(void *context) {
    eddy_loop_t loop = { 0 };
    CHECK_STATUS(eddy_loop_current(&loop), EDDY_OK);
    open_handles(loop);
    CHECK_STATUS(eddy_future_create(&in_hook), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(in_hook, "inside the hook", closed_release), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(fails, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_INT(visits, 2);
    close_handles();
    return worker(context);
}

static void in_the_report_hook(void) {
    eddy_loop_options_t options = virtual_options();
    int hooked = 0, ran = 0;
    options.report = closed_hook;
    options.report_context = &hooked;
    CHECK_STATUS(eddy_run(&options, hook_body, &ran), EDDY_OK);
    CHECK_INT(hooked, 1);
    CHECK_INT(ran, 1);
}

/* ---- _release functions work inside ---- */

typedef struct chain {
    eddy_future_t future;
    eddy_task_t task;
    eddy_error_t error;
    int ran;
} chain_t;

static void release_the_others(void *value) {
    chain_t *chain = value;
    CHECK_STATUS(eddy_future_release(chain->future), EDDY_OK);
    CHECK_STATUS(eddy_task_release(chain->task), EDDY_OK);
    CHECK_STATUS(eddy_error_release(chain->error), EDDY_OK);
    CHECK_STATUS(eddy_future_release((eddy_future_t){ 0 }), EDDY_OK);
    chain->ran++;
}

static eddy_status_t with_value(void *context) { return eddy_return(context, count_release); }

static eddy_status_t chain_body(void *context) {
    chain_t chain = { { 0 }, { 0 }, { 0 }, 0 };
    eddy_future_t first = { 0 };
    int released = 0;
    (void)context;
    CHECK_STATUS(eddy_future_create(&first), EDDY_OK);
    CHECK_STATUS(eddy_future_create(&chain.future), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(with_value, &released, NULL, &chain.task), EDDY_OK);
    CHECK_STATUS(eddy_task_join(chain.task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_fail(EDDY_EPERM, "one"), EDDY_EPERM);
    CHECK_STATUS(eddy_error_current(&chain.error), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(chain.future, &released, count_release), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(first, &chain, release_the_others), EDDY_OK);
    CHECK_STATUS(eddy_future_release(first), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_INT(chain.ran, 1);
    CHECK_INT(released, 2);
    CHECK_STATUS(eddy_future_release(chain.future), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_task_release(chain.task), EDDY_EBADHANDLE);
    return EDDY_OK;
}

static void release_inside_release(void) {
    CHECK_STATUS(run_virtual(chain_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* A chain: each value's release function releases the next. */
#define LINKS 200
static eddy_future_t links[LINKS];
static int links_released;

static void release_next(void *value) {
    const size_t index = (size_t)((eddy_future_t *)value - links);
    links_released++;
    if (index + 1 < LINKS) CHECK_STATUS(eddy_future_release(links[index + 1]), EDDY_OK);
}

static eddy_status_t long_chain_body(void *context) {
    (void)context;
    links_released = 0;
    for (int index = 0; index < LINKS; index++) {
        CHECK_STATUS(eddy_future_create(&links[index]), EDDY_OK);
        CHECK_STATUS(eddy_future_complete(links[index], &links[index], release_next), EDDY_OK);
    }
    CHECK_STATUS(eddy_future_release(links[0]), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_INT(links_released, LINKS);
    return EDDY_OK;
}

static void long_chain(void) {
    CHECK_STATUS(run_virtual(long_chain_body, NULL), EDDY_OK);
}

static const check_test_t tests[] = {
    { "closed library: in release functions", in_release_functions },
    { "closed library: at loop close", at_loop_close },
    { "closed library: in the report hook", in_the_report_hook },
    { "closed library: _release works inside", release_inside_release },
    { "closed library: a chain of releases", long_chain },
};
CHECK_MAIN(tests)
