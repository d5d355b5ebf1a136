#include "tests/sim/run.h"

#include "gossip/core.h"
#include "tests/sim/confide.h"
#include "tests/sim/hostile.h"
#include "tests/sim/real.h"

#include <stdio.h>
#include <string.h>

#define MINUTE_MS           60000ull
#define HEAL_MS             (3 * MINUTE_MS) /* for all to come together again */
#define LANE_MS             10000           /* for a revocation to be everywhere */
#define IDLE_MS             (2 * MINUTE_MS)
#define IDLE_MESSAGES       12 /* on the busiest link in a minute */
#define OPERATIONS_A_MINUTE 24
#define TURN_MS             400

static const char *const profiles[] = {
#define PROFILE_ROW(name, text) #name,
    PROFILES(PROFILE_ROW)
#undef PROFILE_ROW
};

const char *profile_name(enum profile profile) { return profiles[profile]; }

bool profile_read(enum profile *out, const char *text) {
    for (unsigned i = 0; i < PROFILE_COUNT; i++)
        if (strcmp(profiles[i], text) == 0) return *out = i, true;
    return false;
}

void run_invariant(char *out, size_t size, const char *broken) { snprintf(out, size, "%.*s", (int)strcspn(broken, ":"), broken); }

/* --- choosing --- */

#define BIT(name) (1u << FAULT_##name)
#define NETWORK   (BIT(loss) | BIT(delay) | BIT(duplicate) | BIT(reset) | BIT(cut) | BIT(partition) | BIT(slow))
#define POWER     (BIT(crash) | BIT(step) | BIT(recovery) | BIT(unsynced))
#define DISKS     (BIT(wipe) | BIT(restore) | BIT(lie) | BIT(eio) | BIT(space) | BIT(rot))
#define REST      (BIT(pause) | BIT(skew) | BIT(jump) | BIT(memory) | BIT(version) | BIT(trust) | BIT(sparse) | BIT(quota))

struct chosen {
    struct plan plan;
    unsigned minutes;
    uint64_t state; /* for what else the seed decides */
};

static uint64_t mix(uint64_t *state) {
    uint64_t word = *state += 0x9e3779b97f4a7c15ull;
    word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9ull;
    word = (word ^ word >> 27) * 0x94d049bb133111ebull;
    return word ^ word >> 31;
}

static void faults_choose(struct chosen *chosen, const struct run_options *options) {
    struct plan *plan = &chosen->plan;
    uint32_t coin = (uint32_t)mix(&chosen->state), rare = (uint32_t)mix(&chosen->state) & (uint32_t)mix(&chosen->state);
    switch (options->profile) {
    case PROFILE_swarm: plan->faults = (NETWORK | POWER | DISKS | REST) & coin; break;
    case PROFILE_safety: plan->faults = NETWORK | POWER | DISKS | REST; break;
    case PROFILE_liveness:
        plan->faults = NETWORK | (POWER & coin) | (BIT(pause) | (BIT(sparse) & coin)), plan->emphasis = NETWORK;
        break;
    case PROFILE_storage: plan->faults = POWER | DISKS | BIT(memory) | (NETWORK & coin), plan->emphasis = POWER | DISKS; break;
    case PROFILE_hostile:
        plan->faults = BIT(hostile) | ((BIT(reset) | BIT(cut) | BIT(partition) | BIT(crash) | BIT(pause)) & coin);
        break;
    case PROFILE_confidential:
        plan->faults = BIT(sharing) | BIT(trust) | ((NETWORK | POWER | BIT(pause)) & coin), plan->emphasis = BIT(sharing);
        break;
    default: plan->faults = (BIT(reset) | BIT(cut) | BIT(partition) | BIT(crash)) & coin;
    }
    /* A quota and sparse trust take much of the rest away: less often. */
    if (options->profile != PROFILE_hostile) plan->faults &= ~((BIT(quota) | BIT(sparse)) & ~rare);
    plan->faults &= ~options->off;
}

static struct chosen choose(const struct run_options *options) {
    static const unsigned lengths[] = {3, 3, 3, 3, 4, 4, 5, 5, 6, 8, 10, 30};
    struct chosen chosen = {.state = options->seed * 0xd1342543de82ef95ull + options->profile};
    struct plan *plan = &chosen.plan;
    uint64_t nodes = mix(&chosen.state), minutes = mix(&chosen.state);
    plan->seed = options->seed;
    plan->nodes = options->profile == PROFILE_scale ? 40 + nodes % 40 : nodes % 4 == 0 ? 3 + nodes / 4 % 14 : 3 + nodes / 4 % 6;
    if (options->nodes) plan->nodes = options->nodes;
    if (options->profile == PROFILE_confidential && plan->nodes > CONFIDE_NODES_MAX) plan->nodes = CONFIDE_NODES_MAX;
    chosen.minutes = options->minutes ? options->minutes : lengths[minutes % (sizeof lengths / sizeof *lengths)];
    plan->length_ms = chosen.minutes > 6 ? (chosen.minutes - 4) * MINUTE_MS : chosen.minutes * MINUTE_MS * 2 / 5;
    plan->count = (size_t)(plan->length_ms * OPERATIONS_A_MINUTE / MINUTE_MS);
    if (options->profile == PROFILE_confidential) plan->count *= 8;
    if (plan->count == 0) plan->count = 1;
    plan->turn_ms = TURN_MS;
    plan->left_out = options->left_out;
    faults_choose(&chosen, options);
    return chosen;
}

struct plan run_plan(const struct run_options *options) {
    return choose(options).plan;
}

/* --- the two phases --- */

static bool honest(const struct world *world, size_t node) { return !world->nodes[node].hostile; }

static void populate(struct world *world, struct chosen *chosen) {
    const struct plan *plan = &chosen->plan;
    bool sparse = plan->faults & BIT(sparse);
    world_open(world, plan->seed, plan->nodes);
    world->plain_payloads = mix(&chosen->state) % 8 != 0;
    world->survivors = plan->faults & BIT(unsynced);
    world->cut_ms = mix(&chosen->state) % 2 ? 9000 : 59000;
    world->payload_quota_bytes = plan->faults & BIT(quota) ? 40000 : 0;
    if (sim_real_signatures) world_hit(world, real_signatures);
    if (sparse) world_hit(world, trust_sparse);
    for (size_t a = 0; a < plan->nodes; a++)
        for (size_t b = a + 1; b < plan->nodes; b++)
            if (!sparse || b == a + 1 || mix(&chosen->state) % 3) world_pin(world, a, b), world_pin(world, b, a);
    size_t bad = plan->faults & BIT(hostile) && plan->nodes > 2 ? 1 + mix(&chosen->state) % (plan->nodes / 3) : 0;
    for (size_t i = 0; i < bad; i++)
        hostile_make(world, plan->nodes - 1 - i, (enum hostile_kind)(mix(&chosen->state) % HOSTILE_COUNT));
    if (plan->emphasis & BIT(sharing)) confide_open(world, plan->seed);
    for (size_t a = 0; a < plan->nodes; a++) world_start(world, a);
}

/* Some nodes stay away for good, and the others are perhaps no full mesh; true when all are there and linked. */
static bool core_choose(struct world *world, struct chosen *chosen) {
    bool whole = mix(&chosen->state) % 2, tree = mix(&chosen->state) % 3 == 0;
    size_t kept = 0, last = world->count;
    for (size_t i = 0; i < world->count; i++) {
        if (!honest(world, i)) continue;
        if (whole || kept < 2 || mix(&chosen->state) % 4) {
            kept++;
            continue;
        }
        if (world->nodes[i].gossip) world_crash(world, i);
        world->nodes[i].down_until_ms = UINT64_MAX / 2;
    }
    for (size_t b = 0; tree && b < world->count; b++) {
        if (!world->nodes[b].gossip || !honest(world, b)) continue;
        for (size_t a = 0; a < b; a++)
            if (a != last && mix(&chosen->state) % 3) world_cut(world, a, b, true);
        last = b;
    }
    if (tree) world_hit(world, core_tree);
    return whole && !tree;
}

static void idle(struct world *world, struct run_result *result) {
    for (size_t i = 0; i < world->link_places; i++) world->links[i]->messages = 0;
    memset(world->kinds, 0, sizeof world->kinds);
    world_run(world, IDLE_MS);
    for (size_t i = 0; i < world->link_places; i++)
        if (world->links[i]->messages > result->messages_idle) result->messages_idle = world->links[i]->messages;
    result->messages_idle = result->messages_idle * MINUTE_MS / IDLE_MS;
}

/* Payloads that nobody can give any more are still asked for: that is allowed to be heard. */
static uint64_t missing_most(const struct world *world) {
    uint64_t most = 0;
    for (size_t i = 0; i < world->count; i++) {
        struct gossip_log_view view;
        uint64_t sum = 0;
        for (size_t k = 0; world->nodes[i].gossip && k < gossip_log_count(world->nodes[i].gossip); k++)
            gossip_log_view(world->nodes[i].gossip, k, &view), sum += view.missing;
        if (sum > most) most = sum;
    }
    return most;
}

/* Says what is not where it should be. */
static void apart_fail(struct world *world, const char *invariant, const char *when) {
    char what[160];
    snprintf(what, sizeof what, "%s; it lacks %s %llu of node %zu", when, world->lacking_seq ? "payload" : "entries, at",
             (unsigned long long)(world->lacking_seq ? world->lacking_seq
                                                     : disk_head(&world->nodes[world->lacking_node].disk,
                                                                 world->nodes[world->lacking_author].identity.node_id)),
             world->lacking_author);
    check_fail(world, invariant, world->lacking_node, what);
}

static void talk_fail(struct world *world, uint64_t messages) {
    char what[120];
    int size =
        snprintf(what, sizeof what, "%llu messages a minute on an idle link; by kind, in all:", (unsigned long long)messages);
    for (unsigned kind = 0; kind < 32 && size < (int)sizeof what; kind++)
        if (world->kinds[kind]) size += snprintf(what + size, sizeof what - (size_t)size, " %u: %u", kind, world->kinds[kind]);
    check_fail(world, "Quiesce", 0, what);
}

/* What an honest node of the core says now is everywhere in good time, also with hostile members around. */
static void probe(struct world *world, bool bad) {
    size_t node = 0;
    while (node < world->count &&
           (!world->nodes[node].gossip || !honest(world, node) || world->nodes[node].revoked || world->nodes[node].forked ||
            world->nodes[node].paused_until_ms > world->now_ms || !world_may_publish(world, node)))
        node++;
    if (node == world->count) return;
    world_publish_all(world, node, 300);
    world_run(world, 1000);
    if (!world_run_until(world, check_converged, MINUTE_MS + 2 * SYNC_INTERVAL_MS)) {
        apart_fail(world, bad ? "QuotaFair" : "Converge", "what was published was not everywhere in good time");
    }
}

/* A member that misbehaves is revoked by its agency: everybody hears of it in time, whatever it floods. */
static bool lane_done(struct world *world) {
    const struct identity *revoked = &world->nodes[world->lacking_author].identity;
    for (size_t i = 0; i < world->count; i++) {
        if (!world->nodes[i].gossip || !honest(world, i) || !world_pinned(world, i, world->lacking_author)) continue;
        const struct peer *peer = peers_find(&world->nodes[i].gossip->peers, revoked->node_id);
        if (peer && !peer->node->revoked) return false;
    }
    return true;
}

static void lane(struct world *world) {
    size_t bad = world->count - 1, teller = 0;
    struct world_node *self = &world->nodes[bad];
    while (teller < bad && (!world->nodes[teller].gossip || !honest(world, teller) || world->nodes[teller].revoked ||
                            !world_pinned(world, teller, bad)))
        teller++;
    if (teller == bad || self->revoked || !self->hostile) return;
    const struct ledger_row *last = plan_branch(world, bad, world->seed);
    if (!last) last = ledger_find(&world->ledger, bad, 1);
    identity_revoke(&self->identity, last->seq, last->id, WORLD_EPOCH_MS + world->now_ms);
    self->revoked = true;
    world_learn_chain(world, teller, bad);
    world->lacking_author = bad;
    if (!world_run_until(world, lane_done, LANE_MS))
        check_fail(world, "RevocationLane", teller, "a revocation was not everywhere in ten seconds");
    world_hit(world, hostile_revoked);
    world_run(world, MINUTE_MS / 2); /* who holds another branch than the one that the cut names drops it */
}

static void heal(struct world *world, struct chosen *chosen, struct run_result *result) {
    uint64_t healed_ms = world->now_ms;
    bool bad = chosen->plan.faults & BIT(hostile);
    plan_end(&chosen->plan);
    bool whole = core_choose(world, chosen);
    if (!world_run_until(world, check_converged, HEAL_MS))
        apart_fail(world, bad ? "OneHonestPath" : "Converge", "not within three minutes of the heal");
    result->converge_ms = world->now_ms - healed_ms;
    if (world->broken[0]) return;
    world_run(world, MINUTE_MS + MINUTE_MS / 2); /* by then the transport has seen the last cut too */
    check_state(world);
    if (!world_run_until(world, check_proofs, MINUTE_MS))
        check_fail(world, "ForkEvidence", 0, "a proof of a fork did not reach everyone");
    probe(world, bad);
    if (bad && !world->broken[0]) lane(world);
    if (bad || world->broken[0]) return;
    world_run(world, MINUTE_MS / 2);
    idle(world, result);
    /* Who holds another branch of a forked log goes on comparing until the fork is proven. */
    bool forked = false;
    for (size_t i = 0; i < world->count; i++) forked |= world->nodes[i].forked;
    if (!forked && result->messages_idle > IDLE_MESSAGES + 20 * missing_most(world)) talk_fail(world, result->messages_idle);
    if (!check_converged(world)) apart_fail(world, "Converge", "what had converged came apart");
    bool lossless = !(chosen->plan.faults & (DISKS | BIT(sparse) | BIT(trust) | BIT(quota) | BIT(memory)));
    for (size_t i = 0; whole && lossless && i < world->count; i++)
        if (!gossip_caught_up(world->nodes[i].gossip)) check_fail(world, "CatchUp", i, "it does not know that it has caught up");
}

struct run_result run(struct world *world, const struct run_options *options) {
    struct chosen chosen = choose(options);
    struct run_result result = {
        .minutes = chosen.minutes, .nodes = chosen.plan.nodes, .operations = chosen.plan.count, .faults = chosen.plan.faults};
    populate(world, &chosen);
    plan_begin(&chosen.plan, world);
    for (uint64_t at = 0; at < chosen.plan.length_ms && !world->broken[0]; at += 1000) world_run(world, 1000);
    if (!world->broken[0]) heal(world, &chosen, &result);
    if (!world->broken[0]) check_disks(world);
    if (!world->broken[0] && world->confide) confide_check_end(world);
    if (world->broken[0] && options->explain) check_explain(world);
    result.events = world->events;
    result.entries = world->ledger.count;
    result.virtual_ms = world->now_ms;
    result.trace = world->trace;
    result.situations = world->situations;
    memcpy(result.broken, world->broken, sizeof result.broken);
    if (world->confide) confide_close(world);
    world_close(world);
    return result;
}
