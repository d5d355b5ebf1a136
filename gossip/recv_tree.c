#include "gossip/core.h"

/* PROTOCOL.md 7.2: the messages that shape the tree. */

enum err recv_announce(struct gossip *gossip, struct link *link, struct message *message) {
    struct wire_pairs pairs = message->announce.entries;
    uint8_t tag[WIRE_TAG_BYTES];
    uint64_t seq;
    if (!bucket_take(&link->announcements, gossip->monotonic_ms, 1, LIMIT_RATE_ANNOUNCE_PER_S, LIMIT_RATE_ANNOUNCE_BURST))
        return OK;
    link->announces_in++;
    while (wire_pair_next(&pairs, tag, &seq)) {
        int index = link_log_of_tag(link, &gossip->peers, tag);
        if (index < 0 || !link->logs[index].common) {
            link->ignored_tags++;
            continue;
        }
        if (seq > INT64_MAX) return ERR_RANGE;
        const struct peer *peer = gossip->peers.list[index];
        /* Of our own log HEADS alone counts; past a cut nothing is of interest. */
        if (peer->log.own || peer->log.frozen || (peer->node->revoked && seq > peer->node->revoked_seq)) continue;
        sync_heard(gossip, link, (size_t)index, seq);
        if (seq > peer->log.head) graft_want(gossip, link, (size_t)index, seq);
    }
    return OK;
}

enum err recv_graft(struct gossip *gossip, struct link *link, struct message *message) {
    struct wire_pairs pairs = message->graft.entries;
    uint8_t tag[WIRE_TAG_BYTES];
    uint64_t seq;
    if (pairs.count > LIMIT_GRAFT_ROWS) return ERR_LIMIT;
    if (!bucket_take(&link->announcements, gossip->monotonic_ms, 1 + pairs.count, LIMIT_RATE_ANNOUNCE_PER_S,
                     LIMIT_RATE_ANNOUNCE_BURST))
        return OK;
    link->eager_out = true;
    while (wire_pair_next(&pairs, tag, &seq)) {
        int index = link_log_of_tag(link, &gossip->peers, tag);
        if (index < 0 || !link->logs[index].common) {
            link->ignored_tags++;
            continue;
        }
        if (seq == 0 || seq > INT64_MAX) return ERR_RANGE;
        /* What is recent no more stands in the store: telling the head leads to a range. */
        if (!push_recent(gossip, link, (size_t)index, seq) && sync_claim(gossip->peers.list[index], NULL) >= seq) {
            link->logs[index].told = 0;
            tell_heads_due(gossip, link, (size_t)index);
        }
    }
    return OK;
}

enum err recv_prune(struct gossip *gossip, struct link *link, struct message *message) {
    (void)message;
    if (!bucket_take(&link->announcements, gossip->monotonic_ms, 1, LIMIT_RATE_ANNOUNCE_PER_S, LIMIT_RATE_ANNOUNCE_BURST))
        return OK;
    link->eager_out = false;
    return OK;
}
