/*
 * eddy.h included twice, alone and first in its file: it needs no other header and guards itself.
 * Compiled as C99, C11, C17, C++11, C++17 and C++20 by Scripts/check_headers.sh; never run.
 */
#include <eddy.h>
#include <eddy.h>

#ifdef __cplusplus
#define HEADER_ASSERT(name, cond) static_assert(cond, #name)
#else
#define HEADER_ASSERT(name, cond) typedef char name[(cond) ? 1 : -1]
#endif

/* Handles are one 64-bit word each, statuses 32 bits; options have no hidden padding. */
HEADER_ASSERT(header_loop_is_a_word, sizeof(eddy_loop_t) == 8);
HEADER_ASSERT(header_task_is_a_word, sizeof(eddy_task_t) == 8);
HEADER_ASSERT(header_future_is_a_word, sizeof(eddy_future_t) == 8);
HEADER_ASSERT(header_scope_is_a_word, sizeof(eddy_scope_t) == 8);
HEADER_ASSERT(header_error_is_a_word, sizeof(eddy_error_t) == 8);
HEADER_ASSERT(header_status_is_32_bits, sizeof(eddy_status_t) == 4);
HEADER_ASSERT(header_scope_options, sizeof(eddy_scope_options_t) == 24);
HEADER_ASSERT(header_reason, sizeof(eddy_reason_t) == 128);

int eddy_header_twice(void);
int eddy_header_twice(void) { return EDDY_VERSION_MAJOR; }
