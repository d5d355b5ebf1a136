#include "gossip/pack.h"
#include "node/process/clock.h"
#include "node/engine/engine_core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The durable outbox: what is published while it is not known where the own log ends. Each record is what one frame of a client brought
   and the policy let through, under "secret/outbox/NUMBER" in the store, synced before the client hears of it; records become blocks in
   their order once the log may be written. A record goes when its blocks are durable. After a crash in between its objects come again,
   and the index knows them. */

#define PREFIX       "secret/outbox/"
#define VERSION      2 /* 1 had no word on whom it is withheld from */
#define RECORD_HEAD  4 /* version, TLP, named, group: 1 when its id follows the agencies', and the word with its length 4 */
#define BYTES_MAX    (256u << 20) /* of all records */
#define TICKET       (1ull << 63) /* no ticket of the core has this bit */
#define CHECKED_SIZE (64u * 1024) /* a smaller object fits into a block whatever it holds */

static void record_name(char out[static 40], uint64_t number) { snprintf(out, 40, PREFIX "%016llx", (unsigned long long)number); }

/* What a record holds, besides its items. */
struct record {
    struct publication publication;
    struct bytes agencies; /* ids, one after the other */
    struct bytes withheld; /* node/sharing/withheld.h */
    struct bytes items;    /* each: flags 1, length 4, encoded item */
};

static bool record_read(struct record *out, struct bytes bytes) {
    struct cursor cursor = cursor_of(bytes);
    uint8_t version = cursor_u8(&cursor), tlp = cursor_u8(&cursor), named = cursor_u8(&cursor), group = cursor_u8(&cursor);
    *out = (struct record){0};
    out->publication.tlp = (enum tlp)tlp;
    out->publication.named = named == 1;
    out->agencies = cursor_take(&cursor, (size_t)cursor_u16(&cursor) * AGENCY_ID_BYTES);
    out->publication.group_set = group == 1;
    if (group == 1) cursor_copy(&cursor, out->publication.group_id, HASH_BYTES);
    if (group == 1 && version > 1) out->withheld = cursor_take(&cursor, cursor_u32(&cursor));
    out->items = bytes_of(cursor.at, cursor.left);
    return !cursor.failed && version >= 1 && version <= VERSION && tlp <= TLP_RED && group <= 1;
}

static uint64_t items_count(struct bytes items) {
    struct cursor cursor = cursor_of(items);
    uint64_t count = 0;
    while (cursor.left > 0 && !cursor.failed) {
        cursor_u8(&cursor);
        cursor_take(&cursor, cursor_u32(&cursor));
        count += !cursor.failed;
    }
    return count;
}

static bool record_count(void *context, const char *key, struct bytes value) {
    struct outbox *outbox = context;
    struct record record;
    uint64_t number = strtoull(key + strlen(PREFIX), NULL, 16);
    if (outbox->first == outbox->next) outbox->first = number;
    outbox->next = number + 1;
    outbox->bytes += value.size;
    if (record_read(&record, value)) outbox->items += items_count(record.items);
    return true;
}

enum err outbox_load(struct engine *engine) {
    engine->outbox.first = engine->outbox.next = 1;
    return store_meta_each(engine->store, PREFIX, record_count, &engine->outbox);
}

void outbox_free(struct engine *engine) {
    publisher_drop(engine, &engine->outbox.publication);
    buf_free(&engine->outbox.record);
}

/* --- in --- */

bool outbox_takes(const struct engine *engine) {
    if (publisher_barred(engine)) return false;
    /* Behind what waits already, so that the order of a client's publications stays. */
    return gossip_own_ready(engine->gossip) != GOSSIP_OWN_READY || engine->outbox.first < engine->outbox.next;
}

enum err outbox_item(struct engine *engine, struct publication *publication, struct bytes encoded, unsigned flags,
                     struct item_verdict *verdict) {
    publisher_judge(engine, publication, encoded, flags, verdict);
    if (verdict->err != OK) return OK;
    if (encoded.size > CHECKED_SIZE) {
        struct block *block = block_new(engine->codec);
        if (!block) return ERR_MEMORY;
        enum err err = block_add(block, encoded);
        block_free(block);
        if (err == ERR_TOO_BIG) {
            *verdict = (struct item_verdict){ERR_TOO_BIG, "size", "the object does not fit into a block of 256 KiB when packed"};
            return OK;
        }
        if (err != OK) return err;
    }
    buf_put_u8(&publication->box, (uint8_t)flags);
    buf_put_u32(&publication->box, (uint32_t)encoded.size);
    buf_put(&publication->box, encoded);
    publication->box_items++;
    return buf_result(&publication->box);
}

enum err outbox_put(struct engine *engine, struct publication *publication) {
    struct outbox *outbox = &engine->outbox;
    struct buf value = {0};
    char name[40];
    size_t agencies = publication->agencies.size / AGENCY_ID_BYTES;
    if (publication->box_items == 0) return OK;
    if (outbox->bytes + publication->box.size > BYTES_MAX) return ERR_FULL;
    buf_put_u8(&value, VERSION);
    buf_put_u8(&value, (uint8_t)publication->tlp);
    buf_put_u8(&value, publication->named);
    buf_put_u8(&value, publication->group_set);
    buf_put_u16(&value, (uint16_t)agencies);
    buf_put(&value, bytes_of_buf(&publication->agencies));
    if (publication->group_set) {
        buf_put_raw(&value, publication->group_id, HASH_BYTES);
        buf_put_u32(&value, (uint32_t)publication->withheld.size);
        buf_put(&value, bytes_of_buf(&publication->withheld));
    }
    buf_put(&value, bytes_of_buf(&publication->box));
    struct store_batch *batch = value.failed ? NULL : store_batch_new(engine->store);
    if (batch) {
        record_name(name, outbox->next++);
        store_batch_meta(batch, name, bytes_of_buf(&value));
        publication->box_ticket = ++outbox->tickets;
        store_commit(engine->store, batch, TICKET | publication->box_ticket);
        outbox->items += publication->box_items;
        outbox->bytes += value.size;
    }
    buf_clear(&publication->box);
    publication->box_items = 0;
    buf_free(&value);
    return batch ? OK : ERR_MEMORY;
}

bool outbox_durable(const struct engine *engine, const struct publication *publication) {
    return engine->outbox.tickets_durable >= publication->box_ticket;
}

void outbox_stored(struct engine *engine, uint64_t ticket) {
    if (ticket & TICKET) engine->outbox.tickets_durable = ticket & ~TICKET;
}

/* --- out --- */

/* An own prekey that is due is renewed first (upkeep_tick): blocks are sealed to this node, too. */
static bool prekey_fresh(const struct engine *engine) {
    const struct prekey *newest = gossip_prekey(engine->gossip, engine->node_id);
    return newest && !prekey_rotate_due(newest, clock_wall_ms());
}

/* Was it removed from the group that the record went to, while that waited? */
static bool removed(const struct engine *engine, const struct publication *publication, const uint8_t *agency_id) {
    const struct group_known *known = publication->group_set ? groups_find(engine, publication->group_id) : NULL;
    return known && group_standing(engine, known, agency_id) == ROSTER_REMOVED;
}

/* Who of the recipients is still pinned and a member, and can be sealed to; who is not is left out, and the operator is told. */
static void audience_again(struct engine *engine, struct publication *publication, struct bytes agencies) {
    size_t left_out = 0;
    for (size_t at = 0; at < agencies.size; at += AGENCY_ID_BYTES) {
        size_t index = 0;
        while (index < gossip_agency_count(engine->gossip) &&
               memcmp(gossip_agency(engine->gossip, index)->id, agencies.data + at, AGENCY_ID_BYTES) != 0)
            index++;
        bool reads = index < gossip_agency_count(engine->gossip) && !removed(engine, publication, agencies.data + at);
        if (!reads || audience_add(&publication->audience, engine->gossip, index, clock_wall_ms()) != OK) {
            left_out++;
            continue;
        }
        buf_put_raw(&publication->agencies, agencies.data + at, AGENCY_ID_BYTES);
        if (index != 0) publication->recipients++;
    }
    audience_seal(&publication->audience);
    if (left_out > 0)
        engine_event(
            engine, LOG_OUTBOX_DROPPED, LOG_FIELDS(LOG_NUMBER("recipients", left_out)),
            "%zu recipient%s of what waited in the outbox %s no longer pinned or a member, or without a usable key: left out",
            left_out, left_out == 1 ? "" : "s", left_out == 1 ? "is" : "are");
}

static void record_forget(struct engine *engine) {
    struct outbox *outbox = &engine->outbox;
    struct store_batch *batch = store_batch_new(engine->store);
    char name[40];
    if (!batch) return; /* the next round tries again */
    record_name(name, outbox->first);
    store_batch_meta_delete(batch, name);
    store_commit(engine->store, batch, 0);
    if (outbox->refused > 0)
        engine_event(engine, LOG_OUTBOX_DROPPED, LOG_FIELDS(LOG_NUMBER("objects", outbox->refused)),
                     "%llu object%s that waited in the outbox may not be published any more: %s",
                     (unsigned long long)outbox->refused, outbox->refused == 1 ? "" : "s", outbox->refused_why);
    publisher_drop(engine, &outbox->publication);
    outbox->first++;
    outbox->items -= outbox->record_items < outbox->items ? outbox->record_items : outbox->items;
    outbox->bytes -= outbox->record.size < outbox->bytes ? outbox->record.size : outbox->bytes;
    outbox->open = false;
    outbox->refused = 0;
    buf_free(&outbox->record);
}

/* False: there is none, or it cannot be read (and is passed over). */
static bool record_open(struct engine *engine) {
    struct outbox *outbox = &engine->outbox;
    struct record record;
    char name[40];
    if (outbox->open) return true;
    if (outbox->first == outbox->next) return false;
    record_name(name, outbox->first);
    buf_clear(&outbox->record);
    enum err err = store_meta_settled(engine->store, name, &outbox->record);
    if (err == ERR_BUSY) return false; /* on its way to the disk */
    if (err != OK || !record_read(&record, bytes_of_buf(&outbox->record))) {
        if (err != ERR_NOT_FOUND)
            engine_event(engine, LOG_STORE_DAMAGED, NULL, "a record of the outbox cannot be read: %s",
                         err_text(err == OK ? ERR_FORMAT : err));
        outbox->first++; /* it stays on the disk */
        return false;
    }
    outbox->publication = record.publication;
    buf_put(&outbox->publication.withheld, record.withheld);
    if (outbox->publication.withheld.failed) engine_fail(engine, 5, "out of memory for the outbox");
    outbox->items_left = cursor_of(record.items);
    outbox->record_items = items_count(record.items);
    outbox->open = true;
    audience_again(engine, &outbox->publication, record.agencies);
    return true;
}

/* True when all of the record's items stand in drafts. */
static bool record_feed(struct engine *engine) {
    struct outbox *outbox = &engine->outbox;
    while (outbox->items_left.left > 0) {
        struct cursor before = outbox->items_left;
        struct item_verdict verdict;
        uint8_t flags = cursor_u8(&outbox->items_left);
        struct bytes encoded = cursor_take(&outbox->items_left, cursor_u32(&outbox->items_left));
        if (outbox->items_left.failed) break;
        enum err err = publisher_item(engine, &outbox->publication, encoded, flags, &verdict);
        if (err != OK) {
            outbox->items_left = before;
            return false;
        }
        if (verdict.err != OK && verdict.err != ERR_EXISTS) outbox->refused++, outbox->refused_why = verdict.reason;
    }
    return publisher_flush(engine, &outbox->publication) == OK;
}

void outbox_drain(struct engine *engine) {
    struct outbox *outbox = &engine->outbox;
    const char *why;
    while (outbox->first < outbox->next && publisher_open(engine, &why)) {
        if (!prekey_fresh(engine) || !record_open(engine)) return;
        if (!record_feed(engine)) return;
        if (outbox->publication.last_seq > engine->publisher.durable) return;
        record_forget(engine);
    }
}

/* The record's items that do not tell of any of these, behind its head; returns how many did. */
static uint64_t items_keep(struct buf *out, struct bytes items, const struct observable *asked, size_t asked_count,
                           struct buf *ids) {
    static struct item item;
    struct cursor cursor = cursor_of(items);
    uint64_t dropped = 0;
    while (cursor.left > 0 && !cursor.failed) {
        uint8_t flags = cursor_u8(&cursor);
        struct bytes encoded = cursor_take(&cursor, cursor_u32(&cursor));
        bool tells = false, whole = !cursor.failed && item_decode(&item, encoded) == OK;
        for (size_t i = 0; i < asked_count && whole; i++) tells = tells || ledger_asked_tells(&item, asked[i]);
        dropped += tells;
        if (tells) ledger_id_add(ids, item.id);
        if (tells || cursor.failed) continue;
        buf_put_u8(out, flags);
        buf_put_u32(out, (uint32_t)encoded.size);
        buf_put(out, encoded);
    }
    return dropped;
}

enum err outbox_erase(struct engine *engine, struct store_batch *batch, const struct observable *asked, size_t asked_count,
                      struct buf *ids, uint64_t *dropped) {
    struct outbox *outbox = &engine->outbox;
    struct buf value = {0}, kept = {0};
    enum err err = OK;
    *dropped = 0;
    outbox_again(engine);
    for (uint64_t number = outbox->first; number < outbox->next && err == OK; number++) {
        struct record record;
        char name[40];
        record_name(name, number);
        buf_clear(&value), buf_clear(&kept);
        err = store_meta(engine->store, name, &value);
        if (err != OK || !record_read(&record, bytes_of_buf(&value))) {
            if (err == ERR_NOT_FOUND) err = OK;
            continue;
        }
        size_t head = value.size - record.items.size;
        buf_put_raw(&kept, value.data, head);
        uint64_t count = items_keep(&kept, record.items, asked, asked_count, ids);
        err = buf_result(&kept);
        if (count == 0 || err != OK) continue;
        if (kept.size > head)
            store_batch_meta(batch, name, bytes_of_buf(&kept));
        else
            store_batch_meta_delete(batch, name);
        uint64_t bytes = value.size - (kept.size > head ? kept.size : 0);
        outbox->items -= count < outbox->items ? count : outbox->items;
        outbox->bytes -= bytes < outbox->bytes ? bytes : outbox->bytes;
        *dropped += count;
    }
    if (*dropped > 0) store_batch_erase_between(batch, PREFIX, PREFIX "~");
    buf_free(&value), buf_free(&kept);
    return err;
}

uint64_t outbox_drop(struct engine *engine) {
    struct outbox *outbox = &engine->outbox;
    struct store_batch *batch = store_batch_new(engine->store);
    uint64_t items = outbox->items;
    char name[40];
    if (!batch) {
        engine_fail(engine, 5, "out of memory for the outbox");
        return 0;
    }
    outbox_again(engine);
    for (; outbox->first < outbox->next; outbox->first++) {
        record_name(name, outbox->first);
        store_batch_erase_meta(batch, name);
    }
    outbox->items = outbox->bytes = 0;
    store_commit(engine->store, batch, 0);
    return items;
}

void outbox_again(struct engine *engine) {
    struct outbox *outbox = &engine->outbox;
    if (!outbox->open) return;
    publisher_drop(engine, &outbox->publication);
    outbox->open = false;
    outbox->refused = 0;
}
