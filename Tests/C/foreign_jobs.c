/*
 * A suspending call made while a foreign runtime says it has a job on the stack: refused at once,
 * with nothing lost, and good again when the job is gone. Also the limit of eight runtimes.
 *
 * Threads: one.
 */
#include "abi_calls.h"

static void *job;                      /* what current_job says */
static int asked;                      /* how often it was asked */

static void *current_job(void) {
    asked++;
    return job;
}

static const eddy_foreign_ops_t runtime = { (uint32_t)sizeof runtime, 0, abi_start, NULL, NULL,
    current_job, NULL };

static eddy_status_t pause_for_long(void *context) {
    (void)context;
    return eddy_sleep(EDDY_SECONDS(100));
}

static eddy_status_t worker(void *context) {
    ++*(int *)context;
    return EDDY_OK;
}

/* Every call that suspends, or that opens what only a fiber can close. */
static void refuse_suspending(const abi_handles_t *handles, const char *what) {
    static const char *const names[] = { "sleep", "yield", "fd_wait", "scope_open", "group_open",
        "timeout_open", "shield_open", "defer", "call", "with_timeout", "task_join", "future_wait",
        "scope_close", "scope_close_info" };
    int found = 0;
    for (size_t name = 0; name < sizeof names / sizeof names[0]; name++) {
        for (int index = 0; index < ABI_FREE_CALLS; index++)
            if (strcmp(abi_free_calls[index].name, names[name]) == 0) {
                abi_refuses(&abi_free_calls[index], 0, EDDY_ENOTTASK, what);
                found++;
            }
        for (int index = 0; index < ABI_HANDLE_CALLS; index++)
            if (strcmp(abi_handle_calls[index].name, names[name]) == 0) {
                const unsigned kinds = abi_handle_calls[index].kinds;
                abi_refuses(&abi_handle_calls[index], abi_fitting(handles, kinds), EDDY_ENOTTASK,
                    what);
                found++;
            }
    }
    CHECK_INT(found, (int)(sizeof names / sizeof names[0]));
}

/* What does not suspend works from inside a job. */
static int spawned;
static void use_from_a_job(void) {
    eddy_future_t future = { 0 };
    int value = 0;
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(future, &value, count_release), EDDY_OK);
    CHECK_STATUS(eddy_future_result(future, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    CHECK_INT(value, 1);
    CHECK_STATUS(eddy_task_spawn(worker, &spawned, NULL, NULL), EDDY_OK);
    CHECK_INT(spawned, 0);
}

static eddy_status_t job_body(void *context) {
    abi_handles_t handles = { { 0 } };
    eddy_task_t task = { 0 };
    eddy_scope_t group = { 0 };
    int mark = 0;
    (void)context;
    CHECK_STATUS(eddy_foreign_register(&runtime), EDDY_OK);
    CHECK_STATUS(eddy_foreign_register(&runtime), EDDY_OK);        /* known already */
    CHECK_STATUS(eddy_task_spawn(pause_for_long, NULL, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(group, worker, &mark, NULL, NULL), EDDY_OK);
    handles.ids[1] = task.id;
    handles.ids[3] = group.id;
    job = &mark;
    asked = 0;
    refuse_suspending(&handles, "with a job on the stack");
    CHECK(asked > 0);
    CHECK_INT(mark, 0);                                            /* nobody else ran meanwhile */
    use_from_a_job();
    job = NULL;
    CHECK_STATUS(eddy_scope_close(group, EDDY_OK), EDDY_OK);
    CHECK_INT(mark, 1);
    CHECK_INT(spawned, 1);
    CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_ETARGETCANCELED);
    return eddy_task_release(task);
}

static void job_on_the_stack(void) {
    job = NULL;
    spawned = 0;
    CHECK_STATUS(run_virtual(job_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
    CHECK_TRACE("");
}

/* A spawn makes the runtime known by itself. */
static void complete_at_once(void *instance, eddy_task_t self) {
    (void)instance;
    CHECK_STATUS(eddy_foreign_complete(self, EDDY_OK, NULL, NULL), EDDY_OK);
}

static eddy_status_t by_spawn_body(void *context) {
    static eddy_foreign_ops_t ops = EDDY_FOREIGN_OPS_INIT;
    eddy_task_t task = { 0 };
    int mark = 0;
    (void)context;
    ops.start = complete_at_once;
    ops.current_job = current_job;
    job = &mark;
    CHECK_STATUS(eddy_yield(), EDDY_OK);                           /* not known yet */
    CHECK_STATUS(eddy_foreign_spawn(&ops, NULL, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_ENOTTASK);
    job = NULL;
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_OK);
    return eddy_task_release(task);
}

static void known_by_a_spawn(void) {
    job = NULL;
    CHECK_STATUS(run_virtual(by_spawn_body, NULL), EDDY_OK);
}

static eddy_status_t eight_body(void *context) {
    static eddy_foreign_ops_t many[9];
    eddy_task_t task = { 77 };
    int released = 0;
    (void)context;
    for (int index = 0; index < 9; index++) {
        many[index] = (eddy_foreign_ops_t)EDDY_FOREIGN_OPS_INIT;
        many[index].start = complete_at_once;
        many[index].release = count_release;
    }
    for (int index = 0; index < 8; index++)
        CHECK_STATUS(eddy_foreign_register(&many[index]), EDDY_OK);
    CHECK_STATUS(eddy_foreign_register(&many[8]), EDDY_ENOMEM);
    CHECK_STATUS(eddy_foreign_spawn(&many[8], &released, NULL, &task), EDDY_ENOMEM);
    CHECK_INT(released, 1);
    CHECK_INT(task.id, 77);
    CHECK_STATUS(eddy_foreign_register(&many[7]), EDDY_OK);
    CHECK_STATUS(eddy_foreign_spawn(&many[7], &released, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_OK);
    CHECK_INT(released, 2);
    return eddy_task_release(task);
}

static void eight_runtimes(void) {
    CHECK_STATUS(run_virtual(eight_body, NULL), EDDY_OK);
}

static const check_test_t tests[] = {
    { "Must show: a suspending call with a job on the stack", job_on_the_stack },
    { "foreign: a spawn makes its runtime known", known_by_a_spawn },
    { "foreign: more than eight runtimes", eight_runtimes },
};
CHECK_MAIN(tests)
