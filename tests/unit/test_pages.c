/* Pages and their keys: what is sealed opens, at its place and unaltered only; bucket keys live as long as a batch that brings them. */
#include "node/store/pages.h"

#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants the three above. */
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DAY_MS     86400000ULL
#define ARRIVED_MS 1700000000000ULL

struct setting {
    char dir[256];
    struct rocks rocks;
    struct vault *vault;
    struct pages *pages;
    struct block_codec *codec;
};

static void open_pages(struct setting *s) {
    char why[ROCKS_WHY_BYTES] = "";
    assert_int_equal(rocks_open(&s->rocks, s->dir, 8 << 20, false, why), OK);
    s->pages = pages_new(&s->rocks, s->vault);
    assert_non_null(s->pages);
}

static void close_pages(struct setting *s) {
    pages_free(s->pages);
    rocks_close(&s->rocks);
}

static int setup(void **state) {
    static struct setting s;
    const uint8_t key[32] = {1};
    const char *base = getenv("TMPDIR");
    snprintf(s.dir, sizeof s.dir, "%s/comity-pages-XXXXXX", base != NULL ? base : "/tmp");
    if (mkdtemp(s.dir) == NULL) return -1;
    s.vault = vault_new(key, bytes_of_text("instance"));
    s.codec = block_codec_new();
    open_pages(&s);
    *state = &s;
    return 0;
}

static int teardown(void **state) {
    struct setting *s = *state;
    close_pages(s);
    vault_free(s->vault);
    block_codec_free(s->codec);
    DIR *directory = opendir(s->dir);
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) (void)unlinkat(dirfd(directory), entry->d_name, 0);
    closedir(directory);
    (void)rmdir(s->dir);
    return 0;
}

/* A page of `count` items of one letter each, from `cursor` on. */
static void seal(struct setting *s, rocksdb_writebatch_t *batch, struct buckets_carried *carried, uint64_t cursor, uint16_t count,
                 uint64_t expires_ms) {
    struct buf plain, packed;
    buf_init(&plain, 0);
    buf_init(&packed, 0);
    for (uint16_t i = 0; i < count; i++) {
        buf_put_u32(&plain, 1);
        buf_put_u8(&plain, (uint8_t)('a' + (cursor + i) % 26));
    }
    assert_int_equal(block_frame_pack(s->codec, &packed, bytes_of_buf(&plain)), OK);
    struct page_head head = {.cursor = cursor,
                             .item_count = count,
                             .plain_bytes = (uint32_t)plain.size,
                             .node_id = {1, 2},
                             .agency_id = {3, 4},
                             .seq = 5,
                             .item_first = 6,
                             .arrived_ms = ARRIVED_MS,
                             .expires_ms = expires_ms,
                             .bucket = buckets_number(expires_ms, ARRIVED_MS)};
    assert_int_equal(pages_seal(s->pages, batch, carried, &head, bytes_of_buf(&packed)), OK);
    buf_free(&plain);
    buf_free(&packed);
}

static void write_batch(struct setting *s, rocksdb_writebatch_t *batch) {
    char *error = NULL;
    rocksdb_write(s->rocks.db, s->rocks.write, batch, &error);
    assert_null(error);
    rocksdb_writebatch_destroy(batch);
    pages_changed(s->pages);
}

static void put_page(struct setting *s, uint64_t cursor, uint16_t count, uint64_t expires_ms) {
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    struct buckets_carried carried = {.count = 0};
    seal(s, batch, &carried, cursor, count, expires_ms);
    write_batch(s, batch);
    pages_buckets_durable(s->pages, &carried);
}

/* A page comes back with its whole head, by each cursor in it and by none beside it; also after opening. */
static void test_round_trip(void **state) {
    struct setting *s = *state;
    put_page(s, 10, 5, ARRIVED_MS + DAY_MS);
    put_page(s, 20, 1, ARRIVED_MS + DAY_MS);
    for (int round = 0; round < 2; round++) {
        struct page page;
        for (uint64_t cursor = 0; cursor < 25; cursor++) {
            bool in = (cursor >= 10 && cursor < 15) || cursor == 20;
            assert_int_equal(pages_at(s->pages, cursor, &page), in ? OK : ERR_NOT_FOUND);
            if (in) assert_int_equal(page.head.cursor, cursor == 20 ? 20 : 10);
            assert_int_equal(pages_from(s->pages, cursor, &page), cursor <= 20 ? OK : ERR_NOT_FOUND);
            if (cursor <= 20) assert_int_equal(page.head.cursor, cursor < 15 ? 10 : 20);
        }
        assert_int_equal(pages_at(s->pages, 12, &page), OK);
        assert_int_equal(page.head.item_count, 5);
        assert_int_equal(page.head.node_id[1], 2);
        assert_int_equal(page.head.agency_id[1], 4);
        assert_true(page.head.seq == 5 && page.head.item_first == 6 && page.head.arrived_ms == ARRIVED_MS);
        assert_true(page.head.expires_ms == ARRIVED_MS + DAY_MS && page.plain.size == 25 && page.plain.data[4] == 'k');
        uint64_t end;
        assert_int_equal(pages_end(s->pages, &end), OK);
        assert_int_equal(end, 21);
        close_pages(s);
        open_pages(s);
    }
}

static void raw_put(struct setting *s, enum rocks_family family, struct bytes key, struct bytes value) {
    char *error = NULL;
    rocksdb_put_cf(s->rocks.db, s->rocks.write, s->rocks.families[family], (const char *)key.data, key.size,
                   (const char *)value.data, value.size, &error);
    assert_null(error);
    pages_changed(s->pages);
}

/* Every byte of a stored page counts: changed anywhere, or moved to another cursor, it does not open. */
static void test_altered(void **state) {
    struct setting *s = *state;
    put_page(s, 0, 4, ARRIVED_MS);
    uint8_t raw[PAGES_KEY_BYTES];
    put_be64(raw, 3);
    struct bytes key = bytes_of(raw, sizeof raw), value;
    rocksdb_pinnableslice_t *slice;
    assert_int_equal(rocks_get(&s->rocks, ROCKS_PAGES, key, &slice, &value), OK);
    uint8_t *copy = malloc(value.size);
    size_t size = value.size;
    memcpy(copy, value.data, size);
    rocksdb_pinnableslice_destroy(slice);
    struct page page;
    for (size_t i = 0; i < size; i++) {
        copy[i] ^= 1;
        raw_put(s, ROCKS_PAGES, key, bytes_of(copy, size));
        enum err error = pages_at(s->pages, 3, &page);
        assert_true(error == ERR_CORRUPT || (error == ERR_NOT_FOUND && i >= 2 && i < 4)); /* bytes 2 and 3: the item count */
        copy[i] ^= 1;
    }
    for (size_t cut = 0; cut < size; cut += 7) {
        raw_put(s, ROCKS_PAGES, key, bytes_of(copy, cut));
        assert_int_equal(pages_at(s->pages, 3, &page), ERR_CORRUPT);
    }
    raw_put(s, ROCKS_PAGES, key, bytes_of(copy, size));
    assert_int_equal(pages_at(s->pages, 3, &page), OK);
    put_be64(raw, 103);
    raw_put(s, ROCKS_PAGES, key, bytes_of(copy, size));
    assert_int_equal(pages_at(s->pages, 103, &page), ERR_CORRUPT);
    assert_int_equal(page.head.item_count, 4);
    free(copy);
}

/* A month of expiry has one key; a far expiry is drawn near and one in the past taken as now, so that keys stay few. */
static void test_bucket_numbers(void **state) {
    (void)state;
    uint32_t now = buckets_number(ARRIVED_MS, ARRIVED_MS);
    assert_int_equal(buckets_number(0, ARRIVED_MS), now);
    assert_int_equal(buckets_number(ARRIVED_MS + 30 * DAY_MS, ARRIVED_MS), now + 1);
    assert_true(buckets_number(UINT64_MAX, ARRIVED_MS) <= now + 122);
    assert_int_equal(buckets_number(UINT64_MAX, ARRIVED_MS), buckets_number(UINT64_MAX - 1, ARRIVED_MS));
    assert_int_equal(buckets_number(UINT64_MAX, UINT64_MAX), UINT32_MAX);
}

/* Two batches seal under a new key; the first is never written. The second brought the key as well, so its page opens for ever. */
static void test_key_travels(void **state) {
    struct setting *s = *state;
    rocksdb_writebatch_t *first = rocksdb_writebatch_create(), *second = rocksdb_writebatch_create();
    struct buckets_carried of_first = {.count = 0}, of_second = {.count = 0};
    seal(s, first, &of_first, 0, 4, ARRIVED_MS);
    seal(s, second, &of_second, 4, 4, ARRIVED_MS);
    assert_int_equal(of_first.count, 1);
    assert_int_equal(of_second.count, 1);
    rocksdb_writebatch_destroy(first);
    write_batch(s, second);
    pages_buckets_durable(s->pages, &of_second);
    struct buckets_carried of_third = {.count = 0};
    rocksdb_writebatch_t *third = rocksdb_writebatch_create();
    seal(s, third, &of_third, 8, 4, ARRIVED_MS);
    assert_int_equal(of_third.count, 0);
    write_batch(s, third);
    close_pages(s);
    open_pages(s);
    struct page page;
    assert_int_equal(pages_at(s->pages, 4, &page), OK);
    assert_int_equal(pages_at(s->pages, 8, &page), OK);
    assert_int_equal(pages_at(s->pages, 0, &page), ERR_NOT_FOUND);
}

/* Without the bucket's record its pages never open again; others do. A bucket's key under another number is refused. */
static void test_key_gone(void **state) {
    struct setting *s = *state;
    put_page(s, 0, 4, ARRIVED_MS);
    put_page(s, 4, 4, ARRIVED_MS + 90 * DAY_MS);
    char name[64], *error = NULL;
    uint32_t number = buckets_number(ARRIVED_MS, ARRIVED_MS);
    snprintf(name, sizeof name, BUCKETS_NAME "%u", number + 3);
    rocksdb_pinnableslice_t *slice;
    struct bytes other;
    assert_int_equal(rocks_get(&s->rocks, ROCKS_META, bytes_of_text(name), &slice, &other), OK);
    snprintf(name, sizeof name, BUCKETS_NAME "%u", number);
    raw_put(s, ROCKS_META, bytes_of_text(name), other);
    rocksdb_pinnableslice_destroy(slice);
    close_pages(s);
    open_pages(s);
    struct page page;
    assert_int_equal(pages_at(s->pages, 0, &page), ERR_CORRUPT);
    rocksdb_delete_cf(s->rocks.db, s->rocks.write, s->rocks.families[ROCKS_META], name, strlen(name), &error);
    assert_null(error);
    assert_int_equal(pages_at(s->pages, 0, &page), ERR_CORRUPT);
    assert_int_equal(pages_at(s->pages, 4, &page), OK);
}

/* More buckets than are held at once: keys are read again. */
static void test_many_buckets(void **state) {
    struct setting *s = *state;
    for (uint64_t i = 0; i < BUCKETS_HELD_MAX + 40; i++) {
        rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
        struct buckets_carried carried = {.count = 0};
        struct page_head head = {.cursor = i, .item_count = 1, .plain_bytes = 1, .bucket = (uint32_t)i};
        assert_int_equal(pages_seal(s->pages, batch, &carried, &head, bytes_of_text("x")), OK);
        write_batch(s, batch);
        pages_buckets_durable(s->pages, &carried);
    }
    put_page(s, 1000, 4, ARRIVED_MS);
    struct page page;
    assert_int_equal(pages_at(s->pages, 1001, &page), OK);
    /* Sealed well, but no zstd frame: damaged all the same. */
    assert_int_equal(pages_at(s->pages, 0, &page), ERR_CORRUPT);
}

/* Plaintext sealed under one name opens under that name only. */
static void test_vault(void **state) {
    struct setting *s = *state;
    struct buf sealed, plain;
    buf_init(&sealed, 0);
    buf_init(&plain, 0);
    vault_seal(s->vault, &sealed, bytes_of_text("secret/a"), bytes_of_text("value"));
    assert_int_equal(sealed.size, 5 + VAULT_OVERHEAD_BYTES);
    assert_int_equal(vault_unseal(s->vault, &plain, bytes_of_text("secret/b"), bytes_of_buf(&sealed)), ERR_CORRUPT);
    assert_int_equal(plain.size, 0);
    assert_int_equal(vault_unseal(s->vault, &plain, bytes_of_text("secret/a"), bytes_of(sealed.data, 39)), ERR_CORRUPT);
    assert_int_equal(vault_unseal(s->vault, &plain, bytes_of_text("secret/a"), bytes_of_buf(&sealed)), OK);
    assert_true(bytes_equal_text(bytes_of_buf(&plain), "value"));
    uint8_t tag[VAULT_TAG_BYTES];
    vault_tag(s->vault, tag, 1, bytes_of_text("key"), bytes_of_text("value"));
    assert_true(vault_tag_matches(s->vault, bytes_of(tag, 8), 1, bytes_of_text("key"), bytes_of_text("value")));
    assert_false(vault_tag_matches(s->vault, bytes_of(tag, 8), 2, bytes_of_text("key"), bytes_of_text("value")));
    assert_false(vault_tag_matches(s->vault, bytes_of(tag, 8), 1, bytes_of_text("kez"), bytes_of_text("value")));
    assert_false(vault_tag_matches(s->vault, bytes_of(tag, 8), 1, bytes_of_text("key"), bytes_of_text("valve")));
    buf_free(&sealed);
    buf_free(&plain);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_round_trip),  TEST(test_altered),  cmocka_unit_test(test_bucket_numbers),
        TEST(test_key_travels), TEST(test_key_gone), TEST(test_many_buckets),
        TEST(test_vault),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests_name("pages", tests, NULL, NULL);
}
