#include "gossip/item.h"

#include "gossip/pack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct item item, back, third; /* large: not on the stack */

static void sample(void) {
    item.type = bytes_of_text("indicator");
    item.id = bytes_of_text("indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f");
    item.modified_ms = 1790000000000;
    item.valid_until_ms = 0;
    item.tlp = TLP_AMBER;
    item.revoked = false;
    item.observables[0] = (struct observable){OBSERVABLE_DOMAIN, bytes_of_text("evil.example")};
    item.observables[1] = (struct observable){OBSERVABLE_IPV4, bytes_of("\xc0\x00\x02\x01\x20", 5)};
    item.observables[2] = item.observables[0];
    item.observable_count = 3;
    item.text = bytes_of_text("{\"type\":\"indicator\"}");
    item_sort_observables(&item);
}

/* Sorting puts kinds in order and drops doubles; what is encoded decodes to the same. */
static void test_round_trip(void **state) {
    (void)state;
    struct buf out = {0};
    sample();
    assert_int_equal(item.observable_count, 2);
    assert_int_equal(item.observables[0].kind, OBSERVABLE_IPV4);
    assert_int_equal(item_encode(&out, &item), OK);
    assert_int_equal(item_decode(&back, bytes_of_buf(&out)), OK);
    assert_true(bytes_equal(back.type, item.type) && bytes_equal(back.id, item.id) && bytes_equal(back.text, item.text));
    assert_true(back.modified_ms == item.modified_ms && back.tlp == TLP_AMBER && !back.revoked);
    assert_int_equal(back.observable_count, 2);
    assert_true(bytes_equal(back.observables[1].value, item.observables[1].value));
    buf_free(&out);
}

/* The bytes themselves, written out by hand from PROTOCOL.md 5.3. */
static void test_bytes(void **state) {
    (void)state;
    static const char expected[] =
        "\x99\x01\xa3url\x00\xcc\x80\x05\xc3\xc4\x0a[evil.one]\xa7url--12\x92\x92\x03\x92\x01\x08\x92\x0a\xc4\x01x";
    struct buf out = {0};
    item = (struct item){
        .type = bytes_of_text("url"), .id = bytes_of_text("url--12"), .valid_until_ms = 128, .tlp = TLP_RED, .revoked = true};
    item.observables[0] = (struct observable){OBSERVABLE_DOMAIN, bytes_of_text("evil.one")};
    item.observables[1] = (struct observable){OBSERVABLE_TEXT, bytes_of_text("x")};
    item.observable_count = 2;
    item.text = bytes_of_text("[evil.one]");
    assert_int_equal(item_encode(&out, &item), OK);
    assert_int_equal(out.size, sizeof expected - 1);
    assert_memory_equal(out.data, expected, out.size);
    buf_free(&out);
}

/* Every prefix of an encoding, and one with a byte more, is refused. */
static void test_truncated(void **state) {
    (void)state;
    struct buf out = {0};
    sample();
    assert_int_equal(item_encode(&out, &item), OK);
    for (size_t size = 0; size < out.size; size++) {
        uint8_t *cut = malloc(size + 1);
        assert_non_null(cut);
        memcpy(cut, out.data, size);
        assert_int_not_equal(item_decode(&back, bytes_of(cut, size)), OK);
        free(cut);
    }
    buf_put_u8(&out, 0xc0);
    assert_int_equal(item_decode(&back, bytes_of_buf(&out)), ERR_FORMAT);
    buf_free(&out);
}

/* Whatever one changed byte decodes to, it encodes to something that means the same. */
static void test_canonical(void **state) {
    (void)state;
    struct buf out = {0}, again = {0};
    sample();
    assert_int_equal(item_encode(&out, &item), OK);
    for (size_t i = 0; i < out.size; i++)
        for (unsigned value = 0; value < 256; value++) {
            uint8_t old = out.data[i];
            out.data[i] = (uint8_t)value;
            if (item_decode(&back, bytes_of_buf(&out)) == OK) {
                buf_clear(&again);
                assert_int_equal(item_encode(&again, &back), OK);
                assert_int_equal(item_decode(&third, bytes_of_buf(&again)), OK);
                assert_true(bytes_equal(third.id, back.id) && bytes_equal(third.text, back.text));
                assert_int_equal(third.observable_count, back.observable_count);
            }
            out.data[i] = old;
        }
    buf_free(&out);
    buf_free(&again);
}

/* Fields beyond their limits are refused by the encoder, one past each. */
static void test_limits(void **state) {
    (void)state;
    struct buf out = {0};
    static uint8_t big[ITEM_TEXT_BYTES_MAX + 1];
    memset(big, 'a', sizeof big);
    sample();
    item.text = bytes_of(big, ITEM_TEXT_BYTES_MAX);
    assert_int_equal(item_encode(&out, &item), OK);
    assert_int_equal(item_decode(&back, bytes_of_buf(&out)), OK);
    item.text = bytes_of(big, ITEM_TEXT_BYTES_MAX + 1);
    assert_int_equal(item_encode(&out, &item), ERR_TOO_BIG);
    item.text = bytes_of(NULL, 0);
    assert_int_equal(item_encode(&out, &item), ERR_RANGE);
    sample();
    item.type = bytes_of(big, ITEM_TYPE_BYTES_MAX + 1);
    assert_int_equal(item_encode(&out, &item), ERR_RANGE);
    sample();
    item.id = bytes_of(big, ITEM_ID_BYTES_MAX + 1);
    assert_int_equal(item_encode(&out, &item), ERR_RANGE);
    sample();
    item.id = bytes_of_text("indicator--\x1b[2J");
    assert_int_equal(item_encode(&out, &item), ERR_RANGE);
    sample();
    item.observables[1].value = bytes_of(big, ITEM_VALUE_BYTES_MAX + 1);
    assert_int_equal(item_encode(&out, &item), ERR_RANGE);
    sample();
    item.observable_count = ITEM_OBSERVABLES_MAX + 1;
    assert_int_equal(item_encode(&out, &item), ERR_TOO_BIG);
    sample();
    item.observables[0] = item.observables[1];
    assert_int_equal(item_encode(&out, &item), ERR_RANGE); /* twice the same */
    sample();
    item.tlp = (enum tlp)6;
    assert_int_equal(item_encode(&out, &item), ERR_RANGE);
    buf_free(&out);
}

/* A place outside the text is refused. */
static void test_places(void **state) {
    (void)state;
    static const char past[] = "\x99\x01\xa3url\x00\x00\x05\xc3\xc4\x08url--123\x92\x01\x08\x90";
    static const char huge[] = "\x99\x01\xa3url\x00\x00\x05\xc3\xc4\x08url--123\x92\xcf\xff\xff\xff\xff\xff\xff\xff\xff\x01\x90";
    static const char good[] = "\x99\x01\xa3url\x00\x00\x05\xc3\xc4\x08url--123\x92\x00\x08\x90";
    assert_int_equal(item_decode(&back, bytes_of(past, sizeof past - 1)), ERR_FORMAT);
    assert_int_equal(item_decode(&back, bytes_of(huge, sizeof huge - 1)), ERR_FORMAT);
    assert_int_equal(item_decode(&back, bytes_of(good, sizeof good - 1)), OK);
    assert_true(bytes_equal_text(back.id, "url--123"));
}

/* A count of observables that no data follows costs nothing. */
static void test_lying_counts(void **state) {
    (void)state;
    static const char many[] = "\x99\x01\xa3url\x00\x00\x05\xc3\xc4\x02{}\xa7url--12\xdd\xff\xff\xff\xff";
    static const char too_many[] = "\x99\x01\xa3url\x00\x00\x05\xc3\xc4\x02{}\xa7url--12\xdc\x04\x01";
    static const char version[] = "\x99\x04", fields[] = "\x99\x02";
    static const char label[] = "\x99\x01\xa3url\x00\x00\x06\xc3\xc4\x02{}\xa7url--12\x90";
    static uint8_t padded[8192];
    assert_int_equal(item_decode(&back, bytes_of(many, sizeof many - 1)), ERR_FORMAT);
    memcpy(padded, too_many, sizeof too_many - 1);
    assert_int_equal(item_decode(&back, bytes_of(padded, sizeof padded)), ERR_RANGE);
    memcpy(padded, version, sizeof version - 1);
    assert_int_equal(item_decode(&back, bytes_of(padded, sizeof padded)), ERR_VERSION);
    memcpy(padded, fields, sizeof fields - 1);
    assert_int_equal(item_decode(&back, bytes_of(padded, sizeof padded)), ERR_FORMAT);
    assert_int_equal(item_decode(&back, bytes_of(label, sizeof label - 1)), ERR_RANGE);
    assert_int_equal(item_decode(&back, bytes_of(NULL, 0)), ERR_TRUNCATED);
}

/* What each kind's value must look like. */
static void test_observables(void **state) {
    (void)state;
    static const struct {
        enum observable_kind kind;
        const char *value;
        size_t size;
        bool valid;
    } cases[] = {
        {OBSERVABLE_IPV4, "\x0a\x00\x00\x00\x08", 5, true},
        {OBSERVABLE_IPV4, "\x0a\x00\x00\x01\x08", 5, false},
        {OBSERVABLE_IPV4, "\x0a\x80\x00\x00\x09", 5, true},
        {OBSERVABLE_IPV4, "\x0a\x40\x00\x00\x09", 5, false},
        {OBSERVABLE_IPV4, "\x00\x00\x00\x00\x00", 5, true},
        {OBSERVABLE_IPV4, "\x0a\x00\x00\x00\x21", 5, false},
        {OBSERVABLE_IPV4, "\x0a\x00\x00\x00", 4, false},
        {OBSERVABLE_IPV6, "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x20", 17, true},
        {OBSERVABLE_IPV6, "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x20", 17, false},
        {OBSERVABLE_DOMAIN, "a.b", 3, true},
        {OBSERVABLE_DOMAIN, "_dmarc.r2---sn-x.example", 24, true},
        {OBSERVABLE_DOMAIN, "A.b", 3, false},
        {OBSERVABLE_DOMAIN, "a.b.", 4, false},
        {OBSERVABLE_DOMAIN, ".a", 2, false},
        {OBSERVABLE_DOMAIN, "a..b", 4, false},
        {OBSERVABLE_DOMAIN, "a b", 3, false},
        {OBSERVABLE_DOMAIN, "", 0, false},
        {OBSERVABLE_URL, "http://a/B?C", 12, true},
        {OBSERVABLE_URL, "http://User@a/", 14, true},
        {OBSERVABLE_URL, "HTTP://a/", 9, false},
        {OBSERVABLE_URL, "http://A/", 9, false},
        {OBSERVABLE_URL, "http:///x", 9, false},
        {OBSERVABLE_URL, "http://a/ b", 11, false},
        {OBSERVABLE_URL, "://a", 4, false},
        {OBSERVABLE_URL, "mailto:a@b", 10, false},
        {OBSERVABLE_URL, "http://a/\xff", 10, false},
        {OBSERVABLE_EMAIL, "John@example.com", 16, true},
        {OBSERVABLE_EMAIL, "john@Example.com", 16, false},
        {OBSERVABLE_EMAIL, "@example.com", 12, false},
        {OBSERVABLE_EMAIL, "john@", 5, false},
        {OBSERVABLE_MD5, "0123456789abcdef", 16, true},
        {OBSERVABLE_MD5, "0123456789abcde", 15, false},
        {OBSERVABLE_SHA1, "0123456789abcdef0123", 20, true},
        {OBSERVABLE_SHA256, "0123456789abcdef0123456789abcdef", 32, true},
        {OBSERVABLE_SHA512, "0123456789abcdef0123456789abcdef", 32, false},
        {OBSERVABLE_TEXT, "C:\\evil.exe", 11, true},
        {OBSERVABLE_TEXT, "\xc3\x28", 2, false},
        {(enum observable_kind)0, "x", 1, false},
        {(enum observable_kind)11, "x", 1, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct observable observable = {cases[i].kind, bytes_of(cases[i].value, cases[i].size)};
        if (observable_valid(observable) != cases[i].valid) fail_msg("case %zu", i);
    }
    char label[80];
    memset(label, 'a', sizeof label);
    assert_true(observable_valid((struct observable){OBSERVABLE_DOMAIN, bytes_of(label, 63)}));
    assert_false(observable_valid((struct observable){OBSERVABLE_DOMAIN, bytes_of(label, 64)}));
    for (int kind = 1; kind < OBSERVABLE_KIND_COUNT; kind++) assert_non_null(observable_kind_name((enum observable_kind)kind));
    assert_null(observable_kind_name((enum observable_kind)0));
    assert_null(observable_kind_name(OBSERVABLE_KIND_COUNT));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),   cmocka_unit_test(test_bytes),       cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_canonical),    cmocka_unit_test(test_limits),      cmocka_unit_test(test_places),
        cmocka_unit_test(test_lying_counts), cmocka_unit_test(test_observables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
