#include "node/export/export_value.h"
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

/* Values as an author may have written them, and whether a file that blocks takes them. */
static void test_values(void **state) {
    (void)state;
    static const struct {
        enum observable_kind kind;
        const char *text;
        enum export_reason reason;
    } cases[] = {
        {OBSERVABLE_IPV4, "8.8.8.8", EXPORT_FITS},
        {OBSERVABLE_IPV4, "8.0.0.0/8", EXPORT_FITS},
        {OBSERVABLE_IPV4, "8.0.0.0/7", EXPORT_WIDE},
        {OBSERVABLE_IPV4, "0.0.0.0/0", EXPORT_WIDE},
        {OBSERVABLE_IPV4, "10.0.0.0/8", EXPORT_LOCAL},
        {OBSERVABLE_IPV4, "100.64.0.1", EXPORT_LOCAL},
        {OBSERVABLE_IPV4, "100.128.0.1", EXPORT_FITS},
        {OBSERVABLE_IPV4, "172.15.255.255", EXPORT_FITS},
        {OBSERVABLE_IPV4, "172.31.0.1", EXPORT_LOCAL},
        {OBSERVABLE_IPV4, "172.0.0.0/8", EXPORT_LOCAL}, /* holds 172.16.0.0/12 */
        {OBSERVABLE_IPV4, "255.255.255.255", EXPORT_LOCAL},
        {OBSERVABLE_IPV6, "2606:4700::1", EXPORT_FITS},
        {OBSERVABLE_IPV6, "2600::/16", EXPORT_FITS},
        {OBSERVABLE_IPV6, "2600::/15", EXPORT_WIDE},
        {OBSERVABLE_IPV6, "::1", EXPORT_LOCAL},
        {OBSERVABLE_IPV6, "fd00::1", EXPORT_LOCAL},
        {OBSERVABLE_IPV6, "fe80::1", EXPORT_LOCAL},
        {OBSERVABLE_DOMAIN, "evil.example.org", EXPORT_FITS},
        {OBSERVABLE_DOMAIN, "_dmarc.example.org", EXPORT_FITS},
        {OBSERVABLE_DOMAIN, "com", EXPORT_SUFFIX},
        {OBSERVABLE_DOMAIN, "co.uk", EXPORT_SUFFIX},
        {OBSERVABLE_DOMAIN, "github.io", EXPORT_SUFFIX}, /* of the list's private part */
        {OBSERVABLE_DOMAIN, "localhost", EXPORT_SUFFIX},
        {OBSERVABLE_URL, "http://evil.example.org/a b", EXPORT_CHARACTERS},
        {OBSERVABLE_URL, "http://evil.example.org/a%20b", EXPORT_FITS},
    };
    struct arena arena = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct observable value = {cases[i].kind, bytes_of_text(cases[i].text)};
        const char *reason;
        if (cases[i].kind != OBSERVABLE_URL)
            assert_int_equal(observable_normalise(&value, cases[i].kind, bytes_of_text(cases[i].text), &arena, &reason), OK);
        enum export_reason got = export_value_judge(value);
        if (got != cases[i].reason) fail_msg("%s: %s", cases[i].text, export_reason_name(got));
    }
    arena_free(&arena);
}

/* Names at the limits of RFC 1035 2.3.4, and one past them. */
static void test_name_lengths(void **state) {
    (void)state;
    char name[300];
    memset(name, 'a', sizeof name);
    memcpy(name + 63, ".org", 5);
    assert_int_equal(export_value_judge((struct observable){OBSERVABLE_DOMAIN, bytes_of_text(name)}), EXPORT_FITS);
    memset(name, 'a', sizeof name);
    memcpy(name + 64, ".org", 5);
    assert_int_equal(export_value_judge((struct observable){OBSERVABLE_DOMAIN, bytes_of_text(name)}), EXPORT_NAME);
    for (size_t size = 253; size <= 254; size++) {
        memset(name, 'a', sizeof name);
        for (size_t i = 60; i < 245; i += 60) name[i] = '.';
        memcpy(name + size - 4, ".org", 5);
        assert_int_equal(export_value_judge((struct observable){OBSERVABLE_DOMAIN, bytes_of_text(name)}),
                         size == 253 ? EXPORT_FITS : EXPORT_NAME);
    }
    static const char *const bad[] = {".a.org", "a..org", "a.org.", "a b.org", "a;b.org", "a\"b.org", ""};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(export_value_judge((struct observable){OBSERVABLE_DOMAIN, bytes_of_text(bad[i])}), EXPORT_NAME);
}

static void test_url_parts(void **state) {
    (void)state;
    static const struct {
        const char *url, *host, *path;
    } cases[] = {
        {"http://evil.example/a?b", "evil.example", "/a?b"},
        {"http://evil.example", "evil.example", "/"},
        {"https://u:p@evil.example:8443/x@y", "evil.example", "/x@y"},
        {"http://[2001:db8::1]:80/z", "2001:db8::1", "/z"},
        {"http://evil.example?q", "evil.example", "?q"},
        {"mailto:a@b", NULL, NULL},
        {"http:///x", NULL, NULL},
        {"http://[::1/x", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes host, path;
        bool found = export_url_parts(bytes_of_text(cases[i].url), &host, &path);
        assert_int_equal(found, cases[i].host != NULL);
        if (!found) continue;
        assert_true(bytes_equal_text(host, cases[i].host));
        assert_true(bytes_equal_text(path, cases[i].path));
    }
}

/* --- whole files --- */

struct sink {
    struct buf text;
    enum err error;
};
static enum err sink_open(void *context, const char *name) {
    struct sink *sink = context;
    if (name) buf_put_format(&sink->text, "== %s\n", name);
    return sink->error;
}
static enum err sink_write(void *context, struct bytes text) {
    buf_put(&((struct sink *)context)->text, text);
    return OK;
}

static void answer_of(struct answer *answer, enum observable_kind kind, const uint8_t *value, size_t size, const char *id) {
    *answer = (struct answer){.author = bytes_of_text("cert.b"), .tlp = TLP_GREEN, .arrived_ms = 1700000000000};
    answer->item.type = bytes_of_text("indicator");
    answer->item.id = bytes_of_text(id);
    answer->item.text = bytes_of_text("{}");
    answer->item.observables[0] = (struct observable){kind, bytes_of(value, size)};
    answer->item.observable_count = 1;
}

static char *exported(const struct export_format *format, struct export_counts *counts) {
    static const uint8_t networks[][5] = {
        {9, 9, 9, 9, 32}, {9, 9, 9, 0, 24}, {9, 9, 10, 1, 32}, {9, 9, 9, 0, 24}, {10, 0, 0, 1, 32}};
    struct answer *answer = malloc(sizeof *answer);
    struct sink sink = {0};
    struct export_options options = {.format = format, .sink = {&sink, sink_open, sink_write}, .now_ms = 1700000000000};
    struct export *work = export_new(&options);
    assert_non_null(work);
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) {
        answer_of(answer, OBSERVABLE_IPV4, networks[i], 5, "indicator--1");
        assert_int_equal(export_add(work, answer), OK);
    }
    answer->problem = "its text is no valid JSON";
    assert_int_equal(export_add(work, answer), OK);
    assert_int_equal(export_finish(work), OK);
    *counts = *export_counted(work);
    export_free(work);
    free(answer);
    buf_put_u8(&sink.text, 0);
    return (char *)sink.text.data;
}

static void test_files(void **state) {
    (void)state;
    struct export_counts counts;
    char *text = exported(&export_list, &counts);
    assert_string_equal(text, "9.9.9.0/24\n9.9.9.9\n9.9.10.1\n");
    assert_int_equal(counts.doubles, 1);
    assert_int_equal(counts.values, 3);
    assert_int_equal(counts.left_out[EXPORT_LOCAL], 1);
    assert_int_equal(counts.left_out[EXPORT_UNSOUND], 1);
    free(text);
    text = exported(&export_nftables, &counts);
    assert_non_null(strstr(text, "add element inet comity blocked4 { 9.9.9.0/24, 9.9.10.1 }\n"));
    free(text);
    text = exported(&export_rpz, &counts);
    assert_non_null(strstr(text, "32.1.10.9.9.rpz-ip CNAME .\n"));
    assert_null(strstr(text, "10.rpz-ip"));
    free(text);
}

/* Values that an author may have indexed: none of them spoils a file. Where a format cannot carry one, the count says so. */
static const struct {
    enum observable_kind kind;
    const char *value;
    bool list, zeek; /* fits there */
} hostile[] = {
    {OBSERVABLE_DOMAIN, "evil.example.org", true, true},
    {OBSERVABLE_URL, "http://evil.example.org/a,\"b\"|c;d", true, true},
    {OBSERVABLE_URL, "http://evil.example.org/\tx", false, false},
    {OBSERVABLE_URL, "http://evil.example.org/\nevil2.example.org", false, false},
    {OBSERVABLE_URL, "mailto:x", true, false}, /* without a host Zeek has no name for it */
    {OBSERVABLE_EMAIL, "#x@evil.example.org", false, false},
    {OBSERVABLE_EMAIL, "a\"b@evil.example.org", true, true},
    {OBSERVABLE_DOMAIN, "a b.example.org", false, false},
    {OBSERVABLE_TEXT, "two\nlines, \"quoted\"\r\n=1+1", false, false},
};
#define HOSTILE (sizeof hostile / sizeof *hostile)

static char *hostile_export(const struct export_format *format, struct export_counts *counts) {
    struct answer *answer = malloc(sizeof *answer);
    struct sink sink = {0};
    struct export_options options = {.format = format, .sink = {&sink, sink_open, sink_write}, .now_ms = 1700000000000};
    struct export *work = export_new(&options);
    for (size_t i = 0; i < HOSTILE; i++) {
        answer_of(answer, hostile[i].kind, (const uint8_t *)hostile[i].value, strlen(hostile[i].value), "indicator--1");
        answer->author = bytes_of_text("cert, \"b\"");
        assert_int_equal(export_add(work, answer), OK);
    }
    assert_int_equal(export_finish(work), OK);
    *counts = *export_counted(work);
    export_free(work);
    free(answer);
    buf_put_u8(&sink.text, 0);
    return (char *)sink.text.data;
}

static uint64_t left_in_all(const struct export_counts *counts) {
    uint64_t sum = 0;
    for (int reason = 0; reason < EXPORT_REASON_COUNT; reason++) sum += counts->left_out[reason];
    return sum;
}

/* The next field of RFC 4180, terminated in place; *end is what stood behind it: ',', '\n' (for CR LF) or 0. */
static char *csv_next(char **at, char *end) {
    char *from = *at, *to = from, *field = from;
    bool quoted = *from == '"';
    if (quoted) from++;
    while (*from && (quoted || (*from != ',' && *from != '\r'))) {
        if (quoted && *from == '"' && from[1] != '"') break;
        if (quoted && *from == '"') from++;
        *to++ = *from++;
    }
    if (quoted) assert_int_equal(*from++, '"');
    *end = *from == '\r' ? '\n' : *from;
    if (*from == '\r') assert_int_equal(*++from, '\n');
    *at = *from ? from + 1 : from;
    *to = 0;
    return field;
}

static size_t hostile_find(const char *value) {
    size_t i = 0;
    while (i < HOSTILE && strcmp(hostile[i].value, value) != 0) i++;
    return i;
}

static void test_plain_files(void **state) {
    (void)state;
    struct export_counts counts;
    char *text = hostile_export(&export_list, &counts), end = 0, *next;
    size_t lines = 0, rows = 0, fits[2] = {0};
    for (size_t i = 0; i < HOSTILE; i++) fits[0] += hostile[i].list, fits[1] += hostile[i].zeek;
    for (char *line = strtok_r(text, "\n", &next); line; line = strtok_r(NULL, "\n", &next), lines++)
        assert_true(hostile_find(line) < HOSTILE && hostile[hostile_find(line)].list);
    assert_true(lines == fits[0] && counts.values == lines && left_in_all(&counts) == HOSTILE - lines);
    free(text);
    text = hostile_export(&export_zeek, &counts);
    lines = 0;
    for (char *line = strtok_r(text, "\n", &next); line; line = strtok_r(NULL, "\n", &next), lines++) {
        size_t tabs = 0;
        for (char *at = line; *at; at++) tabs += *at == '\t';
        assert_int_equal(tabs, lines == 0 ? 4 : 3); /* the header has "#fields" in front */
        assert_true((line[0] == '#') == (lines == 0));
    }
    assert_true(lines == fits[1] + 1 && counts.values == fits[1] && left_in_all(&counts) == HOSTILE - fits[1]);
    free(text);
    text = hostile_export(&export_hosts, &counts);
    assert_string_equal(text, "# hosts file, made by comity export\n0.0.0.0 evil.example.org\n");
    assert_int_equal(left_in_all(&counts), HOSTILE - 1);
    free(text);
    text = hostile_export(&export_csv, &counts);
    for (char *at = text; *at; rows++) {
        char *value = csv_next(&at, &end);
        for (size_t column = 1; column < 8; column++) {
            assert_int_equal(end, ',');
            char *field = csv_next(&at, &end);
            if (rows > 0 && column == 3) assert_string_equal(field, "cert, \"b\"");
        }
        assert_int_equal(end, '\n');
        if (rows == 0) assert_string_equal(value, "value");
        if (rows > 0) assert_true(hostile_find(value) < HOSTILE);
    }
    assert_true(rows == HOSTILE + 1 && counts.values == HOSTILE && left_in_all(&counts) == 0);
    free(text);
}

/* --- MISP's warning lists of what nobody means to block --- */

struct listed {
    const char *path;
    enum observable_kind kind; /* 0: an address, or a hash by its length */
    size_t fit;                /* so many may be blocked all the same */
    const char *why;
    struct arena arena;
    size_t entries, fits;
    bool in_list;
};

static void listed_key(void *context, struct bytes key) { ((struct listed *)context)->in_list = bytes_equal_text(key, "list"); }

static void listed_string(void *context, struct bytes text) {
    struct listed *listed = context;
    struct observable value;
    const char *reason;
    if (!listed->in_list) return;
    bool taken = listed->kind ? observable_normalise(&value, listed->kind, text, &listed->arena, &reason) == OK
                              : observable_of_list(&value, text, &listed->arena, &reason) == OK;
    listed->entries += taken;
    listed->fits += taken && export_value_judge(value) == EXPORT_FITS;
}

static void listed_scalar(void *context, enum jsonwalk_scalar scalar, struct bytes number) {
    (void)context, (void)scalar, (void)number;
}
static void listed_open(void *context, bool object) { (void)context, (void)object; }

/* Private and special addresses, top-level domains, hashes of nothing: in no file that blocks. */
static void test_warninglists(void **state) {
    (void)state;
    static struct listed lists[] = {
        {.path = "rfc1918"},
        {.path = "rfc6598"},
        {.path = "multicast"},
        {.path = "ipv6-linklocal"},
        {.path = "empty-hashes"},
        {.path = "tlds", .kind = OBSERVABLE_DOMAIN},
        {.path = "rfc5735",
         .fit = 4,
         .why = "three networks of documentation and the one of 6to4: nobody is there who could be hit"},
        {.path = "rfc3849", .fit = 1, .why = "documentation"},
    };
    static const struct jsonwalk_events events = {listed_open, listed_open, listed_key, listed_string, listed_scalar};
    struct jsonwalk *walk = jsonwalk_new(&events);
    struct jsonwalk_fault fault;
    struct buf text = {0};
    char path[128];
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        struct listed *listed = &lists[i];
        snprintf(path, sizeof path, "misp/warninglists/%s/list.json", listed->path);
        if (!shared_file(&text, path)) break;
        assert_int_equal(jsonwalk_run(walk, bytes_of_buf(&text), listed, &fault), OK);
        if (listed->entries == 0 || listed->fits != listed->fit)
            fail_msg("%s: %zu of %zu entries would be blocked", listed->path, listed->fits, listed->entries);
        arena_free(&listed->arena);
    }
    buf_free(&text);
    jsonwalk_free(walk);
}

/* What was only seen is in no file that blocks, and in those that tell. */
static void test_observed(void **state) {
    (void)state;
    static const struct export_format *const formats[] = {&export_list,     &export_rpz, &export_nftables,
                                                          &export_suricata, &export_csv, &export_misp};
    struct answer *answer = malloc(sizeof *answer);
    static const uint8_t address[] = {9, 9, 9, 9, 32};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        struct sink sink = {0};
        struct export_options options = {.format = formats[i], .sink = {&sink, sink_open, sink_write}, .now_ms = 1700000000000};
        struct export *work = export_new(&options);
        answer_of(answer, OBSERVABLE_IPV4, address, 5, "observed-data--1");
        answer->item.type = bytes_of_text("observed-data");
        assert_int_equal(export_add(work, answer), OK);
        assert_int_equal(export_finish(work), OK);
        assert_int_equal(export_counted(work)->left_out[EXPORT_OBSERVED], formats[i]->blocking);
        assert_int_equal(export_counted(work)->values, !formats[i]->blocking);
        buf_put_u8(&sink.text, 0);
        if (formats[i] == &export_misp) assert_non_null(strstr((char *)sink.text.data, "\"to_ids\":false"));
        export_free(work);
        buf_free(&sink.text);
    }
    free(answer);
}

static void test_sink_error(void **state) {
    (void)state;
    struct sink sink = {.error = ERR_FULL};
    struct export_options options = {.format = &export_list, .sink = {&sink, sink_open, sink_write}};
    struct export *work = export_new(&options);
    assert_int_equal(export_finish(work), ERR_FULL);
    export_free(work);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),       cmocka_unit_test(test_name_lengths), cmocka_unit_test(test_url_parts),
        cmocka_unit_test(test_files),        cmocka_unit_test(test_plain_files),  cmocka_unit_test(test_observed),
        cmocka_unit_test(test_warninglists), cmocka_unit_test(test_sink_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
