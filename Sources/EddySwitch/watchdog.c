/*
 * The watchdog of a loop in debug mode: a thread that sees a step go on for too long, has a signal
 * read the stack of the loop's thread, and has a report of it written while the step still runs.
 *
 * Owns the thread, and the process's handler of SIGURG while any watchdog lives.
 * The loop says when a step begins and ends in one word, `running`: the time of the beginning, or
 * 0. What is asked of the handler is another one, `asked`:
 *   0        -ask->      began     the watchdog; the signal is sent
 *   began    -signal->   READING   the handler; `seen` and `frames` are its own
 *   READING  -done->     READ      the handler
 *   READ     -take->     0         the watchdog, when the report is written
 *   began    -give up->  0         the watchdog: the thread does not take the signal
 * Invariants:
 * 1. `step` is written while `running` is 0, but its name, and read by the loop's thread and its
 *    handler only. `seen` and `frames` change in the handler only, and only when asked.
 * 2. The handler allocates nothing and takes no lock. What is not ours goes to the handler that was
 *    there before.
 * 3. A step is reported once.
 * Threads: as each function says; `running` and `asked` are atomic.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "eddy_switch.h"

#if defined(__clang__)
/* Nothing here is hot. */
#pragma clang attribute push(__attribute__((minsize)), apply_to = function)
#endif

#define READING ((int64_t)-1)
#define READ ((int64_t)-2)
/* How long the loop's thread may take to take the signal. */
#define PATIENCE_NS 1000000000
/* Far enough; no sum with it overflows. */
#define LONGEST_NS ((int64_t)1 << 60)
/* What is above the interrupted frame: the handler's, and the one that calls it. */
#define OWN_FRAMES 4

typedef struct watchdog {
    eddy_sw_watch shared;
    sem_t bell;
    pthread_t thread;
    pid_t looked_at;
    int32_t has_thread;
    int32_t ends;            /* atomic */
    int64_t blocked_ns;
    void (*report)(eddy_sw_watch *, int64_t);
} watchdog;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int32_t watchdogs;    /* atomic; changes under the lock */
static struct sigaction previous;

/* ---- The handler --------------------------------------------------------------------------- */

static uintptr_t interrupted(void *context) {
    const ucontext_t *user = context;
#if defined(__x86_64__)
    return (uintptr_t)user->uc_mcontext.gregs[REG_RIP];
#else
    return (uintptr_t)user->uc_mcontext.pc;
#endif
}

static void eddy_sw_read_stack(eddy_sw_watch *watch, void *context) {
    uintptr_t all[EDDY_SW_FRAMES + OWN_FRAMES], pc = interrupted(context);
    int32_t count = eddy_sw_backtrace(all, EDDY_SW_FRAMES + OWN_FRAMES), first = 0;
    while (first < count && all[first] != pc) first++;
    if (first == count) first = 0;
    else all[first]++;       /* as if it were an address that a call returns to */
    count -= first;
    watch->count = count < EDDY_SW_FRAMES ? count : EDDY_SW_FRAMES;
    memcpy(watch->frames, all + first, (size_t)watch->count * sizeof *all);
    watch->seen = watch->step;
}

static void pass_on(int number, siginfo_t *info, void *context) {
    if (previous.sa_flags & SA_SIGINFO) previous.sa_sigaction(number, info, context);
    else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN)
        previous.sa_handler(number);
}

static void eddy_sw_on_watchdog(int number, siginfo_t *info, void *context) {
    int saved = errno;
    if (info->si_code != SI_QUEUE || info->si_value.sival_ptr != &lock) {
        pass_on(number, info, context);
    } else {
        watchdog *dog = eddy_sw_this_thread()->watchdog;
        int64_t asked = dog ? __atomic_load_n(&dog->shared.asked, __ATOMIC_SEQ_CST) : 0;
        if (asked > 0 && __atomic_compare_exchange_n(&dog->shared.asked, &asked, READING, 0,
                             __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
            if (__atomic_load_n(&dog->shared.running, __ATOMIC_SEQ_CST) == asked)
                eddy_sw_read_stack(&dog->shared, context);
            else
                dog->shared.seen.began = 0;
            __atomic_store_n(&dog->shared.asked, READ, __ATOMIC_SEQ_CST);
            sem_post(&dog->bell);
        }
    }
    errno = saved;
}

/* ---- The thread ---------------------------------------------------------------------------- */

static int ends(watchdog *dog) { return __atomic_load_n(&dog->ends, __ATOMIC_SEQ_CST); }

static void wait_until(watchdog *dog, int64_t when) {
    struct timespec time = {.tv_sec = when / 1000000000, .tv_nsec = when % 1000000000};
    sem_clockwait(&dog->bell, CLOCK_MONOTONIC, &time);
}

static int send_signal(watchdog *dog) {
    siginfo_t info;
    memset(&info, 0, sizeof info);
    info.si_code = SI_QUEUE;
    info.si_pid = getpid();
    info.si_uid = getuid();
    info.si_value.sival_ptr = &lock;
    return syscall(SYS_rt_tgsigqueueinfo, getpid(), dog->looked_at, SIGURG, &info) == 0;
}

static void look(watchdog *dog, int64_t began) {
    int64_t *asked = &dog->shared.asked, expected = began;
    __atomic_store_n(asked, began, __ATOMIC_SEQ_CST);
    if (send_signal(dog)) {
        int64_t end = eddy_sw_clock_ns() + PATIENCE_NS;
        while (__atomic_load_n(asked, __ATOMIC_SEQ_CST) == began && !ends(dog) &&
               eddy_sw_clock_ns() < end)
            wait_until(dog, end);
    }
    int64_t lasted = eddy_sw_clock_ns() - began;
    if (__atomic_compare_exchange_n(asked, &expected, 0, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        if (__atomic_load_n(&dog->shared.running, __ATOMIC_SEQ_CST) == began)
            dog->report(NULL, lasted);
        return;
    }
    while (__atomic_load_n(asked, __ATOMIC_SEQ_CST) != READ) eddy_sw_pause();
    if (dog->shared.seen.began == began) dog->report(&dog->shared, lasted);
    __atomic_store_n(asked, 0, __ATOMIC_SEQ_CST);
}

static void *run(void *argument) {
    watchdog *dog = argument;
    int64_t known = 0;
    while (!ends(dog)) {
        int64_t began = __atomic_load_n(&dog->shared.running, __ATOMIC_SEQ_CST);
        int64_t now = eddy_sw_clock_ns();
        int64_t due = (began != 0 && began != known ? began : now) + dog->blocked_ns;
        if (due > now) {
            wait_until(dog, due);
        } else {
            known = began;
            look(dog, began);
        }
    }
    return NULL;
}

/* ---- Its life ------------------------------------------------------------------------------ */

static void install(void) {
    struct sigaction ours = {.sa_sigaction = eddy_sw_on_watchdog,
        .sa_flags = SA_RESTART | SA_SIGINFO};
    if (watchdogs == 0) sigaction(SIGURG, &ours, &previous);
    __atomic_add_fetch(&watchdogs, 1, __ATOMIC_SEQ_CST);
}

static void put_back(void) {
    struct sigaction now;
    if (sigaction(SIGURG, NULL, &now) == 0 && (now.sa_flags & SA_SIGINFO) &&
        now.sa_sigaction == eddy_sw_on_watchdog)
        sigaction(SIGURG, &previous, NULL);
}

static void uninstall(void) {
    pthread_mutex_lock(&lock);
    if (__atomic_sub_fetch(&watchdogs, 1, __ATOMIC_SEQ_CST) == 0) put_back();
    pthread_mutex_unlock(&lock);
}

eddy_sw_watch *eddy_sw_watch_make(void) {
    watchdog *dog = eddy_sw_malloc(sizeof *dog);
    if (dog) memset(dog, 0, sizeof *dog);
    return dog ? &dog->shared : NULL;
}

int32_t eddy_sw_watchdog_start(eddy_sw_watch *watch, int64_t blocked_ns,
                               void (*report)(eddy_sw_watch *, int64_t)) {
    watchdog *dog = (watchdog *)watch;
    sigset_t all, mask;
    eddy_sw_backtrace_prepare();
    dog->blocked_ns = blocked_ns < LONGEST_NS ? blocked_ns : LONGEST_NS;
    dog->report = report;
    dog->looked_at = gettid();
    sem_init(&dog->bell, 0, 0);
    pthread_mutex_lock(&lock);
    install();
    pthread_mutex_unlock(&lock);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &mask);
    int error = pthread_create(&dog->thread, NULL, run, dog);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    if (error != 0) {
        uninstall();
        return -error;
    }
    dog->has_thread = 1;
    eddy_sw_this_thread()->watchdog = dog;
    return 0;
}

void eddy_sw_watch_free(eddy_sw_watch *watch) {
    watchdog *dog = (watchdog *)watch;
    if (dog->has_thread) {
        __atomic_store_n(&dog->ends, 1, __ATOMIC_SEQ_CST);
        sem_post(&dog->bell);
        pthread_join(dog->thread, NULL);
        eddy_sw_this_thread()->watchdog = NULL;
        uninstall();
    }
    eddy_sw_free(dog);
}

void eddy_sw_watchdogs_forked(void) {
    if (watchdogs == 0) return;
    lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    watchdogs = 0;
    eddy_sw_this_thread()->watchdog = NULL;
    put_back();
}

/* The C library stops counting when a second thread is made. The system goes on. */
int32_t eddy_sw_has_only_watchdogs(void) {
    struct stat about;
    int32_t known = __atomic_load_n(&watchdogs, __ATOMIC_SEQ_CST);
    if (known == 0 || stat("/proc/self/task", &about) != 0) return 0;
    return about.st_nlink == (nlink_t)(2 + 1 + known);
}

int32_t eddy_sw_wants_debug(void) {
    const char *wish = getenv("EDDY_DEBUG");
    return wish && *wish && strcmp(wish, "0") != 0;
}

#if defined(__clang__)
#pragma clang attribute pop
#endif
