/*
 * startup.c: how long a whole process takes, from its spawn to its end, on libeddy and on libuv
 * only: startup DIR starts DIR/startup_eddy and DIR/startup_uv.
 *
 * Invariants: the two alternate, and which is first alternates too; the medians are compared,
 * since what disturbs a spawn is not the same each time.
 * Threads: one in each process.
 */
#include "bench.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAIRS 300

static double spawn_us(const char *path)
{
    char *const arguments[] = { (char *)(intptr_t)path, NULL };
    char *const environment[] = { NULL };
    int status = 0;
    pid_t child;
    const int64_t begin = bench_now();
    if (posix_spawn(&child, path, NULL, NULL, arguments, environment) != 0) {
        fprintf(stderr, "startup: cannot start %s\n", path);
        exit(1);
    }
    if (waitpid(child, &status, 0) != child || status != 0) {
        fprintf(stderr, "startup: %s failed\n", path);
        exit(1);
    }
    return (double)(bench_now() - begin) / 1000;
}

static int by_value(const void *a, const void *b)
{
    const double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double *values)
{
    qsort(values, PAIRS, sizeof *values, by_value);
    return (values[PAIRS / 2 - 1] + values[PAIRS / 2]) / 2;
}

int main(int argc, char **argv)
{
    static double eddy[PAIRS], uv[PAIRS];
    char eddy_path[4096], uv_path[4096];
    double eddy_us, uv_us;
    if (argc != 2) return 1;
    snprintf(eddy_path, sizeof eddy_path, "%s/startup_eddy", argv[1]);
    snprintf(uv_path, sizeof uv_path, "%s/startup_uv", argv[1]);
    for (int warm = 0; warm < 10; warm++) {
        (void)spawn_us(eddy_path);
        (void)spawn_us(uv_path);
    }
    for (int i = 0; i < PAIRS; i++) {
        if (i % 2 == 0) eddy[i] = spawn_us(eddy_path);
        uv[i] = spawn_us(uv_path);
        if (i % 2 != 0) eddy[i] = spawn_us(eddy_path);
    }
    eddy_us = median(eddy);
    uv_us = median(uv);
    bench_row("start-up against libuv only", eddy_us / uv_us, "x", 1.2,
              "%.0f us, libuv only %.0f us, medians of %d pairs", eddy_us, uv_us, PAIRS);
    return 0;
}
