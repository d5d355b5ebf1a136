/* card: what is written is read again in both forms; a changed byte, a foreign prekey or a bad signature is refused. */
#include "crypto/hash.h"
#include "gossip/card.h"
#include "tests/unit/fixture_gossip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct agency agency, stranger;
static struct buf chain, chain_stranger, prekey, sample;
static struct card card;

static int setup(void **state) {
    (void)state;
    fixture_agency(&chain, &agency, 100);
    fixture_agency(&chain_stranger, &stranger, 200);
    fixture_entry_prekey(&prekey, &agency, 100, 1, FIXTURE_NOW_MS);
    return card_write(&sample, bytes_of_buf(&chain), bytes_of_buf(&prekey)) != OK;
}

static int teardown(void **state) {
    (void)state;
    buf_free(&chain), buf_free(&chain_stranger), buf_free(&prekey), buf_free(&sample);
    return 0;
}

static enum err read_parts(struct bytes the_chain, struct bytes prekeys) {
    struct buf out = {0};
    enum err err = card_write(&out, the_chain, prekeys);
    if (err == OK) err = card_read(&card, bytes_of_buf(&out));
    buf_free(&out);
    return err;
}

static void test_round_trip(void **state) {
    (void)state;
    assert_int_equal(card_read(&card, bytes_of_buf(&sample)), OK);
    assert_memory_equal(card.agency.id, agency.id, AGENCY_ID_BYTES);
    assert_true(bytes_equal(card.chain, bytes_of_buf(&chain)));
    assert_true(bytes_equal(card.prekeys, bytes_of_buf(&prekey)));
    assert_int_equal(card.prekey_count, 1);
    assert_int_equal(read_parts(bytes_of_buf(&chain), bytes_of(NULL, 0)), OK);
}

static void test_every_byte_counts(void **state) {
    (void)state;
    for (size_t i = 0; i < sample.size; i++) {
        sample.data[i] ^= 0x10;
        assert_int_not_equal(card_read(&card, bytes_of_buf(&sample)), OK);
        sample.data[i] ^= 0x10;
        assert_int_not_equal(card_read(&card, bytes_of(sample.data, i)), OK);
    }
}

/* The sum is against accidents only: with a good sum the signatures decide. */
static void test_bad_signature(void **state) {
    (void)state;
    prekey.data[prekey.size - 1] ^= 1;
    assert_int_equal(read_parts(bytes_of_buf(&chain), bytes_of_buf(&prekey)), ERR_SIGNATURE);
    prekey.data[prekey.size - 1] ^= 1;
    chain.data[chain.size - 1] ^= 1;
    assert_int_equal(read_parts(bytes_of_buf(&chain), bytes_of_buf(&prekey)), ERR_SIGNATURE);
    chain.data[chain.size - 1] ^= 1;
}

static void test_wrong_prekeys(void **state) {
    struct buf out = {0};
    (void)state;
    fixture_entry_prekey(&out, &stranger, 200, 1, FIXTURE_NOW_MS);
    assert_int_not_equal(read_parts(bytes_of_buf(&chain), bytes_of_buf(&out)), OK);
    buf_clear(&out);
    /* Signed by another key than its node's. */
    fixture_entry_prekey(&out, &agency, 200, 1, FIXTURE_NOW_MS);
    assert_int_equal(read_parts(bytes_of_buf(&chain), bytes_of_buf(&out)), ERR_SIGNATURE);
    buf_clear(&out);
    fixture_entry(&out, &agency, 100, ENTRY_STATEMENT, 1, NULL, bytes_of_text("not a prekey"));
    assert_int_equal(read_parts(bytes_of_buf(&chain), bytes_of_buf(&out)), ERR_FORMAT);
    buf_clear(&out);
    buf_put(&out, bytes_of_buf(&prekey)), buf_put(&out, bytes_of_buf(&prekey));
    assert_int_equal(read_parts(bytes_of_buf(&chain), bytes_of_buf(&out)), ERR_FORMAT);
    buf_free(&out);
}

static void test_revoked_node(void **state) {
    struct buf cut = {0};
    struct agency after;
    (void)state;
    buf_put(&cut, bytes_of_buf(&chain));
    after = agency;
    fixture_agency_revoke(&cut, &after, 100, 1);
    assert_int_equal(read_parts(bytes_of_buf(&cut), bytes_of_buf(&prekey)), ERR_UNKNOWN_AUTHOR);
    buf_free(&cut);
}

static void test_armour(void **state) {
    struct buf text = {0}, binary = {0}, mail = {0};
    (void)state;
    assert_int_equal(card_armour(&text, bytes_of_buf(&sample)), OK);
    buf_put_text(&mail, "Dear colleagues,\r\n\r\n> our card:\r\n");
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '\n') buf_put_text(&mail, "\r");
        buf_put_raw(&mail, text.data + i, 1);
    }
    buf_put_text(&mail, "\r\nYours, A.\r\n");
    assert_int_equal(card_dearmour(&binary, bytes_of_buf(&mail)), OK);
    assert_true(bytes_equal(bytes_of_buf(&binary), bytes_of_buf(&sample)));
    buf_clear(&binary);
    assert_int_equal(card_dearmour(&binary, bytes_of_buf(&sample)), OK);
    assert_true(bytes_equal(bytes_of_buf(&binary), bytes_of_buf(&sample)));
    buf_clear(&binary);
    assert_int_equal(card_dearmour(&binary, bytes_of(text.data, text.size - 30)), ERR_TRUNCATED);
    assert_int_equal(card_dearmour(&binary, bytes_of_text("no card at all")), ERR_FORMAT);
    text.data[60] = '!';
    assert_int_equal(card_dearmour(&binary, bytes_of_buf(&text)), ERR_FORMAT);
    assert_int_equal(binary.size, 0);
    buf_free(&text), buf_free(&binary), buf_free(&mail);
}

static void test_too_big(void **state) {
    struct bytes large = {calloc(1, 2 * CARD_BYTES_MAX + 1), 2 * CARD_BYTES_MAX + 1};
    struct buf binary = {0};
    (void)state;
    assert_non_null(large.data);
    assert_int_equal(card_dearmour(&binary, large), ERR_TOO_BIG);
    assert_int_equal(card_read(&card, bytes_of(large.data, CARD_BYTES_MAX + 1)), ERR_TOO_BIG);
    free((void *)(uintptr_t)large.data);
    buf_free(&binary);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),    cmocka_unit_test(test_every_byte_counts), cmocka_unit_test(test_bad_signature),
        cmocka_unit_test(test_wrong_prekeys), cmocka_unit_test(test_revoked_node),      cmocka_unit_test(test_armour),
        cmocka_unit_test(test_too_big),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
