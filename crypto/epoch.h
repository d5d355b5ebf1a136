/* epoch: seal an epoch secret to hidden readers; open one's own slot. PROTOCOL.md 5.1 */
#ifndef CRYPTO_EPOCH_H
#define CRYPTO_EPOCH_H

#include "crypto/agency.h"
#include "crypto/prekey.h"
#include "crypto/random.h"

#define EPOCH_SECRET_BYTES   32
#define EPOCH_SLOT_BYTES     56 /* hint 8, sealed secret 48 */
#define EPOCH_SLOTS_MIN      16
#define EPOCH_SLOTS_MAX      1024
#define EPOCH_HEAD_BYTES     68 /* version 1, suite 1, log2 of slots 1, zero 1, commitment 32, ephemeral 32 */
#define EPOCH_BODY_BYTES_MAX (EPOCH_HEAD_BYTES + EPOCH_SLOTS_MAX * EPOCH_SLOT_BYTES)

/* One reader node, as the publisher resolved it. */
struct epoch_reader {
    uint8_t agency_id[AGENCY_ID_BYTES];
    uint8_t node_id[NODE_ID_BYTES];
    uint32_t prekey_id;
    uint8_t prekey_public[PREKEY_PUBLIC_BYTES];
    uint8_t pair_secret[32]; /* zero today; a pre-shared key or a post-quantum secret tomorrow */
};

/* Who seals: part of every derivation. */
struct epoch_author {
    uint8_t agency_id[AGENCY_ID_BYTES];
    uint8_t node_id[NODE_ID_BYTES];
};

/* Draws a secret, seals it to `count` readers (1 to EPOCH_SLOTS_MAX, else ERR_LIMIT) and appends the body to `body`.
   ERR_KEY names a reader whose key is of low order in *reader_bad; ERR_EXISTS: a reader stands twice in the list. The slots are sorted by hint and padded with random ones to a
   power of two of at least EPOCH_SLOTS_MIN. */
enum err epoch_seal(struct buf *body, uint8_t secret[static EPOCH_SECRET_BYTES], const struct epoch_author *author,
                    const struct epoch_reader *readers, size_t count, struct random *random, size_t *reader_bad) MUST_USE;

/* Form only: sizes, version, suite, power of two, order of hints. Everybody checks it before storing. */
enum err epoch_check(struct bytes body) MUST_USE;

/* Checks the form, then finds and opens the slot of (author, reader). ERR_NOT_READER when there is none; ERR_COMMITMENT, and ERR_KEY
   for an ephemeral key of low order, when the author cheats. `secret` is all zeros after an error. */
enum err epoch_open(uint8_t secret[static EPOCH_SECRET_BYTES], struct bytes body, const struct epoch_author *author,
                    const struct epoch_reader *reader, const uint8_t prekey_secret[static PREKEY_SECRET_BYTES]) MUST_USE;

#endif
