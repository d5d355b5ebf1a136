/* group: versions of a roster, who may make them, and which one is in force wherever the same ones were taken. */
#include "gossip/group.h"

#include "crypto/random.h"
#include "gossip/standing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define T0 1790000000000u

static uint8_t ids[300][AGENCY_ID_BYTES];
static struct roster roster, back;
static struct group group, other, third;

static int ids_make(void **state) {
    (void)state;
    for (size_t i = 0; i < 300; i++) put_be16(ids[i], (uint16_t)i);
    return 0;
}

/* A first version by agency 1, with `admins` admins (1, 2, ...) who are all its members. */
static void sample(size_t admins, uint8_t threshold) {
    roster = (struct roster){.version = 1, .time_ms = T0, .ceiling = TLP_AMBER, .starts_ms = T0, .admin_count = admins};
    strcpy(roster.name, "nightfall");
    strcpy(roster.purpose, "a joint operation");
    memcpy(roster.originator, ids[1], AGENCY_ID_BYTES);
    memcpy(roster.lead, ids[1], AGENCY_ID_BYTES);
    roster.threshold = threshold;
    for (size_t i = 0; i < admins; i++) {
        memcpy(roster.admins[i], ids[1 + i], AGENCY_ID_BYTES);
        assert_int_equal(roster_add(&roster, ids[1 + i]), OK);
    }
}

static struct buf encoded(const struct roster *what) {
    struct buf out = {0};
    assert_int_equal(roster_encode(&out, what), OK);
    return out;
}

static void opened(struct group *out) {
    struct buf first = encoded(&roster);
    assert_int_equal(group_open(out, bytes_of_buf(&first)), OK);
    buf_free(&first);
}

static enum err take(struct group *into, size_t author, const struct roster *version) {
    struct buf bytes = encoded(version);
    enum err err = group_take(into, ids[author], bytes_of_buf(&bytes));
    buf_free(&bytes);
    return err;
}

static void hash_of_version(uint8_t out[static HASH_BYTES], const struct roster *version) {
    struct buf bytes = encoded(version);
    roster_hash(out, bytes_of_buf(&bytes));
    buf_free(&bytes);
}

static void test_round_trip(void **state) {
    (void)state;
    sample(3, 2);
    struct buf bytes = encoded(&roster);
    assert_int_equal(roster_decode(&back, bytes_of_buf(&bytes)), OK);
    assert_memory_equal(&back, &roster, sizeof roster);
    for (size_t cut = 0; cut < bytes.size; cut++) assert_int_not_equal(roster_decode(&back, bytes_of(bytes.data, cut)), OK);
    buf_free(&bytes);
}

enum flaw {
    SOUND,
    NAME_EMPTY,
    NAME_BLANK,
    VERSION_ZERO,
    GROUP_IN_FIRST,
    CEILING_NONE,
    ENDS_EARLY,
    MEMBER_TWICE,
    MEMBERS_NONE,
    MEMBER_FUTURE,
    REMOVED_BEFORE,
    ADMINS_NONE,
    ADMIN_TWICE,
    ADMIN_STRANGER,
    THRESHOLD_ZERO,
    THRESHOLD_OVER,
    LEAD_STRANGER,
    ORIGINATOR_OTHER,
    PURPOSE_CONTROL,
    FLAW_COUNT
};

static void spoil(enum flaw flaw) {
    switch (flaw) {
    case NAME_EMPTY: roster.name[0] = 0; break;
    case NAME_BLANK: strcpy(roster.name, "a b"); break;
    case VERSION_ZERO: roster.version = 0; break;
    case GROUP_IN_FIRST: roster.group_id[0] = 1; break;
    case CEILING_NONE: roster.ceiling = TLP_NONE; break;
    case ENDS_EARLY: roster.ends_ms = roster.starts_ms; break;
    case MEMBER_TWICE: roster.members[1] = roster.members[0]; break;
    case MEMBERS_NONE: roster.member_count = 0; break;
    case MEMBER_FUTURE: roster.members[0].since_ms = T0 + 1; break;
    case REMOVED_BEFORE: roster.members[1].removed_ms = T0 - 1; break;
    case ADMINS_NONE: roster.admin_count = 0; break;
    case ADMIN_TWICE: memcpy(roster.admins[1], roster.admins[0], AGENCY_ID_BYTES); break;
    case ADMIN_STRANGER: memcpy(roster.admins[1], ids[9], AGENCY_ID_BYTES); break;
    case THRESHOLD_ZERO: roster.threshold = 0; break;
    case THRESHOLD_OVER: roster.threshold = 3; break;
    case LEAD_STRANGER: memcpy(roster.lead, ids[9], AGENCY_ID_BYTES); break;
    case ORIGINATOR_OTHER: memcpy(roster.originator, ids[2], AGENCY_ID_BYTES); break;
    case PURPOSE_CONTROL: strcpy(roster.purpose, "a\x1b[31m"); break;
    case SOUND:
    case FLAW_COUNT: break;
    }
}

static void test_form(void **state) {
    (void)state;
    for (int flaw = SOUND; flaw < FLAW_COUNT; flaw++) {
        struct buf out = {0};
        sample(2, 1);
        spoil((enum flaw)flaw);
        enum err err = roster_encode(&out, &roster);
        if ((err == OK) != (flaw == SOUND)) fail_msg("flaw %d: %s", flaw, err_name(err));
        buf_free(&out);
    }
}

/* The bounds of a roster: as many members as it may have, and one more. */
static void test_bounds(void **state) {
    (void)state;
    sample(LIMIT_GROUP_ADMINS, LIMIT_GROUP_ADMINS);
    for (size_t i = 1 + LIMIT_GROUP_ADMINS; i <= LIMIT_GROUP_MEMBERS; i++) assert_int_equal(roster_add(&roster, ids[i]), OK);
    assert_int_equal(roster.member_count, LIMIT_GROUP_MEMBERS);
    assert_int_equal(roster_add(&roster, ids[LIMIT_GROUP_MEMBERS + 1]), ERR_LIMIT);
    struct buf out = encoded(&roster);
    assert_true(out.size < 32 * 1024); /* two of them fit into one statement */
    assert_int_equal(roster_decode(&back, bytes_of_buf(&out)), OK);
    buf_free(&out);
    struct bytes name = bytes_of_text("0123456789012345678901234567890123456789012345678901234567890123x");
    assert_true(roster_name_valid(bytes_of(name.data, 64)));
    assert_false(roster_name_valid(name));
    roster.admin_count = LIMIT_GROUP_ADMINS + 1;
    assert_int_equal(roster_encode(&out, &roster), ERR_RANGE);
    buf_free(&out);
}

/* An admin adds and removes; who was removed is so for everybody, and may come back later. */
static void test_add_remove(void **state) {
    struct roster next;
    (void)state;
    sample(1, 1);
    opened(&group);
    group_next(&group, &next, T0 + 10);
    assert_int_equal(roster_add(&next, ids[5]), OK);
    assert_int_equal(roster_add(&next, ids[5]), ERR_EXISTS);
    assert_int_equal(take(&group, 1, &next), OK);
    assert_int_equal(take(&group, 1, &next), ERR_EXISTS);
    assert_int_equal(group_place(&group, ids[5]), ROSTER_MEMBER);
    assert_int_equal(group_place(&group, ids[6]), ROSTER_NEVER);
    group_next(&group, &next, T0 + 20);
    assert_int_equal(roster_remove(&next, ids[5]), OK);
    assert_int_equal(roster_remove(&next, ids[5]), ERR_EXISTS);
    assert_int_equal(roster_remove(&next, ids[6]), ERR_NOT_FOUND);
    assert_int_equal(roster_remove(&next, ids[1]), ERR_DENIED);
    assert_int_equal(take(&group, 1, &next), OK);
    assert_int_equal(group_place(&group, ids[5]), ROSTER_REMOVED);
    group_next(&group, &next, T0 + 30);
    assert_int_equal(roster_add(&next, ids[5]), OK);
    assert_int_equal(take(&group, 1, &next), OK);
    assert_int_equal(roster_member(&group.roster, ids[5])->since_ms, T0 + 30);
    assert_int_equal(group.roster.version, 4);
    group_free(&group);
}

/* Who is no admin changes nothing, whatever it publishes. */
static void test_no_admin(void **state) {
    struct roster next;
    size_t needed;
    uint8_t hash[HASH_BYTES];
    (void)state;
    sample(2, 2);
    opened(&group);
    group_next(&group, &next, T0 + 10);
    assert_int_equal(roster_add(&next, ids[7]), OK);
    hash_of_version(hash, &next);
    assert_int_equal(take(&group, 7, &next), OK);
    assert_int_equal(group_votes(&group, hash, &needed), 0);
    assert_int_equal(take(&group, 1, &next), OK);
    assert_int_equal(group_votes(&group, hash, &needed), 1);
    assert_int_equal(needed, 2);
    assert_int_equal(group.roster.version, 1);
    assert_int_equal(take(&group, 2, &next), OK); /* the second of two */
    assert_int_equal(group.roster.version, 2);
    group_free(&group);
}

static void test_past_stays(void **state) {
    struct roster next;
    (void)state;
    sample(2, 1);
    opened(&group);
    static const char *const what[] = {"name", "hidden", "ceiling", "since", "row", "time", "starts", "salt", "back-dated", "ends"};
    for (size_t i = 0; i < sizeof what / sizeof *what; i++) {
        group_next(&group, &next, T0 + 10);
        if (i == 0) strcpy(next.name, "daybreak");
        if (i == 1) next.hidden = true;
        if (i == 2) next.ceiling = TLP_RED;
        if (i == 3) next.members[0].since_ms--;
        if (i == 4) next.member_count = 1, next.admin_count = 1;
        if (i == 5) next.time_ms = T0 - 1, next.members[0].since_ms = next.members[1].since_ms = T0 - 1;
        if (i == 6) next.starts_ms++;
        if (i == 7) next.salt[0]++;
        if (i == 8) assert_int_equal(roster_add(&next, ids[9]), OK), next.members[2].since_ms = T0 - 5;
        if (i == 9) next.ends_ms = T0 + 5;
        assert_int_equal(take(&group, 1, &next), OK);
        if (group.roster.version != 1) fail_msg("%s was rewritten", what[i]);
        group_free(&group);
        sample(2, 1);
        opened(&group);
    }
    group_next(&group, &next, T0 + 10);
    next.closed = true;
    assert_int_equal(take(&group, 1, &next), OK);
    assert_int_equal(roster_phase(&group.roster, T0 + 11), ROSTER_OVER);
    group_next(&group, &next, T0 + 20);
    next.closed = false;
    assert_int_equal(take(&group, 1, &next), OK);
    assert_true(group.roster.closed && group.roster.version == 2); /* for good */
    group_free(&group);
}

/* Two admins change one version at once: every order of arrival ends in the same roster, the first admin's; who was removed by either
   is sealed to by nobody until they have spoken again. */
static void test_contradiction(void **state) {
    struct roster ours, theirs, after;
    (void)state;
    sample(3, 1);
    roster_add(&roster, ids[8]) == OK ? (void)0 : fail();
    opened(&group), opened(&other);
    group_next(&group, &ours, T0 + 10);
    assert_int_equal(roster_add(&ours, ids[9]), OK);
    group_next(&group, &theirs, T0 + 12);
    assert_int_equal(roster_remove(&theirs, ids[8]), OK);
    assert_int_equal(take(&group, 1, &ours), OK);
    assert_int_equal(take(&group, 3, &theirs), OK);
    assert_int_equal(take(&other, 3, &theirs), OK);
    assert_int_equal(group_place(&other, ids[8]), ROSTER_REMOVED);
    group_next(&other, &after, T0 + 14); /* built on the one that loses */
    assert_int_equal(take(&other, 3, &after), OK);
    assert_int_equal(other.roster.version, 3);
    assert_int_equal(take(&other, 1, &ours), OK);
    assert_memory_equal(group.hash, other.hash, HASH_BYTES);
    assert_true(group.contradicted == 2 && other.contradicted == 2);
    assert_int_equal(group_place(&group, ids[9]), ROSTER_MEMBER);
    assert_int_equal(group_place(&group, ids[8]), ROSTER_REMOVED);
    assert_int_equal(group_place(&other, ids[8]), ROSTER_REMOVED);
    group_next(&group, &after, T0 + 20);
    assert_int_equal(take(&group, 2, &after), OK);
    assert_int_equal(group_place(&group, ids[8]), ROSTER_MEMBER);
    group_free(&group), group_free(&other);
}

/* One admin contradicts itself: the lower hash, everywhere. */
static void test_equivocation(void **state) {
    struct roster one, two;
    uint8_t hash_one[HASH_BYTES], hash_two[HASH_BYTES];
    (void)state;
    sample(1, 1);
    opened(&group), opened(&other);
    group_next(&group, &one, T0 + 10);
    group_next(&group, &two, T0 + 11);
    hash_of_version(hash_one, &one), hash_of_version(hash_two, &two);
    assert_true(take(&group, 1, &one) == OK && take(&group, 1, &two) == OK);
    assert_true(take(&other, 1, &two) == OK && take(&other, 1, &one) == OK);
    assert_memory_equal(group.hash, other.hash, HASH_BYTES);
    assert_memory_equal(group.hash, memcmp(hash_one, hash_two, HASH_BYTES) < 0 ? hash_one : hash_two, HASH_BYTES);
    assert_int_equal(group.contradicted, 2);
    group_free(&group), group_free(&other);
}

/* Versions that come in the wrong order, and a newcomer who gets the first and the newest only; one that a stranger signed begins nothing. */
static void test_order_and_newcomer(void **state) {
    struct roster versions[5];
    (void)state;
    sample(2, 1);
    opened(&group), opened(&other);
    for (size_t i = 0; i < 5; i++) {
        group_next(&group, &versions[i], T0 + 10 * (i + 1));
        assert_int_equal(roster_add(&versions[i], ids[20 + i]), OK);
        assert_int_equal(take(&group, 1 + i % 2, &versions[i]), OK);
    }
    assert_int_equal(take(&other, 24, &versions[4]), OK);
    assert_int_equal(other.roster.version, 1);
    struct roster seized; /* its only admin signs it, whom nobody of the first version vouches for */
    group_next(&group, &seized, T0 + 90);
    memcpy(seized.admins[0], ids[20], AGENCY_ID_BYTES);
    seized.admin_count = 1;
    assert_int_equal(take(&other, 20, &seized), OK);
    assert_int_equal(other.roster.version, 1);
    assert_int_equal(take(&other, 1, &versions[4]), OK);
    assert_int_equal(other.roster.version, 6);
    group_free(&other);
    opened(&other);
    for (size_t i = 5; i-- > 0;) assert_int_equal(take(&other, 1 + i % 2, &versions[i]), OK);
    assert_memory_equal(group.hash, other.hash, HASH_BYTES);
    assert_int_equal(other.contradicted, 0);
    group_free(&group), group_free(&other);
}

/* However many members fill the places, an admin's word finds one. */
static void test_crowd(void **state) {
    struct roster next;
    (void)state;
    sample(1, 1);
    opened(&group);
    for (size_t i = 0; i < LIMIT_GROUP_VERSIONS; i++) {
        group_next(&group, &next, T0 + 100 + i);
        assert_int_equal(take(&group, 50 + i / LIMIT_GROUP_OF_AUTHOR, &next), OK);
    }
    group_next(&group, &next, T0 + 1000);
    assert_int_equal(take(&group, 99, &next), ERR_LIMIT);
    assert_int_equal(take(&group, 1, &next), OK);
    assert_int_equal(group.roster.version, 2);
    group_free(&group);
}

/* A removed admin who leaves a number out does not come back by that, nor does a closed group, nor is what stands for ever changed. */
static void test_no_leap(void **state) {
    struct roster removal, leap;
    (void)state;
    sample(2, 1);
    opened(&group);
    group_next(&group, &removal, T0 + 10);
    assert_int_equal(roster_remove(&removal, ids[2]), OK);
    group_next(&group, &leap, T0 + 20);
    leap.version = 5;
    memset(leap.previous, 7, HASH_BYTES);
    memcpy(leap.admins[0], ids[2], AGENCY_ID_BYTES);
    leap.admin_count = 1;
    assert_int_equal(take(&group, 1, &removal), OK);
    assert_int_equal(take(&group, 2, &leap), OK);
    assert_int_equal(group.roster.version, 2);
    assert_int_equal(group_place(&group, ids[2]), ROSTER_REMOVED);
    group_free(&group);

    opened(&group); /* a newcomer whom it reached first finds back */
    assert_int_equal(take(&group, 2, &leap), OK);
    assert_int_equal(take(&group, 1, &removal), OK);
    assert_int_equal(group.roster.version, 2);
    leap.ceiling = TLP_RED;
    leap.version = 6;
    memcpy(leap.admins[0], ids[1], AGENCY_ID_BYTES);
    assert_int_equal(take(&group, 1, &leap), OK);
    assert_int_equal(group.roster.version, 2);
    assert_int_equal(group.roster.ceiling, TLP_AMBER);
    group_free(&group);

    opened(&group);
    group_next(&group, &removal, T0 + 10);
    removal.closed = true;
    leap.ceiling = TLP_AMBER;
    assert_int_equal(take(&group, 1, &removal), OK);
    assert_int_equal(take(&group, 1, &leap), OK);
    assert_int_equal(group.roster.closed, true);
    group_free(&group);
}

/* Strangers fill no places, long lives keep few versions, and what is kept comes back the same. */
static void test_bounds_of_versions(void **state) {
    struct roster next;
    struct buf saved = {0}, again = {0};
    (void)state;
    sample(1, 1);
    opened(&group);
    for (size_t i = 0; i <= LIMIT_GROUP_OF_AUTHOR; i++) {
        group_next(&group, &next, T0 + 100 + i);
        enum err err = take(&group, 50, &next);
        assert_true(i < LIMIT_GROUP_OF_AUTHOR ? err == OK : err == OK || err == ERR_LIMIT);
        assert_true(group.version_count <= LIMIT_GROUP_OF_AUTHOR);
    }
    for (size_t i = 0; i < 3 * LIMIT_GROUP_VERSIONS; i++) {
        group_next(&group, &next, T0 + 1000 + i);
        assert_int_equal(take(&group, 1, &next), OK);
        assert_int_equal(group.roster.version, i + 2);
        assert_true(group.version_count <= LIMIT_GROUP_VERSIONS);
    }
    for (size_t i = 2; i <= LIMIT_GROUP_SIGNERS + 1; i++)
        assert_int_equal(take(&group, i, &next), i <= LIMIT_GROUP_SIGNERS ? OK : ERR_LIMIT);
    assert_int_equal(group_save(&saved, &group), OK);
    assert_int_equal(group_load(&other, bytes_of_buf(&saved)), OK);
    assert_memory_equal(group.hash, other.hash, HASH_BYTES);
    assert_memory_equal(&group.roster, &other.roster, sizeof group.roster);
    assert_int_equal(group_save(&again, &other), OK);
    assert_true(bytes_equal(bytes_of_buf(&saved), bytes_of_buf(&again)));
    for (size_t cut = 0; cut < saved.size; cut += 37) assert_int_not_equal(group_load(&third, bytes_of(saved.data, cut)), OK);
    buf_free(&saved), buf_free(&again);
    group_free(&group), group_free(&other);
}

/* An admin contradicts itself far more often than anybody keeps: all the same every order of arrival ends in one roster. */
static void test_flood(void **state) {
    static struct roster versions[4 * LIMIT_GROUP_OF_AUTHOR];
    size_t count = sizeof versions / sizeof *versions;
    (void)state;
    sample(2, 1);
    opened(&group), opened(&other);
    for (size_t i = 0; i < count; i++) group_next(&group, &versions[i], T0 + 10 + i);
    for (size_t i = 0; i < count; i++) {
        (void)!take(&group, 2, &versions[i]);
        (void)!take(&other, 2, &versions[count - 1 - i]);
    }
    assert_memory_equal(group.hash, other.hash, HASH_BYTES);
    assert_true(group.version_count <= LIMIT_GROUP_OF_AUTHOR + 1 && other.version_count <= LIMIT_GROUP_OF_AUTHOR + 1);
    group_free(&group), group_free(&other);
}

/* --- standings --- */

/* A member of a hidden group is told by an admin, of newer versions only. */
static void test_standing(void **state) {
    struct standing told, next, read;
    struct buf out = {0};
    (void)state;
    sample(2, 1);
    roster.hidden = true;
    opened(&group);
    standing_of_roster(&told, &group.roster, group.id, false);
    assert_int_equal(standing_encode(&out, &told), OK);
    assert_int_equal(standing_decode(&read, bytes_of_buf(&out)), OK);
    assert_memory_equal(&read, &told, sizeof told);
    for (size_t cut = 0; cut < out.size; cut++) assert_int_not_equal(standing_decode(&read, bytes_of(out.data, cut)), OK);
    next = told;
    assert_int_equal(standing_follows(&told, &next, ids[1]), ERR_EXISTS);
    next.version++, next.removed = true;
    assert_int_equal(standing_follows(&told, &next, ids[3]), ERR_DENIED);
    assert_int_equal(standing_follows(&told, &next, ids[2]), OK);
    next.group_id[0]++;
    assert_int_equal(standing_follows(&told, &next, ids[2]), ERR_CHAIN);
    told.admin_count = LIMIT_GROUP_ADMINS + 1;
    assert_int_equal(standing_encode(&out, &told), ERR_RANGE);
    buf_free(&out);
    group_free(&group);
}

/* --- any order --- */

#define NODES   4
#define CHANGES 16

static struct roster changes[CHANGES];
static size_t authors[CHANGES];
static struct group nodes[NODES];

static void change_any(struct random *random, struct roster *next) {
    size_t who = 1 + random_below(random, 12);
    enum err err = OK;
    switch (random_below(random, 4)) {
    case 0: err = roster_remove(next, ids[who]); break;
    case 1: next->ends_ms = next->time_ms + 1 + random_below(random, 100000); break;
    default: err = roster_add(next, ids[who]); break;
    }
    (void)err; /* a change that cannot be made leaves a version that changes nothing */
}

/* Admins who know different parts of it change a roster again and again; in whatever order the versions come, and after being kept and read
   again, every node holds the same one, and nobody counts as a member whom the newest version shut out. */
static void test_any_order(void **state) {
    (void)state;
    for (uint32_t seed = 0; seed < 60; seed++) {
        uint8_t key[RANDOM_SEED_BYTES] = {0};
        struct random random;
        struct buf saved = {0};
        put_be32(key, seed);
        random_init_seed(&random, key);
        sample(1 + random_below(&random, 4), 1);
        roster.threshold = (uint8_t)(1 + random_below(&random, (uint32_t)roster.admin_count));
        for (size_t i = 0; i < NODES; i++) opened(&nodes[i]);
        for (size_t i = 0; i < CHANGES; i++) {
            struct group *at = &nodes[random_below(&random, NODES)];
            authors[i] = 1 + random_below(&random, 5); /* sometimes no admin */
            /* Half of them sign what another has said before. */
            if (i > 0 && random_below(&random, 2))
                changes[i] = changes[random_below(&random, (uint32_t)i)];
            else
                group_next(at, &changes[i], T0 + 100 * i), change_any(&random, &changes[i]);
            for (size_t k = 0; k < NODES; k++)
                if (random_below(&random, 2)) (void)!take(&nodes[k], authors[i], &changes[i]);
        }
        for (size_t k = 0; k < NODES; k++) {
            size_t start = random_below(&random, CHANGES);
            for (size_t i = 0; i < CHANGES; i++)
                (void)!take(&nodes[k], authors[(start + i) % CHANGES], &changes[(start + i) % CHANGES]);
            if (memcmp(nodes[k].hash, nodes[0].hash, HASH_BYTES) != 0) fail_msg("seed %u: node %zu holds another roster", seed, k);
            for (size_t i = 1; i <= 12; i++) assert_int_equal(group_place(&nodes[k], ids[i]), group_place(&nodes[0], ids[i]));
        }
        assert_int_equal(group_save(&saved, &nodes[1]), OK);
        assert_int_equal(group_load(&other, bytes_of_buf(&saved)), OK);
        assert_memory_equal(other.hash, nodes[0].hash, HASH_BYTES);
        for (size_t k = 0; k < NODES; k++) group_free(&nodes[k]);
        group_free(&other);
        buf_free(&saved);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),         cmocka_unit_test(test_form),         cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_add_remove),         cmocka_unit_test(test_no_admin),     cmocka_unit_test(test_past_stays),
        cmocka_unit_test(test_contradiction),      cmocka_unit_test(test_equivocation), cmocka_unit_test(test_order_and_newcomer),
        cmocka_unit_test(test_bounds_of_versions), cmocka_unit_test(test_flood),        cmocka_unit_test(test_standing),
        cmocka_unit_test(test_any_order),          cmocka_unit_test(test_no_leap),      cmocka_unit_test(test_crowd),
    };
    return cmocka_run_group_tests(tests, ids_make, NULL);
}
