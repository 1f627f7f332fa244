/*
 * call_descriptors.c: readers and writers: when they are called, replaced and removed, beside tasks
 * that wait for the same descriptor. Chapter LOOP, rows 27 and 28, and CTX-05.
 *
 * Invariants: the clock is virtual, descriptors are made ready by the test itself, so nothing waits
 * for real time; but for one test there are no reports.
 * Threads: one.
 */
#include "attach_host.h"

#include <fcntl.h>
#include <sys/socket.h>

#define ROW(name)                                                                                 \
    static eddy_status_t name##_body(void *context);                                              \
    static void name(void) {                                                                      \
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);                                    \
        CHECK_STATUS(run_virtual(name##_body, NULL), EDDY_OK);                                    \
        CHECK_INT(reports.count, 0);                                                              \
        close(ends[0]);                                                                           \
        close(ends[1]);                                                                           \
    }                                                                                             \
    static eddy_status_t name##_body(void *context)

static int ends[2];

static void put(int fd) { CHECK(write(fd, "x", 1) == 1); }

static void get(int fd) {
    char byte = 0;
    CHECK(read(fd, &byte, 1) == 1);
}

static eddy_status_t say(void *word) {
    trace("%s", (const char *)word);
    return EDDY_OK;
}

static eddy_status_t gets_and_says(void *word) {
    get(ends[0]);
    return say(word);
}

static void said_free(void *word) { trace("free-%s", (const char *)word); }

static const eddy_callback_options_t freeing = { (uint32_t)sizeof freeing, 0, said_free, { 0 } };

/* ---- registering ---- */

ROW(replaced_and_removed) {
    const int fd = ends[0];
    (void)context;
    CHECK_STATUS(eddy_fd_remove_reader(fd), EDDY_EALREADY);
    CHECK_STATUS(eddy_fd_remove_writer(4000), EDDY_EALREADY);
    CHECK_STATUS(eddy_fd_remove_reader(-1), EDDY_EINVAL);
    CHECK_STATUS(eddy_fd_add_reader(fd, gets_and_says, "old", &freeing), EDDY_OK);
    put(ends[1]);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_STATUS(eddy_fd_add_reader(fd, gets_and_says, "new", &freeing), EDDY_OK);
    CHECK_TRACE("old free-old");
    put(ends[1]);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_TRACE("old free-old new");
    CHECK_STATUS(eddy_fd_remove_writer(fd), EDDY_EALREADY);
    CHECK_STATUS(eddy_fd_remove_reader(fd), EDDY_OK);
    CHECK_STATUS(eddy_fd_remove_reader(fd), EDDY_EALREADY);
    put(ends[1]);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_TRACE("old free-old new free-new");
    return EDDY_OK;
}

/* Level-triggered: as long as the byte is not read there is a call in each turn. */
static int turns;

static eddy_status_t three_times(void *context) {
    if (++turns < 3) return EDDY_OK;
    get(ends[0]);
    return eddy_future_complete(*(eddy_future_t *)context, NULL, NULL);
}

ROW(each_turn) {
    eddy_future_t future = { 0 };
    (void)context;
    turns = 0;
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_fd_add_reader(ends[0], three_times, &future, NULL), EDDY_OK);
    put(ends[1]);
    CHECK_STATUS(eddy_future_wait(future, NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_INT(turns, 3);
    CHECK_STATUS(eddy_fd_remove_reader(ends[0]), EDDY_OK);
    return eddy_future_release(future);
}

/* A reader and a writer on one descriptor are apart, and so are the tasks that wait for it. */
static eddy_status_t waits(void *context) {
    int32_t events = 0;
    (void)context;
    CHECK_STATUS(eddy_fd_wait(ends[0], EDDY_READABLE, &events), EDDY_OK);
    CHECK_INT(events, EDDY_READABLE);
    trace("task");
    return EDDY_OK;
}

static eddy_status_t writes_once(void *word) {
    say(word);
    return eddy_fd_remove_writer(ends[0]);
}

ROW(both_and_a_task) {
    (void)context;
    CHECK_STATUS(eddy_task_spawn(waits, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_fd_add_writer(ends[0], writes_once, "writer", &freeing), EDDY_OK);
    CHECK_STATUS(eddy_fd_add_reader(ends[0], gets_and_says, "reader", NULL), EDDY_OK);
    put(ends[1]);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_TRACE("reader writer free-writer task");
    CHECK_STATUS(eddy_fd_wait(ends[0], EDDY_WRITABLE, NULL), EDDY_OK);
    CHECK_STATUS(eddy_fd_remove_reader(ends[0]), EDDY_OK);
    return EDDY_OK;
}

/* The reader's turn has come already, but a callback before it removes it. */
static eddy_status_t removes_the_other(void *context) {
    trace("writer");
    CHECK_STATUS(eddy_fd_remove_writer(ends[1]), EDDY_OK);
    CHECK_STATUS(eddy_fd_remove_reader(ends[1]), context ? EDDY_OK : EDDY_EALREADY);
    CHECK_STATUS(eddy_fd_remove_writer(ends[0]), EDDY_OK);
    return EDDY_OK;
}

ROW(removed_in_the_round) {
    (void)context;
    put(ends[0]);
    CHECK_STATUS(eddy_fd_add_reader(ends[1], say, "reader", &freeing), EDDY_OK);
    CHECK_STATUS(eddy_fd_add_writer(ends[1], say, "never", &freeing), EDDY_OK);
    CHECK_STATUS(eddy_fd_add_writer(ends[0], removes_the_other, &turns, NULL), EDDY_OK);
    /* All three are ready in the same poll; whichever is first, nothing runs after its removal. */
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    const char *removal = strstr(check_trace_text, "free-never");
    CHECK(removal && !strstr(removal, " never") && !strstr(removal, " reader"));
    CHECK_STATUS(eddy_fd_remove_reader(ends[1]), EDDY_EALREADY);
    return EDDY_OK;
}

/* A callback that removes or replaces itself keeps its context until it has returned. */
static eddy_status_t replaces_itself(void *word) {
    CHECK_STATUS(eddy_fd_add_reader(ends[0], gets_and_says, "second", &freeing), EDDY_OK);
    trace("still-%s", (const char *)word);
    return EDDY_OK;
}

ROW(replaced_by_itself) {
    (void)context;
    CHECK_STATUS(eddy_fd_add_reader(ends[0], replaces_itself, "first", &freeing), EDDY_OK);
    put(ends[1]);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_TRACE("still-first free-first second");
    CHECK_STATUS(eddy_fd_remove_reader(ends[0]), EDDY_OK);
    return EDDY_OK;
}

ROW(refused) {
    int file = open("/dev/null", O_RDONLY);
    FILE *regular = tmpfile();
    (void)context;
    CHECK(file >= 0 && regular != NULL);
    CHECK_STATUS(eddy_fd_add_reader(fileno(regular), say, "file", &freeing), EDDY_EPERM);
    CHECK_STATUS(eddy_fd_add_writer(3999, say, "none", &freeing), -9);
    CHECK_STATUS(eddy_fd_add_reader(ends[0], gets_and_says, "kept", NULL), EDDY_OK);
    CHECK_STATUS(eddy_fd_add_reader(ends[0], NULL, "no-function", &freeing), EDDY_EINVAL);
    put(ends[1]);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_TRACE("free-file free-none free-no-function kept");
    CHECK_STATUS(eddy_fd_remove_reader(ends[0]), EDDY_OK);
    close(file);
    fclose(regular);
    return EDDY_OK;
}

/* The peer is gone: the reader is called, with an end to read; a broken pipe's writer too. */
static eddy_status_t reads_end(void *context) {
    char byte;
    (void)context;
    CHECK_INT(read(ends[0], &byte, 1), 0);
    trace("end");
    return eddy_fd_remove_reader(ends[0]);
}

static int broken_calls;

static eddy_status_t sees_broken(void *context) {
    const int fd = *(int *)context;
    if (++broken_calls < 3) return EDDY_OK;
    return eddy_fd_remove_writer(fd);
}

ROW(errors) {
    int tube[2] = { -1, -1 };
    (void)context;
    CHECK_STATUS(eddy_fd_add_reader(ends[0], reads_end, NULL, NULL), EDDY_OK);
    CHECK_INT(shutdown(ends[1], SHUT_WR), 0);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_TRACE("end");
    CHECK(pipe(tube) == 0);
    close(tube[0]);
    broken_calls = 0;
    CHECK_STATUS(eddy_fd_add_writer(tube[1], sees_broken, &tube[1], NULL), EDDY_OK);
    for (int round = 0; round < 10 && broken_calls < 3; round++)
        CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_INT(broken_calls, 3);
    CHECK_STATUS(eddy_fd_remove_writer(tube[1]), EDDY_EALREADY);
    close(tube[1]);
    return EDDY_OK;
}

/* ---- the loop ---- */

/* Every task waits, but the reader can still end that: no deadlock. */
static eddy_status_t completes(void *context) {
    get(ends[0]);
    CHECK_STATUS(eddy_fd_remove_reader(ends[0]), EDDY_OK);
    return eddy_future_complete(*(eddy_future_t *)context, NULL, NULL);
}

ROW(keeps_waiters) {
    eddy_future_t future = { 0 };
    (void)context;
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_fd_add_reader(ends[0], completes, &future, NULL), EDDY_OK);
    put(ends[1]);
    CHECK_STATUS(eddy_future_wait(future, NULL), EDDY_OK);
    return eddy_future_release(future);
}

/* On a host's loop: called inside its uv_run, which a reader keeps going; detaching drops it. */
static eddy_status_t reads_and_removes(void *word) {
    gets_and_says(word);
    return eddy_fd_remove_reader(ends[0]);
}

static void hosted(void) {
    host_t host;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    host_open(&host, 0);
    CHECK_STATUS(eddy_fd_add_reader(ends[0], reads_and_removes, "reader", &freeing), EDDY_OK);
    put(ends[1]);
    CHECK_INT(uv_run(&host.uv, UV_RUN_DEFAULT), 0);
    CHECK_TRACE("reader free-reader");
    trace_clear();
    CHECK_STATUS(eddy_fd_add_reader(ends[0], say, "dropped", &freeing), EDDY_OK);
    CHECK_STATUS(eddy_fd_add_writer(ends[0], say, "as-well", &freeing), EDDY_OK);
    host_close(&host);
    CHECK_TRACE("free-dropped free-as-well");
    CHECK_INT(reports.count, 0);
    close(ends[0]);
    close(ends[1]);
}

/* ---- LOOP-28 ---- */

static eddy_status_t waits_for_byte(void *context) {
    const eddy_status_t status = eddy_fd_wait(ends[0], EDDY_READABLE, NULL);
    *(eddy_status_t *)context = status;
    return status;
}

/* As soon as the cancel has been asked for, nobody polls the descriptor: the host can. */
static void cancelled_wait(void) {
    host_t host;
    uv_poll_t poll;
    eddy_status_t seen = EDDY_EPENDING;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    host_open(&host, 0);
    const eddy_task_t task = host_spawn(waits_for_byte, &seen);
    CHECK(uv_run(&host.uv, UV_RUN_NOWAIT) != 0);
    CHECK_INT(uv_poll_init(&host.uv, &poll, ends[0]), UV_EEXIST);
    CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_OK);
    CHECK_INT(uv_poll_init(&host.uv, &poll, ends[0]), 0);
    uv_close((uv_handle_t *)&poll, NULL);
    CHECK_INT(uv_run(&host.uv, UV_RUN_DEFAULT), 0);
    CHECK_STATUS(seen, EDDY_ECANCELED);
    host_ended(task, EDDY_ETARGETCANCELED);
    CHECK_STATUS(eddy_fd_add_reader(ends[0], say, "reader", NULL), EDDY_OK);
    CHECK_INT(uv_poll_init(&host.uv, &poll, ends[0]), UV_EEXIST);
    CHECK_STATUS(eddy_fd_remove_reader(ends[0]), EDDY_OK);
    CHECK_INT(uv_poll_init(&host.uv, &poll, ends[0]), 0);
    uv_close((uv_handle_t *)&poll, NULL);
    host_close(&host);
    close(ends[0]);
    close(ends[1]);
}

/* ---- CTX-05 ---- */

static eddy_var_t variable = EDDY_VAR_INIT("word", "none", NULL);

static eddy_status_t appends(void *next) {
    void *word = NULL;
    get(ends[0]);
    CHECK_STATUS(eddy_var_get(&variable, &word), EDDY_OK);
    trace("%s", (const char *)word);
    return eddy_var_set(&variable, next, NULL);
}

static eddy_status_t set_and_reset(void *context) {
    eddy_token_t *token = context;
    get(ends[0]);
    if (!token->id) return eddy_var_set(&variable, "kept", token);
    CHECK_STATUS(eddy_var_reset(*token), EDDY_OK);
    trace("reset");
    return EDDY_OK;
}

ROW(contexts) {
    eddy_token_t token = { 0 };
    (void)context;
    CHECK_STATUS(eddy_var_set(&variable, "at-registration", NULL), EDDY_OK);
    CHECK_STATUS(eddy_fd_add_reader(ends[0], appends, "by-the-first-call", NULL), EDDY_OK);
    CHECK_STATUS(eddy_var_set(&variable, "later", NULL), EDDY_OK);
    for (int call = 0; call < 2; call++) {
        put(ends[1]);
        CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    }
    CHECK_TRACE("at-registration by-the-first-call");
    /* One and the same context: a token of one call works in the next. */
    CHECK_STATUS(eddy_fd_add_reader(ends[0], set_and_reset, &token, NULL), EDDY_OK);
    for (int call = 0; call < 2; call++) {
        put(ends[1]);
        CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    }
    CHECK_TRACE("at-registration by-the-first-call reset");
    return eddy_fd_remove_reader(ends[0]);
}

static const check_test_t tests[] = {
    { "LOOP-27: a new reader replaces the old; removing tells", replaced_and_removed },
    { "LOOP-27: called in each turn while there is something to read", each_turn },
    { "LOOP-27: a reader, a writer and a task on one descriptor", both_and_a_task },
    { "LOOP-27: removed in the round in which it is ready", removed_in_the_round },
    { "LOOP-27: replaced by itself", replaced_by_itself },
    { "LOOP-27: refusals leave what was there", refused },
    { "LOOP-27: an end and an error call too", errors },
    { "LOOP-27: a reader is something to wait for", keeps_waiters },
    { "LOOP-27: on a host's loop", hosted },
    { "LOOP-28: a cancelled wait lets go of the descriptor at once", cancelled_wait },
    { "CTX-05: a reader keeps the context of its registration", contexts },
};
CHECK_MAIN(tests)
