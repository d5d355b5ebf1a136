/* vault: everything in a store that comes from the store key: its check value, the index key, the record tags, and the sealing of
   small secrets. Lives in guarded memory. */
#ifndef NODE_VAULT_H
#define NODE_VAULT_H

#include "crypto/bytes.h"

#define VAULT_CHECK_BYTES    32
#define VAULT_OVERHEAD_BYTES 40 /* nonce 24, tag 16 */
#define VAULT_TAG_BYTES      8
#define VAULT_HASH_KEY_BYTES 16

struct vault {
    uint8_t seal_key[32];                    /* XChaCha20-Poly1305 */
    uint8_t index_key[VAULT_HASH_KEY_BYTES]; /* SipHash-2-4 over terms */
    uint8_t value_key[VAULT_HASH_KEY_BYTES]; /* SipHash-2-4 over a record's value, then with place_key over its key and that */
    uint8_t place_key[VAULT_HASH_KEY_BYTES];
    uint8_t check[VAULT_CHECK_BYTES]; /* stands in the store: tells another store key before anything is read with it */
};

struct vault *vault_new(const uint8_t store_key[static 32], struct bytes instance); /* null without memory */
void vault_free(struct vault *vault);

/* Appends nonce and ciphertext to `out`; `name` is bound as additional data. */
void vault_seal(const struct vault *vault, struct buf *out, struct bytes name, struct bytes plain);
/* Appends the plaintext. ERR_CORRUPT when it was not sealed under this name and key. */
enum err vault_unseal(const struct vault *vault, struct buf *out, struct bytes name, struct bytes sealed) MUST_USE;

/* A keyed 64-bit check of a value that is stored in clear, bound to the key (at most 64 bytes) it stands at: finds bytes that went
   astray below RocksDB's own checksums, such as an old block at the right place. */
void vault_tag(const struct vault *vault, uint8_t out[static VAULT_TAG_BYTES], uint8_t family, struct bytes key,
               struct bytes value);
bool vault_tag_matches(const struct vault *vault, struct bytes tag, uint8_t family, struct bytes key, struct bytes value);

#endif
