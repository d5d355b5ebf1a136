/* fixture_gossip: agencies with one node, and entries of their logs, for tests of gossip/. */
#ifndef TESTS_FIXTURE_GOSSIP_H
#define TESTS_FIXTURE_GOSSIP_H

#include "gossip/entry.h"
#include "tests/unit/fixture_crypto.h"

/* An agency whose node signs with seed `number` + 40; `number` is a multiple of 100. */
void fixture_agency(struct buf *chain, struct agency *agency, uint32_t number);
/* A NODE record more, for the node of seed `node`; or a cut of the first node. */
void fixture_agency_node(struct buf *chain, struct agency *agency, uint32_t number, uint32_t node);
void fixture_agency_revoke(struct buf *chain, struct agency *agency, uint32_t number, uint64_t seq);

/* Appends a signed entry of the agency's first node. */
void fixture_entry(struct buf *out, const struct agency *agency, uint32_t number, enum entry_type type, uint64_t seq,
                   const uint8_t *previous, struct bytes body);
/* The same, a PREKEY of that id made on that day. */
void fixture_entry_prekey(struct buf *out, const struct agency *agency, uint32_t number, uint32_t id, uint64_t created_ms);

/* A BLOCK body whose fields are all different. */
struct block_body fixture_block_body(void);

/* Appends an encoded proof of `item`, the second of three in a block that stands at `seq` in the log of the agency's first node. */
void fixture_proof(struct buf *out, const struct agency *agency, uint32_t number, uint64_t seq, struct bytes item);

#endif
