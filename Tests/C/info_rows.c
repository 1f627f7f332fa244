/*
 * info_rows.c: proves eddy_task_info: state, place in the tree, what a task waits for and since
 * when, why it is cancelled, its name and site.
 *
 * Invariants: every test runs on a virtual clock and expects no report. A subject is looked at
 * from the test's root task while it waits.
 * Threads: one.
 */
#include "check_tasks.h"

#include <errno.h>

static eddy_task_t spawn(eddy_task_fn fn) {
    eddy_task_t task = { 0 };
    CHECK_STATUS(eddy_task_spawn(fn, NULL, NULL, &task), EDDY_OK);
    return task;
}

/* Cancels, joins and releases. */
static void end(eddy_task_t task) {
    (void)eddy_task_cancel(task, NULL);
    (void)eddy_task_join(task, NULL);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
}

static eddy_status_t sleep_long(void *context) {
    (void)context;
    return eddy_sleep(LONG);
}

static eddy_status_t end_well(void *context) {
    (void)context;
    return EDDY_OK;
}

static eddy_status_t fail(void *context) {
    (void)context;
    return -EIO;
}

/* ------------------------------------------------------------------------------------------------
 * States
 */
IN_TASK(states) {
    const eddy_task_t done = spawn(end_well), failed = spawn(fail), sleeping = spawn(sleep_long);
    (void)context;
    eddy_task_info_t info = info_of(done);
    CHECK_INT(info.state, EDDY_TASK_READY);
    CHECK_INT(info.wait_kind, EDDY_WAIT_NONE);
    CHECK_INT(info.wait_target, 0);
    info = info_of(self());
    CHECK_INT(info.state, EDDY_TASK_RUNNING);
    CHECK_INT(info.wait_kind, EDDY_WAIT_NONE);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_INT(info_of(done).state, EDDY_TASK_DONE);
    CHECK_INT(info_of(failed).state, EDDY_TASK_FAILED);
    CHECK_INT(info_of(sleeping).state, EDDY_TASK_WAITING);
    CHECK_INT(info_of(done).wait_kind, EDDY_WAIT_NONE);
    CHECK_STATUS(eddy_task_cancel(sleeping, NULL), EDDY_OK);
    CHECK_INT(info_of(sleeping).state, EDDY_TASK_READY);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_INT(info_of(sleeping).state, EDDY_TASK_CANCELED);
    end(done);
    end(failed);
    end(sleeping);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Each kind of wait
 */
static eddy_future_t shared_future;
static eddy_task_t shared_task;
static eddy_scope_t shared_group;
static int ends[2];

static eddy_status_t wait_future(void *context) {
    (void)context;
    return eddy_future_wait(shared_future, NULL);
}

static eddy_status_t observe_task(void *context) {
    (void)context;
    return eddy_future_wait(eddy_task_future(shared_task), NULL);
}

static eddy_status_t join_task(void *context) {
    (void)context;
    return eddy_task_join(shared_task, NULL);
}

static eddy_status_t close_group(void *context) {
    (void)context;
    CHECK_STATUS(eddy_group_open(&shared_group, NULL), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(shared_group, sleep_long, NULL, NULL, NULL), EDDY_OK);
    return eddy_scope_close(shared_group, EDDY_OK);
}

static eddy_status_t wait_fd(void *context) {
    (void)context;
    return eddy_fd_wait(ends[0], EDDY_READABLE, NULL);
}

static eddy_status_t yield_twice(void *context) {
    (void)context;
    EDDY_TRY(eddy_yield());
    return eddy_yield();
}

/* Spawns a subject at 3 ms, looks at it at 8 ms: it waits since 3 ms. */
static void expect_wait(eddy_task_fn fn, int32_t kind, uint64_t *target) {
    int64_t start;
    CHECK_STATUS(eddy_sleep(MS(3)), EDDY_OK);
    CHECK_STATUS(eddy_now(&start), EDDY_OK);
    const eddy_task_t task = spawn(fn);
    CHECK_STATUS(eddy_sleep(MS(5)), EDDY_OK);
    const eddy_task_info_t info = info_of(task);
    int fits = CHECK_INT(info.state, EDDY_TASK_WAITING);
    fits &= CHECK_INT(info.wait_kind, kind);
    fits &= CHECK_INT(info.since_ns, start);
    fits &= CHECK_INT(info.wait_target, target ? *target : (uint64_t)(start + LONG));
    if (!fits) printf("  wait kind %d\n", (int)kind);
    end(task);
}

IN_TASK(waits) {
    uint64_t fd;
    (void)context;
    CHECK_STATUS(eddy_future_create(&shared_future), EDDY_OK);
    shared_task = spawn(sleep_long);
    CHECK(pipe(ends) == 0);
    fd = (uint64_t)ends[0];
    expect_wait(sleep_long, EDDY_WAIT_SLEEP, NULL);
    expect_wait(wait_future, EDDY_WAIT_FUTURE, &shared_future.id);
    expect_wait(observe_task, EDDY_WAIT_FUTURE, &shared_task.id);
    expect_wait(close_group, EDDY_WAIT_SCOPE, &shared_group.id);
    expect_wait(wait_fd, EDDY_WAIT_FD, &fd);
    expect_wait(join_task, EDDY_WAIT_JOIN, &shared_task.id);
    CHECK_STATUS(eddy_future_release(shared_future), EDDY_OK);
    end(shared_task);
    close(ends[0]);
    close(ends[1]);
    return EDDY_OK;
}

IN_TASK(yielding) {
    const eddy_task_t task = spawn(yield_twice);
    (void)context;
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    const eddy_task_info_t info = info_of(task);
    CHECK(info.state == EDDY_TASK_READY || info.state == EDDY_TASK_WAITING);
    CHECK_INT(info.wait_kind, EDDY_WAIT_YIELD);
    CHECK_INT(info.wait_target, 0);
    end(task);
    return EDDY_OK;
}

/* Waiting in a close of a cancelled group is still waiting for its children. */
static eddy_status_t shield_for_20(void *context) {
    eddy_scope_t shield;
    (void)context;
    CHECK_STATUS(eddy_shield_open(&shield, NULL), EDDY_OK);
    return eddy_scope_close(shield, eddy_sleep(MS(20)));
}

static eddy_status_t close_slow_group(void *context) {
    (void)context;
    CHECK_STATUS(eddy_group_open(&shared_group, NULL), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(shared_group, shield_for_20, NULL, NULL, NULL), EDDY_OK);
    return eddy_scope_close(shared_group, EDDY_OK);
}

IN_TASK(owning_wait_lasts) {
    const eddy_task_t task = spawn(close_slow_group);
    (void)context;
    CHECK_STATUS(eddy_sleep(MS(5)), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(task, "asked"), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(5)), EDDY_OK);
    const eddy_task_info_t info = info_of(task);
    CHECK_INT(info.state, EDDY_TASK_WAITING);
    CHECK_INT(info.wait_kind, EDDY_WAIT_SCOPE);
    CHECK_INT(info.wait_target, shared_group.id);
    CHECK_INT(info.since_ns, 0);
    CHECK_TEXT(info.reason.message, "asked");
    end(task);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Place, name and site
 */
static eddy_task_t grandchild;

static eddy_status_t spawn_into_shared(void *context) {
    (void)context;
    CHECK_STATUS(eddy_group_spawn(shared_group, sleep_long, NULL, NULL, &grandchild), EDDY_OK);
    return EDDY_OK;
}

IN_TASK(places) {
    eddy_task_t child;
    (void)context;
    const eddy_task_t alone = spawn(spawn_into_shared);
    CHECK_STATUS(eddy_group_open(&shared_group, NULL), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(shared_group, sleep_long, NULL, NULL, &child), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    eddy_task_info_t info = info_of(child);
    CHECK_INT(info.parent.id, self().id);
    CHECK_INT(info.spawner.id, self().id);
    CHECK_INT(info.scope.id, shared_group.id);
    info = info_of(alone);
    CHECK_INT(info.parent.id, 0);
    CHECK_INT(info.scope.id, 0);
    CHECK_INT(info.spawner.id, self().id);
    info = info_of(grandchild);
    CHECK_INT(info.parent.id, self().id);
    CHECK_INT(info.spawner.id, alone.id);
    CHECK_INT(info.scope.id, shared_group.id);
    info = info_of(self());
    CHECK_INT(info.parent.id, 0);
    CHECK_INT(info.spawner.id, 0);
    CHECK_INT(info.serial, 1);
    CHECK_INT(info_of(alone).serial, 2);
    CHECK_INT(info_of(child).serial, 3);
    CHECK_INT(info_of(grandchild).serial, 4);
    CHECK_STATUS(eddy_scope_cancel(shared_group, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(shared_group, EDDY_ECANCELED), EDDY_OK);
    end(alone);
    end(child);
    end(grandchild);
    return EDDY_OK;
}

IN_TASK(names) {
    static const char long_name[] =
        "a name that is too long for the field, which has room for forty-seven bytes";
    eddy_spawn_options_t options = EDDY_SPAWN_OPTIONS_INIT;
    char name[] = "short", expected[48];
    eddy_task_t task;
    (void)context;
    options.name = name;
    CHECK_STATUS(eddy_task_spawn(end_well, NULL, &options, &task), EDDY_OK);
    name[0] = 'X';
    eddy_task_info_t info = info_of(task);
    CHECK_TEXT(info.name, "short");
    CHECK_CONTAINS(info.site, "info_rows.c:");
    end(task);
    options.name = long_name;
    CHECK_STATUS(eddy_task_spawn_at("made-up:7", end_well, NULL, &options, &task), EDDY_OK);
    info = info_of(task);
    snprintf(expected, sizeof expected, "%.47s", long_name);
    CHECK_TEXT(info.name, expected);
    CHECK_TEXT(info.site, "made-up:7");
    end(task);
    CHECK_STATUS(eddy_task_spawn_at(NULL, end_well, NULL, NULL, &task), EDDY_OK);
    info = info_of(task);
    snprintf(expected, sizeof expected, "task-%d", (int)info.serial);
    CHECK_TEXT(info.name, expected);
    CHECK(info.site == NULL);
    end(task);
    return EDDY_OK;
}

IN_TASK(sizes) {
    union { eddy_task_info_t info; unsigned char bytes[sizeof(eddy_task_info_t)]; } out;
    eddy_task_info_t info = { .size = 3 };
    (void)context;
    CHECK_STATUS(eddy_task_info(self(), &info), EDDY_EINVAL);
    CHECK_STATUS(eddy_task_info(self(), NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_task_info((eddy_task_t){ 0 }, &info), EDDY_EBADHANDLE);
    memset(&out, 0xab, sizeof out);
    out.info.size = 8;
    CHECK_STATUS(eddy_task_info(self(), &out.info), EDDY_OK);
    CHECK_INT(out.info.state, EDDY_TASK_RUNNING);
    for (size_t index = 8; index < sizeof out; index++)
        if (!CHECK_INT(out.bytes[index], 0xab)) break;
    return EDDY_OK;
}

static const check_test_t tests[] = {
    { "eddy_task_info: states", states },
    { "eddy_task_info: what a task waits for, and since when", waits },
    { "eddy_task_info: a task that yields", yielding },
    { "eddy_task_info: an owning wait lasts while it is cancelled", owning_wait_lasts },
    { "eddy_task_info, M1: parent, spawner, group and serial", places },
    { "eddy_task_info: names and sites", names },
    { "eddy_task_info: as many bytes are written as size says", sizes },
};
CHECK_MAIN(tests)
