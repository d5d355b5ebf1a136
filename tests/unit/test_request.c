/* Requests: a drafted record goes as a file to the keys that sign it and comes back; offers; and what is not signed counts for nothing. */
#include "crypto/secret.h"
#include "crypto/selftest.h"
#include "node/identity/genesis.h"
#include "node/identity/newnode.h"
#include "node/identity/offer.h"
#include "node/cmd/ownchain.h"
#include "node/identity/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NOW_MS 1790000000000ull

static void agency_make(struct genesis *out, uint8_t seed_byte) {
    uint8_t seed[RANDOM_SEED_BYTES];
    struct random random;
    struct genesis_options options = {.agency_name = "CERT A", .endpoint = "tcp://127.0.0.1:7400", .now_ms = NOW_MS};
    memset(seed, seed_byte, sizeof seed);
    random_init_seed(&random, seed);
    assert_int_equal(genesis_make(out, &options, &random), OK);
}

static void renewal_draft(struct request *out, const struct genesis *genesis) {
    assert_int_equal(request_open(out, bytes_of_buf(&genesis->chain)), OK);
    struct agency_node node = out->agency.nodes[0];
    newnode_dates(&node, NOW_MS + 60 * NEWNODE_DAY_MS);
    assert_int_equal(agency_draft_node(&out->body, &out->agency, &node, NOW_MS), OK);
}

static int setup(void **state) {
    (void)state;
    return selftest_run(NULL) == OK ? 0 : -1;
}

/* Written, read, signed elsewhere, read again, sealed: the node's certificate lasts longer. */
static void test_there_and_back(void **state) {
    struct genesis genesis;
    struct request request, there, back;
    struct buf text = {0}, signed_text = {0};
    (void)state;
    agency_make(&genesis, 1);
    renewal_draft(&request, &genesis);
    assert_false(request_is_root(&request));
    assert_int_equal(request_threshold(&request), 1);
    assert_int_equal(request_write(&text, &request), OK);
    assert_int_equal(request_read(&there, bytes_of_buf(&text)), OK);
    assert_int_equal(request_seal(&there), ERR_SIGNATURE);
    assert_int_equal(request_sign(&there, genesis.ops->sign_seed), OK);
    assert_int_equal(request_sign(&there, genesis.ops->sign_seed), OK);
    assert_int_equal(there.signature_count, 1);
    assert_int_equal(request_write(&signed_text, &there), OK);
    assert_int_equal(request_read(&back, bytes_of_buf(&signed_text)), OK);
    assert_int_equal(request_merge(&request, &back), OK);
    assert_int_equal(request_seal(&request), OK);
    assert_int_equal(request.agency.record_count, 3);
    assert_int_equal(request.agency.nodes[0].not_after_ms, NOW_MS + 150 * NEWNODE_DAY_MS);
    request_free(&request), request_free(&there), request_free(&back);
    buf_free(&text), buf_free(&signed_text);
    genesis_free(&genesis);
}

/* A key that is not entitled signs in vain, and drafts of others are told apart. */
static void test_other_keys(void **state) {
    struct genesis a, b;
    struct request request, other;
    (void)state;
    agency_make(&a, 2);
    agency_make(&b, 3);
    renewal_draft(&request, &a);
    renewal_draft(&other, &b);
    assert_int_equal(request_merge(&request, &other), ERR_CHAIN);
    assert_int_equal(request_sign(&request, b.ops->sign_seed), OK);
    assert_int_equal(request_seal(&request), ERR_SIGNATURE);
    for (int i = 0; i < AGENCY_KEYS_MAX + 1; i++) {
        uint8_t seed[SIGN_SEED_BYTES] = {(uint8_t)i, 7};
        assert_int_equal(request_sign(&other, seed), i < AGENCY_KEYS_MAX ? OK : ERR_LIMIT);
    }
    request_free(&request), request_free(&other);
    genesis_free(&a), genesis_free(&b);
}

/* Any flipped bit of the text is seen, or stands in what is ignored around it. */
static void test_a_flipped_bit_is_seen(void **state) {
    struct genesis genesis;
    struct request request, read;
    struct buf text = {0};
    (void)state;
    agency_make(&genesis, 4);
    renewal_draft(&request, &genesis);
    assert_int_equal(request_write(&text, &request), OK);
    for (size_t i = 0; i < text.size; i += 3) {
        if (text.data[i] == '\n') continue;
        text.data[i] ^= 1;
        enum err err = request_read(&read, bytes_of_buf(&text));
        request_free(&read);
        text.data[i] ^= 1;
        assert_int_not_equal(err, OK);
    }
    request_free(&request);
    buf_free(&text);
    genesis_free(&genesis);
}

/* A body that does not follow its chain is not even shown. */
static void test_a_body_out_of_place(void **state) {
    struct genesis genesis;
    struct request request, read;
    struct buf text = {0};
    (void)state;
    agency_make(&genesis, 5);
    renewal_draft(&request, &genesis);
    assert_int_equal(request_sign(&request, genesis.ops->sign_seed), OK);
    assert_int_equal(request_seal(&request), OK); /* the chain holds it now */
    assert_int_equal(request_write(&text, &request), OK);
    assert_int_equal(request_read(&read, bytes_of_buf(&text)), ERR_CHAIN);
    request_free(&read), request_free(&request);
    buf_free(&text);
    genesis_free(&genesis);
}

/* The next ROOT by its committed key, from an offer: the new key is in force, and the old root and ops keys sign nothing. */
static void test_rotate(void **state) {
    struct genesis genesis;
    struct request request;
    struct offer offer, read;
    struct buf text = {0};
    struct keyfile *next = secret_new(sizeof *next);
    struct random random;
    (void)state;
    agency_make(&genesis, 6);
    random_init_kernel(&random);
    offer_step(next, genesis.root, &random);
    assert_memory_equal(next->sign_seed, genesis.root->next_seed, SIGN_SEED_BYTES);
    offer_make(&offer, next);
    assert_int_equal(offer_write(&text, &offer), OK);
    assert_int_equal(offer_read(&read, bytes_of_buf(&text)), OK);
    assert_memory_equal(&read, &offer, sizeof read);
    text.data[40] ^= 1;
    assert_int_not_equal(offer_read(&read, bytes_of_buf(&text)), OK);

    assert_int_equal(request_open(&request, bytes_of_buf(&genesis.chain)), OK);
    struct agency_root_draft draft = {
        .name = "CERT A", .threshold = 1, .next_threshold = 1, .root_count = 1, .next_count = 1, .surviving_count = 1};
    memcpy(draft.root_public[0], offer.root_public, SIGN_PUBLIC_BYTES);
    memcpy(draft.next_hash[0], offer.next_hash, HASH_BYTES);
    memcpy(draft.surviving[0], genesis.agency.nodes[0].id, NODE_ID_BYTES);
    assert_int_equal(agency_draft_root(&request.body, &request.agency, &draft, NOW_MS), OK);
    assert_true(request_is_root(&request));
    assert_int_equal(request_sign(&request, genesis.root->next_seed), OK);
    assert_int_equal(request_seal(&request), OK);
    assert_int_equal(request.agency.generation, 1);
    assert_false(request.agency.nodes[0].revoked);

    struct request renewal;
    assert_int_equal(request_open(&renewal, bytes_of_buf(&request.chain)), OK);
    struct agency_node node = renewal.agency.nodes[0];
    newnode_dates(&node, NOW_MS);
    assert_int_equal(agency_draft_node(&renewal.body, &renewal.agency, &node, NOW_MS), OK);
    assert_int_equal(request_sign(&renewal, genesis.ops->sign_seed), OK);
    assert_int_equal(request_seal(&renewal), ERR_SIGNATURE);
    request_free(&renewal), request_free(&request);
    secret_free(next);
    buf_free(&text);
    genesis_free(&genesis);
}

/* The card of a chain has the newest prekey of each node that lives, and none of a revoked one. */
static void test_card(void **state) {
    struct genesis genesis;
    struct request request;
    struct card card;
    struct buf binary = {0};
    static const uint8_t zeros[HASH_BYTES] = {0};
    (void)state;
    agency_make(&genesis, 7);
    assert_int_equal(ownchain_card(&binary, bytes_of_buf(&genesis.chain), bytes_of(NULL, 0), bytes_of_buf(&genesis.prekey)), OK);
    assert_true(bytes_equal(bytes_of_buf(&binary), bytes_of_buf(&genesis.card)));
    buf_clear(&binary);
    assert_int_equal(request_open(&request, bytes_of_buf(&genesis.chain)), OK);
    assert_int_equal(agency_draft_revoke(&request.body, &request.agency, request.agency.nodes[0].id, 0, zeros, NOW_MS), OK);
    assert_int_equal(request_sign(&request, genesis.root->sign_seed), OK);
    assert_int_equal(request_seal(&request), OK);
    assert_int_equal(ownchain_card(&binary, bytes_of_buf(&request.chain), bytes_of_buf(&genesis.prekey), bytes_of(NULL, 0)), OK);
    assert_int_equal(card_read(&card, bytes_of_buf(&binary)), OK);
    assert_int_equal(card.prekey_count, 0);
    request_free(&request);
    buf_free(&binary);
    genesis_free(&genesis);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),      cmocka_unit_test(test_other_keys), cmocka_unit_test(test_a_flipped_bit_is_seen),
        cmocka_unit_test(test_a_body_out_of_place), cmocka_unit_test(test_rotate),     cmocka_unit_test(test_card)};
    return cmocka_run_group_tests_name("request", tests, setup, NULL);
}
