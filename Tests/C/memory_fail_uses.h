/*
 * memory_fail_uses.h: the second half of what memory_fail.c's scenario does: callbacks of the loop,
 * and several at once.
 *
 * Invariants: as there. Threads: one.
 */
#ifndef MEMORY_FAIL_USES_H
#define MEMORY_FAIL_USES_H

/* One that runs, one that is cancelled, one that is dropped at the end, and a descriptor's. */
static void use_callbacks(void) {
    eddy_callback_options_t options = EDDY_CALLBACK_OPTIONS_INIT;
    eddy_callback_t callback = { 0 };
    int ends[2] = { -1, -1 };
    options.release_context = count_release;
    if (!CHECK(pipe(ends) == 0)) return;
    MAY(eddy_call_soon(ok, hand(), &options, NULL), EDDY_OK);
    MAY(eddy_call_soon(fails_quietly, hand(), &options, NULL), EDDY_OK);
    if (MAY(eddy_call_later(EDDY_SECONDS(1), ok, hand(), &options, &callback), EDDY_OK))
        CHECK_STATUS(eddy_callback_cancel(callback), EDDY_OK);
    CHECK_STATUS(eddy_callback_release(callback), EDDY_OK);
    MAY(eddy_call_later(EDDY_SECONDS(1000000), ok, hand(), &options, NULL), EDDY_OK);
    if (MAY(eddy_fd_add_reader(ends[0], ok, hand(), &options), EDDY_OK)) {
        MAY(eddy_fd_add_reader(ends[0], ok, hand(), &options), EDDY_OK);
        CHECK_STATUS(eddy_fd_remove_reader(ends[0]), EDDY_OK);
    }
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    close(ends[0]);
    close(ends[1]);
}

/* Several at once: whatever is refused, nothing is lost, and the others still work. */
static void use_several(void) {
    eddy_future_t futures[3] = { { 0 }, { 0 }, { 0 } }, twin = { 0 };
    eddy_completions_t completions = { 0 };
    int made = 0;
    size_t index;
    while (made < 3 && MAY(eddy_future_create(&futures[made]), EDDY_OK)) made++;
    if (made < 3) {
        while (made > 0) CHECK_STATUS(eddy_future_release(futures[--made]), EDDY_OK);
        return;
    }
    if (MAY(eddy_gather_start(futures, 3, EDDY_GATHER_ALL, &twin), EDDY_OK))
        CHECK_STATUS(eddy_future_result(twin, NULL), EDDY_EPENDING);
    MAY(eddy_as_completed(futures, 3, EDDY_SECONDS(1), &completions), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(futures[1], hand(), count_release), EDDY_OK);
    MAY(eddy_wait_any(futures, 3, EDDY_FOREVER, NULL, NULL), EDDY_OK);
    if (MAY(eddy_select(futures, 3, EDDY_SELECT_CANCEL, &index), EDDY_OK)) CHECK_INT(index, 1);
    if (completions.id) {
        CHECK_STATUS(eddy_completions_next(completions, &index), EDDY_OK);
        CHECK_INT(index, 1);
        CHECK_STATUS(eddy_completions_release(completions), EDDY_OK);
    }
    MAY(eddy_wait_for(futures[0], EDDY_SECONDS(1), NULL),
        eddy_future_result(futures[0], NULL) == EDDY_EPENDING ? EDDY_ETIMEDOUT
                                                              : EDDY_ETARGETCANCELED);
    if (twin.id) CHECK_STATUS(eddy_future_release(twin), EDDY_OK);
    while (made > 0) CHECK_STATUS(eddy_future_release(futures[--made]), EDDY_OK);
}

#endif /* MEMORY_FAIL_USES_H */
