/*
 * post.c: handing work to a loop from other threads: eddy_post_threadsafe beside uv_async_send,
 * with 1 and with 4 posting threads.
 *
 * A post is counted when its callback has run: a round is the time from the start of all posters
 * to the last callback, divided by the posts. uv_async_send has no queue and merges what is sent
 * before it is heard, so one item needs one wakeup: each sender has a handle of its own, and a
 * round is the time until enough wakeups were heard, divided by them. Senders that send without
 * end are the faster way with a core for each, senders that wait until each one is heard with
 * fewer cores: both are measured, and the better one is the reference. What the bare call costs
 * while one is pending is shown beside.
 *
 * Invariant: threads are made before the clock starts and wait at a barrier.
 * Threads: the loop's and the posters; counts that both sides use are atomic.
 */
#include "bench.h"

#include <pthread.h>
#include <sched.h>
#include <uv.h>

#define MOST 4
#define ROUNDS 15
#define POSTS 100000         /* of all posters together */
#define WAKEUPS 5000
#define PENDING_SENDS 1000000

static pthread_barrier_t barrier;

static void start(pthread_t *thread, void *(*fn)(void *), void *context)
{
    if (pthread_create(thread, NULL, fn, context) == 0) return;
    perror("pthread_create");
    exit(1);
}

/* ---- posts ---- */

static struct {
    eddy_loop_t loop;
    eddy_future_t finished;
    int posters, each;
    int arrived;             /* the loop's */
    int64_t begin;
} posts;

static eddy_status_t arrive(void *context)
{
    (void)context;
    if (++posts.arrived == posts.posters * posts.each)
        return eddy_future_complete(posts.finished, NULL, NULL);
    return EDDY_OK;
}

static void *poster(void *context)
{
    (void)context;
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < posts.each; i++)
        BENCH_OK(eddy_post_threadsafe(posts.loop, arrive, NULL, NULL));
    return NULL;
}

static eddy_status_t post_round(void *context)
{
    pthread_t threads[MOST];
    posts.arrived = 0;
    EDDY_TRY(eddy_future_create(&posts.finished));
    for (int i = 0; i < posts.posters; i++) start(&threads[i], poster, NULL);
    pthread_barrier_wait(&barrier);
    posts.begin = bench_now();
    EDDY_TRY(eddy_future_wait(posts.finished, NULL));
    *(int64_t *)context = bench_now() - posts.begin;
    for (int i = 0; i < posts.posters; i++) pthread_join(threads[i], NULL);
    return eddy_future_release(posts.finished);
}

/* Nanoseconds from post to callback, all posters' posts going on at once. */
static double post_ns(int posters)
{
    int64_t elapsed = 0;
    posts.posters = posters;
    posts.each = POSTS / posters;
    BENCH_OK(eddy_loop_run(posts.loop, post_round, &elapsed, NULL));
    return (double)elapsed / (posts.each * posters);
}

/* ---- wakeups ---- */

typedef struct sender {
    uv_async_t async;
    pthread_t thread;
    int heard;               /* atomic */
} sender;

static struct {
    int waits;               /* each sender waits until it is heard */
    int left;                /* the loop's */
    int stop;                /* atomic */
} wakeups;

static void on_wakeup(uv_async_t *async)
{
    sender *self = async->data;
    __atomic_add_fetch(&self->heard, 1, __ATOMIC_RELEASE);
    if (--wakeups.left == 0) uv_stop(async->loop);
}

static int is_over(void)
{
    return __atomic_load_n(&wakeups.stop, __ATOMIC_ACQUIRE);
}

static void *send_all(void *context)
{
    sender *self = context;
    pthread_barrier_wait(&barrier);
    for (int sent = 1; !is_over(); sent++) {
        uv_async_send(&self->async);
        if (!wakeups.waits) continue;
        while (__atomic_load_n(&self->heard, __ATOMIC_ACQUIRE) < sent && !is_over()) sched_yield();
    }
    return NULL;
}

static double wakeup_ns(uv_loop_t *uv, int posters, int waits)
{
    static sender senders[MOST];
    int64_t begin;
    memset(senders, 0, sizeof senders);
    wakeups.waits = waits;
    wakeups.left = WAKEUPS;
    wakeups.stop = 0;
    for (int i = 0; i < posters; i++) {
        uv_async_init(uv, &senders[i].async, on_wakeup);
        senders[i].async.data = &senders[i];
        start(&senders[i].thread, send_all, &senders[i]);
    }
    pthread_barrier_wait(&barrier);
    begin = bench_now();
    uv_run(uv, UV_RUN_DEFAULT);
    begin = bench_now() - begin;
    __atomic_store_n(&wakeups.stop, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < posters; i++) {
        pthread_join(senders[i].thread, NULL);
        uv_close((uv_handle_t *)&senders[i].async, NULL);
    }
    uv_run(uv, UV_RUN_DEFAULT);
    return (double)begin / WAKEUPS;
}

static void ignore(uv_async_t *async)
{
    (void)async;
}

/* The bare call while one is pending: nobody hears it. */
static double pending_ns(uv_loop_t *uv)
{
    uv_async_t async;
    int64_t begin;
    uv_async_init(uv, &async, ignore);
    uv_async_send(&async);
    begin = bench_now();
    for (int i = 0; i < PENDING_SENDS; i++) uv_async_send(&async);
    begin = bench_now() - begin;
    uv_close((uv_handle_t *)&async, NULL);
    uv_run(uv, UV_RUN_DEFAULT);
    return (double)begin / PENDING_SENDS;
}

/* ---- rows ---- */

static void keep_least(double *least, double value)
{
    if (value < *least) *least = value;
}

static void compare(uv_loop_t *uv, int posters, double bound)
{
    double post = 1e18, wakeup = 1e18;
    char figure[96];
    pthread_barrier_init(&barrier, NULL, (unsigned)posters + 1);
    for (int round = -1; round < ROUNDS; round++) {
        const double each = post_ns(posters);
        const double free_running = wakeup_ns(uv, posters, 0);
        const double one_by_one = wakeup_ns(uv, posters, 1);
        if (round < 0) continue;     /* warm-up for all */
        keep_least(&post, each);
        keep_least(&wakeup, free_running);
        keep_least(&wakeup, one_by_one);
    }
    pthread_barrier_destroy(&barrier);
    snprintf(figure, sizeof figure, "post from %d thread%s : uv_async_send", posters,
             posters == 1 ? "" : "s");
    bench_row(figure, post / wakeup, "x", bound, "%.0f ns a post, %.0f ns a wakeup", post, wakeup);
}

int main(void)
{
    uv_loop_t uv;
    if (uv_loop_init(&uv) != 0) return 1;
    BENCH_OK(eddy_loop_create(NULL, &posts.loop));
    compare(&uv, 1, BENCH_NO_BOUND);
    compare(&uv, 4, 0.25);
    bench_row("uv_async_send while one is pending", pending_ns(&uv), "ns", BENCH_NO_BOUND,
              "merged: nothing is handed over");
    BENCH_OK(eddy_loop_close(posts.loop));
    return uv_loop_close(&uv) == 0 ? 0 : 1;
}
