/* What the C snippets of the guides may use without saying where it comes from. Not part of Eddy;
 * the snippets are compiled and not linked. */
#ifndef GUIDES_PRELUDE_H
#define GUIDES_PRELUDE_H

#include <eddy.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern eddy_loop_t loop;
extern eddy_task_t task, other;
extern eddy_future_t future, futures[3];
extern eddy_scope_t scope, group;
extern eddy_context_t some_context;
extern eddy_task_fn work, fetch, first, second, cleanup;
extern void *value, *argument;
extern int fd;

#endif
