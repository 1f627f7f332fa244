/*
 * planted.c: two wrong programs for Scripts/faults.sh, which must find them. PLANT_leaks: when its
 * second future is refused it keeps the whole loop. PLANT_crashes: it uses what it was refused.
 */
#include <eddy.h>
#include <stdlib.h>

int main(void)
{
    eddy_loop_t loop;
    eddy_future_t future;
#ifdef PLANT_leaks
    if (eddy_loop_create(NULL, &loop) != EDDY_OK) return 0;
    if (eddy_future_create(&future) != EDDY_OK) return 0;
    eddy_future_release(future);
#else
    const eddy_loop_options_t *nothing = NULL;
    if (eddy_loop_create(NULL, &loop) != EDDY_OK) return (int)nothing->flags;
    if (eddy_future_create(&future) == EDDY_OK) eddy_future_release(future);
#endif
    return eddy_loop_close(loop) == EDDY_OK ? 0 : 2;
}
