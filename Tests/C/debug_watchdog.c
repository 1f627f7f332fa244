/*
 * The watchdog: who blocks the loop is named on stderr, with its stack, while it does.
 *
 * A pipe stands for stderr, and what blocks the loop reads it until the report has come. A step is
 * reported once, and with a limit of 1 ns the report may show a moment before the function under
 * test had its frame. So a step that hears nothing more ends, and another one holds the loop: how
 * long that takes decides nothing.
 * Threads: the loop's and its watchdog; one more where a test says so.
 */
#include "check_tasks.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/wait.h>

#if defined(__clang__)
#define OWN_FRAME __attribute__((noinline, disable_tail_calls))
#else
#define OWN_FRAME __attribute__((noinline, noclone, optimize("no-optimize-sibling-calls")))
#endif

static int pipes[2], kept_stderr;
static char said[1 << 18];

static void take_stderr(void) {
    CHECK_INT(pipe(pipes), 0);
    kept_stderr = dup(2);
    CHECK_INT(dup2(pipes[1], 2), 2);
    said[0] = '\0';
}

/* Adds what there is, if it comes in time; a report is written in one piece. */
static OWN_FRAME int hear(void) {
    const size_t used = strlen(said);
    struct pollfd readable = { .fd = pipes[0], .events = POLLIN };
    int ready;
    do ready = poll(&readable, 1, 100);
    while (ready < 0 && errno == EINTR);
    if (ready <= 0) return 0;
    const ssize_t count = read(pipes[0], said + used, sizeof said - used - 1);
    said[used + (size_t)(count > 0 ? count : 0)] = '\0';
    return count > 0;
}

/* Adds all the rest; stderr is what it was. */
static void give_stderr_back(void) {
    CHECK_INT(dup2(kept_stderr, 2), 2);
    close(kept_stderr);
    close(pipes[1]);
    while (hear()) {}
    close(pipes[0]);
}

static int times_said(const char *part) {
    int count = 0;
    for (const char *place = said; (place = strstr(place, part)); place++) count++;
    return count;
}

static eddy_loop_options_t watched(void) {
    eddy_loop_options_t options = virtual_options();
    options.flags |= EDDY_LOOP_DEBUG;
    options.slow_ns = EDDY_FOREVER;
    options.blocked_ns = 1;
    return options;
}

/* Of a loop whose steps do not block: only an hour would. */
static eddy_loop_options_t patient(void) {
    eddy_loop_options_t options = watched();
    options.blocked_ns = LONG;
    return options;
}

static int threads(void) {
    DIR *folder = opendir("/proc/self/task");
    int count = 0;
    if (!folder) return -1;
    for (struct dirent *entry; (entry = readdir(folder));) count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

/* The text of the first report that contains `part`, up to the next one; "" if there is none. */
static const char *report_with(const char *part) {
    static const char opening[] = "eddy: EDDY_EBUSY: the loop is blocked";
    static char report[1 << 14];
    report[0] = '\0';
    for (const char *place = strstr(said, opening); place;) {
        const char *next = strstr(place + 1, opening);
        const size_t length = next ? (size_t)(next - place) : strlen(place);
        snprintf(report, sizeof report, "%.*s", (int)length, place);
        if (strstr(report, part)) return report;
        place = next;
    }
    return "";
}

static OWN_FRAME eddy_status_t holds_the_loop(void) {
    while (hear()) {}
    return EDDY_OK;
}

static OWN_FRAME eddy_status_t holds(void *context) {
    (void)context;
    return holds_the_loop();
}

static eddy_status_t rests(void *context) {
    (void)context;
    return EDDY_OK;
}

/* A step at a time, until a report contains the text. */
static OWN_FRAME eddy_status_t holds_until_named(void *context) {
    while (!strstr(said, (const char *)context)) {
        holds_the_loop();
        EDDY_TRY(eddy_yield());
    }
    return EDDY_OK;
}

static eddy_status_t spawns_holder(void *context) {
    eddy_spawn_options_t options = EDDY_SPAWN_OPTIONS_INIT;
    eddy_task_t task;
    options.name = "the holder";
    EDDY_TRY(eddy_task_spawn(holds_until_named, context, &options, &task));
    EDDY_TRY(eddy_task_join(task, NULL));
    return eddy_task_release(task);
}

static void names_task(void) {
    eddy_loop_options_t options = watched();
    take_stderr();
    reports_clear();
    CHECK_STATUS(eddy_run(&options, spawns_holder, " holds_the_loop+0x"), EDDY_OK);
    give_stderr_back();
    const char *report = report_with(" holds_the_loop+0x");
    CHECK_CONTAINS(report, "the loop is blocked: a step has taken ");
    CHECK_CONTAINS(report, ": the holder (");
    CHECK_CONTAINS(report, "debug_watchdog.c:");
    CHECK_CONTAINS(report, "\n    #0 ");
    CHECK_CONTAINS(report, " holds_until_named+0x");
    CHECK(strstr(report, "eddy_sw_") == NULL);
    CHECK_INT(times_said(" holds_the_loop+0x"), 1);
    /* And the report of the step, when it has ended. */
    int of_holder = 0;
    for (int index = 0; index < reports.count; index++) {
        const check_report_t *ended = &reports.all[index];
        if (!strstr(ended->text, " holds_the_loop+0x")) continue;
        of_holder++;
        CHECK_STATUS(ended->status, EDDY_EBUSY);
        CHECK_CONTAINS(ended->text, "a step took ");
        CHECK_CONTAINS(ended->text, ": the holder\n");
        CHECK_CONTAINS(ended->site, "debug_watchdog.c:");
    }
    CHECK_INT(of_holder, 1);
    if (check_failures) puts(said);
}

static eddy_status_t calls_holder(void *context) {
    while (!strstr(said, (const char *)context)) {
        EDDY_TRY(eddy_call_soon(holds, NULL, NULL, NULL));
        EDDY_TRY(eddy_yield());
    }
    return EDDY_OK;
}

static void names_callback(void) {
    const eddy_loop_options_t options = watched();
    take_stderr();
    CHECK_STATUS(eddy_run(&options, calls_holder, " holds_the_loop+0x"), EDDY_OK);
    give_stderr_back();
    const char *report = report_with(" holds_the_loop+0x");
    CHECK_CONTAINS(report, "a callback has taken ");
    CHECK_CONTAINS(report, "debug_watchdog.c:");
    CHECK_INT(times_said(" holds_the_loop+0x"), 1);
}

static eddy_status_t holds_until_unseen(void *context) {
    (void)context;
    while (!strstr(said, "does not take SIGURG")) hear();
    return EDDY_OK;
}

/* The thread blocks every signal, as programs do that take them elsewhere. */
static void without_signal(void) {
    const eddy_loop_options_t options = watched();
    eddy_loop_t loop;
    sigset_t urgent;
    sigemptyset(&urgent);
    sigaddset(&urgent, SIGURG);
    take_stderr();
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    CHECK_INT(pthread_sigmask(SIG_BLOCK, &urgent, NULL), 0);
    CHECK_STATUS(eddy_call_soon(holds_until_unseen, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_loop_shutdown(loop), EDDY_OK);
    CHECK_INT(pthread_sigmask(SIG_UNBLOCK, &urgent, NULL), 0);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    give_stderr_back();
    CHECK_INT(times_said("does not take SIGURG"), 1);
}

/* ---- SIGURG, threads, deadlock, fork ---- */

static int urgent_signals;
static void count_urgent(int number) {
    (void)number;
    urgent_signals++;
}

static OWN_FRAME eddy_status_t raises(void *context) {
    CHECK_INT(raise(SIGURG), 0);
    return holds_until_named(context);
}

static void passes_on(void) {
    const eddy_loop_options_t options = watched();
    struct sigaction now;
    urgent_signals = 0;
    signal(SIGURG, count_urgent);
    take_stderr();
    CHECK_STATUS(eddy_run(&options, raises, " raises+0x"), EDDY_OK);
    give_stderr_back();
    CHECK_INT(urgent_signals, 1);
    CHECK_INT(sigaction(SIGURG, NULL, &now), 0);
    CHECK(now.sa_handler == count_urgent);
    signal(SIGURG, SIG_DFL);
}

static eddy_status_t counts_threads(void *context) {
    *(int *)context = threads();
    return EDDY_OK;
}

static void comes_and_goes(void) {
    eddy_loop_options_t options = patient();
    const int before = threads();
    int during = 0;
    CHECK_STATUS(eddy_run(&options, counts_threads, &during), EDDY_OK);
    CHECK_INT(during, before + 1);
    CHECK_INT(threads(), before);
    options.blocked_ns = EDDY_NONE;
    CHECK_STATUS(eddy_run(&options, counts_threads, &during), EDDY_OK);
    CHECK_INT(during, before);
    options.flags = EDDY_LOOP_NO_DEBUG | EDDY_LOOP_VIRTUAL_CLOCK;
    options.blocked_ns = 1;
    CHECK_STATUS(eddy_run(&options, counts_threads, &during), EDDY_OK);
    CHECK_INT(during, before);
}

static eddy_status_t waits_for_ever(void *context) {
    eddy_future_t never;
    (void)context;
    EDDY_TRY(eddy_future_create(&never));
    const eddy_status_t status = eddy_future_wait(never, NULL);
    eddy_future_release(never);
    return status;
}

static void deadlocks(void) {
    eddy_loop_options_t options = patient();
    eddy_loop_t loop;
    if (check_tool_is("tsan")) return;     /* it has a thread of its own */
    for (int is_virtual = 0; is_virtual < 2; is_virtual++) {
        if (!is_virtual) options.flags &= ~EDDY_LOOP_VIRTUAL_CLOCK;
        else options.flags |= EDDY_LOOP_VIRTUAL_CLOCK;
        reports_clear();
        CHECK_STATUS(eddy_run(&options, waits_for_ever, NULL), EDDY_EDEADLK);
        CHECK_INT(reports_with(EDDY_EDEADLK), 1);
        CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
        CHECK_STATUS(eddy_loop_run_forever(loop), EDDY_EDEADLK);
        CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    }
}

/* Another thread can help, and its last post is heard. */
static eddy_future_t awaited;
static void *completes(void *context) {
    (void)context;
    CHECK_STATUS(eddy_future_complete_threadsafe(awaited, NULL, NULL), EDDY_OK);
    return NULL;
}

static eddy_status_t is_helped(void *context) {
    pthread_t thread;
    (void)context;
    EDDY_TRY(eddy_future_create(&awaited));
    CHECK_INT(pthread_create(&thread, NULL, completes, NULL), 0);
    CHECK_STATUS(eddy_future_wait(awaited, NULL), EDDY_OK);
    CHECK_INT(pthread_join(thread, NULL), 0);
    return eddy_future_release(awaited);
}

static void helped(void) {
    eddy_loop_options_t options = patient();
    options.flags &= ~EDDY_LOOP_VIRTUAL_CLOCK;
    for (int time = 0; time < 50; time++)
        CHECK_STATUS(eddy_run(&options, is_helped, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

static eddy_status_t forks(void *context) {
    int status = 0, during = 0;
    (void)context;
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        struct sigaction now;
        check_failures = 0;
        CHECK_INT(threads(), 1);
        CHECK(sigaction(SIGURG, NULL, &now) == 0 && now.sa_handler == SIG_DFL);
        const eddy_loop_options_t options = patient();
        CHECK_STATUS(eddy_run(&options, counts_threads, &during), EDDY_OK);
        CHECK_INT(during, 2);
        CHECK(sigaction(SIGURG, NULL, &now) == 0 && now.sa_handler == SIG_DFL);
        check_end_child();
    }
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return EDDY_OK;
}

static void forked(void) {
    const eddy_loop_options_t options = patient();
    if (check_tool_is("tsan")) return;     /* it has a thread of its own, and dislikes forks */
    CHECK_STATUS(eddy_run(&options, forks, NULL), EDDY_OK);
}

static eddy_status_t never_ends(void *context) {
    (void)context;
    for (;;) eddy_yield();
    return EDDY_OK;
}

static eddy_status_t leaves_one(void *context) {
    (void)context;
    EDDY_TRY(eddy_task_spawn(never_ends, NULL, NULL, NULL));
    return eddy_yield();
}

/* A loop that is abandoned keeps its memory, so this is in a child. */
static void abandoned(void) {
    int status = 0;
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        eddy_loop_options_t options = patient();
        options.grace_ns = 1;
        check_failures = 0;
        CHECK_STATUS(eddy_run(&options, leaves_one, NULL), EDDY_EGRACE);
        CHECK_INT(threads(), check_tool_is("tsan") ? 2 : 1);
        check_end_child();
    }
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_STATUS(eddy_run(NULL, rests, NULL), EDDY_OK);
}

static const check_test_t tests[] = {
    { "Must show: LOOP-26: who blocks the loop is named with its stack, at once", names_task },
    { "LOOP-26: a callback that blocks the loop is named by its site", names_callback },
    { "LOOP-26: a thread that takes no SIGURG is reported without its stack", without_signal },
    { "debug mode: the SIGURG of others is theirs", passes_on },
    { "debug mode: one thread more, for as long as the loop lives", comes_and_goes },
    { "debug mode: a watchdog cannot help who waits for ever", deadlocks },
    { "debug mode: another thread can", helped },
    { "debug mode: the child of a fork has no watchdog", forked },
    { "debug mode: an abandoned loop has no watchdog", abandoned },
};
CHECK_MAIN(tests)
