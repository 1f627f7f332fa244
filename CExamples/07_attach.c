/*
 * 07_attach.c: a program that lives on libuv's callbacks and adopts Eddy for one handler: a server
 * of words on a pipe. Everything but `handle` is plain libuv. The handler is a task, so it reads
 * from top to bottom, waits for a slow lookup, and gives up on it in time.
 *
 * Build:   cc 07_attach.c -o attach $(pkg-config --cflags --libs eddy libuv)
 * Prints:  what was asked, and what each handler made of it; see expected/07_attach.txt
 */
#include <eddy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

struct lookup { uv_timer_t timer; eddy_future_t answer; const char *found; };

/* ---- libuv: a lookup that answers by callback, as the library of some database would ---- */

static void free_lookup(uv_handle_t *handle)
{
    struct lookup *lookup = handle->data;
    eddy_future_release(lookup->answer);
    free(lookup);
}

static void on_found(uv_timer_t *timer)
{
    struct lookup *lookup = timer->data;
    eddy_future_complete(lookup->answer, (void *)lookup->found, NULL);   /* wakes the task */
    uv_close((uv_handle_t *)timer, free_lookup);
}

/* Starts a lookup that takes its time; the caller gets a reference to its answer. */
static eddy_status_t look_up(uv_loop_t *uv, const char *word, eddy_future_t *ret_answer)
{
    struct lookup *lookup = malloc(sizeof *lookup);
    if (lookup == NULL) return EDDY_ENOMEM;
    const eddy_status_t status = eddy_future_create(&lookup->answer);
    if (status != EDDY_OK) {
        free(lookup);
        return status;
    }
    eddy_future_retain(lookup->answer);
    *ret_answer = lookup->answer;
    lookup->found = strcmp(word, "one") == 0 ? "uno" : "due";
    uv_timer_init(uv, &lookup->timer);
    lookup->timer.data = lookup;
    uv_timer_start(&lookup->timer, on_found, strcmp(word, "slow") == 0 ? 1000 : 20, 0);
    return EDDY_OK;
}

/* ---- Eddy: the one handler that waits ---- */

struct request { uv_loop_t *uv; char word[16]; };

static eddy_status_t ask(void *context)
{
    const struct request *request = context;
    eddy_future_t answer;
    void *found = NULL;
    EDDY_TRY(look_up(request->uv, request->word, &answer));
    const eddy_status_t status = eddy_future_wait(answer, &found);
    if (status == EDDY_OK) printf("%s is %s\n", request->word, (const char *)found);
    eddy_future_release(answer);
    return status;
}

static eddy_status_t handle(void *context)
{
    const struct request *request = context;
    const eddy_status_t status = eddy_with_timeout(EDDY_MILLISECONDS(400), ask, context, NULL);
    if (status == EDDY_ETIMEDOUT) printf("%s: no answer in time\n", request->word);
    else if (status != EDDY_OK) printf("%s: %s\n", request->word, eddy_status_name(status));
    return EDDY_OK;
}

/* ---- libuv: a pipe with words, one a line ---- */

static void allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)handle;
    *buffer = uv_buf_init(malloc(suggested), (unsigned)suggested);
}

static void on_words(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    for (ssize_t begin = 0, end = 0; end < count; end++) {
        if (buffer->base[end] != '\n') continue;
        struct request *request = malloc(sizeof *request);
        eddy_spawn_options_t options = EDDY_SPAWN_OPTIONS_INIT;
        options.release_context = free;
        if (request == NULL) break;
        request->uv = stream->loop;
        snprintf(request->word, sizeof request->word, "%.*s", (int)(end - begin),
            buffer->base + begin);
        printf("asked for %s\n", request->word);
        eddy_task_spawn(handle, request, &options, NULL);
        begin = end + 1;
    }
    free(buffer->base);
    if (count < 0) uv_close((uv_handle_t *)stream, NULL);   /* the tasks go on without it */
}

static void read_words(uv_loop_t *uv, uv_pipe_t *words, int descriptor)
{
    uv_pipe_init(uv, words, 0);
    uv_pipe_open(words, descriptor);
    uv_read_start((uv_stream_t *)words, allocate, on_words);
}

/* The words come in until the pipe is at its end; every handler is a task. */
static eddy_status_t serve(uv_loop_t *uv, int words_from)
{
    uv_pipe_t words;
    eddy_loop_t loop;
    EDDY_TRY(eddy_loop_attach(uv, NULL, &loop));            /* Eddy comes in ... */
    read_words(uv, &words, words_from);
    uv_run(uv, UV_RUN_DEFAULT);          /* returns when no handle is left, and no task either */
    printf("all handlers have ended\n");
    return eddy_loop_detach(loop);                          /* ... and goes */
}

int main(void)
{
    static const char asked[] = "one\nslow\ntwo\n";
    uv_loop_t *uv = uv_default_loop();
    int ends[2];
    if (uv == NULL || pipe(ends) != 0 || write(ends[1], asked, sizeof asked - 1) < 0) {
        fprintf(stderr, "no loop, no pipe, or no memory for them\n");
        return 1;
    }
    close(ends[1]);
    const eddy_status_t status = serve(uv, ends[0]);
    if (status != EDDY_OK) fprintf(stderr, "%s\n", eddy_status_name(status));
    uv_run(uv, UV_RUN_DEFAULT);
    return uv_loop_close(uv) == 0 && status == EDDY_OK ? 0 : 1;
}
