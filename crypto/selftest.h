/* selftest: what the library must do and must refuse, tried at every start. */
#ifndef CRYPTO_SELFTEST_H
#define CRYPTO_SELFTEST_H

#include "crypto/err.h"

/* Initialises libsodium, then: known answers (RFC 8032, RFC 7693, XChaCha20-Poly1305), refusal of low-order, mixed-order and
   non-canonical points (CVE-2025-69277), of an all-zero X25519 result and of a flipped tag. ERR_SELFTEST, with the failing
   check's name in *what. Call it before anything else of crypto/. */
enum err selftest_run(const char **what) MUST_USE;

#endif
