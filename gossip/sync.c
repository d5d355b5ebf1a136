#include "gossip/core.h"

#include "crypto/hash.h"

#include <string.h>

/* PROTOCOL.md 7.3: anti-entropy is what guarantees delivery. */

static struct peer *log_peer(const struct gossip *gossip, size_t index) { return gossip->peers.list[index]; }

void sync_tags(struct gossip *gossip, struct link *link) {
    struct wire_pair pairs[LIMIT_AGENCIES];
    struct buf *message = emit_buf(gossip);
    if (!message || !link_tables(link, &gossip->peers)) {
        gossip->actions->failed = true;
        return;
    }
    for (size_t i = 0; i < link->agency_count; i++) {
        memcpy(pairs[i].tag, link->agencies[i].tag, WIRE_TAG_BYTES);
        pairs[i].number = gossip->peers.members[link->agencies[i].peer]->agency->record_count;
    }
    link->generation_told = gossip->peers.generation;
    wire_tags(message, link->generation_told, pairs, (uint32_t)link->agency_count);
    emit_send(gossip, link, message);
    if (!link->generation_heard) return;
    sync_chains(gossip, link);
    sync_digest(gossip, link, true);
}

void sync_chains(struct gossip *gossip, struct link *link) {
    for (size_t i = 0; i < link->peer_agency_count && link->queued_bytes <= LIMIT_LINK_QUEUE_BYTES; i++) {
        int index = link_member_of_tag(link, link->peer_agencies[i].tag);
        if (index < 0) continue;
        const struct member *member = gossip->peers.members[index];
        if (member->agency->record_count <= link->peer_agencies[i].number) continue;
        struct buf *chain = emit_buf(gossip);
        if (!chain) return;
        wire_chain(chain, member->agency->id, member->chain);
        emit_send(gossip, link, chain);
        link->peer_agencies[i].number = member->agency->record_count; /* once is enough; its own TAGS say whether it took it */
    }
}

uint64_t sync_claim(const struct peer *peer, const uint8_t **id) {
    bool cut = peer->node->revoked && peer->log.durable > peer->node->revoked_seq;
    if (id) *id = cut ? peer->node->revoked_hash : peer->log.durable_id;
    return cut ? peer->node->revoked_seq : peer->log.durable;
}

void sync_trust_changed(struct gossip *gossip) {
    gossip->allow_dirty = true;
    for (size_t i = 0; i < LIMIT_LINKS; i++) {
        struct link *link = &gossip->links.list[i];
        if (link->number != 0 && link->state == LINK_OPEN) sync_tags(gossip, link);
    }
}

void sync_digest_of(const struct gossip *gossip, const struct link *link, uint8_t out[static WIRE_DIGEST_BYTES]) {
    /* XOR of one hash per log makes the order irrelevant; the link's key keeps a third party from preparing collisions. */
    uint8_t sum[HASH_BYTES] = {0}, one[HASH_BYTES];
    uint8_t row[NODE_ID_BYTES + 8 + HASH_BYTES];
    for (size_t i = 0; i < link->log_count; i++) {
        const struct peer *peer = log_peer(gossip, i);
        const uint8_t *id;
        uint64_t claim = sync_claim(peer, &id);
        if (!link->logs[i].common || claim == 0) continue;
        memcpy(row, peer->node->id, NODE_ID_BYTES);
        put_be64(row + NODE_ID_BYTES, claim);
        memcpy(row + NODE_ID_BYTES + 8, id, HASH_BYTES);
        hash_derive(one, link->key, "comity-digest", bytes_of(row, sizeof row));
        for (size_t j = 0; j < HASH_BYTES; j++) sum[j] ^= one[j];
    }
    memcpy(out, sum, WIRE_DIGEST_BYTES);
}

void sync_digest(struct gossip *gossip, struct link *link, bool reply) {
    uint8_t digest[WIRE_DIGEST_BYTES];
    struct buf *message = emit_buf(gossip);
    if (!message) return;
    sync_digest_of(gossip, link, digest);
    wire_digest(message, link->generation_told, link->generation_heard, digest, reply);
    emit_send(gossip, link, message);
}

/* `all`: every common log, so that the peer learns where it is ahead; otherwise what changed and the peer does not have. */
void sync_heads(struct gossip *gossip, struct link *link, bool all) {
    struct wire_pair pairs[LIMIT_PAIRS];
    uint32_t count = 0;
    link->heads_due_ms = 0;
    if (!link->generation_heard) return;
    for (size_t i = 0; i < link->log_count && count < LIMIT_PAIRS; i++) {
        struct link_log *log = &link->logs[i];
        uint64_t durable = sync_claim(log_peer(gossip, i), NULL);
        if (!log->common) continue;
        if (!all && (durable <= log->told || durable <= log->heard)) continue;
        if (all && durable == 0) continue;
        link_tag(pairs[count].tag, link, bytes_of(log_peer(gossip, i)->node->id, NODE_ID_BYTES));
        pairs[count++].number = durable;
        log->told = durable;
    }
    if (count == 0 && !all) return;
    struct buf *message = emit_buf(gossip);
    if (!message) return;
    wire_heads(message, link->generation_told, link->generation_heard, all, pairs, count);
    emit_send(gossip, link, message);
}

void sync_heads_due(struct gossip *gossip, struct link *link, size_t index) {
    if (link->heads_due_ms || !link->generation_heard || index >= link->log_count || !link->logs[index].common) return;
    uint64_t claim = sync_claim(log_peer(gossip, index), NULL);
    if (claim <= link->logs[index].told || claim <= link->logs[index].heard) return;
    link->heads_due_ms = gossip->monotonic_ms + HEADS_DELAY_MS;
}

void sync_heard(struct gossip *gossip, struct link *link, size_t index, uint64_t seq) {
    if (index >= link->log_count || !link->logs[index].common) return;
    struct log *log = &log_peer(gossip, index)->log;
    if (log->own && seq > log->head) {
        /* PROTOCOL.md 4.4: such a claim stops publishing, so one who made it up a few times is not believed again. */
        const struct peer *claimant = peers_find(&gossip->peers, link->node_id);
        if (!claimant || claimant->claims_broken >= LIMIT_CLAIMS_BROKEN) return;
    }
    if (link->logs[index].heard < seq) link->logs[index].heard = seq;
    if (log->heard < seq) log->heard = seq;
}

void sync_settle(struct gossip *gossip, size_t index) {
    struct log *log = &log_peer(gossip, index)->log;
    uint64_t most = log->head;
    bool known = !log->own;
    if (log->heard <= log->head) return;
    for (size_t i = 0; i < LIMIT_LINKS; i++) {
        const struct link *link = &gossip->links.list[i];
        if (link->number == 0 || index >= link->log_count || !link->logs[index].common) continue;
        if (link->logs[index].heard > most) most = link->logs[index].heard;
        known |= link->heads_known;
    }
    /* Of the own log what was heard stays, until somebody who tells his heads does not know of it. */
    if (known) log->heard = most;
}

void sync_unheard(struct gossip *gossip, struct link *link, size_t index) {
    struct peer *claimant = peers_find(&gossip->peers, link->node_id);
    if (index >= link->log_count) return;
    if (log_peer(gossip, index)->log.own && link->logs[index].heard > log_peer(gossip, index)->log.head && claimant)
        claimant->claims_broken++;
    link->logs[index].heard = 0; /* until it says so again */
    sync_settle(gossip, index);
}

void sync_unask(struct gossip *gossip, struct missing *missing) {
    struct link *link = links_find(&gossip->links, missing->asked_link);
    if (link) link->wants -= link->wants > 0;
    missing->asked_link = 0;
}

static struct link *best_for_entries(struct gossip *gossip, size_t index) {
    struct link *best = NULL;
    for (size_t i = 0; i < LIMIT_LINKS; i++) {
        struct link *link = &gossip->links.list[i];
        if (link->number == 0 || link->state != LINK_OPEN || index >= link->log_count || !link->logs[index].common) continue;
        if (link->logs[index].heard <= log_peer(gossip, index)->log.head || link->gets >= LIMIT_GETS_IN_FLIGHT) continue;
        /* Who kept his promises comes before who promises most. */
        if (!best || link->broken_answers < best->broken_answers ||
            (link->broken_answers == best->broken_answers && link->logs[index].heard > best->logs[index].heard))
            best = link;
    }
    return best;
}

void sync_pump_entries(struct gossip *gossip, size_t index) {
    struct peer *peer = log_peer(gossip, index);
    struct log *log = &peer->log;
    uint8_t tag[WIRE_TAG_BYTES];
    if (log->frozen || log->get_link != 0 || log->heard <= log->head) return;
    if (peer->node->revoked && log->head >= peer->node->revoked_seq) return;
    struct link *link = best_for_entries(gossip, index);
    struct buf *message = link ? emit_buf(gossip) : NULL;
    if (!message) return;
    link_tag(tag, link, bytes_of(peer->node->id, NODE_ID_BYTES));
    wire_get(message, tag, log->head + 1, LIMIT_ENTRIES_BYTES);
    emit_send(gossip, link, message);
    log->get_link = link->number;
    log->get_ms = gossip->monotonic_ms;
    link->gets++;
}

/* Whom to ask for a payload: who offered it first, then who has the entry; `direct` payloads come from the author's agency only. */
static struct link *best_for_payload(struct gossip *gossip, size_t index, const struct missing *missing, bool *anyone) {
    const struct peer *author = log_peer(gossip, index);
    struct link *best = NULL;
    bool best_offered = false;
    *anyone = false;
    for (unsigned slot = 0; slot < LIMIT_LINKS; slot++) {
        struct link *link = &gossip->links.list[slot];
        if (link->number == 0 || link->state != LINK_OPEN || index >= link->log_count || !link->logs[index].common) continue;
        if (missing->body.carriage == CARRIAGE_DIRECT) {
            const struct peer *peer = peers_find(&gossip->peers, link->node_id);
            if (!peer || peer->member != author->member) continue;
        }
        bool offered = missing->offered_by >> slot & 1;
        if (!offered && (link->logs[index].heard < missing->seq || (missing->refused_by >> slot & 1))) continue;
        *anyone = true;
        if (link->wants >= LIMIT_WANTS_IN_FLIGHT) continue;
        if (!best || (offered && !best_offered) || (offered == best_offered && link->wants < best->wants))
            best = link, best_offered = offered;
    }
    return best;
}

/* Nobody can give it now. Under pressure the place in the list is worth more than the memory of it: a scan finds it again. */
static void give_up(struct gossip *gossip, struct log *log, struct missing *missing) {
    missing->retry_ms = gossip->monotonic_ms + (missing->refused_by ? MISSING_RETRY_MS : 1000);
    missing->refused_by = 0;
    if (log->scan_from != 0 && log_missing_live(log) > LIMIT_MISSING_PER_LOG / 2) {
        log->rescan = true;
        log_missing_done(log, missing);
    }
}

void sync_pump_payloads(struct gossip *gossip, size_t index) {
    struct log *log = &log_peer(gossip, index)->log;
    struct wire_pair wants[LIMIT_LINKS][LIMIT_WANTS_IN_FLIGHT];
    uint32_t counts[LIMIT_LINKS] = {0};
    while (log->missing_unasked < log->missing_count) {
        struct missing *missing = &log->missing[log->missing_unasked];
        bool anyone = false;
        if (missing->done || missing->storing || missing->asked_link || missing->retry_ms > gossip->monotonic_ms) {
            log->missing_unasked++;
            continue;
        }
        struct link *link = best_for_payload(gossip, index, missing, &anyone);
        if (!link && anyone) break; /* all who have it are busy: an answer comes back here */
        log->missing_unasked++;
        if (!link) {
            give_up(gossip, log, missing);
            continue;
        }
        unsigned slot = links_slot(&gossip->links, link);
        struct wire_pair *pair = &wants[slot][counts[slot]++];
        link_tag(pair->tag, link, bytes_of(log_peer(gossip, index)->node->id, NODE_ID_BYTES));
        pair->number = missing->seq;
        missing->asked_link = link->number;
        missing->asked_ms = gossip->monotonic_ms;
        link->wants++;
    }
    for (unsigned slot = 0; slot < LIMIT_LINKS; slot++) {
        struct buf *message = counts[slot] ? emit_buf(gossip) : NULL;
        if (!message) continue;
        wire_want(message, wants[slot], counts[slot]);
        emit_send(gossip, &gossip->links.list[slot], message);
    }
}

void sync_pump_all(struct gossip *gossip) {
    for (size_t i = 0; i < gossip->peers.count; i++) {
        sync_pump_entries(gossip, i);
        accept_scan(gossip, i);
        sync_pump_payloads(gossip, i);
    }
}

void sync_pump_others(struct gossip *gossip, size_t index) {
    for (size_t k = 1; k <= gossip->peers.count; k++) {
        size_t i = (index + k) % gossip->peers.count;
        const struct log *log = &log_peer(gossip, i)->log;
        if (log->heard > log->head) sync_pump_entries(gossip, i);
        if (log_missing_live(log) > 0) sync_pump_payloads(gossip, i);
    }
}

static void broken(struct gossip *gossip, uint32_t number) {
    struct link *link = links_find(&gossip->links, number);
    if (!link) return;
    link->broken_answers++;
    link->broken_row++;
    link->owes = true;
}

/* Broken is a promise when the link gave nothing at all for so long, or this one not for very long. */
static bool overdue(struct gossip *gossip, uint32_t number, uint64_t asked_ms) {
    uint64_t now = gossip->monotonic_ms;
    const struct link *link = links_find(&gossip->links, number);
    uint64_t since = link && link->answered_ms > asked_ms ? link->answered_ms : asked_ms;
    return now - since > LIMIT_ANSWER_MS || now - asked_ms > LIMIT_ANSWER_LAST_MS;
}

/* Promises that were not kept: ask somebody else. */
static void answers_check(struct gossip *gossip, size_t index) {
    struct log *log = &log_peer(gossip, index)->log;
    if (log->get_link && overdue(gossip, log->get_link, log->get_ms)) {
        struct link *link = links_find(&gossip->links, log->get_link);
        broken(gossip, log->get_link);
        log->get_link = 0;
        if (link) link->gets -= link->gets > 0;
        if (link) sync_unheard(gossip, link, index);
    }
    for (size_t i = 0; i < log->missing_count; i++) {
        struct missing *missing = &log->missing[i];
        if (missing->done || missing->storing) continue;
        if (missing->body.expires_ms <= gossip->now_ms) {
            /* Nobody keeps it any longer. */
            sync_unask(gossip, missing);
            missing->done = true;
            log->missing_done++;
            continue;
        }
        if (!missing->asked_link || !overdue(gossip, missing->asked_link, missing->asked_ms)) continue;
        struct link *link = links_find(&gossip->links, missing->asked_link);
        broken(gossip, missing->asked_link);
        if (link) missing->refused_by |= 1ull << links_slot(&gossip->links, link);
        missing->offered_by &= ~missing->refused_by;
        sync_unask(gossip, missing);
    }
    log->missing_unasked = 0;
    if (log->rescan && log->scan_from == 0 && !log->scanning) log->rescan = false, log_scan_want(log, 1, log->head);
}

void sync_tick(struct gossip *gossip) {
    struct link *open[LIMIT_LINKS];
    size_t count = 0;
    for (size_t i = 0; i < LIMIT_LINKS; i++) {
        struct link *link = &gossip->links.list[i];
        if (link->number == 0 || link->state != LINK_OPEN) continue;
        if (link->heads_due_ms && link->heads_due_ms <= gossip->monotonic_ms) sync_heads(gossip, link, false);
        if (link->generation_heard) open[count++] = link;
    }
    if (gossip->sync_due_ms <= gossip->monotonic_ms) {
        if (count > 0) sync_digest(gossip, open[random_below(&gossip->random, count)], true);
        gossip->sync_due_ms = gossip->monotonic_ms + SYNC_INTERVAL_MS * 3 / 4 + random_below(&gossip->random, SYNC_INTERVAL_MS / 2);
    }
    if (gossip->scan_due_ms <= gossip->monotonic_ms) {
        for (size_t i = 0; i < gossip->peers.count; i++) answers_check(gossip, i);
        sync_pump_all(gossip);
        gossip->scan_due_ms = gossip->monotonic_ms + 1000;
    }
}

uint64_t sync_deadline(const struct gossip *gossip) {
    uint64_t due = gossip->sync_due_ms < gossip->scan_due_ms ? gossip->sync_due_ms : gossip->scan_due_ms;
    for (size_t i = 0; i < LIMIT_LINKS; i++) {
        const struct link *link = &gossip->links.list[i];
        if (link->number && link->heads_due_ms && link->heads_due_ms < due) due = link->heads_due_ms;
    }
    return due;
}
