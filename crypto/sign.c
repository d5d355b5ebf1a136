/* sign: the one fixed string that is signed, and the making of signatures. */
#include "crypto/sign.h"

#include <sodium.h>
#include <string.h>

/* PROTOCOL.md 2.2 */
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
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
    crypto_sign_seed_keypair(out, secret, seed);
    sodium_memzero(secret, sizeof secret);
}

void sign_make(uint8_t out[static SIGN_BYTES], const struct sign_subject *subject, const uint8_t seed[static SIGN_SEED_BYTES]) {
    uint8_t string[SIGN_STRING_BYTES], public_key[SIGN_PUBLIC_BYTES], secret[crypto_sign_SECRETKEYBYTES];
    sign_string(string, subject);
    /* The public half is derived again, never taken from outside: a wrong one next to a right seed leaks the key. */
    crypto_sign_seed_keypair(public_key, secret, seed);
    crypto_sign_detached(out, NULL, string, sizeof string, secret);
    sodium_memzero(secret, sizeof secret);
}
