/* records: rows outlive the store's closing, none fills the others' places; and when: moments as people give them. */
#include "node/sharing/records.h"
#include "node/formats/when.h"
#include "tests/unit/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static const uint8_t own[AGENCY_ID_BYTES] = {1}, other[AGENCY_ID_BYTES] = {2}, third[AGENCY_ID_BYTES] = {3};

static void load(struct records *records, struct fixture *fixture) {
    *records = (struct records){0};
    assert_int_equal(records_load(records, fixture->store, "secret/test/", own), OK);
}

static void test_kept(void **state) {
    struct fixture *fixture = *state;
    struct records records;
    load(&records, fixture);
    assert_int_equal(records.count, 0);
    struct store_batch *batch = store_batch_new(fixture->store);
    assert_int_equal(records_add(&records, batch, other, bytes_of_text("one")), OK);
    assert_int_equal(records_add(&records, batch, third, bytes_of_text("two")), OK);
    assert_int_equal(records_add(&records, batch, own, bytes_of_text("")), OK);
    assert_int_equal(records_change(&records, batch, 1, records_at(&records, 0)), OK); /* a view into another row */
    assert_int_equal(records_change(&records, batch, 0, bytes_of(records_at(&records, 0).data, 2)), OK); /* and into its own */
    fixture_commit(fixture, batch);
    records_free(&records);
    fixture_close(fixture);
    fixture_open(fixture);
    load(&records, fixture);
    assert_int_equal(records.count, 3);
    assert_true(bytes_equal_text(records_at(&records, 0), "on") && bytes_equal_text(records_at(&records, 1), "one"));
    assert_int_equal(records_at(&records, 2).size, 0);
    assert_memory_equal(records.rows[1].agency_id, third, sizeof third);
    batch = store_batch_new(fixture->store);
    records_drop(&records, batch, 0);
    assert_int_equal(records_add(&records, batch, own, bytes_of_text("four")), OK);
    fixture_commit(fixture, batch);
    records_free(&records);
    load(&records, fixture);
    assert_int_equal(records.count, 3);
    assert_true(bytes_equal_text(records_at(&records, 0), "one") && bytes_equal_text(records_at(&records, 2), "four"));
    records_free(&records);
}

/* A foreign agency has its share and no more; the own one has none of its own, and all have a bound together. */
static void test_bounds(void **state) {
    struct fixture *fixture = *state;
    struct records records;
    load(&records, fixture);
    struct store_batch *batch = store_batch_new(fixture->store);
    for (size_t i = 0; i < RECORDS_EACH_MAX; i++) assert_int_equal(records_add(&records, batch, other, bytes_of_text("x")), OK);
    assert_int_equal(records_add(&records, batch, other, bytes_of_text("x")), ERR_FULL);
    assert_int_equal(records_add(&records, batch, third, bytes_of_text("x")), OK);
    records_drop(&records, batch, 5);
    assert_int_equal(records_add(&records, batch, other, bytes_of_text("x")), OK);
    while (records.count < RECORDS_MAX) assert_int_equal(records_add(&records, batch, own, bytes_of_text("x")), OK);
    assert_int_equal(records_add(&records, batch, own, bytes_of_text("x")), ERR_FULL);
    assert_int_equal(records_add(&records, batch, third, bytes_of_text("x")), ERR_FULL);
    store_batch_free(batch);
    records_free(&records);
}

static uint64_t first_byte(struct bytes value) { return value.size > 0 ? value.data[0] : 0; }
static bool is_done(struct bytes value) { return bytes_equal_text(value, "done"); }

/* What is done makes room, the oldest first, and only that of the agency that needs it; rows can be passed over by their marks. */
static void test_room(void **state) {
    struct fixture *fixture = *state;
    struct records records = {.mark = first_byte, .max = 6, .each_max = 3};
    assert_int_equal(records_load(&records, fixture->store, "secret/test/", own), OK);
    struct store_batch *batch = store_batch_new(fixture->store);
    const char *const values[] = {"open", "done", "done"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(records_add(&records, batch, other, bytes_of_text(values[i])), OK);
        assert_int_equal(records_add(&records, batch, third, bytes_of_text("done")), OK);
    }
    assert_int_equal(records.rows[0].mark, 'o');
    assert_int_equal(records_add(&records, batch, other, bytes_of_text("new")), ERR_FULL);
    assert_true(records_make_room(&records, batch, other, is_done));
    assert_int_equal(records_add(&records, batch, other, bytes_of_text("new")), OK);
    assert_true(records_make_room(&records, batch, other, is_done));
    assert_false(records_make_room(&records, batch, other, is_done));
    assert_int_equal(records.count, 5);
    assert_int_equal(records_change(&records, batch, 0, bytes_of_text("changed")), OK);
    fixture_commit(fixture, batch);
    records_free(&records);
    records = (struct records){.mark = first_byte, .max = 6, .each_max = 3};
    assert_int_equal(records_load(&records, fixture->store, "secret/test/", own), OK);
    assert_int_equal(records.count, 5);
    assert_int_equal(records.rows[0].mark, 'c');
    records_free(&records);
}

static void test_when(void **state) {
    static const struct {
        const char *text;
        uint64_t after_ms;
    } spans[] = {{"1s", 1000}, {"30m", 1800000}, {"8h", 28800000}, {"3d", 259200000}, {"2w", 1209600000}};
    static const char *const bad[] = {"", "3", "d", "0d", "3 d", "-3d", "3y", "999999d", "tomorrow", "2026-13-01T00:00:00Z"};
    uint64_t out;
    (void)state;
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
        assert_true(when_parse(&out, bytes_of_text(spans[i].text), 5000));
        assert_true(out == 5000 + spans[i].after_ms);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(when_parse(&out, bytes_of_text(bad[i]), 5000));
    assert_true(when_parse(&out, bytes_of_text("1970-01-02T00:00:00Z"), 5000) && out == 86400000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kept, fixture_test_setup, fixture_test_teardown),
        cmocka_unit_test_setup_teardown(test_bounds, fixture_test_setup, fixture_test_teardown),
        cmocka_unit_test_setup_teardown(test_room, fixture_test_setup, fixture_test_teardown),
        cmocka_unit_test(test_when),
    };
    return cmocka_run_group_tests_name("records", tests, NULL, NULL);
}
