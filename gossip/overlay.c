#include "gossip/core.h"

#include <stdlib.h>
#include <string.h>

/* PROTOCOL.md 7.1: for up to 13 trusted nodes a full mesh: every node dials every other one that it is not linked to. */

static struct peer *link_peer(const struct gossip *gossip, const struct link *link) {
    return peers_find(&gossip->peers, link->node_id);
}

/* The peer's slot, marks and outstanding questions are let go. The transport's link must be gone or about to be. */
static void forget(struct gossip *gossip, struct link *link) {
    unsigned slot = links_slot(&gossip->links, link);
    struct peer *peer = link_peer(gossip, link);
    if (peer && peer->slot == (int)slot) peer->slot = -1;
    for (size_t i = 0; i < gossip->peers.count; i++) log_link_gone(&gossip->peers.list[i]->log, link->number, slot);
    for (size_t i = 0; i < LIMIT_TICKETS; i++)
        if (gossip->questions[i].link == link->number) gossip->questions[i].link = UINT32_MAX; /* the answer is dropped */
    link_free(link);
    for (size_t i = 0; i < gossip->peers.count; i++) sync_settle(gossip, i);
}

static void dial_failed(struct gossip *gossip, struct peer *peer) {
    peer->dial_backoff_ms = peer->dial_backoff_ms ? 2 * peer->dial_backoff_ms : DIAL_BACKOFF_FIRST_MS;
    if (peer->dial_backoff_ms > DIAL_BACKOFF_LAST_MS) peer->dial_backoff_ms = DIAL_BACKOFF_LAST_MS;
    /* Jitter of a quarter, so that a whole mesh does not come back at one moment. */
    peer->dial_next_ms =
        gossip->monotonic_ms + peer->dial_backoff_ms * 3 / 4 + random_below(&gossip->random, peer->dial_backoff_ms / 2);
    if (gossip->dial_due_ms > peer->dial_next_ms) gossip->dial_due_ms = peer->dial_next_ms;
}

/* A link ended: dial again soon after a stable one, later and later after others. */
static void ended(struct gossip *gossip, const struct link *link, struct peer *peer) {
    if (link->state == LINK_OPEN && gossip->monotonic_ms - link->since_ms >= DIAL_STABLE_MS) peer->dial_backoff_ms = 0;
    dial_failed(gossip, peer);
}

void overlay_cut(struct gossip *gossip, struct link *link, const char *reason) {
    emit_close(gossip, link, reason);
    forget(gossip, link);
}

void overlay_drop(struct gossip *gossip, struct link *link, const char *reason) {
    struct peer *peer = link_peer(gossip, link);
    if (peer) ended(gossip, link, peer);
    overlay_cut(gossip, link, reason);
    sync_pump_all(gossip);
}

void overlay_refuse(struct gossip *gossip, struct link *link, enum notice_kind kind, enum err why) {
    struct peer *peer = link_peer(gossip, link);
    emit_notice(gossip, kind, link, peer ? peer->node->id : NULL, 0, why);
    if (peer && kind != NOTICE_PEER_RATE) {
        peer->refused_until_ms = gossip->monotonic_ms + LIMIT_REFUSE_MS;
        gossip->allow_dirty = true;
    }
    overlay_drop(gossip, link, err_text(why));
}

static void hello_send(struct gossip *gossip, struct link *link) {
    struct buf *message = emit_buf(gossip);
    if (!message) return;
    wire_hello(message, gossip->peers.members[0]->agency->id, gossip->self->node->id, link->nonce, gossip->instance);
    emit_send(gossip, link, message);
}

static size_t links_of(const struct gossip *gossip, const struct peer *peer) {
    size_t count = 0;
    for (size_t i = 0; i < LIMIT_LINKS; i++) {
        const struct link *link = &gossip->links.list[i];
        count += link->number != 0 && memcmp(link->node_id, peer->node->id, NODE_ID_BYTES) == 0;
    }
    return count;
}

void overlay_link_up(struct gossip *gossip, const struct event *event) {
    struct peer *peer = peers_find_curve(&gossip->peers, event->link_up.curve_public);
    struct link *link = links_new(&gossip->links);
    if (peer && peer->dial_link == event->link_up.link) peer->dial_link = 0;
    bool crowd = peer && links_of(gossip, peer) >= LIMIT_LINKS_OF_NODE;
    if (!link || !peer || crowd || peer == gossip->self || !peer_welcome(peer, gossip->now_ms, gossip->monotonic_ms)) {
        if (peer && event->link_up.outbound) dial_failed(gossip, peer);
        struct action *action = emit(gossip, ACTION_CLOSE);
        action->close.link = event->link_up.link;
        action->close.reason = link && !crowd ? "not welcome" : "too many links";
        return;
    }
    link->number = event->link_up.link;
    link->outbound = event->link_up.outbound;
    link->since_ms = gossip->monotonic_ms;
    memcpy(link->curve_public, event->link_up.curve_public, CURVE_KEY_BYTES);
    memcpy(link->node_id, peer->node->id, NODE_ID_BYTES);
    random_bytes(&gossip->random, link->nonce, sizeof link->nonce);
    hello_send(gossip, link);
}

void overlay_link_down(struct gossip *gossip, uint32_t number) {
    struct link *link = links_find(&gossip->links, number);
    if (link) {
        struct peer *peer = link_peer(gossip, link);
        if (peer) ended(gossip, link, peer);
        forget(gossip, link);
        sync_pump_all(gossip);
        return;
    }
    for (size_t i = 0; i < gossip->peers.count; i++) {
        struct peer *peer = gossip->peers.list[i];
        if (peer->dial_link != number) continue;
        peer->dial_link = 0;
        dial_failed(gossip, peer);
    }
}

/* Two nodes that dialled each other keep the link that the smaller id opened; of two in one direction the newer is alive. */
static bool older_stays(const struct gossip *gossip, const struct link *older, const struct link *newer) {
    if (older->outbound == newer->outbound) return false;
    bool smaller = memcmp(gossip->self->node->id, older->node_id, NODE_ID_BYTES) < 0;
    return older->outbound == smaller;
}

void overlay_link_open(struct gossip *gossip, struct link *link) {
    struct peer *peer = link_peer(gossip, link);
    if (peer->slot >= 0) {
        struct link *older = &gossip->links.list[peer->slot];
        if (older_stays(gossip, older, link)) {
            overlay_cut(gossip, link, "a second link to one node");
            return;
        }
        overlay_cut(gossip, older, "replaced by a newer link");
        sync_pump_all(gossip);
    }
    link->state = LINK_OPEN;
    peer->slot = (int)links_slot(&gossip->links, link);
    emit_notice(gossip, NOTICE_LINK_OPEN, link, peer->node->id, 0, OK);
    sync_tags(gossip, link);
}

/* May this node be dialled now? */
static bool dialable(const struct gossip *gossip, const struct peer *peer) {
    if (peer == gossip->self || peer->dial_link != 0 || peer->node->endpoint_count == 0 || peer->slot >= 0) return false;
    if (gossip->monotonic_ms < peer->dial_next_ms || !peer_welcome(peer, gossip->now_ms, gossip->monotonic_ms)) return false;
    return links_of(gossip, peer) == 0;
}

static void dial(struct gossip *gossip, struct peer *peer) {
    gossip->link_next += 2;
    peer->dial_link = gossip->link_next;
    peer->dial_started_ms = gossip->monotonic_ms;
    struct action *action = emit(gossip, ACTION_DIAL);
    action->dial.link = peer->dial_link;
    action->dial.curve_public = peer->node->curve_public;
    action->dial.endpoint = peer->node->endpoints[peer->endpoint_next++ % peer->node->endpoint_count].text;
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
        struct peer *peer = gossip->peers.list[i];
        peer->allowed = peer != gossip->self && peer_welcome(peer, gossip->now_ms, gossip->monotonic_ms);
        if (!peer->allowed) continue;
        memcpy(allowed[gossip->allowed_count++], peer->node->curve_public, CURVE_KEY_BYTES);
    }
    gossip->allow_dirty = false;
    emit(gossip, ACTION_ALLOW);
}

static void links_check(struct gossip *gossip) {
    for (size_t i = 0; i < LIMIT_LINKS; i++) {
        struct link *link = &gossip->links.list[i];
        if (link->number == 0) continue;
        struct peer *peer = link_peer(gossip, link);
        if (!peer || !peer_welcome(peer, gossip->now_ms, gossip->monotonic_ms))
            overlay_drop(gossip, link, "no longer welcome");
        else if (link->state != LINK_OPEN && gossip->monotonic_ms - link->since_ms > LIMIT_HANDSHAKE_MS)
            overlay_drop(gossip, link, "the handshake took too long");
        else if (link->owes && gossip->monotonic_ms - link->received_ms > LIMIT_SILENT_MS)
            overlay_drop(gossip, link, "it owes an answer and is silent");
        else if (link->broken_row > LIMIT_ANSWERS_BROKEN)
            overlay_drop(gossip, link, "too many broken answers");
    }
}

void overlay_tick(struct gossip *gossip) {
    size_t count = gossip->peers.count, busy = 0;
    gossip->dial_due_ms = gossip->monotonic_ms + 1000;
    links_check(gossip);
    for (size_t i = 0; i < LIMIT_LINKS; i++) busy += gossip->links.list[i].number != 0;
    for (size_t i = 0; i < count; i++) {
        struct peer *peer = gossip->peers.list[i];
        /* Certificates begin and end, and a refusal's hour passes: who may connect changes by time alone. */
        if (peer->allowed != (peer != gossip->self && peer_welcome(peer, gossip->now_ms, gossip->monotonic_ms)))
            gossip->allow_dirty = true;
        if (peer->dial_link != 0 && gossip->monotonic_ms - peer->dial_started_ms > DIAL_TIMEOUT_MS) {
            struct action *action = emit(gossip, ACTION_CLOSE);
            action->close.link = peer->dial_link;
            action->close.reason = "no answer to the dial";
            peer->dial_link = 0;
            dial_failed(gossip, peer);
        }
        busy += peer->dial_link != 0;
    }
    /* From a random one on, so that in a large mesh not all dial the same few; with enough links only one more now and then,
       believed up or down: so halves of a mesh find each other again. */
    bool any = gossip->dial_any_ms <= gossip->monotonic_ms && busy < LIMIT_LINKS - 1;
    if (any)
        gossip->dial_any_ms = gossip->monotonic_ms + DIAL_INTERVAL_MS * 3 / 4 + random_below(&gossip->random, DIAL_INTERVAL_MS / 2);
    size_t start = random_below(&gossip->random, count);
    for (size_t k = 0; k < count && (any || busy < LIMIT_LINKS_DIALLED); k++) {
        struct peer *peer = gossip->peers.list[(start + k) % count];
        if (!dialable(gossip, peer)) continue;
        dial(gossip, peer);
        busy++;
        if (busy >= LIMIT_LINKS_DIALLED) any = false;
    }
}

uint64_t overlay_deadline(const struct gossip *gossip) { return gossip->dial_due_ms; }
