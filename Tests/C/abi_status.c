/*
 * Statuses, versions and features: the parts of the header that need no loop.
 *
 * Threads: one; two tests ask from a second one as well.
 */
#include "check.h"

#include <errno.h>
#include <pthread.h>

typedef struct named {
    eddy_status_t status;
    const char *name;
} named_t;

#define NAMED(status) { status, #status }
static const named_t own[] = {
    NAMED(EDDY_OK), NAMED(EDDY_EPERM), NAMED(EDDY_E2BIG), NAMED(EDDY_ENOMEM), NAMED(EDDY_EBUSY),
    NAMED(EDDY_EINVAL), NAMED(EDDY_ECANCELED), NAMED(EDDY_ETIMEDOUT), NAMED(EDDY_EGROUP),
    NAMED(EDDY_ETARGETCANCELED), NAMED(EDDY_EFOREIGNCANCEL), NAMED(EDDY_EGRACE),
    NAMED(EDDY_ESCOPELEAK), NAMED(EDDY_EBADHANDLE), NAMED(EDDY_EWRONGTHREAD), NAMED(EDDY_ENOTTASK),
    NAMED(EDDY_EPENDING), NAMED(EDDY_EALREADY), NAMED(EDDY_ETAKEN), NAMED(EDDY_ECLOSED),
    NAMED(EDDY_EBROKEN), NAMED(EDDY_EDEADLK), NAMED(EDDY_EFORKED), NAMED(EDDY_EVERSION),
    NAMED(EDDY_EFOREIGN), NAMED(EDDY_EEND),
    NAMED(EDDY_ESTOPPED), NAMED(EDDY_EINTERRUPT),
};
#define OWN_COUNT ((int)(sizeof own / sizeof own[0]))

/* Those of the system that Eddy has no name of its own for. */
static const named_t systems[] = {
    { -EBADF, "EBADF" }, { -ENOENT, "ENOENT" }, { -ECONNREFUSED, "ECONNREFUSED" },
    { -EPIPE, "EPIPE" }, { -EAGAIN, "EAGAIN" }, { -ECANCELED, "ECANCELED" },
    { -ETIMEDOUT, "ETIMEDOUT" }, { -EMFILE, "EMFILE" }, { -EEXIST, "EEXIST" },
    { -EINTR, "EINTR" }, { -EIO, "EIO" }, { -EACCES, "EACCES" },
};

static void names(void) {
    for (int index = 0; index < OWN_COUNT; index++)
        CHECK_TEXT(eddy_status_name(own[index].status), own[index].name);
    for (size_t index = 0; index < sizeof systems / sizeof systems[0]; index++)
        CHECK_TEXT(eddy_status_name(systems[index].status), systems[index].name);
}

static void names_of_no_status(void) {
    static const eddy_status_t none[] = { 1, 77, INT32_MAX, INT32_MIN, -4999, -5000, -5099, -6000,
        -4000, -100000 };
    for (size_t index = 0; index < sizeof none / sizeof none[0]; index++) {
        CHECK_TEXT(eddy_status_name(none[index]), "UNKNOWN");
        CHECK(eddy_status_text(none[index]) != NULL);
    }
}

/* Each status has its own phrase: not empty, one line, unlike all the others. */
static void texts(void) {
    for (int index = 0; index < OWN_COUNT; index++) {
        const char *text = eddy_status_text(own[index].status);
        CHECK(text != NULL && text[0] != '\0');
        CHECK(strchr(text, '\n') == NULL);
        for (int other = 0; other < index; other++)
            CHECK(strcmp(text, eddy_status_text(own[other].status)) != 0);
    }
    for (size_t index = 0; index < sizeof systems / sizeof systems[0]; index++)
        CHECK(eddy_status_text(systems[index].status)[0] != '\0');
}

/* Static text: the same pointer each time, so a caller may keep it. */
static void texts_are_static(void) {
    for (int index = 0; index < OWN_COUNT; index++) {
        CHECK(eddy_status_name(own[index].status) == eddy_status_name(own[index].status));
        CHECK(eddy_status_text(own[index].status) == eddy_status_text(own[index].status));
    }
}

/* The two that the system has as well are not the system's. */
static void own_codes_stand_apart(void) {
    CHECK_INT(EDDY_ECANCELED, -5001);
    CHECK_INT(EDDY_ETIMEDOUT, -5002);
    CHECK(EDDY_ECANCELED != -ECANCELED && EDDY_ETIMEDOUT != -ETIMEDOUT);
    CHECK_INT(EDDY_EPERM, -EPERM);
    CHECK_INT(EDDY_E2BIG, -E2BIG);
    CHECK_INT(EDDY_ENOMEM, -ENOMEM);
    CHECK_INT(EDDY_EBUSY, -EBUSY);
    CHECK_INT(EDDY_EINVAL, -EINVAL);
    for (int index = 1; index < OWN_COUNT; index++) CHECK(own[index].status < 0);
}

static void durations(void) {
    CHECK_INT(EDDY_SECONDS(0.5), 500000000);
    CHECK_INT(EDDY_SECONDS(3600), INT64_C(3600000000000));
    CHECK_INT(EDDY_MILLISECONDS(1.5), 1500000);
    CHECK_INT(EDDY_MICROSECONDS(2), 2000);
    CHECK_INT(EDDY_NANOSECONDS(7), 7);
    CHECK_INT(EDDY_FOREVER, INT64_MAX);
    CHECK_INT(EDDY_NONE, -1);
}

static eddy_status_t mark(void *context) {
    ++*(int *)context;
    return EDDY_OK;
}

static void newer_header(void) {
    static const int32_t ahead[] = { 1, 1000, 1000000 };
    for (size_t index = 0; index < sizeof ahead / sizeof ahead[0]; index++) {
        const int32_t version = EDDY_VERSION_NUMBER + ahead[index];
        eddy_loop_t loop = { 77 };
        int ran = 0;
        CHECK_STATUS(eddy_run_versioned(version, NULL, mark, &ran), EDDY_EVERSION);
        CHECK_STATUS(eddy_loop_create_versioned(version, NULL, &loop), EDDY_EVERSION);
        CHECK_INT(ran, 0);
        CHECK_INT(loop.id, 77);
        CHECK_STATUS(eddy_loop_current(&loop), EDDY_EWRONGTHREAD);
        CHECK_STATUS(eddy_run(NULL, mark, &ran), EDDY_OK);
        CHECK_INT(ran, 1);
    }
    CHECK_STATUS(eddy_run_versioned(INT32_MAX, NULL, mark, NULL), EDDY_EVERSION);
}

/* The refusal of eddy_main is its exit status, and the text goes to stderr, not shown here. */
static void newer_header_in_main(void) {
    int ran = 0;
    const int saved = dup(2);
    FILE *file = tmpfile();
    if (!CHECK(saved >= 0 && file != NULL)) return;
    dup2(fileno(file), 2);
    const int status = eddy_main_versioned(EDDY_VERSION_NUMBER + 1, mark, &ran);
    dup2(saved, 2);
    close(saved);
    CHECK_INT(status, 1);
    CHECK_INT(ran, 0);
    char text[512] = "";
    rewind(file);
    CHECK(fread(text, 1, sizeof text - 1, file) > 0);
    CHECK_CONTAINS(text, "EDDY_EVERSION");
    fclose(file);
}

static void version_number(void) {
    CHECK(eddy_version_number() >= EDDY_VERSION_NUMBER);
    CHECK_INT(EDDY_VERSION_NUMBER,
        EDDY_VERSION_MAJOR * 1000000 + EDDY_VERSION_MINOR * 1000 + EDDY_VERSION_PATCH);
}

static void features(void) {
    CHECK_INT(eddy_has_feature("virtual-clock"), 1);
    CHECK_INT(eddy_has_feature("seeded-order"), 1);
    CHECK_INT(eddy_has_feature("foreign-tasks"), 1);
    const int32_t guards = eddy_has_feature("guard-install");
    CHECK(guards == 0 || guards == 1);
    CHECK_INT(eddy_has_feature("virtual"), 0);
    CHECK_INT(eddy_has_feature("virtual-clocks"), 0);
    CHECK_INT(eddy_has_feature(""), 0);
    CHECK_INT(eddy_has_feature(NULL), 0);
}

static void *all_of_it(void *context) {
    (void)context;
    names();
    features();
    version_number();
    return NULL;
}

static void from_any_thread(void) {
    pthread_t thread;
    if (CHECK_INT(pthread_create(&thread, NULL, all_of_it, NULL), 0)) pthread_join(thread, NULL);
}

static const check_test_t tests[] = {
    { "status: names", names },
    { "status: no such status", names_of_no_status },
    { "status: texts", texts },
    { "status: texts are static", texts_are_static },
    { "status: Eddy's own codes", own_codes_stand_apart },
    { "durations", durations },
    { "Must show: a header newer than the library", newer_header },
    { "Must show: a newer header in eddy_main", newer_header_in_main },
    { "version number", version_number },
    { "features", features },
    { "Thread: any", from_any_thread },
};
CHECK_MAIN(tests)
