#include "node/process/histogram.h"

const uint64_t histogram_bounds_us[HISTOGRAM_STEPS] = {500,   1000,   2500,   5000,    10000,   25000,
                                                       50000, 100000, 250000, 1000000, 2500000, 10000000};

void histogram_add(struct histogram *histogram, uint64_t took_us) {
    unsigned step = 0;
    while (step < HISTOGRAM_STEPS && took_us > histogram_bounds_us[step]) step++;
    histogram->counts[step]++;
    histogram->sum_us += took_us;
}

uint64_t histogram_count(const struct histogram *histogram) {
    uint64_t count = 0;
    for (unsigned i = 0; i <= HISTOGRAM_STEPS; i++) count += histogram->counts[i];
    return count;
}
