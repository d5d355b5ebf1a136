#include "node/identity/offer.h"

#include "gossip/armour.h"

#include <string.h>

#define MAGIC       "CMTYOFFR"
#define MAGIC_BYTES 8
#define VERSION     1
#define ARMOUR      "ROOT OFFER"

void offer_make(struct offer *out, const struct keyfile *keys) {
    uint8_t next[SIGN_PUBLIC_BYTES];
    memcpy(out->agency_id, keys->agency_id, AGENCY_ID_BYTES);
    sign_public_of_seed(out->root_public, keys->sign_seed);
    sign_public_of_seed(next, keys->next_seed);
    hash_of(out->next_hash, "comity-next-root", bytes_of(next, sizeof next), bytes_of(NULL, 0));
}

enum err offer_write(struct buf *out, const struct offer *offer) {
    struct buf binary = {0};
    uint8_t sum[HASH_BYTES];
    buf_put_raw(&binary, MAGIC, MAGIC_BYTES);
    buf_put_u8(&binary, VERSION);
    buf_put_raw(&binary, offer->agency_id, AGENCY_ID_BYTES);
    buf_put_raw(&binary, offer->root_public, SIGN_PUBLIC_BYTES);
    buf_put_raw(&binary, offer->next_hash, HASH_BYTES);
    hash_of(sum, "comity-offer", bytes_of_buf(&binary), bytes_of(NULL, 0));
    buf_put_raw(&binary, sum, sizeof sum);
    enum err err = buf_result(&binary);
    if (err == OK) err = armour_write(out, ARMOUR, bytes_of_buf(&binary));
    buf_free(&binary);
    return err;
}

static enum err binary_read(struct offer *out, struct bytes binary) {
    struct cursor cursor = cursor_of(binary);
    uint8_t sum[HASH_BYTES];
    struct bytes magic = cursor_take(&cursor, MAGIC_BYTES);
    if (cursor.failed || memcmp(magic.data, MAGIC, MAGIC_BYTES) != 0 || cursor_u8(&cursor) != VERSION) return ERR_FORMAT;
    cursor_copy(&cursor, out->agency_id, AGENCY_ID_BYTES);
    cursor_copy(&cursor, out->root_public, SIGN_PUBLIC_BYTES);
    cursor_copy(&cursor, out->next_hash, HASH_BYTES);
    struct bytes said = cursor_take(&cursor, HASH_BYTES);
    if (!cursor_done(&cursor)) return ERR_FORMAT;
    hash_of(sum, "comity-offer", bytes_of(binary.data, binary.size - HASH_BYTES), bytes_of(NULL, 0));
    return memcmp(sum, said.data, HASH_BYTES) == 0 ? OK : ERR_HASH;
}

enum err offer_read(struct offer *out, struct bytes text) {
    struct buf binary = {0};
    *out = (struct offer){0};
    if (text.size > OFFER_BYTES_MAX) return ERR_TOO_BIG;
    enum err err = armour_read(&binary, ARMOUR, text);
    if (err == OK) err = binary_read(out, bytes_of_buf(&binary));
    buf_free(&binary);
    return err;
}

void offer_step(struct keyfile *out, const struct keyfile *keys, struct random *random) {
    *out = (struct keyfile){.kind = KEYFILE_ROOT};
    memcpy(out->agency_id, keys->agency_id, AGENCY_ID_BYTES);
    memcpy(out->sign_seed, keys->next_seed, SIGN_SEED_BYTES);
    random_bytes(random, out->next_seed, SIGN_SEED_BYTES);
}
