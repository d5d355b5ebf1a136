#include "gossip/core.h"

#include <string.h>

/* PROTOCOL.md 6.4: entries of a log from a number on, at most as many bytes as asked for (the credit). */
enum err recv_get(struct gossip *gossip, struct link *link, struct message *message) {
    int index = link_log_of_tag(link, message->get.tag);
    if (message->get.bytes_max == 0) return ERR_FORMAT;
    if (index < 0 || !link->logs[index].common) {
        link->ignored_tags++;
        return OK;
    }
    if (link->serving >= LIMIT_GETS_SERVED + LIMIT_WANTS_IN_FLIGHT) return ERR_LIMIT;
    struct question *question = question_new(gossip, QUESTION_LOAD_ENTRIES);
    if (!question) return OK; /* the peer's own time-out asks again */
    const struct peer *peer = gossip->peers.list[index];
    question->link = link->number;
    memcpy(question->node_id, peer->node.id, NODE_ID_BYTES);
    question->seq = message->get.seq;
    link->serving++;
    struct action *action = emit(gossip, ACTION_LOAD_ENTRIES);
    action->load_entries.ticket = question->ticket;
    action->load_entries.node_id = peer->node.id;
    action->load_entries.seq = message->get.seq;
    action->load_entries.bytes_max =
        message->get.bytes_max < LIMIT_ENTRIES_BYTES ? (size_t)message->get.bytes_max : LIMIT_ENTRIES_BYTES;
    return OK;
}

/* A batch ends in an entry whose signature was verified; if this cut has none yet, it is verified now. */
static bool batch_good(const struct peer *peer, const struct event *event) {
    struct bytes rest = event->loaded_entries.entries;
    struct entry entry;
    if (event->loaded_entries.last_verified || rest.size == 0) return true;
    while (rest.size > 0) {
        if (entry_parse(&entry, rest) != OK) return false;
        rest = bytes_of(rest.data + entry.size, rest.size - entry.size);
    }
    return entry_verify(&entry, peer->node.sign_public) == OK;
}

void get_loaded(struct gossip *gossip, const struct question *question, const struct event *event) {
    struct link *link = links_find(&gossip->links, question->link);
    const struct peer *peer = peers_find(&gossip->peers, question->node_id);
    struct bytes entries = event->loaded_entries.entries;
    uint8_t tag[WIRE_TAG_BYTES];
    if (!link || !peer) return;
    if (link->serving) link->serving--;
    if (!batch_good(peer, event)) entries = bytes_of(NULL, 0);
    struct buf *message = emit_buf(gossip);
    if (!message) return;
    link_tag(tag, link, bytes_of(peer->node.id, NODE_ID_BYTES));
    wire_entries(message, tag, question->seq, entries);
    emit_send(gossip, link, message);
}

enum err recv_entries(struct gossip *gossip, struct link *link, struct message *message) {
    int index = link_log_of_tag(link, message->entries.tag);
    uint64_t last = 0;
    if (index < 0) {
        link->ignored_tags++;
        return OK;
    }
    struct log *log = &gossip->peers.list[index]->log;
    if (log->get_link != link->number) {
        link->ignored_tags++; /* not asked for, or answered too late */
        return OK;
    }
    log->get_link = 0;
    link->broken_row = 0;
    link->rtt_ms = (uint32_t)(gossip->monotonic_ms - log->get_ms);
    if (message->entries.entries.size == 0) {
        link->logs[index].heard = 0; /* it claimed what it does not give */
        sync_pump_entries(gossip, (size_t)index);
        return OK;
    }
    if (!bucket_take(&link->signatures, gossip->monotonic_ms, 1, LIMIT_RATE_SIGNATURES_PER_S, LIMIT_RATE_SIGNATURES_BURST)) return ERR_LIMIT;
    enum err err = accept_entries(gossip, (size_t)index, message->entries.entries, &last);
    if (err == ERR_FORK || err == ERR_REVOKED || err == ERR_BUSY) return OK;
    if (err != OK) return err;
    sync_heard(gossip, link, (size_t)index, last);
    sync_pump_entries(gossip, (size_t)index);
    sync_pump_payloads(gossip, (size_t)index);
    return OK;
}
