/* identity: an agency with one node, its keys, chain, prekeys and first entry, made from a number. */
#ifndef TESTS_SIM_IDENTITY_H
#define TESTS_SIM_IDENTITY_H

#include "crypto/epoch.h"
#include "gossip/gossip.h"

#define IDENTITY_PREKEYS_MAX 8

struct identity {
    uint8_t agency_id[AGENCY_ID_BYTES], node_id[NODE_ID_BYTES];
    uint8_t root_seed[32], ops_seed[32], sign_seed[32], curve_secret[32], curve_public[32];
    struct agency agency;
    struct buf chain;
    size_t chain_first;                          /* its size when it was made */
    struct prekey prekeys[IDENTITY_PREKEYS_MAX]; /* oldest first */
    uint8_t prekey_secrets[IDENTITY_PREKEYS_MAX][PREKEY_SECRET_BYTES];
    size_t prekey_count;
    struct buf first; /* its PREKEY entry, number 1 of its log: what its card carries */
};

/* Valid from a day before `now_ms`; dialable unless `hidden`. */
void identity_make(struct identity *out, uint64_t seed, uint32_t number, uint64_t now_ms, bool hidden);
void identity_free(struct identity *identity);

/* Appends a NODE record for the same node (renewed until 90 days after `now_ms`), a record for one more node, or a cut. */
void identity_renew(struct identity *identity, uint64_t now_ms);
void identity_node_add(struct identity *identity, uint32_t number, uint64_t now_ms);
/* The next ROOT; the salt makes several that contradict each other. */
void identity_rotate(struct identity *identity, uint64_t seed, uint32_t number, uint8_t salt, uint64_t now_ms);
void identity_revoke(struct identity *identity, uint64_t seq, const uint8_t hash[static HASH_BYTES], uint64_t now_ms);

/* A new prekey, as the key process makes one; its body is appended to `body`. */
void identity_prekey_new(struct identity *identity, uint64_t now_ms, uint8_t body[static PREKEY_BODY_BYTES]);

/* Header, body and signature of an entry of its log, appended to `out`; the draft's author is filled in. */
void identity_entry(const struct identity *identity, struct buf *out, const struct entry_draft *draft);
void identity_sign(const struct identity *identity, uint8_t out[static SIGN_BYTES], const struct sign_subject *subject);

/* Opens an EPOCH entry with any prekey that is still kept at `now_ms`. */
bool identity_epoch_open(const struct identity *identity, uint8_t secret[static EPOCH_SECRET_BYTES], const struct entry *entry,
                         uint64_t now_ms);

#endif
