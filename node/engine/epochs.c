#include "node/engine/epochs.h"

#include "crypto/secret.h"
#include "node/engine/engine_core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOBODYS 0 /* instead of the number: its entry was dropped while the key process looked at it */

enum err epochs_init(struct engine *engine) {
    struct epochs *epochs = &engine->epochs;
    epochs->table = secret_new(EPOCHS_HELD * sizeof *epochs->table);
    if (!epochs->table) return ERR_MEMORY;
    memset(epochs->table, 0, EPOCHS_HELD * sizeof *epochs->table);
    return OK;
}

void epochs_free(struct engine *engine) {
    free(engine->epochs.postponed);
    secret_free(engine->epochs.table);
}

static struct epoch *epoch_find(struct epochs *epochs, const uint8_t *node_id, uint64_t seq) {
    for (size_t i = 0; i < EPOCHS_HELD; i++) {
        struct epoch *epoch = &epochs->table[i];
        if (epoch->state == EPOCH_EMPTY || epoch->seq != seq || memcmp(epoch->node_id, node_id, NODE_ID_BYTES) != 0) continue;
        epoch->used = ++epochs->clock;
        return epoch;
    }
    return NULL;
}

/* A free place, or that of the epoch used longest ago; one that waits for its answer is never given away. */
static struct epoch *epoch_place(struct epochs *epochs) {
    struct epoch *oldest = NULL;
    for (size_t i = 0; i < EPOCHS_HELD; i++) {
        struct epoch *epoch = &epochs->table[i];
        if (epoch->state == EPOCH_EMPTY) return epoch;
        if (epoch->state != EPOCH_PENDING && (!oldest || epoch->used < oldest->used)) oldest = epoch;
    }
    if (oldest) secret_wipe(oldest, sizeof *oldest);
    return oldest;
}

static void epoch_ask(struct engine *engine, const struct epoch *epoch, struct bytes body) {
    struct buf frame = {0};
    buf_put_raw(&frame, epoch->agency_id, AGENCY_ID_BYTES);
    buf_put_raw(&frame, epoch->node_id, NODE_ID_BYTES);
    buf_put(&frame, body);
    if (!frame.failed)
        engine_to_key(engine, FRAME_KEY_OPEN, key_tag(KEY_TAG_EPOCH, (uint64_t)(epoch - engine->epochs.table)),
                      bytes_of_buf(&frame));
    buf_free(&frame);
}

/* Epochs of this agency that wait for the key process. */
static size_t pending_of(const struct epochs *epochs, const uint8_t *agency_id) {
    size_t count = 0;
    for (size_t i = 0; i < EPOCHS_HELD; i++) {
        const struct epoch *epoch = &epochs->table[i];
        count += epoch->state == EPOCH_PENDING && memcmp(epoch->agency_id, agency_id, AGENCY_ID_BYTES) == 0;
    }
    return count;
}

/* Null: there is no room for it now. */
static struct epoch *epoch_begin(struct engine *engine, const struct entry *entry) {
    if (pending_of(&engine->epochs, entry->agency_id) >= EPOCHS_PENDING_EACH) return NULL;
    struct epoch *epoch = epoch_place(&engine->epochs);
    if (!epoch) return NULL;
    epoch->state = EPOCH_PENDING;
    memcpy(epoch->agency_id, entry->agency_id, AGENCY_ID_BYTES);
    memcpy(epoch->node_id, entry->node_id, NODE_ID_BYTES);
    epoch->seq = entry->seq;
    epoch->used = ++engine->epochs.clock;
    epoch_ask(engine, epoch, entry->body);
    return epoch;
}

/* An epoch for which there was no room: the store has its entry, or will in a moment. */
static void postpone(struct engine *engine, const struct entry *entry) {
    struct epochs *epochs = &engine->epochs;
    for (size_t i = 0; i < epochs->postponed_count; i++) {
        struct postponed *postponed = &epochs->postponed[i];
        if (memcmp(postponed->node_id, entry->node_id, NODE_ID_BYTES) != 0) continue;
        if (postponed->from > entry->seq) postponed->from = entry->seq;
        if (postponed->until < entry->seq) postponed->until = entry->seq;
        return;
    }
    if (epochs->postponed_count == epochs->postponed_capacity) {
        size_t capacity = epochs->postponed_capacity ? 2 * epochs->postponed_capacity : 16;
        struct postponed *grown = realloc(epochs->postponed, capacity * sizeof *grown);
        if (!grown) {
            engine_fail(engine, 5, "out of memory while an epoch waits");
            return;
        }
        epochs->postponed = grown, epochs->postponed_capacity = capacity;
    }
    struct postponed *postponed = &epochs->postponed[epochs->postponed_count++];
    *postponed = (struct postponed){.from = entry->seq, .until = entry->seq};
    memcpy(postponed->agency_id, entry->agency_id, AGENCY_ID_BYTES);
    memcpy(postponed->node_id, entry->node_id, NODE_ID_BYTES);
}

static void epoch_want(struct engine *engine, const struct entry *entry) {
    if (!epoch_begin(engine, entry)) postpone(engine, entry);
}

/* --- what is known over starts --- */

static void log_prefix(char out[static 64], const uint8_t *node_id) {
    char hex[2 * NODE_ID_BYTES + 1];
    hex_encode(hex, bytes_of(node_id, NODE_ID_BYTES));
    snprintf(out, 64, EPOCHS_OURS_PREFIX "/%s", hex);
}

static void verdict_name(char out[static 96], const uint8_t *node_id, uint64_t seq) {
    char prefix[64];
    log_prefix(prefix, node_id);
    snprintf(out, 96, "%s/%016llx", prefix, (unsigned long long)seq);
}

static void verdict_keep(struct engine *engine, const struct epoch *epoch) {
    char name[96];
    struct store_batch *batch = store_batch_new(engine->store);
    if (!batch) return;
    verdict_name(name, epoch->node_id, epoch->seq);
    store_batch_meta(batch, name, bytes_of_text(epoch->state == EPOCH_OURS ? "1" : "0"));
    store_commit(engine->store, batch, 0);
}

/* What is known by now: an answer that is on its way to the disk stands in the table. */
static enum ours verdict_of(struct engine *engine, const uint8_t *node_id, uint64_t seq, bool *asked) {
    char name[96];
    struct buf verdict = {0};
    const struct epoch *epoch = epoch_find(&engine->epochs, node_id, seq);
    *asked = epoch != NULL;
    if (epoch && epoch->state != EPOCH_PENDING) return epoch->state == EPOCH_OURS ? OURS_YES : OURS_NO;
    if (epoch) return OURS_UNKNOWN;
    verdict_name(name, node_id, seq);
    enum err err = store_meta(engine->store, name, &verdict);
    bool ours = err == OK && bytes_equal_text(bytes_of_buf(&verdict), "1");
    buf_free(&verdict);
    if (ours) return OURS_YES;
    return err == ERR_NOT_FOUND ? OURS_UNKNOWN : OURS_NO;
}

/* Does nobody know it, and is nobody asked? */
static bool open_question(struct engine *engine, const struct entry *entry) {
    bool asked;
    return verdict_of(engine, entry->node_id, entry->seq, &asked) == OURS_UNKNOWN && !asked;
}

enum ours epochs_ours(struct engine *engine, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq) {
    struct entry entry;
    struct buf bytes = {0};
    bool asked, verified = false;
    enum ours ours = verdict_of(engine, node_id, seq, &asked);
    if (ours != OURS_UNKNOWN || asked) return ours;
    /* A block whose author signed no epoch for it is sealed to nobody. */
    if (store_entry(engine->store, node_id, seq, &bytes, &verified) != OK || entry_parse(&entry, bytes_of_buf(&bytes)) != OK ||
        entry.type != ENTRY_EPOCH)
        ours = OURS_NO;
    else
        epoch_want(engine, &entry);
    buf_free(&bytes);
    return ours;
}

struct forgetting {
    struct store_batch *batch;
    uint64_t seq;
};

static bool verdict_forget(void *context, const char *key, struct bytes value) {
    const struct forgetting *forgetting = context;
    (void)value;
    if (strlen(key) > 16 && strtoull(key + strlen(key) - 16, NULL, 16) >= forgetting->seq)
        store_batch_meta_delete(forgetting->batch, key);
    return true;
}

void epochs_truncate(struct engine *engine, struct store_batch *batch, const uint8_t *node_id, uint64_t seq) {
    char prefix[64];
    struct forgetting forgetting = {batch, seq};
    for (size_t i = 0; i < EPOCHS_HELD; i++) {
        struct epoch *epoch = &engine->epochs.table[i];
        if (epoch->state == EPOCH_EMPTY || epoch->seq < seq || memcmp(epoch->node_id, node_id, NODE_ID_BYTES) != 0) continue;
        /* One that is being opened keeps its place for the answer, which is nobody's then. */
        if (epoch->state == EPOCH_PENDING)
            epoch->seq = NOBODYS;
        else
            secret_wipe(epoch, sizeof *epoch);
    }
    log_prefix(prefix, node_id);
    if (store_meta_each(engine->store, prefix, verdict_forget, &forgetting) != OK)
        engine_event(engine, LOG_STORE_DAMAGED, NULL, "what is known of an author's epochs cannot be read");
}

/* --- epochs met --- */

void epochs_arrived(struct engine *engine, const struct entry *entry) {
    if (!epoch_find(&engine->epochs, entry->node_id, entry->seq)) epoch_want(engine, entry);
}

void epochs_seen(struct engine *engine, struct bytes bytes) {
    struct entry entry;
    if (entry_parse(&entry, bytes) == OK && open_question(engine, &entry)) epoch_want(engine, &entry);
}

const struct epoch *epochs_of_block(struct engine *engine, const uint8_t node_id[static NODE_ID_BYTES], uint64_t block,
                                    uint64_t epoch_seq, bool *busy) {
    struct entry entry;
    bool verified = false;
    struct epoch *epoch = epoch_find(&engine->epochs, node_id, epoch_seq);
    *busy = false;
    if (epoch) return epoch;
    buf_clear(&engine->scratch_entry);
    enum err err = store_entry(engine->store, node_id, epoch_seq, &engine->scratch_entry, &verified);
    *busy = err == ERR_NOT_FOUND && epoch_seq < block; /* what stands in front of a block was taken before it */
    if (err != OK || entry_parse(&entry, bytes_of_buf(&engine->scratch_entry)) != OK || entry.type != ENTRY_EPOCH) return NULL;
    epoch = epoch_begin(engine, &entry);
    *busy = epoch == NULL;
    return epoch;
}

/* --- epochs that had to wait --- */

#define RESUME_ENTRIES 1024 /* looked at in one go */

struct resume {
    struct engine *engine;
    uint64_t next;
    unsigned seen;
};

static bool resume_visit(void *context, uint64_t seq, bool verified, struct bytes bytes) {
    struct resume *resume = context;
    struct entry entry;
    (void)verified;
    resume->next = seq;
    if (resume->seen++ == RESUME_ENTRIES) return false;
    /* The type alone tells most entries apart. */
    bool epoch = bytes.size > ENTRY_HEADER_BYTES && bytes.data[1] == ENTRY_EPOCH && entry_parse(&entry, bytes) == OK;
    if (epoch && open_question(resume->engine, &entry) && !epoch_begin(resume->engine, &entry)) return false;
    resume->next = seq + 1;
    return true;
}

void epochs_resume(struct engine *engine) {
    struct epochs *epochs = &engine->epochs;
    for (size_t i = 0; i < epochs->postponed_count;) {
        struct postponed *postponed = &epochs->postponed[i];
        if (pending_of(epochs, postponed->agency_id) > EPOCHS_PENDING_EACH / 2) {
            i++;
            continue;
        }
        struct resume resume = {.engine = engine, .next = postponed->from};
        enum err err = store_entries(engine->store, postponed->node_id, postponed->from, resume_visit, &resume);
        if (err != OK) engine_event(engine, LOG_STORE_DAMAGED, NULL, "stored entries cannot be read: %s", err_text(err));
        postponed->from = resume.next;
        if (err != OK || postponed->from > postponed->until)
            *postponed = epochs->postponed[--epochs->postponed_count];
        else
            i++;
    }
}

void epochs_opened(struct engine *engine, uint64_t which, const uint8_t *secret, enum err why) {
    if (which >= EPOCHS_HELD) return;
    struct epoch *epoch = &engine->epochs.table[which];
    if (epoch->state != EPOCH_PENDING) return;
    if (epoch->seq == NOBODYS) {
        secret_wipe(epoch, sizeof *epoch);
        return;
    }
    epoch->state = secret ? EPOCH_OURS : EPOCH_NOT_OURS;
    if (secret) memcpy(epoch->secret, secret, EPOCH_SECRET_BYTES);
    /* PROTOCOL.md 5.1: a slot that is ours and does not open is the author's fault. */
    if (!secret && (why == ERR_COMMITMENT || why == ERR_KEY))
        engine_notice(engine, "epoch %llu of %s is sealed so that nobody can open it: %s", (unsigned long long)epoch->seq,
                      engine_agency_name(engine, epoch->agency_id), err_text(why));
    reader_released(engine, epoch);
    verdict_keep(engine, epoch);
    if (!secret) return;
    struct event event = {.kind = EVENT_EPOCH};
    uint8_t node_id[NODE_ID_BYTES];
    memcpy(node_id, epoch->node_id, NODE_ID_BYTES);
    event.epoch.node_id = node_id;
    event.epoch.seq = epoch->seq;
    event.epoch.readable = true;
    if (engine_step(engine, &event) != OK) engine_fail(engine, 5, "the core refused an epoch");
}

void epochs_key_restarted(struct engine *engine) {
    struct entry entry;
    bool verified = false;
    store_wait(engine->store);
    for (size_t i = 0; i < EPOCHS_HELD; i++) {
        struct epoch *epoch = &engine->epochs.table[i];
        if (epoch->state != EPOCH_PENDING) continue;
        if (epoch->seq == NOBODYS) secret_wipe(epoch, sizeof *epoch); /* its answer will not come */
        if (epoch->state == EPOCH_EMPTY) continue;
        buf_clear(&engine->scratch_entry);
        if (store_entry(engine->store, epoch->node_id, epoch->seq, &engine->scratch_entry, &verified) == OK &&
            entry_parse(&entry, bytes_of_buf(&engine->scratch_entry)) == OK)
            epoch_ask(engine, epoch, entry.body);
    }
}
