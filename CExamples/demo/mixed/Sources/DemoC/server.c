/*
 * server.c: the echo server of 06_echo_server.c as C tasks in a group that Swift has opened.
 *
 * The example is included whole, so that what serves here is what is shown there; its main gets
 * another name and is not called, and its lines about ends that are not a peer's get an indent.
 * Each connection's task is named and its handle is kept, for the demo's account.
 * One server in a process. Threads: the loop's.
 */
#define _POSIX_C_SOURCE 200809L
#include <eddy.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int say(const char *format, ...) EDDY_PRINTF(1, 2);

#define main echo_server_main
#define printf say
#include "../../../../06_echo_server.c"
#undef main
#undef printf

#include "demo.h"

int echo_server_main(int argc, char **argv);

enum { MOST_TASKS = 256 };

static struct server server;
static eddy_future_t listening;
static eddy_task_t tasks[MOST_TASKS];
static int32_t task_count;

static int say(const char *format, ...)
{
    char line[200];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (strstr(line, "peer closed") == NULL && strncmp(line, "listening", 9) != 0)
        printf("   C server: %s", line);
    return length;
}

/* accept_all of the example, with names and with the handles kept. */
static eddy_status_t accept_named(void)
{
    char name[32];
    eddy_spawn_options_t options = EDDY_SPAWN_OPTIONS_INIT;
    options.release_context = free_connection;
    options.name = name;
    for (int number = 1; task_count < MOST_TASKS; number++) {
        struct connection *connection;
        EDDY_TRY(accept_next(&server, number, &connection));
        snprintf(name, sizeof name, "C connection %d", number);
        EDDY_TRY(eddy_group_spawn(server.group, serve, connection, &options, &tasks[task_count]));
        task_count++;
    }
    return eddy_fail(EDDY_ENOMEM, "the demo counts %d connections at most", MOST_TASKS);
}

static eddy_status_t make_listening(void)
{
    return listening.id != 0 ? EDDY_OK : eddy_future_create(&listening);
}

eddy_status_t demo_serve(void *context)
{
    const demo_server_t *wanted = context;
    struct sockaddr_in address = { 0 };
    socklen_t length = sizeof address;
    server.group = wanted->group;
    server.idle_ns = wanted->idle_ns;
    EDDY_TRY(make_listening());
    EDDY_TRY(open_listener(&server));   /* its close is deferred to this task's end */
    if (getsockname(server.listener, (struct sockaddr *)&address, &length) != 0) return -errno;
    server.port = ntohs(address.sin_port);
    EDDY_TRY(eddy_future_complete(listening, NULL, NULL));
    return accept_named();
}

eddy_status_t demo_wait_listening(void *context)
{
    (void)context;
    EDDY_TRY(make_listening());
    EDDY_TRY(eddy_future_wait(listening, NULL));
    return eddy_return((void *)(intptr_t)server.port, NULL);
}

demo_counts_t demo_counts(void)
{
    return (demo_counts_t){ server.served, server.idle, server.unwound, server.cleanups };
}

int32_t demo_open_descriptors(void) { return open_descriptors(); }

int32_t demo_task_count(void) { return task_count; }

eddy_task_t demo_task(int32_t index) { return tasks[index]; }

void demo_forget_tasks(void)
{
    while (task_count > 0) eddy_task_release(tasks[--task_count]);
    eddy_future_release(listening);
    listening = (eddy_future_t){ 0 };
}
