/*
 * What goes to the report hook, the default hook's text on stderr, and eddy_main with its tree.
 *
 * Descriptor 2 is pointed at a file while such a test runs.
 * Threads: one.
 */
#include "abi_calls.h"

/* Runs fn with stderr going to a file, and gives what was written there. */
static char captured[8192];
static int capture(int (*fn)(void)) {
    FILE *file = tmpfile();
    captured[0] = '\0';
    fflush(stderr);
    const int saved = dup(2);
    if (!CHECK(file != NULL && saved >= 0)) return -1;
    dup2(fileno(file), 2);
    const int result = fn();
    fflush(stderr);
    dup2(saved, 2);
    close(saved);
    rewind(file);
    captured[fread(captured, 1, sizeof captured - 1, file)] = '\0';
    fclose(file);
    return result;
}

static eddy_status_t ok(void *context) {
    (void)context;
    return EDDY_OK;
}

static eddy_status_t fails(void *message) {
    return eddy_fail_text(EDDY_EPERM, message);
}

/* ---- the hook ---- */

/* M12: at completion if no reference and no observer is there; once. */
static eddy_status_t unread_body(void *context) {
    eddy_spawn_options_t options = EDDY_SPAWN_OPTIONS_INIT;
    (void)context;
    options.name = "the-unread-one";
    CHECK_STATUS(eddy_task_spawn_at("unread.c:12", fails, "nobody reads", &options, NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_INT(reports.count, 1);
    return EDDY_OK;
}

static void unread_failure(void) {
    CHECK_STATUS(run_virtual(unread_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 1);
    CHECK_STATUS(reports.status, EDDY_EPERM);
    CHECK_CONTAINS(reports.text, "nobody reads");
    CHECK_CONTAINS(reports.text, "the-unread-one");
    CHECK_TEXT(reports.site, "unread.c:12");
    CHECK(reports.all[0].task.id != 0);
}

/* A done callback's failure goes there; the callbacks behind it still run (FUT-13). */
static eddy_status_t bad_callback(void *context, eddy_future_t future) {
    (void)context;
    (void)future;
    return eddy_fail(EDDY_EINVAL, "a bad callback");
}

static eddy_status_t good_callback(void *context, eddy_future_t future) {
    (void)future;
    ++*(int *)context;
    return EDDY_OK;
}

static eddy_status_t callbacks_body(void *context) {
    eddy_future_t future = { 0 };
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_future_on_done(future, bad_callback, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_on_done(future, good_callback, context, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(future, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    return eddy_sleep(1);
}

static void failing_callback(void) {
    int called = 0;
    CHECK_STATUS(run_virtual(callbacks_body, &called), EDDY_OK);
    CHECK_INT(called, 1);
    CHECK_INT(reports.count, 1);
    CHECK_STATUS(reports.status, EDDY_EINVAL);
    CHECK_CONTAINS(reports.text, "a bad callback");
}

/* A defer's failure is reported, never returned (M7). */
static eddy_status_t defer_body(void *context) {
    (void)context;
    return eddy_defer(fails, "a bad defer");
}

static void failing_defer(void) {
    CHECK_STATUS(run_virtual(defer_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 1);
    CHECK_STATUS(reports.status, EDDY_EPERM);
    CHECK_CONTAINS(reports.text, "a bad defer");
}

/* The hook gets its own context, and a struct that says its size. */
static eddy_status_t picky_hook(void *context, const eddy_report_t *report) {
    CHECK(report->size >= sizeof(eddy_report_t));
    CHECK(report->text != NULL && report->text[0] != '\0');
    ++*(int *)context;
    return EDDY_OK;
}

static eddy_status_t two_unread(void *context) {
    (void)context;
    CHECK_STATUS(eddy_task_spawn_at(NULL, fails, "one", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn_at(NULL, fails, "two", NULL, NULL), EDDY_OK);
    return eddy_sleep(1);
}

static void context_of_the_hook(void) {
    eddy_loop_options_t options = virtual_options();
    int called = 0;
    options.report = picky_hook;
    options.report_context = &called;
    CHECK_STATUS(eddy_run(&options, two_unread, NULL), EDDY_OK);
    CHECK_INT(called, 2);
}

/* FUT-18 to FUT-20, TSK-38: what counts as read. */
static eddy_status_t read_body(void *context) {
    eddy_future_t futures[4];
    (void)context;
    for (int index = 0; index < 4; index++) {
        CHECK_STATUS(eddy_future_create(&futures[index]), EDDY_OK);
        CHECK_STATUS(eddy_future_fail(futures[index], EDDY_EPERM, "maybe read"), EDDY_OK);
    }
    CHECK_STATUS(eddy_future_result(futures[0], NULL), EDDY_EPERM);
    CHECK_STATUS(eddy_future_wait(futures[1], NULL), EDDY_EPERM);
    CHECK_STATUS(eddy_future_cancel(futures[2], NULL), EDDY_EALREADY);
    for (int index = 0; index < 3; index++)
        CHECK_STATUS(eddy_future_release(futures[index]), EDDY_OK);
    CHECK_INT(reports.count, 0);
    CHECK_STATUS(eddy_future_retain(futures[3]), EDDY_OK);
    CHECK_STATUS(eddy_future_release(futures[3]), EDDY_OK);
    CHECK_INT(reports.count, 0);
    CHECK_STATUS(eddy_future_release(futures[3]), EDDY_OK);
    return eddy_sleep(1);
}

static void what_counts_as_read(void) {
    CHECK_STATUS(run_virtual(read_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 1);
    CHECK_STATUS(reports.status, EDDY_EPERM);
}

/* ---- the default hook ---- */

static eddy_status_t one_unread(void *context) {
    (void)context;
    CHECK_STATUS(eddy_task_spawn_at("stderr.c:3", fails, "to stderr", NULL, NULL), EDDY_OK);
    return eddy_sleep(1);
}

static int run_one_unread(void) {
    eddy_loop_options_t options = EDDY_LOOP_OPTIONS_INIT;
    options.flags = EDDY_LOOP_VIRTUAL_CLOCK;
    return eddy_run(&options, one_unread, NULL);
}

static void default_hook(void) {
    CHECK_INT(capture(run_one_unread), EDDY_OK);
    CHECK_CONTAINS(captured, "to stderr");
    CHECK_CONTAINS(captured, "EDDY_EPERM");
    CHECK_CONTAINS(captured, "stderr.c:3");
    CHECK(captured[0] != '\0' && captured[strlen(captured) - 1] == '\n');
}

/* ---- eddy_main ---- */

static int main_ok(void) { return eddy_main(ok, NULL); }
static int main_fails(void) { return eddy_main(fails, "the whole program"); }

/* Cancelled by its sibling's failure, it ends with one of its own. */
static eddy_status_t fails_when_cancelled(void *message) {
    CHECK_STATUS(eddy_sleep(EDDY_FOREVER), EDDY_ECANCELED);
    return fails(message);
}

static eddy_status_t tree(void *context) {
    eddy_scope_t group = { 0 };
    (void)context;
    EDDY_TRY(eddy_group_open(&group, NULL));
    EDDY_TRY_IN(group,
        eddy_group_spawn(group, fails_when_cancelled, "the second leaf", NULL, NULL));
    EDDY_TRY_IN(group, eddy_group_spawn(group, fails, "the first leaf", NULL, NULL));
    return eddy_scope_close(group, EDDY_OK);
}

static int main_tree(void) { return eddy_main(tree, NULL); }
static int main_null(void) { return eddy_main(NULL, NULL); }

static void main_statuses(void) {
    CHECK_INT(capture(main_ok), 0);
    CHECK_TEXT(captured, "");
    CHECK_INT(capture(main_fails), 1);
    CHECK_CONTAINS(captured, "EDDY_EPERM");
    CHECK_CONTAINS(captured, "the whole program");
    CHECK_INT(capture(main_null), 1);
    CHECK_CONTAINS(captured, "EDDY_EINVAL");
}

/* Each child on its own line, further in than its parent. */
static size_t indent_of(const char *part) {
    const char *place = strstr(captured, part);
    if (!place) return 0;
    while (place > captured && place[-1] != '\n') place--;
    return strspn(place, " |`-");
}

static void main_prints_a_tree(void) {
    CHECK_INT(capture(main_tree), 1);
    CHECK_CONTAINS(captured, "EDDY_EGROUP");
    CHECK_CONTAINS(captured, "the first leaf");
    CHECK_CONTAINS(captured, "the second leaf");
    CHECK(indent_of("the first leaf") > indent_of("EDDY_EGROUP"));
    CHECK_INT(indent_of("the first leaf"), indent_of("the second leaf"));
}

/* eddy_main's failure was read by the one who prints it: it is not reported as well. */
static void main_prints_once(void) {
    CHECK_INT(capture(main_fails), 1);
    const char *first = strstr(captured, "the whole program");
    CHECK(first != NULL && strstr(first + 1, "the whole program") == NULL);
}

static const check_test_t tests[] = {
    { "M12, TSK-37: an unread failure is reported once", unread_failure },
    { "FUT-13: a failing callback", failing_callback },
    { "M7: a failing defer", failing_defer },
    { "hook: its context, the report's size", context_of_the_hook },
    { "FUT-19, FUT-20: what counts as read", what_counts_as_read },
    { "default hook: text on stderr", default_hook },
    { "eddy_main: exit statuses", main_statuses },
    { "eddy_main: prints a tree", main_prints_a_tree },
    { "eddy_main: prints once", main_prints_once },
};
CHECK_MAIN(tests)
