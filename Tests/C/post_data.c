/*
 * The one pointer of a loop, by which a binding finds its own.
 *
 * Proves: eddy_loop_data and eddy_loop_set_data: NULL at first and without a loop, released exactly
 * once when it is replaced, refused or the loop closes.
 * Threads: one.
 */
#include "check.h"

typedef struct data {
    int released;
    void *seen;          /* what eddy_loop_data gave inside the release */
} data_t;

static void release_data(void *value) {
    data_t *data = value;
    data->released++;
    data->seen = eddy_loop_data();
}

static eddy_status_t in_task(void *context) {
    data_t *data = context;
    CHECK(eddy_loop_data() == &data[0]);
    CHECK_STATUS(eddy_loop_set_data(&data[1], release_data), EDDY_OK);
    CHECK_INT(data[0].released, 1);
    CHECK(eddy_loop_data() == &data[1]);
    return EDDY_OK;
}

static void replaced_and_closed(void) {
    const eddy_loop_options_t options = virtual_options();
    data_t data[3] = { { 0, NULL }, { 0, NULL }, { 0, NULL } };
    eddy_loop_t loop = { 0 };
    CHECK(eddy_loop_data() == NULL);
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    CHECK(eddy_loop_data() == NULL);
    CHECK_STATUS(eddy_loop_set_data(&data[0], release_data), EDDY_OK);
    CHECK_STATUS(eddy_loop_run(loop, in_task, data, NULL), EDDY_OK);
    CHECK_STATUS(eddy_loop_set_data(NULL, NULL), EDDY_OK);
    CHECK_INT(data[1].released, 1);
    CHECK(eddy_loop_data() == NULL);
    CHECK_STATUS(eddy_loop_set_data(&data[2], release_data), EDDY_OK);
    CHECK_INT(data[2].released, 0);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_INT(data[2].released, 1);
    CHECK_INT(data[0].released, 1);
    for (int index = 0; index < 3; index++) CHECK(data[index].seen == NULL);
    CHECK(eddy_loop_data() == NULL);
    CHECK_INT(reports.count, 0);
}

static void without_release(void) {
    const eddy_loop_options_t options = virtual_options();
    int marker = 0;
    eddy_loop_t loop = { 0 };
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    CHECK_STATUS(eddy_loop_set_data(&marker, NULL), EDDY_OK);
    CHECK(eddy_loop_data() == &marker);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
}

static void refused(void) {
    data_t data = { 0, NULL };
    CHECK_STATUS(eddy_loop_set_data(&data, release_data), EDDY_EWRONGTHREAD);
    CHECK_INT(data.released, 1);
}

static const check_test_t tests[] = {
    { "loop data: replaced, and released at the close", replaced_and_closed },
    { "loop data: without a release function", without_release },
    { "loop data: refused without a loop", refused },
};
CHECK_MAIN(tests)
