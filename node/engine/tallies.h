/* tallies: what the engine counts since it started, for `comity top` and /metrics. Figures only: no object, value or id goes in. */
#ifndef NODE_TALLIES_H
#define NODE_TALLIES_H

#include "node/process/role.h"

#include <stdint.h>

#define TALLIES_RULES_MAX  96 /* the policy has fewer; what is beyond counts as "other" */
#define TALLIES_RULE_BYTES 40

struct tallies_rule {
    char name[TALLIES_RULE_BYTES];
    uint64_t count;
};

/* Zero-initialise. */
struct tallies {
    uint64_t published, known, refused; /* objects that local users gave */
    struct tallies_rule rules[TALLIES_RULES_MAX];
    uint64_t rules_other;
    uint64_t recalls_made, recalls_heard; /* RECALL entries of this node, and of others */
    uint64_t blocks_withdrawn, objects_withdrawn, blocks_erased;
    uint64_t recalls_completed;    /* of this node: every reader erased */
    uint64_t sessions;             /* local clients that connected */
    uint64_t questions;            /* frames they sent */
    uint64_t consumers_reset;      /* takes that were answered with a reset */
    uint64_t restarts[ROLE_COUNT]; /* of processes that ended by themselves, since the parent started */
    uint64_t restarted_ms;         /* monotonic: when the last of them was heard of; 0: none */
};

/* A refusal by this rule. */
void tallies_refused(struct tallies *tallies, const char *rule);

#endif
