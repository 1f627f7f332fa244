/*
 * error_tree.c: proves the error object: children, causes, payload, references, and the text that
 * people read.
 *
 * Invariants: every test runs on a virtual clock and expects no report.
 * Threads: one.
 */
#include "check.h"

#include <errno.h>

#define MS(x) EDDY_MILLISECONDS(x)

#define IN_TASK(name)                                                                             \
    static eddy_status_t name##_body(void *context);                                              \
    static void name(void) {                                                                      \
        CHECK_STATUS(run_virtual(name##_body, NULL), EDDY_OK);                                    \
        CHECK_INT(reports.count, 0);                                                              \
    }                                                                                             \
    static eddy_status_t name##_body(void *context)

static const eddy_error_t null_error = { 0 };

static eddy_error_t current(void) {
    eddy_error_t error = { 0 };
    CHECK_STATUS(eddy_error_current(&error), EDDY_OK);
    return error;
}

static eddy_status_t fail_first(void *context) {
    (void)context;
    return eddy_fail(-EIO, "disk is gone");
}

static eddy_status_t fail_second(void *context) {
    if (eddy_sleep(EDDY_SECONDS(1)) == EDDY_OK) return EDDY_OK;
    (void)context;
    return eddy_fail(-EPIPE, "peer is gone");
}

/* A group's error with two children, as the current one. */
static eddy_error_t group_error(void) {
    eddy_scope_t group;
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(group, fail_second, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(group, fail_first, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(group, EDDY_OK), EDDY_EGROUP);
    return current();
}

/* ------------------------------------------------------------------------------------------------
 * Children and causes
 */
IN_TASK(children) {
    const eddy_error_t error = group_error();
    eddy_error_t child = { 7 };
    (void)context;
    CHECK_STATUS(eddy_error_status(error), EDDY_EGROUP);
    CHECK_INT(eddy_error_child_count(error), 2);
    CHECK_INT(eddy_error_cause_count(error), 0);
    CHECK_STATUS(eddy_error_child(error, 2, &child), EDDY_EINVAL);
    CHECK_STATUS(eddy_error_child(error, SIZE_MAX, &child), EDDY_EINVAL);
    CHECK_STATUS(eddy_error_child(error, 0, NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_error_cause(error, 0, &child), EDDY_EINVAL);
    CHECK_INT(child.id, 7);
    CHECK_STATUS(eddy_error_child(error, 0, &child), EDDY_OK);
    CHECK_STATUS(eddy_error_status(child), -EIO);
    CHECK_TEXT(eddy_error_message(child), "disk is gone");
    CHECK_STATUS(eddy_error_child(error, 1, &child), EDDY_OK);
    CHECK_STATUS(eddy_error_status(child), -EPIPE);
    CHECK_TEXT(eddy_error_message(child), "peer is gone");
    CHECK_INT(eddy_error_child_count(child), 0);
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    return EDDY_OK;
}

IN_TASK(reason_as_cause) {
    eddy_scope_t scope;
    eddy_error_t error, cause;
    (void)context;
    CHECK_STATUS(eddy_timeout_open(&scope, MS(10), NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(20)), EDDY_ECANCELED);
    CHECK_STATUS(eddy_scope_close(scope, eddy_fail(-EIO, "half written")), -EIO);
    error = current();
    CHECK_INT(eddy_error_cause_count(error), 1);
    CHECK_STATUS(eddy_error_cause(error, 0, &cause), EDDY_OK);
    CHECK(eddy_error_status(cause) < EDDY_OK);
    CHECK(eddy_error_message(cause) != NULL);
    CHECK_STATUS(eddy_error_cause(error, 1, &cause), EDDY_EINVAL);
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    return EDDY_OK;
}

/* Each scope on the way out that was cancelled adds its reason, the outermost last. */
IN_TASK(reasons_add_up) {
    eddy_scope_t outer, inner;
    eddy_error_t error, cause;
    (void)context;
    CHECK_STATUS(eddy_scope_open(&outer, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_open(&inner, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(inner, "inner reason"), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(outer, "outer reason"), EDDY_OK);
    const eddy_status_t status = eddy_scope_close(inner, eddy_fail(-EIO, "disk"));
    CHECK_STATUS(eddy_scope_close(outer, status), -EIO);
    error = current();
    CHECK_TEXT(eddy_error_message(error), "disk");
    CHECK_INT(eddy_error_cause_count(error), 2);
    CHECK_STATUS(eddy_error_cause(error, 0, &cause), EDDY_OK);
    CHECK_CONTAINS(eddy_error_message(cause), "inner reason");
    CHECK_STATUS(eddy_error_cause(error, 1, &cause), EDDY_OK);
    CHECK_CONTAINS(eddy_error_message(cause), "outer reason");
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Text
 */
IN_TASK(text) {
    const eddy_error_t error = group_error();
    static char full[2048], part[2048];
    (void)context;
    const size_t size = eddy_error_format(error, NULL, 0);
    CHECK(size > 1 && size < sizeof full);
    CHECK_INT(eddy_error_format(error, full, sizeof full), size);
    CHECK_INT(strlen(full) + 1, size);
    CHECK_CONTAINS(full, "disk is gone");
    CHECK_CONTAINS(full, "peer is gone");
    const char *first = strstr(full, "disk is gone"), *second = strstr(full, "peer is gone");
    CHECK(first && second && first < second && memchr(first, '\n', (size_t)(second - first)));
    for (size_t capacity = 1; capacity <= size + 1; capacity++) {
        memset(part, '#', sizeof part);
        CHECK_INT(eddy_error_format(error, part, capacity), size);
        const size_t kept = capacity < size ? capacity - 1 : size - 1;
        CHECK_INT(strlen(part), kept);
        CHECK(memcmp(part, full, kept) == 0);
        CHECK(part[capacity] == '#');
    }
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Handles and references
 */
IN_TASK(bad_handles) {
    const eddy_error_t error = group_error();
    const eddy_error_t wrong_kind = { eddy_task_scope((eddy_task_t){ error.id }).id };
    eddy_error_t out = { 7 };
    (void)context;
    CHECK_STATUS(eddy_error_release(null_error), EDDY_OK);
    CHECK_STATUS(eddy_error_retain(null_error), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_error_status(null_error), EDDY_EBADHANDLE);
    CHECK(eddy_error_message(null_error) == NULL);
    CHECK(eddy_error_payload(null_error, NULL) == NULL);
    CHECK_INT(eddy_error_child_count(null_error), 0);
    CHECK_INT(eddy_error_cause_count(null_error), 0);
    CHECK_STATUS(eddy_error_child(null_error, 0, &out), EDDY_EBADHANDLE);
    CHECK_INT(eddy_error_format(null_error, NULL, 0), 0);
    CHECK_INT(wrong_kind.id, 0);
    CHECK_INT(out.id, 7);
    CHECK_STATUS(eddy_error_current(NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    return EDDY_OK;
}

IN_TASK(child_kept_alone) {
    const eddy_error_t error = group_error();
    eddy_error_t child;
    (void)context;
    CHECK_STATUS(eddy_error_child(error, 0, &child), EDDY_OK);
    CHECK_STATUS(eddy_error_retain(child), EDDY_OK);
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    CHECK_STATUS(eddy_fail(-ENOENT, "takes the group's error out of the slot"), -ENOENT);
    CHECK_STATUS(eddy_error_status(error), EDDY_EBADHANDLE);
    CHECK_TEXT(eddy_error_message(child), "disk is gone");
    CHECK_STATUS(eddy_error_release(child), EDDY_OK);
    CHECK_STATUS(eddy_error_status(child), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_error_release(child), EDDY_EBADHANDLE);
    return EDDY_OK;
}

/* The references of the runtime itself are not the program's to end. */
IN_TASK(one_release_too_many) {
    eddy_future_t future;
    eddy_error_t error, child;
    (void)context;
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_future_fail(future, -EIO, "kept by the future"), EDDY_OK);
    CHECK_STATUS(eddy_future_error(future, &error), EDDY_OK);
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    CHECK_STATUS(eddy_error_release(error), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_future_error(future, &error), EDDY_OK);
    CHECK_TEXT(eddy_error_message(error), "kept by the future");
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    const eddy_error_t group = group_error();
    CHECK_STATUS(eddy_error_child(group, 0, &child), EDDY_OK);
    CHECK_STATUS(eddy_error_release(child), EDDY_EBADHANDLE);
    CHECK_TEXT(eddy_error_message(child), "disk is gone");
    CHECK_STATUS(eddy_error_release(group), EDDY_OK);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * What a foreign runtime attaches
 */
static eddy_task_t started;

static void start(void *instance, eddy_task_t self) {
    (void)instance;
    started = self;
}

static eddy_foreign_ops_t ops = {
    sizeof(eddy_foreign_ops_t), 0, start, NULL, NULL, NULL, NULL
};

static eddy_task_t spawn_foreign(void) {
    eddy_task_t task = { 0 };
    CHECK_STATUS(eddy_foreign_spawn(&ops, NULL, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_INT(started.id, task.id);
    return task;
}

IN_TASK(payload) {
    const eddy_task_t task = spawn_foreign();
    int released = 0;
    void *value = NULL;
    (void)context;
    CHECK_STATUS(eddy_foreign_complete(task, -EIO, &released, count_release), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, &value), -EIO);
    CHECK(value == NULL);
    const eddy_error_t error = current();
    CHECK_STATUS(eddy_error_status(error), -EIO);
    CHECK(eddy_error_payload(error, NULL) == &released);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_INT(released, 0);
    CHECK_STATUS(eddy_fail(-ENOENT, NULL), -ENOENT);
    CHECK_INT(released, 0);
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    CHECK_INT(released, 1);
    return EDDY_OK;
}

/* The current error goes along if its status is the same, and carries the payload too. */
IN_TASK(payload_and_message) {
    const eddy_task_t task = spawn_foreign();
    int released = 0;
    (void)context;
    CHECK_STATUS(eddy_fail(-EIO, "thrown there"), -EIO);
    CHECK_STATUS(eddy_foreign_complete(task, -EIO, &released, count_release), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), -EIO);
    const eddy_error_t error = current();
    CHECK_TEXT(eddy_error_message(error), "thrown there");
    CHECK(eddy_error_payload(error, NULL) == &released);
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_STATUS(eddy_fail(-ENOENT, NULL), -ENOENT);
    CHECK_INT(released, 1);
    return EDDY_OK;
}

static const check_test_t tests[] = {
    { "errors: a group's children, in order and in range", children },
    { "errors, TO-11: a reason is a cause", reason_as_cause },
    { "errors, TSK-23: each cancelled scope on the way adds its reason", reasons_add_up },
    { "errors: the text, and any small buffer", text },
    { "errors: null and wrong handles", bad_handles },
    { "errors: a retained child outlives its parent", child_kept_alone },
    { "errors: one release too many is EDDY_EBADHANDLE", one_release_too_many },
    { "errors: the payload of a foreign failure", payload },
    { "errors: the payload and the current error", payload_and_message },
};
CHECK_MAIN(tests)
