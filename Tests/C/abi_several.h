/*
 * abi_several.h: the part of abi_calls.h, which includes it, for the calls about several futures.
 *
 * Owns the calls and their rows of the table. Threads: as abi_calls.h.
 */
#ifndef ABI_SEVERAL_H
#define ABI_SEVERAL_H

ABI_CALL(gather, const eddy_future_t one = FUTURE; return eddy_gather(&one, 1, NULL))
ABI_CALL(gather_all, const eddy_future_t one = FUTURE;
    return eddy_gather_all(&one, 1, NULL, NULL))
ABI_CALL(gather_start, const eddy_future_t one = FUTURE; eddy_future_t made;
    return eddy_gather_start(&one, 1, 0, &made))
ABI_CALL(gather_finish, return eddy_gather_finish(FUTURE, NULL, NULL))
ABI_CALL(wait_all, const eddy_future_t one = FUTURE;
    return eddy_wait_all(&one, 1, 1, NULL, NULL))
ABI_CALL(wait_any, const eddy_future_t one = FUTURE;
    return eddy_wait_any(&one, 1, 1, NULL, NULL))
ABI_CALL(wait_first_error, const eddy_future_t one = FUTURE;
    return eddy_wait_first_error(&one, 1, 1, NULL, NULL))
ABI_CALL(wait_start, const eddy_future_t one = FUTURE; eddy_future_t made;
    return eddy_wait_start(&one, 1, EDDY_UNTIL_ALL, 1, &made))
ABI_CALL(wait_finish, return eddy_wait_finish(FUTURE, NULL, NULL))
ABI_CALL(wait_for, return eddy_wait_for(FUTURE, 1, NULL))
ABI_CALL(wait_for_start, eddy_future_t made; return eddy_wait_for_start(FUTURE, 1, &made))
ABI_CALL(select, const eddy_future_t one = FUTURE; return eddy_select(&one, 1, 0, NULL))
ABI_CALL(select_start, const eddy_future_t one = FUTURE; eddy_future_t made;
    return eddy_select_start(&one, 1, 0, &made))
ABI_CALL(select_finish, return eddy_select_finish(FUTURE, NULL))
ABI_CALL(as_completed, const eddy_future_t one = FUTURE; eddy_completions_t made;
    return eddy_as_completed(&one, 1, 1, &made))
ABI_CALL(completions_next, return eddy_completions_next(COMPLETIONS, NULL))
ABI_CALL(completions_next_start, eddy_future_t made;
    return eddy_completions_next_start(COMPLETIONS, &made))
ABI_CALL(completions_next_finish, return eddy_completions_next_finish(FUTURE, NULL))
ABI_CALL(completions_release, return eddy_completions_release(COMPLETIONS))

#define ABI_SEVERAL_ROWS                                                                          \
    { "gather", KIND_WAITABLE, ABI_TASK, call_gather },                                           \
    { "gather_all", KIND_WAITABLE, ABI_TASK, call_gather_all },                                   \
    { "gather_start", KIND_WAITABLE, 0, call_gather_start },                                      \
    { "gather_finish", KIND_WAITABLE, 0, call_gather_finish },                                    \
    { "wait_all", KIND_WAITABLE, ABI_TASK, call_wait_all },                                       \
    { "wait_any", KIND_WAITABLE, ABI_TASK, call_wait_any },                                       \
    { "wait_first_error", KIND_WAITABLE, ABI_TASK, call_wait_first_error },                       \
    { "wait_start", KIND_WAITABLE, 0, call_wait_start },                                          \
    { "wait_finish", KIND_WAITABLE, 0, call_wait_finish },                                        \
    { "wait_for", KIND_WAITABLE, ABI_TASK, call_wait_for },                                       \
    { "wait_for_start", KIND_WAITABLE, 0, call_wait_for_start },                                  \
    { "select", KIND_WAITABLE, ABI_TASK, call_select },                                           \
    { "select_start", KIND_WAITABLE, 0, call_select_start },                                      \
    { "select_finish", KIND_WAITABLE, 0, call_select_finish },                                    \
    { "as_completed", KIND_WAITABLE, 0, call_as_completed },                                      \
    { "completions_next", KIND_COMPLETIONS, ABI_TASK, call_completions_next },                    \
    { "completions_next_start", KIND_COMPLETIONS, 0, call_completions_next_start },               \
    { "completions_next_finish", KIND_WAITABLE, 0, call_completions_next_finish },                \
    { "completions_release", KIND_COMPLETIONS, ABI_NULL_OK | ABI_ENDS,                            \
        call_completions_release },

#endif /* ABI_SEVERAL_H */
