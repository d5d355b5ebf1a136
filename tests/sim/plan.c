#include "tests/sim/plan.h"

#include "tests/sim/hostile.h"
#include "tests/sim/item.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    enum fault fault;
    unsigned weight;
} operations[] = {
#define OPERATION_ROW(name, fault, weight) {#name, fault, weight},
    OPERATIONS(OPERATION_ROW)
#undef OPERATION_ROW
};

/* splitmix64: one independent stream for each (seed, operation). */
static uint64_t draw(uint64_t *state) {
    uint64_t word = *state += 0x9e3779b97f4a7c15ull;
    word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9ull;
    word = (word ^ word >> 27) * 0x94d049bb133111ebull;
    return word ^ word >> 31;
}

static bool on(const struct plan *plan, enum fault fault) { return fault == FAULT_NONE || (plan->faults >> fault & 1); }

static unsigned weight(const struct plan *plan, enum operation_kind kind) {
    enum fault fault = operations[kind].fault;
    /* Only where a profile asks for it: the plans of the others stay as they are. */
    if (fault == FAULT_sharing && !(plan->emphasis >> FAULT_sharing & 1)) return 0;
    return operations[kind].weight * (fault != FAULT_NONE && (plan->emphasis >> fault & 1) ? 4 : 1);
}

void plan_operation(const struct plan *plan, size_t index, struct operation *out) {
    uint64_t state = plan->seed * 0x2545f4914f6cdd1dull + index, total = 0;
    for (unsigned kind = 0; kind < OPERATION_COUNT; kind++) total += weight(plan, kind);
    uint64_t at = draw(&state) % total;
    unsigned kind = 0;
    while (at >= weight(plan, kind)) at -= weight(plan, kind++);
    *out = (struct operation){.kind = kind};
    out->at_ms = plan->length_ms * index / plan->count + draw(&state) % (plan->length_ms / plan->count + 1);
    out->a = (uint32_t)(draw(&state) % plan->nodes);
    out->b = (uint32_t)(draw(&state) % plan->nodes);
    if (out->b == out->a) out->b = (out->a + 1) % (uint32_t)plan->nodes;
    out->lasts_ms = 2000 + draw(&state) % 58000;
    out->by = draw(&state);
}

void plan_describe(const struct operation *operation, char *out, size_t size) {
    snprintf(out, size, "%8.1f s  %-14s node %u, %u  for %.1f s, by %llu", (double)operation->at_ms / 1000,
             operations[operation->kind].name, operation->a, operation->b, (double)operation->lasts_ms / 1000,
             (unsigned long long)(operation->by % 1000));
}

/* An operation whose class is off is not done. The number of a class that is off costs nothing else: the others stay as they are. */
bool plan_includes(const struct plan *plan, size_t index, const struct operation *operation) {
    return on(plan, operations[operation->kind].fault) && !(plan->left_out && plan->left_out[index]);
}

static void later(struct world *world, uint64_t after_ms, uint64_t what) { item_new(world, ITEM_PLAN, 0, after_ms)->seq = what; }

static void planned(struct world *world, uint64_t what) {
    struct plan *plan = world->context;
    struct operation operation;
    bool end = what & PLAN_END;
    if (what & PLAN_TURN) {
        hostile_turn(world, (size_t)(what & ~PLAN_TURN));
        later(world, plan->turn_ms, what);
        return;
    }
    if (plan->over) return;
    if (what & PLAN_FLAP) {
        plan_flap(world, what);
        return;
    }
    plan_operation(plan, (size_t)(what & ~PLAN_END), &operation);
    if (end)
        plan_undo(world, &operation);
    else if (plan_do(world, &operation))
        later(world, operation.lasts_ms, what | PLAN_END);
}

void plan_begin(struct plan *plan, struct world *world) {
    plan->world = world;
    plan->over = false;
    world->context = plan;
    world->planned = planned;
    for (size_t i = 0; i < plan->count; i++) {
        struct operation operation;
        plan_operation(plan, i, &operation);
        if (plan_includes(plan, i, &operation)) later(world, operation.at_ms, i);
    }
    for (size_t i = 0; i < world->count; i++)
        if (world->nodes[i].hostile) later(world, plan->turn_ms + i, PLAN_TURN | i);
}

void plan_end(struct plan *plan) {
    struct world *world = plan->world;
    plan->over = true;
    world_heal(world);
    world->loss_per_million = world->again_per_million = 0;
    world->delay_ms = 20, world->jitter_ms = 30;
    for (size_t i = 0; i < world->count; i++) {
        struct world_node *node = &world->nodes[i];
        node->down_until_ms = 0;
        node->crash_in = node->memory_in = node->fail_in = node->crash_at_start = 0;
        if (!node->hostile) node->line_bytes_per_s = 0;
        if (node->disk.lying || node->rotted) world_crash(world, i);
        if (!node->gossip) world_start(world, i);
    }
}
