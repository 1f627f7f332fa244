/*
 * foreign_stubborn.c: proves M2 for foreign tasks: their runtime says that a cancel point has
 * failed; the core counts, reports the task once with its stack, and says how long to hold it.
 *
 * The runtime is this file, and what it runs does nothing but fail.
 * Threads: one.
 */
#include "check_tasks.h"

/* Kept out of its caller, and not left by a jump, so that it has a frame. */
#define OWN_FRAME __attribute__((noinline, noclone, optimize("no-optimize-sibling-calls")))
#if defined(__clang__)
#undef OWN_FRAME
#define OWN_FRAME __attribute__((noinline, disable_tail_calls))
#endif

static void start(void *instance, eddy_task_t self) { (void)instance, (void)self; }

static const eddy_foreign_ops_t ops = { (uint32_t)sizeof ops, 0, start, NULL, NULL, NULL, NULL };

static eddy_task_t spawn_named(const char *name, eddy_scope_t parent, uint32_t flags,
    const eddy_foreign_ops_t *runtime) {
    eddy_foreign_options_t options = EDDY_FOREIGN_OPTIONS_INIT;
    eddy_task_t task = { 0 };
    options.name = name;
    options.parent = parent;
    options.flags = flags;
    CHECK_STATUS(eddy_foreign_spawn(runtime, NULL, &options, &task), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    return task;
}

static eddy_task_t spawn_cancelled(const char *name, const eddy_foreign_ops_t *runtime) {
    const eddy_task_t task = spawn_named(name, (eddy_scope_t){ 0 }, 0, runtime);
    CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_OK);
    return task;
}

static void end(eddy_task_t task) {
    CHECK_STATUS(eddy_foreign_complete(task, EDDY_OK, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
}

/* The pause of the last of so many failures. */
static OWN_FRAME int64_t fails(eddy_task_t task, int times) {
    int64_t pause = -1;
    for (int time = 0; time < times; time++)
        CHECK_STATUS(eddy_foreign_fail_checkpoint(task, &pause), EDDY_OK);
    return pause;
}

static void check_report(const char *name) {
    char line[64];
    snprintf(line, sizeof line, "it is slowed down: %s\n", name);
    CHECK_INT(reports.count, 1);
    CHECK_STATUS(reports.status, EDDY_ECANCELED);
    CHECK_CONTAINS(reports.text, "a task ignores its cancellation; ");
    CHECK_CONTAINS(reports.text, line);
    CHECK_CONTAINS(reports.site, "foreign_stubborn.c");
    if (check_failures) puts(reports.text);
}

/* ---- What is counted, and said once ---- */

IN_TASK(counted) {
    eddy_task_t current = { 0 }, self = { 0 };
    (void)context;
    const eddy_task_t task = spawn_cancelled("deaf", &ops);
    CHECK_STATUS(eddy_task_current(&self), EDDY_OK);
    CHECK_INT(fails(task, 1), 0);
    CHECK_INT(fails(task, 999), 0);
    CHECK_INT(reports.count, 0);
    CHECK_INT(fails(task, 1), 1000000);
    check_report("deaf");
    /* The stack that the call was made on. */
    CHECK_CONTAINS(reports.text, "\n    #0 eddy_foreign_fail_checkpoint+0x");
    CHECK_CONTAINS(reports.text, " fails+0x");
    CHECK_CONTAINS(reports.text, " counted_body+0x");
    CHECK_INT(fails(task, 500), 1000000);
    CHECK_INT(reports.count, 1);
    CHECK_STATUS(eddy_task_current(&current), EDDY_OK);
    CHECK_INT(current.id, self.id);
    end(task);
    reports_clear();
    return EDDY_OK;
}

static OWN_FRAME eddy_status_t fails_in_a_callback(void *context) {
    fails(*(eddy_task_t *)context, 1001);
    return EDDY_OK;
}

IN_TASK(in_a_callback) {
    (void)context;
    eddy_task_t task = spawn_cancelled("called back", &ops);
    CHECK_STATUS(eddy_post(fails_in_a_callback, &task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    check_report("called back");
    CHECK_CONTAINS(reports.text, " fails_in_a_callback+0x");
    end(task);
    reports_clear();
    return EDDY_OK;
}

/* ---- What a runtime says that its task stands in ---- */

static OWN_FRAME void where_it_waits(void) { trace("never called"); }
static OWN_FRAME void who_called_that(void) { trace("never called"); }

static int asked;

static int32_t stack(void *instance, uintptr_t *frames, int32_t capacity) {
    int64_t now = 0;
    (void)instance;
    asked++;
    CHECK(capacity >= 2);
    CHECK_STATUS(eddy_now(&now), EDDY_EBUSY);
    frames[0] = (uintptr_t)where_it_waits + 1;
    frames[1] = (uintptr_t)who_called_that + 1;
    return 2;
}

static const eddy_foreign_ops_t telling = { (uint32_t)sizeof telling, 0, start, NULL, NULL, NULL,
    stack };

IN_TASK(told_by_the_runtime) {
    (void)context;
    const eddy_task_t task = spawn_cancelled("told", &telling);
    fails(task, 1000);
    CHECK_INT(asked, 0);
    fails(task, 2);
    CHECK_INT(asked, 1);
    check_report("told");
    CHECK_CONTAINS(reports.text, "\n    #0 where_it_waits+0x1 (foreign_stubborn)\n"
                                 "    #1 who_called_that+0x1 (foreign_stubborn)\n");
    end(task);
    reports_clear();
    return EDDY_OK;
}

/* ---- Which scope counts ---- */

/* Scopes that a cancelled task opens one after the other, each for one failure. */
static int64_t fails_in_bodies(eddy_task_t task, int times, uint32_t flags) {
    int64_t pause = -1;
    for (int time = 0; time < times; time++) {
        const eddy_task_t body =
            spawn_named("body", eddy_task_scope(task), EDDY_SCOPE_BODY | flags, &telling);
        pause = fails(body, 1);
        end(body);
    }
    return pause;
}

IN_TASK(in_fresh_bodies) {
    (void)context;
    const eddy_task_t task = spawn_cancelled("opens", &telling);
    CHECK_INT(fails(task, 400), 0);
    CHECK_INT(fails_in_bodies(task, 600, 0), 0);
    CHECK_INT(reports.count, 0);
    CHECK_INT(fails_in_bodies(task, 1, 0), 1000000);
    check_report("opens");
    /* Where the body stands, and then where the task that has opened the scope does. */
    CHECK_CONTAINS(reports.text, "\n    #0 where_it_waits+0x1 ");
    CHECK_CONTAINS(reports.text, "\n    #2 where_it_waits+0x1 ");
    CHECK_CONTAINS(reports.text, "\n    #3 who_called_that+0x1 ");
    CHECK(strstr(reports.text, "#4") == NULL);
    CHECK_INT(fails(task, 1), 1000000);
    CHECK_INT(reports.count, 1);
    end(task);
    reports_clear();
    return EDDY_OK;
}

/* A shield's body that is cancelled itself counts for itself, and so do a child and the bodies that
 * run beside the task's own code. */
IN_TASK(not_further_out) {
    (void)context;
    const eddy_task_t task = spawn_cancelled("around", &ops);
    CHECK_INT(fails_in_bodies(task, 1, EDDY_SCOPE_SHIELD), 0);
    CHECK_INT(fails_in_bodies(task, 1500, EDDY_SCOPE_BESIDE), 0);
    const eddy_task_t shield =
        spawn_named("shield", eddy_task_scope(task), EDDY_SCOPE_BODY | EDDY_SCOPE_SHIELD, &ops);
    CHECK_STATUS(eddy_task_cancel(shield, NULL), EDDY_OK);
    CHECK_INT(fails(shield, 1000), 0);
    CHECK_INT(fails(task, 1000), 0);
    CHECK_INT(reports.count, 0);
    CHECK_INT(fails(shield, 1), 1000000);
    check_report("shield");
    end(shield);
    reports_clear();
    const eddy_task_t child = spawn_named("group", (eddy_scope_t){ 0 }, EDDY_SCOPE_GROUP, &ops);
    const eddy_task_t inside = spawn_named("inside", eddy_task_scope(child), 0, &ops);
    CHECK_STATUS(eddy_task_cancel(child, NULL), EDDY_OK);
    CHECK_INT(fails(inside, 600), 0);
    CHECK_INT(fails(child, 600), 0);
    CHECK_INT(reports.count, 0);
    end(inside);
    end(child);
    end(task);
    return EDDY_OK;
}

/* ---- Refusals ---- */

IN_TASK(refused) {
    eddy_foreign_options_t beside = EDDY_FOREIGN_OPTIONS_INIT;
    eddy_task_t self = { 0 };
    int64_t pause = 77;
    (void)context;
    const eddy_task_t task = spawn_cancelled("refused", &ops);
    CHECK_STATUS(eddy_task_current(&self), EDDY_OK);
    CHECK_STATUS(eddy_foreign_fail_checkpoint(self, &pause), EDDY_EPERM);
    CHECK_STATUS(eddy_foreign_fail_checkpoint(task, NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_foreign_fail_checkpoint((eddy_task_t){ 0 }, &pause), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_task_retain(task), EDDY_OK);
    end(task);
    CHECK_STATUS(eddy_foreign_fail_checkpoint(task, &pause), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_STATUS(eddy_foreign_fail_checkpoint(task, &pause), EDDY_EBADHANDLE);
    CHECK_INT(pause, 77);
    beside.flags = EDDY_SCOPE_BESIDE;
    CHECK_STATUS(eddy_foreign_spawn(&ops, NULL, &beside, NULL), EDDY_EINVAL);
    CHECK_INT(reports.count, 0);
    return EDDY_OK;
}

static const check_test_t tests[] = {
    { "M2: a foreign task's failures are counted, and reported once with the stack", counted },
    { "M2: the stack is the loop's in a callback", in_a_callback },
    { "M2: its runtime says what it stands in, in a report alone", told_by_the_runtime },
    { "M2: failures in fresh bodies of scopes count for the task around them", in_fresh_bodies },
    { "M2: those in a shield or a child do not", not_further_out },
    { "refused: no foreign task, no place for the pause, an ended one", refused },
};
CHECK_MAIN(tests)
