/* fake_sign: stands in for crypto/sign.c, crypto/verify.c and libsodium's X25519 where speed matters more than secrecy. The linker
   takes these first, so that the real ones are not pulled in. Whoever knows a public key here can sign for it: the simulator's
   hostile members get no use of that, and its ledger would notice. */
#include "crypto/sign.h"
#include "crypto/verify.h"

#include "tests/sim/real.h"

#include <sodium.h>
#include <string.h>

const bool sim_real_signatures = false;

static uint64_t mix(uint64_t sum, uint64_t word) {
    unsigned __int128 product = (unsigned __int128)(sum ^ word) * 0x9e3779b97f4a7c15ull;
    return (uint64_t)(product >> 64) ^ (uint64_t)product ^ 0x632be59bd9b4e019ull;
}

/* Spreads what is hashed over `words` words. */
static void spread(uint8_t *out, size_t words, const uint8_t *bytes, size_t size, uint64_t salt) {
    uint64_t sum = mix(salt, size), word;
    for (size_t i = 0; i + 8 <= size; i += 8) {
        memcpy(&word, bytes + i, 8);
        sum = mix(sum, word);
    }
    for (size_t i = 0; i < words; i++) {
        sum = mix(sum, i + 1);
        memcpy(out + 8 * i, &sum, 8);
    }
}

void sign_string(uint8_t out[static SIGN_STRING_BYTES], const struct sign_subject *subject) {
    memset(out, 0, SIGN_STRING_BYTES);
    memcpy(out, "comity-sign-1", 13);
    out[16] = (uint8_t)subject->purpose;
    out[17] = subject->type;
    out[18] = subject->suite;
    memcpy(out + 24, subject->agency, 32);
    put_be64(out + 56, subject->seq);
    memcpy(out + 64, subject->hash, 32);
}

void sign_public_of_seed(uint8_t out[static SIGN_PUBLIC_BYTES], const uint8_t seed[static SIGN_SEED_BYTES]) {
    spread(out, 4, seed, SIGN_SEED_BYTES, 1);
}

static void sign_with(uint8_t out[static SIGN_BYTES], const struct sign_subject *subject, const uint8_t *public_key) {
    uint8_t string[SIGN_STRING_BYTES + SIGN_PUBLIC_BYTES];
    sign_string(string, subject);
    memcpy(string + SIGN_STRING_BYTES, public_key, SIGN_PUBLIC_BYTES);
    spread(out, 8, string, sizeof string, 2);
}

void sign_make(uint8_t out[static SIGN_BYTES], const struct sign_subject *subject, const uint8_t seed[static SIGN_SEED_BYTES]) {
    uint8_t public_key[SIGN_PUBLIC_BYTES];
    sign_public_of_seed(public_key, seed);
    sign_with(out, subject, public_key);
}

enum err verify_key_import(const uint8_t key[static SIGN_PUBLIC_BYTES]) {
    (void)key;
    return OK;
}

enum err verify_signature(const uint8_t signature[static SIGN_BYTES], const struct sign_subject *subject,
                          const uint8_t key[static SIGN_PUBLIC_BYTES]) {
    uint8_t expected[SIGN_BYTES];
    sign_with(expected, subject, key);
    return memcmp(expected, signature, SIGN_BYTES) == 0 ? OK : ERR_SIGNATURE;
}

/* What two sides share must come out the same: the sum of both public halves does. */
int crypto_scalarmult_base(unsigned char *q, const unsigned char *n) {
    spread(q, 4, n, 32, 3);
    return 0;
}

int crypto_scalarmult(unsigned char *q, const unsigned char *n, const unsigned char *p) {
    uint8_t own[32];
    crypto_scalarmult_base(own, n);
    for (size_t i = 0; i < 32; i++) own[i] ^= p[i];
    spread(q, 4, own, 32, 4);
    return 0;
}
