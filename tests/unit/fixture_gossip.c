#include "tests/unit/fixture_gossip.h"

#include "gossip/proof.h"

#include <assert.h>
#include <string.h>

static void record_add(struct buf *chain, struct agency *agency, struct buf *body, uint32_t signer) {
    fixture_record(chain, bytes_of_buf(body), &signer, 1);
    enum err err = agency_parse(agency, bytes_of_buf(chain), NULL);
    assert(err == OK);
    buf_free(body);
}

void fixture_agency(struct buf *chain, struct agency *agency, uint32_t number) {
    struct agency_root_draft root = fixture_root(1, number + 10, number + 20, 1, number + 30);
    struct buf body = {0};
    enum err err = agency_draft_root(&body, NULL, &root, FIXTURE_NOW_MS);
    assert(err == OK);
    record_add(chain, agency, &body, number + 10);
    fixture_agency_node(chain, agency, number, number + 40);
}

void fixture_agency_node(struct buf *chain, struct agency *agency, uint32_t number, uint32_t node) {
    struct agency_node fields = fixture_node(node);
    struct buf body = {0};
    enum err err = agency_draft_node(&body, agency, &fields, FIXTURE_NOW_MS);
    assert(err == OK);
    record_add(chain, agency, &body, number + 30);
}

void fixture_agency_revoke(struct buf *chain, struct agency *agency, uint32_t number, uint64_t seq) {
    static const uint8_t hash[HASH_BYTES] = {9};
    struct buf body = {0};
    enum err err = agency_draft_revoke(&body, agency, agency->nodes[0].id, seq, hash, FIXTURE_NOW_MS);
    assert(err == OK);
    record_add(chain, agency, &body, number + 30);
}

void fixture_entry(struct buf *out, const struct agency *agency, uint32_t number, enum entry_type type, uint64_t seq,
                   const uint8_t *previous, struct bytes body) {
    struct entry_draft draft = {.type = type, .seq = seq, .time_ms = FIXTURE_NOW_MS + seq, .body = body};
    uint8_t seed[32], signature[SIGN_BYTES];
    struct sign_subject subject;
    struct entry entry;
    size_t start = out->size;
    memcpy(draft.agency_id, agency->id, AGENCY_ID_BYTES);
    memcpy(draft.node_id, agency->nodes[0].id, NODE_ID_BYTES);
    if (previous) memcpy(draft.previous, previous, HASH_BYTES);
    enum err err = entry_write(out, &draft);
    assert(err == OK);
    err = entry_parse_draft(&entry, bytes_of(out->data + start, out->size - start));
    assert(err == OK);
    entry_subject(&subject, &entry);
    fixture_seed(seed, number + 40);
    sign_make(signature, &subject, seed);
    buf_put_raw(out, signature, sizeof signature);
}

void fixture_entry_prekey(struct buf *out, const struct agency *agency, uint32_t number, uint32_t id, uint64_t created_ms) {
    struct prekey prekey = {.id = id, .created_ms = created_ms};
    uint8_t secret[PREKEY_SECRET_BYTES], body[PREKEY_BODY_BYTES];
    fixture_seed(secret, number + 60 + id);
    prekey_public_of_secret(prekey.public_key, secret);
    prekey_write(body, &prekey);
    fixture_entry(out, agency, number, ENTRY_PREKEY, id, NULL, bytes_of(body, sizeof body));
}

struct block_body fixture_block_body(void) {
    struct block_body body = {
        .epoch_seq = 7, .index = 3, .carriage = CARRIAGE_RELAY, .expires_ms = FIXTURE_NOW_MS + PREKEY_SEAL_MS};
    fixture_seed(body.seal.payload_hash, 1);
    fixture_seed(body.seal.root, 2);
    body.seal.payload_bytes = 4096;
    body.seal.plain_class = 14;
    return body;
}

void fixture_proof(struct buf *out, const struct agency *agency, uint32_t number, uint64_t seq, struct bytes item) {
    struct block_codec *codec = block_codec_new();
    struct block *block = block_new(codec);
    struct block_body body = fixture_block_body();
    struct buf payload = {0}, entry = {0};
    struct bytes items[3] = {bytes_of_text("before"), item, bytes_of_text("behind")};
    struct proof proof = {.item = item};
    struct random random;
    uint8_t secret[32], leaf_key[32], leaves[3 * HASH_BYTES], path[PROOF_PATH_MAX * HASH_BYTES], raw[BLOCK_BODY_BYTES];
    enum err err = OK;
    fixture_random(&random, number + (uint32_t)seq);
    fixture_seed(secret, number + (uint32_t)seq);
    for (size_t i = 0; i < 3 && err == OK; i++) err = block_add(block, items[i]);
    if (err == OK) err = block_close(block, &payload, &body.seal, secret, body.index, &random);
    assert(err == OK);
    block_leaf_key(leaf_key, block);
    for (uint32_t i = 0; i < 3; i++) {
        uint8_t salt[HASH_BYTES];
        block_leaf_salt(salt, leaf_key, i);
        block_leaf_salted(leaves + i * HASH_BYTES, salt, items[i]);
    }
    block_body_write(raw, &body);
    fixture_entry(&entry, agency, number, ENTRY_BLOCK, seq, NULL, bytes_of(raw, sizeof raw));
    proof.entries = bytes_of_buf(&entry);
    block_leaf_salt(proof.salt, leaf_key, 1);
    proof_make(&proof, path, leaves, 3, 1);
    err = proof_encode(out, &proof);
    assert(err == OK);
    buf_free(&payload), buf_free(&entry);
    block_free(block);
    block_codec_free(codec);
}
