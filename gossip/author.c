#include "gossip/author.h"

#include "crypto/secret.h"

#include <string.h>

static bool usable(const struct author_epoch *epoch, uint64_t now_ms) {
    return epoch->seq != 0 && epoch->blocks < AUTHOR_EPOCH_BLOCKS && now_ms < epoch->created_ms + AUTHOR_EPOCH_MS &&
           now_ms + AUTHOR_EPOCH_MS > epoch->created_ms;
}

struct author_epoch *author_epoch_find(struct author *author, const struct audience *audience, uint64_t now_ms) {
    for (size_t i = 0; i < AUTHOR_EPOCHS_MAX; i++) {
        struct author_epoch *epoch = &author->epochs[i];
        if (usable(epoch, now_ms) && memcmp(epoch->audience_key, audience->key, HASH_BYTES) == 0) return epoch;
    }
    return NULL;
}

static struct author_epoch *place(struct author *author, uint64_t now_ms) {
    struct author_epoch *oldest = &author->epochs[0];
    for (size_t i = 0; i < AUTHOR_EPOCHS_MAX; i++) {
        struct author_epoch *epoch = &author->epochs[i];
        if (!usable(epoch, now_ms)) return epoch;
        if (epoch->used_ms < oldest->used_ms) oldest = epoch;
    }
    return oldest;
}

enum err author_epoch_start(struct author *author, struct buf *body, const struct epoch_author *self,
                            const struct audience *audience, uint64_t seq, uint64_t now_ms, struct random *random,
                            struct author_epoch **out) {
    struct author_epoch *epoch = place(author, now_ms);
    size_t bad = 0;
    uint8_t secret[EPOCH_SECRET_BYTES];
    enum err err = epoch_seal(body, secret, self, audience->readers, audience->count, random, &bad);
    if (err != OK) return err; /* the place keeps what it had */
    secret_wipe(epoch, sizeof *epoch);
    memcpy(epoch->secret, secret, sizeof secret);
    secret_wipe(secret, sizeof secret);
    memcpy(epoch->audience_key, audience->key, HASH_BYTES);
    epoch->seq = seq;
    epoch->created_ms = epoch->used_ms = now_ms;
    *out = epoch;
    return OK;
}

uint32_t author_block_index(struct author_epoch *epoch, uint64_t now_ms) {
    epoch->used_ms = now_ms;
    return epoch->blocks++;
}

void author_expire(struct author *author, uint64_t now_ms) {
    for (size_t i = 0; i < AUTHOR_EPOCHS_MAX; i++)
        if (author->epochs[i].seq != 0 && !usable(&author->epochs[i], now_ms))
            secret_wipe(&author->epochs[i], sizeof author->epochs[i]);
}
