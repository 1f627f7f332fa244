/*
 * counting.c: C tasks that a Swift group holds. They are written as for a C program; nothing in
 * them knows of Swift. No state. Threads: the loop's.
 */
#include "counting.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>

eddy_status_t count_words(void *context)
{
    intptr_t count = 0;
    for (const char *c = context; *c != 0; c++) {
        if (isspace((unsigned char)c[0]) || !(c[1] == 0 || isspace((unsigned char)c[1]))) continue;
        const eddy_status_t status = eddy_sleep(EDDY_MILLISECONDS(10));
        if (status != EDDY_OK) {
            printf("C: told to end after %d words\n", (int)count);
            return status;
        }
        count++;
    }
    return eddy_return((void *)count, NULL);
}

eddy_status_t fail_soon(void *context)
{
    (void)context;
    EDDY_TRY(eddy_sleep(EDDY_MILLISECONDS(15)));
    return eddy_fail(EDDY_EINVAL, "the C side does not like this");
}
