#include "gossip/core.h"

#include <string.h>

/* A payload that rides along is that of its entry, of a `relay` block: who passes on another one did not look. PROTOCOL.md 6.5 */
static enum err payload_check(const struct entry *entry, const struct message *message) {
    struct block_body body;
    if (message->push.state != PUSH_INLINE) return OK;
    if (entry->type != ENTRY_BLOCK || block_body_read(&body, entry->body) != OK || body.carriage != CARRIAGE_RELAY)
        return ERR_FORMAT;
    return block_payload_matches(message->push.payload, &body.seal) ? OK : ERR_HASH;
}

/* What cannot be placed now is asked for like any other. */
static enum err take_payload(struct gossip *gossip, struct link *link, size_t index, uint64_t seq, const struct message *message) {
    struct log *log = &gossip->peers.list[index]->log;
    struct missing *missing = log_missing_find(log, seq);
    if (!missing || missing->storing) return OK;
    uint64_t mark = 1ull << links_slot(&gossip->links, link);
    if (message->push.state == PUSH_INLINE) {
        enum err err = accept_payload(gossip, index, missing, message->push.payload, true);
        /* It was held against its own entry: if ours is another one, the author has forked. */
        return err == ERR_BUSY || err == ERR_HASH ? OK : err;
    }
    if (message->push.state == PUSH_HERE) {
        /* Others may have said no before the one who has it spoke. */
        missing->offered_by |= mark;
        missing->refused_by &= ~mark;
        missing->silent_at &= ~mark;
        if (!missing->asked_link) log->missing_unasked = 0;
    }
    if (message->push.state == PUSH_AWAITED) missing->refused_by |= mark;
    return OK;
}

/* PROTOCOL.md 7.2; the order of checks is 4.3: size, known log, duplicate, chain, signature. */
enum err recv_push(struct gossip *gossip, struct link *link, struct message *message) {
    struct entry entry;
    if (!bucket_take(&link->bytes, gossip->monotonic_ms, message->push.entry.size + message->push.payload.size,
                     LIMIT_RATE_BYTES_PER_S, LIMIT_RATE_BYTES_BURST))
        return OK; /* dropped: sync brings it at the pace we ask for */
    enum err err = entry_parse(&entry, message->push.entry);
    if (err != OK || entry.size != message->push.entry.size) return ERR_FORMAT;
    struct peer *peer = peers_find(&gossip->peers, entry.node_id);
    size_t index = peer ? peers_index(&gossip->peers, peer) : 0;
    if (!peer || !link_shares(link, index)) {
        link->ignored_tags++;
        return OK;
    }
    struct log *log = &peer->log;
    uint64_t before = log->head, last = 0;
    if (log->frozen) return OK;
    err = payload_check(&entry, message);
    if (err != OK) return err;
    if (entry.seq <= log->head) {
        dispute_look(gossip, link, index, &entry, message->push.entry);
        sync_heard(gossip, link, index, entry.seq);
        push_copy(gossip, link, recent_find(&gossip->recent, entry.node_id, entry.seq));
        err = take_payload(gossip, link, index, entry.seq, message);
        sync_pump_payloads(gossip, index);
        return err;
    }
    if (entry.seq > log->head + 1) {
        /* The claim is believed only as far as asking for what lies between. */
        sync_heard(gossip, link, index, entry.seq);
        sync_pump_entries(gossip, index);
        return OK;
    }
    uint64_t cost = entry.type == ENTRY_EPOCH ? LIMIT_COST_EPOCH : 1;
    if (!bucket_take(&link->signatures, gossip->monotonic_ms, cost, LIMIT_RATE_SIGNATURES_PER_S, LIMIT_RATE_SIGNATURES_BURST))
        return OK;
    sync_heard(gossip, link, index, entry.seq);
    err = accept_entries(gossip, index, message->push.entry, &last);
    if (err == ERR_FORK) dispute_open(gossip, link, index, message->push.entry);
    if (err == ERR_FORK || err == ERR_REVOKED || err == ERR_BUSY) return OK;
    if (err != OK) return err;
    err = take_payload(gossip, link, index, entry.seq, message);
    if (err != OK) return err;
    if (log->head > before && !log->own) {
        if (!recent_put(&gossip->recent, &entry, message->push.entry, message->push.payload)) return ERR_MEMORY;
        graft_came(gossip, index);
        push_copy(gossip, link, recent_find(&gossip->recent, entry.node_id, entry.seq));
        link->useful = true;
        bool whole = message->push.state == PUSH_INLINE;
        push_entry(gossip, index, entry.seq, message->push.entry, whole ? PUSH_INLINE : PUSH_AWAITED, message->push.payload, link);
    }
    sync_pump_payloads(gossip, index);
    return OK;
}
