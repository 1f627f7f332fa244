/*
 * starve.c: runs a program again and again under shim.so, each time with another of its requests
 * for memory refused: first the n-th alone, then every n-th, for n = 1 ... as many as it makes.
 *
 * usage: starve SHIM server|plain PROGRAM [ARGUMENT...]
 * A run is right if it ends by itself within 20 s, with status 0, or with 1 and a text that names
 * memory, or by an abort that Eddy names; and if it ends by itself it has given everything back. A
 * server is sent a line by two clients, and SIGINT.
 * Prints one line for each wrong run, and "N runs, M refused requests, W wrong" last; status 0 if
 * none was wrong.
 *
 * Owns the child of the moment: no run leaves one behind.
 * Threads: one.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { report_at = 100, patience_s = 20 };

static const char *shim;
static char **program;
static int is_server;

/* What a run left. */
typedef struct run {
    int status;                    /* as waitpid gives it */
    int hangs;
    char said[4096];               /* stdout and stderr, the end of them */
    long long steps, failures, blocks, mapped;
} run_t;

static void die(const char *what) {
    perror(what);
    exit(2);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static pid_t start(const char *how, int n, int said[2], int report[2]) {
    if (pipe(said) != 0 || pipe(report) != 0) die("pipe");
    const pid_t child = fork();
    if (child < 0) die("fork");
    if (child > 0) {
        close(said[1]);
        close(report[1]);
        return child;
    }
    char text[32], place[32];
    snprintf(text, sizeof text, "%d", n);
    snprintf(place, sizeof place, "%d", report_at);
    setenv("LD_PRELOAD", shim, 1);
    setenv(how, text, 1);
    setenv("EDDY_FAULT_REPORT", place, 1);
    if (dup2(said[1], 1) < 0 || dup2(said[1], 2) < 0 || dup2(report[1], report_at) < 0) _exit(96);
    close(said[0]);
    close(said[1]);
    close(report[0]);
    close(report[1]);
    execv(program[0], program);
    _exit(96);
}

/* Two clients, one after the other, each with a line that should come back; then the stop. What
 * fails here fails because the server does. */
static void visit(pid_t server, int port) {
    for (int client = 0; client < 2; client++) {
        const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
        struct timeval limit = { 1, 0 };
        char line[6] = "hello";
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0
            && send(fd, line, sizeof line, MSG_NOSIGNAL) > 0)
            while (recv(fd, line, sizeof line, 0) < 0 && errno == EINTR) { }
        close(fd);
    }
    kill(server, SIGINT);
}

/* Takes what the child says until it has closed its end. */
static void listen_to(pid_t child, int said, run_t *run) {
    const double end = now() + patience_s;
    size_t length = 0;
    int visited = 0;
    for (;;) {
        struct pollfd look = { said, POLLIN, 0 };
        const int left = (int)((end - now()) * 1000);
        if (left <= 0 || poll(&look, 1, left) == 0) {
            run->hangs = 1;
            kill(child, SIGKILL);
            return;
        }
        if (length > sizeof run->said / 2) {
            length -= sizeof run->said / 4;
            memmove(run->said, run->said + sizeof run->said / 4, length);
        }
        const ssize_t count = read(said, run->said + length, sizeof run->said - 1 - length);
        if (count <= 0) return;
        length += (size_t)count;
        run->said[length] = 0;
        const char *colon = strstr(run->said, "listening on 127.0.0.1:");
        if (!is_server || visited || !colon || !strchr(colon, '\n')) continue;
        visited = 1;
        visit(child, atoi(strchr(colon, ':') + 1));
    }
}

static void run_once(const char *how, int n, run_t *run) {
    int said[2], report[2];
    char line[128];
    memset(run, 0, sizeof *run);
    run->blocks = -1;
    const pid_t child = start(how, n, said, report);
    listen_to(child, said[0], run);
    if (waitpid(child, &run->status, 0) != child) die("waitpid");
    const ssize_t count = read(report[0], line, sizeof line - 1);
    line[count > 0 ? count : 0] = 0;
    if (sscanf(line, "%lld %lld %lld %lld", &run->steps, &run->failures, &run->blocks,
            &run->mapped) != 4)
        run->blocks = -1;
    close(said[0]);
    close(report[0]);
}

static int names_memory(const char *text) {
    return strstr(text, "ENOMEM") || strstr(text, "memory");
}

/* Why a run was wrong, or NULL. */
static const char *fault(const run_t *run) {
    if (run->hangs) return "it hangs";
    if (WIFSIGNALED(run->status)) {
        if (WTERMSIG(run->status) != SIGABRT) return "it crashes";
        return strstr(run->said, "eddy: ") && names_memory(run->said) ? NULL : "an unnamed abort";
    }
    if (WEXITSTATUS(run->status) > 1) return "an exit status above 1";
    if (WEXITSTATUS(run->status) == 1 && !names_memory(run->said)) return "a failure without name";
    if (run->blocks != 0 || run->mapped != 0) return "it leaks";
    return NULL;
}

int main(int argc, char **argv) {
    static run_t run;
    long long runs = 0, refused = 0, wrong = 0;
    if (argc < 4) return 2;
    shim = argv[1];
    is_server = strcmp(argv[2], "server") == 0;
    program = argv + 3;
    run_once("EDDY_FAULT_AT", 0, &run);
    const long long steps = run.steps;
    if (fault(&run) || steps == 0) {
        printf("with all its memory: %s\n%s", fault(&run) ? fault(&run) : "asks for none",
            run.said);
        return 1;
    }
    for (int mode = 0; mode < 2; mode++) {
        for (int n = 1; n <= steps; n++) {
            run_once(mode ? "EDDY_FAULT_EVERY" : "EDDY_FAULT_AT", n, &run);
            runs++;
            refused += run.failures;
            const char *why = fault(&run);
            if (!why) continue;
            wrong++;
            printf("%s %d of %lld: %s (status %x, %lld blocks, %lld bytes mapped)\n%s\n",
                mode ? "every" : "request", n, steps, why, run.status, run.blocks, run.mapped,
                run.said);
        }
    }
    printf("%lld runs, %lld refused requests, %lld wrong\n", runs, refused, wrong);
    return wrong != 0;
}
