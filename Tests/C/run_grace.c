/*
 * The grace of a loop: how long a shutdown waits for tasks that do not end, and what it does then:
 * each is reported, and the loop is abandoned.
 *
 * Loops that are abandoned keep their memory, so those tests run in a child process.
 * Threads: one.
 */
#include "check_tasks.h"

#include <sys/wait.h>

static eddy_loop_t create(int64_t grace_ns) {
    eddy_loop_options_t options = virtual_options();
    eddy_loop_t loop = { 0 };
    options.grace_ns = grace_ns;
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    return loop;
}

static void end(eddy_loop_t loop) {
    CHECK_STATUS(eddy_loop_shutdown(loop), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
}

/* Runs fn in a child process and sees that none of its checks failed. */
static void in_a_child(void (*fn)(void)) {
    int status = 0;
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        check_failures = 0;
        fn();
        check_end_child();
    }
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static eddy_status_t ok(void *context) {
    (void)context;
    return EDDY_OK;
}

static eddy_status_t tick(void *context) {
    (void)context;
    return eddy_sleep(1);
}

static eddy_status_t cleans_up(void *context) {
    EDDY_TRY(eddy_sleep(MS(20)));
    trace("%s-clean", (const char *)context);
    return EDDY_OK;
}

static eddy_status_t leftover(void *context) {
    EDDY_TRY(eddy_defer(cleans_up, context));
    const eddy_status_t status = eddy_sleep(LONG);
    trace("%s:%s", (const char *)context, eddy_status_name(status));
    return status;
}

static eddy_status_t endless_cleanup(void *context) {
    ++*(int *)context;
    for (;;) {
        EDDY_TRY(eddy_sleep(MS(100)));
        ++*(int *)context;
    }
}

/* A shield without a limit: nothing but the loop's grace ends the wait for it. */
static eddy_status_t stubborn(void *context) {
    eddy_scope_options_t options = EDDY_SCOPE_OPTIONS_INIT;
    eddy_scope_t shield = { 0 };
    options.grace_ns = EDDY_NONE;
    EDDY_TRY(eddy_shield_open(&shield, &options));
    return eddy_scope_close(shield, endless_cleanup(context));
}

static eddy_status_t leaves_a_stubborn_one(void *context) {
    eddy_spawn_options_t options = EDDY_SPAWN_OPTIONS_INIT;
    options.name = "the-stubborn-one";
    EDDY_TRY(eddy_task_spawn(stubborn, context, &options, NULL));
    EDDY_TRY(eddy_task_spawn(leftover, "other", NULL, NULL));
    return tick(NULL);
}

static void stubborn_program(void) {
    eddy_loop_options_t options = virtual_options();
    eddy_loop_t loop = { 0 };
    int steps = 0;
    options.grace_ns = MS(1000);
    CHECK_STATUS(eddy_run(&options, leaves_a_stubborn_one, &steps), EDDY_EGRACE);
    CHECK_INT(steps, 11);                /* at 0, 100, ... 1000 ms */
    CHECK_TRACE("other:EDDY_ECANCELED other-clean");
    CHECK_INT(reports.count, 1);
    CHECK_STATUS(reports.status, EDDY_EGRACE);
    CHECK_CONTAINS(reports.text, "did not end at shutdown");
    CHECK_CONTAINS(reports.text, "the-stubborn-one");
    CHECK_CONTAINS(reports.site, "run_grace.c");
    /* The thread is free for another loop, and the old one's door is closed. */
    CHECK_STATUS(eddy_loop_current(&loop), EDDY_EWRONGTHREAD);
    CHECK_STATUS(run_virtual(ok, NULL), EDDY_OK);
}

static void grace_of_a_program(void) { in_a_child(stubborn_program); }

/* A loop of one's own: the shutdown can be called again, the loop cannot be closed, but left. */
static void stubborn_loop(void) {
    const eddy_loop_t loop = create(MS(250));
    int steps = 0, released = 0;
    int64_t before = 0, after = 0;
    CHECK_STATUS(eddy_loop_run(loop, leaves_a_stubborn_one, &steps, NULL), EDDY_OK);
    CHECK_STATUS(eddy_loop_detach(loop), EDDY_EPERM);
    CHECK_STATUS(eddy_now(&before), EDDY_OK);
    CHECK_STATUS(eddy_loop_shutdown(loop), EDDY_EGRACE);
    CHECK_STATUS(eddy_now(&after), EDDY_OK);
    CHECK_INT(after - before, MS(250));
    CHECK_INT(reports.count, 1);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_EBUSY);
    CHECK_STATUS(eddy_loop_run_forever(loop), EDDY_ECLOSED);
    CHECK_STATUS(eddy_loop_shutdown(loop), EDDY_EGRACE);
    CHECK_STATUS(eddy_now(&after), EDDY_OK);
    CHECK_INT(after - before, MS(500));
    CHECK_INT(reports.count, 2);
    CHECK_STATUS(eddy_loop_detach(loop), EDDY_OK);
    CHECK_STATUS(eddy_loop_detach(loop), EDDY_EWRONGTHREAD);
    CHECK_STATUS(eddy_post_threadsafe(loop, ok, &released, count_release), EDDY_EBADHANDLE);
    CHECK_INT(released, 1);
    CHECK_STATUS(run_virtual(ok, NULL), EDDY_OK);
}

static void grace_of_a_loop(void) { in_a_child(stubborn_loop); }

/* What needs all of its own grace, which is the loop's, ends in time. */
static eddy_status_t shield_body(void *context) {
    eddy_scope_t shield = { 0 };
    (void)context;
    EDDY_TRY(eddy_shield_open(&shield, NULL));
    const eddy_status_t status = eddy_sleep(LONG);
    trace("%s", eddy_status_name(status));
    EDDY_TRY(eddy_scope_close(shield, status));
    trace("never");
    return EDDY_OK;
}

static eddy_status_t leaves_shields(void *context) {
    for (int count = 0; count < *(int *)context; count++)
        EDDY_TRY(eddy_task_spawn(shield_body, NULL, NULL, NULL));
    return tick(NULL);
}

static void same_grace(void) {
    int count = 2;
    CHECK_STATUS(run_virtual(leaves_shields, &count), EDDY_OK);
    CHECK_TRACE("EDDY_ECANCELED EDDY_ECANCELED");
    CHECK_INT(reports.count, 0);
    count = 300;
    trace_clear();
    CHECK_STATUS(run_virtual(leaves_shields, &count), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* Graces that follow one another are all waited for: the outer shield's, then the inner one's. */
static eddy_status_t nested_shields(void *context) {
    eddy_scope_options_t options = EDDY_SCOPE_OPTIONS_INIT;
    eddy_scope_t outer = { 0 }, inner = { 0 };
    (void)context;
    options.grace_ns = MS(2);
    EDDY_TRY(eddy_shield_open(&outer, &options));
    EDDY_TRY_IN(outer, eddy_shield_open(&inner, NULL));
    const eddy_status_t status = eddy_sleep(LONG);
    trace("%d:%s", (int)now_ms(), eddy_status_name(status));
    return eddy_scope_close(outer, eddy_scope_close(inner, status));
}

static eddy_status_t leaves_nested_shields(void *context) {
    EDDY_TRY(eddy_task_spawn(nested_shields, context, NULL, NULL));
    return eddy_sleep(MS(1));
}

static void nested_graces(void) {
    CHECK_STATUS(run_virtual(leaves_nested_shields, NULL), EDDY_OK);
    CHECK_TRACE("5003:EDDY_ECANCELED");
    CHECK_INT(reports.count, 0);
}

/* One that never waits for anything but its next turn is slowed down, so time passes for it. */
static eddy_status_t ignores(void *context) {
    for (;;)
        if (eddy_yield() != EDDY_OK) ++*(int *)context;
    return EDDY_OK;
}

static eddy_status_t leaves_an_ignorant_one(void *context) {
    EDDY_TRY(eddy_task_spawn(ignores, context, NULL, NULL));
    return eddy_yield();
}

static void ignorant_program(void) {
    eddy_loop_options_t options = virtual_options();
    int steps = 0;
    options.grace_ns = MS(50);
    CHECK_STATUS(eddy_run(&options, leaves_an_ignorant_one, &steps), EDDY_EGRACE);
    CHECK_INT(reports_with(EDDY_ECANCELED), 1);
    CHECK_INT(reports_with(EDDY_EGRACE), 1);
    CHECK_INT(reports.count, 2);
    CHECK_INT(steps, 1050);              /* the last 50 took 1 ms each */
}

static void grace_of_an_ignorant_one(void) { in_a_child(ignorant_program); }

/* Without a limit the wait lasts as long as it takes. */
static eddy_status_t long_cleanup(void *context) {
    (void)context;
    EDDY_TRY(eddy_sleep(EDDY_SECONDS(3600)));
    trace("clean");
    return EDDY_OK;
}

static eddy_status_t needs_long(void *context) {
    eddy_scope_options_t options = EDDY_SCOPE_OPTIONS_INIT;
    eddy_scope_t shield = { 0 };
    options.grace_ns = EDDY_NONE;
    EDDY_TRY(eddy_shield_open(&shield, &options));
    return eddy_scope_close(shield, long_cleanup(context));
}

static eddy_status_t leaves_a_long_one(void *context) {
    EDDY_TRY(eddy_task_spawn(needs_long, context, NULL, NULL));
    return tick(NULL);
}

static void no_limit(void) {
    const eddy_loop_t loop = create(EDDY_NONE);
    CHECK_STATUS(eddy_loop_run(loop, leaves_a_long_one, NULL, NULL), EDDY_OK);
    end(loop);
    CHECK_TRACE("clean");
    CHECK_INT(reports.count, 0);
}

/* On the virtual clock another thread has the grace in real time; when nobody can help, the end is
 * at once. */
static eddy_status_t waits_shielded(void *context) {
    eddy_scope_options_t options = EDDY_SCOPE_OPTIONS_INIT;
    eddy_scope_t shield = { 0 };
    options.grace_ns = EDDY_NONE;
    EDDY_TRY(eddy_shield_open(&shield, &options));
    return eddy_scope_close(shield, eddy_future_wait(*(eddy_future_t *)context, NULL));
}

static eddy_status_t leaves_a_waiting_one(void *context) {
    EDDY_TRY(eddy_task_spawn(waits_shielded, context, NULL, NULL));
    return tick(NULL);
}

static void nobody_can_help(void) {
    eddy_loop_options_t options = virtual_options();
    eddy_loop_t loop = { 0 };
    eddy_future_t future = { 0 };
    if (check_tool_is("tsan")) return;      /* it has a thread of its own */
    options.flags = 0;
    options.grace_ns = LONG;                /* a real hour */
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_loop_run(loop, leaves_a_waiting_one, &future, NULL), EDDY_OK);
    CHECK_STATUS(eddy_loop_shutdown(loop), EDDY_EGRACE);
    CHECK_INT(reports_with(EDDY_EGRACE), 1);
    CHECK_STATUS(eddy_future_complete(future, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    end(loop);
    CHECK_INT(reports.count, 1);
}

static const check_test_t tests[] = {
    { "RUN-07: nobody can help: the end is at once", nobody_can_help },
    { "RUN-07: the grace of eddy_run", grace_of_a_program },
    { "RUN-07: the grace of a loop; again, and left", grace_of_a_loop },
    { "RUN-07: one that ignores its cancellation", grace_of_an_ignorant_one },
    { "RUN-07: a shield of the same grace ends in time", same_grace },
    { "RUN-07: graces inside each other are waited for", nested_graces },
    { "RUN-07: no limit", no_limit },
};
CHECK_MAIN(tests)
