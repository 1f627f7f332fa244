/*
 * main.c: a C program that joins, waits for, cancels and groups tasks that are written in Swift.
 *
 * Build and run:  make -C CExamples/mixed/c_with_swift run     (from the repository)
 * Prints:  joined: Swift's sum is 42
 *          waited: EDDY_ETIMEDOUT, and the Swift task goes on
 *          Swift: told to end: not needed any more
 *          cancelled: EDDY_ETARGETCANCELED
 *          C: told to end: a child of the group failed
 *          EDDY_EGROUP ...   (a tree of errors, with Swift's in it)
 */
#include <eddy.h>
#include <inttypes.h>
#include <stdio.h>

#include "swift_tasks.h"

/* Owns a Swift task until its end. */
static eddy_status_t join_it(void)
{
    const int32_t numbers[] = { 12, 14, 16 };
    eddy_task_t task;
    void *sum;
    EDDY_TRY(swift_sum(numbers, 3, &task));
    const eddy_status_t status = eddy_task_join(task, &sum);
    if (status == EDDY_OK) printf("joined: Swift's sum is %" PRIdPTR "\n", (intptr_t)sum);
    eddy_task_release(task);
    return status;
}

/* Only observes one: the deadline ends the wait and leaves the task alone. */
static eddy_status_t wait_a_little(eddy_task_t task)
{
    eddy_scope_t scope;
    eddy_task_info_t info = { .size = sizeof info };
    EDDY_TRY(eddy_timeout_open(&scope, EDDY_MILLISECONDS(10), NULL));
    const eddy_status_t status =
        eddy_scope_close(scope, eddy_future_wait(eddy_task_future(task), NULL));
    EDDY_TRY(eddy_task_info(task, &info));
    printf("waited: %s, and the Swift task %s\n", eddy_status_name(status),
        info.state == EDDY_TASK_RUNNING ? "goes on" : "has ended");
    return status == EDDY_ETIMEDOUT ? EDDY_OK : status;
}

static eddy_status_t wait_and_cancel(void)
{
    eddy_task_t task;
    EDDY_TRY(swift_sleeper(&task));
    eddy_status_t status = wait_a_little(task);
    if (status == EDDY_OK) status = eddy_task_cancel(task, "not needed any more");
    if (status == EDDY_OK) {
        status = eddy_task_join(task, NULL);
        printf("cancelled: %s\n", eddy_status_name(status));
    }
    eddy_task_release(task);
    return status == EDDY_ETARGETCANCELED ? EDDY_OK : status;
}

static eddy_status_t c_sibling(void *context)
{
    eddy_task_t self;
    eddy_task_info_t info = { .size = sizeof info };
    (void)context;
    const eddy_status_t status = eddy_sleep(EDDY_SECONDS(60));
    EDDY_TRY(eddy_task_current(&self));
    EDDY_TRY(eddy_task_info(self, &info));
    printf("C: told to end: %s\n", info.reason.message);
    return status;
}

/* A Swift failure cancels its C sibling, and the group's error tells whose it was. */
static eddy_status_t group_them(void)
{
    eddy_scope_t group;
    eddy_task_t task;
    EDDY_TRY(eddy_group_open(&group, NULL));
    EDDY_TRY_IN(group, eddy_group_spawn(group, c_sibling, NULL, NULL, NULL));
    EDDY_TRY_IN(group, swift_failure(group, EDDY_MILLISECONDS(5), &task));
    const eddy_status_t status = eddy_scope_close(group, EDDY_OK);
    eddy_error_t error;
    char text[500];
    if (status == EDDY_EGROUP && eddy_error_current(&error) == EDDY_OK) {
        eddy_error_format(error, text, sizeof text);
        fputs(text, stdout);
        eddy_error_release(error);
    }
    eddy_task_release(task);
    return status == EDDY_EGROUP ? EDDY_OK : status;
}

static eddy_status_t root(void *context)
{
    (void)context;
    setvbuf(stdout, NULL, _IOLBF, 0);
    EDDY_TRY(join_it());
    EDDY_TRY(wait_and_cancel());
    return group_them();
}

int main(void) { return eddy_main(root, NULL); }
