/*
 * abi_calls.h: every function of the header behind one shape, for the tests of what all of them
 * promise: what a bad handle, another thread, a closed library, a fork or a place outside a task
 * gives, and that whatever was handed in is released once.
 *
 * Owns the two tables: calls that take a handle, by its kinds, and calls that take none.
 * Invariants: a call that hands something in hands in `&abi_released` with a function that counts;
 * a call whose result is no status gives ABI_NOTHING for NULL and 0.
 * Threads: the count is the process's; tests use it from one thread at a time.
 */
#ifndef ABI_CALLS_H
#define ABI_CALLS_H

#include "check.h"

#define KIND_LOOP 1u
#define KIND_TASK 2u
#define KIND_FUTURE 4u
#define KIND_SCOPE 8u
#define KIND_ERROR 16u
#define KIND_CONTEXT 32u
#define KIND_TOKEN 64u
#define KIND_CALLBACK 128u
#define KIND_COMPLETIONS 256u
#define KIND_COUNT 9

#define ABI_RELEASES 1u     /* hands in a value, a context or an instance */
#define ABI_SILENT 2u       /* has no status to give: ABI_NOTHING stands for every refusal */
#define ABI_NULL_OK 4u      /* null is harmless, or means the default */
#define ABI_ENDS 8u         /* a _release function: works with the library closed */
#define ABI_TASK 16u        /* "Thread: task" */
#define ABI_STARTS 32u      /* makes a loop of its own: "Thread: any without a loop" */

#define ABI_HOOK 64u        /* works in the report hook */

#define ABI_NOTHING ((eddy_status_t)-999999)

typedef struct abi_call {
    const char *name;
    unsigned kinds;
    unsigned flags;
    eddy_status_t (*call)(uint64_t id);
} abi_call_t;

static int abi_released;

static inline eddy_status_t abi_body(void *context) {
    (void)context;
    return EDDY_OK;
}

static inline eddy_status_t abi_done(void *context, eddy_future_t future) {
    (void)context;
    (void)future;
    return EDDY_OK;
}

static inline void abi_start(void *instance, eddy_task_t self) {
    (void)instance;
    (void)self;
}

static inline const eddy_foreign_ops_t *abi_ops(void) {
    static eddy_foreign_ops_t ops = EDDY_FOREIGN_OPS_INIT;
    ops.start = abi_start;
    ops.release = count_release;
    return &ops;
}

static inline eddy_spawn_options_t abi_spawn_options(void) {
    eddy_spawn_options_t options = EDDY_SPAWN_OPTIONS_INIT;
    options.release_context = count_release;
    return options;
}

/* Values of the first are counted; the second is for tokens. */
static const eddy_var_t abi_variable = EDDY_VAR_INIT("counted", NULL, count_release);
static const eddy_var_t abi_plain = EDDY_VAR_INIT("plain", NULL, NULL);

#define ABI_CALL(name, expression)                                                                \
    static inline eddy_status_t call_##name(uint64_t id) {                                        \
        (void)id;                                                                                 \
        expression;                                                                               \
    }
#define LOOP ((eddy_loop_t){ id })
#define TASK ((eddy_task_t){ id })
#define FUTURE ((eddy_future_t){ id })
#define SCOPE ((eddy_scope_t){ id })
#define ERROR ((eddy_error_t){ id })
#define CONTEXT ((eddy_context_t){ id })
#define TOKEN ((eddy_token_t){ id })
#define CALLBACK ((eddy_callback_t){ id })
#define COMPLETIONS ((eddy_completions_t){ id })

ABI_CALL(loop_run, return eddy_loop_run(LOOP, abi_body, NULL, NULL))
ABI_CALL(loop_run_with, const eddy_spawn_options_t options = abi_spawn_options();
    return eddy_loop_run_with(LOOP, abi_body, &abi_released, &options, NULL))
ABI_CALL(loop_run_until, return eddy_loop_run_until(LOOP, (eddy_future_t){ 0 }, NULL))
ABI_CALL(loop_run_forever, return eddy_loop_run_forever(LOOP))
ABI_CALL(loop_stop, return eddy_loop_stop(LOOP))
ABI_CALL(loop_shutdown, return eddy_loop_shutdown(LOOP))
ABI_CALL(loop_close, return eddy_loop_close(LOOP))
ABI_CALL(loop_detach, return eddy_loop_detach(LOOP))
ABI_CALL(task_join, return eddy_task_join(TASK, NULL))
ABI_CALL(task_cancel, return eddy_task_cancel(TASK, NULL))
ABI_CALL(task_retain, return eddy_task_retain(TASK))
ABI_CALL(task_release, return eddy_task_release(TASK))
ABI_CALL(task_info, eddy_task_info_t info; memset(&info, 0, sizeof info);
    info.size = (uint32_t)sizeof info; return eddy_task_info(TASK, &info))
ABI_CALL(future_complete, return eddy_future_complete(FUTURE, &abi_released, count_release))
ABI_CALL(future_fail, return eddy_future_fail(FUTURE, EDDY_EINVAL, "no"))
ABI_CALL(future_cancel, return eddy_future_cancel(FUTURE, NULL))
ABI_CALL(future_wait, return eddy_future_wait(FUTURE, NULL))
ABI_CALL(future_result, return eddy_future_result(FUTURE, NULL))
ABI_CALL(future_take, void *value; eddy_release_fn release;
    return eddy_future_take(FUTURE, &value, &release))
ABI_CALL(future_on_done,
    return eddy_future_on_done(FUTURE, abi_done, &abi_released, count_release))
ABI_CALL(future_off_done, return eddy_future_off_done(FUTURE, abi_done, NULL, NULL))
#include "abi_several.h"
ABI_CALL(future_error, eddy_error_t error; return eddy_future_error(FUTURE, &error))
ABI_CALL(future_retain, return eddy_future_retain(FUTURE))
ABI_CALL(future_release, return eddy_future_release(FUTURE))
ABI_CALL(group_spawn, const eddy_spawn_options_t options = abi_spawn_options();
    return eddy_group_spawn(SCOPE, abi_body, &abi_released, &options, NULL))
ABI_CALL(scope_close, return eddy_scope_close(SCOPE, EDDY_OK))
ABI_CALL(scope_close_info, eddy_close_info_t info; memset(&info, 0, sizeof info);
    info.size = (uint32_t)sizeof info; return eddy_scope_close_info(SCOPE, EDDY_OK, &info))
ABI_CALL(scope_cancel, return eddy_scope_cancel(SCOPE, NULL))
ABI_CALL(scope_reschedule, return eddy_scope_reschedule(SCOPE, EDDY_FOREVER))
ABI_CALL(scope_info, eddy_scope_info_t info; memset(&info, 0, sizeof info);
    info.size = (uint32_t)sizeof info; return eddy_scope_info(SCOPE, &info))
ABI_CALL(future_info, eddy_future_info_t info; memset(&info, 0, sizeof info);
    info.size = (uint32_t)sizeof info; return eddy_future_info(FUTURE, &info))
ABI_CALL(future_observe, return eddy_future_observe(FUTURE))
ABI_CALL(task_set_name, return eddy_task_set_name(TASK, NULL))
ABI_CALL(foreign_spawn, eddy_foreign_options_t options = EDDY_FOREIGN_OPTIONS_INIT;
    options.parent = SCOPE;
    return eddy_foreign_spawn(abi_ops(), &abi_released, &options, NULL))
ABI_CALL(foreign_complete,
    return eddy_foreign_complete(TASK, EDDY_OK, &abi_released, count_release))
ABI_CALL(foreign_enter, eddy_task_t previous; return eddy_foreign_enter(TASK, &previous))
ABI_CALL(foreign_fail_checkpoint, int64_t pause;
    return eddy_foreign_fail_checkpoint(TASK, &pause))
ABI_CALL(error_status, return eddy_error_status(ERROR))
ABI_CALL(error_message, return eddy_error_message(ERROR) ? EDDY_OK : ABI_NOTHING)
ABI_CALL(error_payload, return eddy_error_payload(ERROR, NULL) ? EDDY_OK : ABI_NOTHING)
ABI_CALL(error_child_count, return eddy_error_child_count(ERROR) ? EDDY_OK : ABI_NOTHING)
ABI_CALL(error_cause_count, return eddy_error_cause_count(ERROR) ? EDDY_OK : ABI_NOTHING)
ABI_CALL(error_child, eddy_error_t child; return eddy_error_child(ERROR, 0, &child))
ABI_CALL(error_cause, eddy_error_t cause; return eddy_error_cause(ERROR, 0, &cause))
ABI_CALL(error_print, return eddy_error_print(ERROR))
ABI_CALL(error_format, return eddy_error_format(ERROR, NULL, 0) ? EDDY_OK : ABI_NOTHING)
ABI_CALL(error_retain, return eddy_error_retain(ERROR))
ABI_CALL(error_release, return eddy_error_release(ERROR))

ABI_CALL(on_done_in, return eddy_future_on_done_in(FUTURE, (eddy_context_t){ 0 }, abi_done,
    &abi_released, count_release))
ABI_CALL(task_var_get, void *value; return eddy_task_var_get(TASK, &abi_variable, &value))
ABI_CALL(context_copy, eddy_context_t copy; return eddy_context_copy(CONTEXT, &copy))
ABI_CALL(context_with, eddy_context_t copy;
    return eddy_context_with(CONTEXT, &abi_variable, &abi_released, &copy))
ABI_CALL(context_get, void *value; return eddy_context_get(CONTEXT, &abi_variable, &value))
ABI_CALL(context_run, return eddy_context_run(CONTEXT, abi_body, NULL))
ABI_CALL(context_used, return eddy_context_used() ? EDDY_OK : ABI_NOTHING)
ABI_CALL(context_retain, return eddy_context_retain(CONTEXT))
ABI_CALL(context_release, return eddy_context_release(CONTEXT))
ABI_CALL(var_reset, return eddy_var_reset(TOKEN))
ABI_CALL(token_release, return eddy_token_release(TOKEN))
ABI_CALL(var_get, void *value; return eddy_var_get(&abi_variable, &value))
ABI_CALL(var_set, return eddy_var_set(&abi_variable, &abi_released, NULL))
ABI_CALL(var_set_token, eddy_token_t token;
    return eddy_var_set(&abi_variable, &abi_released, &token))

#include "abi_callbacks.h"

ABI_CALL(run, return eddy_run(NULL, abi_body, NULL))
ABI_CALL(loop_create, eddy_loop_t loop; return eddy_loop_create(NULL, &loop))
ABI_CALL(loop_attach, static char no_uv_loop[1]; eddy_loop_t loop;
    return eddy_loop_attach(no_uv_loop, NULL, &loop))
ABI_CALL(loop_data, return eddy_loop_data() ? EDDY_OK : ABI_NOTHING)
ABI_CALL(loop_set_data, return eddy_loop_set_data(&abi_released, count_release))
ABI_CALL(post, return eddy_post(abi_body, &abi_released, count_release))
ABI_CALL(sleep_start, eddy_future_t future; return eddy_sleep_start(1, &future))
ABI_CALL(loop_current, eddy_loop_t loop; return eddy_loop_current(&loop))
ABI_CALL(now, int64_t now; return eddy_now(&now))
ABI_CALL(task_spawn, const eddy_spawn_options_t options = abi_spawn_options();
    return eddy_task_spawn(abi_body, &abi_released, &options, NULL))
ABI_CALL(return_value, return eddy_return(&abi_released, count_release))
ABI_CALL(task_current, eddy_task_t task; return eddy_task_current(&task))
ABI_CALL(task_local, return eddy_task_local() ? EDDY_OK : ABI_NOTHING)
ABI_CALL(task_set_local, return eddy_task_set_local(NULL))
ABI_CALL(sleep, return eddy_sleep(1))
ABI_CALL(yield, return eddy_yield())
ABI_CALL(checkpoint, return eddy_checkpoint())
ABI_CALL(cancelled, return eddy_cancelled() ? EDDY_OK : ABI_NOTHING)
ABI_CALL(fd_wait, return eddy_fd_wait(0, EDDY_READABLE, NULL))
ABI_CALL(future_create, eddy_future_t future; return eddy_future_create(&future))
ABI_CALL(scope_open, eddy_scope_t scope; return eddy_scope_open(&scope, NULL))
ABI_CALL(group_open, eddy_scope_t scope; return eddy_group_open(&scope, NULL))
ABI_CALL(timeout_open, eddy_scope_t scope; return eddy_timeout_open(&scope, 1, NULL))
ABI_CALL(deadline_open, eddy_scope_t scope; return eddy_deadline_open(&scope, 1, NULL))
ABI_CALL(task_is_inside, return eddy_task_is_inside(TASK, TASK) ? EDDY_OK : ABI_NOTHING)
ABI_CALL(task_list, size_t count; return eddy_task_list(NULL, 0, &count))
ABI_CALL(shield_open, eddy_scope_t scope; return eddy_shield_open(&scope, NULL))
ABI_CALL(defer, return eddy_defer(abi_body, NULL))
ABI_CALL(call, return eddy_call(NULL, abi_body, NULL, NULL))
ABI_CALL(with_timeout, return eddy_with_timeout(1, abi_body, NULL, NULL))
ABI_CALL(error_current, eddy_error_t error; return eddy_error_current(&error))
ABI_CALL(foreign_register, return eddy_foreign_register(abi_ops()))
ABI_CALL(test_trace_hash, uint64_t hash; return eddy_test_trace_hash(&hash))
ABI_CALL(test_cancel_everywhere, eddy_test_finding_t finding = EDDY_TEST_FINDING_INIT;
    return eddy_test_cancel_everywhere(abi_body, NULL, NULL, &finding))
ABI_CALL(test_fail_allocations, eddy_test_finding_t finding = EDDY_TEST_FINDING_INIT;
    return eddy_test_fail_allocations(abi_body, NULL, NULL, &finding))
ABI_CALL(foreign_spawn_below_loop,
    return eddy_foreign_spawn(abi_ops(), &abi_released, NULL, NULL))

#undef ABI_CALL
#undef LOOP
#undef TASK
#undef FUTURE
#undef SCOPE
#undef ERROR
#undef CONTEXT
#undef TOKEN
#undef CALLBACK
#undef COMPLETIONS

#define KIND_WAITABLE (KIND_TASK | KIND_FUTURE)
static const abi_call_t abi_handle_calls[] = {
    { "loop_run", KIND_LOOP, 0, call_loop_run },
    { "loop_run_with", KIND_LOOP, ABI_RELEASES, call_loop_run_with },
    { "loop_run_until", KIND_LOOP, 0, call_loop_run_until },
    { "loop_run_forever", KIND_LOOP, 0, call_loop_run_forever },
    { "loop_stop", KIND_LOOP, 0, call_loop_stop },
    { "loop_shutdown", KIND_LOOP, 0, call_loop_shutdown },
    { "loop_close", KIND_LOOP, 0, call_loop_close },
    { "loop_detach", KIND_LOOP, 0, call_loop_detach },
    { "task_join", KIND_TASK, ABI_TASK, call_task_join },
    { "task_cancel", KIND_TASK, 0, call_task_cancel },
    { "task_retain", KIND_TASK, 0, call_task_retain },
    { "task_info", KIND_TASK, 0, call_task_info },
    { "future_complete", KIND_WAITABLE, ABI_RELEASES, call_future_complete },
    { "future_fail", KIND_WAITABLE, 0, call_future_fail },
    { "future_cancel", KIND_WAITABLE, 0, call_future_cancel },
    { "future_wait", KIND_WAITABLE, ABI_TASK, call_future_wait },
    { "future_result", KIND_WAITABLE, 0, call_future_result },
    { "future_take", KIND_WAITABLE, 0, call_future_take },
    { "future_on_done", KIND_WAITABLE, ABI_RELEASES, call_future_on_done },
    { "future_off_done", KIND_WAITABLE, 0, call_future_off_done },
    { "future_error", KIND_WAITABLE, 0, call_future_error },
    { "future_retain", KIND_WAITABLE, 0, call_future_retain },
    ABI_SEVERAL_ROWS
    { "group_spawn", KIND_SCOPE, ABI_RELEASES, call_group_spawn },
    { "scope_close", KIND_SCOPE, ABI_TASK, call_scope_close },
    { "scope_close_info", KIND_SCOPE, ABI_TASK, call_scope_close_info },
    { "scope_cancel", KIND_SCOPE, 0, call_scope_cancel },
    { "scope_reschedule", KIND_SCOPE, 0, call_scope_reschedule },
    { "scope_info", KIND_SCOPE, 0, call_scope_info },
    { "future_info", KIND_WAITABLE, 0, call_future_info },
    { "future_observe", KIND_WAITABLE, 0, call_future_observe },
    { "task_set_name", KIND_TASK, 0, call_task_set_name },
    { "foreign_spawn", KIND_SCOPE, ABI_RELEASES | ABI_NULL_OK, call_foreign_spawn },
    { "foreign_complete", KIND_TASK, ABI_RELEASES, call_foreign_complete },
    { "foreign_enter", KIND_TASK, 0, call_foreign_enter },
    { "foreign_fail_checkpoint", KIND_TASK, 0, call_foreign_fail_checkpoint },
    { "error_status", KIND_ERROR, 0, call_error_status },
    { "error_message", KIND_ERROR, ABI_SILENT, call_error_message },
    { "error_payload", KIND_ERROR, ABI_SILENT, call_error_payload },
    { "error_child_count", KIND_ERROR, ABI_SILENT, call_error_child_count },
    { "error_cause_count", KIND_ERROR, ABI_SILENT, call_error_cause_count },
    { "error_child", KIND_ERROR, 0, call_error_child },
    { "error_cause", KIND_ERROR, 0, call_error_cause },
    { "error_print", KIND_ERROR, 0, call_error_print },
    { "error_format", KIND_ERROR, ABI_SILENT, call_error_format },
    { "error_retain", KIND_ERROR, 0, call_error_retain },
    { "future_on_done_in", KIND_WAITABLE, ABI_RELEASES, call_on_done_in },
    { "task_var_get", KIND_TASK, 0, call_task_var_get },
    { "context_copy", KIND_CONTEXT, ABI_NULL_OK, call_context_copy },
    { "context_with", KIND_CONTEXT, ABI_NULL_OK | ABI_RELEASES, call_context_with },
    { "context_get", KIND_CONTEXT, 0, call_context_get },
    { "context_run", KIND_CONTEXT, 0, call_context_run },
    { "context_retain", KIND_CONTEXT, 0, call_context_retain },
    { "var_reset", KIND_TOKEN, 0, call_var_reset },
    { "context_release", KIND_CONTEXT, ABI_NULL_OK | ABI_ENDS, call_context_release },
    { "token_release", KIND_TOKEN, ABI_NULL_OK | ABI_ENDS, call_token_release },
    { "callback_cancel", KIND_CALLBACK, 0, call_callback_cancel },
    { "callback_info", KIND_CALLBACK, 0, call_callback_info },
    { "callback_retain", KIND_CALLBACK, 0, call_callback_retain },
    { "callback_release", KIND_CALLBACK, ABI_NULL_OK | ABI_ENDS, call_callback_release },
    { "loop_set_report", KIND_LOOP, 0, call_loop_set_report },
    { "loop_report", KIND_LOOP, 0, call_loop_report },
    { "task_release", KIND_TASK, ABI_NULL_OK | ABI_ENDS, call_task_release },
    { "future_release", KIND_WAITABLE, ABI_NULL_OK | ABI_ENDS, call_future_release },
    { "error_release", KIND_ERROR, ABI_NULL_OK | ABI_ENDS, call_error_release },
};
#define ABI_HANDLE_CALLS ((int)(sizeof abi_handle_calls / sizeof abi_handle_calls[0]))

static const abi_call_t abi_free_calls[] = {
    { "run", 0, ABI_STARTS, call_run },
    { "loop_create", 0, ABI_STARTS, call_loop_create },
    { "loop_attach", 0, ABI_STARTS, call_loop_attach },
    { "test_cancel_everywhere", 0, ABI_STARTS, call_test_cancel_everywhere },
    { "test_fail_allocations", 0, ABI_STARTS, call_test_fail_allocations },
    { "test_trace_hash", 0, 0, call_test_trace_hash },
    { "loop_current", 0, 0, call_loop_current },
    { "loop_data", 0, ABI_SILENT, call_loop_data },
    { "loop_set_data", 0, ABI_RELEASES, call_loop_set_data },
    { "post", 0, ABI_RELEASES, call_post },
    { "call_soon", 0, ABI_RELEASES, call_call_soon },
    { "call_later", 0, ABI_RELEASES, call_call_later },
    { "call_when", 0, ABI_RELEASES, call_call_when },
    { "fd_add_reader", 0, ABI_RELEASES, call_fd_add_reader },
    { "fd_add_writer", 0, ABI_RELEASES, call_fd_add_writer },
    { "fd_remove_reader", 0, 0, call_fd_remove_reader },
    { "fd_remove_writer", 0, 0, call_fd_remove_writer },
    { "report_text", 0, 0, call_report_text },
    { "sleep_start", 0, 0, call_sleep_start },
    { "now", 0, 0, call_now },
    { "task_spawn", 0, ABI_RELEASES, call_task_spawn },
    { "future_create", 0, 0, call_future_create },
    { "error_current", 0, 0, call_error_current },
    { "foreign_register", 0, 0, call_foreign_register },
    { "var_get", 0, ABI_HOOK, call_var_get },
    { "var_set", 0, ABI_RELEASES, call_var_set },
    { "var_set with a token", 0, ABI_RELEASES, call_var_set_token },
    { "context_copy of the current one", 0, 0, call_context_copy },
    { "context_with of the current one", 0, ABI_RELEASES, call_context_with },
    { "foreign_spawn_below_loop", 0, ABI_RELEASES, call_foreign_spawn_below_loop },
    { "return", 0, ABI_TASK | ABI_RELEASES, call_return_value },
    { "task_current", 0, ABI_TASK, call_task_current },
    { "task_local", 0, ABI_TASK | ABI_SILENT, call_task_local },
    { "task_set_local", 0, ABI_TASK, call_task_set_local },
    { "sleep", 0, ABI_TASK, call_sleep },
    { "yield", 0, ABI_TASK, call_yield },
    { "checkpoint", 0, ABI_TASK, call_checkpoint },
    { "context_used", 0, ABI_SILENT, call_context_used },
    { "cancelled", 0, ABI_TASK | ABI_SILENT, call_cancelled },
    { "fd_wait", 0, ABI_TASK, call_fd_wait },
    { "scope_open", 0, ABI_TASK, call_scope_open },
    { "group_open", 0, ABI_TASK, call_group_open },
    { "timeout_open", 0, ABI_TASK, call_timeout_open },
    { "deadline_open", 0, ABI_TASK, call_deadline_open },
    { "task_list", 0, 0, call_task_list },
    { "task_is_inside", 0, ABI_TASK | ABI_SILENT, call_task_is_inside },
    { "shield_open", 0, ABI_TASK, call_shield_open },
    { "defer", 0, ABI_TASK, call_defer },
    { "call", 0, ABI_TASK, call_call },
    { "with_timeout", 0, ABI_TASK, call_with_timeout },
};
#define ABI_FREE_CALLS ((int)(sizeof abi_free_calls / sizeof abi_free_calls[0]))

/*
 * Makes one refused call: it gives `expected`, or nothing where it has no status, and what it
 * handed in was released once. `what` says which handle or place it was.
 */
static inline void abi_refuses(const abi_call_t *row, uint64_t id, eddy_status_t expected,
    const char *what) {
    char text[128];
    snprintf(text, sizeof text, "%s, %s", row->name, what);
    abi_released = 0;
    const eddy_status_t status = row->call(id);
    check_status(status, row->flags & ABI_SILENT ? ABI_NOTHING : expected, text, __FILE__,
        __LINE__);
    check_int(abi_released, row->flags & ABI_RELEASES ? 1 : 0, text, __FILE__, __LINE__);
}

/* One live handle of each kind, in the order of the KIND bits; 0 where there is none. */
typedef struct abi_handles {
    uint64_t ids[KIND_COUNT];
} abi_handles_t;

#include "abi_contexts.h"

/* The first live handle that a call accepts, or 0. */
static inline uint64_t abi_fitting(const abi_handles_t *handles, unsigned kinds) {
    for (int kind = 0; kind < KIND_COUNT; kind++)
        if (kinds & (1u << kind) && handles->ids[kind]) return handles->ids[kind];
    return 0;
}

#endif /* ABI_CALLS_H */
