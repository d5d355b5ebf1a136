/* random: a stream of random bytes; unpredictable in production, repeatable in a simulation. */
#include "crypto/random.h"

#include "crypto/bytes.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

void random_init_seed(struct random *random, const uint8_t seed[static RANDOM_SEED_BYTES]) {
    memset(random, 0, sizeof *random);
    memcpy(random->seed, seed, RANDOM_SEED_BYTES);
}

void random_init_kernel(struct random *random) {
    uint8_t seed[RANDOM_SEED_BYTES];
    randombytes_buf(seed, sizeof seed);
    random_init_seed(random, seed);
    sodium_memzero(seed, sizeof seed);
}

static void random_refill(struct random *random) {
    uint8_t stream[RANDOM_SEED_BYTES + RANDOM_POOL_BYTES];
    uint8_t nonce[crypto_stream_chacha20_NONCEBYTES];
    put_be64(nonce, random->counter++);
    crypto_stream_chacha20(stream, sizeof stream, nonce, random->seed);
    memcpy(random->seed, stream, RANDOM_SEED_BYTES);
    memcpy(random->pool, stream + RANDOM_SEED_BYTES, RANDOM_POOL_BYTES);
    random->left = RANDOM_POOL_BYTES;
    sodium_memzero(stream, sizeof stream);
}

static void random_take(struct random *random, uint8_t *out, size_t size) {
    if (random->left < size) random_refill(random);
    uint8_t *at = random->pool + RANDOM_POOL_BYTES - random->left;
    memcpy(out, at, size);
    memset(at, 0, size);
    random->left -= size;
}

void random_bytes(struct random *random, void *out, size_t size) {
    if (size <= RANDOM_POOL_BYTES) {
        random_take(random, out, size);
        return;
    }
    /* A long run comes from a key of its own, used once. */
    static const uint8_t nonce[crypto_stream_chacha20_NONCEBYTES] = {0};
    uint8_t key[crypto_stream_chacha20_KEYBYTES];
    random_take(random, key, sizeof key);
    crypto_stream_chacha20(out, size, nonce, key);
    sodium_memzero(key, sizeof key);
}

uint64_t random_u64(struct random *random) {
    uint8_t raw[8];
    random_take(random, raw, sizeof raw);
    return get_be64(raw);
}

uint64_t random_below(struct random *random, uint64_t bound) {
    assert(bound > 0);
    /* The lowest 2^64 mod bound values are drawn again, so that every residue is equally likely. */
    uint64_t unfair = -bound % bound;
    uint64_t value;
    do value = random_u64(random);
    while (value < unfair);
    return value % bound;
}

void random_wipe(struct random *random) { sodium_memzero(random, sizeof *random); }
