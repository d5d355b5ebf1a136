#include "tests/sim/story.h"

/* A newcomer that trusts a hundred authors and knows one node that is up gets all their logs from it, and is not cut for asking. */
static void a_hundred_logs_from_one(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_open(world, 51, 100);
    for (size_t i = 1; i < 100; i++) world_pin(world, 0, i), world_pin(world, 1, i == 1 ? 0 : i), world_pin(world, i, 0);
    world_start(world, 0);
    for (size_t first = 2; first < 100; first += 14) {
        for (size_t i = first; i < first + 14 && i < 100; i++) {
            world_start(world, i);
            world_publish_all(world, i, 5000);
        }
        world_run(world, 60 * SECONDS);
        for (size_t i = first; i < first + 14 && i < 100; i++) world_crash(world, i);
    }
    world_start(world, 1);
    assert_true(world_run_until(world, check_converged, 2 * MINUTES));
    struct gossip_link_view link;
    gossip_link_view(world->nodes[0].gossip, 0, &link);
    assert_int_equal(link.broken_answers, 0);
    assert_int_equal(world->nodes[0].notices[NOTICE_PEER_RATE], 0);
    assert_int_equal(world->nodes[1].notices[NOTICE_PEER_RATE], 0);
    story_end(world);
}

/* More nodes than links: nobody churns, and all still hear of everything. */
static void more_nodes_than_links(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 52, 80);
    size_t links = world->links_made;
    world_publish_all(world, 7, 300);
    assert_true(world_run_until(world, check_converged, 60 * SECONDS));
    world_run(world, 5 * MINUTES);
    assert_true(world->links_made - links < 80 * 20);
    story_end(world);
}

int test_many(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_hundred_logs_from_one), cmocka_unit_test(more_nodes_than_links)};
    return cmocka_run_group_tests_name("many", tests, NULL, NULL);
}
