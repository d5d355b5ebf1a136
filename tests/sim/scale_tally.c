#include "tests/sim/scale_tally.h"

#include <assert.h>
#include <stdlib.h>

void tally_open(struct tally *tally, const struct plan *plan) {
    *tally = (struct tally){.plan = plan};
    tally->published_ms = calloc(plan->count + 1, sizeof *tally->published_ms);
    tally->here = calloc(plan->count * plan->nodes / 8 + 1, 1);
    tally->delays = calloc(TALLY_DELAY_MAX_MS + 1, sizeof *tally->delays);
    assert(tally->published_ms && tally->here && tally->delays);
}

void tally_close(struct tally *tally) {
    free(tally->published_ms);
    free(tally->here);
    free(tally->delays);
    *tally = (struct tally){0};
}

static bool measured(const struct tally *tally, size_t message) {
    return tally->plan->list[message].at_ms >= tally->plan->measure_from_ms;
}

void tally_published(struct tally *tally, size_t message, uint64_t now_ms) { tally->published_ms[message] = now_ms; }

void tally_copy(struct tally *tally, uint64_t now_ms) { tally->copies += now_ms >= tally->plan->measure_from_ms; }

bool tally_here(const struct tally *tally, size_t message, uint32_t node) {
    size_t bit = message * tally->plan->nodes + node;
    return tally->here[bit / 8] >> bit % 8 & 1;
}

bool tally_deliver(struct tally *tally, size_t message, uint32_t node, uint64_t now_ms) {
    size_t bit = message * tally->plan->nodes + node;
    if (tally_here(tally, message, node)) {
        tally->again++;
        return false;
    }
    tally->here[bit / 8] |= (uint8_t)(1u << bit % 8);
    if (!measured(tally, message) || node == tally->plan->list[message].author) return true;
    uint64_t delay_ms = now_ms - tally->published_ms[message];
    tally->delivered++;
    if (!tally->plan->silent[node]) tally->delays[delay_ms < TALLY_DELAY_MAX_MS ? delay_ms : TALLY_DELAY_MAX_MS]++;
    return true;
}

uint64_t tally_missed(const struct tally *tally) {
    uint64_t missed = 0;
    for (size_t message = 0; message < tally->plan->count; message++) {
        if (tally->published_ms[message] == 0) continue;
        for (uint32_t node = 0; node < tally->plan->nodes; node++) missed += !tally_here(tally, message, node);
    }
    return missed;
}

/* The delay that a share of the deliveries (in thousandths) did not exceed. */
static uint32_t percentile(const struct tally *tally, uint64_t thousandths) {
    uint64_t all = 0, seen = 0;
    uint32_t last = 0;
    for (uint32_t ms = 0; ms <= TALLY_DELAY_MAX_MS; ms++) all += tally->delays[ms];
    for (uint32_t ms = 0; ms <= TALLY_DELAY_MAX_MS; ms++) {
        if (tally->delays[ms] == 0) continue;
        last = ms, seen += tally->delays[ms];
        if (seen * 1000 >= all * thousandths) break;
    }
    return last;
}

struct tally_result tally_result(const struct tally *tally) {
    struct tally_result result = {.p50_ms = percentile(tally, 500),
                                  .p99_ms = percentile(tally, 990),
                                  .last_ms = percentile(tally, 1000),
                                  .missed = tally_missed(tally)};
    size_t count = 0;
    for (size_t message = 0; message < tally->plan->count; message++) count += measured(tally, message);
    if (count > 0) result.copies = (double)tally->copies / (double)count / (double)(tally->plan->nodes - 1);
    return result;
}
