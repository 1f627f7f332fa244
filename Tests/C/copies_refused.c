/* skip: asan tsan swiftpm: the copy is made of the shipped library, beside which it is loaded
 *
 * A second copy of the runtime in one process: refused at the next loop creation, with a message.
 *
 * Invariants: the copy is made of the libeddy.so that this program runs with, into a folder of its
 * own that goes again; dlopen cannot undo it, so each test is a child of its own.
 * Threads: one.
 */
#include "check.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char folder[256], copy_path[300];

static eddy_status_t nothing(void *context) {
    (void)context;
    return EDDY_OK;
}

static void write_all(int file, const char *bytes, ssize_t count) {
    for (ssize_t done = 0; done < count;) {
        const ssize_t wrote = write(file, bytes + done, (size_t)(count - done));
        if (!CHECK(wrote > 0)) exit(1);
        done += wrote;
    }
}

/* The file behind eddy_run, under another name. */
static void make_copy(void) {
    static char buffer[65536];
    Dl_info info;
    snprintf(folder, sizeof folder, "%s/eddy-copies-XXXXXX", P_tmpdir);
    if (!CHECK(dladdr((void *)(uintptr_t)eddy_version_number, &info) != 0) ||
        !CHECK(mkdtemp(folder) != NULL))
        exit(1);
    snprintf(copy_path, sizeof copy_path, "%s/libother.so", folder);
    const int from = open(info.dli_fname, O_RDONLY | O_CLOEXEC);
    const int to = open(copy_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
    if (!CHECK(from >= 0 && to >= 0)) exit(1);
    for (ssize_t count; (count = read(from, buffer, sizeof buffer)) > 0;)
        write_all(to, buffer, count);
    close(from);
    close(to);
}

static void remove_copy(void) {
    unlink(copy_path);
    rmdir(folder);
}

/* Runs fn in a child whose stderr is a pipe; `text` receives what it wrote there. */
static void in_child(void (*fn)(void), char *text, size_t capacity) {
    int pipes[2], status = 1;
    size_t length = 0;
    fflush(stdout);
    if (!CHECK_INT(pipe(pipes), 0)) return;
    const pid_t child = fork();
    if (child == 0) {
        dup2(pipes[1], 2);
        close(pipes[0]);
        close(pipes[1]);
        fn();
        check_end_child();
    }
    close(pipes[1]);
    for (ssize_t count; (count = read(pipes[0], text + length, capacity - 1 - length)) > 0;)
        length += (size_t)count;
    text[length] = '\0';
    close(pipes[0]);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_INT(status, 0);
}

/* One copy, under both of its names, is one. */
static void one_copy_child(void) {
    Dl_info info;
    CHECK(dladdr((void *)(uintptr_t)eddy_version_number, &info) != 0);
    CHECK(dlopen(info.dli_fname, RTLD_NOW | RTLD_LOCAL) != NULL);
    CHECK_STATUS(eddy_run(NULL, nothing, NULL), EDDY_OK);
}

static void one_copy(void) {
    char text[512];
    in_child(one_copy_child, text, sizeof text);
    CHECK_TEXT(text, "");
}

typedef eddy_status_t (*run_fn)(int32_t, const eddy_loop_options_t *, eddy_task_fn, void *);

/* Neither copy makes a loop any more; a loop that was made before goes on. */
static void two_copies_child(void) {
    eddy_loop_t loop = { 0 }, other = { 77 };
    CHECK_STATUS(eddy_loop_create(NULL, &loop), EDDY_OK);
    void *copy = dlopen(copy_path, RTLD_NOW | RTLD_LOCAL);
    if (!CHECK(copy != NULL)) return;
    const run_fn run = (run_fn)(uintptr_t)dlsym(copy, "eddy_run_versioned");
    if (!CHECK(run != NULL && run != eddy_run_versioned)) return;
    CHECK_STATUS(run(EDDY_VERSION_NUMBER, NULL, nothing, NULL), EDDY_EBUSY);
    CHECK_STATUS(eddy_loop_run(loop, nothing, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_STATUS(eddy_loop_create(NULL, &other), EDDY_EBUSY);
    CHECK_STATUS(eddy_run(NULL, nothing, NULL), EDDY_EBUSY);
    CHECK_INT(other.id, 77);
}

static int count_of(const char *text, const char *part) {
    int count = 0;
    for (; (text = strstr(text, part)) != NULL; text += strlen(part)) count++;
    return count;
}

static void two_copies(void) {
    char text[512];
    make_copy();
    in_child(two_copies_child, text, sizeof text);
    remove_copy();
    CHECK_INT(count_of(text, "EDDY_EBUSY"), 3);
    CHECK_CONTAINS(text, "two copies of the runtime");
}

static const check_test_t tests[] = {
    { "copies: one, opened twice", one_copy },
    { "copies: a second one is refused", two_copies },
};
CHECK_MAIN(tests)
