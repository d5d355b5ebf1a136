/* Own epochs: one per audience, closed in time or when full, their secrets wiped. */
#include "gossip/author.h"

#include "tests/unit/fixture_crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#define NOW FIXTURE_NOW_MS

static const struct epoch_author self = {{1}, {2}};
static struct epoch_reader reader;
static uint8_t reader_secret[PREKEY_SECRET_BYTES];
static struct author author;
static struct random draws;

/* One and the same reader under different names of the set. */
static struct audience audience_of(uint32_t number) {
    struct audience audience = {.readers = &reader, .count = 1, .capacity = 1};
    fixture_seed(audience.key, number);
    return audience;
}

static struct author_epoch *start(uint32_t number, uint64_t seq, uint64_t now_ms) {
    struct audience audience = audience_of(number);
    struct author_epoch *epoch = NULL;
    struct buf body = {0};
    assert_int_equal(author_epoch_start(&author, &body, &self, &audience, seq, now_ms, &draws, &epoch), OK);
    buf_free(&body);
    return epoch;
}

static struct author_epoch *find(uint32_t number, uint64_t now_ms) {
    struct audience audience = audience_of(number);
    return author_epoch_find(&author, &audience, now_ms);
}

static int setup(void **state) {
    (void)state;
    memset(&author, 0, sizeof author);
    fixture_random(&draws, 5);
    reader = (struct epoch_reader){.agency_id = {3}, .node_id = {4}, .prekey_id = 5};
    fixture_seed(reader_secret, 6);
    prekey_public_of_secret(reader.prekey_public, reader_secret);
    return 0;
}

/* The reader opens the body and finds the secret that the table holds. */
static void test_start(void **state) {
    (void)state;
    struct audience audience = audience_of(1);
    struct author_epoch *epoch = NULL;
    struct buf body = {0};
    uint8_t secret[EPOCH_SECRET_BYTES];
    assert_null(find(1, NOW));
    assert_int_equal(author_epoch_start(&author, &body, &self, &audience, 9, NOW, &draws, &epoch), OK);
    assert_int_equal(epoch_open(secret, bytes_of_buf(&body), &self, &reader, reader_secret), OK);
    assert_memory_equal(secret, epoch->secret, sizeof secret);
    assert_int_equal(epoch->seq, 9);
    assert_true(epoch->created_ms == NOW && epoch->used_ms == NOW);
    assert_int_equal(epoch->blocks, 0);
    assert_ptr_equal(find(1, NOW), epoch);
    assert_null(find(2, NOW)); /* another audience, another epoch */
    assert_memory_not_equal(start(2, 10, NOW)->secret, epoch->secret, EPOCH_SECRET_BYTES);
    assert_ptr_equal(find(1, NOW), epoch);
    buf_free(&body);
}

static void test_day(void **state) {
    (void)state;
    struct author_epoch *epoch = start(1, 9, NOW);
    assert_ptr_equal(find(1, NOW + AUTHOR_EPOCH_MS - 1), epoch);
    assert_null(find(1, NOW + AUTHOR_EPOCH_MS));
    /* A clock that was set back by a day or more. */
    assert_ptr_equal(find(1, NOW - AUTHOR_EPOCH_MS + 1), epoch);
    assert_null(find(1, NOW - AUTHOR_EPOCH_MS));
}

static void test_blocks(void **state) {
    (void)state;
    struct author_epoch *epoch = start(1, 9, NOW);
    for (uint32_t i = 0; i < AUTHOR_EPOCH_BLOCKS; i++) {
        assert_ptr_equal(find(1, NOW + i), epoch);
        assert_int_equal(author_block_index(epoch, NOW + i), i);
    }
    assert_true(epoch->used_ms == NOW + AUTHOR_EPOCH_BLOCKS - 1);
    assert_null(find(1, NOW));
    start(1, 10, NOW + 1);
    assert_int_equal(find(1, NOW + 1)->seq, 10);
    assert_int_equal(author_block_index(find(1, NOW + 1), NOW + 1), 0);
}

/* A full table gives up the epoch that was unused longest. */
static void test_full_table(void **state) {
    (void)state;
    for (uint32_t i = 0; i < AUTHOR_EPOCHS_MAX; i++) start(100 + i, 1 + i, NOW + i);
    for (uint32_t i = 0; i < AUTHOR_EPOCHS_MAX; i++) assert_int_equal(find(100 + i, NOW)->seq, 1 + i);
    author_block_index(find(100, NOW), NOW + 5000);
    author_block_index(find(101, NOW), NOW + 5000);
    start(1, 999, NOW + 6000);
    assert_null(find(102, NOW + 6000));
    for (uint32_t i = 0; i < AUTHOR_EPOCHS_MAX; i++) assert_true((find(100 + i, NOW + 6000) != NULL) == (i != 2));
    assert_int_equal(find(1, NOW + 6000)->seq, 999);
}

static void test_expire(void **state) {
    (void)state;
    static const struct author_epoch empty;
    struct author_epoch *old = start(1, 9, NOW), *young = start(2, 10, NOW + 1);
    author_expire(&author, NOW + AUTHOR_EPOCH_MS - 1);
    assert_int_equal(old->seq, 9);
    author_expire(&author, NOW + AUTHOR_EPOCH_MS);
    assert_memory_equal(old, &empty, sizeof empty);
    assert_int_equal(young->seq, 10);
    young->blocks = AUTHOR_EPOCH_BLOCKS;
    author_expire(&author, NOW + 2);
    assert_memory_equal(young, &empty, sizeof empty);
}

/* Nothing is opened for an audience that nothing can be sealed to. */
static void test_refused(void **state) {
    (void)state;
    static const struct author nothing;
    struct audience audience = audience_of(1);
    struct author_epoch *epoch = NULL;
    struct buf body = {0};
    audience.count = 0;
    assert_int_equal(author_epoch_start(&author, &body, &self, &audience, 9, NOW, &draws, &epoch), ERR_LIMIT);
    memset(reader.prekey_public, 0, sizeof reader.prekey_public);
    audience.count = 1;
    assert_int_equal(author_epoch_start(&author, &body, &self, &audience, 9, NOW, &draws, &epoch), ERR_KEY);
    assert_null(epoch);
    assert_memory_equal(&author, &nothing, sizeof nothing);
    buf_free(&body);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_start, setup),  cmocka_unit_test_setup(test_day, setup),
        cmocka_unit_test_setup(test_blocks, setup), cmocka_unit_test_setup(test_full_table, setup),
        cmocka_unit_test_setup(test_expire, setup), cmocka_unit_test_setup(test_refused, setup),
    };
    if (sodium_init() < 0) return 1;
    return cmocka_run_group_tests_name("author", tests, NULL, NULL);
}
