#include "node/store/rocks.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KIB 1024ULL
#define MIB (1024 * KIB)

/* The write-ahead log may grow to this before the oldest family is flushed: it bounds the disk and the time of a replay. */
#define LOG_BYTES_MAX      (40 * MIB)
#define WRITE_BYTES_MAX    (40 * MIB) /* of all families' write buffers together */
#define OPEN_FILES_MAX     512
#define PAGE_FILE_BYTES    (64 * MIB)
#define BLOB_BYTES_MIN     (4 * KIB)
#define BLOB_FILE_BYTES    (64 * MIB)
#define BACKGROUND_THREADS 1 /* of each kind: flushes and compactions */
#define INDEX_RUNS_MAX     8 /* sorted files of terms side by side before they are merged */

static const struct family {
    const char *name;
    uint64_t write_bytes;
    size_t block_bytes;
    bool filter;
} families[ROCKS_FAMILY_COUNT] = {
    [ROCKS_DEFAULT] = {"default", 64 * KIB, 4 * KIB, false}, [ROCKS_META] = {"meta", 1 * MIB, 4 * KIB, true},
    [ROCKS_ENTRIES] = {"entries", 4 * MIB, 4 * KIB, true},   [ROCKS_PAYLOADS] = {"payloads", 16 * MIB, 4 * KIB, true},
    [ROCKS_PLACES] = {"places", 1 * MIB, 4 * KIB, true},     [ROCKS_PAGES] = {"pages", 16 * MIB, 4 * KIB, false},
    [ROCKS_INDEX] = {"index", 64 * KIB, 4 * KIB, true},      [ROCKS_BLOCKS] = {"blocks", 1 * MIB, 4 * KIB, true},
    [ROCKS_DUE] = {"due", 1 * MIB, 4 * KIB, false},
};

static rocksdb_block_based_table_options_t *table_of(const struct rocks *rocks, enum rocks_family family) {
    rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_block_cache(table, rocks->cache);
    rocksdb_block_based_options_set_block_size(table, families[family].block_bytes);
    rocksdb_block_based_options_set_format_version(table, 5);
    rocksdb_block_based_options_set_checksum(table, 4); /* XXH3 */
    /* In the cache, so that memory stays bounded however large the store is; before data blocks, so that those don't push them out.
       The index's own are kept outside (1.9 bytes a term): a look-up of an absent value is nothing but filters, and takes a third of
       the time without the cache's locks and lists. */
    bool cached = family != ROCKS_INDEX;
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, cached);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks_with_high_priority(table, cached);
    rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(table, cached);
    /* An absent value costs a read for each filter that errs: 14 bits, one in 600, for the index; 10, one in 100, elsewhere. */
    double filter_bits = family == ROCKS_INDEX ? 14 : 10;
    if (families[family].filter)
        rocksdb_block_based_options_set_filter_policy(table, rocksdb_filterpolicy_create_bloom_full(filter_bits));
    if (family == ROCKS_INDEX) rocksdb_block_based_options_set_whole_key_filtering(table, 0);
    return table;
}

static rocksdb_options_t *family_options_of(const struct rocks *rocks, enum rocks_family family) {
    rocksdb_options_t *options = rocksdb_options_create_copy(rocks->options);
    rocksdb_block_based_table_options_t *table = table_of(rocks, family);
    rocksdb_options_set_block_based_table_factory(options, table);
    rocksdb_block_based_options_destroy(table);
    rocksdb_options_set_write_buffer_size(options, families[family].write_bytes);
    rocksdb_options_set_compression(options, rocksdb_no_compression); /* ciphertext and keyed hashes don't compress */
    if (family == ROCKS_PAYLOADS) {
        /* Large values stand apart, so that compactions don't copy them. */
        rocksdb_options_set_enable_blob_files(options, 1);
        rocksdb_options_set_min_blob_size(options, BLOB_BYTES_MIN);
        rocksdb_options_set_blob_file_size(options, BLOB_FILE_BYTES);
        rocksdb_options_set_blob_compression_type(options, rocksdb_no_compression);
        rocksdb_options_set_enable_blob_gc(options, 1);
    }
    if (family == ROCKS_PAGES) {
        /* Cursors only grow, so files never overlap and move down without being rewritten; the fewer lie side by side above, the
           fewer a seek has to look at. */
        rocksdb_options_set_level0_file_num_compaction_trigger(options, 2);
        rocksdb_options_set_target_file_size_base(options, PAGE_FILE_BYTES);
    }
    if (family == ROCKS_INDEX) {
        rocksdb_options_set_prefix_extractor(options, rocksdb_slicetransform_create_fixed_prefix(8));
        rocksdb_options_set_compaction_style(options, rocksdb_universal_compaction);
        rocksdb_universal_compaction_options_t *universal = rocksdb_universal_compaction_options_create();
        rocksdb_universal_compaction_options_set_min_merge_width(universal, 4);
        rocksdb_universal_compaction_options_set_max_size_amplification_percent(universal, 400);
        rocksdb_options_set_universal_compaction_options(options, universal);
        rocksdb_universal_compaction_options_destroy(universal);
        rocksdb_options_set_level0_file_num_compaction_trigger(options, INDEX_RUNS_MAX);
        rocksdb_options_set_level0_slowdown_writes_trigger(options, 4 * INDEX_RUNS_MAX);
        rocksdb_options_set_level0_stop_writes_trigger(options, 8 * INDEX_RUNS_MAX);
    }
    return options;
}

static rocksdb_options_t *database_options_of(bool torn_log) {
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(options, 1);
    rocksdb_options_set_create_missing_column_families(options, 1);
    rocksdb_options_set_paranoid_checks(options, 1);
    /* Mode 0: a record cut at the end of the log, as a kill leaves it, is dropped; damage before it refuses to open, because
       acknowledged batches stand behind it. Point-in-time (2) would drop those without a word. */
    rocksdb_options_set_wal_recovery_mode(options, torn_log ? 2 : 0);
    rocksdb_options_set_max_total_wal_size(options, LOG_BYTES_MAX);
    rocksdb_options_set_db_write_buffer_size(options, WRITE_BYTES_MAX);
    /* The list of files tells the first and last key of each, also of those that were rewritten: it is made anew at every change, so that it
       tells of today's only. */
    rocksdb_options_set_max_manifest_file_size(options, 1);
    rocksdb_options_set_max_open_files(options, OPEN_FILES_MAX);
    rocksdb_options_set_max_file_opening_threads(options, 1);
    rocksdb_options_set_max_background_jobs(options, 2);
    rocksdb_options_set_bytes_per_sync(options, MIB);
    rocksdb_options_set_max_log_file_size(options, MIB);
    rocksdb_options_set_keep_log_file_num(options, 2);
    rocksdb_options_set_info_log_level(options, 2); /* warnings */
    rocksdb_options_set_stats_dump_period_sec(options, 0);
    rocksdb_options_set_stats_persist_period_sec(options, 0);
    return options;
}

static void release(struct rocks *rocks) {
    for (size_t i = 0; i < ROCKS_FAMILY_COUNT; i++) {
        if (rocks->families[i] != NULL) rocksdb_column_family_handle_destroy(rocks->families[i]);
        rocks->families[i] = NULL;
    }
    if (rocks->db != NULL) rocksdb_close(rocks->db);
    for (size_t i = 0; i < ROCKS_FAMILY_COUNT; i++)
        if (rocks->family_options[i] != NULL) rocksdb_options_destroy(rocks->family_options[i]);
    if (rocks->options != NULL) rocksdb_options_destroy(rocks->options);
    if (rocks->read != NULL) rocksdb_readoptions_destroy(rocks->read);
    if (rocks->read_once != NULL) rocksdb_readoptions_destroy(rocks->read_once);
    if (rocks->read_prefix != NULL) rocksdb_readoptions_destroy(rocks->read_prefix);
    if (rocks->write != NULL) rocksdb_writeoptions_destroy(rocks->write);
    if (rocks->cache != NULL) rocksdb_cache_destroy(rocks->cache);
    memset(rocks, 0, sizeof *rocks);
}

enum err rocks_open(struct rocks *rocks, const char *path, uint64_t cache_bytes, bool torn_log, char why[static ROCKS_WHY_BYTES]) {
    memset(rocks, 0, sizeof *rocks);
    rocks->cache = rocksdb_cache_create_lru(cache_bytes);
    rocks->options = database_options_of(torn_log);
    rocks->read = rocksdb_readoptions_create();
    rocks->read_once = rocksdb_readoptions_create();
    rocksdb_readoptions_set_fill_cache(rocks->read_once, 0);
    rocks->read_prefix = rocksdb_readoptions_create();
    rocksdb_readoptions_set_prefix_same_as_start(rocks->read_prefix, 1);
    rocks->write = rocksdb_writeoptions_create();
    const char *names[ROCKS_FAMILY_COUNT];
    const rocksdb_options_t *options[ROCKS_FAMILY_COUNT];
    for (size_t i = 0; i < ROCKS_FAMILY_COUNT; i++) {
        names[i] = families[i].name;
        options[i] = rocks->family_options[i] = family_options_of(rocks, (enum rocks_family)i);
    }
    rocksdb_env_t *env = rocksdb_create_default_env();
    rocksdb_env_set_background_threads(env, BACKGROUND_THREADS);
    rocksdb_env_set_high_priority_background_threads(env, BACKGROUND_THREADS);
    rocksdb_env_destroy(env);
    /* RocksDB's threads inherit the mask: signals are the main thread's business. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    char *error = NULL;
    rocks->db = rocksdb_open_column_families(rocks->options, path, ROCKS_FAMILY_COUNT, names, options, rocks->families, &error);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    enum err result = rocks_err(error, why);
    if (result != OK) {
        rocks->db = NULL;
        memset(rocks->families, 0, sizeof rocks->families);
        release(rocks);
    }
    return result;
}

void rocks_close(struct rocks *rocks) { release(rocks); }

static bool says(const char *text, const char *part) { return strstr(text, part) != NULL; }

enum err rocks_err(char *error, char *why) {
    if (error == NULL) return OK;
    if (why != NULL) snprintf(why, ROCKS_WHY_BYTES, "%s", error);
    enum err result = ERR_IO;
    if (says(error, "lock hold by current process") || (says(error, "While lock file") && says(error, "temporarily unavailable")))
        result = ERR_BUSY;
    else if (says(error, "No space left") || says(error, "Disk quota exceeded") || says(error, "File too large"))
        result = ERR_FULL;
    else if (strncmp(error, "Corruption", 10) == 0)
        result = ERR_CORRUPT;
    rocksdb_free(error);
    return result;
}

enum err rocks_family_clear(struct rocks *rocks, enum rocks_family family, char *why) {
    char *error = NULL;
    rocksdb_drop_column_family(rocks->db, rocks->families[family], &error);
    if (error != NULL) return rocks_err(error, why);
    rocksdb_column_family_handle_destroy(rocks->families[family]);
    rocks->families[family] = rocksdb_create_column_family(rocks->db, rocks->family_options[family], families[family].name, &error);
    if (error != NULL) rocks->families[family] = NULL;
    return rocks_err(error, why);
}

enum err rocks_get(struct rocks *rocks, enum rocks_family family, struct bytes key, rocksdb_pinnableslice_t **slice,
                   struct bytes *value) {
    char *error = NULL;
    *slice = rocksdb_get_pinned_cf(rocks->db, rocks->read, rocks->families[family], (const char *)key.data, key.size, &error);
    if (error != NULL) return rocks_err(error, NULL);
    if (*slice == NULL) return ERR_NOT_FOUND;
    size_t size;
    const char *data = rocksdb_pinnableslice_value(*slice, &size);
    *value = bytes_of(data, size);
    return OK;
}

rocksdb_iterator_t *rocks_walk_use(struct rocks *rocks, enum rocks_family family, struct rocks_walk *walk) {
    if (walk->uses >= ROCKS_WALK_USES) rocks_walk_drop(walk);
    if (walk->iterator == NULL) {
        rocksdb_readoptions_t *options = family == ROCKS_INDEX   ? rocks->read_prefix
                                         : family == ROCKS_PAGES ? rocks->read_once
                                                                 : rocks->read;
        walk->iterator = rocksdb_create_iterator_cf(rocks->db, options, rocks->families[family]);
        walk->uses = 0;
    }
    walk->uses++;
    return walk->iterator;
}

void rocks_walk_drop(struct rocks_walk *walk) {
    if (walk->iterator != NULL) rocksdb_iter_destroy(walk->iterator);
    walk->iterator = NULL;
    walk->uses = 0;
}

void rocks_range_begin(struct rocks_range *range, struct rocks *rocks, enum rocks_family family, struct bytes prefix,
                       struct bytes from) {
    range->options = rocksdb_readoptions_create();
    rocksdb_readoptions_set_total_order_seek(range->options, 1);
    /* The first key behind all with this prefix: its last byte that can grow, grown. */
    size_t size = prefix.size <= ROCKS_PREFIX_BYTES ? prefix.size : ROCKS_PREFIX_BYTES;
    while (size > 0 && prefix.data[size - 1] == 0xff) size--;
    if (size > 0) {
        memcpy(range->upper, prefix.data, size);
        range->upper[size - 1]++;
        rocksdb_readoptions_set_iterate_upper_bound(range->options, (const char *)range->upper, size);
    }
    range->iterator = rocksdb_create_iterator_cf(rocks->db, range->options, rocks->families[family]);
    rocksdb_iter_seek(range->iterator, (const char *)from.data, from.size);
    range->started = false;
}

bool rocks_range_next(struct rocks_range *range, struct bytes *key, struct bytes *value) {
    if (range->started && rocksdb_iter_valid(range->iterator)) rocksdb_iter_next(range->iterator);
    range->started = true;
    if (!rocksdb_iter_valid(range->iterator)) return false;
    size_t key_size, value_size;
    const char *key_data = rocksdb_iter_key(range->iterator, &key_size);
    const char *value_data = rocksdb_iter_value(range->iterator, &value_size);
    *key = bytes_of(key_data, key_size);
    *value = bytes_of(value_data, value_size);
    return true;
}

enum err rocks_range_end(struct rocks_range *range) {
    char *error = NULL;
    rocksdb_iter_get_error(range->iterator, &error);
    rocksdb_iter_destroy(range->iterator);
    rocksdb_readoptions_destroy(range->options);
    return rocks_err(error, NULL);
}
