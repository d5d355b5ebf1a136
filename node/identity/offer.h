/* offer: what one holder of root keys brings to the next ROOT: a key for it, and the hash of the key after that. Pure. PROTOCOL.md 3.7 */
#ifndef NODE_OFFER_H
#define NODE_OFFER_H

#include "crypto/keyfile.h"

#define OFFER_BYTES_MAX 4096

struct offer {
    uint8_t agency_id[AGENCY_ID_BYTES];
    uint8_t root_public[SIGN_PUBLIC_BYTES];
    uint8_t next_hash[HASH_BYTES];
};

/* Of a root key file whose current key is meant for the next ROOT. */
void offer_make(struct offer *out, const struct keyfile *keys);
enum err offer_write(struct buf *out, const struct offer *offer) MUST_USE; /* text form; appends */
enum err offer_read(struct offer *out, struct bytes text) MUST_USE;        /* ERR_FORMAT, ERR_HASH, ERR_TOO_BIG */
/* A root key file one step on: its next key is the current one, and a new next one is drawn. */
void offer_step(struct keyfile *out, const struct keyfile *keys, struct random *random);

#endif
