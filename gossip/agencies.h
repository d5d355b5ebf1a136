/* agencies: verified agency chains, each parsed, checked and held once, however many holders it has: the members of one node, or of all
   the nodes of a simulation. PROTOCOL.md 3 */
#ifndef GOSSIP_AGENCIES_H
#define GOSSIP_AGENCIES_H

#include "crypto/agency.h"
#include "crypto/bytes.h"

/* One verified chain and the state that it describes. Never changes while it is held. */
struct agency_held {
    struct agency agency;
    struct buf chain;
    uint8_t key[HASH_BYTES]; /* hash of the chain's bytes */
    size_t holders;
    struct agency_held *next; /* in its row */
};

/* A hash table of chains. Zero-initialise. */
struct agencies {
    struct agency_held **rows;
    size_t row_count, count; /* rows: a power of two, at least the count */
};

void agencies_free(struct agencies *agencies); /* when nothing is held any more */

/* The chain's state, verified now or by whoever held it first. Errors as agency_parse, ERR_MEMORY. */
enum err agencies_hold(struct agencies *agencies, struct bytes chain, struct agency_held **out) MUST_USE;
static inline void agencies_again(struct agency_held *held) { held->holders++; } /* one more holder */
void agencies_release(struct agencies *agencies, struct agency_held *held);      /* null is fine */

#endif
