/*
 * 05_cancellation.c: a task is cancelled, and everything it has open is put away in order.
 *
 * Cancellation is a level: each wait inside the cancelled scope fails, until the scope is left. A
 * shield keeps it out for what must be finished; eddy_defer runs cleanup, which may wait, when its
 * scope is left. Both have a grace: when that is over, the cancellation comes in all the same.
 *
 * Build:   cc 05_cancellation.c -o cancellation $(pkg-config --cflags --libs eddy)
 * Prints:  each step of two cancelled tasks; see expected/05_cancellation.txt
 */
#include <eddy.h>
#include <stdio.h>

/* Cleanup is code like any other: it runs shielded, so its waits work in a cancelled task. */
static eddy_status_t put_away(void *what)
{
    EDDY_TRY(eddy_sleep(EDDY_MILLISECONDS(5)));
    printf("  cleanup: %s put away\n", (const char *)what);
    return EDDY_OK;
}

/* What must not stop halfway. It returns what the work inside the shield returned. */
static eddy_status_t commit(int64_t takes_ns, int64_t grace_ns)
{
    eddy_scope_options_t options = EDDY_SCOPE_OPTIONS_INIT;
    options.grace_ns = grace_ns;
    eddy_scope_t shield;
    EDDY_TRY(eddy_shield_open(&shield, &options));
    const eddy_status_t status = eddy_sleep(takes_ns);
    printf("  the commit: %s\n", eddy_status_name(status));
    return eddy_scope_close(shield, status);
}

/* Two things opened, one after the other; then work until someone says stop, then a commit. */
static eddy_status_t transaction(int64_t takes_ns, int64_t grace_ns)
{
    eddy_scope_t scope;
    EDDY_TRY(eddy_scope_open(&scope, NULL));
    EDDY_TRY_IN(scope, eddy_defer(put_away, "the file"));
    EDDY_TRY_IN(scope, eddy_defer(put_away, "the lock on it"));
    eddy_status_t status = eddy_sleep(EDDY_SECONDS(60));
    printf("  the work: %s\n", eddy_status_name(status));
    if (status == EDDY_ECANCELED) {
        /* The commit's result does not change what happened: this task was cancelled. */
        if (commit(takes_ns, grace_ns) != EDDY_OK) puts("  the commit was cut short");
        printf("  a wait after it: %s\n", eddy_status_name(eddy_sleep(EDDY_SECONDS(60))));
    }
    return eddy_scope_close(scope, status);   /* the cleanup runs here, the last one first */
}

static eddy_status_t quick(void *context)
{
    (void)context;
    return transaction(EDDY_MILLISECONDS(10), EDDY_SECONDS(30));
}

static eddy_status_t slow(void *context)
{
    (void)context;
    return transaction(EDDY_SECONDS(60), EDDY_MILLISECONDS(20));
}

/* Starts a task, cancels it while it works, and waits until it has ended. */
static eddy_status_t cancel_soon(eddy_task_fn fn, const char *why)
{
    eddy_task_t task;
    eddy_error_t error;
    EDDY_TRY(eddy_task_spawn(fn, NULL, NULL, &task));
    const eddy_status_t status = eddy_sleep(EDDY_MILLISECONDS(20));
    eddy_task_cancel(task, why);   /* also if the sleep failed: the join waits */
    const eddy_status_t end = eddy_task_join(task, NULL);   /* owning: it never gives up */
    if (end != EDDY_OK && eddy_error_current(&error) == EDDY_OK) {
        const char *message = eddy_error_message(error);
        printf("  the task: %s: %s\n", eddy_status_name(end), message != NULL ? message : "");
        eddy_error_release(error);
    }
    eddy_task_release(task);
    if (status != EDDY_OK) return status;
    return end == EDDY_ETARGETCANCELED ? EDDY_OK : end;   /* it was cancelled, we were not */
}

static eddy_status_t root(void *context)
{
    (void)context;
    puts("a commit that ends within its grace");
    EDDY_TRY(cancel_soon(quick, "the user closed the window"));
    puts("a commit that does not");
    EDDY_TRY(cancel_soon(slow, "the power is going"));
    return EDDY_OK;
}

int main(void) { return eddy_main(root, NULL); }
