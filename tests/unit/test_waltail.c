/* Which damage to the write-ahead log is a power cut's and which is not, with groups of several batches. */
#include "node/store/waltail.h"

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

#define BATCHES     7
#define VALUE_BYTES 40000 /* more than a block of the log, so that records come in pieces */

/* Group and index of each batch: one alone, three together, one alone, two together. */
static const struct waltail_place places[BATCHES] = {{9, 1, 0, 1}, {9, 2, 0, 3}, {9, 2, 1, 3}, {9, 2, 2, 3},
                                                     {9, 3, 0, 1}, {9, 4, 0, 2}, {9, 4, 1, 2}};

struct setting {
    char dir[256];
    char log[300];
    uint8_t *kept;           /* the log as it was written */
    off_t ends[BATCHES + 1]; /* where each batch's record ends, from index 1 */
};

static off_t log_size(const struct setting *s) {
    struct stat about;
    assert_int_equal(stat(s->log, &about), 0);
    return about.st_size;
}

static void log_find(struct setting *s) {
    DIR *listing = opendir(s->dir);
    const struct dirent *entry;
    while ((entry = readdir(listing)) != NULL)
        if (strstr(entry->d_name, ".log") != NULL) snprintf(s->log, sizeof s->log, "%.255s/%.30s", s->dir, entry->d_name);
    closedir(listing);
}

static int setup(void **state) {
    static struct setting s;
    static char value[VALUE_BYTES];
    const char *base = getenv("TMPDIR");
    snprintf(s.dir, sizeof s.dir, "%s/comity-waltail-XXXXXX", base != NULL ? base : "/tmp");
    if (mkdtemp(s.dir) == NULL) return -1;
    memset(value, 'v', sizeof value);
    struct rocks rocks;
    char why[ROCKS_WHY_BYTES];
    assert_int_equal(rocks_open(&rocks, s.dir, 8 << 20, false, why), OK);
    log_find(&s);
    s.ends[0] = log_size(&s);
    for (size_t i = 0; i < BATCHES; i++) {
        rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
        char key = (char)('a' + i), *error = NULL;
        rocksdb_writebatch_put_cf(batch, rocks.families[ROCKS_META], &key, 1, value, i % 2 == 0 ? sizeof value : 3000);
        waltail_mark(batch, &places[i]);
        rocksdb_write(rocks.db, rocks.write, batch, &error);
        assert_null(error);
        rocksdb_writebatch_destroy(batch);
        s.ends[i + 1] = log_size(&s);
    }
    rocks_close(&rocks);
    s.kept = malloc((size_t)s.ends[BATCHES]);
    int fd = open(s.log, O_RDONLY);
    assert_int_equal(read(fd, s.kept, (size_t)s.ends[BATCHES]), s.ends[BATCHES]);
    close(fd);
    *state = &s;
    return 0;
}

static int teardown(void **state) {
    struct setting *s = *state;
    DIR *directory = opendir(s->dir);
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) (void)unlinkat(dirfd(directory), entry->d_name, 0);
    closedir(directory);
    (void)rmdir(s->dir);
    free(s->kept);
    return 0;
}

/* The log as it was, but for these bytes, which become zeros or are turned around. */
static void spoil(const struct setting *s, off_t from, off_t to, bool zero) {
    int fd = open(s->log, O_WRONLY | O_TRUNC);
    size_t size = (size_t)s->ends[BATCHES];
    uint8_t *data = malloc(size);
    memcpy(data, s->kept, size);
    for (off_t i = from; i < to; i++) data[i] = zero ? 0 : (uint8_t)~data[i];
    assert_int_equal(write(fd, data, size), size);
    free(data);
    close(fd);
}

static enum err trimmed(const struct setting *s, off_t *size) {
    uint64_t cut;
    enum err error = waltail_trim(s->dir, &cut);
    *size = log_size(s);
    assert_int_equal(*size + (off_t)cut, s->ends[BATCHES]);
    return error;
}

/* Untouched, nothing is cut. */
static void test_sound(void **state) {
    struct setting *s = *state;
    off_t size;
    assert_int_equal(trimmed(s, &size), OK);
    assert_int_equal(size, s->ends[BATCHES]);
}

/* A hole in the last group: cut from the batch that it is in, and only from there, wherever in it the hole is. */
static void test_hole_in_last_group(void **state) {
    struct setting *s = *state;
    for (size_t batch = 5; batch < BATCHES; batch++) {
        for (off_t at = s->ends[batch]; at + 512 < s->ends[batch + 1]; at += at == s->ends[batch] ? 512 - at % 512 : 512) {
            off_t size;
            spoil(s, at, at - at % 512 + 512, true);
            assert_int_equal(trimmed(s, &size), OK);
            assert_int_equal(size, s->ends[batch]);
        }
    }
}

/* A hole in a group with another behind it had been synced: refused, and nothing is changed. */
static void test_hole_before(void **state) {
    struct setting *s = *state;
    for (size_t batch = 0; batch < 5; batch++) {
        off_t size, at = (s->ends[batch] + s->ends[batch + 1]) / 2 / 512 * 512;
        spoil(s, at, at + 512, true);
        assert_int_equal(trimmed(s, &size), ERR_CORRUPT);
        assert_int_equal(size, s->ends[BATCHES]);
    }
}

/* Bytes that changed in place are no power cut, in the last group neither, unless RocksDB itself drops them as an end that is cut. */
static void test_changed(void **state) {
    struct setting *s = *state;
    for (size_t batch = 0; batch < BATCHES; batch++) {
        off_t size, at = (s->ends[batch] + s->ends[batch + 1]) / 2;
        spoil(s, at, at + 1, false);
        enum err error = trimmed(s, &size);
        assert_true(error == ERR_CORRUPT || (batch == BATCHES - 1 && error == OK));
        assert_int_equal(size, s->ends[BATCHES]);
    }
}

/* The whole last group gone, and half of its last batch gone at the end of the file. */
static void test_zeros_to_the_end(void **state) {
    struct setting *s = *state;
    off_t size;
    spoil(s, s->ends[5], s->ends[BATCHES], true);
    assert_int_equal(trimmed(s, &size), OK); /* room reserved ahead looks the same: RocksDB passes over it */
    spoil(s, s->ends[6] + 20000, s->ends[BATCHES], true);
    assert_int_equal(trimmed(s, &size), OK);
    assert_int_equal(size, s->ends[6]);
}

/* Any bytes at all in a log file are looked through without harm. */
static void test_noise(void **state) {
    struct setting *s = *state;
    unsigned seed = 1;
    for (int round = 0; round < 30; round++) {
        uint8_t noise[5000];
        for (size_t i = 0; i < sizeof noise; i++) {
            seed = seed * 1103515245 + 12345;
            noise[i] = (uint8_t)(seed >> 16 & (i % 3 == 0 ? 0x07 : 0xff));
        }
        int fd = open(s->log, O_WRONLY | O_TRUNC);
        assert_int_equal(write(fd, noise, sizeof noise), sizeof noise);
        close(fd);
        uint64_t cut;
        enum err error = waltail_trim(s->dir, &cut);
        assert_true(error == OK || error == ERR_CORRUPT);
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_sound),   TEST(test_hole_in_last_group), TEST(test_hole_before),
        TEST(test_changed), TEST(test_zeros_to_the_end),   TEST(test_noise),
    };
    return cmocka_run_group_tests_name("waltail", tests, NULL, NULL);
}
