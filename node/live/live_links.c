/* live_links: the live process's connections to the engine, opened before its sandbox closes, and the questions asked over them: one
   at a time on each, in turns, so that no client waits for another's pages. */
#include "gossip/pack.h"
#include "gossip/policy_facts.h"
#include "node/engine/control.h"
#include "node/formats/document.h"
#include "node/live/live_state.h"
#include "node/subscribe/take_wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_MS 1000

enum err live_links_open(struct live *live) {
    enum err err = control_connect(&live->watch, live->settings.dir);
    for (size_t i = 0; err == OK && i < LIVE_LINKS; i++) {
        struct live_link *link = &live->links[i];
        err = control_connect(&link->channel, live->settings.dir);
        link->facts = web_facts_new();
        link->item = calloc(1, sizeof *link->item);
        if (err == OK && (!link->facts || !link->item)) err = ERR_MEMORY;
    }
    return err;
}

void live_links_close(struct live *live) {
    for (size_t i = 0; i < LIVE_LINKS; i++) {
        struct live_link *link = &live->links[i];
        if (link->channel.fd >= 0) channel_close(&link->channel);
        web_facts_free(link->facts);
        free(link->item);
        buf_free(&link->page);
    }
    if (live->watch.fd >= 0) channel_close(&live->watch);
}

void live_links_forget(struct live *live, const struct live_session *session) {
    for (size_t i = 0; i < LIVE_LINKS; i++)
        if (live->links[i].session == session) live->links[i].session = NULL;
}

/* --- asking --- */

static void link_ask(struct live *live, struct live_link *link, enum live_job job, enum frame_type type, struct buf *body) {
    enum err err = buf_result(body);
    link->job = job;
    link->cut = false;
    buf_clear(&link->page);
    if (err == OK) err = channel_send(&link->channel, type, ++link->tag, bytes_of_buf(body));
    buf_free(body);
    if (err != OK) live_break(live, err_text(err));
}

/* Is there such a subscription, and where does it stand? */
static void begin_ask(struct live *live, struct live_link *link, struct live_session *session) {
    struct buf body = {0};
    pack_write_array(&body, 2);
    pack_write_str(&body, bytes_of_text("show"));
    pack_write_str(&body, bytes_of_text(session->subscription));
    link_ask(live, link, LIVE_JOB_BEGIN, FRAME_ASK_SUBSCRIPTION, &body);
}

/* At most what the client still takes. */
static void take_ask(struct live *live, struct live_link *link, struct live_session *session, uint64_t limit) {
    /* Which subscriptions it may follow says what it may hold, also when it follows another one today. */
    const struct take_question question = {.subscription = bytes_of_text(session->subscription),
                                           .exit = POLICY_LIVE,
                                           .who = bytes_of_text(session->name),
                                           .labels = session->labels,
                                           .limit = limit,
                                           .stored = session->stored && !session->paged,
                                           .at = {session->position.cursor, session->position.gone},
                                           .scope.any = true,
                                           .kind = TAKE_KIND_CLIENT,
                                           .terms = bytes_of(session->terms, sizeof session->terms)};
    struct buf body = {0};
    take_question_write(&body, &question);
    link_ask(live, link, LIVE_JOB_TAKE, FRAME_ASK_TAKE, &body);
}

static void taken_ask(struct live *live, struct live_link *link, struct live_session *session) {
    const struct take_taken taken = {.subscription = bytes_of_text(session->subscription),
                                     .at = {session->acknowledged.cursor, session->acknowledged.gone},
                                     .delivered = session->delivered - session->delivered_taken};
    struct buf body = {0};
    take_taken_write(&body, &taken);
    session->taken = session->acknowledged;
    session->delivered_taken = session->delivered;
    link_ask(live, link, LIVE_JOB_TAKEN, FRAME_ASK_TAKEN, &body);
}

static void pub_ask(struct live *live, struct live_link *link) {
    struct buf body = {0};
    pack_write_array(&body, 9);
    pack_write_uint(&body, live->pub.position);
    pack_write_uint(&body, 0);
    pack_write_uint(&body, live_labels(live->settings.pub_label_max));
    pack_write_uint(&body, CONTROL_VERSION_LAST);
    pack_write_uint(&body, LIVE_PAGE_MAX);
    pack_write_uint(&body, POLICY_LIVE);
    pack_write_str(&body, bytes_of_text("live.pub"));
    pack_write_array(&body, 0);
    pack_write_array(&body, 0);
    link_ask(live, link, LIVE_JOB_PUB, FRAME_ASK_PAGE, &body);
}

static bool session_behind(const struct live *live, const struct live_session *session) {
    return session->ahead || !live_position_within(live->newest, session->position);
}

static bool session_wants_page(const struct live *live, const struct live_session *session) {
    if (session->credit == 0 || live_queued_bytes(session) > LIVE_QUEUE_BYTES_MAX / 4) return false;
    return session_behind(live, session);
}

bool live_session_starves(const struct live *live, const struct live_session *session) {
    return session->begun && session->ending == LIVE_GOES_ON && session->credit == 0 && session_behind(live, session);
}

bool live_session_wants_taken(const struct live_session *session) {
    return session->stored && session->begun && !live_position_within(session->acknowledged, session->taken);
}

/* Is the subscription's own position still on its way to where an earlier session of it came? */
static bool position_moves(const struct live *live, const struct live_session *session) {
    for (size_t i = 0; session->stored && i < live->session_count; i++) {
        const struct live_session *other = live->sessions[i];
        if (other == session || !other->stored || strcmp(other->subscription, session->subscription) != 0) continue;
        if (live_session_wants_taken(other) || (other->begun && other->asking)) return true;
    }
    return false;
}

/* True: it had something to ask, and the connection is busy now. */
static bool session_ask(struct live *live, struct live_link *link, struct live_session *session, uint64_t now_ms) {
    bool over = session->ending != LIVE_GOES_ON || session->left;
    if (session->asking || now_ms < session->retry_ms) return false;
    link->session = session;
    if (live_session_wants_taken(session))
        taken_ask(live, link, session);
    else if (over)
        link->session = NULL;
    else if (!session->begun && session->subscription[0] && !position_moves(live, session))
        begin_ask(live, link, session);
    else if (session->begun && session_wants_page(live, session))
        take_ask(live, link, session, session->credit < LIVE_PAGE_MAX ? session->credit : LIVE_PAGE_MAX);
    else
        link->session = NULL;
    session->asking = link->session != NULL;
    return session->asking;
}

void live_links_ask(struct live *live, uint64_t now_ms) {
    size_t asked = 0, places = live->session_count + 1;
    for (size_t i = 0; i < LIVE_LINKS && !live->broken; i++) {
        struct live_link *link = &live->links[i];
        while (link->job == LIVE_JOB_NONE && asked++ < places) {
            size_t turn = live->turn++ % places;
            if (turn < live->session_count) {
                session_ask(live, link, live->sessions[turn], now_ms);
            } else if (live_pub_wants(live, now_ms)) {
                live->pub.asking = true;
                pub_ask(live, link);
            }
        }
    }
}

/* --- answers --- */

static void link_free(struct live_link *link) {
    if (link->session) link->session->asking = false;
    link->session = NULL;
    link->job = LIVE_JOB_NONE;
    if (link->page.capacity > LIVE_QUEUE_BYTES_MAX) buf_free(&link->page);
}

static void error_take(struct live *live, struct live_link *link, struct bytes body, uint64_t now_ms) {
    struct pack_reader in = pack_reader_of(body);
    char text[300];
    struct live_session *session = link->session;
    pack_read_array(&in);
    uint64_t code = pack_read_uint(&in);
    struct bytes said = pack_read_str(&in);
    if (link->job == LIVE_JOB_PUB) {
        live->pub.retry_ms = now_ms + RETRY_MS;
        live->pub.asking = false;
    }
    snprintf(text, sizeof text, "%.*s", (int)(said.size < 280 ? said.size : 280), said.size > 0 ? (const char *)said.data : "");
    if (link->job == LIVE_JOB_PUB) log_debug("the publisher's page: %s", text);
    if (!session) return;
    if (code == ERR_BUSY) {
        session->retry_ms = now_ms + RETRY_MS;
        if (link->job == LIVE_JOB_TAKEN) session->taken = (struct take_position){0};
    } else if (code == ERR_NOT_FOUND)
        live_session_end(session, "subscription",
                         "there is no such subscription here; its name is to be asked of the node's operator", now_ms);
    else
        live_session_end(session, "engine", text, now_ms);
}

/* The subscription's facts, and with them the welcome. */
static enum err document_take(struct live_link *link, struct bytes body) {
    struct live_session *session = link->session;
    struct take_position stands;
    if (link->job != LIVE_JOB_BEGIN || !document_uint(&stands.cursor, body, "cursor") || !document_uint(&stands.gone, body, "gone"))
        return ERR_FORMAT;
    if (session && session->ending == LIVE_GOES_ON) live_session_welcome(session, session->stored ? stands : session->position);
    return OK;
}

static enum err take_done(struct live *live, struct live_link *link, struct bytes body) {
    struct take_end end;
    enum err err = take_end_read(&end, body);
    if (err != OK || !link->session || link->session->ending != LIVE_GOES_ON) return err;
    link->session->paged = true;
    return live_page_queue(live, link, &end);
}

static enum err pub_done(struct live *live, struct live_link *link, struct bytes body) {
    struct pack_reader in = pack_reader_of(body);
    if (pack_read_array(&in) != 3) return ERR_FORMAT;
    pack_read_uint(&in);
    uint64_t cursor = pack_read_uint(&in);
    bool more = pack_read_bool(&in);
    live->pub.asking = false;
    return pack_done(&in) == OK ? live_pub_page(live, link, cursor, more) : ERR_FORMAT;
}

static enum err answer_take(struct live *live, struct live_link *link, const struct frame *frame, uint64_t now_ms) {
    enum err err = OK;
    if (link->job == LIVE_JOB_NONE || frame->tag != link->tag) return ERR_FORMAT;
    switch (frame->type) {
    case FRAME_ANSWER_PAGE:
        if (link->session || link->job == LIVE_JOB_PUB) live_page_gather(link, frame->body);
        return OK;
    case FRAME_ANSWER_DOCUMENT: return document_take(link, frame->body);
    case FRAME_ANSWER_ERROR: error_take(live, link, frame->body, now_ms); break;
    case FRAME_ANSWER_DONE:
        if (link->job == LIVE_JOB_PUB)
            err = pub_done(live, link, frame->body);
        else if (link->job == LIVE_JOB_TAKE)
            err = take_done(live, link, frame->body);
        break;
    default: return ERR_FORMAT;
    }
    link_free(link);
    return err;
}

void live_link_read(struct live *live, struct live_link *link, uint64_t now_ms) {
    struct frame frame;
    enum err filled = channel_fill(&link->channel), err = OK, next;
    while (err == OK && (next = channel_next(&link->channel, &frame)) == OK) err = answer_take(live, link, &frame, now_ms);
    if (err == OK && filled == OK && next == ERR_NOT_FOUND) return;
    live_break(live, err_text(err != OK ? err : filled != OK ? filled : next));
}
