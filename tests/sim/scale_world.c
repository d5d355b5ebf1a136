#include "tests/sim/scale_world.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* --- who is who --- */

static void table_put(const struct scale_world *world, uint32_t *table, const uint8_t *key, uint32_t node) {
    size_t at = get_be32(key);
    while (table[at & (world->table_size - 1)] != 0) at++;
    table[at & (world->table_size - 1)] = node + 1;
}

uint32_t scale_node_of_id(const struct scale_world *world, const uint8_t node_id[static NODE_ID_BYTES]) {
    for (size_t at = get_be32(node_id);; at++) {
        uint32_t row = world->by_node_id[at & (world->table_size - 1)];
        assert(row != 0);
        if (memcmp(world->identities[row - 1].node_id, node_id, NODE_ID_BYTES) == 0) return row - 1;
    }
}

void scale_open(struct scale_world *world, const struct plan *plan) {
    *world = (struct scale_world){.plan = plan, .count = plan->nodes, .table_size = 16};
    while (world->table_size < 2 * plan->nodes) world->table_size *= 2;
    world->identities = calloc(world->count, sizeof *world->identities);
    world->nodes = calloc(world->count, sizeof *world->nodes);
    world->by_node_id = calloc(world->table_size, sizeof *world->by_node_id);
    world->by_curve = calloc(world->table_size, sizeof *world->by_curve);
    assert(world->identities && world->nodes && world->by_node_id && world->by_curve);
    store_open(&world->store, world->count);
    tally_open(&world->tally, plan);
    wheel_open(&world->wheel);
    for (uint32_t i = 0; i < world->count; i++) {
        struct identity *identity = &world->identities[i];
        identity_make(identity, plan->seed, i, SCALE_EPOCH_MS, false);
        table_put(world, world->by_node_id, identity->node_id, i);
        table_put(world, world->by_curve, agency_node_find(&identity->agency, identity->node_id)->curve_public, i);
        world->nodes[i].tick_at_ms = UINT64_MAX;
    }
}

void scale_close(struct scale_world *world) {
    for (struct wheel_item *item = wheel_empty(&world->wheel); item; item = wheel_empty(&world->wheel))
        scale_item_free(world, item);
    scale_pool_free(world);
    for (uint32_t i = 0; i < world->count; i++) {
        if (world->nodes[i].gossip) gossip_close(world->nodes[i].gossip);
        actions_free(&world->nodes[i].actions);
        free(world->nodes[i].trusted);
        identity_free(&world->identities[i]);
    }
    for (size_t i = 0; i < world->link_count; i++) free(world->links[i]);
    agencies_free(&world->agencies);
    wheel_close(&world->wheel);
    tally_close(&world->tally);
    store_close(&world->store);
    free(world->links);
    free(world->nodes);
    free(world->identities);
    free(world->by_node_id);
    free(world->by_curve);
    *world = (struct scale_world){0};
}

/* --- trust --- */

/* In random order: nobody is everybody's first. */
static void trusted_shuffle(struct scale_world *world, uint32_t node) {
    struct scale_node *self = &world->nodes[node];
    for (size_t i = self->trusted_count; i > 1; i--) {
        size_t at = plan_mix(world->plan->seed ^ 4, node, i) % i;
        uint32_t swap = self->trusted[i - 1];
        self->trusted[i - 1] = self->trusted[at], self->trusted[at] = swap;
    }
}

void scale_trust_all(struct scale_world *world) {
    for (uint32_t node = 0; node < world->count; node++) {
        struct scale_node *self = &world->nodes[node];
        self->trusted = malloc(world->count * sizeof *self->trusted);
        assert(self->trusted);
        for (uint32_t other = 0; other < world->count; other++)
            if (other != node) self->trusted[self->trusted_count++] = other;
        trusted_shuffle(world, node);
    }
}

static void trust_put(struct scale_node *self, uint32_t other, size_t room) {
    for (size_t i = 0; i < self->trusted_count; i++)
        if (self->trusted[i] == other) return;
    if (self->trusted_count < room) self->trusted[self->trusted_count++] = other;
}

/* Communities of `others` / 2 members, drawn anew for each of two layers (a sector and a country, say): all members of one trust each other. */
void scale_trust_some(struct scale_world *world, uint32_t others) {
    uint32_t authors = world->plan->authors, *order = calloc(world->count, sizeof *order);
    size_t room = authors + 2 * others;
    assert(order);
    for (uint32_t node = 0; node < world->count; node++) {
        struct scale_node *self = &world->nodes[node];
        order[node] = node;
        self->trusted = malloc(room * sizeof *self->trusted);
        assert(self->trusted);
        for (uint32_t author = 0; author < authors; author++)
            if (author != node) trust_put(self, author, room);
    }
    for (unsigned layer = 0; layer < 2; layer++) {
        for (uint32_t i = world->count; i > 1; i--) {
            uint32_t at = (uint32_t)(plan_mix(world->plan->seed ^ 5, layer, i) % i), swap = order[i - 1];
            order[i - 1] = order[at], order[at] = swap;
        }
        for (uint32_t i = 0; i < world->count; i++)
            for (uint32_t first = i - i % (others / 2), k = first; k < first + others / 2 && k < world->count; k++)
                if (k != i) trust_put(&world->nodes[order[i]], order[k], room);
    }
    free(order);
    for (uint32_t node = 0; node < world->count; node++) trusted_shuffle(world, node);
}

/* --- nodes --- */

static void log_restore(struct scale_world *world, uint32_t node, uint32_t author) {
    struct event event = {.kind = EVENT_LOG};
    uint64_t head = store_head(&world->store, node, author);
    if (head == 0) return;
    event.log.node_id = world->identities[author].node_id;
    event.log.seq = head;
    event.log.id = store_record(&world->store, author, head)->id;
    scale_step(world, node, &event);
}

void scale_start(struct scale_world *world, uint32_t node) {
    struct scale_node *self = &world->nodes[node];
    struct gossip_options options = {.own_chain = bytes_of_buf(&world->identities[node].chain), .agencies = &world->agencies};
    struct event event = {.kind = EVENT_TRUST};
    assert(!self->gossip);
    memcpy(options.node_id, world->identities[node].node_id, NODE_ID_BYTES);
    put_be64(options.instance, node + 1);
    put_be64(options.seed, plan_mix(world->plan->seed, node, self->life));
    enum err err = gossip_open(&self->gossip, &options);
    assert(err == OK);
    for (size_t i = 0; i < self->trusted_count; i++) {
        event.trust.chain = bytes_of_buf(&world->identities[self->trusted[i]].chain);
        scale_step(world, node, &event);
    }
    log_restore(world, node, node);
    for (size_t i = 0; i < self->trusted_count; i++) log_restore(world, node, self->trusted[i]);
}

void scale_start_all(struct scale_world *world) {
    for (uint32_t node = 0; node < world->count; node++) scale_start(world, node);
}

void scale_stop(struct scale_world *world, uint32_t node) {
    struct scale_node *self = &world->nodes[node];
    for (size_t i = 0; i < self->link_count; i++) scale_link_break(world, self->links[i], 0);
    self->link_count = 0;
    if (self->gossip) gossip_close(self->gossip);
    self->gossip = NULL;
    self->life++;
    self->tick_at_ms = UINT64_MAX;
}

void scale_run(struct scale_world *world, uint64_t until_ms) {
    for (struct wheel_item *item = wheel_take(&world->wheel, until_ms); item; item = wheel_take(&world->wheel, until_ms)) {
        world->events++;
        scale_happen(world, item);
    }
}

void scale_publish_plan(struct scale_world *world) {
    const struct plan *plan = world->plan;
    for (size_t i = 0; i < plan->count; i++) scale_publish_at(world, plan->list[i].author, i, plan->list[i].at_ms);
}

/* --- looking --- */

size_t scale_open_links(const struct scale_world *world) {
    size_t count = 0;
    for (size_t i = 0; i < world->link_count; i++) {
        const struct scale_link *link = world->links[i];
        if (!link->up) continue;
        struct gossip *gossip = world->nodes[link->ends[0]].gossip;
        for (size_t k = 0; gossip && k < gossip_link_count(gossip); k++) {
            struct gossip_link_view view;
            gossip_link_view(gossip, k, &view);
            count += view.open && view.link == link->number[0];
        }
    }
    return count;
}

uint64_t scale_lacking(const struct scale_world *world) {
    uint64_t lacking = 0;
    for (uint32_t node = 0; node < world->count; node++) {
        const struct scale_node *self = &world->nodes[node];
        for (size_t i = 0; i < self->trusted_count; i++) {
            const struct store_log *log = &world->store.logs[self->trusted[i]];
            lacking += log->count - store_head(&world->store, node, self->trusted[i]);
            for (uint64_t seq = 1; seq <= log->count; seq++)
                lacking += log->records[seq - 1].block && !store_payload_here(&world->store, node, self->trusted[i], seq);
        }
    }
    return lacking;
}

uint64_t scale_bytes(const struct scale_traffic *traffic) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < SCALE_KINDS; i++) bytes += traffic->bytes[i];
    return bytes;
}

uint64_t scale_messages(const struct scale_traffic *traffic) {
    uint64_t messages = 0;
    for (size_t i = 0; i < SCALE_KINDS; i++) messages += traffic->messages[i];
    return messages;
}
