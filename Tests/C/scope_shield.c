/*
 * scope_shield.c: proves the half of M7 that is about shields: what they hide, when the grace
 * begins, what happens when it ends, and how shields nest.
 *
 * Invariants: every test runs on a virtual clock and expects no report. A subject task is
 * cancelled from its parent at a known time; times are milliseconds of the loop's clock.
 * Threads: one.
 */
#include "check.h"

#include <errno.h>

#define MS(x) EDDY_MILLISECONDS(x)

static int64_t now_ms(void) {
    int64_t now = -1;
    CHECK_STATUS(eddy_now(&now), EDDY_OK);
    return now / 1000000;
}

typedef struct subject {
    eddy_task_fn fn;
    int64_t cancel_at_ms;          /* below 0: never */
    eddy_status_t expected;        /* of the join */
    int64_t loop_grace_ns;         /* 0: the default */
} subject_t;

static eddy_status_t run_subject(void *context) {
    const subject_t *subject = context;
    eddy_task_t task;
    CHECK_STATUS(eddy_task_spawn(subject->fn, NULL, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    if (subject->cancel_at_ms > 0)
        CHECK_STATUS(eddy_sleep(MS(subject->cancel_at_ms)), EDDY_OK);
    if (subject->cancel_at_ms >= 0) CHECK_STATUS(eddy_task_cancel(task, "asked"), EDDY_OK);
    CHECK_STATUS(eddy_future_wait(eddy_task_future(task), NULL), subject->expected);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    return EDDY_OK;
}

static void run(subject_t subject) {
    eddy_loop_options_t options = virtual_options();
    options.grace_ns = subject.loop_grace_ns;
    reports_clear();
    CHECK_STATUS(eddy_run(&options, run_subject, &subject), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* A test that runs name_body as the subject; the rest of the struct follows. */
#define SUBJECT(name, ...)                                                                        \
    static eddy_status_t name##_body(void *context);                                              \
    static void name(void) { run((subject_t){ name##_body, __VA_ARGS__ }); }                      \
    static eddy_status_t name##_body(void *context)

static eddy_scope_t open_shield(int64_t grace_ns) {
    eddy_scope_options_t options = EDDY_SCOPE_OPTIONS_INIT;
    eddy_scope_t shield = { 0 };
    options.grace_ns = grace_ns;
    CHECK_STATUS(eddy_shield_open(&shield, &options), EDDY_OK);
    return shield;
}

/* ------------------------------------------------------------------------------------------------
 * Hiding, and when the grace begins
 */
SUBJECT(hides, 20, EDDY_ETARGETCANCELED, 0) {
    const eddy_scope_t shield = open_shield(MS(100));
    (void)context;
    CHECK_STATUS(eddy_sleep(MS(50)), EDDY_OK);
    CHECK_INT(eddy_cancelled(), 0);
    CHECK_STATUS(eddy_checkpoint(), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(shield, EDDY_OK), EDDY_OK);
    CHECK_INT(eddy_cancelled(), 1);
    return eddy_checkpoint();
}

SUBJECT(grace_begins_with_the_cancel, 20, EDDY_ETARGETCANCELED, 0) {
    const eddy_scope_t shield = open_shield(MS(100));
    (void)context;
    CHECK_STATUS(eddy_sleep(MS(119)), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(50)), EDDY_ECANCELED);
    CHECK_INT(now_ms(), 120);
    CHECK_INT(eddy_cancelled(), 1);
    CHECK_STATUS(eddy_checkpoint(), EDDY_ECANCELED);
    return eddy_scope_close(shield, EDDY_ECANCELED);
}

SUBJECT(grace_begins_at_opening, 0, EDDY_ETARGETCANCELED, 0) {
    eddy_scope_t shield = open_shield(MS(10));
    (void)context;
    CHECK_STATUS(eddy_sleep(MS(5)), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(shield, EDDY_OK), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(5)), EDDY_ECANCELED);
    /* Cancelled already: this one's grace begins now, at 5. */
    shield = open_shield(MS(10));
    CHECK_STATUS(eddy_sleep(MS(9)), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(50)), EDDY_ECANCELED);
    CHECK_INT(now_ms(), 15);
    return eddy_scope_close(shield, EDDY_ECANCELED);
}

SUBJECT(no_grace_runs_without_cancel, -1, EDDY_OK, 0) {
    const eddy_scope_t shield = open_shield(MS(10));
    (void)context;
    CHECK_STATUS(eddy_sleep(EDDY_SECONDS(3600)), EDDY_OK);
    return eddy_scope_close(shield, EDDY_OK);
}

SUBJECT(default_five_seconds, 0, EDDY_ETARGETCANCELED, 0) {
    const eddy_scope_t shield = open_shield(0);
    (void)context;
    CHECK_STATUS(eddy_sleep(EDDY_SECONDS(60)), EDDY_ECANCELED);
    CHECK_INT(now_ms(), 5000);
    return eddy_scope_close(shield, EDDY_ECANCELED);
}

SUBJECT(grace_of_the_loop, 0, EDDY_ETARGETCANCELED, EDDY_SECONDS(2)) {
    eddy_scope_t shield = open_shield(0);
    (void)context;
    CHECK_STATUS(eddy_sleep(EDDY_SECONDS(60)), EDDY_ECANCELED);
    CHECK_INT(now_ms(), 2000);
    CHECK_STATUS(eddy_scope_close(shield, EDDY_OK), EDDY_OK);
    shield = open_shield(MS(1));
    CHECK_STATUS(eddy_sleep(EDDY_SECONDS(60)), EDDY_ECANCELED);
    CHECK_INT(now_ms(), 2001);
    return eddy_scope_close(shield, EDDY_ECANCELED);
}

SUBJECT(no_limit, 0, EDDY_ETARGETCANCELED, 0) {
    const eddy_scope_t shield = open_shield(EDDY_NONE);
    (void)context;
    CHECK_STATUS(eddy_sleep(EDDY_SECONDS(3600)), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(shield, EDDY_OK), EDDY_OK);
    return eddy_yield();
}

SUBJECT(no_limit_of_the_loop, 0, EDDY_ETARGETCANCELED, EDDY_NONE) {
    const eddy_scope_t shield = open_shield(0);
    (void)context;
    CHECK_STATUS(eddy_sleep(EDDY_SECONDS(3600)), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(shield, EDDY_OK), EDDY_OK);
    return eddy_yield();
}

/* Nothing of a grace stays behind when the shield is closed in time. */
SUBJECT(grace_ends_with_the_shield, 0, EDDY_OK, 0) {
    eddy_scope_t outer, shield;
    (void)context;
    CHECK_STATUS(eddy_scope_open(&outer, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(outer, NULL), EDDY_OK);
    shield = open_shield(MS(10));
    CHECK_STATUS(eddy_scope_close(shield, EDDY_OK), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(outer, EDDY_OK), EDDY_OK);
    /* The subject itself is cancelled too, at 0. */
    shield = open_shield(EDDY_NONE);
    CHECK_STATUS(eddy_sleep(EDDY_SECONDS(1)), EDDY_OK);
    CHECK_INT(now_ms(), 1000);
    return eddy_scope_close(shield, EDDY_OK);
}

/* ------------------------------------------------------------------------------------------------
 * A shield hides what is outside, not itself
 */
SUBJECT(own_cancel_is_seen, -1, EDDY_OK, 0) {
    eddy_scope_options_t options = EDDY_SCOPE_OPTIONS_INIT;
    eddy_scope_t shield;
    (void)context;
    options.timeout_ns = MS(10);
    CHECK_STATUS(eddy_shield_open(&shield, &options), EDDY_OK);
    CHECK_STATUS(eddy_sleep(EDDY_SECONDS(1)), EDDY_ECANCELED);
    CHECK_INT(now_ms(), 10);
    CHECK_STATUS(eddy_scope_close(shield, EDDY_ECANCELED), EDDY_ETIMEDOUT);
    shield = open_shield(0);
    CHECK_STATUS(eddy_scope_cancel(shield, NULL), EDDY_OK);
    CHECK_STATUS(eddy_checkpoint(), EDDY_ECANCELED);
    return eddy_scope_close(shield, EDDY_ECANCELED);
}

/* Outer is judged from just outside the shield that closes, where the cancel is visible. */
SUBJECT(outer_from_outside, 0, EDDY_ETARGETCANCELED, 0) {
    eddy_scope_options_t options = EDDY_SCOPE_OPTIONS_INIT;
    eddy_scope_t shield;
    (void)context;
    CHECK_STATUS(eddy_yield(), EDDY_ECANCELED);
    options.timeout_ns = MS(10);
    CHECK_STATUS(eddy_shield_open(&shield, &options), EDDY_OK);
    CHECK_STATUS(eddy_sleep(EDDY_SECONDS(1)), EDDY_ECANCELED);
    return eddy_scope_close(shield, EDDY_ECANCELED);
}

/* Inside a shield in force, ECANCELED out of nowhere is foreign, though the task is cancelled. */
SUBJECT(foreign_inside, 0, EDDY_OK, 0) {
    const eddy_scope_t shield = open_shield(0);
    eddy_scope_t inner;
    (void)context;
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_scope_open(&inner, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(inner, EDDY_ECANCELED), EDDY_EFOREIGNCANCEL);
    CHECK_STATUS(eddy_scope_close(shield, EDDY_ECANCELED), EDDY_ECANCELED);
    return EDDY_OK;
}

static eddy_status_t sleep_20(void *context) {
    (void)context;
    return eddy_sleep(MS(20));
}

/* Children of a group inside the shield are shielded with it. */
SUBJECT(children_inside, 10, EDDY_ETARGETCANCELED, 0) {
    const eddy_scope_t shield = open_shield(0);
    eddy_scope_t group;
    (void)context;
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(group, sleep_20, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(15)), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(group, sleep_20, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(group, EDDY_OK), EDDY_OK);
    CHECK_INT(now_ms(), 35);
    CHECK_STATUS(eddy_scope_close(shield, EDDY_OK), EDDY_OK);
    return eddy_yield();
}

/* ------------------------------------------------------------------------------------------------
 * Shields in shields
 */
SUBJECT(nested, 20, EDDY_ETARGETCANCELED, 0) {
    const eddy_scope_t outer = open_shield(MS(100));
    const eddy_scope_t inner = open_shield(MS(50));
    (void)context;
    /* The cancel reaches the inner shield when the outer one's grace ends, at 120. */
    CHECK_STATUS(eddy_sleep(MS(169)), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(50)), EDDY_ECANCELED);
    CHECK_INT(now_ms(), 170);
    CHECK_STATUS(eddy_scope_close(inner, EDDY_ECANCELED), EDDY_ECANCELED);
    return eddy_scope_close(outer, EDDY_ECANCELED);
}

SUBJECT(nested_after_the_grace, 0, EDDY_ETARGETCANCELED, 0) {
    const eddy_scope_t outer = open_shield(MS(10));
    eddy_scope_t inner;
    (void)context;
    CHECK_STATUS(eddy_sleep(EDDY_SECONDS(1)), EDDY_ECANCELED);
    inner = open_shield(MS(5));
    CHECK_STATUS(eddy_sleep(MS(4)), EDDY_OK);
    CHECK_STATUS(eddy_sleep(EDDY_SECONDS(1)), EDDY_ECANCELED);
    CHECK_INT(now_ms(), 15);
    CHECK_STATUS(eddy_scope_close(inner, EDDY_ECANCELED), EDDY_ECANCELED);
    return eddy_scope_close(outer, EDDY_ECANCELED);
}

static const check_test_t tests[] = {
    { "M7: a shield hides the cancel, and it is seen again behind it", hides },
    { "M7: the grace begins when cancellation reaches the shield", grace_begins_with_the_cancel },
    { "M7: the grace begins at opening if cancellation was there before",
        grace_begins_at_opening },
    { "M7: without a cancel no grace runs", no_grace_runs_without_cancel },
    { "M7: the default grace is 5 s", default_five_seconds },
    { "M7: the loop's grace, and a shield's own", grace_of_the_loop },
    { "M7: EDDY_NONE is no limit", no_limit },
    { "M7: EDDY_NONE as the loop's grace", no_limit_of_the_loop },
    { "M7: a grace ends with its shield", grace_ends_with_the_shield },
    { "M7: a shield does not hide its own cancel and deadline", own_cancel_is_seen },
    { "M7, M4: outer is judged from just outside a shield", outer_from_outside },
    { "M7, M9: what a shield hides does not make ECANCELED legitimate", foreign_inside },
    { "M7: children inside the shield are shielded", children_inside },
    { "M7: cancellation reaches a nested shield when the outer grace ends", nested },
    { "M7: a shield inside one whose grace has ended", nested_after_the_grace },
};
CHECK_MAIN(tests)
