/* forge: signing and sealing what no honest node would. */
#include "tests/e2e/hostile/forge.h"

#include "node/process/clock.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define BOMB_PLAIN_BYTES   (64u * 1024 * 1024)
#define BOMB_CLAIMED_BYTES (32 * 1024) /* within the ratio that is allowed */
#define VALID_MS           (30 * PREKEY_DAY_MS)

uint64_t forge_now_ms(void) { return clock_wall_ms(); }

void forge_sign(struct buf *out, const struct entry_draft *draft, const uint8_t seed[static SIGN_SEED_BYTES]) {
    struct sign_subject subject = {.purpose = SIGN_ENTRY, .type = (uint8_t)draft->type, .suite = AGENCY_SUITE, .seq = draft->seq};
    uint8_t signature[SIGN_BYTES];
    size_t at = out->size;
    /* By hand: entry_write refuses what is too big. PROTOCOL.md 4.1 */
    buf_put_u8(out, ENTRY_VERSION);
    buf_put_u8(out, (uint8_t)draft->type);
    buf_put_u8(out, AGENCY_SUITE);
    buf_put_u8(out, 0);
    buf_put_raw(out, draft->agency_id, AGENCY_ID_BYTES);
    buf_put_raw(out, draft->node_id, NODE_ID_BYTES);
    buf_put_u64(out, draft->seq);
    buf_put_raw(out, draft->previous, HASH_BYTES);
    buf_put_u64(out, draft->time_ms);
    buf_put_u32(out, (uint32_t)draft->body.size);
    buf_put(out, draft->body);
    must_ok(buf_result(out), "an entry");
    memcpy(subject.agency, draft->agency_id, AGENCY_ID_BYTES);
    hash_of(subject.hash, "comity-entry", bytes_of(out->data + at, out->size - at), bytes_of(NULL, 0));
    sign_make(signature, &subject, seed);
    buf_put_raw(out, signature, sizeof signature);
}

static int slot_order(const void *a, const void *b) { return memcmp(a, b, EPOCH_SLOT_BYTES); }

void forge_epochs(struct member *member, struct buf *out, size_t count) {
    uint8_t body[EPOCH_HEAD_BYTES + EPOCH_SLOTS_MIN * EPOCH_SLOT_BYTES];
    struct entry_draft draft = {.type = ENTRY_EPOCH, .time_ms = forge_now_ms(), .body = bytes_of(body, sizeof body)};
    struct entry entry;
    memcpy(draft.agency_id, member->agency.id, AGENCY_ID_BYTES);
    memcpy(draft.node_id, member->key.node_id, NODE_ID_BYTES);
    for (size_t i = 0; i < count; i++) {
        size_t at = out->size;
        random_bytes(&member->random, body, sizeof body);
        body[0] = 1, body[1] = 1, body[2] = 4, body[3] = 0;
        qsort(body + EPOCH_HEAD_BYTES, EPOCH_SLOTS_MIN, EPOCH_SLOT_BYTES, slot_order);
        draft.seq = member->seq + 1;
        memcpy(draft.previous, member->head_id, HASH_BYTES);
        forge_sign(out, &draft, member->key.sign_seed);
        must_ok(entry_parse(&entry, bytes_of(out->data + at, out->size - at)), "our own epoch");
        member->seq = entry.seq;
        memcpy(member->head_id, entry.id, HASH_BYTES);
    }
}

void forge_next(struct member *member, struct buf *out, enum entry_type type, struct bytes body, uint64_t time_ms) {
    struct entry_draft draft = {.type = type, .seq = member->seq + 1, .time_ms = time_ms ? time_ms : forge_now_ms(), .body = body};
    size_t at = out->size;
    memcpy(draft.agency_id, member->agency.id, AGENCY_ID_BYTES);
    memcpy(draft.node_id, member->key.node_id, NODE_ID_BYTES);
    memcpy(draft.previous, member->head_id, HASH_BYTES);
    forge_sign(out, &draft, member->key.sign_seed);
    member_log_add(member, bytes_of(out->data + at, out->size - at));
}

void forge_statement(struct member *member, struct buf *out, uint64_t salt, uint64_t time_ms) {
    uint8_t body[8];
    put_be64(body, salt);
    forge_next(member, out, ENTRY_STATEMENT, bytes_of(body, sizeof body), time_ms);
}

/* Every sealed secret is turned in one bit: hints lead to their slots, and nothing comes out. */
static void slots_spoil(struct buf *body) {
    for (size_t at = EPOCH_HEAD_BYTES; at + EPOCH_SLOT_BYTES <= body->size; at += EPOCH_SLOT_BYTES) body->data[at + 8] ^= 1;
}

void forge_epoch_make(struct member *member, struct forge_epoch *epoch, bool spoilt) {
    const struct card *victim = &member->cards[0];
    struct epoch_reader reader = {0};
    struct epoch_author author;
    struct prekey prekey;
    struct buf body = {0};
    must(victim->prekey_count > 0, "the victim's card holds no prekey");
    must_ok(prekey_read(&prekey, victim->prekey_entries[0].body), "the victim's prekey");
    memcpy(reader.agency_id, victim->agency.id, AGENCY_ID_BYTES);
    memcpy(reader.node_id, victim->prekey_entries[0].node_id, NODE_ID_BYTES);
    memcpy(reader.prekey_public, prekey.public_key, PREKEY_PUBLIC_BYTES);
    reader.prekey_id = prekey.id;
    memcpy(author.agency_id, member->agency.id, AGENCY_ID_BYTES);
    memcpy(author.node_id, member->key.node_id, NODE_ID_BYTES);
    must_ok(epoch_seal(&body, epoch->secret, &author, &reader, 1, &member->random, NULL), "sealing an epoch");
    if (spoilt) slots_spoil(&body);
    buf_clear(&epoch->entry);
    forge_next(member, &epoch->entry, ENTRY_EPOCH, bytes_of_buf(&body), 0);
    epoch->seq = member->seq;
    buf_free(&body);
}

/* A container (PROTOCOL.md 5.2) of one frame that unpacks to 64 MiB and claims 32 KiB. */
static void bomb_make(struct buf *payload, struct block_seal *seal, const uint8_t secret[static EPOCH_SECRET_BYTES],
                      struct random *random) {
    static const char label[] = "comity-block";
    uint8_t key[32], seal_key[HASH_BYTES], additional[sizeof label + 3];
    size_t bound = ZSTD_compressBound(BOMB_PLAIN_BYTES);
    void *plain = calloc(1, BOMB_PLAIN_BYTES), *packed = malloc(bound);
    must(plain && packed, "out of memory");
    size_t packed_bytes = ZSTD_compress(packed, bound, plain, BOMB_PLAIN_BYTES, 19);
    must(!ZSTD_isError(packed_bytes), "compressing");
    size_t used = 13 + packed_bytes, size = block_size_class(used + BLOCK_OVERHEAD_BYTES) - BLOCK_OVERHEAD_BYTES;
    uint8_t *nonce = buf_grow(payload, size + BLOCK_OVERHEAD_BYTES);
    must(nonce != NULL, "out of memory");
    uint8_t *at = nonce + 24;
    memset(at, 0, size);
    at[0] = 1, at[2] = 1;
    put_be32(at + 3, (uint32_t)packed_bytes);
    put_be32(at + 7, BOMB_CLAIMED_BYTES);
    at[12] = 1;
    memcpy(at + 13, packed, packed_bytes);
    block_key(key, secret, 0);
    hash_derive(seal_key, key, "comity-block-seal", bytes_of(NULL, 0));
    memcpy(additional, label, sizeof label - 1);
    put_be32(additional + sizeof label - 1, 0);
    random_bytes(random, nonce, 24);
    crypto_aead_xchacha20poly1305_ietf_encrypt(at, NULL, at, size, additional, sizeof additional, NULL, nonce, seal_key);
    *seal = (struct block_seal){.payload_bytes = (uint32_t)(size + BLOCK_OVERHEAD_BYTES), .plain_class = 15};
    hash_of(seal->payload_hash, "comity-payload", bytes_of_buf(payload), bytes_of(NULL, 0));
    free(plain);
    free(packed);
}

static void good_make(struct buf *payload, struct block_seal *seal, const uint8_t secret[static EPOCH_SECRET_BYTES],
                      struct random *random) {
    uint8_t item[600];
    struct block_codec *codec = block_codec_new();
    must(codec != NULL, "out of memory");
    struct block *block = block_new(codec);
    must(block != NULL, "out of memory");
    random_bytes(random, item, sizeof item);
    must_ok(block_add(block, bytes_of(item, sizeof item)), "a block");
    must_ok(block_close(block, payload, seal, secret, 0, random), "a block");
    block_free(block);
    block_codec_free(codec);
}

void forge_block_make(struct member *member, const struct forge_epoch *epoch, enum forge_block kind, struct buf *entry,
                      struct buf *payload) {
    struct block_body body = {
        .epoch_seq = epoch->seq, .carriage = CARRIAGE_RELAY, .expires_ms = forge_now_ms() + VALID_MS, .index = 0};
    uint8_t bytes[BLOCK_BODY_BYTES];
    buf_clear(entry);
    buf_clear(payload);
    (kind == FORGE_BOMB ? bomb_make : good_make)(payload, &body.seal, epoch->secret, &member->random);
    block_body_write(bytes, &body);
    forge_next(member, entry, ENTRY_BLOCK, bytes_of(bytes, sizeof bytes), 0);
}

static void record_add(struct member *member, struct buf *body) {
    struct agency_signature signature;
    struct sign_subject subject;
    agency_subject(&subject, bytes_of_buf(body));
    sign_public_of_seed(signature.public_key, member->root->sign_seed);
    sign_make(signature.signature, &subject, member->root->sign_seed);
    must_ok(agency_seal_record(&member->chain, bytes_of_buf(body), &signature, 1), "a record");
    must_ok(agency_parse(&member->agency, bytes_of_buf(&member->chain), NULL), "our own chain");
    buf_free(body);
}

void forge_node(struct member *member, const struct member_key *key, const char *const *endpoints, size_t endpoint_count) {
    uint64_t now_ms = forge_now_ms();
    struct agency_node node = {.not_before_ms = now_ms - PREKEY_DAY_MS, .not_after_ms = now_ms + VALID_MS};
    struct buf body = {0};
    sign_public_of_seed(node.sign_public, key->sign_seed);
    memcpy(node.curve_public, key->curve_public, CURVE_KEY_BYTES);
    memcpy(node.id, key->node_id, NODE_ID_BYTES);
    for (node.endpoint_count = 0; node.endpoint_count < endpoint_count; node.endpoint_count++)
        snprintf(node.endpoints[node.endpoint_count].text, sizeof node.endpoints[0].text, "%s", endpoints[node.endpoint_count]);
    must_ok(agency_draft_node(&body, &member->agency, &node, now_ms), "a node's record");
    record_add(member, &body);
}

void forge_revoke(struct member *member, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq,
                  const uint8_t hash[static HASH_BYTES]) {
    struct buf body = {0};
    must_ok(agency_draft_revoke(&body, &member->agency, node_id, seq, hash, forge_now_ms()), "a revocation");
    record_add(member, &body);
}
