#define _GNU_SOURCE /* memmem */
/* The store as the engine uses it: what completed is found, also after closing, killing and damage. */
#include "tests/unit/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants the three above. */
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A new store is empty and answers so. */
static void test_empty(void **state) {
    struct fixture *f = *state;
    uint64_t cursors[4], ticket;
    struct page page;
    struct store_counts counts;
    assert_int_equal(store_find_value(f->store, fixture_domain(1), cursors, 4), 0);
    assert_int_equal(store_page_from(f->store, 0, &page), ERR_NOT_FOUND);
    assert_int_equal(store_page_at(f->store, 0, &page), ERR_NOT_FOUND);
    assert_int_equal(store_completed(f->store, &ticket), ERR_NOT_FOUND);
    assert_false(store_payload_exists(f->store, store_fixture_node, 1));
    store_counts(f->store, &counts);
    assert_int_equal(counts.items, 0);
    assert_int_equal(store_cursor_next(f->store), 0);
}

/* What a batch carried is there once it has completed, and still after closing and opening. */
static void test_batch_lives(void **state) {
    struct fixture *f = *state;
    struct buf out;
    buf_init(&out, 0);
    uint8_t instance[16], again[16];
    store_instance(f->store, instance);
    fixture_fill(f, 3, 32);
    for (int round = 0; round < 2; round++) {
        fixture_expect_all(f);
        assert_false(fixture_found(f, f->numbered));
        bool verified = false;
        buf_clear(&out);
        assert_int_equal(store_entry(f->store, store_fixture_node, 33, &out, &verified), OK);
        assert_true(verified);
        assert_int_equal(out.size, ENTRY_HEADER_BYTES + BLOCK_BODY_BYTES + SIGN_BYTES);
        assert_int_equal(out.data[10], 33);
        assert_int_equal(store_entry(f->store, store_fixture_node, 2, &out, &verified), ERR_NOT_FOUND);
        buf_clear(&out);
        assert_int_equal(store_payload(f->store, store_fixture_node, 65, &out), OK);
        assert_true(store_payload_exists(f->store, store_fixture_node, 65));
        struct store_counts counts;
        store_counts(f->store, &counts);
        assert_int_equal(counts.items, 96);
        assert_int_equal(counts.pages, 3);
        assert_int_equal(counts.entries, 3);
        assert_int_equal(counts.payloads, 3);
        assert_true(counts.payload_bytes > 3 * 32 * 100 && counts.disk_bytes > 0);
        assert_int_equal(store_cursor_next(f->store), 96);
        fixture_close(f);
        fixture_open(f);
    }
    store_instance(f->store, again);
    assert_memory_equal(instance, again, 16);
    buf_free(&out);
}

/* The feed: pages from a cursor on, in order, whole; nothing past a batch that has not completed. */
static void test_feed(void **state) {
    struct fixture *f = *state;
    fixture_fill(f, 4, 10);
    struct page page;
    uint64_t cursor = 15, pages = 0;
    while (store_page_from(f->store, cursor, &page) == OK) {
        assert_true(page.head.cursor + page.head.item_count > cursor);
        cursor = page.head.cursor + page.head.item_count;
        pages++;
    }
    assert_int_equal(pages, 3);
    assert_int_equal(cursor, 40);
    assert_int_equal(store_page_at(f->store, 40, &page), ERR_NOT_FOUND);
    assert_int_equal(store_page_at(f->store, 39, &page), OK);
    assert_int_equal(page.head.cursor, 30);
    struct store_batch *first = fixture_batch(f, 10), *second = fixture_batch(f, 10);
    fixture_commit(f, second);
    assert_int_equal(store_page_at(f->store, 55, &page), OK);
    assert_int_equal(store_page_from(f->store, 40, &page), ERR_NOT_FOUND);
    fixture_commit(f, first);
    assert_int_equal(store_page_from(f->store, 40, &page), OK);
    assert_int_equal(page.head.cursor, 40);
}

struct seen {
    uint64_t seqs[64];
    size_t count, stop_at;
};

static bool see_entry(void *context, uint64_t seq, bool verified, struct bytes entry) {
    struct seen *seen = context;
    assert_int_equal(verified, seq % 2 == 1);
    assert_int_equal(entry.data[0], seq & 0xff);
    seen->seqs[seen->count++] = seq;
    return seen->count != seen->stop_at;
}

static bool see_payload(void *context, uint64_t seq, size_t bytes) {
    struct seen *seen = context;
    assert_true(bytes > 100);
    seen->seqs[seen->count++] = seq;
    return seen->count != seen->stop_at;
}

static bool see_log(void *context, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq_first, uint64_t seq_last) {
    struct seen *seen = context;
    assert_memory_equal(node_id, store_fixture_node, NODE_ID_BYTES);
    seen->seqs[seen->count++] = seq_first;
    seen->seqs[seen->count++] = seq_last;
    return true;
}

/* Walks: entries from a seq on, payload places, logs; and a deleted payload is gone from all of them. */
static void test_walks(void **state) {
    struct fixture *f = *state;
    fixture_fill(f, 5, 4); /* seqs 1, 5, 9, 13, 17 */
    struct seen seen = {0};
    assert_int_equal(store_entries(f->store, store_fixture_node, 5, see_entry, &seen), OK);
    assert_int_equal(seen.count, 4);
    assert_int_equal(seen.seqs[3], 17);
    seen = (struct seen){.stop_at = 2};
    assert_int_equal(store_entries(f->store, store_fixture_node, 0, see_entry, &seen), OK);
    assert_int_equal(seen.count, 2);
    seen = (struct seen){0};
    assert_int_equal(store_logs(f->store, see_log, &seen), OK);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.seqs[1], 17);
    struct store_batch *batch = store_batch_new(f->store);
    store_batch_payload_delete(batch, store_fixture_node, 9);
    fixture_commit(f, batch);
    seen = (struct seen){0};
    assert_int_equal(store_payloads(f->store, store_fixture_node, see_payload, &seen), OK);
    assert_int_equal(seen.count, 4);
    assert_false(store_payload_exists(f->store, store_fixture_node, 9));
    struct store_counts counts;
    store_counts(f->store, &counts);
    assert_int_equal(counts.payloads, 4);
    const uint8_t other[NODE_ID_BYTES] = {9};
    seen = (struct seen){0};
    assert_int_equal(store_entries(f->store, other, 0, see_entry, &seen), OK);
    assert_int_equal(seen.count, 0);
}

static bool see_meta(void *context, const char *key, struct bytes value) {
    size_t *count = context;
    assert_true(strcmp(key, "secret/one") != 0 || bytes_equal_text(value, "hush hush"));
    (*count)++;
    return true;
}

/* Does any file of the store contain these bytes? */
static bool on_disk(const char *dir, const char *needle) {
    DIR *directory = opendir(dir);
    const struct dirent *entry;
    bool found = false;
    while ((entry = readdir(directory)) != NULL && !found) {
        int fd = openat(dirfd(directory), entry->d_name, O_RDONLY);
        struct stat about;
        if (fd < 0) continue;
        if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode) && about.st_size > 0) {
            char *data = malloc((size_t)about.st_size);
            ssize_t size = read(fd, data, (size_t)about.st_size);
            found = size > 0 && memmem(data, (size_t)size, needle, strlen(needle)) != NULL;
            free(data);
        }
        close(fd);
    }
    closedir(directory);
    return found;
}

/* Meta values, sealed under "secret/": neither they nor an item's text or value stand on disk in clear. */
/* A log cut off: entries and payloads from there on are gone, those before and another log's are not, and the counts agree. */
static void test_truncate(void **state) {
    struct fixture *f = *state;
    fixture_fill(f, 5, 4); /* seqs 1, 5, 9, 13, 17 */
    struct store_counts before, after;
    store_counts(f->store, &before);
    struct store_batch *batch = store_batch_new(f->store);
    assert_int_equal(store_batch_truncate(batch, store_fixture_node, 9), OK);
    fixture_commit(f, batch);
    for (int again = 0; again < 2; again++) {
        struct seen seen = {0};
        assert_int_equal(store_entries(f->store, store_fixture_node, 0, see_entry, &seen), OK);
        assert_int_equal(seen.count, 2);
        assert_int_equal(seen.seqs[1], 5);
        assert_false(store_payload_exists(f->store, store_fixture_node, 9));
        assert_true(store_payload_exists(f->store, store_fixture_node, 5));
        store_counts(f->store, &after);
        assert_int_equal(after.entries, before.entries - 3);
        assert_int_equal(after.payloads, before.payloads - 3);
        assert_int_equal(after.items, before.items);
        fixture_close(f);
        fixture_open(f);
    }
}

static void test_meta_and_secrecy(void **state) {
    struct fixture *f = *state;
    struct store_batch *batch = store_batch_new(f->store);
    store_batch_meta(batch, "secret/one", bytes_of_text("hush hush"));
    store_batch_meta(batch, "plain/one", bytes_of_text("all may know"));
    store_batch_meta(batch, "plain/two", bytes_of_text(""));
    fixture_commit(f, batch);
    fixture_put(f, fixture_domain(4242));
    struct buf out;
    buf_init(&out, 0);
    assert_int_equal(store_meta(f->store, "secret/one", &out), OK);
    assert_true(bytes_equal_text(bytes_of_buf(&out), "hush hush"));
    assert_int_equal(store_meta(f->store, "plain/none", &out), ERR_NOT_FOUND);
    size_t count = 0;
    assert_int_equal(store_meta_each(f->store, "plain/", see_meta, &count), OK);
    assert_int_equal(count, 2);
    count = 0;
    assert_int_equal(store_meta_each(f->store, "secret/one", see_meta, &count), OK);
    assert_int_equal(count, 1);
    fixture_close(f);
    assert_true(on_disk(f->dir, "all may know"));
    assert_false(on_disk(f->dir, "hush hush"));
    assert_false(on_disk(f->dir, "n4242.example"));
    assert_false(on_disk(f->dir, "indicator--"));
    fixture_open(f);
    batch = store_batch_new(f->store);
    store_batch_meta_delete(batch, "plain/one");
    fixture_commit(f, batch);
    assert_int_equal(store_meta(f->store, "plain/one", &out), ERR_NOT_FOUND);
    buf_free(&out);
}

/* An address finds itself and every network around it, nothing else; also from the files of the index and after opening. */
static void test_networks(void **state) {
    struct fixture *f = *state;
    fixture_put(f, fixture_ipv4(0x0a000000, 8));
    fixture_put(f, fixture_ipv4(0x0a010000, 16));
    fixture_put(f, fixture_ipv4(0x0a010200, 24));
    fixture_put(f, fixture_ipv4(0x0a010203, 32));
    fixture_put(f, fixture_ipv4(0x0b000000, 8));
    for (int round = 0; round < 3; round++) {
        uint64_t cursors[16];
        assert_int_equal(store_find_value(f->store, fixture_ipv4(0x0a010203, 32), cursors, 16), 4);
        for (uint64_t i = 0; i < 4; i++) assert_int_equal(cursors[i], i);
        assert_int_equal(store_find_value(f->store, fixture_ipv4(0x0a010204, 32), cursors, 16), 3);
        assert_int_equal(store_find_value(f->store, fixture_ipv4(0x0a020000, 16), cursors, 16), 1);
        assert_int_equal(store_find_value(f->store, fixture_ipv4(0x0a010203, 32), cursors, 2), 2);
        assert_int_equal(store_find_value(f->store, fixture_ipv4(0x0c000000, 32), cursors, 16), 0);
        if (round == 0) fixture_fill(f, 8, 32); /* the small table is written */
        if (round == 1) {
            fixture_close(f);
            fixture_open(f);
        }
    }
}

/* Many items with one value, over several files and the table: all are found, oldest first. */
static void test_popular_value(void **state) {
    struct fixture *f = *state;
    uint64_t cursors[128];
    for (int i = 0; i < 40; i++) {
        fixture_put(f, fixture_domain(77777));
        fixture_fill(f, 1, 16);
    }
    size_t count = store_find_value(f->store, fixture_domain(77777), cursors, 128);
    assert_int_equal(count, 40);
    for (size_t i = 0; i < count; i++) assert_int_equal(cursors[i], 17 * i);
    assert_int_equal(store_find_value(f->store, fixture_domain(77777), cursors, 5), 5);
    assert_int_equal(cursors[4], 68);
}

/* Batches under way complete in the order of their commits, and tickets come back in it. */
static void test_order(void **state) {
    struct fixture *f = *state;
    for (uint64_t i = 0; i < 50; i++) store_commit(f->store, fixture_batch(f, 5), 100 + i);
    store_wait(f->store);
    assert_int_equal(store_pending(f->store), 0);
    uint64_t ticket;
    for (uint64_t i = 0; i < 50; i++) {
        assert_int_equal(store_completed(f->store, &ticket), OK);
        assert_int_equal(ticket, 100 + i);
    }
    assert_int_equal(store_completed(f->store, &ticket), ERR_NOT_FOUND);
    fixture_expect_all(f);
}

/* While a commit is under way nobody is told that a record is not there. */
static void test_settled(void **state) {
    struct fixture *f = *state;
    struct store_batch *batch = store_batch_new(f->store);
    struct buf out = {0};
    assert_non_null(batch);
    store_batch_meta(batch, "secret/waits", bytes_of_text("a word"));
    store_gather(f->store, true);
    store_commit(f->store, batch, 1);
    assert_int_equal(store_meta_settled(f->store, "secret/waits", &out), ERR_BUSY);
    store_gather(f->store, false);
    store_wait(f->store);
    assert_int_equal(store_meta_settled(f->store, "secret/waits", &out), OK);
    assert_true(bytes_equal_text(bytes_of_buf(&out), "a word"));
    assert_int_equal(store_meta_settled(f->store, "secret/nothing", &out), ERR_NOT_FOUND);
    buf_free(&out);
}

/* A page at a cursor that was given, far ahead, or without items is refused; a freed batch leaves a gap and nothing else. */
static void test_refusals(void **state) {
    struct fixture *f = *state;
    fixture_fill(f, 1, 10);
    store_batch_free(fixture_batch(f, 10));
    struct store_batch *batch = store_batch_new(f->store);
    struct page_head head = {.cursor = 5, .item_count = 1, .plain_bytes = 10};
    assert_int_equal(store_batch_page(batch, &head, bytes_of_text("x")), ERR_RANGE);
    head.cursor = 1ULL << 40;
    assert_int_equal(store_batch_page(batch, &head, bytes_of_text("x")), ERR_RANGE);
    head = (struct page_head){.cursor = store_cursor_next(f->store)};
    assert_int_equal(store_batch_page(batch, &head, bytes_of_text("x")), ERR_RANGE);
    store_batch_free(batch);
    fixture_fill(f, 1, 10);
    assert_true(fixture_found(f, 9));
    assert_false(fixture_found(f, 10));
    assert_true(fixture_found(f, 20));
    struct page page;
    assert_int_equal(store_page_from(f->store, 10, &page), OK);
    assert_int_equal(page.head.cursor, 20);
}

/* A page that another key's holder, or nobody, sealed is not opened; another store key opens nothing. */
static void test_other_key_and_busy(void **state) {
    struct fixture *f = *state;
    char why[256] = "";
    fixture_fill(f, 1, 10);
    assert_int_equal(fixture_try_open(f, why, sizeof why), ERR_BUSY);
    assert_non_null(strstr(why, "another process uses this directory"));
    fixture_close(f);
    f->options.store_key[0] ^= 1;
    assert_int_equal(fixture_try_open(f, why, sizeof why), ERR_KEY);
    f->options.store_key[0] ^= 1;
    fixture_open(f);
    fixture_expect_all(f);
}

/* Dropping the index and making it again finds the same. */
static void test_rebuild(void **state) {
    struct fixture *f = *state;
    fixture_fill(f, 30, 16);
    assert_int_equal(store_index_rebuild(f->store, NULL, NULL), OK);
    fixture_expect_all(f);
    fixture_fill(f, 10, 16);
    fixture_expect_all(f);
    fixture_close(f);
    fixture_open(f);
    fixture_expect_all(f);
    struct store_counts counts;
    store_counts(f->store, &counts);
    assert_int_equal(counts.pages_damaged, 0);
}

int main(void) {
#define TEST(name)       cmocka_unit_test_setup_teardown(name, fixture_test_setup, fixture_test_teardown)
#define TEST_SMALL(name) cmocka_unit_test_setup_teardown(name, fixture_test_setup_small, fixture_test_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_empty),         TEST(test_batch_lives),      TEST_SMALL(test_batch_lives), TEST(test_feed),
        TEST(test_walks),         TEST(test_meta_and_secrecy), TEST_SMALL(test_networks),    TEST_SMALL(test_popular_value),
        TEST(test_truncate),      TEST_SMALL(test_order),      TEST(test_refusals),          TEST(test_other_key_and_busy),
        TEST_SMALL(test_rebuild), TEST(test_settled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
