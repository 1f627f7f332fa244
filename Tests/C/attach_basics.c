/*
 * Eddy on a host's uv_loop_t: tasks run inside uv_run and keep it going, and the host can stop.
 *
 * Proves: "A host's own libuv loop": what attach, shutdown, detach and the refused calls promise.
 * Threads: one; one test asks from a second thread.
 */
#include "attach_host.h"

#include <pthread.h>

static eddy_status_t count_yields(void *context) {
    for (int count = 0; count < 1000; count++) {
        EDDY_TRY(eddy_yield());
        ++*(int *)context;
    }
    return EDDY_OK;
}

static eddy_status_t short_sleep(void *context) {
    EDDY_TRY(eddy_sleep(EDDY_MILLISECONDS(2)));
    ++*(int *)context;
    return EDDY_OK;
}

static eddy_status_t long_sleep(void *context) {
    (void)context;
    return eddy_sleep(EDDY_SECONDS(3600));
}

/* ---- running ---- */

static void tasks_keep_uv_run_going(void) {
    host_t host;
    int yields = 0, slept = 0;
    host_open(&host, 0);
    const eddy_task_t first = host_spawn(count_yields, &yields);
    const eddy_task_t second = host_spawn(short_sleep, &slept);
    CHECK_INT(yields, 0);
    CHECK(uv_loop_alive(&host.uv));
    CHECK_INT(uv_run(&host.uv, UV_RUN_DEFAULT), 0);
    CHECK_INT(yields, 1000);
    CHECK_INT(slept, 1);
    CHECK(!uv_loop_alive(&host.uv));
    host_ended(first, EDDY_OK);
    host_ended(second, EDDY_OK);
    host_close(&host);
    CHECK_INT(reports.count, 0);
}

static void nothing_to_do(void) {
    host_t host;
    host_open(&host, 0);
    CHECK_INT(uv_run(&host.uv, UV_RUN_DEFAULT), 0);
    CHECK_INT(uv_run(&host.uv, UV_RUN_ONCE), 0);
    CHECK_INT(uv_run(&host.uv, UV_RUN_NOWAIT), 0);
    host_close(&host);
}

static void unreferenced(void) {
    host_t host;
    int yields = 0;
    host_open(&host, EDDY_LOOP_UNREF);
    const eddy_task_t busy = host_spawn(count_yields, &yields);
    const eddy_task_t idle = host_spawn(long_sleep, NULL);
    CHECK(!uv_loop_alive(&host.uv));
    CHECK_INT(uv_run(&host.uv, UV_RUN_DEFAULT), 0);
    CHECK(yields < 1000);
    CHECK_STATUS(eddy_loop_detach(host.loop), EDDY_EBUSY);
    /* The host's own handle lets them run; they do not hold it up. */
    uv_timer_t timer;
    CHECK_INT(uv_timer_init(&host.uv, &timer), 0);
    while (yields < 1000) {
        CHECK_INT(uv_timer_start(&timer, host_stops_timer, 0, 0), 0);
        uv_run(&host.uv, UV_RUN_ONCE);
    }
    CHECK_STATUS(eddy_task_cancel(idle, NULL), EDDY_OK);
    CHECK_INT(uv_timer_start(&timer, host_stops_timer, 1, 0), 0);
    CHECK_INT(uv_run(&host.uv, UV_RUN_DEFAULT), 0);
    host_ended(busy, EDDY_OK);
    host_ended(idle, EDDY_ETARGETCANCELED);
    uv_close((uv_handle_t *)&timer, NULL);
    host_close(&host);
    CHECK_INT(reports.count, 0);
}

/* ---- hosts that drive in steps ---- */

static void driven_in_steps(uv_run_mode mode) {
    host_t host;
    int yields = 0, slept = 0, steps = 0;
    host_open(&host, 0);
    const eddy_task_t first = host_spawn(count_yields, &yields);
    const eddy_task_t second = host_spawn(short_sleep, &slept);
    while (uv_run(&host.uv, mode) != 0) steps++;
    CHECK(steps > 0);
    CHECK_INT(yields, 1000);
    CHECK_INT(slept, 1);
    host_ended(first, EDDY_OK);
    host_ended(second, EDDY_OK);
    host_close(&host);
    CHECK_INT(reports.count, 0);
}

static void run_once(void) { driven_in_steps(UV_RUN_ONCE); }
static void run_nowait(void) { driven_in_steps(UV_RUN_NOWAIT); }

/* ---- time ---- */

static eddy_status_t never_wakes(void *context) {
    (void)context;
    return eddy_sleep(EDDY_FOREVER);
}

static eddy_status_t deadline_body(void *context) {
    int64_t before = 0, after = 0;
    CHECK_STATUS(eddy_now(&before), EDDY_OK);
    CHECK_STATUS(eddy_with_timeout(EDDY_MILLISECONDS(3), never_wakes, NULL, NULL), EDDY_ETIMEDOUT);
    CHECK_STATUS(eddy_now(&after), EDDY_OK);
    CHECK(after - before >= EDDY_MILLISECONDS(3));
    CHECK_STATUS(eddy_sleep(EDDY_MILLISECONDS(2)), EDDY_OK);
    CHECK_STATUS(eddy_now(&before), EDDY_OK);
    CHECK(before - after >= EDDY_MILLISECONDS(2));
    ++*(int *)context;
    return EDDY_OK;
}

static void deadlines(void) {
    host_t host;
    int done = 0;
    host_open(&host, 0);
    const eddy_task_t task = host_spawn(deadline_body, &done);
    CHECK_INT(uv_run(&host.uv, UV_RUN_DEFAULT), 0);
    CHECK_INT(done, 1);
    host_ended(task, EDDY_OK);
    host_close(&host);
}

/* ---- refused calls, shutdown, detach ---- */

static eddy_status_t calls_body(void *context) {
    const eddy_loop_t loop = *(eddy_loop_t *)context;
    CHECK_STATUS(eddy_loop_detach(loop), EDDY_EBUSY);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_EPERM);
    CHECK_STATUS(eddy_loop_run(loop, long_sleep, NULL, NULL), EDDY_EPERM);
    CHECK_STATUS(eddy_loop_shutdown(loop), EDDY_EBUSY);
    return EDDY_OK;
}

static void refused_calls(void) {
    host_t host;
    uv_loop_t other;
    eddy_loop_t loop = { 77 };
    host_open(&host, 0);
    CHECK_STATUS(eddy_loop_run(host.loop, long_sleep, NULL, NULL), EDDY_EPERM);
    CHECK_STATUS(eddy_loop_close(host.loop), EDDY_EPERM);
    CHECK_INT(uv_loop_init(&other), 0);
    CHECK_STATUS(eddy_loop_attach(&other, NULL, &loop), EDDY_EBUSY);
    CHECK_STATUS(eddy_loop_create(NULL, &loop), EDDY_EBUSY);
    CHECK_STATUS(eddy_run(NULL, long_sleep, NULL), EDDY_EBUSY);
    CHECK_INT(loop.id, 77);
    CHECK_INT(uv_loop_close(&other), 0);
    const eddy_task_t task = host_spawn(calls_body, &host.loop);
    CHECK_STATUS(eddy_loop_detach(host.loop), EDDY_EBUSY);
    CHECK_INT(uv_run(&host.uv, UV_RUN_DEFAULT), 0);
    host_ended(task, EDDY_OK);
    CHECK_STATUS(eddy_post(calls_body, &host.loop, NULL), EDDY_OK);
    CHECK_INT(uv_run(&host.uv, UV_RUN_NOWAIT), 0);
    host_close(&host);
    CHECK_STATUS(eddy_loop_detach(host.loop), EDDY_EBADHANDLE);
}

static void refused_attach(void) {
    uv_loop_t uv;
    eddy_loop_t loop = { 77 };
    eddy_loop_options_t options = EDDY_LOOP_OPTIONS_INIT;
    CHECK_INT(uv_loop_init(&uv), 0);
    CHECK_STATUS(eddy_loop_attach(NULL, NULL, &loop), EDDY_EINVAL);
    CHECK_STATUS(eddy_loop_attach(&uv, NULL, NULL), EDDY_EINVAL);
    options.flags = EDDY_LOOP_VIRTUAL_CLOCK;
    CHECK_STATUS(eddy_loop_attach(&uv, &options, &loop), EDDY_EINVAL);
    options.flags = 0x40000000;
    CHECK_STATUS(eddy_loop_attach(&uv, &options, &loop), EDDY_EINVAL);
    CHECK_STATUS(eddy_loop_attach_versioned(EDDY_VERSION_NUMBER + 1, &uv, NULL, &loop),
        EDDY_EVERSION);
    options.flags = EDDY_LOOP_UNREF;
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_EINVAL);
    CHECK_INT(loop.id, 77);
    CHECK_INT(uv_loop_close(&uv), 0);
    CHECK_STATUS(eddy_loop_create(NULL, &loop), EDDY_OK);
    CHECK_STATUS(eddy_loop_detach(loop), EDDY_EPERM);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
}

static void *detach_elsewhere(void *context) {
    CHECK_STATUS(eddy_loop_detach(*(eddy_loop_t *)context), EDDY_EWRONGTHREAD);
    return NULL;
}

static void wrong_thread(void) {
    host_t host;
    pthread_t thread;
    host_open(&host, 0);
    if (CHECK_INT(pthread_create(&thread, NULL, detach_elsewhere, &host.loop), 0))
        pthread_join(thread, NULL);
    host_close(&host);
}

/* Shutdown asks, the host's uv_run does. */
static void shut_down(void) {
    host_t host;
    host_open(&host, 0);
    const eddy_task_t task = host_spawn(long_sleep, NULL);
    uv_run(&host.uv, UV_RUN_NOWAIT);
    CHECK_STATUS(eddy_loop_shutdown(host.loop), EDDY_OK);
    CHECK_STATUS(eddy_future_result(eddy_task_future(task), NULL), EDDY_EPENDING);
    CHECK_STATUS(eddy_task_spawn(long_sleep, NULL, NULL, NULL), EDDY_ECLOSED);
    CHECK_STATUS(eddy_loop_detach(host.loop), EDDY_EBUSY);
    CHECK_INT(uv_run(&host.uv, UV_RUN_DEFAULT), 0);
    host_ended(task, EDDY_ETARGETCANCELED);
    host_close(&host);
    CHECK_INT(reports.count, 0);
}

/* Again and again on one uv_loop_t, also before libuv has let go of the last handles. */
static void attach_again(void) {
    host_t host;
    host_open(&host, 0);
    for (int count = 0; count < 20; count++) {
        int slept = 0;
        const eddy_task_t task = host_spawn(short_sleep, &slept);
        CHECK_INT(uv_run(&host.uv, UV_RUN_DEFAULT), 0);
        CHECK_INT(slept, 1);
        host_ended(task, EDDY_OK);
        CHECK_STATUS(eddy_loop_detach(host.loop), EDDY_OK);
        if (count % 2 == 0) CHECK_INT(uv_run(&host.uv, UV_RUN_DEFAULT), 0);
        host_attach(&host, 0);
    }
    host_close(&host);
    CHECK_INT(reports.count, 0);
}

/* A loop of our own afterwards, and the handles of the attached one stay refused. */
static eddy_status_t use_old_handle(void *context) {
    const eddy_task_t task = *(eddy_task_t *)context;
    CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_EBADHANDLE);
    return EDDY_OK;
}

static void references_left(void) {
    host_t host;
    int slept = 0;
    host_open(&host, 0);
    eddy_task_t task = host_spawn(short_sleep, &slept);
    CHECK_INT(uv_run(&host.uv, UV_RUN_DEFAULT), 0);
    CHECK_INT(reports.count, 0);
    host_close(&host);
    CHECK_INT(reports.count, 1);
    CHECK_CONTAINS(reports.text, "references were left");
    CHECK_STATUS(run_virtual(use_old_handle, &task), EDDY_OK);
}

static const check_test_t tests[] = {
    { "attach: live tasks keep uv_run going, and no longer", tasks_keep_uv_run_going },
    { "attach: without tasks uv_run returns at once", nothing_to_do },
    { "attach: EDDY_LOOP_UNREF", unreferenced },
    { "attach: a host with UV_RUN_ONCE", run_once },
    { "attach: a host with UV_RUN_NOWAIT", run_nowait },
    { "attach: deadlines and sleeps, never early", deadlines },
    { "attach: run and close are refused, detach while tasks live too", refused_calls },
    { "attach: refusals of the attach itself", refused_attach },
    { "attach: detach from another thread", wrong_thread },
    { "attach: shutdown cancels without waiting", shut_down },
    { "attach: again, also before libuv has let go", attach_again },
    { "attach: references left at the detach", references_left },
};
CHECK_MAIN(tests)
