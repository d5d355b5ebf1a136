/* figures, histogram, human, status_page, top_page: from what the engine tells to what Prometheus and people read. */
#include "node/cmd/human.h"
#include "node/cmd/status_page.h"
#include "node/cmd/top_page.h"
#include "node/engine/tallies.h"
#include "node/formats/figures.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct buf packed(struct figures *figures) {
    struct buf out = {0};
    figures_pack(&out, figures);
    buf_free(&figures->rows);
    *figures = (struct figures){0};
    assert_false(out.failed);
    return out;
}

static void test_exposition(void **state) {
    struct figures figures = {0};
    struct histogram times = {0};
    struct buf out = {0};
    (void)state;
    figures_one(&figures, FIGURE_GAUGE, "x_up", "Is it\nup \\ \"now\"?", 1);
    figures_family(&figures, FIGURE_COUNTER, "x_total", "Some.");
    figures_put(&figures, "rule", "a\"b\\c\nd", 18446744073709551615u);
    figures_put(&figures, "rule", "other", 0);
    figures_family(&figures, FIGURE_GAUGE, "x_seconds", "Time.");
    figures_put_decimals(&figures, 1050, 3);
    histogram_add(&times, 500), histogram_add(&times, 501), histogram_add(&times, 11000000);
    figures_family(&figures, FIGURE_HISTOGRAM, "x_sync_seconds", "Syncs.");
    figures_put_histogram(&figures, &times);
    struct buf body = packed(&figures);
    assert_int_equal(figures_expose(&out, bytes_of_buf(&body)), OK);
    buf_put_u8(&out, 0);
    const char *text = (const char *)out.data;
    assert_non_null(strstr(text, "# HELP x_up Is it\\nup \\\\ \"now\"?\n# TYPE x_up gauge\nx_up 1\n"));
    assert_non_null(strstr(text, "x_total{rule=\"a\\\"b\\\\c\\nd\"} 18446744073709551615\nx_total{rule=\"other\"} 0\n"));
    assert_non_null(strstr(text, "x_seconds 1.05\n"));
    assert_non_null(strstr(text, "x_sync_seconds_bucket{le=\"0.0005\"} 1\nx_sync_seconds_bucket{le=\"0.001\"} 2\n"));
    assert_non_null(strstr(text, "x_sync_seconds_bucket{le=\"10\"} 2\nx_sync_seconds_bucket{le=\"+Inf\"} 3\n"
                                 "x_sync_seconds_sum 11.001001\nx_sync_seconds_count 3\n"));
    buf_free(&out), buf_free(&body);
}

/* Cut off anywhere it is refused: no length is believed. */
static void test_truncated(void **state) {
    struct figures figures = {0};
    (void)state;
    figures_family(&figures, FIGURE_COUNTER, "x_total", "Some.");
    figures_put(&figures, "rule", "other", 300);
    struct buf body = packed(&figures);
    for (size_t size = 0; size < body.size; size++) {
        struct buf out = {0};
        assert_int_equal(figures_expose(&out, bytes_of(body.data, size)), ERR_FORMAT);
        buf_free(&out);
    }
    buf_free(&body);
    /* A sample in front of all families. */
    figures_put(&figures, NULL, NULL, 1);
    body = packed(&figures);
    struct buf out = {0};
    assert_int_equal(figures_expose(&out, bytes_of_buf(&body)), ERR_FORMAT);
    buf_free(&out), buf_free(&body);
}

static void test_sum(void **state) {
    struct figures figures = {0};
    uint64_t value;
    (void)state;
    figures_family(&figures, FIGURE_COUNTER, "x_total", "Some.");
    figures_put(&figures, "rule", "a", 3);
    figures_put(&figures, "rule", "b", 4);
    struct buf body = packed(&figures);
    assert_true(figures_sum(bytes_of_buf(&body), "x_total", NULL, NULL, &value) && value == 7);
    assert_true(figures_sum(bytes_of_buf(&body), "x_total", "rule", "b", &value) && value == 4);
    assert_false(figures_sum(bytes_of_buf(&body), "x_total", "rule", "c", &value));
    assert_false(figures_sum(bytes_of_buf(&body), "x", NULL, NULL, &value));
    buf_free(&body);
}

/* The table of rules is bounded: what is beyond counts as "other". */
static void test_rules(void **state) {
    static struct tallies tallies;
    (void)state;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < TALLIES_RULES_MAX + 10; i++) {
            char rule[20];
            snprintf(rule, sizeof rule, "rule.%d", i);
            tallies_refused(&tallies, rule);
        }
    }
    assert_int_equal(tallies.refused, 2 * (TALLIES_RULES_MAX + 10));
    assert_int_equal(tallies.rules[0].count, 2);
    assert_string_equal(tallies.rules[TALLIES_RULES_MAX - 1].name, "rule.95");
    assert_int_equal(tallies.rules_other, 20);
    tallies = (struct tallies){0};
    tallies_refused(&tallies, NULL), tallies_refused(&tallies, "");
    assert_int_equal(tallies.rules[0].count, 2);
}

static void test_human(void **state) {
    static const struct {
        void (*write)(char *out, uint64_t value);
        uint64_t value;
        const char *text;
    } rows[] = {
        {human_count, 0, "0"},
        {human_count, 999, "999"},
        {human_count, 1000, "1,000"},
        {human_count, UINT64_MAX, "18,446,744,073,709,551,615"},
        {human_size, 1023, "1023 B"},
        {human_size, 1024, "1.0 KiB"},
        {human_size, 1536 * 1024, "1.5 MiB"},
        {human_size, 200ull << 30, "200 GiB"},
        {human_size, UINT64_MAX, "16383 PiB"},
        {human_span, 0, "0 ms"},
        {human_span, 59999, "59 s"},
        {human_span, 3600000 + 5 * 60000, "1 h 5 min"},
        {human_span, 3 * 86400000ull + 4 * 3600000, "3 d 4 h"},
    };
    char out[HUMAN_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rows[i].write(out, rows[i].value);
        assert_string_equal(out, rows[i].text);
    }
    human_rate(out, 5, 0), assert_string_equal(out, "-");
    human_rate(out, 0, 1000), assert_string_equal(out, "0");
    human_rate(out, 1, 60000), assert_string_equal(out, "0.1");
    human_rate(out, 25, 2000), assert_string_equal(out, "12.5");
    human_rate(out, 4000000, 1000), assert_string_equal(out, "4,000,000");
    human_rate(out, UINT64_MAX, 1);
}

/* --- pages --- */

static void put_uint(struct buf *out, const char *key, uint64_t value) {
    pack_write_str(out, bytes_of_text(key));
    pack_write_uint(out, value);
}
static void put_bool(struct buf *out, const char *key, bool value) {
    pack_write_str(out, bytes_of_text(key));
    pack_write_bool(out, value);
}
static void put_text(struct buf *out, const char *key, const char *value) {
    pack_write_str(out, bytes_of_text(key));
    pack_write_str(out, bytes_of_text(value));
}

/* What an engine tells; `bad` sets one thing wrong. */
static struct buf status_of(const char *bad, uint64_t value) {
    static const struct {
        const char *key;
        uint64_t good;
    } numbers[] = {{"agencies_pinned", 1},
                   {"agencies_split", 0},
                   {"certificate_days", 80},
                   {"disk_free_bytes", 90ull << 30},
                   {"disk_size_bytes", 100ull << 30},
                   {"items", 12345},
                   {"links", 1},
                   {"outbox", 0},
                   {"payloads_damaged", 0},
                   {"prekey_days", 70},
                   {"recalls_overdue", 0},
                   {"requests_overdue", 0},
                   {"restarts", 0},
                   {"uptime_s", 90}};
    static const struct {
        const char *key;
        bool good;
    } flags[] = {{"publishing", true}, {"revoked", false}, {"showing", true}};
    struct buf out = {0};
    pack_write_map(&out, 14 + 3 + 4);
    for (size_t i = 0; i < 14; i++) put_uint(&out, numbers[i].key, strcmp(bad, numbers[i].key) == 0 ? value : numbers[i].good);
    for (size_t i = 0; i < 3; i++) put_bool(&out, flags[i].key, strcmp(bad, flags[i].key) == 0 ? value : flags[i].good);
    put_text(&out, "publishing_reason",
             strcmp(bad, "publishing_reason") == 0 || strcmp(bad, "publishing") == 0 ? "a \033[2J reason" : "");
    pack_write_str(&out, bytes_of_text("logs"));
    pack_write_array(&out, 1);
    pack_write_map(&out, 9);
    put_text(&out, "agency", "police.example");
    put_uint(&out, "behind", strcmp(bad, "behind") == 0 ? value : 0);
    put_bool(&out, "frozen", strcmp(bad, "frozen") == 0);
    put_bool(&out, "linked", strcmp(bad, "no_path") != 0);
    put_uint(&out, "missing", 0);
    put_bool(&out, "no_path", strcmp(bad, "no_path") == 0);
    put_text(&out, "node", "00112233445566778899aabbccddeeff");
    put_uint(&out, "refused", strcmp(bad, "refused") == 0 ? value : 0);
    put_text(&out, "waits", "entries are being asked for");
    pack_write_str(&out, bytes_of_text("notices"));
    pack_write_array(&out, 1);
    pack_write_str(&out, bytes_of_text("it was \033[31mred"));
    pack_write_str(&out, bytes_of_text("notices_ms"));
    pack_write_array(&out, 1);
    pack_write_uint(&out, 1767225600000);
    return out;
}

/* A well node says so; each thing that is wrong is said once, and first; foreign text moves no cursor. */
static void test_status_page(void **state) {
    static const struct {
        const char *key;
        uint64_t value;
        const char *says; /* null: it is no alarm */
    } rows[] = {{"", 0, NULL},
                {"publishing", 0, "publications are refused: a \\x1b[2J reason"},
                {"publishing_reason", 0, "waits in the outbox (0 objects now): a"},
                {"revoked", 1, "was revoked"},
                {"showing", 0, "restored from a backup"},
                {"certificate_days", 13, "ends in 13 days"},
                {"prekey_days", 3, "for 3 days more"},
                {"restarts", 2, "2 times"},
                {"links", 0, "no link to any of 1 other nodes"},
                {"frozen", 1, "frozen, for two entries contradict each other: police.example"},
                {"agencies_split", 1, "signed two chains"},
                {"no_path", 1, "no link leads to the logs of police.example"},
                {"refused", 4, "payload quota"},
                {"disk_free_bytes", 100 << 20, "100 MiB are free"},
                {"payloads_damaged", 1, "cannot be read"},
                {"recalls_overdue", 2, "2 recalled blocks"},
                {"requests_overdue", 1, "past their deadline"},
                {"behind", 7, NULL}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf document = status_of(rows[i].key, rows[i].value), out = {0};
        size_t wrong = status_page(&out, bytes_of_buf(&document));
        buf_put_u8(&out, 0);
        const char *text = (const char *)out.data, *at = strstr(text, "WRONG\n  * ");
        assert_int_equal(wrong, rows[i].says ? 1 : 0);
        if (rows[i].says)
            assert_true(at && strstr(text, rows[i].says) && at < strstr(text, "\nlinks "));
        else
            assert_non_null(strstr(text, "All is well."));
        assert_null(strchr(text, '\033'));
        assert_non_null(strstr(text, "12,345 that can be read here"));
        assert_non_null(strstr(text, "2026-01-01T00:00:00.000Z  it was \\x1b[31mred"));
        if (strcmp(rows[i].key, "behind") == 0) assert_non_null(strstr(text, "police.example           00112233          7"));
        buf_free(&document), buf_free(&out);
    }
}

static struct buf figures_at(uint64_t published, uint64_t syncs) {
    struct figures figures = {0};
    struct histogram times = {0};
    for (uint64_t i = 0; i < syncs; i++) histogram_add(&times, 2000);
    figures_one(&figures, FIGURE_COUNTER, "comity_objects_published_total", "x", published);
    figures_family(&figures, FIGURE_HISTOGRAM, "comity_store_sync_seconds", "x");
    figures_put_histogram(&figures, &times);
    figures_family(&figures, FIGURE_GAUGE, "comity_agency_entries_behind", "x");
    for (int i = 0; i < 20; i++) {
        char name[20];
        snprintf(name, sizeof name, "agency.%02d", i);
        figures_put(&figures, "agency", name, (uint64_t)(i * 7 % 20));
    }
    return packed(&figures);
}

/* Rates come from two answers; the agencies that are furthest behind stand first; a small screen gets what fits. */
static void test_top_page(void **state) {
    struct buf before = figures_at(100, 10), now = figures_at(1100, 30), out = {0};
    struct top_page page = {
        .now = bytes_of_buf(&now), .before = bytes_of_buf(&before), .between_ms = 2000, .now_ms = 1767225600123};
    (void)state;
    top_page(&out, &page);
    buf_put_u8(&out, 0);
    const char *text = (const char *)out.data;
    assert_non_null(strstr(text, "published here                          1,100          500\n"));
    assert_non_null(strstr(text, "30         10.0   mean 2.0 ms, 99% within 2.5 ms"));
    const char *first = strstr(text, "agency.17"), *second = strstr(text, "agency.14");
    assert_true(first && second && first < second);
    assert_null(strstr(text, "agency.00"));
    buf_clear(&out);
    page.rows = 3;
    top_page(&out, &page);
    size_t lines = 0;
    for (size_t i = 0; i < out.size; i++) lines += out.data[i] == '\n';
    assert_int_equal(lines, 3);
    buf_clear(&out);
    page.rows = 0, page.before = bytes_of(NULL, 0);
    top_page(&out, &page);
    buf_put_u8(&out, 0);
    assert_non_null(strstr((const char *)out.data, "1,100            -\n"));
    buf_free(&out), buf_free(&before), buf_free(&now);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_exposition), cmocka_unit_test(test_truncated),
                                       cmocka_unit_test(test_sum),        cmocka_unit_test(test_rules),
                                       cmocka_unit_test(test_human),      cmocka_unit_test(test_status_page),
                                       cmocka_unit_test(test_top_page)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
