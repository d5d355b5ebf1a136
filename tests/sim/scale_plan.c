#include "tests/sim/scale_plan.h"

#include <assert.h>
#include <stdlib.h>

/* The finaliser of SplitMix64 (Steele, Lea and Flood 2014). */
static uint64_t finish(uint64_t x) {
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ x >> 27) * 0x94d049bb133111ebull;
    return x ^ x >> 31;
}

uint64_t plan_mix(uint64_t seed, uint64_t a, uint64_t b) {
    return finish(finish(finish(seed + 0x9e3779b97f4a7c15ull) ^ a) + 0x9e3779b97f4a7c15ull * (b + 1));
}

uint32_t plan_latency_ms(uint64_t seed, uint32_t a, uint32_t b) {
    uint32_t low = a < b ? a : b, high = a < b ? b : a;
    return PLAN_LATENCY_MIN_MS + (uint32_t)(plan_mix(seed, low, high) % (PLAN_LATENCY_MAX_MS - PLAN_LATENCY_MIN_MS + 1));
}

bool plan_reaches(const struct plan *plan, uint32_t a, uint32_t b, uint64_t now_ms) {
    bool away = plan->away_from_ms <= now_ms && now_ms < plan->away_until_ms;
    bool split = plan->split_from_ms <= now_ms && now_ms < plan->split_until_ms;
    if (split && (a ^ b) % 2 == 1) return false;
    return !away || (!plan->away[a] && !plan->away[b]);
}

void plan_make(struct plan *plan, const struct plan_wish *wish) {
    size_t count = wish->warm + wish->count;
    *plan = (struct plan){.seed = wish->seed, .nodes = wish->nodes, .authors = wish->authors, .count = count};
    plan->silent = calloc(wish->nodes, sizeof *plan->silent);
    plan->away = calloc(wish->nodes, sizeof *plan->away);
    plan->list = calloc(count + 1, sizeof *plan->list);
    assert(plan->silent && plan->away && plan->list && wish->authors > 0 && wish->authors <= wish->nodes);
    uint32_t others = wish->nodes - wish->authors;
    uint32_t silent = wish->nodes * wish->silent_percent / 100, away = wish->nodes * wish->away_percent / 100;
    for (uint32_t tried = 0; silent + away > 0 && others > 0; tried++) {
        uint32_t node = wish->authors + (uint32_t)(plan_mix(wish->seed, 1, tried) % others);
        if (plan->silent[node] || plan->away[node]) continue;
        if (silent > 0)
            plan->silent[node] = true, silent--;
        else
            plan->away[node] = true, away--;
    }
    uint64_t at_ms = wish->begin_ms;
    for (size_t i = 0; i < count; i++) {
        if (i == wish->warm) at_ms += wish->rest_ms, plan->measure_from_ms = at_ms;
        plan->list[i].author = (uint32_t)(i < wish->warm ? i : plan_mix(wish->seed, 2, i)) % wish->authors;
        plan->list[i].bytes = wish->bytes;
        plan->list[i].at_ms = at_ms;
        at_ms += wish->interval_ms;
    }
    plan->end_ms = at_ms + wish->rest_ms;
}

void plan_free(struct plan *plan) {
    free(plan->silent);
    free(plan->away);
    free(plan->list);
    *plan = (struct plan){0};
}
