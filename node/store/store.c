#include "node/store/store_private.h"

#include "crypto/secret.h"
#include "gossip/share.h"
#include "node/store/waltail.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define CACHE_BYTES_MIN (8ULL * 1024 * 1024)
#define LOCK_NAME       "store.lock"
#define KEY_IDENTITY    "store/identity"
#define KEY_COUNTS      "store/counts"
#define FORMAT          2
#define IDENTITY_BYTES  (1 + 16 + VAULT_CHECK_BYTES) /* format, instance, check */
#define COUNTS_BYTES    48

/* Makes the directory when it is missing, and its name durable. */
static enum err directory_make(const char *path, char *why) {
    if (mkdir(path, 0700) != 0) {
        if (errno == EEXIST) return OK;
        snprintf(why, ROCKS_WHY_BYTES, "cannot make %s: %s", path, strerror(errno));
        return errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_IO;
    }
    char parent[4096];
    int length = snprintf(parent, sizeof parent, "%s", path);
    if (length < 0 || (size_t)length >= sizeof parent) return OK;
    while (length > 1 && parent[length - 1] == '/') parent[--length] = '\0';
    char *slash = strrchr(parent, '/');
    if (slash == NULL)
        snprintf(parent, sizeof parent, ".");
    else
        slash[slash == parent] = '\0';
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return OK; /* a parent that can't be read: nothing to be done */
    int failed = fsync(fd);
    close(fd);
    if (failed == 0 || errno == EINVAL) return OK;
    snprintf(why, ROCKS_WHY_BYTES, "cannot sync the directory above it: %s", strerror(errno));
    return ERR_IO;
}

/* Our own lock, held from before the log is looked through until closing: RocksDB's is taken only when it opens. */
static enum err lock_take(struct store *store, char *why) {
    char name[4200];
    snprintf(name, sizeof name, "%s/" LOCK_NAME, store->path);
    store->lock_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (store->lock_fd >= 0 && flock(store->lock_fd, LOCK_EX | LOCK_NB) == 0) return OK;
    if (store->lock_fd >= 0 && errno == EWOULDBLOCK) return ERR_BUSY;
    snprintf(why, ROCKS_WHY_BYTES, "cannot lock " LOCK_NAME ": %s", strerror(errno));
    return errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_IO;
}

enum err store_totals_put(struct store *store, rocksdb_writebatch_t *batch) {
    uint8_t record[COUNTS_BYTES];
    const struct store_totals *totals = &store->totals;
    const uint64_t values[] = {totals->cursor_next, totals->items,         totals->pages,
                               totals->payloads,    totals->payload_bytes, totals->entries};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) put_be64(record + 8 * i, values[i]);
    rocksdb_writebatch_put_cf(batch, store->rocks.families[ROCKS_META], KEY_COUNTS, sizeof KEY_COUNTS - 1, (const char *)record,
                              sizeof record);
    return OK;
}

/* The counts, checked against the last page: a cursor must never be given twice. */
static enum err totals_read(struct store *store) {
    rocksdb_pinnableslice_t *slice;
    struct bytes value;
    uint64_t end;
    enum err error = pages_end(store->pages, &end);
    if (error != OK) return error;
    error = rocks_get(&store->rocks, ROCKS_META, bytes_of_text(KEY_COUNTS), &slice, &value);
    if (error == ERR_NOT_FOUND && end == 0) return OK;
    if (error != OK) return error == ERR_NOT_FOUND ? ERR_CORRUPT : error;
    struct cursor cursor = cursor_of(value);
    struct store_totals *totals = &store->totals;
    uint64_t *const values[] = {&totals->cursor_next, &totals->items,         &totals->pages,
                                &totals->payloads,    &totals->payload_bytes, &totals->entries};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) *values[i] = cursor_u64(&cursor);
    bool whole = cursor_done(&cursor);
    rocksdb_pinnableslice_destroy(slice);
    return whole && end <= totals->cursor_next ? OK : ERR_CORRUPT;
}

static bool family_empty(struct store *store, enum rocks_family family) {
    rocksdb_iterator_t *iterator = rocksdb_create_iterator_cf(store->rocks.db, store->rocks.read, store->rocks.families[family]);
    rocksdb_iter_seek_to_first(iterator);
    bool empty = !rocksdb_iter_valid(iterator);
    rocksdb_iter_destroy(iterator);
    return empty;
}

static enum err identity_make(struct store *store, const uint8_t *store_key, char *why) {
    uint8_t record[IDENTITY_BYTES];
    randombytes_buf(store->instance, sizeof store->instance);
    store->vault = vault_new(store_key, bytes_of(store->instance, sizeof store->instance));
    if (store->vault == NULL) return ERR_MEMORY;
    record[0] = FORMAT;
    memcpy(record + 1, store->instance, sizeof store->instance);
    memcpy(record + 17, store->vault->check, VAULT_CHECK_BYTES);
    char *error = NULL;
    rocksdb_put_cf(store->rocks.db, store->rocks.write, store->rocks.families[ROCKS_META], KEY_IDENTITY, sizeof KEY_IDENTITY - 1,
                   (const char *)record, sizeof record, &error);
    if (error == NULL) rocksdb_flush_wal(store->rocks.db, 1, &error);
    return rocks_err(error, why);
}

/* Reads who this store is, or makes it; then the vault is there. */
static enum err identity_open(struct store *store, const uint8_t *store_key, char *why) {
    rocksdb_pinnableslice_t *slice;
    struct bytes value;
    enum err error = rocks_get(&store->rocks, ROCKS_META, bytes_of_text(KEY_IDENTITY), &slice, &value);
    if (error == ERR_NOT_FOUND) {
        if (family_empty(store, ROCKS_ENTRIES) && family_empty(store, ROCKS_PAGES)) return identity_make(store, store_key, why);
        snprintf(why, ROCKS_WHY_BYTES, "the store's identity record is missing");
        return ERR_CORRUPT;
    }
    if (error != OK) return error;
    uint8_t record[IDENTITY_BYTES];
    bool whole = value.size == sizeof record;
    if (whole) memcpy(record, value.data, sizeof record);
    rocksdb_pinnableslice_destroy(slice);
    if (!whole) return ERR_CORRUPT;
    if (record[0] != FORMAT) {
        snprintf(why, ROCKS_WHY_BYTES, "the store has format %u, this program reads format %d", record[0], FORMAT);
        return ERR_VERSION;
    }
    memcpy(store->instance, record + 1, sizeof store->instance);
    store->vault = vault_new(store_key, bytes_of(store->instance, sizeof store->instance));
    if (store->vault == NULL) return ERR_MEMORY;
    if (memcmp(record + 17, store->vault->check, VAULT_CHECK_BYTES) == 0) return OK;
    snprintf(why, ROCKS_WHY_BYTES, "the store was made with another store key");
    return ERR_KEY;
}

static enum err parts_open(struct store *store, const struct store_options *options) {
    store->pages = pages_new(&store->rocks, store->vault);
    if (store->pages == NULL) return ERR_MEMORY;
    enum err error = totals_read(store);
    if (error == OK) error = bucket_counts_load(&store->bucket_counts, &store->rocks);
    if (error == OK) error = store_ledger_open(store);
    if (error != OK) return error;
    size_t table_terms = options->table_terms > 0 ? options->table_terms : STORE_TABLE_TERMS;
    error = index_open(&store->index, &store->rocks, store->vault, store->path, table_terms, store->event_fd);
    if (error != OK) return error;
    store->committer = committer_new(&store->rocks, options->sync, store->event_fd);
    store->eraser = eraser_new(&store->rocks, store->event_fd);
    if (store->committer == NULL || store->eraser == NULL) return ERR_MEMORY;
    return options->read_only_rebuild ? OK : store_index_replay(store, index_mark(store->index), NULL, NULL);
}

enum err store_open(struct store **out, const struct store_options *options, char *why, size_t why_bytes) {
    char said[ROCKS_WHY_BYTES] = "";
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL) return ERR_MEMORY;
    buf_init(&store->scratch, 0);
    store->lock_fd = -1;
    store->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    store->path = strdup(options->path);
    store->item = malloc(sizeof *store->item);
    enum err error = store->event_fd < 0 || store->path == NULL || store->item == NULL ? ERR_MEMORY : OK;
    if (error == OK) error = directory_make(options->path, said);
    if (error == OK) error = lock_take(store, said);
    if (error == OK && !options->torn_log) {
        error = waltail_trim(store->path, &store->log_bytes_cut);
        if (error == ERR_CORRUPT) snprintf(said, sizeof said, "the write-ahead log is damaged before its end");
    }
    if (error == OK) {
        uint64_t cache = options->cache_bytes > CACHE_BYTES_MIN ? options->cache_bytes : CACHE_BYTES_MIN;
        error = rocks_open(&store->rocks, options->path, cache, options->torn_log, said);
    }
    if (error == ERR_BUSY) snprintf(said, sizeof said, "another process uses this directory");
    if (error == OK) error = identity_open(store, options->store_key, said);
    if (error == OK) error = parts_open(store, options);
    if (error == OK) {
        *out = store;
        return OK;
    }
    if (why_bytes > 0) snprintf(why, why_bytes, "%s%s%s", err_text(error), said[0] != '\0' ? ": " : "", said);
    store_close(store);
    return error;
}

void store_close(struct store *store) {
    if (store == NULL) return;
    if (store->committer != NULL) {
        committer_wait(store->committer);
        for (struct commit *commit = committer_take(store->committer); commit != NULL; commit = committer_take(store->committer))
            store_batch_free((struct store_batch *)commit);
    }
    committer_free(store->committer);
    eraser_free(store->eraser);
    index_close(store->index);
    pages_free(store->pages);
    if (store->rocks.db != NULL) rocks_close(&store->rocks);
    vault_free(store->vault);
    if (store->event_fd >= 0) close(store->event_fd);
    if (store->lock_fd >= 0) close(store->lock_fd);
    if (store->scratch.data != NULL) secret_wipe(store->scratch.data, store->scratch.capacity);
    buf_free(&store->scratch);
    free(store->terms);
    free(store->item);
    free(store->path);
    free(store);
}

void store_instance(const struct store *store, uint8_t out[static 16]) { memcpy(out, store->instance, sizeof store->instance); }

const char *store_why(struct store *store) { return store->why; }

uint64_t store_cursor_next(const struct store *store) { return store->totals.cursor_next; }

/* What the directory's files take on disk; 0 when it can't be listed. */
static uint64_t disk_bytes(const char *path) {
    DIR *directory = opendir(path);
    if (directory == NULL) return 0;
    uint64_t bytes = 0;
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        struct stat about;
        if (fstatat(dirfd(directory), entry->d_name, &about, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(about.st_mode))
            bytes += (uint64_t)about.st_blocks * 512;
    }
    closedir(directory);
    return bytes;
}

void store_counts(struct store *store, struct store_counts *out) {
    *out = (struct store_counts){
        .items = store->totals.items,
        .pages = store->totals.pages,
        .payloads = store->totals.payloads,
        .payload_bytes = store->totals.payload_bytes,
        .entries = store->totals.entries,
        .disk_bytes = disk_bytes(store->path),
        .terms_in_memory = index_terms_in_memory(store->index),
        .pages_damaged = store->pages_damaged,
        .log_bytes_cut = store->log_bytes_cut,
    };
}

void store_sync_times(struct store *store, struct histogram *out) { committer_times(store->committer, out); }

bool store_disk(const struct store *store, uint64_t *free_bytes, uint64_t *size_bytes) {
    struct statvfs about;
    if (statvfs(store->path, &about) != 0) return false;
    *free_bytes = (uint64_t)about.f_bavail * about.f_frsize;
    *size_bytes = (uint64_t)about.f_blocks * about.f_frsize;
    return true;
}

bool store_terms_of(const struct store *store, const struct item *item, uint64_t cursor, struct index_lengths *lengths,
                    struct term **terms, size_t *count, size_t *capacity) {
    static struct item original; /* one thread */
    struct share_facts facts;
    /* What was passed on is found as what it is. */
    if (bytes_equal_text(item->type, SHARE_TYPE) && share_read(&facts, &original, item->text) == OK) item = &original;
    size_t needed = *count + 1 + item->observable_count;
    if (needed > *capacity) {
        size_t wider = *capacity * 2 > needed ? *capacity * 2 : needed + 64;
        struct term *grown = realloc(*terms, wider * sizeof *grown);
        if (grown == NULL) return false;
        *terms = grown;
        *capacity = wider;
    }
    struct term *at = *terms + *count;
    *at++ = (struct term){.hash = index_hash_id(store->vault, item->id), .cursor = cursor};
    for (size_t i = 0; i < item->observable_count; i++)
        *at++ = (struct term){.hash = index_hash_observable(store->vault, item->observables[i], lengths), .cursor = cursor};
    *count = needed;
    return true;
}

/* One page's terms into the index. */
static enum err page_replay(struct store *store, const struct page *page) {
    struct index_lengths lengths = {0};
    size_t count = 0;
    struct cursor items = cursor_of(page->plain);
    struct bytes encoded;
    for (uint64_t cursor = page->head.cursor; block_frame_next(&items, &encoded); cursor++) {
        if (cursor - page->head.cursor >= page->head.item_count) return ERR_CORRUPT;
        if (encoded.size == 0) continue; /* taken back */
        if (item_decode(store->item, encoded) != OK) return ERR_CORRUPT;
        if (!store_terms_of(store, store->item, cursor, &lengths, &store->terms, &count, &store->terms_capacity)) return ERR_MEMORY;
    }
    if (items.failed) return ERR_CORRUPT;
    uint64_t end = page->head.cursor + page->head.item_count, uncompleted = store_cursor_uncompleted(store);
    return index_add(store->index, store->terms, count, &lengths, end < uncompleted ? end : uncompleted);
}

enum err store_index_replay(struct store *store, uint64_t cursor, store_progress *progress, void *context) {
    uint64_t begin = cursor;
    for (;;) {
        struct page page;
        enum err error = store_page_from(store, cursor, &page);
        if (error == ERR_NOT_FOUND) return OK;
        if (error == OK) error = page_replay(store, &page);
        /* One damaged page must not keep a node from starting: what it held is fetched again by whoever misses it. */
        if (error == ERR_CORRUPT && page.head.item_count > 0)
            store->pages_damaged++;
        else if (error != OK)
            return error;
        cursor = page.head.cursor + page.head.item_count;
        if (progress != NULL) progress(context, cursor - begin, store->totals.cursor_next - begin);
    }
}

enum err store_index_rebuild(struct store *store, store_progress *progress, void *context) {
    if (store->error != OK) return store->error;
    store->pages_damaged = 0;
    enum err error = index_clear(store->index);
    if (error == OK) error = store_index_replay(store, 0, progress, context);
    if (error == OK) index_wait(store->index);
    return error != OK ? error : index_error(store->index, store->why);
}
