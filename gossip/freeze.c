#include "gossip/core.h"

#include <stdlib.h>
#include <string.h>

/* PROTOCOL.md 4.5: a fork freezes its log at the last common entry, until a cut says which branch counts. What stands on the disk
   behind that entry is set aside: neither served nor claimed, but a cut may name it. */

static struct log *log_of(const struct gossip *gossip, size_t index) { return &gossip->peers.list[index]->log; }

/* No payload behind this number is wanted any more. */
static void wanted_end(struct gossip *gossip, struct log *log, uint64_t last) {
    for (size_t i = 0; i < log->missing_count; i++) {
        struct missing *missing = &log->missing[i];
        if (missing->seq <= last || missing->done) continue;
        sync_unask(gossip, missing);
        log_missing_done(log, missing);
        i = SIZE_MAX; /* the list may have been compacted */
    }
    if (log->scan_until > last) log->scan_until = last;
    if (log->scan_from > last) log->scan_from = 0;
}

/* The log ends in front of its fork. */
static void clamp(struct gossip *gossip, size_t index) {
    struct log *log = log_of(gossip, index);
    uint64_t last = log->fork->seq - 1;
    if (log->head > last) log->head = last, memcpy(log->head_id, log->fork->previous, HASH_BYTES);
    if (log->durable > last) log->durable = last, memcpy(log->durable_id, log->fork->previous, HASH_BYTES);
    log->heard = log->head;
    wanted_end(gossip, log, last);
    for (size_t i = 0; i < gossip->links.end; i++) {
        struct link *link = &gossip->links.list[i];
        if (link->number == 0 || index >= link->log_count) continue;
        if (link->logs[index].heard > last) link->logs[index].heard = last;
        if (link->logs[index].told > last) link->logs[index].told = last;
        stream_drop(link, index, gossip->peers.list[index]->node->id);
    }
}

/* PROTOCOL.md 3.3: the cut names the branch that counts. Is it ours? The store knows. */
static void settle(struct gossip *gossip, size_t index) {
    struct peer *peer = gossip->peers.list[index];
    struct log_fork *fork = peer->log.fork;
    if (!peer->node->revoked || fork->asking || fork->settling) return;
    if (peer->node->revoked_seq < fork->seq) {
        peer->log.frozen = false; /* both branches lie behind the cut */
        return;
    }
    struct question *question = question_new(gossip, QUESTION_CUT);
    if (!question) return; /* dispute_tick comes back */
    fork->asking = true;
    memcpy(question->node_id, peer->node->id, NODE_ID_BYTES);
    question->seq = peer->node->revoked_seq;
    struct action *action = emit(gossip, ACTION_LOAD_ENTRIES);
    action->load_entries.ticket = question->ticket;
    action->load_entries.node_id = peer->node->id;
    action->load_entries.seq = question->seq;
    action->load_entries.bytes_max = 1;
}

static void tell_all(struct gossip *gossip) {
    for (size_t i = 0; i < gossip->links.end; i++) {
        struct link *link = &gossip->links.list[i];
        if (link_open(link)) freeze_tell(gossip, link);
    }
}

/* Takes over a fork, or an earlier one; the log is frozen and clamped. */
static enum err take(struct gossip *gossip, size_t index, uint64_t seq, const uint8_t previous[static HASH_BYTES]) {
    struct log *log = log_of(gossip, index);
    if (!log->fork) {
        log->fork = calloc(1, sizeof *log->fork);
        if (!log->fork) return ERR_MEMORY;
        gossip->fork_count++;
    }
    log->fork->seq = seq;
    memcpy(log->fork->previous, previous, HASH_BYTES);
    log->fork->settling = false;
    log->frozen = true;
    log->disputed = false;
    clamp(gossip, index);
    return OK;
}

static enum err proof_take(struct gossip *gossip, size_t index, const struct fork *fork) {
    struct log *log = log_of(gossip, index);
    enum err err = take(gossip, index, fork->seq, fork->previous);
    if (err != OK) return err;
    buf_clear(&log->fork->message);
    wire_fork(&log->fork->message, fork->runs[0], fork->runs[1]);
    return buf_result(&log->fork->message);
}

enum err freeze_fork(struct gossip *gossip, size_t index, const struct fork *fork) {
    struct peer *peer = gossip->peers.list[index];
    const struct log_fork *known = peer->log.fork;
    if (known && known->message.size > 0 && known->seq <= fork->seq) return OK;
    bool first = !known;
    enum err err = proof_take(gossip, index, fork);
    if (err != OK) return err;
    /* A proof that was passed on before this one does not count as told. */
    for (size_t i = 0; known && i < gossip->links.end; i++)
        if (gossip->links.list[i].number && index < gossip->links.list[i].log_count)
            gossip->links.list[i].logs[index].fork_told = false;
    tell_all(gossip);
    struct action *action = emit(gossip, ACTION_FORK);
    action->fork.node_id = peer->node->id;
    action->fork.seq = fork->seq;
    action->fork.own = peer->log.own;
    action->fork.proof = bytes_of_buf(&peer->log.fork->message);
    if (first) emit_notice(gossip, NOTICE_FORK, NULL, peer->node->id, fork->seq, ERR_FORK);
    settle(gossip, index);
    return OK;
}

enum err freeze_restore(struct gossip *gossip, const struct event *event) {
    struct message message;
    struct fork fork;
    if (wire_decode(&message, event->fork.proof) != OK || message.kind != MESSAGE_FORK) return ERR_FORMAT;
    enum err err = fork_read(&fork, message.fork.runs[0], message.fork.runs[1]);
    if (err != OK) return err;
    const struct peer *peer = peers_find(&gossip->peers, fork.node_id);
    if (!peer) return ERR_UNKNOWN_AUTHOR;
    err = fork_verify(&fork, gossip->peers.members[peer->member]->agency->id, peer->node->sign_public);
    if (err != OK) return err;
    size_t index = peers_index(&gossip->peers, peer);
    if (peer->log.fork && peer->log.fork->seq <= fork.seq && peer->log.fork->message.size > 0) return OK;
    err = proof_take(gossip, index, &fork);
    if (err == OK) settle(gossip, index);
    return err;
}

void freeze_tell(struct gossip *gossip, struct link *link) {
    if (gossip->fork_count == 0 || !link->generation_heard) return;
    for (size_t i = 0; i < link->log_count && link->queued_bytes <= LIMIT_LINK_QUEUE_BYTES; i++) {
        const struct log_fork *fork = log_of(gossip, i)->fork;
        if (!fork || fork->message.size == 0 || !link->logs[i].common || link->logs[i].fork_told) continue;
        struct buf *message = emit_buf(gossip);
        if (!message) return;
        buf_put(message, bytes_of_buf(&fork->message));
        emit_send(gossip, link, message);
        link->logs[i].fork_told = true;
    }
}

/* --- cuts --- */

void freeze_cut_check(struct gossip *gossip, size_t index) {
    const struct peer *peer = gossip->peers.list[index];
    const struct log *log = &peer->log;
    if (peer->node->revoked) wanted_end(gossip, log_of(gossip, index), peer->node->revoked_seq);
    if (!peer->node->revoked || peer->node->revoked_seq == 0) return;
    if (log->fork && log->frozen) {
        settle(gossip, index);
        return;
    }
    /* Also after a settlement: a lower cut may name another branch again. */
    if (log->cut_checked == peer->node->revoked_seq) return;
    if (log->durable < peer->node->revoked_seq) return; /* what is on its way to the disk cannot be looked at there */
    struct question *question = question_new(gossip, QUESTION_CUT);
    if (!question) return;
    memcpy(question->node_id, peer->node->id, NODE_ID_BYTES);
    question->seq = peer->node->revoked_seq;
    struct action *action = emit(gossip, ACTION_LOAD_ENTRIES);
    action->load_entries.ticket = question->ticket;
    action->load_entries.node_id = peer->node->id;
    action->load_entries.seq = question->seq;
    action->load_entries.bytes_max = 1;
}

void freeze_trust_changed(struct gossip *gossip) {
    for (size_t i = 0; i < gossip->peers.count; i++) freeze_cut_check(gossip, i);
}

static void drop_behind(struct gossip *gossip, size_t index) {
    const struct peer *peer = gossip->peers.list[index];
    struct question *question = question_new(gossip, QUESTION_TRUNCATE);
    if (question) memcpy(question->node_id, peer->node->id, NODE_ID_BYTES);
    if (question) question->seq = peer->log.fork->seq - 1;
    recalled_truncate(&gossip->peers.list[index]->log.recalled, peer->log.fork->seq);
    struct action *action = emit(gossip, ACTION_TRUNCATE);
    action->truncate.ticket = question ? question->ticket : 0;
    action->truncate.node_id = peer->node->id;
    action->truncate.seq = peer->log.fork->seq;
}

void freeze_again(struct gossip *gossip, size_t index) {
    clamp(gossip, index);
    drop_behind(gossip, index);
}

/* Our branch is the one that counts: it ends at the cut, and is whole again. */
static void settled(struct gossip *gossip, size_t index) {
    const struct peer *peer = gossip->peers.list[index];
    struct log *log = log_of(gossip, index);
    log->frozen = log->fork->settling = false;
    log->head = log->durable = log->cut_checked = peer->node->revoked_seq;
    memcpy(log->head_id, peer->node->revoked_hash, HASH_BYTES);
    memcpy(log->durable_id, peer->node->revoked_hash, HASH_BYTES);
    if (log->heard < log->head) log->heard = log->head;
    log_scan_want(log, log->fork->seq, log->head);
    accept_scan(gossip, index);
    for (size_t i = 0; i < gossip->links.end; i++) {
        struct link *link = &gossip->links.list[i];
        if (link_open(link)) tell_heads_due(gossip, link, index);
    }
}

void freeze_cut_loaded(struct gossip *gossip, const struct question *question, const struct event *event) {
    struct peer *peer = peers_find(&gossip->peers, question->node_id);
    struct entry entry;
    if (!peer) return;
    struct log *log = &peer->log;
    size_t index = peers_index(&gossip->peers, peer);
    const struct agency_node *node = peer->node;
    if (log->fork) log->fork->asking = false;
    /* A lower cut came meanwhile. */
    if (question->seq != node->revoked_seq) {
        freeze_cut_check(gossip, index);
        return;
    }
    bool here = entry_parse(&entry, event->loaded_entries.entries) == OK && entry.seq == node->revoked_seq;
    bool ours = here && memcmp(entry.id, node->revoked_hash, HASH_BYTES) == 0;
    if (!log->frozen) {
        log->cut_checked = node->revoked_seq;
        if (ours || log->head < node->revoked_seq) return;
        /* The cut names another branch, and nobody proved where it leaves ours: the log is fetched anew. */
        const uint8_t none[HASH_BYTES] = {0};
        if (take(gossip, index, 1, none) != OK) {
            gossip->actions->failed = true;
            return;
        }
        if (here) emit_notice(gossip, NOTICE_FORK, NULL, node->id, node->revoked_seq, ERR_FORK); /* else the record is damaged */
    } else if (ours) {
        settled(gossip, index);
        return;
    }
    log->fork->settling = true;
    drop_behind(gossip, index);
}

void freeze_settled(struct gossip *gossip, size_t index, const struct question *question) {
    const struct agency_node *node = gossip->peers.list[index]->node;
    if (question->seq == node->revoked_seq && memcmp(question->id, node->revoked_hash, HASH_BYTES) == 0) settled(gossip, index);
}

void freeze_truncated(struct gossip *gossip, const struct question *question) {
    const struct peer *peer = peers_find(&gossip->peers, question->node_id);
    if (peer && log_settling(&peer->log)) sync_pump_entries(gossip, peers_index(&gossip->peers, peer));
}
