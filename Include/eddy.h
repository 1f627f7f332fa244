/*
 * eddy.h: tasks that can wait, be cancelled, time out and be grouped, for C and every language
 * that can call C.
 *
 * SPDX-License-Identifier: MIT
 *
 * This file is reference and law at once: each sentence in it can be tested. The first pages hold
 * the rules that every function shares; a function's own comment says only what is its own, in one
 * order: purpose, parameters with units, ownership, returns, "Suspends:", "Cancel point:" with its
 * class of wait, "Thread:" (any, loop or task), "Since:".
 *
 * Loops and threads. A loop and its tasks live on one thread; a thread has at most one loop.
 * "Thread: loop" is the thread that created the loop, "Thread: task" is the same thread inside a
 * task, "Thread: any" is free. A call with a handle of another thread's loop gives
 * EDDY_EWRONGTHREAD. In a child after fork every call gives EDDY_EFORKED until the child has
 * created its own loop; the parent's loop is dead there.
 *
 * Handles are values. They are checked at each use: a stale handle or one of another kind gives
 * EDDY_EBADHANDLE, never a crash. {0} is the null handle; releasing it is harmless.
 *
 * References. A non-null ret_task, ret_future or ret_error that is said to receive a reference
 * gets one, ended by the matching _release. Join and wait consume nothing. The loop owns live
 * tasks: releasing a handle never stops one. What remains at loop close is reported, then freed.
 *
 * Out-parameters are named ret_*, may be NULL where that is said, and are written only on success.
 *
 * Options and outputs are structs that begin with their size in bytes; start from the *_INIT
 * initialiser. In options 0 means default and EDDY_NONE (-1) none. A size below 4 is EDDY_EINVAL;
 * a shorter struct leaves the rest at its default; a longer one whose tail is not zero is
 * EDDY_E2BIG. Unknown flags are EDDY_EINVAL.
 *
 * Durations are int64_t nanoseconds. Deadlines saturate; EDDY_FOREVER never comes. Wakes have the
 * system poll's granularity of 1 ms and are never early.
 *
 * Cancellation belongs to scopes and is a level: inside a cancelled scope every cancel point fails
 * with EDDY_ECANCELED before any effect, until the scope is left, unless a shield stands between.
 * A cancel point that fails still yields. After 1000 failures in one scope the task is reported
 * once, and each later one pauses it for 1 ms of the loop's clock.
 *   detachable   on cancellation the wait ends at once, and the target is left alone
 *   owning       the request is passed on to the target, and the wait ends when the target has
 *   unbreakable  the cancellation is remembered and seen at the next cancel point
 *
 * What a switch between tasks keeps: callee-saved registers and floating-point control; not errno
 * and not the signal mask. C++ exceptions, longjmp and pthread_exit must not cross a task function.
 * Overflowing a task's stack is SIGSEGV in its guard.
 *
 * Release functions, the report hook and stack allocators run with the library closed: inside them
 * only _release functions and those of "Thread: any" work, all others return EDDY_EBUSY. In the
 * report hook eddy_var_get works too: it reads the context of the task or callback concerned.
 */
#ifndef EDDY_H
#define EDDY_H

#include <stddef.h>
#include <stdint.h>

#define EDDY_VERSION_MAJOR 0
#define EDDY_VERSION_MINOR 4
#define EDDY_VERSION_PATCH 0
/* One number that grows with each version: major * 1000000 + minor * 1000 + patch. */
#define EDDY_VERSION_NUMBER                                                                       \
    ((int32_t)(EDDY_VERSION_MAJOR * 1000000 + EDDY_VERSION_MINOR * 1000 + EDDY_VERSION_PATCH))

#if defined(__GNUC__) || defined(__clang__)
#define EDDY_API __attribute__((visibility("default")))
#define EDDY_PRINTF(format_index, first) __attribute__((format(printf, format_index, first)))
#else
#define EDDY_API
#define EDDY_PRINTF(format_index, first)
#endif

#if defined(__clang__)
#define EDDY_NULLABLE _Nullable
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wnullability-extension"
#pragma clang assume_nonnull begin
#else
#define EDDY_NULLABLE
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------------------------------
 * Statuses
 *
 * 0 is success, never positive. Failures of the system keep their negative errno (-9 is EBADF);
 * Eddy's own are -5000 and below. EDDY_ECANCELED and EDDY_ETIMEDOUT are Eddy's, since the system
 * has codes of the same names and neither may be mistaken for a scope's decision.
 */
typedef int32_t eddy_status_t;

#define EDDY_OK ((eddy_status_t)0)                    /* success */

#define EDDY_EPERM ((eddy_status_t)-1)                /* not the caller's to do */
#define EDDY_E2BIG ((eddy_status_t)-7)                /* options longer than the library knows */
#define EDDY_ENOMEM ((eddy_status_t)-12)              /* out of memory, stacks, slots or mappings */
#define EDDY_EBUSY ((eddy_status_t)-16)               /* in use, or not allowed just now */
#define EDDY_EINVAL ((eddy_status_t)-22)              /* a parameter is out of its range */

#define EDDY_ECANCELED ((eddy_status_t)-5001)         /* a scope around the caller is cancelled */
#define EDDY_ETIMEDOUT ((eddy_status_t)-5002)         /* a scope's own deadline has passed */
#define EDDY_EGROUP ((eddy_status_t)-5003)            /* a group failed; see its children */
#define EDDY_ETARGETCANCELED ((eddy_status_t)-5004)   /* what was waited for ended cancelled */
#define EDDY_EFOREIGNCANCEL ((eddy_status_t)-5005)    /* a cancel out of no cancelled scope */
#define EDDY_EGRACE ((eddy_status_t)-5006)            /* something did not end within its grace */
#define EDDY_ESCOPELEAK ((eddy_status_t)-5007)        /* a scope was left open; repaired */
#define EDDY_EBADHANDLE ((eddy_status_t)-5008)        /* null, stale or wrong-kind handle */
#define EDDY_EWRONGTHREAD ((eddy_status_t)-5009)      /* another thread's loop, or none here */
#define EDDY_ENOTTASK ((eddy_status_t)-5010)          /* only a task on its own stack can do this */
#define EDDY_EPENDING ((eddy_status_t)-5011)          /* not done yet */
#define EDDY_EALREADY ((eddy_status_t)-5012)          /* done before */
#define EDDY_ETAKEN ((eddy_status_t)-5013)            /* the value was moved out */
#define EDDY_ECLOSED ((eddy_status_t)-5014)           /* the target accepts no more */
#define EDDY_EBROKEN ((eddy_status_t)-5015)           /* the owner ended without handing on */
#define EDDY_EDEADLK ((eddy_status_t)-5016)           /* this wait could never end */
#define EDDY_EFORKED ((eddy_status_t)-5017)           /* the loop belongs to the parent process */
#define EDDY_EVERSION ((eddy_status_t)-5018)          /* the header is newer than the library */
#define EDDY_EFOREIGN ((eddy_status_t)-5019)          /* a foreign runtime's own error */
#define EDDY_EEND ((eddy_status_t)-5020)              /* there is no more */
#define EDDY_ESTOPPED ((eddy_status_t)-5021)          /* the loop was stopped first */
#define EDDY_EINTERRUPT ((eddy_status_t)-5022)        /* a signal asked the program to end */

/*
 * The name of a status, such as "EDDY_ECANCELED" or "EBADF"; "UNKNOWN" for no status.
 * Ownership: static text. Suspends: no. Cancel point: no. Thread: any. Since: 0.1
 */
EDDY_API const char *eddy_status_name(eddy_status_t status);

/*
 * What a status means, in English, as one phrase.
 * Ownership: static text. Suspends: no. Cancel point: no. Thread: any. Since: 0.1
 */
EDDY_API const char *eddy_status_text(eddy_status_t status);

/*
 * The version of the library that runs, as EDDY_VERSION_NUMBER counts it.
 * Suspends: no. Cancel point: no. Thread: any. Since: 0.1
 */
EDDY_API int32_t eddy_version_number(void);

/*
 * Whether the library that runs has a feature: 1 or 0.
 * name: "virtual-clock", "seeded-order", "foreign-tasks", "guard-install" (stack guards that use no
 * mapping each), "test-kit", "hostile" (the build for tests: small budgets, checks in each round,
 * an abort for a broken invariant or a scope left open). An unknown name or NULL gives 0.
 * Suspends: no. Cancel point: no. Thread: any. Since: 0.1
 */
EDDY_API int32_t eddy_has_feature(const char *EDDY_NULLABLE name);

/* ------------------------------------------------------------------------------------------------
 * Durations, nanoseconds
 */
#define EDDY_SECONDS(x) ((int64_t)((x) * 1000000000LL))
#define EDDY_MILLISECONDS(x) ((int64_t)((x) * 1000000LL))
#define EDDY_MICROSECONDS(x) ((int64_t)((x) * 1000LL))
#define EDDY_NANOSECONDS(x) ((int64_t)(x))
/* A duration that does not end. */
#define EDDY_FOREVER ((int64_t)0x7fffffffffffffffLL)
/* In options: none, where 0 would mean the default. */
#define EDDY_NONE ((int64_t)-1)

/* ------------------------------------------------------------------------------------------------
 * Handles, functions and sites
 */
typedef struct eddy_loop { uint64_t id; } eddy_loop_t;
typedef struct eddy_task { uint64_t id; } eddy_task_t;
typedef struct eddy_future { uint64_t id; } eddy_future_t;
typedef struct eddy_scope { uint64_t id; } eddy_scope_t;
typedef struct eddy_error { uint64_t id; } eddy_error_t;
typedef struct eddy_context { uint64_t id; } eddy_context_t;
typedef struct eddy_token { uint64_t id; } eddy_token_t;
typedef struct eddy_completions { uint64_t id; } eddy_completions_t;
typedef struct eddy_callback { uint64_t id; } eddy_callback_t;

/* What a task runs, and what eddy_call, eddy_with_timeout, eddy_context_run and eddy_defer run. A
 * positive status, which no function of Eddy gives, is reported and taken as EDDY_EINVAL. */
typedef eddy_status_t (*eddy_task_fn)(void *EDDY_NULLABLE context);
/* Frees a value or a context. It is called exactly once, in every outcome. */
typedef void (*eddy_release_fn)(void *EDDY_NULLABLE value);
/* Called in a later round of the loop, outside any task, when a future is done. A failure that it
 * returns goes to the report hook. */
typedef eddy_status_t (*eddy_done_fn)(void *EDDY_NULLABLE context, eddy_future_t future);

/* Where something was created, as "file:line". The macros below fill it in; bindings pass their own
 * static text, or NULL, to the functions whose names end in _at. */
#define EDDY_SITE_TEXT_(line) #line
#define EDDY_SITE_JOIN_(file, line) file ":" EDDY_SITE_TEXT_(line)
#define EDDY_SITE EDDY_SITE_JOIN_(__FILE__, __LINE__)

/* ------------------------------------------------------------------------------------------------
 * Early returns
 *
 * EDDY_TRY returns a failure to the caller: for code that has no scope of its own open.
 * EDDY_TRY_IN returns what closing the scope with the failure gives, which is EDDY_OK where the
 * scope absorbed its own cancellation; use it where that close is the function's last act.
 * EDDY_TRY_IN2 does so for two scopes, the inner first. EDDY_TRY_GOTO stores the failure and jumps
 * to the close.
 */
#define EDDY_TRY(expr)                                                                            \
    do {                                                                                          \
        const eddy_status_t eddy_try_status_ = (expr);                                            \
        if (eddy_try_status_ != EDDY_OK) return eddy_try_status_;                                 \
    } while (0)
#define EDDY_TRY_IN(scope, expr)                                                                  \
    do {                                                                                          \
        const eddy_status_t eddy_try_status_ = (expr);                                            \
        if (eddy_try_status_ != EDDY_OK) return eddy_scope_close((scope), eddy_try_status_);      \
    } while (0)
#define EDDY_TRY_IN2(inner, outer, expr)                                                          \
    do {                                                                                          \
        const eddy_status_t eddy_try_status_ = (expr);                                            \
        if (eddy_try_status_ != EDDY_OK)                                                          \
            return eddy_scope_close((outer), eddy_scope_close((inner), eddy_try_status_));        \
    } while (0)
#define EDDY_TRY_GOTO(label, status, expr)                                                        \
    do {                                                                                          \
        const eddy_status_t eddy_try_status_ = (expr);                                            \
        if (eddy_try_status_ != EDDY_OK) {                                                        \
            (status) = eddy_try_status_;                                                          \
            goto label;                                                                           \
        }                                                                                         \
    } while (0)

/* ------------------------------------------------------------------------------------------------
 * Loops
 */

/* Something that went wrong and that no code was there to receive. Borrowed by the hook. */
typedef struct eddy_report {
    uint32_t size;
    eddy_status_t status;                  /* what kind of trouble */
    const char *text;                      /* one line or several, English */
    eddy_task_t task;                      /* whom it concerns, or null; compare, do not call */
    const char *EDDY_NULLABLE site;        /* where that was created, or NULL */
} eddy_report_t;
/* The report hook. It runs in the context of the task or callback concerned; a failed task keeps
 * its context for that until it is freed. A failure that the hook returns is printed on stderr, and
 * with it the report. Until 0.4 it returned nothing. */
typedef eddy_status_t (*eddy_report_fn)(void *EDDY_NULLABLE context, const eddy_report_t *report);

/* Gives stacks in place of the library's own pool, which has guards; this one must see to that. */
typedef struct eddy_stack_allocator {
    uint32_t size;
    uint32_t reserved;                     /* 0 */
    /* Returns the low end of `bytes` writable bytes, aligned to 16, or NULL when there are none. */
    void *EDDY_NULLABLE (*EDDY_NULLABLE allocate)(void *EDDY_NULLABLE context, size_t bytes);
    void (*EDDY_NULLABLE deallocate)(void *EDDY_NULLABLE context, void *low, size_t bytes);
    void *EDDY_NULLABLE context;
} eddy_stack_allocator_t;

/* The loop's clock stands still while anything can run, and jumps to the next deadline when nothing
 * can: a test that sleeps for an hour takes no time, and the same time on every run. */
#define EDDY_LOOP_VIRTUAL_CLOCK ((uint32_t)1)
/* What is ready in one round runs in an order drawn from `seed`, not first in, first out: callbacks
 * and deadlines first, in their order, then the tasks. The same seed gives the same order. */
#define EDDY_LOOP_SEEDED_ORDER ((uint32_t)2)

typedef struct eddy_loop_options {
    uint32_t size;
    uint32_t flags;                        /* EDDY_LOOP_*, or 0 */
    uint64_t seed;                         /* for EDDY_LOOP_SEEDED_ORDER */
    int64_t grace_ns;                      /* for cleanup; 0: 5 s; EDDY_NONE: no limit */
    int64_t stack_bytes;                   /* of each task; 0: 256 KiB; at least 64 KiB */
    eddy_report_fn EDDY_NULLABLE report;   /* NULL: text on stderr */
    void *EDDY_NULLABLE report_context;    /* given to it */
    const eddy_stack_allocator_t *EDDY_NULLABLE stacks;   /* NULL: the guarded pool; copied */
    uint32_t first_generation;             /* of new slots, for tests of exhausted ones; 0: 1 */
    uint32_t reserved;                     /* 0 */
    int64_t slow_ns;                       /* debug mode: a slow step; 0: 100 ms */
    int64_t blocked_ns;                    /* debug mode: a blocked loop; 0: 1 s; EDDY_NONE: none */
} eddy_loop_options_t;
#define EDDY_LOOP_OPTIONS_INIT                                                                    \
    { (uint32_t)sizeof(eddy_loop_options_t), 0, 0, 0, 0, NULL, NULL, NULL, 0, 0, 0, 0 }

/*
 * Debug mode. EDDY_LOOP_DEBUG turns it on, EDDY_LOOP_NO_DEBUG off (both: EDDY_EINVAL); with neither
 * the environment decides: the variable named EDDY_DEBUG, unless it is empty or "0", turns it on.
 * Times are those of CLOCK_MONOTONIC here, also with the virtual clock.
 *   slow     A step (a task between two waits, or a callback) of slow_ns or more is reported when
 *            it has ended: EDDY_EBUSY, the task's name or the callback's site, and the seconds.
 *            A task's step in the call that spawns it (EDDY_SPAWN_EAGER) is part of the caller's.
 *   blocked  While a step goes on for blocked_ns or more, a thread of the library, the watchdog,
 *            writes who it is and the thread's stack to stderr, once; not the hook, which is for
 *            the loop's thread. The report of the slow step, when it has ended, has that stack too.
 * The watchdog reads the stack with SIGURG, sent to the loop's thread; a handler for others' is
 * called as before, and its disposition is put back when the last watchdog ends, with its loop.
 * That takes 16 KiB of the step's stack, and system calls that SA_RESTART does not cover end with
 * EINTR. A task's name is cut to 63 bytes.
 */
#define EDDY_LOOP_DEBUG ((uint32_t)16)
#define EDDY_LOOP_NO_DEBUG ((uint32_t)32)

/*
 * Signals. While a loop of the main thread runs a root task (eddy_main, eddy_run, eddy_loop_run,
 * eddy_loop_run_with), SIGINT and SIGTERM are handled, each where its disposition is the default.
 * The first one cancels the root task, with the reason EDDY_REASON_INTERRUPT or
 * EDDY_REASON_TERMINATE. One more of either, or the first one when the root has ended, puts the
 * default back and is raised again: it ends the process, also where a task blocks the thread. The
 * default is back when the run has ended. In the child of a fork it is back at once.
 * EDDY_LOOP_NO_SIGNALS leaves both alone; an attached loop and run_until and run_forever always do.
 */
#define EDDY_LOOP_NO_SIGNALS ((uint32_t)64)

/*
 * Runs a task function on a new loop of this thread, closes the loop and returns the function's
 * status. When the root task has ended, eddy_loop_shutdown ends all others first.
 * options may be NULL. context is passed to fn and must outlive it.
 * Returns fn's status, or EDDY_EINVAL (fn is NULL), EDDY_E2BIG, EDDY_ENOMEM, EDDY_EBUSY (this
 * thread has a loop, or the process has a second copy of this runtime), EDDY_EVERSION (this header
 * is newer than the library), EDDY_EDEADLK (every
 * task waited for something that cannot happen: the root was cancelled for that, and ended so),
 * EDDY_EINTERRUPT (the root ended cancelled, and a signal was its first reason; the error's message
 * begins with SIGINT or SIGTERM), EDDY_ESTOPPED (eddy_loop_stop), EDDY_EGRACE (tasks were left that
 * did not end within the loop's grace; named in a report; their memory is abandoned).
 * Suspends: no. Cancel point: no. Thread: any without a loop. Since: 0.1
 */
#define eddy_run(options, fn, context)                                                            \
    eddy_run_versioned(EDDY_VERSION_NUMBER, (options), (fn), (context))
EDDY_API eddy_status_t eddy_run_versioned(int32_t version,
    const eddy_loop_options_t *EDDY_NULLABLE options, eddy_task_fn EDDY_NULLABLE fn,
    void *EDDY_NULLABLE context);

/*
 * eddy_run for main: a failure is printed to stderr as a tree of errors, but not EDDY_EINTERRUPT.
 * Returns the process's exit status: 0 if fn gave EDDY_OK, 130 and 143 (128 + the signal) for
 * EDDY_EINTERRUPT by SIGINT and SIGTERM, else 1.
 * Suspends: no. Cancel point: no. Thread: any without a loop. Since: 0.1
 */
#define eddy_main(fn, context) eddy_main_versioned(EDDY_VERSION_NUMBER, (fn), (context))
EDDY_API int eddy_main_versioned(int32_t version, eddy_task_fn EDDY_NULLABLE fn,
    void *EDDY_NULLABLE context);

/*
 * Makes a loop and binds it to this thread. Tasks may be spawned at once; they run in
 * eddy_loop_run.
 * Ownership: the loop ends at eddy_loop_close. options may be NULL.
 * Returns EDDY_EINVAL, EDDY_E2BIG, EDDY_ENOMEM (also: 255 loops live), EDDY_EBUSY (this thread has
 * a loop), EDDY_EVERSION.
 * Suspends: no. Cancel point: no. Thread: any without a loop. Since: 0.1
 */
#define eddy_loop_create(options, ret_loop)                                                       \
    eddy_loop_create_versioned(EDDY_VERSION_NUMBER, (options), (ret_loop))
EDDY_API eddy_status_t eddy_loop_create_versioned(int32_t version,
    const eddy_loop_options_t *EDDY_NULLABLE options, eddy_loop_t *EDDY_NULLABLE ret_loop);

/*
 * Runs fn as a root task until it has ended. It runs in the loop's own context, so what it sets is
 * there in the next run; other tasks keep their state between two runs too.
 * ret_value may be NULL; the value is borrowed until the next run or the close. A failure's error
 * is read with eddy_error_current.
 * Returns fn's status; EDDY_EINVAL, EDDY_EBADHANDLE, EDDY_EWRONGTHREAD, EDDY_ENOMEM, EDDY_EBUSY (it
 * runs already), EDDY_ECLOSED (eddy_loop_shutdown was called), EDDY_EDEADLK and EDDY_EINTERRUPT as
 * eddy_run, EDDY_ESTOPPED (eddy_loop_stop; the root is then a task like any other), EDDY_EGRACE
 * (deadlocked, and it did not end when cancelled).
 * Suspends: no. Cancel point: no. Thread: loop, outside its tasks and callbacks. Since: 0.1
 */
EDDY_API eddy_status_t eddy_loop_run(eddy_loop_t loop, eddy_task_fn EDDY_NULLABLE fn,
    void *EDDY_NULLABLE context, void *EDDY_NULLABLE *EDDY_NULLABLE ret_value);

/*
 * Runs the loop until a future or a task of it is done; one that is done already is read at once.
 * It is only observed: nothing cancels it, and it can be run for again.
 * Ownership: as eddy_future_wait; ret_value may be NULL.
 * Returns what eddy_future_result then gives; EDDY_ESTOPPED (eddy_loop_stop came first),
 * EDDY_EDEADLK (nothing can ever run again); in both cases it is pending still. Or EDDY_EBADHANDLE,
 * EDDY_EWRONGTHREAD, EDDY_EBUSY, EDDY_EPERM, EDDY_ECLOSED as eddy_loop_run.
 * Suspends: no. Cancel point: no. Thread: loop, outside its tasks and callbacks. Since: 0.4
 */
EDDY_API eddy_status_t eddy_loop_run_until(eddy_loop_t loop, eddy_future_t future,
    void *EDDY_NULLABLE *EDDY_NULLABLE ret_value);

/*
 * Runs the loop until eddy_loop_stop, whatever tasks there are. With none it waits for the door.
 * Returns EDDY_OK when stopped; EDDY_EDEADLK (nothing can ever run again, and this thread is the
 * only one); EDDY_EBADHANDLE, EDDY_EWRONGTHREAD, EDDY_EBUSY, EDDY_EPERM, EDDY_ECLOSED as
 * eddy_loop_run.
 * Suspends: no. Cancel point: no. Thread: loop, outside its tasks and callbacks. Since: 0.4
 */
EDDY_API eddy_status_t eddy_loop_run_forever(eddy_loop_t loop);

/*
 * Ends the run of a loop: the round that runs ends, and what it made ready waits for the next run.
 * Before a run it makes that one round long: what is ready then, and what a poll that does not wait
 * adds. It cancels nothing. From another thread: post a call of it (eddy_post_threadsafe).
 * Returns EDDY_OK, also when asked before; EDDY_EPERM (an attached loop), EDDY_ECLOSED (it is
 * shutting down), EDDY_EBADHANDLE, EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.4
 */
EDDY_API eddy_status_t eddy_loop_stop(eddy_loop_t loop);

/*
 * Cancels the loop's scope, and with it every task, and runs until all have ended. Later spawns
 * give EDDY_ECLOSED; callbacks run. It lasts as long as the loop's grace, on the loop's clock, at
 * most, and then while shields and defers have some of their own left. On the virtual clock other
 * threads and descriptors are waited for that long in real time. A failure that nobody reads is
 * reported as one of the shutdown.
 * Returns EDDY_EBADHANDLE, EDDY_EWRONGTHREAD, EDDY_EBUSY (the loop runs), EDDY_EGRACE (tasks are
 * left that did not end within the grace, or that nothing can wake; each is named in a report. It
 * can be called again, or the loop left with eddy_loop_detach).
 * Suspends: no. Cancel point: no. Thread: loop, outside its tasks and callbacks. Since: 0.1
 */
EDDY_API eddy_status_t eddy_loop_shutdown(eddy_loop_t loop);

/*
 * Frees a loop and unbinds it from its thread. Handles that still hold references are reported,
 * then freed with their values.
 * Returns EDDY_EBADHANDLE (also: closed before), EDDY_EWRONGTHREAD, EDDY_EBUSY (it runs, or tasks
 * are live: shut down first; a suspended stack is never freed).
 * Suspends: no. Cancel point: no. Thread: loop, outside its tasks and callbacks. Since: 0.1
 */
EDDY_API eddy_status_t eddy_loop_close(eddy_loop_t loop);

/*
 * Sets a loop's report hook. fn: NULL for text on stderr. context: passed to fn; it must outlive
 * the loop, or the next call of this.
 * Returns EDDY_EBADHANDLE, EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.4
 */
EDDY_API eddy_status_t eddy_loop_set_report(eddy_loop_t loop, eddy_report_fn EDDY_NULLABLE fn,
    void *EDDY_NULLABLE context);

/*
 * A loop's report hook. ret_fn receives NULL where it is text on stderr; ret_context may be NULL.
 * Returns EDDY_EINVAL (ret_fn is NULL), EDDY_EBADHANDLE, EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.4
 */
EDDY_API eddy_status_t eddy_loop_report(eddy_loop_t loop,
    eddy_report_fn EDDY_NULLABLE *EDDY_NULLABLE ret_fn,
    void *EDDY_NULLABLE *EDDY_NULLABLE ret_context);

/*
 * Reports something on this thread's loop, for code that nobody can receive a failure from. The
 * report concerns the current task, if any, and has the current error with it if that has this
 * status. status: a failure or 0. text: copied; NULL: what the status means.
 * Returns EDDY_OK, EDDY_EINVAL (status is positive), EDDY_EWRONGTHREAD (no loop here).
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.4
 */
#define eddy_report_text(status, text) eddy_report_text_at(EDDY_SITE, (status), (text))
EDDY_API eddy_status_t eddy_report_text_at(const char *EDDY_NULLABLE site, eddy_status_t status,
    const char *EDDY_NULLABLE text);

/*
 * The loop of this thread.
 * Returns EDDY_EINVAL, EDDY_EWRONGTHREAD (this thread has none), EDDY_EFORKED.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.1
 */
EDDY_API eddy_status_t eddy_loop_current(eddy_loop_t *EDDY_NULLABLE ret_loop);

/*
 * Whether a loop is in debug mode: 1 or 0, also for a handle that is not this thread's loop.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.4
 */
EDDY_API int32_t eddy_loop_is_debug(eddy_loop_t loop);

/*
 * The loop's clock now, nanoseconds from an arbitrary start; the virtual clock starts at 0.
 * Returns EDDY_EINVAL, EDDY_EWRONGTHREAD (this thread has no loop), EDDY_EFORKED.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.1
 */
EDDY_API eddy_status_t eddy_now(int64_t *EDDY_NULLABLE ret_ns);

/* ------------------------------------------------------------------------------------------------
 * Tasks
 */
/* Since 0.3: the first step runs inside the call that spawns, up to the first wait or the end; a
 * task that does not wait has ended when the call returns. It is an ordinary spawn where that
 * cannot be: the loop does not run, a job of a foreign runtime is on the stack, code of a foreign
 * task is current, or 64 such steps are inside each other already. A group hears of a child that
 * failed so in a later round. */
#define EDDY_SPAWN_EAGER ((uint32_t)1)
typedef struct eddy_spawn_options {
    uint32_t size;
    uint32_t flags;                                   /* EDDY_SPAWN_*, or 0 */
    const char *EDDY_NULLABLE name;                   /* copied; NULL: "task-N" */
    int64_t stack_bytes;                              /* 0: the loop's; at least 64 KiB */
    eddy_release_fn EDDY_NULLABLE release_context;    /* called once when fn can run no more */
    eddy_context_t context;                           /* to run in; null: a copy of the current */
} eddy_spawn_options_t;
#define EDDY_SPAWN_OPTIONS_INIT                                                                   \
    { (uint32_t)sizeof(eddy_spawn_options_t), 0, NULL, 0, NULL, { 0 } }

/*
 * Starts a task below the loop's scope: no cancellation, deadline or shield of the caller reaches
 * it; the caller's local pointer is inherited. It takes its first step in a later round, after
 * those that are ready now. options may be NULL. options->context is used itself, not a copy of it:
 * tasks that share one see each other's sets.
 * Ownership: ret_task may be NULL; else it receives one reference. options->release_context is
 * called exactly once in every outcome, a refusal included.
 * Returns EDDY_EINVAL (fn is NULL, a stack below 64 KiB or above 1 GiB, unknown flags), EDDY_E2BIG,
 * EDDY_ENOMEM (memory, slots or stacks; see vm.max_map_count), EDDY_EWRONGTHREAD (no loop here),
 * EDDY_ECLOSED (the loop is shutting down), EDDY_ECANCELED (the same, and the caller is a task),
 * EDDY_EBADHANDLE (options->context).
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.1
 */
#define eddy_task_spawn(fn, context, options, ret_task)                                           \
    eddy_task_spawn_at(EDDY_SITE, (fn), (context), (options), (ret_task))
EDDY_API eddy_status_t eddy_task_spawn_at(const char *EDDY_NULLABLE site,
    eddy_task_fn EDDY_NULLABLE fn, void *EDDY_NULLABLE context,
    const eddy_spawn_options_t *EDDY_NULLABLE options, eddy_task_t *EDDY_NULLABLE ret_task);

/*
 * eddy_loop_run with a name, a stack and a context for the root, and release_context as
 * eddy_task_spawn has them. options may be NULL; EDDY_SPAWN_EAGER changes nothing here.
 * Returns as eddy_loop_run; EDDY_E2BIG; EDDY_EBADHANDLE for options->context too.
 * Suspends: no. Cancel point: no. Thread: loop, outside its tasks and callbacks. Since: 0.4
 */
EDDY_API eddy_status_t eddy_loop_run_with(eddy_loop_t loop, eddy_task_fn EDDY_NULLABLE fn,
    void *EDDY_NULLABLE context, const eddy_spawn_options_t *EDDY_NULLABLE options,
    void *EDDY_NULLABLE *EDDY_NULLABLE ret_value);

/*
 * Starts a task as a child of an open group, from any task or callback of the loop: closing the
 * group waits for it, its failure cancels the group, and the group's cancellation reaches it.
 * Ownership: that and the rest as eddy_task_spawn.
 * Returns what eddy_task_spawn gives, and EDDY_EBADHANDLE (no such group, a closed one, a scope
 * that is no group), EDDY_ECANCELED (the group is cancelled and the caller is inside it),
 * EDDY_ECLOSED (the group is cancelled and the caller is not, or all its children have ended in its
 * close).
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.1
 */
#define eddy_group_spawn(group, fn, context, options, ret_task)                                   \
    eddy_group_spawn_at(EDDY_SITE, (group), (fn), (context), (options), (ret_task))
EDDY_API eddy_status_t eddy_group_spawn_at(const char *EDDY_NULLABLE site, eddy_scope_t group,
    eddy_task_fn EDDY_NULLABLE fn, void *EDDY_NULLABLE context,
    const eddy_spawn_options_t *EDDY_NULLABLE options, eddy_task_t *EDDY_NULLABLE ret_task);

/*
 * Ends a task function that has a value: `return eddy_return(value, release);`. The pair is the
 * task's value if its function returns EDDY_OK, else, or when stored again, it is released once.
 * Inside eddy_call or eddy_with_timeout it is that call's value, kept until the scope that was
 * current at the call has closed.
 * release may be NULL. Returns EDDY_OK; outside a task the value is released and EDDY_ENOTTASK
 * returned; EDDY_ENOMEM likewise.
 * Suspends: no. Cancel point: no. Thread: task. Since: 0.1
 */
EDDY_API eddy_status_t eddy_return(void *EDDY_NULLABLE value,
    eddy_release_fn EDDY_NULLABLE release);

/*
 * Waits until a task has ended and owns it meanwhile: if the caller is cancelled, the request goes
 * to the task, and the wait still lasts until that has ended.
 * Ownership: the value is borrowed from the task while a reference to it is held; ret_value may be
 * NULL.
 * Returns the task's status: EDDY_OK with its value, its own failure with its error as the current
 * one, EDDY_ECANCELED if it ended cancelled and the caller is cancelled, EDDY_ETARGETCANCELED if it
 * ended cancelled and the caller is not, EDDY_ETAKEN (the value was taken). Or EDDY_EBADHANDLE,
 * EDDY_EWRONGTHREAD, EDDY_ENOTTASK, EDDY_EDEADLK (the caller itself, or a task the caller is
 * inside).
 * Suspends: unless the task has ended. Cancel point: yes, owning. Thread: task. Since: 0.1
 */
EDDY_API eddy_status_t eddy_task_join(eddy_task_t task,
    void *EDDY_NULLABLE *EDDY_NULLABLE ret_value);

/*
 * Asks a task to end: cancels its root scope. Before its first step it never runs.
 * message: why, copied, or NULL. The scope keeps its first reason.
 * Returns EDDY_OK, also when asked before; EDDY_EALREADY (it has ended; its failure then counts as
 * read), EDDY_EBADHANDLE, EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.1
 */
EDDY_API eddy_status_t eddy_task_cancel(eddy_task_t task, const char *EDDY_NULLABLE message);

/*
 * The task's future, for functions that take one. It is the same object: no reference is added.
 * Returns the null handle for what is not a task's handle; a stale one is found at its use.
 * Suspends: no. Cancel point: no. Thread: any. Since: 0.1
 */
EDDY_API eddy_future_t eddy_task_future(eddy_task_t task);

/*
 * The task's root scope: what eddy_task_cancel cancels, and the parent for foreign tasks inside it.
 * It cannot be closed with eddy_scope_close (EDDY_EPERM). Valid until the task has ended.
 * Returns the null handle for what is not a task's handle; a stale one is found at its use.
 * Suspends: no. Cancel point: no. Thread: any. Since: 0.1
 */
EDDY_API eddy_scope_t eddy_task_scope(eddy_task_t task);

/*
 * The running task. Ownership: no reference is added.
 * Returns EDDY_EINVAL, EDDY_ENOTTASK (outside a task), EDDY_EFORKED, EDDY_EBUSY.
 * Suspends: no. Cancel point: no. Thread: task. Since: 0.1
 */
EDDY_API eddy_status_t eddy_task_current(eddy_task_t *EDDY_NULLABLE ret_task);

/* Adds a reference. Returns EDDY_EBADHANDLE, EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.1 */
EDDY_API eddy_status_t eddy_task_retain(eddy_task_t task);

/* Ends a reference; never stops the task. Null is harmless. Returns EDDY_EBADHANDLE (also one
 * release too many), EDDY_EWRONGTHREAD. Works inside release functions.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.1 */
EDDY_API eddy_status_t eddy_task_release(eddy_task_t task);

/* One pointer of the running task, inherited by what it spawns; not owned. NULL outside a task.
 * Suspends: no. Cancel point: no. Thread: task. Since: 0.1 */
EDDY_API void *EDDY_NULLABLE eddy_task_local(void);

/* Sets that pointer for the running task and for what it spawns from now on.
 * Returns EDDY_ENOTTASK, EDDY_EFORKED, EDDY_EBUSY.
 * Suspends: no. Cancel point: no. Thread: task. Since: 0.1 */
EDDY_API eddy_status_t eddy_task_set_local(void *EDDY_NULLABLE local);

/* What a task is doing. */
#define EDDY_TASK_READY ((int32_t)1)      /* will run */
#define EDDY_TASK_RUNNING ((int32_t)2)    /* runs now, or a foreign one that has started */
#define EDDY_TASK_WAITING ((int32_t)3)    /* see wait_kind */
#define EDDY_TASK_DONE ((int32_t)4)       /* ended with EDDY_OK */
#define EDDY_TASK_FAILED ((int32_t)5)
#define EDDY_TASK_CANCELED ((int32_t)6)

/* What a task waits for, and what wait_target then is. */
#define EDDY_WAIT_NONE ((int32_t)0)
#define EDDY_WAIT_YIELD ((int32_t)1)      /* its next turn; 0 */
#define EDDY_WAIT_SLEEP ((int32_t)2)      /* a time; the deadline on the loop's clock */
#define EDDY_WAIT_FUTURE ((int32_t)3)     /* a future or task, observed; its id */
#define EDDY_WAIT_JOIN ((int32_t)4)       /* a task, owned; its id */
#define EDDY_WAIT_SCOPE ((int32_t)5)      /* the children of a scope it closes; its id */
#define EDDY_WAIT_FD ((int32_t)6)         /* a descriptor; its number */
#define EDDY_WAIT_SEVERAL ((int32_t)7)    /* a combined future; its id */

/* Why a scope was cancelled. */
#define EDDY_REASON_NONE ((int32_t)0)
#define EDDY_REASON_REQUEST ((int32_t)1)  /* eddy_task_cancel or eddy_scope_cancel */
#define EDDY_REASON_DEADLINE ((int32_t)2) /* the scope's deadline passed */
#define EDDY_REASON_CHILD ((int32_t)3)    /* a child of the group failed */
#define EDDY_REASON_BODY ((int32_t)4)     /* the scope is closing with a failure */
#define EDDY_REASON_SHUTDOWN ((int32_t)5) /* the loop is shutting down */
#define EDDY_REASON_DEADLOCK ((int32_t)6) /* nothing could ever run again */
#define EDDY_REASON_INTERRUPT ((int32_t)7) /* SIGINT; the message names it */
#define EDDY_REASON_TERMINATE ((int32_t)8) /* SIGTERM */
typedef struct eddy_reason {
    int32_t code;                         /* EDDY_REASON_* */
    int32_t reserved;
    eddy_task_t asked_by;                 /* the task that asked, or null; may be stale */
    int64_t when_ns;                      /* on the loop's clock, to the turn */
    char message[104];                    /* cut to fit, always terminated */
} eddy_reason_t;

typedef struct eddy_task_info {
    uint32_t size;
    int32_t state;                        /* EDDY_TASK_* */
    eddy_task_t parent;                   /* the task whose group it is in, or null */
    eddy_task_t spawner;                  /* the task that spawned it, or null; may be stale */
    eddy_scope_t scope;                   /* the group it is in, or null */
    uint64_t serial;                      /* counts the loop's tasks from 1 */
    int32_t wait_kind;                    /* EDDY_WAIT_* */
    int32_t cancel_requests;              /* by eddy_task_cancel, a joiner or a signal */
    uint64_t wait_target;                 /* by wait_kind */
    int64_t since_ns;                     /* when the wait began, loop's clock, to the turn */
    const char *EDDY_NULLABLE site;       /* where it was spawned, or NULL */
    eddy_reason_t reason;                 /* of the nearest cancelled scope that it sees, if any */
    char name[48];                        /* cut to fit, always terminated */
} eddy_task_info_t;

/*
 * Describes a task. Set ret_info->size to sizeof(eddy_task_info_t) first; as many bytes are
 * written.
 * Returns EDDY_EINVAL, EDDY_E2BIG, EDDY_EBADHANDLE, EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.1
 */
EDDY_API eddy_status_t eddy_task_info(eddy_task_t task, eddy_task_info_t *EDDY_NULLABLE ret_info);

/*
 * Gives a task another name. name: copied; NULL: "task-N" again, N being its serial.
 * Returns EDDY_ENOMEM (it keeps the old one), EDDY_EBADHANDLE, EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.3
 */
EDDY_API eddy_status_t eddy_task_set_name(eddy_task_t task, const char *EDDY_NULLABLE name);

/*
 * The unfinished tasks of this thread's loop, in the order in which they were spawned.
 * ret_tasks: room for capacity handles, which may be NULL if that is 0; the oldest ones are
 * written. ret_count: how many there are, which may be more. Ownership: no reference is added.
 * Returns EDDY_EINVAL (ret_count is NULL, or ret_tasks with a capacity), EDDY_EWRONGTHREAD,
 * EDDY_EFORKED. Suspends: no. Cancel point: no. Thread: loop. Since: 0.3
 */
EDDY_API eddy_status_t eddy_task_list(eddy_task_t *EDDY_NULLABLE ret_tasks, size_t capacity,
    size_t *EDDY_NULLABLE ret_count);

/* 1 if a live task is another one or inside it, so that a wait for that could never end, for
 * bindings whose waits are their own; else 0.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.3 */
EDDY_API int32_t eddy_task_is_inside(eddy_task_t task, eddy_task_t outer);

/* ------------------------------------------------------------------------------------------------
 * Waiting
 */

/*
 * Waits for a time. duration_ns of 0 or less is eddy_yield. With EDDY_FOREVER it waits for the
 * cancellation alone: while SIGINT or SIGTERM would bring it (see EDDY_LOOP_NO_SIGNALS), on the
 * real clock, that is no deadlock.
 * Returns EDDY_OK, EDDY_ECANCELED (cancelled before the time came), EDDY_ENOTTASK, EDDY_ENOMEM.
 * Suspends: yes. Cancel point: yes, detachable. Thread: task. Since: 0.1
 */
EDDY_API eddy_status_t eddy_sleep(int64_t duration_ns);

/*
 * The twin of eddy_sleep that does not wait: a future that is done, with no value, after a time.
 * Ownership: ret_future receives one reference; when the last one goes, the timer is disarmed.
 * duration_ns of 0 or less: done in the next turn; EDDY_FOREVER: while it is pending, as a task in
 * eddy_sleep.
 * Returns EDDY_EINVAL, EDDY_ENOMEM, EDDY_EWRONGTHREAD (no loop here).
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.2
 */
EDDY_API eddy_status_t eddy_sleep_start(int64_t duration_ns,
    eddy_future_t *EDDY_NULLABLE ret_future);

/*
 * Lets everything that is ready run first.
 * Returns EDDY_OK, EDDY_ECANCELED (the caller is cancelled when it runs again), EDDY_ENOTTASK.
 * Suspends: yes. Cancel point: yes, detachable. Thread: task. Since: 0.1
 */
EDDY_API eddy_status_t eddy_yield(void);

/*
 * Sees a cancellation, and lets others run if the task has done 128 operations since it last
 * waited.
 * Returns EDDY_OK, EDDY_ECANCELED, EDDY_ENOTTASK.
 * Suspends: when cancelled, or when that budget is spent. Cancel point: yes. Thread: task.
 * Since: 0.1
 */
EDDY_API eddy_status_t eddy_checkpoint(void);

/* 1 if the next cancel point of the running task would fail, else 0; 0 outside a task.
 * Suspends: no. Cancel point: no. Thread: task. Since: 0.1 */
EDDY_API int32_t eddy_cancelled(void);

#define EDDY_READABLE ((int32_t)1)
#define EDDY_WRITABLE ((int32_t)2)
#define EDDY_DISCONNECTED ((int32_t)4)   /* the peer closed its sending side */

/*
 * Waits until a descriptor is ready. It is set to O_NONBLOCK and stays so. Several tasks may wait
 * for one descriptor. Do not close a descriptor that a task waits for: cancel the task first.
 * fd: a socket, pipe, terminal or other that can be polled. events: EDDY_READABLE, EDDY_WRITABLE
 * and EDDY_DISCONNECTED, any of them. ret_events, may be NULL: which of those came; an error counts
 * as all.
 * Returns EDDY_OK, EDDY_ECANCELED, EDDY_EINVAL (no or unknown events, fd < 0), -EBADF, EDDY_EPERM
 * (a regular file), EDDY_EBUSY (something other than Eddy polls it on this uv_loop_t),
 * EDDY_ENOTTASK, EDDY_ENOMEM.
 * Suspends: yes. Cancel point: yes, detachable. Thread: task. Since: 0.1
 */
EDDY_API eddy_status_t eddy_fd_wait(int32_t fd, int32_t events, int32_t *EDDY_NULLABLE ret_events);

/* ------------------------------------------------------------------------------------------------
 * Futures: a value that comes later, once
 */

/*
 * Makes a pending future. Ownership: ret_future receives one reference.
 * Returns EDDY_EINVAL, EDDY_ENOMEM, EDDY_EWRONGTHREAD (no loop here).
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.1
 */
#define eddy_future_create(ret_future) eddy_future_create_at(EDDY_SITE, (ret_future))
EDDY_API eddy_status_t eddy_future_create_at(const char *EDDY_NULLABLE site,
    eddy_future_t *EDDY_NULLABLE ret_future);

/*
 * Gives a future its value; those who wait run in a later round, in the order in which they came.
 * Ownership: the future keeps value and calls release, which may be NULL, once. A call that fails
 * releases the value too.
 * Returns EDDY_EALREADY (it is done or cancelled), EDDY_EPERM (a task's future, or a combined one),
 * EDDY_EBADHANDLE, EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.1
 */
EDDY_API eddy_status_t eddy_future_complete(eddy_future_t future, void *EDDY_NULLABLE value,
    eddy_release_fn EDDY_NULLABLE release);

/*
 * Fails a future. status: below 0 and not EDDY_ECANCELED, which only eddy_future_cancel gives.
 * message: copied, or NULL.
 * Returns EDDY_EINVAL, EDDY_EALREADY, EDDY_EPERM (a task's future, or a combined one),
 * EDDY_EBADHANDLE, EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.1
 */
EDDY_API eddy_status_t eddy_future_fail(eddy_future_t future, eddy_status_t status,
    const char *EDDY_NULLABLE message);

/*
 * Cancels a pending future at once: those who wait get EDDY_ETARGETCANCELED. For a task's future it
 * is eddy_task_cancel; an operation that owns others (eddy_gather_start) asks them to end and ends
 * after them. message: copied, or NULL.
 * Returns EDDY_OK, EDDY_EALREADY (done before; its failure then counts as read), EDDY_EBADHANDLE,
 * EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.1
 */
EDDY_API eddy_status_t eddy_future_cancel(eddy_future_t future, const char *EDDY_NULLABLE message);

/*
 * Waits for a future, or a task's, and only observes it: if the caller is cancelled, the wait ends
 * and the future is left alone. Any number of tasks may wait.
 * Ownership: the value is borrowed from the future while a reference to it is held; ret_value may
 * be NULL.
 * Returns the future's status, as eddy_task_join does; EDDY_ECANCELED (the caller is cancelled and
 * the future pending), EDDY_ETARGETCANCELED (the future was cancelled), EDDY_ETAKEN (the value was
 * taken), EDDY_EDEADLK (a task's own future, or that of a task the caller is inside),
 * EDDY_EBADHANDLE, EDDY_EWRONGTHREAD, EDDY_ENOTTASK.
 * Suspends: unless the future is done. Cancel point: unless the future is done, detachable.
 * Thread: task. Since: 0.1
 */
EDDY_API eddy_status_t eddy_future_wait(eddy_future_t future,
    void *EDDY_NULLABLE *EDDY_NULLABLE ret_value);

/*
 * Reads the outcome without waiting. ret_value may be NULL. Ownership: as eddy_future_wait.
 * Returns EDDY_EPENDING, EDDY_OK, the failure (its error becomes the current one),
 * EDDY_ETARGETCANCELED, EDDY_ETAKEN, EDDY_EBADHANDLE, EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.1
 */
EDDY_API eddy_status_t eddy_future_result(eddy_future_t future,
    void *EDDY_NULLABLE *EDDY_NULLABLE ret_value);

/*
 * Moves the value out, once: the caller has it now, and calls *ret_release if that is not NULL.
 * Returns what eddy_future_result gives, and EDDY_EINVAL (an out-parameter is NULL).
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.1
 */
EDDY_API eddy_status_t eddy_future_take(eddy_future_t future,
    void *EDDY_NULLABLE *EDDY_NULLABLE ret_value,
    eddy_release_fn EDDY_NULLABLE *EDDY_NULLABLE ret_release);

/*
 * Calls fn in a later round when the future is done, in the order of registration; if it is done
 * already, in the next round. The callback counts as an observer of a failure.
 * Ownership: release_context, which may be NULL, is called once in every outcome, a refusal
 * included.
 * Returns EDDY_EINVAL, EDDY_ENOMEM, EDDY_EBADHANDLE, EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.1
 */
EDDY_API eddy_status_t eddy_future_on_done(eddy_future_t future, eddy_done_fn EDDY_NULLABLE fn,
    void *EDDY_NULLABLE context, eddy_release_fn EDDY_NULLABLE release_context);

/*
 * Takes callbacks back that have not been made ready yet: all with this fn and context.
 * Ownership: their contexts are released. ret_count, may be NULL, receives how many there were.
 * Returns EDDY_OK, also for none; EDDY_EINVAL (fn is NULL), EDDY_EBADHANDLE, EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.2
 */
EDDY_API eddy_status_t eddy_future_off_done(eddy_future_t future, eddy_done_fn EDDY_NULLABLE fn,
    void *EDDY_NULLABLE context, size_t *EDDY_NULLABLE ret_count);

/*
 * The error of a failed future or task. Ownership: ret_error receives one reference.
 * Returns EDDY_EPENDING, EDDY_EINVAL (there is no failure, or ret_error is NULL), EDDY_ENOMEM (the
 * error itself could not be kept; the status stands), EDDY_EBADHANDLE, EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.1
 */
EDDY_API eddy_status_t eddy_future_error(eddy_future_t future,
    eddy_error_t *EDDY_NULLABLE ret_error);

/* The states of a future; of a task's they are those of the task. */
#define EDDY_FUTURE_PENDING ((int32_t)0)
#define EDDY_FUTURE_DONE EDDY_TASK_DONE
#define EDDY_FUTURE_FAILED EDDY_TASK_FAILED
#define EDDY_FUTURE_CANCELED EDDY_TASK_CANCELED
typedef struct eddy_future_info {
    uint32_t size;
    int32_t state;                        /* EDDY_FUTURE_* */
    int32_t is_task;                      /* 1: a task's */
    int32_t observed;                     /* 1: a failure was read or will be, or is hushed */
    int32_t waiters;                      /* tasks that wait for it or join it */
    int32_t callbacks;                    /* registered and not made ready yet; a combined future
                                             that waits for it is one */
    const char *EDDY_NULLABLE site;       /* where it was created, or NULL */
} eddy_future_info_t;

/*
 * Describes a future, or a task's. Looking is not reading: an unread failure stays unread. Set
 * ret_info->size to sizeof(eddy_future_info_t) first; as many bytes are written.
 * Returns EDDY_EINVAL, EDDY_E2BIG, EDDY_EBADHANDLE, EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.3
 */
EDDY_API eddy_status_t eddy_future_info(eddy_future_t future,
    eddy_future_info_t *EDDY_NULLABLE ret_info);

/*
 * Says that somebody looks after this future, or task: its failure, now or later, counts as read
 * and is never reported. Returns EDDY_EBADHANDLE, EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.3
 */
EDDY_API eddy_status_t eddy_future_observe(eddy_future_t future);

/* Adds a reference. Returns EDDY_EBADHANDLE, EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.1 */
EDDY_API eddy_status_t eddy_future_retain(eddy_future_t future);

/* Ends a reference. Null is harmless. A failure that nobody read is reported with the last one.
 * Returns EDDY_EBADHANDLE (also one release too many), EDDY_EWRONGTHREAD. Works inside release
 * functions.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.1 */
EDDY_API eddy_status_t eddy_future_release(eddy_future_t future);

/* ------------------------------------------------------------------------------------------------
 * Several at once
 *
 * All of these take an array of futures, in which tasks stand as eddy_task_future gives them: C
 * tasks, foreign ones, operations and other combined futures in any mix. The array is read during
 * the call only. A future may be in it more than once; it counts once, and its places agree. All
 * handles are looked at before anything begins. Each wait holds what it waits for, so that a handle
 * may be released meanwhile. Work and memory grow with the number of futures and no faster; a
 * waiter runs two rounds after the future that it was waiting for is done.
 *
 * The twins give a combined future. It holds its members while it is held, so that what they gave
 * can be read. Only the library completes it (EDDY_EPERM for eddy_future_complete and _fail).
 */

/*
 * Waits until all have given values, and owns them: the first failure, or one that ends cancelled,
 * cancels the others, and the wait lasts until all have ended. If the caller is cancelled, the
 * request and its reason go to all of them.
 * ret_values: room for count pointers, in the order of futures, or NULL. Ownership: the values are
 * borrowed from the members while references to those are held.
 * Returns EDDY_OK if all gave values, also when the caller is cancelled, and for none at all; the
 * first failure with its error as the current one, EDDY_ETARGETCANCELED for one that was cancelled
 * (failures of the others then count as read); EDDY_ECANCELED (the caller is cancelled, and not all
 * gave values); EDDY_ETAKEN (a value was moved out), EDDY_EDEADLK (the caller is among them or
 * inside one), EDDY_EINVAL, EDDY_ENOMEM, EDDY_EBADHANDLE, EDDY_EWRONGTHREAD, EDDY_ENOTTASK; after
 * these nothing has been cancelled.
 * Suspends: unless all are done. Cancel point: unless all are done, owning. Thread: task.
 * Since: 0.4
 */
EDDY_API eddy_status_t eddy_gather(const eddy_future_t *EDDY_NULLABLE futures, size_t count,
    void *EDDY_NULLABLE *EDDY_NULLABLE ret_values);

/*
 * Waits until all have ended, well or not, and owns them: it cancels nothing, but if the caller is
 * cancelled, the request goes to all.
 * ret_statuses, ret_values: room for count each, or NULL. A status is EDDY_OK, the failure (which
 * then counts as read; eddy_future_error has its error), EDDY_ETARGETCANCELED or EDDY_ETAKEN; the
 * value of a failure is NULL. Ownership: as eddy_gather.
 * Returns EDDY_OK, EDDY_ECANCELED (the caller is cancelled, and not all gave values), and the
 * refusals of eddy_gather.
 * Suspends: unless all are done. Cancel point: unless all are done, owning. Thread: task.
 * Since: 0.4
 */
EDDY_API eddy_status_t eddy_gather_all(const eddy_future_t *EDDY_NULLABLE futures, size_t count,
    eddy_status_t *EDDY_NULLABLE ret_statuses, void *EDDY_NULLABLE *EDDY_NULLABLE ret_values);

#define EDDY_GATHER_ALL ((uint32_t)1)     /* as eddy_gather_all, not as eddy_gather */

/*
 * The twin of eddy_gather and eddy_gather_all: a future with no value of its own. Cancelling it
 * passes the request and the message on to the members; it ends when they have, cancelled unless
 * all gave values. EDDY_EALREADY once they have all ended. A task that waits for it with
 * eddy_future_wait leaves it alone.
 * flags: EDDY_GATHER_ALL, or 0. Ownership: ret_future receives one reference; when the last one
 * goes while it is pending, it is cancelled, and lives on until its members have ended.
 * Returns EDDY_EINVAL, EDDY_ENOMEM, EDDY_EBADHANDLE, EDDY_EWRONGTHREAD; then nothing was started.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.4
 */
EDDY_API eddy_status_t eddy_gather_start(const eddy_future_t *EDDY_NULLABLE futures, size_t count,
    uint32_t flags, eddy_future_t *EDDY_NULLABLE ret_future);

/*
 * Reads what the members of a future from eddy_gather_start gave. ret_statuses, ret_values: as
 * eddy_gather_all. Ownership: the values are borrowed from the members, which the future holds.
 * Returns what eddy_future_result gives, and EDDY_EINVAL (another future).
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.4
 */
EDDY_API eddy_status_t eddy_gather_finish(eddy_future_t future,
    eddy_status_t *EDDY_NULLABLE ret_statuses, void *EDDY_NULLABLE *EDDY_NULLABLE ret_values);

/*
 * Wait until all are done, until one is, or until one has failed or all are done; to have been
 * cancelled is to be done and not to have failed. They only observe: nothing is cancelled, and no
 * failure counts as read.
 * timeout_ns: the wait ends after this time, which is no failure; EDDY_FOREVER: no limit; 0 or
 * less: in the next turn. ret_done: count flags, 1 for each that is done, or NULL. ret_done_count:
 * how many flags are 1, or NULL.
 * Returns EDDY_OK, EDDY_ECANCELED (the caller is cancelled and what it waited for has not come),
 * EDDY_EINVAL (also: count is 0), EDDY_EDEADLK (eddy_wait_all without a limit, and the caller is
 * among them or inside one), EDDY_ENOMEM, EDDY_EBADHANDLE, EDDY_EWRONGTHREAD, EDDY_ENOTTASK.
 * Suspends: unless it has come. Cancel point: unless it has come, detachable. Thread: task.
 * Since: 0.4
 */
EDDY_API eddy_status_t eddy_wait_all(const eddy_future_t *EDDY_NULLABLE futures, size_t count,
    int64_t timeout_ns, uint8_t *EDDY_NULLABLE ret_done, size_t *EDDY_NULLABLE ret_done_count);
EDDY_API eddy_status_t eddy_wait_any(const eddy_future_t *EDDY_NULLABLE futures, size_t count,
    int64_t timeout_ns, uint8_t *EDDY_NULLABLE ret_done, size_t *EDDY_NULLABLE ret_done_count);
EDDY_API eddy_status_t eddy_wait_first_error(const eddy_future_t *EDDY_NULLABLE futures,
    size_t count, int64_t timeout_ns, uint8_t *EDDY_NULLABLE ret_done,
    size_t *EDDY_NULLABLE ret_done_count);

#define EDDY_UNTIL_ALL ((int32_t)1)
#define EDDY_UNTIL_ANY ((int32_t)2)
#define EDDY_UNTIL_ERROR ((int32_t)3)

/*
 * The twin of the three waits: a future that is done, with no value, when what is waited for has
 * come or the time is over. Cancelling it ends it at once and leaves the members alone: of one
 * future it is a shield for that.
 * until: EDDY_UNTIL_*. Ownership: ret_future receives one reference; when the last one goes, it
 * hears of its members no more.
 * Returns EDDY_EINVAL, EDDY_ENOMEM, EDDY_EBADHANDLE, EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.4
 */
EDDY_API eddy_status_t eddy_wait_start(const eddy_future_t *EDDY_NULLABLE futures, size_t count,
    int32_t until, int64_t timeout_ns, eddy_future_t *EDDY_NULLABLE ret_future);

/* Which members of a future from eddy_wait_start are done now. ret_done, ret_done_count: as
 * eddy_wait_all. Returns what eddy_future_result gives, and EDDY_EINVAL (another future).
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.4 */
EDDY_API eddy_status_t eddy_wait_finish(eddy_future_t future, uint8_t *EDDY_NULLABLE ret_done,
    size_t *EDDY_NULLABLE ret_done_count);

/*
 * Waits for one future and owns it, with a limit: when the time is over, or the caller is
 * cancelled, it is cancelled, and the wait lasts until it has ended, which may be past the limit.
 * timeout_ns: EDDY_FOREVER: no limit; 0 or less: it is over at once, so that a task that has not
 * begun never runs. ret_value, ownership: as eddy_future_wait.
 * Returns its outcome as eddy_task_join does: a value that it gave all the same, or a failure of
 * its own, whatever the time; EDDY_ETIMEDOUT (the time was over and it ended cancelled; the cause
 * is that cancel), EDDY_ECANCELED, EDDY_ETARGETCANCELED, EDDY_EDEADLK, EDDY_ENOMEM,
 * EDDY_EBADHANDLE, EDDY_EWRONGTHREAD, EDDY_ENOTTASK.
 * Suspends: unless it is done. Cancel point: unless it is done, owning. Thread: task. Since: 0.4
 */
EDDY_API eddy_status_t eddy_wait_for(eddy_future_t future, int64_t timeout_ns,
    void *EDDY_NULLABLE *EDDY_NULLABLE ret_value);

/* The twin of eddy_wait_for: a future with the same outcome. It is cancelled and let go of as that
 * from eddy_gather_start.
 * Ownership: ret_future receives one reference; the value is borrowed from what it waits for.
 * Returns EDDY_EINVAL, EDDY_ENOMEM, EDDY_EBADHANDLE, EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.4 */
EDDY_API eddy_status_t eddy_wait_for_start(eddy_future_t future, int64_t timeout_ns,
    eddy_future_t *EDDY_NULLABLE ret_future);

#define EDDY_SELECT_CANCEL ((uint32_t)1)  /* the others are cancelled and waited for */

/*
 * Waits for the first of several that is done, well or not, and says which; its outcome is then
 * read as any other. If several are done already, it is the one with the lowest index.
 * flags: 0: the others are left alone, and the wait only observes. EDDY_SELECT_CANCEL: they are
 * cancelled, and the wait lasts until they have ended; if the caller is cancelled first, all are,
 * and then only one that gives a value all the same is the first. ret_index: may be NULL.
 * Returns EDDY_OK, EDDY_ECANCELED (the caller is cancelled), EDDY_EINVAL (also: count is 0),
 * EDDY_EDEADLK (EDDY_SELECT_CANCEL, and the caller is among them or inside one), EDDY_ENOMEM,
 * EDDY_EBADHANDLE, EDDY_EWRONGTHREAD, EDDY_ENOTTASK.
 * Suspends: unless one is done. Cancel point: unless one is done, detachable; owning with the flag.
 * Thread: task. Since: 0.4
 */
EDDY_API eddy_status_t eddy_select(const eddy_future_t *EDDY_NULLABLE futures, size_t count,
    uint32_t flags, size_t *EDDY_NULLABLE ret_index);

/* The twin of eddy_select. Cancelling it, and letting go of it: as eddy_wait_start, with
 * EDDY_SELECT_CANCEL as eddy_gather_start. Ownership: ret_future receives one reference.
 * Returns EDDY_EINVAL, EDDY_ENOMEM, EDDY_EBADHANDLE, EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.4 */
EDDY_API eddy_status_t eddy_select_start(const eddy_future_t *EDDY_NULLABLE futures, size_t count,
    uint32_t flags, eddy_future_t *EDDY_NULLABLE ret_future);

/* Which one was first, of a future from eddy_select_start. ret_index: may be NULL.
 * Returns what eddy_future_result gives, and EDDY_EINVAL (another future).
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.4 */
EDDY_API eddy_status_t eddy_select_finish(eddy_future_t future, size_t *EDDY_NULLABLE ret_index);

/*
 * Several futures one by one, in the order in which they are done; those that are done already come
 * first, in the order of futures. One that is there twice comes once, with its first index. They
 * are only observed. count may be 0.
 * timeout_ns: as eddy_wait_all, from this call on.
 * Ownership: ret_completions receives one reference, and holds the futures.
 * Returns EDDY_EINVAL, EDDY_ENOMEM, EDDY_EBADHANDLE, EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.4
 */
EDDY_API eddy_status_t eddy_as_completed(const eddy_future_t *EDDY_NULLABLE futures, size_t count,
    int64_t timeout_ns, eddy_completions_t *EDDY_NULLABLE ret_completions);

/*
 * Waits for the next one. Several tasks may ask; each future is given once. One may go on after
 * any outcome.
 * ret_index: its place in the array; may be NULL.
 * Returns EDDY_OK, EDDY_EEND (all have been given), EDDY_ETIMEDOUT (those that were done in time
 * have been given, and the time is over), EDDY_ECANCELED (the caller is cancelled and none is
 * done), EDDY_EBADHANDLE, EDDY_EWRONGTHREAD, EDDY_ENOTTASK.
 * Suspends: unless one is done or none will be. Cancel point: unless so, detachable. Thread: task.
 * Since: 0.4
 */
EDDY_API eddy_status_t eddy_completions_next(eddy_completions_t completions,
    size_t *EDDY_NULLABLE ret_index);

/* The twin of eddy_completions_next. Cancelling it, or letting go of it before it was finished,
 * leaves what it would have given to the next one who asks. Ownership: ret_future receives one
 * reference. Returns EDDY_EINVAL, EDDY_ENOMEM, EDDY_EBADHANDLE, EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.4 */
EDDY_API eddy_status_t eddy_completions_next_start(eddy_completions_t completions,
    eddy_future_t *EDDY_NULLABLE ret_future);

/* Takes what a future from eddy_completions_next_start was given, once. ret_index: may be NULL.
 * Returns what eddy_future_result gives, EDDY_EEND and EDDY_ETIMEDOUT among it, EDDY_ETAKEN
 * (finished before), and EDDY_EINVAL (another future).
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.4 */
EDDY_API eddy_status_t eddy_completions_next_finish(eddy_future_t future,
    size_t *EDDY_NULLABLE ret_index);

/* Ends the reference; the futures are let go of. Those who still wait for the next one keep it.
 * Null is harmless. Returns EDDY_EBADHANDLE (also one release too many), EDDY_EWRONGTHREAD. Works
 * inside release functions. Suspends: no. Cancel point: no. Thread: loop. Since: 0.4 */
EDDY_API eddy_status_t eddy_completions_release(eddy_completions_t completions);

/* ------------------------------------------------------------------------------------------------
 * Scopes
 *
 * Groups, timeouts, shields and plain scopes are one type and close one way. A scope is opened
 * inside the current one, by a task, and closed by that task, innermost first. Its handle ends with
 * its close. One that is found open when an outer one closes or the task ends is repaired and
 * reported (EDDY_ESCOPELEAK): its children are cancelled and its cleanup runs.
 */
#define EDDY_SCOPE_GROUP ((uint32_t)1)    /* tasks can be spawned into it */
#define EDDY_SCOPE_SHIELD ((uint32_t)2)   /* no cancel comes in, for a grace */
typedef struct eddy_scope_options {
    uint32_t size;
    uint32_t flags;                       /* EDDY_SCOPE_*, or 0 */
    int64_t timeout_ns;                   /* from the opening; 0 or EDDY_NONE: no deadline */
    int64_t grace_ns;                     /* of a shield and of all defers of the scope together;
                                             0: the loop's; EDDY_NONE: no limit */
} eddy_scope_options_t;
#define EDDY_SCOPE_OPTIONS_INIT { (uint32_t)sizeof(eddy_scope_options_t), 0, 0, 0 }

/*
 * Opens a scope inside the current one. Opening is no cancel point. options may be NULL.
 * Ownership: the scope ends at its close.
 * Returns EDDY_EINVAL, EDDY_E2BIG, EDDY_ENOMEM, EDDY_ENOTTASK.
 * Suspends: no. Cancel point: no. Thread: task. Since: 0.1
 */
#define eddy_scope_open(ret_scope, options) eddy_scope_open_at(EDDY_SITE, (ret_scope), (options))
EDDY_API eddy_status_t eddy_scope_open_at(const char *EDDY_NULLABLE site,
    eddy_scope_t *EDDY_NULLABLE ret_scope, const eddy_scope_options_t *EDDY_NULLABLE options);

/* eddy_scope_open with EDDY_SCOPE_GROUP added.
 * Returns as eddy_scope_open. Suspends: no. Cancel point: no. Thread: task. Since: 0.1 */
#define eddy_group_open(ret_scope, options) eddy_group_open_at(EDDY_SITE, (ret_scope), (options))
EDDY_API eddy_status_t eddy_group_open_at(const char *EDDY_NULLABLE site,
    eddy_scope_t *EDDY_NULLABLE ret_scope, const eddy_scope_options_t *EDDY_NULLABLE options);

/* eddy_scope_open with a deadline duration_ns from now, which counts in place of
 * options->timeout_ns; 0 or less has passed at the next yield; EDDY_FOREVER never comes.
 * Returns as eddy_scope_open. Suspends: no. Cancel point: no. Thread: task. Since: 0.1 */
#define eddy_timeout_open(ret_scope, duration_ns, options)                                        \
    eddy_timeout_open_at(EDDY_SITE, (ret_scope), (duration_ns), (options))
EDDY_API eddy_status_t eddy_timeout_open_at(const char *EDDY_NULLABLE site,
    eddy_scope_t *EDDY_NULLABLE ret_scope, int64_t duration_ns,
    const eddy_scope_options_t *EDDY_NULLABLE options);

/* eddy_timeout_open with a time on the loop's clock (eddy_now) in place of a duration. One that has
 * passed has passed at the next yield; EDDY_FOREVER never comes.
 * Returns as eddy_scope_open. Suspends: no. Cancel point: no. Thread: task. Since: 0.3 */
#define eddy_deadline_open(ret_scope, when_ns, options)                                           \
    eddy_deadline_open_at(EDDY_SITE, (ret_scope), (when_ns), (options))
EDDY_API eddy_status_t eddy_deadline_open_at(const char *EDDY_NULLABLE site,
    eddy_scope_t *EDDY_NULLABLE ret_scope, int64_t when_ns,
    const eddy_scope_options_t *EDDY_NULLABLE options);

/* eddy_scope_open with EDDY_SCOPE_SHIELD added. The grace begins when a cancellation reaches the
 * shield, or at the opening if one has; when it ends, the cancellation comes in.
 * Returns as eddy_scope_open. Suspends: no. Cancel point: no. Thread: task. Since: 0.1 */
#define eddy_shield_open(ret_scope, options) eddy_shield_open_at(EDDY_SITE, (ret_scope), (options))
EDDY_API eddy_status_t eddy_shield_open_at(const char *EDDY_NULLABLE site,
    eddy_scope_t *EDDY_NULLABLE ret_scope, const eddy_scope_options_t *EDDY_NULLABLE options);

/*
 * Closes a scope, and before it every scope opened above it. status is how its body ended. A
 * failure cancels the children; all children are waited for; then the defers run.
 * Returns, the first that fits: EDDY_EGROUP if it is a group and a child or the body failed;
 * another failure unchanged; for EDDY_ECANCELED: EDDY_ECANCELED if a scope outside is cancelled,
 * EDDY_ETIMEDOUT if this scope's own deadline was first to cancel it, EDDY_OK if it was cancelled
 * otherwise, EDDY_EFOREIGNCANCEL if it was not; for EDDY_OK: EDDY_ECANCELED if it is a group and a
 * scope outside is cancelled, else EDDY_OK. The scope stays open only on EDDY_EINVAL (status is
 * positive), EDDY_EPERM (another task's scope, or a root scope), EDDY_EBUSY (a call or a defer that
 * the scope is around has not returned), EDDY_EBADHANDLE, EDDY_EWRONGTHREAD, EDDY_ENOTTASK.
 * The deadline of the scope is disarmed when the close begins: it limits the body, and not the wait
 * for the children. For a limit on both, open the group inside a timeout.
 * Suspends: while children live or defers suspend. Cancel point: no; owning while it waits.
 * Thread: task. Since: 0.1
 */
EDDY_API eddy_status_t eddy_scope_close(eddy_scope_t scope, eddy_status_t status);

/* What a closed scope knew. */
typedef struct eddy_close_info {
    uint32_t size;
    int32_t cancelled;                    /* 1: it was cancelled itself when the close began */
    int32_t expired;                      /* 1: its deadline was seen to have passed */
    int32_t absorbed;                     /* 1: EDDY_ECANCELED became another status */
    eddy_reason_t reason;                 /* its first, if cancelled */
} eddy_close_info_t;

/* eddy_scope_close that also tells what the scope knew, since the handle is stale afterwards. Set
 * ret_info->size first. ret_info is written if the scope was closed.
 * Returns as eddy_scope_close; EDDY_EINVAL, EDDY_E2BIG for ret_info, and the scope stays open.
 * Suspends: as eddy_scope_close. Cancel point: no; owning while it waits. Thread: task.
 * Since: 0.1 */
EDDY_API eddy_status_t eddy_scope_close_info(eddy_scope_t scope, eddy_status_t status,
    eddy_close_info_t *EDDY_NULLABLE ret_info);

/*
 * Cancels a scope: all that is inside it, on any task, until it is left. message: why, copied, or
 * NULL. The scope keeps its first reason.
 * Returns EDDY_OK, also when asked before; EDDY_EBADHANDLE (closed), EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.1
 */
EDDY_API eddy_status_t eddy_scope_cancel(eddy_scope_t scope, const char *EDDY_NULLABLE message);

/*
 * Replaces the deadline of an open scope, also of one without, from any task or callback.
 * when_ns: on the loop's clock; one that has passed fires in the next round; EDDY_FOREVER: none.
 * Returns EDDY_EALREADY (the deadline has fired), EDDY_EBUSY (its close has begun), EDDY_EPERM (a
 * task's root scope without timers), EDDY_ENOMEM (the old deadline stays), EDDY_EBADHANDLE
 * (closed), EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.3
 */
EDDY_API eddy_status_t eddy_scope_reschedule(eddy_scope_t scope, int64_t when_ns);

typedef struct eddy_scope_info {
    uint32_t size;
    uint32_t flags;                       /* EDDY_SCOPE_* it was opened with */
    int32_t cancelled;                    /* 1: it was cancelled itself */
    int32_t effective;                    /* 1: a cancel point directly inside fails */
    int32_t expired;                      /* 1: its deadline was seen to have passed */
    int32_t closing;                      /* 1: its close has begun */
    int64_t children;                     /* live tasks directly inside */
    int64_t deadline_ns;                  /* on the loop's clock; EDDY_FOREVER: none */
    eddy_task_t owner;                    /* the task that opened it */
    const char *EDDY_NULLABLE site;       /* where it was opened, or NULL */
    eddy_reason_t reason;                 /* its first, if cancelled itself */
} eddy_scope_info_t;

/*
 * Describes an open scope, or a task's root scope. Set ret_info->size to sizeof(eddy_scope_info_t)
 * first; as many bytes are written.
 * Returns EDDY_EINVAL, EDDY_E2BIG, EDDY_EBADHANDLE (closed), EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.3
 */
EDDY_API eddy_status_t eddy_scope_info(eddy_scope_t scope,
    eddy_scope_info_t *EDDY_NULLABLE ret_info);

/*
 * Registers cleanup with the current scope: fn(context) runs when that is left, after its children
 * have ended, last registered first, shielded, within the scope's grace. Its failure is reported.
 * With no scope open it runs after the task function has returned: context must not be its local.
 * Returns EDDY_EINVAL, EDDY_ENOMEM, EDDY_ENOTTASK; then fn does not run.
 * Suspends: no. Cancel point: no. Thread: task. Since: 0.1
 */
EDDY_API eddy_status_t eddy_defer(eddy_task_fn EDDY_NULLABLE fn, void *EDDY_NULLABLE context);

/*
 * Runs fn(context) inside a scope that is closed when it returns. options may be NULL.
 * Ownership: a value that fn returns with eddy_return is borrowed until the scope that is current
 * at this call has closed; ret_value may be NULL.
 * Returns what closing the scope with fn's status gives; EDDY_EINVAL, EDDY_E2BIG, EDDY_ENOMEM,
 * EDDY_ENOTTASK before fn has run.
 * Suspends: as fn. Cancel point: as fn. Thread: task. Since: 0.1
 */
#define eddy_call(options, fn, context, ret_value)                                                \
    eddy_call_at(EDDY_SITE, (options), (fn), (context), (ret_value))
EDDY_API eddy_status_t eddy_call_at(const char *EDDY_NULLABLE site,
    const eddy_scope_options_t *EDDY_NULLABLE options, eddy_task_fn EDDY_NULLABLE fn,
    void *EDDY_NULLABLE context, void *EDDY_NULLABLE *EDDY_NULLABLE ret_value);

/* eddy_call in a scope whose deadline is duration_ns from now. Ownership: as eddy_call.
 * Returns as eddy_call, so EDDY_ETIMEDOUT if that deadline ended fn.
 * Suspends: as fn. Cancel point: as fn. Thread: task. Since: 0.1 */
#define eddy_with_timeout(duration_ns, fn, context, ret_value)                                    \
    eddy_with_timeout_at(EDDY_SITE, (duration_ns), (fn), (context), (ret_value))
EDDY_API eddy_status_t eddy_with_timeout_at(const char *EDDY_NULLABLE site, int64_t duration_ns,
    eddy_task_fn EDDY_NULLABLE fn, void *EDDY_NULLABLE context,
    void *EDDY_NULLABLE *EDDY_NULLABLE ret_value);

/* ------------------------------------------------------------------------------------------------
 * Errors: a status with a message, causes and children
 *
 * Each task has one current error, and so has the loop for code outside tasks. Every failing call
 * replaces it, success leaves it. A failure that is returned or closed with takes it along if its
 * status is the same.
 */

/*
 * Fails with a message: `return eddy_fail(EDDY_EINVAL, "bad port %d", port);`
 * status: below 0. format: as printf, or NULL for no message.
 * Returns status, with the message as the current error (without it if memory is out or there is no
 * loop here); EDDY_EINVAL for a status that is no failure.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.1
 */
EDDY_API eddy_status_t eddy_fail(eddy_status_t status, const char *EDDY_NULLABLE format, ...)
    EDDY_PRINTF(2, 3);

/* eddy_fail for languages without variadic calls: text is the message itself, copied.
 * Returns as eddy_fail. Suspends: no. Cancel point: no. Thread: loop. Since: 0.1 */
EDDY_API eddy_status_t eddy_fail_text(eddy_status_t status, const char *EDDY_NULLABLE text);

/*
 * The current error. Ownership: ret_error receives one reference.
 * Returns EDDY_EINVAL (there is none, or ret_error is NULL), EDDY_ENOMEM, EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.1
 */
EDDY_API eddy_status_t eddy_error_current(eddy_error_t *EDDY_NULLABLE ret_error);

/* The error's status. Returns that, or EDDY_EBADHANDLE, EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.1 */
EDDY_API eddy_status_t eddy_error_status(eddy_error_t error);

/* The error's message, or NULL if it has none or the handle is bad. Ownership: borrowed from the
 * error. Suspends: no. Cancel point: no. Thread: loop. Since: 0.1 */
EDDY_API const char *EDDY_NULLABLE eddy_error_message(eddy_error_t error);

/* What a foreign runtime attached to the error, or NULL. release: only what was given with this
 * release function, which tells whose it is; NULL: whoever's. Ownership: borrowed from the error.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.1 */
EDDY_API void *EDDY_NULLABLE eddy_error_payload(eddy_error_t error,
    eddy_release_fn EDDY_NULLABLE release);

/* How many children (of EDDY_EGROUP, in completion order) or causes an error has; 0 for a bad
 * handle. Suspends: no. Cancel point: no. Thread: loop. Since: 0.1 */
EDDY_API size_t eddy_error_child_count(eddy_error_t error);
EDDY_API size_t eddy_error_cause_count(eddy_error_t error);

/* The child or cause at an index from 0. Ownership: borrowed: it lives as long as its parent.
 * Returns EDDY_EINVAL (no such index, ret_error is NULL), EDDY_EBADHANDLE, EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.1 */
EDDY_API eddy_status_t eddy_error_child(eddy_error_t error, size_t index,
    eddy_error_t *EDDY_NULLABLE ret_error);
EDDY_API eddy_status_t eddy_error_cause(eddy_error_t error, size_t index,
    eddy_error_t *EDDY_NULLABLE ret_error);

/*
 * Writes the error as people read it: a tree, one line for each error, its causes before its
 * children, down to a depth of 32, a width of 100 and 1000 errors in all; what is left out is
 * said. A line tells the status, the message, and in brackets the task that failed first with where
 * it was spawned, or the task that asked for a cancellation.
 * buffer, of capacity bytes, is always terminated if capacity > 0; buffer may be NULL if that is 0.
 * Returns the bytes the whole text needs with its end, so a second call can have room; 0 for a bad
 * handle. Suspends: no. Cancel point: no. Thread: loop. Since: 0.1
 */
EDDY_API size_t eddy_error_format(eddy_error_t error, char *EDDY_NULLABLE buffer, size_t capacity);

/*
 * Writes that tree to stderr: in colours if stderr is a terminal and the environment does not set
 * NO_COLOR.
 * Returns EDDY_EBADHANDLE, EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.4
 */
EDDY_API eddy_status_t eddy_error_print(eddy_error_t error);

/* Adds a reference. Returns EDDY_EBADHANDLE, EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.1 */
EDDY_API eddy_status_t eddy_error_retain(eddy_error_t error);

/* Ends a reference. Null is harmless. Returns EDDY_EBADHANDLE (also one release too many),
 * EDDY_EWRONGTHREAD. Works inside release functions.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.1 */
EDDY_API eddy_status_t eddy_error_release(eddy_error_t error);

/* ------------------------------------------------------------------------------------------------
 * Context variables: values that go along with the work and not with the call
 *
 * A context binds variables to values. A task has one of its own, which begins as a copy of what is
 * current at its spawn; that costs the same whatever is in it, and later sets on either side are
 * invisible to the other. A done callback and what eddy_call_soon, eddy_call_later, eddy_post and
 * a descriptor call run in a copy of what was current when they were handed in; what came through
 * the door for other threads runs in a copy of the loop's own context, which is what is current
 * outside tasks and callbacks, and what root tasks run in. The functions of a scope (eddy_call,
 * eddy_defer) run in the task's.
 * A read takes time with the number of variables that are set in the context, and so does a set
 * after a copy.
 */

/* A variable: a static object of the program's, for every loop and thread. Its address is what it
 * is known by; it must live until each loop that it was set on is closed. */
typedef struct eddy_var {
    uint32_t size;
    uint32_t reserved;                     /* 0 */
    const char *EDDY_NULLABLE name;        /* for people */
    void *EDDY_NULLABLE default_value;     /* where it is not set; never released */
    eddy_release_fn EDDY_NULLABLE release; /* of a value that was set, when nothing holds it */
} eddy_var_t;
#define EDDY_VAR_INIT(name, default_value, release)                                               \
    { (uint32_t)sizeof(eddy_var_t), 0, (name), (default_value), (release) }

/*
 * The variable's value in the current context, or its default.
 * Ownership: borrowed until the variable is next set or reset in this context, or the context ends.
 * Returns EDDY_EINVAL (a pointer is NULL, or a form this library does not know), EDDY_E2BIG,
 * EDDY_EWRONGTHREAD (no loop here).
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.3
 */
EDDY_API eddy_status_t eddy_var_get(const eddy_var_t *EDDY_NULLABLE variable,
    void *EDDY_NULLABLE *EDDY_NULLABLE ret_value);

/*
 * Sets the variable in the current context.
 * Ownership: variable->release(value) is called once: when no context, token or callback that has
 * not run holds the value any more, or here if the call is refused. ret_token may be NULL; else it
 * receives one reference to what undoes this set. A token holds the value that was there before.
 * Returns EDDY_EINVAL, EDDY_E2BIG, EDDY_ENOMEM (nothing has changed), EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.3
 */
EDDY_API eddy_status_t eddy_var_set(const eddy_var_t *EDDY_NULLABLE variable,
    void *EDDY_NULLABLE value, eddy_token_t *EDDY_NULLABLE ret_token);

/*
 * Puts back what the variable had before the set that made the token: that value, or none. A token
 * works once, and only where the context that it was made in is current.
 * Ownership: success ends the token.
 * Returns EDDY_EPERM (another context is current), EDDY_ENOMEM (nothing has changed; the token
 * stays), EDDY_EBADHANDLE (also: used before), EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.3
 */
EDDY_API eddy_status_t eddy_var_reset(eddy_token_t token);

/* Ends a token that is not to be used. Null is harmless. Returns EDDY_EBADHANDLE,
 * EDDY_EWRONGTHREAD. Works inside release functions.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.3 */
EDDY_API eddy_status_t eddy_token_release(eddy_token_t token);

/*
 * A new context that begins as a copy of source, or of the current one if that is null.
 * Ownership: ret_context receives one reference; tasks and callbacks that run in it hold it too.
 * Returns EDDY_EINVAL, EDDY_ENOMEM, EDDY_EBADHANDLE, EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.3
 */
EDDY_API eddy_status_t eddy_context_copy(eddy_context_t source,
    eddy_context_t *EDDY_NULLABLE ret_context);

/*
 * eddy_context_copy with one variable set in the copy: for bindings whose contexts never change.
 * Ownership: of value as eddy_var_set, of ret_context as eddy_context_copy.
 * Returns EDDY_EINVAL, EDDY_E2BIG, EDDY_ENOMEM, EDDY_EBADHANDLE, EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.3
 */
EDDY_API eddy_status_t eddy_context_with(eddy_context_t source,
    const eddy_var_t *EDDY_NULLABLE variable, void *EDDY_NULLABLE value,
    eddy_context_t *EDDY_NULLABLE ret_context);

/*
 * Reads a variable in a context that need not be current. Ownership: borrowed, as from
 * eddy_var_get.
 * Returns EDDY_EINVAL, EDDY_E2BIG, EDDY_EBADHANDLE, EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.3
 */
EDDY_API eddy_status_t eddy_context_get(eddy_context_t context,
    const eddy_var_t *EDDY_NULLABLE variable, void *EDDY_NULLABLE *EDDY_NULLABLE ret_value);

/*
 * Reads a variable in a live task's context, without entering the task: what eddy_var_get would
 * give it. Ownership: borrowed, as from eddy_var_get.
 * Returns EDDY_EINVAL, EDDY_E2BIG, EDDY_EBADHANDLE (also: it has ended), EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.3
 */
EDDY_API eddy_status_t eddy_task_var_get(eddy_task_t task, const eddy_var_t *EDDY_NULLABLE variable,
    void *EDDY_NULLABLE *EDDY_NULLABLE ret_value);

/*
 * Calls fn(argument) with a context as the current one: the context itself, so that what fn sets
 * stays in it. Calls nest. In a task fn may wait; the context is that task's until fn returns.
 * Returns fn's status; before fn has run EDDY_EINVAL (fn is NULL), EDDY_EBADHANDLE,
 * EDDY_EWRONGTHREAD.
 * Suspends: as fn. Cancel point: as fn. Thread: loop. Since: 0.3
 */
EDDY_API eddy_status_t eddy_context_run(eddy_context_t context, eddy_task_fn EDDY_NULLABLE fn,
    void *EDDY_NULLABLE argument);

/*
 * eddy_future_on_done whose callback runs in a context: in that itself, not in a copy of it. Null:
 * as eddy_future_on_done. eddy_future_off_done takes both back.
 * Ownership: as eddy_future_on_done.
 * Returns as eddy_future_on_done; EDDY_EBADHANDLE for the context too.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.3
 */
EDDY_API eddy_status_t eddy_future_on_done_in(eddy_future_t future, eddy_context_t in_context,
    eddy_done_fn EDDY_NULLABLE fn, void *EDDY_NULLABLE context,
    eddy_release_fn EDDY_NULLABLE release_context);

/* Adds a reference. Returns EDDY_EBADHANDLE, EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.3 */
EDDY_API eddy_status_t eddy_context_retain(eddy_context_t context);

/* Ends a reference. Null is harmless. Returns EDDY_EBADHANDLE (also one release too many),
 * EDDY_EWRONGTHREAD. Works inside release functions.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.3 */
EDDY_API eddy_status_t eddy_context_release(eddy_context_t context);

/* 1 once a variable has been set on this thread's loop, so that a binding can leave contexts alone
 * before; else 0. Suspends: no. Cancel point: no. Thread: loop. Since: 0.3 */
EDDY_API int32_t eddy_context_used(void);

/* ------------------------------------------------------------------------------------------------
 * Foreign tasks: tasks whose steps another runtime runs (Swift, Python, Rust, a state machine)
 *
 * A foreign task stands in the same tree as any other: it can be joined, waited for, cancelled and
 * grouped. It has no stack here. Its runtime starts it when told, tells when its code runs (enter,
 * leave), and completes it.
 */
typedef struct eddy_foreign_ops {
    uint32_t size;
    uint32_t reserved;                     /* 0 */
    /* Begin. Called once from the loop, with no task current and in a copy of the task's context;
     * never if it was cancelled before. */
    void (*EDDY_NULLABLE start)(void *EDDY_NULLABLE instance, eddy_task_t self);
    /* A cancellation has become visible to the task. Called as start is, at most once and after
     * it; or NULL for a task that cannot be cancelled. */
    void (*EDDY_NULLABLE cancel)(void *EDDY_NULLABLE instance, eddy_task_t self);
    /* The instance is no longer used. Called exactly once in every outcome; may be NULL. */
    eddy_release_fn EDDY_NULLABLE release;
    /* Not NULL while a job of this runtime is on the calling thread's stack; may be NULL. The
     * suspending calls ask it, since a stack that holds a job must not be switched away from. */
    void *EDDY_NULLABLE (*EDDY_NULLABLE current_job)(void);
    /* What the task's code stands in, for a report: writes at most capacity return addresses,
     * innermost first, and gives how many; 0 if it cannot tell. Called between start and complete,
     * where no call of Eddy works; may be NULL. Where it gives none, a report shows the stack of
     * the calling thread while code of the task runs, and else no stack. */
    int32_t (*EDDY_NULLABLE stack)(void *EDDY_NULLABLE instance, uintptr_t *frames,
        int32_t capacity);
} eddy_foreign_ops_t;
#define EDDY_FOREIGN_OPS_INIT                                                                     \
    { (uint32_t)sizeof(eddy_foreign_ops_t), 0, NULL, NULL, NULL, NULL, NULL }

typedef struct eddy_foreign_options {
    uint32_t size;
    uint32_t flags;                        /* EDDY_SCOPE_*: of its root scope, and those below */
    eddy_scope_t parent;                   /* group or task scope it runs in; null: the loop's */
    const char *EDDY_NULLABLE name;        /* copied; NULL: "task-N" */
    int64_t timeout_ns;                    /* its root scope's deadline; 0 or EDDY_NONE: none */
    int64_t grace_ns;                      /* of a shield; 0: the loop's; EDDY_NONE: no limit */
    eddy_context_t context;                /* to run in; null: a copy of the current one */
} eddy_foreign_options_t;
/* In foreign options: the task is the body of a scope that code of its parent has opened and waits
 * for; the parent is a task's root scope. It starts where cancellation is visible too, since
 * opening is no cancel point, and is told of that after its start. Its failure is its waiter's
 * alone: it does not fail a group that the root scope is. */
#define EDDY_SCOPE_BODY ((uint32_t)4)
/* With EDDY_SCOPE_BODY: what opened the scope runs beside the parent's own code, as a child that
 * the runtime itself made of it does. Failed checkpoints of the body are its own then. */
#define EDDY_SCOPE_BESIDE ((uint32_t)8)
#define EDDY_FOREIGN_OPTIONS_INIT                                                                 \
    { (uint32_t)sizeof(eddy_foreign_options_t), 0, { 0 }, NULL, 0, 0, { 0 } }

/*
 * Makes a runtime known to this thread's loop, so that its current_job is asked from now on;
 * spawning a foreign task does so by itself. ops must live until the loop is closed.
 * Returns EDDY_EINVAL (start is NULL), EDDY_E2BIG, EDDY_ENOMEM (more than 8), EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.1
 */
EDDY_API eddy_status_t eddy_foreign_register(const eddy_foreign_ops_t *EDDY_NULLABLE ops);

/*
 * Spawns a foreign task. With a group as parent it is that group's child; with a task's root scope
 * (eddy_task_scope) it is inside that task, which waits for it before it ends; with a null parent
 * it is below the loop's scope. options may be NULL.
 * Ownership: as eddy_task_spawn; ops->release(instance) is called exactly once in every outcome.
 * Returns as eddy_group_spawn; EDDY_EINVAL, EDDY_E2BIG, EDDY_ENOMEM as eddy_foreign_register.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.1
 */
#define eddy_foreign_spawn(ops, instance, options, ret_task)                                      \
    eddy_foreign_spawn_at(EDDY_SITE, (ops), (instance), (options), (ret_task))
EDDY_API eddy_status_t eddy_foreign_spawn_at(const char *EDDY_NULLABLE site,
    const eddy_foreign_ops_t *EDDY_NULLABLE ops, void *EDDY_NULLABLE instance,
    const eddy_foreign_options_t *EDDY_NULLABLE options, eddy_task_t *EDDY_NULLABLE ret_task);

/*
 * Ends a foreign task: closes its root scope with status, which waits for what is inside it, and
 * gives those who wait the result, in a later round.
 * status: EDDY_OK, a failure, or EDDY_ECANCELED. value: the result; of a failure, what the error
 * carries (eddy_error_payload), so that the runtime gets its own error back. The current error goes
 * along if its status is the same.
 * Ownership: value is kept and released once, also when the call fails.
 * Returns EDDY_EALREADY (completed before), EDDY_EPERM (no foreign task), EDDY_EINVAL (status > 0,
 * or it has not started), EDDY_EBADHANDLE, EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.1
 */
EDDY_API eddy_status_t eddy_foreign_complete(eddy_task_t task, eddy_status_t status,
    void *EDDY_NULLABLE value, eddy_release_fn EDDY_NULLABLE release);

/*
 * Says that code of a foreign task runs on this thread from here to eddy_foreign_leave, so that it
 * is the current task. Pairs nest. ret_previous: the task that was current; keep it for the leave.
 * Returns EDDY_EINVAL (ret_previous is NULL), EDDY_EPERM (no foreign task), EDDY_EBADHANDLE (also:
 * it has ended), EDDY_ENOMEM, EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.1
 */
EDDY_API eddy_status_t eddy_foreign_enter(eddy_task_t task,
    eddy_task_t *EDDY_NULLABLE ret_previous);

/* Ends what the matching eddy_foreign_enter began. Returns EDDY_EPERM (that is not the last one),
 * EDDY_EWRONGTHREAD. Suspends: no. Cancel point: no. Thread: loop. Since: 0.1 */
EDDY_API eddy_status_t eddy_foreign_leave(eddy_task_t previous);

/*
 * Says that a cancel point of a foreign task's own code has just failed because of a cancellation;
 * call it before the failure is given on. Failures are counted in the outermost cancelled scope of
 * the task, also one around scopes whose bodies (EDDY_SCOPE_BODY, but for EDDY_SCOPE_BESIDE) run;
 * whose the cancellation was is not asked. After 1000 in one scope the task is reported once, with
 * its stack.
 * ret_pause_ns: how long to hold the task on the loop's clock (eddy_sleep_start), cancelled or not,
 * before the failure is given on: 0 up to those 1000, 1 ms from then on.
 * Returns EDDY_EINVAL (ret_pause_ns is NULL), EDDY_EPERM (no foreign task), EDDY_EBADHANDLE (also:
 * it has ended), EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.4
 */
EDDY_API eddy_status_t eddy_foreign_fail_checkpoint(eddy_task_t task,
    int64_t *EDDY_NULLABLE ret_pause_ns);

/* ------------------------------------------------------------------------------------------------
 * Callbacks, and the door for other threads
 *
 * What comes through the door runs on the loop's thread in a later turn, in the order of arrival
 * from each thread; what the loop's own thread sends, in the next round. A loop whose thread is not
 * the only one of its process waits for the door when it has nothing else to do; one whose thread
 * is alone has a deadlock then, and says so.
 */

typedef struct eddy_callback_options {
    uint32_t size;
    uint32_t flags;                                   /* 0 */
    eddy_release_fn EDDY_NULLABLE release_context;    /* called once when fn can run no more */
    eddy_context_t context;                           /* to run in; null: a copy of the current */
} eddy_callback_options_t;
#define EDDY_CALLBACK_OPTIONS_INIT { (uint32_t)sizeof(eddy_callback_options_t), 0, NULL, { 0 } }

/*
 * Calls fn(context) in the next round, outside any task. A failure that it returns is reported, and
 * the loop goes on. options may be NULL. Those of one round run in the order of the calls.
 * Ownership: ret_callback may be NULL; else it receives one reference. options->release_context is
 * called exactly once in every outcome: after fn, when the callback is cancelled, when the loop is
 * closed first, or here if refused.
 * Returns EDDY_EINVAL (fn is NULL, unknown flags), EDDY_E2BIG, EDDY_ENOMEM, EDDY_EBADHANDLE
 * (options->context), EDDY_EWRONGTHREAD (no loop here).
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.4
 */
#define eddy_call_soon(fn, context, options, ret_callback)                                        \
    eddy_call_soon_at(EDDY_SITE, (fn), (context), (options), (ret_callback))
EDDY_API eddy_status_t eddy_call_soon_at(const char *EDDY_NULLABLE site,
    eddy_task_fn EDDY_NULLABLE fn, void *EDDY_NULLABLE context,
    const eddy_callback_options_t *EDDY_NULLABLE options,
    eddy_callback_t *EDDY_NULLABLE ret_callback);

/*
 * eddy_call_soon after a time, and at a time on the loop's clock (eddy_now). What is due joins the
 * next turn behind what is ready then, by time, and for equal times in the order of the calls. A
 * time that has passed is due too, and ordered by how long ago it was; EDDY_FOREVER never comes. A
 * callback that is still to come does not keep a run or a shutdown going.
 * Ownership: as eddy_call_soon. Returns as eddy_call_soon.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.4
 */
#define eddy_call_later(delay_ns, fn, context, options, ret_callback)                             \
    eddy_call_later_at(EDDY_SITE, (delay_ns), (fn), (context), (options), (ret_callback))
EDDY_API eddy_status_t eddy_call_later_at(const char *EDDY_NULLABLE site, int64_t delay_ns,
    eddy_task_fn EDDY_NULLABLE fn, void *EDDY_NULLABLE context,
    const eddy_callback_options_t *EDDY_NULLABLE options,
    eddy_callback_t *EDDY_NULLABLE ret_callback);
#define eddy_call_when(when_ns, fn, context, options, ret_callback)                               \
    eddy_call_when_at(EDDY_SITE, (when_ns), (fn), (context), (options), (ret_callback))
EDDY_API eddy_status_t eddy_call_when_at(const char *EDDY_NULLABLE site, int64_t when_ns,
    eddy_task_fn EDDY_NULLABLE fn, void *EDDY_NULLABLE context,
    const eddy_callback_options_t *EDDY_NULLABLE options,
    eddy_callback_t *EDDY_NULLABLE ret_callback);

/*
 * Takes a callback back: it is not called, also if its turn has come in this very round. Its
 * context is released here.
 * Returns EDDY_OK; EDDY_EALREADY (it runs, has run or was cancelled), EDDY_EBADHANDLE (also: over,
 * and without a reference), EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.4
 */
EDDY_API eddy_status_t eddy_callback_cancel(eddy_callback_t callback);

/* The states of a callback. */
#define EDDY_CALLBACK_PENDING ((int32_t)0)
#define EDDY_CALLBACK_DONE EDDY_TASK_DONE              /* it runs, or has run */
#define EDDY_CALLBACK_CANCELED EDDY_TASK_CANCELED
typedef struct eddy_callback_info {
    uint32_t size;
    int32_t state;                        /* EDDY_CALLBACK_* */
    int64_t when_ns;                      /* its time; of eddy_call_soon: that of the call's turn */
    const char *EDDY_NULLABLE site;       /* where it was registered, or NULL */
} eddy_callback_info_t;

/*
 * Describes a callback. Set ret_info->size to sizeof(eddy_callback_info_t) first; as many bytes are
 * written.
 * Returns EDDY_EINVAL, EDDY_E2BIG, EDDY_EBADHANDLE, EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.4
 */
EDDY_API eddy_status_t eddy_callback_info(eddy_callback_t callback,
    eddy_callback_info_t *EDDY_NULLABLE ret_info);

/* Adds a reference. Returns EDDY_EBADHANDLE, EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.4 */
EDDY_API eddy_status_t eddy_callback_retain(eddy_callback_t callback);

/* Ends a reference; never cancels. Null is harmless. Returns EDDY_EBADHANDLE (also one release too
 * many), EDDY_EWRONGTHREAD. Works inside release functions.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.4 */
EDDY_API eddy_status_t eddy_callback_release(eddy_callback_t callback);

/*
 * Calls fn(context) in a round of each turn in which a descriptor can be read, outside any task,
 * until eddy_fd_remove_reader. A descriptor has one such callback: a new one replaces the old. It
 * may also be waited for with eddy_fd_wait, and it is set to O_NONBLOCK. While a descriptor has a
 * callback, something can still happen, so that a loop of waiting tasks has no deadlock. Do not
 * close the descriptor before its callbacks are removed. A failure that fn returns is reported, and
 * fn stays. An error of the descriptor counts as readable and writable. On the virtual clock time
 * stands still while a descriptor stays ready for its callback, since something can run.
 * fd: as in eddy_fd_wait. options may be NULL. Each call runs in one and the same context: what fn
 * sets there stays for the next.
 * Ownership: options->release_context is called exactly once: when the callback is removed,
 * replaced or dropped by the loop's close, by then at the end of a call that is under way, or here
 * if refused. A call that is refused leaves the callback that was there.
 * Returns as eddy_call_soon; EDDY_EINVAL (fd < 0), -EBADF, EDDY_EPERM (a regular file), EDDY_EBUSY
 * (something other than Eddy polls it on this uv_loop_t).
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.4
 */
#define eddy_fd_add_reader(fd, fn, context, options)                                              \
    eddy_fd_add_reader_at(EDDY_SITE, (fd), (fn), (context), (options))
EDDY_API eddy_status_t eddy_fd_add_reader_at(const char *EDDY_NULLABLE site, int32_t fd,
    eddy_task_fn EDDY_NULLABLE fn, void *EDDY_NULLABLE context,
    const eddy_callback_options_t *EDDY_NULLABLE options);

/* eddy_fd_add_reader for a descriptor that can be written. The two are apart.
 * Ownership: as eddy_fd_add_reader. Returns as eddy_fd_add_reader.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.4 */
#define eddy_fd_add_writer(fd, fn, context, options)                                              \
    eddy_fd_add_writer_at(EDDY_SITE, (fd), (fn), (context), (options))
EDDY_API eddy_status_t eddy_fd_add_writer_at(const char *EDDY_NULLABLE site, int32_t fd,
    eddy_task_fn EDDY_NULLABLE fn, void *EDDY_NULLABLE context,
    const eddy_callback_options_t *EDDY_NULLABLE options);

/* Removes what eddy_fd_add_reader, or eddy_fd_add_writer, has registered: it is called no more,
 * also if its turn has come. Returns EDDY_OK, EDDY_EALREADY (there is none), EDDY_EINVAL (fd < 0),
 * EDDY_EWRONGTHREAD (no loop here).
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.4 */
EDDY_API eddy_status_t eddy_fd_remove_reader(int32_t fd);
EDDY_API eddy_status_t eddy_fd_remove_writer(int32_t fd);

/*
 * eddy_call_soon without options and handle. eddy_post_threadsafe is its twin for other threads.
 * Ownership: release_context, which may be NULL, is called once after fn, or when the loop is
 * closed first, or when the call is refused.
 * Returns EDDY_EINVAL (fn is NULL), EDDY_ENOMEM, EDDY_EWRONGTHREAD (no loop here).
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.2
 */
EDDY_API eddy_status_t eddy_post(eddy_task_fn EDDY_NULLABLE fn, void *EDDY_NULLABLE context,
    eddy_release_fn EDDY_NULLABLE release_context);

/*
 * eddy_call_soon from any thread, to the loop given. A blocked loop is woken.
 * Ownership: as eddy_post; release_context runs on the loop's thread, or here if refused.
 * Returns EDDY_EINVAL, EDDY_ENOMEM, EDDY_EBADHANDLE (the loop is closed), EDDY_EFORKED.
 * Suspends: no. Cancel point: no. Thread: any. Since: 0.2
 */
EDDY_API eddy_status_t eddy_post_threadsafe(eddy_loop_t loop, eddy_task_fn EDDY_NULLABLE fn,
    void *EDDY_NULLABLE context, eddy_release_fn EDDY_NULLABLE release_context);

/*
 * eddy_future_complete, _fail and _cancel from any thread. EDDY_OK says that the outcome is on its
 * way; if the future is done, gone or a task's when it arrives, a value is released and nothing is
 * said. Cancelling a task's future asks the task to end.
 * Ownership: as their namesakes; release runs on the loop's thread, or here if refused.
 * Returns EDDY_EINVAL as their namesakes, EDDY_ENOMEM, EDDY_EBADHANDLE (no future's or task's
 * handle, or its loop is closed), EDDY_EFORKED.
 * Suspends: no. Cancel point: no. Thread: any. Since: 0.2
 */
EDDY_API eddy_status_t eddy_future_complete_threadsafe(eddy_future_t future,
    void *EDDY_NULLABLE value, eddy_release_fn EDDY_NULLABLE release);
EDDY_API eddy_status_t eddy_future_fail_threadsafe(eddy_future_t future, eddy_status_t status,
    const char *EDDY_NULLABLE message);
EDDY_API eddy_status_t eddy_future_cancel_threadsafe(eddy_future_t future,
    const char *EDDY_NULLABLE message);

/* One pointer of this thread's loop, for a binding to find its own; not owned. NULL at first, and
 * without a loop. Suspends: no. Cancel point: no. Thread: loop. Since: 0.2 */
EDDY_API void *EDDY_NULLABLE eddy_loop_data(void);

/* Sets that pointer. Ownership: release, which may be NULL, is called once, when the pointer is
 * replaced or the loop has been closed, or here if refused. Returns EDDY_EWRONGTHREAD (no loop
 * here), EDDY_EFORKED, EDDY_EBUSY. Suspends: no. Cancel point: no. Thread: loop. Since: 0.2 */
EDDY_API eddy_status_t eddy_loop_set_data(void *EDDY_NULLABLE data,
    eddy_release_fn EDDY_NULLABLE release);

/* ------------------------------------------------------------------------------------------------
 * A host's own libuv loop
 */

/* Live tasks do not keep an attached loop's uv_run going. */
#define EDDY_LOOP_UNREF ((uint32_t)4)

/*
 * Binds Eddy to a uv_loop_t that the host runs, and to this thread, which must be the one that
 * calls uv_run. Tasks then run inside the host's uv_run: before and after each poll. While tasks
 * are live, one referenced handle keeps uv_run going, unless EDDY_LOOP_UNREF is among the flags.
 * uv_loop: a struct uv_loop_s (uv_loop_t) of the libuv that Eddy is linked with; it must outlive
 * the detach. options may be NULL; EDDY_LOOP_VIRTUAL_CLOCK is EDDY_EINVAL here.
 * On an attached loop eddy_loop_run and eddy_loop_close give EDDY_EPERM, and eddy_loop_shutdown
 * cancels without waiting.
 * Returns EDDY_EINVAL, EDDY_E2BIG, EDDY_ENOMEM, EDDY_EBUSY (this thread has a loop), EDDY_EVERSION.
 * Suspends: no. Cancel point: no. Thread: any without a loop. Since: 0.2
 */
#define eddy_loop_attach(uv_loop, options, ret_loop)                                              \
    eddy_loop_attach_versioned(EDDY_VERSION_NUMBER, (uv_loop), (options), (ret_loop))
EDDY_API eddy_status_t eddy_loop_attach_versioned(int32_t version, void *EDDY_NULLABLE uv_loop,
    const eddy_loop_options_t *EDDY_NULLABLE options, eddy_loop_t *EDDY_NULLABLE ret_loop);

/*
 * Unbinds an attached loop. Its handles are closed; libuv lets go of them in the host's next
 * uv_run.
 * Since 0.4 it also leaves a loop whose shutdown gave EDDY_EGRACE: the thread is free for another
 * one, what is left of the tasks never runs again, and their memory is abandoned.
 * Returns EDDY_EBUSY (tasks are live, or called from inside Eddy), EDDY_EPERM (neither of these),
 * EDDY_EBADHANDLE, EDDY_EWRONGTHREAD.
 * Suspends: no. Cancel point: no. Thread: loop, outside its tasks and callbacks. Since: 0.2
 */
EDDY_API eddy_status_t eddy_loop_detach(eddy_loop_t loop);

/* ------------------------------------------------------------------------------------------------
 * Testing programs that use Eddy
 *
 * EDDY_LOOP_VIRTUAL_CLOCK and EDDY_LOOP_SEEDED_ORDER, options of any loop, make a program's run the
 * same each time: on the virtual clock an hour of sleep takes no time (there is no call that moves
 * it: to let time pass, sleep), and the seed alone draws the order. EDDY_LOOP_TRACE gives a run a
 * number to compare. The two searches below run a task function again and again, each time on a new
 * loop with the virtual clock, and disturb each run at the next place:
 *
 *     eddy_test_finding_t finding = EDDY_TEST_FINDING_INIT;
 *     eddy_test_cancel_everywhere(fn, context, NULL, &finding);
 *     if (finding.kind != EDDY_FINDING_NONE) puts(finding.text);
 *
 * A search ends with the first finding, with a run that ends before its place is reached, or after
 * max_runs.
 */

/* Keeps a hash of the order of events: see eddy_test_trace_hash. */
#define EDDY_LOOP_TRACE ((uint32_t)8)

/*
 * The hash of all that has happened on this thread's loop in its order: steps of tasks with what
 * woke them, outcomes, callbacks, deadlines, and the virtual clock. The same program with the same
 * seed gives the same hash in every process, if it uses the virtual clock and waits for nothing
 * outside. Where the thread has no loop: that of the last traced loop that was closed here.
 * Returns EDDY_EINVAL (ret_hash is NULL, or the loop is without EDDY_LOOP_TRACE), EDDY_EWRONGTHREAD
 * (no loop, and none was traced here).
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.3
 */
EDDY_API eddy_status_t eddy_test_trace_hash(uint64_t *EDDY_NULLABLE ret_hash);

/* What a run did wrong. */
#define EDDY_FINDING_NONE ((int32_t)0)
#define EDDY_FINDING_TASK ((int32_t)1)       /* it outlives the one under test, or a reference */
#define EDDY_FINDING_FUTURE ((int32_t)2)     /* a reference, and what it holds, is left */
#define EDDY_FINDING_ERROR ((int32_t)3)      /* a reference is left */
#define EDDY_FINDING_SCOPE ((int32_t)4)      /* left open (EDDY_ESCOPELEAK) */
#define EDDY_FINDING_VALUE ((int32_t)5)      /* taken with eddy_future_take and not released */
#define EDDY_FINDING_DESCRIPTOR ((int32_t)6) /* open after the run and not before, below 16384 */
#define EDDY_FINDING_HANG ((int32_t)7)       /* nothing can wake it, or max_steps are over */
#define EDDY_FINDING_IGNORED ((int32_t)8)    /* it goes on although it is cancelled */
#define EDDY_FINDING_TWICE ((int32_t)9)      /* a future or foreign task was completed twice */
#define EDDY_FINDING_CHECK ((int32_t)10)     /* options->after gave a failure */
#define EDDY_FINDING_TIMER ((int32_t)11)     /* Eddy's own fault, as is the next */
#define EDDY_FINDING_STACK ((int32_t)12)
#define EDDY_FINDING_CALLBACK ((int32_t)13)  /* it outlives the task under test, or a reference */

typedef struct eddy_test_finding {
    uint32_t size;
    int32_t kind;                          /* EDDY_FINDING_* */
    int64_t place;                         /* which wait, or which request for memory; from 1 */
    int64_t runs;                          /* done, this one included */
    int64_t count;                         /* of references, descriptors or steps, by kind */
    eddy_status_t status;                  /* the task's in the last run; the check's */
    int32_t wait_kind;                     /* where it was cancelled: EDDY_WAIT_*; NONE: not */
    int32_t exhausted;                     /* 1: every place has had its turn */
    int32_t reserved;
    char text[464];                        /* what and where, English; "" without a finding */
} eddy_test_finding_t;
#define EDDY_TEST_FINDING_INIT                                                                    \
    { (uint32_t)sizeof(eddy_test_finding_t), 0, 0, 0, 0, 0, 0, 0, 0, { 0 } }

#define EDDY_TEST_DEADLINE ((uint32_t)1)   /* cancelled by a deadline, not by a request */
#define EDDY_TEST_OUTLIVE ((uint32_t)2)    /* tasks and callbacks may outlive the one under test */
#define EDDY_TEST_ENDLESS ((uint32_t)4)    /* it may wait for ever until it is cancelled */
#define EDDY_TEST_THREADS ((uint32_t)8)    /* others open descriptors, so none are looked at */

/* Looks at what a run has left: place as in a finding, status the task's. */
typedef eddy_status_t (*eddy_test_after_fn)(void *EDDY_NULLABLE context, int64_t place,
    eddy_status_t status);

typedef struct eddy_test_options {
    uint32_t size;
    uint32_t flags;                        /* EDDY_TEST_*, or 0 */
    int64_t max_runs;                      /* 0: 10,000 */
    int64_t max_steps;                     /* of one run, and after its cancel; 0: 100,000 */
    int64_t patience_ns;                   /* real time that a run may wait for descriptors and
                                              other threads at a stretch; 0: 1 s */
    const eddy_loop_options_t *EDDY_NULLABLE loop;   /* seed, grace and the rest; NULL: defaults.
                                              Without a report hook, reports are dropped */
    eddy_task_fn EDDY_NULLABLE setup;      /* called before each run, without a loop */
    eddy_test_after_fn EDDY_NULLABLE after;/* called after each run, without a loop; a failure is
                                              a finding */
} eddy_test_options_t;
#define EDDY_TEST_OPTIONS_INIT                                                                    \
    { (uint32_t)sizeof(eddy_test_options_t), 0, 0, 0, 0, NULL, NULL, NULL }

/*
 * Runs fn(context) as a root task again and again, cancelled at its 1st, 2nd, ... n-th wait. A wait
 * counts once for each step of any task or callback that it lasts: so the cancel comes when it has
 * begun, after everything that happens meanwhile, and between what wakes it and its return. That
 * the task then fails, or ends with EDDY_OK, is no finding. Which ones are: EDDY_FINDING_*.
 * options may be NULL. ret_finding: set its size first.
 * Each run must begin alike: what fn changes outside itself, options->setup sets right. A task that
 * cannot be ended, after EDDY_FINDING_HANG or _IGNORED, is abandoned with its loop's memory. Code
 * that loops without a call of Eddy is not found.
 * Returns EDDY_OK, also with a finding; EDDY_EINVAL, EDDY_E2BIG, EDDY_ENOMEM, EDDY_EBUSY (this
 * thread has a loop), or the failure of options->setup.
 * Suspends: no. Cancel point: no. Thread: any without a loop. Since: 0.3
 */
EDDY_API eddy_status_t eddy_test_cancel_everywhere(eddy_task_fn EDDY_NULLABLE fn,
    void *EDDY_NULLABLE context, const eddy_test_options_t *EDDY_NULLABLE options,
    eddy_test_finding_t *EDDY_NULLABLE ret_finding);

/*
 * The same with no cancel: in each run the library's 1st, 2nd, ... n-th request for memory fails,
 * stacks included, from the first step of fn on. libuv's own are not among them.
 * Returns as eddy_test_cancel_everywhere; EDDY_TEST_DEADLINE is EDDY_EINVAL here.
 * Suspends: no. Cancel point: no. Thread: any without a loop. Since: 0.3
 */
EDDY_API eddy_status_t eddy_test_fail_allocations(eddy_task_fn EDDY_NULLABLE fn,
    void *EDDY_NULLABLE context, const eddy_test_options_t *EDDY_NULLABLE options,
    eddy_test_finding_t *EDDY_NULLABLE ret_finding);

#ifdef __cplusplus
}
#endif

#if defined(__clang__)
#pragma clang assume_nonnull end
#pragma clang diagnostic pop
#endif

#endif /* EDDY_H */
