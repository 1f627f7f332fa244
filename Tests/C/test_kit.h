/*
 * test_kit.h: a search that must itself succeed, for the tests of the test kit. Threads: one.
 */
#ifndef TEST_KIT_H
#define TEST_KIT_H

#include "check.h"

static inline eddy_test_finding_t found(void) {
    const eddy_test_finding_t finding = EDDY_TEST_FINDING_INIT;
    return finding;
}

static inline eddy_test_finding_t cancel(eddy_task_fn fn, void *context,
    const eddy_test_options_t *options) {
    eddy_test_finding_t finding = found();
    CHECK_STATUS(eddy_test_cancel_everywhere(fn, context, options, &finding), EDDY_OK);
    return finding;
}

#endif /* TEST_KIT_H */
