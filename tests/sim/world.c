#include "tests/sim/world.h"

#include "tests/sim/hostile.h"
#include "tests/sim/item.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* --- finding nodes by their names --- */

static void table_put(uint32_t *table, size_t size, const uint8_t *key, size_t index) {
    size_t at = get_be32(key);
    while (table[at & (size - 1)] != 0) at++;
    table[at & (size - 1)] = (uint32_t)index + 1;
}

static void tables_fill(struct world *world) {
    world->table_size = 16;
    while (world->table_size < 2 * world->capacity) world->table_size *= 2;
    free(world->names), free(world->curves);
    world->names = calloc(world->table_size, sizeof *world->names);
    world->curves = calloc(world->table_size, sizeof *world->curves);
    assert(world->names && world->curves);
    for (size_t i = 0; i < world->count; i++) {
        table_put(world->names, world->table_size, world->nodes[i].identity.node_id, i);
        table_put(world->curves, world->table_size, world->nodes[i].identity.curve_public, i);
    }
}

size_t world_node_of(const struct world *world, const uint8_t *node_id) {
    for (size_t at = get_be32(node_id); world->table_size > 0; at++) {
        uint32_t row = world->names[at & (world->table_size - 1)];
        if (row == 0) break;
        if (memcmp(world->nodes[row - 1].identity.node_id, node_id, NODE_ID_BYTES) == 0) return row - 1;
    }
    return world->count;
}

size_t world_curve_of(const struct world *world, const uint8_t *curve_public) {
    for (size_t at = get_be32(curve_public); world->table_size > 0; at++) {
        uint32_t row = world->curves[at & (world->table_size - 1)];
        if (row == 0) break;
        if (memcmp(world->nodes[row - 1].identity.curve_public, curve_public, CURVE_KEY_BYTES) == 0) return row - 1;
    }
    return world->count;
}

/* --- making and ending --- */

static size_t bitmap_bytes(size_t bits) { return (bits + 7) / 8; }

/* Room for so many nodes; none may run yet. */
static void reserve(struct world *world, size_t capacity) {
    world->nodes = realloc(world->nodes, capacity * sizeof *world->nodes);
    assert(world->nodes);
    memset(world->nodes + world->capacity, 0, (capacity - world->capacity) * sizeof *world->nodes);
    for (size_t i = 0; i < capacity; i++) {
        struct world_node *node = &world->nodes[i];
        node->pinned = realloc(node->pinned, bitmap_bytes(capacity));
        assert(node->pinned);
        size_t before = i < world->capacity ? bitmap_bytes(world->capacity) : 0;
        memset(node->pinned + before, 0, bitmap_bytes(capacity) - before);
    }
    /* The cuts of a smaller world do not fit a larger one; there are none before nodes start. */
    free(world->cut);
    world->cut = calloc(capacity, bitmap_bytes(capacity));
    assert(world->cut);
    world->capacity = capacity;
    ledger_open(&world->ledger, capacity);
    tables_fill(world);
}

size_t world_add(struct world *world) {
    size_t index = world->count;
    struct entry entry;
    if (index == world->capacity) reserve(world, world->capacity ? 2 * world->capacity : 4);
    struct world_node *node = &world->nodes[index];
    identity_make(&node->identity, world->seed, (uint32_t)index, WORLD_EPOCH_MS, world->hidden);
    node->hidden = world->hidden;
    node->tick_at_ms = node->tick_queued_ms = UINT64_MAX;
    world->count++;
    table_put(world->names, world->table_size, node->identity.node_id, index);
    table_put(world->curves, world->table_size, node->identity.curve_public, index);
    enum err err = entry_parse(&entry, bytes_of_buf(&node->identity.first));
    assert(err == OK);
    struct ledger_row *row = ledger_add(&world->ledger, index, &entry, bytes_of_buf(&node->identity.first), bytes_of(NULL, 0));
    row->acknowledged = row->spread = true; /* it rides in the card */
    node->acknowledged = 1;
    disk_entry_put(&node->disk, node->identity.node_id, 1, row->entry, disk_write(&node->disk), true);
    disk_sync(&node->disk, node->disk.writes);
    return index;
}

void world_open(struct world *world, uint64_t seed, size_t count) {
    uint8_t bytes[RANDOM_SEED_BYTES] = {0};
    *world = (struct world){
        .seed = seed, .delay_ms = 20, .jitter_ms = 30, .sync_ms = 5, .cut_ms = 9000, .bytes_per_s = 20 * 1000 * 1000};
    put_be64(bytes, seed);
    random_init_seed(&world->random, bytes);
    world->codec = block_codec_new();
    assert(world->codec && count <= WORLD_NODES_MAX);
    reserve(world, count);
    for (size_t i = 0; i < count; i++) world_add(world);
}

void world_close(struct world *world) {
    for (struct item_event *item = queue_take(&world->queue); item; item = queue_take(&world->queue)) item_drop(world, item);
    queue_free(&world->queue);
    item_pool_free(world);
    for (size_t i = 0; i < world->capacity; i++) {
        struct world_node *node = &world->nodes[i];
        if (node->gossip) gossip_close(node->gossip);
        actions_free(&node->actions);
        disk_free(&node->disk);
        disk_free(&node->snapshot);
        identity_free(&node->identity);
        free(node->pinned), free(node->chain_bytes), free(node->heads), free(node->links), free(node->recalls),
            hostile_free(node->hostile), free(node->author);
    }
    for (size_t i = 0; i < world->link_places; i++) free(world->links[i]);
    agencies_free(&world->agencies);
    ledger_free(&world->ledger);
    free(world->links), free(world->links_free), free(world->cut), free(world->names), free(world->curves), free(world->nodes);
    block_codec_free(world->codec);
    world->nodes = NULL;
    world->count = world->capacity = 0;
}

void world_mesh(struct world *world, uint64_t seed, size_t count) {
    world_open(world, seed, count);
    for (size_t a = 0; a < count; a++)
        for (size_t b = 0; b < count; b++)
            if (a != b) world_pin(world, a, b);
    for (size_t a = 0; a < count; a++) world_start(world, a);
    world_run(world, 60 * 1000);
}

/* --- time --- */

uint64_t world_wall_ms(const struct world *world, size_t node) {
    return (uint64_t)((int64_t)(WORLD_EPOCH_MS + world->now_ms) + world->nodes[node].skew_ms);
}

void world_run(struct world *world, uint64_t ms) {
    uint64_t end_ms = world->now_ms + ms, at_ms;
    while ((at_ms = queue_next_ms(&world->queue)) <= end_ms) {
        if (world->now_ms < at_ms) world->now_ms = at_ms;
        item_happen(world, queue_take(&world->queue));
    }
    world->now_ms = end_ms;
}

bool world_run_until(struct world *world, world_condition *condition, uint64_t ms) {
    uint64_t end_ms = world->now_ms + ms;
    while (!condition(world)) {
        if (world->now_ms >= end_ms || world->broken[0]) return false;
        world_run(world, 250);
    }
    return true;
}
