/* Own `direct` blocks and who has not acknowledged them: bounded, and forgotten as they are answered. */
#include "gossip/direct.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t readers[3][NODE_ID_BYTES] = {{1}, {2}, {3}};

/* The author is not waited for; a block goes when the last reader has it; what nobody knows changes nothing. */
static void test_acknowledged(void **state) {
    struct direct direct = {0};
    (void)state;
    assert_true(direct_add(&direct, 5, readers, 3, readers[1], 100));
    assert_true(direct_add(&direct, 9, readers, 3, readers[1], 200));
    assert_int_equal(direct.count, 2);
    assert_int_equal(direct.list[0].count, 2);
    direct_have(&direct, 5, readers[1]);
    direct_have(&direct, 7, readers[0]);
    direct_have(&direct, 10, readers[0]);
    direct_have(&direct, 5, readers[0]);
    direct_have(&direct, 5, readers[0]);
    assert_int_equal(direct.list[0].count, 1);
    assert_memory_equal(direct.list[0].readers[0], readers[2], NODE_ID_BYTES);
    direct_have(&direct, 5, readers[2]);
    assert_int_equal(direct.count, 1);
    assert_int_equal(direct.list[0].seq, 9);
    assert_int_equal(direct.forgotten, 0);
    direct_free(&direct);
}

/* A block that only its author reads waits for nobody. */
static void test_alone(void **state) {
    struct direct direct = {0};
    (void)state;
    assert_true(direct_add(&direct, 1, readers, 1, readers[0], 0));
    assert_int_equal(direct.count, 0);
    direct_free(&direct);
}

/* One over the limit: the oldest is let go, and that is counted. */
static void test_full(void **state) {
    struct direct direct = {0};
    (void)state;
    for (uint64_t seq = 1; seq <= LIMIT_DIRECT_BLOCKS + 1; seq++)
        assert_true(direct_add(&direct, seq, readers, 3, readers[0], seq));
    assert_int_equal(direct.count, LIMIT_DIRECT_BLOCKS);
    assert_int_equal(direct.list[0].seq, 2);
    assert_int_equal(direct.forgotten, 1);
    direct_free(&direct);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_acknowledged), cmocka_unit_test(test_alone),
                                       cmocka_unit_test(test_full)};
    return cmocka_run_group_tests_name("direct", tests, NULL, NULL);
}
