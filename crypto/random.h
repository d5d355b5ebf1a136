/* random: a stream of random bytes; unpredictable in production, repeatable in a simulation. */
#ifndef CRYPTO_RANDOM_H
#define CRYPTO_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#define RANDOM_SEED_BYTES 32
#define RANDOM_POOL_BYTES 480

/* ChaCha20 keystream (crypto_stream_chacha20) with fast key erasure: each refill replaces the seed by the first bytes of its own
   output, and what was handed out is wiped, so a stolen state tells nothing of the past. A production seed comes from the kernel. */
struct random {
    uint8_t seed[RANDOM_SEED_BYTES];
    uint64_t counter; /* refills so far */
    size_t left;      /* unused bytes, at the end of the pool */
    uint8_t pool[RANDOM_POOL_BYTES];
};

void random_init_kernel(struct random *random);
void random_init_seed(struct random *random, const uint8_t seed[static RANDOM_SEED_BYTES]);
void random_bytes(struct random *random, void *out, size_t size);
uint64_t random_u64(struct random *random);
uint64_t random_below(struct random *random, uint64_t bound); /* uniform in [0, bound); bound > 0 */
void random_wipe(struct random *random);

#endif
