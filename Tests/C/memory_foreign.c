/* skip: asan tsan valgrind: replaces malloc */
/*
 * What a parked foreign task costs: all memory that the library has asked for, with what malloc
 * keeps beside each block, shared among ten thousand of them.
 *
 * Invariants: the tasks have started, wait for their runtime, and have no name and no deadline.
 * Threads: one.
 */
#include "check.h"
#include "memory_interpose.h"

#define TASKS 10000
#define LIMIT 400

static int started;
static eddy_task_t tasks_made[TASKS];

static void start(void *instance, eddy_task_t self) {
    (void)instance;
    tasks_made[started++] = self;
}

static eddy_status_t spawn_parked(int count) {
    static eddy_foreign_ops_t ops = EDDY_FOREIGN_OPS_INIT;
    ops.start = start;
    started = 0;
    for (int index = 0; index < count; index++)
        EDDY_TRY(eddy_foreign_spawn(&ops, NULL, NULL, NULL));
    return eddy_yield();
}

static eddy_status_t complete_all(int count) {
    for (int index = 0; index < count; index++)
        EDDY_TRY(eddy_foreign_complete(tasks_made[index], EDDY_OK, NULL, NULL));
    return eddy_yield();
}

static eddy_status_t parked_body(void *context) {
    (void)context;
    const int64_t bytes = memory.bytes, mapped = memory.mapped;
    CHECK_STATUS(spawn_parked(TASKS), EDDY_OK);
    while (started < TASKS) CHECK_STATUS(eddy_yield(), EDDY_OK);
    const int64_t used = memory.bytes - bytes + memory.mapped - mapped;
    printf("  %.1f bytes for each of %d parked foreign tasks\n", (double)used / TASKS, TASKS);
    CHECK(used > 0);
    CHECK(used <= (int64_t)LIMIT * TASKS);
    CHECK_STATUS(complete_all(TASKS), EDDY_OK);
    return EDDY_OK;
}

static void parked(void) { CHECK_STATUS(run_virtual(parked_body, NULL), EDDY_OK); }

/* The count itself: a text of 1,000 bytes is seen, and gone at the end. */
static eddy_status_t counted_body(void *context) {
    static char text[1001];
    eddy_error_t error;
    (void)context;
    const int64_t bytes = memory.bytes, blocks = memory.blocks;
    memset(text, 'x', 1000);
    CHECK_STATUS(eddy_fail_text(EDDY_EINVAL, text), EDDY_EINVAL);
    CHECK_STATUS(eddy_error_current(&error), EDDY_OK);
    CHECK(memory.bytes - bytes >= 1001);
    CHECK(memory.blocks > blocks);
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    return EDDY_OK;
}

static void counted(void) {
    CHECK_STATUS(run_virtual(counted_body, NULL), EDDY_OK);
    CHECK_INT(memory.blocks, 0);
    CHECK_INT(memory.bytes, 0);
}

static const check_test_t tests[] = {
    { "the interposer counts bytes, and all are given back", counted },
    { "a parked foreign task costs at most 400 bytes", parked },
};
CHECK_MAIN(tests)
