/*
 * Much of everything: no depth, length or number that a program can build up may use up a stack or
 * take time out of proportion.
 *
 * Threads: one.
 */
#include "abi_calls.h"
#include "check_hostile.h"

/* The tools are slow and their stacks of records are long; they see the same code with less. */
static int much(void) { return check_tool_is("none") ? 10000 : 1000; }

static eddy_status_t worker(void *context) {
    ++*(int *)context;
    return EDDY_OK;
}

static eddy_status_t nothing(void *context) {
    (void)context;
    return EDDY_OK;
}

/* ---- scopes ---- */

static eddy_scope_t scopes[10000];

static eddy_status_t deep_scopes_body(void *context) {
    const int depth = much();
    (void)context;
    for (int index = 0; index < depth; index++)
        CHECK_STATUS(eddy_scope_open(&scopes[index], NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(scopes[0], "from the top"), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_ECANCELED);
    for (int index = depth - 1; index > 0; index--)
        CHECK_STATUS(eddy_scope_close(scopes[index], EDDY_ECANCELED), EDDY_ECANCELED);
    CHECK_STATUS(eddy_scope_close(scopes[0], EDDY_ECANCELED), EDDY_OK);
    return EDDY_OK;
}

static void deep_scopes(void) {
    CHECK_STATUS(run_virtual(deep_scopes_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* One close repairs them all, and says so each time. */
static eddy_status_t deep_leaks_body(void *context) {
    for (int index = 0; index < 1000; index++)
        CHECK_STATUS(eddy_scope_open(&scopes[index], NULL), EDDY_OK);
    CHECK_STATUS(eddy_defer(worker, context), EDDY_OK);
    return eddy_scope_close(scopes[0], EDDY_OK);
}

static void deep_leaks(void) {
    if (check_leak_is_fatal(deep_leaks)) return;
    int ran = 0;
    CHECK_STATUS(run_virtual(deep_leaks_body, &ran), EDDY_OK);
    CHECK_INT(reports.count, 999);
    CHECK_INT(ran, 1);
}

/* ---- errors: groups in groups, each with the failure of the one inside ---- */

static eddy_status_t deep_errors_body(void *context) {
    const int depth = much();
    eddy_error_t error = { 0 }, child = { 0 };
    static char text[4096];
    (void)context;
    for (int index = 0; index < depth; index++)
        CHECK_STATUS(eddy_group_open(&scopes[index], NULL), EDDY_OK);
    eddy_status_t status = eddy_fail(EDDY_EPERM, "at the bottom");
    for (int index = depth - 1; index >= 0; index--) {
        status = eddy_scope_close(scopes[index], status);
        CHECK_STATUS(status, EDDY_EGROUP);
    }
    CHECK_STATUS(eddy_error_current(&error), EDDY_OK);
    int levels = 0;
    for (child = error; eddy_error_child_count(child) == 1; levels++)
        CHECK_STATUS(eddy_error_child(child, 0, &child), EDDY_OK);
    CHECK_INT(levels, depth);
    CHECK_TEXT(eddy_error_message(child), "at the bottom");
    /* The text may leave out what lies very deep. */
    const size_t needed = eddy_error_format(error, text, sizeof text);
    CHECK(needed > 32 && memchr(text, '\0', sizeof text) != NULL);
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    CHECK_STATUS(eddy_fail(EDDY_EINVAL, "the tree goes with this"), EDDY_EINVAL);
    return EDDY_OK;
}

static void deep_errors(void) {
    CHECK_STATUS(run_virtual(deep_errors_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* ---- a chain of tasks, each joining the next; the cancellation goes all the way ---- */

static eddy_task_t links[10000];
static int links_cancelled;

static eddy_status_t link_of_chain(void *context) {
    const int index = (int)(intptr_t)context;
    const eddy_status_t status = index + 1 < much() / 5 ? eddy_task_join(links[index + 1], NULL)
                                                        : eddy_sleep(EDDY_FOREVER);
    if (status == EDDY_ECANCELED) links_cancelled++;
    return status;
}

static eddy_status_t chain_body(void *context) {
    const int length = much() / 5;
    (void)context;
    links_cancelled = 0;
    for (int index = 0; index < length; index++)
        CHECK_STATUS(eddy_task_spawn(link_of_chain, (void *)(intptr_t)index, NULL, &links[index]),
            EDDY_OK);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(links[0], "all of it"), EDDY_OK);
    CHECK_STATUS(eddy_task_join(links[0], NULL), EDDY_ETARGETCANCELED);
    CHECK_INT(links_cancelled, length);
    for (int index = 0; index < length; index++)
        CHECK_STATUS(eddy_task_release(links[index]), EDDY_OK);
    return EDDY_OK;
}

static void chain_of_joins(void) {
    CHECK_STATUS(run_virtual(chain_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* ---- many on one: waiters, callbacks, defers, children ---- */

static eddy_status_t callback(void *context, eddy_future_t future) {
    (void)future;
    return worker(context);
}

static eddy_status_t wait_and_count(void *context) {
    EDDY_TRY(eddy_future_wait(*(eddy_future_t *)context, NULL));
    links_cancelled++;
    return EDDY_OK;
}

static eddy_status_t many_waiters_body(void *context) {
    const int count = much();
    eddy_future_t future = { 0 };
    eddy_scope_t group = { 0 };
    int called = 0;
    (void)context;
    links_cancelled = 0;
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    for (int index = 0; index < count; index++) {
        CHECK_STATUS(eddy_future_on_done(future, callback, &called, NULL), EDDY_OK);
        if (index % 10 == 0)
            CHECK_STATUS(eddy_group_spawn(group, wait_and_count, &future, NULL, NULL), EDDY_OK);
    }
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(future, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(group, EDDY_OK), EDDY_OK);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_INT(called, count);
    CHECK_INT(links_cancelled, (count + 9) / 10);
    return eddy_future_release(future);
}

static void many_waiters(void) {
    CHECK_STATUS(run_virtual(many_waiters_body, NULL), EDDY_OK);
}

static eddy_status_t many_defers_body(void *context) {
    const int count = much();
    int ran = 0;
    (void)context;
    CHECK_STATUS(eddy_scope_open(&scopes[0], NULL), EDDY_OK);
    for (int index = 0; index < count; index++)
        CHECK_STATUS(eddy_defer(worker, &ran), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(scopes[0], EDDY_OK), EDDY_OK);
    CHECK_INT(ran, count);
    return EDDY_OK;
}

static void many_defers(void) { CHECK_STATUS(run_virtual(many_defers_body, NULL), EDDY_OK); }

/* A defer that registers the next one: a chain as long as it likes. */
static int defers_left;
static eddy_status_t defer_again(void *context) {
    return --defers_left > 0 ? eddy_defer(defer_again, context) : worker(context);
}

static eddy_status_t chained_defers_body(void *context) {
    defers_left = much();
    CHECK_STATUS(eddy_scope_open(&scopes[0], NULL), EDDY_OK);
    CHECK_STATUS(eddy_defer(defer_again, context), EDDY_OK);
    return eddy_scope_close(scopes[0], EDDY_OK);
}

static void chained_defers(void) {
    int ran = 0;
    CHECK_STATUS(run_virtual(chained_defers_body, &ran), EDDY_OK);
    CHECK_INT(ran, 1);
    CHECK_INT(reports.count, 0);
}

/* Many children that all fail: all are in the error. */
static eddy_status_t fails(void *context) {
    (void)context;
    CHECK_STATUS(eddy_sleep(EDDY_FOREVER), EDDY_ECANCELED);
    return eddy_fail(EDDY_EPERM, "one of many");
}

static eddy_status_t many_failures_body(void *context) {
    const int count = much() / 10;
    eddy_error_t error = { 0 };
    (void)context;
    CHECK_STATUS(eddy_group_open(&scopes[0], NULL), EDDY_OK);
    for (int index = 0; index < count; index++)
        CHECK_STATUS(eddy_group_spawn(scopes[0], fails, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(scopes[0], eddy_fail(EDDY_EPERM, "the body")), EDDY_EGROUP);
    CHECK_STATUS(eddy_error_current(&error), EDDY_OK);
    CHECK_INT(eddy_error_child_count(error), count + 1);
    return eddy_error_release(error);
}

static void many_failures(void) { CHECK_STATUS(run_virtual(many_failures_body, NULL), EDDY_OK); }

/* A checkpoint in a tight loop lets others run. */
static eddy_status_t tight_body(void *context) {
    int *ran = context;
    CHECK_STATUS(eddy_task_spawn(worker, ran, NULL, NULL), EDDY_OK);
    for (int round = 0; round < 1000 && *ran == 0; round++)
        CHECK_STATUS(eddy_checkpoint(), EDDY_OK);
    CHECK_INT(*ran, 1);
    return nothing(NULL);
}

static void checkpoints_let_others_run(void) {
    int ran = 0;
    CHECK_STATUS(run_virtual(tight_body, &ran), EDDY_OK);
}

static const check_test_t tests[] = {
    { "limits: scopes in scopes", deep_scopes },
    { "limits: a thousand scopes left open", deep_leaks },
    { "limits: errors in errors", deep_errors },
    { "limits: a chain of joins", chain_of_joins },
    { "limits: many waiters and callbacks", many_waiters },
    { "limits: many defers", many_defers },
    { "limits: many failures in one group", many_failures },
    { "M10: checkpoints let others run", checkpoints_let_others_run },
    { "limits: defers that register defers", chained_defers },
};
CHECK_MAIN(tests)
