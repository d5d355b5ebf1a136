/* shrink: makes a failing run small: fewer faults, nodes, minutes and operations, while the same invariant still breaks. */
#ifndef TESTS_SIM_SHRINK_H
#define TESTS_SIM_SHRINK_H

#include "tests/sim/run.h"

#define SHRINK_OPERATIONS_MAX 4096

struct shrunk {
    struct run_options options;
    struct run_result result;
    uint8_t left_out[SHRINK_OPERATIONS_MAX]; /* options.left_out points here */
    unsigned tries;
};

/* At most `seconds` of real time are spent. */
void shrink(struct shrunk *out, struct world *world, const struct run_options *options, const struct run_result *result,
            double seconds);
/* The story of a run, and how to have it again. */
void shrink_tell(const struct run_options *options, const struct run_result *result);
void shrink_replay(const struct run_options *options, const struct run_result *result);

#endif
