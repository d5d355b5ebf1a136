#include "node/process/clock.h"
#include "node/engine/engine_core.h"
#include "node/recall/gone_terms.h"
#include "node/sharing/prove.h"

#include <stdlib.h>
#include <string.h>

/* A group that is over takes what went to it along: each node recalls its own objects (their readers' receipts tell who complied), and takes
   out those of others at once, with the payloads that could bring them back, should their authors never come back. The walk over the pages
   goes on in small parts; begun again after a crash it finds what is left. What arrives later is taken out as well. PROTOCOL.md 5.7 */

#define PURGE_EVERY_MS  1000
#define PURGE_PAGES_MAX 64 /* looked at in one go */

/* The item itself, or the object that was passed on in it. */
static bool object_of(struct bytes encoded, struct item *item, struct marks *marks) {
    static struct item original;
    static struct share_facts facts;
    if (encoded.size == 0 || item_decode(item, encoded) != OK) return false;
    if (bytes_equal_text(item->type, SHARE_TYPE)) {
        if (share_read(&facts, &original, item->text) != OK) return false;
        return original.marks.size > 0 && marks_decode(marks, original.marks) == OK;
    }
    return item->marks.size > 0 && marks_decode(marks, item->marks) == OK;
}

bool group_page_marks(const struct page *page, const uint8_t group_id[static HASH_BYTES], struct recall *marked) {
    static struct item item;
    static struct marks marks;
    struct cursor walk = cursor_of(page->plain);
    struct bytes encoded;
    bool any = false;
    *marked = (struct recall){0};
    for (uint32_t i = 0; block_frame_next(&walk, &encoded); i++) {
        if (!object_of(encoded, &item, &marks) || !bytes_equal(marks.group, bytes_of(group_id, HASH_BYTES))) continue;
        recall_mark(marked, page->head.item_first + i);
        any = true;
    }
    return any;
}

/* What of the block is the group's, in all of its pages. */
static void block_marks(struct engine *engine, const struct recall_place *place, const uint8_t *group_id, struct recall *marked) {
    struct recall of_page;
    struct page page;
    *marked = (struct recall){0};
    for (uint64_t cursor = place->cursor, end = place->cursor + place->items; cursor < end && !engine->stopping;) {
        enum err err = store_page_from(engine->store, cursor, &page);
        if (err == ERR_NOT_FOUND || page.head.item_count == 0 || page.head.cursor >= end) return;
        cursor = page.head.cursor + page.head.item_count;
        if (err != OK || !group_page_marks(&page, group_id, &of_page)) continue;
        for (uint32_t i = 0; i < 8u * of_page.map_bytes; i++)
            if (recall_marked(&of_page, i)) recall_mark(marked, i);
    }
}

/* Another author's block, all of it at once: its items, what proves them, and its payload, which the node's prekeys open for up to 75
   days. Its author's recall, should it come, says the same. */
static void block_purge(struct engine *engine, struct store_batch *batch, struct group_known *known, const struct page_head *head) {
    static struct recall_place place;
    static struct recall marked;
    if (!recall_place_find(engine, head->node_id, head->seq, &place)) return;
    block_marks(engine, &place, known->id, &marked);
    if (marked.map_bytes == 0) return;
    withdraw_items(engine, batch, &place, &marked, GONE_GROUP);
    prove_withdraw(engine, batch, head->node_id, head->seq, 0);
    withdraw_bar(engine, batch, head->node_id, head->agency_id, place.holder, &marked);
    known->purge_cursor = place.cursor + place.items; /* its further pages are changed in this batch already */
}

static void page_purge(struct engine *engine, struct store_batch *batch, struct group_known *known, const struct page *page,
                       const struct recall *marked) {
    if (memcmp(page->head.node_id, engine->node_id, NODE_ID_BYTES) != 0) {
        struct page_head head = page->head; /* the page may leave the cache meanwhile */
        block_purge(engine, batch, known, &head);
        return;
    }
    uint64_t first = page->head.cursor;
    uint32_t index = page->head.item_first, count = page->head.item_count;
    for (uint32_t i = 0; i < count; i++)
        if (recall_marked(marked, index + i) && recall_task_add(engine, &engine->groups.purge, first + i) == ERR_MEMORY)
            engine_fail(engine, 5, "out of memory while a group is taken back");
}

static void keep(struct engine *engine, const struct group_known *known) {
    struct store_batch *batch = store_batch_new(engine->store);
    if (batch && group_keep(batch, known) == OK)
        store_commit(engine->store, batch, 0);
    else if (batch)
        store_batch_free(batch);
}

/* True when all pages were looked at. */
static bool walk(struct engine *engine, struct group_known *known) {
    struct store_batch *batch = store_batch_new(engine->store);
    enum err err = batch ? OK : ERR_MEMORY;
    for (size_t pages = 0; err == OK && pages < PURGE_PAGES_MAX && !engine->stopping; pages++) {
        struct page page;
        struct recall marked;
        err = store_page_from(engine->store, known->purge_cursor, &page);
        if (err == ERR_CORRUPT && page.head.item_count > 0) {
            known->purge_cursor = page.head.cursor + page.head.item_count;
            err = OK; /* damaged, or erased */
            continue;
        }
        if (err != OK) break;
        known->purge_cursor = page.head.cursor + page.head.item_count;
        if (group_page_marks(&page, known->id, &marked)) page_purge(engine, batch, known, &page, &marked);
    }
    if (batch && store_batch_bytes(batch) > 0)
        withdraw_commit(engine, batch);
    else if (batch)
        store_batch_free(batch);
    return err == ERR_NOT_FOUND;
}

static void task_begin(struct engine *engine, const struct group_known *known) {
    struct recall_task *task = &engine->groups.purge;
    recall_task_free(task);
    buf_put_format(&task->reason, "the group %s is over", group_name(known));
    task->cause = RECALL_BY_AUTHOR;
}

static void purge(struct engine *engine, struct group_known *known) {
    struct groups *groups = &engine->groups;
    if (groups->purging != known) {
        groups->purging = known;
        known->purge_cursor = known->purge_from;
        groups->purge_until = store_cursor_next(engine->store);
        task_begin(engine, known);
    }
    if (!groups->purge.active) {
        /* What came before the walk began and is still on its way to the disk is looked at, too; what came since begins another walk. */
        bool all_there = store_cursor_end(engine->store) >= groups->purge_until;
        if (engine->recalls.writing || !store_terms_ready(engine->store) || !walk(engine, known) || !all_there) return;
        groups->purge.active = true;
    }
    recall_task_go_on(engine, &groups->purge);
    if (!recall_task_done(engine, &groups->purge)) return;
    if (groups->purge.item_count > 0 || !known->purged)
        engine_notice(engine, "group %s is over: %zu own object%s taken back", group_name(known), groups->purge.item_count,
                      groups->purge.item_count == 1 ? " was" : "s were");
    recall_task_free(&groups->purge);
    groups->purging = NULL;
    known->purged = true;
    known->purge_from = known->purge_late;
    known->purge_late = 0;
    keep(engine, known);
}

/* In the batch that stores it, so that it is looked at even after a crash. */
static void late(struct engine *engine, struct store_batch *batch, struct group_known *known, uint64_t cursor) {
    if (known->purge_from == 0)
        known->purge_from = cursor;
    else if (known->purge_late == 0)
        known->purge_late = cursor;
    if (group_keep(batch, known) != OK) engine_fail(engine, 5, "out of memory for a group");
}

void groups_arrived(struct engine *engine, struct store_batch *batch, uint64_t cursor, const struct item *item) {
    static struct item original;
    static struct share_facts facts;
    static struct marks marks;
    struct bytes encoded = item->marks;
    gone_terms_arrived(engine, batch, item->marks);
    if (engine->groups.over == 0) return;
    if (bytes_equal_text(item->type, SHARE_TYPE) && share_read(&facts, &original, item->text) == OK) encoded = original.marks;
    if (encoded.size == 0 || marks_decode(&marks, encoded) != OK || marks.group.size == 0) return;
    struct group_known *known = groups_find(engine, marks.group.data);
    if (known && known->over) late(engine, batch, known, cursor);
}

static void over(struct engine *engine, struct group_known *known) {
    known->over = true;
    engine->groups.over++;
    known->purge_from = 1;
    server_publications_group(engine, known->id);
    server_decisions_again(engine);
    keep(engine, known);
}

void groups_pump(struct engine *engine) {
    struct groups *groups = &engine->groups;
    uint64_t monotonic_ms = clock_monotonic_ms();
    if (monotonic_ms >= groups->look_due_ms) {
        uint64_t now_ms = clock_wall_ms();
        for (size_t i = 0; i < groups->count; i++)
            if (!groups->list[i]->over && group_phase(groups->list[i], now_ms) == ROSTER_OVER) over(engine, groups->list[i]);
        groups->look_due_ms = monotonic_ms + PURGE_EVERY_MS;
    }
    bool busy = false;
    for (size_t i = 0; i < groups->count && !busy; i++) {
        if (groups->list[i]->purge_from == 0 || (groups->purging && groups->purging != groups->list[i])) continue;
        busy = true;
        purge(engine, groups->list[i]);
    }
    busy = group_history_pump(engine) || busy;
    busy = group_pass_pump(engine) || busy;
    uint64_t due_ms = busy ? monotonic_ms + 50 : groups->look_due_ms;
    if (groups->count > 0 && engine->recalls.due_ms > due_ms) engine->recalls.due_ms = due_ms;
}
