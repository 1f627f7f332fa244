/*
 * Posting on one thread: the order of callbacks, what a failing one does, and that a context is
 * released exactly once in every outcome.
 *
 * Proves: LOOP-01, LOOP-11, LOOP-21 for posts, and the refusals of eddy_post and
 * eddy_post_threadsafe.
 * Threads: one; one test asks from a second thread that has no loop.
 */
#include "check.h"

#include <pthread.h>
#include <sys/wait.h>

#define ROUNDS_OF_NUMBERS 300

/* A callback with a name, which counts how often it ran and was released. */
typedef struct call {
    const char *name;
    int ran, released;
} call_t;

static void release_call(void *value) { ((call_t *)value)->released++; }

static eddy_status_t run_call(void *context) {
    call_t *call = context;
    call->ran++;
    trace("%s", call->name);
    return EDDY_OK;
}

static eddy_status_t done_call(void *context, eddy_future_t future) {
    (void)future;
    return run_call(context);
}

static eddy_loop_t this_loop(void) {
    eddy_loop_t loop = { 0 };
    CHECK_STATUS(eddy_loop_current(&loop), EDDY_OK);
    return loop;
}

static void check_ran_once(const call_t *calls, int count) {
    for (int index = 0; index < count; index++) {
        CHECK_INT(calls[index].ran, 1);
        CHECK_INT(calls[index].released, 1);
    }
}

/* ---- order ---- */

static eddy_status_t order_body(void *context) {
    call_t *calls = context;
    eddy_future_t future = { 0 };
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_future_on_done(future, done_call, &calls[1], release_call), EDDY_OK);
    CHECK_STATUS(eddy_post(run_call, &calls[0], release_call), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(future, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_post(run_call, &calls[2], release_call), EDDY_OK);
    CHECK_STATUS(eddy_future_on_done(future, done_call, &calls[3], release_call), EDDY_OK);
    CHECK_TRACE("");
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_TRACE("a b c d");
    return eddy_future_release(future);
}

static void order_with_callbacks(void) {
    call_t calls[4] = { { "a", 0, 0 }, { "b", 0, 0 }, { "c", 0, 0 }, { "d", 0, 0 } };
    CHECK_STATUS(run_virtual(order_body, calls), EDDY_OK);
    check_ran_once(calls, 4);
    CHECK_INT(reports.count, 0);
}

static eddy_status_t post_again(void *context) {
    call_t *calls = context;
    trace("first");
    CHECK_STATUS(eddy_post(run_call, &calls[0], release_call), EDDY_OK);
    trace("end");
    return EDDY_OK;
}

static eddy_status_t nested_body(void *context) {
    call_t *calls = context;
    CHECK_STATUS(eddy_post(post_again, calls, NULL), EDDY_OK);
    CHECK_STATUS(eddy_post(run_call, &calls[1], release_call), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_TRACE("first end b");
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_TRACE("first end b a");
    return EDDY_OK;
}

static void post_from_a_post(void) {
    call_t calls[2] = { { "a", 0, 0 }, { "b", 0, 0 } };
    CHECK_STATUS(run_virtual(nested_body, calls), EDDY_OK);
    check_ran_once(calls, 2);
}

/* Through the door: in the order of the calls, and not before the next turn. */
static eddy_status_t door_body(void *context) {
    call_t *calls = context;
    const eddy_loop_t loop = this_loop();
    for (int index = 0; index < 4; index++)
        CHECK_STATUS(eddy_post_threadsafe(loop, run_call, &calls[index], release_call), EDDY_OK);
    CHECK_TRACE("");
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_TRACE("a b c d");
    return EDDY_OK;
}

static void order_through_the_door(void) {
    call_t calls[4] = { { "a", 0, 0 }, { "b", 0, 0 }, { "c", 0, 0 }, { "d", 0, 0 } };
    CHECK_STATUS(run_virtual(door_body, calls), EDDY_OK);
    check_ran_once(calls, 4);
}

/* ---- outside a task ---- */

static eddy_status_t where_body(void *context) {
    eddy_task_t task = { 0 };
    CHECK_STATUS(eddy_task_current(&task), EDDY_ENOTTASK);
    CHECK_STATUS(eddy_sleep(1), EDDY_ENOTTASK);
    CHECK_STATUS(eddy_task_spawn(run_call, context, NULL, NULL), EDDY_OK);
    return EDDY_OK;
}

static eddy_status_t outside_body(void *context) {
    CHECK_STATUS(eddy_post(where_body, context, NULL), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_INT(((call_t *)context)->ran, 1);
    return EDDY_OK;
}

static void outside_any_task(void) {
    call_t call = { "spawned", 0, 0 };
    CHECK_STATUS(run_virtual(outside_body, &call), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* ---- failures ---- */

static eddy_status_t failing(void *context) {
    ((call_t *)context)->ran++;
    return eddy_fail(EDDY_EPERM, "not today");
}

static eddy_status_t failure_body(void *context) {
    call_t *calls = context;
    CHECK_STATUS(eddy_post(failing, &calls[0], release_call), EDDY_OK);
    CHECK_STATUS(eddy_post_threadsafe(this_loop(), failing, &calls[1], release_call), EDDY_OK);
    CHECK_STATUS(eddy_post(run_call, &calls[2], release_call), EDDY_OK);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    return EDDY_OK;
}

static void failure_is_reported(void) {
    call_t calls[3] = { { "a", 0, 0 }, { "b", 0, 0 }, { "c", 0, 0 } };
    CHECK_STATUS(run_virtual(failure_body, calls), EDDY_OK);
    check_ran_once(calls, 3);
    CHECK_INT(reports.count, 2);
    CHECK_INT(reports_with(EDDY_EPERM), 2);
    CHECK_CONTAINS(reports.all[0].text, "not today");
    CHECK_CONTAINS(reports.all[1].text, "not today");
}

/* ---- refusals ---- */

static void expect_refused(eddy_status_t got, eddy_status_t expected, call_t *call) {
    CHECK_STATUS(got, expected);
    CHECK_INT(call->ran, 0);
    CHECK_INT(call->released, 1);
    call->released = 0;
}

static eddy_status_t refused_body(void *context) {
    call_t *call = context;
    const eddy_loop_t loop = this_loop();
    eddy_future_t future = { 0 };
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    expect_refused(eddy_post(NULL, call, release_call), EDDY_EINVAL, call);
    expect_refused(eddy_post_threadsafe(loop, NULL, call, release_call), EDDY_EINVAL, call);
    expect_refused(eddy_post_threadsafe((eddy_loop_t){ 0 }, run_call, call, release_call),
        EDDY_EBADHANDLE, call);
    expect_refused(eddy_post_threadsafe((eddy_loop_t){ future.id }, run_call, call, release_call),
        EDDY_EBADHANDLE, call);
    expect_refused(eddy_post_threadsafe((eddy_loop_t){ loop.id + 1 }, run_call, call, release_call),
        EDDY_EBADHANDLE, call);
    CHECK_STATUS(eddy_post(NULL, NULL, NULL), EDDY_EINVAL);
    return eddy_future_release(future);
}

static void *refused_without_loop(void *context) {
    expect_refused(eddy_post(run_call, context, release_call), EDDY_EWRONGTHREAD, context);
    return NULL;
}

static void refused(void) {
    call_t call = { "never", 0, 0 };
    pthread_t thread;
    CHECK_STATUS(run_virtual(refused_body, &call), EDDY_OK);
    CHECK_INT(call.released, 0);
    refused_without_loop(&call);
    if (CHECK_INT(pthread_create(&thread, NULL, refused_without_loop, &call), 0))
        pthread_join(thread, NULL);
}

/* ---- closing ---- */

/* Posts that the close finds: never run, released once, and by then the door is shut. */
typedef struct late {
    call_t *call;
    eddy_loop_t loop;
    int released;
} late_t;

static void release_and_post(void *value) {
    late_t *late = value;
    late->released++;
    expect_refused(eddy_post(run_call, late->call, release_call), EDDY_EBUSY, late->call);
    expect_refused(eddy_post_threadsafe(late->loop, run_call, late->call, release_call),
        EDDY_EBADHANDLE, late->call);
}

static void closed_before_it_ran(void) {
    const eddy_loop_options_t options = virtual_options();
    call_t calls[2] = { { "a", 0, 0 }, { "b", 0, 0 } }, other = { "c", 0, 0 };
    late_t late = { &other, { 0 }, 0 };
    CHECK_STATUS(eddy_loop_create(&options, &late.loop), EDDY_OK);
    CHECK_STATUS(eddy_post(run_call, &calls[0], release_call), EDDY_OK);
    CHECK_STATUS(eddy_post_threadsafe(late.loop, run_call, &calls[1], release_call), EDDY_OK);
    CHECK_STATUS(eddy_post(run_call, &late, release_and_post), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(late.loop), EDDY_OK);
    for (int index = 0; index < 2; index++) {
        CHECK_INT(calls[index].ran, 0);
        CHECK_INT(calls[index].released, 1);
    }
    CHECK_INT(late.released, 1);
    CHECK_INT(reports.count, 0);
}

/* A release function may post through the door, which is for any thread. */
static void release_through_the_door(void *value) {
    late_t *late = value;
    late->released++;
    expect_refused(eddy_post(run_call, late->call, release_call), EDDY_EBUSY, late->call);
    CHECK_STATUS(eddy_post_threadsafe(late->loop, run_call, late->call, release_call), EDDY_OK);
}

static eddy_status_t from_release_body(void *context) {
    late_t *late = context;
    late->loop = this_loop();
    CHECK_STATUS(eddy_post(run_call, late->call, NULL), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    late->call->ran = 0;
    CHECK_STATUS(eddy_post(NULL, late, release_through_the_door), EDDY_EINVAL);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_INT(late->call->ran, 1);
    return EDDY_OK;
}

static void from_a_release_function(void) {
    call_t call = { "a", 0, 0 };
    late_t late = { &call, { 0 }, 0 };
    CHECK_STATUS(run_virtual(from_release_body, &late), EDDY_OK);
    CHECK_INT(late.released, 1);
    CHECK_INT(call.released, 1);
}

/* More loops than there are numbers: the handles of those that are gone stay refused. */
static void handles_of_closed_loops(void) {
    static eddy_loop_t loops[ROUNDS_OF_NUMBERS];
    call_t call = { "a", 0, 0 };
    for (int index = 0; index < ROUNDS_OF_NUMBERS; index++) {
        CHECK_STATUS(eddy_loop_create(NULL, &loops[index]), EDDY_OK);
        for (int old = 0; old < index; old++)
            expect_refused(eddy_post_threadsafe(loops[old], run_call, &call, release_call),
                EDDY_EBADHANDLE, &call);
        CHECK_STATUS(eddy_post_threadsafe(loops[index], run_call, &call, release_call), EDDY_OK);
        CHECK_STATUS(eddy_loop_close(loops[index]), EDDY_OK);
        CHECK_INT(call.released, 1);
        call.released = 0;
    }
}

/* ---- fork ---- */

static eddy_status_t fork_body(void *context) {
    call_t *call = context;
    const eddy_loop_t loop = this_loop();
    int status = 0;
    const pid_t child = fork();
    if (child == 0) {
        expect_refused(eddy_post_threadsafe(loop, run_call, call, release_call), EDDY_EFORKED,
            call);
        expect_refused(eddy_post(run_call, call, release_call), EDDY_EFORKED, call);
        check_end_child();
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_INT(status, 0);
    return EDDY_OK;
}

static void in_a_forked_child(void) {
    call_t call = { "a", 0, 0 };
    CHECK_STATUS(run_virtual(fork_body, &call), EDDY_OK);
}

static const check_test_t tests[] = {
    { "LOOP-11: posts and callbacks share one order", order_with_callbacks },
    { "LOOP-02: a post from a post runs in the next round", post_from_a_post },
    { "LOOP-11: the door keeps the order of its calls", order_through_the_door },
    { "post: outside any task", outside_any_task },
    { "LOOP-21: a failing post is reported", failure_is_reported },
    { "post: what is refused is released here", refused },
    { "post: closed before it ran", closed_before_it_ran },
    { "post: from a release function", from_a_release_function },
    { "post: handles of closed loops, numbers reused", handles_of_closed_loops },
    { "LOOP-30: the door of a forked child", in_a_forked_child },
};
CHECK_MAIN(tests)
