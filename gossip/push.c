#include "gossip/core.h"

#include <string.h>

/* PROTOCOL.md 7.2: the author floods; others push to the links that did not prune them and announce to the rest. A link that is full
   is passed over: sync makes up for it. */

static void announce(struct gossip *gossip, struct link *link, size_t index, uint64_t seq) {
    const uint8_t *tag = link_tag_of_log(link, &gossip->peers, index);
    struct wire_pair pair = {.number = seq};
    if (!bucket_take(&link->announces_out, gossip->monotonic_ms, 1, LIMIT_ANNOUNCE_OUT_PER_S, LIMIT_ANNOUNCE_OUT_BURST)) return;
    struct buf *message = tag ? emit_buf(gossip) : NULL;
    if (!message) return;
    memcpy(pair.tag, tag, WIRE_TAG_BYTES);
    wire_announce(message, &pair, 1);
    emit_send(gossip, link, message);
    link->logs[index].told = seq;
}

void push_entry(struct gossip *gossip, size_t index, uint64_t seq, struct bytes entry, enum push_payload state,
                struct bytes payload, const struct link *except) {
    bool own = gossip->peers.list[index]->log.own;
    struct buf *message = NULL;
    for (size_t i = 0; i < gossip->links.end; i++) {
        struct link *link = &gossip->links.list[i];
        if (link == except || !link_shares(link, index) || link->logs[index].heard >= seq) continue;
        if (link->queued_bytes > LIMIT_LINK_QUEUE_BYTES) {
            link->pushes_dropped++;
            continue;
        }
        if (!own && !link->eager_out) {
            announce(gossip, link, index, seq);
            continue;
        }
        if (!message) {
            message = emit_buf(gossip);
            if (!message) return;
            wire_push(message, entry, state, payload);
        }
        emit_send(gossip, link, message);
        /* No claim (that is HEADS alone), but the peer has it now and need not be told again. */
        if (link->logs[index].told < seq) link->logs[index].told = seq;
    }
}

static void have(struct gossip *gossip, struct link *link, size_t index, uint64_t seq) {
    const uint8_t *tag = link_tag_of_log(link, &gossip->peers, index);
    struct wire_pair pair = {.number = seq};
    struct buf *message = tag ? emit_buf(gossip) : NULL;
    if (!message) return;
    memcpy(pair.tag, tag, WIRE_TAG_BYTES);
    wire_have(message, &pair, 1);
    emit_send(gossip, link, message);
}

void push_have(struct gossip *gossip, size_t index, uint64_t seq, uint64_t holders) {
    for (size_t i = 0; i < gossip->links.end; i++) {
        struct link *link = &gossip->links.list[i];
        if (!link_shares(link, index) || link->queued_bytes > LIMIT_LINK_QUEUE_BYTES || (holders >> i & 1)) continue;
        /* The author needs no offer of its own payload. */
        if (memcmp(link->node_id, gossip->peers.list[index]->node->id, NODE_ID_BYTES) != 0) have(gossip, link, index, seq);
    }
}

void push_acknowledge(struct gossip *gossip, size_t index, uint64_t seq) {
    const struct peer *author = gossip->peers.list[index];
    struct link *link = author->slot >= 0 ? &gossip->links.list[author->slot] : NULL;
    if (link && link_shares(link, index)) have(gossip, link, index, seq);
}

void push_direct(struct gossip *gossip, struct link *link) {
    struct wire_pair pairs[DIRECT_TELL_ROWS];
    uint32_t count = 0;
    const uint8_t *tag = gossip->direct.count > 0 ? link_tag_of_log(link, &gossip->peers, gossip->self->index) : NULL;
    if (!tag || !link_shares(link, gossip->self->index)) return;
    for (size_t i = 0; i < gossip->direct.count && count < DIRECT_TELL_ROWS; i++) {
        if (!direct_waits(&gossip->direct.list[i], link->node_id)) continue;
        memcpy(pairs[count].tag, tag, WIRE_TAG_BYTES);
        pairs[count++].number = gossip->direct.list[i].seq;
    }
    struct buf *message = count > 0 ? emit_buf(gossip) : NULL;
    if (!message) return;
    wire_have(message, pairs, count);
    emit_send(gossip, link, message);
}

bool push_recent(struct gossip *gossip, struct link *link, size_t index, uint64_t seq) {
    struct peer *peer = gossip->peers.list[index];
    size_t count = 0;
    if (peer->log.frozen || peer->node->revoked) return false; /* what is recent may lie behind the fork, or the cut */
    for (; count < LIMIT_GRAFT_ROWS && link->queued_bytes <= LIMIT_LINK_QUEUE_BYTES; count++, seq++) {
        const struct recent_row *row = recent_find(&gossip->recent, peer->node->id, seq);
        if (!row) break;
        const struct missing *missing = log_missing_find(&peer->log, seq);
        bool here = row->block && !missing && !recalled_has(&peer->log.recalled, seq);
        enum push_payload state = row->payload.size > 0 ? PUSH_INLINE : here ? PUSH_HERE : PUSH_AWAITED;
        struct buf *message = emit_buf(gossip);
        if (!message) break;
        wire_push(message, bytes_of_buf(&row->entry), state, bytes_of_buf(&row->payload));
        emit_send(gossip, link, message);
        if (link->logs[index].told < seq) link->logs[index].told = seq;
    }
    return count > 0;
}

void push_copy(struct gossip *gossip, struct link *link, struct recent_row *row) {
    link->copies_in++;
    uint64_t mark = 1ull << links_slot(&gossip->links, link);
    if (!row || (row->from & mark)) return; /* the same link again is no other way in */
    row->from |= mark;
    if (++row->copies <= PUSH_COPIES || !link->eager_in) return;
    struct buf *message = emit_buf(gossip);
    if (!message) return;
    wire_prune(message);
    emit_send(gossip, link, message);
    link->eager_in = false;
    link->prunes_out++;
}
