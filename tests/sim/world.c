#include "tests/sim/world.h"

#include "crypto/hash.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void world_open(struct world *world, uint64_t seed, size_t count) {
    uint8_t bytes[RANDOM_SEED_BYTES] = {0};
    *world = (struct world){
        .seed = seed, .delay_ms = 20, .jitter_ms = 30, .sync_ms = 5, .cut_ms = 9000, .bytes_per_s = 20 * 1000 * 1000};
    put_be64(bytes, seed);
    random_init_seed(&world->random, bytes);
    world->codec = block_codec_new();
    assert(world->codec && count <= WORLD_NODES_MAX);
    for (size_t i = 0; i < count; i++) {
        struct world_node *node = &world->nodes[world->count++];
        identity_make(&node->identity, seed, (uint32_t)i, WORLD_EPOCH_MS, world->hidden);
        disk_entries_put(&node->disk, node->identity.node_id, bytes_of_buf(&node->identity.first), true);
        disk_sync(&node->disk, node->disk.writes);
        node->tick_at_ms = UINT64_MAX;
    }
}

static void stop(struct world_node *node) {
    if (node->gossip) gossip_close(node->gossip);
    node->gossip = NULL;
    node->author = (struct author){0};
    memset(node->heads, 0, sizeof node->heads);
    node->life++;
    node->tick_at_ms = UINT64_MAX;
}

void world_close(struct world *world) {
    for (void *what = queue_take(&world->queue); what; what = queue_take(&world->queue)) world_drop(world, what);
    queue_free(&world->queue);
    for (size_t i = 0; i < world->count; i++) {
        struct world_node *node = &world->nodes[i];
        stop(node);
        actions_free(&node->actions);
        disk_free(&node->disk);
        identity_free(&node->identity);
        for (size_t k = 0; k < WORLD_NODES_MAX; k++) buf_free(&node->chains[k]);
    }
    for (size_t i = 0; i < world->link_count; i++) free(world->links[i]);
    for (size_t i = 0; i < world->ledger_count; i++) free((void *)(uintptr_t)world->ledger[i].readers.data);
    free(world->links);
    free(world->ledger);
    block_codec_free(world->codec);
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

/* The next thing to happen: an item of the queue, or a node whose deadline is due. */
static bool happen_next(struct world *world, uint64_t end_ms) {
    uint64_t at_ms = queue_next_ms(&world->queue);
    size_t due = world->count;
    for (size_t i = 0; i < world->count; i++)
        if (world->nodes[i].gossip && world->nodes[i].tick_at_ms < at_ms) at_ms = world->nodes[i].tick_at_ms, due = i;
    if (at_ms > end_ms) return false;
    if (world->now_ms < at_ms) world->now_ms = at_ms;
    world->events++;
    if (due < world->count) {
        struct event event = {.kind = EVENT_TICK};
        world_step(world, due, &event);
    } else {
        world_happen(world, queue_take(&world->queue));
    }
    return true;
}

void world_run(struct world *world, uint64_t ms) {
    uint64_t end_ms = world->now_ms + ms;
    while (happen_next(world, end_ms)) {
    }
    world->now_ms = end_ms;
}

bool world_run_until(struct world *world, world_condition *condition, uint64_t ms) {
    uint64_t end_ms = world->now_ms + ms;
    while (!condition(world)) {
        if (world->now_ms >= end_ms) return false;
        world_run(world, 250);
    }
    return true;
}

/* --- nodes --- */

static void trust(struct world *world, size_t node, size_t agency, bool with_prekey) {
    struct world_node *self = &world->nodes[node];
    struct event event = {.kind = EVENT_TRUST};
    event.trust.chain = bytes_of_buf(&self->chains[agency]);
    if (with_prekey) event.trust.prekeys = bytes_of_buf(&world->nodes[agency].identity.first);
    if (self->gossip) world_step(world, node, &event);
}

void world_pin(struct world *world, size_t node, size_t agency) {
    struct world_node *self = &world->nodes[node];
    self->pinned[agency] = true;
    buf_clear(&self->chains[agency]);
    buf_put(&self->chains[agency], bytes_of_buf(&world->nodes[agency].identity.chain));
    trust(world, node, agency, true);
}

void world_learn_chain(struct world *world, size_t node, size_t agency) {
    struct world_node *self = &world->nodes[node];
    buf_clear(&self->chains[agency]);
    buf_put(&self->chains[agency], bytes_of_buf(&world->nodes[agency].identity.chain));
    trust(world, node, agency, false);
}

void world_unpin(struct world *world, size_t node, size_t agency) {
    struct event event = {.kind = EVENT_DISTRUST};
    event.distrust.agency_id = world->nodes[agency].identity.agency_id;
    world->nodes[node].pinned[agency] = false;
    world->nodes[node].heads[agency] = 0; /* declared: its log's state goes with it */
    if (world->nodes[node].gossip) world_step(world, node, &event);
}

/* Where the stored logs end, and the newest prekey in each. */
static void logs_restore(struct world *world, size_t node, size_t author) {
    const struct world_node *self = &world->nodes[node];
    const uint8_t *id = world->nodes[author].identity.node_id;
    uint64_t head = disk_head(&self->disk, id);
    struct event event = {.kind = EVENT_LOG};
    struct entry entry = {0};
    if (head == 0) return;
    for (uint64_t seq = head; seq > 0 && event.log.prekey.size == 0; seq--) {
        enum err err = entry_parse(&entry, bytes_of_buf(&disk_entry(&self->disk, id, seq)->bytes));
        assert(err == OK);
        if (entry.type == ENTRY_PREKEY) event.log.prekey = entry.body;
    }
    enum err err = entry_parse(&entry, bytes_of_buf(&disk_entry(&self->disk, id, head)->bytes));
    assert(err == OK);
    event.log.node_id = id;
    event.log.seq = head;
    event.log.id = entry.id;
    world_step(world, node, &event);
}

void world_start(struct world *world, size_t node) {
    struct world_node *self = &world->nodes[node];
    struct gossip_options options = {.own_chain = bytes_of_buf(&self->identity.chain)};
    assert(!self->gossip);
    memcpy(options.node_id, self->identity.node_id, NODE_ID_BYTES);
    random_bytes(&world->random, options.seed, sizeof options.seed);
    enum err err = gossip_open(&self->gossip, &options);
    assert(err == OK);
    for (size_t i = 0; i < world->count; i++)
        if (self->pinned[i]) trust(world, node, i, true);
    for (size_t i = 0; i < world->count; i++)
        if (i == node || self->pinned[i]) logs_restore(world, node, i);
    for (size_t i = 0; i < self->disk.fork_count; i++) {
        struct event event = {.kind = EVENT_FORK, .fork = {.proof = bytes_of_buf(&self->disk.forks[i].proof)}};
        check_repair(world, node, self->disk.forks[i].node_id, 1);
        world_step(world, node, &event);
    }
    for (size_t i = 0; i < self->disk.audience_count; i++) {
        struct event event = {.kind = EVENT_AUDIENCE};
        event.audience.epoch_seq = self->disk.audiences[i].epoch_seq;
        event.audience.readers = bytes_of_buf(&self->disk.audiences[i].readers);
        world_step(world, node, &event);
    }
    world_epochs_restore(world, node);
}

/* What its author lost before the sync was never said: nobody may ever be seen to hold it. */
static void ledger_trim(struct world *world, size_t author) {
    const struct world_node *self = &world->nodes[author];
    size_t kept = 0;
    for (size_t i = 0; i < world->ledger_count; i++) {
        struct ledger_row *row = &world->ledger[i];
        if (row->author == author && !row->acknowledged && !disk_entry(&self->disk, self->identity.node_id, row->seq)) {
            free((void *)(uintptr_t)row->readers.data);
            continue;
        }
        world->ledger[kept++] = *row;
    }
    world->ledger_count = kept;
}

void world_crash(struct world *world, size_t node) {
    for (size_t i = 0; i < world->link_count; i++)
        if (world->links[i]->up && (world->links[i]->from == node || world->links[i]->to == node))
            world_link_break(world, world->links[i], 0);
    stop(&world->nodes[node]);
    disk_crash(&world->nodes[node].disk);
    ledger_trim(world, node);
}

void world_wipe(struct world *world, size_t node) {
    world_crash(world, node);
    disk_free(&world->nodes[node].disk);
    /* A declared loss: what others hold is fetched again, the rest is nobody's promise any more. */
    for (size_t i = 0; i < world->ledger_count; i++)
        if (world->ledger[i].author == node) world->ledger[i].acknowledged = false;
}

/* --- links --- */

void world_cut(struct world *world, size_t a, size_t b, bool cut) {
    world->cut[a][b] = world->cut[b][a] = cut;
    for (size_t i = 0; cut && i < world->link_count; i++) {
        struct world_link *link = world->links[i];
        bool between = (link->from == a && link->to == b) || (link->from == b && link->to == a);
        if (link->up && between) world_link_break(world, link, 1000 + random_below(&world->random, world->cut_ms));
    }
}

void world_split(struct world *world, size_t first) {
    for (size_t a = 0; a < first; a++)
        for (size_t b = first; b < world->count; b++) world_cut(world, a, b, true);
}

void world_heal(struct world *world) { memset(world->cut, 0, sizeof world->cut); }

void world_reset(struct world *world, size_t a, size_t b) {
    struct world_link *link;
    while ((link = world_link_between(world, a, b)) != NULL) world_link_break(world, link, 0);
}

bool world_inject(struct world *world, size_t from, size_t to, struct bytes message) {
    struct world_link *link = world_link_between(world, from, to);
    if (!link) return false;
    world_deliver(world, link, from, message);
    return true;
}

bool world_stranger_closed(struct world *world, size_t node) {
    struct event event = {.kind = EVENT_LINK_UP};
    struct world_node *self = &world->nodes[node];
    event.link_up.link = self->inbound_next += 2;
    event.now_ms = world_wall_ms(world, node);
    event.monotonic_ms = world->now_ms + 1000;
    random_bytes(&world->random, event.link_up.curve_public, CURVE_KEY_BYTES);
    enum err err = gossip_step(self->gossip, &event, &self->actions);
    bool closed = false, sent = false;
    for (size_t i = 0; err == OK && i < self->actions.count; i++) {
        const struct action *action = &self->actions.list[i];
        closed |= action->kind == ACTION_CLOSE && action->close.link == event.link_up.link;
        sent |= action->kind == ACTION_SEND && action->send.link == event.link_up.link;
    }
    return closed && !sent;
}
