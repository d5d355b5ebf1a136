#include "gossip/core.h"

#include <string.h>

/* A batch of consecutive entries, checked for form and for its inner chain. */
struct batch {
    struct bytes fresh; /* the part behind our head */
    size_t fresh_count;
    struct entry last;
    bool fork; /* it contradicts what we hold at or right behind our head */
    bool cut;  /* it went past a revocation: `last` is the last good one */
};

static enum err batch_read(struct batch *out, const struct peer *peer, const uint8_t agency_id[static AGENCY_ID_BYTES],
                           struct bytes entries) {
    const struct log *log = &peer->log;
    struct bytes rest = entries;
    uint8_t previous[HASH_BYTES];
    uint64_t expected = 0;
    *out = (struct batch){0};
    while (rest.size > 0) {
        struct entry parsed;
        const struct entry *entry = &parsed;
        enum err err = entry_parse(&parsed, rest);
        if (err != OK) return err == ERR_TRUNCATED ? ERR_FORMAT : err;
        if (memcmp(entry->agency_id, agency_id, AGENCY_ID_BYTES) != 0) return ERR_FORMAT;
        if (memcmp(entry->node_id, peer->node->id, NODE_ID_BYTES) != 0) return ERR_FORMAT;
        if (expected != 0 && (entry->seq != expected || memcmp(entry->previous, previous, HASH_BYTES) != 0)) return ERR_FORMAT;
        if (expected == 0 && entry->seq > log->head + 1) return ERR_CHAIN;
        if (log_fronting(log) && entry->seq >= log->fork->seq) {
            out->cut = true;
            break;
        }
        if (peer->node->revoked && entry->seq > peer->node->revoked_seq) {
            out->cut = true;
            break;
        }
        if (entry->seq == log->head && memcmp(entry->id, log->head_id, HASH_BYTES) != 0) out->fork = true;
        if (entry->seq == log->head + 1 && memcmp(entry->previous, log->head_id, HASH_BYTES) != 0) out->fork = true;
        if (entry->seq > log->head) {
            if (out->fresh_count++ == 0) out->fresh = bytes_of(rest.data, 0);
            out->fresh.size += entry->size;
        }
        out->last = parsed;
        expected = entry->seq + 1;
        memcpy(previous, entry->id, HASH_BYTES);
        rest = bytes_of(rest.data + entry->size, rest.size - entry->size);
    }
    return OK;
}

/* PROTOCOL.md 9: a quota hits new payloads only, never entries, and nothing that is held. */
static bool over_quota(struct gossip *gossip, const struct peer *peer, const struct block_body *body) {
    struct member *member = gossip->peers.members[peer->member];
    if (gossip->payload_quota_bytes == 0 || peer->member == 0) return false;
    if (member->payload_bytes + body->seal.payload_bytes <= gossip->payload_quota_bytes) return false;
    if (member->payloads_refused++ == 0) emit_notice(gossip, NOTICE_QUOTA, NULL, peer->node->id, 0, ERR_FULL);
    return true;
}

bool accept_wants(struct gossip *gossip, const struct peer *peer, const struct block_body *body) {
    if (body->carriage != CARRIAGE_RELAY && !log_epoch_readable(&peer->log, body->epoch_seq)) return false;
    return !over_quota(gossip, peer, body);
}

/* PROTOCOL.md 5.6: the payload is neither taken nor asked for nor given any more, and nobody misses it. */
void accept_recall(struct gossip *gossip, size_t index, uint64_t block, uint64_t by) {
    struct peer *peer = gossip->peers.list[index];
    if (!recalled_add(&peer->log.recalled, block, by)) gossip->actions->failed = true;
    struct missing *missing = log_missing_find(&peer->log, block);
    if (missing && !missing->storing) {
        sync_unask(gossip, missing);
        log_missing_done(&peer->log, missing);
    }
    recent_forget(&gossip->recent, peer->node->id, block);
    if (peer->log.own) direct_forget(&gossip->direct, block);
}

/* What an accepted entry means to us beyond its place in the log. */
static void apply(struct gossip *gossip, struct peer *peer, const struct entry *entry) {
    struct block_body body;
    struct prekey prekey;
    struct recall recall;
    if (entry->time_ms > gossip->now_ms + LIMIT_FUTURE_MS)
        emit_notice(gossip, NOTICE_ENTRY_FUTURE, NULL, peer->node->id, entry->seq, OK);
    if (entry->type == ENTRY_PREKEY && prekey_read(&prekey, entry->body) == OK) peers_prekey_learn(peer, &prekey);
    if (entry->type == ENTRY_RECALL && recall_read(&recall, entry->seq, entry->body) == OK)
        accept_recall(gossip, peers_index(&gossip->peers, peer), recall.block, entry->seq);
    if (entry->type != ENTRY_BLOCK || block_body_read(&body, entry->body) != OK) return;
    if (body.expires_ms <= gossip->now_ms || !accept_wants(gossip, peer, &body)) return;
    sync_active(gossip, peer->index);
    /* A full list has noted by itself where to look again. */
    if (!log_missing_add(&peer->log, entry->seq, &body)) return;
}

enum err accept_entries(struct gossip *gossip, size_t index, struct bytes entries, uint64_t *seq_last) {
    struct peer *peer = gossip->peers.list[index];
    struct log *log = &peer->log;
    struct batch batch;
    if (log_stopped(log)) return ERR_FORK;
    enum err err = batch_read(&batch, peer, gossip->peers.members[peer->member]->agency->id, entries);
    if (err != OK) return err;
    *seq_last = batch.last.seq;
    if (batch.fresh_count == 0 && !batch.fork) return batch.cut ? ERR_REVOKED : OK;
    /* PROTOCOL.md 3.3: a cut names its last good entry, so another branch up to the same number is none. */
    bool at_cut = peer->node->revoked && batch.last.seq == peer->node->revoked_seq;
    if (at_cut && memcmp(batch.last.id, peer->node->revoked_hash, HASH_BYTES) != 0) {
        /* Only what its author signed, and what goes on where we stand, says anything about our branch. */
        bool ours = log_settling(log) && batch.fresh_count > 0 && !batch.fork && gossip->monotonic_ms >= log->dispute_next_ms;
        if (ours && entry_verify(&batch.last, peer->node->sign_public) == OK) {
            log->dispute_next_ms = gossip->monotonic_ms + DISPUTE_RETRY_MS;
            freeze_again(gossip, index);
        }
        return ERR_REVOKED;
    }
    bool front = log_fronting(log) && batch.last.seq == log->fork->seq - 1;
    if (front && memcmp(batch.last.id, log->fork->previous, HASH_BYTES) != 0) return ERR_REVOKED; /* a branch that parted earlier */
    /* PROTOCOL.md 4.3: size, known log, duplicate and chain were checked; the signature comes last, being the dearest. */
    err = entry_verify(&batch.last, peer->node->sign_public);
    /* Inside a batch nobody vouched for signatures: where we cut it, a bad one is not the sender's fault. */
    if (err != OK) return batch.cut ? ERR_REVOKED : err;
    if (batch.fork) return ERR_FORK;
    struct question *question = question_new(gossip, QUESTION_STORE_ENTRIES);
    if (!question) return ERR_BUSY;
    memcpy(question->node_id, peer->node->id, NODE_ID_BYTES);
    question->seq = batch.last.seq;
    memcpy(question->id, batch.last.id, HASH_BYTES);
    struct action *action = emit(gossip, ACTION_STORE_ENTRIES);
    action->store_entries.ticket = question->ticket;
    action->store_entries.entries = batch.fresh;
    action->store_entries.node_id = peer->node->id;
    action->store_entries.all_verified = batch.fresh_count == 1;

    if (log->own) own_grew(gossip);
    log->head = batch.last.seq;
    memcpy(log->head_id, batch.last.id, HASH_BYTES);
    if (log->heard < log->head) log->heard = log->head;
    for (struct bytes rest = batch.fresh; rest.size > 0;) {
        struct entry entry;
        if (entry_parse(&entry, rest) != OK) break; /* parsed once above */
        /* What a branch holds that a cut has not confirmed yet is looked at when it has: freeze_settled. */
        if (!log_settling(log)) apply(gossip, peer, &entry);
        rest = bytes_of(rest.data + entry.size, rest.size - entry.size);
    }
    return OK;
}

bool accept_full(struct gossip *gossip, size_t index, struct missing *missing) {
    struct peer *peer = gossip->peers.list[index];
    if (!over_quota(gossip, peer, &missing->body)) return false;
    sync_unask(gossip, missing);
    log_missing_done(&peer->log, missing);
    return true;
}

enum err accept_payload(struct gossip *gossip, size_t index, struct missing *missing, struct bytes payload, bool quiet) {
    struct peer *peer = gossip->peers.list[index];
    if (!block_payload_matches(payload, &missing->body.seal)) return ERR_HASH;
    if (accept_full(gossip, index, missing)) return OK; /* others that were asked for meanwhile took the room */
    struct question *question = question_new(gossip, QUESTION_STORE_PAYLOAD);
    if (!question) return ERR_BUSY;
    memcpy(question->node_id, peer->node->id, NODE_ID_BYTES);
    question->seq = missing->seq;
    question->quiet = quiet;
    struct action *action = emit(gossip, ACTION_STORE_PAYLOAD);
    action->store_payload.ticket = question->ticket;
    action->store_payload.node_id = peer->node->id;
    action->store_payload.seq = missing->seq;
    action->store_payload.body = missing->body;
    action->store_payload.payload = payload;
    gossip->peers.members[peer->member]->payload_bytes += payload.size;
    missing->storing = true;
    sync_unask(gossip, missing);
    return OK;
}

static void durable(struct gossip *gossip, size_t index, const struct question *question) {
    struct log *log = &gossip->peers.list[index]->log;
    if (question->seq <= log->durable || question->seq > log->head) return; /* the latter: unpinned and pinned again meanwhile */
    if (log_settling(log)) {
        freeze_settled(gossip, index, question);
        return;
    }
    log->durable = question->seq;
    memcpy(log->durable_id, question->id, HASH_BYTES);
    freeze_cut_check(gossip, index);
    accept_scan(gossip, index);
    for (size_t i = 0; i < gossip->links.end; i++) {
        struct link *link = &gossip->links.list[i];
        if (link_open(link)) tell_heads_due(gossip, link, index);
    }
}

void accept_stored(struct gossip *gossip, const struct question *question) {
    struct peer *peer = peers_find(&gossip->peers, question->node_id);
    if (!peer) return; /* unpinned meanwhile */
    size_t index = peers_index(&gossip->peers, peer);
    if (question->kind == QUESTION_STORE_ENTRIES) durable(gossip, index, question);
    if (peer->log.own) own_stored(gossip, question->ticket);
    if (question->kind != QUESTION_STORE_PAYLOAD) return;
    struct missing *missing = log_missing_find(&peer->log, question->seq);
    bool direct = missing && missing->body.carriage == CARRIAGE_DIRECT;
    uint64_t holders = missing ? missing->offered_by : 0;
    if (missing) log_missing_done(&peer->log, missing);
    if (direct)
        push_acknowledge(gossip, index, question->seq);
    else if (!question->quiet && !recalled_has(&peer->log.recalled, question->seq))
        push_have(gossip, index, question->seq, holders);
}

/* The node could not take this payload: it is asked for again, like one that nobody had a moment ago. */
void accept_refused(struct gossip *gossip, const struct question *question) {
    struct peer *peer = peers_find(&gossip->peers, question->node_id);
    struct missing *missing = peer ? log_missing_find(&peer->log, question->seq) : NULL;
    if (!missing || !missing->storing) return;
    gossip->peers.members[peer->member]->payload_bytes -= missing->body.seal.payload_bytes;
    missing->storing = false;
    if (recalled_has(&peer->log.recalled, missing->seq)) {
        log_missing_done(&peer->log, missing);
        return;
    }
    missing->offered_by = 0;
    missing->retry_ms = gossip->monotonic_ms + 1000;
    sync_active(gossip, peer->index);
}

/* --- payloads that the list of missing ones could not hold --- */

void accept_scan(struct gossip *gossip, size_t index) {
    struct peer *peer = gossip->peers.list[index];
    struct log *log = &peer->log;
    /* What is not on the disk yet cannot be found there: durable() comes back here. */
    if (log->scan_from == 0 || log->scan_from > log->durable || log->scanning || log_missing_live(log) > LIMIT_MISSING_PER_LOG / 2)
        return;
    struct question *question = question_new(gossip, QUESTION_SCAN);
    if (!question) return;
    memcpy(question->node_id, peer->node->id, NODE_ID_BYTES);
    question->seq = log->scan_from;
    struct action *action = emit(gossip, ACTION_SCAN);
    action->scan.ticket = question->ticket;
    action->scan.node_id = peer->node->id;
    action->scan.seq = log->scan_from;
    action->scan.rows_max = LIMIT_MISSING_PER_LOG - log_missing_live(log);
    log->scanning = true;
    log->scan_from = 0;
    log->scan_seen = log->durable;
}

void accept_scanned(struct gossip *gossip, const struct question *question, const struct event *event) {
    struct peer *peer = peers_find(&gossip->peers, question->node_id);
    if (!peer) return;
    struct log *log = &peer->log;
    log->scanning = false;
    if (event->scanned.next_seq != 0)
        log_scan_want(log, event->scanned.next_seq, log->scan_seen);
    else if (log->scan_seen < log->scan_until)
        log_scan_want(log, log->scan_seen + 1, log->scan_until);
    for (size_t i = 0; i < event->scanned.count; i++) {
        const struct scanned *row = &event->scanned.rows[i];
        if (row->seq > log->head) break; /* set aside: a fork stands in front of it */
        if (peer->node->revoked && row->seq > peer->node->revoked_seq) break;
        if (recalled_has(&log->recalled, row->seq)) continue;
        if (row->body.expires_ms <= gossip->now_ms || !accept_wants(gossip, peer, &row->body)) continue;
        if (!log_missing_add(log, row->seq, &row->body)) break;
    }
    size_t index = peers_index(&gossip->peers, peer);
    sync_active(gossip, index);
    accept_scan(gossip, index);
    sync_pump_payloads(gossip, index);
}
