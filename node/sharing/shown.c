#include "node/sharing/shown.h"

#include "node/engine/engine_core.h"

#include <string.h>

#define HITS_MAX 256

/* A share: the object inside takes its place, if its author is pinned here and allowed just this way. */
static enum err unwrap(struct engine *engine, struct shown *out, const char **why) {
    static struct item original, scratch;
    struct entry held;
    bool verified;
    enum err err = share_read(&out->facts, &original, out->item.text);
    *why = "it is not well formed";
    if (err != OK) return err;
    const struct agency *author = engine_agency(engine, out->facts.object.entry.agency_id);
    *why = "its author is not pinned here, so that nothing vouches for it";
    if (!author) return ERR_UNKNOWN_AUTHOR;
    struct share_way way = {out->head.agency_id, engine->agency_id, share_admitted(engine, out->head.agency_id, &original)};
    err = share_verify(&out->facts, &original, &scratch, out->item.text, author, &way, why);
    if (err != OK) return err;
    /* What the author's log holds at that number is the author's word too. */
    buf_clear(&engine->scratch_entry);
    err =
        store_entry(engine->store, out->facts.object.entry.node_id, out->facts.object.entry.seq, &engine->scratch_entry, &verified);
    if (err == OK) err = entry_parse(&held, bytes_of_buf(&engine->scratch_entry));
    *why = "it contradicts its author's log";
    if (err == OK && memcmp(held.id, out->facts.object.entry.id, HASH_BYTES) != 0) return ERR_FORK;
    *why = "its author took it back";
    if (share_was_recalled(engine, out->facts.object.entry.node_id, out->facts.object.entry.seq, out->facts.item_index))
        return ERR_REVOKED;
    *why = NULL;
    out->via = out->head.agency_id;
    out->author = out->facts.object.entry.agency_id;
    out->encoded = out->facts.encoded;
    out->item = original;
    return OK;
}

enum err shown_of(struct engine *engine, struct shown *out, const struct page_head *head, uint64_t cursor, struct bytes encoded,
                  const char **why) {
    *why = NULL;
    out->head = *head;
    out->cursor = cursor;
    out->author = out->head.agency_id;
    out->via = NULL;
    out->encoded = encoded;
    if (gone_revoked(engine, head->node_id, head->seq)) return ERR_REVOKED;
    enum err err = item_decode(&out->item, encoded);
    return err == OK && bytes_equal_text(out->item.type, SHARE_TYPE) ? unwrap(engine, out, why) : err;
}

enum err shown_at(struct engine *engine, struct shown *out, uint64_t cursor) {
    const char *why;
    struct page page;
    struct bytes encoded = {0};
    enum err err = store_page_at(engine->store, cursor, &page);
    if (err != OK) return err;
    struct cursor walk = cursor_of(page.plain);
    for (uint64_t at = page.head.cursor; at <= cursor; at++)
        if (!block_frame_next(&walk, &encoded)) return ERR_CORRUPT;
    return shown_of(engine, out, &page.head, cursor, encoded, &why);
}

bool shown_superseded(const struct shown *shown, const struct shown *other) {
    if (other->item.modified_ms != shown->item.modified_ms) return other->item.modified_ms > shown->item.modified_ms;
    if ((other->via == NULL) != (shown->via == NULL)) return other->via == NULL;
    /* Of an author's own the last one counts; what several passed on is shown once, as it came first. */
    return shown->via ? other->cursor < shown->cursor : other->cursor > shown->cursor;
}

enum err shown_newest(struct engine *engine, struct shown *out, struct bytes id, const uint8_t *author) {
    static struct shown other;
    uint64_t cursors[HITS_MAX], best = 0;
    uint8_t best_author[AGENCY_ID_BYTES];
    size_t count = store_find_id(engine->store, id, cursors, HITS_MAX);
    if (store_find_result(engine->store) != OK) return store_find_result(engine->store);
    for (size_t i = 0; i < count; i++) {
        if (shown_at(engine, &other, cursors[i]) != OK || !bytes_equal(other.item.id, id)) continue;
        if (author && memcmp(other.author, author, AGENCY_ID_BYTES) != 0) continue;
        if (best != 0 && memcmp(other.author, best_author, AGENCY_ID_BYTES) != 0) return ERR_EXISTS;
        memcpy(best_author, other.author, AGENCY_ID_BYTES);
        if (best == 0 || shown_superseded(out, &other)) {
            /* What is compared further are its numbers only; it is read again at the end. */
            *out = other;
            best = cursors[i];
        }
    }
    return best == 0 ? ERR_NOT_FOUND : shown_at(engine, out, best);
}
