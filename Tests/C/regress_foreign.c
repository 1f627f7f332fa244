/*
 * Foreign tasks: enter and leave that do not match, what an ending task still holds, and errors
 * that two of them share.
 *
 * Each test is a bug that a review found; the row or rule it broke is in the test's name. A foreign
 * task here is a `part_t`: `begin` is what its start does.
 * Threads: one.
 */
#include "check.h"

typedef struct part {
    void (*begin)(struct part *part);
    eddy_task_t self;
    int alive;                         /* 1 until it is released */
    int value;                         /* its value or payload; counts releases */
} part_t;

static void part_start(void *instance, eddy_task_t self) {
    part_t *part = instance;
    part->self = self;
    if (part->begin) part->begin(part);
}

static void part_release(void *instance) {
    part_t *part = instance;
    CHECK_INT(part->alive, 1);
    part->alive = 0;
}

static const eddy_foreign_ops_t ops = { (uint32_t)sizeof ops, 0, part_start, NULL, part_release,
    NULL, NULL };

static eddy_task_t spawn_part(part_t *part, void (*begin)(part_t *part), uint32_t flags) {
    eddy_foreign_options_t options = EDDY_FOREIGN_OPTIONS_INIT;
    eddy_task_t task = { 0 };
    memset(part, 0, sizeof *part);
    part->begin = begin;
    part->alive = 1;
    options.flags = flags;
    CHECK_STATUS(eddy_foreign_spawn(&ops, part, &options, &task), EDDY_OK);
    return task;
}

static eddy_status_t nop(void *context) {
    (void)context;
    return EDDY_OK;
}

static eddy_status_t sleeps_1s(void *context) {
    (void)context;
    return eddy_sleep(EDDY_SECONDS(1));
}

static eddy_status_t fails_5(void *context) {
    (void)context;
    return eddy_fail_text(-5, "first");
}

/* ---- Between complete and the end ---- */

/* Completes with a child inside, so that the end comes later; then a call fails. */
static void complete_then_fail(part_t *part) {
    eddy_task_t previous = { 0 };
    CHECK_STATUS(eddy_foreign_enter(part->self, &previous), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(eddy_task_scope(part->self), sleeps_1s, NULL, NULL, NULL),
        EDDY_OK);
    CHECK_STATUS(eddy_foreign_complete(part->self, EDDY_OK, &part->value, count_release),
        EDDY_OK);
    CHECK_STATUS(eddy_sleep(1), EDDY_ENOTTASK);
    CHECK_STATUS(eddy_fail_text(-9, "no matter"), -9);
    CHECK_STATUS(eddy_foreign_leave(previous), EDDY_OK);
}

static eddy_status_t value_stays_body(void *context) {
    part_t part;
    void *value = NULL;
    (void)context;
    const eddy_task_t task = spawn_part(&part, complete_then_fail, EDDY_SCOPE_GROUP);
    CHECK_STATUS(eddy_task_join(task, &value), EDDY_OK);
    CHECK(value == &part.value);
    CHECK_INT(part.value, 0);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_INT(part.value, 1);
    return EDDY_OK;
}

static void value_stays(void) {
    CHECK_STATUS(run_virtual(value_stays_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

static void fail_then_fail(part_t *part) {
    eddy_task_t previous = { 0 };
    CHECK_STATUS(eddy_foreign_enter(part->self, &previous), EDDY_OK);
    CHECK_STATUS(eddy_fail_text(-5, "mine"), -5);
    CHECK_STATUS(eddy_foreign_complete(part->self, -5, &part->value, count_release), EDDY_OK);
    CHECK_STATUS(eddy_fail_text(-5, "later, of the same status"), -5);
    CHECK_STATUS(eddy_foreign_leave(previous), EDDY_OK);
}

static eddy_status_t failure_stays_body(void *context) {
    part_t part;
    eddy_error_t error = { 0 };
    (void)context;
    const eddy_task_t task = spawn_part(&part, fail_then_fail, 0);
    CHECK_STATUS(eddy_task_join(task, NULL), -5);
    CHECK_STATUS(eddy_future_error(eddy_task_future(task), &error), EDDY_OK);
    CHECK_TEXT(eddy_error_message(error), "mine");
    CHECK(eddy_error_payload(error, NULL) == &part.value);
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_STATUS(eddy_fail_text(-9, "replaces the current error"), -9);
    CHECK_INT(part.value, 1);
    return EDDY_OK;
}

static void failure_stays(void) {
    CHECK_STATUS(run_virtual(failure_stays_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

static void complete_and_look(part_t *part) {
    CHECK_STATUS(eddy_foreign_complete(part->self, EDDY_OK, NULL, NULL), EDDY_OK);
    CHECK_INT(part->alive, 1);
    CHECK_STATUS(eddy_foreign_complete(part->self, EDDY_OK, NULL, NULL), EDDY_EALREADY);
    CHECK_INT(part->alive, 1);
}

static eddy_status_t released_later_body(void *context) {
    part_t part;
    (void)context;
    const eddy_task_t task = spawn_part(&part, complete_and_look, 0);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_OK);
    CHECK_INT(part.alive, 0);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    /* The same when the runtime completes it from elsewhere. */
    const eddy_task_t other = spawn_part(&part, NULL, 0);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    complete_and_look(&part);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_INT(part.alive, 0);
    return eddy_task_release(other);
}

static void released_later(void) {
    CHECK_STATUS(run_virtual(released_later_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* ---- Enter and leave ---- */

/* No reference is left to the task that is entered and ends. */
static eddy_status_t entered_end_body(void *context) {
    part_t part;
    eddy_task_t self = { 0 }, previous = { 0 }, current = { 0 };
    (void)context;
    CHECK_STATUS(eddy_task_release(spawn_part(&part, NULL, 0)), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_task_current(&self), EDDY_OK);
    CHECK_STATUS(eddy_foreign_enter(part.self, &previous), EDDY_OK);
    CHECK_INT(previous.id, self.id);
    CHECK_STATUS(eddy_foreign_complete(part.self, EDDY_OK, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_fail_text(-5, "once went into a freed record"), -5);
    CHECK_STATUS(eddy_task_current(&current), EDDY_OK);
    CHECK_INT(current.id, part.self.id);
    CHECK_STATUS(eddy_task_spawn(nop, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_foreign_leave(previous), EDDY_OK);
    CHECK_STATUS(eddy_task_current(&current), EDDY_OK);
    CHECK_INT(current.id, self.id);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_foreign_enter(part.self, &previous), EDDY_EBADHANDLE);
    return EDDY_OK;
}

static void entered_end(void) {
    CHECK_STATUS(run_virtual(entered_end_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

static eddy_task_t parked;

/* A leave with the handle of a parked fiber once made that the running one. */
static void leave_wrongly(part_t *part) {
    eddy_task_t previous = { 0 }, current = { 0 };
    CHECK_STATUS(eddy_foreign_leave(previous), EDDY_EPERM);
    CHECK_STATUS(eddy_foreign_enter(part->self, &previous), EDDY_OK);
    CHECK_STATUS(eddy_foreign_leave(parked), EDDY_EPERM);
    CHECK_STATUS(eddy_foreign_leave(part->self), EDDY_EPERM);
    CHECK_STATUS(eddy_task_current(&current), EDDY_OK);
    CHECK_INT(current.id, part->self.id);
    CHECK_STATUS(eddy_sleep(EDDY_SECONDS(2)), EDDY_ENOTTASK);
    CHECK_STATUS(eddy_foreign_complete(part->self, EDDY_OK, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_foreign_leave(previous), EDDY_OK);
    CHECK_STATUS(eddy_foreign_leave(previous), EDDY_EPERM);
}

static eddy_status_t leave_wrongly_body(void *context) {
    part_t part;
    (void)context;
    CHECK_STATUS(eddy_task_spawn(sleeps_1s, NULL, NULL, &parked), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    const eddy_task_t task = spawn_part(&part, leave_wrongly, 0);
    CHECK_STATUS(eddy_sleep(EDDY_SECONDS(5)), EDDY_OK);
    CHECK_STATUS(eddy_future_result(eddy_task_future(task), NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_result(eddy_task_future(parked), NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    return eddy_task_release(parked);
}

static void leaves_wrongly(void) {
    CHECK_STATUS(run_virtual(leave_wrongly_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

static eddy_status_t nested_body(void *context) {
    part_t first, second;
    eddy_task_t self = { 0 }, outer = { 0 }, inner = { 0 };
    (void)context;
    const eddy_task_t one = spawn_part(&first, NULL, 0), two = spawn_part(&second, NULL, 0);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_task_current(&self), EDDY_OK);
    CHECK_STATUS(eddy_foreign_enter(one, &outer), EDDY_OK);
    CHECK_STATUS(eddy_foreign_enter(two, &inner), EDDY_OK);
    CHECK_INT(outer.id, self.id);
    CHECK_INT(inner.id, one.id);
    CHECK_STATUS(eddy_foreign_leave(outer), EDDY_EPERM);
    CHECK_STATUS(eddy_foreign_leave(inner), EDDY_OK);
    CHECK_STATUS(eddy_foreign_leave(inner), EDDY_EPERM);
    CHECK_STATUS(eddy_foreign_leave(outer), EDDY_OK);
    CHECK_STATUS(eddy_foreign_leave(outer), EDDY_EPERM);
    CHECK_STATUS(eddy_foreign_complete(one, EDDY_OK, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_foreign_complete(two, EDDY_OK, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_task_release(one), EDDY_OK);
    return eddy_task_release(two);
}

static void leaves_innermost_first(void) {
    CHECK_STATUS(run_virtual(nested_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

static eddy_task_t left_over;

static eddy_status_t enters_and_ends(void *context) {
    return eddy_foreign_enter(((part_t *)context)->self, &left_over);
}

/* What the leave names has ended, and its record is another task's by now. */
static eddy_status_t stale_leave_body(void *context) {
    part_t part;
    eddy_task_t self = { 0 }, current = { 0 }, sleeper = { 0 };
    (void)context;
    const eddy_task_t task = spawn_part(&part, NULL, 0);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(enters_and_ends, &part, NULL, NULL), EDDY_OK);
    for (int index = 0; index < 4; index++) CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(sleeps_1s, NULL, NULL, &sleeper), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_task_current(&self), EDDY_OK);
    (void)eddy_foreign_leave(left_over);
    CHECK_STATUS(eddy_task_current(&current), EDDY_OK);
    if (!CHECK_INT(current.id, self.id)) return EDDY_OK;
    CHECK_STATUS(eddy_foreign_complete(task, EDDY_OK, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(sleeper, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_release(sleeper), EDDY_OK);
    return eddy_task_release(task);
}

static void leaves_stale(void) { CHECK_STATUS(run_virtual(stale_leave_body, NULL), EDDY_OK); }

/* ---- Payloads ---- */

static eddy_task_t shared;

/* Fails with the error of another task, which is its current one. */
static void fail_with_shared(part_t *part) {
    eddy_task_t previous = { 0 };
    CHECK_STATUS(eddy_foreign_enter(part->self, &previous), EDDY_OK);
    CHECK_STATUS(eddy_future_result(eddy_task_future(shared), NULL), -5);
    CHECK_STATUS(eddy_foreign_complete(part->self, -5, &part->value, count_release), EDDY_OK);
    CHECK_STATUS(eddy_foreign_leave(previous), EDDY_OK);
}

static void check_payload(eddy_task_t task, void *payload, int owner_too) {
    eddy_error_t error = { 0 };
    CHECK_STATUS(eddy_future_error(eddy_task_future(task), &error), EDDY_OK);
    CHECK_STATUS(eddy_error_status(error), -5);
    CHECK(eddy_error_payload(error, NULL) == payload);
    CHECK(eddy_error_payload(error, part_release) == NULL);
    if (owner_too) CHECK(eddy_error_payload(error, count_release) == payload);
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
}

static eddy_status_t payload_body(void *context) {
    part_t first, second;
    CHECK_STATUS(eddy_task_spawn(fails_5, NULL, NULL, &shared), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    const eddy_task_t one = spawn_part(&first, fail_with_shared, 0);
    const eddy_task_t two = spawn_part(&second, fail_with_shared, 0);
    CHECK_STATUS(eddy_task_join(one, NULL), -5);
    CHECK_STATUS(eddy_task_join(two, NULL), -5);
    check_payload(shared, NULL, *(int *)context);
    check_payload(one, &first.value, *(int *)context);
    check_payload(two, &second.value, *(int *)context);
    CHECK_INT(first.value + second.value, 0);
    CHECK_STATUS(eddy_fail_text(-9, "replaces the current error"), -9);
    CHECK_STATUS(eddy_task_release(one), EDDY_OK);
    CHECK_INT(first.value, 1);
    CHECK_STATUS(eddy_task_release(two), EDDY_OK);
    CHECK_INT(second.value, 1);
    return eddy_task_release(shared);
}

static void payloads_are_their_own(void) {
    int owner_too = 0;
    CHECK_STATUS(run_virtual(payload_body, &owner_too), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* The release function that a payload was given with tells whose it is. */
static void payloads_know_their_owner(void) {
    int owner_too = 1;
    CHECK_STATUS(run_virtual(payload_body, &owner_too), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* A copy of a copy shows the payload too, for as long as it lives. */
static eddy_status_t copied_payload_body(void *context) {
    part_t part;
    eddy_scope_t scope = { 0 };
    eddy_error_t error = { 0 };
    (void)context;
    CHECK_STATUS(eddy_task_spawn(fails_5, NULL, NULL, &shared), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    const eddy_task_t task = spawn_part(&part, fail_with_shared, 0);
    CHECK_STATUS(eddy_task_join(task, NULL), -5);
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(scope, "own"), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(scope, eddy_task_join(task, NULL)), -5);
    CHECK_STATUS(eddy_error_current(&error), EDDY_OK);
    CHECK(eddy_error_payload(error, NULL) == &part.value);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    if (eddy_error_payload(error, NULL)) CHECK_INT(part.value, 0);
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    CHECK_STATUS(eddy_fail_text(-9, "replaces the current error"), -9);
    CHECK_STATUS(eddy_task_release(shared), EDDY_OK);
    CHECK_INT(part.value, 1);
    return EDDY_OK;
}

static void payload_outlives_copies(void) {
    CHECK_STATUS(run_virtual(copied_payload_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

static const check_test_t tests[] = {
    { "eddy_foreign_complete: a failing call before the end keeps the value", value_stays },
    { "eddy_foreign_complete: a failing call before the end keeps the error", failure_stays },
    { "eddy_foreign_ops: an instance is released from the queue, not inside complete",
        released_later },
    { "eddy_foreign_enter: a task that ends while entered stays until the leave", entered_end },
    { "eddy_foreign_leave: only the previous task of the last enter, else EDDY_EPERM",
        leaves_wrongly },
    { "eddy_foreign_leave: pairs nest, innermost first", leaves_innermost_first },
    { "eddy_foreign_leave: a previous task that has ended does not come back", leaves_stale },
    { "eddy_error_payload: two tasks that fail with a third one's error have their own",
        payloads_are_their_own },
    { "eddy_error_payload: such an error's payload is found by its release function",
        payloads_know_their_owner },
    { "eddy_error_payload: lives as long as an error that shows it", payload_outlives_copies },
};
CHECK_MAIN(tests)
