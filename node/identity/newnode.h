/* newnode: what a node of an agency begins with, or is renewed with: secrets, certificate, first log entry. Pure: no clock, no file. */
#ifndef NODE_NEWNODE_H
#define NODE_NEWNODE_H

#include "crypto/keyfile.h"
#include "gossip/entry.h"

#define NEWNODE_DAY_MS UINT64_C(86400000)
/* With so much left of its certificate a node asks for the next one. */
#define NEWNODE_RENEW_MS (30 * NEWNODE_DAY_MS)

/* Draws all secrets of a node: signing seed, CURVE key, store key, first prekey. `out` is guarded memory. */
void newnode_draw(struct keyfile *out, const uint8_t agency_id[static AGENCY_ID_BYTES], uint64_t now_ms, struct random *random);

/* The certificate of these keys for 90 days from now. `endpoint` may be null or empty. ERR_KEY, ERR_TOO_BIG. */
enum err newnode_certificate(struct agency_node *out, const struct keyfile *keys, const char *endpoint, uint64_t now_ms) MUST_USE;
/* Puts the dates of a certificate to 90 days from now. */
void newnode_dates(struct agency_node *node, uint64_t now_ms);

/* The signed PREKEY entry number 1 of its log, so that others can seal to it before they ever met it. Appends. */
enum err newnode_prekey_entry(struct buf *out, const struct keyfile *keys, uint64_t now_ms) MUST_USE;

/* Signs a drafted agency record. */
void newnode_sign(struct agency_signature *out, struct bytes body, const uint8_t seed[static SIGN_SEED_BYTES]);

#endif
