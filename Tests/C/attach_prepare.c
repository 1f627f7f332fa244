/*
 * A host's prepare callback that libuv calls after Eddy's, so that no round of this iteration is
 * left: what it makes ready must not wait for the end of a poll that blocks.
 *
 * Invariant: a poll that does block is ended by a timer of 5 s, and the test fails by that.
 * Threads: one.
 */
#include "attach_host.h"

static host_t host;
static eddy_future_t awaited;
static eddy_task_t waiter;

static eddy_status_t wait_for(void *context) {
    const eddy_status_t status = eddy_future_wait(*(eddy_future_t *)context, NULL);
    trace("%s", eddy_status_name(status));
    return EDDY_OK;
}

static void complete_late(uv_prepare_t *prepare) {
    CHECK_STATUS(eddy_future_complete(awaited, NULL, NULL), EDDY_OK);
    uv_prepare_stop(prepare);           /* a close would keep the poll from blocking */
}

/* A sleep begun there is earlier than anything that Eddy's round knew of. */
static eddy_status_t say_done(void *context, eddy_future_t future) {
    (void)future;
    return eddy_future_complete(*(eddy_future_t *)context, NULL, NULL);
}

static void sleep_late(uv_prepare_t *prepare) {
    eddy_future_t sleep = { 0 };
    CHECK_STATUS(eddy_sleep_start(EDDY_MILLISECONDS(1), &sleep), EDDY_OK);
    CHECK_STATUS(eddy_future_on_done(sleep, say_done, &awaited, NULL), EDDY_OK);
    prepare->data = (void *)(uintptr_t)sleep.id;
    uv_prepare_stop(prepare);
}

static void behind_our_prepare(uv_prepare_cb callback) {
    uv_prepare_t prepare;
    uv_timer_t watchdog;
    memset(&host, 0, sizeof host);
    reports_clear();
    trace_clear();
    CHECK_INT(uv_loop_init(&host.uv), 0);
    uv_prepare_init(&host.uv, &prepare);
    prepare.data = NULL;
    uv_prepare_start(&prepare, callback);
    host_attach(&host, 0);
    CHECK_STATUS(eddy_future_create(&awaited), EDDY_OK);
    waiter = host_spawn(wait_for, &awaited);
    uv_timer_init(&host.uv, &watchdog);
    uv_timer_start(&watchdog, host_stops_timer, 5000, 0);
    uv_unref((uv_handle_t *)&watchdog);
    const uint64_t begin = uv_hrtime();
    CHECK_INT(uv_run(&host.uv, UV_RUN_DEFAULT), 0);
    CHECK((uv_hrtime() - begin) / 1000000 < 4000);
    CHECK_TRACE("EDDY_OK");
    host_ended(waiter, EDDY_OK);
    CHECK_STATUS(eddy_future_release(awaited), EDDY_OK);
    CHECK_STATUS(eddy_future_release((eddy_future_t){ (uintptr_t)prepare.data }), EDDY_OK);
    uv_close((uv_handle_t *)&watchdog, NULL);
    uv_close((uv_handle_t *)&prepare, NULL);
    host_close(&host);
}

static void completed_there(void) { behind_our_prepare(complete_late); }
static void sleep_begun_there(void) { behind_our_prepare(sleep_late); }

static const check_test_t tests[] = {
    { "attach: complete from a prepare behind Eddy's", completed_there },
    { "attach: sleep_start in a prepare behind Eddy's", sleep_begun_there },
};
CHECK_MAIN(tests)
