/* histogram: how often something took how long, in fixed steps. One thread, or a lock of the caller's. */
#ifndef NODE_HISTOGRAM_H
#define NODE_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_STEPS 12

struct histogram {
    uint64_t counts[HISTOGRAM_STEPS + 1]; /* of those up to each bound and above the one before it; the last: above all */
    uint64_t sum_us;
};

/* The bounds in microseconds, rising: 500 us to 10 s. */
extern const uint64_t histogram_bounds_us[HISTOGRAM_STEPS];

void histogram_add(struct histogram *histogram, uint64_t took_us);
uint64_t histogram_count(const struct histogram *histogram);

#endif
