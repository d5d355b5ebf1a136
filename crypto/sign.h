/* sign: the one fixed string that is signed, and the making of signatures (linked into the key process and the tools that
   hold root keys; nobody else calls it). */
#ifndef CRYPTO_SIGN_H
#define CRYPTO_SIGN_H

#include "crypto/bytes.h"

#define SIGN_PUBLIC_BYTES 32
#define SIGN_SEED_BYTES   32
#define SIGN_BYTES        64

/* What a signature is for; part of the signed string, so that none can be taken for another. PROTOCOL.md 2.2 */
enum sign_purpose { SIGN_ENTRY = 1, SIGN_AGENCY = 2, SIGN_LINK = 3, SIGN_HEADS = 4, SIGN_LEDGER = 5 };

#define SIGN_STRING_BYTES 96

/* The signed string: "comity-sign-1" padded with zeros to 16, purpose, type, suite, 5 zeros, agency (32), seq (8), the hash
   (32): big-endian, 96 bytes in all. Small and fixed, so that a hardware module can sign it. */
struct sign_subject {
    enum sign_purpose purpose;
    uint8_t type;
    uint8_t suite;
    uint8_t agency[32];
    uint64_t seq;
    uint8_t hash[32];
};

void sign_string(uint8_t out[static SIGN_STRING_BYTES], const struct sign_subject *subject);

/* Ed25519 (RFC 8032) key pair from a seed. */
void sign_public_of_seed(uint8_t out[static SIGN_PUBLIC_BYTES], const uint8_t seed[static SIGN_SEED_BYTES]);

void sign_make(uint8_t out[static SIGN_BYTES], const struct sign_subject *subject, const uint8_t seed[static SIGN_SEED_BYTES]);

#endif
