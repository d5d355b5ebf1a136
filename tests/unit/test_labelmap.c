/* labelmap: it passes over what it knows to have none of the labels, and over nothing else. */
#include "node/store/labelmap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define GREEN (1u << TLP_GREEN)
#define AMBER (1u << TLP_AMBER)

static void skipping(void **state) {
    struct labelmap map = {0};
    (void)state;
    assert_int_equal(labelmap_skip(&map, 5, 10000, GREEN), 5); /* nothing is known */
    for (uint64_t cursor = 1; cursor < 6400; cursor++) labelmap_note(&map, cursor, cursor == 5000 ? TLP_GREEN : TLP_AMBER);
    assert_int_equal(labelmap_skip(&map, 5, 10000, GREEN), 5); /* noted, but perhaps not all */
    labelmap_known(&map, 0, 6400);
    assert_int_equal(labelmap_skip(&map, 5, 6400, GREEN), 5000 / LABELMAP_SPAN * LABELMAP_SPAN);
    assert_int_equal(labelmap_skip(&map, 5, 6400, AMBER), 5);
    assert_int_equal(labelmap_skip(&map, 5, 6400, GREEN | AMBER), 5);
    assert_int_equal(labelmap_skip(&map, 5100, 6400, GREEN), 6400);
    assert_int_equal(labelmap_skip(&map, 5100, 6399, GREEN), 6400 - LABELMAP_SPAN); /* the last span may still grow */
    assert_int_equal(labelmap_skip(&map, 7000, 9000, GREEN), 7000);
    labelmap_note(&map, 5200, TLP_GREEN);
    assert_int_equal(labelmap_skip(&map, 5100, 6400, GREEN), 5200 / LABELMAP_SPAN * LABELMAP_SPAN);
    labelmap_free(&map);
}

/* A span of which only a part was noted is not known. */
static void parts(void **state) {
    struct labelmap map = {0};
    (void)state;
    labelmap_note(&map, 0, TLP_AMBER);
    labelmap_note(&map, 300, TLP_AMBER);
    labelmap_known(&map, 10, 200);
    assert_int_equal(labelmap_skip(&map, 0, 1000, GREEN), 0);
    assert_int_equal(labelmap_skip(&map, 64, 1000, GREEN), 192);
    labelmap_note(&map, UINT64_MAX, TLP_AMBER); /* out of reach: looked at */
    assert_int_equal(labelmap_skip(&map, UINT64_MAX - 1000, UINT64_MAX, GREEN), UINT64_MAX - 1000);
    labelmap_free(&map);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(skipping), cmocka_unit_test(parts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
