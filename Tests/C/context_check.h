/*
 * context_check.h: what the tests of context variables share: counted values of variables.
 *
 * Owns the count of values that were handed in and of those that were released.
 * Invariant: whatever a test hands in with `value_of` is released exactly once; CHECK_ALL_RELEASED
 * says so after the loop has closed.
 * Threads: one.
 */
#ifndef CONTEXT_CHECK_H
#define CONTEXT_CHECK_H

#include "check.h"

/* A value: a number, and how often it was released. */
#define CONTEXT_VALUES 64
typedef struct context_value {
    int number;
    int released;
} context_value_t;
static context_value_t context_values[CONTEXT_VALUES];
static int context_handed;

static inline void context_clear(void) {
    memset(context_values, 0, sizeof context_values);
    context_handed = 0;
}

/* A new value with this number. */
static inline void *value_of(int number) {
    context_value_t *value = &context_values[context_handed++ % CONTEXT_VALUES];
    value->number = number;
    value->released = 0;
    return value;
}

static inline void release_value(void *value) { ((context_value_t *)value)->released++; }

static inline int context_released(void) {
    int count = 0;
    for (int index = 0; index < CONTEXT_VALUES; index++) count += context_values[index].released;
    return count;
}

#define CHECK_ALL_RELEASED()                                                                      \
    do {                                                                                          \
        for (int value_ = 0; value_ < context_handed; value_++)                                   \
            CHECK_INT(context_values[value_].released, 1);                                        \
    } while (0)

/* Three variables: the first has the default 0, the others none. */
static context_value_t context_default;
static const eddy_var_t color = EDDY_VAR_INIT("color", &context_default, release_value);
static const eddy_var_t shape = EDDY_VAR_INIT("shape", NULL, release_value);
static const eddy_var_t place = EDDY_VAR_INIT("place", NULL, release_value);

static inline void set(const eddy_var_t *variable, int number) {
    CHECK_STATUS(eddy_var_set(variable, value_of(number), NULL), EDDY_OK);
}

/* The number that a variable has here; -1: none. */
static inline int get(const eddy_var_t *variable) {
    void *value = &context_default;
    CHECK_STATUS(eddy_var_get(variable, &value), EDDY_OK);
    return value ? ((context_value_t *)value)->number : -1;
}

/* The same in a context that need not be current. */
static inline int get_in(eddy_context_t context, const eddy_var_t *variable) {
    void *value = &context_default;
    CHECK_STATUS(eddy_context_get(context, variable, &value), EDDY_OK);
    return value ? ((context_value_t *)value)->number : -1;
}

/* run_virtual, after which every value has been released and nothing was reported. */
static inline void run_contexts(eddy_task_fn body) {
    context_clear();
    CHECK_STATUS(run_virtual(body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
    CHECK_ALL_RELEASED();
}

#endif /* CONTEXT_CHECK_H */
