/* prekey: the X25519 keys that epochs are sealed to, and the windows in which they are used. */
#include "crypto/prekey.h"

#include <sodium.h>

/* PROTOCOL.md 4.2 */
void prekey_write(uint8_t out[static PREKEY_BODY_BYTES], const struct prekey *prekey) {
    put_be32(out, prekey->id);
    for (size_t i = 0; i < PREKEY_PUBLIC_BYTES; i++) out[4 + i] = prekey->public_key[i];
    put_be64(out + 36, prekey->created_ms);
}

enum err prekey_read(struct prekey *out, struct bytes body) {
    static const uint8_t probe[32] = {1};
    uint8_t shared[32];
    if (body.size != PREKEY_BODY_BYTES) return ERR_FORMAT;
    struct cursor cursor = cursor_of(body);
    out->id = cursor_u32(&cursor);
    cursor_copy(&cursor, out->public_key, PREKEY_PUBLIC_BYTES);
    out->created_ms = cursor_u64(&cursor);
    return crypto_scalarmult(shared, probe, out->public_key) == 0 ? OK : ERR_KEY;
}

/* Age, where a date in the future counts as new: clocks differ. */
static uint64_t prekey_age(const struct prekey *prekey, uint64_t now_ms) {
    return now_ms > prekey->created_ms ? now_ms - prekey->created_ms : 0;
}

bool prekey_rotate_due(const struct prekey *newest, uint64_t now_ms) { return prekey_age(newest, now_ms) >= PREKEY_ROTATE_MS; }

bool prekey_sealable(const struct prekey *prekey, uint64_t now_ms) { return prekey_age(prekey, now_ms) < PREKEY_SEAL_MS; }

bool prekey_kept(const struct prekey *prekey, uint64_t now_ms, uint64_t started_ms, bool caught_up) {
    if (prekey_age(prekey, now_ms) < PREKEY_KEEP_MS) return true;
    /* After a long absence, epochs sealed in time may still be on their way. */
    return !caught_up && now_ms < started_ms + PREKEY_GRACE_MS;
}

void prekey_public_of_secret(uint8_t out[static PREKEY_PUBLIC_BYTES], const uint8_t secret[static PREKEY_SECRET_BYTES]) {
    crypto_scalarmult_base(out, secret);
}
