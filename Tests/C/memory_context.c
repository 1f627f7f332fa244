/* skip: asan tsan valgrind: replaces malloc */
/*
 * Out of memory with context variables: a scenario runs once for each allocation in it, with that
 * one failing, and once more with all later ones failing too.
 *
 * A call that gives EDDY_ENOMEM has changed nothing; each value is released once; no block is left.
 * Threads: one.
 */
#include "check.h"
#include "memory_interpose.h"

/* More variables than a chunk of records has room for, so that a copy of all meets its end. */
#define VARIABLES 40

static int handed, released, surfaced;
static int numbers[1000];
static eddy_var_t variables[VARIABLES];
static int expected[VARIABLES];        /* in the context of the scenario; -1: not set */

static void release_number(void *value) {
    released++;
    CHECK_INT(*(int *)value < 0, 0);
    *(int *)value = -1;                        /* a second release would be seen */
}

static void *number(void) {
    numbers[handed] = handed;
    return &numbers[handed++];
}

static int may(eddy_status_t status) {
    if (status == EDDY_ENOMEM) surfaced++;
    else CHECK_STATUS(status, EDDY_OK);
    return status == EDDY_OK;
}

static void check_expected(void) {
    for (int index = 0; index < VARIABLES; index++) {
        void *value = NULL;
        CHECK_STATUS(eddy_var_get(&variables[index], &value), EDDY_OK);
        CHECK_INT(value ? *(int *)value : -1, expected[index]);
    }
}

/* Sets with a token or without; what failed is as it was. */
static int set(int index, eddy_token_t *token) {
    const int before = handed;
    const int good = may(eddy_var_set(&variables[index], number(), token));
    if (good) expected[index] = before;
    else CHECK_INT(numbers[before], -1);
    check_expected();
    return good;
}

static eddy_status_t changes_its_own(void *context) {
    (void)context;
    for (int index = 0; index < VARIABLES; index += 13)
        may(eddy_var_set(&variables[index], number(), NULL));
    return EDDY_OK;
}

static eddy_status_t when_done(void *context, eddy_future_t future) {
    (void)future;
    return changes_its_own(context);
}

static void start(void *instance, eddy_task_t self) {
    changes_its_own(instance);
    CHECK_STATUS(eddy_foreign_complete(self, EDDY_OK, NULL, NULL), EDDY_OK);
}

/* Its root scope has timers, and may not be had after the context was copied. */
static void spawn_foreign(void) {
    static const eddy_foreign_ops_t ops = { (uint32_t)sizeof ops, 0, start, NULL, NULL,
        NULL, NULL };
    eddy_foreign_options_t options = EDDY_FOREIGN_OPTIONS_INIT;
    options.flags = EDDY_SCOPE_SHIELD;
    options.timeout_ns = EDDY_SECONDS(1);
    may(eddy_foreign_spawn(&ops, NULL, &options, NULL));
}

/* Each of these shares the list, so that the next set has to copy what stands above. */
static void share_it(eddy_context_t *context, eddy_future_t done) {
    eddy_spawn_options_t options = EDDY_SPAWN_OPTIONS_INIT;
    const eddy_context_t null = { 0 };
    may(eddy_task_spawn(changes_its_own, NULL, NULL, NULL));
    set(0, NULL);
    may(eddy_post(changes_its_own, NULL, NULL));
    spawn_foreign();
    set(1, NULL);
    if (done.id) may(eddy_future_on_done(done, when_done, NULL, NULL));
    set(2, NULL);
    if (!may(eddy_context_copy(null, context))) return;
    set(3, NULL);
    options.context = *context;
    may(eddy_task_spawn(changes_its_own, NULL, &options, NULL));
    CHECK_STATUS(eddy_context_run(*context, changes_its_own, NULL), EDDY_OK);
    if (done.id) may(eddy_future_on_done_in(done, *context, when_done, NULL, NULL));
    check_expected();
}

/* A reset that fails leaves the token; it works when there is memory again. */
static void put_back(eddy_token_t token, int index, int old) {
    if (!token.id) return;
    if (!may(eddy_var_reset(token))) {
        check_expected();
        CHECK_STATUS(eddy_token_release(token), EDDY_OK);
        return;
    }
    expected[index] = old;
    check_expected();
    CHECK_STATUS(eddy_var_reset(token), EDDY_EBADHANDLE);
}

static eddy_status_t scenario(void *context) {
    eddy_context_t copy = { 0 }, with = { 0 };
    eddy_future_t done = { 0 };
    eddy_token_t first = { 0 }, last = { 0 };
    (void)context;
    for (int index = 0; index < VARIABLES; index++) expected[index] = -1;
    for (int index = 0; index < VARIABLES; index++) set(index, NULL);
    may(eddy_future_create(&done));
    const int old = expected[0];
    set(0, &first);
    share_it(&copy, done);
    const int old_last = expected[VARIABLES - 1];
    set(VARIABLES - 1, &last);
    if (may(eddy_context_with(copy, &variables[5], number(), &with)))
        CHECK_STATUS(eddy_context_release(with), EDDY_OK);
    put_back(first, 0, old);
    put_back(last, VARIABLES - 1, old_last);
    if (done.id) CHECK_STATUS(eddy_future_complete(done, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    check_expected();
    CHECK_STATUS(eddy_context_release(copy), EDDY_OK);
    return eddy_future_release(done);
}

static void run_scenario(int64_t fail_at, int and_later) {
    const eddy_loop_options_t options = virtual_options();
    const int64_t blocks = memory.blocks;
    handed = released = surfaced = 0;
    reports_clear();
    for (int index = 0; index < VARIABLES; index++)
        variables[index] = (eddy_var_t)EDDY_VAR_INIT("v", NULL, release_number);
    memory_arm(fail_at, and_later);
    const eddy_status_t status = eddy_run(&options, scenario, NULL);
    memory_disarm();
    if (status != EDDY_ENOMEM) CHECK_STATUS(status, EDDY_OK);
    CHECK_INT(released, handed);
    CHECK_INT(memory.blocks - blocks, 0);
    CHECK_INT(reports.count, 0);
}

static void fail_each(int and_later) {
    int64_t shown = 0, step = 0;
    run_scenario(0, 0);
    CHECK_INT(surfaced, 0);
    for (step = 1; step < 5000; step++) {
        const int before = check_failures;
        run_scenario(step, and_later);
        shown += surfaced > 0;
        if (check_failures != before) {
            printf("  with step %lld failing\n", (long long)step);
            break;
        }
        if (memory.steps < step) break;
    }
    CHECK(step > 20 && step < 5000);
    CHECK(shown >= 8);
}

static void one_fails(void) { fail_each(0); }
static void all_later_fail(void) { fail_each(1); }

static const check_test_t tests[] = {
    { "CTX: out of memory, each allocation", one_fails },
    { "CTX: out of memory, all from each on", all_later_fail },
};
CHECK_MAIN(tests)
