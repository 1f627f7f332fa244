/*
 * faults.h: a header whose comments are wrong, one fault each; faults.expected says what must be
 * found. Not compiled.
 *
 * The first function is as it should be.
 */
#ifndef FAULTS_H
#define FAULTS_H

/* ------------------------------------------------------------------------------------------------
 * Faults
 */
typedef int32_t eddy_status_t;
#define EDDY_OK ((eddy_status_t)0) /* success */

/*
 * Does it well. Ownership: none is given. Returns EDDY_OK.
 * Suspends: no. Cancel point: no. Thread: any. Since: 0.1
 */
EDDY_API eddy_status_t eddy_right(void);

EDDY_API eddy_status_t eddy_bare(void);

/* Has no Suspends. Returns EDDY_OK. Cancel point: no. Thread: any. Since: 0.1 */
EDDY_API eddy_status_t eddy_no_suspends(void);

/* Has no Cancel point. Returns EDDY_OK. Suspends: no. Thread: any. Since: 0.1 */
EDDY_API eddy_status_t eddy_no_cancel(void);

/* Has no class. Returns EDDY_OK. Suspends: yes. Cancel point: yes, somehow. Thread: any.
 * Since: 0.1 */
EDDY_API eddy_status_t eddy_no_class(void);

/* Has no Thread. Returns EDDY_OK. Suspends: no. Cancel point: no. Since: 0.1 */
EDDY_API eddy_status_t eddy_no_thread(void);

/* Has an odd Thread. Returns EDDY_OK. Suspends: no. Cancel point: no. Thread: main. Since: 0.1 */
EDDY_API eddy_status_t eddy_odd_thread(void);

/* Has no Since. Returns EDDY_OK. Suspends: no. Cancel point: no. Thread: any. */
EDDY_API eddy_status_t eddy_no_since(void);

/* Has no returns. Suspends: no. Cancel point: no. Thread: any. Since: 0.1 */
EDDY_API eddy_status_t eddy_no_returns(void);

/* Is out of order. Returns EDDY_OK. Suspends: no. Thread: any. Cancel point: no. Since: 0.1 */
EDDY_API eddy_status_t eddy_disorder(void);

/* Suspends: no. Cancel point: no. Thread: any. Since: 0.1 */
EDDY_API int eddy_no_purpose(void);

/* Has an odd Ownership as eddy_right. Ownership as there. Returns EDDY_OK.
 * Suspends: no. Cancel point: no. Thread: any. Since: 0.1 */
EDDY_API eddy_status_t eddy_odd_owner(void);

/* Names eddy_nobody. Returns EDDY_ENOTHING. Suspends: no. Cancel point: no. Thread: any.
 * Since: 0.1 */
EDDY_API eddy_status_t eddy_strange(void);

/* Has a form that differs. Returns EDDY_OK.
 * Suspends: no. Cancel point: no. Thread: any. Since: 0.1 */
#define eddy_form(first, second) eddy_form_at((first), (second))
EDDY_API eddy_status_t eddy_form_at(int first, int other);

/* Has a form of nothing. Returns EDDY_OK.
 * Suspends: no. Cancel point: no. Thread: any. Since: 0.1 */
#define eddy_hollow(first) eddy_hollow_at(first)
EDDY_API eddy_status_t eddy_hollow_in(int first);

#endif
