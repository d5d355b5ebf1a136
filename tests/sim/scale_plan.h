/* scale_plan: what every protocol of one comparison gets alike: the nodes, how far apart they are, who of them is silent or away, and
   who publishes what when. */
#ifndef TESTS_SIM_SCALE_PLAN_H
#define TESTS_SIM_SCALE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAN_LATENCY_MIN_MS 10
#define PLAN_LATENCY_MAX_MS 150

struct publication {
    uint32_t author;
    uint32_t bytes; /* of its payload */
    uint64_t at_ms;
};

struct plan {
    uint64_t seed;
    uint32_t nodes, authors;  /* authors are the nodes below `authors` */
    bool *silent;             /* by node: takes part and receives, but never forwards, announces or answers; never an author */
    bool *away;               /* by node: unreachable from away_from_ms to away_until_ms */
    struct publication *list; /* in order of time */
    size_t count;
    uint64_t measure_from_ms; /* what is published before warms up: it must arrive, but its delay and copies don't count */
    uint64_t away_from_ms, away_until_ms;
    uint64_t split_from_ms, split_until_ms; /* the odd nodes do not reach the even ones */
    uint64_t end_ms;
};

/* What is asked for; `plan_make` fills in the rest. */
struct plan_wish {
    uint64_t seed;
    uint32_t nodes, authors;
    unsigned silent_percent, away_percent;
    size_t warm, count;   /* publications before and during the measurement */
    uint32_t bytes;       /* of each payload */
    uint64_t begin_ms;    /* the first publication, after links were made */
    uint64_t interval_ms; /* between two */
    uint64_t rest_ms;     /* after the last one, and before the measurement begins */
};
void plan_make(struct plan *plan, const struct plan_wish *wish);
void plan_free(struct plan *plan);

/* A number that looks random, of a seed and two others: the same in every run. */
uint64_t plan_mix(uint64_t seed, uint64_t a, uint64_t b);
/* One way, between two nodes: the same in both directions and at all times. */
uint32_t plan_latency_ms(uint64_t seed, uint32_t a, uint32_t b);
/* Does what `a` sends now arrive at `b`? */
bool plan_reaches(const struct plan *plan, uint32_t a, uint32_t b, uint64_t now_ms);

#endif
