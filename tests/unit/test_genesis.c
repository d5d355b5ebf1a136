/* A new agency: its chain, card and first log entry verify by the same code that judges strangers; its keys fit what it says. */
#include "crypto/prekey.h"
#include "crypto/secret.h"
#include "crypto/selftest.h"
#include "node/identity/genesis.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>
#include <zmq.h>

#define NOW_MS 1790000000000ull

static enum err make(struct genesis *out, const char *name, const char *endpoint, uint8_t seed_byte) {
    uint8_t seed[RANDOM_SEED_BYTES];
    struct random random;
    struct genesis_options options = {.agency_name = name, .endpoint = endpoint, .now_ms = NOW_MS};
    memset(seed, seed_byte, sizeof seed);
    random_init_seed(&random, seed);
    return genesis_make(out, &options, &random);
}

static int setup(void **state) {
    (void)state;
    return selftest_run(NULL) == OK ? 0 : -1;
}

/* What a partner reads from the card is what was made. */
static void test_the_card_verifies(void **state) {
    (void)state;
    struct genesis genesis;
    struct card card;
    struct prekey prekey;
    assert_int_equal(make(&genesis, "CERT A", "tcp://127.0.0.1:7400", 1), OK);
    assert_int_equal(card_read(&card, bytes_of_buf(&genesis.card)), OK);
    assert_string_equal(card.agency.name, "CERT A");
    assert_memory_equal(card.agency.id, genesis.node->agency_id, AGENCY_ID_BYTES);
    assert_memory_equal(card.agency.id, genesis.root->agency_id, AGENCY_ID_BYTES);
    assert_int_equal(card.agency.node_count, 1);
    const struct agency_node *node = &card.agency.nodes[0];
    assert_int_equal(node->endpoint_count, 1);
    assert_string_equal(node->endpoints[0].text, "tcp://127.0.0.1:7400");
    assert_true(node->not_before_ms < NOW_MS);
    assert_int_equal(node->not_after_ms, NOW_MS + 90 * PREKEY_DAY_MS);
    assert_int_equal(card.prekey_count, 1);
    assert_int_equal(card.prekey_entries[0].seq, 1);
    assert_int_equal(prekey_read(&prekey, card.prekey_entries[0].body), OK);
    assert_int_equal(prekey.id, 1);
    assert_int_equal(prekey.created_ms, NOW_MS);
    assert_true(prekey_sealable(&prekey, NOW_MS));
    genesis_free(&genesis);
}

/* Public halves belong to the secret ones; libzmq agrees about the CURVE key. */
static void test_keys_fit(void **state) {
    (void)state;
    struct genesis genesis;
    uint8_t public_key[32], next_hash[HASH_BYTES];
    char secret_text[41], public_text[41], expected[41];
    assert_int_equal(make(&genesis, "CERT A", NULL, 2), OK);
    const struct agency_node *node = &genesis.agency.nodes[0];
    assert_int_equal(node->endpoint_count, 0);
    sign_public_of_seed(public_key, genesis.node->sign_seed);
    assert_memory_equal(public_key, node->sign_public, sizeof public_key);
    sign_public_of_seed(public_key, genesis.root->sign_seed);
    assert_memory_equal(public_key, genesis.agency.root_public[0], sizeof public_key);
    sign_public_of_seed(public_key, genesis.root->next_seed);
    hash_of(next_hash, "comity-next-root", bytes_of(public_key, sizeof public_key), bytes_of(NULL, 0));
    assert_memory_equal(next_hash, genesis.agency.next_hash[0], sizeof next_hash);
    sign_public_of_seed(public_key, genesis.ops->sign_seed);
    assert_int_equal(genesis.agency.ops_count, 1);
    assert_memory_equal(public_key, genesis.agency.ops_public[0], sizeof public_key);
    prekey_public_of_secret(public_key, genesis.node->prekeys[0].secret);
    assert_memory_equal(public_key, genesis.node->prekeys[0].public_half.public_key, sizeof public_key);
    assert_non_null(zmq_z85_encode(secret_text, genesis.node->curve_secret, 32));
    assert_non_null(zmq_z85_encode(expected, node->curve_public, 32));
    assert_int_equal(zmq_curve_public(public_text, secret_text), 0);
    assert_string_equal(public_text, expected);
    assert_int_equal(genesis.node->prekey_next_id, 2);
    assert_int_equal(genesis.node->kind, KEYFILE_NODE);
    assert_int_equal(genesis.root->kind, KEYFILE_ROOT);
    assert_int_equal(genesis.ops->kind, KEYFILE_OPS);
    genesis_free(&genesis);
}

/* Equal randomness makes equal agencies, so that tests can; other randomness shares no key. */
static void test_randomness_decides(void **state) {
    (void)state;
    struct genesis a, b, c;
    assert_int_equal(make(&a, "CERT A", NULL, 3), OK);
    assert_int_equal(make(&b, "CERT A", NULL, 3), OK);
    assert_int_equal(make(&c, "CERT A", NULL, 4), OK);
    assert_true(bytes_equal(bytes_of_buf(&a.card), bytes_of_buf(&b.card)));
    assert_memory_not_equal(a.agency.id, c.agency.id, AGENCY_ID_BYTES);
    assert_memory_not_equal(a.node->store_key, c.node->store_key, 32);
    assert_memory_not_equal(a.root->sign_seed, a.node->sign_seed, SIGN_SEED_BYTES);
    assert_memory_not_equal(a.node->sign_seed, a.node->curve_secret, 32);
    genesis_free(&a);
    genesis_free(&b);
    genesis_free(&c);
}

/* One flipped bit anywhere in the card is seen, also when the sum over it is made anew. */
static void test_a_flipped_bit_is_seen(void **state) {
    (void)state;
    struct genesis genesis;
    struct card card;
    assert_int_equal(make(&genesis, "CERT A", "tcp://127.0.0.1:7400", 5), OK);
    struct buf *bytes = &genesis.card;
    for (size_t i = 0; i < bytes->size; i++) {
        bytes->data[i] ^= 1;
        assert_int_not_equal(card_read(&card, bytes_of_buf(bytes)), OK);
        if (i < bytes->size - HASH_BYTES) {
            uint8_t kept[HASH_BYTES], *sum = bytes->data + bytes->size - HASH_BYTES;
            memcpy(kept, sum, sizeof kept);
            hash_of(sum, "comity-card", bytes_of(bytes->data, bytes->size - HASH_BYTES), bytes_of(NULL, 0));
            assert_int_not_equal(card_read(&card, bytes_of_buf(bytes)), OK);
            memcpy(sum, kept, sizeof kept);
        }
        bytes->data[i] ^= 1;
    }
    assert_int_equal(card_read(&card, bytes_of_buf(bytes)), OK);
    genesis_free(&genesis);
}

static void test_what_no_record_may_hold_is_refused(void **state) {
    (void)state;
    struct genesis genesis;
    char name[AGENCY_NAME_BYTES_MAX + 2], endpoint[AGENCY_ENDPOINT_BYTES_MAX + 2];
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = 0;
    memset(endpoint, 'e', sizeof endpoint);
    memcpy(endpoint, "tcp://", 6);
    endpoint[sizeof endpoint - 1] = 0;
    assert_int_not_equal(make(&genesis, name, NULL, 6), OK);
    genesis_free(&genesis);
    assert_int_not_equal(make(&genesis, "", NULL, 6), OK);
    genesis_free(&genesis);
    assert_int_not_equal(make(&genesis, "CERT A", endpoint, 6), OK);
    genesis_free(&genesis);
    name[AGENCY_NAME_BYTES_MAX] = 0;
    assert_int_equal(make(&genesis, name, NULL, 6), OK);
    genesis_free(&genesis);
}

/* The key file that init writes opens again, whole. */
static void test_the_key_file_holds_it_all(void **state) {
    (void)state;
    struct genesis genesis;
    struct random random;
    struct buf sealed = {0};
    struct keyfile *opened = secret_new(sizeof *opened);
    assert_non_null(opened);
    random_init_kernel(&random);
    assert_int_equal(make(&genesis, "CERT A", NULL, 7), OK);
    assert_int_equal(keyfile_seal(&sealed, genesis.node, bytes_of(NULL, 0), &random), OK);
    assert_false(keyfile_needs_passphrase(bytes_of_buf(&sealed)));
    assert_int_equal(keyfile_open(opened, bytes_of_buf(&sealed), bytes_of(NULL, 0)), OK);
    assert_memory_equal(opened->sign_seed, genesis.node->sign_seed, SIGN_SEED_BYTES);
    assert_memory_equal(opened->store_key, genesis.node->store_key, 32);
    assert_int_equal(opened->prekey_count, 1);
    assert_memory_equal(opened->prekeys[0].secret, genesis.node->prekeys[0].secret, PREKEY_SECRET_BYTES);
    buf_free(&sealed);
    secret_free(opened);
    genesis_free(&genesis);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_card_verifies),
        cmocka_unit_test(test_keys_fit),
        cmocka_unit_test(test_randomness_decides),
        cmocka_unit_test(test_a_flipped_bit_is_seen),
        cmocka_unit_test(test_what_no_record_may_hold_is_refused),
        cmocka_unit_test(test_the_key_file_holds_it_all),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
