/* verify: checks signatures and the public keys they are checked with. */
#include "crypto/verify.h"

#include <sodium.h>
#include <string.h>

/* The order of the prime subgroup less one (RFC 8032 5.1), little-endian. */
static const uint8_t order_less_one[32] = {0xec, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
                                           0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    0,    0,    0,    0,    0,
                                           0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};

enum err verify_key_import(const uint8_t key[static SIGN_PUBLIC_BYTES]) {
    if (crypto_core_ed25519_is_valid_point(key) != 1) return ERR_KEY;
    /* CVE-2025-69277: libsodium 1.0.18 looks at x alone after multiplying by the order, and so takes points with a part of
       order two. (L-1)P = -P holds for points of prime order only, and the negative differs in the sign bit alone. */
    uint8_t product[32], negative[32];
    if (crypto_scalarmult_ed25519_noclamp(product, order_less_one, key) != 0) return ERR_KEY;
    memcpy(negative, key, sizeof negative);
    negative[31] ^= 0x80;
    return memcmp(product, negative, sizeof product) == 0 ? OK : ERR_KEY;
}

enum err verify_signature(const uint8_t signature[static SIGN_BYTES], const struct sign_subject *subject,
                          const uint8_t key[static SIGN_PUBLIC_BYTES]) {
    uint8_t string[SIGN_STRING_BYTES];
    sign_string(string, subject);
    return crypto_sign_verify_detached(signature, string, sizeof string, key) == 0 ? OK : ERR_SIGNATURE;
}
