#include "gossip/core.h"

#include <string.h>

static void answer(struct gossip *gossip, struct link *link, const struct peer *peer, uint64_t seq, bool present,
                   struct bytes payload) {
    uint8_t tag[WIRE_TAG_BYTES];
    struct buf *message = emit_buf(gossip);
    if (!message) return;
    link_tag(tag, link, bytes_of(peer->node->id, NODE_ID_BYTES));
    wire_payload(message, tag, seq, present, payload);
    emit_send(gossip, link, message);
}

enum err recv_want(struct gossip *gossip, struct link *link, struct message *message) {
    struct wire_pairs pairs = message->want.payloads;
    uint8_t tag[WIRE_TAG_BYTES];
    uint64_t seq;
    if (pairs.count > LIMIT_WANTS_IN_FLIGHT) return ERR_LIMIT;
    if (link->queued_bytes > LIMIT_LINK_QUEUE_BYTES) return OK; /* a reader that never drains */
    while (wire_pair_next(&pairs, tag, &seq)) {
        int index = link_log_of_tag(link, &gossip->peers, tag);
        if (index < 0 || !link->logs[index].common) {
            link->ignored_tags++;
            continue;
        }
        const struct peer *peer = gossip->peers.list[index];
        struct ask ask = {.seq = seq};
        memcpy(ask.node_id, peer->node->id, NODE_ID_BYTES);
        if (!lanes_ask(gossip, link, &ask)) answer(gossip, link, peer, seq, false, bytes_of(NULL, 0));
    }
    return OK;
}

/* PROTOCOL.md 5.4: a `direct` payload goes from its author to the members of its audience, and to nobody else. */
static bool may_have(const struct gossip *gossip, const struct link *link, const struct peer *author,
                     const struct block_body *body) {
    if (body->carriage == CARRIAGE_RELAY) return true;
    return author == gossip->self && own_reads(gossip, body->epoch_seq, link->node_id);
}

void want_loaded(struct gossip *gossip, const struct question *question, const struct event *event) {
    struct link *link = links_find(&gossip->links, question->link);
    const struct peer *peer = peers_find(&gossip->peers, question->node_id);
    if (link && link->serving) link->serving--;
    if (!link || !peer) return;
    if (question->look) {
        bool direct = event->loaded_payload.present && event->loaded_payload.body.carriage == CARRIAGE_DIRECT;
        if (direct) push_acknowledge(gossip, peers_index(&gossip->peers, peer), question->seq);
        lanes_pump(gossip, link);
        return;
    }
    bool aside = question->seq > sync_claim(peer, NULL);
    bool give = event->loaded_payload.present && !aside && !recalled_has(&peer->log.recalled, question->seq) &&
                may_have(gossip, link, peer, &event->loaded_payload.body);
    answer(gossip, link, peer, question->seq, give, event->loaded_payload.payload);
    lanes_pump(gossip, link);
}

enum err recv_payload(struct gossip *gossip, struct link *link, struct message *message) {
    int index = link_log_of_tag(link, &gossip->peers, message->payload.tag);
    struct missing *missing = index < 0 ? NULL : log_missing_find(&gossip->peers.list[index]->log, message->payload.seq);
    if (!missing || missing->storing) {
        link->ignored_tags++; /* somebody else gave it */
        return OK;
    }
    struct log *log = &gossip->peers.list[index]->log;
    struct bytes payload = message->payload.payload;
    if (missing->asked_link == link->number) {
        if (message->payload.present && link->passed_ms < missing->asked_ms) link->passed_ms = missing->asked_ms;
        sync_unask(gossip, missing);
        link->answered_ms = gossip->monotonic_ms;
        link->broken_row = 0;
    } else if (!message->payload.present ||
               !bucket_take(&link->bytes, gossip->monotonic_ms, payload.size, LIMIT_RATE_BYTES_PER_S, LIMIT_RATE_BYTES_BURST)) {
        link->ignored_tags++; /* late: a payload is still good then, a refusal says nothing */
        return OK;
    }
    enum err err = message->payload.present ? accept_payload(gossip, (size_t)index, missing, payload, false) : ERR_NOT_FOUND;
    if (err == ERR_HASH) {
        /* PROTOCOL.md 6.5: a broken promise and no misdeed: its author may have forked, and the giver hold the other branch. */
        link->broken_answers++;
        link->broken_row++;
    }
    if (err == ERR_NOT_FOUND || err == ERR_HASH) {
        unsigned slot = links_slot(&gossip->links, link);
        missing->refused_by |= 1ull << slot;
        missing->offered_by &= ~(1ull << slot);
        log->missing_unasked = 0;
    } else {
        if (err == ERR_BUSY)
            missing->retry_ms = gossip->monotonic_ms + 1000, missing->offered_by = 0; /* the store is behind: the tick asks again */
        else if (err != OK)
            return err;
    }
    accept_scan(gossip, (size_t)index);
    sync_pump_others(gossip, (size_t)index);
    return OK;
}

/* The author names a `direct` block that nobody here lacks: was our acknowledgement lost? The store knows what we hold. */
static void acknowledge_again(struct gossip *gossip, struct link *link, const struct peer *peer, uint64_t seq) {
    struct ask ask = {.seq = seq, .look = true};
    if (peer->log.own || seq > peer->log.durable || memcmp(link->node_id, peer->node->id, NODE_ID_BYTES) != 0) return;
    if (!bucket_take(&link->announcements, gossip->monotonic_ms, 1, LIMIT_RATE_ANNOUNCE_PER_S, LIMIT_RATE_ANNOUNCE_BURST)) return;
    memcpy(ask.node_id, peer->node->id, NODE_ID_BYTES);
    (void)lanes_ask(gossip, link, &ask); /* no room: it names it again on the next link */
}

enum err recv_have(struct gossip *gossip, struct link *link, struct message *message) {
    struct wire_pairs pairs = message->have.payloads;
    uint8_t tag[WIRE_TAG_BYTES];
    uint64_t seq;
    bool any = false;
    if (!bucket_take(&link->announcements, gossip->monotonic_ms, 1, LIMIT_RATE_ANNOUNCE_PER_S, LIMIT_RATE_ANNOUNCE_BURST))
        return OK;
    while (wire_pair_next(&pairs, tag, &seq)) {
        int index = link_log_of_tag(link, &gossip->peers, tag);
        if (index < 0 || !link->logs[index].common) {
            link->ignored_tags++;
            continue;
        }
        struct log *log = &gossip->peers.list[index]->log;
        if (log->own) direct_have(&gossip->direct, seq, link->node_id);
        struct missing *missing = log_missing_find(log, seq);
        if (!missing) acknowledge_again(gossip, link, gossip->peers.list[index], seq);
        if (!missing || missing->storing) continue;
        uint64_t mark = 1ull << links_slot(&gossip->links, link);
        missing->offered_by |= mark;
        missing->refused_by &= ~mark;
        missing->silent_at &= ~mark;
        if (missing->asked_link) continue;
        log->missing_unasked = 0;
        log->pump = any = true;
    }
    /* Once for each log, however often it was named. */
    for (size_t i = 0; any && i < gossip->peers.count; i++) {
        struct log *log = &gossip->peers.list[i]->log;
        if (log->pump) sync_pump_payloads(gossip, i);
        log->pump = false;
    }
    return OK;
}
