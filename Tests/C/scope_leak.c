/*
 * scope_leak.c: proves the repair of scopes that were left open: at an outer close and at the end
 * of a task.
 *
 * Invariants: every test runs on a virtual clock; each leak makes one report with its site.
 * Threads: one.
 */
#include "check.h"
#include "check_hostile.h"

#include <errno.h>

/* A test whose body leaks `leaks` scopes, all reported as such. */
#define LEAKING(name, leaks)                                                                      \
    static eddy_status_t name##_body(void *context);                                              \
    static void name(void) {                                                                      \
        if ((leaks) > 0 && check_leak_is_fatal(name)) return;                                     \
        CHECK_STATUS(run_virtual(name##_body, NULL), EDDY_OK);                                    \
        CHECK_INT(reports_with(EDDY_ESCOPELEAK), (leaks));                                        \
        CHECK_INT(reports.count, (leaks));                                                        \
    }                                                                                             \
    static eddy_status_t name##_body(void *context)

static int64_t now_ms(void) {
    int64_t now = -1;
    CHECK_STATUS(eddy_now(&now), EDDY_OK);
    return now / 1000000;
}

static eddy_status_t sleep_long(void *name) {
    const eddy_status_t status = eddy_sleep(EDDY_SECONDS(3600));
    trace("%s:%s", (const char *)name, status == EDDY_ECANCELED ? "cancelled" : "slept");
    return status;
}

static eddy_status_t note(void *name) {
    trace("%s", (const char *)name);
    return EDDY_OK;
}

static char word_a[] = "a", word_b[] = "b", word_c[] = "c";

LEAKING(children_are_cancelled, 1) {
    eddy_scope_t outer, group;
    eddy_task_t self;
    (void)context;
    CHECK_STATUS(eddy_task_current(&self), EDDY_OK);
    CHECK_STATUS(eddy_scope_open(&outer, NULL), EDDY_OK);
    CHECK_STATUS(eddy_defer(note, word_b), EDDY_OK);
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    CHECK_STATUS(eddy_defer(note, word_c), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(group, sleep_long, word_a, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    /* Even with EDDY_OK the children are cancelled; they ended cancelled, which is no error. */
    CHECK_STATUS(eddy_scope_close(outer, EDDY_OK), EDDY_OK);
    CHECK_TRACE("a:cancelled c b");
    CHECK_INT(now_ms(), 0);
    CHECK_CONTAINS(reports.site, "scope_leak.c:");
    CHECK_INT(reports.all[0].task.id, self.id);
    CHECK_STATUS(eddy_scope_close(group, EDDY_OK), EDDY_EBADHANDLE);
    return EDDY_OK;
}

/* What the leaked scope makes of the status is the status for the next one out. */
LEAKING(result_goes_out, 3) {
    eddy_scope_t outer, inner, shield;
    (void)context;
    CHECK_STATUS(eddy_scope_open(&outer, NULL), EDDY_OK);
    CHECK_STATUS(eddy_timeout_open(&inner, EDDY_MILLISECONDS(10), NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(EDDY_SECONDS(1)), EDDY_ECANCELED);
    CHECK_STATUS(eddy_scope_close(outer, EDDY_ECANCELED), EDDY_ETIMEDOUT);

    CHECK_STATUS(eddy_timeout_open(&outer, EDDY_MILLISECONDS(10), NULL), EDDY_OK);
    CHECK_STATUS(eddy_timeout_open(&inner, EDDY_MILLISECONDS(20), NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(EDDY_SECONDS(1)), EDDY_ECANCELED);
    CHECK_STATUS(eddy_scope_close(outer, EDDY_ECANCELED), EDDY_ETIMEDOUT);

    CHECK_STATUS(eddy_scope_open(&outer, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(outer, NULL), EDDY_OK);
    CHECK_STATUS(eddy_shield_open(&shield, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(outer, -EIO), -EIO);
    CHECK_STATUS(eddy_checkpoint(), EDDY_OK);
    return EDDY_OK;
}

LEAKING(several_innermost_first, 3) {
    eddy_scope_t outer, inner;
    (void)context;
    CHECK_STATUS(eddy_scope_open(&outer, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_open(&inner, NULL), EDDY_OK);
    CHECK_STATUS(eddy_defer(note, word_a), EDDY_OK);
    CHECK_STATUS(eddy_scope_open(&inner, NULL), EDDY_OK);
    CHECK_STATUS(eddy_defer(note, word_b), EDDY_OK);
    CHECK_STATUS(eddy_shield_open(&inner, NULL), EDDY_OK);
    CHECK_STATUS(eddy_defer(note, word_c), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(outer, EDDY_OK), EDDY_OK);
    CHECK_TRACE("c b a");
    for (int index = 0; index < 3; index++) {
        CHECK_CONTAINS(reports.all[index].site, "scope_leak.c:");
        if (index > 0) CHECK(strcmp(reports.all[index].site, reports.all[index - 1].site) != 0);
    }
    return EDDY_OK;
}

static eddy_status_t leak_and_return(void *context) {
    eddy_scope_t group;
    CHECK_STATUS(eddy_defer(note, word_b), EDDY_OK);
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    CHECK_STATUS(eddy_defer(note, word_c), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(group, sleep_long, word_a, NULL, NULL), EDDY_OK);
    EDDY_TRY(eddy_yield());
    return *(eddy_status_t *)context;
}

LEAKING(at_task_end, 2) {
    static eddy_status_t status;
    eddy_task_t task;
    (void)context;
    status = EDDY_OK;
    CHECK_STATUS(eddy_task_spawn(leak_and_return, &status, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_OK);
    CHECK_TRACE("a:cancelled c b");
    CHECK_INT(reports.all[0].task.id, task.id);
    CHECK_CONTAINS(reports.site, "scope_leak.c:");
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    /* A group with a failed body gives EDDY_EGROUP, leaked or not. */
    status = -EIO;
    trace_clear();
    CHECK_STATUS(eddy_task_spawn(leak_and_return, &status, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_EGROUP);
    CHECK_TRACE("a:cancelled c b");
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    return EDDY_OK;
}

static eddy_status_t leak_a_value(void *counter) {
    eddy_scope_t scope;
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    return eddy_return(counter, count_release);
}

LEAKING(value_survives, 1) {
    int released = 0;
    eddy_task_t task;
    void *value = NULL;
    (void)context;
    CHECK_STATUS(eddy_task_spawn(leak_a_value, &released, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, &value), EDDY_OK);
    CHECK(value == &released);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_INT(released, 1);
    return EDDY_OK;
}

static eddy_status_t leak_a_shield(void *context) {
    eddy_scope_t shield;
    (void)context;
    CHECK_STATUS(eddy_shield_open(&shield, NULL), EDDY_OK);
    return EDDY_OK;
}

/* A leaked shield or deadline has no effect after the repair. */
LEAKING(nothing_stays_in_force, 2) {
    eddy_scope_t outer, inner;
    (void)context;
    CHECK_STATUS(eddy_scope_open(&outer, NULL), EDDY_OK);
    CHECK_STATUS(eddy_call(NULL, leak_a_shield, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(outer, NULL), EDDY_OK);
    CHECK_STATUS(eddy_checkpoint(), EDDY_ECANCELED);
    CHECK_STATUS(eddy_scope_close(outer, EDDY_ECANCELED), EDDY_OK);
    CHECK_STATUS(eddy_scope_open(&outer, NULL), EDDY_OK);
    CHECK_STATUS(eddy_timeout_open(&inner, EDDY_MILLISECONDS(10), NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(outer, EDDY_OK), EDDY_OK);
    CHECK_STATUS(eddy_sleep(EDDY_MILLISECONDS(50)), EDDY_OK);
    CHECK_INT(now_ms(), 50);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * A scope cannot be closed from inside a call or a defer that it is around
 */
static eddy_scope_t around;

static eddy_status_t close_around(void *context) {
    (void)context;
    const eddy_status_t status = eddy_scope_close(around, EDDY_OK);
    CHECK(status == EDDY_EPERM || status == EDDY_EBUSY);
    return EDDY_OK;
}

LEAKING(from_inside_a_call, 0) {
    (void)context;
    CHECK_STATUS(eddy_scope_open(&around, NULL), EDDY_OK);
    CHECK_STATUS(eddy_call(NULL, close_around, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(around, EDDY_OK), EDDY_OK);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    return EDDY_OK;
}

LEAKING(from_inside_a_defer, 0) {
    eddy_scope_t inner;
    (void)context;
    CHECK_STATUS(eddy_scope_open(&around, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_open(&inner, NULL), EDDY_OK);
    CHECK_STATUS(eddy_defer(close_around, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(inner, EDDY_OK), EDDY_OK);
    CHECK_STATUS(eddy_defer(close_around, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(around, EDDY_OK), EDDY_OK);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    return EDDY_OK;
}

static const check_test_t tests[] = {
    { "leaks: a leaked group's children are cancelled, its defers run", children_are_cancelled },
    { "leaks: the leaked scope's result is the status for the next one out", result_goes_out },
    { "leaks: several are closed innermost first, each reported with its site",
        several_innermost_first },
    { "leaks, Must show: a scope left open by an early return, at the task's end", at_task_end },
    { "leaks: the task's value survives the repair", value_survives },
    { "leaks: no shield and no deadline stays in force", nothing_stays_in_force },
    { "close: a scope is not closed from inside a call in it", from_inside_a_call },
    { "close: a scope is not closed from inside a defer in it", from_inside_a_defer },
};
CHECK_MAIN(tests)
