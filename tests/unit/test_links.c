/* links: slots, tags under the link's key, what is common, budgets. */
#include "gossip/links.h"
#include "tests/unit/fixture_gossip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct links links;

static void test_slots(void **state) {
    (void)state;
    assert_null(links_find(&links, 0));
    for (uint32_t i = 1; i <= LIMIT_LINKS; i++) {
        struct link *link = links_new(&links);
        assert_non_null(link);
        links_take(&links, link, i);
    }
    assert_null(links_new(&links));
    assert_int_equal(links_slot(&links, links_find(&links, 7)), 6);
    link_free(links_find(&links, 7));
    assert_int_equal(links_slot(&links, links_new(&links)), 6);
    for (size_t i = 0; i < LIMIT_LINKS; i++) link_free(&links.list[i]);
}

static void members(struct peers *peers, uint32_t count) {
    for (uint32_t i = 1; i <= count; i++) {
        struct buf chain = {0};
        struct agency agency;
        bool changed;
        fixture_agency(&chain, &agency, 100 * i);
        assert_int_equal(peers_trust(peers, bytes_of_buf(&chain), &changed), OK);
        assert_true(changed);
        buf_free(&chain);
    }
}

/* Both ends of a link make the same tags, other links make others; an agency that only one side trusts is not common. */
static void test_tags(void **state) {
    struct peers peers = {0};
    struct link link = {.number = 1, .key = {1}}, other = {.number = 2, .key = {2}};
    uint8_t tag[WIRE_TAG_BYTES], tag_other[WIRE_TAG_BYTES];
    (void)state;
    members(&peers, 3);
    link.peer_agencies = calloc(2, sizeof *link.peer_agencies);
    assert_non_null(link.peer_agencies);
    link_tag_agency(link.peer_agencies[0].tag, &link, peers.members[1]->agency->id, false);
    memset(link.peer_agencies[1].tag, 7, WIRE_TAG_BYTES);
    link.peer_agency_count = 2;
    assert_true(link_tables(&link, &peers) && link_tables(&other, &peers));
    for (size_t i = 0; i < peers.count; i++) {
        link_tag(tag, &link, bytes_of(peers.list[i]->node->id, NODE_ID_BYTES));
        link_tag(tag_other, &other, bytes_of(peers.list[i]->node->id, NODE_ID_BYTES));
        assert_memory_not_equal(tag, tag_other, WIRE_TAG_BYTES);
        assert_int_equal(link_log_of_tag(&link, &peers, tag), i);
        assert_int_equal(link_log_of_tag(&other, &peers, tag), -1);
        assert_int_equal(link.logs[i].common, i == 1);
    }
    assert_non_null(link_peer_agency(&link, peers.members[1]->agency->id));
    assert_null(link_peer_agency(&link, peers.members[0]->agency->id));
    link.same = true;
    assert_true(link_tables(&link, &peers));
    for (size_t i = 0; i < peers.count; i++) assert_true(link.logs[i].common);
    link_free(&link), link_free(&other);
    peers_free(&peers);
}

/* A full bucket gives its burst at once, then its rate, and no fraction of it is lost. */
static void test_bucket(void **state) {
    struct bucket bucket = {0};
    (void)state;
    for (size_t i = 0; i < 1000; i++) assert_true(bucket_take(&bucket, 5, 1, 200, 1000));
    assert_false(bucket_take(&bucket, 5, 1, 200, 1000));
    size_t taken = 0;
    for (uint64_t now_ms = 5; now_ms <= 1005; now_ms += 7) taken += bucket_take(&bucket, now_ms, 1, 200, 1000);
    assert_in_range(taken, 140, 143);
    assert_false(bucket_take(&(struct bucket){0}, 5, 1001, 200, 1000));
    assert_true(bucket_take(&bucket, 1ull << 50, 1000, 200, 1000));
    taken = 0;
    bucket = (struct bucket){.level = 1000, .at_ms = 10};
    for (uint64_t now_ms = 10; now_ms <= 10010; now_ms += 7)
        while (bucket_take(&bucket, now_ms, 1, 200, 1000)) taken++;
    assert_in_range(taken, 1998, 2000);
}

/* What waits and what was not drained count together. */
static void test_burdened(void **state) {
    struct link link = {0};
    (void)state;
    assert_false(link_burdened(&link));
    link.serving = LIMIT_SERVING - 1;
    assert_false(link_burdened(&link));
    link.serving = LIMIT_SERVING;
    assert_true(link_burdened(&link));
    link.serving = 0, link.queued_bytes = LIMIT_LINK_CHARGE_BYTES - LIMIT_ENTRIES_BYTES;
    assert_false(link_burdened(&link));
    link.queued_bytes++;
    assert_true(link_burdened(&link));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_slots), cmocka_unit_test(test_tags), cmocka_unit_test(test_bucket),
                                       cmocka_unit_test(test_burdened)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
