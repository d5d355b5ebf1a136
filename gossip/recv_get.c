#include "gossip/core.h"

#include <string.h>

/* The newest entries are in memory, each with a verified signature, and perhaps not on the disk yet. */
static bool ranges_recent(struct gossip *gossip, struct link *link, size_t index, const struct message *message) {
    const struct peer *peer = gossip->peers.list[index];
    uint64_t seq = message->get.seq;
    struct buf *entries = NULL;
    if (peer->node->revoked || peer->log.frozen) return false; /* the store's answer is cut where it must be */
    if (link->queued_bytes >= LIMIT_LANE_BYTES || link->asked_count > 0) return false; /* it waits for its turn, as others do */
    for (const struct recent_row *row; (row = recent_find(&gossip->recent, peer->node->id, seq)) != NULL; seq++) {
        if (!entries) entries = emit_buf(gossip);
        if (!entries || entries->size + row->entry.size > message->get.bytes_max ||
            entries->size + row->entry.size > LIMIT_ENTRIES_BYTES)
            break;
        buf_put(entries, bytes_of_buf(&row->entry));
    }
    if (!entries || entries->size == 0) return false;
    struct buf *answer = emit_buf(gossip);
    if (!answer) return false;
    wire_entries(answer, message->get.tag, message->get.seq, bytes_of_buf(entries));
    emit_send(gossip, link, answer);
    return true;
}

/* PROTOCOL.md 6.4: entries of a log from a number on, at most as many bytes as asked for (the credit). */
enum err recv_get(struct gossip *gossip, struct link *link, struct message *message) {
    int index = link_log_of_tag(link, &gossip->peers, message->get.tag);
    if (message->get.bytes_max == 0) return ERR_FORMAT;
    if (index < 0 || !link->logs[index].common) {
        link->ignored_tags++;
        return OK;
    }
    link->useful = true;
    if (ranges_recent(gossip, link, (size_t)index, message)) return OK;
    /* PROTOCOL.md 9: a reader that never drains costs so much and no more; its own time-out asks again. */
    struct ask ask = {.seq = message->get.seq, .bytes_max = LIMIT_ENTRIES_BYTES};
    if (message->get.bytes_max < ask.bytes_max) ask.bytes_max = (size_t)message->get.bytes_max;
    memcpy(ask.node_id, gossip->peers.list[index]->node->id, NODE_ID_BYTES);
    if (!lanes_ask(gossip, link, &ask)) link->pushes_dropped++;
    return OK;
}

/* How much of a range may go out: nothing past what is claimed, and up to an entry whose signature was checked, by the store's word or
   now. Signatures inside a batch never were, so a few are tried from the end backwards; an honest author's last one is good. It ends
   where the store holds one branch of a forked log behind another: a range whose chain is broken would be our misdeed. */
static size_t range_good(const struct peer *peer, const struct event *event, uint64_t *last) {
    struct bytes entries = event->loaded_entries.entries;
    uint64_t claim = sync_claim(peer, NULL);
    size_t ends[LIMIT_ENTRIES_BYTES / (ENTRY_HEADER_BYTES + SIGN_BYTES) + 1], count = 0, size = 0;
    uint8_t previous[HASH_BYTES];
    struct entry entry;
    while (size < entries.size && count < sizeof ends / sizeof *ends) {
        enum err err = entry_parse(&entry, bytes_of(entries.data + size, entries.size - size));
        if (err != OK || entry.seq > claim || (count > 0 && memcmp(entry.previous, previous, HASH_BYTES) != 0)) break;
        memcpy(previous, entry.id, HASH_BYTES);
        size += entry.size;
        ends[count++] = size;
        *last = entry.seq;
    }
    /* What was cut off may have taken the last checked entry with it: then nothing is known of the rest. */
    size_t verified = event->loaded_entries.verified_bytes <= size ? event->loaded_entries.verified_bytes : 0;
    for (unsigned tries = 0; count > 0 && ends[count - 1] > verified; count--, tries++) {
        size_t from = count > 1 ? ends[count - 2] : 0;
        enum err err =
            tries < GET_TRIES ? entry_parse(&entry, bytes_of(entries.data + from, ends[count - 1] - from)) : ERR_SIGNATURE;
        if (err == OK && entry_verify(&entry, peer->node->sign_public) == OK) break;
        --*last;
    }
    if (count == 0) *last = 0;
    return count > 0 ? ends[count - 1] : 0;
}

void get_loaded(struct gossip *gossip, const struct question *question, const struct event *event) {
    struct link *link = links_find(&gossip->links, question->link);
    const struct peer *peer = peers_find(&gossip->peers, question->node_id);
    struct bytes entries = event->loaded_entries.entries;
    uint8_t tag[WIRE_TAG_BYTES];
    if (link && !question->stream && link->serving) link->serving--;
    if (!link || !peer) return;
    uint64_t last = 0;
    entries.size = range_good(peer, event, &last);
    if (question->stream) {
        stream_loaded(gossip, link, peers_index(&gossip->peers, peer), entries, last);
        return;
    }
    link->useful |= entries.size > 0;
    struct buf *message = emit_buf(gossip);
    if (!message) return;
    link_tag(tag, link, bytes_of(peer->node->id, NODE_ID_BYTES));
    wire_entries(message, tag, question->seq, entries);
    emit_send(gossip, link, message);
    lanes_pump(gossip, link);
}

enum err recv_entries(struct gossip *gossip, struct link *link, struct message *message) {
    int index = link_log_of_tag(link, &gossip->peers, message->entries.tag);
    uint64_t last = 0;
    if (index < 0) {
        link->ignored_tags++;
        return OK;
    }
    struct log *log = &gossip->peers.list[index]->log;
    struct bytes entries = message->entries.entries;
    enum err err;
    if (dispute_answer(gossip, link, (size_t)index, message->entries.seq, entries, &err)) return err;
    if (log->get_link == link->number) {
        log->get_link = 0;
        link->answered_ms = gossip->monotonic_ms;
        link->gets -= link->gets > 0;
        link->broken_row = 0;
        link->broken_answers += entries.size == 0; /* others are asked first from now on */
        link->rtt_ms = (uint32_t)(gossip->monotonic_ms - log->get_ms);
    } else {
        /* Not asked for, or answered late on a slow line: good entries are good, at the pace of what was not asked for. */
        link->ignored_tags++;
        if (!link->logs[index].common || entries.size == 0 || message->entries.seq > log->head + 1) return OK;
        if (!bucket_take(&link->bytes, gossip->monotonic_ms, entries.size, LIMIT_RATE_BYTES_PER_S, LIMIT_RATE_BYTES_BURST))
            return OK;
    }
    if (entries.size == 0) {
        sync_unheard(gossip, link, (size_t)index); /* it claimed what it does not give */
        sync_pump_others(gossip, (size_t)index);
        return OK;
    }
    if (!bucket_take(&link->signatures, gossip->monotonic_ms, 1, LIMIT_RATE_SIGNATURES_PER_S, LIMIT_RATE_SIGNATURES_BURST))
        return ERR_LIMIT;
    err = accept_entries(gossip, (size_t)index, entries, &last);
    /* Who gave the wrong branch comes last next time. */
    if ((err == ERR_FORK || err == ERR_REVOKED) && log_settling(log)) link->broken_answers++;
    if (err == ERR_FORK) dispute_open(gossip, link, (size_t)index, entries);
    if (err == ERR_REVOKED || (err == ERR_FORK && !log->disputed)) sync_unheard(gossip, link, (size_t)index);
    if (err == ERR_FORK || err == ERR_REVOKED || err == ERR_BUSY) return OK;
    if (err != OK) return err;
    sync_heard(gossip, link, (size_t)index, last);
    link->useful = true;
    graft_came(gossip, (size_t)index);
    sync_pump_others(gossip, (size_t)index);
    return OK;
}
