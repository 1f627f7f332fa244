/*
 * startup_eddy.c: the least program on libeddy, which startup.c starts many times: one task that
 * does nothing.
 *
 * Threads: one.
 */
#include "eddy.h"

static eddy_status_t nothing(void *context)
{
    (void)context;
    return EDDY_OK;
}

int main(void)
{
    return eddy_run(NULL, nothing, NULL) == EDDY_OK ? 0 : 1;
}
