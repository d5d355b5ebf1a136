/* keyfile: the sealed key file as a fixed byte layout (no file access). PROTOCOL.md 3.4

   The header, 64 bytes, is authenticated and not secret:
      0  magic "comity-k"          8
      8  version 1                 1
      9  kind: 1 node, 2 root, 3 ops 1
     10  lock, 0 none, 1 Argon2id  1
     11  zero                      1
     12  Argon2id passes           4   (zero without a passphrase)
     16  Argon2id memory in KiB    4   (likewise)
     20  zero                      4
     24  salt                     16
     40  nonce                    24
   Then 776 bytes under XChaCha20-Poly1305, and its tag of 16:
      0  agency id 32, signing seed 32, next seed 32, CURVE secret 32, store key 32
    160  id of the next prekey 4, count of prekeys 4
    168  eight prekeys of 76: id 4, public key 32, created 8, secret 32; unused ones are zero */
#include "crypto/keyfile.h"

#include "crypto/hash.h"

#include <sodium.h>
#include <string.h>

#define MAGIC              "comity-k"
#define MAGIC_BYTES        8
#define KEYFILE_VERSION    1
#define HEADER_BYTES       64
#define SALT_AT            24
#define NONCE_AT           40
#define PREKEY_PLAIN_BYTES (4 + PREKEY_PUBLIC_BYTES + 8 + PREKEY_SECRET_BYTES)
#define PLAIN_BYTES        (5 * 32 + 8 + KEYFILE_PREKEYS_MAX * PREKEY_PLAIN_BYTES)
#define TAG_BYTES          crypto_aead_xchacha20poly1305_ietf_ABYTES
#define ARGON_PASSES       crypto_pwhash_argon2id_OPSLIMIT_MODERATE
#define ARGON_MEMORY_KIB   (crypto_pwhash_argon2id_MEMLIMIT_MODERATE / 1024)

enum keyfile_lock_kind { LOCK_NONE = 0, LOCK_ARGON2ID = 1 };

_Static_assert(HEADER_BYTES + PLAIN_BYTES + TAG_BYTES == KEYFILE_BYTES, "the layout above");
_Static_assert(sizeof((struct keyfile_lock *)0)->header == HEADER_BYTES, "a lock keeps the header");

static void header_write(uint8_t out[static HEADER_BYTES], enum keyfile_kind kind, bool locked, struct random *random) {
    memset(out, 0, HEADER_BYTES);
    memcpy(out, MAGIC, MAGIC_BYTES);
    out[8] = KEYFILE_VERSION;
    out[9] = (uint8_t)kind;
    out[10] = locked ? LOCK_ARGON2ID : LOCK_NONE;
    put_be32(out + 12, locked ? ARGON_PASSES : 0);
    put_be32(out + 16, locked ? ARGON_MEMORY_KIB : 0);
    random_bytes(random, out + SALT_AT, NONCE_AT - SALT_AT);
}

static bool kind_valid(unsigned kind) { return kind >= KEYFILE_NODE && kind <= KEYFILE_OPS; }

/* The cost is the version's and not the file's to choose: a file cannot ask for all memory, nor for less work than it should. */
static enum err header_check(struct bytes file) {
    static const uint8_t zeros[4] = {0};
    if (file.size < HEADER_BYTES || memcmp(file.data, MAGIC, MAGIC_BYTES) != 0) return ERR_FORMAT;
    const uint8_t *head = file.data;
    if (head[8] != KEYFILE_VERSION) return ERR_VERSION;
    if (file.size != KEYFILE_BYTES || !kind_valid(head[9]) || head[10] > LOCK_ARGON2ID) return ERR_FORMAT;
    bool locked = head[10] == LOCK_ARGON2ID;
    if (get_be32(head + 12) != (locked ? ARGON_PASSES : 0) || get_be32(head + 16) != (locked ? ARGON_MEMORY_KIB : 0))
        return ERR_FORMAT;
    return head[11] == 0 && memcmp(head + 20, zeros, sizeof zeros) == 0 ? OK : ERR_FORMAT;
}

bool keyfile_needs_passphrase(struct bytes file) { return header_check(file) == OK && file.data[10] == LOCK_ARGON2ID; }

static enum err key_derive(uint8_t key[static 32], const uint8_t *header, struct bytes passphrase) {
    static const uint8_t open_key[32] = {0};
    if (header[10] == LOCK_NONE) {
        hash_derive(key, open_key, "comity-keyfile", bytes_of(header + SALT_AT, crypto_pwhash_SALTBYTES));
        return OK;
    }
    if (passphrase.size == 0) return ERR_PASSPHRASE;
    if (crypto_pwhash(key, 32, (const char *)passphrase.data, passphrase.size, header + SALT_AT, ARGON_PASSES,
                      (size_t)ARGON_MEMORY_KIB * 1024, crypto_pwhash_ALG_ARGON2ID13) != 0)
        return ERR_MEMORY;
    return OK;
}

static void put(uint8_t **at, const void *from, size_t size) {
    memcpy(*at, from, size);
    *at += size;
}

static void plain_write(uint8_t out[static PLAIN_BYTES], const struct keyfile *keyfile) {
    uint8_t *at = out;
    memset(out, 0, PLAIN_BYTES);
    put(&at, keyfile->agency_id, 32);
    put(&at, keyfile->sign_seed, 32);
    put(&at, keyfile->next_seed, 32);
    put(&at, keyfile->curve_secret, 32);
    put(&at, keyfile->store_key, 32);
    put_be32(at, keyfile->prekey_next_id);
    put_be32(at + 4, (uint32_t)keyfile->prekey_count);
    at += 8;
    for (size_t i = 0; i < keyfile->prekey_count; i++) {
        const struct keyfile_prekey *prekey = &keyfile->prekeys[i];
        prekey_write(at, &prekey->public_half);
        at += PREKEY_BODY_BYTES;
        put(&at, prekey->secret, PREKEY_SECRET_BYTES);
    }
}

static bool is_zero(const void *bytes, size_t size) { return sodium_is_zero(bytes, size) == 1; }

static enum err prekeys_read(struct keyfile *out, struct cursor *cursor) {
    for (size_t i = 0; i < out->prekey_count; i++) {
        struct keyfile_prekey *prekey = &out->prekeys[i];
        uint8_t expected[PREKEY_PUBLIC_BYTES];
        enum err error = prekey_read(&prekey->public_half, cursor_take(cursor, PREKEY_BODY_BYTES));
        cursor_copy(cursor, prekey->secret, PREKEY_SECRET_BYTES);
        if (error != OK) return ERR_FORMAT;
        prekey_public_of_secret(expected, prekey->secret);
        if (memcmp(expected, prekey->public_half.public_key, sizeof expected) != 0) return ERR_FORMAT;
        if (prekey->public_half.id >= out->prekey_next_id) return ERR_FORMAT;
        if (i > 0 && prekey->public_half.id <= out->prekeys[i - 1].public_half.id) return ERR_FORMAT;
    }
    return is_zero(cursor->at, cursor->left) ? OK : ERR_FORMAT;
}

static enum err plain_read(struct keyfile *out, const uint8_t plain[static PLAIN_BYTES]) {
    struct cursor cursor = cursor_of(bytes_of(plain, PLAIN_BYTES));
    cursor_copy(&cursor, out->agency_id, 32);
    cursor_copy(&cursor, out->sign_seed, 32);
    cursor_copy(&cursor, out->next_seed, 32);
    cursor_copy(&cursor, out->curve_secret, 32);
    cursor_copy(&cursor, out->store_key, 32);
    out->prekey_next_id = cursor_u32(&cursor);
    uint32_t count = cursor_u32(&cursor);
    if (count > KEYFILE_PREKEYS_MAX) return ERR_FORMAT;
    out->prekey_count = count;
    /* What the kind does not use is zero, so that a file says one thing only. */
    bool node = out->kind == KEYFILE_NODE;
    bool unused_is_zero = (out->kind == KEYFILE_ROOT || is_zero(out->next_seed, 32)) &&
                          (node || (is_zero(out->curve_secret, 32) && is_zero(out->store_key, 32) && count == 0));
    return unused_is_zero ? prekeys_read(out, &cursor) : ERR_FORMAT;
}

/* Appends the file under a derived key; `header` lacks its nonce only. */
static enum err seal_under(struct buf *out, const struct keyfile *keyfile, const uint8_t *header, const uint8_t *key,
                           struct random *random) {
    struct keyfile again = {.kind = keyfile->kind};
    uint8_t *at = buf_grow(out, KEYFILE_BYTES);
    if (at == NULL) return buf_result(out);
    memcpy(at, header, HEADER_BYTES);
    random_bytes(random, at + NONCE_AT, HEADER_BYTES - NONCE_AT);
    /* Sealed where they were written, so that no second copy of the secrets is left; and read back first, as a key file that does
       not open is a key lost. */
    plain_write(at + HEADER_BYTES, keyfile);
    enum err error = plain_read(&again, at + HEADER_BYTES);
    sodium_memzero(&again, sizeof again);
    if (error == OK) {
        crypto_aead_xchacha20poly1305_ietf_encrypt(at + HEADER_BYTES, NULL, at + HEADER_BYTES, PLAIN_BYTES, at, HEADER_BYTES, NULL,
                                                   at + NONCE_AT, key);
        return OK;
    }
    sodium_memzero(at, KEYFILE_BYTES);
    out->size -= KEYFILE_BYTES;
    return ERR_RANGE;
}

/* The kinds and counts that plain_write relies on. */
static enum err keyfile_check(const struct keyfile *keyfile) {
    if (!kind_valid(keyfile->kind)) return ERR_RANGE;
    return keyfile->prekey_count <= KEYFILE_PREKEYS_MAX ? OK : ERR_LIMIT;
}

enum err keyfile_seal(struct buf *out, const struct keyfile *keyfile, struct bytes passphrase, struct random *random) {
    uint8_t header[HEADER_BYTES], key[32];
    enum err error = keyfile_check(keyfile);
    if (error != OK) return error;
    header_write(header, keyfile->kind, passphrase.size > 0, random);
    error = key_derive(key, header, passphrase);
    if (error == OK) error = seal_under(out, keyfile, header, key, random);
    sodium_memzero(key, sizeof key);
    return error;
}

enum err keyfile_open_keep(struct keyfile *out, struct keyfile_lock *lock, struct bytes file, struct bytes passphrase) {
    uint8_t plain[PLAIN_BYTES];
    sodium_memzero(out, sizeof *out);
    sodium_memzero(lock, sizeof *lock);
    enum err error = header_check(file);
    if (error != OK) return error;
    memcpy(lock->header, file.data, HEADER_BYTES);
    error = key_derive(lock->key, lock->header, passphrase);
    if (error == OK &&
        crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, file.data + HEADER_BYTES, PLAIN_BYTES + TAG_BYTES, file.data,
                                                   HEADER_BYTES, file.data + NONCE_AT, lock->key) != 0)
        error = ERR_PASSPHRASE;
    if (error == OK) {
        out->kind = file.data[9];
        error = plain_read(out, plain);
        sodium_memzero(plain, sizeof plain);
    }
    if (error != OK) {
        sodium_memzero(out, sizeof *out);
        sodium_memzero(lock, sizeof *lock);
    }
    return error;
}

enum err keyfile_open(struct keyfile *out, struct bytes file, struct bytes passphrase) {
    struct keyfile_lock lock;
    enum err error = keyfile_open_keep(out, &lock, file, passphrase);
    sodium_memzero(&lock, sizeof lock);
    return error;
}

enum err keyfile_reseal(struct buf *out, const struct keyfile *keyfile, const struct keyfile_lock *lock, struct random *random) {
    enum err error = keyfile_check(keyfile);
    if (error == OK && lock->header[9] != keyfile->kind) error = ERR_RANGE;
    if (error != OK) return error;
    return seal_under(out, keyfile, lock->header, lock->key, random);
}
