/* epoch: seal an epoch secret to hidden readers; open one's own slot. PROTOCOL.md 5.1 */
#include "crypto/epoch.h"

#include "crypto/hash.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define EPOCH_VERSION      1
#define HINT_BYTES         8
#define SLOT_CONTEXT_BYTES (1 + 2 * (AGENCY_ID_BYTES + NODE_ID_BYTES) + 4 + 3 * 32)

/* A slot's key is used for one message ever, so its nonce may be zero. */
static const uint8_t slot_nonce[crypto_aead_xchacha20poly1305_ietf_NPUBBYTES] = {0};

struct slot_keys {
    uint8_t hint[HASH_BYTES]; /* its first HINT_BYTES are used */
    uint8_t seal[HASH_BYTES];
};

static uint8_t *append(uint8_t *at, const uint8_t *from, size_t size) {
    memcpy(at, from, size);
    return at + size;
}

static void slot_derive(struct slot_keys *out, const uint8_t *shared, const struct epoch_author *author,
                        const struct epoch_reader *reader, const uint8_t *ephemeral) {
    uint8_t context[SLOT_CONTEXT_BYTES], key[HASH_BYTES], *at = context;
    *at++ = AGENCY_SUITE;
    at = append(at, author->agency_id, AGENCY_ID_BYTES);
    at = append(at, author->node_id, NODE_ID_BYTES);
    at = append(at, reader->agency_id, AGENCY_ID_BYTES);
    at = append(at, reader->node_id, NODE_ID_BYTES);
    put_be32(at, reader->prekey_id);
    at = append(at + 4, reader->prekey_public, PREKEY_PUBLIC_BYTES);
    at = append(at, ephemeral, 32);
    memcpy(at, reader->pair_secret, sizeof reader->pair_secret);
    hash_derive(key, shared, "comity-slot", bytes_of(context, sizeof context));
    hash_derive(out->hint, key, "comity-hint", bytes_of(NULL, 0));
    hash_derive(out->seal, key, "comity-seal", bytes_of(NULL, 0));
    sodium_memzero(key, sizeof key);
    sodium_memzero(context, sizeof context);
}

static void commitment_of(uint8_t *out, const uint8_t *secret, const struct epoch_author *author, const uint8_t *ephemeral) {
    uint8_t context[AGENCY_ID_BYTES + NODE_ID_BYTES + 32];
    memcpy(context, author->agency_id, AGENCY_ID_BYTES);
    memcpy(context + AGENCY_ID_BYTES, author->node_id, NODE_ID_BYTES);
    memcpy(context + AGENCY_ID_BYTES + NODE_ID_BYTES, ephemeral, 32);
    hash_derive(out, secret, "comity-commit", bytes_of(context, sizeof context));
}

static int slot_compare(const void *a, const void *b) { return memcmp(a, b, HINT_BYTES); }

static enum err slot_seal(uint8_t *slot, const uint8_t *secret, const struct epoch_author *author,
                          const struct epoch_reader *reader, const uint8_t *ephemeral_secret, const uint8_t *ephemeral,
                          const uint8_t *commitment) {
    uint8_t shared[32];
    struct slot_keys keys;
    if (crypto_scalarmult(shared, ephemeral_secret, reader->prekey_public) != 0) return ERR_KEY;
    slot_derive(&keys, shared, author, reader, ephemeral);
    memcpy(slot, keys.hint, HINT_BYTES);
    crypto_aead_xchacha20poly1305_ietf_encrypt(slot + HINT_BYTES, NULL, secret, EPOCH_SECRET_BYTES, commitment, HASH_BYTES, NULL,
                                               slot_nonce, keys.seal);
    sodium_memzero(shared, sizeof shared);
    sodium_memzero(&keys, sizeof keys);
    return OK;
}

enum err epoch_seal(struct buf *body, uint8_t secret[static EPOCH_SECRET_BYTES], const struct epoch_author *author,
                    const struct epoch_reader *readers, size_t count, struct random *random, size_t *reader_bad) {
    if (count < 1 || count > EPOCH_SLOTS_MAX) return ERR_LIMIT;
    uint8_t log2_slots = 4;
    while (((size_t)1 << log2_slots) < count) log2_slots++;
    size_t slots = (size_t)1 << log2_slots, start = body->size;
    uint8_t *head = buf_grow(body, EPOCH_HEAD_BYTES + slots * EPOCH_SLOT_BYTES);
    if (head == NULL) return buf_result(body);

    uint8_t ephemeral_secret[32];
    uint8_t *commitment = head + 4, *ephemeral = head + 36, *slot = head + EPOCH_HEAD_BYTES;
    random_bytes(random, secret, EPOCH_SECRET_BYTES);
    random_bytes(random, ephemeral_secret, sizeof ephemeral_secret);
    head[0] = EPOCH_VERSION;
    head[1] = AGENCY_SUITE;
    head[2] = log2_slots;
    head[3] = 0;
    crypto_scalarmult_base(ephemeral, ephemeral_secret);
    commitment_of(commitment, secret, author, ephemeral);
    enum err error = OK;
    for (size_t i = 0; i < count && error == OK; i++) {
        error = slot_seal(slot + i * EPOCH_SLOT_BYTES, secret, author, &readers[i], ephemeral_secret, ephemeral, commitment);
        if (error != OK && reader_bad != NULL) *reader_bad = i;
    }
    sodium_memzero(ephemeral_secret, sizeof ephemeral_secret);
    if (error == OK) {
        random_bytes(random, slot + count * EPOCH_SLOT_BYTES, (slots - count) * EPOCH_SLOT_BYTES);
        qsort(slot, slots, EPOCH_SLOT_BYTES, slot_compare);
        /* Equal hints mean a reader given twice; by chance they come once in 2^44 epochs of the largest size. */
        for (size_t i = 1; i < slots; i++)
            if (slot_compare(slot + (i - 1) * EPOCH_SLOT_BYTES, slot + i * EPOCH_SLOT_BYTES) == 0) error = ERR_EXISTS;
    }
    if (error != OK) {
        sodium_memzero(secret, EPOCH_SECRET_BYTES);
        body->size = start;
    }
    return error;
}

enum err epoch_check(struct bytes body) {
    if (body.size < EPOCH_HEAD_BYTES) return ERR_TRUNCATED;
    if (body.data[0] != EPOCH_VERSION) return ERR_VERSION;
    if (body.data[1] != AGENCY_SUITE) return ERR_SUITE;
    if (body.data[2] < 4 || body.data[2] > 10 || body.data[3] != 0) return ERR_FORMAT;
    size_t slots = (size_t)1 << body.data[2];
    if (body.size != EPOCH_HEAD_BYTES + slots * EPOCH_SLOT_BYTES) return ERR_FORMAT;
    const uint8_t *slot = body.data + EPOCH_HEAD_BYTES;
    for (size_t i = 1; i < slots; i++)
        if (slot_compare(slot + (i - 1) * EPOCH_SLOT_BYTES, slot + i * EPOCH_SLOT_BYTES) >= 0) return ERR_FORMAT;
    return OK;
}

enum err epoch_open(uint8_t secret[static EPOCH_SECRET_BYTES], struct bytes body, const struct epoch_author *author,
                    const struct epoch_reader *reader, const uint8_t prekey_secret[static PREKEY_SECRET_BYTES]) {
    enum err error = epoch_check(body);
    sodium_memzero(secret, EPOCH_SECRET_BYTES);
    if (error != OK) return error;
    const uint8_t *commitment = body.data + 4, *ephemeral = body.data + 36;
    uint8_t shared[32], expected[HASH_BYTES];
    struct slot_keys keys;
    if (crypto_scalarmult(shared, prekey_secret, ephemeral) != 0) return ERR_KEY;
    slot_derive(&keys, shared, author, reader, ephemeral);
    const uint8_t *slot =
        bsearch(keys.hint, body.data + EPOCH_HEAD_BYTES, (size_t)1 << body.data[2], EPOCH_SLOT_BYTES, slot_compare);
    if (slot == NULL) {
        error = ERR_NOT_READER;
    } else if (crypto_aead_xchacha20poly1305_ietf_decrypt(secret, NULL, NULL, slot + HINT_BYTES, EPOCH_SLOT_BYTES - HINT_BYTES,
                                                          commitment, HASH_BYTES, slot_nonce, keys.seal) != 0) {
        /* Only the author can know our hint, so a slot that does not open is the author's doing. */
        error = ERR_COMMITMENT;
    } else {
        commitment_of(expected, secret, author, ephemeral);
        if (sodium_memcmp(expected, commitment, HASH_BYTES) != 0) error = ERR_COMMITMENT;
    }
    if (error != OK) sodium_memzero(secret, EPOCH_SECRET_BYTES);
    sodium_memzero(shared, sizeof shared);
    sodium_memzero(&keys, sizeof keys);
    return error;
}
