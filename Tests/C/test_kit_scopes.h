/*
 * test_kit_scopes.h: scenarios of the test kit, second half: groups, scopes, descriptors, foreign
 * tasks, posts and errors.
 *
 * As test_kit_waits.h. Threads: one.
 */
#ifndef TEST_KIT_SCOPES_H
#define TEST_KIT_SCOPES_H

#include "test_kit_waits.h"

#include <fcntl.h>
#include <sys/socket.h>

/* ---- groups ---- */

static eddy_status_t group_of(int count, eddy_task_fn fn, eddy_status_t body) {
    const eddy_spawn_options_t options = owning();
    eddy_scope_t group = { 0 };
    EDDY_TRY(eddy_group_open(&group, NULL));
    for (int index = 0; index < count; index++)
        EDDY_TRY_IN(group, eddy_group_spawn(group, fn, hand(), &options, NULL));
    return eddy_scope_close(group, body);
}

static eddy_status_t group_plain(void *context) {
    (void)context;
    return group_of(3, naps, EDDY_OK);
}

static eddy_status_t group_nested(void *context) {
    eddy_scope_t outer = { 0 };
    (void)context;
    EDDY_TRY(eddy_group_open(&outer, NULL));
    EDDY_TRY_IN(outer, eddy_group_spawn(outer, group_plain, NULL, NULL, NULL));
    EDDY_TRY_IN(outer, group_of(2, yields, EDDY_OK));
    return eddy_scope_close(outer, EDDY_OK);
}

static eddy_status_t group_failing_child(void *context) {
    (void)context;
    return beside(fails, naps, NULL);
}

static eddy_status_t group_failing_body(void *context) {
    (void)context;
    return group_of(2, naps, EDDY_EPERM);
}

static eddy_status_t group_two_failures(void *context) {
    eddy_error_t error = { 0 };
    (void)context;
    const eddy_status_t status = group_of(2, fails, EDDY_OK);
    if (status != EDDY_EGROUP || eddy_error_current(&error) != EDDY_OK) return status;
    (void)eddy_error_child_count(error);
    (void)eddy_error_release(error);
    return EDDY_OK;
}

static eddy_status_t group_cancelled(void *context) {
    eddy_scope_t group = { 0 };
    EDDY_TRY(eddy_group_open(&group, NULL));
    EDDY_TRY_IN(group, eddy_group_spawn(group, naps, NULL, NULL, NULL));
    EDDY_TRY_IN(group, yields(context));
    EDDY_TRY_IN(group, eddy_scope_cancel(group, "that will do"));
    EDDY_TRY_IN(group, yields(context));
    return eddy_scope_close(group, EDDY_OK);
}

static eddy_status_t group_child_spawns(void *context) {
    const eddy_scope_t group = *(eddy_scope_t *)context;
    EDDY_TRY(eddy_yield());
    const eddy_status_t status = eddy_group_spawn(group, naps, NULL, NULL, NULL);
    return status == EDDY_ECLOSED ? EDDY_OK : status;
}

static eddy_status_t group_grows(void *context) {
    eddy_scope_t group = { 0 };
    (void)context;
    EDDY_TRY(eddy_group_open(&group, NULL));
    EDDY_TRY_IN(group, eddy_group_spawn(group, group_child_spawns, &group, NULL, NULL));
    return eddy_scope_close(group, EDDY_OK);
}

/* ---- scopes, timeouts, shields, defers ---- */

static eddy_status_t timeout_holds(void *context) {
    (void)context;
    return eddy_with_timeout(EDDY_SECONDS(10), naps, NULL, NULL);
}

static eddy_status_t timeout_expires(void *context) {
    (void)context;
    const eddy_status_t status = eddy_with_timeout(EDDY_MILLISECONDS(10), naps, NULL, NULL);
    return status == EDDY_ETIMEDOUT ? eddy_yield() : status;
}

static eddy_status_t timeouts_nested(void *context) {
    eddy_scope_t outer = { 0 }, inner = { 0 };
    EDDY_TRY(eddy_timeout_open(&outer, EDDY_SECONDS(3), NULL));
    EDDY_TRY_IN(outer, eddy_timeout_open(&inner, EDDY_SECONDS(2), NULL));
    EDDY_TRY_IN2(inner, outer, naps(context));
    EDDY_TRY_IN2(inner, outer, sleep_twice(context));
    return eddy_scope_close(outer, eddy_scope_close(inner, EDDY_OK));
}

static eddy_status_t scope_info(void *context) {
    eddy_close_info_t info;
    eddy_scope_t scope = { 0 };
    memset(&info, 0, sizeof info);
    info.size = (uint32_t)sizeof info;
    EDDY_TRY(eddy_timeout_open(&scope, EDDY_MILLISECONDS(1), NULL));
    return eddy_scope_close_info(scope, naps(context), &info);
}

static eddy_status_t shielded(void *context) {
    eddy_scope_t shield = { 0 };
    EDDY_TRY(eddy_shield_open(&shield, NULL));
    const eddy_status_t status = eddy_scope_close(shield, sleep_twice(context));
    return status == EDDY_OK ? yields(context) : status;
}

static eddy_status_t shield_grace_ends(void *context) {
    eddy_scope_options_t options = EDDY_SCOPE_OPTIONS_INIT;
    eddy_scope_t shield = { 0 };
    options.grace_ns = EDDY_MILLISECONDS(500);
    EDDY_TRY(eddy_shield_open(&shield, &options));
    return eddy_scope_close(shield, sleep_twice(context));
}

static eddy_status_t defer_waits(void *context) {
    eddy_scope_t scope = { 0 };
    EDDY_TRY(eddy_scope_open(&scope, NULL));
    EDDY_TRY_IN(scope, eddy_defer(naps, NULL));
    EDDY_TRY_IN(scope, eddy_defer(yields, NULL));
    return eddy_scope_close(scope, naps(context));
}

static eddy_status_t defers_again(void *context) {
    (void)context;
    const eddy_status_t status = eddy_defer(naps, NULL);
    return status == EDDY_OK ? eddy_yield() : status;
}

static eddy_status_t defer_chain(void *context) {
    EDDY_TRY(eddy_defer(defers_again, NULL));
    return yields(context);
}

static eddy_status_t bound_value(void *context) {
    void *value = NULL;
    EDDY_TRY(eddy_call(NULL, gives, NULL, &value));
    EDDY_TRY(yields(context));
    return value ? EDDY_OK : EDDY_EINVAL;
}

static eddy_status_t bound_nested(void *context) {
    (void)context;
    EDDY_TRY(eddy_with_timeout(EDDY_SECONDS(9), bound_value, NULL, NULL));
    return eddy_call(NULL, timeout_expires, NULL, NULL);
}

static eddy_status_t bound_failure(void *context) {
    const eddy_status_t status = eddy_call(NULL, fails, NULL, NULL);
    return status == EDDY_EPERM ? yields(context) : status;
}

/* ---- descriptors ---- */

static eddy_status_t writes_later(void *context) {
    EDDY_TRY(eddy_sleep(EDDY_MILLISECONDS(5)));
    return write(((int *)context)[1], "x", 1) == 1 ? EDDY_OK : EDDY_EINVAL;
}

static eddy_status_t reads(void *context) {
    int32_t events = 0;
    return eddy_fd_wait(*(int *)context, EDDY_READABLE, &events);
}

static eddy_status_t pipe_wait(void *context) {
    int ends[2];
    (void)context;
    if (pipe2(ends, O_CLOEXEC) != 0) return EDDY_EINVAL;
    const eddy_status_t status = beside(writes_later, reads, ends);
    close(ends[0]);
    close(ends[1]);
    return status;
}

static eddy_status_t writable(void *context) {
    EDDY_TRY(eddy_fd_wait(*(int *)context, EDDY_READABLE | EDDY_WRITABLE, NULL));
    return reads(context);
}

static eddy_status_t socket_wait(void *context) {
    int ends[2];
    (void)context;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return EDDY_EINVAL;
    const eddy_status_t status = beside(writes_later, writable, ends);
    close(ends[0]);
    close(ends[1]);
    return status;
}

static eddy_status_t descriptor_timeout(void *context) {
    int ends[2];
    (void)context;
    if (pipe2(ends, O_CLOEXEC) != 0) return EDDY_EINVAL;
    const eddy_status_t status = eddy_with_timeout(EDDY_SECONDS(1), reads, ends, NULL);
    close(ends[0]);
    close(ends[1]);
    return status;
}

/* ---- foreign tasks: each completes in a later round, and once ---- */

typedef struct foreign {
    eddy_task_t self;
    int is_done;
    int waits;                 /* 1: only a cancel ends it */
} foreign_t;

static eddy_status_t foreign_later(void *context) {
    foreign_t *foreign = context;
    if (foreign->is_done) return EDDY_OK;
    foreign->is_done = 1;
    return eddy_foreign_complete(foreign->self, EDDY_OK, hand(), count_release);
}

static void foreign_start(void *instance, eddy_task_t self) {
    foreign_t *foreign = instance;
    foreign->self = self;
    if (foreign->waits) return;
    if (eddy_post(foreign_later, foreign, NULL) != EDDY_OK) (void)foreign_later(foreign);
}

static void foreign_cancel(void *instance, eddy_task_t self) {
    foreign_t *foreign = instance;
    if (foreign->is_done) return;
    foreign->is_done = 1;
    (void)eddy_foreign_complete(self, EDDY_ECANCELED, NULL, NULL);
}

static void foreign_release(void *instance) {
    (void)instance;
    released++;
}

static const eddy_foreign_ops_t foreign_ops = { (uint32_t)sizeof foreign_ops, 0, foreign_start,
    foreign_cancel, foreign_release, NULL, NULL };

static eddy_status_t foreign_join(void *context) {
    foreign_t foreign = { { 0 }, 0, 0 };
    eddy_task_t task = { 0 };
    (void)context;
    (void)hand();
    EDDY_TRY(eddy_foreign_spawn(&foreign_ops, &foreign, NULL, &task));
    return joined(task);
}

static eddy_status_t foreign_timeout(void *context) {
    eddy_foreign_options_t options = EDDY_FOREIGN_OPTIONS_INIT;
    foreign_t foreign = { { 0 }, 0, 1 };
    eddy_task_t task = { 0 };
    (void)context;
    options.timeout_ns = EDDY_SECONDS(1);
    options.name = "foreign";
    (void)hand();
    EDDY_TRY(eddy_foreign_spawn(&foreign_ops, &foreign, &options, &task));
    const eddy_status_t status = joined(task);
    return status == EDDY_ETARGETCANCELED ? eddy_yield() : status;
}

static eddy_status_t foreign_in_group(void *context) {
    eddy_foreign_options_t options = EDDY_FOREIGN_OPTIONS_INIT;
    foreign_t foreign = { { 0 }, 0, 0 };
    eddy_scope_t group = { 0 };
    (void)context;
    EDDY_TRY(eddy_group_open(&group, NULL));
    options.parent = group;
    (void)hand();
    EDDY_TRY_IN(group, eddy_foreign_spawn(&foreign_ops, &foreign, &options, NULL));
    EDDY_TRY_IN(group, eddy_group_spawn(group, yields, NULL, NULL, NULL));
    return eddy_scope_close(group, EDDY_OK);
}

static void foreign_fails(void *instance, eddy_task_t self) {
    (void)instance;
    (void)eddy_foreign_complete(self, EDDY_EFOREIGN, hand(), count_release);
}

static const eddy_foreign_ops_t failing_ops = { (uint32_t)sizeof failing_ops, 0, foreign_fails,
    NULL, foreign_release, NULL, NULL };

/* Its error carries a value: the payload is released with the last reference to the error. */
static eddy_status_t foreign_payload(void *context) {
    eddy_task_t task = { 0 };
    eddy_error_t error = { 0 };
    (void)context;
    (void)hand();
    EDDY_TRY(eddy_foreign_spawn(&failing_ops, NULL, NULL, &task));
    const eddy_status_t status = joined(task);
    if (status != EDDY_EFOREIGN || eddy_error_current(&error) != EDDY_OK) return status;
    const eddy_status_t yielded = eddy_yield();
    (void)eddy_error_payload(error, count_release);
    (void)eddy_error_release(error);
    return yielded;
}

/* ---- posts, the door, errors, data ---- */

static eddy_status_t posted(void *context) {
    (void)context;
    return EDDY_OK;
}

static eddy_status_t posts(void *context) {
    EDDY_TRY(eddy_post(posted, hand(), count_release));
    EDDY_TRY(yields(context));
    return eddy_post(posted, hand(), count_release);
}

static eddy_status_t door(void *context) {
    eddy_loop_t loop = { 0 };
    eddy_future_t future = { 0 };
    (void)context;
    EDDY_TRY(eddy_loop_current(&loop));
    EDDY_TRY(eddy_post_threadsafe(loop, posted, hand(), count_release));
    EDDY_TRY(eddy_future_create(&future));
    eddy_status_t status = eddy_future_complete_threadsafe(future, hand(), count_release);
    if (status == EDDY_OK) status = eddy_future_wait(future, NULL);
    (void)eddy_future_release(future);
    return status;
}

static eddy_status_t error_with_cause(void *context) {
    eddy_scope_t scope = { 0 };
    (void)context;
    EDDY_TRY(eddy_scope_open(&scope, NULL));
    EDDY_TRY_IN(scope, eddy_scope_cancel(scope, "a reason"));
    (void)eddy_yield();
    return eddy_scope_close(scope, eddy_fail(EDDY_EPERM, "because of it"));
}

static eddy_status_t loop_data(void *context) {
    EDDY_TRY(eddy_loop_set_data(hand(), count_release));
    EDDY_TRY(yields(context));
    return eddy_loop_set_data(hand(), count_release);
}

#endif /* TEST_KIT_SCOPES_H */
