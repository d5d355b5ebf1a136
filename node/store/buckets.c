#include "node/store/buckets.h"

#include "crypto/secret.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS     (24ULL * 3600 * 1000)
#define BUCKET_MS  (30 * DAY_MS)
#define AHEAD_MS   (3660 * DAY_MS)
#define NAME_BYTES 32

struct held {
    uint8_t key[BUCKETS_KEY_BYTES];
    uint64_t used; /* for replacement; 0: empty */
    uint32_t number;
    bool durable;
};

struct buckets {
    struct rocks *rocks;
    const struct vault *vault;
    struct held *held; /* guarded, BUCKETS_HELD_MAX */
    uint64_t uses;
    size_t last; /* the one that was used last: nearly always the next one too */
};

struct buckets *buckets_new(struct rocks *rocks, const struct vault *vault) {
    struct buckets *buckets = calloc(1, sizeof *buckets);
    if (buckets == NULL) return NULL;
    buckets->rocks = rocks;
    buckets->vault = vault;
    buckets->held = secret_new(BUCKETS_HELD_MAX * sizeof *buckets->held);
    if (buckets->held == NULL) {
        free(buckets);
        return NULL;
    }
    return buckets;
}

void buckets_free(struct buckets *buckets) {
    if (buckets == NULL) return;
    secret_free(buckets->held);
    free(buckets);
}

uint32_t buckets_number(uint64_t expires_ms, uint64_t arrived_ms) {
    uint64_t latest = arrived_ms <= UINT64_MAX - AHEAD_MS ? arrived_ms + AHEAD_MS : UINT64_MAX;
    if (expires_ms < arrived_ms) expires_ms = arrived_ms;
    if (expires_ms > latest) expires_ms = latest;
    uint64_t number = expires_ms / BUCKET_MS;
    return number < UINT32_MAX ? (uint32_t)number : UINT32_MAX;
}

static struct bytes name_of(char out[static NAME_BYTES], uint32_t number) {
    snprintf(out, NAME_BYTES, BUCKETS_NAME "%lu", (unsigned long)number);
    return bytes_of_text(out);
}

static struct held *held_find(struct buckets *buckets, uint32_t number) {
    struct held *last = &buckets->held[buckets->last];
    if (last->used > 0 && last->number == number) return last;
    for (size_t i = 0; i < BUCKETS_HELD_MAX; i++) {
        struct held *held = &buckets->held[i];
        if (held->used == 0 || held->number != number) continue;
        held->used = ++buckets->uses;
        buckets->last = i;
        return held;
    }
    return NULL;
}

/* A free place, or that of the durable key that was not used for longest; null when all wait for their commit. */
static struct held *held_place(struct buckets *buckets) {
    struct held *place = NULL;
    for (size_t i = 0; i < BUCKETS_HELD_MAX; i++) {
        struct held *held = &buckets->held[i];
        if (held->used == 0) return held;
        if (held->durable && (place == NULL || held->used < place->used)) place = held;
    }
    return place;
}

static enum err held_load(struct buckets *buckets, uint32_t number, struct held **out) {
    char text[NAME_BYTES];
    struct bytes name = name_of(text, number), sealed;
    rocksdb_pinnableslice_t *slice;
    enum err error = rocks_get(buckets->rocks, ROCKS_META, name, &slice, &sealed);
    if (error != OK) return error;
    struct held *place = held_place(buckets);
    struct buf plain;
    buf_init(&plain, BUCKETS_KEY_BYTES);
    error = place == NULL ? ERR_LIMIT : vault_unseal(buckets->vault, &plain, name, sealed);
    if (error == OK && plain.size != BUCKETS_KEY_BYTES) error = ERR_CORRUPT;
    if (error == OK) {
        memcpy(place->key, plain.data, BUCKETS_KEY_BYTES);
        place->number = number;
        place->durable = true;
        place->used = ++buckets->uses;
        buckets->last = (size_t)(place - buckets->held);
        *out = place;
    }
    if (plain.data != NULL) secret_wipe(plain.data, plain.capacity);
    buf_free(&plain);
    rocksdb_pinnableslice_destroy(slice);
    return error;
}

enum err buckets_key(struct buckets *buckets, uint32_t number, const uint8_t **key) {
    struct held *held = held_find(buckets, number);
    if (held == NULL) {
        enum err error = held_load(buckets, number, &held);
        if (error != OK) return error;
    }
    *key = held->key;
    return OK;
}

/* Every batch that seals under a key which no completed batch has brought must bring it: others may never be committed. */
static enum err carry(struct buckets *buckets, const struct held *held, rocksdb_writebatch_t *batch,
                      struct buckets_carried *carried) {
    for (size_t i = 0; i < carried->count; i++)
        if (carried->numbers[i] == held->number) return OK;
    char text[NAME_BYTES];
    struct bytes name = name_of(text, held->number);
    struct buf sealed;
    buf_init(&sealed, BUCKETS_KEY_BYTES + VAULT_OVERHEAD_BYTES);
    vault_seal(buckets->vault, &sealed, name, bytes_of(held->key, BUCKETS_KEY_BYTES));
    enum err error = buf_result(&sealed);
    if (error == OK) {
        rocksdb_writebatch_put_cf(batch, buckets->rocks->families[ROCKS_META], (const char *)name.data, name.size,
                                  (const char *)sealed.data, sealed.size);
        /* Past the list's end the key is carried again and again, which costs bytes and nothing else. */
        if (carried->count < BUCKETS_CARRIED_MAX) carried->numbers[carried->count++] = held->number;
    }
    buf_free(&sealed);
    return error;
}

enum err buckets_key_for(struct buckets *buckets, uint32_t number, rocksdb_writebatch_t *batch, struct buckets_carried *carried,
                         const uint8_t **key) {
    enum err error = buckets_key(buckets, number, key);
    if (error == ERR_NOT_FOUND) {
        struct held *place = held_place(buckets);
        if (place == NULL) return ERR_LIMIT;
        randombytes_buf(place->key, BUCKETS_KEY_BYTES);
        place->number = number;
        place->durable = false;
        place->used = ++buckets->uses;
        buckets->last = (size_t)(place - buckets->held);
        *key = place->key;
        error = OK;
    }
    if (error != OK) return error;
    struct held *held = held_find(buckets, number);
    return held->durable ? OK : carry(buckets, held, batch, carried);
}

void buckets_forget(struct buckets *buckets, uint32_t number) {
    struct held *held = held_find(buckets, number);
    if (held != NULL) secret_wipe(held, sizeof *held);
}

void buckets_durable(struct buckets *buckets, const struct buckets_carried *carried) {
    for (size_t i = 0; i < carried->count; i++) {
        struct held *held = held_find(buckets, carried->numbers[i]);
        if (held != NULL) held->durable = true;
    }
}
