/* when: a moment as people give it on a command line. Pure. */
#ifndef NODE_WHEN_H
#define NODE_WHEN_H

#include "crypto/bytes.h"

/* "2026-01-31T12:00:00Z", or a span from now: "45s", "30m", "8h", "3d", "2w". False: neither. */
bool when_parse(uint64_t *out_ms, struct bytes text, uint64_t now_ms);

#endif
