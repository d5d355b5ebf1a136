#include "gossip/core.h"

#include <string.h>

/* What status shows: copies, so that nobody outside holds on to the core's memory. */

size_t gossip_log_count(const struct gossip *gossip) { return gossip->peers.count; }

void gossip_log_view(const struct gossip *gossip, size_t index, struct gossip_log_view *out) {
    const struct peer *peer = gossip->peers.list[index];
    *out = (struct gossip_log_view){.head = peer->log.head,
                                    .head_durable = peer->log.durable,
                                    .head_heard = peer->log.heard,
                                    .missing = log_missing_live(&peer->log),
                                    .refused = gossip->peers.members[peer->member]->payloads_refused,
                                    .frozen = peer->log.frozen,
                                    .fork_seq = peer->log.fork ? peer->log.fork->seq : 0,
                                    .own = peer->log.own,
                                    .pathless = peer->pathless,
                                    .missing_direct = log_missing_direct(&peer->log),
                                    .linked = peer->slot >= 0};
    memcpy(out->agency_id, gossip->peers.members[peer->member]->agency->id, AGENCY_ID_BYTES);
    memcpy(out->node_id, peer->node->id, NODE_ID_BYTES);
}

bool gossip_log_find(const struct gossip *gossip, const uint8_t node_id[static NODE_ID_BYTES], struct gossip_log_view *out) {
    const struct peer *peer = peers_find(&gossip->peers, node_id);
    if (!peer) return false;
    gossip_log_view(gossip, peers_index(&gossip->peers, peer), out);
    return true;
}

bool gossip_recalled(const struct gossip *gossip, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq) {
    const struct peer *peer = peers_find(&gossip->peers, node_id);
    return peer && recalled_has(&peer->log.recalled, seq);
}

bool gossip_retracted(const struct gossip *gossip, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq) {
    const struct peer *peer = peers_find(&gossip->peers, node_id);
    return peer && peer->node->revoked && seq > peer->node->revoked_seq;
}

static const struct link *link_at(const struct gossip *gossip, size_t index) {
    for (size_t i = 0; i < gossip->links.end; i++)
        if (gossip->links.list[i].number != 0 && index-- == 0) return &gossip->links.list[i];
    return NULL;
}

size_t gossip_link_count(const struct gossip *gossip) {
    size_t count = 0;
    for (size_t i = 0; i < gossip->links.end; i++) count += gossip->links.list[i].number != 0;
    return count;
}

void gossip_link_view(const struct gossip *gossip, size_t index, struct gossip_link_view *out) {
    const struct link *link = link_at(gossip, index);
    *out = (struct gossip_link_view){0};
    if (!link) return;
    *out = (struct gossip_link_view){.link = link->number,
                                     .outbound = link->outbound,
                                     .open = link->state == LINK_OPEN,
                                     .since_ms = link->since_ms,
                                     .messages_in = link->messages_in,
                                     .bytes_in = link->bytes_in,
                                     .messages_out = link->messages_out,
                                     .bytes_out = link->bytes_out,
                                     .pushes_dropped = link->pushes_dropped,
                                     .broken_answers = link->broken_answers,
                                     .ignored_tags = link->ignored_tags,
                                     .copies_in = link->copies_in,
                                     .announces_in = link->announces_in,
                                     .grafts_out = link->grafts_out,
                                     .prunes_out = link->prunes_out,
                                     .charge = link_charge(link),
                                     .eager_in = link->eager_in,
                                     .eager_out = link->eager_out,
                                     .probe = link->probe,
                                     .rtt_ms = link->rtt_ms};
    memcpy(out->node_id, link->node_id, NODE_ID_BYTES);
    const struct peer *peer = peers_find(&gossip->peers, link->node_id);
    if (peer) memcpy(out->agency_id, gossip->peers.members[peer->member]->agency->id, AGENCY_ID_BYTES);
}

void gossip_peer_view(const struct gossip *gossip, size_t index, struct gossip_peer_view *out) {
    const struct peer *peer = gossip->peers.list[index];
    *out = (struct gossip_peer_view){.self = peer == gossip->self,
                                     .linked = peer->slot >= 0,
                                     .dialling = peer->dial_link != 0,
                                     .revoked = peer->node->revoked,
                                     .reachable = peer->node->endpoint_count > 0,
                                     .not_before_ms = peer->node->not_before_ms,
                                     .not_after_ms = peer->node->not_after_ms,
                                     .refused_until_ms = peer->refused_until_ms,
                                     .dial_next_ms = peer->dial_next_ms,
                                     .misdeed = peer->misdeed,
                                     .misdeed_ms = peer->misdeed_ms,
                                     .misdeeds = peer->misdeeds};
    memcpy(out->agency_id, gossip->peers.members[peer->member]->agency->id, AGENCY_ID_BYTES);
    memcpy(out->node_id, peer->node->id, NODE_ID_BYTES);
}

size_t gossip_direct_count(const struct gossip *gossip, uint64_t *forgotten) {
    *forgotten = gossip->direct.forgotten;
    return gossip->direct.count;
}

void gossip_direct_view(const struct gossip *gossip, size_t index, struct gossip_direct_view *out) {
    const struct direct_block *block = &gossip->direct.list[index];
    *out = (struct gossip_direct_view){.seq = block->seq,
                                       .since_ms = block->since_ms,
                                       .readers_all = block->readers_all,
                                       .waiting = block->count,
                                       .readers = (const uint8_t(*)[NODE_ID_BYTES])block->readers};
}

size_t gossip_agency_count(const struct gossip *gossip) { return gossip->peers.member_count; }

const struct agency *gossip_agency(const struct gossip *gossip, size_t index) { return gossip->peers.members[index]->agency; }

bool gossip_agency_split(const struct gossip *gossip, size_t index) { return gossip->peers.members[index]->rival != NULL; }

struct bytes gossip_agency_chain(const struct gossip *gossip, size_t index) {
    return gossip->peers.members[index]->chain;
}

const struct prekey *gossip_prekey(const struct gossip *gossip, const uint8_t node_id[static NODE_ID_BYTES]) {
    const struct peer *peer = peers_find(&gossip->peers, node_id);
    return peer && peer->prekey_known ? &peer->prekey : NULL;
}

bool gossip_caught_up(const struct gossip *gossip) {
    for (size_t i = 0; i < gossip->peers.count; i++) {
        const struct log *log = &gossip->peers.list[i]->log;
        if (log->frozen && !log_fronting(log)) continue;
        const struct agency_node *node = gossip->peers.list[i]->node;
        uint64_t end = node->revoked && log->heard > node->revoked_seq ? node->revoked_seq : log->heard;
        if (log->frozen && end >= log->fork->seq) end = log->fork->seq - 1;
        if (end > log->head || log->scan_from || log->scanning || log_missing_live(log)) return false;
    }
    return true;
}

const uint8_t *gossip_dial_key(const struct gossip *gossip, uint32_t link) {
    for (size_t i = 0; link != 0 && i < gossip->peers.count; i++)
        if (gossip->peers.list[i]->dial_link == link) return gossip->peers.list[i]->node->curve_public;
    return NULL;
}
