/*
 * demo.h: the C side of the mixed demo, as its Swift side sees it. All of it runs on the loop's
 * one thread.
 *
 * The functions that take `void *context` are task functions: Swift spawns them into its group.
 */
#ifndef DEMO_H
#define DEMO_H

#include <eddy.h>

/* The context of demo_serve; it must outlive the task. */
typedef struct demo_server {
    eddy_scope_t group;      /* the connections' tasks become its children */
    int64_t idle_ns;         /* a peer that does nothing for this long is closed */
} demo_server_t;

typedef struct demo_counts {
    int32_t served, idle, unwound, cleanups;
} demo_counts_t;

/* The echo server of 06_echo_server.c. It accepts until it is cancelled. */
eddy_status_t demo_serve(void *context);

/* Waits until the server listens. Its value is the port, as an integer. */
eddy_status_t demo_wait_listening(void *context);

/* Waits for a descriptor. context: from demo_wait_context. */
eddy_status_t demo_wait(void *context);
void *demo_wait_context(int32_t fd, int32_t events);

/* Joins a task, which may be Swift's. context: a pointer to its handle. */
eddy_status_t demo_join(void *context);

/* A non-blocking socket that connects to the port on loopback, or a negative errno. */
int32_t demo_connect(int32_t port);

demo_counts_t demo_counts(void);
int32_t demo_open_descriptors(void);
int32_t demo_threads(void);
long demo_max_rss_kib(void);

/* Each line is to be seen at once, and the process ends with status 1 after so many seconds, unless
 * it has ended before. */
void demo_begin(uint32_t watchdog_seconds);

/* Says why, on stderr, and ends the process with status 1. */
void demo_fail(const char *text) __attribute__((noreturn));

/* The connections' tasks, in the order of acceptance, kept until demo_forget_tasks. */
int32_t demo_task_count(void);
eddy_task_t demo_task(int32_t index);
void demo_forget_tasks(void);

#endif
