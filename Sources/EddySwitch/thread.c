/*
 * What belongs to a thread and to the process: the thread's record, the words of the process's
 * loops, and the watch that closes both in the child of a fork.
 *
 * Threads: the record is its thread's own; eddy_sw_loop_words is shared, all access is atomic.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <sys/single_threaded.h>

#include "eddy_switch.h"

__thread eddy_sw_thread eddy_sw_thread_state __attribute__((tls_model("initial-exec")));

uint64_t eddy_sw_loop_words[EDDY_SW_LOOP_LIMIT];
uint64_t eddy_sw_doors[EDDY_SW_LOOP_LIMIT][EDDY_SW_DOOR_WORDS] __attribute__((aligned(64)));

void eddy_sw_pause(void) {
    sched_yield();
}

int32_t eddy_sw_is_single_threaded(void) {
    return __libc_single_threaded ? 1 : eddy_sw_has_only_watchdogs();
}

/* The child has one thread, the one that forked; the loops of all others are gone too. */
static void after_fork_in_child(void) {
    eddy_sw_thread *thread = eddy_sw_this_thread();
    thread->loop = NULL;
    thread->bound = NULL;
    thread->state = EDDY_SW_THREAD_FORKED;
    eddy_sw_signals_forked();
    eddy_sw_watchdogs_forked();
    for (int i = 0; i < EDDY_SW_LOOP_LIMIT; i++) {
        uint64_t word = __atomic_load_n(&eddy_sw_loop_words[i], __ATOMIC_RELAXED);
        if ((word & EDDY_SW_LOOP_LIVE) == 0) continue;
        word = (word & ~EDDY_SW_LOOP_LIVE) | EDDY_SW_LOOP_SPENT;
        __atomic_store_n(&eddy_sw_loop_words[i], word, __ATOMIC_RELAXED);
    }
}

/* Two threads at once may both register the handler: it can run twice, while a lock could be left
 * taken in the child. */
int32_t eddy_sw_watch_fork(void) {
    static int watching;
    if (__atomic_load_n(&watching, __ATOMIC_ACQUIRE)) return 0;
    int error = pthread_atfork(NULL, NULL, after_fork_in_child);
    if (error != 0) return -error;
    __atomic_store_n(&watching, 1, __ATOMIC_RELEASE);
    return 0;
}
