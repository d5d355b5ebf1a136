/* membership: a member of a hidden group believes what enough of its admins told, and nothing that one of several says alone. */
#include "gossip/membership.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define T0 1790000000000u

static uint8_t ids[16][AGENCY_ID_BYTES];
static struct roster roster;
static struct membership member, other;

/* The first version of a hidden group by agency 1, with admins 1, 2, ... */
static struct buf first_of(size_t admins, uint8_t threshold) {
    struct buf first = {0};
    for (size_t i = 0; i < 16; i++) put_be16(ids[i], (uint16_t)i);
    roster =
        (struct roster){.version = 1, .time_ms = T0, .ceiling = TLP_AMBER, .starts_ms = T0, .hidden = true, .admin_count = admins};
    strcpy(roster.name, "shade");
    memcpy(roster.originator, ids[1], AGENCY_ID_BYTES);
    memcpy(roster.lead, ids[1], AGENCY_ID_BYTES);
    roster.threshold = threshold;
    for (size_t i = 0; i < admins; i++) {
        memcpy(roster.admins[i], ids[1 + i], AGENCY_ID_BYTES);
        assert_int_equal(roster_add(&roster, ids[1 + i]), OK);
    }
    assert_int_equal(roster_encode(&first, &roster), OK);
    return first;
}

static void opened(size_t admins, uint8_t threshold) {
    struct buf first = first_of(admins, threshold);
    assert_int_equal(membership_open(&member, bytes_of_buf(&first)), OK);
    assert_false(membership_begun(&member));
    buf_free(&first);
}

static struct standing later(uint64_t version) {
    struct standing next = member.standing;
    next.version = version, next.time_ms = T0 + version;
    return next;
}

/* So many of the admins tell it, from the first one on. */
static void tell(const struct standing *next, size_t admins) {
    for (size_t i = 1; i <= admins; i++) assert_int_equal(membership_take(&member, ids[i], next), OK);
    assert_int_equal(member.standing.version, next->version);
}

static void test_one_of_two_closes(void **state) {
    (void)state;
    opened(3, 2);
    struct standing second = later(2);
    tell(&second, 2);
    struct standing closed = later(3);
    closed.closed = true;
    assert_int_equal(membership_take(&member, ids[3], &closed), OK);
    assert_int_equal(membership_take(&member, ids[3], &closed), ERR_EXISTS);
    assert_false(member.standing.closed);
    assert_int_equal(standing_phase(&member.standing, T0 + 10), ROSTER_RUNNING);
    assert_int_equal(membership_take(&member, ids[7], &closed), ERR_DENIED);
    struct standing otherwise = closed;
    otherwise.time_ms++;
    assert_int_equal(membership_take(&member, ids[2], &otherwise), OK);
    assert_false(member.standing.closed);
    assert_int_equal(membership_take(&member, ids[1], &closed), OK);
    assert_true(member.standing.closed);
    assert_int_equal(member.word_count, 0);
    struct standing again = later(4);
    again.closed = false;
    assert_int_equal(membership_take(&member, ids[1], &again), ERR_CHAIN);
}

static void test_one_cannot_lower_or_leap(void **state) {
    (void)state;
    opened(3, 2);
    struct standing next = later(2);
    tell(&next, 2);
    struct standing alone = later(3);
    alone.threshold = 1, alone.admin_count = 1;
    memcpy(alone.admins[0], ids[3], AGENCY_ID_BYTES);
    assert_int_equal(membership_take(&member, ids[3], &alone), OK);
    assert_int_equal(member.standing.version, 2);
    assert_int_equal(member.standing.threshold, 2);
    struct standing leap = later(UINT64_MAX);
    assert_int_equal(membership_take(&member, ids[3], &leap), ERR_RANGE);
    leap.version = 40000;
    assert_int_equal(membership_take(&member, ids[3], &leap), OK);
    assert_int_equal(member.standing.version, 2);
    next = later(3);
    next.removed = true;
    tell(&next, 2);
    assert_true(member.standing.removed);
    opened(1, 1);
    leap = later(UINT64_MAX);
    assert_int_equal(membership_take(&member, ids[1], &leap), ERR_RANGE);
}

/* Who knows the id, and even the first version, cannot tell a newcomer who its admins are. */
static void test_false_first(void **state) {
    struct buf first = first_of(2, 2), listed = {0};
    (void)state;
    assert_int_equal(membership_open(&member, bytes_of_buf(&first)), OK);
    struct standing false_one = later(2);
    false_one.admin_count = 1, false_one.threshold = 1;
    memcpy(false_one.admins[0], ids[9], AGENCY_ID_BYTES);
    assert_int_equal(membership_take(&member, ids[9], &false_one), ERR_DENIED);
    memcpy(false_one.admins[0], ids[2], AGENCY_ID_BYTES);
    assert_int_equal(membership_take(&member, ids[2], &false_one), OK);
    assert_false(membership_begun(&member));
    struct standing true_one = later(7);
    tell(&true_one, 2);
    assert_true(membership_begun(&member));
    /* No first version, an open group's, one that names plain members. */
    roster.hidden = false;
    assert_int_equal(roster_encode(&listed, &roster), OK);
    assert_int_equal(membership_open(&other, bytes_of_buf(&listed)), ERR_CHAIN);
    roster.hidden = true;
    assert_int_equal(roster_add(&roster, ids[5]), OK);
    buf_clear(&listed);
    assert_int_equal(roster_encode(&listed, &roster), OK);
    assert_int_equal(membership_open(&other, bytes_of_buf(&listed)), ERR_CHAIN);
    assert_int_not_equal(membership_open(&other, bytes_of(first.data, first.size - 1)), OK);
    buf_free(&first), buf_free(&listed);
}

/* Across a gap the admins of the later list have to agree as well: a removed admin alone does not name its own successors. */
static void test_gap(void **state) {
    (void)state;
    opened(3, 1);
    struct standing gap = later(5);
    gap.threshold = 2, gap.admin_count = 2; /* 1 and 2 */
    assert_int_equal(membership_take(&member, ids[3], &gap), OK);
    assert_int_equal(membership_take(&member, ids[1], &gap), OK);
    assert_false(membership_begun(&member));
    assert_int_equal(membership_take(&member, ids[2], &gap), OK);
    assert_int_equal(member.standing.version, 5);
}

/* One admin's words all come before the other's: each is believed in turn, the newest too when there were more than are kept. */
static void test_one_after_the_other(void **state) {
    struct standing words[3 * LIMIT_GROUP_TOLD];
    size_t count = sizeof words / sizeof *words;
    struct buf saved = {0}, again = {0};
    (void)state;
    opened(3, 3);
    for (size_t i = 0; i < count; i++) {
        words[i] = later(2 + i);
        if (i == 0) continue;
        words[i].admin_count = words[i].threshold = 2; /* the third has gone */
    }
    for (size_t i = 0; i < count; i++) assert_int_equal(membership_take(&member, ids[1], &words[i]), OK);
    assert_int_equal(member.word_count, LIMIT_GROUP_TOLD);
    assert_int_equal(membership_take(&member, ids[3], &words[0]), OK);
    assert_int_equal(membership_take(&member, ids[3], &words[1]), OK);
    assert_int_equal(membership_save(&saved, &member), OK);
    assert_int_equal(membership_load(&other, bytes_of_buf(&saved)), OK);
    assert_int_equal(membership_save(&again, &other), OK);
    assert_true(bytes_equal(bytes_of_buf(&saved), bytes_of_buf(&again)));
    for (size_t cut = 0; cut < saved.size; cut++) assert_int_not_equal(membership_load(&other, bytes_of(saved.data, cut)), OK);
    assert_int_equal(membership_load(&member, bytes_of_buf(&saved)), OK);
    for (size_t i = 0; i < count; i++) assert_int_equal(membership_take(&member, ids[2], &words[i]), OK);
    assert_int_equal(member.standing.version, words[count - 1].version);
    assert_int_equal(member.word_count, 0);
    buf_free(&saved), buf_free(&again);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_of_two_closes),   cmocka_unit_test(test_one_cannot_lower_or_leap),
        cmocka_unit_test(test_false_first),         cmocka_unit_test(test_gap),
        cmocka_unit_test(test_one_after_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
