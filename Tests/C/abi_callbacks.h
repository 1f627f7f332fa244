/*
 * abi_callbacks.h: the part of abi_calls.h about callbacks of the loop and the report hook; only
 * that file includes it, where its macros are known.
 *
 * Threads: as there.
 */
static inline eddy_callback_options_t abi_callback_options(void) {
    eddy_callback_options_t options = EDDY_CALLBACK_OPTIONS_INIT;
    options.release_context = count_release;
    return options;
}

ABI_CALL(callback_cancel, return eddy_callback_cancel(CALLBACK))
ABI_CALL(callback_info, eddy_callback_info_t info; memset(&info, 0, sizeof info);
    info.size = (uint32_t)sizeof info; return eddy_callback_info(CALLBACK, &info))
ABI_CALL(callback_retain, return eddy_callback_retain(CALLBACK))
ABI_CALL(callback_release, return eddy_callback_release(CALLBACK))
ABI_CALL(loop_set_report, return eddy_loop_set_report(LOOP, NULL, NULL))
ABI_CALL(loop_report, eddy_report_fn fn; return eddy_loop_report(LOOP, &fn, NULL))
ABI_CALL(report_text, return eddy_report_text(EDDY_EINVAL, "no"))
ABI_CALL(call_soon, const eddy_callback_options_t options = abi_callback_options();
    return eddy_call_soon(abi_body, &abi_released, &options, NULL))
ABI_CALL(call_later, const eddy_callback_options_t options = abi_callback_options();
    return eddy_call_later(1, abi_body, &abi_released, &options, NULL))
ABI_CALL(call_when, const eddy_callback_options_t options = abi_callback_options();
    return eddy_call_when(1, abi_body, &abi_released, &options, NULL))
ABI_CALL(fd_add_reader, const eddy_callback_options_t options = abi_callback_options();
    return eddy_fd_add_reader(0, abi_body, &abi_released, &options))
ABI_CALL(fd_add_writer, const eddy_callback_options_t options = abi_callback_options();
    return eddy_fd_add_writer(0, abi_body, &abi_released, &options))
ABI_CALL(fd_remove_reader, return eddy_fd_remove_reader(0))
ABI_CALL(fd_remove_writer, return eddy_fd_remove_writer(0))
