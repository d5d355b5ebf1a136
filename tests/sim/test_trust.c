#include "tests/sim/story.h"

#include "gossip/core.h"

#include <string.h>

/* An agency that is no longer pinned loses its links within a second, and nothing of it is taken any more. */
static void unpinned_is_unlinked(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 41, 3);
    world_unpin(world, 0, 2);
    world_run(world, 1 * SECONDS);
    assert_null(world_link_between(world, 0, 2));
    uint64_t seq = world_publish_all(world, 2, 100);
    world_run(world, 60 * SECONDS);
    assert_null(world_link_between(world, 0, 2));
    assert_true(disk_head(&world->nodes[0].disk, world->nodes[2].identity.node_id) < seq);
    assert_int_equal(disk_head(&world->nodes[1].disk, world->nodes[2].identity.node_id), seq);
    story_end(world);
}

/* A new record of an agency's chain reaches those who are not linked to that agency. */
static void a_longer_chain_spreads(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 42, 4);
    world_cut(world, 0, 3, true);
    world_run(world, 15 * SECONDS);
    identity_node_add(&world->nodes[0].identity, 77, world_wall_ms(world, 0));
    world_learn_chain(world, 1, 0);
    world_run(world, 30 * SECONDS);
    for (size_t i = 1; i < 4; i++) assert_int_equal(gossip_log_count(world->nodes[i].gossip), 5);
    assert_true(bytes_equal(world_chain(world, 3, 0), bytes_of_buf(&world->nodes[0].identity.chain)));
    story_end(world);
}

/* A revoked node loses its links; entries up to the cut are good and still spread, later ones are not. */
static void a_cut_is_a_cut(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 43, 4);
    world_crash(world, 3);
    uint64_t good = world_publish_all(world, 0, 6000), late = 0;
    for (size_t i = 0; i < 5; i++) late = world_publish_all(world, 0, 100);
    world_run(world, 10 * SECONDS);
    assert_int_equal(disk_head(&world->nodes[1].disk, world->nodes[0].identity.node_id), late);
    identity_revoke(&world->nodes[0].identity, good, world_ledger(world, 0, good)->id, world_wall_ms(world, 0));
    world_learn_chain(world, 1, 0);
    world_run(world, 30 * SECONDS);
    assert_null(world_link_between(world, 0, 1));
    assert_null(world_link_between(world, 0, 2));
    /* The revoked one is told nothing, so it would go on telling: who comes back hears of it from the others first. */
    world_cut(world, 0, 3, true);
    world_start(world, 3);
    world_run(world, 10 * SECONDS);
    world_heal(world);
    world_run(world, 60 * SECONDS);
    assert_null(world_link_between(world, 0, 3));
    assert_true(disk_payload_here(&world->nodes[3].disk, world->nodes[0].identity.node_id, good));
    assert_int_equal(disk_head(&world->nodes[3].disk, world->nodes[0].identity.node_id), good);
    assert_true(gossip_caught_up(world->nodes[3].gossip));
    /* Nor when a member that still has it brings the next one. */
    struct buf message = {0};
    wire_push(&message, blob_bytes(disk_entry(&world->nodes[1].disk, world->nodes[0].identity.node_id, good + 1)->entry),
              PUSH_AWAITED, bytes_of(NULL, 0));
    assert_true(world_inject(world, 1, 3, bytes_of_buf(&message)));
    world_run(world, 5 * SECONDS);
    assert_int_equal(disk_head(&world->nodes[3].disk, world->nodes[0].identity.node_id), good);
    assert_non_null(world_link_between(world, 1, 3));
    buf_free(&message);
    story_end(world);
}

/* What stands behind a cut is not missed any more, when nobody is there to give it. */
static void nothing_behind_a_cut_is_missed(void **state) {
    struct world *world = &story_world;
    struct gossip_log_view view;
    (void)state;
    world_mesh(world, 52, 2);
    uint64_t good = world_publish_all(world, 0, 100);
    world_run(world, 5 * SECONDS);
    uint64_t late = world_publish_all(world, 0, 9000);
    const uint8_t *id = world->nodes[0].identity.node_id;
    do {
        world_run(world, 1);
        assert_true(gossip_log_find(world->nodes[1].gossip, id, &view));
    } while (view.head < late);
    world_crash(world, 0);
    world_run(world, 10 * SECONDS);
    assert_false(disk_payload_here(&world->nodes[1].disk, id, late));
    assert_false(gossip_caught_up(world->nodes[1].gossip));
    identity_revoke(&world->nodes[0].identity, good, world_ledger(world, 0, good)->id, world_wall_ms(world, 0));
    world_learn_chain(world, 1, 0);
    world_run(world, 10 * SECONDS);
    assert_true(gossip_caught_up(world->nodes[1].gossip));
    assert_true(gossip_log_find(world->nodes[1].gossip, id, &view));
    assert_int_equal(view.missing, 0);
    story_end(world);
}

/* Pinned again, an agency's log goes on where the store left off. */
static void pinned_again(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 44, 3);
    world_publish_all(world, 2, 100);
    world_run(world, 5 * SECONDS);
    world_unpin(world, 0, 2);
    world_run(world, 5 * SECONDS);
    world_publish_all(world, 2, 100);
    world_pin(world, 0, 2);
    world_crash(world, 0);
    world_start(world, 0);
    assert_true(world_run_until(world, check_converged, 60 * SECONDS));
    story_end(world);
}

/* And at once: nobody is asked for what is here already, and it is served, when nobody else has it. */
static void pinned_again_goes_on(void **state) {
    struct world *world = &story_world;
    struct gossip_log_view view;
    (void)state;
    world_mesh(world, 46, 3);
    const uint8_t *id = world->nodes[2].identity.node_id;
    world_cut(world, 0, 1, true), world_cut(world, 1, 2, true);
    uint64_t seq = world_publish_all(world, 2, 100);
    world_run(world, 5 * SECONDS);
    world_unpin(world, 0, 2);
    world_run(world, 5 * SECONDS);
    world_crash(world, 2);
    world_pin(world, 0, 2);
    assert_true(gossip_log_find(world->nodes[0].gossip, id, &view));
    assert_int_equal(view.head_durable, disk_head(&world->nodes[0].disk, id));
    assert_true(view.head_durable >= seq);
    world_cut(world, 0, 1, false);
    world_run(world, 60 * SECONDS);
    assert_int_equal(disk_head(&world->nodes[1].disk, id), view.head_durable);
    assert_true(disk_payload_here(&world->nodes[1].disk, id, seq));
    story_end(world);
}

/* Two ROOTs of one generation, both valid, of one length: who has one of them gets the other, and everyone freezes the agency. */
static void two_roots_freeze_an_agency(void **state) {
    struct world *world = &story_world;
    struct identity twins[2];
    enum err err;
    (void)state;
    world_mesh(world, 45, 5);
    for (uint8_t i = 0; i < 2; i++) {
        struct buf message = {0};
        identity_make(&twins[i], 45, 0, WORLD_EPOCH_MS, false);
        identity_rotate(&twins[i], 45, 0, i + 1, world_wall_ms(world, 0));
        wire_chain(&message, twins[i].agency_id, bytes_of_buf(&twins[i].chain));
        assert_true(world_inject(world, 0, 1 + i, bytes_of_buf(&message)));
        buf_free(&message);
    }
    world_run(world, 30 * SECONDS);
    for (size_t node = 1; node < 5; node++) {
        assert_int_equal(world->nodes[node].notices[NOTICE_SPLIT], 1);
        assert_null(world_link_between(world, 0, node));
        assert_int_equal(world->nodes[node].notices[NOTICE_PEER_MALFORMED] + world->nodes[node].notices[NOTICE_PEER_SIGNATURE], 0);
    }
    assert_int_equal(world_publish(world, 1, "10000", CARRIAGE_RELAY, 100, &err), 0);
    assert_int_equal(err, ERR_SPLIT);
    /* Others go on, and the operator's new pin is a decision that no old evidence takes back. */
    assert_true(world_publish(world, 1, "00100", CARRIAGE_RELAY, 100, &err) > 0);
    buf_clear(&world->nodes[0].identity.chain);
    buf_put(&world->nodes[0].identity.chain, bytes_of_buf(&twins[0].chain));
    world_unpin(world, 1, 0);
    world_pin(world, 1, 0);
    world_run(world, 60 * SECONDS);
    assert_int_equal(world->nodes[1].notices[NOTICE_SPLIT], 1);
    assert_true(world_publish(world, 1, "10000", CARRIAGE_RELAY, 100, &err) > 0);
    identity_free(&twins[0]), identity_free(&twins[1]);
    world_close(world); /* the world knows neither chain, so the invariants cannot be asked here */
}

/* One core's end of its link to another node. */
static struct link *end_of(struct world *world, size_t node, size_t peer) {
    struct links *links = &world->nodes[node].gossip->links;
    for (size_t i = 0; i < LIMIT_LINKS; i++)
        if (links->list[i].number && memcmp(links->list[i].node_id, world->nodes[peer].identity.node_id, NODE_ID_BYTES) == 0)
            return &links->list[i];
    return NULL;
}

/* What the core says of a chain that comes from a file. */
static enum err trusts(struct world *world, size_t node, struct bytes chain) {
    struct world_node *self = &world->nodes[node];
    struct event event = {.kind = EVENT_TRUST, .now_ms = world_wall_ms(world, node), .monotonic_ms = world->now_ms + 1000};
    event.trust.chain = chain;
    return gossip_step(self->gossip, &event, &self->actions);
}

/* Another continuation of a chain is refused by that name; it freezes nobody, as two ROOTs of one generation do. */
static void another_continuation_is_no_split(void **state) {
    struct world *world = &story_world;
    struct identity other, rival;
    (void)state;
    world_mesh(world, 50, 3);
    identity_make(&other, 50, 0, WORLD_EPOCH_MS, false);
    identity_make(&rival, 50, 0, WORLD_EPOCH_MS, false);
    identity_rotate(&world->nodes[0].identity, 50, 0, 1, world_wall_ms(world, 0));
    world_learn_chain(world, 1, 0);
    world_run(world, 30 * SECONDS);
    identity_node_add(&other, 78, world_wall_ms(world, 0));
    identity_rotate(&rival, 50, 0, 2, world_wall_ms(world, 0));
    assert_int_equal(trusts(world, 2, bytes_of_buf(&other.chain)), ERR_CHAIN);
    assert_int_equal(trusts(world, 1, bytes_of_buf(&rival.chain)), ERR_CHAIN); /* the operator's file has decided already */
    assert_int_equal(trusts(world, 2, bytes_of_buf(&rival.chain)), ERR_SPLIT);
    identity_free(&other), identity_free(&rival);
    world_close(world); /* the world knows one of the chains only, so the invariants cannot be asked here */
}

/* What was said of an earlier trust and comes late changes nothing. */
static void late_trust_is_ignored(void **state) {
    struct world *world = &story_world;
    struct buf message = {0};
    const uint8_t sum[WIRE_DIGEST_BYTES] = {1};
    (void)state;
    world_mesh(world, 47, 3);
    identity_node_add(&world->nodes[2].identity, 77, world_wall_ms(world, 0));
    world_learn_chain(world, 0, 2);
    world_run(world, 10 * SECONDS);
    const struct link *end = end_of(world, 1, 0);
    assert_non_null(end);
    uint64_t generation = end->generation_heard;
    uint32_t number = end->number;
    assert_true(generation > 1 && end->same);
    wire_trust(&message, generation - 1, sum);
    assert_true(world_inject(world, 0, 1, bytes_of_buf(&message)));
    buf_clear(&message);
    wire_tags(&message, generation - 1, NULL, 0);
    assert_true(world_inject(world, 0, 1, bytes_of_buf(&message)));
    world_run(world, 1 * SECONDS);
    end = end_of(world, 1, 0);
    assert_non_null(end);
    assert_int_equal(end->number, number); /* nor was the link renewed */
    assert_true(end->same);
    assert_int_equal(end->trust_heard, generation);
    assert_int_equal(end->generation_heard, generation);
    buf_free(&message);
    story_end(world);
}

/* Each loss makes it tell trust again, but a burst of them once: what is told again and answered can be lost as well. */
static void losses_are_met_together(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 48, 2);
    world_run(world, 5 * SECONDS);
    const struct link *end = end_of(world, 0, 1);
    assert_non_null(end);
    struct event event = {.kind = EVENT_LINK_LOSSY, .link = {.link = end->number}};
    uint32_t before = world->kinds[MESSAGE_TRUST];
    for (size_t i = 0; i < 100; i++) {
        world_step(world, 0, &event);
        world_run(world, 10);
    }
    world_run(world, 2 * SECONDS);
    assert_in_range(world->kinds[MESSAGE_TRUST] - before, 1, 4);
    end = end_of(world, 0, 1);
    assert_true(end && end->same && end->logs[0].common && end->logs[1].common);
    story_end(world);
}

/* Where the logs of an agency's nodes stand at one end of a link, and whether they are common. */
static bool common(struct world *world, size_t node, size_t peer, size_t agency) {
    const struct gossip *gossip = world->nodes[node].gossip;
    const struct link *end = end_of(world, node, peer);
    const struct peer *author = peers_find(&gossip->peers, world->nodes[agency].identity.node_id);
    return end && author && peers_index(&gossip->peers, author) < end->log_count &&
           end->logs[peers_index(&gossip->peers, author)].common;
}

/* While two nodes have not told each other yet in what their trust differs, what was common stays so, and nothing else becomes it:
   entries go to and fro as before. */
static void what_was_common_stays_so(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_open(world, 49, 4);
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < 3; k++)
            if (i != k) world_pin(world, i, k);
    for (size_t i = 0; i < 3; i++) world_start(world, i);
    world_run(world, 60 * SECONDS);
    assert_true(common(world, 0, 1, 0) && common(world, 0, 1, 1) && common(world, 0, 1, 2));
    const uint8_t *id = world->nodes[0].identity.node_id;
    /* The first change is told at once, the second waits. */
    world_pin(world, 0, 3);
    identity_node_add(&world->nodes[2].identity, 77, world_wall_ms(world, 0));
    world_learn_chain(world, 0, 2);
    assert_true(end_of(world, 0, 1)->trust_due_ms > 0);
    assert_true(common(world, 0, 1, 0) && common(world, 0, 1, 1) && common(world, 0, 1, 2));
    assert_false(common(world, 0, 1, 3));
    uint64_t seq = world_publish_all(world, 0, 100);
    world_run(world, 30); /* on its way to the disk, and pushed; nobody has answered yet */
    assert_true(common(world, 0, 1, 0));
    assert_false(common(world, 0, 1, 3));
    world_run(world, 120);
    assert_int_equal(disk_head(&world->nodes[1].disk, id), seq);
    world_run(world, 30 * SECONDS);
    assert_false(common(world, 0, 1, 3));
    story_end(world);
}

/* So with one agency less, of those that were all common. */
static void what_is_left_stays_common(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 51, 3);
    world_run(world, 10 * SECONDS);
    assert_true(end_of(world, 0, 1)->same);
    world_unpin(world, 0, 2);
    assert_true(common(world, 0, 1, 0) && common(world, 0, 1, 1));
    uint64_t seq = world_publish_all(world, 0, 100);
    world_run(world, 100);
    assert_int_equal(disk_head(&world->nodes[1].disk, world->nodes[0].identity.node_id), seq);
    story_end(world);
}

int test_trust(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(unpinned_is_unlinked),
                                       cmocka_unit_test(a_longer_chain_spreads),
                                       cmocka_unit_test(a_cut_is_a_cut),
                                       cmocka_unit_test(nothing_behind_a_cut_is_missed),
                                       cmocka_unit_test(pinned_again),
                                       cmocka_unit_test(pinned_again_goes_on),
                                       cmocka_unit_test(two_roots_freeze_an_agency),
                                       cmocka_unit_test(another_continuation_is_no_split),
                                       cmocka_unit_test(late_trust_is_ignored),
                                       cmocka_unit_test(losses_are_met_together),
                                       cmocka_unit_test(what_was_common_stays_so),
                                       cmocka_unit_test(what_is_left_stays_common)};
    return cmocka_run_group_tests_name("trust", tests, NULL, NULL);
}
