/* skip: asan tsan valgrind: replaces sigaction, as they do */
/*
 * Handlers that cannot be installed: sigaction is replaced by one that refuses to replace one
 * signal's disposition, and the other signal is watched all the same.
 *
 * Threads: one.
 */
#include "check_tasks.h"

#include <dlfcn.h>
#include <errno.h>

/* Whoever runs the tests may ignore them, which a program inherits. */
__attribute__((constructor)) static void begin_with_defaults(void) {
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
}

static int refused;              /* the signal */
static int refusals;

int sigaction(int number, const struct sigaction *new, struct sigaction *old) {
    static int (*real)(int, const struct sigaction *, struct sigaction *);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "sigaction");
    if (number == refused && new) {
        refusals++;
        errno = EPERM;
        return -1;
    }
    return real(number, new, old);
}

static eddy_status_t sends(void *context) {
    CHECK_INT(raise(*(int *)context), 0);
    return EDDY_OK;
}

static eddy_status_t waits(void *context) {
    EDDY_TRY(eddy_post(sends, context, NULL));
    return eddy_sleep(LONG);
}

static eddy_status_t looks(void *context) {
    struct sigaction now;
    CHECK_INT(sigaction(*(int *)context, NULL, &now), 0);
    CHECK(now.sa_handler == SIG_DFL);
    return EDDY_OK;
}

static void one_refused(void) {
    static const int numbers[] = { SIGINT, SIGTERM };
    for (int index = 0; index < 2; index++) {
        int other = numbers[1 - index], number = numbers[index];
        refused = number;
        refusals = 0;
        CHECK_STATUS(run_virtual(looks, &number), EDDY_OK);
        CHECK_STATUS(run_virtual(waits, &other), EDDY_EINTERRUPT);
        CHECK_INT(refusals, 2);
        CHECK_INT(reports.count, 0);
    }
    refused = 0;
}

static const check_test_t tests[] = {
    { "RUN-16: a handler that cannot be installed is done without", one_refused },
};
CHECK_MAIN(tests)
