#include "tests/sim/world.h"

#include "crypto/hash.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct ledger_row *world_ledger(struct world *world, size_t author, uint64_t seq) {
    for (size_t i = world->ledger_count; i-- > 0;)
        if (world->ledger[i].author == author && world->ledger[i].seq == seq) return &world->ledger[i];
    return NULL;
}

static struct ledger_row *row_new(struct world *world, size_t author, const struct entry *entry) {
    if (world->ledger_count == world->ledger_capacity) {
        world->ledger_capacity = world->ledger_capacity ? 2 * world->ledger_capacity : 64;
        world->ledger = realloc(world->ledger, world->ledger_capacity * sizeof *world->ledger);
        assert(world->ledger);
    }
    struct ledger_row *row = &world->ledger[world->ledger_count++];
    *row = (struct ledger_row){.author = author, .seq = entry->seq, .type = entry->type};
    memcpy(row->id, entry->id, HASH_BYTES);
    return row;
}

/* Signs and hands one entry to the core. The ledger has it first: whatever leaves a core must be in it. */
static struct ledger_row *publish(struct world *world, size_t node, enum entry_type type, struct bytes body, struct bytes payload,
                                  enum err *err) {
    struct world_node *self = &world->nodes[node];
    struct entry_draft draft = {.type = type, .time_ms = world_wall_ms(world, node), .body = body};
    struct event event = {.kind = EVENT_PUBLISH};
    struct buf bytes = {0};
    struct entry entry;
    draft.seq = gossip_own_next(self->gossip, draft.previous);
    identity_entry(&self->identity, &bytes, &draft);
    *err = entry_parse(&entry, bytes_of_buf(&bytes));
    assert(*err == OK);
    struct ledger_row *row = row_new(world, node, &entry);
    size_t at = world->ledger_count - 1;
    if (type == ENTRY_BLOCK && block_body_read(&row->body, body) == OK)
        memcpy(row->payload_hash, row->body.seal.payload_hash, HASH_BYTES);
    event.publish.entry = bytes_of_buf(&bytes);
    event.publish.payload = payload;
    event.now_ms = world_wall_ms(world, node);
    event.monotonic_ms = world->now_ms + 1000;
    uint64_t before = draft.seq;
    world_step(world, node, &event);
    uint8_t id[HASH_BYTES];
    bool taken = gossip_own_next(self->gossip, id) == before + 1;
    *err = taken ? OK : ERR_BUSY;
    if (!taken) world->ledger_count = at;
    buf_free(&bytes);
    return taken ? &world->ledger[at] : NULL;
}

/* The epoch of this audience; a new one is published first when there is none. */
static enum err epoch_get(struct world *world, size_t node, const struct audience *audience, struct author_epoch **out) {
    struct world_node *self = &world->nodes[node];
    struct event event = {.kind = EVENT_AUDIENCE};
    struct epoch_author author;
    struct buf body = {0}, readers = {0};
    uint8_t previous[HASH_BYTES];
    enum err err = OK;
    *out = author_epoch_find(&self->author, audience, world_wall_ms(world, node));
    if (*out) return OK;
    memcpy(author.agency_id, self->identity.agency_id, AGENCY_ID_BYTES);
    memcpy(author.node_id, self->identity.node_id, NODE_ID_BYTES);
    uint64_t seq = gossip_own_next(self->gossip, previous);
    err = author_epoch_start(&self->author, &body, &author, audience, seq, world_wall_ms(world, node), &world->random, out);
    assert(err == OK);
    for (size_t i = 0; i < audience->count; i++) buf_put_raw(&readers, audience->readers[i].node_id, NODE_ID_BYTES);
    disk_audience_put(&self->disk, seq, bytes_of_buf(&readers));
    if (publish(world, node, ENTRY_EPOCH, bytes_of_buf(&body), bytes_of(NULL, 0), &err)) {
        event.audience.epoch_seq = seq;
        event.audience.readers = bytes_of_buf(&readers);
        world_step(world, node, &event);
    } else {
        memset(*out, 0, sizeof **out);
    }
    buf_free(&body);
    buf_free(&readers);
    return err;
}

static enum err seal(struct world *world, struct author_epoch *epoch, struct block_body *body, struct buf *payload, size_t bytes,
                     uint64_t now_ms) {
    struct block *block = block_new(world->codec);
    uint8_t *item = malloc(bytes + sizeof WORLD_MARK);
    assert(block && item);
    memcpy(item, WORLD_MARK, sizeof WORLD_MARK);
    random_bytes(&world->random, item + sizeof WORLD_MARK, bytes);
    enum err err = block_add(block, bytes_of(item, bytes + sizeof WORLD_MARK));
    assert(err == OK);
    body->epoch_seq = epoch->seq;
    body->index = author_block_index(epoch, now_ms);
    body->expires_ms = now_ms + 75 * PREKEY_DAY_MS;
    err = block_close(block, payload, &body->seal, epoch->secret, body->index, &world->random);
    block_free(block);
    free(item);
    return err;
}

static enum err resolve(struct world *world, size_t node, const char *readers, struct audience *audience) {
    const struct gossip *gossip = world->nodes[node].gossip;
    enum err err = OK;
    for (size_t i = 0; i < world->count && err == OK; i++) {
        if (i != node && readers[i] != '1') continue;
        err = ERR_UNKNOWN_AUTHOR;
        for (size_t k = 0; k < gossip_agency_count(gossip); k++)
            if (memcmp(gossip_agency(gossip, k)->id, world->nodes[i].identity.agency_id, AGENCY_ID_BYTES) == 0)
                err = audience_add(audience, gossip, k, world_wall_ms(world, node));
    }
    audience_seal(audience);
    return err;
}

uint64_t world_publish(struct world *world, size_t node, const char *readers, enum carriage carriage, size_t bytes, enum err *err) {
    struct audience audience = {0};
    struct author_epoch *epoch = NULL;
    struct block_body body = {.carriage = carriage};
    uint8_t body_bytes[BLOCK_BODY_BYTES];
    struct buf payload = {0};
    struct ledger_row *row = NULL;
    *err = resolve(world, node, readers, &audience);
    if (*err == OK) *err = epoch_get(world, node, &audience, &epoch);
    if (*err == OK) *err = seal(world, epoch, &body, &payload, bytes, world_wall_ms(world, node));
    if (*err == OK) {
        block_body_write(body_bytes, &body);
        row = publish(world, node, ENTRY_BLOCK, bytes_of(body_bytes, sizeof body_bytes), bytes_of_buf(&payload), err);
    }
    if (row) {
        uint8_t *set = calloc(world->count, 1);
        assert(set);
        for (size_t i = 0; i < world->count; i++) set[i] = i == node || readers[i] == '1';
        row->readers = bytes_of(set, world->count);
    }
    uint64_t seq = row ? row->seq : 0;
    buf_free(&payload);
    audience_free(&audience);
    return seq;
}

uint64_t world_publish_all(struct world *world, size_t node, size_t bytes) {
    char readers[WORLD_NODES_MAX + 1] = {0};
    enum err err;
    for (size_t i = 0; i < world->count; i++) readers[i] = world->nodes[node].pinned[i] ? '1' : '0';
    return world_publish(world, node, readers, CARRIAGE_RELAY, bytes, &err);
}

void world_prekey_rotate(struct world *world, size_t node) {
    struct world_node *self = &world->nodes[node];
    uint8_t body[PREKEY_BODY_BYTES];
    enum err err;
    uint64_t now_ms = world_wall_ms(world, node);
    if (!prekey_rotate_due(&self->identity.prekeys[self->identity.prekey_count - 1], now_ms)) return;
    identity_prekey_new(&self->identity, now_ms, body);
    publish(world, node, ENTRY_PREKEY, bytes_of(body, sizeof body), bytes_of(NULL, 0), &err);
}

bool world_reads(struct world *world, size_t node, size_t author, uint64_t seq) {
    const struct disk *disk = &world->nodes[node].disk;
    const uint8_t *id = world->nodes[author].identity.node_id;
    const struct disk_entry *stored = disk_entry(disk, id, seq);
    struct block_body body;
    struct entry entry;
    uint8_t secret[EPOCH_SECRET_BYTES];
    if (!stored || !disk_payload_here(disk, id, seq)) return false;
    if (entry_parse(&entry, bytes_of_buf(&stored->bytes)) != OK || block_body_read(&body, entry.body) != OK) return false;
    const struct disk_entry *epoch = disk_entry(disk, id, body.epoch_seq);
    if (!epoch || entry_parse(&entry, bytes_of_buf(&epoch->bytes)) != OK) return false;
    if (!identity_epoch_open(&world->nodes[node].identity, secret, &entry, world_wall_ms(world, node))) return false;
    struct block *block = block_new(world->codec);
    assert(block);
    bool good = block_open(block, bytes_of_buf(&stored->payload), &body.seal, secret, body.index) == OK;
    block_free(block);
    return good;
}
