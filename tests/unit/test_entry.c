/* entry: what is written parses to the same fields, one changed bit anywhere is noticed, and every limit holds. */
#include "tests/unit/fixture_gossip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static struct agency agency;
static struct buf chain, sample;

static int setup(void **state) {
    static const uint8_t previous[HASH_BYTES] = {5};
    struct block_body fields = fixture_block_body();
    uint8_t body[BLOCK_BODY_BYTES];
    (void)state;
    fixture_agency(&chain, &agency, 100);
    block_body_write(body, &fields);
    fixture_entry(&sample, &agency, 100, ENTRY_BLOCK, 9, previous, bytes_of(body, sizeof body));
    return 0;
}

static int teardown(void **state) {
    (void)state;
    buf_free(&chain);
    buf_free(&sample);
    return 0;
}

static void test_round_trip(void **state) {
    struct block_body body, expected = fixture_block_body();
    struct entry entry;
    (void)state;
    assert_int_equal(entry_parse(&entry, bytes_of_buf(&sample)), OK);
    assert_int_equal(entry.type, ENTRY_BLOCK);
    assert_int_equal(entry.seq, 9);
    assert_int_equal(entry.time_ms, FIXTURE_NOW_MS + 9);
    assert_int_equal(entry.previous[0], 5);
    assert_memory_equal(entry.agency_id, agency.id, AGENCY_ID_BYTES);
    assert_memory_equal(entry.node_id, agency.nodes[0].id, NODE_ID_BYTES);
    assert_int_equal(entry.size, ENTRY_HEADER_BYTES + BLOCK_BODY_BYTES + SIGN_BYTES);
    assert_int_equal(block_body_read(&body, entry.body), OK);
    assert_int_equal(body.epoch_seq, expected.epoch_seq);
    assert_int_equal(body.index, expected.index);
    assert_int_equal(body.expires_ms, expected.expires_ms);
    assert_int_equal(body.seal.payload_bytes, expected.seal.payload_bytes);
    assert_memory_equal(body.seal.root, expected.seal.root, HASH_BYTES);
    assert_int_equal(entry_verify(&entry, agency.nodes[0].sign_public), OK);
}

/* No bit of an entry can be changed: it no longer parses, or its signature no longer verifies. */
static void test_every_bit_counts(void **state) {
    struct entry entry;
    (void)state;
    for (size_t bit = 0; bit < 8 * sample.size; bit += 3) {
        sample.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        enum err err = entry_parse(&entry, bytes_of_buf(&sample));
        if (err == OK) err = entry_verify(&entry, agency.nodes[0].sign_public);
        assert_int_not_equal(err, OK);
        sample.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void test_another_key(void **state) {
    uint8_t key[SIGN_PUBLIC_BYTES];
    struct entry entry;
    (void)state;
    fixture_public(key, 41);
    assert_int_equal(entry_parse(&entry, bytes_of_buf(&sample)), OK);
    assert_int_equal(entry_verify(&entry, key), ERR_SIGNATURE);
}

static void test_every_truncation(void **state) {
    struct entry entry;
    (void)state;
    for (size_t size = 0; size < sample.size; size++)
        assert_int_equal(entry_parse(&entry, bytes_of(sample.data, size)), ERR_TRUNCATED);
    assert_int_equal(entry_parse_draft(&entry, bytes_of_buf(&sample)), ERR_FORMAT);
}

struct edit {
    const char *name;
    size_t offset, size;
    uint8_t bytes[8];
    enum err err;
};

static void test_header_edits(void **state) {
    static const struct edit edits[] = {
        {"version 0", 0, 1, {0}, ERR_VERSION},
        {"version 2", 0, 1, {2}, ERR_VERSION},
        {"type 0", 1, 1, {0}, ERR_FORMAT},
        {"type 64", 1, 1, {64}, ERR_FORMAT},
        {"suite 2", 2, 1, {2}, ERR_SUITE},
        {"zero byte", 3, 1, {1}, ERR_FORMAT},
        {"number 0", 52, 8, {0}, ERR_RANGE},
        {"number 2^63", 52, 8, {0x80}, ERR_RANGE},
        {"body one past the limit", 100, 4, {0, 0, 0xe0, 0x45}, ERR_TOO_BIG},
        {"body of 4 GiB", 100, 4, {0xff, 0xff, 0xff, 0xff}, ERR_TOO_BIG},
        {"body longer than the rest", 100, 4, {0, 0, 0xe0, 0x44}, ERR_TRUNCATED},
        {"body one short", 100, 4, {0, 0, 0, BLOCK_BODY_BYTES - 1}, ERR_FORMAT},
        {"epoch 0", ENTRY_HEADER_BYTES, 8, {0}, ERR_FORMAT},
        {"payload without content", ENTRY_HEADER_BYTES + 44, 4, {0, 0, 0, 40}, ERR_TOO_BIG},
        {"payload of 256 KiB and one", ENTRY_HEADER_BYTES + 44, 4, {0, 4, 0, 1}, ERR_TOO_BIG},
        {"plain class 23", ENTRY_HEADER_BYTES + 48, 1, {23}, ERR_TOO_BIG},
        {"carriage 0", ENTRY_HEADER_BYTES + 49, 1, {0}, ERR_FORMAT},
        {"carriage 3", ENTRY_HEADER_BYTES + 49, 1, {3}, ERR_FORMAT},
        {"no expiry", ENTRY_HEADER_BYTES + 82, 8, {0}, ERR_FORMAT},
        {"reserved byte", ENTRY_HEADER_BYTES + 101, 1, {1}, ERR_FORMAT},
    };
    struct entry entry;
    (void)state;
    assert_int_equal(ENTRY_BODY_BYTES_MAX, 0xe044);
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        struct buf copy = {0};
        buf_put(&copy, bytes_of_buf(&sample));
        memcpy(copy.data + edits[i].offset, edits[i].bytes, edits[i].size);
        enum err err = entry_parse(&entry, bytes_of_buf(&copy));
        if (err != edits[i].err) fail_msg("%s: %s instead of %s", edits[i].name, err_name(err), err_name(edits[i].err));
        buf_free(&copy);
    }
}

/* A type of a later version is kept as it is. */
static void test_later_types(void **state) {
    struct buf out = {0};
    struct entry entry;
    (void)state;
    fixture_entry(&out, &agency, 100, (enum entry_type)63, 2, NULL, bytes_of_text("what nobody knows yet"));
    assert_int_equal(entry_parse(&entry, bytes_of_buf(&out)), OK);
    assert_true(bytes_equal_text(entry.body, "what nobody knows yet"));
    assert_int_equal(entry_verify(&entry, agency.nodes[0].sign_public), OK);
    buf_free(&out);
}

static void test_writing_refuses(void **state) {
    static uint8_t large[ENTRY_BODY_BYTES_MAX + 1];
    struct entry_draft draft = {.type = ENTRY_STATEMENT, .seq = 0};
    struct buf out = {0};
    (void)state;
    assert_int_equal(entry_write(&out, &draft), ERR_RANGE);
    draft.seq = 1;
    draft.body = bytes_of(large, sizeof large);
    assert_int_equal(entry_write(&out, &draft), ERR_RANGE);
    draft.body.size--;
    assert_int_equal(entry_write(&out, &draft), OK);
    buf_free(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),       cmocka_unit_test(test_every_bit_counts), cmocka_unit_test(test_another_key),
        cmocka_unit_test(test_every_truncation), cmocka_unit_test(test_header_edits),     cmocka_unit_test(test_later_types),
        cmocka_unit_test(test_writing_refuses),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
