#include "tests/sim/world.h"

#include "crypto/hash.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Something that will happen to one node (or to one end of a link). */
enum item_kind {
    ITEM_MESSAGE,
    ITEM_SENT,
    ITEM_UP,
    ITEM_DOWN,
    ITEM_SIGN,
    ITEM_SYNC,
    ITEM_LOAD_ENTRIES,
    ITEM_LOAD_PAYLOAD,
    ITEM_SCAN,
    ITEM_EPOCH
};
struct item_event {
    enum item_kind kind;
    size_t node;
    uint32_t life; /* of the node: it must not have died since */
    struct world_link *link;
    bool needs_link; /* lost when the link broke */
    uint32_t number;
    uint64_t ticket, seq, write;
    size_t amount;
    uint8_t id[NODE_ID_BYTES];
    uint8_t curve_public[CURVE_KEY_BYTES];
    bool outbound;
    struct sign_subject subject;
    struct buf bytes;
};

static struct item_event *item_new(struct world *world, enum item_kind kind, size_t node, uint64_t after_ms) {
    struct item_event *item = calloc(1, sizeof *item);
    assert(item);
    item->kind = kind;
    item->node = node;
    item->life = world->nodes[node].life;
    queue_put(&world->queue, world->now_ms + after_ms, item);
    return item;
}

void world_drop(struct world *world, void *what) {
    struct item_event *item = what;
    (void)world;
    buf_free(&item->bytes);
    free(item);
}

/* --- links --- */

static size_t end_of(const struct world_link *link, size_t node) { return link->from == node ? 0 : 1; }

static struct world_link *link_of_number(struct world *world, size_t node, uint32_t number) {
    for (size_t i = world->link_count; i-- > 0;) {
        struct world_link *link = world->links[i];
        if (link->from != node && link->to != node) continue;
        size_t end = end_of(link, node);
        if (link->number[end] == number && link->life[end] == world->nodes[node].life) return link;
    }
    return NULL;
}

struct world_link *world_link_between(struct world *world, size_t a, size_t b) {
    for (size_t i = 0; i < world->link_count; i++) {
        struct world_link *link = world->links[i];
        if (link->up && ((link->from == a && link->to == b) || (link->from == b && link->to == a))) return link;
    }
    return NULL;
}

static void down_later(struct world *world, struct world_link *link, size_t end, uint64_t after_ms) {
    size_t node = end == 0 ? link->from : link->to;
    struct item_event *item = item_new(world, ITEM_DOWN, node, after_ms);
    item->life = link->life[end];
    item->number = link->number[end];
}

void world_link_break(struct world *world, struct world_link *link, uint64_t later_ms) {
    if (!link->up) return;
    link->up = false;
    for (size_t end = 0; end < 2; end++) down_later(world, link, end, later_ms);
}

static void dial(struct world *world, size_t node, const struct action *action) {
    size_t to = world->count;
    for (size_t i = 0; i < world->count; i++) {
        const struct agency_node *named = agency_node_find(&world->nodes[i].identity.agency, world->nodes[i].identity.node_id);
        if (memcmp(named->curve_public, action->dial.curve_public, CURVE_KEY_BYTES) == 0) to = i;
    }
    bool welcome = false;
    if (to < world->count && world->nodes[to].gossip && !world->cut[node][to]) {
        size_t count;
        const uint8_t(*keys)[CURVE_KEY_BYTES] = gossip_allowed(world->nodes[to].gossip, &count);
        const struct identity *own = &world->nodes[node].identity;
        const uint8_t *mine = agency_node_find(&own->agency, own->node_id)->curve_public;
        for (size_t i = 0; i < count; i++) welcome |= memcmp(keys[i], mine, CURVE_KEY_BYTES) == 0;
    }
    if (!welcome) {
        struct item_event *item = item_new(world, ITEM_DOWN, node, 200 + random_below(&world->random, 2000));
        item->number = action->dial.link;
        return;
    }
    if (world->link_count == world->link_capacity) {
        world->link_capacity = world->link_capacity ? 2 * world->link_capacity : 64;
        world->links = realloc(world->links, world->link_capacity * sizeof *world->links);
        assert(world->links);
    }
    struct world_link *link = calloc(1, sizeof *link);
    assert(link);
    world->links[world->link_count++] = link;
    *link = (struct world_link){.from = node, .to = to, .up = true};
    link->number[0] = action->dial.link;
    link->number[1] = world->nodes[to].inbound_next += 2;
    for (size_t end = 0; end < 2; end++) {
        size_t at = end == 0 ? node : to, other = end == 0 ? to : node;
        const struct identity *peer = &world->nodes[other].identity;
        struct item_event *item =
            item_new(world, ITEM_UP, at, world->delay_ms * 3 + random_below(&world->random, world->jitter_ms + 1));
        link->life[end] = world->nodes[at].life;
        item->link = link, item->needs_link = true;
        item->number = link->number[end];
        item->outbound = end == 0;
        memcpy(item->curve_public, agency_node_find(&peer->agency, peer->node_id)->curve_public, CURVE_KEY_BYTES);
        link->last_ms[end] = world->now_ms + world->delay_ms * 3 + world->jitter_ms + 1;
    }
}

void world_deliver(struct world *world, struct world_link *link, size_t from, struct bytes message) {
    size_t end = end_of(link, from), to = end == 0 ? link->to : link->from;
    uint64_t start = link->free_ms[end] > world->now_ms ? link->free_ms[end] : world->now_ms;
    uint64_t gone = start + message.size * 1000 / world->bytes_per_s;
    uint64_t arrives = gone + world->delay_ms + random_below(&world->random, world->jitter_ms + 1);
    link->free_ms[end] = gone;
    if (arrives < link->last_ms[end]) arrives = link->last_ms[end];
    link->last_ms[end] = arrives;
    link->messages++;
    link->bytes += message.size;
    struct item_event *sent = item_new(world, ITEM_SENT, from, gone - world->now_ms);
    sent->number = link->number[end];
    sent->amount = message.size;
    /* While a cut lasts the sender believes in the link, and what it sends is lost. */
    if (world->cut[from][to]) return;
    struct item_event *item = item_new(world, ITEM_MESSAGE, to, arrives - world->now_ms);
    item->link = link, item->needs_link = true;
    item->number = link->number[1 - end];
    buf_put(&item->bytes, message);
}

static void send(struct world *world, size_t node, const struct action *action) {
    struct world_link *link = link_of_number(world, node, action->send.link);
    if (!link) return;
    check_send(world, node, link->from == node ? link->to : link->from, action->send.bytes);
    if (link->up) world_deliver(world, link, node, action->send.bytes);
}

static void close_link(struct world *world, size_t node, const struct action *action) {
    struct world_link *link = link_of_number(world, node, action->close.link);
    if (!link || !link->up) return;
    link->up = false;
    down_later(world, link, 1 - end_of(link, node), world->delay_ms);
    down_later(world, link, end_of(link, node), 0);
}

/* --- the store --- */

static void sync_later(struct world *world, size_t node, uint64_t ticket) {
    struct world_node *self = &world->nodes[node];
    struct item_event *item = item_new(world, ITEM_SYNC, node, world->sync_ms + random_below(&world->random, world->sync_ms + 1));
    item->ticket = ticket;
    item->write = self->disk.writes;
}

static void epochs_look(struct world *world, size_t node, struct bytes entries) {
    struct entry entry;
    for (; entries.size > 0 && entry_parse(&entry, entries) == OK;
         entries = bytes_of(entries.data + entry.size, entries.size - entry.size)) {
        if (entry.type != ENTRY_EPOCH) continue;
        struct item_event *item = item_new(world, ITEM_EPOCH, node, random_below(&world->random, 20));
        memcpy(item->id, entry.node_id, NODE_ID_BYTES);
        item->seq = entry.seq;
        buf_put(&item->bytes, bytes_of(entries.data, entry.size));
    }
}

void world_epochs_restore(struct world *world, size_t node) {
    const struct disk *disk = &world->nodes[node].disk;
    for (size_t i = 0; i < disk->count; i++)
        for (uint64_t seq = 1; seq <= disk->logs[i].count; seq++) {
            const struct disk_entry *entry = disk_entry(disk, disk->logs[i].node_id, seq);
            if (entry) epochs_look(world, node, bytes_of_buf(&entry->bytes));
        }
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

static void act(struct world *world, size_t node, const struct action *action) {
    struct world_node *self = &world->nodes[node];
    struct item_event *item;
    switch (action->kind) {
    case ACTION_SEND: send(world, node, action); break;
    case ACTION_CLOSE: close_link(world, node, action); break;
    case ACTION_DIAL: dial(world, node, action); break;
    case ACTION_ALLOW: break;
    case ACTION_SIGN:
        item = item_new(world, ITEM_SIGN, node, random_below(&world->random, 3));
        item->ticket = action->sign.ticket;
        item->subject = action->sign.subject;
        break;
    case ACTION_STORE_ENTRIES:
        check_store_entries(world, node, action);
        disk_entries_put(&self->disk, action->store_entries.node_id, action->store_entries.entries,
                         action->store_entries.all_verified);
        sync_later(world, node, action->store_entries.ticket);
        epochs_look(world, node, action->store_entries.entries);
        break;
    case ACTION_STORE_PAYLOAD:
        check_store_payload(world, node, action);
        disk_payload_put(&self->disk, action->store_payload.node_id, action->store_payload.seq, action->store_payload.payload);
        /* An own payload and its entry are one atom: the entry that follows brings the sync. */
        if (action->store_payload.ticket) sync_later(world, node, action->store_payload.ticket);
        break;
    case ACTION_LOAD_ENTRIES:
    case ACTION_LOAD_PAYLOAD:
    case ACTION_SCAN: load_later(world, node, action); break;
    case ACTION_CHAIN:
        for (size_t i = 0; i < world->count; i++)
            if (memcmp(world->nodes[i].identity.agency_id, action->chain.agency_id, AGENCY_ID_BYTES) == 0) {
                buf_clear(&self->chains[i]);
                buf_put(&self->chains[i], action->chain.chain);
            }
        break;
    case ACTION_FORK:
        if (action->fork.proof.size > 0) disk_fork_put(&self->disk, action->fork.node_id, action->fork.proof);
        check_repair(world, node, action->fork.node_id, action->fork.seq);
        break;
    case ACTION_TRUNCATE:
        disk_truncate(&self->disk, action->truncate.node_id, action->truncate.seq);
        check_repair(world, node, action->truncate.node_id, action->truncate.seq);
        if (action->truncate.ticket) sync_later(world, node, action->truncate.ticket);
        break;
    case ACTION_VERIFIED:
        self->verified = action->verified.count, self->verified_equal = 0;
        for (size_t i = 0; i < action->verified.count; i++) self->verified_equal += action->verified.rows[i].equal;
        break;
    case ACTION_NOTICE: self->notices[action->notice.kind]++; break;
    }
}

/* The trace is over what every step was asked and asked for: two runs of one seed must agree in all of it. */
static void trace(struct world *world, size_t node, const struct event *event, const struct actions *actions) {
    uint8_t row[HASH_BYTES + 8 + 3];
    memcpy(row, world->trace, HASH_BYTES);
    put_be64(row + HASH_BYTES, world->now_ms);
    row[HASH_BYTES + 8] = (uint8_t)node, row[HASH_BYTES + 9] = (uint8_t)event->kind, row[HASH_BYTES + 10] = (uint8_t)actions->count;
    for (size_t i = 0; i < actions->count; i++) {
        const struct action *action = &actions->list[i];
        hash_of(world->trace, "sim-trace", bytes_of(row, sizeof row),
                action->kind == ACTION_SEND ? action->send.bytes : bytes_of(&action->kind, 1));
        memcpy(row, world->trace, HASH_BYTES);
    }
}

void world_step(struct world *world, size_t node, struct event *event) {
    struct world_node *self = &world->nodes[node];
    event->now_ms = world_wall_ms(world, node);
    event->monotonic_ms = world->now_ms + 1000;
    enum err err = gossip_step(self->gossip, event, &self->actions);
    if (err == ERR_MEMORY) check_fail(world, "Memory", node, "gossip_step");
    trace(world, node, event, &self->actions);
    for (size_t i = 0; i < self->actions.count; i++) act(world, node, &self->actions.list[i]);
    uint64_t due = gossip_deadline(self->gossip);
    self->tick_at_ms = due > world->now_ms + 1000 ? due - 1000 : world->now_ms + 1;
    check_step(world, node);
}

/* --- what was waited for --- */

static void loaded_entries(struct world *world, size_t node, const struct item_event *item) {
    const struct disk *disk = &world->nodes[node].disk;
    struct event event = {.kind = EVENT_LOADED_ENTRIES};
    struct buf out = {0};
    const struct disk_entry *entry;
    for (uint64_t seq = item->seq; (entry = disk_entry(disk, item->id, seq)) != NULL; seq++) {
        if (out.size > 0 && out.size + entry->bytes.size > item->amount) break;
        buf_put(&out, bytes_of_buf(&entry->bytes));
        event.loaded_entries.last_verified = entry->verified;
    }
    event.loaded_entries.ticket = item->ticket;
    event.loaded_entries.entries = bytes_of_buf(&out);
    world_step(world, node, &event);
    buf_free(&out);
}

static bool block_of(const struct disk_entry *stored, struct block_body *body) {
    struct entry entry;
    return stored && entry_parse(&entry, bytes_of_buf(&stored->bytes)) == OK && entry.type == ENTRY_BLOCK &&
           block_body_read(body, entry.body) == OK;
}

static void loaded_payload(struct world *world, size_t node, const struct item_event *item) {
    const struct disk *disk = &world->nodes[node].disk;
    const struct disk_entry *entry = disk_entry(disk, item->id, item->seq);
    struct event event = {.kind = EVENT_LOADED_PAYLOAD};
    event.loaded_payload.ticket = item->ticket;
    event.loaded_payload.present = block_of(entry, &event.loaded_payload.body) && disk_payload_here(disk, item->id, item->seq);
    if (event.loaded_payload.present) event.loaded_payload.payload = bytes_of_buf(&entry->payload);
    world_step(world, node, &event);
}

static void scanned(struct world *world, size_t node, const struct item_event *item) {
    const struct disk *disk = &world->nodes[node].disk;
    struct event event = {.kind = EVENT_SCANNED};
    struct scanned *rows = calloc(item->amount + 1, sizeof *rows);
    const struct disk_entry *entry;
    assert(rows);
    for (uint64_t seq = item->seq; (entry = disk_entry(disk, item->id, seq)) != NULL; seq++) {
        if (event.scanned.count == item->amount) {
            event.scanned.next_seq = seq;
            break;
        }
        if (disk_payload_here(disk, item->id, seq) || !block_of(entry, &rows[event.scanned.count].body)) continue;
        rows[event.scanned.count++].seq = seq;
    }
    event.scanned.ticket = item->ticket;
    event.scanned.rows = rows;
    world_step(world, node, &event);
    free(rows);
}

static void epoch_opened(struct world *world, size_t node, const struct item_event *item) {
    uint8_t secret[EPOCH_SECRET_BYTES];
    struct entry entry;
    struct event event = {.kind = EVENT_EPOCH};
    enum err err = entry_parse(&entry, bytes_of_buf(&item->bytes));
    assert(err == OK);
    event.epoch.node_id = item->id;
    event.epoch.seq = item->seq;
    event.epoch.readable = identity_epoch_open(&world->nodes[node].identity, secret, &entry, world_wall_ms(world, node));
    world_step(world, node, &event);
}

static void synced(struct world *world, size_t node, const struct item_event *item) {
    struct event event = {.kind = EVENT_STORED};
    const uint8_t *id = world->nodes[node].identity.node_id;
    disk_sync(&world->nodes[node].disk, item->write);
    for (size_t i = 0; i < world->ledger_count; i++) {
        struct ledger_row *row = &world->ledger[i];
        if (row->author == node && !row->acknowledged)
            row->acknowledged = disk_entry(&world->nodes[node].disk, id, row->seq) != NULL;
    }
    event.stored.ticket = item->ticket;
    world_step(world, node, &event);
}

static void happen(struct world *world, struct item_event *item) {
    struct event event = {0};
    uint8_t signature[SIGN_BYTES];
    switch (item->kind) {
    case ITEM_MESSAGE:
        event.kind = EVENT_MESSAGE, event.message.link = item->number, event.message.bytes = bytes_of_buf(&item->bytes);
        break;
    case ITEM_SENT: event.kind = EVENT_SENT, event.sent.link = item->number, event.sent.bytes = (uint32_t)item->amount; break;
    case ITEM_DOWN: event.kind = EVENT_LINK_DOWN, event.link.link = item->number; break;
    case ITEM_UP:
        event.kind = EVENT_LINK_UP, event.link_up.link = item->number, event.link_up.outbound = item->outbound;
        memcpy(event.link_up.curve_public, item->curve_public, CURVE_KEY_BYTES);
        break;
    case ITEM_SIGN:
        identity_sign(&world->nodes[item->node].identity, signature, &item->subject);
        event.kind = EVENT_SIGNED, event.signed_.ticket = item->ticket, event.signed_.signature = signature;
        break;
    case ITEM_SYNC: synced(world, item->node, item); return;
    case ITEM_LOAD_ENTRIES: loaded_entries(world, item->node, item); return;
    case ITEM_LOAD_PAYLOAD: loaded_payload(world, item->node, item); return;
    case ITEM_SCAN: scanned(world, item->node, item); return;
    case ITEM_EPOCH: epoch_opened(world, item->node, item); return;
    }
    world_step(world, item->node, &event);
}

void world_happen(struct world *world, void *what) {
    struct item_event *item = what;
    struct world_node *self = &world->nodes[item->node];
    bool lost = item->needs_link && !item->link->up;
    if (self->gossip && self->life == item->life && !lost) happen(world, item);
    world_drop(world, item);
}
