/* Which version of its author's object an item is. Most ids stand once, which is known without the index as soon as all items were noted
   once: those that were there when the web process or a long feed came, in turns, and those that arrive. A large store is noted as soon as the
   node runs. */
#include "node/engine/engine_core.h"

#include <string.h>

#define HITS_MAX    4096 /* cursors of one id that are looked at */
#define TURN_ITEMS  4096
#define EARLY_ITEMS 100000 /* so many that whoever asks first would feel the wait */

/* What was passed on stands in the index under the id of the object inside. */
void versions_note(struct engine *engine, const struct item *item) {
    static struct item original;
    struct share_facts facts;
    if (!engine->ids.once) return;
    if (bytes_equal_text(item->type, SHARE_TYPE) && share_read(&facts, &original, item->text) == OK)
        idset_note(&engine->ids, store_id_mark(engine->store, original.id));
    idset_note(&engine->ids, store_id_mark(engine->store, item->id));
}

void versions_begin(struct engine *engine) {
    if (engine->ids.once || !idset_init(&engine->ids)) return;
    engine->ids_at = 0;
    engine->ids_end = store_cursor_next(engine->store);
}

void versions_start(struct engine *engine) {
    if (store_cursor_next(engine->store) > EARLY_ITEMS) versions_begin(engine);
}

bool versions_busy(const struct engine *engine) {
    return engine->ids.once && engine->ids_at < engine->ids_end && engine->ids_at < store_cursor_end(engine->store);
}

static uint64_t page_note(struct engine *engine, const struct page *page) {
    static struct item item;
    struct cursor walk = cursor_of(page->plain);
    struct bytes encoded;
    for (uint64_t cursor = page->head.cursor; block_frame_next(&walk, &encoded); cursor++) {
        if (item_decode(&item, encoded) != OK) continue;
        labelmap_note(&engine->labels, cursor, item.tlp);
        versions_note(engine, &item);
    }
    labelmap_known(&engine->labels, 0, page->head.cursor + page->head.item_count);
    return page->head.item_count;
}

void versions_go_on(struct engine *engine) {
    uint64_t looked = 0;
    while (versions_busy(engine) && looked < TURN_ITEMS) {
        struct page page;
        enum err err = store_page_from(engine->store, engine->ids_at, &page);
        bool damaged = err == ERR_CORRUPT && page.head.item_count > 0;
        if (err != OK && !damaged) {
            /* At the end nothing is left before it; what cannot be read leaves the look into the index for ever. */
            engine->ids_at = err == ERR_NOT_FOUND ? store_cursor_end(engine->store) : UINT64_MAX - 1;
            if (err != ERR_NOT_FOUND) engine->ids_end = UINT64_MAX;
            return;
        }
        looked += damaged ? 1 : page_note(engine, &page);
        engine->ids_at = page.head.cursor + page.head.item_count;
    }
}

bool versions_single(struct engine *engine, const struct item *item) {
    bool complete = engine->ids.once && engine->ids_at >= engine->ids_end;
    return complete && !idset_several(&engine->ids, store_id_mark(engine->store, item->id));
}

unsigned versions_of(struct engine *engine, uint64_t cursor, const struct page_head *head, const struct item *item) {
    static struct item other;
    static uint64_t cursors[HITS_MAX];
    unsigned versions = CONTROL_VERSION_LAST | CONTROL_VERSION_FIRST;
    size_t count = versions_single(engine, item) ? 1 : store_find_id(engine->store, item->id, cursors, HITS_MAX);
    for (size_t i = 0; i < count && count > 1; i++) {
        struct page_head there;
        struct bytes encoded;
        if (cursors[i] == cursor || store_item(engine->store, cursors[i], &there, &other, &encoded) != OK) continue;
        if (memcmp(there.agency_id, head->agency_id, AGENCY_ID_BYTES) != 0 || !bytes_equal(other.id, item->id)) continue;
        if (gone_revoked(engine, there.node_id, there.seq)) continue;
        bool newer = other.modified_ms > item->modified_ms || (other.modified_ms == item->modified_ms && cursors[i] > cursor);
        versions &= newer ? ~(unsigned)CONTROL_VERSION_LAST : ~(unsigned)CONTROL_VERSION_FIRST;
    }
    return versions ? versions : CONTROL_VERSION_BETWEEN;
}
