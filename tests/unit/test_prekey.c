/* prekey: its 44 bytes, the windows of its life, and the keys that make every secret the same. */
#include "crypto/prekey.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include <sodium.h>

static struct prekey example(void) {
    static const uint8_t secret[32] = {1};
    struct prekey prekey = {.id = 0x01020304, .created_ms = 1790000000000};
    prekey_public_of_secret(prekey.public_key, secret);
    return prekey;
}

static void test_round(void **state) {
    (void)state;
    struct prekey prekey = example(), again;
    uint8_t body[PREKEY_BODY_BYTES + 1];
    prekey_write(body, &prekey);
    assert_int_equal(get_be32(body), 0x01020304);
    assert_memory_equal(body + 4, prekey.public_key, 32);
    assert_true(get_be64(body + 36) == 1790000000000);
    assert_int_equal(prekey_read(&again, bytes_of(body, PREKEY_BODY_BYTES)), OK);
    assert_int_equal(again.id, prekey.id);
    assert_memory_equal(again.public_key, prekey.public_key, 32);
    assert_true(again.created_ms == prekey.created_ms);
    for (size_t size = 0; size < PREKEY_BODY_BYTES; size++) assert_int_equal(prekey_read(&again, bytes_of(body, size)), ERR_FORMAT);
    assert_int_equal(prekey_read(&again, bytes_of(body, PREKEY_BODY_BYTES + 1)), ERR_FORMAT);
}

/* The points of small order on the curve and its twist, and their second spellings. */
static void test_low_order(void **state) {
    (void)state;
    static const char *const low[] = {"0000000000000000000000000000000000000000000000000000000000000000",
                                      "0100000000000000000000000000000000000000000000000000000000000000",
                                      "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
                                      "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
                                      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                                      "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                                      "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                                      "0000000000000000000000000000000000000000000000000000000000000080"};
    for (size_t i = 0; i < sizeof low / sizeof *low; i++) {
        struct prekey prekey = example();
        uint8_t body[PREKEY_BODY_BYTES];
        assert_true(hex_decode(prekey.public_key, 32, bytes_of_text(low[i])));
        prekey_write(body, &prekey);
        assert_int_equal(prekey_read(&prekey, bytes_of(body, sizeof body)), ERR_KEY);
    }
}

static void test_windows(void **state) {
    (void)state;
    struct prekey prekey = example();
    uint64_t born = prekey.created_ms;
    assert_false(prekey_rotate_due(&prekey, born + PREKEY_ROTATE_MS - 1));
    assert_true(prekey_rotate_due(&prekey, born + PREKEY_ROTATE_MS));
    assert_true(prekey_sealable(&prekey, born + PREKEY_SEAL_MS - 1));
    assert_false(prekey_sealable(&prekey, born + PREKEY_SEAL_MS));
    /* A clock behind the author's: new, and not two hundred million years old. */
    assert_false(prekey_rotate_due(&prekey, born - 1000));
    assert_true(prekey_sealable(&prekey, born - 1000));
    assert_true(prekey_kept(&prekey, born - 1000, 0, true));
}

static void test_kept(void **state) {
    (void)state;
    struct prekey prekey = example();
    uint64_t old = prekey.created_ms + PREKEY_KEEP_MS;
    assert_true(prekey_kept(&prekey, old - 1, 0, true));
    assert_false(prekey_kept(&prekey, old, 0, true));
    assert_false(prekey_kept(&prekey, old, 0, false));
    /* After a long absence: until caught up, and no longer than the grace. */
    assert_true(prekey_kept(&prekey, old, old - 1000, false));
    assert_false(prekey_kept(&prekey, old, old - 1000, true));
    assert_true(prekey_kept(&prekey, old + PREKEY_GRACE_MS - 1, old, false));
    assert_false(prekey_kept(&prekey, old + PREKEY_GRACE_MS, old, false));
}

/* RFC 7748 section 6.1. */
static void test_public(void **state) {
    (void)state;
    uint8_t secret[32], expected[32], out[32];
    assert_true(hex_decode(secret, 32, bytes_of_text("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")));
    assert_true(hex_decode(expected, 32, bytes_of_text("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")));
    prekey_public_of_secret(out, secret);
    assert_memory_equal(out, expected, 32);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round), cmocka_unit_test(test_low_order),
                                       cmocka_unit_test(test_windows), cmocka_unit_test(test_kept), cmocka_unit_test(test_public)};
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests_name("prekey", tests, NULL, NULL);
}
