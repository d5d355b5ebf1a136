/* Under which terms consumers were last told: who comes under the same ones goes on, who comes under others gets a fence, once, also after a
   restart; a name that was never seen gets one too, and the one that changed longest ago is forgotten when there are too many. */
#include "node/engine/engine_core.h"
#include "node/subscribe/consumers.h"
#include "tests/unit/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct fixture fixture;
static struct engine engine; /* large; what the rows need of it */

static int setup(void **state) {
    (void)state;
    fixture_setup(&fixture, 0);
    memset(&engine, 0, sizeof engine);
    engine.store = fixture.store;
    return gone_load(&engine) == OK && consumers_load(&engine) == OK ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    consumers_free(&engine);
    gone_free(&engine);
    fixture_teardown(&fixture);
    return 0;
}

static void restart(void) {
    consumers_free(&engine);
    gone_free(&engine);
    assert_int_equal(gone_load(&engine), OK);
    assert_int_equal(consumers_load(&engine), OK);
}

static struct take_question question_of(enum take_kind kind, const char *who) {
    return (struct take_question){.kind = kind, .who = bytes_of_text(who), .labels = 0x0e};
}

static struct consumer_stand stand_of(const struct take_question *question) {
    struct consumer_stand stand;
    assert_true(consumer_of(&stand, question));
    return stand;
}

static void fence(const struct consumer_stand *stands, size_t count) {
    struct store_batch *batch = store_batch_new(fixture.store);
    assert_int_equal(consumers_fence(&engine, batch, stands, count), OK);
    gone_seal(&engine, batch);
    fixture_commit(&fixture, batch);
    gone_stored(&engine);
}

static bool same(struct consumer_stand a, struct consumer_stand b) { return memcmp(&a, &b, sizeof a) == 0; }
static bool same_name(struct consumer_stand a, struct consumer_stand b) { return memcmp(a.key, b.key, sizeof a.key) == 0; }

/* Labels, groups and what else the permission says are terms; where it stands, what it asks for and how many are not. */
static void test_terms(void **state) {
    (void)state;
    struct take_question asked = question_of(TAKE_KIND_TOKEN, "soc");
    const struct consumer_stand stand = stand_of(&asked);
    struct consumer_stand none;
    asked.limit = 5, asked.at.cursor = 9, asked.fresh = true, asked.filter = bytes_of_text("kind = domain");
    assert_true(same(stand, stand_of(&asked)));
    for (unsigned i = 0; i < 5; i++) {
        struct take_question other = asked;
        if (i == 0) other.labels = 0x06;
        if (i == 1) other.scope.any = true;
        if (i == 2) other.scope.only = true;
        if (i == 3) other.scope.count = 1;
        if (i == 4) other.terms = bytes_of_text("some");
        assert_true(same_name(stand, stand_of(&other)) && !same(stand, stand_of(&other)));
    }
    struct take_question key = asked, another = asked, user = asked;
    key.kind = TAKE_KIND_CLIENT, another.who = bytes_of_text("soc2"), user.kind = TAKE_KIND_NONE;
    assert_false(same_name(stand, stand_of(&key)) || same_name(stand, stand_of(&another)));
    assert_false(consumer_of(&none, &user));
    /* In which order its groups are named says nothing. */
    struct take_question forth = asked, back;
    forth.scope.count = 2;
    memset(forth.scope.groups[0], 1, HASH_BYTES), memset(forth.scope.groups[1], 2, HASH_BYTES);
    back = forth;
    memset(back.scope.groups[0], 2, HASH_BYTES), memset(back.scope.groups[1], 1, HASH_BYTES);
    assert_true(same(stand_of(&forth), stand_of(&back)));
    /* Another subscription by the same name, whatever its filter. */
    struct subscription first = {.number = 3, .created_ms = 100, .name = "siem"},
                        second = {.number = 3, .created_ms = 200, .name = "siem"};
    struct consumer_stand a, b;
    consumer_of_subscription(&a, &first), consumer_of_subscription(&b, &second);
    assert_true(same_name(a, b) && !same(a, b));
}

static void test_fences(void **state) {
    (void)state;
    struct take_question asked = question_of(TAKE_KIND_TOKEN, "soc"), other = question_of(TAKE_KIND_HOOK, "soc");
    struct consumer_stand stands[2] = {stand_of(&asked), stand_of(&other)};
    uint64_t number;
    assert_false(consumers_agree(&engine.consumers, stands, 1, &number));
    fence(stands, 1);
    assert_true(consumers_agree(&engine.consumers, stands, 1, &number) && number == 1 && engine.gone.last == 1);
    assert_false(consumers_agree(&engine.consumers, stands, 2, &number));
    fence(stands, 2);
    assert_true(consumers_agree(&engine.consumers, stands, 2, &number) && number == 2);
    assert_true(consumers_agree(&engine.consumers, stands, 1, &number) && number == 1); /* it stood: it is as it was */
    restart();
    assert_true(consumers_agree(&engine.consumers, stands, 2, &number) && number == 2 && engine.gone.last == 2);
    asked.labels = 0x06;
    stands[0] = stand_of(&asked);
    assert_false(consumers_agree(&engine.consumers, stands, 1, &number));
    assert_non_null(consumers_find(&engine.consumers, &stands[0])); /* by name */
    fence(stands, 1);
    restart();
    assert_true(consumers_agree(&engine.consumers, stands, 1, &number) && number == 3 && engine.consumers.count == 2);
}

static void test_many(void **state) {
    (void)state;
    struct consumer_stand stands[2] = {{.key = {1}}, {.key = {2}}};
    uint64_t number;
    fence(stands, 1);
    struct store_batch *batch = store_batch_new(fixture.store);
    uint64_t next = 0;
    while (engine.consumers.count < CONSUMERS_MAX) {
        struct consumer_stand one = {.terms = {7}};
        put_be64(one.key, 1ull << 60 | (next += 0x9e3779b97f4a7c15ull) >> 4);
        assert_int_equal(consumers_fence(&engine, batch, &one, 1), OK);
        engine.gone.last = engine.gone.next - 1;
    }
    fixture_commit(&fixture, batch);
    assert_true(consumers_agree(&engine.consumers, stands, 1, &number) && number == 1);
    fence(&stands[1], 1);
    assert_null(consumers_find(&engine.consumers, &stands[0])); /* it changed longest ago */
    assert_true(consumers_agree(&engine.consumers, &stands[1], 1, &number) && engine.consumers.count == CONSUMERS_MAX);
    restart();
    assert_int_equal(engine.consumers.count, CONSUMERS_MAX);
    for (size_t i = 1; i < CONSUMERS_MAX; i++)
        assert_true(memcmp(engine.consumers.rows[i - 1].stand.key, engine.consumers.rows[i].stand.key, CONSUMERS_HASH_BYTES) < 0);
    assert_null(consumers_find(&engine.consumers, &stands[0]));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_terms, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fences, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
