/*
 * call_reports.c: the report hook: what it is told of callbacks, its own failure, the context it
 * runs in, how it is set, and reports of the program's own. Chapter LOOP, rows 21 to 24.
 *
 * Invariants: the clock is virtual; descriptor 2 is pointed at a file while stderr is looked at.
 * Threads: one.
 */
#include "check.h"

static char captured[4096];

/* Runs fn on a loop with these options and gives what went to stderr meanwhile. */
static eddy_status_t capture(const eddy_loop_options_t *options, eddy_task_fn fn, void *context) {
    FILE *file = tmpfile();
    captured[0] = '\0';
    fflush(stderr);
    const int saved = dup(2);
    if (!CHECK(file != NULL && saved >= 0)) return EDDY_EINVAL;
    dup2(fileno(file), 2);
    const eddy_status_t status = eddy_run(options, fn, context);
    dup2(saved, 2);
    close(saved);
    rewind(file);
    captured[fread(captured, 1, sizeof captured - 1, file)] = '\0';
    fclose(file);
    return status;
}

static eddy_loop_options_t default_options(void) {
    eddy_loop_options_t options = EDDY_LOOP_OPTIONS_INIT;
    options.flags = EDDY_LOOP_VIRTUAL_CLOCK;
    return options;
}

static eddy_status_t say(void *word) {
    trace("%s", (const char *)word);
    return EDDY_OK;
}

static eddy_status_t fails(void *message) { return eddy_fail_text(EDDY_EPERM, message); }

static eddy_status_t gives_positive(void *context) {
    (void)context;
    return 5;
}

/* ---- LOOP-21 ---- */

static int ends[2];

static eddy_status_t fails_once(void *message) {
    CHECK_STATUS(eddy_fd_remove_writer(ends[1]), EDDY_OK);
    return fails(message);
}

static eddy_status_t failing_body(void *context) {
    (void)context;
    CHECK_STATUS(eddy_call_soon_at("soon.c:1", fails, "a bad soon", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_call_soon(say, "goes-on", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_INT(reports.count, 1);
    CHECK_STATUS(reports.status, EDDY_EPERM);
    CHECK_TEXT(reports.site, "soon.c:1");
    CHECK_CONTAINS(reports.text, "a callback failed");
    CHECK_CONTAINS(reports.text, "a bad soon");
    CHECK(reports.all[0].task.id == 0);
    CHECK_STATUS(eddy_call_later_at("later.c:2", 5, fails, "a bad later", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(5), EDDY_OK);
    CHECK_TEXT(reports.site, "later.c:2");
    CHECK_STATUS(eddy_call_soon_at("odd.c:3", gives_positive, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(reports.status, EDDY_EINVAL);
    CHECK_TEXT(reports.site, "odd.c:3");
    CHECK_INT(reports.count, 3);
    CHECK(pipe(ends) == 0);
    CHECK_STATUS(eddy_fd_add_writer_at("fd.c:4", ends[1], fails_once, "a bad writer", NULL),
        EDDY_OK);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_INT(reports.count, 4);
    CHECK_TEXT(reports.site, "fd.c:4");
    CHECK_CONTAINS(reports.text, "a bad writer");
    CHECK_TRACE("goes-on");
    close(ends[0]);
    close(ends[1]);
    return EDDY_OK;
}

static void failing(void) { CHECK_STATUS(run_virtual(failing_body, NULL), EDDY_OK); }

/* ---- LOOP-22 ---- */

static eddy_status_t broken_hook(void *context, const eddy_report_t *report) {
    ++*(int *)context;
    CHECK_STATUS(report->status, EDDY_EPERM);
    return EDDY_EBROKEN;
}

static eddy_status_t one_failure(void *context) {
    (void)context;
    CHECK_STATUS(eddy_call_soon_at("bad.c:9", fails, "the first trouble", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_call_soon(say, "goes-on", NULL, NULL), EDDY_OK);
    return eddy_yield();
}

static void hook_that_fails(void) {
    eddy_loop_options_t options = default_options();
    int called = 0;
    options.report = broken_hook;
    options.report_context = &called;
    trace_clear();
    CHECK_STATUS(capture(&options, one_failure, NULL), EDDY_OK);
    CHECK_INT(called, 1);
    CHECK_TEXT(captured, "eddy: EDDY_EBROKEN: unhandled error in the report hook\n"
        "  report: EDDY_EPERM: a callback failed (bad.c:9)\nEDDY_EPERM: the first trouble\n");
    CHECK_TRACE("goes-on");
}

/* ---- LOOP-23 ---- */

static eddy_var_t variable = EDDY_VAR_INIT("word", "outside", NULL);

static eddy_status_t looking_hook(void *context, const eddy_report_t *report) {
    void *word = NULL;
    (void)context;
    CHECK_STATUS(eddy_var_get(&variable, &word), EDDY_OK);
    CHECK_STATUS(eddy_var_set(&variable, "no", NULL), EDDY_EBUSY);
    trace("%s", (const char *)word);
    return report->status == EDDY_OK ? EDDY_EINVAL : EDDY_OK;
}

static eddy_status_t sets_and_fails(void *word) {
    CHECK_STATUS(eddy_var_set(&variable, word, NULL), EDDY_OK);
    return eddy_fail(EDDY_EPERM, "nobody reads this");
}

static eddy_status_t fails_when_done(void *word, eddy_future_t future) {
    (void)future;
    return sets_and_fails(word);
}

static eddy_status_t contexts_body(void *context) {
    eddy_callback_options_t options = EDDY_CALLBACK_OPTIONS_INIT;
    eddy_context_t given = { 0 };
    eddy_future_t future = { 0 };
    eddy_task_t task = { 0 };
    (void)context;
    CHECK_STATUS(eddy_var_set(&variable, "root", NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(sets_and_fails, "task", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_call_soon(sets_and_fails, "callback", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_call_soon(fails, "registered", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_future_on_done(future, fails_when_done, "done", NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(future, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    CHECK_STATUS(eddy_context_with(given, &variable, "given", &given), EDDY_OK);
    options.context = given;
    CHECK_STATUS(eddy_call_later(5, fails, "later", &options, NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(10), EDDY_OK);
    CHECK_TRACE("task callback root done given");
    CHECK_STATUS(eddy_context_release(given), EDDY_OK);
    /* Read by nobody until its last reference goes: its context is still there for that. */
    trace_clear();
    CHECK_STATUS(eddy_task_spawn(sets_and_fails, "kept", NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_STATUS(eddy_report_text(EDDY_EINVAL, "mine"), EDDY_OK);
    CHECK_TRACE("kept root");
    return EDDY_OK;
}

static void hook_context(void) {
    eddy_loop_options_t options = default_options();
    options.report = looking_hook;
    CHECK_STATUS(eddy_run(&options, contexts_body, NULL), EDDY_OK);
}

/* A failed task gives its values back when it is freed, each once. */
static eddy_var_t counted = EDDY_VAR_INIT("counted", NULL, count_release);

static eddy_status_t counts_and_fails(void *released) {
    CHECK_STATUS(eddy_var_set(&counted, released, NULL), EDDY_OK);
    return eddy_fail(EDDY_EPERM, "read");
}

static eddy_status_t kept_values_body(void *context) {
    eddy_task_t task = { 0 };
    int released = 0;
    (void)context;
    CHECK_STATUS(eddy_task_spawn(counts_and_fails, &released, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_EPERM);
    CHECK_INT(released, 0);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_INT(released, 1);
    return EDDY_OK;
}

static void kept_values(void) {
    CHECK_STATUS(run_virtual(kept_values_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* ---- LOOP-24 ---- */

static eddy_status_t setting_body(void *context) {
    eddy_loop_t loop = { 0 };
    eddy_report_fn fn = broken_hook;
    void *fn_context = &loop;
    int mark = 0;
    (void)context;
    CHECK_STATUS(eddy_loop_current(&loop), EDDY_OK);
    CHECK_STATUS(eddy_loop_report(loop, &fn, &fn_context), EDDY_OK);
    CHECK(fn == NULL && fn_context == NULL);
    CHECK_STATUS(eddy_loop_set_report(loop, reports_record, &mark), EDDY_OK);
    CHECK_STATUS(eddy_loop_report(loop, &fn, &fn_context), EDDY_OK);
    CHECK(fn == reports_record && fn_context == &mark);
    CHECK_STATUS(eddy_loop_report(loop, NULL, NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_report_text(EDDY_EINVAL, "to the hook"), EDDY_OK);
    CHECK_INT(reports.count, 1);
    CHECK_STATUS(eddy_loop_set_report(loop, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_loop_report(loop, &fn, NULL), EDDY_OK);
    CHECK(fn == NULL);
    CHECK_STATUS(eddy_report_text_at("text.c:1", EDDY_EINVAL, "to stderr"), EDDY_OK);
    CHECK_INT(reports.count, 1);
    return EDDY_OK;
}

static void setting(void) {
    const eddy_loop_options_t options = default_options();
    reports_clear();
    CHECK_STATUS(capture(&options, setting_body, NULL), EDDY_OK);
    CHECK_TEXT(captured, "eddy: EDDY_EINVAL: to stderr: task-1 (text.c:1)\n");
}

/* ---- eddy_report_text ---- */

static eddy_status_t text_body(void *context) {
    eddy_task_t self = { 0 };
    (void)context;
    CHECK_STATUS(eddy_task_current(&self), EDDY_OK);
    CHECK_STATUS(eddy_report_text(EDDY_ECLOSED, "while closing"), EDDY_OK);
    CHECK(reports.all[0].task.id == self.id);
    CHECK_CONTAINS(reports.text, "while closing");
    CHECK_CONTAINS(reports.site, "call_reports.c:");
    CHECK_STATUS(eddy_fail(EDDY_EPERM, "the cause"), EDDY_EPERM);
    CHECK_STATUS(eddy_report_text(EDDY_EPERM, "with its error"), EDDY_OK);
    CHECK_CONTAINS(reports.text, "the cause");
    CHECK_STATUS(eddy_report_text(EDDY_EPERM, NULL), EDDY_OK);
    CHECK_CONTAINS(reports.text, eddy_status_text(EDDY_EPERM));
    CHECK_STATUS(eddy_report_text(EDDY_OK, "a note"), EDDY_OK);
    CHECK_STATUS(reports.status, EDDY_OK);
    CHECK_INT(reports.count, 4);
    CHECK_STATUS(eddy_report_text(1, "positive"), EDDY_EINVAL);
    return EDDY_OK;
}

static void own_reports(void) {
    CHECK_STATUS(run_virtual(text_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 4);
    CHECK_STATUS(eddy_report_text(EDDY_EINVAL, "no loop"), EDDY_EWRONGTHREAD);
}

static const check_test_t tests[] = {
    { "LOOP-21: a failing callback is reported with its site, and the loop goes on", failing },
    { "LOOP-22: a hook that fails: the default report, the first one inside", hook_that_fails },
    { "LOOP-23: the hook runs in the context concerned", hook_context },
    { "LOOP-23: a failed task keeps its context until it is freed", kept_values },
    { "LOOP-24: the hook can be set, read, and set back", setting },
    { "eddy_report_text: whom it concerns, the current error", own_reports },
};
CHECK_MAIN(tests)
