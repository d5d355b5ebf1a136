/* taxii: content negotiation, filters and `next`, and tokens: what strangers send is met once, here. */
#include "node/engine/control.h"
#include "node/formats/moment.h"
#include "node/web/taxii_filter.h"
#include "node/web/taxii_media.h"
#include "node/web/tokens.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void media(void **state) {
    static const struct row {
        const char *header;
        bool accepted, content;
    } rows[] = {
        {"application/taxii+json;version=2.1", true, true},
        {"application/taxii+json; version=2.1", true, true},
        {"Application/TAXII+JSON;Version=\"2.1\"", true, true},
        {"application/taxii+json", true, true},
        {"application/taxii+json;version=2.0", false, false},
        {"application/taxii+json;version=2.10", false, false},
        {"*/*", true, false},
        {"application/*;q=0.1", true, false},
        {"application/taxii+json;q=0.0", false, false},
        {"text/html, application/taxii+json;version=2.1;q=0.5", true, false},
        {"application/json", false, false},
        {"application/stix+json;version=2.1", false, false},
        {"", false, false},
        {",;=", false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        print_message("%s\n", rows[i].header);
        assert_int_equal(taxii_media_accepted(rows[i].header), rows[i].accepted);
        assert_int_equal(taxii_media_content(rows[i].header), rows[i].content);
    }
    assert_true(taxii_media_accepted(NULL));
    assert_false(taxii_media_content(NULL));
}

static void parameters(void **state) {
    static const struct row {
        const char *key, *value;
        enum err err;
    } rows[] = {
        {"added_after", "2026-01-31T12:00:00Z", OK},
        {"added_after", "2026-01-31T12:00:00.123456789Z", OK},
        {"added_after", "2026-01-31 12:00:00Z", ERR_SYNTAX},
        {"added_after", "", OK},
        {"limit", "1", OK},
        {"limit", "99999999999999999999", OK},
        {"limit", "0", ERR_SYNTAX},
        {"limit", "-1", ERR_SYNTAX},
        {"limit", "", OK},
        {"match[id]", "indicator--1,indicator--2", OK},
        {"match[id]", "a,,b", ERR_SYNTAX},
        {"match[type]", "indicator", OK},
        {"match[type]", "", ERR_SYNTAX},
        {"match[version]", "first,last,2026-01-31T12:00:00Z", OK},
        {"match[version]", "newest", ERR_SYNTAX},
        {"match[spec_version]", "2.1,2.0", OK},
        {"match[spec_version]", "2.2", ERR_SYNTAX},
        {"match[name]", "x", ERR_SYNTAX},
        {"unknown", "x", OK},
    };
    struct taxii_filter filter;
    char why[TAXII_WHY_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        why[0] = 0;
        taxii_filter_init(&filter);
        print_message("%s=%s\n", rows[i].key, rows[i].value);
        assert_int_equal(taxii_filter_add(&filter, rows[i].key, rows[i].value, why), rows[i].err);
        assert_int_equal(why[0] != 0, rows[i].err != OK);
        assert_true(filter.limit >= 1 && filter.limit <= TAXII_LIMIT_MAX);
    }
    taxii_filter_init(&filter);
    for (int i = 0; i < TAXII_VALUES_MAX; i++) assert_int_equal(taxii_filter_add(&filter, "match[id]", "x--1", why), OK);
    assert_int_equal(taxii_filter_add(&filter, "match[id]", "x--1", why), ERR_LIMIT);
}

static void versions(void **state) {
    struct taxii_filter filter;
    char why[TAXII_WHY_MAX];
    (void)state;
    taxii_filter_init(&filter);
    taxii_filter_finish(&filter);
    assert_int_equal(taxii_filter_ask(&filter), CONTROL_VERSION_LAST);
    assert_true(taxii_filter_version(&filter, CONTROL_VERSION_LAST | CONTROL_VERSION_FIRST, 0));
    assert_false(taxii_filter_version(&filter, CONTROL_VERSION_FIRST, 0));

    taxii_filter_init(&filter);
    assert_int_equal(taxii_filter_add(&filter, "match[version]", "first,1970-01-01T00:00:01.000002Z", why), OK);
    taxii_filter_finish(&filter);
    assert_int_equal(taxii_filter_ask(&filter), CONTROL_VERSION_LAST | CONTROL_VERSION_FIRST | CONTROL_VERSION_BETWEEN);
    assert_true(taxii_filter_version(&filter, CONTROL_VERSION_BETWEEN, 1000002));
    assert_false(taxii_filter_version(&filter, CONTROL_VERSION_LAST, 1000001));

    taxii_filter_init(&filter);
    assert_int_equal(taxii_filter_add(&filter, "match[version]", "all,last", why), OK);
    taxii_filter_finish(&filter);
    assert_int_equal(taxii_filter_ask(&filter), 0);
    assert_true(taxii_filter_version(&filter, 0, 0));
}

/* A next brings back all of what was asked; one of another key, or with any byte changed, is refused, and one of another collection
   is told from both, and holds nothing for this one. */
static void next(void **state) {
    struct taxii_filter *filter = calloc(1, sizeof *filter), *back = calloc(1, sizeof *back);
    uint8_t collection[UUID_BYTES] = {1}, other[UUID_BYTES] = {2}, key[TAXII_KEY_BYTES] = {3}, wrong[TAXII_KEY_BYTES] = {4};
    char why[TAXII_WHY_MAX], *text;
    struct buf out = {0};
    (void)state;
    taxii_filter_init(filter);
    assert_int_equal(taxii_filter_add(filter, "match[type]", "indicator,malware", why), OK);
    assert_int_equal(taxii_filter_add(filter, "match[id]", "indicator--1", why), OK);
    assert_int_equal(taxii_filter_add(filter, "match[version]", "last,2026-01-31T12:00:00Z", why), OK);
    assert_int_equal(taxii_filter_add(filter, "limit", "77", why), OK);
    taxii_filter_finish(filter);
    filter->position = 123456789012;
    filter->shown_us = 1234567890123456;
    assert_int_equal(taxii_next_write(&out, filter, collection, key), OK);
    buf_put_u8(&out, 0);
    text = (char *)out.data;
    assert_int_equal(taxii_next_read(back, text, collection, key), OK);
    assert_memory_equal(back, filter, sizeof *filter);
    assert_int_equal(taxii_next_read(back, text, other, key), ERR_NOT_FOUND);
    assert_int_equal(back->position, 0);
    assert_int_equal(back->id_count, 0);
    assert_int_equal(taxii_next_read(back, text, other, wrong), ERR_SIGNATURE);
    assert_int_equal(taxii_next_read(back, text, collection, wrong), ERR_SIGNATURE);
    for (size_t i = 0; text[i]; i++) {
        char before = text[i];
        text[i] = before == 'A' ? 'B' : 'A';
        enum err changed = taxii_next_read(back, text, collection, key);
        assert_true(changed == ERR_SIGNATURE || changed == ERR_FORMAT);
        text[i] = 0;
        changed = taxii_next_read(back, text, collection, key);
        assert_true(changed == ERR_SIGNATURE || changed == ERR_FORMAT);
        text[i] = before;
    }
    assert_int_not_equal(taxii_next_read(back, "", collection, key), OK);
    buf_free(&out);
    free(filter);
    free(back);
}

static void token_lines(void **state) {
    static const char *const bad[] = {"x", "a\tb\tTLP:GREEN\tr\t0\t50\t*\t-", "a\t00\tTLP:GREEN\tr\t0\t50\t*\t-"};
    struct token token = {.name = bytes_of_text("soc"),
                          .label_max = TLP_GREEN,
                          .read = true,
                          .rate = 50,
                          .scope = bytes_of_text("all,green,amber"),
                          .recipients = bytes_of_text("-")};
    struct tokens tokens;
    struct buf file = {0};
    size_t line;
    char text[TOKENS_TEXT_BYTES];
    uint8_t random[32] = {9}, hash[HASH_BYTES];
    (void)state;
    token_text(text, random);
    assert_int_equal(strlen(text), TOKENS_TEXT_BYTES - 1);
    token_hash(token.hash, bytes_of_text(text));
    token_write(&file, &token);
    assert_int_equal(tokens_parse(&tokens, bytes_of_buf(&file), &line), OK);
    assert_int_equal(tokens.count, 1);
    token_hash(hash, bytes_of_text(text));
    const struct token *found = tokens_of_hash(&tokens, hash);
    assert_ptr_equal(found, tokens_of_name(&tokens, bytes_of_text("soc")));
    assert_true(found->read && !found->write && found->rate == 50 && !found->bound);
    assert_int_equal(found->collections, 1u << COLLECTION_ALL | 1u << TLP_GREEN | 1u << TLP_AMBER);
    assert_int_equal(token_labels(found, COLLECTION_ALL), 1u << TLP_CLEAR | 1u << TLP_GREEN);
    assert_int_equal(token_labels(found, TLP_GREEN), 1u << TLP_GREEN);
    assert_int_equal(token_labels(found, TLP_AMBER), 0); /* above its label */
    assert_int_equal(token_labels(found, TLP_CLEAR), 0); /* not named */
    assert_int_equal(token_labels(found, TLP_RED), 0);
    hash[0] ^= 1;
    assert_null(tokens_of_hash(&tokens, hash));
    assert_null(tokens_of_name(&tokens, bytes_of_text("so")));
    tokens_free(&tokens);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        buf_clear(&file);
        buf_put_text(&file, "# a comment\n");
        buf_put_text(&file, bad[i]);
        assert_int_equal(tokens_parse(&tokens, bytes_of_buf(&file), &line), ERR_SYNTAX);
        assert_int_equal(line, 2);
        tokens_free(&tokens);
    }
    buf_free(&file);
}

/* Groups are named by name, or by the beginning of their id; certificates by their fingerprint. */
static void token_scopes(void **state) {
    static const struct {
        const char *scope;
        bool all, some, nightfall, dawn;
        unsigned labels;
    } rows[] = {{"*", true, true, true, true, 14},
                {"all,green", false, false, false, false, 14},
                {"green", false, false, false, false, 4},
                {"green,group:nightfall", false, true, true, false, 4},
                {"group:nightfall", false, true, true, false, 14},
                {"group:ab12cd34", false, true, true, false, 14},
                {"group:ab12cd3", false, true, false, false, 14},
                {"group:ab12cd35,group:dawn", false, true, false, true, 14},
                {"group:NIGHTFALL", false, true, false, false, 14}};
    static const char *const bad[] = {"", "group:", "group:two words", "groups:x", "all,,green", "red"};
    static const uint8_t nightfall[HASH_BYTES] = {0xab, 0x12, 0xcd, 0x34}, dawn[HASH_BYTES] = {1};
    uint8_t fingerprint[TOKENS_FINGERPRINT];
    char text[100];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct token token = {.label_max = TLP_AMBER};
        assert_int_equal(collections_parse(&token, bytes_of_text(rows[i].scope)), OK);
        assert_int_equal(token_groups_all(&token), rows[i].all);
        assert_int_equal(token_groups_some(&token), rows[i].some);
        assert_int_equal(token_group(&token, bytes_of_text("nightfall"), nightfall), rows[i].nightfall);
        assert_int_equal(token_group(&token, bytes_of_text("dawn"), dawn), rows[i].dawn);
        assert_int_equal(token_labels_any(&token), rows[i].labels);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct token token = {0};
        assert_int_not_equal(collections_parse(&token, bytes_of_text(bad[i])), OK);
    }
    memset(text, 'A', 64);
    text[64] = 0;
    assert_true(fingerprint_parse(fingerprint, bytes_of_text(text)));
    assert_int_equal(fingerprint[31], 0xaa);
    for (size_t i = 0; i < 32; i++) memcpy(text + 3 * i, i < 31 ? "0f:" : "0f", 3);
    assert_true(fingerprint_parse(fingerprint, bytes_of_text(text)));
    assert_int_equal(fingerprint[0], 0x0f);
    text[92] = 0;
    assert_false(fingerprint_parse(fingerprint, bytes_of_text(text)));
    assert_false(fingerprint_parse(fingerprint, bytes_of_text("")));
}

static void moments(void **state) {
    char text[MOMENT_TEXT_BYTES];
    uint64_t us;
    (void)state;
    assert_true(moment_parse_us(&us, bytes_of_text("2026-11-24T23:09:36.000001Z")));
    moment_text_us(text, us);
    assert_string_equal(text, "2026-11-24T23:09:36.000001Z");
    moment_text(text, us / 1000);
    assert_string_equal(text, "2026-11-24T23:09:36.000Z");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(media),       cmocka_unit_test(parameters),   cmocka_unit_test(versions), cmocka_unit_test(next),
        cmocka_unit_test(token_lines), cmocka_unit_test(token_scopes), cmocka_unit_test(moments),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
