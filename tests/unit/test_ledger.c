/* The disclosure ledger in a store: rows are numbered as batches are committed, each is durable with its batch or not at all, and a broken
   chain is found and located, while erased details do it no harm. */
#include "gossip/pack.h"
#include "node/ledger/ledger_check.h"
#include "node/ledger/ledger_details.h"
#include "tests/unit/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ROWS 6

static const uint8_t seed[SIGN_SEED_BYTES] = {3};
static struct agency agency;
static struct ledger_check check;

static void agency_make(void) {
    agency = (struct agency){.node_count = 1, .id = {8}};
    sign_public_of_seed(agency.nodes[0].sign_public, seed);
    agency_node_id(agency.nodes[0].id, agency.id, agency.nodes[0].sign_public);
}

static void out_details(struct buf *out, uint64_t seq, const uint8_t *root) {
    buf_clear(out);
    pack_write_map(out, 3);
    pack_write_str(out, bytes_of_text("node"));
    pack_write_bin(out, bytes_of(agency.nodes[0].id, NODE_ID_BYTES));
    pack_write_str(out, bytes_of_text("root"));
    pack_write_bin(out, bytes_of(root, HASH_BYTES));
    pack_write_str(out, bytes_of_text("seq"));
    pack_write_uint(out, seq);
}

/* A row that tells of own block `seq`, whose root begins with its number. */
static void out_add(struct store_batch *batch, uint64_t seq) {
    uint8_t salt[DISCLOSURE_SALT_BYTES] = {(uint8_t)seq, 1}, root[HASH_BYTES] = {(uint8_t)seq};
    struct buf details = {0};
    out_details(&details, seq, root);
    store_batch_disclosure(batch, DISCLOSURE_OUT, 1790000000000ull + seq, salt, bytes_of_buf(&details));
    buf_free(&details);
}

static void rows_add(struct fixture *fixture, uint64_t first, size_t count) {
    for (uint64_t seq = first; seq < first + count; seq++) {
        struct store_batch *batch = store_batch_new(fixture->store);
        out_add(batch, seq);
        fixture_commit(fixture, batch);
    }
}

static void name_of(char out[static 40], const char *prefix, uint64_t number) {
    snprintf(out, 40, "%s%016llx", prefix, (unsigned long long)number);
}

static void row_flip(struct fixture *fixture, uint64_t number, size_t at) {
    char name[40];
    struct buf row = {0};
    struct store_batch *batch = store_batch_new(fixture->store);
    name_of(name, "ledger/", number);
    assert_int_equal(store_meta(fixture->store, name, &row), OK);
    row.data[at] ^= 0x10;
    store_batch_meta(batch, name, bytes_of_buf(&row));
    fixture_commit(fixture, batch);
    buf_free(&row);
}

static void key_drop(struct fixture *fixture, const char *prefix, uint64_t number) {
    char name[40];
    struct store_batch *batch = store_batch_new(fixture->store);
    name_of(name, prefix, number);
    store_batch_meta_delete(batch, name);
    fixture_commit(fixture, batch);
}

static bool head_feed(void *context, const struct disclosure_head *head) {
    (void)context;
    ledger_check_head(&check, head);
    return true;
}

static bool row_feed(void *context, uint64_t number, const struct disclosure_record *record) {
    (void)context;
    ledger_check_row(&check, number, record);
    return true;
}

/* Feeds all of the store's ledger; `blocks` own entries, from number 1 on, must have rows. */
static void check_all(struct fixture *fixture, uint64_t blocks) {
    uint8_t hash[HASH_BYTES];
    ledger_check_free(&check);
    ledger_check_init(&check, &agency);
    for (uint64_t seq = 1; seq <= blocks; seq++) {
        uint8_t root[HASH_BYTES] = {(uint8_t)seq};
        ledger_check_block(&check, seq, agency.nodes[0].id, root);
    }
    assert_int_equal(store_disclosure_heads(fixture->store, 0, head_feed, NULL), OK);
    assert_int_equal(store_disclosures(fixture->store, 1, store_disclosure_last(fixture->store, hash), row_feed, NULL), OK);
    assert_int_equal(ledger_check_end(&check), OK);
}

static void expect_whole(struct fixture *fixture, uint64_t blocks) {
    check_all(fixture, blocks);
    if (check.fault_count > 0) fail_msg("row %llu: %s", (unsigned long long)check.faults[0].number, check.faults[0].text);
}

static void expect_fault(struct fixture *fixture, uint64_t blocks, uint64_t number, const char *name) {
    check_all(fixture, blocks);
    assert_int_equal(check.fault_count, 1);
    assert_int_equal(check.faults[0].number, number);
    assert_string_equal(check.faults[0].check, name);
}

static void end_sign(struct fixture *fixture) {
    struct disclosure_head head = {.time_ms = 1790000009000ull};
    struct sign_subject subject;
    struct store_batch *batch = store_batch_new(fixture->store);
    head.number = store_disclosure_last(fixture->store, head.row_hash);
    memcpy(head.node_id, agency.nodes[0].id, NODE_ID_BYTES);
    disclosure_head_subject(&subject, &head, agency.id);
    sign_make(head.signature, &subject, seed);
    store_batch_disclosure_head(batch, &head);
    fixture_commit(fixture, batch);
}

/* --- writing --- */

static void test_order_is_that_of_commits(void **state) {
    struct fixture *fixture = *state;
    struct store_batch *first = store_batch_new(fixture->store), *second = store_batch_new(fixture->store);
    struct disclosure_record record = {0};
    out_add(first, 1), out_add(first, 2);
    out_add(second, 3);
    fixture_commit(fixture, second);
    fixture_commit(fixture, first);
    static const uint64_t seqs[] = {3, 1, 2};
    for (uint64_t number = 1; number <= 3; number++) {
        assert_int_equal(store_disclosure(fixture->store, number, &record), OK);
        assert_int_equal(record.row_state, DISCLOSURE_GOOD);
        assert_int_equal(ledger_details_uint(bytes_of_buf(&record.details), "seq"), seqs[number - 1]);
    }
    buf_free(&record.details);
    expect_whole(fixture, 3);
}

static void test_a_batch_that_is_dropped_leaves_no_row(void **state) {
    struct fixture *fixture = *state;
    struct store_batch *dropped = store_batch_new(fixture->store);
    uint8_t hash[HASH_BYTES];
    out_add(dropped, 1);
    store_batch_free(dropped);
    assert_int_equal(store_disclosure_last(fixture->store, hash), 0);
    rows_add(fixture, 1, 1);
    assert_int_equal(store_disclosure_last(fixture->store, hash), 1);
    expect_whole(fixture, 1);
}

static void test_goes_on_after_opening(void **state) {
    struct fixture *fixture = *state;
    for (uint64_t seq = 1; seq <= 3; seq++) {
        rows_add(fixture, seq, 1);
        fixture_close(fixture);
        fixture_open(fixture);
    }
    expect_whole(fixture, 3);
}

static void test_refuses_what_is_no_row(void **state) {
    struct fixture *fixture = *state;
    uint8_t salt[DISCLOSURE_SALT_BYTES] = {0};
    uint64_t ticket;
    struct store_batch *batch = store_batch_new(fixture->store);
    store_batch_disclosure(batch, DISCLOSURE_KIND_COUNT, 1, salt, bytes_of(NULL, 0));
    store_commit(fixture->store, batch, 1);
    store_wait(fixture->store);
    assert_int_equal(store_completed(fixture->store, &ticket), ERR_RANGE);
}

/* --- finding what is broken --- */

/* Whichever byte of whichever row: one fault, at that row. */
static void test_every_changed_byte_is_located(void **state) {
    struct fixture *fixture = *state;
    rows_add(fixture, 1, ROWS);
    for (uint64_t number = 1; number <= ROWS; number++)
        for (size_t at = 0; at < DISCLOSURE_ROW_BYTES; at += number == 3 ? 1 : 11) {
            row_flip(fixture, number, at);
            check_all(fixture, ROWS);
            assert_true(check.fault_count >= 1);
            for (size_t i = 0; i < check.fault_count; i++) assert_int_equal(check.faults[i].number, number);
            assert_string_equal(check.faults[0].check, "row");
            row_flip(fixture, number, at);
        }
    expect_whole(fixture, ROWS);
}

static void test_a_row_that_is_gone_is_located(void **state) {
    struct fixture *fixture = *state;
    rows_add(fixture, 1, ROWS);
    key_drop(fixture, "ledger/", 4);
    check_all(fixture, ROWS);
    assert_int_equal(check.faults[0].number, 4);
    assert_string_equal(check.faults[0].check, "row");
}

static void test_changed_details_are_located(void **state) {
    struct fixture *fixture = *state;
    char name[40];
    struct buf sealed = {0};
    rows_add(fixture, 1, ROWS);
    name_of(name, "secret/ledger/", 5);
    assert_int_equal(store_meta(fixture->store, name, &sealed), OK);
    sealed.data[sealed.size - 1] ^= 1; /* by somebody who has the store's key */
    struct store_batch *batch = store_batch_new(fixture->store);
    store_batch_meta(batch, name, bytes_of_buf(&sealed));
    fixture_commit(fixture, batch);
    check_all(fixture, 0);
    assert_int_equal(check.fault_count, 1);
    assert_int_equal(check.faults[0].number, 5);
    assert_string_equal(check.faults[0].check, "commitment");
    buf_free(&sealed);
}

static void test_rows_cut_off_are_found_by_the_signature(void **state) {
    struct fixture *fixture = *state;
    rows_add(fixture, 1, ROWS);
    end_sign(fixture);
    expect_whole(fixture, ROWS);
    for (uint64_t number = ROWS; number > ROWS - 2; number--) key_drop(fixture, "ledger/", number);
    fixture_close(fixture);
    fixture_open(fixture);
    expect_fault(fixture, ROWS - 2, ROWS - 1, "end");
}

/* Somebody with the store's key writes the end anew; the signature was for the old one. */
static void test_a_rewritten_end_is_found_by_the_signature(void **state) {
    struct fixture *fixture = *state;
    rows_add(fixture, 1, ROWS);
    end_sign(fixture);
    key_drop(fixture, "ledger/", ROWS);
    fixture_close(fixture);
    fixture_open(fixture);
    rows_add(fixture, ROWS + 1, 1);
    check_all(fixture, 0);
    assert_int_equal(check.fault_count, 1);
    assert_int_equal(check.faults[0].number, ROWS);
    assert_string_equal(check.faults[0].check, "signature");
}

static void test_own_entries_need_rows(void **state) {
    struct fixture *fixture = *state;
    rows_add(fixture, 1, ROWS);
    expect_fault(fixture, ROWS + 1, 0, "entry");
    check_all(fixture, ROWS - 1); /* the log was read before the last row was written */
    assert_int_equal(check.fault_count, 0);
}

/* --- erasing --- */

static void erased_add(struct fixture *fixture, uint64_t number) {
    uint8_t salt[DISCLOSURE_SALT_BYTES] = {9};
    struct buf details = {0};
    struct store_batch *batch = store_batch_new(fixture->store);
    pack_write_map(&details, 1);
    pack_write_str(&details, bytes_of_text("rows"));
    pack_write_array(&details, 1);
    pack_write_uint(&details, number);
    store_batch_disclosure_erase(batch, number);
    store_batch_disclosure(batch, DISCLOSURE_ERASE, 1790000000009ull, salt, bytes_of_buf(&details));
    fixture_commit(fixture, batch);
    buf_free(&details);
}

static void test_erased_details_leave_the_chain_whole(void **state) {
    struct fixture *fixture = *state;
    struct disclosure_record record = {0};
    rows_add(fixture, 1, ROWS);
    end_sign(fixture);
    erased_add(fixture, 3);
    check_all(fixture, 0);
    assert_int_equal(check.fault_count, 0);
    assert_int_equal(check.erased_count, 1);
    assert_int_equal(store_disclosure(fixture->store, 3, &record), OK);
    assert_int_equal(record.row_state, DISCLOSURE_GOOD);
    assert_int_equal(record.details_state, DISCLOSURE_MISSING);
    buf_free(&record.details);
    row_flip(fixture, 3, 20); /* nothing but its neighbour speaks for it now */
    expect_fault(fixture, 0, 4, "chain");
}

static void test_details_do_not_go_without_a_record(void **state) {
    struct fixture *fixture = *state;
    rows_add(fixture, 1, ROWS);
    key_drop(fixture, "secret/ledger/", 2);
    expect_fault(fixture, 0, 2, "details");
}

int main(void) {
    agency_make();
#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_test_setup, fixture_test_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_order_is_that_of_commits),
        TEST(test_a_batch_that_is_dropped_leaves_no_row),
        TEST(test_goes_on_after_opening),
        TEST(test_refuses_what_is_no_row),
        TEST(test_every_changed_byte_is_located),
        TEST(test_a_row_that_is_gone_is_located),
        TEST(test_changed_details_are_located),
        TEST(test_rows_cut_off_are_found_by_the_signature),
        TEST(test_a_rewritten_end_is_found_by_the_signature),
        TEST(test_own_entries_need_rows),
        TEST(test_erased_details_leave_the_chain_whole),
        TEST(test_details_do_not_go_without_a_record),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ledger_check_free(&check);
    return failed;
}
