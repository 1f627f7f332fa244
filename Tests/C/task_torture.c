/*
 * task_torture.c: proves "what must be true of every path": a program that uses every kind of wait
 * is cancelled at every half millisecond of its life and some rounds later, under several orders.
 * Each time nothing is lost, nothing is delivered twice, and everything is released once.
 *
 * Invariants: every run is on a virtual clock with a seeded order and expects no report; `balance`
 * counts what was made and must be 0 at the end of each run.
 * Threads: one.
 */
#include "check.h"

#include <errno.h>
#include <fcntl.h>

#define MS(x) EDDY_MILLISECONDS(x)

/* Made minus released: contexts, values, defers. Started minus ended: sections. */
static struct {
    int contexts, values, defers, sections;
} balance;

static int ends[2];
static eddy_future_t shared_future;
static eddy_scope_t inner_group;
static eddy_task_t subject, child_task;
static int group_is_open, child_is_known;

/* ------------------------------------------------------------------------------------------------
 * Things that are made and released
 */
static void end_context(void *context) {
    (void)context;
    balance.contexts--;
}

static void end_value(void *value) {
    CHECK(value == &balance);
    balance.values--;
}

static eddy_status_t end_defer(void *context) {
    /* Cleanup waits, and is shielded. */
    CHECK_STATUS(eddy_sleep(MS(1)), EDDY_OK);
    balance.defers--;
    (void)context;
    return EDDY_OK;
}

static eddy_status_t give_value(void *context) {
    (void)context;
    EDDY_TRY(eddy_sleep(MS(1)));
    balance.values++;
    EDDY_TRY(eddy_return(&balance, end_value));
    return eddy_checkpoint();
}

static eddy_status_t spawn_counted(eddy_scope_t group, eddy_task_fn fn, eddy_task_t *task) {
    eddy_spawn_options_t options = EDDY_SPAWN_OPTIONS_INIT;
    options.release_context = end_context;
    balance.contexts++;
    return group.id ? eddy_group_spawn(group, fn, &balance, &options, task)
                    : eddy_task_spawn(fn, &balance, &options, task);
}

/* ------------------------------------------------------------------------------------------------
 * The children
 */
static eddy_status_t observe(void *context) {
    void *value = NULL;
    (void)context;
    balance.sections++;
    const eddy_status_t status = eddy_future_wait(shared_future, &value);
    if (status == EDDY_OK) CHECK(value == &balance);
    balance.sections--;
    return status;
}

static eddy_status_t complete_at_4(void *context) {
    (void)context;
    EDDY_TRY(eddy_sleep(MS(4)));
    balance.values++;
    const eddy_status_t status = eddy_future_complete(shared_future, &balance, end_value);
    return status == EDDY_EALREADY ? EDDY_OK : status;
}

static eddy_status_t write_at_3(void *context) {
    (void)context;
    EDDY_TRY(eddy_sleep(MS(3)));
    if (write(ends[1], "x", 1) < 0) return -errno;
    return eddy_fd_wait(ends[1], EDDY_WRITABLE, NULL);
}

static eddy_status_t read_in_a_shield(void *context) {
    eddy_scope_t timeout, shield;
    char byte;
    (void)context;
    EDDY_TRY(eddy_timeout_open(&timeout, MS(6), NULL));
    EDDY_TRY_IN(timeout, eddy_fd_wait(ends[0], EDDY_READABLE, NULL));
    CHECK(read(ends[0], &byte, 1) == 1);
    EDDY_TRY_IN(timeout, eddy_shield_open(&shield, NULL));
    balance.sections++;
    const eddy_status_t status = eddy_sleep(MS(2));
    CHECK_STATUS(status, EDDY_OK);
    balance.sections--;
    EDDY_TRY_IN2(shield, timeout, status);
    EDDY_TRY_IN(timeout, eddy_scope_close(shield, EDDY_OK));
    EDDY_TRY_IN(timeout, eddy_yield());
    return eddy_scope_close(timeout, EDDY_OK);
}

static eddy_status_t work_below(void *context) {
    void *value = NULL;
    (void)context;
    balance.defers++;
    CHECK_STATUS(eddy_defer(end_defer, NULL), EDDY_OK);
    EDDY_TRY(eddy_call(NULL, give_value, NULL, &value));
    CHECK(value == &balance);
    EDDY_TRY(eddy_sleep(MS(2)));
    balance.values++;
    return eddy_return(&balance, end_value);
}

/* ------------------------------------------------------------------------------------------------
 * The subject
 */
static eddy_status_t run_groups(void) {
    eddy_scope_t outer, group;
    eddy_status_t status = EDDY_OK;
    void *value = NULL;
    EDDY_TRY(eddy_group_open(&outer, NULL));
    balance.defers++;
    CHECK_STATUS(eddy_defer(end_defer, NULL), EDDY_OK);
    EDDY_TRY_IN(outer, spawn_counted(outer, observe, NULL));
    EDDY_TRY_IN(outer, spawn_counted(outer, complete_at_4, NULL));
    EDDY_TRY_IN(outer, eddy_group_open(&group, NULL));
    inner_group = group;
    group_is_open = 1;
    EDDY_TRY_GOTO(close, status, spawn_counted(group, write_at_3, NULL));
    EDDY_TRY_GOTO(close, status, spawn_counted(group, read_in_a_shield, NULL));
    EDDY_TRY_GOTO(close, status, spawn_counted(group, work_below, &child_task));
    child_is_known = 1;
    EDDY_TRY_GOTO(close, status, eddy_task_join(child_task, &value));
    CHECK(value == &balance);
    EDDY_TRY_GOTO(close, status, eddy_future_wait(shared_future, &value));
    CHECK(value == &balance);
close:
    status = eddy_scope_close(group, status);
    group_is_open = 0;
    EDDY_TRY_IN(outer, status);
    return eddy_scope_close(outer, EDDY_OK);
}

static eddy_status_t run_subject(void *context) {
    eddy_task_t alone;
    (void)context;
    balance.sections++;
    eddy_status_t status = run_groups();
    if (status == EDDY_OK) {
        const eddy_scope_t none = { 0 };
        EDDY_TRY_GOTO(end, status, spawn_counted(none, work_below, &alone));
        status = eddy_task_join(alone, NULL);
        CHECK_STATUS(eddy_task_release(alone), EDDY_OK);
    }
end:
    balance.sections--;
    return status;
}

/* ------------------------------------------------------------------------------------------------
 * Cancelling it somewhere
 */
enum { NOBODY, SUBJECT, GROUP, CHILD, FUTURE, TARGETS };

typedef struct shot {
    int target;
    int64_t at_ns;
    int rounds;                     /* after that time */
} shot_t;

static void shoot(int target) {
    switch (target) {
    case SUBJECT: (void)eddy_task_cancel(subject, "shot"); break;
    case GROUP:
        if (group_is_open) CHECK_STATUS(eddy_scope_cancel(inner_group, "shot"), EDDY_OK);
        break;
    case CHILD:
        if (child_is_known) (void)eddy_task_cancel(child_task, "shot");
        break;
    case FUTURE: (void)eddy_future_cancel(shared_future, "shot"); break;
    default: break;
    }
}

static eddy_status_t run_shot(void *context) {
    const shot_t *shot = context;
    CHECK_STATUS(eddy_future_create(&shared_future), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(run_subject, NULL, NULL, &subject), EDDY_OK);
    CHECK_STATUS(eddy_sleep(shot->at_ns), EDDY_OK);
    for (int round = 0; round < shot->rounds; round++) CHECK_STATUS(eddy_yield(), EDDY_OK);
    shoot(shot->target);
    const eddy_status_t status = eddy_task_join(subject, NULL);
    trace("%s", eddy_status_name(status));
    if (shot->target == NOBODY) CHECK_STATUS(status, EDDY_OK);
    if (shot->target == SUBJECT || shot->target == GROUP)
        CHECK(status == EDDY_OK || status == EDDY_ETARGETCANCELED);
    int64_t now = 0;
    CHECK_STATUS(eddy_now(&now), EDDY_OK);
    trace("%d", (int)(now / 1000));
    if (child_is_known) CHECK_STATUS(eddy_task_release(child_task), EDDY_OK);
    CHECK_STATUS(eddy_task_release(subject), EDDY_OK);
    CHECK_STATUS(eddy_future_release(shared_future), EDDY_OK);
    return EDDY_OK;
}

static void run_once(shot_t shot, uint64_t seed) {
    eddy_loop_options_t options = virtual_options();
    options.flags |= EDDY_LOOP_SEEDED_ORDER;
    options.seed = seed;
    memset(&balance, 0, sizeof balance);
    group_is_open = child_is_known = 0;
    reports_clear();
    CHECK(pipe(ends) == 0);
    const int before = check_failures;
    CHECK_STATUS(eddy_run(&options, run_shot, &shot), EDDY_OK);
    CHECK_INT(reports.count, 0);
    CHECK_INT(balance.contexts, 0);
    CHECK_INT(balance.values, 0);
    CHECK_INT(balance.defers, 0);
    CHECK_INT(balance.sections, 0);
    close(ends[0]);
    close(ends[1]);
    if (check_failures != before)
        printf("  target %d at %lld ns and %d rounds, seed %d, report \"%s\"\n", shot.target,
            (long long)shot.at_ns, shot.rounds, (int)seed, reports.text);
}

static void cancelled_everywhere(void) {
    for (int target = NOBODY; target < TARGETS; target++)
        for (int64_t half = 0; half <= 24; half++)
            for (int round = 0; round < 16; round++) {
                trace_clear();
                run_once((shot_t){ target, half * 500000, round & 3 }, (uint64_t)(round + 1));
                if (check_failures > 20) return;
            }
}

static void same_seed_same_order(void) {
    static char first[sizeof check_trace_text];
    for (int target = NOBODY; target < TARGETS; target++)
        for (uint64_t seed = 1; seed <= 4; seed++) {
            for (int round = 0; round < 2; round++) {
                trace_clear();
                for (int64_t half = 0; half <= 12; half++)
                    run_once((shot_t){ target, half * 500000, (int)(seed & 1) }, seed);
                if (round == 0) memcpy(first, check_trace_text, sizeof first);
            }
            CHECK_TRACE(first);
        }
}

static const check_test_t tests[] = {
    { "every path: cancelled at every half millisecond, nothing is lost", cancelled_everywhere },
    { "every path: the same seed gives the same events", same_seed_same_order },
};
CHECK_MAIN(tests)
