/*
 * abi_contexts.h: the second half of abi_calls.h's live handles: one of each kind that came later.
 *
 * Invariants: as there. Threads: one.
 */
#ifndef ABI_CONTEXTS_H
#define ABI_CONTEXTS_H

/* Adds a context, a token, a callback that is never called, and completions; and ends them. */
static inline void abi_open_contexts(abi_handles_t *handles) {
    eddy_context_t context = { 0 };
    eddy_token_t token = { 0 };
    eddy_callback_t callback = { 0 };
    CHECK_STATUS(eddy_call_when(EDDY_FOREVER, abi_body, NULL, NULL, &callback), EDDY_OK);
    handles->ids[7] = callback.id;
    CHECK_STATUS(eddy_context_copy(context, &context), EDDY_OK);
    CHECK_STATUS(eddy_var_set(&abi_plain, NULL, &token), EDDY_OK);
    handles->ids[5] = context.id;
    handles->ids[6] = token.id;
    eddy_completions_t completions = { 0 };
    CHECK_STATUS(eddy_as_completed(NULL, 0, EDDY_FOREVER, &completions), EDDY_OK);
    handles->ids[8] = completions.id;
}

static inline void abi_close_contexts(const abi_handles_t *handles) {
    CHECK_STATUS(eddy_context_release((eddy_context_t){ handles->ids[5] }), EDDY_OK);
    CHECK_STATUS(eddy_token_release((eddy_token_t){ handles->ids[6] }), EDDY_OK);
    CHECK_STATUS(eddy_callback_cancel((eddy_callback_t){ handles->ids[7] }), EDDY_OK);
    CHECK_STATUS(eddy_callback_release((eddy_callback_t){ handles->ids[7] }), EDDY_OK);
    CHECK_STATUS(eddy_completions_release((eddy_completions_t){ handles->ids[8] }), EDDY_OK);
}

#endif /* ABI_CONTEXTS_H */
