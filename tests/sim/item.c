#include "tests/sim/item.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ITEM_BYTES_KEPT (16 * 1024) /* a pooled item's buffer is let go when it is larger */

struct item_event *item_new(struct world *world, enum item_kind kind, size_t node, uint64_t after_ms) {
    struct item_event *item = world->items_free;
    if (item) {
        struct buf bytes = item->bytes;
        world->items_free = item->next;
        memset(item, 0, offsetof(struct item_event, subject));
        item->bytes = bytes;
        buf_clear(&item->bytes);
    } else {
        item = calloc(1, sizeof *item);
        assert(item);
    }
    item->kind = kind;
    item->node = (uint32_t)node;
    item->life = world->nodes[node].life;
    queue_put(&world->queue, world->now_ms + after_ms, item);
    return item;
}

void item_drop(struct world *world, struct item_event *item) {
    if (item->bytes.capacity > ITEM_BYTES_KEPT) buf_free(&item->bytes);
    item->next = world->items_free;
    world->items_free = item;
}

void item_pool_free(struct world *world) {
    while (world->items_free) {
        struct item_event *item = world->items_free;
        world->items_free = item->next;
        buf_free(&item->bytes);
        free(item);
    }
}

void item_link(struct item_event *item, struct world_link *link) {
    item->needs_link = true;
    item->link = link;
    item->link_serial = link->serial;
}

/* --- what was waited for --- */

static void loaded_entries(struct world *world, size_t node, const struct item_event *item) {
    const struct disk *disk = &world->nodes[node].disk;
    struct event event = {.kind = EVENT_LOADED_ENTRIES};
    struct buf out = {0};
    const struct disk_entry *entry;
    for (uint64_t seq = item->seq; (entry = disk_entry(disk, item->id, seq)) != NULL; seq++) {
        if (out.size > 0 && out.size + entry->entry->size > item->amount) break;
        buf_put(&out, blob_bytes(entry->entry));
        if (entry->verified) event.loaded_entries.verified_bytes = out.size;
    }
    event.loaded_entries.ticket = item->ticket;
    event.loaded_entries.entries = bytes_of_buf(&out);
    world_step(world, node, &event);
    buf_free(&out);
}

static bool block_of(const struct disk_entry *entry, struct block_body *body) {
    struct entry parsed;
    return entry_parse(&parsed, blob_bytes(entry->entry)) == OK && parsed.type == ENTRY_BLOCK &&
           block_body_read(body, parsed.body) == OK;
}

static void loaded_payload(struct world *world, size_t node, const struct item_event *item) {
    const struct disk *disk = &world->nodes[node].disk;
    const struct disk_entry *entry = disk_entry(disk, item->id, item->seq);
    struct event event = {.kind = EVENT_LOADED_PAYLOAD};
    struct blob *held = NULL;
    event.loaded_payload.ticket = item->ticket;
    event.loaded_payload.present =
        entry && disk_payload_here(disk, item->id, item->seq) && block_of(entry, &event.loaded_payload.body);
    if (event.loaded_payload.present) {
        held = blob_keep(entry->payload);
        event.loaded_payload.payload = blob_bytes(held);
    }
    world_step(world, node, &event);
    blob_drop(held);
}

static void scanned(struct world *world, size_t node, const struct item_event *item) {
    const struct disk *disk = &world->nodes[node].disk;
    struct event event = {.kind = EVENT_SCANNED};
    struct scanned *rows = malloc((item->amount + 1) * sizeof *rows);
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
    struct world_node *self = &world->nodes[node];
    const uint8_t *id = self->identity.node_id;
    struct ledger_row *row;
    disk_sync(&self->disk, item->write);
    world_recalls_apply(world, node);
    while ((row = ledger_find(&world->ledger, node, self->acknowledged + 1)) != NULL && disk_synced(&self->disk, id, row->seq)) {
        /* Of an own log that was fetched again, payloads may be missing: nobody promised those. */
        row->acknowledged = row->type != ENTRY_BLOCK || disk_payload_here(&self->disk, id, row->seq);
        self->acknowledged++;
    }
    event.stored.ticket = item->ticket;
    world_step(world, node, &event);
}

void item_tick(struct world *world, size_t node, uint64_t at_ms) {
    struct world_node *self = &world->nodes[node];
    self->tick_at_ms = at_ms;
    if (at_ms >= self->tick_queued_ms) return;
    self->tick_queued_ms = at_ms;
    item_new(world, ITEM_TICK, node, at_ms - world->now_ms)->ticket = ++self->tick_serial;
}

static void ticked(struct world *world, const struct item_event *item) {
    struct world_node *self = &world->nodes[item->node];
    struct event event = {.kind = EVENT_TICK};
    bool stale = item->ticket != self->tick_serial; /* an earlier one was asked for since */
    if (!stale) self->tick_queued_ms = UINT64_MAX;
    if (!stale && self->tick_at_ms <= world->now_ms) {
        world_step(world, item->node, &event);
        return;
    }
    world->events--;
    if (!stale) item_tick(world, item->node, self->tick_at_ms); /* the deadline moved on meanwhile */
}

static void happen(struct world *world, struct item_event *item) {
    struct event event = {0};
    uint8_t signature[SIGN_BYTES];
    const struct identity *own = &world->nodes[item->node].identity;
    switch (item->kind) {
    case ITEM_TICK: ticked(world, item); return;
    case ITEM_MESSAGE:
        event.kind = EVENT_MESSAGE, event.message.link = item->number, event.message.bytes = bytes_of_buf(&item->bytes);
        if (item->again) world_hit(world, message_again);
        break;
    case ITEM_SENT: event.kind = EVENT_SENT, event.sent.link = item->number, event.sent.bytes = (uint32_t)item->amount; break;
    case ITEM_DOWN:
        event.kind = EVENT_LINK_DOWN, event.link.link = item->number;
        world_link_forget(world, item->node, item->number);
        break;
    case ITEM_LOSSY: event.kind = EVENT_LINK_LOSSY, event.link.link = item->number; break;
    case ITEM_UP:
        event.kind = EVENT_LINK_UP, event.link_up.link = item->number, event.link_up.outbound = item->outbound;
        memcpy(event.link_up.curve_public, world->nodes[world_link_other(item->link, item->node)].identity.curve_public,
               CURVE_KEY_BYTES);
        break;
    case ITEM_SIGN:
        identity_sign(own, signature, &item->subject);
        event.kind = EVENT_SIGNED, event.signed_.ticket = item->ticket, event.signed_.signature = signature;
        break;
    case ITEM_SYNC: synced(world, item->node, item); return;
    case ITEM_LOAD_ENTRIES: loaded_entries(world, item->node, item); return;
    case ITEM_LOAD_PAYLOAD: loaded_payload(world, item->node, item); return;
    case ITEM_SCAN: scanned(world, item->node, item); return;
    case ITEM_EPOCH: epoch_opened(world, item->node, item); return;
    case ITEM_BREAK:
    case ITEM_START:
    case ITEM_PLAN: return;
    }
    world_step(world, item->node, &event);
}

void item_happen(struct world *world, struct item_event *item) {
    struct world_node *self = &world->nodes[item->node];
    bool lost = item->needs_link && (!item->link->up || item->link->serial != item->link_serial);
    bool swallowed =
        !lost && item->kind == ITEM_MESSAGE && world_is_cut(world, world_link_other(item->link, item->node), item->node);
    if (swallowed) {
        world_hit(world, message_lost_silently);
    } else if (item->kind == ITEM_BREAK) {
        if (!lost) world_link_break(world, item->link, 0);
    } else if (item->kind == ITEM_PLAN) {
        world->planned(world, item->seq);
    } else if (item->kind == ITEM_START) {
        if (!self->gossip) world_start(world, item->node);
    } else if (self->gossip && self->life == item->life && self->paused_until_ms > world->now_ms) {
        queue_put(&world->queue, self->paused_until_ms, item);
        return;
    } else if (self->gossip && self->life == item->life && !lost) {
        world->events++;
        happen(world, item);
    } else if (lost && item->kind == ITEM_MESSAGE) {
        world_hit(world, tail_lost);
    }
    item_drop(world, item);
}
