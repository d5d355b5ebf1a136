/* What is on its way into blocks: each version for each audience once, until it is taken out or all have arrived. */
#include "node/engine/control.h"
#include "node/engine/inflight.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MANY 5000

static const uint8_t audience[HASH_BYTES] = {1}, another[HASH_BYTES] = {2};

static uint64_t mark_of(const struct inflight *inflight, unsigned number, uint64_t modified_ms, unsigned flags, const uint8_t *to) {
    static struct item item;
    char id[32];
    snprintf(id, sizeof id, "indicator--%u", number);
    item = (struct item){.id = bytes_of_text(id), .modified_ms = modified_ms, .tlp = TLP_GREEN};
    return inflight_mark(inflight, &item, flags, to);
}

static void test_marks(void **state) {
    (void)state;
    static struct item item;
    struct inflight inflight = {.key = {7}};
    uint64_t mark = mark_of(&inflight, 1, 5, 0, audience);
    assert_int_equal(mark_of(&inflight, 1, 5, 0, audience), mark);
    assert_int_equal(mark & 1, 1);
    assert_int_not_equal(mark_of(&inflight, 2, 5, 0, audience), mark);
    assert_int_not_equal(mark_of(&inflight, 1, 6, 0, audience), mark);
    assert_int_not_equal(mark_of(&inflight, 1, 5, 0, another), mark);
    /* What is generated of a value is known by its id, whatever its times say. */
    assert_int_equal(mark_of(&inflight, 1, 6, CONTROL_ITEM_GENERATED, audience),
                     mark_of(&inflight, 1, 5, CONTROL_ITEM_GENERATED, audience));
    item = (struct item){.id = bytes_of_text("indicator--1"), .modified_ms = 5, .tlp = TLP_AMBER};
    assert_int_not_equal(inflight_mark(&inflight, &item, 0, audience), mark);
    item.tlp = TLP_GREEN, item.marks = bytes_of_text("marks");
    assert_int_not_equal(inflight_mark(&inflight, &item, 0, audience), mark);
    inflight.key[0] = 8;
    assert_int_not_equal(mark_of(&inflight, 1, 5, 0, audience), mark);
}

static void test_table(void **state) {
    (void)state;
    struct inflight inflight = {.key = {7}};
    inflight_remove(&inflight, 1); /* of an empty one */
    for (unsigned i = 0; i < MANY; i++) assert_true(inflight_add(&inflight, mark_of(&inflight, i, 5, 0, audience)));
    for (unsigned i = 0; i < MANY; i++) assert_false(inflight_add(&inflight, mark_of(&inflight, i, 5, 0, audience)));
    for (unsigned i = 0; i < MANY; i += 2) inflight_remove(&inflight, mark_of(&inflight, i, 5, 0, audience));
    for (unsigned i = 0; i < MANY; i++) assert_true(inflight_add(&inflight, mark_of(&inflight, i, 5, 0, audience)) == (i % 2 == 0));
    inflight_clear(&inflight);
    assert_true(inflight.count == 0 && inflight.capacity == 0); /* what a bulk publication grew is given back */
    assert_true(inflight_add(&inflight, mark_of(&inflight, 1, 5, 0, audience)));
    size_t capacity = inflight.capacity;
    inflight_clear(&inflight);
    assert_int_equal(inflight.capacity, capacity);
    assert_true(inflight_add(&inflight, mark_of(&inflight, 1, 5, 0, audience)));
    inflight_free(&inflight);
    assert_null(inflight.slots);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests_name("inflight", tests, NULL, NULL);
}
