/*
 * Running out of stacks, of address space and of descriptors; the caller's own stack allocator.
 *
 * Proves: EDDY_ENOMEM from the spawn, the context released once, nothing else disturbed, and spawns
 * that work again when there is room.
 * Threads: one.
 */
#include "check.h"

#include <sys/resource.h>
#include <sys/wait.h>

/* ---- an allocator that has only so many ---- */

typedef struct shelf {
    int left;                          /* how many stacks it still gives */
    int out;                           /* given and not taken back */
    size_t smallest;
    int mismatched;                    /* taken back with another size than given */
    struct { void *low; size_t bytes; } given[64];
} shelf_t;

static void *shelf_give(void *context, size_t bytes) {
    shelf_t *shelf = context;
    void *low = NULL;
    if (shelf->left == 0 || posix_memalign(&low, 4096, bytes) != 0) return NULL;
    shelf->left--;
    shelf->out++;
    if (shelf->smallest == 0 || bytes < shelf->smallest) shelf->smallest = bytes;
    for (int index = 0; index < 64; index++)
        if (!shelf->given[index].low) {
            shelf->given[index].low = low;
            shelf->given[index].bytes = bytes;
            break;
        }
    return low;
}

static void shelf_take(void *context, void *low, size_t bytes) {
    shelf_t *shelf = context;
    int found = 0;
    for (int index = 0; index < 64; index++)
        if (shelf->given[index].low == low && shelf->given[index].bytes == bytes) {
            shelf->given[index].low = NULL;
            found = 1;
            break;
        }
    if (!found) shelf->mismatched++;
    shelf->left++;
    shelf->out--;
    free(low);
}

static eddy_status_t run_on_shelf(shelf_t *shelf, eddy_task_fn fn) {
    const eddy_stack_allocator_t stacks = { (uint32_t)sizeof stacks, 0, shelf_give, shelf_take,
        shelf };
    eddy_loop_options_t options = virtual_options();
    options.stacks = &stacks;
    reports_clear();
    const eddy_status_t status = eddy_run(&options, fn, shelf);
    CHECK_INT(shelf->out, 0);
    CHECK_INT(shelf->mismatched, 0);
    return status;
}

static eddy_status_t use_stack(void *context) {
    volatile char room[32 * 1024];
    for (size_t place = 0; place < sizeof room; place += 512) room[place] = 1;
    EDDY_TRY(eddy_sleep(EDDY_SECONDS(1)));
    ++*(int *)context;
    return EDDY_OK;
}

/* Four stacks: one is the root's; the fifth task is refused, and there is room again later. */
static eddy_status_t four_stacks_body(void *context) {
    static int contexts[8];
    eddy_spawn_options_t options = EDDY_SPAWN_OPTIONS_INIT;
    eddy_scope_t group = { 0 };
    eddy_task_t task = { 77 };
    (void)context;
    memset(contexts, 0, sizeof contexts);
    options.release_context = count_release;
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    for (int index = 0; index < 3; index++)
        CHECK_STATUS(eddy_group_spawn(group, use_stack, &contexts[index], &options, NULL),
            EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(group, use_stack, &contexts[3], &options, &task), EDDY_ENOMEM);
    CHECK_STATUS(eddy_task_spawn(use_stack, &contexts[4], &options, &task), EDDY_ENOMEM);
    CHECK_INT(task.id, 77);
    CHECK_INT(contexts[3], 1);
    CHECK_INT(contexts[4], 1);
    CHECK_INT(contexts[0], 0);
    CHECK_STATUS(eddy_sleep(EDDY_SECONDS(2)), EDDY_OK);
    for (int index = 0; index < 3; index++) CHECK_INT(contexts[index], 2);
    CHECK_STATUS(eddy_group_spawn(group, use_stack, &contexts[5], &options, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(group, EDDY_OK), EDDY_OK);
    CHECK_INT(contexts[5], 2);
    return EDDY_OK;
}

static void four_stacks(void) {
    shelf_t shelf;
    memset(&shelf, 0, sizeof shelf);
    shelf.left = 4;
    CHECK_STATUS(run_on_shelf(&shelf, four_stacks_body), EDDY_OK);
    CHECK_INT(shelf.left, 4);
    CHECK(shelf.smallest >= 65536);
    CHECK_INT(reports.count, 0);
}

static eddy_status_t never(void *context) {
    (void)context;
    CHECK(0);
    return EDDY_OK;
}

static eddy_status_t quick(void *context) {
    (void)context;
    return EDDY_OK;
}

static void no_stack_at_all(void) {
    shelf_t shelf;
    memset(&shelf, 0, sizeof shelf);
    CHECK_STATUS(run_on_shelf(&shelf, never), EDDY_ENOMEM);
    shelf.left = 1;
    CHECK_STATUS(run_on_shelf(&shelf, quick), EDDY_OK);
}

/* The allocator's struct is copied: the caller's may change or go. */
static void allocator_is_copied(void) {
    shelf_t shelf;
    memset(&shelf, 0, sizeof shelf);
    shelf.left = 2;
    eddy_stack_allocator_t stacks = { (uint32_t)sizeof stacks, 0, shelf_give, shelf_take, &shelf };
    eddy_loop_options_t options = virtual_options();
    eddy_loop_t loop = { 0 };
    options.stacks = &stacks;
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    memset(&stacks, 0xee, sizeof stacks);
    CHECK_STATUS(eddy_loop_run(loop, quick, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_INT(shelf.out, 0);
}

/* A task cancelled before its first step gives its stack back too. */
static eddy_status_t cancelled_early_body(void *context) {
    shelf_t *shelf = context;
    eddy_task_t task = { 0 };
    for (int round = 0; round < 10; round++) {
        CHECK_STATUS(eddy_task_spawn(never, NULL, NULL, &task), EDDY_OK);
        CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_OK);
        CHECK_STATUS(eddy_task_join(task, NULL), EDDY_ETARGETCANCELED);
        CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    }
    CHECK(shelf->out <= 2);
    return EDDY_OK;
}

static void stacks_of_tasks_that_never_ran(void) {
    shelf_t shelf;
    memset(&shelf, 0, sizeof shelf);
    shelf.left = 2;
    CHECK_STATUS(run_on_shelf(&shelf, cancelled_early_body), EDDY_OK);
}

/* ---- the size that was asked for is there ---- */

/* Touches so many bytes below where it is called, in frames of 4 KiB. */
static int touch_down(int64_t bytes) {
    volatile char frame[4096];
    frame[0] = 1;
    frame[sizeof frame - 1] = 1;
    return bytes > 4096 ? touch_down(bytes - 4096) + frame[0] : frame[sizeof frame - 1];
}

static eddy_status_t touch(void *context) {
    CHECK(touch_down(*(int64_t *)context) > 0);
    return EDDY_OK;
}

/* A quarter is left for the frames' own needs. */
static eddy_status_t sizes_body(void *context) {
    static const int64_t sizes[] = { 0, 65536, 128 << 10, 1 << 20, 8 << 20 };
    (void)context;
    for (size_t index = 0; index < sizeof sizes / sizeof sizes[0]; index++) {
        eddy_spawn_options_t options = EDDY_SPAWN_OPTIONS_INIT;
        eddy_task_t task = { 0 };
        int64_t bytes = (sizes[index] == 0 ? 256 << 10 : sizes[index]) / 4 * 3 - 8192;
        options.stack_bytes = sizes[index];
        for (int round = 0; round < 3; round++) {
            CHECK_STATUS(eddy_task_spawn(touch, &bytes, &options, &task), EDDY_OK);
            CHECK_STATUS(eddy_task_join(task, NULL), EDDY_OK);
            CHECK_STATUS(eddy_task_release(task), EDDY_OK);
        }
    }
    return EDDY_OK;
}

/* The tools make frames larger. */
static void sizes_of_stacks(void) {
    if (!check_tool_is("asan") && !check_tool_is("tsan"))
        CHECK_STATUS(run_virtual(sizes_body, NULL), EDDY_OK);
}

/* ---- address space and descriptors, in a child with a limit ---- */

static void in_a_child(void (*fn)(void)) {
    int status = 0;
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        check_failures = 0;
        fn();
        check_end_child();
    }
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static eddy_status_t sleeps(void *context) {
    (void)context;
    return eddy_sleep(EDDY_SECONDS(1000));
}

/* Spawns until there is no more, cancels all, and does it again. */
#define MANY 20000
static eddy_status_t until_full_body(void *context) {
    static int released[MANY];
    eddy_spawn_options_t options = EDDY_SPAWN_OPTIONS_INIT;
    eddy_scope_t group = { 0 };
    eddy_status_t status = EDDY_OK;
    int count = 0;
    (void)context;
    memset(released, 0, sizeof released);
    options.release_context = count_release;
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    while (status == EDDY_OK && count < MANY)
        status = eddy_group_spawn(group, sleeps, &released[count++], &options, NULL);
    CHECK_STATUS(status, EDDY_ENOMEM);
    CHECK(count > 10);
    CHECK_INT(released[count - 1], 1);
    CHECK_INT(released[0], 0);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(group, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(group, EDDY_ECANCELED), EDDY_OK);
    for (int index = 0; index < count; index++)
        if (released[index] != 1) CHECK_INT(released[index], 1);
    return EDDY_OK;
}

static eddy_status_t full_twice_body(void *context) {
    EDDY_TRY(eddy_call(NULL, until_full_body, context, NULL));
    return eddy_call(NULL, until_full_body, context, NULL);
}

static void little_address_space(void) {
    struct rlimit limit;
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!CHECK(file != NULL)) return;
    CHECK_INT(fscanf(file, "%ld", &pages), 1);
    fclose(file);
    limit.rlim_cur = limit.rlim_max = (rlim_t)pages * 4096 + ((rlim_t)256 << 20);
    CHECK_INT(setrlimit(RLIMIT_AS, &limit), 0);
    CHECK_STATUS(run_virtual(full_twice_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* The tools reserve terabytes of address space themselves. */
static void out_of_address_space(void) {
    if (check_tool_is("none")) in_a_child(little_address_space);
}

static void no_descriptors(void) {
    struct rlimit limit, before;
    eddy_loop_t loop = { 77 };
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &before), 0);
    limit = before;
    limit.rlim_cur = 4;
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
    const eddy_status_t status = eddy_loop_create(NULL, &loop);
    CHECK(status < 0);
    CHECK_TEXT(eddy_status_name(status), "EMFILE");
    CHECK_INT(loop.id, 77);
    CHECK_STATUS(eddy_run(NULL, never, NULL), status);
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &before), 0);
    CHECK_STATUS(run_virtual(quick, NULL), EDDY_OK);
}

static void out_of_descriptors(void) { in_a_child(no_descriptors); }

static const check_test_t tests[] = {
    { "Must show: running out of stacks", four_stacks },
    { "stacks: none for the root task", no_stack_at_all },
    { "stacks: the allocator's struct is copied", allocator_is_copied },
    { "stacks: of tasks that never ran", stacks_of_tasks_that_never_ran },
    { "stacks: the size that was asked for", sizes_of_stacks },
    { "Must show: running out of address space", out_of_address_space },
    { "loop: out of descriptors", out_of_descriptors },
};
CHECK_MAIN(tests)
