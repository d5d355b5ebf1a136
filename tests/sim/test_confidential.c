#include "tests/sim/story.h"

/* A direct payload goes from its author to its readers and to nobody else. */
static void direct_stays_direct(void **state) {
    struct world *world = &story_world;
    enum err err;
    (void)state;
    world_mesh(world, 21, 4);
    uint64_t small = world_publish(world, 0, "0100", CARRIAGE_DIRECT, 100, &err);
    uint64_t large = world_publish(world, 0, "0110", CARRIAGE_DIRECT, 60000, &err);
    world_run(world, 30 * SECONDS);
    assert_true(world_reads(world, 1, 0, small) && world_reads(world, 1, 0, large));
    assert_false(disk_payload_here(&world->nodes[2].disk, world->nodes[0].identity.node_id, small));
    assert_true(world_reads(world, 2, 0, large));
    assert_false(disk_payload_here(&world->nodes[3].disk, world->nodes[0].identity.node_id, large));
    assert_int_equal(disk_head(&world->nodes[3].disk, world->nodes[0].identity.node_id), large);
    assert_true(gossip_caught_up(world->nodes[3].gossip));
    story_end(world);
}

/* The author is away: the reader has the entry, waits, and gets the payload when the author is back, also after a restart. */
static void direct_after_a_restart(void **state) {
    struct world *world = &story_world;
    enum err err;
    (void)state;
    world_mesh(world, 22, 3);
    world_cut(world, 0, 1, true);
    world_run(world, 15 * SECONDS);
    uint64_t seq = world_publish(world, 0, "010", CARRIAGE_DIRECT, 9000, &err);
    world_run(world, 60 * SECONDS);
    assert_int_equal(disk_head(&world->nodes[1].disk, world->nodes[0].identity.node_id), seq);
    assert_false(gossip_caught_up(world->nodes[1].gossip));
    world_crash(world, 0);
    world_crash(world, 1);
    world_heal(world);
    world_start(world, 1);
    world_run(world, 30 * SECONDS);
    world_start(world, 0);
    assert_true(world_run_until(world, check_converged, 90 * SECONDS));
    assert_true(world_reads(world, 1, 0, seq));
    story_end(world);
}

/* An acknowledgement that was lost is given again on the next link: when the link went before the sync, or the reader restarted. */
static void a_lost_acknowledgement(void **state) {
    struct world *world = &story_world;
    uint64_t forgotten;
    enum err err;
    (void)state;
    world_mesh(world, 24, 2);
    world->sync_ms = 4 * SECONDS;
    uint64_t seq = world_publish(world, 0, "01", CARRIAGE_DIRECT, 100, &err);
    while (gossip_direct_count(world->nodes[0].gossip, &forgotten) == 0) world_run(world, 100);
    while (!disk_log_find(&world->nodes[1].disk, world->nodes[0].identity.node_id) || world->nodes[1].disk.writes < seq)
        world_run(world, 10);
    world_run(world, 1 * SECONDS);
    world_cut(world, 0, 1, true);
    world_run(world, 30 * SECONDS);
    assert_true(world_reads(world, 1, 0, seq));
    assert_int_equal(gossip_direct_count(world->nodes[0].gossip, &forgotten), 1);
    world_crash(world, 1);
    world_start(world, 1);
    world_heal(world);
    world_run(world, 60 * SECONDS);
    assert_int_equal(gossip_direct_count(world->nodes[0].gossip, &forgotten), 0);
    story_end(world);
}

/* A member that asks for a direct payload that is not for it is told that there is none. */
static void a_curious_member(void **state) {
    struct world *world = &story_world;
    enum err err;
    (void)state;
    world_mesh(world, 23, 3);
    uint64_t seq = world_publish(world, 0, "010", CARRIAGE_DIRECT, 100, &err);
    world_run(world, 10 * SECONDS);
    /* It pretends that the epoch is its own, so that its own core asks. */
    struct event event = {.kind = EVENT_EPOCH};
    event.epoch.node_id = world->nodes[0].identity.node_id;
    event.epoch.seq = seq - 1;
    event.epoch.readable = true;
    world_step(world, 2, &event);
    world_run(world, 60 * SECONDS);
    assert_false(disk_payload_here(&world->nodes[2].disk, world->nodes[0].identity.node_id, seq));
    assert_false(gossip_caught_up(world->nodes[2].gossip));
    story_end(world);
}

int test_confidential(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(direct_stays_direct), cmocka_unit_test(direct_after_a_restart),
                                       cmocka_unit_test(a_lost_acknowledgement), cmocka_unit_test(a_curious_member)};
    return cmocka_run_group_tests_name("confidential", tests, NULL, NULL);
}
