#include "node/formats/list.h"

#include "node/formats/generate.h"
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
    taking.options.format = INTAKE_LIST;
    return 0;
}
static int teardown(void **state) {
    (void)state;
    taking_free(&taking);
    return 0;
}

/* Comments, blank lines, carriage returns and scores fall away; bad lines are refused by number and the rest is kept, whatever
   the pieces it comes in. */
static void test_lines(void **state) {
    (void)state;
    static const char input[] = "# a list\r\n"
                                "\n"
                                "192.0.2.1\t10\r\n"
                                "  evil[.]example   # why\n"
                                "not a value\n"
                                "hxxp://evil.example/#frag\n"
                                "192.0.2.300\n"
                                "\xff\xfe\n"
                                "   \t \r\n"
                                "d41d8cd98f00b204e9800998ecf8427e";
    for (size_t chunk = 1; chunk <= sizeof input; chunk++) {
        taking_run(&taking, bytes_of_text(input), chunk);
        assert_int_equal(taking.error, OK);
        assert_int_equal(taking.item_count, 4);
        assert_string_equal(taking.items[0].observables, "ipv4:192.0.2.1");
        assert_string_equal(taking.items[1].observables, "domain:evil.example");
        assert_string_equal(taking.items[2].observables, "url:http://evil.example/#frag");
        assert_string_equal(taking.items[3].observables, "md5:d41d8cd98f00b204e9800998ecf8427e");
        assert_int_equal(taking.items[0].place.line, 3);
        assert_int_equal(taking.items[0].place.byte_offset, 11);
        assert_int_equal(taking.items[3].place.line, 10);
        assert_int_equal(taking.items[3].place.index, 7);
        assert_int_equal(taking.refusal_count, 3);
        assert_int_equal(taking.refusals[0].place.line, 5);
        assert_string_equal(taking.refusals[0].text,
                            "\"not a value\": more than one value in a line; put each on a line of its own");
        assert_int_equal(taking.refusals[1].place.line, 7);
        assert_string_equal(taking.refusals[1].text, "\"192.0.2.300\": no valid IPv4 address or network");
        assert_string_equal(taking.refusals[2].text, "\"??\": invalid UTF-8; save the list as UTF-8");
    }
}

/* The whole text of a generated indicator, with the operator's label in it. */
static void test_text(void **state) {
    (void)state;
    taking.options.tlp = TLP_GREEN;
    memset(taking.options.agency_id, 7, sizeof taking.options.agency_id);
    taking_run_text(&taking, "http://evil.example/it's%5C\"\\\n");
    assert_int_equal(taking.item_count, 1);
    char expected[1024];
    snprintf(expected, sizeof expected,
             "{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"id\":\"%s\",\"created\":\"2026-09-21T14:13:20.000Z\",\"modified\":"
             "\"2026-09-21T14:13:20.000Z\",\"pattern\":\"[url:value = "
             "'http://evil.example/it\\\\'s%%5C\\\"\\\\\\\\']\",\"pattern_type\":\"stix\","
             "\"valid_from\":\"2026-09-21T14:13:20.000Z\",\"object_marking_refs\":[\"marking-definition--bab4a63c-aed9-4cf5-a766-"
             "dfca5abac2bb\"]}",
             taking.items[0].id);
    assert_string_equal(taking.items[0].text, expected);
    assert_int_equal(taking.items[0].tlp, TLP_GREEN);
    assert_true(taking.items[0].place.generated);
    taking.options.tlp = TLP_NONE;
}

/* The id depends on agency, kind and value only: Python's uuid5 makes the same one. */
static void test_ids(void **state) {
    (void)state;
    static const struct {
        const char *line, *id;
    } cases[] = {
        {"192.0.2.1", "indicator--0d0e3e22-5f85-5587-9082-e6980017031b"},
        {"192.0.2.9/24", "indicator--4d11ed26-e615-5d71-b298-433c1396a478"},
        {"2001:DB8:0::1", "indicator--5d355115-b3d5-503c-8f4e-afc370c07c04"},
        {"EVIL[.]example", "indicator--a464f4e4-6826-5ebb-8bb0-18eba329ebc2"},
        {"hxxp://Evil.example/A", "indicator--309bc6bd-174f-5e4a-bb78-cbb6f555e072"},
        {"D41D8CD98F00B204E9800998ECF8427E", "indicator--d61c8bf3-3b2d-54fd-9346-c4c12a60d78e"},
        {"A@Evil.example", "indicator--73aace75-b138-5b8e-a268-d18afa81809c"},
    };
    memset(taking.options.agency_id, 7, sizeof taking.options.agency_id);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        taking.options.now_ms += 1000;
        taking_run_text(&taking, cases[i].line);
        assert_int_equal(taking.item_count, 1);
        assert_string_equal(taking.items[0].id, cases[i].id);
    }
    char id[64];
    snprintf(id, sizeof id, "%s", taking.items[0].id);
    taking.options.agency_id[31] = 8;
    taking_run_text(&taking, cases[sizeof cases / sizeof *cases - 1].line);
    assert_string_not_equal(taking.items[0].id, id);
}

/* What a list makes is read by the STIX reader, and gives the same item. */
static void test_reads_back(void **state) {
    (void)state;
    static const char input[] = "192.0.2.0/24\n2001:db8::1\nEvil.example\nhttp://evil.example/a'b\\c\na'b@evil.example\n"
                                "d41d8cd98f00b204e9800998ecf8427e\nda39a3ee5e6b4b0d3255bfef95601890afd80709\n"
                                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
                                "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63"
                                "b931bd47417a81a538327af927da3e\n";
    struct buf texts = {0}, observables = {0};
    taking_run_text(&taking, input);
    assert_int_equal(taking.item_count, 9);
    for (size_t i = 0; i < taking.item_count; i++) {
        buf_put_format(&texts, "%s\n", taking.items[i].text);
        buf_put_format(&observables, "%s\n", taking.items[i].observables);
    }
    taking.options.format = INTAKE_STIX;
    taking_run(&taking, bytes_of_buf(&texts), 100);
    taking.options.format = INTAKE_LIST;
    assert_int_equal(taking.refusal_count, 0);
    struct buf again = {0};
    for (size_t i = 0; i < taking.item_count; i++) buf_put_format(&again, "%s\n", taking.items[i].observables);
    assert_true(bytes_equal(bytes_of_buf(&observables), bytes_of_buf(&again)));
    buf_free(&texts);
    buf_free(&observables);
    buf_free(&again);
}

/* A line as long as allowed is read; one byte more is refused with its size and the next line taken. */
static void test_long_lines(void **state) {
    (void)state;
    for (size_t size = LIST_LINE_BYTES_MAX; size <= LIST_LINE_BYTES_MAX + 1; size++)
        for (size_t chunk = 1000; chunk < 20000; chunk += 9000) {
            struct buf text = {0};
            buf_put_text(&text, "evil.example #");
            while (text.size < size) buf_put_u8(&text, 'x');
            buf_put_text(&text, "\n192.0.2.1\n");
            taking_run(&taking, bytes_of_buf(&text), chunk);
            assert_int_equal(taking.item_count, size == LIST_LINE_BYTES_MAX ? 2 : 1);
            assert_int_equal(taking_refused(&taking, "the line has 8193 bytes and at most 8192"), size > LIST_LINE_BYTES_MAX);
            assert_int_equal(taking.items[taking.item_count - 1].place.line, 2);
            buf_free(&text);
        }
}

/* A real list of 120,430 addresses with scores: the first of them; all its lines are good. */
static void test_real_list(void **state) {
    (void)state;
    struct buf file = {0};
    if (!shared_file(&file, "lists/ipsum.txt")) skip();
    size_t size = 0, lines = 0;
    while (lines < 4000 && size < file.size) lines += file.data[size++] == '\n';
    taking_run(&taking, bytes_of(file.data, size), 65536);
    assert_int_equal(taking.refusal_count, 0);
    assert_true(taking.item_count > 3900);
    buf_free(&file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),      cmocka_unit_test(test_text),       cmocka_unit_test(test_ids),
        cmocka_unit_test(test_reads_back), cmocka_unit_test(test_long_lines), cmocka_unit_test(test_real_list),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
