/*
 * Each macro of eddy.h used once, so that it compiles without a warning in every language mode; see
 * twice.c. The functions are never run.
 */
#include <eddy.h>

eddy_status_t eddy_header_body(void *context);
eddy_status_t eddy_header_tries(void *context);
eddy_status_t eddy_header_scopes(void *context);
eddy_status_t eddy_header_tasks(void *context);
eddy_status_t eddy_header_loops(void);
eddy_status_t eddy_header_kit(void);
eddy_status_t eddy_header_callbacks(int32_t fd);
int64_t eddy_header_constants(int32_t code);

eddy_status_t eddy_header_body(void *context)
{
    EDDY_TRY(eddy_sleep(EDDY_SECONDS(0.5)));
    return eddy_return(context, NULL);
}

eddy_status_t eddy_header_tries(void *context)
{
    eddy_status_t status = EDDY_OK;
    eddy_scope_t outer, inner;
    eddy_future_t future;
    EDDY_TRY(eddy_future_create(&future));
    EDDY_TRY(eddy_scope_open(&outer, NULL));
    EDDY_TRY_IN(outer, eddy_shield_open(&inner, NULL));
    EDDY_TRY_IN2(inner, outer, eddy_checkpoint());
    EDDY_TRY_GOTO(out, status, eddy_header_body(context));
    if (context) EDDY_TRY_GOTO(out, status, eddy_yield());
    else status = EDDY_ETAKEN;
out:
    return eddy_scope_close(outer, eddy_scope_close(inner, status));
}

eddy_status_t eddy_header_scopes(void *context)
{
    const eddy_scope_options_t options = EDDY_SCOPE_OPTIONS_INIT;
    eddy_scope_t group, timeout;
    eddy_task_t task;
    void *value = NULL;
    EDDY_TRY(eddy_group_open(&group, &options));
    EDDY_TRY_IN(group, eddy_timeout_open(&timeout, EDDY_MILLISECONDS(1.5), &options));
    EDDY_TRY_IN2(timeout, group, eddy_group_spawn(group, eddy_header_body, context, NULL, &task));
    EDDY_TRY_IN2(timeout, group, eddy_call(&options, eddy_header_body, context, &value));
    EDDY_TRY_IN2(timeout, group,
        eddy_with_timeout(EDDY_MICROSECONDS(3), eddy_header_body, context, &value));
    EDDY_TRY_IN2(timeout, group, eddy_deadline_open(&timeout, EDDY_FOREVER, &options));
    return eddy_scope_close(group, eddy_scope_close(timeout, EDDY_OK));
}

eddy_status_t eddy_header_tasks(void *context)
{
    const eddy_spawn_options_t options = EDDY_SPAWN_OPTIONS_INIT;
    const eddy_foreign_options_t foreign_options = EDDY_FOREIGN_OPTIONS_INIT;
    static const eddy_foreign_ops_t ops = EDDY_FOREIGN_OPS_INIT;
    static const eddy_var_t variable = EDDY_VAR_INIT("variable", NULL, NULL);
    const char *site = EDDY_SITE;
    eddy_task_t task;
    EDDY_TRY(eddy_task_spawn_at(site, eddy_header_body, context, &options, NULL));
    EDDY_TRY(eddy_task_spawn(eddy_header_body, context, &options, &task));
    EDDY_TRY(eddy_var_set(&variable, context, NULL));
    EDDY_TRY(eddy_foreign_spawn(&ops, context, &foreign_options, &task));
    return eddy_fail(EDDY_EINVAL, "%s: %d", site, EDDY_VERSION_NUMBER);
}

eddy_status_t eddy_header_loops(void)
{
    eddy_loop_options_t options = EDDY_LOOP_OPTIONS_INIT;
    eddy_loop_t loop;
    options.flags = EDDY_LOOP_VIRTUAL_CLOCK | EDDY_LOOP_SEEDED_ORDER;
    options.flags |= EDDY_LOOP_NO_SIGNALS;
    options.grace_ns = EDDY_NONE;
    EDDY_TRY(eddy_run(&options, eddy_header_body, NULL));
    EDDY_TRY(eddy_loop_create(&options, &loop));
    EDDY_TRY(eddy_loop_close(loop));
    EDDY_TRY(eddy_loop_attach(NULL, &options, &loop));
    return eddy_main(eddy_header_tries, NULL) ? EDDY_EINVAL : eddy_loop_detach(loop);
}

eddy_status_t eddy_header_callbacks(int32_t fd)
{
    const eddy_callback_options_t options = EDDY_CALLBACK_OPTIONS_INIT;
    eddy_callback_t callback;
    eddy_callback_info_t info;
    EDDY_TRY(eddy_call_soon(eddy_header_body, NULL, &options, &callback));
    EDDY_TRY(eddy_call_later(EDDY_SECONDS(1), eddy_header_body, NULL, &options, &callback));
    EDDY_TRY(eddy_call_when(EDDY_FOREVER, eddy_header_body, NULL, NULL, NULL));
    EDDY_TRY(eddy_fd_add_reader(fd, eddy_header_body, NULL, &options));
    EDDY_TRY(eddy_fd_add_writer(fd, eddy_header_body, NULL, NULL));
    info.size = (uint32_t)sizeof info;
    EDDY_TRY(eddy_callback_info(callback, &info));
    switch (info.state) {
    case EDDY_CALLBACK_PENDING: case EDDY_CALLBACK_DONE: case EDDY_CALLBACK_CANCELED:
        return eddy_report_text(EDDY_EINVAL, info.site);
    default:
        return eddy_callback_release(callback);
    }
}

eddy_status_t eddy_header_kit(void)
{
    eddy_test_options_t options = EDDY_TEST_OPTIONS_INIT;
    eddy_test_finding_t finding = EDDY_TEST_FINDING_INIT;
    eddy_loop_options_t loop = EDDY_LOOP_OPTIONS_INIT;
    loop.flags = EDDY_LOOP_TRACE;
    options.loop = &loop;
    options.flags = EDDY_TEST_DEADLINE | EDDY_TEST_OUTLIVE | EDDY_TEST_ENDLESS |
        EDDY_TEST_THREADS;
    EDDY_TRY(eddy_test_cancel_everywhere(eddy_header_body, NULL, &options, &finding));
    switch (finding.kind) {
    case EDDY_FINDING_NONE: case EDDY_FINDING_TASK: case EDDY_FINDING_FUTURE:
    case EDDY_FINDING_ERROR: case EDDY_FINDING_SCOPE: case EDDY_FINDING_VALUE:
    case EDDY_FINDING_DESCRIPTOR: case EDDY_FINDING_HANG: case EDDY_FINDING_IGNORED:
    case EDDY_FINDING_TWICE: case EDDY_FINDING_CHECK: case EDDY_FINDING_TIMER:
    case EDDY_FINDING_STACK: case EDDY_FINDING_CALLBACK:
        return EDDY_EINVAL;
    default:
        return EDDY_OK;
    }
}

int64_t eddy_header_constants(int32_t code)
{
    switch (code) {
    case EDDY_OK: case EDDY_EPERM: case EDDY_E2BIG: case EDDY_ENOMEM: case EDDY_EBUSY:
    case EDDY_EINVAL: case EDDY_ECANCELED: case EDDY_ETIMEDOUT: case EDDY_EGROUP:
    case EDDY_ETARGETCANCELED: case EDDY_EFOREIGNCANCEL: case EDDY_EGRACE:
    case EDDY_ESCOPELEAK: case EDDY_EBADHANDLE: case EDDY_EWRONGTHREAD: case EDDY_ENOTTASK:
    case EDDY_EPENDING: case EDDY_EALREADY: case EDDY_ETAKEN: case EDDY_ECLOSED:
    case EDDY_EBROKEN: case EDDY_EDEADLK: case EDDY_EFORKED: case EDDY_EVERSION:
    case EDDY_EFOREIGN: case EDDY_EEND:
    case EDDY_ESTOPPED: case EDDY_EINTERRUPT:
        return EDDY_FOREVER;
    case EDDY_FUTURE_DONE: case EDDY_FUTURE_FAILED: case EDDY_FUTURE_CANCELED:
        return EDDY_FUTURE_PENDING;
    case EDDY_READABLE | EDDY_WRITABLE | EDDY_DISCONNECTED:
        return EDDY_NANOSECONDS(1);
    case EDDY_UNTIL_ALL: case EDDY_UNTIL_ANY: case EDDY_UNTIL_ERROR:
        return (int64_t)(EDDY_GATHER_ALL | EDDY_SELECT_CANCEL);
    default:
        if (code == EDDY_REASON_INTERRUPT + EDDY_REASON_TERMINATE) return EDDY_NONE;
        return (int64_t)(EDDY_SPAWN_EAGER | EDDY_SCOPE_GROUP | EDDY_SCOPE_SHIELD);
    }
}
