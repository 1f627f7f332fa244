/*
 * Debug mode: who turns it on, and the reports of slow steps.
 *
 * Every step lasts a nanosecond or more, and none lasts an hour, so nothing here depends on time.
 * Threads: one.
 */
#include "check_tasks.h"

static eddy_loop_options_t debug_options(int64_t slow_ns) {
    eddy_loop_options_t options = virtual_options();
    options.flags |= EDDY_LOOP_DEBUG;
    options.slow_ns = slow_ns;
    options.blocked_ns = EDDY_NONE;
    reports_clear();
    trace_clear();
    return options;
}

/* ---- RUN-20: the flag, then the environment ---- */

static eddy_status_t tells_mode(void *context) {
    eddy_loop_t loop;
    CHECK_STATUS(eddy_loop_current(&loop), EDDY_OK);
    *(int *)context = eddy_loop_is_debug(loop);
    CHECK_INT(eddy_loop_is_debug((eddy_loop_t){ 0 }), 0);
    return EDDY_OK;
}

static int mode(uint32_t flags, const char *environment) {
    eddy_loop_options_t options = virtual_options();
    int is_debug = -1;
    options.flags |= flags;
    if (environment) setenv("EDDY_DEBUG", environment, 1);
    else unsetenv("EDDY_DEBUG");
    CHECK_STATUS(eddy_run(&options, tells_mode, &is_debug), EDDY_OK);
    unsetenv("EDDY_DEBUG");
    return is_debug;
}

static void who_decides(void) {
    CHECK_INT(mode(0, NULL), 0);
    CHECK_INT(mode(0, ""), 0);
    CHECK_INT(mode(0, "0"), 0);
    CHECK_INT(mode(0, "1"), 1);
    CHECK_INT(mode(0, "yes"), 1);
    CHECK_INT(mode(EDDY_LOOP_DEBUG, NULL), 1);
    CHECK_INT(mode(EDDY_LOOP_DEBUG, "0"), 1);
    CHECK_INT(mode(EDDY_LOOP_NO_DEBUG, NULL), 0);
    CHECK_INT(mode(EDDY_LOOP_NO_DEBUG, "1"), 0);
}

static eddy_status_t refused(uint32_t flags, int64_t slow_ns, int64_t blocked_ns) {
    eddy_loop_options_t options = virtual_options();
    int is_debug;
    options.flags |= flags;
    options.slow_ns = slow_ns;
    options.blocked_ns = blocked_ns;
    return eddy_run(&options, tells_mode, &is_debug);
}

static void out_of_range(void) {
    CHECK_STATUS(refused(EDDY_LOOP_DEBUG | EDDY_LOOP_NO_DEBUG, 0, 0), EDDY_EINVAL);
    CHECK_STATUS(refused(EDDY_LOOP_DEBUG, -1, 0), EDDY_EINVAL);
    CHECK_STATUS(refused(EDDY_LOOP_DEBUG, 0, -2), EDDY_EINVAL);
    CHECK_STATUS(refused(0, 0, -2), EDDY_EINVAL);
    CHECK_STATUS(refused(EDDY_LOOP_DEBUG, EDDY_FOREVER, EDDY_FOREVER), EDDY_OK);
}

/* ---- LOOP-26: one report a slow step ---- */

static eddy_task_t sloth;

static eddy_status_t yields(void *context) {
    (void)context;
    return eddy_yield();
}

static eddy_status_t two_tasks(void *context) {
    eddy_spawn_options_t options = EDDY_SPAWN_OPTIONS_INIT;
    (void)context;
    options.name = "a sloth whose name is so long that it does not fit in what is kept of it";
    EDDY_TRY(eddy_task_spawn(yields, NULL, &options, &sloth));
    EDDY_TRY(eddy_task_join(sloth, NULL));
    return eddy_task_release(sloth);
}

static void slow_tasks(void) {
    static const char text[] =
        ": a sloth whose name is so long that it does not fit in what is k";
    const eddy_loop_options_t options = debug_options(1);
    CHECK_STATUS(eddy_run(&options, two_tasks, NULL), EDDY_OK);
    CHECK_INT(reports.count, 4);
    CHECK_INT(reports_with(EDDY_EBUSY), 4);
    for (int index = 0; index < 4; index++) {
        const check_report_t *report = &reports.all[index];
        const int is_sloth = index == 1 || index == 2;
        CHECK_CONTAINS(report->text, "a step took ");
        CHECK_CONTAINS(report->text, is_sloth ? text : " s: task-1");
        CHECK_INT(report->task.id == sloth.id, is_sloth);
        CHECK_INT(strlen(report->site) > 0, is_sloth);
        CHECK(strchr(report->text, '\n') == NULL);
    }
    CHECK_INT(strcmp(strchr(reports.all[1].text, ':'), text), 0);
    CHECK_CONTAINS(reports.all[1].site, "debug_slow.c:");
}

static eddy_status_t is_called(void *context) {
    (void)context;
    return EDDY_OK;
}

static eddy_status_t done(void *context, eddy_future_t future) {
    (void)context;
    (void)future;
    return EDDY_OK;
}

static eddy_status_t callbacks(void *context) {
    eddy_future_t future;
    (void)context;
    EDDY_TRY(eddy_call_soon(is_called, NULL, NULL, NULL));
    EDDY_TRY(eddy_post(is_called, NULL, NULL));
    EDDY_TRY(eddy_future_create(&future));
    EDDY_TRY(eddy_future_on_done(future, done, NULL, NULL));
    EDDY_TRY(eddy_future_complete(future, NULL, NULL));
    EDDY_TRY(eddy_yield());
    return eddy_future_release(future);
}

static void slow_callbacks(void) {
    const eddy_loop_options_t options = debug_options(1);
    CHECK_STATUS(eddy_run(&options, callbacks, NULL), EDDY_OK);
    CHECK_INT(reports.count, 5);
    CHECK_CONTAINS(reports.all[1].text, "a callback took ");
    CHECK_CONTAINS(reports.all[1].site, "debug_slow.c:");
    CHECK_CONTAINS(reports.all[2].text, "a callback took ");
    CHECK_TEXT(reports.all[2].site, "");
    CHECK_CONTAINS(reports.all[3].text, "a callback took ");
    CHECK_CONTAINS(reports.all[3].site, "debug_slow.c:");
    for (int index = 1; index < 4; index++) CHECK_INT(reports.all[index].task.id, 0);
}

static void none_is_slow(void) {
    eddy_loop_options_t options = debug_options(EDDY_SECONDS(3600));
    CHECK_STATUS(eddy_run(&options, two_tasks, NULL), EDDY_OK);
    CHECK_STATUS(eddy_run(&options, callbacks, NULL), EDDY_OK);
    options.flags = EDDY_LOOP_VIRTUAL_CLOCK | EDDY_LOOP_NO_DEBUG;
    options.slow_ns = 1;
    CHECK_STATUS(eddy_run(&options, two_tasks, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* ---- The hook reads the variables of the task; steps and stops are as ever ---- */

static const eddy_var_t colour = EDDY_VAR_INIT("colour", NULL, NULL);

static eddy_status_t reads_colour(void *context, const eddy_report_t *report) {
    void *value = NULL;
    (void)context;
    (void)report;
    CHECK_STATUS(eddy_var_get(&colour, &value), EDDY_OK);
    trace("%s", value ? (const char *)value : "none");
    return EDDY_OK;
}

static eddy_status_t paints(void *context) {
    EDDY_TRY(eddy_var_set(&colour, context, NULL));
    return eddy_yield();
}

static eddy_status_t spawns_painter(void *context) {
    eddy_task_t task;
    EDDY_TRY(eddy_task_spawn(paints, context, NULL, &task));
    EDDY_TRY(eddy_task_join(task, NULL));
    return eddy_task_release(task);
}

static void hook_reads(void) {
    eddy_loop_options_t options = debug_options(1);
    options.report = reads_colour;
    CHECK_STATUS(eddy_run(&options, spawns_painter, "green"), EDDY_OK);
    /* After its last step the task has ended, and its context with it. */
    CHECK_TRACE("none green none none");
}

static eddy_status_t stops(void *context) {
    eddy_loop_t loop;
    (void)context;
    EDDY_TRY(eddy_loop_current(&loop));
    trace("stops");
    return eddy_loop_stop(loop);
}

static eddy_status_t goes_on(void *context) {
    trace("%s", (const char *)context);
    return eddy_yield();
}

static void stopped(void) {
    const eddy_loop_options_t options = debug_options(EDDY_SECONDS(3600));
    eddy_loop_t loop;
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(goes_on, "a", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(stops, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(goes_on, "b", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_loop_run_forever(loop), EDDY_OK);
    CHECK_TRACE("a stops b");
    CHECK_STATUS(eddy_loop_shutdown(loop), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

static const check_test_t tests[] = {
    { "RUN-20: a flag decides, else the environment", who_decides },
    { "RUN-20: both flags, and times out of range", out_of_range },
    { "LOOP-26: a slow step is reported with its task", slow_tasks },
    { "LOOP-26: a slow callback is reported with its site", slow_callbacks },
    { "LOOP-26: none is slow, or debug mode is off", none_is_slow },
    { "LOOP-26: the hook runs in the task's context", hook_reads },
    { "LOOP-26: a stop lets the round end", stopped },
};
CHECK_MAIN(tests)
