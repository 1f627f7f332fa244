/*
 * Values and tokens of context variables: each value is released once, when nothing holds it any
 * more, and a token puts back exactly what its set replaced.
 *
 * Threads: one.
 */
#include "context_check.h"

static context_value_t *last_value(void) { return &context_values[context_handed - 1]; }

static eddy_status_t nothing(void *context) {
    (void)context;
    return EDDY_OK;
}

static eddy_status_t long_sleep(void *context) {
    (void)context;
    return eddy_sleep(EDDY_SECONDS(100));
}

/* ---- defaults, and forms ---- */

static eddy_status_t defaults_body(void *context) {
    static const eddy_var_t bare = EDDY_VAR_INIT("bare", NULL, NULL);
    int number = 0;
    void *value = NULL;
    (void)context;
    CHECK_STATUS(eddy_var_get(&color, &value), EDDY_OK);
    CHECK(value == &context_default);
    CHECK_STATUS(eddy_var_get(&shape, &value), EDDY_OK);
    CHECK(value == NULL);
    CHECK_STATUS(eddy_var_set(&bare, &number, NULL), EDDY_OK);
    CHECK_STATUS(eddy_var_get(&bare, &value), EDDY_OK);
    CHECK(value == &number);
    return EDDY_OK;
}

/* NULL is a value like any other: it hides the default, and is released. */
static int nulls_released;
static void release_null(void *value) {
    CHECK(value == NULL);
    nulls_released++;
}

static eddy_status_t null_body(void *context) {
    static int number;
    static const eddy_var_t variable = EDDY_VAR_INIT("null", &number, release_null);
    void *value = &nulls_released;
    (void)context;
    CHECK_STATUS(eddy_var_set(&variable, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_var_get(&variable, &value), EDDY_OK);
    CHECK(value == NULL);
    CHECK_INT(nulls_released, 0);
    return EDDY_OK;
}

static void null_values(void) {
    nulls_released = 0;
    run_contexts(null_body);
    CHECK_INT(nulls_released, 1);
}

/* Forms: shorter, longer, unknown; a refused set releases its value where the form tells how. */
static eddy_status_t forms_body(void *context) {
    struct { eddy_var_t variable; unsigned char tail[8]; } wide = { EDDY_VAR_INIT("w", NULL,
        release_value), { 0 } };
    eddy_var_t form = EDDY_VAR_INIT("form", &context_default, release_value);
    eddy_token_t token = { 77 };
    void *value = &form;
    (void)context;
    CHECK_STATUS(eddy_var_get(NULL, &value), EDDY_EINVAL);
    CHECK_STATUS(eddy_var_get(&form, NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_var_set(NULL, &form, &token), EDDY_EINVAL);
    form.reserved = 1;
    CHECK_STATUS(eddy_var_get(&form, &value), EDDY_EINVAL);
    CHECK_STATUS(eddy_var_set(&form, value_of(1), &token), EDDY_EINVAL);
    CHECK_INT(last_value()->released, 1);
    form.reserved = 0;
    for (form.size = 0; form.size < 4; form.size++)
        CHECK_STATUS(eddy_var_get(&form, &value), EDDY_EINVAL);
    CHECK(value == &form);
    CHECK_INT(token.id, 77);
    form.size = 4;                              /* no default, no release function */
    CHECK_STATUS(eddy_var_get(&form, &value), EDDY_OK);
    CHECK(value == NULL);
    wide.variable.size = (uint32_t)sizeof wide;
    CHECK_STATUS(eddy_var_set(&wide.variable, value_of(2), NULL), EDDY_OK);
    CHECK_INT(get(&wide.variable), 2);
    wide.tail[3] = 1;
    CHECK_STATUS(eddy_var_get(&wide.variable, &value), EDDY_E2BIG);
    CHECK_STATUS(eddy_var_set(&wide.variable, value_of(3), NULL), EDDY_E2BIG);
    CHECK_INT(last_value()->released, 1);
    CHECK_STATUS(eddy_context_with((eddy_context_t){ 0 }, &wide.variable, value_of(4),
        &(eddy_context_t){ 0 }), EDDY_E2BIG);
    CHECK_INT(last_value()->released, 1);
    CHECK_STATUS(eddy_context_with((eddy_context_t){ 0 }, &color, value_of(5), NULL), EDDY_EINVAL);
    CHECK_INT(last_value()->released, 1);
    return EDDY_OK;
}

static void defaults(void) { CHECK_STATUS(run_virtual(defaults_body, NULL), EDDY_OK); }
static void forms(void) { run_contexts(forms_body); }

/* ---- when values go ---- */

static eddy_status_t lifetimes_body(void *context) {
    eddy_task_t task = { 0 };
    (void)context;
    set(&color, 1);
    set(&color, 2);
    CHECK_INT(context_values[0].released, 1);   /* nobody else had it */
    CHECK_STATUS(eddy_task_spawn(long_sleep, NULL, NULL, &task), EDDY_OK);
    set(&color, 3);
    CHECK_INT(context_values[1].released, 0);   /* the task has it */
    CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_OK);
    CHECK_INT(context_values[1].released, 0);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_ETARGETCANCELED);
    CHECK_INT(context_values[1].released, 1);   /* a task's end drops its context */
    CHECK_INT(context_values[2].released, 0);
    return eddy_task_release(task);
}

static void lifetimes(void) { run_contexts(lifetimes_body); }

/* A change below others, in a shared list and in an own one: the others keep their values. */
static eddy_status_t sees_all(void *context) {
    trace("%s:%d,%d,%d", (const char *)context, get(&color), get(&shape), get(&place));
    return EDDY_OK;
}

static eddy_status_t path_body(void *context) {
    eddy_scope_t group;
    (void)context;
    set(&color, 1);
    set(&shape, 2);
    set(&place, 3);
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(group, sees_all, "a", NULL, NULL), EDDY_OK);
    set(&color, 11);                            /* the deepest, below two that are shared */
    CHECK_STATUS(eddy_group_spawn(group, sees_all, "b", NULL, NULL), EDDY_OK);
    set(&place, 13);
    set(&shape, 12);
    set(&shape, 22);
    CHECK_STATUS(eddy_group_spawn(group, sees_all, "c", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(group, EDDY_OK), EDDY_OK);
    return sees_all("self");
}

static void shared_paths(void) {
    run_contexts(path_body);
    CHECK_TRACE("a:1,2,3 b:11,2,3 c:11,22,13 self:11,22,13");
}

/* Callbacks that never run give their contexts back: taken off, refused, left at the close. */
static eddy_status_t never(void *context, eddy_future_t future) {
    (void)context;
    (void)future;
    CHECK(0);
    return EDDY_OK;
}

static void callbacks_that_never_run(void) {
    const eddy_loop_options_t options = virtual_options();
    eddy_loop_t loop = { 0 };
    eddy_future_t future = { 0 };
    context_clear();
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    set(&color, 1);
    CHECK_STATUS(eddy_future_on_done(future, never, NULL, NULL), EDDY_OK);
    set(&color, 2);
    CHECK_INT(context_values[0].released, 0);
    CHECK_STATUS(eddy_future_off_done(future, never, NULL, NULL), EDDY_OK);
    CHECK_INT(context_values[0].released, 1);
    CHECK_STATUS(eddy_future_on_done(future, never, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_post(nothing, NULL, NULL), EDDY_OK);
    set(&color, 3);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    CHECK_INT(context_values[1].released, 0);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_ALL_RELEASED();
    CHECK_INT(reports.count, 0);
}

/* ---- tokens ---- */

static eddy_status_t tokens_body(void *context) {
    eddy_token_t first = { 0 }, second = { 0 };
    (void)context;
    CHECK_STATUS(eddy_var_set(&color, value_of(1), &first), EDDY_OK);
    set(&shape, 9);
    CHECK_STATUS(eddy_var_set(&color, value_of(2), &second), EDDY_OK);
    CHECK_INT(context_released(), 0);           /* the second token has 1 */
    CHECK_STATUS(eddy_var_reset(second), EDDY_OK);
    CHECK_INT(get(&color), 1);
    CHECK_INT(get(&shape), 9);
    CHECK_INT(context_values[2].released, 1);
    CHECK_STATUS(eddy_var_reset(second), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_token_release(second), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_var_reset(first), EDDY_OK);
    CHECK_INT(get(&color), 0);                  /* not set: the default */
    CHECK_INT(get(&shape), 9);
    CHECK_INT(context_values[0].released, 1);
    return EDDY_OK;
}

static void tokens(void) { run_contexts(tokens_body); }

/* Out of order: each puts back what was there before its own set. Released unused: no effect. */
static eddy_status_t order_body(void *context) {
    eddy_token_t first = { 0 }, second = { 0 }, third = { 0 };
    (void)context;
    CHECK_STATUS(eddy_var_set(&color, value_of(1), &first), EDDY_OK);
    CHECK_STATUS(eddy_var_set(&color, value_of(2), &second), EDDY_OK);
    CHECK_STATUS(eddy_var_set(&color, value_of(3), &third), EDDY_OK);
    CHECK_STATUS(eddy_var_reset(first), EDDY_OK);
    CHECK_INT(get(&color), 0);
    CHECK_STATUS(eddy_var_reset(third), EDDY_OK);
    CHECK_INT(get(&color), 2);
    CHECK_INT(context_values[2].released, 1);
    CHECK_INT(context_values[0].released, 0);
    CHECK_STATUS(eddy_token_release(second), EDDY_OK);
    CHECK_INT(context_values[0].released, 1);
    CHECK_INT(get(&color), 2);
    CHECK_STATUS(eddy_token_release((eddy_token_t){ 0 }), EDDY_OK);
    return EDDY_OK;
}

static void tokens_out_of_order(void) { run_contexts(order_body); }

/* A reset where copies share the list: they keep what they have. */
static eddy_status_t shared_reset_body(void *context) {
    eddy_scope_t group;
    eddy_token_t was = { 0 }, unset = { 0 };
    (void)context;
    CHECK_STATUS(eddy_var_set(&color, value_of(1), &unset), EDDY_OK);
    CHECK_STATUS(eddy_var_set(&color, value_of(2), &was), EDDY_OK);
    set(&place, 5);
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(group, sees_all, "a", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_var_reset(was), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(group, sees_all, "b", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_var_reset(unset), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(group, sees_all, "c", NULL, NULL), EDDY_OK);
    return eddy_scope_close(group, EDDY_OK);
}

static void resets_of_shared(void) {
    run_contexts(shared_reset_body);
    CHECK_TRACE("a:2,-1,5 b:1,-1,5 c:0,-1,5");
}

/* A token works only where its context is current. */
static eddy_token_t passed;

static eddy_status_t resets(void *context) {
    CHECK_STATUS(eddy_var_reset(passed), context ? EDDY_OK : EDDY_EPERM);
    return EDDY_OK;
}

static eddy_status_t resets_in_callback(void *context, eddy_future_t future) {
    (void)future;
    return resets(context);
}

static eddy_status_t places_body(void *context) {
    eddy_spawn_options_t options = EDDY_SPAWN_OPTIONS_INIT;
    eddy_future_t done = { 0 };
    eddy_context_t copy = { 0 };
    (void)context;
    CHECK_STATUS(eddy_future_create(&done), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(done, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_var_set(&color, value_of(1), &passed), EDDY_OK);
    CHECK_STATUS(eddy_context_copy((eddy_context_t){ 0 }, &copy), EDDY_OK);
    options.context = copy;
    CHECK_STATUS(eddy_task_spawn(resets, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(resets, NULL, &options, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_on_done(done, resets_in_callback, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_post(resets, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_context_run(copy, resets, NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_INT(get(&color), 1);
    CHECK_STATUS(resets("here"), EDDY_OK);
    CHECK_INT(get(&color), 0);
    CHECK_INT(get_in(copy, &color), 1);
    CHECK_STATUS(eddy_future_release(done), EDDY_OK);
    return eddy_context_release(copy);
}

static void tokens_of_other_contexts(void) { run_contexts(places_body); }

/* Of a context with a handle: works wherever that is current, in whatever task. */
static eddy_status_t sets_with_token(void *context) {
    (void)context;
    CHECK_STATUS(eddy_var_set(&color, value_of(8), &passed), EDDY_OK);
    return EDDY_OK;
}

static eddy_status_t carried_body(void *context) {
    eddy_spawn_options_t options = EDDY_SPAWN_OPTIONS_INIT;
    eddy_task_t task = { 0 };
    (void)context;
    CHECK_STATUS(eddy_context_copy((eddy_context_t){ 0 }, &options.context), EDDY_OK);
    CHECK_STATUS(eddy_context_run(options.context, sets_with_token, NULL), EDDY_OK);
    CHECK_STATUS(resets(NULL), EDDY_OK);
    CHECK_INT(get_in(options.context, &color), 8);
    CHECK_STATUS(eddy_task_spawn(resets, "here too", &options, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_OK);
    CHECK_INT(get_in(options.context, &color), 0);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    return eddy_context_release(options.context);
}

static void tokens_of_shared_contexts(void) { run_contexts(carried_body); }

/* A callback's token is of that one run. */
static eddy_status_t again(void *context) {
    if (context) return sets_with_token(NULL);
    CHECK_STATUS(eddy_var_reset(passed), EDDY_EPERM);
    return eddy_token_release(passed);
}

static eddy_status_t runs_body(void *context) {
    (void)context;
    CHECK_STATUS(eddy_post(again, "first", NULL), EDDY_OK);
    CHECK_STATUS(eddy_post(again, NULL, NULL), EDDY_OK);
    return eddy_sleep(1);
}

static void tokens_of_callbacks(void) { run_contexts(runs_body); }

/* ---- a run inside a callback, and inside an entered foreign task ---- */

static eddy_context_t other;

static eddy_status_t sets_two(void *context) {
    trace("in:%d", get(&color));
    set(&color, get(&color) + 1);
    return (void)context, EDDY_OK;
}

static eddy_status_t runs_other(void *context) {
    set(&color, 20);
    CHECK_STATUS(eddy_context_run(other, sets_two, NULL), EDDY_OK);
    trace("%s:%d", (const char *)context, get(&color));
    return EDDY_OK;
}

static void no_start(void *instance, eddy_task_t self) {
    (void)instance;
    CHECK_STATUS(eddy_foreign_complete(self, EDDY_OK, NULL, NULL), EDDY_OK);
}

static eddy_status_t run_places_body(void *context) {
    static const eddy_foreign_ops_t ops = { (uint32_t)sizeof ops, 0, no_start, NULL, NULL,
        NULL, NULL };
    const eddy_context_t null = { 0 };
    eddy_task_t foreign = { 0 }, previous = { 0 };
    (void)context;
    set(&color, 1);
    CHECK_STATUS(eddy_context_copy(null, &other), EDDY_OK);
    CHECK_STATUS(eddy_post(runs_other, "callback", NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_STATUS(eddy_foreign_spawn(&ops, NULL, NULL, &foreign), EDDY_OK);
    CHECK_STATUS(eddy_foreign_enter(foreign, &previous), EDDY_OK);
    CHECK_STATUS(runs_other("foreign"), EDDY_OK);
    CHECK_STATUS(eddy_foreign_leave(previous), EDDY_OK);
    trace("body:%d", get(&color));
    CHECK_STATUS(eddy_task_join(foreign, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_release(foreign), EDDY_OK);
    return eddy_context_release(other);
}

static void runs_in_other_places(void) {
    run_contexts(run_places_body);
    CHECK_TRACE("in:1 callback:20 in:2 foreign:20 body:1");
}

static const check_test_t tests[] = {
    { "CTX: defaults", defaults },
    { "CTX: NULL is a value", null_values },
    { "CTX: forms of variables; a refused set releases its value", forms },
    { "CTX: a value is released when nothing holds it", lifetimes },
    { "CTX-01: a change below shared bindings", shared_paths },
    { "CTX: callbacks that never run give their contexts back", callbacks_that_never_run },
    { "CTX: a token puts back what was there, once", tokens },
    { "CTX: tokens out of order, and unused", tokens_out_of_order },
    { "CTX: a reset leaves copies alone", resets_of_shared },
    { "CTX: a token works in its own context only", tokens_of_other_contexts },
    { "CTX: a token of a shared context", tokens_of_shared_contexts },
    { "CTX: eddy_context_run in a callback and in a foreign task", runs_in_other_places },
    { "CTX: a token of a callback is of that run", tokens_of_callbacks },
};
CHECK_MAIN(tests)
