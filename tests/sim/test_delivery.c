#include "tests/sim/story.h"

/* A record published in one half reaches the other after the heal. */
static void halves_meet_again(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 1, 6);
    world_split(world, 3);
    world_run(world, 30 * SECONDS);
    uint64_t seq = world_publish_all(world, 0, 200);
    world_publish_all(world, 5, 20000);
    world_run(world, 1 * MINUTES);
    assert_true(disk_payload_here(&world->nodes[2].disk, world->nodes[0].identity.node_id, seq));
    assert_int_equal(disk_head(&world->nodes[3].disk, world->nodes[0].identity.node_id), 1);
    world_heal(world);
    assert_true(world_run_until(world, check_converged, 60 * SECONDS));
    assert_true(world_reads(world, 4, 0, seq));
    story_end(world);
}

/* What is published reaches everyone within a second. */
static void a_push_is_quick(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 2, 5);
    world_publish_all(world, 1, 200);
    world_run(world, 1 * SECONDS);
    assert_true(check_converged(world));
    world_publish_all(world, 2, 100000);
    world_run(world, 2 * SECONDS);
    assert_true(check_converged(world));
    story_end(world);
}

/* The author is off line; a third node serves what it only carries. */
static void a_third_node_serves(void **state) {
    struct world *world = &story_world;
    enum err err;
    (void)state;
    world_mesh(world, 3, 3);
    world_crash(world, 1);
    uint64_t seq = world_publish(world, 0, "010", CARRIAGE_RELAY, 30000, &err);
    world_run(world, 5 * SECONDS);
    world_crash(world, 0);
    world_start(world, 1);
    world_run(world, 60 * SECONDS);
    assert_true(world_reads(world, 1, 0, seq));
    assert_true(disk_payload_here(&world->nodes[2].disk, world->nodes[0].identity.node_id, seq));
    assert_false(world_reads(world, 2, 0, seq));
    story_end(world);
}

/* In a full mesh of five one small record costs at most a push each way on each link, and then there is silence. */
static void duplicates_end(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 4, 5);
    world_publish_all(world, 0, 200);
    world_run(world, 2 * MINUTES);
    uint64_t before = world->messages;
    world_publish_all(world, 0, 200);
    world_run(world, 3 * SECONDS);
    assert_in_range(world->messages - before, 4, 2 * 10 + 10);
    before = world->messages;
    world_run(world, 10 * MINUTES);
    assert_true(world->messages - before < 10 * 10 * 12);
    story_end(world);
}

/* A push that was lost without a trace, on a link that stays, is made up for by the next digest. */
static void a_lost_push_is_made_up_for(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 7, 2);
    size_t links = world->links_made;
    world_cut_unseen(world, 0, 1, true); /* unseen by the transport, and over before anybody is asked anything */
    world_publish_all(world, 0, 200);
    world_run(world, 500);
    world_heal(world);
    assert_false(check_converged(world));
    assert_true(world_run_until(world, check_converged, 60 * SECONDS));
    assert_int_equal(world->links_made, links);
    story_end(world);
}

static bool here(struct world *world, size_t node, size_t author, uint64_t seq) {
    return disk_payload_here(&world->nodes[node].disk, world->nodes[author].identity.node_id, seq);
}

/* A payload too large to ride along, whose question or answer is lost without a trace on a link that stays. Returns its number. */
static uint64_t lose_the_answer(struct world *world) {
    uint64_t seq = world_publish_all(world, 0, 20000);
    for (unsigned ms = 0; ms < 2000 && disk_head(&world->nodes[1].disk, world->nodes[0].identity.node_id) < seq; ms++)
        world_run(world, 1);
    assert_false(here(world, 1, 0, seq));
    world_cut_unseen(world, 0, 1, true);
    world_run(world, 500);
    world_heal(world);
    return seq;
}

/* The only one who has it is asked again soon: it did not say no. */
static void a_lost_answer_is_asked_for_again(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 8, 2);
    size_t links = world->links_made;
    uint64_t seq = lose_the_answer(world);
    world_run(world, 4 * SECONDS);
    assert_false(here(world, 1, 0, seq));
    world_run(world, 5 * SECONDS);
    assert_true(here(world, 1, 0, seq));
    assert_int_equal(world->links_made, links);
    story_end(world);
}

/* So, too, while the same link gives others all the time. */
static void a_busy_line_hides_no_lost_answer(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 9, 2);
    size_t links = world->links_made;
    uint64_t seq = lose_the_answer(world);
    for (unsigned second = 0; second < 9; second++) {
        world_publish_all(world, 0, 20000);
        world_run(world, 1 * SECONDS);
    }
    assert_true(here(world, 1, 0, seq));
    assert_int_equal(world->links_made, links);
    story_end(world);
}

/* A line of 100 KB/s is slow but honest: megabytes arrive over it, and nobody is cut for it. */
static void a_slow_line_delivers(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 5, 2);
    world_cut(world, 0, 1, true);
    world_run(world, 20 * SECONDS);
    for (size_t i = 0; i < 30; i++) world_publish_all(world, 0, 200000);
    world_run(world, 1 * SECONDS);
    world_heal(world);
    world->bytes_per_s = 100000;
    size_t links = world->links_made;
    assert_true(world_run_until(world, check_converged, 4 * MINUTES));
    assert_int_equal(world->links_made, links + 1);
    story_end(world);
}

/* Two thousand records that were missed arrive in less than a minute. */
static void a_long_log_is_caught_up(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 6, 3);
    world_crash(world, 2);
    for (size_t i = 0; i < 2000; i++) {
        world_publish_all(world, i % 2, 100);
        world_run(world, 20);
    }
    world_start(world, 2);
    assert_true(world_run_until(world, check_converged, 60 * SECONDS));
    assert_true(gossip_caught_up(world->nodes[2].gossip));
    story_end(world);
}

int test_delivery(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(halves_meet_again),
        cmocka_unit_test(a_push_is_quick),
        cmocka_unit_test(a_third_node_serves),
        cmocka_unit_test(duplicates_end),
        cmocka_unit_test(a_slow_line_delivers),
        cmocka_unit_test(a_lost_push_is_made_up_for),
        cmocka_unit_test(a_lost_answer_is_asked_for_again),
        cmocka_unit_test(a_busy_line_hides_no_lost_answer),
        cmocka_unit_test(a_long_log_is_caught_up),
    };
    return cmocka_run_group_tests_name("delivery", tests, NULL, NULL);
}
