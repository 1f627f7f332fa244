/* skip: asan tsan valgrind: replaces malloc */
/*
 * Out of memory: a scenario that uses every feature runs once for each allocation in it, with that
 * one failing, and once more with all later ones failing too.
 *
 * Each time: EDDY_ENOMEM comes only where the header names it, or the scenario gets by without;
 * nothing crashes or hangs; whatever was handed in is released once; no block and no mapping is
 * left after the loop has closed; and the next loop works.
 * Threads: one.
 */
#include "check.h"
#include "memory_interpose.h"

#include <sys/wait.h>

static int handed, released;           /* values, contexts and instances */
static int surfaced;                   /* how often EDDY_ENOMEM came */
static int scenario_done;

/* What is handed in, with count_release. */
static void *hand(void) {
    handed++;
    return &released;
}

/* 1 if the call gave what was expected, 0 if EDDY_ENOMEM, which the header allows it. */
static int check_may(eddy_status_t status, eddy_status_t expected, const char *text, int line) {
    if (status == EDDY_ENOMEM && expected != EDDY_ENOMEM) {
        surfaced++;
        return 0;
    }
    return check_status(status, expected, text, __FILE__, line);
}
#define MAY(expr, expected) check_may((expr), (expected), #expr, __LINE__)

static eddy_status_t ok(void *context) {
    (void)context;
    return EDDY_OK;
}

static eddy_status_t fails(void *context) {
    (void)context;
    const eddy_status_t status = eddy_yield();       /* cancelled too when a sibling was first */
    CHECK(status == EDDY_OK || status == EDDY_ECANCELED);
    return eddy_fail(EDDY_EPERM, "a failure with a text, number %d", 5);
}

/* Outside any task. */
static eddy_status_t fails_quietly(void *context) {
    (void)context;
    return eddy_fail(EDDY_EPERM, "reported");
}

static eddy_status_t valued(void *context) {
    (void)context;
    const eddy_status_t status = eddy_return(hand(), count_release);
    if (status == EDDY_ENOMEM) surfaced++;
    return status;
}

static eddy_status_t until_cancelled(void *context) {
    (void)context;
    const eddy_status_t status = eddy_sleep(EDDY_FOREVER);
    if (status == EDDY_ENOMEM) surfaced++;
    return status == EDDY_ENOMEM ? EDDY_OK : status;
}

static eddy_spawn_options_t owning(void) {
    eddy_spawn_options_t options = EDDY_SPAWN_OPTIONS_INIT;
    options.name = "a-task-with-a-name";
    options.release_context = count_release;
    return options;
}

/* ---- the features, each in its own function; all of them run in every scenario ---- */

static eddy_status_t done(void *context, eddy_future_t future) {
    (void)context;
    (void)future;
    return EDDY_OK;
}

static void use_futures(void) {
    eddy_future_t future = { 0 };
    eddy_error_t error = { 0 };
    if (MAY(eddy_future_create(&future), EDDY_OK)) {
        MAY(eddy_future_on_done(future, done, hand(), count_release), EDDY_OK);
        CHECK_STATUS(eddy_future_complete(future, hand(), count_release), EDDY_OK);
        CHECK_STATUS(eddy_future_complete(future, hand(), count_release), EDDY_EALREADY);
        CHECK_STATUS(eddy_future_wait(future, NULL), EDDY_OK);
        CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    }
    if (MAY(eddy_future_create(&future), EDDY_OK)) {
        CHECK_STATUS(eddy_future_fail(future, EDDY_EPERM, "with a text"), EDDY_OK);
        CHECK_STATUS(eddy_future_wait(future, NULL), EDDY_EPERM);
        if (MAY(eddy_future_error(future, &error), EDDY_OK)) {
            CHECK_STATUS(eddy_error_status(error), EDDY_EPERM);
            CHECK_STATUS(eddy_error_release(error), EDDY_OK);
        }
        CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    }
}

static void use_tasks(void) {
    const eddy_spawn_options_t options = owning();
    eddy_task_t task = { 0 };
    if (MAY(eddy_task_spawn(valued, hand(), &options, &task), EDDY_OK)) {
        MAY(eddy_task_join(task, NULL), EDDY_OK);      /* eddy_return may have had none */
        CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    }
    if (MAY(eddy_task_spawn(fails, hand(), &options, &task), EDDY_OK)) {
        CHECK_STATUS(eddy_task_join(task, NULL), EDDY_EPERM);
        CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    }
    if (MAY(eddy_task_spawn(until_cancelled, hand(), &options, &task), EDDY_OK)) {
        CHECK_STATUS(eddy_task_cancel(task, "before its first step"), EDDY_OK);
        CHECK_STATUS(eddy_task_join(task, NULL), EDDY_ETARGETCANCELED);
        CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    }
    MAY(eddy_task_spawn(fails, hand(), &options, NULL), EDDY_OK);     /* nobody reads it */
}

/* Many at once, so that tables, heaps and stacks have to grow. */
static void use_many(void) {
    const eddy_spawn_options_t options = owning();
    eddy_scope_t group = { 0 };
    if (!MAY(eddy_group_open(&group, NULL), EDDY_OK)) return;
    for (int index = 0; index < 150; index++)
        MAY(eddy_group_spawn(group, until_cancelled, hand(), &options, NULL), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(group, "all of them"), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(group, EDDY_ECANCELED), EDDY_OK);
}

static void use_groups(void) {
    eddy_scope_t group = { 0 };
    eddy_error_t error = { 0 };
    char text[512];
    int failing = 0;
    if (!MAY(eddy_group_open(&group, NULL), EDDY_OK)) return;
    failing += MAY(eddy_group_spawn(group, fails, NULL, NULL, NULL), EDDY_OK);
    failing += MAY(eddy_group_spawn(group, fails, NULL, NULL, NULL), EDDY_OK);
    MAY(eddy_group_spawn(group, until_cancelled, NULL, NULL, NULL), EDDY_OK);
    if (!failing) {
        CHECK_STATUS(eddy_scope_cancel(group, NULL), EDDY_OK);
        CHECK_STATUS(eddy_scope_close(group, EDDY_ECANCELED), EDDY_OK);
        return;
    }
    CHECK_STATUS(eddy_scope_close(group, EDDY_OK), EDDY_EGROUP);
    if (!MAY(eddy_error_current(&error), EDDY_OK)) return;
    CHECK_STATUS(eddy_error_status(error), EDDY_EGROUP);
    CHECK(eddy_error_format(error, text, sizeof text) > 0);
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
}

static void use_scopes(void) {
    eddy_scope_t outer = { 0 }, inner = { 0 };
    void *value = NULL;
    if (!MAY(eddy_timeout_open(&outer, EDDY_SECONDS(1), NULL), EDDY_OK)) return;
    MAY(eddy_defer(ok, NULL), EDDY_OK);
    MAY(eddy_defer(fails, NULL), EDDY_OK);
    if (MAY(eddy_shield_open(&inner, NULL), EDDY_OK)) {
        MAY(eddy_sleep(EDDY_SECONDS(2)), EDDY_OK);
        CHECK_STATUS(eddy_scope_close(inner, EDDY_OK), EDDY_OK);
    }
    MAY(eddy_call(NULL, valued, NULL, &value), EDDY_OK);
    const int before = surfaced;
    const eddy_status_t status = eddy_with_timeout(EDDY_SECONDS(1), until_cancelled, NULL, NULL);
    if (surfaced == before) MAY(status, EDDY_ECANCELED);
    else CHECK_STATUS(status, EDDY_OK);              /* its sleep had no memory */
    CHECK_STATUS(eddy_scope_close(outer, EDDY_OK), EDDY_OK);
}

static void leave_a_scope_open(void) {
    eddy_scope_t outer = { 0 }, inner = { 0 };
    if (!MAY(eddy_scope_open(&outer, NULL), EDDY_OK)) return;
    MAY(eddy_scope_open_at("left.c:1", &inner, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(outer, EDDY_OK), EDDY_OK);
}

static void use_descriptors(void) {
    int ends[2];
    int32_t events = 0;
    CHECK_INT(pipe(ends), 0);
    CHECK_INT(write(ends[1], "x", 1), 1);
    if (MAY(eddy_fd_wait(ends[0], EDDY_READABLE, &events), EDDY_OK))
        CHECK(events & EDDY_READABLE);
    close(ends[0]);
    close(ends[1]);
}

static void foreign_start(void *instance, eddy_task_t self) {
    (void)instance;
    CHECK_STATUS(eddy_foreign_complete(self, EDDY_EPERM, hand(), count_release), EDDY_OK);
}

static const eddy_foreign_ops_t foreign_ops = { (uint32_t)sizeof foreign_ops, 0, foreign_start,
    NULL, count_release, NULL, NULL };

/* Plain, and with a root scope that has timers and a name. */
static void use_foreign_tasks(void) {
    eddy_foreign_options_t options = EDDY_FOREIGN_OPTIONS_INIT;
    eddy_task_t task = { 0 };
    if (MAY(eddy_foreign_spawn(&foreign_ops, hand(), NULL, &task), EDDY_OK)) {
        CHECK_STATUS(eddy_task_join(task, NULL), EDDY_EPERM);
        CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    }
    options.flags = EDDY_SCOPE_SHIELD;
    options.timeout_ns = EDDY_SECONDS(1);
    options.name = "a-foreign-task-with-a-name";
    if (MAY(eddy_foreign_spawn(&foreign_ops, hand(), &options, &task), EDDY_OK)) {
        CHECK_STATUS(eddy_task_join(task, NULL), EDDY_EPERM);
        CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    }
}

/* Several tasks on one future; one is cancelled with a message, one turns that into a failure. */
static eddy_future_t shared;
static eddy_status_t waits(void *context) {
    const eddy_status_t status = eddy_future_wait(shared, NULL);
    return context && status != EDDY_OK ? eddy_fail(EDDY_EPERM, "converted") : status;
}

static void use_waiters(void) {
    static int converts;
    eddy_task_t tasks[3] = { { 0 }, { 0 }, { 0 } };
    if (!MAY(eddy_future_create(&shared), EDDY_OK)) return;
    MAY(eddy_task_spawn(waits, NULL, NULL, &tasks[0]), EDDY_OK);
    MAY(eddy_task_spawn(waits, &converts, NULL, &tasks[1]), EDDY_OK);
    MAY(eddy_task_spawn(waits, NULL, NULL, &tasks[2]), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    if (tasks[1].id) CHECK_STATUS(eddy_task_cancel(tasks[1], "a message"), EDDY_OK);
    if (tasks[2].id) CHECK_STATUS(eddy_task_cancel(tasks[2], "another message"), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(shared, hand(), count_release), EDDY_OK);
    if (tasks[0].id) CHECK_STATUS(eddy_task_join(tasks[0], NULL), EDDY_OK);
    if (tasks[1].id) CHECK_STATUS(eddy_task_join(tasks[1], NULL), EDDY_EPERM);
    if (tasks[2].id) CHECK_STATUS(eddy_task_join(tasks[2], NULL), EDDY_ETARGETCANCELED);
    for (int index = 0; index < 3; index++)
        CHECK_STATUS(eddy_task_release(tasks[index]), EDDY_OK);
    CHECK_STATUS(eddy_future_release(shared), EDDY_OK);
}

/* An expiry, and a failure because of one: its cause is the scope's reason. */
static void use_expiries(void) {
    eddy_scope_t scope = { 0 };
    if (!MAY(eddy_timeout_open(&scope, EDDY_SECONDS(1), NULL), EDDY_OK)) return;
    const eddy_status_t status = eddy_sleep(EDDY_SECONDS(2));
    if (status == EDDY_ENOMEM) surfaced++;
    else CHECK_STATUS(status, EDDY_ECANCELED);
    CHECK_STATUS(eddy_scope_close(scope, status),
        status == EDDY_ECANCELED ? EDDY_ETIMEDOUT : status);
    if (!MAY(eddy_scope_open(&scope, NULL), EDDY_OK)) return;
    CHECK_STATUS(eddy_scope_cancel(scope, "a message"), EDDY_OK);
    CHECK_STATUS(eddy_fail(EDDY_EPERM, "because of it"), EDDY_EPERM);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_EPERM), EDDY_EPERM);
}

#include "memory_fail_uses.h"

static void leave_tasks_behind(void) {
    const eddy_spawn_options_t options = owning();
    for (int index = 0; index < 3; index++)
        MAY(eddy_task_spawn(until_cancelled, hand(), &options, NULL), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
}

static eddy_status_t everything(void *context) {
    (void)context;
    use_futures();
    use_tasks();
    use_many();
    use_groups();
    use_scopes();
    if (!eddy_has_feature("hostile")) leave_a_scope_open();   /* fatal there */
    use_descriptors();
    use_foreign_tasks();
    use_waiters();
    use_expiries();
    use_callbacks();
    use_several();
    leave_tasks_behind();
    scenario_done++;
    return EDDY_OK;
}

/* One run of all of it with one allocation failing, or all from it on. */
static void run_scenario(int64_t fail_at, int and_later) {
    const int64_t blocks = memory.blocks, mapped = memory.mapped;
    handed = released = surfaced = scenario_done = 0;
    reports_clear();
    const eddy_loop_options_t options = virtual_options();
    memory_arm(fail_at, and_later);
    const eddy_status_t status = eddy_run(&options, everything, NULL);
    memory_disarm();
    if (status != EDDY_ENOMEM) CHECK_STATUS(status, EDDY_OK);
    CHECK_INT(scenario_done, status == EDDY_OK ? 1 : 0);
    CHECK_INT(released, handed);
    CHECK_INT(memory.blocks - blocks, 0);
    CHECK_INT(memory.mapped - mapped, 0);
}

static void check_clean_run(void) {
    run_scenario(0, 0);
    CHECK_INT(surfaced, 0);
    CHECK_INT(scenario_done, 1);
}

/* Every allocation in turn. One that is failed must show: in a status, or as a feature that got by
 * without; that some do show proves that the interposer reaches the library. */
static void fail_each(int and_later) {
    int64_t shown = 0, step = 0;
    check_clean_run();
    for (step = 1; step < 20000; step++) {
        const int before = check_failures;
        run_scenario(step, and_later);
        shown += surfaced > 0 || !scenario_done;
        if (check_failures != before) {
            printf("  with step %lld failing\n", (long long)step);
            break;
        }
        if (memory.steps < step) break;      /* it took fewer: every one has had its turn */
    }
    CHECK(step > 20 && step < 20000);
    CHECK(shown > step / 4);
    check_clean_run();
}

static void one_fails(void) { fail_each(0); }
static void all_later_fail(void) { fail_each(1); }

/* The same where the kernel has no lightweight guards: each stack's guard is then a mapping, and
 * mprotect gives ENOMEM when there are too many. In a child, since what the kernel can do is asked
 * once. */
static void without_lightweight_guards(void) {
    int status = 0;
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        check_failures = 0;
        memory.no_guards = 1;
        CHECK_INT(eddy_has_feature("guard-install"), 0);
        fail_each(0);
        check_end_child();
    }
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static const check_test_t tests[] = {
    { "Must show: out of memory, no lightweight guards", without_lightweight_guards },
    { "Must show: out of memory, each allocation", one_fails },
    { "Must show: out of memory, all from each on", all_later_fail },
};
CHECK_MAIN(tests)
