/*
 * things.c: the names of the running scenario, and its actors.
 *
 * Owns both tables; they do not move, so that variables and actors may be pointed to.
 * Threads: one.
 */
#include "oracle.h"

#define MOST_THINGS 256
static thing_t things[MOST_THINGS];
static int things_count;
static actor_t actors[MOST_THINGS];
static int actors_count;

thing_t *thing_at(int index) {
    return index < things_count ? &things[index] : NULL;
}

thing_t *find_thing(const char *name) {
    for (int each = 0; each < things_count; each++)
        if (strcmp(things[each].name, name) == 0) return &things[each];
    return NULL;
}

thing_t *new_thing(int kind, const char *name) {
    thing_t *thing = find_thing(name);
    if (!thing) {
        if (things_count == MOST_THINGS) broken(NULL, "too many names");
        thing = &things[things_count++];
    }
    memset(thing, 0, sizeof *thing);
    thing->kind = kind;
    thing->name = name;
    return thing;
}

thing_t *need_thing(const statement_t *statement, const char *name, int kind) {
    thing_t *thing = find_thing(name);
    if (!thing || thing->dropped || (kind && thing->kind != kind)) broken(statement, "what name?");
    return thing;
}

eddy_future_t future_of(const statement_t *statement, const char *name) {
    thing_t *thing = need_thing(statement, name, 0);
    if (thing->kind == THING_TASK) return eddy_task_future((eddy_task_t){ thing->id });
    if (thing->kind != THING_FUTURE) broken(statement, "no future or task");
    return (eddy_future_t){ thing->id };
}

actor_t *new_actor(thing_t *self) {
    if (actors_count == MOST_THINGS) broken(NULL, "too many actors");
    actor_t *actor = &actors[actors_count++];
    memset(actor, 0, sizeof *actor);
    actor->self = self;
    actor->name = self->name;
    return actor;
}

void forget_things(void) {
    things_count = actors_count = 0;
}
