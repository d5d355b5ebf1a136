#include "node/engine/engine_core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the store holds of logs, into the core: where they end, the proofs of their forks, the epochs that are ours. All of them at the
   start, and those of an agency that is pinned again when that happens, so that its logs go on where they were left. */

static bool payload_sum(void *context, uint64_t seq, size_t bytes) {
    (void)seq;
    *(uint64_t *)context += bytes;
    return true;
}

static bool log_take(void *context, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq_first, uint64_t seq_last) {
    struct engine *engine = context;
    struct event event = {.kind = EVENT_LOG};
    struct entry entry;
    bool verified;
    char name[64], hex[2 * NODE_ID_BYTES + 1];
    struct buf prekey = {0};
    (void)seq_first;
    buf_clear(&engine->scratch_entry);
    if (store_entry(engine->store, node_id, seq_last, &engine->scratch_entry, &verified) != OK ||
        entry_parse(&entry, bytes_of_buf(&engine->scratch_entry)) != OK) {
        engine_event(engine, LOG_STORE_DAMAGED, NULL, "the last entry of a stored log cannot be read");
        return true;
    }
    hex_encode(hex, bytes_of(node_id, NODE_ID_BYTES));
    snprintf(name, sizeof name, "prekey/%s", hex);
    if (store_meta(engine->store, name, &prekey) != OK) buf_clear(&prekey);
    event.log.node_id = node_id;
    event.log.seq = seq_last;
    event.log.id = entry.id;
    event.log.prekey = bytes_of_buf(&prekey);
    if (store_payloads(engine->store, node_id, payload_sum, &event.log.payload_bytes) != OK)
        engine_event(engine, LOG_STORE_DAMAGED, NULL, "stored payloads cannot be counted");
    enum err err = engine_step(engine, &event);
    if (err != OK && err != ERR_UNKNOWN_AUTHOR)
        engine_event(engine, LOG_STORE_DAMAGED, NULL, "a stored log was not taken: %s", err_text(err));
    buf_free(&prekey);
    return true;
}

static bool fork_take(void *context, const char *key, struct bytes value) {
    struct engine *engine = context;
    struct event event = {.kind = EVENT_FORK, .fork = {.proof = value}};
    enum err err = engine_step(engine, &event);
    if (err != OK && err != ERR_UNKNOWN_AUTHOR)
        engine_event(engine, LOG_STORE_DAMAGED, NULL, "a stored proof (%s) was not taken: %s", key, err_text(err));
    return true;
}

static bool ours_take(void *context, const char *key, struct bytes value) {
    struct engine *engine = context;
    struct event event = {.kind = EVENT_EPOCH};
    uint8_t node_id[NODE_ID_BYTES];
    const char *hex = key + strlen(EPOCHS_OURS_PREFIX "/");
    if (!bytes_equal_text(value, "1")) return true;
    if (strlen(hex) != 2 * NODE_ID_BYTES + 1 + 16 || !hex_decode(node_id, sizeof node_id, bytes_of(hex, 2 * NODE_ID_BYTES)))
        return true;
    event.epoch.node_id = node_id;
    event.epoch.seq = strtoull(hex + 2 * NODE_ID_BYTES + 1, NULL, 16);
    event.epoch.readable = true;
    engine_must_step(engine, &event);
    return true;
}

enum err logs_load_all(struct engine *engine) {
    enum err err = store_logs(engine->store, log_take, engine);
    if (err == OK) err = recalls_load(engine);
    if (err == OK) err = store_meta_each(engine->store, "fork/", fork_take, engine);
    if (err == OK) err = store_meta_each(engine->store, EPOCHS_OURS_PREFIX "/", ours_take, engine);
    return err;
}

/* --- known since the start --- */

/* How far a stored log is one chain of its agency, from its first entry on. */
struct walk {
    const uint8_t *agency_id;
    uint8_t previous[HASH_BYTES];
    uint64_t last;
    bool parted; /* what stands behind `last` belongs to something else */
};

static bool walk_visit(void *context, uint64_t seq, bool verified, struct bytes bytes) {
    struct walk *walk = context;
    struct entry entry;
    (void)verified;
    walk->parted = entry_parse(&entry, bytes) != OK || entry.seq != seq || seq != walk->last + 1 ||
                   memcmp(entry.agency_id, walk->agency_id, AGENCY_ID_BYTES) != 0 ||
                   memcmp(entry.previous, walk->previous, HASH_BYTES) != 0;
    if (walk->parted) return false;
    walk->last = seq;
    memcpy(walk->previous, entry.id, HASH_BYTES);
    return true;
}

/* The end of a stored log as far as it is one branch; what stands behind is dropped. 0: there is none. */
static uint64_t end_checked(struct engine *engine, const struct gossip_log_view *view) {
    struct walk walk = {.agency_id = view->agency_id};
    uint64_t end = 0;
    enum err err = store_log_end(engine->store, view->node_id, &end);
    if (err == ERR_NOT_FOUND) return 0;
    if (err == OK) err = store_entries(engine->store, view->node_id, 1, walk_visit, &walk);
    if (err != OK) engine_event(engine, LOG_STORE_DAMAGED, NULL, "a stored log cannot be read: %s", err_text(err));
    if (err != OK || !walk.parted) return end; /* damage is no contradiction: it is met where the entries are asked for */
    engine_event(engine, LOG_STORE_DAMAGED, NULL, "the stored log of %s is one chain up to entry %llu only: the rest is fetched",
                 engine_agency_name(engine, view->agency_id), (unsigned long long)walk.last);
    logs_truncate(engine, view->node_id, walk.last + 1, 0);
    store_wait(engine->store);
    return walk.last;
}

static void log_take_again(struct engine *engine, const struct gossip_log_view *view) {
    char hex[2 * NODE_ID_BYTES + 1], name[64];
    uint64_t end = end_checked(engine, view);
    enum err err = OK;
    hex_encode(hex, bytes_of(view->node_id, NODE_ID_BYTES));
    if (end > 0) {
        (void)log_take(engine, view->node_id, 1, end);
        snprintf(name, sizeof name, EPOCHS_OURS_PREFIX "/%s", hex);
        err = store_meta_each(engine->store, name, ours_take, engine);
        if (err == OK) err = recalls_load_again(engine, view->node_id);
    }
    /* The proof of a fork is kept whatever became of the entries. */
    snprintf(name, sizeof name, "fork/%s", hex);
    if (err == OK) err = store_meta_each(engine->store, name, fork_take, engine);
    if (err != OK)
        engine_event(engine, LOG_STORE_DAMAGED, NULL, "the epochs and recalls of a stored log cannot be read: %s", err_text(err));
}

void logs_load_known(struct engine *engine, const uint8_t *agency_id) {
    struct gossip_log_view view;
    for (size_t i = 0; i < gossip_log_count(engine->gossip) && !engine->stopping; i++) {
        gossip_log_view(engine->gossip, i, &view);
        if (agency_id && memcmp(view.agency_id, agency_id, AGENCY_ID_BYTES) != 0) continue;
        /* Of the others the core knows where they end. */
        if (!view.own && view.head == 0 && view.fork_seq == 0) log_take_again(engine, &view);
    }
}

/* --- one branch --- */

void logs_truncate(struct engine *engine, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq, uint64_t ticket) {
    store_wait(engine->store);
    struct store_batch *batch = store_batch_new(engine->store);
    if (!batch || store_batch_truncate(batch, node_id, seq) != OK) {
        engine_fail(engine, 5, "a branch of a log that does not count could not be dropped");
        if (batch) store_batch_free(batch);
        return;
    }
    recall_truncate(engine, batch, node_id, seq);
    epochs_truncate(engine, batch, node_id, seq);
    reader_truncate(engine, node_id, seq);
    store_commit(engine->store, batch, ticket);
}

/* As a rule nothing stands at these numbers. But a log whose end could not be read at the start (log_take) begins anew in the core, and is
   fetched of somebody who may hold another branch. */
void logs_one_branch(struct engine *engine, struct bytes entries) {
    struct entry entry, here;
    bool verified;
    for (; entries.size > 0 && entry_parse(&entry, entries) == OK;
         entries = bytes_of(entries.data + entry.size, entries.size - entry.size)) {
        buf_clear(&engine->scratch_entry);
        enum err err = store_entry(engine->store, entry.node_id, entry.seq, &engine->scratch_entry, &verified);
        if (err == ERR_NOT_FOUND) return;
        if (err != OK || entry_parse(&here, bytes_of_buf(&engine->scratch_entry)) != OK) continue; /* damaged: it is mended now */
        if (memcmp(here.id, entry.id, HASH_BYTES) == 0) continue;
        logs_truncate(engine, entry.node_id, entry.seq, 0);
        return;
    }
}
