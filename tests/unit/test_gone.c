/* The withdrawal list: rows are seen when they are on disk, in order, each once, also over a restart; old ones go; and the places of
   subscriptions in it only move forward, until it does not reach them any more. */
#include "node/engine/engine_core.h"
#include "node/process/clock.h"
#include "node/recall/gone_terms.h"
#include "tests/unit/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MANY 1000 /* rows: several pieces of them */

static struct fixture fixture;
static struct engine engine; /* large; what the list needs of it */
static struct item item;
static const uint8_t author[AGENCY_ID_BYTES] = {7};

static int setup(void **state) {
    (void)state;
    fixture_setup(&fixture, 0);
    memset(&engine, 0, sizeof engine);
    engine.store = fixture.store;
    engine.agency_id[0] = 9;
    policy_settings_default(&engine.policy);
    return gone_load(&engine) == OK ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    gone_free(&engine);
    subscriptions_free(&engine);
    fixture_teardown(&fixture);
    return 0;
}

static void note(struct store_batch *batch, uint64_t number, enum tlp tlp, struct bytes marks) {
    struct page_head head = {.cursor = number, .item_count = 1, .arrived_ms = 1790000000000};
    char id[64];
    memcpy(head.agency_id, author, sizeof author);
    snprintf(id, sizeof id, "indicator--%llu", (unsigned long long)number);
    item = (struct item){.type = bytes_of_text("indicator"), .id = bytes_of_text(id), .tlp = tlp, .marks = marks};
    gone_note(&engine, batch, &head, number, &item, GONE_EXPIRY);
}

static void notes_store(uint64_t first, uint64_t count) {
    struct store_batch *batch = store_batch_new(fixture.store);
    for (uint64_t i = 0; i < count; i++) note(batch, first + i, TLP_GREEN, bytes_of(NULL, 0));
    gone_seal(&engine, batch);
    fixture_commit(&fixture, batch);
    gone_stored(&engine);
}

struct seen {
    uint64_t first, last, count, stop;
};

static bool on_row(void *context, const struct gone_row *row) {
    struct seen *seen = context;
    char id[64];
    snprintf(id, sizeof id, "indicator--%llu", (unsigned long long)row->cursor);
    assert_string_equal(row->id, id);
    assert_true(seen->count == 0 || row->number == seen->last + 1);
    if (seen->count++ == 0) seen->first = row->number;
    seen->last = row->number;
    return seen->count != seen->stop;
}

static struct seen seen_after(uint64_t after) {
    struct seen seen = {0};
    assert_int_equal(gone_each(&engine, after, on_row, &seen), OK);
    return seen;
}

static void test_row(void **state) {
    struct gone_row row = {.cursor = 5, .time_ms = 77, .exits = 1u << POLICY_LIVE, .cause = GONE_RECALL, .tlp = TLP_RED}, back;
    struct buf text = {0};
    (void)state;
    snprintf(row.type, sizeof row.type, "indicator");
    snprintf(row.id, sizeof row.id, "indicator--1");
    gone_row_write(&text, &row);
    assert_int_equal(gone_row_read(&back, bytes_of_buf(&text)), OK);
    assert_true(back.cursor == 5 && back.time_ms == 77 && back.exits == row.exits && back.cause == GONE_RECALL &&
                back.tlp == TLP_RED);
    assert_true(strcmp(back.type, row.type) == 0 && strcmp(back.id, row.id) == 0);
    for (size_t size = 0; size < text.size; size++) assert_int_equal(gone_row_read(&back, bytes_of(text.data, size)), ERR_FORMAT);
    for (size_t at = 0; at < 3; at++) { /* version, cause, label: out of range */
        uint8_t before = text.data[at];
        text.data[at] = 99;
        assert_int_equal(gone_row_read(&back, bytes_of_buf(&text)), ERR_FORMAT);
        text.data[at] = before;
    }
    for (int cause = 1; cause < GONE_CAUSE_END; cause++) assert_non_null(gone_cause_name((enum gone_cause)cause));
    assert_null(gone_cause_name(GONE_CAUSE_END));
    buf_free(&text);
}

/* What was noted is seen when its batch is on disk, and not when it was dropped. */
static void test_order(void **state) {
    (void)state;
    assert_int_equal(seen_after(0).count, 0);
    struct store_batch *batch = store_batch_new(fixture.store);
    note(batch, 1, TLP_GREEN, bytes_of(NULL, 0));
    gone_dropped(&engine);
    store_batch_free(batch);
    batch = store_batch_new(fixture.store);
    for (uint64_t i = 0; i < 3; i++) note(batch, 10 + i, TLP_GREEN, bytes_of(NULL, 0));
    gone_seal(&engine, batch);
    fixture_commit(&fixture, batch);
    assert_int_equal(seen_after(0).count, 0);
    gone_stored(&engine);
    struct seen seen = seen_after(0);
    assert_true(seen.first == 1 && seen.last == 3 && seen.count == 3);
    notes_store(100, MANY);
    for (uint64_t after = 0; after <= 3 + MANY; after += after < 4 || after > MANY ? 1 : 97) {
        seen = seen_after(after);
        assert_true(seen.count == 3 + MANY - after && (seen.count == 0 || seen.first == after + 1));
    }
    seen = (struct seen){.stop = 5};
    assert_int_equal(gone_each(&engine, 1, on_row, &seen), OK);
    assert_int_equal(seen.last, 6);
    /* A restart. */
    gone_free(&engine);
    assert_int_equal(gone_load(&engine), OK);
    assert_int_equal(engine.gone.last, 3 + MANY);
    notes_store(5000, 2);
    seen = seen_after(2 + MANY);
    assert_true(seen.count == 3 && seen.last == 5 + MANY);
}

static bool on_exits(void *context, const struct gone_row *row) {
    *(unsigned *)context = row->exits;
    return true;
}

static unsigned exits_of_last(void) {
    unsigned exits = 0;
    assert_int_equal(gone_each(&engine, engine.gone.last - 1, on_exits, &exits), OK);
    return exits;
}

/* A row says which exits had shown the object; one that none had shown leaves no row. */
static void test_exits(void **state) {
    struct marks marks = {.pap = PAP_RED, .retain_until_ms = 1};
    struct buf encoded = {0};
    (void)state;
    notes_store(1, 1);
    unsigned all = exits_of_last();
    assert_true((all >> POLICY_LIVE & 1) && (all >> POLICY_LOCAL & 1) && (all >> POLICY_BLOCKING & 1) && (all >> POLICY_TAXII & 1));
    assert_false(all >> POLICY_PUBLISH & 1);
    assert_int_equal(marks_write(&encoded, &marks), OK);
    struct store_batch *batch = store_batch_new(fixture.store);
    note(batch, 2, TLP_GREEN, bytes_of_buf(&encoded));
    gone_seal(&engine, batch);
    fixture_commit(&fixture, batch);
    gone_stored(&engine);
    unsigned red = exits_of_last(); /* its time is over, which hides nothing here */
    assert_true((red >> POLICY_LOCAL & 1) && !(red >> POLICY_BLOCKING & 1) && !(red >> POLICY_HOOK & 1));
    batch = store_batch_new(fixture.store);
    note(batch, 3, TLP_RED, bytes_of(NULL, 0));
    note(batch, 4, TLP_NONE, bytes_of(NULL, 0));
    gone_seal(&engine, batch);
    fixture_commit(&fixture, batch);
    gone_stored(&engine);
    assert_int_equal(engine.gone.last, 3);
    assert_int_equal(exits_of_last(), 1u << POLICY_LOCAL);
    buf_free(&encoded);
}

static void test_pruning(void **state) {
    uint64_t now_ms = clock_wall_ms();
    (void)state;
    notes_store(1, MANY);
    gone_tick(&engine, now_ms + GONE_KEEP_MS / 2);
    assert_int_equal(seen_after(0).count, MANY);
    gone_tick(&engine, now_ms + 2 * GONE_KEEP_MS);
    uint64_t ticket;
    store_wait(engine.store);
    while (store_completed(engine.store, &ticket) == OK) continue;
    assert_true(engine.gone.first == MANY + 1 && engine.gone.last == MANY);
    assert_int_equal(seen_after(0).count, 0);
    gone_free(&engine);
    assert_int_equal(gone_load(&engine), OK);
    assert_true(engine.gone.first == MANY + 1 && engine.gone.last == MANY);
    notes_store(7000, 1);
    assert_int_equal(seen_after(0).first, MANY + 1);
}

static void tick(uint64_t now_ms) {
    uint64_t ticket;
    gone_tick(&engine, now_ms);
    store_wait(engine.store);
    while (store_completed(engine.store, &ticket) == OK) continue;
}

/* Rows that a subscription has not heard of wait for it, but not for ever; one that has seen nothing keeps nothing. Once a day. */
static void test_waiting(void **state) {
    const uint64_t now_ms = clock_wall_ms(), later_ms = now_ms + GONE_KEEP_MS + GONE_DAY_MS;
    struct subscription *fresh = subscription_new(bytes_of_text("fresh"), bytes_of(NULL, 0));
    struct subscription *behind = subscription_new(bytes_of_text("behind"), bytes_of(NULL, 0));
    struct subscription *reader = behind; /* subscriptions_free has it */
    (void)state;
    notes_store(1, MANY);
    assert_int_equal(subscription_insert(&engine, &fresh), OK);
    assert_int_equal(subscription_insert(&engine, &behind), OK);
    reader->at = (struct take_position){.cursor = MANY, .gone = MANY / 2};
    tick(later_ms);
    assert_true(engine.gone.first > 1 && engine.gone.first <= MANY / 2 + 1); /* pieces that it has heard of are gone */
    uint64_t first = engine.gone.first;
    assert_true(store_erase_due(engine.store)); /* out of all files, too */
    assert_int_equal(seen_after(MANY / 2).count, MANY - MANY / 2);
    reader->at.gone = MANY;
    tick(later_ms + GONE_DAY_MS / 2);
    assert_int_equal(engine.gone.first, first);
    tick(later_ms + GONE_DAY_MS);
    assert_int_equal(engine.gone.first, MANY + 1);
    notes_store(7000, 1);
    reader->at.gone = MANY;
    tick(now_ms + GONE_WAIT_MS - GONE_DAY_MS);
    assert_int_equal(engine.gone.first, MANY + 1);
    tick(now_ms + GONE_WAIT_MS + GONE_DAY_MS);
    assert_int_equal(engine.gone.first, MANY + 2);
}

/* Forward only; when the list has lost the place, to where its consumer began anew. */
static void test_places(void **state) {
    struct subscription *subscription = subscription_new(bytes_of_text("s"), bytes_of(NULL, 0));
    (void)state;
    fixture_fill(&fixture, 1, 50);
    notes_store(1, 20);
    taken_move(&engine, subscription, (struct take_position){40, 10});
    taken_move(&engine, subscription, (struct take_position){30, 12});
    assert_true(subscription->at.cursor == 40 && subscription->at.gone == 12 && subscription->high == 40);
    taken_move(&engine, subscription, (struct take_position){0, 0});
    assert_int_equal(subscription->at.cursor, 40);
    engine.gone.first = 14; /* row 13 is lost */
    taken_move(&engine, subscription, (struct take_position){0, 20});
    assert_true(subscription->at.cursor == 0 && subscription->at.gone == 20 && subscription->high == 0);
    taken_move(&engine, subscription, (struct take_position){45, 20});
    struct store_batch *batch = store_batch_new(fixture.store);
    gone_anew(&engine, batch); /* the same store, restored: the numbers are others, and the place is none any more */
    fixture_commit(&fixture, batch);
    assert_int_equal(seen_after(0).count, 0);
    taken_move(&engine, subscription, (struct take_position){5, engine.gone.last});
    assert_int_equal(subscription->at.cursor, 5);
    gone_free(&engine);
    assert_int_equal(gone_load(&engine), OK);
    assert_true(engine.gone.last >= 1ull << 32);
    subscription->at.cursor = 1000; /* of another store */
    taken_move(&engine, subscription, (struct take_position){5, engine.gone.last});
    assert_int_equal(subscription->at.cursor, 5);
    free(subscription->filter);
    free(subscription);
}

/* A number that is no row: who stands before it at these exits begins anew, also after a restart; rows around it are read as before. */
static void test_fences(void **state) {
    struct subscription *subscription = subscription_new(bytes_of_text("s"), bytes_of(NULL, 0));
    (void)state;
    fixture_fill(&fixture, 1, 50);
    notes_store(1, 3);
    struct store_batch *batch = store_batch_new(fixture.store);
    gone_fence(&engine, batch, 1u << POLICY_LIVE | 1u << POLICY_HOOK);
    gone_seal(&engine, batch);
    assert_false(gone_fenced(&engine.gone, POLICY_LIVE, 3)); /* not on disk yet */
    fixture_commit(&fixture, batch);
    gone_stored(&engine);
    notes_store(5, 2);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(engine.gone.last, 6);
        assert_true(gone_fenced(&engine.gone, POLICY_LIVE, 3) && gone_fenced(&engine.gone, POLICY_HOOK, 0));
        assert_false(gone_fenced(&engine.gone, POLICY_LIVE, 4) || gone_fenced(&engine.gone, POLICY_FEED, 3));
        struct seen seen = {.stop = 3};
        assert_int_equal(gone_each(&engine, 0, on_row, &seen), OK);
        assert_int_equal(seen.last, 3);
        seen = seen_after(4);
        assert_true(seen.count == 2 && seen.first == 5 && seen.last == 6);
        gone_free(&engine);
        assert_int_equal(gone_load(&engine), OK);
    }
    subscription->exit = POLICY_FEED;
    subscription->at = (struct take_position){40, 3}, subscription->high = 40;
    taken_move(&engine, subscription, (struct take_position){0, 6});
    assert_true(subscription->at.cursor == 40 && subscription->at.gone == 6); /* not its exit: only forward */
    subscription->at.gone = 3, subscription->taken_exit = POLICY_LIVE;
    taken_move(&engine, subscription, (struct take_position){0, 6});
    assert_true(subscription->at.cursor == 0 && subscription->high == 0);
    taken_move(&engine, subscription, (struct take_position){30, 6});
    subscription->rewound = true;
    subscription->at.cursor = 10;
    taken_move(&engine, subscription, (struct take_position){40, 6});
    assert_int_equal(subscription->at.cursor, 10); /* it was under way when it was rewound */
    free(subscription->filter);
    free(subscription);
}

static struct gone_terms terms_of(struct buf *written, const struct gone_terms *terms) {
    struct gone_terms back;
    gone_terms_write(written, terms);
    assert_int_equal(gone_terms_read(&back, bytes_of_buf(written)), OK);
    return back;
}

#define ALL_EXITS ((1u << (POLICY_CONSOLE + 1)) - (1u << POLICY_LOCAL))

static void test_terms(void **state) {
    static const uint8_t one[AGENCY_ID_BYTES] = {1}, two[2 * AGENCY_ID_BYTES] = {1, [AGENCY_ID_BYTES] = 2},
                         other[AGENCY_ID_BYTES] = {3};
    struct policy_settings policy;
    struct buf written = {0};
    (void)state;
    policy_settings_default(&policy);
    struct gone_terms before = {.agencies = bytes_of(two, sizeof two)}, now;
    memcpy(before.exits, policy.exits, sizeof before.exits);
    now = terms_of(&written, &before);
    assert_int_equal(gone_terms_changed(&before, &now), 0);
    now.exits[POLICY_LIVE].label_max = TLP_GREEN;
    assert_int_equal(gone_terms_changed(&before, &now), 1u << POLICY_LIVE);
    assert_int_equal(gone_terms_changed(&now, &before), 1u << POLICY_LIVE); /* wider */
    now.exits[POLICY_HOOK].pap_max = PAP_GREEN;
    now.exits[POLICY_FEED].closed = true;
    now.exits[POLICY_STIX].world = true;
    now.exits[POLICY_PUBLISH].closed = true; /* leads to no consumer */
    assert_int_equal(gone_terms_changed(&before, &now),
                     1u << POLICY_LIVE | 1u << POLICY_HOOK | 1u << POLICY_FEED | 1u << POLICY_STIX);
    now = before;
    now.rest[5] = 1;
    assert_int_equal(gone_terms_changed(&before, &now), ALL_EXITS);
    now = before;
    now.agencies = bytes_of(one, sizeof one);
    assert_int_equal(gone_terms_changed(&before, &now), ALL_EXITS);
    assert_int_equal(gone_terms_changed(&now, &before), 0); /* one more */
    before.agencies = bytes_of(other, sizeof other);
    assert_int_equal(gone_terms_changed(&now, &before), ALL_EXITS);
    for (size_t size = 0; size < written.size; size++)
        assert_int_equal(gone_terms_read(&now, bytes_of(written.data, size)), ERR_FORMAT);
    written.data[0]++;
    assert_int_equal(gone_terms_read(&now, bytes_of_buf(&written)), ERR_FORMAT);
    buf_free(&written);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_row),
        cmocka_unit_test_setup_teardown(test_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_exits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pruning, setup, teardown),
        cmocka_unit_test_setup_teardown(test_waiting, setup, teardown),
        cmocka_unit_test_setup_teardown(test_places, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fences, setup, teardown),
        cmocka_unit_test(test_terms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
