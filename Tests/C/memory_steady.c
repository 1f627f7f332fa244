/* skip: asan tsan valgrind: replaces malloc */
/*
 * No allocation in steady state: after a warm-up, ten thousand of each operation call neither
 * malloc nor mmap nor anything of their kin.
 *
 * Threads: one.
 */
#include "check.h"
#include "memory_interpose.h"

#define WARM 2000
#define COUNTED 10000

/* Does the operation once; a status that is not EDDY_OK is a failed check. */
typedef eddy_status_t (*operation_t)(void *context);

static void count(operation_t operation, void *context) {
    int good = 1;
    for (int round = 0; round < WARM; round++)
        if (operation(context) != EDDY_OK) good = 0;
    memory_arm(0, 0);
    for (int round = 0; round < COUNTED; round++)
        if (operation(context) != EDDY_OK) good = 0;
    memory_disarm();
    CHECK(good);
    CHECK_INT(memory.steps, 0);
}

static eddy_status_t nothing(void *context) {
    (void)context;
    return EDDY_OK;
}

static eddy_status_t yield(void *context) {
    (void)context;
    return eddy_yield();
}

static eddy_status_t checkpoint(void *context) {
    (void)context;
    return eddy_checkpoint();
}

static eddy_status_t nap(void *context) {
    (void)context;
    return eddy_sleep(EDDY_MILLISECONDS(1));
}

static eddy_status_t scope(void *context) {
    eddy_scope_t opened;
    (void)context;
    EDDY_TRY(eddy_scope_open(&opened, NULL));
    return eddy_scope_close(opened, EDDY_OK);
}

static eddy_status_t timeout(void *context) {
    eddy_scope_t opened;
    (void)context;
    EDDY_TRY(eddy_timeout_open(&opened, EDDY_SECONDS(10), NULL));
    return eddy_scope_close(opened, EDDY_OK);
}

static eddy_status_t shield(void *context) {
    eddy_scope_t opened;
    (void)context;
    EDDY_TRY(eddy_shield_open(&opened, NULL));
    return eddy_scope_close(opened, EDDY_OK);
}

static eddy_status_t nested(void *context) {
    eddy_scope_t outer, inner;
    (void)context;
    EDDY_TRY(eddy_timeout_open(&outer, EDDY_SECONDS(10), NULL));
    EDDY_TRY(eddy_timeout_open(&inner, EDDY_SECONDS(5), NULL));
    EDDY_TRY(eddy_yield());
    EDDY_TRY(eddy_scope_close(inner, EDDY_OK));
    return eddy_scope_close(outer, EDDY_OK);
}

static eddy_status_t defer(void *context) {
    eddy_scope_t opened;
    (void)context;
    EDDY_TRY(eddy_scope_open(&opened, NULL));
    EDDY_TRY(eddy_defer(nothing, NULL));
    EDDY_TRY(eddy_defer(nothing, NULL));
    return eddy_scope_close(opened, EDDY_OK);
}

/* With a handle, cancelled, and called at a time. */
static eddy_status_t callbacks(void *context) {
    eddy_callback_t callback;
    (void)context;
    EDDY_TRY(eddy_call_soon(nothing, NULL, NULL, &callback));
    EDDY_TRY(eddy_call_soon(nothing, NULL, NULL, NULL));
    EDDY_TRY(eddy_call_later(1000, nothing, NULL, NULL, NULL));
    EDDY_TRY(eddy_yield());
    EDDY_TRY(eddy_callback_release(callback));
    EDDY_TRY(eddy_call_later(EDDY_SECONDS(1), nothing, NULL, NULL, &callback));
    EDDY_TRY(eddy_callback_cancel(callback));
    EDDY_TRY(eddy_callback_release(callback));
    return eddy_sleep(1000);
}

static eddy_status_t call(void *context) {
    (void)context;
    EDDY_TRY(eddy_call(NULL, nothing, NULL, NULL));
    return eddy_with_timeout(EDDY_SECONDS(1), nothing, NULL, NULL);
}

static eddy_status_t spawn_and_join(void *context) {
    eddy_task_t task;
    (void)context;
    EDDY_TRY(eddy_task_spawn(nothing, NULL, NULL, &task));
    EDDY_TRY(eddy_task_join(task, NULL));
    return eddy_task_release(task);
}

static eddy_status_t group_of_three(void *context) {
    eddy_scope_t group;
    (void)context;
    EDDY_TRY(eddy_group_open(&group, NULL));
    for (int index = 0; index < 3; index++)
        EDDY_TRY_IN(group, eddy_group_spawn(group, yield, NULL, NULL, NULL));
    return eddy_scope_close(group, EDDY_OK);
}

static eddy_status_t future(void *context) {
    static int value;
    eddy_future_t made;
    (void)context;
    EDDY_TRY(eddy_future_create(&made));
    EDDY_TRY(eddy_future_complete(made, &value, count_release));
    EDDY_TRY(eddy_future_wait(made, NULL));
    return eddy_future_release(made);
}

/* A variable set here, read in a task and in callbacks, set there, and put back. */
static const eddy_var_t variable = EDDY_VAR_INIT("variable", NULL, count_release);
static const eddy_var_t another = EDDY_VAR_INIT("another", NULL, NULL);

static eddy_status_t sets(void *context) {
    static int value;
    void *read = NULL;
    EDDY_TRY(eddy_var_get(&variable, &read));
    if (!read) return EDDY_EINVAL;
    EDDY_TRY(eddy_var_set(&variable, &value, NULL));
    return context ? eddy_var_set(&another, &value, NULL) : EDDY_OK;
}

static eddy_status_t sets_when_done(void *context, eddy_future_t done) {
    (void)done;
    return sets(context);
}

static eddy_status_t variables(void *context) {
    static int value;
    eddy_context_t copy = { 0 };
    eddy_token_t token;
    eddy_task_t task;
    eddy_future_t done;
    (void)context;
    EDDY_TRY(eddy_var_set(&another, &value, NULL));
    EDDY_TRY(eddy_var_set(&variable, &value, &token));
    EDDY_TRY(eddy_context_copy(copy, &copy));
    EDDY_TRY(eddy_context_run(copy, sets, &value));
    EDDY_TRY(eddy_task_spawn(sets, NULL, NULL, &task));
    EDDY_TRY(eddy_post(sets, &value, NULL));
    EDDY_TRY(eddy_future_create(&done));
    EDDY_TRY(eddy_future_on_done(done, sets_when_done, NULL, NULL));
    EDDY_TRY(eddy_future_complete(done, NULL, NULL));
    EDDY_TRY(eddy_var_reset(token));
    EDDY_TRY(eddy_task_join(task, NULL));
    EDDY_TRY(eddy_task_release(task));
    EDDY_TRY(eddy_yield());
    EDDY_TRY(eddy_future_release(done));
    return eddy_context_release(copy);
}

/* A partner that wakes whenever it is told to: one wake each way. */
typedef struct pair {
    eddy_future_t ball;
    eddy_future_t back;
    int stop;
} pair_t;

static eddy_status_t partner(void *context) {
    pair_t *pair = context;
    while (!pair->stop) {
        const eddy_future_t ball = pair->ball;
        EDDY_TRY(eddy_future_wait(ball, NULL));
        EDDY_TRY(eddy_future_complete(pair->back, NULL, NULL));
        EDDY_TRY(eddy_yield());
    }
    return EDDY_OK;
}

static eddy_status_t wake(void *context) {
    pair_t *pair = context;
    const eddy_future_t ball = pair->ball;
    EDDY_TRY(eddy_future_create(&pair->back));
    const eddy_future_t back = pair->back;
    EDDY_TRY(eddy_future_complete(ball, NULL, NULL));
    EDDY_TRY(eddy_future_wait(back, NULL));
    EDDY_TRY(eddy_future_create(&pair->ball));
    EDDY_TRY(eddy_yield());
    EDDY_TRY(eddy_yield());
    EDDY_TRY(eddy_future_release(back));
    return eddy_future_release(ball);
}

static eddy_status_t wake_body(void *context) {
    pair_t pair = { { 0 }, { 0 }, 0 };
    (void)context;
    EDDY_TRY(eddy_future_create(&pair.ball));
    EDDY_TRY(eddy_task_spawn(partner, &pair, NULL, NULL));
    EDDY_TRY(eddy_yield());
    count(wake, &pair);
    EDDY_TRY(eddy_future_create(&pair.back));
    pair.stop = 1;
    EDDY_TRY(eddy_future_complete(pair.ball, NULL, NULL));
    EDDY_TRY(eddy_future_wait(pair.back, NULL));
    EDDY_TRY(eddy_sleep(1));
    EDDY_TRY(eddy_future_release(pair.back));
    return eddy_future_release(pair.ball);
}

/* A failure that is expected and read, as a lost look-up would be. */
static eddy_status_t expire(void *context) {
    eddy_scope_t opened;
    (void)context;
    EDDY_TRY(eddy_timeout_open(&opened, 1, NULL));
    const eddy_status_t status = eddy_sleep(EDDY_SECONDS(1));
    return eddy_scope_close(opened, status) == EDDY_ETIMEDOUT ? EDDY_OK : EDDY_EINVAL;
}

static eddy_status_t cancel(void *context) {
    eddy_scope_t opened;
    (void)context;
    EDDY_TRY(eddy_scope_open(&opened, NULL));
    EDDY_TRY(eddy_scope_cancel(opened, NULL));
    const eddy_status_t status = eddy_yield();
    return eddy_scope_close(opened, status);
}

/* A task that waits for a pipe that is written meanwhile: no new watcher each time. */
static int ends[2];
static eddy_status_t fd_wait(void *context) {
    char byte = 0;
    (void)context;
    if (write(ends[1], "x", 1) != 1) return EDDY_EINVAL;
    EDDY_TRY(eddy_fd_wait(ends[0], EDDY_READABLE, NULL));
    return read(ends[0], &byte, 1) == 1 ? EDDY_OK : EDDY_EINVAL;
}

static eddy_status_t limit(void *context) {
    eddy_task_t task;
    (void)context;
    EDDY_TRY(eddy_task_spawn(nothing, NULL, NULL, &task));
    EDDY_TRY(eddy_wait_for(eddy_task_future(task), EDDY_SECONDS(1), NULL));
    return eddy_task_release(task);
}

/* A combination is one block of memory, which is given back. */
static eddy_status_t several_body(void *context) {
    (void)context;
    for (int round = 0; round < 3000; round++) {
        eddy_task_t tasks[2];
        eddy_future_t futures[2];
        eddy_completions_t completions;
        if (round == WARM) memory_arm(0, 0);
        const int64_t steps = memory.steps, blocks = memory.blocks;
        for (int at = 0; at < 2; at++) {
            EDDY_TRY(eddy_task_spawn(nothing, NULL, NULL, &tasks[at]));
            futures[at] = eddy_task_future(tasks[at]);
        }
        EDDY_TRY(eddy_as_completed(futures, 2, EDDY_SECONDS(9), &completions));
        EDDY_TRY(eddy_wait_any(futures, 2, EDDY_SECONDS(9), NULL, NULL));
        EDDY_TRY(eddy_gather(futures, 2, NULL));
        EDDY_TRY(eddy_completions_release(completions));
        for (int at = 0; at < 2; at++) EDDY_TRY(eddy_task_release(tasks[at]));
        EDDY_TRY(eddy_yield());
        if (round < WARM) continue;
        if (!CHECK_INT(memory.steps - steps, 3)) break;
        if (!CHECK_INT(memory.blocks - blocks, 0)) break;
    }
    memory_disarm();
    return EDDY_OK;
}

static void steady_several(void) {
    CHECK_STATUS(run_virtual(several_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

typedef struct row {
    const char *name;
    operation_t operation;
} row_t;
static const row_t rows[] = {
    { "yield", yield }, { "checkpoint", checkpoint }, { "sleep", nap }, { "scope", scope },
    { "timeout", timeout }, { "shield", shield }, { "nested timeouts", nested },
    { "defer", defer }, { "call", call }, { "spawn and join", spawn_and_join },
    { "group of three", group_of_three }, { "future", future }, { "scope cancel", cancel },
    { "context variables", variables }, { "callbacks", callbacks },
    { "wait_for", limit },
};

/* One row after the other; a row that allocates is named. */
static eddy_status_t rows_body(void *context) {
    (void)context;
    for (size_t index = 0; index < sizeof rows / sizeof rows[0]; index++) {
        const int before = check_failures;
        count(rows[index].operation, NULL);
        if (check_failures != before) printf("  in: %s\n", rows[index].name);
    }
    return EDDY_OK;
}

static void steady(void) {
    CHECK_STATUS(run_virtual(rows_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

static void steady_wakes(void) {
    CHECK_STATUS(run_virtual(wake_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* With others there: yields and timers among a thousand. */
static eddy_status_t sleeps_on(void *context) {
    (void)context;
    for (;;) EDDY_TRY(eddy_sleep(EDDY_MILLISECONDS(10)));
}

static eddy_status_t crowd_body(void *context) {
    (void)context;
    for (int index = 0; index < 1000; index++)
        EDDY_TRY(eddy_task_spawn(sleeps_on, NULL, NULL, NULL));
    EDDY_TRY(eddy_sleep(EDDY_SECONDS(1)));
    memory_arm(0, 0);
    const eddy_status_t status = eddy_sleep(EDDY_SECONDS(1));
    memory_disarm();
    CHECK_INT(memory.steps, 0);
    return status;
}

static void steady_crowd(void) {
    CHECK_STATUS(run_virtual(crowd_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

static eddy_status_t expiry_body(void *context) {
    (void)context;
    count(expire, NULL);
    return EDDY_OK;
}

static void steady_expiry(void) {
    CHECK_STATUS(run_virtual(expiry_body, NULL), EDDY_OK);
}

static eddy_status_t fd_body(void *context) {
    (void)context;
    count(fd_wait, NULL);
    return EDDY_OK;
}

static void steady_descriptor(void) {
    CHECK_INT(pipe(ends), 0);
    CHECK_STATUS(run_virtual(fd_body, NULL), EDDY_OK);
    close(ends[0]);
    close(ends[1]);
}

/* The counter counts: without this the others could not fail. */
static eddy_status_t interposer_body(void *context) {
    (void)context;
    memory_arm(0, 0);
    for (int index = 0; index < 100; index++)
        EDDY_TRY(eddy_task_spawn(yield, NULL, NULL, NULL));
    memory_disarm();
    CHECK(memory.steps > 0);
    return eddy_sleep(1);
}

static void interposer(void) {
    CHECK_STATUS(run_virtual(interposer_body, NULL), EDDY_OK);
}

static const check_test_t tests[] = {
    { "the interposer sees the library's calls", interposer },
    { "Must show: no allocation per yield, scope, timeout and others", steady },
    { "Must show: no allocation per wake", steady_wakes },
    { "Must show: no allocation among a thousand sleepers", steady_crowd },
    { "memory: one block per combination, given back", steady_several },
    { "memory: none per expiry", steady_expiry },
    { "memory: none per descriptor wait", steady_descriptor },
};
CHECK_MAIN(tests)
