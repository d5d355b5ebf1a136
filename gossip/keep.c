#include "gossip/core.h"

/* PROTOCOL.md 7.1: which links stay. A probe that found nothing new goes; beyond sixteen the least useful one goes; every link is
   renewed daily, so that no connection's keys live long. */

static void probe_end(struct gossip *gossip, struct link *link, size_t open) {
    if (link->useful || open < OVERLAY_LINKS) {
        link->probe = false; /* there was news, or links are few: an ordinary one from now on */
        struct buf *message = emit_buf(gossip);
        if (!message) return;
        wire_graft(message, NULL, 0);
        emit_send(gossip, link, message);
        link->eager_in = link->eager_out = true;
        return;
    }
    overlay_cut(gossip, link, "looked for news, and there was none");
}

/* Is it the only way, or one of two, to some log? Links that carry everything are never the last ones while there are three. */
static bool carries_alone(const struct gossip *gossip, const struct link *link) {
    size_t same = 0;
    for (size_t i = 0; i < gossip->links.end; i++) same += link_open(&gossip->links.list[i]) && gossip->links.list[i].same;
    if (same > OVERLAY_CARRIERS) return false;
    for (size_t i = 0; i < link->log_count; i++) {
        size_t others = 0;
        if (!link->logs[i].common) continue;
        for (size_t k = 0; k < gossip->links.end && others < OVERLAY_CARRIERS; k++)
            others += &gossip->links.list[k] != link && link_shares(&gossip->links.list[k], i);
        if (others < OVERLAY_CARRIERS) return true;
    }
    return false;
}

/* The smaller, the sooner it goes: more than two of an agency, then links of nobody's tree, then a random one. */
static unsigned worth(struct gossip *gossip, const struct link *link) {
    const struct peer *peer = overlay_peer(gossip, link);
    bool crowd = peer && gossip->peers.members[peer->member]->links > LIMIT_LINKS_OF_AGENCY;
    return (crowd ? 0 : 1000) + (link->eager_in ? 100 : 0) + (link->eager_out ? 100 : 0) +
           (unsigned)random_below(&gossip->random, 100);
}

static struct link *least(struct gossip *gossip, size_t outbound) {
    struct link *found = NULL;
    unsigned found_worth = 0;
    for (size_t i = 0; i < gossip->links.end; i++) {
        struct link *link = &gossip->links.list[i];
        if (!link_open(link) || link->probe || gossip->monotonic_ms - link->since_ms < OVERLAY_SETTLE_MS) continue;
        if (link->outbound && outbound <= OVERLAY_OUTBOUND) continue;
        if (link->wants > 0 || link->gets > 0 || link->serving > 0 || link->stream.active) continue;
        if (carries_alone(gossip, link)) continue;
        unsigned value = worth(gossip, link);
        if (!found || value < found_worth) found = link, found_worth = value;
    }
    return found;
}

static void renew(struct gossip *gossip) {
    for (size_t i = 0; i < gossip->links.end; i++) {
        struct link *link = &gossip->links.list[i];
        if (!link_open(link) || !link->outbound || link->renew_ms > gossip->monotonic_ms) continue;
        struct peer *peer = overlay_peer(gossip, link);
        overlay_cut(gossip, link, "renewed, as every day");
        if (peer) peer->dial_next_ms = gossip->monotonic_ms, peer->dial_backoff_ms = 0;
        sync_pump_all(gossip);
        return; /* one at a time */
    }
}

void keep_tick(struct gossip *gossip) {
    size_t open = 0, outbound = 0;
    renew(gossip);
    for (size_t i = 0; i < gossip->links.end; i++) {
        const struct link *link = &gossip->links.list[i];
        open += link_open(link) && !link->probe;
        outbound += link_open(link) && !link->probe && link->outbound;
    }
    for (size_t i = 0; i < gossip->links.end; i++) {
        struct link *link = &gossip->links.list[i];
        if (link_open(link) && link->probe && gossip->monotonic_ms - link->since_ms >= OVERLAY_PROBE_MS)
            probe_end(gossip, link, open);
    }
    if (dial_full(gossip) || open <= OVERLAY_LINKS_HIGH) return;
    struct link *link = least(gossip, outbound);
    if (link) overlay_cut(gossip, link, "one more than needed");
}
