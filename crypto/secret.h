/* secret: guarded, locked, wiped memory (libsodium's sodium_malloc). */
#ifndef CRYPTO_SECRET_H
#define CRYPTO_SECRET_H

#include <stddef.h>
#include <stdint.h>

/* Guard pages on both sides, locked in memory where the limit allows, left out of core dumps. Null without memory. */
void *secret_new(size_t size);
/* Wipes and releases; null is allowed. */
void secret_free(void *secret);
/* Wipes memory that is not guarded, in a way no compiler drops. */
void secret_wipe(void *memory, size_t size);

#endif
