/* agency: chains that verify, every rule of who may sign what, cuts and survivors, fingerprints. */
#include "crypto/agency.h"

#include "tests/unit/fixture_crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include <sodium.h>

/* Signs and applies a body, unless drafting it failed; frees it. */
static enum err apply_signed(struct agency *agency, struct buf *body, enum err error, const uint32_t *signers, size_t count) {
    struct buf record = {0};
    if (error == OK) {
        fixture_record(&record, bytes_of_buf(body), signers, count);
        error = agency_apply(agency, bytes_of(record.data + 2, record.size - 2));
    }
    buf_free(&record);
    buf_free(body);
    return error;
}

static enum err apply_root(struct agency *agency, const struct agency_root_draft *draft, const uint32_t *signers, size_t count) {
    struct buf body = {0};
    enum err error = agency_draft_root(&body, agency->record_count == 0 ? NULL : agency, draft, FIXTURE_NOW_MS);
    return apply_signed(agency, &body, error, signers, count);
}

static enum err apply_node(struct agency *agency, const struct agency_node *node, uint32_t signer) {
    struct buf body = {0};
    enum err error = agency_draft_node(&body, agency, node, FIXTURE_NOW_MS);
    return apply_signed(agency, &body, error, &signer, 1);
}

static enum err apply_revoke(struct agency *agency, const uint8_t *id, uint64_t seq, uint32_t signer) {
    struct buf body = {0};
    uint8_t hash[HASH_BYTES] = {(uint8_t)seq};
    enum err error = agency_draft_revoke(&body, agency, id, seq, hash, FIXTURE_NOW_MS);
    return apply_signed(agency, &body, error, &signer, 1);
}

/* The whole example chain, read again from its bytes, is the same state. */
static void test_chain(void **state) {
    (void)state;
    struct buf chain = {0};
    struct agency made, read;
    uint32_t bad = 99;
    uint8_t id[NODE_ID_BYTES], key[SIGN_PUBLIC_BYTES];
    fixture_chain(&chain, &made, FIXTURE_RECORDS);
    assert_int_equal(agency_parse(&read, bytes_of_buf(&chain), &bad), OK);
    assert_memory_equal(&made, &read, sizeof made);
    assert_string_equal(read.name, "Ministry of Examples");
    assert_int_equal(read.generation, 1);
    assert_int_equal(read.record_count, FIXTURE_RECORDS);
    assert_int_equal(read.node_count, 2);
    fixture_public(key, 40);
    agency_node_id(id, read.id, key);
    const struct agency_node *node = agency_node_find(&read, id);
    assert_non_null(node);
    assert_false(node->revoked);
    /* Renewed: later dates and one endpoint in place of two. */
    assert_true(node->not_before_ms == FIXTURE_NOW_MS + 30 * PREKEY_DAY_MS);
    assert_int_equal(node->endpoint_count, 1);
    assert_string_equal(node->endpoints[0].text, "tcp://node40.example.org:7470");
    fixture_public(key, 50);
    agency_node_id(id, read.id, key);
    node = agency_node_find(&read, id);
    assert_non_null(node);
    assert_true(node->revoked);
    assert_true(node->revoked_seq == 7);
    id[0] ^= 1;
    assert_null(agency_node_find(&read, id));
    buf_free(&chain);
}

/* The id is the hash of the first body, whoever signed it. */
static void test_id(void **state) {
    (void)state;
    static const uint32_t two[] = {10, 11}, others[] = {11, 12};
    struct agency_root_draft draft = fixture_root(2, 10, 20, 3, 30);
    struct agency a = {0}, b = {0};
    struct buf body = {0};
    uint8_t hash[HASH_BYTES];
    assert_int_equal(agency_draft_root(&body, NULL, &draft, FIXTURE_NOW_MS), OK);
    hash_of(hash, "comity-agency", bytes_of_buf(&body), bytes_of(NULL, 0));
    buf_free(&body);
    assert_int_equal(apply_root(&a, &draft, two, 2), OK);
    assert_int_equal(apply_root(&b, &draft, others, 2), OK);
    assert_memory_equal(a.id, hash, AGENCY_ID_BYTES);
    assert_memory_equal(&a, &b, sizeof a);
}

/* Every byte of a chain matters: none can be changed, and it can be cut between records only. */
static void test_every_byte(void **state) {
    (void)state;
    struct buf chain = {0};
    struct agency made, read;
    size_t ends[FIXTURE_RECORDS + 1] = {0};
    for (size_t i = 1; i <= FIXTURE_RECORDS; i++) {
        buf_clear(&chain);
        fixture_chain(&chain, &made, i);
        ends[i] = chain.size;
    }
    for (size_t at = 0; at < chain.size; at += 3) {
        uint32_t bad = 99;
        chain.data[at] ^= 0x41;
        assert_int_not_equal(agency_parse(&read, bytes_of_buf(&chain), &bad), OK);
        chain.data[at] ^= 0x41;
        assert_true(at >= ends[bad] && bad < FIXTURE_RECORDS);
        assert_true(at < ends[bad + 1]);
    }
    size_t good = 0;
    for (size_t size = 0; size <= chain.size; size++) {
        bool border = false;
        for (size_t i = 1; i <= FIXTURE_RECORDS; i++) border |= ends[i] == size;
        if (!border && size % 11 != 0) continue;
        assert_int_equal(agency_parse(&read, bytes_of(chain.data, size), NULL) == OK, border);
        good += border;
    }
    assert_int_equal(good, FIXTURE_RECORDS);
    buf_free(&chain);
}

static void test_first_root(void **state) {
    (void)state;
    static const uint32_t one[] = {10}, two[] = {10, 12}, three[] = {10, 11, 12}, next[] = {20, 21}, strangers[] = {10, 70};
    struct agency_root_draft draft = fixture_root(2, 10, 20, 3, 30);
    struct agency agency = {0}, before;
    before = agency;
    assert_int_equal(apply_root(&agency, &draft, one, 1), ERR_SIGNATURE);
    assert_int_equal(apply_root(&agency, &draft, next, 2), ERR_SIGNATURE);
    assert_int_equal(apply_root(&agency, &draft, strangers, 2), ERR_SIGNATURE);
    assert_memory_equal(&agency, &before, sizeof agency);
    assert_int_equal(apply_root(&agency, &draft, three, 3), OK);
    /* The same draft again is a later ROOT, whose signers were not committed to. */
    assert_int_equal(apply_root(&agency, &draft, two, 2), ERR_SIGNATURE);
}

/* What a ROOT must not contain. */
static void test_root_content(void **state) {
    (void)state;
    static const uint32_t signer = 10;
    struct agency_root_draft good = fixture_root(1, 10, 20, 1, 30), draft;
    struct agency agency = {0};
    draft = good;
    draft.threshold = 0;
    assert_int_equal(apply_root(&agency, &draft, &signer, 1), ERR_FORMAT);
    draft.threshold = 2;
    assert_int_equal(apply_root(&agency, &draft, &signer, 1), ERR_FORMAT);
    draft = good;
    draft.next_threshold = 0;
    assert_int_equal(apply_root(&agency, &draft, &signer, 1), ERR_FORMAT);
    draft = good;
    draft.next_count = 0;
    assert_int_equal(apply_root(&agency, &draft, &signer, 1), ERR_FORMAT);
    draft = good;
    draft.root_count = AGENCY_KEYS_MAX + 1;
    assert_int_equal(apply_root(&agency, &draft, &signer, 1), ERR_LIMIT);
    draft = good;
    draft.surviving_count = 1;
    assert_int_equal(apply_root(&agency, &draft, &signer, 1), ERR_CHAIN);
    draft = good; /* one key twice */
    draft.ops_count = 2;
    memcpy(draft.ops_public[1], draft.ops_public[0], SIGN_PUBLIC_BYTES);
    assert_int_equal(apply_root(&agency, &draft, &signer, 1), ERR_FORMAT);
    draft = good; /* a point of small order */
    memset(draft.ops_public[0], 0, SIGN_PUBLIC_BYTES);
    assert_int_equal(apply_root(&agency, &draft, &signer, 1), ERR_KEY);
    draft = good; /* today's key committed for tomorrow */
    hash_of(draft.next_hash[0], "comity-next-root", bytes_of(draft.root_public[0], SIGN_PUBLIC_BYTES), bytes_of(NULL, 0));
    assert_int_equal(apply_root(&agency, &draft, &signer, 1), ERR_KEY);
    draft = good;
    hash_of(draft.next_hash[0], "comity-next-root", bytes_of(draft.ops_public[0], SIGN_PUBLIC_BYTES), bytes_of(NULL, 0));
    assert_int_equal(apply_root(&agency, &draft, &signer, 1), ERR_KEY);
    draft = good; /* no ops keys at all is fine */
    draft.ops_count = 0;
    assert_int_equal(apply_root(&agency, &draft, &signer, 1), OK);
    struct agency_node node = fixture_node(40);
    assert_int_equal(apply_node(&agency, &node, 30), ERR_SIGNATURE);
    assert_int_equal(apply_node(&agency, &node, 10), OK);
}

static void test_names(void **state) {
    (void)state;
    static const uint32_t signer = 10;
    static const struct {
        const char *name;
        enum err error;
    } rows[] = {
        {"A", OK},
        {"Bundesamt f\xc3\xbcr Sicherheit", OK},
        {"\xe5\x9b\xbd\xe5\xae\xb6 \xf0\x9f\x87\xab\xf0\x9f\x87\xb7", OK},
        {"0123456789012345678901234567890123456789012345678901234567890123", OK},
        {"01234567890123456789012345678901234567890123456789012345678901234", ERR_UTF8},
        {"", ERR_UTF8},
        {"line\nbreak", ERR_UTF8},
        {"tab\t", ERR_UTF8},
        {"del\x7f", ERR_UTF8},
        {"c1 \xc2\x85", ERR_UTF8},
        {"turned \xe2\x80\xae", ERR_UTF8},
        {"cut \xc3", ERR_UTF8},
        {"latin \xe4", ERR_UTF8},
        {"overlong \xc0\xaf", ERR_UTF8},
        {"overlong \xe0\x80\xaf", ERR_UTF8},
        {"overlong \xf0\x80\x80\xaf", ERR_UTF8},
        {"surrogate \xed\xa0\x80", ERR_UTF8},
        {"past the end \xf4\x90\x80\x80", ERR_UTF8},
        {"\x80", ERR_UTF8},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct agency_root_draft draft = fixture_root(1, 10, 20, 1, 30);
        struct agency agency = {0};
        draft.name = rows[i].name;
        assert_int_equal(apply_root(&agency, &draft, &signer, 1), rows[i].error);
        if (rows[i].error == OK) assert_string_equal(agency.name, rows[i].name);
    }
}

static struct agency agency_small(void) {
    static const uint32_t signer = 10;
    struct agency_root_draft draft = fixture_root(1, 10, 20, 1, 30);
    struct agency agency = {0};
    assert_int_equal(apply_root(&agency, &draft, &signer, 1), OK);
    return agency;
}

static void test_nodes(void **state) {
    (void)state;
    struct agency agency = agency_small();
    struct agency_node node = fixture_node(40), other;
    assert_int_equal(apply_node(&agency, &node, 70), ERR_SIGNATURE);
    assert_int_equal(apply_node(&agency, &node, 20), ERR_SIGNATURE);
    assert_int_equal(apply_node(&agency, &node, 30), OK);
    other = fixture_node(41); /* with the CURVE key of another node */
    memcpy(other.curve_public, node.curve_public, CURVE_KEY_BYTES);
    assert_int_equal(apply_node(&agency, &other, 30), ERR_EXISTS);
    other = fixture_node(41);
    memset(other.curve_public, 0, CURVE_KEY_BYTES);
    assert_int_equal(apply_node(&agency, &other, 30), ERR_KEY);
    other = fixture_node(41);
    memset(other.sign_public, 0, SIGN_PUBLIC_BYTES);
    assert_int_equal(apply_node(&agency, &other, 30), ERR_KEY);
    other = fixture_node(41);
    other.not_after_ms = other.not_before_ms;
    assert_int_equal(apply_node(&agency, &other, 30), ERR_RANGE);
    other.not_after_ms = other.not_before_ms + 91 * PREKEY_DAY_MS;
    assert_int_equal(apply_node(&agency, &other, 30), OK);
    other.not_after_ms++;
    assert_int_equal(apply_node(&agency, &other, 30), ERR_RANGE);
    /* Sixteen, and not one more; a renewal of one of them still goes. */
    for (uint32_t i = 2; i < AGENCY_NODES_MAX; i++) {
        other = fixture_node(100 + 2 * i);
        assert_int_equal(apply_node(&agency, &other, 30), OK);
    }
    other = fixture_node(300);
    assert_int_equal(apply_node(&agency, &other, 30), ERR_LIMIT);
    node.endpoint_count = 0;
    assert_int_equal(apply_node(&agency, &node, 30), OK);
    assert_int_equal(agency.node_count, AGENCY_NODES_MAX);
    assert_int_equal(agency_node_find(&agency, agency.nodes[0].id)->endpoint_count, 0);
}

static void test_endpoints(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool good;
    } rows[] = {
        {"tcp://a.example:1", true},
        {"tcp://192.0.2.1:65535", true},
        {"tcp://[2001:db8::1]:7470", true},
        {"tcp://a_b-c.example:80", true},
        {"tcp://a.example:65536", false},
        {"tcp://a.example:0", false},
        {"tcp://a.example:07", false},
        {"tcp://a.example:", false},
        {"tcp://a.example", false},
        {"tcp://:7470", false},
        {"tcp://[]:7470", false},
        {"tcp://2001:db8::1:7470", false},
        {"tcp://*:7470", false},
        {"ipc:///tmp/x", false},
        {"tcp://a b:1", false},
        {"tcp://a.example:1 ", false},
        {"tcp://a.example:123456", false},
        {"tcp://[fe80::1%eth0]:1", false},
        {"", false},
        {"TCP://a.example:1", false},
        {"tcp://a;b:1", false},
        {"tcp://a.example:-1", false},
        {"tcp://", false},
        {"tcp://\xc3\xa4:1", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct agency agency = agency_small();
        struct agency_node node = fixture_node(40);
        node.endpoint_count = 1;
        strcpy(node.endpoints[0].text, rows[i].text);
        enum err error = apply_node(&agency, &node, 30);
        if ((error == OK) != rows[i].good) print_error("%s\n", rows[i].text);
        assert_int_equal(error, rows[i].good ? OK : ERR_FORMAT);
    }
    struct agency agency = agency_small();
    struct agency_node node = fixture_node(40);
    node.endpoint_count = AGENCY_ENDPOINTS_MAX + 1;
    assert_int_equal(apply_node(&agency, &node, 30), ERR_LIMIT);
    /* The longest: 128 characters. */
    node.endpoint_count = 1;
    memset(node.endpoints[0].text, 'a', AGENCY_ENDPOINT_BYTES_MAX);
    memcpy(node.endpoints[0].text, "tcp://", 6);
    memcpy(node.endpoints[0].text + AGENCY_ENDPOINT_BYTES_MAX - 2, ":1", 3);
    assert_int_equal(apply_node(&agency, &node, 30), OK);
}

/* Of several cuts the lowest wins, in whatever order they come, and the dead stay dead. */
static void test_revoke(void **state) {
    (void)state;
    struct agency agency = agency_small();
    struct agency_node node = fixture_node(40);
    uint8_t unknown[NODE_ID_BYTES] = {1};
    assert_int_equal(apply_node(&agency, &node, 30), OK);
    const struct agency_node *held = &agency.nodes[0];
    assert_int_equal(apply_revoke(&agency, unknown, 5, 30), ERR_NOT_FOUND);
    assert_int_equal(apply_revoke(&agency, held->id, 5, 40), ERR_SIGNATURE);
    assert_int_equal(apply_revoke(&agency, held->id, 50, 30), OK);
    assert_true(held->revoked && held->revoked_seq == 50 && held->revoked_hash[0] == 50);
    assert_int_equal(apply_revoke(&agency, held->id, 60, 10), OK);
    assert_true(held->revoked_seq == 50 && held->revoked_hash[0] == 50);
    assert_int_equal(apply_revoke(&agency, held->id, 40, 10), OK);
    assert_true(held->revoked_seq == 40 && held->revoked_hash[0] == 40);
    assert_int_equal(apply_node(&agency, &node, 30), ERR_REVOKED);
}

/* A thief of root and ops keys cannot rotate; the owner of the committed keys can, alone, and shakes the thief off. */
static void test_rotation(void **state) {
    (void)state;
    static const uint32_t thief[] = {10, 11}, owner[] = {20, 21}, mixed[] = {11, 20}, one[] = {20}, ops[] = {30};
    struct buf chain = {0};
    struct agency agency;
    fixture_chain(&chain, &agency, 3);
    struct agency_root_draft draft = fixture_root(2, 20, 25, 3, 31), forged = fixture_root(2, 10, 60, 3, 30);
    memcpy(draft.surviving[0], agency.nodes[0].id, NODE_ID_BYTES);
    draft.surviving_count = 1;
    assert_int_equal(apply_root(&agency, &forged, thief, 2), ERR_SIGNATURE);
    assert_int_equal(apply_root(&agency, &draft, thief, 2), ERR_SIGNATURE);
    assert_int_equal(apply_root(&agency, &draft, mixed, 2), ERR_SIGNATURE);
    assert_int_equal(apply_root(&agency, &draft, one, 1), ERR_SIGNATURE);
    assert_int_equal(apply_root(&agency, &draft, ops, 1), ERR_SIGNATURE);
    assert_int_equal(apply_root(&agency, &draft, owner, 2), OK);
    assert_int_equal(agency.generation, 1);
    /* The node that was not named is cut at the very start. */
    assert_false(agency.nodes[0].revoked);
    assert_true(agency.nodes[1].revoked && agency.nodes[1].revoked_seq == 0);
    struct agency_node node = fixture_node(70);
    assert_int_equal(apply_node(&agency, &node, 30), ERR_SIGNATURE);
    assert_int_equal(apply_node(&agency, &node, 31), OK);
    /* A survivor must be known and alive. */
    draft = fixture_root(2, 25, 80, 3, 31);
    memcpy(draft.surviving[0], agency.nodes[1].id, NODE_ID_BYTES);
    draft.surviving_count = 1;
    assert_int_equal(apply_root(&agency, &draft, owner, 2), ERR_REVOKED);
    draft.surviving[0][0] ^= 1;
    assert_int_equal(apply_root(&agency, &draft, owner, 2), ERR_NOT_FOUND);
    buf_free(&chain);
}

/* Well signed, and wrong all the same: a hostile holder of the ops key does not go through our drafting. */
static void test_signed_wrong(void **state) {
    (void)state;
    static const struct {
        size_t at, size;
        enum err error;
    } rows[] = {{4, 32, ERR_CHAIN}, {36, 4, ERR_CHAIN}, {40, 32, ERR_CHAIN}, {80, 32, ERR_KEY}, {112, 32, ERR_KEY}, {160, 1, OK}};
    static const uint32_t ops = 30;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct agency agency = agency_small(), before = agency;
        struct agency_node node = fixture_node(40);
        struct buf body = {0};
        node.endpoint_count = 0;
        assert_int_equal(agency_draft_node(&body, &agency, &node, FIXTURE_NOW_MS), OK);
        memset(body.data + rows[i].at, 0, rows[i].size);
        assert_int_equal(apply_signed(&agency, &body, OK, &ops, 1), rows[i].error);
        if (rows[i].error != OK) assert_memory_equal(&agency, &before, sizeof agency);
    }
}

/* Records are taken once, in order, and by the agency they were made for. */
static void test_order(void **state) {
    (void)state;
    struct agency agency = agency_small(), twin = agency, before;
    struct agency_node node = fixture_node(40), other = fixture_node(50);
    struct buf body = {0}, record = {0};
    static const uint32_t ops = 30;
    assert_int_equal(agency_draft_node(&body, &agency, &node, FIXTURE_NOW_MS), OK);
    fixture_record(&record, bytes_of_buf(&body), &ops, 1);
    struct bytes first = bytes_of(record.data + 2, record.size - 2);
    assert_int_equal(agency_apply(&agency, first), OK);
    before = agency;
    assert_int_equal(agency_apply(&agency, first), ERR_EXISTS);
    assert_int_equal(apply_node(&agency, &other, 30), OK);
    assert_int_equal(agency_apply(&agency, first), ERR_CHAIN);
    /* The twin got another record at that place. */
    assert_int_equal(apply_node(&twin, &other, 30), OK);
    assert_int_equal(agency_apply(&twin, first), ERR_CHAIN);
    struct agency fresh = {0};
    assert_int_equal(agency_apply(&fresh, first), ERR_CHAIN);
    assert_int_not_equal(memcmp(&agency, &before, sizeof agency), 0);
    buf_free(&body);
    buf_free(&record);
}

/* The 257th record is refused, by who drafts and by who parses. */
static void test_records_max(void **state) {
    (void)state;
    struct buf chain = {0}, body = {0};
    struct agency agency;
    static const uint32_t ops = 30;
    fixture_chain(&chain, &agency, 2);
    struct agency_node node = fixture_node(40);
    while (agency.record_count < AGENCY_RECORDS_MAX) {
        size_t start = chain.size;
        buf_clear(&body);
        assert_int_equal(agency_draft_node(&body, &agency, &node, FIXTURE_NOW_MS), OK);
        fixture_record(&chain, bytes_of_buf(&body), &ops, 1);
        assert_int_equal(agency_apply(&agency, bytes_of(chain.data + start + 2, chain.size - start - 2)), OK);
    }
    assert_int_equal(agency_parse(&agency, bytes_of_buf(&chain), NULL), OK);
    buf_clear(&body);
    assert_int_equal(agency_draft_node(&body, &agency, &node, FIXTURE_NOW_MS), ERR_LIMIT);
    agency.record_count--;
    assert_int_equal(agency_draft_node(&body, &agency, &node, FIXTURE_NOW_MS), OK);
    fixture_record(&chain, bytes_of_buf(&body), &ops, 1);
    uint32_t bad = 0;
    assert_int_equal(agency_parse(&agency, bytes_of_buf(&chain), &bad), ERR_LIMIT);
    assert_int_equal(bad, AGENCY_RECORDS_MAX);
    while (chain.size <= AGENCY_CHAIN_BYTES_MAX) buf_put_u64(&chain, 0);
    assert_int_equal(agency_parse(&agency, bytes_of_buf(&chain), NULL), ERR_TOO_BIG);
    buf_free(&chain);
    buf_free(&body);
}

/* What sealing refuses: nobody, too many, one twice; and reading refuses the same in hostile bytes. */
static void test_signatures(void **state) {
    (void)state;
    struct agency_root_draft draft = fixture_root(1, 10, 20, 2, 30);
    struct agency_signature twice[AGENCY_KEYS_MAX + 1] = {{{0}, {0}}};
    struct agency agency = {0};
    struct buf body = {0}, record = {0};
    static const uint32_t signers[] = {10, 11};
    assert_int_equal(agency_draft_root(&body, NULL, &draft, FIXTURE_NOW_MS), OK);
    assert_int_equal(agency_seal_record(&record, bytes_of_buf(&body), twice, 0), ERR_LIMIT);
    assert_int_equal(agency_seal_record(&record, bytes_of_buf(&body), twice, AGENCY_KEYS_MAX + 1), ERR_LIMIT);
    assert_int_equal(agency_seal_record(&record, bytes_of_buf(&body), twice, 2), ERR_EXISTS);
    assert_int_equal(record.size, 0);
    fixture_record(&record, bytes_of_buf(&body), signers, 2);
    uint8_t *first = record.data + 2 + body.size + 1, swapped[96];
    memcpy(swapped, first, 96);
    memcpy(first, first + 96, 96);
    assert_int_equal(agency_apply(&agency, bytes_of(record.data + 2, record.size - 2)), ERR_FORMAT);
    memcpy(first + 96, swapped, 96);
    assert_int_equal(agency_apply(&agency, bytes_of(record.data + 2, record.size - 2)), ERR_FORMAT);
    memcpy(first + 96, first, 96);
    memcpy(first, swapped, 96);
    assert_int_equal(agency_apply(&agency, bytes_of(record.data + 2, record.size - 2)), OK);
    static uint8_t huge[AGENCY_RECORD_BYTES_MAX + 1];
    assert_int_equal(agency_apply(&agency, bytes_of(huge, sizeof huge)), ERR_TOO_BIG);
    buf_free(&body);
    buf_free(&record);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chain),      cmocka_unit_test(test_id),           cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_first_root), cmocka_unit_test(test_root_content), cmocka_unit_test(test_names),
        cmocka_unit_test(test_nodes),      cmocka_unit_test(test_endpoints),    cmocka_unit_test(test_revoke),
        cmocka_unit_test(test_rotation),   cmocka_unit_test(test_order),        cmocka_unit_test(test_records_max),
        cmocka_unit_test(test_signatures), cmocka_unit_test(test_signed_wrong),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests_name("agency", tests, NULL, NULL);
}
