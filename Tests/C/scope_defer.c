/*
 * scope_defer.c: proves the half of M7 that is about eddy_defer: order, shield, the one budget of
 * a scope, failures, and defers of a root scope. And timeouts inside cleanup.
 *
 * Invariants: every test runs on a virtual clock. Contexts of root defers are static.
 * Threads: one.
 */
#include "check.h"
#include "check_hostile.h"

#include <errno.h>

#define MS(x) EDDY_MILLISECONDS(x)

/* A test whose body makes `count` reports. */
#define REPORTING(name, reported)                                                                 \
    static eddy_status_t name##_body(void *context);                                              \
    static void name(void) {                                                                      \
        CHECK_STATUS(run_virtual(name##_body, NULL), EDDY_OK);                                    \
        CHECK_INT(reports.count, (reported));                                                     \
    }                                                                                             \
    static eddy_status_t name##_body(void *context)
#define IN_TASK(name) REPORTING(name, 0)

static int64_t now_ms(void) {
    int64_t now = -1;
    CHECK_STATUS(eddy_now(&now), EDDY_OK);
    return now / 1000000;
}

static char words[4][2] = { "a", "b", "c", "d" };

static eddy_status_t note(void *word) {
    trace("%s", (const char *)word);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Order
 */
static eddy_status_t slow_child(void *word) {
    const eddy_status_t status = eddy_sleep(EDDY_SECONDS(1));
    return status == EDDY_OK ? note(word) : status;
}

IN_TASK(last_first_after_children) {
    eddy_scope_t group;
    (void)context;
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    CHECK_STATUS(eddy_defer(note, words[0]), EDDY_OK);
    CHECK_STATUS(eddy_defer(note, words[1]), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(group, slow_child, words[3], NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_defer(note, words[2]), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(group, EDDY_OK), EDDY_OK);
    CHECK_TRACE("d c b a");
    return EDDY_OK;
}

IN_TASK(belongs_to_the_current_scope) {
    eddy_scope_t outer, inner;
    (void)context;
    CHECK_STATUS(eddy_scope_open(&outer, NULL), EDDY_OK);
    CHECK_STATUS(eddy_defer(note, words[0]), EDDY_OK);
    CHECK_STATUS(eddy_scope_open(&inner, NULL), EDDY_OK);
    CHECK_STATUS(eddy_defer(note, words[1]), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(inner, EDDY_OK), EDDY_OK);
    trace("between");
    CHECK_STATUS(eddy_scope_close(outer, EDDY_OK), EDDY_OK);
    CHECK_TRACE("b between a");
    return EDDY_OK;
}

static eddy_status_t root_defers(void *context) {
    CHECK_STATUS(eddy_defer(note, words[0]), EDDY_OK);
    CHECK_STATUS(eddy_defer(note, words[1]), EDDY_OK);
    trace("returns");
    return *(eddy_status_t *)context;
}

IN_TASK(root_defers_run_after_return) {
    static eddy_status_t status;
    eddy_task_t task;
    (void)context;
    status = EDDY_OK;
    CHECK_STATUS(eddy_task_spawn(root_defers, &status, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    status = -EIO;
    CHECK_STATUS(eddy_task_spawn(root_defers, &status, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), -EIO);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_TRACE("returns b a returns b a");
    return EDDY_OK;
}

IN_TASK(refused) {
    eddy_scope_t scope;
    (void)context;
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_defer(NULL, words[0]), EDDY_EINVAL);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_OK), EDDY_OK);
    CHECK_TRACE("");
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Shielded, within one budget
 */
typedef struct nap {
    int64_t ms;
    eddy_status_t expected;
    int64_t until_ms;
} nap_t;

static eddy_status_t take_nap(void *context) {
    const nap_t *nap = context;
    CHECK_STATUS(eddy_sleep(MS(nap->ms)), nap->expected);
    CHECK_INT(now_ms(), nap->until_ms);
    trace("nap");
    return EDDY_OK;
}

static eddy_status_t nap_in_cancelled_scope(int64_t grace_ns, nap_t *naps, int count) {
    eddy_scope_options_t options = EDDY_SCOPE_OPTIONS_INIT;
    eddy_scope_t scope;
    options.grace_ns = grace_ns;
    CHECK_STATUS(eddy_scope_open(&scope, &options), EDDY_OK);
    while (count-- > 0) CHECK_STATUS(eddy_defer(take_nap, &naps[count]), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(1), EDDY_ECANCELED);
    return eddy_scope_close(scope, EDDY_ECANCELED);
}

IN_TASK(one_budget_per_scope) {
    nap_t naps[] = {
        { 60, EDDY_OK, 60 }, { 60, EDDY_ECANCELED, 100 }, { 60, EDDY_ECANCELED, 100 },
    };
    nap_t more[] = { { 60, EDDY_OK, 160 }, { 60, EDDY_ECANCELED, 200 } };
    (void)context;
    CHECK_STATUS(nap_in_cancelled_scope(MS(100), naps, 3), EDDY_OK);
    /* The next scope has its own budget. */
    CHECK_STATUS(nap_in_cancelled_scope(MS(100), more, 2), EDDY_OK);
    CHECK_TRACE("nap nap nap nap nap");
    return EDDY_OK;
}

IN_TASK(default_and_unlimited) {
    nap_t first[] = { { 4999, EDDY_OK, 4999 }, { 60, EDDY_ECANCELED, 5000 } };
    nap_t second[] = { { 3600000, EDDY_OK, 3605000 } };
    (void)context;
    CHECK_STATUS(nap_in_cancelled_scope(0, first, 2), EDDY_OK);
    CHECK_STATUS(nap_in_cancelled_scope(EDDY_NONE, second, 1), EDDY_OK);
    return EDDY_OK;
}

static eddy_task_t napper;

static eddy_status_t cancel_napper(void *context) {
    (void)context;
    EDDY_TRY(eddy_sleep(MS(30)));
    return eddy_task_cancel(napper, "late");
}

static eddy_status_t nap_at_root(void *context) {
    eddy_scope_options_t options = EDDY_SCOPE_OPTIONS_INIT;
    static nap_t naps[] = { { 20, EDDY_OK, 20 }, { 50, EDDY_OK, 70 }, { 100, EDDY_ECANCELED, 80 } };
    eddy_scope_t scope;
    (void)context;
    options.grace_ns = MS(50);
    CHECK_STATUS(eddy_scope_open(&scope, &options), EDDY_OK);
    for (int index = 2; index >= 0; index--)
        CHECK_STATUS(eddy_defer(take_nap, &naps[index]), EDDY_OK);
    return eddy_scope_close(scope, EDDY_OK);
}

/* The cancel comes at 30, while the second defer sleeps: the budget ends at 80. */
IN_TASK(budget_begins_with_the_cancel) {
    (void)context;
    CHECK_STATUS(eddy_task_spawn(nap_at_root, NULL, NULL, &napper), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(cancel_napper, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(napper, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_release(napper), EDDY_OK);
    CHECK_TRACE("nap nap nap");
    return EDDY_OK;
}

/* TSK-20: a second cancel does not reach the registered cleanup. */
static eddy_status_t clean_up_for_40(void *context) {
    (void)context;
    CHECK_STATUS(eddy_sleep(MS(40)), EDDY_OK);
    trace("cleaned");
    return EDDY_OK;
}

static eddy_status_t sleep_with_cleanup(void *context) {
    (void)context;
    CHECK_STATUS(eddy_defer(clean_up_for_40, NULL), EDDY_OK);
    return eddy_sleep(EDDY_SECONDS(1));
}

IN_TASK(cancelled_twice) {
    (void)context;
    CHECK_STATUS(eddy_task_spawn(sleep_with_cleanup, NULL, NULL, &napper), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(10)), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(napper, "first"), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(10)), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(napper, "second"), EDDY_OK);
    CHECK_STATUS(eddy_task_join(napper, NULL), EDDY_ETARGETCANCELED);
    CHECK_INT(now_ms(), 50);
    CHECK_TRACE("cleaned");
    CHECK_STATUS(eddy_task_release(napper), EDDY_OK);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Failures and leaks inside
 */
static eddy_status_t fail_with_text(void *context) {
    (void)context;
    return eddy_fail(-EIO, "cannot unlink");
}

REPORTING(failures_are_reported, 1) {
    eddy_scope_t scope;
    (void)context;
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_defer(note, words[0]), EDDY_OK);
    CHECK_STATUS(eddy_defer(fail_with_text, NULL), EDDY_OK);
    CHECK_STATUS(eddy_defer(note, words[1]), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_OK), EDDY_OK);
    CHECK_TRACE("b a");
    CHECK_STATUS(reports.status, -EIO);
    CHECK_CONTAINS(reports.text, "cannot unlink");
    return EDDY_OK;
}

static eddy_status_t leak_a_scope(void *context) {
    eddy_scope_t scope;
    (void)context;
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_defer(note, words[2]), EDDY_OK);
    return EDDY_OK;
}

REPORTING(leaks_there, 1) {
    eddy_scope_t scope;
    (void)context;
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_defer(note, words[0]), EDDY_OK);
    CHECK_STATUS(eddy_defer(leak_a_scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_OK), EDDY_OK);
    CHECK_TRACE("c a");
    CHECK_STATUS(reports.status, EDDY_ESCOPELEAK);
    CHECK_CONTAINS(reports.site, "scope_defer.c:");
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    return EDDY_OK;
}

static void leak_inside_a_defer(void) {
    if (!check_leak_is_fatal(leaks_there)) leaks_there();
}

/* ------------------------------------------------------------------------------------------------
 * Timeouts inside cleanup
 */
static eddy_status_t timeout_inside(void *context) {
    eddy_scope_t timeout;
    (void)context;
    CHECK_STATUS(eddy_timeout_open(&timeout, MS(5), NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(EDDY_SECONDS(1)), EDDY_ECANCELED);
    CHECK_STATUS(eddy_scope_close(timeout, EDDY_ECANCELED), EDDY_ETIMEDOUT);
    trace("at:%d", (int)now_ms());
    return EDDY_OK;
}

IN_TASK(timeout_in_a_defer) {
    eddy_scope_t outer;
    (void)context;
    CHECK_STATUS(eddy_timeout_open(&outer, MS(10), NULL), EDDY_OK);
    CHECK_STATUS(eddy_defer(timeout_inside, NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(EDDY_SECONDS(1)), EDDY_ECANCELED);
    CHECK_STATUS(eddy_scope_close(outer, EDDY_ECANCELED), EDDY_ETIMEDOUT);
    CHECK_TRACE("at:15");
    return EDDY_OK;
}

static const check_test_t tests[] = {
    { "M7: defers run last first, after the children", last_first_after_children },
    { "M7: a defer belongs to the scope that is current", belongs_to_the_current_scope },
    { "M7: root defers run after the task function has returned", root_defers_run_after_return },
    { "M7: if eddy_defer fails, fn does not run", refused },
    { "M7: defers are shielded, with one budget per scope", one_budget_per_scope },
    { "M7: the budget is 5 s by default, EDDY_NONE is no limit", default_and_unlimited },
    { "M7: the budget begins when cancellation reaches the defers",
        budget_begins_with_the_cancel },
    { "M7, TSK-20: a second cancel does not interrupt registered cleanup", cancelled_twice },
    { "M7: a defer's failure is reported, never returned", failures_are_reported },
    { "M7, leaks: a scope left open inside a defer", leak_inside_a_defer },
    { "M7, TO-20: a timeout inside a defer of an expired scope", timeout_in_a_defer },
};
CHECK_MAIN(tests)
