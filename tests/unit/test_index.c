/* The term table against a plain list, and the index through ingestions, crashes between file and mark, and networks. */
#include "node/store/index_file.h"

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
#include <sys/eventfd.h>
#include <unistd.h>

#define TABLE_TERMS 64

struct setting {
    char dir[256];
    struct rocks rocks;
    struct vault *vault;
    struct index *index;
    int event_fd;
};

static void open_index(struct setting *s) {
    char why[ROCKS_WHY_BYTES] = "";
    assert_int_equal(rocks_open(&s->rocks, s->dir, 8 << 20, false, why), OK);
    assert_int_equal(index_open(&s->index, &s->rocks, s->vault, s->dir, TABLE_TERMS, s->event_fd), OK);
}

static void close_index(struct setting *s) {
    index_close(s->index);
    rocks_close(&s->rocks);
}

static int setup(void **state) {
    static struct setting s;
    const uint8_t key[32] = {1};
    const char *base = getenv("TMPDIR");
    snprintf(s.dir, sizeof s.dir, "%s/comity-index-XXXXXX", base != NULL ? base : "/tmp");
    if (mkdtemp(s.dir) == NULL) return -1;
    s.vault = vault_new(key, bytes_of_text("instance"));
    s.event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    open_index(&s);
    *state = &s;
    return 0;
}

static int teardown(void **state) {
    struct setting *s = *state;
    close_index(s);
    vault_free(s->vault);
    close(s->event_fd);
    DIR *directory = opendir(s->dir);
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) (void)unlinkat(dirfd(directory), entry->d_name, 0);
    closedir(directory);
    (void)rmdir(s->dir);
    return 0;
}

static void add(struct setting *s, uint64_t hash, uint64_t cursor) {
    struct term term = {.hash = hash, .cursor = cursor};
    struct index_lengths none = {0};
    assert_int_equal(index_add(s->index, &term, 1, &none, cursor + 1), OK);
}

static size_t found(struct setting *s, uint64_t hash, uint64_t *cursors, size_t max) {
    size_t count;
    assert_int_equal(index_find(s->index, hash, cursors, max, &count), OK);
    return count;
}

/* The table finds what a plain list finds, also when hashes repeat and share buckets. */
static void test_table(void **state) {
    (void)state;
    enum { COUNT = 5000 };
    static struct term all[COUNT];
    struct terms *terms = terms_new(100, 1000);
    assert_non_null(terms);
    for (size_t i = 0; i < COUNT; i++) {
        all[i].hash = i % 3 == 0 ? 0x1111111111111111 : i % 7 * 0x2000000000000001 + i / 100;
        all[i].cursor = 1000 + i;
    }
    assert_true(terms_add(terms, all, 10));
    assert_true(terms_add(terms, all + 10, COUNT - 10));
    for (size_t i = 0; i < COUNT; i += 37) {
        static uint64_t expected[COUNT], cursors[COUNT];
        size_t count = 0;
        for (size_t k = 0; k < COUNT; k++)
            if (all[k].hash == all[i].hash) expected[count++] = all[k].cursor;
        assert_int_equal(terms_find(terms, all[i].hash, cursors, COUNT), count);
        assert_memory_equal(cursors, expected, count * sizeof *cursors);
        assert_int_equal(terms_find(terms, all[i].hash, cursors, 1), 1);
    }
    uint64_t cursor;
    assert_int_equal(terms_find(terms, UINT64_MAX, &cursor, 1), 0);
    struct term below = {.hash = 1, .cursor = 999};
    assert_false(terms_add(terms, &below, 1));
    terms_free(terms);
}

struct walked {
    struct term last;
    size_t count;
};

static bool walk(void *context, struct term term) {
    struct walked *walked = context;
    assert_true(walked->count == 0 || term.hash > walked->last.hash ||
                (term.hash == walked->last.hash && term.cursor > walked->last.cursor));
    walked->last = term;
    walked->count++;
    return true;
}

/* Its contents come in strict order, whatever order they went in, and a double only once. */
static void test_table_sorted(void **state) {
    (void)state;
    struct terms *terms = terms_new(256, 0);
    for (uint64_t i = 0; i < 3000; i++) {
        uint64_t n = i * 7919 % 3000;
        struct term term = {.hash = n % 50 == 0 ? 7 : n * 0x9e3779b97f4a7c15, .cursor = n};
        assert_true(terms_add(terms, &term, 1));
        if (n % 10 == 0) assert_true(terms_add(terms, &term, 1));
    }
    struct walked walked = {0};
    assert_true(terms_each_sorted(terms, walk, &walked));
    assert_int_equal(walked.count, 3000);
    terms_free(terms);
}

/* An empty table whose base lies far behind moves up to what comes. */
static void test_table_far(void **state) {
    (void)state;
    struct terms *terms = terms_new(16, 0);
    struct term far = {.hash = 9, .cursor = 1ULL << 40};
    assert_true(terms_add(terms, &far, 1));
    uint64_t cursor;
    assert_int_equal(terms_find(terms, 9, &cursor, 1), 1);
    assert_true(cursor == far.cursor);
    terms_free(terms);
}

/* Terms are found while in the table, while it is written, and from the files; after opening, those below the mark. */
static void test_ingestion(void **state) {
    struct setting *s = *state;
    uint64_t cursors[4];
    for (uint64_t i = 0; i < 1000; i++) {
        add(s, i * 0x9e3779b97f4a7c15, i);
        for (uint64_t k = 0; k <= i; k += 97) {
            assert_int_equal(found(s, k * 0x9e3779b97f4a7c15, cursors, 4), 1);
            assert_int_equal(cursors[0], k);
        }
    }
    assert_int_equal(index_ingestions(s->index), 1000 / TABLE_TERMS);
    index_wait(s->index);
    uint64_t mark = index_mark(s->index);
    assert_int_equal(mark, 1000 / TABLE_TERMS * TABLE_TERMS);
    close_index(s);
    open_index(s);
    assert_int_equal(index_mark(s->index), mark);
    for (uint64_t i = 0; i < mark; i++) assert_int_equal(found(s, i * 0x9e3779b97f4a7c15, cursors, 4), 1);
    assert_int_equal(found(s, mark * 0x9e3779b97f4a7c15, cursors, 4), 0);
}

/* A crash after the ingestion and before the mark: the terms are added again, and each is still found once. */
static void test_doubles(void **state) {
    struct setting *s = *state;
    uint64_t cursors[TABLE_TERMS + 8];
    struct terms *terms = terms_new(TABLE_TERMS, 0);
    char why[ROCKS_WHY_BYTES];
    for (uint64_t i = 0; i < 10; i++) {
        struct term term = {.hash = 5, .cursor = i};
        assert_true(terms_add(terms, &term, 1));
    }
    assert_int_equal(index_file_ingest(&s->rocks, s->dir, terms, why), OK);
    terms_free(terms);
    for (uint64_t i = 5; i < 15; i++) add(s, 5, i);
    assert_int_equal(found(s, 5, cursors, TABLE_TERMS), 15);
    for (uint64_t i = 0; i < 15; i++) assert_int_equal(cursors[i], i);
    for (uint64_t i = 100; i < 100 + TABLE_TERMS; i++) add(s, 6, i); /* the second copy goes to a file too */
    index_wait(s->index);
    assert_int_equal(found(s, 5, cursors, TABLE_TERMS), 15);
}

static struct observable ipv6(uint8_t last, uint8_t length) {
    static uint8_t value[17];
    memset(value, 0, sizeof value);
    value[0] = 0x20;
    value[1] = 0x01;
    value[15] = last;
    value[16] = length;
    if (length < 128) value[15] = 0;
    return (struct observable){OBSERVABLE_IPV6, bytes_of(value, sizeof value)};
}

/* Networks of all lengths around an IPv6 address, known again after opening. */
static void test_lengths(void **state) {
    struct setting *s = *state;
    uint64_t cursors[160];
    size_t count;
    for (unsigned length = 0; length <= 128; length++) {
        struct index_lengths lengths = {0};
        /* The address 2001:: cut to its length. */
        uint8_t value[17] = {length >= 3 ? 0x20 : 0, length >= 16 ? 0x01 : 0};
        value[16] = (uint8_t)length;
        struct observable network = {OBSERVABLE_IPV6, bytes_of(value, sizeof value)};
        struct term term = {.hash = index_hash_observable(s->vault, network, &lengths), .cursor = length};
        assert_int_equal(index_add(s->index, &term, 1, &lengths, length + 1), OK);
    }
    assert_int_equal(index_find_observable(s->index, ipv6(0, 128), cursors, 160, &count), OK);
    assert_int_equal(count, 129);
    for (size_t i = 0; i < count; i++) assert_int_equal(cursors[i], i);
    assert_int_equal(index_find_observable(s->index, ipv6(1, 128), cursors, 160, &count), OK);
    assert_int_equal(count, 128);
    assert_int_equal(index_find_observable(s->index, ipv6(0, 64), cursors, 160, &count), OK);
    assert_int_equal(count, 65);
    index_wait(s->index);
    close_index(s);
    open_index(s);
    assert_int_equal(index_find_observable(s->index, ipv6(0, 128), cursors, 160, &count), OK);
    assert_int_equal(count, 2 * TABLE_TERMS);
}

/* A hash tells kinds apart, and an id from a value; a value of any size is taken. */
static void test_hashes(void **state) {
    struct setting *s = *state;
    struct bytes text = bytes_of_text("example.com");
    static uint8_t large[ITEM_VALUE_BYTES_MAX + 100];
    uint64_t domain = index_hash_observable(s->vault, (struct observable){OBSERVABLE_DOMAIN, text}, NULL);
    assert_true(domain != index_hash_observable(s->vault, (struct observable){OBSERVABLE_TEXT, text}, NULL));
    assert_true(domain != index_hash_id(s->vault, text));
    assert_true(domain == index_hash_observable(s->vault, (struct observable){OBSERVABLE_DOMAIN, text}, NULL));
    (void)index_hash_id(s->vault, bytes_of(large, sizeof large));
    (void)index_hash_observable(s->vault, (struct observable){OBSERVABLE_IPV4, bytes_of(large, 0)}, NULL);
    uint64_t cursor;
    size_t count;
    large[4] = 200; /* no such prefix length: matched as it is, that is not at all */
    assert_int_equal(index_find_observable(s->index, (struct observable){OBSERVABLE_IPV4, bytes_of(large, 5)}, &cursor, 1, &count),
                     OK);
    assert_int_equal(count, 0);
}

/* Clearing leaves nothing, on disk neither. */
static void test_clear(void **state) {
    struct setting *s = *state;
    uint64_t cursors[4];
    for (uint64_t i = 0; i < 300; i++) add(s, i + 1, i);
    assert_int_equal(index_clear(s->index), OK);
    assert_int_equal(index_mark(s->index), 0);
    for (uint64_t i = 0; i < 300; i++) assert_int_equal(found(s, i + 1, cursors, 4), 0);
    add(s, 1, 7);
    assert_int_equal(found(s, 1, cursors, 4), 1);
    close_index(s);
    open_index(s);
    assert_int_equal(index_mark(s->index), 0);
    assert_int_equal(found(s, 2, cursors, 4), 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_table_sorted),
        cmocka_unit_test(test_table_far),
        TEST(test_ingestion),
        TEST(test_doubles),
        TEST(test_lengths),
        TEST(test_hashes),
        TEST(test_clear),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests_name("index", tests, NULL, NULL);
}
