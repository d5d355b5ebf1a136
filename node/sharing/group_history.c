#include "node/process/clock.h"
#include "node/engine/engine_core.h"
#include "node/sharing/withheld.h"

#include <string.h>

/* History for newcomers: when a group gives it, each author's node seals its own objects of the group again, to the newcomers alone, once it
   has heard of them. A walk over the pages, in small parts; what the newcomers have already is known and passed over. What the author once
   withheld from some ('group:G - x') stays withheld from them: where that differs between newcomers, each gets a walk of its own. PROTOCOL.md
   5.7 */

#define PAGES_MAX 16 /* looked at in one go */

void group_history_add(struct group_known *known, const uint8_t agency_id[static AGENCY_ID_BYTES]) {
    for (size_t i = 0; i < known->newcomer_count; i++)
        if (memcmp(known->newcomers[i], agency_id, AGENCY_ID_BYTES) == 0) return;
    if (known->newcomer_count == GROUPS_NEWCOMERS_MAX) return; /* as many as members: those before have left meanwhile */
    memcpy(known->newcomers[known->newcomer_count++], agency_id, AGENCY_ID_BYTES);
    known->history_begun = false;
}

/* Is it this newcomer's turn? */
static bool served(const struct group_known *known, size_t newcomer) {
    return known->history_alone == 0 || known->history_alone == newcomer + 1;
}

/* Those of them whose turn it is, who are still members, and to whom can be sealed now. False: to none. */
static bool audience_open(struct engine *engine, const struct group_known *known, struct publication *publication) {
    uint64_t now_ms = clock_wall_ms();
    *publication = (struct publication){.named = true, .group_set = true};
    memcpy(publication->group_id, known->id, HASH_BYTES);
    if (audience_add(&publication->audience, engine->gossip, 0, now_ms) != OK) return false;
    for (size_t i = 1; i < gossip_agency_count(engine->gossip); i++) {
        const uint8_t *id = gossip_agency(engine->gossip, i)->id;
        bool newcomer = false;
        for (size_t k = 0; k < known->newcomer_count; k++)
            newcomer = newcomer || (served(known, k) && memcmp(known->newcomers[k], id, AGENCY_ID_BYTES) == 0);
        if (!newcomer || group_standing(engine, known, id) != ROSTER_MEMBER) continue;
        if (audience_add(&publication->audience, engine->gossip, i, now_ms) != OK) continue;
        buf_put_raw(&publication->agencies, id, AGENCY_ID_BYTES);
        publication->recipients++;
    }
    audience_seal(&publication->audience);
    buf_put_u8(&publication->withheld, WITHHELD_COPY);
    return publication->recipients > 0 && !publication->withheld.failed;
}

static bool belongs(const struct group_known *known, struct bytes encoded) {
    static struct item item;
    static struct marks marks;
    return encoded.size > 0 && item_decode(&item, encoded) == OK && item.marks.size > 0 && marks_decode(&marks, item.marks) == OK &&
           bytes_equal(marks.group, bytes_of(known->id, HASH_BYTES));
}

/* May those whose turn it is have the objects of this block, by its author's word when it published them? */
static bool let(struct engine *engine, struct group_known *known, uint64_t block) {
    struct buf word = {0};
    withheld_of(engine->store, block, &word);
    size_t lets = 0;
    for (size_t k = 0; k < known->newcomer_count; k++)
        lets += served(known, k) && withheld_lets(bytes_of_buf(&word), known->newcomers[k]);
    bool all = lets == (known->history_alone == 0 ? known->newcomer_count : 1);
    if (withheld_copy(bytes_of_buf(&word))) all = false, lets = 0; /* the page that it was copied from is looked at, too */
    if (lets > 0 && !all) known->history_apart = true;
    /* What goes to all went to them before the walks for each. */
    bool already = known->history_alone > 0 && word.size == 0;
    buf_free(&word);
    return all && !already;
}

/* The items of one own page from the cursor on. ERR_BUSY: not now. */
static enum err page_serve(struct engine *engine, struct group_known *known, const struct page *page) {
    struct cursor walk = cursor_of(page->plain);
    struct bytes encoded;
    struct buf copy = {0};
    enum err err = OK;
    for (uint64_t cursor = page->head.cursor; err == OK && block_frame_next(&walk, &encoded); cursor++) {
        struct item_verdict verdict;
        if (cursor < known->history_cursor || !belongs(known, encoded)) continue;
        buf_clear(&copy);
        buf_put(&copy, encoded); /* the page may leave the cache meanwhile */
        err = buf_result(&copy);
        if (err == OK) err = publisher_item(engine, engine->groups.history, bytes_of_buf(&copy), false, &verdict);
        if (err == OK) known->history_cursor = cursor + 1;
    }
    buf_free(&copy);
    return err;
}

static enum err walk(struct engine *engine, struct group_known *known) {
    uint64_t cursor = known->history_cursor;
    for (size_t pages = 0; pages < PAGES_MAX && !engine->stopping; pages++) {
        struct page page;
        enum err err = store_page_from(engine->store, cursor, &page);
        if (err == ERR_CORRUPT && page.head.item_count > 0)
            err = OK;
        else if (err == OK && page.head.cursor < known->history_until &&
                 memcmp(page.head.node_id, engine->node_id, NODE_ID_BYTES) == 0 && let(engine, known, page.head.seq))
            err = page_serve(engine, known, &page);
        if (err != OK) return err;
        if (page.head.cursor >= known->history_until) return ERR_NOT_FOUND;
        known->history_cursor = cursor = page.head.cursor + page.head.item_count;
    }
    return OK;
}

static void done(struct engine *engine, struct group_known *known) {
    struct store_batch *batch = store_batch_new(engine->store);
    publisher_drop(engine, engine->groups.history);
    engine->groups.serving = NULL;
    known->newcomer_count = 0;
    if (batch && group_keep(batch, known) == OK)
        store_commit(engine->store, batch, 0);
    else if (batch)
        store_batch_free(batch);
}

/* False: there is nobody to walk for. */
static bool walk_begin(struct engine *engine, struct group_known *known, size_t alone) {
    publisher_drop(engine, engine->groups.history);
    known->history_alone = alone;
    known->history_begun = true;
    known->history_over = false;
    known->history_cursor = 1;
    if (alone == 0) known->history_until = store_cursor_next(engine->store), known->history_apart = false;
    return audience_open(engine, known, engine->groups.history);
}

/* The walk is over, and so is all of it, unless some were left for walks of their own. */
static bool walk_next(struct engine *engine, struct group_known *known) {
    while (known->history_apart && known->history_alone < known->newcomer_count)
        if (walk_begin(engine, known, known->history_alone + 1)) return false;
    return true;
}

/* True when there is nothing left to do for this group. */
static bool serve(struct engine *engine, struct group_known *known) {
    struct groups *groups = &engine->groups;
    const char *why;
    if (!publisher_open(engine, &why) || engine->recalls.writing) return false;
    if (groups->serving != known || !known->history_begun) {
        groups->serving = known;
        if (!walk_begin(engine, known, 0) || group_phase(known, clock_wall_ms()) != ROSTER_RUNNING) return true;
    }
    if (!known->history_over) {
        enum err err = walk(engine, known);
        if (err == OK || err == ERR_BUSY) return false;
        known->history_over = true;
        if (err != ERR_NOT_FOUND)
            engine_notice(engine, "group %s: newcomers get a part of its history only: %s", group_name(known), err_text(err));
    }
    if (publisher_flush(engine, groups->history) != OK) return false;
    return groups->history->last_seq <= engine->publisher.durable && walk_next(engine, known);
}

/* Another roster took its place, or trust changed: whom it is sealed to is found anew. */
void group_history_again(struct engine *engine, const struct group_known *known) {
    struct groups *groups = &engine->groups;
    if (!groups->serving || (known && groups->serving != known)) return;
    groups->serving->history_begun = false;
    publisher_drop(engine, groups->history);
    groups->serving = NULL;
}

bool group_history_pump(struct engine *engine) {
    struct groups *groups = &engine->groups;
    for (size_t i = 0; i < groups->count; i++) {
        if (groups->list[i]->newcomer_count == 0 || (groups->serving && groups->serving != groups->list[i])) continue;
        if (serve(engine, groups->list[i])) done(engine, groups->list[i]);
        return true;
    }
    return false;
}
