#define _GNU_SOURCE /* pipe2 */
/* The store under kills, damage and a full disk: what was called completed is there, and nothing wrong is ever given. */
#include "node/store/rocks.h"
#include "tests/unit/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants the three above. */
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILLS 20

static struct item decoded;

/* Writes batches for ever, several under way, and tells each completed ticket: the number of items behind it. */
static int child_write(struct fixture *f) {
    fixture_open(f);
    f->numbered = store_cursor_next(f->store);
    for (;;) {
        while (store_pending(f->store) < 4) {
            struct store_batch *batch = fixture_batch(f, 20);
            store_commit(f->store, batch, f->numbered);
        }
        uint64_t ticket;
        enum err error = store_completed(f->store, &ticket);
        if (error == OK && write(STDOUT_FILENO, &ticket, sizeof ticket) != sizeof ticket) return 1;
        if (error != OK && error != ERR_NOT_FOUND) return 2;
    }
}

/* Runs this program again in a role of its own: RocksDB's threads do not live through a bare fork. */
static pid_t child_start(const struct fixture *f, const char *role, int *out) {
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    char terms[24];
    snprintf(terms, sizeof terms, "%zu", f->options.table_terms);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(fds[1], STDOUT_FILENO);
        execl("/proc/self/exe", "test_store_faults", role, f->dir, terms, (char *)NULL);
        _exit(9);
    }
    close(fds[1]);
    *out = fds[0];
    return child;
}

/* One process writes until it is killed, at a moment that `tickets` and `spin` set; what it called completed is there afterwards. */
static void kill_once(struct fixture *f, unsigned tickets, unsigned spin) {
    uint64_t ticket, numbered = f->numbered;
    int out, status;
    pid_t child = child_start(f, "write", &out);
    for (unsigned i = 0; i < tickets && read(out, &ticket, sizeof ticket) == sizeof ticket; i++) numbered = ticket;
    for (volatile unsigned i = 0; i < spin; i++) {
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    while (read(out, &ticket, sizeof ticket) == sizeof ticket) numbered = ticket;
    close(out);
    assert_true(numbered >= f->numbered + 20);
    fixture_open(f);
    f->numbered = numbered;
    fixture_expect_all(f);
    /* What was written and never called completed may stand behind; its numbers are not used again. */
    struct store_counts counts;
    store_counts(f->store, &counts);
    assert_true(counts.items >= numbered);
    assert_int_equal(store_cursor_next(f->store), counts.items);
    f->numbered = counts.items;
    fixture_expect_all(f);
    fixture_close(f);
}

/* Killed at twenty moments, many of them around ingestions (the table holds 256 terms, a batch brings 40). */
static void test_kills(void **state) {
    struct fixture *f = *state;
    fixture_close(f);
    unsigned seed = (unsigned)getpid();
    for (unsigned i = 0; i < KILLS; i++) {
        seed = seed * 1103515245 + 12345;
        kill_once(f, 1 + (seed >> 16) % 40, (seed >> 8) % 1000000);
    }
    fixture_open(f);
}

/* Turns one byte of a file around. */
static void flip(const char *dir, const char *name, off_t at) {
    int folder = open(dir, O_RDONLY | O_DIRECTORY);
    int fd = openat(folder, name, O_RDWR);
    uint8_t byte;
    assert_true(fd >= 0 && pread(fd, &byte, 1, at) == 1);
    byte ^= 0x40;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
    close(folder);
}

struct damaged {
    char name[256];
    off_t size;
};

static size_t files_of(const char *dir, const char *ending, struct damaged *out, size_t max) {
    DIR *directory = opendir(dir);
    const struct dirent *entry;
    size_t count = 0;
    while ((entry = readdir(directory)) != NULL && count < max) {
        size_t length = strlen(entry->d_name);
        struct stat about;
        if (length < strlen(ending) || strcmp(entry->d_name + length - strlen(ending), ending) != 0) continue;
        if (fstatat(dirfd(directory), entry->d_name, &about, 0) != 0 || about.st_size == 0) continue;
        snprintf(out[count].name, sizeof out[count].name, "%s", entry->d_name);
        out[count++].size = about.st_size;
    }
    closedir(directory);
    return count;
}

/* After damage: either the store does not open, saying that it is damaged, or each answer is right or an error. Returns whether
   anything was noticed. */
static bool noticed(struct fixture *f) {
    char why[256] = "";
    enum err error = store_open(&f->store, &f->options, why, sizeof why);
    if (error != OK) {
        if (error != ERR_CORRUPT && error != ERR_IO) fprintf(stderr, "damage gave %s: %s\n", err_name(error), why);
        assert_true(error == ERR_CORRUPT || error == ERR_IO);
        f->store = NULL;
        return true;
    }
    bool seen = false;
    struct buf out;
    buf_init(&out, 0);
    for (uint64_t i = 0; i < f->numbered; i++) {
        uint64_t cursors[8];
        size_t count = store_find_value(f->store, fixture_domain(i), cursors, 8);
        if (store_find_result(f->store) != OK) seen = true;
        if (count == 0 && store_find_result(f->store) == OK) {
            struct store_counts counts;
            store_counts(f->store, &counts);
            assert_true(counts.pages_damaged > 0);
            seen = true;
        }
        for (size_t k = 0; k < count; k++) {
            struct page_head head;
            struct bytes encoded;
            error = store_item(f->store, cursors[k], &head, &decoded, &encoded);
            if (error != OK) seen = true;
            assert_true(error == ERR_CORRUPT || error == ERR_IO || (error == OK && bytes_equal(decoded.id, fixture_id(i))));
        }
    }
    for (uint64_t seq = 1; seq <= f->numbered; seq += 32) {
        bool verified;
        buf_clear(&out);
        error = store_entry(f->store, store_fixture_node, seq, &out, &verified);
        if (error == OK) assert_int_equal(out.data[77], seq & 0xff);
        if (error != OK) seen = true;
        buf_clear(&out);
        error = store_payload(f->store, store_fixture_node, seq, &out);
        if (error != OK) seen = true;
        assert_true(error == OK || error == ERR_CORRUPT || error == ERR_IO);
    }
    buf_free(&out);
    fixture_close(f);
    return seen;
}

/* Bytes turned around in each data file and in the log, at many places: an error or the right answer, never a wrong one. */
static void test_damage(void **state) {
    struct fixture *f = *state;
    static struct damaged files[64];
    fixture_fill(f, 40, 32);
    /* Opening writes what the log held as data files; later batches stand in a new log. */
    fixture_close(f);
    fixture_open(f);
    fixture_fill(f, 10, 32);
    fixture_close(f);
    const char *const endings[] = {".sst", ".blob", ".log"};
    unsigned tried = 0, seen = 0;
    for (size_t e = 0; e < 3; e++) {
        size_t count = files_of(f->dir, endings[e], files, 64);
        for (size_t i = 0; i < count; i++) {
            for (off_t part = 1; part < 8; part++) {
                /* The original is kept aside: opening may change the log. */
                char command[1200];
                snprintf(command, sizeof command, "rm -rf %s.kept && cp -r %s %s.kept", f->dir, f->dir, f->dir);
                assert_int_equal(system(command), 0);
                flip(f->dir, files[i].name, files[i].size * part / 8);
                tried++;
                if (noticed(f)) seen++;
                snprintf(command, sizeof command, "rm -rf %s && mv %s.kept %s", f->dir, f->dir, f->dir);
                assert_int_equal(system(command), 0);
            }
        }
    }
    print_message("damage: %u places, noticed at %u\n", tried, seen);
    assert_true(tried >= 20 && seen >= tried / 2);
    fixture_open(f);
    fixture_expect_all(f);
}

/* The log cut at its end loses what was cut and nothing before it; cut bytes are never taken for records. */
static void test_torn_tail(void **state) {
    struct fixture *f = *state;
    static struct damaged files[8];
    fixture_fill(f, 10, 32);
    fixture_close(f);
    assert_int_equal(files_of(f->dir, ".log", files, 8), 1);
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", f->dir, files[0].name);
    assert_int_equal(truncate(path, files[0].size - 100), 0);
    fixture_open(f);
    f->numbered -= 32;
    fixture_expect_all(f);
    assert_false(fixture_found(f, f->numbered));
    assert_int_equal(store_cursor_next(f->store), f->numbered);
}

/* A power cut, as it leaves a log whose last group was being written: one of its sectors never came to the disk and is zeros, those
   behind it did. Only that group goes, wherever the hole is. */
static void test_power_cut(void **state) {
    struct fixture *f = *state;
    static struct damaged log[2];
    char command[1200];
    fixture_fill(f, 3, 32);
    assert_int_equal(files_of(f->dir, ".log", log, 2), 1);
    off_t begin = log[0].size;
    uint64_t kept = f->numbered;
    fixture_fill(f, 1, 32);
    fixture_close(f);
    assert_int_equal(files_of(f->dir, ".log", log, 2), 1);
    assert_true(log[0].size > begin + 4096);
    for (off_t sector = begin / 512; (sector + 1) * 512 <= log[0].size; sector++) {
        const uint8_t zeros[512] = {0};
        off_t from = sector * 512 > begin ? sector * 512 : begin;
        snprintf(command, sizeof command, "rm -rf %s.kept && cp -r %s %s.kept", f->dir, f->dir, f->dir);
        assert_int_equal(system(command), 0);
        int folder = open(f->dir, O_RDONLY | O_DIRECTORY), fd = openat(folder, log[0].name, O_RDWR);
        assert_int_equal(pwrite(fd, zeros, (size_t)((sector + 1) * 512 - from), from), (sector + 1) * 512 - from);
        close(fd);
        close(folder);
        fixture_open(f);
        struct store_counts counts;
        store_counts(f->store, &counts);
        assert_int_equal(counts.items, kept);
        assert_int_equal(counts.log_bytes_cut, log[0].size - begin);
        f->numbered = kept;
        fixture_expect_all(f);
        fixture_close(f);
        snprintf(command, sizeof command, "rm -rf %s && mv %s.kept %s", f->dir, f->dir, f->dir);
        assert_int_equal(system(command), 0);
    }
    f->numbered = kept + 32;
    fixture_open(f);
    fixture_expect_all(f);
}

/* The same zeros in a group that others followed are no torn tail: they had been on the disk, so the store refuses to open. An operator
   may accept the loss. */
static void test_hole_before_end(void **state) {
    struct fixture *f = *state;
    static struct damaged log[2];
    fixture_fill(f, 12, 32);
    fixture_close(f);
    assert_int_equal(files_of(f->dir, ".log", log, 2), 1);
    char why[256] = "";
    const uint8_t zeros[512] = {0};
    int folder = open(f->dir, O_RDONLY | O_DIRECTORY), fd = openat(folder, log[0].name, O_RDWR);
    assert_int_equal(pwrite(fd, zeros, sizeof zeros, log[0].size / 1024 * 512), 512);
    close(fd);
    close(folder);
    assert_int_equal(fixture_try_open(f, why, sizeof why), ERR_CORRUPT);
    assert_non_null(strstr(why, "write-ahead log"));
    f->options.torn_log = true;
    fixture_open(f);
    struct store_counts counts;
    store_counts(f->store, &counts);
    assert_true(counts.items > 0 && counts.items < f->numbered);
    f->numbered = counts.items;
    fixture_expect_all(f);
}

/* A record that is sound but stands at another's place, as a disk that loses or misplaces a write leaves it, is not given. */
static void test_misplaced(void **state) {
    struct fixture *f = *state;
    fixture_fill(f, 2, 32); /* seqs 1 and 33 */
    fixture_close(f);
    struct rocks rocks;
    char why[ROCKS_WHY_BYTES];
    assert_int_equal(rocks_open(&rocks, f->dir, 8 << 20, false, why), OK);
    const enum rocks_family both[] = {ROCKS_ENTRIES, ROCKS_PAYLOADS};
    for (size_t i = 0; i < 2; i++) {
        uint8_t one[24], other[24];
        memcpy(one, store_fixture_node, NODE_ID_BYTES);
        memcpy(other, store_fixture_node, NODE_ID_BYTES);
        put_be64(one + NODE_ID_BYTES, 1);
        put_be64(other + NODE_ID_BYTES, 33);
        rocksdb_pinnableslice_t *slice;
        struct bytes value;
        char *error = NULL;
        assert_int_equal(rocks_get(&rocks, both[i], bytes_of(one, 24), &slice, &value), OK);
        rocksdb_put_cf(rocks.db, rocks.write, rocks.families[both[i]], (const char *)other, 24, (const char *)value.data,
                       value.size, &error);
        assert_null(error);
        rocksdb_pinnableslice_destroy(slice);
    }
    rocks_close(&rocks);
    fixture_open(f);
    struct buf out;
    buf_init(&out, 0);
    bool verified;
    assert_int_equal(store_entry(f->store, store_fixture_node, 1, &out, &verified), OK);
    assert_int_equal(store_entry(f->store, store_fixture_node, 33, &out, &verified), ERR_CORRUPT);
    assert_int_equal(store_payload(f->store, store_fixture_node, 1, &out), OK);
    size_t size = out.size;
    assert_int_equal(store_payload(f->store, store_fixture_node, 33, &out), ERR_CORRUPT);
    assert_int_equal(out.size, size);
    buf_free(&out);
}

/* Fills a disk that takes no file above 300 KiB; the exit code says which expectation failed. */
static int child_fill(struct fixture *f) {
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = {.rlim_cur = 300 * 1024, .rlim_max = RLIM_INFINITY};
    fixture_open(f);
    f->numbered = store_cursor_next(f->store);
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 9;
    enum err error = OK;
    uint64_t ticket;
    for (int i = 0; i < 1000 && error == OK; i++) {
        store_commit(f->store, fixture_batch(f, 32), 1);
        store_wait(f->store);
        error = store_completed(f->store, &ticket);
    }
    if (error != ERR_FULL) return 1;
    if (store_completed(f->store, &ticket) != ERR_FULL || store_why(f->store)[0] == '\0') return 2;
    /* Room again: still nothing is written, because what the failure left behind is unknown. */
    limit.rlim_cur = RLIM_INFINITY;
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 9;
    struct store_batch *late = store_batch_new(f->store);
    store_batch_meta(late, "late", bytes_of_text("written after the failure"));
    store_commit(f->store, late, 1);
    store_wait(f->store);
    if (store_completed(f->store, &ticket) != ERR_FULL) return 3;
    return fixture_found(f, 0) ? 0 : 4;
}

/* A disk that takes no more: the commit completes with ERR_FULL, so does every later one, and reading goes on. */
static void test_full(void **state) {
    struct fixture *f = *state;
    fixture_fill(f, 1, 32);
    fixture_close(f);
    int out;
    pid_t child = child_start(f, "fill", &out);
    close(out);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    fixture_open(f);
    fixture_expect_all(f);
    struct buf late;
    buf_init(&late, 0);
    assert_int_equal(store_meta(f->store, "late", &late), ERR_NOT_FOUND);
}

int main(int argc, char **argv) {
    if (argc == 4) {
        static struct fixture child;
        fixture_join(&child, argv[2], strtoul(argv[3], NULL, 10));
        return strcmp(argv[1], "write") == 0 ? child_write(&child) : child_fill(&child);
    }
#define TEST(name)       cmocka_unit_test_setup_teardown(name, fixture_test_setup, fixture_test_teardown)
#define TEST_SMALL(name) cmocka_unit_test_setup_teardown(name, fixture_test_setup_small, fixture_test_teardown)
    const struct CMUnitTest tests[] = {
        TEST_SMALL(test_kills), TEST(test_kills),           TEST_SMALL(test_damage), TEST(test_torn_tail),
        TEST(test_power_cut),   TEST(test_hole_before_end), TEST(test_misplaced),    TEST(test_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
