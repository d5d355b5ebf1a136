#include "tests/sim/story.h"

#include <string.h>

/* Recalls: RecallConverges (no honest node holds what was recalled once all is quiet) and RecallStop (who knows of a recall neither stores
   nor sends that payload) are checked in every story here. */

static bool held_anywhere(const struct world *world, size_t author, uint64_t seq) {
    for (size_t i = 0; i < world->count; i++)
        if (disk_payload_here(&world->nodes[i].disk, world->nodes[author].identity.node_id, seq)) return true;
    return false;
}

/* One block of several is recalled: within a second nobody holds it, nobody misses it, and the others stay. */
static void a_recall_is_quick(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 1, 5);
    uint64_t taken = world_publish_all(world, 1, 20000), kept = world_publish_all(world, 1, 300);
    world_run(world, 3 * SECONDS);
    assert_true(check_converged(world));
    assert_true(world_recall(world, 1, taken));
    world_run(world, 1 * SECONDS);
    assert_false(held_anywhere(world, 1, taken));
    assert_true(disk_payload_here(&world->nodes[4].disk, world->nodes[1].identity.node_id, kept));
    assert_true(check_converged(world));
    for (size_t i = 0; i < world->count; i++) assert_true(gossip_caught_up(world->nodes[i].gossip));
    story_end(world);
}

/* A node that was away for the block and its recall never takes the payload, whoever still has it. */
static void it_never_comes_to_who_was_away(void **state) {
    struct world *world = &story_world;
    enum err err;
    (void)state;
    world_mesh(world, 2, 4);
    world_crash(world, 3);
    uint64_t relay = world_publish(world, 0, "0111", CARRIAGE_RELAY, 30000, &err);
    uint64_t direct = world_publish(world, 0, "0101", CARRIAGE_DIRECT, 3000, &err);
    world_run(world, 5 * SECONDS);
    world_cut(world, 1, 0, true), world_cut(world, 1, 2, true); /* it holds both still */
    world_run(world, 5 * SECONDS);
    assert_true(world_recall(world, 0, relay) && world_recall(world, 0, direct));
    world_run(world, 2 * SECONDS);
    world_start(world, 3);
    world_run(world, 1 * MINUTES);
    assert_false(disk_payload_here(&world->nodes[3].disk, world->nodes[0].identity.node_id, direct));
    world_heal(world);
    assert_true(world_run_until(world, check_converged, 60 * SECONDS));
    assert_false(held_anywhere(world, 0, relay));
    assert_false(held_anywhere(world, 0, direct));
    story_end(world);
}

/* A restart, also from an old copy of the disk, forgets no recall. */
static void a_restart_remembers(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 3, 3);
    uint64_t taken = world_publish_all(world, 0, 9000);
    world_run(world, 5 * SECONDS);
    world_snapshot(world, 1);
    assert_true(world_recall(world, 0, taken));
    world_run(world, 5 * SECONDS);
    world_crash(world, 2);
    world_start(world, 2);
    world_restore(world, 1); /* the payload is here again, until the recall comes again */
    world_start(world, 1);
    assert_true(world_run_until(world, check_converged, 60 * SECONDS));
    assert_false(held_anywhere(world, 0, taken));
    assert_int_equal(check_recalls(world), 1);
    story_end(world);
}

/* Blocks and recalls by chance, with cuts, crashes, wipes and lost messages in between: once healed, what was recalled is nowhere. */
static void chaos(struct world *world, uint64_t seed) {
    struct random random;
    uint8_t bytes[RANDOM_SEED_BYTES] = {0};
    put_be64(bytes, seed);
    random_init_seed(&random, bytes);
    world_mesh(world, seed, 6);
    world->survivors = true;
    for (unsigned round = 0; round < 120; round++) {
        size_t a = random_below(&random, world->count), b = random_below(&random, world->count);
        uint64_t seq = world->ledger.logs[a].count ? 1 + random_below(&random, world->ledger.logs[a].count) : 0;
        switch (random_below(&random, 10)) {
        case 0:
        case 1:
        case 2:
            if (world_may_publish(world, a)) world_publish_all(world, a, 100 + random_below(&random, 9000));
            break;
        case 3:
        case 4:
        case 5:
            if (seq && world_may_publish(world, a)) world_recall(world, a, seq);
            break;
        case 6:
            if (a != b) world_cut(world, a, b, true);
            break;
        case 7: world_heal(world); break;
        case 8:
            if (world->nodes[a].gossip) world_crash(world, a);
            break;
        default:
            if (!world->nodes[a].gossip)
                world_start(world, a);
            else
                world->loss_per_million = random_below(&random, 2) ? 100000 : 0;
        }
        world_run(world, random_below(&random, 4000));
    }
    world_heal(world);
    world->loss_per_million = 0;
    for (size_t i = 0; i < world->count; i++)
        if (!world->nodes[i].gossip) world_start(world, i);
    assert_true(world_run_until(world, check_converged, 5 * MINUTES));
}

static void whatever_happens(void **state) {
    (void)state;
    for (uint64_t seed = 100; seed < 112; seed++) {
        chaos(&story_world, seed);
        assert_true(check_recalls(&story_world) > 0);
        story_end(&story_world);
    }
}

int test_recall(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_recall_is_quick),
        cmocka_unit_test(it_never_comes_to_who_was_away),
        cmocka_unit_test(a_restart_remembers),
        cmocka_unit_test(whatever_happens),
    };
    return cmocka_run_group_tests_name("recall", tests, NULL, NULL);
}
