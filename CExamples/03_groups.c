/*
 * 03_groups.c: a group waits for all its tasks; one that fails cancels the others, and the errors
 * come back as a tree.
 *
 * Build:   cc 03_groups.c -o groups $(pkg-config --cflags --libs eddy)
 * Prints:  a sum of three results, then how a load of pages fails; see expected/03_groups.txt
 */
#include <eddy.h>
#include <errno.h>
#include <stdio.h>

static eddy_status_t square(void *context)
{
    int *number = context;
    *number *= *number;
    EDDY_TRY(eddy_yield());
    return eddy_return(number, NULL);   /* borrowed: nothing to release */
}

/* Three tasks with values. `numbers` outlives them, because the group's close waits for them. */
static eddy_status_t sum_of_squares(int *ret_sum)
{
    int numbers[3] = { 2, 3, 6 };
    eddy_task_t tasks[3] = { { 0 }, { 0 }, { 0 } };
    eddy_scope_t group;
    eddy_status_t status = EDDY_OK;
    EDDY_TRY(eddy_group_open(&group, NULL));
    for (int i = 0; i < 3; i++)
        EDDY_TRY_GOTO(close, status, eddy_group_spawn(group, square, &numbers[i], NULL, &tasks[i]));
    *ret_sum = 0;
    for (int i = 0; i < 3; i++) {
        void *value = NULL;
        EDDY_TRY_GOTO(close, status, eddy_task_join(tasks[i], &value));
        *ret_sum += *(int *)value;
    }
close:
    status = eddy_scope_close(group, status);
    for (int i = 0; i < 3; i++) eddy_task_release(tasks[i]);   /* null is harmless */
    return status;
}

static eddy_status_t text(void *name)
{
    EDDY_TRY(eddy_sleep(EDDY_MILLISECONDS(10)));
    return eddy_fail(-ENOENT, "no page \"%s\"", (const char *)name);
}

/* Stopped by its sibling's failure. It says so and passes the cancellation on. */
static eddy_status_t style(void *name)
{
    const eddy_status_t status = eddy_sleep(EDDY_SECONDS(60));
    printf("  style of \"%s\": %s\n", (const char *)name, eddy_status_name(status));
    return status;
}

/* A group inside a task of a group: its failure is one branch of the tree. */
static eddy_status_t page(void *name)
{
    eddy_scope_t group;
    EDDY_TRY(eddy_group_open(&group, NULL));
    EDDY_TRY_IN(group, eddy_group_spawn(group, style, name, NULL, NULL));
    EDDY_TRY_IN(group, eddy_group_spawn(group, text, name, NULL, NULL));
    return eddy_scope_close(group, EDDY_OK);
}

static void print_tree(eddy_error_t error, int depth)
{
    const char *message = eddy_error_message(error);
    printf("%*s%s%s%s\n", 2 + 2 * depth, "", eddy_status_name(eddy_error_status(error)),
        message != NULL ? ": " : "", message != NULL ? message : "");
    for (size_t i = 0; i < eddy_error_child_count(error); i++) {
        eddy_error_t child;   /* borrowed from its parent: not released */
        if (eddy_error_child(error, i, &child) == EDDY_OK) print_tree(child, depth + 1);
    }
}

static eddy_status_t root(void *context)
{
    (void)context;
    int sum = 0;
    EDDY_TRY(sum_of_squares(&sum));
    printf("sum of squares: %d\n", sum);

    eddy_scope_t group;
    eddy_status_t status = EDDY_OK;
    EDDY_TRY(eddy_group_open(&group, NULL));
    puts("load two pages");
    EDDY_TRY_GOTO(close, status, eddy_group_spawn(group, page, "index", NULL, NULL));
    EDDY_TRY_GOTO(close, status, eddy_group_spawn(group, style, "about", NULL, NULL));
close:
    status = eddy_scope_close(group, status);
    if (status != EDDY_EGROUP) return status;

    eddy_error_t error;
    EDDY_TRY(eddy_error_current(&error));
    puts("what failed");
    print_tree(error, 0);
    eddy_error_release(error);
    return EDDY_OK;   /* handled */
}

int main(void) { return eddy_main(root, NULL); }
