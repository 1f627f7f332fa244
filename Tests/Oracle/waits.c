/*
 * waits.c: the statements of a task that wait or have statements inside.
 *
 * Threads: one.
 */
#include "oracle.h"

static eddy_status_t ended(actor_t *actor, const statement_t *statement, eddy_status_t status) {
    outcome(actor, statement, "%s", of_status(status));
    return status;
}

static eddy_status_t in_sleep(actor_t *actor, const statement_t *statement) {
    return ended(actor, statement, eddy_sleep(EDDY_MILLISECONDS(integer(statement, 0, 0))));
}

static eddy_status_t in_yield(actor_t *actor, const statement_t *statement) {
    for (int64_t left = integer(statement, 0, 1); left > 0; left--) {
        eddy_status_t status = ended(actor, statement, eddy_yield());
        if (status != EDDY_OK) return status;
    }
    return EDDY_OK;
}

/* How many rounds it takes is not looked at. */
static eddy_status_t in_spin(actor_t *actor, const statement_t *statement) {
    eddy_status_t status = EDDY_OK;
    for (int64_t left = integer(statement, 0, 0); left > 0 && status == EDDY_OK; left--)
        status = eddy_yield();
    return ended(actor, statement, status);
}

static eddy_status_t in_await(actor_t *actor, const statement_t *statement) {
    void *value = NULL;
    eddy_status_t status = eddy_future_wait(future_of(statement, statement->words[0]), &value);
    if (status == EDDY_OK && say_gathered(actor, statement, find_thing(statement->words[0])))
        return status;
    outcome(actor, statement, "%s", of_value(status, value));
    return status;
}

static eddy_status_t in_join(actor_t *actor, const statement_t *statement) {
    void *value = NULL;
    thing_t *thing = need_thing(statement, statement->words[0], THING_TASK);
    eddy_status_t status = eddy_task_join((eddy_task_t){ thing->id }, &value);
    outcome(actor, statement, "%s", of_value(status, value));
    return status;
}

static eddy_status_t in_wait(actor_t *actor, const statement_t *statement) {
    void *value = NULL;
    eddy_future_t future = future_of(statement, statement->words[0]);
    eddy_status_t status = eddy_future_wait(future, &value);
    if (status == EDDY_ECANCELED) return ended(actor, statement, status);
    outcome(actor, statement, "%s", of_target(future, status, value));
    return EDDY_OK;
}

/* Closes the scope of a block with the status of what was inside. */
static eddy_status_t close_block(actor_t *actor, const statement_t *statement, eddy_scope_t scope,
    eddy_status_t status) {
    eddy_close_info_t info = { .size = sizeof info };
    status = eddy_scope_close_info(scope, status, &info);
    outcome(actor, statement, "%s%s", of_status(status), info.expired ? ", expired" : "");
    return status;
}

static void name_scope(const statement_t *statement, int index, eddy_scope_t scope) {
    if (index < statement->count)
        new_thing(THING_SCOPE, statement->words[index])->id = scope.id;
}

static eddy_status_t in_group(actor_t *actor, const statement_t *statement) {
    eddy_scope_t group;
    EDDY_TRY(eddy_group_open(&group, NULL));
    name_scope(statement, 0, group);
    return close_block(actor, statement, group, run_inside(actor, statement));
}

static eddy_status_t in_timeout(actor_t *actor, const statement_t *statement) {
    eddy_scope_t scope;
    int none = strcmp(statement->words[0], "none") == 0;
    int64_t after = none ? EDDY_FOREVER : EDDY_MILLISECONDS(integer(statement, 0, 0));
    EDDY_TRY(eddy_timeout_open(&scope, after, NULL));
    name_scope(statement, 1, scope);
    return close_block(actor, statement, scope, run_inside(actor, statement));
}

static eddy_status_t in_deadline(actor_t *actor, const statement_t *statement) {
    eddy_scope_t scope;
    EDDY_TRY(eddy_deadline_open(&scope, EDDY_MILLISECONDS(integer(statement, 0, 0)), NULL));
    name_scope(statement, 1, scope);
    return close_block(actor, statement, scope, run_inside(actor, statement));
}

static eddy_status_t in_shielded(actor_t *actor, const statement_t *statement) {
    eddy_scope_t shield;
    EDDY_TRY(eddy_shield_open(&shield, NULL));
    return eddy_scope_close(shield, run_inside(actor, statement));
}

static eddy_status_t in_repeat(actor_t *actor, const statement_t *statement) {
    for (int64_t left = integer(statement, 0, 0); left > 0; left--) {
        eddy_status_t status = run_inside(actor, statement);
        if (status != EDDY_OK || actor->leaving) return status;
    }
    return EDDY_OK;
}

static eddy_status_t in_return(actor_t *actor, const statement_t *statement) {
    actor->value = integer(statement, 0, 0);
    actor->leaving = 1;
    return EDDY_OK;
}

static eddy_status_t in_raise_cancelled(actor_t *actor, const statement_t *statement) {
    (void)actor;
    (void)statement;
    return EDDY_ECANCELED;
}

static eddy_status_t in_reraise(actor_t *actor, const statement_t *statement) {
    (void)statement;
    return actor->flying;
}

static eddy_status_t in_why(actor_t *actor, const statement_t *statement) {
    eddy_task_info_t info = { .size = sizeof info };
    eddy_task_info((eddy_task_t){ actor->self->id }, &info);
    int asked = actor->flying == EDDY_ECANCELED && info.reason.code == EDDY_REASON_REQUEST;
    outcome(actor, statement, "%s", quoted(asked ? info.reason.message : NULL));
    return EDDY_OK;
}

/* Does a clause take this failure? "failed" is all but a cancellation of the task's own. */
static int matches(const statement_t *clause, eddy_status_t status) {
    const char *kind = clause->words[0];
    if (strcmp(kind, "cancelled") == 0) return status == EDDY_ECANCELED;
    if (strcmp(kind, "timeout") == 0) return status == EDDY_ETIMEDOUT;
    if (strcmp(kind, "group") == 0) return status == EDDY_EGROUP;
    return status != EDDY_ECANCELED;
}

static int is_clause(const statement_t *statement) {
    return statement->rule->kind == 'C';
}

/* The next clause from here on, or last. */
static const statement_t *next_clause(const statement_t *from, const statement_t *last) {
    while (from < last && !is_clause(from)) from = &program.statements[from->after];
    return from;
}

/* The cleanup of a `try` runs under a shield: see the rule for tests in the page of this oracle. */
static eddy_status_t clean_up(actor_t *actor, const statement_t *clause, const statement_t *last,
    eddy_status_t status) {
    eddy_scope_t shield;
    int leaving = actor->leaving;
    EDDY_TRY(eddy_shield_open(&shield, NULL));
    actor->leaving = 0;
    eddy_status_t own = eddy_scope_close(shield, run_block(actor, clause + 1, last));
    actor->leaving = actor->leaving || leaving;
    return own != EDDY_OK ? own : status;
}

static eddy_status_t in_try(actor_t *actor, const statement_t *statement) {
    const statement_t *last = &program.statements[statement->after];
    const statement_t *clause = next_clause(statement + 1, last);
    eddy_status_t status = run_block(actor, statement + 1, clause);
    for (int handled = 0; clause < last;) {
        const statement_t *next = next_clause(clause + 1, last);
        if (is_verb(clause, "cleanup")) return clean_up(actor, clause, last, status);
        if (!handled && status != EDDY_OK && matches(clause, status)) {
            eddy_status_t outer = actor->flying;
            actor->flying = status;
            status = run_block(actor, clause + 1, next);
            actor->flying = outer;
            handled = 1;
        }
        clause = next;
    }
    return status;
}

const act_t waits[] = {
    { "sleep", in_sleep }, { "yield", in_yield }, { "spin", in_spin }, { "await", in_await },
    { "join", in_join }, { "wait", in_wait }, { "group", in_group }, { "timeout", in_timeout },
    { "deadline", in_deadline }, { "shielded", in_shielded }, { "repeat", in_repeat },
    { "return", in_return }, { "raise-cancelled", in_raise_cancelled }, { "reraise", in_reraise },
    { "why", in_why }, { "try", in_try }, { NULL, NULL },
};
