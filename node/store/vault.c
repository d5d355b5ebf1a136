#include "node/store/vault.h"

#include "crypto/hash.h"
#include "crypto/secret.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#define TAG_KEY_BYTES_MAX 64

static void derive(uint8_t *out, size_t size, const uint8_t *store_key, const char *label, struct bytes a) {
    uint8_t key[HASH_BYTES];
    hash_derive(key, store_key, label, a);
    memcpy(out, key, size);
    secret_wipe(key, sizeof key);
}

struct vault *vault_new(const uint8_t store_key[static 32], struct bytes instance) {
    struct vault *vault = secret_new(sizeof *vault);
    if (vault == NULL) return NULL;
    struct bytes none = bytes_of(NULL, 0);
    derive(vault->seal_key, sizeof vault->seal_key, store_key, "comity-store-secret", none);
    derive(vault->index_key, sizeof vault->index_key, store_key, "comity-store-index", none);
    derive(vault->value_key, sizeof vault->value_key, store_key, "comity-store-value", none);
    derive(vault->place_key, sizeof vault->place_key, store_key, "comity-store-place", none);
    derive(vault->check, sizeof vault->check, store_key, "comity-store-check", instance);
    return vault;
}

void vault_free(struct vault *vault) { secret_free(vault); }

void vault_seal(const struct vault *vault, struct buf *out, struct bytes name, struct bytes plain) {
    uint8_t *at = buf_grow(out, plain.size + VAULT_OVERHEAD_BYTES);
    if (at == NULL) return;
    randombytes_buf(at, 24);
    crypto_aead_xchacha20poly1305_ietf_encrypt(at + 24, NULL, plain.data, plain.size, name.data, name.size, NULL, at,
                                               vault->seal_key);
}

enum err vault_unseal(const struct vault *vault, struct buf *out, struct bytes name, struct bytes sealed) {
    if (sealed.size < VAULT_OVERHEAD_BYTES) return ERR_CORRUPT;
    size_t before = out->size;
    uint8_t *at = buf_grow(out, sealed.size - VAULT_OVERHEAD_BYTES);
    if (at == NULL) return buf_result(out);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(at, NULL, NULL, sealed.data + 24, sealed.size - 24, name.data, name.size,
                                                   sealed.data, vault->seal_key) == 0)
        return OK;
    out->size = before;
    return ERR_CORRUPT;
}

void vault_tag(const struct vault *vault, uint8_t out[static VAULT_TAG_BYTES], uint8_t family, struct bytes key,
               struct bytes value) {
    uint8_t place[1 + TAG_KEY_BYTES_MAX + VAULT_TAG_BYTES];
    assert(key.size <= TAG_KEY_BYTES_MAX);
    place[0] = family;
    memcpy(place + 1, key.data, key.size);
    crypto_shorthash(place + 1 + key.size, value.data, value.size, vault->value_key);
    crypto_shorthash(out, place, 1 + key.size + VAULT_TAG_BYTES, vault->place_key);
}

bool vault_tag_matches(const struct vault *vault, struct bytes tag, uint8_t family, struct bytes key, struct bytes value) {
    uint8_t expected[VAULT_TAG_BYTES];
    vault_tag(vault, expected, family, key, value);
    return tag.size == sizeof expected && memcmp(tag.data, expected, sizeof expected) == 0;
}
