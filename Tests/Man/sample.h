/*
 * sample.h: a header for the test of the man pages; sample.expected has what is made of it. Not
 * compiled.
 *
 * Rules. One of them is here.
 *   detachable   the wait ends at once. It is the
 *                shortest one
 *   owning       the wait ends with its target
 */
#ifndef SAMPLE_H
#define SAMPLE_H

/* ------------------------------------------------------------------------------------------------
 * Statuses
 *
 * 0 is success.
 */
typedef int32_t eddy_status_t;
#define EDDY_OK ((eddy_status_t)0)            /* success */
#define EDDY_EINVAL ((eddy_status_t)-22)      /* out of range */
#define EDDY_ECANCELED ((eddy_status_t)-5001) /* a scope around the caller
                                                 is cancelled */

/* ------------------------------------------------------------------------------------------------
 * Pots: things to put things in
 *
 * A pot is made thus:
 *
 *     eddy_pot_fill(7, NULL);
 */
/* What a pot is made of. */
#define EDDY_POT_CLAY ((uint32_t)1)
#define EDDY_POT_IRON ((uint32_t)2)           /* heavy */
/* Told when the pot is full. */
typedef void (*eddy_pot_fn)(void *EDDY_NULLABLE context);

typedef struct eddy_pot_options {
    uint32_t size;
    uint32_t flags;                           /* EDDY_POT_*, or 0 */
    /* Called once. */
    eddy_pot_fn EDDY_NULLABLE full;
    void *EDDY_NULLABLE context;              /* given to it; it must live as long as
                                                 the pot */
} eddy_pot_options_t;
#define EDDY_POT_OPTIONS_INIT { (uint32_t)sizeof(eddy_pot_options_t), 0, NULL, NULL }

/*
 * Fills a pot: from below. It's slow - see eddy_pot_empty. options may be NULL.
 * amount_ns: how long, -1 for ever. ret_rest, may be NULL: what was left over.
 * Ownership: the pot is the caller's.
 * Returns EDDY_OK, EDDY_EINVAL (amount_ns is below -1, or odd), -EBADF, EDDY_ECANCELED; for
 * EDDY_POT_IRON: EDDY_OK if it is hot, another failure unchanged. The pot stays empty only on
 * EDDY_EINVAL (no pot). Works in the kitchen.
 * Suspends: yes. Cancel point: yes, owning. Thread: task. Since: 0.1
 */
#define eddy_pot_fill(amount_ns, options, ret_rest)                                              \
    eddy_pot_fill_at(EDDY_SITE, (amount_ns), (options), (ret_rest))
EDDY_API eddy_status_t eddy_pot_fill_at(const char *EDDY_NULLABLE site, int64_t amount_ns,
    const eddy_pot_options_t *EDDY_NULLABLE options, int32_t *EDDY_NULLABLE ret_rest);

#define EDDY_HEAT_LOW ((int32_t)1)
#define EDDY_HEAT_HIGH ((int32_t)2)           /* it boils */

/* Heats a pot. heat: EDDY_HEAT_*. EDDY_HEAT_HIGH: mind it. It takes time. Returns EDDY_OK.
 * Suspends: no. Cancel point: no. Thread: loop. Since: 0.1 */
EDDY_API eddy_status_t eddy_pot_heat(int32_t heat);

/* How much is in it, or 0. Suspends: no. Cancel point: no. Thread: any. Since: 0.2 */
EDDY_API int32_t eddy_pot_empty(void);

#endif
