/*
 * What the Swift core needs from C and assembly: the switch between stacks, what sanitizers and
 * debuggers must be told of it, one thread-local record, and the system calls and macros that
 * Embedded Swift cannot import. No policy lives here. Internal: nothing of it is exported.
 *
 * Threads: a fiber belongs to the thread that made it.
 */
#ifndef EDDY_SWITCH_H
#define EDDY_SWITCH_H

#include <stddef.h>
#include <stdint.h>

#define EDDY_SW_HIDDEN __attribute__((visibility("hidden")))

#if defined(__clang__)
/* For Swift: what is marked imports as a plain pointer. gcc knows no such word. */
#define EDDY_SW_NONNULL _Nonnull
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wnullability-extension"
#pragma clang diagnostic ignored "-Wnullability-completeness"
#else
#define EDDY_SW_NONNULL
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Fibers -------------------------------------------------------------------------------- */

/* One stack that can be switched to. sp is valid while it is suspended; it is the first field, the
 * assembly relies on that. */
typedef struct eddy_sw_fiber {
    void *sp;
    void *stack_low;      /* lowest usable byte; the guard lies below */
    size_t stack_bytes;   /* usable bytes */
    void *asan_fake;      /* ASan's fake stack while suspended */
    void *tsan;           /* TSan's fiber */
    uint32_t valgrind_id;
    uint32_t is_thread;   /* 1: the thread's own stack */
} eddy_sw_fiber;

/* Describes the calling thread's own stack, so that it can be switched back to. Its bounds are
 * known only where ASan tells them. Fibers start with the floating-point control of this moment. */
EDDY_SW_HIDDEN void eddy_sw_fiber_adopt(eddy_sw_fiber *fiber);
/* Takes a stack into use and tells the tools of it; destroy reverses that. No memory is touched. */
EDDY_SW_HIDDEN void eddy_sw_fiber_init(eddy_sw_fiber *fiber, void *low, size_t bytes);
EDDY_SW_HIDDEN void eddy_sw_fiber_destroy(eddy_sw_fiber *fiber);
/* Builds the first frame: the next switch to the fiber calls entry(argument), which must end with
 * eddy_sw_exit. skip_bytes, a multiple of 16, are left unused at the top (cache colouring). */
EDDY_SW_HIDDEN void eddy_sw_fiber_prepare(eddy_sw_fiber *fiber, size_t skip_bytes,
                                          void (*entry)(void *), void *argument);
/* The same for an entry that ends by returning the fiber to go on with, never with eddy_sw_exit.
 * That is faster, since the processor then predicts the returns of whoever goes on. */
EDDY_SW_HIDDEN void eddy_sw_fiber_prepare_returning(eddy_sw_fiber *fiber, size_t skip_bytes,
                                                    eddy_sw_fiber *(*entry)(void *),
                                                    void *argument);
/* Suspends `from`, which must be the running one, and resumes `to`. Fastest, down to the returns of
 * the callers, where `to` was suspended by the same call in the program as this one. */
EDDY_SW_HIDDEN void eddy_sw_switch(eddy_sw_fiber *from, eddy_sw_fiber *to);
/* The same, and `from` will never be resumed before it is prepared again. Does not return. */
EDDY_SW_HIDDEN void eddy_sw_exit(eddy_sw_fiber *from, eddy_sw_fiber *to);

/* ---- Stacks, for people to read -------------------------------------------------------------- */

/* The return addresses on the calling thread's stack, innermost first; how many. 0 where the C
 * library has no unwinder. The first call loads it, which is not for signal handlers: `prepare`. */
EDDY_SW_HIDDEN int32_t eddy_sw_backtrace(uintptr_t *frames, int32_t capacity);
EDDY_SW_HIDDEN void eddy_sw_backtrace_prepare(void);
/* The same of the running fiber; 0 where its stack has too little room left for that. */
EDDY_SW_HIDDEN int32_t eddy_sw_own_backtrace(const eddy_sw_fiber *fiber, uintptr_t *frames,
                                             int32_t capacity);
/* The same of a suspended fiber of this thread, by running on its stack; 0 without room. */
EDDY_SW_HIDDEN int32_t eddy_sw_fiber_backtrace(const eddy_sw_fiber *fiber, uintptr_t *frames,
                                               int32_t capacity);

/* What is loaded at an address. */
typedef struct eddy_sw_object {
    const char *path;           /* of its file, to open */
    const char *label;          /* the same for people: the last part of its name */
    uintptr_t bias;             /* what was added to the addresses in the file */
    const char *symbol;         /* the exported function around the address, or NULL */
    uintptr_t symbol_address;
    int32_t is_own;             /* 1: this library, unless it is part of the program */
} eddy_sw_object;
/* 1 if something is. */
EDDY_SW_HIDDEN int32_t eddy_sw_find_object(uintptr_t address, eddy_sw_object *ret_object);
/* A file's bytes, to read, or NULL; unmapped with eddy_sw_unmap. */
EDDY_SW_HIDDEN const void *eddy_sw_map_file(const char *path, size_t *ret_bytes);
/* A Swift function's name as people write it, cut to fit, terminated; 0 for other names, and in a
 * process without Swift's runtime. */
EDDY_SW_HIDDEN int32_t eddy_sw_demangle(const char *name, char *buffer, size_t capacity);
/* Whether a Swift function stands in an extension, so that it need not be of its type's module;
 * also if nobody can tell. */
EDDY_SW_HIDDEN int32_t eddy_sw_may_be_extension(const char *name);

/* ---- Memory -------------------------------------------------------------------------------- */

/* Reserves zeroed, lazily committed memory for stacks; NULL when there is none. */
EDDY_SW_HIDDEN void *eddy_sw_map(size_t bytes);
EDDY_SW_HIDDEN void eddy_sw_unmap(void *low, size_t bytes);
/* Makes a range fault at any access: MADV_GUARD_INSTALL where the kernel has it, else mprotect.
 * The environment's EDDY_STACK_GUARD=mprotect asks for the latter. 0, or a negative errno. */
EDDY_SW_HIDDEN int32_t eddy_sw_guard(void *low, size_t bytes);
/* 1 if eddy_sw_guard needs no mapping of its own for each range. */
EDDY_SW_HIDDEN int32_t eddy_sw_guard_is_light(void);
/* Gives the pages back to the system; they read as zero afterwards. */
EDDY_SW_HIDDEN void eddy_sw_discard(void *low, size_t bytes);
EDDY_SW_HIDDEN size_t eddy_sw_page_bytes(void);
/* Asks the processor for a suspended fiber's record and the newest frames below it, soon. */
static inline void eddy_sw_prefetch(const void *EDDY_SW_NONNULL record) {
    __builtin_prefetch(record, 1);
    __builtin_prefetch((const char *)record + 64, 1);
    for (intptr_t line = 1; line <= 6; line++) {
        __builtin_prefetch((const char *)record - 64 * line, 1);
    }
}

/* These three, eddy_sw_map and eddy_sw_guard are the library's requests for memory: each that could
 * fail is a step that a test can have fail (failing_step above). */
EDDY_SW_HIDDEN int32_t eddy_sw_refuses_memory(void);
EDDY_SW_HIDDEN void *eddy_sw_malloc(size_t bytes);
EDDY_SW_HIDDEN void *eddy_sw_realloc(void *memory, size_t bytes);
EDDY_SW_HIDDEN void eddy_sw_free(void *memory);

#ifdef EDDY_HOSTILE
/* The hostile build (make hostile) fills what is freed, and fresh memory too, and looks whether
 * what is free is still as it was filled. */
EDDY_SW_HIDDEN void eddy_sw_poison(void *EDDY_SW_NONNULL memory, size_t bytes);
EDDY_SW_HIDDEN int32_t eddy_sw_is_poisoned(const void *EDDY_SW_NONNULL memory, size_t bytes);
/* Whether the environment's EDDY_PLANT asks for this fault, for the tests of the checker: it is
 * planted once. */
EDDY_SW_HIDDEN int32_t eddy_sw_wants_fault(const char *EDDY_SW_NONNULL name);
EDDY_SW_HIDDEN void eddy_sw_fault_is_planted(void);
#endif

/* ---- Thread and process ---------------------------------------------------------------------- */

/* The state of a thread: what its calls may reach. */
#define EDDY_SW_THREAD_OPEN 0     /* `loop` says it all */
#define EDDY_SW_THREAD_GATED 1    /* a release function or a report hook runs */
#define EDDY_SW_THREAD_FORKED 2   /* the child of a fork, without a loop of its own yet */

typedef struct eddy_sw_thread {
    void *loop;      /* what calls may use; NULL while gated, forked or unbound */
    void *bound;     /* the loop bound to this thread, whatever the state; NULL after fork */
    int32_t state;
    int32_t depth;   /* of nested gates */
    /* Of the test kit; all 0 on a thread that no test uses. */
    void *test;            /* the search that runs here */
    uint64_t trace;        /* the hash of the last traced loop that was closed here */
    int64_t memory_steps;  /* requests for memory since failing_step was set */
    int64_t failing_step;  /* which of them fails; 0: none, and none is counted */
    void *watchdog;        /* of the loop, in debug mode; for watchdog.c */
} eddy_sw_thread;

extern EDDY_SW_HIDDEN __thread eddy_sw_thread eddy_sw_thread_state
    __attribute__((tls_model("initial-exec")));
static inline eddy_sw_thread *eddy_sw_this_thread(void) { return &eddy_sw_thread_state; }

/* The process's loops, by number from 1; EddyCore gives the words their meaning and reads and
 * writes them as atomics. In the child of a fork the live ones become spent, so that no handle of
 * the parent's loops is ever one of the child's. */
#define EDDY_SW_LOOP_LIVE ((uint64_t)1 << 63)
#define EDDY_SW_LOOP_SPENT (((uint64_t)1 << 28) - 1)
#define EDDY_SW_LOOP_LIMIT 256
extern EDDY_SW_HIDDEN uint64_t eddy_sw_loop_words[EDDY_SW_LOOP_LIMIT];
static inline void *EDDY_SW_NONNULL eddy_sw_loop_words_address(intptr_t number) {
    return &eddy_sw_loop_words[number];
}

/* The doors of the loops, by loop number: cache lines of words that EddyCore gives their meaning
 * and
 * reads and writes as atomics. Static, so that whoever comes late never touches a freed loop. */
#define EDDY_SW_DOOR_WORDS 8
#define EDDY_SW_DOOR_WAKERS 1
#define EDDY_SW_DOOR_BELL 2
extern EDDY_SW_HIDDEN uint64_t eddy_sw_doors[EDDY_SW_LOOP_LIMIT][EDDY_SW_DOOR_WORDS];
static inline void *EDDY_SW_NONNULL eddy_sw_remote_word(intptr_t number, intptr_t word)
{
    return &eddy_sw_doors[number][word];
}
/* Waits a moment for another thread. */
EDDY_SW_HIDDEN void eddy_sw_pause(void);
/* 1 if the calling thread is certainly the process's only one, watchdogs aside. With watchdogs
 * there may have been others, which have ended by now: what they posted is at the door. */
EDDY_SW_HIDDEN int32_t eddy_sw_is_single_threaded(void);
/* How many copies of this runtime the process has loaded: each carries an ELF note. */
EDDY_SW_HIDDEN int32_t eddy_sw_runtime_copies(void);

/* Sees to it, once a process, that the child of a fork finds its thread forked: loop and bound are
 * NULL, state is FORKED. 0 or a negative errno. */
EDDY_SW_HIDDEN int32_t eddy_sw_watch_fork(void);

/* While the main thread's loop runs a root task: SIGINT and SIGTERM, where they are at their
 * default, are kept for it, the first one of them; ring_bell(its bell) wakes it. Off the main
 * thread nothing is watched. See signals.c. */
#define EDDY_SW_SIGINT 2
#define EDDY_SW_SIGTERM 15
EDDY_SW_HIDDEN void eddy_sw_signals_watch(intptr_t loop, int (*ring_bell)(void *));
/* Whether one that comes will be this loop's. */
EDDY_SW_HIDDEN int32_t eddy_sw_signals_watched(intptr_t loop);
/* Whether one has come and was not heard. */
EDDY_SW_HIDDEN int32_t eddy_sw_signals_came(intptr_t loop);
/* The signal that came, once; 0 for none. For the watching loop's thread. */
EDDY_SW_HIDDEN int32_t eddy_sw_signals_hear(intptr_t loop);
/* The root has ended: a signal is nobody's from now on. */
EDDY_SW_HIDDEN void eddy_sw_signals_end(intptr_t loop);
/* Ends the watch. A signal that came and was not heard is raised again. */
EDDY_SW_HIDDEN void eddy_sw_signals_unwatch(intptr_t loop);
/* In the child of a fork. */
EDDY_SW_HIDDEN void eddy_sw_signals_forked(void);

/* ---- Debug mode ------------------------------------------------------------------------------ */

#define EDDY_SW_NAME 64
/* What runs between two looks at the queue. For the loop's thread. */
typedef struct eddy_sw_step {
    const char *site;
    uint64_t task;           /* its handle and number, or 0 */
    uint64_t serial;
    int64_t began;           /* CLOCK_MONOTONIC, nanoseconds */
    char name[EDDY_SW_NAME]; /* the task's, cut to fit; "" for none */
} eddy_sw_step;
static inline char *EDDY_SW_NONNULL eddy_sw_step_name(eddy_sw_step *EDDY_SW_NONNULL step) {
    return step->name;
}

#define EDDY_SW_FRAMES 48
/* What a loop in debug mode and its watchdog share: see watchdog.c. */
typedef struct eddy_sw_watch {
    int64_t running;         /* atomic: when the step that runs began, or 0 */
    int64_t asked;           /* atomic */
    eddy_sw_step step;
    eddy_sw_step seen;       /* the step whose stack has been read */
    uintptr_t frames[EDDY_SW_FRAMES];
    int32_t count;
} eddy_sw_watch;

/* NULL when memory is out. */
EDDY_SW_HIDDEN eddy_sw_watch *eddy_sw_watch_make(void);
/* Has a thread watch the calling one. report(NULL, ...) says that the stack could not be read; it
 * runs on the watchdog's thread, with the nanoseconds so far. 0 or a negative errno. */
EDDY_SW_HIDDEN int32_t eddy_sw_watchdog_start(eddy_sw_watch *watch, int64_t blocked_ns,
                                              void (*report)(eddy_sw_watch *, int64_t));
/* Ends the watchdog, if there is one, and frees what they shared. For the watched thread. */
EDDY_SW_HIDDEN void eddy_sw_watch_free(eddy_sw_watch *watch);
EDDY_SW_HIDDEN void eddy_sw_watchdogs_forked(void);
/* 1 if all other threads of the process are watchdogs, and there is one. */
EDDY_SW_HIDDEN int32_t eddy_sw_has_only_watchdogs(void);
/* Whether the environment's EDDY_DEBUG asks for debug mode. */
EDDY_SW_HIDDEN int32_t eddy_sw_wants_debug(void);
static inline const uintptr_t *EDDY_SW_NONNULL eddy_sw_watch_frames(
    const eddy_sw_watch *EDDY_SW_NONNULL watch) {
    return watch->frames;
}
/* A step begins, or with 0 has ended. */
static inline void eddy_sw_watch_set(eddy_sw_watch *EDDY_SW_NONNULL watch, int64_t began) {
    __atomic_store_n(&watch->running, began, __ATOMIC_SEQ_CST);
}

/* CLOCK_MONOTONIC, nanoseconds. */
EDDY_SW_HIDDEN int64_t eddy_sw_clock_ns(void);
/* 1 if stderr is a terminal and the environment's NO_COLOR does not ask for plain text. */
EDDY_SW_HIDDEN int32_t eddy_sw_stderr_has_colours(void);
/* Writes text to stderr, whole, whatever write() says in between. */
EDDY_SW_HIDDEN void eddy_sw_write_stderr(const char *text, size_t length);
/* The one deliberate end of the process: "eddy: TEXT" on stderr, then abort(). */
EDDY_SW_HIDDEN void eddy_sw_abort(const char *text) __attribute__((noreturn));
/* Sets the bit of each open descriptor below count * 64; 0 if that cannot be told. */
EDDY_SW_HIDDEN int32_t eddy_sw_open_descriptors(uint64_t *bits, intptr_t count);
/* What a descriptor is, such as "pipe:[17]" or a path; "" if that cannot be told. */
EDDY_SW_HIDDEN void eddy_sw_describe_descriptor(int32_t number, char *text, intptr_t capacity);
/* "ENOENT" and "No such file or directory" for an errno, NULL for none. Static text. */
EDDY_SW_HIDDEN const char *eddy_sw_errno_name(int32_t error);
EDDY_SW_HIDDEN const char *eddy_sw_errno_text(int32_t error);

#ifdef __cplusplus
}
#endif

#if defined(__clang__)
#pragma clang diagnostic pop
#endif

#endif
