/*
 * The rows of chapter 13, and FUT-12: who sees which value of a context variable.
 *
 * Threads: one, but for the post from another.
 */
#include "context_check.h"

#include <pthread.h>

/* ---- CTX-01: a task copies its creator's context ---- */

static eddy_status_t copies_child(void *context) {
    (void)context;
    trace("child:%d,%d", get(&color), get(&shape));
    set(&color, 2);
    set(&place, 9);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    trace("child:%d,%d", get(&color), get(&shape));
    return EDDY_OK;
}

static eddy_status_t copies_body(void *context) {
    eddy_task_t task = { 0 };
    (void)context;
    set(&color, 1);
    set(&shape, 7);
    CHECK_STATUS(eddy_task_spawn(copies_child, NULL, NULL, &task), EDDY_OK);
    set(&color, 3);                            /* after the spawn, before its first step */
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    trace("parent:%d,%d,%d", get(&color), get(&shape), get(&place));
    set(&shape, 8);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_OK);
    trace("parent:%d,%d,%d", get(&color), get(&shape), get(&place));
    return eddy_task_release(task);
}

static void copied_at_spawn(void) {
    run_contexts(copies_body);
    CHECK_TRACE("child:1,7 parent:3,7,-1 child:2,7 parent:3,8,-1");
}

/* A child of a child, and a sibling: each has what its own creator had. */
static eddy_status_t leaf(void *context) {
    trace("%s:%d,%d", (const char *)context, get(&color), get(&shape));
    return EDDY_OK;
}

static eddy_status_t middle(void *context) {
    (void)context;
    set(&shape, 2);
    CHECK_STATUS(eddy_task_spawn(leaf, "grandchild", NULL, NULL), EDDY_OK);
    return EDDY_OK;
}

static eddy_status_t nested_body(void *context) {
    eddy_scope_t group;
    (void)context;
    set(&color, 1);
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(group, middle, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(group, leaf, "sibling", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(group, EDDY_OK), EDDY_OK);
    return eddy_sleep(1);
}

static void copied_at_each_spawn(void) {
    run_contexts(nested_body);
    CHECK_TRACE("sibling:1,-1 grandchild:1,2");
}

/* The root runs in the loop's own context itself: what it sets is there in the next run. */
static eddy_status_t root_body(void *context) {
    trace("root:%d", get(&color));
    set(&color, *(int *)context);
    return EDDY_OK;
}

static void roots_share_the_loops(void) {
    const eddy_loop_options_t options = virtual_options();
    eddy_loop_t loop = { 0 };
    int number = 6;
    context_clear();
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    set(&color, 5);
    CHECK_STATUS(eddy_loop_run(loop, root_body, &number, NULL), EDDY_OK);
    CHECK_INT(get(&color), 6);
    CHECK_INT(context_released(), 1);
    number = 7;
    CHECK_STATUS(eddy_loop_run(loop, root_body, &number, NULL), EDDY_OK);
    CHECK_INT(get(&color), 7);
    CHECK_TRACE("root:5 root:6");
    CHECK_INT(context_released(), 2);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_ALL_RELEASED();
    CHECK_INT(reports.count, 0);
}

/* ---- CTX-02, CTX-06: an explicit context is used itself ---- */

static eddy_status_t adds_one(void *context) {
    const int before = get(&color);
    (void)context;
    trace("%d", before);
    set(&color, before + 1);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    trace("%d", get(&color));
    return EDDY_OK;
}

static eddy_status_t explicit_body(void *context) {
    eddy_spawn_options_t options = EDDY_SPAWN_OPTIONS_INIT;
    eddy_task_t task = { 0 };
    (void)context;
    set(&color, 1);
    CHECK_STATUS(eddy_context_copy((eddy_context_t){ 0 }, &options.context), EDDY_OK);
    for (int round = 0; round < 3; round++) {            /* one after the other */
        CHECK_STATUS(eddy_task_spawn(adds_one, NULL, &options, &task), EDDY_OK);
        CHECK_STATUS(eddy_task_join(task, NULL), EDDY_OK);
        CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    }
    CHECK_INT(get(&color), 1);
    CHECK_INT(get_in(options.context, &color), 4);
    return eddy_context_release(options.context);
}

static void explicit_is_shared(void) {
    run_contexts(explicit_body);
    CHECK_TRACE("1 2 2 3 3 4");
}

/* Side by side in a group; the context outlives its last reference, since the tasks hold it. */
static eddy_status_t group_body(void *context) {
    eddy_spawn_options_t options = EDDY_SPAWN_OPTIONS_INIT;
    eddy_scope_t group;
    (void)context;
    CHECK_STATUS(eddy_context_copy((eddy_context_t){ 0 }, &options.context), EDDY_OK);
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(group, adds_one, NULL, &options, NULL), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(group, adds_one, NULL, &options, NULL), EDDY_OK);
    CHECK_STATUS(eddy_context_release(options.context), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(group, EDDY_OK), EDDY_OK);
    CHECK_STATUS(eddy_context_retain(options.context), EDDY_EBADHANDLE);
    CHECK_INT(get(&color), 0);
    return EDDY_OK;
}

static void explicit_in_a_group(void) {
    run_contexts(group_body);
    CHECK_TRACE("0 1 2 2");
}

/* What a task with an explicit context spawns has a copy, as from any. */
static eddy_status_t spawns_on(void *context) {
    eddy_task_t task = { 0 };
    (void)context;
    CHECK_STATUS(eddy_task_spawn(adds_one, NULL, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_OK);
    trace("own:%d", get(&color));
    return eddy_task_release(task);
}

static eddy_status_t grandchild_body(void *context) {
    eddy_spawn_options_t options = EDDY_SPAWN_OPTIONS_INIT;
    eddy_task_t task = { 0 };
    (void)context;
    CHECK_STATUS(eddy_context_with((eddy_context_t){ 0 }, &color, value_of(4), &options.context),
        EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(spawns_on, NULL, &options, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_OK);
    CHECK_INT(get_in(options.context, &color), 4);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    return eddy_context_release(options.context);
}

static void explicit_is_copied_on(void) {
    run_contexts(grandchild_body);
    CHECK_TRACE("4 5 own:4");
}

/* ---- CTX-03, CTX-04, FUT-12: callbacks ---- */

static eddy_status_t on_done(void *context, eddy_future_t future) {
    (void)future;
    trace("%s:%d", (const char *)context, get(&color));
    set(&color, 50);
    trace("%d", get(&color));
    return EDDY_OK;
}

static eddy_status_t waits(void *context) {
    set(&color, 10);
    CHECK_STATUS(eddy_future_wait(*(eddy_future_t *)context, NULL), EDDY_OK);
    trace("waiter:%d", get(&color));
    return EDDY_OK;
}

static eddy_status_t completes(void *context) {
    set(&color, 20);
    CHECK_STATUS(eddy_future_complete(*(eddy_future_t *)context, NULL, NULL), EDDY_OK);
    return EDDY_OK;
}

static eddy_status_t callback_body(void *context) {
    eddy_future_t future = { 0 };
    eddy_task_t waiter = { 0 };
    (void)context;
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    set(&color, 1);
    CHECK_STATUS(eddy_future_on_done(future, on_done, "first", NULL), EDDY_OK);
    set(&color, 2);
    CHECK_STATUS(eddy_future_on_done(future, on_done, "second", NULL), EDDY_OK);
    set(&color, 3);
    CHECK_STATUS(eddy_task_spawn(waits, &future, NULL, &waiter), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(completes, &future, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(waiter, NULL), EDDY_OK);
    trace("body:%d", get(&color));
    CHECK_STATUS(eddy_future_on_done(future, on_done, "late", NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    trace("body:%d", get(&color));
    CHECK_STATUS(eddy_task_release(waiter), EDDY_OK);
    return eddy_future_release(future);
}

static void callbacks_keep_to_themselves(void) {
    run_contexts(callback_body);
    CHECK_TRACE("first:1 50 second:2 50 waiter:10 body:3 late:3 50 body:3");
}

/* A completer that runs no code of the waiter's: a timer, and a callback. */
static eddy_status_t completes_in_callback(void *context, eddy_future_t future) {
    (void)future;
    set(&color, 60);
    return eddy_future_complete(*(eddy_future_t *)context, NULL, NULL);
}

static eddy_status_t own_context_body(void *context) {
    eddy_future_t future = { 0 }, timer = { 0 };
    (void)context;
    set(&color, 1);
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_sleep_start(EDDY_SECONDS(1), &timer), EDDY_OK);
    CHECK_STATUS(eddy_future_on_done(timer, completes_in_callback, &future, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_wait(future, NULL), EDDY_OK);
    CHECK_INT(get(&color), 1);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_INT(get(&color), 1);
    CHECK_STATUS(eddy_future_release(timer), EDDY_OK);
    return eddy_future_release(future);
}

static void steps_in_own_context(void) { run_contexts(own_context_body); }

/* FUT-12: an explicit one is used itself, and its writes stay in it. */
static eddy_status_t given_body(void *context) {
    eddy_context_t given = { 0 };
    eddy_future_t future = { 0 };
    size_t count = 0;
    (void)context;
    set(&color, 1);
    CHECK_STATUS(eddy_context_copy((eddy_context_t){ 0 }, &given), EDDY_OK);
    set(&color, 2);
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_future_on_done_in(future, given, on_done, "in", NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_on_done_in(future, given, on_done, "again", NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_on_done_in(future, (eddy_context_t){ 0 }, on_done, "null", NULL),
        EDDY_OK);
    CHECK_STATUS(eddy_future_on_done_in(future, given, on_done, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_off_done(future, on_done, NULL, &count), EDDY_OK);
    CHECK_INT(count, 1);
    CHECK_STATUS(eddy_future_complete(future, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_INT(get(&color), 2);
    CHECK_INT(get_in(given, &color), 50);
    CHECK_STATUS(eddy_context_release(given), EDDY_OK);
    return eddy_future_release(future);
}

static void explicit_for_a_callback(void) {
    run_contexts(given_body);
    CHECK_TRACE("in:1 50 again:50 50 null:2 50");
}

/* ---- CTX-05: what is posted ---- */

static eddy_status_t posted(void *context) {
    trace("%s:%d", (const char *)context, get(&color));
    set(&color, 70);
    return EDDY_OK;
}

static eddy_status_t posts_body(void *context) {
    (void)context;
    set(&color, 1);
    CHECK_STATUS(eddy_post(posted, "one", NULL), EDDY_OK);
    set(&color, 2);
    CHECK_STATUS(eddy_post(posted, "two", NULL), EDDY_OK);
    set(&color, 3);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    trace("body:%d", get(&color));
    return EDDY_OK;
}

static void posts_capture(void) {
    run_contexts(posts_body);
    CHECK_TRACE("one:1 two:2 body:3");
}

/* From another thread: a copy of the loop's own. One post's sets are not the next one's. */
static void *posts_from_thread(void *context) {
    const eddy_loop_t loop = *(eddy_loop_t *)context;
    CHECK_STATUS(eddy_post_threadsafe(loop, posted, "far", NULL), EDDY_OK);
    CHECK_STATUS(eddy_post_threadsafe(loop, posted, "farther", NULL), EDDY_OK);
    return NULL;
}

static eddy_status_t far_body(void *context) {
    pthread_t thread;
    set(&color, 1);
    CHECK_INT(pthread_create(&thread, NULL, posts_from_thread, context), 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    trace("body:%d", get(&color));
    return EDDY_OK;
}

static void posts_from_far(void) {
    const eddy_loop_options_t options = virtual_options();
    eddy_loop_t loop = { 0 };
    context_clear();
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    set(&color, 4);
    CHECK_STATUS(eddy_loop_run(loop, far_body, &loop, NULL), EDDY_OK);
    CHECK_INT(get(&color), 1);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_TRACE("far:1 farther:1 body:1");
    CHECK_ALL_RELEASED();
}

static const check_test_t tests[] = {
    { "CTX-01: a task copies its creator's context", copied_at_spawn },
    { "CTX-01: copied at each spawn", copied_at_each_spawn },
    { "RUN-17: a root runs in the loop's own, over runs", roots_share_the_loops },
    { "CTX-02: an explicit context is used itself", explicit_is_shared },
    { "CTX-06: group spawn accepts a context", explicit_in_a_group },
    { "CTX-02: what runs in an explicit context hands on copies", explicit_is_copied_on },
    { "CTX-03, CTX-04, FUT-12: callbacks run in what was current at their registration",
        callbacks_keep_to_themselves },
    { "CTX-04: a task's steps run in its own context, whoever woke it", steps_in_own_context },
    { "FUT-12: a callback in an explicit context", explicit_for_a_callback },
    { "CTX-05: eddy_post captures the context", posts_capture },
    { "CTX-05: a post from another thread has a copy of the loop's own", posts_from_far },
};
CHECK_MAIN(tests)
