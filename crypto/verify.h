/* verify: checks signatures and the public keys they are checked with. */
#ifndef CRYPTO_VERIFY_H
#define CRYPTO_VERIFY_H

#include "crypto/sign.h"

/* ERR_KEY unless `key` is a canonical point of prime order (crypto_core_ed25519_is_valid_point, and the check of
   CVE-2025-69277 done by hand). Every imported signing key passes here once. */
enum err verify_key_import(const uint8_t key[static SIGN_PUBLIC_BYTES]) MUST_USE;

/* OK or ERR_SIGNATURE. The key was imported. */
enum err verify_signature(const uint8_t signature[static SIGN_BYTES], const struct sign_subject *subject,
                          const uint8_t key[static SIGN_PUBLIC_BYTES]) MUST_USE;

#endif
