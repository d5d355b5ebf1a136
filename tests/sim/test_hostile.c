#include "tests/sim/story.h"

#include "gossip/core.h"

#include <string.h>

/* The next entry of an author's log as a forger or the author himself would write it, as a PUSH. */
static void push_of(const struct world *world, size_t author, struct buf *out, uint8_t salt, bool good) {
    const struct world_node *node = &world->nodes[author];
    uint8_t body[4] = {salt};
    struct entry_draft draft = {
        .type = ENTRY_STATEMENT, .time_ms = world_wall_ms(world, author), .body = bytes_of(body, sizeof body)};
    struct buf entry = {0};
    draft.seq = gossip_own_next(node->gossip, draft.previous);
    identity_entry(&node->identity, &entry, &draft);
    if (!good) entry.data[entry.size - 1] ^= 1;
    wire_push(out, bytes_of_buf(&entry), PUSH_AWAITED, bytes_of(NULL, 0));
    buf_free(&entry);
}

/* A forged entry cuts the link, names the culprit, and refuses the peer for an hour; then it may come back. */
static void a_forgery_costs_an_hour(void **state) {
    struct world *world = &story_world;
    struct buf message = {0};
    (void)state;
    world_mesh(world, 31, 3);
    push_of(world, 0, &message, 1, false);
    assert_true(world_inject(world, 1, 2, bytes_of_buf(&message)));
    world_run(world, 1 * SECONDS);
    assert_int_equal(world->nodes[2].notices[NOTICE_PEER_SIGNATURE], 1);
    assert_null(world_link_between(world, 1, 2));
    world_run(world, 58 * MINUTES);
    assert_null(world_link_between(world, 1, 2));
    world_publish_all(world, 1, 500);
    world_run(world, 10 * SECONDS);
    assert_true(check_converged(world));
    world_run(world, 5 * MINUTES);
    assert_non_null(world_link_between(world, 1, 2));
    buf_free(&message);
    story_end(world);
}

/* One who only dials out is let in again after its hour, without anybody else's doing. */
static void the_hour_ends_for_those_who_dial(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_open(world, 32, 1);
    world->hidden = true;
    world_add(world);
    world_pin(world, 0, 1), world_pin(world, 1, 0);
    world_start(world, 0), world_start(world, 1);
    world_run(world, 60 * SECONDS);
    assert_true(world_inject(world, 1, 0, bytes_of_text("nonsense")));
    world_run(world, 1 * SECONDS);
    assert_int_equal(world->nodes[0].notices[NOTICE_PEER_MALFORMED], 1);
    world_run(world, 50 * MINUTES);
    assert_null(world_link_between(world, 0, 1));
    world_run(world, 11 * MINUTES);
    assert_non_null(world_link_between(world, 0, 1));
    story_end(world);
}

/* A stranger's key gets nothing: no byte, and the link is closed. */
static void a_stranger_is_shown_the_door(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 33, 2);
    assert_true(world_stranger_closed(world, 0));
    assert_int_equal(gossip_link_count(world->nodes[0].gossip), 1);
    story_end(world);
}

/* An author who signs two entries at one number is found out where both are seen, and his log is frozen there. */
static void an_equivocator_is_frozen(void **state) {
    struct world *world = &story_world;
    struct buf one = {0}, two = {0};
    (void)state;
    world_mesh(world, 34, 3);
    push_of(world, 0, &one, 1, true);
    push_of(world, 0, &two, 2, true);
    struct message message;
    struct entry entry;
    assert_int_equal(wire_decode(&message, bytes_of_buf(&one)), OK);
    assert_int_equal(entry_parse(&entry, message.push.entry), OK);
    world_cut_unseen(world, 1, 2, true);
    world_inject(world, 0, 1, bytes_of_buf(&one));
    world_inject(world, 0, 2, bytes_of_buf(&two));
    world->broken[0] = 0;
    world_run(world, 1 * SECONDS);
    world_cut_unseen(world, 1, 2, false);
    world_inject(world, 2, 1, bytes_of_buf(&two));
    world_run(world, 1 * SECONDS);
    assert_int_equal(world->nodes[1].notices[NOTICE_FORK], 1);
    assert_int_equal(world->nodes[1].notices[NOTICE_PEER_MALFORMED] + world->nodes[1].notices[NOTICE_PEER_SIGNATURE], 0);
    buf_free(&one), buf_free(&two);
    world_close(world); /* the ledger knows neither of the two, so the invariants cannot be asked here */
}

/* What node `liar` would send to `victim` as a claim about an author's log: only the two ends of a link can make its tags. */
static bool claim(struct world *world, size_t liar, size_t victim, size_t author, uint64_t head) {
    struct gossip *gossip = world->nodes[liar].gossip;
    for (size_t i = 0; i < LIMIT_LINKS; i++) {
        const struct link *link = &gossip->links.list[i];
        struct wire_pair pair = {.number = head};
        struct buf message = {0};
        if (link->state != LINK_OPEN || memcmp(link->node_id, world->nodes[victim].identity.node_id, NODE_ID_BYTES) != 0) continue;
        link_tag(pair.tag, link, bytes_of(world->nodes[author].identity.node_id, NODE_ID_BYTES));
        wire_heads(&message, link->generation_told, link->generation_heard, 0, 0, &pair, 1);
        bool sent = world_inject(world, liar, victim, bytes_of_buf(&message));
        buf_free(&message);
        return sent;
    }
    return false;
}

/* A head of 2^62 that nobody has costs neither the right to publish nor the catch-up from others. */
static void a_liar_about_heads(void **state) {
    struct world *world = &story_world;
    size_t refused = 0;
    enum err err;
    (void)state;
    world_mesh(world, 35, 3);
    for (size_t round = 0; round < 120; round++) {
        claim(world, 1, 0, 0, 1ull << 62);
        claim(world, 1, 0, 2, 1ull << 62);
        world_publish_all(world, 2, 100);
        world_run(world, 1 * SECONDS);
        refused += world_publish(world, 0, "001", CARRIAGE_RELAY, 100, &err) == 0;
    }
    assert_in_range(refused, 0, 5);
    world_run(world, 20 * SECONDS);
    assert_true(check_converged(world));
    assert_true(gossip_caught_up(world->nodes[0].gossip));
    story_end(world);
}

/* Nor does one that is never given: it holds up publishing for the time that its agency has, once. */
static void a_liar_about_our_log(void **state) {
    struct world *world = &story_world;
    size_t held = 0;
    (void)state;
    world_mesh(world, 38, 2);
    for (size_t round = 0; round < 120; round++) {
        world_cut_unseen(world, 0, 1, false);
        claim(world, 1, 0, 0, 1ull << 62);
        for (size_t i = 0; i < 200 && gossip_own_ready(world->nodes[0].gossip) == GOSSIP_OWN_READY; i++) world_run(world, 1);
        world_cut_unseen(world, 0, 1, true); /* the question does not get through */
        world_run(world, 1 * SECONDS);
        held += gossip_own_ready(world->nodes[0].gossip) == GOSSIP_OWN_BEHIND;
    }
    assert_in_range(held, 10, 40); /* its link is renewed for being silent, and time without one counts less */
    story_end(world);
}

/* A chain of an agency that nobody pinned, under the name of one that is pinned, pins nobody. */
static void a_smuggled_chain(void **state) {
    struct world *world = &story_world;
    struct buf message = {0};
    (void)state;
    world_open(world, 36, 3);
    world_pin(world, 0, 1), world_pin(world, 1, 0);
    world_start(world, 0), world_start(world, 1);
    world_run(world, 60 * SECONDS);
    wire_chain(&message, world->nodes[1].identity.agency_id, bytes_of_buf(&world->nodes[2].identity.chain));
    assert_true(world_inject(world, 1, 0, bytes_of_buf(&message)));
    world_run(world, 5 * SECONDS);
    assert_int_equal(gossip_agency_count(world->nodes[0].gossip), 2);
    assert_int_equal(gossip_log_count(world->nodes[0].gossip), 2);
    buf_free(&message);
    story_end(world);
}

/* A message that the network lost during the handshake is nobody's misdeed. */
static void a_lost_proof_is_no_crime(void **state) {
    struct world *world = &story_world;
    struct buf message = {0};
    (void)state;
    world_open(world, 37, 2);
    world_pin(world, 0, 1), world_pin(world, 1, 0);
    world_start(world, 0), world_start(world, 1);
    while (!world_link_between(world, 0, 1)) world_run(world, 1);
    world_run(world, 3 * world->delay_ms + world->jitter_ms + 2);
    wire_tags(&message, 1, NULL, 0);
    assert_true(world_inject(world, 1, 0, bytes_of_buf(&message)));
    world_run(world, 60 * SECONDS);
    assert_int_equal(world->nodes[0].notices[NOTICE_PEER_MALFORMED], 0);
    assert_non_null(world_link_between(world, 0, 1));
    buf_free(&message);
    story_end(world);
}

int test_hostile(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_forgery_costs_an_hour),      cmocka_unit_test(the_hour_ends_for_those_who_dial),
        cmocka_unit_test(a_stranger_is_shown_the_door), cmocka_unit_test(an_equivocator_is_frozen),
        cmocka_unit_test(a_liar_about_heads),           cmocka_unit_test(a_smuggled_chain),
        cmocka_unit_test(a_lost_proof_is_no_crime),     cmocka_unit_test(a_liar_about_our_log),
    };
    return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
