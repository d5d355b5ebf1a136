/* share: an object passed on is believed with its author's proof and its author's permission for just this way, and not otherwise. */
#include "gossip/share.h"
#include "tests/unit/fixture_gossip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define AUTHOR 100
#define OTHER  200

static struct agency author, other;
static struct buf author_chain, other_chain;
static const uint8_t via[AGENCY_ID_BYTES] = {2}, reader[AGENCY_ID_BYTES] = {3};
static struct item original, scratch;
static struct bytes group; /* that objects are marked for; empty: none */

static struct buf marked_of(const char *type, const char *id, enum tlp tlp, struct bytes text, unsigned handling) {
    static struct item item;
    struct marks marks = {.handling = handling, .group = group};
    struct buf out = {0}, marks_bytes = {0};
    item = (struct item){.type = bytes_of_text(type), .id = bytes_of_text(id), .tlp = tlp, .text = text};
    if (handling || group.size > 0) assert_int_equal(marks_write(&marks_bytes, &marks), OK);
    item.marks = bytes_of_buf(&marks_bytes);
    assert_int_equal(item_encode(&out, &item), OK);
    buf_free(&marks_bytes);
    return out;
}

static struct buf item_of(const char *type, const char *id, enum tlp tlp, struct bytes text) {
    return marked_of(type, id, tlp, text, 0);
}

/* What a share is made of, each part to be changed by a test. */
struct parts {
    enum tlp tlp;
    struct permit_grant grant;
    const char *grant_type;
    const struct agency *granted_by;
    uint32_t granted_number;
    bool without;
    unsigned handling;
    struct share_way way;
};

static struct parts parts_good(void) {
    struct parts parts = {.tlp = TLP_AMBER,
                          .grant_type = PERMIT_GRANT_TYPE,
                          .granted_by = &author,
                          .granted_number = AUTHOR,
                          .way = {.via = via, .reader = reader}};
    parts.grant.object_id = bytes_of_text("indicator--1");
    memcpy(parts.grant.grantee, via, sizeof via);
    memcpy(parts.grant.reader, reader, sizeof reader);
    return parts;
}

static enum err verified(struct parts *parts, struct share_facts *facts) {
    struct buf item = marked_of("indicator", "indicator--1", parts->tlp, bytes_of_text("{}"), parts->handling);
    struct buf object = {0}, grant_text = {0}, permission = {0}, text = {0};
    struct proof proof;
    const char *why = NULL;
    fixture_proof(&object, &author, AUTHOR, 7, bytes_of_buf(&item));
    assert_int_equal(proof_decode(&proof, bytes_of_buf(&object)), OK);
    assert_int_equal(proof_read(&facts->object, &proof), OK);
    for (size_t i = 0; i < HASH_BYTES; i++) parts->grant.leaf[i] ^= facts->object.leaf[i]; /* a test's change is kept */
    assert_int_equal(permit_grant_encode(&grant_text, &parts->grant), OK);
    struct buf grant = item_of(parts->grant_type, "comity-permission--1", TLP_AMBER, bytes_of_buf(&grant_text));
    fixture_proof(&permission, parts->granted_by, parts->granted_number, 9, bytes_of_buf(&grant));
    struct share share = {FIXTURE_NOW_MS, bytes_of_buf(&object), parts->without ? bytes_of(NULL, 0) : bytes_of_buf(&permission)};
    assert_int_equal(share_encode(&text, &share), OK);
    enum err err = share_verify(facts, &original, &scratch, bytes_of_buf(&text), &author, &parts->way, &why);
    assert_int_equal(why == NULL, err == OK);
    if (err == OK) {
        assert_true(bytes_equal_text(original.id, "indicator--1"));
        assert_true(bytes_equal(facts->encoded, bytes_of_buf(&item)));
        assert_int_equal(facts->permitted, !parts->without);
    }
    buf_free(&item), buf_free(&object), buf_free(&grant_text), buf_free(&permission), buf_free(&grant), buf_free(&text);
    return err;
}

static void test_way(void **state) {
    struct share_facts facts;
    (void)state;
    struct parts good = parts_good();
    assert_int_equal(verified(&good, &facts), OK);
    struct parts parts = parts_good();
    parts.way.via = reader;
    assert_int_equal(verified(&parts, &facts), ERR_DENIED);
    parts = parts_good();
    parts.way.reader = via;
    assert_int_equal(verified(&parts, &facts), ERR_DENIED);
    parts = parts_good();
    parts.grant.until_ms = FIXTURE_NOW_MS;
    assert_int_equal(verified(&parts, &facts), OK);
    parts = parts_good();
    parts.grant.until_ms = FIXTURE_NOW_MS - 1;
    assert_int_equal(verified(&parts, &facts), ERR_EXPIRED);
}

/* A permission of another object, of another version of it, by somebody else, or that is none. */
static void test_permission(void **state) {
    struct share_facts facts;
    (void)state;
    struct parts parts = parts_good();
    parts.grant.object_id = bytes_of_text("indicator--2");
    assert_int_equal(verified(&parts, &facts), ERR_DENIED);
    parts = parts_good();
    parts.grant.leaf[31] = 1;
    assert_int_equal(verified(&parts, &facts), ERR_DENIED);
    parts = parts_good();
    parts.granted_by = &other, parts.granted_number = OTHER;
    assert_int_equal(verified(&parts, &facts), ERR_UNKNOWN_AUTHOR);
    parts = parts_good();
    parts.grant_type = "comity-permission-ask";
    assert_int_equal(verified(&parts, &facts), ERR_FORMAT);
}

/* Without a permission only what is meant for the world or the community passes. */
static void test_without(void **state) {
    struct share_facts facts;
    (void)state;
    for (enum tlp tlp = TLP_CLEAR; tlp <= TLP_RED; tlp++) {
        struct parts parts = parts_good();
        parts.tlp = tlp, parts.without = true;
        assert_int_equal(verified(&parts, &facts), tlp <= TLP_GREEN ? OK : ERR_DENIED);
    }
}

/* H2 is its provider's consent: a permission that doesn't give it is none, and no label makes up for it. */
static void test_h2(void **state) {
    struct share_facts facts;
    (void)state;
    struct parts parts = parts_good();
    parts.handling = MARKS_H1 | MARKS_H2;
    assert_int_equal(verified(&parts, &facts), ERR_DENIED);
    parts = parts_good();
    parts.handling = MARKS_H2, parts.grant.codes = MARKS_H1;
    assert_int_equal(verified(&parts, &facts), ERR_DENIED);
    parts = parts_good();
    parts.handling = MARKS_H2, parts.grant.codes = MARKS_H2;
    assert_int_equal(verified(&parts, &facts), OK);
    parts = parts_good();
    parts.handling = MARKS_H2, parts.tlp = TLP_CLEAR, parts.without = true;
    assert_int_equal(verified(&parts, &facts), ERR_DENIED);
}

/* What is marked for a hidden group needs no further permission on its way through an admin; without the mark, on another way, or marked H2
   it does. */
static void test_admitted(void **state) {
    static const uint8_t id[MARKS_GROUP_BYTES] = {7};
    struct share_facts facts;
    (void)state;
    for (unsigned flaw = 0; flaw < 4; flaw++) {
        struct parts parts = parts_good();
        parts.without = true;
        parts.way.admitted = flaw != 1;
        group = flaw == 2 ? bytes_of(NULL, 0) : bytes_of(id, sizeof id);
        parts.handling = flaw == 3 ? MARKS_H2 : 0;
        assert_int_equal(verified(&parts, &facts), flaw == 0 ? OK : ERR_DENIED);
    }
    group = bytes_of(NULL, 0);
}

/* No altered byte of a share passes for anything but a refusal, the counts of the two blocks aside, which name nothing. */
static void test_altered(void **state) {
    struct share_facts facts;
    struct buf item = item_of("indicator", "indicator--1", TLP_CLEAR, bytes_of_text("{}")), object = {0}, text = {0};
    struct share_way way = {.via = via, .reader = reader};
    const char *why;
    size_t passed = 0;
    (void)state;
    fixture_proof(&object, &author, AUTHOR, 7, bytes_of_buf(&item));
    struct share share = {FIXTURE_NOW_MS, bytes_of_buf(&object), bytes_of(NULL, 0)};
    assert_int_equal(share_encode(&text, &share), OK);
    for (size_t at = 0; at < text.size; at++) {
        text.data[at] ^= 1;
        passed += share_verify(&facts, &original, &scratch, bytes_of_buf(&text), &author, &way, &why) == OK;
        text.data[at] ^= 1;
    }
    assert_true(passed <= 1 + 8); /* and the time of sharing, which the re-sharer's signature binds */
    buf_free(&item), buf_free(&object), buf_free(&text);
}

static void test_forms(void **state) {
    static uint8_t reason[PERMIT_REASON_BYTES_MAX + 1];
    struct permit_ask ask = {.object = {.id = bytes_of_text("indicator--1"), .seq = 5, .index = BLOCK_ITEMS_MAX - 1}}, ask_again;
    struct permit_grant grant = parts_good().grant, grant_again;
    struct permit_denial denial = {.object_id = bytes_of_text("indicator--1"), .reason = bytes_of_text("no")}, denial_again;
    struct buf out = {0};
    (void)state;
    memset(reason, 'x', sizeof reason);
    ask.reason = bytes_of(reason, PERMIT_REASON_BYTES_MAX);
    assert_int_equal(permit_ask_encode(&out, &ask), OK);
    assert_int_equal(permit_ask_decode(&ask_again, bytes_of_buf(&out)), OK);
    assert_int_equal(ask_again.object.index, BLOCK_ITEMS_MAX - 1);
    for (size_t size = 0; size < out.size; size++)
        assert_int_not_equal(permit_ask_decode(&ask_again, bytes_of(out.data, size)), OK);
    buf_clear(&out);
    grant.codes = PERMIT_CODES_MAX;
    assert_int_equal(permit_grant_encode(&out, &grant), OK);
    assert_int_equal(permit_grant_decode(&grant_again, bytes_of_buf(&out)), OK);
    assert_int_equal(grant_again.codes, PERMIT_CODES_MAX);
    for (size_t size = 0; size < out.size; size++)
        assert_int_not_equal(permit_grant_decode(&grant_again, bytes_of(out.data, size)), OK);
    buf_clear(&out);
    assert_int_equal(permit_denial_encode(&out, &denial), OK);
    assert_int_equal(permit_denial_decode(&denial_again, bytes_of_buf(&out)), OK);
    assert_true(bytes_equal_text(denial_again.reason, "no"));
    for (size_t size = 0; size < out.size; size++)
        assert_int_not_equal(permit_denial_decode(&denial_again, bytes_of(out.data, size)), OK);
    ask.reason.size++;
    assert_int_equal(permit_ask_encode(&out, &ask), ERR_RANGE);
    ask.reason.size = 0, ask.object.index++;
    assert_int_equal(permit_ask_encode(&out, &ask), ERR_RANGE);
    grant.codes++;
    assert_int_equal(permit_grant_encode(&out, &grant), ERR_RANGE);
    denial.object_id = bytes_of_text("two words");
    assert_int_equal(permit_denial_encode(&out, &denial), ERR_RANGE);
    buf_free(&out);
}

static int setup(void **state) {
    (void)state;
    fixture_agency(&author_chain, &author, AUTHOR);
    fixture_agency(&other_chain, &other, OTHER);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    buf_free(&author_chain), buf_free(&other_chain);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_way),   cmocka_unit_test(test_permission), cmocka_unit_test(test_without),
        cmocka_unit_test(test_h2),    cmocka_unit_test(test_admitted),   cmocka_unit_test(test_altered),
        cmocka_unit_test(test_forms),
    };
    return cmocka_run_group_tests_name("share", tests, setup, teardown);
}
