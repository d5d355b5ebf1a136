#include "gossip/core.h"

/* PROTOCOL.md 7.2: an announced entry usually comes by itself over an eager link. What does not come is asked of an announcer, and
   that link becomes eager: so the tree mends itself where somebody is silent. */

static uint64_t patience_ms(const struct link *link) { return link->rtt_ms > GRAFT_DELAY_MS ? link->rtt_ms : GRAFT_DELAY_MS; }

void graft_want(struct gossip *gossip, struct link *link, size_t index, uint64_t seq) {
    uint64_t mark = 1ull << links_slot(&gossip->links, link);
    for (size_t i = 0; i < gossip->graft_count; i++) {
        struct graft *graft = &gossip->grafts[i];
        if (graft->index != index) continue;
        graft->announced_by |= mark;
        if (graft->seq < seq) graft->seq = seq;
        return;
    }
    if (gossip->graft_count == LIMIT_GRAFTS) return;
    struct graft *graft = &gossip->grafts[gossip->graft_count++];
    *graft = (struct graft){.index = index, .seq = seq, .announced_by = mark, .due_ms = gossip->monotonic_ms + patience_ms(link)};
    gossip_due(gossip, graft->due_ms);
}

static void remove_at(struct gossip *gossip, size_t at) { gossip->grafts[at] = gossip->grafts[--gossip->graft_count]; }

void graft_came(struct gossip *gossip, size_t index) {
    uint64_t head = gossip->peers.list[index]->log.head;
    for (size_t i = 0; i < gossip->graft_count; i++)
        if (gossip->grafts[i].index == index && gossip->grafts[i].seq <= head) {
            remove_at(gossip, i);
            return;
        }
}

void graft_link_gone(struct gossip *gossip, unsigned slot) {
    for (size_t i = 0; i < gossip->graft_count; i++) gossip->grafts[i].announced_by &= ~(1ull << slot);
}

/* The announcer with the shortest way, once each. */
static struct link *announcer(struct gossip *gossip, const struct graft *graft) {
    struct link *best = NULL;
    for (unsigned slot = 0; slot < gossip->links.end; slot++) {
        struct link *link = &gossip->links.list[slot];
        if (!(graft->announced_by >> slot & 1) || !link_shares(link, graft->index)) continue;
        if (!best || link->rtt_ms < best->rtt_ms) best = link;
    }
    return best;
}

/* False: nobody is left to ask, and sync will bring it. */
static bool ask(struct gossip *gossip, struct graft *graft) {
    struct link *link = announcer(gossip, graft);
    struct wire_pair pair = {.number = gossip->peers.list[graft->index]->log.head + 1};
    const uint8_t *tag = link ? link_tag_of_log(link, &gossip->peers, graft->index) : NULL;
    struct buf *message = tag ? emit_buf(gossip) : NULL;
    if (!message) return false;
    for (size_t i = 0; i < WIRE_TAG_BYTES; i++) pair.tag[i] = tag[i];
    wire_graft(message, &pair, 1);
    emit_send(gossip, link, message);
    link->eager_in = true;
    link->grafts_out++;
    graft->announced_by &= ~(1ull << links_slot(&gossip->links, link));
    graft->due_ms = gossip->monotonic_ms + patience_ms(link);
    return true;
}

void graft_tick(struct gossip *gossip) {
    for (size_t i = gossip->graft_count; i-- > 0;) {
        struct graft *graft = &gossip->grafts[i];
        if (graft->due_ms > gossip->monotonic_ms) continue;
        const struct log *log = &gossip->peers.list[graft->index]->log;
        if (log->frozen || log->head >= graft->seq || !ask(gossip, graft)) remove_at(gossip, i);
    }
    for (size_t i = 0; i < gossip->graft_count; i++) gossip_due(gossip, gossip->grafts[i].due_ms);
}
