/*
 * call_rows.c: callbacks of the loop: their order, cancelling and handles. Chapter LOOP.
 *
 * Invariants: the clock is virtual; nothing is reported unless a test says so.
 * Threads: one.
 */
#include "check.h"

#define ROW(name)                                                                                 \
    static eddy_status_t name##_body(void *context);                                              \
    static void name(void) {                                                                      \
        CHECK_STATUS(run_virtual(name##_body, NULL), EDDY_OK);                                    \
        CHECK_INT(reports.count, 0);                                                              \
    }                                                                                             \
    static eddy_status_t name##_body(void *context)

static eddy_status_t say(void *word) {
    trace("%s", (const char *)word);
    return EDDY_OK;
}

static void said_free(void *word) { trace("free-%s", (const char *)word); }

static const eddy_callback_options_t freeing = { (uint32_t)sizeof freeing, 0, said_free, { 0 } };

static int32_t state_of(eddy_callback_t callback) {
    eddy_callback_info_t info = { (uint32_t)sizeof info, -1, 0, NULL };
    CHECK_STATUS(eddy_callback_info(callback, &info), EDDY_OK);
    return info.state;
}

/* ---- order ---- */

static eddy_status_t say_and_call(void *word) {
    say(word);
    return eddy_call_soon(say, "nested", NULL, NULL);
}

ROW(in_order) {
    CHECK_STATUS(eddy_call_soon(say_and_call, "a", &freeing, NULL), EDDY_OK);
    CHECK_STATUS(eddy_post(say, "b", NULL), EDDY_OK);
    CHECK_STATUS(eddy_call_soon(say, "c", &freeing, NULL), EDDY_OK);
    trace("root");
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    trace("after");
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_TRACE("root a free-a b c free-c after nested");
    return context ? EDDY_EINVAL : EDDY_OK;
}

/* A chain that is always ready, and a byte that came with it: the byte is seen within one turn's
 * steps. */
#define TURN 1024
typedef struct starving {
    int ends[2];
    int steps, seen_after;
} starving_t;

static eddy_status_t chain(void *context) {
    starving_t *state = context;
    state->steps++;
    return state->seen_after ? EDDY_OK : eddy_call_soon(chain, context, NULL, NULL);
}

static eddy_status_t sees_byte(void *context) {
    starving_t *state = context;
    char byte;
    CHECK(read(state->ends[0], &byte, 1) == 1);
    state->seen_after = state->steps;
    return eddy_fd_remove_reader(state->ends[0]);
}

ROW(no_starving) {
    starving_t state = { { -1, -1 }, 0, 0 };
    (void)context;
    CHECK(pipe(state.ends) == 0);
    CHECK_STATUS(eddy_fd_add_reader(state.ends[0], sees_byte, &state, NULL), EDDY_OK);
    CHECK_STATUS(eddy_call_soon(chain, &state, NULL, NULL), EDDY_OK);
    CHECK(write(state.ends[1], "x", 1) == 1);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK(state.seen_after > 0 && state.seen_after <= TURN);
    close(state.ends[0]);
    close(state.ends[1]);
    return EDDY_OK;
}

/* ---- cancelling ---- */

static eddy_callback_t victim;

static eddy_status_t cancels_victim(void *context) {
    (void)context;
    trace("cancel");
    CHECK_STATUS(eddy_callback_cancel(victim), EDDY_OK);
    trace("cancelled");
    CHECK_INT(state_of(victim), EDDY_CALLBACK_CANCELED);
    CHECK_STATUS(eddy_callback_cancel(victim), EDDY_EALREADY);
    return EDDY_OK;
}

ROW(cancelled_in_the_round) {
    (void)context;
    CHECK_STATUS(eddy_call_soon(cancels_victim, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_call_soon(say, "victim", &freeing, &victim), EDDY_OK);
    CHECK_STATUS(eddy_call_soon(say, "last", NULL, NULL), EDDY_OK);
    CHECK_INT(state_of(victim), EDDY_CALLBACK_PENDING);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_TRACE("cancel free-victim cancelled last");
    CHECK_STATUS(eddy_callback_release(victim), EDDY_OK);
    CHECK_STATUS(eddy_callback_cancel(victim), EDDY_EBADHANDLE);
    return EDDY_OK;
}

/* A timer that is due in the same turn as the callback that cancels it; and one far ahead. */
ROW(cancelled_timers) {
    eddy_callback_t far = { 0 };
    (void)context;
    CHECK_STATUS(eddy_call_later(5, cancels_victim, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_call_later(5, say, "victim", &freeing, &victim), EDDY_OK);
    CHECK_STATUS(eddy_call_later(EDDY_SECONDS(9), say, "far", &freeing, &far), EDDY_OK);
    CHECK_STATUS(eddy_callback_cancel(far), EDDY_OK);
    CHECK_TRACE("free-far");
    CHECK_STATUS(eddy_callback_release(far), EDDY_OK);
    CHECK_STATUS(eddy_sleep(10), EDDY_OK);
    CHECK_TRACE("free-far cancel free-victim cancelled");
    CHECK_STATUS(eddy_callback_release(victim), EDDY_OK);
    return EDDY_OK;
}

/* Inside itself and after it a cancel comes too late and does no harm. */
static eddy_status_t cancels_itself(void *context) {
    (void)context;
    CHECK_INT(state_of(victim), EDDY_CALLBACK_DONE);
    CHECK_STATUS(eddy_callback_cancel(victim), EDDY_EALREADY);
    trace("ran");
    return EDDY_OK;
}

ROW(cancelled_too_late) {
    (void)context;
    CHECK_STATUS(eddy_call_soon(cancels_itself, "self", &freeing, &victim), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_TRACE("ran free-self");
    CHECK_STATUS(eddy_callback_cancel(victim), EDDY_EALREADY);
    CHECK_STATUS(eddy_callback_retain(victim), EDDY_OK);
    CHECK_STATUS(eddy_callback_release(victim), EDDY_OK);
    CHECK_STATUS(eddy_callback_release(victim), EDDY_OK);
    CHECK_STATUS(eddy_callback_release(victim), EDDY_EBADHANDLE);
    return EDDY_OK;
}

/* A release function may end the handle's last reference. */
static void releases_victim(void *context) {
    ++*(int *)context;
    CHECK_STATUS(eddy_callback_release(victim), EDDY_OK);
}

ROW(release_in_the_cancel) {
    eddy_callback_options_t options = EDDY_CALLBACK_OPTIONS_INIT;
    int released = 0;
    (void)context;
    options.release_context = releases_victim;
    CHECK_STATUS(eddy_call_soon(say, &released, &options, &victim), EDDY_OK);
    CHECK_STATUS(eddy_callback_cancel(victim), EDDY_OK);
    CHECK_STATUS(eddy_callback_cancel(victim), EDDY_EALREADY);   /* its place is in the round */
    CHECK_STATUS(eddy_call_later(5, say, &released, &options, &victim), EDDY_OK);
    CHECK_STATUS(eddy_callback_cancel(victim), EDDY_OK);
    CHECK_INT(released, 2);
    CHECK_STATUS(eddy_callback_cancel(victim), EDDY_EBADHANDLE);
    return eddy_yield();
}

/* Releasing never cancels; the info says where and when. */
ROW(handles) {
    eddy_callback_t callback = { 0 };
    eddy_callback_info_t info = { (uint32_t)sizeof info, -1, 0, NULL };
    (void)context;
    CHECK_STATUS(eddy_sleep(100), EDDY_OK);
    CHECK_STATUS(eddy_call_later_at("here.c:7", 20, say, "late", NULL, &callback), EDDY_OK);
    CHECK_STATUS(eddy_callback_info(callback, &info), EDDY_OK);
    CHECK_INT(info.state, EDDY_CALLBACK_PENDING);
    CHECK_INT(info.when_ns, 120);
    CHECK_TEXT(info.site, "here.c:7");
    CHECK_STATUS(eddy_callback_release(callback), EDDY_OK);
    CHECK_STATUS(eddy_call_soon(say, "soon", NULL, &callback), EDDY_OK);
    CHECK_STATUS(eddy_callback_info(callback, &info), EDDY_OK);
    CHECK_INT(info.when_ns, 100);
    CHECK(strstr(info.site, "call_rows.c:") != NULL);
    CHECK_STATUS(eddy_callback_release(callback), EDDY_OK);
    CHECK_STATUS(eddy_sleep(50), EDDY_OK);
    CHECK_TRACE("soon late");
    return EDDY_OK;
}

/* ---- time ---- */

ROW(behind_what_is_ready) {
    (void)context;
    CHECK_STATUS(eddy_call_later(0, say, "later", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_call_soon(say, "soon", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_TRACE("soon later");
    return EDDY_OK;
}

/* Due at the beginning of a turn that a spent one has left things ready for: behind those. */
typedef struct spent {
    int left;
} spent_t;

static eddy_status_t spends(void *context) {
    spent_t *spent = context;
    if (--spent->left == 1) CHECK_STATUS(eddy_call_later(0, say, "due", NULL, NULL), EDDY_OK);
    if (spent->left > 0) return eddy_call_soon(spends, context, NULL, NULL);
    trace("spent");
    return EDDY_OK;
}

ROW(behind_what_a_turn_left) {
    (void)context;
    for (int left = TURN - 3; left < TURN + 3; left++) {
        spent_t spent = { left };
        trace_clear();
        CHECK_STATUS(eddy_call_soon(spends, &spent, NULL, NULL), EDDY_OK);
        CHECK_STATUS(eddy_sleep(1), EDDY_OK);
        CHECK_TRACE("spent due");
    }
    return EDDY_OK;
}

ROW(negative_delays) {
    (void)context;
    CHECK_STATUS(eddy_call_later(0, say, "0", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_call_later(-EDDY_SECONDS(1), say, "-1", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_call_later(-EDDY_SECONDS(2), say, "-2", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_call_when(INT64_MIN, say, "min", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_call_later(INT64_MIN, say, "min-delay", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_TRACE("min min-delay -2 -1 0");
    return EDDY_OK;
}

static eddy_status_t sleeps(void *word) {
    CHECK_STATUS(eddy_sleep(100), EDDY_OK);
    return say(word);
}

static eddy_status_t slept(void *word, eddy_future_t future) {
    (void)future;
    return say(word);
}

ROW(equal_deadlines) {
    eddy_future_t future = { 0 };
    int64_t now = 0;
    (void)context;
    CHECK_STATUS(eddy_now(&now), EDDY_OK);
    CHECK_STATUS(eddy_call_when(now + 100, say, "0", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(sleeps, "1", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_call_later(100, say, "2", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_call_when(now + 99, say, "first", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_call_when(now + 100, say, "3", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(sleeps, "4", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_call_later(100, say, "5", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep_start(100, &future), EDDY_OK);
    CHECK_STATUS(eddy_future_on_done(future, slept, "future", NULL), EDDY_OK);
    CHECK_STATUS(eddy_call_later(100, say, "6", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(200), EDDY_OK);
    CHECK_TRACE("first 0 1 2 3 4 5 future 6");
    return eddy_future_release(future);
}

/* A callback that never comes is no reason to go on; one that is to come is something to wait
 * for. */
ROW(forever) {
    eddy_callback_t callback = { 0 };
    eddy_callback_info_t info = { (uint32_t)sizeof info, -1, 0, NULL };
    (void)context;
    CHECK_STATUS(eddy_call_later(EDDY_FOREVER, say, "never", &freeing, &callback), EDDY_OK);
    CHECK_STATUS(eddy_sleep(EDDY_SECONDS(100000)), EDDY_OK);
    CHECK_STATUS(eddy_callback_info(callback, &info), EDDY_OK);
    CHECK(info.when_ns == EDDY_FOREVER);
    CHECK_STATUS(eddy_callback_cancel(callback), EDDY_OK);
    CHECK_TRACE("free-never");
    return eddy_callback_release(callback);
}

static eddy_status_t completes(void *future) {
    return eddy_future_complete(*(eddy_future_t *)future, NULL, NULL);
}

ROW(keeps_waiters) {
    eddy_future_t future = { 0 };
    (void)context;
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_call_later(EDDY_SECONDS(3), completes, &future, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_wait(future, NULL), EDDY_OK);
    return eddy_future_release(future);
}

static const check_test_t tests[] = {
    { "LOOP-01: call_soon: first in first out, once each", in_order },
    { "LOOP-02: what a round queues runs in the next; callbacks cannot starve I/O", no_starving },
    { "LOOP-03: cancelled by a callback of the same round", cancelled_in_the_round },
    { "LOOP-03: timers, cancelled when due and before", cancelled_timers },
    { "LOOP-03: a cancel that comes too late is harmless", cancelled_too_late },
    { "LOOP-03: the last reference ends inside the cancel", release_in_the_cancel },
    { "call: a handle's info; releasing does not cancel", handles },
    { "LOOP-04: call_later(0) runs after call_soon", behind_what_is_ready },
    { "LOOP-04: due timers stand behind what a spent turn left", behind_what_a_turn_left },
    { "LOOP-05: negative delays, by absolute time", negative_delays },
    { "LOOP-06: equal deadlines, sleeps among them, in order of registration", equal_deadlines },
    { "call: EDDY_FOREVER never comes", forever },
    { "call: what is to come is no deadlock", keeps_waiters },
};
CHECK_MAIN(tests)
