/*
 * A loop that has nothing to do: with other threads it waits for the door, alone it has a deadlock.
 *
 * Proves: LOOP-11 (a blocked loop is woken) and the chapter "Callbacks, and the door for other
 * threads". The loops have the real clock but no deadline, so that nothing depends on time.
 * Threads: the first test has one, and must be the first: a process that once had two counts as one
 * that may have more. The others start one more each.
 */
#include "check.h"

#include <pthread.h>

static void *run_thread(void *context) {
    (void)context;
    return NULL;
}

/* ---- alone ---- */

static eddy_status_t wait_for_nothing(void *context) {
    eddy_future_t future = { 0 };
    (void)context;
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    const eddy_status_t status = eddy_future_wait(future, NULL);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    return status;
}

static eddy_loop_options_t real_clock(void) {
    eddy_loop_options_t options = EDDY_LOOP_OPTIONS_INIT;
    options.report = reports_record;
    return options;
}

static void deadlock_alone(void) {
    const eddy_loop_options_t options = real_clock();
    if (check_tool_is("tsan")) return;      /* it has a thread of its own */
    CHECK_STATUS(eddy_run(&options, wait_for_nothing, NULL), EDDY_EDEADLK);
    CHECK_INT(reports_with(EDDY_EDEADLK), 1);
    reports_clear();
    CHECK_STATUS(run_virtual(wait_for_nothing, NULL), EDDY_EDEADLK);
    CHECK_INT(reports_with(EDDY_EDEADLK), 1);
}

/* What is in the door already is no deadlock. */
static eddy_status_t wait_for_the_door(void *context) {
    eddy_future_t future = { 0 };
    (void)context;
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_future_complete_threadsafe(future, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_wait(future, NULL), EDDY_OK);
    return eddy_future_release(future);
}

static void alone_but_with_a_post(void) {
    const eddy_loop_options_t options = real_clock();
    CHECK_STATUS(eddy_run(&options, wait_for_the_door, NULL), EDDY_OK);
    CHECK_STATUS(run_virtual(wait_for_the_door, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* ---- with another thread, which answers each wait only when the loop has gone to sleep ---- */

#define ANSWERS 200

typedef struct answerer {
    uint64_t asked;              /* atomic: the future to complete, or 0 */
    int stop;                    /* atomic */
    int answers;
} answerer_t;

static void *answer(void *context) {
    answerer_t *answerer = context;
    while (!__atomic_load_n(&answerer->stop, __ATOMIC_ACQUIRE)) {
        const uint64_t id = __atomic_exchange_n(&answerer->asked, 0, __ATOMIC_ACQ_REL);
        if (id != 0) {
            CHECK_STATUS(eddy_future_complete_threadsafe((eddy_future_t){ id }, NULL, NULL),
                EDDY_OK);
            answerer->answers++;
        }
        usleep(50);              /* so that the loop has a chance to block; nothing relies on it */
    }
    return NULL;
}

static eddy_status_t ask_often(void *context) {
    answerer_t *answerer = context;
    for (int count = 0; count < ANSWERS; count++) {
        eddy_future_t future = { 0 };
        EDDY_TRY(eddy_future_create(&future));
        __atomic_store_n(&answerer->asked, future.id, __ATOMIC_RELEASE);
        EDDY_TRY(eddy_future_wait(future, NULL));
        EDDY_TRY(eddy_future_release(future));
    }
    return EDDY_OK;
}

static void woken(const eddy_loop_options_t *options) {
    answerer_t answerer = { 0, 0, 0 };
    pthread_t thread;
    reports_clear();
    if (!CHECK_INT(pthread_create(&thread, NULL, answer, &answerer), 0)) return;
    CHECK_STATUS(eddy_run(options, ask_often, &answerer), EDDY_OK);
    __atomic_store_n(&answerer.stop, 1, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    CHECK_INT(answerer.answers, ANSWERS);
    CHECK_INT(reports.count, 0);
}

static void woken_from_waiting(void) {
    eddy_loop_options_t options = real_clock();
    woken(&options);
    options.flags = EDDY_LOOP_VIRTUAL_CLOCK;
    woken(&options);
}

/* Waiting for a descriptor too, and for a time too: the bell is heard in each. */
static eddy_status_t wait_for_pipe(void *context) {
    return eddy_fd_wait(((int *)context)[0], EDDY_READABLE, NULL);
}

static eddy_status_t pause_for_long(void *context) {
    (void)context;
    return eddy_sleep(EDDY_SECONDS(3600));
}

static eddy_status_t ask_beside(void *context) {
    eddy_scope_t group = { 0 };
    int pipes[2];
    CHECK_INT(pipe(pipes), 0);
    EDDY_TRY(eddy_group_open(&group, NULL));
    EDDY_TRY_IN(group, eddy_group_spawn(group, wait_for_pipe, pipes, NULL, NULL));
    EDDY_TRY_IN(group, ask_often(context));
    EDDY_TRY_IN(group, eddy_group_spawn(group, pause_for_long, NULL, NULL, NULL));
    EDDY_TRY_IN(group, ask_often(context));
    CHECK_STATUS(eddy_scope_cancel(group, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(group, EDDY_OK), EDDY_OK);
    close(pipes[0]);
    close(pipes[1]);
    return EDDY_OK;
}

static void woken_beside_other_waits(void) {
    const eddy_loop_options_t options = real_clock();
    answerer_t answerer = { 0, 0, 0 };
    pthread_t thread;
    if (!CHECK_INT(pthread_create(&thread, NULL, answer, &answerer), 0)) return;
    CHECK_STATUS(eddy_run(&options, ask_beside, &answerer), EDDY_OK);
    __atomic_store_n(&answerer.stop, 1, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    CHECK_INT(answerer.answers, 2 * ANSWERS);
    CHECK_INT(reports.count, 0);
}

/* A loop that is never idle hears the door as well. */
typedef struct busy {
    eddy_loop_t loop;
    int heard;                   /* the loop's */
} busy_t;

static eddy_status_t hear(void *context) {
    ((busy_t *)context)->heard = 1;
    return EDDY_OK;
}

static void *call_once(void *context) {
    CHECK_STATUS(eddy_post_threadsafe(((busy_t *)context)->loop, hear, context, NULL), EDDY_OK);
    return NULL;
}

static eddy_status_t spin(void *context) {
    busy_t *busy = context;
    pthread_t thread;
    CHECK_STATUS(eddy_loop_current(&busy->loop), EDDY_OK);
    CHECK_INT(pthread_create(&thread, NULL, call_once, busy), 0);
    while (!busy->heard) EDDY_TRY(eddy_yield());
    pthread_join(thread, NULL);
    return EDDY_OK;
}

static void heard_while_busy(void) {
    const eddy_loop_options_t options = real_clock();
    busy_t busy = { { 0 }, 0 };
    CHECK_STATUS(eddy_run(&options, spin, &busy), EDDY_OK);
    CHECK_INT(busy.heard, 1);
}

/* ---- posts pending at the close are released on the loop's thread ---- */

typedef struct pending {
    eddy_loop_t loop;
    pthread_t owner;
    int ran, released, elsewhere;
} pending_t;

static void release_pending(void *value) {
    pending_t *pending = value;
    pending->released++;
    if (!pthread_equal(pthread_self(), pending->owner)) pending->elsewhere++;
}

static eddy_status_t run_pending(void *context) {
    ((pending_t *)context)->ran++;
    return EDDY_OK;
}

static void *post_ten(void *context) {
    pending_t *pending = context;
    for (int count = 0; count < 10; count++)
        CHECK_STATUS(eddy_post_threadsafe(pending->loop, run_pending, pending, release_pending),
            EDDY_OK);
    return NULL;
}

static void pending_at_the_close(void) {
    pending_t pending = { { 0 }, pthread_self(), 0, 0, 0 };
    pthread_t thread;
    CHECK_STATUS(eddy_loop_create(NULL, &pending.loop), EDDY_OK);
    if (CHECK_INT(pthread_create(&thread, NULL, post_ten, &pending), 0)) pthread_join(thread, NULL);
    CHECK_STATUS(eddy_loop_close(pending.loop), EDDY_OK);
    CHECK_INT(pending.ran, 0);
    CHECK_INT(pending.released, 10);
    CHECK_INT(pending.elsewhere, 0);
    if (CHECK_INT(pthread_create(&thread, NULL, run_thread, NULL), 0)) pthread_join(thread, NULL);
}

static const check_test_t tests[] = {
    { "door: alone with nothing to do is a deadlock", deadlock_alone },
    { "door: alone, but something has been posted", alone_but_with_a_post },
    { "LOOP-11: a blocked loop is woken", woken_from_waiting },
    { "LOOP-11: woken beside a descriptor and a sleep", woken_beside_other_waits },
    { "LOOP-11: heard by a loop that is never idle", heard_while_busy },
    { "door: what the close finds is released on the loop's thread", pending_at_the_close },
};
CHECK_MAIN(tests)
