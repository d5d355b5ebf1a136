#include "tests/sim/identity.h"

#include "crypto/hash.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

static void seed_of(uint8_t out[static 32], uint64_t seed, uint32_t number, const char *label) {
    uint8_t text[12];
    put_be64(text, seed);
    put_be32(text + 8, number);
    hash_of(out, label, bytes_of(text, sizeof text), bytes_of(NULL, 0));
}

static void record_add(struct identity *identity, struct buf *body, const uint8_t seed[static 32]) {
    struct agency_signature signature;
    struct sign_subject subject;
    agency_subject(&subject, bytes_of_buf(body));
    sign_public_of_seed(signature.public_key, seed);
    sign_make(signature.signature, &subject, seed);
    enum err err = agency_seal_record(&identity->chain, bytes_of_buf(body), &signature, 1);
    assert(err == OK);
    err = agency_parse(&identity->agency, bytes_of_buf(&identity->chain), NULL);
    assert(err == OK);
    buf_free(body);
}

static void root_add(struct identity *identity, uint64_t seed, uint32_t number, uint64_t now_ms) {
    struct agency_root_draft draft = {.threshold = 1, .root_count = 1, .next_threshold = 1, .next_count = 1, .ops_count = 1};
    struct buf body = {0};
    uint8_t next_seed[32], next_public[SIGN_PUBLIC_BYTES];
    char name[32];
    snprintf(name, sizeof name, "Agency %u", number);
    seed_of(next_seed, seed, number, "sim-next");
    sign_public_of_seed(next_public, next_seed);
    sign_public_of_seed(draft.root_public[0], identity->root_seed);
    sign_public_of_seed(draft.ops_public[0], identity->ops_seed);
    hash_of(draft.next_hash[0], "comity-next-root", bytes_of(next_public, sizeof next_public), bytes_of(NULL, 0));
    draft.name = name;
    enum err err = agency_draft_root(&body, NULL, &draft, now_ms);
    assert(err == OK);
    record_add(identity, &body, identity->root_seed);
    memcpy(identity->agency_id, identity->agency.id, AGENCY_ID_BYTES);
}

static void node_add(struct identity *identity, const struct agency_node *node, uint64_t now_ms) {
    struct buf body = {0};
    enum err err = agency_draft_node(&body, &identity->agency, node, now_ms);
    assert(err == OK);
    record_add(identity, &body, identity->ops_seed);
}

void identity_make(struct identity *out, uint64_t seed, uint32_t number, uint64_t now_ms, bool hidden) {
    struct agency_node node = {.not_before_ms = now_ms - PREKEY_DAY_MS, .not_after_ms = now_ms + 89 * PREKEY_DAY_MS};
    uint8_t body[PREKEY_BODY_BYTES];
    *out = (struct identity){0};
    seed_of(out->root_seed, seed, number, "sim-root");
    seed_of(out->ops_seed, seed, number, "sim-ops");
    seed_of(out->sign_seed, seed, number, "sim-sign");
    seed_of(out->curve_secret, seed, number, "sim-curve");
    root_add(out, seed, number, now_ms);
    sign_public_of_seed(node.sign_public, out->sign_seed);
    crypto_scalarmult_base(node.curve_public, out->curve_secret);
    memcpy(out->curve_public, node.curve_public, sizeof out->curve_public);
    if (!hidden) {
        node.endpoint_count = 1;
        snprintf(node.endpoints[0].text, sizeof node.endpoints[0].text, "tcp://127.0.0.1:%u", 10000 + number);
    }
    agency_node_id(out->node_id, out->agency_id, node.sign_public);
    node_add(out, &node, now_ms);
    out->chain_first = out->chain.size;
    identity_prekey_new(out, now_ms, body);
    struct entry_draft draft = {.type = ENTRY_PREKEY, .seq = 1, .time_ms = now_ms, .body = bytes_of(body, sizeof body)};
    identity_entry(out, &out->first, &draft);
}

void identity_free(struct identity *identity) {
    buf_free(&identity->chain);
    buf_free(&identity->first);
}

void identity_renew(struct identity *identity, uint64_t now_ms) {
    struct agency_node node = *agency_node_find(&identity->agency, identity->node_id);
    node.not_before_ms = now_ms - PREKEY_DAY_MS;
    node.not_after_ms = now_ms + 89 * PREKEY_DAY_MS;
    node_add(identity, &node, now_ms);
}

void identity_node_add(struct identity *identity, uint32_t number, uint64_t now_ms) {
    struct agency_node node = {.not_before_ms = now_ms - PREKEY_DAY_MS, .not_after_ms = now_ms + 89 * PREKEY_DAY_MS};
    uint8_t seed[32];
    seed_of(seed, 0, number, "sim-more");
    sign_public_of_seed(node.sign_public, seed);
    crypto_scalarmult_base(node.curve_public, seed);
    node_add(identity, &node, now_ms);
}

void identity_rotate(struct identity *identity, uint64_t seed, uint32_t number, uint8_t salt, uint64_t now_ms) {
    struct agency_root_draft draft = {.threshold = 1, .root_count = 1, .next_threshold = 1, .next_count = 1, .ops_count = 1};
    struct buf body = {0};
    uint8_t next_seed[32], after[SIGN_PUBLIC_BYTES] = {salt};
    seed_of(next_seed, seed, number, "sim-next");
    sign_public_of_seed(draft.root_public[0], next_seed);
    sign_public_of_seed(draft.ops_public[0], identity->ops_seed);
    hash_of(draft.next_hash[0], "comity-next-root", bytes_of(after, sizeof after), bytes_of(NULL, 0));
    memcpy(draft.surviving[0], identity->node_id, NODE_ID_BYTES);
    draft.surviving_count = 1;
    draft.name = identity->agency.name;
    enum err err = agency_draft_root(&body, &identity->agency, &draft, now_ms);
    assert(err == OK);
    record_add(identity, &body, next_seed);
}

void identity_revoke(struct identity *identity, uint64_t seq, const uint8_t hash[static HASH_BYTES], uint64_t now_ms) {
    struct buf body = {0};
    enum err err = agency_draft_revoke(&body, &identity->agency, identity->node_id, seq, hash, now_ms);
    assert(err == OK);
    record_add(identity, &body, identity->ops_seed);
}

void identity_prekey_new(struct identity *identity, uint64_t now_ms, uint8_t body[static PREKEY_BODY_BYTES]) {
    size_t at = identity->prekey_count++;
    assert(at < IDENTITY_PREKEYS_MAX);
    seed_of(identity->prekey_secrets[at], now_ms, (uint32_t)at, "sim-prekey");
    for (size_t i = 0; i < 32; i++) identity->prekey_secrets[at][i] ^= identity->sign_seed[i];
    identity->prekeys[at] = (struct prekey){.id = (uint32_t)at + 1, .created_ms = now_ms};
    prekey_public_of_secret(identity->prekeys[at].public_key, identity->prekey_secrets[at]);
    prekey_write(body, &identity->prekeys[at]);
}

void identity_sign(const struct identity *identity, uint8_t out[static SIGN_BYTES], const struct sign_subject *subject) {
    sign_make(out, subject, identity->sign_seed);
}

void identity_entry(const struct identity *identity, struct buf *out, const struct entry_draft *draft) {
    struct entry_draft full = *draft;
    struct buf bytes = {0};
    struct sign_subject subject;
    struct entry entry;
    uint8_t signature[SIGN_BYTES];
    memcpy(full.agency_id, identity->agency_id, AGENCY_ID_BYTES);
    memcpy(full.node_id, identity->node_id, NODE_ID_BYTES);
    enum err err = entry_write(&bytes, &full);
    assert(err == OK);
    err = entry_parse_draft(&entry, bytes_of_buf(&bytes));
    assert(err == OK);
    entry_subject(&subject, &entry);
    identity_sign(identity, signature, &subject);
    buf_put(out, bytes_of_buf(&bytes));
    buf_put_raw(out, signature, sizeof signature);
    buf_free(&bytes);
}

bool identity_epoch_open(const struct identity *identity, uint8_t secret[static EPOCH_SECRET_BYTES], const struct entry *entry,
                         uint64_t now_ms) {
    struct epoch_author author;
    struct epoch_reader reader = {0};
    memcpy(author.agency_id, entry->agency_id, AGENCY_ID_BYTES);
    memcpy(author.node_id, entry->node_id, NODE_ID_BYTES);
    memcpy(reader.agency_id, identity->agency_id, AGENCY_ID_BYTES);
    memcpy(reader.node_id, identity->node_id, NODE_ID_BYTES);
    for (size_t i = 0; i < identity->prekey_count; i++) {
        if (!prekey_kept(&identity->prekeys[i], now_ms, 0, true)) continue;
        reader.prekey_id = identity->prekeys[i].id;
        memcpy(reader.prekey_public, identity->prekeys[i].public_key, PREKEY_PUBLIC_BYTES);
        if (epoch_open(secret, entry->body, &author, &reader, identity->prekey_secrets[i]) == OK) return true;
    }
    return false;
}
