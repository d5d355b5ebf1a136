#include "gossip/core.h"

#include <stdlib.h>
#include <string.h>

/* PROTOCOL.md 7.1: the life of a link. Whom to dial is dial.c, whom to keep keep.c. */

struct peer *overlay_peer(const struct gossip *gossip, const struct link *link) {
    return peers_find(&gossip->peers, link->node_id);
}

static void links_counted(struct gossip *gossip) {
    for (size_t i = 0; i < gossip->peers.member_count; i++) gossip->peers.members[i]->links = 0;
    for (size_t i = 0; i < gossip->links.end; i++) {
        const struct peer *peer = link_open(&gossip->links.list[i]) ? overlay_peer(gossip, &gossip->links.list[i]) : NULL;
        if (peer) gossip->peers.members[peer->member]->links++;
    }
    gossip->paths_dirty = true;
}

/* The peer's slot, marks and outstanding questions are let go. The transport's link must be gone or about to be. */
static void forget(struct gossip *gossip, struct link *link) {
    unsigned slot = links_slot(&gossip->links, link);
    struct peer *peer = overlay_peer(gossip, link);
    if (peer && peer->slot == (int)slot) peer->slot = -1;
    for (size_t k = 0; k < gossip->active_count; k++)
        log_link_gone(&gossip->peers.list[gossip->active[k]]->log, link->number, slot);
    for (size_t i = 0; i < gossip->question_places && gossip->question_count > 0; i++)
        if (gossip->questions[i].link == link->number) gossip->questions[i].link = UINT32_MAX; /* the answer is dropped */
    graft_link_gone(gossip, slot);
    if (gossip->stream_link == link->number) gossip->stream_link = 0;
    link_free(link);
    for (size_t k = 0; k < gossip->active_count; k++) sync_settle(gossip, gossip->active[k]);
    links_counted(gossip);
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
    struct peer *peer = overlay_peer(gossip, link);
    if (peer) ended(gossip, link, peer);
    overlay_cut(gossip, link, reason);
    sync_pump_all(gossip);
}

void overlay_refuse(struct gossip *gossip, struct link *link, enum notice_kind kind, enum err why) {
    struct peer *peer = overlay_peer(gossip, link);
    emit_notice(gossip, kind, link, peer ? peer->node->id : NULL, 0, why);
    if (peer) {
        peer->misdeed = why;
        peer->misdeed_ms = gossip->monotonic_ms;
        peer->misdeeds++;
    }
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

size_t overlay_links_of(const struct gossip *gossip, const struct peer *peer) {
    size_t count = 0;
    for (size_t i = 0; i < gossip->links.end; i++) {
        const struct link *link = &gossip->links.list[i];
        count += link->number != 0 && memcmp(link->node_id, peer->node->id, NODE_ID_BYTES) == 0;
    }
    return count;
}

/* Whose link is it? Two agencies may name one key, which is public, and only its owner can use it: HELLO and PROOF tell. Whom we
   dialled comes first, then who is welcome. */
static struct peer *speaker(const struct gossip *gossip, const struct event *event) {
    struct peer *found = NULL;
    for (size_t i = 0; i < gossip->peers.count; i++) {
        struct peer *peer = gossip->peers.list[i];
        if (memcmp(peer->node->curve_public, event->link_up.curve_public, CURVE_KEY_BYTES) != 0) continue;
        if (peer->dial_link == event->link_up.link) return peer;
        if (!found || !peer_welcome(found, gossip->now_ms, gossip->monotonic_ms)) found = peer;
    }
    return found;
}

/* When places become few an agency gets two more or less, and those whom we dial find some free: nobody fills them all. */
static bool crowded(const struct gossip *gossip, const struct peer *peer) {
    size_t used = 0, same = 0;
    for (size_t i = 0; i < gossip->links.end; i++) {
        const struct peer *other = gossip->links.list[i].number ? overlay_peer(gossip, &gossip->links.list[i]) : NULL;
        used += gossip->links.list[i].number != 0;
        same += other && other->member == peer->member;
    }
    return used >= LIMIT_LINKS - 2 * OVERLAY_OUTBOUND || (used >= LIMIT_LINKS / 2 && same >= LIMIT_LINKS_OF_AGENCY);
}

void overlay_link_up(struct gossip *gossip, const struct event *event) {
    struct peer *peer = speaker(gossip, event);
    struct link *link = links_new(&gossip->links);
    bool probe = peer && peer->dial_link == event->link_up.link && peer->dial_probe;
    if (peer && peer->dial_link == event->link_up.link) dial_over(gossip, peer);
    bool crowd =
        peer && (overlay_links_of(gossip, peer) >= LIMIT_LINKS_OF_NODE || (!event->link_up.outbound && crowded(gossip, peer)));
    if (!link || !peer || crowd || peer == gossip->self || !peer_welcome(peer, gossip->now_ms, gossip->monotonic_ms)) {
        if (peer && event->link_up.outbound) dial_failed(gossip, peer);
        struct action *action = emit(gossip, ACTION_CLOSE);
        action->close.link = event->link_up.link;
        action->close.reason = link && !crowd ? "not welcome" : "too many links";
        return;
    }
    links_take(&gossip->links, link, event->link_up.link);
    link->outbound = event->link_up.outbound;
    link->probe = probe;
    link->since_ms = link->received_ms = gossip->monotonic_ms;
    memcpy(link->curve_public, event->link_up.curve_public, CURVE_KEY_BYTES);
    memcpy(link->node_id, peer->node->id, NODE_ID_BYTES);
    random_bytes(&gossip->random, link->nonce, sizeof link->nonce);
    hello_send(gossip, link);
    gossip_due(gossip, gossip->monotonic_ms + LIMIT_HANDSHAKE_MS);
}

void overlay_link_down(struct gossip *gossip, uint32_t number) {
    struct link *link = links_find(&gossip->links, number);
    if (link) {
        struct peer *peer = overlay_peer(gossip, link);
        if (peer) ended(gossip, link, peer);
        forget(gossip, link);
        sync_pump_all(gossip);
        return;
    }
    for (size_t i = 0; i < gossip->peers.count; i++) {
        struct peer *peer = gossip->peers.list[i];
        if (peer->dial_link != number) continue;
        dial_over(gossip, peer);
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
    struct peer *peer = overlay_peer(gossip, link);
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
    link->rtt_ms = (uint32_t)(gossip->monotonic_ms - link->since_ms);
    /* Not all of a day's links on one minute. */
    link->renew_ms = gossip->monotonic_ms + OVERLAY_RENEW_MS - random_below(&gossip->random, OVERLAY_RENEW_MS / 8);
    link->eager_in = link->eager_out = true;
    peer->slot = (int)links_slot(&gossip->links, link);
    links_counted(gossip);
    emit_notice(gossip, NOTICE_LINK_OPEN, link, peer->node->id, 0, OK);
    if (link->probe) {
        struct buf *message = emit_buf(gossip);
        link->eager_in = link->eager_out = false;
        if (message) wire_prune(message);
        emit_send(gossip, link, message);
    }
    tell_trust(gossip, link);
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

static bool silent(const struct gossip *gossip, const struct link *link) {
    return link->owes && gossip->monotonic_ms - link->received_ms > LIMIT_SILENT_MS;
}

/* Most links silent at once: more likely this node was stopped for a while than all of them. They are given the time once more. */
static bool suspect_self(struct gossip *gossip) {
    size_t open = 0, quiet = 0;
    for (size_t i = 0; i < gossip->links.end; i++) {
        const struct link *link = &gossip->links.list[i];
        if (!link_open(link)) continue;
        open++;
        quiet += silent(gossip, link);
    }
    if (open < 3 || 2 * quiet <= open) return gossip->self_suspect = gossip->self_suspect && quiet > 0, false;
    if (gossip->self_suspect) return false; /* once */
    gossip->self_suspect = true;
    emit_notice(gossip, NOTICE_SELF_SUSPECT, NULL, NULL, 0, OK);
    for (size_t i = 0; i < gossip->links.end; i++) {
        struct link *link = &gossip->links.list[i];
        if (!link_open(link) || !silent(gossip, link)) continue;
        link->received_ms = gossip->monotonic_ms;
        link->broken_row = 0;
        if (link->generation_heard) tell_digest(gossip, link, true);
    }
    return true;
}

static void links_check(struct gossip *gossip) {
    bool suspect = suspect_self(gossip);
    for (size_t i = 0; i < gossip->links.end; i++) {
        struct link *link = &gossip->links.list[i];
        if (link->number == 0) continue;
        struct peer *peer = overlay_peer(gossip, link);
        if (!peer || !peer_welcome(peer, gossip->now_ms, gossip->monotonic_ms))
            overlay_drop(gossip, link, "no longer welcome");
        else if (link->state != LINK_OPEN && gossip->monotonic_ms - link->since_ms > LIMIT_HANDSHAKE_MS)
            overlay_drop(gossip, link, "the handshake took too long");
        else if (link->state == LINK_OPEN && !link->generation_heard && !link->trust_due_ms &&
                 gossip->monotonic_ms - link->since_ms > 2 * LIMIT_HANDSHAKE_MS)
            overlay_drop(gossip, link, "it never told what it trusts");
        else if (suspect)
            continue;
        else if (silent(gossip, link))
            overlay_drop(gossip, link, "it owes an answer and is silent");
        else if (link->broken_row > LIMIT_ANSWERS_BROKEN)
            overlay_drop(gossip, link, "too many broken answers");
    }
}

void overlay_tick(struct gossip *gossip) {
    if (gossip->overlay_due_ms <= gossip->monotonic_ms) {
        gossip->overlay_due_ms = gossip->monotonic_ms + 1000;
        links_check(gossip);
        keep_tick(gossip);
        dial_tick(gossip);
    }
    gossip_due(gossip, gossip->overlay_due_ms);
}
