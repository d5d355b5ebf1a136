#include "node/process/clock.h"
#include "node/process/dir.h"
#include "node/engine/engine_core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is done at the start, and from time to time: logs, prekeys, the card. */

#define UPKEEP_MS      60000
#define UPKEEP_SOON_MS 1000
/* The key process opens the key file first, and the passphrase's work takes minutes on a slow or crowded machine. One that dies is
   noticed at once; the service manager gives a start five minutes. */
#define STORE_KEY_MS 240000

/* --- the start --- */

static bool chain_take(void *context, const char *key, struct bytes value) {
    struct engine *engine = context;
    struct event event = {.kind = EVENT_TRUST};
    uint8_t id[CHAIN_NAME_BYTES];
    if (!hex_decode(id, sizeof id, bytes_of_text(key + strlen("chain/")))) return true;
    /* Only of agencies that are still pinned. */
    for (size_t i = 0; i < gossip_agency_count(engine->gossip); i++) {
        if (memcmp(gossip_agency(engine->gossip, i)->id, id, sizeof id) != 0) continue;
        event.trust.chain = value;
        event.trust.stored = true;
        enum err err = engine_step(engine, &event);
        /* A rival chain that an operator's later pin has ruled out is no news. */
        bool ruled_out = err == ERR_CHAIN && strncmp(key, "rival/", strlen("rival/")) == 0;
        if (err != OK && err != ERR_SPLIT && !ruled_out)
            engine_notice(engine, "a stored agency chain was not taken: %s", err_text(err));
        break;
    }
    return true;
}

static bool audience_take(void *context, const char *key, struct bytes value) {
    struct engine *engine = context;
    struct event event = {.kind = EVENT_AUDIENCE};
    event.audience.epoch_seq = strtoull(key + strlen("secret/audience/"), NULL, 16);
    event.audience.readers = value;
    engine_must_step(engine, &event);
    return true;
}

/* The first entry of a new log was made by `comity init` and stands in the own card. */
static enum err genesis_take(struct engine *engine, const struct card *own) {
    for (size_t i = 0; i < own->prekey_count; i++) {
        const struct entry *entry = &own->prekey_entries[i];
        char name[64], hex[2 * NODE_ID_BYTES + 1];
        if (memcmp(entry->node_id, engine->node_id, NODE_ID_BYTES) != 0 || entry->seq != 1) continue;
        struct store_batch *batch = store_batch_new(engine->store);
        if (!batch) return ERR_MEMORY;
        store_batch_entry(batch, entry, true);
        hex_encode(hex, bytes_of(engine->node_id, NODE_ID_BYTES));
        snprintf(name, sizeof name, "prekey/%s", hex);
        store_batch_meta(batch, name, entry->body);
        store_commit(engine->store, batch, 0);
        store_wait(engine->store);
        return OK;
    }
    return OK;
}

static bool audience_drop(void *context, const char *key, struct bytes value) {
    struct store_batch *batch = store_batch_new(context);
    (void)value;
    if (!batch) return false;
    store_batch_meta_delete(batch, key);
    store_commit(context, batch, 0);
    return true;
}

/* A directory that got a new key has a new log: who read the epochs of the old one reads none of the new one's. */
static enum err own_node_check(struct engine *engine) {
    struct buf before = {0};
    enum err err = store_meta(engine->store, "own-node", &before);
    if (err == OK && bytes_equal(bytes_of_buf(&before), bytes_of(engine->node_id, NODE_ID_BYTES))) goto out;
    bool another = err == OK;
    if (another) err = store_meta_each(engine->store, "secret/audience/", audience_drop, engine->store);
    if (err != OK && err != ERR_NOT_FOUND) goto out;
    struct store_batch *batch = store_batch_new(engine->store);
    err = batch ? OK : ERR_MEMORY;
    if (err != OK) goto out;
    if (another) gone_anew(engine, batch);
    store_batch_meta(batch, "own-node", bytes_of(engine->node_id, NODE_ID_BYTES));
    store_commit(engine->store, batch, 0);
    store_wait(engine->store);
out:
    buf_free(&before);
    return err;
}

static enum err core_open(struct engine *engine, const struct card *own) {
    struct gossip_options options = {.own_chain = own->chain};
    bool known = false;
    options.payload_quota_bytes = engine->settings.payload_quota_bytes;
    memcpy(options.node_id, engine->node_id, NODE_ID_BYTES);
    store_instance(engine->store, options.instance);
    random_bytes(&engine->random, options.seed, sizeof options.seed);
    enum err err = gossip_open(&engine->gossip, &options);
    if (err != OK) return err;
    trust_load_all(engine);
    err = store_meta_each(engine->store, "chain/", chain_take, engine);
    if (err == OK) err = store_meta_each(engine->store, "rival/", chain_take, engine);
    buf_clear(&engine->scratch_entry);
    if (err == OK && store_entry(engine->store, engine->node_id, 1, &engine->scratch_entry, &known) == ERR_NOT_FOUND)
        err = genesis_take(engine, own);
    if (err == OK) err = logs_load_all(engine);
    if (err == OK) err = own_node_check(engine);
    if (err == OK) err = store_meta_each(engine->store, "secret/audience/", audience_take, engine);
    return err;
}

/* The key process knows the keys of this directory: the store's, and whose node it is. */
static enum err store_key_get(struct engine *engine, uint8_t out[static 32]) {
    struct channel *key = &engine->child.peers[ROLE_KEY];
    struct frame frame;
    enum err err = channel_send(key, FRAME_KEY_STORE_KEY, 0, bytes_of(NULL, 0));
    if (err == OK) err = channel_wait(key, &frame, STORE_KEY_MS);
    if (err != OK) return err;
    if (frame.type != FRAME_KEY_STORE || frame.body.size != 32 + SIGN_PUBLIC_BYTES) return ERR_FORMAT;
    memcpy(out, frame.body.data, 32);
    agency_node_id(engine->node_id, engine->agency_id, frame.body.data + 32);
    channel_wipe(key);
    return OK;
}

enum err upkeep_open(struct engine *engine, char why[static 256]) {
    struct card_file own = {0};
    struct store_options options = {
        .cache_bytes = engine->settings.cache_bytes, .sync = engine->settings.sync, .now_ms = clock_wall_ms()};
    char path[DIR_PATH_MAX];
    enum err err = dir_path(path, engine->settings.dir, DIR_CARD);
    snprintf(why, 256, "the own card cannot be read");
    if (err == OK) err = card_file_read(&own, path);
    if (err != OK) goto out;
    memcpy(engine->agency_id, own.card.agency.id, AGENCY_ID_BYTES);
    snprintf(engine->own_name, sizeof engine->own_name, "%s", own.card.agency.name);
    buf_put(&engine->own_prekeys, own.card.prekeys);
    engine->own_records = own.card.agency.record_count;
    snprintf(why, 256, "the key process did not give the store key");
    err = store_key_get(engine, options.store_key);
    if (err == OK) err = dir_path(path, engine->settings.dir, DIR_STORE);
    options.path = path;
    if (err == OK) err = store_open(&engine->store, &options, why, 256);
    explicit_bzero(options.store_key, sizeof options.store_key);
    if (err != OK) goto out;
    snprintf(why, 256, "the own card names no node with the key of this directory");
    if (!agency_node_find(&own.card.agency, engine->node_id)) err = ERR_NOT_FOUND;
    if (err != OK) goto out;
    reader_count_load(engine);
    replay_load(engine);
    snprintf(why, 256, "the withdrawal list cannot be read");
    err = gone_load(engine);
    if (err != OK) goto out;
    snprintf(why, 256, "the gossip core cannot be opened");
    err = core_open(engine, &own.card);
    if (err == OK) replay_opened(engine);
    if (err == OK) err = outbox_load(engine);
    if (err == OK) err = statement_load(engine);
    if (err == OK) err = groups_load(engine);
    if (err == OK) err = kept_load(engine);
    if (err == OK) err = agreements_load(engine);
    if (err == OK) err = dealings_load(engine);
    if (err == OK) err = subscriptions_load(engine);
    if (err == OK) err = ledger_open(engine);
    if (err == OK) err = retention_load(engine);
out:
    card_file_free(&own);
    return err;
}

/* --- prekeys and the card --- */

void upkeep_key_file(struct engine *engine, struct bytes file) {
    enum err err = dir_write(engine->settings.dir, DIR_NODE_KEY, file, 0600);
    if (err != OK) engine_fail(engine, 5, "the key file could not be rewritten: %s", err_text(err));
}

/* The private half is on disk before anybody hears of the public one. */
void upkeep_new_prekey(struct engine *engine, struct bytes body) {
    engine->prekey_asked = false;
    if (body.size <= PREKEY_BODY_BYTES) return;
    upkeep_key_file(engine, bytes_of(body.data + PREKEY_BODY_BYTES, body.size - PREKEY_BODY_BYTES));
    if (engine->stopping) return;
    enum err err = publisher_entry(engine, ENTRY_PREKEY, bytes_of(body.data, PREKEY_BODY_BYTES));
    if (err != OK) engine_notice(engine, "a new prekey waits for its publication: %s", err_text(err));
}

void upkeep_prekey_stored(struct engine *engine) {
    struct gossip_log_view own;
    bool verified;
    if (!gossip_log_find(engine->gossip, engine->node_id, &own)) return;
    for (uint64_t seq = own.head; seq > 0; seq--) {
        struct entry entry;
        buf_clear(&engine->scratch_entry);
        if (store_entry(engine->store, engine->node_id, seq, &engine->scratch_entry, &verified) != OK) return;
        if (entry_parse(&entry, bytes_of_buf(&engine->scratch_entry)) != OK || entry.type != ENTRY_PREKEY) continue;
        own_card_write(engine, bytes_of_buf(&engine->scratch_entry));
        log_event(LOG_PREKEY_NEW, NULL, "a new prekey was published, the card was rewritten");
        return;
    }
}

/* A new prekey when the newest one is old; false when it is due and the own log cannot be written yet. */
static bool prekey_look(struct engine *engine, uint64_t now_ms) {
    const struct prekey *newest = gossip_prekey(engine->gossip, engine->node_id);
    const char *why;
    uint8_t body[8];
    if (engine->prekey_asked || (newest && !prekey_rotate_due(newest, now_ms))) return true;
    if (gossip_own_ready(engine->gossip) != GOSSIP_OWN_READY || (newest && !publisher_open(engine, &why))) return false;
    put_be64(body, now_ms);
    engine->prekey_asked = true;
    engine_to_key(engine, FRAME_KEY_PREKEY, key_tag(KEY_TAG_PREKEY, 0), bytes_of(body, sizeof body));
    return true;
}

#define DISK_FREE_MIN  (512ull * 1024 * 1024)
#define DISK_LOW_BYTES (10ull * 1024 * 1024 * 1024) /* with more than that, a small part is enough */
#define DISK_NOTICE_MS 3600000

/* A full disk ends the node: its operator hears of it while there is still room for what others send. */
static void disk_look(struct engine *engine, uint64_t monotonic_ms) {
    uint64_t free_bytes, size_bytes;
    if (!store_disk(engine->store, &free_bytes, &size_bytes)) return;
    bool low = free_bytes < DISK_FREE_MIN || (free_bytes < DISK_LOW_BYTES && free_bytes < size_bytes / 20);
    if (!low) engine->disk_noticed_ms = 0;
    if (!low || (engine->disk_noticed_ms != 0 && monotonic_ms - engine->disk_noticed_ms < DISK_NOTICE_MS)) return;
    engine->disk_noticed_ms = monotonic_ms;
    engine_event(engine, LOG_DISK_LOW, LOG_FIELDS(LOG_NUMBER("free_bytes", free_bytes), LOG_NUMBER("size_bytes", size_bytes)),
                 "%llu MiB are free where the store stands: the node ends when there is no more room",
                 (unsigned long long)(free_bytes >> 20));
}

/* What is done once a minute. */
static void minute(struct engine *engine, uint64_t now_ms, uint64_t monotonic_ms) {
    uint8_t body[9];
    author_expire(engine->publisher.author, now_ms);
    own_renew_tick(engine, now_ms);
    kept_forget(engine, now_ms);
    disk_look(engine, monotonic_ms);
    gone_tick(engine, now_ms);
    put_be64(body, now_ms);
    /* "Caught up" is believed only of a node that has had somebody to hear it from for a while. */
    body[8] = gossip_link_count(engine->gossip) > 0 && monotonic_ms - engine->started_monotonic_ms > 10 * UPKEEP_MS &&
              gossip_caught_up(engine->gossip);
    engine_to_key(engine, FRAME_KEY_FORGET, 0, bytes_of(body, sizeof body));
}

void upkeep_tick(struct engine *engine) {
    uint64_t now_ms = clock_wall_ms(), monotonic_ms = clock_monotonic_ms();
    own_chain_look(engine);
    ledger_tick(engine, monotonic_ms);
    if (monotonic_ms < engine->upkeep_due_ms) return;
    if (monotonic_ms >= engine->upkeep_minute_ms) {
        engine->upkeep_minute_ms = monotonic_ms + UPKEEP_MS;
        minute(engine, now_ms, monotonic_ms);
    }
    /* At a start the own log opens a little later than the node: a prekey that is due does not wait for the next minute. */
    bool done = prekey_look(engine, now_ms);
    replay_tick(engine, monotonic_ms);
    engine->upkeep_due_ms = done && !engine->replaying ? engine->upkeep_minute_ms : monotonic_ms + UPKEEP_SOON_MS;
}
