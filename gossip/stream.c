#include "gossip/core.h"

#include <string.h>

/* PROTOCOL.md 6.4: the side that is ahead streams what the other lacks, as told by its HEADS, within the credit that came with it:
   entries of many logs one after the other, naming themselves. What does not fit is told, and asked for log by log. */

uint64_t stream_credit(struct gossip *gossip, struct link *link) {
    bool busy = gossip->stream_link != 0 && gossip->stream_link != link->number &&
                gossip->monotonic_ms - gossip->stream_ms < LIMIT_STREAM_MS && links_find(&gossip->links, gossip->stream_link);
    if (busy) return 0;
    if (gossip->stream_link != link->number) gossip->stream_from_ms = gossip->monotonic_ms;
    gossip->stream_link = link->number;
    gossip->stream_ms = gossip->monotonic_ms;
    link->credit_given = LIMIT_ENTRIES_BYTES;
    return link->credit_given;
}

static void flush(struct gossip *gossip, struct link *link) {
    struct buf *message = link->stream.out.size > 0 ? emit_buf(gossip) : NULL;
    if (!message) return;
    wire_stream(message, bytes_of_buf(&link->stream.out));
    emit_send(gossip, link, message);
    buf_clear(&link->stream.out);
    link->useful = true;
}

static bool ask(struct gossip *gossip, struct link *link, size_t index) {
    struct question *question = question_new(gossip, QUESTION_LOAD_ENTRIES);
    const struct peer *peer = gossip->peers.list[index];
    if (!question) return false;
    question->link = link->number;
    question->stream = true;
    memcpy(question->node_id, peer->node->id, NODE_ID_BYTES);
    question->seq = link->logs[index].heard + 1;
    struct action *action = emit(gossip, ACTION_LOAD_ENTRIES);
    action->load_entries.ticket = question->ticket;
    action->load_entries.node_id = peer->node->id;
    action->load_entries.seq = question->seq;
    action->load_entries.bytes_max = LIMIT_STREAM_LOAD_BYTES;
    link->stream.loading++;
    return true;
}

/* Over when nothing is under way and no log is left, or the credit is used up. */
static void pump(struct gossip *gossip, struct link *link) {
    struct link_stream *stream = &link->stream;
    for (; stream->loading < LIMIT_STREAM_LOADS && stream->credit > 0 && stream->next_log < link->log_count; stream->next_log++) {
        size_t i = stream->next_log;
        if (!link->logs[i].common || sync_claim(gossip->peers.list[i], NULL) <= link->logs[i].heard) continue;
        if (!tell_bucket_has(gossip, link, i, stream->buckets)) continue;
        if (!ask(gossip, link, i)) break;
    }
    if (stream->loading > 0) return;
    flush(gossip, link);
    stream->active = false;
    buf_free(&stream->out);
    tell_heads(gossip, link, 0, 0);
}

void stream_start(struct gossip *gossip, struct link *link, uint64_t buckets, uint64_t credit) {
    if (link->stream.active || link_burdened(link)) return;
    buf_free(&link->stream.out);
    link->stream = (struct link_stream){.active = true, .buckets = buckets, .credit = credit};
    if (link->stream.credit > LIMIT_ENTRIES_BYTES) link->stream.credit = LIMIT_ENTRIES_BYTES;
    pump(gossip, link);
}

void stream_loaded(struct gossip *gossip, struct link *link, size_t index, struct bytes entries, uint64_t last) {
    struct link_stream *stream = &link->stream;
    if (!stream->active) return; /* trust changed meanwhile: the logs are others now */
    stream->loading -= stream->loading > 0;
    if (last > 0 && entries.size <= stream->credit && link_shares(link, index)) {
        if (stream->out.size + entries.size > LIMIT_ENTRIES_BYTES) flush(gossip, link);
        buf_put(&stream->out, entries);
        stream->credit -= entries.size;
        if (link->logs[index].told < last) link->logs[index].told = last;
    } else if (last > 0) {
        stream->credit = 0;
    }
    pump(gossip, link);
}

void stream_drop(struct link *link, size_t index, const uint8_t node_id[static NODE_ID_BYTES]) {
    struct buf *out = &link->stream.out;
    struct entry entry;
    size_t kept = 0;
    for (size_t at = 0; at < out->size; at += entry.size) {
        if (entry_parse(&entry, bytes_of(out->data + at, out->size - at)) != OK) break; /* parsed once when it was loaded */
        if (memcmp(entry.node_id, node_id, NODE_ID_BYTES) == 0) continue;
        memmove(out->data + kept, out->data + at, entry.size);
        kept += entry.size;
    }
    if (kept < out->size) link->logs[index].told = 0;
    out->size = kept;
}

/* --- the other side --- */

/* One run of consecutive entries of one log, checked as ENTRIES would be. */
static enum err run_take(struct gossip *gossip, struct link *link, const struct entry *first, struct bytes run) {
    struct peer *peer = peers_find(&gossip->peers, first->node_id);
    size_t index = peer ? peers_index(&gossip->peers, peer) : 0;
    uint64_t last = 0;
    if (!peer || !link_shares(link, index)) {
        link->ignored_tags++;
        return OK;
    }
    if (log_stopped(&peer->log) || first->seq > peer->log.head + 1) return OK; /* a range is asked for when it is told */
    if (!bucket_take(&link->signatures, gossip->monotonic_ms, 1, LIMIT_RATE_SIGNATURES_PER_S, LIMIT_RATE_SIGNATURES_BURST))
        return OK;
    enum err err = accept_entries(gossip, index, run, &last);
    if (err == ERR_FORK) dispute_open(gossip, link, index, run);
    if (err == ERR_FORK || err == ERR_REVOKED || err == ERR_BUSY) return OK;
    if (err != OK) return err;
    sync_heard(gossip, link, index, last);
    return OK;
}

enum err recv_stream(struct gossip *gossip, struct link *link, struct message *message) {
    struct bytes rest = message->stream.entries;
    bool asked = rest.size <= link->credit_given;
    if (asked) link->credit_given -= rest.size;
    if (!asked && !bucket_take(&link->bytes, gossip->monotonic_ms, rest.size, LIMIT_RATE_BYTES_PER_S, LIMIT_RATE_BYTES_BURST))
        return OK;
    if (asked && rest.size > 0) {
        if (gossip->stream_link == link->number && gossip->monotonic_ms - gossip->stream_from_ms < LIMIT_STREAM_LAST_MS)
            gossip->stream_ms = gossip->monotonic_ms;
        link->answered_ms = gossip->monotonic_ms;
        link->useful = true;
    }
    while (rest.size > 0) {
        struct entry first, entry;
        struct bytes run = bytes_of(rest.data, 0);
        uint64_t seq = 0;
        while (rest.size > 0) {
            enum err err = entry_parse(&entry, rest);
            if (err != OK) return err == ERR_TRUNCATED ? ERR_FORMAT : err;
            if (run.size == 0) first = entry;
            if (run.size > 0 && (entry.seq != seq + 1 || memcmp(entry.node_id, first.node_id, NODE_ID_BYTES) != 0)) break;
            seq = entry.seq;
            run.size += entry.size;
            rest = bytes_of(rest.data + entry.size, rest.size - entry.size);
        }
        enum err err = run_take(gossip, link, &first, run);
        if (err != OK) return err;
    }
    sync_pump_all(gossip);
    return OK;
}
