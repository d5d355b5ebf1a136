/* live_page: from the records of the engine's pages to the messages of one client. They are gathered until the page's end tells how far
   the withdrawals among them reach, so that every message says where the client then stands. */
#include "gossip/pack.h"
#include "node/engine/control.h"
#include "node/live/live_state.h"

void live_page_gather(struct live_link *link, struct bytes records) {
    /* Withdrawals come first, and those of a page are never so many. */
    if (link->page.size >= LIVE_QUEUE_BYTES_MAX) link->cut = true;
    if (!link->cut) buf_put(&link->page, records);
}

static void object_put(struct live *live, struct live_session *session, const struct live_object *object) {
    size_t start = live_send_begin(session);
    live_write_object(&session->queue, object);
    live_send_done(session, start);
    live->sent++;
}

static void withdrawn_put(struct live *live, struct live_session *session, const struct item *item, uint64_t cursor) {
    size_t start = live_send_begin(session);
    live_write_withdrawn(&session->queue, session->position, item->id, item->type, cursor);
    live_send_done(session, start);
    live->withdrawn++;
}

/* One record; false: the engine said what it may not. */
static bool record_queue(struct live *live, struct live_link *link, struct cursor *in, const struct live_page_end *end) {
    struct live_session *session = link->session;
    struct live_object object = {.position.cursor = cursor_u64(in), .added_us = cursor_u64(in)};
    unsigned tlp = cursor_u8(in);
    object.versions = cursor_u8(in);
    object.author = cursor_take(in, cursor_u8(in));
    struct bytes encoded = cursor_take(in, cursor_u32(in));
    struct item *item = link->item;
    if (in->failed || tlp > TLP_RED || item_decode(item, encoded) != OK || session->credit == 0) return false;
    if (object.versions & CONTROL_VERSION_GONE) {
        session->position.gone = object.added_us;
        withdrawn_put(live, session, item, object.position.cursor);
    } else {
        struct web_facts facts;
        object.position.gone = session->position.gone = end->position.gone;
        object.tlp = (enum tlp)tlp;
        object.id = item->id, object.type = item->type, object.text = item->text;
        session->position.cursor = object.position.cursor;
        /* A stranger's text: what is no JSON object, or not the one that its author indexed, is not shown. */
        if (web_facts_read(link->facts, item, &facts) != OK || !pack_utf8_valid(object.author)) return true;
        object_put(live, session, &object);
    }
    session->credit--;
    session->credited++;
    return true;
}

enum err live_page_queue(struct live *live, struct live_link *link, const struct live_page_end *end) {
    struct live_session *session = link->session;
    if (end->reset) {
        session->position = end->position;
        size_t start = live_send_begin(session);
        live_write_reset(&session->queue, session->position);
        live_send_done(session, start);
    }
    struct cursor in = cursor_of(bytes_of_buf(&link->page));
    while (in.left > 0)
        if (!record_queue(live, link, &in, end)) return ERR_FORMAT;
    session->position.gone = end->position.gone;
    if (!link->cut) session->position.cursor = end->position.cursor;
    session->ahead = link->cut || end->more;
    return session->queue.failed || link->page.failed ? ERR_MEMORY : OK;
}
