/*
 * several.c: the statements for several at once.
 *
 * Invariants: what `start-gather` and `completions` were given is kept by name, for their outcomes.
 * Threads: one.
 */
#include "oracle.h"

#define MOST_MEMBERS 12

typedef struct members {
    eddy_future_t futures[MOST_MEMBERS];
    eddy_status_t statuses[MOST_MEMBERS];
    void *values[MOST_MEMBERS];
    size_t count;
} members_t;

/* The words of a statement from an index on, as futures. */
static void read_members(members_t *members, const statement_t *statement, int first) {
    memset(members, 0, sizeof *members);
    if (statement->count - first > MOST_MEMBERS) broken(statement, "too many members");
    for (int each = first; each < statement->count; each++)
        members->futures[members->count++] = future_of(statement, statement->words[each]);
}

static int64_t limit(const statement_t *statement, int index) {
    if (strcmp(statement->words[index], "none") == 0) return EDDY_FOREVER;
    return EDDY_MILLISECONDS(integer(statement, index, 0));
}

static void add_place(char *text, size_t bytes, const members_t *members, size_t index) {
    size_t used = strlen(text);
    eddy_status_t status = members->statuses[index];
    text += used;
    bytes -= used;
    if (status == EDDY_ETARGETCANCELED) snprintf(text, bytes, " (it was cancelled)");
    else if (status != EDDY_OK) {
        /* Reading it makes its error the current one. */
        status = eddy_future_result(members->futures[index], NULL);
        snprintf(text, bytes, " (%s)", of_status(status));
    } else if (!members->values[index]) snprintf(text, bytes, " none");
    else snprintf(text, bytes, " %lld", (long long)(intptr_t)members->values[index]);
}

static void say_values(actor_t *actor, const statement_t *statement, const members_t *members) {
    char text[512] = "values";
    for (size_t each = 0; each < members->count; each++)
        add_place(text, sizeof text, members, each);
    outcome(actor, statement, "%s", text);
}

static eddy_status_t gathered(actor_t *actor, const statement_t *statement,
    const members_t *members, eddy_status_t status) {
    if (status == EDDY_OK) say_values(actor, statement, members);
    else outcome(actor, statement, "%s", of_status(status));
    return status;
}

static eddy_status_t in_gather(actor_t *actor, const statement_t *statement) {
    members_t members;
    read_members(&members, statement, 0);
    return gathered(actor, statement, &members,
        eddy_gather(members.futures, members.count, members.values));
}

static eddy_status_t in_gather_all(actor_t *actor, const statement_t *statement) {
    members_t members;
    read_members(&members, statement, 0);
    return gathered(actor, statement, &members,
        eddy_gather_all(members.futures, members.count, members.statuses, members.values));
}

/* `shield X` waits for it and leaves it alone. */
static eddy_status_t in_shield(actor_t *actor, const statement_t *statement) {
    void *value = NULL;
    eddy_status_t status = eddy_future_wait(future_of(statement, statement->words[0]), &value);
    outcome(actor, statement, "%s", of_value(status, value));
    return status;
}

static eddy_status_t in_wait_for(actor_t *actor, const statement_t *statement) {
    void *value = NULL;
    eddy_future_t future = future_of(statement, statement->words[1]);
    eddy_status_t status = eddy_wait_for(future, limit(statement, 0), &value);
    outcome(actor, statement, "%s", of_value(status, value));
    return status;
}

typedef eddy_status_t (*wait_fn)(const eddy_future_t *futures, size_t count, int64_t timeout_ns,
    uint8_t *ret_done, size_t *ret_done_count);

static eddy_status_t wait_until(actor_t *actor, const statement_t *statement, wait_fn wait) {
    members_t members;
    uint8_t done[MOST_MEMBERS] = { 0 };
    char text[512] = "";
    read_members(&members, statement, 1);
    eddy_status_t status =
        wait(members.futures, members.count, limit(statement, 0), done, NULL);
    if (status != EDDY_OK) {
        outcome(actor, statement, "%s", of_status(status));
        return status == EDDY_ECANCELED ? status : EDDY_OK;
    }
    for (size_t each = 0; each < members.count; each++) {
        if (!done[each]) continue;
        strcat(text, " ");
        strcat(text, statement->words[each + 1]);
    }
    outcome(actor, statement, "done:%s", *text ? text : " none");
    return EDDY_OK;
}

static eddy_status_t in_wait_all(actor_t *actor, const statement_t *statement) {
    return wait_until(actor, statement, eddy_wait_all);
}

static eddy_status_t in_wait_any(actor_t *actor, const statement_t *statement) {
    return wait_until(actor, statement, eddy_wait_any);
}

static eddy_status_t in_wait_error(actor_t *actor, const statement_t *statement) {
    return wait_until(actor, statement, eddy_wait_first_error);
}

static eddy_status_t in_next(actor_t *actor, const statement_t *statement) {
    thing_t *thing = need_thing(statement, statement->words[0], THING_COMPLETIONS);
    size_t index = 0;
    eddy_status_t status =
        eddy_completions_next((eddy_completions_t){ thing->id }, &index);
    if (status == EDDY_EEND) outcome(actor, statement, "end");
    else if (status != EDDY_OK) outcome(actor, statement, "%s", of_status(status));
    else outcome(actor, statement, "%s", thing->body->words[index + 2]);
    return status == EDDY_ECANCELED ? status : EDDY_OK;
}

static eddy_status_t do_completions(actor_t *actor, const statement_t *statement) {
    members_t members;
    eddy_completions_t completions;
    read_members(&members, statement, 2);
    eddy_status_t status = eddy_as_completed(members.futures, members.count,
        limit(statement, 1), &completions);
    if (status != EDDY_OK) return said(actor, statement, status);
    thing_t *thing = new_thing(THING_COMPLETIONS, statement->words[0]);
    thing->id = completions.id;
    thing->body = statement;
    return EDDY_OK;
}

static eddy_status_t start(actor_t *actor, const statement_t *statement, uint32_t flags) {
    members_t members;
    eddy_future_t future;
    read_members(&members, statement, 1);
    eddy_status_t status = eddy_gather_start(members.futures, members.count, flags, &future);
    if (status != EDDY_OK) return said(actor, statement, status);
    thing_t *thing = new_thing(THING_FUTURE, statement->words[0]);
    thing->id = future.id;
    thing->body = statement;
    return EDDY_OK;
}

static eddy_status_t do_start_gather(actor_t *actor, const statement_t *statement) {
    return start(actor, statement, 0);
}

static eddy_status_t do_start_gather_all(actor_t *actor, const statement_t *statement) {
    return start(actor, statement, EDDY_GATHER_ALL);
}

/* A future that is a gather has its members' values in place of its own. */
int say_gathered(actor_t *actor, const statement_t *statement, const thing_t *thing) {
    members_t members;
    if (thing->kind != THING_FUTURE || !thing->body) return 0;
    read_members(&members, thing->body, 1);
    if (eddy_gather_finish((eddy_future_t){ thing->id }, members.statuses, members.values))
        return 0;
    say_values(actor, statement, &members);
    return 1;
}

const act_t several[] = {
    { "gather", in_gather }, { "gather-all", in_gather_all }, { "shield", in_shield },
    { "wait-for", in_wait_for }, { "wait-all", in_wait_all }, { "wait-any", in_wait_any },
    { "wait-error", in_wait_error }, { "next", in_next }, { "completions", do_completions },
    { "start-gather", do_start_gather }, { "start-gather-all", do_start_gather_all },
    { NULL, NULL },
};
