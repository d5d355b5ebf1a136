#include "tests/sim/story.h"

#include "gossip/core.h"
#include "tests/sim/hostile.h"

/* What a mesh survives: its own nodes' misfortunes, and members that mean harm. */

/* Hostile members act on their own every so often. */
static void act_for(struct world *world, uint64_t ms) {
    for (uint64_t at = 0; at < ms; at += 400) {
        for (size_t i = 0; i < world->count; i++) hostile_turn(world, i);
        world_run(world, 400);
    }
}

/* Half of the nodes lose power at once, in the middle of what they write; the others go on, and all are equal when they are back. */
static void half_the_nodes_crash(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 61, 8);
    world->survivors = true;
    for (size_t i = 0; i < 8; i++) world_publish_all(world, i, 3000);
    world_run(world, 7); /* some of it is on disks, some is not */
    for (size_t i = 0; i < 4; i++) world_crash(world, i);
    for (size_t i = 4; i < 8; i++) world_publish_all(world, i, 3000);
    world_run(world, 2 * MINUTES);
    for (size_t i = 0; i < 4; i++) world_start(world, i);
    assert_true(world_run_until(world, check_converged, 60 * SECONDS));
    story_end(world);
}

/* A node that comes back from last week's backup gets what it forgot, its own entries too, and signs no number again. */
static void last_weeks_backup(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 62, 4);
    world_publish_all(world, 1, 500);
    world_run(world, 10 * SECONDS);
    world_snapshot(world, 1);
    for (size_t day = 0; day < 7; day++) {
        for (size_t i = 0; i < 4; i++) world_publish_all(world, i, 500);
        world_run(world, 1 * DAYS);
    }
    uint64_t head = disk_head(&world->nodes[1].disk, world->nodes[1].identity.node_id);
    world_restore(world, 1);
    assert_true(disk_head(&world->nodes[1].disk, world->nodes[1].identity.node_id) < head);
    world_start(world, 1);
    assert_false(world_may_publish(world, 1));
    world_run(world, 60 * SECONDS);
    assert_true(world_publish_all(world, 1, 500) > head);
    assert_true(world_run_until(world, check_converged, 60 * SECONDS));
    for (size_t i = 0; i < 4; i++) assert_int_equal(world->nodes[i].notices[NOTICE_FORK], 0);
    story_end(world);
}

/* Two of three neighbours keep everything back and the third is honest: that is enough. */
static void one_honest_neighbour(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 63, 6);
    hostile_make(world, 4, HOSTILE_withhold), hostile_make(world, 5, HOSTILE_promise);
    for (size_t i = 1; i < 4; i++) world_cut(world, 0, i, i != 3); /* node 0 sees 3, 4 and 5 alone */
    world_run(world, 70 * SECONDS);
    for (size_t i = 1; i < 4; i++) world_publish_all(world, i, 20000);
    uint64_t seq = world_publish_all(world, 0, 300);
    act_for(world, 60 * SECONDS);
    assert_true(check_converged(world));
    assert_true(world_reads(world, 2, 0, seq));
    story_end(world);
}

/* A reader whose line is slow is served at its pace, costs no more memory than a peer may, and holds up nobody else. */
static void a_slow_reader(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 64, 4);
    world->nodes[3].line_bytes_per_s = 8000;
    for (size_t i = 0; i < 60; i++) {
        world_publish_all(world, i % 3, 20000);
        world_run(world, 500);
    }
    world_run(world, 3 * SECONDS);
    const uint8_t *id = world->nodes[0].identity.node_id;
    assert_int_equal(disk_head(&world->nodes[1].disk, id), disk_head(&world->nodes[0].disk, id));
    assert_true(disk_payload_here(&world->nodes[1].disk, id, disk_head(&world->nodes[0].disk, id)));
    assert_false(check_converged(world));
    assert_true(world_run_until(world, check_converged, 10 * MINUTES));
    story_end(world);
}

/* A member that floods every kind of question and claim delays nothing that the others say. */
static void a_flood(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 65, 5);
    hostile_make(world, 4, HOSTILE_flood);
    act_for(world, 20 * SECONDS);
    for (size_t i = 0; i < 4; i++) world_publish_all(world, i, 300);
    act_for(world, 2 * SECONDS);
    assert_true(check_converged(world));
    identity_revoke(&world->nodes[3].identity, 1, world_ledger(world, 3, 1)->id, world_wall_ms(world, 3));
    world->nodes[3].revoked = true;
    world_learn_chain(world, 0, 3);
    act_for(world, 10 * SECONDS);
    for (size_t i = 0; i < 3; i++) {
        const struct peer *revoked = peers_find(&world->nodes[i].gossip->peers, world->nodes[3].identity.node_id);
        assert_true(revoked->node->revoked);
    }
    story_end(world);
}

/* A node that is cut off for a month finds the others again by itself. */
static void a_month_apart(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 66, 4);
    world_split(world, 2);
    world_run(world, 30 * DAYS);
    world_publish_all(world, 0, 300), world_publish_all(world, 3, 300);
    world_heal(world);
    assert_true(world_run_until(world, check_converged, 60 * SECONDS));
    story_end(world);
}

/* Memory runs out in the middle of a step: the node stops, starts again, and nothing is lost. */
static void memory_runs_out(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 67, 3);
    for (uint32_t i = 1; i < 60; i++) {
        world->nodes[1].memory_in = i;
        if (world->nodes[i % 3].gossip) world_publish_all(world, i % 3, 600); /* it may be down still */
        world_run(world, 15 * SECONDS);
    }
    world->nodes[1].memory_in = 0;
    world_run(world, 30 * SECONDS);
    assert_true(world->situations.counts[SITUATION_memory_failed] > 3);
    assert_true(world_run_until(world, check_converged, 60 * SECONDS));
    story_end(world);
}

int test_survive(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_the_nodes_crash), cmocka_unit_test(last_weeks_backup), cmocka_unit_test(one_honest_neighbour),
        cmocka_unit_test(a_slow_reader),        cmocka_unit_test(a_flood),           cmocka_unit_test(a_month_apart),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests_name("sim: what a mesh survives", tests, NULL, NULL);
}
