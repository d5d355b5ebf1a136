/* The stand-in for signatures: linked in front of crypto.a, so that its members are not taken. A signature is a keyed sum of what is signed under
   the public key: cheap, different for every subject and key, and worth nothing. Public keys are what a hash makes of the seed. */
#include "crypto/hash.h"
#include "crypto/verify.h"

#include <string.h>

void sign_string(uint8_t out[static SIGN_STRING_BYTES], const struct sign_subject *subject) {
    memset(out, 0, SIGN_STRING_BYTES);
    memcpy(out, "comity-sign-0", 13);
    out[16] = (uint8_t)subject->purpose;
    out[17] = subject->type;
    out[18] = subject->suite;
    memcpy(out + 24, subject->agency, 32);
    put_be64(out + 56, subject->seq);
    memcpy(out + 64, subject->hash, 32);
}

void sign_public_of_seed(uint8_t out[static SIGN_PUBLIC_BYTES], const uint8_t seed[static SIGN_SEED_BYTES]) {
    hash_of(out, "stand-in-key", bytes_of(seed, SIGN_SEED_BYTES), bytes_of(NULL, 0));
}

static void sum(uint8_t out[static SIGN_BYTES], const struct sign_subject *subject, const uint8_t key[static SIGN_PUBLIC_BYTES]) {
    uint8_t string[SIGN_STRING_BYTES];
    uint64_t state = 0x9e3779b97f4a7c15ull;
    sign_string(string, subject);
    for (size_t i = 0; i < SIGN_STRING_BYTES; i += 8)
        state = (state ^ get_be64(string + i) ^ get_be64(key + i % SIGN_PUBLIC_BYTES)) * 0xbf58476d1ce4e5b9ull,
        state ^= state >> 29;
    for (size_t i = 0; i < SIGN_BYTES; i += 8) {
        state = (state ^ state >> 31) * 0x94d049bb133111ebull;
        put_be64(out + i, state);
    }
}

void sign_make(uint8_t out[static SIGN_BYTES], const struct sign_subject *subject, const uint8_t seed[static SIGN_SEED_BYTES]) {
    uint8_t key[SIGN_PUBLIC_BYTES];
    sign_public_of_seed(key, seed);
    sum(out, subject, key);
}

enum err verify_key_import(const uint8_t key[static SIGN_PUBLIC_BYTES]) {
    (void)key;
    return OK;
}

enum err verify_signature(const uint8_t signature[static SIGN_BYTES], const struct sign_subject *subject,
                          const uint8_t key[static SIGN_PUBLIC_BYTES]) {
    uint8_t wanted[SIGN_BYTES];
    sum(wanted, subject, key);
    return memcmp(wanted, signature, SIGN_BYTES) == 0 ? OK : ERR_SIGNATURE;
}
