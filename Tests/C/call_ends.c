/*
 * call_ends.c: callbacks of the loop and other threads, contexts, refusals, and the loop's end.
 * Chapter LOOP, and CTX-05.
 *
 * Invariant: the clock is virtual.
 * Threads: one, and in some tests another, which this one waits for.
 */
#include "abi_calls.h"

#include <pthread.h>

static eddy_status_t say(void *word) {
    trace("%s", (const char *)word);
    return EDDY_OK;
}

static eddy_loop_t current_loop(void) {
    eddy_loop_t loop = { 0 };
    CHECK_STATUS(eddy_loop_current(&loop), EDDY_OK);
    return loop;
}

static void on_thread(void *(*fn)(void *), void *context) {
    pthread_t thread;
    if (CHECK_INT(pthread_create(&thread, NULL, fn, context), 0)) pthread_join(thread, NULL);
}

/* ---- LOOP-11 ---- */

static eddy_status_t own_posts_body(void *context) {
    const eddy_loop_t loop = current_loop();
    eddy_future_t future = { 0 };
    (void)context;
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_call_soon(say, "1", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_post_threadsafe(loop, say, "2", NULL), EDDY_OK);
    CHECK_STATUS(eddy_call_soon(say, "3", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_complete_threadsafe(future, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_post_threadsafe(loop, say, "4", NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_result(future, NULL), EDDY_EPENDING);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_TRACE("1 2 3 4");
    CHECK_STATUS(eddy_future_result(future, NULL), EDDY_OK);
    return eddy_future_release(future);
}

static void own_posts(void) {
    CHECK_STATUS(run_virtual(own_posts_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* The loop of this thread has nothing else to do: the other thread's post ends its wait. */
typedef struct door {
    eddy_loop_t loop;
    eddy_future_t future;
} door_t;

static eddy_status_t opens(void *context) {
    const door_t *door = context;
    trace("posted");
    CHECK_STATUS(eddy_call_soon(say, "soon", NULL, NULL), EDDY_OK);
    return eddy_future_complete(door->future, NULL, NULL);
}

static void *posts_three(void *context) {
    const door_t *door = context;
    CHECK_STATUS(eddy_post_threadsafe(door->loop, say, "first", NULL), EDDY_OK);
    CHECK_STATUS(eddy_post_threadsafe(door->loop, say, "second", NULL), EDDY_OK);
    CHECK_STATUS(eddy_post_threadsafe(door->loop, opens, context, NULL), EDDY_OK);
    return NULL;
}

static eddy_status_t door_body(void *context) {
    pthread_t thread;
    door_t door = { current_loop(), { 0 } };
    (void)context;
    CHECK_STATUS(eddy_future_create(&door.future), EDDY_OK);
    CHECK_INT(pthread_create(&thread, NULL, posts_three, &door), 0);
    CHECK_STATUS(eddy_future_wait(door.future, NULL), EDDY_OK);
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_TRACE("first second posted soon");
    return eddy_future_release(door.future);
}

static void posts_from_far(void) {
    CHECK_STATUS(run_virtual(door_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* ---- LOOP-25: the thread is always checked ---- */

static void *tries_from_far(void *context) {
    const eddy_callback_t *callback = context;
    const eddy_callback_options_t options = abi_callback_options();
    abi_released = 0;
    CHECK_STATUS(eddy_call_soon(say, &abi_released, &options, NULL), EDDY_EWRONGTHREAD);
    CHECK_STATUS(eddy_call_later(1, say, &abi_released, &options, NULL), EDDY_EWRONGTHREAD);
    CHECK_STATUS(eddy_call_when(1, say, &abi_released, &options, NULL), EDDY_EWRONGTHREAD);
    CHECK_STATUS(eddy_fd_add_reader(0, say, &abi_released, &options), EDDY_EWRONGTHREAD);
    CHECK_STATUS(eddy_fd_remove_reader(0), EDDY_EWRONGTHREAD);
    CHECK_STATUS(eddy_callback_cancel(*callback), EDDY_EWRONGTHREAD);
    CHECK_INT(abi_released, 4);
    return NULL;
}

static eddy_status_t wrong_thread_body(void *context) {
    eddy_callback_t callback = { 0 };
    (void)context;
    CHECK_STATUS(eddy_call_later(1, say, "mine", NULL, &callback), EDDY_OK);
    on_thread(tries_from_far, &callback);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_TRACE("mine");
    return eddy_callback_release(callback);
}

static void wrong_thread(void) {
    CHECK_STATUS(run_virtual(wrong_thread_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* ---- the end of a loop ---- */

static void released_word(void *word) { trace("free-%s", (const char *)word); }

/* LOOP-15's callbacks: dropped without a word, their contexts released. */
static void dropped(void) {
    const eddy_loop_options_t options = virtual_options();
    eddy_callback_options_t freeing = EDDY_CALLBACK_OPTIONS_INIT;
    eddy_loop_t loop = { 0 };
    eddy_callback_t kept = { 0 };
    const eddy_callback_options_t counting = abi_callback_options();
    int ends[2] = { -1, -1 };
    abi_released = 0;
    freeing.release_context = released_word;
    CHECK(pipe(ends) == 0);
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    CHECK_STATUS(eddy_call_later(1, say, "timer", &freeing, NULL), EDDY_OK);
    CHECK_STATUS(eddy_call_later(EDDY_FOREVER, say, &abi_released, &counting, NULL), EDDY_OK);
    CHECK_STATUS(eddy_fd_add_reader(ends[0], say, "reader", &freeing), EDDY_OK);
    CHECK_STATUS(eddy_fd_add_writer(ends[1], say, "writer", &freeing), EDDY_OK);
    CHECK_STATUS(eddy_call_soon(say, "soon", &freeing, NULL), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_TRACE("free-reader free-writer free-soon free-timer");
    CHECK_INT(abi_released, 1);
    CHECK_INT(reports.count, 0);
    trace_clear();
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    CHECK_STATUS(eddy_call_soon(say, "kept", &freeing, &kept), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_TRACE("free-kept");
    CHECK_INT(reports.count, 1);
    CHECK_STATUS(reports.status, EDDY_EBUSY);   /* the reference that was left */
    CHECK_STATUS(eddy_callback_cancel(kept), EDDY_EBADHANDLE);
    close(ends[0]);
    close(ends[1]);
}

/* LOOP-16. */
static void closed_loop(void) {
    const eddy_loop_options_t options = virtual_options();
    const eddy_callback_options_t counting = abi_callback_options();
    const eddy_spawn_options_t spawning = abi_spawn_options();
    eddy_loop_t loop = { 0 };
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    abi_released = 0;
    CHECK_STATUS(eddy_call_soon(say, &abi_released, &counting, NULL), EDDY_EWRONGTHREAD);
    CHECK_STATUS(eddy_call_later(1, say, &abi_released, &counting, NULL), EDDY_EWRONGTHREAD);
    CHECK_STATUS(eddy_call_when(1, say, &abi_released, &counting, NULL), EDDY_EWRONGTHREAD);
    CHECK_STATUS(eddy_post(say, &abi_released, count_release), EDDY_EWRONGTHREAD);
    CHECK_STATUS(eddy_fd_add_reader(0, say, &abi_released, &counting), EDDY_EWRONGTHREAD);
    CHECK_STATUS(eddy_fd_add_writer(0, say, &abi_released, &counting), EDDY_EWRONGTHREAD);
    CHECK_STATUS(eddy_task_spawn(say, &abi_released, &spawning, NULL), EDDY_EWRONGTHREAD);
    CHECK_STATUS(eddy_post_threadsafe(loop, say, &abi_released, count_release), EDDY_EBADHANDLE);
    CHECK_INT(abi_released, 8);
    CHECK_STATUS(eddy_fd_remove_reader(0), EDDY_EWRONGTHREAD);
    CHECK_STATUS(eddy_fd_remove_writer(0), EDDY_EWRONGTHREAD);
    CHECK_STATUS(eddy_loop_run(loop, say, "no", NULL), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_loop_set_report(loop, NULL, NULL), EDDY_EBADHANDLE);
    CHECK_TRACE("");
}

/* What calls itself again for ever does not keep a run from its end. */
static eddy_status_t again(void *context) {
    return eddy_call_soon(again, context, NULL, NULL);
}

static eddy_status_t endless_body(void *context) { return again(context); }

static void endless(void) {
    CHECK_STATUS(run_virtual(endless_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* ---- CTX-05 ---- */

static eddy_var_t variable = EDDY_VAR_INIT("word", "none", NULL);

static eddy_status_t say_variable(void *context) {
    void *word = NULL;
    CHECK_STATUS(eddy_var_get(&variable, &word), EDDY_OK);
    trace("%s", (const char *)word);
    return context ? eddy_var_set(&variable, context, NULL) : EDDY_OK;
}

static eddy_status_t contexts_body(void *context) {
    eddy_callback_options_t options = EDDY_CALLBACK_OPTIONS_INIT;
    eddy_context_t given = { 0 };
    (void)context;
    CHECK_STATUS(eddy_context_with(given, &variable, "given", &given), EDDY_OK);
    CHECK_STATUS(eddy_var_set(&variable, "before", NULL), EDDY_OK);
    CHECK_STATUS(eddy_call_soon(say_variable, "set", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_call_soon(say_variable, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_call_later(5, say_variable, NULL, NULL, NULL), EDDY_OK);
    options.context = given;
    CHECK_STATUS(eddy_call_later(6, say_variable, "shared", &options, NULL), EDDY_OK);
    CHECK_STATUS(eddy_call_later(7, say_variable, NULL, &options, NULL), EDDY_OK);
    CHECK_STATUS(eddy_var_set(&variable, "after", NULL), EDDY_OK);
    CHECK_STATUS(eddy_call_when(8, say_variable, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_context_release(given), EDDY_OK);
    CHECK_STATUS(eddy_sleep(10), EDDY_OK);
    CHECK_TRACE("before before before given shared after");
    CHECK_STATUS(eddy_call_soon(say_variable, NULL, &options, NULL), EDDY_EBADHANDLE);
    return EDDY_OK;
}

static void contexts(void) {
    CHECK_STATUS(run_virtual(contexts_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

static eddy_status_t refusals_body(void *context) {
    eddy_callback_options_t options = abi_callback_options();
    eddy_callback_t callback = { 77 };
    (void)context;
    abi_released = 0;
    CHECK_STATUS(eddy_call_soon(NULL, &abi_released, &options, &callback), EDDY_EINVAL);
    CHECK_STATUS(eddy_call_later(1, NULL, &abi_released, &options, &callback), EDDY_EINVAL);
    CHECK_STATUS(eddy_fd_add_reader(-1, say, &abi_released, &options), EDDY_EINVAL);
    options.context.id = 77;
    CHECK_STATUS(eddy_call_soon(say, &abi_released, &options, &callback), EDDY_EBADHANDLE);
    CHECK_INT(abi_released, 4);
    CHECK_INT(callback.id, 77);
    return EDDY_OK;
}

static void refusals(void) { CHECK_STATUS(run_virtual(refusals_body, NULL), EDDY_OK); }

static const check_test_t tests[] = {
    { "LOOP-11: from its own thread: one line with call_soon", own_posts },
    { "LOOP-11: from another: wakes the loop, in order", posts_from_far },
    { "LOOP-25: from another thread: EDDY_EWRONGTHREAD, always", wrong_thread },
    { "LOOP-15: close drops what has not run and releases it", dropped },
    { "LOOP-16: a closed loop refuses calls, tasks and descriptors", closed_loop },
    { "call: one that calls itself again does not keep a run going", endless },
    { "CTX-05: call_soon, call_later and call_when keep the context of their call", contexts },
    { "call: refused, contexts are released", refusals },
};
CHECK_MAIN(tests)
