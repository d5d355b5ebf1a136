/* campaign: many seeds, on several cores; what fails is told, replayed and made small. */
#ifndef TESTS_SIM_CAMPAIGN_H
#define TESTS_SIM_CAMPAIGN_H

#include "tests/sim/run.h"

struct campaign {
    struct run_options options;
    uint64_t from, count;
    bool all_profiles; /* the seed's number chooses */
    unsigned jobs;
    double seconds; /* of real time; 0: until all are done */
    bool twice, hashes, no_shrink, tell, first;
};

/* Everything that workers add up; in memory that they share. */
struct campaign_sum {
    _Atomic uint64_t next, done, failed, events, virtual_ms, entries, converge_ms, differing;
    struct situations situations;
    char broken[256]; /* the first verdict */
};

/* False when anything broke or differed. */
bool campaign_run(const struct campaign *campaign, struct campaign_sum *sum);
struct run_options campaign_options(const struct campaign *campaign, uint64_t seed);
int campaign_main(int count, char **words);

#endif
