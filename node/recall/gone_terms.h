/* gone_terms: what decides which objects are shown here, whatever the objects are: the policy's exits and what it understands, which agencies
   are pinned, who was removed from groups. When it becomes narrower, consumers hold what they may no longer have; when it becomes wider, what
   they may have now stands behind their cursors, and would never come. Which objects these are nobody knows without looking at all of them,
   twice, so a fence goes up instead: a number of the withdrawal list, and who stands before it at an exit that changed, and was told of
   anything, is told to forget all and to begin anew (take.h). It costs nothing until a consumer comes by, and holds over restarts, and for
   those that come back months later. (What a consumer's own token, key or subscription says is consumers.h's.)

   A partner that is pinned and a group that is joined change nothing for consumers, as a rule: what is theirs comes afterwards. So a fence
   goes up for them only where something was waiting: objects that others passed on of an agency that was not pinned, what came for a group
   before this node heard of the group, and all of who was pinned, or a member, before.

   Meta: "gone-terms" the terms under which consumers were last told; "gone-fences" for each exit its newest fence; "gone-awaited" ids of
   agencies and groups for which something waits. They change in one batch. */
#ifndef NODE_GONE_TERMS_H
#define NODE_GONE_TERMS_H

#include "crypto/hash.h"
#include "gossip/policy_facts.h"
#include "node/store/store.h"

struct engine;

#define GONE_TERMS_GROUP_BYTES (HASH_BYTES + 1 + 4 + 8)

struct gone_terms {
    struct policy_exit_limits exits[POLICY_EXIT_END];
    uint8_t rest[HASH_BYTES]; /* of what else the policy file says of an object that leaves by any exit */
    struct bytes agencies;    /* ids of those that are pinned, sorted, one after the other */
    struct bytes
        groups; /* of each known one GONE_TERMS_GROUP_BYTES: id, is this agency a member, how many were removed, the last time */
};

enum err gone_terms_load(struct engine *engine) MUST_USE; /* called by gone_load */
/* Goes on with it: looks once a second. */
void gone_terms_pump(struct engine *engine);

/* Something is held that is shown nobody until this agency is pinned, or this group heard of; with the batch that stores it. */
void gone_terms_await(struct engine *engine, struct store_batch *batch, const uint8_t id[static HASH_BYTES]);
/* An object with these marks is being stored: perhaps for a group that was not heard of. */
void gone_terms_arrived(struct engine *engine, struct store_batch *batch, struct bytes marks);

/* What the policy file says of any object at any exit: what it understands of markings, and what this agency is accredited for. */
void gone_terms_rest(uint8_t out[static HASH_BYTES], const struct policy_settings *policy);

/* Pure; for tests. */
void gone_terms_write(struct buf *out, const struct gone_terms *terms);
/* Views into the value. ERR_FORMAT. */
enum err gone_terms_read(struct gone_terms *out, struct bytes value) MUST_USE;
/* Bit n: by the exit n something may have left that no longer may, or may leave that did not. Groups and what waits aside. */
unsigned gone_terms_changed(const struct gone_terms *before, const struct gone_terms *now);

#endif
