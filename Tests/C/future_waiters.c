/*
 * future_waiters.c: proves the rows of futures (FUT) about those who wait: callbacks and tasks,
 * their order, and what happens when one of them gives up or fails.
 *
 * Invariants: every test runs on a virtual clock and states how many reports it expects. Waiters
 * and callbacks trace their names when they are told.
 * Threads: one.
 */
#include "check.h"

#include <errno.h>

#define MS(x) EDDY_MILLISECONDS(x)

#define REPORTING(name, expected_count)                                                           \
    static eddy_status_t name##_body(void *context);                                              \
    static void name(void) {                                                                      \
        CHECK_STATUS(run_virtual(name##_body, NULL), EDDY_OK);                                    \
        CHECK_INT(reports.count, (expected_count));                                               \
    }                                                                                             \
    static eddy_status_t name##_body(void *context)
#define IN_TASK(name) REPORTING(name, 0)

static eddy_future_t future;
static int the_value;
static char words[6][2] = { "a", "b", "c", "d", "e", "f" };

static void new_future(void) { CHECK_STATUS(eddy_future_create(&future), EDDY_OK); }

static void complete(void) {
    CHECK_STATUS(eddy_future_complete(future, &the_value, NULL), EDDY_OK);
}

static eddy_status_t note_done(void *word, eddy_future_t done) {
    void *value = NULL;
    CHECK_INT(done.id, future.id);
    CHECK_STATUS(eddy_future_result(done, &value), EDDY_OK);
    CHECK(value == &the_value);
    trace("%s", (const char *)word);
    return EDDY_OK;
}

static eddy_status_t wait_and_note(void *word) {
    void *value = NULL;
    const eddy_status_t status = eddy_future_wait(future, &value);
    if (status == EDDY_OK) CHECK(value == &the_value);
    trace("%s%s", (const char *)word, status == EDDY_OK ? "" : "!");
    return status;
}

static void on_done(eddy_done_fn fn, void *context) {
    CHECK_STATUS(eddy_future_on_done(future, fn, context, NULL), EDDY_OK);
}

static void spawn(eddy_task_fn fn, void *context) {
    CHECK_STATUS(eddy_task_spawn(fn, context, NULL, NULL), EDDY_OK);
}

static eddy_status_t note(void *word) {
    trace("%s", (const char *)word);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Order
 */
IN_TASK(callbacks_in_order) {
    (void)context;
    new_future();
    on_done(note_done, words[0]);
    on_done(note_done, words[1]);
    on_done(note_done, words[0]);
    complete();
    trace("completer");
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_TRACE("completer a b a");
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    return EDDY_OK;
}

IN_TASK(callback_after_done) {
    (void)context;
    new_future();
    on_done(note_done, words[0]);
    complete();
    spawn(note, words[1]);
    on_done(note_done, words[2]);
    spawn(note, words[3]);
    CHECK_TRACE("");
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_TRACE("a b c d");
    on_done(note_done, words[4]);
    CHECK_TRACE("a b c d");
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_TRACE("a b c d e");
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    return EDDY_OK;
}

IN_TASK(waiters_in_order) {
    (void)context;
    new_future();
    for (int index = 0; index < 4; index++) spawn(wait_and_note, words[index]);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    complete();
    spawn(wait_and_note, words[4]);
    CHECK_TRACE("");
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_TRACE("a b c d e");
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    return EDDY_OK;
}

IN_TASK(waiters_and_callbacks) {
    (void)context;
    new_future();
    spawn(wait_and_note, words[0]);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    on_done(note_done, words[1]);
    spawn(wait_and_note, words[2]);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    on_done(note_done, words[3]);
    complete();
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_TRACE("a b c d");
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    return EDDY_OK;
}

static eddy_error_t seen[3];

static eddy_status_t wait_for_failure(void *context) {
    CHECK_STATUS(eddy_future_wait(future, NULL), -EIO);
    CHECK_STATUS(eddy_error_current(context), EDDY_OK);
    return EDDY_OK;
}

IN_TASK(same_error_for_all) {
    (void)context;
    new_future();
    for (int index = 0; index < 3; index++) spawn(wait_for_failure, &seen[index]);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_future_fail(future, -EIO, "no route"), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    for (int index = 0; index < 3; index++) {
        CHECK_INT(seen[index].id, seen[0].id);
        CHECK_TEXT(eddy_error_message(seen[index]), "no route");
    }
    for (int index = 0; index < 3; index++)
        CHECK_STATUS(eddy_error_release(seen[index]), EDDY_OK);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Giving up
 */
IN_TASK(one_gives_up) {
    eddy_task_t middle;
    (void)context;
    new_future();
    spawn(wait_and_note, words[0]);
    CHECK_STATUS(eddy_task_spawn(wait_and_note, words[1], NULL, &middle), EDDY_OK);
    spawn(wait_and_note, words[2]);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(middle, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(middle, NULL), EDDY_ETARGETCANCELED);
    CHECK_TRACE("b!");
    CHECK_STATUS(eddy_future_result(future, NULL), EDDY_EPENDING);
    complete();
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_TRACE("b! a c");
    CHECK_STATUS(eddy_task_release(middle), EDDY_OK);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    return EDDY_OK;
}

/* Each position in the list of waiters can be left, and the list stays in order. */
IN_TASK(any_position_gives_up) {
    (void)context;
    for (int leaver = 0; leaver < 3; leaver++) {
        static const char *const expected[] = { "a! b c", "b! a c", "c! a b" };
        eddy_task_t tasks[3];
        trace_clear();
        new_future();
        for (int index = 0; index < 3; index++)
            CHECK_STATUS(eddy_task_spawn(wait_and_note, words[index], NULL, &tasks[index]),
                EDDY_OK);
        CHECK_STATUS(eddy_yield(), EDDY_OK);
        CHECK_STATUS(eddy_task_cancel(tasks[leaver], NULL), EDDY_OK);
        CHECK_STATUS(eddy_yield(), EDDY_OK);
        complete();
        CHECK_STATUS(eddy_yield(), EDDY_OK);
        CHECK_TRACE(expected[leaver]);
        for (int index = 0; index < 3; index++)
            CHECK_STATUS(eddy_task_release(tasks[index]), EDDY_OK);
        CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    }
    return EDDY_OK;
}

IN_TASK(cancelled_future_wakes_all) {
    eddy_task_t tasks[2];
    (void)context;
    new_future();
    for (int index = 0; index < 2; index++)
        CHECK_STATUS(eddy_task_spawn(wait_and_note, words[index], NULL, &tasks[index]), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_future_cancel(future, "gone"), EDDY_OK);
    CHECK_TRACE("");
    for (int index = 0; index < 2; index++) {
        CHECK_STATUS(eddy_task_join(tasks[index], NULL), EDDY_ETARGETCANCELED);
        CHECK_STATUS(eddy_task_release(tasks[index]), EDDY_OK);
    }
    CHECK_TRACE("a! b!");
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    return EDDY_OK;
}

/* A future whose last reference goes while tasks wait lives on for them. */
IN_TASK(released_while_waited_for) {
    int released = 0;
    eddy_task_t waiter;
    (void)context;
    new_future();
    CHECK_STATUS(eddy_task_spawn(wait_and_note, words[0], NULL, &waiter), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(waiter, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(waiter, NULL), EDDY_ETARGETCANCELED);
    CHECK_STATUS(eddy_task_release(waiter), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(future, &released, count_release), EDDY_EBADHANDLE);
    CHECK_INT(released, 1);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Callbacks
 */
static eddy_status_t fail_in_callback(void *context, eddy_future_t done) {
    (void)done;
    trace("%s", (const char *)context);
    return eddy_fail(-EPIPE, "callback %s", (const char *)context);
}

REPORTING(failing_callback, 1) {
    (void)context;
    new_future();
    on_done(note_done, words[0]);
    on_done(fail_in_callback, words[1]);
    on_done(note_done, words[2]);
    complete();
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_TRACE("a b c");
    CHECK_STATUS(reports.status, -EPIPE);
    CHECK_CONTAINS(reports.text, "callback b");
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    return EDDY_OK;
}

static eddy_status_t look_around(void *context, eddy_future_t done) {
    eddy_task_t task;
    (void)context;
    CHECK_STATUS(eddy_task_current(&task), EDDY_ENOTTASK);
    CHECK_STATUS(eddy_yield(), EDDY_ENOTTASK);
    CHECK_STATUS(eddy_future_wait(done, NULL), EDDY_ENOTTASK);
    CHECK(eddy_task_local() == NULL);
    CHECK_INT(eddy_cancelled(), 0);
    spawn(note, words[5]);
    trace("callback");
    return EDDY_OK;
}

IN_TASK(callback_is_no_task) {
    (void)context;
    CHECK_STATUS(eddy_task_set_local(words), EDDY_OK);
    new_future();
    on_done(look_around, NULL);
    complete();
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_TRACE("callback f");
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    return EDDY_OK;
}

static eddy_status_t count_call(void *context, eddy_future_t done) {
    (void)done;
    ++*(int *)context;
    return EDDY_OK;
}

static int released;

static void count_context(void *context) {
    (void)context;
    released++;
}

static eddy_status_t every_outcome(void *context) {
    const eddy_future_t null = { 0 };
    static int calls;
    (void)context;
    calls = released = 0;
    new_future();
    CHECK_STATUS(eddy_future_on_done(null, count_call, &calls, count_context), EDDY_EBADHANDLE);
    CHECK_INT(released, 1);
    CHECK_STATUS(eddy_future_on_done(future, NULL, &calls, count_context), EDDY_EINVAL);
    CHECK_INT(released, 2);
    CHECK_STATUS(eddy_future_on_done(future, count_call, &calls, count_context), EDDY_OK);
    CHECK_STATUS(eddy_future_fail(future, -EIO, NULL), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_INT(calls, 1);
    CHECK_INT(released, 3);
    CHECK_STATUS(eddy_future_on_done(future, count_call, &calls, count_context), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_INT(calls, 2);
    CHECK_INT(released, 4);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    /* The future is never done: no call, and one release, at the latest when the loop closes. */
    new_future();
    CHECK_STATUS(eddy_future_on_done(future, count_call, &calls, count_context), EDDY_OK);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_INT(calls, 2);
    return EDDY_OK;
}

static void context_released_once(void) {
    CHECK_STATUS(run_virtual(every_outcome, NULL), EDDY_OK);
    CHECK_INT(released, 5);
    CHECK_INT(reports.count, 0);
}

static int late_calls;

static eddy_status_t complete_and_leave(void *context) {
    (void)context;
    new_future();
    CHECK_STATUS(eddy_future_on_done(future, count_call, &late_calls, count_context), EDDY_OK);
    complete();
    return eddy_future_release(future);
}

/* The callback is queued when the root task ends: it runs or not, its context goes. */
static void context_of_a_late_callback(void) {
    released = late_calls = 0;
    CHECK_STATUS(run_virtual(complete_and_leave, NULL), EDDY_OK);
    CHECK_INT(released, 1);
    CHECK(late_calls <= 1);
}

static const check_test_t tests[] = {
    { "FUT-07, FUT-09: callbacks run later, in order, twice if registered twice",
        callbacks_in_order },
    { "FUT-08: a callback added when done runs behind what is queued", callback_after_done },
    { "FUT-15: several waiters wake in the order in which they came", waiters_in_order },
    { "FUT-07, FUT-15: waiters and callbacks have one order", waiters_and_callbacks },
    { "FUT-15: several waiters get the same error object", same_error_for_all },
    { "FUT-16, M6: one of several waiters gives up", one_gives_up },
    { "FUT-16: any waiter can leave, the others keep their order", any_position_gives_up },
    { "FUT-04: a cancelled future wakes all who wait", cancelled_future_wakes_all },
    { "abi: a future released while it is waited for", released_while_waited_for },
    { "FUT-13: a callback's failure is reported, the others run", failing_callback },
    { "FUT-12: a callback runs outside any task", callback_is_no_task },
    { "abi: a callback's context is released once in every outcome", context_released_once },
    { "abi: the context of a callback that is queued when the loop closes",
        context_of_a_late_callback },
};
CHECK_MAIN(tests)
