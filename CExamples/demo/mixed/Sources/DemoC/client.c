/*
 * client.c: what Swift's clients need of C: a connected socket, tasks that wait for it, and a few
 * figures of the process. No state. Threads: the loop's; the watchdog is a signal.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "demo.h"

/* Both numbers in the pointer itself: there is nothing to keep alive or to free. */
void *demo_wait_context(int32_t fd, int32_t events)
{
    return (void *)(((uintptr_t)fd << 3) | (uintptr_t)events);
}

eddy_status_t demo_wait(void *context)
{
    const uintptr_t both = (uintptr_t)context;
    return eddy_fd_wait((int32_t)(both >> 3), (int32_t)(both & 7), NULL);
}

eddy_status_t demo_join(void *context)
{
    const eddy_task_t *task = context;
    return eddy_task_join(*task, NULL);
}

int32_t demo_connect(int32_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    address.sin_port = htons((uint16_t)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 || errno == EINPROGRESS)
        return fd;
    const int error = errno;
    close(fd);
    return -error;
}

int32_t demo_threads(void)
{
    int32_t count = 0;
    DIR *folder = opendir("/proc/self/task");
    if (folder == NULL) return -errno;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

long demo_max_rss_kib(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_maxrss : -1;
}

static void on_alarm(int number)
{
    static const char text[] = "demo: FAILED: the watchdog's time is over\n";
    (void)number;
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0) { /* nobody listens */ }
    _exit(1);
}

void demo_begin(uint32_t watchdog_seconds)
{
    struct sigaction action = { .sa_handler = on_alarm };
    sigaction(SIGALRM, &action, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    alarm(watchdog_seconds);
}

void demo_fail(const char *text)
{
    fflush(stdout);
    fprintf(stderr, "demo: FAILED: %s\n", text != NULL ? text : "");
    exit(1);
}
