/* Logs of the store that the core hears of while it runs: they go on where they were left, as one branch, with the proof of their fork; and
   what is stored stays one branch. */
#include "gossip/fork.h"
#include "node/engine/engine_core.h"
#include "node/store/store_private.h"
#include "tests/unit/fixture_gossip.h"
#include "tests/unit/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define OWN  100u
#define HERS 200u
#define HIS  300u

struct writer {
    struct buf chain;
    struct agency agency;
    uint32_t number;
};

static struct fixture fixture;
static struct engine *engine;
static struct writer own, hers, his;
static int other_end;

static void writer_make(struct writer *out, uint32_t number) {
    *out = (struct writer){.number = number};
    fixture_agency(&out->chain, &out->agency, number);
}

static int setup(void **state) {
    struct gossip_options options = {.seed = {1}};
    int fds[2];
    (void)state;
    fixture_setup(&fixture, 0);
    writer_make(&own, OWN), writer_make(&hers, HERS), writer_make(&his, HIS);
    engine = calloc(1, sizeof *engine);
    assert_non_null(engine);
    engine->store = fixture.store;
    engine->codec = fixture.codec;
    if (epochs_init(engine) != OK || reader_init(engine) != OK) return -1;
    for (size_t i = 0; i < ROLE_COUNT; i++) engine->child.peers[i].fd = -1;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    channel_init(&engine->child.parent, fds[0]);
    other_end = fds[1];
    options.own_chain = bytes_of_buf(&own.chain);
    memcpy(options.node_id, own.agency.nodes[0].id, NODE_ID_BYTES);
    return gossip_open(&engine->gossip, &options) == OK ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    gossip_close(engine->gossip);
    actions_free(&engine->actions);
    recalls_free(engine);
    reader_free(engine);
    epochs_free(engine);
    channel_close(&engine->child.parent);
    close(other_end);
    buf_free(&engine->scratch_entry), buf_free(&engine->scratch);
    free(engine->follow_ups);
    free(engine);
    buf_free(&own.chain), buf_free(&hers.chain), buf_free(&his.chain);
    fixture_teardown(&fixture);
    return 0;
}

/* Entries `from` to `to` of the branch that has parted from branch 0 behind entry `common`. */
static void branch_write(struct buf *out, const struct writer *author, uint8_t branch, uint64_t common, uint64_t from,
                         uint64_t to) {
    uint8_t previous[HASH_BYTES] = {0};
    struct entry entry;
    for (uint64_t seq = 1; seq <= to; seq++) {
        struct buf one = {0};
        uint8_t body = seq > common ? branch : 0;
        fixture_entry(&one, &author->agency, author->number, ENTRY_STATEMENT, seq, seq > 1 ? previous : NULL, bytes_of(&body, 1));
        assert_int_equal(entry_parse(&entry, bytes_of_buf(&one)), OK);
        memcpy(previous, entry.id, HASH_BYTES);
        if (seq >= from) buf_put(out, bytes_of_buf(&one));
        buf_free(&one);
    }
}

static void branch_store(const struct writer *author, uint8_t branch, uint64_t common, uint64_t from, uint64_t to) {
    struct store_batch *batch = store_batch_new(fixture.store);
    struct buf entries = {0};
    struct entry entry;
    branch_write(&entries, author, branch, common, from, to);
    for (struct bytes rest = bytes_of_buf(&entries); rest.size > 0;
         rest = bytes_of(rest.data + entry.size, rest.size - entry.size)) {
        assert_int_equal(entry_parse(&entry, rest), OK);
        store_batch_entry(batch, &entry, true);
    }
    fixture_commit(&fixture, batch);
    buf_free(&entries);
}

static void pin(const struct writer *author) {
    struct event event = {.kind = EVENT_TRUST, .trust = {.chain = bytes_of_buf(&author->chain)}};
    assert_int_equal(engine_step(engine, &event), OK);
}

static struct gossip_log_view view_of(const struct writer *author) {
    struct gossip_log_view view;
    assert_true(gossip_log_find(engine->gossip, author->agency.nodes[0].id, &view));
    return view;
}

static uint64_t stored_end(const struct writer *author) {
    uint64_t end = 0;
    store_wait(fixture.store);
    enum err err = store_log_end(fixture.store, author->agency.nodes[0].id, &end);
    assert_true(err == OK || (err == ERR_NOT_FOUND && end == 0));
    return end;
}

/* Only logs of the agency whose chain grew; of all when an operator pinned. Neighbours in the order of keys are no concern. */
static void a_log_goes_on(void **state) {
    (void)state;
    assert_int_equal(stored_end(&hers), 0);
    branch_store(&hers, 0, 0, 1, 6);
    branch_store(&his, 0, 0, 1, 4);
    assert_int_equal(stored_end(&hers), 6);
    assert_int_equal(stored_end(&his), 4);
    assert_int_equal(stored_end(&own), 0);
    pin(&hers), pin(&his);
    logs_load_known(engine, his.agency.id);
    assert_int_equal(view_of(&hers).head, 0);
    assert_int_equal(view_of(&his).head, 4);
    assert_int_equal(view_of(&his).head_durable, 4);
    logs_load_known(engine, NULL);
    assert_int_equal(view_of(&hers).head, 6);
    assert_int_equal(view_of(&his).head, 4);
}

/* One branch behind another: the log ends at the seam, in the core and in the store, and goes on with what is fetched. */
static void a_seam_ends_it(void **state) {
    (void)state;
    branch_store(&hers, 1, 1, 1, 6);
    branch_store(&hers, 2, 1, 2, 3);
    assert_int_equal(stored_end(&hers), 6);
    pin(&hers);
    logs_load_known(engine, hers.agency.id);
    assert_int_equal(view_of(&hers).head, 3);
    assert_int_equal(stored_end(&hers), 3);
}

/* The proof comes back with the log, and also without it. */
static void a_proof_comes_back(void **state) {
    const struct writer *authors[2] = {&hers, &his};
    (void)state;
    branch_store(&hers, 1, 1, 1, 5);
    for (size_t i = 0; i < 2; i++) {
        struct buf message = {0}, runs[2] = {{0}, {0}};
        struct fork fork;
        char name[64], hex[2 * NODE_ID_BYTES + 1];
        branch_write(&runs[0], authors[i], 1, 1, 2, 2);
        branch_write(&runs[1], authors[i], 2, 1, 2, 2);
        assert_int_equal(fork_make(&fork, bytes_of_buf(&runs[0]), bytes_of_buf(&runs[1])), OK);
        wire_fork(&message, fork.runs[0], fork.runs[1]);
        hex_encode(hex, bytes_of(authors[i]->agency.nodes[0].id, NODE_ID_BYTES));
        snprintf(name, sizeof name, "fork/%s", hex);
        struct store_batch *batch = store_batch_new(fixture.store);
        store_batch_meta(batch, name, bytes_of_buf(&message));
        fixture_commit(&fixture, batch);
        buf_free(&message), buf_free(&runs[0]), buf_free(&runs[1]);
        pin(authors[i]);
        logs_load_known(engine, authors[i]->agency.id);
        assert_int_equal(view_of(authors[i]).fork_seq, 2);
        assert_true(view_of(authors[i]).frozen);
    }
    assert_int_equal(view_of(&hers).head, 1);
    assert_int_equal(view_of(&his).head, 0);
    assert_int_equal(stored_end(&hers), 5); /* set aside, not dropped: a cut may name it */
}

/* What is about to be written takes the place of another branch, and of nothing else. */
static void one_branch_is_stored(void **state) {
    struct buf same = {0}, next = {0}, other = {0};
    (void)state;
    branch_store(&hers, 1, 1, 1, 5);
    branch_store(&his, 1, 1, 1, 5);
    branch_write(&same, &hers, 1, 1, 2, 3);
    branch_write(&next, &hers, 1, 1, 6, 8);
    branch_write(&other, &hers, 2, 1, 1, 3);
    logs_one_branch(engine, bytes_of_buf(&same));
    assert_int_equal(stored_end(&hers), 5);
    logs_one_branch(engine, bytes_of_buf(&next));
    assert_int_equal(stored_end(&hers), 5);
    logs_one_branch(engine, bytes_of_buf(&other));
    assert_int_equal(stored_end(&hers), 1);
    assert_int_equal(stored_end(&his), 5);
    buf_free(&same), buf_free(&next), buf_free(&other);
}

/* So where the end is damaged, for which the core could not be told of the log. */
static void damage_is_no_hindrance(void **state) {
    struct buf other = {0};
    uint8_t raw[STORE_RECORD_KEY_BYTES];
    (void)state;
    branch_store(&hers, 1, 1, 1, 4);
    struct store_batch *batch = store_batch_new(fixture.store);
    store_batch_put(batch, ROCKS_ENTRIES, store_record_key(raw, hers.agency.nodes[0].id, 5), bytes_of_text("no entry"),
                    bytes_of_text("no tag"));
    fixture_commit(&fixture, batch);
    pin(&hers);
    logs_load_known(engine, hers.agency.id);
    assert_int_equal(view_of(&hers).head, 0);
    assert_int_equal(stored_end(&hers), 5);
    branch_write(&other, &hers, 2, 1, 1, 2);
    logs_one_branch(engine, bytes_of_buf(&other));
    assert_false(engine->stopping);
    assert_int_equal(stored_end(&hers), 1);
    buf_free(&other);
}

/* An epoch that the key process has before it while its branch goes: the answer is about that one, and not about the one that comes to
   stand at its number. */
static void an_answer_comes_too_late(void **state) {
    const uint8_t of_the_old[EPOCH_SECRET_BYTES] = {1}, of_the_new[EPOCH_SECRET_BYTES] = {2}, *node_id = hers.agency.nodes[0].id;
    struct entry entry = {.type = ENTRY_EPOCH, .seq = 4, .body = bytes_of_text("an epoch")};
    bool busy;
    (void)state;
    pin(&hers);
    memcpy(entry.agency_id, hers.agency.id, AGENCY_ID_BYTES), memcpy(entry.node_id, node_id, NODE_ID_BYTES);
    branch_store(&hers, 1, 1, 1, 5);
    epochs_arrived(engine, &entry);
    logs_truncate(engine, node_id, 2, 0);
    store_wait(fixture.store);
    epochs_arrived(engine, &entry);
    epochs_opened(engine, 0, of_the_old, OK);
    assert_int_equal(epochs_ours(engine, node_id, 4), OURS_UNKNOWN);
    epochs_opened(engine, 1, of_the_new, OK);
    assert_int_equal(epochs_ours(engine, node_id, 4), OURS_YES);
    const struct epoch *epoch = epochs_of_block(engine, node_id, 5, 4, &busy);
    assert_non_null(epoch);
    assert_memory_equal(epoch->secret, of_the_new, EPOCH_SECRET_BYTES);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_log_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(a_seam_ends_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_proof_comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(one_branch_is_stored, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_is_no_hindrance, setup, teardown),
        cmocka_unit_test_setup_teardown(an_answer_comes_too_late, setup, teardown),
    };
    return cmocka_run_group_tests_name("logs", tests, NULL, NULL);
}
