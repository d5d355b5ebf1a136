/* hash: RFC 7693's own answers, labels that separate, and Merkle trees against a second, naive implementation. */
#include "crypto/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sodium.h>

#define LEAVES_MAX 70

static void assert_hex(const uint8_t *value, size_t size, const char *hex) {
    uint8_t expected[64];
    assert_true(hex_decode(expected, size, bytes_of_text(hex)));
    assert_memory_equal(value, expected, size);
}

/* The function below is the library's; RFC 7693 appendix A gives its answer for "abc", and appendix E one hash over those of 48 inputs, keyed and not. */
static void test_rfc7693(void **state) {
    (void)state;
    uint8_t out[64];
    crypto_generichash(out, 64, (const uint8_t *)"abc", 3, NULL, 0);
    assert_hex(out, 64,
               "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
               "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923");
    static const size_t sizes_out[] = {20, 32, 48, 64}, sizes_in[] = {0, 3, 128, 129, 255, 1024};
    crypto_generichash_state sum;
    crypto_generichash_init(&sum, NULL, 0, 32);
    uint8_t input[1024], key[64];
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < 6; k++)
            for (int keyed = 0; keyed < 2; keyed++) {
                /* The RFC's selftest_seq: a Fibonacci generator. */
                uint8_t *const targets[] = {input, key};
                const size_t lengths[] = {sizes_in[k], sizes_out[i]};
                for (int which = 0; which < 2; which++) {
                    uint32_t a = 0xdead4badu * (uint32_t)lengths[which], b = 1;
                    for (size_t n = 0; n < lengths[which]; n++) {
                        uint32_t next = a + b;
                        a = b;
                        b = next;
                        targets[which][n] = (uint8_t)(next >> 24);
                    }
                }
                crypto_generichash(out, sizes_out[i], input, sizes_in[k], keyed ? key : NULL, keyed ? sizes_out[i] : 0);
                crypto_generichash_update(&sum, out, sizes_out[i]);
            }
    crypto_generichash_final(&sum, out, 32);
    assert_hex(out, 32, "c23a7800d98123bd10f506c61e29da5603d763b8bbad2e737f5e765a7bccd475");
}

/* Computed with Python's hashlib, which has BLAKE2b from its authors. */
static void test_labelled(void **state) {
    (void)state;
    uint8_t out[HASH_BYTES], key[32], large[1000];
    memset(key, 7, sizeof key);
    memset(large, 'x', sizeof large);
    hash_of(out, "comity-test", bytes_of_text("left"), bytes_of_text("right"));
    assert_hex(out, 32, "ad335b8138cae60bdbba84a49466125d1e3a3252638c149ae55606e0cd04aab3");
    hash_of(out, "comity-test", bytes_of(large, sizeof large), bytes_of_text("right"));
    assert_hex(out, 32, "5e2ec283a52ce8764315fb620446c8eec0b101bcb43ddf7098a4dcfb1e30d97c");
    hash_derive(out, key, "comity-test", bytes_of_text("context"));
    assert_hex(out, 32, "67c6ae2787af38bbc25ebfb15ae6e62db31359aafae463d590320080d638165d");
    hash_derive(out, key, "comity-test", bytes_of(large, sizeof large));
    assert_hex(out, 32, "b58057fdec0aa55d582d4cb7c78a8532c519992a68401d9244feadf9ec1a03df");
}

/* The short way and the long way round agree at every size where one turns into the other. */
static void test_sizes(void **state) {
    (void)state;
    uint8_t input[400], out[HASH_BYTES], expected[HASH_BYTES];
    for (size_t i = 0; i < sizeof input; i++) input[i] = (uint8_t)i;
    for (size_t size = 0; size <= 400; size++) {
        uint8_t whole[12 + 400] = "\013comity-size";
        memcpy(whole + 12, input, size);
        crypto_generichash(expected, HASH_BYTES, whole, 12 + size, NULL, 0);
        hash_of(out, "comity-size", bytes_of(input, size / 3), bytes_of(input + size / 3, size - size / 3));
        assert_memory_equal(out, expected, HASH_BYTES);
    }
}

static void test_labels_separate(void **state) {
    (void)state;
    uint8_t a[HASH_BYTES], b[HASH_BYTES];
    hash_of(a, "comity-a", bytes_of_text("bc"), bytes_of(NULL, 0));
    hash_of(b, "comity-ab", bytes_of_text("c"), bytes_of(NULL, 0));
    assert_memory_not_equal(a, b, HASH_BYTES);
}

/* RFC 6962 section 2.1, word for word: MTH of a list by recursion, and PATH(m, D[n]). */
static void naive_root(uint8_t *out, uint8_t leaves[][HASH_BYTES], size_t count) {
    if (count == 1) {
        memcpy(out, leaves[0], HASH_BYTES);
        return;
    }
    size_t k = 1;
    while (k << 1 < count) k <<= 1;
    uint8_t node[65] = {1};
    naive_root(node + 1, leaves, k);
    naive_root(node + 33, leaves + k, count - k);
    crypto_generichash(out, HASH_BYTES, node, sizeof node, NULL, 0);
}

static size_t naive_path(uint8_t out[][HASH_BYTES], uint8_t leaves[][HASH_BYTES], size_t count, size_t m) {
    if (count == 1) return 0;
    size_t k = 1, length;
    while (k << 1 < count) k <<= 1;
    if (m < k) {
        length = naive_path(out, leaves, k, m);
        naive_root(out[length], leaves + k, count - k);
    } else {
        length = naive_path(out, leaves + k, count - k, m - k);
        naive_root(out[length], leaves, k);
    }
    return length + 1;
}

static void leaves_fill(uint8_t leaves[][HASH_BYTES], size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint8_t raw = (uint8_t)i;
        crypto_generichash(leaves[i], HASH_BYTES, &raw, 1, NULL, 0);
    }
}

static void test_merkle(void **state) {
    (void)state;
    static uint8_t leaves[LEAVES_MAX][HASH_BYTES], copy[LEAVES_MAX][HASH_BYTES];
    for (size_t count = 1; count <= LEAVES_MAX; count++) {
        uint8_t root[HASH_BYTES], expected[HASH_BYTES], path[HASH_MERKLE_PATH_MAX * HASH_BYTES];
        uint8_t naive[HASH_MERKLE_PATH_MAX][HASH_BYTES];
        leaves_fill(leaves, count);
        naive_root(expected, leaves, count);
        memcpy(copy, leaves, sizeof copy);
        hash_merkle_root(root, copy[0], count);
        assert_memory_equal(root, expected, HASH_BYTES);
        for (size_t i = 0; i < count; i++) {
            size_t length = hash_merkle_path(path, leaves[0], count, i);
            assert_int_equal(length, naive_path(naive, leaves, count, i));
            assert_memory_equal(path, naive, length * HASH_BYTES);
            struct bytes proof = bytes_of(path, length * HASH_BYTES);
            assert_true(hash_merkle_verify(root, leaves[i], i, count, proof));
            /* Another place, a shorter or longer path, a changed hash, another leaf: all refused. */
            for (size_t other = 0; other < count; other++)
                if (other != i) assert_false(hash_merkle_verify(root, leaves[i], other, count, proof));
            assert_false(hash_merkle_verify(root, leaves[i], i + count, count, proof));
            if (length > 0) {
                assert_false(hash_merkle_verify(root, leaves[i], i, count, bytes_of(path, proof.size - HASH_BYTES)));
                assert_false(hash_merkle_verify(root, leaves[i], i, count, bytes_of(path, proof.size - 1)));
                path[proof.size - 1] ^= 1;
                assert_false(hash_merkle_verify(root, leaves[i], i, count, proof));
                path[proof.size - 1] ^= 1;
            }
            memset(path + proof.size, 0, HASH_BYTES);
            assert_false(hash_merkle_verify(root, leaves[i], i, count, bytes_of(path, proof.size + HASH_BYTES)));
        }
    }
}

static void test_merkle_largest(void **state) {
    (void)state;
    size_t count = 65536;
    uint8_t *leaves = calloc(count, HASH_BYTES), *copy = malloc(count * HASH_BYTES);
    uint8_t root[HASH_BYTES], path[HASH_MERKLE_PATH_MAX * HASH_BYTES];
    assert_non_null(leaves);
    assert_non_null(copy);
    for (size_t i = 0; i < count; i++) put_be32(leaves + i * HASH_BYTES, (uint32_t)i);
    memcpy(copy, leaves, count * HASH_BYTES);
    hash_merkle_root(root, copy, count);
    assert_int_equal(hash_merkle_path(path, leaves, count, 65535), HASH_MERKLE_PATH_MAX);
    assert_true(hash_merkle_verify(root, leaves + 65535 * HASH_BYTES, 65535, count, bytes_of(path, sizeof path)));
    free(leaves);
    free(copy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc7693),         cmocka_unit_test(test_labelled), cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_labels_separate), cmocka_unit_test(test_merkle),   cmocka_unit_test(test_merkle_largest),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
