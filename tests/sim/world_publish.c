#include "tests/sim/world.h"

#include "crypto/hash.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct ledger_row *world_ledger(const struct world *world, size_t author, uint64_t seq) {
    return ledger_find(&world->ledger, author, seq);
}

/* Signs and hands one entry to the core. The ledger has it first: whatever leaves a core must be in it. Null when the core refused,
   or the node went down over it before its write. */
static struct ledger_row *publish(struct world *world, size_t node, enum entry_type type, struct bytes body, struct bytes payload,
                                  enum err *err) {
    struct world_node *self = &world->nodes[node];
    struct entry_draft draft = {.type = type, .time_ms = world_wall_ms(world, node), .body = body};
    struct event event = {.kind = EVENT_PUBLISH};
    struct buf bytes = {0};
    struct entry entry;
    uint8_t id[HASH_BYTES];
    *err = ERR_BUSY;
    if (!self->gossip) return NULL;
    draft.seq = gossip_own_next(self->gossip, draft.previous);
    identity_entry(&self->identity, &bytes, &draft);
    *err = entry_parse(&entry, bytes_of_buf(&bytes));
    assert(*err == OK);
    check_sign(world, node, &entry);
    ledger_add(&world->ledger, node, &entry, bytes_of_buf(&bytes), payload);
    event.publish.entry = bytes_of_buf(&bytes);
    event.publish.payload = payload;
    bool up = world_step(world, node, &event);
    bool taken = up && gossip_own_next(self->gossip, id) == draft.seq + 1;
    *err = taken ? OK : ERR_BUSY;
    if (up && !taken) ledger_remove(&world->ledger, node, draft.seq);
    buf_free(&bytes);
    return ledger_find(&world->ledger, node, draft.seq);
}

/* The epoch of this audience; a new one is published first when there is none. */
static enum err epoch_get(struct world *world, size_t node, const struct audience *audience, struct author_epoch **out) {
    struct world_node *self = &world->nodes[node];
    struct event event = {.kind = EVENT_AUDIENCE};
    struct epoch_author author;
    struct buf body = {0}, readers = {0};
    uint8_t previous[HASH_BYTES];
    enum err err = OK;
    if (!self->author) self->author = calloc(1, sizeof *self->author);
    assert(self->author);
    *out = author_epoch_find(self->author, audience, world_wall_ms(world, node));
    if (*out) return OK;
    memcpy(author.agency_id, self->identity.agency_id, AGENCY_ID_BYTES);
    memcpy(author.node_id, self->identity.node_id, NODE_ID_BYTES);
    uint64_t seq = gossip_own_next(self->gossip, previous);
    err = author_epoch_start(self->author, &body, &author, audience, seq, world_wall_ms(world, node), &world->random, out);
    if (err != OK) { /* nobody is left to read it: its own agency revoked it */
        buf_free(&body);
        return err;
    }
    for (size_t i = 0; i < audience->count; i++) buf_put_raw(&readers, audience->readers[i].node_id, NODE_ID_BYTES);
    disk_audience_put(&self->disk, seq, bytes_of_buf(&readers));
    publish(world, node, ENTRY_EPOCH, bytes_of_buf(&body), bytes_of(NULL, 0), &err);
    if (err == OK) {
        event.audience.epoch_seq = seq;
        event.audience.readers = bytes_of_buf(&readers);
        if (!world_step(world, node, &event)) err = ERR_BUSY;
    } else if (self->gossip) {
        memset(*out, 0, sizeof **out);
    }
    buf_free(&body);
    buf_free(&readers);
    return err;
}

/* A payload that is what its entry says, without what a reader would open: where speed counts and nobody opens it. */
static void seal_plain(struct world *world, struct block_body *body, struct buf *payload, size_t bytes) {
    size_t size = block_size_class(bytes + BLOCK_OVERHEAD_BYTES);
    uint8_t *data = buf_grow(payload, size);
    assert(data);
    memset(data, 0, size);
    random_bytes(&world->random, data, 16);
    body->seal.payload_bytes = (uint32_t)size;
    body->seal.plain_class = 22;
    hash_of(body->seal.payload_hash, "comity-payload", bytes_of_buf(payload), bytes_of(NULL, 0));
}

static enum err seal(struct world *world, struct author_epoch *epoch, struct block_body *body, struct buf *payload, size_t bytes,
                     uint64_t now_ms) {
    body->epoch_seq = epoch->seq;
    body->index = author_block_index(epoch, now_ms);
    body->expires_ms = now_ms + 75 * PREKEY_DAY_MS;
    if (world->plain_payloads) return seal_plain(world, body, payload, bytes), OK;
    struct block *block = block_new(world->codec);
    uint8_t *item = malloc(bytes + sizeof WORLD_MARK);
    assert(block && item);
    memcpy(item, WORLD_MARK, sizeof WORLD_MARK);
    random_bytes(&world->random, item + sizeof WORLD_MARK, bytes);
    enum err err = block_add(block, bytes_of(item, bytes + sizeof WORLD_MARK));
    assert(err == OK);
    err = block_close(block, payload, &body->seal, epoch->secret, body->index, &world->random);
    block_free(block);
    free(item);
    return err;
}

static enum err resolve(struct world *world, size_t node, const uint32_t *readers, size_t count, struct audience *audience) {
    const struct gossip *gossip = world->nodes[node].gossip;
    enum err err = OK;
    for (size_t i = 0; i <= count && err == OK; i++) {
        size_t reader = i < count ? readers[i] : node;
        if (i < count && reader == node) continue;
        err = ERR_UNKNOWN_AUTHOR;
        for (size_t k = 0; k < gossip_agency_count(gossip) && err == ERR_UNKNOWN_AUTHOR; k++)
            if (memcmp(gossip_agency(gossip, k)->id, world->nodes[reader].identity.agency_id, AGENCY_ID_BYTES) == 0)
                err = audience_add(audience, gossip, k, world_wall_ms(world, node));
    }
    audience_seal(audience);
    return err;
}

uint64_t world_publish_to(struct world *world, size_t node, const uint32_t *readers, size_t count, enum carriage carriage,
                          size_t bytes, enum err *err) {
    struct audience audience = {0};
    struct author_epoch *epoch = NULL;
    struct block_body body = {.carriage = carriage};
    uint8_t body_bytes[BLOCK_BODY_BYTES];
    struct buf payload = {0};
    struct ledger_row *row = NULL;
    *err = resolve(world, node, readers, count, &audience);
    if (*err == OK) *err = epoch_get(world, node, &audience, &epoch);
    if (*err == OK) *err = seal(world, epoch, &body, &payload, bytes, world_wall_ms(world, node));
    if (*err == OK) {
        block_body_write(body_bytes, &body);
        row = publish(world, node, ENTRY_BLOCK, bytes_of(body_bytes, sizeof body_bytes), bytes_of_buf(&payload), err);
    }
    if (row && !row->readers) {
        row->readers = malloc((count + 1) * sizeof *row->readers);
        assert(row->readers);
        for (size_t i = 0; i < count; i++) row->readers[row->reader_count++] = readers[i];
    }
    uint64_t seq = row && *err == OK ? row->seq : 0;
    buf_free(&payload);
    audience_free(&audience);
    return seq;
}

uint64_t world_publish(struct world *world, size_t node, const char *readers, enum carriage carriage, size_t bytes, enum err *err) {
    uint32_t *list = malloc((world->count + 1) * sizeof *list);
    size_t count = 0;
    assert(list);
    for (uint32_t i = 0; i < world->count && readers[i]; i++)
        if (readers[i] == '1') list[count++] = i;
    uint64_t seq = world_publish_to(world, node, list, count, carriage, bytes, err);
    free(list);
    return seq;
}

uint64_t world_publish_all(struct world *world, size_t node, size_t bytes) {
    uint32_t *list = malloc((world->count + 1) * sizeof *list);
    size_t count = 0;
    enum err err;
    assert(list);
    for (uint32_t i = 0; i < world->count; i++)
        if (i != node && world_pinned(world, node, i) && !world->nodes[i].revoked) list[count++] = i;
    uint64_t seq = world_publish_to(world, node, list, count, CARRIAGE_RELAY, bytes, &err);
    free(list);
    return seq;
}

uint64_t world_publish_type(struct world *world, size_t node, enum entry_type type, struct bytes body) {
    enum err err;
    const struct ledger_row *row = publish(world, node, type, body, bytes_of(NULL, 0), &err);
    return row && err == OK ? row->seq : 0;
}

bool world_recall(struct world *world, size_t node, uint64_t block) {
    struct ledger_row *row = ledger_find(&world->ledger, node, block);
    struct recall recall = {.block = block};
    struct buf body = {0};
    if (!row || row->type != ENTRY_BLOCK || !row->acknowledged || ledger_recalled(&world->ledger, node, row)) return false;
    recall_mark(&recall, 0);
    recall_write(&body, &recall);
    uint8_t previous[HASH_BYTES];
    row->recalled = gossip_own_next(world->nodes[node].gossip, previous);
    bool done = world_publish_type(world, node, ENTRY_RECALL, bytes_of_buf(&body)) != 0;
    buf_free(&body);
    return done;
}

void world_prekey_rotate(struct world *world, size_t node, bool force) {
    struct world_node *self = &world->nodes[node];
    uint8_t body[PREKEY_BODY_BYTES];
    uint64_t now_ms = world_wall_ms(world, node);
    if (self->identity.prekey_count == IDENTITY_PREKEYS_MAX) return;
    if (!force && !prekey_rotate_due(&self->identity.prekeys[self->identity.prekey_count - 1], now_ms)) return;
    identity_prekey_new(&self->identity, now_ms, body);
    if (world_publish_type(world, node, ENTRY_PREKEY, bytes_of(body, sizeof body))) world_hit(world, prekey_rotated);
}

bool world_reads(struct world *world, size_t node, size_t author, uint64_t seq) {
    const struct disk *disk = &world->nodes[node].disk;
    const uint8_t *id = world->nodes[author].identity.node_id;
    const struct disk_entry *stored = disk_entry(disk, id, seq);
    struct block_body body;
    struct entry entry;
    uint8_t secret[EPOCH_SECRET_BYTES];
    if (!stored || !disk_payload_here(disk, id, seq)) return false;
    if (entry_parse(&entry, blob_bytes(stored->entry)) != OK || block_body_read(&body, entry.body) != OK) return false;
    const struct disk_entry *epoch = disk_entry(disk, id, body.epoch_seq);
    if (!epoch || entry_parse(&entry, blob_bytes(epoch->entry)) != OK) return false;
    if (!identity_epoch_open(&world->nodes[node].identity, secret, &entry, world_wall_ms(world, node))) return false;
    struct block *block = block_new(world->codec);
    assert(block);
    bool good = block_open(block, blob_bytes(stored->payload), &body.seal, secret, body.index) == OK;
    block_free(block);
    return good;
}
