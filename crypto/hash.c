/* hash: BLAKE2b-256 (RFC 7693) under a domain label; Merkle root and path. */
#include "crypto/hash.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#define LABEL_CHARS_MAX 32
#define SMALL_BYTES     288 /* labels, ids and keys fit, so most hashes are one call over one array */

static size_t label_put(uint8_t *out, const char *label) {
    size_t length = strlen(label);
    assert(length > 1 && length <= LABEL_CHARS_MAX);
    out[0] = (uint8_t)length;
    memcpy(out + 1, label, length);
    return 1 + length;
}

static void hash_keyed(uint8_t *out, const uint8_t *key, const char *label, struct bytes a, struct bytes b) {
    uint8_t small[SMALL_BYTES];
    size_t size = label_put(small, label);
    size_t key_size = key != NULL ? 32 : 0;
    if (a.size <= SMALL_BYTES - size && b.size <= SMALL_BYTES - size - a.size) {
        if (a.size > 0) memcpy(small + size, a.data, a.size);
        size += a.size;
        if (b.size > 0) memcpy(small + size, b.data, b.size);
        size += b.size;
        crypto_generichash(out, HASH_BYTES, small, size, key, key_size);
    } else {
        crypto_generichash_state state;
        crypto_generichash_init(&state, key, key_size, HASH_BYTES);
        crypto_generichash_update(&state, small, size);
        if (a.size > 0) crypto_generichash_update(&state, a.data, a.size);
        if (b.size > 0) crypto_generichash_update(&state, b.data, b.size);
        crypto_generichash_final(&state, out, HASH_BYTES);
        if (key != NULL) sodium_memzero(&state, sizeof state);
    }
    if (key != NULL) sodium_memzero(small, size < SMALL_BYTES ? size : SMALL_BYTES);
}

void hash_of(uint8_t out[static HASH_BYTES], const char *label, struct bytes a, struct bytes b) {
    hash_keyed(out, NULL, label, a, b);
}

void hash_derive(uint8_t out[static HASH_BYTES], const uint8_t key[static 32], const char *label, struct bytes a) {
    hash_keyed(out, key, label, a, bytes_of(NULL, 0));
}

/* Safe when `out` is one of the inputs. */
static void merkle_node(uint8_t *out, const uint8_t *left, const uint8_t *right) {
    uint8_t node[1 + 2 * HASH_BYTES];
    node[0] = 1;
    memcpy(node + 1, left, HASH_BYTES);
    memcpy(node + 1 + HASH_BYTES, right, HASH_BYTES);
    crypto_generichash(out, HASH_BYTES, node, sizeof node, NULL, 0);
}

void hash_merkle_root(uint8_t out[static HASH_BYTES], uint8_t *leaves, size_t count) {
    assert(count >= 1);
    /* Pairing level by level and carrying an odd last one up gives the shape of RFC 6962. */
    while (count > 1) {
        for (size_t i = 0; i < count / 2; i++)
            merkle_node(leaves + i * HASH_BYTES, leaves + 2 * i * HASH_BYTES, leaves + (2 * i + 1) * HASH_BYTES);
        if (count % 2 != 0) memcpy(leaves + count / 2 * HASH_BYTES, leaves + (count - 1) * HASH_BYTES, HASH_BYTES);
        count = (count + 1) / 2;
    }
    memcpy(out, leaves, HASH_BYTES);
}

/* The largest power of two below `count`; count >= 2. */
static size_t merkle_split(size_t count) {
    size_t split = 1;
    while (split * 2 < count) split *= 2;
    return split;
}

/* The root of a range of leaves that stay as they are. */
static void merkle_range(uint8_t *out, const uint8_t *leaves, size_t count) {
    if (count == 1) {
        memcpy(out, leaves, HASH_BYTES);
        return;
    }
    uint8_t left[HASH_BYTES], right[HASH_BYTES];
    size_t split = merkle_split(count);
    merkle_range(left, leaves, split);
    merkle_range(right, leaves + split * HASH_BYTES, count - split);
    merkle_node(out, left, right);
}

size_t hash_merkle_path(uint8_t path[static HASH_MERKLE_PATH_MAX * HASH_BYTES], const uint8_t *leaves, size_t count, size_t index) {
    assert(count >= 1 && count <= (size_t)1 << HASH_MERKLE_PATH_MAX && index < count);
    uint8_t siblings[HASH_MERKLE_PATH_MAX][HASH_BYTES];
    size_t length = 0;
    while (count > 1) {
        size_t split = merkle_split(count);
        if (index < split) {
            merkle_range(siblings[length], leaves + split * HASH_BYTES, count - split);
            count = split;
        } else {
            merkle_range(siblings[length], leaves, split);
            leaves += split * HASH_BYTES;
            index -= split;
            count -= split;
        }
        length++;
    }
    /* A path is told from the leaf upwards. */
    for (size_t i = 0; i < length; i++) memcpy(path + i * HASH_BYTES, siblings[length - 1 - i], HASH_BYTES);
    return length;
}

bool hash_merkle_verify(const uint8_t root[static HASH_BYTES], const uint8_t leaf[static HASH_BYTES], size_t index, size_t count,
                        struct bytes path) {
    if (index >= count || path.size % HASH_BYTES != 0) return false;
    uint8_t hash[HASH_BYTES];
    memcpy(hash, leaf, HASH_BYTES);
    size_t last = count - 1;
    for (size_t at = 0; at < path.size; at += HASH_BYTES) {
        if (last == 0) return false;
        /* A last node without a right neighbour is carried up until it has a left one. */
        while (index % 2 == 0 && index == last) {
            index /= 2;
            last /= 2;
            if (last == 0) return false;
        }
        if (index % 2 == 1) {
            merkle_node(hash, path.data + at, hash);
        } else {
            merkle_node(hash, hash, path.data + at);
        }
        index /= 2;
        last /= 2;
    }
    return last == 0 && memcmp(hash, root, HASH_BYTES) == 0;
}
