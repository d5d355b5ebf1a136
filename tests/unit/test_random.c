/* random: repeatable from a seed, even over a range, wiped behind itself. */
#include "crypto/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include <sodium.h>

static void test_repeatable(void **state) {
    (void)state;
    uint8_t seed[RANDOM_SEED_BYTES] = {1}, first[3000], second[3000];
    struct random a, b;
    random_init_seed(&a, seed);
    random_init_seed(&b, seed);
    static const size_t sizes[] = {1, 7, 480, 481, 2000, 13, 0, 18};
    size_t at = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        random_bytes(&a, first + at, sizes[i]);
        random_bytes(&b, second + at, sizes[i]);
        at += sizes[i];
    }
    assert_int_equal(at, 3000);
    assert_memory_equal(first, second, at);
    seed[0] = 2;
    random_init_seed(&b, seed);
    random_bytes(&b, second, 32);
    assert_memory_not_equal(first, second, 32);
}

static void test_kernel_differs(void **state) {
    (void)state;
    struct random a, b;
    random_init_kernel(&a);
    random_init_kernel(&b);
    assert_true(random_u64(&a) != random_u64(&b));
}

/* Bytes that were handed out are nowhere in the state, and the seed that made them is gone. */
static void test_erasure(void **state) {
    (void)state;
    static const uint8_t seed[RANDOM_SEED_BYTES] = {3};
    uint8_t out[64];
    struct random random;
    random_init_seed(&random, seed);
    random_bytes(&random, out, sizeof out);
    assert_memory_not_equal(random.seed, seed, sizeof seed);
    const uint8_t *raw = (const uint8_t *)&random;
    for (size_t i = 0; i + 16 <= sizeof random; i++) assert_memory_not_equal(raw + i, out, 16);
    random_wipe(&random);
    assert_true(sodium_is_zero((const uint8_t *)&random, sizeof random));
}

static void test_below(void **state) {
    (void)state;
    static const uint8_t seed[RANDOM_SEED_BYTES] = {4};
    struct random random;
    unsigned counts[10] = {0};
    random_init_seed(&random, seed);
    for (int i = 0; i < 100000; i++) counts[random_below(&random, 10)]++;
    for (int i = 0; i < 10; i++) assert_in_range(counts[i], 9500, 10500);
    for (int i = 0; i < 100; i++) assert_true(random_below(&random, 1) == 0);
    /* With a bound of 3/4 of the range, taking the rest without rejection would double the lower third. */
    unsigned low = 0;
    uint64_t bound = 3ull << 62;
    for (int i = 0; i < 30000; i++) {
        uint64_t value = random_below(&random, bound);
        assert_true(value < bound);
        low += value < bound / 3;
    }
    assert_in_range(low, 9500, 10500);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_repeatable), cmocka_unit_test(test_kernel_differs),
                                       cmocka_unit_test(test_erasure), cmocka_unit_test(test_below)};
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
