/*
 * parked.c: spawning a task with no pooled stack, up to where it waits, and what a waiting task
 * keeps resident, with 100,000 of them or as many as the kernel allows.
 *
 * Invariants: each round is a process of its own, so that no stack is warm; memory is what the
 * kernel says of it (VmRSS, VmPTE), records and tables included; at the end all are woken and
 * counted, so that the figure is one of tasks that work. Of time the least round counts, of memory
 * the greatest.
 * Threads: one in each process.
 */
#include "bench.h"

#include <sys/wait.h>
#include <unistd.h>

#define WANTED 100000
#define ROUNDS 7

typedef struct outcome {
    int64_t tasks, spawn_ns, wake_ns, rss_kib, pte_kib;
} outcome;

static eddy_future_t gate;
static int64_t waiting, woken;

/* A line of /proc/self/status, in KiB. */
static int64_t status_kib(const char *key)
{
    char line[256];
    long long kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    if (file == NULL) {
        perror("/proc/self/status");
        exit(1);
    }
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, key, strlen(key)) != 0) continue;
        sscanf(line + strlen(key), " %lld", &kib);
    }
    fclose(file);
    return kib;
}

static eddy_status_t parked(void *context)
{
    (void)context;
    waiting++;
    EDDY_TRY(eddy_future_wait(gate, NULL));
    woken++;
    return EDDY_OK;
}

static eddy_status_t root(void *context)
{
    outcome *result = context;
    const int64_t rss = status_kib("VmRSS:"), pte = status_kib("VmPTE:");
    int64_t begin, tasks = 0;
    EDDY_TRY(eddy_future_create(&gate));
    begin = bench_now();
    while (tasks < WANTED) {
        const eddy_status_t status = eddy_task_spawn(parked, NULL, NULL, NULL);
        if (status == EDDY_ENOMEM && tasks > 0) break;
        EDDY_TRY(status);
        tasks++;
    }
    while (waiting < tasks) EDDY_TRY(eddy_yield());
    result->spawn_ns = bench_now() - begin;
    result->tasks = tasks;
    result->rss_kib = status_kib("VmRSS:") - rss;
    result->pte_kib = status_kib("VmPTE:") - pte;
    begin = bench_now();
    EDDY_TRY(eddy_future_complete(gate, NULL, NULL));
    while (woken < tasks) EDDY_TRY(eddy_yield());
    result->wake_ns = bench_now() - begin;
    return eddy_future_release(gate);
}

/* One round in a child; the parent never has a loop. */
static outcome run_round(void)
{
    outcome result = { 0, 0, 0, 0, 0 };
    int ends[2], status = 0;
    pid_t child;
    fflush(stdout);
    if (pipe(ends) != 0 || (child = fork()) < 0) {
        perror("fork");
        exit(1);
    }
    if (child == 0) {
        BENCH_OK(eddy_run(NULL, root, &result));
        _exit(write(ends[1], &result, sizeof result) == (ssize_t)sizeof result ? 0 : 1);
    }
    close(ends[1]);
    if (read(ends[0], &result, sizeof result) != (ssize_t)sizeof result) result.tasks = 0;
    close(ends[0]);
    if (waitpid(child, &status, 0) != child || status != 0 || result.tasks == 0) {
        fprintf(stderr, "parked: a round failed\n");
        exit(1);
    }
    return result;
}

int main(void)
{
    double spawn = 1e18, wake = 1e18, rss = 0, pte = 0;
    int64_t tasks = 0;
    char figure[96];
    for (int round = 0; round < ROUNDS; round++) {
        const outcome result = run_round();
        const double count = (double)result.tasks;
        tasks = result.tasks;
        if ((double)result.spawn_ns / count < spawn) spawn = (double)result.spawn_ns / count;
        if ((double)result.wake_ns / count < wake) wake = (double)result.wake_ns / count;
        if ((double)result.rss_kib / count > rss) rss = (double)result.rss_kib / count;
        if ((double)result.pte_kib / count > pte) pte = (double)result.pte_kib / count;
    }
    snprintf(figure, sizeof figure, "spawn until it waits, %" PRId64 " tasks, cold", tasks);
    bench_row(figure, spawn / 1000, "us", 5, "least of %d processes", ROUNDS);
    snprintf(figure, sizeof figure, "resident of a waiting task, %" PRId64 " tasks", tasks);
    bench_row(figure, rss, "KiB", 5, "and %.2f KiB of page tables", pte);
    snprintf(figure, sizeof figure, "wake and end of each, %" PRId64 " tasks", tasks);
    bench_row(figure, wake, "ns", BENCH_NO_BOUND, "one future, all of them waiters");
    return 0;
}
