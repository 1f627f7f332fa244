/*
 * 08_several.c: several tasks at once: all of them, each as it ends, the first one, and one with a
 * limit.
 *
 * gather owns what it waits for: the first failure cancels the others. as_completed and select only
 * observe. wait_for owns, and cancels what takes too long. All take futures, and a task is one.
 *
 * Build:   cc 08_several.c -o several $(pkg-config --cflags --libs eddy)
 * Prints:  what each of the four gave; see expected/08_several.txt
 */
#include <eddy.h>
#include <stdio.h>

#define COUNT 3
struct page { const char *name; int milliseconds; };
static const struct page pages[COUNT] = { { "slow", 60 }, { "quick", 20 }, { "middling", 40 } };

/* Takes its time; its value is the page's name, which nobody has to free. */
static eddy_status_t fetch(void *context)
{
    const struct page *page = context;
    EDDY_TRY(eddy_sleep(EDDY_MILLISECONDS(page->milliseconds)));
    return eddy_return((void *)page->name, NULL);
}

/* A task for each page, inside the group. The futures hold one reference each. */
static eddy_status_t fetch_all(eddy_scope_t group, eddy_future_t *futures)
{
    for (int index = 0; index < COUNT; index++) {
        eddy_task_t task;
        EDDY_TRY(eddy_group_spawn(group, fetch, (void *)&pages[index], NULL, &task));
        futures[index] = eddy_task_future(task);
    }
    return EDDY_OK;
}

static eddy_status_t all(const eddy_future_t *futures)
{
    void *names[COUNT];
    EDDY_TRY(eddy_gather(futures, COUNT, names));
    for (int index = 0; index < COUNT; index++)
        printf("gather %d: %s\n", index, (const char *)names[index]);
    return EDDY_OK;
}

static eddy_status_t as_they_end(const eddy_future_t *futures)
{
    eddy_completions_t completions;
    eddy_status_t status;
    size_t index;
    EDDY_TRY(eddy_as_completed(futures, COUNT, EDDY_FOREVER, &completions));
    while ((status = eddy_completions_next(completions, &index)) == EDDY_OK)
        printf("next: %s\n", pages[index].name);
    eddy_completions_release(completions);
    return status == EDDY_EEND ? EDDY_OK : status;
}

static eddy_status_t the_first(const eddy_future_t *futures)
{
    size_t index;
    EDDY_TRY(eddy_select(futures, COUNT, EDDY_SELECT_CANCEL, &index));   /* the others end too */
    printf("select: %s\n", pages[index].name);
    return EDDY_OK;
}

static eddy_status_t in_time(const eddy_future_t *futures)
{
    const eddy_status_t status = eddy_wait_for(futures[0], EDDY_MILLISECONDS(10), NULL);
    printf("wait_for: %s\n", eddy_status_name(status));
    return status == EDDY_ETIMEDOUT ? EDDY_OK : status;
}

static eddy_status_t try_one(eddy_status_t (*what)(const eddy_future_t *))
{
    eddy_future_t futures[COUNT] = { { 0 }, { 0 }, { 0 } };
    eddy_scope_t group;
    EDDY_TRY(eddy_group_open(&group, NULL));
    eddy_status_t status = fetch_all(group, futures);
    if (status == EDDY_OK) status = what(futures);
    status = eddy_scope_close(group, status);
    for (int index = 0; index < COUNT; index++) eddy_future_release(futures[index]);
    return status;
}

static eddy_status_t root(void *context)
{
    (void)context;
    EDDY_TRY(try_one(all));
    EDDY_TRY(try_one(as_they_end));
    EDDY_TRY(try_one(the_first));
    return try_one(in_time);
}

int main(void) { return eddy_main(root, NULL); }
