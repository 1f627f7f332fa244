/*
 * call_kit.c: what the test kit sees of callbacks: the trace, the seeded order, what is left over,
 * and the report hook of a run.
 *
 * Threads: one.
 */
#include "test_kit.h"

static eddy_status_t say(void *word) {
    trace("%s", (const char *)word);
    return EDDY_OK;
}

static eddy_status_t ok(void *context) {
    (void)context;
    return EDDY_OK;
}

/* ---- the trace ---- */

static uint64_t hash_of(uint64_t seed, eddy_task_fn fn, void *context) {
    eddy_loop_options_t options = virtual_options();
    uint64_t hash = 0;
    options.flags |= EDDY_LOOP_SEEDED_ORDER | EDDY_LOOP_TRACE;
    options.seed = seed;
    trace_clear();
    CHECK_STATUS(eddy_run(&options, fn, context), EDDY_OK);
    CHECK_STATUS(eddy_test_trace_hash(&hash), EDDY_OK);
    return hash;
}

/* Two callbacks for the same two times, the other way round if context is not NULL. */
static eddy_status_t two_timers(void *context) {
    CHECK_STATUS(eddy_call_later(context ? 2 : 1, ok, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_call_later(context ? 1 : 2, ok, NULL, NULL, NULL), EDDY_OK);
    return eddy_sleep(5);
}

static void traced(void) {
    int other = 0;
    CHECK(hash_of(1, two_timers, NULL) == hash_of(1, two_timers, NULL));
    CHECK(hash_of(1, two_timers, NULL) != hash_of(1, two_timers, &other));
}

/* With a seed callbacks come first, in their order, and then the tasks. */
static eddy_status_t mixed_round(void *context) {
    (void)context;
    CHECK_STATUS(eddy_task_spawn(say, "task", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_call_soon(say, "1", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(say, "task", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_post(say, "2", NULL), EDDY_OK);
    CHECK_STATUS(eddy_call_soon(say, "3", NULL, NULL), EDDY_OK);
    return eddy_sleep(1);
}

static void seeded(void) {
    for (uint64_t seed = 1; seed < 20; seed++) {
        (void)hash_of(seed, mixed_round, NULL);
        CHECK_TRACE("1 2 3 task task");
    }
}

/* ---- what is left over ---- */

static eddy_status_t forgets_a_handle(void *context) {
    eddy_callback_t callback = { 0 };
    (void)context;
    CHECK_STATUS(eddy_call_soon_at("kit.c:3", ok, NULL, NULL, &callback), EDDY_OK);
    EDDY_TRY(eddy_sleep(EDDY_SECONDS(1)));
    return eddy_callback_release(callback);
}

static void finds_a_handle(void) {
    const eddy_test_finding_t finding = cancel(forgets_a_handle, NULL, NULL);
    CHECK_INT(finding.kind, EDDY_FINDING_CALLBACK);
    CHECK_TEXT(finding.text, "a reference to a callback was never released (kit.c:3)");
    CHECK_INT(finding.count, 1);
}

static eddy_status_t forgets_a_timer(void *context) {
    (void)context;
    EDDY_TRY(eddy_yield());
    return eddy_call_later_at("kit.c:9", EDDY_SECONDS(9), ok, NULL, NULL, NULL);
}

static void finds_a_timer(void) {
    eddy_test_options_t options = EDDY_TEST_OPTIONS_INIT;
    const eddy_test_finding_t finding = cancel(forgets_a_timer, NULL, NULL);
    CHECK_INT(finding.kind, EDDY_FINDING_CALLBACK);
    CHECK_TEXT(finding.text, "a callback outlives the task under test (kit.c:9)");
    options.flags = EDDY_TEST_OUTLIVE;
    CHECK_INT(cancel(forgets_a_timer, NULL, &options).kind, EDDY_FINDING_NONE);
}

/* Cancelled at each wait, and with each request for memory refused, nothing is left of this. */
static eddy_status_t tidy(void *context) {
    eddy_callback_t callback = { 0 };
    eddy_status_t status = eddy_call_later(EDDY_SECONDS(9), ok, NULL, NULL, &callback);
    if (status != EDDY_OK) return status;
    status = eddy_call_soon(ok, NULL, NULL, NULL);
    if (status == EDDY_OK) status = eddy_sleep(EDDY_SECONDS(1));
    CHECK_STATUS(eddy_callback_cancel(callback), EDDY_OK);
    CHECK_STATUS(eddy_callback_release(callback), EDDY_OK);
    return context ? EDDY_EINVAL : status;
}

static void finds_nothing(void) {
    eddy_test_finding_t finding = cancel(tidy, NULL, NULL);
    CHECK_INT(finding.kind, EDDY_FINDING_NONE);
    CHECK_INT(finding.exhausted, 1);
    finding = found();
    CHECK_STATUS(eddy_test_fail_allocations(tidy, NULL, NULL, &finding), EDDY_OK);
    CHECK_INT(finding.kind, EDDY_FINDING_NONE);
    CHECK_INT(finding.exhausted, 1);
}

/* ---- the hook of a run ---- */

/* A hook that a run sets is heard in that run; the kit still hears what it looks for. */
static eddy_status_t sets_a_hook(void *heard) {
    eddy_loop_t loop = { 0 };
    eddy_report_fn fn = reports_record;
    CHECK_STATUS(eddy_loop_current(&loop), EDDY_OK);
    CHECK_STATUS(eddy_loop_report(loop, &fn, NULL), EDDY_OK);
    CHECK(fn == NULL);
    CHECK_STATUS(eddy_loop_set_report(loop, reports_record, heard), EDDY_OK);
    CHECK_STATUS(eddy_report_text(EDDY_ESCOPELEAK, "as if"), EDDY_OK);
    return eddy_yield();
}

static void hook_of_a_run(void) {
    reports_clear();
    const eddy_test_finding_t finding = cancel(sets_a_hook, NULL, NULL);
    CHECK_INT(finding.kind, EDDY_FINDING_SCOPE);
    CHECK_INT(reports.count, 1);
}

static const check_test_t tests[] = {
    { "kit: the trace sees the order of callbacks", traced },
    { "kit: the seeded order leaves callbacks in front, in their order", seeded },
    { "kit: a callback's handle", finds_a_handle },
    { "kit: a callback that outlives the task under test", finds_a_timer },
    { "kit: a tidy program has nothing left", finds_nothing },
    { "kit: a report hook that is set in a run", hook_of_a_run },
};
CHECK_MAIN(tests)
