#include "gossip/agencies.h"

#include <stdlib.h>
#include <string.h>

void agencies_free(struct agencies *agencies) {
    for (size_t i = 0; i < agencies->row_count; i++)
        while (agencies->rows[i]) {
            struct agency_held *held = agencies->rows[i];
            agencies->rows[i] = held->next;
            buf_free(&held->chain);
            free(held);
        }
    free(agencies->rows);
    *agencies = (struct agencies){0};
}

static struct agency_held **row_of(const struct agencies *agencies, const uint8_t key[static HASH_BYTES]) {
    return &agencies->rows[get_be32(key) & (agencies->row_count - 1)];
}

static bool grow(struct agencies *agencies) {
    if (agencies->count < agencies->row_count) return true;
    struct agencies grown = {.row_count = agencies->row_count ? 2 * agencies->row_count : 16, .count = agencies->count};
    grown.rows = calloc(grown.row_count, sizeof(struct agency_held *));
    if (!grown.rows) return false;
    for (size_t i = 0; i < agencies->row_count; i++)
        while (agencies->rows[i]) {
            struct agency_held *held = agencies->rows[i], **row = row_of(&grown, held->key);
            agencies->rows[i] = held->next;
            held->next = *row;
            *row = held;
        }
    free(agencies->rows);
    *agencies = grown;
    return true;
}

static enum err add(struct agencies *agencies, struct bytes chain, const uint8_t key[static HASH_BYTES], struct agency_held **out) {
    struct agency_held *held = grow(agencies) ? calloc(1, sizeof *held) : NULL;
    if (!held) return ERR_MEMORY;
    enum err err = agency_parse(&held->agency, chain, NULL);
    buf_init(&held->chain, AGENCY_CHAIN_BYTES_MAX);
    if (err == OK) buf_put(&held->chain, chain);
    if (err == OK) err = buf_result(&held->chain);
    if (err != OK) {
        buf_free(&held->chain);
        free(held);
        return err;
    }
    memcpy(held->key, key, HASH_BYTES);
    struct agency_held **row = row_of(agencies, key);
    held->next = *row;
    *row = held;
    agencies->count++;
    *out = held;
    return OK;
}

enum err agencies_hold(struct agencies *agencies, struct bytes chain, struct agency_held **out) {
    uint8_t key[HASH_BYTES];
    hash_of(key, "comity-chain", chain, bytes_of(NULL, 0));
    struct agency_held *held = agencies->row_count ? *row_of(agencies, key) : NULL;
    while (held && memcmp(held->key, key, HASH_BYTES) != 0) held = held->next;
    enum err err = held ? OK : add(agencies, chain, key, &held);
    if (err != OK) return err;
    held->holders++;
    *out = held;
    return OK;
}

void agencies_release(struct agencies *agencies, struct agency_held *held) {
    if (!held || --held->holders > 0) return;
    struct agency_held **at = row_of(agencies, held->key);
    while (*at != held) at = &(*at)->next;
    *at = held->next;
    agencies->count--;
    buf_free(&held->chain);
    free(held);
}
