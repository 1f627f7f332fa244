/*
 * error_print.c: the tree of errors as a person reads it: its exact text, what is left out of a
 * wide one, and colours on a terminal alone.
 *
 * Invariants: every test runs on a virtual clock and expects no report.
 * Threads: one.
 */
#include "check_tasks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char text[1 << 18];

/* The current error as text. */
static const char *tree(void) {
    eddy_error_t error = { 0 };
    CHECK_STATUS(eddy_error_current(&error), EDDY_OK);
    CHECK(eddy_error_format(error, text, sizeof text) <= sizeof text);
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    return text;
}

static eddy_status_t spawn(eddy_scope_t group, eddy_task_fn fn, void *context, const char *name) {
    eddy_spawn_options_t options = EDDY_SPAWN_OPTIONS_INIT;
    options.name = name;
    return eddy_group_spawn_at("app.c:7", group, fn, context, &options, NULL);
}

static eddy_status_t reader(void *context) {
    (void)context;
    return eddy_fail(EDDY_EINVAL, "bad port %d", 0);
}

/* Fails when it is cancelled, inside a scope that was. */
static eddy_status_t writer(void *context) {
    eddy_scope_t scope;
    (void)context;
    EDDY_TRY(eddy_scope_open(&scope, NULL));
    eddy_scope_cancel(scope, "the peer has gone");
    eddy_sleep(LONG);
    return eddy_scope_close(scope, eddy_fail(-EIO, "two lines:\nthis is the second"));
}

IN_TASK(children_and_causes) {
    eddy_scope_t group;
    (void)context;
    EDDY_TRY(eddy_group_open(&group, NULL));
    EDDY_TRY(spawn(group, writer, NULL, "writer"));
    EDDY_TRY(spawn(group, reader, NULL, "reader"));
    CHECK_STATUS(eddy_scope_close(group, EDDY_OK), EDDY_EGROUP);
    CHECK_TEXT(tree(),
        "EDDY_EGROUP: a group failed\n"
        "|- child: EDDY_EINVAL: bad port 0 [reader, app.c:7]\n"
        "`- child: EIO: two lines: [writer, app.c:7]\n"
        "   this is the second\n"
        "   `- cause: EDDY_ECANCELED: the peer has gone [asked by writer]\n");
    return EDDY_OK;
}

static eddy_status_t nested(void *context) {
    eddy_scope_t group;
    (void)context;
    EDDY_TRY(eddy_group_open(&group, NULL));
    EDDY_TRY(spawn(group, reader, NULL, "inner"));
    return eddy_scope_close(group, EDDY_OK);
}

IN_TASK(nested_groups) {
    eddy_scope_t group;
    (void)context;
    EDDY_TRY(eddy_group_open(&group, NULL));
    EDDY_TRY(spawn(group, nested, NULL, "outer"));
    CHECK_STATUS(eddy_scope_close(group, EDDY_OK), EDDY_EGROUP);
    CHECK_TEXT(tree(),
        "EDDY_EGROUP: a group failed\n"
        "`- child: EDDY_EGROUP: a group failed [outer, app.c:7]\n"
        "   `- child: EDDY_EINVAL: bad port 0 [inner, app.c:7]\n");
    return EDDY_OK;
}

IN_TASK(timeout_alone) {
    eddy_scope_t scope;
    (void)context;
    EDDY_TRY(eddy_timeout_open(&scope, MS(5), NULL));
    CHECK_STATUS(eddy_scope_close(scope, eddy_sleep(LONG)), EDDY_ETIMEDOUT);
    CHECK_TEXT(tree(),
        "EDDY_ETIMEDOUT: the deadline has passed\n");
    return EDDY_OK;
}

static eddy_status_t sleeper(void *context) {
    (void)context;
    return eddy_sleep(LONG);
}

IN_TASK(who_cancelled) {
    eddy_task_t task;
    (void)context;
    EDDY_TRY(eddy_task_spawn(sleeper, NULL, NULL, &task));
    EDDY_TRY(eddy_yield());
    EDDY_TRY(eddy_task_set_name(self(), "controller"));
    EDDY_TRY(eddy_task_cancel(task, "the window was closed"));
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_ETARGETCANCELED);
    CHECK_TEXT(tree(),
        "EDDY_ETARGETCANCELED: the window was closed\n"
        "`- cause: EDDY_ECANCELED: the window was closed [asked by controller]\n");
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    return EDDY_OK;
}

/* A failure in a scope whose deadline has passed keeps its status; the deadline is its cause. */
IN_TASK(a_failure_after_the_deadline) {
    eddy_scope_t outer, inner;
    (void)context;
    EDDY_TRY(eddy_timeout_open(&outer, MS(5), NULL));
    EDDY_TRY(eddy_scope_open(&inner, NULL));
    CHECK_STATUS(eddy_sleep(LONG), EDDY_ECANCELED);
    const eddy_status_t status = eddy_scope_close(inner, eddy_fail(-EIO, "half is written"));
    CHECK_STATUS(eddy_scope_close(outer, status), -EIO);
    CHECK_TEXT(tree(),
        "EIO: half is written\n"
        "`- cause: EDDY_ETIMEDOUT: the scope's deadline passed\n");
    return EDDY_OK;
}

static eddy_status_t dig(void *context) {
    const intptr_t left = (intptr_t)context;
    eddy_scope_t group;
    if (left == 0) return eddy_fail(EDDY_EINVAL, "the bottom");
    EDDY_TRY(eddy_group_open(&group, NULL));
    return eddy_scope_close(group, dig((void *)(left - 1)));
}

/* What a tree of this depth prints: the names of 32 levels, and one of what follows. */
static void check_depth(intptr_t depth, const char *last_line, int expected_lines) {
    int lines = 0;
    CHECK_STATUS(dig((void *)depth), EDDY_EGROUP);
    const char *read = tree();
    for (const char *place = read; *place; place++) lines += *place == '\n';
    CHECK_INT(lines, expected_lines);
    const size_t length = strlen(read), tail = strlen(last_line);
    CHECK(length > tail);
    CHECK_TEXT(read + (length > tail ? length - tail : 0), last_line);
}

IN_TASK(a_deep_one) {
    (void)context;
    check_depth(32, "`- child: EDDY_EINVAL: the bottom\n", 33);
    check_depth(33, "`- (1 more are left out)\n", 34);
    check_depth(60, "`- (1 more are left out)\n", 34);
    return EDDY_OK;
}

IN_TASK(a_wide_one) {
    eddy_scope_t group;
    int lines = 0;
    (void)context;
    EDDY_TRY(eddy_group_open(&group, NULL));
    for (int child = 0; child < 150; child++) {
        eddy_task_t task;
        EDDY_TRY(eddy_group_spawn(group, writer, NULL, NULL, &task));
        EDDY_TRY(eddy_task_release(task));
    }
    eddy_yield();
    CHECK_STATUS(eddy_scope_close(group, EDDY_OK), EDDY_EGROUP);
    const char *read = tree();
    for (const char *place = read; (place = strstr(place, "- child: ")) != NULL; place++) lines++;
    CHECK_INT(lines, 100);
    CHECK_CONTAINS(read, "\n`- (50 more are left out)\n");
    CHECK_TEXT(strstr(read, "`- (50"), "`- (50 more are left out)\n");
    return EDDY_OK;
}

/* Two tasks that each join both of the layer below. */
typedef struct layer {
    eddy_task_t tasks[2];
} layer_t;

static eddy_status_t joins(void *context) {
    return eddy_task_join(*(eddy_task_t *)context, NULL);
}

static eddy_status_t joins_both(void *context) {
    layer_t *below = context;
    eddy_scope_t group;
    EDDY_TRY(eddy_group_open(&group, NULL));
    eddy_group_spawn_at("app.c:7", group, joins, &below->tasks[0], NULL, NULL);
    eddy_group_spawn_at("app.c:7", group, joins, &below->tasks[1], NULL, NULL);
    return eddy_scope_close(group, EDDY_OK);
}

enum { LAYERS = 25 };

IN_TASK(many_ways_to_one) {
    static layer_t layers[LAYERS];
    int lines = 0;
    (void)context;
    for (int layer = 0; layer < LAYERS; layer++) {
        for (int side = 0; side < 2; side++) {
            eddy_task_t *task = &layers[layer].tasks[side];
            if (layer == 0) EDDY_TRY(eddy_task_spawn(reader, NULL, NULL, task));
            else EDDY_TRY(eddy_task_spawn(joins_both, &layers[layer - 1], NULL, task));
        }
    }
    /* So that none is left unread. */
    CHECK_STATUS(eddy_task_join(layers[0].tasks[1], NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_task_join(layers[LAYERS - 1].tasks[1], NULL), EDDY_EGROUP);
    CHECK_STATUS(eddy_task_join(layers[LAYERS - 1].tasks[0], NULL), EDDY_EGROUP);
    const char *read = tree();
    for (const char *place = read; (place = strstr(place, "- child: ")) != NULL; place++) lines++;
    CHECK_INT(lines, 1000);
    CHECK_CONTAINS(read, "more are left out)\n");
    for (int layer = 0; layer < LAYERS; layer++) {
        CHECK_STATUS(eddy_task_release(layers[layer].tasks[0]), EDDY_OK);
        CHECK_STATUS(eddy_task_release(layers[layer].tasks[1]), EDDY_OK);
    }
    return EDDY_OK;
}

/* What a program whose stderr is fd writes there. */
static void print_to(int fd, int keep) {
    fflush(stdout);
    const pid_t child = fork();
    int status = 0;
    if (child == 0) {
        eddy_loop_t loop;
        eddy_error_t error;
        dup2(fd, 2);
        close(keep);
        if (eddy_loop_create(NULL, &loop) != EDDY_OK) _exit(3);
        eddy_fail(EDDY_EINVAL, "bad port");
        if (eddy_error_current(&error) != EDDY_OK) _exit(4);
        const eddy_status_t printed = eddy_error_print(error);
        eddy_error_release(error);
        _exit(printed == EDDY_OK && eddy_loop_close(loop) == EDDY_OK ? 0 : 5);
    }
    close(fd);
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static const char *read_all(int fd) {
    size_t length = 0;
    for (ssize_t count; (count = read(fd, text + length, sizeof text - 1 - length)) > 0;)
        length += (size_t)count;
    text[length] = 0;
    close(fd);
    return text;
}

static void to_a_pipe(void) {
    int ends[2];
    CHECK_INT(pipe(ends), 0);
    print_to(ends[1], ends[0]);
    CHECK_TEXT(read_all(ends[0]), "EDDY_EINVAL: bad port\n");
}

/* Opens a terminal of our own; -1 if there are none here. */
static int open_terminal(int *ret_user) {
    const int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0) return -1;
    if (grantpt(master) != 0 || unlockpt(master) != 0) return -1;
    *ret_user = open(ptsname(master), O_RDWR | O_NOCTTY);
    return *ret_user < 0 ? -1 : master;
}

static void to_a_terminal(void) {
    int user;
    unsetenv("NO_COLOR");
    int master = open_terminal(&user);
    if (!CHECK(master >= 0)) return;
    print_to(user, master);
    CHECK_TEXT(read_all(master), "\x1b[1;31mEDDY_EINVAL\x1b[0m: bad port\r\n");
    setenv("NO_COLOR", "1", 1);
    master = open_terminal(&user);
    if (!CHECK(master >= 0)) return;
    print_to(user, master);
    CHECK_TEXT(read_all(master), "EDDY_EINVAL: bad port\r\n");
}

static const check_test_t tests[] = {
    { "error tree: children, causes, and messages of several lines", children_and_causes },
    { "error tree: groups inside groups", nested_groups },
    { "error tree: a timeout has no cause when nothing else failed", timeout_alone },
    { "error tree: what was cancelled, and why", who_cancelled },
    { "error tree: a failure after the deadline", a_failure_after_the_deadline },
    { "error tree: a deep one says what it leaves out", a_deep_one },
    { "error tree: a wide one says what it leaves out", a_wide_one },
    { "error tree: one with many ways to the same errors is bounded too", many_ways_to_one },
    { "eddy_error_print: plain into a pipe", to_a_pipe },
    { "eddy_error_print: in colours on a terminal, but for NO_COLOR", to_a_terminal },
};
CHECK_MAIN(tests)
