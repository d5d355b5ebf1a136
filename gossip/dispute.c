#include "gossip/core.h"

#include <string.h>

/* PROTOCOL.md 4.5: a peer's entry contradicts ours. Where the branches part is found by halving, a range of theirs beside the same
   range of ours each time, and becomes the proof. */

void dispute_look(struct gossip *gossip, struct link *link, size_t index, const struct entry *entry, struct bytes bytes) {
    const struct log *log = &gossip->peers.list[index]->log;
    const struct recent_row *row = recent_find(&gossip->recent, entry->node_id, entry->seq);
    if (row && memcmp(row->id, entry->id, HASH_BYTES) == 0) return;
    if (entry->seq == log->head && memcmp(entry->id, log->head_id, HASH_BYTES) == 0) return;
    /* Most are late copies: they may cost a look at the store now and then. */
    if (!bucket_take(&link->suspects, gossip->monotonic_ms, 1, LIMIT_RATE_SUSPECTS_PER_S, LIMIT_RATE_SUSPECTS_BURST)) return;
    dispute_open(gossip, link, index, bytes);
}

/* --- one search --- */

static struct peer *author_of(const struct gossip *gossip, const struct dispute *dispute) {
    return peers_find(&gossip->peers, dispute->node_id);
}

static void end(struct gossip *gossip, struct dispute *dispute) {
    struct peer *peer = author_of(gossip, dispute);
    struct link *link = links_find(&gossip->links, dispute->link);
    bool evidence = dispute->evidence, sure = dispute->sure;
    buf_free(&dispute->theirs);
    *dispute = (struct dispute){0};
    if (!peer || peer->log.frozen || (!evidence && !sure)) return;
    peer->log.dispute_next_ms = gossip->monotonic_ms + DISPUTE_RETRY_MS;
    if (!evidence) return;
    /* Nothing was found, or the peer is gone: the log goes on, and the peer's claims of it count when it makes them anew. */
    peer->log.disputed = false;
    if (link) sync_unheard(gossip, link, peers_index(&gossip->peers, peer));
}

/* One at a time for each log, and half of the `places` for each link: an author with many logs, and a peer that spins out its answers,
   leave room for others. A mere look gives way to an entry that is known to differ from ours. */
static struct dispute *dispute_new(struct gossip *gossip, const struct link *link, const struct peer *peer, size_t places,
                                   bool sure) {
    for (size_t i = 0; i < LIMIT_DISPUTES; i++) {
        struct dispute *dispute = &gossip->disputes[i];
        if (!dispute->used || memcmp(dispute->node_id, peer->node->id, NODE_ID_BYTES) != 0) continue;
        if (!sure || dispute->sure || dispute->evidence) return NULL;
        end(gossip, dispute);
    }
    size_t mine = 0;
    for (size_t i = 0; i < LIMIT_DISPUTES; i++) mine += gossip->disputes[i].used && gossip->disputes[i].link == link->number;
    if (mine >= places / 2) return NULL;
    for (size_t i = 0; i < places; i++) {
        struct dispute *dispute = &gossip->disputes[i];
        if (dispute->used) continue;
        *dispute = (struct dispute){.used = true, .link = link->number, .step = 1, .since_ms = gossip->monotonic_ms};
        dispute->sure = sure;
        memcpy(dispute->node_id, peer->node->id, NODE_ID_BYTES);
        return dispute;
    }
    return NULL;
}

static void ours_load(struct gossip *gossip, struct dispute *dispute) {
    const struct peer *peer = author_of(gossip, dispute);
    struct question *question = peer ? question_new(gossip, QUESTION_DISPUTE) : NULL;
    dispute->asked = false;
    if (!question) {
        end(gossip, dispute);
        return;
    }
    memcpy(question->node_id, dispute->node_id, NODE_ID_BYTES);
    question->seq = dispute->from;
    dispute->ticket = question->ticket;
    struct action *action = emit(gossip, ACTION_LOAD_ENTRIES);
    action->load_entries.ticket = question->ticket;
    action->load_entries.node_id = peer->node->id;
    action->load_entries.seq = dispute->from;
    action->load_entries.bytes_max = LIMIT_ENTRIES_BYTES;
}

static void theirs_ask(struct gossip *gossip, struct dispute *dispute, bool whole) {
    struct link *link = links_find(&gossip->links, dispute->link);
    struct buf *message = link ? emit_buf(gossip) : NULL;
    uint8_t tag[WIRE_TAG_BYTES];
    if (!message || ++dispute->steps > LIMIT_DISPUTE_STEPS) {
        end(gossip, dispute);
        return;
    }
    link_tag(tag, link, bytes_of(dispute->node_id, NODE_ID_BYTES));
    wire_get(message, tag, dispute->from, whole ? LIMIT_ENTRIES_BYTES : DISPUTE_PROBE_BYTES);
    emit_send(gossip, link, message);
    dispute->asked = true;
    dispute->whole = whole;
    dispute->asked_ms = gossip->monotonic_ms;
}

/* The next range: behind the last common number when that is next to the first that differs, else halfway. */
static void go_on(struct gossip *gossip, struct dispute *dispute) {
    bool found = dispute->low + 1 == dispute->high;
    if (dispute->high == 0 || dispute->low >= dispute->high) {
        end(gossip, dispute); /* no difference, or theirs is the beginning of ours */
        return;
    }
    if (found) {
        dispute->from = dispute->high;
    } else if (dispute->low == 0) {
        dispute->from = dispute->high > dispute->step ? dispute->high - dispute->step : 1;
        dispute->step *= 2;
    } else {
        dispute->from = dispute->low + (dispute->high - dispute->low) / 2;
    }
    theirs_ask(gossip, dispute, found);
}

/* At our head, behind it, or among the newest entries the difference shows at once; further back the store has to say. */
static bool differs(const struct gossip *gossip, const struct log *log, const struct entry *entry) {
    const struct recent_row *row = recent_find(&gossip->recent, entry->node_id, entry->seq);
    if (entry->seq == log->head) return memcmp(entry->id, log->head_id, HASH_BYTES) != 0;
    return entry->seq > log->head || (row && memcmp(row->id, entry->id, HASH_BYTES) != 0);
}

void dispute_open(struct gossip *gossip, struct link *link, size_t index, struct bytes entries) {
    struct peer *peer = gossip->peers.list[index];
    struct log *log = &peer->log;
    struct fork_run run;
    if (log_settling(log)) {
        if (gossip->monotonic_ms < log->dispute_next_ms) return; /* at most so often: one of the branches is right */
        log->dispute_next_ms = gossip->monotonic_ms + DISPUTE_RETRY_MS;
        freeze_again(gossip, index);
        return;
    }
    if (log->frozen || log->disputed || gossip->monotonic_ms < log->dispute_next_ms || entries.size > LIMIT_ENTRIES_BYTES) return;
    if (fork_run_read(&run, entries) != OK || run.first.seq > log->head + 1) return;
    if (memcmp(run.first.node_id, peer->node->id, NODE_ID_BYTES) != 0) return;
    if (!bucket_take(&link->signatures, gossip->monotonic_ms, 1, LIMIT_RATE_SIGNATURES_PER_S, LIMIT_RATE_SIGNATURES_BURST)) return;
    if (entry_verify(&run.last, peer->node->sign_public) != OK) return;
    struct dispute *dispute = dispute_new(gossip, link, peer, LIMIT_DISPUTES, differs(gossip, log, &run.first));
    if (!dispute) return;
    dispute->from = run.first.seq;
    if (run.first.seq == log->head + 1) {
        log->disputed = dispute->evidence = true;
        dispute->high = run.first.seq;
        go_on(gossip, dispute);
        return;
    }
    buf_put(&dispute->theirs, entries);
    if (dispute->theirs.failed)
        end(gossip, dispute);
    else
        ours_load(gossip, dispute);
}

bool dispute_answer(struct gossip *gossip, struct link *link, size_t index, uint64_t seq, struct bytes entries, enum err *err) {
    const struct peer *peer = gossip->peers.list[index];
    struct dispute *dispute = NULL;
    struct fork_run run;
    for (size_t i = 0; i < LIMIT_DISPUTES && !dispute; i++) {
        struct dispute *at = &gossip->disputes[i];
        if (at->used && at->asked && at->link == link->number && at->from == seq &&
            memcmp(at->node_id, peer->node->id, NODE_ID_BYTES) == 0)
            dispute = at;
    }
    *err = OK;
    if (!dispute) return false;
    link->answered_ms = gossip->monotonic_ms;
    if (entries.size == 0) {
        /* A short range may hold no entry whose signature is good. */
        if (dispute->whole)
            end(gossip, dispute);
        else
            theirs_ask(gossip, dispute, true);
        return true;
    }
    if (!bucket_take(&link->signatures, gossip->monotonic_ms, 1, LIMIT_RATE_SIGNATURES_PER_S, LIMIT_RATE_SIGNATURES_BURST)) {
        end(gossip, dispute);
        return true;
    }
    *err = fork_run_read(&run, entries);
    if (*err == OK && (run.first.seq != seq || memcmp(run.first.node_id, peer->node->id, NODE_ID_BYTES) != 0)) *err = ERR_FORMAT;
    if (*err == OK) *err = entry_verify(&run.last, peer->node->sign_public);
    buf_clear(&dispute->theirs);
    buf_put(&dispute->theirs, entries);
    if (*err != OK || dispute->theirs.failed)
        end(gossip, dispute);
    else
        ours_load(gossip, dispute);
    return true;
}

/* --- theirs beside ours --- */

struct comparison {
    uint64_t common;           /* last number at which both agree, 0: none */
    uint64_t differ;           /* first at which they do not, 0: none */
    bool parted;               /* what stands in front of `differ` is the same */
    struct bytes theirs, ours; /* from `differ` on */
    bool ours_any;
};

static void compare(struct comparison *out, struct bytes theirs, struct bytes ours) {
    struct entry a, b;
    *out = (struct comparison){0};
    while (theirs.size > 0 && ours.size > 0 && entry_parse(&a, theirs) == OK && entry_parse(&b, ours) == OK && a.seq == b.seq) {
        out->ours_any = true;
        if (memcmp(a.id, b.id, HASH_BYTES) != 0) {
            out->differ = a.seq;
            out->parted = memcmp(a.previous, b.previous, HASH_BYTES) == 0;
            out->theirs = theirs, out->ours = ours;
            return;
        }
        out->common = a.seq;
        theirs = bytes_of(theirs.data + a.size, theirs.size - a.size);
        ours = bytes_of(ours.data + b.size, ours.size - b.size);
    }
}

/* True when the comparison made a proof, or ended the search in another way. */
static bool prove(struct gossip *gossip, struct dispute *dispute, const struct comparison *found) {
    const struct peer *peer = author_of(gossip, dispute);
    struct fork fork;
    struct bytes theirs = fork_run_shorten(found->theirs, peer->node->sign_public);
    struct bytes ours = fork_run_shorten(found->ours, peer->node->sign_public);
    if (theirs.size > 0 && ours.size > 0) {
        enum err err = fork_make(&fork, theirs, ours);
        if (err == OK) err = freeze_fork(gossip, peers_index(&gossip->peers, peer), &fork);
        if (err == ERR_MEMORY) gossip->actions->failed = true;
        end(gossip, dispute);
        return true;
    }
    /* The good signatures stand too far behind: once more, with the ranges beginning here. */
    if (dispute->from != found->differ) return false;
    end(gossip, dispute);
    return true;
}

void dispute_loaded(struct gossip *gossip, const struct question *question, const struct event *event) {
    struct dispute *dispute = NULL;
    struct comparison found;
    for (size_t i = 0; i < LIMIT_DISPUTES; i++)
        if (gossip->disputes[i].used && gossip->disputes[i].ticket == question->ticket) dispute = &gossip->disputes[i];
    if (!dispute) return;
    struct peer *peer = author_of(gossip, dispute);
    compare(&found, bytes_of_buf(&dispute->theirs), event->loaded_entries.entries);
    if (peer && !found.ours_any && dispute->from > peer->log.durable && dispute->from <= peer->log.head) {
        dispute->later = true;
        return;
    }
    if (!peer || !found.ours_any || found.differ > peer->log.head) {
        end(gossip, dispute);
        return;
    }
    if (found.common > dispute->low) dispute->low = found.common;
    if (found.differ != 0) {
        if ((found.parted || found.differ == 1) && prove(gossip, dispute, &found)) return;
        dispute->high = found.differ;
        if (found.parted) dispute->low = found.differ - 1;
        /* Both branches are there, and both verified: until this is over nothing more is taken. */
        if (!peer->log.frozen) dispute->evidence = peer->log.disputed = true;
    }
    go_on(gossip, dispute);
}

/* --- heads that are equal, and digests that are not --- */

void dispute_heads(struct gossip *gossip, struct link *link, uint64_t buckets) {
    bool equal = true;
    if (link->walk_left > 0 || gossip->monotonic_ms < link->walk_next_ms) return;
    for (size_t i = 0; i < link->log_count && equal; i++)
        equal = !link->logs[i].common || !tell_bucket_has(gossip, link, i, buckets) ||
                link->logs[i].heard == sync_claim(gossip->peers.list[i], NULL);
    link->differ_row += equal ? DISPUTE_WALK_ROW / 2 : 1;
    if (link->differ_row < DISPUTE_WALK_ROW || link->log_count == 0) {
        /* Perhaps something was on its way: the next digest says. */
        link->digest_due_ms = equal ? gossip->monotonic_ms + SYNC_DIGEST_AGAIN_MS : 0;
        if (equal) gossip_due(gossip, link->digest_due_ms);
        return;
    }
    link->differ_row = 0;
    link->walk_next_ms = gossip->monotonic_ms + DISPUTE_WALK_MS;
    link->walk_at = (uint32_t)random_below(&gossip->random, link->log_count);
    link->walk_left = (uint32_t)link->log_count;
    link->walk_buckets = buckets;
    if (!equal && link->walk_left > LIMIT_DISPUTE_WALK) link->walk_left = LIMIT_DISPUTE_WALK;
}

/* Is the last common entry of this log worth a question? */
static bool walk_looks(struct gossip *gossip, struct link *link, size_t index) {
    const struct peer *peer = gossip->peers.list[index];
    uint64_t claim = sync_claim(peer, NULL);
    return link->logs[index].common && claim > 0 && link->logs[index].heard == claim && !log_settling(&peer->log) &&
           tell_bucket_has(gossip, link, index, link->walk_buckets);
}

/* The next logs; half the places stay free for contradictions that were seen. */
static void walk(struct gossip *gossip, struct link *link) {
    while (link->walk_left > 0 && link->log_count > 0) {
        size_t index = link->walk_at % link->log_count;
        const struct peer *peer = gossip->peers.list[index];
        bool look = walk_looks(gossip, link, index);
        struct dispute *dispute = look ? dispute_new(gossip, link, peer, LIMIT_DISPUTES / 2, false) : NULL;
        if (look && !dispute) return;
        link->walk_at++;
        link->walk_left--;
        if (!dispute) continue;
        dispute->from = sync_claim(peer, NULL);
        theirs_ask(gossip, dispute, false);
    }
}

void dispute_tick(struct gossip *gossip) {
    for (size_t i = 0; i < LIMIT_DISPUTES; i++) {
        struct dispute *dispute = &gossip->disputes[i];
        if (!dispute->used) continue;
        bool late = gossip->monotonic_ms - dispute->since_ms > LIMIT_DISPUTE_MS ||
                    (dispute->asked && gossip->monotonic_ms - dispute->asked_ms > LIMIT_ANSWER_MS);
        const struct link *link = links_find(&gossip->links, dispute->link);
        if (dispute->later && !late) {
            dispute->later = false;
            ours_load(gossip, dispute);
            continue;
        }
        bool gone = dispute->asked && (!link || !link_open(link));
        if (late || gone || !author_of(gossip, dispute)) end(gossip, dispute);
    }
    for (size_t i = 0; i < gossip->links.end; i++) {
        struct link *link = &gossip->links.list[i];
        if (link->number != 0 && link->state == LINK_OPEN && link->walk_left > 0) walk(gossip, link);
    }
    for (size_t i = 0; gossip->fork_count > 0 && i < gossip->peers.count; i++)
        if (gossip->peers.list[i]->log.fork) freeze_cut_check(gossip, i);
}
