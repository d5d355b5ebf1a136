/* clock: the only reader of clocks. */
#ifndef NODE_CLOCK_H
#define NODE_CLOCK_H

#include <stdint.h>

/* Decimal milliseconds, may be negative, added to wall time: for tests of skewed clocks. Read once, at the first call. */
#define CLOCK_OFFSET_VARIABLE "COMITY_CLOCK_OFFSET_MS"

uint64_t clock_wall_ms(void);      /* since 1970, UTC; may jump; never below 0 */
uint64_t clock_monotonic_ms(void); /* since some start; never falls, never shifted */
uint64_t clock_monotonic_ns(void);

/* What clock_wall_ms adds; 0 when the variable is unset or not a number. */
int64_t clock_offset_ms(void);

#endif
