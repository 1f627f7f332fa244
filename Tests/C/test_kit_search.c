/*
 * The public test kit: the order of a search's runs, what is refused, and the trace: the same
 * program and seed give the same hash in another process.
 *
 * Threads: one.
 */
#include "check_hostile.h"
#include "test_kit.h"

#include <fcntl.h>
#include <sys/wait.h>

/* ---- the search ---- */

static int setups, afters, handed_over;
static int64_t places[8];
static eddy_status_t statuses[8];

static eddy_status_t counts_setup(void *context) {
    eddy_loop_t loop = { 0 };
    CHECK_STATUS(eddy_loop_current(&loop), EDDY_EWRONGTHREAD);
    CHECK(context == &handed_over);
    setups++;
    return EDDY_OK;
}

static eddy_status_t counts_after(void *context, int64_t place, eddy_status_t status) {
    eddy_loop_t loop = { 0 };
    CHECK_STATUS(eddy_loop_current(&loop), EDDY_EWRONGTHREAD);
    CHECK(context == &handed_over);
    places[afters % 8] = place;
    statuses[afters++ % 8] = status;
    return EDDY_OK;
}

static eddy_status_t waits_twice(void *context) {
    (void)context;
    EDDY_TRY(eddy_yield());
    return eddy_sleep(EDDY_SECONDS(3600));
}

static void runs_in_order(uint32_t flags, eddy_status_t cancelled) {
    eddy_test_options_t options = EDDY_TEST_OPTIONS_INIT;
    eddy_loop_t loop = { 0 };
    options.flags = flags;
    options.setup = counts_setup;
    options.after = counts_after;
    setups = afters = 0;
    const eddy_test_finding_t finding = cancel(waits_twice, &handed_over, &options);
    CHECK_INT(finding.kind, EDDY_FINDING_NONE);
    CHECK_INT(finding.exhausted, 1);
    CHECK_INT(finding.runs, 3);
    CHECK_INT(finding.place, 3);
    CHECK_INT(setups, 3);
    CHECK_INT(afters, 3);
    for (int index = 0; index < 3; index++) CHECK_INT(places[index], index + 1);
    CHECK_STATUS(statuses[0], cancelled);
    CHECK_STATUS(statuses[1], cancelled);
    CHECK_STATUS(statuses[2], EDDY_OK);
    CHECK_STATUS(eddy_loop_current(&loop), EDDY_EWRONGTHREAD);
}

static void cancels_each_wait(void) {
    runs_in_order(0, EDDY_ECANCELED);
    runs_in_order(EDDY_TEST_DEADLINE, EDDY_ETIMEDOUT);
}

static eddy_status_t says_no(void *context, int64_t place, eddy_status_t status) {
    (void)context;
    (void)status;
    return place == 2 ? EDDY_EPERM : EDDY_OK;
}

static eddy_status_t refuses(void *context) {
    (void)context;
    return EDDY_EBROKEN;
}

static void callbacks_decide(void) {
    eddy_test_options_t options = EDDY_TEST_OPTIONS_INIT;
    options.after = says_no;
    eddy_test_finding_t finding = cancel(waits_twice, NULL, &options);
    CHECK_INT(finding.kind, EDDY_FINDING_CHECK);
    CHECK_INT(finding.place, 2);
    CHECK_STATUS(finding.status, EDDY_EPERM);
    CHECK_CONTAINS(finding.text, "EPERM");
    options.after = NULL;
    options.max_runs = 2;
    finding = cancel(waits_twice, NULL, &options);
    CHECK_INT(finding.runs, 2);
    CHECK_INT(finding.exhausted, 0);
    options.setup = refuses;
    CHECK_STATUS(eddy_test_cancel_everywhere(waits_twice, NULL, &options, &finding),
        EDDY_EBROKEN);
}

/* The value that has come wins: where the cancel comes between the wake and the waiter's return,
 * and where it comes before the wake, but the waiter runs after it. */
static int both;
static eddy_status_t completes(void *context) {
    return eddy_future_complete(*(eddy_future_t *)context, NULL, NULL);
}

static eddy_status_t waits_for_a_worker(void *context) {
    eddy_future_t future = { 0 };
    eddy_task_t task = { 0 };
    (void)context;
    EDDY_TRY(eddy_future_create(&future));
    eddy_status_t status = eddy_task_spawn(completes, &future, NULL, &task);
    if (status == EDDY_OK) {
        status = eddy_future_wait(future, NULL);
        if (status == EDDY_OK && eddy_cancelled()) both++;
        const eddy_status_t joined = eddy_task_join(task, NULL);
        if (status == EDDY_OK) status = joined;
        (void)eddy_task_release(task);
    }
    (void)eddy_future_release(future);
    return status;
}

static void cancels_after_the_wake(void) {
    both = 0;
    const eddy_test_finding_t finding = cancel(waits_for_a_worker, NULL, NULL);
    CHECK_INT(finding.kind, EDDY_FINDING_NONE);
    CHECK_INT(finding.runs, 3);
    CHECK_INT(both, 2);
}

static void refusals(void) {
    eddy_test_finding_t finding = found();
    eddy_test_options_t options = EDDY_TEST_OPTIONS_INIT;
    eddy_loop_options_t loop_options = EDDY_LOOP_OPTIONS_INIT;
    eddy_loop_t loop = { 0 };
    CHECK_STATUS(eddy_test_cancel_everywhere(NULL, NULL, NULL, &finding), EDDY_EINVAL);
    CHECK_STATUS(eddy_test_cancel_everywhere(waits_twice, NULL, NULL, NULL), EDDY_EINVAL);
    finding.size = 3;
    CHECK_STATUS(eddy_test_cancel_everywhere(waits_twice, NULL, NULL, &finding), EDDY_EINVAL);
    finding = found();
    options.flags = EDDY_TEST_DEADLINE;
    CHECK_STATUS(eddy_test_fail_allocations(waits_twice, NULL, &options, &finding), EDDY_EINVAL);
    options.flags = 0x40;
    CHECK_STATUS(eddy_test_cancel_everywhere(waits_twice, NULL, &options, &finding), EDDY_EINVAL);
    options.flags = 0;
    options.loop = &loop_options;
    loop_options.flags = EDDY_LOOP_UNREF;
    CHECK_STATUS(eddy_test_cancel_everywhere(waits_twice, NULL, &options, &finding), EDDY_EINVAL);
    loop_options.flags = 0;
    loop_options.grace_ns = -5;
    CHECK_STATUS(eddy_test_cancel_everywhere(waits_twice, NULL, &options, &finding), EDDY_EINVAL);
    CHECK_STATUS(eddy_loop_create(NULL, &loop), EDDY_OK);
    CHECK_STATUS(eddy_test_cancel_everywhere(waits_twice, NULL, NULL, &finding), EDDY_EBUSY);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_INT(finding.kind, EDDY_FINDING_NONE);
    CHECK_INT(eddy_has_feature("test-kit"), 1);
}

static eddy_status_t leaves_a_scope_open(void *context) {
    eddy_scope_t scope = { 0 };
    (void)context;
    EDDY_TRY(eddy_scope_open(&scope, NULL));
    return eddy_yield();
}

/* Every report of every run reaches the user's hook, if there is one. */
static void reports_go_on(void) {
    eddy_test_options_t options = EDDY_TEST_OPTIONS_INIT;
    const eddy_loop_options_t loop_options = virtual_options();
    if (check_leak_is_fatal(reports_go_on)) return;
    options.loop = &loop_options;
    reports_clear();
    const eddy_test_finding_t finding = cancel(leaves_a_scope_open, NULL, &options);
    CHECK_INT(finding.kind, EDDY_FINDING_SCOPE);
    CHECK_INT(reports_with(EDDY_ESCOPELEAK), 1);
    CHECK_INT(reports.count, 1);
}

/* ---- the trace ---- */

static eddy_status_t worker(void *context) {
    for (int index = 0; index < 3; index++) EDDY_TRY(eddy_yield());
    return context ? eddy_sleep(EDDY_SECONDS(1)) : EDDY_OK;
}

static eddy_status_t program(void *context) {
    eddy_scope_t group = { 0 };
    (void)context;
    EDDY_TRY(eddy_group_open(&group, NULL));
    for (int index = 0; index < 6; index++)
        EDDY_TRY_IN(group,
            eddy_group_spawn(group, worker, index % 2 ? &handed_over : NULL, NULL, NULL));
    return eddy_scope_close(group, EDDY_OK);
}

static uint64_t hash_of(uint64_t seed, eddy_task_fn fn) {
    eddy_loop_options_t options = virtual_options();
    uint64_t hash = 0;
    options.flags |= EDDY_LOOP_SEEDED_ORDER | EDDY_LOOP_TRACE;
    options.seed = seed;
    CHECK_STATUS(eddy_run(&options, fn, NULL), EDDY_OK);
    CHECK_STATUS(eddy_test_trace_hash(&hash), EDDY_OK);
    return hash;
}

static eddy_status_t reads_its_hash(void *context) {
    uint64_t first = 0, second = 0;
    (void)context;
    CHECK_STATUS(eddy_test_trace_hash(&first), EDDY_OK);
    CHECK_STATUS(eddy_test_trace_hash(NULL), EDDY_EINVAL);
    EDDY_TRY(eddy_yield());
    CHECK_STATUS(eddy_test_trace_hash(&second), EDDY_OK);
    CHECK(first != second);
    return EDDY_OK;
}

static void traces(void) {
    uint64_t hash = 0;
    CHECK_STATUS(eddy_test_trace_hash(&hash), EDDY_EWRONGTHREAD);
    const uint64_t seven = hash_of(7, program);
    CHECK(seven == hash_of(7, program));
    CHECK(seven != hash_of(8, program));
    (void)hash_of(7, reads_its_hash);
    CHECK_STATUS(run_virtual(worker, NULL), EDDY_OK);
}

/* With memory laid out otherwise, and its handles' generations and loop's number others. */
static void traces_elsewhere(void) {
    int ends[2];
    uint64_t here = hash_of(7, program), there = 0;
    CHECK_INT(pipe2(ends, O_CLOEXEC), 0);
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        check_failures = 0;
        void *shift = malloc(100000);
        (void)hash_of(1, program);
        const uint64_t hash = hash_of(7, program);
        CHECK_INT(write(ends[1], &hash, sizeof hash), (int)sizeof hash);
        free(shift);
        check_end_child();
    }
    CHECK_INT(read(ends[0], &there, sizeof there), (int)sizeof there);
    CHECK(here == there);
    CHECK_INT(waitpid(child, NULL, 0), child);
    close(ends[0]);
    close(ends[1]);
}

static const check_test_t tests[] = {
    { "kit: each wait in turn, by request and deadline", cancels_each_wait },
    { "kit: a cancel between the wake and the return", cancels_after_the_wake },
    { "kit: setup, after and max_runs", callbacks_decide },
    { "kit: what is refused", refusals },
    { "kit: reports go on to the user's hook", reports_go_on },
    { "kit: the trace of a program and a seed", traces },
    { "kit: the same trace in another process", traces_elsewhere },
};
CHECK_MAIN(tests)
