/* genesis: a new agency with its first node: keys, chain, first log entry, card. Pure: no clock, no file. */
#ifndef NODE_GENESIS_H
#define NODE_GENESIS_H

#include "crypto/keyfile.h"
#include "crypto/random.h"
#include "gossip/card.h"

struct genesis_options {
    const char *agency_name;
    const char *endpoint; /* "tcp://HOST:PORT" that partners dial; null or empty: the node only dials out */
    uint64_t now_ms;
};

/* What init writes. The key files are guarded memory; the buffers are owned. */
struct genesis {
    struct keyfile *root; /* the root key and the pre-committed next one */
    struct keyfile *ops;  /* signs certificates and revocations, so that the root keys can live off line */
    struct keyfile *node; /* sign seed, CURVE key, store key, first prekey */
    struct agency agency; /* as the chain describes it */
    struct buf chain;     /* ROOT, NODE */
    struct buf prekey;    /* the PREKEY entry: seq 1 of the node's log, signed */
    struct buf card;      /* binary */
};

/* Draws everything from `random`. ERR_RANGE or ERR_TOO_BIG for a name or endpoint that no record may hold, ERR_MEMORY. Whatever it
   returns, genesis_free releases `out`. */
enum err genesis_make(struct genesis *out, const struct genesis_options *options, struct random *random) MUST_USE;
void genesis_free(struct genesis *genesis);

#endif
