/*
 * attach_host.h: a host's uv_loop_t for the tests of attached loops.
 *
 * Owns one uv_loop_t of the test. Real time passes here, but no test relies on how much.
 * Threads: one.
 */
#ifndef ATTACH_HOST_H
#define ATTACH_HOST_H

#include "check.h"

#include <uv.h>

typedef struct host {
    uv_loop_t uv;
    eddy_loop_t loop;
} host_t;

static inline void host_attach(host_t *host, uint32_t flags) {
    eddy_loop_options_t options = EDDY_LOOP_OPTIONS_INIT;
    options.flags = flags;
    options.report = reports_record;
    CHECK_STATUS(eddy_loop_attach(&host->uv, &options, &host->loop), EDDY_OK);
}

/* A new uv_loop_t with Eddy on it. */
static inline void host_open(host_t *host, uint32_t flags) {
    memset(host, 0, sizeof *host);
    reports_clear();
    trace_clear();
    CHECK_INT(uv_loop_init(&host->uv), 0);
    host_attach(host, flags);
}

/* Detaches, lets libuv finish with the handles, and closes the uv_loop_t, which is empty then. */
static inline void host_close(host_t *host) {
    CHECK_STATUS(eddy_loop_detach(host->loop), EDDY_OK);
    CHECK_INT(uv_run(&host->uv, UV_RUN_DEFAULT), 0);
    CHECK_INT(uv_loop_close(&host->uv), 0);
}

/* A timer that only keeps the host's uv_run going for a while, or ends its wait. */
static inline void host_stops_timer(uv_timer_t *timer) { uv_timer_stop(timer); }

static inline eddy_task_t host_spawn(eddy_task_fn fn, void *context) {
    eddy_task_t task = { 0 };
    CHECK_STATUS(eddy_task_spawn(fn, context, NULL, &task), EDDY_OK);
    return task;
}

/* The task has ended so, and its handle goes. */
static inline void host_ended(eddy_task_t task, eddy_status_t expected) {
    CHECK_STATUS(eddy_future_result(eddy_task_future(task), NULL), expected);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
}

#endif /* ATTACH_HOST_H */
