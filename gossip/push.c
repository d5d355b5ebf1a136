#include "gossip/core.h"

#include <string.h>

/* PROTOCOL.md 7.2: flood with duplicate suppression. A link that is full is passed over: sync makes up for it. */

void push_entry(struct gossip *gossip, size_t index, uint64_t seq, struct bytes entry, enum push_payload state,
                struct bytes payload, const struct link *except) {
    struct buf *message = NULL;
    for (size_t i = 0; i < LIMIT_LINKS; i++) {
        struct link *link = &gossip->links.list[i];
        if (link == except || link->number == 0 || link->state != LINK_OPEN || index >= link->log_count) continue;
        struct link_log *log = &link->logs[index];
        if (!log->common || log->heard >= seq) continue;
        if (link->queued_bytes > LIMIT_LINK_QUEUE_BYTES) {
            link->pushes_dropped++;
            continue;
        }
        if (!message) {
            message = emit_buf(gossip);
            if (!message) return;
            wire_push(message, entry, state, payload);
        }
        emit_send(gossip, link, message);
        /* A relay claims an entry only after its own sync: PROTOCOL.md 7.2. */
        if (gossip->peers.list[index]->log.durable >= seq && log->told < seq) log->told = seq;
    }
}

void push_have(struct gossip *gossip, size_t index, uint64_t seq, const struct link *except) {
    for (size_t i = 0; i < LIMIT_LINKS; i++) {
        struct link *link = &gossip->links.list[i];
        if (link == except || link->number == 0 || link->state != LINK_OPEN || index >= link->log_count) continue;
        if (!link->logs[index].common || link->queued_bytes > LIMIT_LINK_QUEUE_BYTES) continue;
        /* The author needs no offer of its own payload. */
        if (memcmp(link->node_id, gossip->peers.list[index]->node->id, NODE_ID_BYTES) == 0) continue;
        struct wire_pair pair = {.number = seq};
        struct buf *message = emit_buf(gossip);
        if (!message) return;
        link_tag(pair.tag, link, bytes_of(gossip->peers.list[index]->node->id, NODE_ID_BYTES));
        wire_have(message, &pair, 1);
        emit_send(gossip, link, message);
    }
}
