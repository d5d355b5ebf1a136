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
    const char *hex = key + strlen(READER_OURS_PREFIX "/");
    if (!bytes_equal_text(value, "1")) return true;
    if (strlen(hex) != 2 * NODE_ID_BYTES + 1 + 16 || !hex_decode(node_id, sizeof node_id, bytes_of(hex, 2 * NODE_ID_BYTES)))
        return true;
    event.epoch.node_id = node_id;
    event.epoch.seq = strtoull(hex + 2 * NODE_ID_BYTES + 1, NULL, 16);
    event.epoch.readable = true;
    if (engine_step(engine, &event) != OK) engine_fail(engine, 5, "out of memory");
    return true;
}

enum err logs_load_all(struct engine *engine) {
    enum err err = store_logs(engine->store, log_take, engine);
    if (err == OK) err = recalls_load(engine);
    if (err == OK) err = store_meta_each(engine->store, "fork/", fork_take, engine);
    if (err == OK) err = store_meta_each(engine->store, READER_OURS_PREFIX "/", ours_take, engine);
    return err;
}

/* --- pinned again --- */

/* The core knows this node, and nothing of its log. */
static bool log_unknown(const struct engine *engine, const uint8_t node_id[static NODE_ID_BYTES]) {
    struct gossip_log_view view;
    return gossip_log_find(engine->gossip, node_id, &view) && !view.own && view.head == 0 && view.fork_seq == 0;
}

static bool log_take_again(void *context, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq_first, uint64_t seq_last) {
    struct engine *engine = context;
    char hex[2 * NODE_ID_BYTES + 1], prefix[64];
    if (!log_unknown(engine, node_id)) return true;
    (void)log_take(context, node_id, seq_first, seq_last);
    hex_encode(hex, bytes_of(node_id, NODE_ID_BYTES));
    snprintf(prefix, sizeof prefix, READER_OURS_PREFIX "/%s", hex);
    enum err err = store_meta_each(engine->store, prefix, ours_take, engine);
    if (err == OK) err = recalls_load_again(engine, node_id);
    if (err != OK)
        engine_event(engine, LOG_STORE_DAMAGED, NULL, "the epochs and recalls of a stored log cannot be read: %s", err_text(err));
    return true;
}

static bool fork_take_again(void *context, const char *key, struct bytes value) {
    struct engine *engine = context;
    struct gossip_log_view view;
    uint8_t node_id[NODE_ID_BYTES];
    if (!hex_decode(node_id, sizeof node_id, bytes_of_text(key + strlen("fork/")))) return true;
    if (gossip_log_find(engine->gossip, node_id, &view) && view.fork_seq == 0) (void)fork_take(context, key, value);
    return true;
}

enum err logs_load_pinned(struct engine *engine) {
    struct gossip_log_view view;
    bool any = false;
    for (size_t i = 0; i < gossip_log_count(engine->gossip) && !any; i++) {
        gossip_log_view(engine->gossip, i, &view);
        any = log_unknown(engine, view.node_id);
    }
    if (!any) return OK;
    store_wait(engine->store); /* what came in before it was unpinned may be on its way to the disk */
    enum err err = store_logs(engine->store, log_take_again, engine);
    if (err == OK) err = store_meta_each(engine->store, "fork/", fork_take_again, engine);
    return err;
}
