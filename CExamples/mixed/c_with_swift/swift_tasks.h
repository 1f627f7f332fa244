/*
 * swift_tasks.h: async closures of Swift as tasks, for C. Each function spawns one on the loop of
 * the calling thread and does not wait.
 * Ownership: ret_task receives one reference, ended by eddy_task_release.
 * Returns a failure of the spawn, or EDDY_OK. Thread: loop.
 */
#ifndef SWIFT_TASKS_H
#define SWIFT_TASKS_H

#include <eddy.h>

/* Adds numbers, which are copied. Value: the sum, as an integer. */
eddy_status_t swift_sum(const int32_t *numbers, size_t count, eddy_task_t *ret_task);

/* Sleeps for an hour, and says why when it is told to end. */
eddy_status_t swift_sleeper(eddy_task_t *ret_task);

/* As a child of a group that C has opened: fails after a time with a Swift error. */
eddy_status_t swift_failure(eddy_scope_t group, int64_t after_ns, eddy_task_t *ret_task);

#endif
