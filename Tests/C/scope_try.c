/*
 * scope_try.c: proves the early returns: EDDY_TRY, EDDY_TRY_IN, EDDY_TRY_IN2, EDDY_TRY_GOTO.
 *
 * Invariants: every test runs on a virtual clock and expects no report, so that no scope leaks.
 * Threads: one.
 */
#include "check.h"

#include <errno.h>

#define IN_TASK(name)                                                                             \
    static eddy_status_t name##_body(void *context);                                              \
    static void name(void) {                                                                      \
        CHECK_STATUS(run_virtual(name##_body, NULL), EDDY_OK);                                    \
        CHECK_INT(reports.count, 0);                                                              \
    }                                                                                             \
    static eddy_status_t name##_body(void *context)

static int evaluations;

static eddy_status_t evaluate(eddy_status_t status) {
    evaluations++;
    return status;
}

static eddy_status_t try_plain(eddy_status_t status) {
    EDDY_TRY(evaluate(status));
    trace("went-on");
    return EDDY_OK;
}

IN_TASK(plain) {
    (void)context;
    evaluations = 0;
    CHECK_STATUS(try_plain(EDDY_OK), EDDY_OK);
    CHECK_STATUS(try_plain(-EIO), -EIO);
    CHECK_STATUS(try_plain(EDDY_ECANCELED), EDDY_ECANCELED);
    CHECK_INT(evaluations, 3);
    CHECK_TRACE("went-on");
    return EDDY_OK;
}

/* Each macro is one statement, so that it can stand in an if without braces. */
static eddy_status_t try_in_if(int really) {
    if (really)
        EDDY_TRY(evaluate(-EIO));
    else
        EDDY_TRY(evaluate(-EPIPE));
    return EDDY_OK;
}

IN_TASK(one_statement) {
    (void)context;
    CHECK_STATUS(try_in_if(1), -EIO);
    CHECK_STATUS(try_in_if(0), -EPIPE);
    return EDDY_OK;
}

static eddy_scope_t last_scope;

static eddy_status_t try_in(int64_t timeout_ms, int cancel, eddy_status_t status) {
    eddy_scope_t scope;
    EDDY_TRY(eddy_timeout_open(&scope, EDDY_MILLISECONDS(timeout_ms), NULL));
    last_scope = scope;
    if (cancel) EDDY_TRY_IN(scope, eddy_scope_cancel(scope, "enough"));
    EDDY_TRY_IN(scope, eddy_sleep(EDDY_MILLISECONDS(20)));
    EDDY_TRY_IN(scope, evaluate(status));
    return eddy_scope_close(scope, EDDY_OK);
}

IN_TASK(in_scope) {
    (void)context;
    CHECK_STATUS(try_in(1000, 0, EDDY_OK), EDDY_OK);
    CHECK_STATUS(try_in(1000, 0, -EIO), -EIO);
    CHECK_STATUS(eddy_scope_cancel(last_scope, NULL), EDDY_EBADHANDLE);
    CHECK_STATUS(try_in(10, 0, EDDY_OK), EDDY_ETIMEDOUT);
    CHECK_STATUS(eddy_scope_cancel(last_scope, NULL), EDDY_EBADHANDLE);
    /* The scope absorbs its own cancel: the function's result is EDDY_OK. */
    CHECK_STATUS(try_in(1000, 1, EDDY_OK), EDDY_OK);
    CHECK_STATUS(try_in(1000, 0, EDDY_ECANCELED), EDDY_EFOREIGNCANCEL);
    CHECK_STATUS(eddy_checkpoint(), EDDY_OK);
    return EDDY_OK;
}

typedef struct pair {
    int64_t outer_ms, inner_ms;
    int cancel_outer, cancel_inner;
    eddy_status_t status;
} pair_t;

static eddy_status_t try_in2(const pair_t *pair) {
    eddy_scope_t outer, inner;
    EDDY_TRY(eddy_timeout_open(&outer, EDDY_MILLISECONDS(pair->outer_ms), NULL));
    EDDY_TRY_IN(outer, eddy_timeout_open(&inner, EDDY_MILLISECONDS(pair->inner_ms), NULL));
    if (pair->cancel_outer) EDDY_TRY_IN2(inner, outer, eddy_scope_cancel(outer, NULL));
    if (pair->cancel_inner) EDDY_TRY_IN2(inner, outer, eddy_scope_cancel(inner, NULL));
    EDDY_TRY_IN2(inner, outer, eddy_sleep(EDDY_MILLISECONDS(30)));
    EDDY_TRY_IN2(inner, outer, evaluate(pair->status));
    EDDY_TRY_IN(outer, eddy_scope_close(inner, EDDY_OK));
    return eddy_scope_close(outer, EDDY_OK);
}

IN_TASK(in_two_scopes) {
    static const struct {
        pair_t pair;
        eddy_status_t expected;
    } cases[] = {
        { { 1000, 1000, 0, 0, EDDY_OK }, EDDY_OK },
        { { 1000, 1000, 0, 0, -EIO }, -EIO },
        { { 20, 10, 0, 0, EDDY_OK }, EDDY_ETIMEDOUT },       /* the inner one's */
        { { 10, 20, 0, 0, EDDY_OK }, EDDY_ETIMEDOUT },       /* the outer one's */
        { { 1000, 1000, 1, 0, EDDY_OK }, EDDY_OK },
        { { 1000, 1000, 0, 1, EDDY_OK }, EDDY_OK },
        { { 10, 1000, 0, 1, EDDY_OK }, EDDY_OK },            /* left at once, nothing expired */
        { { 1000, 1000, 0, 0, EDDY_ECANCELED }, EDDY_EFOREIGNCANCEL },
    };
    (void)context;
    for (size_t index = 0; index < sizeof cases / sizeof cases[0]; index++) {
        if (!CHECK_STATUS(try_in2(&cases[index].pair), cases[index].expected))
            printf("  case %d\n", (int)index);
        CHECK_STATUS(eddy_checkpoint(), EDDY_OK);
    }
    return EDDY_OK;
}

static eddy_status_t try_goto(eddy_status_t first, eddy_status_t second) {
    eddy_status_t status = EDDY_OK;
    eddy_scope_t scope;
    EDDY_TRY(eddy_scope_open(&scope, NULL));
    EDDY_TRY_GOTO(close, status, evaluate(first));
    trace("first");
    EDDY_TRY_GOTO(close, status, evaluate(second));
    trace("second");
close:
    trace("close");
    return eddy_scope_close(scope, status);
}

IN_TASK(to_label) {
    (void)context;
    CHECK_STATUS(try_goto(EDDY_OK, EDDY_OK), EDDY_OK);
    CHECK_STATUS(try_goto(-EIO, EDDY_OK), -EIO);
    CHECK_STATUS(try_goto(EDDY_OK, -EPIPE), -EPIPE);
    CHECK_TRACE("first second close close first close");
    return EDDY_OK;
}

static const check_test_t tests[] = {
    { "early returns: EDDY_TRY evaluates once and returns failures", plain },
    { "early returns: each macro is one statement", one_statement },
    { "early returns: EDDY_TRY_IN returns what the close gives", in_scope },
    { "early returns: EDDY_TRY_IN2 closes the inner scope first", in_two_scopes },
    { "early returns: EDDY_TRY_GOTO jumps to the close with the failure", to_label },
};
CHECK_MAIN(tests)
