/* A chain of rows holds together, a row that was changed is told from its neighbours, and details can go without harm to the chain. */
#include "crypto/sign.h"
#include "gossip/disclosure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void row_make(uint8_t out[static DISCLOSURE_ROW_BYTES], uint64_t number, const uint8_t *previous, const char *details) {
    struct disclosure_row row = {.kind = DISCLOSURE_OUT, .number = number, .time_ms = 1790000000000ull + number};
    uint8_t salt[DISCLOSURE_SALT_BYTES];
    memset(salt, (int)number, sizeof salt);
    if (previous) disclosure_row_hash(row.previous, previous);
    disclosure_commit(row.commitment, salt, bytes_of_text(details));
    disclosure_row_write(out, &row);
}

static void test_written_and_read(void **state) {
    (void)state;
    uint8_t rows[2][DISCLOSURE_ROW_BYTES], hash[HASH_BYTES];
    struct disclosure_row row;
    row_make(rows[0], 1, NULL, "one");
    row_make(rows[1], 2, rows[0], "two");
    assert_int_equal(disclosure_row_read(&row, bytes_of(rows[1], sizeof rows[1])), OK);
    assert_int_equal(row.kind, DISCLOSURE_OUT);
    assert_int_equal(row.number, 2);
    assert_int_equal(row.time_ms, 1790000000002ull);
    disclosure_row_hash(hash, rows[0]);
    assert_memory_equal(row.previous, hash, HASH_BYTES);
}

/* Any changed bit gives another hash, or no row at all. */
static void test_every_bit_counts(void **state) {
    (void)state;
    uint8_t row[DISCLOSURE_ROW_BYTES], before[HASH_BYTES], after[HASH_BYTES];
    row_make(row, 7, NULL, "seven");
    disclosure_row_hash(before, row);
    for (size_t bit = 0; bit < 8 * sizeof row; bit++) {
        row[bit / 8] ^= (uint8_t)(1 << bit % 8);
        disclosure_row_hash(after, row);
        assert_memory_not_equal(before, after, HASH_BYTES);
        row[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void test_refused(void **state) {
    (void)state;
    static const struct {
        size_t at;
        uint8_t value;
        enum err err;
    } cases[] = {
        {0, 2, ERR_VERSION}, {1, 0, ERR_RANGE}, {1, DISCLOSURE_KIND_COUNT, ERR_RANGE}, {2, 1, ERR_FORMAT}, {7, 1, ERR_FORMAT}};
    uint8_t row[DISCLOSURE_ROW_BYTES + 1] = {0};
    struct disclosure_row out;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        row_make(row, 1, NULL, "x");
        row[cases[i].at] = cases[i].value;
        assert_int_equal(disclosure_row_read(&out, bytes_of(row, DISCLOSURE_ROW_BYTES)), cases[i].err);
    }
    row_make(row, 0, NULL, "x");
    assert_int_equal(disclosure_row_read(&out, bytes_of(row, DISCLOSURE_ROW_BYTES)), ERR_RANGE);
    row_make(row, 1, NULL, "x");
    assert_int_equal(disclosure_row_read(&out, bytes_of(row, sizeof row)), ERR_FORMAT);
    assert_int_equal(disclosure_row_read(&out, bytes_of(row, DISCLOSURE_ROW_BYTES - 1)), ERR_FORMAT);
}

/* A guess is worth nothing without the salt, and the kind of a value counts. */
static void test_commitments(void **state) {
    (void)state;
    uint8_t salt[DISCLOSURE_SALT_BYTES] = {1}, other[DISCLOSURE_SALT_BYTES] = {2}, a[HASH_BYTES], b[HASH_BYTES];
    disclosure_commit(a, salt, bytes_of_text("details"));
    disclosure_commit(b, other, bytes_of_text("details"));
    assert_memory_not_equal(a, b, HASH_BYTES);
    disclosure_asked(a, salt, 3, bytes_of_text("evil.example"));
    disclosure_asked(b, salt, 3, bytes_of_text("evil.example"));
    assert_memory_equal(a, b, DISCLOSURE_ASKED_BYTES);
    disclosure_asked(b, other, 3, bytes_of_text("evil.example"));
    assert_memory_not_equal(a, b, DISCLOSURE_ASKED_BYTES);
    disclosure_asked(b, salt, 10, bytes_of_text("evil.example"));
    assert_memory_not_equal(a, b, DISCLOSURE_ASKED_BYTES);
}

static void test_kinds(void **state) {
    (void)state;
    enum disclosure_kind kind;
    for (int i = 1; i < DISCLOSURE_KIND_COUNT; i++) {
        assert_true(disclosure_kind_of(&kind, disclosure_kind_name((enum disclosure_kind)i)));
        assert_int_equal(kind, i);
    }
    assert_false(disclosure_kind_of(&kind, "everything"));
    assert_null(disclosure_kind_name((enum disclosure_kind)0));
    assert_null(disclosure_kind_name(DISCLOSURE_KIND_COUNT));
}

/* A signed end fits its number, time, row and node, and no other. */
static void test_signed_heads(void **state) {
    (void)state;
    uint8_t seed[SIGN_SEED_BYTES] = {9}, bytes[DISCLOSURE_HEAD_BYTES];
    struct agency agency = {.node_count = 1};
    struct disclosure_head head = {.number = 5, .time_ms = 1790000000000ull, .row_hash = {3}}, read;
    struct sign_subject subject;
    agency.id[0] = 4;
    sign_public_of_seed(agency.nodes[0].sign_public, seed);
    agency_node_id(agency.nodes[0].id, agency.id, agency.nodes[0].sign_public);
    memcpy(head.node_id, agency.nodes[0].id, NODE_ID_BYTES);
    disclosure_head_subject(&subject, &head, agency.id);
    sign_make(head.signature, &subject, seed);
    assert_int_equal(disclosure_head_verify(&head, &agency), OK);
    disclosure_head_write(bytes, &head);
    assert_int_equal(disclosure_head_read(&read, bytes_of(bytes, sizeof bytes)), OK);
    assert_int_equal(disclosure_head_verify(&read, &agency), OK);
    assert_int_equal(disclosure_head_read(&read, bytes_of(bytes, sizeof bytes - 1)), ERR_FORMAT);
    for (size_t at = 0; at < sizeof bytes; at++) {
        bytes[at] ^= 1;
        if (disclosure_head_read(&read, bytes_of(bytes, sizeof bytes)) == OK)
            assert_int_not_equal(disclosure_head_verify(&read, &agency), OK);
        bytes[at] ^= 1;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_written_and_read),
        cmocka_unit_test(test_every_bit_counts),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_commitments),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_signed_heads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
