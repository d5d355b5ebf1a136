/* live_page: from the records of the engine's pages to the messages of one client. They are gathered until the page's end tells how far
   the withdrawals among them reach, so that every message says where the client then stands. */
#include "gossip/pack.h"
#include "node/engine/control.h"
#include "node/live/live_state.h"

#include <string.h>

void live_page_gather(struct live_link *link, struct bytes records) {
    /* Withdrawals come first, and those of a page are never so many. */
    if (link->page.size >= LIVE_QUEUE_BYTES_MAX) link->cut = true;
    if (!link->cut) buf_put(&link->page, records);
}

static void object_put(struct live *live, struct live_session *session, const struct live_object *object) {
    size_t start = live_send_begin(session);
    live_write_object(&session->queue, object);
    live_send_done(session, start);
    live->counts[CONTROL_LIVE_OBJECTS]++;
}

/* LIVE.md promises that what is no JSON itself can be put into JSON as it is: no quotes, backslashes, control characters. */
static bool plain(struct bytes text) {
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < 0x20 || text.data[i] == 0x7f || text.data[i] == '"' || text.data[i] == '\\') return false;
    return pack_utf8_valid(text);
}

/* The engine says why as {"cause":"recall"}. */
static struct bytes cause_of(struct bytes text) {
    static const char before[] = "{\"cause\":\"", after[] = "\"}";
    const size_t around = sizeof before - 1 + sizeof after - 1;
    if (text.size < around || memcmp(text.data, before, sizeof before - 1) != 0) return bytes_of_text("unknown");
    return bytes_of(text.data + sizeof before - 1, text.size - around);
}

static void withdrawn_put(struct live *live, struct live_session *session, const struct item *item, struct bytes author,
                          uint64_t cursor) {
    const struct live_withdrawn withdrawn = {.position = session->position,
                                             .cursor = cursor,
                                             .moment_ms = item->modified_ms,
                                             .tlp = item->tlp,
                                             .author = author,
                                             .id = item->id,
                                             .type = item->type,
                                             .cause = cause_of(item->text)};
    size_t start = live_send_begin(session);
    live_write_withdrawn(&session->queue, &withdrawn);
    live_send_done(session, start);
    live->counts[CONTROL_LIVE_WITHDRAWALS]++;
}

/* One record as the engine writes it. */
struct record {
    uint64_t cursor, added_us;
    unsigned tlp, versions;
    struct bytes author, encoded;
};

static bool record_read(struct cursor *in, struct record *out, struct item *item) {
    out->cursor = cursor_u64(in);
    out->added_us = cursor_u64(in);
    out->tlp = cursor_u8(in);
    out->versions = cursor_u8(in);
    out->author = cursor_take(in, cursor_u8(in));
    out->encoded = cursor_take(in, cursor_u32(in));
    return !in->failed && out->tlp <= TLP_RED && item_decode(item, out->encoded) == OK;
}

static void record_queue(struct live *live, struct live_link *link, const struct record *record, const struct live_page_end *end) {
    struct live_session *session = link->session;
    const struct item *item = link->item;
    struct web_facts facts;
    bool shown = plain(record->author) && plain(item->id) && plain(item->type);
    /* The engine was asked for these labels only: a second lock. */
    shown = shown && (session->labels >> record->tlp & 1) != 0;
    bool gone = (record->versions & CONTROL_VERSION_GONE) != 0;
    /* A withdrawal's row has a number, but for those that stand among the objects: a newer version is not for this client. */
    session->position.gone = gone && record->added_us > 0 ? record->added_us : end->position.gone;
    if (gone && shown) {
        withdrawn_put(live, session, item, record->author, record->cursor);
    } else if (!gone) {
        session->position.cursor = record->cursor;
        /* A stranger's text: what is no JSON object, or not the one that its author indexed, is not shown. */
        if (!shown || web_facts_read(link->facts, item, &facts) != OK) return;
        const struct live_object object = {.position = session->position,
                                           .added_us = record->added_us,
                                           .tlp = (enum tlp)record->tlp,
                                           .author = record->author,
                                           .id = item->id,
                                           .type = item->type,
                                           .versions = record->versions,
                                           .text = item->text};
        object_put(live, session, &object);
    } else {
        return;
    }
    session->credit--;
    session->queued++;
}

static void reset_put(struct live *live, struct live_session *session, struct live_position position) {
    /* What the client had is worth nothing: it begins again, and so does the subscription's own position. */
    session->position = session->acknowledged = position;
    session->taken = (struct live_position){0};
    size_t start = live_send_begin(session);
    live_write_reset(&session->queue, position);
    live_send_done(session, start);
    live->counts[CONTROL_LIVE_RESETS]++;
}

enum err live_page_queue(struct live *live, struct live_link *link, const struct live_page_end *end) {
    struct live_session *session = link->session;
    struct cursor in = cursor_of(bytes_of_buf(&link->page));
    struct record record;
    if (end->reset) reset_put(live, session, end->position);
    while (in.left > 0 && session->credit > 0) {
        if (!record_read(&in, &record, link->item)) return ERR_FORMAT;
        record_queue(live, link, &record, end);
    }
    session->ahead = link->cut || in.left > 0 || end->more;
    if (!link->cut && in.left == 0) session->position = end->position;
    if (end->position.cursor > live->newest.cursor) live->newest.cursor = end->position.cursor;
    if (end->position.gone > live->newest.gone) live->newest.gone = end->position.gone;
    return session->queue.failed || link->page.failed ? ERR_MEMORY : OK;
}
