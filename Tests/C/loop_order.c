/*
 * Order and time: rounds, first in first out, the seeded order, the virtual clock, deadlines.
 *
 * Threads: one.
 */
#include "abi_calls.h"

#include <time.h>

static eddy_status_t record(void *word) {
    trace("%s", (const char *)word);
    return EDDY_OK;
}

static eddy_status_t record_twice(void *word) {
    trace("%s", (const char *)word);
    EDDY_TRY(eddy_yield());
    trace("%s", (const char *)word);
    return EDDY_OK;
}

/* ---- rounds ---- */

static eddy_status_t fifo_body(void *context) {
    eddy_scope_t group = { 0 };
    (void)context;
    EDDY_TRY(eddy_group_open(&group, NULL));
    EDDY_TRY_IN(group, eddy_group_spawn(group, record_twice, "a", NULL, NULL));
    EDDY_TRY_IN(group, eddy_group_spawn(group, record_twice, "b", NULL, NULL));
    EDDY_TRY_IN(group, eddy_group_spawn(group, record_twice, "c", NULL, NULL));
    trace("root");
    return eddy_scope_close(group, EDDY_OK);
}

static void first_in_first_out(void) {
    CHECK_STATUS(run_virtual(fifo_body, NULL), EDDY_OK);
    CHECK_TRACE("root a b c a b c");
}

/* What is spawned in a round runs after all that was ready in it. */
static eddy_status_t spawns_one(void *context) {
    trace("spawner");
    return eddy_task_spawn(record, context, NULL, NULL);
}

static eddy_status_t rounds_body(void *context) {
    (void)context;
    EDDY_TRY(eddy_task_spawn(spawns_one, "spawned", NULL, NULL));
    EDDY_TRY(eddy_task_spawn(record, "second", NULL, NULL));
    EDDY_TRY(eddy_yield());
    trace("root");
    return eddy_sleep(1);
}

static void spawned_in_a_round(void) {
    CHECK_STATUS(run_virtual(rounds_body, NULL), EDDY_OK);
    CHECK_TRACE("spawner second root spawned");
}

/* FUT-07, FUT-15: those who wait wake in the order in which they came, in a later round. */
static eddy_status_t waits(void *context) {
    EDDY_TRY(eddy_future_wait(*(eddy_future_t *)context, NULL));
    trace("woken");
    return EDDY_OK;
}

static eddy_status_t calls(void *context, eddy_future_t future) {
    (void)future;
    trace("%s", (const char *)context);
    return EDDY_OK;
}

static eddy_status_t wakes_body(void *context) {
    eddy_future_t future = { 0 };
    (void)context;
    EDDY_TRY(eddy_future_create(&future));
    EDDY_TRY(eddy_future_on_done(future, calls, "first", NULL));
    EDDY_TRY(eddy_task_spawn(waits, &future, NULL, NULL));
    EDDY_TRY(eddy_yield());
    EDDY_TRY(eddy_future_on_done(future, calls, "second", NULL));
    EDDY_TRY(eddy_future_complete(future, NULL, NULL));
    trace("completed");
    EDDY_TRY(eddy_future_on_done(future, calls, "late", NULL));
    EDDY_TRY(eddy_sleep(1));
    return eddy_future_release(future);
}

static void order_of_wakes(void) {
    CHECK_STATUS(run_virtual(wakes_body, NULL), EDDY_OK);
    CHECK_TRACE("completed first woken second late");
}

/* ---- the seeded order ---- */

static eddy_status_t ten_body(void *context) {
    static const char *const words[] = { "0", "1", "2", "3", "4", "5", "6", "7", "8", "9" };
    eddy_scope_t group = { 0 };
    (void)context;
    EDDY_TRY(eddy_group_open(&group, NULL));
    for (int index = 0; index < 10; index++)
        EDDY_TRY_IN(group,
            eddy_group_spawn(group, record_twice, (void *)words[index], NULL, NULL));
    return eddy_scope_close(group, EDDY_OK);
}

static void run_seeded(uint64_t seed, uint32_t flags, char text[256]) {
    eddy_loop_options_t options = virtual_options();
    options.flags |= flags;
    options.seed = seed;
    trace_clear();
    CHECK_STATUS(eddy_run(&options, ten_body, NULL), EDDY_OK);
    CHECK(strlen(check_trace_text) < 256);
    snprintf(text, 256, "%.255s", check_trace_text);
}

static void seeded_order(void) {
    char plain[256], first[256], again[256];
    int differing = 0;
    run_seeded(1, 0, plain);
    CHECK_TEXT(plain, "0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9");
    run_seeded(2, 0, again);
    CHECK_TEXT(again, plain);                       /* a seed without the flag changes nothing */
    for (uint64_t seed = 0; seed < 20; seed++) {
        run_seeded(seed, EDDY_LOOP_SEEDED_ORDER, first);
        run_seeded(seed, EDDY_LOOP_SEEDED_ORDER, again);
        CHECK_TEXT(again, first);
        CHECK_INT(strlen(first), strlen(plain));    /* nothing lost, nothing twice */
        if (strcmp(first, plain) != 0) differing++;
    }
    CHECK(differing >= 18);
    run_seeded(7, EDDY_LOOP_SEEDED_ORDER, first);
    run_seeded(8, EDDY_LOOP_SEEDED_ORDER, again);
    CHECK(strcmp(first, again) != 0);
}

/* Deadlines keep their place whatever the seed. */
static eddy_status_t sleeper(void *context) {
    const char *word = context;
    EDDY_TRY(eddy_sleep(EDDY_SECONDS(1) + word[0]));
    return record(context);
}

static eddy_status_t deadlines_body(void *context) {
    (void)context;
    EDDY_TRY(eddy_task_spawn(sleeper, "c", NULL, NULL));
    EDDY_TRY(eddy_task_spawn(sleeper, "a", NULL, NULL));
    EDDY_TRY(eddy_task_spawn(sleeper, "d", NULL, NULL));
    EDDY_TRY(eddy_task_spawn(sleeper, "b", NULL, NULL));
    return eddy_sleep(EDDY_SECONDS(2));
}

static void deadlines_in_nanoseconds(void) {
    CHECK_STATUS(run_virtual(deadlines_body, NULL), EDDY_OK);
    CHECK_TRACE("a b c d");
}

/* ---- timers ---- */

static eddy_status_t same_moment(void *word) {
    EDDY_TRY(eddy_sleep(EDDY_SECONDS(1)));
    return record(word);
}

static eddy_status_t equal_body(void *context) {
    static const char *const words[] = { "0", "1", "2", "3", "4", "5", "6", "7", "8", "9" };
    (void)context;
    for (int index = 0; index < 10; index++)
        EDDY_TRY(eddy_task_spawn(same_moment, (void *)words[index], NULL, NULL));
    return eddy_sleep(EDDY_SECONDS(2));
}

static void equal_deadlines(void) {
    CHECK_STATUS(run_virtual(equal_body, NULL), EDDY_OK);
    CHECK_TRACE("0 1 2 3 4 5 6 7 8 9");
}

/* Many timers, half of them cancelled, in an order that is far from sorted. */
#define TIMERS 500
static int fired[TIMERS];
static int fired_count;
static int64_t duration_of(int index) { return EDDY_MILLISECONDS(1 + (index * 7919) % TIMERS); }

static eddy_status_t timer(void *context) {
    const int index = (int)(intptr_t)context;
    EDDY_TRY(eddy_sleep(duration_of(index)));
    fired[fired_count++] = index;
    return EDDY_OK;
}

static eddy_status_t many_timers_body(void *context) {
    static eddy_task_t tasks[TIMERS];
    (void)context;
    fired_count = 0;
    for (int index = 0; index < TIMERS; index++)
        EDDY_TRY(eddy_task_spawn(timer, (void *)(intptr_t)index, NULL, &tasks[index]));
    EDDY_TRY(eddy_yield());
    for (int index = 0; index < TIMERS; index += 2)
        CHECK_STATUS(eddy_task_cancel(tasks[index], NULL), EDDY_OK);
    EDDY_TRY(eddy_sleep(EDDY_SECONDS(2)));
    for (int index = 0; index < TIMERS; index++)
        CHECK_STATUS(eddy_task_release(tasks[index]), EDDY_OK);
    return EDDY_OK;
}

static void many_timers(void) {
    CHECK_STATUS(run_virtual(many_timers_body, NULL), EDDY_OK);
    CHECK_INT(fired_count, TIMERS / 2);
    for (int index = 0; index < fired_count; index++) {
        CHECK_INT(fired[index] % 2, 1);
        if (index > 0) CHECK(duration_of(fired[index - 1]) < duration_of(fired[index]));
    }
}

/* ---- the clock ---- */

static int64_t now(void) {
    int64_t value = -1;
    CHECK_STATUS(eddy_now(&value), EDDY_OK);
    return value;
}

static eddy_status_t hour_body(void *context) {
    (void)context;
    CHECK_INT(now(), 0);
    EDDY_TRY(eddy_sleep(EDDY_SECONDS(3600)));
    CHECK_INT(now(), EDDY_SECONDS(3600));
    EDDY_TRY(eddy_sleep(1));
    CHECK_INT(now(), EDDY_SECONDS(3600) + 1);
    EDDY_TRY(eddy_sleep(0));
    EDDY_TRY(eddy_sleep(-5));
    EDDY_TRY(eddy_sleep(INT64_MIN));
    EDDY_TRY(eddy_yield());
    CHECK_INT(now(), EDDY_SECONDS(3600) + 1);
    return EDDY_OK;
}

static void virtual_hour(void) {
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    CHECK_STATUS(run_virtual(hour_body, NULL), EDDY_OK);
    clock_gettime(CLOCK_MONOTONIC, &after);
    CHECK(after.tv_sec - before.tv_sec < 60);
    CHECK_STATUS(run_virtual(hour_body, NULL), EDDY_OK);   /* each loop's starts at 0 */
}

/* The clock stands still while anything can run. */
static eddy_status_t stands_still_body(void *context) {
    (void)context;
    EDDY_TRY(eddy_task_spawn(same_moment, "timer", NULL, NULL));
    for (int round = 0; round < 5000; round++) EDDY_TRY(eddy_yield());
    CHECK_INT(now(), 0);
    CHECK_TRACE("");
    return eddy_sleep(EDDY_SECONDS(1));
}

static void stands_still(void) {
    CHECK_STATUS(run_virtual(stands_still_body, NULL), EDDY_OK);
}

/* Deadlines saturate: they do not wrap into the past. */
static eddy_status_t far_away(void *context) {
    (void)context;
    EDDY_TRY(eddy_sleep(INT64_MAX - 1));
    return record("woke");
}

static eddy_status_t saturate_body(void *context) {
    eddy_scope_t scope = { 0 };
    eddy_task_t task = { 0 };
    (void)context;
    EDDY_TRY(eddy_sleep(EDDY_SECONDS(5)));
    EDDY_TRY(eddy_task_spawn(far_away, NULL, NULL, &task));
    EDDY_TRY(eddy_timeout_open(&scope, INT64_MAX - 1, NULL));
    CHECK_STATUS(eddy_sleep(EDDY_SECONDS(5)), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_OK), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_ETARGETCANCELED);
    return eddy_task_release(task);
}

static void deadlines_saturate(void) {
    CHECK_STATUS(run_virtual(saturate_body, NULL), EDDY_OK);
    CHECK_TRACE("");
    CHECK_INT(reports.count, 0);
}

/* The system's clock: it does not go back, and it is not the virtual one. */
static eddy_status_t real_body(void *context) {
    int64_t last = now();
    (void)context;
    for (int round = 0; round < 100; round++) {
        EDDY_TRY(eddy_yield());
        const int64_t next = now();
        CHECK(next >= last);
        last = next;
    }
    return EDDY_OK;
}

static void real_clock(void) { CHECK_STATUS(eddy_run(NULL, real_body, NULL), EDDY_OK); }

static const check_test_t tests[] = {
    { "TSK-01, LOOP-01: first in, first out", first_in_first_out },
    { "LOOP-02: what a round spawns runs in the next", spawned_in_a_round },
    { "FUT-07, FUT-08, FUT-15: the order of wakes", order_of_wakes },
    { "seeded order: the same seed, the same order", seeded_order },
    { "LOOP-05: deadlines are ordered in nanoseconds", deadlines_in_nanoseconds },
    { "LOOP-06: equal deadlines, in order of registration", equal_deadlines },
    { "timers: many, half of them cancelled", many_timers },
    { "virtual clock: an hour takes no time", virtual_hour },
    { "virtual clock: it stands still while anything runs", stands_still },
    { "durations: deadlines saturate", deadlines_saturate },
    { "clock: the system's", real_clock },
};
CHECK_MAIN(tests)
