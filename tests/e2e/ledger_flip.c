/* ledger_flip: what somebody with the disk and the node's key does to a ledger. The node must not run.
     ledger_flip DIR row NUMBER OFFSET      flips a bit of that byte of the row's head
     ledger_flip DIR drop NUMBER            takes the row and its details out
     ledger_flip DIR details NUMBER         takes the details out, without a record
     ledger_flip DIR flush                  moves what the write-ahead log holds into files */
#include "crypto/keyfile.h"
#include "crypto/secret.h"
#include "node/process/dir.h"
#include "node/store/store_private.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char *what, enum err err) {
    fprintf(stderr, "ledger_flip: %s: %s\n", what, err_text(err));
    return 1;
}

static enum err store_of(struct store **out, const char *dir) {
    struct store_options options = {.cache_bytes = 8 << 20, .sync = true};
    struct keyfile *keys = secret_new(sizeof *keys);
    struct buf sealed = {0};
    char path[DIR_PATH_MAX], why[256] = "";
    enum err err = keys ? dir_read(&sealed, dir, DIR_NODE_KEY, KEYFILE_BYTES_MAX) : ERR_MEMORY;
    if (err == OK) err = keyfile_open(keys, bytes_of_buf(&sealed), bytes_of(NULL, 0));
    if (err == OK) err = dir_path(path, dir, DIR_STORE);
    if (err == OK) memcpy(options.store_key, keys->store_key, sizeof options.store_key);
    options.path = path;
    if (err == OK) err = store_open(out, &options, why, sizeof why);
    if (*why) fprintf(stderr, "ledger_flip: %s\n", why);
    secret_free(keys);
    buf_free(&sealed);
    return err;
}

static void name_of(char out[static 40], const char *prefix, const char *number) {
    snprintf(out, 40, "%s%016llx", prefix, strtoull(number, NULL, 10));
}

static enum err row_flip(struct store *store, struct store_batch *batch, const char *number, const char *offset) {
    char name[40];
    struct buf row = {0};
    size_t at = strtoul(offset, NULL, 10);
    name_of(name, "ledger/", number);
    enum err err = store_meta(store, name, &row);
    if (err == OK && at >= row.size) err = ERR_RANGE;
    if (err == OK) row.data[at] ^= 0x01;
    if (err == OK) store_batch_meta(batch, name, bytes_of_buf(&row));
    buf_free(&row);
    return err;
}

static void key_drop(struct store_batch *batch, const char *prefix, const char *number) {
    char name[40];
    name_of(name, prefix, number);
    store_batch_meta_delete(batch, name);
}

static enum err flush(struct store *store) {
    rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
    enum err err = OK;
    for (int i = 0; i < ROCKS_FAMILY_COUNT && err == OK; i++) {
        char *said = NULL;
        rocksdb_flush_cf(store->rocks.db, options, store->rocks.families[i], &said);
        err = rocks_err(said, NULL);
    }
    rocksdb_flushoptions_destroy(options);
    return err;
}

int main(int argc, char **argv) {
    struct store *store;
    const char *what = argc > 2 ? argv[2] : "";
    if (argc < 3 || sodium_init() < 0) return fail("DIR and what to do", ERR_FORMAT);
    enum err err = store_of(&store, argv[1]);
    if (err != OK) return fail("the store cannot be opened", err);
    struct store_batch *batch = store_batch_new(store);
    if (!batch) return fail("no batch", ERR_MEMORY);
    if (strcmp(what, "flush") == 0)
        err = flush(store);
    else if (strcmp(what, "row") == 0 && argc == 5)
        err = row_flip(store, batch, argv[3], argv[4]);
    else if ((strcmp(what, "drop") == 0 || strcmp(what, "details") == 0) && argc == 4)
        key_drop(batch, "secret/ledger/", argv[3]);
    else
        err = ERR_FORMAT;
    if (strcmp(what, "drop") == 0 && argc == 4) key_drop(batch, "ledger/", argv[3]);
    store_commit(store, batch, 1);
    store_close(store);
    return err == OK ? 0 : fail(what, err);
}
