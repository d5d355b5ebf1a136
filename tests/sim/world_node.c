#include "tests/sim/world.h"

#include "tests/sim/item.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* --- trust --- */

bool world_pinned(const struct world *world, size_t node, size_t agency) {
    return world->nodes[node].pinned[agency / 8] >> (agency % 8) & 1;
}

static void pinned_set(struct world *world, size_t node, size_t agency, bool pinned) {
    uint8_t bit = (uint8_t)(1u << agency % 8);
    if (pinned)
        world->nodes[node].pinned[agency / 8] |= bit;
    else
        world->nodes[node].pinned[agency / 8] &= (uint8_t)~bit;
}

struct bytes world_chain(const struct world *world, size_t node, size_t agency) {
    const struct world_node *self = &world->nodes[node];
    const struct identity *identity = &world->nodes[agency].identity;
    return bytes_of(identity->chain.data, self->chain_bytes ? self->chain_bytes[agency] : identity->chain_first);
}

void world_chain_put(struct world *world, size_t node, size_t agency, size_t size) {
    struct world_node *self = &world->nodes[node];
    if (world_chain(world, node, agency).size == size) return;
    if (!self->chain_bytes) {
        self->chain_bytes = malloc(world->capacity * sizeof *self->chain_bytes);
        assert(self->chain_bytes);
        for (size_t i = 0; i < world->count; i++) self->chain_bytes[i] = (uint32_t)world->nodes[i].identity.chain_first;
    }
    self->chain_bytes[agency] = (uint32_t)size;
}

static void trust(struct world *world, size_t node, size_t agency, bool with_prekey) {
    struct event event = {.kind = EVENT_TRUST};
    event.trust.chain = world_chain(world, node, agency);
    if (with_prekey) event.trust.prekeys = bytes_of_buf(&world->nodes[agency].identity.first);
    world_step(world, node, &event);
}

void world_learn_chain(struct world *world, size_t node, size_t agency) {
    world_chain_put(world, node, agency, world->nodes[agency].identity.chain.size);
    trust(world, node, agency, false);
    if (agency != node) world_restore_again(world, node, agency);
}

void world_unpin(struct world *world, size_t node, size_t agency) {
    struct event event = {.kind = EVENT_DISTRUST};
    event.distrust.agency_id = world->nodes[agency].identity.agency_id;
    pinned_set(world, node, agency, false);
    if (world->nodes[node].heads) world->nodes[node].heads[agency] = 0; /* declared: its log's state goes with it */
    for (size_t i = 0; i < world->nodes[node].link_count; i++)
        if (world_link_other(world->nodes[node].links[i], node) == agency) world_hit(world, agency_unpinned);
    world_step(world, node, &event);
}

/* --- starting --- */

/* Where the stored logs end, and the newest prekey in each. */
static void log_restore(struct world *world, size_t node, size_t author) {
    const struct world_node *self = &world->nodes[node];
    const uint8_t *id = world->nodes[author].identity.node_id;
    uint64_t head = disk_head(&self->disk, id);
    struct event event = {.kind = EVENT_LOG};
    struct entry entry = {0};
    if (head == 0 || !disk_entry(&self->disk, id, head)) return; /* damaged while it ran: the engine cannot read it either */
    for (uint64_t seq = head; seq > 0 && event.log.prekey.size == 0; seq--) {
        const struct disk_entry *stored = disk_entry(&self->disk, id, seq);
        enum err err = stored ? entry_parse(&entry, blob_bytes(stored->entry)) : OK;
        assert(err == OK);
        if (stored && entry.type == ENTRY_PREKEY) event.log.prekey = entry.body;
    }
    enum err err = entry_parse(&entry, blob_bytes(disk_entry(&self->disk, id, head)->entry));
    assert(err == OK);
    event.log.node_id = id;
    event.log.seq = head;
    event.log.id = entry.id;
    for (uint64_t seq = 1; seq <= head; seq++)
        if (disk_entry(&self->disk, id, seq) && disk_payload_here(&self->disk, id, seq))
            event.log.payload_bytes += disk_entry(&self->disk, id, seq)->payload->size;
    world_step(world, node, &event);
}

static void fork_restore(struct world *world, size_t node, const struct disk_fork *fork) {
    struct event event = {.kind = EVENT_FORK, .fork = {.proof = blob_bytes(fork->proof)}};
    check_repair(world, node, fork->node_id, 1);
    world_step(world, node, &event);
}

/* What was recalled is known before anything is served. */
static void recalls_restore(struct world *world, size_t node, size_t author) {
    struct world_node *self = &world->nodes[node];
    const uint8_t *id = world->nodes[author].identity.node_id;
    uint64_t head = disk_head(&self->disk, id);
    for (uint64_t seq = 1; seq <= head && self->gossip; seq++) {
        const struct ledger_row *row = ledger_find(&world->ledger, author, seq);
        struct event event = {.kind = EVENT_RECALL};
        struct recall recall;
        struct entry entry;
        if (row && row->type != ENTRY_RECALL) continue;
        if (entry_parse(&entry, blob_bytes(disk_entry(&self->disk, id, seq)->entry)) != OK || entry.type != ENTRY_RECALL) continue;
        if (recall_read(&recall, entry.seq, entry.body) != OK) continue;
        disk_payload_drop(&self->disk, id, recall.block);
        event.recall.node_id = id;
        event.recall.block = recall.block;
        event.recall.by = seq;
        world_step(world, node, &event);
    }
}

void world_restore_again(struct world *world, size_t node, size_t agency) {
    struct world_node *self = &world->nodes[node];
    const uint8_t *id = world->nodes[agency].identity.node_id;
    struct gossip_log_view view;
    uint32_t life = self->life;
    if (!self->gossip || !gossip_log_find(self->gossip, id, &view) || view.head > 0 || view.fork_seq != 0) return;
    if (!disk_log_find(&self->disk, id)) return;
    disk_sync(&self->disk, self->disk.writes);
    log_restore(world, node, agency);
    if (self->life == life) recalls_restore(world, node, agency);
    for (size_t i = 0; i < self->disk.fork_count && self->life == life; i++)
        if (memcmp(self->disk.forks[i].node_id, id, NODE_ID_BYTES) == 0) fork_restore(world, node, &self->disk.forks[i]);
    if (self->life == life) world_epochs_restore(world, node);
}

void world_pin_card(struct world *world, size_t node, size_t agency, size_t chain_bytes) {
    pinned_set(world, node, agency, true);
    world_chain_put(world, node, agency, chain_bytes);
    trust(world, node, agency, chain_bytes >= world->nodes[agency].identity.chain_first);
    world_restore_again(world, node, agency);
}

void world_pin(struct world *world, size_t node, size_t agency) {
    world_pin_card(world, node, agency, world->nodes[agency].identity.chain.size);
}

static void restore(struct world *world, size_t node) {
    struct world_node *self = &world->nodes[node];
    uint32_t life = self->life;
    for (size_t i = 0; i < world->count && self->life == life; i++)
        if (world_pinned(world, node, i)) trust(world, node, i, true);
    for (size_t i = 0; i < world->count && self->life == life; i++)
        if (i == node || world_pinned(world, node, i)) log_restore(world, node, i);
    for (size_t i = 0; i < world->count && self->life == life; i++)
        if (i == node || world_pinned(world, node, i)) recalls_restore(world, node, i);
    for (size_t i = 0; i < self->disk.fork_count && self->life == life; i++) fork_restore(world, node, &self->disk.forks[i]);
    for (size_t i = 0; i < self->disk.audience_count && self->life == life; i++) {
        struct event event = {.kind = EVENT_AUDIENCE};
        event.audience.epoch_seq = self->disk.audiences[i].epoch_seq;
        event.audience.readers = blob_bytes(self->disk.audiences[i].readers);
        world_step(world, node, &event);
    }
    if (self->life == life) world_epochs_restore(world, node);
}

void world_start(struct world *world, size_t node) {
    struct world_node *self = &world->nodes[node];
    assert(!self->gossip);
    if (self->down_until_ms > world->now_ms) {
        item_new(world, ITEM_START, node, self->down_until_ms - world->now_ms);
        return;
    }
    struct gossip_options options = {.own_chain = world_chain(world, node, node),
                                     .payload_quota_bytes = world->payload_quota_bytes,
                                     .agencies = &world->agencies};
    memcpy(options.node_id, self->identity.node_id, NODE_ID_BYTES);
    memcpy(options.instance, self->identity.node_id, 8);
    put_be64(options.instance + 8, self->disk.count); /* another one after a wipe is what matters */
    random_bytes(&world->random, options.seed, sizeof options.seed);
    self->life_write = self->disk.writes;
    self->dials = 0;
    self->rotted = false;
    self->crash_in = self->crash_at_start, self->crash_at_start = 0;
    enum err err = gossip_open(&self->gossip, &options);
    assert(err == OK);
    if (!world->unchecked) {
        self->heads = calloc(world->capacity, sizeof *self->heads);
        assert(self->heads);
    }
    restore(world, node);
    if (!self->gossip) world_hit(world, crash_in_recovery);
}

/* --- ending --- */

/* Does its author's disk hold this row's entry, and no other one at that number? */
static bool row_here(const struct disk *disk, const uint8_t *node_id, const struct ledger_row *row) {
    const struct disk_entry *stored = disk_entry(disk, node_id, row->seq);
    return stored && bytes_equal(blob_bytes(stored->entry), blob_bytes(row->entry));
}

/* What its author lost before the sync was never said: nobody may ever be seen to hold it. */
static void ledger_trim(struct world *world, size_t author) {
    struct world_node *self = &world->nodes[author];
    for (uint64_t seq = world->ledger.logs[author].count; seq > self->acknowledged; seq--) {
        const struct ledger_row *row = ledger_find(&world->ledger, author, seq);
        if (!row || row->spread) continue;
        if (row_here(&self->disk, self->identity.node_id, row)) {
            world_hit(world, write_survived);
        } else if (!row->copied) {
            ledger_remove(&world->ledger, author, seq);
            world_hit(world, write_lost);
        }
    }
}

/* What was acknowledged and is not on the disk any more, by a loss that is declared: it is nobody's promise now. */
static void declare_lost(struct world *world, size_t node) {
    struct world_node *self = &world->nodes[node];
    for (uint64_t seq = 1; seq <= world->ledger.logs[node].count; seq++) {
        struct ledger_row *row = ledger_find(&world->ledger, node, seq);
        bool entry = disk_entry(&self->disk, self->identity.node_id, seq) != NULL;
        bool whole = entry && row && (row->type != ENTRY_BLOCK || disk_payload_here(&self->disk, self->identity.node_id, seq));
        if (row && !whole) row->acknowledged = false;
        if (row && !entry && self->acknowledged >= seq) self->acknowledged = seq - 1;
    }
}

static void stop(struct world *world, size_t node) {
    struct world_node *self = &world->nodes[node];
    if (self->gossip) gossip_close(self->gossip);
    self->gossip = NULL;
    free(self->author);
    self->author = NULL;
    free(self->heads);
    self->heads = NULL;
    self->tick_at_ms = self->tick_queued_ms = UINT64_MAX;
    self->paused_until_ms = 0;
    self->crash_in = self->memory_in = self->fail_in = 0;
    self->recall_count = 0;
    world_links_lose(world, node);
}

void world_crash(struct world *world, size_t node) {
    struct world_node *self = &world->nodes[node];
    stop(world, node);
    bool lying = self->disk.lying;
    disk_crash(&self->disk, world->survivors ? &world->random : NULL);
    if (lying) world_hit(world, disk_lied);
    declare_lost(world, node);
    ledger_trim(world, node);
}

void world_wipe(struct world *world, size_t node) {
    struct world_node *self = &world->nodes[node];
    world_crash(world, node);
    disk_free(&self->disk);
    declare_lost(world, node);
    world_hit(world, wiped);
}

/* A copy of its disk keeps its own entries, whoever heard of them. */
static void copied_note(struct world *world, size_t node) {
    struct world_node *self = &world->nodes[node];
    for (uint64_t seq = 1; seq <= world->ledger.logs[node].count; seq++)
        for (struct ledger_row *row = ledger_find(&world->ledger, node, seq); row; row = row->older)
            row->copied = row_here(&self->snapshot, self->identity.node_id, row);
}

void world_snapshot(struct world *world, size_t node) {
    struct world_node *self = &world->nodes[node];
    disk_free(&self->snapshot);
    disk_copy(&self->snapshot, &self->disk);
    self->snapshot_taken = true;
    copied_note(world, node);
}

/* An old copy can bring back a number that was signed again since: nobody who could be asked knew of the first one. */
static void fork_note(struct world *world, size_t node) {
    struct world_node *self = &world->nodes[node];
    for (uint64_t seq = 1; seq <= world->ledger.logs[node].count; seq++) {
        const struct ledger_row *row = ledger_find(&world->ledger, node, seq);
        bool other = row && disk_entry(&self->disk, self->identity.node_id, seq);
        if (other && row->spread && !row_here(&self->disk, self->identity.node_id, row)) self->forked = true;
    }
}

void world_restore(struct world *world, size_t node) {
    struct world_node *self = &world->nodes[node];
    world_crash(world, node);
    disk_free(&self->disk);
    disk_copy(&self->disk, &self->snapshot);
    declare_lost(world, node);
    ledger_trim(world, node);
    fork_note(world, node);
    world_hit(world, snapshot_restored);
}

void world_rot(struct world *world, size_t node, uint64_t which) {
    struct disk *disk = &world->nodes[node].disk;
    if (disk->count == 0 || !world->nodes[node].gossip) return;
    struct disk_log *log = &disk->logs[which % disk->count];
    size_t author = world_node_of(world, log->node_id);
    if (log->count == 0 || author == world->count) return;
    struct disk_entry *entry = &log->entries[(which >> 8) % log->count];
    if (!entry->entry || entry->written > disk->synced) return;
    if (entry->payload && (which >> 32 & 1))
        entry->payload_damaged = true;
    else
        entry->damaged = true;
    world->nodes[node].rotted = true;
    world_hit(world, record_rotted);
}

void world_pause(struct world *world, size_t node, uint64_t ms) {
    world->nodes[node].paused_until_ms = world->now_ms + ms;
    world_hit(world, paused);
}

bool world_may_publish(struct world *world, size_t node) {
    struct world_node *self = &world->nodes[node];
    if (!self->gossip) return false;
    enum gossip_own own = gossip_own_ready(self->gossip);
    if (own == GOSSIP_OWN_ASKING) world_hit(world, publish_held);
    if (own == GOSSIP_OWN_BEHIND) world_hit(world, publish_behind);
    return own == GOSSIP_OWN_READY;
}
