/*
 * 01_hello.c: two tasks in a group, each of which waits and then prints.
 *
 * Build:   cc 01_hello.c -o hello $(pkg-config --cflags --libs eddy)
 * Prints:  hello
 *          world
 */
#include <eddy.h>
#include <stdio.h>

static eddy_status_t say_later(void *text)
{
    EDDY_TRY(eddy_sleep(EDDY_MILLISECONDS(100)));   /* EDDY_TRY returns a failure to the caller */
    puts(text);
    return EDDY_OK;
}

static eddy_status_t root(void *context)
{
    (void)context;
    eddy_scope_t group;
    EDDY_TRY(eddy_group_open(&group, NULL));
    EDDY_TRY_IN(group, eddy_group_spawn(group, say_later, "hello", NULL, NULL));
    EDDY_TRY_IN(group, eddy_group_spawn(group, say_later, "world", NULL, NULL));
    return eddy_scope_close(group, EDDY_OK);   /* waits for both; a failure cancels the sibling */
}

int main(void) { return eddy_main(root, NULL); }   /* prints a tree of errors, if any, to stderr */
