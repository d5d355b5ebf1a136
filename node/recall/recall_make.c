#include "node/process/clock.h"
#include "node/engine/engine_core.h"
#include "node/policy/leaving.h"
#include "node/sharing/withheld.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An author's recall: what stays of a block is sealed again behind a notice, then a RECALL entry takes the old block back. All of that is on
   the disk at once, or none of it. */

#define DRAFTS_MAX 4 /* an epoch, the replacement, the recall, what did not fit */

void recall_task_free(struct recall_task *task) {
    buf_free(&task->reason);
    free(task->items);
    *task = (struct recall_task){0};
}

/* The block of this log that carries the holder's items today, and where they stand in it. */
static bool today(struct engine *engine, uint64_t holder, uint64_t *block, struct recall_place *place) {
    struct buf now = {0};
    char name[40];
    snprintf(name, sizeof name, "recall-now/%016llx", (unsigned long long)holder);
    *block = store_meta(engine->store, name, &now) == OK && now.size == 8 ? get_be64(now.data) : holder;
    buf_free(&now);
    return recall_place_find(engine, engine->node_id, *block, place) && place->holder == holder;
}

enum err recall_task_add(struct engine *engine, struct recall_task *task, uint64_t cursor) {
    static struct item item;
    struct page_head head;
    struct bytes encoded;
    enum err err = store_item(engine->store, cursor, &head, &item, &encoded);
    if (err != OK) return err;
    if (memcmp(head.node_id, engine->node_id, NODE_ID_BYTES) != 0) return ERR_DENIED;
    if (task->item_count == task->item_capacity) {
        size_t capacity = task->item_capacity ? 2 * task->item_capacity : 64;
        struct recall_item *grown = realloc(task->items, capacity * sizeof *grown);
        if (!grown) return ERR_MEMORY;
        task->items = grown, task->item_capacity = capacity;
    }
    task->items[task->item_count++] = (struct recall_item){head.seq, head.item_first + (uint32_t)(cursor - head.cursor)};
    return OK;
}

static int item_compare(const void *a, const void *b) {
    const struct recall_item *x = a, *y = b;
    if (x->holder != y->holder) return x->holder < y->holder ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* --- the replacement --- */

struct making {
    struct engine *engine;
    struct recall_task *task;
    uint64_t block;
    struct block_body body; /* of the block that is recalled */
    struct recall_place place;
    struct recall recall;
    struct buf ids; /* of the objects taken back: length 2, id */
    uint32_t id_count;
    struct buf stays; /* index 4, length 4, encoded item */
    struct buf asked; /* offsets 4 in it, of items that the policy may see otherwise than the one before */
    struct buf alike; /* what it looks at of the last of those */
    bool stay[BLOCK_ITEMS_MAX];
    struct ledger_cause cause; /* labels of what stays */
};

static enum err body_read(struct making *making) {
    struct engine *engine = making->engine;
    struct entry entry;
    bool verified;
    buf_clear(&engine->scratch_entry);
    enum err err = store_entry(engine->store, engine->node_id, making->block, &engine->scratch_entry, &verified);
    if (err == OK) err = entry_parse(&entry, bytes_of_buf(&engine->scratch_entry));
    return err == OK ? block_body_read(&making->body, entry.body) : err;
}

/* A replacement reaches who never got the block: so each of its readers is asked about anew, by all that is known today. */
static bool item_may_go(struct making *making, struct policy_facts *facts, const uint8_t *agency_id, struct bytes encoded) {
    static struct item item, inside;
    static struct marks marks;
    static struct share_facts share;
    static struct verdict verdict;
    const struct group_known *known;
    if (item_decode(&item, encoded) != OK) return false;
    if (!statement_is(item.type)) {
        struct policy_object object;
        if (!leaving_object(&object, &marks, &item)) return false;
        policy_decide(&verdict, &object, &facts->reader, &facts->context);
        return verdict.allow;
    }
    /* What was passed on went under its author's permission; a group's roster counts all the same. */
    if (!bytes_equal_text(item.type, SHARE_TYPE)) return true;
    if (share_read(&share, &inside, item.text) != OK || marks_decode(&marks, inside.marks) != OK) return false;
    if (marks.group.size == 0) return true;
    known = groups_find(making->engine, marks.group.data);
    return known && group_standing(making->engine, known, agency_id) == ROSTER_MEMBER;
}

static bool all_may_go(struct making *making, const uint8_t *agency_id) {
    static struct policy_facts facts;
    struct cursor asked = cursor_of(bytes_of_buf(&making->asked));
    policy_context_fill(&facts, making->engine, POLICY_PUBLISH, agency_id);
    while (asked.left > 0) {
        size_t at = cursor_u32(&asked);
        struct cursor walk = cursor_of(bytes_of(making->stays.data + at, making->stays.size - at));
        cursor_u32(&walk);
        if (!item_may_go(making, &facts, agency_id, cursor_take(&walk, cursor_u32(&walk)))) return false;
    }
    return true;
}

/* Notes where the item stands, unless the policy sees in it what it saw in the one before. */
static void asked_note(struct making *making, const struct item *item) {
    struct buf key = {0};
    bool share = bytes_equal_text(item->type, SHARE_TYPE);
    buf_put_u8(&key, (uint8_t)item->tlp);
    buf_put_u64(&key, making->engine->agreements.count > 0 ? item->valid_until_ms : 0);
    buf_put_u16(&key, (uint16_t)item->type.size);
    buf_put(&key, item->type);
    buf_put(&key, item->marks);
    if (key.failed || share || !bytes_equal(bytes_of_buf(&key), bytes_of_buf(&making->alike)))
        buf_put_u32(&making->asked, (uint32_t)making->stays.size);
    buf_free(&making->alike);
    making->alike = key;
}

/* Whoever read the block, as far as it is still pinned, can be sealed to, and may read what stays. */
static void audience_again(struct making *making, struct audience *audience) {
    struct engine *engine = making->engine;
    struct buf readers = {0};
    char name[64];
    size_t left_out = 0;
    snprintf(name, sizeof name, "secret/audience/%016llx", (unsigned long long)making->body.epoch_seq);
    if (store_meta(engine->store, name, &readers) != OK) buf_clear(&readers);
    for (size_t index = 0; index < gossip_agency_count(engine->gossip); index++) {
        const struct agency *agency = gossip_agency(engine->gossip, index);
        bool reads = index == 0;
        for (size_t at = 0; at + NODE_ID_BYTES <= readers.size && !reads; at += NODE_ID_BYTES)
            reads = agency_node_find(agency, readers.data + at) != NULL;
        if (reads && ((index > 0 && !all_may_go(making, agency->id)) ||
                      audience_add(audience, engine->gossip, index, clock_wall_ms()) != OK))
            left_out++;
    }
    if (left_out > 0)
        engine_notice(
            engine,
            "%zu reader%s of a block that is recalled cannot be sealed to, or may not read it, now: what stays of it does not "
            "reach them",
            left_out, left_out == 1 ? "" : "s");
    audience_seal(audience);
    buf_free(&readers);
}

/* One item that stands in a page: it stays, or it goes. What is gone already, an earlier notice, and what is over does not stay. */
static void item_sort(struct making *making, uint32_t index, struct bytes encoded, uint64_t now_ms) {
    static struct item item;
    if (item_decode(&item, encoded) != OK || bytes_equal_text(item.type, RECALL_NOTICE_TYPE)) return;
    if (recall_marked(&making->recall, index)) {
        buf_put_u16(&making->ids, (uint16_t)item.id.size);
        buf_put(&making->ids, item.id);
        making->id_count++;
    }
    if (recall_marked(&making->recall, index) || expiry_over(&item, now_ms)) return;
    making->stay[index] = true;
    ledger_cause_add(&making->cause, &item, NULL);
    asked_note(making, &item);
    buf_put_u32(&making->stays, index);
    buf_put_u32(&making->stays, (uint32_t)encoded.size);
    buf_put(&making->stays, encoded);
}

/* The holder's item as an item of the block; the map of a replacement rises. */
static bool index_of(const struct recall_place *place, uint32_t held, uint32_t *walk, uint32_t *index) {
    *index = held;
    if (place->own) return true;
    while (*walk < place->map_count && place->map[*walk] < held) ++*walk;
    *index = *walk + 1;
    return *walk < place->map_count && place->map[*walk] == held;
}

/* Sorts the block's items, page by page, into those that stay and those that go. */
static enum err items_sort(struct making *making) {
    struct engine *engine = making->engine;
    const struct recall_place *place = &making->place;
    uint64_t now_ms = clock_wall_ms(), end = place->cursor + place->items;
    uint32_t walk = 0, index, count = place->own ? place->items : place->map_count + 1;
    for (uint64_t cursor = place->cursor; cursor < end;) {
        struct page page;
        enum err err = store_page_from(engine->store, cursor, &page);
        if (err == ERR_NOT_FOUND || page.head.item_count == 0 || page.head.cursor >= end) break;
        cursor = page.head.cursor + page.head.item_count;
        struct cursor items = cursor_of(err == OK ? page.plain : bytes_of(NULL, 0));
        struct bytes encoded;
        for (uint32_t held = page.head.item_first; block_frame_next(&items, &encoded); held++)
            if (encoded.size > 0 && index_of(place, held, &walk, &index)) item_sort(making, index, encoded, now_ms);
    }
    for (uint32_t i = 0; i < count && i < BLOCK_ITEMS_MAX; i++)
        if (!making->stay[i]) recall_mark(&making->recall, i);
    buf_put_u8(&making->ids, 0); /* never empty */
    return making->ids.failed || making->stays.failed || making->asked.failed ? ERR_MEMORY : OK;
}

static enum err notice_encode(struct making *making, struct buf *out) {
    struct recall_notice notice = {.block = making->block, .cause = making->task->cause, .time_ms = clock_wall_ms()};
    struct buf text = {0};
    notice.reason = bytes_of_buf(&making->task->reason);
    /* The ids are a service: a recall of very many objects leaves them out. */
    uint32_t id_count = making->ids.size <= STATEMENT_TEXT_BYTES_MAX / 2 ? making->id_count : 0;
    recall_notice_write(&text, &notice, making->recall.map, bytes_of_buf(&making->ids), id_count);
    enum err err = buf_result(&text);
    if (err == OK)
        err = statement_item(making->engine, out,
                             &(struct statement){.type = RECALL_NOTICE_TYPE, .text = bytes_of_buf(&text), .tlp = TLP_CLEAR});
    buf_free(&text);
    return err;
}

/* The notice and what stays; ERR_FULL: from *full on it does not fit. */
static enum err block_fill(struct making *making, struct block *block, size_t *full) {
    struct buf notice = {0};
    enum err err = notice_encode(making, &notice);
    if (err == OK) err = block_add(block, bytes_of_buf(&notice));
    struct cursor walk = cursor_of(bytes_of_buf(&making->stays));
    while (err == OK && walk.left > 0) {
        *full = making->stays.size - walk.left;
        cursor_u32(&walk);
        err = block_add(block, cursor_take(&walk, cursor_u32(&walk)));
    }
    buf_free(&notice);
    return err;
}

/* What does not fit counts as taken back and comes as a block of its own; it moves to `rest`. */
static void stays_cut(struct making *making, size_t at, struct buf *rest) {
    struct buf moved = {0};
    struct cursor walk = cursor_of(bytes_of(making->stays.data + at, making->stays.size - at));
    while (walk.left > 0) {
        recall_mark(&making->recall, cursor_u32(&walk));
        struct bytes encoded = cursor_take(&walk, cursor_u32(&walk));
        buf_put_u32(&moved, (uint32_t)encoded.size);
        buf_put(&moved, encoded);
    }
    buf_put(&moved, bytes_of_buf(rest));
    buf_free(rest);
    *rest = moved;
    making->stays.size = at;
}

/* The last item leaves as well, for the notice grows with what is taken back. */
static struct block *replacement_make(struct making *making, struct buf *rest, enum err *err) {
    size_t full = 0;
    for (;;) {
        struct block *block = block_new(making->engine->codec);
        *err = block ? block_fill(making, block, &full) : ERR_MEMORY;
        if (*err == OK) return block;
        block_free(block);
        if ((*err != ERR_FULL && *err != ERR_TOO_BIG) || making->stays.size == 0) return NULL;
        stays_cut(making, full, rest);
        if (rest->failed) *err = ERR_MEMORY;
        if (rest->failed) return NULL;
    }
}

/* --- entries --- */

/* The commitment: that this object was recalled, under a keyed hash of its id. */
static void ids_keep(struct making *making) {
    struct engine *engine = making->engine;
    struct cursor walk = cursor_of(bytes_of_buf(&making->ids));
    struct buf value = {0};
    struct store_batch *batch = store_batch_new(engine->store);
    char name[STORE_META_KEY_BYTES_MAX + 1];
    pack_write_array(&value, 3);
    pack_write_uint(&value, clock_wall_ms());
    pack_write_uint(&value, making->task->cause);
    pack_write_str(&value, bytes_of_buf(&making->task->reason));
    for (uint32_t i = 0; batch && i < making->id_count; i++) {
        struct bytes id = cursor_take(&walk, cursor_u16(&walk));
        snprintf(name, sizeof name, "secret/recalled/%016llx/%016llx", (unsigned long long)store_id_mark(engine->store, id),
                 (unsigned long long)making->block);
        store_batch_meta(batch, name, bytes_of_buf(&value));
    }
    if (batch) store_commit(engine->store, batch, 0);
    buf_free(&value);
}

static enum err entries_draft(struct making *making) {
    struct engine *engine = making->engine;
    struct publication publication = {0};
    struct buf rest = {0}, body = {0};
    enum err err = OK;
    uint8_t previous[HASH_BYTES];
    uint64_t first = (engine->publisher.count ? engine->publisher.head : gossip_own_next(engine->gossip, previous) - 1) + 1;
    struct builder *builder = &publication.builders[making->body.carriage];
    audience_again(making, &publication.audience);
    withheld_of(engine->store, making->place.holder, &publication.withheld);
    builder->block = replacement_make(making, &rest, &err);
    ledger_cause_add(&making->cause, NULL, "recall");
    builder->cause = making->cause;
    builder->valid_until_ms = UINT64_MAX; /* the notice has no end */
    if (builder->block) err = publisher_flush(engine, &publication);
    making->recall.block = making->block;
    making->recall.replacement = publication.last_seq;
    recall_write(&body, &making->recall);
    if (err == OK) err = buf_result(&body);
    if (err == OK) err = publisher_entry(engine, ENTRY_RECALL, bytes_of_buf(&body));
    if (err == OK) ids_keep(making);
    struct cursor walk = cursor_of(bytes_of_buf(&rest));
    while (err == OK && walk.left > 0)
        err = publisher_put(engine, &publication, cursor_take(&walk, cursor_u32(&walk)), making->body.carriage);
    if (err == OK) err = publisher_flush(engine, &publication);
    /* A replacement whose block is not recalled, or a recall before what did not fit stands elsewhere, would be half of it for ever. */
    publisher_join(engine, first);
    making->task->last_seq = engine->recalls.made_seq = engine->publisher.head;
    publisher_drop(engine, &publication);
    buf_free(&rest);
    buf_free(&body);
    return err;
}

/* --- tasks --- */

/* The items of one holder, from task->at to `until`. */
static enum err block_recall(struct engine *engine, struct recall_task *task, size_t until) {
    struct making *making = calloc(1, sizeof *making);
    uint32_t walk = 0, index;
    if (!making) return ERR_MEMORY;
    *making = (struct making){.engine = engine, .task = task};
    enum err err = OK;
    if (!today(engine, task->items[task->at].holder, &making->block, &making->place)) goto out; /* all of it is gone */
    for (size_t i = task->at; i < until; i++)
        if (index_of(&making->place, task->items[i].index, &walk, &index)) recall_mark(&making->recall, index);
    err = body_read(making);
    /* A block that is over as a whole is dropped by everybody without a word. */
    bool whole = err == OK && task->cause == RECALL_BY_EXPIRY && making->body.expires_ms <= clock_wall_ms();
    if (err != OK || whole || gossip_recalled(engine->gossip, engine->node_id, making->block)) goto out;
    err = items_sort(making);
    bool due = task->cause == RECALL_BY_EXPIRY ? making->stays.size > 0 : making->id_count > 0;
    if (err == OK && due) err = entries_draft(making);
out:
    buf_free(&making->ids);
    buf_free(&making->stays);
    buf_free(&making->asked), buf_free(&making->alike);
    free(making);
    return err;
}

/* May the next block be recalled now? Pages are read that a recall under way may be changing. */
static bool ready(const struct engine *engine) {
    const char *why;
    return !engine->recalls.writing && engine->recalls.made_seq <= engine->publisher.durable && publisher_open(engine, &why) &&
           engine->publisher.count + DRAFTS_MAX <= PUBLISHER_DRAFTS_MAX;
}

void recall_task_go_on(struct engine *engine, struct recall_task *task) {
    while (task->at < task->item_count && !engine->stopping && ready(engine)) {
        if (task->sorted < task->item_count)
            qsort(task->items + task->at, task->item_count - task->at, sizeof *task->items, item_compare);
        task->sorted = task->item_count;
        size_t until = task->at;
        while (until < task->item_count && task->items[until].holder == task->items[task->at].holder) until++;
        enum err err = block_recall(engine, task, until);
        if (err == ERR_BUSY) return;
        if (err != OK) {
            engine_event(engine, LOG_RECALL_FAILED, NULL, "block %llu cannot be recalled: %s",
                         (unsigned long long)task->items[task->at].holder, err_text(err));
            task->failed = true;
        }
        task->at = until;
    }
}

bool recall_task_done(const struct engine *engine, const struct recall_task *task) {
    return task->at == task->item_count && task->last_seq <= engine->publisher.durable;
}
