/* counting.h: task functions in C, for Swift to spawn into its groups. */
#ifndef COUNTING_H
#define COUNTING_H

#include <eddy.h>

/* Counts the words of a text, one word every 10 ms. context: the text, which must outlive the task.
 * Value: the number, as an integer. */
eddy_status_t count_words(void *context);

/* Fails after 15 ms. */
eddy_status_t fail_soon(void *context);

#endif
