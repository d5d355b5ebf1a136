/* keyfile: what was sealed opens with its passphrase only, and resealing needs none. */
#include "crypto/keyfile.h"

#include "tests/unit/fixture_crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include <sodium.h>

static const struct bytes none = {NULL, 0};

static void test_open(void **state) {
    (void)state;
    static const enum keyfile_kind kinds[] = {KEYFILE_NODE, KEYFILE_ROOT, KEYFILE_OPS};
    for (size_t i = 0; i < 2; i++) {
        struct keyfile keyfile, again;
        struct buf file = {0};
        struct random random;
        fixture_random(&random, 1);
        fixture_keyfile(&keyfile, kinds[i]);
        assert_int_equal(keyfile_seal(&file, &keyfile, none, &random), OK);
        assert_int_equal(file.size, KEYFILE_BYTES);
        assert_false(keyfile_needs_passphrase(bytes_of_buf(&file)));
        assert_int_equal(keyfile_open(&again, bytes_of_buf(&file), none), OK);
        assert_memory_equal(&again, &keyfile, sizeof keyfile);
        assert_int_equal(keyfile_open(&again, bytes_of_buf(&file), bytes_of_text("not needed")), OK);
        buf_free(&file);
    }
}

/* One file under a real passphrase: a second of Argon2id each way, so all of it is in one test. */
static void test_passphrase(void **state) {
    (void)state;
    struct keyfile keyfile, again;
    struct keyfile_lock lock;
    struct buf file = {0}, resealed = {0};
    struct random random;
    struct bytes passphrase = bytes_of_text("correct horse battery staple");
    fixture_random(&random, 2);
    fixture_keyfile(&keyfile, KEYFILE_NODE);
    assert_int_equal(keyfile_seal(&file, &keyfile, passphrase, &random), OK);
    assert_true(keyfile_needs_passphrase(bytes_of_buf(&file)));
    assert_int_equal(keyfile_open(&again, bytes_of_buf(&file), bytes_of_text("correct horse battery stapler")), ERR_PASSPHRASE);
    assert_true(sodium_is_zero((const uint8_t *)&again, sizeof again));
    assert_int_equal(keyfile_open(&again, bytes_of_buf(&file), none), ERR_PASSPHRASE);
    assert_int_equal(keyfile_open_keep(&again, &lock, bytes_of_buf(&file), passphrase), OK);
    assert_memory_equal(&again, &keyfile, sizeof keyfile);
    /* A new prekey goes in without the passphrase, which still opens the file. */
    again.prekey_count = 1;
    memset(&again.prekeys[1], 0, sizeof again.prekeys[1]);
    assert_int_equal(keyfile_reseal(&resealed, &again, &lock, &random), OK);
    assert_true(keyfile_needs_passphrase(bytes_of_buf(&resealed)));
    assert_memory_not_equal(resealed.data + 40, file.data + 40, 24);
    assert_int_equal(keyfile_open(&keyfile, bytes_of_buf(&resealed), passphrase), OK);
    assert_memory_equal(&again, &keyfile, sizeof keyfile);
    buf_free(&file);
    buf_free(&resealed);
}

/* Every byte of the file is under the tag or checked by name. */
static void test_every_byte(void **state) {
    (void)state;
    struct keyfile keyfile, again;
    struct buf file = {0};
    struct random random;
    fixture_random(&random, 3);
    fixture_keyfile(&keyfile, KEYFILE_NODE);
    assert_int_equal(keyfile_seal(&file, &keyfile, none, &random), OK);
    for (size_t at = 0; at < file.size; at++) {
        file.data[at] ^= 0x10;
        enum err error = keyfile_open(&again, bytes_of_buf(&file), none);
        assert_int_equal(error, at == 8 ? ERR_VERSION : at < 24 ? ERR_FORMAT : ERR_PASSPHRASE);
        assert_true(sodium_is_zero((const uint8_t *)&again, sizeof again));
        file.data[at] ^= 0x10;
    }
    file.data[9] = KEYFILE_ROOT;
    assert_int_equal(keyfile_open(&again, bytes_of_buf(&file), none), ERR_PASSPHRASE);
    file.data[9] = KEYFILE_NODE;
    for (size_t size = 0; size < file.size; size += 7) {
        assert_int_equal(keyfile_open(&again, bytes_of(file.data, size), none), ERR_FORMAT);
        assert_false(keyfile_needs_passphrase(bytes_of(file.data, size)));
    }
    buf_put_u8(&file, 0);
    assert_int_equal(keyfile_open(&again, bytes_of_buf(&file), none), ERR_FORMAT);
    /* A file that asks for all memory, or for little work, is not one of ours. */
    file.size--;
    file.data[10] = 1;
    put_be32(file.data + 12, 3);
    put_be32(file.data + 16, 0xffffffff);
    assert_false(keyfile_needs_passphrase(bytes_of_buf(&file)));
    assert_int_equal(keyfile_open(&again, bytes_of_buf(&file), bytes_of_text("x")), ERR_FORMAT);
    put_be32(file.data + 16, 8);
    assert_int_equal(keyfile_open(&again, bytes_of_buf(&file), bytes_of_text("x")), ERR_FORMAT);
    buf_free(&file);
}

/* What could not be opened again is not written. */
static void test_refused(void **state) {
    (void)state;
    struct random random;
    fixture_random(&random, 4);
    for (int what = 0; what < 10; what++) {
        struct keyfile keyfile;
        struct buf file = {0};
        fixture_keyfile(&keyfile, what == 6 || what == 7 ? KEYFILE_ROOT : KEYFILE_NODE);
        enum err expected = ERR_RANGE;
        if (what == 0) keyfile.kind = KEYFILE_OPS + 1;
        if (what == 1) keyfile.prekey_count = KEYFILE_PREKEYS_MAX + 1, expected = ERR_LIMIT;
        if (what == 2) keyfile.next_seed[0] = 1;
        if (what == 3) keyfile.prekeys[1].public_half.id = keyfile.prekeys[0].public_half.id;
        if (what == 4) keyfile.prekeys[1].secret[5] ^= 1;
        if (what == 5) keyfile.prekey_next_id = 8;
        if (what == 6) keyfile.store_key[0] = 1;
        if (what == 7) keyfile.curve_secret[31] = 1;
        if (what == 8) memset(keyfile.prekeys[0].public_half.public_key, 0, 32);
        if (what == 9) fixture_keyfile(&keyfile, KEYFILE_OPS), keyfile.next_seed[1] = 1;
        assert_int_equal(keyfile_seal(&file, &keyfile, none, &random), expected);
        assert_int_equal(file.size, 0);
        buf_free(&file);
    }
    struct keyfile keyfile;
    struct keyfile_lock lock;
    struct buf file = {0}, other = {0};
    fixture_keyfile(&keyfile, KEYFILE_NODE);
    assert_int_equal(keyfile_seal(&file, &keyfile, none, &random), OK);
    assert_int_equal(keyfile_open_keep(&keyfile, &lock, bytes_of_buf(&file), none), OK);
    fixture_keyfile(&keyfile, KEYFILE_ROOT);
    assert_int_equal(keyfile_reseal(&other, &keyfile, &lock, &random), ERR_RANGE);
    buf_free(&file);
    buf_free(&other);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_open), cmocka_unit_test(test_passphrase),
                                       cmocka_unit_test(test_every_byte), cmocka_unit_test(test_refused)};
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests_name("keyfile", tests, NULL, NULL);
}
