#include "tests/sim/story.h"

#include "gossip/core.h"

#include <string.h>

/* Stories of what a peer, or one's own other process, may cost. */

static struct link *end_of(struct world *world, size_t node, size_t peer) {
    struct links *links = &world->nodes[node].gossip->links;
    for (size_t i = 0; i < LIMIT_LINKS; i++)
        if (links->list[i].number && memcmp(links->list[i].node_id, world->nodes[peer].identity.node_id, NODE_ID_BYTES) == 0)
            return &links->list[i];
    return NULL;
}

static uint64_t payload_bytes(const struct world *world, size_t node, size_t author) {
    const struct disk *disk = &world->nodes[node].disk;
    const uint8_t *id = world->nodes[author].identity.node_id;
    uint64_t bytes = 0;
    for (uint64_t seq = 1; seq <= disk_head(disk, id); seq++)
        if (disk_payload_here(disk, id, seq)) bytes += disk_entry(disk, id, seq)->payload->size;
    return bytes;
}

/* Blocks that come all at once, none of them here yet, pass the quota no more than those that come one by one. */
static void a_batch_keeps_to_the_quota(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 91, 3);
    world_crash(world, 1);
    for (size_t i = 0; i < 10; i++) world_publish_all(world, 0, 9000);
    world_run(world, 10 * SECONDS);
    world->payload_quota_bytes = 40000;
    world_start(world, 1);
    world_run(world, 60 * SECONDS);
    assert_int_equal(disk_head(&world->nodes[1].disk, world->nodes[0].identity.node_id),
                     disk_head(&world->nodes[0].disk, world->nodes[0].identity.node_id));
    assert_in_range(payload_bytes(world, 1, 0), 20000, 40000);
    assert_true(payload_bytes(world, 2, 0) > 80000);
    assert_int_equal(world->nodes[1].notices[NOTICE_QUOTA], 1);
    assert_true(gossip_caught_up(world->nodes[1].gossip));
    story_end(world);
}

/* The next entry of an author's log, with the type and body of his last one of that type, pushed over its link. */
static void push(struct world *world, size_t author, size_t to, enum entry_type type) {
    const struct ledger_row *row = NULL;
    struct buf entry = {0}, message = {0};
    struct entry last;
    for (uint64_t seq = world->ledger.logs[author].count; seq > 0 && (!row || row->type != type); seq--)
        row = ledger_find(&world->ledger, author, seq);
    assert_true(row && row->type == type);
    assert_int_equal(entry_parse(&last, blob_bytes(row->entry)), OK);
    struct entry_draft draft = {.type = type, .time_ms = world_wall_ms(world, author), .body = last.body};
    draft.seq = gossip_own_next(world->nodes[author].gossip, draft.previous);
    identity_entry(&world->nodes[author].identity, &entry, &draft);
    wire_push(&message, bytes_of_buf(&entry), PUSH_AWAITED, bytes_of(NULL, 0));
    assert_true(world_inject(world, author, to, bytes_of_buf(&message)));
    buf_free(&entry), buf_free(&message);
    world_run(world, 3);
}

/* The same, when the link may cost so many signatures more. */
static uint64_t push_within(struct world *world, uint64_t tokens, enum entry_type type) {
    const struct world_node *self = &world->nodes[1];
    struct gossip_log_view view;
    struct link *end = end_of(world, 1, 0);
    assert_non_null(end);
    end->signatures = (struct bucket){.level = LIMIT_RATE_SIGNATURES_BURST - tokens, .at_ms = world->now_ms + 1000};
    push(world, 0, 1, type);
    assert_true(gossip_log_find(self->gossip, world->nodes[0].identity.node_id, &view));
    return view.head;
}

/* Who may be a reader also tries to open a slot of an EPOCH, so one costs four signatures. PROTOCOL.md 9 */
static void an_epoch_costs_more(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 92, 2);
    world_publish_all(world, 0, 100);
    world_run(world, 10 * SECONDS);
    world->delay_ms = 1, world->jitter_ms = 0;
    uint64_t before = disk_head(&world->nodes[0].disk, world->nodes[0].identity.node_id);
    assert_int_equal(push_within(world, 2, ENTRY_EPOCH), before);
    assert_int_equal(push_within(world, LIMIT_COST_EPOCH, ENTRY_EPOCH), before + 1);
    world_close(world);

    world_mesh(world, 93, 2);
    world_run(world, 10 * SECONDS);
    world->delay_ms = 1, world->jitter_ms = 0;
    before = disk_head(&world->nodes[0].disk, world->nodes[0].identity.node_id);
    assert_int_equal(push_within(world, 2, ENTRY_PREKEY), before + 1);
    world_close(world); /* the ledger does not know these entries, so the invariants cannot be asked here */
}

/* A list of whole buckets is held against all logs, so it costs as much as eight announcements, also when it names nothing. */
static void a_list_of_heads_costs_more(void **state) {
    struct world *world = &story_world;
    struct wire_pair pair = {.number = 1000};
    (void)state;
    world_mesh(world, 95, 2);
    world_run(world, 10 * SECONDS);
    world->delay_ms = 1, world->jitter_ms = 0;
    struct link *end = end_of(world, 1, 0);
    assert_non_null(end);
    link_tag(pair.tag, end, bytes_of(world->nodes[0].identity.node_id, NODE_ID_BYTES));
    for (unsigned whole = 0; whole < 2; whole++) {
        struct buf message = {0};
        wire_heads(&message, end->generation_heard, end->generation_told, whole ? WIRE_BUCKETS_ALL : 0, 0, &pair, 1);
        for (unsigned tokens = LIMIT_COST_HEADS / 2; tokens <= LIMIT_COST_HEADS; tokens += LIMIT_COST_HEADS / 2) {
            uint32_t asked = world->kinds[MESSAGE_GET];
            end->announcements = (struct bucket){.level = LIMIT_RATE_ANNOUNCE_BURST - tokens, .at_ms = world->now_ms + 1000};
            assert_true(world_inject(world, 0, 1, bytes_of_buf(&message)));
            world_run(world, 3);
            assert_int_equal(world->kinds[MESSAGE_GET] > asked, !whole || tokens >= LIMIT_COST_HEADS);
            world_run(world, 100);
        }
        buf_free(&message);
    }
    world_close(world);
}

/* Who pushes one entry again and again is one way in, not many: neither it nor anybody else is pruned for that. */
static void the_same_link_again_is_no_copy(void **state) {
    struct world *world = &story_world;
    struct buf message = {0};
    (void)state;
    world_mesh(world, 96, 4);
    uint64_t seq = world_publish_all(world, 0, 100);
    world_run(world, 2 * SECONDS);
    wire_push(&message, blob_bytes(world_ledger(world, 0, seq)->entry), PUSH_AWAITED, bytes_of(NULL, 0));
    for (unsigned i = 0; i < 2 * PUSH_COPIES; i++) assert_true(world_inject(world, 3, 1, bytes_of_buf(&message)));
    world_run(world, 2 * SECONDS);
    for (size_t peer = 0; peer < 4; peer++) {
        if (peer == 1) continue;
        const struct link *end = end_of(world, 1, peer);
        assert_true(end && end->eager_in);
        assert_int_equal(end->prunes_out, 0);
    }
    assert_true(end_of(world, 1, 3)->copies_in >= 2 * PUSH_COPIES);
    buf_free(&message);
    story_end(world);
}

static size_t questions(const struct gossip *gossip, enum question_kind kind) {
    size_t count = 0;
    for (size_t i = 0; i < gossip->question_places; i++)
        count += gossip->questions[i].ticket != 0 && gossip->questions[i].kind == kind;
    return count;
}

/* Runs, a millisecond at a time, until node 0 waits for such a signature. */
static bool waits_for(struct world *world, enum question_kind kind) {
    for (unsigned i = 0; i < 5000 && questions(world->nodes[0].gossip, kind) == 0; i++) world_run(world, 1);
    return questions(world->nodes[0].gossip, kind) > 0;
}

/* The key process goes, and comes back without what it was asked: nothing waits for it, heads can be signed again, links open again. */
static void who_signs_starts_anew(void **state) {
    struct world *world = &story_world;
    struct event lost = {.kind = EVENT_SIGNER_LOST};
    const uint8_t nonce[WIRE_NONCE_VERIFY_BYTES] = {7};
    struct buf message = {0};
    bool caught = false;
    (void)state;
    world_mesh(world, 94, 2);
    wire_verify(&message, nonce);
    for (unsigned i = 0; i < 20 && !caught; i++) {
        assert_true(world_inject(world, 1, 0, bytes_of_buf(&message)));
        caught = waits_for(world, QUESTION_VERIFY);
    }
    assert_true(caught && end_of(world, 0, 1)->verify_signing);
    world_step(world, 0, &lost);
    assert_int_equal(questions(world->nodes[0].gossip, QUESTION_VERIFY), 0);
    assert_false(end_of(world, 0, 1)->verify_signing);
    world_run(world, 1 * SECONDS);

    caught = false;
    for (unsigned i = 0; i < 20 && !caught; i++) {
        world_reset(world, 0, 1);
        caught = waits_for(world, QUESTION_SIGN);
    }
    assert_true(caught);
    world_step(world, 0, &lost);
    assert_int_equal(questions(world->nodes[0].gossip, QUESTION_SIGN), 0);
    world_run(world, 60 * SECONDS);
    struct link *end = end_of(world, 0, 1);
    assert_true(end && link_open(end));
    struct event ask = {.kind = EVENT_VERIFY, .verify = {.number = 1, .agency_id = world->nodes[0].identity.agency_id}};
    world_step(world, 1, &ask);
    world_run(world, 2 * SECONDS);
    assert_int_equal(world->nodes[1].verified, 2);
    buf_free(&message);
    story_end(world);
}

int test_bounds(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_keeps_to_the_quota), cmocka_unit_test(an_epoch_costs_more),
        cmocka_unit_test(a_list_of_heads_costs_more), cmocka_unit_test(the_same_link_again_is_no_copy),
        cmocka_unit_test(who_signs_starts_anew),
    };
    return cmocka_run_group_tests_name("bounds", tests, NULL, NULL);
}
