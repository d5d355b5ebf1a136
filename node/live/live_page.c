/* live_page: from the records of the engine's pages to the messages of one client. They are gathered until the page's end tells how far
   the withdrawals among them reach, so that every message says where the client then stands. */
#include "gossip/pack.h"
#include "node/engine/page_record.h"
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

static struct bytes cause_of(struct bytes text) {
    struct bytes cause = take_cause_read(text);
    return cause.size > 0 ? cause : bytes_of_text("unknown");
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

static void record_queue(struct live *live, struct live_link *link, const struct page_record *record, const struct take_end *end) {
    struct live_session *session = link->session;
    const struct item *item = link->item;
    struct web_facts facts;
    bool shown = plain(record->author) && plain(item->id) && plain(item->type);
    /* The engine was asked for these labels only: a second lock. */
    shown = shown && (session->labels >> record->tlp & 1) != 0;
    bool gone = page_record_gone(record);
    /* A withdrawal's row has a number, but for those that stand among the objects: a newer version is not for this client. */
    session->position.gone = gone && record->added_us > 0 ? record->added_us : end->at.gone;
    if (gone && shown) {
        withdrawn_put(live, session, item, record->author, record->cursor);
    } else if (!gone) {
        session->position.cursor = record->cursor;
        /* A stranger's text: what is no JSON object, or not the one that its author indexed, is not shown. */
        if (!shown || web_facts_read(link->facts, item, &facts) != OK) return;
        const struct live_object object = {.position = session->position,
                                           .added_us = record->added_us,
                                           .tlp = record->tlp,
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

static void reset_put(struct live *live, struct live_session *session, struct take_position position) {
    /* What the client had is worth nothing: it begins again, and so does the subscription's own position. */
    session->position = session->acknowledged = position;
    session->taken = (struct take_position){0};
    size_t start = live_send_begin(session);
    live_write_reset(&session->queue, position);
    live_send_done(session, start);
    live->counts[CONTROL_LIVE_RESETS]++;
}

enum err live_page_queue(struct live *live, struct live_link *link, const struct take_end *end) {
    struct live_session *session = link->session;
    struct cursor in = cursor_of(bytes_of_buf(&link->page));
    struct page_record record;
    if (end->reset) reset_put(live, session, end->at);
    while (in.left > 0 && session->credit > 0) {
        if (!page_record_read(&record, &in) || item_decode(link->item, record.encoded) != OK) return ERR_FORMAT;
        record_queue(live, link, &record, end);
    }
    session->ahead = link->cut || in.left > 0 || end->more;
    if (!link->cut && in.left == 0) session->position = end->at;
    if (end->at.cursor > live->newest.cursor) live->newest.cursor = end->at.cursor;
    if (end->at.gone > live->newest.gone) live->newest.gone = end->at.gone;
    return session->queue.failed || link->page.failed ? ERR_MEMORY : OK;
}
