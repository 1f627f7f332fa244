/*
 * startup_uv.c: the same as startup_eddy.c on libuv only: a loop, one callback that does nothing,
 * the end of the loop.
 *
 * Threads: one.
 */
#include <uv.h>

static uv_timer_t timer;

static void nothing(uv_timer_t *handle)
{
    uv_close((uv_handle_t *)handle, NULL);
}

int main(void)
{
    uv_loop_t loop;
    if (uv_loop_init(&loop) != 0) return 1;
    uv_timer_init(&loop, &timer);
    uv_timer_start(&timer, nothing, 0, 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop) == 0 ? 0 : 1;
}
