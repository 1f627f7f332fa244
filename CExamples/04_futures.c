/*
 * 04_futures.c: requests matched to replies by key, as a client of some protocol does it. Several
 * tasks wait for one reply, one of them gives up, and one request is never answered.
 *
 * Waiting for a future only observes it, so a waiter that gives up leaves it to the others.
 *
 * Build:   cc 04_futures.c -o futures $(pkg-config --cflags --libs eddy)
 * Prints:  who asks and what each one gets; see expected/04_futures.txt
 */
#include <eddy.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST_REQUESTS 8
/* Requests on the wire. The table holds one reference to each reply. */
static struct request { int key; eddy_future_t reply; } table[MOST_REQUESTS];
static int table_count;

static int find(int key)
{
    int i = 0;
    while (i < table_count && table[i].key != key) i++;
    return i;
}

/* The reply to a key, new or asked for already. The caller gets a reference. */
static eddy_status_t request_reply(int key, eddy_future_t *ret_reply)
{
    const int i = find(key);
    if (i == MOST_REQUESTS) return eddy_fail(EDDY_EBUSY, "too many requests");
    if (i == table_count) {
        EDDY_TRY(eddy_future_create(&table[i].reply));
        table[i].key = key;
        table_count++;
    }
    EDDY_TRY(eddy_future_retain(table[i].reply));
    *ret_reply = table[i].reply;
    return EDDY_OK;
}

/* Hands a reply to all who wait for it. The future keeps the text and frees it. */
static eddy_status_t deliver(int key, const char *word)
{
    const int i = find(key);
    if (i == table_count) {
        printf("a reply to %d, which nobody waits for\n", key);
        return EDDY_OK;
    }
    char *text = malloc(32);
    if (text == NULL) return EDDY_ENOMEM;
    snprintf(text, 32, "%d is %s", key, word);
    const eddy_future_t reply = table[i].reply;
    table[i] = table[--table_count];
    const eddy_status_t status = eddy_future_complete(reply, text, free);
    eddy_future_release(reply);
    return status;
}

/* The connection has ended: whoever still waits is told so. */
static void lose_connection(void)
{
    while (table_count > 0) {
        const eddy_future_t reply = table[--table_count].reply;
        eddy_future_fail(reply, EDDY_EBROKEN, "the connection was lost");
        eddy_future_release(reply);
    }
}

struct asker { const char *name; int key; int64_t patience_ns; };

static eddy_status_t ask(void *context)
{
    const struct asker *me = context;
    eddy_future_t reply;
    eddy_scope_t patience;
    void *text = NULL;
    EDDY_TRY(request_reply(me->key, &reply));
    printf("%s asks for %d\n", me->name, me->key);
    eddy_status_t status = eddy_timeout_open(&patience, me->patience_ns, NULL);
    if (status == EDDY_OK)
        status = eddy_scope_close(patience, eddy_future_wait(reply, &text));
    printf("%s gets %s\n", me->name,
        status == EDDY_OK ? (const char *)text : eddy_status_name(status));
    eddy_future_release(reply);   /* the text was borrowed until here */
    return status == EDDY_ETIMEDOUT || status == EDDY_EBROKEN ? EDDY_OK : status;
}

/* Stands in for the task that reads a socket: replies come late, and not in the order asked. */
static eddy_status_t read_replies(void *context)
{
    (void)context;
    EDDY_TRY(eddy_sleep(EDDY_MILLISECONDS(60)));
    EDDY_TRY(deliver(3, "three"));
    EDDY_TRY(deliver(7, "seven"));
    EDDY_TRY(deliver(9, "nine"));
    EDDY_TRY(eddy_yield());   /* so that those who got a reply speak first */
    lose_connection();
    return EDDY_OK;
}

static eddy_status_t root(void *context)
{
    static struct asker askers[] = {
        { "Ada", 7, EDDY_FOREVER }, { "Ben", 7, EDDY_MILLISECONDS(20) }, { "Cid", 7, EDDY_FOREVER },
        { "Dot", 3, EDDY_FOREVER }, { "Eve", 5, EDDY_FOREVER },
    };
    (void)context;
    eddy_scope_t group;
    eddy_status_t status = EDDY_OK;
    EDDY_TRY(eddy_group_open(&group, NULL));
    for (size_t i = 0; i < sizeof askers / sizeof askers[0]; i++)
        EDDY_TRY_GOTO(close, status, eddy_group_spawn(group, ask, &askers[i], NULL, NULL));
    EDDY_TRY_GOTO(close, status, eddy_group_spawn(group, read_replies, NULL, NULL, NULL));
close:
    status = eddy_scope_close(group, status);
    lose_connection();   /* if the reader failed, requests are left */
    return status;
}

int main(void) { return eddy_main(root, NULL); }
