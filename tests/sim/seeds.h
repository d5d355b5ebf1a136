/* seeds: one random world: publishing, cuts, resets and crashes at random, then a healed mesh that must converge. */
#ifndef TESTS_SIM_SEEDS_H
#define TESTS_SIM_SEEDS_H

#include "tests/sim/world.h"

struct seeds_result {
    char broken[256];                            /* empty: all held */
    uint64_t events, converge_ms, messages_idle; /* messages of the busiest link in the minute after */
    size_t entries;
    uint8_t trace[HASH_BYTES];
};

struct seeds_result seeds_run(struct world *world, uint64_t seed);

#endif
