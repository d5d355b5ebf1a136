/* What a RECALL entry may say, and which blocks of a log are recalled. */
#include "gossip/entry.h"
#include "gossip/recall.h"
#include "node/recall/recall_text.h"

#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants the three above. */
#include <cmocka.h>
#include <string.h>

static struct buf body_of(uint64_t block, uint64_t replacement, uint32_t item) {
    struct recall recall = {.block = block, .replacement = replacement};
    struct buf out = {0};
    recall_mark(&recall, item);
    recall_write(&out, &recall);
    return out;
}

/* What was written is read again, from the first item to the last. */
static void test_round(void **state) {
    (void)state;
    const uint32_t items[] = {0, 7, 8, 63, 1000, BLOCK_ITEMS_MAX - 1};
    for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
        struct buf body = body_of(5, 8, items[i]);
        struct recall read;
        assert_int_equal(recall_read(&read, 9, bytes_of_buf(&body)), OK);
        assert_int_equal(read.block, 5);
        assert_int_equal(read.replacement, 8);
        assert_int_equal(recall_count(&read), 1);
        assert_true(recall_marked(&read, items[i]));
        assert_false(recall_marked(&read, items[i] ^ 1));
        assert_false(recall_marked(&read, BLOCK_ITEMS_MAX + 5));
        buf_free(&body);
    }
}

/* A recall of what is not in front of it, a replacement elsewhere, a map that is empty, padded, cut or too long. */
static void test_form(void **state) {
    (void)state;
    struct recall read;
    const struct {
        uint64_t block, replacement, seq;
        enum err wanted;
    } places[] = {{0, 0, 9, ERR_FORMAT}, {9, 0, 9, ERR_FORMAT}, {10, 0, 9, ERR_FORMAT},
                  {5, 5, 9, ERR_FORMAT}, {5, 4, 9, ERR_FORMAT}, {5, 9, 9, ERR_FORMAT},
                  {5, 0, 9, OK},         {5, 6, 9, OK},         {8, 0, 9, OK}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct buf body = body_of(places[i].block, places[i].replacement, 3);
        assert_int_equal(recall_read(&read, places[i].seq, bytes_of_buf(&body)), places[i].wanted);
        buf_free(&body);
    }
    struct buf body = body_of(5, 0, 20);
    for (size_t size = 0; size < body.size; size++) assert_int_equal(recall_read(&read, 9, bytes_of(body.data, size)), ERR_FORMAT);
    const size_t bad[] = {0, 1, 19, body.size - 1}; /* version, zero, length, a last byte of 0 */
    for (size_t i = 0; i < 4; i++) {
        uint8_t kept = body.data[bad[i]];
        body.data[bad[i]] = bad[i] == 0 ? 2 : bad[i] == 1 ? 1 : 0;
        assert_int_equal(recall_read(&read, 9, bytes_of_buf(&body)), ERR_FORMAT);
        body.data[bad[i]] = kept;
    }
    buf_free(&body);
    struct buf large = body_of(5, 0, BLOCK_ITEMS_MAX - 1);
    put_be16(large.data + 18, RECALL_MAP_BYTES_MAX + 1);
    buf_put_u8(&large, 1);
    assert_int_equal(recall_read(&read, 9, bytes_of_buf(&large)), ERR_FORMAT);
    buf_free(&large);
}

/* An entry with such a body is refused as malformed, wherever it comes from. */
static void test_entry(void **state) {
    (void)state;
    struct entry entry;
    for (uint64_t block = 6; block <= 7; block++) {
        struct buf body = body_of(block, 0, 1), bytes = {0};
        struct entry_draft draft = {.type = ENTRY_RECALL, .seq = 7, .body = bytes_of_buf(&body)};
        assert_int_equal(entry_write(&bytes, &draft), OK);
        assert_int_equal(entry_parse_draft(&entry, bytes_of_buf(&bytes)), block == 6 ? OK : ERR_FORMAT);
        buf_free(&body);
        buf_free(&bytes);
    }
}

/* The blocks of a log, whatever the order in which they were recalled; another branch takes back what it said. */
static void test_recalled(void **state) {
    (void)state;
    struct recalled recalled = {0};
    for (uint64_t i = 0; i < 100; i++) assert_true(recalled_add(&recalled, (i * 37) % 100 + 1, 200 + i));
    assert_true(recalled_add(&recalled, 50, 999));
    assert_int_equal(recalled.count, 100);
    for (uint64_t i = 1; i <= 100; i++) assert_true(recalled_has(&recalled, i));
    assert_false(recalled_has(&recalled, 0));
    assert_false(recalled_has(&recalled, 101));
    recalled_truncate(&recalled, 250);
    assert_int_equal(recalled.count, 50);
    for (uint64_t i = 0; i < 100; i++) assert_int_equal(recalled_has(&recalled, (i * 37) % 100 + 1), i < 50);
    recalled_free(&recalled);
}

/* The notice and the receipt, as foreign bytes: cut anywhere, or with a byte changed, they are read or refused, never believed wrongly. */
static void test_texts(void **state) {
    (void)state;
    struct recall_notice notice = {.block = 5, .cause = RECALL_BY_AUTHOR, .time_ms = 1700000000000, .reason = bytes_of_text("why")},
                         read;
    uint8_t marked[BLOCK_ITEMS_MAX / 8] = {0x81, 0x10};
    struct buf ids = {0}, text = {0};
    buf_put_u16(&ids, 5);
    buf_put_text(&ids, "a--b1");
    recall_notice_write(&text, &notice, marked, bytes_of_buf(&ids), 1);
    assert_int_equal(recall_notice_read(&read, bytes_of_buf(&text)), OK);
    assert_int_equal(read.item_count, 3);
    assert_int_equal(pack_read_uint(&read.items), 0);
    assert_int_equal(pack_read_uint(&read.items), 7);
    assert_int_equal(pack_read_uint(&read.items), 12);
    assert_true(bytes_equal_text(read.reason, "why"));
    for (size_t size = 0; size < text.size; size++)
        assert_int_equal(recall_notice_read(&read, bytes_of(text.data, size)), ERR_FORMAT);
    struct recall_receipt receipt = {.node_id = {9}, .block = 5, .count = 3, .state = RECALL_ERASED, .time_ms = 77}, got;
    buf_clear(&text);
    recall_receipt_write(&text, &receipt);
    assert_int_equal(recall_receipt_read(&got, bytes_of_buf(&text)), OK);
    assert_int_equal(got.block, 5);
    assert_int_equal(got.count, 3);
    assert_int_equal(got.state, RECALL_ERASED);
    assert_memory_equal(got.node_id, receipt.node_id, NODE_ID_BYTES);
    for (size_t size = 0; size < text.size; size++)
        assert_int_equal(recall_receipt_read(&got, bytes_of(text.data, size)), ERR_FORMAT);
    struct recall_receipt third = receipt;
    third.passed_on = true, third.via[0] = 8, third.index = BLOCK_ITEMS_MAX - 1;
    buf_clear(&text);
    recall_receipt_write(&text, &third);
    assert_int_equal(recall_receipt_read(&got, bytes_of_buf(&text)), OK);
    assert_true(got.passed_on && got.via[0] == 8 && got.index == BLOCK_ITEMS_MAX - 1 && got.block == 5);
    for (size_t size = 0; size < text.size; size++)
        assert_int_equal(recall_receipt_read(&got, bytes_of(text.data, size)), ERR_FORMAT);
    third.index = BLOCK_ITEMS_MAX;
    buf_clear(&text);
    recall_receipt_write(&text, &third);
    assert_int_equal(recall_receipt_read(&got, bytes_of_buf(&text)), ERR_FORMAT);
    receipt.state = RECALL_NOTED;
    buf_clear(&text);
    recall_receipt_write(&text, &receipt);
    assert_int_equal(recall_receipt_read(&got, bytes_of_buf(&text)), ERR_FORMAT);
    buf_free(&ids);
    buf_free(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round),    cmocka_unit_test(test_form),  cmocka_unit_test(test_entry),
        cmocka_unit_test(test_recalled), cmocka_unit_test(test_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
