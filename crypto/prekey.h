/* prekey: the X25519 keys that epochs are sealed to, and the windows in which they are used. PROTOCOL.md 4.2 */
#ifndef CRYPTO_PREKEY_H
#define CRYPTO_PREKEY_H

#include "crypto/bytes.h"

#define PREKEY_PUBLIC_BYTES 32
#define PREKEY_SECRET_BYTES 32
#define PREKEY_BODY_BYTES   44

#define PREKEY_DAY_MS    (24ull * 3600 * 1000)
#define PREKEY_ROTATE_MS (14 * PREKEY_DAY_MS) /* a node makes a new one */
#define PREKEY_SEAL_MS   (74 * PREKEY_DAY_MS) /* others may seal to it */
#define PREKEY_KEEP_MS   (75 * PREKEY_DAY_MS) /* its private half is kept */
#define PREKEY_GRACE_MS  (2 * PREKEY_DAY_MS)  /* and at a start, until caught up or so long */

/* The body of a PREKEY entry: id (4), public key (32), created (8, ms since 1970). */
struct prekey {
    uint32_t id;
    uint8_t public_key[PREKEY_PUBLIC_BYTES];
    uint64_t created_ms;
};

void prekey_write(uint8_t out[static PREKEY_BODY_BYTES], const struct prekey *prekey);
/* ERR_FORMAT on a wrong size; ERR_KEY for a low-order point (tried with crypto_scalarmult). */
enum err prekey_read(struct prekey *out, struct bytes body) MUST_USE;

bool prekey_rotate_due(const struct prekey *newest, uint64_t now_ms);
bool prekey_sealable(const struct prekey *prekey, uint64_t now_ms);
/* `started_ms`: when the process started; `caught_up`: it has heard all there is. */
bool prekey_kept(const struct prekey *prekey, uint64_t now_ms, uint64_t started_ms, bool caught_up);

void prekey_public_of_secret(uint8_t out[static PREKEY_PUBLIC_BYTES], const uint8_t secret[static PREKEY_SECRET_BYTES]);

#endif
