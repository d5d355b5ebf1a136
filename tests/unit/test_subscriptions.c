/* Where a subscription stands, over restarts: as it was written, and as earlier versions wrote it. */
#include "node/engine/engine_core.h"
#include "node/subscribe/subscriptions.h"
#include "tests/unit/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NAME     "feed"
#define PLACE_OF SUBSCRIPTION_PLACE_PREFIX "0000000000000001"

static struct fixture fixture;
static struct engine *engine;

static int setup(void **state) {
    (void)state;
    fixture_setup(&fixture, 0);
    engine = calloc(1, sizeof *engine);
    assert_non_null(engine);
    engine->store = fixture.store;
    return subscriptions_load(engine) == OK ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    subscriptions_free(engine);
    free(engine);
    fixture_teardown(&fixture);
    return 0;
}

static void made(bool told) {
    struct subscription *one = subscription_new(bytes_of_text(NAME), bytes_of_text("type = indicator"));
    assert_non_null(one);
    one->tlp_max = TLP_AMBER, one->exit = POLICY_LIVE, one->created_ms = 1800000000000;
    one->at = (struct take_position){17, 5}, one->high = 40, one->told = told;
    one->counts.delivered = 12;
    assert_int_equal(subscription_insert(engine, &one), OK);
    struct store_batch *batch = store_batch_new(fixture.store);
    assert_int_equal(subscription_put_all(batch, one), OK);
    fixture_commit(&fixture, batch);
}

static const struct subscription *loaded(void) {
    subscriptions_free(engine);
    assert_int_equal(subscriptions_load(engine), OK);
    const struct subscription *one = subscription_find(engine, bytes_of_text(NAME));
    assert_non_null(one);
    assert_int_equal(one->at.cursor, 17);
    assert_int_equal(one->at.gone, 5);
    assert_int_equal(one->high, 40);
    assert_int_equal(one->counts.delivered, 12);
    assert_string_equal(one->filter, "type = indicator");
    return one;
}

static void kept(void **state) {
    (void)state;
    made(true);
    assert_true(loaded()->told);
}

static void kept_of_nobody(void **state) {
    (void)state;
    made(false);
    assert_false(loaded()->told);
}

/* The first `size` bytes of the place as it stands. */
static void place_cut(size_t size) {
    struct buf place = {0};
    assert_int_equal(store_meta(fixture.store, PLACE_OF, &place), OK);
    assert_true(place.size > size);
    struct store_batch *batch = store_batch_new(fixture.store);
    store_batch_meta(batch, PLACE_OF, bytes_of(place.data, size));
    fixture_commit(&fixture, batch);
    buf_free(&place);
}

/* Nothing told whether anybody was told of objects: it may have been. */
static void of_an_earlier_version(void **state) {
    (void)state;
    made(false);
    place_cut(64);
    assert_true(loaded()->told);
}

static void damaged(void **state) {
    (void)state;
    made(true);
    place_cut(63);
    subscriptions_free(engine);
    assert_int_equal(subscriptions_load(engine), ERR_CORRUPT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(kept, setup, teardown),
        cmocka_unit_test_setup_teardown(kept_of_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(of_an_earlier_version, setup, teardown),
        cmocka_unit_test_setup_teardown(damaged, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
