/*
 * The runner: several runs on one loop, each with a name, a stack and a context of its own if it
 * likes; what a closed loop and no loop give.
 *
 * Threads: one, and a second loop on its own where a test says so.
 */
#include "check_tasks.h"
#include "context_check.h"

#include <pthread.h>

static eddy_loop_t create(void) {
    const eddy_loop_options_t options = virtual_options();
    eddy_loop_t loop = { 0 };
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    return loop;
}

static void end(eddy_loop_t loop) {
    CHECK_STATUS(eddy_loop_shutdown(loop), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

static eddy_status_t ok(void *context) {
    (void)context;
    return EDDY_OK;
}

/* ---- RUN-17, CTX-06: contexts ---- */

static eddy_status_t reads(void *context) {
    trace("%s:%d", (const char *)context, get(&color));
    return EDDY_OK;
}

/* Reads, sets, and lets a task and a callback see it. */
static eddy_status_t sets(void *context) {
    const int before = get(&color);
    trace("%d", before);
    (void)context;
    set(&color, before + 1);
    EDDY_TRY(eddy_task_spawn(reads, "task", NULL, NULL));
    EDDY_TRY(eddy_post(reads, "post", NULL));
    return eddy_sleep(MS(1));
}

static void variables_persist(void) {
    context_clear();
    const eddy_loop_t loop = create();
    for (int run = 0; run < 3; run++)
        CHECK_STATUS(eddy_loop_run(loop, sets, NULL, NULL), EDDY_OK);
    CHECK_TRACE("0 task:1 post:1 1 task:2 post:2 2 task:3 post:3");
    CHECK_INT(get(&color), 3);
    set(&color, 8);
    CHECK_STATUS(eddy_loop_run_with(loop, reads, "root", NULL, NULL), EDDY_OK);
    CHECK_TRACE("0 task:1 post:1 1 task:2 post:2 2 task:3 post:3 root:8");
    end(loop);
    CHECK_ALL_RELEASED();
}

/* A token of one run works in the next: it is the same context. */
static eddy_status_t sets_with_token(void *context) {
    return eddy_var_set(&color, value_of(5), context);
}

static eddy_status_t resets(void *context) {
    CHECK_INT(get(&color), 5);
    return eddy_var_reset(*(eddy_token_t *)context);
}

static void tokens_persist(void) {
    eddy_token_t token = { 0 };
    context_clear();
    const eddy_loop_t loop = create();
    CHECK_STATUS(eddy_loop_run(loop, sets_with_token, &token, NULL), EDDY_OK);
    CHECK_STATUS(eddy_loop_run(loop, resets, &token, NULL), EDDY_OK);
    CHECK_INT(get(&color), 0);
    end(loop);
    CHECK_ALL_RELEASED();
}

static void explicit_context(void) {
    eddy_spawn_options_t options = EDDY_SPAWN_OPTIONS_INIT;
    eddy_context_t none = { 0 };
    context_clear();
    const eddy_loop_t loop = create();
    CHECK_STATUS(eddy_context_with(none, &color, value_of(40), &options.context), EDDY_OK);
    CHECK_STATUS(eddy_loop_run_with(loop, sets, NULL, &options, NULL), EDDY_OK);
    CHECK_STATUS(eddy_loop_run_with(loop, sets, NULL, &options, NULL), EDDY_OK);
    CHECK_STATUS(eddy_loop_run(loop, reads, "own", NULL), EDDY_OK);
    CHECK_TRACE("40 task:41 post:41 41 task:42 post:42 own:0");
    CHECK_INT(get_in(options.context, &color), 42);
    const eddy_context_t gone = options.context;
    CHECK_STATUS(eddy_context_release(options.context), EDDY_OK);
    CHECK_STATUS(eddy_loop_run_with(loop, sets, NULL, &options, NULL), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_context_release(gone), EDDY_EBADHANDLE);
    end(loop);
    CHECK_ALL_RELEASED();
}

/* A root that is stopped keeps what it shares. */
static eddy_status_t stops_then_sets(void *context) {
    CHECK_STATUS(eddy_loop_stop(*(eddy_loop_t *)context), EDDY_OK);
    EDDY_TRY(eddy_yield());
    set(&color, 9);
    return EDDY_OK;
}

static void stopped_root_shares(void) {
    context_clear();
    eddy_loop_t loop = create();
    CHECK_STATUS(eddy_loop_run(loop, stops_then_sets, &loop, NULL), EDDY_ESTOPPED);
    CHECK_STATUS(eddy_loop_run(loop, sets, NULL, NULL), EDDY_OK);
    CHECK_TRACE("9 task:10 post:10");
    end(loop);
    CHECK_ALL_RELEASED();
}

/* ---- RUN-17: a name, a stack, a release function ---- */

static eddy_status_t says_its_name(void *context) {
    char big[300 * 1024];
    memset(big, 1, sizeof big);
    trace("%s", info_of(self()).name);
    return big[sizeof big / 2] == 1 ? eddy_return(context, NULL) : EDDY_EINVAL;
}

static void named_root(void) {
    eddy_spawn_options_t options = EDDY_SPAWN_OPTIONS_INIT;
    int released = 0;
    void *value = NULL;
    const eddy_loop_t loop = create();
    options.name = "the-root";
    options.stack_bytes = 1 << 20;
    options.release_context = count_release;
    CHECK_STATUS(eddy_loop_run_with(loop, says_its_name, &released, &options, &value), EDDY_OK);
    CHECK(value == &released);
    CHECK_INT(released, 1);
    CHECK_TRACE("the-root");
    CHECK_STATUS(eddy_loop_run_with(loop, NULL, &released, &options, NULL), EDDY_EINVAL);
    CHECK_INT(released, 2);
    options.stack_bytes = 100;
    CHECK_STATUS(eddy_loop_run_with(loop, ok, &released, &options, NULL), EDDY_EINVAL);
    CHECK_INT(released, 3);
    options.stack_bytes = 0;
    options.flags = 0x80000000u;
    CHECK_STATUS(eddy_loop_run_with(loop, ok, &released, &options, NULL), EDDY_EINVAL);
    options.flags = EDDY_SPAWN_EAGER;
    CHECK_STATUS(eddy_loop_run_with(loop, ok, &released, &options, NULL), EDDY_OK);
    CHECK_INT(released, 5);
    CHECK_STATUS(eddy_loop_shutdown(loop), EDDY_OK);
    CHECK_STATUS(eddy_loop_run_with(loop, ok, &released, &options, NULL), EDDY_ECLOSED);
    CHECK_INT(released, 6);
    end(loop);
}

/* No stack for the root: it never was, and the loop goes on. */
static int stacks_left;
static void *give_stack(void *context, size_t bytes) {
    (void)context;
    return stacks_left-- > 0 ? aligned_alloc(4096, bytes) : NULL;
}

static void take_stack(void *context, void *low, size_t bytes) {
    (void)context;
    (void)bytes;
    free(low);
}

static void no_stack_for_a_root(void) {
    const eddy_stack_allocator_t stacks = { sizeof stacks, 0, give_stack, take_stack, NULL };
    eddy_loop_options_t options = virtual_options();
    eddy_spawn_options_t root = EDDY_SPAWN_OPTIONS_INIT;
    eddy_loop_t loop = { 0 };
    int released = 0;
    options.stacks = &stacks;
    root.release_context = count_release;
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    stacks_left = 0;
    CHECK_STATUS(eddy_loop_run_with(loop, ok, &released, &root, NULL), EDDY_ENOMEM);
    CHECK_INT(released, 1);
    stacks_left = 1;
    CHECK_STATUS(eddy_loop_run_with(loop, ok, &released, &root, NULL), EDDY_OK);
    CHECK_INT(released, 2);
    end(loop);
}

/* ---- RUN-18, LOOP-14 to LOOP-16: inside itself, inside another, after the close ---- */

static int tried;
static void try_each(eddy_loop_t loop, eddy_status_t expected) {
    eddy_spawn_options_t options = EDDY_SPAWN_OPTIONS_INIT;
    int released = 0;
    eddy_future_t future = { 0 };
    options.release_context = count_release;
    CHECK_STATUS(eddy_loop_run(loop, ok, NULL, NULL), expected);
    CHECK_STATUS(eddy_loop_run_with(loop, ok, &released, &options, NULL), expected);
    CHECK_STATUS(eddy_loop_run_until(loop, future, NULL), expected);
    CHECK_STATUS(eddy_loop_run_forever(loop), expected);
    CHECK_STATUS(eddy_loop_shutdown(loop), expected);
    CHECK_STATUS(eddy_loop_close(loop), expected);
    CHECK_INT(released, 1);
    tried++;
}

static eddy_status_t tries_inside(void *context) {
    try_each(*(eddy_loop_t *)context, EDDY_EBUSY);
    CHECK_STATUS(eddy_loop_detach(*(eddy_loop_t *)context), EDDY_EBUSY);
    CHECK_STATUS(eddy_run(NULL, ok, NULL), EDDY_EBUSY);
    return EDDY_OK;
}

static eddy_status_t runs_each_way(void *context) {
    EDDY_TRY(tries_inside(context));
    EDDY_TRY(eddy_post(tries_inside, context, NULL));
    return eddy_yield();
}

static void inside_itself(void) {
    eddy_loop_t loop = create();
    tried = 0;
    CHECK_STATUS(eddy_loop_run(loop, runs_each_way, &loop, NULL), EDDY_OK);
    CHECK_INT(tried, 2);
    end(loop);
}

static void after_the_close(void) {
    const eddy_loop_t loop = create();
    int released = 0;
    end(loop);
    tried = 0;
    try_each(loop, EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_loop_stop(loop), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_post(ok, &released, count_release), EDDY_EWRONGTHREAD);
    CHECK_STATUS(eddy_task_spawn(ok, NULL, NULL, NULL), EDDY_EWRONGTHREAD);
    const eddy_loop_t next = create();
    try_each(loop, EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_post_threadsafe(loop, ok, &released, count_release), EDDY_EBADHANDLE);
    CHECK_INT(released, 2);
    end(next);
}

/* What is queued at the close is dropped, without a word. */
static void dropped_at_the_close(void) {
    const eddy_loop_t loop = create();
    int released = 0;
    CHECK_STATUS(eddy_post(ok, &released, count_release), EDDY_OK);
    CHECK_STATUS(eddy_post_threadsafe(loop, ok, &released, count_release), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_INT(released, 2);
    CHECK_INT(reports.count, 0);
}

static void *tries_from_afar(void *context) {
    const eddy_loop_t far = *(eddy_loop_t *)context;
    eddy_loop_t own = { 0 };
    try_each(far, EDDY_EWRONGTHREAD);
    CHECK_STATUS(eddy_loop_stop(far), EDDY_EWRONGTHREAD);
    CHECK_STATUS(eddy_loop_current(&own), EDDY_EWRONGTHREAD);
    own = create();
    try_each(far, EDDY_EWRONGTHREAD);
    CHECK_STATUS(eddy_loop_close(own), EDDY_OK);
    return NULL;
}

static eddy_status_t runs_another(void *context) {
    pthread_t thread;
    CHECK_INT(pthread_create(&thread, NULL, tries_from_afar, context), 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
    return EDDY_OK;
}

static void from_another_thread(void) {
    eddy_loop_t loop = create();
    tried = 0;
    CHECK_STATUS(eddy_loop_run(loop, runs_another, &loop, NULL), EDDY_OK);
    CHECK_INT(tried, 2);
    end(loop);
}

/* ---- LOOP-31 ---- */

static void no_current_loop(void) {
    eddy_loop_t loop = { 77 }, current = { 77 };
    int64_t now = 77;
    CHECK_STATUS(eddy_loop_current(&current), EDDY_EWRONGTHREAD);
    CHECK_STATUS(eddy_now(&now), EDDY_EWRONGTHREAD);
    CHECK_INT(current.id + (uint64_t)now, 154);
    loop = create();
    CHECK_STATUS(eddy_loop_current(&current), EDDY_OK);
    CHECK_INT(current.id, loop.id);
    end(loop);
    CHECK_STATUS(eddy_loop_current(&current), EDDY_EWRONGTHREAD);
}

static const check_test_t tests[] = {
    { "RUN-17: variables persist over runs", variables_persist },
    { "RUN-17: a token of one run works in the next", tokens_persist },
    { "RUN-17: a root that was stopped shares the loop's context", stopped_root_shares },
    { "RUN-17: name, stack and release function of a root", named_root },
    { "RUN-17: no stack for a root", no_stack_for_a_root },
    { "CTX-06: a run in an explicit context", explicit_context },
    { "RUN-18, LOOP-14, LOOP-15: inside itself", inside_itself },
    { "RUN-18, LOOP-15, LOOP-16: after the close", after_the_close },
    { "LOOP-15: what is queued at the close is dropped", dropped_at_the_close },
    { "LOOP-16: from another thread", from_another_thread },
    { "LOOP-31, RUN-19: no loop is current without one", no_current_loop },
};
CHECK_MAIN(tests)
