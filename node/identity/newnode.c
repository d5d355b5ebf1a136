#include "node/identity/newnode.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

/* The first moments of a certificate lie in the past, so that a partner whose clock is behind accepts it. */
#define EARLY_MS (3600ull * 1000)

void newnode_draw(struct keyfile *out, const uint8_t agency_id[static AGENCY_ID_BYTES], uint64_t now_ms, struct random *random) {
    struct keyfile_prekey *prekey = &out->prekeys[0];
    *out = (struct keyfile){.kind = KEYFILE_NODE, .prekey_count = 1, .prekey_next_id = 2};
    memcpy(out->agency_id, agency_id, AGENCY_ID_BYTES);
    random_bytes(random, out->sign_seed, sizeof out->sign_seed);
    random_bytes(random, out->curve_secret, sizeof out->curve_secret);
    random_bytes(random, out->store_key, sizeof out->store_key);
    random_bytes(random, prekey->secret, sizeof prekey->secret);
    prekey_public_of_secret(prekey->public_half.public_key, prekey->secret);
    prekey->public_half.id = 1;
    prekey->public_half.created_ms = now_ms;
}

void newnode_dates(struct agency_node *node, uint64_t now_ms) {
    node->not_before_ms = now_ms > EARLY_MS ? now_ms - EARLY_MS : 0;
    node->not_after_ms = now_ms + AGENCY_NODE_DAYS * NEWNODE_DAY_MS;
}

enum err newnode_certificate(struct agency_node *out, const struct keyfile *keys, const char *endpoint, uint64_t now_ms) {
    *out = (struct agency_node){0};
    newnode_dates(out, now_ms);
    sign_public_of_seed(out->sign_public, keys->sign_seed);
    agency_node_id(out->id, keys->agency_id, out->sign_public);
    if (crypto_scalarmult_base(out->curve_public, keys->curve_secret) != 0) return ERR_KEY;
    if (!endpoint || !*endpoint) return OK;
    if (strlen(endpoint) > AGENCY_ENDPOINT_BYTES_MAX) return ERR_TOO_BIG;
    snprintf(out->endpoints[0].text, sizeof out->endpoints[0].text, "%s", endpoint);
    out->endpoint_count = 1;
    return OK;
}

enum err newnode_prekey_entry(struct buf *out, const struct keyfile *keys, uint64_t now_ms) {
    uint8_t body[PREKEY_BODY_BYTES] = {0}, signature[SIGN_BYTES], sign_public[SIGN_PUBLIC_BYTES];
    struct entry_draft draft = {.type = ENTRY_PREKEY, .seq = 1, .time_ms = now_ms, .body = bytes_of(body, sizeof body)};
    struct sign_subject subject;
    struct entry entry;
    size_t start = out->size;
    prekey_write(body, &keys->prekeys[0].public_half);
    sign_public_of_seed(sign_public, keys->sign_seed);
    memcpy(draft.agency_id, keys->agency_id, AGENCY_ID_BYTES);
    agency_node_id(draft.node_id, keys->agency_id, sign_public);
    enum err err = entry_write(out, &draft);
    if (err == OK) err = entry_parse_draft(&entry, bytes_of(out->data + start, out->size - start));
    if (err != OK) return err;
    entry_subject(&subject, &entry);
    sign_make(signature, &subject, keys->sign_seed);
    buf_put_raw(out, signature, sizeof signature);
    return buf_result(out);
}

void newnode_sign(struct agency_signature *out, struct bytes body, const uint8_t seed[static SIGN_SEED_BYTES]) {
    struct sign_subject subject;
    agency_subject(&subject, body);
    sign_public_of_seed(out->public_key, seed);
    sign_make(out->signature, &subject, seed);
}
