/* log: the list of missing payloads and the epochs of one log. */
#include "gossip/limits.h"
#include "gossip/log.h"
#include "tests/unit/fixture_gossip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* Kept sorted and without doubles, whatever the order. */
static void test_missing_sorted(void **state) {
    struct log log = {0};
    struct block_body body = fixture_block_body();
    (void)state;
    for (uint64_t i = 0; i < 200; i++) assert_true(log_missing_add(&log, 1 + i * 37 % 200, &body));
    for (uint64_t i = 0; i < 200; i++) assert_true(log_missing_add(&log, 1 + i, &body));
    assert_int_equal(log_missing_live(&log), 200);
    for (size_t i = 1; i < log.missing_count; i++) assert_true(log.missing[i - 1].seq < log.missing[i].seq);
    assert_non_null(log_missing_find(&log, 200));
    assert_null(log_missing_find(&log, 201));
    log_free(&log);
}

/* What is done is not found; the index of the first unasked row survives that the list is compacted. */
static void test_missing_done(void **state) {
    struct log log = {0};
    struct block_body body = fixture_block_body();
    (void)state;
    for (uint64_t seq = 1; seq <= 300; seq++) log_missing_add(&log, seq, &body);
    log.missing_unasked = 250;
    for (uint64_t seq = 1; seq <= 200; seq++) log_missing_done(&log, log_missing_find(&log, seq));
    assert_int_equal(log_missing_live(&log), 100);
    assert_null(log_missing_find(&log, 200));
    assert_true(log.missing_count < 300);
    assert_int_equal(log.missing[log.missing_unasked].seq, 251);
    assert_true(log_missing_add(&log, 5, &body));
    assert_int_equal(log_missing_find(&log, 5)->seq, 5);
    assert_true(log.missing_unasked <= (size_t)(log_missing_find(&log, 5) - log.missing));
    log_free(&log);
}

/* One past the limit: the store is to be looked through from there, as far as was known. */
static void test_missing_full(void **state) {
    struct log log = {0};
    struct block_body body = fixture_block_body();
    (void)state;
    for (uint64_t seq = 1; seq <= LIMIT_MISSING_PER_LOG; seq++) assert_true(log_missing_add(&log, seq, &body));
    assert_int_equal(log.scan_from, 0);
    assert_false(log_missing_add(&log, 5000, &body));
    assert_false(log_missing_add(&log, 4000, &body));
    assert_int_equal(log.scan_from, 4000);
    assert_int_equal(log.scan_until, 5000);
    assert_true(log_missing_add(&log, 7, &body));
    log_missing_done(&log, log_missing_find(&log, 7));
    assert_true(log_missing_add(&log, 4000, &body));
    log_free(&log);
}

static void test_link_gone(void **state) {
    struct log log = {.get_link = 3};
    struct block_body body = fixture_block_body();
    (void)state;
    for (uint64_t seq = 1; seq <= 3; seq++) log_missing_add(&log, seq, &body);
    log.missing[0].asked_link = 3, log.missing[1].asked_link = 5;
    log.missing[2].refused_by = 6, log.missing[2].offered_by = 2;
    log.missing_unasked = 3;
    log_link_gone(&log, 3, 1);
    assert_int_equal(log.get_link, 0);
    assert_int_equal(log.missing[0].asked_link, 0);
    assert_int_equal(log.missing[1].asked_link, 5);
    assert_int_equal(log.missing[2].refused_by, 4);
    assert_int_equal(log.missing[2].offered_by, 0);
    assert_int_equal(log.missing_unasked, 0);
    log_free(&log);
}

static void test_epochs(void **state) {
    struct log log = {0};
    (void)state;
    for (uint64_t i = 0; i < 50; i++) assert_true(log_epoch_add(&log, 2 * (1 + i * 13 % 50)));
    assert_true(log_epoch_add(&log, 100));
    assert_int_equal(log.epoch_count, 50);
    for (uint64_t seq = 0; seq <= 101; seq++)
        assert_int_equal(log_epoch_readable(&log, seq), seq >= 2 && seq <= 100 && seq % 2 == 0);
    log_free(&log);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_missing_sorted), cmocka_unit_test(test_missing_done),
                                       cmocka_unit_test(test_missing_full), cmocka_unit_test(test_link_gone),
                                       cmocka_unit_test(test_epochs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
