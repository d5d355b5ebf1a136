#include "node/clock.h"
#include "node/engine_core.h"

#include <string.h>

/* What is over goes by itself: rows by time say which page has an item that expires next and which payload, so that the work is in
   proportion to what expires; a bounded part of it is done in one go. */

#define EXPIRY_EVERY_MS 1000
#define EXPIRY_BACK_MS  60000

uint64_t expiry_next(struct bytes plain, uint64_t after_ms) {
    static struct item item;
    struct cursor walk = cursor_of(plain);
    struct bytes encoded;
    uint64_t next = 0;
    while (block_frame_next(&walk, &encoded)) {
        if (encoded.size == 0 || item_decode(&item, encoded) != OK) continue;
        uint64_t until = item.valid_until_ms;
        if (until > after_ms && (next == 0 || until < next)) next = until;
    }
    return next;
}

/* Items of an own page that are over are recalled too, so that what stays of their block reaches those who were away. */
static void own_recall(struct engine *engine, const struct page *page, uint32_t index) {
    struct recall_task *task = &engine->recalls.expired;
    if (memcmp(page->head.node_id, engine->node_id, NODE_ID_BYTES) != 0) return;
    if (task->reason.size == 0) buf_put_text(&task->reason, "expired");
    task->cause = RECALL_BY_EXPIRY;
    task->active = true;
    enum err err = recall_task_add(engine, task, page->head.cursor + index);
    if (err == ERR_MEMORY) engine_fail(engine, 5, "out of memory while objects expire");
}

/* The items of a page that are over by now. */
static bool page_marks(const struct page *page, uint64_t now_ms, struct recall *marked) {
    static struct item item;
    struct cursor walk = cursor_of(page->plain);
    struct bytes encoded;
    bool any = false;
    *marked = (struct recall){0};
    for (uint32_t i = 0; block_frame_next(&walk, &encoded); i++) {
        if (encoded.size == 0 || item_decode(&item, encoded) != OK) continue;
        if (item.valid_until_ms == 0 || item.valid_until_ms > now_ms) continue;
        recall_mark(marked, page->head.item_first + i);
        any = true;
    }
    return any;
}

static void page_expire(struct engine *engine, struct store_batch *batch, uint64_t cursor, uint64_t now_ms) {
    static struct recall_place place;
    struct page page;
    struct recall marked;
    if (store_page_at(engine->store, cursor, &page) != OK) return; /* gone already */
    uint64_t next = expiry_next(page.plain, now_ms);
    if (next != 0) store_batch_due_page(batch, next, page.head.cursor);
    if (!page_marks(&page, now_ms, &marked)) return;
    /* One of the page will do: when its block is sealed again, all that is over is left out. */
    size_t before = engine->recalls.expired.item_count;
    for (uint32_t i = 0; i < page.head.item_count && engine->recalls.expired.item_count == before; i++)
        if (recall_marked(&marked, page.head.item_first + i)) own_recall(engine, &page, i);
    place = (struct recall_place){.holder = page.head.seq, .cursor = page.head.cursor, .items = page.head.item_count, .own = true};
    engine->recalls.items_expired += withdraw_items(engine, batch, &place, &marked);
}

static void payload_expire(struct engine *engine, struct store_batch *batch, const struct store_due *due) {
    struct event event = {.kind = EVENT_DROPPED};
    if (!store_payload_exists(engine->store, due->node_id, due->number)) return;
    event.dropped.node_id = due->node_id;
    event.dropped.bytes = store_payload_bytes(engine->store, due->node_id, due->number);
    store_batch_payload_erase(batch, due->node_id, due->number);
    if (memcmp(due->node_id, engine->node_id, NODE_ID_BYTES) != 0 && engine_step(engine, &event) != OK)
        engine_fail(engine, 5, "out of memory");
}

static void sweep(struct engine *engine, uint64_t now_ms) {
    static struct store_due due[EXPIRY_PAGES_MAX];
    struct recalls *recalls = &engine->recalls;
    if (recalls->expired_until_ms > now_ms) recalls->expired_until_ms = 0;
    size_t count = store_due(engine->store, recalls->expired_until_ms, now_ms, due, EXPIRY_PAGES_MAX);
    struct store_batch *batch = count > 0 ? store_batch_new(engine->store) : NULL;
    if (!batch) {
        recalls->sweep_due_ms = clock_monotonic_ms() + EXPIRY_EVERY_MS;
        /* What comes later falls due later; some room for a clock that is set back a little. */
        recalls->expired_until_ms = now_ms > EXPIRY_BACK_MS ? now_ms - EXPIRY_BACK_MS : 0;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (due[i].page)
            page_expire(engine, batch, due[i].number, now_ms);
        else
            payload_expire(engine, batch, &due[i]);
        store_batch_due_done(batch, &due[i]);
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
    if (recalls->due_ms > recalls->sweep_due_ms) recalls->due_ms = recalls->sweep_due_ms;
    if (!task->active) return;
    recall_task_go_on(engine, task);
    if (recall_task_done(engine, task)) recall_task_free(task);
}
