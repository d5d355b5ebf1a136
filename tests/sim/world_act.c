#include "tests/sim/world.h"

#include "tests/sim/item.h"
#include "tests/sim/hostile.h"
#include "tests/sim/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* --- the store --- */

static void sync_later(struct world *world, size_t node, uint64_t ticket) {
    struct world_node *self = &world->nodes[node];
    struct item_event *item = item_new(world, ITEM_SYNC, node, world->sync_ms + random_below(&world->random, world->sync_ms + 1));
    item->ticket = ticket;
    item->write = self->disk.writes;
}

static void epoch_look(struct world *world, size_t node, const struct entry *entry, struct bytes bytes) {
    struct item_event *item = item_new(world, ITEM_EPOCH, node, random_below(&world->random, 20));
    memcpy(item->id, entry->node_id, NODE_ID_BYTES);
    item->seq = entry->seq;
    buf_put(&item->bytes, bytes);
}

void world_epochs_restore(struct world *world, size_t node) {
    const struct disk *disk = &world->nodes[node].disk;
    for (size_t i = 0; i < disk->count; i++) {
        size_t author = world_node_of(world, disk->logs[i].node_id);
        for (uint64_t seq = 1; seq <= disk->logs[i].count; seq++) {
            const struct ledger_row *row = ledger_find(&world->ledger, author, seq);
            const struct disk_entry *stored = disk_entry(disk, disk->logs[i].node_id, seq);
            struct entry entry;
            if (!stored || (row && row->type != ENTRY_EPOCH)) continue;
            if (entry_parse(&entry, blob_bytes(stored->entry)) != OK || entry.type != ENTRY_EPOCH) continue;
            epoch_look(world, node, &entry, blob_bytes(stored->entry));
        }
    }
}

void world_recall_note(struct world *world, size_t node, const struct entry *entry) {
    struct world_node *self = &world->nodes[node];
    struct recall recall;
    if (recall_read(&recall, entry->seq, entry->body) != OK) return;
    self->recalls = realloc(self->recalls, (self->recall_count + 1) * sizeof *self->recalls);
    assert(self->recalls);
    struct world_recall *row = &self->recalls[self->recall_count++];
    *row = (struct world_recall){.block = recall.block, .by = entry->seq};
    memcpy(row->node_id, entry->node_id, NODE_ID_BYTES);
}

void world_recalls_apply(struct world *world, size_t node) {
    struct world_node *self = &world->nodes[node];
    size_t kept = 0;
    for (size_t i = 0; i < self->recall_count; i++) {
        struct world_recall row = self->recalls[i];
        if (disk_synced(&self->disk, row.node_id, row.by))
            disk_payload_drop(&self->disk, row.node_id, row.block);
        else
            self->recalls[kept++] = row;
    }
    self->recall_count = kept;
}

static void store_entries(struct world *world, size_t node, const struct action *action) {
    struct world_node *self = &world->nodes[node];
    struct bytes rest = action->store_entries.entries;
    size_t author = world_node_of(world, action->store_entries.node_id);
    uint64_t write = disk_write(&self->disk);
    struct entry entry;
    for (; rest.size > 0 && entry_parse(&entry, rest) == OK; rest = bytes_of(rest.data + entry.size, rest.size - entry.size)) {
        struct bytes bytes = bytes_of(rest.data, entry.size);
        const struct ledger_row *row = ledger_entry(&world->ledger, author, &entry);
        bool same = row && bytes_equal(blob_bytes(row->entry), bytes);
        struct blob *blob = same ? blob_keep(row->entry) : blob_new(bytes);
        disk_entry_put(&self->disk, entry.node_id, entry.seq, blob, write,
                       action->store_entries.all_verified || entry.size == rest.size);
        blob_drop(blob);
        if (entry.type == ENTRY_RECALL) world_recall_note(world, node, &entry);
        if (entry.type == ENTRY_EPOCH) epoch_look(world, node, &entry, bytes);
        if (entry.type > ENTRY_STATEMENT) world_hit(world, entry_of_later_version);
        if (author == node && !action->store_entries.own) world_hit(world, own_log_fetched);
    }
    sync_later(world, node, action->store_entries.ticket);
}

static void store_payload(struct world *world, size_t node, const struct action *action) {
    struct world_node *self = &world->nodes[node];
    const uint8_t *id = action->store_payload.node_id;
    size_t author = world_node_of(world, id);
    const struct ledger_row *row = ledger_find(&world->ledger, author, action->store_payload.seq);
    bool same = row && row->payload && bytes_equal(blob_bytes(row->payload), action->store_payload.payload);
    struct blob *blob = same ? blob_keep(row->payload) : blob_new(action->store_payload.payload);
    /* An own payload and its entry are one atom: the entry that follows brings the write and its sync. */
    bool atom = action->store_payload.ticket == 0;
    disk_payload_put(&self->disk, id, action->store_payload.seq, blob, atom ? self->disk.writes + 1 : disk_write(&self->disk));
    if (!atom) sync_later(world, node, action->store_payload.ticket);
    if (author != node && action->store_payload.body.carriage == CARRIAGE_DIRECT) world_hit(world, payload_direct);
    blob_drop(blob);
}

static void load_later(struct world *world, size_t node, const struct action *action) {
    enum item_kind kind = action->kind == ACTION_LOAD_ENTRIES   ? ITEM_LOAD_ENTRIES
                          : action->kind == ACTION_LOAD_PAYLOAD ? ITEM_LOAD_PAYLOAD
                                                                : ITEM_SCAN;
    struct item_event *item = item_new(world, kind, node, random_below(&world->random, 3));
    const uint8_t *id = action->load_entries.node_id;
    switch (kind) {
    case ITEM_LOAD_ENTRIES:
        item->ticket = action->load_entries.ticket, item->seq = action->load_entries.seq,
        item->amount = action->load_entries.bytes_max;
        break;
    case ITEM_LOAD_PAYLOAD:
        item->ticket = action->load_payload.ticket, item->seq = action->load_payload.seq, id = action->load_payload.node_id;
        break;
    default:
        item->ticket = action->scan.ticket, item->seq = action->scan.seq, item->amount = action->scan.rows_max,
        id = action->scan.node_id;
    }
    memcpy(item->id, id, NODE_ID_BYTES);
}

/* --- the rest --- */

static void send(struct world *world, size_t node, const struct action *action) {
    struct world_link *link = world_link_numbered(world, node, action->send.link);
    if (!link) return;
    if (!world->unchecked) check_send(world, node, world_link_other(link, node), action->send.link, action->send.bytes);
    if (!link->up) return;
    if (world->nodes[node].hostile && !hostile_sends(world, node, link, action->send.bytes)) return;
    world_deliver(world, link, node, action->send.bytes);
}

static void chain(struct world *world, size_t node, const struct action *action) {
    for (size_t i = 0; i < world->count; i++) {
        const struct buf *whole = &world->nodes[i].identity.chain;
        if (memcmp(world->nodes[i].identity.agency_id, action->chain.agency_id, AGENCY_ID_BYTES) != 0) continue;
        struct bytes chain = action->chain.chain;
        if (!check_honest(world, i)) break; /* it may have signed more than one */
        if (chain.size > whole->size || memcmp(chain.data, whole->data, chain.size) != 0)
            check_fail(world, "NoInvention", node, "a chain that its agency did not sign");
        else if (chain.size < world_chain(world, node, i).size)
            check_fail(world, "NoRollback", node, "a chain became shorter");
        else
            world_chain_put(world, node, i, chain.size);
        world_hit(world, chain_grew);
    }
}

/* It goes down in the middle of a step, and somebody starts it again. Always false. */
static bool went_down(struct world *world, size_t node) {
    world_crash(world, node);
    item_new(world, ITEM_START, node, 500 + random_below(&world->random, 20000));
    return false;
}

/* False when the node went down. */
static bool act(struct world *world, size_t node, const struct action *action) {
    struct world_node *self = &world->nodes[node];
    struct item_event *item;
    bool stores = action->kind == ACTION_STORE_ENTRIES || action->kind == ACTION_STORE_PAYLOAD;
    if (self->crash_in && --self->crash_in == 0) {
        world_hit(world, crash_in_step);
        return went_down(world, node);
    }
    /* PROTOCOL.md 4.4: after a failed write nothing is acknowledged any more and the node stops. */
    if (stores && self->fail_in && --self->fail_in == 0) {
        world_hit(world, disk_failed);
        return went_down(world, node);
    }
    switch (action->kind) {
    case ACTION_SEND: send(world, node, action); break;
    case ACTION_CLOSE: world_close_link(world, node, action->close.link); break;
    case ACTION_DIAL:
        check_dial(world, node);
        world_dial(world, node, action);
        break;
    case ACTION_ALLOW: break;
    case ACTION_SIGN:
        item = item_new(world, ITEM_SIGN, node, random_below(&world->random, 3));
        item->ticket = action->sign.ticket;
        item->subject = action->sign.subject;
        break;
    case ACTION_STORE_ENTRIES:
        if (!world->unchecked) check_store_entries(world, node, action);
        store_entries(world, node, action);
        break;
    case ACTION_STORE_PAYLOAD:
        if (!world->unchecked) check_store_payload(world, node, action);
        store_payload(world, node, action);
        break;
    case ACTION_LOAD_ENTRIES:
    case ACTION_LOAD_PAYLOAD:
    case ACTION_SCAN: load_later(world, node, action); break;
    case ACTION_CHAIN: chain(world, node, action); break;
    case ACTION_FORK:
        check_fork(world, node, action);
        if (action->fork.proof.size > 0) disk_fork_put(&self->disk, action->fork.node_id, action->fork.proof);
        check_repair(world, node, action->fork.node_id, action->fork.seq);
        break;
    case ACTION_TRUNCATE:
        disk_truncate(&self->disk, action->truncate.node_id, action->truncate.seq);
        check_repair(world, node, action->truncate.node_id, action->truncate.seq);
        world_hit(world, branch_dropped);
        if (action->truncate.ticket) sync_later(world, node, action->truncate.ticket);
        break;
    case ACTION_VERIFIED:
        self->verified = action->verified.count, self->verified_equal = 0;
        for (size_t i = 0; i < action->verified.count; i++) self->verified_equal += action->verified.rows[i].equal;
        break;
    case ACTION_SPLIT: break;
    case ACTION_NOTICE:
        self->notices[action->notice.kind]++;
        check_notice(world, node, action);
        break;
    }
    return true;
}

/* A fast mix of eight bytes at a time; the trace needs no secrecy. */
static uint64_t mix(uint64_t sum, uint64_t word) {
    unsigned __int128 product = (unsigned __int128)(sum ^ word) * 0x9e3779b97f4a7c15ull;
    return (uint64_t)(product >> 64) ^ (uint64_t)product ^ 0x2545f4914f6cdd1dull;
}

static uint64_t mix_bytes(uint64_t sum, struct bytes bytes) {
    uint64_t word;
    for (; bytes.size >= 8; bytes.data += 8, bytes.size -= 8) {
        memcpy(&word, bytes.data, 8);
        sum = mix(sum, word);
    }
    word = bytes.size;
    if (bytes.size) memcpy((uint8_t *)&word + 1, bytes.data, bytes.size);
    return mix(sum, word);
}

/* The trace is over what every step was asked and asked for: two runs of one seed must agree in all of it. */
static void trace(struct world *world, size_t node, const struct event *event, const struct actions *actions) {
    uint64_t sum = mix(world->trace, world->now_ms << 20 ^ node << 8 ^ event->kind);
    for (size_t i = 0; i < actions->count; i++) {
        const struct action *action = &actions->list[i];
        sum = mix(sum, action->kind);
        if (action->kind == ACTION_SEND) sum = mix_bytes(sum, action->send.bytes);
    }
    world->trace = sum;
}

/* The agency whose chain grew in this step, or world->count. */
static size_t grown(const struct world *world, const struct actions *actions) {
    for (size_t i = 0; i < actions->count; i++) {
        if (actions->list[i].kind != ACTION_CHAIN) continue;
        for (size_t agency = 0; agency < world->count; agency++)
            if (memcmp(world->nodes[agency].identity.agency_id, actions->list[i].chain.agency_id, AGENCY_ID_BYTES) == 0)
                return agency;
    }
    return world->count;
}

bool world_step(struct world *world, size_t node, struct event *event) {
    struct world_node *self = &world->nodes[node];
    if (!self->gossip) return false;
    event->now_ms = world_wall_ms(world, node);
    event->monotonic_ms = world->now_ms + 1000;
    world->checked = NULL;
    memory_arm(self->memory_in);
    enum err err = gossip_step(self->gossip, event, &self->actions);
    bool short_of_memory = memory_disarm(&self->memory_in);
    if (short_of_memory) {
        /* Whatever became of the step: a node that got no memory stops and starts again. */
        world_hit(world, memory_failed);
        return went_down(world, node);
    }
    if (err == ERR_MEMORY || self->actions.failed)
        check_fail(world, "Memory", node, "a step failed for want of memory that there was");
    trace(world, node, event, &self->actions);
    for (size_t i = 0; i < self->actions.count; i++)
        if (!act(world, node, &self->actions.list[i])) return false;
    uint64_t due = gossip_deadline(self->gossip);
    item_tick(world, node, due > world->now_ms + 1000 ? due - 1000 : world->now_ms + 1);
    if (!world->unchecked) check_step(world, node, event);
    size_t agency = grown(world, &self->actions);
    if (agency < world->count && agency != node) world_restore_again(world, node, agency);
    return true;
}
