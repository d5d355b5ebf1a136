/* run: one seed's world: everything at random, then a random connected core that is healed and must converge. */
#ifndef TESTS_SIM_RUN_H
#define TESTS_SIM_RUN_H

#include "tests/sim/plan.h"

/* name, what it looks for */
#define PROFILES(X)                                                                                                                \
    X(swarm, "a random half of all faults")                                                                                        \
    X(safety, "all faults but hostile members")                                                                                    \
    X(liveness, "the network at its worst")                                                                                        \
    X(hostile, "up to a third of the members misbehave")                                                                           \
    X(storage, "disks and power at their worst")                                                                                   \
    X(scale, "more nodes than links")                                                                                              \
    X(confidential, "groups, agreements and policies decide who reads, while the network and power fail")

#define PROFILE_ROW(name, text) PROFILE_##name,
enum profile { PROFILES(PROFILE_ROW) PROFILE_COUNT };
#undef PROFILE_ROW
const char *profile_name(enum profile profile);
bool profile_read(enum profile *out, const char *text);

struct run_options {
    uint64_t seed;
    enum profile profile;
    size_t nodes;            /* 0: the seed chooses */
    unsigned minutes;        /* simulated, the healing included; 0: the seed chooses, three to thirty */
    uint32_t off;            /* classes of faults left out */
    const uint8_t *left_out; /* operations left out, one byte each; null: none */
    bool explain;            /* a broken run prints what each node lacks */
};

struct run_result {
    char broken[256]; /* empty: all held */
    uint64_t trace, events, virtual_ms, converge_ms, messages_idle;
    size_t entries, nodes, operations;
    unsigned minutes;
    uint32_t faults;
    struct situations situations;
};

/* `world` needs no preparation, and is closed again. */
struct run_result run(struct world *world, const struct run_options *options);
/* The plan that `run` would follow, for telling it. */
struct plan run_plan(const struct run_options *options);
/* The name of the invariant in front of a verdict. */
void run_invariant(char *out, size_t size, const char *broken);

#endif
