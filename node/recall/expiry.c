#include "gossip/marks.h"
#include "node/process/clock.h"
#include "node/engine/engine_core.h"
#include "node/sharing/prove.h"

#include <string.h>

/* What is over goes by itself: rows by time say which page has an item that expires next and which payload, so that the work is in
   proportion to what expires; a bounded part of it is done in one go. */

#define EXPIRY_EVERY_MS 1000
#define EXPIRY_BACK_MS  60000
#define VERSIONS_MAX    1024

/* First cursors of the pages that a batch changes: none is changed twice from the same state. */
struct touched {
    uint64_t pages[EXPIRY_PAGES_MAX];
    size_t count;
};

uint64_t expiry_end_ms(const struct item *item) {
    static struct marks marks;
    uint64_t end_ms = item->valid_until_ms;
    if (item->marks.size == 0 || marks_decode(&marks, item->marks) != OK || marks.retain_until_ms == 0) return end_ms;
    return end_ms == 0 || marks.retain_until_ms < end_ms ? marks.retain_until_ms : end_ms;
}

bool expiry_over(const struct item *item, uint64_t now_ms) {
    uint64_t end_ms = expiry_end_ms(item);
    return end_ms != 0 && end_ms <= now_ms;
}

/* Items of an own page that are over are recalled too, so that what stays of their block reaches those who were away. */
static void own_recall(struct engine *engine, const struct page_head *head, uint32_t index) {
    struct recall_task *task = &engine->recalls.expired;
    if (memcmp(head->node_id, engine->node_id, NODE_ID_BYTES) != 0) return;
    if (task->reason.size == 0) buf_put_text(&task->reason, "expired");
    task->cause = RECALL_BY_EXPIRY;
    task->active = true;
    enum err err = recall_task_add(engine, task, head->cursor + index);
    if (err == ERR_MEMORY) engine_fail(engine, 5, "out of memory while objects expire");
}

/* Older versions of what is over are over, too: they must not come to light again. */
static void versions_end(struct engine *engine, struct store_batch *batch, uint64_t cursor, const struct page_head *head,
                         const struct item *item, uint64_t now_ms) {
    static struct item other;
    static uint64_t cursors[VERSIONS_MAX];
    struct page_head other_head;
    struct bytes encoded;
    size_t count = store_find_id(engine->store, item->id, cursors, VERSIONS_MAX);
    for (size_t i = 0; i < count && count > 1; i++) {
        if (cursors[i] == cursor || store_item(engine->store, cursors[i], &other_head, &other, &encoded) != OK) continue;
        if (!bytes_equal(other.id, item->id) || other.modified_ms > item->modified_ms) continue;
        if (memcmp(other_head.agency_id, head->agency_id, AGENCY_ID_BYTES) == 0) store_batch_due_item(batch, now_ms, cursors[i]);
    }
}

/* Items of a page that are over. */
struct over {
    struct recall marked;
    bool early; /* one by this node's policy, before it is for its author */
};

/* Marks the items of a page that are over by now, or `only` this one; returns when the next is. */
static uint64_t page_marks(struct engine *engine, struct store_batch *batch, const struct page *page, uint64_t only,
                           uint64_t now_ms, struct over *out) {
    static struct item item;
    struct bytes encoded;
    uint64_t next = 0;
    /* A look at other versions may move the page out of the cache. */
    buf_clear(&engine->scratch_page);
    buf_put(&engine->scratch_page, page->plain);
    struct cursor walk = cursor_of(bytes_of_buf(&engine->scratch_page));
    for (uint32_t i = 0; block_frame_next(&walk, &encoded); i++) {
        if (encoded.size == 0 || item_decode(&item, encoded) != OK) continue;
        uint64_t cursor = page->head.cursor + i, end_ms = retention_end_ms(engine, &page->head, &item);
        bool over = only != 0 ? cursor == only : end_ms != 0 && end_ms <= now_ms;
        if (over) recall_mark(&out->marked, page->head.item_first + i);
        out->early = out->early || (over && only == 0 && !expiry_over(&item, now_ms));
        if (over && only == 0) versions_end(engine, batch, cursor, &page->head, &item, now_ms);
        if (!over && end_ms != 0 && (next == 0 || end_ms < next)) next = end_ms;
    }
    return next;
}

/* Takes out what is over of the page at `cursor`; with `only`, that item. False: the page was changed in this batch before. */
static bool page_expire(struct engine *engine, struct store_batch *batch, struct touched *touched, uint64_t cursor, bool only,
                        uint64_t now_ms) {
    static struct recall_place place;
    struct page page;
    struct over over = {0};
    const struct recall *marked = &over.marked;
    if (store_page_at(engine->store, cursor, &page) != OK) return true; /* gone already */
    for (size_t i = 0; i < touched->count; i++)
        if (touched->pages[i] == page.head.cursor) return false;
    const struct page_head head = page.head;
    uint64_t next = page_marks(engine, batch, &page, only ? cursor : 0, now_ms, &over);
    if (!only && next != 0) store_batch_due_page(batch, next, head.cursor);
    if (marked->map_bytes == 0) return true;
    touched->pages[touched->count++] = head.cursor;
    /* One of the page will do: when its block is sealed again, all that is over is left out. */
    size_t before = engine->recalls.expired.item_count;
    for (uint32_t i = 0; i < head.item_count && engine->recalls.expired.item_count == before; i++)
        if (recall_marked(marked, head.item_first + i)) own_recall(engine, &head, i);
    place = (struct recall_place){.holder = head.seq, .cursor = head.cursor, .items = head.item_count, .own = true};
    engine->recalls.items_expired += withdraw_items(engine, batch, &place, marked, over.early ? GONE_RETENTION : GONE_EXPIRY);
    prove_withdraw(engine, batch, head.node_id, head.seq, 0);
    if (over.early) withdraw_bar(engine, batch, head.node_id, head.agency_id, head.seq, marked);
    return true;
}

static void sweep(struct engine *engine, uint64_t now_ms) {
    static struct store_due due[EXPIRY_PAGES_MAX];
    static struct touched touched;
    struct recalls *recalls = &engine->recalls;
    if (recalls->expired_until_ms > now_ms) recalls->expired_until_ms = 0;
    size_t count = store_due(engine->store, recalls->expired_until_ms, now_ms, due, EXPIRY_PAGES_MAX);
    bool buckets = count == 0 && store_buckets_over(engine->store, now_ms);
    struct store_batch *batch = count > 0 || buckets ? store_batch_new(engine->store) : NULL;
    if (!batch) {
        recalls->sweep_due_ms = clock_monotonic_ms() + EXPIRY_EVERY_MS;
        /* What comes later falls due later; some room for a clock that is set back a little. */
        recalls->expired_until_ms = now_ms > EXPIRY_BACK_MS ? now_ms - EXPIRY_BACK_MS : 0;
        return;
    }
    if (buckets) store_batch_buckets_end(batch, now_ms);
    touched.count = 0;
    for (size_t i = 0; i < count; i++) {
        bool done = true;
        if (due[i].kind == STORE_DUE_PAYLOAD)
            retention_payload(engine, batch, due[i].node_id, due[i].number, now_ms);
        else
            done = page_expire(engine, batch, &touched, due[i].number, due[i].kind == STORE_DUE_ITEM, now_ms);
        if (done) store_batch_due_done(batch, &due[i]);
    }
    withdraw_commit(engine, batch);
}

void expiry_pump(struct engine *engine) {
    struct recalls *recalls = &engine->recalls;
    struct recall_task *task = &recalls->expired;
    if (!recalls->writing && clock_monotonic_ms() >= recalls->sweep_due_ms) {
        if (store_terms_ready(engine->store))
            sweep(engine, clock_wall_ms());
        else
            recalls->sweep_due_ms = clock_monotonic_ms() + 50;
    }
    /* While a commit is under way its end wakes the loop. */
    if (!recalls->writing && recalls->due_ms > recalls->sweep_due_ms) recalls->due_ms = recalls->sweep_due_ms;
    if (!task->active) return;
    recall_task_go_on(engine, task);
    if (recall_task_done(engine, task)) recall_task_free(task);
}
