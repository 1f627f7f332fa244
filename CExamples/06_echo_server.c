/*
 * 06_echo_server.c: a TCP echo server on eddy_fd_wait. One task for each connection, all in one
 * group; each wait for a peer has an idle deadline; SIGINT stops the server, and all that is open
 * unwinds.
 *
 * Build:   cc 06_echo_server.c -o echo_server $(pkg-config --cflags --libs eddy)
 * Run:     ./echo_server [port [idle milliseconds]]     (port 0, the default: a free one)
 * Prints:  listening on 127.0.0.1:PORT
 *          connection N: peer closed | idle deadline | server stop | the name of a status
 *          stopped: N served, N closed by idle deadline, N unwound by the stop, N cleanups run,
 *              N descriptors left     (in one line)
 */
#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <eddy.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct server {
    int port, listener;
    int64_t idle_ns;
    eddy_scope_t group;
    int served, idle, unwound, cleanups;
};
struct connection { struct server *server; int number, fd; };

static int stop_pipe[2];   /* the signal handler writes, a task reads */

static void on_sigint(int number)
{
    const int kept = errno;
    (void)number;
    if (write(stop_pipe[1], "", 1) < 0) { /* the pipe is full: the stop is known already */ }
    errno = kept;
}

static eddy_status_t watch_stop(void *context)
{
    struct server *server = context;
    EDDY_TRY(eddy_fd_wait(stop_pipe[0], EDDY_READABLE, NULL));
    return eddy_scope_cancel(server->group, "SIGINT");
}

/* Waits until the peer can go on, or has done nothing for the idle time. */
static eddy_status_t wait_ready(const struct connection *connection, int32_t events)
{
    eddy_scope_t idle;
    EDDY_TRY(eddy_timeout_open(&idle, connection->server->idle_ns, NULL));
    return eddy_scope_close(idle, eddy_fd_wait(connection->fd, events, NULL));
}

/* Sends back what comes, until the peer closes (EDDY_OK) or something fails. */
static eddy_status_t echo(const struct connection *connection)
{
    char buffer[4096];
    for (;;) {
        EDDY_TRY(wait_ready(connection, EDDY_READABLE));   /* sets O_NONBLOCK, too */
        const ssize_t got = recv(connection->fd, buffer, sizeof buffer, 0);
        if (got == 0) return EDDY_OK;
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (got < 0) return -errno;
        for (ssize_t sent = 0; sent < got;) {
            const size_t rest = (size_t)(got - sent);
            const ssize_t n = send(connection->fd, buffer + sent, rest, MSG_NOSIGNAL);
            if (n >= 0) sent += n;
            else if (errno == EAGAIN) EDDY_TRY(wait_ready(connection, EDDY_WRITABLE));
            else if (errno != EINTR) return -errno;
        }
    }
}

static eddy_status_t clean_up(void *context)
{
    struct connection *connection = context;
    close(connection->fd);
    connection->fd = -1;
    connection->server->cleanups++;
    return EDDY_OK;
}

/* The context's end. A task that was refused, or cancelled before its first step, still has its
 * descriptor. */
static void free_connection(void *context)
{
    struct connection *connection = context;
    if (connection->fd >= 0) close(connection->fd);
    free(connection);
}

/* A connection's task. Its failures stay its own, since one that it returned would cancel all. */
static eddy_status_t serve(void *context)
{
    struct connection *connection = context;
    struct server *server = connection->server;
    EDDY_TRY(eddy_defer(clean_up, connection));
    server->served++;
    const eddy_status_t status = echo(connection);
    const char *reason = eddy_status_name(status);
    if (status == EDDY_OK) reason = "peer closed";
    if (status == EDDY_ETIMEDOUT) { reason = "idle deadline"; server->idle++; }
    if (status == EDDY_ECANCELED) { reason = "server stop"; server->unwound++; }
    printf("connection %d: %s\n", connection->number, reason);
    return status == EDDY_ECANCELED ? status : EDDY_OK;
}

/* Waits for the next peer. Out of descriptors or memory, or with a peer that is gone already, the
 * server goes on. */
static eddy_status_t accept_next(struct server *server, int number, struct connection **ret_next)
{
    for (;;) {
        EDDY_TRY(eddy_fd_wait(server->listener, EDDY_READABLE, NULL));
        const int fd = accept(server->listener, NULL, NULL);
        struct connection *connection = fd >= 0 ? malloc(sizeof *connection) : NULL;
        if (connection != NULL) {
            *connection = (struct connection){ server, number, fd };
            *ret_next = connection;
            return EDDY_OK;
        }
        if (fd >= 0) close(fd);
        EDDY_TRY(eddy_sleep(EDDY_MILLISECONDS(5)));
    }
}

static eddy_status_t accept_all(struct server *server)
{
    eddy_spawn_options_t options = EDDY_SPAWN_OPTIONS_INIT;
    options.release_context = free_connection;
    for (int number = 1;; number++) {
        struct connection *connection;
        EDDY_TRY(accept_next(server, number, &connection));
        const eddy_status_t status =
            eddy_group_spawn(server->group, serve, connection, &options, NULL);
        if (status != EDDY_OK && status != EDDY_ENOMEM) return status;
    }
}

static eddy_status_t close_listener(void *context)
{
    close(((struct server *)context)->listener);
    return EDDY_OK;
}

static eddy_status_t open_listener(struct server *server)
{
    const int one = 1;
    struct sockaddr_in address = { 0 };
    socklen_t length = sizeof address;
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)server->port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server->listener = socket(AF_INET, SOCK_STREAM, 0);
    if (server->listener < 0) return eddy_fail(-errno, "no socket");
    EDDY_TRY(eddy_defer(close_listener, server));
    if (setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0
        || bind(server->listener, (struct sockaddr *)&address, sizeof address) != 0
        || listen(server->listener, 128) != 0
        || getsockname(server->listener, (struct sockaddr *)&address, &length) != 0)
        return eddy_fail(-errno, "cannot listen on port %d", server->port);
    printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    return EDDY_OK;
}

static int open_descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 1024; fd++) count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static eddy_status_t root(void *context)
{
    struct server *server = context;
    EDDY_TRY(open_listener(server));
    const int before = open_descriptors();
    EDDY_TRY(eddy_group_open(&server->group, NULL));
    EDDY_TRY_IN(server->group, eddy_group_spawn(server->group, watch_stop, server, NULL, NULL));
    /* A stop cancels this group: accept_all fails with EDDY_ECANCELED, and the close absorbs it. */
    EDDY_TRY(eddy_scope_close(server->group, accept_all(server)));
    printf("stopped: %d served, %d closed by idle deadline, %d unwound by the stop, "
        "%d cleanups run, %d descriptors left\n", server->served, server->idle, server->unwound,
        server->cleanups, open_descriptors() - before);
    return EDDY_OK;
}

int main(int argc, char **argv)
{
    const int port = argc > 1 ? atoi(argv[1]) : 0, idle_ms = argc > 2 ? atoi(argv[2]) : 30000;
    struct server server = { .port = port, .idle_ns = EDDY_MILLISECONDS(idle_ms) };
    struct sigaction action = { .sa_handler = on_sigint };
    if (port < 0 || port > 65535 || idle_ms <= 0) {
        fprintf(stderr, "usage: %s [port [idle milliseconds]]\n", argv[0]);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);   /* each line at once, also into a pipe */
    if (pipe(stop_pipe) != 0 || fcntl(stop_pipe[1], F_SETFL, O_NONBLOCK) != 0
        || sigaction(SIGINT, &action, NULL) != 0) {
        perror("echo server");
        return 1;
    }
    const int status = eddy_main(root, &server);
    close(stop_pipe[0]);
    close(stop_pipe[1]);
    return status;
}
