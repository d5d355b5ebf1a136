#include "crypto/secret.h"
#include "node/process/clock.h"
#include "node/engine/engine_core.h"
#include "node/sharing/prove.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From payloads to pages: the epoch's secret comes from the key process, once an epoch; payloads that arrive before it wait. */

enum err reader_init(struct engine *engine) {
    struct reader *reader = &engine->reader;
    reader->epochs = secret_new(READER_EPOCHS * sizeof *reader->epochs);
    if (!reader->epochs) return ERR_MEMORY;
    memset(reader->epochs, 0, READER_EPOCHS * sizeof *reader->epochs);
    reader->block = block_new(engine->codec);
    return reader->block ? OK : ERR_MEMORY;
}

void reader_free(struct engine *engine) {
    struct reader *reader = &engine->reader;
    for (size_t i = 0; i < reader->held_count; i++) buf_free(&reader->held[i].payload);
    free(reader->held);
    free(reader->postponed);
    block_free(reader->block);
    secret_free(reader->epochs);
}

static struct reader_epoch *epoch_find(struct reader *reader, const uint8_t *node_id, uint64_t seq) {
    for (size_t i = 0; i < READER_EPOCHS; i++) {
        struct reader_epoch *epoch = &reader->epochs[i];
        if (epoch->state == EPOCH_EMPTY || epoch->seq != seq || memcmp(epoch->node_id, node_id, NODE_ID_BYTES) != 0) continue;
        epoch->used = ++reader->clock;
        return epoch;
    }
    return NULL;
}

/* A free place, or that of the epoch used longest ago; one that waits for its answer is never given away. */
static struct reader_epoch *epoch_place(struct reader *reader) {
    struct reader_epoch *oldest = NULL;
    for (size_t i = 0; i < READER_EPOCHS; i++) {
        struct reader_epoch *epoch = &reader->epochs[i];
        if (epoch->state == EPOCH_EMPTY) return epoch;
        if (epoch->state != EPOCH_PENDING && (!oldest || epoch->used < oldest->used)) oldest = epoch;
    }
    if (oldest) secret_wipe(oldest, sizeof *oldest);
    return oldest;
}

static void epoch_ask(struct engine *engine, const struct reader_epoch *epoch, struct bytes body) {
    struct buf frame = {0};
    buf_put_raw(&frame, epoch->agency_id, AGENCY_ID_BYTES);
    buf_put_raw(&frame, epoch->node_id, NODE_ID_BYTES);
    buf_put(&frame, body);
    if (!frame.failed)
        engine_to_key(engine, FRAME_KEY_OPEN, key_tag(KEY_TAG_EPOCH, (uint64_t)(epoch - engine->reader.epochs)),
                      bytes_of_buf(&frame));
    buf_free(&frame);
}

/* Epochs of this agency that wait for the key process. */
static size_t pending_of(const struct reader *reader, const uint8_t *agency_id) {
    size_t count = 0;
    for (size_t i = 0; i < READER_EPOCHS; i++) {
        const struct reader_epoch *epoch = &reader->epochs[i];
        count += epoch->state == EPOCH_PENDING && memcmp(epoch->agency_id, agency_id, AGENCY_ID_BYTES) == 0;
    }
    return count;
}

/* Null: there is no room for it now. */
static struct reader_epoch *epoch_begin(struct engine *engine, const struct entry *entry) {
    if (pending_of(&engine->reader, entry->agency_id) >= READER_PENDING_EACH) return NULL;
    struct reader_epoch *epoch = epoch_place(&engine->reader);
    if (!epoch) return NULL;
    epoch->state = EPOCH_PENDING;
    memcpy(epoch->agency_id, entry->agency_id, AGENCY_ID_BYTES);
    memcpy(epoch->node_id, entry->node_id, NODE_ID_BYTES);
    epoch->seq = entry->seq;
    epoch->used = ++engine->reader.clock;
    epoch_ask(engine, epoch, entry->body);
    return epoch;
}

/* An epoch for which there was no room: the store has its entry, or will in a moment. */
static void postpone(struct engine *engine, const struct entry *entry) {
    struct reader *reader = &engine->reader;
    for (size_t i = 0; i < reader->postponed_count; i++) {
        struct postponed *postponed = &reader->postponed[i];
        if (memcmp(postponed->node_id, entry->node_id, NODE_ID_BYTES) != 0) continue;
        if (postponed->from > entry->seq) postponed->from = entry->seq;
        if (postponed->until < entry->seq) postponed->until = entry->seq;
        return;
    }
    if (reader->postponed_count == reader->postponed_capacity) {
        size_t capacity = reader->postponed_capacity ? 2 * reader->postponed_capacity : 16;
        struct postponed *grown = realloc(reader->postponed, capacity * sizeof *grown);
        if (!grown) {
            engine_fail(engine, 5, "out of memory while an epoch waits");
            return;
        }
        reader->postponed = grown, reader->postponed_capacity = capacity;
    }
    struct postponed *postponed = &reader->postponed[reader->postponed_count++];
    *postponed = (struct postponed){.from = entry->seq, .until = entry->seq};
    memcpy(postponed->agency_id, entry->agency_id, AGENCY_ID_BYTES);
    memcpy(postponed->node_id, entry->node_id, NODE_ID_BYTES);
}

static void epoch_want(struct engine *engine, const struct entry *entry) {
    if (!epoch_begin(engine, entry)) postpone(engine, entry);
}

static void node_key_name(char *out, size_t size, const char *prefix, const uint8_t *node_id) {
    char hex[2 * NODE_ID_BYTES + 1];
    hex_encode(hex, bytes_of(node_id, NODE_ID_BYTES));
    snprintf(out, size, "%s/%s", prefix, hex);
}

void reader_entries(struct engine *engine, struct store_batch *batch, struct bytes entries, uint64_t ticket) {
    while (entries.size > 0) {
        struct entry entry;
        char name[64];
        if (entry_parse(&entry, entries) != OK) return; /* the core parsed it */
        if (entry.type == ENTRY_EPOCH && !epoch_find(&engine->reader, entry.node_id, entry.seq)) epoch_want(engine, &entry);
        if (entry.type == ENTRY_PREKEY) {
            node_key_name(name, sizeof name, "prekey", entry.node_id);
            store_batch_meta(batch, name, entry.body);
        }
        if (entry.type == ENTRY_RECALL) recall_entry(engine, batch, &entry, ticket);
        entries = bytes_of(entries.data + entry.size, entries.size - entry.size);
    }
}

/* The epoch of a block, whose secret must be asked for (again). `busy`: its entry is on the way to the disk, or there is no room to ask. */
static struct reader_epoch *epoch_load(struct engine *engine, const struct action *action, bool *busy) {
    const uint8_t *node_id = action->store_payload.node_id;
    uint64_t seq = action->store_payload.body.epoch_seq;
    struct entry entry;
    bool verified = false;
    buf_clear(&engine->scratch_entry);
    enum err err = store_entry(engine->store, node_id, seq, &engine->scratch_entry, &verified);
    *busy = err == ERR_NOT_FOUND && seq < action->store_payload.seq; /* what stands in front of a block was taken before it */
    if (err != OK || entry_parse(&entry, bytes_of_buf(&engine->scratch_entry)) != OK || entry.type != ENTRY_EPOCH) return NULL;
    struct reader_epoch *epoch = epoch_begin(engine, &entry);
    *busy = epoch == NULL;
    return epoch;
}

/* --- pages --- */

/* Returns when the first of the items is over; 0: none ever is. */
static uint64_t frame_terms(struct engine *engine, struct store_batch *batch, const struct page_head *page, struct bytes plain) {
    static struct item item; /* 24 KiB; one thread */
    struct bytes encoded;
    struct cursor walk = cursor_of(plain);
    struct statement_seen seen = {
        .agency_id = page->agency_id, .node_id = page->node_id, .seq = page->seq, .arrived_ms = page->arrived_ms, .item = &item};
    uint64_t first_ms = 0;
    labelmap_note(&engine->labels, page->cursor, TLP_NONE); /* makes room */
    for (uint32_t i = 0; block_frame_next(&walk, &encoded); i++) {
        if (item_decode(&item, encoded) != OK) {
            engine->reader.blocks_bad++; /* kept, never shown: its author's mistake */
            continue;
        }
        store_batch_terms(batch, page->cursor + i, &item);
        labelmap_note(&engine->labels, page->cursor + i, item.tlp);
        versions_note(engine, &item);
        seen.index = page->item_first + i;
        if (statement_is(item.type)) statement_take(engine, batch, &seen);
        groups_arrived(engine, batch, page->cursor + i, &item);
        uint64_t end_ms = retention_end_ms(engine, page, &item);
        if (end_ms != 0 && (first_ms == 0 || end_ms < first_ms)) first_ms = end_ms;
    }
    return first_ms;
}

/* Every item before `end` that was stored since the start was noted. */
static void labels_go_on(struct engine *engine, uint64_t end) {
    uint64_t whole = end / LABELMAP_SPAN * LABELMAP_SPAN;
    labelmap_known(&engine->labels, engine->labels_from, end);
    if (whole > engine->labels_from) engine->labels_from = whole;
}

static bool first_item(const struct block *block, struct bytes *first) {
    struct cursor walk = cursor_of(block_frame_count(block) > 0 ? block_frame_plain(block, 0) : bytes_of(NULL, 0));
    return block_frame_next(&walk, first);
}

/* A replacement whose items stand here already: its statements are heard, and it gets no pages. */
static bool aliased(struct engine *engine, struct store_batch *batch, const struct page_head *head, const struct block *block,
                    uint64_t *holder) {
    struct bytes first;
    return first_item(block, &first) && recall_alias(engine, batch, head, first, holder);
}

/* Counted in the same batch, so that status never disagrees with the pages. */
void reader_count(struct engine *engine, struct store_batch *batch, int change) {
    uint8_t count[8];
    if (change > 0 || engine->reader.blocks_read > 0) engine->reader.blocks_read += (uint64_t)(int64_t)change;
    put_be64(count, engine->reader.blocks_read);
    store_batch_meta(batch, READER_COUNT_KEY, bytes_of(count, sizeof count));
}

#define ADDED_AHEAD_US 5000 /* at most, of the clock */

/* When the first of `count` items is added. The last is added at a full millisecond: a client whose dates have no microseconds
   (JavaScript's) says after what it has seen exactly that, and is not told all of a page again at every poll. Not where that would let
   the dates run ahead of the clock, as many small pages in one millisecond would. */
static uint64_t added_at(struct engine *engine, uint64_t arrived_ms, uint32_t count) {
    uint64_t now_us = arrived_ms * 1000, first_us = now_us > engine->added_next_us ? now_us : engine->added_next_us;
    uint64_t to_full_us = (1000 - (first_us + count - 1) % 1000) % 1000;
    if (first_us + to_full_us <= now_us + ADDED_AHEAD_US) first_us += to_full_us;
    engine->added_next_us = first_us + count;
    return first_us;
}

enum err reader_pages(struct engine *engine, struct store_batch *batch, const struct page_head *head, const struct block *block) {
    struct page_head page = *head;
    uint64_t first = 0, holder = 0;
    bool pages = !aliased(engine, batch, head, block, &holder);
    page.item_first = 0;
    for (size_t i = 0; pages && i < block_frame_count(block); i++) {
        struct block_frame frame = block_frame_at(block, i);
        page.cursor = store_cursor_next(engine->store);
        if (page.cursor == 0) page.cursor = 1; /* 0 means "from the beginning" to those who ask for a feed */
        if (first == 0) first = page.cursor;
        page.item_count = frame.item_count;
        page.added_us = added_at(engine, head->arrived_ms, frame.item_count);
        page.plain_bytes = frame.plain_bytes;
        enum err err = store_batch_page(batch, &page, frame.packed);
        if (err != OK) return err;
        uint64_t over_ms = frame_terms(engine, batch, &page, block_frame_plain(block, i));
        labels_go_on(engine, page.cursor + page.item_count);
        if (over_ms != 0) store_batch_due_page(batch, over_ms > page.arrived_ms ? over_ms : page.arrived_ms, page.cursor);
        page.item_first += frame.item_count;
    }
    if (pages) store_batch_block(batch, head->node_id, head->seq, first, page.item_first);
    if (!pages) retention_alias(engine, batch, head, holder, block);
    pages ? prove_keep(batch, head, block) : prove_replace(batch, head, holder, block);
    reader_count(engine, batch, 1);
    return OK;
}

void reader_count_load(struct engine *engine) {
    uint64_t cursor, added_us;
    if (store_newest(engine->store, &cursor, &added_us) == OK && added_us > 0) engine->added_next_us = added_us + 1;
    engine->labels_from = store_cursor_next(engine->store);
    buf_clear(&engine->scratch);
    if (store_meta(engine->store, READER_COUNT_KEY, &engine->scratch) == OK && engine->scratch.size == 8)
        engine->reader.blocks_read = get_be64(engine->scratch.data);
}

/* --- payloads --- */

/* It is taken for not there, and asked for again. */
static void refuse(struct engine *engine, uint64_t ticket) {
    engine_follow_up(engine, &(struct follow_up){.kind = ACTION_STORE_PAYLOAD, .ticket = ticket});
}

/* The batch of one payload: as received, and its items when they are ours to read. */
static void payload_store(struct engine *engine, uint64_t ticket, const uint8_t *node_id, uint64_t seq,
                          const struct block_body *body, struct bytes payload, const struct reader_epoch *epoch) {
    if (gossip_recalled(engine->gossip, node_id, seq)) { /* meanwhile */
        refuse(engine, ticket);
        return;
    }
    struct store_batch *batch = store_batch_new(engine->store);
    if (!batch) {
        engine_fail(engine, 5, "out of memory while storing a payload");
        return;
    }
    if (epoch && epoch->state == EPOCH_OURS) {
        struct page_head head = {.seq = seq, .arrived_ms = clock_wall_ms(), .expires_ms = body->expires_ms};
        memcpy(head.node_id, node_id, NODE_ID_BYTES);
        memcpy(head.agency_id, epoch->agency_id, AGENCY_ID_BYTES);
        struct bytes first;
        enum err err = block_open(engine->reader.block, payload, &body->seal, epoch->secret, body->index);
        if (err == OK && first_item(engine->reader.block, &first) && recall_early(engine, node_id, seq, first)) {
            block_reset(engine->reader.block);
            store_batch_free(batch);
            refuse(engine, ticket);
            return;
        }
        if (err == OK) err = reader_pages(engine, batch, &head, engine->reader.block);
        if (err == OK) ledger_in(engine, batch, &head, body, block_item_count(engine->reader.block));
        if (err != OK) {
            /* Signed so by its author: carried for the others, shown to nobody here. */
            engine->reader.blocks_bad++;
            const char *who = engine_agency_name(engine, epoch->agency_id);
            engine_event(engine, LOG_BLOCK_UNREADABLE, LOG_FIELDS(LOG_TEXT("agency", who), LOG_NUMBER("block", seq)),
                         "block %llu of %s is addressed to us and cannot be read: %s", (unsigned long long)seq, who, err_text(err));
        }
        block_reset(engine->reader.block);
    }
    store_batch_payload(batch, node_id, seq, payload);
    uint64_t most = clock_wall_ms() + PUBLISHER_EXPIRE_MS;
    store_batch_due_payload(batch, body->expires_ms < most ? body->expires_ms : most, node_id, seq);
    store_commit(engine->store, batch, ticket);
}

static size_t held_bytes_of(const struct reader *reader, const uint8_t *agency_id) {
    size_t bytes = 0;
    for (size_t i = 0; i < reader->held_count; i++)
        if (memcmp(reader->held[i].agency_id, agency_id, AGENCY_ID_BYTES) == 0) bytes += reader->held[i].payload.size;
    return bytes;
}

/* False: too much waits already. */
static bool hold(struct engine *engine, const struct action *action, const struct reader_epoch *epoch) {
    struct reader *reader = &engine->reader;
    struct bytes payload = action->store_payload.payload;
    if (held_bytes_of(reader, epoch->agency_id) + payload.size > READER_HELD_BYTES_EACH) return false;
    if (reader->held_count == reader->held_capacity) {
        size_t capacity = reader->held_capacity ? 2 * reader->held_capacity : 16;
        struct held *grown = capacity <= READER_HELD_MAX ? realloc(reader->held, capacity * sizeof *grown) : NULL;
        if (!grown) return false;
        reader->held = grown, reader->held_capacity = capacity;
    }
    struct held *held = &reader->held[reader->held_count++];
    *held =
        (struct held){.ticket = action->store_payload.ticket, .seq = action->store_payload.seq, .body = action->store_payload.body};
    memcpy(held->agency_id, epoch->agency_id, AGENCY_ID_BYTES);
    memcpy(held->node_id, action->store_payload.node_id, NODE_ID_BYTES);
    buf_put(&held->payload, payload);
    if (held->payload.failed) engine_fail(engine, 5, "out of memory while a payload waits for its epoch");
    return true;
}

void reader_refused(struct engine *engine, uint64_t ticket) {
    struct event event = {.kind = EVENT_STORED, .stored = {.ticket = ticket, .refused = true}};
    if (engine_step(engine, &event) != OK) engine_fail(engine, 5, "out of memory");
}

void reader_payload(struct engine *engine, const struct action *action) {
    bool busy = false;
    struct reader_epoch *epoch = epoch_find(&engine->reader, action->store_payload.node_id, action->store_payload.body.epoch_seq);
    if (!epoch) epoch = epoch_load(engine, action, &busy);
    bool pending = epoch && epoch->state == EPOCH_PENDING;
    if (busy || (pending && !hold(engine, action, epoch))) {
        refuse(engine, action->store_payload.ticket); /* stored without being read it would never be read */
        return;
    }
    if (pending) return;
    payload_store(engine, action->store_payload.ticket, action->store_payload.node_id, action->store_payload.seq,
                  &action->store_payload.body, action->store_payload.payload, epoch);
}

static void held_release(struct engine *engine, const struct reader_epoch *epoch) {
    struct reader *reader = &engine->reader;
    size_t kept = 0;
    for (size_t i = 0; i < reader->held_count; i++) {
        struct held *held = &reader->held[i];
        if (held->body.epoch_seq != epoch->seq || memcmp(held->node_id, epoch->node_id, NODE_ID_BYTES) != 0) {
            reader->held[kept++] = *held;
            continue;
        }
        payload_store(engine, held->ticket, held->node_id, held->seq, &held->body, bytes_of_buf(&held->payload), epoch);
        buf_free(&held->payload);
    }
    reader->held_count = kept;
}

static void verdict_name(char out[static 96], const uint8_t *node_id, uint64_t seq) {
    char prefix[64];
    node_key_name(prefix, sizeof prefix, READER_OURS_PREFIX, node_id);
    snprintf(out, 96, "%s/%016llx", prefix, (unsigned long long)seq);
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

/* Another branch of this log is coming: what its epochs were does not count. */
void reader_truncate(struct engine *engine, struct store_batch *batch, const uint8_t *node_id, uint64_t seq) {
    char prefix[64];
    struct forgetting forgetting = {batch, seq};
    for (size_t i = 0; i < READER_EPOCHS; i++) {
        struct reader_epoch *epoch = &engine->reader.epochs[i];
        /* One that is being opened answers into its place: it stays, and is asked anew by nobody. */
        if (epoch->state == EPOCH_EMPTY || epoch->state == EPOCH_PENDING || epoch->seq < seq) continue;
        if (memcmp(epoch->node_id, node_id, NODE_ID_BYTES) == 0) secret_wipe(epoch, sizeof *epoch);
    }
    node_key_name(prefix, sizeof prefix, READER_OURS_PREFIX, node_id);
    if (store_meta_each(engine->store, prefix, verdict_forget, &forgetting) != OK)
        engine_event(engine, LOG_STORE_DAMAGED, NULL, "what is known of an author's epochs cannot be read");
}

/* Remembered, so that after a restart it is known which `direct` payloads are wanted. */
static void verdict_keep(struct engine *engine, const struct reader_epoch *epoch) {
    char name[96];
    struct store_batch *batch = store_batch_new(engine->store);
    if (!batch) return;
    verdict_name(name, epoch->node_id, epoch->seq);
    store_batch_meta(batch, name, bytes_of_text(epoch->state == EPOCH_OURS ? "1" : "0"));
    store_commit(engine->store, batch, 0);
}

/* Is it unknown whether this epoch is ours? */
static bool epoch_open_question(struct engine *engine, const struct entry *entry) {
    char name[96];
    struct buf verdict = {0};
    if (epoch_find(&engine->reader, entry->node_id, entry->seq)) return false;
    verdict_name(name, entry->node_id, entry->seq);
    bool unknown = store_meta(engine->store, name, &verdict) == ERR_NOT_FOUND;
    buf_free(&verdict);
    return unknown;
}

void reader_epoch_seen(struct engine *engine, struct bytes bytes) {
    struct entry entry;
    if (entry_parse(&entry, bytes) == OK && epoch_open_question(engine, &entry)) epoch_want(engine, &entry);
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
    if (epoch && epoch_open_question(resume->engine, &entry) && !epoch_begin(resume->engine, &entry)) return false;
    resume->next = seq + 1;
    return true;
}

void reader_resume(struct engine *engine) {
    struct reader *reader = &engine->reader;
    for (size_t i = 0; i < reader->postponed_count;) {
        struct postponed *postponed = &reader->postponed[i];
        if (pending_of(reader, postponed->agency_id) > READER_PENDING_EACH / 2) {
            i++;
            continue;
        }
        struct resume resume = {.engine = engine, .next = postponed->from};
        enum err err = store_entries(engine->store, postponed->node_id, postponed->from, resume_visit, &resume);
        if (err != OK) engine_event(engine, LOG_STORE_DAMAGED, NULL, "stored entries cannot be read: %s", err_text(err));
        postponed->from = resume.next;
        if (err != OK || postponed->from > postponed->until)
            *postponed = reader->postponed[--reader->postponed_count];
        else
            i++;
    }
}

void reader_opened(struct engine *engine, uint64_t which, const uint8_t *secret, enum err why) {
    if (which >= READER_EPOCHS) return;
    struct reader_epoch *epoch = &engine->reader.epochs[which];
    if (epoch->state != EPOCH_PENDING) return;
    epoch->state = secret ? EPOCH_OURS : EPOCH_NOT_OURS;
    if (secret) memcpy(epoch->secret, secret, EPOCH_SECRET_BYTES);
    /* PROTOCOL.md 5.1: a slot that is ours and does not open is the author's fault. */
    if (!secret && (why == ERR_COMMITMENT || why == ERR_KEY))
        engine_notice(engine, "epoch %llu of %s is sealed so that nobody can open it: %s", (unsigned long long)epoch->seq,
                      engine_agency_name(engine, epoch->agency_id), err_text(why));
    held_release(engine, epoch);
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

void reader_key_restarted(struct engine *engine) {
    struct entry entry;
    bool verified = false;
    store_wait(engine->store);
    for (size_t i = 0; i < READER_EPOCHS; i++) {
        struct reader_epoch *epoch = &engine->reader.epochs[i];
        if (epoch->state != EPOCH_PENDING) continue;
        buf_clear(&engine->scratch_entry);
        if (store_entry(engine->store, epoch->node_id, epoch->seq, &engine->scratch_entry, &verified) == OK &&
            entry_parse(&entry, bytes_of_buf(&engine->scratch_entry)) == OK)
            epoch_ask(engine, epoch, entry.body);
    }
}
