/*
 * The door under threads: floods of posts, outcomes that race with the loop's own, and posts that
 * race with the close.
 *
 * Proves: no post is lost or run twice, each thread's order is kept, exactly one outcome each,
 * every value released exactly once. Run under TSan too.
 * Threads: the loop's, and up to 4 posters; counts that both sides write are atomic.
 */
#include "check.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>

#define POSTERS 4
#define POSTS_EACH 100000
#define RACES 100000
#define BATCH 1000
#define LOOPS 300

static void start(pthread_t *thread, void *(*fn)(void *), void *context) {
    if (pthread_create(thread, NULL, fn, context) == 0) return;
    perror("pthread_create");
    exit(1);
}

/* ---- floods ---- */

typedef struct poster {
    eddy_loop_t loop;
    eddy_future_t finished;      /* completed through the door, behind all posts */
    int sent;
    int last;                    /* the loop's: the number that came last */
    int disorder;                /* the loop's */
    pthread_t thread;
} poster_t;

typedef struct item {
    poster_t *poster;
    int number;
} item_t;

static eddy_status_t receive(void *context) {
    const item_t *item = context;
    if (item->number != item->poster->last + 1) item->poster->disorder++;
    item->poster->last = item->number;
    return EDDY_OK;
}

static void *flood(void *context) {
    poster_t *poster = context;
    for (int number = 1; number <= POSTS_EACH; number++) {
        item_t *item = malloc(sizeof *item);
        if (!item) exit(1);
        item->poster = poster;
        item->number = number;
        if (eddy_post_threadsafe(poster->loop, receive, item, free) == EDDY_OK) poster->sent++;
    }
    CHECK_STATUS(eddy_future_complete_threadsafe(poster->finished, NULL, NULL), EDDY_OK);
    return NULL;
}

static eddy_status_t flood_body(void *context) {
    static poster_t posters[POSTERS];
    (void)context;
    memset(posters, 0, sizeof posters);
    for (int index = 0; index < POSTERS; index++) {
        poster_t *poster = &posters[index];
        CHECK_STATUS(eddy_loop_current(&poster->loop), EDDY_OK);
        CHECK_STATUS(eddy_future_create(&poster->finished), EDDY_OK);
    }
    for (int index = 0; index < POSTERS; index++)
        start(&posters[index].thread, flood, &posters[index]);
    for (int index = 0; index < POSTERS; index++) {
        poster_t *poster = &posters[index];
        CHECK_STATUS(eddy_future_wait(poster->finished, NULL), EDDY_OK);
        CHECK_INT(poster->last, POSTS_EACH);
        CHECK_INT(poster->disorder, 0);
        pthread_join(poster->thread, NULL);
        CHECK_INT(poster->sent, POSTS_EACH);
        CHECK_STATUS(eddy_future_release(poster->finished), EDDY_OK);
    }
    return EDDY_OK;
}

static void four_posters(void) {
    CHECK_STATUS(run_virtual(flood_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* ---- a batch of futures or tasks, which the loop and another thread end at the same time ---- */

typedef struct batch {
    eddy_future_t targets[BATCH];
    int released[BATCH];         /* the loop's: release functions run on its thread */
    int callbacks[BATCH];
    eddy_future_t finished;
    pthread_t owner;             /* the loop's thread */
    int foreign_releases;        /* atomic: releases on any other thread */
    int turn;                    /* which of the outcomes begins */
} batch_t;

static batch_t batch;

static void count_on_loop(void *value) {
    ++*(int *)value;
    if (!pthread_equal(pthread_self(), batch.owner))
        __atomic_add_fetch(&batch.foreign_releases, 1, __ATOMIC_RELAXED);
}

static eddy_status_t count_done(void *context, eddy_future_t future) {
    (void)future;
    ++*(int *)context;
    return EDDY_OK;
}

static void open_batch(int turn) {
    memset(&batch, 0, sizeof batch);
    batch.owner = pthread_self();
    batch.turn = turn;
    CHECK_STATUS(eddy_future_create(&batch.finished), EDDY_OK);
}

/* Every third is completed, failed, cancelled; of each, the value is handed over for good. */
static void *end_futures(void *context) {
    (void)context;
    for (int index = 0; index < BATCH; index++) {
        const eddy_future_t future = batch.targets[index];
        switch ((index + batch.turn) % 3) {
        case 0:
            CHECK_STATUS(eddy_future_complete_threadsafe(future, &batch.released[index],
                count_on_loop), EDDY_OK);
            break;
        case 1: CHECK_STATUS(eddy_future_fail_threadsafe(future, -EIO, "foreign"), EDDY_OK); break;
        default: CHECK_STATUS(eddy_future_cancel_threadsafe(future, "foreign"), EDDY_OK);
        }
    }
    CHECK_STATUS(eddy_future_complete_threadsafe(batch.finished, NULL, NULL), EDDY_OK);
    return NULL;
}

static void check_future(int index) {
    const eddy_future_t future = batch.targets[index];
    const int kind = (index + batch.turn) % 3;
    const eddy_status_t status = eddy_future_result(future, NULL);
    const int foreign = (kind == 0 && status == EDDY_OK) || (kind == 1 && status == -EIO);
    if (!foreign) CHECK_STATUS(status, EDDY_ETARGETCANCELED);
    CHECK_INT(batch.callbacks[index], 1);
    /* A value that lost is gone already, one that won goes with the future. */
    CHECK_INT(batch.released[index], kind == 0 && !foreign ? 1 : 0);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    CHECK_INT(batch.released[index], kind == 0 ? 1 : 0);
}

/* The loop's side: it cancels from the far end, so that the two meet somewhere. */
static eddy_status_t future_batch(int turn) {
    pthread_t thread;
    open_batch(turn);
    for (int index = 0; index < BATCH; index++) {
        EDDY_TRY(eddy_future_create(&batch.targets[index]));
        EDDY_TRY(eddy_future_on_done(batch.targets[index], count_done, &batch.callbacks[index],
            NULL));
    }
    start(&thread, end_futures, NULL);
    for (int index = BATCH - 1; index >= 0; index--) {
        const eddy_status_t status = eddy_future_cancel(batch.targets[index], "own");
        if (status != EDDY_OK) CHECK_STATUS(status, EDDY_EALREADY);
        if (index % 16 == 0) EDDY_TRY(eddy_yield());
    }
    EDDY_TRY(eddy_future_wait(batch.finished, NULL));
    pthread_join(thread, NULL);
    for (int index = 0; index < BATCH; index++) check_future(index);
    CHECK_INT(batch.foreign_releases, 0);
    return eddy_future_release(batch.finished);
}

static eddy_status_t futures_body(void *context) {
    (void)context;
    for (int turn = 0; turn < RACES / BATCH; turn++) EDDY_TRY(future_batch(turn));
    return EDDY_OK;
}

static void futures_ended_from_both_sides(void) {
    CHECK_STATUS(run_virtual(futures_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* ---- tasks cancelled from another thread while they end by themselves ---- */

static eddy_status_t few_steps(void *context) {
    const int index = (int)((int *)context - batch.callbacks);
    for (int step = 0; step < index % 7; step++) EDDY_TRY(eddy_yield());
    return EDDY_OK;
}

static void *cancel_tasks(void *context) {
    (void)context;
    for (int index = 0; index < BATCH; index++)
        CHECK_STATUS(eddy_future_cancel_threadsafe(batch.targets[index], "foreign"), EDDY_OK);
    CHECK_STATUS(eddy_future_complete_threadsafe(batch.finished, NULL, NULL), EDDY_OK);
    return NULL;
}

static eddy_status_t task_batch(int turn) {
    pthread_t thread;
    eddy_task_t tasks[BATCH];
    open_batch(turn);
    for (int index = 0; index < BATCH; index++) {
        EDDY_TRY(eddy_task_spawn(few_steps, &batch.callbacks[index], NULL, &tasks[index]));
        batch.targets[index] = eddy_task_future(tasks[index]);
        EDDY_TRY(eddy_future_on_done(batch.targets[index], count_done, &batch.callbacks[index],
            NULL));
    }
    start(&thread, cancel_tasks, NULL);
    for (int index = 0; index < BATCH; index++) {
        const eddy_status_t status = eddy_task_join(tasks[index], NULL);
        if (status != EDDY_OK) CHECK_STATUS(status, EDDY_ETARGETCANCELED);
    }
    EDDY_TRY(eddy_future_wait(batch.finished, NULL));
    pthread_join(thread, NULL);
    EDDY_TRY(eddy_yield());
    for (int index = 0; index < BATCH; index++) {
        CHECK_INT(batch.callbacks[index], 1);
        EDDY_TRY(eddy_task_release(tasks[index]));
    }
    return eddy_future_release(batch.finished);
}

static eddy_status_t tasks_body(void *context) {
    (void)context;
    for (int turn = 0; turn < RACES / BATCH; turn++) EDDY_TRY(task_batch(turn));
    return EDDY_OK;
}

static void tasks_cancelled_while_they_end(void) {
    CHECK_STATUS(run_virtual(tasks_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* ---- posts against the close ---- */

typedef struct closing {
    uint64_t loop;               /* atomic: the loop of now, 0 to end */
    int ran, released;           /* atomic */
    int sent, accepted, refused;      /* the poster's */
    pthread_t thread;
} closing_t;

static void release_closing(void *value) {
    __atomic_add_fetch(&((closing_t *)value)->released, 1, __ATOMIC_RELAXED);
}

static eddy_status_t run_closing(void *context) {
    __atomic_add_fetch(&((closing_t *)context)->ran, 1, __ATOMIC_RELAXED);
    return EDDY_OK;
}

static void *post_until_told(void *context) {
    closing_t *closing = context;
    uint64_t id = __atomic_load_n(&closing->loop, __ATOMIC_ACQUIRE);
    while (id != 0) {
        const eddy_status_t status =
            eddy_post_threadsafe((eddy_loop_t){ id }, run_closing, closing, release_closing);
        closing->sent++;
        if (status == EDDY_OK) closing->accepted++;
        else if (CHECK_STATUS(status, EDDY_EBADHANDLE)) closing->refused++;
        if (closing->sent % 16 == 0) sched_yield();
        id = __atomic_load_n(&closing->loop, __ATOMIC_ACQUIRE);
    }
    return NULL;
}

static eddy_status_t some_turns(void *context) {
    (void)context;
    for (int turn = 0; turn < 5; turn++) EDDY_TRY(eddy_yield());
    return EDDY_OK;
}

static eddy_loop_t fresh_loop(void) {
    const eddy_loop_options_t options = virtual_options();
    eddy_loop_t loop = { 0 };
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    return loop;
}

static void posts_against_the_close(void) {
    static closing_t posters[2];
    eddy_loop_t loop = fresh_loop();
    memset(posters, 0, sizeof posters);
    for (int index = 0; index < 2; index++) {
        __atomic_store_n(&posters[index].loop, loop.id, __ATOMIC_RELEASE);
        start(&posters[index].thread, post_until_told, &posters[index]);
    }
    for (int round = 0; round < LOOPS; round++) {
        CHECK_STATUS(eddy_loop_run(loop, some_turns, NULL, NULL), EDDY_OK);
        if (round % 4 == 0) sched_yield();
        CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
        loop = fresh_loop();
        for (int index = 0; index < 2; index++)
            __atomic_store_n(&posters[index].loop, loop.id, __ATOMIC_RELEASE);
    }
    for (int index = 0; index < 2; index++) {
        __atomic_store_n(&posters[index].loop, 0, __ATOMIC_RELEASE);
        pthread_join(posters[index].thread, NULL);
    }
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    for (int index = 0; index < 2; index++) {
        const closing_t *poster = &posters[index];
        CHECK_INT(poster->accepted + poster->refused, poster->sent);
        CHECK_INT(poster->released, poster->sent);
        CHECK(poster->ran <= poster->accepted);
    }
    CHECK_INT(reports.count, 0);
}

static const check_test_t tests[] = {
    { "THR: 4 posters, 100,000 posts each", four_posters },
    { "FUT-25: futures ended from both sides, 100,000 times", futures_ended_from_both_sides },
    { "THR: tasks cancelled while they end, 100,000 times", tasks_cancelled_while_they_end },
    { "THR: posts against the close, 300 loops", posts_against_the_close },
};
CHECK_MAIN(tests)
