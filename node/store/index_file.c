#include "node/store/index_file.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME       "terms.ingest"
#define FILE_PATH_BYTES 4200
#define MARK_KEY        "store/mark"
#define MARK_BYTES      40

static void file_path(char out[static FILE_PATH_BYTES], const char *path) { snprintf(out, FILE_PATH_BYTES, "%s/" FILE_NAME, path); }

void index_file_clean(const char *path) {
    char name[FILE_PATH_BYTES];
    file_path(name, path);
    (void)unlink(name); /* there is none, most of the time */
}

struct writing {
    rocksdb_sstfilewriter_t *writer;
    char *error;
};

static bool term_write(void *context, struct term term) {
    struct writing *writing = context;
    uint8_t key[INDEX_KEY_BYTES];
    put_be64(key, term.hash);
    put_be64(key + 8, term.cursor);
    rocksdb_sstfilewriter_put(writing->writer, (const char *)key, sizeof key, "", 0, &writing->error);
    return writing->error == NULL;
}

/* The file is synced when its writer has finished. */
static enum err file_write(struct rocks *rocks, const char *name, const struct terms *terms, char *why) {
    rocksdb_envoptions_t *env = rocksdb_envoptions_create();
    struct writing writing = {.writer = rocksdb_sstfilewriter_create(env, rocks->family_options[ROCKS_INDEX]), .error = NULL};
    rocksdb_sstfilewriter_open(writing.writer, name, &writing.error);
    bool whole = writing.error == NULL && terms_each_sorted(terms, term_write, &writing);
    if (whole) rocksdb_sstfilewriter_finish(writing.writer, &writing.error);
    rocksdb_sstfilewriter_destroy(writing.writer);
    rocksdb_envoptions_destroy(env);
    if (writing.error != NULL) return rocks_err(writing.error, why);
    return whole ? OK : ERR_MEMORY;
}

enum err index_file_ingest(struct rocks *rocks, const char *path, const struct terms *terms, char why[static ROCKS_WHY_BYTES]) {
    if (terms->count == 0) return OK;
    char name[FILE_PATH_BYTES];
    file_path(name, path);
    index_file_clean(path);
    enum err result = file_write(rocks, name, terms, why);
    if (result == OK) {
        rocksdb_ingestexternalfileoptions_t *options = rocksdb_ingestexternalfileoptions_create();
        rocksdb_ingestexternalfileoptions_set_move_files(options, 1);
        const char *names[] = {name};
        char *error = NULL;
        rocksdb_ingest_external_file_cf(rocks->db, rocks->families[ROCKS_INDEX], names, 1, options, &error);
        rocksdb_ingestexternalfileoptions_destroy(options);
        result = rocks_err(error, why);
    }
    index_file_clean(path);
    return result;
}

enum err index_mark_write(struct rocks *rocks, const struct index_mark *mark, bool sync, char why[static ROCKS_WHY_BYTES]) {
    uint8_t record[MARK_BYTES];
    put_be64(record, mark->cursor);
    put_be64(record + 8, mark->lengths.ipv4);
    for (size_t i = 0; i < 3; i++) put_be64(record + 16 + 8 * i, mark->lengths.ipv6[i]);
    char *error = NULL;
    rocksdb_put_cf(rocks->db, rocks->write, rocks->families[ROCKS_META], MARK_KEY, sizeof MARK_KEY - 1, (const char *)record,
                   sizeof record, &error);
    if (error == NULL && sync) rocksdb_flush_wal(rocks->db, 1, &error);
    return rocks_err(error, why);
}

enum err index_mark_read(struct rocks *rocks, struct index_mark *out) {
    memset(out, 0, sizeof *out);
    rocksdb_pinnableslice_t *slice;
    struct bytes value;
    enum err error = rocks_get(rocks, ROCKS_META, bytes_of_text(MARK_KEY), &slice, &value);
    if (error == ERR_NOT_FOUND) return OK;
    if (error != OK) return error;
    struct cursor cursor = cursor_of(value);
    out->cursor = cursor_u64(&cursor);
    out->lengths.ipv4 = cursor_u64(&cursor);
    for (size_t i = 0; i < 3; i++) out->lengths.ipv6[i] = cursor_u64(&cursor);
    bool whole = cursor_done(&cursor);
    rocksdb_pinnableslice_destroy(slice);
    return whole ? OK : ERR_CORRUPT;
}
