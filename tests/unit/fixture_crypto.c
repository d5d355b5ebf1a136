/* fixture_crypto: keys, agencies and chains that tests of crypto/ share. */
#include "tests/unit/fixture_crypto.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

void fixture_seed(uint8_t out[static 32], uint32_t number) {
    uint8_t raw[4];
    put_be32(raw, number);
    hash_of(out, "comity-test-seed", bytes_of(raw, sizeof raw), bytes_of(NULL, 0));
}

void fixture_random(struct random *random, uint32_t number) {
    uint8_t seed[32];
    fixture_seed(seed, number);
    random_init_seed(random, seed);
}

void fixture_public(uint8_t out[static SIGN_PUBLIC_BYTES], uint32_t number) {
    uint8_t seed[32];
    fixture_seed(seed, number);
    sign_public_of_seed(out, seed);
}

void fixture_record(struct buf *chain, struct bytes body, const uint32_t *signers, size_t count) {
    struct agency_signature signatures[AGENCY_KEYS_MAX];
    struct sign_subject subject;
    assert(count <= AGENCY_KEYS_MAX);
    agency_subject(&subject, body);
    for (size_t i = 0; i < count; i++) {
        uint8_t seed[32];
        fixture_seed(seed, signers[i]);
        fixture_public(signatures[i].public_key, signers[i]);
        sign_make(signatures[i].signature, &subject, seed);
    }
    enum err error = agency_seal_record(chain, body, signatures, count);
    assert(error == OK);
}

struct agency_root_draft fixture_root(uint8_t threshold, uint32_t root, uint32_t next, uint32_t count, uint32_t ops) {
    struct agency_root_draft draft = {.name = "Ministry of Examples", .threshold = threshold, .next_threshold = threshold};
    draft.root_count = draft.next_count = count;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t key[SIGN_PUBLIC_BYTES];
        fixture_public(draft.root_public[i], root + i);
        fixture_public(key, next + i);
        hash_of(draft.next_hash[i], "comity-next-root", bytes_of(key, sizeof key), bytes_of(NULL, 0));
    }
    draft.ops_count = 1;
    fixture_public(draft.ops_public[0], ops);
    return draft;
}

struct agency_node fixture_node(uint32_t number) {
    struct agency_node node = {.not_before_ms = FIXTURE_NOW_MS, .not_after_ms = FIXTURE_NOW_MS + 90 * PREKEY_DAY_MS};
    uint8_t secret[32];
    fixture_public(node.sign_public, number);
    fixture_seed(secret, number + 1);
    prekey_public_of_secret(node.curve_public, secret);
    snprintf(node.endpoints[0].text, sizeof node.endpoints[0].text, "tcp://node%u.example.org:7470", number);
    snprintf(node.endpoints[1].text, sizeof node.endpoints[1].text, "tcp://[2001:db8::%u]:7470", number);
    node.endpoint_count = 2;
    return node;
}

void fixture_chain(struct buf *chain, struct agency *agency, size_t records) {
    static const uint32_t first[] = {10, 12}, ops[] = {30}, second[] = {20, 21};
    memset(agency, 0, sizeof *agency);
    for (size_t i = 0; i < records; i++) {
        struct buf body = {0};
        struct agency_root_draft root = i == 0 ? fixture_root(2, 10, 20, 3, 30) : fixture_root(2, 20, 25, 3, 31);
        struct agency_node node = fixture_node(i == 2 ? 50 : 40);
        uint64_t now_ms = FIXTURE_NOW_MS + i * PREKEY_DAY_MS;
        uint8_t id[NODE_ID_BYTES], head[HASH_BYTES];
        enum err error = OK;
        fixture_seed(head, 60);
        if (i == 0) error = agency_draft_root(&body, NULL, &root, now_ms);
        if (i == 1 || i == 2) error = agency_draft_node(&body, agency, &node, now_ms);
        if (i == 3) {
            node.not_before_ms += 30 * PREKEY_DAY_MS;
            node.not_after_ms += 30 * PREKEY_DAY_MS;
            node.endpoint_count = 1;
            error = agency_draft_node(&body, agency, &node, now_ms);
        }
        if (i == 4) error = agency_draft_revoke(&body, agency, agency->nodes[1].id, 7, head, now_ms);
        if (i == 5) {
            memcpy(id, agency->nodes[0].id, sizeof id);
            memcpy(root.surviving[0], id, sizeof id);
            root.surviving_count = 1;
            error = agency_draft_root(&body, agency, &root, now_ms);
        }
        assert(error == OK);
        size_t start = chain->size;
        fixture_record(chain, bytes_of_buf(&body), i == 0 ? first : i == 5 ? second : ops, i == 0 || i == 5 ? 2 : 1);
        error = agency_apply(agency, bytes_of(chain->data + start + 2, chain->size - start - 2));
        assert(error == OK);
        buf_free(&body);
    }
}

void fixture_block_seal(struct buf *payload, struct block_seal *seal, struct bytes container, const uint8_t *root,
                        const uint8_t epoch_secret[static 32], uint32_t index) {
    uint8_t key[32], seal_key[32], additional[16] = "comity-block";
    size_t size = block_size_class(container.size + BLOCK_OVERHEAD_BYTES);
    if (container.size + BLOCK_OVERHEAD_BYTES > size) size = container.size + BLOCK_OVERHEAD_BYTES;
    uint8_t *at = buf_grow(payload, size);
    assert(at != NULL);
    block_key(key, epoch_secret, index);
    hash_derive(seal_key, key, "comity-block-seal", bytes_of(NULL, 0));
    put_be32(additional + 12, index);
    memset(at, 0, size);
    if (container.size > 0) memcpy(at + 24, container.data, container.size);
    crypto_aead_xchacha20poly1305_ietf_encrypt(at + 24, NULL, at + 24, size - BLOCK_OVERHEAD_BYTES, additional, 16, NULL, at,
                                               seal_key);
    hash_of(seal->payload_hash, "comity-payload", bytes_of(at, size), bytes_of(NULL, 0));
    seal->payload_bytes = (uint32_t)size;
    seal->plain_class = 22;
    memcpy(seal->root, root, HASH_BYTES);
}

void fixture_keyfile(struct keyfile *out, enum keyfile_kind kind) {
    memset(out, 0, sizeof *out);
    out->kind = kind;
    fixture_seed(out->agency_id, 1);
    fixture_seed(out->sign_seed, 2);
    if (kind == KEYFILE_ROOT) fixture_seed(out->next_seed, 3);
    if (kind != KEYFILE_NODE) return;
    fixture_seed(out->curve_secret, 4);
    fixture_seed(out->store_key, 5);
    out->prekey_next_id = 9;
    out->prekey_count = 2;
    for (uint32_t i = 0; i < 2; i++) {
        fixture_seed(out->prekeys[i].secret, 6 + i);
        out->prekeys[i].public_half.id = 7 + i;
        out->prekeys[i].public_half.created_ms = FIXTURE_NOW_MS + i * PREKEY_ROTATE_MS;
        prekey_public_of_secret(out->prekeys[i].public_half.public_key, out->prekeys[i].secret);
    }
}

void fixture_item(struct buf *out, uint32_t number, size_t size) {
    uint8_t seed[32];
    char hex[65];
    size_t start = out->size;
    fixture_seed(seed, number);
    hex_encode(hex, bytes_of(seed, sizeof seed));
    buf_put_format(
        out,
        "{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"id\":\"indicator--%.8s-%.4s-4%.3s-a%.3s-%.12s\",\"created\":"
        "\"2026-11-%02uT08:00:00.000Z\",\"modified\":\"2026-11-%02uT08:00:00.000Z\",\"indicator_types\":[\"malicious-activity\"],"
        "\"pattern\":\"[ipv4-addr:value = '198.51.%u.%u']\",\"pattern_type\":\"stix\",\"description\":\"",
        hex, hex + 8, hex + 12, hex + 15, hex + 18, number % 28 + 1, number % 28 + 1, number / 256 % 256, number % 256);
    while (out->size - start < size) buf_put_u8(out, 'x');
    buf_put_text(out, "\"}");
}
