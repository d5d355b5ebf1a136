#define _GNU_SOURCE
#include "gossip/core.h"
#include "tests/sim/world.h"

#include "crypto/hash.h"

#include <stdio.h>
#include <string.h>

/* The invariants of reliability.md section 3 that can be seen here, by their names there. */

void check_fail(struct world *world, const char *invariant, size_t node, const char *what) {
    if (world->broken[0]) return; /* the first one tells most */
    snprintf(world->broken, sizeof world->broken, "%s: node %zu at %.3f s: %s (seed %llu)", invariant, node,
             (double)world->now_ms / 1000, what, (unsigned long long)world->seed);
}

static size_t node_of(const struct world *world, const uint8_t *node_id) {
    size_t i = 0;
    while (i < world->count && memcmp(world->nodes[i].identity.node_id, node_id, NODE_ID_BYTES) != 0) i++;
    return i;
}

void check_step(struct world *world, size_t node) {
    struct world_node *self = &world->nodes[node];
    struct gossip_log_view view;
    for (size_t i = 0; i < gossip_log_count(self->gossip); i++) {
        gossip_log_view(self->gossip, i, &view);
        size_t author = node_of(world, view.node_id);
        if (author == world->count) continue;
        if (view.head < self->heads[author] && (author == node || self->pinned[author]))
            check_fail(world, "MonotoneHeads", node, "a verified head fell");
        self->heads[author] = view.head;
        if (view.head_durable > 0 && !disk_entry(&self->disk, view.node_id, view.head_durable))
            check_fail(world, "AckAfterSync", node, "a head is claimed that no sync made safe");
    }
    for (size_t i = 0; i < gossip_link_count(self->gossip); i++) {
        struct gossip_link_view link;
        gossip_link_view(self->gossip, i, &link);
        size_t peer = node_of(world, link.node_id);
        if (peer < world->count && !self->pinned[peer]) check_fail(world, "Trust", node, "a link to a node that is not pinned");
    }
}

void check_repair(struct world *world, size_t node, const uint8_t *node_id, uint64_t seq) {
    size_t author = node_of(world, node_id);
    if (author < world->count && world->nodes[node].heads[author] >= seq) world->nodes[node].heads[author] = seq - 1;
}

/* May `to` have this payload? Looked up by its hash, whatever the sender says it is. */
static void payload_check(struct world *world, size_t node, size_t to, struct bytes payload) {
    uint8_t hash[HASH_BYTES];
    hash_of(hash, "comity-payload", payload, bytes_of(NULL, 0));
    for (size_t i = 0; i < world->ledger_count; i++) {
        const struct ledger_row *row = &world->ledger[i];
        if (row->type != ENTRY_BLOCK || memcmp(row->payload_hash, hash, HASH_BYTES) != 0) continue;
        if (row->body.carriage == CARRIAGE_RELAY) return;
        if (node != row->author) check_fail(world, "Confidential", node, "a direct payload was sent by another than its author");
        if (to < row->readers.size && !row->readers.data[to])
            check_fail(world, "Confidential", node, "a direct payload was sent outside its audience");
        return;
    }
    check_fail(world, "NoInvention", node, "a payload was sent that nobody signed");
}

/* What HEADS claims must be on the disk. Only the two ends of a link know its tags, so this looks into the sender's core. */
static void heads_check(struct world *world, size_t node, size_t to, struct wire_pairs heads) {
    struct gossip *gossip = world->nodes[node].gossip;
    uint8_t tag[WIRE_TAG_BYTES];
    uint64_t seq;
    while (wire_pair_next(&heads, tag, &seq))
        for (size_t i = 0; i < LIMIT_LINKS; i++) {
            struct link *link = &gossip->links.list[i];
            if (link->number == 0 || memcmp(link->node_id, world->nodes[to].identity.node_id, NODE_ID_BYTES) != 0) continue;
            int index = link->logs ? link_log_of_tag(link, &gossip->peers, tag) : -1;
            if (index >= 0 && seq > 0 && !disk_entry(&world->nodes[node].disk, gossip->peers.list[index]->node->id, seq))
                check_fail(world, "AckAfterSync", node, "it told a head before its sync");
        }
}

void check_send(struct world *world, size_t node, size_t to, struct bytes bytes) {
    struct message message;
    struct entry entry;
    if (memmem(bytes.data, bytes.size, WORLD_MARK, strlen(WORLD_MARK)))
        check_fail(world, "Confidential", node, "plaintext in a message");
    if (wire_decode(&message, bytes) != OK) {
        check_fail(world, "OwnFormat", node, "it sent what it would not read");
        return;
    }
    if (message.kind == MESSAGE_PAYLOAD && message.payload.present) payload_check(world, node, to, message.payload.payload);
    if (message.kind == MESSAGE_HEADS) heads_check(world, node, to, message.heads.heads);
    if (message.kind != MESSAGE_PUSH) return;
    if (message.push.state == PUSH_INLINE) payload_check(world, node, to, message.push.payload);
    if (entry_parse(&entry, message.push.entry) != OK)
        check_fail(world, "OwnFormat", node, "it pushed what is no entry");
    else if (node_of(world, entry.node_id) == node && !disk_entry(&world->nodes[node].disk, entry.node_id, entry.seq))
        check_fail(world, "AckAfterSync", node, "it sent an own entry before its sync");
}

void check_store_entries(struct world *world, size_t node, const struct action *action) {
    struct bytes rest = action->store_entries.entries;
    size_t author = node_of(world, action->store_entries.node_id);
    struct entry entry;
    while (rest.size > 0 && author < world->count) {
        if (entry_parse(&entry, rest) != OK) {
            check_fail(world, "NoInvention", node, "what it stores is no entry");
            return;
        }
        const struct ledger_row *row = world_ledger(world, author, entry.seq);
        if (entry.seq > 1 && (!row || memcmp(row->id, entry.id, HASH_BYTES) != 0))
            check_fail(world, "NoInvention", node, "an entry that its author did not sign");
        rest = bytes_of(rest.data + entry.size, rest.size - entry.size);
        if (rest.size > 0 && !action->store_entries.all_verified) continue;
        const struct agency_node *key = agency_node_find(&world->nodes[author].identity.agency, entry.node_id);
        if (key && entry_verify(&entry, key->sign_public) != OK)
            check_fail(world, "NoInvention", node, "a batch without a good signature at its end");
    }
}

void check_store_payload(struct world *world, size_t node, const struct action *action) {
    size_t author = node_of(world, action->store_payload.node_id);
    const struct ledger_row *row = author < world->count ? world_ledger(world, author, action->store_payload.seq) : NULL;
    if (!block_payload_matches(action->store_payload.payload, &action->store_payload.body.seal))
        check_fail(world, "NoInvention", node, "a payload that is not what its entry names");
    if (!row || row->body.carriage != CARRIAGE_DIRECT || !row->readers.data) return;
    if (!row->readers.data[node]) check_fail(world, "Confidential", node, "it holds a direct payload that is not for it");
}

void check_disks(struct world *world) {
    for (size_t i = 0; i < world->ledger_count; i++) {
        const struct ledger_row *row = &world->ledger[i];
        const struct disk *disk = &world->nodes[row->author].disk;
        const uint8_t *id = world->nodes[row->author].identity.node_id;
        if (row->acknowledged && !disk_entry(disk, id, row->seq))
            check_fail(world, "NoAckedLoss", row->author, "an acknowledged entry is gone");
        if (row->acknowledged && row->type == ENTRY_BLOCK && !disk_payload_here(disk, id, row->seq))
            check_fail(world, "NoAckedLoss", row->author, "an acknowledged payload is gone");
    }
    for (size_t node = 0; node < world->count; node++)
        for (size_t i = 0; i < world->nodes[node].disk.count; i++) {
            const struct disk_log *log = &world->nodes[node].disk.logs[i];
            uint8_t previous[HASH_BYTES] = {0};
            struct entry entry;
            for (uint64_t seq = 1; seq <= disk_head(&world->nodes[node].disk, log->node_id); seq++) {
                const struct disk_entry *stored = disk_entry(&world->nodes[node].disk, log->node_id, seq);
                if (!stored || entry_parse(&entry, bytes_of_buf(&stored->bytes)) != OK ||
                    memcmp(entry.previous, previous, HASH_BYTES) != 0) {
                    check_fail(world, "NoInvention", node, "a stored log has a hole or a wrong link");
                    break;
                }
                memcpy(previous, entry.id, HASH_BYTES);
            }
        }
}

static bool wanted_by(const struct ledger_row *row, size_t node) {
    return row->body.carriage == CARRIAGE_RELAY || (row->readers.data && row->readers.data[node]);
}

void check_explain(struct world *world) {
    for (size_t node = 0; node < world->count; node++) {
        const struct disk *disk = &world->nodes[node].disk;
        if (!world->nodes[node].gossip) continue;
        for (size_t i = 0; i < world->ledger_count; i++) {
            const struct ledger_row *row = &world->ledger[i];
            const uint8_t *id = world->nodes[row->author].identity.node_id;
            struct gossip_log_view view;
            if (!gossip_log_find(world->nodes[node].gossip, id, &view)) continue;
            bool entry = disk_entry(disk, id, row->seq) != NULL, payload = disk_payload_here(disk, id, row->seq);
            if (entry && (row->type != ENTRY_BLOCK || payload == wanted_by(row, node))) continue;
            printf("# node %zu lacks %s %llu of node %zu (%s, epoch %llu): head %llu durable %llu heard %llu missing %llu\n", node,
                   entry ? "payload" : "entry", (unsigned long long)row->seq, row->author,
                   row->body.carriage == CARRIAGE_DIRECT ? "direct" : "relay", (unsigned long long)row->body.epoch_seq,
                   (unsigned long long)view.head, (unsigned long long)view.head_durable, (unsigned long long)view.head_heard,
                   (unsigned long long)view.missing);
        }
    }
}

static bool holds(const struct world *world, size_t node, size_t author) {
    const struct disk *disk = &world->nodes[node].disk, *first = &world->nodes[author].disk;
    const uint8_t *id = world->nodes[author].identity.node_id;
    return disk_head(disk, id) == disk_head(first, id);
}

bool check_converged(struct world *world) {
    for (size_t node = 0; node < world->count; node++) {
        if (!world->nodes[node].gossip) continue;
        for (size_t author = 0; author < world->count; author++)
            if (world->nodes[node].pinned[author] && !holds(world, node, author)) return false;
    }
    for (size_t i = 0; i < world->ledger_count; i++) {
        const struct ledger_row *row = &world->ledger[i];
        const uint8_t *id = world->nodes[row->author].identity.node_id;
        if (row->type != ENTRY_BLOCK || !disk_entry(&world->nodes[row->author].disk, id, row->seq)) continue;
        for (size_t node = 0; node < world->count; node++) {
            if (!world->nodes[node].gossip || !world->nodes[node].pinned[row->author]) continue;
            if (wanted_by(row, node) != disk_payload_here(&world->nodes[node].disk, id, row->seq)) return false;
        }
    }
    return true;
}
