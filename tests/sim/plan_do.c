#include "tests/sim/plan.h"

#include "tests/sim/confide.h"
#include "tests/sim/item.h"

#include <string.h>

/* What each operation does, and how it ends. */

static bool up(const struct world *world, size_t node) { return world->nodes[node].gossip != NULL; }

static void publish(struct world *world, const struct operation *operation) {
    char readers[WORLD_NODES_MAX + 1];
    size_t node = operation->a;
    enum err err;
    if (world->nodes[node].paused_until_ms > world->now_ms || !world_may_publish(world, node)) return;
    for (size_t i = 0; i < world->count; i++)
        readers[i] = i != node && world_pinned(world, node, i) && (operation->by >> (8 + i % 40) & 1) && !world->nodes[i].revoked
                         ? '1'
                         : '0';
    readers[world->count] = 0;
    switch (operation->kind) {
    case OPERATION_publish: world_publish_all(world, node, 50 + operation->by % 2000); break;
    case OPERATION_publish_large: world_publish_all(world, node, 5000 + operation->by % 60000); break;
    case OPERATION_publish_some: world_publish(world, node, readers, CARRIAGE_RELAY, 50 + operation->by % 5000, &err); break;
    case OPERATION_publish_direct: world_publish(world, node, readers, CARRIAGE_DIRECT, 50 + operation->by % 9000, &err); break;
    case OPERATION_publish_many:
        for (uint64_t i = 0; i < 5 + operation->by % 25 && world_may_publish(world, node); i++) world_publish_all(world, node, 100);
        break;
    case OPERATION_statement:
        world_publish_type(world, node, (enum entry_type)(ENTRY_STATEMENT + operation->by % 58),
                           bytes_of(&operation->by, operation->by % 8));
        break;
    default: world_prekey_rotate(world, node, true);
    }
}

/* --- the network --- */

/* Who is on which side: of a half by chance, of an isolation one node, of an eclipse one and its last neighbour. */
static bool divided(const struct operation *operation, size_t a, size_t b) {
    switch (operation->kind) {
    case OPERATION_isolate: return a == operation->a || b == operation->a;
    case OPERATION_halves: return (operation->by >> (a % 60) & 1) != (operation->by >> (b % 60) & 1);
    case OPERATION_eclipse:
        if (a == operation->a) return b != operation->b;
        return b == operation->a && a != operation->b;
    default: return false;
    }
}

static void divide(struct world *world, const struct operation *operation, bool cut) {
    for (size_t a = 0; a < world->count; a++)
        for (size_t b = a + 1; b < world->count; b++)
            if (divided(operation, a, b)) world_cut(world, a, b, cut);
}

static bool network(struct world *world, const struct operation *operation) {
    size_t a = operation->a, b = operation->b;
    switch (operation->kind) {
    case OPERATION_loss: world->loss_per_million = (uint32_t)(operation->by % 300000); break;
    case OPERATION_duplicate: world->again_per_million = (uint32_t)(operation->by % 500000); break;
    case OPERATION_delay:
        world->delay_ms = 5 + (uint32_t)(operation->by % 1000);
        world->jitter_ms = (uint32_t)(operation->by >> 20) % 1000;
        break;
    case OPERATION_slow:
        world->nodes[a].line_bytes_per_s = 2000 + (uint32_t)(operation->by % 20000);
        world_hit(world, line_slow);
        break;
    case OPERATION_reset: world_reset(world, a, b); return false;
    case OPERATION_cut: world_cut(world, a, b, true); break;
    case OPERATION_cut_way:
        world_cut_way(world, a, b, true);
        world_hit(world, cut_one_way);
        break;
    case OPERATION_flap:
        for (uint64_t at = 0; at < 8; at++)
            item_new(world, ITEM_PLAN, 0, at * (500 + operation->by % 5000))->seq = PLAN_FLAP | at << 40 | (uint64_t)a << 20 | b;
        world_hit(world, link_flapped);
        return false;
    default:
        divide(world, operation, true);
        if (operation->kind == OPERATION_isolate) world_hit(world, node_isolated);
        if (operation->kind == OPERATION_eclipse) world_hit(world, eclipsed);
    }
    return true;
}

/* Down, up, down, up: the last turn is up. */
void plan_flap(struct world *world, uint64_t what) {
    world_cut(world, what >> 20 & 0xfffff, what & 0xfffff, (what >> 40 & 1) == 0);
}

/* --- nodes and disks --- */

static void start_later(struct world *world, size_t node, uint64_t after_ms) { item_new(world, ITEM_START, node, after_ms); }

static void crash(struct world *world, size_t node, uint64_t away_ms) {
    if (!up(world, node)) return;
    world_crash(world, node);
    world_hit(world, crash_idle);
    start_later(world, node, away_ms);
}

static void crash_half(struct world *world, const struct operation *operation) {
    for (size_t i = 0; i < world->count; i++)
        if ((i + operation->a) % 2) crash(world, i, operation->lasts_ms / 2 + i * 100);
    world_hit(world, half_crashed);
}

static bool disks(struct world *world, const struct operation *operation) {
    size_t a = operation->a;
    struct world_node *node = &world->nodes[a];
    switch (operation->kind) {
    case OPERATION_wipe:
        if (!up(world, a)) return false;
        world_wipe(world, a);
        start_later(world, a, operation->lasts_ms / 4);
        return false;
    case OPERATION_snapshot: world_snapshot(world, a); return false;
    case OPERATION_restore:
        if (!node->snapshot_taken || !up(world, a)) return false;
        world_restore(world, a);
        start_later(world, a, operation->lasts_ms / 4);
        return false;
    case OPERATION_lie: node->disk.lying = up(world, a); return node->disk.lying;
    case OPERATION_eio: node->fail_in = 1 + (uint32_t)(operation->by % 5); return false;
    case OPERATION_space:
        node->fail_in = 1;
        node->down_until_ms = world->now_ms + operation->lasts_ms;
        world_hit(world, disk_full);
        return false;
    default:
        for (int i = 0; i < 3; i++) world_rot(world, a, operation->by >> i);
        return true;
    }
}

/* --- trust --- */

/* Any other node that trusts the agency hears of its new record first. */
static void tell_one(struct world *world, size_t agency) {
    for (size_t i = 1; i < world->count; i++) {
        size_t node = (agency + i) % world->count;
        if (!world_pinned(world, node, agency) || world->nodes[node].revoked || world->nodes[node].hostile) continue;
        world_learn_chain(world, node, agency);
        return;
    }
}

/* Of a log that its author forked, an entry of one branch. */
struct ledger_row *plan_branch(const struct world *world, size_t author, uint64_t by) {
    for (uint64_t seq = 1; seq <= world->ledger.logs[author].count; seq++) {
        struct ledger_row *row = ledger_find(&world->ledger, author, seq);
        if (row && row->older) return by & 2 ? row->older : row;
    }
    return NULL;
}

static bool trust(struct world *world, const struct operation *operation) {
    size_t a = operation->a, b = operation->b;
    struct world_node *node = &world->nodes[a];
    uint64_t now_ms = WORLD_EPOCH_MS + world->now_ms;
    struct ledger_row *good;
    if (operation->kind == OPERATION_unpin) {
        if (!world_pinned(world, a, b)) return false;
        world_unpin(world, a, b);
        return true;
    }
    if (node->revoked || (node->hostile && operation->kind != OPERATION_revoke)) return false;
    switch (operation->kind) {
    case OPERATION_renew: identity_renew(&node->identity, now_ms); break;
    case OPERATION_node_add: identity_node_add(&node->identity, (uint32_t)(operation->by % 1000000), now_ms); break;
    default:
        good = node->forked ? plan_branch(world, a, operation->by) : ledger_find(&world->ledger, a, node->acknowledged);
        if (!good || world->count < 4 || (!node->forked && node->acknowledged < 2)) return false;
        identity_revoke(&node->identity, good->seq, good->id, now_ms);
        node->revoked = true;
        world_hit(world, node_revoked);
    }
    if (!node->revoked) world_learn_chain(world, a, a);
    tell_one(world, a);
    return false;
}

bool plan_do(struct world *world, const struct operation *operation) {
    struct world_node *node = &world->nodes[operation->a];
    int64_t sign = operation->by & 1 ? 1 : -1;
    switch (operation->kind) {
    case OPERATION_crash: crash(world, operation->a, operation->lasts_ms); return false;
    case OPERATION_crash_half: crash_half(world, operation); return false;
    case OPERATION_crash_step: node->crash_in = 1 + (uint32_t)(operation->by % 100); return false;
    case OPERATION_crash_start:
        crash(world, operation->a, operation->lasts_ms / 8);
        node->crash_at_start = 1 + (uint32_t)(operation->by % 4);
        return false;
    case OPERATION_pause:
        if (up(world, operation->a)) world_pause(world, operation->a, operation->lasts_ms * (operation->by % 3 + 1) / 5);
        return false;
    case OPERATION_stranger:
        if (up(world, operation->a) && node->paused_until_ms <= world->now_ms && !world_stranger_closed(world, operation->a))
            check_fail(world, "NoAmplify", operation->a, "it speaks to a key that it does not know");
        return false;
    case OPERATION_skew:
        node->skew_ms = sign * (int64_t)(operation->by % 600000);
        world_hit(world, clock_skewed);
        return false;
    case OPERATION_jump:
        node->skew_ms = sign * (int64_t)PREKEY_DAY_MS;
        world_hit(world, clock_jumped);
        return false;
    case OPERATION_memory: node->memory_in = 1 + (uint32_t)(operation->by % 300); return false;
    default: break;
    }
    if (operation->kind >= OPERATION_club_open) return confide_do(world, operation), false;
    if (operation->kind <= OPERATION_prekey) return publish(world, operation), false;
    if (operation->kind <= OPERATION_eclipse) return network(world, operation);
    if (operation->kind <= OPERATION_rot) return disks(world, operation);
    return trust(world, operation);
}

/* Does anybody else know of this agency's node, and will tell? */
static bool told_of(const struct world *world, size_t node, size_t agency) {
    for (size_t i = 0; i < world->count; i++) {
        if (i == node || i == agency || world->nodes[i].hostile || world->nodes[i].revoked) continue;
        if (!world_pinned(world, i, node) || !world_pinned(world, node, i) || !world_pinned(world, i, agency)) continue;
        if (world_chain(world, i, agency).size >= world->nodes[agency].identity.chain_first) return true;
    }
    return false;
}

/* The card may be older than what was pinned before: of the agency's beginning, or from before it had its node. */
static void pin_again(struct world *world, const struct operation *operation) {
    const struct identity *identity = &world->nodes[operation->b].identity;
    size_t size = identity->chain.size;
    if (operation->by % 4 == 2) size = identity->chain_first;
    if (operation->by % 4 == 3 && told_of(world, operation->a, operation->b)) size = 2u + get_be16(identity->chain.data);
    if (size < identity->chain.size) world_hit(world, agency_pinned_older);
    world_pin_card(world, operation->a, operation->b, size);
}

void plan_undo(struct world *world, const struct operation *operation) {
    size_t a = operation->a, b = operation->b;
    switch (operation->kind) {
    case OPERATION_loss: world->loss_per_million = 0; break;
    case OPERATION_duplicate: world->again_per_million = 0; break;
    case OPERATION_delay: world->delay_ms = 20, world->jitter_ms = 30; break;
    case OPERATION_slow:
        if (!world->nodes[a].hostile) world->nodes[a].line_bytes_per_s = 0;
        break;
    case OPERATION_cut: world_cut(world, a, b, false); break;
    case OPERATION_cut_way: world_cut_way(world, a, b, false); break;
    case OPERATION_halves:
        world_hit(world, partition_healed);
        divide(world, operation, false);
        break;
    case OPERATION_isolate:
    case OPERATION_eclipse: divide(world, operation, false); break;
    /* The lie ends with the power; a scrub finds what rotted, and the node starts anew without it. */
    case OPERATION_lie:
    case OPERATION_rot: crash(world, a, 3000); break;
    case OPERATION_unpin: pin_again(world, operation); break;
    default: break;
    }
}
