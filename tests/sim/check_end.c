#include "gossip/core.h"
#include "tests/sim/world.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What must hold when faults have ended: over all disks, and over all nodes that can reach each other. */

void check_disks(struct world *world) {
    for (size_t author = 0; author < world->count; author++) {
        const struct world_node *self = &world->nodes[author];
        for (uint64_t seq = 1; seq <= world->ledger.logs[author].count && !self->hostile; seq++) {
            const struct ledger_row *row = ledger_find(&world->ledger, author, seq);
            if (!row || !row->acknowledged) continue;
            const struct disk_entry *entry = disk_entry(&self->disk, self->identity.node_id, seq);
            if (!entry && !disk_synced(&self->disk, self->identity.node_id, seq))
                check_fail(world, "NoAckedLoss", author, "an acknowledged entry is gone");
            bool recalled = row->type == ENTRY_BLOCK && ledger_recalled(&world->ledger, author, row);
            if (entry && row->type == ENTRY_BLOCK && !entry->payload && !recalled)
                check_fail(world, "NoAckedLoss", author, "an acknowledged payload is gone");
        }
    }
    for (size_t node = 0; node < world->count; node++) {
        const struct disk *disk = &world->nodes[node].disk;
        for (size_t i = 0; i < disk->count && !world->nodes[node].hostile; i++) {
            const struct disk_log *log = &disk->logs[i];
            size_t author = world_node_of(world, log->node_id);
            struct entry entry;
            uint8_t previous[HASH_BYTES] = {0};
            for (uint64_t seq = 1; seq <= disk_head(disk, log->node_id); seq++) {
                const struct disk_entry *stored = &log->entries[seq - 1];
                const struct ledger_row *row = ledger_find(&world->ledger, author, seq);
                if (stored->damaged) break;
                if (!stored->entry || entry_parse(&entry, blob_bytes(stored->entry)) != OK ||
                    (memcmp(entry.previous, previous, HASH_BYTES) != 0 && !(row && row->older))) {
                    check_fail(world, "NoInvention", node, "a stored log has a hole or a wrong link");
                    break;
                }
                memcpy(previous, entry.id, HASH_BYTES);
            }
        }
    }
}

/* --- who must agree --- */

static bool alive(const struct world *world, size_t node) {
    const struct world_node *self = &world->nodes[node];
    return self->gossip && !self->hostile && !self->revoked;
}

static bool adjacent(const struct world *world, size_t a, size_t b) {
    return world_pinned(world, a, b) && world_pinned(world, b, a) && !world_is_cut(world, a, b) && !world_is_cut(world, b, a) &&
           !(world->nodes[a].hidden && world->nodes[b].hidden);
}

struct group {
    size_t *nodes, count; /* can reach each other through nodes that carry this author */
    size_t *rest, rest_count;
};

/* The next group of nodes that carry this author; false at the end. */
static bool group_next(const struct world *world, struct group *group) {
    group->count = 0;
    if (group->rest_count == 0) return false;
    group->nodes[group->count++] = group->rest[--group->rest_count];
    for (size_t at = 0; at < group->count; at++)
        for (size_t i = 0; i < group->rest_count;) {
            if (!adjacent(world, group->nodes[at], group->rest[i])) {
                i++;
                continue;
            }
            group->nodes[group->count++] = group->rest[i];
            group->rest[i] = group->rest[--group->rest_count];
        }
    return true;
}

static void group_open(struct group *group, const struct world *world) {
    group->nodes = calloc(world->count + 1, sizeof *group->nodes);
    group->rest = calloc(world->count + 1, sizeof *group->rest);
    assert(group->nodes && group->rest);
}

static void group_close(struct group *group) { free(group->nodes), free(group->rest); }

static void group_begin(struct group *group, const struct world *world, size_t author) {
    group->rest_count = 0;
    for (size_t node = world->count; node-- > 0;)
        if (alive(world, node) && (node == author || world_pinned(world, node, author))) group->rest[group->rest_count++] = node;
}

/* --- entries and payloads --- */

static uint64_t head_in(const struct world *world, size_t node, size_t author) {
    const uint8_t *id = world->nodes[author].identity.node_id;
    const struct agency_node *named = agency_node_find(&world->nodes[author].identity.agency, id);
    uint64_t head = disk_head(&world->nodes[node].disk, id);
    return named->revoked && head > named->revoked_seq ? named->revoked_seq : head;
}

/* Does a reader's store lack what its author could give it? */
static bool direct_due(const struct world *world, size_t author, size_t node, const struct ledger_row *row) {
    const struct world_node *self = &world->nodes[author];
    if (!alive(world, author) || !adjacent(world, author, node) || !row->readers || !ledger_reads(row, author, node)) return false;
    if (!disk_payload_here(&self->disk, self->identity.node_id, row->seq)) return false;
    for (size_t i = 0; i < self->disk.audience_count; i++)
        if (self->disk.audiences[i].epoch_seq == row->body.epoch_seq) return true;
    return false; /* with its store it lost the knowledge who may have this */
}

static bool lacks(struct world *world, size_t node, size_t author, const struct ledger_row *row, bool held) {
    if (ledger_recalled(&world->ledger, author, row)) return false;
    bool due = row->body.carriage == CARRIAGE_RELAY ? held : direct_due(world, author, node, row);
    if (!due || disk_payload_here(&world->nodes[node].disk, world->nodes[author].identity.node_id, row->seq)) return false;
    world->lacking_node = node, world->lacking_author = author, world->lacking_seq = row->seq;
    return true;
}

static bool heads_equal(struct world *world, const struct group *group, size_t author) {
    uint64_t most = 0, least = UINT64_MAX;
    size_t last = 0;
    for (size_t i = 0; i < group->count; i++) {
        uint64_t head = head_in(world, group->nodes[i], author);
        if (head > most) most = head;
        if (head < least) least = head, last = group->nodes[i];
    }
    if (most == least) return true;
    world->lacking_node = last, world->lacking_author = author, world->lacking_seq = 0;
    return false;
}

static bool payloads_equal(struct world *world, const struct group *group, size_t author) {
    const uint8_t *id = world->nodes[author].identity.node_id;
    uint64_t head = head_in(world, group->nodes[0], author);
    if (world->payload_quota_bytes) return true;
    for (uint64_t seq = 1; seq <= head; seq++) {
        const struct ledger_row *row = ledger_find(&world->ledger, author, seq);
        bool held = false;
        if (!row || row->type != ENTRY_BLOCK) continue;
        for (size_t i = 0; i < group->count && !held; i++) held = disk_payload_here(&world->nodes[group->nodes[i]].disk, id, seq);
        for (size_t i = 0; i < group->count; i++)
            if (lacks(world, group->nodes[i], author, row, held)) return false;
    }
    return true;
}

/* A log that its author forked has no one state; who pins one without its newest chain may hold more than the cut allows. */
static bool sound(const struct world *world, size_t author) { return !world->nodes[author].forked && check_honest(world, author); }

typedef bool group_equal(struct world *world, const struct group *group, size_t author);
static bool groups(struct world *world, group_equal *equal, bool forked) {
    struct group group;
    bool good = true;
    group_open(&group, world);
    for (size_t author = 0; author < world->count && good; author++) {
        if (sound(world, author) == forked) continue;
        group_begin(&group, world, author);
        while (good && group_next(world, &group)) good = equal(world, &group, author);
    }
    group_close(&group);
    return good;
}

/* The same place as last time first: most of the time it still lacks what it lacked. */
static bool still_lacking(struct world *world) {
    const struct ledger_row *row = ledger_find(&world->ledger, world->lacking_author, world->lacking_seq);
    if (world->lacking_seq == 0 || !row || !alive(world, world->lacking_node)) return false;
    return row->body.carriage == CARRIAGE_RELAY &&
           !disk_payload_here(&world->nodes[world->lacking_node].disk, world->nodes[world->lacking_author].identity.node_id,
                              row->seq) &&
           disk_payload_here(&world->nodes[world->lacking_author].disk, world->nodes[world->lacking_author].identity.node_id,
                             row->seq) &&
           alive(world, world->lacking_author) && adjacent(world, world->lacking_author, world->lacking_node);
}

bool check_converged(struct world *world) {
    if (still_lacking(world)) return false;
    return groups(world, heads_equal, false) && groups(world, payloads_equal, false);
}

/* --- recalls --- */

size_t check_recalls(struct world *world) {
    size_t count = 0;
    for (size_t author = 0; author < world->count; author++) {
        const uint8_t *id = world->nodes[author].identity.node_id;
        for (uint64_t seq = 1; seq <= world->ledger.logs[author].count; seq++) {
            const struct ledger_row *row = ledger_find(&world->ledger, author, seq);
            if (!row || row->type != ENTRY_BLOCK || !ledger_recalled(&world->ledger, author, row)) continue;
            count++;
            for (size_t node = 0; node < world->count; node++)
                if (alive(world, node) && disk_entry(&world->nodes[node].disk, id, row->recalled) &&
                    disk_payload_here(&world->nodes[node].disk, id, seq))
                    check_fail(world, "RecallConverges", node, "it holds a payload that was recalled");
        }
    }
    return count;
}

/* --- one state --- */

static uint64_t cut(const struct agency_node *node, uint64_t head) {
    return node->revoked && head > node->revoked_seq ? node->revoked_seq : head;
}

static bool states_equal(struct world *world, const struct group *group, size_t author) {
    const uint8_t *id = world->nodes[author].identity.node_id;
    size_t chain = 0;
    for (size_t i = 0; i < group->count; i++) {
        size_t node = group->nodes[i];
        const struct peer *peer = peers_find(&world->nodes[node].gossip->peers, id);
        struct bytes held = world_chain(world, node, author);
        if (i == 0) chain = held.size;
        if (held.size != chain) check_fail(world, "RevokeConverges", node, "an agency's chain is shorter here than elsewhere");
        const struct ledger_row *row = peer ? ledger_find(&world->ledger, author, peer->log.head) : NULL;
        if (!peer || (row && memcmp(peer->log.head_id, row->id, HASH_BYTES) != 0))
            check_fail(world, "OneState", node, "a log's head is not what its author signed");
        if (peer && cut(peer->node, peer->log.head) != cut(peer->node, disk_head(&world->nodes[node].disk, id)))
            check_fail(world, "OneState", node, "what the core believes is not what the disk holds");
    }
    return true;
}

/* Who has the proof of a fork tells everybody. */
static bool proofs_equal(struct world *world, const struct group *group, size_t author) {
    size_t known = 0;
    if (world->nodes[author].revoked) return true; /* a cut tells of the fork as well, to those whose branch it does not name */
    for (size_t i = 0; i < group->count; i++) {
        struct gossip_log_view view;
        const uint8_t *id = world->nodes[author].identity.node_id;
        known += gossip_log_find(world->nodes[group->nodes[i]].gossip, id, &view) && view.fork_seq != 0;
    }
    return known == 0 || known == group->count;
}

bool check_proofs(struct world *world) { return groups(world, proofs_equal, true); }

void check_state(struct world *world) { groups(world, states_equal, false); }

/* How the core goes about it: whom it asked, who said no, when it asks again. */
static void explain_missing(const struct world *world, size_t node, const uint8_t *id, uint64_t seq) {
    struct gossip *gossip = world->nodes[node].gossip;
    struct peer *peer = peers_find(&gossip->peers, id);
    const struct missing *missing = peer ? log_missing_find(&peer->log, seq) : NULL;
    if (!missing) {
        printf("#   it is not asked for; looked for from %llu on\n", peer ? (unsigned long long)peer->log.scan_from : 0ull);
        return;
    }
    printf("#   asked of link %u, again in %lld ms after %u tries; refused by %llx, offered by %llx%s; the author is at slot %d\n",
           missing->asked_link, (long long)(missing->retry_ms - gossip->monotonic_ms), missing->tries,
           (unsigned long long)missing->refused_by, (unsigned long long)missing->offered_by,
           missing->storing ? ", being stored" : "", peer->slot);
}

void check_explain(struct world *world) {
    for (size_t node = 0; node < world->count; node++) {
        const struct world_node *self = &world->nodes[node];
        if (!alive(world, node)) continue;
        for (size_t author = 0; author < world->count; author++) {
            const uint8_t *id = world->nodes[author].identity.node_id;
            struct gossip_log_view view;
            if (!sound(world, author) || !gossip_log_find(self->gossip, id, &view)) continue;
            for (uint64_t seq = 1; seq <= world->ledger.logs[author].count; seq++) {
                const struct ledger_row *row = ledger_find(&world->ledger, author, seq);
                if (!row) continue;
                bool entry = disk_entry(&self->disk, id, seq) != NULL;
                if (entry && (row->type != ENTRY_BLOCK || !lacks(world, node, author, row, true))) continue;
                printf("# node %zu lacks %s %llu of node %zu (%s, epoch %llu): head %llu durable %llu heard %llu missing %llu\n",
                       node, entry ? "payload" : "entry", (unsigned long long)row->seq, author,
                       row->body.carriage == CARRIAGE_DIRECT ? "direct" : "relay", (unsigned long long)row->body.epoch_seq,
                       (unsigned long long)view.head, (unsigned long long)view.head_durable, (unsigned long long)view.head_heard,
                       (unsigned long long)view.missing);
                if (entry) explain_missing(world, node, id, seq);
            }
        }
    }
}
