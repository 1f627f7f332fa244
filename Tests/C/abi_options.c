/*
 * Options structs: sizes too short, shorter, longer with a zero tail and with one that is not;
 * unknown flags; values out of range; and what was handed in is released once all the same.
 *
 * One table, one row per options struct; each row knows how to make its call with a buffer that
 * holds the struct and room behind it.
 * Threads: one.
 */
#include "abi_calls.h"

#define TAIL 16

typedef union buffer {
    uint64_t aligned[80];
    uint32_t size;                 /* every options struct begins with its size */
    unsigned char bytes[640];
} buffer_t;

typedef struct row {
    const char *name;
    uint32_t size;
    void (*fill)(buffer_t *buffer);
    /* Makes the call in a task, or outside any for the loop's own structs. */
    eddy_status_t (*call)(const buffer_t *buffer);
    int releases;                  /* 1: hands in &abi_released, which must be released once */
    int short_releases;            /* the same where the struct is as short as it can be */
    int outside;                   /* 1: called where there is no loop */
    uint32_t shortest;             /* the shortest size that has all that the call needs */
    int flags;                     /* 1: has flags behind the size */
} row_t;

static eddy_status_t body(void *context) {
    (void)context;
    return EDDY_OK;
}

#define FILL(name, type, init)                                                                    \
    static void name(buffer_t *buffer) {                                                          \
        const type value = init;                                                                  \
        memset(buffer, 0, sizeof *buffer);                                                        \
        memcpy(buffer, &value, sizeof value);                                                     \
    }
FILL(fill_loop, eddy_loop_options_t, EDDY_LOOP_OPTIONS_INIT)
FILL(fill_test, eddy_test_options_t, EDDY_TEST_OPTIONS_INIT)
FILL(fill_finding, eddy_test_finding_t, EDDY_TEST_FINDING_INIT)
FILL(fill_spawn, eddy_spawn_options_t, EDDY_SPAWN_OPTIONS_INIT)
FILL(fill_callback, eddy_callback_options_t, EDDY_CALLBACK_OPTIONS_INIT)
FILL(fill_scope, eddy_scope_options_t, EDDY_SCOPE_OPTIONS_INIT)
FILL(fill_foreign, eddy_foreign_options_t, EDDY_FOREIGN_OPTIONS_INIT)

static void *stack_give(void *context, size_t bytes) {
    (void)context;
    void *low = NULL;
    return posix_memalign(&low, 4096, bytes) == 0 ? low : NULL;
}

static void stack_take(void *context, void *low, size_t bytes) {
    (void)context;
    (void)bytes;
    free(low);
}

static void fill_stacks(buffer_t *buffer) {
    const eddy_stack_allocator_t stacks = { (uint32_t)sizeof stacks, 0, stack_give, stack_take,
        NULL };
    memset(buffer, 0, sizeof *buffer);
    memcpy(buffer, &stacks, sizeof stacks);
}

static eddy_status_t with_run(const buffer_t *buffer) {
    return eddy_run((const eddy_loop_options_t *)buffer, body, NULL);
}

static eddy_status_t with_loop_create(const buffer_t *buffer) {
    eddy_loop_t loop = { 77 };
    const eddy_status_t status = eddy_loop_create((const eddy_loop_options_t *)buffer, &loop);
    if (status != EDDY_OK) CHECK_INT(loop.id, 77);
    else CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    return status;
}

static eddy_status_t with_test_options(const buffer_t *buffer) {
    eddy_test_finding_t finding = EDDY_TEST_FINDING_INIT;
    return eddy_test_cancel_everywhere(body, NULL, (const eddy_test_options_t *)buffer, &finding);
}

static eddy_status_t with_starving_options(const buffer_t *buffer) {
    eddy_test_finding_t finding = EDDY_TEST_FINDING_INIT;
    return eddy_test_fail_allocations(body, NULL, (const eddy_test_options_t *)buffer, &finding);
}

/* An output, which obeys the same law. */
static eddy_status_t with_finding(const buffer_t *buffer) {
    buffer_t copy = *buffer;
    return eddy_test_cancel_everywhere(body, NULL, NULL, (eddy_test_finding_t *)&copy);
}

static eddy_status_t with_stacks(const buffer_t *buffer) {
    eddy_loop_options_t options = EDDY_LOOP_OPTIONS_INIT;
    options.stacks = (const eddy_stack_allocator_t *)buffer;
    return eddy_run(&options, body, NULL);
}

/* A spawn that is given a release function once the buffer's struct is long enough for one. */
static void give_release(const buffer_t *buffer, buffer_t *copy) {
    *copy = *buffer;
    eddy_spawn_options_t *options = (eddy_spawn_options_t *)copy;
    if (options->size >= sizeof *options) options->release_context = count_release;
}

static eddy_status_t with_task_spawn(const buffer_t *buffer) {
    buffer_t copy;
    give_release(buffer, &copy);
    return eddy_task_spawn(body, &abi_released, (eddy_spawn_options_t *)&copy, NULL);
}

static eddy_status_t with_group_spawn(const buffer_t *buffer) {
    buffer_t copy;
    eddy_scope_t group;
    give_release(buffer, &copy);
    EDDY_TRY(eddy_group_open(&group, NULL));
    const eddy_status_t status = eddy_group_spawn(group, body, &abi_released,
        (eddy_spawn_options_t *)&copy, NULL);
    CHECK_STATUS(eddy_scope_close(group, EDDY_OK), EDDY_OK);
    return status;
}

static eddy_status_t with_call_soon(const buffer_t *buffer) {
    buffer_t copy = *buffer;
    eddy_callback_options_t *options = (eddy_callback_options_t *)&copy;
    if (options->size >= sizeof *options) options->release_context = count_release;
    return eddy_call_soon(body, &abi_released, options, NULL);
}

#define OPEN(name, call)                                                                          \
    static eddy_status_t name(const buffer_t *buffer) {                                           \
        const eddy_scope_options_t *options = (const eddy_scope_options_t *)buffer;               \
        eddy_scope_t scope = { 77 };                                                              \
        const eddy_status_t status = (call);                                                      \
        if (status != EDDY_OK) CHECK_INT(scope.id, 77);                                           \
        else CHECK_STATUS(eddy_scope_close(scope, EDDY_OK), EDDY_OK);                             \
        return status;                                                                            \
    }
OPEN(with_scope_open, eddy_scope_open(&scope, options))
OPEN(with_group_open, eddy_group_open(&scope, options))
OPEN(with_timeout_open, eddy_timeout_open(&scope, EDDY_SECONDS(1), options))
OPEN(with_shield_open, eddy_shield_open(&scope, options))

static eddy_status_t with_call(const buffer_t *buffer) {
    return eddy_call((const eddy_scope_options_t *)buffer, body, NULL, NULL);
}

/* Foreign tasks of these tests end as soon as they are told to begin. */
static void start_and_end(void *instance, eddy_task_t self) {
    (void)instance;
    CHECK_STATUS(eddy_foreign_complete(self, EDDY_OK, NULL, NULL), EDDY_OK);
}

static const eddy_foreign_ops_t ending_ops = { (uint32_t)sizeof ending_ops, 0, start_and_end,
    NULL, count_release, NULL, NULL };

static void fill_ops(buffer_t *buffer) {
    memset(buffer, 0, sizeof *buffer);
    memcpy(buffer, &ending_ops, sizeof ending_ops);
}

static eddy_status_t with_foreign_options(const buffer_t *buffer) {
    const eddy_foreign_options_t *options = (const eddy_foreign_options_t *)buffer;
    return eddy_foreign_spawn(&ending_ops, &abi_released, options, NULL);
}

/* Operations are known for as long as the loop lives, so they cannot be in the caller's buffer. A
 * row runs in a loop of its own and makes fewer calls than there are copies. */
static buffer_t kept_ops[32];
static int kept_ops_count;

static const eddy_foreign_ops_t *lasting_ops(const buffer_t *buffer) {
    buffer_t *copy = &kept_ops[kept_ops_count++ % 32];
    *copy = *buffer;
    return (const eddy_foreign_ops_t *)copy;
}

static eddy_status_t with_ops(const buffer_t *buffer) {
    return eddy_foreign_spawn(lasting_ops(buffer), &abi_released, NULL, NULL);
}

static eddy_status_t with_register(const buffer_t *buffer) {
    return eddy_foreign_register(lasting_ops(buffer));
}

#define SIZE(type) (uint32_t)sizeof(type)
#define TO(type, member) (uint32_t)offsetof(type, member)
static const row_t rows[] = {
    { "run", SIZE(eddy_loop_options_t), fill_loop, with_run, 0, 0, 1, 4, 1 },
    { "loop_create", SIZE(eddy_loop_options_t), fill_loop, with_loop_create, 0, 0, 1, 4, 1 },
    { "stacks", SIZE(eddy_stack_allocator_t), fill_stacks, with_stacks, 0, 0, 1,
        TO(eddy_stack_allocator_t, context), 0 },
    { "test options", SIZE(eddy_test_options_t), fill_test, with_test_options, 0, 0, 1, 4, 1 },
    { "test options", SIZE(eddy_test_options_t), fill_test, with_starving_options, 0, 0, 1, 4, 1 },
    { "test finding", SIZE(eddy_test_finding_t), fill_finding, with_finding, 0, 0, 1, 4, 0 },
    { "task_spawn", SIZE(eddy_spawn_options_t), fill_spawn, with_task_spawn, 1, 0, 0, 4, 1 },
    { "group_spawn", SIZE(eddy_spawn_options_t), fill_spawn, with_group_spawn, 1, 0, 0, 4, 1 },
    { "call_soon", SIZE(eddy_callback_options_t), fill_callback, with_call_soon, 1, 0, 0, 4, 1 },
    { "scope_open", SIZE(eddy_scope_options_t), fill_scope, with_scope_open, 0, 0, 0, 4, 1 },
    { "group_open", SIZE(eddy_scope_options_t), fill_scope, with_group_open, 0, 0, 0, 4, 1 },
    { "timeout_open", SIZE(eddy_scope_options_t), fill_scope, with_timeout_open, 0, 0, 0, 4, 1 },
    { "shield_open", SIZE(eddy_scope_options_t), fill_scope, with_shield_open, 0, 0, 0, 4, 1 },
    { "call", SIZE(eddy_scope_options_t), fill_scope, with_call, 0, 0, 0, 4, 1 },
    { "foreign_spawn", SIZE(eddy_foreign_options_t), fill_foreign, with_foreign_options, 1, 1, 0,
        4, 1 },
    { "foreign ops", SIZE(eddy_foreign_ops_t), fill_ops, with_ops, 1, 1, 0,
        TO(eddy_foreign_ops_t, current_job), 0 },
    { "foreign_register", SIZE(eddy_foreign_ops_t), fill_ops, with_register, 0, 0, 0,
        TO(eddy_foreign_ops_t, cancel), 0 },
};
#define ROWS ((int)(sizeof rows / sizeof rows[0]))

#define UNKNOWN (-1)               /* a size below 4 promises nothing about the rest */
/* One call: its status, and how often what it handed in was released. */
static void expect(const row_t *row, const buffer_t *buffer, eddy_status_t expected, int releases,
    const char *what) {
    char text[128];
    snprintf(text, sizeof text, "%s, %s", row->name, what);
    abi_released = 0;
    check_status(row->call(buffer), expected, text, __FILE__, __LINE__);
    if (!row->outside) CHECK_STATUS(eddy_sleep(1), EDDY_OK);   /* what was spawned ends */
    if (releases != UNKNOWN) check_int(abi_released, releases, text, __FILE__, __LINE__);
}

/* The whole struct as it is, then every way in which a size can differ. */
static void try_sizes(const row_t *row) {
    buffer_t buffer;
    row->fill(&buffer);
    expect(row, &buffer, EDDY_OK, row->releases, "as it is");
    for (uint32_t size = 0; size < 4; size++) {
        buffer.size = size;
        expect(row, &buffer, EDDY_EINVAL, UNKNOWN, "a size below 4");
    }
    row->fill(&buffer);
    buffer.size = row->shortest;
    if (row->shortest < row->size)
        memset(buffer.bytes + row->shortest, 0xee, row->size - row->shortest);
    expect(row, &buffer, EDDY_OK, row->short_releases, "shorter, rubbish behind it");
    row->fill(&buffer);
    buffer.size = row->size + TAIL;
    expect(row, &buffer, EDDY_OK, row->releases, "longer, zero behind it");
    for (uint32_t place = 0; place < TAIL; place += 5) {
        row->fill(&buffer);
        buffer.size = row->size + TAIL;
        buffer.bytes[row->size + place] = 1;
        expect(row, &buffer, EDDY_E2BIG, row->releases, "longer, not zero behind it");
    }
    row->fill(&buffer);
    buffer.bytes[row->size] = 1;
    expect(row, &buffer, EDDY_OK, row->releases, "its own size, something behind it");
}

static void try_flags(const row_t *row) {
    static const uint32_t unknown[] = { 0x4000, 0x8000, 0x10000, 0x80000000u };
    buffer_t buffer;
    for (size_t index = 0; row->flags && index < sizeof unknown / sizeof unknown[0]; index++) {
        row->fill(&buffer);
        memcpy(buffer.bytes + 4, &unknown[index], sizeof unknown[index]);
        expect(row, &buffer, EDDY_EINVAL, row->releases, "unknown flags");
        buffer.size = 8;
        expect(row, &buffer, EDDY_EINVAL, row->short_releases, "unknown flags, shorter");
    }
}

typedef struct attempt {
    void (*try)(const row_t *row);
    const row_t *row;
} attempt_t;

static eddy_status_t in_a_task(void *context) {
    const attempt_t *attempt = context;
    attempt->try(attempt->row);
    return EDDY_OK;
}

static void try_rows(void (*try)(const row_t *row)) {
    for (int index = 0; index < ROWS; index++) {
        attempt_t attempt = { try, &rows[index] };
        kept_ops_count = 0;
        if (rows[index].outside) try(&rows[index]);
        else CHECK_STATUS(run_virtual(in_a_task, &attempt), EDDY_OK);
    }
    CHECK_INT(reports.count, 0);
}

static void sizes(void) { try_rows(try_sizes); }
static void flags(void) { try_rows(try_flags); }

static const check_test_t tests[] = {
    { "Must show: options too short, too long", sizes },
    { "options: unknown flags", flags },
};
CHECK_MAIN(tests)
