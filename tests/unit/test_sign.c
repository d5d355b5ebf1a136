/* sign: RFC 8032's vectors through the library, and the fixed string that we sign. */
#include "crypto/verify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include <sodium.h>

/* RFC 8032 section 7.1: tests 1, 2, 3 and SHA(abc). */
static const struct {
    const char *seed, *public_key, *message, *signature;
} vectors[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a1"
     "00b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0"
     "c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec"
     "40a"},
    {"833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
     "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca"
     "49f",
     "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a"
     "704"},
};

static void test_rfc8032(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        uint8_t seed[32], public_key[32], expected_key[32], message[64], signature[64], expected[64], secret[64];
        size_t size = strlen(vectors[i].message) / 2;
        assert_true(hex_decode(seed, 32, bytes_of_text(vectors[i].seed)));
        assert_true(hex_decode(expected_key, 32, bytes_of_text(vectors[i].public_key)));
        assert_true(hex_decode(message, size, bytes_of_text(vectors[i].message)));
        assert_true(hex_decode(expected, 64, bytes_of_text(vectors[i].signature)));
        sign_public_of_seed(public_key, seed);
        assert_memory_equal(public_key, expected_key, 32);
        assert_int_equal(verify_key_import(public_key), OK);
        memcpy(secret, seed, 32);
        memcpy(secret + 32, public_key, 32);
        crypto_sign_detached(signature, NULL, message, size, secret);
        assert_memory_equal(signature, expected, 64);
    }
}

static struct sign_subject example(void) {
    struct sign_subject subject = {.purpose = SIGN_ENTRY, .type = 3, .suite = 1, .seq = 0x0102030405060708ull};
    memset(subject.agency, 0xaa, sizeof subject.agency);
    memset(subject.hash, 0xbb, sizeof subject.hash);
    return subject;
}

/* PROTOCOL.md 2.2, byte by byte. */
static void test_string(void **state) {
    (void)state;
    static const char expected[] = "636f6d6974792d7369676e2d31000000"
                                   "0103010000000000"
                                   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                                   "0102030405060708"
                                   "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    uint8_t string[SIGN_STRING_BYTES];
    char hex[2 * SIGN_STRING_BYTES + 1];
    struct sign_subject subject = example();
    sign_string(string, &subject);
    hex_encode(hex, bytes_of(string, sizeof string));
    assert_string_equal(hex, expected);
}

/* What sign_make makes, anybody's Ed25519 verifies over the 96 bytes. */
static void test_make(void **state) {
    (void)state;
    static const uint8_t seed[32] = {5};
    uint8_t string[SIGN_STRING_BYTES], signature[SIGN_BYTES], key[32];
    struct sign_subject subject = example();
    sign_public_of_seed(key, seed);
    sign_make(signature, &subject, seed);
    sign_string(string, &subject);
    assert_int_equal(crypto_sign_verify_detached(signature, string, sizeof string, key), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rfc8032), cmocka_unit_test(test_string), cmocka_unit_test(test_make)};
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests_name("sign", tests, NULL, NULL);
}
