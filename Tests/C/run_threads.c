/*
 * Loops on threads of their own: they run, are stopped from elsewhere and shut down without each
 * other.
 *
 * Threads: two with a loop each, and the one that stops them. What they share is counted with
 * atomics; each test waits for the count and never for a time.
 */
#include "check.h"

#include <pthread.h>

#define LOOPS 2
#define ROUNDS 50

typedef struct place {
    pthread_t thread;
    eddy_loop_t loop;            /* written before `state` becomes 1 */
    int state;                   /* atomic: 1 the loop is made, 2 it has done its work */
    int ticks, stopped, cancelled, released, reports;
} place_t;

static void reached(place_t *place, int state) {
    __atomic_store_n(&place->state, state, __ATOMIC_RELEASE);
}

static void wait_until(place_t *place, int state) {
    while (__atomic_load_n(&place->state, __ATOMIC_ACQUIRE) < state) usleep(100);
}

static eddy_status_t count_report(void *context, const eddy_report_t *report) {
    (void)report;
    ((place_t *)context)->reports++;
    return EDDY_OK;
}

static eddy_status_t ticker(void *context) {
    place_t *place = context;
    for (;;) {
        const eddy_status_t status = eddy_yield();
        if (status != EDDY_OK) {
            place->cancelled++;
            return status;
        }
        if (++place->ticks == ROUNDS) reached(place, 2);
    }
}

/* Its own task waits for what only the thread that stops it sends. */
static eddy_status_t waiter(void *context) {
    place_t *place = context;
    eddy_future_t future = { 0 };
    EDDY_TRY(eddy_future_create(&future));
    const eddy_status_t status = eddy_future_wait(future, NULL);
    EDDY_TRY(eddy_future_release(future));
    place->cancelled++;
    return status;
}

static eddy_status_t stop_here(void *context) {
    place_t *place = context;
    place->stopped++;
    return eddy_loop_stop(place->loop);
}

static void *runs_forever(void *context) {
    place_t *place = context;
    eddy_loop_options_t options = EDDY_LOOP_OPTIONS_INIT;
    options.report = count_report;
    options.report_context = place;
    CHECK_STATUS(eddy_loop_create(&options, &place->loop), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(ticker, place, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(waiter, place, NULL, NULL), EDDY_OK);
    reached(place, 1);
    CHECK_STATUS(eddy_loop_run_forever(place->loop), EDDY_OK);
    CHECK_INT(place->stopped, 1);
    CHECK_INT(place->cancelled, 0);
    CHECK_STATUS(eddy_loop_shutdown(place->loop), EDDY_OK);
    CHECK_INT(place->cancelled, 2);
    CHECK_STATUS(eddy_loop_close(place->loop), EDDY_OK);
    return NULL;
}

static void start(place_t *places, void *(*fn)(void *)) {
    memset(places, 0, LOOPS * sizeof *places);
    for (int index = 0; index < LOOPS; index++)
        CHECK_INT(pthread_create(&places[index].thread, NULL, fn, &places[index]), 0);
}

static void join(place_t *place) {
    CHECK_INT(pthread_join(place->thread, NULL), 0);
    CHECK_INT(place->reports, 0);
}

static void stopped_in_turn(void) {
    place_t places[LOOPS];
    start(places, runs_forever);
    for (int index = 0; index < LOOPS; index++) wait_until(&places[index], 2);
    CHECK_STATUS(eddy_post_threadsafe(places[0].loop, stop_here, &places[0], NULL), EDDY_OK);
    join(&places[0]);
    /* The other one goes on, and the first one's door is closed. */
    CHECK_STATUS(eddy_post_threadsafe(places[0].loop, stop_here, &places[0].released,
        count_release), EDDY_EBADHANDLE);
    CHECK_INT(places[0].released, 1);
    CHECK_STATUS(eddy_post_threadsafe(places[1].loop, stop_here, &places[1], NULL), EDDY_OK);
    join(&places[1]);
}

/* A loop with nothing to do waits for the door. */
static void *waits_at_the_door(void *context) {
    place_t *place = context;
    CHECK_STATUS(eddy_loop_create(NULL, &place->loop), EDDY_OK);
    reached(place, 1);
    for (int run = 1; run <= 3; run++) {
        CHECK_STATUS(eddy_loop_run_forever(place->loop), EDDY_OK);
        CHECK_INT(place->stopped, run);
        reached(place, 1 + run);
    }
    CHECK_STATUS(eddy_loop_close(place->loop), EDDY_OK);
    return NULL;
}

static void idle_loops(void) {
    place_t places[LOOPS];
    start(places, waits_at_the_door);
    for (int run = 1; run <= 3; run++) {
        for (int index = 0; index < LOOPS; index++) {
            place_t *place = &places[index];
            wait_until(place, run);
            CHECK_STATUS(eddy_post_threadsafe(place->loop, stop_here, place, NULL), EDDY_OK);
        }
    }
    for (int index = 0; index < LOOPS; index++) join(&places[index]);
}

/* Programs of their own, each with its own outcome. */
static eddy_status_t program(void *context) {
    place_t *place = context;
    EDDY_TRY(eddy_task_spawn(ticker, place, NULL, NULL));
    EDDY_TRY(eddy_sleep(EDDY_MILLISECONDS(1)));
    return eddy_fail(EDDY_EPERM, "of its own");
}

static void *runs_a_program(void *context) {
    place_t *place = context;
    eddy_loop_options_t options = EDDY_LOOP_OPTIONS_INIT;
    options.report = count_report;
    options.report_context = place;
    for (int run = 1; run <= 5; run++) {
        CHECK_STATUS(eddy_run(&options, program, place), EDDY_EPERM);
        CHECK_INT(place->cancelled, run);
    }
    return NULL;
}

static void programs(void) {
    place_t places[LOOPS];
    start(places, runs_a_program);
    for (int index = 0; index < LOOPS; index++) join(&places[index]);
}

static const check_test_t tests[] = {
    { "LOOP-12, RUN-02: two loops on two threads, stopped in turn", stopped_in_turn },
    { "LOOP-11, LOOP-12: a loop without tasks runs for ever, and is stopped", idle_loops },
    { "RUN-01: programs on threads of their own", programs },
};
CHECK_MAIN(tests)
