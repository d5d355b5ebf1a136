/* fuzz_keyfile: a key file as found, and its plain part behind a seal of our own (no passphrase: Argon2id would eat the time). */
#include "crypto/keyfile.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PLAIN_BYTES (KEYFILE_BYTES - 80)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct keyfile keyfile, again;
    static const uint8_t zero_key[32] = {0};
    uint8_t file[KEYFILE_BYTES] = "comity-k\1\1", key[32];
    struct keyfile_lock lock;
    struct random random;
    struct buf out = {0};
    if (sodium_init() < 0 || size == 0) return 0;
    struct bytes found = bytes_of(data, size);
    if (!keyfile_needs_passphrase(found) && keyfile_open(&keyfile, found, bytes_of(NULL, 0)) == OK) assert(size == KEYFILE_BYTES);
    /* The first byte chooses the kind, the rest is the plain part. */
    file[9] = (uint8_t)(1 + data[0] % 2);
    memcpy(file + 64, data + 1, size - 1 < PLAIN_BYTES ? size - 1 : PLAIN_BYTES);
    hash_derive(key, zero_key, "comity-keyfile", bytes_of(file + 24, 16));
    crypto_aead_xchacha20poly1305_ietf_encrypt(file + 64, NULL, file + 64, PLAIN_BYTES, file, 64, NULL, file + 40, key);
    if (keyfile_open_keep(&keyfile, &lock, bytes_of(file, sizeof file), bytes_of(NULL, 0)) != OK) return 0;
    assert(keyfile.prekey_count <= KEYFILE_PREKEYS_MAX);
    /* What opens can be sealed again, and is the same. */
    random_init_seed(&random, key);
    enum err error = keyfile_reseal(&out, &keyfile, &lock, &random);
    assert(error == OK);
    error = keyfile_open(&again, bytes_of_buf(&out), bytes_of(NULL, 0));
    assert(error == OK && memcmp(&again, &keyfile, sizeof again) == 0);
    buf_free(&out);
    return 0;
}
