#include "tests/sim/world.h"

#include "tests/sim/item.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* --- places --- */

static void end_add(struct world_node *node, struct world_link *link) {
    if (node->link_count == node->link_capacity) {
        node->link_capacity = node->link_capacity ? 2 * node->link_capacity : 16;
        node->links = realloc(node->links, node->link_capacity * sizeof *node->links);
        assert(node->links);
    }
    node->links[node->link_count++] = link;
}

static struct world_link *link_new(struct world *world) {
    struct world_link *link;
    if (world->link_free_count > 0) {
        link = world->links_free[--world->link_free_count];
    } else {
        if (world->link_places == world->link_capacity) {
            world->link_capacity = world->link_capacity ? 2 * world->link_capacity : 64;
            world->links = realloc(world->links, world->link_capacity * sizeof *world->links);
            world->links_free = realloc(world->links_free, world->link_capacity * sizeof *world->links_free);
            assert(world->links && world->links_free);
        }
        link = world->links[world->link_places++] = calloc(1, sizeof *link);
        assert(link);
    }
    *link = (struct world_link){.serial = link->serial + 1, .ends = 2, .up = true};
    world->links_made++;
    return link;
}

/* One end is done with it; the place is free when both are. */
static void end_remove(struct world *world, size_t node, size_t at) {
    struct world_node *self = &world->nodes[node];
    struct world_link *link = self->links[at];
    self->links[at] = self->links[--self->link_count];
    if (--link->ends == 0) {
        link->serial++;
        world->links_free[world->link_free_count++] = link;
    }
}

struct world_link *world_link_numbered(struct world *world, size_t node, uint32_t number) {
    struct world_node *self = &world->nodes[node];
    for (size_t i = 0; i < self->link_count; i++)
        if (self->links[i]->number[world_link_end(self->links[i], node)] == number) return self->links[i];
    return NULL;
}

void world_link_forget(struct world *world, size_t node, uint32_t number) {
    struct world_node *self = &world->nodes[node];
    for (size_t i = 0; i < self->link_count; i++)
        if (self->links[i]->number[world_link_end(self->links[i], node)] == number) {
            end_remove(world, node, i);
            return;
        }
}

struct world_link *world_link_between(struct world *world, size_t a, size_t b) {
    for (size_t i = 0; i < world->nodes[a].link_count; i++) {
        struct world_link *link = world->nodes[a].links[i];
        if (link->up && world_link_other(link, a) == b) return link;
    }
    return NULL;
}

/* --- ends --- */

static void down_later(struct world *world, struct world_link *link, size_t end, uint64_t after_ms) {
    size_t node = end == 0 ? link->from : link->to;
    if (world->nodes[node].life != link->life[end]) return; /* its process is gone, and so is this end */
    struct item_event *item = item_new(world, ITEM_DOWN, node, after_ms);
    item->number = link->number[end];
}

void world_link_break(struct world *world, struct world_link *link, uint64_t later_ms) {
    if (!link->up) return;
    link->up = false;
    for (size_t end = 0; end < 2; end++) down_later(world, link, end, later_ms);
}

void world_close_link(struct world *world, size_t node, uint32_t number) {
    struct world_link *link = world_link_numbered(world, node, number);
    if (!link || !link->up) return;
    link->up = false;
    down_later(world, link, 1 - world_link_end(link, node), world->delay_ms);
    down_later(world, link, world_link_end(link, node), 0);
}

/* The process dies: its ends are gone at once, the others hear of it. */
void world_links_lose(struct world *world, size_t node) {
    struct world_node *self = &world->nodes[node];
    self->life++; /* what waits for the old life is void */
    while (self->link_count > 0) {
        struct world_link *link = self->links[self->link_count - 1];
        if (link->up) {
            link->up = false;
            down_later(world, link, 1 - world_link_end(link, node), 1);
        }
        end_remove(world, node, self->link_count - 1);
    }
}

static uint64_t latency(struct world *world, size_t from, size_t to) {
    if (world->latency) return world->latency(world, from, to);
    return world->delay_ms + random_below(&world->random, world->jitter_ms + 1);
}

static bool welcome(const struct world *world, size_t node, size_t to) {
    size_t count;
    if (to >= world->count || !world->nodes[to].gossip || world->nodes[to].hidden) return false;
    if (world_is_cut(world, node, to) || world_is_cut(world, to, node)) return false;
    const uint8_t(*keys)[CURVE_KEY_BYTES] = gossip_allowed(world->nodes[to].gossip, &count);
    for (size_t i = 0; i < count; i++)
        if (memcmp(keys[i], world->nodes[node].identity.curve_public, CURVE_KEY_BYTES) == 0) return true;
    return false;
}

void world_dial(struct world *world, size_t node, const struct action *action) {
    size_t to = world_curve_of(world, action->dial.curve_public);
    if (!welcome(world, node, to)) {
        struct item_event *item = item_new(world, ITEM_DOWN, node, 200 + random_below(&world->random, 2000));
        item->number = action->dial.link;
        world_hit(world, dial_refused);
        return;
    }
    for (size_t i = 0; i < world->nodes[node].link_count; i++)
        if (world->nodes[node].links[i]->from == to && world->nodes[node].links[i]->up) world_hit(world, dial_mutual);
    struct world_link *link = link_new(world);
    link->from = node, link->to = to;
    link->number[0] = action->dial.link;
    link->number[1] = world->nodes[to].inbound_next += 2;
    end_add(&world->nodes[node], link);
    end_add(&world->nodes[to], link);
    uint64_t shake = 2 * (latency(world, node, to) + latency(world, to, node)), last = 0;
    for (size_t end = 0; end < 2; end++) {
        uint64_t after = shake + random_below(&world->random, 3);
        struct item_event *item = item_new(world, ITEM_UP, end == 0 ? node : to, after);
        link->life[end] = item->life;
        item_link(item, link);
        item->number = link->number[end];
        item->outbound = end == 0;
        if (after > last) last = after;
    }
    for (size_t end = 0; end < 2; end++) link->last_ms[end] = world->now_ms + last + 1;
}

/* --- messages --- */

static bool chance(struct world *world, uint32_t per_million) {
    return per_million > 0 && random_below(&world->random, 1000000) < per_million;
}

/* Not of the handshake or of the trust, which a member cannot repeat without being at fault: 5 DIGEST and what follows it. */
static bool repeatable(struct bytes message) {
    return message.size > 1 && message.data[1] >= MESSAGE_DIGEST && message.data[1] < 0x80;
}

void world_deliver(struct world *world, struct world_link *link, size_t from, struct bytes message) {
    size_t end = world_link_end(link, from), to = end == 0 ? link->to : link->from;
    uint64_t start = link->free_ms[end] > world->now_ms ? link->free_ms[end] : world->now_ms, rate = world->bytes_per_s;
    if (world->nodes[from].line_bytes_per_s && world->nodes[from].line_bytes_per_s < rate)
        rate = world->nodes[from].line_bytes_per_s;
    if (world->nodes[to].line_bytes_per_s && world->nodes[to].line_bytes_per_s < rate) rate = world->nodes[to].line_bytes_per_s;
    uint64_t gone = start + message.size * 1000 / rate, arrives = gone + latency(world, from, to);
    link->free_ms[end] = gone;
    if (arrives < link->last_ms[end]) arrives = link->last_ms[end];
    link->last_ms[end] = arrives;
    link->messages++, world->messages++;
    link->bytes += message.size, world->bytes += message.size;
    struct item_event *sent = item_new(world, ITEM_SENT, from, gone - world->now_ms);
    sent->number = link->number[end];
    sent->amount = message.size;
    if (chance(world, world->loss_per_million)) {
        /* As the transport does: once, until there is room again. */
        if (!link->lossy[end]) item_new(world, ITEM_LOSSY, from, 1 + random_below(&world->random, 50))->number = link->number[end];
        link->lossy[end] = true;
        world_hit(world, message_lost);
        return;
    }
    link->lossy[end] = false;
    /* While a cut lasts the sender believes in the link, and what it sends is lost. */
    if (world_is_cut(world, from, to)) {
        world_hit(world, message_lost_silently);
        return;
    }
    bool again = chance(world, world->again_per_million) && repeatable(message);
    for (int i = 0; i <= again; i++) {
        uint64_t later = i ? random_below(&world->random, 5000) : 0;
        struct item_event *item = item_new(world, ITEM_MESSAGE, to, arrives - world->now_ms + later);
        item_link(item, link);
        item->number = link->number[1 - end];
        item->again = i > 0;
        buf_put(&item->bytes, message);
    }
}

bool world_inject(struct world *world, size_t from, size_t to, struct bytes message) {
    struct world_link *link = world_link_between(world, from, to);
    if (!link) return false;
    world->nodes[from].suspect = true;
    world_deliver(world, link, from, message);
    return true;
}

/* --- cuts --- */

static size_t cut_bit(const struct world *world, size_t from, size_t to) { return from * 8 * ((world->capacity + 7) / 8) + to; }

bool world_is_cut(const struct world *world, size_t from, size_t to) {
    size_t bit = cut_bit(world, from, to);
    return world->cut[bit / 8] >> (bit % 8) & 1;
}

static void cut_set(struct world *world, size_t from, size_t to, bool cut) {
    size_t bit = cut_bit(world, from, to);
    if (cut)
        world->cut[bit / 8] |= (uint8_t)(1u << bit % 8);
    else
        world->cut[bit / 8] &= (uint8_t) ~(1u << bit % 8);
}

static void break_later(struct world *world, size_t a, size_t b) {
    struct world_node *node = &world->nodes[a];
    for (size_t i = 0; i < node->link_count; i++)
        if (node->links[i]->up && world_link_other(node->links[i], a) == b)
            item_link(item_new(world, ITEM_BREAK, a, 1000 + random_below(&world->random, world->cut_ms)), node->links[i]);
}

void world_cut_way(struct world *world, size_t from, size_t to, bool cut) {
    cut_set(world, from, to, cut);
    if (cut) break_later(world, from, to);
}

void world_cut(struct world *world, size_t a, size_t b, bool cut) {
    cut_set(world, a, b, cut), cut_set(world, b, a, cut);
    if (cut) break_later(world, a, b);
}

void world_cut_unseen(struct world *world, size_t a, size_t b, bool cut) { cut_set(world, a, b, cut), cut_set(world, b, a, cut); }

void world_split(struct world *world, size_t first) {
    for (size_t a = 0; a < first; a++)
        for (size_t b = first; b < world->count; b++) world_cut(world, a, b, true);
}

void world_heal(struct world *world) { memset(world->cut, 0, world->capacity * ((world->capacity + 7) / 8)); }

void world_reset(struct world *world, size_t a, size_t b) {
    struct world_link *link;
    while ((link = world_link_between(world, a, b)) != NULL) world_link_break(world, link, 0);
}

bool world_stranger_closed(struct world *world, size_t node) {
    struct event event = {.kind = EVENT_LINK_UP};
    struct world_node *self = &world->nodes[node];
    event.link_up.link = self->inbound_next += 2;
    random_bytes(&world->random, event.link_up.curve_public, CURVE_KEY_BYTES);
    world_hit(world, stranger_refused);
    if (!world_step(world, node, &event)) return true; /* down: that is closed as well */
    bool closed = false, sent = false;
    for (size_t i = 0; i < self->actions.count; i++) {
        const struct action *action = &self->actions.list[i];
        closed |= action->kind == ACTION_CLOSE && action->close.link == event.link_up.link;
        sent |= action->kind == ACTION_SEND && action->send.link == event.link_up.link;
    }
    return closed && !sent;
}
