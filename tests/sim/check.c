#define _GNU_SOURCE
#include "gossip/core.h"
#include "tests/sim/world.h"

#include "crypto/hash.h"

#include <stdio.h>
#include <string.h>

/* The invariants of reliability.md section 3 that can be seen here, by their names there, after every event. Each looks only at what
   the event touched, and at one log more in turn, so that the cost does not grow with history. */

#define DIALS_PER_MINUTE 14 /* to one peer: 0.5, 1, 2, 4, 8, 16, 30 s, begun anew once or twice */

void check_fail(struct world *world, const char *invariant, size_t node, const char *what) {
    if (world->broken[0]) return; /* the first one tells most */
    snprintf(world->broken, sizeof world->broken, "%s: node %zu at %.3f s: %s (seed %llu)", invariant, node,
             (double)world->now_ms / 1000, what, (unsigned long long)world->seed);
}

bool check_honest(const struct world *world, size_t node) {
    return node < world->count && !world->nodes[node].hostile && !world->nodes[node].suspect;
}

/* --- heads --- */

static void log_check(struct world *world, size_t node, size_t index) {
    struct world_node *self = &world->nodes[node];
    const struct peer *peer = self->gossip->peers.list[index];
    const struct log *log = &peer->log;
    size_t author = world_node_of(world, peer->node->id);
    if (author == world->count) return;
    if (log->head < self->heads[author] && (author == node || world_pinned(world, node, author)))
        check_fail(world, "MonotoneHeads", node, "a verified head fell");
    self->heads[author] = log->head;
    if (log->durable > log->head) check_fail(world, "AckAfterSync", node, "more is durable than there is");
    if (log->durable > 0 && !disk_synced(&self->disk, peer->node->id, log->durable))
        check_fail(world, "AckAfterSync", node, "a head is claimed that no sync made safe");
    if (log_missing_live(log) > LIMIT_MISSING_PER_LOG || log->missing_capacity > 4 * LIMIT_MISSING_PER_LOG)
        check_fail(world, "GapCheap", node, "more payloads are kept in mind than the limit allows");
}

static void link_check(struct world *world, size_t node, uint32_t number) {
    const struct gossip *gossip = world->nodes[node].gossip;
    const struct link *link = links_find(&world->nodes[node].gossip->links, number);
    if (!link) return;
    size_t peer = world_node_of(world, link->node_id);
    if (peer < world->count && !world_pinned(world, node, peer))
        check_fail(world, "RevokeStop", node, "a link to a node that is not pinned");
    if (link->wants > LIMIT_WANTS_IN_FLIGHT || link->gets > LIMIT_GETS_IN_FLIGHT)
        check_fail(world, "BoundedWork", node, "more is asked of one peer than the limit allows");
    if (link_charge(link) > LIMIT_LINK_CHARGE_BYTES)
        check_fail(world, "BoundedPeer", node, "more waits for one peer than it may be charged");
    if (link->pushes_dropped) world_hit(world, push_dropped);
    if (link->broken_answers) world_hit(world, broken_answer);
    if (gossip->question_count > LIMIT_TICKETS) check_fail(world, "BoundedPeer", node, "too many questions are under way");
}

void check_step(struct world *world, size_t node, const struct event *event) {
    struct world_node *self = &world->nodes[node];
    const struct gossip *gossip = self->gossip;
    const struct prekey *prekey;
    if (self->hostile) return;
    for (size_t i = 0; i < self->actions.count; i++) {
        const struct action *action = &self->actions.list[i];
        if (action->kind != ACTION_STORE_ENTRIES) continue;
        const struct peer *peer = peers_find(&gossip->peers, action->store_entries.node_id);
        if (peer) log_check(world, node, peer->index);
    }
    size_t turn = (size_t)(world->events % gossip->peers.count);
    log_check(world, node, turn);
    const struct peer *peer = gossip->peers.list[turn];
    size_t author = world_node_of(world, peer->node->id);
    if (author < world->count) {
        const struct identity *identity = &world->nodes[author].identity;
        prekey = peer->prekey_known ? &peer->prekey : NULL;
        if (prekey && check_honest(world, author) &&
            (prekey->id == 0 || prekey->id > identity->prekey_count ||
             memcmp(prekey->public_key, identity->prekeys[prekey->id - 1].public_key, PREKEY_PUBLIC_BYTES) != 0))
            check_fail(world, "NoInvention", node, "a prekey that its node never made");
    }
    switch (event->kind) {
    case EVENT_MESSAGE: link_check(world, node, event->message.link); break;
    case EVENT_SENT: link_check(world, node, event->sent.link); break;
    case EVENT_LINK_UP: link_check(world, node, event->link_up.link); break;
    case EVENT_STORED: log_check(world, node, gossip->self->index); break;
    case EVENT_LOG:
        peer = peers_find(&gossip->peers, event->log.node_id);
        if (peer) log_check(world, node, peer->index);
        break;
    default: break;
    }
}

void check_repair(struct world *world, size_t node, const uint8_t *node_id, uint64_t seq) {
    size_t author = world_node_of(world, node_id);
    uint64_t *heads = world->nodes[node].heads;
    if (heads && author < world->count && heads[author] >= seq) heads[author] = seq - 1;
}

/* A proof is of a real fork only. */
void check_fork(struct world *world, size_t node, const struct action *action) {
    size_t author = world_node_of(world, action->fork.node_id);
    if (action->fork.proof.size > 0) world_hit(world, fork_proof);
    if (world->nodes[node].hostile || action->fork.proof.size == 0 || !check_honest(world, author)) return;
    if (!world->nodes[author].forked) check_fail(world, "ForkEvidence", node, "a proof against a node that signed nothing twice");
}

/* --- what is said --- */

/* May `to` have this payload? Looked up by its hash, whatever the sender says it is. */
static void payload_check(struct world *world, size_t node, size_t to, struct bytes payload) {
    uint8_t hash[HASH_BYTES];
    if (world->checked != payload.data) {
        hash_of(hash, "comity-payload", payload, bytes_of(NULL, 0));
        world->checked = payload.data;
        world->checked_row = ledger_payload(&world->ledger, hash, &world->checked_author);
        if (!world->plain_payloads && memmem(payload.data, payload.size, WORLD_MARK, strlen(WORLD_MARK)))
            check_fail(world, "Confidential", node, "plaintext in a message");
    }
    const struct ledger_row *row = world->checked_row;
    const struct gossip *gossip = world->nodes[node].gossip;
    if (row && gossip_recalled(gossip, world->nodes[world->checked_author].identity.node_id, row->seq))
        check_fail(world, "RecallStop", node, "it sends a payload that it knows to be recalled");
    if (!row) {
        check_fail(world, "NoInvention", node, "a payload was sent that nobody signed");
    } else if (row->body.carriage == CARRIAGE_DIRECT) {
        if (node != world->checked_author)
            check_fail(world, "Confidential", node, "a direct payload was sent by another than its author");
        if (row->readers && !ledger_reads(row, world->checked_author, to))
            check_fail(world, "Confidential", node, "a direct payload was sent outside its audience");
    }
}

/* What HEADS claims must be on the disk, and HAVE likewise. Only the two ends of a link know its tags, so this looks into the
   sender's core. */
static void claims_check(struct world *world, size_t node, struct link *link, struct wire_pairs pairs, bool payloads) {
    const struct gossip *gossip = world->nodes[node].gossip;
    const struct disk *disk = &world->nodes[node].disk;
    uint8_t tag[WIRE_TAG_BYTES];
    uint64_t seq;
    while (wire_pair_next(&pairs, tag, &seq)) {
        int index = link->logs ? link_log_of_tag(link, &gossip->peers, tag) : -1;
        if (index < 0 || seq == 0) continue;
        const struct agency_node *author = gossip->peers.list[index]->node;
        if (!payloads && !disk_synced(disk, author->id, seq))
            check_fail(world, "AckAfterSync", node, "it told a head before its sync");
        if (!payloads && author->revoked && seq > author->revoked_seq)
            check_fail(world, "RevokeStop", node, "it claims entries past a cut");
        const struct disk_entry *entry = payloads ? disk_entry(disk, author->id, seq) : NULL;
        if (payloads && entry && !(entry->payload && entry->payload_written <= disk->synced))
            check_fail(world, "AckAfterSync", node, "it offered a payload before its sync");
    }
}

/* An entry that goes out: signed by its author, within its author's cut, and an own one only after its sync. */
static void entry_check(struct world *world, size_t node, const struct entry *entry, struct bytes bytes, bool last) {
    size_t author = world_node_of(world, entry->node_id);
    if (author == world->count) return;
    const struct peer *peer = peers_find(&world->nodes[node].gossip->peers, entry->node_id);
    struct ledger_row *row = ledger_entry(&world->ledger, author, entry);
    if (!row && check_honest(world, author))
        check_fail(world, "NoInvention", node, "it passes on an entry that its author did not sign");
    if (peer && peer->node->revoked && entry->seq > peer->node->revoked_seq)
        check_fail(world, "RevokeStop", node, "it serves an entry past a cut");
    if (peer && peer->log.frozen && entry->seq > peer->log.head)
        check_fail(world, "ForkEvidence", node, "it serves an entry behind a fork as if it were clean");
    bool same = row && bytes_equal(blob_bytes(row->entry), bytes);
    if (last && !same && peer && entry_verify(entry, peer->node->sign_public) != OK)
        check_fail(world, "NoInvention", node, "it passes on an entry whose signature is wrong");
    if (author != node) return;
    if (!disk_synced(&world->nodes[node].disk, entry->node_id, entry->seq))
        check_fail(world, "AckAfterSync", node, "it sent an own entry before its sync");
    if (row) row->spread = true;
}

static void entries_check(struct world *world, size_t node, struct bytes entries) {
    struct entry entry;
    while (entries.size > 0) {
        if (entry_parse(&entry, entries) != OK) {
            check_fail(world, "OwnFormat", node, "it sent what is no entry");
            return;
        }
        entry_check(world, node, &entry, bytes_of(entries.data, entry.size), entry.size == entries.size);
        entries = bytes_of(entries.data + entry.size, entries.size - entry.size);
    }
}

void check_send(struct world *world, size_t node, size_t to, uint32_t number, struct bytes bytes) {
    struct gossip *gossip = world->nodes[node].gossip;
    struct link *link = links_find(&gossip->links, number);
    const struct peer *peer = peers_find(&gossip->peers, world->nodes[to].identity.node_id);
    struct message message;
    if (world->nodes[node].hostile) return;
    if (!peer || peer->node->revoked) check_fail(world, "RevokeStop", node, "it sends to a node that it does not trust");
    if (wire_decode(&message, bytes) != OK) {
        check_fail(world, "OwnFormat", node, "it sent what it would not read");
        return;
    }
    world->kinds[message.kind % 32]++;
    switch (message.kind) {
    case MESSAGE_PAYLOAD:
        if (message.payload.present) payload_check(world, node, to, message.payload.payload);
        if (message.payload.present)
            world_hit(world, payload_pulled);
        else
            world_hit(world, payload_refused);
        break;
    case MESSAGE_HEADS:
        if (link) claims_check(world, node, link, message.heads.heads, false);
        break;
    case MESSAGE_HAVE:
        if (link) claims_check(world, node, link, message.have.payloads, true);
        break;
    case MESSAGE_ENTRIES:
        entries_check(world, node, message.entries.entries);
        if (message.entries.entries.size) world_hit(world, range_fetched);
        break;
    case MESSAGE_STREAM:
        entries_check(world, node, message.stream.entries);
        world_hit(world, range_streamed);
        break;
    case MESSAGE_SUMS: world_hit(world, sums_sent); break;
    case MESSAGE_ANNOUNCE: world_hit(world, announced); break;
    case MESSAGE_GRAFT: world_hit(world, graft_sent); break;
    case MESSAGE_PRUNE: world_hit(world, prune_sent); break;
    case MESSAGE_TAGS: world_hit(world, tags_sent); break;
    case MESSAGE_PUSH:
        if (message.push.state == PUSH_INLINE) payload_check(world, node, to, message.push.payload);
        if (message.push.state == PUSH_INLINE) world_hit(world, payload_inline);
        entries_check(world, node, message.push.entry);
        break;
    default: break;
    }
}

/* A node that finds nobody tries less and less often. */
void check_dial(struct world *world, size_t node) {
    struct world_node *self = &world->nodes[node];
    if (self->dial_minute != world->now_ms / 60000) self->dial_minute = world->now_ms / 60000, self->dials = 0;
    if (++self->dials > DIALS_PER_MINUTE * self->gossip->peers.count && !self->hostile)
        check_fail(world, "BoundedWork", node, "it dials without a back-off");
}

/* --- what is stored --- */

void check_store_entries(struct world *world, size_t node, const struct action *action) {
    struct world_node *self = &world->nodes[node];
    struct bytes rest = action->store_entries.entries;
    size_t author = world_node_of(world, action->store_entries.node_id);
    const struct peer *peer = peers_find(&self->gossip->peers, action->store_entries.node_id);
    struct entry entry;
    if (self->hostile || author == world->count) return;
    uint64_t next = self->heads[author] + 1;
    while (rest.size > 0) {
        if (entry_parse(&entry, rest) != OK) {
            check_fail(world, "NoInvention", node, "what it stores is no entry");
            return;
        }
        if (!ledger_entry(&world->ledger, author, &entry) && check_honest(world, author))
            check_fail(world, "NoInvention", node, "an entry that its author did not sign");
        if (entry.seq < next) check_fail(world, "Idempotent", node, "an entry that is here is stored again");
        if (entry.seq > next) check_fail(world, "NoInvention", node, "an entry is stored before the one it follows");
        if (peer && peer->node->revoked && entry.seq > peer->node->revoked_seq)
            check_fail(world, "RevokeStop", node, "an entry past a cut is stored");
        if (entry.time_ms > world_wall_ms(world, node) + LIMIT_FUTURE_MS) world_hit(world, entry_from_future);
        next = entry.seq + 1;
        rest = bytes_of(rest.data + entry.size, rest.size - entry.size);
        if (rest.size > 0 && !action->store_entries.all_verified) continue;
        const struct agency_node *key = agency_node_find(&world->nodes[author].identity.agency, entry.node_id);
        if (key && entry_verify(&entry, key->sign_public) != OK)
            check_fail(world, "NoInvention", node, "a batch without a good signature at its end");
    }
    self->heads[author] = entry.seq;
}

void check_store_payload(struct world *world, size_t node, const struct action *action) {
    const struct world_node *self = &world->nodes[node];
    size_t author = world_node_of(world, action->store_payload.node_id);
    size_t signer = author;
    const struct ledger_row *row = ledger_payload(&world->ledger, action->store_payload.body.seal.payload_hash, &signer);
    const struct disk_log *log = disk_log_find(&self->disk, action->store_payload.node_id);
    if (self->hostile) return;
    if (gossip_recalled(self->gossip, action->store_payload.node_id, action->store_payload.seq))
        check_fail(world, "RecallStop", node, "it stores a payload that it knows to be recalled");
    if (!block_payload_matches(action->store_payload.payload, &action->store_payload.body.seal))
        check_fail(world, "NoInvention", node, "a payload that is not what its entry names");
    /* A log that was pinned again behind a damaged record is fetched anew from there on, with its payloads. */
    if (log && action->store_payload.seq <= log->count && !self->rotted) {
        const struct disk_entry *entry = &log->entries[action->store_payload.seq - 1];
        if (entry->payload && !entry->payload_damaged && entry->payload_written > self->life_write)
            check_fail(world, "Idempotent", node, "a payload that is here is stored again");
    }
    if (!row || row->body.carriage != CARRIAGE_DIRECT || !row->readers) return;
    if (!ledger_reads(row, author, node)) check_fail(world, "Confidential", node, "it holds a direct payload that is not for it");
}

/* --- what is said to the operator, and what is signed --- */

void check_notice(struct world *world, size_t node, const struct action *action) {
    const struct world_node *self = &world->nodes[node];
    size_t culprit = action->notice.node_id ? world_node_of(world, action->notice.node_id) : world->count;
    const struct world_link *link = action->notice.link ? world_link_numbered(world, node, action->notice.link) : NULL;
    char what[120];
    if (culprit == world->count && link) culprit = world_link_other(link, node);
    switch (action->notice.kind) {
    case NOTICE_PEER_MALFORMED:
    case NOTICE_PEER_SIGNATURE:
    case NOTICE_PEER_RATE:
        world_hit(world, peer_refused);
        if (self->hostile || !check_honest(world, culprit)) break;
        snprintf(what, sizeof what, "faults alone made node %zu look hostile: %s", culprit, err_text(action->notice.why));
        check_fail(world, "NoHonestBan", node, what);
        break;
    case NOTICE_FORK:
        world_hit(world, fork_seen);
        if (!self->hostile && check_honest(world, culprit) && !world->nodes[culprit].forked)
            check_fail(world, "NoHonestBan", node, "a log is called forked that is not");
        break;
    case NOTICE_QUOTA: world_hit(world, quota_hit); break;
    default: break;
    }
}

/* NoSelfFork: a number that others know is never signed again, when one of them could have said so. */
void check_sign(struct world *world, size_t node, const struct entry *entry) {
    struct world_node *self = &world->nodes[node];
    const struct ledger_row *row = ledger_find(&world->ledger, node, entry->seq);
    if (!row || !row->spread || self->hostile || self->forked || memcmp(row->id, entry->id, HASH_BYTES) == 0) return;
    self->forked = true;
    for (size_t i = 0; i < LIMIT_LINKS; i++) {
        const struct link *link = &self->gossip->links.list[i];
        if (link->number == 0 || link->state != LINK_OPEN) continue;
        size_t peer = world_node_of(world, link->node_id);
        struct gossip_log_view view;
        /* PROTOCOL.md 4.4: whose claims held this node up for so long, be it for a slow line, is not believed any more; and who said
           what it held before it got more, and has not said so yet, was truthful. */
        const struct peer *claimant = peers_find(&self->gossip->peers, link->node_id);
        if (claimant && self->gossip->peers.members[claimant->member]->claim_ms >= OWN_CLAIM_MS) continue;
        if (claimant && claimant->own_told && claimant->own_claim < entry->seq) continue;
        /* Three have spoken, and this one is among the others; or those that were there have, and this one came later. */
        bool later = self->gossip->own_answers > 0 && link->since_ms > self->gossip->own_answer_ms + OWN_ASK_MS;
        if (claimant && !claimant->own_told && (self->gossip->own_answers >= OWN_ASK_PEERS || later)) continue;
        if (!check_honest(world, peer) || !gossip_log_find(world->nodes[peer].gossip, entry->node_id, &view)) continue;
        /* It must know, and be able to give what it knows of. */
        if (view.head_durable >= entry->seq && !view.frozen && disk_entry(&world->nodes[peer].disk, entry->node_id, entry->seq))
            check_fail(world, "NoSelfFork", node, "it signs a number again that a peer holds another entry of");
    }
}
