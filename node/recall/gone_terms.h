/* gone_terms: what decides which objects are shown here, whatever the objects are: the policy's exits and what it understands, which agencies
   are pinned, who was removed from groups. When it becomes narrower, consumers hold what they may no longer have. Which objects these are
   nobody knows without looking at all of them, twice, so a fence goes up instead: a number of the withdrawal list, and who stands before it at
   an exit that became narrower, and was told of anything, is told to forget all and to begin anew (take.h). It costs nothing until a consumer
   comes by, and holds over restarts, and for those that come back months later.

   Meta: "gone-terms" the terms under which consumers were last told; "gone-fences" for each exit its newest fence. Both change in one batch. */
#ifndef NODE_GONE_TERMS_H
#define NODE_GONE_TERMS_H

#include "crypto/hash.h"
#include "gossip/policy_facts.h"

struct engine;

#define GONE_TERMS_GROUP_BYTES (HASH_BYTES + 1 + 4 + 8)

struct gone_terms {
    struct policy_exit_limits exits[POLICY_EXIT_END];
    uint8_t rest[HASH_BYTES]; /* of what else the policy file says of an object that leaves by any exit */
    struct bytes agencies;    /* ids of those that are pinned, sorted, one after the other */
    struct bytes
        groups; /* of each known one GONE_TERMS_GROUP_BYTES: id, is this agency a member, how many were removed, the last time */
};

/* Goes on with it: looks once a second. */
void gone_terms_pump(struct engine *engine);

/* What the policy file says of any object at any exit: what it understands of markings, and what this agency is accredited for. */
void gone_terms_rest(uint8_t out[static HASH_BYTES], const struct policy_settings *policy);

/* Pure; for tests. */
void gone_terms_write(struct buf *out, const struct gone_terms *terms);
/* Views into the value. ERR_FORMAT. */
enum err gone_terms_read(struct gone_terms *out, struct bytes value) MUST_USE;
/* Bit n: by the exit n something may have left that no longer may. Groups aside. */
unsigned gone_terms_narrowed(const struct gone_terms *before, const struct gone_terms *now);

#endif
