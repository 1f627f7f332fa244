/*
 * Wrong thread, no loop here, two loops at once, as many loops as there may be.
 *
 * Threads: the loop's thread waits in pthread_join while another one makes the calls, so that
 * there is never more than one at work, except in the test of two loops.
 */
#include "abi_calls.h"

#include <pthread.h>
#include <sys/resource.h>

static eddy_status_t worker(void *context) {
    ++*(int *)context;
    return EDDY_OK;
}

static eddy_status_t pause_for_long(void *context) {
    (void)context;
    return eddy_sleep(EDDY_SECONDS(100));
}

static void on_thread(void *(*fn)(void *), void *context) {
    pthread_t thread;
    if (CHECK_INT(pthread_create(&thread, NULL, fn, context), 0)) pthread_join(thread, NULL);
}

/* Every call with a handle of a live loop of another thread, from a thread as it is. */
static void refuse_from_here(const abi_handles_t *handles, const char *what) {
    for (int index = 0; index < ABI_HANDLE_CALLS; index++) {
        const abi_call_t *row = &abi_handle_calls[index];
        for (int kind = 0; kind < KIND_COUNT; kind++)
            if (row->kinds & (1u << kind) && handles->ids[kind])
                abi_refuses(row, handles->ids[kind], EDDY_EWRONGTHREAD, what);
    }
}

static void *thread_without_loop(void *context) {
    refuse_from_here(context, "from a thread without a loop");
    return NULL;
}

static eddy_status_t body_of_other_loop(void *context) {
    refuse_from_here(context, "from a task of another loop");
    return EDDY_OK;
}

static void *thread_with_loop(void *context) {
    const eddy_loop_options_t options = virtual_options();
    CHECK_STATUS(eddy_run(&options, body_of_other_loop, context), EDDY_OK);
    return NULL;
}

static abi_handles_t open_handles(void) {
    abi_handles_t handles = { { 0 } };
    eddy_loop_t loop = { 0 };
    eddy_task_t task = { 0 };
    eddy_future_t future = { 0 };
    eddy_scope_t scope = { 0 };
    eddy_error_t error = { 0 };
    CHECK_STATUS(eddy_loop_current(&loop), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(pause_for_long, NULL, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_group_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_fail(EDDY_EINVAL, "kept"), EDDY_EINVAL);
    CHECK_STATUS(eddy_error_current(&error), EDDY_OK);
    handles.ids[0] = loop.id;
    handles.ids[1] = task.id;
    handles.ids[2] = future.id;
    handles.ids[3] = scope.id;
    handles.ids[4] = error.id;
    abi_open_contexts(&handles);
    return handles;
}

/* All that the other threads tried left no mark. */
static void use_and_close(const abi_handles_t *handles) {
    const eddy_task_t task = { handles->ids[1] };
    const eddy_future_t future = { handles->ids[2] };
    const eddy_scope_t scope = { handles->ids[3] };
    const eddy_error_t error = { handles->ids[4] };
    int value = 0, ran = 0;
    CHECK_STATUS(eddy_future_result(future, NULL), EDDY_EPENDING);
    CHECK_STATUS(eddy_future_complete(future, &value, count_release), EDDY_OK);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    CHECK_INT(value, 1);
    CHECK_STATUS(eddy_group_spawn(scope, worker, &ran, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_OK), EDDY_OK);
    CHECK_INT(ran, 1);
    CHECK_TEXT(eddy_error_message(error), "kept");
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    abi_close_contexts(handles);
}

static eddy_status_t wrong_thread_body(void *context) {
    (void)context;
    abi_handles_t handles = open_handles();
    on_thread(thread_without_loop, &handles);
    on_thread(thread_with_loop, &handles);
    use_and_close(&handles);
    return EDDY_OK;
}

static void wrong_thread(void) {
    CHECK_STATUS(run_virtual(wrong_thread_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* Calls that take no handle, where there is no loop at all. */
static void *no_loop_at_all(void *context) {
    (void)context;
    for (int index = 0; index < ABI_FREE_CALLS; index++) {
        const abi_call_t *row = &abi_free_calls[index];
        if (row->flags & ABI_STARTS) continue;
        abi_refuses(row, 0, row->flags & ABI_TASK ? EDDY_ENOTTASK : EDDY_EWRONGTHREAD,
            "on a thread without a loop");
    }
    CHECK_STATUS(eddy_fail(EDDY_EINVAL, "status only"), EDDY_EINVAL);
    CHECK_STATUS(eddy_fail_text(EDDY_EPERM, "status only"), EDDY_EPERM);
    CHECK_STATUS(eddy_task_release((eddy_task_t){ 0 }), EDDY_OK);
    CHECK_STATUS(eddy_future_release((eddy_future_t){ 0 }), EDDY_OK);
    CHECK_STATUS(eddy_error_release((eddy_error_t){ 0 }), EDDY_OK);
    return NULL;
}

static void no_loop_on_the_thread(void) {
    no_loop_at_all(NULL);
    on_thread(no_loop_at_all, NULL);
}

static eddy_status_t second_loop_body(void *context) {
    eddy_loop_t other = { 77 };
    int ran = 0;
    CHECK_STATUS(eddy_run(NULL, worker, &ran), EDDY_EBUSY);
    CHECK_STATUS(eddy_loop_create(NULL, &other), EDDY_EBUSY);
    CHECK_INT(other.id, 77);
    CHECK_INT(ran, 0);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    return worker(context);
}

static void second_loop_on_one_thread(void) {
    eddy_loop_t loop = { 0 }, other = { 77 };
    int ran = 0;
    CHECK_STATUS(run_virtual(second_loop_body, &ran), EDDY_OK);
    CHECK_STATUS(eddy_loop_create(NULL, &loop), EDDY_OK);
    CHECK_STATUS(eddy_loop_create(NULL, &other), EDDY_EBUSY);
    CHECK_STATUS(eddy_run(NULL, worker, &ran), EDDY_EBUSY);
    CHECK_INT(other.id, 77);
    CHECK_STATUS(eddy_loop_run(loop, second_loop_body, &ran, NULL), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_INT(ran, 2);
}

/* Two loops on two threads, both busy, neither in the other's way. */
typedef struct pair {
    pthread_barrier_t barrier;
    int done[2];
} pair_t;
typedef struct side {
    pair_t *pair;
    int index;
} side_t;

static eddy_status_t count_to_thousand(void *context) {
    for (int round = 0; round < 1000; round++) {
        EDDY_TRY(eddy_sleep(EDDY_MILLISECONDS(1)));
        ++*(int *)context;
    }
    return EDDY_OK;
}

static eddy_status_t busy_body(void *context) {
    side_t *side = context;
    int counts[4] = { 0, 0, 0, 0 };
    eddy_scope_t group;
    pthread_barrier_wait(&side->pair->barrier);
    EDDY_TRY(eddy_group_open(&group, NULL));
    for (int index = 0; index < 4; index++)
        EDDY_TRY_IN(group, eddy_group_spawn(group, count_to_thousand, &counts[index], NULL, NULL));
    EDDY_TRY(eddy_scope_close(group, EDDY_OK));
    side->pair->done[side->index] = counts[0] + counts[1] + counts[2] + counts[3];
    return EDDY_OK;
}

static void *run_side(void *context) {
    eddy_loop_options_t options = EDDY_LOOP_OPTIONS_INIT;
    options.flags = EDDY_LOOP_VIRTUAL_CLOCK;
    CHECK_STATUS(eddy_run(&options, busy_body, context), EDDY_OK);
    return NULL;
}

static void two_loops_at_once(void) {
    static pair_t pair;
    side_t sides[2] = { { &pair, 0 }, { &pair, 1 } };
    pthread_t threads[2];
    memset(&pair, 0, sizeof pair);
    pthread_barrier_init(&pair.barrier, NULL, 2);
    for (int index = 0; index < 2; index++)
        CHECK_INT(pthread_create(&threads[index], NULL, run_side, &sides[index]), 0);
    for (int index = 0; index < 2; index++) pthread_join(threads[index], NULL);
    pthread_barrier_destroy(&pair.barrier);
    CHECK_INT(pair.done[0], 4000);
    CHECK_INT(pair.done[1], 4000);
}

/* 255 live loops, one more refused, all usable and closed again. */
#define THREADS 257
typedef struct crowd {
    pthread_barrier_t made, checked;
    eddy_status_t created[THREADS];
    eddy_status_t ran[THREADS];
} crowd_t;
typedef struct member {
    crowd_t *crowd;
    int index;
} member_t;

static void *crowd_member(void *context) {
    const member_t *member = context;
    crowd_t *crowd = member->crowd;
    eddy_loop_t loop = { 0 };
    int ran = 0;
    crowd->created[member->index] = eddy_loop_create(NULL, &loop);
    pthread_barrier_wait(&crowd->made);
    pthread_barrier_wait(&crowd->checked);
    if (crowd->created[member->index] != EDDY_OK) return NULL;
    crowd->ran[member->index] = eddy_loop_run(loop, worker, &ran, NULL);
    CHECK_INT(ran, 1);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    return NULL;
}

/* A loop holds a few descriptors; enough for all of them must be allowed. */
static int enough_descriptors(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
    if (limit.rlim_cur >= 4096) return 1;
    if (limit.rlim_max < 4096) return 0;
    limit.rlim_cur = 4096;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

static void as_many_loops_as_may_be(void) {
    static crowd_t crowd;
    static member_t members[THREADS];
    static pthread_t threads[THREADS];
    pthread_attr_t attributes;
    if (!enough_descriptors()) return;
    pthread_barrier_init(&crowd.made, NULL, THREADS + 1);
    pthread_barrier_init(&crowd.checked, NULL, THREADS + 1);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 256 * 1024);
    for (int index = 0; index < THREADS; index++) {
        members[index].crowd = &crowd;
        members[index].index = index;
        if (pthread_create(&threads[index], &attributes, crowd_member, &members[index]) != 0) {
            perror("pthread_create");
            exit(1);
        }
    }
    pthread_barrier_wait(&crowd.made);
    int created = 0, refused = 0;
    for (int index = 0; index < THREADS; index++) {
        if (crowd.created[index] == EDDY_OK) created++;
        else if (CHECK_STATUS(crowd.created[index], EDDY_ENOMEM)) refused++;
    }
    CHECK_INT(created, 255);
    CHECK_INT(refused, THREADS - 255);
    pthread_barrier_wait(&crowd.checked);
    for (int index = 0; index < THREADS; index++) pthread_join(threads[index], NULL);
    pthread_attr_destroy(&attributes);
    pthread_barrier_destroy(&crowd.made);
    pthread_barrier_destroy(&crowd.checked);
    CHECK_STATUS(run_virtual(worker, &(int){ 0 }), EDDY_OK);
}

/* A thread that is gone took its loop with it only if it closed it: its handles are refused. */
static void *leave_handle(void *context) {
    eddy_loop_t loop = { 0 };
    eddy_future_t future = { 0 };
    CHECK_STATUS(eddy_loop_create(NULL, &loop), EDDY_OK);
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    *(eddy_future_t *)context = future;
    return NULL;
}

static void handle_of_a_thread_that_ended(void) {
    eddy_future_t future = { 0 };
    on_thread(leave_handle, &future);
    CHECK(future.id != 0);
    CHECK_STATUS(eddy_future_result(future, NULL), EDDY_EBADHANDLE);
}

static const check_test_t tests[] = {
    { "Must show: wrong thread, LOOP-25", wrong_thread },
    { "M11: no loop on the thread", no_loop_on_the_thread },
    { "LOOP-14: a second loop on one thread", second_loop_on_one_thread },
    { "M11: two loops on two threads at once", two_loops_at_once },
    { "handles: a closed loop of an ended thread", handle_of_a_thread_that_ended },
    { "loops: 255 live, the next is refused", as_many_loops_as_may_be },
};
CHECK_MAIN(tests)
