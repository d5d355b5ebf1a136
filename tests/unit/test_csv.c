#include "node/formats/csv.h"

#include "tests/unit/fixture_intake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct taking taking;

static int setup(void **state) {
    (void)state;
    taking_init(&taking);
    taking.options.format = INTAKE_CSV;
    return 0;
}
static int teardown(void **state) {
    (void)state;
    taking_free(&taking);
    return 0;
}

/* All columns, quoted fields with delimiters, quotes and newlines in them, in pieces of any size. */
static void test_table(void **state) {
    (void)state;
    static const char input[] =
        "# made by hand\r\n"
        "Type,Indicator,TLP,valid_until,Comment,Tags,Confidence,Source\r\n"
        "domain,Evil[.]example,amber,2027-01-01T00:00:00Z,\"a \"\"quoted\"\", long\r\ncomment\",\"x, y;z\",80,me\r\n"
        "\r\n"
        "# comment, in between\r\n"
        ",192.0.2.1,,,,,,\r\n";
    for (size_t chunk = 1; chunk <= sizeof input; chunk++) {
        taking_run(&taking, bytes_of_text(input), chunk);
        assert_int_equal(taking.error, OK);
        assert_int_equal(taking.refusal_count, 0);
        assert_int_equal(taking.note_count, 1);
        assert_int_equal(taking.item_count, 2);
        const struct taken *item = &taking.items[0];
        assert_string_equal(item->observables, "domain:evil.example");
        assert_int_equal(item->tlp, TLP_AMBER);
        assert_true(item->valid_until_ms == 1798761600000);
        assert_non_null(strstr(item->text, ",\"valid_until\":\"2027-01-01T00:00:00.000Z\",\"confidence\":80,\"description\":"
                                           "\"a \\\"quoted\\\", long\\u000d\\u000acomment\",\"labels\":[\"x\",\"y\",\"z\"],"));
        assert_int_equal(item->place.line, 3);
        assert_string_equal(taking.items[1].observables, "ipv4:192.0.2.1");
        assert_int_equal(taking.items[1].place.line, 7);
        assert_int_equal(taking.items[1].place.index, 2);
        assert_true(taking.items[1].place.generated);
    }
}

/* The delimiter is told from the header; all names of the value column work. */
static void test_headers(void **state) {
    (void)state;
    static const char *const inputs[] = {
        "value\nevil.example\n",
        "ioc;type\nevil.example;domain\n",
        "observable\ttlp\nevil.example\tgreen\n",
        "x,\"INDICATOR\"\n1,evil.example\n",
        "tlp ; value\n ; evil.example \n",
    };
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
        taking_run_text(&taking, inputs[i]);
        assert_int_equal(taking.error, OK);
        assert_int_equal(taking.item_count, 1);
        assert_string_equal(taking.items[0].observables, "domain:evil.example");
    }
    static const char *const bad[] = {"type,tlp\nx,y\n", "value,indicator\na,b\n", "evil.example\n", "value,\"x\n",
                                      "value,\xff\na,b\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        taking_run_text(&taking, bad[i]);
        assert_int_equal(taking.error, ERR_SYNTAX);
        assert_int_equal(taking.refusal_count, 1);
    }
}

/* A bad row is refused by line and column, and the next one taken. */
static void test_bad_rows(void **state) {
    (void)state;
    static const struct {
        const char *row, *reason;
    } cases[] = {
        {"nonsense,,,,,", "column value: \"nonsense\": no address, domain"},
        {",,,,,", "column value: \"\": the value is empty"},
        {"evil.example,ipv4,,,,", "column value: \"evil.example\": no valid IPv4 address"},
        {"evil.example,planet,,,,", "column type: \"planet\": is none of"},
        {"evil.example,,purple,,,", "column tlp: \"purple\": is none of"},
        {"evil.example,,,tomorrow,,", "column valid_until: \"tomorrow\": is no valid UTC timestamp"},
        {"evil.example,,,2020-01-01T00:00:00Z,,", "column valid_until: \"2020-01-01T00:00:00Z\": has passed already"},
        {"evil.example,,,,101,", "column confidence: \"101\": is no whole number from 0 to 100"},
        {"evil.example,,,,-1,", "column confidence"},
        {"evil.example,,,,1000,", "column confidence"},
        {"evil.example", "the row has 1 fields and the header 6"},
        {"evil.example,,,,,,", "the row has 7 fields and the header 6"},
        {"\"evil.example\"x,,,,,", "text stands behind a closing quote"},
        {"evil.example,,,,,\xff", "invalid UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char input[512];
        snprintf(input, sizeof input, "value,type,tlp,valid_until,confidence,labels\n%s\nevil.example,,,,,\n", cases[i].row);
        taking_run_text(&taking, input);
        assert_int_equal(taking.error, OK);
        if (taking.refusal_count != 1 || !taking_refused(&taking, cases[i].reason)) fail_msg("%s", cases[i].row);
        assert_int_equal(taking.refusals[0].place.line, 2);
        assert_int_equal(taking.item_count, 1);
    }
}

/* A quote that nobody closes: refused with its row, or the end of the input. */
static void test_open_quote(void **state) {
    (void)state;
    taking_run_text(&taking, "value,comment\nevil.example,\"open\n192.0.2.1,x\n");
    assert_int_equal(taking.error, ERR_TRUNCATED);
    assert_int_equal(taking.item_count, 0);
    assert_true(taking_refused(&taking, "inside a quoted field"));
    struct buf text = {0};
    buf_put_text(&text, "value,comment\nevil.example,\"");
    while (text.size < 2 * CSV_ROW_BYTES_MAX) buf_put_text(&text, "x");
    buf_put_text(&text, "\n192.0.2.1,x\n");
    taking_run(&taking, bytes_of_buf(&text), 5000);
    assert_int_equal(taking.error, OK);
    assert_true(taking_refused(&taking, "the row is longer than 65536 bytes"));
    assert_int_equal(taking.item_count, 1);
    buf_free(&text);
}

/* Types as other tools name them. */
static void test_types(void **state) {
    (void)state;
    static const struct {
        const char *row, *observable;
    } cases[] = {
        {"ip-dst,192.0.2.1", "ipv4:192.0.2.1"},
        {"IPv6-Addr,2001:DB8::1", "ipv6:2001:db8::1"},
        {"hostname,localhost", "domain:localhost"},
        {"url,hxxp://Evil[.]example/", "url:http://evil.example/"},
        {"email-src,A@Evil.example", "email:A@evil.example"},
        {"SHA-1,DA39A3EE5E6B4B0D3255BFEF95601890AFD80709", "sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709"},
        {"hash,d41d8cd98f00b204e9800998ecf8427e", "md5:d41d8cd98f00b204e9800998ecf8427e"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char input[256];
        snprintf(input, sizeof input, "type,value\n%s", cases[i].row);
        taking_run_text(&taking, input);
        assert_int_equal(taking.item_count, 1);
        assert_string_equal(taking.items[0].observables, cases[i].observable);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),      cmocka_unit_test(test_headers), cmocka_unit_test(test_bad_rows),
        cmocka_unit_test(test_open_quote), cmocka_unit_test(test_types),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
