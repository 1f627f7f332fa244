/*
 * values.c: the statements for context variables.
 *
 * Threads: one.
 */
#include "oracle.h"

/* Whose value each report has with it, or NULL. */
static thing_t *shown;

void show_in_reports(char *text, size_t bytes) {
    void *value = NULL;
    size_t used = strlen(text);
    if (!shown || eddy_var_get(&shown->variable, &value) != EDDY_OK) return;
    if (value) snprintf(text + used, bytes - used, ", %s is %lld", shown->name,
        (long long)(intptr_t)value);
    else snprintf(text + used, bytes - used, ", %s is None", shown->name);
}

void show_nothing_in_reports(void) {
    shown = NULL;
}

static thing_t *variable_of(const char *name) {
    thing_t *thing = find_thing(name);
    if (thing) return thing;
    thing = new_thing(THING_VARIABLE, name);
    thing->variable = (eddy_var_t)EDDY_VAR_INIT(name, NULL, NULL);
    return thing;
}

static eddy_status_t do_set(actor_t *actor, const statement_t *statement) {
    const char *name = option(statement, "token");
    eddy_token_t token = { 0 };
    eddy_status_t status = eddy_var_set(&variable_of(statement->words[0])->variable,
        (void *)(intptr_t)integer(statement, 1, 0), name ? &token : NULL);
    if (status != EDDY_OK) return said(actor, statement, status);
    if (name) new_thing(THING_TOKEN, name)->id = token.id;
    return EDDY_OK;
}

static eddy_status_t do_get(actor_t *actor, const statement_t *statement) {
    void *value = NULL;
    eddy_status_t status = eddy_var_get(&variable_of(statement->words[0])->variable, &value);
    if (status != EDDY_OK) return said(actor, statement, status);
    if (value) outcome(actor, statement, "%lld", (long long)(intptr_t)value);
    else outcome(actor, statement, "unset");
    return EDDY_OK;
}

static eddy_status_t do_reset(actor_t *actor, const statement_t *statement) {
    thing_t *thing = need_thing(statement, statement->words[0], THING_TOKEN);
    return said(actor, statement, eddy_var_reset((eddy_token_t){ thing->id }));
}

static eddy_status_t do_context(actor_t *actor, const statement_t *statement) {
    eddy_context_t copy;
    eddy_status_t status = eddy_context_copy((eddy_context_t){ 0 }, &copy);
    if (status != EDDY_OK) return said(actor, statement, status);
    new_thing(THING_CONTEXT, statement->words[0])->id = copy.id;
    return EDDY_OK;
}

static eddy_status_t do_report_shows(actor_t *actor, const statement_t *statement) {
    (void)actor;
    shown = variable_of(statement->words[0]);
    return EDDY_OK;
}

const act_t values[] = {
    { "set", do_set }, { "get", do_get }, { "reset", do_reset }, { "context", do_context },
    { "report-shows", do_report_shows }, { NULL, NULL },
};
