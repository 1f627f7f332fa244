/*
 * Foreign tasks by themselves: start, cancel, complete, release, enter and leave.
 *
 * A foreign task of these tests is an `agent_t`: what its operations do is in its fields, and it
 * counts how often each was called. Its runtime is this file.
 * Threads: one.
 */
#include "abi_calls.h"

typedef struct agent {
    int started, cancelled, released;
    eddy_task_t self;
    int complete_in_start;             /* 1: ends in start */
    int complete_in_cancel;            /* 1: ends with EDDY_ECANCELED when cancelled */
    int values;                        /* released values, counted by count_release */
} agent_t;

static void agent_start(void *instance, eddy_task_t self) {
    agent_t *agent = instance;
    eddy_task_t current = { 77 };
    agent->started++;
    agent->self = self;
    CHECK_STATUS(eddy_task_current(&current), EDDY_ENOTTASK);
    trace("start");
    if (agent->complete_in_start)
        CHECK_STATUS(eddy_foreign_complete(self, EDDY_OK, &agent->values, count_release), EDDY_OK);
}

static void agent_cancel(void *instance, eddy_task_t self) {
    agent_t *agent = instance;
    agent->cancelled++;
    CHECK_INT(self.id, agent->self.id);
    CHECK_INT(agent->started, 1);
    trace("cancel");
    if (agent->complete_in_cancel)
        CHECK_STATUS(eddy_foreign_complete(self, EDDY_ECANCELED, NULL, NULL), EDDY_OK);
}

static void agent_release(void *instance) {
    ((agent_t *)instance)->released++;
    trace("release");
}

static const eddy_foreign_ops_t ops = { (uint32_t)sizeof ops, 0, agent_start, agent_cancel,
    agent_release, NULL, NULL };

static eddy_task_t spawn_agent(agent_t *agent) {
    eddy_task_t task = { 0 };
    CHECK_STATUS(eddy_foreign_spawn(&ops, agent, NULL, &task), EDDY_OK);
    CHECK_INT(agent->started, 0);
    return task;
}

static int32_t state_of(eddy_task_t task) {
    eddy_task_info_t info;
    memset(&info, 0, sizeof info);
    info.size = (uint32_t)sizeof info;
    CHECK_STATUS(eddy_task_info(task, &info), EDDY_OK);
    return info.state;
}

/* ---- start, complete, release: each once ---- */

static eddy_status_t value_body(void *context) {
    agent_t agent = { 0 };
    void *value = NULL;
    (void)context;
    const eddy_task_t task = spawn_agent(&agent);
    CHECK_INT(state_of(task), EDDY_TASK_READY);
    CHECK_STATUS(eddy_foreign_complete(task, EDDY_OK, &agent.values, count_release), EDDY_EINVAL);
    CHECK_INT(agent.values, 1);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_INT(agent.started, 1);
    CHECK_INT(agent.self.id, task.id);
    CHECK_INT(state_of(task), EDDY_TASK_RUNNING);
    CHECK_STATUS(eddy_future_result(eddy_task_future(task), NULL), EDDY_EPENDING);
    CHECK_STATUS(eddy_foreign_complete(task, 5, &agent.values, count_release), EDDY_EINVAL);
    CHECK_INT(agent.values, 2);
    CHECK_STATUS(eddy_foreign_complete(task, EDDY_OK, &agent.values, count_release), EDDY_OK);
    CHECK_INT(agent.values, 2);
    CHECK_STATUS(eddy_foreign_complete(task, EDDY_OK, &agent.values, count_release),
        EDDY_EALREADY);
    CHECK_INT(agent.values, 3);
    CHECK_STATUS(eddy_task_join(task, &value), EDDY_OK);
    CHECK(value == &agent.values);
    CHECK_STATUS(eddy_foreign_complete(task, EDDY_OK, &agent.values, count_release),
        EDDY_EALREADY);
    CHECK_INT(agent.values, 4);
    CHECK_INT(state_of(task), EDDY_TASK_DONE);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_INT(agent.values, 5);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_INT(agent.started, 1);
    CHECK_INT(agent.cancelled, 0);
    CHECK_INT(agent.released, 1);
    return EDDY_OK;
}

static void completes_with_a_value(void) {
    CHECK_STATUS(run_virtual(value_body, NULL), EDDY_OK);
    CHECK_TRACE("start release");
    CHECK_INT(reports.count, 0);
}

static eddy_status_t in_start_body(void *context) {
    agent_t agent = { 0 };
    void *value = NULL;
    (void)context;
    agent.complete_in_start = 1;
    const eddy_task_t task = spawn_agent(&agent);
    CHECK_STATUS(eddy_future_wait(eddy_task_future(task), &value), EDDY_OK);
    CHECK(value == &agent.values);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_INT(agent.values, 1);
    CHECK_INT(agent.released, 1);
    return EDDY_OK;
}

static void completes_in_start(void) {
    CHECK_STATUS(run_virtual(in_start_body, NULL), EDDY_OK);
    CHECK_TRACE("start release");
}

/* ---- a failure and what it carries ---- */

static eddy_status_t failure_body(void *context) {
    agent_t agent = { 0 };
    eddy_error_t error = { 0 };
    (void)context;
    const eddy_task_t task = spawn_agent(&agent);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_fail(EDDY_EPERM, "from the runtime"), EDDY_EPERM);
    CHECK_STATUS(eddy_foreign_complete(task, EDDY_EPERM, &agent.values, count_release), EDDY_OK);
    CHECK_STATUS(eddy_fail(EDDY_EINVAL, "another"), EDDY_EINVAL);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_EPERM);
    CHECK_INT(state_of(task), EDDY_TASK_FAILED);
    CHECK_STATUS(eddy_future_error(eddy_task_future(task), &error), EDDY_OK);
    CHECK_STATUS(eddy_error_status(error), EDDY_EPERM);
    CHECK_TEXT(eddy_error_message(error), "from the runtime");
    CHECK(eddy_error_payload(error, NULL) == &agent.values);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_STATUS(eddy_fail(EDDY_EINVAL, "no longer current"), EDDY_EINVAL);
    CHECK_INT(agent.values, 0);
    CHECK(eddy_error_payload(error, NULL) == &agent.values);
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    CHECK_INT(agent.values, 1);
    CHECK_INT(agent.released, 1);
    return EDDY_OK;
}

static void completes_with_a_failure(void) {
    CHECK_STATUS(run_virtual(failure_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* M12: a failure that nobody reads is reported once, and its payload released. */
static eddy_status_t unread_body(void *context) {
    agent_t *agent = context;
    const eddy_task_t task = spawn_agent(agent);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_foreign_complete(task, EDDY_EPERM, &agent->values, count_release), EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    return eddy_sleep(1);
}

static void unread_failure(void) {
    agent_t agent = { 0 };
    CHECK_STATUS(run_virtual(unread_body, &agent), EDDY_OK);
    CHECK_INT(agent.values, 1);
    CHECK_INT(agent.released, 1);
    CHECK_INT(reports.count, 1);
    CHECK_STATUS(reports.status, EDDY_EPERM);
}

/* ---- cancellation ---- */

static eddy_status_t before_start_body(void *context) {
    agent_t agent = { 0 };
    (void)context;
    const eddy_task_t task = spawn_agent(&agent);
    CHECK_STATUS(eddy_task_cancel(task, "too early"), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_ETARGETCANCELED);
    CHECK_INT(agent.started, 0);
    CHECK_INT(agent.cancelled, 0);
    CHECK_INT(agent.released, 1);
    CHECK_INT(state_of(task), EDDY_TASK_CANCELED);
    return eddy_task_release(task);
}

static void cancelled_before_start(void) {
    CHECK_STATUS(run_virtual(before_start_body, NULL), EDDY_OK);
    CHECK_TRACE("release");
}

static eddy_status_t cancel_body(void *context) {
    agent_t agent = { 0 };
    (void)context;
    agent.complete_in_cancel = 1;
    const eddy_task_t task = spawn_agent(&agent);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_OK);
    CHECK_INT(agent.cancelled, 0);             /* from the loop, not inside the call */
    CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_ETARGETCANCELED);
    CHECK_INT(agent.cancelled, 1);
    CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_EALREADY);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_INT(agent.cancelled, 1);
    CHECK_INT(agent.released, 1);
    return eddy_task_release(task);
}

static void cancelled_while_it_runs(void) {
    CHECK_STATUS(run_virtual(cancel_body, NULL), EDDY_OK);
    CHECK_TRACE("start cancel release");
    CHECK_INT(reports.count, 0);
}

/* Told to end, it goes on and gives its value: the value stands (TSK-22). */
static eddy_status_t ignores_body(void *context) {
    agent_t agent = { 0 };
    void *value = NULL;
    (void)context;
    const eddy_task_t task = spawn_agent(&agent);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(EDDY_SECONDS(1)), EDDY_OK);
    CHECK_INT(agent.cancelled, 1);
    CHECK_STATUS(eddy_foreign_complete(task, EDDY_OK, &agent.values, count_release), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, &value), EDDY_OK);
    CHECK(value == &agent.values);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_INT(agent.values, 1);
    return EDDY_OK;
}

static void value_after_a_cancel(void) {
    CHECK_STATUS(run_virtual(ignores_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* M9: EDDY_ECANCELED that nobody asked for is a failure. */
static eddy_status_t unasked_body(void *context) {
    agent_t agent = { 0 };
    (void)context;
    const eddy_task_t task = spawn_agent(&agent);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_foreign_complete(task, EDDY_ECANCELED, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_EFOREIGNCANCEL);
    CHECK_INT(state_of(task), EDDY_TASK_FAILED);
    return eddy_task_release(task);
}

static void cancelled_unasked(void) {
    CHECK_STATUS(run_virtual(unasked_body, NULL), EDDY_OK);
}

/* A task without a cancel operation is simply awaited. */
static eddy_status_t no_cancel_body(void *context) {
    static eddy_foreign_ops_t deaf = EDDY_FOREIGN_OPS_INIT;
    agent_t agent = { 0 };
    eddy_task_t task = { 0 };
    (void)context;
    deaf.start = agent_start;
    CHECK_STATUS(eddy_foreign_spawn(&deaf, &agent, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_STATUS(eddy_foreign_complete(task, EDDY_ECANCELED, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_ETARGETCANCELED);
    return eddy_task_release(task);
}

static void without_a_cancel_operation(void) {
    CHECK_STATUS(run_virtual(no_cancel_body, NULL), EDDY_OK);
    CHECK_TRACE("start");
}

/* ---- enter and leave ---- */

static uint64_t current_id(void) {
    eddy_task_t task = { 0 };
    return eddy_task_current(&task) == EDDY_OK ? task.id : 0;
}

/* Nested: one, two, one again, then back to the fiber that entered them. */
static eddy_status_t enter_body(void *context) {
    agent_t agents[2];
    eddy_task_t self = { 0 }, from_self = { 0 }, from_one = { 0 }, from_two = { 0 };
    (void)context;
    memset(agents, 0, sizeof agents);
    const eddy_task_t one = spawn_agent(&agents[0]), two = spawn_agent(&agents[1]);
    CHECK_STATUS(eddy_task_current(&self), EDDY_OK);
    CHECK_STATUS(eddy_foreign_leave((eddy_task_t){ 0 }), EDDY_EPERM);
    CHECK_STATUS(eddy_foreign_enter(self, &from_self), EDDY_EPERM);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_foreign_enter(one, NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_foreign_enter(one, &from_self), EDDY_OK);
    CHECK_INT(from_self.id, self.id);
    CHECK_INT(current_id(), one.id);
    CHECK_STATUS(eddy_yield(), EDDY_ENOTTASK);
    CHECK_STATUS(eddy_foreign_enter(two, &from_one), EDDY_OK);
    CHECK_INT(from_one.id, one.id);
    CHECK_STATUS(eddy_foreign_enter(one, &from_two), EDDY_OK);
    CHECK_INT(current_id(), one.id);
    CHECK_STATUS(eddy_foreign_leave(from_two), EDDY_OK);
    CHECK_INT(current_id(), two.id);
    CHECK_STATUS(eddy_foreign_leave(from_one), EDDY_OK);
    CHECK_INT(current_id(), one.id);
    CHECK_STATUS(eddy_foreign_leave(from_self), EDDY_OK);
    CHECK_INT(current_id(), self.id);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_foreign_complete(one, EDDY_OK, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_foreign_complete(two, EDDY_OK, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(one, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(two, NULL), EDDY_OK);
    CHECK_STATUS(eddy_foreign_enter(one, &from_self), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_task_release(one), EDDY_OK);
    return eddy_task_release(two);
}

static void enter_and_leave(void) {
    CHECK_STATUS(run_virtual(enter_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* Inside, the task is the current one: its local pointer, its spawns, its cancellation. */
static eddy_status_t show_local(void *context) {
    *(void **)context = eddy_task_local();
    return EDDY_OK;
}

static eddy_status_t inside_body(void *context) {
    static int mark, other;
    agent_t agent = { 0 };
    eddy_task_t previous = { 0 };
    eddy_scope_t scope = { 0 };
    void *seen = NULL;
    (void)context;
    CHECK_STATUS(eddy_task_set_local(&mark), EDDY_OK);
    const eddy_task_t task = spawn_agent(&agent);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_foreign_enter(task, &previous), EDDY_OK);
    CHECK(eddy_task_local() == &mark);
    CHECK_STATUS(eddy_task_set_local(&other), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(show_local, &seen, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_ENOTTASK);
    CHECK_STATUS(eddy_defer(show_local, &seen), EDDY_ENOTTASK);
    CHECK_INT(eddy_cancelled(), 0);
    CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_OK);
    CHECK_INT(eddy_cancelled(), 1);
    CHECK_STATUS(eddy_foreign_leave(previous), EDDY_OK);
    CHECK(eddy_task_local() == &mark);
    CHECK_INT(eddy_cancelled(), 0);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK(seen == &other);
    CHECK_STATUS(eddy_foreign_complete(task, EDDY_ECANCELED, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_ETARGETCANCELED);
    return eddy_task_release(task);
}

static void current_inside(void) {
    CHECK_STATUS(run_virtual(inside_body, NULL), EDDY_OK);
}

/* Only a foreign task can be completed this way. */
static eddy_status_t not_foreign_body(void *context) {
    eddy_task_t self = { 0 };
    int values = 0;
    (void)context;
    CHECK_STATUS(eddy_task_current(&self), EDDY_OK);
    CHECK_STATUS(eddy_foreign_complete(self, EDDY_OK, &values, count_release), EDDY_EPERM);
    CHECK_INT(values, 1);
    CHECK_STATUS(eddy_future_complete(eddy_task_future(self), &values, count_release), EDDY_EPERM);
    CHECK_INT(values, 2);
    CHECK_STATUS(eddy_future_fail(eddy_task_future(self), EDDY_EPERM, NULL), EDDY_EPERM);
    return EDDY_OK;
}

static void complete_what_is_not_foreign(void) {
    CHECK_STATUS(run_virtual(not_foreign_body, NULL), EDDY_OK);
}

static const check_test_t tests[] = {
    { "foreign: a value; start and release once", completes_with_a_value },
    { "foreign: complete in start", completes_in_start },
    { "foreign: a failure and its payload", completes_with_a_failure },
    { "M12: an unread failure of a foreign task", unread_failure },
    { "TSK-10: cancelled before start, never starts", cancelled_before_start },
    { "foreign: cancel comes once, from the loop", cancelled_while_it_runs },
    { "TSK-22: a value after a cancel", value_after_a_cancel },
    { "M9: cancelled unasked", cancelled_unasked },
    { "foreign: no cancel operation", without_a_cancel_operation },
    { "foreign: enter and leave nest", enter_and_leave },
    { "foreign: the current task inside", current_inside },
    { "foreign: completing what is not foreign", complete_what_is_not_foreign },
};
CHECK_MAIN(tests)
