/*
 * 02_timeouts.c: deadlines inside deadlines, and how a program knows whose came.
 *
 * A timeout scope turns the cancellation that its own deadline caused into EDDY_ETIMEDOUT. That of
 * an outer deadline passes through the inner scope as EDDY_ECANCELED and becomes EDDY_ETIMEDOUT at
 * the scope that owns it. The system's own ETIMEDOUT is another status, so it cannot be mixed up.
 *
 * Build:   cc 02_timeouts.c -o timeouts $(pkg-config --cflags --libs eddy)
 * Prints:  the inner and the outer scope's status for each case; see expected/02_timeouts.txt
 */
#include <eddy.h>
#include <errno.h>
#include <stdio.h>

/* A long wait in two deadlines. Returns EDDY_OK when one of the two came, as it should. */
static eddy_status_t nested(const char *title, int64_t outer_ns, int64_t inner_ns)
{
    eddy_scope_t outer, inner;
    EDDY_TRY(eddy_timeout_open(&outer, outer_ns, NULL));
    EDDY_TRY_IN(outer, eddy_timeout_open(&inner, inner_ns, NULL));
    eddy_status_t status = eddy_scope_close(inner, eddy_sleep(EDDY_SECONDS(60)));
    printf("%s\n  inner scope: %s\n", title, eddy_status_name(status));

    /* Our own deadline is handled here. What is not ours goes on to the outer close. */
    if (status == EDDY_ETIMEDOUT) status = EDDY_OK;
    eddy_close_info_t info = { .size = sizeof info };
    status = eddy_scope_close_info(outer, status, &info);
    printf("  outer scope: %s, its deadline %s\n", eddy_status_name(status),
        info.expired ? "came" : "did not come");
    return status == EDDY_ETIMEDOUT ? EDDY_OK : status;
}

/* A call with a value, as a function that knows nothing of deadlines. */
static eddy_status_t answer(void *context)
{
    EDDY_TRY(eddy_sleep(EDDY_MILLISECONDS(1)));
    return eddy_return(context, NULL);
}

/* A connection that the system itself gave up on. */
static eddy_status_t dead_peer(void *context)
{
    (void)context;
    return eddy_fail(-ETIMEDOUT, "the peer does not answer");
}

static eddy_status_t root(void *context)
{
    (void)context;
    EDDY_TRY(nested("the inner deadline comes", EDDY_SECONDS(50), EDDY_MILLISECONDS(20)));
    EDDY_TRY(nested("the outer deadline comes", EDDY_MILLISECONDS(20), EDDY_SECONDS(50)));

    int forty_two = 42;
    void *value = NULL;
    EDDY_TRY(eddy_with_timeout(EDDY_SECONDS(50), answer, &forty_two, &value));
    printf("a call in time\n  value: %d\n", *(int *)value);

    const eddy_status_t status = eddy_with_timeout(EDDY_SECONDS(50), dead_peer, NULL, NULL);
    printf("the system's own timeout\n  status: %s\n", eddy_status_name(status));
    return status == -ETIMEDOUT ? EDDY_OK : status;
}

int main(void) { return eddy_main(root, NULL); }
