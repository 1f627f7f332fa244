/*
 * agg_check.h: what the tests of combinators share: tasks that end in a named way after a time, and
 * what is registered with a future.
 *
 * Invariants: as check.h. Threads: one.
 */
#ifndef AGG_CHECK_H
#define AGG_CHECK_H

#include "check_tasks.h"

/* A task of a test: it traces "+name", sleeps, and ends with its status or its value. */
typedef struct member {
    const char *name;
    int64_t sleep_ms;          /* 0: not at all */
    eddy_status_t status;      /* EDDY_OK: its value is itself */
    int64_t cleanup_ms;        /* after a cancel, shielded */
    eddy_status_t after;       /* of a cancelled one: EDDY_ECANCELED, EDDY_OK or a failure */
    int was_cancelled;
    eddy_task_t task;
} member_t;

static inline eddy_status_t member_clean(void *context) {
    const member_t *member = context;
    return eddy_sleep(MS(member->cleanup_ms));
}

static inline eddy_status_t member_main(void *context) {
    member_t *member = context;
    const eddy_status_t slept = member->sleep_ms > 0 ? eddy_sleep(MS(member->sleep_ms)) : EDDY_OK;
    if (slept != EDDY_OK) {
        member->was_cancelled = 1;
        if (member->cleanup_ms > 0) {
            eddy_scope_options_t shield = EDDY_SCOPE_OPTIONS_INIT;
            shield.flags = EDDY_SCOPE_SHIELD;
            CHECK_STATUS(eddy_call(&shield, member_clean, member, NULL), EDDY_OK);
        }
        trace("%s!", member->name);
        if (member->after == EDDY_OK) return eddy_return(member, NULL);
        if (member->after == EDDY_ECANCELED) return slept;
        return eddy_fail(member->after, "%s", member->name);
    }
    trace("%s", member->name);
    if (member->status != EDDY_OK) return eddy_fail(member->status, "%s", member->name);
    return eddy_return(member, NULL);
}

#define MEMBER(name, ms, status) { name, ms, status, 0, EDDY_ECANCELED, 0, { 0 } }

/* Spawns count members and gives their futures. */
static inline void members_spawn(member_t *members, size_t count, eddy_future_t *futures) {
    for (size_t index = 0; index < count; index++) {
        CHECK_STATUS(eddy_task_spawn(member_main, &members[index], NULL, &members[index].task),
            EDDY_OK);
        futures[index] = eddy_task_future(members[index].task);
    }
}

static inline void members_release(member_t *members, size_t count) {
    for (size_t index = 0; index < count; index++)
        CHECK_STATUS(eddy_task_release(members[index].task), EDDY_OK);
}

static inline eddy_future_info_t future_info(eddy_future_t future) {
    eddy_future_info_t info = { .size = sizeof info };
    CHECK_STATUS(eddy_future_info(future, &info), EDDY_OK);
    return info;
}

/* How many places are registered with all of them together: tasks, callbacks, combinations. */
static inline int left_behind(const eddy_future_t *futures, size_t count) {
    int left = 0;
    for (size_t index = 0; index < count; index++) {
        const eddy_future_info_t info = future_info(futures[index]);
        left += info.waiters + info.callbacks;
    }
    return left;
}

/* The message of the current error, or "" for none. */
static inline const char *current_message(void) {
    static char text[256];
    eddy_error_t error;
    text[0] = '\0';
    if (!CHECK_STATUS(eddy_error_current(&error), EDDY_OK)) return text;
    const char *message = eddy_error_message(error);
    if (message) snprintf(text, sizeof text, "%s", message);
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    return text;
}

/* A task that lives for a while beside the test. */
static inline eddy_task_t spawn(eddy_task_fn fn, void *context) {
    eddy_task_t task = { 0 };
    CHECK_STATUS(eddy_task_spawn(fn, context, NULL, &task), EDDY_OK);
    return task;
}

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

#endif /* AGG_CHECK_H */
