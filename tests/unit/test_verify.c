/* verify: bad points are refused as keys, and a signature holds for one subject and one key only. */
#include "crypto/verify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include <sodium.h>

static void key_of(uint8_t out[32], uint8_t number) {
    uint8_t seed[32] = {number};
    sign_public_of_seed(out, seed);
}

static void test_good_keys(void **state) {
    (void)state;
    uint8_t key[32];
    for (uint8_t i = 0; i < 50; i++) {
        key_of(key, i);
        assert_int_equal(verify_key_import(key), OK);
    }
}

/* All points of small order, with their non-canonical spellings, and what is no point at all. */
static void test_bad_points(void **state) {
    (void)state;
    static const char *const bad[] = {
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "0200000000000000000000000000000000000000000000000000000000000000",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint8_t key[32];
        assert_true(hex_decode(key, 32, bytes_of_text(bad[i])));
        assert_int_equal(verify_key_import(key), ERR_KEY);
    }
}

/* CVE-2025-69277: a point of prime order plus one of order 2, 4 or 8. libsodium 1.0.18 as released takes the first kind. */
static void test_mixed_order(void **state) {
    (void)state;
    static const char *const torsion[] = {"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                                          "0000000000000000000000000000000000000000000000000000000000000000",
                                          "0000000000000000000000000000000000000000000000000000000000000080",
                                          "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
                                          "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
                                          "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
                                          "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"};
    for (uint8_t number = 0; number < 8; number++)
        for (size_t i = 0; i < sizeof torsion / sizeof *torsion; i++) {
            uint8_t key[32], small[32], mixed[32];
            key_of(key, number);
            assert_true(hex_decode(small, 32, bytes_of_text(torsion[i])));
            assert_int_equal(crypto_core_ed25519_add(mixed, key, small), 0);
            assert_memory_not_equal(mixed, key, 32);
            assert_int_equal(verify_key_import(mixed), ERR_KEY);
        }
}

static void test_signature(void **state) {
    (void)state;
    static const uint8_t seed[32] = {1};
    uint8_t key[32], other[32], signature[SIGN_BYTES];
    struct sign_subject subject = {.purpose = SIGN_AGENCY, .type = 2, .suite = 1, .seq = 9};
    key_of(key, 1);
    key_of(other, 2);
    sign_make(signature, &subject, seed);
    assert_int_equal(verify_signature(signature, &subject, key), OK);
    assert_int_equal(verify_signature(signature, &subject, other), ERR_SIGNATURE);
    for (size_t bit = 0; bit < 8 * SIGN_BYTES; bit += 5) {
        signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(verify_signature(signature, &subject, key), ERR_SIGNATURE);
        signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (int field = 0; field < 6; field++) {
        struct sign_subject changed = subject;
        if (field == 0) changed.purpose = SIGN_ENTRY;
        if (field == 1) changed.type++;
        if (field == 2) changed.suite++;
        if (field == 3) changed.agency[31] ^= 1;
        if (field == 4) changed.seq++;
        if (field == 5) changed.hash[0] ^= 1;
        assert_int_equal(verify_signature(signature, &changed, key), ERR_SIGNATURE);
    }
}

/* S + L is the same number modulo the order; a verifier that takes it lets strangers make new signatures out of old. */
static void test_malleable(void **state) {
    (void)state;
    static const uint8_t seed[32] = {1}, order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
                                                      0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    0,    0,    0,    0,    0,
                                                      0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};
    uint8_t key[32], signature[SIGN_BYTES];
    struct sign_subject subject = {.purpose = SIGN_LINK};
    key_of(key, 1);
    sign_make(signature, &subject, seed);
    sodium_add(signature + 32, order, 32);
    assert_int_equal(verify_signature(signature, &subject, key), ERR_SIGNATURE);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_good_keys), cmocka_unit_test(test_bad_points),
                                       cmocka_unit_test(test_mixed_order), cmocka_unit_test(test_signature),
                                       cmocka_unit_test(test_malleable)};
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
