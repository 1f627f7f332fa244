/*
 * Eddy called from a host's own libuv callbacks, and other threads that knock at an attached loop.
 *
 * Proves: spawn, cancel, complete and post work from every kind of callback and are followed by a
 * round in time; descriptors and the door work on the host's uv_loop_t.
 * Threads: one; two tests start one more.
 */
#include "attach_host.h"

#include <pthread.h>

static host_t host;

static eddy_status_t few_steps(void *context) {
    EDDY_TRY(eddy_yield());
    EDDY_TRY(eddy_sleep(EDDY_MILLISECONDS(1)));
    trace("%s", (const char *)context);
    return EDDY_OK;
}

static void spawn_named(const char *name) {
    CHECK_STATUS(eddy_task_spawn(few_steps, (void *)(uintptr_t)name, NULL, NULL), EDDY_OK);
}

static void host_runs_out(void) {
    CHECK_INT(uv_run(&host.uv, UV_RUN_DEFAULT), 0);
    host_close(&host);
    CHECK_INT(reports.count, 0);
}

/* ---- spawns from each kind of callback, which is the host's last ---- */

static void on_timer(uv_timer_t *timer) {
    spawn_named("timer");
    uv_close((uv_handle_t *)timer, NULL);
}

static void from_a_timer(void) {
    uv_timer_t timer;
    host_open(&host, 0);
    uv_timer_init(&host.uv, &timer);
    uv_timer_start(&timer, on_timer, 1, 0);
    host_runs_out();
    CHECK_TRACE("timer");
}

static void on_poll(uv_poll_t *poll, int status, int events) {
    (void)events;
    CHECK_INT(status, 0);
    spawn_named("poll");
    uv_close((uv_handle_t *)poll, NULL);
}

static void from_a_poll(void) {
    uv_poll_t poll;
    int pipes[2];
    CHECK_INT(pipe(pipes), 0);
    CHECK_INT(write(pipes[1], "x", 1), 1);
    host_open(&host, 0);
    uv_poll_init(&host.uv, &poll, pipes[0]);
    uv_poll_start(&poll, UV_READABLE, on_poll);
    host_runs_out();
    CHECK_TRACE("poll");
    close(pipes[0]);
    close(pipes[1]);
}

static void on_async(uv_async_t *async) {
    spawn_named("async");
    uv_close((uv_handle_t *)async, NULL);
}

static void from_an_async(void) {
    uv_async_t async;
    host_open(&host, 0);
    uv_async_init(&host.uv, &async, on_async);
    uv_async_send(&async);
    host_runs_out();
    CHECK_TRACE("async");
}

static void on_close(uv_handle_t *handle) {
    (void)handle;
    spawn_named("close");
}

static void from_a_close(void) {
    uv_idle_t idle;
    host_open(&host, 0);
    uv_idle_init(&host.uv, &idle);
    uv_close((uv_handle_t *)&idle, on_close);
    host_runs_out();
    CHECK_TRACE("close");
}

static void on_prepare(uv_prepare_t *prepare) {
    spawn_named("prepare");
    uv_close((uv_handle_t *)prepare, NULL);
}

/* Started before the attach, libuv calls it after Eddy's; started later, before. */
static void from_a_prepare(int is_early) {
    uv_prepare_t prepare;
    memset(&host, 0, sizeof host);
    reports_clear();
    trace_clear();
    CHECK_INT(uv_loop_init(&host.uv), 0);
    uv_prepare_init(&host.uv, &prepare);
    if (is_early) uv_prepare_start(&prepare, on_prepare);
    host_attach(&host, 0);
    if (!is_early) uv_prepare_start(&prepare, on_prepare);
    uv_timer_t wake;            /* only so that the host's loop is alive and would block */
    uv_timer_init(&host.uv, &wake);
    uv_timer_start(&wake, host_stops_timer, 30, 0);
    CHECK_INT(uv_run(&host.uv, UV_RUN_DEFAULT), 0);
    CHECK_TRACE("prepare");
    uv_close((uv_handle_t *)&wake, NULL);
    host_close(&host);
}

static void from_a_later_prepare(void) { from_a_prepare(0); }
static void from_an_earlier_prepare(void) { from_a_prepare(1); }

/* ---- waking a task that waits, from a callback ---- */

static eddy_status_t wait_for(void *context) {
    const eddy_status_t status = eddy_future_wait(*(eddy_future_t *)context, NULL);
    trace("%s", eddy_status_name(status));
    return EDDY_OK;
}

static eddy_status_t say_posted(void *context) {
    (void)context;
    trace("%s", "posted");
    return EDDY_OK;
}

static eddy_future_t awaited;
static eddy_task_t waiter;

static void wake_the_waiter(uv_timer_t *timer) {
    CHECK_STATUS(eddy_post(say_posted, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(awaited, NULL, NULL), EDDY_OK);
    uv_close((uv_handle_t *)timer, NULL);
}

static void cancel_the_waiter(uv_timer_t *timer) {
    CHECK_STATUS(eddy_task_cancel(waiter, "host"), EDDY_OK);
    uv_close((uv_handle_t *)timer, NULL);
}

static void wake_from(uv_timer_cb callback, const char *expected) {
    uv_timer_t timer;
    host_open(&host, 0);
    CHECK_STATUS(eddy_future_create(&awaited), EDDY_OK);
    waiter = host_spawn(wait_for, &awaited);
    uv_run(&host.uv, UV_RUN_NOWAIT);    /* so that it waits, however late the timer is */
    uv_timer_init(&host.uv, &timer);
    uv_timer_start(&timer, callback, 2, 0);
    CHECK_INT(uv_run(&host.uv, UV_RUN_DEFAULT), 0);
    CHECK_TRACE(expected);
    host_ended(waiter, EDDY_OK);
    CHECK_STATUS(eddy_future_release(awaited), EDDY_OK);
    host_close(&host);
    CHECK_INT(reports.count, 0);
}

static void completed_in_a_callback(void) { wake_from(wake_the_waiter, "posted EDDY_OK"); }
static void cancelled_in_a_callback(void) { wake_from(cancel_the_waiter, "EDDY_ECANCELED"); }

/* ---- descriptors ---- */

static eddy_status_t read_pipe(void *context) {
    int32_t events = 0;
    const eddy_status_t status = eddy_fd_wait(*(int *)context, EDDY_READABLE, &events);
    trace("%s:%d", eddy_status_name(status), (int)events);
    return status;
}

static void write_pipe(uv_timer_t *timer) {
    CHECK_INT(write(*(int *)timer->data, "x", 1), 1);
    uv_close((uv_handle_t *)timer, NULL);
}

static void descriptors(void) {
    uv_timer_t timer;
    int pipes[2];
    CHECK_INT(pipe(pipes), 0);
    host_open(&host, 0);
    const eddy_task_t task = host_spawn(read_pipe, &pipes[0]);
    uv_timer_init(&host.uv, &timer);
    timer.data = &pipes[1];
    uv_timer_start(&timer, write_pipe, 2, 0);
    CHECK_INT(uv_run(&host.uv, UV_RUN_DEFAULT), 0);
    CHECK_TRACE("EDDY_OK:1");
    host_ended(task, EDDY_OK);
    host_close(&host);
    close(pipes[0]);
    close(pipes[1]);
}

/* The wait ends just before the detach, so that libuv still closes the poll handle after it. */
static void descriptor_closing_at_detach(void) {
    int pipes[2];
    CHECK_INT(pipe(pipes), 0);
    host_open(&host, 0);
    const eddy_task_t task = host_spawn(read_pipe, &pipes[0]);
    uv_run(&host.uv, UV_RUN_NOWAIT);
    CHECK_STATUS(eddy_loop_detach(host.loop), EDDY_EBUSY);
    CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_OK);
    while (eddy_future_result(eddy_task_future(task), NULL) == EDDY_EPENDING)
        uv_run(&host.uv, UV_RUN_NOWAIT);
    host_ended(task, EDDY_ETARGETCANCELED);
    host_close(&host);
    close(pipes[0]);
    close(pipes[1]);
}

/* From a check callback behind Eddy's round, so that the handle is closing for certain. */
static void detach_in_check(uv_check_t *check) {
    const eddy_task_t task = *(eddy_task_t *)check->data;
    if (eddy_future_result(eddy_task_future(task), NULL) == EDDY_EPENDING) {
        CHECK_STATUS(eddy_loop_detach(host.loop), EDDY_EBUSY);
        CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_OK);
        return;
    }
    host_ended(task, EDDY_ETARGETCANCELED);
    CHECK_STATUS(eddy_loop_detach(host.loop), EDDY_OK);
    trace("%s", "detached");
    uv_close((uv_handle_t *)check, NULL);
}

static void descriptor_closing_in_a_check(void) {
    uv_check_t check;
    int pipes[2];
    CHECK_INT(pipe(pipes), 0);
    memset(&host, 0, sizeof host);
    reports_clear();
    CHECK_INT(uv_loop_init(&host.uv), 0);
    uv_check_init(&host.uv, &check);
    uv_check_start(&check, detach_in_check);
    host_attach(&host, 0);
    eddy_task_t task = host_spawn(read_pipe, &pipes[0]);
    check.data = &task;
    while (uv_run(&host.uv, UV_RUN_NOWAIT) != 0) continue;
    CHECK_INT(uv_loop_close(&host.uv), 0);
    CHECK_TRACE("EDDY_ECANCELED:0 detached");
    CHECK_INT(reports.count, 0);
    close(pipes[0]);
    close(pipes[1]);
}

/* ---- other threads ---- */

static void *complete_elsewhere(void *context) {
    CHECK_STATUS(eddy_future_complete_threadsafe(*(eddy_future_t *)context, NULL, NULL), EDDY_OK);
    return NULL;
}

static void woken_by_a_thread(void) {
    pthread_t thread;
    host_open(&host, 0);
    CHECK_STATUS(eddy_future_create(&awaited), EDDY_OK);
    waiter = host_spawn(wait_for, &awaited);
    uv_run(&host.uv, UV_RUN_NOWAIT);
    if (!CHECK_INT(pthread_create(&thread, NULL, complete_elsewhere, &awaited), 0)) return;
    CHECK_INT(uv_run(&host.uv, UV_RUN_DEFAULT), 0);
    pthread_join(thread, NULL);
    CHECK_TRACE("EDDY_OK");
    host_ended(waiter, EDDY_OK);
    CHECK_STATUS(eddy_future_release(awaited), EDDY_OK);
    host_close(&host);
}

static void *post_elsewhere(void *context) {
    for (int count = 0; count < 10; count++)
        CHECK_STATUS(eddy_post_threadsafe(host.loop, say_posted, context, count_release), EDDY_OK);
    return NULL;
}

/* What the detach finds in the door is released there; the bell that still rings is harmless. */
static void posts_at_the_detach(void) {
    pthread_t thread;
    int released = 0;
    host_open(&host, 0);
    if (CHECK_INT(pthread_create(&thread, NULL, post_elsewhere, &released), 0))
        pthread_join(thread, NULL);
    host_close(&host);
    CHECK_INT(released, 10);
    CHECK_TRACE("");
    CHECK_INT(reports.count, 0);
    CHECK_STATUS(eddy_post_threadsafe(host.loop, say_posted, &released, count_release),
        EDDY_EBADHANDLE);
    CHECK_INT(released, 11);
}

static const check_test_t tests[] = {
    { "attach: spawn from a timer", from_a_timer },
    { "attach: spawn from a poll", from_a_poll },
    { "attach: spawn from an async", from_an_async },
    { "attach: spawn from a close callback", from_a_close },
    { "attach: spawn from a prepare before Eddy's", from_a_later_prepare },
    { "attach: spawn from a prepare behind Eddy's", from_an_earlier_prepare },
    { "attach: complete and post from a callback", completed_in_a_callback },
    { "attach: cancel from a callback", cancelled_in_a_callback },
    { "attach: descriptors", descriptors },
    { "attach: a descriptor closing at the detach", descriptor_closing_at_detach },
    { "attach: detach in a check, a descriptor closing", descriptor_closing_in_a_check },
    { "attach: woken by another thread", woken_by_a_thread },
    { "attach: posts in the door at the detach", posts_at_the_detach },
};
CHECK_MAIN(tests)
