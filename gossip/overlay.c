#include "gossip/core.h"

#include <stdlib.h>
#include <string.h>

/* PROTOCOL.md 7.1: for up to 13 trusted nodes a full mesh: every node dials every other one that it is not linked to. */

static struct peer *link_peer(const struct gossip *gossip, const struct link *link) { return peers_find(&gossip->peers, link->node_id); }

/* The peer's slot, marks and outstanding questions are let go. The transport's link must be gone or about to be. */
static void forget(struct gossip *gossip, struct link *link) {
    unsigned slot = links_slot(&gossip->links, link);
    struct peer *peer = link_peer(gossip, link);
    if (peer && peer->slot == (int)slot) peer->slot = -1;
    for (size_t i = 0; i < gossip->peers.count; i++) log_link_gone(&gossip->peers.list[i]->log, link->number, slot);
    for (size_t i = 0; i < gossip->question_count; i++)
        if (gossip->questions[i].link == link->number) gossip->questions[i].link = UINT32_MAX; /* the answer is dropped */
    link_free(link);
}

void overlay_drop(struct gossip *gossip, struct link *link, const char *reason) {
    emit_close(gossip, link, reason);
    forget(gossip, link);
    sync_pump_all(gossip);
}

void overlay_refuse(struct gossip *gossip, struct link *link, enum notice_kind kind, enum err why) {
    struct peer *peer = link_peer(gossip, link);
    emit_notice(gossip, kind, link, peer ? peer->node.id : NULL, 0, why);
    if (peer && kind != NOTICE_PEER_RATE) {
        peer->refused_until_ms = gossip->monotonic_ms + LIMIT_REFUSE_MS;
        gossip->allow_dirty = true;
    }
    overlay_drop(gossip, link, err_text(why));
}

static void hello_send(struct gossip *gossip, struct link *link) {
    struct buf *message = emit_buf(gossip);
    if (!message) return;
    wire_hello(message, gossip->peers.members[0]->agency.id, gossip->self->node.id, link->nonce, gossip->instance);
    emit_send(gossip, link, message);
}

void overlay_link_up(struct gossip *gossip, const struct event *event) {
    struct peer *peer = peers_find_curve(&gossip->peers, event->link_up.curve_public);
    struct link *link = links_new(&gossip->links);
    if (peer && peer->dial_link == event->link_up.link) peer->dial_link = 0;
    if (!link || !peer || peer == gossip->self || !peer_welcome(peer, gossip->now_ms, gossip->monotonic_ms)) {
        struct action *action = emit(gossip, ACTION_CLOSE);
        action->close.link = event->link_up.link;
        action->close.reason = link ? "not welcome" : "too many links";
        return;
    }
    link->number = event->link_up.link;
    link->outbound = event->link_up.outbound;
    link->since_ms = gossip->monotonic_ms;
    memcpy(link->curve_public, event->link_up.curve_public, CURVE_KEY_BYTES);
    memcpy(link->node_id, peer->node.id, NODE_ID_BYTES);
    random_bytes(&gossip->random, link->nonce, sizeof link->nonce);
    hello_send(gossip, link);
}

static void dial_failed(struct gossip *gossip, struct peer *peer) {
    peer->dial_link = 0;
    peer->dial_backoff_ms = peer->dial_backoff_ms ? 2 * peer->dial_backoff_ms : DIAL_BACKOFF_FIRST_MS;
    if (peer->dial_backoff_ms > DIAL_BACKOFF_LAST_MS) peer->dial_backoff_ms = DIAL_BACKOFF_LAST_MS;
    /* Jitter of a quarter, so that a whole mesh does not come back at one moment. */
    peer->dial_next_ms = gossip->monotonic_ms + peer->dial_backoff_ms * 3 / 4 + random_below(&gossip->random, peer->dial_backoff_ms / 2);
}

void overlay_link_down(struct gossip *gossip, uint32_t number) {
    struct link *link = links_find(&gossip->links, number);
    struct peer *peer = link ? link_peer(gossip, link) : NULL;
    for (size_t i = 0; !peer && i < gossip->peers.count; i++)
        if (gossip->peers.list[i]->dial_link == number) peer = gossip->peers.list[i];
    if (link) forget(gossip, link);
    if (peer && peer->slot < 0) dial_failed(gossip, peer);
    if (link) sync_pump_all(gossip);
}

/* Two nodes that dialled each other keep the link that the smaller id opened; of two in one direction the newer is alive. */
static bool older_stays(const struct gossip *gossip, const struct link *older, const struct link *newer) {
    if (older->outbound == newer->outbound) return false;
    bool smaller = memcmp(gossip->self->node.id, older->node_id, NODE_ID_BYTES) < 0;
    return older->outbound == smaller;
}

void overlay_link_open(struct gossip *gossip, struct link *link) {
    struct peer *peer = link_peer(gossip, link);
    if (peer->slot >= 0) {
        struct link *older = &gossip->links.list[peer->slot];
        if (older_stays(gossip, older, link)) {
            overlay_drop(gossip, link, "a second link to one node");
            return;
        }
        overlay_drop(gossip, older, "replaced by a newer link");
    }
    link->state = LINK_OPEN;
    peer->slot = (int)links_slot(&gossip->links, link);
    peer->dial_backoff_ms = 0;
    emit_notice(gossip, NOTICE_LINK_OPEN, link, peer->node.id, 0, OK);
    sync_tags(gossip, link);
}

static bool linked(const struct gossip *gossip, const struct peer *peer) {
    if (peer->slot >= 0) return true;
    for (size_t i = 0; i < LIMIT_LINKS; i++) {
        const struct link *link = &gossip->links.list[i];
        if (link->number != 0 && memcmp(link->node_id, peer->node.id, NODE_ID_BYTES) == 0) return true;
    }
    return false;
}

static void dial(struct gossip *gossip, struct peer *peer) {
    if (peer == gossip->self || peer->dial_link != 0 || peer->node.endpoint_count == 0 || linked(gossip, peer)) return;
    if (gossip->monotonic_ms < peer->dial_next_ms || !peer_welcome(peer, gossip->now_ms, gossip->monotonic_ms)) return;
    gossip->link_next += 2;
    peer->dial_link = gossip->link_next;
    peer->dial_started_ms = gossip->monotonic_ms;
    struct action *action = emit(gossip, ACTION_DIAL);
    action->dial.link = peer->dial_link;
    action->dial.curve_public = peer->node.curve_public;
    action->dial.endpoint = peer->node.endpoints[peer->endpoint_next++ % peer->node.endpoint_count].text;
}

void overlay_allow(struct gossip *gossip) {
    uint8_t(*allowed)[CURVE_KEY_BYTES] = realloc(gossip->allowed, (gossip->peers.count + 1) * CURVE_KEY_BYTES);
    if (!allowed) {
        gossip->actions->failed = true;
        return;
    }
    gossip->allowed = allowed;
    gossip->allowed_count = 0;
    for (size_t i = 0; i < gossip->peers.count; i++) {
        const struct peer *peer = gossip->peers.list[i];
        if (peer == gossip->self || !peer_welcome(peer, gossip->now_ms, gossip->monotonic_ms)) continue;
        memcpy(allowed[gossip->allowed_count++], peer->node.curve_public, CURVE_KEY_BYTES);
    }
    gossip->allow_dirty = false;
    emit(gossip, ACTION_ALLOW);
}

static void links_check(struct gossip *gossip) {
    for (size_t i = 0; i < LIMIT_LINKS; i++) {
        struct link *link = &gossip->links.list[i];
        if (link->number == 0) continue;
        struct peer *peer = link_peer(gossip, link);
        if (!peer || !peer_welcome(peer, gossip->now_ms, gossip->monotonic_ms)) overlay_drop(gossip, link, "no longer welcome");
        else if (link->state != LINK_OPEN && gossip->monotonic_ms - link->since_ms > LIMIT_HANDSHAKE_MS)
            overlay_drop(gossip, link, "the handshake took too long");
        else if (link->broken_row > LIMIT_ANSWERS_BROKEN) overlay_drop(gossip, link, "too many broken answers");
    }
}

void overlay_tick(struct gossip *gossip) {
    links_check(gossip);
    for (size_t i = 0; i < gossip->peers.count; i++) {
        struct peer *peer = gossip->peers.list[i];
        if (peer->dial_link != 0 && gossip->monotonic_ms - peer->dial_started_ms > DIAL_TIMEOUT_MS) {
            struct action *action = emit(gossip, ACTION_CLOSE);
            action->close.link = peer->dial_link;
            action->close.reason = "no answer to the dial";
            dial_failed(gossip, peer);
        }
        dial(gossip, peer);
    }
    gossip->dial_due_ms = gossip->monotonic_ms + 1000;
}

uint64_t overlay_deadline(const struct gossip *gossip) {
    uint64_t due = gossip->dial_due_ms;
    for (size_t i = 0; i < gossip->peers.count; i++) {
        const struct peer *peer = gossip->peers.list[i];
        if (peer->slot < 0 && peer->dial_link == 0 && peer->dial_next_ms > gossip->monotonic_ms && peer->dial_next_ms < due) due = peer->dial_next_ms;
    }
    return due;
}
