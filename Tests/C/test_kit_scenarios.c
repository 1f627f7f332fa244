/*
 * Over forty small task functions, each cancelled everywhere, by request and by deadline, and
 * starved of each of its allocations: none leaks, hangs, ignores, or completes twice.
 *
 * They are in test_kit_waits.h, test_kit_scopes.h and test_kit_several.h. A check after each run
 * sees that all that was handed in was released once.
 * Threads: one.
 */
#include "test_kit_several.h"

static eddy_status_t begin_run(void *context) {
    (void)context;
    handed = released = 0;
    return EDDY_OK;
}

static eddy_status_t end_run(void *context, int64_t place, eddy_status_t status) {
    (void)context;
    (void)place;
    if (status > 0 || status == EDDY_EDEADLK || status == EDDY_EBADHANDLE) return EDDY_EINVAL;
    return handed == released ? EDDY_OK : EDDY_EBUSY;
}

/* ---- all of them ---- */

typedef struct scenario {
    const char *name;
    eddy_task_fn fn;
} scenario_t;

#define SCENARIO(fn) { #fn, fn }
static const scenario_t scenarios[] = {
    SCENARIO(sleep_twice), SCENARIO(yield_often), SCENARIO(checkpoints),
    SCENARIO(sleep_for_ever), SCENARIO(sleep_twin), SCENARIO(sleep_twins_dropped),
    SCENARIO(future_wait), SCENARIO(future_take), SCENARIO(future_taken_and_returned),
    SCENARIO(future_failed), SCENARIO(future_cancelled),
    SCENARIO(future_cancelled_then_completed), SCENARIO(future_on_done),
    SCENARIO(future_off_done), SCENARIO(future_waiters), SCENARIO(future_error),
    SCENARIO(task_join), SCENARIO(task_value), SCENARIO(task_failure), SCENARIO(task_cancelled),
    SCENARIO(task_chain), SCENARIO(returns_a_value), SCENARIO(group_plain),
    SCENARIO(group_nested), SCENARIO(group_failing_child), SCENARIO(group_failing_body),
    SCENARIO(group_two_failures), SCENARIO(group_cancelled), SCENARIO(group_grows),
    SCENARIO(timeout_holds), SCENARIO(timeout_expires), SCENARIO(timeouts_nested),
    SCENARIO(scope_info), SCENARIO(shielded), SCENARIO(shield_grace_ends),
    SCENARIO(defer_waits), SCENARIO(defer_chain), SCENARIO(bound_value), SCENARIO(bound_nested),
    SCENARIO(bound_failure), SCENARIO(pipe_wait), SCENARIO(socket_wait),
    SCENARIO(descriptor_timeout), SCENARIO(foreign_join), SCENARIO(foreign_timeout),
    SCENARIO(foreign_in_group), SCENARIO(foreign_payload), SCENARIO(posts), SCENARIO(door),
    SCENARIO(error_with_cause), SCENARIO(loop_data), SCENARIO(gathers), SCENARIO(gather_fails),
    SCENARIO(gathers_all), SCENARIO(gather_twins), SCENARIO(waits_for_several),
    SCENARIO(selects), SCENARIO(race), SCENARIO(as_completed), SCENARIO(waits_with_limits),
};
#define SCENARIO_COUNT ((int)(sizeof scenarios / sizeof scenarios[0]))

typedef eddy_status_t (*search_fn)(eddy_task_fn fn, void *context,
    const eddy_test_options_t *options, eddy_test_finding_t *ret_finding);

static void search_all(search_fn search, uint32_t flags, uint32_t order, int64_t least) {
    eddy_loop_options_t loop = EDDY_LOOP_OPTIONS_INIT;
    eddy_test_options_t options = EDDY_TEST_OPTIONS_INIT;
    loop.flags = order;
    loop.seed = 11;
    options.flags = flags;
    options.loop = &loop;
    options.setup = begin_run;
    options.after = end_run;
    for (int index = 0; index < SCENARIO_COUNT; index++) {
        eddy_test_finding_t finding = EDDY_TEST_FINDING_INIT;
        CHECK_STATUS(search(scenarios[index].fn, NULL, &options, &finding), EDDY_OK);
        int fine = CHECK_INT(finding.kind, EDDY_FINDING_NONE);
        fine &= CHECK_TEXT(finding.text, "");
        fine &= CHECK_INT(finding.exhausted, 1);
        fine &= CHECK(finding.runs >= least);
        if (!fine)
            printf("  %s, place %lld, after %lld runs: %s\n", scenarios[index].name,
                (long long)finding.place, (long long)finding.runs,
                eddy_status_name(finding.status));
    }
}

static void by_request(void) { search_all(eddy_test_cancel_everywhere, 0, 0, 2); }

static void by_deadline(void) {
    search_all(eddy_test_cancel_everywhere, EDDY_TEST_DEADLINE, 0, 2);
}

static void in_seeded_order(void) {
    search_all(eddy_test_cancel_everywhere, 0, EDDY_LOOP_SEEDED_ORDER, 2);
}

static void starved(void) { search_all(eddy_test_fail_allocations, 0, 0, 1); }

static void there_are_forty(void) { CHECK(SCENARIO_COUNT >= 40); }

static const check_test_t tests[] = {
    { "Must show: at least 40 scenarios", there_are_forty },
    { "Must show: cancelled everywhere, by request, no finding", by_request },
    { "Must show: cancelled everywhere, by deadline, no finding", by_deadline },
    { "Must show: cancelled everywhere, seeded order, no finding", in_seeded_order },
    { "Must show: each allocation fails, no finding", starved },
};
CHECK_MAIN(tests)
