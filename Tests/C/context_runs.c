/*
 * eddy_context_run, contexts with handles, and the contexts of foreign tasks (the C half of
 * CTX-07).
 *
 * Threads: one, but for a handle of another thread's loop.
 */
#include "context_check.h"

#include <pthread.h>

static const eddy_context_t current = { 0 };

/* A context like the current one, with a color. */
static eddy_context_t with_color(int number) {
    eddy_context_t made = { 0 };
    CHECK_STATUS(eddy_context_with(current, &color, value_of(number), &made), EDDY_OK);
    return made;
}

/* ---- running in a context ---- */

static eddy_status_t changes(void *context) {
    trace("%s:%d", (const char *)context, get(&color));
    set(&color, get(&color) + 1);
    set(&shape, 4);
    return eddy_fail(EDDY_EPERM, "of the function");
}

static eddy_status_t run_body(void *context) {
    const eddy_context_t other = with_color(5);
    eddy_error_t error = { 0 };
    (void)context;
    set(&color, 1);
    CHECK_STATUS(eddy_context_run(other, changes, "in"), EDDY_EPERM);
    CHECK_STATUS(eddy_error_current(&error), EDDY_OK);
    CHECK_TEXT(eddy_error_message(error), "of the function");
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    trace("out:%d,%d", get(&color), get(&shape));
    trace("other:%d,%d", get_in(other, &color), get_in(other, &shape));
    CHECK_STATUS(eddy_context_run(other, NULL, NULL), EDDY_EINVAL);
    return eddy_context_release(other);
}

static void runs(void) {
    run_contexts(run_body);
    CHECK_TRACE("in:5 out:1,-1 other:6,4");
}

/* A positive status is no status, as from any task function; also outside tasks. */
static eddy_status_t positive(void *context) {
    (void)context;
    return 5;
}

static eddy_status_t positive_body(void *context) {
    const eddy_context_t other = with_color(1);
    (void)context;
    CHECK_STATUS(eddy_context_run(other, positive, NULL), EDDY_EINVAL);
    CHECK_INT(reports.count, 1);
    return eddy_context_release(other);
}

static void positive_statuses(void) {
    const eddy_loop_options_t options = virtual_options();
    eddy_loop_t loop = { 0 };
    context_clear();
    CHECK_STATUS(run_virtual(positive_body, NULL), EDDY_OK);
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    const eddy_context_t other = with_color(1);
    CHECK_STATUS(eddy_context_run(other, positive, NULL), EDDY_EINVAL);
    CHECK_INT(reports.count, 2);
    CHECK_STATUS(eddy_context_release(other), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_ALL_RELEASED();
}

/* Nested, and the same one inside itself. */
typedef struct nest {
    eddy_context_t contexts[3];
    int depth;
} nest_t;

static eddy_status_t descend(void *context) {
    nest_t *nest = context;
    trace("down:%d", get(&color));
    if (nest->depth < 3)
        CHECK_STATUS(eddy_context_run(nest->contexts[nest->depth++], descend, nest), EDDY_OK);
    trace("up:%d", get(&color));
    set(&color, get(&color) + 1);
    return EDDY_OK;
}

static eddy_status_t nested_body(void *context) {
    nest_t nest = { { with_color(10), with_color(20), { 0 } }, 0 };
    (void)context;
    nest.contexts[2] = nest.contexts[0];
    CHECK_STATUS(descend(&nest), EDDY_OK);
    CHECK_INT(get(&color), 1);
    CHECK_INT(get_in(nest.contexts[0], &color), 12);
    CHECK_STATUS(eddy_context_release(nest.contexts[0]), EDDY_OK);
    return eddy_context_release(nest.contexts[1]);
}

static void nested(void) {
    run_contexts(nested_body);
    CHECK_TRACE("down:0 down:10 down:20 down:10 up:10 up:20 up:11 up:0");
}

/* The function may wait: its task keeps the context, and others keep theirs. */
static eddy_status_t waits_inside(void *context) {
    (void)context;
    for (int round = 0; round < 2; round++) {
        trace("in:%d", get(&color));
        CHECK_STATUS(eddy_sleep(EDDY_SECONDS(2)), EDDY_OK);
    }
    return EDDY_OK;
}

static eddy_status_t beside(void *context) {
    (void)context;
    CHECK_STATUS(eddy_sleep(EDDY_SECONDS(1)), EDDY_OK);
    trace("beside:%d", get(&color));
    set(&color, 3);
    CHECK_STATUS(eddy_sleep(EDDY_SECONDS(2)), EDDY_OK);
    trace("beside:%d", get(&color));
    return EDDY_OK;
}

static eddy_status_t waiting_body(void *context) {
    const eddy_context_t other = with_color(7);
    (void)context;
    set(&color, 1);
    CHECK_STATUS(eddy_task_spawn(beside, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_context_run(other, waits_inside, NULL), EDDY_OK);
    trace("out:%d", get(&color));
    return eddy_context_release(other);
}

static void waiting_inside(void) {
    run_contexts(waiting_body);
    CHECK_TRACE("in:7 beside:1 in:7 beside:3 out:1");
}

/* Cancelled inside, its last reference gone meanwhile, and a spawn from inside. */
static eddy_context_t ended;

static eddy_status_t reads(void *context) {
    trace("%s:%d", (const char *)context, get(&color));
    return EDDY_OK;
}

static eddy_status_t cancelled_inside(void *context) {
    (void)context;
    CHECK_STATUS(eddy_context_release(ended), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(reads, "spawned", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(EDDY_FOREVER), EDDY_ECANCELED);
    trace("in:%d", get(&color));
    CHECK_INT(context_released(), 0);
    return EDDY_ECANCELED;
}

static eddy_status_t runs_cancelled(void *context) {
    (void)context;
    ended = with_color(6);
    set(&color, 1);
    CHECK_STATUS(eddy_context_run(ended, cancelled_inside, NULL), EDDY_ECANCELED);
    trace("out:%d", get(&color));
    CHECK_INT(context_released(), 1);
    return EDDY_ECANCELED;
}

static eddy_status_t cancelled_body(void *context) {
    eddy_task_t task = { 0 };
    (void)context;
    CHECK_STATUS(eddy_task_spawn(runs_cancelled, NULL, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_ETARGETCANCELED);
    return eddy_task_release(task);
}

static void cancelled_in_a_run(void) {
    run_contexts(cancelled_body);
    CHECK_TRACE("spawned:6 in:6 out:1");
}

/* Outside tasks: a loop that is run inside hands the context on; it cannot be closed there. */
static eddy_status_t runs_a_loop(void *context) {
    const eddy_loop_t loop = *(eddy_loop_t *)context;
    CHECK_STATUS(eddy_loop_run(loop, reads, "root", NULL), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_EBUSY);
    set(&shape, 1);
    return EDDY_OK;
}

static void outside_tasks(void) {
    const eddy_loop_options_t options = virtual_options();
    eddy_loop_t loop = { 0 };
    context_clear();
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    const eddy_context_t other = with_color(9);
    set(&color, 2);
    CHECK_STATUS(eddy_context_run(other, runs_a_loop, &loop), EDDY_OK);
    CHECK_INT(get(&color), 2);
    CHECK_INT(get(&shape), -1);
    CHECK_INT(get_in(other, &shape), 1);
    CHECK_STATUS(eddy_context_release(other), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_TRACE("root:9");
    CHECK_ALL_RELEASED();
    CHECK_INT(reports.count, 0);
}

/* ---- handles ---- */

static eddy_status_t refused_body(void *context) {
    eddy_spawn_options_t options = EDDY_SPAWN_OPTIONS_INIT;
    eddy_foreign_options_t foreign = EDDY_FOREIGN_OPTIONS_INIT;
    static const eddy_foreign_ops_t ops = { (uint32_t)sizeof ops, 0, (void (*)(void *,
        eddy_task_t))abort, NULL, count_release, NULL, NULL };
    eddy_future_t future = { 0 };
    eddy_context_t stale = with_color(1);
    const eddy_status_t expected = context ? EDDY_EWRONGTHREAD : EDDY_EBADHANDLE;
    int released = 0;
    CHECK_STATUS(eddy_context_release(stale), EDDY_OK);
    if (context) stale = *(eddy_context_t *)context;
    options.context = foreign.context = stale;
    options.release_context = count_release;
    CHECK_STATUS(eddy_task_spawn(reads, &released, &options, NULL), expected);
    CHECK_INT(released, 1);
    CHECK_STATUS(eddy_foreign_spawn(&ops, &released, &foreign, NULL), expected);
    CHECK_INT(released, 2);
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_future_on_done_in(future, stale, (eddy_done_fn)(void (*)(void))abort,
        &released, count_release), expected);
    CHECK_INT(released, 3);
    return eddy_future_release(future);
}

static void stale_contexts(void) { run_contexts(refused_body); }

static void *on_another_thread(void *context) {
    const eddy_loop_options_t options = virtual_options();
    CHECK_STATUS(eddy_run(&options, refused_body, context), EDDY_OK);
    return NULL;
}

static eddy_status_t other_thread_body(void *context) {
    pthread_t thread;
    eddy_context_t other = { 0 };
    (void)context;
    CHECK_STATUS(eddy_context_copy(current, &other), EDDY_OK);
    CHECK_INT(pthread_create(&thread, NULL, on_another_thread, &other), 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
    return eddy_context_release(other);
}

static void contexts_of_other_loops(void) { run_contexts(other_thread_body); }

/* What is left at the close is reported, then freed. */
static eddy_status_t leaves(void *context) {
    eddy_token_t token = { 0 };
    eddy_context_t other = with_color(1);
    (void)context;
    CHECK_STATUS(eddy_context_retain(other), EDDY_OK);
    CHECK_STATUS(eddy_var_set(&color, value_of(2), &token), EDDY_OK);
    CHECK_STATUS(eddy_var_set(&color, value_of(3), &token), EDDY_OK);
    return EDDY_OK;
}

static void left_at_close(void) {
    context_clear();
    CHECK_STATUS(run_virtual(leaves, NULL), EDDY_OK);
    CHECK_INT(reports.count, 1);
    CHECK_STATUS(reports.status, EDDY_EBUSY);
    CHECK_ALL_RELEASED();
}

/* A value whose release function ends another context, and so on: a chain of any length. */
#define CHAIN 1000
static eddy_context_t chain[CHAIN + 1];
static int chain_released;

static void release_next(void *value) {
    const size_t index = (size_t)((eddy_context_t *)value - chain);
    chain_released++;
    CHECK_STATUS(eddy_context_release(chain[index + 1]), EDDY_OK);
}

static eddy_status_t chain_body(void *context) {
    static const eddy_var_t next = EDDY_VAR_INIT("next", NULL, release_next);
    (void)context;
    memset(chain, 0, sizeof chain);
    for (int index = 0; index < CHAIN; index++)
        CHECK_STATUS(eddy_context_with(current, &next, &chain[index], &chain[index]), EDDY_OK);
    CHECK_STATUS(eddy_context_release(chain[0]), EDDY_OK);
    CHECK_INT(chain_released, CHAIN);
    return EDDY_OK;
}

static void chained_releases(void) {
    chain_released = 0;
    run_contexts(chain_body);
    CHECK_INT(chain_released, CHAIN);
}

/* ---- foreign tasks ---- */

static eddy_task_t foreign_task;

static void foreign_start(void *instance, eddy_task_t self) {
    (void)instance;
    foreign_task = self;
    trace("start:%d", get(&color));
    set(&color, 90);                            /* of the call alone */
}

static void foreign_cancel(void *instance, eddy_task_t self) {
    (void)instance;
    trace("cancel:%d", get(&color));
    CHECK_STATUS(eddy_foreign_complete(self, EDDY_ECANCELED, NULL, NULL), EDDY_OK);
}

static const eddy_foreign_ops_t foreign_ops = { (uint32_t)sizeof foreign_ops, 0, foreign_start,
    foreign_cancel, NULL, NULL, NULL };

static int get_of(eddy_task_t task, const eddy_var_t *variable) {
    void *value = &context_default;
    CHECK_STATUS(eddy_task_var_get(task, variable, &value), EDDY_OK);
    return value ? ((context_value_t *)value)->number : -1;
}

static eddy_status_t foreign_body(void *context) {
    eddy_task_t task = { 0 }, previous = { 0 };
    void *value = NULL;
    (void)context;
    set(&color, 1);
    CHECK_STATUS(eddy_foreign_spawn(&foreign_ops, NULL, NULL, &task), EDDY_OK);
    set(&color, 2);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_INT(get_of(task, &color), 1);
    CHECK_STATUS(eddy_foreign_enter(task, &previous), EDDY_OK);
    trace("entered:%d", get(&color));
    set(&color, 3);
    CHECK_STATUS(eddy_task_spawn(reads, "fiber", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_foreign_leave(previous), EDDY_OK);
    trace("left:%d", get(&color));
    CHECK_INT(get_of(task, &color), 3);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_ETARGETCANCELED);
    CHECK_STATUS(eddy_task_var_get(task, &color, &value), EDDY_EBADHANDLE);
    return eddy_task_release(task);
}

static void foreign_contexts(void) {
    run_contexts(foreign_body);
    CHECK_TRACE("start:1 entered:1 left:2 fiber:3 cancel:3");
}

/* An explicit one, for a foreign task with a deadline; a fiber sees what it sets. */
static eddy_status_t foreign_given_body(void *context) {
    eddy_foreign_options_t foreign = EDDY_FOREIGN_OPTIONS_INIT;
    eddy_spawn_options_t options = EDDY_SPAWN_OPTIONS_INIT;
    eddy_task_t task = { 0 }, previous = { 0 };
    (void)context;
    foreign.context = options.context = with_color(4);
    foreign.timeout_ns = EDDY_SECONDS(1);
    CHECK_STATUS(eddy_foreign_spawn(&foreign_ops, NULL, &foreign, &task), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_foreign_enter(task, &previous), EDDY_OK);
    set(&color, 5);
    CHECK_STATUS(eddy_foreign_leave(previous), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(reads, "fiber", &options, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_ETARGETCANCELED);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    return eddy_context_release(options.context);
}

static void foreign_explicit(void) {
    run_contexts(foreign_given_body);
    CHECK_TRACE("start:4 fiber:5 cancel:5");
}

static const check_test_t tests[] = {
    { "CTX: eddy_context_run", runs },
    { "CTX: eddy_context_run, positive statuses", positive_statuses },
    { "CTX: eddy_context_run, nested", nested },
    { "CTX-04: eddy_context_run, over waits", waiting_inside },
    { "CTX: eddy_context_run, cancelled inside, its last reference gone", cancelled_in_a_run },
    { "CTX: eddy_context_run, outside tasks", outside_tasks },
    { "handles: stale contexts in options", stale_contexts },
    { "handles: contexts of another thread's loop", contexts_of_other_loops },
    { "CTX: what is left at loop close is reported, then freed", left_at_close },
    { "CTX: values that release contexts, a chain", chained_releases },
    { "CTX-07: a foreign task has a context of its own", foreign_contexts },
    { "CTX-02: an explicit context for a foreign task", foreign_explicit },
};
CHECK_MAIN(tests)
