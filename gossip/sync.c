#include "gossip/core.h"

#include <stdlib.h>
#include <string.h>

/* PROTOCOL.md 7.3: anti-entropy is what guarantees delivery. */

static struct peer *log_peer(const struct gossip *gossip, size_t index) { return gossip->peers.list[index]; }

/* --- logs that lack something --- */

void sync_active(struct gossip *gossip, size_t index) {
    struct log *log = &log_peer(gossip, index)->log;
    if (log->active) return;
    if (gossip->active_count == gossip->active_capacity) {
        size_t capacity = gossip->active_capacity ? 2 * gossip->active_capacity : 16;
        uint32_t *grown = realloc(gossip->active, capacity * sizeof *grown);
        if (!grown) {
            gossip->actions->failed = true;
            return;
        }
        gossip->active = grown, gossip->active_capacity = capacity;
    }
    gossip->active[gossip->active_count++] = (uint32_t)index;
    log->active = true;
}

void sync_active_all(struct gossip *gossip) {
    gossip->active_count = 0;
    for (size_t i = 0; i < gossip->peers.count; i++) log_peer(gossip, i)->log.active = false;
    for (size_t i = 0; i < gossip->peers.count; i++) sync_active(gossip, i);
}

static void active_settle(struct gossip *gossip) {
    size_t kept = 0;
    for (size_t i = 0; i < gossip->active_count; i++) {
        struct log *log = &log_peer(gossip, gossip->active[i])->log;
        log->active =
            log->heard > log->head || log->get_link || log->missing_count > 0 || log->scan_from || log->scanning || log->rescan;
        if (log->active) gossip->active[kept++] = gossip->active[i];
    }
    gossip->active_count = kept;
}

void sync_heard(struct gossip *gossip, struct link *link, size_t index, uint64_t seq) {
    if (index >= link->log_count || !link->logs[index].common) return;
    struct log *log = &log_peer(gossip, index)->log;
    if (log->own && seq > log->head && !own_claimed(gossip, link, seq)) return;
    if (link->logs[index].heard < seq) link->logs[index].heard = seq;
    if (log->heard < seq) log->heard = seq;
    if (log->heard > log->head) sync_active(gossip, index);
}

void sync_settle(struct gossip *gossip, size_t index) {
    struct log *log = &log_peer(gossip, index)->log;
    uint64_t most = log->own ? own_claim_most(gossip) : log->head;
    if (log->heard <= log->head) return;
    for (size_t i = 0; !log->own && i < gossip->links.end; i++) {
        const struct link *link = &gossip->links.list[i];
        if (link->number == 0 || index >= link->log_count || !link->logs[index].common) continue;
        if (link->logs[index].heard > most) most = link->logs[index].heard;
    }
    log->heard = most;
}

void sync_unheard(struct gossip *gossip, struct link *link, size_t index) {
    if (index >= link->log_count) return;
    if (log_peer(gossip, index)->log.own) own_claim_over(gossip, link);
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
    for (size_t i = 0; i < gossip->links.end; i++) {
        struct link *link = &gossip->links.list[i];
        if (!link_shares(link, index)) continue;
        if (link->logs[index].heard <= log_peer(gossip, index)->log.head || link->gets >= LIMIT_GETS_IN_FLIGHT) continue;
        /* Who kept his promises comes first; then who promises least: any of them has the next range, and a made-up head never wins. */
        if (!best || link->broken_answers < best->broken_answers ||
            (link->broken_answers == best->broken_answers && link->logs[index].heard < best->logs[index].heard))
            best = link;
    }
    return best;
}

void sync_pump_entries(struct gossip *gossip, size_t index) {
    struct peer *peer = log_peer(gossip, index);
    struct log *log = &peer->log;
    if (log_stopped(log) || log->get_link != 0 || log->heard <= log->head) return;
    if (peer->node->revoked && log->head >= peer->node->revoked_seq) return;
    struct link *link = best_for_entries(gossip, index);
    const uint8_t *tag = link ? link_tag_of_log(link, &gossip->peers, index) : NULL;
    struct buf *message = tag ? emit_buf(gossip) : NULL;
    if (!message) return;
    wire_get(message, tag, log->head + 1, log->own ? SYNC_OWN_BYTES : LIMIT_ENTRIES_BYTES);
    emit_send(gossip, link, message);
    log->get_link = link->number;
    log->get_ms = gossip->monotonic_ms;
    link->gets++;
    gossip_due(gossip, gossip->scan_due_ms);
}

/* Whom to ask for a payload: who offered it first, then who has the entry; `direct` payloads come from the author's agency only. */
static struct link *best_for_payload(struct gossip *gossip, size_t index, const struct missing *missing, bool *anyone) {
    const struct peer *author = log_peer(gossip, index);
    struct link *best = NULL;
    bool best_offered = false;
    *anyone = false;
    for (unsigned slot = 0; slot < gossip->links.end; slot++) {
        struct link *link = &gossip->links.list[slot];
        if (!link_shares(link, index)) continue;
        const struct peer *peer = missing->body.carriage == CARRIAGE_DIRECT ? peers_find(&gossip->peers, link->node_id) : NULL;
        if (missing->body.carriage == CARRIAGE_DIRECT && (!peer || peer->member != author->member)) continue;
        bool offered = missing->offered_by >> slot & 1;
        bool holds = peer == author || link->logs[index].heard >= missing->seq; /* the author did before anybody heard of it */
        if (!offered && (!holds || ((missing->refused_by | missing->silent_at) >> slot & 1))) continue;
        *anyone = true;
        if (link->wants >= LIMIT_WANTS_IN_FLIGHT) continue;
        if (!best || (offered && !best_offered) || (offered == best_offered && link->wants < best->wants))
            best = link, best_offered = offered;
    }
    return best;
}

/* Nobody can give it now. Under pressure the place in the list is worth more than the memory of it: a scan finds it again. */
static void give_up(struct gossip *gossip, size_t index, struct missing *missing) {
    struct log *log = &log_peer(gossip, index)->log;
    if (missing->body.carriage == CARRIAGE_DIRECT)
        log_peer(gossip, index)->wanted = gossip->wanted = true; /* nobody else can give it */
    if (missing->retry_ms <= gossip->monotonic_ms && missing->silent_at && missing->silences < MISSING_SILENT_MAX) {
        missing->silences++;
        missing->soon = true;
        missing->retry_ms = gossip->monotonic_ms + MISSING_SILENT_MS;
    } else if (missing->retry_ms <= gossip->monotonic_ms) { /* else only one who offered it meanwhile was asked */
        missing->refused_by |= missing->silent_at;
        missing->retry_ms = gossip->monotonic_ms + (missing->refused_by ? (uint64_t)MISSING_RETRY_MS << missing->tries : 1000);
        unsigned most = missing->body.carriage == CARRIAGE_DIRECT ? MISSING_TRIES_DIRECT : MISSING_TRIES_MAX;
        if (missing->refused_by && missing->tries < most) missing->tries++;
    }
    if (log->scan_from != 0 && log_missing_live(log) > LIMIT_MISSING_PER_LOG / 2) {
        log->rescan = true;
        log_missing_done(log, missing);
    }
}

/* May somebody be asked for it now? Those who refused or were silent are asked again when its time has come, those who offer it at once. */
static bool askable(const struct gossip *gossip, struct missing *missing) {
    if (missing->done || missing->storing || missing->asked_link) return false;
    if (missing->retry_ms > gossip->monotonic_ms) return missing->offered_by != 0;
    if (missing->retry_ms == 0) return true;
    missing->silent_at = 0;
    if (!missing->soon) missing->refused_by = 0;
    missing->soon = false;
    missing->retry_ms = 0;
    return true;
}

void sync_offers(struct gossip *gossip, struct link *link) {
    uint64_t mark = 1ull << links_slot(&gossip->links, link);
    for (size_t k = 0; k < gossip->active_count; k++) {
        size_t index = gossip->active[k];
        struct log *log = &log_peer(gossip, index)->log;
        if (!link_shares(link, index)) continue;
        for (size_t i = 0; i < log->missing_count; i++)
            if (log->missing[i].tries > 0 && log->missing[i].seq <= link->logs[index].heard) log->missing[i].offered_by |= mark;
        log->missing_unasked = 0;
        sync_pump_payloads(gossip, index);
    }
}

void sync_pump_payloads(struct gossip *gossip, size_t index) {
    struct log *log = &log_peer(gossip, index)->log;
    struct wire_pair wants[LIMIT_LINKS][LIMIT_WANTS_IN_FLIGHT];
    uint32_t counts[LIMIT_LINKS];
    if (log->missing_unasked >= log->missing_count) return;
    memset(counts, 0, sizeof counts);
    while (log->missing_unasked < log->missing_count) {
        struct missing *missing = &log->missing[log->missing_unasked];
        bool anyone = false;
        if (!askable(gossip, missing)) {
            log->missing_unasked++;
            continue;
        }
        /* Noted while there was room: what was stored since counts. The list may be compacted, and then this place is another row's. */
        if (accept_full(gossip, index, missing)) continue;
        struct link *link = best_for_payload(gossip, index, missing, &anyone);
        if (!link && anyone) break; /* all who have it are busy: an answer comes back here */
        log->missing_unasked++;
        if (!link) {
            give_up(gossip, index, missing);
            continue;
        }
        unsigned slot = links_slot(&gossip->links, link);
        struct wire_pair *pair = &wants[slot][counts[slot]++];
        const uint8_t *tag = link_tag_of_log(link, &gossip->peers, index);
        if (tag) memcpy(pair->tag, tag, WIRE_TAG_BYTES);
        pair->number = missing->seq;
        missing->asked_link = link->number;
        missing->asked_ms = gossip->monotonic_ms;
        link->wants++;
    }
    for (unsigned slot = 0; slot < gossip->links.end; slot++) {
        struct buf *message = counts[slot] ? emit_buf(gossip) : NULL;
        if (!message) continue;
        wire_want(message, wants[slot], counts[slot]);
        emit_send(gossip, &gossip->links.list[slot], message);
    }
}

void sync_pump_all(struct gossip *gossip) {
    for (size_t k = 0; k < gossip->active_count; k++) {
        size_t i = gossip->active[k];
        sync_pump_entries(gossip, i);
        accept_scan(gossip, i);
        sync_pump_payloads(gossip, i);
    }
}

void sync_pump_others(struct gossip *gossip, size_t index) {
    size_t count = gossip->active_count, at = 0;
    while (at < count && gossip->active[at] != index) at++;
    for (size_t k = 1; k <= count; k++) {
        size_t i = gossip->active[(at + k) % count];
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
    /* A claim of our own log holds up publishing: no other answer excuses it. */
    bool late = log->own ? gossip->monotonic_ms - log->get_ms > LIMIT_ANSWER_MS : overdue(gossip, log->get_link, log->get_ms);
    if (log->get_link && late) {
        struct link *link = links_find(&gossip->links, log->get_link);
        broken(gossip, log->get_link);
        log->get_link = 0;
        if (link) link->gets -= link->gets > 0;
        /* A claim of our own log stands until its time is used up, and is asked for again: OWN_CLAIM_MS. */
        if (link && !log->own) sync_unheard(gossip, link, index);
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
        if (!missing->asked_link) continue;
        struct link *link = links_find(&gossip->links, missing->asked_link);
        bool passed = link && link->passed_ms > missing->asked_ms && gossip->monotonic_ms - missing->asked_ms > LIMIT_ANSWER_MS;
        if (!passed && !overdue(gossip, missing->asked_link, missing->asked_ms)) continue;
        broken(gossip, missing->asked_link);
        if (link) missing->silent_at |= 1ull << links_slot(&gossip->links, link);
        missing->offered_by &= ~missing->silent_at;
        sync_unask(gossip, missing);
    }
    log->missing_unasked = 0;
    if (log->rescan && log->scan_from == 0 && !log->scanning) log->rescan = false, log_scan_want(log, 1, log->head);
}

/* PROTOCOL.md 7.3: a digest to one random link now and then. */
static void digest_due(struct gossip *gossip) {
    struct link *open[LIMIT_LINKS];
    size_t count = 0;
    for (size_t i = 0; i < gossip->links.end; i++) {
        struct link *link = &gossip->links.list[i];
        if (link_open(link) && link->generation_heard) open[count++] = link;
    }
    if (count > 0) tell_digest(gossip, open[random_below(&gossip->random, count)], true);
    gossip->sync_due_ms = gossip->monotonic_ms + SYNC_INTERVAL_MS * 3 / 4 + random_below(&gossip->random, SYNC_INTERVAL_MS / 2);
}

void sync_tick(struct gossip *gossip) {
    for (size_t i = 0; i < gossip->links.end; i++) {
        struct link *link = &gossip->links.list[i];
        if (link_open(link) && link->trust_due_ms) {
            if (link->trust_due_ms <= gossip->monotonic_ms) tell_trust(gossip, link);
            if (link->trust_due_ms) gossip_due(gossip, link->trust_due_ms);
        }
        if (link_open(link) && link->digest_due_ms) {
            bool due = link->digest_due_ms <= gossip->monotonic_ms;
            if (due) link->digest_due_ms = 0, tell_digest(gossip, link, true);
            if (!due) gossip_due(gossip, link->digest_due_ms);
        }
        if (!link_open(link) || !link->heads_due_ms) continue;
        if (link->heads_due_ms <= gossip->monotonic_ms) tell_heads(gossip, link, 0, 0);
        if (link->heads_due_ms) gossip_due(gossip, link->heads_due_ms);
    }
    if (gossip->sync_due_ms <= gossip->monotonic_ms) digest_due(gossip);
    if (gossip->scan_due_ms <= gossip->monotonic_ms) {
        for (size_t k = 0; k < gossip->active_count; k++) answers_check(gossip, gossip->active[k]);
        dispute_tick(gossip);
        own_claims_age(gossip);
        sync_pump_all(gossip);
        active_settle(gossip);
        gossip->scan_due_ms = gossip->monotonic_ms + 1000;
    }
    gossip_due(gossip, gossip->sync_due_ms);
    gossip_due(gossip, gossip->scan_due_ms);
}
