/*
 * check_tasks.h: what several tests of tasks and groups share: a body that runs in a root task on
 * the virtual clock, times, and what is known of a task and of the current error.
 *
 * Invariants: as check.h. Threads: one.
 */
#ifndef CHECK_TASKS_H
#define CHECK_TASKS_H

#include "check.h"

#define MS(x) EDDY_MILLISECONDS(x)
#define LONG EDDY_SECONDS(3600)

/* A test whose body is a root task, and which expects no report. */
#define IN_TASK(name)                                                                             \
    static eddy_status_t name##_body(void *context);                                              \
    static void name(void) {                                                                      \
        CHECK_STATUS(run_virtual(name##_body, NULL), EDDY_OK);                                    \
        CHECK_INT(reports.count, 0);                                                              \
    }                                                                                             \
    static eddy_status_t name##_body(void *context)

static inline int64_t now_ms(void) {
    int64_t now = -1;
    CHECK_STATUS(eddy_now(&now), EDDY_OK);
    return now / 1000000;
}

static inline eddy_task_t self(void) {
    eddy_task_t task = { 0 };
    CHECK_STATUS(eddy_task_current(&task), EDDY_OK);
    return task;
}

static inline eddy_task_info_t info_of(eddy_task_t task) {
    eddy_task_info_t info = { .size = sizeof info };
    CHECK_STATUS(eddy_task_info(task, &info), EDDY_OK);
    CHECK_INT(info.size, sizeof info);
    return info;
}

static inline int cancel_requests(void) { return info_of(self()).cancel_requests; }

/* "EDDY_EGROUP(EIO EPIPE)": an error and its children. */
static inline void describe(eddy_error_t error, char *text, size_t size) {
    const size_t count = eddy_error_child_count(error);
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s%s", eddy_status_name(eddy_error_status(error)),
        count ? "(" : "");
    for (size_t index = 0; index < count; index++) {
        eddy_error_t child;
        if (!CHECK_STATUS(eddy_error_child(error, index, &child), EDDY_OK)) return;
        if (index > 0) snprintf(text + strlen(text), size - strlen(text), " ");
        describe(child, text, size);
    }
    used = strlen(text);
    if (count) snprintf(text + used, size - used, ")");
}

/* The current error, as describe writes it. */
static inline const char *current_error(void) {
    static char text[512];
    eddy_error_t error;
    text[0] = '\0';
    if (!CHECK_STATUS(eddy_error_current(&error), EDDY_OK)) return text;
    describe(error, text, sizeof text);
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    return text;
}

#endif /* CHECK_TASKS_H */
