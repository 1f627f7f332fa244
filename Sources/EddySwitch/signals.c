/*
 * The watch for SIGINT and SIGTERM: their handler, and what it tells the loop that runs a root
 * task.
 *
 * Owns one word for the process, and what was installed. The word: a phase, the number of the
 * loop, and the signal that came.
 *   nobody  -watch->    watched    the main thread, whose loop it is
 *   watched -signal->   came       the handler, any thread; this one rings the loop's bell
 *   came    -hear->     heard      the loop
 *   watched -end->      heard      the loop: the root has ended
 *   came    -end->      heard      the same; the root has not seen it
 *   any     -unwatch->  nobody     the loop
 * A signal that does not find `watched` is not ours to delay: the default comes back, and it is
 * raised again.
 * Invariants:
 * 1. The handler calls nothing but what may be called in one, and takes no lock.
 * 2. Who rings is counted among the door's wakers from before the word changes, as a push is (see
 *    EddyCore/Loop/RemoteQueue.swift): a loop that closes waits for that.
 * 3. Only a default is replaced, and it is put back where nobody has replaced ours meanwhile.
 * Threads: the handler any; all else the main one.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "eddy_switch.h"

enum { NOBODY, WATCHED, CAME, HEARD };
#define WORD(phase, loop, number) ((uint32_t)((phase) | (loop) << 8 | (number) << 20))
#define PHASE(word) ((word) & 0xff)
#define LOOP(word) ((word) >> 8 & 0xfff)
#define NUMBER(word) ((int32_t)((word) >> 20))

_Static_assert(EDDY_SW_SIGINT == SIGINT && EDDY_SW_SIGTERM == SIGTERM, "numbers of signals");
static const int numbers[] = {SIGINT, SIGTERM};
#define COUNT ((int)(sizeof numbers / sizeof numbers[0]))
static struct sigaction previous[COUNT];
static uint32_t installed;

static uint32_t word;
static int (*ring)(void *);

static int tell(int number) {
    uint32_t seen = __atomic_load_n(&word, __ATOMIC_SEQ_CST);
    if (PHASE(seen) != WATCHED) return 0;
    uint64_t *door = eddy_sw_doors[LOOP(seen)];
    __atomic_add_fetch(&door[EDDY_SW_DOOR_WAKERS], 1, __ATOMIC_SEQ_CST);
    int is_first = __atomic_compare_exchange_n(&word, &seen,
        WORD(CAME, LOOP(seen), (uint32_t)number), 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    if (is_first) {
        uint64_t bell = __atomic_load_n(&door[EDDY_SW_DOOR_BELL], __ATOMIC_ACQUIRE);
        ring((void *)(uintptr_t)bell);
    }
    __atomic_sub_fetch(&door[EDDY_SW_DOOR_WAKERS], 1, __ATOMIC_SEQ_CST);
    return is_first;
}

static void on_signal(int number) {
    int saved = errno;
    if (!tell(number)) {
        struct sigaction plain = {.sa_handler = SIG_DFL};
        sigaction(number, &plain, NULL);
        raise(number);      /* it is delivered when this handler has returned */
    }
    errno = saved;
}

void eddy_sw_signals_watch(intptr_t loop, int (*ring_bell)(void *)) {
    if (gettid() != getpid()) return;
    struct sigaction ours = {.sa_handler = on_signal, .sa_flags = SA_RESTART | SA_ONSTACK};
    for (int i = 0; i < COUNT; i++) sigaddset(&ours.sa_mask, numbers[i]);
    ring = ring_bell;
    __atomic_store_n(&word, WORD(WATCHED, (uint32_t)loop, 0), __ATOMIC_SEQ_CST);
    for (int i = 0; i < COUNT; i++) {
        if (sigaction(numbers[i], NULL, &previous[i]) != 0) continue;
        if (previous[i].sa_handler != SIG_DFL) continue;
        if (sigaction(numbers[i], &ours, NULL) == 0) installed |= 1u << i;
    }
}

/* A handler that the program has put in place of ours tells us nothing. */
static int is_ours(int i) {
    struct sigaction now;
    return (installed & 1u << i) != 0 && sigaction(numbers[i], NULL, &now) == 0 &&
        now.sa_handler == on_signal;
}

int32_t eddy_sw_signals_watched(intptr_t loop) {
    uint32_t seen = __atomic_load_n(&word, __ATOMIC_SEQ_CST);
    int32_t count = 0;
    if (PHASE(seen) != WATCHED || LOOP(seen) != (uint32_t)loop) return 0;
    for (int i = 0; i < COUNT; i++) count += is_ours(i);
    return count;
}

int32_t eddy_sw_signals_came(intptr_t loop) {
    uint32_t seen = __atomic_load_n(&word, __ATOMIC_SEQ_CST);
    return PHASE(seen) == CAME && LOOP(seen) == (uint32_t)loop;
}

int32_t eddy_sw_signals_hear(intptr_t loop) {
    if (!eddy_sw_signals_came(loop)) return 0;
    uint32_t seen = __atomic_load_n(&word, __ATOMIC_SEQ_CST);
    __atomic_store_n(&word, WORD(HEARD, LOOP(seen), 0), __ATOMIC_SEQ_CST);
    return NUMBER(seen);
}

void eddy_sw_signals_end(intptr_t loop) {
    uint32_t seen = __atomic_load_n(&word, __ATOMIC_SEQ_CST);
    if (PHASE(seen) == NOBODY || LOOP(seen) != (uint32_t)loop) return;
    __atomic_store_n(&word, WORD(HEARD, LOOP(seen), 0), __ATOMIC_SEQ_CST);
}

static void put_back(void) {
    for (int i = 0; i < COUNT; i++)
        if (is_ours(i)) sigaction(numbers[i], &previous[i], NULL);
    installed = 0;
}

void eddy_sw_signals_unwatch(intptr_t loop) {
    uint32_t seen = __atomic_load_n(&word, __ATOMIC_SEQ_CST);
    if (PHASE(seen) == NOBODY || LOOP(seen) != (uint32_t)loop) return;
    put_back();
    seen = __atomic_exchange_n(&word, WORD(NOBODY, 0, 0), __ATOMIC_SEQ_CST);
    /* It came as the run ended without its root's end: nobody will hear it. */
    if (PHASE(seen) == CAME) raise(NUMBER(seen));
}

void eddy_sw_signals_forked(void) {
    if (__atomic_exchange_n(&word, WORD(NOBODY, 0, 0), __ATOMIC_SEQ_CST) != 0) put_back();
}
