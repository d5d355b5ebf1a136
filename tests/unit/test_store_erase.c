#define _GNU_SOURCE /* memmem */
/* What is taken out of the store is found no more, and after a round its bytes stand in no file. */
#include "node/store/index.h"
#include "node/store/vault.h"
#include "tests/unit/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants the three above. */
#include <cmocka.h>
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- what files hold --- */

static bool file_holds(const char *path, struct bytes needle) {
    FILE *file = fopen(path, "rb");
    struct buf content = {0};
    uint8_t chunk[65536];
    if (!file) return false;
    for (size_t got; (got = fread(chunk, 1, sizeof chunk, file)) > 0;) buf_put_raw(&content, chunk, got);
    fclose(file);
    bool holds = content.size >= needle.size && memmem(content.data, content.size, needle.data, needle.size) != NULL;
    buf_free(&content);
    return holds;
}

static size_t files_holding(struct fixture *f, struct bytes needle) {
    DIR *directory = opendir(f->dir);
    size_t count = 0;
    assert_non_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", f->dir, entry->d_name);
        count += entry->d_name[0] != '.' && file_holds(path, needle);
    }
    closedir(directory);
    return count;
}

/* The end of the index's hash of an item's value or id: keys that follow each other in a file share their first bytes. */
#define TERM_BYTES 6
static void term_of(struct fixture *f, uint64_t number, bool id, uint8_t out[static TERM_BYTES]) {
    uint8_t hash[8];
    uint8_t instance[16];
    store_instance(f->store, instance);
    struct vault *vault = vault_new(f->options.store_key, bytes_of(instance, sizeof instance));
    assert_non_null(vault);
    put_be64(hash, id ? index_hash_id(vault, fixture_id(number)) : index_hash_observable(vault, fixture_domain(number), NULL));
    memcpy(out, hash + 2, TERM_BYTES);
    vault_free(vault);
}

/* --- taking out --- */

/* The item of this number leaves its page and the index. */
static void take_out(struct fixture *f, uint64_t number) {
    static struct item item;
    uint64_t cursors[8];
    struct page page;
    struct bytes encoded;
    struct buf plain = {0};
    while (!store_terms_ready(f->store)) {
    }
    assert_int_equal(store_find_value(f->store, fixture_domain(number), cursors, 8), 1);
    assert_int_equal(store_page_at(f->store, cursors[0], &page), OK);
    struct store_batch *batch = store_batch_new(f->store);
    struct cursor walk = cursor_of(page.plain);
    size_t left = 0;
    for (uint64_t cursor = page.head.cursor; block_frame_next(&walk, &encoded); cursor++) {
        bool gone = cursor == cursors[0];
        if (gone) {
            assert_int_equal(item_decode(&item, encoded), OK);
            store_batch_terms_delete(batch, cursor, &item);
        }
        left += !gone && encoded.size > 0;
        buf_put_u32(&plain, gone ? 0 : (uint32_t)encoded.size);
        if (!gone) buf_put(&plain, encoded);
    }
    struct bytes changed = left > 0 ? bytes_of_buf(&plain) : bytes_of(NULL, 0);
    assert_int_equal(store_batch_page_change(batch, &page.head, changed, 1), OK);
    buf_free(&plain);
    fixture_commit(f, batch);
}

static void round_wait(struct fixture *f) {
    uint64_t ticket, round = store_erase(f->store);
    assert_true(round > 0);
    while (store_erased(f->store) < round) {
        struct pollfd fd = {.fd = store_fd(f->store), .events = POLLIN};
        assert_true(poll(&fd, 1, 10000) >= 0);
        assert_int_equal(store_completed(f->store, &ticket), ERR_NOT_FOUND);
    }
}

static void expect_gone(struct fixture *f, uint64_t number) {
    uint64_t cursors[8];
    assert_int_equal(store_find_value(f->store, fixture_domain(number), cursors, 8), 0);
    assert_int_equal(store_find_id(f->store, fixture_id(number), cursors, 8), 0);
}

/* The terms of a value leave all files, whether they stood in a file of terms or in memory; its neighbours stay, also after reopening. */
static void terms_leave(struct fixture *f, uint64_t number) {
    uint8_t term[TERM_BYTES], id_term[TERM_BYTES];
    term_of(f, number, false, term);
    term_of(f, number, true, id_term);
    take_out(f, number);
    expect_gone(f, number);
    round_wait(f);
    assert_int_equal(files_holding(f, bytes_of(term, TERM_BYTES)), 0);
    assert_int_equal(files_holding(f, bytes_of(id_term, TERM_BYTES)), 0);
    for (int round = 0; round < 2; round++) {
        expect_gone(f, number);
        for (uint64_t other = 0; other < f->numbered; other++)
            if (other != number) assert_true(fixture_found(f, other));
        fixture_close(f);
        fixture_open(f);
    }
    assert_int_equal(files_holding(f, bytes_of(term, TERM_BYTES)), 0);
}

static void test_terms_in_files(void **state) {
    struct fixture *f = *state;
    uint8_t term[TERM_BYTES];
    fixture_fill(f, 20, 32);
    fixture_close(f);
    fixture_open(f);
    term_of(f, 40, false, term);
    assert_true(files_holding(f, bytes_of(term, TERM_BYTES)) > 0);
    terms_leave(f, 40);
}

static void test_terms_in_memory(void **state) {
    struct fixture *f = *state;
    fixture_fill(f, 2, 32);
    terms_leave(f, 40);
}

/* Old bytes of the page: neither its nonce nor a byte string of its ciphertext is left. */
static void test_page_bytes(void **state) {
    struct fixture *f = *state;
    struct store_counts before, after;
    fixture_fill(f, 3, 32);
    store_counts(f->store, &before);
    take_out(f, 33);
    take_out(f, 34);
    store_counts(f->store, &after);
    assert_int_equal(after.items, before.items - 2);
    assert_int_equal(after.pages, before.pages);
    struct page page;
    assert_int_equal(store_page_at(f->store, 33, &page), OK);
    assert_int_equal(page.head.cursor, 32);
    assert_int_equal(page.head.item_count, 32);
    assert_null(memmem(page.plain.data, page.plain.size, "n33.example", 11));
    assert_non_null(memmem(page.plain.data, page.plain.size, "n35.example", 11));
    for (uint64_t number = 32; number < 64; number++)
        if (number != 33 && number != 34) take_out(f, number);
    store_counts(f->store, &after);
    assert_int_equal(after.pages, before.pages - 1);
    assert_int_equal(store_page_at(f->store, 40, &page), ERR_NOT_FOUND);
    assert_int_equal(store_page_from(f->store, 32, &page), OK);
    assert_int_equal(page.head.cursor, 64);
}

/* A payload's bytes on the disk are not its own, and it reads back; when it is dropped the key it was locked with leaves all files. */
static void test_payload(void **state) {
    struct fixture *f = *state;
    struct buf first = {0}, again = {0};
    fixture_fill(f, 3, 32);
    assert_int_equal(store_payload(f->store, store_fixture_node, 33, &first), OK);
    assert_int_equal(files_holding(f, bytes_of(first.data, 64)), 0);
    struct store_batch *batch = store_batch_new(f->store);
    store_batch_payload_erase(batch, store_fixture_node, 33);
    fixture_commit(f, batch);
    round_wait(f);
    assert_int_equal(store_payload(f->store, store_fixture_node, 33, &again), ERR_NOT_FOUND);
    assert_int_equal(store_payload_bytes(f->store, store_fixture_node, 33), 0);
    assert_int_equal(store_payload(f->store, store_fixture_node, 65, &again), OK);
    buf_free(&first);
    buf_free(&again);
}

/* What falls due comes in the order of time, once, and not before. */
static void test_due(void **state) {
    struct fixture *f = *state;
    struct store_due due[8];
    struct store_batch *batch = store_batch_new(f->store);
    store_batch_due_page(batch, 300, 7);
    store_batch_due_payload(batch, 100, store_fixture_node, 5);
    store_batch_due_item(batch, 200, 9);
    fixture_commit(f, batch);
    assert_int_equal(store_due(f->store, 0, 99, due, 8), 0);
    assert_int_equal(store_due(f->store, 0, 250, due, 8), 2);
    assert_int_equal(due[0].kind, STORE_DUE_PAYLOAD);
    assert_memory_equal(due[0].node_id, store_fixture_node, NODE_ID_BYTES);
    assert_int_equal(due[0].number, 5);
    assert_int_equal(due[1].kind, STORE_DUE_ITEM);
    assert_int_equal(store_due(f->store, 150, 300, due, 8), 2);
    assert_int_equal(store_due(f->store, 0, 300, due, 1), 1);
    batch = store_batch_new(f->store);
    store_batch_due_done(batch, &due[0]);
    fixture_commit(f, batch);
    assert_int_equal(store_due(f->store, 0, 1000, due, 8), 2);
    assert_int_equal(due[0].kind, STORE_DUE_ITEM);
}

/* Where a block's items stand is known, and forgotten. */
static void test_block(void **state) {
    struct fixture *f = *state;
    uint64_t cursor;
    uint32_t items;
    assert_false(store_block(f->store, store_fixture_node, 5, &cursor, &items));
    struct store_batch *batch = store_batch_new(f->store);
    store_batch_block(batch, store_fixture_node, 5, 77, 4096);
    fixture_commit(f, batch);
    assert_true(store_block(f->store, store_fixture_node, 5, &cursor, &items));
    assert_int_equal(cursor, 77);
    assert_int_equal(items, 4096);
    batch = store_batch_new(f->store);
    store_batch_block_delete(batch, store_fixture_node, 5);
    fixture_commit(f, batch);
    assert_false(store_block(f->store, store_fixture_node, 5, &cursor, &items));
    assert_int_equal(store_erase(f->store), 0);
}

/* The key of a month that is over goes with its last page, from all files; that of one with pages stays, and so does today's. */
static void test_bucket(void **state) {
    struct fixture *f = *state;
    const uint64_t day_ms = 24ull * 3600 * 1000, later_ms = 1710000000000 + 90 * day_ms;
    struct buf before = {0}, after = {0};
    char name[40] = "";
    fixture_fill(f, 2, 4);
    struct page page;
    assert_int_equal(store_page_at(f->store, 0, &page), OK);
    snprintf(name, sizeof name, "secret/bucket/%u", page.head.bucket);
    assert_int_equal(store_meta(f->store, name, &before), OK);
    for (uint64_t number = 0; number < 7; number++) take_out(f, number);
    assert_false(store_buckets_over(f->store, later_ms));
    take_out(f, 7);
    assert_false(store_buckets_over(f->store, page.head.arrived_ms));
    fixture_close(f);
    fixture_open(f);
    assert_true(store_buckets_over(f->store, later_ms));
    struct store_batch *batch = store_batch_new(f->store);
    store_batch_buckets_end(batch, later_ms);
    fixture_commit(f, batch);
    round_wait(f);
    assert_int_equal(store_meta(f->store, name, &after), ERR_NOT_FOUND);
    assert_false(store_buckets_over(f->store, later_ms));
    fixture_fill(f, 1, 4);
    assert_true(fixture_found(f, 8));
    buf_free(&before);
    buf_free(&after);
}

#define TEST(test)       cmocka_unit_test_setup_teardown(test, fixture_test_setup, fixture_test_teardown)
#define TEST_SMALL(test) cmocka_unit_test_setup_teardown(test, fixture_test_setup_small, fixture_test_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST_SMALL(test_terms_in_files),
        TEST(test_terms_in_memory),
        TEST(test_page_bytes),
        TEST(test_payload),
        TEST(test_due),
        TEST(test_block),
        TEST(test_bucket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
