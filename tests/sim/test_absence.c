#include "tests/sim/story.h"

/* A node that was away gets all that it missed. */
static void away_and_back(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 11, 4);
    world_crash(world, 3);
    for (size_t i = 0; i < 40; i++) {
        world_publish_all(world, i % 3, i % 5 ? 150 : 50000);
        world_run(world, 1 * SECONDS);
    }
    world_start(world, 3);
    assert_true(world_run_until(world, check_converged, 30 * SECONDS));
    story_end(world);
}

/* A node whose store was lost gets everything again, its own log's entries included, and publishes on without a fork. */
static void wiped_and_back(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 12, 3);
    for (size_t i = 0; i < 9; i++) world_publish_all(world, i % 3, 3000);
    world_run(world, 10 * SECONDS);
    uint64_t head = disk_head(&world->nodes[2].disk, world->nodes[2].identity.node_id);
    world_wipe(world, 2);
    world_start(world, 2);
    world_run(world, 60 * SECONDS);
    assert_int_equal(disk_head(&world->nodes[2].disk, world->nodes[2].identity.node_id), head);
    assert_true(check_converged(world));
    assert_true(world_publish_all(world, 2, 100) > head);
    world_run(world, 10 * SECONDS);
    assert_true(check_converged(world));
    assert_int_equal(world->nodes[0].notices[NOTICE_FORK], 0);
    story_end(world);
}

/* Entries were safe and their payloads were not when the power went: the payloads are fetched again from those who have them. */
static void a_payload_lost_in_a_crash(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 13, 2);
    uint64_t seq = world_publish_all(world, 0, 200);
    world_run(world, 10 * SECONDS);
    struct disk_log *log = disk_log_find(&world->nodes[1].disk, world->nodes[0].identity.node_id);
    world_crash(world, 1);
    blob_drop(log->entries[seq - 1].payload);
    log->entries[seq - 1].payload = NULL;
    world_start(world, 1);
    world_run(world, 30 * SECONDS);
    assert_true(world_reads(world, 1, 0, seq));
    story_end(world);
}

/* A reader away for 60 days still opens what was sealed to the prekey that it had when it left. */
static void sixty_days(void **state) {
    struct world *world = &story_world;
    enum err err;
    (void)state;
    world_mesh(world, 14, 3);
    world_crash(world, 2);
    uint64_t last = 0;
    for (size_t day = 0; day < 60; day += 5) {
        last = world_publish(world, 0, "001", CARRIAGE_RELAY, 300, &err);
        assert_int_equal(err, OK);
        assert_true(last > 0);
        world_run(world, 5 * DAYS);
        for (size_t i = 0; i < 2; i++) world_prekey_rotate(world, i, false);
    }
    world_start(world, 2);
    assert_true(world_run_until(world, check_converged, 2 * MINUTES));
    world_run(world, 5 * SECONDS); /* everyone has said by then where its log ends */
    world_prekey_rotate(world, 2, false);
    assert_true(world_reads(world, 2, 0, last));
    world_run(world, 1 * MINUTES);
    assert_int_equal(gossip_prekey(world->nodes[0].gossip, world->nodes[2].identity.node_id)->id, 2);
    story_end(world);
}

/* After 80 days nobody seals to that prekey any more: the reader is refused by name, never left out in silence. */
static void eighty_days(void **state) {
    struct world *world = &story_world;
    enum err err;
    (void)state;
    world_mesh(world, 15, 2);
    world_crash(world, 1);
    world_run(world, 80 * DAYS);
    assert_int_equal(world_publish(world, 0, "01", CARRIAGE_RELAY, 300, &err), 0);
    assert_int_equal(err, ERR_NO_PREKEY);
    story_end(world);
}

int test_absence(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(away_and_back), cmocka_unit_test(wiped_and_back), cmocka_unit_test(a_payload_lost_in_a_crash),
        cmocka_unit_test(sixty_days),    cmocka_unit_test(eighty_days),
    };
    return cmocka_run_group_tests_name("absence", tests, NULL, NULL);
}
