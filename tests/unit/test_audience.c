/* Audiences: which nodes of the agencies named become readers, in which order, and under which name. */
#include "gossip/audience.h"

#include "node/identity/genesis.h"
#include "tests/unit/fixture_crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#define NOW FIXTURE_NOW_MS

static void agency_make(struct genesis *out, uint32_t number) {
    struct random random;
    char name[32];
    struct genesis_options options = {.agency_name = name, .now_ms = NOW};
    snprintf(name, sizeof name, "Agency %u", number);
    fixture_random(&random, number);
    assert_int_equal(genesis_make(out, &options, &random), OK);
}

/* Appends a PREKEY entry of a node of fixture_chain, signed by the seed of its number. */
static void prekey_add(struct buf *out, const uint8_t *agency_id, const uint8_t *node_id, uint32_t number, uint32_t id) {
    uint8_t body[PREKEY_BODY_BYTES] = {0}, secret[PREKEY_SECRET_BYTES], seed[SIGN_SEED_BYTES], signature[SIGN_BYTES];
    struct prekey prekey = {.id = id, .created_ms = NOW};
    struct entry_draft draft = {.type = ENTRY_PREKEY, .seq = id, .time_ms = NOW, .body = bytes_of(body, sizeof body)};
    struct entry entry;
    struct sign_subject subject;
    size_t start = out->size;
    fixture_seed(secret, 1000 + number);
    prekey_public_of_secret(prekey.public_key, secret);
    prekey_write(body, &prekey);
    memcpy(draft.agency_id, agency_id, AGENCY_ID_BYTES);
    memcpy(draft.node_id, node_id, NODE_ID_BYTES);
    assert_int_equal(entry_write(out, &draft), OK);
    assert_int_equal(entry_parse_draft(&entry, bytes_of(out->data + start, out->size - start)), OK);
    entry_subject(&subject, &entry);
    fixture_seed(seed, number);
    sign_make(signature, &subject, seed);
    buf_put_raw(out, signature, sizeof signature);
}

/* A core of agency 1, to which others are told. */
struct desk {
    struct genesis own;
    struct gossip *gossip;
    struct actions actions;
};

static void trust(struct desk *desk, const struct buf *chain, const struct buf *prekeys) {
    struct event event = {.kind = EVENT_TRUST, .now_ms = NOW, .monotonic_ms = 1};
    event.trust.chain = bytes_of_buf(chain), event.trust.prekeys = bytes_of_buf(prekeys);
    assert_int_equal(gossip_step(desk->gossip, &event, &desk->actions), OK);
}

static void desk_make(struct desk *desk) {
    memset(desk, 0, sizeof *desk);
    agency_make(&desk->own, 1);
    struct gossip_options options = {.own_chain = bytes_of_buf(&desk->own.chain)};
    memcpy(options.node_id, desk->own.agency.nodes[0].id, NODE_ID_BYTES);
    assert_int_equal(gossip_open(&desk->gossip, &options), OK);
}

static void desk_free(struct desk *desk) {
    gossip_close(desk->gossip);
    actions_free(&desk->actions);
    genesis_free(&desk->own);
}

/* Agencies 2 to `last` become 1 and on. */
static void trust_agencies(struct desk *desk, uint32_t last) {
    for (uint32_t number = 2; number <= last; number++) {
        struct genesis genesis;
        agency_make(&genesis, number);
        trust(desk, &genesis.chain, &genesis.prekey);
        genesis_free(&genesis);
    }
}

static void test_sorted_and_unique(void **state) {
    (void)state;
    struct desk desk;
    struct audience a = {0}, b = {0}, c = {0};
    uint8_t ids[12 * NODE_ID_BYTES], key[HASH_BYTES];
    desk_make(&desk);
    trust_agencies(&desk, 13);
    for (size_t i = 1; i <= 12; i++) assert_int_equal(audience_add(&a, desk.gossip, i, NOW), OK);
    for (size_t i = 12; i >= 1; i--) assert_int_equal(audience_add(&b, desk.gossip, i, NOW), OK);
    for (size_t i = 1; i <= 12; i++) assert_int_equal(audience_add(&b, desk.gossip, i, NOW), OK);
    for (size_t i = 1; i <= 11; i++) assert_int_equal(audience_add(&c, desk.gossip, i, NOW), OK);
    audience_seal(&a), audience_seal(&b), audience_seal(&c);
    assert_int_equal(a.count, 12);
    assert_int_equal(b.count, 12);
    assert_memory_equal(a.key, b.key, HASH_BYTES);
    assert_memory_not_equal(a.key, c.key, HASH_BYTES);
    for (size_t i = 0; i < 12; i++) {
        memcpy(ids + i * NODE_ID_BYTES, a.readers[i].node_id, NODE_ID_BYTES);
        assert_memory_equal(a.readers[i].node_id, b.readers[i].node_id, NODE_ID_BYTES);
        if (i > 0) assert_true(memcmp(a.readers[i - 1].node_id, a.readers[i].node_id, NODE_ID_BYTES) < 0);
        const struct prekey *prekey = gossip_prekey(desk.gossip, a.readers[i].node_id);
        assert_non_null(prekey);
        assert_int_equal(a.readers[i].prekey_id, prekey->id);
        assert_memory_equal(a.readers[i].prekey_public, prekey->public_key, PREKEY_PUBLIC_BYTES);
    }
    hash_of(key, "comity-audience", bytes_of(ids, sizeof ids), bytes_of(NULL, 0));
    assert_memory_equal(a.key, key, HASH_BYTES);
    audience_free(&a), audience_free(&b), audience_free(&c);
    assert_int_equal(a.count, 0);
    desk_free(&desk);
}

/* A node is left out when it is revoked or its prekey is too old or unknown; an agency without any node is refused. */
static void test_usable_nodes(void **state) {
    (void)state;
    struct desk desk;
    struct agency agency;
    struct buf chain = {0}, longer = {0}, prekeys = {0};
    struct audience audience = {0};
    desk_make(&desk);
    fixture_chain(&chain, &agency, 3);
    trust(&desk, &chain, &prekeys);
    assert_int_equal(audience_add(&audience, desk.gossip, 1, NOW), ERR_NO_PREKEY);
    prekey_add(&prekeys, agency.id, agency.nodes[1].id, 50, 1);
    trust(&desk, &chain, &prekeys);
    assert_int_equal(audience_add(&audience, desk.gossip, 1, NOW), OK);
    assert_int_equal(audience.count, 1);
    assert_memory_equal(audience.readers[0].node_id, agency.nodes[1].id, NODE_ID_BYTES);
    assert_memory_equal(audience.readers[0].agency_id, agency.id, AGENCY_ID_BYTES);
    prekey_add(&prekeys, agency.id, agency.nodes[0].id, 40, 1);
    trust(&desk, &chain, &prekeys);
    assert_int_equal(audience_add(&audience, desk.gossip, 1, NOW), OK);
    assert_int_equal(audience.count, 2);
    audience_free(&audience);
    assert_int_equal(audience_add(&audience, desk.gossip, 1, NOW + PREKEY_SEAL_MS - 1), OK);
    audience_free(&audience);
    assert_int_equal(audience_add(&audience, desk.gossip, 1, NOW + PREKEY_SEAL_MS), ERR_NO_PREKEY);
    assert_int_equal(audience.count, 0);
    fixture_chain(&longer, &agency, 5); /* revokes the second */
    buf_clear(&prekeys);
    trust(&desk, &longer, &prekeys);
    assert_int_equal(audience_add(&audience, desk.gossip, 1, NOW), OK);
    assert_int_equal(audience.count, 1);
    assert_memory_equal(audience.readers[0].node_id, agency.nodes[0].id, NODE_ID_BYTES);
    audience_free(&audience);
    buf_free(&chain);
    buf_free(&longer);
    buf_free(&prekeys);
    desk_free(&desk);
}

static void test_limit(void **state) {
    (void)state;
    struct desk desk;
    struct audience audience = {.readers = calloc(EPOCH_SLOTS_MAX, sizeof *audience.readers)};
    assert_non_null(audience.readers);
    desk_make(&desk);
    trust_agencies(&desk, 2);
    audience.capacity = EPOCH_SLOTS_MAX;
    audience.count = EPOCH_SLOTS_MAX - 1;
    assert_int_equal(audience_add(&audience, desk.gossip, 1, NOW), OK);
    assert_int_equal(audience.count, EPOCH_SLOTS_MAX);
    trust_agencies(&desk, 3);
    assert_int_equal(audience_add(&audience, desk.gossip, 2, NOW), ERR_LIMIT);
    assert_int_equal(audience.count, EPOCH_SLOTS_MAX);
    audience_free(&audience);
    desk_free(&desk);
}

static void test_covered(void **state) {
    (void)state;
    struct epoch_reader readers[2] = {{.node_id = {1}}, {.node_id = {2}}};
    struct audience audience = {.readers = readers, .count = 2};
    uint8_t ids[3 * NODE_ID_BYTES] = {9};
    ids[NODE_ID_BYTES] = 2;
    assert_false(audience_covered(&audience, bytes_of(ids, sizeof ids)));
    ids[2 * NODE_ID_BYTES] = 1;
    assert_true(audience_covered(&audience, bytes_of(ids, sizeof ids)));
    assert_false(audience_covered(&audience, bytes_of(ids, 2 * NODE_ID_BYTES)));
    assert_false(audience_covered(&audience, bytes_of(NULL, 0)));
    audience.count = 1;
    assert_true(audience_covered(&audience, bytes_of(ids, sizeof ids)));
    /* Ids are compared at their places only. */
    memset(ids, 0, sizeof ids);
    ids[8] = 1;
    assert_false(audience_covered(&audience, bytes_of(ids, sizeof ids)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sorted_and_unique),
        cmocka_unit_test(test_usable_nodes),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_covered),
    };
    if (sodium_init() < 0) return 1;
    return cmocka_run_group_tests_name("audience", tests, NULL, NULL);
}
