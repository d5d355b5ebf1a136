#include "gossip/core.h"

#include <string.h>

/* PROTOCOL.md 7.4: what a peer asked for is given as fast as it drains, and not faster: so much waits in its queue at most, and what
   is urgent (chains, proofs, new entries, heads) never stands behind more than that. */

static void start(struct gossip *gossip, struct link *link, const struct ask *ask) {
    bool range = ask->bytes_max > 0;
    struct question *question = question_new(gossip, range ? QUESTION_LOAD_ENTRIES : QUESTION_LOAD_PAYLOAD);
    if (!question) return; /* the peer's own time-out asks again */
    question->link = link->number;
    memcpy(question->node_id, ask->node_id, NODE_ID_BYTES);
    question->seq = ask->seq;
    question->look = ask->look;
    link->serving++;
    const struct peer *peer = peers_find(&gossip->peers, ask->node_id);
    struct action *action = emit(gossip, range ? ACTION_LOAD_ENTRIES : ACTION_LOAD_PAYLOAD);
    if (range) {
        action->load_entries.ticket = question->ticket;
        action->load_entries.node_id = peer->node->id;
        action->load_entries.seq = ask->seq;
        action->load_entries.bytes_max = ask->bytes_max;
    } else {
        action->load_payload.ticket = question->ticket;
        action->load_payload.node_id = peer->node->id;
        action->load_payload.seq = ask->seq;
    }
}

static bool room(const struct link *link) {
    return link->queued_bytes + link->serving * (uint64_t)LIMIT_ENTRIES_BYTES < LIMIT_LANE_BYTES || link->serving == 0;
}

void lanes_pump(struct gossip *gossip, struct link *link) {
    while (link->asked_count > 0 && room(link) && link->queued_bytes < LIMIT_LANE_BYTES) {
        struct ask ask = link->asked[0];
        link->asked_count--;
        memmove(link->asked, link->asked + 1, link->asked_count * sizeof *link->asked);
        if (peers_find(&gossip->peers, ask.node_id)) start(gossip, link, &ask);
    }
}

bool lanes_ask(struct gossip *gossip, struct link *link, const struct ask *ask) {
    if (link->asked_count + link->serving >= LIMIT_SERVING) return false;
    link->asked[link->asked_count++] = *ask;
    lanes_pump(gossip, link);
    return true;
}
