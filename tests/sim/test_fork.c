#include "tests/sim/story.h"

#include "gossip/core.h"

#include <string.h>

/* A branch of an author's log as he writes it on, beside whatever else he says. */
struct branch {
    size_t author;
    uint64_t seq; /* of its last entry */
    uint8_t id[HASH_BYTES];
};

static struct branch branch_of(const struct world *world, size_t author) {
    struct branch branch = {.author = author};
    branch.seq = gossip_own_next(world->nodes[author].gossip, branch.id) - 1;
    return branch;
}

/* The branch's next entry. */
static void branch_write(const struct world *world, struct branch *branch, struct buf *out, uint8_t salt) {
    uint8_t body[4] = {salt};
    struct entry_draft draft = {.type = ENTRY_STATEMENT, .body = bytes_of(body, sizeof body), .seq = branch->seq + 1};
    struct entry entry;
    draft.time_ms = world_wall_ms(world, branch->author);
    memcpy(draft.previous, branch->id, HASH_BYTES);
    size_t before = out->size;
    identity_entry(&world->nodes[branch->author].identity, out, &draft);
    assert_int_equal(entry_parse(&entry, bytes_of(out->data + before, out->size - before)), OK);
    branch->seq = entry.seq;
    memcpy(branch->id, entry.id, HASH_BYTES);
}

/* Writes `count` entries and pushes each to a node, over the author's link to it. */
static void branch_push(struct world *world, struct branch *branch, size_t to, size_t count, uint8_t salt) {
    for (size_t i = 0; i < count; i++) {
        struct buf bytes = {0}, message = {0};
        branch_write(world, branch, &bytes, salt);
        wire_push(&message, bytes_of_buf(&bytes), PUSH_AWAITED, bytes_of(NULL, 0));
        assert_true(world_inject(world, branch->author, to, bytes_of_buf(&message)));
        buf_free(&bytes), buf_free(&message);
    }
    world_run(world, 1 * SECONDS);
}

/* Writes `count` entries and puts them where a node that is down has its log of the author. */
static void branch_plant(struct world *world, struct branch *branch, size_t at, size_t count, uint8_t salt) {
    struct disk *disk = &world->nodes[at].disk;
    struct buf bytes = {0};
    for (size_t i = 0; i < count; i++) branch_write(world, branch, &bytes, salt);
    disk_entries_put(disk, world->nodes[branch->author].identity.node_id, bytes_of_buf(&bytes), true);
    disk_sync(disk, disk->writes);
    buf_free(&bytes);
}

static struct gossip_log_view view_of(const struct world *world, size_t node, size_t author) {
    struct gossip_log_view view;
    assert_true(gossip_log_find(world->nodes[node].gossip, world->nodes[author].identity.node_id, &view));
    return view;
}

static void assert_frozen(const struct world *world, size_t first, size_t last, size_t author, uint64_t seq) {
    for (size_t node = first; node <= last; node++) {
        struct gossip_log_view view = view_of(world, node, author);
        assert_int_equal(view.fork_seq, seq);
        assert_true(view.frozen);
        assert_int_equal(view.head, seq - 1);
        assert_int_equal(view.head_durable, seq - 1);
        assert_int_equal(world->nodes[node].notices[NOTICE_FORK], 1);
        assert_int_equal(world->nodes[node].notices[NOTICE_PEER_MALFORMED] + world->nodes[node].notices[NOTICE_PEER_SIGNATURE], 0);
    }
}

/* Nodes 1 and 2 took one branch each while they did not hear of each other; the author is gone. The ledger knows neither branch, so
   that the invariants that ask it are left out here. */
static void two_branches(struct world *world, size_t count_one, size_t count_two) {
    struct branch one = branch_of(world, 0), two = one;
    world->nodes[0].suspect = true;
    for (size_t i = 0; i < 3; i++) world_crash(world, i);
    branch_plant(world, &one, 1, count_one, 1);
    branch_plant(world, &two, 2, count_two, 2);
    world_start(world, 1), world_start(world, 2);
}

static bool all_frozen(struct world *world) {
    for (size_t node = 0; node < world->count; node++)
        if (world->nodes[node].gossip && !view_of(world, node, 0).frozen) return false;
    return true;
}

/* An author who signs two entries at one number is found out by those who took one each, and everyone gets the proof. */
static void an_equivocator_is_frozen_everywhere(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 71, 5);
    struct branch one = branch_of(world, 0), two = one;
    branch_push(world, &one, 1, 1, 1);
    branch_push(world, &two, 2, 1, 2);
    assert_true(world_run_until(world, all_frozen, 30 * SECONDS));
    world_run(world, 5 * SECONDS);
    assert_frozen(world, 0, 4, 0, two.seq);
    world_close(world);
}

/* Old entries that come again are looked up one after the other; a contradiction among them is not passed over meanwhile. */
static void an_old_entry_hides_no_fork(void **state) {
    struct world *world = &story_world;
    struct buf old = {0}, other = {0}, message = {0};
    (void)state;
    world_mesh(world, 82, 3);
    struct branch one = branch_of(world, 0), two = one;
    branch_push(world, &one, 1, 1, 1);
    branch_write(world, &two, &other, 2);
    wire_push(&old, blob_bytes(ledger_find(&world->ledger, 0, 1)->entry), PUSH_AWAITED, bytes_of(NULL, 0));
    wire_push(&message, bytes_of_buf(&other), PUSH_AWAITED, bytes_of(NULL, 0));
    assert_true(world_inject(world, 0, 2, bytes_of_buf(&old)));
    assert_true(world_inject(world, 0, 2, bytes_of_buf(&message)));
    assert_true(world_run_until(world, all_frozen, 5 * SECONDS));
    assert_frozen(world, 0, 2, 0, two.seq);
    buf_free(&old), buf_free(&other), buf_free(&message);
    world_close(world);
}

/* Long branches that parted long ago: the place is found by halving. */
static void a_deep_fork_is_found(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 72, 4);
    uint64_t common = branch_of(world, 0).seq;
    two_branches(world, 7000, 3000);
    assert_true(world_run_until(world, all_frozen, 5 * MINUTES));
    world_run(world, 5 * SECONDS);
    assert_frozen(world, 1, 3, 0, common + 1);
    world_close(world);
}

/* Branches of one length: the numbers are equal, the digests are not. */
static void a_fork_of_equal_heads(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 77, 3);
    uint64_t common = branch_of(world, 0).seq;
    two_branches(world, 60, 60);
    assert_true(world_run_until(world, all_frozen, 8 * SECONDS));
    world_run(world, 5 * SECONDS);
    assert_frozen(world, 1, 2, 0, common + 1);
    world_close(world);
}

/* An old entry that comes again with other content is looked up, and is the proof. */
static void an_old_number_again(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 73, 3);
    struct branch one = branch_of(world, 0), two = one;
    branch_push(world, &one, 1, 40, 1);
    branch_push(world, &two, 1, 1, 2);
    assert_true(world_run_until(world, all_frozen, 30 * SECONDS));
    world_run(world, 5 * SECONDS);
    assert_frozen(world, 0, 2, 0, two.seq);
    world_close(world);
}

/* The proof outlives a restart, and a node that was away gets it when it comes back. */
static void a_proof_is_kept(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 74, 4);
    struct branch one = branch_of(world, 0), two = one;
    world_crash(world, 3);
    branch_push(world, &one, 1, 3, 1);
    branch_push(world, &two, 2, 1, 2);
    world_run(world, 10 * SECONDS);
    assert_frozen(world, 0, 2, 0, two.seq);
    world_crash(world, 1), world_crash(world, 2);
    world_crash(world, 0);
    world_run(world, 10 * SECONDS);
    world_start(world, 1), world_start(world, 3);
    world_run(world, 60 * SECONDS);
    assert_frozen(world, 3, 3, 0, two.seq);
    assert_int_equal(view_of(world, 1, 0).head, two.seq - 1);
    assert_true(view_of(world, 1, 0).frozen);
    world_close(world);
}

static void revoke(struct world *world, size_t agency, const struct branch *last, size_t teller) {
    identity_revoke(&world->nodes[agency].identity, last->seq, last->id, world_wall_ms(world, agency));
    world_learn_chain(world, teller, agency);
    world_run(world, 60 * SECONDS);
}

/* A cut names the branch that counts: who had set it aside has it back, who had the other one fetches it; so everyone ends equal. */
static void a_cut_settles_it(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 75, 4);
    struct branch one = branch_of(world, 0), two = one;
    world_cut(world, 1, 2, true), world_cut(world, 2, 3, true);
    world_run(world, 20 * SECONDS);
    branch_push(world, &one, 1, 5, 1);
    struct branch cut = one;
    branch_push(world, &one, 1, 5, 1);
    branch_push(world, &two, 2, 7, 2);
    world_heal(world);
    assert_true(world_run_until(world, all_frozen, 5 * MINUTES));
    world_run(world, 60 * SECONDS);
    revoke(world, 0, &cut, 2);
    world_run(world, 2 * MINUTES);
    for (size_t node = 1; node < 4; node++) {
        struct gossip_log_view view = view_of(world, node, 0);
        assert_false(view.frozen);
        assert_int_equal(view.head, cut.seq);
        assert_int_equal(view.head_durable, cut.seq);
        const struct disk_entry *entry = disk_entry(&world->nodes[node].disk, world->nodes[0].identity.node_id, cut.seq);
        struct entry parsed;
        assert_non_null(entry);
        assert_int_equal(entry_parse(&parsed, blob_bytes(entry->entry)), OK);
        assert_memory_equal(parsed.id, cut.id, HASH_BYTES);
    }
    /* And so it stays after a restart. */
    world_crash(world, 2);
    world_start(world, 2);
    world_run(world, 60 * SECONDS);
    assert_int_equal(view_of(world, 2, 0).head, cut.seq);
    assert_false(view_of(world, 2, 0).frozen);
    world_close(world);
}

/* A node restored from an old copy writes nothing before its peers told it what it forgot; then it writes on behind that. */
static void an_old_copy_writes_no_fork(void **state) {
    struct world *world = &story_world;
    enum err err;
    (void)state;
    world_mesh(world, 78, 3);
    for (size_t i = 0; i < 6; i++) world_publish_all(world, 0, 300);
    world_run(world, 10 * SECONDS);
    uint64_t before = disk_head(&world->nodes[0].disk, world->nodes[0].identity.node_id);
    world_crash(world, 0);
    disk_truncate(&world->nodes[0].disk, world->nodes[0].identity.node_id, 3);
    world_cut(world, 0, 1, true), world_cut(world, 0, 2, true);
    world_start(world, 0);
    for (size_t i = 0; i < 20; i++) {
        world_run(world, 30 * SECONDS);
        assert_int_equal(gossip_own_ready(world->nodes[0].gossip), GOSSIP_OWN_ASKING);
        assert_int_equal(world_publish(world, 0, "011", CARRIAGE_RELAY, 100, &err), 0);
    }
    world_heal(world);
    world_run(world, 90 * SECONDS);
    assert_int_equal(gossip_own_ready(world->nodes[0].gossip), GOSSIP_OWN_READY);
    assert_true(world_publish_all(world, 0, 300) > before);
    world_run(world, 20 * SECONDS);
    assert_true(check_converged(world));
    for (size_t i = 0; i < 3; i++) assert_int_equal(world->nodes[i].notices[NOTICE_FORK], 0);
    story_end(world);
}

/* A peer that knows better and whose answers are late, twice and more, is still believed: nothing is signed twice. */
static void a_slow_line_is_no_lie(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 82, 2);
    for (size_t i = 0; i < 6; i++) world_publish_all(world, 0, 300);
    world_run(world, 10 * SECONDS);
    uint64_t before = disk_head(&world->nodes[0].disk, world->nodes[0].identity.node_id);
    world_crash(world, 0);
    disk_truncate(&world->nodes[0].disk, world->nodes[0].identity.node_id, 3);
    world_start(world, 0);
    for (unsigned i = 0; gossip_own_ready(world->nodes[0].gossip) == GOSSIP_OWN_ASKING && i < 60 * SECONDS; i++)
        world_run(world, 1);
    assert_int_equal(gossip_own_ready(world->nodes[0].gossip), GOSSIP_OWN_BEHIND);
    world_cut_unseen(world, 0, 1, true);
    for (unsigned i = 0; i < 13; i++) {
        world_run(world, 1 * SECONDS);
        assert_int_equal(gossip_own_ready(world->nodes[0].gossip), GOSSIP_OWN_BEHIND);
    }
    world_cut_unseen(world, 0, 1, false);
    world_run(world, 60 * SECONDS);
    assert_int_equal(gossip_own_ready(world->nodes[0].gossip), GOSSIP_OWN_READY);
    assert_true(world_publish_all(world, 0, 300) > before);
    world_run(world, 20 * SECONDS);
    assert_true(check_converged(world));
    for (size_t i = 0; i < 2; i++) assert_int_equal(world->nodes[i].notices[NOTICE_FORK], 0);
    story_end(world);
}

/* Who has pinned nobody has nobody to ask. */
static void alone_it_writes_at_once(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_open(world, 79, 1);
    world_start(world, 0);
    assert_true(world_publish_all(world, 0, 100) > 0);
    story_end(world);
}

/* A made-up proof costs its bearer the link. */
static void a_false_proof(void **state) {
    struct world *world = &story_world;
    struct buf message = {0}, a = {0}, b = {0};
    (void)state;
    world_mesh(world, 76, 3);
    for (uint8_t i = 0; i < 2; i++) {
        struct entry_draft draft = {.type = ENTRY_STATEMENT, .body = bytes_of(&i, 1), .time_ms = WORLD_EPOCH_MS};
        draft.seq = gossip_own_next(world->nodes[0].gossip, draft.previous);
        identity_entry(&world->nodes[0].identity, i ? &b : &a, &draft);
    }
    b.data[b.size - 1] ^= 1;
    struct fork fork;
    assert_int_equal(fork_make(&fork, bytes_of_buf(&a), bytes_of_buf(&b)), OK);
    wire_fork(&message, fork.runs[0], fork.runs[1]);
    assert_true(world_inject(world, 1, 2, bytes_of_buf(&message)));
    world_run(world, 1 * SECONDS);
    assert_int_equal(world->nodes[2].notices[NOTICE_PEER_SIGNATURE], 1);
    assert_false(view_of(world, 2, 0).frozen);
    buf_free(&message), buf_free(&a), buf_free(&b);
    story_end(world);
}

/* A peer signs where the common logs end at it: all equal once converged, and what differs shows. */
static void completeness_can_be_shown(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 80, 3);
    struct world_node *asker = &world->nodes[0];
    for (size_t i = 0; i < 3; i++) world_publish_all(world, i, 300);
    world_run(world, 20 * SECONDS);
    struct event event = {.kind = EVENT_VERIFY, .verify = {.number = 1, .agency_id = world->nodes[1].identity.agency_id}};
    world_step(world, 0, &event);
    world_run(world, 2 * SECONDS);
    assert_int_equal(asker->verified, 3);
    assert_int_equal(asker->verified_equal, 3);
    /* What came and is not on the disk yet does not count. */
    world->sync_ms = 4 * SECONDS;
    world_publish_all(world, 1, 300);
    world_run(world, 8 * SECONDS);
    event.verify.number = 2;
    world_step(world, 0, &event);
    world_run(world, 500);
    assert_int_equal(asker->verified, 3);
    assert_int_equal(asker->verified_equal, 2);
    world_run(world, 20 * SECONDS);
    event.verify.number = 3;
    world_step(world, 0, &event);
    world_run(world, 2 * SECONDS);
    assert_int_equal(asker->verified_equal, 3);
    story_end(world);
}

/* A store that holds one branch behind another, when its agency was unpinned and pinned again: what is served of it ends at the seam,
   and its bearer, who told no lie, is not refused. */
static void a_mixed_store_is_no_lie(void **state) {
    struct world *world = &story_world;
    struct buf unseen = {0};
    (void)state;
    world_mesh(world, 84, 3);
    struct branch one = branch_of(world, 0), two = one;
    world->nodes[0].suspect = true;
    world_crash(world, 0), world_crash(world, 1);
    branch_plant(world, &one, 1, 3, 1);
    for (size_t i = 0; i < 3; i++) branch_write(world, &two, &unseen, 2);
    branch_plant(world, &two, 1, 4, 2);
    world_start(world, 1);
    world_run(world, 90 * SECONDS);
    assert_int_equal(view_of(world, 1, 0).head, two.seq);
    assert_int_equal(view_of(world, 2, 0).head, one.seq);
    assert_int_equal(world->nodes[2].notices[NOTICE_PEER_MALFORMED] + world->nodes[2].notices[NOTICE_PEER_SIGNATURE], 0);
    assert_non_null(world_link_between(world, 1, 2));
    buf_free(&unseen);
    world_close(world);
}

static size_t root_bytes(const struct identity *identity) { return 2u + get_be16(identity->chain.data); }

static bool knows(const struct world *world, size_t node, size_t author) {
    struct gossip_log_view view;
    return gossip_log_find(world->nodes[node].gossip, world->nodes[author].identity.node_id, &view);
}

/* An agency is pinned again with a card older than its node. When somebody tells the rest of its chain, the log goes on where the store left
   it: another branch is not fetched over it, but proven, and the proof that was kept holds at once. */
static void an_older_card_mixes_nothing(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 86, 3);
    const struct identity *author = &world->nodes[0].identity;
    uint64_t common = branch_of(world, 0).seq;
    world->nodes[0].suspect = true;
    struct branch one = branch_of(world, 0), two = one;
    for (size_t i = 0; i < 3; i++) world_crash(world, i);
    branch_plant(world, &one, 1, 5, 1);
    branch_plant(world, &two, 2, 2, 2);
    for (unsigned again = 0; again < 2; again++) {
        world_cut(world, 1, 2, true);
        if (!again) world_start(world, 1), world_start(world, 2);
        world_unpin(world, 1, 0);
        world_pin_card(world, 1, 0, root_bytes(author));
        assert_false(knows(world, 1, 0));
        world_cut(world, 1, 2, false);
        for (unsigned i = 0; i < 600 && !knows(world, 1, 0); i++) world_run(world, 100);
        assert_true(knows(world, 1, 0));
        if (again) assert_true(view_of(world, 1, 0).frozen);
        assert_true(world_run_until(world, all_frozen, 60 * SECONDS));
        assert_frozen(world, 1, 2, 0, common + 1);
        assert_int_equal(disk_head(&world->nodes[1].disk, author->node_id), one.seq); /* set aside */
        assert_int_equal(disk_head(&world->nodes[2].disk, author->node_id), two.seq);
    }
    world_close(world);
}

static size_t searches(const struct world *world, size_t node) {
    size_t count = 0;
    for (size_t i = 0; i < LIMIT_DISPUTES; i++) count += world->nodes[node].gossip->disputes[i].used;
    return count;
}

/* An entry that hangs on another one than ours: its author's branch parted where nobody has looked yet. */
static void branch_contradict(struct world *world, size_t author, size_t from, size_t to) {
    struct branch other = branch_of(world, author);
    struct buf bytes = {0}, message = {0};
    memset(other.id, 9, sizeof other.id);
    branch_write(world, &other, &bytes, 9);
    wire_push(&message, bytes_of_buf(&bytes), PUSH_AWAITED, bytes_of(NULL, 0));
    assert_true(world_inject(world, from, to, bytes_of_buf(&message)));
    buf_free(&bytes), buf_free(&message);
    world_run(world, 200);
}

/* A peer that brings contradictions in many logs, and never says where they begin, has half of the searches: another peer's are looked
   into meanwhile. */
static void searches_are_shared(void **state) {
    struct world *world = &story_world;
    (void)state;
    world_mesh(world, 85, 7);
    world_run(world, 20 * SECONDS);
    world_cut_way(world, 6, 5, true);
    for (size_t author = 0; author < 4; author++) branch_contradict(world, author, 5, 6);
    assert_int_equal(searches(world, 6), LIMIT_DISPUTES / 2);
    branch_contradict(world, 4, 3, 6);
    const struct peer *author = peers_find(&world->nodes[6].gossip->peers, world->nodes[4].identity.node_id);
    assert_true(author->log.disputed || author->log.dispute_next_ms > 0); /* it may be over already */
    world_run(world, 60 * SECONDS);
    assert_int_equal(searches(world, 6), 0);
    for (size_t i = 0; i < 5; i++) assert_false(view_of(world, 6, i).frozen);
    world_close(world);
}

int test_fork(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_equivocator_is_frozen_everywhere),
        cmocka_unit_test(an_old_entry_hides_no_fork),
        cmocka_unit_test(a_deep_fork_is_found),
        cmocka_unit_test(a_fork_of_equal_heads),
        cmocka_unit_test(an_old_number_again),
        cmocka_unit_test(a_proof_is_kept),
        cmocka_unit_test(a_cut_settles_it),
        cmocka_unit_test(a_false_proof),
        cmocka_unit_test(an_old_copy_writes_no_fork),
        cmocka_unit_test(a_slow_line_is_no_lie),
        cmocka_unit_test(alone_it_writes_at_once),
        cmocka_unit_test(completeness_can_be_shown),
        cmocka_unit_test(a_mixed_store_is_no_lie),
        cmocka_unit_test(an_older_card_mixes_nothing),
        cmocka_unit_test(searches_are_shared),
    };
    return cmocka_run_group_tests_name("sim: forks", tests, NULL, NULL);
}
