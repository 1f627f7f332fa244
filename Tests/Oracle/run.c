/*
 * run.c: the Eddy driver: runs each scenario of a file on a loop of its own with the virtual clock
 * and prints its trace, between "== NAME" and "--".
 *
 * usage: oracle GRAMMAR SCENARIOS [NAME]
 * Exit status 2 for a file that is wrong.
 * Threads: one.
 */
#include "oracle.h"

program_t program;
const scenario_t *scenario;
eddy_loop_t the_loop;
static int loop_closed;

static const act_t *const tables[] = { waits, acts, calls, values, several, NULL };

static act_fn find_act(const statement_t *statement) {
    for (const act_t *const *table = tables; *table; table++)
        for (const act_t *each = *table; each->verb; each++)
            if (is_verb(statement, each->verb)) return each->run;
    broken(statement, "this driver has no such word");
    return NULL;
}

eddy_status_t run_block(actor_t *actor, const statement_t *first, const statement_t *last) {
    while (first < last) {
        eddy_status_t status = find_act(first)(actor, first);
        if (status != EDDY_OK || actor->leaving) return status;
        first = &program.statements[first->after];
    }
    return EDDY_OK;
}

eddy_status_t run_inside(actor_t *actor, const statement_t *block) {
    return run_block(actor, block + 1, &program.statements[block->after]);
}

const statement_t *find_body(const char *verb, const char *name) {
    for (int each = scenario->first; each < scenario->after;
         each = program.statements[each].after) {
        const statement_t *statement = &program.statements[each];
        if (is_verb(statement, verb) && (!name || strcmp(statement->words[0], name) == 0))
            return statement;
    }
    return NULL;
}

eddy_status_t run_body(void *context) {
    actor_t *actor = context;
    eddy_task_t self;
    /* A first step inside the call that spawns comes before the spawner has the handle. */
    if (eddy_task_current(&self) == EDDY_OK) actor->self->id = self.id;
    event(actor->name, "begins");
    eddy_status_t status = run_inside(actor, actor->self->body);
    if (status != EDDY_OK) {
        event(actor->name, "raises %s", of_status(status));
        return status;
    }
    if (!actor->value) {
        event(actor->name, "returns");
        return EDDY_OK;
    }
    event(actor->name, "returns %lld", (long long)actor->value);
    return eddy_return((void *)(intptr_t)actor->value, NULL);
}

/* A root task: its handle and its name are given by itself. */
static eddy_status_t run_root_body(void *context) {
    eddy_task_t self;
    if (eddy_task_current(&self) == EDDY_OK) {
        eddy_task_retain(self);
        eddy_task_set_name(self, ((actor_t *)context)->name);
    }
    return run_body(context);
}

eddy_status_t run_root(actor_t *actor, const char *name) {
    thing_t *task = new_thing(THING_TASK, name);
    void *value = NULL;
    task->body = find_body("task", name);
    if (!task->body) broken(NULL, "no such task");
    eddy_status_t status = eddy_loop_run(the_loop, run_root_body, new_actor(task), &value);
    /* A refused one has no handle. */
    task->dropped = task->id == 0;
    event(actor->name, "run %s -> %s", name, of_value(status, value));
    return EDDY_OK;
}

eddy_status_t close_loop(void) {
    thing_t *thing;
    loop_closed = 1;
    for (int each = 0; (thing = thing_at(each)); each++) {
        if (thing->dropped) continue;
        if (thing->kind == THING_TASK) eddy_task_release((eddy_task_t){ thing->id });
        if (thing->kind == THING_FUTURE) eddy_future_release((eddy_future_t){ thing->id });
        if (thing->kind == THING_TOKEN) eddy_token_release((eddy_token_t){ thing->id });
        if (thing->kind == THING_CONTEXT) eddy_context_release((eddy_context_t){ thing->id });
        if (thing->kind == THING_COMPLETIONS)
            eddy_completions_release((eddy_completions_t){ thing->id });
        if (thing->kind == THING_HANDLE) eddy_callback_release((eddy_callback_t){ thing->id });
        thing->dropped = 1;
    }
    return eddy_loop_close(the_loop);
}

int is_closed(void) {
    return loop_closed;
}

static void print_ends(void) {
    thing_t *thing;
    for (int each = 0; !loop_closed && (thing = thing_at(each)); each++) {
        if (thing->kind != THING_TASK || thing->dropped) continue;
        void *value = NULL;
        eddy_future_t future = eddy_task_future((eddy_task_t){ thing->id });
        eddy_status_t status = eddy_future_result(future, &value);
        event("end", "%s %s", thing->name, of_target(future, status, value));
    }
}

static void run_scenario(void) {
    eddy_loop_options_t options = EDDY_LOOP_OPTIONS_INIT;
    actor_t outside = { "outside", NULL, 0, 0, 0 };
    const statement_t *before, *script;
    loop_closed = 0;
    options.flags = EDDY_LOOP_VIRTUAL_CLOCK;
    options.report = report;
    if (eddy_loop_create(&options, &the_loop) != EDDY_OK) broken(NULL, "no loop");
    before = find_body("before", NULL);
    if (before) run_inside(&outside, before);
    script = find_body("outside", NULL);
    if (script) run_inside(&outside, script);
    else run_root(&outside, "main");
    print_ends();
    trace_closed = 1;
    if (!loop_closed) {
        eddy_loop_shutdown(the_loop);
        close_loop();
    }
    trace_closed = 0;
    show_nothing_in_reports();
    forget_things();
}

int main(int count, char **arguments) {
    if (count < 3) {
        fprintf(stderr, "usage: oracle GRAMMAR SCENARIOS [NAME]\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    read_grammar(arguments[1]);
    read_program(&program, arguments[2]);
    for (int each = 0; each < program.scenarios_count; each++) {
        scenario = &program.scenarios[each];
        if (count > 3 && strcmp(arguments[3], scenario->name)) continue;
        printf("== %s\n", scenario->name);
        run_scenario();
        printf("--\n");
        fflush(stdout);
    }
    return 0;
}
