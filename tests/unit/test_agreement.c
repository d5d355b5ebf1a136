/* agreement: its text, its bounds, and what its parties say about it. */
#include "gossip/agreement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct agreement agreement, back; /* large: not on the stack */
static uint8_t ids[20][AGENCY_ID_BYTES];

static void sample(size_t parties) {
    agreement = (struct agreement){.title = bytes_of_text("A treaty"), .made_ms = 5, .from_ms = 100, .until_ms = 200};
    for (size_t i = 0; i < 20; i++) memset(ids[i], (int)i + 1, AGENCY_ID_BYTES);
    agreement.party_count = parties;
    for (size_t i = 0; i < parties && i < LIMIT_AGREEMENT_PARTIES; i++) memcpy(agreement.parties[i], ids[i], AGENCY_ID_BYTES);
    agreement.clauses[0] =
        (struct agreement_clause){.from = 0, .to = 1, .label_max = TLP_AMBER, .kind_count = 2, .purpose_count = 1};
    agreement.clauses[0].kinds[0] = bytes_of_text("indicator");
    agreement.clauses[0].kinds[1] = bytes_of_text("malware");
    agreement.clauses[0].purposes[0] = bytes_of_text("network-defence");
    agreement.clauses[0].retention_ms = 90ull * 24 * 3600 * 1000;
    agreement.clauses[1] = (struct agreement_clause){
        .from = AGREEMENT_ANY, .to = AGREEMENT_ANY, .label_max = TLP_GREEN, .reshare = AGREEMENT_RESHARE_YES};
    agreement.clause_count = 2;
    agreement.levels[0] =
        (struct agreement_level){bytes_of_text("de"), bytes_of_text("VS-NfD"), bytes_of_text("fr"), bytes_of_text("DR")};
    agreement.level_count = 1;
}

static enum err encode(struct buf *out) {
    buf_clear(out);
    return agreement_encode(out, &agreement);
}

static void test_round_trip(void **state) {
    struct buf out = {0}, again = {0};
    (void)state;
    sample(3);
    assert_int_equal(encode(&out), OK);
    assert_int_equal(agreement_decode(&back, bytes_of_buf(&out)), OK);
    assert_int_equal(agreement_encode(&again, &back), OK);
    assert_true(bytes_equal(bytes_of_buf(&out), bytes_of_buf(&again)));
    assert_true(bytes_equal_text(back.clauses[0].kinds[1], "malware") && back.clauses[1].from == AGREEMENT_ANY);
    for (size_t cut = 0; cut < out.size; cut++) assert_int_not_equal(agreement_decode(&back, bytes_of(out.data, cut)), OK);
    buf_free(&out), buf_free(&again);
}

/* Each bound, and one over it; each field that makes no sense. */
static void test_bounds(void **state) {
    struct buf out = {0};
    char title[LIMIT_GROUP_TEXT_BYTES + 2];
    (void)state;
    sample(LIMIT_AGREEMENT_PARTIES), assert_int_equal(encode(&out), OK);
    sample(LIMIT_AGREEMENT_PARTIES + 1), assert_int_equal(encode(&out), ERR_RANGE);
    sample(1), agreement.clause_count = 0, assert_int_equal(encode(&out), ERR_RANGE);
    sample(2), memcpy(agreement.parties[1], ids[0], AGENCY_ID_BYTES), assert_int_equal(encode(&out), ERR_RANGE);
    memset(title, 'x', sizeof title);
    sample(2), agreement.title = bytes_of(title, LIMIT_GROUP_TEXT_BYTES), assert_int_equal(encode(&out), OK);
    sample(2), agreement.title = bytes_of(title, LIMIT_GROUP_TEXT_BYTES + 1), assert_int_equal(encode(&out), ERR_RANGE);
    sample(2), agreement.until_ms = 100, assert_int_equal(encode(&out), ERR_RANGE);
    sample(2), agreement.clauses[0].to = 0, assert_int_equal(encode(&out), ERR_RANGE);
    sample(2), agreement.clauses[0].to = 2, assert_int_equal(encode(&out), ERR_RANGE);
    sample(2), agreement.clauses[0].label_max = TLP_NONE, assert_int_equal(encode(&out), ERR_RANGE);
    sample(2), agreement.clauses[0].kinds[1] = agreement.clauses[0].kinds[0], assert_int_equal(encode(&out), ERR_RANGE);
    sample(2), agreement.clauses[0].kind_count = LIMIT_AGREEMENT_WORDS + 1, assert_int_equal(encode(&out), ERR_RANGE);
    sample(2), agreement.levels[0].level = bytes_of_text(""), assert_int_equal(encode(&out), ERR_RANGE);
    sample(2), agreement.levels[0].level = bytes_of(title, AGREEMENT_LEVEL_BYTES + 1), assert_int_equal(encode(&out), ERR_RANGE);
    sample(2), agreement.title = bytes_of_text("\xff"), assert_int_equal(encode(&out), ERR_UTF8);
    sample(2);
    for (size_t i = 2; i < LIMIT_AGREEMENT_CLAUSES; i++) agreement.clauses[i] = agreement.clauses[1];
    agreement.clause_count = LIMIT_AGREEMENT_CLAUSES, assert_int_equal(encode(&out), OK);
    agreement.clause_count++, assert_int_equal(encode(&out), ERR_RANGE);
    sample(2);
    for (size_t i = 1; i < LIMIT_AGREEMENT_LEVELS; i++) agreement.levels[i] = agreement.levels[0];
    agreement.level_count = LIMIT_AGREEMENT_LEVELS, assert_int_equal(encode(&out), OK);
    agreement.level_count++, assert_int_equal(encode(&out), ERR_RANGE);
    buf_free(&out);
}

/* In force with the last signature and not before, within its time, until one party ends it. */
static void test_life(void **state) {
    struct agreement_state said = {0}, other = {0};
    (void)state;
    sample(3);
    assert_int_equal(agreement_sign(&said, &agreement, ids[9], 10), ERR_DENIED);
    assert_int_equal(agreement_sign(&said, &agreement, ids[0], 10), OK);
    assert_int_equal(agreement_sign(&said, &agreement, ids[0], 11), ERR_EXISTS);
    assert_int_equal(agreement_sign(&said, &agreement, ids[1], 12), OK);
    assert_int_equal(agreement_phase(&said, &agreement, 150), AGREEMENT_PROPOSED);
    assert_int_equal(agreement_sign(&said, &agreement, ids[2], 13), OK);
    assert_int_equal(agreement_phase(&said, &agreement, 99), AGREEMENT_BEFORE);
    assert_int_equal(agreement_phase(&said, &agreement, 100), AGREEMENT_IN_FORCE);
    assert_int_equal(agreement_phase(&said, &agreement, 200), AGREEMENT_OVER);
    other = said;
    assert_int_equal(agreement_end(&said, &agreement, ids[9], 140), ERR_DENIED);
    assert_int_equal(agreement_end(&said, &agreement, ids[2], 140), OK);
    assert_int_equal(agreement_end(&said, &agreement, ids[0], 150), ERR_EXISTS);
    assert_int_equal(agreement_end(&other, &agreement, ids[0], 150), OK);
    assert_int_equal(agreement_end(&other, &agreement, ids[2], 140), OK);
    assert_true(said.ended_ms == other.ended_ms && said.ended_by == other.ended_by && said.ended_by == 2);
    assert_int_equal(agreement_phase(&said, &agreement, 141), AGREEMENT_ENDED);
}

static void test_direction(void **state) {
    (void)state;
    sample(3);
    assert_true(agreement_clause_meets(&agreement.clauses[0], 0, 1));
    assert_false(agreement_clause_meets(&agreement.clauses[0], 1, 0));
    assert_false(agreement_clause_meets(&agreement.clauses[0], 0, 2));
    assert_true(agreement_clause_meets(&agreement.clauses[1], 2, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round_trip), cmocka_unit_test(test_bounds),
                                       cmocka_unit_test(test_life), cmocka_unit_test(test_direction)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
