/* store_dates: from moments to cursors and back, over pages of several sizes. */
#include "tests/unit/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* The moment of an item, as its page tells. */
static uint64_t added_us(struct fixture *fixture, uint64_t cursor) {
    struct page_head head;
    assert_int_equal(store_page_head(fixture->store, cursor, &head), OK);
    assert_true(head.cursor <= cursor && cursor - head.cursor < head.item_count);
    return head.added_us + (cursor - head.cursor);
}

static void expect_all(struct fixture *fixture) {
    uint64_t end = store_cursor_end(fixture->store), first = end - fixture->numbered, cursor, newest, before = 0;
    for (uint64_t at = first; at < end; at++) {
        uint64_t moment = added_us(fixture, at);
        assert_true(moment > before);
        assert_int_equal(store_cursor_at(fixture->store, moment, &cursor), OK);
        assert_int_equal(cursor, at);
        assert_int_equal(store_cursor_at(fixture->store, moment - 1, &cursor), OK);
        assert_int_equal(cursor, at == 0 ? 0 : at - 1);
        before = moment;
    }
    assert_int_equal(store_cursor_at(fixture->store, UINT64_MAX, &cursor), OK);
    assert_int_equal(cursor, end - 1);
    assert_int_equal(store_newest(fixture->store, &cursor, &newest), OK);
    assert_true(cursor == end - 1 && newest == before);
}

/* Every moment finds its item, and the one before finds the one before; also after the store was closed and opened. */
static void moments(void **state) {
    struct fixture *fixture = *state;
    uint64_t cursor, newest;
    assert_int_equal(store_newest(fixture->store, &cursor, &newest), OK);
    assert_true(cursor == 0 && newest == 0);
    assert_int_equal(store_cursor_at(fixture->store, UINT64_MAX, &cursor), OK);
    assert_int_equal(cursor, 0);
    for (size_t count = 1; count < 12; count++) {
        fixture_fill(fixture, 3, count);
        expect_all(fixture);
    }
    fixture_close(fixture);
    fixture_open(fixture);
    expect_all(fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(moments, fixture_test_setup, fixture_test_teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
