/*
 * acts.c: the statements that do not wait. A refusal is an event, and the actor goes on.
 *
 * Threads: one.
 */
#include "oracle.h"

#include <signal.h>

eddy_status_t said(actor_t *actor, const statement_t *statement, eddy_status_t status) {
    outcome(actor, statement, "%s", of_status(status));
    return EDDY_OK;
}

eddy_status_t done_now(actor_t *actor, const statement_t *statement, eddy_status_t status) {
    return status == EDDY_OK ? status : said(actor, statement, status);
}

static eddy_status_t do_log(actor_t *actor, const statement_t *statement) {
    event(actor->name, "%s", statement->text);
    return EDDY_OK;
}

static eddy_status_t do_fail(actor_t *actor, const statement_t *statement) {
    (void)actor;
    return eddy_fail_text(FAILURE, statement->words[0]);
}

static eddy_status_t do_run(actor_t *actor, const statement_t *statement) {
    return run_root(actor, statement->words[0]);
}

static eddy_status_t do_run_until(actor_t *actor, const statement_t *statement) {
    void *value = NULL;
    eddy_future_t future = future_of(statement, statement->words[0]);
    eddy_status_t status = eddy_loop_run_until(the_loop, future, &value);
    /* Here the target is awaited as by a task: asyncio raises what it ended with. */
    outcome(actor, statement, "%s", of_value(status, value));
    return EDDY_OK;
}

static eddy_status_t do_run_forever(actor_t *actor, const statement_t *statement) {
    return said(actor, statement, eddy_loop_run_forever(the_loop));
}

static eddy_status_t do_stop(actor_t *actor, const statement_t *statement) {
    eddy_status_t status = eddy_loop_stop(the_loop);
    return status == EDDY_OK ? status : said(actor, statement, status);
}

static eddy_status_t do_interrupt(actor_t *actor, const statement_t *statement) {
    (void)actor;
    (void)statement;
    raise(SIGINT);
    return EDDY_OK;
}

/* A handle cannot be stale and valid: EDDY_EBADHANDLE, and nothing else, is the harmless second
 * close of RUN-18 and LOOP-15. */
static eddy_status_t closed(actor_t *actor, const statement_t *statement, int again,
    eddy_status_t status) {
    if (!again || status != EDDY_EBADHANDLE) return said(actor, statement, status);
    outcome(actor, statement, "harmless");
    return EDDY_OK;
}

static eddy_status_t do_shutdown(actor_t *actor, const statement_t *statement) {
    int again = is_closed();
    eddy_status_t status = eddy_loop_shutdown(the_loop);
    if (status == EDDY_OK) status = close_loop();
    return closed(actor, statement, again, status);
}

static eddy_status_t do_close(actor_t *actor, const statement_t *statement) {
    int again = is_closed();
    return closed(actor, statement, again, close_loop());
}

static eddy_status_t do_spawn(actor_t *actor, const statement_t *statement) {
    eddy_spawn_options_t options = EDDY_SPAWN_OPTIONS_INIT;
    const char *name = option(statement, "as"), *in = option(statement, "in");
    const char *context = option(statement, "context");
    eddy_task_t task;
    eddy_status_t status;
    options.name = name ? name : statement->words[0];
    if (option(statement, "eager")) options.flags = EDDY_SPAWN_EAGER;
    if (context) options.context.id = need_thing(statement, context, THING_CONTEXT)->id;
    eddy_scope_t group = { in ? need_thing(statement, in, THING_SCOPE)->id : 0 };
    thing_t *thing = new_thing(THING_TASK, options.name);
    thing->body = find_body("task", statement->words[0]);
    if (!thing->body) broken(statement, "no such task");
    if (in) status = eddy_group_spawn(group, run_body, new_actor(thing), &options, &task);
    else status = eddy_task_spawn(run_body, new_actor(thing), &options, &task);
    if (status != EDDY_OK) {
        thing->dropped = 1;
        return said(actor, statement, status);
    }
    thing->id = task.id;
    return EDDY_OK;
}

static eddy_status_t do_future(actor_t *actor, const statement_t *statement) {
    eddy_future_t future;
    eddy_status_t status = eddy_future_create(&future);
    if (status != EDDY_OK) return said(actor, statement, status);
    new_thing(THING_FUTURE, statement->words[0])->id = future.id;
    return EDDY_OK;
}

static eddy_status_t do_complete(actor_t *actor, const statement_t *statement) {
    void *value = (void *)(intptr_t)integer(statement, 1, 0);
    eddy_future_t future = future_of(statement, statement->words[0]);
    return said(actor, statement, eddy_future_complete(future, value, NULL));
}

static eddy_status_t do_fail_future(actor_t *actor, const statement_t *statement) {
    eddy_future_t future = future_of(statement, statement->words[0]);
    return said(actor, statement, eddy_future_fail(future, FAILURE, statement->words[1]));
}

static eddy_status_t do_fail_cancelled(actor_t *actor, const statement_t *statement) {
    eddy_future_t future = future_of(statement, statement->words[0]);
    return said(actor, statement, eddy_future_fail(future, EDDY_ECANCELED, NULL));
}

static eddy_status_t do_cancel(actor_t *actor, const statement_t *statement) {
    eddy_future_t future = future_of(statement, statement->words[0]);
    eddy_status_t status = eddy_future_cancel(future, option(statement, "because"));
    outcome(actor, statement, "%s", status == EDDY_OK ? "asked" :
        status == EDDY_EALREADY ? "too late" : of_status(status));
    return EDDY_OK;
}

static eddy_status_t do_state(actor_t *actor, const statement_t *statement) {
    eddy_future_info_t info = { .size = sizeof info };
    eddy_status_t status = eddy_future_info(future_of(statement, statement->words[0]), &info);
    if (status != EDDY_OK) return said(actor, statement, status);
    int over = info.state == EDDY_FUTURE_DONE || info.state == EDDY_FUTURE_FAILED;
    outcome(actor, statement, "%s", over ? "done" :
        info.state == EDDY_FUTURE_CANCELED ? "cancelled" : "pending");
    return EDDY_OK;
}

/* The message of the current error, if it is of this status. The library's own words stand for a
 * cancellation without one. */
static const char *current_message(eddy_status_t status) {
    eddy_error_t error;
    static char text[128];
    if (eddy_error_current(&error) != EDDY_OK) return NULL;
    const char *message = eddy_error_status(error) == status ? eddy_error_message(error) : NULL;
    if (message && strcmp(message, "cancelled on request") == 0) message = NULL;
    snprintf(text, sizeof text, "%s", message ? message : "");
    eddy_error_release(error);
    return text;
}

static eddy_status_t do_result(actor_t *actor, const statement_t *statement) {
    void *value = NULL;
    eddy_future_t future = future_of(statement, statement->words[0]);
    eddy_status_t status = eddy_future_result(future, &value);
    if (status == EDDY_EPENDING) outcome(actor, statement, "%s", of_status(status));
    else outcome(actor, statement, "%s", of_target(future, status, value));
    return EDDY_OK;
}

static eddy_status_t do_reason(actor_t *actor, const statement_t *statement) {
    eddy_status_t status = eddy_future_result(future_of(statement, statement->words[0]), NULL);
    if (status == EDDY_ETARGETCANCELED)
        outcome(actor, statement, "%s", quoted(current_message(status)));
    return EDDY_OK;
}

static eddy_status_t do_error(actor_t *actor, const statement_t *statement) {
    eddy_future_t future = future_of(statement, statement->words[0]);
    eddy_status_t result = eddy_future_result(future, NULL);
    eddy_error_t error = { 0 };
    eddy_status_t status = eddy_future_error(future, &error);
    if (status == EDDY_OK) {
        outcome(actor, statement, "%s", of_status(result));
        eddy_error_release(error);
    } else if (result == EDDY_OK || result == EDDY_ETARGETCANCELED) {
        outcome(actor, statement, "%s", result == EDDY_OK ? "none" : "it was cancelled");
    } else {
        said(actor, statement, status);
    }
    return EDDY_OK;
}

static eddy_status_t task_info(actor_t *actor, const statement_t *statement,
    eddy_task_info_t *info) {
    thing_t *thing = need_thing(statement, statement->words[0], THING_TASK);
    info->size = sizeof *info;
    eddy_status_t status = eddy_task_info((eddy_task_t){ thing->id }, info);
    if (status != EDDY_OK) said(actor, statement, status);
    return status;
}

static eddy_status_t do_cancelling(actor_t *actor, const statement_t *statement) {
    eddy_task_info_t info;
    if (task_info(actor, statement, &info) == EDDY_OK)
        outcome(actor, statement, "%d", info.cancel_requests);
    return EDDY_OK;
}

static eddy_status_t do_name(actor_t *actor, const statement_t *statement) {
    eddy_task_info_t info;
    if (task_info(actor, statement, &info) == EDDY_OK) outcome(actor, statement, "%s", info.name);
    return EDDY_OK;
}

static eddy_status_t do_rename(actor_t *actor, const statement_t *statement) {
    thing_t *thing = need_thing(statement, statement->words[0], THING_TASK);
    eddy_status_t status = eddy_task_set_name((eddy_task_t){ thing->id }, statement->words[1]);
    return status == EDDY_OK ? status : said(actor, statement, status);
}

static int by_name(const void *left, const void *right) {
    return strcmp(left, right);
}

#define MOST_TASKS 32
static eddy_status_t do_tasks(actor_t *actor, const statement_t *statement) {
    eddy_task_t tasks[MOST_TASKS];
    char names[MOST_TASKS][48], text[MOST_TASKS * 48] = "";
    size_t count = 0;
    eddy_status_t status = eddy_task_list(tasks, MOST_TASKS, &count);
    if (status != EDDY_OK) return said(actor, statement, status);
    for (size_t each = 0; each < count; each++) {
        eddy_task_info_t info = { .size = sizeof info };
        if (eddy_task_info(tasks[each], &info) == EDDY_OK) memcpy(names[each], info.name, 48);
    }
    qsort(names, count, sizeof names[0], by_name);
    for (size_t each = 0; each < count; each++) {
        if (each) strcat(text, " ");
        strcat(text, names[each]);
    }
    outcome(actor, statement, "%s", count ? text : "none");
    return EDDY_OK;
}

static eddy_status_t do_current(actor_t *actor, const statement_t *statement) {
    eddy_task_info_t info = { .size = sizeof info };
    eddy_task_t self;
    if (eddy_task_current(&self) != EDDY_OK) outcome(actor, statement, "none");
    else if (eddy_task_info(self, &info) == EDDY_OK) outcome(actor, statement, "%s", info.name);
    return EDDY_OK;
}

static eddy_status_t do_drop(actor_t *actor, const statement_t *statement) {
    thing_t *thing = need_thing(statement, statement->words[0], 0);
    eddy_status_t status = EDDY_OK;
    if (thing->kind == THING_TASK) status = eddy_task_release((eddy_task_t){ thing->id });
    if (thing->kind == THING_FUTURE) status = eddy_future_release((eddy_future_t){ thing->id });
    thing->dropped = 1;
    return status == EDDY_OK ? status : said(actor, statement, status);
}

static eddy_status_t do_when(actor_t *actor, const statement_t *statement) {
    thing_t *thing = need_thing(statement, statement->words[0], THING_SCOPE);
    eddy_scope_info_t info = { .size = sizeof info };
    eddy_status_t status = eddy_scope_info((eddy_scope_t){ thing->id }, &info);
    if (status != EDDY_OK) return said(actor, statement, status);
    const char *expired = info.expired ? ", expired" : "";
    if (info.deadline_ns == EDDY_FOREVER) outcome(actor, statement, "none%s", expired);
    else outcome(actor, statement, "%lld%s",
        (long long)(info.deadline_ns / EDDY_MILLISECONDS(1)), expired);
    return EDDY_OK;
}

static eddy_status_t do_reschedule(actor_t *actor, const statement_t *statement) {
    thing_t *thing = need_thing(statement, statement->words[0], THING_SCOPE);
    int none = strcmp(statement->words[1], "none") == 0;
    int64_t when = none ? EDDY_FOREVER : EDDY_MILLISECONDS(integer(statement, 1, 0));
    return said(actor, statement, eddy_scope_reschedule((eddy_scope_t){ thing->id }, when));
}

const act_t acts[] = {
    { "log", do_log }, { "fail", do_fail }, { "run", do_run }, { "close", do_close },
    { "run-until", do_run_until }, { "run-forever", do_run_forever }, { "stop", do_stop },
    { "interrupt", do_interrupt }, { "shutdown", do_shutdown }, { "spawn", do_spawn },
    { "future", do_future }, { "complete", do_complete }, { "fail-future", do_fail_future },
    { "fail-cancelled", do_fail_cancelled }, { "cancel", do_cancel }, { "state", do_state },
    { "result", do_result }, { "reason", do_reason }, { "error", do_error },
    { "cancelling", do_cancelling }, { "tasks", do_tasks }, { "current", do_current },
    { "name", do_name }, { "rename", do_rename }, { "drop", do_drop }, { "when", do_when },
    { "reschedule", do_reschedule }, { NULL, NULL },
};
