/* author: the epochs that this node publishes under. New at every start, on any change of audience, after a day or 65,536 blocks.
   PROTOCOL.md 5.1 */
#ifndef GOSSIP_AUTHOR_H
#define GOSSIP_AUTHOR_H

#include "gossip/audience.h"

#define AUTHOR_EPOCHS_MAX   256 /* open at once; the one unused longest is closed */
#define AUTHOR_EPOCH_MS     (24ull * 3600 * 1000)
#define AUTHOR_EPOCH_BLOCKS 65536

/* An open epoch. Lives in guarded memory with its secret. */
struct author_epoch {
    uint8_t audience_key[HASH_BYTES];
    uint64_t seq; /* of the EPOCH entry; 0: free */
    uint8_t secret[EPOCH_SECRET_BYTES];
    uint64_t created_ms;
    uint64_t used_ms;
    uint32_t blocks;
};

/* A table of AUTHOR_EPOCHS_MAX, for secret_new. Zero-initialise. */
struct author {
    struct author_epoch epochs[AUTHOR_EPOCHS_MAX];
};

/* The open epoch of this audience, or null: make one. */
struct author_epoch *author_epoch_find(struct author *author, const struct audience *audience, uint64_t now_ms);

/* Starts one: appends the EPOCH body to `body`; `seq` is the number that its entry will have. */
enum err author_epoch_start(struct author *author, struct buf *body, const struct epoch_author *self,
                            const struct audience *audience, uint64_t seq, uint64_t now_ms, struct random *random,
                            struct author_epoch **out) MUST_USE;

/* The index for the next block. */
uint32_t author_block_index(struct author_epoch *epoch, uint64_t now_ms);

/* Wipes the secrets of epochs past their time. */
void author_expire(struct author *author, uint64_t now_ms);

#endif
