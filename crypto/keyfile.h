/* keyfile: the sealed key file as a fixed byte layout (no file access). PROTOCOL.md 3.4 */
#ifndef CRYPTO_KEYFILE_H
#define CRYPTO_KEYFILE_H

#include "crypto/agency.h"
#include "crypto/prekey.h"
#include "crypto/random.h"

#define KEYFILE_PREKEYS_MAX 8
#define KEYFILE_BYTES       856 /* every key file: header 64, secrets 776, tag 16 */
#define KEYFILE_BYTES_MAX   4096

enum keyfile_kind { KEYFILE_NODE = 1, KEYFILE_ROOT = 2, KEYFILE_OPS = 3 };

struct keyfile_prekey {
    struct prekey public_half;
    uint8_t secret[PREKEY_SECRET_BYTES];
};

/* The secrets of a node, of an agency's root, or an ops key. Lives in guarded memory (secret_new) wherever it is held. */
struct keyfile {
    enum keyfile_kind kind;
    uint8_t agency_id[AGENCY_ID_BYTES];
    uint8_t sign_seed[SIGN_SEED_BYTES];    /* node: signs entries and links; root: the current root key; ops: its key */
    uint8_t next_seed[SIGN_SEED_BYTES];    /* root only: the pre-committed next key */
    uint8_t curve_secret[CURVE_KEY_BYTES]; /* node only */
    uint8_t store_key[32];                 /* node only: all keys of the store derive from it */
    struct keyfile_prekey prekeys[KEYFILE_PREKEYS_MAX]; /* node only, oldest first */
    size_t prekey_count;
    uint32_t prekey_next_id;
};

/* Seals under Argon2id (RFC 9106; crypto_pwhash moderate limits) of the passphrase and XChaCha20-Poly1305, the header being
   authenticated. An empty passphrase means "no passphrase" and is marked so in the file. Appends to `out`. ERR_RANGE for what could
   not be opened again: fields of the other kind, prekeys out of order or with a wrong half. */
enum err keyfile_seal(struct buf *out, const struct keyfile *keyfile, struct bytes passphrase, struct random *random) MUST_USE;

/* ERR_PASSPHRASE (also for a file altered in any place), ERR_FORMAT, ERR_VERSION, ERR_MEMORY. A passphrase that the file does not
   need is ignored. `out` is all zeros after an error. `out` is guarded memory of the caller's. */
enum err keyfile_open(struct keyfile *out, struct bytes file, struct bytes passphrase) MUST_USE;

/* To seal again (a new prekey) without the passphrase being kept: the derived key and salt, from keyfile_open_keep. */
struct keyfile_lock {
    uint8_t key[32];
    uint8_t header[64];
};
enum err keyfile_open_keep(struct keyfile *out, struct keyfile_lock *lock, struct bytes file, struct bytes passphrase) MUST_USE;
enum err keyfile_reseal(struct buf *out, const struct keyfile *keyfile, const struct keyfile_lock *lock,
                        struct random *random) MUST_USE;

/* Is a passphrase needed to open this file? False for anything that is not a key file. */
bool keyfile_needs_passphrase(struct bytes file);

#endif
