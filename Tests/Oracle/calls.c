/*
 * calls.c: the statements for callbacks, of futures and of the loop.
 *
 * Invariants: a callback's thing is what it is known by, so its context.
 * Threads: one.
 */
#include "oracle.h"

static eddy_status_t run_callback(const thing_t *thing) {
    actor_t actor = { thing->name, NULL, 0, 0, 0 };
    event(thing->name, "is called");
    return run_inside(&actor, thing->body);
}

static eddy_status_t when_done(void *context, eddy_future_t future) {
    (void)future;
    return run_callback(context);
}

static eddy_status_t when_called(void *context) {
    return run_callback(context);
}

static thing_t *callback_of(const statement_t *statement, const char *name) {
    thing_t *thing = find_thing(name);
    if (thing) return thing;
    thing = new_thing(THING_CALLBACK, name);
    thing->body = find_body("callback", name);
    if (!thing->body) broken(statement, "no such callback");
    return thing;
}

static eddy_context_t context_of(const statement_t *statement) {
    const char *name = option(statement, "context");
    return (eddy_context_t){ name ? need_thing(statement, name, THING_CONTEXT)->id : 0 };
}

static eddy_status_t do_on_done(actor_t *actor, const statement_t *statement) {
    eddy_future_t future = future_of(statement, statement->words[0]);
    thing_t *callback = callback_of(statement, statement->words[1]);
    return done_now(actor, statement,
        eddy_future_on_done_in(future, context_of(statement), when_done, callback, NULL));
}

static eddy_status_t do_off_done(actor_t *actor, const statement_t *statement) {
    eddy_future_t future = future_of(statement, statement->words[0]);
    size_t count = 0;
    eddy_status_t status = eddy_future_off_done(future, when_done,
        callback_of(statement, statement->words[1]), &count);
    if (status != EDDY_OK) return said(actor, statement, status);
    outcome(actor, statement, "%zu", count);
    return EDDY_OK;
}

/* Keeps the handle under a name, or lets go of it. */
static eddy_status_t keep(actor_t *actor, const statement_t *statement, eddy_status_t status,
    eddy_callback_t handle) {
    const char *name = option(statement, "as");
    if (status != EDDY_OK) return said(actor, statement, status);
    if (name) new_thing(THING_HANDLE, name)->id = handle.id;
    else eddy_callback_release(handle);
    return EDDY_OK;
}

static eddy_callback_options_t options_of(const statement_t *statement) {
    eddy_callback_options_t options = EDDY_CALLBACK_OPTIONS_INIT;
    options.context = context_of(statement);
    return options;
}

static eddy_status_t do_soon(actor_t *actor, const statement_t *statement) {
    eddy_callback_options_t options = options_of(statement);
    eddy_callback_t handle = { 0 };
    eddy_status_t status = eddy_call_soon(when_called,
        callback_of(statement, statement->words[0]), &options, &handle);
    return keep(actor, statement, status, handle);
}

static eddy_status_t do_later(actor_t *actor, const statement_t *statement) {
    eddy_callback_options_t options = options_of(statement);
    eddy_callback_t handle = { 0 };
    eddy_status_t status = eddy_call_later(EDDY_MILLISECONDS(integer(statement, 0, 0)),
        when_called, callback_of(statement, statement->words[1]), &options, &handle);
    return keep(actor, statement, status, handle);
}

static eddy_status_t do_at(actor_t *actor, const statement_t *statement) {
    eddy_callback_options_t options = options_of(statement);
    eddy_callback_t handle = { 0 };
    eddy_status_t status = eddy_call_when(EDDY_MILLISECONDS(integer(statement, 0, 0)),
        when_called, callback_of(statement, statement->words[1]), &options, &handle);
    return keep(actor, statement, status, handle);
}

/* asyncio's handle says nothing here, so that EDDY_EALREADY is no event. */
static eddy_status_t do_cancel_call(actor_t *actor, const statement_t *statement) {
    thing_t *thing = need_thing(statement, statement->words[0], THING_HANDLE);
    eddy_status_t status = eddy_callback_cancel((eddy_callback_t){ thing->id });
    return status == EDDY_EALREADY ? EDDY_OK : done_now(actor, statement, status);
}

static eddy_status_t do_call_state(actor_t *actor, const statement_t *statement) {
    thing_t *thing = need_thing(statement, statement->words[0], THING_HANDLE);
    eddy_callback_info_t info = { .size = sizeof info };
    eddy_status_t status = eddy_callback_info((eddy_callback_t){ thing->id }, &info);
    if (status != EDDY_OK) return said(actor, statement, status);
    outcome(actor, statement, "%s",
        info.state == EDDY_CALLBACK_CANCELED ? "cancelled" : "not cancelled");
    return EDDY_OK;
}

const act_t calls[] = {
    { "on-done", do_on_done }, { "off-done", do_off_done }, { "soon", do_soon },
    { "later", do_later }, { "at", do_at }, { "cancel-call", do_cancel_call },
    { "call-state", do_call_state }, { NULL, NULL },
};
