/* What readers say of a recalled block: both of their receipts count, in whatever order they come, also while one is on its way to the disk. */
#include "node/engine/engine_core.h"
#include "tests/unit/fixture_gossip.h"
#include "tests/unit/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NUMBER 100
#define BLOCK  9
#define NOW_MS 1800000000000ull

static struct fixture fixture;
static struct engine *engine;
static struct agency agency;
static struct buf chain;
static const uint8_t reader[NODE_ID_BYTES] = {7, 7, 7}, via[AGENCY_ID_BYTES] = {8, 8, 8};

/* An own block of three items, the second of which was recalled, sealed to the one reader. */
static void block_recalled(void) {
    struct recall_row row = {.by = BLOCK + 1, .noted_ms = NOW_MS, .recall = {.block = BLOCK}};
    struct block_body body = fixture_block_body();
    uint8_t raw[BLOCK_BODY_BYTES];
    struct buf bytes = {0};
    struct entry entry;
    block_body_write(raw, &body);
    fixture_entry(&bytes, &agency, NUMBER, ENTRY_BLOCK, BLOCK, NULL, bytes_of(raw, sizeof raw));
    assert_int_equal(entry_parse(&entry, bytes_of_buf(&bytes)), OK);
    memcpy(engine->node_id, entry.node_id, NODE_ID_BYTES);
    struct store_batch *batch = store_batch_new(fixture.store);
    store_batch_entry(batch, &entry, true);
    store_batch_meta(batch, "secret/audience/0000000000000007", bytes_of(reader, sizeof reader)); /* the body's epoch */
    recall_mark(&row.recall, 1);
    recall_row_put(batch, engine->node_id, BLOCK, &row);
    fixture_commit(&fixture, batch);
    buf_free(&bytes);
}

static int setup(void **state) {
    (void)state;
    fixture_setup(&fixture, 0);
    engine = calloc(1, sizeof *engine);
    assert_non_null(engine);
    engine->store = fixture.store;
    fixture_agency(&chain, &agency, NUMBER);
    block_recalled();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    buf_free(&engine->scratch_entry);
    free(engine);
    buf_free(&chain);
    chain = (struct buf){0};
    fixture_teardown(&fixture);
    return 0;
}

static void said(struct store_batch *batch, enum recall_state state, uint64_t time_ms, bool passed_on) {
    static struct item item;
    struct buf text = {0};
    struct recall_receipt receipt = {
        .block = BLOCK, .count = passed_on ? 1 : 2, .state = state, .time_ms = time_ms, .passed_on = passed_on, .index = passed_on};
    memcpy(receipt.node_id, engine->node_id, NODE_ID_BYTES);
    if (passed_on) memcpy(receipt.via, via, AGENCY_ID_BYTES);
    recall_receipt_write(&text, &receipt);
    item = (struct item){.type = bytes_of_text(RECALL_RECEIPT_TYPE), .text = bytes_of_buf(&text)};
    struct statement_seen seen = {.agency_id = via, .node_id = reader, .item = &item};
    recall_receipt_take(engine, batch, &seen);
    buf_free(&text);
}

struct seen {
    size_t count;
    struct receipt receipt;
};

static void note(void *context, uint64_t block, const uint8_t *node_id, const struct receipt *receipt) {
    struct seen *seen = context;
    assert_int_equal(block, BLOCK);
    assert_memory_equal(node_id, reader, NODE_ID_BYTES);
    seen->count++;
    seen->receipt = *receipt;
}

static struct receipt known(bool passed_on) {
    struct seen seen = {0};
    store_wait(fixture.store);
    passed_on ? recall_thirds(engine, BLOCK, note, &seen) : recall_readers(engine, BLOCK, note, &seen);
    assert_int_equal(seen.count, 1);
    return seen.receipt;
}

static void both(bool passed_on, enum recall_state first, bool one_batch, bool waits) {
    enum recall_state second = first == RECALL_ERASED ? RECALL_WITHDRAWN : RECALL_ERASED;
    struct store_batch *batch = store_batch_new(fixture.store);
    said(batch, first, NOW_MS + first, passed_on);
    if (!one_batch) {
        store_commit(fixture.store, batch, 0);
        if (waits) store_wait(fixture.store);
        batch = store_batch_new(fixture.store);
    }
    said(batch, second, NOW_MS + second, passed_on);
    store_commit(fixture.store, batch, 0);
    struct receipt receipt = known(passed_on);
    assert_int_equal(receipt.state, RECALL_ERASED);
    assert_int_equal(receipt.count, passed_on ? 1 : 2);
    assert_int_equal(receipt.withdrawn_ms, NOW_MS + RECALL_WITHDRAWN);
    assert_int_equal(receipt.erased_ms, NOW_MS + RECALL_ERASED);
    if (passed_on) assert_memory_equal(receipt.via, via, AGENCY_ID_BYTES);
}

static void in_order(void **state) {
    (void)state;
    both(false, RECALL_WITHDRAWN, false, true);
    both(true, RECALL_WITHDRAWN, false, true);
}
static void while_the_first_is_on_its_way(void **state) {
    (void)state;
    both(false, RECALL_WITHDRAWN, false, false);
    both(true, RECALL_WITHDRAWN, true, false);
}
static void the_last_first(void **state) {
    (void)state;
    both(false, RECALL_ERASED, false, true);
    both(true, RECALL_ERASED, false, true);
}
static void the_last_first_in_one_block(void **state) {
    (void)state;
    both(false, RECALL_ERASED, true, false);
    both(true, RECALL_ERASED, true, false);
}

static void only_withdrawn(void **state) {
    (void)state;
    struct seen none = {0};
    recall_thirds(engine, BLOCK, note, &none);
    assert_int_equal(none.count, 0);
    struct receipt receipt = known(false);
    assert_int_equal(receipt.state, RECALL_NOTED);
    struct store_batch *batch = store_batch_new(fixture.store);
    said(batch, RECALL_WITHDRAWN, NOW_MS, false);
    said(batch, RECALL_WITHDRAWN, NOW_MS, true);
    store_commit(fixture.store, batch, 0);
    for (int third = 0; third < 2; third++) {
        receipt = known(third);
        assert_int_equal(receipt.state, RECALL_WITHDRAWN);
        assert_int_equal(receipt.erased_ms, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(while_the_first_is_on_its_way, setup, teardown),
        cmocka_unit_test_setup_teardown(the_last_first, setup, teardown),
        cmocka_unit_test_setup_teardown(the_last_first_in_one_block, setup, teardown),
        cmocka_unit_test_setup_teardown(only_withdrawn, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
