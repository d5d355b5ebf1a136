#include "gossip/core.h"

#include <stdlib.h>
#include <string.h>

static struct own_pending *pending_new(struct gossip *gossip) {
    if (gossip->pending_count == gossip->pending_capacity) {
        size_t capacity = gossip->pending_capacity ? 2 * gossip->pending_capacity : 32;
        struct own_pending *grown = realloc(gossip->pending, capacity * sizeof *grown);
        if (!grown) return NULL;
        gossip->pending = grown, gossip->pending_capacity = capacity;
    }
    struct own_pending *pending = &gossip->pending[gossip->pending_count++];
    *pending = (struct own_pending){0};
    return pending;
}

/* --- is it known where the own log ends? PROTOCOL.md 4.4 --- */

/* Agencies that could be asked, the own one's other nodes being one of them: no agency alone says where our log ends. */
static size_t others_count(const struct gossip *gossip) {
    size_t count = 0;
    for (size_t i = 0; i < gossip->peers.member_count && count < OWN_ASK_PEERS; i++) {
        const struct agency *agency = gossip->peers.members[i]->agency;
        bool any = false;
        for (size_t k = 0; k < agency->node_count && !any; k++)
            any = !agency->nodes[k].revoked && memcmp(agency->nodes[k].id, gossip->self->node->id, NODE_ID_BYTES) != 0;
        count += any;
    }
    return count;
}

/* Somebody is about to say where it ends. */
static bool answer_under_way(const struct gossip *gossip) {
    for (size_t i = 0; i < gossip->links.end; i++) {
        const struct link *link = &gossip->links.list[i];
        const struct peer *peer = link->number ? peers_find(&gossip->peers, link->node_id) : NULL;
        if (peer && !peer->own_told && gossip->monotonic_ms - link->since_ms < OWN_ASK_LINK_MS) return true;
    }
    return false;
}

static bool asking(const struct gossip *gossip) {
    if (gossip->own_known || gossip->own_answers >= others_count(gossip)) return false;
    if (gossip->own_answers == 0 || gossip->monotonic_ms - gossip->own_answer_ms < OWN_ASK_MS) return true;
    return gossip->monotonic_ms - gossip->own_first_ms < OWN_ASK_LAST_MS && answer_under_way(gossip);
}

void own_told(struct gossip *gossip, const struct link *link) {
    struct peer *peer = peers_find(&gossip->peers, link->node_id);
    if (gossip->own_known || !peer || peer->own_told || !link_shares(link, gossip->self->index)) return;
    /* Once it is known it stays so, whoever is pinned, or speaks, later. */
    gossip->own_known = !asking(gossip);
    if (gossip->own_known) return;
    peer->own_told = true;
    struct member *member = gossip->peers.members[peer->member];
    if (!member->own_told && gossip->own_answers++ == 0) gossip->own_first_ms = gossip->monotonic_ms;
    member->own_told = true;
    gossip->own_answer_ms = gossip->monotonic_ms;
    gossip->own_known = !asking(gossip);
}

/* Claims of the own log belong to the peer that made them, not to its link: a link may go and trust may change before the entries
   came. Such a claim holds up publishing, so an agency may do that for so long in all; a slow line alone disproves nobody. */

static bool believed(const struct gossip *gossip, const struct peer *peer) {
    return gossip->peers.members[peer->member]->claim_ms < OWN_CLAIM_MS;
}

static bool claims(const struct gossip *gossip, const struct peer *peer) {
    return !peer->node->revoked && peer->own_claim > gossip->self->log.head && believed(gossip, peer);
}

/* Each agency whose nodes claim something is charged once, for those that have a link first: who cannot speak is given more time. */
static void charge(struct gossip *gossip, bool linked, uint64_t ms) {
    for (size_t i = 0; i < gossip->peers.count; i++) {
        const struct peer *peer = gossip->peers.list[i];
        struct member *member = gossip->peers.members[peer->member];
        if (linked != (peer->slot >= 0) || member->claim_charged_ms == gossip->monotonic_ms || !claims(gossip, peer)) continue;
        member->claim_charged_ms = gossip->monotonic_ms;
        member->claim_ms += ms;
    }
}

/* Charges the time since the last look; a node that slept is no reason to doubt anybody. */
static void claims_charge(struct gossip *gossip) {
    uint64_t ms = gossip->monotonic_ms - gossip->own_charged_ms;
    gossip->own_charged_ms = gossip->monotonic_ms;
    if (ms > OWN_CLAIM_LOOK_MS) ms = OWN_CLAIM_LOOK_MS;
    if (ms == 0 || gossip->self->log.heard <= gossip->self->log.head) return;
    charge(gossip, true, ms);
    charge(gossip, false, ms / OWN_CLAIM_GONE);
}

bool own_claimed(struct gossip *gossip, const struct link *link, uint64_t seq) {
    struct peer *claimant = peers_find(&gossip->peers, link->node_id);
    claims_charge(gossip);
    if (!claimant || !believed(gossip, claimant)) return false;
    if (claimant->own_claim < seq) claimant->own_claim = seq;
    if (gossip->own_claim_max < seq) gossip->own_claim_max = seq;
    return true;
}

void own_claim_over(struct gossip *gossip, const struct link *link) {
    struct peer *claimant = peers_find(&gossip->peers, link->node_id);
    if (!claimant || claimant->own_claim == 0) return;
    claims_charge(gossip);
    claimant->own_claim = 0;
    sync_settle(gossip, gossip->self->index);
}

void own_grew(struct gossip *gossip) {
    for (size_t i = 0; i < gossip->peers.member_count; i++) gossip->peers.members[i]->claim_ms = 0;
}

uint64_t own_claim_most(const struct gossip *gossip) {
    uint64_t most = gossip->self->log.head;
    if (gossip->own_claim_max <= most) return most; /* as nearly always: a thousand peers need not be asked */
    for (size_t i = 0; i < gossip->peers.count; i++) {
        const struct peer *peer = gossip->peers.list[i];
        if (claims(gossip, peer) && peer->own_claim > most) most = peer->own_claim;
    }
    return most;
}

void own_claims_age(struct gossip *gossip) {
    claims_charge(gossip);
    sync_settle(gossip, gossip->self->index);
}

enum gossip_own gossip_own_ready(const struct gossip *gossip) {
    const struct log *log = &gossip->self->log;
    if (log->frozen) return GOSSIP_OWN_FORKED;
    if (asking(gossip)) return GOSSIP_OWN_ASKING;
    return log->heard > log->head || log->disputed ? GOSSIP_OWN_BEHIND : GOSSIP_OWN_READY;
}

static enum err publish_check(const struct gossip *gossip, const struct entry *entry, struct bytes payload) {
    const struct log *log = &gossip->self->log;
    struct block_body body;
    if (log->frozen) return ERR_FORK;
    if (memcmp(entry->node_id, gossip->self->node->id, NODE_ID_BYTES) != 0) return ERR_FORMAT;
    if (entry->seq != log->head + 1 || memcmp(entry->previous, log->head_id, HASH_BYTES) != 0) return ERR_CHAIN;
    /* PROTOCOL.md 4.4: somebody may hold entries of this log that we lost: nothing new may be signed beside them. */
    if (gossip_own_ready(gossip) != GOSSIP_OWN_READY) return ERR_BUSY;
    if (entry->type == ENTRY_BLOCK) {
        enum err err = block_body_read(&body, entry->body);
        if (err != OK) return err;
        if (!block_payload_matches(payload, &body.seal)) return ERR_HASH;
    }
    return entry_verify(entry, gossip->self->node->sign_public);
}

enum err own_publish(struct gossip *gossip, const struct event *event) {
    struct entry entry;
    struct log *log = &gossip->self->log;
    struct bytes payload = event->publish.payload;
    enum err err = entry_parse(&entry, event->publish.entry);
    if (err == OK) err = publish_check(gossip, &entry, payload);
    if (err != OK) return err;
    if (gossip->pending_count >= LIMIT_OWN_PENDING) return ERR_BUSY;
    if (gossip->question_count >= LIMIT_TICKETS) return ERR_BUSY;
    gossip->own_known = true;
    struct own_pending *pending = pending_new(gossip);
    struct question *question = pending ? question_new(gossip, QUESTION_STORE_ENTRIES) : NULL;
    if (!question) return ERR_MEMORY;
    memcpy(question->node_id, entry.node_id, NODE_ID_BYTES);
    question->seq = entry.seq;
    memcpy(question->id, entry.id, HASH_BYTES);

    pending->seq = entry.seq;
    pending->block = entry.type == ENTRY_BLOCK;
    pending->waits_for = question->ticket;
    buf_put(&pending->entry, event->publish.entry);
    if (payload.size <= LIMIT_PUSH_PAYLOAD_BYTES) buf_put(&pending->payload, payload);
    if (pending->entry.failed || pending->payload.failed) gossip->actions->failed = true;

    log->head = entry.seq;
    memcpy(log->head_id, entry.id, HASH_BYTES);
    if (log->heard < log->head) log->heard = log->head;
    struct prekey prekey;
    if (entry.type == ENTRY_PREKEY && prekey_read(&prekey, entry.body) == OK) peers_prekey_learn(gossip->self, &prekey);

    struct recall recall;
    if (entry.type == ENTRY_RECALL && recall_read(&recall, entry.seq, entry.body) == OK)
        accept_recall(gossip, peers_index(&gossip->peers, gossip->self), recall.block, entry.seq);

    /* Entry and payload are one atom of the store: one ticket for both. */
    if (pending->block) {
        struct action *action = emit(gossip, ACTION_STORE_PAYLOAD);
        action->store_payload.node_id = gossip->self->node->id;
        action->store_payload.seq = entry.seq;
        action->store_payload.own = true;
        err = block_body_read(&action->store_payload.body, entry.body);
        action->store_payload.payload = payload;
        if (err != OK) return err;
    }
    struct action *action = emit(gossip, ACTION_STORE_ENTRIES);
    action->store_entries.ticket = pending->waits_for;
    action->store_entries.entries = event->publish.entry;
    action->store_entries.node_id = gossip->self->node->id;
    action->store_entries.own = true;
    action->store_entries.all_verified = true;
    return OK;
}

/* Its readers are to say that they have it. */
static bool direct_expect(struct gossip *gossip, uint64_t seq, uint64_t epoch_seq) {
    const struct own_audience *audience = own_audience_find(gossip, epoch_seq);
    if (!audience) return true;
    return direct_add(&gossip->direct, seq, (const uint8_t(*)[NODE_ID_BYTES])audience->readers, audience->count,
                      gossip->self->node->id, gossip->monotonic_ms);
}

void own_stored(struct gossip *gossip, uint64_t ticket) {
    size_t index = peers_index(&gossip->peers, gossip->self);
    for (size_t i = 0; i < gossip->pending_count; i++) {
        struct own_pending *pending = &gossip->pending[i];
        if (pending->waits_for != ticket) continue;
        /* The payload is here for everyone who may have it: `direct` ones are refused when asked for, not when announced. */
        struct entry entry;
        struct block_body body = {.carriage = CARRIAGE_RELAY};
        bool parsed = entry_parse(&entry, bytes_of_buf(&pending->entry)) == OK; /* as it was when it was published */
        bool block = parsed && pending->block && block_body_read(&body, entry.body) == OK;
        bool inline_ok = block && pending->payload.size > 0 && body.carriage == CARRIAGE_RELAY;
        bool aside = gossip->self->log.frozen && pending->seq > gossip->self->log.head;
        if (parsed && !aside &&
            !recent_put(&gossip->recent, &entry, bytes_of_buf(&pending->entry),
                        inline_ok ? bytes_of_buf(&pending->payload) : bytes_of(NULL, 0)))
            gossip->actions->failed = true;
        if (!aside)
            push_entry(gossip, index, pending->seq, bytes_of_buf(&pending->entry),
                       inline_ok ? PUSH_INLINE : (pending->block ? PUSH_HERE : PUSH_AWAITED), bytes_of_buf(&pending->payload),
                       NULL);
        if (!aside && body.carriage == CARRIAGE_DIRECT && !direct_expect(gossip, pending->seq, body.epoch_seq))
            gossip->actions->failed = true;
        buf_free(&pending->entry);
        buf_free(&pending->payload);
        memmove(pending, pending + 1, (gossip->pending_count - i - 1) * sizeof *pending);
        gossip->pending_count--;
        return;
    }
}

enum err own_audience(struct gossip *gossip, const struct event *event) {
    if (gossip->audience_count == gossip->audience_capacity) {
        size_t capacity = gossip->audience_capacity ? 2 * gossip->audience_capacity : 16;
        struct own_audience *grown = realloc(gossip->audiences, capacity * sizeof *grown);
        if (!grown) return ERR_MEMORY;
        gossip->audiences = grown, gossip->audience_capacity = capacity;
    }
    struct own_audience audience = {.epoch_seq = event->audience.epoch_seq, .count = event->audience.readers.size / NODE_ID_BYTES};
    audience.readers = calloc(audience.count + 1, NODE_ID_BYTES);
    if (!audience.readers) return ERR_MEMORY;
    if (audience.count) memcpy(audience.readers, event->audience.readers.data, audience.count * NODE_ID_BYTES);
    size_t at = gossip->audience_count++;
    while (at > 0 && gossip->audiences[at - 1].epoch_seq > audience.epoch_seq)
        gossip->audiences[at] = gossip->audiences[at - 1], at--;
    gossip->audiences[at] = audience;
    return OK;
}

const struct own_audience *own_audience_find(const struct gossip *gossip, uint64_t epoch_seq) {
    for (size_t i = gossip->audience_count; i-- > 0;)
        if (gossip->audiences[i].epoch_seq == epoch_seq) return &gossip->audiences[i];
    return NULL;
}

bool own_reads(const struct gossip *gossip, uint64_t epoch_seq, const uint8_t node_id[static NODE_ID_BYTES]) {
    const struct own_audience *audience = own_audience_find(gossip, epoch_seq);
    for (size_t j = 0; audience && j < audience->count; j++)
        if (memcmp(audience->readers[j], node_id, NODE_ID_BYTES) == 0) return true;
    return false;
}
