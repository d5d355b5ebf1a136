/* moment: RFC 3339 timestamps in UTC, as STIX writes them, and milliseconds since 1970. */
#ifndef NODE_MOMENT_H
#define NODE_MOMENT_H

#include "crypto/bytes.h"

#define MOMENT_TEXT_BYTES 32 /* "2016-05-12T08:17:27.000Z" and a zero, with room */

/* "2016-05-12T08:17:27.123456Z": a date that exists, a capital T and Z, seconds up to 60. Moments before 1970 become 1 ms, because
   0 means "none" everywhere; what is finer than a millisecond is cut off. False: not such a timestamp. */
bool moment_parse(uint64_t *out_ms, struct bytes text);

/* The same in microseconds; what is finer is cut off. */
bool moment_parse_us(uint64_t *out_us, struct bytes text);

/* With milliseconds. Years beyond 9999 are written as the last moment of 9999. */
void moment_text(char out[static MOMENT_TEXT_BYTES], uint64_t ms);
/* With microseconds. */
void moment_text_us(char out[static MOMENT_TEXT_BYTES], uint64_t us);

#endif
