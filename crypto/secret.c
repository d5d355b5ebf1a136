/* secret: guarded, locked, wiped memory. */
#include "crypto/secret.h"

#include <sodium.h>
#include <string.h>

void *secret_new(size_t size) {
    /* sodium_malloc puts the end of the memory at the guard page, which misaligns odd sizes; structs need their alignment. */
    size_t rounded = (size + 15) & ~(size_t)15;
    if (rounded < size) return NULL;
    void *secret = sodium_malloc(rounded);
    if (secret != NULL) memset(secret, 0, rounded);
    return secret;
}

void secret_free(void *secret) { sodium_free(secret); }

void secret_wipe(void *memory, size_t size) { sodium_memzero(memory, size); }
