/* scale_tally: what became of a plan under one protocol: when each publication arrived where, and in how many copies. */
#ifndef TESTS_SIM_SCALE_TALLY_H
#define TESTS_SIM_SCALE_TALLY_H

#include "tests/sim/scale_plan.h"

#define TALLY_DELAY_MAX_MS 120000 /* later counts as this */

struct tally {
    const struct plan *plan;
    uint64_t *published_ms; /* by publication; 0: not yet */
    uint8_t *here;          /* a bit for each publication and node */
    uint32_t *delays;       /* how many honest nodes had a measured publication after so many ms */
    uint64_t delivered;     /* of the measured ones, to whom it may concern: all but its author */
    uint64_t copies;        /* of payloads, that reached anybody during the measurement */
    uint64_t again;         /* deliveries of what had been delivered */
};

struct tally_result {
    uint32_t p50_ms, p99_ms, last_ms;
    double copies;   /* of each payload, per node */
    uint64_t missed; /* pairs of a publication and a node that did not get it, silent nodes included */
};

void tally_open(struct tally *tally, const struct plan *plan);
void tally_close(struct tally *tally);
void tally_published(struct tally *tally, size_t message, uint64_t now_ms);
void tally_copy(struct tally *tally, uint64_t now_ms);
bool tally_here(const struct tally *tally, size_t message, uint32_t node);
/* True the first time. */
bool tally_deliver(struct tally *tally, size_t message, uint32_t node, uint64_t now_ms);
/* How many are lacking now. */
uint64_t tally_missed(const struct tally *tally);
struct tally_result tally_result(const struct tally *tally);

#endif
