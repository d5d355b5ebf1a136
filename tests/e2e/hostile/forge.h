/* forge: what a hostile member signs and seals: entries of its own log in any shape, blocks that are not what they say, and records
   of its own chain. Everything is signed with its own, valid keys. */
#ifndef TESTS_E2E_HOSTILE_FORGE_H
#define TESTS_E2E_HOSTILE_FORGE_H

#include "tests/e2e/hostile/member.h"

/* Signs header and body of a draft with this seed and appends the entry; form is the caller's choice. */
void forge_sign(struct buf *out, const struct entry_draft *draft, const uint8_t seed[static SIGN_SEED_BYTES]);
/* The next entry of our own log, appended to `out`; the log moves on. `time_ms` 0: now. */
void forge_next(struct member *member, struct buf *out, enum entry_type type, struct bytes body, uint64_t time_ms);
/* A small statement, told from others by its salt. */
void forge_statement(struct member *member, struct buf *out, uint64_t salt, uint64_t time_ms);
uint64_t forge_now_ms(void);

/* An epoch that the victim alone reads: its EPOCH entry in `entry`, its secret and number. `spoilt`: the slot that the victim finds does
   not hold the secret. */
struct forge_epoch {
    struct buf entry;
    uint8_t secret[EPOCH_SECRET_BYTES];
    uint64_t seq;
};
void forge_epoch_make(struct member *member, struct forge_epoch *epoch, bool spoilt);

/* A run of `count` EPOCH entries that are well formed and nobody's, appended to `out`. Our log goes on behind them without keeping them:
   whoever asks for them gets nothing. */
void forge_epochs(struct member *member, struct buf *out, size_t count);

enum forge_block { FORGE_GOOD, FORGE_BOMB };
/* A BLOCK entry of our log under this epoch, and its payload. GOOD holds one item that is none; BOMB unpacks to far more than it says. */
void forge_block_make(struct member *member, const struct forge_epoch *epoch, enum forge_block kind, struct buf *entry,
                      struct buf *payload);

/* Records, signed by our root key and appended to our chain. */
void forge_node(struct member *member, const struct member_key *key, const char *const *endpoints, size_t endpoint_count);
void forge_revoke(struct member *member, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq,
                  const uint8_t hash[static HASH_BYTES]);

#endif
