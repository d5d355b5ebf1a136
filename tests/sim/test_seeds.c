#include "tests/sim/seeds.h"
#include "tests/sim/story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED_NODES 5

/* One thing happens, at random. */
static void mischief(struct world *world) {
    size_t a = random_below(&world->random, SEED_NODES), b = random_below(&world->random, SEED_NODES);
    char readers[SEED_NODES + 1] = {0};
    enum err err;
    for (size_t i = 0; i < SEED_NODES; i++) readers[i] = random_below(&world->random, 2) ? '1' : '0';
    switch (random_below(&world->random, 12)) {
    case 0: world_cut(world, a, b == a ? (a + 1) % SEED_NODES : b, true); break;
    case 1: world_heal(world); break;
    case 2: world_reset(world, a, b == a ? (a + 1) % SEED_NODES : b); break;
    case 3:
        if (world->nodes[a].gossip) world_crash(world, a);
        break;
    case 4:
    case 5:
        if (!world->nodes[a].gossip) world_start(world, a);
        break;
    case 6:
        if (world->nodes[a].gossip) world_publish(world, a, readers, CARRIAGE_DIRECT, 100, &err);
        break;
    case 7:
        if (world->nodes[a].gossip) world_publish_all(world, a, 30000);
        break;
    default:
        if (world->nodes[a].gossip) world_publish_all(world, a, 100);
    }
}

static uint64_t idle_messages(struct world *world) {
    uint64_t most = 0;
    for (size_t i = 0; i < world->link_count; i++) world->links[i]->messages = 0;
    world_run(world, 10 * MINUTES);
    for (size_t i = 0; i < world->link_count; i++)
        if (world->links[i]->messages > most) most = world->links[i]->messages;
    return most / 10;
}

struct seeds_result seeds_run(struct world *world, uint64_t seed) {
    struct seeds_result result = {0};
    world_mesh(world, seed, SEED_NODES);
    world->cut_ms = seed % 2 ? 9000 : 59000;
    world->jitter_ms = 1 + (uint32_t)random_below(&world->random, 300);
    for (size_t i = 0; i < 120; i++) {
        mischief(world);
        world_run(world, random_below(&world->random, 4000));
    }
    world_heal(world);
    for (size_t i = 0; i < SEED_NODES; i++)
        if (!world->nodes[i].gossip) world_start(world, i);
    uint64_t healed_ms = world->now_ms;
    if (!world_run_until(world, check_converged, 3 * MINUTES))
        check_fail(world, "Converge", 0, "not within three minutes of the heal");
    result.converge_ms = world->now_ms - healed_ms;
    world_run(world, 1 * MINUTES);
    result.messages_idle = idle_messages(world);
    if (result.messages_idle > 12) check_fail(world, "Quiesce", 0, "a link that has nothing to say goes on talking");
    if (!check_converged(world)) check_fail(world, "Converge", 0, "what had converged came apart");
    for (size_t i = 0; i < SEED_NODES; i++)
        if (!gossip_caught_up(world->nodes[i].gossip)) check_fail(world, "CatchUp", i, "it does not know that it has caught up");
    check_disks(world);
    for (size_t i = 0; i < SEED_NODES; i++)
        for (size_t kind = NOTICE_PEER_MALFORMED; kind <= NOTICE_PEER_RATE; kind++)
            if (world->nodes[i].notices[kind])
                check_fail(world, "NoHonestBan", i, "faults of the network alone made a peer look hostile");
    result.events = world->events;
    result.entries = world->ledger_count;
    memcpy(result.broken, world->broken, sizeof result.broken);
    memcpy(result.trace, world->trace, HASH_BYTES);
    if (world->broken[0]) check_explain(world);
    world_close(world);
    return result;
}

/* Fifty random worlds: whatever was cut, reset and crashed, all logs and payloads are equal in the end, and all invariants held. */
static void seeds_converge(void **state) {
    const char *text = getenv("COMITY_SIM_SEEDS");
    uint64_t count = text ? strtoull(text, NULL, 10) : 50, events = 0, slowest = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= count; seed++) {
        struct seeds_result result = seeds_run(&story_world, seed);
        if (result.broken[0]) fail_msg("%s; replay: sim %llu", result.broken, (unsigned long long)seed);
        events += result.events;
        if (result.converge_ms > slowest) slowest = result.converge_ms;
    }
    printf("# %llu seeds, %llu events, slowest convergence %llu ms\n", (unsigned long long)count, (unsigned long long)events,
           (unsigned long long)slowest);
}

/* The same seed twice is the same run, byte for byte. */
static void a_seed_replays(void **state) {
    (void)state;
    for (uint64_t seed = 1000; seed < 1003; seed++) {
        struct seeds_result first = seeds_run(&story_world, seed), second = seeds_run(&story_world, seed);
        assert_memory_equal(first.trace, second.trace, HASH_BYTES);
        assert_int_equal(first.events, second.events);
    }
}

int test_seeds(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(seeds_converge), cmocka_unit_test(a_seed_replays)};
    return cmocka_run_group_tests_name("seeds", tests, NULL, NULL);
}
