/* skip: embedded swiftpm: only the hostile build has a checker */
/*
 * The hostile build's checker can fail: one fault of each kind is planted (EDDY_PLANT), each in a
 * process of its own, and each ends that with the name of the invariant it breaks.
 *
 * Invariants: the scenario has a record of every kind at once; without a fault it passes.
 * Threads: one.
 */
#include "check.h"
#include "check_hostile.h"

static int pipe_ends[2];
static eddy_future_t never;

/* ---- The scenario ---- */

static eddy_status_t wait_for_never(void *context) {
    (void)context;
    return eddy_future_wait(never, NULL);
}

static eddy_status_t wait_for_pipe(void *context) {
    (void)context;
    return eddy_fd_wait(pipe_ends[0], EDDY_READABLE, NULL);
}

static eddy_status_t nothing(void *context) {
    (void)context;
    return EDDY_OK;
}

static eddy_status_t never_done(void *context, eddy_future_t future) {
    (void)context;
    (void)future;
    return EDDY_OK;
}

/* A scope with a deadline, a shield, and a group that waits for its child. */
static eddy_status_t holder(void *context) {
    eddy_scope_t timeout, shield, group;
    (void)context;
    EDDY_TRY(eddy_timeout_open(&timeout, EDDY_SECONDS(100), NULL));
    EDDY_TRY_IN(timeout, eddy_defer(nothing, NULL));
    EDDY_TRY_IN(timeout, eddy_shield_open(&shield, NULL));
    EDDY_TRY_IN2(shield, timeout, eddy_group_open(&group, NULL));
    eddy_status_t status = eddy_group_spawn(group, wait_for_never, NULL, NULL, NULL);
    status = eddy_scope_close(group, status);
    return eddy_scope_close(timeout, eddy_scope_close(shield, status));
}

/* Enters and never leaves. */
static void start_entered(void *instance, eddy_task_t self) {
    eddy_task_t previous;
    (void)instance;
    CHECK_STATUS(eddy_foreign_enter(self, &previous), EDDY_OK);
}

static eddy_status_t root(void *context) {
    static eddy_foreign_ops_t ops = EDDY_FOREIGN_OPS_INIT;
    eddy_error_t error;
    eddy_future_t sleep;
    (void)context;
    EDDY_TRY(eddy_call_when(EDDY_FOREVER, nothing, NULL, NULL, NULL));
    EDDY_TRY(eddy_call_later(EDDY_SECONDS(100), nothing, NULL, NULL, NULL));
    ops.start = start_entered;
    EDDY_TRY(eddy_future_create(&never));
    EDDY_TRY(eddy_future_on_done(never, never_done, NULL, NULL));
    EDDY_TRY(eddy_task_spawn(holder, NULL, NULL, NULL));
    EDDY_TRY(eddy_task_spawn(wait_for_never, NULL, NULL, NULL));
    EDDY_TRY(eddy_task_spawn(wait_for_pipe, NULL, NULL, NULL));
    EDDY_TRY(eddy_foreign_spawn(&ops, NULL, NULL, NULL));
    EDDY_TRY(eddy_sleep_start(EDDY_SECONDS(200), &sleep));
    CHECK_STATUS(eddy_fail(EDDY_EINVAL, "kept"), EDDY_EINVAL);
    EDDY_TRY(eddy_error_current(&error));
    for (int round = 0; round < 100; round++) {
        /* What is freed comes back here, so a freed record that was written to is found. */
        EDDY_TRY(eddy_post(nothing, NULL, NULL));
        for (int count = 0; count < round % 4; count++)
            EDDY_TRY(eddy_task_spawn(nothing, NULL, NULL, NULL));
        EDDY_TRY(eddy_future_on_done(never, never_done, context, NULL));
        EDDY_TRY(eddy_yield());
        EDDY_TRY(eddy_future_off_done(never, never_done, context, NULL));
    }
    /* The foreign task never ends, so this is no place to go on from. */
    check_end_child();
    return EDDY_OK;
}

static void scenario(void) {
    const eddy_loop_options_t options = virtual_options();
    if (pipe(pipe_ends) != 0) return;
    check_failures = 0;
    eddy_run(&options, root, &pipe_ends);
}

/* A loop that is closed in good order. */
static eddy_status_t few_rounds(void *context) {
    (void)context;
    for (int round = 0; round < 10; round++) EDDY_TRY(eddy_yield());
    return EDDY_OK;
}

static void short_scenario(void) { run_virtual(few_rounds, NULL); }

/* ---- The faults ---- */

static const struct {
    const char *name, *broken;
} at_close[] = {
    { "pool-leak", "pool: a record is in use at loop close" },
    { "slot-leak", "slot table: a record is live at loop close" },
}, faults[] = {
    { "queue-flag", "ready queue: a place in it does not know that it is" },
    { "queue-end", "ready queue: its last place is not the last" },
    { "timer-position", "timer heap: a timer's position is not its place" },
    { "timer-armed", "timer heap: an armed timer is not in it" },
    { "timer-order", "timer heap: an entry is before its parent" },
    { "timer-reservation", "timer heap: reserved places are not as many as shields" },
    { "scope-parent", "scope tree: a child names another parent" },
    { "scope-sibling", "scope tree: siblings are linked one way" },
    { "scope-effective", "scope tree: isEffective is not own or the parent's" },
    { "scope-owner", "scope tree: a scope has no owner" },
    { "scope-live-tasks", "scope tree: liveTasks is not the roots below" },
    { "scope-lost", "scope tree: liveTasks is not the roots below" },
    { "task-scope", "task: its current scope is not inside its root" },
    { "foreign-phase", "foreign task: its next step is not queued" },
    { "park-state", "park: a woken fiber is not ready" },
    { "park-target", "park: a waiter is not linked where its park says" },
    { "park-scope", "park: a close waits for a scope without children" },
    { "park-descriptor", "park: a wait for a descriptor is not linked" },
    { "waiter-link", "waiters: they are linked one way" },
    { "waiter-owner", "waiters: one has no owner" },
    { "waiter-elsewhere", "waiters: a task waits elsewhere" },
    { "waiter-pins", "waiters: they are more than the pins" },
    { "entry", "entries: code of no task runs" },
    { "slot-write", "a freed slot was written to" },
    { "slot-kind", "slot table: a free slot is live" },
    { "slot-lost", "slot table: a slot is lost" },
    { "pool-write", "a freed record of a pool was written to" },
    { "pool-count", "pool: its free records are not as many as it says" },
    { "stack-count", "stack pool: its free stacks are miscounted" },
    { "stack-write", "a freed stack was written to" },
    { "error-holds", "error: one that nobody has is alive" },
    { "callback-timer", "callback: its timer is armed and it is ready, or over" },
    { "callback-alive", "callback: one that is over and that nobody has is alive" },
    { "descriptor-number", "descriptors: a record is at another's place" },
};

static void check_found(const char *name, const char *broken, void (*run)(void)) {
    char text[1024];
    setenv("EDDY_PLANT", name, 1);
    const int status = check_child(run, text, sizeof text);
    if (!CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT)) printf("  for %s\n", name);
    CHECK_CONTAINS(text, "eddy: hostile: ");
    CHECK_CONTAINS(text, broken);
    unsetenv("EDDY_PLANT");
}

static void each_is_found(void) {
    for (size_t index = 0; index < sizeof faults / sizeof faults[0]; index++)
        check_found(faults[index].name, faults[index].broken, scenario);
    for (size_t index = 0; index < sizeof at_close / sizeof at_close[0]; index++)
        check_found(at_close[index].name, at_close[index].broken, short_scenario);
}

static void check_passes(void (*run)(void)) {
    char text[1024];
    const int status = check_child(run, text, sizeof text);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_TEXT(text, "");
}

static void none_is_found(void) {
    CHECK(eddy_has_feature("hostile"));
    check_passes(scenario);
    check_passes(short_scenario);
}

static const check_test_t tests[] = {
    { "hostile: a loop with every kind of record passes", none_is_found },
    { "hostile: each planted fault ends the process with its name", each_is_found },
};
CHECK_MAIN(tests)
