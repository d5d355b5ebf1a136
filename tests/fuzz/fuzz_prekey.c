/* fuzz_prekey: the body of a PREKEY entry. What reads writes back to the same bytes. */
#include "crypto/prekey.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct prekey prekey;
    uint8_t body[PREKEY_BODY_BYTES];
    if (sodium_init() < 0 || prekey_read(&prekey, bytes_of(data, size)) != OK) return 0;
    prekey_write(body, &prekey);
    assert(size == sizeof body && memcmp(body, data, size) == 0);
    prekey_sealable(&prekey, UINT64_MAX);
    prekey_kept(&prekey, 0, UINT64_MAX, false);
    return 0;
}
