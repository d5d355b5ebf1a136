/* buckets: the page keys, one per month of expiry, in guarded memory; sealed in meta as "secret/bucket/N". */
#ifndef NODE_BUCKETS_H
#define NODE_BUCKETS_H

#include "node/store/rocks.h"
#include "node/store/vault.h"

#define BUCKETS_KEY_BYTES 32
#define BUCKETS_HELD_MAX  256 /* keys in memory at once; others are read again */
#define BUCKETS_NAME      "secret/bucket/"

/* Buckets whose key a batch carries, because none that carried it was durable yet. */
#define BUCKETS_CARRIED_MAX 8
struct buckets_carried {
    uint32_t numbers[BUCKETS_CARRIED_MAX];
    size_t count;
};

struct buckets;

/* `rocks` and `vault` are borrowed. Null without memory. */
struct buckets *buckets_new(struct rocks *rocks, const struct vault *vault);
void buckets_free(struct buckets *buckets);

/* The bucket of an expiry as seen at arrival: what lies too far off is drawn near, so that nobody can make a store keep keys without
   number. */
uint32_t buckets_number(uint64_t expires_ms, uint64_t arrived_ms);

/* The key of a stored bucket. ERR_NOT_FOUND, ERR_CORRUPT, ERR_IO. Valid until the next call. */
enum err buckets_key(struct buckets *buckets, uint32_t number, const uint8_t **key) MUST_USE;

/* The key to seal with: makes it when there is none, and puts it into the batch unless it is durable already. */
enum err buckets_key_for(struct buckets *buckets, uint32_t number, rocksdb_writebatch_t *batch, struct buckets_carried *carried,
                         const uint8_t **key) MUST_USE;
/* The stored key is deleted: wipes it here. */
void buckets_forget(struct buckets *buckets, uint32_t number);
/* The batch that carried these keys is durable. */
void buckets_durable(struct buckets *buckets, const struct buckets_carried *carried);

#endif
