/* peers: pinning, longer chains, parted chains, prekeys, unpinning, and who is welcome when. */
#include "gossip/peers.h"
#include "tests/unit/fixture_gossip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static enum err pin(struct peers *peers, const struct buf *chain, bool expected) {
    bool changed = !expected;
    enum err err = peers_trust(peers, bytes_of_buf(chain), &changed);
    assert_int_equal(changed, expected);
    return err;
}

static void test_longer_chain(void **state) {
    struct peers peers = {0};
    struct buf chain = {0}, shorter = {0};
    struct agency agency;
    (void)state;
    fixture_agency(&chain, &agency, 100);
    buf_put(&shorter, bytes_of_buf(&chain));
    assert_int_equal(pin(&peers, &chain, true), OK);
    assert_int_equal(pin(&peers, &chain, false), OK);
    peers.list[0]->log.head = 77;
    fixture_agency_node(&chain, &agency, 100, 150);
    assert_int_equal(pin(&peers, &chain, true), OK);
    assert_int_equal(peers.generation, 1); /* nobody has heard of it yet */
    peers.generation_told = 1;
    assert_int_equal(peers.count, 2);
    assert_int_equal(peers.list[0]->log.head, 77);
    assert_int_equal(pin(&peers, &shorter, false), OK);
    assert_int_equal(peers.members[0]->agency->record_count, 3);
    fixture_agency_node(&chain, &agency, 100, 160);
    assert_int_equal(pin(&peers, &chain, true), OK);
    assert_int_equal(peers.generation, 2);
    buf_free(&chain), buf_free(&shorter);
    peers_free(&peers);
}

/* Two continuations of one chain: the one that came first stays. */
static void test_parted_chain(void **state) {
    struct peers peers = {0};
    struct buf one = {0}, two = {0};
    struct agency agency, parted;
    (void)state;
    fixture_agency(&one, &agency, 100);
    fixture_agency(&two, &parted, 100);
    fixture_agency_node(&one, &agency, 100, 150);
    fixture_agency_node(&two, &parted, 100, 160);
    fixture_agency_node(&two, &parted, 100, 170);
    assert_int_equal(pin(&peers, &one, true), OK);
    assert_int_equal(pin(&peers, &two, false), ERR_CHAIN);
    assert_int_equal(peers.count, 2);
    two.data[two.size - 1] ^= 1;
    assert_int_equal(pin(&peers, &two, false), ERR_SIGNATURE);
    buf_free(&one), buf_free(&two);
    peers_free(&peers);
}

/* Unpinning takes the nodes of that agency and no others, and every index and lookup is right afterwards. */
static void test_unpin(void **state) {
    struct peers peers = {0};
    struct agency agencies[20];
    (void)state;
    for (uint32_t i = 0; i < 20; i++) {
        struct buf chain = {0};
        fixture_agency(&chain, &agencies[i], 100 * (i + 1));
        fixture_agency_node(&chain, &agencies[i], 100 * (i + 1), 100 * (i + 1) + 50);
        assert_int_equal(pin(&peers, &chain, true), OK);
        buf_free(&chain);
    }
    assert_false(peers_distrust(&peers, agencies[0].id)); /* the own one */
    assert_true(peers_distrust(&peers, agencies[7].id));
    assert_false(peers_distrust(&peers, agencies[7].id));
    assert_int_equal(peers.count, 38);
    for (size_t i = 0; i < 20; i++)
        for (size_t k = 0; k < 2; k++) {
            const struct peer *peer = peers_find(&peers, agencies[i].nodes[k].id);
            assert_int_equal(peer != NULL, i != 7);
            if (!peer) continue;
            assert_ptr_equal(peers.list[peers_index(&peers, peer)], peer);
            assert_memory_equal(peers.members[peer->member]->agency->id, agencies[i].id, AGENCY_ID_BYTES);
            assert_ptr_equal(peers_find_curve(&peers, agencies[i].nodes[k].curve_public), peer);
        }
    assert_null(peers_member_find(&peers, agencies[7].id));
    peers_free(&peers);
}

static void test_prekeys(void **state) {
    struct peers peers = {0};
    struct buf chain = {0}, prekeys = {0};
    struct agency agency, stranger;
    (void)state;
    fixture_agency(&chain, &agency, 100);
    assert_int_equal(pin(&peers, &chain, true), OK);
    fixture_entry_prekey(&prekeys, &agency, 100, 2, FIXTURE_NOW_MS);
    assert_int_equal(peers_prekeys(&peers, bytes_of_buf(&prekeys)), OK);
    assert_int_equal(peers.list[0]->prekey.id, 2);
    buf_clear(&prekeys);
    fixture_entry_prekey(&prekeys, &agency, 100, 1, FIXTURE_NOW_MS + 1);
    assert_int_equal(peers_prekeys(&peers, bytes_of_buf(&prekeys)), OK);
    assert_int_equal(peers.list[0]->prekey.id, 2);
    prekeys.data[prekeys.size - 1] ^= 1;
    assert_int_equal(peers_prekeys(&peers, bytes_of_buf(&prekeys)), ERR_SIGNATURE);
    buf_clear(&prekeys), buf_clear(&chain);
    fixture_agency(&chain, &stranger, 200);
    fixture_entry_prekey(&prekeys, &stranger, 200, 1, FIXTURE_NOW_MS);
    assert_int_equal(peers_prekeys(&peers, bytes_of_buf(&prekeys)), ERR_UNKNOWN_AUTHOR);
    buf_free(&chain), buf_free(&prekeys);
    peers_free(&peers);
}

static void test_welcome(void **state) {
    struct agency_node node = fixture_node(40);
    struct peer peer = {.node = &node, .refused_until_ms = 5000};
    uint64_t from_ms = node.not_before_ms, to_ms = node.not_after_ms;
    (void)state;
    assert_true(peer_welcome(&peer, from_ms, 5000));
    assert_false(peer_welcome(&peer, from_ms, 4999));
    assert_true(peer_welcome(&peer, to_ms - 1, 5000));
    assert_false(peer_welcome(&peer, to_ms, 5000));
    assert_true(peer_welcome(&peer, from_ms - PREKEY_DAY_MS + 1, 5000)); /* clocks differ */
    assert_false(peer_welcome(&peer, from_ms - PREKEY_DAY_MS, 5000));
    node.revoked = true;
    assert_false(peer_welcome(&peer, from_ms, 5000));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_longer_chain), cmocka_unit_test(test_parted_chain),
                                       cmocka_unit_test(test_unpin), cmocka_unit_test(test_prekeys),
                                       cmocka_unit_test(test_welcome)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
