/* The order of an export's values: the same as that of a plain comparison of kind and value, whatever their lengths and heads. */
#include "node/export/export_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#define ROWS 4000

static int plain_compare(const struct export_row *a, const struct export_row *b) {
    if (a->value.kind != b->value.kind) return a->value.kind < b->value.kind ? -1 : 1;
    int order = bytes_compare(a->value.value, b->value.value);
    if (order != 0) return order;
    if (a->arrived_ms != b->arrived_ms) return a->arrived_ms > b->arrived_ms ? -1 : 1;
    return bytes_compare(a->id, b->id);
}

/* Few different octets, zeros among them, and lengths around the 15 that are compared as numbers: many agree for long. */
static struct export_row row_of(uint8_t *room, uint32_t *seed) {
    static const uint8_t octets[] = {0, 1, 'a', 0xff};
    struct export_row row = {0};
    *seed = *seed * 1664525u + 1013904223u;
    uint32_t draw = *seed >> 8;
    size_t size = draw % 20;
    for (size_t i = 0; i < size; i++) room[i] = i < 13 ? octets[(draw >> 5) & 1] : octets[(draw >> (i - 8)) & 3];
    row.value = (struct observable){(draw >> 20) & 1 ? OBSERVABLE_DOMAIN : OBSERVABLE_TEXT, bytes_of(room, size)};
    row.arrived_ms = (draw >> 16) & 3;
    row.id = bytes_of(&octets[draw & 3], 1);
    return row;
}

static void order_is_that_of_the_values(void **state) {
    (void)state;
    static uint8_t room[ROWS][20];
    struct export_rows rows = {0};
    uint32_t seed = 7;
    size_t equal = 0;
    for (size_t i = 0; i < ROWS; i++) {
        struct export_row row = row_of(room[i], &seed);
        assert_int_equal(export_rows_add(&rows, &row), OK);
    }
    assert_int_equal(export_rows_sort(&rows), OK);
    for (size_t i = 1; i < ROWS; i++) {
        const struct export_row *before = export_rows_at(&rows, i - 1), *row = export_rows_at(&rows, i);
        assert_true(plain_compare(before, row) <= 0);
        equal += export_rows_same(before, row);
    }
    assert_true(equal > 0 && equal < ROWS - 100);
    export_rows_free(&rows);
}

static void nothing_is_sorted_too(void **state) {
    (void)state;
    struct export_rows rows = {0};
    assert_int_equal(export_rows_sort(&rows), OK);
    export_rows_free(&rows);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_is_that_of_the_values),
        cmocka_unit_test(nothing_is_sorted_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
