/*
 * load.c: the client of `make demo-c`. It starts the echo server of 06_echo_server.c, puts load on
 * it over plain sockets, stops it with SIGINT, and checks what each side saw. It does not use Eddy.
 *
 * Usage: load SERVER LIBRARY FILE...
 *   SERVER   the echo server's program
 *   LIBRARY  the folder whose libeddy.so it must have loaded
 *   FILE...  what is sent through it
 *
 * One thread and poll. Every step can fail, and then the exit status is 1. A watchdog ends all
 * after WATCHDOG_S seconds. The server is ended by its process id, in every outcome.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    FULL = 50,          /* connections that the files go through at once */
    TRICKLE = 10,       /* connections that stay busy, slowly, next to the silent one */
    IDLE_MS = 1000,     /* the server's idle deadline */
    TICK_MS = 100,      /* between two bytes of a slow connection */
    WATCHDOG_S = 30
};

struct peer { int fd; size_t sent, got; };

static volatile sig_atomic_t server_pid;
static int server_out = -1, server_port;
static char *payload;
static size_t payload_bytes;
static unsigned long long checked_bytes;

static long long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
static void fail(const char *format, ...)
{
    va_list arguments;
    fflush(stdout);
    fputs("demo: FAILED: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    if (server_pid > 0) {
        kill((pid_t)server_pid, SIGKILL);
        waitpid((pid_t)server_pid, NULL, 0);
    }
    exit(1);
}

static void on_alarm(int number)
{
    static const char text[] = "demo: FAILED: the watchdog's time is over\n";
    (void)number;
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0) { /* nobody listens */ }
    if (server_pid > 0) kill((pid_t)server_pid, SIGKILL);
    _exit(1);
}

/* Waits until fd can be read; false when `ms` have passed. */
static int readable(int fd, int ms)
{
    struct pollfd one = { .fd = fd, .events = POLLIN };
    const long long end = now_ms() + ms;
    for (;;) {
        const long long left = end - now_ms();
        const int n = poll(&one, 1, left > 0 ? (int)left : 0);
        if (n > 0) return 1;
        if (n == 0) return 0;
        if (errno != EINTR) fail("poll: %s", strerror(errno));
    }
}

/* One line of the server's output, without its end; false at the end of the output. */
static int server_line(char *line, size_t capacity)
{
    size_t length = 0;
    for (;;) {
        char byte;
        if (!readable(server_out, 5000)) fail("the server says nothing for 5 s");
        const ssize_t n = read(server_out, &byte, 1);
        if (n < 0) fail("reading the server's output: %s", strerror(errno));
        if (n == 0 && length > 0) fail("half a line from the server: %.*s", (int)length, line);
        if (n == 0) return 0;
        if (byte == '\n') break;
        if (length + 1 == capacity) fail("the server's line is too long");
        line[length++] = byte;
    }
    line[length] = 0;
    return 1;
}

static void start_server(const char *program)
{
    char idle[16], line[200];
    int out[2];
    snprintf(idle, sizeof idle, "%d", IDLE_MS);
    if (pipe(out) != 0) fail("pipe: %s", strerror(errno));
    const pid_t pid = fork();
    if (pid < 0) fail("fork: %s", strerror(errno));
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);   /* if this program is killed */
        dup2(out[1], STDOUT_FILENO);
        close(out[0]);
        close(out[1]);
        execl(program, program, "0", idle, (char *)NULL);
        _exit(127);
    }
    server_pid = pid;
    server_out = out[0];
    close(out[1]);
    if (!server_line(line, sizeof line)) fail("the server ended before it listened");
    if (sscanf(line, "listening on 127.0.0.1:%d", &server_port) != 1)
        fail("the server's first line is: %s", line);
}

/* The server must run on the libeddy.so under test, which carries no Swift runtime library. */
static void check_libraries(const char *folder)
{
    char path[64], line[4096 + 200], *real = realpath(folder, NULL);
    int eddy = 0;
    snprintf(path, sizeof path, "/proc/%d/maps", (int)server_pid);
    FILE *maps = fopen(path, "r");
    if (maps == NULL || real == NULL) fail("no %s or no %s", path, folder);
    while (fgets(line, sizeof line, maps) != NULL) {
        const char *file = strchr(line, '/'), *name = file != NULL ? strrchr(file, '/') + 1 : "";
        if (strncmp(name, "libswift", 8) == 0) fail("the server has loaded %s", name);
        if (strncmp(name, "libeddy.so", 10) != 0) continue;
        if (strncmp(file, real, strlen(real)) != 0 || file[strlen(real)] != '/')
            fail("the server has another libeddy: %s", file);
        eddy = 1;
    }
    fclose(maps);
    free(real);
    if (!eddy) fail("the server has no libeddy.so");
}

static int server_descriptors(void)
{
    char path[64];
    int count = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)server_pid);
    DIR *folder = opendir(path);
    if (folder == NULL) fail("%s: %s", path, strerror(errno));
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

static void add_to_payload(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) fail("%s: %s", path, strerror(errno));
    fseek(file, 0, SEEK_END);
    const long bytes = ftell(file);
    if (bytes <= 0) fail("%s is empty", path);
    rewind(file);
    payload = realloc(payload, payload_bytes + (size_t)bytes);
    if (payload == NULL || fread(payload + payload_bytes, 1, (size_t)bytes, file) != (size_t)bytes)
        fail("cannot read %s", path);
    payload_bytes += (size_t)bytes;
    fclose(file);
}

/* A connection, or -1 with errno. */
static int try_connect(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    address.sin_port = htons((uint16_t)server_port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0) fail("socket: %s", strerror(errno));
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
    const int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static struct peer open_peer(void)
{
    const struct peer peer = { .fd = try_connect() };
    if (peer.fd < 0) fail("connect: %s", strerror(errno));
    return peer;
}

/* Sends the next piece of the payload. The pieces' sizes differ from one connection to another. */
static void send_piece(struct peer *peer, int index, size_t upto)
{
    size_t bytes = (size_t)(1 + index * 977 % 8192);
    if (bytes > upto - peer->sent) bytes = upto - peer->sent;
    const ssize_t n = send(peer->fd, payload + peer->sent, bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        fail("send on connection %d: %s", index, strerror(errno));
    if (n > 0) peer->sent += (size_t)n;
}

/* Takes what has come back and compares it, byte for byte, with what was sent. */
static void check_piece(struct peer *peer, int index)
{
    char buffer[16384];
    const ssize_t n = recv(peer->fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n < 0) fail("recv on connection %d: %s", index, strerror(errno));
    if (n == 0) fail("the server closed connection %d after %zu bytes", index, peer->got);
    if ((size_t)n > peer->sent - peer->got) fail("connection %d got more than it sent", index);
    if (memcmp(buffer, payload + peer->got, (size_t)n) != 0)
        fail("connection %d got other bytes than it sent, after byte %zu", index, peer->got);
    peer->got += (size_t)n;
    checked_bytes += (unsigned long long)n;
}

/* All connections at once, until each has its first `upto` bytes back. */
static void pump(struct peer *peers, int count, size_t upto)
{
    struct pollfd fds[FULL];
    for (;;) {
        int busy = 0;
        for (int i = 0; i < count; i++) {
            const int wants = peers[i].got < upto ? POLLIN : 0;
            const int has = peers[i].sent < upto ? POLLOUT : 0;
            fds[i] = (struct pollfd){ .fd = peers[i].fd, .events = (short)(wants | has) };
            busy += wants != 0;
        }
        if (busy == 0) return;
        const int n = poll(fds, (nfds_t)count, 5000);
        if (n == 0) fail("%d connections get nothing for 5 s", busy);
        if (n < 0 && errno != EINTR) fail("poll: %s", strerror(errno));
        for (int i = 0; i < count && n > 0; i++) {
            if (fds[i].revents & POLLOUT) send_piece(&peers[i], i, upto);
            if (fds[i].revents & ~POLLOUT) check_piece(&peers[i], i);
        }
    }
}

/* The server must close this connection within `ms`. Bytes under way come first. A reset is its end
 * as well: that is what a close gives while sent bytes are unread. */
static void expect_end(struct peer *peer, int index, int ms, int reset_allowed)
{
    char buffer[65536];
    for (;;) {
        if (!readable(peer->fd, ms)) fail("connection %d is not closed after %d ms", index, ms);
        const ssize_t n = recv(peer->fd, buffer, sizeof buffer, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno == ECONNRESET && reset_allowed)) break;
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            fail("recv on connection %d: %s", index, strerror(errno));
        if (n > 0 && !reset_allowed) fail("connection %d got bytes that it did not send", index);
    }
    close(peer->fd);
    peer->fd = -1;
}

static void send_files(void)
{
    struct peer peers[FULL];
    const int before = server_descriptors();
    const long long start = now_ms();
    for (int i = 0; i < FULL; i++) peers[i] = open_peer();
    pump(peers, FULL, 1);
    const int open = server_descriptors() - before;
    if (open != FULL) fail("the server has %d descriptors for %d connections", open, FULL);
    pump(peers, FULL, payload_bytes);
    for (int i = 0; i < FULL; i++) shutdown(peers[i].fd, SHUT_WR);
    for (int i = 0; i < FULL; i++) expect_end(&peers[i], i, 5000, 0);
    const int left = server_descriptors() - before;
    if (left != 0) fail("the server kept %d descriptors of closed connections", left);
    printf("2. %d connections at once, %zu bytes through each: all came back the same, in %lld "
        "ms.\n   The server closed each at its end and kept no descriptor.\n", FULL, payload_bytes,
        now_ms() - start);
}

/* One connection says nothing while the others send a byte now and then. */
static void be_silent(struct peer *slow)
{
    long long closed_after = -1;
    const long long start = now_ms();
    struct peer silent = open_peer();
    for (int i = 0; i < TRICKLE; i++) slow[i] = open_peer();
    for (size_t byte = 1; now_ms() - start < 2 * IDLE_MS; byte++) {
        pump(slow, TRICKLE, byte);
        if (closed_after >= 0) {
            poll(NULL, 0, TICK_MS);
        } else if (readable(silent.fd, TICK_MS)) {
            expect_end(&silent, FULL, 0, 0);
            closed_after = now_ms() - start;
        }
    }
    if (closed_after < IDLE_MS)   /* -1: not at all */
        fail("the silent connection was closed after %lld ms", closed_after);
    printf("3. One silent connection was closed after %lld ms by its idle deadline of %d ms.\n"
        "   The %d beside it sent a byte every %d ms for %d ms, and all are open.\n", closed_after,
        IDLE_MS, TRICKLE, TICK_MS, 2 * IDLE_MS);
}

/* Sends and does not read, until the server can neither send nor read any more. */
static struct peer open_stuck_peer(void)
{
    static const char zeros[65536];
    const struct peer peer = open_peer();
    for (int stuck = 0; stuck < 5;) {
        const ssize_t n = send(peer.fd, zeros, sizeof zeros, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN && errno != EINTR) fail("send: %s", strerror(errno));
        stuck = n > 0 ? 0 : stuck + 1;
        if (n <= 0) poll(NULL, 0, 20);
    }
    return peer;
}

/* What the server says must be what the connections saw. Returns the cleanups. */
static int check_account(int idle, int unwound)
{
    char line[200], wanted[200], last[200] = "";
    int ends[3] = { 0, 0, 0 };
    const int all = FULL + idle + unwound;
    snprintf(wanted, sizeof wanted, "stopped: %d served, %d closed by idle deadline, %d unwound by "
        "the stop, %d cleanups run, 0 descriptors left", all, idle, unwound, all);
    while (server_line(line, sizeof line)) {
        const char *end = strstr(line, ": ");
        strcpy(last, line);
        if (strncmp(line, "connection ", 11) != 0 || end == NULL) continue;
        if (strcmp(end, ": peer closed") == 0) ends[0]++;
        else if (strcmp(end, ": idle deadline") == 0) ends[1]++;
        else if (strcmp(end, ": server stop") == 0) ends[2]++;
        else fail("the server says: %s", line);
    }
    if (ends[0] != FULL || ends[1] != idle || ends[2] != unwound)
        fail("the server logged %d, %d and %d ends, not %d, %d and %d", ends[0], ends[1], ends[2],
            FULL, idle, unwound);
    if (strcmp(last, wanted) != 0) fail("the server says\n  %s\nand not\n  %s", last, wanted);
    printf("   It says: %s\n", last);
    return all;
}

/* SIGINT with connections open: all must unwind, and the server must end with status 0. */
static long stop_server(struct peer *slow, int *ret_cleanups)
{
    struct rusage usage;
    int status;
    const pid_t pid = (pid_t)server_pid;
    struct peer stuck = open_stuck_peer();
    const long long start = now_ms();
    kill(pid, SIGINT);
    for (int i = 0; i < TRICKLE; i++) expect_end(&slow[i], i, 5000, 0);
    expect_end(&stuck, TRICKLE, 5000, 1);
    printf("4. SIGINT with %d connections open, one of them stuck in a send: all were closed in "
        "%lld ms.\n", TRICKLE + 1, now_ms() - start);
    *ret_cleanups = check_account(1, TRICKLE + 1);
    if (wait4(pid, &status, 0, &usage) != pid) fail("wait4: %s", strerror(errno));
    server_pid = 0;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail("the server ended with %s %d", WIFEXITED(status) ? "status" : "signal",
            WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    if (try_connect() >= 0 || errno != ECONNREFUSED) fail("its port still accepts");
    printf("   Its exit status is 0, and its port is closed.\n");
    return usage.ru_maxrss;
}

int main(int argc, char **argv)
{
    struct peer slow[TRICKLE];
    struct sigaction action = { .sa_handler = on_alarm };
    int cleanups = 0;
    if (argc < 4) fail("usage: load SERVER LIBRARY FILE...");
    setvbuf(stdout, NULL, _IOLBF, 0);
    sigaction(SIGALRM, &action, NULL);
    alarm(WATCHDOG_S);
    const long long start = now_ms();
    for (int i = 3; i < argc; i++) add_to_payload(argv[i]);
    start_server(argv[1]);
    check_libraries(argv[2]);
    printf("1. The echo server listens on 127.0.0.1:%d, on the libeddy.so just built; no Swift\n"
        "   runtime library is in its process.\n", server_port);
    send_files();
    be_silent(slow);
    const long rss_kib = stop_server(slow, &cleanups);
    printf("demo: ok: %d connections, %llu bytes checked, %lld ms, %d cleanups run, server max RSS "
        "%ld KiB\n", FULL + 1 + TRICKLE + 1, checked_bytes, now_ms() - start, cleanups, rss_kib);
    free(payload);
    return 0;
}
