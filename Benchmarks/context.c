/*
 * context.c: what context variables cost: spawning a task under none, one and a thousand that are
 * set, and reading and setting one.
 *
 * Rounds with each number alternate in one process. A spawn copies the context whatever is in it,
 * so a thousand may cost no more than one does.
 * Threads: one.
 */
#include "bench.h"

#define MOST 1000
#define SPAWNS 2000
#define USES 20000

static eddy_var_t variables[MOST];

typedef struct side {
    int count;              /* variables that are set */
    double spawn_ns;        /* least of all rounds, as the others */
    double get_ns, set_ns;
} side;

static eddy_status_t nothing(void *context)
{
    (void)context;
    return EDDY_OK;
}

static double least(double before, int64_t begin, int64_t operations)
{
    const double now = (double)(bench_now() - begin) / (double)operations;
    return now < before ? now : before;
}

static eddy_status_t body(void *context)
{
    side *this = context;
    void *value;
    int64_t begin;
    for (int i = this->count - 1; i >= 0; i--)
        EDDY_TRY(eddy_var_set(&variables[i], this, NULL));
    begin = bench_now();
    for (int i = 0; i < SPAWNS; i++) {
        eddy_task_t task;
        EDDY_TRY(eddy_task_spawn(nothing, NULL, NULL, &task));
        EDDY_TRY(eddy_task_join(task, NULL));
        EDDY_TRY(eddy_task_release(task));
    }
    this->spawn_ns = least(this->spawn_ns, begin, SPAWNS);
    if (this->count == 0) return EDDY_OK;
    begin = bench_now();
    for (int i = 0; i < USES; i++) EDDY_TRY(eddy_var_get(&variables[0], &value));
    this->get_ns = least(this->get_ns, begin, USES);
    begin = bench_now();
    for (int i = 0; i < USES; i++) EDDY_TRY(eddy_var_set(&variables[0], &value, NULL));
    this->set_ns = least(this->set_ns, begin, USES);
    return EDDY_OK;
}

int main(void)
{
    side sides[3] = {
        { 0, 1e18, 1e18, 1e18 }, { 1, 1e18, 1e18, 1e18 }, { MOST, 1e18, 1e18, 1e18 }
    };
    eddy_loop_t loop;
    for (int i = 0; i < MOST; i++) variables[i] = (eddy_var_t)EDDY_VAR_INIT("v", NULL, NULL);
    BENCH_OK(eddy_loop_create(NULL, &loop));
    for (int round = 0; round < BENCH_ROUNDS; round++)
        for (int i = 0; i < 3; i++) BENCH_OK(eddy_loop_run(loop, body, &sides[i], NULL));
    BENCH_OK(eddy_loop_close(loop));
    bench_row("spawn + join under 1000 variables : under 1", sides[2].spawn_ns / sides[1].spawn_ns,
              "x", 1.2, "%.1f ns, %.1f ns under 1, %.1f ns under none", sides[2].spawn_ns,
              sides[1].spawn_ns, sides[0].spawn_ns);
    bench_row("eddy_var_get, 1 variable", sides[1].get_ns, "ns", BENCH_NO_BOUND,
              "a set %.1f ns", sides[1].set_ns);
    return 0;
}
