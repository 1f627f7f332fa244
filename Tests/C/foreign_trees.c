/*
 * Foreign tasks in the tree: groups with C siblings, inside a task, with a deadline, a shield and
 * children of their own; refused spawns; a runtime that has a job on the stack.
 *
 * An agent of these tests ends with EDDY_ECANCELED when it is cancelled, unless it is told to stay.
 * Threads: one.
 */
#include "abi_calls.h"

typedef struct agent {
    int started, cancelled, released;
    eddy_task_t self;
    int stays;                         /* 1: does not end when cancelled */
} agent_t;

static void agent_start(void *instance, eddy_task_t self) {
    agent_t *agent = instance;
    agent->started++;
    agent->self = self;
}

static void agent_cancel(void *instance, eddy_task_t self) {
    agent_t *agent = instance;
    agent->cancelled++;
    if (!agent->stays)
        CHECK_STATUS(eddy_foreign_complete(self, EDDY_ECANCELED, NULL, NULL), EDDY_OK);
}

static void agent_release(void *instance) { ((agent_t *)instance)->released++; }

static void *job;                      /* what current_job says */
static void *agent_job(void) { return job; }

static const eddy_foreign_ops_t ops = { (uint32_t)sizeof ops, 0, agent_start, agent_cancel,
    agent_release, agent_job, NULL };

static eddy_task_t spawn_in(eddy_scope_t parent, agent_t *agent) {
    eddy_foreign_options_t options = EDDY_FOREIGN_OPTIONS_INIT;
    eddy_task_t task = { 0 };
    options.parent = parent;
    CHECK_STATUS(eddy_foreign_spawn(&ops, agent, &options, &task), EDDY_OK);
    return task;
}

/* Sees that an agent started once, was cancelled so often, and was released once. */
static void check_agent(const agent_t *agent, int cancelled) {
    CHECK_INT(agent->started, 1);
    CHECK_INT(agent->cancelled, cancelled);
    CHECK_INT(agent->released, 1);
}

static eddy_status_t until_cancelled(void *context) {
    const eddy_status_t status = eddy_sleep(EDDY_FOREVER);
    if (status == EDDY_ECANCELED) ++*(int *)context;
    return status;
}

/* ---- siblings ---- */

static eddy_status_t foreign_fails_body(void *context) {
    agent_t agent = { 0 };
    eddy_scope_t group = { 0 };
    eddy_error_t error = { 0 }, child = { 0 };
    int cancelled = 0;
    (void)context;
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(group, until_cancelled, &cancelled, NULL, NULL), EDDY_OK);
    const eddy_task_t task = spawn_in(group, &agent);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_fail(EDDY_EPERM, "the foreign child"), EDDY_EPERM);
    CHECK_STATUS(eddy_foreign_complete(task, EDDY_EPERM, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(EDDY_SECONDS(1)), EDDY_ECANCELED);
    CHECK_STATUS(eddy_scope_close(group, EDDY_ECANCELED), EDDY_EGROUP);
    CHECK_INT(cancelled, 1);
    CHECK_STATUS(eddy_error_current(&error), EDDY_OK);
    CHECK_INT(eddy_error_child_count(error), 1);
    CHECK_STATUS(eddy_error_child(error, 0, &child), EDDY_OK);
    CHECK_STATUS(eddy_error_status(child), EDDY_EPERM);
    CHECK_TEXT(eddy_error_message(child), "the foreign child");
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    check_agent(&agent, 0);
    return eddy_task_release(task);
}

static void foreign_child_fails(void) {
    CHECK_STATUS(run_virtual(foreign_fails_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

static eddy_status_t fails(void *context) {
    (void)context;
    return eddy_fail(EDDY_EINVAL, "the C child");
}

static eddy_status_t c_fails_body(void *context) {
    agent_t agent = { 0 };
    eddy_scope_t group = { 0 };
    (void)context;
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    const eddy_task_t task = spawn_in(group, &agent);
    CHECK_STATUS(eddy_group_spawn(group, fails, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(group, EDDY_OK), EDDY_EGROUP);
    check_agent(&agent, 1);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_ETARGETCANCELED);
    return eddy_task_release(task);
}

static void c_child_fails(void) {
    CHECK_STATUS(run_virtual(c_fails_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* The group's close waits for a foreign child that takes its time. */
static eddy_status_t complete_later(void *context) {
    EDDY_TRY(eddy_sleep(EDDY_SECONDS(5)));
    return eddy_foreign_complete(((agent_t *)context)->self, EDDY_OK, NULL, NULL);
}

static eddy_status_t close_waits_body(void *context) {
    agent_t agent = { 0 };
    eddy_scope_t group = { 0 };
    int64_t now = 0;
    (void)context;
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_release(spawn_in(group, &agent)), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(complete_later, &agent, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(group, EDDY_OK), EDDY_OK);
    CHECK_STATUS(eddy_now(&now), EDDY_OK);
    CHECK_INT(now, EDDY_SECONDS(5));
    check_agent(&agent, 0);
    return EDDY_OK;
}

static void close_waits(void) {
    CHECK_STATUS(run_virtual(close_waits_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* M6: a cancelled joiner passes the request on to a foreign task; one that waits does not. */
static eddy_status_t join_it(void *context) {
    return eddy_task_join(*(eddy_task_t *)context, NULL);
}

static eddy_status_t wait_for_it(void *context) {
    return eddy_future_wait(eddy_task_future(*(eddy_task_t *)context), NULL);
}

static eddy_status_t two_verbs_body(void *context) {
    agent_t agent = { 0 };
    eddy_task_t waiter = { 0 }, joiner = { 0 };
    (void)context;
    eddy_task_t task = spawn_in((eddy_scope_t){ 0 }, &agent);
    CHECK_STATUS(eddy_task_spawn(wait_for_it, &task, NULL, &waiter), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(join_it, &task, NULL, &joiner), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(waiter, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(waiter, NULL), EDDY_ETARGETCANCELED);
    CHECK_INT(agent.cancelled, 0);
    CHECK_STATUS(eddy_task_cancel(joiner, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(joiner, NULL), EDDY_ETARGETCANCELED);
    check_agent(&agent, 1);
    CHECK_STATUS(eddy_task_release(waiter), EDDY_OK);
    CHECK_STATUS(eddy_task_release(joiner), EDDY_OK);
    return eddy_task_release(task);
}

static void join_and_wait(void) {
    CHECK_STATUS(run_virtual(two_verbs_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* ---- inside a task ---- */

typedef struct host {
    agent_t agent;
    eddy_task_t task;
    int ended;
} host_t;

static eddy_status_t host(void *context) {
    host_t *here = context;
    eddy_task_t self = { 0 };
    EDDY_TRY(eddy_task_current(&self));
    here->task = spawn_in(eddy_task_scope(self), &here->agent);
    here->ended = 1;
    return EDDY_OK;
}

static eddy_status_t inside_a_task_body(void *context) {
    host_t here = { { 0 }, { 0 }, 0 };
    eddy_task_t task = { 0 };
    (void)context;
    CHECK_STATUS(eddy_task_spawn(host, &here, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_sleep(EDDY_SECONDS(1)), EDDY_OK);
    CHECK_INT(here.ended, 1);
    CHECK_STATUS(eddy_future_result(eddy_task_future(task), NULL), EDDY_EPENDING);
    CHECK_STATUS(eddy_foreign_complete(here.task, EDDY_OK, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_OK);
    check_agent(&here.agent, 0);
    CHECK_STATUS(eddy_task_release(here.task), EDDY_OK);
    return eddy_task_release(task);
}

static void inside_a_task(void) {
    CHECK_STATUS(run_virtual(inside_a_task_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

static eddy_status_t cancelled_host_body(void *context) {
    host_t here = { { 0 }, { 0 }, 0 };
    eddy_task_t task = { 0 };
    (void)context;
    CHECK_STATUS(eddy_task_spawn(host, &here, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_sleep(EDDY_SECONDS(1)), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_OK);     /* its function had returned EDDY_OK */
    check_agent(&here.agent, 1);
    CHECK_STATUS(eddy_task_release(here.task), EDDY_OK);
    return eddy_task_release(task);
}

static void inside_a_cancelled_task(void) {
    CHECK_STATUS(run_virtual(cancelled_host_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* ---- deadline, shield and group of its root scope ---- */

static eddy_status_t deadline_body(void *context) {
    eddy_foreign_options_t options = EDDY_FOREIGN_OPTIONS_INIT;
    eddy_task_info_t info;
    eddy_task_t task = { 0 };
    agent_t agent = { 0 };
    int64_t now = 0;
    (void)context;
    options.timeout_ns = EDDY_SECONDS(3);
    options.name = "foreign";
    CHECK_STATUS(eddy_foreign_spawn(&ops, &agent, &options, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_ETARGETCANCELED);
    CHECK_STATUS(eddy_now(&now), EDDY_OK);
    CHECK_INT(now, EDDY_SECONDS(3));
    check_agent(&agent, 1);
    memset(&info, 0, sizeof info);
    info.size = (uint32_t)sizeof info;
    CHECK_STATUS(eddy_task_info(task, &info), EDDY_OK);
    CHECK_INT(info.state, EDDY_TASK_CANCELED);
    CHECK_INT(info.reason.code, EDDY_REASON_DEADLINE);
    CHECK_INT(info.cancel_requests, 0);
    CHECK_TEXT(info.name, "foreign");
    return eddy_task_release(task);
}

static void own_deadline(void) {
    CHECK_STATUS(run_virtual(deadline_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* The group's cancellation comes in ten seconds after it reached the shield. */
static eddy_status_t shield_body(void *context) {
    eddy_foreign_options_t options = EDDY_FOREIGN_OPTIONS_INIT;
    eddy_scope_t group = { 0 };
    eddy_task_t task = { 0 };
    agent_t agent = { 0 };
    int64_t now = 0;
    (void)context;
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    options.parent = group;
    options.flags = EDDY_SCOPE_SHIELD;
    options.grace_ns = EDDY_SECONDS(10);
    CHECK_STATUS(eddy_foreign_spawn(&ops, &agent, &options, &task), EDDY_OK);
    CHECK_STATUS(eddy_sleep(EDDY_SECONDS(1)), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(group, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(group, EDDY_ECANCELED), EDDY_OK);
    CHECK_STATUS(eddy_now(&now), EDDY_OK);
    CHECK_INT(now, EDDY_SECONDS(11));
    check_agent(&agent, 1);
    return eddy_task_release(task);
}

static void shielded(void) {
    CHECK_STATUS(run_virtual(shield_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

static eddy_status_t group_body(void *context) {
    eddy_foreign_options_t options = EDDY_FOREIGN_OPTIONS_INIT;
    eddy_task_t task = { 0 };
    agent_t agent = { 0 };
    int cancelled = 0;
    (void)context;
    options.flags = EDDY_SCOPE_GROUP;
    CHECK_STATUS(eddy_foreign_spawn(&ops, &agent, &options, &task), EDDY_OK);
    const eddy_scope_t scope = eddy_task_scope(task);
    CHECK_STATUS(eddy_group_spawn(scope, until_cancelled, &cancelled, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(scope, fails, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_EGROUP);
    CHECK_INT(cancelled, 1);
    check_agent(&agent, 1);
    CHECK_STATUS(eddy_group_spawn(scope, fails, NULL, NULL, NULL), EDDY_EBADHANDLE);
    return eddy_task_release(task);
}

static void group_of_its_own(void) {
    CHECK_STATUS(run_virtual(group_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* ---- refused spawns ---- */

static eddy_status_t try_parent(eddy_scope_t parent) {
    eddy_foreign_options_t options = EDDY_FOREIGN_OPTIONS_INIT;
    eddy_task_t task = { 77 };
    agent_t agent = { 0 };
    options.parent = parent;
    const eddy_status_t status = eddy_foreign_spawn(&ops, &agent, &options, &task);
    CHECK_INT(agent.released, 1);
    CHECK_INT(agent.started, 0);
    CHECK_INT(task.id, 77);
    return status;
}

static eddy_status_t spawn_from_outside(void *context) {
    CHECK_STATUS(try_parent(*(eddy_scope_t *)context), EDDY_ECLOSED);
    return EDDY_OK;
}

static eddy_status_t refused_body(void *context) {
    eddy_scope_t group = { 0 }, plain = { 0 };
    eddy_task_t other = { 0 };
    (void)context;
    CHECK_STATUS(eddy_task_spawn(spawn_from_outside, &group, NULL, &other), EDDY_OK);
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_open(&plain, NULL), EDDY_OK);
    CHECK_STATUS(try_parent(plain), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_scope_close(plain, EDDY_OK), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(group, NULL), EDDY_OK);
    CHECK_STATUS(try_parent(group), EDDY_ECANCELED);
    CHECK_STATUS(eddy_yield(), EDDY_ECANCELED);            /* the other one tries meanwhile */
    CHECK_STATUS(eddy_scope_close(group, EDDY_ECANCELED), EDDY_OK);
    CHECK_STATUS(try_parent(group), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_task_join(other, NULL), EDDY_OK);
    return eddy_task_release(other);
}

static void refused_spawns(void) {
    CHECK_STATUS(run_virtual(refused_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

static const check_test_t tests[] = {
    { "foreign: its failure cancels C siblings", foreign_child_fails },
    { "foreign: cancelled by a C sibling's failure", c_child_fails },
    { "foreign: a group's close waits for it", close_waits },
    { "M6: join owns a foreign task, wait observes it", join_and_wait },
    { "foreign: inside a task, which waits for it", inside_a_task },
    { "foreign: inside a task that is cancelled", inside_a_cancelled_task },
    { "foreign: its own deadline", own_deadline },
    { "M7: a shielded foreign task", shielded },
    { "foreign: its root scope as a group", group_of_its_own },
    { "TG-04: refused spawns release the instance", refused_spawns },
};
CHECK_MAIN(tests)
