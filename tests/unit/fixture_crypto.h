/* fixture_crypto: keys, agencies and chains that tests of crypto/ share; the same bytes at every run. */
#ifndef TESTS_FIXTURE_CRYPTO_H
#define TESTS_FIXTURE_CRYPTO_H

#include "crypto/agency.h"
#include "crypto/block.h"
#include "crypto/keyfile.h"

#define FIXTURE_NOW_MS 1790000000000ull /* September 2026 */

/* A 32-byte seed or secret of that number. */
void fixture_seed(uint8_t out[static 32], uint32_t number);
void fixture_random(struct random *random, uint32_t number);
/* The public half of the signing seed of that number. */
void fixture_public(uint8_t out[static SIGN_PUBLIC_BYTES], uint32_t number);

/* Signs a body with the seeds of these numbers and appends the record with its length. */
void fixture_record(struct buf *chain, struct bytes body, const uint32_t *signers, size_t count);

/* A ROOT draft: `threshold` of root keys `root`..., committed keys `next`..., one ops key; numbers run on from the first. */
struct agency_root_draft fixture_root(uint8_t threshold, uint32_t root, uint32_t next, uint32_t count, uint32_t ops);
/* A node whose signing seed is `number` and whose CURVE secret is `number` + 1. */
struct agency_node fixture_node(uint32_t number);

/* The chain of the examples: ROOT 0 (2 of keys 10, 11, 12; next 20, 21, 22; ops 30), NODE 40, NODE 50, NODE 40 renewed,
   REVOKE 50 at 7, ROOT 1 (2 of 20, 21, 22; next 25, 26, 27; ops 31; node 40 survives). `records` of them, all in `chain`. */
#define FIXTURE_RECORDS 6
void fixture_chain(struct buf *chain, struct agency *agency, size_t records);

/* Seals container bytes as block_close seals its own. */
void fixture_block_seal(struct buf *payload, struct block_seal *seal, struct bytes container, const uint8_t *root,
                        const uint8_t epoch_secret[static 32], uint32_t index);

/* A key file with two prekeys, or of a root. */
void fixture_keyfile(struct keyfile *out, enum keyfile_kind kind);

/* An item as STIX objects are, `number` making the difference; `size` characters or a little more. */
void fixture_item(struct buf *out, uint32_t number, size_t size);

#endif
