/* skip: valgrind: it leaves descriptors open and stacks suspended on purpose */
/*
 * The public test kit: what a search finds and how it says so.
 *
 * Five task functions are broken on purpose, each in one way; each is found, with its kind, and
 * named by the text. More kinds follow.
 * Threads: one.
 */
#include "check_hostile.h"
#include "test_kit.h"

#include <fcntl.h>

static eddy_test_finding_t starve(eddy_task_fn fn, void *context,
    const eddy_test_options_t *options) {
    eddy_test_finding_t finding = found();
    CHECK_STATUS(eddy_test_fail_allocations(fn, context, options, &finding), EDDY_OK);
    return finding;
}

/* "FILE:LINE" of this file. */
static const char *site_of(int line) {
    static char text[64];
    snprintf(text, sizeof text, "test_kit_findings.c:%d", line);
    return text;
}

/* ---- the five ---- */

static int released;     /* never below 0 */
static int made_at;      /* the line where the broken function made the thing */

/* Released on success alone: an early return forgets it. */
static eddy_status_t leaks_a_future(void *context) {
    eddy_future_t future = { 0 };
    (void)context;
    made_at = __LINE__ + 1;
    EDDY_TRY(eddy_future_create(&future));
    EDDY_TRY(eddy_sleep(EDDY_SECONDS(1)));
    return eddy_future_release(future);
}

static void finds_a_future(void) {
    const eddy_test_finding_t finding = cancel(leaks_a_future, NULL, NULL);
    CHECK_INT(finding.kind, EDDY_FINDING_FUTURE);
    CHECK_CONTAINS(finding.text, "a future was never released");
    CHECK_CONTAINS(finding.text, site_of(made_at));
    CHECK_INT(finding.place, 1);
    CHECK_INT(finding.runs, 1);
    CHECK_INT(finding.count, 1);
    CHECK_INT(finding.wait_kind, EDDY_WAIT_SLEEP);
    CHECK_STATUS(finding.status, EDDY_ECANCELED);
    CHECK_INT(finding.exhausted, 0);
    const eddy_test_finding_t starved = starve(leaks_a_future, NULL, NULL);
    CHECK_INT(starved.kind, EDDY_FINDING_FUTURE);
    CHECK_CONTAINS(starved.text, site_of(made_at));
    CHECK_STATUS(starved.status, EDDY_ENOMEM);
}

static eddy_status_t leaves_a_scope_open(void *context) {
    eddy_scope_t scope = { 0 };
    (void)context;
    EDDY_TRY(eddy_yield());
    made_at = __LINE__ + 1;
    EDDY_TRY(eddy_timeout_open(&scope, EDDY_SECONDS(5), NULL));
    EDDY_TRY(eddy_sleep(EDDY_SECONDS(1)));
    return eddy_scope_close(scope, EDDY_OK);
}

static void finds_a_scope(void) {
    if (check_leak_is_fatal(finds_a_scope)) return;
    const eddy_test_finding_t finding = cancel(leaves_a_scope_open, NULL, NULL);
    CHECK_INT(finding.kind, EDDY_FINDING_SCOPE);
    CHECK_CONTAINS(finding.text, "a scope was left open: the task under test");
    CHECK_CONTAINS(finding.text, site_of(made_at));
    CHECK_INT(finding.place, 2);
    CHECK_INT(finding.runs, 2);
}

static eddy_status_t ignores_it(void *context) {
    (void)context;
    do (void)eddy_sleep(EDDY_SECONDS(1)); while (released >= 0);
    return EDDY_OK;
}

static eddy_status_t shields_for_ever(void *context) {
    eddy_scope_options_t options = EDDY_SCOPE_OPTIONS_INIT;
    eddy_scope_t shield = { 0 };
    (void)context;
    options.grace_ns = EDDY_NONE;
    EDDY_TRY(eddy_shield_open(&shield, &options));
    do (void)eddy_yield(); while (released >= 0);
    return EDDY_OK;
}

static void finds_who_ignores(void) {
    eddy_test_options_t options = EDDY_TEST_OPTIONS_INIT;
    options.max_steps = 5000;
    eddy_test_finding_t finding = cancel(ignores_it, NULL, &options);
    CHECK_INT(finding.kind, EDDY_FINDING_IGNORED);
    CHECK_CONTAINS(finding.text, "ignores its cancellation");
    CHECK_CONTAINS(finding.text, "the task under test");
    CHECK_INT(finding.place, 1);
    CHECK_STATUS(finding.status, EDDY_EPENDING);
    finding = cancel(shields_for_ever, NULL, &options);
    CHECK_INT(finding.kind, EDDY_FINDING_IGNORED);
    CHECK_CONTAINS(finding.text, "the task under test was cancelled and has not ended after ");
    CHECK(finding.count > 5000 && finding.count < 8000);
}

static eddy_status_t completes(void *context) {
    return eddy_future_complete(*(eddy_future_t *)context, NULL, NULL);
}

/* Its worker completes the future; so does its own way out. */
static eddy_status_t completes_twice(void *context) {
    eddy_future_t future = { 0 };
    eddy_task_t task = { 0 };
    (void)context;
    made_at = __LINE__ + 1;
    EDDY_TRY(eddy_future_create(&future));
    eddy_status_t status = eddy_task_spawn(completes, &future, NULL, &task);
    if (status == EDDY_OK) {
        status = eddy_task_join(task, NULL);
        (void)eddy_task_release(task);
        if (status == EDDY_OK) status = eddy_sleep(EDDY_SECONDS(1));
    }
    if (status != EDDY_OK) (void)eddy_future_fail(future, EDDY_EBROKEN, NULL);
    (void)eddy_future_release(future);
    return status;
}

static void finds_who_completes_twice(void) {
    const eddy_test_finding_t finding = cancel(completes_twice, NULL, NULL);
    CHECK_INT(finding.kind, EDDY_FINDING_TWICE);
    CHECK_CONTAINS(finding.text, "a future was completed twice");
    CHECK_CONTAINS(finding.text, site_of(made_at));
    CHECK_INT(finding.count, 2);
}

static eddy_status_t forgets_a_descriptor(void *context) {
    int ends[2];
    (void)context;
    if (pipe2(ends, O_CLOEXEC) != 0) return EDDY_EINVAL;
    if (write(ends[1], "x", 1) != 1) return EDDY_EINVAL;
    eddy_status_t status = eddy_fd_wait(ends[0], EDDY_READABLE, NULL);
    close(ends[0]);
    if (status != EDDY_OK) return status;
    close(ends[1]);
    return EDDY_OK;
}

static void finds_a_descriptor(void) {
    const eddy_test_finding_t finding = cancel(forgets_a_descriptor, NULL, NULL);
    CHECK_INT(finding.kind, EDDY_FINDING_DESCRIPTOR);
    CHECK_CONTAINS(finding.text, "a descriptor was left open: ");
    CHECK_CONTAINS(finding.text, ", pipe:[");
    CHECK_INT(finding.count, 1);
    CHECK_INT(finding.wait_kind, EDDY_WAIT_FD);
}

/* ---- the other kinds ---- */

static eddy_status_t sleeps_long(void *context) {
    (void)context;
    return eddy_sleep(EDDY_SECONDS(100));
}

/* Waits for its child without owning it. */
static eddy_status_t outlived(void *context) {
    eddy_task_t task = { 0 };
    (void)context;
    made_at = __LINE__ + 1;
    EDDY_TRY(eddy_task_spawn(sleeps_long, NULL, NULL, &task));
    const eddy_status_t status = eddy_future_wait(eddy_task_future(task), NULL);
    (void)eddy_task_release(task);
    return status;
}

static void finds_a_task(void) {
    eddy_test_options_t options = EDDY_TEST_OPTIONS_INIT;
    eddy_test_finding_t finding = cancel(outlived, NULL, NULL);
    CHECK_INT(finding.kind, EDDY_FINDING_TASK);
    CHECK_CONTAINS(finding.text, "a task outlives the one under test: task-2");
    CHECK_CONTAINS(finding.text, site_of(made_at));
    options.flags = EDDY_TEST_OUTLIVE;
    finding = cancel(outlived, NULL, &options);
    CHECK_INT(finding.kind, EDDY_FINDING_NONE);
    CHECK_INT(finding.exhausted, 1);
    CHECK_TEXT(finding.text, "");
}

static eddy_status_t keeps_a_reference(void *context) {
    eddy_task_t task = { 0 };
    (void)context;
    EDDY_TRY(eddy_task_spawn(sleeps_long, NULL, NULL, &task));
    EDDY_TRY(eddy_task_join(task, NULL));
    return eddy_task_release(task);
}

static void finds_a_reference(void) {
    const eddy_test_finding_t finding = cancel(keeps_a_reference, NULL, NULL);
    CHECK_INT(finding.kind, EDDY_FINDING_TASK);
    CHECK_CONTAINS(finding.text, "a reference to a task was never released: task-2");
}

static eddy_status_t keeps_an_error(void *context) {
    eddy_error_t error = { 0 };
    (void)context;
    (void)eddy_fail(EDDY_EPERM, "not today");
    EDDY_TRY(eddy_error_current(&error));
    EDDY_TRY(eddy_yield());
    return eddy_error_release(error);
}

static void finds_an_error(void) {
    const eddy_test_finding_t finding = cancel(keeps_an_error, NULL, NULL);
    CHECK_INT(finding.kind, EDDY_FINDING_ERROR);
    CHECK_CONTAINS(finding.text, "EPERM: not today");
}

/* What it takes it releases, unless the sleep fails. `context` counts what is right. */
static eddy_status_t takes_a_value(void *context) {
    eddy_future_t future = { 0 };
    eddy_release_fn release = NULL;
    void *value = NULL;
    made_at = __LINE__ + 1;
    EDDY_TRY(eddy_future_create(&future));
    CHECK_STATUS(eddy_future_complete(future, &released, count_release), EDDY_OK);
    CHECK_STATUS(eddy_future_take(future, &value, &release), EDDY_OK);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    CHECK(value == &released);
    const eddy_status_t status = eddy_sleep(EDDY_SECONDS(1));
    if (context || status == EDDY_OK) release(value);
    return status;
}

static void finds_a_value(void) {
    released = 0;
    eddy_test_finding_t finding = cancel(takes_a_value, NULL, NULL);
    CHECK_INT(finding.kind, EDDY_FINDING_VALUE);
    CHECK_CONTAINS(finding.text, site_of(made_at));
    CHECK_INT(released, 0);
    finding = cancel(takes_a_value, &released, NULL);
    CHECK_INT(finding.kind, EDDY_FINDING_NONE);
    CHECK_INT(finding.runs, 2);
    CHECK_INT(released, 2);
}

/* Nobody completes it; that a shield keeps the cancel out makes it a hang. */
static eddy_status_t waits_for_nobody(void *context) {
    eddy_scope_options_t options = EDDY_SCOPE_OPTIONS_INIT;
    eddy_scope_t shield = { 0 };
    eddy_future_t future = { 0 };
    options.grace_ns = EDDY_NONE;
    made_at = __LINE__ + 1;
    EDDY_TRY(eddy_future_create(&future));
    if (context) EDDY_TRY(eddy_shield_open(&shield, &options));
    const eddy_status_t status = eddy_future_wait(future, NULL);
    (void)eddy_future_release(future);
    return status;
}

static void finds_a_hang(void) {
    eddy_test_options_t options = EDDY_TEST_OPTIONS_INIT;
    eddy_test_finding_t finding = cancel(waits_for_nobody, &released, NULL);
    CHECK_INT(finding.kind, EDDY_FINDING_HANG);
    CHECK_CONTAINS(finding.text, "nothing can wake the task under test: it waits for a future");
    CHECK_CONTAINS(finding.text, site_of(made_at));
    CHECK_INT(finding.place, 1);
    /* Without the shield the cancel ends it; the run that is not cancelled hangs. */
    finding = cancel(waits_for_nobody, NULL, NULL);
    CHECK_INT(finding.kind, EDDY_FINDING_HANG);
    CHECK_INT(finding.place, 2);
    options.flags = EDDY_TEST_ENDLESS;
    finding = cancel(waits_for_nobody, NULL, &options);
    CHECK_INT(finding.kind, EDDY_FINDING_NONE);
    CHECK_INT(finding.runs, 2);
    CHECK_INT(finding.exhausted, 1);
}

/* A descriptor that nobody writes to, behind a shield: the real time is bounded by the patience. */
static eddy_status_t waits_for_a_byte(void *context) {
    eddy_scope_options_t options = EDDY_SCOPE_OPTIONS_INIT;
    eddy_scope_t shield = { 0 };
    options.grace_ns = EDDY_NONE;
    EDDY_TRY(eddy_shield_open(&shield, &options));
    return eddy_scope_close(shield, eddy_fd_wait(*(int *)context, EDDY_READABLE, NULL));
}

static void finds_a_dead_descriptor(void) {
    eddy_test_options_t options = EDDY_TEST_OPTIONS_INIT;
    int ends[2];
    CHECK_INT(pipe2(ends, O_CLOEXEC), 0);
    options.patience_ns = EDDY_MILLISECONDS(1);
    const eddy_test_finding_t finding = cancel(waits_for_a_byte, &ends[0], &options);
    CHECK_INT(finding.kind, EDDY_FINDING_HANG);
    CHECK_CONTAINS(finding.text, "it waits for descriptor ");
    close(ends[0]);
    close(ends[1]);
}

static void foreign_completes_twice(void *instance, eddy_task_t self) {
    (void)instance;
    CHECK_STATUS(eddy_foreign_complete(self, EDDY_OK, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_foreign_complete(self, EDDY_EPERM, NULL, NULL), EDDY_EALREADY);
}

static const eddy_foreign_ops_t twice_ops = { (uint32_t)sizeof twice_ops, 0,
    foreign_completes_twice, NULL, NULL, NULL, NULL };

static eddy_status_t joins_a_foreign_task(void *context) {
    eddy_task_t task = { 0 };
    (void)context;
    made_at = __LINE__ + 1;
    EDDY_TRY(eddy_foreign_spawn(&twice_ops, NULL, NULL, &task));
    const eddy_status_t status = eddy_task_join(task, NULL);
    (void)eddy_task_release(task);
    return status;
}

static void finds_a_foreign_task(void) {
    const eddy_test_finding_t finding = cancel(joins_a_foreign_task, NULL, NULL);
    CHECK_INT(finding.kind, EDDY_FINDING_TWICE);
    CHECK_CONTAINS(finding.text, "a foreign task was completed twice: task-2");
    CHECK_CONTAINS(finding.text, site_of(made_at));
}

static const check_test_t tests[] = {
    { "broken 1: leaks a future", finds_a_future },
    { "broken 2: leaves a scope open", finds_a_scope },
    { "broken 3: ignores cancellation for ever", finds_who_ignores },
    { "broken 4: completes twice", finds_who_completes_twice },
    { "broken 5: forgets a descriptor", finds_a_descriptor },
    { "kit: a task that outlives the one under test", finds_a_task },
    { "kit: a reference to a task", finds_a_reference },
    { "kit: a reference to an error", finds_an_error },
    { "kit: a value that was taken", finds_a_value },
    { "kit: a hang", finds_a_hang },
    { "kit: a descriptor that nobody writes to", finds_a_dead_descriptor },
    { "kit: a foreign task that is completed twice", finds_a_foreign_task },
};
CHECK_MAIN(tests)
