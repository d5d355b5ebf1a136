/* consumers: under which terms each consumer was last told of objects, for those whose terms are their own: a token of the web process (labels,
   collections, groups), a key of the live feed (label, subscriptions), a hook (label, filter), and a name of a subscription, behind which
   another one may stand today than yesterday. What the policy says to all of them is gone_terms.h's.

   When the terms are others than they were, wider or narrower, the consumer holds what it may not have any more, or was never given what it
   may have now. Which objects these are is known only by looking at all of them, so a fence goes up for this one consumer: a number of the
   withdrawal list that is no row. Who comes with a position from before it, and was told of anything, begins anew (take.h). It costs one
   number, when the consumer comes; and a consumer that was never seen gets one too, so that a position that was taken under another name, by
   a token that saw more, is not good under this one.

   Rows are few (a consumer each) and outlive the consumers, for a name comes back. The row that changed longest ago gives way when there are
   too many: whoever comes under that name then begins anew, which is right, if dear.

   Meta: "secret/~consumer/KEY": hash of the terms 16, number of the fence 8. KEY is a hash of kind and name. Sealed: a hook's filter may name
   a value, and a hash of it can be tested with a guess. */
#ifndef NODE_CONSUMERS_H
#define NODE_CONSUMERS_H

#include "node/store/store.h"
#include "node/subscribe/take_wire.h"

#define CONSUMERS_MAX        65536
#define CONSUMERS_HASH_BYTES 16

struct engine;
struct subscription;

/* A consumer as it comes: who it is, and under which terms. */
struct consumer_stand {
    uint8_t key[CONSUMERS_HASH_BYTES];
    uint8_t terms[CONSUMERS_HASH_BYTES];
};

struct consumer_row {
    struct consumer_stand stand;
    uint64_t fence;
};

struct consumers {
    struct consumer_row *rows; /* by key */
    size_t count, capacity;
};

/* Pure. Of who asks; false: nobody in particular (the node's own user), who has no terms of its own. */
bool consumer_of(struct consumer_stand *out, const struct take_question *question);
/* Pure. Of what stands behind a subscription's name: another one each time that it is made. */
void consumer_of_subscription(struct consumer_stand *out, const struct subscription *subscription);

enum err consumers_load(struct engine *engine) MUST_USE; /* once the store is open, after gone_load */
void consumers_free(struct engine *engine);

/* Null: nobody ever came by this name, or it was forgotten. */
const struct consumer_row *consumers_find(const struct consumers *all, const struct consumer_stand *stand);
/* Do all of them come under the terms that are known? Then *fence is the newest one of theirs, which counts once gone.last has come to it. */
bool consumers_agree(const struct consumers *all, const struct consumer_stand *stands, size_t count, uint64_t *fence);
/* Those that do not get one fence, with this batch, which goes to withdraw_commit. No other one may be under way. ERR_MEMORY. */
enum err consumers_fence(struct engine *engine, struct store_batch *batch, const struct consumer_stand *stands,
                         size_t count) MUST_USE;

#endif
