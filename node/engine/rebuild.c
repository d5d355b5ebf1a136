#include "node/engine/rebuild.h"

#include "node/process/clock.h"
#include "node/process/dir.h"
#include "node/store/store.h"

#include <stdio.h>
#include <string.h>

/* What a walk over the stored logs carries. */
struct walk {
    struct store *store;
    struct rebuild_report *report;
    uint8_t node_id[NODE_ID_BYTES];
    uint8_t previous[HASH_BYTES];
    uint64_t expected;
    struct buf payload;
    bool progress;
    uint64_t told_ms;
};

static void progress_tell(struct walk *walk, const char *what, uint64_t done, uint64_t total) {
    uint64_t now_ms = clock_monotonic_ms();
    if (!walk->progress || now_ms - walk->told_ms < 1000) return;
    walk->told_ms = now_ms;
    if (total)
        fprintf(stderr, "comity rebuild: %s, %llu of %llu\n", what, (unsigned long long)done, (unsigned long long)total);
    else
        fprintf(stderr, "comity rebuild: %s, %llu so far\n", what, (unsigned long long)done);
}

/* A payload that is not what its author signed is dropped, so that the mesh brings it again. */
static void payload_check(struct walk *walk, const struct entry *entry) {
    struct block_body body;
    buf_clear(&walk->payload);
    if (entry->type != ENTRY_BLOCK || block_body_read(&body, entry->body) != OK) return;
    enum err err = store_payload(walk->store, walk->node_id, entry->seq, &walk->payload);
    if (err == ERR_NOT_FOUND) return;
    walk->report->payloads++;
    if (err == OK && block_payload_matches(bytes_of_buf(&walk->payload), &body.seal)) return;
    walk->report->damaged++;
    struct store_batch *batch = store_batch_new(walk->store);
    if (!batch) return;
    store_batch_payload_delete(batch, walk->node_id, entry->seq);
    store_commit(walk->store, batch, 0);
}

static bool entry_check(void *context, uint64_t seq, bool verified, struct bytes bytes) {
    struct walk *walk = context;
    struct entry entry;
    (void)verified;
    bool good = entry_parse(&entry, bytes) == OK && entry.seq == seq && seq == walk->expected &&
                memcmp(entry.previous, walk->previous, HASH_BYTES) == 0;
    if (!good) {
        walk->report->damaged++;
        return false; /* the chain ends here */
    }
    memcpy(walk->previous, entry.id, HASH_BYTES);
    walk->expected = seq + 1;
    walk->report->entries++;
    payload_check(walk, &entry);
    progress_tell(walk, "checking entries", walk->report->entries, 0);
    return true;
}

static bool log_check(void *context, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq_first, uint64_t seq_last) {
    struct walk *walk = context;
    (void)seq_first, (void)seq_last;
    memcpy(walk->node_id, node_id, NODE_ID_BYTES);
    memset(walk->previous, 0, HASH_BYTES);
    walk->expected = 1;
    if (store_entries(walk->store, node_id, 1, entry_check, walk) != OK) walk->report->damaged++;
    return true;
}

static void index_progress(void *context, uint64_t done, uint64_t total) {
    struct walk *walk = context;
    walk->report->items = done;
    progress_tell(walk, "indexing items", done, total);
}

enum err rebuild_run(struct rebuild_report *out, const char *dir, const struct keyfile *keys, bool progress, char why[static 256]) {
    struct store_options options = {.cache_bytes = 64u << 20, .sync = true, .read_only_rebuild = true, .now_ms = clock_wall_ms()};
    struct walk walk = {.report = out, .progress = progress, .told_ms = clock_monotonic_ms()};
    struct store_counts counts;
    char path[DIR_PATH_MAX];
    *out = (struct rebuild_report){0};
    enum err err = dir_path(path, dir, DIR_STORE);
    if (err != OK) return err;
    options.path = path;
    memcpy(options.store_key, keys->store_key, sizeof options.store_key);
    err = store_open(&walk.store, &options, why, 256);
    explicit_bzero(options.store_key, sizeof options.store_key);
    if (err != OK) return err;
    snprintf(why, 256, "the stored logs cannot be walked");
    err = store_logs(walk.store, log_check, &walk);
    if (err == OK) {
        store_wait(walk.store);
        snprintf(why, 256, "the index cannot be made again");
        err = store_index_rebuild(walk.store, index_progress, &walk);
    }
    store_counts(walk.store, &counts);
    if (err == OK) out->items = counts.items;
    store_close(walk.store);
    buf_free(&walk.payload);
    return err;
}
