#include "node/formats/pattern.h"

#include "node/formats/jsonwalk.h"
#include "node/formats/observable.h"
#include "tests/unit/fixture_intake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct arena arena;
static struct pattern_fault fault;
static char found[4096]; /* what the last pattern asks for */

static void on_comparison(void *context, const struct pattern_comparison *comparison) {
    struct observable observable;
    struct buf out = {0};
    (void)context;
    if (!pattern_observable(&observable, comparison, &arena)) return;
    observable_text(&out, observable);
    size_t size = strlen(found);
    snprintf(found + size, sizeof found - size, "%s%s:%.*s", size > 0 ? " " : "", observable_kind_name(observable.kind),
             (int)out.size, (const char *)out.data);
    buf_free(&out);
}

static enum err read_as(struct bytes text, enum pattern_version version) {
    found[0] = 0;
    return pattern_read(text, version, &arena, on_comparison, NULL, &fault);
}

static const char *asked(const char *text) {
    if (read_as(bytes_of_text(text), PATTERN_21) != OK) return fault.reason;
    return found;
}

/* The observables of equality comparisons, in the forms that real feeds write. */
static void test_observables(void **state) {
    (void)state;
    static const struct {
        const char *pattern, *expected;
    } cases[] = {
        {"[domain-name:value = 'Evil.Example']", "domain:evil.example"},
        {"[ipv4-addr:value = '192.0.2.1']", "ipv4:192.0.2.1"},
        {"[ipv4-addr:value='192.0.2.77/24']", "ipv4:192.0.2.0/24"},
        {"[ipv4-addr:value ISSUBSET '192.0.2.0/24']", "ipv4:192.0.2.0/24"},
        {"[ipv4-addr:value ISSUPERSET '192.0.2.0/24']", ""},
        {"[ipv6-addr:value == '2001:DB8::1']", "ipv6:2001:db8::1"},
        {"[url:value = 'HTTP://Evil.example/A']", "url:http://evil.example/A"},
        {"[email-addr:value = 'A@Evil.example']", "email:A@evil.example"},
        {"[email-message:from_ref.value = 'a@evil.example' AND email-message:to_refs[*].value = 'b@evil.example']",
         "email:a@evil.example email:b@evil.example"},
        {"[file:hashes.'SHA-256' = 'E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855']",
         "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"[file:hashes.SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855']",
         "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"[file:hashes.MD5 = 'd41d8cd98f00b204e9800998ecf8427e' OR file:hashes.'SHA-1' = "
         "'da39a3ee5e6b4b0d3255bfef95601890afd80709']",
         "md5:d41d8cd98f00b204e9800998ecf8427e sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709"},
        {"[file:hashes[*] = 'd41d8cd98f00b204e9800998ecf8427e']", "md5:d41d8cd98f00b204e9800998ecf8427e"},
        {"[x509-certificate:hashes.'SHA-1' = 'da39a3ee5e6b4b0d3255bfef95601890afd80709']",
         "sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709"},
        {"[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '203.0.113.33/32']", "ipv4:203.0.113.33"},
        {"[network-traffic:src_ref.value = 'evil.example']", "domain:evil.example"},
        {"[network-traffic:dst_ref.value = '2001:db8::1']", "ipv6:2001:db8::1"},
        {"[domain-name:resolves_to_refs[*].value = '198.51.100.1']", "ipv4:198.51.100.1"},
        {"[domain-name:value IN ('a.example', 'B.example')]", "domain:a.example domain:b.example"},
        {"[file:name = 'evil.exe']", "text:evil.exe"},
        {"[file:name = 'it\\'s \\\\ it']", "text:it's \\ it"},
        {"[windows-registry-key:key = 'HKLM\\\\x']", "text:HKLM\\x"},
        {"[ipv4-addr:value = 'nonsense']", "text:nonsense"},
        {"[domain-name:value = '*.evil.example']", "text:*.evil.example"},
        {"[domain-name:value != 'evil.example']", ""},
        {"[domain-name:value NOT = 'evil.example']", ""},
        {"[domain-name:value NOT IN ('evil.example')]", ""},
        {"[domain-name:value LIKE 'evil.%']", ""},
        {"[domain-name:value MATCHES 'evil.*']", ""},
        {"[file:size = 5 AND file:name = '']", ""},
        {"[EXISTS file:name] AND [NOT EXISTS file:size]", ""},
        {"([url:value = 'http://a.example/'] AND [ipv4-addr:value = '192.0.2.1']) WITHIN 5 SECONDS",
         "url:http://a.example/ ipv4:192.0.2.1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_string_equal(asked(cases[i].pattern), cases[i].expected);
    arena_free(&arena);
}

/* Where a pattern is wrong, and what was expected there. */
static void test_faults(void **state) {
    (void)state;
    static const struct {
        const char *pattern;
        size_t offset;
        const char *reason;
    } cases[] = {
        {"", 0, "it ends where '[' or '(' is expected"},
        {"file:size = 1", 0, "file stands where '[' or '(' is expected"},
        {"[file:size = ]", 13, "] stands where a value (strings stand in single quotes) is expected"},
        {"[file.size = 1]", 5, ". stands where ':' is expected"},
        {"[file:size = 1", 14, "it ends where AND, OR or ']' is expected"},
        {"[file:name = 'abc]", 13, "a string does not end, or has a backslash before other than \\ and '"},
        {"[file:name = 'a\\b']", 13, "a string does not end, or has a backslash before other than \\ and '"},
        {"[file:hashes.SHA-256 = 'a']", 13, "SHA-256 stands where a property name (quote one with hyphens) is expected"},
        {"[file:hashes.MD5 = 'abc']", 19, "this is no valid md5 hash"},
        {"[a:b = 1] xor [a:b = 1]", 10, "xor stands where AND, OR, FOLLOWEDBY, a qualifier or the end is expected"},
        {"[a:b = 1] WITHIN -5 SECONDS", 17, "-5 stands where a positive number is expected"},
        {"[a:b = 1] REPEATS 1 TIMES REPEATS 2 TIMES", 26, "REPEATS stands where no second qualifier of the same kind is expected"},
        {"[a:b LIKE 5]", 10, "5 stands where a string in single quotes is expected"},
        {"[a:b > true]", 7, "true stands where a value (strings stand in single quotes) is expected"},
        {"[a:b = 007]", 8, "0 stands where AND, OR or ']' is expected"},
        {"[a:b = \xe2\x82\xac]", 7, "a character beyond ASCII stands where a value (strings stand in single quotes) is expected"},
        {"[a:b = 1] /* no end", 10, "/ stands where AND, OR, FOLLOWEDBY, a qualifier or the end is expected"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(read_as(bytes_of_text(cases[i].pattern), PATTERN_21), ERR_SYNTAX);
        assert_string_equal(fault.reason, cases[i].reason);
        assert_int_equal(fault.offset, cases[i].offset);
    }
    arena_free(&arena);
}

/* Comments and blanks of every kind stand between tokens. */
static void test_blanks(void **state) {
    (void)state;
    assert_string_equal(
        asked("\xc2\xa0[ /* a [ */ domain-name\t:\nvalue // to the end ]\r\n = \xe3\x80\x80'a.example' ]\xe2\x80\x83//end"),
        "domain:a.example");
    assert_string_equal(asked("[domain-name:value='a.example'OR url:value='http://a.example/']"),
                        "domain:a.example url:http://a.example/");
    assert_string_equal(asked("[a:b='\n']"), "text:\n");
    arena_free(&arena);
}

/* 64 levels are read, and 100,000 refused without a deep stack. */
static void test_depth(void **state) {
    (void)state;
    static char text[200100];
    for (size_t depth = 60; depth < 70; depth++) {
        memset(text, '(', depth);
        strcpy(text + depth, "[a:b=1]");
        memset(text + depth + 7, ')', depth);
        text[2 * depth + 7] = 0;
        assert_int_equal(read_as(bytes_of_text(text), PATTERN_21), depth <= PATTERN_DEPTH_MAX - 2 ? OK : ERR_LIMIT);
    }
    memset(text, '(', 100000);
    assert_int_equal(read_as(bytes_of(text, 100000), PATTERN_21), ERR_LIMIT);
    text[0] = '[';
    assert_int_equal(read_as(bytes_of(text, 100000), PATTERN_21), ERR_LIMIT);
    arena_free(&arena);
}

/* The verdict file: {"v20": {"valid": [pattern], "invalid": [[pattern, message]]}, ...}; lists of all levels are told apart by
   their depth. */
struct verdicts {
    struct bytes text;
    size_t depth, read, wrong;
    enum pattern_version version;
    bool valid, first;
};

static void verdict_check(struct verdicts *verdicts, struct bytes pattern) {
    bool valid = read_as(pattern, verdicts->version) == OK;
    verdicts->read++;
    if (valid == verdicts->valid) return;
    verdicts->wrong++;
    fprintf(stderr, "%.*s: %s, and the reference says otherwise: %s\n", (int)pattern.size, (const char *)pattern.data,
            valid ? "valid" : "invalid", valid ? "" : fault.reason);
}

static void verdicts_open(void *context, bool object) {
    struct verdicts *verdicts = context;
    (void)object;
    verdicts->depth++;
    verdicts->first = true;
}
static void verdicts_close(void *context, bool object) {
    (void)object;
    ((struct verdicts *)context)->depth--;
}
static void verdicts_key(void *context, struct bytes key) {
    struct verdicts *verdicts = context;
    if (verdicts->depth == 1) verdicts->version = bytes_equal_text(key, "v20") ? PATTERN_20 : PATTERN_21;
    verdicts->valid = !bytes_equal_text(key, "invalid");
}
static void verdicts_string(void *context, struct bytes value) {
    struct verdicts *verdicts = context;
    if (verdicts->depth == 3 || (verdicts->depth == 4 && verdicts->first)) verdict_check(verdicts, value);
    verdicts->first = false;
}
static void no_scalar(void *context, enum jsonwalk_scalar scalar, struct bytes number) {
    (void)context, (void)scalar, (void)number;
}

/* All verdicts of the OASIS validator, for 2.0 and 2.1. */
static void test_reference_verdicts(void **state) {
    (void)state;
    static const struct jsonwalk_events events = {verdicts_open, verdicts_close, verdicts_key, verdicts_string, no_scalar};
    struct buf file = {0};
    if (!shared_file(&file, "conformance/stix_pattern_valid_invalid.json")) skip();
    struct jsonwalk *walk = jsonwalk_new(&events);
    struct jsonwalk_fault json_fault;
    struct verdicts verdicts = {0};
    assert_int_equal(jsonwalk_run(walk, bytes_of_buf(&file), &verdicts, &json_fault), OK);
    assert_int_equal(verdicts.wrong, 0);
    assert_true(verdicts.read > 160);
    jsonwalk_free(walk);
    buf_free(&file);
    arena_free(&arena);
}

static void examples_check(const char *path, enum pattern_version version) {
    struct buf file = {0};
    if (!shared_file(&file, path)) skip();
    size_t start = 0, read = 0;
    for (size_t i = 0; i < file.size; i++) {
        if (file.data[i] != '\n') continue;
        if (i > start) {
            read++;
            if (read_as(bytes_of(file.data + start, i - start), version) != OK)
                fail_msg("%s line %zu: %s", path, read, fault.reason);
        }
        start = i + 1;
    }
    assert_true(read > 20);
    buf_free(&file);
    arena_free(&arena);
}

/* Every example of both specifications. */
static void test_spec_examples(void **state) {
    (void)state;
    examples_check("conformance/spec_examples_v20.txt", PATTERN_20);
    examples_check("conformance/spec_examples_v21.txt", PATTERN_21);
}

/* One line of the matcher's cases: {"pattern": ..., "stix_version": ..., "error": "ParseException"}. */
struct match_case {
    struct bytes pattern;
    struct buf held;
    size_t depth;
    int key;
    enum pattern_version version;
    bool bad;
};

static void match_open(void *context, bool object) {
    (void)object;
    ((struct match_case *)context)->depth++;
}
static void match_close(void *context, bool object) {
    (void)object;
    ((struct match_case *)context)->depth--;
}
static void match_key(void *context, struct bytes key) {
    struct match_case *match = context;
    match->key = match->depth > 1                        ? 0
                 : bytes_equal_text(key, "pattern")      ? 1
                 : bytes_equal_text(key, "stix_version") ? 2
                 : bytes_equal_text(key, "error")        ? 3
                                                         : 0;
}
static void match_string(void *context, struct bytes value) {
    struct match_case *match = context;
    if (match->key == 1) buf_put(&match->held, value);
    if (match->key == 2) match->version = bytes_equal_text(value, "2.0") ? PATTERN_20 : PATTERN_21;
    if (match->key == 3) match->bad = bytes_equal_text(value, "ParseException");
    match->key = 0;
}

/* The OASIS matcher takes a repeated qualifier, the OASIS validator refuses it; we are with the validator. */
static bool in_dispute(struct bytes pattern) {
    return bytes_equal_text(pattern, "[person:age < 20] REPEATS 2 TIMES REPEATS 2 TIMES") ||
           bytes_equal_text(pattern, "[person:age < 20] REPEATS 2 TIMES REPEATS 3 TIMES");
}

/* The matcher's 842 cases: what it can parse, we can, and the other way. */
static void test_matcher_cases(void **state) {
    (void)state;
    static const struct jsonwalk_events events = {match_open, match_close, match_key, match_string, no_scalar};
    struct buf file = {0};
    if (!shared_file(&file, "conformance/stix_pattern_match_cases.jsonl")) skip();
    struct jsonwalk *walk = jsonwalk_new(&events);
    size_t start = 0, read = 0, wrong = 0;
    for (size_t i = 0; i < file.size; i++) {
        if (file.data[i] != '\n' || i == start) continue;
        struct match_case match = {0};
        struct jsonwalk_fault json_fault;
        assert_int_equal(jsonwalk_run(walk, bytes_of(file.data + start, i - start), &match, &json_fault), OK);
        bool good = read_as(bytes_of_buf(&match.held), match.version) == OK;
        read++;
        if (good == match.bad && !in_dispute(bytes_of_buf(&match.held))) {
            wrong++;
            fprintf(stderr, "%.*s: %s\n", (int)match.held.size, (const char *)match.held.data, good ? "taken" : fault.reason);
        }
        buf_free(&match.held);
        arena_reset(&arena);
        start = i + 1;
    }
    assert_int_equal(read, 842);
    assert_int_equal(wrong, 0);
    jsonwalk_free(walk);
    buf_free(&file);
    arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_observables),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_blanks),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_reference_verdicts),
        cmocka_unit_test(test_spec_examples),
        cmocka_unit_test(test_matcher_cases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
